"""Room tests/cli: the small text files that commands read: byte-order marks, UTF-16, files that are no text."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path

import pytest

import firth
from firth.classification.labelled_text import read_labelled_texts
from firth.cli.main import main
from firth.errors import CorpusError, EncodingError

MARK = b"\xef\xbb\xbf"


def _train(tmp_path: Path, *arguments: str) -> int:
    (tmp_path / "corpus.txt").write_bytes(b"north east\nsouth west\n" * 5)
    options = ["--min-count=1", "--dims=2", "--epochs=1", "--subsample=0", "--threads=1", "-q", "--overwrite"]
    return main(["train", str(tmp_path / "corpus.txt"), "-o", str(tmp_path / "model"), *options, *arguments])


def test_sequence_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "weights.txt"
    path.write_bytes(MARK + b"1\n" * 5 + MARK + b"2\n" * 5)
    assert _train(tmp_path, "--sequence-weights", str(path)) == 0
    for data, message in (
        (("1\n" * 10).encode("utf-16"), "got text that begins like UTF-16LE"),
        (("1\n" * 10).encode("utf-16-be"), "got text that begins like UTF-16BE"),
        (gzip.compress(b"1\n" * 10), "is gzip data"),
        (b"1\n\xff\n", "got byte 0xff at offset 2"),
    ):
        path.write_bytes(data)
        assert _train(tmp_path, "--sequence-weights", str(path)) == 2
        told = " ".join(capsys.readouterr().err.split())
        assert "--sequence-weights must be a text file with one number a line" in told
        assert message in told


def test_a_vocabulary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(MARK + b"north 4\neast 3\nsouth 2\nwest 1\nup 1\n")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert _train(tmp_path, "--vocabulary", str(path)) == 0
    assert "note: vocabulary has 1 of 5 words that never occur in the corpus ('up')" in capsys.readouterr().err
    assert list(firth.load(tmp_path / "model").vectors.words) == ["north", "east", "south", "west", "up"]
    path.write_bytes("north 4\neast 3\n".encode("utf-16"))
    assert _train(tmp_path, "--vocabulary", str(path)) == 2
    assert "UTF-16LE" in capsys.readouterr().err


def test_labelled_texts(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_bytes((MARK + b"__label__up north\n__label__down south\n") * 2)
    assert read_labelled_texts(path).labels == [["up"], ["down"]] * 2
    path.write_bytes("__label__up north\n".encode("utf-16-le"))
    with pytest.raises(EncodingError, match="UTF-16LE"):
        read_labelled_texts(path)
    path.write_bytes(b"%PDF-1.4\n__label__up north\n")
    with pytest.raises(CorpusError, match="a PDF file"):
        read_labelled_texts(path)
