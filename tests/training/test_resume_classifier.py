"""A classifier's run that is cut off goes on where it stopped, to the bit: killed, interrupted, damaged, refused."""

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
from typer.testing import CliRunner

import firth
from firth.cli.main import app
from firth.errors import DivergenceError, FormatError, ParameterError, StorageError

PACKAGE = str(Path(firth.__file__).parents[1])
OPTIONS: dict[str, Any] = {
    "dims": 12,
    "epochs": 8,
    "learning_rate": 0.2,
    "word_ngrams": 2,
    "threads": 1,
    "progress": False,
}
EVERY = {"checkpoint_every": "3000words"}
SUBJECTS = {
    "food": ["apple", "pie", "cake", "cream", "bake", "dish"],
    "cars": ["car", "road", "drive", "wheel", "fast", "lane"],
    "sea": ["ship", "wave", "deep", "sail", "salt", "shore"],
}


class Interrupt(firth.Callback):
    """Ends the run with an exception at the end of an epoch."""

    def __init__(self, epoch: int, error: BaseException | None = None) -> None:
        self.epoch = epoch
        self.error = error or RuntimeError("the user's own")

    def on_epoch_end(self, state: firth.TrainingState) -> None:
        if state.epoch == self.epoch:
            raise self.error


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,500 lines of a subject's words and some common ones; every fifth has two labels."""
    generator = random.Random(3)
    names = list(SUBJECTS)
    lines = []
    for number in range(1500):
        subject = names[number % 3]
        words = generator.choices(SUBJECTS[subject], k=4) + generator.choices(["the", "a", "of", "and"], k=4)
        generator.shuffle(words)
        second = " __label__even" if number % 5 == 0 else ""
        lines.append(f"__label__{subject}{second} {' '.join(words)}\n")
    path = tmp_path_factory.mktemp("texts") / "train.txt"
    path.write_text("".join(lines))
    return path


def bits(model: firth.Classifier) -> bytes:
    return bytes(model.model.input_matrix.tobytes() + model.model.output_matrix.tobytes())


def tensors(folder: Path) -> tuple[str, bytes]:
    (path,) = folder.glob("*.safetensors")
    return path.name, path.read_bytes()


def start(arguments: list[object], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "firth", "classify", "train", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": PACKAGE},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run_firth(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def wait_for(process: subprocess.Popen[str], beginning: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(beginning):
            return
    pytest.fail(f"no line begins with {beginning!r}")


def interrupted(file: Path, output: Path, epoch: int = 3, **options: Any) -> None:
    with pytest.raises(RuntimeError, match="the user's own"):
        firth.train_classifier(file, output=output, callbacks=[Interrupt(epoch)], **{**OPTIONS, **EVERY, **options})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"loss": "one-vs-all", "deterministic": True, "threads": 3},
        {"loss": "hierarchical-softmax", "heldout": "20%", "patience": 5, "max_ngram": 4, "min_ngram": 3},
        {"loss": "negative-sampling", "initial_vectors": {"pie": np.ones(12)}, "buckets": 500},
    ],
)
def test_a_resumed_run_equals_an_undisturbed_one(options: dict[str, Any], file: Path, tmp_path: Path) -> None:
    """The same bytes in the folder, cut off twice; the texts are not needed."""
    whole = firth.train_classifier(file, output=tmp_path / "whole", **{**OPTIONS, **options})
    copy = tmp_path / "texts"
    shutil.copy(file, copy)
    interrupted(copy, tmp_path / "m", **options)
    copy.unlink()
    with pytest.raises(KeyboardInterrupt):
        firth.resume(tmp_path / "m", callbacks=[Interrupt(5, KeyboardInterrupt())], progress=False)
    model = firth.resume(tmp_path / "m", progress=False)
    assert isinstance(model, firth.Classifier)
    assert bits(model) == bits(whole)
    assert tensors(tmp_path / "m") == tensors(tmp_path / "whole")
    assert model.history.loss_nats == pytest.approx(whole.history.loss_nats, rel=1e-7)  # slices sum alone
    assert model.history.evaluations == whole.history.evaluations
    assert [record.n_examples for record in model.history.epochs] == [r.n_examples for r in whole.history.epochs]
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == sorted(
        ["config.json", tensors(tmp_path / "m")[0]]
    )


