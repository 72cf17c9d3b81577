"""A run that is cut off goes on where it stood, to the bit with one thread; killed at any moment; on a full disk."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import CorpusError, FormatError, ParameterError, StorageError
from firth.formats import model_folder
from firth.training.loop import checkpoints
from firth.training.loop.checkpoints import CheckpointWarning, RunState, Snapshot, read_checkpoint, write_checkpoint
from firth.training.run.prepared import InstructionSetWarning

DRIVER = Path(__file__).with_name("run_driver.py")
OPTIONS: dict[str, Any] = {"dims": 16, "epochs": 8, "min_count": 1, "threads": 1, "checkpoint_every": "20000words"}


class Interrupt(firth.Callback):
    """Ends the run with an exception at the end of an epoch."""

    def __init__(self, epoch: int, error: BaseException | None = None) -> None:
        self.epoch = epoch
        self.error = error or RuntimeError("the user's own")

    def on_epoch_end(self, state: firth.TrainingState) -> None:
        if state.epoch == self.epoch:
            raise self.error


@pytest.fixture(scope="module")
def whole(corpus_file: Path) -> firth.Model:
    """What an undisturbed run yields."""
    options = {key: value for key, value in OPTIONS.items() if key != "checkpoint_every"}
    return firth.train(corpus_file, progress=False, **options)


def _assert_same(model: firth.Model, whole: firth.Model) -> None:
    np.testing.assert_array_equal(model.vectors.matrix, whole.vectors.matrix)
    np.testing.assert_array_equal(model.output_vectors, whole.output_vectors)
    assert list(model.vectors.words) == list(whole.vectors.words)
    np.testing.assert_allclose(model.history.loss_nats, whole.history.loss_nats, rtol=1e-7)
    assert [r.n_examples for r in model.history.epochs] == [r.n_examples for r in whole.history.epochs]
    assert model.history.words_trained == whole.history.words_trained


def _start(corpus_file: Path, output: Path, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, str(DRIVER), str(corpus_file), str(output), json.dumps({**OPTIONS, **options})]
    package = str(Path(firth.__file__).parents[1])
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": package, "PYTHONWARNINGS": "default"},
    )


def _wait_until_training(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    line = process.stdout.readline()
    if line != "training\n":
        process.kill()
        pytest.fail(f"{line!r}, {process.communicate()[1]}")


def _interrupted(corpus_file: Path, output: Path, **options: Any) -> None:
    with pytest.raises(RuntimeError, match="the user's own"):
        firth.train(corpus_file, output=output, callbacks=[Interrupt(3)], progress=False, **{**OPTIONS, **options})


def test_resumed_run_equals_an_undisturbed_one(corpus_file: Path, tmp_path: Path, whole: firth.Model) -> None:
    output = tmp_path / "model"
    _interrupted(corpus_file, output)
    with pytest.raises(StorageError, match="holds an unfinished run and no model"):
        firth.load(output)
    with pytest.raises(StorageError, match=r"holds an unfinished run; continue it by firth.resume"):
        firth.train(corpus_file, output=output, progress=False, **OPTIONS)
    model = firth.resume(output, progress=False)
    _assert_same(model, whole)
    _assert_same(firth.load(output), whole)
    assert not (output / ".work").exists()
    assert model.history.encode_seconds > 0


def test_resuming_twice_and_with_every_input(corpus_file: Path, tmp_path: Path, lines: list[list[str]]) -> None:
    """Weights, noise, frozen words, start vectors and a held-out file all come back."""
    generator = np.random.default_rng(0)
    heldout = tmp_path / "heldout.txt"
    heldout.write_text("t0w0 t0w1 t0w2\nt1w0 t1w1\n" * 50)
    options: dict[str, Any] = {
        **OPTIONS,
        "sequence_weights": generator.uniform(0.5, 1.5, len(lines)),
        "noise_distribution": {f"t{topic}w{word}": 1 + word for topic in range(8) for word in range(25)},
        "initial_vectors": {"t0w0": np.full(16, 0.1), "t1w0": np.full(16, -0.1)},
        "freeze": ["t0w0"],
        "heldout": heldout,
        "heldout_every": "7000words",
        "patience": 1000,
        "progress": False,
    }
    undisturbed = firth.train(corpus_file, output=tmp_path / "whole", **options)
    output = tmp_path / "model"
    with pytest.raises(RuntimeError):
        firth.train(corpus_file, output=output, callbacks=[Interrupt(2)], **options)
    heldout.unlink()
    with pytest.raises(KeyboardInterrupt):
        firth.resume(output, callbacks=[Interrupt(5, KeyboardInterrupt())], progress=False)
    model = firth.resume(output, progress=False)
    _assert_same(model, undisturbed)
    assert model.history.evaluations == undisturbed.history.evaluations
    assert model.history.kept == undisturbed.history.kept
    assert len(model.history.evaluations) == 8 * 18000 // 7000 + 1


def test_another_number_of_threads_trains_each_slice_once(
    corpus_file: Path, tmp_path: Path, whole: firth.Model
) -> None:
    output = tmp_path / "model"
    _interrupted(corpus_file, output, threads=2)
    model = firth.resume(output, threads=3, progress=False)
    assert model.config.threads == 3
    assert [r.n_examples for r in model.history.epochs] == [r.n_examples for r in whole.history.epochs]
    assert model.history.words_trained == whole.history.words_trained


@pytest.mark.parametrize("threads", [1, 3])
def test_deterministic_training_is_the_same_from_any_number_of_threads_and_across_an_interruption(
    threads: int, corpus_file: Path, tmp_path: Path
) -> None:
    options = {**OPTIONS, "deterministic": True, "epochs": 5}
    expected = firth.train(corpus_file, output=tmp_path / "whole", progress=False, **{**options, "threads": 2})
    output = tmp_path / "model"
    with pytest.raises(RuntimeError):
        firth.train(
            corpus_file, output=output, callbacks=[Interrupt(2)], progress=False, **{**options, "threads": threads}
        )
    _assert_same(firth.resume(output, progress=False), expected)


@pytest.mark.parametrize("kill_at", [1, 2, 3, 4, 6, 8])
def test_killed_while_a_checkpoint_is_written(
    kill_at: int, corpus_file: Path, tmp_path: Path, whole: firth.Model
) -> None:
    """SIGKILL at the first, second ... system call of a save: the old or the new checkpoint is whole."""
    output = tmp_path / "model"
    process = _start(corpus_file, output, kill_at=kill_at)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    _assert_same(firth.resume(output, progress=False), whole)


@pytest.mark.parametrize("n_kills", [4, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_killed_at_random_moments(n_kills: int, corpus_file: Path, tmp_path: Path) -> None:
    """A checkpoint is being written nearly all the time."""
    options = {**OPTIONS, "checkpoint_every": "3000words", "epochs": 40}
    whole = firth.train(corpus_file, output=tmp_path / "whole", progress=False, **options)
    generator = random.Random(n_kills)
    n_resumed = 0
    for number in range(n_kills):
        output = tmp_path / f"model{number}"
        process = _start(corpus_file, output, **options)
        _wait_until_training(process)
        time.sleep(generator.uniform(0, 0.4))
        process.kill()
        process.communicate(timeout=60)
        if (output / ".work" / "run.json").exists():
            _assert_same(firth.resume(output, progress=False), whole)
            n_resumed += 1
        else:  # it was faster than the kill
            _assert_same(firth.load(output), whole)
        assert not (output / ".work" / "run.json").exists()
        shutil.rmtree(output)
    assert n_resumed > 0


@pytest.mark.parametrize(
    ("number", "deterministic"),
    [(signal.SIGINT, False), (signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGHUP, False)],
)
def test_signal_writes_a_checkpoint_first(
    number: signal.Signals, deterministic: bool, corpus_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "model"
    process = _start(corpus_file, output, epochs=100_000, checkpoint_every="1h", deterministic=deterministic)
    _wait_until_training(process)
    time.sleep(0.5)
    started = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - started < 3, "a second, and the interpreter's end on a busy machine"
    assert process.returncode == (-signal.SIGINT if number == signal.SIGINT else 128 + number), errors
    record = json.loads((output / ".work" / "run.json").read_text())
    snapshot = read_checkpoint(output / ".work" / "checkpoint", record["identity"])
    assert snapshot is not None
    assert snapshot.state.epoch > 0
    assert len(list((output / ".work" / "checkpoint").iterdir())) == 2


@pytest.mark.parametrize("kept", [True, False])
def test_ctrl_c_without_checkpoints_keeps_what_was_learned(kept: bool, corpus_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "model"
    on_interrupt = "save" if kept else "discard"
    process = _start(corpus_file, output, epochs=100_000, checkpoint_every=None, on_interrupt=on_interrupt)
    _wait_until_training(process)
    time.sleep(0.3)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - started < 3
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in errors
    if not kept:
        assert not output.exists()
        return
    assert f"is saved to {output}" in errors
    model = firth.load(output)
    assert model.history.stop_reason == "interrupted"
    assert 0 < model.history.words_trained < 100_000 * model.corpus.n_tokens_read
    assert model.history.epochs[-1].loss_nats > 0
    assert [entry.name for entry in output.iterdir() if entry.name.startswith(".")] == []


def test_a_full_disk_while_checkpointing_is_reported_and_training_goes_on(
    corpus_file: Path, tmp_path: Path, whole: firth.Model
) -> None:
    """A limit on file size makes the system refuse the writes: checkpoints fail, and in the end the model too."""
    process = _start(corpus_file, tmp_path / "model", file_limit=4096)
    _, errors = process.communicate(timeout=60)
    assert "CheckpointWarning: a checkpoint could not be written" in errors
    assert "training continues" in errors
    assert "UnsavedModelError: the model is trained, but could not be saved" in errors
    _assert_same(firth.resume(tmp_path / "model", progress=False), whole)


def test_an_old_checkpoint_stands_when_a_new_one_fails(
    corpus_file: Path, tmp_path: Path, whole: firth.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "model"
    write, calls = model_folder.write_model_folder, 0

    def failing(*arguments: Any, **options: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise OSError(28, "No space left on device")
        write(*arguments, **options)

    monkeypatch.setattr(checkpoints, "write_model_folder", failing)
    with (
        pytest.warns(CheckpointWarning, match="No space left on device.*; training continues"),
        pytest.raises(RuntimeError, match="the user's own"),
    ):
        firth.train(corpus_file, output=output, callbacks=[Interrupt(6)], progress=False, **OPTIONS)
    assert calls >= 2
    monkeypatch.undo()
    _assert_same(firth.resume(output, progress=False), whole)


def test_at_most_two_checkpoints_are_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, replace = [], os.replace

    def look(*arguments: Any) -> None:
        replace(*arguments)
        seen.append(len(list(tmp_path.glob("*.safetensors"))))

    monkeypatch.setattr(os, "replace", look)
    for number in range(4):
        vectors = np.full((5, 3), number, np.float32)
        snapshot = Snapshot.take(RunState(epoch=number), vectors, vectors)
        write_checkpoint(tmp_path, snapshot, {"run": "x"})
        assert len(list(tmp_path.glob("*.safetensors"))) == 1
        read = read_checkpoint(tmp_path, {"run": "x"})
        assert read is not None
        assert read.state == RunState(epoch=number)
        np.testing.assert_array_equal(read.input_vectors, vectors)
    assert max(seen) == 2


class StopAfter(firth.Callback):
    """Ends the run at the end of an epoch, once so many things have happened."""

    def __init__(self, happened: list[Any], n_things: int) -> None:
        self.happened = happened
        self.n_things = n_things

    def on_epoch_end(self, state: firth.TrainingState) -> bool:
        return len(self.happened) >= self.n_things


def test_checkpoints_by_time(corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written, write = [], checkpoints.write_checkpoint
    started = time.monotonic()

    def note(folder: Path, snapshot: Any, identity: Any) -> None:
        written.append((snapshot.state.epoch, snapshot.state.position))
        write(folder, snapshot, identity)

    monkeypatch.setattr(checkpoints, "write_checkpoint", note)
    # As many epochs as it takes, whatever the machine's speed; far more than it can need.
    options = {**OPTIONS, "checkpoint_every": "0.02s", "epochs": 100_000}
    callbacks = [StopAfter(written, 4)]
    firth.train(corpus_file, output=tmp_path / "model", progress=False, callbacks=callbacks, **options)
    assert len(written) >= 4
    assert written == sorted(set(written))
    assert len(written) <= (time.monotonic() - started) / 0.02, "no sooner than it was asked"


# ---- what cannot be resumed


def test_resuming_what_is_no_checkpoint(tmp_path: Path, corpus_file: Path) -> None:
    with pytest.raises(StorageError, match="does not exist"):
        firth.resume(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StorageError, match="holds no checkpoint of a run; train with checkpoint_every="):
        firth.resume(tmp_path / "empty")
    with pytest.raises(StorageError, match="must be a folder, got a file"):
        firth.resume(corpus_file)
    firth.train(corpus_file, output=tmp_path / "model", dims=4, epochs=1, progress=False)
    with pytest.raises(StorageError, match=r"holds a finished model.*firth.load\(\) opens it"):
        firth.resume(tmp_path / "model")


def test_resuming_with_a_changed_corpus(tmp_path: Path, corpus_file: Path) -> None:
    output = tmp_path / "model"
    _interrupted(corpus_file, output)
    ids = output / ".work" / "corpus" / "ids.i32"
    data = bytearray(ids.read_bytes())
    data[400] ^= 1
    ids.write_bytes(data)
    with pytest.raises(CorpusError, match="was changed since the corpus was encoded"):
        firth.resume(output, progress=False)
    ids.write_bytes(data[:-4])
    with pytest.raises(FormatError, match="bytes"):
        firth.resume(output, progress=False)
    firth.encode_corpus([["a", "b"]] * 9, folder=ids.parent, min_count=1)
    with pytest.raises(CorpusError, match="the encoded corpus was changed since the run began"):
        firth.resume(output, progress=False)


def test_resuming_with_damaged_files(tmp_path: Path, corpus_file: Path) -> None:
    output = tmp_path / "model"
    _interrupted(corpus_file, output)
    checkpoint = output / ".work" / "checkpoint"
    run = output / ".work" / "run.json"
    record = json.loads(run.read_text())

    config = json.loads((checkpoint / "config.json").read_text())
    for change in ({"state": {}}, {"state": {**config["state"], "epoch": 99}}, {"run": {}}, {"checkpoint_version": 9}):
        (checkpoint / "config.json").write_text(json.dumps({**config, **change}))
        with pytest.raises(FormatError, match="checkpoint"):
            firth.resume(output, progress=False)
    (checkpoint / "config.json").write_text(json.dumps(config))
    tensors = next(checkpoint.glob("*.safetensors"))
    data = bytearray(tensors.read_bytes())
    data[-3] ^= 1
    tensors.write_bytes(data)
    with pytest.raises(FormatError, match="checksum"):
        firth.resume(output, progress=False)

    for text in ("", "[]", '{"format": "firth-run", "format_version": 9}', json.dumps({**record, "arrays": ["../x"]})):
        run.write_text(text)
        with pytest.raises(FormatError, match=r"run\.json"):
            firth.resume(output, progress=False)
    for change in ({"training": {"dims": 0}}, {"patience": None, "identity": None}, {"checkpoint_every": {"h": 1}}):
        run.write_text(json.dumps({**record, **change}))
        with pytest.raises(FormatError, match=r"run\.json is damaged"):
            firth.resume(output, progress=False)


def test_functions_are_given_again(tmp_path: Path, corpus_file: Path) -> None:
    output = tmp_path / "model"
    _interrupted(corpus_file, output, stop_metric=len)
    with pytest.raises(ParameterError, match="^stop_metric must be given again, because functions are not stored"):
        firth.resume(output, progress=False)
    with pytest.raises(ParameterError, match="^threads must be at least 1"):
        firth.resume(output, threads=0, stop_metric=len, progress=False)
    model = firth.resume(output, stop_metric=len, progress=False)
    assert [evaluation.metric for evaluation in model.history.evaluations] == [200.0] * 8
    _interrupted(corpus_file, tmp_path / "other")
    with pytest.raises(ParameterError, match="^stop_metric must be left out: the run had none"):
        firth.resume(tmp_path / "other", stop_metric=len, progress=False)


def test_another_instruction_set_is_told(tmp_path: Path, corpus_file: Path, whole: firth.Model) -> None:
    output = tmp_path / "model"
    _interrupted(corpus_file, output)
    run = output / ".work" / "run.json"
    run.write_text(run.read_text().replace(whole.instruction_set, "sve2"))
    with pytest.warns(InstructionSetWarning, match="began with the instruction set sve2, which this machine lacks"):
        model = firth.resume(output, progress=False)
    _assert_same(model, whole)


def test_two_runs_in_one_folder_are_refused(tmp_path: Path, corpus_file: Path) -> None:
    output = tmp_path / "model"

    class Second(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            with pytest.raises(StorageError, match="another process is training into"):
                firth.resume(output, progress=False)
            with pytest.raises(StorageError, match="another process is training into"):
                firth.train(corpus_file, output=output, overwrite=True, progress=False, **OPTIONS)

    firth.train(corpus_file, output=output, callbacks=[Second()], progress=False, **{**OPTIONS, "epochs": 2})
