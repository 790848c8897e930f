<?php

declare(strict_types=1);

namespace Tidegate\Tests;

use Tidegate\Tidegate;

/**
 * Worker processes that handle one request after the other, in a real PHP-FPM.
 */
final class FpmTest extends TestCase
{
    private const PAGE = __DIR__ . '/pages/page.php';
    private const ROUNDS_MAX = 200;
    private const ALICE = ['user' => 'alice', 'email' => 'alice@shop.example'];

    private string $spool;

    protected function setUp(): void
    {
        parent::setUp();
        $this->spool = sys_get_temp_dir() . '/tidegate-spool-' . bin2hex(random_bytes(8));
    }

    protected function tearDown(): void
    {
        exec('rm -rf ' . escapeshellarg($this->spool));
        parent::tearDown();
    }

    /**
     * @param array<string, mixed> $options
     * @param array<string, string> $pool
     * @param list<string> $settings
     */
    private function fpm(array $options = [], array $pool = [], array $settings = ['ffi.enable=true']): Fpm
    {
        $options += ['api' => self::server()->api, 'disable_diagnostics' => true, 'rulesets_sync_interval' => 3600];
        return new Fpm($this->key, $options, $pool, $settings);
    }

    private function example(): string
    {
        return LocalServer::root() . '/examples/php/index.php';
    }

    /**
     * @return array<string, array{list<string>}>
     */
    public function settings(): array
    {
        $user = posix_getpwuid(posix_geteuid())['name'];
        $package = dirname(__DIR__);
        $classes = ['ffi.enable=preload', "opcache.preload=$package/preload.php", "opcache.preload_user=$user"];
        return [
            'FFI allowed' => [['ffi.enable=true']],
            'FFI allowed, no opcache' => [['ffi.enable=true', 'opcache.enable=0']],
            'classes preloaded' => [$classes],
            'classes and declarations preloaded' => [[...$classes, "ffi.preload=$package/src/tidegate.h"]],
        ];
    }

    /**
     * @dataProvider settings
     * @param list<string> $settings
     */
    public function testTheExampleKeepsAClientForEachWorkerAndDeliversEveryEvent(array $settings): void
    {
        $fpm = $this->fpm([], [], $settings);
        $pages = [];
        do {
            $pages = [...$pages, ...$fpm->getMany(9, $this->example(), self::ALICE)];
            $workers = array_count_values(array_column($pages, 'worker'));
        } while (count($workers) < 3 && count($pages) < self::ROUNDS_MAX);
        self::assertCount(3, $workers);
        $isPreloaded = str_starts_with(end($settings), 'ffi.preload=');
        self::assertSame($isPreloaded ? null : Tidegate::loadLibrary(), $fpm->get(self::PAGE)['library']);
        $fpm->stop();
        foreach ($pages as $page) {
            unset($page['worker']);
            self::assertSame(
                ['new_checkout' => true, 'banner' => 'Welcome to the shop', 'button' => 'Buy now'],
                $page,
            );
        }
        $requests = self::server()->control('GET', 'requests', ['key' => $this->key, 'endpoint' => 'specs']);
        self::assertCount(3, $requests, 'each worker fetches the rules once');
        $views = $this->events('page_view');
        $delivered = array_count_values(array_column(array_column($views, 'metadata'), 'worker'));
        self::assertEquals($workers, $delivered);
        $exposures = array_filter(
            $this->events('statsig::gate_exposure'),
            fn (array $event): bool => $event['metadata']['gate'] === 'new_checkout',
        );
        self::assertCount(3, $exposures, 'each worker knows what it has exposed');
    }

    public function testRecycledWorkersLoseNothing(): void
    {
        $fpm = $this->fpm(['event_spool_dir' => $this->spool], ['pm.max_requests' => '2']);
        self::server()->faults(['endpoint' => 'log_event', 'status' => 503, 'times' => -1, 'key' => $this->key]);
        $workers = [];
        for ($number = 0; $number < 20; $number++) {
            $workers[] = $fpm->get(self::PAGE, ['do' => 'spooled', 'value' => "$number"])['worker'];
        }
        self::assertGreaterThan(6, count(array_unique($workers)));
        self::server()->control('POST', 'reset', ['what' => 'faults']);
        for (; $number < 30; $number++) {
            $fpm->get(self::PAGE, ['do' => 'spooled', 'value' => "$number"]);
        }
        $fpm->stop();
        // What the last workers have left, the next process takes.
        $this->client(['event_spool_dir' => $this->spool])->close();
        $values = array_column($this->events('spooled'), 'value');
        sort($values, SORT_NUMERIC);
        self::assertEquals(range(0, 29), $values);
    }

