"""The course's functions of questions 1 and 2: gold values, any shape, equivariance, shifts, solution by solution."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from firth.compat import cs224n
from firth.compat.cs224n import a2
from firth.errors import ParameterError, ShapeError

LOGITS = arrays(
    np.float64, array_shapes(min_dims=1, max_dims=7, max_side=3), elements=st.floats(-30, 30, allow_subnormal=False)
)


def naive_softmax(x):
    """A second solution: one vector at a time, by loops."""
    if x.ndim > 1:
        return np.stack([naive_softmax(row) for row in x])
    powers = [math.exp(value) for value in x]
    return np.array([power / math.fsum(powers) for power in powers])


def naive_sigmoid(x):
    return np.array([1 / (1 + math.exp(-value)) for value in x.ravel()]).reshape(x.shape)


class TestGoldValues:
    def test_softmax_of_large_logits(self):
        expected = [[0.2689414213699951, 0.7310585786300049]] * 2
        np.testing.assert_allclose(cs224n.softmax(np.array([[1001, 1002], [3, 4]])), expected, rtol=1e-15)

    @pytest.mark.parametrize(
        ("logits", "expected"),
        [([1, 2], [0.26894142, 0.73105858]), ([[-1001, -1002]], [[0.73105858, 0.26894142]]), ([-7.0], [1.0])],
    )
    def test_softmax_of_the_starter_code(self, logits, expected):
        np.testing.assert_allclose(cs224n.softmax(np.array(logits)), expected, rtol=1e-7)

    def test_sigmoid_and_its_gradient(self):
        values = cs224n.sigmoid(np.array([[1, 2], [-1, -2]]))
        np.testing.assert_allclose(values, [[0.73105858, 0.88079708], [0.26894142, 0.11920292]], rtol=1e-7)
        expected = [[0.19661193, 0.10499359], [0.19661193, 0.10499359]]
        np.testing.assert_allclose(cs224n.sigmoid_grad(values), expected, rtol=1e-7)

    def test_sigmoid_at_the_ends(self):
        np.testing.assert_array_equal(cs224n.sigmoid(np.array([-1000.0, 0.0, 1000.0])), [0.0, 0.5, 1.0])
        assert cs224n.sigmoid(-700.0) == pytest.approx(math.exp(-700), rel=1e-15)

    def test_normalize_rows(self):
        rows = np.array([[3.0, 4.0], [1, 2]])
        kept = rows.copy()
        np.testing.assert_allclose(cs224n.normalizeRows(rows), [[0.6, 0.8], [0.4472136, 0.89442719]], rtol=1e-7)
        np.testing.assert_array_equal(rows, kept)

    def test_normalize_rows_at_the_ends_of_the_float_range(self):
        rows = np.array([[3e300, 4e300], [3e-300, 4e-300], [0.0, 0.0]])
        np.testing.assert_allclose(cs224n.normalizeRows(rows), [[0.6, 0.8], [0.6, 0.8], [0, 0]], rtol=1e-15)

    def test_normalize_rows_keeps_the_float_type(self):
        assert cs224n.normalizeRows(np.ones((2, 3), np.float32)).dtype == np.float32
        assert cs224n.normalizeRows([[3, 4]]).tolist() == [[0.6, 0.8]]

    def test_normalize_rows_refuses_a_vector(self):
        with pytest.raises(ShapeError, match=r"x must have the shape \(N, D\)"):
            cs224n.normalizeRows(np.ones(3))
        with pytest.raises(ParameterError, match="x must hold real numbers"):
            cs224n.normalizeRows([["a"]])

    def test_rel_error(self):
        assert cs224n.rel_error(np.array([1.0, 2.0]), np.array([1.0, 2.2])) == pytest.approx(0.2 / 4.2)
        assert cs224n.rel_error(0.0, 1e-12) == pytest.approx(1e-4)
        assert cs224n.rel_error(np.empty(0), np.empty(0)) == 0.0
        with pytest.raises(ShapeError, match="one shape"):
            cs224n.rel_error(np.zeros(2), np.zeros(3))


class TestAnyShape:
    @given(LOGITS)
    @settings(max_examples=60, deadline=None)
    def test_softmax_against_another_solution(self, x):
        kept = x.copy()
        np.testing.assert_allclose(cs224n.softmax(x), naive_softmax(x), rtol=1e-13)
        np.testing.assert_array_equal(x, kept)

    @given(LOGITS)
    @settings(max_examples=60, deadline=None)
    def test_sigmoid_against_another_solution(self, x):
        np.testing.assert_allclose(cs224n.sigmoid(x), naive_sigmoid(x), rtol=1e-14)

    @given(LOGITS, st.floats(-1e6, 1e6))
    @settings(max_examples=60, deadline=None)
    def test_softmax_does_not_change_with_a_constant(self, x, constant):
        shifted = x + constant
        np.testing.assert_allclose(cs224n.softmax(shifted), cs224n.softmax(shifted - constant), rtol=1e-8, atol=1e-300)

    @given(LOGITS, st.randoms(use_true_random=False))
    @settings(max_examples=60, deadline=None)
    def test_equivariance_under_permutations_of_each_axis(self, x, generator):
        for axis, size in enumerate(x.shape):
            order = list(range(size))
            generator.shuffle(order)
            moved = np.take(x, order, axis=axis)
            np.testing.assert_allclose(cs224n.softmax(moved), np.take(cs224n.softmax(x), order, axis=axis), rtol=1e-14)
            np.testing.assert_array_equal(cs224n.sigmoid(moved), np.take(cs224n.sigmoid(x), order, axis=axis))

    @given(LOGITS)
    @settings(max_examples=60, deadline=None)
    def test_sigmoid_gradient_by_shifts(self, x):
        shift = 1e-5
        by_shifts = (cs224n.sigmoid(x + shift) - cs224n.sigmoid(x - shift)) / (2 * shift)
        np.testing.assert_allclose(cs224n.sigmoid_grad(cs224n.sigmoid(x)), by_shifts, rtol=0, atol=1e-10)

    @given(LOGITS)
    @settings(max_examples=40, deadline=None)
    def test_softmax_jacobian_by_shifts(self, x):
        shift = 1e-5
        probabilities = cs224n.softmax(x)
        for class_id in range(x.shape[-1]):
            step = np.zeros(x.shape[-1])
            step[class_id] = shift
            by_shifts = (cs224n.softmax(x + step) - cs224n.softmax(x - step)) / (2 * shift)
            one_hot = step / shift
            jacobian = probabilities * (one_hot - probabilities[..., class_id, None])
            np.testing.assert_allclose(jacobian, by_shifts, rtol=0, atol=1e-9)

    @given(LOGITS)
    @settings(max_examples=30, deadline=None)
    def test_sigmoid_layer(self, x):
        out, cache = cs224n.sigmoid_forward(x)
        np.testing.assert_array_equal(out, cs224n.sigmoid(x))
        np.testing.assert_array_equal(
            cs224n.sigmoid_backward(np.full(x.shape, 2.0), cache), 2 * cs224n.sigmoid_grad(out)
        )


def test_affine_layer_by_shifts():
    generator = np.random.default_rng(5)
    x, w, b = generator.normal(size=(4, 3)), generator.normal(size=(3, 2)), generator.normal(size=2)
    dout = generator.normal(size=(4, 2))
    out, cache = cs224n.affine_forward(x, w, b)
    np.testing.assert_allclose(out, np.array([[sum(r * c) for c in w.T] for r in x]) + b, rtol=1e-14)
    for array, gradient in zip((x, w, b), cs224n.affine_backward(dout, cache), strict=True):
        assert gradient.shape == array.shape
        for index in np.ndindex(array.shape):
            above, below = array.copy(), array.copy()
            above[index] += 1e-5
            below[index] -= 1e-5
            outs = [
                cs224n.affine_forward(*(moved if other is array else other for other in (x, w, b)))[0]
                for moved in (above, below)
            ]
            assert gradient[index] == pytest.approx(np.sum((outs[0] - outs[1]) * dout) / 2e-5, abs=1e-9)


class TestForwardBackwardProp:
    DIMENSIONS = (4, 3, 5)

    def problem(self, n_examples=6):
        generator = np.random.default_rng(3)
        n_inputs, n_hidden, n_classes = self.DIMENSIONS
        data = generator.normal(size=(n_examples, n_inputs))
        labels = np.eye(n_classes)[generator.integers(n_classes, size=n_examples)]
        params = generator.normal(size=(n_inputs + 1) * n_hidden + (n_hidden + 1) * n_classes)
        return data, labels, params

    def test_against_loops_from_the_formula(self):
        data, labels, params = self.problem()
        n_inputs, n_hidden, n_classes = self.DIMENSIONS
        w1, b1, w2, b2 = np.split(params, np.cumsum([n_inputs * n_hidden, n_hidden, n_hidden * n_classes]))
        w1, w2 = w1.reshape(n_inputs, n_hidden), w2.reshape(n_hidden, n_classes)
        expected = 0.0
        for row, label in zip(data, labels, strict=True):
            hidden = [1 / (1 + math.exp(-sum(row * w1[:, j]) - b1[j])) for j in range(n_hidden)]
            powers = [math.exp(sum(np.array(hidden) * w2[:, c]) + b2[c]) for c in range(n_classes)]
            expected -= math.log(powers[int(np.argmax(label))] / sum(powers))
        cost, grad = cs224n.forward_backward_prop(data, labels, params, self.DIMENSIONS)
        assert cost == pytest.approx(expected, rel=1e-13)
        assert isinstance(cost, float)
        assert grad.shape == params.shape

    def test_gradient_check(self, capsys):
        data, labels, params = self.problem()
        cs224n.gradcheck_naive(lambda p: cs224n.forward_backward_prop(data, labels, p, list(self.DIMENSIONS)), params)
        assert capsys.readouterr().out == "Gradient check passed!\n"

    def test_cost_and_gradient_are_sums_over_examples(self):
        data, labels, params = self.problem()
        parts = [
            cs224n.forward_backward_prop(row, label, params, self.DIMENSIONS)
            for row, label in zip(data, labels, strict=True)
        ]
        cost, grad = cs224n.forward_backward_prop(data, labels, params, self.DIMENSIONS)
        assert cost == pytest.approx(sum(part[0] for part in parts), rel=1e-13)
        np.testing.assert_allclose(grad, sum(part[1] for part in parts), rtol=1e-12, atol=1e-13)


class TestSignatures:
    """Names, order and defaults of the starter code's parameters."""

    EARLIER = {  # noqa: RUF012
        "softmax": ["x"],
        "sigmoid": ["x"],
        "sigmoid_grad": ["s"],
        "rel_error": ["x", "y"],
        "gradcheck_naive": ["f", "x"],
        "forward_backward_prop": ["data", "labels", "params", "dimensions"],
        "normalizeRows": ["x"],
        "softmaxCostAndGradient": ["predicted", "target", "outputVectors", "dataset"],
        "getNegativeSamples": ["target", "dataset", "K"],
        "negSamplingCostAndGradient": ["predicted", "target", "outputVectors", "dataset", "K"],
        "skipgram": "currentWord C contextWords tokens inputVectors outputVectors dataset word2vecCostAndGradient",
        "cbow": "currentWord C contextWords tokens inputVectors outputVectors dataset word2vecCostAndGradient",
        "word2vec_sgd_wrapper": "word2vecModel tokens wordVectors dataset C word2vecCostAndGradient",
        "sgd": "f x0 step iterations postprocessing useSaved PRINT_EVERY",
        "load_saved_params": [],
        "save_params": ["iter", "params"],
        "affine_forward": ["x", "w", "b"],
        "affine_backward": ["dout", "cache"],
        "sigmoid_forward": ["x"],
        "sigmoid_backward": ["dout", "cache"],
    }
    LATER = {  # noqa: RUF012
        "naiveSoftmaxLossAndGradient": "centerWordVec outsideWordIdx outsideVectors dataset",
        "negSamplingLossAndGradient": "centerWordVec outsideWordIdx outsideVectors dataset K",
        "getNegativeSamples": "outsideWordIdx dataset K",
        "skipgram": "currentCenterWord windowSize outsideWords word2Ind centerWordVectors outsideVectors dataset "
        "word2vecLossAndGradient",
        "word2vec_sgd_wrapper": "word2vecModel word2Ind wordVectors dataset windowSize word2vecLossAndGradient",
        "gradcheck_naive": "f x gradientText",
    }

    @pytest.mark.parametrize("name", EARLIER)
    def test_earlier_edition(self, name):
        self.check(getattr(cs224n, name), self.EARLIER[name])

    @pytest.mark.parametrize("name", LATER)
    def test_later_edition(self, name):
        self.check(getattr(a2, name), self.LATER[name])

    def check(self, function, names):
        names = names.split() if isinstance(names, str) else names
        assert list(inspect.signature(function).parameters) == names

    def test_defaults(self):
        defaults = {name: p.default for name, p in inspect.signature(cs224n.sgd).parameters.items()}
        assert (defaults["postprocessing"], defaults["useSaved"], defaults["PRINT_EVERY"]) == (None, False, 10)
        assert inspect.signature(cs224n.negSamplingCostAndGradient).parameters["K"].default == 10
        for model in (cs224n.skipgram, cs224n.cbow, cs224n.word2vec_sgd_wrapper):
            default = inspect.signature(model).parameters["word2vecCostAndGradient"].default
            assert default is cs224n.softmaxCostAndGradient
        default = inspect.signature(a2.skipgram).parameters["word2vecLossAndGradient"].default
        assert default is a2.naiveSoftmaxLossAndGradient

    @pytest.mark.parametrize("module", [cs224n, a2])
    def test_every_public_name_has_a_docstring(self, module):
        for name in module.__all__:
            assert inspect.getdoc(getattr(module, name)), name
