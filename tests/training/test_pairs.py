"""Training on pairs: what is learned, against skip-gram and the theory; both vocabularies; resuming; refusals."""

from __future__ import annotations

import json
import math
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.corpus.pair_encoding import encode_pairs
from firth.errors import CorpusError, CorpusTypeError, CorpusWarning, FormatError, ParameterError
from firth.kernels.engine import Engine

N_WORDS, N_CONTEXTS = 30, 6


def make_columns(n_pairs: int = 12_000, seed: int = 0) -> tuple[Any, Any, Any]:
    """Words of six classes, each with a context of its own in four pairs of five; sorted by word, as files are."""
    rng = np.random.default_rng(seed)
    words = np.sort(rng.integers(0, N_WORDS, n_pairs))
    contexts = np.where(rng.random(n_pairs) < 0.8, words % N_CONTEXTS, rng.integers(0, N_CONTEXTS, n_pairs))
    return [f"w{w}" for w in words], [f"c{c}" for c in contexts], rng.choice([0.5, 1.0, 2.0], n_pairs)


SETTINGS: dict[str, Any] = {"dims": 8, "epochs": 3, "threads": 1, "progress": False}


def bits(model: firth.Model) -> tuple[bytes, bytes]:
    return model.vectors.matrix.tobytes(), model.output_vectors.tobytes()


def test_words_and_contexts_are_learned() -> None:
    words, contexts, weights = make_columns()
    model = firth.train(firth.Pairs(words, contexts, weights), heldout="5%", **SETTINGS)
    assert (len(model.vectors), len(model.contexts)) == (N_WORDS, N_CONTEXTS)
    for word in ("w7", "w22"):
        found = {neighbor.word for neighbor in model.vectors.neighbors(word, top=4)}
        assert found == {f"w{other}" for other in range(N_WORDS) if other % 6 == int(word[1:]) % 6} - {word}
    best = np.argmax(model.vectors["w7"] @ model.contexts.matrix.T)
    assert model.contexts.words[best] == "c1"
    assert model.history.heldout_loss_nats[-1] < model.history.heldout_loss_nats[0]
    assert model.history.loss_nats[-1] < 0.75 * model.history.guessing_loss_nats
    assert repr(model) == "Model(30 words, 6 contexts, 8 dims, skipgram, negative-sampling)"
    order = model.vectors.counts
    assert (np.diff(order) <= 0).all()
    assert order.sum() == model.contexts.counts.sum() == model.corpus.n_tokens == model.corpus.n_sequences


def test_logits_become_the_pointwise_mutual_information() -> None:
    """With as many dimensions as contexts: log(A_wc / (K A_w q(c))), with the sums of weights A (Levy, Goldberg 2014).

    Some sums are of many small weights and others of few large ones, so numbers of pairs would give other logits.
    """
    rng = np.random.default_rng(5)
    sums = rng.integers(20, 120, (5, 4)) * 3
    words, contexts, weights = [], [], []
    for (word, context), total in np.ndenumerate(sums):
        weight = 3.0 if (word + context) % 2 else 0.5
        n = int(total / weight)
        words, contexts, weights = words + [word] * n, contexts + [context] * n, weights + [weight] * n
    model = firth.train(
        firth.Pairs(words, contexts, weights), dims=6, epochs=120, min_count=1, negatives=5, noise_exponent=1.0,
        learning_rate=0.05, min_learning_rate=1e-4, target_collision="count", threads=1, progress=False,
    )  # fmt: skip
    rows = model.vectors.matrix[[list(model.vectors.words).index(word) for word in range(5)]]
    columns = model.contexts.matrix[[list(model.contexts.words).index(context) for context in range(4)]]
    expected = np.log(sums * sums.sum() / (5 * np.outer(sums.sum(1), sums.sum(0))))
    found = rows.astype(np.float64) @ columns.T.astype(np.float64)
    assert np.abs(found - expected).max() < 0.25
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.97
    numbers = np.where(np.add.outer(np.arange(5), np.arange(4)) % 2, sums / 3, sums / 0.5)
    wrong = np.log(numbers * numbers.sum() / (5 * np.outer(numbers.sum(1), numbers.sum(0))))
    assert np.abs(wrong - expected).max() > 0.8


