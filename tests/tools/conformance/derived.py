"""What is derived from the user: the country by IP address, names in the user agent.

Rows as in `lookups`.
"""

from conformance.lookups import custom, suite
from conformance.model import condition, fail_gate, pass_gate
from conformance.operators import F, T


def country(operator: str, target, name: str = "country") -> dict:
    return condition("ip_based", operator, target, name)


def agent(name: str, operator: str, target) -> dict:
    return condition("ua_based", operator, target, name)


US = {"ip": "24.18.183.148"}
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 15_6_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/15.6.1 Mobile/15E148 Safari/604.1"
)
IPHONE = {"userAgent": _IPHONE}
MAC = {"userAgent": f"{_MAC} {_WEBKIT} Chrome/104.0.0.0 Safari/537.36"}
WINDOWS = {"userAgent": f"{_WINDOWS} {_WEBKIT} Chrome/104.0.5112.79 Safari/537.36"}
ANDROID = {
    "userAgent": f"Mozilla/5.0 (Linux; Android 12; Pixel 6) {_WEBKIT} "
    "Chrome/104.0.5112.69 Mobile Safari/537.36"
}
LINUX = {
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) "
    "Gecko/20100101 Firefox/115.0"
}
SAFARI = {
    "userAgent": f"{_MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/16.5 Safari/605.1.15"
}
EDGE = {
    "userAgent": f"{_WINDOWS} {_WEBKIT} Chrome/114.0.0.0 Safari/537.36 "
    "Edg/114.0.1823.51"
}
XP = {"userAgent": "Mozilla/5.0 (Windows NT 5.1; rv:52.0) Gecko/20100101 Firefox/52.0"}

# fmt: off
COUNTRY = [
    ("ip01", country("any", ["US"]), US, T),
    ("ip02", country("any", ["NZ"]), US | {"country": "NZ"}, T),
    ("ip03", country("none", ["US"]), {}, T),
    ("ip04", country("none", ["US"]), {"ip": "not.an.ip"}, T),
    ("ip05", country("any", ["US"], "COUNTRY"), US, F),
    ("ip06", country("any", ["CC"]), US | custom(country="CC"), T),
    ("ip07", country("any", ["US"]), US | {"country": ""}, T),
    ("ip08", country("none", ["US"]), US | {"country": ""}, F),
    ("ip10", country("eq", None), {}, T),
    ("ip11", country("any", ["US"]), {"ip": "2001:4860:4860::8888"}, F),
    ("ip12", country("none", ["US"]), {"ip": "127.0.0.1"}, T),
    ("ip13", country("any", ["US"]), custom(ip="24.18.183.148"), T),
    ("ip20", country("any", ["us"]), US, T),
    ("ip21", country("any", ["US"]), US | {"country": "NZ"}, F),
    ("ip22", country("any", ["DE"]), {"ip": "193.99.144.80"}, T),
    ("ip23", country("any", ["JP"]), {"ip": "133.1.1.1"}, T),
    ("ip24", country("any", ["GB"]), {"ip": "81.2.69.142"}, T),
    ("ip25", country("any", ["BR"]), {"ip": "200.147.3.157"}, T),
    ("ip26", country("any", ["ZA", "US"]), {"ip": "41.0.0.1"}, T),
    ("ip27", country("none", ["US"]), {"ip": "193.99.144.80"}, T),
    ("ip28", country("eq", None), {"ip": "10.0.0.1"}, T),
    ("ip29", country("any", ["US"]), {"ip": "24.18.183"}, F),
    ("ip30", country("any", ["US"]), {"ip": "24.18.183.148.1"}, F),
    ("ip31", country("any", ["PP"]), US | {"privateAttributes": {"country": "PP"}}, T),
    ("ip32", country("any", ["US"]), {"privateAttributes": {"ip": "24.18.183.148"}}, T),
    ("ip33", country("any", ["1.1.1.1"], "ip"), {"ip": "1.1.1.1"}, T),
    ("ip34", country("none", ["US"]), US, F),
    ("ip35", country("neq", None), {"ip": ""}, F),
]

