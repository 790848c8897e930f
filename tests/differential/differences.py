"""The intended differences that one condition and one user can show, each by its name.

A name starts with the number the difference has in the project's notes on evaluation. The
predicates are as narrow as they can be made without evaluating: what they do not cover must
be equal.
"""

import ipaddress
import re

from seen import (
    ARRAY,
    CORE,
    EQUAL,
    EXACT_SET,
    EXPOSURES,
    FIELD_KINDS,
    FOLDED_SET,
    GATES,
    ID_LIST,
    KINDS,
    LEGACY,
    MATCH,
    NUMERIC,
    ON_CONDITIONS,
    OPERATORS,
    TEXT,
    TIME,
    VERSION,
    difference,
    environment_of,
    see,
)
from values import (
    CORE_FIRST,
    PLAIN_NUMBER,
    TOP_FIELDS,
    UA_FIELDS,
    core_lookup,
    environment_value,
    is_integral_float,
    is_number,
    legacy_lookup,
    lookup,
    milliseconds,
    number,
    python_float,
    python_version_parts,
    text,
    top_level,
    version_parts,
)

STRINGY = FOLDED_SET | EXACT_SET | TEXT | MATCH | ID_LIST
EXACT = 2**53


def stringified(seen):
    """The value and the target elements that are compared by their string form."""
    if seen.kind in ("user_bucket", "current_time") or seen.operator not in STRINGY | VERSION:
        return []
    targets = seen.targets if seen.operator not in ID_LIST else []
    if seen.operator in MATCH:
        targets = [seen.target]
    return [seen.value, *targets]


def folded_pair(seen):
    """All text that a case-insensitive operator folds."""
    if seen.operator not in FOLDED_SET | TEXT:
        return []
    return [text(x) for x in [seen.value, *seen.targets] if x is not None]


# --- Values that do not convert -------------------------------------------------------------


def unreadable_number(value):
    return not is_number(value) and not isinstance(value, bool) and number(value) is None


@difference("D3-not-a-number", LEGACY)
def not_a_number(seen):
    """Text or a container in a numeric operator: the legacy package fails the whole spec."""
    if seen.operator not in NUMERIC or seen.value is None:
        return False
    sides = (seen.value, seen.target)
    return any(unreadable_number(x) and x not in (None, "") for x in sides)


@difference("D3-invalid-regex", LEGACY)
def invalid_regex(seen):
    """A pattern Python cannot compile fails the whole spec."""
    if seen.operator not in MATCH or seen.value is None or seen.target is None:
        return False
    try:
        re.compile(str(seen.target))
    except re.error:
        return True
    return False


@difference("D3-not-a-time", LEGACY)
def not_a_time(seen):
    """A container or a year beyond 9999 in a time operator fails the whole spec."""
    if seen.operator not in TIME or seen.value is None:
        return False
    for side in (seen.value, seen.target):
        moment = milliseconds(side)
        if isinstance(side, (list, dict)) or (moment and abs(moment) > 253402300799999):
            return True
    return False


@difference("D3-null-field", LEGACY)
def null_field(seen):
    """A condition whose field is null fails the whole spec."""
    kinds = FIELD_KINDS | {"environment_field"}
    return seen.kind in kinds and seen.condition.get("field", "") is None


@difference("D3-version-component", LEGACY)
def version_component(seen):
    """Components that int(float(x)) reads and an integer parser does not, or loses digits of."""
    if seen.operator not in VERSION or None in (seen.value, seen.target):
        return False
    return any(
        python_version_parts(text(x)) != version_parts(text(x)) for x in (seen.value, seen.target)
    )


@difference("D25-version-target", LEGACY)
def version_target(seen):
    """A version target that is not text: only the legacy package reads it."""
    return seen.operator in VERSION and not isinstance(seen.target, (str, type(None)))


@difference("D6-null-operator", LEGACY)
def null_operator(seen):
    """A value condition without operator is unsupported; the legacy package says false."""
    return seen.kind in KINDS - GATES and seen.operator is None


@difference("D4-unsupported", LEGACY)
def unsupported(seen):
    """An unknown type or operator makes the legacy package drop the spec when it loads."""
    known = seen.operator is None or str(seen.operator).lower() in OPERATORS
    return seen.kind not in KINDS or (seen.kind not in GATES and not known)


