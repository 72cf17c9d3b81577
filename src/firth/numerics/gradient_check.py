"""Room numerics: check_gradient, which tells whether a function's gradient is its loss's and, if not, what is wrong.

It compares slopes (finite_differences.py) and names the errors (gradient_diagnosis.py). It does not grade files and
knows no kinds of functions: that is the room ``checking``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.base.values import validate_choice
from firth.errors import FirthError, GradientError, ParameterError, ShapeError
from firth.numerics.finite_differences import (
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
from firth.numerics.gradient_diagnosis import Diagnosis, diagnose_gradient
from firth.numerics.gradients import RowGradient

METHODS = ("auto", "every-coordinate", "projections")
MAX_COORDINATES = 1000  # above, "auto" takes random projections: 4 evaluations a coordinate
N_PROJECTIONS = 24
N_SAMPLED_COORDINATES = 64  # looked at one by one beside projections
N_LOCALIZED_COORDINATES = 225  # of each wrong block, once projections have failed
N_BISECTIONS = 4
MAX_WRONG_PROJECTIONS = 3  # after so many, the search for what is wrong begins
NOISE_SPACINGS = (1e-6, 1e-9, 1e-12)  # of the points that the loss's rounding is estimated from
WIDE_NOISE_SPACING = 1e-4  # where none of these shows any
MAX_REFINED = 40  # coordinates that are held against several steps, where many need it

# Relative error that counts as right, by the number of bits that the coarsest of the floats in play has.
TOLERANCES: dict[np.dtype[Any], float] = {
    np.dtype(np.float16): 3e-2,
    np.dtype(np.float32): 5e-4,
    np.dtype(np.float64): 1e-7,
}
# Rounding of the gradient itself: so many units in the last place of its largest coordinate, and of one.
GRADIENT_ROUNDING, UNIT_ROUNDING = 1000.0, 8.0

Arrays: TypeAlias = dict[str, NDArray[Any]]
Point: TypeAlias = Any
LossAndGradient: TypeAlias = Callable[[Any], Any]  # of a loss and its gradient


@dataclass(frozen=True)
class CoordinateError:
    """One coordinate of a gradient beside its finite difference."""

    block: str | None
    position: tuple[int, ...]
    analytic: float
    numeric: float
    relative_error: float
    is_wrong: bool

    @property
    def place(self) -> str:
        inside = f"[{', '.join(map(str, self.position))}]" if self.position else ""
        return f"{self.block or 'x'}{inside}"


@dataclass(frozen=True)
class GradientReport:
    """What :func:`check_gradient` found. True in a condition if, and only if, nothing is wrong; prints itself.

    Attributes
    ----------
    ok : bool
        No error was found.
    diagnoses : tuple of Diagnosis
        What is wrong, in words; warnings and notes too, which leave ``ok`` as it is.
    worst : tuple of CoordinateError
        The coordinates with the largest relative errors, wrong ones first.
    max_relative_error : float
        The largest of |a - n| / max(|a|, |n|) over the coordinates compared; for those that are not wrong, a
        thousandth of the largest |n| takes the place of a smaller denominator.
    n_coordinates, n_compared, n_wrong : int
        Coordinates there are, compared one by one, and wrong among these.
    n_unresolved : int
        Coordinates so small beside the loss's rounding that not even a factor of two would show.
    n_at_kink : int
        Coordinates at a kink of the loss, where the gradient is one of several that are right.
    method : "every-coordinate" or "projections"
    n_projections, n_wrong_projections : int
    tolerance : float
        Relative error that counts as right.
    loss : float
        At x.
    n_evaluations : int
        Calls of the function.
    analytic, numeric : array, or dict of arrays, as x
        The function's gradient and the finite differences; NaN where none was taken. None where the function's
        gradient could not be compared at all.
    dtype : str
        The coarsest float type in play; it sets the tolerance.
    """

    ok: bool
    diagnoses: tuple[Diagnosis, ...]
    worst: tuple[CoordinateError, ...] = ()
    max_relative_error: float = float("nan")
    n_coordinates: int = 0
    n_compared: int = 0
    n_wrong: int = 0
    n_unresolved: int = 0
    n_at_kink: int = 0
    method: str = "every-coordinate"
    n_projections: int = 0
    n_wrong_projections: int = 0
    tolerance: float = float("nan")
    loss: float = float("nan")
    n_evaluations: int = 0
    analytic: Any = None
    numeric: Any = None
    dtype: str = "float64"

    def __bool__(self) -> bool:
        return self.ok

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the diagnoses."""
        return tuple(diagnosis.code for diagnosis in self.diagnoses)

    def raise_if_wrong(self) -> None:
        """Raise GradientError, with the report as its message, unless the gradient is right."""
        if not self.ok:
            raise GradientError(str(self))

    def __str__(self) -> str:
        lines = [f"gradient {'right' if self.ok else 'WRONG'}: {self._extent()}"]
        lines.append(
            f"  loss {self.loss:.9g}, {self.dtype}, tolerance {self.tolerance:.0e}, {self.n_evaluations} evaluations"
        )
        if self.n_unresolved:
            lines.append(f"  {self.n_unresolved} coordinates are too small to be told from the loss's rounding")
        if self.n_at_kink:
            lines.append(
                f"  {self.n_at_kink} coordinates are at a kink of the loss; their gradient is one of the right ones"
            )
        for diagnosis in self.diagnoses:
            where = f" in {diagnosis.block}" if diagnosis.block else ""
            label = "" if diagnosis.severity == "error" else f"{diagnosis.severity}: "
            lines.append(f"  {label}{diagnosis.code}{where}: {diagnosis.message}")
        if self.worst:
            width = max(len(error.place) for error in self.worst)
            width = max(width, len("worst"))
            lines.append(f"  {'worst':<{width}}  {'gradient':>16}  {'differences':>16}  relative error")
            lines += [
                f"  {error.place:<{width}}  {error.analytic:>16.9g}  {error.numeric:>16.9g}  "
                f"{error.relative_error:.1e}{'  wrong' if error.is_wrong else ''}"
                for error in self.worst
            ]
        return "\n".join(lines)

    def _extent(self) -> str:
        if self.numeric is None:
            return "not compared"
        if self.method == "every-coordinate":
            if self.ok:
                return f"all {self.n_coordinates} coordinates, largest relative error {self.max_relative_error:.1e}"
            return f"{self.n_wrong} of {self.n_coordinates} coordinates"
        projections = f"{self.n_projections} random projections of {self.n_coordinates} coordinates"
        if self.ok:
            return f"{projections} and {self.n_compared} of the coordinates"
        return f"{self.n_wrong_projections} of {projections}, {self.n_wrong} of {self.n_compared} coordinates looked at"


