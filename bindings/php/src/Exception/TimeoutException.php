<?php

declare(strict_types=1);

namespace Tidegate\Exception;

/**
 * The time-out was reached.
 */
final class TimeoutException extends TidegateException
{
    public const STATUS = -7;
}
