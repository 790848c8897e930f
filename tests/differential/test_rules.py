"""The named differences: each is met by what it is about, and by nothing ordinary."""

import random
import unittest
from types import SimpleNamespace

from compare import canonical
from differences import ON_CONDITIONS, detect
from documents import to_v2
from features import FEATURES, LOOKUP_FEATURES, VALUE_FEATURES
from responses import even_out
from seen import CORE, World
from structure import ON_STRUCTURE, OTHER_FORMAT, Asked, unknown_key_sees_own_app

# Differences that a ruleset without a feature may show: they come with local overrides, client
# keys and versions, which many rulesets have.
WITHOUT_FEATURE = {
    "D52-mapped-id-type", "D52-override-of-mapped", "D56-one-config-store", "D62-override-members",
    "D64-unknown-key-means-own-app", "D66-version-of-nested", "D60-layer-override-in-response",
    "core-layer-is-active", "core-remembers-unsupported", "core-unsupported-leftover",
}  # fmt: skip

# operator, target, value of a user
ORDINARY = [
    ("gt", 10, 11), ("lte", 10, 2.5), ("gte", "10", "10"), ("lt", 0, -3),
    ("version_gt", "1.2.3", "1.10"), ("version_eq", "1.2", "1.2.0"), ("version_neq", "1.2", "2"),
    ("any", ["a", "B"], "b"), ("none", ["a"], "é"), ("any", [1, 2], 2), ("any", ["true"], "true"),
    ("any_case_sensitive", ["a"], "a"), ("none_case_sensitive", ["A", "b"], "c"),
    ("str_starts_with_any", ["ab"], "abc"), ("str_contains_any", ["é"], "né"),
    ("str_ends_with_any", ["c"], "C"), ("str_contains_none", ["x"], "abc"),
    ("str_matches", "^a.*c$", "abc"), ("str_matches", "\\d+", "12"),
    ("eq", "a", "a"), ("neq", 1, 2), ("eq", 1.5, 1.5), ("eq", None, None), ("eq", True, True),
    ("before", 1_700_000_000_000, 1_600_000_000_000), ("after", 1_700_000_000_000, 1_700_003_600),
    ("on", 1_700_000_000_000, "1700000100000"),
    ("array_contains_any", ["a", "1"], ["a"]), ("array_contains_all", ["a"], ["b", 5]),
    ("in_segment_list", "list", "a"), ("not_in_segment_list", "list", "b"),
    ("any", ["a"], None), ("gt", 10, None), ("str_contains_any", ["a"], None),
]  # fmt: skip


def names(conditions, users, world):
    """The differences that some condition shows for some user."""
    return {
        known.name
        for condition in conditions
        for user in users
        for known in detect(condition, user, world)
    }


def users_of(feature):
    """Users with every value of a feature, each changed as the feature changes users."""
    rng = random.Random(1)
    users = [{"userID": "u", "custom": {"feature": value}} for value in feature.values]
    users += [{"userID": "u"}, {"customIDs": {"companyID": "c"}}] * 20
    users = [{**user} for user in users]
    for user in users:
        if feature.change_user:
            feature.change_user(rng, user)
    return users


def world_of(feature):
    """What a feature changes around conditions, as far as that needs no ruleset."""
    world = World(app_id=None)
    ruleset = SimpleNamespace(id_lists=world.id_lists, environment=None)
    if feature.change:
        feature.change(None, ruleset)
    world.environment = ruleset.environment
    return world


class Rules(unittest.TestCase):
    def test_ordinary_conditions_show_no_difference(self):
        for operator, target, value in ORDINARY:
            condition = {
                "type": "user_field", "field": "f", "operator": operator, "targetValue": target,
            }  # fmt: skip
            user = {"userID": "u", "custom": {} if value is None else {"f": value}}
            world = World(id_lists={"list": ["a"]})
            self.assertEqual(names([condition], [user], world), set(), (operator, target, value))

    def test_each_feature_meets_the_differences_it_is_for_and_no_other(self):
        of_conditions = {known.name for known in ON_CONDITIONS}
        for feature in (*VALUE_FEATURES, *LOOKUP_FEATURES):
            with self.subTest(feature.name):
                conditions = [
                    {"type": "user_field", "field": "feature", **x} for x in feature.conditions
                ]
                met = names(conditions, users_of(feature), world_of(feature))
                self.assertLessEqual(feature.names & of_conditions, met)

    def test_an_own_app_shows_only_where_no_client_key_is_known_and_a_condition_asks_for_it(self):
        def shows(client_key="client-unknown", app="app_a", **members):
            condition = {"type": "target_app", "operator": "any", "targetValue": ["App_A"]}
            options = {"client_sdk_key": client_key} if client_key else {}
            document = {"app_id": app, "sdk_keys_to_app_ids": {"client-plain": "app_b"}}
            ruleset = SimpleNamespace(v1=document)
            reach = SimpleNamespace(conditions=[{**condition, **members}])
            return unknown_key_sees_own_app(Asked(ruleset, reach, {}, "gate", "g", options))

        self.assertTrue(shows())
        self.assertTrue(shows(operator="none"))
        self.assertTrue(shows(operator="eq", targetValue="app_b"))
        self.assertFalse(shows(client_key=None))
        self.assertFalse(shows(client_key="client-plain"))
        self.assertFalse(shows(app=None))
        self.assertFalse(shows(targetValue=["app_b", None]))
        self.assertFalse(shows(type="user_field"))

    def test_only_privacy_settings_and_the_form_of_a_whole_rate_are_left_out_of_recording(self):
        ours = {"session_recording_rate": 1, "can_record_session": True}
        extra = {"session_recording_privacy_settings": {"privacy_mode": "input"}}

        def evened(**theirs):
            return even_out(CORE, "top", ours, {**ours, **theirs}, None)

        left, right = evened(session_recording_rate=1.0, **extra)
        self.assertEqual(canonical(left), canonical(right))
        for other in ({"session_recording_rate": 0.5}, {"can_record_session": False}):
            left, right = evened(**extra, **other)
            self.assertNotEqual(canonical(left), canonical(right))

    def test_a_spec_without_unit_has_none_in_either_version(self):
        spec = {"name": "g", "enabled": True, "rules": [{"conditions": []}]}
        gate = to_v2({"feature_gates": [spec]})["feature_gates"]["g"]
        self.assertEqual(gate["idType"], "")
        self.assertEqual(gate["rules"][0]["idType"], "userID")

    def test_each_difference_has_a_feature_or_comes_by_itself(self):
        registered = {known.name for known in (*ON_CONDITIONS, *ON_STRUCTURE)}
        met = set()
        for feature in (*VALUE_FEATURES, *LOOKUP_FEATURES):
            conditions = [
                {"type": "user_field", "field": "feature", **x} for x in feature.conditions
            ]
            met |= names(conditions, users_of(feature), world_of(feature))
        for feature in FEATURES:
            met |= feature.names
        self.assertEqual(registered - met - WITHOUT_FEATURE, set())
        self.assertEqual(WITHOUT_FEATURE - registered, set())

    def test_each_difference_says_what_it_is(self):
        for known in (*ON_CONDITIONS, *ON_STRUCTURE):
            self.assertTrue(known.applies.__doc__, known.name)
            self.assertIn(known.vendor, ("legacy", "core", OTHER_FORMAT))


if __name__ == "__main__":
    unittest.main()
