<?php

declare(strict_types=1);

namespace Tidegate;

use FFI;
use Tidegate\Exception\ArgumentException;
use Tidegate\Exception\HandleException;
use Tidegate\Exception\StateException;
use Tidegate\Exception\TidegateException;
use Tidegate\Exception\TimeoutException;
use Tidegate\Internal\Call;
use Tidegate\Internal\Callbacks;
use Tidegate\Internal\Ledger;
use Tidegate\Internal\Library;
use Tidegate\Internal\Live;
use Tidegate\Internal\RequestEnd;

/**
 * Evaluates gates, configs, experiments and layers, and delivers what is logged.
 *
 * A client made with `new` ends with the request at the latest; on a server, use the one of the
 * process: {@see Tidegate::start()}. Times are in seconds. A user is a {@see User}, an array in the
 * form of the JSON, or JSON text; a {@see User} is the cheapest if it is used more than once.
 * Evaluating before `initialize` and after `shutdown` throws a {@see StateException}.
 */
final class Client
{
    use Client\Rules;
    use Client\Evaluation;
    use Client\Events;
    use Client\Overrides;
    use Client\Pulled;

    private FFI $ffi;
    private int $id = 0;
    private Options $options;

    /** Whether it goes on when the request ends. */
    private bool $isKept = false;

    /** @var list<int> what {@see Callbacks} keeps for it */
    private array $numbers = [];

