"""Where the value of a condition comes from: fields, ids, environment, lists, time.

A row is one gate with one rule of one condition: id, the condition, what the user has
besides the userID "u1", whether the rule passes.
"""

from conformance.hashing import unit_in, user_bucket_of
from conformance.model import (
    DROP,
    Ruleset,
    Suite,
    bucket,
    case,
    condition,
    details,
    user_field,
)
from conformance.operators import F, T, gate_of, one_rule


def has(name, *values) -> dict:
    return user_field(name, "any", list(values))


def unit(operator: str, target, id_type: str = "userID") -> dict:
    return condition("unit_id", operator, target, idType=id_type)


def tier(operator: str, *values: str, name: str = "tier") -> dict:
    return condition("environment_field", operator, list(values), name)


def custom(**fields) -> dict:
    return {"custom": fields}


def environment(**fields) -> dict:
    return {"statsigEnvironment": fields}


# fmt: off
FIELD = [
    ("fld01", has("userID", "x"), {"userID": "x"}, T),
    ("fld02", has("user_id", "x"), {"userID": "x"}, T),
    ("fld03", has("USERID", "x"), {"userID": "x"}, T),
    ("fld04", has("userid", "x"), {"userID": "x", "custom": {"userid": "y"}}, T),
    ("fld05", has("email", "c@x.com"), {"email": "", "custom": {"email": "c@x.com"}}, T),
    ("fld06", has("email", "c"), custom(email="c"), T),
    ("fld07", has("email", "p"), {"privateAttributes": {"email": "p"}}, T),
    ("fld08", has("email", "c"), custom(email="c") | {"privateAttributes": {"email": "p"}}, T),
    ("fld09", has("k", "p"), custom(k="") | {"privateAttributes": {"k": "p"}}, F),
    ("fld10", has("FooBar", "v"), custom(foobar="v"), T),
    ("fld11", has("foobar", "v"), custom(FooBar="v"), F),
    ("fld13", has("ipAddress", "1.1.1.1"), {"ip": "1.1.1.1"}, T),
    ("fld15", has("app_version", "2.0"), {"appVersion": "2.0"}, T),
    ("fld18", has("LOCALE", "en_US"), {"locale": "en_US"}, T),
    ("fld20", has(None, "u1"), {}, F),
    ("fld21", has("app_version", "custom"),
     {"appVersion": "2.0"} | custom(app_version="custom"), F),
    ("fld22", has("k", "0"), custom(k=0) | {"privateAttributes": {"k": "p"}}, T),
    ("fld23", has("k", "false"), custom(k=False) | {"privateAttributes": {"k": "p"}}, T),
    ("fld24", has("k", "p"), custom(k=None) | {"privateAttributes": {"k": "p"}}, T),
    ("fld25", has("stableID", "sid"), {"customIDs": {"stableID": "sid"}}, F),
    ("fld26", has("Stra\u00dfe", "v"), custom(strasse="v"), F),
    ("eqm1", user_field("missing", "eq", None), {}, T),
    ("eqm4", user_field("email", "eq", None), {"email": ""}, T),
    ("eqm5", user_field("email", "neq", None), {"email": ""}, F),
    ("fld30", has("email", "e@x.com"), {"email": "e@x.com"}, T),
    ("fld31", has("Email", "e@x.com"), {"email": "e@x.com"}, T),
    ("fld32", has("ip", "1.1.1.1"), {"ip": "1.1.1.1"}, T),
    ("fld33", has("ip_address", "1.1.1.1"), {"ip": "1.1.1.1"}, T),
    ("fld34", has("userAgent", "ua"), {"userAgent": "ua"}, T),
    ("fld35", has("user_agent", "ua"), {"userAgent": "ua"}, T),
    ("fld36", has("country", "NZ"), {"country": "NZ"}, T),
    ("fld37", has("locale", "en_US"), {"locale": "en_US"}, T),
    ("fld38", has("appVersion", "2.0"), {"appVersion": "2.0"}, T),
    ("fld39", has("APP_VERSION", "2.0"), {"appVersion": "2.0"}, T),
    ("fld40", has("email", "c"), {"email": "top"} | custom(email="c"), F),
    ("fld41", has("email", "top"), {"email": "top"} | custom(email="c"), T),
    ("fld42", has("email", "c"), {"email": None} | custom(email="c"), T),
    ("fld43", has("secret", "s"), {"privateAttributes": {"secret": "s"}}, T),
    ("fld44", has("Secret", "s"), {"privateAttributes": {"secret": "s"}}, T),
    ("fld45", has("secret", "s"), {"privateAttributes": {"Secret": "s"}}, F),
    ("fld46", has("FooBar", "v"), custom(FooBar="v", foobar="w"), T),
    ("fld47", has("FooBar", "w"), custom(FooBar="v", foobar="w"), F),
    ("fld48", has("k", "v"), custom(k="v") | {"privateAttributes": {"k": "p"}}, T),
    ("fld49", has("companyID", "c1"), {"customIDs": {"companyID": "c1"}}, F),
    ("fld50", has("tier", "dev"), environment(tier="dev"), F),
    ("fld51", has("userID", "5"), {"userID": 5}, T),
    ("fld52", has("a.b", "v"), custom(a={"b": "v"}), F),
    ("fld53", has("a.b", "v"), {"custom": {"a.b": "v"}}, T),
    ("fld54", has("user_agent", "c"), {"userAgent": ""} | custom(user_agent="c"), T),
    ("fld55", has("ip", "p"), {"privateAttributes": {"ip": "p"}}, T),
    ("fld56", has("\u00c4", "v"), {"custom": {"\u00e4": "v"}}, T),
    ("fld57", has("f", "v"), {"custom": {}, "privateAttributes": {}}, F),
    ("fld58", has("country", "NZ"), {"ip": "24.18.183.148", "custom": {"country": "NZ"}}, T),
    ("fld59", has("country", "US"), {"ip": "24.18.183.148"}, F),
]

