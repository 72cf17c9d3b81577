"""Small models: what pruning keeps, what quantization loses, what is refused, and that fastText agrees."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from fasttext_answers import model_path, read_answers
from typer.testing import CliRunner

import firth
from firth.classification.classifier import Classifier
from firth.classification.example import tiny_classifier
from firth.classification.quantization import compute_row_norms, quantize_matrix
from firth.classification.reference import find_rows
from firth.cli.classify import app
from firth.errors import FormatError, ParameterError, StorageError


def _draw() -> np.random.Generator:
    return np.random.default_rng(4)


@pytest.mark.parametrize("norms", [True, False])
@pytest.mark.parametrize("part_dims", [1, 2, 3, 7])
def test_up_to_256_rows_are_kept_exactly(part_dims: int, norms: bool) -> None:
    rows = _draw().normal(size=(200, 7)).astype(np.float32)
    rows[5] = 0
    small = quantize_matrix(rows, part_dims, norms, _draw(), 2)
    np.testing.assert_allclose(small.to_dense(), rows, rtol=1e-5, atol=1e-6)


def test_centroids_are_means_and_codes_are_nearest() -> None:
    """Every code is the nearest centroid, by brute force; k-means is near its rest: centroids are their rows' means."""
    rows = _draw().normal(size=(3000, 5)).astype(np.float32)
    small = quantize_matrix(rows, 2, False, _draw(), 1)
    for part in range(3):
        centroids, points = small.part(part).astype(float), rows[:, 2 * part : 2 * part + 2].astype(float)
        distances = ((points[:, None] - centroids[None]) ** 2).sum(axis=2)
        chosen = distances[np.arange(len(rows)), small.codes[:, part]]
        np.testing.assert_allclose(chosen, distances.min(axis=1), atol=1e-6)
        used = np.unique(small.codes[:, part])
        assert len(used) > 250
        means = np.array([points[small.codes[:, part] == code].mean(axis=0) for code in used])
        assert np.sqrt(((means - centroids[used]) ** 2).sum(axis=1)).max() < 0.1
    error = np.square(small.to_dense() - rows).mean()
    assert (
        error < 0.02
    )  # 256 points in the plane: a normal distribution in two dimensions has about 1 % of its variance


def test_many_equal_rows_leave_no_centroid_without_use() -> None:
    rows = np.repeat(_draw().normal(size=(3, 4)).astype(np.float32), 400, axis=0)
    small = quantize_matrix(rows, 2, True, _draw(), 1)
    np.testing.assert_allclose(small.to_dense(), rows, rtol=5e-3, atol=1e-4)
    assert np.isfinite(small.centroids).all()


def test_the_same_seed_gives_the_same_model_whatever_the_threads(tmp_path: Path) -> None:
    model = firth.load(model_path("softmax-ngrams.bin"))
    for threads in (1, 2):
        model.quantize(seed=3, threads=threads).save(tmp_path / f"{threads}")
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_pruning_keeps_the_largest_rows() -> None:
    """A pruned model's rows are the largest; an n-gram without a row is left out of every bag."""
    whole = firth.load(model_path("softmax-ngrams.bin"))
    small = whole.quantize(cutoff=120, part_dims=1)
    stored, rows = small.model, np.asarray(whole.model.input_matrix)
    norms = compute_row_norms(rows)
    assert stored.input_matrix.shape == (120, 4)
    assert stored.kept_ngrams is not None
    assert stored.n_words + len(stored.kept_ngrams) == 120
    entries = list(whole.model.entries.all_encoded())
    kept_words = [entries.index(entry) for entry in list(stored.entries.all_encoded())[: stored.n_words]]
    kept = [*kept_words, *(whole.model.n_words + stored.kept_ngrams[:, 0])]
    left = np.setdiff1d(np.arange(len(rows)), kept)
    without_end = [row for row in kept if row != entries.index(b"</s>")]
    assert norms[without_end].min() >= norms[left].max()
    assert kept_words == sorted(kept_words)
    assert stored.labels == whole.model.labels
    for answer in read_answers("softmax-ngrams.bin")[::3]:
        bag = [row for row in find_rows(whole.model, answer.text) if row in set(kept)]
        found = small.find_rows(answer.text).tolist()
        assert found == find_rows(stored, answer.text)
        assert [kept[row] for row in found] == bag


