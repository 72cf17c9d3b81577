"""Room base: validates values from users in the same way in every room: choices, whole numbers, finite numbers.

The prefix of a name tells its effect: ``is_`` returns a bool, ``validate_`` raises or returns nothing, ``as_`` raises
or returns the value in its type.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Iterable
from typing import TypeGuard

from firth.errors import ParameterError


def is_integer(value: object) -> TypeGuard[int]:
    """Whether a value has an integer type, of Python or NumPy. A bool does not count."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a real number, of Python or NumPy. A bool or a string does not count."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def validate_choice(name: str, value: object, choices: Iterable[str]) -> None:
    """Raise ParameterError unless the value is one of the words."""
    choices = tuple(choices)
    if not isinstance(value, str) or value not in choices:
        raise ParameterError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def as_bool(name: str, value: object) -> bool:
    """The value, if it is True or False; ParameterError for any other, 0 and 1 included."""
    if not isinstance(value, bool):
        raise ParameterError(f"{name} must be True or False, got {value!r}")
    return value


def as_integer(name: str, value: object, *, minimum: int | None = None, maximum: int | None = None) -> int:
    """The value as an int, if it is a whole number of an integer type (no bool) within the bounds.

    Raises
    ------
    ParameterError
    """
    if not is_integer(value):
        raise ParameterError(f"{name} must be a whole number, got {value!r}")
    number = operator.index(value)
    if minimum is not None and number < minimum:
        raise ParameterError(f"{name} must be at least {minimum}, got {number}")
    if maximum is not None and number > maximum:
        raise ParameterError(f"{name} must be at most {maximum}, got {number}")
    return number


def as_number(name: str, value: object, *, minimum: float | None = None, maximum: float | None = None) -> float:
    """The value as a float, if it is a finite real number (no bool, no string) within the bounds.

    Raises
    ------
    ParameterError
    """
    if not is_number(value):
        raise ParameterError(f"{name} must be a number, got {value!r}")
    number = float(value)
    if not math.isfinite(number):
        raise ParameterError(f"{name} must be a finite number, got {number}")
    if minimum is not None and number < minimum:
        raise ParameterError(f"{name} must be at least {minimum:g}, got {number:g}")
    if maximum is not None and number > maximum:
        raise ParameterError(f"{name} must be at most {maximum:g}, got {number:g}")
    return number


__all__ = ["as_bool", "as_integer", "as_number", "is_integer", "is_number", "validate_choice"]
