"""The table of C functions against the header, and that nothing of the header is left out."""

from __future__ import annotations

import ctypes
import re
from typing import Any

from local_server import ROOT

import tidegate
from tidegate import error, signatures

INCLUDE = ROOT / "include"
CDEF = (INCLUDE / "tidegate_cdef.h").read_text()
PACKAGE = ROOT / "bindings" / "python" / "tidegate"

SCALARS: dict[str, Any] = {
    "void": None,
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "int64_t": ctypes.c_int64,
    "uint64_t": ctypes.c_uint64,
    "size_t": ctypes.c_size_t,
    "double": ctypes.c_double,
    "tidegate_status": ctypes.c_int32,
    "tidegate_options": ctypes.c_uint64,
    "tidegate_client": ctypes.c_uint64,
    "tidegate_user": ctypes.c_uint64,
    "tidegate_result": ctypes.c_uint64,
}
STATIC = ("tidegate_version", "tidegate_build_info", "tidegate_status_name")
CALLBACKS = {
    "destroy": signatures.Destroy,
    "metric": signatures.Metric,
    "evaluation": signatures.Evaluated,
    "rules": signatures.RulesUpdated,
    "flush": signatures.Flushed,
    "error": signatures.Failed,
    "init": signatures.Initialized,
}
MEMBERS = {
    "log": signatures.Log,
    "get": signatures.StoreGet,
    "set": signatures.StoreSet,
    "supports_polling": signatures.StorePolls,
    "shutdown": signatures.StoreShutdown,
}
STRUCTS: dict[str, Any] = {
    "flush_info": signatures.FlushInfo,
    "eval_times": signatures.EvalTimes,
    "log_vtable": signatures.LogVtable,
    "data_store_vtable": signatures.DataStoreVtable,
    "metrics_vtable": signatures.MetricsVtable,
}
UNUSED = {
    "tidegate_before_fork": "Python forks through the C library, which the library notices",
    "tidegate_after_fork_parent": "as above",
    "tidegate_after_fork_child": "as above",
    "tidegate_status_name": "the exception's class says it",
}


def type_of(text: str, *, is_argument: bool = True) -> Any:
    """The ctypes type of a declaration such as ``const char *name``."""
    text = re.sub(r"\b(const|struct)\b", "", text).strip()
    if is_argument and re.search(r"\w\s+\w+$|\*\s*\w+$", text):
        text = re.sub(r"\w+$", "", text).strip()
    stars = text.count("*")
    name = text.replace("*", "").strip()
    if name.endswith("_fn"):
        return CALLBACKS[name[len("tidegate_") : -len("_fn")]]
    if not stars:
        return SCALARS[name]
    if name == "char" and stars == 1:
        return "text"
    if name in SCALARS and name != "void":
        return ctypes.POINTER(SCALARS[name])
    if name[len("tidegate_") :] in STRUCTS:
        return ctypes.POINTER(STRUCTS[name[len("tidegate_") :]])
    return ctypes.POINTER(ctypes.c_void_p) if stars == 2 else ctypes.c_void_p


def is_same(declared: Any, typed: Any, *, result: bool = False) -> bool:
    if declared == "text":
        # Given away it is bytes; got, an address: c_char_p would copy it and lose the address.
        return typed is (ctypes.c_void_p if result else ctypes.c_char_p)
    return bool(declared == typed)


def arguments(text: str) -> list[Any]:
    return [] if text.strip() == "void" else [type_of(one) for one in text.split(",")]


def declared() -> dict[str, tuple[Any, list[Any]]]:
    found = re.findall(r"^([a-z_0-9 *]+?)(tidegate_\w+)\(([^;{]*)\);", CDEF, re.MULTILINE)
    return {
        name: (type_of(result, is_argument=False), arguments(given))
        for result, name, given in found
    }


def test_every_exported_function_is_in_the_table_in_the_order_of_the_header() -> None:
    exported = (INCLUDE / "exports.txt").read_text().split()
    assert sorted(signatures.SIGNATURES) == sorted(exported)
    assert list(signatures.SIGNATURES) == list(declared())


def test_every_function_has_the_types_of_the_header() -> None:
    for name, (result, given) in declared().items():
        typed_result, typed = signatures.SIGNATURES[name]
        assert len(given) == len(typed), name
        for at, (one, other) in enumerate(zip(given, typed)):
            assert is_same(one, other), (name, at, one, other)
        if name in STATIC:
            assert typed_result is ctypes.c_char_p, name
        else:
            assert is_same(result, typed_result, result=True), name


def test_every_callback_has_the_types_of_the_header() -> None:
    found = {}
    for result, name, given in re.findall(
        r"typedef (\w+) \(\*tidegate_(\w+)_fn\)\(([^;]*)\);", CDEF
    ):
        found[name] = (CALLBACKS[name], result, given)
    for result, name, given in re.findall(r"^  (\w+) \(\*(\w+)\)\(([^;]*)\);", CDEF, re.MULTILINE):
        found[name] = (MEMBERS[name], result, given)
    assert found.keys() == CALLBACKS.keys() | MEMBERS.keys()
    for name, (prototype, result, given) in found.items():
        typed: Any = prototype
        assert typed._restype_ is SCALARS[result], name
        expected = [ctypes.c_void_p if one == "text" else one for one in arguments(given)]
        assert list(typed._argtypes_) == expected, name


def test_every_struct_has_the_members_of_the_header() -> None:
    bodies = dict(re.findall(r"^typedef struct tidegate_(\w+) \{(.*?)^\}", CDEF, re.M | re.S))
    assert bodies.keys() == STRUCTS.keys()
    for name, body in bodies.items():
        fields = []
        for member in filter(None, map(str.strip, body.split(";"))):
            pointer = re.match(r"\w+ \(\*(\w+)\)\(", member)
            if pointer:
                fields.append((pointer[1], MEMBERS[pointer[1]]))
            else:
                fields.append((member.split()[-1].lstrip("*"), type_of(member)))
        assert list(STRUCTS[name]._fields_) == fields, name


def test_every_function_is_used_or_named_with_a_reason() -> None:
    sources = [path for path in PACKAGE.rglob("*.py") if path.name != "signatures.py"]
    text = "".join(path.read_text() for path in sources)
    used = {name for name in signatures.SIGNATURES if re.search(rf"{name}\b", text)}
    used |= {
        f"tidegate_options_set_{name}_callback"
        for name in ("evaluation", "rules", "flush", "error")
    }
    assert used.isdisjoint(UNUSED)
    assert used | UNUSED.keys() == signatures.SIGNATURES.keys()


def test_numbers_are_those_of_the_header() -> None:
    constants = {name: int(value) for name, value in re.findall(r"TIDEGATE_(\w+) = (-?\d+)", CDEF)}
    assert constants["ABI_MAJOR"] == signatures.ABI_MAJOR
    assert constants["ABI_MINOR"] == signatures.ABI_MINOR
    for kind in tidegate.Kind:
        assert constants[kind.name] == kind
    # These say that the package or the library is broken; they need no class of their own.
    unclassed = {"E_NULL", "E_NOMEM", "E_PANIC", "E_ABI"}
    codes = {n for name, n in constants.items() if name.startswith("E_") and name not in unclassed}
    assert codes == error.BY_CODE.keys()
    for name in unclassed:
        made = error.from_status(constants[name], "why")
        assert type(made) is tidegate.TidegateError
        assert made.code == constants[name]
