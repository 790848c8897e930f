<?php

declare(strict_types=1);

namespace Tidegate\Tests;

/**
 * The local server as a child of the test process, and its control interface.
 */
final class LocalServer
{
    public const ROOT = __DIR__ . '/../../..';

    private const WAIT_MS = 30_000;

    public readonly string $url;
    public readonly string $api;
    private Program $program;

    /**
     * Ends with the test process, however that ends.
     */
    public function __construct(string ...$arguments)
    {
        $file = self::target() . '/examples/local_server';
        $this->program = new Program([$file, '--quiet', '--exit-with-parent', ...$arguments]);
        $ready = json_decode($this->program->line(), true, 512, JSON_THROW_ON_ERROR);
        $this->url = $ready['url'];
        $this->api = $ready['api'];
    }

    public static function target(): string
    {
        $folder = getenv('CARGO_TARGET_DIR') ?: self::root() . '/target';
        return $folder . '/' . (getenv('TIDEGATE_PROFILE') ?: 'debug');
    }

    public static function library(): string
    {
        return self::target() . '/libtidegate.so';
    }

    public static function root(): string
    {
        return realpath(self::ROOT);
    }

    public static function shop(): string
    {
        return file_get_contents(self::root() . '/examples/rules/shop.json');
    }

    /**
     * Accepted events of a key, in order, without those that the library sends by itself.
     *
     * @return list<array<string, mixed>>
     */
    public function events(string $key): array
    {
        $events = array_column($this->control('GET', 'events', ['key' => $key]), 'event');
        return array_values(array_filter(
            $events,
            static fn (array $event): bool => $event['eventName'] !== 'statsig::diagnostics',
        ));
    }

    /**
     * @return list<string>
     */
    public function names(string $key): array
    {
        return array_column($this->events($key), 'eventName');
    }

    /**
     * Waits until so many requests or events have arrived.
     */
    public function wait(string $endpoint, int $count, string $key, ?string $name = null): void
    {
        $this->control('GET', 'wait', [
            'endpoint' => $endpoint, 'count' => $count, 'key' => $key, 'name' => $name,
            'timeout_ms' => self::WAIT_MS,
        ]);
    }

    /**
     * @param array<string, mixed>|string $rules
     */
    public function putRules(array|string $rules, string $key): void
    {
        $body = is_string($rules) ? $rules : json_encode($rules, JSON_THROW_ON_ERROR);
        $this->control('PUT', 'rules', ['key' => $key], $body);
    }

    /**
     * @param array<string, mixed> ...$faults
     */
    public function faults(array ...$faults): void
    {
        $this->control('POST', 'faults', [], json_encode($faults, JSON_THROW_ON_ERROR));
    }

    /**
     * @param array<string, mixed> $query
     */
    public function control(string $method, string $command, array $query = [], string $body = ''): mixed
    {
        $url = "$this->url/control/$command?" . http_build_query($query);
        $context = stream_context_create(['http' => [
            'method' => $method,
            'content' => $body,
            'header' => ['Content-Type: application/json', 'Connection: close'],
            'timeout' => 60,
            'ignore_errors' => true,
        ]]);
        $answer = file_get_contents($url, false, $context);
        if ($answer === false || !str_contains($http_response_header[0], ' 200 ')) {
            throw new \RuntimeException("$method $url: {$http_response_header[0]} $answer");
        }
        return json_decode($answer, true, 512, JSON_THROW_ON_ERROR);
    }
}
