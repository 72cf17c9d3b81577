"""Every function that writes a file for a user: the old file stays where writing fails, else its mode does."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firth.compat.cs224n.sgd import save_params
from firth.compat.gensim.models import KeyedVectors
from firth.corpus.vocabulary import Vocabulary
from firth.errors import StorageError
from firth.estimators.confusion import compute_confusion
from firth.formats.registry import write_vectors
from firth.formats.table import VectorTable
from firth.vectors.plot import plot_words
from firth.vectors.word_vectors import WordVectors

WORDS = ["a", "b", "c"]
MATRIX = np.arange(9, dtype=np.float32).reshape(3, 3) % 4


def keyed() -> KeyedVectors:
    vectors = KeyedVectors(3)
    vectors.add_vectors(WORDS, MATRIX)
    for count, word in enumerate(WORDS, 1):
        vectors.set_vecattr(word, "count", count)
    return vectors


def save_parameters(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        save_params(1, MATRIX)
    finally:
        os.chdir(here)


WRITERS: dict[str, Callable[[Path], object]] = {
    "v.txt": lambda path: write_vectors(path, VectorTable(WORDS, MATRIX), overwrite=True),
    "vocabulary.txt": lambda path: Vocabulary(tuple(WORDS), np.array([3, 2, 1])).save(path),
    "vocabulary.safetensors": lambda path: Vocabulary(tuple(WORDS), np.array([3, 2, 1])).save(path),
    "words.png": lambda path: plot_words(WordVectors(WORDS, MATRIX), WORDS, path),
    "confusion.png": lambda path: compute_confusion(["x", "y"], ["x", "x"]).save_picture(path),
    "keyed": lambda path: keyed().save(path),
    "counts.vocab": lambda path: keyed().save_word2vec_format(path.with_suffix(".txt"), fvocab=path),
    "saved_params_1.npz": save_parameters,
}


@pytest.mark.parametrize("name", WRITERS)
def test_an_old_file_keeps_its_mode_and_stays_where_writing_fails(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write = tmp_path / name, WRITERS[name]
    path.write_text("old")
    path.chmod(0o600)
    (tmp_path / f"{name}.part").write_text("mine")
    (tmp_path / f".{name}.unfinished").write_text("mine")
    real = os.open

    def full(place: object, flags: int, *more: int, **named: int) -> int:
        if flags & os.O_CREAT and str(place).endswith("content"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(place, flags, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(StorageError, match=r"cannot be written|could not be written"):
        write(path)
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert not list(tmp_path.glob(".*.tmp"))
    write(path)
    assert path.read_bytes() != b"old"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / f"{name}.part").read_text() == "mine"
    assert (tmp_path / f".{name}.unfinished").read_text() == "mine"