# The snake case spellings of the user's members.
SPELLING = [
    ("usr01", has("userID", "x"), {"userID": DROP, "user_id": "x"}, T),
    ("usr02", has("userAgent", "ua"), {"user_agent": "ua"}, T),
    ("usr03", has("appVersion", "2.0"), {"app_version": "2.0"}, T),
    ("usr04", has("secret", "s"), {"private_attributes": {"secret": "s"}}, T),
    ("usr05", unit("any", ["c1"], "companyID"), {"custom_ids": {"companyID": "c1"}}, T),
    ("usr06", unit("any", ["c1"], "companyID"),
     {"userID": DROP, "custom_ids": {"companyID": "c1"}}, T),
]

UNIT = [
    ("uid2", unit("any", ["c1"], "companyID"), {"customIDs": {"companyID": "c1"}}, T),
    ("uid3", unit("any", ["c1"], "companyID"), {"customIDs": {"companyid": "c1"}}, T),
    ("uid4", unit("any", ["c1"], "companyid"), {"customIDs": {"companyID": "c1"}}, F),
    ("uid5", unit("any", ["a"], "USERID"), {"userID": "a"}, T),
    ("uid6", unit("neq", None, "companyID"), {}, F),
    ("uid7", unit("none", ["x"], "companyID"), {}, T),
    ("uid8", unit("any", ["a"], ""), {"userID": "a"}, F),
    ("uid20", unit("any", ["u1", "u2"]), {}, T),
    ("uid21", unit("any", ["U1"]), {}, T),
    ("uid22", unit("any_case_sensitive", ["U1"]), {}, F),
    ("uid23", unit("none", ["u1"]), {}, F),
    ("uid24", unit("eq", None, "companyID"), {}, T),
    ("uid25", unit("neq", None), {}, T),
    ("uid26", unit("any", ["42"], "companyID"), {"customIDs": {"companyID": 42}}, T),
    ("uid27", unit("any", ["7"]), {"userID": 7}, T),
    ("uid28", unit("str_starts_with_any", ["U"]), {}, T),
    ("uid29", unit("str_matches", "^u[0-9]$"), {}, T),
    ("uid30", unit("any", ["sid"], "stableID"), {"customIDs": {"stableID": "sid"}}, T),
    ("uid31", unit("any", ["sid"], "StableID"), {"customIDs": {"stableid": "sid"}}, T),
    ("uid32", unit("any", ["b"], "companyID"),
     {"customIDs": {"companyid": "a", "companyID": "b"}}, T),
    ("uid33", unit("any", ["u1"], "companyID"), {}, F),
    ("uid34", unit("any", ["c1"], "companyID"),
     {"userID": DROP, "customIDs": {"companyID": "c1"}}, T),
    ("uid35", unit("eq", None), {"userID": DROP, "customIDs": {"companyID": "c1"}}, T),
    ("uid36", unit("any", ["\u00fcser_\u00e9"]), {"userID": "\u00fcser_\u00e9"}, T),
]

