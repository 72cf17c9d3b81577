"""Files of vectors that are wrong, each with an error of its own that says where; nothing is executed or allocated."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from firth.errors import EncodingError, FormatError, StorageError
from firth.formats.registry import READABLE, guess_format, read_vectors

NAN = struct.pack("<f", float("nan"))
ONE = struct.pack("<f", 1.0)
LONG = b"x" * 70_000
HUGE = b"1000000000000"

# format, content, what the error says
TEXT = {
    "header is garbage": ("word2vec", b"hello world\na 1 2\n", "first line must be the numbers"),
    "header has three numbers": ("word2vec", b"1 2 3\na 1 2\n", "first line must be the numbers"),
    "header without rows": ("word2vec", b"0 2\n", "must announce at least one row, got 0"),
    "header without dimensions": ("word2vec", b"1 0\na\n", "1 to 1048576 dimensions, got 0"),
    "header longer than any": ("word2vec", b"1" * 300 + b" 2\na 1\n", "first line is longer than 256 bytes"),
    "10^12 rows": ("word2vec", HUGE + b" 300\na 1 2\n", "announces 1000000000000 rows of 300 .* 6 follow"),
    "10^12 dimensions": ("word2vec", b"1 " + HUGE + b"\na 1 2\n", "dimensions, got 1000000000000"),
    "fewer rows than announced": ("word2vec", b"3 1\na 1.000000\nb 1\n", r"row 3 \(byte 19\): .*ends after 2"),
    "cut inside a row": ("word2vec", b"2 3\na 1 2 3.000\nb 1 2", r"row 2 \(byte 16\): 3 numbers must follow.*got 2"),
    "more rows than announced": ("word2vec", b"1 2\na 1 2\nb 1 2\n", r"row 2 \(byte 10\): more rows follow than the 1"),
    "trailing garbage": ("word2vec", b"1 2\na 1 2\n\x00\xff!", r"row 2 \(byte 10\): more rows"),
    "row too narrow": ("word2vec", b"2 3\na 1 2 3.000\nb 1 2\n", r"row 2 .* 3 numbers must follow the word, got 2"),
    "row too wide": ("word2vec", b"2 2\na 1 2\nb 1 2 3\n", r"row 2 \(byte 12\): 2 numbers .* got more, from '1'"),
    "no number": ("word2vec", b"1 3\na 1 two 3\n", r"row 1 \(byte 8\): dimension 2 of 3 must be a number, got 'two'"),
    "half a number": ("word2vec", b"1 2\na 1 2x\n", "dimension 2 of 2 must be a number, got '2x'"),
    "hexadecimal": ("word2vec", b"1 2\na 1 0x10\n", "must be a number, got '0x10'"),
    "comma": ("word2vec", b"1 2\na 1 0,5\n", "must be a number, got '0,5'"),
    "NaN": ("word2vec", b"1 2\na 1 nan\n", r"row 1 \(byte 8\): dimension 2 of 2 must be a finite float32, got 'nan'"),
    "infinity": ("word2vec", b"1 2\na -inf 1\n", "dimension 1 of 2 must be a finite float32, got '-inf'"),
    "beyond float32": ("word2vec", b"1 2\na 1 1e39\n", "finite float32, got '1e39'"),
    "beyond float64": ("word2vec", b"1 2\na 1 1e999\n", "finite float32, got '1e999'"),
    "no word": ("word2vec", b"2 2\na 1 2\n 1 2\n", r"row 2 \(byte 10\): a row must begin with a word"),
    "blank line inside": ("word2vec", b"2 2\na 1 2\n\nb 1 2\n", r"row 2 \(byte 10\): a row must begin with a word"),
    "word too long": ("word2vec", b"1 1\n" + LONG + b" 1\n", "at most 65536 bytes"),
    "repeated word": ("word2vec", b"2 1\na 1\na 2\n", "row 2: the word 'a' is in row 1 too"),
    "invalid UTF-8": ("word2vec", b"2 1\na 1\nb\xffc 2\n", r"row 2 \(byte 9\): the word .* is not valid UTF-8"),
    "a surrogate": ("word2vec", b"1 1\n\xed\xa0\x80 1\n", r"row 1 \(byte 4\): .*not valid UTF-8"),
    "no line break at all": ("glove", b"a " + b"1" * 80_000_000, "longer than|must be a number|finite"),
    "glove of text": ("glove", b"the cat sat\non the mat\n", "0 numbers|must be a number"),
    "glove of nothing": ("glove", b"\n\n\n", "must have at least one row, got none"),
    "glove too narrow": ("glove", b"a 1 2\nb 1 2\nc 1\n", r"row 3 \(byte 12\): 2 numbers must follow the word, got 1"),
    "glove too wide": ("glove", b"a 1 2\nb 1 2\nc 1 2 3\n", "row 3 .* got more, from '1'"),
    "glove NaN": ("glove", b"a 1 2\nb 1 NaN\n", r"row 2 \(byte 10\): dimension 2 of 2 must be a finite"),
    ".vec cut": ("fasttext-vec", b"2 2\na 1 2 \nb 1 ", "row 2 .* 2 numbers must follow the word, got 1"),
}
BINARY = {
    "header is garbage": (b"\x00\x01\x02", "first line must be the numbers"),
    "10^12 rows": (HUGE + b" 300\na " + ONE, "announces 1000000000000 rows"),
    "cut inside the numbers": (
        b"2 2\nlong " + ONE * 2 + b"\nb " + ONE,
        r"row 2 \(byte 17\): .*ends after 1, 7 bytes into",
    ),
    "cut between rows": (b"2 1\nlonger " + ONE + b"\n", r"row 2 .*ends after 1"),
    "NaN": (b"1 2\na " + ONE + NAN + b"\n", r"row 1 \(byte 10\): dimension 2 of 2 must be a finite float32"),
    "no word": (b"2 1\na " + ONE + b"\n " + ONE + b"\n", r"row 2 .* a row must begin with a word"),
    "break in the word": (b"2 1\na " + ONE + b"\nb\nc " + ONE, r"row 2 .* must not have a line break"),
    "word too long": (b"1 1\n" + LONG + b" " + ONE, "at most 65536 bytes"),
    "trailing garbage": (b"1 1\na " + ONE + b"\ngarbage", r"byte 10\): |byte 10: more bytes follow than the 1 rows"),
    "repeated word": (b"2 1\na " + ONE + b"\na " + ONE + b"\n", "row 2: the word 'a' is in row 1"),
    "invalid UTF-8": (b"2 1\na " + ONE + b"\nb\xff " + ONE + b"\n", r"row 2 \(byte 12\): .*not valid UTF-8"),
}


def refuse(path: Path, content: bytes, format: str | None, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as caught:
        read_vectors(path, format)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("case", TEXT)
def test_text(case: str, tmp_path: Path) -> None:
    format, content, message = TEXT[case]
    refuse(tmp_path / "file", content, format, message)


@pytest.mark.parametrize("case", BINARY)
def test_word2vec_binary(case: str, tmp_path: Path) -> None:
    content, message = BINARY[case]
    refuse(tmp_path / "file", content, "word2vec-binary", message)


def test_an_encoding_error_is_both(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1 1\n\xff 1\n")
    with pytest.raises(EncodingError):
        read_vectors(tmp_path / "file", "word2vec")


def test_replacement_can_make_two_words_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"2 1\n\xfe 1\n\xff 2\n")
    with pytest.raises(FormatError, match="row 2: .*after replacing its invalid bytes is in row 1"):
        read_vectors(tmp_path / "file", "word2vec", encoding_errors="replace")
    found = read_vectors(tmp_path / "file", "word2vec", encoding_errors="replace", duplicates="first")
    assert found.words == ["\ufffd"]


@pytest.mark.parametrize("where", [5_000, 60_000, 299_999])
def test_a_wrong_row_deep_inside_is_named_by_its_own_number(where: int, tmp_path: Path) -> None:
    """Blocks are parsed on several threads; the first wrong row of the file is reported all the same."""
    lines = [f"w{i} 0.25 -1.5 3e-2" for i in range(300_000)]
    lines[where] = f"w{where} 0.25 oops 3e-2"
    if where < 200_000:
        lines[-1] = "last nan 1 1"
    data = ("300000 3\n" + "\n".join(lines) + "\n").encode()
    refuse(tmp_path / "file", data, "word2vec", rf"row {where + 1} \(byte {data.index(b'oops')}\): dimension 2 of 3")


def test_the_row_of_invalid_bytes_deep_inside(tmp_path: Path) -> None:
    words = [f"w{i}".encode() for i in range(200_000)]
    words[150_000] = b"w\xc3"
    text = b"200000 2\n" + b"".join(word + b" 1 2\n" for word in words)
    refuse(tmp_path / "t", text, "word2vec", rf"row 150001 \(byte {text.index(bytes([0xC3]))}\)")
    binary = b"200000 2\n" + b"".join(word + b" " + ONE * 2 for word in words)
    refuse(tmp_path / "b", binary, "word2vec-binary", rf"row 150001 \(byte {binary.index(bytes([0xC3]))}\)")


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress])
def test_a_compressed_file_that_is_cut_or_lies(compress, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    packed = compress(b"2000 2\n" + b"".join(b"w%d 1 2\n" % i for i in range(2000)))
    refuse(tmp_path / "cut", packed[: len(packed) // 2], "word2vec", "stream is damaged or truncated after")
    refuse(tmp_path / "lies", compress(HUGE + b" 300\na 1 2\n"), "word2vec", "300 numbers must follow")
    refuse(tmp_path / "binary", compress(HUGE + b" 300\na " + ONE), "word2vec-binary", "ends after 0")
    damaged = bytearray(packed)
    damaged[len(damaged) // 2] ^= 0xFF
    path = tmp_path / "damaged"
    path.write_bytes(bytes(damaged))
    with pytest.raises(FormatError):
        read_vectors(path, "word2vec")


def test_an_xz_header_that_asks_for_gigabytes(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]
    refuse(tmp_path / "big", lzma.compress(b"1 1\na 1\n", filters=filters), "word2vec", "damaged or truncated")


def npz(**arrays: object) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def zip_of(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return out.getvalue()


def npy(array: np.ndarray) -> bytes:  # type: ignore[type-arg]
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def npy_header(shape: str, descr: str = "'<f4'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


WORDS, VECTORS = np.array(["a", "b"]), np.ones((2, 3), dtype=np.float32)
NPZ = {
    "cut": (npz(words=WORDS, vectors=VECTORS)[:-30], "zip archive is damaged"),
    "no vectors": (npz(words=WORDS), "must hold the vectors under one of the names"),
    "no words": (npz(vectors=VECTORS), "must hold the words"),
    "pickled words": (npz(words=np.array(["a", {}], dtype=object), vectors=VECTORS), "Python objects"),
    "structured": (npz(words=WORDS, vectors=np.zeros(2, dtype=[("a", "f4")])), "is not plain"),
    "one vector too few": (npz(words=WORDS, vectors=VECTORS[:1]), "as many words as vectors, got 2 and 1"),
    "one dimension": (npz(words=WORDS, vectors=VECTORS[0]), "two dimensions"),
    "integers": (npz(words=WORDS, vectors=VECTORS.astype(int)), "not among those"),
    "NaN": (npz(words=WORDS, vectors=VECTORS * np.nan), "row 1: .*NaN"),
    "float64 beyond float32": (npz(words=WORDS, vectors=np.full((2, 2), 1e300)), "row 1: .*infinity"),
    "repeated": (npz(words=np.array(["a", "a"]), vectors=VECTORS), "row 2: the word 'a'"),
    "empty word": (npz(words=np.array(["a", ""]), vectors=VECTORS), "row 2: .*empty word"),
    "wrong counts": (npz(words=WORDS, vectors=VECTORS, counts=np.arange(3)), "one number a word"),
    "invalid UTF-8": (npz(words=np.array([b"a", b"\xff"]), vectors=VECTORS), "row 2 .*not valid UTF-8"),
    "absurd shape": (zip_of(words=npy(WORDS), vectors=npy_header("(1000000000000, 300)")), "takes 1200000000"),
    "code in the header": (
        zip_of(words=npy(WORDS), vectors=npy_header("(__import__('os').abort(),)")),
        "must have descr, fortran_order and shape",
    ),
    "no array": (zip_of(words=npy(WORDS), vectors=b"hello world, this is no array"), "no NumPy array"),
    "bad code points": (
        zip_of(words=npy(np.array([0x110000, 65], dtype="<u4")).replace(b"<u4", b"<U1"), vectors=npy(VECTORS)),
        "must be Unicode text",
    ),
}


@pytest.mark.parametrize("case", NPZ)
def test_npz(case: str, tmp_path: Path) -> None:
    content, message = NPZ[case]
    refuse(tmp_path / "file.npz", content, "npz", message)


PROJECTOR = {
    "no metadata": (b"1\t2\n", None, "belong there"),
    "fewer words": (b"1\t2\n3\t4\n", b"a\n", "a word for each of the 2 vectors, got 1"),
    "more words": (b"1\t2\n", b"a\nb\n", r"row 2 \(byte 2\): more words follow"),
    "missing word": (b"1\t2\n3\t4\n", b"a\n\n", "row 2 .*word is missing"),
    "ragged metadata": (b"1\t2\n", b"Word\tCount\na\n", "row 1 .*2 columns are needed, got 1"),
    "count is no number": (b"1\t2\n", b"Word\tCount\na\tmany\n", "Count must be a whole number, got b'many'"),
    "ragged vectors": (b"1\t2\n3\n", b"a\nb\n", "row 2 .*2 numbers .*got 1"),
    "wide vectors": (b"1\t2\n3\t4\t5\n", b"a\nb\n", "row 2 .*2 numbers .*got more, from '5'"),
    "no number": (b"1\t2\n3\tx\n", b"a\nb\n", "row 2 .*dimension 2 of 2 must be a number"),
    "NaN": (b"1\t2\n3\tnan\n", b"a\nb\n", "row 2 .*finite"),
    "invalid UTF-8": (b"1\t2\n", b"\xff\n", r"metadata.tsv: row 1 \(byte 0\): .*UTF-8"),
}


@pytest.mark.parametrize("case", PROJECTOR)
def test_projector(case: str, tmp_path: Path) -> None:
    vectors, metadata, message = PROJECTOR[case]
    if metadata is not None:
        (tmp_path / "metadata.tsv").write_bytes(metadata)
    (tmp_path / "vectors.tsv").write_bytes(vectors)
    with pytest.raises(FormatError, match=message):
        read_vectors(tmp_path / "vectors.tsv", "projector")


@pytest.mark.parametrize("name", [name for name in READABLE if name != "firth"])
def test_every_reader_refuses_what_is_of_no_format(name: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"", b"\0", b"\n", b"{}", b"\x80\x04", b"PK\x03\x04", bytes(range(256)) * 40, b"not a model\n"):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=str(path)):
            read_vectors(path, name)
        with pytest.raises(FormatError):
            read_vectors(path)


def test_guessing_reads_no_more_than_the_beginning(tmp_path: Path) -> None:
    with open(tmp_path / "sparse", "wb") as file:
        file.write(b"5 3\n")
        file.truncate(1 << 40)
    with pytest.raises(FormatError):
        guess_format(tmp_path / "sparse")


def test_memory_stays_bounded_where_headers_lie(tmp_path: Path) -> None:
    """Under an address space limit of little more than the start of Python, every lie is refused, not allocated."""
    files = {
        "word2vec": HUGE + b" 300\na 1 2\n",
        "word2vec-binary": gzip.compress(HUGE + b" 300\na " + ONE * 300),
        "fasttext-bin": struct.pack("<2i", 793712314, 12)
        + struct.pack("<12id", 300, 5, 5, 5, 5, 1, 2, 2, 2_000_000, 3, 6, 100, 1e-4)
        + struct.pack("<3iqq", 2_000_000_000, 2_000_000_000, 0, 1, -1),
        "gensim": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b".",
        "npz": zip_of(words=npy(WORDS), vectors=npy_header("(1000000000000, 300)")),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    code = (
        "import sys, resource\n"
        "from firth.formats.registry import read_vectors\n"
        "from firth.errors import FormatError\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (300 << 20),) * 2)\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        read_vectors(path, path.rsplit('/', 1)[1], threads=1)\n"
        "    except FormatError as error:\n"
        "        print('refused', error)\n"
    )
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("address space is measured through /proc, which this system lacks")
    done = subprocess.run(
        [sys.executable, "-c", code, *(str(tmp_path / name) for name in files)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.count("refused") == len(files), done.stdout + done.stderr


class _Runs:
    def __reduce__(self) -> tuple[object, ...]:
        return (os.system, ("touch executed",))


PICKLES = {
    "code": (pickle.dumps(_Runs()), r"asks for '(posix|nt)\.system', which firth refuses"),
    "code, protocol 2": (pickle.dumps(_Runs(), protocol=2), r"\.system', which firth refuses"),
    "eval by name": (b"\x80\x02cbuiltins\neval\nX\x02\x00\x00\x001+\x85R.", "builtins.eval"),
    "getattr by name": (b"\x80\x02cbuiltins\ngetattr\n.", "builtins.getattr"),
    "a function of gensim": (b"\x80\x02cgensim.utils\nunpickle\n.", "gensim.utils.unpickle"),
    "calling a class": (b"\x80\x02cgensim.models.keyedvectors\nKeyedVectors\n)R.", "is called, which firth refuses"),
    "calling hash": (b"\x80\x02cbuiltins\nhash\nK\x01\x85R.", "is called, which firth refuses"),
    "persistent id": (b"\x80\x02Pabc\n.", "opcode 0x50 is unknown"),
    "extension registry": (b"\x80\x02\x82\x01.", "opcode 0x82 is unknown"),
    "old style instance": (b"\x80\x02(ios\nsystem\n.", "opcode 0x69 is unknown"),
    "no end": (b"\x80\x02}", "ends without its end mark"),
    "bytes after the end": (b"\x80\x02}.garbage", "7 bytes follow the pickle"),
    "length beyond the file": (b"\x80\x02B\xff\xff\xff\x7fabc", "goes beyond the end"),
    "memo that is not there": (b"\x80\x02h\x05.", "damaged"),
    "memo far away": (b"\x80\x02Nr\xff\xff\xff\xff.", "holds no model"),
    "tuple as a key": (b"\x80\x02})\x85Ns.", "key must be a plain value, got tuple"),
    "a plain dictionary": (pickle.dumps({"a": 1}), "holds no model of gensim's, but dict"),
    "deeply nested": (b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".", "holds no model of gensim's, but list"),
    "deep tuple as a key": (b"\x80\x02})" + b"\x85" * 100_000 + b"Ns.", "key must be a plain value, got tuple"),
    "a huge integer": (
        b"\x80\x02\x8b\xff\xff\xff\x00" + b"\x01" * 0xFFFFFF + b".",
        "at most 1024 bytes, got 16777215",
    ),
    "newer protocol": (b"\x80\x06N.", "pickle protocol must be at most 5, got 6"),
    "no pickle": (b"hello", "pickles of protocol 2"),
}


@pytest.mark.parametrize("case", PICKLES)
def test_pickles(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, message = PICKLES[case]
    monkeypatch.chdir(tmp_path)
    refuse(tmp_path / "file", content, "gensim", message)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """A limit on file sizes stops the writing midway, as a full disk does."""
    code = (
        "import sys, resource, numpy as np\n"
        "from firth.errors import StorageError\n"
        "from firth.formats.registry import write_vectors\n"
        "from firth.formats.table import VectorTable\n"
        "small = VectorTable(['a'], np.ones((1, 4), dtype=np.float32))\n"
        "large = VectorTable([str(i) for i in range(60000)], np.ones((60000, 40), dtype=np.float32))\n"
        "names = ['m.txt', 'm.bin', 'm.npz', 'm.glove', 'm.vec', 'm.tsv', 'm.txt.xz', 'm']\n"
        "for name in names: write_vectors(sys.argv[1] + '/' + name, small)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, 1 << 14))\n"
        "for name in names:\n"
        "    try: write_vectors(sys.argv[1] + '/' + name, large, overwrite=True)\n"
        "    except StorageError as error: print('refused', error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout.count("nothing was changed") == 8, done.stdout + done.stderr
    assert not list(tmp_path.rglob("*.tmp"))
    for name in ("m.txt", "m.bin", "m.npz", "m.glove", "m.vec", "m.tsv", "m.txt.xz", "m"):
        assert read_vectors(tmp_path / name).words == ["a"]


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read and write everything")
    path = tmp_path / "secret.txt"
    path.write_bytes(b"1 1\na 1\n")
    path.chmod(0)
    with pytest.raises(StorageError, match="cannot be read"):
        read_vectors(path)


def test_commas_between_numbers_are_told(tmp_path: Path) -> None:
    (tmp_path / "vectors.txt").write_text("north 0.25, -0.5, 1.0\nsouth 0.5, 0.25, 2.0\n", encoding="utf-8")
    with pytest.raises(FormatError, match=r"'0.25,' is a number and a separator: put only spaces between the numbers"):
        read_vectors(tmp_path / "vectors.txt")
