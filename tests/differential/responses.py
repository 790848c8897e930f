"""Client initialize responses brought to one form, so that they can be compared by entity.

Hashed names become plain names again. What a package always shapes its own way, whatever the
ruleset, is evened out here by named rules.
"""

import base64
import hashlib

from documents import djb2, specs_of
from seen import CORE, LEGACY

PARTS = {"gate": "feature_gates", "config": "dynamic_configs", "layer": "layer_configs"}
EXPOSURE_LISTS = ("secondary_exposures", "undelegated_secondary_exposures")


class Names:
    """Plain names by their hashed form, for each algorithm."""

    def __init__(self, names):
        self.plain = {
            "none": {name: name for name in names},
            "djb2": {djb2(name): name for name in names},
            "sha256": {sha256(name): name for name in names},
        }

    def unhash(self, algorithm, hashed):
        known = self.plain.get(algorithm, {})
        return known.get(hashed, f"(no {algorithm} of a known name: {hashed})")


def sha256(name):
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


def names_of(document):
    """Every name a response can mention, those of unknown nested gates included."""
    names = set()
    for part in PARTS.values():
        names.update(specs_of(document, part))
    stack = [document]
    while stack:
        found = stack.pop()
        if isinstance(found, dict):
            stack += found.values()
            if str(found.get("type")).lower().endswith("_gate"):
                target = found.get("targetValue")
                targets = target if isinstance(target, list) else [target]
                names.update(x for x in targets if isinstance(x, str))
            if isinstance(found.get("configDelegate"), str):
                names.add(found["configDelegate"])
        elif isinstance(found, list):
            stack += found
    info = document.get("session_replay_info") or {}
    names.update(info.get("session_recording_exposure_triggers") or {})
    return names


def plain(response, names):
    """The response with plain names, and its entities keyed by (kind, name)."""
    algorithm = response.get("hash_used")
    entities = {}
    for kind, part in PARTS.items():
        for hashed, entry in response[part].items():
            entry = dict(entry)
            name = names.unhash(algorithm, hashed)
            entry["name"] = names.unhash(algorithm, entry["name"])
            for exposures in EXPOSURE_LISTS:
                if exposures in entry:
                    entry[exposures] = [
                        {**exposure, "gate": names.unhash(algorithm, exposure["gate"])}
                        for exposure in entry[exposures]
                    ]
            if entry.get("allocated_experiment_name"):
                entry["allocated_experiment_name"] = names.unhash(
                    algorithm, entry["allocated_experiment_name"]
                )
            entities[(kind, name)] = entry
    top = {key: value for key, value in response.items() if key not in PARTS.values()}
    triggers = top.get("session_recording_exposure_triggers")
    if triggers:
        top["session_recording_exposure_triggers"] = {
            names.unhash(algorithm, key): value for key, value in triggers.items()
        }
    return top, entities


SHAPES = {LEGACY: [], CORE: []}


def shape(name, vendor):
    """Registers a rule that evens out what a vendor always shapes its own way.

    It gets our entry and theirs, with the spec, and changes them; `kind` is "top" for the
    members beside the entities.
    """

    def register(even_out):
        SHAPES[vendor].append((name, even_out))
        return even_out

    return register


@shape("identity-of-the-sdk", LEGACY)
@shape("identity-of-the-sdk", CORE)
def identity(kind, ours, theirs, spec):
    """Every SDK names itself."""
    if kind == "top":
        for side in (ours, theirs):
            side.pop("sdkInfo", None)
            side.pop("generator", None)


@shape("core-extra-members", CORE)
def core_extra_members(kind, ours, theirs, spec):
    """Parameter stores, and a hash of private attributes."""
    if kind == "top":
        theirs.pop("param_stores", None)
        theirs.pop("pa_hash", None)


@shape("core-session-recording", CORE)
def core_session_recording(kind, ours, theirs, spec):
    """Privacy settings of recordings, and a whole rate with a fraction: 1.0."""
    if kind == "top":
        theirs.pop("session_recording_privacy_settings", None)
        rate = theirs.get("session_recording_rate")
        if isinstance(rate, float) and rate.is_integer():
            theirs["session_recording_rate"] = int(rate)


@shape("core-empty-evaluated-keys", CORE)
def core_evaluated_keys(kind, ours, theirs, spec):
    """The core package leaves out empty ids."""
    if kind == "top" and ours.get("evaluated_keys") == {"userID": ""}:
        ours["evaluated_keys"] = theirs.get("evaluated_keys")


@shape("core-user", CORE)
def core_user(kind, ours, theirs, spec):
    """The core package has another idea of the user's logging form."""
    if kind == "top":
        ours.pop("user", None)
        theirs.pop("user", None)


@shape("D62-layer-id-type", CORE)
def layer_id_type(kind, ours, theirs, spec):
    if kind == "layer":
        theirs.pop("id_type", None)


@shape("core-passed", CORE)
def core_passed(kind, ours, theirs, spec):
    """The core package gives `passed` for dynamic configs only."""
    if kind == "layer" or (kind == "config" and "passed" not in theirs):
        ours.pop("passed", None)


@shape("core-layer-group-name", CORE)
def core_layer_group_name(kind, ours, theirs, spec):
    """The core package gives the group of a layer's own rule."""
    if kind == "layer" and "allocated_experiment_name" not in theirs:
        theirs.pop("group_name", None)


@shape("core-explicit-parameters", CORE)
def core_explicit_parameters(kind, ours, theirs, spec):
    """The core package gives them for experiments that are in no layer too."""
    if kind == "config" and not (spec or {}).get("hasSharedParams"):
        theirs.pop("explicit_parameters", None)


@shape("D61-layer-defaults-merged", CORE)
def layer_defaults_merged(kind, ours, theirs, spec):
    """The core package does not add the layer's defaults to an experiment's value."""
    if kind == "config" and (spec or {}).get("hasSharedParams") and spec.get("layer_default"):
        theirs["value"] = {**spec["layer_default"], **(theirs.get("value") or {})}


@shape("core-unsupported-value", CORE)
def core_unsupported_value(kind, ours, theirs, spec):
    """The core package gives null as the value of an unsupported config."""
    if kind != "top" and "value" in theirs and theirs["value"] is None:
        theirs["value"] = {}


def even_out(vendor, kind, ours, theirs, spec):
    """Applies all shapes of a vendor to copies; returns them."""
    ours, theirs = dict(ours), dict(theirs)
    for _, rule in SHAPES.get(vendor, []):
        rule(kind, ours, theirs, spec)
    return ours, theirs
