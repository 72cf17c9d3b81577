"""Names of gensim and fastText in firth's own interface are errors that say firth's name."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest

import firth
from firth.base.other_names import (
    MODEL_ATTRIBUTES,
    MODULE_NAMES,
    QUERY_NAMES,
    READING_NAMES,
    TRAINING_NAMES,
    VECTOR_ATTRIBUTES,
)

VECTORS: Any = firth.WordVectors(["red", "blue"], [[1.0, 0.0], [0.9, 0.1]])


@pytest.fixture(scope="module")
def model() -> Any:
    return firth.train(
        [["a", "b", "a", "c"]] * 60, min_count=1, subsample=0, dims=4, threads=1, learning_rate=0.3, progress=False
    )


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("vector_size", "dims"), ("sentences", "corpus"), ("workers", "threads"), ("minn", "min_ngram")],
)
def test_parameters_of_training(name: str, wanted: str, model: Any) -> None:
    with pytest.raises(TypeError, match=f"train\\(\\) got '{name}', .* firth's name is {wanted}"):
        firth.train(**{name: 5})  # type: ignore[call-arg,misc]
    with pytest.raises(TypeError, match=f"firth's name is {wanted}"):
        model.train_more([["a"]], **{name: 5})


def test_parameters_of_queries_and_of_reading() -> None:
    for ask in (VECTORS.neighbors, VECTORS.most_similar):
        with pytest.raises(TypeError, match="'topn', .* firth's name is top"):
            ask("red", topn=1)
    with pytest.raises(TypeError, match="'topn'"):
        VECTORS.analogy("red", "blue", "red", topn=1)
    with pytest.raises(TypeError, match="'binary', .* the content decides the format"):
        firth.read_vectors("x.bin", binary=True)  # type: ignore[call-arg]


def test_attributes(model: Any) -> None:
    with pytest.raises(AttributeError, match="Model has no attribute 'wv'; .* firth's name is vectors"):
        model.wv  # noqa: B018
    with pytest.raises(AttributeError, match="'index_to_key'; .* firth's name is words"):
        VECTORS.index_to_key  # noqa: B018
    with pytest.raises(AttributeError, match=r"has no attribute 'Word2Vec'; .* firth.train"):
        firth.Word2Vec  # type: ignore[attr-defined]  # noqa: B018
    for value in (model, VECTORS, firth):
        with pytest.raises(AttributeError, match="has no attribute 'nonsense'$"):
            value.nonsense  # noqa: B018


def test_copies_and_pickles_are_as_before(model: Any) -> None:
    for value in (model.vectors, copy.copy(VECTORS), copy.deepcopy(VECTORS), pickle.loads(pickle.dumps(VECTORS))):
        assert len(value) in (2, 3)
    assert copy.deepcopy(model).config == model.config


def test_no_name_of_firth_is_refused(model: Any) -> None:
    """A name in a table that firth itself has would refuse a valid call."""
    for function, names in (
        (firth.train, TRAINING_NAMES),
        (VECTORS.neighbors, QUERY_NAMES),
        (VECTORS.analogy, QUERY_NAMES),
        (firth.read_vectors, READING_NAMES),
    ):
        assert not set(names) & set(inspect.signature(function).parameters)
    for value, attributes in ((firth, MODULE_NAMES), (model, MODEL_ATTRIBUTES), (VECTORS, VECTOR_ATTRIBUTES)):
        assert not set(attributes) & set(dir(value))


def test_the_names_that_the_tables_promise_exist(model: Any) -> None:
    parameters = {*inspect.signature(firth.train).parameters}
    for wanted in TRAINING_NAMES.values():
        assert wanted.split("=")[0] in parameters
    for wanted in QUERY_NAMES.values():
        assert wanted in inspect.signature(VECTORS.neighbors).parameters
    for owner, attributes in ((model, MODEL_ATTRIBUTES), (VECTORS, VECTOR_ATTRIBUTES)):
        for wanted in attributes.values():
            first = wanted.split("(")[0].split("[")[0].split(".")[0]
            assert hasattr(owner, first) or first in ("the object itself, which has the vectors", "vectors", "firth")


def test_star_import_brings_the_public_names() -> None:
    names: dict[str, Any] = {}
    exec("from firth import *", names)
    assert names["train"] is firth.train
    assert set(dir(firth)) <= set(names)
