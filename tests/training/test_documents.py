"""train_documents, Model.infer, Model.neighbors: what documents and tags may be, the same bits, resume, bad input."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import firth
from firth.corpus.documents import Tags
from firth.corpus.vocabulary import Vocabulary
from firth.errors import CorpusError, CorpusTypeError, CorpusWarning, FormatError, ParameterError, StorageError
from firth.models.model import Model
from firth.training.loop.callbacks import CallbackList
from firth.training.loop.progress import make_progress
from firth.training.run.document_rows import StartRows
from firth.training.run.documents import run_documents
from firth.training.run.encoding import TextOptions
from firth.training.run.options import RunOptions

TOPICS = (["apple", "pear", "plum", "fig", "juice"], ["car", "bus", "train", "bike", "road"])
SHARED = ["the", "a", "is", "on"]
METHODS = pytest.mark.parametrize(
    "options",
    [{}, {"train_words": True}, {"method": "dm"}, {"method": "dm", "dm_input": "sum"}],
    ids=["dbow", "dbow-words", "dm-mean", "dm-sum"],
)


def make_texts(n_texts: int = 60, seed: int = 1) -> tuple[list[str], list[str]]:
    """Texts of two topics with words of their own and words of both; a tag of the topic."""
    rng = np.random.default_rng(seed)
    topics = rng.integers(0, 2, n_texts)
    texts = [" ".join(rng.choice(TOPICS[topic] + SHARED, rng.integers(6, 15))) for topic in topics]
    return texts, ["food" if topic == 0 else "traffic" for topic in topics]


TEXTS, TAGS = make_texts()


def train(texts: Any = TEXTS, tags: Any = TAGS, **options: Any) -> Model:
    given = {"min_count": 1, "dims": 10, "epochs": 20, "subsample": 0, "threads": 1, "progress": False, **options}
    return firth.train_documents(texts, tags, **given)


def test_the_page_runs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "documents.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    assert len(blocks) == 3
    for block in blocks:
        exec(compile(block, "documents.md", "exec"), names)


# ---- what is learned


@METHODS
def test_callbacks_see_the_vectors_of_words_and_tags(options: dict[str, Any]) -> None:
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    class Watch(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            assert state.documents is not None
            assert list(state.documents.words) == sorted(set(TAGS), key=TAGS.index)
            seen.append((state.vectors.matrix, state.documents.matrix))

    model = train(epochs=2, callbacks=[Watch()], **options)
    assert model.documents is not None
    for found, expected in zip(seen[1], (model.vectors.matrix, model.documents.matrix), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(seen[0][1], seen[1][1])


@METHODS
def test_a_run_may_start_from_rows_and_freeze_them(options: dict[str, Any]) -> None:
    rng = np.random.default_rng(3)
    finished = train(epochs=1, **options)
    words, tags, outputs = (rng.normal(0, 0.1, (n, 10)).astype(np.float32) for n in (14, 3, 14))
    frozen = np.zeros(17 if finished.train_words else 3, np.bool_)
    frozen[-3:] = [True, False, False]  # the last tag has no document
    if finished.train_words:
        frozen[5] = True

    def run(tag_rows: np.ndarray) -> Model:
        return run_documents(
            [text.split() for text in TEXTS],
            lambda encoded: Tags(np.arange(3), np.array([tag == "food" for tag in TAGS], np.int32), np.arange(61)),
            finished.config.with_values(epochs=3),
            with_words=finished.train_words,
            text=TextOptions(False, None, None, "strict", False, continues_rows=True),
            vocabulary=Vocabulary(tuple(finished.vectors.words), finished.vectors.counts),
            options=RunOptions.parse(None, None, None, None, None, None, "discard"),
            callbacks=CallbackList([]),
            display=make_progress(False),
            start=StartRows(tag_rows, outputs, words if finished.train_words else None, frozen),
        )

    model = run(tags)
    assert model.documents is not None
    assert (model.documents.matrix == tags).all(axis=1).tolist() == [True, False, True]
    assert (model.output_vectors != outputs).all(axis=1).all()
    if finished.train_words:
        assert np.flatnonzero((model.vectors.matrix == words).all(axis=1)).tolist() == [5]
    tags[2, 3] = np.inf
    with pytest.raises(ParameterError, match="the vectors at the start must be finite, got NaN or infinity"):
        run(tags)


@METHODS
@pytest.mark.parametrize("loss", ["negative-sampling", "hierarchical-softmax", "softmax", "one-vs-all"])
def test_texts_are_nearest_to_the_tag_of_their_topic(options: dict[str, Any], loss: str) -> None:
    model = train(loss=loss, learning_rate=0.05, **options)
    assert model.history.loss_nats[-1] < model.history.loss_nats[0]
    assert model.documents is not None
    assert list(model.documents.words) == [TAGS[0], "traffic" if TAGS[0] == "food" else "food"]
    assert model.documents.counts is not None
    assert model.documents.counts.tolist() == [TAGS.count(tag) for tag in model.documents.words]
    new_texts, topics = make_texts(20, seed=9)
    found = [model.neighbors(text, top=1)[0].word for text in new_texts]
    assert sum(a == b for a, b in zip(found, topics, strict=True)) >= 18


def test_every_document_has_its_own_vector_and_finds_itself() -> None:
    model = train(TEXTS, None, epochs=60, learning_rate=0.1)
    assert model.documents is not None
    assert list(model.documents) == list(range(60))
    vectors = model.infer(TEXTS)
    best = [hits[0].word for hits in model.documents.neighbors(vectors, top=1)]
    topics = [TAGS[word] == tag for word, tag in zip(best, TAGS, strict=True)]
    assert sum(topics) >= 57


def test_a_document_may_have_several_tags() -> None:
    tags = [[number, 1000 + (tag == "food")] for number, tag in enumerate(TAGS)]
    model = train(TEXTS, tags)
    assert model.documents is not None
    assert len(model.documents) == 62
    assert model.documents.counts is not None
    assert model.documents.counts[list(model.documents).index(1001)] == TAGS.count("food")


def test_words_of_pure_dbow_are_its_output_vectors() -> None:
    model = train()
    assert (np.asarray(model.vectors.matrix) == model.output_vectors).all()
    assert not model.train_words
    assert not np.asarray(train(loss="hierarchical-softmax").vectors.matrix).any()
    assert train(train_words=True).train_words


# ---- what documents may be


def test_every_form_of_documents_gives_the_same_bits(tmp_path: Path) -> None:
    expected = train()
    lines = tmp_path / "texts.txt"
    lines.write_text("\n".join(TEXTS) + "\n")
    folder = tmp_path / "texts"
    folder.mkdir()
    for number, text in enumerate(TEXTS):
        (folder / f"{number:02}.txt").write_text(text.replace(" ", "\n"))
    frame = pd.DataFrame({"text": TEXTS, "topic": TAGS})
    forms = {
        "path": (str(lines), TAGS),
        "folder": (str(folder), TAGS),
        "paths": (sorted(folder.iterdir()), TAGS),
        "tokens": ([text.split() for text in TEXTS], TAGS),
        "generator": ((text for text in TEXTS), TAGS),
        "columns": (frame["text"], frame["topic"]),
        "tokenizer": (TEXTS, [[tag] for tag in TAGS]),
    }
    assert expected.documents is not None
    for name, (texts, tags) in forms.items():
        model = train(texts, tags, **({"tokenizer": str.split} if name == "tokenizer" else {}))
        assert model.documents is not None
        assert np.array_equal(model.documents.matrix, expected.documents.matrix), name
    by_file = train(folder, None).documents
    assert by_file is not None
    assert by_file.words[3] == "03.txt"


def test_a_document_without_a_known_word_is_left_out_if_its_tags_are_shared(capsys: Any) -> None:
    model = train([*TEXTS, "unseen"], [*TAGS, "food"], min_count=2, progress=True)
    assert "1 of 61 documents have no word of the vocabulary" in capsys.readouterr().err
    assert model.documents is not None
    assert len(model.documents) == 2


# ---- the same bits


@METHODS
def test_deterministic_has_the_same_bits_from_any_number_of_threads(options: dict[str, Any]) -> None:
    models = [train(deterministic=True, threads=threads, epochs=2, **options) for threads in (1, 2, 3)]
    matrices = [np.asarray(model.documents.matrix).tobytes() for model in models if model.documents is not None]
    assert matrices[0] == matrices[1] == matrices[2]
    assert all(model.config.deterministic for model in models)


@METHODS
@pytest.mark.parametrize("heldout", [None, 0.2])
def test_a_resumed_run_has_the_same_bits(options: dict[str, Any], heldout: float | None, tmp_path: Path) -> None:
    def stop(state: Any) -> None:
        if state.epoch == 2:
            raise KeyboardInterrupt

    class Stop:
        on_epoch_end = staticmethod(stop)

    tags: Any = [[tag, f"{tag} {number}"] for number, tag in enumerate(TAGS)]
    given = {"epochs": 4, "heldout": heldout, **options}
    whole = train(TEXTS, tags, **given)
    with pytest.raises(KeyboardInterrupt):
        train(TEXTS, tags, output=tmp_path / "model", checkpoint_every="1000Mwords", callbacks=[Stop()], **given)
    resumed = firth.resume(tmp_path / "model", progress=False)
    assert not (tmp_path / "model" / ".work").exists()
    assert resumed.documents is not None
    assert whole.documents is not None
    assert list(resumed.documents) == list(whole.documents)
    assert np.array_equal(resumed.documents.matrix, whole.documents.matrix)
    assert np.array_equal(resumed.output_vectors, whole.output_vectors)
    assert [e.heldout_loss_nats for e in resumed.history.evaluations] == [
        e.heldout_loss_nats for e in whole.history.evaluations
    ]


def test_damaged_tags_of_a_run_are_refused(tmp_path: Path) -> None:
    class Stop:
        @staticmethod
        def on_epoch_end(state: Any) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(output=tmp_path / "model", checkpoint_every="1000Mwords", callbacks=[Stop()])
    path = tmp_path / "model" / ".work" / "tag_ids.npy"
    np.save(path, np.load(path) + 1)
    with pytest.raises(FormatError, match=r"tag_ids.npy is damaged \(its checksum differs\)"):
        firth.resume(tmp_path / "model", progress=False)


def test_a_saved_model_answers_as_before(tmp_path: Path) -> None:
    for number, tags in enumerate((TAGS, None)):
        model = train(TEXTS, tags, method="dm")
        model.save(tmp_path / str(number))
        loaded = firth.load(tmp_path / str(number))
        assert loaded.documents is not None
        assert model.documents is not None
        assert list(loaded.documents) == list(model.documents)
        assert np.array_equal(loaded.documents.matrix, model.documents.matrix)
        assert np.array_equal(loaded.documents.counts, model.documents.counts)
        assert loaded.infer(TEXTS[:3]).tobytes() == model.infer(TEXTS[:3]).tobytes()
        assert len(firth.read_vectors(tmp_path / str(number))) == len(model.vectors)
        assert "tags of documents" in repr(loaded)


def test_the_held_out_words_are_the_last_of_each_document() -> None:
    model = train(heldout="25%", epochs=4, learning_rate=0.05)
    losses = [evaluation.heldout_loss_nats for evaluation in model.history.evaluations]
    assert len(losses) == 4
    assert losses[-1] < losses[0]
    assert model.history.epochs[0].n_examples == sum(
        len(text.split()) - int(0.25 * len(text.split())) for text in TEXTS
    )


# ---- inference


@METHODS
def test_a_text_has_the_same_vector_whatever_else_is_in_the_batch(options: dict[str, Any]) -> None:
    model = train(subsample=1e-2, **options)
    whole, losses = model.infer(TEXTS, seed=3, return_loss=True)
    assert whole.dtype == np.float32
    assert whole.shape == (60, 10)
    backwards = model.infer([text.split() for text in TEXTS[::-1]], seed=3, threads=3)[::-1]
    assert backwards.tobytes() == whole.tobytes()
    alone, loss = model.infer([TEXTS[7]], seed=3, return_loss=True)
    assert alone.tobytes() == whole[7:8].tobytes()
    assert loss[0] == losses[7]
    assert not np.array_equal(model.infer([TEXTS[7]], seed=4), alone)
    assert not np.array_equal(model.infer([TEXTS[7]], seed=3, epochs=5), alone)


def test_the_case_of_training_is_that_of_inference() -> None:
    model = train([text.upper() for text in TEXTS], TAGS, lowercase=True)
    assert model.infer([TEXTS[0]]).tobytes() == model.infer([TEXTS[0].upper()]).tobytes()


def test_a_text_without_a_known_word() -> None:
    model = train()
    with pytest.raises(CorpusError, match=r"^each text must have a word .* in 2 of 3 texts \(counted from 0: 0, 2\)"):
        model.infer(["unseen", TEXTS[0], ""])
    vectors, losses = model.infer(["unseen", TEXTS[0], ""], empty="zero", return_loss=True)
    assert not vectors[[0, 2]].any()
    assert vectors[1].any()
    assert np.isnan(losses[[0, 2]]).all()
    with pytest.raises(CorpusError, match="^texts must have words of the model's vocabulary, got none in any text"):
        model.infer(["unseen"])
    for texts in (["unseen", ""], ["", ""], [["unseen"], []], [[], []]):
        vectors, losses = model.infer(texts, empty="zero", return_loss=True)
        assert np.array_equal(vectors, np.zeros((2, 10), np.float32))
        assert np.isnan(losses).all()


def test_documents_are_a_column_of_a_table(tmp_path: Path) -> None:
    expected = train(TEXTS, TAGS)
    rows = [json.dumps({"id": number, "body": text}) for number, text in enumerate(TEXTS)]
    (tmp_path / "texts.jsonl").write_text("\n".join(rows))
    model = train(tmp_path / "texts.jsonl", TAGS, column="body")
    assert model.documents.matrix.tobytes() == expected.documents.matrix.tobytes()
    tokens = train(tmp_path / "texts.jsonl", TAGS, column="body", tokenizer=lambda text: text.upper().split())
    assert tokens.vectors.words[0].isupper()
    (tmp_path / "texts.jsonl").write_text("\n".join([*rows, "{}"]))
    with (
        pytest.warns(CorpusWarning, match="1 of 61 rows have no value in the column 'body'"),
        pytest.raises(CorpusError, match=r"^every tag must have a document with a word .* \(60\)"),
    ):
        train(tmp_path / "texts.jsonl", None, column="body")


def test_arrays_of_texts_are_split_as_in_training() -> None:
    pytest.importorskip("regex")
    model = train(tokenizer="unicode")
    texts = [f"({TEXTS[0]})"]
    assert model.infer(np.array(texts)).tobytes() == model.infer(texts).tobytes()


def test_arrays_of_texts() -> None:
    model = train()
    for dtype in (None, object):
        assert model.infer(np.array(TEXTS[:3], dtype)).tobytes() == model.infer(TEXTS[:3]).tobytes()


# ---- what is refused


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"tags": ["a"] * 59}, CorpusError, "^tags must have an entry for each of the 60 documents, got 59"),
        ({"tags": [["a", "b", "a"], *TAGS[1:]]}, CorpusError, "^the tags of document 0 must differ, got 'a' twice"),
        ({"tags": [*TAGS[:59], []]}, CorpusError, "^tags must have a tag .*, got an empty list for document 59"),
        ({"tags": [*TAGS[:59], None]}, CorpusError, "^tags must have a tag for each document, got None for document"),
        ({"tags": [*TAGS[:59], ""]}, CorpusError, "^tags must have at least one character, got '' for document 59"),
        ({"tags": [*TAGS[:59], 5]}, CorpusTypeError, "^tags must be all strings or all integers, got both"),
        ({"tags": [*TAGS[:59], 0.5]}, CorpusTypeError, "^tags must be strings or integers, got float for document 59"),
        ({"tags": [*TAGS[:59], {"a"}]}, CorpusTypeError, "^the tags of document 59 must be a list, got a set"),
        (
            {"texts": ["", ""], "tags": None},
            CorpusError,
            "^the corpus must have at least one word, got none in the texts",
        ),
        (
            {"tags": [1 << 63] * 60},
            CorpusTypeError,
            "^tags must fit in 64 bits .* got 9223372036854775808 for document 0",
        ),
        ({"texts": set(TEXTS), "tags": None}, CorpusTypeError, "^corpus must be .*, got a set, which has no order"),
        ({"texts": b"a b", "tags": None}, CorpusTypeError, "^corpus must be .*, got bytes"),
        ({"tags": "food"}, CorpusTypeError, "^tags must be a list with an entry for each document, got str"),
        ({"texts": []}, CorpusError, "^corpus must have at least one document, got an empty list"),
        ({"texts": iter([])}, CorpusError, "^corpus must have at least one document, got none"),
        ({"texts": [*TEXTS[:59], ""], "tags": None}, CorpusError, r"^every tag must have a document .* \(59\)"),
        ({"texts": "", "tags": None}, StorageError, "no such file"),
        (
            {"column": "text", "texts": [["a"]] * 60},
            CorpusTypeError,
            "^column must be left out unless the corpus is a table, got column='text'",
        ),
        ({"method": "pv"}, ParameterError, "^method must be one of 'dbow', 'dm', got 'pv'"),
        ({"dm_input": "sum"}, ParameterError, "^dm_input must be left out with method='dbow'"),
        ({"method": "dm", "dm_input": "concat"}, ParameterError, "^dm_input must be one of 'mean', 'sum'"),
        ({"method": "dm", "train_words": True}, ParameterError, "^train_words must be False with method='dm'"),
        ({"architecture": "cbow"}, ParameterError, "^architecture must be left out .* method decides it"),
        ({"window": 5}, ParameterError, "^window must be left out with method='dbow', where no window"),
        ({"method": "dm", "window_mode": "sequence"}, ParameterError, "^window_mode must be 'dynamic' or 'fixed'"),
        ({"subwords": True}, ParameterError, "^subwords must be False for documents, got True"),
        ({"heldout": ["a text"]}, ParameterError, '^heldout must be a share like "5%" for documents'),
        ({"heldout": 0.001}, CorpusError, "^heldout must leave out at least one word, got none"),
        ({"colour": 1}, TypeError, "unexpected keyword argument 'colour'"),
    ],
)
def test_bad_input_is_refused(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        train(**changes)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="must have files, one a document, got none"):
        train(tmp_path, None)
    (tmp_path / "bad.txt").write_bytes(b"good \xff word")
    with pytest.raises(CorpusError, match=r"bad.txt must be UTF-8, got the byte 0xff at 5"):
        train(tmp_path, None)


def test_names_of_files_that_cannot_be_tags(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("some words")
    with pytest.raises(CorpusError, match=r"^each file must be passed once if its name is its tag, got .*a.txt twice"):
        train([file, file], None)
    assert list(train([file, file], [1, 2]).documents) == [1, 2]
    strange = tmp_path / os.fsdecode(b"b\xff.txt")
    file.rename(strange)
    with pytest.raises(CorpusError, match="^tags must be valid Unicode, got a lone surrogate in"):
        train([strange], None)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.infer("a text"), CorpusTypeError, r"^texts must be a list of texts .*, got str; pass \[text\]"),
        (lambda m: m.infer({"a", "b"}), CorpusTypeError, "^corpus must be .*, got a set, which has no order"),
        (lambda m: m.infer([]), CorpusError, "^corpus must have at least one document, got an empty list"),
        (lambda m: m.infer(["a"], epochs=0), ParameterError, "^epochs must be at least 1, got 0"),
        (lambda m: m.infer(["a"], seed=-1), ParameterError, "^seed must be"),
        (lambda m: m.infer(["a"], threads=0), ParameterError, "^threads must be at least 1, got 0"),
        (lambda m: m.infer(["a"], empty="skip"), ParameterError, "^empty must be one of 'error', 'zero', got 'skip'"),
    ],
)
def test_bad_calls_are_refused(call: Callable[[Model], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(train(epochs=1))


def test_a_model_of_words_infers_nothing() -> None:
    model = firth.train([text.split() for text in TEXTS], min_count=1, dims=4, epochs=1, subsample=0, progress=False)
    with pytest.raises(ParameterError, match="^infer must be called on a model of documents, got a model of words"):
        model.infer(["a"])


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    model = train()
    assert model.documents is not None
    broken = firth.WordVectors(model.documents.words, np.zeros((2, 3), np.float32))
    dataclasses.replace(model, documents=broken).save(tmp_path / "model")
    with pytest.raises(FormatError, match="tag_vectors must have rows of 10 numbers, got shape"):
        firth.load(tmp_path / "model")
