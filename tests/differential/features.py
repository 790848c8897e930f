"""Features: inputs that show one intended difference, put into a ruleset on purpose.

Each has a name, the differences it may show, values to give users, conditions that meet them,
or a change to the ruleset.
"""

from dataclasses import dataclass
from itertools import product

from documents import HASHED_KEY, PLAIN_KEY, djb2


@dataclass(frozen=True)
class Feature:
    name: str
    # The names of the differences that may show.
    names: frozenset
    # Values of the custom attribute "feature" that users are given.
    values: tuple = ()
    # Conditions that meet them; type and field are filled in.
    conditions: tuple = ()
    # Changes a user, before rules are made: takes the random generator and the user.
    change_user: object = None
    # Changes the finished ruleset: takes the maker and the ruleset.
    change: object = None

    def prepare_users(self, rng, users):
        for user in users:
            if self.values and rng.random() < 0.8:
                user.setdefault("custom", {})["feature"] = rng.choice(self.values)
            if self.change_user:
                self.change_user(rng, user)

    def apply(self, maker, ruleset):
        """Puts the feature's conditions into gates, each with gates around it."""
        for at, template in enumerate(self.conditions):
            condition = {"type": "user_field", "field": "feature", **template}
            rules = [maker.rule(0, True, conditions=[condition])]
            if maker.rng.random() < 0.5:
                rules.append(maker.rule(1, True))
            gate = maker.gate(f"feature_{at}", "feature_gate", rules)
            gate["enabled"] = True
            surround(maker, gate["name"])
        if self.change:
            self.change(maker, ruleset)


def surround(maker, name):
    """A gate that nests another one, after one whose exposure comes first."""
    rng = maker.rng
    first = rng.choice(maker.usable_gates)
    conditions = [nest(rng.choice(["pass_gate", "fail_gate"]), x) for x in (first, name)]
    rules = [maker.rule(0, True, conditions=conditions)]
    return maker.gate(f"around_{name}", "feature_gate", rules)


def nest(kind, target):
    return {"type": kind, "operator": None, "targetValue": target}


def feature(name, *names, values=(), operators=(), targets=(), **members):
    """A feature whose conditions are all operators with all targets."""
    conditions = tuple(
        {"operator": operator, "targetValue": target}
        for operator, target in product(operators, targets)
    )
    members.setdefault("conditions", conditions)
    return Feature(name, frozenset(names or (name,)), tuple(values), **members)


