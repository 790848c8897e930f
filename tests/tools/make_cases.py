"""Writes the conformance cases, their rulesets and the hash vectors.

    python3 tests/tools/make_cases.py           write the files
    python3 tests/tools/make_cases.py --check   fail if the committed files differ

Everything is written out of the tables in `conformance/`, the same bytes each time.
Needs Python 3.10 or later and nothing else.
"""

import argparse
import json
import sys
from pathlib import Path

from conformance import (
    configs,
    derived,
    documents,
    environments,
    fixture,
    gates,
    hashing,
    layers,
    limits,
    lookups,
    mapping,
    operators,
    overrides,
    percentages,
    vectors,
)
from conformance.model import Suite

ROOT = Path(__file__).resolve().parents[2]
MODULES = (
    operators,
    lookups,
    derived,
    gates,
    documents,
    limits,
    percentages,
    configs,
    layers,
    mapping,
    overrides,
    environments,
    vectors,
    fixture,
)
SUITES: list[Suite] = [suite for module in MODULES for suite in module.SUITES]


def dump(document: dict) -> str:
    """JSON with a line for each member, and for each entry of a collection."""
    lines = []
    for name, value in document.items():
        head = f"  {json.dumps(name)}: "
        if isinstance(value, list) and value:
            entries = [f"    {json.dumps(item)}" for item in value]
            lines.append(f"{head}[\n" + ",\n".join(entries) + "\n  ]")
        elif isinstance(value, dict) and value:
            entries = [
                f"    {json.dumps(key)}: {json.dumps(item)}"
                for key, item in value.items()
            ]
            lines.append(f"{head}{{\n" + ",\n".join(entries) + "\n  }")
        else:
            lines.append(head + json.dumps(value))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def generate() -> dict[str, str]:
    """Text by path."""
    documents: dict[str, dict] = {}
    for suite in SUITES:
        for path, document in suite.files().items():
            if path in documents:
                raise ValueError(f"two suites write {path}")
            documents[path] = document
    heads = {path: item for path, item in documents.items() if "cases" in item}
    for path, head in heads.items():
        if f"tests/specs/{head['specs']}.json" not in documents:
            raise ValueError(f"{path} has no ruleset")
    ids = [one["id"] for head in heads.values() for one in head["cases"]]
    twice = {one for one in ids if ids.count(one) > 1}
    if twice:
        raise ValueError(f"ids used twice: {sorted(twice)}")
    documents["tests/vectors/hash.json"] = hashing.vectors()
    files = {path: dump(document) for path, document in documents.items()}
    files["tests/cases/COUNT"] = f"{len(ids)}\n"
    return files


def differences(files: dict[str, str]) -> list[str]:
    found = []
    for path, text in files.items():
        committed = ROOT / path
        if not committed.exists():
            found.append(f"{path} is missing")
        elif committed.read_text(encoding="utf-8") != text:
            found.append(f"{path} differs")
    for committed in sorted((ROOT / "tests/cases").glob("*.json")):
        path = committed.relative_to(ROOT).as_posix()
        if path not in files:
            found.append(f"{path} has no table")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    files = generate()
    if check:
        found = differences(files)
        print("\n".join(found) or f"{len(files)} files are up to date")
        return 1 if found else 0
    for path, text in files.items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    print(f"wrote {len(files)} files, {files['tests/cases/COUNT'].strip()} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main())