    public function testAKilledWorkerLosesNothingOfTheRequestsBefore(): void
    {
        $fpm = $this->fpm(['event_spool_dir' => $this->spool], ['pm.max_children' => '1']);
        $first = $fpm->get(self::PAGE, ['do' => 'first']);
        // Asked again, the worker has done what it does after the first answer.
        $second = $fpm->get(self::PAGE, ['do' => 'second']);
        self::assertSame($first['worker'], $second['worker']);
        posix_kill($second['worker'], SIGKILL);
        self::assertNotSame($first['worker'], $fpm->get(self::PAGE, ['do' => 'third'])['worker']);
        $fpm->stop();
        $this->client(['event_spool_dir' => $this->spool])->close();
        self::assertCount(1, $this->events('first'));
        self::assertCount(1, $this->events('third'));
    }

    public function testRequestsThatDieLeaveNothingBehind(): void
    {
        // Talkative: a log function that is gone with its request would be called.
        $fpm = $this->fpm(['output_logger_level' => 'DEBUG'], ['pm.max_children' => '1']);
        $before = $fpm->get(self::PAGE);
        foreach (['fatal', 'throw', 'scoped', 'exit handler', 'exit handler', 'nothing', 'scoped'] as $do) {
            $page = $fpm->get(self::PAGE, ['do' => $do]);
            self::assertSame($before['worker'], $page['worker'], $do);
            self::assertSame($before['id'], $page['id'] ?? $before['id'], $do);
            self::assertTrue($page['gate'] ?? true, $do);
        }
        // Nothing of a request is noted any more, only the client that goes on.
        $after = $fpm->get(self::PAGE);
        self::assertSame($fpm->get(self::PAGE)['ledger'], $after['ledger']);
        $fpm->stop();
        foreach (['fatal', 'throw', 'scoped', 'nothing'] as $name) {
            self::assertNotSame([], $this->events($name), $name);
        }
        self::assertCount(2, $this->events('scoped'));
        self::assertCount(1, $this->events('fatal'));
        self::assertCount(2 * 2, $this->events('exit handler'), 'of both clients');
        self::assertCount(4, $this->events('nothing'));
    }

    public function testACallbackThatEndsTheProgramSpoilsItsRequestOnly(): void
    {
        $fpm = $this->fpm([], ['pm.max_children' => '1']);
        $before = $fpm->get(self::PAGE);
        for ($round = 0; $round < 3; $round++) {
            self::assertSame(['exits' => true], $fpm->get(self::PAGE, ['do' => 'store exits']));
            $page = $fpm->get(self::PAGE, ['do' => 'scoped']);
            self::assertSame([$before['worker'], true], [$page['worker'], $page['gate']]);
            self::assertSame($before['id'], $fpm->get(self::PAGE)['id']);
        }
        $fpm->stop();
        self::assertCount(4, $this->events('nothing'));
    }

    public function testMemoryOfAWorkerIsFlat(): void
    {
        $fpm = $this->fpm([], ['pm.max_children' => '1', 'pm.max_requests' => '0']);
        $bytes = function (int $requests, string $do) use ($fpm): int {
            for ($request = 0; $request < $requests; $request++) {
                $fpm->get(self::PAGE, ['do' => $do]);
            }
            return $fpm->get(self::PAGE, ['do' => 'memory'])['bytes'];
        };
        $before = $bytes(100, 'memory');
        self::assertLessThan(64 << 10, $bytes(200, 'memory') - $before);
        // After a fatal error PHP calls no destructors.
        $before = $bytes(10, 'fatal');
        self::assertLessThan(64 << 10, $bytes(100, 'fatal') - $before);
        $before = $bytes(10, 'scoped');
        self::assertLessThan(64 << 10, $bytes(30, 'scoped') - $before);
    }

