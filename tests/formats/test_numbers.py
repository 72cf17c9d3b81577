"""Decimal numbers through the native core: read rounded correctly, printed in the shortest form that reads back."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firth.errors import FormatError
from firth.formats.registry import read_vectors
from firth.native import vector_text


def parse(text: str) -> np.float32:
    block = bytearray(text.encode() + b"\n")
    matrix = np.empty((1, 1), dtype=np.float32)
    report = vector_text.parse_text_rows(block, 0, len(block), 1, matrix, None, 10)
    assert report.error == 0, (text, report)
    return np.float32(matrix[0, 0])


def nearest(text: str) -> np.float32:
    """The float32 nearest to a decimal, ties to even, by exact arithmetic."""
    value = Decimal(text)
    with np.errstate(over="ignore"):
        guess = np.float32(float(text))
        if not np.isfinite(guess):
            return guess
        around = [np.nextafter(guess, np.float32(side), dtype=np.float32) for side in (-np.inf, np.inf)]
    candidates = [guess, *(near for near in around if np.isfinite(near))]
    best = min(
        candidates, key=lambda near: (abs(Decimal(float(near)) - value), int(np.float32(near).view(np.uint32)) & 1)
    )
    return np.copysign(best, np.float32(-1 if text.startswith("-") else 1))


EXAMPLES = [
    "0",
    "-0",
    "0.0",
    "-0.0",
    "1",
    "-1",
    "+1",
    "1.",
    ".5",
    "-.5",
    "1e5",
    "1E5",
    "1e+5",
    "1e-5",
    "00012.50",
    "3.4028234663852886e38",
    "1.1754943508222875e-38",
    "1.401298464324817e-45",
    "7e-46",
    "7.1e-46",
    "1e-60",
    "-1e-60",
    "1e-400",
    "0e999",
    "0.00000000000000000000000000000000000000000000001",
    "16777217",
    "16777219",
    "33554435",
    "8388608.5",
    "8388609.5",
    "9007199791611905",
    "123456789012345678901234567890",
    "1.17549429e-38",
    "0.3333333432674407958984375",
    "1.00000017881393421514957253748434595763683319091796875001",
    "-0.00073692442455224787",
    "1.00000017881393432617187499",
    "1.00000017881393432617187500",
    "1.00000017881393432617187501",
    "2.5e-45",
    "99999999999999999999",
    "0.000000000000000000000000000000000000011754943508222875",
    "340282346638528859811704183484516925440",
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples(text: str) -> None:
    found, expected = parse(text), nearest(text.lstrip("+"))
    assert found.view(np.uint32) == expected.view(np.uint32), (text, found, expected)


@settings(max_examples=300, deadline=None)
@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-3e38"), max_value=Decimal("3e38")),
    st.sampled_from(["f", "e", "g"]),
)
def test_any_decimal(value: Decimal, form: str) -> None:
    text = f"{value:{form}}"
    if len(text) < 300:
        assert parse(text).view(np.uint32) == nearest(text).view(np.uint32)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**31 - 2**23 - 2), st.integers(-3, 3), st.integers(9, 25))
def test_decimals_near_the_middle_of_two_floats(bits: int, offset: int, n_digits: int) -> None:
    """Where rounding twice goes wrong."""
    low, high = np.array([bits, bits + 1], dtype=np.uint32).view(np.float32)
    if not np.isfinite(high):
        return
    middle = (Decimal(float(low)) + Decimal(float(high))) / 2
    text = f"{middle:.{n_digits}e}"
    mantissa, exponent = text.split("e")
    digits = int(mantissa.replace(".", "")) + offset
    if digits > 0:
        text = f"{digits}e{int(exponent) - n_digits}"
        assert parse(text).view(np.uint32) == nearest(text).view(np.uint32), text


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50))
def test_printing_is_exact_and_no_longer_than_it_must_be(bits: list[int]) -> None:
    numbers = np.array(bits, dtype=np.uint32).view(np.float32)
    numbers = numbers[np.isfinite(numbers)].reshape(-1, 1)
    if not len(numbers):
        return
    out = bytearray()
    n_bytes = vector_text.format_text_rows(numbers, None, b" ", False, out)
    pieces = bytes(out[:n_bytes]).decode().split()
    assert np.array_equal(np.array([parse(piece) for piece in pieces]).view(np.uint32), numbers.ravel().view(np.uint32))
    for piece, number in zip(pieces, numbers.ravel(), strict=True):
        shortest = np.format_float_scientific(number, unique=True, trim="-")
        n_digits = len(piece.lstrip("-").split("e")[0].replace(".", "").strip("0"))
        assert (
            n_digits <= max(1, len(shortest.lstrip("-").split("e")[0].replace(".", "").strip("0"))) or abs(number) > 1e7
        )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text("0123456789.+-eEnaif xX_,\u0661", min_size=1, max_size=8))
def test_what_python_refuses_is_refused(tmp_path: Path, text: str) -> None:
    """The same pieces are numbers here and in Python, apart from underscores and other scripts' digits."""
    piece = text.strip()
    if not piece or " " in piece:
        return
    try:
        with np.errstate(over="ignore"):
            is_number = np.isfinite(np.float32(piece)) if piece.isascii() and "_" not in piece else False
    except ValueError:
        is_number = False
    (tmp_path / "f").write_text(f"1 1\nword {piece}\n")
    if is_number:
        assert read_vectors(tmp_path / "f", "word2vec").matrix[0, 0] == np.float32(piece)
    else:
        with pytest.raises(FormatError, match="must be"):
            read_vectors(tmp_path / "f", "word2vec")


def test_numbers_do_not_depend_on_the_locale() -> None:
    import locale

    before = locale.setlocale(locale.LC_NUMERIC)
    for name in ("de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"):
        try:
            locale.setlocale(locale.LC_NUMERIC, name)
        except locale.Error:
            continue
        try:
            assert parse("1.5") == 1.5
            assert parse("0.1000000000000000000000001") == np.float32(0.1)
        finally:
            locale.setlocale(locale.LC_NUMERIC, before)
        return
    pytest.skip("no locale with a decimal comma is installed")


assert sys.byteorder == "little"  # the formats here are; another machine would need the readers to swap
