"""Room tests/training: a run that joins phrases has the bits of a run on the joined text: resume and more text too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import CorpusError, FormatError, ParameterError, StorageError
from firth.training.run.options import parse_phrases

OPTIONS: dict[str, Any] = {"dims": 8, "epochs": 2, "min_count": 3, "threads": 1, "progress": False}


def make_texts(seed: int, n_texts: int = 400) -> list[list[str]]:
    """Words of Zipf's law; ``new york`` or ``new york city`` in every other text, ``zig zag`` in one of 30."""
    draw = np.random.default_rng(seed)
    texts = [[f"w{word}" for word in np.minimum(draw.zipf(1.3, 8), 40)] for _ in range(n_texts)]
    for text in texts[::2]:
        text[3:3] = ["new", "york", "city"][: int(draw.integers(2, 4))]
    for text in texts[::30]:
        text[:0] = ["zig", "zag"]
    return texts


TEXTS, MORE = make_texts(1), make_texts(2, 100)


@pytest.fixture(scope="module")
def table() -> firth.Phrases:
    found = firth.learn_phrases(TEXTS, threshold=4, passes=2)
    assert ("new", "york", "city") in found.scores
    return found


def assert_same(model: firth.Model, other: firth.Model) -> None:
    assert list(model.vectors.words) == list(other.vectors.words)
    np.testing.assert_array_equal(model.vectors.counts, other.vectors.counts)
    np.testing.assert_array_equal(model.vectors.matrix, other.vectors.matrix)
    np.testing.assert_array_equal(model.output_vectors, other.output_vectors)
    np.testing.assert_allclose(model.history.loss_nats, other.history.loss_nats, rtol=1e-7)
    assert model.history.heldout_loss_nats == other.history.heldout_loss_nats
    assert (model.corpus.n_tokens, model.corpus.n_tokens_read) == (other.corpus.n_tokens, other.corpus.n_tokens_read)
    assert model.corpus.n_sequences == other.corpus.n_sequences


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"deterministic": True, "threads": 2},
        {"heldout": [["new", "york", "w1"], ["w1", "w2", "unknown", "york"]] * 20},
        {"max_vocabulary": 20, "architecture": "cbow"},
        {"lowercase": True},
        {"vocabulary": firth.Vocabulary(("w1", "w2", "new_york_city", "w3"), [5, 4, 3, 2])},
        {"sequence_weights": np.linspace(0.5, 1.5, len(TEXTS))},
    ],
    ids=lambda options: ",".join(options) or "plain",
)
def test_a_run_is_that_on_the_joined_text(table: firth.Phrases, options: dict[str, Any]) -> None:
    joined = dict(options)
    if "heldout" in options:
        joined["heldout"] = [table.join(text) for text in options["heldout"]]
    model = firth.train(TEXTS, phrases=table, **{**OPTIONS, **options})
    other = firth.train([table.join(text) for text in TEXTS], **{**OPTIONS, **joined})
    assert_same(model, other)
    assert model.phrases == table
    assert other.phrases is None
    assert "new_york_city" in model.vectors


def test_a_share_is_held_out_before_phrases_are_learned(table: firth.Phrases) -> None:
    model = firth.train(TEXTS, phrases=table, heldout="20%", **OPTIONS)
    other = firth.train([table.join(text) for text in TEXTS], heldout="20%", **OPTIONS)
    assert_same(model, other)
    learned = firth.train([*TEXTS, *TEXTS], phrases=1, heldout="20%", **OPTIONS)
    assert learned.phrases is not None
    assert learned.phrases.passes[0].n_words < 0.9 * 2 * sum(map(len, TEXTS))


def test_a_number_of_passes_learns_the_table(tmp_path: Path) -> None:
    texts = TEXTS * 6
    table = firth.learn_phrases(texts, threshold=None, passes=2, threads=1)
    model = firth.train(texts, phrases=2, **OPTIONS)
    assert model.phrases == table
    table.save(tmp_path / "phrases.txt")
    assert_same(model, firth.train(texts, phrases=tmp_path / "phrases.txt", **OPTIONS))