VALUE_FEATURES = [
    feature(
        "D3-not-a-number",
        values=["abc", "5 apples", [11], {"a": 1}, "0x10", 12],
        operators=["gt", "lte"],
        targets=[10],
    ),
    feature(
        "D3-invalid-regex",
        values=["abc", "x[y"],
        operators=["str_matches"],
        targets=["[", "(a"],
    ),
    feature(
        "D3-not-a-time",
        values=[[1], {"a": 1}, 1_700_000_000, 99_999_999_999_999_999],
        operators=["before", "after"],
        targets=[1_650_000_000_000],
    ),
    feature(
        "D3-null-field",
        conditions=(
            {"operator": "any", "targetValue": ["a"], "field": None},
            {"operator": "none", "targetValue": ["a"], "field": None},
        ),
    ),
    feature(
        "D3-version-component",
        values=["1.1_0", "1.2.1e2", "1.nan", "-1.2", "1.2"],
        operators=["version_gt", "version_eq", "version_lte"],
        targets=["1.2"],
    ),
    feature(
        "D25-version-target",
        values=["1.2", "1.3", 1.2],
        operators=["version_eq", "version_gte"],
        targets=[1.2],
    ),
    feature("D6-null-operator", values=["a"], operators=[None], targets=[["a"], None]),
    feature(
        "D4-unsupported",
        values=["a"],
        operators=["bogus_op", "encoded_any"],
        targets=[["a"]],
    ),
    feature(
        "D7-operator-case",
        "D7-operator-case",
        "D7-type-case",
        values=["a", "b"],
        conditions=(
            {"operator": "ANY", "targetValue": ["a"]},
            {"operator": "any", "targetValue": ["a"], "type": "USER_FIELD"},
            {"operator": None, "targetValue": None, "type": "Public"},
        ),
    ),
    feature(
        "D8-boolean-text",
        values=[True, False],
        operators=["any_case_sensitive", "none_case_sensitive"],
        targets=[["true"], ["True"]],
    ),
    feature("D8-boolean-pattern", "D8-boolean-text", values=[True, False],
            operators=["str_matches"], targets=["^true$", "^True$"]),
    feature(
        "D9-integral-float",
        values=[1.0, 2.0, -3.0],
        operators=["any", "str_contains_any", "any_case_sensitive"],
        targets=[["1"], ["1.0"], [".0"]],
    ),
    feature(
        "D9-integral-float-target",
        "D9-integral-float-target",
        "D9-integral-float",
        values=[1, 2, "1", "1.0"],
        operators=["any", "none"],
        targets=[[1.0]],
    ),
    feature(
        "D10-exponent",
        values=[1e-7, 2.5e-5],
        operators=["any", "str_contains_any"],
        targets=[["1e-07"], ["0.0000001"], ["0.000025"]],
    ),
    feature(
        "D11-big-integer",
        values=[2**53 + 1, 2**53 + 3],
        operators=["any", "none"],
        targets=[[str(2**53 + 1)], [2**53 + 1]],
    ),
    feature(
        "D11-big-number",
        values=[2**53 + 1, 2**53],
        operators=["eq", "gt", "lte"],
        targets=[2**53],
    ),
    feature(
        "D11-big-version",
        "D11-big-version",
        "D3-version-component",
        values=["9007199254740993.0", "9007199254740992.0"],
        operators=["version_gt", "version_eq"],
        targets=["9007199254740992.0"],
    ),
    feature(
        "D12-container-text",
        values=[["a"], ["a", "b"], {"a": 1}],
        operators=["any", "str_contains_any", "none_case_sensitive"],
        targets=[['["a","b"]'], ["a"], ['{"a":1}']],
    ),
    feature(
        "D12-object-text",
        "D12-object-text",
        "D12-container-text",
        values=[{"a": 1}],
        operators=["any", "str_contains_any"],
        targets=[['{"a":1}']],
    ),
    feature(
        "D13-missing-is-empty",
        conditions=tuple(
            {"operator": operator, "targetValue": [""], "field": "nowhere"}
            for operator in ("any", "none", "str_contains_any", "str_starts_with_any")
        ),
    ),
    feature(
        "D13-null-target",
        "D13-null-target",
        "D13-missing-is-empty",
        values=["none", "None", "null", "x"],
        operators=["any", "str_contains_any", "none_case_sensitive"],
        targets=[[None], [None, "x"]],
    ),
    feature(
        "D15-case-folding",
        values=["straße", "STRASSE", "ﬁsh"],
        operators=["any", "str_contains_any"],
        targets=[["STRASSE"], ["ss"], ["FISH"]],
    ),
    feature(
        "core-case-twins",
        values=["a", "A", "b"],
        operators=["any_case_sensitive", "none_case_sensitive"],
        targets=[["a", "A"], ["A", "a", "b"]],
    ),
    feature(
        "D16-boolean-number", values=[True, False], operators=["gt", "lt"], targets=[0, 1]
    ),
    feature(
        "D17-empty-number", "D17-empty-number", values=["", 5], operators=["lt", "gte"],
        targets=[10, 0],
    ),
    feature(
        "D18-python-number",
        "D18-python-number",
        "D18-core-number",
        "D3-not-a-number",
        values=[" 11 ", "1_000", "inf", "-inf", "NaN", "١٢", "\t12"],
        operators=["gt", "lt"],
        targets=[10],
    ),
    feature(
        "D20-equal-across-types",
        values=["1", 1, "true", True, "1.5"],
        operators=["eq", "neq"],
        targets=[1, "1", "true", True, 1.5],
    ),
    feature(
        "D23-equal-containers",
        values=[["1"], [1], {"a": "1"}, {"a": 1}],
        operators=["eq", "neq"],
        targets=[[1], {"a": 1}],
    ),
    feature(
        "D28-date-text",
        values=[
            "2023-11-14T22:13:19Z", "2023-11-14T22:13:19.000Z", "2023-11-14 22:13:19",
            "2023-11-14", "2023-11-14T23:13:19+02:00", "garbage", "", 1_699_999_999.5,
        ],
        operators=["before", "after", "on"],
        targets=[1_700_000_000_000],
    ),
    feature(
        "D27-before-1970",
        values=[-10_022_399_000, -10_022_400_000],
        operators=["on"],
        targets=[-10_022_400_000],
    ),
    feature(
        "D29-unit-by-length",
        values=[-1_500_000_000, -5_000_000_000, 1_500_000_000],
        operators=["before", "after"],
        targets=[1_650_000_000_000],
    ),
    feature(
        "D29-target-in-seconds",
        values=[1_699_999_999, 1_700_000_001],
        operators=["before", "after"],
        targets=[1_700_000_000],
    ),
    feature(
        "D30-sub-second",
        values=[1_700_000_000_500, 1_700_000_000_000],
        operators=["before", "after"],
        targets=[1_700_000_000_000, 1_700_000_000_250],
    ),
    feature(
        "D33-boolean-time",
        values=[True],
        operators=["before", "after"],
        targets=[1_700_000_000_000],
    ),
    feature(
        "D53-current-time",
        "D53-current-time-number",
        conditions=tuple(
            {"type": "current_time", "field": None, "operator": op, "targetValue": 1_600_000_000_000}
            for op in ("gt", "lt")
        ),
    ),
    feature(
        "D32-array-elements",
        "D32-array-elements",
        "D32-array-element-text",
        values=[[1.5], [0], [True], ["0"], ["1.9"], [None], [1.0], ["01"], [2**53 + 1], [1]],
        operators=["array_contains_any", "array_contains_none", "array_contains_all"],
        targets=[["1"], [0], ["0"], ["true"], [1.5], ["1.9"], [1.0], [None], [str(2**53 + 1)]],
    ),
    feature(
        "D33-array-target",
        values=[["a"], ["b"]],
        operators=["array_contains_any", "array_contains_none"],
        targets=["a", None],
    ),
    feature(
        "D69-object-target", values=["a", "b"], operators=["any", "none"], targets=[{"a": True}]
    ),
    feature(
        "D70-text-target",
        values=["xax", "b"],
        operators=["str_contains_any", "str_contains_none"],
        targets=["abc"],
    ),
    feature(
        "D67-regex-dialect",
        values=["abc", "ABC", "a\n", "foobar"],
        operators=["str_matches"],
        targets=["(?i)^abc$", "^(?<x>a)", "(?P<x>a)b", "a$", "(?<=foo)bar"],
    ),
]


