"""Windows: against their predictions one by one, every coordinate, both directions, repeats, faults found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import IdError, ParameterError, ShapeError
from firth.numerics import (
    build_huffman_tree,
    cbow_window,
    check_gradient,
    hierarchical_softmax_loss,
    negative_sampling_loss,
    shared_negatives_loss,
    skipgram_window,
    softmax_loss,
)
from firth.numerics.windows import predict

V, D = 6, 3
TREE = build_huffman_tree([9, 7, 4, 2, 2, 1])
CONTEXTS = [1, 3, 1, 2]  # one twice, one the center itself
CENTER = 2
LOSSES = {
    "softmax": {"loss": "softmax"},
    "shared-negatives": {"loss": "negative-sampling", "negative_ids": [4, 4, 0]},
    "own-negatives": {"loss": "negative-sampling", "negative_ids": [[4, 4, 0], [1, 2, 3], [5, 5, 5], [0, 1, 2]]},
    "ragged-negatives": {"loss": "negative-sampling", "negative_ids": [[4], [], [5, 5, 5], [0, 1]]},
    "hierarchical-softmax": {"loss": "hierarchical-softmax", "tree": TREE},
}
DIRECTIONS = ["context-to-center", "center-to-context"]


def draw_point(name, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    n_outputs = V - 1 if name == "hierarchical-softmax" else V
    return {"input": scale * rng.normal(size=(V, D)), "output": scale * rng.normal(size=(n_outputs, D))}


def sum_predictions(name, point, direction):
    """The window as a loop over its predictions."""
    inputs, outputs = point["input"], point["output"]
    total, by_input, by_output = 0.0, np.zeros_like(inputs), np.zeros_like(outputs)
    for pair, context in enumerate(CONTEXTS):
        row, target = (context, CENTER) if direction == "context-to-center" else (CENTER, context)
        if name == "softmax":
            result = softmax_loss(inputs[row], outputs, target)
        elif name == "hierarchical-softmax":
            result = hierarchical_softmax_loss(inputs[row], outputs, *TREE.path(target))
        else:
            negatives = LOSSES[name]["negative_ids"]
            result = negative_sampling_loss(
                inputs[row], outputs, target, negatives if name == "shared-negatives" else negatives[pair]
            )
        total += result[0]
        by_input[row] += result[1]
        by_output += result[2].to_dense(len(outputs))
    return total, by_input, by_output


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_skipgram_is_the_sum_of_its_predictions(name, direction) -> None:
    point = draw_point(name)
    expected = sum_predictions(name, point, direction)
    for reduction, divisor in (("sum", 1), ("mean", 4)):
        loss, by_input, by_output = skipgram_window(
            CENTER, CONTEXTS, *point.values(), direction=direction, reduction=reduction, **LOSSES[name]
        )
        assert loss == pytest.approx(expected[0] / divisor, rel=1e-13)
        np.testing.assert_allclose(by_input.to_dense(V), expected[1] / divisor, atol=1e-13)
        np.testing.assert_allclose(by_output.to_dense(len(point["output"])), expected[2] / divisor, atol=1e-13)


def skipgram_function(name, direction, reduction="sum"):
    def function(p):
        loss, by_input, by_output = skipgram_window(
            CENTER, CONTEXTS, p["input"], p["output"], direction=direction, reduction=reduction, **LOSSES[name]
        )
        return loss, {"input": by_input, "output": by_output}

    return function


@pytest.mark.parametrize("scale", [1.0, 15.0], ids=["normal", "saturated"])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_skipgram_every_coordinate(name, direction, scale) -> None:
    check_gradient(skipgram_function(name, direction), draw_point(name, scale), raise_on_error=True)


def cbow_function(name, cbow_input):
    options = {**LOSSES[name]}
    if name == "own-negatives":
        options["negative_ids"] = options["negative_ids"][0]

    def function(p):
        loss, by_input, by_output = cbow_window(
            CENTER, CONTEXTS, p["input"], p["output"], cbow_input=cbow_input, **options
        )
        return loss, {"input": by_input, "output": by_output}

    return function


@pytest.mark.parametrize("scale", [1.0, 15.0], ids=["normal", "saturated"])
@pytest.mark.parametrize("cbow_input", ["mean", "sum"])
@pytest.mark.parametrize("name", ["softmax", "shared-negatives", "hierarchical-softmax"])
def test_cbow_every_coordinate(name, cbow_input, scale) -> None:
    check_gradient(cbow_function(name, cbow_input), draw_point(name, scale), raise_on_error=True)


@pytest.mark.parametrize("fault", ["permille", "sign", "undivided"])
def test_checker_fails_on_wrong_cbow(fault) -> None:
    right = cbow_function("softmax", "mean")

    def spoiled(p):
        loss, gradient = right(p)
        dense = gradient["input"].to_dense(V)
        if fault == "permille":
            dense[3, 1] *= 1.001
        else:
            dense *= -1 if fault == "sign" else len(CONTEXTS)
        return loss, gradient | {"input": dense}

    report = check_gradient(spoiled, draw_point("softmax"), sizes={"M": len(CONTEXTS)})
    assert report.codes[0] == "block-wrong"
    assert report.codes[1] == {"permille": "coordinates-wrong", "sign": "sign", "undivided": "scaled"}[fault]
    if fault == "undivided":  # word2vec.c's update is no gradient
        assert report.diagnoses[1].evidence["factor_name"] == "M (M = 4)"


def test_checker_fails_on_overwritten_repeats() -> None:
    def spoiled(p):
        loss, gradient = skipgram_function("shared-negatives", "context-to-center")(p)
        dense = gradient["input"].to_dense(V)
        dense[1] /= 2
        return loss, gradient | {"input": dense}

    report = check_gradient(spoiled, draw_point("shared-negatives"))
    assert report.codes == ("block-wrong", "rows-wrong")
    assert report.diagnoses[1].evidence["rows"] == [1]


def test_cbow_by_hand() -> None:
    point = draw_point("softmax")
    inputs, outputs = point.values()
    mean = (inputs[1] + inputs[3] + inputs[1] + inputs[2]) / 4
    loss, hidden_gradient, by_output = softmax_loss(mean, outputs, CENTER)
    result = cbow_window(CENTER, CONTEXTS, inputs, outputs, loss="softmax", cbow_input="mean")
    assert result[0] == pytest.approx(loss, rel=1e-14)
    expected = np.zeros((V, D))
    expected[1], expected[2], expected[3] = hidden_gradient / 2, hidden_gradient / 4, hidden_gradient / 4
    np.testing.assert_allclose(result[1].to_dense(V), expected, rtol=1e-13)
    np.testing.assert_allclose(result[2].to_dense(V), by_output.to_dense(V), rtol=1e-13)
    assert result[1].row_ids.tolist() == [1, 2, 3]


def test_one_context_makes_all_windows_one_prediction() -> None:
    inputs, outputs = draw_point("softmax").values()
    options = {"loss": "negative-sampling", "negative_ids": [0, 5, 5]}
    expected = negative_sampling_loss(inputs[4], outputs, 2, [0, 5, 5])
    windows = [
        skipgram_window(2, [4], inputs, outputs, direction="context-to-center", reduction="sum", **options),
        skipgram_window(4, [2], inputs, outputs, direction="center-to-context", reduction="mean", **options),
        cbow_window(2, [4], inputs, outputs, cbow_input="mean", **options),
        cbow_window(2, [4], inputs, outputs, cbow_input="sum", **options),
    ]
    for loss, by_input, by_output in windows:
        assert loss == pytest.approx(expected[0], rel=1e-14)
        np.testing.assert_allclose(by_input.to_dense(V)[4], expected[1], rtol=1e-13)
        np.testing.assert_allclose(by_output.to_dense(V), expected[2].to_dense(V), rtol=1e-13)


@given(st.integers(1, 5), st.integers(0, 5), st.integers(0, 10_000))
def test_shared_negatives_are_the_sum_over_pairs(n_inputs, n_negatives, seed) -> None:
    rng = np.random.default_rng(seed)
    rows, outputs = rng.normal(size=(n_inputs, D)), rng.normal(size=(V, D))
    targets, negatives = rng.integers(V, size=n_inputs), rng.integers(V, size=n_negatives)
    loss, input_gradients, output_gradient = shared_negatives_loss(rows, outputs, targets, negatives)
    singles = [negative_sampling_loss(row, outputs, t, negatives) for row, t in zip(rows, targets, strict=True)]
    assert loss == pytest.approx(sum(single[0] for single in singles), rel=1e-12)
    np.testing.assert_allclose(input_gradients, [single[1] for single in singles], atol=1e-12)
    total = sum(single[2].to_dense(V) for single in singles)
    np.testing.assert_allclose(output_gradient.to_dense(V), total, atol=1e-12)


def test_empty_windows() -> None:
    inputs, outputs = draw_point("softmax").values()
    loss, by_input, by_output = skipgram_window(
        0, [], inputs, outputs, loss="softmax", direction="center-to-context", reduction="sum"
    )
    assert loss == 0
    assert not by_input.to_dense(V).any()
    assert not by_output.to_dense(V).any()
    with pytest.raises(ShapeError, match="at least one word"):
        skipgram_window(0, [], inputs, outputs, loss="softmax", direction="center-to-context", reduction="mean")
    with pytest.raises(ShapeError, match="at least one word"):
        cbow_window(0, [], inputs, outputs, loss="softmax", cbow_input="sum")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"loss": "hinge"}, ParameterError, "loss must be one of"),
        ({"direction": "sideways"}, ParameterError, "direction must be one of"),
        ({"reduction": None}, ParameterError, "reduction must be one of"),
        ({"negative_ids": None}, ParameterError, "negative_ids must be given"),
        ({"loss": "softmax"}, ParameterError, "negative_ids must be given"),
        ({"tree": TREE}, ParameterError, "tree must be given"),
        ({"loss": "hierarchical-softmax", "negative_ids": None}, ParameterError, "tree must be given"),
        ({"negative_ids": [[1], [2]]}, ShapeError, "one list for all predictions or 4 lists"),
        ({"negative_ids": [6]}, IdError, r"negative_ids must be in \[0, 6\), got 6"),
        ({"center_id": 6}, IdError, "center_id must be in"),
        ({"context_ids": [0, 6]}, IdError, "context_ids must be in"),
        ({"output_vectors": np.ones((V - 1, D))}, ShapeError, "output_vectors must have 6 rows"),
        ({"output_vectors": np.ones((V, D + 1))}, ShapeError, "rows of 3 dimensions"),
    ],
)
def test_arguments_are_validated(changes, error, message) -> None:
    inputs, outputs = draw_point("softmax").values()
    arguments = {
        "center_id": CENTER,
        "context_ids": CONTEXTS,
        "input_vectors": inputs,
        "output_vectors": outputs,
        "loss": "negative-sampling",
        "direction": "context-to-center",
        "reduction": "sum",
        "negative_ids": [1, 2],
    }
    with pytest.raises(error, match=message):
        skipgram_window(**(arguments | changes))


def test_a_tree_of_other_words_is_refused() -> None:
    inputs, outputs = draw_point("hierarchical-softmax").values()
    with pytest.raises(ShapeError, match="tree must have 6 words"):
        cbow_window(
            0, [1], inputs, outputs, loss="hierarchical-softmax", cbow_input="sum", tree=build_huffman_tree([2, 1])
        )
    with pytest.raises(ParameterError, match="cbow_input must be one of"):
        cbow_window(0, [1], inputs, outputs, loss="hierarchical-softmax", cbow_input="max", tree=TREE)


def test_a_loss_of_ones_own_is_a_function() -> None:
    """A function that calls firth's own losses gives what their names give; ``predict`` is one prediction of either."""
    rng = np.random.default_rng(3)
    inputs, outputs = rng.normal(size=(7, 4)), rng.normal(size=(7, 4))
    negatives = [1, 1, 6]

    def own_softmax(input_vector, output_vectors, target_id):
        return softmax_loss(input_vector, output_vectors, target_id)

    def own_negatives(input_vector, output_vectors, target_id, negative_ids):
        return negative_sampling_loss(input_vector, output_vectors, target_id, negative_ids)

    for name, own, drawn in (
        ("softmax", own_softmax, {}),
        ("negative-sampling", own_negatives, {"negative_ids": negatives}),
    ):
        for window, options in (
            (skipgram_window, {"direction": "context-to-center", "reduction": "sum"}),
            (cbow_window, {"cbow_input": "mean"}),
        ):
            expected = window(2, [3, 0, 3], inputs, outputs, loss=name, **options, **drawn)
            got = window(2, [3, 0, 3], inputs, outputs, loss=own, **options, **drawn)
            assert got[0] == pytest.approx(expected[0], rel=1e-14)
            for one, other in zip(got[1:], expected[1:], strict=True):
                np.testing.assert_allclose(one.to_dense(7), other.to_dense(7), rtol=1e-13, atol=1e-15)
        single = predict(inputs[3], outputs, 2, loss=own, n_words=7, **drawn)
        alone = cbow_window(2, [3], inputs, outputs, loss=name, cbow_input="sum", **drawn)
        assert single[0] == pytest.approx(alone[0], rel=1e-14)
