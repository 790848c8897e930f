<?php

declare(strict_types=1);

namespace Tidegate\Exception;

/**
 * The shared library was not found, or is not one that this package can use.
 */
final class LibraryException extends TidegateException
{
    /**
     * "" where no library is there to ask.
     */
    public function getStatusName(): string
    {
        return '';
    }
}
