<?php

declare(strict_types=1);

namespace Tidegate\Internal;

use Tidegate\Exception\ArgumentException;
use Tidegate\Exception\JsonException;
use Tidegate\User;

/**
 * PHP values as JSON and back.
 *
 * @internal
 */
final class Json
{
    private const FLAGS = JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION | JSON_UNESCAPED_SLASHES
        | JSON_UNESCAPED_UNICODE;

    /** Members of a user that are objects; PHP cannot tell an empty one from an empty list. */
    private const USER_OBJECTS = [
        'custom', 'privateAttributes', 'private_attributes', 'customIDs', 'custom_ids', 'statsigEnvironment',
    ];

    /**
     * @param string $what names the value in errors
     */
    public static function encode(mixed $value, string $what): string
    {
        try {
            return json_encode($value, self::FLAGS);
        } catch (\JsonException $exception) {
            throw new ArgumentException("$what: {$exception->getMessage()}", previous: $exception);
        }
    }

    /**
     * JSON of what is an object even if it is empty. Text is taken to be JSON already.
     *
     * @param array<array-key, mixed>|object|string $value
     */
    public static function object(array|object|string $value, string $what): string
    {
        return match (true) {
            is_string($value) => $value,
            $value === [] => '{}',
            default => self::encode($value, $what),
        };
    }

    /**
     * JSON of a list, or of one object. Text is taken to be JSON already.
     *
     * @param array<array-key, mixed>|object|string $value
     */
    public static function list(array|object|string $value, string $what): string
    {
        return is_string($value) ? $value : self::encode($value, $what);
    }

    /**
     * @param array<string, mixed>|string $user
     */
    public static function user(array|string $user): string
    {
        return is_string($user) ? $user : self::object(self::objects($user, self::USER_OBJECTS), 'user');
    }

    /**
     * A user as a part of other JSON.
     *
     * @param User|array<string, mixed>|string $user
     */
    public static function userValue(User|array|string $user): mixed
    {
        return match (true) {
            $user instanceof User => self::decodeExact($user->toJson(withPrivate: true)),
            is_string($user) => self::decodeExact($user),
            default => (object) self::objects($user, self::USER_OBJECTS),
        };
    }

    /**
     * Turns those members that are empty arrays into objects.
     *
     * @param array<string, mixed> $value
     * @param list<string> $members
     * @return array<string, mixed>
     */
    public static function objects(array $value, array $members): array
    {
        foreach ($members as $member) {
            if (($value[$member] ?? null) === []) {
                $value[$member] = new \stdClass();
            }
        }
        return $value;
    }

    /**
     * Objects as arrays.
     */
    public static function decode(string $json): mixed
    {
        return self::decoded($json, true);
    }

    /**
     * Objects as objects, so that empty ones stay what they are.
     */
    private static function decodeExact(string $json): mixed
    {
        return self::decoded($json, false);
    }

    private static function decoded(string $json, bool $asArrays): mixed
    {
        try {
            return json_decode($json, $asArrays, 512, JSON_THROW_ON_ERROR);
        } catch (\JsonException $exception) {
            throw new JsonException($exception->getMessage(), previous: $exception);
        }
    }
}
