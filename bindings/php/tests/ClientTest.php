<?php

declare(strict_types=1);

namespace Tidegate\Tests;

use Tidegate\Client;
use Tidegate\Exception\ArgumentException;
use Tidegate\Exception\HandleException;
use Tidegate\Exception\StateException;
use Tidegate\Exception\TimeoutException;
use Tidegate\Tidegate;

final class ClientTest extends TestCase
{
    public function testAClientEvaluatesEveryKind(): void
    {
        $client = $this->client();
        self::assertTrue($client->checkGate($this->alice, 'employees_only'));
        self::assertFalse($client->checkGate($this->alice, 'no_such_gate'));
        self::assertTrue($client->getGate($this->alice, 'employees_only')->value());
        self::assertTrue($client->getFeatureGate($this->alice, 'employees_only')->value());
        self::assertSame('EUR', $client->getConfig($this->alice, 'price_test')->get('currency'));
        self::assertSame(35, $client->getExperiment($this->alice, 'free_shipping_threshold')->get('threshold'));
        self::assertSame('Buy now', $client->getLayer($this->alice, 'checkout_layer')->getString('button_text'));
    }

    public function testAUserMayBeAnArrayOrJson(): void
    {
        $client = $this->local();
        $user = ['userID' => 'alice', 'email' => 'alice@shop.example', 'custom' => []];
        self::assertTrue($client->checkGate($user, 'employees_only'));
        self::assertTrue($client->checkGate(['user_id' => 7, 'email' => 'x@shop.example'], 'employees_only'));
        self::assertTrue($client->checkGate(json_encode(['custom' => null] + $user), 'employees_only'));
        self::assertTrue($client->getGate($user, 'employees_only')->value());
        self::assertTrue($client->evaluate('gate', $user, 'employees_only')['value']);
    }

    public function testInitializationThatFailsGivesDefaults(): void
    {
        self::server()->faults(['endpoint' => 'specs', 'status' => 503, 'times' => -1, 'key' => $this->key]);
        $client = $this->make();
        $details = $client->initialize(30);
        self::assertFalse($details->storePopulated);
        self::assertStringContainsString('503', $details->error);
        self::assertFalse($client->checkGate($this->alice, 'employees_only'));
        self::assertTrue($client->isInitialized());
    }

    public function testTickGoesOnWithAnInitializationThatTookTooLong(): void
    {
        self::server()->faults(['endpoint' => 'specs', 'hold' => $this->key, 'key' => $this->key]);
        $client = $this->make();
        self::assertFalse($client->initialize(0.05)->storePopulated);
        self::assertTrue($client->isInitialized());
        self::assertFalse($client->checkGate($this->alice, 'employees_only'));
        self::server()->control('POST', 'release', ['name' => $this->key]);
        while (!$client->checkGate($this->alice, 'employees_only')) {
            $client->tick(10);
        }
        self::assertSame(1768471200000, $client->stats()['specs']['time']);
    }

    public function testTickInitializesIfNobodyWaits(): void
    {
        $client = $this->make();
        $client->initialize(0);
        self::assertFalse($client->isInitialized());
        $client->tick(10);
        self::assertTrue($client->checkGate($this->alice, 'employees_only'));
    }

    public function testThreadsOfTheLibraryGoOnWhenTheTimeIsOver(): void
    {
        self::server()->faults(['endpoint' => 'specs', 'hold' => $this->key, 'key' => $this->key]);
        $client = $this->make(['threads' => 'own']);
        self::assertThrows(TimeoutException::class, fn () => $client->initialize(0.01));
        self::assertFalse($client->isInitialized());
        self::server()->control('POST', 'release', ['name' => $this->key]);
        self::assertTrue($client->waitInitialized(30)->storePopulated);
    }

