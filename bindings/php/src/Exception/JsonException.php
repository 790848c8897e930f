<?php

declare(strict_types=1);

namespace Tidegate\Exception;

/**
 * Text that is not JSON.
 */
final class JsonException extends TidegateException
{
    public const STATUS = -4;
}
