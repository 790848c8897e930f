#!/usr/bin/env python3
"""Writes what is linked into the library: names, licenses, and the texts of the licenses.

usage: third_party.py TARGET FEATURES
"""

import re
import sys
from collections import defaultdict

import dependencies

LICENSE_FILE = re.compile(r"(licen[cs]e|copying|notice|copyright|unlicense)", re.I)
NOT_LINKED = {"tests", "benches", "examples", "fuzz", "target"}
CODE = {".rs", ".py", ".c", ".h", ".sh", ".json", ".toml"}

# Published without a license text; the same project publishes it with this crate.
SAME_PROJECT = {"alloc-stdlib": "alloc-no-stdlib", "tonic-prost": "tonic"}

LINE = "=" * 80


def texts(crate):
    """The texts of a crate's license files, also of those beside code it took from elsewhere."""
    found = []
    for path in sorted(crate.folder.rglob("*")):
        inner = path.relative_to(crate.folder).parts
        is_ours = not NOT_LINKED.intersection(inner[:-1]) and path.suffix not in CODE
        if is_ours and LICENSE_FILE.match(path.name) and path.is_file():
            found.append(path.read_text(errors="replace").replace("\r\n", "\n").strip())
    return found


def all_texts(crates):
    """Each text with the crates it is for, in the order of the crates.

    Texts that differ in line breaks and indentation only are the same text.
    """
    by_name = {crate.name: crate for crate in crates}
    users = defaultdict(list)
    as_written = {}
    for crate in crates:
        found = texts(crate)
        if not found and crate.name in SAME_PROJECT:
            found = texts(by_name[SAME_PROJECT[crate.name]])
        if not found:
            raise SystemExit(f"{crate.name} {crate.version} has no license text")
        for text in found:
            words = " ".join(text.split())
            as_written.setdefault(words, text)
            name = f"{crate.name} {crate.version}"
            if name not in users[words]:
                users[words].append(name)
    return [(as_written[words], names) for words, names in users.items()]


def main():
    target, features = sys.argv[1:]
    _, crates = dependencies.crates(target, features)
    linked = [crate for crate in crates if crate.is_linked]
    rust_version, rust_license, _ = dependencies.rust_library()
    rows = [(crate.name, crate.version, crate.license) for crate in linked]
    print("What is linked into Tidegate, and under which licenses.\n")
    for name, version, license_ in rows:
        print(f"  {name} {version}: {license_}")
    print("\nRust's own library:\n")
    print(f"  std {rust_version}: {rust_license} (notices in rust-library-licenses.html)")
    if target.endswith("-gnu"):
        print("\nThe unwinder of the compiler, in the shared library:\n")
        print("  libgcc_eh: GPL-3.0-or-later WITH GCC-exception-3.1")
    print("\nData:\n")
    for name, version, license_, _, _ in dependencies.data_files():
        print(f"  {name} {version}: {license_}")
    for text, users in all_texts(linked):
        print(f"\n{LINE}\n{', '.join(users)}\n{LINE}\n\n{text}")
    for name, version, _, path, _ in dependencies.data_files():
        print(f"\n{LINE}\n{name} {version}\n{LINE}\n\n{path.read_text().strip()}")


if __name__ == "__main__":
    main()