def test_killed_at_random_moments(file: Path, tmp_path: Path) -> None:
    """SIGKILL while a checkpoint is written nearly all the time."""
    options = {**OPTIONS, "epochs": 300}
    whole = firth.train_classifier(file, **options)
    flags = ["--dims", 12, "--epochs", 300, "--learning-rate", 0.2, "--word-ngrams", 2, "--threads", 1]
    generator = random.Random(1)
    n_resumed = 0
    for number in range(3):
        output = tmp_path / f"m{number}"
        with start([file, "-o", output, *flags, "--checkpoint-every", "1000words"], tmp_path) as process:
            wait_for(process, "epoch 2/")
            time.sleep(generator.uniform(0, 0.1))
            process.kill()
            process.communicate(timeout=60)
        if (output / ".work" / "run.json").exists():
            assert process.returncode == -signal.SIGKILL
            assert bits(firth.resume(output, progress=False)) == bits(whole)
            n_resumed += 1
        else:  # it was faster than the kill
            assert bits(firth.load(output)) == bits(whole)
    assert n_resumed > 0


def test_ctrl_c_leaves_a_checkpoint_that_the_command_continues(file: Path, tmp_path: Path) -> None:
    flags = ["--dims", 12, "--epochs", 500, "--threads", 1]
    with start([file, "-o", "m", *flags, "--checkpoint-every", "1h"], tmp_path) as process:
        wait_for(process, "epoch 2/")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "a checkpoint is in m/.work/checkpoint" in errors
    assert "Interrupted: continue with `firth classify train --resume m`." in errors
    assert "Traceback" not in errors
    assert output == ""
    with pytest.raises(StorageError, match="unfinished run and no model.*`firth classify train --resume "):
        firth.load(tmp_path / "m")
    with start(["--resume", "m", "--quiet"], tmp_path) as process:
        assert process.communicate(timeout=100) == ("", "")
    assert process.returncode == 0
    record = firth.load(tmp_path / "m").history
    assert (record.stop_reason, len(record.epochs)) == ("finished", 500)


@pytest.mark.parametrize(("name", "discards"), [("m", False), ("m.bin", False), ("m", True)])
def test_ctrl_c_without_checkpoints_keeps_what_was_learned(
    name: str, discards: bool, file: Path, tmp_path: Path
) -> None:
    flags = ["--dims", 12, "--epochs", 1_000_000, "--threads", 1, *(["--on-interrupt", "discard"] * discards)]
    with start([file, "-o", name, *flags], tmp_path) as process:
        wait_for(process, "epoch 2/")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    if discards:
        assert "Interrupted: nothing of the run was saved." in errors
        assert list(tmp_path.iterdir()) == []
        return
    assert f"of 1,000,000 epochs is saved to {name}" in errors
    model = firth.load(tmp_path / name)
    assert model.predict("apple pie").labels == ["food"]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_interrupted_run_does_not_replace_a_finished_file(file: Path, tmp_path: Path) -> None:
    output = tmp_path / "m.bin"
    firth.train_classifier(file, output=output, **OPTIONS)
    before = output.read_bytes()
    with pytest.raises(KeyboardInterrupt) as caught:
        firth.train_classifier(
            file, output=output, overwrite=True, callbacks=[Interrupt(2, KeyboardInterrupt())], **OPTIONS
        )
    assert output.read_bytes() == before
    kept = firth.load(tmp_path / "m.bin-interrupted")
    assert bits(kept) == bits(caught.value.partial_model)  # type: ignore[attr-defined]
    assert len(kept.history.epochs) == 2


def test_another_number_of_threads_trains_each_text_once(file: Path, tmp_path: Path) -> None:
    interrupted(file, tmp_path / "m", threads=2)
    model = firth.resume(tmp_path / "m", threads=3, progress=False)
    assert [record.n_examples for record in model.history.epochs] == [1500] * 8


def test_a_run_that_diverges_hands_over_its_last_good_classifier(file: Path) -> None:
    with pytest.raises(DivergenceError) as caught:
        firth.train_classifier(file, **{**OPTIONS, "loss": "one-vs-all", "learning_rate": 1e6})
    assert isinstance(caught.value.model, firth.Classifier)
    assert np.isfinite(caught.value.model.model.input_matrix).all()
    assert caught.value.model.history.stop_reason == "diverged"


# ---- what is refused


