<?php

declare(strict_types=1);

namespace Tidegate;

/**
 * The outcome of one attempt to deliver a batch of events.
 */
final class Delivery
{
    /**
     * @param int $events how many the batch has
     * @param int|null $status of the answer, if there was one
     * @param string|null $error what went wrong
     */
    public function __construct(
        public readonly bool $success,
        public readonly int $events,
        public readonly ?int $status,
        public readonly ?string $error,
    ) {
    }
}