def check_gradient(
    function: LossAndGradient,
    x: Point,
    *,
    rng: Any = None,
    method: str = "auto",
    n_projections: int = N_PROJECTIONS,
    tolerance: float | None = None,
    blocks: Mapping[str, Sequence[int]] | None = None,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    n_worst: int = 5,
    raise_on_error: bool = False,
) -> GradientReport:
    """Whether ``function(x)`` returns the gradient of its loss; if not, what is wrong with it.

    The slopes of the loss are taken by central differences of the fourth order, with a step chosen for each
    coordinate and tried again with others before a coordinate is called wrong. A coordinate is never called wrong
    for what rounding or a kink of the loss explains. The loss is taken at its word: whether it is the loss that was
    meant cannot be seen from here.

    Parameters
    ----------
    function : callable
        ``function(x) -> (loss, gradient)``: a scalar, and an array of x's shape or a dict of arrays as x. A
        RowGradient stands for its dense array. Functions with further outputs need wrapping.
    x : float array of any shape, a float, or a dict of float arrays
        Not modified; each call gets a copy. Integers are refused: a step would be rounded away.
    rng : generator, or sequence of generators, optional
        Those that ``function`` draws from: ``np.random.Generator``, ``np.random.RandomState`` or ``random.Random``.
        Their states, and those of ``random`` and ``np.random``, are restored before every evaluation and at the end.
    method : "auto", "every-coordinate" or "projections"
        Every coordinate by its own differences, or random directions and a sample of coordinates (wrong ones are
        then searched for). ``"auto"`` takes projections above 1000 coordinates; the report says which.
    n_projections : int
        Random directions over all of x; each block of a dict or of ``blocks`` gets two of its own besides.
    tolerance : float, optional
        Relative error that counts as right: by default 1e-7 in double and 5e-4 in single precision.
    blocks : mapping of names to shapes, optional
        For x a vector in which several arrays are packed, in order: ``{"W1": (10, 5), "b1": (1, 5)}``.
    sizes : mapping of names to sizes, optional
        To name a constant factor with: ``{"M": 20}`` lets the report say "1/M".
    seed : int
        Of the random directions.
    n_worst : int
        Coordinates that the report lists.
    raise_on_error : bool
        Raise GradientError instead of returning a report that is not ``ok``.

    Returns
    -------
    GradientReport

    Raises
    ------
    ParameterError, ShapeError
        For arguments, or a function, that this cannot check.
    GradientError
        With ``raise_on_error``, for a gradient that is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> report = check_gradient(lambda x: (np.sum(x**2), x), np.array([1.0, -2.0, 3.0]))
    >>> report.ok, report.diagnoses[0].message
    (False, 'the gradient is 1/2 times the right one')
    """
    validate_choice("method", method, METHODS)
    if n_projections < 1:
        raise ParameterError(f"n_projections must be at least 1, got {n_projections}")
    layout = _Layout(x, blocks)
    if tolerance is not None and not tolerance > 0:
        raise ParameterError(f"tolerance must be above 0, got {tolerance}")
    with _RestoredStates(rng) as states:
        report = _Check(function, layout, states, method, n_projections, tolerance, sizes, seed, n_worst).run()
    if raise_on_error:
        report.raise_if_wrong()
    return report