def empty_email(rng, user):
    if rng.random() < 0.5:
        user["email"] = ""
        (user.get("custom") or {}).pop("email", None)


def private_behind_custom(value):
    def change(rng, user):
        user.setdefault("custom", {})["feature"] = value
        user.setdefault("privateAttributes", {})["feature"] = rng.choice(["p", "q"])

    return change


def alias_in_custom(rng, user):
    user["appVersion"] = "2.0"
    user.setdefault("custom", {})["app_version"] = rng.choice(["2.0", "custom"])


def without_user_id(rng, user):
    if rng.random() < 0.5:
        user["userID"] = None
        user.setdefault("customIDs", {}).setdefault("stableID", "stable")


def address(*addresses):
    def change(rng, user):
        for fields in (user, user.get("custom") or {}, user.get("privateAttributes") or {}):
            fields.pop("country", None)
            fields.pop("ip", None)
        if rng.random() < 0.8:
            user["ip"] = rng.choice(addresses)

    return change


def empty_country(rng, user):
    address("24.18.183.148")(rng, user)
    user["country"] = ""


def agent(*agents):
    def change(rng, user):
        user["userAgent"] = rng.choice(agents)
        for fields in (user.get("custom") or {}, user.get("privateAttributes") or {}):
            fields.pop("os_name", None)

    return change


