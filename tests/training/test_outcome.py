"""Nothing learned is said: an epoch without an example, what subsampling leaves, a loss no better than guessing."""

from __future__ import annotations

import dataclasses
import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.cli.main import main
from firth.compat.gensim.models import Word2Vec
from firth.errors import NothingLearnedWarning, ParameterError, TrainingError
from firth.kernels.config import TrainingConfig, validate_vocabulary_size
from firth.kernels.engine import Engine, SliceResult
from firth.models.history import EpochRecord
from firth.training.loop.checkpoints import RunState

SMALL: dict[str, Any] = {"dims": 8, "epochs": 2, "min_count": 1, "threads": 1, "progress": False}
BASKETS = [[17, 4, 99], [4, 99, 23], [17, 23]] * 100
PAIRS = [["a", "b"]] * 3
Lines = list[list[str]]


# ---- an epoch without an example


@pytest.mark.parametrize(
    "options", [{}, {"deterministic": True}, {"architecture": "cbow"}, {"loss": "softmax"}], ids=str
)
def test_an_epoch_without_an_example_is_an_error_before_anything_is_saved(
    options: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(
        TrainingError, match="^epoch 1 must have an example to learn from, got none in 6 tokens; turn"
    ) as caught:
        firth.train(PAIRS, subsample=1e-9, output=tmp_path / "model", **SMALL, **options)
    assert "(subsample=0) or give more text" in str(caught.value)
    assert not (tmp_path / "model").exists()


def test_a_later_epoch_without_an_example_keeps_the_checkpoint_before(
    lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_slice = Engine.train_slice

    def nothing(self: Engine, start: int, stop: int, epoch: int) -> SliceResult:
        if epoch == 1:
            return SliceResult(0.0, 0.0, 0, 0)
        return train_slice(self, start, stop, epoch)

    monkeypatch.setattr(Engine, "train_slice", nothing)
    with pytest.raises(TrainingError, match="^epoch 2 must have an example"):
        firth.train(lines, output=tmp_path / "model", checkpoint_every="18kwords", **SMALL)
    assert not (tmp_path / "model/config.json").exists()


def test_sequences_without_weight_are_no_examples(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="^epoch 1 must have an example in a sequence whose weight is above 0"):
        firth.train([*PAIRS, ["c"]], subsample=0, sequence_weights=[0, 0, 0, 1], output=tmp_path / "model", **SMALL)
    assert not (tmp_path / "model").exists()


def test_a_callback_that_stops_a_run_before_its_first_example(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    from firth.training.loop import loop as loop_module

    monkeypatch.setattr(loop_module, "CALLBACK_INTERVAL_S", 0.0)
    monkeypatch.setattr(Engine, "train_slice", lambda self, start, stop, epoch: SliceResult(0.0, 0.0, 0, 0))
    callback = firth.Callback()
    callback.on_progress = lambda state: True  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match="^epoch 1 must have an example"):
        firth.train(lines, callbacks=[callback], **SMALL)


def test_gensims_programs_go_on_but_are_told() -> None:
    """gensim's own first example has a dozen words, of which its subsampling leaves none in most epochs."""
    texts = [["human", "interface", "computer"], ["graph", "trees"], ["graph", "minors", "survey"]]
    with pytest.warns(NothingLearnedWarning, match=r"the last epoch had no example; turn subsampling off \(sample=0\)"):
        model = Word2Vec(texts, min_count=1, sample=1e-9, workers=1)
    assert np.isfinite(model.wv.vectors).all()
    assert model.get_latest_training_loss() == 0
    with pytest.raises(TrainingError, match="^epoch 1 must have an example"):
        firth.train(texts, min_count=1, subsample=1e-9, progress=False)


def test_an_epoch_without_an_example_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "corpus.txt").write_text("a b\n" * 3)
    arguments = ["train", str(tmp_path / "corpus.txt"), "-o", str(tmp_path / "model"), "--min-count", "1"]
    assert main([*arguments, "--subsample", "1e-9"]) == 2
    error = capsys.readouterr().err
    assert "turn subsampling off (--subsample 0)" in error
    assert "nan" not in error
    assert not (tmp_path / "model").exists()


# ---- before the run


def test_what_subsampling_leaves_of_a_small_corpus_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    firth.train(BASKETS, window_mode="sequence", **{**SMALL, "progress": True, "epochs": 5})
    assert (
        "subsampling keeps about 54 of 800 tokens in each epoch, because the corpus is small or has few words; to learn"
        " from more tokens, turn it off (subsample=0), raise its threshold (subsample=0.01) or train for more epochs"
        " (epochs=25)\n"
    ) in capsys.readouterr().err


def test_what_subsampling_leaves_is_told_where_it_leaves_little(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    firth.train(BASKETS, window_mode="sequence", **{**SMALL, "progress": True, "subsample": 0})
    firth.train(BASKETS, window_mode="sequence", **{**SMALL, "progress": True, "subsample": 0.2})
    monkeypatch.setattr("firth.training.run.outcome.SMALL_CORPUS_TOKENS", 700)
    firth.train(BASKETS, window_mode="sequence", **{**SMALL, "progress": True})
    assert "subsampling leaves" not in capsys.readouterr().err


# ---- after the run


def test_a_loss_within_one_per_cent_of_guessing_is_told_with_the_cures(tmp_path: Path) -> None:
    with pytest.warns(NothingLearnedWarning, match="^the vectors have learned nothing") as caught:
        model = firth.train(BASKETS, window_mode="sequence", output=tmp_path / "model", **{**SMALL, "epochs": 5})
    text = str(caught[0].message)
    assert f"loss of {model.history.loss_nats[-1]:.4f} is within 1 % of guessing (4.8520)" in text
    for cure in ("(subsample=0)", "(epochs=25)", "(learning_rate=0.05)", "give more text"):
        assert cure in text
    assert caught[0].filename == __file__, "it points to the caller"
    assert firth.load(tmp_path / "model").history == model.history, "the model is saved all the same"
    assert caught[0].message.model is model  # type: ignore[union-attr]


def test_the_cures_help_and_are_silent_then() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for cure in ({"subsample": 0}, {"subsample": 0, "epochs": 25}, {"subsample": 0, "learning_rate": 0.05}):
            model = firth.train(BASKETS, window_mode="sequence", **{**SMALL, "epochs": 5, **cure})
            assert model.history.loss_nats[-1] < 0.7 * 7 * math.log(2)


@pytest.mark.parametrize(("share", "warns"), [(0.985, False), (0.995, True), (1.005, True), (1.5, True)])
def test_where_the_line_is(share: float, warns: bool, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    loss = share * 7 * math.log(2)
    monkeypatch.setattr(Engine, "train_slice", lambda self, start, stop, epoch: SliceResult(loss, 1.0, 2000, 2000))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        firth.train(lines, **SMALL)
    assert [warning.category for warning in caught] == [NothingLearnedWarning] * warns
    if share == 1.5:
        assert "is above guessing" in str(caught[0].message)
        assert "lower the learning rate" in str(caught[0].message)


def test_words_that_were_left_out_are_named(lines: Lines) -> None:
    with pytest.warns(NothingLearnedWarning, match=r"keep rarer words \(min_count=1\)"):
        firth.train(lines[:40], **{**SMALL, "min_count": 5, "learning_rate": 1e-6})


def test_a_program_that_makes_it_an_exception_has_the_model(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(NothingLearnedWarning) as caught:
            firth.train(lines, **SMALL, learning_rate=1e-9)
    assert len(caught.value.model.vectors) == 200


def test_train_more_resume_and_estimators_tell_it_too(lines: Lines, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from firth.estimators import SequenceEmbedder

    model = firth.train(lines, **SMALL)
    with pytest.warns(NothingLearnedWarning):
        firth.train(lines, **SMALL, learning_rate=1e-9).train_more(lines, progress=False)
    with pytest.warns(NothingLearnedWarning, match=r"subsampling off \(subsample=0\)"):
        SequenceEmbedder(dims=8, min_count=1, learning_rate=1e-9, random_state=1).fit(lines)
    with pytest.warns(NothingLearnedWarning, match=r"raise the learning rate \(alpha=0\.05\)"):
        Word2Vec(lines, vector_size=8, min_count=1, alpha=1e-9, min_alpha=1e-9, workers=1)
    assert model.history.guessing_loss_nats is not None


def test_the_command_line_tells_it_by_flags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "corpus.txt").write_text("\n".join(" ".join(map(str, basket)) for basket in BASKETS))
    arguments = ["train", str(tmp_path / "corpus.txt"), "-o", str(tmp_path / "model"), "--min-count", "1", "--quiet"]
    before = warnings.showwarning
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            assert main([*arguments, "--json"]) == 0
    finally:
        warnings.showwarning = before
    shown = capsys.readouterr()
    assert "note: the vectors have learned nothing" in shown.err
    for flag in ("--subsample 0", "--epochs 25", "--learning-rate 0.05"):
        assert f"({flag})" in shown.err
    assert "(subsample=" not in shown.err
    assert json.loads(shown.out)["guessing_loss_nats"] == pytest.approx(7 * math.log(2))


def test_the_vocabulary_error_names_what_can_help() -> None:
    config = TrainingConfig(min_count=1).resolved()
    with pytest.raises(ParameterError, match="got 1; give more text$"):
        validate_vocabulary_size(config, 1)
    config = TrainingConfig(max_vocabulary=1).resolved()
    with pytest.raises(ParameterError, match="got 1; lower min_count, raise max_vocabulary, or give more text$"):
        validate_vocabulary_size(config, 1)


def test_history_of_an_earlier_version_has_no_guessing_loss() -> None:
    values = firth.History().to_json()
    del values["guessing_loss_nats"]
    assert firth.History.from_json(values).guessing_loss_nats is None
    assert np.isnan(firth.History().words_per_s)


def test_history_of_an_earlier_version_has_an_error_of_its_loss() -> None:
    history = firth.History(epochs=[EpochRecord(1, 2.5, 7, 2e6, 0.0, 1.0)])
    values = history.to_json()
    values["epochs"][0]["loss_standard_error"] = 0.01
    assert firth.History.from_json(values) == history


@pytest.mark.parametrize(("moments", "times"), [([0.0, 0.0, 0.0], 1), ([3.0, 2.0, 1.0], 4)])
def test_a_checkpoint_of_an_earlier_version_had_the_loss_of_every_fourth_block(
    moments: list[float], times: int
) -> None:
    state = RunState(loss_sum=5.0, weight_sum=2.0, n_examples=8)
    again = RunState.from_json({**state.to_json(), "loss_moments": moments})
    assert again == dataclasses.replace(state, loss_sum=5.0 * times, weight_sum=2.0 * times)
    with pytest.raises(ValueError, match="^state.loss_moments must be a list"):
        RunState.from_json({**state.to_json(), "loss_moments": 3})