class _Layout:
    """Where the coordinates of x stand: arrays as the function takes them, and blocks as the report names them.

    Coordinates are numbered through all arrays; ``origin`` holds their values as float64.
    """

    def __init__(self, x: Point, blocks: Mapping[str, Sequence[int]] | None) -> None:
        self.is_mapping = isinstance(x, Mapping)
        self.is_scalar = isinstance(x, (float, np.floating))
        if self.is_mapping:
            if not x:
                raise ParameterError("x must hold at least one array, got an empty dict")
            self.arrays: Arrays = {str(name): _as_point(f"x[{name!r}]", value) for name, value in x.items()}
            self.keys = {str(name): name for name in x}
        else:
            self.arrays = {"x": _as_point("x", x)}
        self.n_coordinates = sum(array.size for array in self.arrays.values())
        if self.n_coordinates == 0:
            raise ShapeError("x must hold at least one number, got none")
        self.origin = np.concatenate([array.reshape(-1).astype(np.float64) for array in self.arrays.values()])
        if not np.all(np.isfinite(self.origin)):
            raise ParameterError("x must be finite, got a NaN or an infinity in it")
        self.epsilon = max(float(np.finfo(array.dtype).eps) for array in self.arrays.values())

        self.shapes: dict[str, tuple[int, ...]] = {name: array.shape for name, array in self.arrays.items()}
        if blocks is not None:
            if self.is_mapping:
                raise ParameterError("blocks must be left out where x is a dict: its entries are the blocks")
            self.shapes = {str(name): tuple(int(size) for size in shape) for name, shape in blocks.items()}
            total = sum(int(np.prod(shape)) for shape in self.shapes.values())
            if total != self.n_coordinates:
                raise ShapeError(f"blocks must hold x's {self.n_coordinates} numbers together, got {total}")
        self.starts: dict[str, int] = {}
        start = 0
        for name, shape in self.shapes.items():
            self.starts[name] = start
            start += int(np.prod(shape))
        self.has_blocks = len(self.shapes) > 1

    def copy_arrays(self) -> Arrays:
        return {name: array.copy() for name, array in self.arrays.items()}

    def move_coordinate(self, coordinate: int, distance: float) -> Arrays:
        moved = self.copy_arrays()
        for array in moved.values():
            if coordinate < array.size:
                array.reshape(-1)[coordinate] += array.dtype.type(distance)
                break
            coordinate -= array.size
        return moved

    def move(self, direction: NDArray[np.float64], distance: float) -> Arrays:
        moved, start = {}, 0
        for name, array in self.arrays.items():
            part = direction[start : start + array.size].reshape(array.shape)
            moved[name] = (array + distance * part).astype(array.dtype)
            start += array.size
        return moved

    def as_point(self, arrays: Arrays) -> Point:
        if self.is_mapping:
            return {self.keys[name]: array for name, array in arrays.items()}
        return arrays["x"][()] if self.is_scalar else arrays["x"]

    def to_blocks(self, flat: NDArray[Any]) -> Arrays:
        return {
            name: flat[self.starts[name] : self.starts[name] + int(np.prod(shape))].reshape(shape)
            for name, shape in self.shapes.items()
        }

    def as_given(self, flat: NDArray[np.float64]) -> Any:
        """A vector over all coordinates in the form of x."""
        parts, start = {}, 0
        for name, array in self.arrays.items():
            parts[name] = flat[start : start + array.size].reshape(array.shape)
            start += array.size
        return self.as_point(parts)

    def place(self, coordinate: int) -> tuple[str | None, tuple[int, ...]]:
        for name, shape in self.shapes.items():
            inside = coordinate - self.starts[name]
            if inside < int(np.prod(shape)):
                position = tuple(int(i) for i in np.unravel_index(inside, shape)) if shape else ()
                return (name if self.has_blocks or self.is_mapping else None), position
        raise AssertionError("a coordinate outside x")


