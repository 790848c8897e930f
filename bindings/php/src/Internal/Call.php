<?php

declare(strict_types=1);

namespace Tidegate\Internal;

use FFI\CData;
use FFI\CType;
use Tidegate\Exception\ArgumentException;
use Tidegate\Exception\HandleException;
use Tidegate\Exception\TidegateException;

/**
 * The few ways of crossing into the library: statuses, out-parameters, text.
 *
 * @internal
 */
final class Call
{
    public const NO_EXPOSURE = 1;

    private const TIMEOUT_MAX_MS = 0xFFFF_FFFF;

    /** @var array<string, CType> */
    private static array $types = [];

    /**
     * Room for one out-parameter of a C type.
     */
    public static function out(string $type): CData
    {
        $ffi = Library::ffi();
        return $ffi->new(self::$types[$type] ??= $ffi->type($type . '[1]'));
    }

    /**
     * Room for the buffer that a call gives.
     */
    public static function buffer(): CData
    {
        return self::out('tidegate_buf *');
    }

    /**
     * Room for a struct, its size filled in.
     */
    public static function struct(string $type): CData
    {
        $struct = Library::ffi()->new($type);
        $struct->struct_size = \FFI::sizeof($struct);
        return $struct;
    }

    /**
     * Throws for a status below 0.
     */
    public static function check(int $status): void
    {
        if ($status < 0) {
            throw TidegateException::fromStatus($status, self::lastError());
        }
    }

    /**
     * The id that a call gave.
     */
    public static function id(int $status, CData $out): int
    {
        self::check($status);
        return $out[0];
    }

    /**
     * The text that a call gave, if it gave any. Frees the buffer.
     */
    public static function text(int $status, CData $out): ?string
    {
        self::check($status);
        $buffer = $out[0];
        if ($buffer === null) {
            return null;
        }
        $ffi = Library::ffi();
        try {
            // JSON has no NUL in it, so its end is where PHP finds it.
            return $ffi->tidegate_buf_data($buffer);
        } finally {
            $ffi->tidegate_buf_free($buffer);
        }
    }

    /**
     * The JSON that a call gave, objects as arrays.
     */
    public static function json(int $status, CData $out): mixed
    {
        $text = self::text($status, $out);
        return $text === null ? null : Json::decode($text);
    }

    /**
     * A time-out in seconds as the library takes it: within its range, and a short one is not none.
     */
    public static function milliseconds(float $seconds): int
    {
        if (!($seconds >= 0)) {
            throw new ArgumentException("time-out: expected seconds of 0 or more, not $seconds");
        }
        return (int) min(ceil($seconds * 1000), self::TIMEOUT_MAX_MS);
    }

    /**
     * The length of a text that may be absent.
     */
    public static function length(?string $text): int
    {
        return $text === null ? 0 : strlen($text);
    }

    /**
     * For calls that return no status, and cannot tell a closed object from a default.
     */
    public static function live(int $id): int
    {
        return $id !== 0 ? $id : throw new HandleException('the object is closed');
    }

    private static function lastError(): string
    {
        $ffi = Library::ffi();
        $size = 512;
        do {
            $text = $ffi->new("char[$size]");
            $needed = $ffi->tidegate_last_error($text, $size);
            $isCut = $needed >= $size;
            $size = $needed + 1;
        } while ($isCut);
        return \FFI::string($text, $needed);
    }
}
