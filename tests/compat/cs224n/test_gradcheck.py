"""The course's gradient checker: what it prints, what it leaves behind, and that it can fail."""

from __future__ import annotations

import random

import numpy as np
import pytest

from firth.compat.cs224n import a2, gradcheck_naive
from firth.errors import ParameterError, ShapeError
from firth.numerics.gradients import RowGradient


def quadratic(x):
    return np.sum(x**2), 2 * x


@pytest.mark.parametrize("shape", [(), (3,), (4, 5), (2, 1, 3)])
def test_passes(shape, capsys):
    x = np.asarray(np.random.default_rng(1).normal(size=shape) * 100)
    kept = x.copy()
    assert gradcheck_naive(quadratic, x) is None
    assert capsys.readouterr().out == "Gradient check passed!\n"
    np.testing.assert_array_equal(x, kept)


def test_fails_with_the_first_index_and_both_gradients(capsys):
    def wrong(x):
        gradient = 2 * x
        gradient[1, 0] *= 1.001
        gradient[1, 1] = 7
        return np.sum(x**2), gradient

    gradcheck_naive(wrong, np.full((2, 2), 3.0))
    assert capsys.readouterr().out == (
        "Gradient check failed.\n"
        "First gradient error found at index (1, 0)\n"
        "Your gradient: 6.006000 \t Numerical gradient: 6.000000\n"
    )


def test_prints_as_the_later_editions(capsys):
    a2.gradcheck_naive(quadratic, np.ones(2), "the square")
    assert capsys.readouterr().out == (
        "Gradient check passed!. Read the docstring of the `gradcheck_naive` method in utils.gradcheck.py "
        "to understand what the gradient check does.\n"
    )
    a2.gradcheck_naive(lambda x: (np.sum(x**2), x), np.ones(2), "the square")
    assert capsys.readouterr().out == (
        "Gradient check failed for the square.\n"
        "First gradient error found at index (0,) in the vector of gradients\n"
        "Your gradient: 1.000000 \t Numerical gradient: 2.000000\n"
    )


@pytest.mark.parametrize("broken", [np.nan, 0.0, -2.0])
def test_fails_on_any_wrong_gradient(broken, capsys):
    gradcheck_naive(lambda x: (np.sum(x**2), broken * x), np.ones(2))
    assert capsys.readouterr().out.startswith("Gradient check failed.\n")


def test_restores_random_for_every_evaluation_and_leaves_it_as_the_last_one_did(capsys):
    def noisy(x):
        factor = random.random()
        return factor * np.sum(x**2), 2 * factor * x

    random.seed(5)
    gradcheck_naive(noisy, np.ones(4))
    after = random.random()
    random.seed(5)
    random.random()
    assert random.random() == after
    assert capsys.readouterr().out == "Gradient check passed!\n"


def test_puts_x_back_when_the_function_raises():
    x = np.ones(3)
    calls = []

    def fails_later(y):
        calls.append(1)
        if len(calls) == 4:
            raise RuntimeError("broken")
        return quadratic(y)

    with pytest.raises(RuntimeError, match="broken"):
        gradcheck_naive(fails_later, x)
    np.testing.assert_array_equal(x, np.ones(3))


def test_takes_a_row_gradient(capsys):
    def of_two_rows(x):
        return np.sum(x[[0, 2]] ** 2), RowGradient(np.array([0, 2]), 2 * x[[0, 2]])

    gradcheck_naive(of_two_rows, np.ones((4, 2)))
    assert capsys.readouterr().out == "Gradient check passed!\n"


@pytest.mark.parametrize("x", [np.array([1, 2]), 3.0, [1.0]])
def test_refuses_what_cannot_be_moved(x):
    with pytest.raises(ParameterError, match="x must be an array of floats"):
        gradcheck_naive(quadratic, x)


def test_refuses_a_gradient_of_another_shape():
    with pytest.raises(ShapeError, match=r"gradient must have the shape \(3,\)"):
        gradcheck_naive(lambda x: (0.0, np.zeros(2)), np.ones(3))