    public function testNewRulesArriveAfterARequestAndAreTold(): void
    {
        self::server()->putRules(Rules::of(1, 'one'), $this->key);
        $fpm = $this->fpm(['rulesets_sync_interval' => 0.001], ['pm.max_children' => '1']);
        self::assertSame(['one'], $fpm->get(self::PAGE)['gates']);
        self::server()->putRules(Rules::of(2, 'two'), $this->key);
        for ($round = 0; $round < self::ROUNDS_MAX; $round++) {
            if ($fpm->get(self::PAGE)['gates'] === ['two']) {
                break;
            }
        }
        self::assertSame(['two'], $fpm->get(self::PAGE)['gates']);
        $fpm->stop();
        self::assertEquals([1, 2], array_column($this->events('rules'), 'value'));
    }

    public function testOtherOptionsMakeAnotherClient(): void
    {
        $fpm = $this->fpm([], ['pm.max_children' => '1']);
        $pages = array_map(
            fn (array $query): array => $fpm->get(self::PAGE, $query),
            [['do' => 'a'], ['do' => 'b'], ['do' => 'c', 'tier' => 'staging'], ['do' => 'd', 'tier' => 'staging'],
                ['do' => 'shutdown', 'tier' => 'staging'], ['do' => 'e', 'tier' => 'staging']],
        );
        self::assertSame([false, false, true, true, true, true], array_column($pages, 'staging'));
        [$a, $b, $c, $d, $e, $f] = array_column($pages, 'id');
        self::assertSame([$a, $c, $c], [$b, $d, $e]);
        self::assertCount(3, array_unique([$a, $c, $f]));
        self::assertSame(1, $pages[4]['sent']);
        // Another program in the same worker may be at work with its own options meanwhile.
        self::assertSame($a, $fpm->get(self::PAGE, ['do' => 'back'])['id']);
        // There is an end to that.
        for ($number = 0; $number < 20; $number++) {
            $fpm->get(self::PAGE, ['do' => 'many', 'tier' => "t$number"]);
        }
        self::assertNotSame($a, $last = $fpm->get(self::PAGE, ['do' => 'again'])['id']);
        self::assertSame($last, $fpm->get(self::PAGE, ['do' => 'again'])['id']);
        $fpm->stop();
        $names = array_diff(self::server()->names($this->key), ['rules']);
        $expected = ['a', 'b', 'c', 'd', 'shutdown', 'e', 'back', ...array_fill(0, 20, 'many'), 'again', 'again'];
        self::assertSame($expected, array_values($names));
    }

    public function testAClientThatGoesOnCannotHaveADataStore(): void
    {
        $fpm = $this->fpm([], ['pm.max_children' => '1']);
        self::assertStringContainsString('redis_url', $fpm->get(self::PAGE, ['do' => 'data store'])['error']);
        self::assertTrue($fpm->get(self::PAGE, ['do' => 'scoped'])['gate']);
    }

    public function testThreadsOfTheLibraryMayWorkBetweenRequests(): void
    {
        self::server()->putRules(Rules::of(1, 'one'), $this->key);
        $options = ['threads' => 'own', 'rulesets_sync_interval' => 0.05, 'event_spool_dir' => $this->spool];
        $fpm = $this->fpm($options, ['pm.max_children' => '1']);
        self::assertSame(['one'], $fpm->get(self::PAGE, ['value' => 'a'])['gates']);
        self::server()->putRules(Rules::of(2, 'two'), $this->key);
        // No request comes meanwhile.
        $asked = count(self::server()->control('GET', 'requests', ['key' => $this->key, 'endpoint' => 'specs']));
        self::server()->wait('specs', $asked + 2, $this->key);
        self::assertSame(['two'], $fpm->get(self::PAGE, ['value' => 'b'])['gates']);
        $fpm->stop();
        $this->client(['event_spool_dir' => $this->spool])->close();
        // The worker ends while its thread works: what it was about to note as sent is sent again.
        $values = array_unique(array_column($this->events('nothing'), 'value'));
        self::assertEqualsCanonicalizing(['a', 'b'], $values);
    }

    /**
     * @return list<array<string, mixed>>
     */
    private function events(string $name): array
    {
        return array_values(array_filter(
            self::server()->events($this->key),
            static fn (array $event): bool => $event['eventName'] === $name,
        ));
    }
}
