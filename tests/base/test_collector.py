"""The collector of cyclic garbage is paused, and afterwards as it was."""

from __future__ import annotations

import gc

import pytest

from firth.base.collector import collector_paused


def test_a_collector_that_is_on_is_on_again() -> None:
    assert gc.isenabled()
    with collector_paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_is_on_again_after_an_error() -> None:
    with pytest.raises(KeyError, match="a"), collector_paused():
        raise KeyError("a")
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    try:
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_no_full_collection_while_lists_are_made() -> None:
    before = gc.get_stats()[2]["collections"]
    with collector_paused():
        lists = [[k] for k in range(200_000)]
    assert gc.get_stats()[2]["collections"] == before
    assert len(lists) == 200_000
