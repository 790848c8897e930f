"""The sides under comparison: subprocesses that answer requests, and how they are prepared."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
ANSWER_SECONDS = 300

# The packages must not reach for anything but the loopback server, and count days in UTC.
CONFINED = {
    "TZ": "UTC",
    "PYTHONDONTWRITEBYTECODE": "1",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
    **{
        name: "http://127.0.0.1:9"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    },
}


def venv():
    """The python of a virtual environment that has the packages of requirements.txt."""
    place = TARGET / "differential" / "venv"
    python = place / "bin" / "python"
    wanted = (HERE / "requirements.txt").read_text()
    stamp = place / "installed.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "-r", str(HERE / "requirements.txt")],
            check=True,
        )
        stamp.write_text(wanted)
    return str(python)


def library(profile):
    """Builds libtidegate with cargo and returns its path."""
    command = ["cargo", "build", "--lib", "--quiet", "--profile", profile]
    subprocess.run([*command, "--features", "grpc,redis"], cwd=ROOT, check=True)
    folder = "debug" if profile == "dev" else profile
    return str(TARGET / folder / "libtidegate.so")


class Side:
    """One subprocess that answers one request line with one answer line."""

    def __init__(self, name, command):
        self.name = name
        log = TARGET / "differential" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as errors:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **CONFINED},
                encoding="utf-8",
            )
        self.log = log

    def ask(self, request):
        watchdog = threading.Timer(ANSWER_SECONDS, self.process.kill)
        watchdog.start()
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            watchdog.cancel()
        if not line:
            self.process.wait()
            raise RuntimeError(
                f"{self.name} ended with {self.process.returncode}; see {self.log}"
            )
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)


class Sides:
    """All sides and the loopback server they are asked through."""

    def __init__(self, loopback, commands):
        self.loopback = loopback
        self.all = {name: Side(name, command) for name, command in commands.items()}
        self.pool = ThreadPoolExecutor(len(self.all))

    def ask(self, ruleset, request, wanted=None):
        """Each side's answer to one ruleset; `wanted` limits it to some sides."""
        self.loopback.put(ruleset.number, ruleset.v1, ruleset.v2, ruleset.id_lists)
        try:
            answers = {}
            for name in wanted or self.all:
                url = f"{self.loopback.url}/{name}/{ruleset.number}"
                asked = self.pool.submit(self.all[name].ask, {**request, "url": url})
                answers[name] = asked
            answers = {name: answer.result() for name, answer in answers.items()}
            for name, answer in answers.items():
                if name != "core" and request["exposed_users"] and not answer["error"]:
                    self.loopback.wait_for_events(name, ruleset.number)
                answer["events"] = self.loopback.taken(name, ruleset.number)
            return answers
        finally:
            self.loopback.drop(ruleset.number)

    def close(self):
        for side in self.all.values():
            side.close()
        self.pool.shutdown()
        self.loopback.close()
