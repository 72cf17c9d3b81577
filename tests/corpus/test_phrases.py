"""Room tests/corpus: the table of phrases: joining in Python, its text file, and every damaged file."""

from __future__ import annotations

import doctest
import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import firth
from firth.corpus.phrases import ENGLISH_CONNECTOR_WORDS, PhrasePass, Phrases, as_connector_words
from firth.errors import (
    CorpusTypeError,
    CorpusWarning,
    EncodingError,
    FormatError,
    ParameterError,
    StorageError,
    UnknownWordError,
)

TWO_PASSES = Phrases(
    (PhrasePass({("new", "york"): 12.5, ("bank", "of", "america"): 3.25}), PhrasePass({("new_york", "city"): 7.0})),
    connector_words=frozenset(["of"]),
)


def test_scores_have_the_words_of_the_text() -> None:
    assert TWO_PASSES.scores == {("new", "york"): 12.5, ("bank", "of", "america"): 3.25, ("new", "york", "city"): 7.0}
    assert TWO_PASSES.joined_words == ("new_york", "bank_of_america", "new_york_city")
    assert len(TWO_PASSES) == 3
    assert repr(TWO_PASSES) == "Phrases(3 phrases in 2 passes: new_york, bank_of_america, new_york_city)"


def test_token_lists_lines_and_look_ups() -> None:
    assert TWO_PASSES.join(["the", "new", "york", "city", "bank"]) == ["the", "new_york_city", "bank"]
    assert TWO_PASSES.join_line("bank of  america of new york\n") == "bank_of_america of new_york"
    assert list(TWO_PASSES.join_lines(["a", "new york"])) == ["a", "new_york"]
    assert TWO_PASSES.token("new york") == "new_york"
    assert TWO_PASSES.token(["new", "york", "city"]) == "new_york_city"
    assert TWO_PASSES.join_line("new\u00a0york new\x0byork") == "new\u00a0york new_york"  # words as in files
    with pytest.raises(UnknownWordError, match="it becomes 0 tokens"):
        TWO_PASSES.token("\n")
    with pytest.raises(UnknownWordError, match=r"'york city' is not one phrase of the table; it becomes 2 tokens"):
        TWO_PASSES.token("york city")
    for tokens in ("new york", b"new"):
        with pytest.raises(CorpusTypeError, match=r"tokens must be a list of words, got .*; use join_line"):
            TWO_PASSES.join(tokens)  # type: ignore[arg-type]
    with pytest.raises(CorpusTypeError, match="tokens must be a list of words, got None"):
        TWO_PASSES.join(None)  # type: ignore[arg-type]
    for lines in ("new york", None):
        with pytest.raises(CorpusTypeError, match=r"lines must be a list of strings, got .*; use join_line for one"):
            TWO_PASSES.join_lines(lines)  # type: ignore[arg-type]
    with pytest.raises(CorpusTypeError, match="tokens must be strings, got 3"):
        TWO_PASSES.join(["a", 3])  # type: ignore[list-item]
    with pytest.raises(CorpusTypeError, match=r"line must be a string, got \['a'\]"):
        TWO_PASSES.join_line(["a"])  # type: ignore[arg-type]


def test_files_are_joined_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfNew York\r\n\nthe  bank of america")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"new york city\n"))
    path = tmp_path / "joined.txt"
    assert TWO_PASSES.join_file([tmp_path / "a.txt", tmp_path / "b.txt.gz"], path, lowercase=True) == 4
    assert path.read_bytes() == b"new_york\n\nthe bank_of_america\nnew_york_city\n"
    with pytest.raises(CorpusTypeError, match="source must be files of text; use join or join_lines"):
        TWO_PASSES.join_file([["new", "york"]], path, overwrite=True)
    (tmp_path / "c.txt").write_bytes(b"new york\n\xff\n")
    with pytest.raises(EncodingError, match="byte 0xff at offset 9"):
        TWO_PASSES.join_file(tmp_path / "c.txt", path, overwrite=True)
    with pytest.raises(StorageError, match=r"joined.txt exists; choose another name, or give overwrite=True"):
        TWO_PASSES.join_file(tmp_path / "b.txt.gz", path)
    assert path.read_bytes().startswith(b"new_york\n\nthe")  # the old file
    with pytest.raises(StorageError, match="cannot be written"):
        TWO_PASSES.join_file(tmp_path / "a.txt", tmp_path / "none" / "joined.txt")


