<?php

declare(strict_types=1);

namespace Tidegate\Client;

use Tidegate\Delivery;
use Tidegate\Internal\Call;

/**
 * Notifications. The library cannot call PHP on its own threads, nor keep a PHP function beyond the
 * request, so it is asked for what happened, and the callbacks of the options are called here.
 *
 * @internal
 */
trait Pulled
{
    private bool $isEvaluated = false;

    /**
     * Takes the next notification. With `on_rules_updated`, `on_flushed` or `on_error` among the
     * options they get it first, and nothing is left.
     *
     * @return array<string, mixed>|null with a "type": "rules_updated", "events_flushed" or "error"
     */
    public function pollEvent(): ?array
    {
        $out = Call::buffer();
        return Call::json($this->ffi->tidegate_client_poll_event($this->id, $out), $out);
    }

    /**
     * Calls the callbacks of the options for what has happened since the last time. Only needed for
     * a client with threads of the library: the others do it whenever something can have happened.
     */
    public function dispatch(): void
    {
        $options = $this->options;
        if (($options->onRulesUpdated ?? $options->onFlushed ?? $options->onError) === null) {
            return;
        }
        while (($event = $this->id === 0 ? null : $this->pollEvent()) !== null) {
            match ($event['type']) {
                'rules_updated' => self::guarded(
                    $options->onRulesUpdated,
                    fn (): array => [$event['time'], $this->specs() ?? ''],
                ),
                'events_flushed' => self::guarded(
                    $options->onFlushed,
                    fn (): array => [new Delivery(
                        $event['success'],
                        $event['events'],
                        $event['status'],
                        $event['error'],
                    )],
                ),
                'error' => self::guarded(
                    $options->onError,
                    fn (): array => [$event['tag'], $event['code'], $event['message']],
                ),
                default => null,
            };
        }
    }

    /**
     * Tells `on_evaluation` of an evaluation, unless it has made it itself.
     *
     * @param \Closure(): array<string, mixed> $result
     */
    private function evaluated(\Closure $result): void
    {
        if ($this->options->onEvaluation === null || $this->isEvaluated) {
            return;
        }
        $this->isEvaluated = true;
        try {
            self::guarded($this->options->onEvaluation, fn (): array => [$result()]);
        } finally {
            $this->isEvaluated = false;
        }
    }

    /**
     * What a callback throws does not spoil the call that it belongs to.
     *
     * @param \Closure(): list<mixed> $arguments
     */
    private static function guarded(?\Closure $callback, \Closure $arguments): void
    {
        if ($callback === null) {
            return;
        }
        try {
            $callback(...$arguments());
        } catch (\Throwable $throwable) {
            error_log("a callback of a Tidegate client failed: $throwable");
        }
    }
}
