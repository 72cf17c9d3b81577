"""What is not correct is looked at again: stubs, an author's own softmax, what NumPy 1 and Python 2 took."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from firth.checking import FunctionReport, Limits, check_paths
from firth.checking.older import OldNumPy, explain_exception
from firth.checking.stubs import describe_stub, find_definition

COST = "def softmaxCostAndGradient(predicted, target, outputVectors, dataset):\n"
SKIPGRAM = (
    "def skipgram(currentWord, C, contextWords, tokens, inputVectors, outputVectors, dataset, word2vecCostAndGradient"
    "):\n"
)
SIGMOID = "def sigmoid(x):\n"
RIGHT_COST = (
    "    s = outputVectors.dot(predicted)\n    p = np.exp(s - s.max())\n    p /= p.sum()\n    y = p.copy()\n"
    "    y[target] -= 1\n"
)
RIGHT_RETURN = "    return -np.log(p[target]), y.dot(outputVectors), np.outer(y, predicted)\n"

STUBS = {
    "zero": SIGMOID + "    return 0\n",
    "zeros_like": "def softmax(x):\n    return np.zeros_like(x)\n",
    "zeros_of_its_shape": "def normalizeRows(x):\n    out = np.zeros(x.shape)\n    return out\n",
    "ones": SIGMOID + "    return np.ones(len(x))\n",
    "argument": "def sigmoid_grad(f):\n    ### YOUR CODE HERE\n    ### END YOUR CODE\n    return f\n",
    "argument_lambda": "softmax = lambda x: x\n",
    "pass": "def normalizeRows(x):\n    pass\n",
    "ellipsis": 'def softmax(x):\n    """Rows."""\n    ...\n',
    "bare_return": SIGMOID + "    return\n",
    "none": SIGMOID + "    return None\n",
    "list_of_none": "def getNegativeSamples(target, dataset, K):\n    indices = [None] * K\n    return indices\n",
    "cost_zeros": COST + "    cost = 0\n    grad = np.zeros(outputVectors.shape)\n"
    "    gradPred = np.zeros(predicted.shape)\n    return cost, gradPred, grad\n",
    "undefined": COST + "    ### YOUR CODE HERE\n    ### END YOUR CODE\n    return cost, gradPred, grad\n",
    "half_written": COST + RIGHT_COST + "    cost = -np.log(p[target])\n    ### YOUR CODE HERE\n    # gradients\n"
    "    ### END YOUR CODE\n    return cost, gradPred, grad\n",
    "skipgram_zeros": SKIPGRAM + "    cost = 0.0\n    gradIn = np.zeros(inputVectors.shape)\n"
    "    gradOut = np.zeros(outputVectors.shape)\n    return cost, gradIn, gradOut\n",
    "says_so": SIGMOID + "    raise Exception('Not implemented yet!')\n",
    "todo": SIGMOID + "    assert False, 'TODO'\n",
    "not_an_exception": SIGMOID + "    raise NotImplemented\n",
    "after_a_print": SIGMOID + "    print(x)\n    return 0.5\n",
}

# Not right, and no stubs: each computes from its arguments what it returns.
WRITTEN = {
    "integers": SIGMOID + "    out = np.zeros(x.shape, int)\n    out[...] = 1 / (1 + np.exp(-x))\n    return out\n",
    "added_at": SIGMOID + "    out = np.zeros(4)\n    np.add.at(out, [0], x.min())\n    return out * 0\n",
    "helper": SIGMOID + "    out = np.zeros(3)\n    fill(out, x)\n    return out\ndef fill(out, x): out[:] = 0\n",
    "branch": SIGMOID + "    y = 1\n    if x.sum() > 1e9:\n        y = 0\n    return y\n",
    "early": SIGMOID + "    if np.any(x > 1e9):\n        return 1\n    return 0\n",
    "forgotten_return": SIGMOID + "    y = 1 / (1 + np.exp(-x))\n",
    "typo": SIGMOID + "    y = 1 / (1 + np.exp(-x))\n    return z\n",
    "nested": SIGMOID + "    def inner(): return x * 0\n    return inner()\n",
    "walrus": SIGMOID + "    return (y := x * 0)\n",
    "comprehension": SIGMOID + "    return [0 * v for v in x]\n",
    "local_names": SIGMOID + "    return locals()['x'] * 0\n",
    "product_is_zero": SIGMOID + "    return x * 0\n",
    "random": SIGMOID + "    return np.random.rand()\n",
    "gradient_forgotten": COST + RIGHT_COST + "    return -np.log(p[target]), 0 * predicted, np.zeros((6, 3))\n",
}

OLD_NUMPY = {
    "sum_of_generator": SIGMOID + "    return np.sum(1 / (1 + np.exp(-x)) for i in range(1))\n",
    "list_as_index": COST
    + RIGHT_COST.replace("y[target]", "y = y[None]\n    y[[[0], [target]]]")
    + "    y = y[0]\n"
    + RIGHT_RETURN,
    "slice_in_list": SIGMOID + "    return (1 / (1 + np.exp(-x)))[[slice(None), Ellipsis]]\n",
    "float_index": SIGMOID + "    return (1 / (1 + np.exp(-x)))[0.0:len(x) / 1]\n",
    "float_size": SIGMOID + "    out = np.zeros((x.size / 1,))\n    out[:] = 1 / (1 + np.exp(-x.ravel()))\n"
    "    return out.reshape(x.shape)\n",
    "one_element_stored": COST
    + RIGHT_COST
    + "    c = np.zeros(1)\n    c[0] = -np.log(p[target:target + 1, None])\n"
    + RIGHT_RETURN.replace("-np.log(p[target])", "c[0]"),
    "one_element_float": COST + RIGHT_COST + RIGHT_RETURN.replace("-np.log(p[target])", "float(-np.log(p[[target]]))"),
    "equals_none": SIGMOID + "    if x == None:\n        return 0\n    return 1 / (1 + np.exp(-x))\n",
    "booleans": COST
    + RIGHT_COST.replace("y = p.copy()", "t = np.arange(len(p)) == target\n    y = p - (t - (t & ~t))").replace(
        "    y[target] -= 1\n", ""
    )
    + RIGHT_RETURN,
    "ragged": SIGMOID + "    parts = np.array([x[0], x[0][:2]])\n    return 1 / (1 + np.exp(-x)) + 0 * len(parts)\n",
    "stacked_generator": SIGMOID + "    return np.vstack(1 / (1 + np.exp(-row)) for row in x)\n",
    "no_copy": SIGMOID + "    return 1 / (1 + np.exp(-np.array(list(x), copy=False)))\n",
    "method": SIGMOID + "    x.itemset(0, x[0, 0])\n    return 1 / (1 + np.exp(-x))\n",
    "name": SIGMOID + "    np.alen(x)\n    return 1 / (1 + np.exp(-x))\n",
    "in_place": SIGMOID + "    y = np.ones(x.shape, int)\n    y /= (1 + np.exp(-x))\n    return y\n",
}

OLD_PYTHON = {
    "iteritems": SIGMOID + "    for k, v in {1: x}.iteritems():\n        return 1 / (1 + np.exp(-v))\n",
    "map_index": SIGMOID + "    return map(lambda v: 1 / (1 + np.exp(-v)), [x])[0]\n",
    "range_plus": SIGMOID + "    range(3) + [4]\n    return 1 / (1 + np.exp(-x))\n",
    "zip_len": SIGMOID + "    len(zip(x, x))\n    return 1 / (1 + np.exp(-x))\n",
    "cmp": SIGMOID + "    cmp(1, 2)\n    return 1 / (1 + np.exp(-x))\n",
}

# Wrong or broken in NumPy 1 as well.
NOT_OLD = {
    "typo": SIGMOID + "    return np.sofmax(x)\n",
    "math_of_an_array": "import math\n" + SIGMOID + "    return 1 / (1 + math.exp(-x))\n",
    "half_index": SIGMOID + "    return (1 / (1 + np.exp(-x)))[0.5]\n",
    "long_stored": SIGMOID + "    out = np.zeros(3)\n    out[0] = x\n    return out\n",
    "wrong_with_old_index": SIGMOID + "    return (1 / (1 + np.exp(-x)))[[[0], [0]]] + 7\n",
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], FunctionReport]:
    """Every program of this page, graded in one batch."""
    folder = tmp_path_factory.mktemp("programs")
    groups = {"stub": STUBS, "written": WRITTEN, "numpy": OLD_NUMPY, "python": OLD_PYTHON, "not_old": NOT_OLD}
    for group, programs in groups.items():
        (folder / group).mkdir()
        for name, source in programs.items():
            (folder / group / f"{name}.py").write_text("import numpy as np\n" + source)
    found = {}
    for report in check_paths([folder], limits=Limits(time_s=20)):
        assert report.error is None, report
        path = Path(report.file)
        found[path.parent.name, path.stem] = report.functions[0]
    return found


@pytest.mark.parametrize("name", STUBS)
def test_stubs(name: str, reports: dict[tuple[str, str], FunctionReport]) -> None:
    report = reports["stub", name]
    assert (report.verdict, report.codes[0]) == ("broken", "not-implemented"), report


@pytest.mark.parametrize("name", WRITTEN)
def test_what_computes_is_no_stub(name: str, reports: dict[tuple[str, str], FunctionReport]) -> None:
    report = reports["written", name]
    assert report.verdict != "correct"
    assert "not-implemented" not in report.codes, report


@pytest.mark.parametrize("name", OLD_NUMPY)
def test_what_numpy_has_dropped(name: str, reports: dict[tuple[str, str], FunctionReport]) -> None:
    report = reports["numpy", name]
    if report.verdict == "correct" and np.lib.NumpyVersion(np.__version__) < "2.4.0":
        pytest.skip("this NumPy takes it still")
    assert (report.verdict, report.codes[0]) == ("broken", "older-numpy"), report
    assert report.findings[0].details["line"] > 1


@pytest.mark.parametrize("name", OLD_PYTHON)
def test_what_python_has_dropped(name: str, reports: dict[tuple[str, str], FunctionReport]) -> None:
    report = reports["python", name]
    assert (report.verdict, report.codes[0]) == ("broken", "older-python"), report


@pytest.mark.parametrize("name", NOT_OLD)
def test_what_was_wrong_in_numpy_1_too(name: str, reports: dict[tuple[str, str], FunctionReport]) -> None:
    report = reports["not_old", name]
    assert report.verdict in ("wrong", "broken")
    assert not {"older-numpy", "older-python"} & set(report.codes), report


ROW_SOFTMAX = """import numpy as np
def softmax(x):
    x = np.atleast_2d(x)
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
"""
USES_A_ROW = """import numpy as np
from q1_softmax import softmax
def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    p = softmax(outputVectors.dot(predicted))
    cost = -np.log(p[0, target])
    p[0, target] -= 1
    return cost, p.dot(outputVectors)[0], np.outer(p[0], predicted)
