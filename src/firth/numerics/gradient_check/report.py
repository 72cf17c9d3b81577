"""Room numerics: the report of check_gradient, as an object and as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from firth.base.html import html_text
from firth.errors import GradientError
from firth.numerics.gradient_check.patterns import Diagnosis


@dataclass(frozen=True)
class CoordinateError:
    """One coordinate of a gradient and the slope by finite differences."""

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
    """The result of :func:`check_gradient`. ``bool(report)`` is ``report.ok``; ``print(report)`` explains the result.

    Attributes
    ----------
    ok : bool
        Whether the gradient is right: the check found no error.
    diagnoses : tuple of Diagnosis
        The errors that were found, and warnings and notes. Warnings and notes do not change ``ok``.
    worst : tuple of CoordinateError
        The coordinates with the largest relative errors, wrong ones first.
    max_relative_error : float
        The largest |a - n| / max(|a|, |n|) of the compared coordinates. For coordinates that are not wrong, the
        denominator is at least a thousandth of the largest |n|.
    n_coordinates, n_compared, n_wrong : int
        Number of all coordinates, of those compared one by one, and of those found wrong.
    n_unresolved : int
        Number of coordinates that are too small: the rounding of the loss would hide even a factor of two.
    n_at_kink : int
        Number of coordinates at a kink of the loss, where several gradients are right.
    method : "every-coordinate" or "projections"
    n_projections, n_wrong_projections : int
    tolerance : float
        Largest relative error that is accepted.
    loss : float
        The loss at x.
    n_evaluations : int
        Number of calls of the function.
    analytic, numeric : array, or dict of arrays, like x
        The function's gradient, and the slopes by finite differences: NaN for coordinates that were not compared. None
        if the gradient could not be compared.
    dtype : str
        The coarsest float type of x, the loss and the gradient. It decides the default tolerance.
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
            lines.append(f"  {self.n_unresolved} coordinates are smaller than the rounding of the loss")
        if self.n_at_kink:
            lines.append(f"  {self.n_at_kink} coordinates are at a kink of the loss, where several gradients are right")
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

    def _repr_html_(self) -> str:
        """What a notebook shows: the report."""
        return html_text(str(self))

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
        return f"{self.n_wrong_projections} of {projections}, {self.n_wrong} of {self.n_compared} compared coordinates"
