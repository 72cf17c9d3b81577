"""Room corpus: an encoded corpus on disk, memory-mapped: ids, offsets of sequences, vocabulary, checksums."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.json_file import describe_json, read_json_object, read_own_json
from firth.base.machine import available_processors
from firth.base.replace import write_file
from firth.base.urls import refuse_url
from firth.corpus.vocabulary import Vocabulary
from firth.errors import CorpusError, FormatError, StorageError

MANIFEST = "corpus.json"
VOCABULARY = "vocabulary.safetensors"
IDS, OFFSETS = "ids.i32", "offsets.i64"
HELDOUT_IDS, HELDOUT_OFFSETS = "ids-heldout.i32", "offsets-heldout.i64"
CORPUS_FILES = (MANIFEST, IDS, OFFSETS, HELDOUT_IDS, HELDOUT_OFFSETS, VOCABULARY)  # every file that a corpus may have
FORMAT_NAME = "firth-corpus"
FORMAT_VERSION = 1
OWN_CHECKSUM = "manifest_sha256"  # missing in corpora of older versions
_BLOCK_ITEMS = 1 << 20
HASH_BLOCK_BYTES = 1 << 22  # size of the blocks that threads hash in parallel


class EncodedCorpus:
    """A corpus in the form that training reads: a folder with

    - ``ids.i32``: the word id of each retained token, int32, little-endian;
    - ``offsets.i64``: the start of each sequence and the end of the last one, int64, n_sequences + 1 numbers. Sequence
      ``i`` is the ``i``-th line or list of the source, counted over all files. Empty and held-out sequences are counted
      too and have length 0;
    - ``ids-heldout.i32`` and ``offsets-heldout.i64``: the held-out sequences, if a share was held out;
    - ``vocabulary.safetensors``: words and counts (``Vocabulary.save``);
    - ``corpus.json``: sizes, settings and checksums. It is written last, so a folder with this file is complete.

    Parameters
    ----------
    folder : path of the folder

    Raises
    ------
    StorageError
        The folder or a file is missing or cannot be read.
    FormatError
        ``corpus.json`` is damaged or has another version, or the size of a file differs from ``corpus.json``.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.manifest = _read_manifest(self.folder / MANIFEST)
        for name, file in self.manifest["files"].items():
            _validate_size(self.folder / name, int(file["bytes"]))
        self.ids: NDArray[np.int32] = self._map(IDS, np.int32)
        self.offsets: NDArray[np.int64] = self._map(OFFSETS, np.int64)
        self.heldout_ids: NDArray[np.int32] | None = None
        self.heldout_offsets: NDArray[np.int64] | None = None
        if HELDOUT_IDS in self.manifest["files"]:
            self.heldout_ids = self._map(HELDOUT_IDS, np.int32)
            self.heldout_offsets = self._map(HELDOUT_OFFSETS, np.int64)
        self._vocabulary: Vocabulary | None = None

    @classmethod
    def just_written(cls, folder: str | os.PathLike[str], vocabulary: Vocabulary) -> EncodedCorpus:
        """The corpus in a folder, with the vocabulary that was saved there, which need not be read again."""
        corpus = cls(folder)
        corpus._vocabulary = vocabulary
        return corpus

    @property
    def vocabulary(self) -> Vocabulary:
        if self._vocabulary is None:
            self._vocabulary = Vocabulary.load(self.folder / VOCABULARY)
        return self._vocabulary

    @property
    def n_tokens(self) -> int:
        """Number of retained tokens (in the vocabulary, not held out): ``len(ids)``."""
        return len(self.ids)

    @property
    def n_sequences(self) -> int:
        return len(self.offsets) - 1

    @property
    def n_tokens_read(self) -> int:
        """Number of tokens read, without held-out ones, before minimum count and maximum vocabulary are applied."""
        return int(self.manifest["n_tokens_read"])

    @property
    def n_distinct_words(self) -> int:
        """Number of distinct words read, before minimum count and maximum vocabulary are applied."""
        return int(self.manifest["n_distinct_words"])

    @property
    def sha256(self) -> str:
        """Identity of the corpus: SHA-256 over the names and checksums of its files, read from ``corpus.json``."""
        return str(self.manifest["sha256"])

    def counted(self, name: str) -> int:
        """A count that encoding wrote to ``corpus.json``; 0 if the encoding version of firth had no such count."""
        number = self.manifest.get(name, 0)
        return number if type(number) is int else 0

    def unseen_words(self) -> list[str | int]:
        """Words of a vocabulary given to encoding that never occur in the corpus; only the first of them."""
        word_ids = self.manifest.get("first_unseen_ids", [])
        words: list[str | int] = [self.vocabulary.words[i] for i in word_ids if 0 <= i < len(self.vocabulary)]
        return [word if isinstance(word, str) else int(word) for word in words]

    def verify(self) -> None:
        """Compare every file with its checksum, and check that ids and offsets are within their ranges.

        Each training that starts from an encoded corpus verifies it, although this reads all files. The native kernels
        do not check ids, and one wrong id makes them write outside the matrices; a disk, a copy or another program may
        have changed the files.

        Raises
        ------
        CorpusError
            A file was changed after the corpus was encoded.
        FormatError
            An id is outside the vocabulary, or the offsets do not rise from 0 to the number of ids.
        """
        for name, file in self.manifest["files"].items():
            if hash_file(self.folder / name, threads=available_processors()) != file["sha256"]:
                raise CorpusError(
                    f"{self.folder / name} was changed since the corpus was encoded (its checksum differs); encode the"
                    " corpus again"
                )
        self.validate_ranges()

    def count_words(self) -> NDArray[np.int64]:
        """Number of occurrences of each word of the vocabulary in ``ids``: int64 array, (V,)."""
        counts = np.zeros(len(self.vocabulary), np.int64)
        for start in range(0, len(self.ids), _BLOCK_ITEMS):
            counts += np.bincount(self.ids[start : start + _BLOCK_ITEMS], minlength=len(counts))
        return counts

    def validate_ranges(self) -> None:
        """Check that ids are in [0, V), and that offsets rise from 0 to the number of ids.

        Raises
        ------
        FormatError
        """
        n_words = self.manifest.get("vocabulary_size", len(self.vocabulary))
        if n_words != len(self.vocabulary):
            raise FormatError(f"{self.folder / VOCABULARY}: must have {n_words} words, got {len(self.vocabulary)}")
        if self.n_tokens_read < self.n_tokens:
            raise FormatError(
                f"{self.folder / MANIFEST}: n_tokens_read must be at least {self.n_tokens}, the number of ids, got"
                f" {self.n_tokens_read}"
            )
        validate_ids(self.folder / IDS, self.ids, self.offsets, len(self.vocabulary))
        if self.heldout_ids is not None and self.heldout_offsets is not None:
            validate_ids(self.folder / HELDOUT_IDS, self.heldout_ids, self.heldout_offsets, len(self.vocabulary))

    def __repr__(self) -> str:
        return (
            f"EncodedCorpus({str(self.folder)!r}: {self.n_tokens:,} tokens, {self.n_sequences:,} sequences,"
            f" {len(self.vocabulary):,} words)"
        )

    def _map(self, name: str, dtype: type[np.generic]) -> NDArray[Any]:
        if self.manifest["files"][name]["bytes"] == 0:  # mmap cannot map an empty file
            return np.empty(0, dtype)
        return np.memmap(self.folder / name, dtype=np.dtype(dtype).newbyteorder("<"), mode="r")


