"""Room numerics: check_gradient, which tells whether a function's gradient is its loss's and, if not, what is wrong.

It compares slopes (finite_differences.py) and names the errors (diagnosis.py). It does not grade files and
knows no kinds of functions: that is the room ``checking``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from firth.base.values import validate_choice
from firth.errors import ParameterError
from firth.numerics.gradient_check.comparing import N_PROJECTIONS, Check, LossAndGradient
from firth.numerics.gradient_check.generators import RestoredStates
from firth.numerics.gradient_check.layout import Layout, Point
from firth.numerics.gradient_check.report import GradientReport

METHODS = ("auto", "every-coordinate", "projections")


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
    layout = Layout(x, blocks)
    if tolerance is not None and not tolerance > 0:
        raise ParameterError(f"tolerance must be above 0, got {tolerance}")
    with RestoredStates(rng) as states:
        report = Check(function, layout, states, method, n_projections, tolerance, sizes, seed, n_worst).run()
    if raise_on_error:
        report.raise_if_wrong()
    return report
