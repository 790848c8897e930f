<?php

declare(strict_types=1);

namespace Tidegate\Tests;

use Tidegate\Exception\ArgumentException;
use Tidegate\Exception\StateException;
use Tidegate\FlushReport;

final class EventsTest extends TestCase
{
    public function testEventsArriveWithAllTheyHold(): void
    {
        $client = $this->client();
        $client->logEvent($this->alice, 'purchase', 9.5, ['item' => 'lamp']);
        $client->logEvent(['userID' => 'bob'], 'view', 'home', []);
        $client->logEvent($this->alice, 'plain');
        $client->logEvents([
            ['user' => ['userID' => 'carol', 'custom' => []], 'event_name' => 'batch', 'value' => 1],
            ['user' => $this->alice, 'event_name' => 'more', 'metadata' => [], 'time' => 1700000000000],
        ]);
        self::assertEquals(new FlushReport(5, 0, 0, 0), $client->flush());
        [$purchase, $view, $plain, $batch, $more] = self::server()->events($this->key);
        self::assertSame(['purchase', 9.5], [$purchase['eventName'], $purchase['value']]);
        self::assertSame(['lamp', 'alice'], [$purchase['metadata']['item'], $purchase['user']['userID']]);
        self::assertSame(['view', 'home', 'bob'], [$view['eventName'], $view['value'], $view['user']['userID']]);
        self::assertSame(['plain', null], [$plain['eventName'], $plain['value'] ?? null]);
        self::assertEquals(['batch', 1, 'carol'], [$batch['eventName'], $batch['value'], $batch['user']['userID']]);
        self::assertSame(['alice', 1700000000000], [$more['user']['userID'], $more['time']]);
    }

    public function testEvaluationsLeaveExposuresUnlessToldNotTo(): void
    {
        $client = $this->client();
        $client->checkGate($this->alice, 'employees_only');
        $client->checkGate($this->alice, 'new_checkout', false);
        $client->getGate($this->alice, 'new_checkout', logExposure: false);
        $client->getConfig($this->alice, 'price_test');
        $layer = $client->getLayer($this->alice, 'checkout_layer');
        $layer->value();
        $layer->has('button_text');
        $layer->get('show_reviews');
        $client->flush();
        $members = array_flip(['gate', 'config', 'parameterName']);
        $exposures = array_map(
            fn (array $event): array => array_values(array_intersect_key($event['metadata'], $members)),
            self::server()->events($this->key),
        );
        $expected = [['employees_only'], ['price_test'], ['checkout_layer', 'show_reviews']];
        self::assertEqualsCanonicalizing($expected, $exposures);
    }

    public function testExposuresCanBeLoggedByHand(): void
    {
        $client = $this->client();
        $client->logExposureFor($client->getGate($this->alice, 'employees_only', false));
        $client->logExposure($this->alice, 'config', 'price_test');
        $client->logExposure($this->alice, 'layer', 'checkout_layer', 'button_text');
        self::assertThrows(
            ArgumentException::class,
            fn () => $client->logExposure($this->alice, 'layer', 'checkout_layer'),
        );
        $client->flush();
        $events = self::server()->events($this->key);
        self::assertSame(
            ['statsig::gate_exposure', 'statsig::config_exposure', 'statsig::layer_exposure'],
            array_column($events, 'eventName'),
        );
        foreach ($events as $event) {
            self::assertSame('true', $event['metadata']['isManualExposure']);
        }
    }

    public function testBadEventsAreRefused(): void
    {
        $client = $this->client();
        $bad = [
            fn () => $client->logEvent([], 'e'),
            fn () => $client->logEvent($this->alice, ''),
            fn () => $client->logEvent($this->alice, 'e', null, ['x' => NAN]),
            fn () => $client->logEvents([['user' => [], 'event_name' => 'e']]),
        ];
        foreach ($bad as $number => $call) {
            self::assertThrows(ArgumentException::class, $call, "$number");
        }
        self::assertSame(0, $client->flush()->sent);
        self::assertThrows(StateException::class, fn () => $this->make()->logEvent($this->alice, 'early'));
    }

    public function testTheEndOfTheProgramDelivers(): void
    {
        $start = 'use Tidegate\{Client, Tidegate}; $o = ["api" => getenv("API"), "disable_diagnostics" => true];';
        $ends = [
            'new' => '$c = Client::open(getenv("KEY"), $o); $c->logEvent(["userID" => "a"], "new");',
            'start' => 'Tidegate::start(getenv("KEY"), $o)->logEvent(["userID" => "a"], "start");',
            'exit' => '(function () use ($o) { $c = Tidegate::start(getenv("KEY"), $o); '
                . '$c->logEvent(["userID" => "a"], "exit"); exit(3); })();',
            'late' => '$c = Tidegate::start(getenv("KEY"), $o); register_shutdown_function('
                . 'fn () => $c->logEvent(["userID" => "a"], "late"));',
            'throw' => '$c = Tidegate::start(getenv("KEY"), $o); $c->logEvent(["userID" => "a"], "throw"); '
                . 'throw new Exception("on purpose");',
            'fatal' => 'ini_set("memory_limit", "32M"); $c = Client::open(getenv("KEY"), $o); '
                . '$c->logEvent(["userID" => "a"], "fatal"); $x = str_repeat("x", 1 << 30);',
            'other' => 'register_shutdown_function(fn () => exit(4)); $c = Client::open(getenv("KEY"), $o); '
                . '$c->logEvent(["userID" => "a"], "other");',
        ];
        $environment = ['API' => self::server()->api, 'KEY' => $this->key];
        foreach ($ends as $code) {
            Program::php($start . $code, $environment, $status);
            $statuses[] = $status;
        }
        self::assertSame([0, 0, 3, 0, 255, 255, 4], $statuses);
        self::assertSame(array_keys($ends), self::server()->names($this->key));
    }

    public function testWhatCannotBeDeliveredWaitsOnDisk(): void
    {
        $spool = sys_get_temp_dir() . '/tidegate-spool-' . bin2hex(random_bytes(8));
        $client = $this->client(['event_spool_dir' => $spool]);
        self::server()->faults(['endpoint' => 'log_event', 'status' => 503, 'times' => -1, 'key' => $this->key]);
        $client->logEvent($this->alice, 'stored');
        // Events are on disk when `tick` returns, whatever happens to the process afterwards.
        $client->tick();
        self::assertStringContainsString(':1,', json_encode($client->stats()['events']));
        self::assertSame(1, $client->shutdown(5)->queued + $client->stats()['events']['spooled']);
        self::server()->control('POST', 'reset', ['what' => 'faults']);
        $later = $this->client(['event_spool_dir' => $spool]);
        $later->close();
        self::assertSame(['stored'], self::server()->names($this->key));
        exec('rm -r ' . escapeshellarg($spool));
    }
}
