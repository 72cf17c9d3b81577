"""``firth.Pairs``: the same pairs from every kind of source, and every bad input with its own error."""

from __future__ import annotations

import doctest
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import (
    CorpusError,
    CorpusTypeError,
    EncodingError,
    FormatError,
    ParameterError,
    ShapeError,
    StorageError,
)

WORDS = ["ann", "ben", "ann", "Ōta", "ben"]
CONTEXTS = ["tea", "tea", "milk", "青茶", "milk"]
WEIGHTS = [2.0, 0.5, 1.0, 3.0, 0.25]


def listed(pairs: firth.Pairs) -> list[tuple[Any, Any, float]]:
    weights = np.ones(len(pairs)) if pairs.weights is None else pairs.weights
    words, contexts = list(pairs.words), list(pairs.contexts)
    rows = zip(pairs.word_ids.tolist(), pairs.context_ids.tolist(), weights.tolist(), strict=True)
    return [(words[word], contexts[context], weight) for word, context, weight in rows]


EXPECTED = list(zip(WORDS, CONTEXTS, WEIGHTS, strict=True))


def in_memory() -> dict[str, tuple[Any, Any, Any]]:
    pandas, polars, pyarrow = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))
    return {
        "lists": (WORDS, CONTEXTS, WEIGHTS),
        "tuples": (tuple(WORDS), tuple(CONTEXTS), tuple(WEIGHTS)),
        "generators": (iter(WORDS), (c for c in CONTEXTS), WEIGHTS),
        "numpy": (np.array(WORDS), np.array(CONTEXTS, object), np.array(WEIGHTS, np.float32)),
        "pandas": (pandas.Series(WORDS), pandas.Series(CONTEXTS, dtype="category"), pandas.Series(WEIGHTS)),
        "polars": (polars.Series(WORDS), polars.Series(CONTEXTS), polars.Series(WEIGHTS)),
        "arrow": (
            pyarrow.array(WORDS),
            pyarrow.chunked_array([CONTEXTS[:2], CONTEXTS[2:]]),
            pyarrow.array(WEIGHTS, pyarrow.float32()),
        ),
    }


@pytest.mark.parametrize("kind", ["lists", "tuples", "generators", "numpy", "pandas", "polars", "arrow"])
def test_columns_in_memory(kind: str) -> None:
    assert listed(firth.Pairs(*in_memory()[kind])) == EXPECTED


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames(library: str) -> None:
    module = pytest.importorskip(library)
    make = module.table if library == "pyarrow" else module.DataFrame
    frame = make({"stars": WEIGHTS, "item": CONTEXTS, "user": WORDS})
    assert listed(firth.Pairs(frame, columns=["user", "item", "stars"])) == EXPECTED
    assert listed(firth.Pairs(frame, columns=("user", "item"))) == [(*row[:2], 1.0) for row in EXPECTED]
    with pytest.raises(CorpusError, match=r"^column must be a column of the corpus, got 'book'; the columns are"):
        firth.Pairs(frame, columns=["user", "book"])


def write(folder: Path, kind: str) -> Path:
    path = folder / f"pairs.{kind}"
    rows = [{"user": w, "item": c, "stars": s} for w, c, s in EXPECTED]
    if kind == "parquet":
        pytest.importorskip("pandas").DataFrame(rows).to_parquet(path)
    elif kind == "feather":
        pytest.importorskip("pandas").DataFrame(rows).to_feather(path)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif kind in ("csv", "tsv"):
        sep = "," if kind == "csv" else "\t"
        path.write_text("".join(sep.join(map(str, row)) + "\n" for row in [("user", "item", "stars"), *EXPECTED]))
    elif kind == "csv.gz":
        path.write_bytes(gzip.compress(write(folder, "csv").read_bytes()))
    else:
        path.write_text("\ufeff" + "".join(f"{w}\t {c}  {s}\n\n" for w, c, s in EXPECTED))
    return path


@pytest.mark.parametrize("kind", ["parquet", "feather", "jsonl", "csv", "tsv", "csv.gz"])
def test_tables(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path, kind)
    assert listed(firth.Pairs(path, columns=["user", "item", "stars"])) == EXPECTED
    assert listed(firth.Pairs(str(path), columns=["item", "user"])) == [(c, w, 1.0) for w, c, _ in EXPECTED]
    with pytest.raises(CorpusError, match=r"^column must be a column of .*, got 'book'; the columns are 'user'"):
        firth.Pairs(path, columns=["user", "book"])
    with pytest.raises(ParameterError, match=r"^columns must name the columns of words and contexts in the table"):
        firth.Pairs(path)


def test_weights_that_are_no_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"u": "a", "i": "b", "w": "2.5"}\n{"u": "a", "i": "c", "w": "many"}\n')
    with pytest.raises(CorpusTypeError, match=r"row 2: the column 'w' must have numbers for weights, got 'many'$"):
        firth.Pairs(path, columns=["u", "i", "w"])


