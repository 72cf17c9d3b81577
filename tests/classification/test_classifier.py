"""The classifier's own rules: what it takes, what it refuses, what it answers where nothing is known."""

from __future__ import annotations

import copy
import dataclasses
import doctest
import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fasttext_answers import model_path

import firth
from firth.base.words import WordBuffer
from firth.classification import classifier as module
from firth.classification import example
from firth.classification.example import tiny_classifier
from firth.errors import CorpusTypeError, EncodingError, FormatError, ParameterError, ShapeError, StorageError


def test_examples() -> None:
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for tried in (module, example):
        failed, n_tried = doctest.testmod(tried, optionflags=options)
        assert n_tried > 1
        assert failed == 0


def test_what_a_text_may_be() -> None:
    model = tiny_classifier()
    expected = model.predict("sweet apple").probabilities.tolist()
    assert model.predict(b"sweet apple").probabilities.tolist() == expected
    assert model.predict("sweet\napple\r\n").probabilities.tolist() == expected
    for texts in (["sweet apple"], ("sweet apple",), iter(["sweet apple"]), np.array(["sweet apple"])):
        labels, probabilities = model.predict(texts)
        assert labels == [["food"]]
        assert probabilities[0].tolist() == expected
    assert model.predict([b"sweet apple", "a\nb", "sweet apple"]).probabilities[[0, 2], 0].tolist() == 2 * expected
    labels, probabilities = model.predict([])
    assert labels == []
    assert probabilities.shape == (0, 1)


@pytest.mark.parametrize(
    "texts",
    [
        pd.Series(["sweet apple", "car"], index=[7, 3]),
        pd.Series([b"sweet apple", b"car"]),
        pd.DataFrame({"texts": ["sweet apple", "car"]}),
        pa.array(["sweet apple", "car"]),
        pa.chunked_array([["sweet apple"], ["car"]]),
        pa.table({"texts": ["sweet apple", "car"]}),
        np.array([["sweet apple"], ["car"]]),
        {1: "sweet apple", 2: "car"}.values(),
    ],
    ids=lambda texts: type(texts).__name__,
)
def test_a_column_is_read_row_by_row(texts: object) -> None:
    model = tiny_classifier()
    expected = model.predict(["sweet apple", "car"])
    labels, probabilities = model.predict(texts)
    assert labels == expected.labels == [["food"], ["cars"]]
    assert probabilities.tolist() == expected.probabilities.tolist()
    assert model.predict_ids(texts)[0].tolist() == model.predict_ids(["sweet apple", "car"])[0].tolist()


def test_ids_and_rows_of_one_text() -> None:
    """One text is no sequence of its characters."""
    model = tiny_classifier()
    assert model.predict_ids("sweet apple")[0].tolist() == model.predict_ids(["sweet apple"])[0].tolist() == [[0]]
    assert model.predict_ids(iter([b"car", "apple"]))[0].tolist() == [[1], [0]]
    with pytest.raises(CorpusTypeError, match="texts must be strings, got int"):
        model.find_rows(5)  # type: ignore[arg-type]
    with pytest.raises(EncodingError, match="lone surrogate at character 1"):
        model.find_rows("a\ud800")


def test_copies_and_pickles_give_the_same_answers() -> None:
    for model in (tiny_classifier(), firth.load(model_path("pruned.ftz"))):
        expected = model.predict("sweet apple pie", k=None)
        for made in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model)):
            labels, probabilities = made.predict("sweet apple pie", k=None)
            assert labels == expected.labels
            assert probabilities.tolist() == expected.probabilities.tolist()
    trained = firth.train_classifier(["sweet pie", "fast car"], ["food", "cars"], min_count=1, epochs=2, progress=False)
    history = pickle.loads(pickle.dumps(trained)).history
    assert history.loss_nats == trained.history.loss_nats
    assert len(history.loss_nats) == 2


def test_threshold_and_k() -> None:
    model = tiny_classifier()
    labels, probabilities = model.predict(["apple", "the"], k=9, threshold=0.4)
    assert labels[0] == ["food"]
    assert sorted(labels[1]) == ["cars", "food"]
    assert probabilities.shape == (2, 2)
    assert probabilities[0, 1] == 0
    assert model.predict("apple", k=None).labels == ["food", "cars"]
    assert model.predict("the", threshold=1.0).labels == []