    /**
     * Makes a client. Touches no network.
     *
     * @param string $sdkKey the server secret key
     * @param Options|array<string, mixed> $options see {@see Options}
     * @throws ArgumentException naming the option that is not accepted
     */
    public function __construct(#[\SensitiveParameter] string $sdkKey, Options|array $options = [])
    {
        $this->setUp(Options::from($options));
        $this->make($sdkKey);
        Ledger::add($this->id);
    }

    /**
     * Makes a client and initializes it, waiting for the option `start_timeout`.
     *
     * @param Options|array<string, mixed> $options see {@see Options}
     * @throws TimeoutException as {@see initialize()} does
     */
    public static function open(#[\SensitiveParameter] string $sdkKey, Options|array $options = []): self
    {
        $client = new self($sdkKey, $options);
        $client->start();
        return $client;
    }

    /**
     * Initializes the client unless it is, waiting for the option `start_timeout`.
     *
     * @internal
     */
    public function start(): void
    {
        if (!$this->isInitialized()) {
            $this->initialize($this->options->startTimeout);
        }
    }

    /**
     * The client of that name which an earlier request has left in this process, or a new one, not
     * initialized.
     *
     * @internal
     */
    public static function ofProcess(#[\SensitiveParameter] string $sdkKey, Options $options, string $name): self
    {
        if (!Ledger::isInUse()) {
            return new self($sdkKey, $options);
        }
        if ($options->callsBack()) {
            throw new ArgumentException(
                'data_store and metrics: a client that outlives the request cannot call PHP. The options '
                . 'redis_url and spec_cache_dir can; or make a client for the request: new Client(...)'
            );
        }
        $client = (new \ReflectionClass(self::class))->newInstanceWithoutConstructor();
        $client->setUp($options);
        $client->isKept = true;
        $print = substr(hash('sha256', serialize([$name, $sdkKey, $options->json])), 0, 16);
        $client->id = Ledger::find($print) ?? 0;
        if ($client->id === 0 || !$client->isUsable()) {
            $client->discard();
            $client->make($sdkKey);
            Ledger::keep($client->id, $print, $options->hasThreads);
        }
        Live::$clients[$client->id] = \WeakReference::create($client);
        return $client;
    }

    /**
     * Loads rules from the sources of the options.
     *
     * A network that fails, or is not done in time, is no error: see the details. Evaluations give
     * defaults until `tick` has rules.
     *
     * @param float $timeout 0 leaves the work to `tick`
     * @throws TimeoutException only for a client with threads of the library, which go on
     */
    public function initialize(float $timeout = 10.0): InitDetails
    {
        $status = $this->ffi->tidegate_client_initialize($this->id, Call::milliseconds($timeout));
        return $this->initialized($status);
    }

    /**
     * The same without waiting, for clients with threads of the library; without, it ends now.
     */
    public function initializeAsync(): void
    {
        Call::check($this->ffi->tidegate_client_initialize_async($this->id, null, null, null));
        $this->dispatch();
    }

    /**
     * Waits until initialized.
     *
     * @throws TimeoutException when the time is over
     */
    public function waitInitialized(float $timeout): InitDetails
    {
        $status = $this->ffi->tidegate_client_wait_initialized($this->id, Call::milliseconds($timeout));
        return $this->initialized($status);
    }

    /**
     * Whether evaluations work, if only with defaults.
     */
    public function isInitialized(): bool
    {
        return $this->ffi->tidegate_client_is_initialized($this->id) === 1;
    }

    /**
     * How the initialization went.
     */
    public function initDetails(): InitDetails
    {
        $out = Call::buffer();
        $found = Call::json($this->ffi->tidegate_client_init_details($this->id, $out), $out);
        return InitDetails::fromArray($found);
    }

    /**
     * Delivers what is queued, within the time.
     */
    public function flush(float $timeout = 10.0): FlushReport
    {
        $info = Call::struct('tidegate_flush_info');
        $milliseconds = Call::milliseconds($timeout);
        Call::check($this->ffi->tidegate_client_flush($this->id, $milliseconds, FFI::addr($info)));
        $this->dispatch();
        return self::report($info);
    }

    /**
     * Delivers what is queued, within the time, and ends the client's work.
     */
    public function shutdown(float $timeout = 10.0): FlushReport
    {
        $info = Call::struct('tidegate_flush_info');
        $milliseconds = Call::milliseconds($timeout);
        Call::check($this->ffi->tidegate_client_shutdown($this->id, $milliseconds, FFI::addr($info)));
        $this->dispatch();
        return self::report($info);
    }

    /**
     * Shuts down and frees the client. Every later call throws a {@see HandleException}.
     */
    public function close(float $timeout = 10.0): void
    {
        if ($this->id === 0) {
            return;
        }
        try {
            $this->shutdown($timeout);
        } finally {
            $this->release();
        }
    }

    /**
     * Whether `close` has been called.
     */
    public function isClosed(): bool
    {
        return $this->id === 0;
    }

    /**
     * Lets the library call no data store and no metrics any more.
     */
    public function closeCallbacks(float $timeout = 1.0): void
    {
        Call::check($this->ffi->tidegate_callbacks_close($this->id, Call::milliseconds($timeout)));
    }

    /**
     * Does what is due: fetches rules, delivers events. At the end of a request it is done anyway.
     *
     * @param float $budget how long that may take
     * @return float the seconds until more is due
     * @throws StateException for a client with threads of the library
     */
    public function tick(float $budget = 0.05): float
    {
        $out = Call::out('uint32_t');
        Call::check($this->ffi->tidegate_client_tick($this->id, Call::milliseconds($budget), $out));
        $this->dispatch();
        return $out[0] / 1000;
    }

    /**
     * What is to be done when a request has ended and the client goes on: events go to the spool, or
     * are delivered if there is none, and what is due is done.
     *
     * @internal
     */
    public function endRequest(): void
    {
        $timeout = $this->options->endTimeout;
        if (!$this->options->hasSpool) {
            $this->flush($timeout);
        } elseif ($this->options->hasThreads) {
            $this->flush(0.0);
        }
        if (!$this->options->hasThreads) {
            $this->tick($timeout);
        }
    }

    /**
     * Ends what goes by itself at the end of the request.
     *
     * @internal
     */
    public function end(): void
    {
        if (!$this->isKept) {
            $this->close($this->options->endTimeout);
        } elseif ($this->options->atRequestEnd) {
            $this->endRequest();
        }
    }

    /**
     * Whether the answer may be sent before `end`.
     *
     * @internal
     */
    public function finishesRequest(): bool
    {
        return $this->options->finishRequest && (!$this->isKept || $this->options->atRequestEnd);
    }

    /**
     * The net for clients that nobody has closed. One of the process goes on.
     */
    public function __destruct()
    {
        if ($this->id === 0 || $this->isKept) {
            return;
        }
        try {
            $this->close($this->options->endTimeout);
        } catch (TidegateException $exception) {
            error_log('Tidegate, at the end of a client: ' . $exception->getMessage());
        }
    }

    /**
     * There is one object for one client.
     */
    public function __clone()
    {
        $this->id = 0;
        throw new \LogicException('a client is one of a kind: use it as it is');
    }

    /**
     * An id means nothing elsewhere.
     */
    public function __serialize(): never
    {
        throw new \LogicException('a client lives in this process only');
    }

    /**
     * Not the key and not the options, which may hold passwords.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['isClosed' => $this->isClosed(), 'isInitialized' => $this->isInitialized()];
    }

    private function setUp(Options $options): void
    {
        $this->ffi = Library::ffi();
        $this->options = $options;
        Ledger::open();
        RequestEnd::arm();
    }

    private function make(#[\SensitiveParameter] string $sdkKey): void
    {
        if ($this->options->hasThreads && Callbacks::hasLog()) {
            throw new StateException('threads: those of the library cannot call the logger');
        }
        $options = $this->options->make();
        try {
            $this->setCallbacks($options);
            $out = Call::out('tidegate_client');
            $status = $this->ffi->tidegate_client_new($sdkKey, strlen($sdkKey), $options, $out);
            $this->id = Call::id($status, $out);
        } finally {
            $this->ffi->tidegate_options_release($options);
            if ($this->id === 0) {
                Callbacks::drop($this->numbers);
            }
        }
        Live::$clients[$this->id] = \WeakReference::create($this);
        if ($this->options->hasThreads) {
            Live::$threaded[$this->id] = true;
        }
    }

    private function setCallbacks(int $options): void
    {
        if ($this->options->dataStore !== null) {
            $vtable = Callbacks::dataStore($this->numbers[] = Callbacks::keep($this->options->dataStore));
            Call::check($this->ffi->tidegate_options_set_data_store($options, FFI::addr($vtable)));
        }
        if ($this->options->metrics !== null) {
            $vtable = Callbacks::metrics($this->numbers[] = Callbacks::keep($this->options->metrics));
            $vtable->high_cardinality = (int) $this->options->metrics->isHighCardinality();
            Call::check($this->ffi->tidegate_options_set_metrics($options, FFI::addr($vtable)));
        }
    }

    /**
     * Whether the client can still be initialized, or is.
     */
    private function isUsable(): bool
    {
        if ($this->isInitialized()) {
            return true;
        }
        $out = Call::buffer();
        if ($this->ffi->tidegate_client_stats($this->id, $out) < 0) {
            return false;
        }
        return Call::json(0, $out)['phase'] !== 'shut_down';
    }

    /**
     * Lets go of a client that was shut down.
     */
    private function discard(): void
    {
        if ($this->id !== 0) {
            $this->release();
        }
    }

    private function initialized(int $status): InitDetails
    {
        $this->dispatch();
        Call::check($status);
        return $this->initDetails();
    }

    private function release(): void
    {
        $id = $this->id;
        $this->id = 0;
        $this->ffi->tidegate_client_release($id);
        Callbacks::drop($this->numbers);
        unset(Live::$clients[$id], Live::$threaded[$id]);
        Ledger::remove($id);
    }

    private static function report(FFI\CData $info): FlushReport
    {
        return new FlushReport($info->sent, $info->spooled, $info->dropped, $info->queued);
    }
}
