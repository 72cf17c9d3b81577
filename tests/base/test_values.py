"""Values that users pass: every room refuses the same ones, with the same words."""

from __future__ import annotations

import os
from fractions import Fraction

import numpy as np
import pytest

from firth.base.machine import available_processors
from firth.base.values import as_bool, as_integer, as_number, is_integer, is_number, validate_choice
from firth.errors import ParameterError


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3)])
def test_whole_numbers_of_every_integer_type_are_taken(value: object) -> None:
    taken = as_integer("top", value, minimum=3, maximum=3)
    assert type(taken) is int
    assert taken == 3
    assert is_integer(value)


@pytest.mark.parametrize("value", [True, np.True_, 3.0, np.float32(3), "3", None, np.array(3)])
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    assert not is_integer(value)
    with pytest.raises(ParameterError, match=r"^top must be a whole number, got "):
        as_integer("top", value)


@pytest.mark.parametrize("value", [1, 0, "yes", None, np.True_])
def test_what_is_no_bool_is_refused(value: object) -> None:
    assert as_bool("shuffle", True) is True
    assert as_bool("shuffle", False) is False
    with pytest.raises(ParameterError, match=r"^shuffle must be True or False, got "):
        as_bool("shuffle", value)


def test_bounds_of_whole_numbers_are_named() -> None:
    with pytest.raises(ParameterError, match=r"^top must be at least 1, got 0$"):
        as_integer("top", 0, minimum=1)
    with pytest.raises(ParameterError, match=r"^top must be at most 9, got 10$"):
        as_integer("top", 10, maximum=9)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int64(2), Fraction(2)])
def test_real_numbers_are_taken(value: object) -> None:
    taken = as_number("rate", value, minimum=2)
    assert type(taken) is float
    assert taken == 2.0
    assert is_number(value)


def test_what_is_no_finite_number_is_refused() -> None:
    for value in (True, "2", None, 1j):
        assert not is_number(value)
        with pytest.raises(ParameterError, match=r"^rate must be a number, got "):
            as_number("rate", value)
    for value in (np.nan, -np.inf):
        with pytest.raises(ParameterError, match=r"^rate must be a finite number, got "):
            as_number("rate", value)
    with pytest.raises(ParameterError, match=r"^rate must be at least 0.5, got 0.25$"):
        as_number("rate", 0.25, minimum=0.5)
    with pytest.raises(ParameterError, match=r"^rate must be at most 0.5, got 0.75"):
        as_number("rate", 0.75, maximum=0.5)


def test_choices_are_words() -> None:
    validate_choice("method", "add", ("add", "multiply"))
    for value in ("sum", None, 1, np.array(["add", "add"])):
        with pytest.raises(ParameterError, match=r"^method must be one of 'add', 'multiply', got "):
            validate_choice("method", value, ("add", "multiply"))


def test_processors_are_those_of_this_process() -> None:
    if hasattr(os, "sched_getaffinity"):
        assert available_processors() == len(os.sched_getaffinity(0))
    else:
        assert available_processors() == os.cpu_count()