@difference("D7-operator-case", LEGACY, CORE)
def operator_case(seen):
    """An operator that is not in lower case."""
    return seen.kind not in GATES and str(seen.operator or "") != str(seen.operator or "").lower()


@difference("D7-type-case", CORE)
def type_case(seen):
    """A condition type that is not in lower case."""
    return seen.condition.get("type") != seen.kind


# --- String forms ---------------------------------------------------------------------------


@difference("D8-boolean-text", LEGACY)
def boolean_text(seen):
    """A boolean compared as text where case matters."""
    cased = EXACT_SET | MATCH | ID_LIST
    return seen.operator in cased and any(isinstance(x, bool) for x in stringified(seen))


@difference("D9-integral-float", LEGACY)
def integral_float(seen):
    """A float without fraction compared as text: 1.0 is 1, not 1.0."""
    return any(is_integral_float(x) for x in stringified(seen))


@difference("D9-integral-float-target", CORE)
def integral_float_target(seen):
    """The core package keeps the fraction of a float in a target."""
    return any(is_integral_float(x) for x in stringified(seen)[1:])


@difference("D10-exponent", LEGACY)
def exponent(seen):
    """A float that Python writes with an exponent."""
    return any(isinstance(x, float) and "e" in repr(x) for x in stringified(seen))


@difference("D11-big-integer", CORE)
def big_integer(seen):
    """An integer beyond 2^53 compared as text."""
    return any(is_number(x) and abs(x) > EXACT for x in stringified(seen))


@difference("D11-big-number", LEGACY, CORE)
def big_number(seen):
    """Numbers beyond 2^53 compared as numbers: both sides are rounded to a double."""
    if seen.operator not in NUMERIC | EQUAL:
        return False
    numbers = [number(x) for x in (seen.value, seen.target)]
    return all(x is not None for x in numbers) and any(abs(x) >= EXACT for x in numbers)


@difference("D11-big-version", LEGACY)
def big_version(seen):
    """Version components beyond 2^53."""
    if seen.operator not in VERSION:
        return False
    parts = [*version_parts(text(seen.value)), *version_parts(text(seen.target))]
    return any(part is not None and abs(part) > EXACT for part in parts)


@difference("D12-container-text", LEGACY)
def container_text(seen):
    """An array or object compared as text."""
    return any(isinstance(x, (list, dict)) for x in stringified(seen))


@difference("D12-object-text", CORE)
def object_text(seen):
    """An object compared as text, which the core package has no text for."""
    return any(isinstance(x, dict) for x in stringified(seen))


@difference("D13-missing-is-empty", CORE)
def missing_is_empty(seen):
    """The core package lets a missing value equal the empty string."""
    if seen.value is not None:
        return False
    if seen.operator in FOLDED_SET | EXACT_SET | TEXT:
        return any(text(x) in ("", None) for x in seen.targets)
    return False


@difference("D13-null-target", LEGACY, CORE)
def null_target(seen):
    """A null among the targets is no text at all."""
    if seen.operator not in FOLDED_SET | EXACT_SET | TEXT | ARRAY or None not in seen.targets:
        return False
    values = seen.value if isinstance(seen.value, list) else [seen.value]
    lowered = [(text(x) or "").lower() for x in values]
    if seen.operator in TEXT:
        return any("none" in x or "null" in x or x == "" for x in lowered)
    return any(x in ("none", "null", "") for x in lowered)


@difference("D15-case-folding", LEGACY)
def case_folding(seen):
    """Letters whose full case folding is not their lower case."""
    return any(x.casefold() != x.lower() for x in folded_pair(seen))


@difference("core-case-twins", CORE)
def case_twins(seen):
    """Targets that differ in case only, which the core package keeps one of."""
    texts = {text(x) for x in seen.targets}
    return seen.operator in EXACT_SET and len({(x or "").lower() for x in texts}) < len(texts)


# --- Numbers --------------------------------------------------------------------------------


@difference("D16-boolean-number", LEGACY)
def boolean_number(seen):
    """A boolean in a numeric operator is not 1 or 0."""
    if seen.operator not in NUMERIC or None in (seen.value, seen.target):
        return False
    return isinstance(seen.value, bool) or isinstance(seen.target, bool)


