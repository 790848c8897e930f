"""What users and results are: objects that stand for one of the library's."""

from __future__ import annotations

from typing import Callable, TypeVar

Self = TypeVar("Self", bound="Handle")


class Handle:
    """Frees what it stands for once: when closed or with the object. Copies are the same object."""

    __slots__ = ("_id", "_release")

    #: 0 when closed.
    _id: int
    _release: Callable[[int], int]

    def close(self) -> None:
        """Frees it now instead of with the object. Calls that use it finish first."""
        handle, self._id = self._id, 0
        self._release(handle)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_id", 0):
            self.close()

    def __copy__(self: Self) -> Self:
        return self

    def __deepcopy__(self: Self, memo: object) -> Self:
        return self
