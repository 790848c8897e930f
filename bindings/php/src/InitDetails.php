<?php

declare(strict_types=1);

namespace Tidegate;

/**
 * How the initialization went.
 */
final class InitDetails
{
    /**
     * @param string $source where the rules came from
     * @param bool $initSuccess whether evaluations work, if only with defaults
     * @param bool $storePopulated whether there are rules
     * @param int $specsTime time of the rules, in ms since 1970
     * @param string|null $error of the last source that failed
     */
    public function __construct(
        public readonly int $durationMs,
        public readonly string $source,
        public readonly bool $initSuccess,
        public readonly bool $storePopulated,
        public readonly int $specsTime,
        public readonly int $idListCount,
        public readonly ?string $error,
        public readonly ?string $initSourceApi,
        public readonly ?string $initSourceApiIdLists,
        public readonly bool $fallbackSpecUsed,
        public readonly bool $fallbackIdListsUsed,
        public readonly bool $timedOut,
    ) {
    }

    /**
     * @internal
     * @param array<string, mixed> $found
     */
    public static function fromArray(array $found): self
    {
        return new self(
            $found['duration_ms'],
            $found['source'],
            $found['init_success'],
            $found['store_populated'],
            $found['specs_time'],
            $found['id_list_count'],
            $found['error'],
            $found['init_source_api'],
            $found['init_source_api_id_lists'],
            $found['fallback_spec_used'],
            $found['fallback_id_lists_used'],
            $found['timed_out'],
        );
    }
}
