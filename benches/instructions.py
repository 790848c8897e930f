#!/usr/bin/env python3
"""Instructions per call over the C ABI, counted by callgrind: repeatable where seconds are not.

instructions.py [--check] [--update]: prints the table; --check fails when a row grew by more than
5 % over benches/instructions.json, --update writes that file on purpose.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import stage

C = stage.ROOT / "benches" / "c"
BASELINE = stage.ROOT / "benches" / "instructions.json"
# Events of a row stay below the size of a batch, after which waking the events thread would count.
ROWS = {"public": 1000, "public_exposed": 1000, "half": 500, "half_pool": 500, "many_rules": 300,
        "nested": 500, "unknown": 1000, "user": 300, "user_and_gate": 100,
        "config": 500, "experiment": 500, "layer": 500, "log_event": 100, "init_response": 3}
GROWTH = 1.05


def total(program, rules, row, count):
    """Instructions of the calling thread in `count` calls of `row`; those of other threads vary."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               "--collect-atstart=no", f"--toggle-collect=row_{row}", program, "once", rules, row,
               str(count)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    return int(re.search(r"Collected : (\d+)", run.stderr).group(1))


def main():
    library = Path(os.environ.get("LIBRARY_DIR", stage.ROOT / "target" / "release")).resolve()
    with tempfile.TemporaryDirectory() as folder:
        rules = f"{folder}/rules.json"
        Path(rules).write_bytes(stage.rules("small"))
        program = stage.compile_program("bench", folder, [C / "bench.c", C / "tidegate.c"], library)
        # The difference of two counts leaves out start, shut-down and first uses.
        def per_call(item):
            row, n = item
            return round((total(program, rules, row, 3 * n) - total(program, rules, row, n))
                         / (2 * n))

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            counted = dict(zip(ROWS, pool.map(per_call, ROWS.items())))
    before = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    grown = []
    for row, now in counted.items():
        was = before.get(row)
        print(f"{row:16} {now:>10,}" + (f"  baseline {was:,}" if was else ""))
        if was and now > was * GROWTH:
            grown.append(row)
    if "--update" in sys.argv:
        BASELINE.write_text(json.dumps(counted, indent=2) + "\n")
    elif "--check" in sys.argv and (grown or set(before) != set(counted)):
        sys.exit(f"grew by more than 5 %: {', '.join(grown) or 'rows differ from the baseline'}; "
                 "make it cheaper, or run benches/instructions.py --update on purpose")
    print(f"{len(counted)} passed, 0 failed")


main()
