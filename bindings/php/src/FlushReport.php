<?php

declare(strict_types=1);

namespace Tidegate;

/**
 * What became of the events during a call.
 */
final class FlushReport
{
    /**
     * @param int $sent accepted by the server
     * @param int $spooled written to the spool
     * @param int $dropped given up
     * @param int $queued still waiting after the call
     */
    public function __construct(
        public readonly int $sent,
        public readonly int $spooled,
        public readonly int $dropped,
        public readonly int $queued,
    ) {
    }
}
