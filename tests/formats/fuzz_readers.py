"""Throws damaged files at every reader: each must give vectors or a FormatError, never anything else.

``make fuzz`` runs 100,000 inputs a reader; the quick suite runs a few hundred through `test_fuzz.py`. Inputs are valid
files of the reader's format, changed by hypothesis: bytes flipped, cut, repeated, moved, numbers replaced by extreme
ones, pieces of other files put in. The address space is limited, so that a reader which allocates what a header claims
dies of it.

    python tests/formats/fuzz_readers.py [--inputs 100000] [--seconds 600] [--workers 1] [--reader NAME]...
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import io
import json
import os
import pickle
import resource
import struct
import sys
import tempfile
import time
import traceback
import types
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import vector_file_makers as makers
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as hypothesis_seed
from hypothesis import strategies as st

from firth.classification.classifier import load_classifier
from firth.compat.fasttext import load_model
from firth.compat.fasttext.FastText import model_name
from firth.compat.fasttext.refused import NotPossibleError
from firth.errors import FormatError, StorageError
from firth.formats import registry
from firth.formats.fasttext_bin import read_word_model
from firth.formats.gensim_native import read_model
from firth.formats.model_vectors import write_table
from firth.formats.registry import guess_format, read_vectors
from firth.formats.table import VectorTable
from firth.formats.target import WriteOptions

ADDRESS_SPACE = 1 << 31  # beyond what is used when the fuzzing starts
ROWS = [("the", [0.5, -1.25, 3e-5]), ("naïve", [0.0, 1e10, -7.0]), ("日本", [1.0, 2.0, 3.0])]
PIECES = [
    *(struct.pack("<i", number) for number in (0, 1, -1, 2**31 - 1, -(2**31), 793712314, 12, 11, 3)),
    *(struct.pack("<q", number) for number in (0, -1, 2**63 - 1, 2**40)),
    *(struct.pack("<f", number) for number in (float("nan"), float("inf"), 1.0)),
    *(b"nan", b"inf", b"1e999", b"-0", b"1000000000000", b"999999999999999999999999", b"0x1p3", b"1_0", b"."),
    *(b" ", b"  ", b"\t", b"\n", b"\r\n", b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\n\n\n", b""),
    *(b"(", b")", b"[", b"]", b"{", b"}", b"'", b'"', b":", b",", b"'<f4'", b"'O'", b"'<U9'", b"True", b"[0, 4]"),
    *(
        b"\x80\x05",
        b"cos\nsystem\n",
        b"R",
        b"b",
        b"t.",
        b"\x93",
        b"\x94",
        b"\x81",
        b"u.",
        b"r\xff\xff\xff\xff",
        b"h\x00",
    ),
    *(b"\x85" * 50, b"]" * 50, b"\x8e" + struct.pack("<Q", 2**40), b"B\xff\xff\xff\x7f", b"PK\x03\x04", b"PK\x01\x02"),
]


CLASSIFIERS = "fasttext-classifier"  # no format of vectors: firth.load reads it
WHOLE_MODELS: dict[str, Callable[[Path], object]] = {"fasttext-bin": read_word_model, "gensim": read_model}
WORD_MODELS = "fasttext-word-model"  # the same files, whole: firth.compat.fasttext reads them
READERS = (*registry.READABLE, CLASSIFIERS, WORD_MODELS)
GOLDEN = Path(__file__).parents[1] / "classification" / "golden"
WORD_GOLDEN = Path(__file__).parents[1] / "compat" / "fasttext" / "golden"


def seeds() -> dict[str, list[dict[str, bytes]]]:
    """Valid inputs of each reader: files by name, the first one being the path that is read."""
    matrix = np.random.default_rng(0).normal(size=(3 + 4, 2)).astype(np.float32)
    words = [word for word, _ in ROWS]
    text = makers.text(ROWS)
    binaries = [makers.binary(ROWS, newline) for newline in (True, False)]
    models = [makers.fasttext(words, matrix, version=version, buckets=4) for version in (11, 12, None)]
    classifiers = [{"f": path.read_bytes()} for path in sorted(GOLDEN.iterdir()) if path.suffix in (".bin", ".ftz")]
    return {
        CLASSIFIERS: classifiers,
        WORD_MODELS: [{"f": path.read_bytes()} for path in sorted(WORD_GOLDEN.glob("*.bin"))],
        "word2vec": [{"f": text}, {"f": text.replace(b"\n", b" \r\n")}, {"f": gzip.compress(text, mtime=0)}],
        "word2vec-binary": [*({"f": binary} for binary in binaries), {"f": gzip.compress(binaries[0], mtime=0)}],
        "glove": [{"f": makers.text([*ROWS, (". . .", [1.0, 2.0, 3.0])], header=False)}],
        "fasttext-vec": [{"f": text.replace(b"\n", b" \n")}],
        "floret": [{"f": path.read_bytes()} for path in sorted((Path(__file__).parent / "golden").glob("*.floret"))],
        "fasttext-bin": [{"f": model} for model in models],
        "gensim": [{"f": data} for data in _pickles()],
        "npz": [{"f": data} for data in _archives()],
        "projector": [
            {"vectors.tsv": b"0.5\t1\n-2\t3e4\n", "metadata.tsv": "the\nnaïve\n".encode()},
            {"vectors.tsv": b"0.5\t1\n-2\t3e4\n", "metadata.tsv": b"Word\tCount\nthe\t12\na\t3\n"},
        ],
        "firth": [_folder("float32"), _folder("float16")],
    }


def _table() -> VectorTable:
    numbers = np.array([numbers for _, numbers in ROWS], dtype=np.float32)
    return VectorTable([word for word, _ in ROWS], np.minimum(numbers, 9), np.array([3, 2, 1], dtype=np.int64))


def _archives() -> list[bytes]:
    table = _table()
    found = []
    for save in (np.savez, np.savez_compressed):
        out = io.BytesIO()
        save(out, words=np.array(table.words), vectors=table.matrix, counts=table.counts)
        found.append(out.getvalue())
    return found


def _folder(storage: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        write_table(Path(folder), _table(), WriteOptions(storage=storage))
        return {entry.name: entry.read_bytes() for entry in sorted(Path(folder).iterdir())}


def _pickles() -> list[bytes]:
    """Pickles of gensim's classes, made without gensim."""
    saved = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "gensim"}
    for name in (
        "gensim",
        "gensim.models",
        *(f"gensim.models.{part}" for part in ("keyedvectors", "word2vec", "fasttext")),
    ):
        sys.modules[name] = types.ModuleType(name)
    classes = (
        *(("keyedvectors", name) for name in ("KeyedVectors", "Vocab")),
        ("word2vec", "Word2Vec"),
        *(("fasttext", name) for name in ("FastText", "FastTextKeyedVectors")),
    )
    try:
        kinds: dict[str, Any] = {}
        for module, name in classes:
            kinds[name] = type(name, (), {"__module__": f"gensim.models.{module}"})
            setattr(sys.modules[f"gensim.models.{module}"], name, kinds[name])
        table = _table()
        new, old, model, entry = kinds["KeyedVectors"](), kinds["KeyedVectors"](), kinds["Word2Vec"](), kinds["Vocab"]()
        new.__dict__.update(index_to_key=table.words, vectors=table.matrix, expandos={"count": table.counts})
        entry.count = 5
        old.__dict__.update(index2word=["a"], syn0=table.matrix[:1], vocab={"a": entry})
        model.__dict__.update(wv=old, hashfxn=hash, x=1.5, y=(1, 2, None, True), z=np.float64(3))
        ngrams, fast = kinds["FastTextKeyedVectors"](), kinds["FastText"]()
        ngrams.__dict__.update(index_to_key=table.words, vectors_vocab=table.matrix, expandos={"count": table.counts})
        ngrams.__dict__.update(bucket=4, min_n=3, max_n=4, compatible_hash=True, hash2index={2: 0, 1: 2, 3: 1})
        ngrams.vectors_ngrams = table.matrix
        fast.wv = ngrams
        return [pickle.dumps(root, protocol) for root in (new, model, ngrams, fast) for protocol in (2, 4)]
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "gensim"]:
            del sys.modules[name]
        sys.modules.update(saved)


