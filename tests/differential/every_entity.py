#!/usr/bin/env python3
"""Evaluates every entity of ruleset files for many varied users, through the C library.

    every_entity.py [--users 1000] FILE...

Fails if a spec is rejected, a call does not succeed, or a result is anything but an answer.
"""

import argparse
import ctypes
import json
import sys
import time
from collections import Counter
from pathlib import Path

import users as pools
from documents import to_v1
from real import Met
from sides import HERE, library

sys.path.insert(0, str(HERE / "drivers"))

from tidegate import KINDS, NO_EXPOSURE, Library

KIND_OF = {"gates": "gate", "configs": "config", "experiments": "experiment", "layers": "layer"}
# Every so many users, what costs more is asked too.
WHOLE_EVERY = 50


def varied_users(document, name, count):
    """Half of them near what the conditions ask for, half of them of every odd shape."""
    is_v2 = isinstance(document.get("feature_gates"), dict)
    met = Met(to_v1(document) if is_v2 else document)
    rng = pools.seeded(1, name)
    return [met.user(rng, at) if at % 2 else pools.user(rng, at) for at in range(count)]


def check(lib, path, count):
    text = path.read_text(encoding="utf-8")
    document = json.loads(text)
    options = lib.handle("options_new", json.dumps({"local_mode": True, "threads": "none"}))
    client = lib.handle("client_new", "secret-real", options)
    lib.call("client_initialize", client, ctypes.c_uint32(30_000))
    lib.call("client_update_specs", client, text)
    stats = lib.json("client_stats", client)["specs"]
    sent = sum(len(document[part]) for part in ("feature_gates", "dynamic_configs", "layer_configs"))
    loaded = stats["gates"] + stats["configs"] + stats["layers"]
    if stats["broken"] or loaded != sent:
        raise SystemExit(f"{path}: {loaded} of {sent} specs, rejected: {stats['broken']}")
    listed = lib.json("list_entities", client, ctypes.c_int32(0))
    entities = [(kind, name) for part, kind in KIND_OF.items() for name in listed[part]]
    seen = Counter()
    began = time.monotonic()
    for at, user in enumerate(varied_users(document, path.stem, count)):
        handle = lib.handle("user_new", json.dumps(user, ensure_ascii=False))
        for kind, name in entities:
            result = lib.handle(
                f"get_{kind}", client, handle, name, ctypes.c_uint32(NO_EXPOSURE)
            )
            answer = lib.json("result_to_json", result)
            lib.call("result_release", result)
            if answer["details"]["reason"] != "none":
                raise SystemExit(f"{path}: {kind} {name} for {user}: {answer}")
            seen[kind] += 1
            seen[f"{kind} {answer['passed']}"] += 1
            if at % WHOLE_EVERY == 0:
                account = lib.json("explain", client, handle, ctypes.c_int32(KINDS[kind]), name)
                if (account["value"], account["rule_id"]) != (answer["value"], answer["rule_id"]):
                    raise SystemExit(f"{path}: {kind} {name} for {user}: explained otherwise")
        if at % WHOLE_EVERY == 0:
            lib.json("evaluate_all", client, handle)
            lib.json("get_client_init_response", client, handle, "")
        lib.call("user_release", handle)
    lib.call("client_release", client)
    lib.call("options_release", options)
    seconds = time.monotonic() - began
    print(f"{path.name}: {loaded} specs, {count} users, {seconds:.0f} s, {dict(seen)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    lib = Library(library("dev"))
    for path in options.files:
        check(lib, path, options.users)


if __name__ == "__main__":
    main()
