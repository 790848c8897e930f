<?php

declare(strict_types=1);

namespace Tidegate;

use Tidegate\Exception\ArgumentException;
use Tidegate\Internal\Call;
use Tidegate\Internal\Json;
use Tidegate\Internal\Library;

/**
 * The options of a client, checked.
 *
 * Those of the library go by its names (`Tidegate::describeOptions()` shows them all with their
 * defaults) and are handed over as they are, except that `threads` is "none" unless told: PHP cannot
 * be called by threads of the library. Besides there are those that concern PHP:
 *
 * - `data_store`: a {@see DataStore}
 * - `metrics`: a {@see Metrics}
 * - `on_evaluation`: called with the result as an array after each evaluation, but not for those
 *   that it makes itself
 * - `on_rules_updated`: called with the time of the rules in ms and the rules in use as JSON
 * - `on_flushed`: called with a {@see Delivery}
 * - `on_error`: called with where, what kind and a message
 * - `start_timeout`: seconds that `Client::open` and `Tidegate::start` wait, 10 unless told
 * - `end_timeout`: seconds that the end of a request, of the program or of a client that nobody has
 *   closed may take, 3 unless told
 * - `at_request_end`: whether the work of a client of the process is done when a request has ended,
 *   true unless told; else call `Tidegate::finishRequest()` yourself
 * - `finish_request`: whether the answer is sent before that, where the server can; true unless told
 *
 * Callbacks that are called "with" something run on your thread, inside `initialize`, `tick`,
 * `flush`, `syncNow`, `updateSpecs`, `shutdown` and `dispatch`. What they throw goes to the error
 * log.
 */
final class Options
{
    public readonly ?DataStore $dataStore;
    public readonly ?Metrics $metrics;
    public readonly ?\Closure $onEvaluation;
    public readonly ?\Closure $onRulesUpdated;
    public readonly ?\Closure $onFlushed;
    public readonly ?\Closure $onError;
    public readonly float $startTimeout;
    public readonly float $endTimeout;
    public readonly bool $atRequestEnd;
    public readonly bool $finishRequest;

    /** Whether the library may start threads for the client. */
    public readonly bool $hasThreads;

    /** Whether events are kept on disk until they are delivered. */
    public readonly bool $hasSpool;

    /** The options of the library, as JSON. */
    public readonly string $json;

    /** Options of the library that are objects; PHP cannot tell an empty one from an empty list. */
    private const OBJECTS = ['environment', 'global_custom_fields', 'proxy_configs', 'wrapper'];

    /**
     * @param array<string, mixed> $options
     * @throws ArgumentException for a value of the wrong type; names that nobody knows are found
     *   when a client is made
     */
    public function __construct(array $options = [])
    {
        $this->dataStore = self::take($options, 'data_store', DataStore::class);
        $this->metrics = self::take($options, 'metrics', Metrics::class);
        $this->onEvaluation = self::takeCallable($options, 'on_evaluation');
        $this->onRulesUpdated = self::takeCallable($options, 'on_rules_updated');
        $this->onFlushed = self::takeCallable($options, 'on_flushed');
        $this->onError = self::takeCallable($options, 'on_error');
        $this->startTimeout = self::takeSeconds($options, 'start_timeout', 10.0);
        $this->endTimeout = self::takeSeconds($options, 'end_timeout', 3.0);
        $this->atRequestEnd = self::takeBool($options, 'at_request_end');
        $this->finishRequest = self::takeBool($options, 'finish_request');
        $options += ['threads' => 'none', 'wrapper' => self::wrapper()];
        $this->hasThreads = $options['threads'] !== 'none';
        $this->hasSpool = ($options['event_spool_dir'] ?? '') !== '';
        if ($this->hasSpool && !$this->hasThreads) {
            // Nobody would come by a little later: what is done at the end of a request is all.
            $options += ['event_spool_sync_ms' => 0];
        }
        if ($this->hasThreads && $this->callsBack()) {
            throw new ArgumentException(
                'threads: those of the library cannot call PHP; leave the option out, or leave out '
                . 'data_store and metrics'
            );
        }
        $this->json = Json::object(Json::objects($options, self::OBJECTS), 'options');
    }

    /**
     * @param self|array<string, mixed> $options
     */
    public static function from(self|array $options): self
    {
        return $options instanceof self ? $options : new self($options);
    }

    /**
     * Every option of the library with its effective value; keys and passwords are masked.
     *
     * @return array<string, mixed>
     * @throws ArgumentException naming the option that is not accepted
     */
    public function describe(): array
    {
        $ffi = Library::ffi();
        $id = $this->make();
        try {
            $out = Call::buffer();
            return Call::json($ffi->tidegate_options_describe($id, $out), $out);
        } finally {
            $ffi->tidegate_options_release($id);
        }
    }

    /**
     * Whether the library calls PHP by itself. The other callbacks are called by this package, which
     * asks the library what happened.
     *
     * @internal
     */
    public function callsBack(): bool
    {
        return $this->dataStore !== null || $this->metrics !== null;
    }

    /**
     * Makes the library's options.
     *
     * @internal
     */
    public function make(): int
    {
        $out = Call::out('tidegate_options');
        $status = Library::ffi()->tidegate_options_new($this->json, strlen($this->json), $out);
        return Call::id($status, $out);
    }

    /**
     * @return array<string, string>
     */
    private static function wrapper(): array
    {
        return ['name' => 'php', 'version' => Tidegate::VERSION, 'language_version' => PHP_VERSION];
    }

    /**
     * @template T of object
     * @param array<string, mixed> $options
     * @param class-string<T> $class
     * @return T|null
     */
    private static function take(array &$options, string $name, string $class): ?object
    {
        $value = $options[$name] ?? null;
        unset($options[$name]);
        if ($value !== null && !$value instanceof $class) {
            throw self::wrongType($name, "an object of $class", $value);
        }
        return $value;
    }

    /**
     * @param array<string, mixed> $options
     */
    private static function takeCallable(array &$options, string $name): ?\Closure
    {
        $value = $options[$name] ?? null;
        unset($options[$name]);
        if ($value !== null && !is_callable($value)) {
            throw self::wrongType($name, 'something callable', $value);
        }
        return $value === null ? null : $value(...);
    }

    /**
     * @param array<string, mixed> $options
     */
    private static function takeSeconds(array &$options, string $name, float $default): float
    {
        $value = $options[$name] ?? $default;
        unset($options[$name]);
        if ((!is_int($value) && !is_float($value)) || !($value >= 0)) {
            throw self::wrongType($name, 'seconds of 0 or more', $value);
        }
        return (float) $value;
    }

    /**
     * @param array<string, mixed> $options
     */
    private static function takeBool(array &$options, string $name): bool
    {
        $value = $options[$name] ?? true;
        unset($options[$name]);
        return is_bool($value) ? $value : throw self::wrongType($name, 'true or false', $value);
    }

    private static function wrongType(string $name, string $expected, mixed $value): ArgumentException
    {
        $type = get_debug_type($value);
        return new ArgumentException("option $name: expected $expected, not $type");
    }
}
