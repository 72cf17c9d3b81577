"""fastText's model files, built from their grammar, against a second implementation of its n-grams."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import vector_file_makers as makers

from firth.errors import FormatError
from firth.formats.registry import guess_format, read_vectors

WORDS = ["the", "naïve", "</s>", "которого", "日本語", "a", "😀x"]
BUCKETS = 7


@pytest.fixture
def input_rows() -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(5).normal(size=(len(WORDS) + BUCKETS, 4)).astype(np.float32)


@pytest.mark.parametrize(("min_chars", "max_chars"), [(2, 4), (1, 3), (0, 0), (3, 6), (1, 1), (0, 2)])
@pytest.mark.parametrize("version", [11, 12])
def test_vectors(version: int, min_chars: int, max_chars: int, input_rows, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    content = makers.fasttext(WORDS, input_rows, version=version, min_chars=min_chars, max_chars=max_chars)
    (tmp_path / "m.bin").write_bytes(content)
    assert guess_format(tmp_path / "m.bin") == "fasttext-bin"
    found = read_vectors(tmp_path / "m.bin")
    assert found.words == WORDS
    assert found.counts is not None
    assert found.counts.tolist() == [1000 - i for i in range(len(WORDS))]
    for i, word in enumerate(WORDS):
        expected = makers.fasttext_vector(i, word.encode(), input_rows, len(WORDS), BUCKETS, min_chars, max_chars)
        np.testing.assert_allclose(found.matrix[i], expected, rtol=1e-5, atol=1e-6)
    assert read_vectors(tmp_path / "m.bin", limit=2).words == WORDS[:2]


def test_the_older_layout_gives_the_end_of_sentence_its_ngrams(input_rows, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "m.bin").write_bytes(makers.fasttext(WORDS, input_rows, version=None))
    found = read_vectors(tmp_path / "m.bin")
    ngrams = makers.fasttext_ngrams(b"</s>", 2, 4)
    ids = [2, *(len(WORDS) + makers.fasttext_hash(ngram) % BUCKETS for ngram in ngrams)]
    np.testing.assert_allclose(found.matrix[2], input_rows[ids].mean(axis=0), rtol=1e-5, atol=1e-6)


def test_the_hash_extends_the_sign_of_each_byte() -> None:
    """FNV-1a's published value for ASCII; a different one where a byte is over 127."""
    assert makers.fasttext_hash(b"foobar") == 0xBF9CF968
    plain = makers.FNV_OFFSET
    for byte in "é".encode():
        plain = (plain ^ byte) * makers.FNV_PRIME & 0xFFFFFFFF
    assert makers.fasttext_hash("é".encode()) != plain


def test_compressed_models_and_other_encodings(input_rows, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    words = ["ß", "fünf"]
    content = makers.fasttext(words, input_rows[: 2 + BUCKETS], encoding="latin-1")
    (tmp_path / "m.bin.gz").write_bytes(gzip.compress(content))
    assert read_vectors(tmp_path / "m.bin.gz", encoding="latin-1").words == words
    with pytest.raises(FormatError, match="row 1 .*not valid UTF-8"):
        read_vectors(tmp_path / "m.bin.gz")


@pytest.mark.parametrize("version", [11, 12, None])
@pytest.mark.parametrize("model", [1, 2])
def test_the_model_decides_and_not_its_words(model: int, version: int | None, input_rows, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """fastText stores words with the label's prefix as labels in every model; they have no row of the matrix."""
    plain = tmp_path / "plain.bin"
    plain.write_bytes(makers.fasttext(WORDS, input_rows, model=model, version=version))
    labelled = tmp_path / "labelled.bin"
    labelled.write_bytes(makers.fasttext(WORDS, input_rows, model=model, version=version, n_labels=3))
    expected, found = read_vectors(plain), read_vectors(labelled)
    assert found.words == expected.words == WORDS
    np.testing.assert_array_equal(found.matrix, expected.matrix)
    np.testing.assert_array_equal(found.counts, expected.counts)


def test_a_label_among_the_words_is_damage(input_rows, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    good = makers.fasttext(["a", "b"], input_rows[:9], n_labels=1)
    entry = b"b\0" + struct.pack("<qb", 999, 0)
    assert good.count(entry) == 1
    (tmp_path / "m.bin").write_bytes(good.replace(entry, b"b\0" + struct.pack("<qb", 999, 1)))
    with pytest.raises(FormatError, match=r"row 2 .*must be a word \(0\), got 1"):
        read_vectors(tmp_path / "m.bin")


def test_models_that_are_refused_by_name(input_rows, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    good = makers.fasttext(WORDS, input_rows)
    cases = {
        "supervised": (makers.fasttext(WORDS, input_rows, model=3), "supervised fastText model"),
        "supervised with labels": (makers.fasttext(WORDS, input_rows, model=3, n_labels=2), "supervised fastText"),
        "quantised": (makers.fasttext(WORDS, input_rows, quantized=True), "input matrix must not be quantized"),
        "pruned": (makers.fasttext(WORDS, input_rows, n_pruned=3), "quantized and pruned"),
        "version": (makers.fasttext(WORDS, input_rows, version=13), "version must be 11 or 12, got 13"),
        "rows": (makers.fasttext(WORDS, input_rows[:-1]), r"must have 7 \+ 7 rows, got 13"),
        "ngrams": (makers.fasttext(WORDS, input_rows, max_chars=1_000_000), "minn and maxn must lie in 0 to 64"),
        "empty word": (makers.fasttext(["a", ""], input_rows[:9]), "row 2 .*must have a word"),
        "repeated": (makers.fasttext(["a", "a"], input_rows[:9]), "row 2: the word 'a'"),
        "NaN": (makers.fasttext(WORDS, input_rows * np.float32("nan")), "row 1: .*NaN"),
        "trailing": (good + b"!", "must end after the output matrix, got 1 more bytes"),
        "no magic": (b"\x01" + good[1:], "not a fastText model"),
    }
    for name, (content, message) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FormatError, match=message):
            read_vectors(tmp_path / name, "fasttext-bin")


def test_every_cut_is_an_error(input_rows, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for version in (12, None):
        good = makers.fasttext(WORDS[:2], input_rows[:9, :1], version=version)
        for size in range(len(good)):
            (tmp_path / "m.bin").write_bytes(good[:size])
            with pytest.raises(FormatError):
                read_vectors(tmp_path / "m.bin", "fasttext-bin")


def test_ngrams_pruned_to_none(input_rows, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "m.bin").write_bytes(makers.fasttext(WORDS, input_rows, n_pruned=0))
    assert np.array_equal(read_vectors(tmp_path / "m.bin").matrix, input_rows[: len(WORDS)])


def test_makers_agree_with_the_layout() -> None:
    assert makers.fasttext(["a"], np.zeros((8, 2), dtype=np.float32))[:8] == struct.pack("<2i", 793712314, 12)
