<?php

declare(strict_types=1);

namespace Tidegate\Exception;

/**
 * Not possible now: before initialize, after shutdown, or inside this callback.
 */
final class StateException extends TidegateException
{
    public const STATUS = -6;
}
