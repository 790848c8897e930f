<?php

declare(strict_types=1);

namespace Tidegate\Exception;

/**
 * A file or folder failed.
 */
final class FileException extends TidegateException
{
    public const STATUS = -9;
}
