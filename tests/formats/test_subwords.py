"""N-grams in files: fastText's .bin both ways, model folders, and what is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import vector_file_makers as makers

from firth.errors import FormatError
from firth.formats.registry import convert, guess_format, read_vectors, write_vectors
from firth.formats.table import VectorTable
from firth.vectors.conversion import as_word_vectors

WORDS = ["the", "naïve", "</s>", "которого", "日本語", "a", "😀x"]
BUCKETS = 7


@pytest.fixture
def input_rows() -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(5).normal(size=(len(WORDS) + BUCKETS, 4)).astype(np.float32)


@pytest.fixture
def path(input_rows, tmp_path: Path) -> Path:  # type: ignore[no-untyped-def]
    (tmp_path / "m.bin").write_bytes(makers.fasttext(WORDS, input_rows))
    return tmp_path / "m.bin"


def expected_vector(word: str, input_rows) -> np.ndarray:  # type: ignore[no-untyped-def,type-arg]
    ids = [len(WORDS) + makers.fasttext_hash(ngram) % BUCKETS for ngram in makers.fasttext_ngrams(word.encode(), 2, 4)]
    return np.asarray(input_rows[ids].astype(np.float64).mean(axis=0))


def test_a_file_of_fasttext_composes(path: Path, input_rows) -> None:  # type: ignore[no-untyped-def]
    for name in ("m.bin", "m.bin.gz"):
        (path.parent / "m.bin.gz").write_bytes(gzip.compress(path.read_bytes()))
        vectors = as_word_vectors(path.parent / name)
        for word in ("theory", "日本", "б", "naïv", "</s"):
            assert word not in vectors
            np.testing.assert_allclose(vectors[word], expected_vector(word, input_rows), atol=1e-6)


def test_the_rows_of_a_file_stay_in_the_file(path: Path) -> None:
    table = read_vectors(path)
    assert table.subwords is not None
    assert not table.subwords.ngram_rows.flags.owndata
    assert not table.subwords.ngram_rows.flags.writeable


@pytest.mark.parametrize(("min_chars", "max_chars"), [(0, 0), (3, 0), (4, 2)])
def test_a_file_without_ngrams_has_none(min_chars: int, max_chars: int, input_rows, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "m.bin").write_bytes(makers.fasttext(WORDS, input_rows, min_chars=min_chars, max_chars=max_chars))
    assert read_vectors(tmp_path / "m.bin").subwords is None


def test_a_length_of_0_is_one_of_1(input_rows, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "m.bin").write_bytes(makers.fasttext(WORDS, input_rows, min_chars=0, max_chars=2))
    subwords = read_vectors(tmp_path / "m.bin").subwords
    assert subwords is not None
    assert (subwords.rules.min_ngram, subwords.rules.max_ngram) == (1, 2)


def test_from_fasttext_to_a_folder_and_back(path: Path, input_rows, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    convert(path, tmp_path / "folder")
    convert(tmp_path / "folder", tmp_path / "back.bin")  # .bin, as it has n-grams
    assert guess_format(tmp_path / "back.bin") == "fasttext-bin"
    original, back = path.read_bytes(), (tmp_path / "back.bin").read_bytes()
    matrix = input_rows.astype("<f4").tobytes()
    at, found_at = original.index(matrix), back.index(matrix)
    words_at = original.index(b"the\0")
    assert back[back.index(b"the\0") : found_at] == original[words_at:at]  # the dictionary and the sizes
    assert len(back) == len(original)
    vectors = as_word_vectors(tmp_path / "back.bin")
    np.testing.assert_array_equal(vectors.matrix, read_vectors(path).matrix)
    np.testing.assert_allclose(vectors["theory"], expected_vector("theory", input_rows), atol=1e-6)


def test_a_folder_in_half_precision(path: Path, input_rows, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    convert(path, tmp_path / "folder", storage="float16")
    vectors = as_word_vectors(tmp_path / "folder")
    assert vectors.subword_rows is not None
    assert vectors.subword_rows.ngram_rows.dtype == np.float16
    np.testing.assert_allclose(vectors["theory"], expected_vector("theory", input_rows), atol=2e-3)
    convert(tmp_path / "folder", tmp_path / "back.bin")
    np.testing.assert_allclose(as_word_vectors(tmp_path / "back.bin")["theory"], vectors["theory"], atol=1e-6)


def test_vectors_without_ngrams_make_a_model_without_buckets(tmp_path: Path) -> None:
    table = VectorTable(["x", "y z"], np.array([[1, 2], [3, 4]], np.float32))
    write_vectors(tmp_path / "m.bin", table, "fasttext-bin")
    found = read_vectors(tmp_path / "m.bin")
    assert (found.words, found.subwords) == (table.words, None)
    np.testing.assert_array_equal(found.matrix, table.matrix)


def test_limit_and_duplicates_keep_composing(path: Path, input_rows, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    vectors = as_word_vectors(read_vectors(path, limit=2))
    np.testing.assert_allclose(vectors["theory"], expected_vector("theory", input_rows), atol=1e-6)
    rows = np.vstack([input_rows[:2], input_rows[:1], input_rows[-BUCKETS:]])
    (tmp_path / "twice.bin").write_bytes(makers.fasttext(["the", "naïve", "the"], rows))
    table = read_vectors(tmp_path / "twice.bin", duplicates="first")
    assert table.subwords is not None
    assert table.subwords.word_rows is not None
    np.testing.assert_array_equal(table.subwords.word_rows, input_rows[:2])


def test_words_that_fasttext_cannot_hold(tmp_path: Path) -> None:
    table = VectorTable(["x\0y"], np.ones((1, 2), np.float32))
    with pytest.raises(FormatError, match=r"row 1: fastText .bin cannot hold the word 'x\\x00y'"):
        write_vectors(tmp_path / "m.bin", table, "fasttext-bin")
    assert not (tmp_path / "m.bin").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"buckets": 6}, "ngram_rows must have a row for each of 6 buckets, got 7"),
        ({"buckets": 2**31}, "buckets must be at most 2147483647, got 2147483648"),
        ({"min_ngram": 5}, "min_ngram must be at most the max_ngram of 4, got 5"),
        ({"end_has_ngrams": 1}, "end_has_ngrams must be true or false, got 1"),
        ({"other": 1}, '"subwords" must have the rules of n-grams'),
        (None, '"subwords" must have the rules of n-grams, got'),
    ],
)
def test_a_folder_whose_rules_are_damaged(change, message: str, path: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    convert(path, tmp_path / "folder")
    config = json.loads((tmp_path / "folder" / "config.json").read_text())
    config["subwords"] = None if change is None else config["subwords"] | change
    (tmp_path / "folder" / "config.json").write_text(json.dumps(config))
    with pytest.raises(FormatError, match=message):
        read_vectors(tmp_path / "folder")


def test_the_end_of_a_sentence_keeps_its_vector(input_rows, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """In the older layout it has n-grams, in the layout that firth writes it has none."""
    (tmp_path / "old.bin").write_bytes(makers.fasttext(WORDS, input_rows, version=None))
    convert(tmp_path / "old.bin", tmp_path / "new.bin")
    old, new = read_vectors(tmp_path / "old.bin"), read_vectors(tmp_path / "new.bin")
    np.testing.assert_array_equal(new.matrix, old.matrix)
    assert old.subwords is not None
    assert old.subwords.rules.end_has_ngrams
