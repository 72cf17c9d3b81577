"""Room checking: sigmoid, sigmoid_grad, softmax and normalizeRows: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.checking import supplied
from firth.checking.report import Finding, FunctionReport
from firth.checking.stability import Sample
from firth.checking.subject import Slot, Subject
from firth.checking.values import ValueCase, grade_values
from firth.numerics import sigmoid, sigmoid_gradient, softmax

Array = NDArray[np.float64]

SLOTS = (Slot("x", ("x", "s", "f", "z", "inputs", "scores")),)
FLOAT32_TOLERANCE = 1e-4
INTEGERS = "integer inputs, as in the course's own tests"


def _uniform(seed: int, *shape: int, low: float = -2.0, high: float = 2.0) -> Array:
    return np.random.RandomState(seed).uniform(low, high, shape)


def _case(name: str, x: Any, expected: Any, **options: Any) -> ValueCase:
    return ValueCase(name, {"x": x}, np.asarray(expected, np.float64), **options)


def _sampler(
    subject: Subject, exact: Callable[[Array], Any], make: Callable[[float], Array]
) -> Callable[[float], Sample]:
    def sample(score: float) -> Sample:
        x = make(score)
        return {"value": subject.call({"x": x}, SLOTS)}, {"value": exact(x)}

    return sample


def grade_sigmoid(subject: Subject) -> FunctionReport:
    matrix, vector, integers = _uniform(1, 3, 4), _uniform(2, 5), np.array([[1, 2], [-1, -2]])
    cases = [
        _case("a matrix", matrix, sigmoid(matrix)),
        _case("a vector", vector, sigmoid(vector), code="one-dimensional", message="wrong for a vector"),
        _case("a scalar", 0.5, sigmoid(0.5), code="scalar-input", message="wrong for a scalar"),
        _case(INTEGERS, integers, sigmoid(integers), code="integer-input", message=f"wrong for {INTEGERS}"),
        _float32_case(matrix, sigmoid(matrix)),
    ]

    def explain(arguments: Mapping[str, Any], got: Array) -> Finding | None:
        x = arguments["x"]
        if _agrees(got, sigmoid(-x)):
            return Finding("sign", "error", "the sigmoid of -x: the sign in the exponent is wrong")
        return None

    makes: tuple[Callable[[float], Array], ...] = (
        lambda score: np.array([[score, 0.5]]),
        lambda score: np.array([[-score, 0.5]]),
    )
    samples = [_sampler(subject, sigmoid, make) for make in makes]
    return grade_values(subject, SLOTS, cases, explain_wrong=explain, samples=samples)


def grade_sigmoid_grad(subject: Subject) -> FunctionReport:
    matrix, vector = _uniform(3, 3, 4, low=0.05, high=0.95), _uniform(4, 5, low=0.05, high=0.95)
    cases = [
        _case("a matrix of sigmoid values", matrix, sigmoid_gradient(matrix)),
        _case("a vector", vector, sigmoid_gradient(vector), code="one-dimensional", message="wrong for a vector"),
        _case("a scalar", 0.3, sigmoid_gradient(0.3), code="scalar-input", message="wrong for a scalar"),
        _float32_case(matrix, sigmoid_gradient(matrix)),
    ]

    def explain(arguments: Mapping[str, Any], got: Array) -> Finding | None:
        values = arguments["x"]
        if _agrees(got, sigmoid_gradient(sigmoid(values))):
            message = (
                "the function takes x and applies the sigmoid itself; the course's sigmoid_grad takes the sigmoid's"
                " value, so that sigmoid_grad(s) is s (1 - s)"
            )
            return Finding("takes-input", "error", message)
        return None

    return grade_values(subject, SLOTS, cases, explain_wrong=explain)


def grade_softmax(subject: Subject) -> FunctionReport:
    wide, tall, square = _uniform(5, 3, 5), _uniform(6, 5, 3), _uniform(7, 3, 3)
    vector, integers, row = _uniform(8, 4), np.array([[3, 4], [1, 2]]), _uniform(9, 1, 4)
    not_a_vector = "works for matrices, not for a vector, which the course treats as a row"
    cases = [
        _case("a matrix, row by row", wide, softmax(wide)),
        _case("a matrix of more rows than columns", tall, softmax(tall)),
        _case("a square matrix", square, softmax(square)),
        _case("a matrix of one row", row, softmax(row)),
        _case("a vector", vector, softmax(vector), code="one-dimensional", message=not_a_vector),
        _case(INTEGERS, integers, softmax(integers), code="integer-input", message=f"wrong for {INTEGERS}"),
        _float32_case(wide, softmax(wide)),
    ]

    def explain(arguments: Mapping[str, Any], got: Array) -> Finding | None:
        x = arguments["x"]
        if _agrees(got, softmax(x, axis=0)) and x.shape[0] > 1:
            return Finding("axis", "error", "normalised over the columns; the course's softmax acts on each row")
        if _agrees(got, np.asarray(softmax(x.reshape(-1))).reshape(x.shape)) and x.shape[0] > 1:
            return Finding("axis", "error", "normalised over the whole array; the course's softmax acts on each row")
        return None

    # Ahead by the score, behind by it, and everything far from zero together.
    makes: tuple[Callable[[float], Array], ...] = (
        lambda score: np.array([[score, 0.0, 1.0], [0.5, 0.25, -1.0]]),
        lambda score: np.array([[-score, 0.0, 1.0], [0.5, 0.25, -1.0]]),
        lambda score: np.array([[score, score + 1.0, score - 1.0], [3.0, 4.0, 2.0]]),
        lambda score: np.array([[-score, -score - 1.0, -score + 1.0], [3.0, 4.0, 2.0]]),
    )
    return grade_values(
        subject, SLOTS, cases, explain_wrong=explain, samples=[_sampler(subject, softmax, make) for make in makes]
    )


def grade_normalize_rows(subject: Subject) -> FunctionReport:
    known, matrix, square = np.array([[3.0, 4.0], [1.0, 2.0]]), _uniform(10, 4, 3), _uniform(11, 3, 3)
    with_zero = np.array([[3.0, 4.0], [0.0, 0.0]])
    cases = [
        _case("[[3, 4], [1, 2]]", known, supplied.normalizeRows(known)),
        _case("a matrix", matrix, supplied.normalizeRows(matrix)),
        _case("a square matrix", square, supplied.normalizeRows(square)),
        _case(
            "a row of zeros",
            with_zero,
            supplied.normalizeRows(with_zero),
            code="zero-row",
            message="a row of zeros becomes NaN; it has no direction, and could stay as it is",
        ),
        _case(
            INTEGERS,
            known.astype(int),
            supplied.normalizeRows(known),
            code="integer-input",
            message=f"wrong for {INTEGERS}",
        ),
        _float32_case(matrix, supplied.normalizeRows(matrix)),
    ]

    def explain(arguments: Mapping[str, Any], got: Array) -> Finding | None:
        x = arguments["x"]
        if _agrees(got, x / np.abs(x).sum(axis=1, keepdims=True)):
            return Finding("norm", "error", "divided by the sum of the magnitudes, not by the Euclidean length")
        if _agrees(got, x / x.sum(axis=1, keepdims=True)):
            return Finding("norm", "error", "divided by the sum of the row, not by its Euclidean length")
        if _agrees(got, x / np.sum(x**2, axis=1, keepdims=True)):
            return Finding("norm", "error", "divided by the squared length: the square root is missing")
        if _agrees(got, x / np.sqrt(np.sum(x**2, axis=0, keepdims=True))):
            return Finding("axis", "error", "the columns have unit length, not the rows")
        return None

    return grade_values(subject, SLOTS, cases, explain_wrong=explain)


def _float32_case(x: Array, expected: Any) -> ValueCase:
    single = x.astype(np.float32)
    return _case(
        "float32 inputs",
        single,
        expected,
        code="float32-input",
        tolerance=FLOAT32_TOLERANCE,
        message="wrong for float32 inputs",
    )


def _agrees(got: Array, expected: Any) -> bool:
    right = np.asarray(expected, np.float64)
    return got.shape == right.shape and bool(np.allclose(got, right, rtol=1e-5, atol=1e-8))
