"""The two-layer network: hand-worked values, finite differences, second opinions, identities, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse

from firth.errors import IdError, ParameterError, ShapeError
from firth.numerics.activations import sigmoid, softmax
from firth.numerics.gradient_check import check_gradient
from firth.numerics.layers import affine_backward, affine_forward, sigmoid_backward, sigmoid_forward
from firth.numerics.losses import cross_entropy
from firth.numerics.network import (
    NetworkObjective,
    NetworkSizes,
    NetworkWorkspace,
    network_log_probabilities,
    network_loss_and_gradient,
    network_probabilities,
    pack_network,
    unpack_network,
)
from firth.numerics.network import objective as objective_module

SIZES = [NetworkSizes(5, 4, 3), NetworkSizes(5, 0, 3), NetworkSizes(1, 1, 2), NetworkSizes(3, 7, 1)]


def make_problem(sizes, n_examples=6, *, seed=0, dtype=np.float64, scale=1.0):
    generator = np.random.default_rng(seed)
    parameters = (generator.normal(size=sizes.n_parameters) * scale).astype(dtype)
    inputs = generator.normal(size=(n_examples, sizes.n_inputs)).astype(dtype)
    labels = generator.integers(0, sizes.n_classes, n_examples)
    return parameters, inputs, labels


# -- 1. hand-worked values ------------------------------------------------------------------------------------------


def test_one_example_by_hand():
    # x = 0, so h = s(0) = 1/2; logits = (1/2, -1/2); loss of class 0 = log(1 + e^-1); p_0 = s(1).
    parameters = pack_network([[1.0]], [0.0], [[1.0, -1.0]], [0.0, 0.0])
    loss, gradient = network_loss_and_gradient(parameters, [[0.0]], [0], (1, 1, 2), reduction="sum")
    q = 1 / (1 + math.e)  # 1 - p_0 = s(-1)
    assert loss == pytest.approx(0.3132616875182228, abs=1e-15)
    by_hand = [0.0, -2 * q / 4, -q / 2, q / 2, -q, q]  # W1, b1, W2 (2), b2 (2)
    np.testing.assert_allclose(gradient, by_hand, atol=1e-15)


def test_zero_parameters_cost_the_logarithm_of_the_number_of_classes():
    sizes = NetworkSizes(4, 3, 5)
    loss, gradient = network_loss_and_gradient(
        np.zeros(sizes.n_parameters), np.ones((7, 4)), np.arange(7) % 5, sizes, reduction="mean"
    )
    assert loss == pytest.approx(math.log(5), abs=1e-15)
    # Classes 0 and 1 come twice in seven: p - share.
    np.testing.assert_allclose(
        unpack_network(gradient, sizes).output_bias, 1 / 5 - np.array([2, 2, 1, 1, 1]) / 7, atol=1e-15
    )


def test_penalty_by_hand_spares_the_biases():
    parameters = pack_network([[3.0]], [100.0], [[1.0, -2.0]], [50.0, 50.0])
    arguments = (parameters, [[0.5]], [1], (1, 1, 2))
    plain, plain_gradient = network_loss_and_gradient(*arguments, reduction="sum")
    loss, gradient = network_loss_and_gradient(*arguments, reduction="sum", l2=0.1)
    assert loss - plain == pytest.approx(0.05 * (9 + 1 + 4), abs=1e-12)
    np.testing.assert_allclose(gradient - plain_gradient, [0.3, 0, 0.1, -0.2, 0, 0], atol=1e-15)


# -- 2. to 4. finite differences ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize("labelling", ["hard", "soft", "weighted", "weighted soft"])
def test_gradient_by_finite_differences(sizes, reduction, l2, labelling):
    parameters, inputs, labels = make_problem(sizes)
    generator = np.random.default_rng(1)
    weights = generator.uniform(0, 2, len(labels)) if "weighted" in labelling else None
    if "soft" in labelling:
        labels = generator.uniform(0, 1, (len(labels), sizes.n_classes))  # rows need not sum to one

    def loss_and_gradient(point):
        return network_loss_and_gradient(
            point, inputs, labels, sizes, reduction=reduction, l2=l2, sample_weights=weights
        )

    report = check_gradient(loss_and_gradient, parameters, method="every-coordinate")
    assert report, report


@pytest.mark.parametrize("sizes", SIZES[:2], ids=str)
def test_gradient_where_units_and_outputs_are_saturated(sizes):
    parameters, inputs, labels = make_problem(sizes, scale=30.0)
    loss, gradient = network_loss_and_gradient(parameters, inputs, labels, sizes, reduction="sum")
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()
    report = check_gradient(
        lambda point: network_loss_and_gradient(point, inputs, labels, sizes, reduction="sum"),
        parameters,
        method="every-coordinate",
    )
    assert report, report


def test_inputs_beyond_the_range_of_the_exponential():
    sizes = NetworkSizes(1, 2, 2)
    parameters = pack_network([[1e4, -1e4]], [0, 0], [[1e4, -1e4], [-1e4, 1e4]], [0, 0])
    loss, gradient = network_loss_and_gradient(parameters, [[1.0], [-1.0]], [1, 1], sizes, reduction="sum")
    assert loss == pytest.approx(2e4)
    assert np.isfinite(gradient).all()
    logs = network_log_probabilities(parameters, [[1.0]], sizes)
    np.testing.assert_allclose(logs, [[0.0, -2e4]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradient_along_random_directions_at_a_realistic_size(dtype):
    sizes = NetworkSizes(300, 100, 5)
    parameters, inputs, labels = make_problem(sizes, 64, scale=0.1)
    _, gradient = network_loss_and_gradient(parameters.astype(dtype), inputs, labels, sizes, reduction="mean", l2=0.01)
    generator = np.random.default_rng(2)
    for _ in range(5):
        direction = generator.normal(size=sizes.n_parameters)
        direction /= np.linalg.norm(direction)
        above, _ = network_loss_and_gradient(
            parameters + 1e-4 * direction, inputs, labels, sizes, reduction="mean", l2=0.01
        )
        below, _ = network_loss_and_gradient(
            parameters - 1e-4 * direction, inputs, labels, sizes, reduction="mean", l2=0.01
        )
        tolerance = 1e-8 if dtype == np.float64 else 1e-5
        assert float(direction @ gradient) == pytest.approx((above - below) / 2e-4, rel=1e-5, abs=tolerance)


@pytest.mark.parametrize("fault", ["scale", "sign", "bias", "unit"])
def test_finite_differences_see_a_wrong_gradient(fault):
    sizes = SIZES[0]
    parameters, inputs, labels = make_problem(sizes)

    def faulty(point):
        loss, gradient = network_loss_and_gradient(point, inputs, labels, sizes, reduction="sum")
        layers = unpack_network(gradient, sizes)
        if fault == "scale":
            layers.hidden_weights[:] *= 1.001
        elif fault == "sign":
            layers.output_bias[:] *= -1
        elif fault == "bias":
            layers.hidden_bias[:] = 0
        else:
            layers.hidden_weights[:, [0, 1]] = layers.hidden_weights[:, [1, 0]]
        return loss, gradient

    assert not check_gradient(faulty, parameters)


# -- 5. second opinions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_equals_the_layers_and_the_loss_of_numerics(dtype):
    """The fused, in-place work is the composition of the plain functions."""
    sizes = NetworkSizes(20, 15, 6)
    parameters, inputs, labels = make_problem(sizes, 40, dtype=dtype, scale=2.0)
    hidden_weights, hidden_bias, output_weights, output_bias = unpack_network(parameters, sizes)
    scores, first_cache = affine_forward(inputs, hidden_weights, hidden_bias)
    hidden, hidden_cache = sigmoid_forward(scores)
    logits, second_cache = affine_forward(hidden, output_weights, output_bias)
    expected_loss, logit_gradient = cross_entropy(logits, labels, reduction="mean")
    hidden_gradient, *output_gradients = affine_backward(logit_gradient, second_cache)
    _, *hidden_gradients = affine_backward(sigmoid_backward(hidden_gradient, hidden_cache), first_cache)

    loss, gradient = network_loss_and_gradient(parameters, inputs, labels, sizes, reduction="mean")
    tolerance = 100 * float(np.finfo(dtype).eps)
    assert loss == pytest.approx(expected_loss, rel=tolerance)
    np.testing.assert_allclose(gradient, pack_network(*hidden_gradients, *output_gradients), rtol=0, atol=tolerance)
    np.testing.assert_allclose(
        network_probabilities(parameters, inputs, sizes), softmax(logits, axis=1), rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_hidden_units_are_the_sigmoid_to_the_last_bits(dtype):
    """One hidden unit, read off through the output's gradient: dloss/dW2 = h (p - y) with p - y known."""
    info = np.finfo(dtype)
    largest = -math.log(info.tiny) - 1
    points = np.concatenate([np.linspace(-largest, 30, 400), [0.0, 1e-30, -1e-30]]).astype(dtype)
    for point in points:
        parameters = pack_network([[1.0]], [0.0], [[0.0, 0.0]], [0.0, 0.0]).astype(dtype)
        _, gradient = network_loss_and_gradient(parameters, [[point]], [0], (1, 1, 2), reduction="sum")
        hidden = -2 * unpack_network(gradient, (1, 1, 2)).output_weights[0, 0]
        assert hidden == pytest.approx(float(sigmoid(point)), rel=4 * float(info.eps))


