<?php

declare(strict_types=1);

namespace Tidegate\Tests;

use Tidegate\Client;
use Tidegate\DataStore;
use Tidegate\Delivery;
use Tidegate\Exception\ArgumentException;
use Tidegate\Exception\StateException;
use Tidegate\Internal\Callbacks;
use Tidegate\Tidegate;

final class CallbacksTest extends TestCase
{
    protected function tearDown(): void
    {
        parent::tearDown();
        Tidegate::setLogger(null);
        self::assertSame(0, Callbacks::kept(), 'an object is kept though its client is gone');
    }

    public function testEvaluationsAreTold(): void
    {
        $seen = [];
        $client = $this->local(['on_evaluation' => function (array $result) use (&$seen): void {
            $seen[] = [$result['kind'], $result['name'], $result['passed']];
        }]);
        self::assertTrue($client->checkGate($this->alice, 'employees_only'));
        $client->getGate($this->alice, 'new_checkout', false);
        $client->getConfig($this->alice, 'shop_banner');
        $client->getExperiment($this->alice, 'free_shipping_threshold');
        $layer = $client->getLayer($this->alice, 'checkout_layer');
        $layer->get('button_text');
        $client->evaluate('gate', $this->alice, 'no_such_gate');
        $client->evaluateBatch([$this->alice, []], [['gate', 'debug_panel']]);
        $client->evaluateAll($this->alice);
        $client->logExposure($this->alice, 'gate', 'employees_only');
        self::assertSame([
            ['gate', 'employees_only', true],
            ['gate', 'new_checkout', true],
            ['config', 'shop_banner', false],
            ['experiment', 'free_shipping_threshold', true],
            ['layer', 'checkout_layer', true],
            ['gate', 'no_such_gate', false],
            ['gate', 'debug_panel', false],
        ], $seen);
    }

    public function testACallbackMayEvaluate(): void
    {
        $calls = 0;
        $client = $this->local(['on_evaluation' => function () use (&$calls, &$client): void {
            $calls++;
            if ($client !== null) {
                self::assertTrue($client->checkGate($this->alice, 'new_checkout'));
            }
        }]);
        self::assertTrue($client->checkGate($this->alice, 'employees_only'));
        self::assertTrue($client->checkGate($this->alice, 'employees_only'));
        self::assertSame(2, $calls);
    }

    public function testWhatACallbackThrowsGoesToTheErrorLog(): void
    {
        $client = $this->local(['on_evaluation' => fn () => throw new \Exception('no callback today')]);
        $log = self::errorLogOf(fn () => self::assertTrue($client->checkGate($this->alice, 'employees_only')));
        self::assertStringContainsString('no callback today', $log);
    }

    public function testWhatHappensIsToldInsideTheCallsThatDoIt(): void
    {
        $told = ['rules' => [], 'flushed' => [], 'errors' => []];
        self::server()->putRules(Rules::of(1, 'one'), $this->key);
        $client = $this->client([
            'rulesets_sync_interval' => 0.001,
            'on_rules_updated' => function (int $time, string $specs) use (&$told): void {
                $told['rules'][] = [$time, json_decode($specs, true)['time']];
            },
            'on_flushed' => function (Delivery $delivery) use (&$told): void {
                $told['flushed'][] = $delivery;
            },
            'on_error' => function (string ...$error) use (&$told): void {
                $told['errors'][] = $error;
            },
        ]);
        self::assertSame([[1, 1]], $told['rules']);
        $client->updateSpecs(Rules::of(2, 'two'));
        self::assertSame([[1, 1], [2, 2]], $told['rules']);
        $told['flushed'] = [];
        $client->logEvent($this->alice, 'e');
        $client->flush();
        self::assertEquals([new Delivery(true, 1, 202, null)], $told['flushed']);
        self::server()->putRules('no rules', $this->key);
        while ($told['errors'] === []) {
            $client->tick(10);
        }
        self::assertCount(3, $told['errors'][0]);
        self::assertNotSame('', implode('', $told['errors'][0]));
        self::assertNull($client->pollEvent());
    }

    public function testNotificationsCanBePolled(): void
    {
        $client = $this->client();
        $client->logEvent($this->alice, 'e');
        $client->flush();
        $types = [];
        while (($event = $client->pollEvent()) !== null) {
            $types[] = $event['type'];
        }
        self::assertContains('rules_updated', $types);
        self::assertContains('events_flushed', $types);
    }

    public function testTheLibrarysOwnThreadsAreRefusedWherePhpIsCalled(): void
    {
        $options = ['threads' => 'own', 'data_store' => new Store()];
        $exception = self::assertThrows(ArgumentException::class, fn () => $this->make($options));
        self::assertStringContainsString('threads', $exception->getMessage());
        Tidegate::setLogger(fn () => null);
        self::assertThrows(StateException::class, fn () => $this->make(['threads' => 'own']));
        Tidegate::setLogger(null);
        $this->make(['threads' => 'own']);
        self::assertThrows(StateException::class, fn () => Tidegate::setLogger(fn () => null));
        self::assertThrows(ArgumentException::class, fn () => Tidegate::setLogger(fn () => null, 'loud'));
    }

