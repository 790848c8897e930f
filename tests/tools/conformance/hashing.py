"""Hash vectors, and just enough hashing to choose users whose bucket is known."""

import base64
import hashlib
from collections.abc import Callable


def u64(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def bucket_of(salt: str, rule_salt: str, unit_id: str) -> int:
    """0 to 9999; the roll passes if it is below the percentage times 100."""
    return u64(f"{salt}.{rule_salt}.{unit_id}") % 10_000


def user_bucket_of(salt: str, unit_id: str) -> int:
    """0 to 999, the value of a user_bucket condition."""
    return u64(f"{salt}.{unit_id}") % 1000


def unit_in(wanted: int, bucket_of_unit: Callable[[str], int]) -> str:
    """The first of unit0, unit1, ... whose bucket is `wanted`."""
    number = 0
    while bucket_of_unit(f"unit{number}") != wanted:
        number += 1
    return f"unit{number}"


def djb2(text: str) -> int:
    value = 0
    for character in text:
        value = (value * 31 + ord(character)) % 2**32
    return value


def sha256_base64(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# fmt: off
# spec salt, rule salt, unit id, u64, bucket
BUCKETS = [
    ("half_spec_salt", "half_salt", "user_0", 12347551527949690560, 560),
    ("half_spec_salt", "half_salt", "user_1", 11467250951339007003, 7003),
    ("half_spec_salt", "half_salt", "\u00fcser_\u00e9", 13195111337371438453, 8453),
    ("hs", "nosaltid", "user_1", 7086145319541412076, 2076),
    ("hs", "", "user_1", 7638105263551327114, 7114),
    ("hs2", "hcs", "", 17358351335225859409, 9409),
    ("hs2", "hcs", "co_2", 15157557622780170191, 191),
    ("cmpct_salt", "orsalt", "cp_0", 13655861990876213631, 3631),
    ("a", "b", "c", 9538114131715547836, 7836),
    ("", "", "", 6828011081595845693, 5693),
]

# salt, unit id, bucket
USER_BUCKETS = [
    ("bs", "bu0", 33),
    ("bs", "bu1", 660),
    ("", "bu0", 551),
    ("bs", "", 841),
]

# text, djb2, base64 of SHA-256
NAMES = [
    ("", 0, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
    ("a", 97, "ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs="),
    ("test_gate", 3114454104, "AoZS0F06Ub+W2ONx+94rPTS7MRxuxa+GnXro5Q1uaGY="),
    ("client-key", 1101277533, "jrlD5wQLaalL85ViCIIjdVv/TC58X8JX8eCPhw/gHTU="),
    ("\u00e9", 233, "SplVfkAzw1Od4utlRyAXytX5VX96BiWgnxw/biumnEw="),
    ("\u65e5\u672c", 835047, "zyq/DFvjJsuSKnD4Fj+RB5xNmqhlXGDq2JrVRcneLpI="),
    ("\U0001f600", 128512, "8EQ6NCxe9UeDoRG1G6Vsk45HTDIyTZDDpgycjjo34tk="),
    ("g_pub", 98064165, "SBFPGRp5msaqPg/GA8iyYYliumnqbFElxzF/GH3Anuc="),
    ("secret-key", 2842331586, "hdvhXXXvkwjHrg8zx6MkzG9L9Rmi7S8wJ70zwUCk+ao="),
]

# unit id, key in an ID list
ID_LIST_KEYS = [("u1", "u4IDDbwr"), ("123", "pmWkWSBC"), ("", "47DEQpj8")]

# key of an exposure, its hash as a signed number
SAMPLING = [
    ("n:g_sampled;u:u:a;r:r_sampled;v:True", 1713385707049747455),
    ("n:g_sampled;u:u:user12;r:r_sampled;v:True", 4440082325910592570),
    ("n:g_sampled;u:u:user19;r:r_sampled;v:True", 405396147423441690),
    ("n:g_sampled;u:u:user23;r:r_sampled;v:True", -1349970882736512620),
    ("n:g_email;u:u:user0;r:default;v:False", 7952355503970030654),
    ("n:g_email;u:u:user6;r:default;v:False", -2202447416219077030),
    ("n:nope;u:u:user0;r:;v:False", -2371467617683037544),
    ("n:g_sampled;u:u:None;b:2;a:3;r:r_sampled;v:True", -1840145708920812500),
    ("n:c_sampled;u:u:user16;r:r_cs", 245092095616141320),
    ("n:layer_s;e:exp_s;p:p;u:u:user5;r:r_exp_s", 135969748417880500),
    ("n:layer_un;e:None;p:an_int;u:u:user0;r:default", 4678927377964188375),
    ("n:layer_un;e:None;p:an_int;u:u:user8;r:default", -4552973250218292465),
    ("", -2039914840885289964),
]
# fmt: on


def signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def vectors() -> dict:
    """The tables above, each row checked against the hashing of this file."""
    for salt, rule_salt, unit_id, hashed, bucket in BUCKETS:
        assert u64(f"{salt}.{rule_salt}.{unit_id}") == hashed, unit_id
        assert bucket_of(salt, rule_salt, unit_id) == bucket, unit_id
    for salt, unit_id, bucket in USER_BUCKETS:
        assert user_bucket_of(salt, unit_id) == bucket, unit_id
    for text, number, encoded in NAMES:
        assert (djb2(text), sha256_base64(text)) == (number, encoded), text
    for unit_id, key in ID_LIST_KEYS:
        assert sha256_base64(unit_id)[:8] == key, unit_id
    for key, hashed in SAMPLING:
        assert signed(u64(key)) == hashed, key
    return {
        "about": "Hash inputs and results. 64-bit numbers are text, so that no JSON "
        "library rounds them. bucket: u64 is the first 8 bytes, big-endian, of SHA-256 "
        "of salt.rule_salt.unit_id, bucket is u64 % 10000. user_bucket: u64 of "
        "salt.unit_id % 1000. names: djb2 over code points, and standard base64 of "
        "SHA-256. id_list_keys: the first 8 characters of that base64. sampling: the "
        "same 8 bytes of the key's SHA-256, as a signed number.",
        "bucket": [
            {
                "salt": salt,
                "rule_salt": rule_salt,
                "unit_id": unit_id,
                "u64": str(hashed),
                "bucket": bucket,
            }
            for salt, rule_salt, unit_id, hashed, bucket in BUCKETS
        ],
        "user_bucket": [
            {"salt": salt, "unit_id": unit_id, "bucket": bucket}
            for salt, unit_id, bucket in USER_BUCKETS
        ],
        "names": [
            {"text": text, "djb2": number, "sha256_base64": encoded}
            for text, number, encoded in NAMES
        ],
        "id_list_keys": [
            {"unit_id": unit_id, "key": key} for unit_id, key in ID_LIST_KEYS
        ],
        "sampling": [{"key": key, "hash": str(hashed)} for key, hashed in SAMPLING],
    }