def on_field(kind, field, *pairs):
    return tuple(
        {"type": kind, "field": field, "operator": operator, "targetValue": target}
        for operator, target in pairs
    )


LOOKUP_FEATURES = [
    feature(
        "D22-empty-top-level",
        change_user=empty_email,
        conditions=on_field("user_field", "email", ("eq", None), ("neq", None), ("any", [""])),
    ),
    feature(
        "D36-field-alias",
        change_user=alias_in_custom,
        conditions=on_field("user_field", "app_version", ("any", ["2.0"]), ("eq", "custom")),
    ),
    feature(
        "D36-address-alias",
        "D36-field-alias",
        change_user=address("24.18.183.148", "8.8.8.8"),
        conditions=on_field("user_field", "ipAddress", ("any", ["8.8.8.8"])),
    ),
    feature(
        "D38-empty-custom",
        change_user=private_behind_custom(""),
        conditions=on_field("user_field", "feature", ("any", ["p"]), ("eq", "q")),
    ),
    feature(
        "D39-null-custom",
        change_user=private_behind_custom(None),
        conditions=on_field("user_field", "feature", ("any", ["p"]), ("eq", "q")),
    ),
    feature(
        "D26-field-folding",
        change_user=lambda rng, user: user.setdefault("custom", {}).update(strasse="v"),
        conditions=on_field("user_field", "Straße", ("any", ["v"])),
    ),
    feature(
        "D34-no-country",
        change_user=address("127.0.0.1", "24.18.183.148", "10.0.0.1"),
        conditions=on_field("ip_based", "country", ("none", ["US"]), ("eq", None)),
    ),
    feature(
        "D35-empty-country",
        change_user=empty_country,
        conditions=on_field("ip_based", "country", ("any", ["US"]), ("none", ["US"])),
    ),
    feature(
        "D36-strange-address",
        "D36-strange-address",
        "D34-no-country",
        change_user=address("not.an.ip", "a.b.c.d", "1.2.3", " 24.18.183.148", "2001:4860::8888"),
        conditions=on_field("ip_based", "country", ("any", ["US"]), ("none", ["US"])),
    ),
    feature(
        "D71-long-user-agent",
        change_user=agent("Mozilla/5.0 (iPhone; CPU iPhone OS 15_6_1 like Mac OS X) " + "x" * 1000),
        conditions=on_field("ua_based", "os_name", ("any", ["iOS"]), ("none", ["iOS"])),
    ),
    feature(
        "D72-user-agents",
        "D72-empty-user-agent",
        "D72-few-user-agents",
        change_user=agent("", "zzz", "okhttp/4.9.0", "curl/7.64.1"),
        conditions=(
            *on_field("ua_based", "os_name", ("any", ["Other"]), ("none", ["Other"])),
            *on_field("ua_based", "browser_name", ("any", ["okhttp", "curl", "Other"])),
            *on_field("ua_based", "browser_name", ("any", ["okhttp"]), ("none", ["curl"])),
        ),
    ),
    feature(
        "D43-list-of-none",
        "D43-list-of-none",
        conditions=on_field(
            "user_field", "nowhere", ("in_segment_list", "nones"), ("not_in_segment_list", "nones")
        ),
        change=lambda maker, ruleset: ruleset.id_lists.update(nones=["None", "x"]),
    ),
    feature(
        "core-missing-user-id",
        change_user=without_user_id,
        conditions=(
            {"type": "unit_id", "operator": "eq", "targetValue": None, "idType": "userID"},
            {"type": "unit_id", "operator": "neq", "targetValue": None, "idType": "userID"},
        ),
    ),
    feature(
        "D44-environment-order",
        change_user=lambda rng, user: user.update(statsigEnvironment={"tier": "development"}),
        conditions=on_field("environment_field", "tier", ("any", ["development"])),
        change=lambda maker, ruleset: setattr(ruleset, "environment", {"tier": "staging"}),
    ),
    feature(
        "D45-environment-field-case",
        "D45-environment-field-case",
        "D44-environment-order",
        change_user=lambda rng, user: user.update(statsigEnvironment={"tier": "development"}),
        conditions=on_field("environment_field", "TIER", ("any", ["development"])),
    ),
]


