<?php

declare(strict_types=1);

namespace Tidegate\Tests;

/**
 * Makes rulesets.
 */
final class Rules
{
    /**
     * A document with the given gates.
     *
     * @return array<string, mixed>
     */
    public static function of(int $time, string ...$gates): array
    {
        return [
            'has_updates' => true,
            'time' => $time,
            'feature_gates' => array_map(self::gate(...), array_values($gates)),
            'dynamic_configs' => [],
            'layer_configs' => [],
        ];
    }

    /**
     * A gate that everybody passes.
     *
     * @return array<string, mixed>
     */
    private static function gate(string $name): array
    {
        $everybody = ['type' => 'public', 'targetValue' => null, 'operator' => null, 'field' => null];
        $rule = [
            'name' => 'everyone', 'id' => 'rule_everyone', 'salt' => 'salt', 'groupName' => null,
            'passPercentage' => 100, 'returnValue' => true, 'idType' => 'userID', 'conditions' => [$everybody],
        ];
        return [
            'name' => $name, 'type' => 'feature_gate', 'entity' => 'feature_gate', 'salt' => $name,
            'enabled' => true, 'defaultValue' => false, 'idType' => 'userID', 'rules' => [$rule],
        ];
    }
}
