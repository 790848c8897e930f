"""Compares the answers of two sides to one ruleset, and names what differs on purpose."""

import json
from collections import Counter
from dataclasses import dataclass

from documents import PART, Index, specs_of
from responses import EXPOSURE_LISTS, Names, even_out, names_of, plain
from seen import CORE, EXPOSURES, LEGACY, RESULT
from structure import OTHER_FORMAT, Asked, explain

# Members of a direct evaluation that a vendor shows, and that are compared.
ENTITY_MEMBERS = {
    LEGACY: {
        "gate": ["value", "rule_id", "group_name", "id_type", "why", "override_config_name"],
        "config": ["value", "rule_id", "group_name", "why"],
        "experiment": ["value", "rule_id", "group_name", "why"],
        "layer": ["value", "rule_id", "group_name", "allocated_experiment", "why"],
    },
    CORE: {
        "gate": ["value", "rule_id", "why"],
        "config": ["value", "rule_id", "why"],
        "experiment": ["value", "rule_id", "group_name", "why"],
        "layer": ["value", "rule_id", "group_name", "allocated_experiment", "why"],
    },
}
EVERY_MEMBER = [
    "value", "passed", "rule_id", "group_name", "id_type", "version", "is_experiment_group",
    "secondary_exposures", "undelegated_secondary_exposures", "explicit_parameters",
    "allocated_experiment", "override_config_name", "why",
]  # fmt: skip
WHY = {"Recognized": "none"}


@dataclass
class Mismatch:
    """One member of one answer that differs."""

    vendor: str
    channel: str
    user: int
    kind: str
    name: str
    member: str
    ours: object
    theirs: object


def same(ours, theirs):
    return ours == theirs and canonical(ours) == canonical(theirs)


def canonical(value):
    """JSON text that tells 1 from 1.0 and from true."""
    return json.dumps(value, sort_keys=True)


EXPOSED = {
    "statsig::gate_exposure": ("gate", "gate"),
    "statsig::config_exposure": ("config", "config"),
    "statsig::layer_exposure": ("layer", "config"),
}


def nameless_gate(condition):
    kind, target = str(condition.get("type")).lower(), condition.get("targetValue")
    return kind in ("pass_gate", "fail_gate") and not isinstance(target, str)


def ids_of(user):
    """The ids of a user as a logged event has them."""
    ids = [user.get("userID"), *(user.get("customIDs") or {}).values()]
    return [str(x) for x in ids if x is not None]


def exposures_by_key(events):
    """Exposure events by what they are about, brought to the members that are compared."""
    found = {}
    for event in events:
        if event.get("eventName") not in EXPOSED:
            continue
        kind, member = EXPOSED[event["eventName"]]
        metadata = dict(event["metadata"])
        metadata.pop("serverTime", None)
        name, parameter = metadata.pop(member), metadata.get("parameterName", "")
        key = (kind, name, parameter, json.dumps(ids_of(event["user"])))
        entry = {**metadata, "user": event["user"], "value": event.get("value")}
        entry["secondary_exposures"] = event.get("secondaryExposures")
        # A second one would be a failure of de-duplication.
        while key in found:
            key = (*key[:2], key[2] + " again", key[3])
        found[key] = entry
    return found