    public function testThreadsOfTheLibraryMayDoTheWork(): void
    {
        $updated = [];
        $client = $this->make([
            'threads' => 'own',
            'on_rules_updated' => function (int $time, string $specs) use (&$updated): void {
                $updated[] = $time;
            },
        ]);
        $client->initializeAsync();
        self::assertTrue($client->waitInitialized(30)->storePopulated);
        $client->dispatch();
        self::assertSame([1768471200000], $updated);
        self::assertThrows(StateException::class, fn () => $client->tick());
        $client->logEvent($this->alice, 'threaded');
        $client->shutdown();
        self::assertContains('threaded', self::server()->names($this->key));
    }

    public function testWithoutThreadsInitializeAsyncHasEndedWhenItReturns(): void
    {
        $client = $this->make();
        $client->initializeAsync();
        self::assertTrue($client->isInitialized());
        self::assertTrue($client->waitInitialized(0)->storePopulated);
        self::assertTrue($client->initDetails()->storePopulated);
    }

    public function testEvaluatingBeforeInitializeAndAfterShutdownIsAnError(): void
    {
        $client = $this->make(['local_mode' => true]);
        $gate = fn () => $client->checkGate($this->alice, 'employees_only');
        $exception = self::assertThrows(StateException::class, $gate);
        self::assertSame(-6, $exception->getStatus());
        self::assertSame(-6, $exception->getCode());
        self::assertSame('TIDEGATE_E_STATE', $exception->getStatusName());
        $client->initialize();
        $client->shutdown();
        self::assertThrows(StateException::class, $gate);
        self::assertThrows(StateException::class, fn () => $client->getGate($this->alice, 'employees_only'));
        $client->close();
        $client->close();
        self::assertTrue($client->isClosed());
        self::assertThrows(HandleException::class, $gate);
        self::assertThrows(HandleException::class, fn () => $client->stats());
    }

    public function testOptionsAreChecked(): void
    {
        foreach (['no_such_option' => 1, 'event_queue_size' => 'many', 'environment' => [1]] as $name => $value) {
            $exception = self::assertThrows(ArgumentException::class, fn () => $this->make([$name => $value]));
            self::assertStringContainsString($name, $exception->getMessage());
        }
        $ours = ['data_store', 'metrics', 'on_error', 'start_timeout', 'end_timeout', 'at_request_end'];
        foreach ($ours as $name) {
            $exception = self::assertThrows(ArgumentException::class, fn () => $this->make([$name => 'no']));
            self::assertStringContainsString("option $name: expected", $exception->getMessage());
        }
        self::assertThrows(ArgumentException::class, fn () => $this->make(['service_name' => "\xff"]));
        self::assertSame(7, Tidegate::describeOptions(['event_queue_size' => 7])['event_queue_size']);
        self::assertSame('php', Tidegate::describeOptions()['wrapper']['name']);
        self::assertSame('none', Tidegate::describeOptions()['threads']);
        self::assertSame(0, Tidegate::describeOptions(['event_spool_dir' => '/x'])['event_spool_sync_ms']);
        self::assertIsArray(Tidegate::describeOptions(['environment' => [], 'proxy_configs' => []]));
    }

    public function testRulesCanBeFetchedReplacedAndRead(): void
    {
        self::server()->putRules(Rules::of(1, 'one'), $this->key);
        $client = $this->client(['rulesets_sync_interval' => 3600]);
        self::assertTrue($client->checkGate($this->alice, 'one'));
        self::server()->putRules(Rules::of(2, 'two'), $this->key);
        $client->syncNow();
        self::assertTrue($client->checkGate($this->alice, 'two'));
        $client->updateSpecs(Rules::of(3, 'three'));
        self::assertTrue($client->checkGate($this->alice, 'three'));
        self::assertThrows(ArgumentException::class, fn () => $client->updateSpecs(Rules::of(1, 'old')));
        self::assertSame(['three'], array_column(json_decode($client->specs(), true)['feature_gates'], 'name'));
        self::assertSame(['three'], $client->listEntities('gate'));
        self::assertSame(['three'], $client->listEntities()['gates']);
        self::assertSame(1, $client->stats()['specs']['gates']);
    }

