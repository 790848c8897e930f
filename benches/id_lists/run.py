#!/usr/bin/env python3
"""Memory of an id list of ten million ids: run.py [--library FOLDER] [--ids N] [--check]

--check fails when a list costs more than its share: eight bytes an id plus the room that a hash
table leaves, at rest and while it is downloaded.
"""

import argparse
import http.server
import json
import subprocess
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
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


class Service(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    files = {}
    stages = []
    served = 0

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
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
    parser.add_argument("--library", type=Path, default=ROOT / "target" / "release")
    parser.add_argument("--ids", type=int, default=10_000_000)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    ids, increment = options.ids, options.ids // 50
    text = lines(0, ids + increment)
    Service.files = {"first": text, "second": text + lines(ids + increment, ids + increment + 1)}
    line = len(b"+00000000\n")
    Service.stages = [("first", ids * line), ("first", len(text)), ("second", len(text) + line)]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}/v1"
    client = {"api": base, "api_for_sdk_exception": f"{base}/sdk_exception", "sync_jitter": 0,
              "rulesets_sync_interval": 60, "idlists_sync_interval": 1, "timeout": 120}
    with tempfile.TemporaryDirectory() as scratch:
        library = options.library.resolve()
        Path(scratch, "libtidegate.so.1").symlink_to(library / "libtidegate.so")
        program = f"{scratch}/id_lists"
        subprocess.run(["cc", "-std=c99", "-O2", f"-I{ROOT}/include",
                        f"{ROOT}/benches/id_lists/id_lists.c", "-o", program, f"-L{library}",
                        "-ltidegate", "-lpthread", f"-Wl,-rpath,{scratch}"], check=True)
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
