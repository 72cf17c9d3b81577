"""Room numerics: check_gradient: decides whether a function returns the gradient of its loss, and names errors.

finite_differences.py computes slopes, comparing.py compares them, and diagnosis.py names errors. The room ``checking``
grades files and knows kinds of functions.
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
    """Check whether ``function(x)`` returns the gradient of its loss; if not, describe the error.

    The slopes of the loss are computed by central differences of the fourth order. The step is chosen for each
    coordinate, and other steps are tried before a coordinate is called wrong. An error that rounding or a kink of the
    loss explains is not called wrong. Only the gradient is checked: the loss itself may be wrong.

    Parameters
    ----------
    function : callable
        ``function(x) -> (loss, gradient)``: a scalar, and an array of x's shape or a dict of arrays with x's keys. A
        RowGradient is converted to its dense array. A function with more outputs must be wrapped.
    x : float array of any shape, a float, or a dict of float arrays
        Not modified; each call gets a copy. Integers are refused: a step would be rounded away.
    rng : generator, or sequence of generators, optional
        The generators from which ``function`` draws: ``np.random.Generator``, ``np.random.RandomState`` or
        ``random.Random``. Their states, and the states of ``random`` and ``np.random``, are restored before every
        evaluation and at the end.
    method : "auto", "every-coordinate" or "projections"
        ``"every-coordinate"`` computes differences for every coordinate. ``"projections"`` uses random directions and a
        sample of coordinates, and searches for wrong coordinates if needed. ``"auto"`` uses projections above 1000
        coordinates; the report has the method.
    n_projections : int
        Number of random directions over all of x. Each block of a dict or of ``blocks`` has two more directions.
    tolerance : float, optional
        Largest relative error that is accepted. The default is 1e-7 in double and 5e-4 in single precision.
    blocks : mapping of names to shapes, optional
        Names and shapes of the arrays that are packed in the vector x, in order: ``{"W1": (10, 5), "b1": (1, 5)}``.
    sizes : mapping of names to sizes, optional
        Names for constant factors: with ``{"M": 20}`` the report can say "1/M".
    seed : int
        Seed of the random directions.
    n_worst : int
        Number of coordinates that the report lists.
    raise_on_error : bool
        Raise GradientError instead of returning a report that is not ``ok``.

    Returns
    -------
    GradientReport

    Raises
    ------
    ParameterError, ShapeError
        The arguments are invalid, or the function cannot be checked.
    GradientError
        The gradient is wrong and ``raise_on_error`` is true.

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