def one_rule_gate(maker, name, *conditions):
    rules = [maker.rule(0, True, conditions=list(conditions))]
    gate = maker.gate(name, "feature_gate", rules)
    gate["enabled"] = True
    return gate


def unknown_gates(maker, ruleset):
    surround(maker, "nope")
    for kind in ("pass_gate", "fail_gate"):
        one_rule_gate(maker, f"asks_nope_{kind}", nest(kind, "nope"))


def gate_targets(maker, ruleset):
    for at, target in enumerate((None, 5, "")):
        one_rule_gate(maker, f"asks_nothing_{at}", nest("fail_gate", target))


def multi_gates(maker, ruleset):
    rng = maker.rng
    for at, kind in enumerate(("multi_pass_gate", "multi_fail_gate") * 2):
        names = rng.sample(maker.usable_gates, min(at, len(maker.usable_gates)))
        one_rule_gate(maker, f"multi_{at}", nest(kind, names))


def sure_experiment(maker):
    """An experiment whose first rule everybody passes, into the group Control."""
    made = maker.config("sure_experiment", "experiment")
    rule = maker.rule(0, {"sure": 1}, id="sure", passPercentage=100, conditions=[])
    made.update(enabled=True, isActive=True, rules=[{**rule, "groupName": "Control"}])
    return made["name"]


def experiment_groups(maker, ruleset):
    sure_experiment(maker)
    names = [spec["name"] for spec in maker.configs if spec["entity"] == "experiment"]
    for at, name in enumerate([*names, "no_such_experiment"]):
        asks = {"type": "experiment_group", "operator": "any", "targetValue": ["Control"]}
        gate = one_rule_gate(maker, f"group_of_{at}", {**asks, "field": name})
        gate["rules"][0]["passPercentage"] = 100


def nested_mapping(maker, ruleset):
    target = maker.gate("mapped_to", "feature_gate")["name"]
    maker.gate("mapped_from", "feature_gate")
    surround(maker, "mapped_from")
    always = {"name": "", "id": "m", "passPercentage": 100, "conditions": [], "returnValue": True}
    ruleset.v1.setdefault("overrides", {})["mapped_from"] = [
        {"new_config_name": target, "rules": [{"rule_name": "always"}]}
    ]
    ruleset.v1.setdefault("override_rules", {})["always"] = {**always, "idType": "userID"}


def cycle(maker, ruleset):
    one_rule_gate(maker, "ring_a", nest("pass_gate", "ring_b"))
    one_rule_gate(maker, "ring_b", nest("pass_gate", "ring_a"))


def no_pass_percentage(maker, ruleset):
    del one_rule_gate(maker, "no_percentage")["rules"][0]["passPercentage"]


def gate_values(maker, ruleset):
    for at, (default, value) in enumerate(((True, True), (False, False), (True, False))):
        gate = maker.gate(f"value_{at}", "feature_gate", [maker.rule(0, value)])
        gate["defaultValue"] = default
        surround(maker, gate["name"])


