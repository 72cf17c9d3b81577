"""Room tests/corpus: files that are no plain text are named with the way to read them; text is never refused as one."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from corpus_oracle import decoded, split_text

import firth
from firth.corpus import Vocabulary
from firth.corpus.recognise import HEAD_BYTES, decode_text, refuse_other_formats
from firth.errors import CorpusError, EncodingError, FormatError


def _zip(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), data)
    return buffer.getvalue()


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("text.txt")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"a b"))
    return buffer.getvalue()


def _saved(save: Callable[[Any, Any], None], array: Any) -> bytes:
    buffer = io.BytesIO()
    save(buffer, array)
    return buffer.getvalue()


def _parquet() -> bytes:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"text": ["north east"]}), buffer)
    return buffer.getvalue()


def _feather() -> bytes:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.feather

    buffer = io.BytesIO()
    pyarrow.feather.write_feather(pa.table({"text": ["north east"]}), buffer)
    return buffer.getvalue()


JSON_LINES = b"".join(json.dumps({"id": n, "text": "north east"}).encode() + b"\n" for n in range(9))
NOT_TEXT: dict[str, tuple[Callable[[], bytes], str]] = {
    "a.zip": (lambda: _zip(text_txt=b"north east"), r"a zip archive, .*unzip -p .*a\.zip \| firth train -"),
    "a.docx": (lambda: _zip(word__document_xml=b"<w>"), r"a Word document .*pandoc"),
    "a.npz": (lambda: _saved(lambda file, x: np.savez(file, x=x), np.arange(3)), r"a NumPy archive"),
    "gzip-in-gzip.gz": (lambda: gzip.compress(gzip.compress(b"north east")), "gzip data, not plain text; decompress"),
    "tar.tar": (_tar, "a tar archive, .*tar -xOf"),
    "tar.tgz": (lambda: gzip.compress(_tar()), "a tar archive, .*tar -xOf"),
    "a.parquet": (_parquet, r'a Parquet file, .*column of texts, as in column="text" \(--column text\)'),
    "a.feather": (_feather, r"an Arrow file"),
    "a.npy": (lambda: _saved(np.save, np.arange(6)), r"a NumPy array \(\.npy\), .*numpy\.load\('.*a\.npy'\)"),
    "a.safetensors": (lambda: safetensors.numpy.save({"a": np.ones(3)}), "a safetensors file"),
    "a.pdf": (lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF file, .*pdftotext"),
    "a.doc": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "an old Microsoft Office file"),
    "a.pkl": (lambda: pickle.dumps([["a", "b"]]), "a pickle, .*if you trust"),
    "old.pkl": (lambda: pickle.dumps(["a", "b"], protocol=0), "a pickle, .*if you trust"),
    "a.png": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(20), "a PNG image"),
    "a.jpg": (lambda: b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG image"),
    "a.gif": (lambda: b"GIF89a\x01\x00\x01\x00", "a GIF image"),
    "a.sqlite": (lambda: b"SQLite format 3\0" + bytes(99), "an SQLite database"),
    "a.bin": (lambda: b"\xba\x16\x4f\x2f\x0c\0\0\0", "a fastText model"),
    "a.rtf": (lambda: rb"{\rtf1\ansi north}", "an RTF file"),
    "pointer": (
        lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n",
        "a Git LFS pointer, .*git lfs pull",
    ),
    "annexed": (lambda: b"/annex/objects/MD5E-s123--abc.txt\n", "a git-annex pointer"),
}  # fmt: skip
LOOKS_ELSE: dict[str, tuple[bytes, str]] = {
    "a.jsonl": (JSON_LINES, r'JSON lines, .*as in column="text"'),
    "no-ending": (JSON_LINES, "JSON lines"),
    "mark.jsonl": (b"\xef\xbb\xbf" + JSON_LINES, "JSON lines"),
    "one-line.json": (b'{"text": "north east"}', "JSON"),
    "long-lines.jsonl": (b'{"text": "' + b"north " * HEAD_BYTES + b'"}\n', "JSON"),
    "array.json": (json.dumps([{"text": "north"}, {"text": "east"}], indent=1).encode(), "JSON"),
    "long-array.json": (json.dumps([{"text": "north east"}] * 9999, indent=1).encode(), "JSON"),
    "token-lists.jsonl": (b'["north", "east"]\n["east"]\n' * 5, "JSON lines"),
    "notebook.ipynb": (json.dumps({"cells": [{"source": ["a"]}]}, indent=1).encode(), "JSON"),
    "a.csv": (b'id,text\n1,"north, east"\n2,south west\n', r'a CSV file, .*column="text"'),
    "a.CSV.gz": (gzip.compress(b"id;text\n1;north east\n2;south west\n"), "a CSV file"),
    "a.tsv": (b"id\ttext\n1\tnorth east\n", "a TSV file"),
    "a.html": (b"<!DOCTYPE html>\n<html><body>north east</body></html>", "HTML, .*html2text"),
    "no-ending-2": (b"\n  <!-- made by -->\n<HTML lang=en><body>north</body></html>", "HTML"),
    "page.xhtml": (b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml"><p>a</p></html>', "HTML"),
    "dump.xml": (b'<?xml version="1.0"?>\n<doc>north</doc>', "XML"),
    "wiki": (b'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.3/">\n<page>', "XML"),
    "vectors.txt": (b"2 3\nnorth 0.1 0.2 0.3\neast -1 2e-3 .5\n", "a file of word vectors, .*read_vectors"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_TEXT)
def test_formats_that_are_no_text(encode, tmp_path: Path, name: str) -> None:
    make, message = NOT_TEXT[name]
    (tmp_path / name).write_bytes(make())
    for options in ({}, {"tokenizer": str.split}, {"encoding_errors": "replace"}, {"as_text": True}):
        with pytest.raises(CorpusError, match=f"{name} is {message}"):
            encode(tmp_path / name, **options)


@pytest.mark.parametrize("name", LOOKS_ELSE)
def test_formats_that_are_text_of_another_shape_have_a_way_out(encode, tmp_path: Path, name: str) -> None:
    data, message = LOOKS_ELSE[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CorpusError, match=f"{name} is {message}.*pass as_text=True .`--as-text`."):
        encode(tmp_path / name)
    text = gzip.decompress(data) if name.endswith(".gz") else data
    assert decoded(encode(tmp_path / name, as_text=True))[1] == split_text(text)


TEXTS: dict[str, bytes] = {
    "braces.txt": b'{ north } east\n{"north"} east\n',
    "one-object-then-text.txt": b'{"title": "north"}\nnorth east\nsouth west\n',
    "numbers.txt": b"[1, 2, 3]\n[4, 5]\n",
    "citation.txt": b"[1] north\n[2] east\n",
    "quoted.txt": b'"North."\n"East?"\n',
    "commas.txt": b"north,east,south\nwest,north,east\n",
    "prose.csv": b"north, east\nsouth\nwest north east, and, so, on\n",
    "tags.txt": b'<doc id="1" url="x">\nnorth east\n</doc>\n',
    "less.txt": b"<unk> north <s> east\n",
    "prose.txt": b"PAR1 GIF89a BM ID3 OggS GGUF north\nORC FEA1\n",
    "pk.txt": b"PK north\n",
    "version.txt": b"version https east\n",
    "counts.txt": b"2 3\nnorth east south west\n",
    "two-columns.txt": b"1 2\n3 4\n",
    "brace-lines.txt": b"{\nnorth east\n}\n",
    "emoji.txt": "😀 north\n語 east\n".encode(),
    "empty-object.txt": b"[]\n{} north\n",
    "code.txt": b"[{north: 1},\n {east: 2}]\n",
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_not_refused(encode, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(TEXTS[name])
    assert decoded(encode(tmp_path / name))[1] == split_text(TEXTS[name])
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(TEXTS[name]))
    assert decoded(encode(tmp_path / f"{name}.gz"))[1] == split_text(TEXTS[name])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("has_mark", [True, False])
@pytest.mark.parametrize("text", ["north east\nsouth west\n", "север восток\nюг запад\n", "北 东\n南\n西 北 东 \n"])
def test_wide_encodings_are_named(encode, tmp_path: Path, encoding: str, has_mark: bool, text: str) -> None:
    data = (("\ufeff" if has_mark else "") + text).encode(encoding)
    name = encoding.upper().replace("-LE", "LE").replace("-BE", "BE")
    path = tmp_path / "text.txt"
    for compress in (bytes, gzip.compress, bz2.compress, lzma.compress):
        path.write_bytes(compress(data))
        for options in ({}, {"tokenizer": str.split}, {"encoding_errors": "replace"}, {"as_text": True}):
            with pytest.raises(
                EncodingError,
                match=rf"text\.txt must be UTF-8, got text that begins like {name}, .*iconv -f {name[:6]}",
            ):
                encode(path, **options)
    path.write_bytes(data)
    with pytest.raises(EncodingError, match=name):
        Vocabulary.load(path)
    with pytest.raises(EncodingError, match=name):
        decode_text(data, "weights.txt")


def test_utf_8_with_a_nul_is_not_called_utf_16(encode) -> None:
    with pytest.raises(CorpusError, match="a NUL byte at offset 2"):
        encode(b"ab\0cd north east")


def test_streams_and_heldout_files_are_looked_at_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encode) -> None:
    class Stdin:
        buffer = io.BytesIO(JSON_LINES)

    monkeypatch.setattr(sys, "stdin", Stdin)
    with pytest.raises(CorpusError, match="standard input is JSON lines"):
        encode("-")
    with pytest.raises(CorpusError, match="file object is JSON lines"):
        encode(io.BytesIO(JSON_LINES))
    (tmp_path / "heldout.jsonl").write_bytes(JSON_LINES)
    corpus = [["north", "east"]] * 9
    options: dict[str, Any] = {"min_count": 1, "dims": 2, "epochs": 1, "subsample": 0, "threads": 1, "progress": False}
    with pytest.raises(CorpusError, match="heldout.jsonl is JSON lines"):
        firth.train(corpus, heldout=tmp_path / "heldout.jsonl", **options)
    with pytest.raises(CorpusError, match="heldout must have words of the corpus"):
        firth.train(corpus, heldout=tmp_path / "heldout.jsonl", as_text=True, **options)


def test_the_command_line_has_the_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from firth.cli.main import main

    (tmp_path / "a.jsonl").write_bytes(JSON_LINES)
    command = [
        "train",
        str(tmp_path / "a.jsonl"),
        "-o",
        str(tmp_path / "model"),
        "--min-count",
        "1",
        "--dims",
        "2",
        "-q",
        "--subsample=0",
    ]
    assert main(command) == 2
    assert "a.jsonl is JSON lines" in capsys.readouterr().err
    assert main([*command, "--as-text", "--threads", "1"]) == 0
    assert 'east"}' in firth.load(tmp_path / "model").vectors


def test_small_text_files_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes(gzip.compress(b"north 3\n"))
    with pytest.raises(FormatError, match=r"words.txt is gzip data, .*a vocabulary must have lines of a word"):
        Vocabulary.load(tmp_path / "words.txt")
    with pytest.raises(CorpusError, match="weights is a NumPy array"):
        decode_text(_saved(np.save, np.arange(6)), "weights")
    assert decode_text(b"\xef\xbb\xbf1\n\xef\xbb\xbf2\n", "weights") == "1\n2\n"
    assert decode_text(b"a,b\n1,2\n", "weights.csv") == "a,b\n1,2\n"


def test_any_bytes_can_be_looked_at() -> None:
    """Recognition itself never fails, whatever the bytes."""
    rng = np.random.default_rng(1)
    heads = [bytes(rng.integers(0, 256, n, dtype=np.uint8)) for n in range(0, 400, 7)]
    heads += [b"[" * 30_000, b"{" * 30_000, b'{"a":' * 9_000, b'"' * 9_000 + b",\n", b"<!--" * 9_000, b"1 2\n" * 3]
    for head in heads:
        for is_whole in (True, False):
            try:
                refuse_other_formats(head, "a.csv", is_whole=is_whole)
            except CorpusError:
                continue