@st.composite
def damaged(draw: st.DrawFn, files: list[dict[str, bytes]]) -> dict[str, bytes]:
    """One of the valid inputs, one of its files changed in one to five places."""
    chosen = dict(draw(st.sampled_from(files)))
    name = draw(st.sampled_from(sorted(chosen)))
    data = bytearray(chosen[name])
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 40))
        kind = draw(st.integers(0, 6))
        if kind == 0:
            del data[at:]
        elif kind == 1:
            del data[at : at + length]
        elif kind == 2 and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == 3:
            data[at:at] = draw(st.sampled_from(PIECES))
        elif kind == 4:
            piece = draw(st.sampled_from(PIECES))
            data[at : at + len(piece)] = piece
        elif kind == 5:
            data[at:at] = draw(st.binary(max_size=20))
        else:
            source = draw(st.integers(0, len(data)))
            data[at:at] = data[source : source + length]
    chosen[name] = bytes(data)
    return chosen


def _check_classifier(path: Path) -> bool:
    """A damaged classifier is refused, or answers: no crash, no NaN, nothing beyond its labels."""
    try:
        labels, probabilities = load_classifier(path).predict(["", "a b c", b"\xff \xe6\x97\xa5 </s> x", "e" * 99], k=3)
    except FormatError as error:
        if not str(error).strip():
            raise AssertionError("an error without a message") from error
        return False
    if len(labels) != 4 or not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise AssertionError(f"an answer that is none: {labels} {probabilities}")
    return True


