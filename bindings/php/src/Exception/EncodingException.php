<?php

declare(strict_types=1);

namespace Tidegate\Exception;

/**
 * Text that is not UTF-8.
 */
final class EncodingException extends TidegateException
{
    public const STATUS = -3;
}