def test_a_column_of_a_table_is_joined_row_by_row(tmp_path: Path) -> None:
    rows = ['{"text": "the bank of america"}', '{"text": null}', '{"text": "new\\nyork"}', '{"list": ["new"]}']
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    with pytest.warns(CorpusWarning, match="2 of 4 rows have no value in the column 'text'"):
        assert TWO_PASSES.join_file(tmp_path / "a.jsonl", tmp_path / "joined.txt", column="text") == 4
    assert (tmp_path / "joined.txt").read_bytes() == b"the bank_of_america\n\nnew_york\n\n"
    (tmp_path / "b.jsonl").write_text(rows[3])
    with pytest.raises(CorpusTypeError, match="source must be tables whose column 'list' has texts, got lists of tok"):
        TWO_PASSES.join_file(tmp_path / "b.jsonl", tmp_path / "other.txt", column="list")


def test_the_text_file_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "phrases.txt"
    TWO_PASSES.save(path)
    first, *rest = path.read_text().split("\n")
    assert first.startswith('{"format": "firth-phrases", "version": 1, "delimiter": "_", "connector_words": ["of"], ')
    assert rest == ["12.5\tnew\tyork", "3.25\tbank\tof\tamerica", "7.0\tnew_york\tcity", ""]
    assert Phrases.load(path) == TWO_PASSES
    with pytest.raises(StorageError, match=r"phrases.txt exists; choose another name, or give overwrite=True"):
        TWO_PASSES.save(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))  # saved by an editor on Windows
    assert Phrases.load(path) == TWO_PASSES
    TWO_PASSES.save(path, overwrite=True)
    assert path.read_text().split("\n")[1:] == rest


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)


@given(st.dictionaries(st.tuples(words, words), st.floats(-1e300, 1e300), min_size=1, max_size=5))
def test_any_words_and_scores_come_back(scores: dict[tuple[str, ...], float]) -> None:
    table = Phrases.from_scores(scores)
    back = Phrases.from_bytes(table.to_bytes(), "a table")
    assert back == table
    assert back.to_bytes() == table.to_bytes()


DATA = TWO_PASSES.to_bytes()


@pytest.mark.parametrize("n_bytes", range(0, len(DATA), 3))
def test_a_cut_file_is_refused(n_bytes: int) -> None:
    with pytest.raises(FormatError, match=r"cut.txt"):
        Phrases.from_bytes(DATA[:n_bytes], "cut.txt")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda data: data[: data.rindex(b"\n", 0, -1) + 1],
            r"must have 3 phrases, as its first line says, got 2; a part",
        ),
        (lambda data: data[:-1], "the last line must end with a line end; a part of the file is missing"),
        (lambda data: data + b"1.0\ta\tb\n", "must have 3 phrases, as its first line says, got 4"),
        (lambda data: data.replace(b"12.5", b"12,5"), "line 2: must begin with a score and a tab, got '12,5"),
        (lambda data: data.replace(b"12.5", b"nan"), "line 2: must begin with a score and a tab, got 'nan"),
        (lambda data: data.replace(b"\tyork", b""), "line 2: must be a score and at least two words between tabs"),
        (lambda data: data.replace(b"new\tyork", b"n\\x\tyork"), r"line 2: \\x must be one of"),
        (lambda data: data.replace(b"new\tyork", b"n\\\tyork"), "line 2: a word must not end with a single backslash"),
        (lambda data: data.replace(b"new\tyork", b"of\tyork"), "a phrase must not begin or end with a connector word"),
        (lambda data: data.replace(b"bank\tof", b"bank\tto"), "must have connector words alone between"),
        (lambda data: data.replace(b"3.25\tbank\tof\tamerica", b"3.25\tnew\tyork"), "line 3: the phrase 'new york' is"),
        (lambda data: data.replace(b'"version": 1', b'"version": 2'), "version must be 1, got 2"),
        (
            lambda data: data.replace(b"firth-phrases", b"other"),
            "is not a table of phrases: its first line must be JSON",
        ),
        (lambda data: data.replace(b'"delimiter": "_"', b'"delimiter": 3'), "entry 'delimiter' of the first line"),
        (lambda data: data.replace(b'"delimiter": "_"', b'"delimiter": ""'), "delimiter must be a string of at least"),
        (lambda data: data.replace(b'["of"]', b"[3]"), "entry 'connector_words' of the first line"),
        (lambda data: data.replace(b'"n_phrases": 2', b'"n_phrases": -2'), "entry 'passes' of the first line"),
        (lambda data: data.replace(b'"threshold": 0.0', b'"threshold": NaN'), "threshold must be a finite number"),
        (lambda data: data.replace(b'"scoring": "word2vec"', b'"scoring": "x"'), "scoring must be one of"),
        (lambda data: b"[" * 100_000 + data, "is not a table of phrases"),
    ],
)
def test_a_damaged_file_is_refused(damage: Any, message: str, tmp_path: Path) -> None:
    assert damage(DATA) != DATA
    path = tmp_path / "damaged.txt"
    path.write_bytes(damage(DATA))
    with pytest.raises(FormatError, match=message):
        Phrases.load(path)