def _as_point(name: str, value: Any) -> NDArray[Any]:
    array = np.asarray(value)
    if array.dtype.kind != "f":
        hint = "; convert it with .astype(float): a step would be rounded away" if array.dtype.kind in "iub" else ""
        raise ParameterError(f"{name} must hold floats, got dtype {array.dtype}{hint}")
    return np.array(array)  # ours: in C order, whatever the caller does with the original


class _RestoredStates:
    """The states of all generators that a function may draw from, at the start of the check."""

    def __init__(self, rng: Any) -> None:
        if rng is None:
            generators: list[Any] = []
        else:
            generators = list(rng) if isinstance(rng, (list, tuple)) else [rng]
        self._random = random.getstate()
        self._numpy = np.random.get_state()
        self._restore_own: list[Callable[[], None]] = [_state_restorer(generator) for generator in generators]

    def restore(self) -> None:
        random.setstate(self._random)
        np.random.set_state(self._numpy)
        for restore in self._restore_own:
            restore()

    def __enter__(self) -> _RestoredStates:
        return self

    def __exit__(self, *exception: object) -> None:
        self.restore()


def _state_restorer(generator: Any) -> Callable[[], None]:
    if isinstance(generator, np.random.RandomState):
        legacy_state = generator.get_state()
        return lambda: generator.set_state(legacy_state)
    if isinstance(generator, random.Random):
        plain_state = generator.getstate()
        return lambda: generator.setstate(plain_state)
    if isinstance(generator, (np.random.Generator, np.random.BitGenerator)):
        bits = generator.bit_generator if isinstance(generator, np.random.Generator) else generator
        bit_state = bits.state
        return lambda: setattr(bits, "state", bit_state)
    raise ParameterError(
        "rng must be a np.random.Generator, np.random.RandomState or random.Random, or a sequence of them, "
        f"got {type(generator).__name__}"
    )


