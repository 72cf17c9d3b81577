"""A model goes on with new text: what is added, what stays to the bit, and what cannot change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.corpus import encoded as encoded_module
from firth.corpus import rewrite
from firth.corpus.encoded import EncodedCorpus
from firth.corpus.vocabulary import Vocabulary
from firth.errors import CorpusError, CorpusTypeError, ParameterError, UnknownWordError
from firth.kernels.config import TrainingConfig
from firth.training.run.continuation import continue_vocabulary

Lines = list[list[str]]
SMALL: dict[str, Any] = {"dims": 12, "epochs": 3, "min_count": 2, "threads": 1, "progress": False}
NEW = [["t0w0", "new0", "t0w1", "new1"], ["t1w0", "new0", "rare", "new1"]] * 30 + [["t2w0", "once", "t2w1", "new2"]]


@pytest.fixture(scope="module")
def model(lines: Lines) -> firth.Model:
    return firth.train(lines, **SMALL)


def test_new_words_are_added_and_counts_too(model: firth.Model) -> None:
    before = np.array(model.vectors.matrix)
    more = model.train_more(NEW, progress=False)
    np.testing.assert_array_equal(model.vectors.matrix, before, "the old model stays as it is")
    assert set(more.vectors.words) - set(model.vectors.words) == {"new0", "new1", "rare"}
    assert set(model.vectors.words) <= set(more.vectors.words)
    assert more.vectors.count("new0") == 60
    assert more.vectors.count("t0w0") == model.vectors.count("t0w0") + 30
    assert more.vectors.count("t2w0") == model.vectors.count("t2w0") + 1
    counts = np.asarray(more.vectors.counts)
    assert (np.diff(counts) <= 0).all(), "rows by falling count"
    assert more.history.words_trained == pytest.approx(3 * 244)
    assert more.config == model.config
    assert not np.array_equal(more.vectors["t0w0"], model.vectors["t0w0"])


def test_words_that_the_new_text_lacks_stay_to_the_bit(model: firth.Model) -> None:
    more = model.train_more(NEW, progress=False)
    in_new = {word for line in NEW for word in line}
    absent = [word for word in model.vectors.words if word not in in_new]
    assert len(absent) > 190
    np.testing.assert_array_equal(more.vectors[absent], model.vectors[absent])
    for word in absent:
        np.testing.assert_array_equal(
            more.output_vectors[more.vectors.word_id(word)], model.output_vectors[model.vectors.word_id(word)]
        )


def test_without_new_words(model: firth.Model) -> None:
    more = model.train_more(NEW, new_words=False, progress=False)
    assert set(more.vectors.words) == set(model.vectors.words)


def test_words_at_the_edge_of_min_count_and_max_vocabulary(model: firth.Model) -> None:
    assert "new2" in model.train_more(NEW, min_count=1, progress=False).vectors
    some = model.train_more(NEW, max_vocabulary=201, progress=False)
    assert set(some.vectors.words) - set(model.vectors.words) == {"new0"}
    none = model.train_more(NEW, max_vocabulary=5, progress=False)
    assert set(none.vectors.words) == set(model.vectors.words)


def test_frozen_rows(model: firth.Model) -> None:
    more = model.train_more(NEW, freeze=["t0w0"], progress=False)
    np.testing.assert_array_equal(more.vectors["t0w0"], model.vectors["t0w0"])
    assert not np.array_equal(more.vectors["t0w1"], model.vectors["t0w1"])
    old_fixed = model.train_more(NEW, freeze=np.ones(len(model.vectors), bool), progress=False)
    np.testing.assert_array_equal(old_fixed.vectors[list(model.vectors.words)], model.vectors.matrix)
    with pytest.raises(UnknownWordError, match="^freeze must hold words of the vocabulary; 'new0'"):
        model.train_more(NEW, freeze=["new0"], progress=False)


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_hierarchical_softmax(lines: Lines, architecture: str) -> None:
    model = firth.train(lines, architecture=architecture, loss="hierarchical-softmax", **SMALL)
    same = model.train_more(lines[:20], learning_rate=1e-9, progress=False)
    assert list(same.vectors.words) == list(model.vectors.words)
    np.testing.assert_array_equal(np.asarray(same.vectors.counts), np.asarray(model.vectors.counts))
    np.testing.assert_allclose(same.output_vectors, model.output_vectors, atol=1e-6)
    grown = model.train_more(NEW, learning_rate=1e-9, progress=False)
    assert grown.output_vectors.shape == (len(grown.vectors) - 1, 12)
    np.testing.assert_allclose(grown.output_vectors, 0, atol=1e-6)
    np.testing.assert_allclose(grown.vectors["t0w0"], model.vectors["t0w0"], atol=1e-6)


def test_full_softmax(lines: Lines) -> None:
    model = firth.train(lines, loss="softmax", **{**SMALL, "epochs": 1})
    more = model.train_more(NEW, learning_rate=1e-9, progress=False)
    word_id = more.vectors.word_id("t0w0")
    np.testing.assert_allclose(
        more.output_vectors[word_id], model.output_vectors[model.vectors.word_id("t0w0")], atol=1e-6
    )


@pytest.mark.parametrize(("name", "value"), [("architecture", "cbow"), ("loss", "softmax"), ("dims", 7)])
def test_what_cannot_change(model: firth.Model, name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=f"^{name} must stay"):
        model.train_more(NEW, **{name: value})
    assert model.train_more(NEW, progress=False, **{name: getattr(model.config, name)}) is not None


def test_bad_input(model: firth.Model) -> None:
    with pytest.raises(ParameterError, match="got 'learning_rat'"):
        model.train_more(NEW, learning_rat=0.1)
    with pytest.raises(CorpusError, match="^corpus must have words of the model's vocabulary"):
        model.train_more([["x", "y"]], progress=False)
    with pytest.raises(CorpusError, match="^corpus must have words of the model's vocabulary"):
        model.train_more([["x", "y"]], new_words=False, progress=False)
    with pytest.raises(ParameterError, match="^epochs must be at least 1"):
        model.train_more(NEW, epochs=0)


def test_rates_follow_each_other(model: firth.Model) -> None:
    more = model.train_more(NEW, learning_rate=0.5, epochs=1, progress=False)
    assert more.config.min_learning_rate == pytest.approx(0.5e-4)
    assert more.config.epochs == 1


def test_loaded_integer_and_lowercase_models(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    ids = generator.integers(5, 25, size=1000)
    model = firth.train((ids, np.arange(0, 1001, 10)), output=tmp_path / "ids", **SMALL)
    more = firth.load(tmp_path / "ids").train_more((np.array([5, 99, 5, 99, 6]), np.array([0, 5])), progress=False)
    assert 99 in more.vectors
    assert len(more.vectors) == len(model.vectors) + 1
    firth.train([["Ab", "CD"]] * 9, lowercase=True, subsample=0, output=tmp_path / "lower", **SMALL)
    lower = firth.load(tmp_path / "lower").train_more([["AB", "cd", "EF", "ef"]] * 3, progress=False)
    assert set(lower.vectors.words) == {"ab", "cd", "ef"}
    assert lower.corpus.lowercase


def test_continuing_is_resumed_too(model: firth.Model, tmp_path: Path) -> None:
    class Interrupt(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            raise KeyboardInterrupt

    expected = model.train_more(NEW, heldout="20%", progress=False)
    with pytest.raises(KeyboardInterrupt):
        model.train_more(
            NEW, heldout="20%", output=tmp_path / "m", checkpoint_every="1h", callbacks=[Interrupt()], progress=False
        )
    resumed = firth.resume(tmp_path / "m", progress=False)
    assert list(resumed.vectors.words) == list(expected.vectors.words)
    np.testing.assert_array_equal(resumed.vectors.matrix, expected.vectors.matrix)
    assert resumed.history.heldout_loss_nats == expected.history.heldout_loss_nats


@pytest.mark.parametrize("block", [1, 3, 1 << 20])
def test_rewritten_ids(block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrite, "REWRITTEN_AT_ONCE", block)
    monkeypatch.setattr(encoded_module, "_BLOCK_ITEMS", block)
    text = [["x", "a", "y"], [], ["x"], ["b", "z", "z", "a"], ["x"], []]
    encoded = firth.encode_corpus(text, folder=tmp_path / "new", min_count=1)
    old = Vocabulary(("b", "a", "c"), np.array([5, 4, 3]))
    joined = continue_vocabulary(encoded, old, TrainingConfig(min_count=2), tmp_path / "joined")
    corpus = joined.corpus
    assert isinstance(corpus, EncodedCorpus)
    corpus.verify()
    words = list(corpus.vocabulary.words)
    assert words == ["a", "b", "c", "x", "z"]  # 6, 6, 3, 3, 2
    assert corpus.vocabulary.counts.tolist() == [6, 6, 3, 3, 2]
    sequences = [
        [words[word_id] for word_id in corpus.ids[start:stop]]
        for start, stop in zip(corpus.offsets, corpus.offsets[1:], strict=False)
    ]
    assert sequences == [["x", "a"], [], ["x"], ["b", "z", "z", "a"], ["x"], []]
    assert joined.word_ids.tolist() == [1, 0, 2]
    np.testing.assert_allclose(joined.noise * np.sum([2**0.75, 1, 3**0.75, 2**0.75]), [2**0.75, 1, 0, 3**0.75, 2**0.75])
    assert corpus.n_tokens_read == encoded.n_tokens_read


@pytest.mark.parametrize("new_words", [True, False])
def test_words_of_another_kind_are_told_by_the_corpus(new_words: bool, tmp_path: Path) -> None:
    options = {**SMALL, "subsample": 0}
    lines, ids = [["1", "2", "3"], ["2", "3", "4"]] * 10, [[1, 2, 3], [2, 3, 4]] * 10
    strings = firth.train(lines, lowercase=True, **options)  # integers have no case, but nobody spoke of case
    integers = firth.train(ids, **options)
    more = {"new_words": new_words, "progress": False}
    arrays = (np.array([10, 11, 10, 11]), np.array([0, 4]))
    encoded_ids = firth.encode_corpus(ids, folder=tmp_path / "ids", min_count=1)
    encoded_lines = firth.encode_corpus(lines, folder=tmp_path / "lines", min_count=1)
    (tmp_path / "corpus.txt").write_text("1 2 3\n" * 9)
    message = "^corpus must have {} for words, as the model has, got {}; convert the words$"
    for corpus in ([[1, 2]] * 5, [[10, 11, 12]] * 5, arrays, encoded_ids):
        with pytest.raises(CorpusTypeError, match=message.format("strings", "integers")):
            strings.train_more(corpus, **more)
    for corpus in ([["1", "2"]] * 5, tmp_path / "corpus.txt", encoded_lines):
        with pytest.raises(CorpusTypeError, match=message.format("integers", "strings")):
            integers.train_more(corpus, **more)
    assert set(strings.train_more(encoded_lines, **more).vectors.words) == {"1", "2", "3", "4"}
    assert set(integers.train_more(encoded_ids, **more).vectors.words) == {1, 2, 3, 4}


@pytest.mark.parametrize("corpus", [[["t0w0"]] * 5, [["t0w0", "t0w0"]] * 5, [["t0w0", "once"]]])
@pytest.mark.parametrize("new_words", [True, False])
def test_one_known_word_is_told_by_the_corpus(model: firth.Model, corpus: Any, new_words: bool) -> None:
    with pytest.raises(CorpusError, match="^corpus must have at least two different words of the model's") as caught:
        model.train_more(corpus, new_words=new_words, progress=False)
    assert "got 't0w0' alone" in str(caught.value)
    assert "noise" not in str(caught.value)
    assert ("min_count" in str(caught.value)) is new_words


def test_one_known_word_where_no_noise_is_drawn(lines: Lines) -> None:
    model = firth.train(lines[:100], loss="softmax", **SMALL)
    assert model.train_more([["t0w0", "t0w0"]] * 5, subsample=0, progress=False).history.stop_reason == "finished"
    with pytest.raises(CorpusError, match="^corpus must have a sequence"):
        model.train_more([["t0w0"]] * 5, subsample=0, progress=False)


def test_a_heldout_part_that_does_not_fit_is_told_by_its_name(model: firth.Model, lines: Lines) -> None:
    for train in (lambda **rest: model.train_more(NEW, **rest), lambda **rest: firth.train(lines[:50], **rest)):
        with pytest.raises(
            CorpusTypeError, match="^heldout must have strings for words, as the corpus has, got integers"
        ):
            train(heldout=[[1, 2]], progress=False)
        with pytest.raises(CorpusError, match="^heldout must have words of the corpus's vocabulary, got none"):
            train(heldout=[["x", "y"]], progress=False)
    with pytest.raises(CorpusTypeError, match="^heldout must have strings"):
        firth.train(lines[:50], heldout=[[1, 2]], lowercase=True, progress=False)


def test_encoded_text_is_continued_in_the_models_case(tmp_path: Path) -> None:
    model = firth.train([["Ab", "Cd"]] * 9, lowercase=True, subsample=0, **SMALL)
    encoded = firth.encode_corpus([["ab", "cd", "ef"]] * 5, folder=tmp_path / "new", min_count=1)
    assert set(model.train_more(encoded, progress=False).vectors.words) == {"ab", "cd", "ef"}
    assert set(model.train_more(encoded, new_words=False, progress=False).vectors.words) == {"ab", "cd"}
