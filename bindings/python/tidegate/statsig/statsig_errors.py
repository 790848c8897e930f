"""Errors that reach the caller."""


class StatsigValueError(ValueError):
    """A value that is not accepted."""


class StatsigNameError(NameError):
    """A name that is not accepted."""


class StatsigRuntimeError(RuntimeError):
    """Not possible before ``initialize`` or after ``shutdown``."""


class StatsigTimeoutError(TimeoutError):
    """The time-out was reached."""
