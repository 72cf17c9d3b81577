"""The checker: it fails on every wrong gradient it is shown, names what is wrong, and accuses no right one."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest

from firth.errors import GradientError, ParameterError, ShapeError
from firth.numerics import RowGradient, check_gradient
from firth.numerics.gradient_check.finite_differences import Line, choose_first_step, compare_slope, estimate_noise

X = np.array([0.5, -1.25, 2.0, 0.75, -0.3])
MATRIX = np.random.default_rng(7).normal(size=(4, 4))
MANY = np.random.default_rng(6).normal(size=(30, 40))


def waves(x):
    return np.sum(np.sin(x)), np.cos(x)


def spoil(function, change):
    def spoiled(x):
        loss, gradient = function(x)
        return loss, change(np.array(gradient))

    return spoiled


# A right gradient ------------------------------------------------------------------------------------------------


def test_every_coordinate_of_a_smooth_function_is_compared() -> None:
    report = check_gradient(waves, X)
    assert (report.n_compared, report.n_wrong, report.n_unresolved, report.n_at_kink) == (5, 0, 0, 0)
    assert report.max_relative_error < 1e-9
    np.testing.assert_allclose(report.numeric, np.cos(X), rtol=1e-9)
    np.testing.assert_array_equal(report.analytic, np.cos(X))


# A wrong one is found ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coordinate", range(5))
@pytest.mark.parametrize("factor", [1.001, 0.999, 1 + 1e-5])
def test_a_per_mille_in_one_coordinate_is_found(coordinate, factor) -> None:
    def change(gradient):
        gradient[coordinate] *= factor
        return gradient

    report = check_gradient(spoil(waves, change), X)
    assert not report.ok
    assert report.n_wrong == 1
    assert report.worst[0].position == (coordinate,)
    assert report.worst[0].is_wrong
    assert report.worst[0].relative_error == pytest.approx(abs(factor - 1), rel=0.01)
    if factor != 1 + 1e-5:
        assert report.codes == ("coordinates-wrong",)
        assert report.diagnoses[0].evidence["coordinates"] == [(coordinate,)]


def test_a_per_mille_in_one_of_many_coordinates_is_found_and_located() -> None:
    function, point = waves, MANY

    def change(gradient):
        gradient[17, 33] *= 1.001
        return gradient

    report = check_gradient(spoil(function, change), point)
    assert report.method == "projections"
    assert not report.ok
    assert report.worst[0].position == (17, 33)
    assert report.worst[0].relative_error == pytest.approx(1e-3, rel=0.01)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda g: -g, "sign"),
        (lambda g: 2 * g, "scaled"),
        (lambda g: 0 * g, "ignored"),
        (lambda g: g[::-1].copy(), "rows-permuted"),
    ],
)
def test_projections_diagnose_large_gradients(change, code) -> None:
    function, point = waves, MANY
    report = check_gradient(spoil(function, change), point)
    assert report.codes == (code,)
    assert report.n_wrong_projections > 0
    assert "random projections" in str(report)


def test_single_precision_errors_are_found() -> None:
    function, point = waves, X.astype(np.float32)
    assert check_gradient(spoil(function, lambda g: 2 * g), point).codes == ("scaled",)
    assert not check_gradient(spoil(function, lambda g: 1.01 * g), point).ok


def test_a_subgradient_must_lie_between_the_slopes() -> None:
    at_kink = np.array([0.0, 1.0])

    def claim(slope):
        return lambda x: (np.sum(np.maximum(x, 0)), np.where(x == 0, slope, x > 0))

    for slope in (0.0, 0.3, 0.5, 1.0):
        assert check_gradient(claim(slope), at_kink).ok
    for slope in (-0.1, 1.1, 2.0):
        assert not check_gradient(claim(slope), at_kink).ok
    assert check_gradient(claim(1.0), at_kink).n_at_kink == 1


def test_zero_claimed_for_a_small_slope_is_found() -> None:
    weights = np.array([1.0, 1e-6])
    report = check_gradient(lambda x: (weights @ np.sin(x), np.array([np.cos(x[0]), 0.0])), np.array([0.3, 0.4]))
    assert [error.position for error in report.worst if error.is_wrong] == [(1,)]


# Diagnoses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "name"),
    [(2, "2"), (0.5, "1/2"), (20, "M (M = 20)"), (1 / 20, "1/M (M = 20)"), (-2, "-2"), (7, "7"), (1 / 3, "1/3")],
)
def test_constant_factors_are_named(factor, name) -> None:
    report = check_gradient(spoil(waves, lambda g: factor * g), X, sizes={"M": 20})
    assert report.codes == ("scaled",)
    assert report.diagnoses[0].evidence["factor"] == pytest.approx(factor, rel=1e-6)
    assert report.diagnoses[0].evidence["factor_name"] == name
    assert name in str(report)


def test_a_factor_like_no_other_is_still_told() -> None:
    diagnosis = check_gradient(spoil(waves, lambda g: 1.2345 * g), X).diagnoses[0]
    assert diagnosis.code == "scaled"
    assert diagnosis.evidence["factor_name"] is None
    assert "1.2345 times" in diagnosis.message


def test_flipped_sign() -> None:
    assert check_gradient(spoil(waves, lambda g: -g), X).codes == ("sign",)
    assert check_gradient(lambda x: (x**2, -2 * x), 3.0).codes == ("sign",)


def test_transposed_block() -> None:
    def function(x):
        return np.sum(np.sin(x) * MATRIX), (np.cos(x) * MATRIX).T

    assert check_gradient(function, MATRIX + 1).codes == ("transposed",)
    wide = np.arange(6.0).reshape(2, 3)
    assert check_gradient(lambda x: (np.sum(x**3), (3 * x**2).T), wide).codes == ("transposed",)
    report = check_gradient(lambda x: (np.sum(x**3), (3 * x**2).T.reshape(2, 3)), wide + 1)
    assert report.codes == ("reordered",)


def network_blocks(p):
    hidden = np.tanh(MATRIX @ p["W1"] + p["b1"])
    residual = hidden @ p["W2"] - 1
    back = (residual @ p["W2"].T) * (1 - hidden**2)
    return 0.5 * np.sum(residual**2), {"W1": MATRIX.T @ back, "b1": back.sum(axis=0), "W2": hidden.T @ residual}


def network_point():
    rng = np.random.default_rng(8)
    return {"W1": rng.normal(size=(4, 3)), "b1": rng.normal(size=3), "W2": rng.normal(size=(3, 2))}


def spoil_block(name, change):
    def spoiled(p):
        loss, gradient = network_blocks(p)
        return loss, gradient | {name: change(gradient[name])}

    return spoiled


@pytest.mark.parametrize("block", ["W1", "b1", "W2"])
def test_one_block_of_several(block) -> None:
    report = check_gradient(spoil_block(block, lambda g: 2 * g), network_point())
    assert report.codes == ("block-wrong", "scaled")
    assert report.diagnoses[0].evidence["wrong"] == [block]
    assert report.diagnoses[1].block == block
    assert set(report.diagnoses[0].evidence["right"]) == {"W1", "b1", "W2"} - {block}


def test_all_blocks_wrong_alike_is_told_once() -> None:
    def spoiled(p):
        loss, gradient = network_blocks(p)
        return loss, {name: value / 4 for name, value in gradient.items()}

    report = check_gradient(spoiled, network_point(), sizes={"M": 4})
    assert report.codes == ("scaled",)
    assert report.diagnoses[0].evidence["factor_name"] == "1/M (M = 4)"


def test_blocks_of_a_packed_vector() -> None:
    shapes = {name: value.shape for name, value in network_point().items()}

    def pack(p):
        return np.concatenate([p[name].reshape(-1) for name in shapes])

    def packed(flat):
        p, start = {}, 0
        for name, shape in shapes.items():
            size = math.prod(shape)
            p[name] = flat[start : start + size].reshape(shape)
            start += size
        loss, gradient = spoil_block("b1", lambda g: -g)(p)
        return loss, pack(gradient)

    point = pack(network_point())
    named = check_gradient(packed, point, blocks=shapes)
    assert [(d.code, d.block) for d in named.diagnoses] == [("block-wrong", "b1"), ("sign", "b1")]
    assert named.worst[0].block == "b1"
    unnamed = check_gradient(packed, point)
    assert [(d.code, d.block) for d in unnamed.diagnoses] == [("block-wrong", "[12:15]"), ("sign", "[12:15]")]


def test_rows_permuted() -> None:
    def function(x):
        return np.sum(np.sin(x)), np.cos(x)[[1, 2, 0, 3]]

    report = check_gradient(function, MATRIX)
    assert report.codes == ("rows-permuted",)
    assert report.diagnoses[0].evidence["found_at"] == {0: 2, 1: 0, 2: 1}


def test_a_product_of_sums() -> None:
    def summed_too_early(p):
        loss, gradient = network_blocks(p)
        hidden = np.tanh(MATRIX @ p["W1"] + p["b1"])
        residual = hidden @ p["W2"] - 1
        back = (residual @ p["W2"].T) * (1 - hidden**2)
        return loss, gradient | {"W1": np.outer(MATRIX.sum(axis=0), back.sum(axis=0))}

    report = check_gradient(summed_too_early, network_point())
    assert [(d.code, d.block) for d in report.diagnoses] == [("block-wrong", "W1"), ("product-of-sums", "W1")]


def test_an_input_that_is_ignored() -> None:
    report = check_gradient(spoil_block("b1", lambda g: 0 * g), network_point())
    assert [(d.code, d.block) for d in report.diagnoses] == [("block-wrong", "b1"), ("ignored", "b1")]


def test_an_input_that_the_loss_does_not_have() -> None:
    report = check_gradient(lambda p: (np.sum(p["a"] ** 2), {"a": 2 * p["a"], "b": p["b"]}), {"a": X, "b": X})
    assert [(d.code, d.block) for d in report.diagnoses] == [("block-wrong", "b"), ("not-in-loss", "b")]


def test_a_forgotten_penalty() -> None:
    report = check_gradient(lambda x: (np.sum(np.sin(x)) + 0.05 * np.sum(x**2), np.cos(x)), X)
    assert report.codes == ("multiple-of-input",)
    assert report.diagnoses[0].evidence["factor"] == pytest.approx(-0.1, rel=1e-5)


def test_an_approximation_is_called_inaccurate() -> None:
    report = check_gradient(spoil(waves, lambda g: g * (1 + 1e-5 * np.arange(5))), X)
    assert report.codes == ("inaccurate",)


# What is drawn at random -----------------------------------------------------------------------------------------


def test_states_are_restored() -> None:
    generator, legacy, plain = np.random.default_rng(1), np.random.RandomState(2), random.Random(3)

    def function(x):
        weight = generator.random() + legacy.rand() + plain.random() + np.random.rand() + random.random()
        return weight * np.sum(np.sin(x)), weight * np.cos(x)

    np.random.seed(4)
    random.seed(5)
    before = (np.random.get_state()[1].tolist(), random.getstate(), plain.getstate(), generator.bit_generator.state)
    check_gradient(function, X, rng=[generator, legacy, plain], raise_on_error=True)
    after = (np.random.get_state()[1].tolist(), random.getstate(), plain.getstate(), generator.bit_generator.state)
    assert before == after


def test_the_legacy_generators_need_no_mention() -> None:
    def function(x):
        weights = np.random.randn(*x.shape) * random.random()
        return weights @ np.sin(x), weights * np.cos(x)

    assert check_gradient(function, X).ok


def test_a_generator_that_was_not_named_is_noticed() -> None:
    generator = np.random.default_rng(1)

    def function(x):
        weight = generator.random()
        return weight * np.sum(np.sin(x)), weight * np.cos(x)

    report = check_gradient(function, X)
    assert report.codes == ("not-deterministic",)
    assert not report.ok
    assert "rng=" in str(report)
    assert check_gradient(function, X, rng=generator).ok
    with pytest.raises(ParameterError, match="rng must be"):
        check_gradient(function, X, rng=7)


# What cannot be compared -----------------------------------------------------------------------------------------


def test_what_is_not_finite_is_reported() -> None:
    report = check_gradient(lambda x: (np.inf, x), X)
    assert report.codes == ("not-finite",)
    assert report.numeric is None
    report = check_gradient(spoil(waves, lambda g: np.where(np.arange(5) == 3, np.nan, g)), X)
    assert report.codes == ("not-finite",)
    assert report.diagnoses[0].evidence["coordinates"] == [(3,)]
    function, point = waves, MANY
    report = check_gradient(spoil(function, lambda g: np.where(g == g[5, 6], np.inf, g)), point)
    assert report.codes == ("not-finite",)
    assert report.diagnoses[0].evidence["coordinates"] == [(5, 6)]


def test_a_wrong_shape_is_reported() -> None:
    report = check_gradient(lambda x: (np.sum(x**2), 2 * x[:, None]), X)
    assert report.codes == ("gradient-shape",)
    assert "(5, 1)" in str(report)


@pytest.mark.parametrize(
    ("function", "x", "error", "message"),
    [
        (waves, np.array([1, 2]), ParameterError, r"x must hold floats, got dtype int64; convert it with"),
        (waves, 3, ParameterError, "x must hold floats"),
        (waves, np.array([1j]), ParameterError, "x must hold floats"),
        (waves, np.array([np.nan]), ParameterError, "x must be finite"),
        (waves, np.zeros(0), ShapeError, "at least one number"),
        (waves, {}, ParameterError, "at least one array"),
        (lambda x: (1.0, x, x), X, ParameterError, r"must return \(loss, gradient\), got 3 values"),
        (lambda x: x, X, ParameterError, r"must return \(loss, gradient\), got ndarray"),
        (lambda x: (x, x), X, ShapeError, "loss must be a real scalar"),
        (lambda x: (1j, x), X, ShapeError, "loss must be a real scalar"),
        (lambda x: (1.0, x * 1j), X, ParameterError, "gradient of x must hold real numbers"),
        (lambda p: (1.0, {}), {"a": X}, ShapeError, r"missing \['a'\]"),
        (lambda p: (1.0, X), {"a": X}, ShapeError, "gradient must be a dict"),
    ],
)
def test_misuse_is_refused(function, x, error, message) -> None:
    with pytest.raises(error, match=message):
        check_gradient(function, x)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"method": "all"}, ParameterError),
        ({"n_projections": 0}, ParameterError),
        ({"tolerance": 0.0}, ParameterError),
        ({"blocks": {"a": (2,), "b": (2,)}}, ShapeError),
    ],
)
def test_options_are_validated(options, error) -> None:
    with pytest.raises(error):
        check_gradient(waves, X, **options)
    with pytest.raises(ParameterError, match="blocks must be left out"):
        check_gradient(lambda p: (1.0, p), {"a": X}, blocks={"a": (5,)})


def test_an_error_of_the_function_is_the_callers() -> None:
    def function(x):
        raise KeyError("params")

    with pytest.raises(KeyError, match="params"):
        check_gradient(function, X)


def test_the_edge_of_a_domain() -> None:
    report = check_gradient(lambda x: (math.log(x), 1 / x), 1e-5)
    assert report.ok
    assert report.codes == ("undefined-nearby",)
    assert report.diagnoses[0].severity == "note"


# The report ------------------------------------------------------------------------------------------------------


def test_the_report_prints_and_raises() -> None:
    report = check_gradient(spoil_block("W1", lambda g: 2 * g), network_point())
    text = str(report)
    assert "WRONG" in text
    assert "scaled in W1: the gradient is 2 times the right one" in text
    assert report.worst[0].place in text
    assert not report
    with pytest.raises(GradientError, match="2 times the right one"):
        report.raise_if_wrong()
    with pytest.raises(AssertionError):
        check_gradient(spoil(waves, lambda g: -g), X, raise_on_error=True)
    right = check_gradient(waves, X)
    right.raise_if_wrong()
    assert right
    assert "all 5 coordinates" in str(right)


def test_x_is_not_modified_and_a_function_that_does_is_told() -> None:
    before = X.copy()

    def function(x):
        loss, gradient = waves(x)
        x += 1
        return loss, gradient

    report = check_gradient(function, X)
    np.testing.assert_array_equal(X, before)
    assert report.ok
    assert report.codes == ("input-modified",)


def test_a_gradient_buffer_may_be_reused() -> None:
    buffer = np.empty(5)

    def function(x):
        np.cos(x, out=buffer)
        return np.sum(np.sin(x)), buffer

    assert check_gradient(function, X).ok


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (2, 1, 3), (1, 2, 1, 2, 1, 2, 1)])
def test_any_shape_and_order(shape) -> None:
    x = np.array(np.random.default_rng(9).normal(size=shape), order="F")
    report = check_gradient(lambda x: (np.sum(np.sin(x)), np.cos(x)), x)
    assert report.ok
    assert np.shape(report.numeric) == shape


def test_scalars_and_one_element_losses() -> None:
    seen = []

    def function(x):
        seen.append(type(x))
        return np.array([x**3]), 3 * x**2

    report = check_gradient(function, 2.0)
    assert report.ok
    assert report.codes == ("cost-shape",)
    assert set(seen) == {np.float64}


def test_row_gradients_stand_for_their_dense_arrays() -> None:
    def function(x):
        return np.sum(x[1] ** 2), RowGradient([1], 2 * x[1:2])

    assert check_gradient(function, MATRIX).ok
    assert not check_gradient(lambda x: (np.sum(x[1] ** 2), RowGradient([2], 2 * x[1:2])), MATRIX).ok


def test_the_same_seed_gives_the_same_report() -> None:
    function, point = waves, MANY
    wrong = spoil(function, lambda g: g * 1.01)
    assert str(check_gradient(wrong, point)) == str(check_gradient(wrong, point))
    assert check_gradient(function, point, method="every-coordinate").n_compared == point.size
    assert check_gradient(function, point, n_projections=3).n_projections == 4  # and the gradient's own direction


# The parts -------------------------------------------------------------------------------------------------------


def test_noise_is_estimated() -> None:
    rng = np.random.default_rng(10)
    estimates = [estimate_noise(1 + 0.3 * np.arange(9) + 1e-8 * rng.normal(size=9)) for _ in range(200)]
    assert 0.3e-8 < np.median(estimates) < 1.5e-8
    assert estimate_noise(np.arange(9.0) ** 2) < 1e-12
    assert estimate_noise([1.0] * 8 + [np.nan]) == 0


def test_first_step_balances_rounding_and_truncation() -> None:
    assert choose_first_step(1e-16, 1.0) == pytest.approx(1e-16**0.2)
    assert choose_first_step(1e-30, 1.0) == 2.0**-11
    assert choose_first_step(1.0, 1.0) == 2.0**-3
    assert choose_first_step(0.0, 0.0) == 2.0**-11


def test_slopes_are_of_fourth_order() -> None:
    line = Line(math.exp, noise=1e-16, relative_noise=1e-16)
    errors = [abs(line.slope(step).value - 1) for step in (0.2, 0.1, 0.05)]
    for wide, narrow in itertools.pairwise(errors):
        assert wide / narrow == pytest.approx(16, rel=0.05)
    slope = line.slope(1e-3)
    assert slope.forward == pytest.approx(1, abs=1e-6)
    assert slope.backward == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("function", "claimed", "verdict"),
    [
        (math.sin, 1.0, "right"),
        (math.sin, 1.001, "wrong"),
        (abs, 0.7, "kink"),
        (abs, 1.2, "wrong"),
        (lambda t: abs(t - 1e-6), -1.0, "right"),
        (lambda t: math.cos(1e6 * t + 1), -1e6 * math.sin(1), "right"),
        (lambda t: 1e12 + t, 1.0, "right"),
        (lambda t: 1e12 + t, 3.0, "wrong"),
        (lambda t: math.nan if t else 0.0, 1.0, "unresolved"),
    ],
)
def test_comparisons(function, claimed, verdict) -> None:
    relative = 2.0**-53
    line = Line(function, noise=relative * abs(function(0.0)), relative_noise=relative)
    comparison = compare_slope(line, claimed, line.slope(1e-3), tolerance=1e-7, floor=1e-13, largest_step=1.0)
    assert comparison.verdict == verdict
