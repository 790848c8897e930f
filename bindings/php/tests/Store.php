<?php

declare(strict_types=1);

namespace Tidegate\Tests;

use Tidegate\DataStore;

/**
 * A data store in memory that tells what was asked of it.
 */
final class Store implements DataStore
{
    /** @var list<string> */
    public array $calls = [];

    public bool $isPolled = false;

    /**
     * @param array<string, string> $content
     */
    public function __construct(public array $content = [])
    {
    }

    public function get(string $key): ?string
    {
        $this->calls[] = 'get';
        return $this->content[$key] ?? null;
    }

    public function set(string $key, string $value, int $timeMs): void
    {
        $this->calls[] = 'set';
        $this->content[$key] = $value;
    }

    public function supportsPolling(string $path): bool
    {
        $this->calls[] = 'supportsPolling';
        return $this->isPolled;
    }

    public function shutdown(): void
    {
        $this->calls[] = 'shutdown';
    }
}
