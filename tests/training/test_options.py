"""Periods, held-out shares and patience: what is accepted and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import firth
from firth.errors import ParameterError
from firth.training.loop.periods import Period, parse_period
from firth.training.run.options import Heldout, RunOptions, parse_heldout, parse_patience


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("10min", Period(seconds=600)),
        (" 1.5 h ", Period(seconds=5400)),
        ("90s", Period(seconds=90)),
        ("50Mwords", Period(words=50e6)),
        ("200000words", Period(words=2e5)),
        (".5Gwords", Period(words=5e8)),
        (10, Period(seconds=600)),
        (0.5, Period(seconds=30)),
        (Period(words=7), Period(words=7)),
        (None, None),
    ],
)
def test_period(value: Any, expected: Period | None) -> None:
    assert parse_period("checkpoint_every", value) == expected


@pytest.mark.parametrize(
    "value", ["", "10", "ten minutes", "10 parsecs", "-1min", "0min", "1e3words", 0, -1, True, "h"]
)
def test_bad_interval(value: Any) -> None:
    with pytest.raises(ParameterError, match="^checkpoint_every must "):
        parse_period("checkpoint_every", value)


@pytest.mark.parametrize("values", [{}, {"seconds": 1.0, "words": 1.0}, {"seconds": 0.0}, {"words": float("nan")}])
def test_bad_interval_object(values: dict[str, float]) -> None:
    with pytest.raises(ParameterError):
        Period(**values)


def test_heldout() -> None:
    assert parse_heldout("1%") == Heldout(share=0.01)
    assert parse_heldout(0.25) == Heldout(share=0.25)
    assert parse_heldout("held.txt") == Heldout(source="held.txt")
    assert parse_heldout(Path("100%.txt")) == Heldout(source=Path("100%.txt"))
    assert parse_heldout([["a", "b"]]) == Heldout(source=[["a", "b"]])
    assert parse_heldout(None) is None


@pytest.mark.parametrize("value", ["100%", "0%", "ten%", 1.0, 0, 0.0, -0.1, 1, float("nan"), True])
def test_bad_share(value: Any) -> None:
    with pytest.raises(ParameterError, match="^heldout must "):
        parse_heldout(value)


def test_patience_needs_a_measure() -> None:
    with pytest.raises(ParameterError, match="^patience must come with a held-out part or a metric"):
        parse_patience(2, None, None)
    assert parse_patience(2, Heldout(share=0.1), None) == 2
    assert parse_patience(2, None, len) == 2
    with pytest.raises(ParameterError, match="^patience must be at least 1, got 0"):
        parse_patience(0, Heldout(share=0.1), None)
    with pytest.raises(ParameterError, match="^stop_metric must be a function"):
        parse_patience(1, None, "accuracy")


def test_options_that_need_each_other() -> None:
    def parse(**values: Any) -> RunOptions:
        names = ("heldout", "heldout_every", "patience", "stop_metric", "checkpoint_every", "output")
        return RunOptions.parse(**{name: values.get(name) for name in names})

    with pytest.raises(ParameterError, match="^checkpoint_every must come with output="):
        parse(checkpoint_every="1min")
    with pytest.raises(ParameterError, match="^heldout_every must come with"):
        parse(heldout_every="1Mwords")
    with pytest.raises(ParameterError, match="^heldout_every must be in words"):
        parse(heldout="1%", heldout_every="1min")
    assert parse(heldout="1%", heldout_every="1Mwords").heldout_every == Period(words=1e6)


def test_a_heldout_file_that_is_missing_is_refused_before_any_work() -> None:
    with pytest.raises(ParameterError, match=r"got 'nofile' \(no such file\)$"):
        firth.train([["a", "b"]] * 20, heldout="nofile", progress=False)
    with pytest.raises(ParameterError, match=r"^heldout must be a share .* got '0.25' .*; as a share give \"25%\"$"):
        firth.train([["a", "b"]] * 20, heldout="0.25", progress=False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"buckets": 100}, r"buckets must be left out without subwords=True, .* got 100; add subwords=True"),
        ({"min_ngram": 2}, r"min_ngram must be left out without subwords=True"),
        ({"max_ngram": 5}, r"max_ngram must be left out without subwords=True"),
        ({"loss": "softmax", "negatives": 10}, r"negatives .* add loss=\"negative-sampling\" or leave"),
        ({"loss": "softmax", "noise_distribution": {"a": 1.0}}, r"noise_distribution .* draws no noise words"),
        ({"loss": "hierarchical-softmax", "target_collision": "drop"}, r"target_collision must be left out"),
        ({"loss": "one-vs-all", "noise_exponent": 0.5}, r"noise_exponent must be left out"),
        ({"loss": "one-vs-all", "negative_sharing": "pair"}, r"negative_sharing must be left out"),
        ({"cbow_input": "sum"}, r'cbow_input must be left out without architecture="cbow"'),
        ({"cbow_update": "word2vec"}, r'cbow_update must be left out without architecture="cbow"'),
        ({"window_mode": "sequence", "window": 3}, r'window must be left out without window_mode="dynamic"'),
    ],
)
def test_a_parameter_without_effect_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        firth.train([["a", "b"]], **given)


def test_defaults_and_zero_negatives_are_valid_without_effect(tmp_path: Path) -> None:
    tokens = [["a", "b", "a", "c"]] * 60
    options: dict[str, Any] = {"min_count": 1, "epochs": 1, "progress": False, "subsample": 0, "threads": 1}
    model = firth.train(tokens, loss="softmax", negatives=0, window_mode="sequence", window=5, buckets=None, **options)
    with pytest.raises(ParameterError, match=r"cbow_input must be left out"):
        model.train_more(tokens, cbow_input="sum")
    assert model.train_more(tokens, progress=False).config.negatives == 0
