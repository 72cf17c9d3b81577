"""Divergence is noticed when it begins: the loss and the norms have bounds, and the last good vectors are kept."""

from __future__ import annotations

import json
import math
import pickle
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import firth
from firth.cli.main import app, main
from firth.compat.gensim.models import Word2Vec
from firth.errors import DivergenceError, TrainingError
from firth.kernels.engine import Engine, SliceResult
from firth.kernels.registry import OBJECTIVES
from firth.numerics.huffman import build_huffman_tree
from firth.training.loop import divergence as divergence_module

SMALL: dict[str, Any] = {"dims": 12, "epochs": 4, "min_count": 1, "threads": 2, "subsample": 0, "progress": False}
TOO_HIGH = {"learning_rate": 50, "min_learning_rate": 50}
Lines = list[list[str]]


def _rise(monkeypatch: pytest.MonkeyPatch, *, epoch: int, loss: float, n_examples: int = 20_000) -> None:
    """From an epoch on, slices report this mean loss; what they train stays as it is."""
    for name in ("train_slice", "train_rounds"):
        train = getattr(Engine, name)

        def spoiled(self: Engine, start: int, stop: int, now: int, *rest: int, _train: Any = train) -> SliceResult:
            result: SliceResult = _train(self, start, stop, now, *rest)
            if now < epoch:
                return result
            return SliceResult(loss * n_examples, float(n_examples), n_examples, n_examples)

        monkeypatch.setattr(Engine, name, spoiled)


def _is_sane(model: firth.Model) -> bool:
    vectors = [model.vectors.matrix, model.output_vectors]
    return all(bool((np.linalg.norm(matrix, axis=1) <= 1000).all()) for matrix in vectors)


# ---- what counts as diverged


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize(("architecture", "loss"), OBJECTIVES)
def test_an_absurd_learning_rate_is_an_error_with_the_last_vectors(
    architecture: str, loss: str, deterministic: bool, lines: Lines, tmp_path: Path
) -> None:
    options = {**SMALL, **TOO_HIGH, "architecture": architecture, "loss": loss, "deterministic": deterministic}
    with pytest.raises(
        DivergenceError, match=r"in epoch 1 .*; lower the learning rate \(learning_rate=0\.025\)"
    ) as caught:
        firth.train(lines, output=tmp_path / "model", **options)
    assert not (tmp_path / "model").exists()
    model = caught.value.model
    assert _is_sane(model)
    assert model.history.stop_reason == "diverged"
    assert "t0w0" in model.vectors
    model.save(tmp_path / "kept")
    assert firth.load(tmp_path / "kept").history.stop_reason == "diverged"


