"""Damaged classifiers of fastText: each fault has its own error, and nothing is allocated for what a header claims."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from firth.errors import FormatError
from firth.formats.fasttext_model import QuantizedMatrix, read_classifier
from firth.formats.registry import read_vectors

GOLDEN = Path(__file__).parents[1] / "classification" / "golden"
DIM, WORD_NGRAMS, LOSS, MODEL, BUCKET, MINN, MAXN = (8 + 4 * place for place in (0, 5, 6, 7, 8, 9, 10))
SIZE, N_WORDS, N_LABELS, N_PRUNED = 64, 68, 72, 84


def _with(name: str, *changes: tuple[int, str, int], cut: int | None = None) -> bytes:
    data = bytearray((GOLDEN / name).read_bytes())
    for at, layout, value in changes:
        struct.pack_into(layout, data, at, value)
    return bytes(data[:cut])


def _sizes(name: str) -> tuple[int, int, int]:
    return struct.unpack_from("<3i", (GOLDEN / name).read_bytes(), SIZE)


def _end_of_dictionary(name: str) -> int:
    data = (GOLDEN / name).read_bytes()
    at = 92
    for _ in range(_sizes(name)[0]):
        at = data.index(b"\0", at) + 10
    return at


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_with("softmax.bin", (4, "<i", 13)), "version must be 11 or 12, got 13"),
        (_with("softmax.bin", (DIM, "<i", 0)), "dim must lie in 1 to 1048576, got 0"),
        (_with("softmax.bin", (LOSS, "<i", 5)), "loss must be one of .*, got 5"),
        (_with("softmax.bin", (MODEL, "<i", 2)), "a fastText model of word vectors, which has no labels"),
        (_with("softmax.bin", (MODEL, "<i", 9)), "fastText's model must be 1"),
        (_with("softmax.bin", (WORD_NGRAMS, "<i", 2)), "bucket must be at least 1 in a model with n-grams, got 0"),
        (_with("softmax.bin", (WORD_NGRAMS, "<i", 99)), "wordNgrams must lie in 0 to 64, got 99"),
        (_with("softmax.bin", (MAXN, "<i", 99)), "minn and maxn must lie in 0 to 64"),
        (_with("softmax.bin", (BUCKET, "<i", -1)), "bucket must not be negative, got -1"),
        (_with("softmax.bin", (BUCKET, "<i", 2**31 - 1)), "must have at most 2147483647 rows"),
        (_with("softmax.bin", (BUCKET, "<i", 2**30)), r"must have \d+ \+ 1073741824 rows"),
        (_with("softmax.bin", (SIZE, "<i", 2**31 - 1), (N_WORDS, "<i", 2**31 - 6)), "announces 2147483647 entries"),
        (_with("softmax.bin", (SIZE, "<i", 3)), "entries must be the sum of words and labels, got 3"),
        (_with("softmax.bin", (N_WORDS, "<i", 2), (SIZE, "<i", 7)), "must be a label"),
        (_with("softmax.bin", (N_PRUNED, "<q", 0)), "pruned model must have a quantized input matrix"),
        (_with("softmax.bin", (N_PRUNED, "<q", 2**40)), "1099511627776 n-grams that pruning kept needs"),
        (_with("softmax.bin", cut=-1), "the output matrix needs .* are left: the file is cut"),
        (_with("softmax.bin") + b"!", "must end after the output matrix, got 1 more bytes"),
        (_with("softmax.bin")[8:], "layout of before July 2017"),
        (_with("softmax.bin", (len(_with("softmax.bin")) - 4, "<I", 0x7FC00000)), "NaN or an infinity in row 5"),
        (_with("pruned.ftz", (N_PRUNED, "<q", 1)), "have rows in 0 to 0, got n-grams"),
        (_with("pruned.ftz", (_end_of_dictionary("pruned.ftz"), "<i", 5000)), "kept n-grams must lie in 0 to 4999"),
        (
            _with("quantized.ftz", (_end_of_dictionary("quantized.ftz") + 2, "<q", 2**40)),
            "must have between 1 and 7 codes",
        ),
        (_with("quantized.ftz", (_end_of_dictionary("quantized.ftz") + 10, "<q", 8)), "must have 7 columns, got"),
        (
            _with("quantized.ftz", (_end_of_dictionary("quantized.ftz") + 18, "<i", 2**31 - 1)),
            "must have between 1 and 7",
        ),
    ],
)
def test_each_fault_has_its_error(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as caught:
        read_classifier(path)
    assert str(path) in str(caught.value)


def test_label_counts_that_make_no_tree(tmp_path: Path) -> None:
    data = bytearray((GOLDEN / "hierarchical.bin").read_bytes())
    struct.pack_into("<q", data, _end_of_dictionary("hierarchical.bin") - 9, 10**15)
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(FormatError, match="counts of labels must be at least 0 and their sum below 1000000000000000"):
        read_classifier(tmp_path / "f")


@pytest.mark.parametrize("name", ["one-label.bin", "quantized-output.ftz"])
def test_every_cut_is_an_error(name: str, tmp_path: Path) -> None:
    good = (GOLDEN / name).read_bytes()
    for size in range(0, len(good), 1 if len(good) < 5000 else 97):
        (tmp_path / "f").write_bytes(good[:size])
        with pytest.raises(FormatError):
            read_classifier(tmp_path / "f")


def test_version_11_has_no_character_ngrams(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(_with("hierarchical.bin", (4, "<i", 11)))
    assert read_classifier(GOLDEN / "hierarchical.bin").arguments.max_chars == 2
    assert read_classifier(tmp_path / "f").arguments.max_chars == 0


def test_quantized_rows(tmp_path: Path) -> None:
    """Centroid after centroid, by hand: parts of two columns, the last one of one, and a norm."""
    centroids = np.arange(3 * 256, dtype=np.float32)
    codes = np.array([[0, 0], [1, 255]], dtype=np.uint8)
    norms = np.linspace(0, 25.5, 256, dtype=np.float32)
    plain = QuantizedMatrix(codes, centroids, 2)
    assert plain.shape == (2, 3)
    assert plain.to_dense().tolist() == [[0, 1, 512], [2, 3, 512 + 255]]
    scaled = QuantizedMatrix(codes, centroids, 2, np.array([10, 20], np.uint8), norms)
    np.testing.assert_allclose(scaled.to_dense(), [[0, 1, 512], [4, 6, 1534]], rtol=1e-6)


def test_vectors_are_not_read_from_a_classifier() -> None:
    with pytest.raises(FormatError, match="classifier of texts; open it with firth.load"):
        read_vectors(GOLDEN / "softmax.bin")
