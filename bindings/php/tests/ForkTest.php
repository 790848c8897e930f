<?php

declare(strict_types=1);

namespace Tidegate\Tests;

/**
 * Forked children, in programs of their own.
 */
final class ForkTest extends TestCase
{
    private const WAIT = 'function child(Closure $work): void { $pid = pcntl_fork(); '
        . 'if ($pid === 0) { $work(); exit(0); } pcntl_waitpid($pid, $s); '
        . 'if ($s !== 0) { echo "the child failed: $s\n"; exit(1); } }';

    /**
     * @param array<string, mixed> $options
     */
    private function program(string $code, array $options = []): string
    {
        $environment = [
            'KEY' => $this->key,
            'OPTIONS' => json_encode($options + ['api' => self::server()->api, 'disable_diagnostics' => true]),
        ];
        $start = self::WAIT . ' use Tidegate\{Client, Tidegate, User}; '
            . '$options = json_decode(getenv("OPTIONS"), true); $user = new User("ada", email: "a@shop.example");';
        $said = Program::php($start . $code, $environment, $status);
        self::assertSame(0, $status, $said);
        return $said;
    }

    public function testAChildEvaluatesAndDeliversAndTheParentIsUndisturbed(): void
    {
        $said = $this->program(<<<'PHP'
            $client = Tidegate::start(getenv("KEY"), $options);
            $client->logEvent($user, "parent before");
            foreach ([0, 1] as $number) {
                child(function () use ($client, $user, $number) {
                    echo json_encode([$client->checkGate($user, "employees_only", false),
                        $client->getGate(["userID" => "bob"], "employees_only", false)->value(),
                        $client->stats()["fork_generation"]]), "\n";
                    $client->logEvent($user, "child $number");
                    $client->flush();
                });
            }
            $client->logEvent($user, "parent after");
            PHP);
        self::assertSame("[true,false,1]\n[true,false,1]\n", $said);
        $names = self::server()->names($this->key);
        self::assertEqualsCanonicalizing(['child 0', 'child 1', 'parent before', 'parent after'], $names);
    }

    public function testAChildThatEndsNormallyDeliversAndOneThatIsKilledDoesNot(): void
    {
        $this->program(<<<'PHP'
            $client = Client::open(getenv("KEY"), $options);
            child(fn () => $client->logEvent($user, "from the child"));
            $pid = pcntl_fork();
            if ($pid === 0) {
                $client->logEvent($user, "not sent");
                posix_kill(getmypid(), SIGKILL);
            }
            pcntl_waitpid($pid, $status);
            PHP);
        self::assertSame(['from the child'], self::server()->names($this->key));
    }

    public function testWithASpoolAKilledChildLosesNothingThatATickHasSeen(): void
    {
        $spool = sys_get_temp_dir() . '/tidegate-spool-' . bin2hex(random_bytes(8));
        $this->program(<<<'PHP'
            $client = Client::open(getenv("KEY"), $options);
            $pid = pcntl_fork();
            if ($pid === 0) {
                $client->logEvent($user, "survives");
                $client->tick();
                posix_kill(getmypid(), SIGKILL);
            }
            pcntl_waitpid($pid, $status);
            PHP, ['event_spool_dir' => $spool]);
        // The parent has found it when it ended.
        self::assertSame(['survives'], self::server()->names($this->key));
        exec('rm -r ' . escapeshellarg($spool));
    }

    public function testAChildOfAChild(): void
    {
        $said = $this->program(<<<'PHP'
            $client = Client::open(getenv("KEY"), $options);
            child(fn () => child(function () use ($client, $user) {
                echo json_encode([$client->checkGate($user, "employees_only"), $client->stats()["fork_generation"]]);
            }));
            PHP);
        self::assertSame('[true,2]', $said);
    }

    public function testObjectsOfTheParentMayBeFreedInTheChild(): void
    {
        $said = $this->program(<<<'PHP'
            $client = Client::open(getenv("KEY"), $options);
            $result = $client->getGate($user, "employees_only");
            child(function () use ($client, $user, $result) {
                $result->close();
                $user->close();
                $client->close();
            });
            echo json_encode([$result->value(), $client->checkGate($user, "employees_only")]);
            PHP);
        self::assertSame('[true,true]', $said);
    }

    public function testAClientMadeInTheChild(): void
    {
        $said = $this->program(<<<'PHP'
            $parent = Client::open(getenv("KEY"), $options);
            child(function () use ($options, $user) {
                $client = Client::open(getenv("KEY"), $options);
                echo json_encode($client->checkGate($user, "employees_only"));
            });
            PHP);
        self::assertSame('true', $said);
    }

    public function testDataStoresWorkInTheChild(): void
    {
        $said = $this->program(<<<'PHP'
            $store = new class implements \Tidegate\DataStore {
                public array $content = [];
                public function get(string $key): ?string { return $this->content[$key] ?? null; }
                public function set(string $key, string $value, int $timeMs): void { $this->content[$key] = $value; }
                public function supportsPolling(string $path): bool { return true; }
                public function shutdown(): void { echo "shutdown ", getmypid() === PARENT ? "parent" : "child", "\n"; }
            };
            define("PARENT", getmypid());
            $client = Client::open(getenv("KEY"), ["data_store" => $store] + $options);
            child(function () use ($client, $store) {
                $client->syncNow();
                $client->close();
            });
            $client->close();
            PHP);
        self::assertSame("shutdown child\nshutdown parent\n", $said);
    }
}