class Comparison:
    """Compares sides for one ruleset; counts what is compared and collects mismatches."""

    def __init__(self, ruleset, vendor, document, known):
        self.ruleset = ruleset
        self.vendor = vendor
        self.known = known
        self.document = document
        self.index = Index(document)
        self.names = Names(names_of(document))
        self.counts = Counter()
        self.mismatches = []
        self.configs = self.specs_with_layers()

    def specs_with_layers(self):
        configs = {name: dict(spec) for name, spec in specs_of(self.document, PART["config"]).items()}
        layers = specs_of(self.document, PART["layer"])
        of = dict(self.document.get("experiment_to_layer") or {})
        for layer, experiments in (self.document.get("layers") or {}).items():
            of.update(dict.fromkeys(experiments, layer))
        for name, spec in configs.items():
            spec["layer_default"] = (layers.get(of.get(name)) or {}).get("defaultValue")
        return configs

    def failed(self, side, error):
        """One side gave no answer at all."""
        self.add(f"{side} failed", 0, self.asked(0, "top", "", None, False), "error", error, None)
        self.counts["unexplained"] += 1

    def run(self, ours, theirs, request):
        options, overridden_options = request["gcir"], request["gcir_overridden"]
        for at, (our, their) in enumerate(zip(ours["users"], theirs["users"], strict=True)):
            self.user(at, our, their, options, False)
        pairs = zip(ours["overridden"], theirs["overridden"], strict=True)
        for at, (our, their) in enumerate(pairs):
            self.user(at, our, their, overridden_options, True)
        if self.vendor != CORE:
            self.events(ours["events"], theirs["events"], request["exposed_users"])

    def user(self, at, ours, theirs, options, overridden):
        channel = "overridden " if overridden else ""
        for option, our, their in zip(options, ours["gcir"], theirs["gcir"]):
            self.response(f"{channel}gcir {json.dumps(option)}", at, our, their, option, overridden)
        for kind, named in theirs["entities"].items():
            for name, their in named.items():
                asked = self.asked(at, kind, name, None, overridden)
                self.entity(channel + "entity", at, asked, ours["entities"][kind][name], their)
        if self.vendor != CORE:
            self.everything(channel, at, ours["all"], theirs["all"], overridden)

    def events(self, ours, theirs, exposed_users):
        """The exposures that both sides logged for the same evaluations."""
        # A package that hears too late that a batch has arrived sends it again.
        theirs = list({canonical(event): event for event in theirs}.values())
        ours, theirs = exposures_by_key(ours), exposures_by_key(theirs)
        for key in {**ours, **theirs}:
            kind, name, parameter, user = key
            ids = json.loads(user)
            at = next(
                (at for at in range(exposed_users) if ids_of(self.ruleset.users[at]) == ids), 0
            )
            asked = self.asked(at, kind, name, None, True)
            channel = f"exposure {parameter}"
            if key not in ours or key not in theirs:
                pairs = [("presence", key in ours, key in theirs)]
            else:
                our, their = ours[key], theirs[key]
                pairs = [(x, our.get(x), their.get(x)) for x in {**our, **their}]
            self.members(channel, at, asked, pairs)

    def asked(self, at, kind, name, options, overridden):
        user = self.ruleset.users[at]
        reach = self.index.reach(kind, name)
        return Asked(self.ruleset, reach, user, kind, name, options, overridden)

    def entity(self, channel, at, asked, ours, theirs):
        members = ENTITY_MEMBERS.get(self.vendor, {}).get(asked.kind, EVERY_MEMBER)
        theirs = {**theirs, "why": WHY.get(theirs["why"], theirs["why"])}
        pairs = [(x, ours.get(x), theirs.get(x)) for x in members]
        self.members(channel, at, asked, pairs)

    def everything(self, channel, at, ours, theirs, overridden):
        if self.vendor == LEGACY and not any(theirs.values()) and self.why_blank() == "D54-cycle":
            self.counts["D54-cycle"] += 1
            return
        for kind in ("gate", "config"):
            part = PART[kind]
            for name in theirs[part].keys() | ours[part].keys():
                asked = self.asked(at, kind, name, None, overridden)
                pair = (ours[part].get(name), theirs[part].get(name))
                self.members(channel + "evaluate_all", at, asked, [("entry", *pair)])

    def response(self, channel, at, ours, theirs, options, overridden):
        if theirs is None and self.vendor == CORE:
            return
        blank = [x is None or not x.get("has_updates") for x in (ours, theirs)]
        if all(blank):
            return
        if any(blank):
            name = None if blank[0] and self.vendor != OTHER_FORMAT else self.why_blank()
            self.counts[name or "unexplained"] += 1
            if name is None:
                asked = self.asked(at, "gate", "", options, overridden)
                self.add(channel, at, asked, "response", not blank[0], not blank[1])
            return
        our_top, our_entities = plain(ours, self.names)
        their_top, their_entities = plain(theirs, self.names)
        our_top, their_top = even_out(self.vendor, "top", our_top, their_top, None)
        asked = self.asked(at, "top", "", options, overridden)
        self.entry(channel, at, asked, our_top, their_top)
        for kind, name in {**our_entities, **their_entities}:
            asked = self.asked(at, kind, name, options, overridden)
            pair = our_entities.get((kind, name)), their_entities.get((kind, name))
            if None in pair:
                self.members(channel, at, asked, [("presence", *(bool(x) for x in pair))])
                continue
            spec = self.configs.get(name) if kind == "config" else None
            self.entry(channel, at, asked, *even_out(self.vendor, kind, *pair, spec))

    def why_blank(self):
        """The name of what takes a whole response, or everything, away from a vendor."""
        if any(self.index.reach("gate", x).cyclic for x in self.index.specs[PART["gate"]]):
            return "D54-cycle"
        if LEGACY not in self.known:
            return None
        specs = [spec for part in self.index.specs.values() for spec in part.values()]
        if any("idType" not in spec for spec in specs):
            return "legacy-no-id-type"
        # A gate without a name cannot be hashed.
        rules = [rule for spec in specs for rule in spec.get("rules") or []]
        conditions = [x for rule in rules for x in self.index.conditions_of(rule)]
        if any(nameless_gate(condition) for condition in conditions):
            return "D48-gate-target"
        return None

    def entry(self, channel, at, asked, ours, theirs):
        if same(ours, theirs):
            self.counts["equal"] += 1
            return
        members = [*ours, *(x for x in theirs if x not in ours)]
        absent = "(absent)"
        pairs = [(x, ours.get(x, absent), theirs.get(x, absent)) for x in members]
        self.members(channel, at, asked, pairs)

    def members(self, channel, at, asked, pairs):
        """Counts one comparison: equal, explained by name, or not explained."""
        differing = [pair for pair in pairs if not same(pair[1], pair[2])]
        if not differing:
            self.counts["equal"] += 1
            return
        known = [x for vendor in self.known for x in explain(asked, vendor)]
        names = set()
        unexplained = False
        for member, ours, theirs in differing:
            part = EXPOSURES if member in EXPOSURE_LISTS else RESULT
            by = {x.name for x in known if x.fields & {*part, member}}
            names.update(by)
            unexplained |= not by
            if not by:
                self.add(channel, at, asked, member, ours, theirs)
        self.counts["unexplained" if unexplained else " or ".join(sorted(names))] += 1

    def add(self, channel, at, asked, member, ours, theirs):
        self.mismatches.append(
            Mismatch(self.vendor, channel, at, asked.kind, asked.name, member, ours, theirs)
        )
