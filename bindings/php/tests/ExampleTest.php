<?php

declare(strict_types=1);

namespace Tidegate\Tests;

/**
 * The example index.php on PHP's built-in server. FpmTest has it on PHP-FPM.
 */
final class ExampleTest extends TestCase
{
    public function testTheBuiltInServerKeepsItsClient(): void
    {
        $script = LocalServer::root() . '/examples/php/index.php';
        $command = [PHP_BINARY, '-d', 'ffi.enable=true', '-d', 'display_errors=0', '-S', '127.0.0.1:0', $script];
        $server = new Program(['sh', '-c', 'exec "$@" 2>&1', 'sh', ...$command], [
            'TIDEGATE_KEY' => $this->key,
            'TIDEGATE_OPTIONS' => json_encode(['api' => self::server()->api, 'disable_diagnostics' => true]),
        ]);
        self::assertSame(1, preg_match('~http://127.0.0.1:\d+~', $server->line(), $found));
        $pages = [];
        for ($number = 0; $number < 5; $number++) {
            $answer = file_get_contents("$found[0]/cart?user=alice&email=alice@shop.example");
            $pages[] = json_decode($answer, true, 512, JSON_THROW_ON_ERROR);
        }
        $page = ['new_checkout' => true, 'banner' => 'Welcome to the shop', 'button' => 'Buy now'];
        self::assertEquals(array_fill(0, 5, $page + ['worker' => $server->pid]), $pages);
        self::server()->wait('events', 5, $this->key, 'page_view');
        $requests = self::server()->control('GET', 'requests', ['key' => $this->key, 'endpoint' => 'specs']);
        self::assertCount(1, $requests);
    }

    public function testWherePhpAllowsNoFfiTheExceptionSaysWhatToDo(): void
    {
        $script = LocalServer::root() . '/examples/php/index.php';
        $settings = ['-d', 'ffi.enable=preload', '-d', 'log_errors=1', '-d', 'error_log=/dev/stderr'];
        $command = [PHP_BINARY, ...$settings, '-S', '127.0.0.1:0', $script];
        $server = new Program(['sh', '-c', 'exec "$@" 2>&1', 'sh', ...$command]);
        preg_match('~http://127.0.0.1:\d+~', $server->line(), $found);
        $context = stream_context_create(['http' => ['ignore_errors' => true]]);
        file_get_contents($found[0], false, $context);
        do {
            $line = $server->line();
        } while (!str_contains($line, 'LibraryException'));
        self::assertStringContainsString('set "ffi.enable = true"', $line);
        self::assertStringContainsString('opcache.preload = ' . dirname(__DIR__) . '/preload.php', $line);
    }

    public function testTheBenchmarkRuns(): void
    {
        $said = Program::run([PHP_BINARY, dirname(__DIR__) . '/bench.php'], ['BENCH_CALLS' => '20'], $status);
        self::assertSame(0, $status, $said);
        self::assertMatchesRegularExpression('/^checkGate, User +\d+$/m', $said);
        self::assertMatchesRegularExpression('/^clientInitResponse +\d+$/m', $said);
    }
}
