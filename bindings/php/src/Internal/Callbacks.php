<?php

declare(strict_types=1);

namespace Tidegate\Internal;

use FFI\CData;
use Tidegate\DataStore;
use Tidegate\Metrics;

/**
 * PHP objects, made callable for the library.
 *
 * The library holds a number that stands for an object. The C functions are made once and live as
 * long as the request: PHP frees them at its end, and a client that lives longer must not know them.
 * They are only ever called on this thread. Nothing may leave them but their result.
 *
 * @internal
 */
final class Callbacks
{
    private const FAILED = -1;

    /** By the library's numbers, as the names that PSR-3 has for them. */
    private const LEVELS = [1 => 'error', 2 => 'warning', 3 => 'info', 4 => 'debug'];

    /** @var array<int, object> */
    private static array $objects = [];
    private static int $last = 0;
    private static int $log = 0;

    /** @var array<string, CData> */
    private static array $vtables = [];

    /**
     * A number for the object, which is kept until it is dropped.
     */
    public static function keep(object $object): int
    {
        self::$objects[++self::$last] = $object;
        return self::$last;
    }

    /**
     * @param list<int> $numbers
     */
    public static function drop(array $numbers): void
    {
        foreach ($numbers as $number) {
            unset(self::$objects[$number]);
        }
    }

    /**
     * How many objects are kept.
     */
    public static function kept(): int
    {
        return count(self::$objects);
    }

    /**
     * Whether the library calls a function with its log.
     */
    public static function hasLog(): bool
    {
        return self::$log !== 0;
    }

    /**
     * Sends the library's log to a function.
     *
     * @param \Closure(string, string, string): mixed $log
     */
    public static function setLog(\Closure $log, string $level): void
    {
        $vtable = self::vtable('tidegate_log_vtable', self::logFunctions(...), $number = self::keep($log));
        $vtable->level = array_search($level, self::LEVELS, true) ?: 0;
        Call::check(Library::ffi()->tidegate_set_log_sink(\FFI::addr($vtable)));
        self::drop([self::$log]);
        self::$log = $number;
        Ledger::setLog(true);
    }

    /**
     * Ends what `setLog` began, if it did.
     */
    public static function removeLog(): void
    {
        if (self::$log !== 0) {
            Call::check(Library::ffi()->tidegate_set_log_sink(null));
            self::drop([self::$log]);
            self::$log = 0;
            Ledger::setLog(false);
        }
    }

    /**
     * Whether that is the name of a level.
     */
    public static function isLevel(string $level): bool
    {
        return in_array($level, self::LEVELS, true);
    }

    /**
     * The C struct for a data store. Good until the next call.
     */
    public static function dataStore(int $number): CData
    {
        return self::vtable('tidegate_data_store_vtable', self::dataStoreFunctions(...), $number);
    }

    /**
     * The C struct for metrics. Good until the next call.
     */
    public static function metrics(int $number): CData
    {
        return self::vtable('tidegate_metrics_vtable', self::metricsFunctions(...), $number);
    }

    /**
     * @param \Closure(): array<string, \Closure> $functions
     */
    private static function vtable(string $type, \Closure $functions, int $number): CData
    {
        $vtable = self::$vtables[$type] ?? null;
        if ($vtable === null) {
            $vtable = self::$vtables[$type] = Call::struct($type);
            foreach ($functions() as $member => $function) {
                $vtable->$member = $function;
            }
        }
        Library::ffi()->cast('size_t *', \FFI::addr($vtable->user_data))[0] = $number;
        return $vtable;
    }

    /**
     * @return array<string, \Closure>
     */
    private static function dataStoreFunctions(): array
    {
        return [
            'get' => static fn (CData $data, ?CData $key, int $length, CData $reply): int => self::guarded(
                static function () use ($data, $key, $length, $reply): int {
                    $value = self::store($data)->get(self::read($key, $length));
                    return $value === null
                        ? 0
                        : Library::ffi()->tidegate_reply_set($reply, $value, strlen($value));
                }
            ),
            'set' => static fn (
                CData $data,
                ?CData $key,
                int $length,
                ?CData $value,
                int $valueLength,
                int $timeMs,
            ): int => self::guarded(
                static function () use ($data, $key, $length, $value, $valueLength, $timeMs): int {
                    $text = self::read($value, $valueLength);
                    self::store($data)->set(self::read($key, $length), $text, $timeMs);
                    return 0;
                }
            ),
            'supports_polling' => static fn (CData $data, ?CData $path, int $length): int => self::guarded(
                static fn (): int => (int) self::store($data)->supportsPolling(self::read($path, $length))
            ),
            'shutdown' => static function (CData $data): void {
                self::guarded(static function () use ($data): int {
                    self::store($data)->shutdown();
                    return 0;
                });
            },
        ];
    }

    /**
     * @return array<string, \Closure>
     */
    private static function metricsFunctions(): array
    {
        $functions = [];
        foreach (['increment', 'gauge', 'distribution'] as $member) {
            $functions[$member] = static function (
                CData $data,
                ?CData $name,
                int $length,
                float $value,
                ?CData $tags,
                int $tagsLength,
            ) use ($member): void {
                self::guarded(static function () use ($data, $name, $length, $value, $tags, $tagsLength, $member): int {
                    $metrics = self::object($data);
                    assert($metrics instanceof Metrics);
                    $metrics->$member(
                        self::read($name, $length),
                        $value,
                        Json::decode(self::read($tags, $tagsLength)),
                    );
                    return 0;
                });
            };
        }
        return $functions;
    }

    /**
     * @return array<string, \Closure>
     */
    private static function logFunctions(): array
    {
        return [
            'log' => static function (
                CData $data,
                int $level,
                ?CData $tag,
                int $tagLength,
                ?CData $message,
                int $length,
            ): void {
                self::guarded(static function () use ($data, $level, $tag, $tagLength, $message, $length): int {
                    $log = self::object($data);
                    assert($log instanceof \Closure);
                    $name = self::LEVELS[$level] ?? 'debug';
                    $log($name, self::read($tag, $tagLength), self::read($message, $length));
                    return 0;
                });
            },
        ];
    }

    private static function store(CData $data): DataStore
    {
        $store = self::object($data);
        assert($store instanceof DataStore);
        return $store;
    }

    private static function object(CData $data): object
    {
        return self::$objects[Library::ffi()->cast('size_t *', \FFI::addr($data))[0]];
    }

    private static function read(?CData $text, int $length): string
    {
        return $text === null ? '' : \FFI::string($text, $length);
    }

    /**
     * An exception would end the program in the middle of the library.
     *
     * @param \Closure(): int $work
     */
    private static function guarded(\Closure $work): int
    {
        try {
            return $work();
        } catch (\Throwable $throwable) {
            error_log("a callback of the Tidegate library failed: $throwable");
            return self::FAILED;
        }
    }
}