def test_equals_a_double_loop_over_the_formula():
    sizes = NetworkSizes(3, 2, 3)
    parameters, inputs, labels = make_problem(sizes, 4)
    hidden_weights, hidden_bias, output_weights, output_bias = (
        array.tolist() for array in unpack_network(parameters, sizes)
    )
    total = 0.0
    for example, label in zip(inputs.tolist(), labels.tolist(), strict=True):
        hidden = [
            1 / (1 + math.exp(-sum(example[d] * hidden_weights[d][h] for d in range(3)) - hidden_bias[h]))
            for h in range(2)
        ]
        logits = [sum(hidden[h] * output_weights[h][c] for h in range(2)) + output_bias[c] for c in range(3)]
        total += math.log(sum(math.exp(logit) for logit in logits)) - logits[label]
    loss, _ = network_loss_and_gradient(parameters, inputs, labels, sizes, reduction="sum")
    assert loss == pytest.approx(total, rel=1e-14)


# -- 6. identities --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_packing_and_unpacking(sizes):
    parameters, _, _ = make_problem(sizes)
    layers = unpack_network(parameters, sizes)
    assert [array.shape for array in layers] == [
        (sizes.n_inputs, sizes.n_hidden),
        (sizes.n_hidden,),
        (sizes.n_hidden or sizes.n_inputs, sizes.n_classes),
        (sizes.n_classes,),
    ]
    np.testing.assert_array_equal(pack_network(*layers), parameters)
    layers.output_bias[:] = 7
    assert (parameters[-sizes.n_classes :] == 7).all(), "views, not copies"


