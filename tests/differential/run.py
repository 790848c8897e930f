#!/usr/bin/env python3
"""Differential test: Tidegate against the vendor's packages, on random rulesets and users.

    run.py --rulesets 200 --users 100 --seed 1    the whole test
    run.py --quick                                a bounded set
    run.py --feature all --expect-all             every intended difference, which all have to show
    run.py --real FILE...                         real ruleset files
    run.py --vendors-only                         the packages against each other
"""

import argparse
import json
import sys
import time
from collections import Counter

from case_file import case_file
from compare import CORE, LEGACY, OTHER_FORMAT, Comparison
from differences import ON_CONDITIONS
from documents import HASHED_KEY, PLAIN_KEY, UNKNOWN_KEY
from features import FEATURES
from generate import generate
from loopback import Loopback
from real import real_rulesets
from shrink import shrink
from sides import HERE, Sides, library, venv
from structure import ON_STRUCTURE

GCIR = [
    {"hash": "none"},
    {"hash": "djb2"},
    {"hash": "sha256"},
    {"hash": "none", "client_sdk_key": PLAIN_KEY},
    {"hash": "djb2", "client_sdk_key": HASHED_KEY},
    {"hash": "none", "client_sdk_key": UNKNOWN_KEY},
    {"hash": "none", "target_app_id": "app_a"},
]
GCIR_OVERRIDDEN = [{"hash": "none", "include_local_overrides": True}, {"hash": "none"}]
# Every fourth ruleset carries a feature.
FEATURE_EVERY = 4


def request_for(ruleset, whole_users, exposed_users):
    """What every side is asked about a ruleset; the url is added for each side."""
    specs = ruleset.v1
    gates = [spec["name"] for spec in specs["feature_gates"]]
    configs = [spec["name"] for spec in specs["dynamic_configs"]]
    layers = [spec["name"] for spec in specs["layer_configs"]]
    experiments = [
        spec["name"] for spec in specs["dynamic_configs"] if spec.get("entity") == "experiment"
    ]
    return {
        "id": ruleset.number,
        "key": "secret-differential",
        "users": ruleset.users,
        "environment": ruleset.environment,
        "global_custom_fields": ruleset.global_custom_fields,
        "overrides": ruleset.overrides,
        "gcir": GCIR + ruleset.gcir,
        "gcir_overridden": GCIR_OVERRIDDEN,
        "whole_users": whole_users,
        "exposed_users": exposed_users,
        "names": {
            "gate": [*gates, *configs[:1], "no_such_gate", "mapped_unknown", "overridden_unknown"],
            "config": [*configs, *gates[:1], "no_such_config"],
            "experiment": [*experiments, "no_such_experiment"],
            "layer": [*layers, "no_such_layer"],
        },
    }


def pairs(vendors_only):
    """What is compared: our side, their side, and the vendor whose differences are known."""
    if vendors_only:
        return [("legacy", "core", CORE, (LEGACY, CORE, OTHER_FORMAT))]
    return [
        ("v1", "legacy", LEGACY, (LEGACY,)),
        ("v2", "core", CORE, (CORE,)),
        ("v1", "v2", OTHER_FORMAT, (OTHER_FORMAT,)),
    ]


def compare_all(ruleset, answers, asked, vendors_only):
    """The comparisons of one ruleset between all sides."""
    made = []
    for ours, theirs, vendor, known in pairs(vendors_only):
        if ours not in answers or theirs not in answers:
            continue
        document = ruleset.v2 if ours == "v2" else ruleset.v1
        comparison = Comparison(ruleset, vendor, document, known)
        for side in (ours, theirs):
            if answers[side]["error"]:
                comparison.failed(side, answers[side]["error"])
                break
        else:
            comparison.run(answers[ours], answers[theirs], asked)
        made.append(comparison)
    return made


