<?php

declare(strict_types=1);

namespace Tidegate;

use Tidegate\Exception\ArgumentException;
use Tidegate\Exception\LibraryException;
use Tidegate\Exception\StateException;
use Tidegate\Exception\TidegateException;
use Tidegate\Exception\TimeoutException;
use Tidegate\Internal\Callbacks;
use Tidegate\Internal\Ledger;
use Tidegate\Internal\Library;
use Tidegate\Internal\Live;
use Tidegate\Internal\RequestEnd;

/**
 * The process: its clients, which library it has loaded, and what that logs.
 */
final class Tidegate
{
    public const VERSION = '0.1.0';

    /** @var array<string, Client> */
    private static array $clients = [];

    /**
     * The client of this process: the one that an earlier request has left, or a new one.
     *
     * Call it in each request, with the same arguments. Under PHP-FPM and the like the client goes
     * on when the request ends, with its rules, its queue and what it knows about exposures that
     * were logged. On the command line it ends with the program.
     *
     * @param string $sdkKey the server secret key
     * @param Options|array<string, mixed> $options see {@see Options}; other options than the last
     *   time make another client
     * @param string $name for programs that need several
     * @throws TimeoutException as {@see Client::initialize()} does
     */
    public static function start(
        #[\SensitiveParameter] string $sdkKey,
        Options|array $options = [],
        string $name = 'default',
    ): Client {
        $client = self::$clients[$name] ?? null;
        if ($client === null || $client->isClosed()) {
            self::$clients[$name] = $client = Client::ofProcess($sdkKey, Options::from($options), $name);
        }
        // Its callbacks find it here already.
        $client->start();
        return $client;
    }

    /**
     * The client that {@see start()} has given in this request.
     *
     * @throws StateException if there is none
     */
    public static function client(string $name = 'default'): Client
    {
        return self::$clients[$name] ?? throw new StateException("call Tidegate::start first, for \"$name\"");
    }

    /**
     * Does for the clients of {@see start()} what the end of a request does: for servers that handle
     * requests in a loop, and for frameworks with a hook of their own after the answer.
     */
    public static function finishRequest(): void
    {
        foreach (self::$clients as $client) {
            if (!$client->isClosed()) {
                $client->endRequest();
            }
        }
    }

    /**
     * Ends a client of {@see start()}: delivers what is queued, and frees it.
     *
     * @return FlushReport|null null if there is none
     */
    public static function shutdown(float $timeout = 10.0, string $name = 'default'): ?FlushReport
    {
        $client = self::$clients[$name] ?? null;
        unset(self::$clients[$name]);
        if ($client === null || $client->isClosed()) {
            return null;
        }
        try {
            return $client->shutdown($timeout);
        } finally {
            $client->close(0.0);
        }
    }

    /**
     * Loads the library, once for the process.
     *
     * Looks at `path`, else at the environment's TIDEGATE_LIBRARY, else in the package's folder `lib`,
     * else where the system looks. Needed only to choose a path: everything else loads it on first
     * use.
     *
     * @return string|null the path it came from; null if it was preloaded
     * @throws LibraryException if it is not there or not one that this package can use
     */
    public static function loadLibrary(?string $path = null): ?string
    {
        Library::load($path);
        return Library::path();
    }

    /**
     * The release of the loaded library.
     */
    public static function libraryVersion(): string
    {
        return Library::ffi()->tidegate_version();
    }

    /**
     * How the loaded library was built.
     *
     * @return array<string, mixed>
     */
    public static function buildInfo(): array
    {
        return json_decode(Library::ffi()->tidegate_build_info(), true, 512, JSON_THROW_ON_ERROR);
    }

    /**
     * Every option of the library with its effective value; keys and passwords are masked.
     *
     * @param Options|array<string, mixed> $options
     * @return array<string, mixed>
     */
    public static function describeOptions(Options|array $options = []): array
    {
        return Options::from($options)->describe();
    }

    /**
     * Sends what the library logs to a function, until the end of the request; null ends it before.
     *
     * For all clients. How much each logs is its option `output_logger_level`; secret keys are
     * masked. The function must not end the program.
     *
     * @param (callable(string, string, string): mixed)|null $log takes a level (error, warning, info
     *   or debug, as PSR-3 calls them), where it comes from, and the message
     * @param string $level the most talkative level wanted
     * @throws StateException if there is a client with threads of the library, which cannot call PHP
     */
    public static function setLogger(?callable $log, string $level = 'debug'): void
    {
        if (!Callbacks::isLevel($level)) {
            throw new ArgumentException("level: expected error, warning, info or debug, not \"$level\"");
        }
        if ($log === null) {
            Callbacks::removeLog();
            return;
        }
        Ledger::open();
        if (Live::$threaded !== []) {
            throw new StateException('there is a client with threads of the library, which cannot call PHP');
        }
        RequestEnd::arm();
        Callbacks::setLog($log(...), $level);
    }
}
