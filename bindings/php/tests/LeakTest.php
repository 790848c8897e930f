<?php

declare(strict_types=1);

namespace Tidegate\Tests;

use Tidegate\Client;
use Tidegate\Exception\ArgumentException;
use Tidegate\Tidegate;
use Tidegate\User;

/**
 * Memory stays where it is over many calls of each kind: that of the library, which the C library
 * counts, and that of PHP.
 */
final class LeakTest extends TestCase
{
    /** The environment's TIDEGATE_LEAK_CALLS says otherwise: 1,000,000 for the whole proof. */
    private const CALLS = 10_000;

    /** A tenth of these unless the environment says how many: they take long in a debug build. */
    private const RARE = ['batch', 'everything', 'explain', 'init response', 'stats', 'options'];

    /** The smallest block there is takes 16 bytes more than it holds. */
    private const BYTES_PER_CALL_MAX = 1;
    private const SLACK_BYTES = 64 << 10;

    private const USER = ['userID' => 'ada', 'email' => 'ada@example.com', 'custom' => ['plan' => 'pro']];

    private \FFI $libc;

    protected function setUp(): void
    {
        parent::setUp();
        $this->libc = \FFI::cdef(
            'struct mallinfo2 { size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, '
            . 'uordblks, fordblks, keepcost; }; struct mallinfo2 mallinfo2(void);'
        );
    }

    /**
     * A client with few rules and no events, so that a call is cheap even in a debug build.
     *
     * @param array<string, mixed> $options
     */
    private function small(array $options = []): Client
    {
        $client = $this->local(['bootstrap_values' => json_encode(Rules::of(1, 'one'))] + $options);
        $client->overrideConfig('c', ['n' => 1, 's' => 'text']);
        $client->overrideLayer('l', ['s' => 'text']);
        return $client;
    }

    /**
     * @return array<string, array{\Closure(Client, User): mixed}>
     */
    public function calls(): array
    {
        return array_map(fn (\Closure $call): array => [$call], [
            'user' => fn () => User::parse(self::USER),
            'user closed' => fn () => (new User('ada', custom: ['plan' => 'pro']))->close(),
            'user JSON' => fn (Client $client, User $user) => $user->toArray(),
            'checkGate' => fn (Client $client, User $user) => $client->checkGate($user, 'one'),
            'checkGate array' => fn (Client $client) => $client->checkGate(self::USER, 'one'),
            'getGate' => fn (Client $client, User $user) => $client->getGate($user, 'one')->reason(),
            'getConfig' => fn (Client $client, User $user) => $client->getConfig($user, 'c')->value(),
            'getExperiment' => fn (Client $client, User $user) => $client->getExperiment($user, 'c')->details(),
            'getLayer' => fn (Client $client, User $user) => $client->getLayer($user, 'l')->get('s'),
            'parameters' => self::readParameters(...),
            'evaluate' => fn (Client $client, User $user) => $client->evaluate('config', $user, 'c'),
            'batch' => fn (Client $client, User $user) => $client->evaluateBatch([$user], [['gate', 'one']]),
            'everything' => fn (Client $client, User $user) => $client->evaluateAll($user),
            'explain' => fn (Client $client, User $user) => $client->explain($user, 'gate', 'one'),
            'init response' => fn (Client $client, User $user) => $client->clientInitResponse($user),
            'overrides' => self::override(...),
            'stats' => fn (Client $client) => $client->stats(),
            'specs' => fn (Client $client) => $client->specs(),
            'entities' => fn (Client $client) => $client->listEntities(),
            'environment' => fn (Client $client) => $client->setEnvironment(['tier' => 'x']),
            'polling' => fn (Client $client) => $client->setPolling(true),
            'events that nobody takes' => fn (Client $client) => $client->pollEvent(),
            'tick' => fn (Client $client) => $client->tick(),
            'flush' => fn (Client $client) => $client->flush(),
            'details' => fn (Client $client) => $client->initDetails(),
            'errors' => self::provoke(...),
            'options' => fn () => Tidegate::describeOptions(['service_name' => 'x']),
        ]);
    }

    /**
     * @dataProvider calls
     * @param \Closure(Client, User): mixed $call
     */
    public function testMemoryIsFlatOverMany(\Closure $call): void
    {
        $client = $this->small();
        $user = User::parse(self::USER);
        $this->assertFlat(fn (): mixed => $call($client, $user));
    }

