"""Searching for parameters: trials that are kept and continued, budgets, sizes, the table, what is refused."""

from __future__ import annotations

import builtins
import csv
import doctest
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import firth
from firth.classification.quantization import largest_cutoff, quantized_bytes
from firth.cli.main import app
from firth.errors import DivergenceError, MissingExtraError, ParameterError, StorageError, TrainingError
from firth.training.run import tuning

WORDS = {"food": ["apple", "pie", "cake", "cream"], "cars": ["car", "road", "wheel", "lane"]}
PACKAGE = str(Path(firth.__file__).parents[1])


def make_texts(n_texts: int, seed: int) -> tuple[list[str], list[str]]:
    """Texts of a subject's words and many rare ones."""
    draw = random.Random(seed)
    labels = [draw.choice(list(WORDS)) for _ in range(n_texts)]
    texts = [
        " ".join([*draw.choices(WORDS[label], k=2), *(f"rare{draw.randrange(400)}" for _ in range(4))])
        for label in labels
    ]
    return texts, labels


TEXTS, LABELS = make_texts(150, 1)
VALID = make_texts(60, 2)


def tune(output: Path, **options: Any) -> tuning.TunedClassifier:
    given = {"valid": VALID, "trials": 3, "threads": 1, "loss": "softmax", "progress": False, **options}
    return firth.tune_classifier(TEXTS, LABELS, output=output, **given)