def test_rows_of_biases_are_taken_as_vectors():
    np.testing.assert_array_equal(
        pack_network([[1.0]], [[2.0]], [[3.0, 4.0]], [[5.0, 6.0]]), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    )


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_one_hot_labels_are_hard_labels(sizes):
    parameters, inputs, labels = make_problem(sizes)
    hard = network_loss_and_gradient(parameters, inputs, labels, sizes, reduction="mean", l2=0.1)
    soft = network_loss_and_gradient(
        parameters, inputs, np.eye(sizes.n_classes)[labels], sizes, reduction="mean", l2=0.1
    )
    assert hard[0] == pytest.approx(soft[0], rel=1e-14)
    np.testing.assert_allclose(hard[1], soft[1], atol=1e-14)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_whole_weights_are_repetitions(sizes, reduction):
    parameters, inputs, labels = make_problem(sizes)
    times = np.array([2, 0, 1, 3, 1, 1])
    weighted = network_loss_and_gradient(
        parameters, inputs, labels, sizes, reduction=reduction, l2=0.1, sample_weights=times
    )
    repeated = network_loss_and_gradient(
        parameters, np.repeat(inputs, times, axis=0), np.repeat(labels, times), sizes, reduction=reduction, l2=0.1
    )
    assert weighted[0] == pytest.approx(repeated[0], rel=1e-13)
    np.testing.assert_allclose(weighted[1], repeated[1], atol=1e-13)


