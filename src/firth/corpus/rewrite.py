"""Room corpus: rewrites an encoded corpus in the ids of another vocabulary.

Tests: tests/training/test_more.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firth.corpus.encoded import (
    HELDOUT_IDS,
    HELDOUT_OFFSETS,
    IDS,
    OFFSETS,
    OWN_CHECKSUM,
    VOCABULARY,
    EncodedCorpus,
    write_manifest,
)
from firth.corpus.vocabulary import Vocabulary
from firth.errors import CorpusError

REWRITTEN_AT_ONCE = 1 << 20  # tokens
# Entries of the manifest that describe the ids; the rewritten corpus gets new values.
OWN_ENTRIES = ("format", "version", "files", "sha256", OWN_CHECKSUM, "n_words_unseen", "first_unseen_ids")


def rewrite_corpus(
    encoded: EncodedCorpus, table: NDArray[np.int32], vocabulary: Vocabulary, folder: Path, threads: int
) -> EncodedCorpus:
    """Write the corpus in the ids of another vocabulary to a new folder: id becomes ``table[id]``; -1 drops the token.

    Raises
    ------
    CorpusError
        No token of the corpus is in the vocabulary.
    """
    folder.mkdir()
    n_tokens = rewrite_ids(encoded.ids, encoded.offsets, table, folder / IDS, folder / OFFSETS)
    if n_tokens == 0:
        raise CorpusError("corpus must have words of the vocabulary, got none")
    if encoded.heldout_ids is not None and encoded.heldout_offsets is not None:
        heldout_offsets = encoded.heldout_offsets
        rewrite_ids(encoded.heldout_ids, heldout_offsets, table, folder / HELDOUT_IDS, folder / HELDOUT_OFFSETS)
    vocabulary.save(folder / VOCABULARY)
    fields = {key: value for key, value in encoded.manifest.items() if key not in OWN_ENTRIES}
    fields.update(n_tokens=n_tokens, vocabulary_size=len(vocabulary))
    write_manifest(folder, fields, threads=threads)
    return EncodedCorpus(folder)


def rewrite_ids(
    ids: NDArray[np.int32], offsets: NDArray[np.int64], table: NDArray[np.int32], ids_path: Path, offsets_path: Path
) -> int:
    """Write ``table[ids]`` without entries of -1, and the new offsets, block by block; returns the number of ids."""
    n_written, boundary = 0, 0
    with open(ids_path, "wb") as ids_file, open(offsets_path, "wb") as offsets_file:
        for start in range(0, len(ids), REWRITTEN_AT_ONCE):
            mapped = table[ids[start : start + REWRITTEN_AT_ONCE]]
            kept = mapped >= 0
            before = np.concatenate([[n_written], n_written + np.cumsum(kept)])
            stop = int(np.searchsorted(offsets, start + len(mapped), side="left"))
            offsets_file.write(before[offsets[boundary:stop] - start].astype("<i8").tobytes())
            ids_file.write(mapped[kept].astype("<i4").tobytes())
            n_written, boundary = int(before[-1]), stop
        offsets_file.write(np.full(len(offsets) - boundary, n_written, "<i8").tobytes())
    return n_written


__all__ = ["OWN_ENTRIES", "rewrite_corpus", "rewrite_ids"]