@difference("D17-empty-number", LEGACY)
def empty_number(seen):
    """The empty string in a numeric operator."""
    return seen.operator in NUMERIC and "" in (seen.value, seen.target)


@difference("D18-python-number", LEGACY)
def python_number(seen):
    """Text that float() reads though it is no plain decimal number."""
    if seen.operator not in NUMERIC:
        return False
    return any(
        isinstance(x, str) and number(x) is None and python_float(x) is not None
        for x in (seen.value, seen.target)
    )


@difference("D18-core-number", CORE)
def core_number(seen):
    """Text with spaces around it, and the words for infinity."""
    if seen.operator not in NUMERIC | EQUAL:
        return False
    for side in (seen.value, seen.target):
        if isinstance(side, str) and not PLAIN_NUMBER.fullmatch(side):
            if python_float(side) is not None:
                return True
    return False


@difference("D20-equal-across-types", LEGACY)
def equal_across_types(seen):
    """eq of text and a number or boolean: the type of the target decides."""
    if seen.operator not in EQUAL or seen.value is None or seen.target is None:
        return False
    value, target = seen.value, seen.target
    if isinstance(target, bool) != isinstance(value, bool) and value == target:
        return True
    if isinstance(target, str) and not isinstance(value, str):
        return text(value) == target
    if is_number(target) and isinstance(value, str):
        return number(value) == target
    return False


@difference("D23-equal-containers", LEGACY)
def equal_containers(seen):
    """eq of arrays or objects: element by element as text."""
    if seen.operator not in EQUAL or not isinstance(seen.target, (list, dict)):
        return False
    return (seen.value == seen.target) != containers_equal(seen.value, seen.target)


def containers_equal(value, target):
    if isinstance(target, list):
        return isinstance(value, list) and [text(x) for x in value] == [text(x) for x in target]
    if not isinstance(value, dict) or value.keys() != target.keys():
        return False
    return all(text(value[key]) == text(target[key]) for key in target)


# --- Times ----------------------------------------------------------------------------------


@difference("D28-date-text", LEGACY, CORE)
def date_text(seen):
    """Anything but an integer or its digits in a time operator."""
    if seen.operator not in TIME or seen.value is None:
        return False
    return any(
        isinstance(x, (str, float)) and not re.fullmatch(r"-?\d+", str(x), re.ASCII)
        for x in (seen.value, seen.target)
    )


@difference("D29-unit-by-length", LEGACY)
def unit_by_length(seen):
    """The legacy package tells seconds from milliseconds by the length of the text."""
    if seen.operator not in TIME:
        return False
    for side in (seen.value, seen.target):
        moment = milliseconds(side)
        if moment is not None and (len(str(side)) >= 11) != (moment == float(side)):
            return True
    return False


@difference("D29-target-in-seconds", CORE)
def target_in_seconds(seen):
    """The core package takes the target as milliseconds, however small."""
    return seen.operator in TIME and milliseconds(seen.target) is not None and (
        abs(float(seen.target)) < 10_000_000_000
    )


@difference("D30-sub-second", LEGACY)
def sub_second(seen):
    """Two moments within the same second are equal for the legacy package."""
    if seen.operator not in TIME:
        return False
    value, target = milliseconds(seen.value), milliseconds(seen.target)
    if value is None or target is None or value == target:
        return False
    # It truncates toward zero, so the second around 1970 is two seconds wide.
    return abs(value - target) < 2000 and int(value / 1000) == int(target / 1000)


@difference("D27-before-1970", CORE)
def before_1970(seen):
    """The core package's days around 1970 merge."""
    if seen.operator != "on":
        return False
    moments = [milliseconds(seen.value), milliseconds(seen.target)]
    return any(moment is not None and moment < 0 for moment in moments)


@difference("D33-boolean-time", LEGACY, CORE)
def boolean_time(seen):
    """A boolean in a time operator."""
    if seen.operator not in TIME or None in (seen.value, seen.target):
        return False
    return isinstance(seen.value, bool) or isinstance(seen.target, bool)


@difference("D53-current-time-number", CORE)
def current_time_number(seen):
    """The core package compares the current time with time operators only."""
    return seen.kind == "current_time" and seen.operator not in TIME


# --- Arrays, sets, lists --------------------------------------------------------------------


