"""The stamps of the Makefile: what `make demo` installs has one instruction set, what `make test` installs has all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from firth.native.loader import instruction_sets_of_processor

ROOT = Path(__file__).parents[1]
INSTALL = "-m pip install --quiet --disable-pip-version-check "
ONE_SET, ALL_SETS = f"{INSTALL}.", f"{INSTALL}'.[test]'"
NEW, OLD = 4_000_000_000, 1  # seconds since 1970: after every source, before every source

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(folder: Path, *arguments: str) -> str:
    """What make prints, with its environment in a folder."""
    outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}  # of the make that runs these tests
    done = subprocess.run(
        ["make", "--no-print-directory", f"VENV={folder}", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=True,
        env={name: value for name, value in os.environ.items() if name not in outer},
    )  # fmt: skip
    return done.stdout


def installations(target: str, folder: Path, **stamps: int) -> list[str]:
    """The installations that `make target` would run, with stamps of these ages in the environment's folder."""
    for name in (".venv", ".firth", ".firth-test"):
        age = stamps.get(name.removeprefix(".").replace("-", "_"), NEW if name == ".venv" else None)
        if age is not None:
            (folder / name).touch()
            os.utime(folder / name, (age, age))
    lines = make(folder, "--dry-run", target).splitlines()
    return [line.strip() for line in lines if " pip install " in line]


def ends(lines: list[str]) -> list[str]:
    return [line[line.index(INSTALL) :] for line in lines]


def test_the_demo_compiles_one_set_by_name(tmp_path: Path) -> None:
    (line,) = installations("demo", tmp_path)
    assert ends([line]) == [ONE_SET]
    assert line.startswith("SKBUILD_CMAKE_DEFINE=FIRTH_INSTRUCTION_SETS=$only ")


def test_the_tests_compile_all_sets(tmp_path: Path) -> None:
    (line,) = installations("test", tmp_path)
    assert ends([line]) == [ALL_SETS]
    assert "FIRTH_INSTRUCTION_SETS" not in line
    assert 'cmake.define.FIRTH_INSTRUCTION_SETS = "all"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("target", "stamps", "expected"),
    [
        ("test", {"firth": NEW}, [ALL_SETS]),  # the demo was there before
        ("test", {"firth": NEW, "firth_test": OLD}, [ALL_SETS]),  # then the sources changed, then the demo came again
        ("test", {"firth": NEW, "firth_test": NEW}, []),
        ("demo", {"firth": NEW, "firth_test": NEW}, []),  # nothing takes the other sets away
        ("demo", {"firth": OLD, "firth_test": OLD}, [ONE_SET]),
        ("lint", {"firth": NEW}, [ALL_SETS]),
        ("mutants", {"firth": NEW}, [ALL_SETS]),
    ],
)
def test_stamps_tell_one_set_from_all(tmp_path: Path, target: str, stamps: dict[str, int], expected: list[str]) -> None:
    assert ends(installations(target, tmp_path, **stamps)) == expected


def announcement(folder: Path, sets: str) -> tuple[str, str]:
    """What the demo's installation says, and the sets that it passes on, on a processor that has these sets."""
    (folder / ".venv").touch()
    (folder / "bin").mkdir()
    python = folder / "bin" / "python"
    python.write_text(f'#!/bin/sh\ncase "$1" in -c) echo "{sets}";; *) echo "defined $SKBUILD_CMAKE_DEFINE";; esac\n')
    python.chmod(0o755)
    said, defined = make(folder, str(folder / ".firth")).splitlines()
    return said, defined.removeprefix("defined FIRTH_INSTRUCTION_SETS=")


def test_the_demo_says_what_it_compiles(tmp_path: Path) -> None:
    said, defined = announcement(tmp_path, "x86-64-v2 x86-64-v3")
    assert said.endswith("compiles the C++ core for this processor's instruction set alone, x86-64-v3 ...")
    assert defined == "x86-64-v3"


def test_an_unknown_processor_gets_all_sets_and_is_told(tmp_path: Path) -> None:
    said, defined = announcement(tmp_path, "")
    assert re.search(r"for all instruction sets, since this processor has none that firth knows \.\.\.$", said)
    assert defined == "all"


def test_this_processor_has_a_set() -> None:
    assert instruction_sets_of_processor()
