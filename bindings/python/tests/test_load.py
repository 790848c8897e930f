"""How the library is found, and what is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from local_server import LIBRARY
from processes import PACKAGE, environment, output, run

import tidegate

PRINT_PATH = "import tidegate; print(tidegate.load_library())"
USE = "import tidegate; tidegate.User('ada')"


def bare(package: str = PACKAGE, **more: str) -> dict[str, str]:
    """An environment that says nothing of the library."""
    env = environment(PYTHONPATH=package, **more)
    if "TIDEGATE_LIBRARY" not in more:
        del env["TIDEGATE_LIBRARY"]
    return env


def failure(program: str, env: dict[str, str]) -> str:
    done = run(program, env=env)
    assert done.returncode == 1, done.stdout
    assert "LibraryError" in done.stdout
    return done.stdout


def test_by_path() -> None:
    said = output(f"import tidegate; print(tidegate.load_library({str(LIBRARY)!r}))", env=bare())
    assert said.strip() == str(LIBRARY)


def test_by_environment() -> None:
    assert output(PRINT_PATH).strip() == str(LIBRARY)


def test_in_the_folder_of_the_package(tmp_path: Path) -> None:
    shutil.copytree(f"{PACKAGE}/tidegate", tmp_path / "tidegate")
    library = tmp_path / "tidegate" / "libtidegate.so"
    os.symlink(LIBRARY, library)
    assert output(PRINT_PATH, env=bare(str(tmp_path))).strip() == str(library)


def test_where_the_system_looks(tmp_path: Path) -> None:
    os.symlink(LIBRARY, tmp_path / "libtidegate.so.1")
    env = bare(LD_LIBRARY_PATH=str(tmp_path))
    assert output(PRINT_PATH, env=env).strip() == "libtidegate.so.1"


def test_a_choice_that_is_not_there_is_not_replaced_by_another() -> None:
    said = failure(USE, bare(TIDEGATE_LIBRARY="/no/such/library.so"))
    assert "TIDEGATE_LIBRARY" in said
    assert "\n  /no/such/library.so: " in said
    assert "  libtidegate.so: " not in said


def test_the_failure_names_every_place_tried() -> None:
    said = failure(USE, bare())
    assert "not found" in said
    for place in (f"{PACKAGE}/tidegate/libtidegate.so", "libtidegate.so", "libtidegate.so.1"):
        assert f"\n  {place}: " in said
    assert "load_library" in said


def test_another_library_is_refused() -> None:
    said = failure("import tidegate; tidegate.load_library('libc.so.6')", bare())
    assert "libc.so.6 is not the Tidegate library" in said


@pytest.mark.parametrize("abi", ["2u << 16", "0u << 16 | 9"])
def test_another_abi_is_refused(tmp_path: Path, abi: str) -> None:
    source, library = tmp_path / "old.c", tmp_path / "old.so"
    source.write_text(f"unsigned tidegate_abi_version(void) {{ return {abi}; }}")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    said = failure(f"import tidegate; tidegate.load_library({str(library)!r})", bare())
    major, minor = divmod(eval(abi.replace("u", "")), 1 << 16)
    assert f"{library} has ABI {major}.{minor}, this package needs 1.0" in said


def test_another_path_after_loading_is_refused() -> None:
    assert tidegate.load_library(LIBRARY) == tidegate.load_library()
    with pytest.raises(tidegate.LibraryError, match="loaded already"):
        tidegate.load_library(__file__)
    assert issubclass(tidegate.LibraryError, OSError)


def test_importing_loads_nothing() -> None:
    assert output("import tidegate, tidegate.statsig", env=bare()) == ""


def test_what_was_loaded() -> None:
    assert tidegate.library_version() == tidegate.__version__
    assert tidegate.build_info()["abi_major"] == 1
