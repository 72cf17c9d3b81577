"""A toy input side and a toy output side are compiled in and registered, and take part in everything: no mocks."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from firth.kernels.registry import architectures, losses

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "src" / "firth"
TOYS = ["half-sum/negative-sampling", "half-sum/hierarchical-softmax", "half-sum/softmax",
        "half-sum/one-vs-all", "skipgram/next-word", "cbow/next-word", "half-sum/next-word"]  # fmt: skip


@pytest.fixture(scope="module")
def report(extended: Any) -> dict[str, Any]:
    done = extended.run([str(HERE / "toy_program.py")])
    assert done.returncode == 0, done.stderr[-6000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_the_build_takes_less_than_a_minute(extended: Any) -> None:
    """Of one processor: other programs' turns do not count."""
    assert extended.build_seconds < 60


def test_pairs_with_the_toys_are_registered(report: dict[str, Any]) -> None:
    assert sorted(report["pairs"]) == sorted(TOYS)
    assert report["unknown before it is registered"].startswith("ParameterError: architecture must be one of")
    assert report["registered twice"] == "ParameterError: loss must be a new word to be registered, got 'next-word'"


def test_a_model_of_words_is_trained(report: dict[str, Any]) -> None:
    trained = report["trained"]
    assert trained["guessing"] == 0.5
    assert trained["losses"][-1] < 0.8 * trained["guessing"]
    assert trained["config"]["architecture"] == "half-sum"
    assert trained["config"]["loss"] == "next-word"


@pytest.mark.parametrize("pair", TOYS)
def test_an_epoch_is_the_plan_through_the_reference(report: dict[str, Any], pair: str) -> None:
    difference = report["reference"][pair]
    assert difference["moved"] > 1e-3
    assert difference["inputs"] < 1e-5
    assert difference["outputs"] < 1e-5
    assert difference["loss"] < 1e-5


@pytest.mark.parametrize("pair", TOYS)
def test_deterministic_runs_have_the_same_bits(report: dict[str, Any], pair: str) -> None:
    assert len(set(report["deterministic"][pair])) == 1


def test_the_twin_plans_the_blocks_of_the_toy(report: dict[str, Any]) -> None:
    assert report["plans agree"] is True


def test_selfcheck_lists_and_proves_the_toys(report: dict[str, Any]) -> None:
    selfcheck = report["selfcheck"]
    assert selfcheck["status"] == 0
    assert selfcheck["ok"] is True
    kinds: dict[str, set[str]] = {}
    for row in selfcheck["results"]:
        kinds.setdefault(row["objective"], set()).add(row["what"].split()[-1])
    for pair in TOYS:
        assert kinds[pair] == {"reference", "float64", "float32"}


def test_chunks_begin_and_end(report: dict[str, Any]) -> None:
    begun, ended = report["chunks"]
    assert begun == ended > 100


def test_a_side_that_is_not_in_the_library_is_named(report: dict[str, Any]) -> None:
    expected = "NativeError: architecture must be one of the native library's sides skipgram"
    assert report["not built"].startswith(expected)
    assert "got 'not-built'" in report["not built"]


# ---- nobody asks a side's name

SIDE_FILES = ("kernels/sides/", "kernels/registry.py")


def _python_files() -> list[Path]:
    files = [path for room in ("kernels", "native", "training") for path in (PACKAGE / room).rglob("*.py")]
    return [path for path in files if not str(path.relative_to(PACKAGE)).startswith(SIDE_FILES)]


def _compared_words(tree: ast.AST) -> set[str]:
    words: set[str] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST] = []
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.Dict):
            parts = [key for key in node.keys if key is not None]
        elif isinstance(node, ast.MatchValue | ast.Subscript):
            parts = [node.value if isinstance(node, ast.MatchValue) else node.slice]
        for part in parts:
            leaves = [leaf.value for leaf in ast.walk(part) if isinstance(leaf, ast.Constant)]
            words |= {leaf for leaf in leaves if isinstance(leaf, str)}
    return words


@pytest.mark.parametrize("path", _python_files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_compares_with_the_name_of_a_side(path: Path) -> None:
    sides = {*architectures(), *losses()}
    # The proof makes one unit of a named pair, for logits that saturate.
    allowed = {"skipgram", "negative-sampling"} if path.name == "proof.py" else set()
    assert not (_compared_words(ast.parse(path.read_text(encoding="utf-8"))) & sides) - allowed


def test_the_scan_sees_comparisons() -> None:
    source = "config.loss == 'softmax'; x in ('cbow',); {'skipgram': 1}[a]; OBJECTIVES['skipgram', 'negative-sampling']"
    assert _compared_words(ast.parse(source)) == {"softmax", "cbow", "skipgram", "negative-sampling"}


def test_the_core_does_not_ask_which_side_it_has() -> None:
    sides = "RowInputs|PooledInput|SampledNegatives|HuffmanPath|AllRows|EachRow"
    for path in (PACKAGE / "native" / "cpp").rglob("*.?pp"):
        if path.name == "objectives.hpp":
            continue
        code = re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))
        own = set(re.findall(r"struct (\w+) (?:: \w+ )?\{", code))
        assert not set(re.findall(rf"\b({sides})\b", code)) - own, path.name
        assert not re.search(r"is_same<\s*(Input|Output)", code), path.name
        assert not re.search(r"\b(s|s_|settings)(\.|->)(architecture|loss)\b", code), path.name
