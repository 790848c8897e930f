<?php

declare(strict_types=1);

namespace Tidegate;

/**
 * Receives the library's own metrics, named `statsig.sdk.*`.
 *
 * Called on your thread, inside any call of the client. What it throws is written to the error log.
 * It must not end the program.
 */
interface Metrics
{
    /**
     * Adds to a counter.
     *
     * @param array<string, string> $tags
     */
    public function increment(string $name, float $value, array $tags): void;

    /**
     * Sets a gauge.
     *
     * @param array<string, string> $tags
     */
    public function gauge(string $name, float $value, array $tags): void;

    /**
     * Records one value of a distribution.
     *
     * @param array<string, string> $tags
     */
    public function distribution(string $name, float $value, array $tags): void;

    /**
     * Whether to receive tags with many values (`lcut`, `prev_lcut`) too.
     */
    public function isHighCardinality(): bool;
}
