"""A hook that a side forgets is an error of the compiler that names it: every hook that objective.hpp lists."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "src" / "firth"
NATIVE = PACKAGE / "native" / "cpp"

BARE = "struct Input {}; struct Output {};"
# What the first errors are about is there, so that the compiler comes to the rest.
HALF = """
struct Chunks {
  template <class Real> static void begin_chunk(const Settings&, Workspace<Real>&) {}
  template <class Real> static void end_chunk(const Settings&, Workspace<Real>&) {}
};
struct Input : Chunks {
  static constexpr const char* NAME = "input";
  static constexpr int64_t STRETCH_TOKENS = 64;
  static constexpr int32_t NOISE_SETS = 1, JOINED_WINDOWS = 1;
  static constexpr bool TAKES_PARTS = false;
  static int64_t examples(int32_t) { return 1; }
  static int inputs(int) { return 1; }
};
struct Output : Chunks {
  static constexpr const char* NAME = "output";
  static constexpr bool DRAWS_NEGATIVES = false, TOUCHES_ALL_ROWS = false;
  static int32_t part_words(const Settings&, int32_t) { return 1; }
  static int largest_count(const Settings&) { return 1; }
  template <class Take> static void each_output_row(const Settings&, const int32_t&, Take&&) {}
};
"""
# With these, the compiler comes to the hooks of a single unit.
MOST = HALF.replace(
    "static int largest_count",
    """static constexpr bool TAKES_ALL_TARGETS = false, MAY_REPEAT = false;
  static constexpr double WORTH_A_COPY = 16;
  static int count(const Settings&, const Unit&) { return 1; }
  template <class Add> static void each_coming_row(const Settings&, int32_t, Add&&) {}
  template <class Near, class Far> static void look_ahead(const Settings&, Near&&, Far&&) {}
  static int largest_count""",
)


def missing_hooks(sides: str, folder: Path) -> set[tuple[str, str]]:
    """The side and the name of each hook that the compiler misses."""
    header = folder / "sides.hpp"
    lists = "typedef Sides<Input> ExtraInputs; typedef Sides<Output> ExtraOutputs;"
    header.write_text(f"namespace firth {{\n{sides}\n{lists}\n}}\n")
    compiler = shutil.which("c++") or shutil.which("g++")
    assert compiler is not None, "a C++ compiler must be installed to compile sides"
    runpy.run_path(str(NATIVE / "model" / "parameters.py"))["write_header"](
        PACKAGE / "kernels" / "config.py", folder / "parameters.hpp"
    )
    command = [compiler, "-std=gnu++17", "-fsyntax-only", "-w", '-DFIRTH_INSTRUCTION_SET="test"']
    command += [f'-DFIRTH_EXTRA_SIDES="{header}"', f"-I{NATIVE}", f"-I{folder}", str(NATIVE / "train" / "train.cpp")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    assert done.returncode != 0
    found = set()
    for line in done.stderr.splitlines():
        named = re.search(r"error: '(\w+)(?:<[^']*>)?' is not a member.*'firth::(Input|Output)'", line) or re.search(
            r"error: .*no (?:template )?member named '(\w+)' in 'firth::(Input|Output)'", line
        )
        if named:
            found.add((named[2], named[1]))
    return found


def listed_hooks() -> set[tuple[str, str]]:
    """Side and name of the hooks in the comment of objective.hpp."""
    text = (NATIVE / "objectives" / "objective.hpp").read_text(encoding="utf-8").split("#pragma once")[0]
    parts = re.split(r"^// (?:Both sides|An input side|An output side):\n", text, flags=re.MULTILINE)[1:]
    both, inputs, outputs = (re.findall(r"^//   (\w+)", part, flags=re.MULTILINE) for part in parts)
    return {
        *((side, name) for side in ("Input", "Output") for name in both),
        *(("Input", name) for name in inputs),
        *(("Output", name) for name in outputs),
    }


def test_each_forgotten_hook_is_named(tmp_path: Path) -> None:
    found = missing_hooks(BARE, tmp_path) | missing_hooks(HALF, tmp_path) | missing_hooks(MOST, tmp_path)
    assert found == listed_hooks()
    assert len(found) > 20
