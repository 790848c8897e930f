#!/usr/bin/env python3
"""Fresh exposures at a steady rate: run.py [--library FOLDER] [--rate N] [--seconds N]

Fails unless each exposure was delivered, as the client counts and as this server has received them.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import stage

GATE = b'"eventName":"statsig::gate_exposure"'


class Service(stage.Service):
    """Counts exposures and forgets them: a run has more than fit into memory."""

    specs = b""
    lock = threading.Lock()
    requests = received = other = 0

    def do_POST(self):
        body = self.body()
        if self.path.endswith("/get_id_lists"):
            return self.answer(200, b"{}")
        if not self.path.endswith("/log_event"):
            return self.answer(202, b'{"success":true}')
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        exposures, events = body.count(GATE), body.count(b'"eventName":')
        with self.lock:
            Service.requests += 1
            Service.received += exposures
            Service.other += events - exposures
        return self.answer(202, b'{"success":true}')

    def do_GET(self):
        self.answer(200, b'{"has_updates":false}' if "sinceTime" in self.path else self.specs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", type=Path, default=stage.ROOT / "target" / "release")
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--seconds", type=int, default=600)
    options = parser.parse_args()
    specs = json.loads(stage.rules("medium"))
    # Exposures only: diagnostics are events too, and drawn by lot.
    specs["diagnostics"] = dict.fromkeys(("initialize", "dcs", "idlist", "api_call", "logevent"), 0)
    Service.specs = json.dumps(specs).encode()
    client = {"api": Service.start(), "disable_diagnostics": True, "disable_error_reporting": True}
    library = options.library.resolve()
    print(f"{options.rate:,} exposures a second for {options.seconds:,} s, {os.cpu_count()} CPUs, "
          f"load average {os.getloadavg()[0]:.1f}, {library}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        program = stage.compile_program("rate", scratch, [HERE / "rate.c"], library)
        run = subprocess.run(
            [program, json.dumps(client), str(options.rate), str(options.seconds)],
            stdout=subprocess.PIPE, text=True, timeout=options.seconds + 300)
    print(run.stdout, end="")
    print(json.dumps({"row": "server", "requests": Service.requests,
                      "exposures": Service.received, "other_events": Service.other}))
    if run.returncode != 0:
        raise SystemExit("not every exposure was delivered")
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    delivered = next(row for row in rows if row["row"] == "events")["delivered"]
    if Service.received != delivered:
        raise SystemExit(f"{delivered} delivered, {Service.received} received")


main()