def disabled_rules(maker, ruleset):
    ruleset.keep_disabled_rules = True
    for spec in (*maker.gates, *maker.configs, *maker.layers):
        spec["enabled"] = maker.rng.random() < 0.5


def overrides_by_custom_id(maker, ruleset):
    for gate in maker.gates[-2:]:
        ruleset.overrides.append(("gate", gate["name"], False, ""))
        for id in ("stable_1", "stable_2", "stable_3"):
            ruleset.overrides.append(("gate", gate["name"], True, id))
    surround(maker, maker.gates[-1]["name"])


def overridden_delegates(maker, ruleset):
    for names in maker.delegated.values():
        ruleset.overrides.append(("experiment", names[0], {"overridden": 1}, ""))
    for layer in maker.layers:
        ruleset.overrides.append(("layer", layer["name"], {"layer": 2}, ""))
    # A layer without an override of its own, which would hide the one of its experiment.
    name = sure_experiment(maker)
    maker.layer("sure_layer")
    rule = maker.rule(0, {"layer": 1}, passPercentage=100, conditions=[], configDelegate=name)
    maker.layers[-1].update(enabled=True, rules=[rule])
    maker.delegated["sure_layer"] = [name]
    ruleset.overrides.append(("experiment", name, {"overridden": 1}, ""))


def nested_overrides(maker, ruleset):
    name = maker.gates[-1]["name"]
    surround(maker, name)
    ruleset.overrides.append(("gate", name, True, ""))


def both_key_maps(maker, ruleset):
    ruleset.v1["sdk_keys_to_app_ids"] = {PLAIN_KEY: "app_a"}
    ruleset.v1["hashed_sdk_keys_to_app_ids"] = {djb2(HASHED_KEY): "app_b"}


def unknown_key(maker, ruleset):
    """The app of the server key in conditions, directly and nested, where no client key is known."""
    ruleset.v1["app_id"] = "app_a"
    ruleset.v1.pop("sdk_keys_to_app_ids", None)
    ruleset.v1.pop("hashed_sdk_keys_to_app_ids", None)
    for operator, target in (("any", ["app_a"]), ("none", ["app_a"]), ("eq", "app_a")):
        asks = {"type": "target_app", "operator": operator, "targetValue": target}
        gate = one_rule_gate(maker, f"own_app_{operator}", asks)
        gate["targetAppIDs"] = ["app_a"]
        surround(maker, gate["name"])["targetAppIDs"] = ["app_a"]


def target_app_and_key(maker, ruleset):
    both_key_maps(maker, ruleset)
    for key in (PLAIN_KEY, HASHED_KEY, "client-unknown"):
        ruleset.gcir.append({"hash": "none", "target_app_id": "app_c", "client_sdk_key": key})


STRUCTURE_FEATURES = [
    feature("D48-unknown-gate", change=unknown_gates),
    feature("D48-gate-target", change=gate_targets),
    feature("D51-multi-gate", "D51-multi-gate", "D49-multi-gate-exposures", change=multi_gates),
    feature("D50-experiment-group", "D4-unsupported", change=experiment_groups),
    feature("D52-nested-mapping", "D52-nested-mapping", "D66-mapping-of-nested",
            change=nested_mapping),
    feature("D54-cycle", change=cycle),
    feature("no-pass-percentage", change=no_pass_percentage),
    feature("D1-gate-value-source", change=gate_values),
    feature("D2-disabled-with-rules", change=disabled_rules),
    feature("D55-override-without-user-id", change=overrides_by_custom_id),
    feature("D56-override-of-delegate", change=overridden_delegates),
    feature("D59-nested-override-in-response", change=nested_overrides),
    feature("D64-hashed-map-shadows", change=both_key_maps),
    feature("D64-unknown-key-sees-own-app", change=unknown_key),
    feature("D63-target-app-and-key", change=target_app_and_key),
]

FEATURES = [*VALUE_FEATURES, *LOOKUP_FEATURES, *STRUCTURE_FEATURES]