def read_table(folder: Path) -> list[dict[str, str]]:
    with open(folder / "trials.tsv", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_the_best_trial_is_trained_and_saved(tmp_path: Path) -> None:
    tuned = tune(tmp_path / "t", trials=4)
    rows = read_table(tmp_path / "t")
    assert len(rows) == len(tuned.trials) == 4
    assert [int(row["trial"]) for row in rows] == [1, 2, 3, 4]
    assert rows[0]["learning_rate"], rows[0]["epochs"] == ("0.1", "5")
    best = max(rows, key=lambda row: float(row["f1"]))
    assert float(best["f1"]) == pytest.approx(tuned.score, rel=1e-5)
    assert tuned.parameters["epochs"] == int(best["epochs"])
    again = firth.train_classifier(TEXTS, LABELS, threads=1, progress=False, **tuned.parameters)
    loaded = firth.load(tmp_path / "t")
    assert loaded.model.output_matrix.tobytes() == again.model.output_matrix.tobytes()
    answers = again.predict(VALID[0]).labels
    right = sum(answer == [label] for answer, label in zip(answers, VALID[1], strict=True))
    assert tuned.score == pytest.approx(right / 60)


def test_a_search_continues_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials are not made again; a sampler that began anew would draw the same ones."""
    tune(tmp_path / "t", trials=3)
    before = read_table(tmp_path / "t")
    made = []
    train = tuning.train_classifier

    def count(*arguments: Any, **options: Any) -> firth.Classifier:
        made.append(options["epochs"])
        return train(*arguments, **options)

    monkeypatch.setattr(tuning, "train_classifier", count)
    (tmp_path / "t" / "trials.tsv").unlink()  # as if killed after a trial and before its row
    tuned = tune(tmp_path / "t", trials=3)
    assert read_table(tmp_path / "t") == before
    made.clear()
    tuned = tune(tmp_path / "t", trials=5)
    assert len(made) == 3  # two trials, and the best one
    after = read_table(tmp_path / "t")
    assert after[:3] == before
    assert len({row["learning_rate"] for row in after}) == 5
    assert tune(tmp_path / "t", trials=2).score == tuned.score  # enough are there
    assert len(made) == 4
    with pytest.raises(StorageError, match="must hold trials of the same texts, max_size and loss, got others"):
        firth.tune_classifier(TEXTS[1:], LABELS[1:], output=tmp_path / "t", valid=VALID, trials=5, loss="softmax")
    with pytest.raises(StorageError, match="the same texts, max_size and loss"):
        tune(tmp_path / "t", loss=None)


def test_killed_in_a_trial(tmp_path: Path) -> None:
    """The trial that a killed process was at is made again under another number."""
    file = tmp_path / "train.txt"
    file.write_text("".join(f"__label__{label} {text}\n" for text, label in zip(TEXTS * 5, LABELS * 5, strict=True)))
    command = [sys.executable, "-m", "firth", "classify", "tune", str(file), "-o", str(tmp_path / "t")]
    command += ["--trials", "60", "--threads", "1", "--loss", "softmax"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={"PYTHONPATH": PACKAGE}) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("trial 2:"):
                break
        time.sleep(0.05)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    before = read_table(tmp_path / "t")
    options = ["--trials", str(len(before) + 1), "--threads", "1", "--loss", "softmax"]
    result = CliRunner().invoke(app, ["classify", "tune", str(file), "-o", str(tmp_path / "t"), *options])
    assert result.exit_code == 0, result.output
    after = read_table(tmp_path / "t")
    assert after[: len(before)] == before
    assert len(after) >= len(before) + 1
    assert result.stdout.splitlines()[0].split("\t") == list(tuning.COLUMNS)
    assert "best: F1 " in result.stdout
    assert "--learning-rate" in result.stdout


class Clock:
    """A clock that a training advances by ten seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_time_is_counted_over_all_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, clock = tuning.train_classifier, Clock()

    def advance(*arguments: Any, **options: Any) -> firth.Classifier:
        model = train(*arguments, **{**options, "callbacks": []})
        clock.now += 10
        return model

    monkeypatch.setattr(tuning, "train_classifier", advance)
    monkeypatch.setattr(tuning, "time", clock)
    tuned = tune(tmp_path / "t", trials=None, budget_seconds=25)
    assert [row["seconds"] for row in tuned.trials] == [10, 10, 10]  # the last one began before the end
    assert tune(tmp_path / "t", trials=None, budget_seconds=30).trials == tuned.trials
    assert len(tune(tmp_path / "t", trials=None, budget_seconds=31).trials) == 4
    monkeypatch.setattr(tuning, "train_classifier", lambda *_, **__: given_up())
    with pytest.raises(TrainingError, match="got none of 0; the time was over first; raise budget_seconds"):
        tune(tmp_path / "u", trials=None, budget_seconds=5)


def given_up() -> firth.Classifier:
    """What a run yields that the callback of the deadline stopped."""
    model = firth.train_classifier(TEXTS, LABELS, dims=4, threads=1, progress=False)
    model.history.stop_reason = "callback"
    return model


def test_a_trial_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "FIRST", ({**tuning.FIRST[0], "epochs": 50},))
    texts, labels = make_texts(3_000, 3)
    options: dict[str, Any] = {"threads": 1, "loss": "softmax", "progress": False}
    with pytest.raises(TrainingError, match="got none of 0; the time was over first"):
        firth.tune_classifier(texts, labels, output=tmp_path / "t", valid=VALID, budget_seconds=0.01, **options)


def test_a_size_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "FIRST", (tuning.FIRST[0], {**tuning.FIRST[1], "dims": 16}))
    tuned = tune(tmp_path / "t", max_size="60k", trials=2)
    file = tmp_path / "t" / "classifier.ftz"
    assert tuned.path == file
    assert file.stat().st_size <= 60_000
    pruned = [row for row in tuned.trials if row["state"] == "pruned"]
    assert len(pruned) == 1  # 100 dims: 100 kB of centroids
    assert "max_size must hold a model of 100 dims and 2 labels with a word" in pruned[0]["reason"]
    assert firth.load(file).predict("apple pie").labels == ["food"]
    assert all(row["bytes"] <= 60_000 for row in tuned.trials if row["state"] == "complete")
    with pytest.raises(TrainingError, match="got none of 2; the last one: max_size must hold a model of 16 dims"):
        tune(tmp_path / "u", max_size=100, trials=2)