def test_pairs_of_windows_learn_what_skipgram_learns() -> None:
    """Windows of width 2 as pairs (context word, center): the same examples, in another order, with other noise."""
    rng = np.random.default_rng(1)
    text = [[f"t{topic}_{word}" for word in rng.integers(0, 8, 12)] for topic in rng.integers(0, 5, 1500)]
    same: dict[str, Any] = {"dims": 16, "epochs": 3, "threads": 1, "min_count": 1, "subsample": 0, "progress": False}
    windows = firth.train(text, window=2, window_mode="fixed", **same)
    inputs, targets = [], []
    for line in text:
        for center, target in enumerate(line):
            context = line[max(0, center - 2) : center] + line[center + 1 : center + 3]
            inputs += context
            targets += [target] * len(context)
    pairs = firth.train(firth.Pairs(inputs, targets, one_vocabulary=True), **same)
    assert list(pairs.vectors.words) == sorted(
        pairs.vectors.words, key=lambda word: (-(inputs.count(word) + targets.count(word)), word)
    )
    losses = windows.history.loss_nats[-1], pairs.history.loss_nats[-1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert losses[1] < 0.75 * pairs.history.guessing_loss_nats

    def nearest(model: firth.Model, word: str) -> set[Any]:
        return {neighbor.word for neighbor in model.vectors.neighbors(word, top=7)}

    agree = [nearest(windows, word) == nearest(pairs, word) for word in pairs.vectors.words]
    assert sum(agree) >= 36  # the 7 other words of the topic, of 40 words


def test_a_weight_counts_as_that_many_pairs() -> None:
    """Pairs written out and pairs with weights meet in the loss and in the logits, and differ in the steps alone."""
    words, contexts, _ = make_columns(6000)
    whole = firth.train(firth.Pairs([*words, *words], [*contexts, *contexts]), **{**SETTINGS, "epochs": 4})
    doubled = firth.train(firth.Pairs(words, contexts, [2] * 6000), **{**SETTINGS, "epochs": 4})
    assert doubled.history.loss_nats[-1] == pytest.approx(whole.history.loss_nats[-1], rel=0.02)
    plain = firth.train(firth.Pairs(words, contexts, [1] * 6000), **SETTINGS)
    assert bits(plain) == bits(firth.train(firth.Pairs(words, contexts), **SETTINGS))


def test_pairs_are_trained_in_random_order(tmp_path: Path) -> None:
    words, contexts, weights = make_columns()
    pairs = firth.Pairs(words, contexts, weights)
    encoded, other = (
        encode_pairs(pairs, tmp_path / str(seed), min_count=1, max_vocabulary=None, seed=seed) for seed in (3, 4)
    )
    names = [encoded.corpus.vocabulary.words[i] for i in encoded.trained.words]
    assert sorted(names) == sorted(words)
    assert names != words
    steps = np.abs(np.diff([words.index(name) for name in names]))
    assert steps.mean() > 0.3 * len(words)  # 1/3 of the length in random order; in the source's order almost 0
    assert encoded.trained.words.tolist() != other.trained.words.tolist()


def test_min_count_is_of_both_sides_and_words_without_pairs_are_dropped() -> None:
    words = ["a"] * 6 + ["b"] * 5 + ["rare"] * 4
    contexts = ["x"] * 6 + ["once", "y", "y", "y", "y"] + ["x"] * 4
    for minimum, expected_words, expected_contexts in ((5, ["a"], ["x"]), (4, ["a", "b", "rare"], ["x", "y"])):
        more = ["z"] * 8  # a second context, so that there is something to tell apart
        model = firth.train(
            firth.Pairs([*words, *["a"] * 8], [*contexts, *more]), min_count=minimum, dims=2, epochs=1, progress=False
        )
        assert sorted(model.vectors.words) == expected_words
        assert sorted(model.contexts.words) == sorted([*expected_contexts, "z"])
    assert dict(zip(model.vectors.words, model.vectors.counts.tolist(), strict=True)) == {"a": 14, "b": 4, "rare": 4}
    with pytest.raises(CorpusError, match=r"^min_count=9 leaves no pair of the 15 pairs: .* lower min_count$"):
        firth.train(firth.Pairs(words, contexts), min_count=9, progress=False)


def test_max_vocabulary_keeps_the_most_frequent_of_each_side() -> None:
    words, contexts, _ = make_columns()
    model = firth.train(firth.Pairs(words, contexts), max_vocabulary=4, **SETTINGS)
    assert (len(model.vectors), len(model.contexts)) == (4, 4)
    counted = sorted(set(words), key=lambda word: (-words.count(word), word))
    assert set(model.vectors.words) == set(counted[:4])


@pytest.mark.parametrize("loss", ["negative-sampling", "softmax", "one-vs-all"])
def test_every_loss_and_any_number_of_threads(loss: str) -> None:
    words, contexts, weights = make_columns()
    found = [
        firth.train(
            firth.Pairs(words, contexts, weights), loss=loss, deterministic=True, subsample=0.1,
            **{**SETTINGS, "threads": threads},
        )
        for threads in (1, 3)
    ]  # fmt: skip
    assert bits(found[0]) == bits(found[1])
    assert found[0].history.loss_nats[-1] < 0.9 * found[0].history.guessing_loss_nats


def test_saved_and_loaded(tmp_path: Path) -> None:
    words, contexts, weights = make_columns()
    model = firth.train(firth.Pairs(words, contexts, weights), output=tmp_path / "model", **SETTINGS)
    loaded = firth.load(tmp_path / "model")
    assert bits(loaded) == bits(model)
    assert list(loaded.contexts.words) == list(model.contexts.words)
    assert loaded.contexts.counts.tolist() == model.contexts.counts.tolist()
    assert (loaded.contexts.matrix == loaded.output_vectors).all()
    model.save(tmp_path / "half", storage="float16")
    assert firth.load(tmp_path / "half").contexts.matrix.dtype == np.float16
    assert "<td>contexts</td><td>6</td>" in model._repr_html_()
    numbers = firth.train(firth.Pairs([3, 1, 3, 1] * 9, [-7, 8, 8, -7] * 9), output=tmp_path / "numbers", **SETTINGS)
    assert firth.load(tmp_path / "numbers").contexts.words.tolist() == numbers.contexts.words.tolist()
    same = firth.Pairs(["a", "b", "c"] * 9, ["b", "c", "a"] * 9, one_vocabulary=True)
    one = firth.train(same, output=tmp_path / "one", **SETTINGS)
    assert list(firth.load(tmp_path / "one").contexts.words) == list(one.vectors.words) == ["a", "b", "c"]
    assert one.contexts.counts.tolist() == [9, 9, 9]
    assert one.vectors.counts.tolist() == [18, 18, 18]
    config = tmp_path / "one" / "config.json"
    config.write_text(config.read_text().replace('"one_vocabulary": true', '"one_vocabulary": 1'))
    with pytest.raises(FormatError, match=r"contexts\.one_vocabulary must be true or false, got 1"):
        firth.load(tmp_path / "one")


class _Stop:
    """Interrupts a run after an epoch, as Ctrl-C does."""

    def on_epoch_end(self, state: Any) -> None:
        if state.epoch == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("heldout", ["share", "pairs", None])
def test_a_resumed_run_has_the_bits_of_an_uninterrupted_one(tmp_path: Path, heldout: str | None) -> None:
    words, contexts, weights = make_columns()
    kinds: dict[Any, Any] = {"share": "10%", "pairs": firth.Pairs(*make_columns(500, seed=8)), None: None}
    given: dict[str, Any] = {**SETTINGS, "epochs": 4, "subsample": 0.2, "heldout": kinds[heldout]}
    pairs = firth.Pairs(words, contexts, weights)
    whole = firth.train(pairs, output=tmp_path / "whole", **given)
    with pytest.raises(KeyboardInterrupt):
        firth.train(pairs, output=tmp_path / "cut", checkpoint_every="5000words", callbacks=[_Stop()], **given)
    resumed = firth.resume(tmp_path / "cut", progress=False)
    assert not (tmp_path / "cut" / ".work").exists()
    assert bits(resumed) == bits(whole)
    assert resumed.history.loss_nats == whole.history.loss_nats
    assert resumed.history.heldout_loss_nats == whole.history.heldout_loss_nats
    assert list(resumed.contexts.words) == list(whole.contexts.words)
    assert resumed.corpus == whole.corpus


def test_damaged_pairs_are_not_resumed(tmp_path: Path) -> None:
    pairs = firth.Pairs(*make_columns())
    with pytest.raises(KeyboardInterrupt):
        firth.train(pairs, output=tmp_path / "a", checkpoint_every="5000words", callbacks=[_Stop()], **SETTINGS)
    work = tmp_path / "a" / ".work"
    record = json.loads((work / "run.json").read_text())
    del record["checksums"]  # as a run of an early version, or a person who repaired it
    for name, change in (("pair_contexts", N_CONTEXTS), ("pair_weights", np.nan), ("heldout_words", None)):
        shutil.copytree(tmp_path / "a", tmp_path / name)
        folder = tmp_path / name / ".work"
        own = json.loads(json.dumps(record))
        if change is None:
            own["pairs"]["has_heldout"] = True
        else:
            array = np.load(folder / f"{name}.npy")
            array[5] = change
            np.save(folder / f"{name}.npy", array)
        (folder / "run.json").write_text(json.dumps(own))
        with pytest.raises(FormatError, match=r"^the pairs of the run .*; start the run again$"):
            firth.resume(tmp_path / name, progress=False)


def test_start_vectors_frozen_words_and_noise() -> None:
    words, contexts, _ = make_columns()
    pairs = firth.Pairs(words, contexts)
    first = firth.train(pairs, **SETTINGS)
    more = firth.train(
        pairs, initial_vectors=first.vectors, initial_output_vectors=first.output_vectors, freeze=["w3"],
        noise_distribution={"c0": 1.0, "c1": 1.0}, **SETTINGS,
    )  # fmt: skip
    assert more.vectors["w3"].tolist() == first.vectors["w3"].tolist()
    assert np.abs(more.vectors["w4"] - first.vectors["w4"]).max() > 0.01
    with pytest.raises(ParameterError, match="^noise_distribution must give a positive weight to at least 2 words"):
        firth.train(pairs, noise_distribution={"c0": 1.0}, **SETTINGS)


def test_words_that_are_contexts_alone_are_said() -> None:
    pairs = firth.Pairs(["a", "b"] * 9, ["b", "sink"] * 9, one_vocabulary=True)
    with pytest.warns(CorpusWarning, match=r"^1 of 3 words are the context of pairs and never their word"):
        firth.train(pairs, **SETTINGS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        firth.train(firth.Pairs(["a", "b"] * 9, ["b", "a"] * 9, one_vocabulary=True), **{**SETTINGS, "epochs": 60})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": 5}, "^window must be left out for pairs, got 5: pairs have no windows"),
        ({"window_side": "left"}, "^window_side must be left out for pairs"),
        ({"architecture": "cbow"}, "^architecture must be 'skipgram' for pairs, got 'cbow'"),
        ({"loss": "hierarchical-softmax"}, "^loss must not be 'hierarchical-softmax' for pairs"),
        ({"subwords": True}, "^subwords must be left out for pairs, got True: words of pairs have no n-grams"),
        ({"lowercase": True}, "^lowercase must be left out for pairs: pairs are no text"),
        ({"tokenizer": str.split}, "^tokenizer must be left out for pairs"),
        ({"column": "text"}, "^column must be left out for pairs"),
        ({"phrases": 1}, "^phrases must be left out for pairs"),
        ({"vocabulary": firth.Vocabulary(("a",), [1])}, "^vocabulary must be left out for pairs"),
        ({"sequence_weights": [1.0]}, "^sequence_weights must be left out for pairs: pairs have weights of their own"),
        ({"heldout": [["a"]]}, r'^heldout must be a share like "1%", or firth\.Pairs, for pairs, got list'),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_makes_no_sense_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        firth.train(firth.Pairs(["a", "b"] * 9, ["x", "y"] * 9), progress=False, **changes)


def test_one_context_and_unknown_held_out_pairs_are_refused() -> None:
    with pytest.raises(ParameterError, match="^vocabulary must have at least 2 words .* got 1"):
        firth.train(firth.Pairs(["a", "b"] * 9, ["x"] * 18), progress=False)
    pairs = firth.Pairs(["a", "b"] * 9, ["x", "y"] * 9)
    with pytest.raises(CorpusError, match="^heldout must have a pair of a word and a context that are trained on"):
        firth.train(pairs, heldout=firth.Pairs(["a"], ["z"]), progress=False)
    with pytest.raises(CorpusTypeError, match="^heldout must have strings for words, .* got integers"):
        firth.train(pairs, heldout=firth.Pairs([1], ["x"]), progress=False)
    with pytest.raises(CorpusError, match="^heldout must leave pairs to train on and take one at least, got 0 of 18"):
        firth.train(pairs, heldout=1e-9, progress=False)


def test_a_model_of_pairs_is_not_trained_on_text() -> None:
    model = firth.train(firth.Pairs(*make_columns(600)[:2]), **{**SETTINGS, "min_count": 1, "epochs": 30})
    with pytest.raises(ParameterError, match="^train_more must be called on a model of text, got a model of pairs"):
        model.train_more([["w1", "w2"]])


def test_weights_that_are_too_large_diverge_with_advice() -> None:
    words, contexts, _ = make_columns()
    with pytest.raises(firth.DivergenceError, match=r"lower the weights of the pairs, of which the largest is 1000"):
        firth.train(firth.Pairs(words, contexts, [1000] * len(words)), **{**SETTINGS, "epochs": 10})


def test_a_weight_of_zero_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = firth.Pairs(["a", "b", "a"] * 9, ["x", "y", "x"] * 9, [1, 1, 0] * 9)
    model = firth.train(pairs, dims=4, epochs=40, min_count=1)
    assert "9 pairs of weight 0 were left out" in capsys.readouterr().err
    assert model.vectors.counts.tolist() == [9, 9]
    assert math.isfinite(model.history.loss_nats[-1])


def test_the_engine_gets_the_sums_of_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    real = Engine.__init__

    def spy(self: Engine, examples: Any, *arguments: Any, **given: Any) -> None:
        seen.append(examples)
        real(self, examples, *arguments, **given)

    monkeypatch.setattr(Engine, "__init__", spy)
    words, contexts, weights = make_columns()
    model = firth.train(firth.Pairs(words, contexts, weights), **{**SETTINGS, "epochs": 1})
    expected = {c: sum(w for w, own in zip(weights, contexts, strict=True) if own == c) for c in set(contexts)}
    assert dict(zip(model.contexts.words, seen[0].counts, strict=True)) == pytest.approx(expected)