@pytest.mark.parametrize("deterministic", [False, True])
def test_three_times_guessing_is_the_bound(
    deterministic: bool, lines: Lines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    guess = 7 * math.log(2)
    options = {**SMALL, "deterministic": deterministic}
    with monkeypatch.context() as patch:
        _rise(patch, epoch=1, loss=2.9 * guess)
        assert firth.train(lines, **{**options, "epochs": 2}).history.stop_reason == "finished"
    _rise(monkeypatch, epoch=1, loss=3.1 * guess)
    with pytest.raises(
        DivergenceError, match=r"^the mean loss of 20,\d+ examples rose to 1[45]\.\d\d nats, above the bound of 14\.56"
    ):
        firth.train(lines, output=tmp_path / "model", **options)
    assert not (tmp_path / "model").exists()


def test_few_examples_do_not_end_a_run_that_comes_down_again(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    train_slice = Engine.train_slice
    n_spoiled = 0

    def spoiled(self: Engine, start: int, stop: int, epoch: int) -> SliceResult:
        nonlocal n_spoiled
        result = train_slice(self, start, stop, epoch)
        if n_spoiled or epoch == 0:
            return result
        n_spoiled += 1
        return SliceResult(100 * 100.0, 100.0, 100, 100)

    monkeypatch.setattr(Engine, "train_slice", spoiled)
    assert firth.train(lines, **{**SMALL, "threads": 1}).history.stop_reason == "finished"
    assert n_spoiled == 1


def test_the_last_loss_of_a_run_of_few_examples_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    few = [["a", "b", "c", "d"]] * 20
    _rise(monkeypatch, epoch=3, loss=15.0, n_examples=50)
    with pytest.raises(
        DivergenceError, match=r"^the mean loss rose to 15 nats, above the bound of 14\.56, in epoch 4 "
    ):
        firth.train(few, output=tmp_path / "model", **SMALL)
    assert not (tmp_path / "model").exists()


def test_vectors_that_explode_are_an_error_at_the_end_of_the_epoch(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:

    def spoil(self: Engine, start: int, stop: int, epoch: int) -> SliceResult:
        vectors = self.output_vectors
        vectors[3] = 300.0  # a norm of 1,039
        self.load_vectors(self.input_vectors, vectors)
        return SliceResult(1.0, 1.0, 1, 1)

    monkeypatch.setattr(Engine, "train_slice", spoil)
    with pytest.raises(
        DivergenceError,
        match=r"^a vector \(output vector of word 3 has a norm of 1\.04e\+03\) grew beyond a norm of 1,000 in epoch 1",
    ) as caught:
        firth.train(lines, **{**SMALL, "threads": 1})
    assert _is_sane(caught.value.model)


def test_a_callback_that_stops_a_diverged_run_does_not_save_it(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from firth.training.loop import loop as loop_module

    monkeypatch.setattr(loop_module, "CALLBACK_INTERVAL_S", 0.0)

    def spoil(self: Engine, start: int, stop: int, epoch: int) -> SliceResult:
        self.load_vectors(self.input_vectors + np.float32(1e6), self.output_vectors)
        return SliceResult(1.0, 1.0, 1, 1)

    monkeypatch.setattr(Engine, "train_slice", spoil)
    callback = firth.Callback()
    callback.on_progress = lambda state: True  # type: ignore[method-assign]
    with pytest.raises(DivergenceError, match="^a vector"):
        firth.train(lines, callbacks=[callback], output=tmp_path / "model", **{**SMALL, "threads": 1})
    assert not (tmp_path / "model").exists()


# ---- guessing


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_guessing_is_the_loss_before_training(architecture: str, lines: Lines) -> None:
    """Held against the native loss of output vectors that are all zero."""
    for options in (
        {"loss": "negative-sampling", "negatives": 7},
        {"loss": "softmax"},
        {"loss": "hierarchical-softmax", "subsample": 1e-2},
    ):
        model = firth.train(
            lines, architecture=architecture, **{**SMALL, "learning_rate": 1e-9, "epochs": 1, **options}
        )
        guess = model.history.guessing_loss_nats
        assert guess is not None
        assert model.history.loss_nats[0] == pytest.approx(guess, rel=0.005)
        counts = np.asarray(model.vectors.counts)
        if options == {"loss": "softmax"}:
            assert guess == pytest.approx(math.log(200))
        if options["loss"] == "negative-sampling":
            assert guess == pytest.approx(8 * math.log(2))
    lengths = np.diff(build_huffman_tree(counts).offsets)
    plain = firth.train(lines, **{**SMALL, "loss": "hierarchical-softmax", "epochs": 1})
    assert plain.history.guessing_loss_nats == pytest.approx(float(counts @ lengths / counts.sum()) * math.log(2))
    assert firth.History.from_json(json.loads(json.dumps(plain.history.to_json()))) == plain.history


def test_guessing_without_the_negatives_that_are_dropped(lines: Lines) -> None:
    options = {**SMALL, "learning_rate": 1e-9, "epochs": 2, "target_collision": "drop", "noise_exponent": 3.0}
    history = firth.train(lines, **options).history
    assert history.guessing_loss_nats is not None
    assert history.guessing_loss_nats < 6.95 * math.log(2)
    assert history.loss_nats[-1] == pytest.approx(history.guessing_loss_nats, rel=0.005)


# ---- runs with start vectors have bounds of their own


def _start(scale: float) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {f"t{t}w{w}": generator.normal(size=12) * scale for t in range(8) for w in range(25)}


def test_start_vectors_far_above_guessing_are_no_divergence(lines: Lines) -> None:
    outputs = np.random.default_rng(1).normal(size=(200, 12)) * 3.0
    options = {**SMALL, "learning_rate": 1e-4, "threads": 1}
    model = firth.train(lines, initial_vectors=_start(3.0), initial_output_vectors=outputs, **options)
    assert model.history.loss_nats[0] > 3 * 7 * math.log(2)
    assert model.history.loss_nats[-1] < model.history.loss_nats[0]
    far = firth.train(lines, initial_vectors=_start(500.0), **{**options, "learning_rate": 1e-9})
    assert np.linalg.norm(far.vectors.matrix, axis=1).max() > 1000


def test_the_bound_is_three_times_the_loss_at_the_start_vectors(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = np.random.default_rng(1).normal(size=(200, 12)) * 2.0
    options = {**SMALL, "learning_rate": 1e-9, "threads": 1, "epochs": 1}
    model = firth.train(lines, initial_vectors=_start(2.0), initial_output_vectors=outputs, **options)
    own = model.history.loss_nats[0]
    for factor in (2.8, 3.2):
        with monkeypatch.context() as patch:
            _rise(patch, epoch=0, loss=factor * own)
            if factor < 3:
                firth.train(lines, initial_vectors=_start(2.0), initial_output_vectors=outputs, **options)
            else:
                with pytest.raises(DivergenceError, match="^the mean loss of"):
                    firth.train(lines, initial_vectors=_start(2.0), initial_output_vectors=outputs, **options)


def test_a_resumed_run_keeps_its_bounds(lines: Lines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Interrupt(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            raise KeyboardInterrupt

    outputs = np.random.default_rng(1).normal(size=(200, 12)) * 2.0
    options = {**SMALL, "learning_rate": 0.01, "output": tmp_path / "model", "checkpoint_every": "1h"}
    with pytest.raises(KeyboardInterrupt):
        firth.train(
            lines, initial_vectors=_start(2.0), initial_output_vectors=outputs, callbacks=[Interrupt()], **options
        )
    state = json.loads((tmp_path / "model/.work/checkpoint/config.json").read_text())["state"]
    assert state["loss_bound_nats"] > 3.5 * 7 * math.log(2)
    assert state["norm_bound"] == 1000
    with monkeypatch.context() as patch:
        _rise(patch, epoch=2, loss=1.1 * state["loss_bound_nats"])
        with pytest.raises(DivergenceError, match="above the bound of .* the last good checkpoint stays in") as caught:
            firth.resume(tmp_path / "model", progress=False)
    assert len(caught.value.model.history.epochs) == 1, "the checkpoint before"
    assert not (tmp_path / "model/config.json").exists()
    _rise(monkeypatch, epoch=2, loss=0.9 * state["loss_bound_nats"])
    firth.resume(tmp_path / "model", progress=False)


def test_train_more(lines: Lines) -> None:
    model = firth.train(lines, **SMALL)
    with pytest.raises(DivergenceError) as caught:
        model.train_more(lines, progress=False, **TOO_HIGH)
    np.testing.assert_array_equal(caught.value.model.vectors[["t0w0", "t5w1"]], model.vectors[["t0w0", "t5w1"]])


# ---- the vectors that are kept


def test_the_last_good_copy_is_in_the_exception(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies at every look; the loss rises in the third epoch."""
    monkeypatch.setattr(divergence_module, "COPY_SHARE", 1e9)
    _rise(monkeypatch, epoch=2, loss=50.0)
    with pytest.raises(DivergenceError) as caught:
        firth.train(lines, **{**SMALL, "deterministic": True})
    model = caught.value.model
    assert 1 <= len(model.history.epochs) <= 2
    plain = firth.train(lines, **{**SMALL, "deterministic": True, "epochs": 2, "learning_rate": 1e-9})
    assert not np.array_equal(model.vectors.matrix, plain.vectors.matrix), "it has learned something"
    assert _is_sane(model)


def test_copies_change_nothing_and_need_memory(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {**SMALL, "threads": 1}
    expected = firth.train(lines, **options)
    monkeypatch.setattr(divergence_module, "COPY_SHARE", 1e9)
    kept = 0
    keep = divergence_module.VectorKeeper.keep

    def count(self: Any, *arguments: Any) -> None:
        nonlocal kept
        kept += 1
        keep(self, *arguments)

    monkeypatch.setattr(divergence_module.VectorKeeper, "keep", count)
    model = firth.train(lines, **options)
    np.testing.assert_array_equal(model.vectors.matrix, expected.vectors.matrix)
    assert kept > 0
    kept = 0
    monkeypatch.setattr(divergence_module, "available_memory_bytes", lambda: 1000)
    firth.train(lines, **options)
    assert kept == 0


def test_copies_take_a_small_share_of_the_time() -> None:
    keeper = divergence_module.VectorKeeper(1 << 20)
    started = time.monotonic()
    assert not keeper.is_due(at_barrier=True)
    keeper.postpone(0.5)
    assert keeper._next_s - started >= 0.5 * 200
    keeper.postpone(0.0)
    assert keeper.is_due(at_barrier=True)
    assert not keeper.is_due(at_barrier=False), "to halt the threads costs time"


def test_a_checkpoint_of_diverged_vectors_never_replaces_the_last_good_one(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Too few examples to end the run by, but a checkpoint is due at each look, and there is time for it."""
    _rise(monkeypatch, epoch=2, loss=50.0, n_examples=10)
    rising = Engine.train_slice

    def slow(self: Engine, start: int, stop: int, epoch: int) -> SliceResult:
        time.sleep(0.1 if epoch == 2 else 0)
        return rising(self, start, stop, epoch)

    monkeypatch.setattr(Engine, "train_slice", slow)
    with pytest.raises(DivergenceError) as caught:
        firth.train(lines, output=tmp_path / "model", checkpoint_every="1words", **{**SMALL, "epochs": 3})
    monkeypatch.undo()
    state = json.loads((tmp_path / "model/.work/checkpoint/config.json").read_text())["state"]
    assert (state["epoch"], state["position"]) <= (2, 0)
    assert len(caught.value.model.history.epochs) == len(state["history"]["epochs"])
    assert firth.resume(tmp_path / "model", progress=False).history.stop_reason == "finished"


def test_the_error_is_public_and_pickles(lines: Lines) -> None:
    assert issubclass(firth.DivergenceError, TrainingError)
    with pytest.raises(firth.DivergenceError) as caught:
        firth.train(lines, **SMALL, **TOO_HIGH)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    np.testing.assert_array_equal(again.model.vectors.matrix, caught.value.model.vectors.matrix)


# ---- the cures that fit, in the caller's names


@pytest.mark.parametrize(
    ("options", "cures"),
    [
        ({}, 'lower the learning rate (learning_rate=0.025) or update pair by pair (negative_sharing="pair")'),
        ({"negative_sharing": "pair", "window": 20}, "(learning_rate=0.025) or narrow the window (window=5)"),
        (
            {"negative_sharing": "pair", "window_mode": "sequence"},
            '(learning_rate=0.025) or take a window in place of the whole sequence (window_mode="dynamic")',
        ),
        (
            {"architecture": "cbow", "cbow_input": "sum"},
            'lower the learning rate (learning_rate=0.025) or take the mean of the context (cbow_input="mean")',
        ),
        (
            {"architecture": "cbow", "cbow_update": "word2vec"},
            '(learning_rate=0.025) or divide the update by the context\'s words (cbow_update="gradient")',
        ),
        (
            {"loss": "softmax", "sequence_weights": [9.0] + [1.0] * 1499},
            "(learning_rate=0.025) or lower the sequence weights, of which the largest is 9",
        ),
    ],
    ids=str,
)
def test_the_cures_fit_the_configuration(options: dict[str, Any], cures: str, lines: Lines) -> None:
    with pytest.raises(DivergenceError) as caught:
        firth.train(lines, **{**SMALL, **TOO_HIGH, **options})
    assert str(caught.value).endswith(cures)


def test_a_usual_rate_that_diverges_is_quartered(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    _rise(monkeypatch, epoch=0, loss=50.0)
    with pytest.raises(DivergenceError, match=r"\(learning_rate=0\.0063\)"):
        firth.train(lines, **SMALL)


def test_the_command_line_names_flags_and_saves_nothing(
    corpus_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", str(corpus_file), "-o", str(tmp_path / "model"), "--learning-rate", "50", "--quiet"]
    assert main([*arguments, "--min-count", "1", "--dims", "12"]) == 2
    error = capsys.readouterr().err
    assert "(--learning-rate 0.025) or update pair by pair (--negative-sharing pair)" in error
    assert "learning_rate=" not in error
    assert not (tmp_path / "model").exists()
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_gensims_names(lines: Lines) -> None:
    with pytest.raises(
        DivergenceError, match=r"; lower the learning rate \(alpha=0\.025\) or narrow the window \(window=5\)$"
    ):
        Word2Vec(lines, vector_size=12, min_count=1, alpha=50, min_alpha=50, window=10, sg=1, workers=1)
    model = Word2Vec(lines, vector_size=12, min_count=1, sg=1, workers=1)
    before = np.array(model.wv.vectors)
    with pytest.raises(DivergenceError) as caught:
        model.train(lines, total_examples=len(lines), epochs=1, start_alpha=50, end_alpha=50)
    np.testing.assert_array_equal(model.wv.vectors, before)
    np.testing.assert_array_equal(caught.value.model.vectors.matrix, before)


def test_estimators_names(lines: Lines) -> None:
    pytest.importorskip("sklearn")
    from firth.estimators import DocumentVectorizer, SequenceEmbedder

    for estimator in (SequenceEmbedder, DocumentVectorizer):
        with pytest.raises(
            DivergenceError, match=r"\(learning_rate=0\.025\) or .* \(training={'negative_sharing': 'pair'}\)"
        ):
            estimator(dims=12, min_count=1, learning_rate=50.0, random_state=1).fit(lines)


def test_few_windows_with_many_examples_do_not_end_a_run() -> None:
    # 20 windows of 500 words with rare targets, whose codes in the Huffman tree are long: a loss above 3 times the mean
    # guessing loss is no divergence. As the mean loss of 1,000 windows it is.
    engine: Any = SimpleNamespace()
    state: Any = SimpleNamespace(loss_bound_nats=2.0, norm_bound=1000.0)
    guard = divergence_module.DivergenceGuard(engine, state, "lower it", lambda epoch, position: 0.025)

    def slice_of(n_windows: int, loss: float) -> SliceResult:
        n_examples = 500 * n_windows
        return SliceResult(loss * n_examples, float(n_examples), n_examples, n_windows)

    for _ in range(3):
        guard.take(slice_of(980, 0.5), 0, 0)
        guard.take(slice_of(20, 2.7), 0, 0)
    guard.take(slice_of(980, 2.7), 0, 0)
    with pytest.raises(DivergenceError, match="^the mean loss of 500,000 examples rose to 2.7 nats"):
        guard.take(slice_of(20, 2.7), 0, 0)


def test_fewer_negatives_are_named_where_there_are_many() -> None:
    lines = [["a", "b", "c"] * 10] * 50  # 300 negatives of three words: each of them 100 times in one step
    with pytest.raises(DivergenceError, match=r"or draw fewer negatives \(negatives=20\)$"):
        firth.train(lines, **SMALL | {"negatives": 300, "threads": 1})
    assert firth.train(lines, **SMALL | {"negatives": 20, "threads": 1}).history.stop_reason != "diverged"