    public function testADataStoreFeedsAndIsFed(): void
    {
        $store = new Store();
        $client = $this->client(['data_store' => $store, 'initialize_sources' => ['datastore', 'network']]);
        self::assertSame('get', $store->calls[0]);
        self::assertNotSame([], $store->content);
        $client->close();
        self::assertSame(1, array_count_values($store->calls)['shutdown']);
        $again = new Store($store->content);
        $offline = $this->make([
            'data_store' => $again,
            'initialize_sources' => ['datastore'],
            'config_sync_sources' => ['datastore'],
        ]);
        self::assertSame('DataAdapter', $offline->initialize(30)->source);
        self::assertTrue($offline->checkGate($this->alice, 'employees_only'));
    }

    public function testADataStoreMayBePolledForRules(): void
    {
        $store = new Store();
        $client = $this->client(['data_store' => $store]);
        $specsKey = array_search($client->specs(), $store->content, true);
        self::assertIsString($specsKey);
        $store->isPolled = true;
        $store->content[$specsKey] = json_encode(Rules::of(1900000000000, 'stored'));
        $client->syncNow();
        self::assertTrue($client->checkGate($this->alice, 'stored'));
        self::assertContains('supportsPolling', $store->calls);
    }

    public function testADataStoreThatThrowsCountsAsFailed(): void
    {
        $store = new class () implements DataStore {
            public function get(string $key): ?string
            {
                throw new \Exception('no store today');
            }

            public function set(string $key, string $value, int $timeMs): void
            {
                throw new \Error('no store at all');
            }

            public function supportsPolling(string $path): bool
            {
                throw new \Exception('no polling');
            }

            public function shutdown(): void
            {
                throw new \Exception('not even an end');
            }
        };
        $log = self::errorLogOf(function () use ($store): void {
            $client = $this->client(['data_store' => $store, 'initialize_sources' => ['datastore', 'network']]);
            self::assertTrue($client->checkGate($this->alice, 'employees_only'));
            $client->close();
        });
        self::assertStringContainsString('no store today', $log);
        self::assertStringContainsString('not even an end', $log);
    }

    public function testNoCallbackAfterTheyAreClosed(): void
    {
        $store = new Store();
        $client = $this->client(['data_store' => $store]);
        $client->closeCallbacks();
        $store->calls = [];
        $client->syncNow();
        $client->close();
        self::assertSame([], $store->calls);
    }

    public function testMetricsAreCounted(): void
    {
        $metrics = new Counters();
        $client = $this->client(['metrics' => $metrics]);
        $client->close();
        self::assertNotSame([], $metrics->seen);
        foreach ($metrics->seen as [$kind, $name, $value, $tags]) {
            self::assertContains($kind, ['increment', 'gauge', 'distribution']);
            self::assertStringStartsWith('statsig.sdk.', $name);
            self::assertIsFloat($value);
            self::assertIsArray($tags);
        }
    }

    public function testTheLogGoesToAFunction(): void
    {
        $lines = [];
        Tidegate::setLogger(function (string ...$line) use (&$lines): void {
            $lines[] = implode(' ', $line);
        }, 'info');
        $this->client()->close();
        self::assertMatchesRegularExpression('/^info sync initialized/m', implode("\n", $lines));
        $count = count($lines);
        Tidegate::setLogger(fn () => throw new \Exception('no log today'));
        $log = self::errorLogOf(fn () => $this->client()->close());
        self::assertStringContainsString('no log today', $log);
        Tidegate::setLogger(null);
        $this->client()->close();
        self::assertCount($count, $lines);
    }

    public function testManyClientsWithCallbacksKeepTheirOwn(): void
    {
        $stores = [new Store(['statsig.cache' => 'no json']), new Store()];
        $clients = array_map(fn (Store $store): Client => $this->client(['data_store' => $store]), $stores);
        $stores[0]->calls = $stores[1]->calls = [];
        $clients[0]->close();
        self::assertSame(['shutdown'], array_slice($stores[0]->calls, -1));
        self::assertSame([], $stores[1]->calls);
    }

    public function testACallbackThatEndsTheProgramEndsIt(): void
    {
        $code = <<<'PHP'
            $store = new class implements Tidegate\DataStore {
                public function get(string $key): ?string { echo "asked"; exit(7); }
                public function set(string $key, string $value, int $timeMs): void {}
                public function supportsPolling(string $path): bool { return false; }
                public function shutdown(): void {}
            };
            Tidegate\Client::open("secret-x", ["data_store" => $store, "api" => getenv("API")]);
            PHP;
        $said = Program::php($code, ['API' => self::server()->api], $status);
        // PHP makes a fatal error of it, and the program ends without a crash and without a hang.
        self::assertStringStartsWith('asked', $said);
        self::assertContains($status, [7, 255], $said);
    }
}
