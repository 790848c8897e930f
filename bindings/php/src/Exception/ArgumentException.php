<?php

declare(strict_types=1);

namespace Tidegate\Exception;

/**
 * A value that is not accepted; the message names it.
 */
final class ArgumentException extends TidegateException
{
    public const STATUS = -5;
}
