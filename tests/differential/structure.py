"""The intended differences that come from how entities hang together, each by its name."""

from dataclasses import dataclass, field

from differences import detect, null_operator, unsupported
from documents import djb2
from seen import BOTH, CORE, EXPOSURES, FOLDED_SET, LEGACY, Difference, see
from values import text

OTHER_FORMAT = "other-format"

ON_STRUCTURE = []


@dataclass
class Asked:
    """One answer under comparison: who asked for what, and how."""

    ruleset: object
    reach: object
    user: dict
    kind: str
    name: str
    # The options of the client initialize response, or None for a direct evaluation.
    options: dict | None = None
    # Whether the ruleset's local overrides were set.
    overridden: bool = False

    @property
    def overrides(self):
        return self.ruleset.overrides if self.overridden else []

    def overridden_names(self, *kinds):
        return {name for kind, name, _, _ in self.overrides if kind in kinds}


def structural(name, *vendors, fields=BOTH):
    def register(applies):
        for vendor in vendors:
            ON_STRUCTURE.append(Difference(name, vendor, applies, fields))
        return applies

    return register


def explain(asked, vendor):
    """All named differences from a vendor that one answer can show, with the parts they touch."""
    found = [x for x in ON_STRUCTURE if x.vendor == vendor and x.applies(asked)]
    world = asked.ruleset.world
    for condition in asked.reach.conditions:
        found += [x for x in detect(condition, asked.user, world) if x.vendor == vendor]
    return found


@structural("D1-gate-value-source", OTHER_FORMAT)
def gate_value_source(asked):
    """A gate whose value in v2 is not whether the rule passed."""
    return any(
        part == "feature_gates"
        and spec.get("entity") != "holdout"
        and (
            spec.get("defaultValue") is not False
            or any(rule.get("returnValue") is not True for rule in spec.get("rules", []))
        )
        for (part, _), spec in asked.reach.specs.items()
    )


@structural("D2-disabled-with-rules", OTHER_FORMAT)
def disabled_with_rules(asked):
    """A disabled spec whose rules a v2 reader evaluates."""
    return asked.ruleset.keep_disabled_rules and any(
        not spec.get("enabled") and spec.get("rules") for spec in asked.reach.specs.values()
    )


@structural("D48-unknown-gate", LEGACY, CORE, fields=EXPOSURES)
def unknown_gate(asked):
    """An unknown nested gate is exposed, and what was exposed before it is kept."""
    return bool(asked.reach.missing_gates)


def meets_unsupported(asked):
    """Whether something on the way is unsupported."""
    world = asked.ruleset.world
    seen = (see(condition, asked.user, world) for condition in asked.reach.conditions)
    return any(null_operator(x) or unsupported(x) for x in seen)


@structural("core-remembers-unsupported", CORE)
def remembers_unsupported(asked):
    """Within one response a nested gate stays unsupported, however often it is met."""
    return asked.options is not None and meets_unsupported(asked)


@structural("core-unsupported-leftover", CORE)
def unsupported_leftover(asked):
    """What is unsupported is off and has no rule, whatever gates were evaluated before."""
    return bool(asked.reach.nested) and meets_unsupported(asked)


@structural("D52-nested-mapping", LEGACY, fields=EXPOSURES)
def nested_mapping(asked):
    """A mapped gate within another loses no exposure."""
    return asked.reach.mapped_nested


@structural("D66-version-of-nested", LEGACY, fields=frozenset({"configVersion", "version"}))
def version_of_nested(asked):
    """A spec without version does not get the one of a gate it nests."""
    specs = asked.reach.specs
    return any(spec.get("version") is None for spec in specs.values()) and any(
        specs.get(("feature_gates", name), {}).get("version") is not None
        for name in asked.reach.nested
    )


MAPPING_MEMBERS = frozenset({"override_config_name", "overrideConfigName"})


@structural("D66-mapping-of-nested", LEGACY, fields=MAPPING_MEMBERS)
def mapping_of_nested(asked):
    """What a nested gate is mapped to is not what the outer spec is mapped to."""
    return asked.reach.mapped_nested


@structural("D54-cycle", LEGACY, CORE)
def cycle(asked):
    """Gates that refer to each other."""
    return asked.reach.cyclic


@structural("D55-override-without-user-id", LEGACY)
def override_without_user_id(asked):
    """An override by custom id comes before the one for all users."""
    if asked.user.get("userID"):
        return False
    ids = [str(x) for x in (asked.user.get("customIDs") or {}).values()]
    touched = {asked.name, *asked.reach.nested}
    return any(id in ids and name in touched for _, name, _, id in asked.overrides)


