"""Room tests/cli: messages name the flags of the command that ran, where Python's functions name parameters."""

from __future__ import annotations

from pathlib import Path

import pytest

from firth.cli.flags import name_flags
from firth.cli.vector_flags import VectorFile

REPEATED = "3 2\nnorth 1 2\nsouth 3 4\nnorth 5 6\n"
LATIN_1 = "2 2\ncaf\xe9 1 2\nsouth 3 4\n"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('pass encoding_errors="replace"', "pass --encoding-errors replace"),
        ("min_count=5 leaves no word; lower min_count", "--min-count 5 leaves no word; lower --min-count"),
        ("freeze=True must come with initial_vectors, whose", "--freeze must come with --initial-vectors, whose"),
        ('loss="softmax" (--loss softmax) compares', "--loss softmax compares"),
        ('add heldout="1%", or stop_metric= a function', "add --heldout 1%, or stop_metric= a function"),
        ("min_count/min_count.txt: no such file", "min_count/min_count.txt: no such file"),
        ("'min_count' is no word", "'min_count' is no word"),
        ("other_name=3, dims=0x1p-3", "other_name=3, --dims 0x1p-3"),
        ("learning_rate must be above 0, got 0", "--learning-rate must be above 0, got 0"),
        ("the rate is min_count.", "the rate is --min-count."),
        ("dims must be at least 1, got 0; lower dims", "--dims must be at least 1, got 0; lower dims"),
        ("words must be strings", "words must be strings"),
        ('name them: freeze=["a", "b"]', "name them: --freeze a,b"),
        ("or pass two of them: freeze=[...]", "or pass two of them: --freeze A,B"),
    ],
)
def test_parameters_become_flags(message: str, expected: str) -> None:
    flags = {"encoding-errors", "min-count", "freeze", "initial-vectors", "loss", "heldout", "dims", "learning-rate"}
    assert name_flags(message, {f"--{flag}" for flag in flags}) == expected


@pytest.mark.parametrize(
    ("text", "converted"),
    [
        (REPEATED, "--duplicates first"),
        (LATIN_1, "--encoding-errors replace"),
    ],
    ids=["repeated", "latin-1"],
)
def test_a_vector_file_is_read_by_the_flag_that_is_named(run, tmp_path: Path, text: str, converted: str) -> None:
    (tmp_path / "vectors.txt").write_bytes(text.encode("latin-1"))
    done = run("convert", "vectors.txt", "new.npz")
    assert done.returncode == 2
    assert f"pass {converted}" in done.stderr
    assert "=" not in done.stderr
    assert run("neighbors", "vectors.txt", "south", *converted.split()).returncode == 0
    (tmp_path / "corpus.txt").write_text("north south\n" * 50)
    start = ("train", "corpus.txt", "-o", "model", "--dims", "2", "--subsample", "0", "--initial-vectors")
    done = run(*start, "vectors.txt")  # has no such flag
    assert done.returncode == 2
    assert f"`firth convert FILE NEW {converted}`" in done.stderr
    assert "=" not in done.stderr
    assert run("convert", "vectors.txt", "new.npz", *converted.split()).returncode == 0
    assert run(*start, "new.npz", "--learning-rate", "0.5").returncode == 0


def test_a_corpus_is_read_by_the_flag_that_is_named(run, tmp_path: Path) -> None:
    (tmp_path / "corpus.txt").write_bytes("caf\xe9 au lait\n".encode("latin-1") * 9)
    done = run("train", "corpus.txt", "-o", "model")
    assert (done.returncode, "or pass --encoding-errors replace" in done.stderr) == (2, True), done.stderr
    done = run("train", "corpus.txt", "-o", "model", "--encoding-errors", "replace", "--subsample", "0")
    assert done.returncode == 0


def test_standard_input_that_is_closed(run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.cli.neighbors.sys.stdin", None)
    from firth.cli import neighbors

    with pytest.raises(neighbors.ParameterError, match="words must be given if standard input is closed"):
        neighbors.neighbors.__wrapped__(VectorFile(model))  # type: ignore[attr-defined]
