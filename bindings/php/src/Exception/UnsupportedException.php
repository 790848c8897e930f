<?php

declare(strict_types=1);

namespace Tidegate\Exception;

/**
 * This build of the library does not do that.
 */
final class UnsupportedException extends TidegateException
{
    public const STATUS = -11;
}