    public function testMemoryIsFlatOverEvaluationsThatAreTold(): void
    {
        $seen = 0;
        $client = $this->small(['on_evaluation' => function () use (&$seen): void {
            $seen++;
        }]);
        $this->assertFlat(fn () => $client->checkGate(self::USER, 'one'));
        self::assertGreaterThanOrEqual(self::CALLS, $seen);
    }

    public function testMemoryIsFlatOverUpdatesThatAreTold(): void
    {
        $time = 1;
        $client = $this->small(['on_rules_updated' => fn () => null]);
        $this->assertFlat(function () use ($client, &$time): void {
            $client->updateSpecs(Rules::of(++$time, 'one'));
        }, 10);
    }

    /**
     * More than the server takes: the queue is full, and stays as it is.
     */
    public function testMemoryIsFlatOverEventsAndExposures(): void
    {
        self::server()->faults(['endpoint' => 'log_event', 'status' => 503, 'times' => -1, 'key' => $this->key]);
        $client = $this->make(['event_queue_size' => 10, 'retry_queue_size' => 2, 'logging_interval' => 3600]);
        $client->initialize(30);
        $number = 0;
        $this->assertFlat(function () use ($client, &$number): void {
            $number++;
            $client->logEvent($this->alice, 'e', $number, ['n' => "$number"]);
            $client->logEvents([['user' => self::USER, 'event_name' => 'e']]);
            $client->checkGate(['userID' => 'u' . $number % 100], 'employees_only');
            $client->logExposure($this->alice, 'gate', 'employees_only');
            $client->logExposureFor($client->getGate($this->alice, 'employees_only', false));
            if ($number % 8 === 0) {
                $client->tick(0.0);
            }
        });
        $client->shutdown(0.1);
    }

    public function testClientsLeaveNothingBehind(): void
    {
        $options = ['local_mode' => true, 'bootstrap_values' => LocalServer::shop()];
        $options['metrics'] = new Counters();
        $this->assertFlat(function () use ($options): void {
            Client::open($this->key, $options)->close();
            $options['metrics']->seen = [];
        }, 100);
    }

    private static function readParameters(Client $client, User $user): void
    {
        $config = $client->getConfig($user, 'c');
        $config->get('absent');
        $config->getString('s');
        $config->getInt('n');
        $config->getFloat('n');
        $config->getBool('absent');
        $config->has('n');
        $config->times();
        $config->close();
    }

    private static function override(Client $client): void
    {
        $client->overrideGate('o', true, 'ada');
        $client->loadOverrides($client->dumpOverrides());
        $client->removeOverride('gate', 'o', 'ada');
    }

    private static function provoke(Client $client): void
    {
        foreach (['one', "\xff"] as $name) {
            try {
                $client->checkGate([], $name);
            } catch (\Tidegate\Exception\TidegateException) {
                continue;
            }
            self::fail('no exception');
        }
        try {
            new User();
        } catch (ArgumentException) {
            return;
        }
        self::fail('no exception');
    }

    private function assertFlat(\Closure $call, int $every = 1): void
    {
        $isRare = in_array($this->dataName(), self::RARE, true);
        $calls = (int) (getenv('TIDEGATE_LEAK_CALLS') ?: self::CALLS / ($isRare ? 10 : 1));
        $calls = intdiv($calls, $every);
        for ($round = 0; $round < $calls / 4; $round++) {
            $call();
        }
        [$library, $php] = [$this->libraryBytes(), self::phpBytes()];
        for ($round = 0; $round < $calls; $round++) {
            $call();
        }
        $phpGrown = self::phpBytes() - $php;
        $libraryGrown = $this->libraryBytes() - $library;
        $bytesMax = self::SLACK_BYTES + $calls * self::BYTES_PER_CALL_MAX;
        self::assertLessThan($bytesMax, $libraryGrown, "library, $calls calls");
        self::assertLessThan(1024, $phpGrown, "PHP, $calls calls");
    }

    private function libraryBytes(): int
    {
        $info = $this->libc->mallinfo2();
        return $info->uordblks + $info->hblkhd;
    }

    private static function phpBytes(): int
    {
        gc_collect_cycles();
        return memory_get_usage();
    }
}
