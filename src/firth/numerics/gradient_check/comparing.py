"""Room numerics: one gradient check: compares the gradient with differences of the loss, by coordinate or direction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.errors import FirthError, ParameterError
from firth.numerics.gradient_check.diagnosis import diagnose_gradient
from firth.numerics.gradient_check.finite_differences import (
    N_NOISE_POINTS,
    STEP_RATIO,
    Comparison,
    Line,
    Slope,
    accepts,
    choose_first_step,
    compare_slope,
    estimate_noise,
    is_resolved,
)
from firth.numerics.gradient_check.generators import RestoredStates
from firth.numerics.gradient_check.layout import Arrays, Layout, is_same, read_gradient, read_loss
from firth.numerics.gradient_check.patterns import Diagnosis
from firth.numerics.gradient_check.report import CoordinateError, GradientReport

MAX_COORDINATES = 1000  # with more, "auto" uses random projections, because a coordinate costs 4 evaluations
N_PROJECTIONS = 24
N_SAMPLED_COORDINATES = 64  # coordinates that are compared one by one in addition to projections
N_LOCALIZED_COORDINATES = 225  # coordinates of each wrong block that are compared after a projection failed
N_BISECTIONS = 4
MAX_WRONG_PROJECTIONS = 3  # after this number of wrong projections, the search for wrong coordinates begins
NOISE_SPACINGS = (1e-6, 1e-9, 1e-12)  # relative distances of the points that estimate the rounding of the loss
WIDE_NOISE_SPACING = 1e-4  # the distance if the loss shows no rounding at the distances above
MAX_REFINED = 40  # most coordinates that are compared at several steps

# Largest relative error that is accepted, by the coarsest float type of x, the loss and the gradient.
TOLERANCES: dict[np.dtype[Any], float] = {
    np.dtype(np.float16): 3e-2,
    np.dtype(np.float32): 5e-4,
    np.dtype(np.float64): 1e-7,
}
# Rounding of the gradient itself, in machine epsilons: relative to its largest coordinate, and absolute.
GRADIENT_ROUNDING, UNIT_ROUNDING = 1000.0, 8.0

LossAndGradient: TypeAlias = Callable[[Any], Any]  # x to (loss, gradient)


class Check:
    """One run of check_gradient: the arguments, and the results so far."""

    def __init__(
        self,
        function: LossAndGradient,
        layout: Layout,
        states: RestoredStates,
        method: str,
        n_projections: int,
        tolerance: float | None,
        sizes: Mapping[str, int] | None,
        seed: int,
        n_worst: int,
    ) -> None:
        self.function, self.layout, self.states = function, layout, states
        self.n_projections, self.sizes, self.n_worst = n_projections, sizes, n_worst
        self.random = np.random.default_rng(seed)
        if method == "auto":
            method = "every-coordinate" if layout.n_coordinates <= MAX_COORDINATES else "projections"
        self.method = method
        self.given_tolerance = tolerance
        self.n_evaluations = 0
        self.remarks: list[Diagnosis] = []
        self.failures: dict[str, int] = {}

        n = layout.n_coordinates
        self.numeric = np.full(n, np.nan)
        self.is_wrong = np.zeros(n, bool)
        self.is_unresolved = np.zeros(n, bool)
        self.is_at_kink = np.zeros(n, bool)
        self.best_noise: dict[int, float] = {}

    # Evaluation --------------------------------------------------------------------------------------------------

    def evaluate(self, arrays: Arrays) -> tuple[Any, Any]:
        self.states.restore()
        self.n_evaluations += 1
        result = self.function(self.layout.as_point(arrays))
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            got = f"{len(result)} values" if isinstance(result, (tuple, list)) else type(result).__name__
            raise ParameterError(
                f"function must return (loss, gradient), got {got}; wrap it, for example: lambda x: function(x)[:2]"
            )
        return result[0], result[1]

    def loss(self, arrays: Arrays) -> float:
        """The loss at a moved point. NaN if the function raises an ArithmeticError or a ValueError there."""
        try:
            with np.errstate(all="ignore"):
                return read_loss(self.evaluate(arrays)[0])
        except FirthError:
            raise
        except (ArithmeticError, ValueError) as error:  # math.log(-1) is a ValueError
            failure = f"{type(error).__name__}: {error}"
            self.failures[failure] = self.failures.get(failure, 0) + 1
            return float("nan")

    def run(self) -> GradientReport:
        arrays = self.layout.copy_arrays()
        raw_loss, raw_gradient = self.evaluate(arrays)
        self.loss_at_x = read_loss(raw_loss)
        self.loss_epsilon = float(np.finfo(np.asarray(raw_loss).dtype).eps) if _is_float(raw_loss) else 2.0**-52
        if np.ndim(raw_loss) > 0:
            message = f"the loss must be a scalar, got the shape {np.shape(raw_loss)}"
            self.remarks.append(Diagnosis("cost-shape", message, {"shape": np.shape(raw_loss)}, severity="warning"))
        for name, array in arrays.items():
            if not np.array_equal(array, self.layout.arrays[name]):
                message = f"the function modifies {name}; the check gave each call a copy"
                self.remarks.append(Diagnosis("input-modified", message, {}, severity="warning"))

        gradients, gradient_epsilon, problems = read_gradient(raw_gradient, self.layout)
        self.epsilon = max(self.layout.epsilon, gradient_epsilon, self.loss_epsilon)
        self.dtype = _coarsest_dtype(self.epsilon)
        self.tolerance = TOLERANCES[self.dtype] if self.given_tolerance is None else self.given_tolerance
        if not np.isfinite(self.loss_at_x):
            message = f"the loss is {self.loss_at_x} at x, so there are no differences to compare with"
            problems.append(Diagnosis("not-finite", message, {"loss": self.loss_at_x}))
        if gradients is None or problems:
            return self._report_uncompared(problems, gradients)
        self.analytic = gradients

        again_loss, again_gradient = self.evaluate(self.layout.copy_arrays())
        repeated = read_gradient(again_gradient, self.layout)[0]
        change = abs(read_loss(again_loss) - self.loss_at_x)
        if repeated is None or not is_same(change, self.loss_at_x, self.analytic, repeated, self.tolerance):
            message = (
                "two calls at the same x differ: pass the generators that the function draws from as rng=, "
                "and keep no state in the function"
            )
            return self._report_uncompared(
                [Diagnosis("not-deterministic", message, {"loss_change": change})], gradients
            )

        self._measure_noise(change)
        if self.method == "every-coordinate":
            self._compare_coordinates(np.arange(self.layout.n_coordinates))
            n_projections = n_wrong_projections = 0
        else:
            n_projections, n_wrong_projections = self._compare_projections()
        return self._report(n_projections, n_wrong_projections)

    # Comparing ---------------------------------------------------------------------------------------------------

    def _measure_noise(self, change: float) -> None:
        """Estimate the rounding of the loss from points on a short line in a random direction.

        The line is drawn with several spacings: if the loss curves on a short scale, points with a wide spacing do not
        lie on a smooth curve. The smallest estimate above 0 counts. An estimate of 0 means that the points are so close
        that the loss does not change.
        """
        signs = self.random.choice([-1.0, 1.0], self.layout.n_coordinates)
        scales = np.where(self.layout.origin == 0, 1.0, np.abs(self.layout.origin))
        values: list[float] = []
        estimates: list[float] = []
        smallest = 512 * self.layout.epsilon
        for spacing in (*NOISE_SPACINGS, WIDE_NOISE_SPACING):
            if estimates and (any(estimates) if spacing == WIDE_NOISE_SPACING else spacing < smallest):
                continue
            direction = signs * max(spacing, smallest) * scales
            line = [self.loss(self.layout.move(direction, float(k))) for k in range(1, N_NOISE_POINTS + 1)]
            values += line
            estimates.append(estimate_noise(line))
        finite = [abs(value) for value in values if np.isfinite(value)]
        scale = max([abs(self.loss_at_x), *finite])
        estimate = min((value for value in estimates if value > 0), default=0.0)
        self.noise = max(estimate, self.loss_epsilon / 2 * scale, change)
        # Digits that the loss loses, for example by single precision inside the function, the gradient loses too.
        self.relative_noise = max(self.loss_epsilon / 2, 0.5 * self.noise / scale if scale > 0 else 0.0)
        inherited = 1e3 * self.noise / scale if scale > 0 else 0.0
        if self.given_tolerance is None:
            self.tolerance = max(self.tolerance, min(inherited, 1e-4))
        finite_gradient = np.abs(self.analytic[np.isfinite(self.analytic)])
        self.first_step = choose_first_step(self.noise, max(scale, float(finite_gradient.max(initial=0.0))))

    def _coordinate_line(self, coordinate: int) -> Line:
        origin = abs(float(self.layout.origin[coordinate]))
        return Line(
            lambda t: self.loss_at_x if t == 0 else self.loss(self.layout.move_coordinate(coordinate, t)),
            noise=self.noise,
            relative_noise=self.relative_noise,
            position_rounding=self.layout.epsilon / 2 * origin,
        )

    def _direction_line(self, direction: NDArray[np.float64]) -> Line:
        terms = self.layout.origin * np.nan_to_num(self.analytic, posinf=0.0, neginf=0.0)
        return Line(
            lambda t: self.loss_at_x if t == 0 else self.loss(self.layout.move(direction, t)),
            noise=self.noise,
            relative_noise=self.relative_noise,
            position_noise=self.layout.epsilon / 2 * float(np.linalg.norm(terms[direction != 0])),
            position_rounding=self.layout.epsilon / 2 * float(np.abs(self.layout.origin).max()),
        )

    def _step_at(self, magnitude: float) -> float:
        """The first step at a coordinate. It is large enough not to be rounded away when it is added to x."""
        return max(self.first_step, 1e4 * np.finfo(np.float64).eps * magnitude, 16 * self.layout.epsilon * magnitude)

    def _compare_coordinates(self, coordinates: NDArray[np.int64]) -> None:
        """Compare each of these coordinates of the gradient with differences along the coordinate."""
        lines = {int(c): self._coordinate_line(int(c)) for c in coordinates}
        steps = {c: self._step_at(abs(float(self.layout.origin[c]))) for c in lines}
        slopes = {c: line.slope(steps[c]) for c, line in lines.items()}
        for c, slope in slopes.items():
            self.numeric[c] = slope.value

        floor = self._floor(np.array([slope.value for slope in slopes.values()]))
        not_finite = [c for c in lines if not np.isfinite(self.analytic[c])]
        self.is_wrong[not_finite] = True
        suspects, unclear = [], []
        for c, slope in slopes.items():
            if c in not_finite:
                continue
            claimed = float(self.analytic[c])
            if not accepts(claimed, slope, tolerance=self.tolerance, floor=floor):
                suspects.append(c)
            elif not is_resolved(claimed, slope, floor=floor):
                unclear.append(c)

        def relative_gap(c: int) -> float:
            gap = abs(self.analytic[c] - slopes[c].value) / max(abs(self.analytic[c]), abs(slopes[c].value), 1e-300)
            return float(gap) if np.isfinite(gap) else 2.0

        suspects.sort(key=relative_gap, reverse=True)
        all_confirmed = True  # whether other steps confirmed each suspect so far
        for rank, c in enumerate(suspects):
            if rank >= MAX_REFINED and all_confirmed:
                self.is_wrong[c] = True
                continue
            comparison = self._refine(c, lines[c], slopes[c], floor)
            moved = abs(comparison.slope.value - slopes[c].value)
            is_confirmed = comparison.verdict == "wrong" and moved <= 0.01 * abs(self.analytic[c] - slopes[c].value)
            all_confirmed = all_confirmed and is_confirmed
        if len(unclear) > MAX_REFINED:
            unclear = [int(c) for c in self.random.choice(unclear, MAX_REFINED, replace=False)]
        for c in unclear:
            self._refine(c, lines[c], slopes[c], floor)
        for c in lines:
            if c in not_finite or self.is_wrong[c]:
                continue
            largest = max(abs(float(self.analytic[c])), abs(float(np.nan_to_num(self.numeric[c]))))
            slope = slopes[c]
            self.is_unresolved[c] |= (
                self.analytic[c] != 0 and c in unclear and self.best_noise.get(c, slope.noise) * 8 > 0.5 * largest
            )

    def _refine(self, coordinate: int, line: Line, first: Slope, floor: float) -> Comparison:
        """Compare a coordinate at several steps, and store the verdict."""
        origin = abs(float(self.layout.origin[coordinate]))
        comparison = compare_slope(
            line,
            float(self.analytic[coordinate]),
            first,
            tolerance=self.tolerance,
            floor=floor,
            largest_step=STEP_RATIO**3 * max(first.step, self.first_step * max(1.0, origin)),
        )
        self.numeric[coordinate] = comparison.slope.value
        self.best_noise[coordinate] = comparison.slope.noise
        self.is_wrong[coordinate] = comparison.verdict == "wrong"
        self.is_unresolved[coordinate] = comparison.verdict == "unresolved"
        self.is_at_kink[coordinate] = comparison.verdict == "kink"
        return comparison

    def _floor(self, numeric: NDArray[np.float64]) -> float:
        """The absolute error that rounding in the computation of the gradient explains."""
        analytic = np.abs(self.analytic[np.isfinite(self.analytic)]).max(initial=0.0)
        largest = min(float(analytic), float(np.abs(numeric[np.isfinite(numeric)]).max(initial=0.0)))
        return self.epsilon * (GRADIENT_ROUNDING * largest + UNIT_ROUNDING)

    def _is_projection_wrong(self, direction: NDArray[np.float64]) -> bool:
        """Whether the slope in a direction differs from the gradient's projection on the direction."""
        gradient = self.analytic * direction
        claimed = float(gradient.sum())
        length = float(np.linalg.norm(gradient))
        line = self._direction_line(direction)
        first = line.slope(self._step_at(0.0))
        floor = self.epsilon * (GRADIENT_ROUNDING * length + UNIT_ROUNDING) + 0.1 * self.tolerance * length
        if accepts(claimed, first, tolerance=self.tolerance, floor=floor) and is_resolved(claimed, first, floor=floor):
            return False
        comparison = compare_slope(
            line,
            claimed,
            first,
            tolerance=self.tolerance,
            floor=floor,
            largest_step=STEP_RATIO**3 * first.step * max(1.0, float(np.sqrt(np.count_nonzero(direction)))),
        )
        return comparison.verdict == "wrong"

    def _random_direction(self, coordinates: NDArray[np.int64]) -> NDArray[np.float64]:
        direction = np.zeros(self.layout.n_coordinates)
        direction[coordinates] = self.random.choice([-1.0, 1.0], len(coordinates)) / np.sqrt(len(coordinates))
        return direction

    def _compare_projections(self) -> tuple[int, int]:
        """Compare slopes in directions, and a sample of coordinates.

        The directions are random ones over all coordinates, the gradient's direction, and random ones over each block.
        Returns the number of directions, and the number of them with a wrong slope.
        """
        n = self.layout.n_coordinates
        everywhere = np.arange(n)
        finite = np.isfinite(self.analytic)
        if not finite.all():
            self._compare_coordinates(np.flatnonzero(~finite)[:N_SAMPLED_COORDINATES])
            self.is_wrong[~finite] = True
            return 0, 0
        wrong_blocks: set[str] = set()
        n_wrong = 0
        n_done = 0
        while n_done < self.n_projections and n_wrong < MAX_WRONG_PROJECTIONS:
            n_wrong += self._is_projection_wrong(self._random_direction(everywhere))
            n_done += 1
        length = float(np.linalg.norm(self.analytic))
        if length > 0:
            n_done += 1
            n_wrong += self._is_projection_wrong(self.analytic / length)
        if self.layout.has_blocks:
            for name, shape in self.layout.shapes.items():
                size = int(np.prod(shape))
                for _ in range(2 if size else 0):
                    n_done += 1
                    if self._is_projection_wrong(self._random_direction(self.layout.starts[name] + np.arange(size))):
                        n_wrong += 1
                        wrong_blocks.add(name)
        largest = np.argsort(-np.abs(self.analytic))[: N_SAMPLED_COORDINATES // 2]
        sampled = np.union1d(largest, self.random.choice(n, min(n, N_SAMPLED_COORDINATES // 2), replace=False))
        self._compare_coordinates(sampled)
        if n_wrong or self.is_wrong.any():
            self._localize(wrong_blocks)
        return n_done, n_wrong

    def _localize(self, wrong_blocks: set[str]) -> None:
        """Search for wrong coordinates after a comparison failed: enough of each wrong block to diagnose it."""
        names = wrong_blocks | {self.layout.place(int(c))[0] or "x" for c in np.flatnonzero(self.is_wrong)}
        if not self.layout.has_blocks:
            names = set(self.layout.shapes)
        for name in self.layout.shapes:  # in the order of blocks: a set's order would change the random draws
            size = int(np.prod(self.layout.shapes[name]))
            n_samples = N_LOCALIZED_COORDINATES if name in names else N_SAMPLED_COORDINATES // 2
            if size:
                self._compare_coordinates(self.layout.starts[name] + self._sample_block(name, n_samples))
        if self.is_wrong.sum() > N_BISECTIONS:
            return
        for _ in range(N_BISECTIONS):
            found = self._bisect()
            if found is not None and not self.is_wrong[found]:
                self._compare_coordinates(np.array([found]))

    def _sample_block(self, name: str, n_samples: int) -> NDArray[np.int64]:
        """All coordinates of a small block, else a sample. Of a matrix, some rows and columns show its structure."""
        shape = self.layout.shapes[name]
        size = int(np.prod(shape))
        if size <= n_samples:
            return np.arange(size)
        if len(shape) == 2 and min(shape) > 1:
            n_rows, n_columns = shape
            take_columns = min(n_columns, max(int(np.sqrt(n_samples)), n_samples // n_rows))
            take_rows = min(n_rows, n_samples // take_columns)
            gradient = np.abs(self.layout.to_blocks(self.analytic)[name])
            rows = self._sample_heavy(gradient.sum(axis=1), take_rows)
            columns = self._sample_heavy(gradient.sum(axis=0), take_columns)
            return np.asarray((rows[:, None] * n_columns + columns[None, :]).reshape(-1), np.int64)
        return self._sample_heavy(np.abs(self.layout.to_blocks(self.analytic)[name]).reshape(-1), n_samples)

    def _sample_heavy(self, weights: NDArray[np.float64], n_samples: int) -> NDArray[np.int64]:
        """Indices of ``n_samples`` weights: half are the largest, half are drawn from the others."""
        n_heavy = n_samples // 2
        heavy = np.argsort(-weights, kind="stable")[:n_heavy]
        others = np.setdiff1d(np.arange(len(weights)), heavy)
        return np.sort(np.concatenate([heavy, self.random.choice(others, n_samples - n_heavy, replace=False)]))

    def _bisect(self) -> int | None:
        """Find one wrong coordinate: halve the coordinates, and go on with a half whose projection is wrong.

        None if both projections of a step are right.
        """
        candidates = self.random.permutation(self.layout.n_coordinates)
        while len(candidates) > 1:
            middle = len(candidates) // 2
            for half in (candidates[:middle], candidates[middle:]):
                if self._is_projection_wrong(self._random_direction(half)):
                    candidates = half
                    break
            else:
                return None
        return int(candidates[0])

    # Reporting ---------------------------------------------------------------------------------------------------

    def _report_uncompared(self, problems: list[Diagnosis], gradients: NDArray[np.float64] | None) -> GradientReport:
        return GradientReport(
            ok=False,
            diagnoses=(*problems, *self.remarks),
            n_coordinates=self.layout.n_coordinates,
            method=self.method,
            tolerance=self.tolerance,
            loss=self.loss_at_x,
            n_evaluations=self.n_evaluations,
            analytic=None if gradients is None else self.layout.as_given(gradients),
            dtype=str(self.dtype),
        )

    def _report(self, n_projections: int, n_wrong_projections: int) -> GradientReport:
        compared = np.isfinite(self.numeric) | self.is_wrong
        known = np.where(self.is_unresolved, np.nan, self.numeric)
        scale = 1e-3 * np.abs(known[np.isfinite(known)]).max(initial=0.0)
        scale = max(float(scale), UNIT_ROUNDING * self.epsilon / self.tolerance)  # at an optimum, rounding alone
        with np.errstate(invalid="ignore", divide="ignore"):
            larger = np.maximum(np.abs(self.analytic), np.abs(self.numeric))
            larger = np.where(self.is_wrong, larger, np.maximum(larger, scale))
            relative = np.where(larger > 0, np.abs(self.analytic - self.numeric) / larger, 0.0)
        relative = np.where(np.isfinite(relative), relative, np.inf)
        judged = compared & ~self.is_unresolved & ~self.is_at_kink
        ok = not self.is_wrong.any() and n_wrong_projections == 0

        shown = np.flatnonzero(judged)
        shown = shown[np.lexsort((-relative[shown], ~self.is_wrong[shown]))][: self.n_worst]
        worst = [
            CoordinateError(
                *self.layout.place(int(c)),
                float(self.analytic[c]),
                float(self.numeric[c]),
                float(relative[c]),
                bool(self.is_wrong[c]),
            )
            for c in shown
        ]
        return GradientReport(
            ok=ok,
            diagnoses=(*(() if ok else self._diagnose(known)), *self._remarks()),
            worst=tuple(worst),
            max_relative_error=float(relative[judged].max(initial=0.0)),
            n_coordinates=self.layout.n_coordinates,
            n_compared=int(compared.sum()),
            n_wrong=int(self.is_wrong.sum()),
            n_unresolved=int(self.is_unresolved.sum()),
            n_at_kink=int(self.is_at_kink.sum()),
            method=self.method,
            n_projections=n_projections,
            n_wrong_projections=n_wrong_projections,
            tolerance=self.tolerance,
            loss=self.loss_at_x,
            n_evaluations=self.n_evaluations,
            analytic=self.layout.as_given(self.analytic),
            numeric=self.layout.as_given(self.numeric),
            dtype=str(self.dtype),
        )

    def _diagnose(self, known: NDArray[np.float64]) -> tuple[Diagnosis, ...]:
        if not self.is_wrong.any():
            message = "random projections of the gradient are wrong, but no compared coordinate is wrong"
            return (Diagnosis("unrecognized", message, {}),)
        usable = np.where(self.is_at_kink, np.nan, known)
        return diagnose_gradient(
            self.layout.to_blocks(self.analytic),
            self.layout.to_blocks(usable),
            x=self.layout.to_blocks(self.layout.origin),
            wrong=self.layout.to_blocks(self.is_wrong),
            sizes=self.sizes,
            tolerance=max(1e-5, 10 * self.tolerance) if self.dtype == np.float64 else 20 * self.tolerance,
        )

    def _remarks(self) -> list[Diagnosis]:
        remarks = list(self.remarks)
        for failure, count in self.failures.items():
            message = f"the function raised {failure} near x, {count} times; smaller steps were used"
            remarks.append(Diagnosis("undefined-nearby", message, {"n_times": count}, severity="note"))
        return remarks


def _coarsest_dtype(epsilon: float) -> np.dtype[Any]:
    """The finest float type in TOLERANCES whose machine epsilon is at least ``epsilon``."""
    for dtype in sorted(TOLERANCES, key=lambda dtype: dtype.itemsize, reverse=True):
        if np.finfo(dtype).eps >= epsilon:
            return dtype
    return np.dtype(np.float16)


def _is_float(value: Any) -> bool:
    return np.asarray(value).dtype.kind == "f"
