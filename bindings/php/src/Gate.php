<?php

declare(strict_types=1);

namespace Tidegate;

use Tidegate\Internal\Call;

/**
 * The result of a feature gate.
 */
final class Gate extends Result
{
    /**
     * Whether the user passes.
     */
    public function value(): bool
    {
        return $this->ffi->tidegate_result_bool(Call::live($this->id)) === 1;
    }
}
