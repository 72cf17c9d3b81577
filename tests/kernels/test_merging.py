"""The law by which copies of rows are added up: native code and its twin agree, and errors die out under it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from firth.kernels.settings import open_kernel
from firth.kernels.staleness import MARGIN, RELAXATION, merge_factor
from firth.native.loader import available_instruction_sets

STEPS = (0.0, 1e-300, 1e-9, 1e-3, 0.02, 0.1, 0.3, 1.0, 10.0, 1e6)
MOST_COPIES, MOST_DELAY = 16, 31


def largest_root(gain: float, delay: int) -> float:
    """The largest modulus of z with z^(d+1) = z^d - gain: what e[n + 1] = e[n] - gain e[n - d] grows by in a step."""
    if delay == 0:
        return abs(1 - gain)
    coefficients = np.zeros(delay + 2)
    coefficients[[0, 1, -1]] = 1, -1, gain
    return float(np.abs(np.roots(coefficients)).max())


@pytest.mark.parametrize("instruction_set", available_instruction_sets())
def test_native_code_and_its_twin_have_one_law(instruction_set: str) -> None:
    kernel = open_kernel(instruction_set)
    for step, copies, delay in itertools.product(STEPS, (1, 2, 3, 8, MOST_COPIES), (0, 1, 3, 7, MOST_DELAY)):
        factor = kernel.merge_factor(step, copies, delay)
        assert factor == pytest.approx(merge_factor(step, copies, delay), rel=1e-14), (step, copies, delay)


@pytest.mark.parametrize("delay", range(MOST_DELAY + 1))
def test_errors_die_out_whatever_the_step_and_the_number_of_copies(delay: int) -> None:
    limit = 2 * np.sin(np.pi / (2 * (2 * delay + 1)))
    assert largest_root(0.999 * limit, delay) < 1
    assert largest_root(1.001 * limit, delay) > 1, "the limit is where errors stop to die out"
    for step, copies in itertools.product(STEPS[2:], range(1, MOST_COPIES + 1)):
        gain = merge_factor(step, copies, delay) * copies * (1 - np.exp(-RELAXATION * step))
        assert gain <= 1 + 1e-12, "no row goes beyond the equilibrium that its copies went for"
        assert gain <= MARGIN * limit * (1 + 1e-12)
        assert largest_root(gain, delay) < 1


def test_the_law_by_hand() -> None:
    assert merge_factor(0.0, 1, 0) == 1  # nothing is damped where nothing settles
    assert merge_factor(0.0, 16, 0) == 0.5  # 16^-1/4
    assert merge_factor(1e3, 8, 0) == pytest.approx(1 / 8)  # a round: the mean of copies that went all the way
    assert merge_factor(1e3, 1, 1) == pytest.approx(0.85)  # two threads: limit(1) = 2 sin 30 degrees = 1
    assert merge_factor(1e3, 1, 3) == pytest.approx(0.85 * 0.4450418679, rel=1e-9)  # four: 2 sin(90 / 7 degrees)
    assert merge_factor(np.log(2) / 4, 2, 0) == pytest.approx(2**-0.25)  # r = 1/2: 1 / (2 r) = 1 does not bind
