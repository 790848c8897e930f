<?php

declare(strict_types=1);

namespace Tidegate\Tests;

use Tidegate\Config;
use Tidegate\Exception\HandleException;
use Tidegate\Kind;
use Tidegate\User;

final class ResultTest extends TestCase
{
    private const VALUE = [
        'text' => "caf\u{e9}", 'nul' => "a\0b", 'whole' => 9007199254740993, 'part' => 0.5, 'yes' => true,
        'none' => null, 'list' => [1, 'two'], 'map' => ['deep' => ['x' => 1]], '' => 'empty key',
    ];

    private function config(): Config
    {
        $client = $this->local();
        $client->overrideConfig('everything', self::VALUE);
        return $client->getConfig($this->alice, 'everything');
    }

    public function testParametersOfEveryType(): void
    {
        $config = $this->config();
        self::assertEquals(self::VALUE, $config->value());
        foreach (self::VALUE as $name => $value) {
            self::assertSame($value, $config->get($name, 7), $name);
        }
        self::assertSame("caf\u{e9}", $config->getString('text'));
        self::assertSame("a\0b", $config->getString('nul'));
        self::assertSame(9007199254740993, $config->getInt('whole'));
        self::assertSame(0.5, $config->getFloat('part'));
        self::assertTrue($config->getBool('yes'));
        self::assertSame('[1,"two"]', $config->getJson('list'));
        self::assertSame([1, 'two'], $config->getArray('list'));
        self::assertSame('empty key', $config->getString(''));
    }

    public function testDefaultsStandInForWhatIsAbsentOrOfAnotherType(): void
    {
        $config = $this->config();
        self::assertNull($config->get('absent'));
        self::assertNull($config->getJson('absent'));
        self::assertSame('mine', $config->get('absent', 'mine'));
        self::assertSame('d', $config->getString('whole', 'd'));
        self::assertSame(PHP_INT_MIN, $config->getInt('text', PHP_INT_MIN));
        self::assertSame(1.5, $config->getFloat('absent', 1.5));
        self::assertTrue($config->getBool('text', true));
        self::assertSame(['d'], $config->getArray('text', ['d']));
        self::assertTrue($config->has('none'));
        self::assertFalse($config->has('absent'));
        self::assertThrows(\TypeError::class, fn () => $config->getInt('absent', 'seven'));
    }

    public function testWhereAValueCameFrom(): void
    {
        $client = $this->local();
        $gate = $client->getGate($this->alice, 'employees_only');
        self::assertSame('employees_only', $gate->name());
        self::assertSame(Kind::Gate, $gate->kind());
        self::assertSame('userID', $gate->idType());
        self::assertSame('by email', $gate->groupName());
        self::assertSame($gate->toArray()['rule_id'], $gate->ruleId());
        self::assertSame('Bootstrap', $gate->reason());
        self::assertSame('none', $gate->details()->reason);
        self::assertSame(1768471200000, $gate->times()->configSync);
        self::assertGreaterThan($gate->times()->init, $gate->times()->server);
        $unknown = $client->getConfig($this->alice, 'no_such_config');
        self::assertSame('Bootstrap:Unrecognized', $unknown->reason());
        self::assertSame('Bootstrap:Unrecognized', $unknown->details()->detailedReason);
        self::assertNull($unknown->groupName());
        self::assertFalse($unknown->isPassed());
        self::assertSame('{}', $unknown->valueJson());
        self::assertSame("a\0b", $client->getGate($this->alice, "a\0b")->name());
        $kinds = [
            $client->getConfig($this->alice, 'x')->kind(),
            $client->getExperiment($this->alice, 'x')->kind(),
            $client->getLayer($this->alice, 'x')->kind(),
        ];
        self::assertSame([Kind::Config, Kind::Experiment, Kind::Layer], $kinds);
    }

    public function testAResultOutlivesItsUserAndClient(): void
    {
        $client = $this->local();
        $user = new User('alice', email: 'alice@shop.example');
        $layer = $client->getLayer($user, 'checkout_layer', false);
        $user->close();
        $client->close();
        self::assertSame('Buy now', $layer->getString('button_text'));
    }

    public function testAClosedResultIsAnError(): void
    {
        $config = $this->config();
        $config->close();
        $config->close();
        foreach (['name', 'kind', 'ruleId', 'value', 'isPassed', 'toArray', 'times', 'details'] as $reader) {
            self::assertThrows(HandleException::class, fn () => $config->$reader(), $reader);
        }
        foreach (['get', 'getString', 'getInt', 'getBool', 'getFloat', 'getJson', 'has'] as $reader) {
            self::assertThrows(HandleException::class, fn () => $config->$reader('text'), $reader);
        }
        self::assertThrows(\LogicException::class, fn () => clone $config);
    }
}
