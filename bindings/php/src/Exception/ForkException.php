<?php

declare(strict_types=1);

namespace Tidegate\Exception;

/**
 * Not possible in this forked child, by the option `on_fork`.
 */
final class ForkException extends TidegateException
{
    public const STATUS = -12;
}
