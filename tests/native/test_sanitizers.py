"""Room tests/native: the training kernels under the address, undefined-behavior and thread sanitizers.

On the plainest and on the best instruction set of this processor, since the width of the vectors differs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firth.native.loader import available_instruction_sets

HERE = Path(__file__).parent
PROGRAM = HERE / "sanitize_kernels.cpp"  # includes train.cpp
SUPPRESSIONS = HERE / "tsan.supp"
INSTRUCTION_SETS = sorted({available_instruction_sets()[0], available_instruction_sets()[-1]})
FLAGS = {"neon": (), "x86-64-v4": ("-march=x86-64-v4", "-mprefer-vector-width=512")}  # as in CMakeLists.txt

Build = Callable[[str], Any]

# A build takes 30 s of processor time, the longest run as much.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(params=INSTRUCTION_SETS)
def build(build_sanitized: Callable[..., Any], request: pytest.FixtureRequest) -> Build:
    flags = FLAGS.get(request.param, (f"-march={request.param}",))
    return lambda sanitizer: build_sanitized([PROGRAM, "base/abi.cpp"], sanitizer, flags)


@pytest.mark.parametrize("what", ["serial", "rounds", "documents", "lock-free", "stop"])
def test_memory_and_behavior(build: Build, what: str) -> None:
    build("address,undefined").run_clean(what)


def test_windows_of_any_width(build: Build) -> None:
    build("address,undefined").run_clean("windows")


def test_memory_that_runs_out_is_an_error_and_no_hang(build: Build) -> None:
    build("address,undefined").run_clean("memory")


def test_faults_that_no_run_meets(build: Build) -> None:
    build("address,undefined").run_clean("guards")


@pytest.mark.parametrize("what", ["rounds", "documents"])
def test_deterministic_threads_need_no_suppression(build: Build, what: str) -> None:
    build("thread").run_clean(what)


def test_the_stop_flag_is_no_race(build: Build) -> None:
    build("thread").run_clean("stop")


def test_lock_free_threads_race_on_rows_alone(build: Build) -> None:
    program = build("thread")
    suppressed = program.run("lock-free", TSAN_OPTIONS=f"suppressions={SUPPRESSIONS}")
    assert suppressed.returncode == 0, suppressed.stderr[-8000:]
    # The sanitizer sees the races, so that its silence about the deterministic mode means something.
    bare = program.run("lock-free", TSAN_OPTIONS="halt_on_error=1")
    assert bare.returncode != 0
    assert "WARNING: ThreadSanitizer: data race" in bare.stderr


def test_a_race_on_anything_but_rows_is_found(build: Build) -> None:
    found = build("thread").run("race", TSAN_OPTIONS=f"halt_on_error=1 suppressions={SUPPRESSIONS}")
    assert found.returncode != 0
    assert "WARNING: ThreadSanitizer: data race" in found.stderr


def test_every_suppression_names_a_matrix_that_threads_share() -> None:
    """Not functions: each would hide all of its races, and compilers name the parts of templates as they like."""
    text = SUPPRESSIONS.read_text()
    names = re.findall(r"^race:\^firth::(\w+)\$$", text, re.MULTILINE)
    assert len(names) == len([line for line in text.splitlines() if line and not line.startswith("#")])
    shared = re.findall(r"run\.s\.\w+\.rows = std::copy_n\([^;]*, (\w+)\) -", PROGRAM.read_text())
    assert sorted(names) == sorted(shared) == ["shared_input_rows", "shared_output_rows"]
