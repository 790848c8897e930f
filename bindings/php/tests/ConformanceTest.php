<?php

declare(strict_types=1);

namespace Tidegate\Tests;

use Tidegate\Client;
use Tidegate\Kind;
use Tidegate\User;

/**
 * The cases that every language answers alike.
 */
final class ConformanceTest extends TestCase
{
    private LocalServer $cases;

    public function testEveryCase(): void
    {
        $tests = LocalServer::root() . '/tests';
        $this->cases = new LocalServer('--dir', "$tests/specs");
        $files = glob("$tests/cases/*.json");
        $count = array_sum(array_map($this->runFile(...), $files));
        self::assertSame((int) file_get_contents("$tests/cases/COUNT"), $count);
    }

    private function runFile(string $file): int
    {
        $document = self::decode(file_get_contents($file));
        $options = ['api' => $this->cases->api, 'disable_all_logging' => true, 'disable_diagnostics' => true];
        $client = new Client("secret-$document->specs", $options + (array) ($document->options ?? []));
        self::assertSame('Network', $client->initialize(30)->source, $file);
        foreach ($document->cases as $case) {
            $this->runCase($client, $case, "$file: $case->id");
        }
        $client->close();
        return count($document->cases);
    }

    private function runCase(Client $client, \stdClass $case, string $where): void
    {
        if (isset($case->overrides)) {
            $client->loadOverrides(self::encode($case->overrides));
        }
        $user = User::parse(self::encode($case->user));
        $result = match (Kind::parse($case->kind)) {
            Kind::Gate => $client->getGate($user, $case->name, false),
            Kind::Config => $client->getConfig($user, $case->name, false),
            Kind::Experiment => $client->getExperiment($user, $case->name, false),
            Kind::Layer => $client->getLayer($user, $case->name, false),
        };
        $inOneCall = $client->evaluate($case->kind, self::encode($case->user), $case->name, false);
        $client->removeAllOverrides();
        $found = self::decode($result->toJson());
        $times = ['server_time' => 0];
        self::assertEquals(
            ['details' => $times + $inOneCall['details']] + $inOneCall,
            ['details' => $times + $result->toArray()['details']] + $result->toArray(),
            $where,
        );
        foreach ($case->expect as $member => $expected) {
            if ($member !== 'details') {
                self::compare($expected, $found, $member, $where);
                continue;
            }
            foreach ($expected as $name => $value) {
                self::compare($value, $found->details, $name, $where);
            }
        }
    }

    private static function compare(mixed $expected, \stdClass $found, string $member, string $where): void
    {
        self::assertTrue(property_exists($found, $member), "$where: $member is missing");
        self::assertSame(
            self::comparable($expected),
            self::comparable($found->$member),
            "$where: $member",
        );
    }

    /**
     * Text that is the same if the values are: members sorted, numbers as floats where that is exact.
     */
    private static function comparable(mixed $value): mixed
    {
        if ($value instanceof \stdClass) {
            $members = get_object_vars($value);
            ksort($members, SORT_STRING);
            return ['object' => array_map(self::comparable(...), $members)];
        }
        if (is_array($value)) {
            return array_map(self::comparable(...), $value);
        }
        return is_int($value) && (int) (float) $value === $value ? (float) $value : $value;
    }

    private static function decode(string $json): \stdClass
    {
        return json_decode($json, false, 512, JSON_THROW_ON_ERROR);
    }

    private static function encode(\stdClass $value): string
    {
        return json_encode($value, JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION);
    }
}
