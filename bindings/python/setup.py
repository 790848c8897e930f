"""Wheels hold a shared library: they are for one platform, and for every Python."""

from typing import Any

from setuptools import Distribution, setup

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:
    # Before setuptools 70.
    from wheel.bdist_wheel import bdist_wheel


class PlatformDistribution(Distribution):  # type: ignore[misc]
    """One that does not pass for portable."""

    def has_ext_modules(self) -> bool:
        return True


class PlatformWheel(bdist_wheel):  # type: ignore[misc]
    """Tagged for the platform, but for no version of Python: nothing here is compiled for one."""

    def get_tag(self) -> Any:
        return "py3", "none", super().get_tag()[2]


setup(distclass=PlatformDistribution, cmdclass={"bdist_wheel": PlatformWheel})
