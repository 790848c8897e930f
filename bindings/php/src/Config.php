<?php

declare(strict_types=1);

namespace Tidegate;

use Tidegate\Internal\Call;
use Tidegate\Internal\Json;

/**
 * The result of a dynamic config: parameters by name.
 */
class Config extends Result
{
    /**
     * All parameters. Logs no exposure.
     *
     * @return array<string, mixed>
     */
    public function value(): array
    {
        return Json::decode($this->valueJson());
    }

    /**
     * All parameters as JSON, which tells an empty object from an empty list. Logs no exposure.
     */
    public function valueJson(): string
    {
        $out = Call::buffer();
        return Call::text($this->ffi->tidegate_result_value_json($this->id, $out), $out);
    }

    /**
     * Whether the user passes the rule that decided.
     */
    public function isPassed(): bool
    {
        return $this->ffi->tidegate_result_bool(Call::live($this->id)) === 1;
    }

    /**
     * One parameter of any type, null included; the default if it is absent.
     */
    public function get(string $key, mixed $default = null): mixed
    {
        $found = $this->getJson($key);
        return $found === null ? $default : Json::decode($found);
    }

    /**
     * One parameter as JSON; null if it is absent.
     */
    public function getJson(string $key): ?string
    {
        $out = Call::buffer();
        return Call::text($this->ffi->tidegate_result_get_json($this->id, $key, strlen($key), $out), $out);
    }

    /**
     * One parameter; the default if it is absent or not true or false.
     */
    public function getBool(string $key, bool $default = false): bool
    {
        $out = Call::out('int32_t');
        Call::check($this->ffi->tidegate_result_get_bool($this->id, $key, strlen($key), (int) $default, $out));
        return $out[0] === 1;
    }

    /**
     * One parameter; the default if it is absent or not a whole number of 64 bits.
     */
    public function getInt(string $key, int $default = 0): int
    {
        $out = Call::out('int64_t');
        Call::check($this->ffi->tidegate_result_get_i64($this->id, $key, strlen($key), $default, $out));
        return $out[0];
    }

    /**
     * One parameter; the default if it is absent or not a number.
     */
    public function getFloat(string $key, float $default = 0.0): float
    {
        $out = Call::out('double');
        Call::check($this->ffi->tidegate_result_get_f64($this->id, $key, strlen($key), $default, $out));
        return $out[0];
    }

    /**
     * One parameter; the default if it is absent or not a string.
     */
    public function getString(string $key, string $default = ''): string
    {
        $out = Call::out('const char *');
        $length = Call::out('size_t');
        Call::check($this->ffi->tidegate_result_get_str($this->id, $key, strlen($key), $out, $length));
        $text = $out[0];
        if ($text === null) {
            return $default;
        }
        // PHP ends it at a NUL inside.
        return strlen($text) === $length[0] ? $text : $this->value()[$key];
    }

    /**
     * One parameter; the default if it is absent or neither an array nor an object.
     *
     * @param array<array-key, mixed> $default
     * @return array<array-key, mixed>
     */
    public function getArray(string $key, array $default = []): array
    {
        $found = $this->get($key);
        return is_array($found) ? $found : $default;
    }

    /**
     * Whether there is such a parameter, even if it is null. Logs no exposure.
     */
    public function has(string $key): bool
    {
        return $this->ffi->tidegate_result_has(Call::live($this->id), $key, strlen($key)) !== 0;
    }
}
