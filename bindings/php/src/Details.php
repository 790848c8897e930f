<?php

declare(strict_types=1);

namespace Tidegate;

/**
 * Where a value came from. Times are in ms since 1970.
 */
final class Details
{
    /**
     * @param string $source for example "Network", "Bootstrap" or "Uninitialized"
     * @param string $reason "none", or for example "Unrecognized" or "LocalOverride"
     * @param string $detailedReason both, for example "Network:Unrecognized"
     */
    public function __construct(
        public readonly string $source,
        public readonly string $reason,
        public readonly string $detailedReason,
        public readonly int $configSyncTime,
        public readonly int $initTime,
        public readonly int $serverTime,
    ) {
    }
}