ENVIRONMENT = [
    ("env1", tier("any", "dev"), environment(tier="dev"), T),
    ("env2", tier("any", "dev"), {}, F),
    ("env3", tier("none", "dev"), {}, T),
    ("env4", tier("any", "dev", name="TIER"), environment(tier="dev"), T),
    ("env5", tier("any", "dev"), environment(tier="DEV"), T),
    ("env7", tier("any", "dev"), environment(TIER="dev"), F),
    ("env20", tier("any", "dev", "staging"), environment(tier="staging"), T),
    ("env21", tier("any", "dev"), environment(tier="production"), F),
    ("env22", tier("none", "dev"), environment(tier="dev"), F),
    ("env23", tier("none", "dev"), environment(tier="production"), T),
    ("env24", tier("any", "eu", name="region"), environment(tier="dev", region="eu"), T),
    ("env25", tier("any", "eu", name="region"), environment(tier="dev"), F),
    ("env26", tier("any", "dev"), custom(tier="dev"), F),
    ("env27", tier("any_case_sensitive", "dev"), environment(tier="DEV"), F),
    ("env28", tier("any", "eu", name="Region"), environment(region="eu"), T),
    ("env29", tier("any", "eu", name="Region"), environment(Region="eu"), T),
    ("env30", tier("any", "eu", name="region"), environment(Region="eu"), F),
    ("env31", condition("environment_field", "eq", None, "tier"), {}, T),
    ("env32", condition("environment_field", "str_contains_any", ["dev"], "tier"),
     environment(tier="development"), T),
]

UNDER_500 = list(range(500))
BU0 = {"userID": "bu0"}  # 33 with salt "bs", 551 with none
BUCKET = [
    ("bkt0", bucket("lt", 500), BU0, T),
    ("bkt1", bucket("lt", 500), {"userID": "bu1"}, F),
    ("bkt6", bucket("any", UNDER_500), BU0, T),
    ("bkt7", bucket("none", UNDER_500), BU0, F),
    ("bkt8", bucket("lt", 500, additionalValues=DROP), BU0, F),
    ("bkt9", bucket("lt", 500, idType="companyID"), BU0, F),
    ("bkt20", bucket("gte", 33), BU0, T),
    ("bkt21", bucket("gt", 33), BU0, F),
    ("bkt22", bucket("lte", 33), BU0, T),
    ("bkt23", bucket("lt", 33), BU0, F),
    ("bkt24", bucket("any", [33]), BU0, T),
    ("bkt25", bucket("any", [32, 34]), BU0, F),
    ("bkt26", bucket("none", [33]), BU0, F),
    ("bkt27", bucket("none", [32, 34]), BU0, T),
    ("bkt28", bucket("any", []), BU0, F),
    ("bkt29", bucket("none", []), BU0, T),
    ("bkt30", bucket("any", [-1]), BU0, F),
    ("bkt31", bucket("any", [551], additionalValues=DROP), BU0, T),
    ("bkt32", bucket("any", [551], salt=""), BU0, T),
    ("bkt33", bucket("any", [33], idType="companyID"), {"customIDs": {"companyID": "bu0"}}, T),
    ("bkt34", bucket("any", [841], idType="companyID"), {}, T),
    ("bkt35", bucket("any", [551], additionalValues=None), BU0, T),
]
for _number in (0, 499, 500, 999):
    _user = {"userID": unit_in(_number, lambda unit_id: user_bucket_of("bs", unit_id))}
    BUCKET += [
        (f"bkt_lt500_at{_number}", bucket("lt", 500), _user, _number < 500),
        (f"bkt_gte500_at{_number}", bucket("gte", 500), _user, _number >= 500),
        (f"bkt_lt1000_at{_number}", bucket("lt", 1000), _user, T),
        (f"bkt_lt0_at{_number}", bucket("lt", 0), _user, F),
        (f"bkt_any_at{_number}", bucket("any", UNDER_500), _user, _number < 500),
        (f"bkt_none_at{_number}", bucket("none", UNDER_500), _user, _number >= 500),
    ]

