<?php

declare(strict_types=1);

namespace Tidegate\Exception;

use Tidegate\Internal\Library;

/**
 * Base of every exception of this package.
 */
class TidegateException extends \RuntimeException
{
    /** The status that the class stands for. */
    public const STATUS = 0;

    private const BY_STATUS = [
        HandleException::STATUS => HandleException::class,
        EncodingException::STATUS => EncodingException::class,
        JsonException::STATUS => JsonException::class,
        ArgumentException::STATUS => ArgumentException::class,
        StateException::STATUS => StateException::class,
        TimeoutException::STATUS => TimeoutException::class,
        NetworkException::STATUS => NetworkException::class,
        FileException::STATUS => FileException::class,
        UnsupportedException::STATUS => UnsupportedException::class,
        ForkException::STATUS => ForkException::class,
        BusyException::STATUS => BusyException::class,
    ];

    /**
     * @param int|null $status that of the class if it is not given
     */
    final public function __construct(
        string $message = '',
        ?int $status = null,
        ?\Throwable $previous = null,
    ) {
        parent::__construct($message, $status ?? static::STATUS, $previous);
    }

    /**
     * The library's status, below 0; 0 for an error of the package's own. The same as `getCode()`.
     */
    public function getStatus(): int
    {
        return (int) $this->getCode();
    }

    /**
     * The name of the status, for example "TIDEGATE_E_STATE".
     */
    public function getStatusName(): string
    {
        return Library::ffi()->tidegate_status_name($this->getStatus());
    }

    /**
     * The exception for a status below 0.
     *
     * @internal
     */
    public static function fromStatus(int $status, string $message): self
    {
        $class = self::BY_STATUS[$status] ?? self::class;
        return new $class($message, $status);
    }
}
