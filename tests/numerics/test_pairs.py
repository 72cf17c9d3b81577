"""Weighted pairs: by hand, by finite differences, and by the kernel at 1e-12."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from firth.errors import IdError, ParameterError, ShapeError
from firth.kernels.proof import NativeUnit, UnitIds
from firth.kernels.registry import OBJECTIVES
from firth.native.loader import available_instruction_sets
from firth.numerics import HuffmanTree, build_huffman_tree, weighted_pair
from firth.numerics.windows import LOSSES

V, C, D = 4, 7, 5  # words, contexts: no two sizes are equal
WORD, CONTEXT, NEGATIVES = 3, 5, [1, 5, 1, 4]
BY_LOSS = pytest.mark.parametrize("loss", LOSSES)


def arguments(loss: str) -> tuple[dict[str, Any], HuffmanTree | None]:
    tree = build_huffman_tree(np.arange(1, C + 1)) if loss == "hierarchical-softmax" else None
    negatives = {"negative_ids": NEGATIVES} if loss == "negative-sampling" else {}
    return {"loss": loss, "tree": tree, **negatives}, tree


def matrices(loss: str, dims: int = D) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(3)
    return [rng.normal(0, 0.6, (n_rows, dims)) for n_rows in (V, C - (loss == "hierarchical-softmax"))]


def test_hand_worked() -> None:
    """The word (1, 2) and the context (1, 3) have the logit 7; the negative (-1, 1) has the logit 1."""
    words, contexts = np.array([[0.0, 0], [1, 2]]), np.array([[1.0, 3], [-1, 1], [9, 9]])
    loss, of_words, of_contexts = weighted_pair(1, 0, 2.5, words, contexts, loss="negative-sampling", negative_ids=[1])
    assert loss == pytest.approx(2.5 * (np.log1p(np.exp(-7)) + np.log1p(np.exp(1))), rel=1e-12)
    errors = -1 / (1 + np.exp(7)), 1 / (1 + np.exp(-1))
    expected = 2.5 * (errors[0] * contexts[0] + errors[1] * contexts[1])
    np.testing.assert_allclose(of_words.to_dense(2), [[0, 0], expected], rtol=1e-12)
    np.testing.assert_allclose(
        of_contexts.to_dense(3), [2.5 * errors[0] * words[1], 2.5 * errors[1] * words[1], [0, 0]], rtol=1e-12
    )


@BY_LOSS
@pytest.mark.parametrize("weight", [0.3, 4.0])
def test_every_coordinate_by_finite_differences(loss: str, weight: float) -> None:
    given, _ = arguments(loss)
    start = matrices(loss)
    _, *gradients = weighted_pair(WORD, CONTEXT, weight, *start, **given)
    step = 1e-5
    for which, (matrix, gradient) in enumerate(zip(start, gradients, strict=True)):
        dense = gradient.to_dense(len(matrix))
        assert np.abs(dense).max() > 0.01
        for row, dim in np.ndindex(matrix.shape):
            losses = []
            for sign in (1, -1):
                moved = [other.copy() for other in start]
                moved[which][row, dim] += sign * step
                losses.append(weighted_pair(WORD, CONTEXT, weight, *moved, **given)[0])
            assert (losses[0] - losses[1]) / (2 * step) == pytest.approx(dense[row, dim], abs=1e-8), (which, row, dim)


@BY_LOSS
def test_a_weight_is_the_sum_of_that_many_pairs_at_one_state(loss: str) -> None:
    given, _ = arguments(loss)
    ones = [weighted_pair(WORD, CONTEXT, 1, *matrices(loss), **given) for _ in range(3)]
    whole = weighted_pair(WORD, CONTEXT, 3, *matrices(loss), **given)
    assert whole[0] == pytest.approx(sum(one[0] for one in ones), rel=1e-14)
    np.testing.assert_allclose(whole[2].rows, sum(one[2].rows for one in ones), rtol=1e-14)
    nothing = weighted_pair(WORD, CONTEXT, 0, *matrices(loss), **given)
    assert (nothing[0], nothing[1].rows.any(), nothing[2].rows.any()) == (0, False, False)


@BY_LOSS
@pytest.mark.parametrize("weight", [0.25, 1.0, 3.0])
@pytest.mark.parametrize("instruction_set", available_instruction_sets())
def test_the_native_update_is_the_gradient(loss: str, weight: float, instruction_set: str) -> None:
    """In float64: the step of weight w at learning rate 1 is the step at learning rate w; 1e-12 of each number."""
    given, tree = arguments(loss)
    words, outputs = matrices(loss, 19)
    unit = NativeUnit(OBJECTIVES["skipgram", loss], words, outputs, {}, tree)
    negatives = NEGATIVES if loss == "negative-sampling" else []
    found, inputs, after = unit.update_natively(
        UnitIds.window([WORD], CONTEXT, negatives), instruction_set, double_precision=True, learning_rate=weight
    )
    expected, of_words, of_outputs = weighted_pair(WORD, CONTEXT, weight, words, outputs, **given)
    assert abs(weight * found - expected) <= 1e-12 * max(1, expected)
    assert np.abs(words - inputs[:, :19] - of_words.to_dense(V)).max() <= 1e-12
    assert np.abs(outputs - after[:, :19] - of_outputs.to_dense(len(outputs))).max() <= 1e-12
    assert np.abs(of_words.rows).max() > 0.01


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"weight": -1}, ParameterError, "^weight must be finite and at least 0, got -1"),
        ({"weight": float("nan")}, ParameterError, "^weight must be finite and at least 0, got nan"),
        ({"word_id": V}, IdError, "^word_id must be in"),
        ({"context_id": C}, IdError, "^context_id must be in"),
        ({"output_vectors": np.zeros((C, D + 1))}, ShapeError, "^output_vectors must have rows of 5 dimensions"),
    ],
)
def test_bad_input_is_refused(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    words, outputs = matrices("softmax")
    given: dict[str, Any] = {
        "word_id": 0, "context_id": 0, "weight": 1.0, "input_vectors": words, "output_vectors": outputs,
        "loss": "softmax", **changes,
    }  # fmt: skip
    with pytest.raises(error, match=message):
        weighted_pair(**given)
