<?php

declare(strict_types=1);

namespace Tidegate\Internal;

use Tidegate\Exception\TidegateException;

/**
 * Sees to the clients at the end of the request, or of the program.
 *
 * @internal
 */
final class RequestEnd
{
    /** After these, PHP calls no destructors. */
    private const FATAL = E_ERROR | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR;

    private static ?self $armed = null;

    private bool $isDone = false;

    /**
     * Makes sure that it happens.
     */
    public static function arm(): void
    {
        if (self::$armed === null) {
            self::$armed = new self();
            // Registered anew when it is called, it comes after all others, which may log events.
            register_shutdown_function(static fn () => register_shutdown_function(self::run(...)));
        }
    }

    /**
     * For when another shutdown function has ended the program and ours was never called.
     */
    public function __destruct()
    {
        self::run();
    }

    private static function run(): void
    {
        if (self::$armed === null || self::$armed->isDone) {
            return;
        }
        self::$armed->isDone = true;
        $clients = Live::clients();
        foreach ($clients as $client) {
            if ($client->finishesRequest() && function_exists('fastcgi_finish_request')) {
                // What comes now takes its time; the visitor need not wait for it.
                fastcgi_finish_request();
                break;
            }
        }
        foreach ($clients as $client) {
            self::guarded($client->end(...));
        }
        Ledger::endAbandoned();
        self::guarded(Callbacks::removeLog(...));
        if (((error_get_last()['type'] ?? 0) & self::FATAL) !== 0) {
            Live::releaseHandles();
        }
    }

    /**
     * Nobody is there to catch anything any more.
     *
     * @param \Closure(): void $work
     */
    private static function guarded(\Closure $work): void
    {
        try {
            $work();
        } catch (TidegateException $exception) {
            error_log('Tidegate, at the end of the request: ' . $exception->getMessage());
        }
    }
}
