<?php

declare(strict_types=1);

namespace Tidegate\Client;

use Tidegate\Internal\Call;
use Tidegate\Internal\Json;
use Tidegate\Kind;

/**
 * Values of your choice, for everybody or for one user id or custom id.
 *
 * @internal
 */
trait Overrides
{
    /**
     * Makes everybody, or one id, pass a gate or not.
     */
    public function overrideGate(string $name, bool $value, ?string $id = null): void
    {
        $this->override(Kind::Gate, $name, $value ? 'true' : 'false', $id);
    }

    /**
     * The same for a dynamic config.
     *
     * @param array<string, mixed> $value
     */
    public function overrideConfig(string $name, array $value, ?string $id = null): void
    {
        $this->override(Kind::Config, $name, Json::object($value, 'value'), $id);
    }

    /**
     * The same for an experiment. Does not reach the layer that holds the experiment.
     *
     * @param array<string, mixed> $value
     */
    public function overrideExperiment(string $name, array $value, ?string $id = null): void
    {
        $this->override(Kind::Experiment, $name, Json::object($value, 'value'), $id);
    }

    /**
     * The same for a layer.
     *
     * @param array<string, mixed> $value
     */
    public function overrideLayer(string $name, array $value, ?string $id = null): void
    {
        $this->override(Kind::Layer, $name, Json::object($value, 'value'), $id);
    }

    /**
     * Removes one override, if it is there.
     */
    public function removeOverride(Kind|string $kind, string $name, ?string $id = null): void
    {
        Call::check($this->ffi->tidegate_remove_override(
            $this->id,
            Kind::parse($kind)->value,
            $name,
            strlen($name),
            $id,
            Call::length($id),
        ));
    }

    /**
     * Removes every override.
     */
    public function removeAllOverrides(): void
    {
        Call::check($this->ffi->tidegate_remove_all_overrides($this->id));
    }

    /**
     * Replaces all overrides.
     *
     * @param array<string, mixed>|string $overrides for example
     *   `['gates' => ['new_checkout' => ['' => true]]]`
     */
    public function loadOverrides(array|string $overrides): void
    {
        $json = is_string($overrides) ? $overrides : self::overridesJson($overrides);
        Call::check($this->ffi->tidegate_load_overrides($this->id, $json, strlen($json)));
    }

    /**
     * All overrides, in the form that {@see loadOverrides()} takes.
     *
     * @return array<string, array<string, array<string, mixed>>>
     */
    public function dumpOverrides(): array
    {
        $out = Call::buffer();
        return Call::json($this->ffi->tidegate_dump_overrides($this->id, $out), $out);
    }

    /**
     * Names and ids may look like numbers and values may be empty: both are objects all the same.
     *
     * @param array<string, mixed> $overrides
     */
    private static function overridesJson(array $overrides): string
    {
        $object = static fn (mixed $value): mixed => is_array($value) ? (object) $value : $value;
        $ofName = static fn (mixed $values): mixed => $object(
            is_array($values) ? array_map($object, $values) : $values
        );
        $ofKind = static fn (mixed $names): mixed => $object(
            is_array($names) ? array_map($ofName, $names) : $names
        );
        return Json::object(array_map($ofKind, $overrides), 'overrides');
    }

    private function override(Kind $kind, string $name, string $json, ?string $id): void
    {
        Call::check($this->ffi->tidegate_override(
            $this->id,
            $kind->value,
            $name,
            strlen($name),
            $json,
            strlen($json),
            $id,
            Call::length($id),
        ));
    }
}
