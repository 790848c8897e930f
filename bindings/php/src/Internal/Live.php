<?php

declare(strict_types=1);

namespace Tidegate\Internal;

use Tidegate\Client;

/**
 * What is to be freed when the program ends in the middle of things, and PHP calls no destructors.
 *
 * @internal
 */
final class Live
{
    /** @var array<int, class-string> users and results by id */
    public static array $handles = [];

    /** @var array<int, \WeakReference<Client>> clients by id */
    public static array $clients = [];

    /** @var array<int, true> ids of clients with threads of the library */
    public static array $threaded = [];

    /**
     * The clients that still are.
     *
     * @return list<Client>
     */
    public static function clients(): array
    {
        $found = array_map(static fn (\WeakReference $client): ?Client => $client->get(), self::$clients);
        return array_values(array_filter($found));
    }

    /**
     * Frees users and results. One that is freed again later does no harm: an id ends once.
     */
    public static function releaseHandles(): void
    {
        foreach (self::$handles as $id => $class) {
            $class::release($id);
        }
        self::$handles = [];
    }
}
