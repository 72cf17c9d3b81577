"""Files of vectors beyond 4 GB: a model of more than 2^32 numbers in a sparse file; real files in a slow test."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import firth
from firth.base.words import pack_words
from firth.formats.model_folder import read_model_folder
from firth.formats.safetensors import StoredTensor, encode_safetensors_header

BORDER = 1 << 32
V, D = 260, 1 << 24  # a row has 64 MB; the matrix has more than 2^32 numbers


@pytest.fixture
def model(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """A model of 17 GB in a sparse file: only its last rows have numbers that are not zero."""
    matrix = np.broadcast_to(np.float32(0), (V, D))  # of one number; only its shape is used
    word_bytes, offsets = pack_words(f"word{number}" for number in range(V))
    arrays = {
        "input_vectors": matrix,
        "counts": np.arange(V, 0, -1),
        "words": word_bytes,
        "word_offsets": offsets,
    }
    stored = {name: StoredTensor(array, array.dtype) for name, array in arrays.items()}
    header, order = encode_safetensors_header(stored)
    size = len(header) + sum(tensor.nbytes for tensor in stored.values())
    assert size > 4 * BORDER
    folder = tmp_path / "model"
    folder.mkdir()
    name = f"model-{'0' * 16}.safetensors"
    last = np.zeros((2, 8), np.float32)
    last[0, :3], last[1, :3] = (1, 2, 3), (3, 2, 1)
    with open(folder / name, "wb") as file:
        file.truncate(size)
        file.write(header)
        at = len(header)
        for tensor_name in order:
            if tensor_name == "input_vectors":
                for row in (0, 1):
                    file.seek(at + (V - 2 + row) * D * 4)
                    file.write(last[row].tobytes())
            else:
                file.seek(at)
                file.write(arrays[tensor_name].tobytes())
            at += stored[tensor_name].nbytes
    tensors = {"file": name, "bytes": size, "sha256": "0" * 64}
    config = {"format": "firth-model", "format_version": 1, "kind": "vectors", "tensors": tensors}
    (folder / "config.json").write_text(json.dumps(config))
    assert (folder / name).stat().st_blocks * 512 < 1 << 20
    return folder, last


def test_a_model_beyond_4_gb_is_mapped(model: tuple[Path, np.ndarray]) -> None:
    folder, last = model
    _, tensors = read_model_folder(folder)
    vectors = firth.WordVectors(
        firth.vectors.words.PackedWords(tensors["words"], tensors["word_offsets"]),
        tensors["input_vectors"],
        tensors["counts"],
    )
    assert vectors.matrix.shape == (V, D)
    assert vectors.count(f"word{V - 1}") == 1
    np.testing.assert_array_equal(vectors.matrix[-2:, :8], last)
    assert vectors.similarity(f"word{V - 2}", f"word{V - 1}") == pytest.approx(10 / 14)


def test_blocks_of_a_tensor_are_its_bytes() -> None:
    """Rows with padding, one number, no number, other byte orders, and rounding: without a copy of the whole."""
    padded = np.arange(70_000, dtype=np.float32).reshape(-1, 100)[:, :90]
    empty = np.zeros((0, 4)), np.zeros((4, 0))
    for array in (padded, padded.copy(), np.arange(5.0), np.array(3.5), *empty):
        stored = StoredTensor.of("input_vectors", array, "float32")
        assert b"".join(block.tobytes() for block in stored.blocks()) == array.tobytes()
        assert stored.nbytes == array.nbytes
    big_endian = StoredTensor.of("counts", np.arange(9, dtype=">i8"), "float32")
    assert b"".join(block.tobytes() for block in big_endian.blocks()) == np.arange(9, dtype="<i8").tobytes()
    halves = StoredTensor.of("input_vectors", padded / 7, "float16")
    assert b"".join(block.tobytes() for block in halves.blocks()) == (padded / 7).astype("<f2").tobytes()
    large = np.broadcast_to(np.float32(1), (3 << 20, 1)).copy()
    blocks = [len(block) for block in StoredTensor.of("input_vectors", large, "float32").blocks()]
    assert (sum(blocks), max(blocks)) == (large.nbytes, 4 << 20)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["vectors.bin", "model"])
def test_a_file_beyond_4_gb_is_written_and_read(name: str, tmp_path: Path) -> None:
    """4.3 GB of disk, and as much memory for the format that is not mapped."""
    n_words, n_dims = BORDER // 4096 + 700, 1024
    with open(tmp_path / "matrix", "wb") as file:
        file.truncate(n_words * n_dims * 4)
    matrix = np.memmap(tmp_path / "matrix", np.float32, "r+", shape=(n_words, n_dims))
    matrix[-3:, 0] = matrix[:3, 1] = (1, 2, 3)
    vectors = firth.WordVectors([f"w{number}" for number in range(n_words)], matrix)
    vectors.save(tmp_path / name)
    read = firth.read_vectors(tmp_path / name)
    assert read.words[-1] == f"w{n_words - 1}"
    assert read.matrix.shape == (n_words, n_dims)
    np.testing.assert_array_equal(read.matrix[-3:], matrix[-3:])
    np.testing.assert_array_equal(read.matrix[:3], matrix[:3])