def test_the_mean_is_the_sum_over_the_number_of_examples():
    parameters, inputs, labels = make_problem(SIZES[0])
    total = network_loss_and_gradient(parameters, inputs, labels, SIZES[0], reduction="sum")
    mean = network_loss_and_gradient(parameters, inputs, labels, SIZES[0], reduction="mean")
    assert mean[0] == pytest.approx(total[0] / 6, rel=1e-14)
    np.testing.assert_allclose(mean[1], total[1] / 6, atol=1e-15)


def test_two_classes_without_hidden_units_are_logistic_regression():
    sizes = NetworkSizes(4, 0, 2)
    parameters, inputs, _ = make_problem(sizes)
    weights, bias = unpack_network(parameters, sizes)[2:]
    expected = sigmoid(inputs @ (weights[:, 1] - weights[:, 0]) + bias[1] - bias[0])
    np.testing.assert_allclose(network_probabilities(parameters, inputs, sizes)[:, 1], expected, rtol=1e-13)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("kind", ["csr_array", "csr_matrix", "csc_array", "coo_array"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sparse_inputs_are_dense_inputs(sizes, kind, dtype):
    parameters, inputs, labels = make_problem(sizes, dtype=dtype)
    inputs[np.abs(inputs) < 0.5] = 0
    sparse = getattr(scipy.sparse, kind)(inputs)
    dense_loss, dense_gradient = network_loss_and_gradient(parameters, inputs, labels, sizes, reduction="mean")
    loss, gradient = network_loss_and_gradient(parameters, sparse, labels, sizes, reduction="mean")
    tolerance = 50 * float(np.finfo(dtype).eps)
    assert gradient.dtype == dtype
    assert loss == pytest.approx(dense_loss, rel=tolerance)
    np.testing.assert_allclose(gradient, dense_gradient, atol=tolerance)
    np.testing.assert_allclose(
        network_probabilities(parameters, sparse, sizes),
        network_probabilities(parameters, inputs, sizes),
        atol=tolerance,
    )


@pytest.mark.parametrize("sizes", SIZES[:2], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_blocks_of_rows_do_not_change_the_result(sizes, weighted, monkeypatch):
    parameters, inputs, labels = make_problem(sizes, 23)
    weights = np.linspace(0, 1, 23) if weighted else None

    def compute():
        return network_loss_and_gradient(
            parameters, inputs, labels, sizes, reduction="mean", l2=0.1, sample_weights=weights
        )

    whole, whole_probabilities = compute(), network_probabilities(parameters, inputs, sizes)
    monkeypatch.setattr(objective_module, "BLOCK_ROWS", 5)
    blocks = compute()
    assert blocks[0] == pytest.approx(whole[0], rel=1e-14)
    np.testing.assert_allclose(blocks[1], whole[1], atol=1e-14)
    np.testing.assert_allclose(network_probabilities(parameters, inputs, sizes), whole_probabilities, rtol=1e-14)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_workspace_and_a_place_for_the_gradient_change_nothing(sizes, dtype):
    parameters, inputs, labels = make_problem(sizes, dtype=dtype)
    workspace, out = NetworkWorkspace(sizes, 10, dtype), np.full(sizes.n_parameters, np.nan, dtype)
    for rows in (slice(0, 6), slice(0, 2), slice(1, 5)):
        plain = network_loss_and_gradient(parameters, inputs[rows], labels[rows], sizes, reduction="mean", l2=0.1)
        loss, gradient = network_loss_and_gradient(
            parameters, inputs[rows], labels[rows], sizes, reduction="mean", l2=0.1, out=out, workspace=workspace
        )
        assert gradient is out
        assert loss == plain[0]
        np.testing.assert_array_equal(gradient, plain[1])
        np.testing.assert_array_equal(
            network_probabilities(parameters, inputs[rows], sizes, workspace=workspace),
            network_probabilities(parameters, inputs[rows], sizes),
        )


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_an_objective_follows_parameters_that_change_in_place(sizes, weighted):
    parameters, inputs, labels = make_problem(sizes)
    weights = np.linspace(0, 1, len(labels)) if weighted else None
    objective = NetworkObjective(parameters, sizes, n_examples=6, l2=0.1)
    for rows in (slice(0, 6), slice(0, 2), slice(1, 5)):
        batch_weights = None if weights is None else weights[rows]
        divisor = len(labels[rows]) if weights is None else batch_weights.sum()
        loss, gradient = network_loss_and_gradient(
            parameters, inputs[rows], labels[rows], sizes, reduction="mean", l2=0.1, sample_weights=batch_weights
        )
        assert objective.evaluate(inputs[rows], labels[rows], batch_weights, divisor) == pytest.approx(loss, rel=1e-15)
        np.testing.assert_allclose(objective.gradient, gradient, rtol=1e-14, atol=1e-16)
        parameters -= 0.1 * objective.gradient


@pytest.mark.parametrize("n_examples", [6, 7])
def test_products_in_halves_do_not_change_the_result(n_examples, monkeypatch):
    sizes = NetworkSizes(5, 4, 3)
    parameters, inputs, labels = make_problem(sizes, n_examples)
    loss, gradient = network_loss_and_gradient(parameters, inputs, labels, sizes, reduction="mean")
    monkeypatch.setattr(objective_module, "SMALL_PRODUCT", n_examples * 5 * 4 - 1)
    halved_loss, halved_gradient = network_loss_and_gradient(parameters, inputs, labels, sizes, reduction="mean")
    assert halved_loss == pytest.approx(loss, rel=1e-14)
    np.testing.assert_allclose(halved_gradient, gradient, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_float_type_of_the_parameters_is_kept_and_nothing_given_is_changed(dtype):
    parameters, inputs, labels = make_problem(SIZES[0], dtype=dtype)
    weights = np.ones(len(labels))
    before = [array.copy() for array in (parameters, inputs, labels, weights)]
    loss, gradient = network_loss_and_gradient(
        parameters, inputs.astype(np.float64), labels, SIZES[0], reduction="mean", sample_weights=weights
    )
    assert type(loss) is float
    assert gradient.dtype == dtype
    assert network_probabilities(parameters, inputs, SIZES[0]).dtype == dtype
    for array, copy in zip((parameters, inputs, labels, weights), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_a_float32_loss_is_summed_in_float64():
    sizes = NetworkSizes(1, 0, 2)
    loss, _ = network_loss_and_gradient(
        np.zeros(4, np.float32), np.zeros((100_000, 1), np.float32), np.zeros(100_000, int), sizes, reduction="sum"
    )
    assert loss == pytest.approx(100_000 * float(np.log(np.float32(2))), rel=1e-12)


def test_the_user_s_floating_point_settings_raise_nothing():
    parameters, inputs, labels = make_problem(SIZES[0], scale=1000.0)
    with np.errstate(all="raise"):
        network_loss_and_gradient(parameters, inputs, labels, SIZES[0], reduction="mean")
        network_probabilities(parameters, inputs, SIZES[0])


def test_no_examples_sum_to_nothing():
    sizes = SIZES[0]
    parameters, _, _ = make_problem(sizes)
    loss, gradient = network_loss_and_gradient(parameters, np.empty((0, 5)), [], sizes, reduction="sum")
    assert loss == 0
    assert not gradient.any()
    assert network_probabilities(parameters, np.empty((0, 5)), sizes).shape == (0, 3)


def test_no_examples_and_the_penalty():
    sizes = SIZES[1]
    parameters, _, _ = make_problem(sizes)
    loss, gradient = network_loss_and_gradient(parameters, np.empty((0, 5)), [], sizes, reduction="sum", l2=2.0)
    weights = unpack_network(parameters, sizes).output_weights
    assert loss == pytest.approx((weights**2).sum(), rel=1e-14)
    np.testing.assert_allclose(unpack_network(gradient, sizes).output_weights, 2 * weights)


# -- 7. refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"parameters": np.zeros(3)}, ShapeError, r"parameters must have the shape \(39,\)"),
        ({"parameters": np.zeros(39, int)}, ParameterError, "parameters must be an array of floats"),
        ({"inputs": np.zeros((6, 4))}, ShapeError, r"inputs must have the shape \(B, 5\), got \(6, 4\)"),
        ({"inputs": np.zeros(5)}, ShapeError, r"inputs must have the shape \(B, 5\)"),
        ({"inputs": np.zeros((6, 5), complex)}, ParameterError, "inputs must hold real numbers"),
        ({"labels": [0, 1]}, ShapeError, r"labels must have the shape \(6,\)"),
        ({"labels": [0, 1, 2, 0, 1, 3]}, IdError, r"labels must be in \[0, 3\), got 3"),
        ({"labels": [0, 1, 2, 0, 1, -1]}, IdError, r"labels must be in \[0, 3\), got -1"),
        ({"labels": [0.0] * 6}, ParameterError, "labels must hold integers"),
        ({"labels": np.zeros((6, 2))}, ShapeError, r"soft labels must have the shape \(6, 3\)"),
        ({"sizes": (5, -1, 3)}, ParameterError, "sizes must be"),
        ({"sizes": (5, 3)}, ParameterError, "sizes must be"),
        ({"reduction": "none"}, ParameterError, "reduction must be one of"),
        ({"l2": -1.0}, ParameterError, "l2 must be at least 0, got -1.0"),
        ({"l2": math.nan}, ParameterError, "l2 must be at least 0, got nan"),
        ({"sample_weights": np.ones(5)}, ShapeError, "sample_weights must have the shape"),
        ({"sample_weights": -np.ones(6)}, ParameterError, "sample_weights must not be negative"),
        ({"sample_weights": np.zeros(6)}, ParameterError, "positive sum"),
        ({"out": np.zeros(39, np.float32)}, ParameterError, "out must be contiguous and of the type float64"),
        ({"out": np.zeros(78)[::2]}, ParameterError, "out must be contiguous"),
        ({"out": np.zeros(38)}, ShapeError, "out must have the shape"),
        ({"workspace": NetworkWorkspace((5, 4, 3), 2)}, ShapeError, "workspace must have the sizes"),
        ({"workspace": NetworkWorkspace((5, 4, 3), 6, np.float32)}, ShapeError, "workspace must have the sizes"),
    ],
)
def test_refusals(changes, error, message):
    parameters, inputs, labels = make_problem(SIZES[0])
    arguments = {"parameters": parameters, "inputs": inputs, "labels": labels, "sizes": SIZES[0], "reduction": "mean"}
    with pytest.raises(error, match=message):
        network_loss_and_gradient(**(arguments | changes))


def test_no_examples_have_no_mean():
    with pytest.raises(ParameterError, match="positive sum"):
        network_loss_and_gradient(np.zeros(39), np.empty((0, 5)), [], SIZES[0], reduction="mean")


@pytest.mark.parametrize(
    ("layers", "name"),
    [
        (([[1.0]], [0.0, 0.0], [[1.0, 2.0]], [0.0, 0.0]), "hidden_bias"),
        (([[1.0]], [0.0], [[1.0, 2.0], [1.0, 2.0]], [0.0, 0.0]), "output_weights"),
        (([[1.0]], [0.0], [[1.0, 2.0]], [0.0]), "output_bias"),
        (([1.0], [0.0], [[1.0, 2.0]], [0.0]), "weights"),
    ],
)
def test_layers_that_do_not_fit(layers, name):
    with pytest.raises(ShapeError, match=name):
        pack_network(*layers)
