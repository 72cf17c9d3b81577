"""Pruned classifiers that are trained again: what they gain, an oracle in NumPy, the same bits, what is refused."""

from __future__ import annotations

import doctest
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import firth
from firth.classification.quantization import prune_model
from firth.classification.reference import find_rows
from firth.cli.main import app
from firth.errors import CorpusError, ParameterError
from firth.numerics import softmax_loss
from firth.training.run import retraining

NAMES = ["sea", "farm", "town", "hill"]


def make_texts(n_texts: int, seed: int) -> tuple[list[str], list[str]]:
    """Each subject has 40 words of its own; a text has three of them among words of all."""
    draw = random.Random(seed)
    labels = [draw.choice(NAMES) for _ in range(n_texts)]
    texts = [
        " ".join([f"{label}{draw.randrange(40)}" for _ in range(3)] + [f"all{draw.randrange(90)}" for _ in range(5)])
        for label in labels
    ]
    return texts, labels


TEXTS, LABELS = make_texts(1500, 1)
TEST_TEXTS, TEST_LABELS = make_texts(500, 2)
LOSSES = pytest.mark.parametrize("loss", ["softmax", "one-vs-all", "hierarchical-softmax", "negative-sampling"])


def train(**options: Any) -> firth.Classifier:
    given = {"dims": 16, "epochs": 10, "learning_rate": 0.3, "threads": 1, "progress": False, **options}
    return firth.train_classifier(TEXTS, LABELS, **given)


def precision(model: firth.Classifier) -> float:
    answers = model.predict(TEST_TEXTS).labels
    return float(np.mean([answer == [label] for answer, label in zip(answers, TEST_LABELS, strict=True)]))


def loss_nats(model: firth.Classifier, is_joint: bool) -> float:
    """The mean loss on the training texts: -log p of the label, or the logistic losses of all labels."""
    labels, probabilities = model.predict(TEXTS, k=4)
    total = 0.0
    for names, row, label in zip(labels, probabilities.astype(float), LABELS, strict=True):
        found = dict(zip(names, np.clip(row, 1e-6, 1 - 1e-6), strict=False))  # hierarchical softmax leaves out p < 1e-5
        total -= np.log(found.get(label, 1e-6))
        if not is_joint:
            total -= sum(np.log(1 - value) for name, value in found.items() if name != label)
    return total / len(TEXTS)


@LOSSES
def test_training_again_lowers_the_loss_of_the_rows_that_are_left(loss: str) -> None:
    """The labels' tree and signs of hierarchical softmax included: a wrong sign would unlearn."""
    model = train(loss=loss, word_ngrams=2, epochs=6, learning_rate=0.1)  # not at the end of what it can learn
    options: dict[str, Any] = {"epochs": 10, "learning_rate": 0.3, "threads": 1, "progress": False}
    small = firth.quantize_classifier(model, TEXTS, LABELS, cutoff=60, part_dims=1, **options)
    assert small.model.input_matrix.shape == (60, 16)
    plain = model.quantize(cutoff=60, part_dims=1)
    is_joint = "softmax" in loss
    assert loss_nats(small, is_joint) < loss_nats(plain, is_joint) - 0.1
    assert precision(small) > precision(plain) - 0.02
    assert small.model.label_counts.tolist() == model.model.label_counts.tolist()


def test_no_step_changes_nothing() -> None:
    """With a step of nearly nothing the pruned and quantized model is that of quantize."""
    model = train(word_ngrams=2)
    small = firth.quantize_classifier(
        model, TEXTS, LABELS, cutoff=100, epochs=1, learning_rate=1e-12, part_dims=1, threads=1, progress=False
    )
    plain = model.quantize(cutoff=100, part_dims=1)
    assert small.model.entries.has_same_words(plain.model.entries)
    assert np.array_equal(small.model.kept_ngrams, plain.model.kept_ngrams)
    answers, expected = small.predict(TEST_TEXTS, k=4), plain.predict(TEST_TEXTS, k=4)
    np.testing.assert_allclose(answers.probabilities, expected.probabilities, atol=1e-6)


