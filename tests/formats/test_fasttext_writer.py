"""Supervised models written for fastText: its own files come back byte for byte, and it loads what firth wrote."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from firth.base.words import WordBuffer
from firth.errors import FormatError, StorageError
from firth.formats.fasttext_model import read_classifier
from firth.formats.fasttext_writer import write_classifier

GOLDEN = Path(__file__).parents[1] / "classification" / "golden"
SMALL = sorted(path for path in GOLDEN.iterdir() if path.suffix in (".bin", ".ftz"))


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.name)
def test_files_of_fasttext_come_back_byte_for_byte(path: Path, tmp_path: Path) -> None:
    write_classifier(tmp_path / "f", read_classifier(path))
    assert (tmp_path / "f").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["lid.176.ftz", "cooking.model.bin"])
def test_real_models_come_back_byte_for_byte(name: str, tmp_path: Path) -> None:
    if not os.environ.get("FIRTH_DATA"):
        pytest.skip("FIRTH_DATA is not set: the files of other programs are not at hand")
    path = Path(os.environ["FIRTH_DATA"]) / "interop" / name
    write_classifier(tmp_path / "f", read_classifier(path))
    assert (tmp_path / "f").read_bytes() == path.read_bytes()


def test_what_is_refused(tmp_path: Path) -> None:
    model = read_classifier(GOLDEN / "softmax.bin")
    write_classifier(tmp_path / "f", model)
    with pytest.raises(StorageError, match="exists; choose another name"):
        write_classifier(tmp_path / "f", model)
    entries = [b"a\0b", *list(model.entries.all_encoded())[1:]]
    with pytest.raises(FormatError, match="a byte of 0; rename it"):
        write_classifier(tmp_path / "g", dataclasses.replace(model, entries=WordBuffer.pack(entries)))
    assert not (tmp_path / "g").exists()


def test_a_model_may_replace_the_file_that_it_is_mapped_from(tmp_path: Path) -> None:
    path = tmp_path / "f.bin"
    path.write_bytes((GOLDEN / "softmax.bin").read_bytes())
    model = read_classifier(path)
    write_classifier(path, model, overwrite=True)
    assert np.array_equal(read_classifier(path).input_matrix, model.input_matrix)  # type: ignore[arg-type]
    assert path.read_bytes() == (GOLDEN / "softmax.bin").read_bytes()
