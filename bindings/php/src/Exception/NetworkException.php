<?php

declare(strict_types=1);

namespace Tidegate\Exception;

/**
 * The network or a server failed.
 */
final class NetworkException extends TidegateException
{
    public const STATUS = -8;
}