    public function testTickFetchesRulesUnlessPollingIsPaused(): void
    {
        self::server()->putRules(Rules::of(1, 'one'), $this->key);
        $client = $this->client(['rulesets_sync_interval' => 0.001]);
        $client->setPolling(false);
        self::server()->putRules(Rules::of(2, 'two'), $this->key);
        $client->tick(10);
        self::assertFalse($client->checkGate($this->alice, 'two'));
        $client->setPolling(true);
        while (!$client->checkGate($this->alice, 'two')) {
            self::assertGreaterThanOrEqual(0.0, $client->tick(10));
        }
    }

    public function testTheEnvironmentMayChange(): void
    {
        $client = $this->local();
        self::assertFalse($client->checkGate($this->alice, 'debug_panel'));
        $client->setEnvironment(['tier' => 'staging']);
        self::assertTrue($client->checkGate($this->alice, 'debug_panel'));
        $client->setEnvironment([]);
        self::assertFalse($client->checkGate($this->alice, 'debug_panel'));
    }

    public function testManyEvaluationsInOneCall(): void
    {
        $client = $this->local();
        $rows = $client->evaluateBatch(
            [$this->alice, ['userID' => 'bob', 'custom' => []], [], '{"userID":"x","email":"x@shop.example"}'],
            [['gate', 'employees_only'], ['config', 'price_test']],
        );
        self::assertSame([true, false, null, true], array_map(fn (array $row) => $row[0]['value'] ?? null, $rows));
        self::assertSame('EUR', $rows[0][1]['value']['currency']);
        self::assertSame(-5, $rows[2][0]['error']['code']);
        self::assertSame([], $client->evaluateBatch([], [['gate', 'x']]));
        self::assertSame([[]], $client->evaluateBatch([$this->alice], []));
        self::assertThrows(ArgumentException::class, fn () => $client->evaluateBatch([$this->alice], [['flag', 'x']]));
        $everything = $client->evaluateAll($this->alice);
        self::assertTrue($everything['feature_gates']['employees_only']['value']);
        self::assertSame('gate', $client->evaluate('gate', $this->alice, 'employees_only')['kind']);
        self::assertThrows(ArgumentException::class, fn () => $client->evaluate('flag', $this->alice, 'x'));
    }

    public function testExplainSaysWhy(): void
    {
        $found = $this->local()->explain($this->alice, 'gate', 'employees_only');
        self::assertTrue($found['value']);
        self::assertNotEmpty($found['steps']);
    }

    public function testAClientSdkIsToldWhatItNeeds(): void
    {
        $client = $this->client();
        $client->overrideGate('employees_only', false);
        $plain = $client->clientInitResponse($this->alice, hash: 'none');
        self::assertTrue(json_decode($plain, true)['feature_gates']['employees_only']['value']);
        $overridden = $client->clientInitResponse($this->alice, hash: 'none', includeLocalOverrides: true);
        self::assertFalse(json_decode($overridden, true)['feature_gates']['employees_only']['value']);
        $hashed = json_decode($client->clientInitResponse($this->alice), true);
        self::assertArrayNotHasKey('employees_only', $hashed['feature_gates']);
        self::assertNull($this->make()->clientInitResponse($this->alice));
    }

