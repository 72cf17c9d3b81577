"""The checker on functions whose gradients are right, smooth and not, well and badly scaled: no false accusation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from firth.numerics import (
    cbow_window,
    check_gradient,
    cross_entropy,
    log_sigmoid,
    negative_sampling_loss,
    sigmoid,
    skipgram_window,
    softmax_loss,
)

Function = Callable[[Any], tuple[Any, Any]]


def build_right_functions(seed: int) -> dict[str, tuple[Function, Any]]:
    """Names to (function, point), drawn anew for each seed."""
    rng = np.random.default_rng(seed)
    features, targets = rng.normal(size=(12, 5)), rng.normal(size=(12, 3))
    labels = rng.integers(3, size=12)
    vector = rng.normal(size=6)
    tiny = 10.0 ** rng.integers(-9, 9, size=6)
    symmetric = rng.normal(size=(4, 4))
    symmetric = symmetric @ symmetric.T + np.eye(4)

    def least_squares(w: Any) -> Any:
        residual = features @ w - targets
        return 0.5 * np.sum(residual**2), features.T @ residual

    def softmax_regression(w: Any) -> Any:
        loss, gradient = cross_entropy(features @ w, labels, reduction="mean")
        return loss, features.T @ gradient

    def relu_network(p: Any) -> Any:
        hidden = features @ p["W1"] + p["b1"]
        active = np.maximum(hidden, 0)
        loss, gradient = cross_entropy(active @ p["W2"], labels, reduction="sum")
        back = gradient @ p["W2"].T * (hidden > 0)
        return loss, {"W1": features.T @ back, "b1": back.sum(axis=0), "W2": active.T @ gradient}

    def hinge(w: Any) -> Any:
        signs = 2.0 * (labels > 0) - 1
        margins = 1 - signs * (features @ w)
        return np.sum(np.maximum(margins, 0)), -features.T @ (signs * (margins > 0))

    def huber(x: Any) -> Any:
        small = np.abs(x) <= 1
        return np.sum(np.where(small, 0.5 * x**2, np.abs(x) - 0.5)), np.where(small, x, np.sign(x))

    def norm(x: Any) -> Any:
        length = np.linalg.norm(x)
        return length, x / length

    def log_determinant(a: Any) -> Any:
        return np.linalg.slogdet(a)[1], np.linalg.inv(a).T

    def rosenbrock(x: Any) -> Any:
        gradient = np.zeros_like(x)
        gradient[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
        gradient[1:] += 200 * (x[1:] - x[:-1] ** 2)
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), gradient

    def single_inside(x: Any) -> Any:
        y = x.astype(np.float32)
        return float(np.sum(np.sin(y) * y)), (np.sin(y) + y * np.cos(y)).astype(x.dtype)

    def offset(x: Any) -> Any:
        return 1e6 + np.sum(np.sin(x)), np.cos(x)

    def saturated(x: Any) -> Any:
        return -np.sum(log_sigmoid(x)), sigmoid(x) - 1

    def dead_logits(x: Any) -> Any:
        loss, gradient = cross_entropy(x, np.array([0, 1]), reduction="sum")
        return loss, gradient

    def badly_scaled(x: Any) -> Any:
        return np.sum((tiny * x) ** 2), 2 * tiny**2 * x

    def badly_scaled_waves(x: Any) -> Any:
        return np.sum(np.cos(tiny * x)), -tiny * np.sin(tiny * x)

    def at_optimum(w: Any) -> Any:
        residual = features @ w - features @ np.ones((5, 3))
        return 0.5 * np.sum(residual**2), features.T @ residual

    def window(p: Any) -> Any:
        loss, inputs, outputs = skipgram_window(
            2, [1, 3, 1], p["in"], p["out"], loss="negative-sampling", direction="context-to-center",
            reduction="sum", negative_ids=[4, 4, 0],
        )  # fmt: skip
        return loss, {"in": inputs, "out": outputs}

    def bag(p: Any) -> Any:
        loss, inputs, outputs = cbow_window(2, [1, 3, 1], p["in"], p["out"], loss="softmax", cbow_input="mean")
        return loss, {"in": inputs, "out": outputs}

    def scored(v: Any) -> Any:
        loss, gradient, _ = negative_sampling_loss(v, vectors["out"], 1, [0, 0, 3])
        return loss, gradient

    def scored_softmax(v: Any) -> Any:
        loss, gradient, _ = softmax_loss(v, vectors["out"], 1)
        return loss, gradient

    def sparse(x: Any) -> Any:
        return np.sum(x[:2] ** 2), np.where(np.arange(len(x))[:, None] < 2, 2 * x, 0)

    def bent(x: Any) -> Any:
        positive = np.maximum(x, 0)
        return np.sum(positive**2 + positive), (2 * x + 1) * (x > 0)

    vectors = {"in": rng.normal(size=(5, 4)), "out": rng.normal(size=(5, 4))}
    network = {"W1": rng.normal(size=(5, 4)), "b1": np.zeros(4), "W2": rng.normal(size=(4, 3))}
    return {
        "least-squares": (least_squares, rng.normal(size=(5, 3))),
        "least-squares-large": (least_squares, 1e6 * rng.normal(size=(5, 3))),
        "softmax-regression": (softmax_regression, rng.normal(size=(5, 3))),
        "softmax-regression-saturated": (softmax_regression, 500 * rng.normal(size=(5, 3))),
        "softmax-regression-single": (softmax_regression, rng.normal(size=(5, 3)).astype(np.float32)),
        "relu-network": (relu_network, network),
        "relu-network-at-zero": (relu_network, {name: np.zeros_like(value) for name, value in network.items()}),
        "hinge": (hinge, rng.normal(size=5)),
        "hinge-at-zero": (hinge, np.zeros(5)),
        "huber": (huber, np.array([-3.0, -1.0, 0.0, 0.5, 1.0, 1 + 1e-6, 7.0])),
        "norm": (norm, vector),
        "norm-tiny": (norm, 1e-7 * vector),
        "norm-huge": (norm, 1e9 * vector),
        "log": (lambda x: (np.sum(np.log(x)), 1 / x), 10.0 ** rng.integers(-6, 6, size=5)),
        "square-root": (lambda x: (np.sum(np.sqrt(x)), 0.5 / np.sqrt(x)), 10.0 ** rng.integers(-8, 4, size=5)),
        "exponential": (lambda x: (np.sum(np.exp(20 * x)), 20 * np.exp(20 * x)), vector),
        "quartic": (lambda x: (np.sum(x**4), 4 * x**3), vector),
        "cubic-at-zero": (lambda x: (np.sum(x**3), 3 * x**2), np.zeros(3)),
        "constant": (lambda x: (3.0, np.zeros_like(x)), vector),
        "linear": (lambda x: (float(vector @ x), vector.copy()), np.zeros(6)),
        "log-determinant": (log_determinant, symmetric),
        "rosenbrock": (rosenbrock, vector),
        "rosenbrock-optimum": (rosenbrock, np.ones(4)),
        "single-inside": (single_inside, vector),
        "single": (lambda x: (np.sum(np.cos(x) * x), np.cos(x) - x * np.sin(x)), vector.astype(np.float32)),
        "half": (lambda x: (np.sum(x * x), 2 * x), vector.astype(np.float16)),
        "offset": (offset, vector),
        "saturated": (saturated, np.array([-1000.0, -40, -5, 0, 5, 30, 35, 37, 40, 700, 1000])),
        "saturated-alone": (saturated, np.array([36.5])),
        "dead-logits": (dead_logits, np.array([[0.0, -1000, 3, 1000], [700, 0, -700, 1]])),
        "badly-scaled": (badly_scaled, vector),
        "badly-scaled-waves": (badly_scaled_waves, vector),
        "at-optimum": (at_optimum, np.ones((5, 3))),
        "absolute": (lambda x: (np.sum(np.abs(x)), np.sign(x)), np.array([0.0, 1.0, -1.0, 1e-5, -1e-9])),
        "relu-one-at-zero": (lambda x: (np.sum(np.maximum(x, 0)), 1.0 * (x >= 0)), np.array([0.0, 1.0, -1e-6])),
        "largest": (lambda x: (np.max(x), 1.0 * (np.arange(len(x)) == np.argmax(x))), np.array([2.0, 2.0, 1.0])),
        "window": (window, vectors),
        "window-saturated": (window, {name: 30 * value for name, value in vectors.items()}),
        "bag": (bag, vectors),
        "scored": (scored, vectors["in"][0]),
        "scored-saturated": (scored, 300 * vectors["in"][0]),
        "scored-softmax": (scored_softmax, vectors["in"][0]),
        "scored-softmax-saturated": (scored_softmax, 300 * vectors["in"][0]),
        "scalar": (lambda x: (x**3, 3 * x**2), 1.7),
        "many": (lambda x: (np.sum(np.sin(x)), np.cos(x)), rng.normal(size=(40, 60))),
        "many-sparse": (sparse, rng.normal(size=(40, 60))),
        "many-relu": (bent, rng.normal(size=(40, 60))),
        "many-single": (lambda x: (np.sum(np.sin(x)), np.cos(x)), rng.normal(size=(40, 60)).astype(np.float32)),
        "many-kinks-at-zero": (lambda x: (np.sum(np.abs(x)), np.sign(x)), np.zeros((40, 60))),
    }  # fmt: skip


RIGHT = build_right_functions(0)


@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_are_right(name) -> None:
    function, point = RIGHT[name]
    report = check_gradient(function, point)
    assert report.ok, str(report)
    assert report.diagnoses == ()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 25))
def test_right_gradients_are_right_at_many_points(seed) -> None:
    for name, (function, point) in build_right_functions(seed).items():
        report = check_gradient(function, point)
        assert report.ok, f"{name}\n{report}"


SMOOTH = [
    "least-squares",
    "least-squares-large",
    "softmax-regression",
    "norm",
    "log",
    "quartic",
    "log-determinant",
    "rosenbrock",
    "offset",
    "scored",
    "scored-softmax",
]


@pytest.mark.parametrize("name", SMOOTH)
def test_a_per_mille_is_found_in_every_smooth_function(name) -> None:
    function, point = RIGHT[name]
    largest = int(np.argmax(np.abs(function(point)[1])))

    def spoiled(x):
        loss, gradient = function(x)
        gradient = np.array(gradient, order="C")
        gradient.reshape(-1)[largest] *= 1.001
        return loss, gradient

    report = check_gradient(spoiled, point)
    assert not report.ok
    assert report.n_wrong == 1
