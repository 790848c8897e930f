"""How the three implementations read a user: text and number forms, field lookup, units.

These are small models, used only to decide whether a named difference can apply to a
condition and a user. They never decide what the right answer is: that is left to the
implementations under comparison.
"""

import json
import re
from decimal import Decimal

TOP_FIELDS = {
    "userid": "userID",
    "user_id": "userID",
    "email": "email",
    "ip": "ip",
    "ipaddress": "ip",
    "ip_address": "ip",
    "useragent": "userAgent",
    "user_agent": "userAgent",
    "country": "country",
    "locale": "locale",
    "appversion": "appVersion",
    "app_version": "appVersion",
}

# Names the core package knows before it looks at custom attributes, and after them.
CORE_FIRST = {"userid", "email", "ip", "country", "locale", "appversion", "useragent"}
CORE_LAST = {"user_id", "app_version", "user_agent"}

UA_FIELDS = {
    "os_name",
    "osname",
    "os_version",
    "osversion",
    "browser_name",
    "browsername",
    "browser_version",
    "browserversion",
}

PLAIN_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
ASCII_SPACE = " \t\n\r\f\v"


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_integral_float(value):
    return isinstance(value, float) and value.is_integer()


def text(value):
    """The string form that conditions compare, or None for a missing value."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        plain = format(Decimal(repr(value)), "f")
        return plain[:-2] if plain.endswith(".0") else plain
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def number(value):
    """The number form that numeric operators compare, or None."""
    if is_number(value):
        return float(value)
    if isinstance(value, str):
        trimmed = value.strip(ASCII_SPACE)
        if PLAIN_NUMBER.fullmatch(trimmed):
            return float(trimmed)
    return None


def python_float(value):
    """What Python's own float() makes of a value; None where it raises."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _from_map(fields, name, folded):
    fields = fields or {}
    found = fields.get(name)
    return fields.get(folded) if found is None else found


def top_level(user, name):
    wire = TOP_FIELDS.get(name.lower())
    # A numeric user id becomes text wherever it is taken in.
    return text(user.get(wire)) if wire == "userID" else user.get(wire or "")


def lookup(user, name, shared=None):
    """The user's value for a field: top level, custom, shared by all users, private.

    An empty top-level field is missing.
    """
    found = top_level(user, name)
    if found not in (None, ""):
        return found
    for fields in (user.get("custom"), shared, user.get("privateAttributes")):
        found = _from_map(fields, name, name.lower())
        if found is not None:
            return found
    return None


def legacy_lookup(user, name, shared=None):
    """The same for the legacy package: every empty string falls through, and is kept last."""
    value = top_level(user, name)
    for fields in (user.get("custom"), shared, user.get("privateAttributes")):
        if value in (None, ""):
            folded = name.lower() if fields is user.get("privateAttributes") else name.casefold()
            found = _from_map(fields, name, folded)
            value = value if found is None else found
    return value


def core_lookup(user, name, shared=None):
    """The same for the core package: a null custom value stops, aliases come last."""
    folded = name.lower()
    if folded in CORE_FIRST and top_level(user, name) not in (None, ""):
        return top_level(user, name)
    for fields in (user.get("custom"), shared, user.get("privateAttributes")):
        for key in (name, folded):
            if key in (fields or {}):
                return fields[key]
    if folded in CORE_LAST:
        found = top_level(user, name)
        return None if found == "" else found
    return None


def unit_id(user, id_type):
    id_type = "userID" if id_type is None else id_type
    if id_type.lower() == "userid":
        return text(user.get("userID"))
    return text(_from_map(user.get("customIDs"), id_type, id_type.lower()))


def environment_value(environment, field):
    """Exact name first, then the lower-cased name."""
    return _from_map(environment, field, field.lower())


def milliseconds(value):
    """Epoch milliseconds of a number or digit string: below 10^10 it means seconds."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        value = value.strip(ASCII_SPACE)
        if not INTEGER.fullmatch(value):
            return None
        value = int(value)
    if not is_number(value):
        return None
    return value * 1000 if abs(value) < 10_000_000_000 else value


def version_parts(value):
    """Components of a version as integers, None for a component that is not an integer."""
    if value is None:
        return []
    value = value.split("-", 1)[0] if "-" in value else value
    parts = []
    for part in value.split("."):
        trimmed = part.strip(ASCII_SPACE)
        parts.append(int(trimmed) if INTEGER.fullmatch(trimmed) else None)
    return parts


def python_version_parts(value):
    """Components the way int(float(x)) reads them."""
    if value is None:
        return []
    if value.find("-") > 0:
        value = value[: value.find("-")]
    parts = []
    for part in value.split("."):
        as_float = python_float(part)
        try:
            parts.append(None if as_float is None else int(as_float))
        except (ValueError, OverflowError):
            parts.append("error")
    return parts