@structural("D56-override-of-delegate", CORE)
def override_of_delegate(asked):
    """An override of an experiment does not reach the layer that delegates to it."""
    return bool(asked.reach.delegates & asked.overridden_names("experiment", "config"))


@structural("D56-one-config-store", CORE)
def one_config_store(asked):
    """Overrides of configs and experiments are one store."""
    return asked.kind in ("config", "experiment") and asked.name in asked.overridden_names(
        "experiment", "config"
    )


def key_is_unknown(asked):
    """Whether a client key has no app where the server key has one."""
    document = asked.ruleset.v1
    key = (asked.options or {}).get("client_sdk_key")
    if key is None or not document.get("app_id"):
        return False
    plain = document.get("sdk_keys_to_app_ids") or {}
    hashed = document.get("hashed_sdk_keys_to_app_ids") or {}
    return key not in plain and djb2(key) not in hashed


@structural("D64-unknown-key-means-own-app", CORE, fields=frozenset({"presence"}))
def unknown_key_means_own_app(asked):
    """An unknown client key filters nothing, whatever the app of the server key."""
    return key_is_unknown(asked)


def tells_own_app_from_none(condition, app):
    """Whether a condition on the app can answer differently for `app` and for no app."""
    if str(condition.get("type")).lower() != "target_app":
        return False
    if condition.get("operator") not in FOLDED_SET:
        return True
    targets = condition.get("targetValue")
    return not isinstance(targets, list) or app.lower() in [(text(x) or "").lower() for x in targets]


@structural("D64-unknown-key-sees-own-app", CORE)
def unknown_key_sees_own_app(asked):
    """A condition on the app sees none for an unknown client key, not that of the server key."""
    app = asked.ruleset.v1.get("app_id")
    return key_is_unknown(asked) and any(
        tells_own_app_from_none(condition, app) for condition in asked.reach.conditions
    )


@structural("D52-mapped-id-type", CORE, fields=frozenset({"id_type"}))
def mapped_id_type(asked):
    """A mapped entry of the response keeps the id type of its own spec."""
    return asked.options is not None and asked.name in (asked.ruleset.v1.get("overrides") or {})


@structural("D52-override-of-mapped", CORE)
def override_of_mapped(asked):
    """An override of the entity that another is mapped to counts for itself only."""
    targets = asked.reach.mapped_to
    return bool(targets & asked.overridden_names("gate", "config", "experiment"))


OVERRIDE_MEMBERS = {"id_type", "explicit_parameters", "is_in_layer", "is_device_based"}


@structural("D62-override-members", CORE, fields=frozenset(OVERRIDE_MEMBERS))
def override_members(asked):
    """An overridden entry of the response keeps what its spec says."""
    return asked.options is not None and asked.name in asked.overridden_names(
        "gate", "config", "experiment", "layer"
    )


@structural("core-layer-is-active", CORE, fields=frozenset({"is_experiment_active"}))
def layer_is_active(asked):
    """Whether an allocated experiment is active is its own affair, not the layer's."""
    layer = asked.reach.specs.get(("layer_configs", asked.name)) or {}
    return asked.kind == "layer" and layer.get("isActive") is True and any(
        "isActive" not in spec
        for (part, _), spec in asked.reach.specs.items()
        if part == "dynamic_configs"
    )


@structural("D59-nested-override-in-response", LEGACY)
def nested_override_in_response(asked):
    """Without include_local_overrides no override counts, nested ones neither."""
    if asked.options is None or asked.options.get("include_local_overrides"):
        return False
    return bool(asked.reach.nested & asked.overridden_names("gate"))


@structural("D60-layer-override-in-response", LEGACY)
def layer_override_in_response(asked):
    """A layer's own override shows in the response, a config's of the same name does not."""
    return (
        asked.options is not None
        and asked.kind == "layer"
        and asked.name in asked.overridden_names("layer", "config", "experiment")
    )


@structural("D63-target-app-and-key", LEGACY)
def target_app_and_key(asked):
    """A target app wins over a client key."""
    options = asked.options or {}
    return bool(options.get("target_app_id") and options.get("client_sdk_key"))


@structural("D64-hashed-map-shadows", CORE)
def hashed_map_shadows(asked):
    """A client key that is not in the hashed map is looked up in the plain one."""
    document = asked.ruleset.v1
    key = (asked.options or {}).get("client_sdk_key")
    return key in (document.get("sdk_keys_to_app_ids") or {}) and (
        "hashed_sdk_keys_to_app_ids" in document
    )


@structural("no-pass-percentage", LEGACY)
def no_pass_percentage(asked):
    """A spec with a rule that has no pass percentage is dropped; for the legacy package that is 0."""
    return any(
        "passPercentage" not in rule
        for spec in asked.reach.specs.values()
        for rule in spec.get("rules", [])
    )
