<?php

declare(strict_types=1);

namespace Tidegate\Internal;

/**
 * The clients of this process, written down where the next request finds them.
 *
 * PHP forgets everything at the end of a request, while the process, the library in it and the
 * clients go on. What PHP keeps is the environment of the process, so the clients' ids stand there.
 * They are numbers: to another process, a forked or an executed one, they mean nothing, and a wrong
 * one is an error and not a crash. Holds no key.
 *
 * On the command line the program is the request, and nothing is written. With a thread-safe PHP
 * nothing is written either, because other threads may read the environment at the same time.
 *
 * @internal
 */
final class Ledger
{
    private const VARIABLE = 'TIDEGATE_PHP_CLIENTS';
    private const ONE_REQUEST = ['cli', 'phpdbg', 'embed', 'micro'];
    private const EMPTY = ['owner' => '', 'kept' => [], 'added' => [], 'log' => false];

    /**
     * `kept`: [id, print, has threads] by name. `added`: clients of the request.
     *
     * @var array{
     *   owner: string, kept: array<string, array{int, string, bool}>, added: list<int>, log: bool
     * }|null
     */
    private static ?array $entries = null;

    /**
     * Whether requests follow each other in this process.
     */
    public static function isInUse(): bool
    {
        return !PHP_ZTS && !in_array(PHP_SAPI, self::ONE_REQUEST, true);
    }

    /**
     * Reads what earlier requests have left, once in a request, and ends what they should have
     * ended: a request that dies may not come to it.
     */
    public static function open(): void
    {
        if (self::$entries !== null || !self::isInUse()) {
            return;
        }
        $owner = self::owner();
        $found = json_decode((string) getenv(self::VARIABLE, true), true);
        if (!is_array($found) || ($found['owner'] ?? null) !== $owner) {
            self::$entries = ['owner' => $owner] + self::EMPTY;
            return;
        }
        self::$entries = $found;
        foreach ($found['kept'] as [$id, , $hasThreads]) {
            if ($hasThreads) {
                Live::$threaded[$id] = true;
            }
        }
        if ($found['log']) {
            Library::ffi()->tidegate_set_log_sink(null);
        }
        array_map(self::abandon(...), $found['added']);
        if ($found['log'] || $found['added'] !== []) {
            self::write(['added' => [], 'log' => false]);
        }
    }

    /**
     * The kept client of that name. One that was made from other options is ended first.
     */
    public static function find(string $name, string $print): ?int
    {
        [$id, $found] = self::$entries['kept'][$name] ?? [0, ''];
        if ($id !== 0 && $found !== $print) {
            $ffi = Library::ffi();
            $ffi->tidegate_client_shutdown($id, 3000, null);
            $ffi->tidegate_client_release($id);
            unset(Live::$threaded[$id]);
            self::remove($id);
            return null;
        }
        return $id === 0 ? null : $id;
    }

    /**
     * Keeps a client beyond the request.
     */
    public static function keep(string $name, int $id, string $print, bool $hasThreads): void
    {
        self::write(['kept' => [$name => [$id, $print, $hasThreads]] + self::$entries['kept']]);
    }

    /**
     * Notes a client of the request.
     */
    public static function add(int $id): void
    {
        if (self::isInUse()) {
            self::write(['added' => [...self::$entries['added'], $id]]);
        }
    }

    /**
     * Forgets a client.
     */
    public static function remove(int $id): void
    {
        if (self::isInUse()) {
            self::write([
                'kept' => array_filter(self::$entries['kept'], static fn (array $kept): bool => $kept[0] !== $id),
                'added' => array_values(array_diff(self::$entries['added'], [$id])),
            ]);
        }
    }

    /**
     * Notes whether the library's log goes to a function of the request.
     */
    public static function setLog(bool $isSet): void
    {
        if (self::isInUse()) {
            self::open();
            self::write(['log' => $isSet]);
        }
    }

    /**
     * Ends a client whose callbacks PHP has freed.
     */
    private static function abandon(int $id): void
    {
        $ffi = Library::ffi();
        $ffi->tidegate_callbacks_close($id, 0);
        $ffi->tidegate_client_release($id);
    }

    /**
     * @param array<string, mixed> $changes
     */
    private static function write(array $changes): void
    {
        self::$entries = $changes + self::$entries;
        $libc = \FFI::cdef('int setenv(const char *name, const char *value, int overwrite);');
        $libc->setenv(self::VARIABLE, json_encode(self::$entries, JSON_THROW_ON_ERROR), 1);
    }

    /**
     * Tells this process from its parent, and from what ran in it before `exec`.
     */
    private static function owner(): string
    {
        $ffi = Library::ffi();
        $function = $ffi->tidegate_version;
        return getmypid() . '@' . dechex($ffi->cast('size_t *', \FFI::addr($function))[0]);
    }
}