def legacy_array_element(element):
    if isinstance(element, str):
        try:
            int(element)
        except ValueError:
            return True
        return re.fullmatch(r"-?[1-9]\d*", element, re.ASCII) is not None
    return isinstance(element, int) and not isinstance(element, bool) and element != 0


@difference("D32-array-elements", LEGACY)
def array_elements(seen):
    """Elements that are not text or whole numbers other than zero."""
    if seen.operator not in ARRAY or not isinstance(seen.value, list):
        return False
    return not all(legacy_array_element(x) for x in [*seen.value, *seen.targets])


@difference("D32-array-element-text", CORE)
def array_element_text(seen):
    """Integral floats, nulls and numbers beyond 2^53 as elements."""
    if seen.operator not in ARRAY or not isinstance(seen.value, list):
        return False
    return any(
        x is None or is_integral_float(x) or (is_number(x) and abs(x) > EXACT)
        for x in [*seen.value, *seen.targets]
    )


@difference("D33-array-target", LEGACY)
def array_target(seen):
    """An array operator whose target is no array fails the whole spec."""
    return seen.operator in ARRAY and not isinstance(seen.target, list)


@difference("D69-object-target", LEGACY)
def object_target(seen):
    """any of an object looks for a key."""
    return seen.operator in FOLDED_SET | EXACT_SET and isinstance(seen.target, dict) and (
        seen.kind != "user_bucket"
    )


@difference("D70-text-target", LEGACY)
def text_target(seen):
    """A text as target of a text operator is not a list of its letters."""
    return seen.operator in TEXT and isinstance(seen.target, str)


@difference("D43-list-of-none", LEGACY)
def list_of_none(seen):
    """The legacy package looks a missing id up as None."""
    members = seen.world.id_lists.get(seen.target, []) if isinstance(seen.target, str) else []
    return seen.operator in ID_LIST and seen.value is None and "None" in members


# --- Patterns -------------------------------------------------------------------------------

# Constructs that the dialects read differently: named groups, word boundaries at letters
# beyond ASCII, flags within, the end of a text that ends with a line break.
DIALECT = re.compile(r"\(\?[<P]?<?[A-Za-z]|\\[zZAGpPhHKX]|\(\?>|[*+?}]\+|\[\[|&&|~~")


@difference("D67-regex-dialect", LEGACY)
def regex_dialect(seen):
    """A pattern with constructs of one dialect only, or a text that ends with a line break."""
    if seen.operator not in MATCH or seen.value is None or seen.target is None:
        return False
    ends = (text(seen.value) or "").endswith("\n") and "$" in str(seen.target)
    return ends or DIALECT.search(str(seen.target)) is not None


# --- Field lookup ---------------------------------------------------------------------------


def tells_empty_from_missing(seen):
    """Whether an operator can answer differently for an empty text and a missing value."""
    if seen.operator in FOLDED_SET | EXACT_SET | TEXT:
        return "" in [text(x) for x in seen.targets]
    if seen.operator in EQUAL:
        return seen.target in (None, "")
    return seen.operator in NUMERIC | MATCH | TIME | ID_LIST


@difference("D22-empty-top-level", LEGACY)
def empty_top_level(seen):
    """An empty top-level field is missing."""
    if seen.kind not in FIELD_KINDS or seen.value is not None:
        return False
    return seen.read(legacy_lookup) == "" and tells_empty_from_missing(seen)


@difference("D36-field-alias", CORE)
def field_alias(seen):
    """Other spellings of a top-level field, which the core package reads late or not at all."""
    folded = seen.field.lower()
    if seen.kind not in FIELD_KINDS or folded not in TOP_FIELDS.keys() - CORE_FIRST:
        return False
    return seen.read(core_lookup) != seen.read(lookup)


@difference("D38-empty-custom", LEGACY)
def empty_custom(seen):
    """An empty custom value hides the private one."""
    if seen.kind not in FIELD_KINDS or seen.value != "":
        return False
    return seen.read(legacy_lookup) != ""


@difference("D39-null-custom", CORE)
def null_custom(seen):
    """A null custom value does not hide the private one."""
    return seen.kind in FIELD_KINDS and seen.read(core_lookup) != seen.read(lookup) and not field_alias(seen)


@difference("D26-field-folding", LEGACY)
def field_folding(seen):
    """A field name whose full case folding is not its lower case."""
    return seen.kind in FIELD_KINDS and seen.field.casefold() != seen.field.lower()


