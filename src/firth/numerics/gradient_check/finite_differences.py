"""Room numerics: the slope of a function along a line by finite differences, compared with a claimed slope.

Central differences of the fourth order,

    D(h) = [8 (f(h) - f(-h)) - (f(2h) - f(-2h))] / 12h = f'(0) - h^4 f^(5)(0) / 30 + ...

have errors of about 1e-12 for a suitable h, and can be arbitrarily wrong for another h. So a single step decides
nothing. A claimed slope is called wrong only if several steps agree with each other and differ from the claim by more
than the rounding of f explains, and no kink explains the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np

STEP_RATIO = 7.0  # ratio of consecutive steps; not a power of two, so that no period of f is a multiple of every step
MAX_SHRINKS = 12
NOISE_SAFETY = 8.0  # accepted error of a slope, as a multiple of its estimated rounding
RESOLUTION = 1e-4  # if rounding is a larger share of a slope than this, a wider step is tried
SMALLEST_STEP, LARGEST_STEP = 2.0**-11, 2.0**-3  # bounds of the first step, for a function of scale one
N_NOISE_POINTS = 9


@dataclass(frozen=True)
class Slope:
    """Central difference at one step, the one-sided differences (second order), and a bound of their rounding error."""

    value: float
    forward: float
    backward: float
    noise: float
    step: float


@dataclass(frozen=True)
class Comparison:
    """The verdict on a claimed slope.

    ``verdict`` is "right"; "wrong"; "kink" if the claim is between the one-sided slopes of a kink, which is a
    subgradient and therefore right; or "unresolved" if differences cannot decide, which does not count as wrong.
    """

    verdict: str
    slope: Slope


class Line:
    """A function of one number and its rounding level. Each value is computed only once.

    Parameters
    ----------
    function : callable of a float
        It may return NaN where f is not defined.
    noise : float
        Standard deviation of the rounding of f near 0 (:func:`estimate_noise`).
    relative_noise : float
        Standard deviation of the rounding as a share of |f|, for points where f is larger than near 0.
    position_noise : float
        The change of f caused by rounding of the point through which the line passes.
    position_rounding : float
        The rounding of the position on the line, in the units of the line.
    """

    def __init__(
        self,
        function: Callable[[float], float],
        *,
        noise: float,
        relative_noise: float,
        position_noise: float = 0.0,
        position_rounding: float = 0.0,
    ) -> None:
        self._function = function
        self._values: dict[float, float] = {}
        self._noise, self._relative_noise = noise, relative_noise
        self._position_noise, self._position_rounding = position_noise, position_rounding

    def value(self, t: float) -> float:
        if t not in self._values:
            self._values[t] = self._function(t)
        return self._values[t]

    def slope(self, step: float) -> Slope:
        here, back, ahead = self.value(0.0), self.value(-step), self.value(step)
        far_back, far_ahead = self.value(-2 * step), self.value(2 * step)
        with np.errstate(all="ignore"):
            value = (8 * (ahead - back) - (far_ahead - far_back)) / (12 * step)
            forward = (4 * ahead - 3 * here - far_ahead) / (2 * step)
            backward = (3 * here + far_back - 4 * back) / (2 * step)
            largest = max(abs(ahead), abs(back), abs(far_ahead), abs(far_back))
            # sqrt(2 (8^2 + 1)) / 12 = 0.95
            steepness = max(abs(ahead - here), abs(here - back)) / step
            moved = self._position_noise + self._position_rounding * steepness
            noise = (max(self._noise, self._relative_noise * largest) + moved) / step
        if here == back == ahead == far_back == far_ahead and any(known != here for known in self._values.values()):
            noise = np.inf  # a wider step has shown that this step is too small for the rounding
        return Slope(float(value), float(forward), float(backward), float(noise), step)


def estimate_noise(values: Sequence[float]) -> float:
    """Rounding level of a function, from values at nine equally and closely spaced points.

    The k-th difference of smooth values is nearly 0. The k-th difference of rounding errors has the variance
    (2k)! / (k!)^2 s^2. The smaller of the estimates from the fifth and sixth differences is returned; 0 if a value is
    not finite.

    References
    ----------
    Moré, Wild (2011), "Estimating computational noise", SIAM J. Sci. Comput. 33(3).
    """
    differences = np.asarray(values, np.float64)
    if not np.all(np.isfinite(differences)):
        return 0.0
    estimates = []
    for order in range(1, 7):
        differences = np.diff(differences)
        if order >= 5:
            gamma = factorial(order) ** 2 / factorial(2 * order)
            estimates.append(float(np.sqrt(gamma * np.mean(differences**2))))
    return min(estimates)


def choose_first_step(noise: float, scale: float) -> float:
    """The step at which rounding and truncation errors of D(h) are equal, at scale one: (noise / scale)^(1/5)."""
    share = noise / scale if scale > 0 else 0.0
    return float(np.clip(share**0.2, SMALLEST_STEP, LARGEST_STEP))


def accepts(claimed: float, slope: Slope, *, tolerance: float, floor: float) -> bool:
    """Whether a slope equals the claim, within the relative tolerance, the absolute floor and the slope's rounding."""
    allowed = tolerance * max(abs(claimed), abs(slope.value)) + floor + NOISE_SAFETY * slope.noise
    return bool(abs(claimed - slope.value) <= allowed)