def test_text_files(tmp_path: Path) -> None:
    path = write(tmp_path, "txt")
    assert listed(firth.Pairs(path)) == EXPECTED
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert listed(firth.Pairs([packed, path])) == EXPECTED * 2
    assert listed(firth.Pairs(str(tmp_path / "pai*.txt"))) == EXPECTED
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("1 007\n1 7")
    assert listed(firth.Pairs(numbers)) == [("1", "007", 1.0), ("1", "7", 1.0)]  # a text has no integers


def test_lines_across_blocks_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("".join(f"word{i % 997} context{i % 89} {i % 7 + 1}\n" for i in range(60_000)))
    pairs = firth.Pairs(path)
    assert (len(pairs), len(pairs.words), len(pairs.contexts)) == (60_000, 997, 89)
    assert listed(pairs)[-1] == (f"word{59_999 % 997}", f"context{59_999 % 89}", float(59_999 % 7 + 1))
    with path.open("a") as file:
        file.write("one\n")
    with pytest.raises(FormatError, match=r"many\.txt, line 60,001: a pair must have 3 fields, .* got 1 fields$"):
        firth.Pairs(path)


def test_integers_stay_integers(tmp_path: Path) -> None:
    big = 2**62
    pairs = firth.Pairs(np.array([5, big, 5], np.uint64), [-3, -3, 8])
    assert pairs.words.tolist() == [5, big]
    assert listed(pairs) == [(5, -3, 1.0), (big, -3, 1.0), (5, 8, 1.0)]
    assert repr(pairs) == "Pairs(3 pairs of 2 words and 2 contexts)"
    mixed = firth.Pairs([1, 2], ["a", "b"], one_vocabulary=False)
    assert mixed.contexts == ["a", "b"]
    frame = pytest.importorskip("pandas").DataFrame({"a": [1, 2], "b": [2, 1]})
    frame.to_parquet(tmp_path / "ids.parquet")
    read = firth.Pairs(tmp_path / "ids.parquet", columns=["a", "b"], one_vocabulary=True)
    assert read.words.tolist() == read.contexts.tolist() == [1, 2]
    assert read.context_ids.tolist() == [1, 0]


def test_weights_of_zero_and_one() -> None:
    pairs = firth.Pairs(["a", "b", "a"], ["x", "y", "z"], [1, 0, 1])
    assert (pairs.weights, pairs.n_zero, len(pairs)) == (None, 1, 2)
    assert listed(pairs) == [("a", "x", 1.0), ("a", "z", 1.0)]
    assert firth.Pairs(["a"], ["x"], [2]).weights.tolist() == [2.0]


