<?php

declare(strict_types=1);

namespace Tidegate\Tests;

use Tidegate\Metrics;

/**
 * Keeps the metrics that it is told.
 */
final class Counters implements Metrics
{
    /** @var list<array{string, string, float, array<string, string>}> */
    public array $seen = [];

    public function increment(string $name, float $value, array $tags): void
    {
        $this->seen[] = ['increment', $name, $value, $tags];
    }

    public function gauge(string $name, float $value, array $tags): void
    {
        $this->seen[] = ['gauge', $name, $value, $tags];
    }

    public function distribution(string $name, float $value, array $tags): void
    {
        $this->seen[] = ['distribution', $name, $value, $tags];
    }

    public function isHighCardinality(): bool
    {
        return false;
    }
}
