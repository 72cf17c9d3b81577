"""Room tests/corpus: files, globs, compression, standard input, pipes; and every way in which they fail."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
import threading
import unicodedata
from pathlib import Path

import pytest
import zstandard
from corpus_oracle import decoded, expected, folder_bytes, split_text

from firth.corpus import blocks, estimate_corpus, sources
from firth.errors import CorpusError, CorpusTypeError, CorpusWarning, MissingExtraError, StorageError

TEXT = "".join(f"le café nº {n % 50} est ouvert {'é' * (n % 40)}\n" for n in range(3000)).encode()
COMPRESSORS = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 100 bytes: their borders fall inside words, characters and line ends."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100)


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_compressed_files(encode, tmp_path: Path, suffix: str, small_blocks: None) -> None:
    compress = COMPRESSORS[suffix]
    reference = folder_bytes(encode(TEXT).folder)
    (tmp_path / f"text{suffix}").write_bytes(compress(TEXT))
    assert folder_bytes(encode(tmp_path / f"text{suffix}").folder) == reference
    (tmp_path / "by-content").write_bytes(compress(TEXT))
    assert folder_bytes(encode(tmp_path / "by-content").folder) == reference
    (tmp_path / f"members{suffix}").write_bytes(compress(TEXT[:5001]) + compress(TEXT[5001:]))
    assert folder_bytes(encode(tmp_path / f"members{suffix}").folder) == reference
    (tmp_path / f"mark{suffix}").write_bytes(compress(b"\xef\xbb\xbf" + TEXT))
    assert folder_bytes(encode(tmp_path / f"mark{suffix}").folder) == reference


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_a_cut_or_damaged_compressed_file(encode, tmp_path: Path, suffix: str) -> None:
    data = COMPRESSORS[suffix](TEXT)
    path = tmp_path / f"text{suffix}"
    for size in (len(data) - 1, len(data) // 2, 20):
        path.write_bytes(data[:size])
        with pytest.raises(CorpusError, match=f"text{suffix}: the .* data (ends too early|is damaged)"):
            encode(path)
    if suffix != ".zst":  # which has no checksum by default
        path.write_bytes(data[: len(data) // 2] + b"\xff" * 40 + data[len(data) // 2 + 40 :])
        with pytest.raises(CorpusError, match="data (ends too early|is damaged)"):
            encode(path)
    path.write_bytes(data + b"rubbish behind it")
    with pytest.raises(CorpusError, match="data is damaged"):
        encode(path)
    path.write_bytes(TEXT)
    with pytest.raises(CorpusError, match="has the name of a .* file but is not compressed; rename it"):
        encode(path)
    path.write_bytes(COMPRESSORS[suffix](b""))
    with pytest.raises(CorpusError, match=f"text{suffix} is empty"):
        encode(path)
    path.write_bytes(COMPRESSORS[suffix](b"ok \xff"))
    with pytest.raises(CorpusError, match=f"text{suffix}: byte 0xff at offset 3"):
        encode(path)


def test_gzip_may_be_padded_with_zeros(encode, tmp_path: Path) -> None:
    (tmp_path / "t.gz").write_bytes(gzip.compress(b"a b") + bytes(1000))
    assert decoded(encode(tmp_path / "t.gz"))[1] == [["a", "b"]]


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_a_compressed_file_of_one_huge_run_is_streamed(encode, tmp_path: Path, suffix: str) -> None:
    """Blocks stay small, whatever the ratio of compression."""
    path = tmp_path / f"run{suffix}"
    path.write_bytes(COMPRESSORS[suffix](b"a " * 4_000_000))
    (text,) = sources.classify_source(path)
    largest = max(len(block) for block in text.blocks())
    assert largest <= 48 << 20 if suffix == ".zst" else largest <= blocks.BLOCK_BYTES


def test_zstd_needs_its_extra(encode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    (tmp_path / "t.zst").write_bytes(zstandard.ZstdCompressor().compress(b"a b"))
    with pytest.raises(MissingExtraError, match=r"pip install 'firth\[zstd\]'"):
        encode(tmp_path / "t.zst")


def test_plain_and_compressed_files_together(encode, tmp_path: Path) -> None:
    parts = [TEXT[:999], b"no end of line", TEXT[999:40_000], b"\n"]
    (tmp_path / "a.txt").write_bytes(parts[0])
    (tmp_path / "b.gz").write_bytes(gzip.compress(parts[1]))
    (tmp_path / "c.txt").write_bytes(parts[2])
    (tmp_path / "d.xz").write_bytes(lzma.compress(parts[3]))
    sequences = [sequence for part in parts for sequence in split_text(part)]
    corpus = encode(str(tmp_path / "[a-d].*"), threads=3, chunk_bytes=500)
    assert decoded(corpus) == expected(sequences)
    handle = io.BytesIO(TEXT[:50])
    assert decoded(encode(handle)) == expected(split_text(TEXT[:50]))


class _Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.mark.parametrize("data", [TEXT, b"\xef\xbb\xbf" + TEXT, gzip.compress(TEXT)])
def test_standard_input(encode, monkeypatch: pytest.MonkeyPatch, data: bytes, small_blocks: None) -> None:
    monkeypatch.setattr(sys, "stdin", _Stdin(data))
    assert folder_bytes(encode("-").folder) == folder_bytes(encode(TEXT).folder)
    with pytest.raises(CorpusError, match="standard input is empty"):
        encode("-")  # read already


def test_standard_input_that_is_no_text(encode, monkeypatch: pytest.MonkeyPatch) -> None:
    for data, message in (
        (b"caf\xe9 a", "standard input: byte 0xe9 at offset 3"),
        (b"a\0b", "standard input: a NUL byte at offset 1"),
        ("a".encode("utf-16"), "standard input must be UTF-8, got text that begins like UTF-16"),
    ):
        monkeypatch.setattr(sys, "stdin", _Stdin(data))
        with pytest.raises(CorpusError, match=message):
            encode("-")


def test_a_named_pipe(encode, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(TEXT))
    writer.start()
    corpus = encode(pipe)
    writer.join()
    assert decoded(corpus) == expected(split_text(TEXT))


def test_files_that_are_none(encode, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "here.txt").write_bytes(b"a")
    cases: list[tuple[object, type[Exception], str]] = [
        (tmp_path / "none.txt", StorageError, "none.txt: no such file"),
        (str(tmp_path / "none-*.txt"), StorageError, "none-.*: no file matches"),
        (str(tmp_path / "fold*"), StorageError, "must match files, got only folders"),
        (tmp_path / "empty.txt", CorpusError, "empty.txt is empty"),
        (
            tmp_path / "folder",
            StorageError,
            r"folder is a folder, not a file; .* pass .*folder/\*",
        ),
        ([tmp_path / "here.txt", str(tmp_path / "none.txt")], StorageError, "none.txt: no such file"),
        ([str(tmp_path / "here.txt"), "the cat sat"], StorageError, "the cat sat: no such file"),
        (
            "the cat sat on the mat",
            StorageError,
            r"is not the path of a file; to pass a text itself use \[text.split\(\)\]",
        ),
        ("a\0b", CorpusTypeError, "NUL"),
        (io.StringIO("a b"), CorpusTypeError, "opened in binary mode, got a text file"),
    ]
    before = sorted(tmp_path.iterdir())
    for source, error, message in cases:
        with pytest.raises(error, match=message):
            encode(source)
        assert sorted(tmp_path.iterdir()) == before


def test_files_of_the_kernel_have_content_but_no_size(encode) -> None:
    path = Path("/proc/self/status")
    if not path.exists():
        pytest.skip("needs /proc")
    assert encode(path).vocabulary.counts.sum() > 10


def test_estimates(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(TEXT)
    n_tokens, n_lines = len(TEXT.split()), TEXT.count(b"\n")
    estimate = estimate_corpus(tmp_path / "t.txt", threads=2)
    assert estimate.n_tokens == pytest.approx(n_tokens, rel=0.05)
    assert estimate.kept_bytes == pytest.approx(4 * n_tokens + 8 * n_lines, rel=0.05)
    assert estimate.disk_bytes == pytest.approx(8 * n_tokens + 12 * n_lines, rel=0.05)
    assert estimate.memory_bytes < 80 << 20
    generator = iter([["a"]])
    assert estimate_corpus(generator).disk_bytes is None
    assert next(generator) == ["a"]  # untouched
    (tmp_path / "t.gz").write_bytes(gzip.compress(TEXT))
    assert estimate_corpus(tmp_path / "t.gz").n_tokens is not None


def test_standard_input_that_is_closed(encode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(
        StorageError, match="^standard input must be open, got a closed one; pipe a text into it, as in `cat "
    ):
        encode("-")


@pytest.mark.parametrize("folder", ["Set [a]", "what?", "a*b", "deep [1]/er [2]"])
def test_a_folder_whose_name_looks_like_a_glob(encode, tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "one.txt").write_text("north wind\n", encoding="utf-8")
    assert encode(str(tmp_path / folder / "*.txt")).n_tokens == 2
    with pytest.raises(StorageError, match="is a folder, not a file; to read the files in it pass") as refused:
        encode(str(tmp_path / folder))
    assert encode(str(refused.value).rpartition(" pass ")[2]).n_tokens == 2  # the next step that is named works
    assert encode([str(tmp_path / folder / "*")]).n_tokens == 2


def test_empty_files_among_others_are_left_out_and_named_together(encode, tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"empty{number}.txt").touch()
    (tmp_path / "here.txt").write_bytes(b"a b a")
    with pytest.warns(CorpusWarning, match=r"^7 of 8 files are empty and left out: .*empty0.txt, .* and 2 more$"):
        corpus = encode(str(tmp_path / "*.txt"))
    assert decoded(corpus)[1] == [["a", "b", "a"]]
    (tmp_path / "none.txt.gz").write_bytes(gzip.compress(b""))
    with pytest.warns(CorpusWarning, match=r"^1 of 2 files are empty and left out: .*none.txt.gz$"):
        corpus = encode([tmp_path / "here.txt", tmp_path / "none.txt.gz"])
    assert decoded(corpus)[1] == [["a", "b", "a"]]
    with pytest.raises(CorpusError, match=r"^all 7 files are empty: .*empty0.txt, .* and 2 more$"):
        encode(str(tmp_path / "empty*.txt"))


def test_a_name_in_another_unicode_form_is_found(encode, tmp_path: Path) -> None:
    decomposed, composed = unicodedata.normalize("NFD", "caf\u00e9.txt"), unicodedata.normalize("NFC", "caf\u00e9.txt")
    (tmp_path / decomposed).write_bytes(b"a b a")
    assert decoded(encode(tmp_path / composed))[1] == [["a", "b", "a"]]
    (tmp_path / composed).write_bytes(b"c d")
    assert decoded(encode(tmp_path / composed))[1] == [["c", "d"]]
    with pytest.raises(StorageError, match="no such file"):
        encode(tmp_path / "th\u00e9.txt")


def test_names_with_brackets_are_files_and_patterns(encode, tmp_path: Path) -> None:
    (tmp_path / "part[1].txt").write_bytes(b"a b")
    assert decoded(encode(tmp_path / "part[1].txt"))[1] == [["a", "b"]]
    assert decoded(encode(str(tmp_path / "part*.txt")))[1] == [["a", "b"]]