@pytest.mark.parametrize("options", [{}, {"word_ngrams": 2}, {"min_ngram": 2, "max_ngram": 3}])
def test_the_largest_cutoff_fills_the_file(options: dict[str, int], tmp_path: Path) -> None:
    model = firth.train_classifier(TEXTS, LABELS, dims=10, threads=1, progress=False, **options)
    whole = model.quantize(norms=True)
    whole.save(tmp_path / "whole.ftz")
    assert quantized_bytes(whole.model) == (tmp_path / "whole.ftz").stat().st_size
    for size in (14_000, 15_001):
        cutoff = largest_cutoff(model.model, size)
        small = model.quantize(cutoff=cutoff)
        small.save(tmp_path / "small.ftz", overwrite=True)
        assert quantized_bytes(small.model) == (tmp_path / "small.ftz").stat().st_size
        assert size - 30 < (tmp_path / "small.ftz").stat().st_size <= size
        assert small.model.input_matrix.shape[0] == cutoff


def test_a_trial_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = tuning.train_classifier

    def diverge(*arguments: Any, **options: Any) -> firth.Classifier:
        if options["epochs"] == 5:
            raise DivergenceError("the loss grew")
        return train(*arguments, **options)

    monkeypatch.setattr(tuning, "train_classifier", diverge)
    tune(tmp_path / "t", trials=2)
    rows = read_table(tmp_path / "t")
    assert [(row["state"], row["reason"]) for row in rows] == [("pruned", "the loss grew"), ("complete", "")]
    assert rows[0]["f1"] == ""


def test_an_interruption_keeps_the_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = tuning.train_classifier

    def interrupt(*arguments: Any, **options: Any) -> firth.Classifier:
        if options["epochs"] == 25:
            raise KeyboardInterrupt
        return train(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(tuning, "train_classifier", interrupt)
        with pytest.raises(KeyboardInterrupt):
            tune(tmp_path / "t")
    assert len(read_table(tmp_path / "t")) == 1
    assert len(tune(tmp_path / "t").trials) == 3


# ---- what is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": None}, "trials=20 or budget_seconds=600 must be given"),
        ({"trials": 0}, "trials must be at least 1, got 0"),
        ({"budget_seconds": -1}, "budget_seconds must be above 0, got -1"),
        ({"loss": "hinge"}, "loss must be one of 'softmax', 'one-vs-all'.*got 'hinge'"),
        ({"heldout": "10%"}, "valid must come without heldout, got both"),
        ({"valid": None, "heldout": "valid.txt"}, 'heldout must be a share like "10%", got .*give a file as valid'),
        ({"max_size": "2X"}, "max_size must be bytes above 0, like"),
        ({"max_size": 0}, "max_size must be bytes above 0"),
        ({"max_size": True}, "max_size must be bytes above 0"),
        ({"threads": 0}, "threads must be"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_bad_input(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=message):
        tune(tmp_path / "t", **options)
    assert not (tmp_path / "t").exists()


def test_folders_of_others(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")
    with pytest.raises(StorageError, match="must be empty or hold the trials of an earlier call.*got 'mine'"):
        tune(tmp_path / "full")
    with pytest.raises(StorageError, match="must be a folder, got a file"):
        tune(tmp_path / "full" / "mine")


def test_without_optuna(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    importer = builtins.__import__

    def refuse(name: str, *arguments: Any) -> Any:
        if name == "optuna":
            raise ImportError(name)
        return importer(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"tuning needs Optuna.*`pip install 'firth\[tune\]'` installs it"):
        tune(tmp_path / "t")
    assert not (tmp_path / "t").exists()


def test_the_docstring_runs() -> None:
    assert doctest.testmod(tuning, optionflags=doctest.ELLIPSIS) == (0, 5)


def test_sizes() -> None:
    sizes = [tuning.parse_size(size) for size in ("500k", "2M", "1.5G", "70", 9)]
    assert sizes == [500_000, 2_000_000, 1_500_000_000, 70, 9]
