"""Room tests/corpus: columns of Parquet, Arrow, JSON lines, CSV and TSV files are the same corpus as a text file."""

from __future__ import annotations

import bz2
import csv
import doctest
import gzip
import io
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpus_oracle import decoded, folder_bytes

import firth
from firth.corpus import table_text, tables
from firth.errors import (
    CorpusError,
    CorpusTypeError,
    CorpusWarning,
    EncodingError,
    MissingExtraError,
    ParameterError,
    StorageError,
)

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

TEXTS = ["north east\tsouth", "", 'east\u00a0west "north"\nsouth, west;', " \n\n ", "\u65e5\u672c north\r\nwest"] * 7
LINES = "".join(text.replace("\n", " ") + "\n" for text in TEXTS).encode()


def _frame(kind: Any = None) -> Any:
    return pa.table({"id": range(len(TEXTS)), "text": pa.array(TEXTS, kind), "text.x": ["no"] * len(TEXTS)})


def _ipc(path: Path, make: Callable[..., Any], table: Any, **options: Any) -> None:
    with make(str(path), table.schema, **options) as writer:
        writer.write_table(table, max_chunksize=4)


def _json_lines(texts: list[Any], key: str = "text") -> bytes:
    return "".join(json.dumps({"id": 1, key: text}) + "\n" for text in texts).encode()


def _csv(texts: list[str], delimiter: str = ",") -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows([["id", "text"], *([n, text] for n, text in enumerate(texts))])
    return file.getvalue().encode()


WRITERS: dict[str, Callable[[Path], Any]] = {
    "a.parquet": lambda path: pq.write_table(_frame(), path, row_group_size=3),
    "large.parquet": lambda path: pq.write_table(_frame(pa.large_string()), path),
    "dictionary.parquet": lambda path: pq.write_table(_frame(pa.dictionary(pa.int32(), pa.string())), path),
    "a.arrow": lambda path: _ipc(path, pa.ipc.new_file, _frame()),
    "packed.feather": lambda path: _ipc(
        path, pa.ipc.new_file, _frame(), options=pa.ipc.IpcWriteOptions(compression="lz4")
    ),
    "a.arrows": lambda path: _ipc(path, pa.ipc.new_stream, _frame()),
    "a.jsonl": lambda path: path.write_bytes(_json_lines(TEXTS)),
    "a.ndjson.bz2": lambda path: path.write_bytes(bz2.compress(b"\xef\xbb\xbf" + _json_lines(TEXTS))),
    "no-ending": lambda path: path.write_bytes(_json_lines(TEXTS).replace(b"\n", b"\r\n\n")),
    "a.csv": lambda path: path.write_bytes(_csv(TEXTS)),
    "semicolon.csv.gz": lambda path: path.write_bytes(gzip.compress(_csv(TEXTS, ";"))),
    "a.tsv": lambda path: path.write_bytes(b"\xef\xbb\xbf" + _csv(TEXTS, "\t")),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_of_a_table_is_encoded_like_the_lines_of_a_text_file(
    encode, tmp_path: Path, monkeypatch, name: str
) -> None:
    WRITERS[name](tmp_path / name)
    expected = folder_bytes(encode(LINES).folder)
    assert folder_bytes(encode(tmp_path / name, column="text").folder) == expected
    monkeypatch.setattr("firth.corpus.table_files.BATCH_BYTES", 100)  # many batches
    monkeypatch.setattr(table_text, "BATCH_BYTES", 40)
    monkeypatch.setattr("firth.corpus.counting.BATCH_BYTES", 40)  # several threads
    for threads in (1, 3):
        assert folder_bytes(encode(tmp_path / name, column="text", threads=threads).folder) == expected
    tokens = decoded(encode(tmp_path / name, column="text", tokenizer=lambda text: text.split(" ")))[1]
    assert tokens[0] == ["north", "east\tsouth"]


def test_a_byte_order_mark_is_no_part_of_a_title(encode, tmp_path: Path) -> None:
    texts = {"a.csv": '"text",id\nnorth,1\n', "a.tsv": "text\tid\nnorth\t1\n", "a.jsonl": '{"text": "north"}'}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
        assert decoded(encode(tmp_path / name, column="text"))[1] == [["north"]]


def test_values_missing_in_a_dictionary_are_counted(encode, tmp_path: Path) -> None:
    array = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0]), pa.array(["north", None]))
    table = pa.table({"text": array})
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as out:
        out.write_table(table)
    with pytest.warns(CorpusWarning, match="^2 of 4 rows have no value"):
        found = decoded(encode(tmp_path / "a.arrow", column="text"))[1]
    assert found == [["north"], [], [], ["north"]]
    for column in (array, pa.chunked_array([array])):
        with pytest.raises(CorpusError, match="^corpus must have a value in every row, got None in row 1"):
            encode(column)


