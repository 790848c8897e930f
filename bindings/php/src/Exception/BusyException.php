<?php

declare(strict_types=1);

namespace Tidegate\Exception;

/**
 * Too many of something that is bounded.
 */
final class BusyException extends TidegateException
{
    public const STATUS = -15;
}
