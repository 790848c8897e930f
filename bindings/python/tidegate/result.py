"""What a user gets: the result of an evaluation, read from the library when asked for."""

from __future__ import annotations

import json
from ctypes import byref, c_double, c_int32, c_int64, c_size_t, c_void_p, sizeof, string_at
from enum import IntEnum
from typing import Any, Callable, NamedTuple, NoReturn

from . import error
from .handle import Handle
from .load import check, library, name_text, read_json, read_text
from .signatures import EvalTimes


class Kind(IntEnum):
    """What is evaluated."""

    GATE = 1
    CONFIG = 2
    EXPERIMENT = 3
    LAYER = 4


def kind_number(kind: Kind) -> int:
    """A kind as the library takes it."""
    try:
        return Kind(kind).value
    except ValueError as why:
        raise error.ArgumentError(f"kind: {why!s:.80}") from None


class Details(NamedTuple):
    """Where a value came from. Times are in ms since 1970."""

    source: str
    reason: str
    detailed_reason: str
    config_sync_time: int
    init_time: int
    server_time: int


class Times(NamedTuple):
    """Times of a result, in ms since 1970."""

    config_sync: int
    init: int
    server: int


class Result(Handle):
    """The result of an evaluation. Does not change, whatever the rules do afterwards."""

    __slots__ = ("_lib",)

    def __init__(self, result: int) -> None:
        self._lib = library()
        self._release = self._lib.tidegate_result_release
        self._id = result

    @property
    def name(self) -> str:
        """The name that was asked for."""
        return self._text(self._lib.tidegate_result_name) or ""

    @property
    def kind(self) -> Kind:
        """What was evaluated."""
        return Kind(self._lib.tidegate_result_kind(self._open()))

    @property
    def rule_id(self) -> str:
        """The rule that decided; empty if there was none."""
        return self._text(self._lib.tidegate_result_rule_id) or ""

    @property
    def group_name(self) -> str | None:
        """The experiment group, if there is one."""
        return self._text(self._lib.tidegate_result_group_name)

    @property
    def id_type(self) -> str:
        """The type of the id that was evaluated, for example ``userID``; empty if not known."""
        return self._text(self._lib.tidegate_result_id_type) or ""

    @property
    def reason(self) -> str:
        """Where the value came from, for example ``Network`` or ``Network:Unrecognized``."""
        return self._text(self._lib.tidegate_result_reason) or ""

    @property
    def times(self) -> Times:
        """When the rules and the evaluation were made."""
        out = EvalTimes(struct_size=sizeof(EvalTimes))
        check(self._lib.tidegate_result_times(self._id, byref(out)))
        return Times(out.config_sync, out.init, out.server)

    @property
    def details(self) -> Details:
        """Where the value came from, in parts."""
        return Details(**self.to_dict()["details"])

    def to_json(self) -> str:
        """Everything about the result. Logs no exposure."""
        lib = self._lib
        return read_text(lambda out: lib.tidegate_result_to_json(self._id, out)) or "{}"

    def to_dict(self) -> dict[str, Any]:
        """``to_json``, parsed."""
        found: dict[str, Any] = json.loads(self.to_json())
        return found

    def __reduce__(self) -> NoReturn:
        raise TypeError("a result cannot be pickled; to_dict() can")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.to_json() if self._id else 'closed'})"

    def _open(self) -> int:
        # The readers that return no status cannot tell a closed result from a default.
        if not self._id:
            raise error.HandleError("the result is closed")
        return self._id

    def _text(self, read: Callable[..., int | None]) -> str | None:
        length = c_size_t()
        address = read(self._open(), byref(length))
        return None if address is None else string_at(address, length.value).decode()


class Gate(Result):
    """The result of a feature gate."""

    __slots__ = ()

    @property
    def value(self) -> bool:
        """Whether the user passes."""
        return bool(self._lib.tidegate_result_bool(self._open()))

    def __bool__(self) -> NoReturn:
        # `if client.get_feature_gate(...)` would always be true.
        raise TypeError("read .value of a gate")


class Config(Result):
    """The result of a dynamic config."""

    __slots__ = ()

    @property
    def value(self) -> dict[str, Any]:
        """All parameters, a copy of your own. Logs no exposure."""
        lib = self._lib
        found: dict[str, Any] = read_json(lambda out: lib.tidegate_result_value_json(self._id, out))
        return found

    @property
    def passed(self) -> bool:
        """Whether the user passes the rule that decided."""
        return bool(self._lib.tidegate_result_bool(self._open()))

    def get(self, key: str, default: Any = None) -> Any:
        """One parameter of any type, null included; ``default`` if it is absent."""
        found = self.get_json(key)
        return default if found is None else json.loads(found)

    def get_json(self, key: str) -> str | None:
        """One parameter as JSON text; None if it is absent."""
        lib, name = self._lib, name_text(key)
        return read_text(lambda out: lib.tidegate_result_get_json(self._id, name, len(name), out))

    def get_bool(self, key: str, default: bool = False) -> bool:
        """One parameter; ``default`` if it is absent or not true or false."""
        name, out = name_text(key), c_int32()
        check(
            self._lib.tidegate_result_get_bool(self._id, name, len(name), bool(default), byref(out))
        )
        return bool(out.value)

    def get_int(self, key: str, default: int = 0) -> int:
        """One parameter; ``default`` if it is absent or not a whole number of 64 bits."""
        if not isinstance(default, int) or not -(1 << 63) <= default < 1 << 63:
            raise error.ArgumentError("default: expected an int of 64 bits")
        name, out = name_text(key), c_int64()
        check(self._lib.tidegate_result_get_i64(self._id, name, len(name), default, byref(out)))
        return out.value

    def get_float(self, key: str, default: float = 0.0) -> float:
        """One parameter; ``default`` if it is absent or not a number."""
        if not isinstance(default, (int, float)):
            raise error.ArgumentError("default: expected a number")
        try:
            default = float(default)
        except OverflowError as why:
            raise error.ArgumentError(f"default: {why}") from None
        name, out = name_text(key), c_double()
        check(self._lib.tidegate_result_get_f64(self._id, name, len(name), default, byref(out)))
        return out.value

    def get_str(self, key: str, default: str = "") -> str:
        """One parameter; ``default`` if it is absent or not a string."""
        name, out, length = name_text(key), c_void_p(), c_size_t()
        check(
            self._lib.tidegate_result_get_str(self._id, name, len(name), byref(out), byref(length))
        )
        return default if out.value is None else string_at(out.value, length.value).decode()

    def __contains__(self, key: str) -> bool:
        """Whether there is such a parameter, even if it is null. Logs no exposure."""
        name = name_text(key)
        return bool(self._lib.tidegate_result_has(self._open(), name, len(name)))


class Experiment(Config):
    """The result of an experiment."""

    __slots__ = ()


class Layer(Config):
    """A layer. Reading one of its parameters with ``get...`` logs that parameter's exposure."""

    __slots__ = ()
