"""What a file of vectors is taken for: never another format because one does not fit; other programs' files by name."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import pickle
import struct
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from firth.errors import FormatError
from firth.formats.registry import convert, guess_format, read_vectors

ROWS = [
    ("north", [0.25, -0.5, 0.125, 1.0]),
    ("south", [0.5, 0.25, -0.75, 0.5]),
    ("east", [-0.125, 0.75, 0.5, 0.25]),
    ("up", [0.75, 0.5, -0.25, 0.125]),
]


def text(header: str | None = "4 4", *, end: str = "\n", trailing: str = "", **changes: str) -> bytes:
    """Good rows, those of some words replaced."""
    lines = [changes.get(word, f"{word} " + " ".join(map(str, numbers))) + trailing for word, numbers in ROWS]
    return (end.join(([header] if header else []) + lines) + end).encode()


def binary(header: str = "4 4", rows: list[tuple[str, list[float]]] = ROWS, newline: str = "\n") -> bytes:
    out = header.encode() + b"\n"
    for word, numbers in rows:
        out += word.encode() + b" " + struct.pack(f"<{len(numbers)}f", *numbers) + newline.encode()
    return out


COMMAS = {word: f"{word} " + " ".join(map(str, numbers)).replace(".", ",") for word, numbers in ROWS}
SPARSE = {word: f"{word} 0:{numbers[0]} 3:{numbers[3]}" for word, numbers in ROWS}
# content, format that it is told to be (None: none), what the error says; the row and the piece, or both widths
FAULTS = {
    "decimal commas": (text(**COMMAS), "word2vec", r"row 1 .*dimension 4 of 4.*got '1,0', a decimal comma"),
    "one decimal comma": (text(north="north 0,5 1 2 3"), "word2vec", r"row 1 .*dimension 1 of 4.*'0,5', a decimal"),
    "commas, no header": (text(None, **COMMAS), None, r"row 1: .*'0,25' is a decimal comma"),
    "half of the commas": (text(None, **{w: f"{w} 0,5 1 2 3" for w, _ in ROWS}), "glove", r"row 1: .*'0,5' before"),
    "a comma in the second row": (text(None, south="south 1 2 3 4,5"), "glove", r"row 2 .*got '4,5', a decimal"),
    "-nan(ind)": (text(north="north 1 2 -nan(ind) 3"), "word2vec", r"row 1 .*dimension 3 .*'-nan\(ind\)', a NaN"),
    "1.#QNAN": (text(north="north 1 2 3 1.#QNAN"), "word2vec", r"row 1 .*'1.#QNAN', a NaN"),
    "-nan(ind), no header": (text(None, north="north 1 2 -nan(ind) 3"), "glove", r"row 1 .*dimension 3 of 4"),
    "sparse": (text(**SPARSE), "word2vec", r"row 1 .*4 numbers must follow.* got 2 .*'0:0.25' is an index"),
    "sparse, no header": (text(None, **SPARSE), None, r"row 1: .*'0:0.25' is an index and a value of a sparse row"),
    "header too wide": (text("4 5"), "word2vec", r"row 1 .*got 4 in .*announces 5 dimensions"),
    "header too narrow": (text("4 3"), "word2vec", r"row 1 .*the row has 4 numbers, the header announces 3"),
    "header far too wide": (text("4 300"), "word2vec", r"4 rows of 300 dimensions.*; row 1 has 4 numbers"),
    "header with more rows": (text("5 4"), "word2vec", r"row 5 .*announces 5 rows, the file ends after 4"),
    "first row too narrow": (text(north="north 1 2 3"), "word2vec", r"row 1 .*got 3 in 'north 1 2 3'"),
    "a trailing piece": (text(north="north 1 2 3 4 # x"), "word2vec", r"row 1 .*dimension 4 .*got 'x'"),
    "words after numbers": (text("2 2", north="1 2 north"), "word2vec", r"row 1 .*dimension 2 of 2 .*'north'"),
    "separated by commas": (text(north="north 1, 2, 3, 4"), "word2vec", r"row 1 .*'3,', a number and a separator"),
    "in brackets": (text(north="north [1 2 3 4]"), "word2vec", r"row 1 .*'4\]', a bracket"),
    "prose behind a header": (b"12 3\nthe cat sat on the mat\n" * 9, "word2vec", r"row 1 .*'mat'"),
    "no row at all": (b"5 4\n", "word2vec", "announces 5 rows"),
    "CR ends the lines": (text(end="\r"), None, "carriage return alone"),
    "CR, no header": (text(None, end="\r"), None, "carriage return alone"),
    "CR behind the header": (b"4 4\n" + text(None, end="\r"), "word2vec", r"row 1 .*must not have a carriage return"),
    "CR in one row": (text(None, south="south 1 2 3 4\rwest 1 2 3 4"), "glove", r"row 2 .*carriage return, got 'south"),
    "numbers without words": (b"0.5 1 2\n0.25 2 3\n", None, "numbers without a word before them"),
    "blank word": (text(east="  1 2 3 4"), "word2vec", r"row 3 .*a row must begin with a word"),
    "garbage behind a header": (b"4 4\n" + bytes(range(255, 0, -1)) * 9, None, "neither rows of text nor.* binary"),
    "binary with a NaN": (binary(rows=[("a", [float("nan")] * 4), *ROWS[1:]]), "word2vec-binary", r"row 1 .*finite"),
    "binary that is cut": (binary()[:-9], "word2vec-binary", r"row 4 .*ends after 3, 1\d bytes into the next"),
    "binary, header too wide": (binary("4 5"), "word2vec-binary", "announces 5 dimensions, the first rows have 4"),
    "binary, too wide, no newlines": (binary("4 5", newline=""), "word2vec-binary", "the first rows have 4"),
    "binary, header too narrow": (binary("4 3", newline=""), "word2vec-binary", "3 dimensions, the first rows have 4"),
}


@pytest.mark.parametrize("limit", [None, 2])
@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_told_as_what_it_is(case: str, limit: int | None, tmp_path: Path) -> None:
    content, format, message = FAULTS[case]
    path = tmp_path / "file"
    path.write_bytes(content)
    if format is None:
        with pytest.raises(FormatError, match=message) as caught:
            guess_format(path)
        assert "--from" in str(caught.value)
        assert "format=" in str(caught.value)
    else:
        assert guess_format(path) == format
    if limit is not None and message.startswith(("row 3", "row 4", "row 5")):
        return  # what follows the limit is not looked at
    with pytest.raises(FormatError, match=message):
        read_vectors(path, limit=limit)


@pytest.mark.parametrize("content", [text(), text(**COMMAS), text("4 5"), text(north="north 1 2 -nan(ind) 3")])
@pytest.mark.parametrize("limit", [None, 1, 2])
def test_text_is_never_read_as_binary(content: bytes, limit: int | None, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(FormatError, match="its rows are text, not binary; read it as 'word2vec'"):
        read_vectors(tmp_path / "file", "word2vec-binary", limit=limit)


def test_binary_numbers_that_look_like_text_are_read_if_the_file_is_as_long_as_its_header_says(tmp_path: Path) -> None:
    matrix = np.frombuffer(b".\xaa\t[.\xaa\t[", "<f4").reshape(1, 2)
    path = tmp_path / "model.bin"
    path.write_bytes(b"1 2\n0 " + matrix.tobytes() + b"\n")
    np.testing.assert_array_equal(read_vectors(path, "word2vec-binary").matrix, matrix)


def test_a_long_piece_takes_no_long_time(tmp_path: Path) -> None:
    """A pattern of numbers that can match one piece in two ways takes the square of its length: minutes here."""
    for content in (b"1 2\na " + b"1" * 60_000 + b"x 1\n", b"a 1 " + b"1" * 60_000 + b"x\n"):
        (tmp_path / "file").write_bytes(content)
        started = time.process_time()
        with pytest.raises(FormatError):
            read_vectors(tmp_path / "file")
        assert time.process_time() - started < 1


@pytest.mark.parametrize("n_dims", [1, 2, 4, 300, 20_000])
@pytest.mark.parametrize("n_rows", [1, 2, 30])
@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 1e4, 1e30, 0.0])
def test_binary_of_any_size_is_recognised(n_dims: int, n_rows: int, scale: float, tmp_path: Path) -> None:
    """Those of one row, which no second one confirms, and rows longer than the look included."""
    if n_rows * n_dims > 50_000:
        return
    random = np.random.default_rng(n_dims)
    rows = [(f"w{row}", (random.normal(size=n_dims) * scale).tolist()) for row in range(n_rows)]
    if 4 * n_dims > 1 << 16 and scale in (1e-30, 1e30):
        return  # numbers of sizes that no vectors have, and no second row in sight
    for newline in ("\n", ""):
        (tmp_path / "file").write_bytes(binary(f"{n_rows} {n_dims}", rows, newline))
        assert guess_format(tmp_path / "file") == "word2vec-binary"
        assert len(read_vectors(tmp_path / "file").words) == n_rows


def test_printable_bytes_can_be_binary(tmp_path: Path) -> None:
    numbers = struct.unpack("<4f", b"abc?def>ghi?jkl>")
    (tmp_path / "file").write_bytes(binary("2 4", [("north", list(numbers)), ("south", list(numbers))]))
    assert guess_format(tmp_path / "file") == "word2vec-binary"
    assert read_vectors(tmp_path / "file").matrix[1].tolist() == list(numbers)


@pytest.mark.parametrize("word", ["\x01", "a\x1fb", "\x7f", "\x85", "\u2028", "ab\xa0c"])
def test_control_characters_in_words_of_text(word: str, tmp_path: Path) -> None:
    content = text(north=f"{word} 1 2 3 4")
    for name, data in (("header", content), ("none", content.split(b"\n", 1)[1])):
        (tmp_path / name).write_bytes(data)
        assert read_vectors(tmp_path / name).words[0] == word


def test_words_are_what_the_file_says(tmp_path: Path) -> None:
    """A word that looks encoded is not decoded: the file does not say that it is."""
    (tmp_path / "file").write_bytes(text(north="B64:bm9ydGg= 1 2 3 4"))
    assert read_vectors(tmp_path / "file").words[0] == "B64:bm9ydGg="


def zip_with(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, b"x" * 100)
    return out.getvalue()


def npy() -> bytes:
    out = io.BytesIO()
    np.save(out, np.ones((2, 3)))
    return out.getvalue()


GOOD = text()
FOREIGN = {
    "gzip in gzip": (gzip.compress(gzip.compress(GOOD)), r"compressed twice \(gzip inside\)"),
    "bzip2 in gzip": (gzip.compress(bz2.compress(GOOD)), r"compressed twice \(bzip2 inside\)"),
    "HTML": (b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title>", "HTML or XML"),
    "XML": (b'\n<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "HTML or XML"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7\nsize 12345\n", "git lfs pull"),
    "git-annex": (b"/annex/objects/MD5E-s1--0.bin\n", "git annex get"),
    "JSON": (json.dumps({"north": [1.0, 2.0]}).encode(), "this is JSON"),
    "JSON lines": (b'{"word": "north", "vector": [1, 2]}\n' * 3, "this is JSON"),
    "JSON rows": (b'[["north", 1, 2]]', "this is JSON"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "UTF-16"),
    "UTF-16, no mark": (GOOD.decode().encode("utf-16-le"), "UTF-16"),
    "UTF-16, big end first": (GOOD.decode().encode("utf-16-be"), "UTF-16"),
    "UTF-32": (GOOD.decode().encode("utf-32"), "UTF-32"),
    "zip": (zip_with("vectors.txt"), "a zip archive; unpack"),
    "PyTorch": (zip_with("archive/data.pkl"), "a PyTorch file"),
    "Parquet": (b"PAR1" + b"\0" * 50 + b"PAR1", "a Parquet file"),
    "Arrow": (b"ARROW1\0\0" + b"\xff" * 50, "an Arrow file"),
    ".npy": (npy(), "no words; save it with its words"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(50), "an HDF5 file"),
    "SQLite": (b"SQLite format 3\0" + bytes(50), "an SQLite database"),
    "PDF": (b"%PDF-1.7\n", "a PDF file"),
    "tar": (b"a.txt".ljust(257, b"\0") + b"ustar" + bytes(250), "a tar archive"),
    "safetensors": (struct.pack("<Q", 60) + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', "a safetensors"),
    "pickle of an array": (pickle.dumps(np.ones(3)), "holds no model of gensim's, but PickledArray|firth refuses"),
    "pickle of a dictionary": (pickle.dumps({"a": [1.0]}), "holds no model of gensim's, but dict"),
    "pickle, protocol 0": (pickle.dumps({"a": [1.0]}, protocol=0), "this is a pickle"),
}


@pytest.mark.parametrize("format", [None, "word2vec", "glove"])
@pytest.mark.parametrize("case", FOREIGN)
def test_files_of_other_programs_are_named(case: str, format: str | None, tmp_path: Path) -> None:
    content, message = FOREIGN[case]
    (tmp_path / "file").write_bytes(content)
    if format is not None and case in ("pickle of an array", "pickle of a dictionary"):
        message = "no file of the format .* but of 'gensim'"
    with pytest.raises(FormatError, match=message):
        read_vectors(tmp_path / "file", format)
    with pytest.raises(FormatError):
        convert(tmp_path / "file", tmp_path / "target.txt")
    assert not (tmp_path / "target.txt").exists()


@pytest.mark.parametrize("first", ["{", "[", "<", "<html>", "(dp", "%PDF-", "PAR1", "PK", "version"])
def test_words_that_begin_as_other_programs_files_do(first: str, tmp_path: Path) -> None:
    content = text(None, north=f"{first} 1 2 3 4")
    (tmp_path / "file").write_bytes(content)
    for format in (None, "glove"):
        assert read_vectors(tmp_path / "file", format).words[0] == first


@pytest.mark.parametrize("format", ["word2vec", "word2vec-binary", "glove"])
def test_a_wrong_format_is_answered_by_the_right_one(format: str, tmp_path: Path) -> None:
    archive = io.BytesIO()
    np.savez(archive, words=np.array(["a"]), vectors=np.ones((1, 2), np.float32))
    (tmp_path / "file").write_bytes(archive.getvalue())
    with pytest.raises(FormatError, match=f"no file of the format '{format}' but of 'npz'"):
        read_vectors(tmp_path / "file", format)