def write_manifest(folder: Path, fields: Mapping[str, Any], *, threads: int, is_hashed: bool = True) -> None:
    """Hash the files of an encoded corpus and write ``corpus.json``. The folder is then an encoded corpus.

    With ``is_hashed=False`` the corpus has no checksums and ``verify`` refuses it; it is for a corpus read at once.
    """
    files = {}
    for name in (IDS, OFFSETS, HELDOUT_IDS, HELDOUT_OFFSETS, VOCABULARY):
        path = folder / name
        if path.exists():
            files[name] = {
                "bytes": path.stat().st_size,
                "sha256": hash_file(path, threads=threads) if is_hashed else "",
            }
    manifest = {
        "format": FORMAT_NAME,
        "version": FORMAT_VERSION,
        **fields,
        "files": files,
        "sha256": _corpus_digest(files),
    }
    manifest[OWN_CHECKSUM] = _manifest_digest(manifest)
    write_file(folder / MANIFEST, (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode("utf-8"))


def read_format(folder: Path) -> str | None:
    """The ``format`` in a folder's manifest; None if there is no manifest that can be read."""
    manifest = read_own_json(folder / MANIFEST) or {}
    found = manifest.get("format")
    return found if isinstance(found, str) else None


def hash_file(path: Path, *, threads: int = 1) -> str:
    """SHA-256 over the concatenated SHA-256 digests of a file's blocks of 4 MiB; hexadecimal."""
    size = path.stat().st_size
    n_blocks = -(-size // HASH_BLOCK_BYTES)
    digests = [b""] * n_blocks
    blocks: queue.SimpleQueue[int] = queue.SimpleQueue()
    for block in range(n_blocks):
        blocks.put(block)
    errors: list[OSError] = []

    def hash_blocks() -> None:
        step = bytearray(min(size, 1 << 18))  # small, so that the data is still in the cache when it is hashed
        try:
            with open(path, "rb", buffering=0) as file:
                while not errors:
                    try:
                        block = blocks.get_nowait()
                    except queue.Empty:
                        return
                    digest = hashlib.sha256()
                    file.seek(block * HASH_BLOCK_BYTES)
                    rest = min(HASH_BLOCK_BYTES, size - block * HASH_BLOCK_BYTES)
                    while rest:
                        n_read = file.readinto(memoryview(step)[: min(rest, len(step))])
                        if not n_read:
                            raise StorageError(f"{path}: the file became shorter while firth read it")
                        digest.update(memoryview(step)[:n_read])
                        rest -= n_read
                    digests[block] = digest.digest()
        except OSError as error:
            errors.append(error)

    helpers = [threading.Thread(target=hash_blocks, daemon=True) for _ in range(min(threads, n_blocks) - 1)]
    for helper in helpers:
        helper.start()
    hash_blocks()
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[0]
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _corpus_digest(files: Mapping[str, Mapping[str, Any]]) -> str:
    return hashlib.sha256("".join(f"{name} {file['sha256']}\n" for name, file in files.items()).encode()).hexdigest()


def _manifest_digest(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of all other entries of the manifest. It detects a changed number or setting."""
    others = {name: value for name, value in manifest.items() if name != OWN_CHECKSUM}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


def _read_manifest(path: Path) -> dict[str, Any]:
    refuse_url(path.parent, "download the folder first")
    manifest = read_json_object(
        path,
        missing=f"{path.parent} is not an encoded corpus: it has no {path.name}; make one with encode_corpus(...)",
        damaged="it is not JSON that firth wrote: this is not an encoded corpus",
    )
    if manifest.get("format") != FORMAT_NAME:
        raise FormatError(f'{path}: "format" must be "{FORMAT_NAME}"; this is not an encoded corpus')
    if manifest.get("version") != FORMAT_VERSION:
        raise FormatError(
            f"{path}: version {describe_json(manifest.get('version'))} cannot be read by this firth, which reads"
            f" {FORMAT_VERSION}; encode the corpus again"
        )
    if manifest.get("unfinished") is True:
        raise StorageError(f"{path.parent} is not complete: the encoding was interrupted; encode the corpus again")
    files = manifest.get("files")
    if not isinstance(files, dict) or not {IDS, OFFSETS, VOCABULARY} <= set(files):
        raise FormatError(f'{path}: "files" must name {IDS}, {OFFSETS} and {VOCABULARY}')
    for name, file in files.items():
        if name not in (IDS, OFFSETS, HELDOUT_IDS, HELDOUT_OFFSETS, VOCABULARY):
            raise FormatError(f"{path}: unknown file {name[:60]!r}")
        if not isinstance(file, dict) or not _is_count(file.get("bytes")) or not isinstance(file.get("sha256"), str):
            raise FormatError(f"{path}: the entry of {name} must have bytes and sha256")
    if not isinstance(manifest.get("settings", {}), dict):
        raise FormatError(f'{path}: "settings" must be an object')
    unseen = manifest.get("first_unseen_ids", [])
    if not isinstance(unseen, list) or not all(type(word_id) is int for word_id in unseen):
        raise FormatError(f'{path}: "first_unseen_ids" must be a list of integers')
    if (HELDOUT_IDS in files) != (HELDOUT_OFFSETS in files):
        raise FormatError(f"{path}: must name both {HELDOUT_IDS} and {HELDOUT_OFFSETS}, or neither")
    for name in ("n_tokens_read", "n_distinct_words"):
        if not _is_count(manifest.get(name)):
            raise FormatError(
                f'{path}: "{name}" must be an integer of 0 or more, got {describe_json(manifest.get(name))}'
            )
    if manifest.get("sha256") != _corpus_digest(files):
        raise FormatError(f'{path}: "sha256" does not match the checksums of the files; the file was changed')
    if OWN_CHECKSUM in manifest and manifest[OWN_CHECKSUM] != _manifest_digest(manifest):
        raise FormatError(f'{path}: "{OWN_CHECKSUM}" does not match the other entries; the file was changed')
    return manifest


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _validate_size(path: Path, size: int) -> None:
    try:
        found = path.stat().st_size
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror or error}") from error
    if found != size:
        raise FormatError(f"{path}: must have {size:,} bytes, got {found:,}; encode the corpus again")
    if (path.name.endswith(".i32") and size % 4) or (path.name.endswith(".i64") and (size % 8 or size == 0)):
        raise FormatError(f"{path}: {size:,} bytes is not a multiple of the item size")


def validate_ids(path: Path, ids: NDArray[np.int32], offsets: NDArray[np.int64], n_words: int) -> None:
    """Raise FormatError unless ids are in [0, n_words) and offsets rise from 0 to the number of ids.

    Reads block by block, so that a corpus larger than memory can be checked.
    """
    for start in range(0, len(ids), _BLOCK_ITEMS):
        block = ids[start : start + _BLOCK_ITEMS]
        if block.min() < 0 or block.max() >= n_words:
            raise FormatError(f"{path}: ids must lie in [0, {n_words}), the number of words; encode the corpus again")
    rises = True
    for start in range(0, len(offsets) - 1, _BLOCK_ITEMS):
        bounds = offsets[start : start + _BLOCK_ITEMS + 1]
        rises = rises and bool(
            np.all(bounds[1:] >= bounds[:-1])
        )  # compared, not subtracted: a difference could overflow
    if offsets[0] != 0 or offsets[-1] != len(ids) or not rises:
        raise FormatError(f"{path}: offsets must rise from 0 to {len(ids)}, the number of ids; encode the corpus again")