USER_AGENT = [
    ("ua_i_os_name_iOS", agent("os_name", "any", ["iOS"]), IPHONE, T),
    ("ua_m_os_name_MacOSX", agent("os_name", "any", ["Mac OS X"]), MAC, T),
    ("ua_c_browser_name_Chrome", agent("browser_name", "any", ["Chrome"]), WINDOWS, T),
    ("ua_a_browser_name_ChromeMobile", agent("browser_name", "any", ["Chrome Mobile"]), ANDROID, T),
    ("ua_i_browser_name_MobileSafari", agent("browser_name", "any", ["Mobile Safari"]), IPHONE, T),
    ("uaosv_i_15.6.1", agent("os_version", "any", ["15.6.1"]), IPHONE, T),
    ("uaosv_c_10", agent("os_version", "any", ["10"]), WINDOWS, F),
    ("uaosv_c_10.0.0", agent("os_version", "any", ["10.0.0"]), WINDOWS, T),
    ("uaosv_a_12.0.0", agent("os_version", "any", ["12.0.0"]), ANDROID, T),
    ("uabv_c_104.0.5112", agent("browser_version", "any", ["104.0.5112"]), WINDOWS, T),
    ("uabv_c_104.0.5112.79", agent("browser_version", "any", ["104.0.5112.79"]), WINDOWS, F),
    ("ua_none", agent("os_name", "none", ["iOS"]), {}, T),
    ("ua_over", agent("os_name", "any", ["X"]), IPHONE | custom(os_name="X"), T),
    ("ua_alias", agent("osName", "any", ["iOS"]), IPHONE, T),
    ("ua_garbage", agent("os_name", "any", ["Other"]), {"userAgent": "zzz"}, T),
    ("ua_garbagev", agent("os_version", "any", ["0.0.0"]), {"userAgent": "zzz"}, T),
    ("ua_long", agent("os_name", "any", ["iOS"]), {"userAgent": _IPHONE + "x" * 1000}, F),
    ("ua_at_limit", agent("os_name", "any", ["iOS"]),
     {"userAgent": _IPHONE.ljust(1000, "x")}, T),
    ("ua_over_limit", agent("os_name", "any", ["iOS"]),
     {"userAgent": _IPHONE.ljust(1001, "x")}, F),
    ("ua_over_limit_none", agent("os_name", "none", ["iOS"]),
     {"userAgent": _IPHONE.ljust(1001, "x")}, T),
    ("ua_c_os_name", agent("os_name", "any", ["Windows"]), WINDOWS, T),
    ("ua_a_os_name", agent("os_name", "any", ["Android"]), ANDROID, T),
    ("ua_l_os_name", agent("os_name", "any", ["Linux"]), LINUX, T),
    ("ua_l_browser_name", agent("browser_name", "any", ["Firefox"]), LINUX, T),
    ("ua_l_browser_version", agent("browser_version", "any", ["115.0.0"]), LINUX, T),
    ("ua_s_browser_name", agent("browser_name", "any", ["Safari"]), SAFARI, T),
    ("ua_s_browser_version", agent("browser_version", "any", ["16.5.0"]), SAFARI, T),
    ("ua_e_browser_name", agent("browser_name", "any", ["Edge"]), EDGE, T),
    ("ua_e_browser_version", agent("browser_version", "any", ["114.0.1823"]), EDGE, T),
    ("ua_m_os_version", agent("os_version", "any", ["10.15.7"]), MAC, T),
    ("ua_m_browser_version", agent("browser_version", "any", ["104.0.0"]), MAC, T),
    ("ua_xp_os_name", agent("os_name", "any", ["Windows"]), XP, T),
    ("ua_xp_os_version", agent("os_version", "neq", None), XP, F),
    ("ua_i_version_gte", agent("os_version", "version_gte", "15.6"), IPHONE, T),
    ("ua_i_version_lt", agent("os_version", "version_lt", "15.6.1"), IPHONE, F),
    ("ua_i_version_eq", agent("os_version", "version_eq", "15.6.1.0"), IPHONE, T),
    ("ua_c_version_gt", agent("browser_version", "version_gt", "103.9"), WINDOWS, T),
    ("ua_case_fold", agent("os_name", "any", ["ios"]), IPHONE, T),
    ("ua_case_sensitive", agent("os_name", "any_case_sensitive", ["ios"]), IPHONE, F),
    ("ua_field_case", agent("OS_NAME", "any", ["iOS"]), IPHONE, T),
    ("ua_alias_osVersion", agent("osVersion", "any", ["15.6.1"]), IPHONE, T),
    ("ua_alias_browserName", agent("browserName", "any", ["Mobile Safari"]), IPHONE, T),
    ("ua_alias_browserVersion", agent("browserVersion", "any", ["15.6.1"]), IPHONE, T),
    ("ua_other_field", agent("device", "neq", None), IPHONE, F),
    ("ua_not", agent("os_name", "none", ["iOS"]), IPHONE, F),
    ("ua_missing_version", agent("os_version", "version_gt", "0"), {}, F),
    ("ua_from_custom", agent("os_name", "any", ["iOS"]), custom(userAgent=_IPHONE), T),
    ("ua_over_private", agent("browser_name", "any", ["X"]),
     IPHONE | {"privateAttributes": {"browser_name": "X"}}, T),
]

# The last two tables may end in the source: nothing was derived, so nothing was missing.
NO_AGENT = [
    ("nua1", agent("os_name", "any", ["iOS"]), IPHONE, F),
    ("nua2", agent("os_name", "none", ["iOS"]), IPHONE, T),
    ("nua3", agent("os_version", "version_gt", "1"), IPHONE, F),
    ("nua4", pass_gate("nua1"), IPHONE, F),
    ("nua5", fail_gate("nua1"), IPHONE, T),
    ("nua6", agent("os_name", "any", ["X"]), IPHONE | custom(os_name="X"), T, "Network"),
]

NO_COUNTRY = [
    ("nip1", country("any", ["US"]), US, F),
    ("nip2", country("none", ["US"]), US, T),
    ("nip3", pass_gate("nip1"), US, F),
    ("nip4", country("any", ["NZ"]), US | {"country": "NZ"}, T, "Network"),
]
# fmt: on

SUITES = [
    suite("country", "The country, given or by IP address.", COUNTRY),
    suite("user_agent", "Names and versions out of the user agent.", USER_AGENT),
    suite(
        "no_ua_parser",
        "With the user agent parser off the field is missing and the source says so.",
        NO_AGENT,
        source="UAParserNotLoaded",
        options={"disable_ua_parser": True},
    ),
    suite(
        "no_country_lookup",
        "With the country lookup off the field is missing and the source says so.",
        NO_COUNTRY,
        source="CountryLookupNotLoaded",
        options={"disable_country_lookup": True},
    ),
]