def is_resolved(claimed: float, slope: Slope, *, floor: float, share: float = RESOLUTION) -> bool:
    """Whether rounding is small relative to the slope. Otherwise an accepted slope proves nothing."""
    return NOISE_SAFETY * slope.noise <= max(share * max(abs(claimed), abs(slope.value)), floor)


def compare_slope(
    line: Line, claimed: float, first: Slope, *, tolerance: float, floor: float, largest_step: float
) -> Comparison:
    """Decide whether the claimed slope is the slope of the line. Tries as many steps as needed.

    Parameters
    ----------
    line : Line
    claimed : float
    first : Slope
        ``line.slope(step)`` at the first step.
    tolerance : float
        Largest relative error that is accepted.
    floor : float
        Largest absolute error that is accepted.
    largest_step : float
        Largest step that is tried.
    """

    def is_consistent(coarse: Slope, fine: Slope) -> bool:
        allowed = NOISE_SAFETY * max(coarse.noise, fine.noise) + tolerance * max(abs(coarse.value), abs(fine.value))
        return bool(abs(coarse.value - fine.value) <= allowed)

    def is_steady(wide: Slope, narrow: Slope) -> bool:
        """Whether two slopes agree, relative to their distance from the claim and to their size.

        The second test is needed because a bounded f has small slopes at wide steps.
        """
        change = abs(wide.value - narrow.value)
        near = max(0.01 * abs(wide.value), NOISE_SAFETY * max(wide.noise, narrow.noise))
        return bool(change <= min(0.2 * abs(claimed - wide.value), near))

    # Narrower until truncation no longer shows: a kink nearby, a short length scale, an edge of the domain.
    narrow = first
    for _ in range(MAX_SHRINKS):
        fine = line.slope(narrow.step / STEP_RATIO)
        if is_consistent(narrow, fine):
            break
        narrow = fine
    else:
        return Comparison("unresolved", narrow if np.isfinite(narrow.value) else first)

    # Wider while rounding is what limits, and as long as nothing but rounding changes.
    candidates = [narrow]
    while not is_resolved(claimed, candidates[-1], floor=floor) and candidates[-1].step * STEP_RATIO <= largest_step:
        wider = line.slope(candidates[-1].step * STEP_RATIO)
        if not is_consistent(wider, candidates[-1]):
            break
        candidates.append(wider)

    disagreeing = [slope for slope in candidates if not accepts(claimed, slope, tolerance=tolerance, floor=floor)]
    if not disagreeing:
        return Comparison("right", candidates[-1])
    for slope in reversed(disagreeing):
        gap = abs(claimed - slope.value)
        half = line.slope(slope.step / 2)
        quarter = line.slope(slope.step / 4)
        if NOISE_SAFETY * quarter.noise > 0.5 * gap or not (is_steady(slope, half) and is_steady(slope, quarter)):
            continue
        if _is_at_kink(line, claimed, slope, gap, floor, tolerance):
            return Comparison("kink", slope)
        return Comparison("wrong", slope)
    return Comparison("unresolved", candidates[-1])


def _is_at_kink(line: Line, claimed: float, slope: Slope, gap: float, floor: float, tolerance: float) -> bool:
    """Whether the one-sided slopes differ at every step, with the claimed slope between them."""
    for step in (slope.step, slope.step / STEP_RATIO):
        at = line.slope(step)
        low, high = sorted((at.forward, at.backward))
        margin = tolerance * max(abs(low), abs(high)) + floor + 3 * NOISE_SAFETY * at.noise
        if not (high - low > 0.5 * gap and low - margin <= claimed <= high + margin):
            return False
    return True
