<?php

declare(strict_types=1);

namespace Tidegate\Tests;

use Tidegate\Client;
use Tidegate\Exception\TidegateException;
use Tidegate\Gate;
use Tidegate\User;

/**
 * Whatever comes in, the answer is an exception or a result, and the program goes on.
 */
final class BadInputTest extends TestCase
{
    /**
     * @return array<string, array{string}>
     */
    public function texts(): array
    {
        return [
            'empty' => [''],
            'not UTF-8' => ["\xff\xfe"],
            'cut UTF-8' => ["caf\xc3"],
            'a NUL' => ["a\0b"],
            'no JSON' => ['{"a":'],
            'JSON null' => ['null'],
            'JSON list' => ['[]'],
            'JSON number' => ['7'],
            'wrong members' => ['{"userID":{"a":1},"gates":7,"feature_gates":7}'],
            'deep' => [str_repeat('[', 100_000)],
            'long' => [str_repeat('x', 1_000_000)],
            'long JSON' => ['"' . str_repeat('x', 1_000_000) . '"'],
        ];
    }

    /**
     * @dataProvider texts
     */
    public function testTextsOfAllSorts(string $text): void
    {
        $client = $this->client(['disable_all_logging' => true]);
        $calls = [
            fn () => new Client($text, ['local_mode' => true]),
            fn () => $this->make([$text => 1]),
            fn () => $this->make(['tier' => $text]),
            fn () => $this->make(['bootstrap_values' => $text]),
            fn () => User::parse($text),
            fn () => new User($text, email: $text, custom: [$text => $text]),
            fn () => $client->checkGate($this->alice, $text),
            fn () => $client->checkGate($text, 'employees_only'),
            fn () => $client->checkGate(['userID' => $text], 'employees_only'),
            fn () => $client->getGate($this->alice, $text)->toArray(),
            fn () => $client->getConfig($this->alice, $text)->value(),
            fn () => $client->getExperiment($this->alice, $text)->name(),
            fn () => $client->getLayer($this->alice, 'checkout_layer')->get($text),
            fn () => $client->getLayer($this->alice, 'checkout_layer')->getString($text),
            fn () => $client->getLayer($this->alice, 'checkout_layer')->has($text),
            fn () => $client->evaluate($text, $this->alice, 'employees_only'),
            fn () => $client->evaluate('gate', $text, $text),
            fn () => $client->evaluateBatch([$text], [['gate', $text]]),
            fn () => $client->explain($this->alice, 'gate', $text),
            fn () => $client->clientInitResponse($this->alice, $text, $text, false, $text),
            fn () => $client->logEvent($this->alice, $text, $text, [$text => $text]),
            fn () => $client->logEvents($text),
            fn () => $client->logEvents([['user' => $text, 'event_name' => $text]]),
            fn () => $client->logExposure($this->alice, 'layer', $text, $text),
            fn () => $client->overrideGate($text, true, $text),
            fn () => $client->overrideConfig($text, [$text => $text], $text),
            fn () => $client->removeOverride('gate', $text, $text),
            fn () => $client->loadOverrides($text),
            fn () => $client->dumpOverrides(),
            fn () => $client->updateSpecs($text),
            fn () => $client->setEnvironment(['tier' => $text]),
        ];
        $answers = ['a result' => 0, 'an exception' => 0];
        foreach ($calls as $call) {
            try {
                $call();
                $answers['a result']++;
            } catch (TidegateException $exception) {
                self::assertNotSame('', $exception->getMessage());
                $answers['an exception']++;
            }
        }
        self::assertSame(count($calls), array_sum($answers));
        $client->removeAllOverrides();
        $client->setEnvironment([]);
        self::assertTrue($client->checkGate($this->alice, 'employees_only'));
    }

    public function testNumbersOfAllSorts(): void
    {
        $client = $this->client();
        foreach ([-1.0, NAN, -INF] as $seconds) {
            self::assertThrows(TidegateException::class, fn () => $client->flush($seconds), "$seconds");
            self::assertThrows(TidegateException::class, fn () => $client->tick($seconds), "$seconds");
        }
        self::assertSame(0, $client->flush(INF)->queued);
        self::assertSame(0, $client->flush(PHP_FLOAT_MIN)->queued);
        foreach ([PHP_INT_MAX, PHP_INT_MIN, 0, -0.0, PHP_FLOAT_MAX] as $value) {
            $client->logEvent($this->alice, 'number', $value);
        }
        self::assertSame(5, $client->flush()->sent);
        foreach ([NAN, INF] as $value) {
            try {
                $client->logEvent($this->alice, 'number', $value);
            } catch (TidegateException $exception) {
                self::assertStringContainsString('value', $exception->getMessage());
            }
        }
        self::assertTrue($client->checkGate($this->alice, 'employees_only'));
    }

    public function testObjectsThatAreNotWhatTheySeem(): void
    {
        $client = $this->local();
        foreach ([0, 1, -1, PHP_INT_MAX, PHP_INT_MIN, $this->alice->id] as $id) {
            $gate = new Gate($id);
            self::assertThrows(TidegateException::class, fn () => $gate->toArray());
            self::assertFalse($id !== 0 && $gate->value());
            self::assertThrows(TidegateException::class, fn () => $client->logExposureFor($gate));
            $gate->id = 0;
        }
        $empty = (new \ReflectionClass(User::class))->newInstanceWithoutConstructor();
        self::assertThrows(TidegateException::class, fn () => $client->checkGate($empty, 'employees_only'));
        self::assertTrue($client->checkGate($this->alice, 'employees_only'));
    }
}
