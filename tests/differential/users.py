"""Random users: every field, in usual and unusual shapes."""

import random

TEXTS = [
    "a", "A", "b", "Alpha", "ALPHA", "beta", "x y", "é", "É", "日本", "ΣΑΣ", "σας", "Ünïcode",
    "10", "1", "true", "false", "null", "undefined", "None", "pro", "free", "enterprise",
    "someone@example.com", "admin@example.org", "a,b", "with \"quotes\" and \\", "tab\there",
    "ends with space ", "😀",
]  # fmt: skip
NUMBERS = [0, 1, 2, 5, 10, 11, -3, 42, 99, 100, 1000, 1.5, 0.25, -2.75, 99.5, 123456789]
NUMBER_TEXTS = ["0", "1", "10", "10.5", "-3", "1e2", "42", "+7", ".5", "100.25"]
VERSIONS = [
    "1", "1.2", "1.2.3", "1.2.4", "1.2.3-beta", "1.2.3-beta.2", "1.10", "1.9", "01.02",
    "2.0.0", "1.0.0.0", "1.2.x", "1..3", "1.2.", "1.2.3+build", "abc", "10.0.0", "0",
]  # fmt: skip
TIMES = [
    1_500_000_000, 1_600_000_000, 1_699_999_999, 1_700_000_000, 1_700_003_600, 1_700_007_200,
    1_700_000_000_000, 1_700_003_600_000, 1_699_999_999_000, 1_650_000_000_000,
    "1700000001", "1699999999000", 9_999_999_999, 10_000_000_000, 0, 86_400, "86399",
]  # fmt: skip
ARRAYS = [
    [], ["a"], ["a", "b"], ["b", "a", "c"], ["A"], [1], [1, 2, 3], ["1", "2"], ["a", 5],
    ["é", "日本"], ["true"], ["x y"], [7, "seven"],
]  # fmt: skip
# Shapes that conditions seldom meet, most of them where implementations part.
ODD = [
    None, "", True, False, 1.0, -0.5, 1e-7, 1e22, 2**53 + 1, -(2**60), [], {}, {"a": 1},
    {"a": {"b": [1, None]}}, [None], [1.5], [0], [True], [["a"]], ["1.9"], "straße", "ﬁsh",
    "0x10", "1_000", " 11 ", "inf", "NaN", "5 apples", "١٢", "line\n", "2023-11-14T22:13:19Z",
    "2023-11-14", "2023-11-14 22:13:19", 1_700_000_000.5, 1_700_000_000_500, -5, -1_500_000_000,
    " 1.2.4 ", "-1.2", "9007199254740993.0", 1.2, "x" * 1200,
]  # fmt: skip

# Addresses whose country is in the table, or which are not public.
ADDRESSES = ["24.18.183.148", "8.8.8.8", "1.1.1.1", "134.209.0.1", "202.12.29.5", "127.0.0.1"]
ODD_ADDRESSES = ["2001:4860:4860::8888", "not.an.ip", "a.b.c.d", "1.2.3", " 24.18.183.148"]

USER_AGENTS = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 15_6_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/15.6.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/104.0.5112.79 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/104.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 12; Pixel 6) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/104.0.5112.69 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/104.0.0.0 Safari/537.36 Edg/104.0.1293.54",
]
ODD_USER_AGENTS = ["zzz", "curl/7.64.1", "okhttp/4.9.0", ""]

CUSTOM_FIELDS = {
    "level": NUMBERS + NUMBER_TEXTS,
    "plan": TEXTS,
    "Region": TEXTS,
    "region": TEXTS,
    "tags": ARRAYS,
    "since": TIMES,
    "build": VERSIONS,
    "beta": [True, False, "true"],
    "wild": ODD + TEXTS,
    "odd": ODD,
    "obj": [{}, {"a": 1}, {"a": "1"}, {"a": [1, 2]}, "x"],
}
SHADOWS = ["email", "country", "ip", "os_name", "browser_name", "locale", "app_version"]
COUNTRIES = ["US", "NZ", "us", "CA", "DE", "JP"]
ID_TYPES = ["userID", "userid", "USERID", "stableID", "companyID", "companyid", "deviceID", ""]
TIERS = ["production", "staging", "development", "Production"]


def users(rng, count):
    return [user(rng, at) for at in range(count)]


def user(rng, at):
    made = {}
    ids = custom_ids(rng, at)
    if not ids or rng.random() < 0.92:
        made["userID"] = user_id(rng, at)
    if ids:
        made["customIDs"] = ids
    if not made.get("userID") and not any(ids.values()):
        made["userID"] = f"user_{at}"
    optional(rng, made, "email", 0.6, lambda: f"{rng.choice(TEXTS[:10])}{at}@example.com")
    optional(rng, made, "ip", 0.5, lambda: rng.choice(ADDRESSES))
    optional(rng, made, "ip", 0.05, lambda: rng.choice(ODD_ADDRESSES))
    optional(rng, made, "userAgent", 0.5, lambda: rng.choice(USER_AGENTS))
    optional(rng, made, "userAgent", 0.05, lambda: rng.choice(ODD_USER_AGENTS))
    optional(rng, made, "country", 0.5, lambda: rng.choice(COUNTRIES))
    optional(rng, made, "locale", 0.4, lambda: rng.choice(["en_US", "de_DE", "fr", "EN_us"]))
    optional(rng, made, "appVersion", 0.5, lambda: rng.choice(VERSIONS))
    optional(rng, made, rng.choice(["email", "country", "locale", "appVersion"]), 0.06, lambda: "")
    optional(rng, made, "custom", 0.85, lambda: attributes(rng))
    optional(rng, made, "privateAttributes", 0.35, lambda: attributes(rng))
    optional(
        rng, made, "statsigEnvironment", 0.3, lambda: {"tier": rng.choice(TIERS)}
    )
    return made


def optional(rng, made, name, chance, value):
    if rng.random() < chance:
        made[name] = value()


def user_id(rng, at):
    return rng.choice(
        [f"user_{at}", f"user_{at}", f"user_{at}", f"üser_{at}", f"{at}", 1000 + at, f"U{at}@x"]
    )


def custom_ids(rng, at):
    made = {}
    if rng.random() < 0.6:
        made["stableID"] = f"stable_{at % 17}"
    if rng.random() < 0.5:
        made[rng.choice(["companyID", "companyid"])] = rng.choice([f"co_{at % 7}", 700 + at % 5])
    if rng.random() < 0.1:
        made["deviceID"] = ""
    return made


def attributes(rng):
    made = {}
    for name, values in CUSTOM_FIELDS.items():
        if rng.random() < 0.5:
            made[name] = rng.choice(values)
    if rng.random() < 0.25:
        made[rng.choice(SHADOWS)] = rng.choice([*TEXTS, *COUNTRIES, "24.18.183.148", "iOS", ""])
    return made


def seeded(seed, number):
    """One generator a ruleset, so that each can be made again alone."""
    return random.Random(f"{seed}:{number}")
