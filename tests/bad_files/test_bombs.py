"""Small files that ask for much: memory, disk or time in no proportion to their size; and what is no regular file."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import pickle
import socket
import struct
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.compat.gensim.models import KeyedVectors
from firth.corpus.encoded import EncodedCorpus
from firth.corpus.vocabulary import Vocabulary
from firth.errors import FirthError, FormatError, StorageError
from firth.estimators.text_classifier import TextClassifier
from firth.formats import source
from firth.formats.registry import READABLE, read_vectors

KEYED = b"\x80\x02cgensim.models.keyedvectors\nKeyedVectors\n)\x81"


def short(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


def keyed_vectors(words: bytes, vectors: bytes = b"N", more: bytes = b"") -> bytes:
    """A KeyedVectors whose words and vectors are these pickled values."""
    state = b"}(" + short("index_to_key") + words + short("vectors") + vectors + more + b"u"
    return KEYED + state + b"b."


def array(values: bytes, kind: str, n_rows: int, n_dims: int | None) -> bytes:
    """A pickled array of float or integer bytes."""
    shape = b"K" + bytes([n_rows]) + (b"K" + bytes([n_dims]) + b"\x86" if n_dims is not None else b"\x85")
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
    dtype = (
        b"cnumpy\ndtype\n"
        + short(kind)
        + b"\x89\x88\x87R(K\x03"
        + short("<")
        + b"NNN"
        + b"J\xff\xff\xff\xff" * 2
        + b"K\x00tb"
    )
    return made + b"(K\x01" + shape + dtype + b"\x89C" + bytes([len(values)]) + values + b"tb"


ONE_ROW = array(np.ones((1, 2), "<f4").tobytes(), "f4", 1, 2)
WORD_A = b"]" + short("a") + b"a"
# a tuple that holds twice a tuple that holds twice ...: its text has 2^60 pieces
LAUGHS = b"]" + b"2\x86" * 60
DEEP = b"K\x00" + b"\x85" * 3000


def test_the_makers_are_right(tmp_path: Path) -> None:
    counts = short("expandos") + b"}" + short("count") + array(struct.pack("<q", 7), "i8", 1, None) + b"s"
    (tmp_path / "f").write_bytes(keyed_vectors(WORD_A, ONE_ROW, counts))
    found = read_vectors(tmp_path / "f")
    assert (found.words, found.matrix.tolist()) == (["a"], [[1.0, 1.0]])
    assert found.counts is not None
    assert found.counts.tolist() == [7]


def with_counts(data: bytes, kind: str) -> bytes:
    return keyed_vectors(WORD_A, ONE_ROW, short("expandos") + b"}" + short("count") + array(data, kind, 1, None) + b"s")


PICKLES = {
    "a text without end as word": (
        keyed_vectors(b"](" + LAUGHS + b"e", ONE_ROW),
        "row 1: a word must be text, got tuple",
    ),
    "a deep word": (keyed_vectors(b"](" + DEEP + b"e", ONE_ROW), "row 1: a word must be text, got tuple"),
    "a text without end as type": (
        KEYED
        + b"}("
        + short("index_to_key")
        + WORD_A
        + short("vectors")
        + b"cnumpy.core.multiarray\n_reconstruct\n)R(K\x01K\x01K\x01\x86"
        + LAUGHS
        + b"\x89C\x04aaaatbub.",
        "got one without a NumPy type",
    ),
    "a text without end as arguments": (
        b"\x80\x02cgensim.models.keyedvectors\nKeyedVectors\n)" + LAUGHS + b"\x92.",
        "named arguments",
    ),
    "a text without end as encoding": (
        b"\x80\x02c_codecs\nencode\n" + short("a") + LAUGHS + b"\x86R.",
        "encoded as latin-1",
    ),
    "half a type": (keyed_vectors(WORD_A, array(b"aa", "f1", 1, 2)), "plain numbers, got one of type 'f1'"),
    "negative counts": (with_counts(struct.pack("<q", -1), "i8"), "row 1: a count must not be negative, got -1"),
    "counts beyond int64": (with_counts(struct.pack("<Q", 2**63), "u8"), "count must be below 2\\^63"),
    "a number of 1,000 bytes as word": (
        keyed_vectors(b"](" + b"\x8b" + struct.pack("<i", 1000) + b"\x01" * 1000 + b"e", ONE_ROW),
        "row 1: a word that is a number must lie within 64 bits",
    ),
    "keys whose hashes collide": (
        b"\x80\x02}(" + b"".join(pickle.dumps((2**61 - 1) * i, 2)[2:-1] + b"N" for i in range(1, 3000)) + b"u.",
        "key must fit in 64 bits",
    ),
}


@pytest.mark.parametrize("case", PICKLES)
def test_pickles(case: str, tmp_path: Path) -> None:
    content, message = PICKLES[case]
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_vectors(tmp_path / "f", "gensim")


# a value of 50 kB that is noted once, and six bytes that make another of it, 20,000 times
_NOTED_TEXT = b"X" + struct.pack("<i", 50_000) + b"x" * 50_000 + b"q\x00"
_NOTED_LIST = b"](" + b"".join(b"J" + struct.pack("<i", i) for i in range(10_000)) + b"eq\x00"
_NOTED_STATE = b"}(" + b"".join(b"J" + struct.pack("<i", i) + b"N" for i in range(8_000)) + b"uq\x00"
GROWING = {
    "encoded text": b"c_codecs\nencode\nq\x01"
    + short("latin1")
    + b"q\x02"
    + _NOTED_TEXT
    + b"]("
    + b"h\x01h\x00h\x02\x86R" * 20_000
    + b"e",
    "sets": b"cbuiltins\nset\nq\x01" + _NOTED_LIST + b"](" + b"h\x01h\x00\x85R" * 20_000 + b"e",
    "states": b"cgensim.models.keyedvectors\nKeyedVectors\nq\x01"
    + _NOTED_STATE
    + b"]("
    + b"h\x01)\x81h\x00b" * 20_000
    + b"e",
    "types": b"cnumpy\ndtype\nq\x01X"
    + struct.pack("<i", 50_001)
    + b"<"
    + b"x" * 50_000
    + b"q\x00]("
    + b"h\x01h\x00\x85R" * 20_000
    + b"e",
    "empty sets": b"](" + b"\x8f" * 120_000 + b"e",
    "notes far away": b"N" + b"".join(b"r" + struct.pack("<I", 2**31 + i) for i in range(100_000)),
}


@pytest.mark.parametrize("case", GROWING)
def test_what_a_pickle_makes_is_bounded_by_its_size(case: str, tmp_path: Path) -> None:
    content = b"\x80\x02" + GROWING[case] + b"."
    (tmp_path / "f").write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError):
            read_vectors(tmp_path / "f", "gensim")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < (24 << 20) + 70 * len(content)


def test_pickle_budget(tmp_path: Path) -> None:
    """A vocabulary as gensim 3 saved it, with an object for each of many short words, stays far below the bound."""
    n_words = 20_000
    kind = b"cgensim.models.keyedvectors\nVocab\nq\x01" + short("count") + b"q\x02" + short("index") + b"q\x03" + b"000"
    words = [f"{i:x}" for i in range(n_words)]
    entries = b"".join(
        short(w) + b"h\x01)\x81}(h\x02M" + struct.pack("<H", i) + b"h\x03M" + struct.pack("<H", i) + b"ub"
        for i, w in enumerate(words)
    )
    keys = b"](" + b"".join(map(short, words)) + b"e"
    vectors = (
        b"cnumpy.core.multiarray\n_reconstruct\n)R(K\x01M"
        + struct.pack("<H", n_words)
        + b"K\x01\x86cnumpy\ndtype\n"
        + short("f4")
        + b"\x85R\x89B"
        + struct.pack("<I", 4 * n_words)
        + np.ones(n_words, "<f4").tobytes()
        + b"tb"
    )
    state = b"}(" + short("index2word") + keys + short("syn0") + vectors + short("vocab") + b"}(" + entries + b"uu"
    (tmp_path / "f").write_bytes(b"\x80\x02" + kind + KEYED[2:] + state + b"b.")
    found = read_vectors(tmp_path / "f")
    assert found.words == words
    assert found.counts is not None
    assert found.counts.tolist() == list(range(n_words))


def test_a_compressed_file_that_becomes_too_much(tmp_path: Path) -> None:
    """Neither the disk nor memory takes what a short file becomes; the bound is far below where it would end."""
    zeros = bytes(40 << 20)
    for name, data in (("p.pkl", b"\x80\x02" + zeros), ("v.bin", struct.pack("<2i", 793712314, 12) + zeros)):
        for suffix, compress in ((".gz", lambda data: gzip.compress(data, 1)), (".bz2", bz2.compress)):
            (tmp_path / name).with_suffix(suffix).write_bytes(compress(data))
            with pytest.raises(FormatError, match="times as many, as vectors never do; .*decompress it first"):
                read_vectors((tmp_path / name).with_suffix(suffix))
    text = b"10000000 2\n" + b"".join(b"w%d 0 0\n" % i for i in range(100))
    (tmp_path / "t.gz").write_bytes(gzip.compress(text + b"w 0 0\n" * 6_000_000, 6))
    with pytest.raises(FormatError, match="times as many, as vectors never do"):
        read_vectors(tmp_path / "t.gz")


def test_an_archive_that_becomes_too_much(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "m.npz", words=np.array(["a", "b"]), vectors=np.zeros((2, 10_000_000), np.float32))
    assert (tmp_path / "m.npz").stat().st_size < 200_000
    with pytest.raises(FormatError, match=r"vectors.npy: announces \d+ bytes in \d+ compressed ones, over 100 times"):
        read_vectors(tmp_path / "m.npz")
    np.savez(tmp_path / "m.npz", words=np.array(["a", "b"]), vectors=np.zeros((2, 10_000_000), np.float32))
    assert read_vectors(tmp_path / "m.npz").matrix.shape == (2, 10_000_000)


def test_negative_counts_of_an_archive(tmp_path: Path) -> None:
    for counts, message in ((np.array([1, -2]), "row 2: a count must not be"), (np.array([1, 2**63], "u8"), "below 2")):
        np.savez(tmp_path / "m.npz", words=np.array(["a", "b"]), vectors=np.ones((2, 2), np.float32), counts=counts)
        with pytest.raises(FormatError, match=message):
            read_vectors(tmp_path / "m.npz")


def test_a_disk_too_full_to_decompress_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.gz"
    path.write_bytes(gzip.compress(b"\x80\x02\xff" + np.random.default_rng(0).bytes(9 << 20), 1))
    usage = source.shutil.disk_usage(tmp_path)
    for free, error, message in ((66 << 20, StorageError, "may be used there"), (80 << 20, FormatError, "opcode 0xff")):
        monkeypatch.setattr(source.shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        with pytest.raises(error, match=message):
            read_vectors(path, "gensim")


def model_folder(folder: Path) -> None:
    vectors = {"words": ["a", "b"], "matrix": np.ones((2, 2), np.float32)}
    from firth.formats.registry import write_vectors
    from firth.formats.table import VectorTable

    write_vectors(folder, VectorTable(vectors["words"], vectors["matrix"]), "firth")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def folder_at(path: Path) -> None:
    path.mkdir()


OPENERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    **{
        f"vectors, {name}": ("f", lambda p, name=name: read_vectors(p / "f", name))
        for name in READABLE
        if name != "firth"
    },
    "vectors": ("f.txt", lambda p: read_vectors(p / "f.txt")),
    "metadata": ("metadata.tsv", lambda p: read_vectors(p / "vectors.tsv", "projector")),
    "config.json": ("config.json", firth.load),
    "config.json of vectors": ("config.json", read_vectors),
    "config.json of a classifier": ("config.json", TextClassifier.load),
    "tensors": ("TENSORS", read_vectors),
    "a corpus": ("corpus.json", EncodedCorpus),
    "a vocabulary": ("v.txt", lambda p: Vocabulary.load(p / "v.txt")),
    "an exact vocabulary": ("v.safetensors", lambda p: Vocabulary.load(p / "v.safetensors")),
    "gensim's names": ("g", lambda p: KeyedVectors.load(str(p / "g"))),
    "a run": (".work/run.json", lambda p: firth.resume(p, progress=False)),
}


@pytest.mark.parametrize("kind", [pipe, device, unix_socket, folder_at])
@pytest.mark.parametrize("case", OPENERS)
def test_only_regular_files_are_opened(
    case: str, kind: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe without a writer blocks its reader for ever, and /dev/zero never ends."""
    name, load = OPENERS[case]
    folder = tmp_path / "m"
    model_folder(folder)
    (folder / ".work").mkdir()
    (folder / "vectors.tsv").write_text("1\t2\n3\t4\n")
    if name == "TENSORS":
        (tensors,) = folder.glob("model-*.safetensors")
        name = tensors.name
    (folder / name).unlink(missing_ok=True)
    monkeypatch.chdir(folder)  # the name of a socket has at most 107 bytes
    kind(Path(name))
    raised: list[BaseException] = []

    def run() -> None:
        try:
            load(folder)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    (error,) = raised
    assert isinstance(error, FirthError), repr(error)
    what = {pipe: "a pipe or a device", device: "a pipe or a device", unix_socket: "a socket", folder_at: "a folder"}[
        kind
    ]
    if name != ".work/run.json" and not (case == "vectors" and kind is folder_at):
        assert what in str(error)
        assert name in str(error)


def test_limits_of_a_child(tmp_path: Path) -> None:
    """The same without the library's own count: a process that may take 400 MiB more reads a bomb of each kind."""
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("address space is measured through /proc, which this system lacks")
    contents = {
        "encode": b"\x80\x02" + GROWING["encoded text"] + b".",
        "laughs": PICKLES["a text without end as word"][0],
    }
    archive = io.BytesIO()
    np.savez_compressed(archive, words=np.array(["a", "b"]), vectors=np.zeros((2, 30_000_000), np.float32))
    contents["npz"] = archive.getvalue()
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    code = (
        "import sys, resource\n"
        "from firth.formats.registry import read_vectors\n"
        "from firth.errors import FormatError\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (400 << 20),) * 2)\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        read_vectors(path, threads=1)\n"
        "    except FormatError as error:\n"
        "        print('refused', error)\n"
    )
    paths = [str(tmp_path / name) for name in contents]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.count("refused") == len(paths), done.stdout + done.stderr
