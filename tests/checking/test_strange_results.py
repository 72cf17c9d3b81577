"""Whatever a function returns is the author's fault, never the grader's."""

from __future__ import annotations

from pathlib import Path

import pytest

from firth.checking import KINDS, Limits, check_paths
from firth.checking.discovery import KNOWN_NAMES

EXPRESSIONS = (
    "None",
    "3",
    "'text'",
    "()",
    "(1,)",
    "(1, 2)",
    "(1, 2, 3)",
    "(None, None, None)",
    "(1.0, None)",
    "(1.0, [], [])",
    "(1.0, 'a', {})",
    "(1j, np.ones(3), np.ones((3, 3)))",
    "(np.nan, np.nan, np.nan)",
    "(np.inf, args[0], args[0])",
    "(np.ones((2, 2)), args[0])",
    "(1e308, np.full(3, 1e308), np.full((6, 3), -1e308))",
    "(1.0, np.zeros((2, 3, 4)), np.zeros((0, 3)))",
    "(1.0, [[1], [2, 3]], object())",
    "(10 ** 400, 10 ** 400, 10 ** 400)",
    "(x for x in args)",
    "np.array([1, None, 'a'], dtype=object)",
    "args[0]",
    "lambda: 3",
    "(lambda: 3, print, args)",
    "np.array(['a', 'b'])",
    "(True, args, args)",
    "[-1] * 10",
    "['a', 'b']",
    "[[1, 2], [3]]",
)

SOURCE = """
import numpy as np
def {name}({arguments}):
    args = ({arguments})
    return {expression}
"""
ARGUMENTS = {
    "affine_forward": "x, w, b",
    "affine_backward": "dout, cache",
    "sigmoid_backward": "dout, cache",
    "forward_backward_prop": "data, labels, params, dimensions",
    "softmaxCostAndGradient": "predicted, target, outputVectors, dataset",
    "negSamplingCostAndGradient": "predicted, target, outputVectors, dataset, K",
    "getNegativeSamples": "target, dataset, K",
    "skipgram": "currentWord, C, contextWords, tokens, inputVectors, outputVectors, dataset, word2vecCostAndGradient",
    "cbow": "currentWord, C, contextWords, tokens, inputVectors, outputVectors, dataset, word2vecCostAndGradient",
}


@pytest.mark.parametrize("kind", KINDS)
def test_strange_results(tmp_path: Path, kind: str) -> None:
    arguments = ARGUMENTS.get(kind, "x,")
    for i, expression in enumerate(EXPRESSIONS):
        name = kind if kind in KNOWN_NAMES else "loss"
        source = SOURCE.format(name=name, arguments=arguments, expression=expression)
        (tmp_path / f"strange{i:02}.py").write_text(source)
    reports = list(check_paths([tmp_path], like=kind, limits=Limits(time_s=10)))
    assert len(reports) == len(EXPRESSIONS)
    for report, expression in zip(reports, EXPRESSIONS, strict=True):
        (function,) = report.functions
        assert function.verdict != "correct", expression
        assert "grader" not in function.codes, (expression, function)
        assert any(finding.severity == "error" for finding in function.findings)