def test_bytes_that_are_not_utf8_and_missing_files(tmp_path: Path) -> None:
    path = tmp_path / "phrases.txt"
    path.write_bytes(DATA.replace(b"york", b"y\xffrk"))
    with pytest.raises(EncodingError, match="byte 0xff at offset"):
        Phrases.load(path)
    with pytest.raises(StorageError, match="the phrases cannot be read: .*; write a table by `firth phrases`"):
        Phrases.load(tmp_path / "none.txt")
    with pytest.raises(StorageError, match="cannot be written"):
        TWO_PASSES.save(tmp_path / "none" / "phrases.txt")
    with pytest.raises(EncodingError, match="lone surrogate"):
        Phrases.from_scores({("a", "\ud800"): 1.0}).to_bytes()


@pytest.mark.parametrize(
    ("scores", "options", "message"),
    [
        ({}, {}, "scores must be a mapping from phrases to numbers with at least one, got {}"),
        ([("a", "b")], {}, "scores must be a mapping"),
        ({"ab": 1.0}, {}, "a phrase must be a tuple of at least two words, got 'ab'"),
        ({("a",): 1.0}, {}, r"a phrase must be a tuple of at least two words, got \('a',\)"),
        ({("a", ""): 1.0}, {}, "a phrase must be a tuple of at least two words"),
        ({("a", "b"): float("inf")}, {}, "must be a finite number, got inf"),
        ({("a", "b", "c"): 1.0}, {}, "'b' is no connector word: join two words in a pass before"),
        ({("a", "b"): 1.0}, {"connector_words": ["b"]}, "must not begin or end with a connector word"),
        ({("a", "b"): 1.0}, {"delimiter": "a b"}, "delimiter must be a string of at least one character"),
        ({("a", "b"): 1.0}, {"delimiter": 3}, "delimiter must be a string of at least one character"),
    ],
)
def test_bad_phrases(scores: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Phrases.from_scores(scores, **options)


def test_a_table_needs_a_pass() -> None:
    with pytest.raises(ParameterError, match="passes must have at least one pass, got none"):
        Phrases(())


def test_connector_words() -> None:
    assert as_connector_words("english") == ENGLISH_CONNECTOR_WORDS
    assert as_connector_words(iter(["a", "b", "a"])) == {"a", "b"}
    with pytest.raises(ParameterError, match="connector_words must be words, got 5"):
        as_connector_words(5)  # type: ignore[arg-type]


def test_names_are_public() -> None:
    assert firth.Phrases is Phrases
    assert {"Phrases", "learn_phrases"} <= set(dir(firth))


def test_the_page_is_true() -> None:
    page = Path(__file__).parents[2] / "docs" / "phrases.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert (failed, tried) == (0, 7)
