"""From a corpus to a model and back from its folder; every bad input refused with a clear error, and nothing lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import (
    CorpusError,
    CorpusTypeError,
    FormatError,
    ParameterError,
    StorageError,
    TrainingError,
    UnknownWordError,
)
from firth.kernels.registry import OBJECTIVES
from firth.training.run import composing, prepared
from firth.training.run.finishing import UnsavedModelError
from firth.vectors.words import PackedWords

SMALL: dict[str, Any] = {"dims": 12, "epochs": 2, "min_count": 1, "threads": 1, "progress": False}
Lines = list[list[str]]


def _topic_margin(model: firth.Model) -> float:
    """Mean cosine within a topic minus that between topics, over the frequent words."""
    names = [[f"t{topic}w{word}" for word in range(6)] for topic in range(8)]
    unit = model.vectors[[word for topic in names for word in topic]].astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    same = np.kron(np.eye(8), np.ones((6, 6))).astype(bool)
    cosines = unit @ unit.T
    return float(cosines[same & ~np.eye(48, dtype=bool)].mean() - cosines[~same].mean())


@pytest.mark.parametrize(("architecture", "loss"), OBJECTIVES)
def test_every_objective_learns_the_topics(lines: Lines, architecture: str, loss: str) -> None:
    model = firth.train(
        lines, architecture=architecture, loss=loss, **{**SMALL, "epochs": 6, "subsample": 0, "learning_rate": 0.05}
    )
    assert _topic_margin(model) > 0.3
    assert model.history.loss_nats[-1] < model.history.loss_nats[0]
    assert model.history.stop_reason == "finished"
    n_output = 199 if loss == "hierarchical-softmax" else 200
    assert model.output_vectors.shape == (n_output, 12)


@pytest.mark.parametrize(
    "options",
    [
        {"window_mode": "sequence"},
        {"window_mode": "fixed", "window_side": "left"},
        {"window_side": "right", "negative_sharing": "pair"},
        {"target_collision": "count", "noise_exponent": -0.5},
        {"target_collision": "drop", "subsample": 0},
        {"noise_exponent": 0},
    ],
    ids=str,
)
def test_options_train_and_learn(lines: Lines, options: dict[str, Any]) -> None:
    model = firth.train(lines, **{**SMALL, "subsample": 0, **options, "learning_rate": 0.05, "epochs": 6})
    assert _topic_margin(model) > 0.3


def test_same_seed_same_vectors_with_one_thread(lines: Lines) -> None:
    first, second, other = (firth.train(lines, seed=seed, **SMALL) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.vectors.matrix, second.vectors.matrix)
    np.testing.assert_array_equal(first.output_vectors, second.output_vectors)
    assert first.history.loss_nats == pytest.approx(second.history.loss_nats, rel=1e-7)
    assert not np.array_equal(first.vectors.matrix, other.vectors.matrix)


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])  # whose examples are pairs, and windows
def test_examples_do_not_depend_on_threads(lines: Lines, architecture: str) -> None:
    options = {**SMALL, "architecture": architecture}
    histories = [firth.train(lines, **{**options, "threads": threads}).history for threads in (1, 2, 4)]
    counts = [[record.n_examples for record in history.epochs] for history in histories]
    assert counts[0] == counts[1] == counts[2]
    assert counts[0][0] != counts[0][1] > 0


# Twice the largest differences of 80 and of 24 runs on an idle and on a busy processor, in the first epoch, in which
# the loss comes down from 4.2 to little above 1, and after it: by window 2.5 % and 1.0 %, by block 4.0 % and 3.2 %. The
# more a thread's copies of rows are out of date, the larger: with a stretch of a 256th of the run 1.6 % and more.
@pytest.mark.parametrize(("sharing", "first", "later"), [("window", 0.05, 0.02), ("block", 0.08, 0.064)])
def test_loss_hardly_depends_on_threads(many_lines: Lines, sharing: str, first: float, later: float) -> None:
    options = {**SMALL, "epochs": 3, "subsample": 0, "negative_sharing": sharing}
    one, *others = (
        firth.train(many_lines, **{**options, "threads": threads}).history.loss_nats for threads in (1, 2, 4)
    )
    for losses in others:
        assert losses[1:] == pytest.approx(one[1:], rel=later)
        assert losses[0] == pytest.approx(one[0], rel=first)


def test_save_and_load(corpus_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    model = firth.train(corpus_file, output=folder, lowercase=True, **SMALL)
    assert sorted(path.name[:6] for path in folder.iterdir()) == ["config", "model-"], "the work folder is gone"
    loaded = firth.load(folder)
    assert list(loaded.vectors.words) == list(model.vectors.words)
    np.testing.assert_array_equal(loaded.vectors.matrix, model.vectors.matrix)
    np.testing.assert_array_equal(loaded.output_vectors, model.output_vectors)
    np.testing.assert_array_equal(np.asarray(loaded.vectors.counts), np.asarray(model.vectors.counts))
    assert loaded.config == model.config
    assert loaded.history == model.history
    assert loaded.corpus == model.corpus
    assert loaded.corpus.lowercase
    assert loaded.instruction_set == model.instruction_set != ""
    assert loaded.firth_version == firth.__version__
    assert isinstance(loaded.output_vectors.base, np.ndarray), "memory-mapped, not read"

    config = json.loads((folder / "config.json").read_text())
    assert config["seed"] == 1
    assert config["threads"] == 1
    assert config["corpus"]["sha256"] == model.corpus.sha256
    loaded.save(tmp_path / "copy")
    np.testing.assert_array_equal(firth.load(tmp_path / "copy").vectors.matrix, model.vectors.matrix)


def test_the_words_of_a_large_vocabulary_are_packed(
    lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [" ".join(line) for line in lines[:200]]
    before = firth.train(lines, **SMALL), firth.train_documents(texts, **SMALL)
    monkeypatch.setattr(composing, "MANY_WORDS", 100)
    after = firth.train(lines, output=tmp_path / "model", **SMALL), firth.train_documents(texts, **SMALL)
    for old, new in zip(before, after, strict=True):
        assert isinstance(old.vectors.words, tuple)
        assert isinstance(new.vectors.words, PackedWords)
        assert tuple(new.vectors.words) == old.vectors.words
        assert new.vectors.neighbors("t1w0") == old.vectors.neighbors("t1w0")
    assert tuple(firth.load(tmp_path / "model").vectors.words) == before[0].vectors.words
    np.testing.assert_array_equal(after[1].infer(texts[:2]), before[1].infer(texts[:2]))
    more = [model.train_more(lines[:300], progress=False) for model in (before[0], after[0])]
    np.testing.assert_array_equal(more[1].vectors.matrix, more[0].vectors.matrix)


def test_integer_words(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    ids = generator.integers(1000, 1020, size=2000)
    offsets = np.arange(0, 2001, 10)
    model = firth.train((ids, offsets), output=tmp_path / "model", **SMALL)
    loaded = firth.load(tmp_path / "model")
    assert 1007 in loaded.vectors
    np.testing.assert_array_equal(loaded.vectors[1007], model.vectors[1007])


def test_words_beyond_ascii_and_one_shot_iterables() -> None:
    corpus = iter([["ὁ", "λόγος", "日本", "naïve"]] * 50)
    model = firth.train(corpus, **{**SMALL, "subsample": 0})  # of four words it would leave next to nothing
    assert set(model.vectors.words) == {"ὁ", "λόγος", "日本", "naïve"}


def test_an_encoded_corpus_is_used_as_it_is(lines: Lines, tmp_path: Path) -> None:
    encoded = firth.encode_corpus(lines, folder=tmp_path / "encoded", min_count=1)
    model = firth.train(encoded, **SMALL)
    np.testing.assert_array_equal(model.vectors.matrix, firth.train(lines, **SMALL).vectors.matrix)
    assert (tmp_path / "encoded" / "corpus.json").exists()
    with pytest.raises(ParameterError, match="^lowercase must be left out if the corpus is encoded"):
        firth.train(encoded, lowercase=True, **SMALL)
    with pytest.raises(ParameterError, match="^heldout=0.1 must be passed to encode_corpus"):
        firth.train(encoded, heldout=0.1, **SMALL)
    parts = firth.encode_corpus(lines, folder=tmp_path / "parts", min_count=2, heldout_share=0.2)
    with pytest.raises(ParameterError, match="^heldout must be the 0.2 with which the corpus was encoded, got 0.1"):
        firth.train(parts, heldout=0.1, **SMALL)
    held = firth.train(parts, heldout="20%", **SMALL)
    assert len(held.history.heldout_loss_nats) == 2
    assert held.config.min_count == 2


# ---- bad input, before any work


def test_a_folder_that_is_taken_is_refused_before_the_corpus_is_read(lines: Lines, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    old = firth.train(lines, output=folder, **SMALL)

    def corpus() -> Any:
        raise AssertionError("the corpus was read")
        yield []

    with pytest.raises(StorageError, match="holds a model"):
        firth.train(corpus(), output=folder, **SMALL)
    np.testing.assert_array_equal(firth.load(folder).vectors.matrix, old.vectors.matrix)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("precious")
    with pytest.raises(StorageError, match=r"is not empty \(it holds 'thesis.txt'\)"):
        firth.train(corpus(), output=tmp_path / "notes", **SMALL)
    with pytest.raises(StorageError, match="must be a folder, got a file"):
        firth.train(corpus(), output=tmp_path / "notes" / "thesis.txt", **SMALL)


def test_overwrite_replaces_the_old_model_only_at_the_end(lines: Lines, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    old = firth.train(lines, output=folder, **SMALL)

    class Look(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            np.testing.assert_array_equal(firth.load(folder).vectors.matrix, old.vectors.matrix)

    new = firth.train(lines, output=folder, overwrite=True, callbacks=[Look()], **{**SMALL, "seed": 2})
    np.testing.assert_array_equal(firth.load(folder).vectors.matrix, new.vectors.matrix)
    assert len(list(folder.glob("*.safetensors"))) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"dims": 0}, ParameterError, "^dims must be at least 1, got 0"),
        ({"window": -1}, ParameterError, "^window must be at least 1, got -1"),
        ({"epochs": 0}, ParameterError, "^epochs must be at least 1, got 0"),
        ({"learning_rate": "high"}, ParameterError, "^learning_rate must be a number, got 'high'"),
        ({"loss": "ns"}, ParameterError, "^loss must be one of 'negative-sampling'"),
        ({"patience": 2}, ParameterError, "^patience must come with a held-out part or a metric"),
        ({"heldout": "100%"}, ParameterError, "^heldout must be a share above 0 and below 1"),
        ({"heldout": 1.5}, ParameterError, "^heldout must be a share"),
        ({"checkpoint_every": "1min"}, ParameterError, "^checkpoint_every must come with output="),
        ({"callbacks": [print]}, ParameterError, "^callbacks must be objects with a method"),
        ({"callbacks": print}, ParameterError, "^callbacks must be a list"),
        ({"callbacks": [firth.Callback]}, ParameterError, "^callbacks must be objects"),
        ({"progress": "bar"}, ParameterError, "^progress must be None, True or False"),
        ({"sequence_weights": [1.0, -1.0]}, ParameterError, "^sequence_weights must be finite and at least 0, got -1"),
        (
            {"sequence_weights": [1.0, np.nan]},
            ParameterError,
            "^sequence_weights must be finite .* got nan for sequence 1",
        ),
        ({"sequence_weights": [np.inf]}, ParameterError, "^sequence_weights must be finite"),
        ({"sequence_weights": [0.0, 0.0]}, ParameterError, "^sequence_weights must have a weight above 0"),
        ({"sequence_weights": "heavy"}, ParameterError, "^sequence_weights must be a list of numbers"),
        (
            {"initial_vectors": {"a": np.zeros(7)}},
            ParameterError,
            "must have dims=12 numbers in a vector, got 7;",
        ),
        (
            {"initial_vectors": np.zeros((3, 7))},
            ParameterError,
            "must have dims=12 numbers in a vector, got 7; pass dims=7",
        ),
        ({"initial_vectors": {"a": np.full(12, np.nan)}}, ParameterError, "must be finite, got NaN .* of 'a'"),
        ({"initial_vectors": {}}, ParameterError, "must have at least one word, got an empty mapping"),
        ({"initial_vectors": 7}, ParameterError, "^initial_vectors must be WordVectors, a mapping"),
        ({"initial_vectors": np.array([["a"]])}, ParameterError, "^initial_vectors must be a matrix of numbers"),
        ({"freeze": True}, ParameterError, "^freeze=True must come with initial_vectors"),
        ({"freeze": "word"}, ParameterError, "^freeze must be a list of words, got 'word'; for one word"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_bad_argument_is_refused_before_the_corpus_is_read(
    arguments: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    def corpus() -> Any:
        raise AssertionError("the corpus was read")
        yield []

    output = {} if "checkpoint_every" in arguments else {"output": tmp_path / "model"}
    with pytest.raises(error, match=message):
        firth.train(corpus(), **{**SMALL, **output, **arguments})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("corpus", "arguments", "error", "message"),
    [
        ("missing.txt", {}, StorageError, "missing.txt"),
        (["some words, no list of tokens"], {}, CorpusTypeError, "split it"),
        ([["a", "b"], "a string"], {}, CorpusTypeError, "split"),
        ([], {}, CorpusError, "at least one"),
        ([["a", "b"]] * 3, {"min_count": 5}, CorpusError, "min_count"),
        ([["a"]] * 9, {}, ParameterError, "^vocabulary must have at least 2 words for loss='negative-sampling'.*got 1"),
        (
            [["a"]] * 9,
            {"loss": "hierarchical-softmax"},
            ParameterError,
            "loss='hierarchical-softmax'.*inner node.*got 1",
        ),
        ([["a"], ["b"]] * 9, {}, CorpusError, "^corpus must have a sequence .line. with two words.*one word a line"),
        ([["a", "b"]] * 9, {"sequence_weights": [1.0]}, ParameterError, "a weight for each of the 9 sequences.*got 1"),
        ([["a", "b"]] * 9, {"freeze": ["a", "c"]}, UnknownWordError, "^freeze must hold words of the vocabulary; 'c'"),
        ([["a", "b"]] * 9, {"freeze": np.ones(3, bool)}, ParameterError, "^freeze must be an array of shape"),
        ([["a", "b"]] * 9, {"noise_distribution": {"c": 1}}, UnknownWordError, "^noise_distribution must hold words"),
        ([["a", "b"]] * 9, {"noise_distribution": {"a": -1}}, ParameterError, "finite and at least 0, got -1 for 'a'"),
        ([["a", "b"]] * 9, {"noise_distribution": {"a": 1}}, ParameterError, "positive weight to at least 2 words"),
        ([["a", "b"]] * 9, {"noise_distribution": [1.0]}, ParameterError, "a weight for each of the 2 words"),
        ([["a", "b"]] * 9, {"noise_distribution": [0.0, 0.0]}, ParameterError, "a finite sum above 0"),
        ([["a", "b"]] * 9, {"noise_distribution": "even"}, ParameterError, "^noise_distribution must be a mapping"),
        ([["a", "b"]] * 9, {"initial_vectors": {"c": np.ones(12)}}, ParameterError, "a word in common"),
        ([["a", "b"]] * 9, {"initial_vectors": np.ones((3, 12))}, ParameterError, "a row for each of the 2 words"),
        ([["a", "b"]] * 9, {"heldout": 0.999999}, CorpusError, "heldout"),
        ([["a", "b"]] * 9, {"heldout": 1e-9}, CorpusError, "^heldout_share must hold out at least one word"),
        ([["a", "b"]] * 9, {"heldout": [["a"], ["b"]]}, CorpusError, "^heldout must have a sequence with two words"),
        ([["a", "b"]] * 9, {"heldout": "missing.txt"}, ParameterError, "missing.txt"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_bad_corpus_is_refused_and_nothing_is_left(
    corpus: Any, arguments: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        firth.train(corpus, output=tmp_path / "model", **{**SMALL, **arguments})
    assert not list(tmp_path.iterdir()), "the output folder that was made for the run is gone again"


def test_too_little_disk_is_told_before_training(lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "free_bytes", lambda folder: 1000)
    with pytest.raises(StorageError, match="has 1 kB free, the model will need"):
        firth.train(lines, output=tmp_path / "model", **SMALL)
    assert not list(tmp_path.iterdir())


def test_too_little_memory_is_told_before_it_is_taken(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "available_memory_bytes", lambda: 20_000)
    with pytest.raises(ParameterError, match="^dims must fit into the 20 kB of free memory, got 12 for 200 words"):
        firth.train(lines, **SMALL)
    monkeypatch.setattr(prepared, "available_memory_bytes", lambda: None)  # a system that does not tell
    firth.train(lines, **SMALL)


def test_a_model_that_cannot_be_saved_is_not_lost(
    lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **options: Any) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(firth.Model, "save", full)
    with pytest.raises(UnsavedModelError, match="the disk is full; the exception's .model holds it") as caught:
        firth.train(lines, output=tmp_path / "model", **SMALL)
    monkeypatch.undo()
    caught.value.model.save(tmp_path / "elsewhere")
    assert len(firth.load(tmp_path / "elsewhere").vectors) == 200


@pytest.mark.parametrize("threads", [1, 3])
def test_a_loss_that_stops_being_finite_names_epoch_and_learning_rate(lines: Lines, threads: int) -> None:
    with pytest.raises(TrainingError, match=r"stopped being finite in epoch \d+ at a learning rate of [\d.e+]+; lower"):
        firth.train(lines, **{**SMALL, "threads": threads, "learning_rate": 1e30, "epochs": 5})


def test_loading_what_is_no_model(tmp_path: Path, lines: Lines) -> None:
    with pytest.raises(StorageError, match="does not exist"):
        firth.load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StorageError, match=r"is no model folder: it has no config.json"):
        firth.load(tmp_path / "empty")
    folder = tmp_path / "model"
    firth.train(lines, output=folder, **SMALL)
    config = json.loads((folder / "config.json").read_text())
    for change in ({"training": {"dims": 0}}, {"training": {"size": 1}}, {"history": {}}, {"corpus": 3}):
        (folder / "config.json").write_text(json.dumps({**config, **change}))
        with pytest.raises(FormatError, match="not a complete model of firth"):
            firth.load(folder)
    del config["training"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(FormatError, match="config.json has no 'training'"):
        firth.load(folder)


# ---- start vectors, frozen words, weights, noise


def test_start_vectors_are_where_training_starts(lines: Lines, tmp_path: Path) -> None:
    first = firth.train(lines, **SMALL)
    tiny = {**SMALL, "learning_rate": 1e-9}
    generator = np.random.default_rng(0)
    given = {word: generator.normal(size=12) for word in ("t0w0", "t1w1", "unheard")}
    model = firth.train(lines, initial_vectors=given, **tiny)
    for word in ("t0w0", "t1w1"):
        np.testing.assert_allclose(model.vectors[word], given[word], rtol=1e-4, atol=1e-6)
    assert np.abs(model.vectors["t0w1"]).max() < 0.05, "other words start small"
    first.save(tmp_path / "model")
    for source in (first.vectors, tmp_path / "model", str(tmp_path / "model"), np.asarray(first.vectors.matrix)):
        again = firth.train(lines, initial_vectors=source, **tiny)
        np.testing.assert_allclose(again.vectors.matrix, first.vectors.matrix, rtol=1e-3, atol=1e-5)


def test_frozen_words_stay_to_the_bit(lines: Lines) -> None:
    given = {word: np.full(12, 0.25) for word in ("t0w0", "t1w1")}
    model = firth.train(lines, initial_vectors=given, freeze=["t0w0"], **SMALL)
    np.testing.assert_array_equal(model.vectors["t0w0"], np.full(12, 0.25, np.float32))
    assert not np.array_equal(model.vectors["t1w1"], np.full(12, 0.25, np.float32))
    both = firth.train(lines, initial_vectors=given, freeze=True, **SMALL)
    np.testing.assert_array_equal(both.vectors["t1w1"], np.full(12, 0.25, np.float32))
    assert np.abs(both.output_vectors).max() > 0


def test_weights_of_zero_leave_a_sequence_out(lines: Lines) -> None:
    strange = [["t0w0", "t7w0", "t0w0", "t7w0"]] * 40
    weights = [1.0] * len(lines) + [0.0] * len(strange)
    options = {**SMALL, "subsample": 0, "noise_distribution": np.full(200, 1.0)}
    weighted = firth.train([*lines, *strange], sequence_weights=weights, **options)
    plain = firth.train([*lines, *strange], **options)
    assert plain.vectors.similarity("t0w0", "t7w0") > weighted.vectors.similarity("t0w0", "t7w0")
    ones = firth.train([*lines, *strange], sequence_weights=np.ones(len(weights)), **options)
    np.testing.assert_array_equal(ones.vectors.matrix, plain.vectors.matrix)


def test_noise_distribution_decides_what_is_pushed_away(lines: Lines) -> None:
    noise = {"t0w0": 3.0, "t0w1": 1.0}
    model = firth.train(lines, noise_distribution=noise, **SMALL)
    even = firth.train(lines, noise_distribution=np.ones(200), noise_exponent=5, **SMALL)
    flat = firth.train(lines, noise_exponent=0, **SMALL)
    np.testing.assert_array_equal(even.vectors.matrix, flat.vectors.matrix)
    assert not np.array_equal(model.vectors.matrix, flat.vectors.matrix)


def test_initial_output_vectors_are_where_the_run_starts():
    corpus = [["a", "b", "c"], ["c", "b", "a"]] * 5
    first = firth.train(corpus, **{**SMALL, "dims": 4}, subsample=0)
    start = {"initial_vectors": first.vectors.matrix, "initial_output_vectors": first.output_vectors}
    tiny = {**SMALL, "dims": 4, "epochs": 1, "subsample": 0, "learning_rate": 1e-12}
    again = firth.train(corpus, **start, **tiny)
    np.testing.assert_allclose(again.output_vectors, first.output_vectors, atol=1e-9)
    np.testing.assert_allclose(again.vectors.matrix, first.vectors.matrix, atol=1e-9)
    with pytest.raises(ParameterError, match="initial_output_vectors must be a matrix"):
        firth.train(corpus, initial_output_vectors=np.zeros((2, 4)), **tiny)
    with pytest.raises(ParameterError, match="initial_output_vectors must be finite"):
        firth.train(corpus, initial_output_vectors=np.full((3, 4), np.nan), **tiny)


def test_callbacks_see_output_vectors():
    seen = []

    class Watch(firth.Callback):
        def on_epoch_end(self, state):
            seen.append(state.output_vectors)

    corpus = [["a", "b", "c"], ["c", "b", "a"]] * 5
    model = firth.train(corpus, **{**SMALL, "dims": 4}, subsample=0, callbacks=[Watch()])
    assert not np.array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[1], model.output_vectors)
