"""Room tests/corpus: tables of any library with the Arrow PyCapsule interface are read without PyArrow."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from corpus_oracle import decoded

import firth
from firth.corpus.memory_columns import through_arrow
from firth.errors import CorpusError, CorpusTypeError
from firth.native import arrow
from firth.native.text import TextCounter, join_rows

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")

TEXTS = ["north east", "", "a\nb", None, "日本 westward expansion of the north", "x" * 13, "east"]
LONG = [None if text is None else text * 3 for text in TEXTS] * 5
KINDS = {
    "string": pa.string(),
    "large_string": pa.large_string(),
    "string_view": pa.string_view(),
    "dictionary": pa.dictionary(pa.int8(), pa.string()),
    "unsigned dictionary": pa.dictionary(pa.uint16(), pa.large_string()),
}


class Foreign:
    """An object of a library that firth does not know: it has only the interface."""

    def __init__(self, value: Any, *, as_array: bool = False) -> None:
        self._value = value
        if as_array:
            self.__arrow_c_array__ = value.__arrow_c_array__  # type: ignore[misc]
        else:
            self.__arrow_c_stream__ = value.__arrow_c_stream__  # type: ignore[misc]


def _lines(texts: list[str | None]) -> bytes:
    return "".join((text or "").replace("\n", " ") + "\n" for text in texts).encode()


@pytest.mark.parametrize("kind", KINDS)
def test_strings_of_every_layout_are_their_lines(kind: str) -> None:
    whole = pa.array(LONG, KINDS[kind])
    _, (found,) = arrow.arrow_chunks(whole)
    assert found.null_count == 5
    assert found.to_pylist() == LONG
    for start, n_rows in ((0, 35), (3, 9), (9, 26), (34, 1), (35, 0)):
        for part in (found.slice(start, n_rows), arrow.arrow_chunks(whole.slice(start, n_rows))[1][0]):
            expected = LONG[start : start + n_rows]
            column, kept = part.column()
            assert bytes(join_rows(column)) == _lines(expected)  # type: ignore[arg-type]
            assert part.to_pylist() == expected
            assert part.null_count == expected.count(None)
            assert kept


def _numbered(texts: list[str]) -> list[list[int]]:
    """The words of texts as numbers in the order of their first occurrence."""
    numbers: dict[bytes, int] = {}
    return [[numbers.setdefault(word, len(numbers)) for word in text.encode().split()] for text in texts]


def _counted(column: arrow.StringColumn, tmp_path: Any) -> list[list[int]]:
    with open(tmp_path / "spool", "w+b") as spool, TextCounter(spool.fileno()) as counter:
        chunk = counter.feed_rows(column, name="x")
        ids = np.fromfile(tmp_path / "spool", np.int32, chunk.n_tokens, offset=chunk.spool_offset)
        ends = np.fromfile(tmp_path / "spool", np.uint32, chunk.n_lines, offset=chunk.spool_offset + 4 * chunk.n_tokens)
    return [one.tolist() for one in np.split(ids, ends)[:-1]]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
@pytest.mark.parametrize("seed", range(4))
def test_rows_are_counted_as_their_lines(kind: Any, seed: int, tmp_path: Any) -> None:
    draw = np.random.default_rng(seed)
    alphabet = ["a", "b", " ", "\n", "\t", "é", "word ", "", "longer than sixteen bytes "]
    texts = ["".join(draw.choice(alphabet, draw.integers(0, 6))) for _ in range(3000)]
    texts += ["y" * 70_000, "a", "b", "", "z z " * 40_000, "last"]  # a word and a row over several steps
    texts = texts if seed % 2 else ["", *texts, ""]
    _, (found,) = arrow.arrow_chunks(pa.array(texts, kind))
    for part, rows in ((found, _numbered(texts)), (found.slice(7, 2000), _numbered(texts[7:2007]))):
        column, kept = part.column()
        sequences = _counted(column, tmp_path)
        assert sequences == rows
        assert kept


def test_the_offset_of_a_wrong_byte_is_that_in_the_lines(tmp_path: Any) -> None:
    rows = [b"ab cd", b"", b"e", b"fg h\xff", b"i"]
    binary = pa.array(rows, pa.binary())
    data = [None, *binary.buffers()[1:]]
    _, (found,) = arrow.arrow_chunks(pa.Array.from_buffers(pa.string(), len(rows), data))
    offset = b"\n".join(rows).index(b"\xff")
    bits = np.full(1, 255, np.uint8)
    for address in (None, bits.ctypes.data):  # rows of a column with a bitmap are copied one by one
        column, kept = found.column()
        column.valid = address
        with (
            open(tmp_path / "spool", "w+b") as spool,
            TextCounter(spool.fileno()) as counter,
            pytest.raises(CorpusError, match=rf"x: byte 0xff at offset {offset} is not UTF-8"),
        ):
            counter.feed_rows(column, name="x")
        assert kept


@pytest.mark.parametrize("make", [pa.table, lambda columns: pa.table(columns).to_batches()[0]])
def test_a_frame_of_an_unknown_library_is_read_by_column(make: Any, tmp_path: Any, monkeypatch) -> None:
    texts = [text for text in TEXTS if text is not None] * 3
    frame = Foreign(make({"id": range(18), "text": texts, "ids": [[1, 2]] * 18}))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    corpus = firth.encode_corpus(frame, column="text", folder=tmp_path / "a", min_count=1)
    assert decoded(corpus)[1] == [text.split() for text in texts]
    corpus = firth.encode_corpus(frame, column="ids", folder=tmp_path / "b", min_count=1)
    assert corpus.n_tokens == 36
    with pytest.raises(CorpusError, match="column must be a column of the corpus, got 'body'; the columns are 'id',"):
        firth.encode_corpus(frame, column="body", folder=tmp_path / "c")
    with pytest.raises(CorpusTypeError, match=r"got a Foreign of .* with 3 columns"):
        firth.encode_corpus(frame, folder=tmp_path / "c")


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([["a b", "c"], [], ["c"]], pa.list_(pa.string())), [["a b", "c"], [], ["c"]]),
        (pa.array([["a"], ["b", "c"]], pa.large_list(pa.string_view())), [["a"], ["b", "c"]]),
        (pa.array([[1, 2], [2, -3]], pa.list_(pa.int16(), 2)), [[1, 2], [2, -3]]),
        (pa.array([[9], [1, 2], [], [2]], pa.list_(pa.uint32()))[1:], [[1, 2], [], [2]]),
        (pa.array([["x"], ["a", "b"]], pa.list_(pa.dictionary(pa.int8(), pa.string()))), [["x"], ["a", "b"]]),
    ],
)
def test_lists_of_tokens_and_of_ids(array: Any, expected: list[Any], tmp_path: Any, monkeypatch) -> None:
    foreign = Foreign(array, as_array=True)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    words, found = decoded(firth.encode_corpus(foreign, folder=tmp_path / "c", min_count=1))[:2]
    assert [[str(token) for token in one] for one in found] == [[str(token) for token in one] for one in expected]
    assert words


def test_integers_and_missing_rows(tmp_path: Any) -> None:
    column = through_arrow(Foreign(pa.chunked_array([[1, 2], [3]], pa.int32())), "corpus").columns[0]
    assert column.integers is not None
    assert column.integers().tolist() == [1, 2, 3]
    with pytest.raises(CorpusError, match=r"corpus must have a value in every row, got None in row 3"):
        firth.encode_corpus(Foreign(pa.chunked_array([TEXTS])), folder=tmp_path / "c")
    with pytest.raises(CorpusError, match="got None in row 0"):
        firth.encode_corpus(Foreign(pa.chunked_array([pa.nulls(2)])), folder=tmp_path / "c")
    others = [[None, 1.5], [True], [b"a"], [[1.5]], [[["a"]]]]
    for array in (*map(pa.array, others), pa.array([1.5], pa.float32())):
        with pytest.raises(CorpusTypeError, match=r"must be a column of texts, .* got (None|1\.5|a value of the type)"):
            firth.encode_corpus(Foreign(pa.chunked_array([array])), folder=tmp_path / "c")
    frame = Foreign(pa.table({"x": [1.5], "text": ["a"]}))
    with pytest.raises(CorpusTypeError, match=r"2 columns \('x', 'text'\); pass one column: .*\"text\""):
        firth.encode_corpus(frame, folder=tmp_path / "c")


def test_pairs_and_graphs_take_columns_of_an_unknown_library(monkeypatch) -> None:
    table = pa.table({"a": ["x", "y", "z"], "b": ["y", "z", "x"], "w": [1.5, 2.0, 0.5]})
    options = {"columns": ["a", "b", "w"], "directed": True, "walks_per_node": 1, "walk_length": 3}
    expected = list(firth.Walks(table, **options))
    frame = Foreign(table)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    pairs = firth.Pairs(frame, columns=["a", "b", "w"])
    assert (len(pairs), pairs.weights.tolist()) == (3, [1.5, 2.0, 0.5])  # type: ignore[union-attr]
    assert [list(walk) for walk in firth.Walks(frame, **options)] == [list(walk) for walk in expected]


@pytest.mark.parametrize("wrap", [Foreign, lambda reader: reader])
def test_a_stream_is_read_once(wrap: Any) -> None:
    def reader() -> Any:
        batches = [pa.record_batch({"text": ["north east", "east north"] * 20})] * 2
        return wrap(pa.RecordBatchReader.from_batches(batches[0].schema, iter(batches)))

    options: dict[str, Any] = {"min_count": 1, "dims": 2, "progress": False, "subsample": 0}
    assert firth.train(reader(), column="text", **options).corpus.n_tokens_read == 160
    assert firth.train(reader(), **options).corpus.n_sequences == 80


def test_a_stream_that_fails_is_an_error_with_its_message(tmp_path: Any) -> None:
    def batches() -> Any:
        yield pa.record_batch({"text": ["a"]})
        raise OSError("the source is gone")

    reader = pa.RecordBatchReader.from_batches(pa.schema({"text": pa.string()}), batches())
    with pytest.raises(CorpusError, match="the Arrow data of the Foreign is damaged: .*the source is gone"):
        firth.encode_corpus(Foreign(reader), column="text", folder=tmp_path / "c")


@pytest.mark.parametrize("offsets", [[0, 9, 4], [3, 2, 4], [0, -1, 4]])
def test_numbers_that_contradict_each_other_are_refused(offsets: list[int], tmp_path: Any) -> None:
    data = [None, pa.py_buffer(np.array(offsets, np.int32).tobytes()), pa.py_buffer(b"abcd")]
    array = pa.Array.from_buffers(pa.string(), 2, data)
    with pytest.raises(CorpusError, match="the Arrow data is damaged: a row is outside the data"):
        firth.encode_corpus(Foreign(array, as_array=True), folder=tmp_path / "c")
    indices = pa.py_buffer(np.array([0, 7], np.int8).tobytes())
    coded = pa.DictionaryArray.from_buffers(pa.dictionary(pa.int8(), pa.string()), 2, [None, indices], pa.array(["a"]))
    with pytest.raises(CorpusError, match="a row is outside the data"):
        firth.encode_corpus(Foreign(coded, as_array=True), folder=tmp_path / "c")


def test_memory_is_released(monkeypatch) -> None:
    pool = pa.default_memory_pool()
    gc.collect()
    before = pool.bytes_allocated()
    column = through_arrow(pa.chunked_array([["north " * 1000] * 100]), "x").columns[0]
    assert column.n_bytes == 600_000
    assert pool.bytes_allocated() >= before + 590_000
    part = next(iter(column.arrow(3, 5)))  # type: ignore[misc]
    del column
    assert part.to_pylist() == ["north " * 1000] * 2
    del part
    gc.collect()
    assert pool.bytes_allocated() < before + 100_000
    assert ctypes.sizeof(arrow.StringColumn) == 16 * 8


def test_polars_alone_is_enough() -> None:
    program = """
import sys
sys.modules["pyarrow"] = None
import polars, firth, tempfile
texts = ["north east", "", "westward expansion of the north"] * 50
lists = polars.Series([["a", "b"], ["c"]])
with tempfile.TemporaryDirectory() as folder:
    expected = firth.encode_corpus([text.split() for text in texts], folder=folder + "/a", min_count=1).sha256
    series = polars.Series("text", texts)
    frame = polars.DataFrame({"id": range(150), "text": series})
    coded = series.cast(polars.Categorical)
    for source, column in ((series, None), (frame["text"], None), (frame, "text"), (coded, None)):
        assert firth.encode_corpus(source, column=column, folder=folder + "/b", min_count=1).sha256 == expected
    assert firth.encode_corpus(lists, folder=folder + "/c", min_count=1).n_tokens == 3
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
