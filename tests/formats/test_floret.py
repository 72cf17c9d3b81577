"""floret's tables: every word gets floret's own vector; what has no answer without a vocabulary; damaged tables."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

import firth
from firth.errors import FormatError, ParameterError, UnknownWordError
from firth.formats.floret import FloretRows, FloretRules
from firth.formats.registry import convert, guess_format, read_vectors, write_vectors
from firth.formats.table import VectorTable

GOLDEN = Path(__file__).parent / "golden"
TABLES = sorted(GOLDEN.glob("*.floret"))
HEADER = b"2 3 2 3 2 2166136261 < >\n"
OTHERS = ["kanori", "日本", "never"]
ROWS = b"0 0.5 -1 2e-3 \n1 1 2 3 \n"


def cosine(first: np.ndarray, second: np.ndarray) -> float:  # type: ignore[type-arg]
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


@pytest.fixture
def vectors() -> firth.WordVectors:
    return firth.read_vectors(GOLDEN / "floret-two-hashes.floret")


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_vectors_are_those_of_floret(path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert len(expected) > 30
    assert max(np.abs(vector).max() for vector in expected.values()) > 0.01  # 1e-6 of them is little
    found = firth.read_vectors(path)[list(expected)]
    np.testing.assert_allclose(found, np.array(list(expected.values())), rtol=0, atol=1e-6)


def test_three_tables_of_several_hashes_are_there() -> None:
    rules = [read_vectors(path).subwords.rules for path in TABLES]  # type: ignore[union-attr]
    assert {rule.hashes for rule in rules if isinstance(rule, FloretRules)} == {1, 2, 4}
    assert guess_format(TABLES[0]) == "floret"


def test_the_rows_of_a_word() -> None:
    """One hash a piece, so that the pieces are those that a reader of the grammar writes down."""
    rules = FloretRules(1, 3, 1000, False, 1, 7)
    rows = FloretRows(rules, np.zeros((1000, 2), np.float32))
    assert [ngram.decode() for ngram, _ in rows.ngrams("nü".encode())] == [
        *("<nü>", "<n", "<nü", "n", "nü", "nü>", "ü", "ü>"),
    ]
    assert rows.ngrams(b"</s>") == []


def test_many_words_are_as_each_alone(vectors: firth.WordVectors, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"word{number}" for number in range(300)]
    whole = vectors[words]
    monkeypatch.setattr("firth.formats.floret._NGRAMS_AT_ONCE", 50)
    np.testing.assert_array_equal(vectors[words], whole)
    np.testing.assert_array_equal(whole[17], vectors["word17"])


def test_a_compressed_table(tmp_path: Path, vectors: firth.WordVectors) -> None:
    path = tmp_path / "table"
    path.write_bytes(gzip.compress((GOLDEN / "floret-two-hashes.floret").read_bytes()))
    np.testing.assert_array_equal(firth.read_vectors(path)["never"], vectors["never"])


def test_questions_that_need_no_vocabulary(vectors: firth.WordVectors, tmp_path: Path) -> None:
    assert len(vectors) == 0
    assert vectors.get("</s>") is None
    with pytest.raises(UnknownWordError, match="</s>"):
        vectors["</s>"]
    assert vectors.similarity("kano", "kano") == pytest.approx(1)
    cosines = [cosine(vectors["kano"], vectors[word]) for word in OTHERS]
    np.testing.assert_allclose(vectors.similarities("kano", OTHERS), cosines, rtol=0, atol=1e-6)
    assert vectors.mean_vector(["kano", "ka"]).shape == (7,)
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("kano\tka\t9\nkano\t日本\t1\nka\t日本\t2\n", encoding="utf-8")
    assert firth.evaluate_word_pairs(vectors, pairs, unknown="compose").n_composed == 3


@pytest.mark.parametrize(
    "ask",
    [
        lambda vectors: "kano" in vectors,
        lambda vectors: vectors.neighbors("kano"),
        lambda vectors: vectors.neighbors("kano", candidates=["ka"]),
        lambda vectors: vectors.most_similar(["kano"], ["ka"]),
        lambda vectors: vectors.most_similar("kano", method="multiply"),
        lambda vectors: vectors.similarities("kano"),
        lambda vectors: vectors.rank("kano", "ka"),
        lambda vectors: vectors.closer_than("kano", "ka"),
    ],
)
def test_questions_that_need_a_vocabulary(vectors: firth.WordVectors, ask: object) -> None:
    with pytest.raises(ParameterError, match=r"vectors must have a vocabulary .* firth.WordVectors\(words, vectors\[w"):
        ask(vectors)  # type: ignore[operator]


def test_analogies_need_a_vocabulary(vectors: firth.WordVectors, tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    path.write_text(": all\na b c d\n", encoding="utf-8")
    with pytest.raises(ParameterError, match="vectors must have a vocabulary"):
        firth.evaluate_analogies(vectors, path)


def test_a_vocabulary_of_ones_own(vectors: firth.WordVectors) -> None:
    words = ["kano", "kanori", "日本"]
    own = firth.WordVectors(words, vectors[words])
    assert "kano" in own
    nearer = max(words[1:], key=lambda word: cosine(vectors["kano"], vectors[word]))
    assert own.neighbors("kano", top=1)[0].word == nearer


def test_a_table_is_not_written_as_if_hashes_were_those_of_fasttext(vectors: firth.WordVectors, tmp_path: Path) -> None:
    with_words = firth.WordVectors(["a"], np.ones((1, vectors.dims), np.float32), None, vectors.subword_rows)
    for path in (tmp_path / "model", tmp_path / "model.bin", tmp_path / "model.txt"):
        with pytest.raises(ParameterError, match="fastText's hash, got those of a floret table"):
            write_vectors(path, VectorTable(["a"], with_words.matrix, None, with_words.subword_rows))
        with pytest.raises(ParameterError, match="fastText's hash, got those of a floret table"):
            with_words.save(path)
        with pytest.raises(ParameterError, match="fastText's hash, got those of a floret table"):
            convert(GOLDEN / "floret-two-hashes.floret", path)
    assert list(tmp_path.iterdir()) == []


def test_training_does_not_start_from_a_table(vectors: firth.WordVectors) -> None:
    with pytest.raises(ParameterError, match=r"initial_vectors must have n-grams with fastText's hash"):
        firth.train([["a", "b"]] * 20, dims=7, subwords=True, initial_vectors=vectors, progress=False)


def test_a_part_of_a_table_is_refused() -> None:
    with pytest.raises(ParameterError, match="limit must be None for a floret table, got 3"):
        read_vectors(TABLES[0], limit=3)


def test_the_smallest_table(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_bytes(HEADER + ROWS)
    table = read_vectors(path)
    assert table.subwords is not None
    np.testing.assert_array_equal(table.subwords.ngram_rows, np.array([[0.5, -1, 2e-3], [1, 2, 3]], np.float32))
    assert table.words == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (HEADER + b"0 1 2 3\n", "the header announces 2 rows of 3 dimensions"),
        (HEADER + b"0 1 2 3.000000000\n", r"the header announces 2 rows, the file ends after 1"),
        (HEADER + ROWS + b"2 1 2 3\n", "more rows follow than the 2"),
        (HEADER + b"0 0.5 -1 2e-3 \n2 1 2 3 \n", r"row 2: the row must begin with its number 1, got 2"),
        (HEADER + b"1 0.5 -1 2e-3 \n0 1 2 3 \n", r"row 1: the row must begin with its number 0, got 1"),
        (HEADER + b"0 0.5 -1 2e-3 \n1 1 2 \n", "row 2"),
        (HEADER + b"0 0.5 -1 2e-3 \n1 1 2 x \n", "row 2"),
        (HEADER + b"0 0.5 -1 nan \n1 1 2 3 \n", "row 1"),
        (HEADER.replace(b"2 3 2 3 2", b"0 3 2 3 2") + ROWS, "the header is wrong: buckets must"),
        (HEADER.replace(b"2 3 2 3 2", b"2147483648 3 2 3 2") + ROWS, "the header is wrong: buckets must"),
        (HEADER.replace(b"2 3 2 3 2", b"2 0 2 3 2") + ROWS, r"1 to \d+ dimensions, got 0"),
        (HEADER.replace(b"2 3 2 3 2", b"2 3 2 65 2") + ROWS, "max_ngram must"),
        (HEADER.replace(b"2 3 2 3 2", b"2 3 2 3 5") + ROWS, "hashes must"),
        (HEADER.replace(b"2 3 2 3 2", b"2 3 2 3 0") + ROWS, "hashes must"),
        (HEADER.replace(b"2166136261", b"4294967296") + ROWS, "seed must"),
        (HEADER.replace(b"<", b"\xff") + ROWS, "begin must be a mark in UTF-8"),
    ],
)
def test_damaged_tables(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=message) as caught:
        read_vectors(path)
    assert str(path) in str(caught.value)


def test_another_first_line_when_the_format_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_bytes(b"2 3\n" + ROWS)
    with pytest.raises(FormatError, match="the first line must be six whole numbers"):
        read_vectors(path, "floret")