@pytest.mark.parametrize("options", [{}, {"norms": False}, {"output": True}, {"cutoff": 150}, {"part_dims": 3}])
@pytest.mark.parametrize("name", ["softmax-ngrams.bin", "hierarchical.bin", "one-vs-all.bin"])
def test_answers_stay(name: str, options: dict[str, int], tmp_path: Path) -> None:
    model = firth.load(model_path(name))
    texts = [answer.text for answer in read_answers(name)[:36:3]]  # of the training text
    small = model.quantize(**options)  # type: ignore[arg-type]
    small.save(tmp_path / "f.ftz")
    again = firth.load(tmp_path / "f.ftz")
    labels, probabilities = again.predict(texts)
    assert labels == small.predict(texts).labels
    same = sum(found == expected for found, expected in zip(labels, model.predict(texts).labels, strict=True))
    assert same >= (4 if "cutoff" in options else 9)  # a third of the rows is not all that the answers need
    assert np.isfinite(probabilities).all()


def test_fasttext_loads_what_firth_wrote(tmp_path: Path) -> None:
    fasttext = pytest.importorskip("fasttext", reason="fastText is not installed")
    model = firth.load(model_path("hierarchical.bin"))
    model.quantize(cutoff=100).save(tmp_path / "f.ftz")
    other = fasttext.load_model(str(tmp_path / "f.ftz"))
    small = firth.load(tmp_path / "f.ftz")
    for answer in read_answers("hierarchical.bin"):
        found = other.f.predict(answer.text + b"\n", 3, 0.0, "strict")
        _, probabilities = small.predict_ids([answer.text], 3)
        np.testing.assert_allclose(probabilities[0, : len(found)], [number for number, _ in found], atol=1e-6)


def test_what_is_refused(tmp_path: Path) -> None:
    model = tiny_classifier()
    with pytest.raises(ParameterError, match="must not be quantized, got a quantized model"):
        firth.load(model_path("pruned.ftz")).quantize()
    with pytest.raises(ParameterError, match="cutoff must be at least 1, got 0"):
        model.quantize(part_dims=1, cutoff=0)
    with pytest.raises(ParameterError, match="part_dims must be at most 1, got 2"):
        model.quantize()
    with pytest.raises(ParameterError, match="seed must be at least 0, got -1"):
        model.quantize(part_dims=1, seed=-1)
    with pytest.raises(ParameterError, match="threads must be at least 1, got 0"):
        model.quantize(part_dims=1, threads=0)
    with pytest.raises(ParameterError, match="norms must be True or False, got 'no'"):
        model.quantize(part_dims=1, norms="no")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="output must be True or False, got 'matrix'"):
        model.quantize(part_dims=1, output="matrix")  # type: ignore[arg-type]
    rows = np.array(model.model.input_matrix)
    rows[3] = np.inf
    with pytest.raises(FormatError, match="NaN or an infinity in row 4"):
        Classifier(dataclasses.replace(model.model, input_matrix=rows)).quantize(part_dims=1)


def test_a_cutoff_that_leaves_no_word() -> None:
    stored = firth.load(model_path("softmax-ngrams.bin")).model
    rows = np.array(stored.input_matrix)
    rows[: stored.n_words] *= 1e-3
    entries = [entry.replace(b"</s>", b"then") for entry in stored.entries.all_encoded()]
    entries_without_end = type(stored.entries).pack(entries)
    model = Classifier(dataclasses.replace(stored, input_matrix=rows, entries=entries_without_end))
    with pytest.raises(ParameterError, match="cutoff must keep at least one word, got 5"):
        model.quantize(cutoff=5)


def test_the_command(tmp_path: Path) -> None:
    def run(*arguments: object) -> str:
        words = ["quantize", str(model_path("softmax-ngrams.bin")), *map(str, arguments)]
        result = CliRunner().invoke(app, words, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    printed = run("-o", tmp_path / "f.ftz", "--cutoff", 100, "--no-norms", "--part-dims", 1, "--output-matrix")
    assert "bytes became" in printed
    small = firth.load(tmp_path / "f.ftz").model
    assert small.input_matrix.shape == (100, 4)
    assert small.input_matrix.norms is None
    assert small.output_matrix.codes.shape == (5, 2)
    with pytest.raises(StorageError, match="exists; choose another name"):
        run("-o", tmp_path / "f.ftz")
    run("-o", tmp_path / "f.ftz", "--overwrite")


def test_the_command_tells_the_size_of_the_model_that_it_replaces(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(model_path("softmax-ngrams.bin").read_bytes())
    n_bytes = path.stat().st_size
    arguments = ["quantize", str(path), "-o", str(path), "--overwrite", "--cutoff", "100"]
    printed = CliRunner().invoke(app, arguments, catch_exceptions=False).stdout
    assert path.stat().st_size < n_bytes
    assert printed.startswith(f"{n_bytes:,} bytes became {path.stat().st_size:,} (")
