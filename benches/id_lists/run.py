#!/usr/bin/env python3
"""Memory of an id list of ten million ids: run.py [--library FOLDER] [--ids N] [--check]

--check fails when a list costs more than its share: eight bytes an id plus the room that a hash
table leaves, at rest and while it is downloaded.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import stage

CONDITION = {"type": "unit_id", "operator": "in_segment_list", "targetValue": "l", "field": None,
             "additionalValues": {}, "isDeviceBased": False, "idType": "userID"}
RULE = {"name": "r", "id": "r", "salt": "r", "passPercentage": 100, "idType": "userID",
        "returnValue": True, "conditions": [CONDITION]}
GATE = {"name": "in_list", "type": "feature_gate", "salt": "s", "enabled": True, "idType": "userID",
        "entity": "feature_gate", "defaultValue": False, "rules": [RULE]}
SPECS = {"time": 100, "has_updates": True, "feature_gates": [GATE], "dynamic_configs": [],
         "layer_configs": [], "layers": {}}


def lines(first, last):
    return b"".join(b"+%08x\n" % number for number in range(first, last))


class Service(stage.Service):
    """Serves a list that grows, and then is written anew."""

    files = {}
    stages = []
    served = 0

    def do_POST(self):
        self.body()
        if not self.path.endswith("/get_id_lists"):
            return self.answer(202, b'{"success":true}')
        name, size = self.stages[min(Service.served, len(self.stages) - 1)]
        url = f"http://{self.headers['Host']}/{name}"
        created = 1 if name == "first" else 2
        manifest = {"l": {"size": size, "fileID": name, "creationTime": created, "url": url}}
        return self.answer(200, json.dumps(manifest).encode())

    def do_GET(self):
        if "download_config_specs" in self.path:
            known = "sinceTime" in self.path
            return self.answer(200, json.dumps({"has_updates": False} if known else SPECS).encode())
        name, size = self.stages[min(Service.served, len(self.stages) - 1)]
        start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        part = memoryview(self.files[name])[start:size]
        self.answer(206, part, [("Content-Range", f"bytes {start}-{size - 1}/{size}")])
        Service.served += 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", type=Path, default=stage.ROOT / "target" / "release")
    parser.add_argument("--ids", type=int, default=10_000_000)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    ids, increment = options.ids, options.ids // 50
    text = lines(0, ids + increment)
    Service.files = {"first": text, "second": text + lines(ids + increment, ids + increment + 1)}
    line = len(b"+00000000\n")
    Service.stages = [("first", ids * line), ("first", len(text)), ("second", len(text) + line)]
    base = Service.start()
    client = {"api": base, "api_for_sdk_exception": f"{base}/sdk_exception", "sync_jitter": 0,
              "rulesets_sync_interval": 60, "idlists_sync_interval": 1, "timeout": 120}
    with tempfile.TemporaryDirectory() as scratch:
        program = stage.compile_program("id_lists", scratch, [HERE / "id_lists.c"],
                                        options.library.resolve())
        run = subprocess.run([program, json.dumps(client), str(ids), str(increment)], check=True,
                             capture_output=True, text=True, timeout=1200)
    print(run.stdout, end="")
    if options.check:
        rows = [json.loads(text) for text in run.stdout.splitlines() if text.startswith("{")]
        whole, grown, rewritten = rows
        # A table is at least three fifths full, four fifths after a download of known length.
        limits = [(whole["table_bytes_per_id"], 10.1), (whole["peak_bytes_per_id"], 12),
                  (grown["table_bytes_per_id"], 13.5), (rewritten["table_bytes_per_id"], 10.1),
                  (rewritten["peak_bytes_per_id"], 25)]
        for found, limit in limits:
            if found > limit:
                raise SystemExit(f"{found} bytes an id, more than {limit}")
        print(f"{len(limits)} limits kept")


main()