def rulesets(options):
    if options.real:
        yield from real_rulesets(options.real, options.users, options.seed)
        return
    if options.feature:
        wanted = [x for x in FEATURES if x.name == options.feature or options.feature == "all"]
        for number, feature in enumerate(wanted):
            yield generate(options.seed, number, options.users, feature)
        return
    numbers = [options.only] if options.only is not None else range(options.rulesets)
    for number in numbers:
        feature = None
        if number % FEATURE_EVERY == FEATURE_EVERY - 1:
            feature = FEATURES[(number // FEATURE_EVERY) % len(FEATURES)]
        yield generate(options.seed, number, options.users, feature)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rulesets", type=int, default=200)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--feature", help="one ruleset with the feature of this name")
    parser.add_argument("--only", type=int, help="one ruleset by its number")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--real", nargs="+", metavar="FILE")
    parser.add_argument("--vendors-only", action="store_true")
    parser.add_argument("--profile", choices=["dev", "release"], default="dev")
    parser.add_argument("--expect-all", action="store_true", help="fail if a difference never shows")
    parser.add_argument("--show", type=int, default=5, help="differences to shrink and print")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rulesets, options.users = 40, 30
    return options


def commands(options):
    python = venv()
    drivers = HERE / "drivers"
    made = {
        "legacy": [python, str(drivers / "legacy.py")],
        "core": [python, str(drivers / "core.py")],
    }
    if not options.vendors_only:
        built = library(options.profile)
        for version in ("v1", "v2"):
            made[version] = [sys.executable, str(drivers / "tidegate.py"), built, version]
    return made


def main(arguments=None):
    options = parse(arguments)
    sides = Sides(Loopback(), commands(options))
    counts = Counter()
    failures = []
    began = time.monotonic()
    asked_count = 0
    try:
        for ruleset in rulesets(options):
            asked_count += 1
            asked = request_for(ruleset, min(8, options.users), min(4, options.users))
            answers = sides.ask(ruleset, asked)
            for comparison in compare_all(ruleset, answers, asked, options.vendors_only):
                counts.update(comparison.counts)
                failures += [(ruleset, mismatch) for mismatch in comparison.mismatches]
            if asked_count % 10 == 0:
                seconds = time.monotonic() - began
                progress = f"{asked_count} rulesets, {seconds:.0f} s, {len(failures)} unexplained"
                print(progress, file=sys.stderr, flush=True)
        report(counts, failures, asked_count, time.monotonic() - began, options)
        show(sides, failures, options)
    finally:
        sides.close()
    missed = never_shown(counts) if options.expect_all else []
    for name in missed:
        print(f"never shown: {name}")
    return 1 if counts["unexplained"] or missed or not counts["equal"] else 0


def never_shown(counts):
    """Intended differences that nothing under comparison showed: they may not be there any more."""
    shown = {name for names in counts for name in names.split(" or ")}
    return sorted({x.name for x in (*ON_CONDITIONS, *ON_STRUCTURE)} - shown)


def fails_like(sides, mismatch, options):
    """Whether a ruleset still shows an unexplained difference of the same entity."""

    def fails(ruleset):
        asked = request_for(ruleset, 1, 1)
        wanted = [pair[:2] for pair in pairs(options.vendors_only) if pair[2] == mismatch.vendor]
        answers = sides.ask(ruleset, asked, wanted[0])
        return any(
            (found.vendor, found.kind, found.name, found.member)
            == (mismatch.vendor, mismatch.kind, mismatch.name, mismatch.member)
            for comparison in compare_all(ruleset, answers, asked, options.vendors_only)
            for found in comparison.mismatches
        )

    return fails


def show(sides, failures, options):
    """Prints the first difference of each entity, with the smallest ruleset that shows it."""
    shown = set()
    for ruleset, mismatch in failures:
        key = (mismatch.vendor, ruleset.number, mismatch.name)
        if key in shown or len(shown) == options.show:
            continue
        shown.add(key)
        small = shrink(ruleset, mismatch.user, fails_like(sides, mismatch, options))
        feature = f", feature {ruleset.feature.name}" if ruleset.feature else ""
        print(f"\n--- seed {options.seed} ruleset {ruleset.number}{feature}: {mismatch}")
        print(json.dumps(case_file(small, mismatch), ensure_ascii=False, indent=1))


def report(counts, failures, asked_count, seconds, options):
    named = sorted((x for x in counts.items() if x[0] not in ("equal", "unexplained")))
    print(f"\n{asked_count} rulesets, {options.users} users each, {seconds:.0f} s")
    print(f"compared     {sum(counts.values()):>10}")
    print(f"equal        {counts['equal']:>10}")
    for name, count in named:
        print(f"  {name:<60} {count:>8}")
    print(f"unexplained  {counts['unexplained']:>10}")
    by_place = Counter(
        (x.vendor, r.feature.name if r.feature else r.number, x.member) for r, x in failures
    )
    for (vendor, place, member), count in by_place.most_common(20):
        print(f"  {vendor:<12} {place:<30} {member:<24} {count:>6}")


if __name__ == "__main__":
    sys.exit(main())