def check(reader: str, files: dict[str, bytes], folder: Path) -> bool:
    """Give one input to one reader; True where it was read, False where it was refused as it should be."""
    if reader == "firth":
        files = _refit(files)
    for entry in folder.iterdir():
        entry.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    if reader == CLASSIFIERS:
        return _check_classifier(folder / "f")
    if reader == WORD_MODELS:
        return _check_word_model(folder / "f")
    path = folder if reader == "firth" else folder / next(name for name in files if name != "metadata.tsv")
    if reader in WHOLE_MODELS:
        with contextlib.suppress(FormatError, StorageError):
            WHOLE_MODELS[reader](path)
    try:
        table = read_vectors(path, reader, threads=1)
    except (FormatError, StorageError) as error:
        if not str(error).strip():
            raise AssertionError("an error without a message") from error
        if isinstance(error, StorageError) and reader not in ("firth", "gensim", "projector"):
            raise AssertionError(f"the file was there, yet: {error}") from error
        return False
    if reader == "floret":  # it has rows for any word, and lists none
        assert table.subwords is not None
        table = VectorTable(["any"], table.subwords.compose([b"any"])[0].astype(np.float32))
    if not table.words or len(set(table.words)) != len(table.words) or not np.isfinite(table.matrix).all():
        raise AssertionError(f"a table that the reader should have refused: {table}")
    guess_format_or_refuse(path)
    return True


def _check_word_model(path: Path) -> bool:
    """A model that was read answers, or says which number of the file it cannot answer with."""
    try:
        model = load_model(path)
        labels = model.get_labels(on_unicode_error="replace")
        model.get_subwords("walking", on_unicode_error="replace")
        model.get_sentence_vector("walking talks")
        model.get_line("walking", on_unicode_error="replace")
        model.get_nearest_neighbors("unseenish", 2, on_unicode_error="replace")
        if model.f.getArgs().model == model_name.supervised and labels:
            model.predict("walking talks", on_unicode_error="replace")
    except (FormatError, NotPossibleError) as error:
        if not str(error).strip():
            raise AssertionError("an error without a message") from error
        return False
    return True


def guess_format_or_refuse(path: Path) -> None:
    with contextlib.suppress(FormatError):
        guess_format(path)


def _refit(files: dict[str, bytes]) -> dict[str, bytes]:
    """Give damaged tensors a config that fits them, so that the damage is met behind the checksum."""
    (name,) = [name for name in files if name != "config.json"]
    try:
        config = json.loads(files["config.json"])
        if config["tensors"]["sha256"] == hashlib.sha256(files[name]).hexdigest():
            return files
        config["tensors"].update(bytes=len(files[name]), sha256=hashlib.sha256(files[name]).hexdigest())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return files
    return {"config.json": json.dumps(config).encode(), name: files[name]}


def fuzz(
    reader: str, n_inputs: int, folder: Path, *, seed: int | None = None, seconds: float | None = None
) -> tuple[int, int]:
    """Run ``n_inputs`` inputs; the numbers that ran and that were read all the same."""
    counts = [0, 0]
    files = seeds()[reader]
    started = time.monotonic()

    def body(changed: dict[str, bytes]) -> None:
        if seconds is None or time.monotonic() - started < seconds:
            counts[0] += 1
            counts[1] += check(reader, changed, folder)

    run: Callable[[], None] = given(damaged(files))(body)
    configured = settings(
        max_examples=n_inputs, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False
    )(run)
    (hypothesis_seed(seed)(configured) if seed is not None else configured)()
    return counts[0], counts[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=600.0, help="at most, for each reader")
    parser.add_argument("--workers", type=int, default=1, help="processes, each with a reader of its own")
    parser.add_argument("--reader", action="append", choices=READERS)
    arguments = parser.parse_args()
    readers = arguments.reader or list(READERS)
    n_failed = 0
    with ProcessPoolExecutor(arguments.workers) as pool:
        running = [
            pool.submit(fuzz_in_limited_memory, reader, arguments.inputs, arguments.seconds) for reader in readers
        ]
        for reader, future in zip(readers, running, strict=True):
            try:
                n_run, n_read, elapsed_s, processor_s = future.result()
            except Exception:
                n_failed += 1
                print(f"{reader:16} FAILED\n{traceback.format_exc()}", flush=True)
            else:
                print(
                    f"{reader:16} {n_run:8,} inputs, {n_read:7,} read, the rest refused,"
                    f" {elapsed_s:6.0f} s, processor {processor_s:6.0f} s",
                    flush=True,
                )
    return int(n_failed > 0)


def fuzz_in_limited_memory(reader: str, n_inputs: int, seconds: float) -> tuple[int, int, float, float]:
    """Inputs run and read, seconds, processor seconds; limits the address space of this process from here on."""
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if shared else 0
    resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESS_SPACE, resource.getrlimit(resource.RLIMIT_AS)[1]))
    with tempfile.TemporaryDirectory(prefix="firth-fuzz-", dir=shared) as folder:
        started, started_processor = time.monotonic(), time.process_time()
        n_run, n_read = fuzz(reader, n_inputs, Path(folder), seconds=seconds)
        return n_run, n_read, time.monotonic() - started, time.process_time() - started_processor


if __name__ == "__main__":
    sys.exit(main())
