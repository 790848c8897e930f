<?php

declare(strict_types=1);

namespace Tidegate;

use Tidegate\Exception\ArgumentException;

/**
 * What is evaluated.
 */
enum Kind: int
{
    case Gate = 1;
    case Config = 2;
    case Experiment = 3;
    case Layer = 4;

    /**
     * The kind as it stands in JSON: "gate", "config", "experiment" or "layer".
     */
    public function label(): string
    {
        return strtolower($this->name);
    }

    /**
     * The kind of such a name.
     *
     * @throws ArgumentException if there is none
     */
    public static function parse(self|string $kind): self
    {
        if ($kind instanceof self) {
            return $kind;
        }
        foreach (self::cases() as $case) {
            if ($case->label() === $kind) {
                return $case;
            }
        }
        throw new ArgumentException("kind: expected gate, config, experiment or layer, not \"$kind\"");
    }
}