def test_globs_and_several_files_have_the_order_of_the_paths(encode, tmp_path: Path) -> None:
    for number in range(3):
        pq.write_table(pa.table({"text": [f"word{number} north"]}), tmp_path / f"{number}.parquet")
    (tmp_path / "0.jsonl").write_bytes(_json_lines(["line"]))
    found = decoded(encode([tmp_path / "0.jsonl", str(tmp_path / "*.parquet")], column="text"))[1]
    assert found == [["line"], ["word0", "north"], ["word1", "north"], ["word2", "north"]]


@pytest.mark.parametrize("tokens", [[["a b", "c"], [], ["c"]], [[1, 2], [], [2, 2, -3]]])
def test_a_column_of_lists_has_tokens(encode, tmp_path: Path, tokens: list[list[Any]]) -> None:
    pq.write_table(pa.table({"walk": tokens}), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_bytes(_json_lines(tokens, "walk"))
    _ipc(
        tmp_path / "a.arrow",
        pa.ipc.new_file,
        pa.table({"walk": pa.array(tokens, pa.large_list(pa.array(tokens[0]).type))}),
    )
    expected = folder_bytes(encode(tokens).folder)
    for name in ("a.parquet", "a.jsonl", "a.arrow"):
        assert folder_bytes(encode(tmp_path / name, column="walk").folder) == expected


def test_rows_without_a_value_are_empty_sequences_and_are_counted_once(encode, tmp_path: Path) -> None:
    texts = ["a", None, "b c", None]
    pq.write_table(pa.table({"text": texts}), tmp_path / "0.parquet")
    (tmp_path / "1.jsonl").write_bytes(_json_lines(texts) + b'{"id": 2}\n')
    with pytest.warns(CorpusWarning, match="5 of 9 rows have no value in the column 'text'") as warned:
        found = decoded(encode([tmp_path / "0.parquet", tmp_path / "1.jsonl"], column="text"))[1]
    assert len(warned) == 1
    assert found == [["a"], [], ["b", "c"], [], ["a"], [], ["b", "c"], [], []]
    pq.write_table(pa.table({"text": [["a"], None]}), tmp_path / "lists.parquet")
    with pytest.warns(CorpusWarning, match="1 of 2 rows"):
        assert decoded(encode(tmp_path / "lists.parquet", column="text"))[1] == [["a"], []]


def test_a_row_without_a_value_may_have_bytes_and_a_slice_may_begin_anywhere() -> None:
    whole = pa.array(["ab", "c\nd", "", "ef"] * 5)
    mask = np.arange(20) % 3 == 0
    masked = pa.Array.from_buffers(
        pa.string(), 20, [pa.py_buffer(np.packbits(~mask, bitorder="little").tobytes()), *whole.buffers()[1:]]
    )
    for array in (whole, masked):
        for start in (0, 3, 9):
            expected = "".join((text or "").replace("\n", " ") + "\n" for text in array[start:].to_pylist())
            assert bytes(table_text.lines_of_arrow(array.slice(start), "x")) == expected.encode()


@pytest.mark.parametrize("offsets", [[0, 9, 4], [0, 5, 4], [3, 2, 4], [0, -1, 4]])
def test_damaged_offsets_of_an_arrow_array_are_refused(offsets: list[int]) -> None:
    data = [None, pa.py_buffer(np.array(offsets, np.int32).tobytes()), pa.py_buffer(b"abcd")]
    with pytest.raises(CorpusError, match="x: the Arrow data is damaged: a row"):
        table_text.lines_of_arrow(pa.Array.from_buffers(pa.string(), 2, data), "x")


def test_standard_input_and_streams_are_json_lines(encode) -> None:
    stream = io.BytesIO(gzip.compress(_json_lines(TEXTS)))
    assert folder_bytes(encode(stream, column="text").folder) == folder_bytes(encode(LINES).folder)
    with pytest.raises(CorpusError, match="got 'body'; the columns are 'id', 'text'"):
        encode(io.BytesIO(_json_lines(TEXTS)), column="body")


FRAMES: dict[str, Callable[[Any], Any]] = {
    "pandas": lambda columns: pytest.importorskip("pandas").DataFrame(columns),
    "polars": lambda columns: pytest.importorskip("polars").DataFrame(columns),
    "arrow": pa.table,
}


@pytest.mark.parametrize("library", FRAMES)
def test_a_column_of_a_frame_is_chosen_by_name(encode, library: str) -> None:
    frame = FRAMES[library]({"id": range(len(TEXTS)), "text": TEXTS})
    assert folder_bytes(encode(frame, column="text").folder) == folder_bytes(encode(LINES).folder)
    with pytest.raises(CorpusError, match="got 'body'; the columns are 'id', 'text'"):
        encode(frame, column="body")


IN_MEMORY: dict[str, Callable[[], Any]] = {
    "arrow": lambda: pa.array(TEXTS),
    "arrow large, slice": lambda: pa.array(["no", *TEXTS], pa.large_string())[1:],
    "arrow chunks": lambda: pa.chunked_array([TEXTS[:3], TEXTS[3:3], TEXTS[3:]]),
    "arrow dictionary": lambda: pa.array(TEXTS).dictionary_encode(),
    "polars": lambda: pytest.importorskip("polars").Series(TEXTS),
    "pandas": lambda: pytest.importorskip("pandas").Series(TEXTS, dtype="string[pyarrow]"),
    "pandas slice": lambda: pytest.importorskip("pandas").Series(["no", *TEXTS], dtype="string[pyarrow]")[1:],
}


@pytest.mark.parametrize("kind", IN_MEMORY)
def test_arrow_buffers_in_memory_are_counted_without_an_object_for_each_row(encode, monkeypatch, kind: str) -> None:
    column = IN_MEMORY[kind]()
    expected = folder_bytes(encode(LINES).folder)

    def refuse(self: Any) -> Any:
        raise AssertionError("a row became an object")

    monkeypatch.setattr(tables.TextColumn, "__iter__", refuse)
    monkeypatch.setattr("firth.corpus.memory_columns.BATCH_BYTES", 64)
    for threads in (1, 3):
        assert folder_bytes(encode(column, threads=threads).folder) == expected


def test_training_on_a_column_gives_the_vectors_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(LINES)
    (tmp_path / "a.jsonl").write_bytes(_json_lines(TEXTS))
    pq.write_table(_frame(), tmp_path / "a.parquet")
    options: Any = {"dims": 4, "min_count": 1, "threads": 1, "progress": False, "subsample": 0}
    expected = firth.train(tmp_path / "a.txt", heldout=tmp_path / "a.txt", **options)
    for name in ("a.jsonl", "a.parquet"):
        model = firth.train(tmp_path / name, column="text", heldout=tmp_path / name, **options)
        assert model.vectors.matrix.tobytes() == expected.vectors.matrix.tobytes()
        assert model.history.heldout_loss_nats == expected.history.heldout_loss_nats
    more = model.train_more(tmp_path / "a.jsonl", column="text", progress=False)
    assert more.vectors.matrix.tobytes() != model.vectors.matrix.tobytes()


def test_phrases_are_learned_from_a_column(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(LINES)
    (tmp_path / "a.jsonl").write_bytes(_json_lines(TEXTS))
    options: Any = {"min_count": 1, "threshold": 1}
    expected = firth.learn_phrases(tmp_path / "a.txt", **options).scores
    assert expected
    assert firth.learn_phrases(tmp_path / "a.jsonl", column="text", **options).scores == expected


def _parquet(**columns: Any) -> Callable[[Path], Any]:
    return lambda path: pq.write_table(pa.table(columns), path)


def _bytes(data: bytes) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(data)


def _cut_stream(path: Path) -> None:
    """A stream without its last batch and its end mark."""
    table = pa.table({"text": ["a b", "c d"]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table.slice(0, 1))
        n_bytes = sink.tell()
        stream.write_table(table.slice(1))
    path.write_bytes(sink.getvalue().to_pybytes()[:n_bytes])
    assert pa.ipc.open_stream(path.read_bytes()).read_all().num_rows == 1  # in silence


REFUSED: dict[str, tuple[str, Callable[[Path], Any], type[Exception], str]] = {
    "no column": ("a.parquet", _parquet(id=[1], body=["a"]), CorpusError, "got 'text'; the columns are 'id', 'body'"),
    "no text": ("a.parquet", _parquet(text=[1.5]), CorpusTypeError, "whose type is double; name another"),
    "bytes": ("a.parquet", _parquet(text=[b"a"]), CorpusTypeError, "whose type is binary"),
    "lists of floats": ("a.parquet", _parquet(text=[[1.5]]), CorpusTypeError, "type is list<.*double>"),
    "cut Parquet": ("a.parquet", _bytes(b"PAR1" + bytes(50)), CorpusError, "cannot be read as Parquet"),
    "cut Arrow": ("a.arrow", _bytes(b"ARROW1\0\0" + bytes(50)), CorpusError, "cannot be read as Arrow"),
    "text": ("a.txt", _bytes(b"north east\n"), CorpusError, "left out unless the corpus is a table"),
    "HDF5": ("a.h5", _bytes(b"\x89HDF\r\n\x1a\n"), CorpusError, "which is an HDF5 file; firth reads"),
    "JSON key": ("a.jsonl", _bytes(b'{"body": "a"}\n'), CorpusError, "got 'text'; the columns are 'body'"),
    "JSON type": ("a.jsonl", _bytes(b'{"text": 3}\n'), CorpusTypeError, "line 1, whose type is int"),
    "JSON types": ("a.jsonl", _bytes(_json_lines(["a", ["b"]])), CorpusTypeError, "line 2: .* must have texts in"),
    "no JSON": ("a.jsonl", _bytes(_json_lines(["a"]) + b'{"text": "b'), CorpusError, "line 2 must be a JSON object"),
    "JSON array": ("a.jsonl", _bytes(b"[1]\n"), CorpusError, r"line 1 must be a JSON object, got \[1\]"),
    "surrogate": ("a.jsonl", _bytes(rb'{"text": "\ud83d"}'), EncodingError, "byte 0xed"),
    "not UTF-8": ("a.jsonl", _bytes(b'{"text": "\xff"}'), EncodingError, "rows 1 to 1: byte 0xff at offset 0"),
    "CSV column": ("a.csv", _bytes(b"id;body\n1;a\n"), CorpusError, "the columns are 'id', 'body'"),
    "CSV cells": ("a.csv", _bytes(b"id,text\n1,a,b\n"), CorpusError, "line 2 must have 2 cells .* got 3"),
    "CSV quote": ("a.csv", _bytes(b'id,text\n1,"a\n'), CorpusError, "line 2 is not CSV: unexpected end"),
    "CSV twice": ("a.csv", _bytes(b"text,text\n1,a\n"), CorpusError, "2 columns have the name 'text'"),
    "CSV CR": ("a.csv", _bytes(b"id,text\r1,a\r"), CorpusError, "line 1 is not CSV: a line ends in CR without LF"),
    "CSV UTF-16": ("a.csv", _bytes("id,text\n".encode("utf-16")), EncodingError, "a.csv must be UTF-8, .* UTF-16"),
    "JSON UTF-16": ("a.jsonl", _bytes('{"text": "a"}\n'.encode("utf-16")), EncodingError, "must be UTF-8, .* UTF-16"),
    "cut stream": ("a.arrow", _cut_stream, CorpusError, "must end with the end mark .*: the file was cut, and"),
    "CSV not UTF-8": ("a.csv", _bytes(b"text,id\n\xff,1\n"), EncodingError, "byte 0xff"),
    "no file": ("a.parquet", lambda path: None, StorageError, "no such file"),
    "empty": ("a.jsonl", _bytes(b""), CorpusError, "is empty"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_bad_tables_are_refused(encode, tmp_path: Path, case: str) -> None:
    name, write, error, message = REFUSED[case]
    write(tmp_path / name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(error, match=message):
            encode(tmp_path / name, column="text")


def test_encoding_errors_apply_to_tables(encode, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a\xff b"}\n')
    found = decoded(encode(tmp_path / "a.jsonl", column="text", encoding_errors="replace"))[1]
    assert found == [["a\ufffd", "b"]]


def test_another_type_in_another_file_is_refused_before_counting(encode, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"text": [["a"]]}), tmp_path / "1.parquet")
    calls: list[str] = []
    with pytest.raises(CorpusTypeError, match=r"got string in .*0\.parquet and list<.*> in .*1\.parquet"):
        encode(str(tmp_path / "*.parquet"), column="text", progress=lambda stage, done, total: calls.append(stage))
    assert calls == []


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        ([["a"]], {"column": "text"}, CorpusTypeError, "column must be left out unless the corpus is a table"),
        ("a.csv", {"column": 3}, CorpusTypeError, "column must be the name of a column, got 3"),
        ("a.csv", {"column": "text", "as_text": True}, ParameterError, "as_text must be left out"),
    ],
)
def test_a_column_of_what_is_no_table_is_refused(encode, source: Any, options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        encode(source, **options)


def test_a_file_without_the_column_is_refused_before_counting(encode, tmp_path: Path) -> None:
    first, second = tmp_path / "0.parquet", tmp_path / "1.parquet"
    pq.write_table(pa.table({"text": ["a"]}), first)
    pq.write_table(pa.table({"body": ["a"], "id": [1]}), second)
    with pytest.raises(CorpusError, match=r"a column of .*1\.parquet, got 'text'; the columns are 'body', 'id'"):
        encode(str(tmp_path / "*.parquet"), column="text")
    pq.write_table(pa.table({"text": pa.array(["a"], pa.large_string())}), second)  # another type of texts
    assert encode([first, second], column="text").n_tokens == 2


def test_a_column_that_begins_late_in_json_lines_is_refused(encode, tmp_path: Path) -> None:
    late = b'{"id": 1}\n' * 120_000 + b'{"id": 1, "text": "north"}\n'
    (tmp_path / "a.jsonl").write_bytes(late)
    with pytest.raises(CorpusError, match=r"a\.jsonl, got 'text'; the columns in its first 104,858 lines are 'id'"):
        encode(tmp_path / "a.jsonl", column="text")


def test_without_pyarrow_the_extra_is_named(encode, tmp_path: Path, monkeypatch) -> None:
    pq.write_table(_frame(), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_bytes(_json_lines(TEXTS))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'firth\[arrow\]'"):
        encode(tmp_path / "a.parquet", column="text")
    assert folder_bytes(encode(tmp_path / "a.jsonl", column="text").folder) == folder_bytes(encode(LINES).folder)


def test_the_command_has_a_flag_for_the_column(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(_json_lines(TEXTS * 3))
    command = [sys.executable, "-m", "firth", "train", str(tmp_path / "a.jsonl"), "-o", str(tmp_path / "model")]
    done = subprocess.run(
        [*command, "--column", "text", "--dims", "4", "--subsample", "0", "--quiet"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "north" in firth.load(tmp_path / "model").vectors.words


def test_the_examples_of_the_page_run(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("fsspec")
    pytest.importorskip("regex")
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parents[2] / "docs" / "data.md"
    found = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert found.attempted == 18
    assert found.failed == 0
