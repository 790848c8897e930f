<?php

declare(strict_types=1);

namespace Tidegate\Tests;

use Tidegate\Client;
use Tidegate\Exception\TidegateException;
use Tidegate\User;

/**
 * What the tests share: a local server, a secret key for each test, clients that are closed after it.
 */
abstract class TestCase extends \PHPUnit\Framework\TestCase
{
    private static ?LocalServer $server = null;

    /** The server keeps the tests apart by it. */
    protected string $key;

    protected User $alice;

    /** @var list<Client> */
    private array $clients = [];

    protected function setUp(): void
    {
        $this->key = 'secret-' . strtolower(preg_replace('/\W+/', '-', static::class . '-' . $this->getName()));
        $this->alice = new User('alice', email: 'alice@shop.example', customIDs: ['companyID' => 'acme']);
    }

    protected function tearDown(): void
    {
        foreach ($this->clients as $client) {
            $client->close();
        }
        $this->clients = [];
        $this->alice->close();
    }

    protected static function server(): LocalServer
    {
        return self::$server ??= new LocalServer();
    }

    /**
     * A client that is not initialized.
     *
     * @param array<string, mixed> $options
     */
    protected function make(array $options = []): Client
    {
        $options += ['api' => self::server()->api, 'disable_diagnostics' => true];
        return $this->clients[] = new Client($this->key, $options);
    }

    /**
     * A client of the server, with nothing queued.
     *
     * @param array<string, mixed> $options
     */
    protected function client(array $options = []): Client
    {
        $client = $this->make($options);
        self::assertTrue($client->initialize(30)->storePopulated);
        $client->flush();
        return $client;
    }

    /**
     * A client without a network.
     *
     * @param array<string, mixed> $options
     */
    protected function local(array $options = []): Client
    {
        $options += ['local_mode' => true, 'bootstrap_values' => LocalServer::shop()];
        return $this->clients[] = Client::open($this->key, $options);
    }

    /**
     * Asserts that a call throws, and returns what.
     *
     * @template T of \Throwable
     * @param class-string<T> $class
     * @param \Closure(): mixed $call
     * @return T
     */
    protected static function assertThrows(string $class, \Closure $call, string $message = ''): \Throwable
    {
        try {
            $call();
        } catch (\Throwable $throwable) {
            self::assertInstanceOf($class, $throwable, $message . $throwable->getMessage());
            if ($throwable instanceof TidegateException) {
                self::assertNotSame('', $throwable->getMessage());
            }
            return $throwable;
        }
        self::fail("$message: expected $class");
    }

    /**
     * Runs a call with the error log in a file, and returns what was written to it.
     *
     * @param \Closure(): mixed $call
     */
    protected static function errorLogOf(\Closure $call): string
    {
        $file = tempnam(sys_get_temp_dir(), 'tidegate');
        $before = ini_set('error_log', $file);
        try {
            $call();
            return file_get_contents($file);
        } finally {
            ini_set('error_log', $before);
            unlink($file);
        }
    }
}
