"""TrainingConfig: defaults as the design's table says, every bad value refused, a round trip through JSON."""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import ParameterError
from firth.kernels.config import CHOICE_NAMES, PARAMETER_HELP, TrainingConfig, choices_of, validate_vocabulary_size
from firth.kernels.registry import OBJECTIVES, losses

DEFAULTS = {
    "architecture": "skipgram",
    "loss": "negative-sampling",
    "dims": 100,
    "window": 5,
    "window_mode": "dynamic",
    "window_side": "both",
    "negatives": 6,
    "negative_sharing": "block",
    "target_collision": "reject",
    "noise_exponent": 0.75,
    "subsample": 1e-3,
    "cbow_input": "mean",
    "cbow_update": "gradient",
    "learning_rate": None,
    "min_learning_rate": None,
    "subwords": False,
    "min_ngram": 3,
    "max_ngram": 6,
    "buckets": None,
    "min_count": 5,
    "max_vocabulary": None,
    "epochs": 5,
    "threads": None,
    "seed": 1,
    "deterministic": False,
}


def test_defaults_are_the_tables() -> None:
    assert dataclasses.asdict(TrainingConfig()) == DEFAULTS
    assert PARAMETER_HELP.keys() == DEFAULTS.keys()


def test_train_has_the_same_parameters_and_defaults() -> None:
    parameters = inspect.signature(firth.train).parameters
    assert {name: parameters[name].default for name in DEFAULTS} == DEFAULTS
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in DEFAULTS)
    assert not any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())


def test_train_refuses_an_unknown_keyword() -> None:
    with pytest.raises(TypeError, match=r"^train\(\) got an unexpected keyword argument 'vector_width'; the "):
        firth.train([["a", "b"]], vector_width=3)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 0.025),
        ({"architecture": "cbow"}, 0.075),
        ({"architecture": "cbow", "cbow_input": "sum"}, 0.025),
        ({"architecture": "cbow", "cbow_update": "word2vec"}, 0.025),
        ({"architecture": "cbow", "loss": "hierarchical-softmax"}, 0.075),
        ({"learning_rate": 0.5}, 0.5),
    ],
)
def test_learning_rates_are_decided(changes: dict[str, Any], expected: float) -> None:
    config = TrainingConfig(**changes).resolved()
    assert config.learning_rate == expected
    assert config.min_learning_rate == pytest.approx(1e-4 * expected)
    assert config.resolved() == config


def test_threads_are_those_of_the_affinity() -> None:
    assert TrainingConfig().resolved().threads == len(os.sched_getaffinity(0))
    assert TrainingConfig(threads=3).resolved().threads == 3


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("dims", 0, "dims must be at least 1, got 0"),
        ("dims", -3, "dims must be at least 1, got -3"),
        ("dims", 100.0, "dims must be a whole number, got 100.0"),
        ("dims", "100", "dims must be a whole number, got '100'"),
        ("dims", True, "dims must be a whole number, got True"),
        ("dims", np.bool_(True), "dims must be a whole number"),
        ("dims", None, "dims must be a whole number, got None"),
        ("dims", 2**31, "dims must be at most 2147483647"),
        ("window", 0, "window must be at least 1, got 0"),
        ("window", False, "window must be a whole number, got False"),
        ("epochs", 0, "epochs must be at least 1, got 0"),
        ("epochs", -1, "epochs must be at least 1, got -1"),
        ("negatives", -1, "negatives must be at least 1, got -1"),
        ("negatives", 0, "negatives must be at least 1, got 0"),
        ("negatives", 65_537, r"negatives must be at most 65536, got 65537; 5 to 20 are usual \(--negatives on"),
        ("learning_rate", "fast", "learning_rate must be a number, got 'fast'"),
        ("learning_rate", float("nan"), "learning_rate must be a finite number, got nan"),
        ("learning_rate", float("inf"), "learning_rate must be a finite number, got inf"),
        ("learning_rate", 0, "learning_rate must be above 0, got 0"),
        ("learning_rate", -0.1, "learning_rate must be above 0, got -0.1"),
        ("learning_rate", True, "learning_rate must be a number, got True"),
        ("min_learning_rate", -1e-9, "min_learning_rate must be at least 0"),
        ("min_learning_rate", 0.1, "min_learning_rate must be at most the learning_rate of 0.025, got 0.1"),
        ("noise_exponent", float("nan"), "noise_exponent must be a finite number"),
        ("noise_exponent", 1e300, r"noise_exponent must be at most 10, got 1e\+300"),
        ("noise_exponent", -1e300, r"noise_exponent must be at least -10, got -1e\+300"),
        ("subsample", -1e-3, "subsample must be at least 0"),
        ("min_count", 0, "min_count must be at least 1, got 0"),
        ("max_vocabulary", 0, "max_vocabulary must be at least 1, got 0"),
        ("threads", 0, "threads must be at least 1, got 0"),
        ("seed", -1, "seed must be at least 0, got -1"),
        ("seed", 2**64, "seed must be at most 18446744073709551615"),
        ("deterministic", 1, "deterministic must be True or False, got 1"),
    ],
)
def test_bad_value_is_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=f"^{message}"):
        TrainingConfig(**{name: value})


@pytest.mark.parametrize("name", CHOICE_NAMES)
@pytest.mark.parametrize("value", ["nonsense", 1, None, ["skipgram"]])
def test_unknown_choice_lists_the_allowed_ones(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=f"^{name} must be one of ") as caught:
        TrainingConfig(**{name: value})
    for choice in choices_of(name):
        assert repr(choice) in str(caught.value)


@pytest.mark.parametrize(("architecture", "loss"), OBJECTIVES)
def test_every_registered_objective_is_a_configuration(architecture: str, loss: str) -> None:
    assert TrainingConfig(architecture=architecture, loss=loss).loss == loss


def test_no_negatives_are_needed_without_negative_sampling() -> None:
    assert TrainingConfig(loss="hierarchical-softmax", negatives=0).negatives == 0


def test_numpy_numbers_become_pythons() -> None:
    config = TrainingConfig(dims=np.int64(7), seed=np.uint64(2**63), learning_rate=np.float32(0.5), subsample=0)
    assert type(config.dims) is int
    assert type(config.seed) is int
    assert type(config.learning_rate) is float
    assert type(config.subsample) is float
    assert json.loads(json.dumps(config.to_json())) == config.to_json()


def test_json_round_trip() -> None:
    config = TrainingConfig(architecture="cbow", dims=7, seed=2**64 - 1, max_vocabulary=9, deterministic=True)
    assert TrainingConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_unknown_name_is_refused() -> None:
    with pytest.raises(ParameterError, match="a parameter must be one of architecture, .*, got 'vector_size'"):
        TrainingConfig.from_json({"vector_size": 100})


@pytest.mark.parametrize("loss", losses())
def test_one_word_is_too_few(loss: str) -> None:
    with pytest.raises(ParameterError, match=f"vocabulary must have at least 2 words for loss='{loss}'.*got 1"):
        validate_vocabulary_size(TrainingConfig(loss=loss), 1)
    validate_vocabulary_size(TrainingConfig(loss=loss), 2)


def test_noise_on_one_word_is_too_little_where_draws_are_rejected() -> None:
    with pytest.raises(ParameterError, match="noise_distribution must give a positive weight to at least 2 words"):
        validate_vocabulary_size(TrainingConfig(), 5, least_noise_words=1)
    validate_vocabulary_size(TrainingConfig(target_collision="count"), 5, least_noise_words=1)
