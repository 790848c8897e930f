#!/usr/bin/env python3
"""Writes the bill of materials of the library, as CycloneDX 1.5 in JSON.

Crates that are in the library are "required"; those that only helped to build it, "excluded".

usage: sbom.py TARGET FEATURES SECONDS-SINCE-1970
"""

import datetime
import json
import sys
import uuid

import dependencies


def component(crate):
    entry = {
        "type": "library",
        "bom-ref": crate.purl,
        "name": crate.name,
        "version": crate.version,
        "description": " ".join(crate.description.split()),
        "scope": "required" if crate.is_linked else "excluded",
        "licenses": [{"expression": crate.license}],
        "purl": crate.purl,
    }
    if crate.checksum:
        entry["hashes"] = [{"alg": "SHA-256", "content": crate.checksum}]
    if crate.repository:
        entry["externalReferences"] = [{"type": "vcs", "url": crate.repository}]
    return entry


def rust_library():
    version, license_, _ = dependencies.rust_library()
    return {
        "type": "library",
        "bom-ref": "rust-std",
        "name": "std",
        "version": version,
        "description": "the standard library of Rust",
        "scope": "required",
        "licenses": [{"expression": license_}],
    }


def unwinder():
    return {
        "type": "library",
        "bom-ref": "libgcc_eh",
        "name": "libgcc_eh",
        "description": "the unwinder of the compiler, in the shared library",
        "scope": "required",
        "licenses": [{"expression": "GPL-3.0-or-later WITH GCC-exception-3.1"}],
    }


def data(name, version, license_, purl):
    return {
        "type": "data",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "scope": "required",
        "licenses": [{"expression": license_}],
        "purl": purl,
    }


def bill(target, features, seconds):
    root, crates = dependencies.crates(target, features)
    others = [rust_library()]
    if target.endswith("-gnu"):
        others.append(unwinder())
    others += [data(name, version, license_, purl)
               for name, version, license_, _, purl in dependencies.data_files()]
    library = component(root)
    del library["scope"]
    library["properties"] = [
        {"name": "cargo:target", "value": target},
        {"name": "cargo:features", "value": features},
    ]
    time = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc)
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": library,
        },
        "components": [component(crate) for crate in crates] + others,
        "dependencies": [
            {"ref": crate.purl, "dependsOn": sorted({used.purl for used in crate.uses})}
            for crate in crates
        ],
    }
    uses = {used.purl for used in root.uses} | {entry["bom-ref"] for entry in others}
    document["dependencies"].insert(0, {"ref": root.purl, "dependsOn": sorted(uses)})
    document["dependencies"] += [{"ref": entry["bom-ref"], "dependsOn": []} for entry in others]
    # The same content has the same number.
    content = json.dumps(document, sort_keys=True)
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}"
    return document


def main():
    print(json.dumps(bill(*sys.argv[1:]), indent=2))


if __name__ == "__main__":
    main()