"""


def _grade(folder: Path, own: str, uses: str = USES_A_ROW) -> FunctionReport:
    (folder / "q1_softmax.py").write_text(own)
    (folder / "q3_word2vec.py").write_text(uses)
    (report,) = check_paths([folder / "q3_word2vec.py"])
    return report.functions[0]


@pytest.mark.parametrize(
    "uses",
    [
        USES_A_ROW,
        USES_A_ROW.replace("from q1_softmax import softmax", "from q1_softmax import *"),
        USES_A_ROW.replace("import softmax", "import softmax as sm").replace("= softmax(", "= sm("),
        USES_A_ROW.replace("from q1_softmax import softmax", "import q1_softmax").replace(
            "= softmax(", "= q1_softmax.softmax("
        ),
    ],
    ids=["name", "star", "alias", "module"],
)
def test_right_with_its_authors_own_softmax(tmp_path: Path, uses: str) -> None:
    report = _grade(tmp_path, ROW_SOFTMAX, uses)
    assert report.verdict == "correct"
    (finding,) = [f for f in report.findings if f.code == "value-shape"]
    assert finding.severity == "warning"
    assert "(1, 2)" in finding.message
    assert "q1_softmax.py" in finding.message


def test_no_help_from_a_wrong_softmax_beside(tmp_path: Path) -> None:
    assert _grade(tmp_path, ROW_SOFTMAX.replace("e / e.sum", "e * 2 / e.sum")).verdict == "broken"


def test_a_softmax_that_keeps_the_shape_makes_nothing_right(tmp_path: Path) -> None:
    own = (
        "import numpy as np\ndef softmax(x):\n    e = np.exp(x - np.max(x, axis=-1, keepdims=True))\n"
        "    return e / e.sum(axis=-1, keepdims=True)\n"
    )
    assert _grade(tmp_path, own).verdict == "broken"


def test_a_wrong_gradient_stays_wrong_with_the_authors_softmax(tmp_path: Path) -> None:
    report = _grade(tmp_path, ROW_SOFTMAX, USES_A_ROW.replace("-= 1", "+= 1"))
    assert report.verdict != "correct"


@pytest.mark.parametrize("default", [1, 5, 12, 25, 64])
def test_another_default_of_k_is_told(tmp_path: Path, default: int) -> None:
    source = (Path(__file__).parent / "gallery" / "negative_sampling" / "default_5.py").read_text()
    (tmp_path / "a.py").write_text(source.replace("K=5", f"K={default}"))
    (report,) = check_paths([tmp_path / "a.py"])
    (function,) = report.functions
    assert function.verdict == "correct", function
    (finding,) = [f for f in function.findings if f.code == "default-k"]
    assert finding.severity == "warning"
    assert str(default) in finding.message
    assert "10" in finding.message


@pytest.mark.parametrize(("signature", "told"), [("K=10", False), ("K", False), ("K=5, *, seed=0", True)])
def test_forms_of_k(tmp_path: Path, signature: str, told: bool) -> None:
    source = (Path(__file__).parent / "gallery" / "negative_sampling" / "default_5.py").read_text()
    (tmp_path / "a.py").write_text(source.replace("K=5", signature))
    (report,) = check_paths([tmp_path / "a.py"])
    (function,) = report.functions
    assert function.verdict == "correct", function
    assert ("default-k" in function.codes) == told


def test_another_number_of_negatives_than_k_stays_wrong(tmp_path: Path) -> None:
    source = (Path(__file__).parent / "gallery" / "negative_sampling" / "default_5.py").read_text()
    (tmp_path / "a.py").write_text(source.replace("range(K)", "range(12)"))
    (report,) = check_paths([tmp_path / "a.py"])
    assert report.functions[0].verdict == "wrong-objective"


def test_a_rewritten_file_means_the_same() -> None:
    source = """
import math
def f(x, *rest, **options):
    y = [i - 1 for i in range(int(x)) if i != 2]
    y[1:2] = [-x]
    y[0] += len(rest) - options["k"]
    return y, (x == 3, x != None), math.sqrt(4.0), max(*y, 0), {"a": -x}["a"], "text"[::-1][1:], sorted(locals())[0]
"""
    plain: dict[str, object] = {}
    exec(compile(ast.parse(source), "a", "exec"), plain)
    old = OldNumPy()
    rewritten: dict[str, object] = dict(old.helpers)
    exec(compile(old.rewrite(ast.parse(source), "a"), "a", "exec"), rewritten)
    assert rewritten["f"](5, 1, k=2) == plain["f"](5, 1, k=2)  # type: ignore[operator]
    assert old.used == {}


def test_other_exceptions_are_not_explained() -> None:
    assert explain_exception("name 'x' is not defined") is None
    assert explain_exception("module 'numpy' has no attribute 'sofmax'") is None


def test_a_decorated_function_is_not_judged_by_its_text() -> None:
    tree = ast.parse("@replaced\ndef sigmoid(x): return 0\n")
    node = find_definition([tree], "sigmoid")
    assert node is not None
    assert describe_stub(node, "sigmoid") is None
