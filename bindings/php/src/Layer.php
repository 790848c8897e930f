<?php

declare(strict_types=1);

namespace Tidegate;

/**
 * The result of a layer. Reading one of its parameters with `get...` logs that parameter's exposure.
 */
final class Layer extends Config
{
}
