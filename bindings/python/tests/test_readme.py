"""The README: its programs run as written and print what it says, its wheel can be installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from local_server import LIBRARY, ROOT, LocalServer
from processes import environment, output

FOLDER = ROOT / "bindings" / "python"
README = (FOLDER / "README.md").read_text()
API = "http://127.0.0.1:8181/v1"

USE = """
import tidegate, tidegate.statsig
print(tidegate.load_library())
client = tidegate.Client("secret-wheel", {"local_mode": True})
client.initialize()
print(client.check_gate({"userID": "ada"}, "g"))
"""


def programs() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_programs_run_and_print_what_it_says(server: LocalServer) -> None:
    assert len(programs()) == 5
    assert README.count(API) == 3
    said = output("".join(programs()).replace(API, server.api))
    assert said == "".join(re.findall(r"^```text\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))


def test_its_programs_pass_the_type_checker(tmp_path: Path) -> None:
    for number, program in enumerate(programs()):
        (tmp_path / f"program{number}.py").write_text(program)
    # What one program defines another one may use.
    (tmp_path / "program4.py").write_text("import tidegate\n" + programs()[4])
    (tmp_path / "program3.py").write_text("import tidegate\n" + programs()[3])
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", "cache", "."]
    env = environment(MYPYPATH=str(FOLDER))
    subprocess.run(command, cwd=tmp_path, env=env, check=True, timeout=300)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made as the README says, in a copy."""
    place = tmp_path_factory.mktemp("wheel")
    source = place / "python"
    ignored = shutil.ignore_patterns("tests", "__pycache__", ".*", "*.so", "build", "*.egg-info")
    shutil.copytree(FOLDER, source, ignore=ignored)
    # Without what is for debuggers, which would take long to pack.
    library = source / "tidegate" / "libtidegate.so"
    subprocess.run(["strip", "--strip-debug", "-o", library, LIBRARY], check=True)
    told = re.search(r"^pip (wheel .*) \./bindings/python$", README, re.MULTILINE)
    assert told
    # The build backend is that of the test's environment, so that nothing is fetched.
    command = [sys.executable, "-m", "pip", *told[1].split(), "--no-build-isolation", str(source)]
    subprocess.run([*command, "--quiet"], cwd=place, check=True, timeout=300)
    (made,) = (place / "dist").glob("tidegate-*.whl")
    return made


def test_a_wheel_is_for_its_platform_and_for_every_python(wheel: Path) -> None:
    version, python, abi, platform = wheel.stem.split("-")[1:]
    assert (python, abi) == ("py3", "none")
    assert platform != "any"
    assert version in (FOLDER / "tidegate" / "version.py").read_text()


def test_a_wheel_works_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    python = str(place / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python]
    install = [*pip, "install", "--quiet", "--no-index", str(wheel)]
    subprocess.run(install, check=True, timeout=300)
    clean = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
    del clean["TIDEGATE_LIBRARY"]
    done = subprocess.run(
        [python, "-c", USE], cwd=tmp_path, env=clean, check=True, capture_output=True, text=True
    )
    library, passed = done.stdout.splitlines()
    assert library.startswith(str(tmp_path / "venv"))
    assert passed == "False"
    installed = Path(library).parent
    assert (installed / "py.typed").exists()