def test_files_of_text(table: firth.Phrases, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(" ".join(text) for text in TEXTS) + "\n")
    assert_same(firth.train(path, phrases=table, **OPTIONS), firth.train(TEXTS, phrases=table, **OPTIONS))


class Interrupt(firth.Callback):
    def on_epoch_end(self, state: firth.TrainingState) -> None:
        raise RuntimeError("stopped here")


@pytest.mark.parametrize("extra", [{}, {"deterministic": True, "threads": 2}], ids=["one", "deterministic"])
def test_a_resumed_run_keeps_its_phrases(table: firth.Phrases, tmp_path: Path, extra: dict[str, Any]) -> None:
    options = {**OPTIONS, **extra}
    with pytest.raises(RuntimeError, match="stopped here"):
        firth.train(
            TEXTS,
            phrases=table,
            output=tmp_path / "model",
            checkpoint_every="500words",
            heldout=MORE,
            callbacks=[Interrupt()],
            **options,
        )
    model = firth.resume(tmp_path / "model", progress=False)
    assert_same(model, firth.train(TEXTS, phrases=table, heldout=MORE, **options))
    assert firth.load(tmp_path / "model").phrases == model.phrases == table


def test_a_damaged_table_of_a_run_is_refused(table: firth.Phrases, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stopped here"):
        firth.train(
            TEXTS,
            phrases=table,
            output=tmp_path / "model",
            checkpoint_every="500words",
            callbacks=[Interrupt()],
            **OPTIONS,
        )
    path = tmp_path / "model" / ".work" / "phrases.npy"
    np.save(path, np.load(path)[:-20])
    with pytest.raises(FormatError, match=r"phrases.npy is damaged"):
        firth.resume(tmp_path / "model", progress=False)


@pytest.mark.parametrize("new_words", [True, False])
def test_more_text_is_joined_as_the_first(table: firth.Phrases, new_words: bool) -> None:
    model = firth.train(TEXTS, phrases=table, **OPTIONS)
    other = firth.train([table.join(text) for text in TEXTS], **OPTIONS)
    more = model.train_more(MORE, new_words=new_words, progress=False)
    assert_same(more, other.train_more([table.join(text) for text in MORE], new_words=new_words, progress=False))
    assert more.phrases == table
    none = model.train_more([["w1", "w2", "w3"]] * 9, subsample=0, progress=False)  # no phrase occurs: no error
    assert none.phrases == table


def test_an_encoded_corpus_has_no_phrases_to_join(table: firth.Phrases, tmp_path: Path) -> None:
    encoded = firth.encode_corpus(TEXTS, folder=tmp_path / "corpus")
    with pytest.raises(ParameterError, match=r"corpus must be text if phrases are joined in it, got an encoded corpus"):
        firth.train(encoded, phrases=table, **OPTIONS)
    with pytest.raises(ParameterError, match=r"corpus must be text if phrases are joined in it, got an encoded corpus"):
        firth.train(TEXTS, phrases=table, **OPTIONS).train_more(encoded, progress=False)


def test_a_table_of_another_corpus(table: firth.Phrases) -> None:
    with pytest.raises(CorpusError, match=r"phrases must be of this corpus, got a table of \d+ phrases .* none occurs"):
        firth.train([["alpha", "beta", "gamma"]] * 20, phrases=table, **OPTIONS)


@pytest.mark.parametrize("value", [0, -1, True, 1.5, [], {}])
def test_what_phrases_may_be(value: object) -> None:
    with pytest.raises(ParameterError, match="phrases must be a table of phrases, its path, or a number"):
        parse_phrases(value)


def test_a_path_of_a_table_is_opened_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"none.txt: the phrases cannot be read: No such file"):
        firth.train(TEXTS, phrases=tmp_path / "none.txt", **OPTIONS)