    public function testOverridesWin(): void
    {
        $client = $this->local();
        $client->overrideGate('employees_only', false);
        $client->overrideGate('employees_only', true, 'bob');
        $client->overrideConfig('price_test', ['currency' => 'JPY']);
        $client->overrideConfig('empty', [], '7');
        $client->overrideExperiment('free_shipping_threshold', ['threshold' => 1]);
        $client->overrideLayer('checkout_layer', ['button_text' => 'Go']);
        self::assertFalse($client->checkGate($this->alice, 'employees_only'));
        self::assertTrue($client->checkGate(['userID' => 'bob'], 'employees_only'));
        self::assertSame('JPY', $client->getConfig($this->alice, 'price_test')->get('currency'));
        self::assertSame(1, $client->getExperiment($this->alice, 'free_shipping_threshold')->getInt('threshold'));
        self::assertSame('Go', $client->getLayer($this->alice, 'checkout_layer')->get('button_text'));
        $saved = $client->dumpOverrides();
        $client->removeOverride('gate', 'employees_only');
        self::assertTrue($client->checkGate($this->alice, 'employees_only'));
        $client->removeAllOverrides();
        $client->loadOverrides($saved);
        self::assertSame($saved, $client->dumpOverrides());
        self::assertSame([], $saved['configs']['empty']['7']);
        $client->loadOverrides('{"gates":{"a":{"":true}}}');
        self::assertTrue($client->checkGate($this->alice, 'a'));
        self::assertThrows(ArgumentException::class, fn () => $client->loadOverrides(['gates' => ['a' => 7]]));
    }

    public function testClientsAreApart(): void
    {
        [$one, $two] = [$this->local(), $this->local()];
        $one->overrideGate('employees_only', false);
        self::assertFalse($one->checkGate($this->alice, 'employees_only'));
        self::assertTrue($two->checkGate($this->alice, 'employees_only'));
    }

    public function testTheClientOfTheProcess(): void
    {
        self::assertThrows(StateException::class, fn () => Tidegate::client());
        self::assertNull(Tidegate::shutdown());
        $options = ['local_mode' => true, 'bootstrap_values' => LocalServer::shop()];
        $client = Tidegate::start($this->key, $options);
        self::assertSame($client, Tidegate::start('secret-other'));
        self::assertSame($client, Tidegate::client());
        $other = Tidegate::start($this->key, ['local_mode' => true], 'other');
        self::assertNotSame($client, $other);
        self::assertTrue(Tidegate::client()->checkGate($this->alice, 'employees_only'));
        self::assertFalse(Tidegate::client('other')->checkGate($this->alice, 'employees_only'));
        Tidegate::finishRequest();
        self::assertSame(0, Tidegate::shutdown()->queued);
        self::assertNull(Tidegate::shutdown());
        self::assertTrue($client->isClosed());
        self::assertFalse($other->isClosed());
        Tidegate::shutdown(name: 'other');
        self::assertThrows(StateException::class, fn () => Tidegate::client('other'));
    }

    public function testASignalHandlerMayEvaluate(): void
    {
        $client = $this->local();
        $answers = [];
        pcntl_async_signals(true);
        pcntl_signal(SIGUSR1, function () use ($client, &$answers): void {
            $answers[] = $client->checkGate(['userID' => 'bob'], 'employees_only');
        });
        for ($round = 0; $round < 500; $round++) {
            posix_kill(getmypid(), SIGUSR1);
            self::assertTrue($client->checkGate($this->alice, 'employees_only'));
        }
        pcntl_signal(SIGUSR1, SIG_DFL);
        self::assertSame([false], array_unique($answers));
    }

    public function testWhatIsShownOfAClientHoldsNoKey(): void
    {
        $client = $this->local();
        self::assertStringNotContainsString($this->key, print_r($client, true));
        self::assertThrows(\LogicException::class, fn () => clone $client);
        self::assertThrows(\LogicException::class, fn () => serialize($client));
        self::assertTrue($client->checkGate($this->alice, 'employees_only'));
        $exception = self::assertThrows(ArgumentException::class, fn () => $this->make(['x' => 1]));
        self::assertStringNotContainsString($this->key, (string) $exception);
    }

    public function testAClientThatNobodyClosesDelivers(): void
    {
        $client = new Client($this->key, ['api' => self::server()->api]);
        $client->initialize(30);
        $client->logEvent($this->alice, 'last words');
        unset($client);
        self::assertContains('last words', self::server()->names($this->key));
    }
}
