"""Document vectors: a token of PV-DBOW and PV-DM by hand, by finite differences, and by the kernel at 1e-12."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from firth.errors import IdError, ParameterError, ShapeError
from firth.kernels.proof import NativeUnit, UnitIds
from firth.kernels.registry import OBJECTIVES
from firth.native.loader import available_instruction_sets
from firth.numerics import HuffmanTree, build_huffman_tree, document_token
from firth.numerics.windows import LOSSES

T, V, D = 4, 7, 5
TAGS, CONTEXTS, WORD, NEGATIVES = [3, 0], [2, 5, 2, 6], 5, [1, 5, 1, 4]
METHODS = pytest.mark.parametrize(("method", "dm_input"), [("dbow", "mean"), ("dm", "mean"), ("dm", "sum")])


def arguments(loss: str) -> tuple[dict[str, Any], HuffmanTree | None]:
    tree = build_huffman_tree(np.arange(1, V + 1)) if loss == "hierarchical-softmax" else None
    negatives = {"negative_ids": NEGATIVES} if loss == "negative-sampling" else {}
    return {"loss": loss, "tree": tree, **negatives}, tree


def matrices(loss: str, dims: int = D) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(3)
    n_outputs = V - (loss == "hierarchical-softmax")
    return [rng.normal(0, 0.6, (n_rows, dims)) for n_rows in (T, V, n_outputs)]


def test_hand_worked() -> None:
    """Two tags (1, 0) and (0, 2), a context word (1, 1), an output vector (1, 3): h of the mean is (2/3, 1)."""
    tags, words = np.array([[1.0, 0], [0, 2]]), np.array([[0.0, 0], [1, 1]])
    outputs = np.array([[1.0, 3], [0, 0]])
    loss, of_tags, of_words, of_outputs = document_token(
        0, [0, 1], [1], tags, words, outputs, method="dm", loss="negative-sampling", negative_ids=[]
    )
    logit = 2 / 3 + 3
    assert loss == pytest.approx(np.log1p(np.exp(-logit)), rel=1e-12)
    error = 1 / (1 + np.exp(-logit)) - 1
    np.testing.assert_allclose(of_tags.to_dense(2), np.tile(error / 3 * outputs[0], (2, 1)), rtol=1e-12)
    np.testing.assert_allclose(of_words.to_dense(2), [[0, 0], error / 3 * outputs[0]], rtol=1e-12)
    np.testing.assert_allclose(of_outputs.to_dense(2), [[error * 2 / 3, error], [0, 0]], rtol=1e-12)
    loss, of_tags, of_words, _ = document_token(
        0, [0, 1], [], tags, words, outputs, method="dbow", loss="negative-sampling", negative_ids=[]
    )
    assert loss == pytest.approx(np.log1p(np.exp(-1)) + np.log1p(np.exp(-6)), rel=1e-12)
    np.testing.assert_allclose(
        of_tags.to_dense(2), np.outer([-1 / (1 + np.e), -1 / (1 + np.exp(6))], outputs[0]), rtol=1e-12
    )
    assert not of_words.to_dense(2).any()


@METHODS
@pytest.mark.parametrize("loss", LOSSES)
def test_every_coordinate_by_finite_differences(loss: str, method: str, dm_input: str) -> None:
    given, _ = arguments(loss)
    start = matrices(loss)

    def total(*changed: np.ndarray[Any, Any]) -> float:
        return document_token(WORD, TAGS, CONTEXTS, *changed, method=method, dm_input=dm_input, **given)[0]

    _, *gradients = document_token(WORD, TAGS, CONTEXTS, *start, method=method, dm_input=dm_input, **given)
    step = 1e-5
    for which, (matrix, gradient) in enumerate(zip(start, gradients, strict=True)):
        dense = gradient.to_dense(len(matrix))
        assert np.abs(dense).max() > 0.01
        for row, dim in np.ndindex(matrix.shape):
            moved = [other.copy() for other in start]
            moved[which][row, dim] += step
            above = total(*moved)
            moved[which][row, dim] -= 2 * step
            assert (above - total(*moved)) / (2 * step) == pytest.approx(dense[row, dim], abs=1e-8), (which, row, dim)


@METHODS
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("instruction_set", available_instruction_sets())
@pytest.mark.parametrize("words", [CONTEXTS, []], ids=["words", "tags-alone"])
def test_the_native_update_is_the_gradient(
    loss: str, method: str, dm_input: str, instruction_set: str, words: list[int]
) -> None:
    """In float64, at learning rate 1, rows of words before rows of tags: 1e-12 of each number."""
    given, tree = arguments(loss)
    tags, word_rows, outputs = matrices(loss, 19)
    objective = OBJECTIVES["skipgram" if method == "dbow" else "cbow", loss]
    options = {} if method == "dbow" else {"cbow_input": dm_input, "cbow_update": "gradient"}
    unit = NativeUnit(objective, np.concatenate([word_rows, tags]), outputs, options, tree)
    bag = [*words, *(V + tag for tag in TAGS)]
    negatives = NEGATIVES if loss == "negative-sampling" else []
    found, inputs, after = unit.update_natively(
        UnitIds.window(bag, WORD, negatives), instruction_set, double_precision=True
    )
    expected, of_tags, of_words, of_outputs = document_token(
        WORD, TAGS, words, tags, word_rows, outputs, method=method, dm_input=dm_input, **given
    )
    assert abs(found - expected) <= 1e-12 * max(1, expected)
    moved = unit.input_vectors - inputs[:, :19]
    assert np.abs(moved - np.concatenate([of_words.to_dense(V), of_tags.to_dense(T)])).max() <= 1e-12
    assert np.abs(outputs - after[:, :19] - of_outputs.to_dense(len(outputs))).max() <= 1e-12
    assert np.abs(moved).max() > 0.01


def call(**changes: Any) -> Callable[[], Any]:
    tags, words, outputs = matrices("softmax")
    given: dict[str, Any] = {
        "word_id": 0, "tag_ids": [0], "context_ids": [], "tag_vectors": tags, "word_vectors": words,
        "output_vectors": outputs, "method": "dm", "loss": "softmax", **changes,
    }  # fmt: skip
    return lambda: document_token(**given)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"method": "pv"}, ParameterError, "^method must be one of 'dbow', 'dm', got 'pv'"),
        ({"dm_input": "concat"}, ParameterError, "^dm_input must be one of 'mean', 'sum', got 'concat'"),
        ({"tag_ids": []}, ShapeError, "^tag_ids must have at least one tag, got none"),
        ({"tag_ids": [T]}, IdError, "^tag_ids must"),
        ({"context_ids": [V]}, IdError, "^context_ids must"),
        ({"word_vectors": np.zeros((V, D + 1))}, ShapeError, "^word_vectors must have rows of 5 dimensions, got"),
    ],
)
def test_bad_input_is_refused(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(**changes)()
