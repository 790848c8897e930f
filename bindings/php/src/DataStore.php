<?php

declare(strict_types=1);

namespace Tidegate;

/**
 * A key-value store for specs and id lists, for example on Redis.
 *
 * Called inside `initialize`, `tick`, `syncNow` and `shutdown`, on your thread. A method that throws
 * counts as failed. It must not end the program: `exit` would leave the library in the middle of
 * its work.
 */
interface DataStore
{
    /**
     * The value of a key; null if it is not there.
     */
    public function get(string $key): ?string;

    /**
     * Stores a value.
     *
     * @param int $timeMs time of the specs in it, or 0
     */
    public function set(string $key, string $value, int $timeMs): void;

    /**
     * Whether the store is polled for updates of `path` instead of the network.
     */
    public function supportsPolling(string $path): bool;

    /**
     * Called once, after the last use.
     */
    public function shutdown(): void;
}