NAN = float("nan")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((["a"], ["x", "y"]), ShapeError, "^contexts must have as many values as words, 1, got 2"),
        ((["a", "b"], ["x", "y"], [1.0]), ShapeError, "^weights must have as many values as words, 2, got 1"),
        (([], []), CorpusError, "^words must have at least one pair, got none"),
        (([1],), ParameterError, "^contexts must be given if words is a column"),
        ((["a"], "x"), CorpusTypeError, "^contexts must be a column of strings or integers, got a str"),
        ((["a"], {"x": 1}), CorpusTypeError, "^contexts must be a column .* got a dict"),
        ((["a"], 5), CorpusTypeError, "^contexts must be a column .* got int"),
        ((["a", 1], ["x", "y"]), CorpusTypeError, "^words: words must be all strings or all integers, got (1|'a')"),
        ((["a", None], ["x", "y"]), CorpusError, "^words must have a value in every row, got None in row 1"),
        ((["a", "b"], ["x", NAN]), CorpusError, "^contexts must have a value in every row, got nan in row 1"),
        (
            (["a", "b"], ["x", ""]),
            CorpusError,
            "^contexts must have a value .* an empty string in row 1",
        ),
        ((["a"], [1.5]), CorpusTypeError, r"^contexts must have strings or integers, got 1\.5 \(float\) in row 0"),
        ((["a"], [True]), CorpusTypeError, "^contexts must have strings or integers, got True"),
        ((["a"], np.array([1.0])), CorpusTypeError, "^contexts must have strings or integers, got an array of float64"),
        ((["a"], np.array([["x", "y"]])), ShapeError, "^contexts must have one dimension"),
        ((["a"], [["x"]]), CorpusTypeError, r"^contexts must have strings or integers, got \['x'\]"),
        (([2**70], [1]), CorpusTypeError, "^words must fit in 64 bits"),
        ((["a\ud800"], ["x"]), EncodingError, "^words must be valid UTF-8, got 'a.ud800'"),
        (
            (["a", "b"], ["x", "y"], [1, -2]),
            CorpusError,
            "^weights must be finite .* got -2 for pair 1",
        ),
        ((["a", "b"], ["x", "y"], [1, NAN]), CorpusError, "^weights must be finite .* got nan for pair 1"),
        ((["a", "b"], ["x", "y"], [np.inf, 1]), CorpusError, "^weights must be finite .* got inf for pair 0"),
        ((["a", "b"], ["x", "y"], [1e39, 1]), CorpusError, r"^weights must be finite .* got 1e\+39 for pair 0"),
        ((["a", "b"], ["x", "y"], [1e-60, 1]), CorpusError, "^weights must .* range of float32, got 1e-60 for pair 0"),
        ((["a", "b"], ["x", "y"], [0, 0.0]), CorpusError, "^weights must have a weight above 0, got none"),
        ((["a", "b"], ["x", "y"], ["1", "2"]), CorpusTypeError, "^weights must be a column of numbers, got <U1"),
        ((["a", "b"], ["x", "y"], [1, None]), CorpusError, "^weights must be finite .* got nan for pair 1"),
        ((["a"], ["x"], [[1]]), ShapeError, "^weights must have one dimension"),
        (("no-such-file.txt",), StorageError, "^no-such-file.txt: no such file"),
        (("s3://bucket/pairs.txt",), StorageError, "^s3://bucket/pairs.txt must be a path of this machine, got a URL"),
        (("pairs.txt", ["x"]), ParameterError, "^contexts must be left out if words is a path, got a list"),
    ],
)
def test_bad_input(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        firth.Pairs(*arguments)


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("a.txt", "a b\na b 1\n", FormatError, r"a\.txt, line 2: a pair must have 2 fields, .* got 3 fields"),
        ("a.txt", "\na\n", FormatError, r"a\.txt, line 2: a pair must have a word, a context and .* got 1 fields"),
        ("a.txt", "a b 1\n\nc d x\n", FormatError, r"a\.txt, line 3: the third field must be a weight, got 'x'"),
        ("a.txt", "a b -1\n", CorpusError, "^weights must be finite and at least 0"),
        ("a.txt", b"a \xff\n", EncodingError, r"^contexts must be UTF-8, got b'\\xff'"),
        ("a.txt", b"a\0b\0 \0c\0" * 9, EncodingError, "must be UTF-8, got text that begins like UTF-16"),
        ("a.txt", "", CorpusError, r"a\.txt is empty"),
        ("a.txt", "\n\n", CorpusError, r"a\.txt must have at least one pair, got none"),
        ("a.txt", '{"a": "b", "c": "d"}\n', ParameterError, "^columns must name the columns .* in the table"),
        ("a.csv", "u,i\na,\n", CorpusError, r"column 'i' must have a value in every row, got an empty string in row 1"),
        ("a.csv", "u,i\na\n", CorpusError, r"the row that ends in line 2 must have 2 cells like the header, got 1"),
        ("a.jsonl", '{"u": "a", "i": null}\n', CorpusError, r"column 'i' must have a value .* none in row 1"),
        ("a.jsonl", '{"u": "a", "i": ["b"]}\n', CorpusTypeError, "^column must have strings, integers or floats, got"),
        ("a.jsonl", '{"u": "a", "i": true}\n', CorpusTypeError, "^column must have strings, integers or floats, got"),
        ("a.jsonl", '{"u": "a", "i": 1.5}\n', CorpusTypeError, r"column 'i' must have strings or integers, got 1\.5"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, text: str | bytes, error: type[Exception], message: str) -> None:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(error, match=message):
        firth.Pairs(path, columns=None if name.endswith("txt") else ["u", "i"])


def test_files_agree_in_their_columns(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a b\n")
    (tmp_path / "b.txt").write_text("a b 2\n")
    with pytest.raises(FormatError, match="^files of pairs must all have weights or all have none"):
        firth.Pairs(tmp_path / "*.txt")
    with pytest.raises(StorageError, match="must be a file, got a folder"):
        firth.Pairs(tmp_path)


def test_columns_of_other_types_are_refused(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"user": ["a"], "when": [pandas.Timestamp("2020-01-01")], "item": ["b"], "none": [None]})
    frame.to_parquet(tmp_path / "a.parquet")
    for title in ("when", "none"):
        with pytest.raises(CorpusTypeError, match=f"^column must have strings, integers or floats, got the .*{title}"):
            firth.Pairs(tmp_path / "a.parquet", columns=["user", title])
    pandas.DataFrame({"u": ["a", None], "i": ["b", "c"]}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(CorpusError, match=r"column 'u' must have a value in every row, got none in row 1"):
        firth.Pairs(tmp_path / "b.parquet", columns=["u", "i"])


@pytest.mark.parametrize("columns", [["a"], "ab", ["a", "b", "c", "d"], ["a", 1], ["a", "a"]])
def test_columns_are_two_or_three_names(columns: Any) -> None:
    with pytest.raises(ParameterError, match="^columns must be"):
        firth.Pairs("pairs.csv", columns=columns)


def test_the_page_and_the_docstring_run() -> None:
    page = Path(__file__).parents[2] / "docs" / "pairs.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert (failed, tried >= 8) == (0, True)
    (example,) = doctest.DocTestFinder(recurse=False).find(firth.Pairs, "Pairs", globs={})
    assert doctest.DocTestRunner().run(example) == (0, 3)
