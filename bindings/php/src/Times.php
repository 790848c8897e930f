<?php

declare(strict_types=1);

namespace Tidegate;

/**
 * Times of a result, in ms since 1970.
 */
final class Times
{
    /**
     * @param int $configSync of the rules the result was made with
     * @param int $init of the rules the client was initialized with
     * @param int $server of the evaluation
     */
    public function __construct(
        public readonly int $configSync,
        public readonly int $init,
        public readonly int $server,
    ) {
    }
}