def test_what_cannot_be_resumed(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"output must be a folder with checkpoint_every, got the file .*m\.bin"):
        firth.train_classifier(file, output=tmp_path / "m.bin", **EVERY, **OPTIONS)
    with pytest.raises(ParameterError, match="checkpoint_every must come with output="):
        firth.train_classifier(file, **EVERY, **OPTIONS)
    with pytest.raises(ParameterError, match="on_interrupt must be one of 'save', 'discard'"):
        firth.train_classifier(file, on_interrupt="keep", **OPTIONS)
    interrupted(file, tmp_path / "m")
    with pytest.raises(
        StorageError, match="unfinished run.*`firth classify train --resume .*`, or give overwrite=True"
    ):
        firth.train_classifier(file, output=tmp_path / "m", **OPTIONS)
    with pytest.raises(ParameterError, match="stop_metric must be left out: the run of a classifier has none"):
        firth.resume(tmp_path / "m", stop_metric=len, progress=False)
    refused = run_firth("train", "--resume", tmp_path / "m")
    assert "which has a classifier's run; continue it with `firth classify train --resume " in refused.stderr
    refused = run_firth("classify", "train", "--resume", tmp_path / "m", "--dims", 5)
    assert "only --threads, --progress and --quiet may be given" in refused.stderr
    refused = run_firth("classify", "train", "-o", tmp_path / "n")
    assert "FILE must be given: labelled texts, or - for standard input; or --resume DIR" in refused.stderr
    refused = run_firth("classify", "train", file)
    assert "output must be given: -o DIR, the folder for the classifier" in refused.stderr
    refused = run_firth("classify", "train", file, "-o", tmp_path / "n", "--quiet", "--progress")
    assert "--quiet must come without --progress, got both" in refused.stderr
    assert "`firth classify train --resume " in run_firth("clean", tmp_path / "m").stdout
    firth.train_classifier(file, output=tmp_path / "m", overwrite=True, **OPTIONS)
    assert not (tmp_path / "m" / ".work").exists()


def test_the_run_of_word_vectors_is_refused_by_name(corpus_file: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        firth.train(
            corpus_file,
            output=tmp_path / "m",
            dims=4,
            min_count=1,
            checkpoint_every="1h",
            callbacks=[Interrupt(1)],
            progress=False,
        )
    refused = run_firth("classify", "train", "--resume", tmp_path / "m")
    assert "which has a run of firth train; continue it with `firth train --resume " in refused.stderr


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("rows.npy", None, r"rows.npy is damaged \(its checksum differs\)"),
        ("run.json", ("dims", 13), r"run.json is damaged \(its checksum differs\)"),
        ("rows", np.int32(10**6), "the run is damaged .*rows must be in"),
        ("heldout_targets", np.int32(-1), "the run is damaged .*targets must be in"),
        ("used_buckets", np.int64(1 << 40), "the run is damaged .*used_buckets must be in"),
        ("word_offsets", np.int64(5), "the run is damaged .*offsets must rise"),
        ("n_words", 10**6, "the run is damaged .*n_words must leave two labels"),
        ("buckets", -1, "the run is damaged .*buckets must be"),
        ("training", {"dims": 0}, "the run is damaged .*dims must be"),
    ],
)
def test_damaged_files(name: str, change: Any, message: str, file: Path, tmp_path: Path) -> None:
    """Damage is seen by the checksums; what carries right checksums, by the values, before native code has them."""
    from firth.training.run.resumed import run_checksums

    interrupted(file, tmp_path / "m", heldout="10%")
    work = tmp_path / "m" / ".work"
    path = work / "run.json"
    record = json.loads(path.read_text())
    if name == "rows.npy":
        data = bytearray((work / name).read_bytes())
        data[-1] ^= 1
        (work / name).write_bytes(data)
    elif name == "run.json":
        record["training"]["dims"] = 13
        path.write_text(json.dumps(record))
    else:
        arrays = {entry: np.load(work / f"{entry}.npy") for entry in record["arrays"]}
        if name in arrays:
            arrays[name][0] = change
            np.save(work / f"{name}.npy", arrays[name])
        else:
            record[name] = change
        record["checksums"] = run_checksums(record, arrays)
        path.write_text(json.dumps(record))
    with pytest.raises(FormatError, match=message):
        firth.resume(tmp_path / "m", progress=False)
