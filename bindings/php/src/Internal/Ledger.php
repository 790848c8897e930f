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
    private const EMPTY = ['kept' => [], 'added' => [], 'log' => false];

    /** Counted up when the form of the entries changes: a worker may outlive an update. */
    private const FORM = 1;

    /** Programs that share a worker have a client each; those of options of the past go in time. */
    private const KEPT_MAX = 16;

    /** How long the end of a client may take whose options nobody knows any more. */
    private const END_MS = 3000;

    /**
     * `kept`: [id, print, has threads], the one used last first. `added`: clients of the request.
     *
     * @var array{
     *   owner: string, kept: list<array{int, string, bool}>, added: list<int>, log: bool
     * }|null
     */
    private static ?array $entries = null;

    /** @var list<int> clients of earlier requests that did not come to end them */
    private static array $abandoned = [];

    /**
     * Whether requests follow each other in this process.
     */
    public static function isInUse(): bool
    {
        return !PHP_ZTS && !in_array(PHP_SAPI, self::ONE_REQUEST, true);
    }

    /**
     * Reads what earlier requests have left, once in a request. One that died may not have come to
     * its end: what it has registered is taken back, and its clients end with this one.
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
            self::write(['log' => false]);
        }
        self::$abandoned = $found['added'];
        foreach (self::$abandoned as $id) {
            Library::ffi()->tidegate_callbacks_close($id, 0);
        }
    }

    /**
     * Ends the clients of requests that died.
     */
    public static function endAbandoned(): void
    {
        array_map(self::end(...), self::$abandoned);
        self::$abandoned = [];
    }

    /**
     * The kept client with that print.
     */
    public static function find(string $print): ?int
    {
        foreach (self::$entries['kept'] as $place => $entry) {
            if ($entry[1] === $print) {
                if ($place !== 0) {
                    self::putFirst($entry);
                }
                return $entry[0];
            }
        }
        return null;
    }

    /**
     * Keeps a client beyond the request. If there are too many, the one not used for longest ends.
     */
    public static function keep(int $id, string $print, bool $hasThreads): void
    {
        self::putFirst([$id, $print, $hasThreads]);
        foreach (array_slice(self::$entries['kept'], self::KEPT_MAX) as [$old]) {
            self::end($old);
        }
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
                'kept' => self::keptBut($id),
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
     * @param array{int, string, bool} $entry
     */
    private static function putFirst(array $entry): void
    {
        self::write(['kept' => [$entry, ...self::keptBut($entry[0])]]);
    }

    /**
     * @return list<array{int, string, bool}>
     */
    private static function keptBut(int $id): array
    {
        $others = array_filter(self::$entries['kept'], static fn (array $kept): bool => $kept[0] !== $id);
        return array_values($others);
    }

    private static function end(int $id): void
    {
        $ffi = Library::ffi();
        $ffi->tidegate_client_shutdown($id, self::END_MS, null);
        $ffi->tidegate_client_release($id);
        unset(Live::$threaded[$id]);
        self::remove($id);
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
        return self::FORM . ':' . getmypid() . '@' . dechex($ffi->cast('size_t *', \FFI::addr($function))[0]);
    }
}
