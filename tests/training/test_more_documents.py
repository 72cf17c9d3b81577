"""Model.train_more of a model of documents: which rows continue, which are new, which stay; resume; bad input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import CorpusError, CorpusTypeError, ParameterError
from firth.models.model import Model

OLD = ["apple pear plum fig juice", "car bus train bike road", "apple plum the juice a fig"] * 6
AUTHORS = ["ann", "bob", "ann"] * 6
NEW = ["apple kiwi kiwi plum kiwi", "road car car kiwi bus the"] * 6
NEW_AUTHORS = ["bob", "eve"] * 6
METHODS = pytest.mark.parametrize(
    "options",
    [
        {},
        {"train_words": True},
        {"method": "dm"},
        {"loss": "hierarchical-softmax"},
        {"method": "dm", "loss": "softmax"},
    ],
    ids=["dbow", "dbow-words", "dm", "dbow-hs", "dm-softmax"],
)


def train(tags: Any = AUTHORS, **options: Any) -> Model:
    given = {"min_count": 1, "dims": 6, "epochs": 8, "subsample": 0, "threads": 1, "progress": False, **options}
    return firth.train_documents(OLD, tags, **given)


@METHODS
def test_old_tags_continue_or_stay_and_new_tags_are_added(options: dict[str, Any]) -> None:
    model = train(**options)
    assert model.documents is not None
    before = model.documents.matrix.copy()
    more = model.train_more(NEW, NEW_AUTHORS, progress=False)
    assert more.documents is not None
    assert list(more.documents) == ["ann", "bob", "eve"]
    assert more.documents.counts is not None
    assert more.documents.counts.tolist() == [12, 12, 6]
    assert (more.documents["ann"] == before[0]).all()
    moved = np.abs(more.documents["bob"] - before[1]).max()
    assert moved > 1e-3
    assert (model.documents.matrix == before).all()
    assert "kiwi" in more.vectors
    assert more.train_words == model.train_words
    assert more.infer(["kiwi plum"]).shape == (1, 6)


@METHODS
def test_rows_start_where_the_model_ended(options: dict[str, Any]) -> None:
    """With almost no learning, every old row of tags and words is the model's, in the order of the new vocabulary."""
    model = train(**options)
    more = model.train_more(NEW, NEW_AUTHORS, learning_rate=1e-9, min_learning_rate=0.0, epochs=1, progress=False)
    assert model.documents is not None
    assert more.documents is not None
    np.testing.assert_allclose(more.documents.matrix[:2], model.documents.matrix, atol=1e-6)
    assert np.abs(more.documents["eve"]).max() <= 1 / 6  # a new row begins in U(-1/D, 1/D)
    assert np.abs(more.documents["eve"]).max() > 0.01
    if model.config.loss != "hierarchical-softmax":  # whose tree is built again for the new words
        rows = [more.vectors.word_id(word) for word in model.vectors.words]
        np.testing.assert_allclose(more.vectors.matrix[rows], model.vectors.matrix, atol=1e-6)
        np.testing.assert_allclose(more.output_vectors[rows], model.output_vectors, atol=1e-6)


def test_without_tags_documents_get_the_next_numbers() -> None:
    model = train(tags=[[4], [9], [4]] * 6)
    more = model.train_more(NEW, progress=False)
    assert more.documents is not None
    assert list(more.documents) == [4, 9, *range(10, 22)]
    again = model.train_more(NEW, [9, 30] * 6, progress=False)
    assert again.documents is not None
    assert list(again.documents) == [4, 9, 30]


def test_files_are_tags(tmp_path: Path) -> None:
    (tmp_path / "ann").write_text("apple pear")
    (tmp_path / "zoe").write_text("car bus")
    more = train().train_more(tmp_path, progress=False)
    assert more.documents is not None
    assert list(more.documents) == ["ann", "bob", "zoe"]


def test_without_new_words() -> None:
    model = train()
    more = model.train_more(NEW, NEW_AUTHORS, new_words=False, progress=False)
    assert set(more.vectors.words) == set(model.vectors.words)


def test_a_loaded_model_and_a_resumed_run_have_the_same_bits(tmp_path: Path) -> None:
    model = train(method="dm")
    model.save(tmp_path / "old")
    expected = model.train_more(NEW, NEW_AUTHORS, heldout=0.2, epochs=4, progress=False)

    class Interrupt(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            if state.epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        firth.load(tmp_path / "old").train_more(
            NEW, NEW_AUTHORS, heldout=0.2, epochs=4, progress=False, output=tmp_path / "run",
            checkpoint_every="1h", callbacks=[Interrupt()],
        )  # fmt: skip
    resumed = firth.resume(tmp_path / "run", progress=False)
    assert resumed.documents is not None
    assert expected.documents is not None
    assert resumed.documents.matrix.tobytes() == expected.documents.matrix.tobytes()
    assert resumed.vectors.matrix.tobytes() == expected.vectors.matrix.tobytes()
    assert resumed.history.heldout_loss_nats == expected.history.heldout_loss_nats
    assert resumed.documents.counts is not None
    assert resumed.documents.counts.tolist() == [12, 12, 6]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.train_more(NEW), ParameterError, "^tags must be given, because the tags of the model are strings"),
        (lambda m: m.train_more(NEW, [1, 2] * 6), CorpusTypeError, "^tags must be strings, as .*, got integers"),
        (lambda m: m.train_more(NEW, ["x", 2] * 6), CorpusTypeError, "^tags must be all strings or all integers"),
        (lambda m: m.train_more(NEW, ["x"]), CorpusError, "^tags must have an entry for each of the 12"),
        (lambda m: m.train_more(NEW, [["x", "x"]] * 12), CorpusError, "^the tags of document 0 must differ, got 'x'"),
        (
            lambda m: m.train_more([*NEW, "zzz"], [*NEW_AUTHORS, "max"], new_words=False),
            CorpusError, r"^every tag must have a document with a word of the vocabulary, got none for 1 .*'max'",
        ),
        (lambda m: m.train_more(["zzz"] * 3, ["x"] * 3, new_words=False), CorpusError, "^corpus must have words of"),
        (lambda m: m.train_more(NEW, NEW_AUTHORS, dims=7), ParameterError, "^dims must stay 6"),
        (lambda m: m.train_more(NEW, NEW_AUTHORS, window=3), ParameterError, "^window must be left out"),
        (lambda m: m.train_more(NEW, NEW_AUTHORS, freeze=["ann"]), ParameterError, "^freeze must be left out for"),
        (lambda m: m.train_more(NEW, NEW_AUTHORS, heldout="a.txt"), ParameterError, "^heldout must be a share"),
        (
            lambda m: m.train_more(NEW, NEW_AUTHORS, sequence_weights=[1.0] * 12), ParameterError,
            "^sequence_weights must be left out for a model of documents",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_refused(call: Callable[[Model], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(train(epochs=1))


def test_an_old_tag_may_have_a_document_without_a_known_word(capsys: pytest.CaptureFixture[str]) -> None:
    more = train().train_more([*NEW, "zzz"], [*NEW_AUTHORS, "ann"], new_words=False, progress=True)
    assert more.documents is not None
    assert "1 of 13 documents have no word of the vocabulary" in capsys.readouterr().err


def test_a_model_of_words_has_no_tags() -> None:
    model = firth.train([text.split() for text in OLD], min_count=1, dims=4, epochs=1, subsample=0, progress=False)
    with pytest.raises(ParameterError, match="^tags must be left out for a model of words, got"):
        model.train_more([text.split() for text in NEW], NEW_AUTHORS)