def test_a_text_without_a_row_has_no_label() -> None:
    stored = tiny_classifier().model
    entries = [entry.replace(b"</s>", b"then") for entry in stored.entries.all_encoded()]
    model = module.Classifier(dataclasses.replace(stored, entries=WordBuffer.pack(entries)))
    labels, probabilities = model.predict(["", "unknown words", "apple"])
    assert labels == [[], [], ["food"]]
    assert probabilities[:2].tolist() == [[0], [0]]
    assert model.predict("unknown").probabilities.shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"texts": 5}, CorpusTypeError, "texts must be a string or a list of strings, got int"),
        ({"texts": ["a", None]}, CorpusTypeError, "texts must be strings, got NoneType at position 1"),
        ({"texts": ["a", "b\ud800"]}, EncodingError, "lone surrogate at character 1 of the text at position 1"),
        ({"texts": "a", "k": 0}, ParameterError, "k must be at least 1, got 0"),
        ({"texts": "a", "k": 1.5}, ParameterError, "k must be a whole number, got 1.5"),
        ({"texts": "a", "threshold": -0.1}, ParameterError, "threshold must lie in 0 to 1, got -0.1"),
        ({"texts": "a", "threshold": float("nan")}, ParameterError, "threshold must lie in 0 to 1, got nan"),
        ({"texts": "a", "threshold": "0.5"}, ParameterError, "threshold must lie in 0 to 1, got '0.5'"),
        ({"texts": "a", "threshold": True}, ParameterError, "threshold must lie in 0 to 1, got True"),
        ({"texts": {"a": "b"}}, CorpusTypeError, r"got dict, which iterates over its keys; pass list\(texts.values"),
        ({"texts": {"a", "b"}}, CorpusTypeError, r"got set, which has no order; pass sorted\(texts\)"),
        ({"texts": np.array("a")}, ShapeError, "texts must be sequences or texts, got an array without dimensions"),
        ({"texts": pd.DataFrame({"t": ["a"], "u": ["b"]})}, CorpusTypeError, "2 columns .*pass one column"),
        ({"texts": pa.array(["a", None])}, CorpusTypeError, "texts must be strings, got NoneType at position 1"),
        (
            {"texts": pd.Series(["a", None])},
            CorpusTypeError,
            "texts must be strings, got (NoneType|float) at position 1",
        ),
        ({"texts": "a", "threads": 0}, ParameterError, "threads must be at least 1, got 0"),
    ],
)
def test_what_predict_refuses(arguments: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        tiny_classifier().predict(**arguments)  # type: ignore[arg-type]


def test_a_row_with_nan_is_an_error_when_a_text_needs_it() -> None:
    stored = tiny_classifier().model
    rows = np.array(stored.input_matrix)
    rows[2] = np.nan
    model = module.Classifier(dataclasses.replace(stored, input_matrix=rows))
    assert model.predict("car").labels == ["cars"]
    with pytest.raises(FormatError, match="NaN or an infinity in a row that a text needs"):
        model.predict("apple")


def test_a_word_twice_is_an_error() -> None:
    stored = tiny_classifier().model
    entries = [entry.replace(b"sweet", b"apple") for entry in stored.entries.all_encoded()]
    with pytest.raises(FormatError, match="must have each entry once, got entry 3 again as entry 4"):
        module.Classifier(dataclasses.replace(stored, entries=WordBuffer.pack(entries)))


def test_load(tmp_path) -> None:  # type: ignore[no-untyped-def]
    model = firth.load(model_path("quantized-norms.ftz"))
    assert isinstance(model, firth.Classifier)
    assert model.loss == "hierarchical-softmax"
    assert "9 labels" in repr(model)
    assert "quantized" in repr(model)
    assert "" in model.labels  # fastText takes a label without a name
    with pytest.raises(StorageError):
        firth.load(tmp_path / "nowhere")
    (tmp_path / "text.bin").write_bytes(b"no model")
    with pytest.raises(FormatError, match="looks like none of the formats"):
        firth.load(tmp_path / "text.bin")
