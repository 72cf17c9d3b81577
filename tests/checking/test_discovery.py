"""Files, functions and notebooks are found by their names; what is no known function is left alone."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from firth.checking.discovery import (
    KNOWN_NAMES,
    find_files,
    find_functions,
    kind_of_name,
    parse_kind,
    read_source,
    split_units,
    without_magics,
)
from firth.errors import ParameterError, StorageError


def _found(source: str, **options: str) -> dict[str, str]:
    return {function.name: function.kind for function in find_functions([ast.parse(source)], **options)}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("softmaxCostAndGradient", "softmaxCostAndGradient"),
        ("naiveSoftmaxLossAndGradient", "softmaxCostAndGradient"),
        ("naive_softmax_loss_and_gradient", "softmaxCostAndGradient"),
        ("negSamplingLossAndGradient", "negSamplingCostAndGradient"),
        ("normalize_rows", "normalizeRows"),
        ("SkipGram", "skipgram"),
        ("CBOW", "cbow"),
        ("sigmoidGrad", "sigmoid_grad"),
        ("affine_backward", "affine_backward"),
        ("softmax_test", None),
        ("test_softmax", None),
        ("word2vec_sgd_wrapper", None),
    ],
)
def test_well_known_names(name: str, kind: str | None) -> None:
    assert kind_of_name(name) == kind


def test_every_kind_knows_its_own_name() -> None:
    assert all(kind_of_name(kind) == kind for kind in KNOWN_NAMES)


def test_functions_at_the_top_level_alone() -> None:
    source = "class A:\n    def softmax(self, x): return x\ndef outer():\n    def sigmoid(x): return x\n"
    assert _found(source) == {}
    assert _found("try:\n    def softmax(x): return x\nexcept ImportError:\n    pass\n") == {"softmax": "softmax"}
    assert _found("if __name__ == '__main__':\n    def softmax(x): return x\n") == {}


def test_last_definition_counts_once() -> None:
    found = find_functions([ast.parse("def softmax(x): pass\ndef softmax(x):\n    return x\n")])
    assert [(function.name, function.line) for function in found] == [("softmax", 2)]


@pytest.mark.parametrize(
    "source",
    [
        "def loss(w): return w.sum(), w",
        "def evaluate(w):\n    cost, grad = 1, w\n    return cost, grad",
        "quadratic = lambda x: (np.sum(x ** 2), 2 * x)\ngradcheck_naive(quadratic, 3)",
        "def f(x): return 1, x\nfirth.check_gradient(f, x)",
    ],
)
def test_generic_functions_that_say_so(source: str) -> None:
    assert list(_found(source).values()) == ["f"]


@pytest.mark.parametrize(
    "source",
    [
        "def split(x): return x[:3], x[3:]",
        "def loss(w): return w.sum()",
        "def loss(w, x): return w.sum(), x",
        "def loss(w): return w.sum(), w, 3",
        "def loss(w):\n    if w.any(): return None\n    return w.sum(), w",
        "pair = lambda x: (x, x)",
    ],
)
def test_what_is_no_generic_function(source: str) -> None:
    assert _found(source) == {}


def test_a_function_by_name_and_like() -> None:
    source = "def mine(x): return x\ndef softmax(x): return x\ndef helper(): return 3\ndef silent(x): x + 1\n"
    assert _found(source, function="mine") == {"mine": "f"}
    assert _found(source, function="mine", like="sigmoid") == {"mine": "sigmoid"}
    assert _found(source, function="softmax") == {"softmax": "softmax"}
    assert _found(source, function="absent") == {}
    assert _found(source, like="sigmoid") == {"mine": "sigmoid"}
    assert _found(source, like="softmax") == {"softmax": "softmax"}


def test_kinds_by_any_of_their_names() -> None:
    assert parse_kind("naiveSoftmaxLossAndGradient") == "softmaxCostAndGradient"
    assert parse_kind("f(x)") == "f"
    with pytest.raises(ParameterError, match="--like must be one of sigmoid"):
        parse_kind("transformer")


def test_files_of_folders_and_functions_of_files(tmp_path: Path) -> None:
    (tmp_path / "deep" / "__pycache__").mkdir(parents=True)
    (tmp_path / ".ipynb_checkpoints").mkdir()
    for name in ("b.py", "a.ipynb", "deep/c.py", "deep/__pycache__/d.py", ".ipynb_checkpoints/a.ipynb", "data.txt"):
        (tmp_path / name).write_text("")
    targets = find_files([tmp_path, f"{tmp_path / 'b.py'}:softmax"])
    names = [(target.path.name, target.function, target.asked_for) for target in targets]
    assert names == [
        ("a.ipynb", None, False),
        ("b.py", None, False),
        ("c.py", None, False),
        ("b.py", "softmax", True),
    ]
    with pytest.raises(StorageError, match="must be a file"):
        find_files([tmp_path / "absent.py"])


def test_notebook_cells_without_their_magics(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["def softmax(x)"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "!ls\n", "import numpy as np\n", "np.dot?\n"]},
        {"cell_type": "code", "source": "%%bash\necho 'def sigmoid('\n"},
        {
            "cell_type": "code",
            "source": ["%%time\n", "if True:\n", "    %timeit 3\n", "def softmax(x):\n", "    return x"],
        },
    ]
    path = tmp_path / "notebook.ipynb"
    path.write_text(json.dumps({"cells": cells, "nbformat": 4}))
    units = split_units(str(path), read_source(path))
    assert [unit.label.rpartition("#")[2] for unit in units] == ["cell 1", "cell 2", "cell 3"]
    trees = [ast.parse(unit.source) for unit in units]
    found = find_functions(trees)
    assert [(function.name, function.line) for function in found] == [("softmax", 4)]


def test_old_notebooks_have_worksheets(tmp_path: Path) -> None:
    path = tmp_path / "old.ipynb"
    cells = [{"cell_type": "code", "input": ["def softmax(x):\n", "    return x\n"]}]
    path.write_text(json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3}))
    assert "def softmax" in str(split_units(str(path), read_source(path))[0].source)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"cells": ' + "[" * 5_000,
        "{",
        "[]",
        '{"cells": 3}',
        '{"cells": [{"cell_type": "code", "source": 3}]}',
    ],
)
def test_what_is_no_notebook(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.ipynb"
    path.write_text(text)
    with pytest.raises(ParameterError, match="must be a Jupyter notebook"):
        split_units(str(path), read_source(path))


def test_percent_signs_of_python_stay() -> None:
    cell = "x = (7\n% 3)\ntext = 'a?'\n"
    assert without_magics(cell) == cell