LISTS = {
    "list1": ["in_list", "123", "None", "123.0", ""],
    "companies": ["c1", "c\u00e9"],
    "empty": [],
}
IN, OUT = "in_segment_list", "not_in_segment_list"
ID_LIST = [
    ("idl1", unit(IN, "list1"), {"userID": "in_list"}, T),
    ("idl2", unit(IN, "list1"), {"userID": "not_in"}, F),
    ("idl3", unit(OUT, "list1"), {"userID": "not_in"}, T),
    ("idl4", unit(IN, "nolist"), {"userID": "in_list"}, F),
    ("idl5", unit(OUT, "nolist"), {"userID": "in_list"}, T),
    ("idl6", user_field("f", IN, "list1"), custom(f=123), T),
    ("idl7", user_field("f", IN, "list1"), custom(f=None), F),
    ("idl8", user_field("f", OUT, "list1"), custom(f=None), T),
    ("idl9", user_field("f", IN, "list1"), custom(f="IN_LIST"), F),
    ("idl20", unit(OUT, "list1"), {"userID": "in_list"}, F),
    ("idl21", unit(IN, "companies", "companyID"), {"customIDs": {"companyID": "c1"}}, T),
    ("idl22", unit(IN, "companies", "companyID"), {"customIDs": {"companyID": "c2"}}, F),
    ("idl23", unit(IN, "companies", "companyID"), {}, F),
    ("idl24", unit(OUT, "companies", "companyID"), {}, T),
    ("idl25", unit(IN, "companies", "companyID"), {"customIDs": {"companyID": "c\u00e9"}}, T),
    ("idl26", unit(IN, "companies"), {"userID": "c1"}, T),
    ("idl27", unit(IN, "empty"), {"userID": "in_list"}, F),
    ("idl28", unit(OUT, "empty"), {"userID": "in_list"}, T),
    ("idl29", unit(IN, "list1"), {"userID": 123}, T),
    ("idl30", user_field("email", IN, "list1"), {"email": "in_list"}, T),
    ("idl31", user_field("f", IN, "list1"), {}, F),
    ("idl32", user_field("f", OUT, "list1"), {}, T),
    ("idl33", unit(IN, None), {"userID": "in_list"}, F),
    ("idl34", unit(OUT, None), {"userID": "in_list"}, T),
    ("idl35", unit(IN, "list1"), {"userID": "in_lis"}, F),
]

# The time of day, with nothing but bounds that hold for decades.
PAST, FUTURE = 1_600_000_000_000, 4_102_444_800_000


def now(operator: str, target) -> dict:
    return condition("current_time", operator, target)


CURRENT_TIME = [
    ("now1", now("after", PAST), {}, T),
    ("now2", now("before", PAST), {}, F),
    ("now3", now("gt", PAST), {}, T),
    ("now4", now("before", FUTURE), {}, T),
    ("now5", now("after", FUTURE), {}, F),
    ("now6", now("on", PAST), {}, F),
    ("now7", now("lt", FUTURE), {}, T),
    ("now8", now("lte", PAST), {}, F),
    ("now9", now("after", PAST // 1000), {}, T),
    ("now10", now("after", "2020-09-13T12:26:40Z"), {}, T),
    ("now11", now("before", None), {}, F),
]

# With "plan": "global" and "region": "eu" among the global custom fields.
GLOBAL = [
    ("glb1", has("plan", "global"), {}, T),
    ("glb2", has("plan", "mine"), custom(plan="mine"), T),
    ("glb3", has("plan", "global"), custom(plan="mine"), F),
    ("glb4", has("plan", "global"), {"privateAttributes": {"plan": "private"}}, T),
    ("glb5", has("Region", "eu"), {}, T),
    ("glb6", has("email", "global@x.com"), {}, T),
    ("glb7", has("email", "global@x.com"), {"email": "mine@x.com"}, F),
    ("glb8", has("plan", "global"), custom(plan=None), T),
]

# fmt: on


def suite(name: str, about: str, rows: list, source="Network", **more) -> Suite:
    gates, cases = [], []
    for row, test, extra, passes, *other in rows:
        gates.append(gate_of(row, test))
        user = {"userID": "u1", **extra}
        user = {key: value for key, value in user.items() if value is not DROP}
        expect = one_rule(passes) | {
            "details": details(source=other[0] if other else source)
        }
        cases.append(case(row, row, expect, user))
    return Suite(
        name, about, cases, Ruleset(gates, id_lists=more.pop("lists", {})), **more
    )


SUITES = [
    suite("field", "Which member of the user a field name finds.", FIELD),
    suite("user_spelling", "The user's members in snake case.", SPELLING),
    suite("unit", "Unit ids by id type.", UNIT),
    suite("environment", "Fields of the user's environment.", ENVIRONMENT),
    suite("user_bucket", "Buckets of 1000 by a salt of the condition.", BUCKET),
    suite("id_list", "Membership in ID lists.", ID_LIST, lists=LISTS),
    suite("current_time", "The time of day, in milliseconds.", CURRENT_TIME),
    suite(
        "global_fields",
        "Global custom fields come after the user's own, before private ones.",
        GLOBAL,
        options={
            "global_custom_fields": {
                "plan": "global",
                "region": "eu",
                "email": "global@x.com",
            }
        },
    ),
]