@difference("core-missing-user-id", CORE)
def missing_user_id(seen):
    """The core package takes a missing userID for an empty one."""
    name = seen.field if seen.kind in FIELD_KINDS else seen.condition.get("idType") or "userID"
    asks = seen.kind in FIELD_KINDS | {"unit_id"} and name.lower() in ("userid", "user_id")
    return asks and seen.value is None and tells_empty_from_missing(seen)


# --- Environment, country, user agent -------------------------------------------------------


def core_environment_value(seen):
    user = seen.user.get("statsigEnvironment") or {}
    if user.get(seen.field) is not None:
        return user[seen.field]
    options = seen.world.environment
    if options:
        return environment_value(options, seen.field)
    return seen.world.default_environment if seen.field.lower() == "tier" else None


@difference("D44-environment-order", CORE)
def environment_order(seen):
    """The environment of the options replaces the user's."""
    return seen.kind == "environment_field" and core_environment_value(seen) != seen.value


@difference("D45-environment-field-case", LEGACY)
def environment_field_case(seen):
    """An environment field that is only found by its lower-cased name."""
    found = environment_of(seen.user, seen.world) or {}
    return seen.kind == "environment_field" and bool(found) and seen.field not in found


@difference("D34-no-country", LEGACY)
def no_country(seen):
    """Without a country the operator still applies to the missing value."""
    if seen.kind != "ip_based" or seen.value is not None:
        return False
    return not (seen.field == "country" and has_public_address(seen))


def has_public_address(seen):
    # Whether an address has a country is in the table; the generator uses addresses whose
    # answer is known: public ones have, everything else has not.
    try:
        address = ipaddress.IPv4Address(seen.read(lookup, "ip"))
    except ValueError:
        return False
    return address.is_global


@difference("D35-empty-country", LEGACY)
def empty_country(seen):
    """An empty country is looked up from the address."""
    return seen.kind == "ip_based" and top_level(seen.user, "country") == "" and (
        seen.field.lower() == "country"
    )


@difference("D36-strange-address", LEGACY, CORE)
def strange_address(seen):
    """An address that is not four decimal octets without spaces around them."""
    address = seen.read(lookup, "ip")
    if seen.kind != "ip_based" or seen.value is not None or address is None:
        return False
    return re.fullmatch(r"(\d{1,3}\.){3}\d{1,3}", str(address)) is None or any(
        int(octet) > 255 for octet in str(address).split(".")
    )


def from_user_agent(seen):
    return (
        seen.kind == "ua_based"
        and seen.field.lower() in UA_FIELDS
        and seen.read(lookup) is None
    )


@difference("D71-long-user-agent", LEGACY)
def long_user_agent(seen):
    """A user agent of more than 1000 characters is missing."""
    return from_user_agent(seen) and len(str(seen.value or "")) > 1000


@difference("D72-few-user-agents", CORE)
def few_user_agents(seen):
    """The core package's patterns know browsers only."""
    return from_user_agent(seen) and not str(seen.value or "Mozilla/").startswith("Mozilla/")


@difference("D72-empty-user-agent", LEGACY)
def empty_user_agent(seen):
    """An empty user agent is missing, not unknown."""
    return from_user_agent(seen) and seen.read(legacy_lookup, "userAgent") == ""


# --- Gates in conditions --------------------------------------------------------------------


@difference("D51-multi-gate", CORE)
def multi_gate(seen):
    """multi_pass_gate and multi_fail_gate, which the core package does not know."""
    return seen.kind in ("multi_pass_gate", "multi_fail_gate")


@difference("D49-multi-gate-exposures", LEGACY, fields=EXPOSURES)
def multi_gate_exposures(seen):
    """Exposures of the gates within come before the gate."""
    return seen.kind in ("multi_pass_gate", "multi_fail_gate")


@difference("D48-gate-target", LEGACY, CORE)
def gate_target(seen):
    """A pass_gate or fail_gate whose target is no name."""
    return seen.kind in ("pass_gate", "fail_gate") and (
        not isinstance(seen.target, str) or seen.target == ""
    )


def detect(condition, user, world):
    """The named differences that a condition can show for a user."""
    seen = see(condition, user, world)
    return [known for known in ON_CONDITIONS if known.applies(seen)]
