<?php

declare(strict_types=1);

namespace Tidegate\Exception;

/**
 * A client, user or result that has been closed.
 */
final class HandleException extends TidegateException
{
    public const STATUS = -2;
}
