<?php

declare(strict_types=1);

namespace Tidegate;

/**
 * The result of an experiment: parameters by name.
 */
final class Experiment extends Config
{
}
