"""Tiers of the environment."""

from enum import Enum


class StatsigEnvironmentTier(str, Enum):
    """The tier of the environment that this process runs in."""

    development = "development"
    staging = "staging"
    production = "production"
