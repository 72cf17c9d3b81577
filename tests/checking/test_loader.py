"""Only definitions, imports and constants are executed; what is missing is supplied, and said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# The loader changes its process (removed names of NumPy, modules of the course): each case in a process of its own.
PROGRAM = """
import sys
from pathlib import Path
from firth.checking.discovery import SourceUnit
from firth.checking.loader import load_units
loaded = load_units([SourceUnit("student.py", Path(sys.argv[1]).read_bytes())], Path(sys.argv[1]).parent)
print(eval(sys.argv[2], {"ns": loaded.namespace, "loaded": loaded}))
"""


def _evaluate(tmp_path: Path, source: str, expression: str) -> str:
    path = tmp_path / "student.py"
    path.write_text(source, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), expression], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_script_body_is_not_executed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    source = f"""
import numpy as np
SIZE = 3 * 4
NAMES = ["a", "b"]
data = open({str(mark)!r}, "w")
open({str(mark)!r}, "w").close()
for i in range(3):
    open({str(mark)!r}, "w")
with open({str(mark)!r}, "w") as handle:
    pass
if __name__ == "__main__":
    open({str(mark)!r}, "w")
if open({str(mark)!r}, "w"):
    x = 1
def size():
    return SIZE + len(NAMES)
assert False
"""
    assert _evaluate(tmp_path, source, "ns['size']()") == "14"
    assert not mark.exists()


def test_branches_for_versions_of_python(tmp_path: Path) -> None:
    source = """
import sys
if sys.version_info[0] >= 3:
    xrange = range
    def width(): return 3
else:
    def width(): return 2
try:
    import cPickle as pickle
except ImportError:
    import pickle
try:
    unicode
except NameError:
    unicode = str
def total(): return sum(xrange(width())), unicode
"""
    assert _evaluate(tmp_path, source, "ns['total']()") == "(3, <class 'str'>)"


def test_missing_names_are_supplied_and_said(tmp_path: Path) -> None:
    source = """
from q1_softmax import softmax as sm
from utils.glove import loadWordVectors
import matplotlib.pyplot as plt
import some_private_package.helpers as helpers
def inner(x):
    return sigmoid(x) * xrange(3)[1]
def outer(x):
    c = Counter([1])
    return inner(x) + sm(np.zeros(2))[0] + helpers.sigmoid(x)
def other(x):
    return x
"""
    assert _evaluate(tmp_path, source, "float(ns['outer'](0.0))") == "1.5"
    said = _evaluate(tmp_path, source, "loaded.supplied_for('outer')")
    names = ("Counter", "np", "sigmoid", "xrange", "sm (module q1_softmax)", "helpers (module some_private")
    for name in names:
        assert name in said
    assert _evaluate(tmp_path, source, "loaded.supplied_for('other')") == "()"


def test_a_files_own_names_win(tmp_path: Path) -> None:
    source = "from utils import *\ndef sigmoid(x): return 7\ndef use(): return sigmoid(1)\n"
    assert _evaluate(tmp_path, source, "ns['use'](), loaded.supplied_for('use')") == "(7, ())"


def test_helpers_beside_the_file_are_loaded_without_their_script(tmp_path: Path) -> None:
    (tmp_path / "helper_functions.py").write_text("import numpy as np\ndef twice(x): return 2 * x\nraise SystemExit\n")
    source = (
        "from helper_functions import twice\nimport helper_functions as h\ndef use(): return twice(2) + h.twice(3)\n"
    )
    assert _evaluate(tmp_path, source, "ns['use']()") == "10"


def test_removed_numpy_names_are_restored_and_said(tmp_path: Path) -> None:
    source = "import numpy as np\ndef f(x):\n    return np.asarray(x, dtype=np.float).sum()\n"
    assert _evaluate(tmp_path, source, "float(ns['f']([1, 2])), 'np.float' in loaded.supplied_for('f')[0]") == (
        "(3.0, True)"
    )


def test_what_a_missing_module_cannot_do_says_so(tmp_path: Path) -> None:
    source = "import tensorflow as tf\ndef f(x):\n    return tf.nn.softmax(x)\ndef g(x):\n    return tf.reduce_sum(x)\n"
    path = tmp_path / "student.py"
    path.write_text(source)
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), "ns['g'](1)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "tensorflow.reduce_sum is not available to the grader" in result.stderr


@pytest.mark.parametrize(
    "constant", ["np.random.rand(3)", "load('x')", "open('x')", "[f() for i in range(3)]", "np.load('x')"]
)
def test_calls_that_make_no_constant(tmp_path: Path, constant: str) -> None:
    assert _evaluate(tmp_path, f"import numpy as np\nX = {constant}\ndef f(): return X\n", "'X' in ns") == "False"