class _Check:
    """One run of check_gradient: the state that its steps share."""

    def __init__(
        self,
        function: LossAndGradient,
        layout: _Layout,
        states: _RestoredStates,
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

    # The function's own values -----------------------------------------------------------------------------------

    def evaluate(self, arrays: Arrays) -> tuple[Any, Any]:
        self.states.restore()
        self.n_evaluations += 1
        result = self.function(self.layout.as_point(arrays))
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            got = f"{len(result)} values" if isinstance(result, (tuple, list)) else type(result).__name__
            raise ParameterError(
                f"function must return (loss, gradient), got {got}; wrap it: lambda x: function(x)[:2], or as fits"
            )
        return result[0], result[1]

    def loss(self, arrays: Arrays) -> float:
        """The loss at a moved point; NaN where the function is not defined there."""
        try:
            with np.errstate(all="ignore"):
                return _read_loss(self.evaluate(arrays)[0])
        except FirthError:
            raise
        except (ArithmeticError, ValueError) as error:  # math.log(-1) is a ValueError
            failure = f"{type(error).__name__}: {error}"
            self.failures[failure] = self.failures.get(failure, 0) + 1
            return float("nan")

    def run(self) -> GradientReport:
        arrays = self.layout.copy_arrays()
        raw_loss, raw_gradient = self.evaluate(arrays)
        self.loss_at_x = _read_loss(raw_loss)
        self.loss_epsilon = float(np.finfo(np.asarray(raw_loss).dtype).eps) if _is_float(raw_loss) else 2.0**-52
        if np.ndim(raw_loss) > 0:
            message = f"the loss has the shape {np.shape(raw_loss)}; a scalar is meant"
            self.remarks.append(Diagnosis("cost-shape", message, {"shape": np.shape(raw_loss)}, severity="warning"))
        for name, array in arrays.items():
            if not np.array_equal(array, self.layout.arrays[name]):
                message = f"the function modifies {name}; every call was given a copy"
                self.remarks.append(Diagnosis("input-modified", message, {}, severity="warning"))

        gradients, gradient_epsilon, problems = _read_gradient(raw_gradient, self.layout)
        self.epsilon = max(self.layout.epsilon, gradient_epsilon, self.loss_epsilon)
        self.dtype = _coarsest_dtype(self.epsilon)
        self.tolerance = TOLERANCES[self.dtype] if self.given_tolerance is None else self.given_tolerance
        if not np.isfinite(self.loss_at_x):
            message = f"the loss is {self.loss_at_x} at x: no difference can be taken"
            problems.append(Diagnosis("not-finite", message, {"loss": self.loss_at_x}))
        if gradients is None or problems:
            return self._report_uncompared(problems, gradients)
        self.analytic = gradients

        again_loss, again_gradient = self.evaluate(self.layout.copy_arrays())
        repeated = _read_gradient(again_gradient, self.layout)[0]
        change = abs(_read_loss(again_loss) - self.loss_at_x)
        if repeated is None or not _is_same(change, self.loss_at_x, self.analytic, repeated, self.tolerance):
            message = (
                "two calls at the same x differ: pass the generators that the function draws from as rng=, "
                "and keep no state in it"
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
        """The loss's rounding, from nine points on a short line in a random direction.

        Of several spacings, for where the loss bends on a short scale the points of a wide one are not all but
        smooth. The smallest estimate counts, but none of 0: there the loss did not even notice the points.
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
        # What the loss loses of its digits, the gradient has lost too: single precision inside, say.
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
        """The first step at a coordinate: wide enough to be kept when it is added to x."""
        return max(self.first_step, 1e4 * np.finfo(np.float64).eps * magnitude, 16 * self.layout.epsilon * magnitude)

    def _compare_coordinates(self, coordinates: NDArray[np.int64]) -> None:
        """Each of these coordinates against its own differences."""
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
        first_judgement_holds = True
        for rank, c in enumerate(suspects):
            if rank >= MAX_REFINED and first_judgement_holds:
                self.is_wrong[c] = True
                continue
            comparison = self._settle(c, lines[c], slopes[c], floor)
            moved = abs(comparison.slope.value - slopes[c].value)
            is_confirmed = comparison.verdict == "wrong" and moved <= 0.01 * abs(self.analytic[c] - slopes[c].value)
            first_judgement_holds = first_judgement_holds and is_confirmed
        if len(unclear) > MAX_REFINED:
            unclear = [int(c) for c in self.random.choice(unclear, MAX_REFINED, replace=False)]
        for c in unclear:
            self._settle(c, lines[c], slopes[c], floor)
        for c in lines:
            if c in not_finite or self.is_wrong[c]:
                continue
            largest = max(abs(float(self.analytic[c])), abs(float(np.nan_to_num(self.numeric[c]))))
            slope = slopes[c]
            self.is_unresolved[c] |= (
                self.analytic[c] != 0 and c in unclear and self.best_noise.get(c, slope.noise) * 8 > 0.5 * largest
            )

    def _settle(self, coordinate: int, line: Line, first: Slope, floor: float) -> Comparison:
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
        """Absolute error that the rounding of the gradient's own computation explains."""
        analytic = np.abs(self.analytic[np.isfinite(self.analytic)]).max(initial=0.0)
        largest = min(float(analytic), float(np.abs(numeric[np.isfinite(numeric)]).max(initial=0.0)))
        return self.epsilon * (GRADIENT_ROUNDING * largest + UNIT_ROUNDING)

    def _is_projection_wrong(self, direction: NDArray[np.float64]) -> bool:
        """Whether the slope in a direction is not the gradient's."""
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
        """Random directions over everything and over each block, the gradient's own, and a sample of coordinates."""
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
        """Wrong coordinates, searched for once a projection failed: enough of each wrong block to diagnose it."""
        names = wrong_blocks | {self.layout.place(int(c))[0] or "x" for c in np.flatnonzero(self.is_wrong)}
        if not self.layout.has_blocks:
            names = set(self.layout.shapes)
        for name in self.layout.shapes:  # in order, so that the draws do not depend on a set's
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
        """Coordinates of a block: whole, or of a matrix some rows of some columns, so that its structure shows."""
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
        """Half of them the largest, half of them any."""
        n_heavy = n_samples // 2
        heavy = np.argsort(-weights, kind="stable")[:n_heavy]
        others = np.setdiff1d(np.arange(len(weights)), heavy)
        return np.sort(np.concatenate([heavy, self.random.choice(others, n_samples - n_heavy, replace=False)]))

    def _bisect(self) -> int | None:
        """One wrong coordinate, by halving the coordinates for as long as a half's projection fails."""
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
        scale = max(float(scale), UNIT_ROUNDING * self.epsilon / self.tolerance)  # rounding alone, at an optimum
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
            message = "random projections of the gradient are wrong, but no single coordinate that was tried is"
            return (Diagnosis("unrecognized", message, {}),)
        # What was not called wrong is as good as the differences, and has no rounding to confuse a pattern.
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
            message = f"the function raised {failure} near x, {count} times: differences were taken with smaller steps"
            remarks.append(Diagnosis("undefined-nearby", message, {"n_times": count}, severity="note"))
        return remarks


def _coarsest_dtype(epsilon: float) -> np.dtype[Any]:
    """The finest type with a tolerance that is no finer than ``epsilon``; double for what is finer still."""
    for dtype in sorted(TOLERANCES, key=lambda dtype: dtype.itemsize, reverse=True):
        if np.finfo(dtype).eps >= epsilon:
            return dtype
    return np.dtype(np.float16)


def _is_float(value: Any) -> bool:
    return np.asarray(value).dtype.kind == "f"


def _read_loss(loss: Any) -> float:
    array = np.asarray(loss)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise ShapeError(f"loss must be a real scalar, got shape {array.shape} and dtype {array.dtype}")
    return float(array.reshape(()))


def _is_same(
    change: float, loss: float, gradient: NDArray[np.float64], repeated: NDArray[np.float64], tolerance: float
) -> bool:
    """Whether two calls at one point gave the same, up to the order in which threads added."""
    finite = np.isfinite(gradient) & np.isfinite(repeated)
    largest = np.abs(gradient[finite]).max(initial=0.0)
    return bool(
        change <= 0.1 * tolerance * abs(loss)
        and np.array_equal(np.isfinite(gradient), np.isfinite(repeated))
        and np.abs(gradient[finite] - repeated[finite]).max(initial=0.0) <= tolerance * largest
    )


def _read_gradient(gradient: Any, layout: _Layout) -> tuple[NDArray[np.float64] | None, float, list[Diagnosis]]:
    """The gradient as one vector over all coordinates, its rounding unit, and what is wrong with its form."""
    if layout.is_mapping:
        if not isinstance(gradient, Mapping):
            raise ShapeError(f"gradient must be a dict with the keys of x, got {type(gradient).__name__}")
        missing = [name for name, key in layout.keys.items() if key not in gradient]
        extra = [str(key) for key in gradient if str(key) not in layout.keys]
        if missing or extra:
            raise ShapeError(f"gradient must have the keys of x; missing {missing}, not in x {extra}")
        parts = {name: gradient[key] for name, key in layout.keys.items()}
    else:
        parts = {"x": gradient}

    vectors: list[NDArray[np.float64]] = []
    problems: list[Diagnosis] = []
    epsilon = 0.0
    for name, part in parts.items():
        expected = layout.arrays[name].shape
        if isinstance(part, RowGradient) and len(expected) == 2:
            part = part.to_dense(expected[0])
        array = np.asarray(part)
        if array.dtype.kind not in "fiub":
            raise ParameterError(f"gradient of {name} must hold real numbers, got dtype {array.dtype}")
        if array.dtype.kind == "f":
            epsilon = max(epsilon, float(np.finfo(array.dtype).eps))
        block = name if layout.is_mapping else None
        if array.shape != expected:
            problems.append(_describe_shape(array.shape, expected, block))
        else:
            vectors.append(array.astype(np.float64).reshape(-1))
    return (None if problems else np.concatenate(vectors)), epsilon, problems


def _describe_shape(shape: tuple[int, ...], expected: tuple[int, ...], block: str | None) -> Diagnosis:
    message = f"the gradient has the shape {shape}, x has {expected}"
    evidence = {"shape": shape, "expected": expected}
    if len(shape) == 2 and shape == expected[::-1]:
        return Diagnosis("transposed", f"{message}: it looks transposed", evidence, block)
    return Diagnosis("gradient-shape", message, evidence, block)