def test_the_second_training_is_gradient_descent_from_the_rows_that_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """An oracle text by text in float64; texts without a row that is left are left out."""
    model = train(min_count=5)
    trained: list[Any] = []
    keep = retraining._train_again
    monkeypatch.setattr(retraining, "_train_again", lambda *given: trained.append(keep(*given)) or trained[0])
    texts, labels = TEXTS[:80], LABELS[:80]
    firth.quantize_classifier(
        model, texts, labels, cutoff=30, epochs=2, learning_rate=0.2, part_dims=1, threads=1, progress=False
    )
    pruned = prune_model(model.model, 30)
    inputs, outputs = np.array(pruned.input_matrix, np.float64), np.array(pruned.output_matrix, np.float64)
    bags = [find_rows(pruned, text.encode()) for text in texts]
    n_positions, done = sum(map(len, bags)), 0
    for _ in range(2):
        for bag, label in zip(bags, labels, strict=True):
            if bag:
                rate = 0.2 + (1e-4 * 0.2 - 0.2) * done / (2 * n_positions)
                _, gradient, of_rows = softmax_loss(inputs[bag].mean(axis=0), outputs, model.labels.index(label))
                outputs[of_rows.row_ids] -= rate * of_rows.rows
                np.subtract.at(inputs, bag, rate * gradient / len(bag))
            done += len(bag)
    assert np.abs(trained[0].input_matrix - inputs).max() < 2e-5
    assert np.abs(trained[0].output_matrix - outputs).max() < 2e-5
    assert np.abs(inputs - pruned.input_matrix).max() > 0.01


def test_the_same_bits_whatever_the_threads(tmp_path: Path) -> None:
    model = train()
    for threads in (1, 3):
        small = firth.quantize_classifier(
            model, TEXTS, LABELS, cutoff=50, threads=threads, deterministic=True, progress=False
        )
        small.save(tmp_path / f"{threads}.ftz")
    assert (tmp_path / "1.ftz").read_bytes() == (tmp_path / "3.ftz").read_bytes()


def test_the_command(tmp_path: Path) -> None:
    lines = [f"__label__{label} {text}\n" for text, label in zip(TEXTS, LABELS, strict=True)]
    (tmp_path / "train.txt").write_text("".join(lines))
    model = train(output=tmp_path / "m", epochs=3)

    def run(*flags: object) -> Any:
        command = ["classify", "quantize", tmp_path / "m", "-o", tmp_path / "small.ftz", "--overwrite", *flags]
        return CliRunner().invoke(app, [str(word) for word in command])

    retrain = ("--retrain", tmp_path / "train.txt")
    result = run("--cutoff", 60, *retrain, "--epochs", 10, "--learning-rate", 0.3, "--part-dims", 1, "--threads", 1)
    assert result.exit_code == 0, result.output
    assert loss_nats(firth.load(tmp_path / "small.ftz"), True) < loss_nats(model.quantize(cutoff=60, part_dims=1), True)
    assert "--retrain must come with --cutoff, the rows to keep" in run(*retrain).stderr
    assert "--epochs must come with --retrain, got 3" in run("--epochs", 3).stderr


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((["sea1"], ["lake"]), {}, CorpusError, "labels must be those of the classifier, got 1 others, such as 'lake'"),
        ((TEXTS, LABELS), {"cutoff": 0}, ParameterError, "cutoff must be at least 1, got 0"),
        ((TEXTS, LABELS), {"epochs": 0}, ParameterError, "epochs must be at least 1, got 0"),
        ((TEXTS, LABELS), {"learning_rate": 0}, ParameterError, "learning_rate must be above 0"),
    ],
)
def test_bad_input(arguments: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        firth.quantize_classifier(train(), *arguments, **{"cutoff": 40, "progress": False, **options})


def test_texts_without_a_row_that_is_left() -> None:
    """Two texts: </s> is too rare to have a row."""
    texts = ["pie pie pie", "car car car"]
    model = firth.train_classifier(texts, ["food", "cars"], dims=4, min_count=3, progress=False)
    with pytest.raises(CorpusError, match="texts must have a row that is left, got none; raise cutoff"):
        firth.quantize_classifier(model, ["unknown"], ["food"], cutoff=1, progress=False)


def test_the_docstring_runs() -> None:
    assert doctest.testmod(retraining) == (0, 7)


def test_what_is_no_classifier() -> None:
    with pytest.raises(ParameterError, match=r"classifier must be a firth.Classifier, got str"):
        firth.quantize_classifier("m", TEXTS, LABELS, cutoff=10)  # type: ignore[arg-type]
    small = train().quantize()
    with pytest.raises(ParameterError, match="must not be quantized yet, got a quantized one"):
        firth.quantize_classifier(small, TEXTS, LABELS, cutoff=10)
