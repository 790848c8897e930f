#!/usr/bin/env python3
"""Measures Tidegate and the vendor's published crate with the same C program, in turns.

bench.py [--rules FILE] [--launches N] [--only ROW,...] [--alone]: prints the table. Without FILE
the rulesets are made by rules.py. --alone leaves the vendor out. Only the ratios count: absolute
times drift with the machine.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import stage

BENCHES = stage.ROOT / "benches"
RELEASE = stage.ROOT / "target" / "release"
VENDOR = BENCHES / "vendor" / "target" / "release"
SIDES = ("tidegate", "vendor")
# Label, row, unit, and by how much Tidegate has to be ahead.
ROWS = [
    ("check_gate, public, no exposure", "public", "ns", 8),
    ("check_gate, public, exposure", "public_exposed", "ns", 8),
    ("check_gate, 50 % rule, one user", "half", "ns", None),
    ("check_gate, 50 % rule, pool of users", "half_pool", "ns", 8),
    ("check_gate, many rules", "many_rules", "ns", 8),
    ("check_gate, nested gates", "nested", "ns", 8),
    ("check_gate, unknown gate", "unknown", "ns", None),
    ("user from JSON + free", "user", "ns", 10),
    ("user from JSON + gate with exposure", "user_and_gate", "ns", None),
    ("get_config, two parameters", "config", "ns", 10),
    ("get_experiment, two parameters", "experiment", "ns", 10),
    ("get_layer, one parameter, exposure", "layer", "ns", 60),
    ("log_event", "log_event", "ns", 15),
    ("client initialize response, djb2", "init_response", "ns", 8),
    ("every gate, pool of users", "gates", "ns", None),
    ("initialize, medium ruleset", "init_ms_medium", "ms", None),
    ("initialize, large ruleset", "init_ms_large", "ms", 8),
    ("initialize, large ruleset, processor time", "init_cpu_ms_large", "ms", None),
    ("RSS after initialize, medium", "rss_kb_medium", "KB", None),
    ("RSS after initialize, large", "rss_kb_large", "KB", None),
    ("peak RSS of initialize, large", "peak_kb_large", "KB", None),
    ("fresh users at 10,000/s, p50", "p50", "ns", 8),
    ("fresh users at 10,000/s, p99", "p99", "ns", 8),
    ("fresh users at 10,000/s, p99.9", "p99.9", "ns", None),
    ("fresh users at 10,000/s, max", "max", "ns", None),
    ("CPU per delivered exposure", "cpu_per_exposure", "ns", 5),
    ("memory of one live user", "user_bytes", "bytes", 8),
    ("stripped library", "size_kb", "KB", None),
]
EXPOSURES = 50_000


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def build(side, folder):
    """The C program, linked with one side."""
    library, name = (RELEASE, "tidegate") if side == "tidegate" else (VENDOR, "bench_vendor")
    sources = [BENCHES / "c" / "bench.c", BENCHES / "c" / f"{side}.c"]
    return stage.compile_program(side, folder, sources, library, name)


class Server:
    """The local server with one ruleset; counts the events it accepts."""

    def __init__(self, rules, folder):
        self.events = Path(folder) / f"{Path(rules).name}.events"
        self.process = subprocess.Popen(
            [RELEASE / "examples" / "local_server", "--rules", rules, "--quiet",
             "--exit-with-parent", "--events-out", self.events],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = json.loads(self.process.stdout.readline())["url"]

    def delivered(self):
        """How many exposures arrived since the last call."""
        if not self.events.exists():
            return 0
        with self.events.open("r+b") as file:
            count = sum(1 for line in file if b"statsig::gate_exposure" in line)
            file.truncate(0)
        run("curl", "-sf", "-X", "POST", f"{self.url}/control/reset?what=records")
        return count

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


def measure(program, server, mode, *arguments):
    server.delivered()
    out = run(program, mode, server.url, *arguments, timeout=900)
    found = {line["row"]: line["value"] for line in map(json.loads, out.splitlines())}
    if "deliver_ns" in found:
        # What was not delivered does not make the rest cheaper.
        arrived = server.delivered()
        if arrived < found["exposures"] * 0.99:
            print(f"{program}: {arrived:,} of {found['exposures']:,} exposures arrived",
                  file=sys.stderr)
        found["cpu_per_exposure"] = found.pop("deliver_ns") / max(arrived, 1)
        found.pop("exposures")
    return found


def launches(programs, count, tasks):
    """All tasks of all sides, `count` times, sides in turns: row -> side -> values."""
    values = {}
    for launch in range(count):
        for task in tasks:
            order = list(programs)[:: 1 if launch % 2 == 0 else -1]
            for side in order:
                for row, value in task(programs[side]).items():
                    values.setdefault(row, {}).setdefault(side, []).append(value)
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return values


def make_rules(folder, given):
    if given:
        return {"medium": Path(given)}
    made = {}
    for size in ("medium", "large"):
        made[size] = Path(folder) / f"{size}.json"
        made[size].write_bytes(stage.rules(size))
    return made


def gate_names(rules):
    gates = json.loads(rules.read_text())["feature_gates"]
    return list(gates) if isinstance(gates, dict) else [gate["name"] for gate in gates]


def tasks_for(servers, rules, folder, only):
    """What to measure, as functions of a program; with --only, just what those rows need."""
    wanted = lambda *rows: not only or any(row in only for row in rows)
    medium, tasks = servers["medium"], []
    add = lambda *arguments: tasks.append(lambda p: measure(p, *arguments))
    names = Path(folder) / "names"
    names.write_text("\n".join(gate_names(rules["medium"])))
    named = [row for _, row, _, _ in ROWS[:14]] if "large" in rules else ["user", "init_response"]
    chosen = [row for row in named if wanted(row)]
    if chosen:
        add(medium, "rows", *chosen)
    if wanted("gates"):
        add(medium, "gates", str(names))
    for size, server in servers.items():
        if wanted(f"init_ms_{size}", f"init_cpu_ms_{size}", f"rss_kb_{size}", f"peak_kb_{size}"):
            tasks.append(lambda p, size=size, server=server: {
                f"{row}_{size}": value for row, value in measure(p, server, "init").items()})
    if wanted("threads", "busy_loops") and "large" in rules:
        add(medium, "threads", "150")
    if wanted("p50", "p99", "p99.9", "max") and "large" in rules:
        add(medium, "latency", "5000")
    if wanted("cpu_per_exposure") and "large" in rules:
        add(medium, "deliver", str(EXPOSURES))
    if wanted("user_bytes"):
        add(medium, "users", "50000")
    return tasks


def size_kb(side):
    path = RELEASE / "libtidegate.so" if side == "tidegate" else VENDOR / "libbench_vendor.so"
    return path.stat().st_size / 1024


def machine():
    cpu = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", cpu)
    flags = set(re.search(r"flags\s*: (.*)", cpu).group(1).split())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    has = lambda flag, name: name if flag in flags else f"no {name}"
    return [
        f"{model.group(1) if model else platform.processor()}, {os.cpu_count()} CPUs, "
        f"{has('sha_ni', 'SHA instructions')}, {has('avx2', 'AVX2')}, "
        f"{int(memory.group(1)) // 1024 // 1024} GiB",
        f"{platform.system()} {platform.release()}, {run('rustc', '--version').strip()}, "
        f"{run('cc', '--version').splitlines()[0]}",
        f"load average {os.getloadavg()[0]:.1f}",
    ]


def shown(value, unit):
    if unit == "ns" and value >= 10_000:
        return f"{value / 1000:,.1f} us"
    if unit == "ms":
        return f"{value:,.1f} ms"
    if unit == "KB":
        return f"{value / 1024:,.1f} MB"
    return f"{value:,.0f} {unit}"


def print_table(values, sides):
    print("| Work | " + " | ".join(sides) + " | ratio | goal |")
    print("|---|" + "---:|" * (len(sides) + 2))
    for label, row, unit, goal in ROWS:
        if row not in values:
            continue
        medians = {side: statistics.median(values[row][side]) for side in sides}
        ratio = medians["vendor"] / medians["tidegate"] if "vendor" in medians else None
        marks = "" if goal is None or ratio is None else ("met" if ratio >= goal else "MISSED")
        print(f"| {label} | " + " | ".join(shown(medians[side], unit) for side in sides)
              + f" | {f'{ratio:.1f}x' if ratio else ''} | {f'{goal}x {marks}' if goal else ''} |")
    if "threads" in values:
        shares = {side: [gates / loops for gates, loops in zip(values["threads"][side],
                                                               values["busy_loops"][side])]
                  for side in sides}
        cells = [f"{statistics.median(values['threads'][side]):.2f}x" for side in sides]
        share = statistics.median(shares["tidegate"])
        loops = statistics.median(values["busy_loops"]["tidegate"])
        print("| 2 threads against 1, gates with exposures | " + " | ".join(cells)
              + f" | {share:.0%} of two busy loops ({loops:.2f}x) | "
              f"95% {'met' if share >= 0.95 else 'MISSED'} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules")
    parser.add_argument("--launches", type=int, default=5)
    parser.add_argument("--only", type=lambda text: text.split(","), default=[])
    parser.add_argument("--alone", action="store_true")
    arguments = parser.parse_args()
    sides = SIDES[:1] if arguments.alone else SIDES
    with tempfile.TemporaryDirectory() as folder:
        programs = {side: build(side, folder) for side in sides}
        rules = make_rules(folder, arguments.rules)
        servers = {size: Server(path, folder) for size, path in rules.items()}
        try:
            facts = machine()
            tasks = tasks_for(servers, rules, folder, arguments.only)
            values = launches(programs, arguments.launches, tasks)
        finally:
            for server in servers.values():
                server.close()
        if not arguments.only or "size_kb" in arguments.only:
            values["size_kb"] = {side: [size_kb(side)] for side in sides}
        sizes = ", ".join(f"{size} {path.stat().st_size / 1000:,.0f} KB"
                          for size, path in rules.items())
    print("\n".join(facts))
    print(f"rulesets: {sizes}; {arguments.launches} launches of each side in turns, medians\n")
    print_table(values, sides)


if __name__ == "__main__":
    main()
