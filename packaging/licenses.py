#!/usr/bin/env python3
"""Fails if a crate that goes into the library, or builds it, has a license that deny.toml does not
allow.

usage: licenses.py [TARGET]
"""

import re
import sys
import tomllib

import dependencies
from dependencies import PROJECT

FEATURES = "grpc,redis"


def is_allowed(expression, allowed):
    """Whether one can keep to an SPDX expression with the licenses in `allowed` alone."""
    words = re.findall(r"\(|\)|[^\s()]+", expression)

    def alternatives():
        fine = together()
        while words and words[0] == "OR":
            words.pop(0)
            fine = together() or fine
        return fine

    def together():
        fine = one()
        while words and words[0] == "AND":
            words.pop(0)
            fine = one() and fine
        return fine

    def one():
        word = words.pop(0)
        if word == "(":
            fine = alternatives()
            if words.pop(0) != ")":
                raise ValueError(expression)
            return fine
        if word in (")", "AND", "OR", "WITH"):
            raise ValueError(expression)
        if words and words[0] == "WITH":
            words.pop(0)
            word = f"{word} WITH {words.pop(0)}"
        return word in allowed

    try:
        fine = alternatives()
    except IndexError:
        raise ValueError(expression) from None
    if words:
        raise ValueError(expression)
    return fine


def refused(crates, rules):
    """The crates that are not allowed, each with its license."""
    exceptions = {rule["crate"]: set(rule["allow"]) for rule in rules.get("exceptions", [])}
    found = []
    for crate in crates:
        more = set() if crate.is_linked else exceptions.get(crate.name, set())
        try:
            fine = is_allowed(crate.license, set(rules["allow"]) | more)
        except ValueError:
            fine = False
        if not fine:
            found.append(f"{crate.name} {crate.version}: {crate.license or 'no license'}")
    return found


def main():
    target = sys.argv[1] if len(sys.argv) > 1 else dependencies.host()
    rules = tomllib.loads((PROJECT / "deny.toml").read_text())["licenses"]
    root, crates = dependencies.crates(target, FEATURES)
    found = refused([root, *crates], rules)
    for line in found:
        print(f"not allowed by deny.toml: {line}", file=sys.stderr)
    if found:
        sys.exit(1)
    print(f"{len(crates)} crates, all licenses allowed")


if __name__ == "__main__":
    main()
