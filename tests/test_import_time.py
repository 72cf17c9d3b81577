"""``import firth`` costs next to nothing, and every public name is there when it is asked for."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import firth

INIT = Path(firth.__file__)
ALLOWANCE_S = 0.03

_STOPWATCH = """
import sys, time
start = time.perf_counter()
import {module}
print(time.perf_counter() - start)
"""


def _run(code: str) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(INIT.parents[1]), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


def test_import_costs_no_more_than_numpy_and_three_hundredths() -> None:
    pairs = [(float(_run(_STOPWATCH.format(module=m))) for m in ("numpy", "firth")) for _ in range(5)]
    numpy_s, firth_s = zip(*[tuple(pair) for pair in pairs], strict=True)
    assert min(firth_s) <= min(numpy_s) + ALLOWANCE_S


def test_import_loads_nothing_heavy() -> None:
    loaded = set(_run("import firth, sys; print(*sys.modules)").split())
    assert not loaded & {"numpy", "rich", "typer", "safetensors", "scipy", "sklearn", "matplotlib", "ctypes"}


def test_training_loads_no_terminal_nor_plotting_library() -> None:
    loaded = set(_run("import firth, sys; firth.train, firth.load, firth.Model; print(*sys.modules)").split())
    assert "numpy" in loaded
    assert not loaded & {"rich", "typer", "scipy", "sklearn", "matplotlib", "pandas", "IPython"}


@pytest.mark.parametrize("name", [name for name in dir(firth) if not name.startswith("_")])
def test_public_name_loads(name: str) -> None:
    assert getattr(firth, name) is not None
    assert name in vars(firth), "the second look-up must not go through __getattr__"


def test_type_checkers_and_run_time_see_the_same_names() -> None:
    imported: dict[str, str] = {}
    for node in ast.walk(ast.parse(INIT.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("firth."):
            imported.update({str(alias.asname): str(node.module) for alias in node.names})
    assert imported == {**firth._HOMES, "__version__": "firth._version"}


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = firth.trian
