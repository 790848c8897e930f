"""The release of this package."""

from ..version import __version__ as __version__
