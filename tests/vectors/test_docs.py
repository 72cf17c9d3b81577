"""The examples of docs/vectors.md run, and print what they say."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "vectors.md"


def test_the_page_is_true() -> None:
    pytest.importorskip("ot", reason="POT is not installed")
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert tried > 40
    assert failed == 0
