"""Room native: the C++ side of phrases: chains of connector words, exact counts of candidates, joining of a corpus.

Tests: tests/corpus/test_learning_phrases.py, tests/corpus/test_joining.py.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from firth.native.loader import library, validate_status


class _Text(ctypes.Structure):
    _fields_ = [
        ("ids", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("n_sequences", ctypes.c_int64),
        ("connectors", ctypes.c_void_p),
    ]


@functools.cache
def _functions() -> ctypes.CDLL:
    native = library()
    pointer, size, small, made = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32, ctypes.POINTER(ctypes.c_void_p)
    text = ctypes.POINTER(_Text)
    prototypes: dict[str, list[type]] = {
        "firth_chains_new": [made],
        "firth_chains_free": [pointer],
        "firth_chains_add_all": [pointer, text, size, size],
        "firth_chains_add": [pointer, pointer, size],
        "firth_chains_sizes": [pointer, pointer],
        "firth_chains_copy": [pointer, pointer, pointer],
        "firth_pairs_new": [small, size, size, size, size, made],
        "firth_pairs_free": [pointer],
        "firth_pairs_count": [pointer, text, pointer, size, size],
        "firth_pairs_finish": [pointer, size],
        "firth_pairs_merge": [pointer, size, size, size, size, size, pointer, made],
        "firth_pairs_result_free": [pointer],
        "firth_pairs_result_copy": [pointer, pointer, pointer, pointer, pointer],
        "firth_phrases_new": [size, pointer, size, pointer, pointer, pointer, pointer, made],
        "firth_phrases_free": [pointer],
        "firth_phrases_block_start": [pointer, text, size, size],
        "firth_joiner_new": [pointer, size, made],
        "firth_joiner_free": [pointer],
        "firth_joiner_join": [pointer, text, size, size],
        "firth_joiner_write": [pointer, small, small, size, size],
        "firth_joiner_add_counts": [pointer, pointer],
    }
    for name, arguments in prototypes.items():
        function = getattr(native, name)
        function.argtypes = arguments
        function.restype = None if name.endswith("_free") else ctypes.c_int64
    return native


class _Handle:
    """An object of the native core, which ``close`` frees."""

    def __init__(self, free: str) -> None:
        self._native = _functions()
        self._free = getattr(self._native, free)
        self.handle = ctypes.c_void_p()

    def _make(self, function: str, *arguments: object) -> None:
        validate_status(self._native, getattr(self._native, function)(*arguments, ctypes.byref(self.handle)))

    def close(self) -> None:
        if self.handle:
            self._free(self.handle)
            self.handle = ctypes.c_void_p()


class IdText:
    """Sequences of ids, for the functions of this module; the arrays are kept alive.

    Parameters
    ----------
    ids : int32 array, (n_tokens,)
    offsets : int64 array, (n_sequences + 1,)
    connectors : uint8 array, (V,), or None
        1 for the ids that are connector words.
    """

    def __init__(
        self, ids: NDArray[np.int32], offsets: NDArray[np.int64], connectors: NDArray[np.uint8] | None = None
    ) -> None:
        self.n_tokens = len(ids)
        self.offsets = offsets
        self._arrays = ids, offsets, connectors
        self.native = _Text(
            ids.ctypes.data,
            offsets.ctypes.data,
            len(offsets) - 1,
            None if connectors is None else connectors.ctypes.data,
        )


class Chains(_Handle):
    """The distinct chains of connector words between two words. The empty chain has the number 0."""

    def __init__(self) -> None:
        super().__init__("firth_chains_free")
        self._make("firth_chains_new")

    def add_all(self, text: IdText, begin: int, end: int) -> None:
        """Add the chains of candidates that end at a token in [begin, end). Several threads may call this at once."""
        status = self._native.firth_chains_add_all(self.handle, ctypes.byref(text.native), begin, end)
        validate_status(self._native, status)

    def add(self, ids: Sequence[int]) -> int:
        """Add one chain; its number."""
        array = np.array(ids, np.int32)
        return validate_status(self._native, self._native.firth_chains_add(self.handle, array.ctypes.data, len(array)))

    def __len__(self) -> int:
        """Number of chains without the empty one."""
        return self._sizes()[0]

    def to_lists(self) -> list[tuple[int, ...]]:
        """The ids of each chain, by its number; the empty chain first."""
        n_chains, n_ids = self._sizes()
        ids, offsets = np.empty(max(n_ids, 1), np.int32), np.empty(n_chains + 1, np.int64)
        status = self._native.firth_chains_copy(self.handle, ids.ctypes.data, offsets.ctypes.data)
        validate_status(self._native, status)
        bounds, flat = offsets.tolist(), ids.tolist()
        return [(), *(tuple(flat[start:stop]) for start, stop in pairwise(bounds))]

    def _sizes(self) -> tuple[int, int]:
        sizes = (ctypes.c_int64 * 2)()
        validate_status(self._native, self._native.firth_chains_sizes(self.handle, sizes))
        return sizes[0], sizes[1]


class PairCounter(_Handle):
    """Counts candidates in one thread; sorted runs of them go to a spool file.

    Parameters
    ----------
    spool : file descriptor, written from its start
    n_words, n_chains : int
    n_buffered : int
        Candidates that are sorted at once; 16 or 32 bytes each.
    fan_in : int, at least 2
        Number of runs that are merged to one.
    """

    def __init__(self, spool: int, n_words: int, n_chains: int, n_buffered: int, fan_in: int) -> None:
        super().__init__("firth_pairs_free")
        self._make("firth_pairs_new", spool, n_words, n_chains, n_buffered, fan_in)

    def count(self, text: IdText, chains: Chains, begin: int, end: int) -> None:
        """Count the candidates that end at a token in [begin, end)."""
        status = self._native.firth_pairs_count(self.handle, ctypes.byref(text.native), chains.handle, begin, end)
        validate_status(self._native, status)

    def finish(self, max_runs: int) -> int:
        """End the counting; the number of runs, at most ``max_runs``."""
        return validate_status(self._native, self._native.firth_pairs_finish(self.handle, max_runs))


Candidates = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]


def merge_pairs(
    counters: Sequence[PairCounter], first: int, stop: int, min_count: int, n_buffered: int
) -> tuple[int, int, Candidates]:
    """Merge the runs of finished counters, for first words in [first, stop).

    Returns
    -------
    n_distinct : int
        Number of distinct candidates, of any count.
    highest : int
        The highest count.
    candidates : arrays (n,): first word, number of the chain, last word, count
        Those with a count of at least ``min_count``, sorted by the three numbers.
    """
    native = _functions()
    handles = (ctypes.c_void_p * len(counters))(*(counter.handle for counter in counters))
    sizes, result = (ctypes.c_int64 * 3)(), ctypes.c_void_p()
    status = native.firth_pairs_merge(
        handles, len(counters), first, stop, min_count, n_buffered, sizes, ctypes.byref(result)
    )
    validate_status(native, status)
    try:
        words = [np.empty(sizes[1], np.int32) for _ in range(3)]
        counts = np.empty(sizes[1], np.int64)
        pointers = [array.ctypes.data for array in words]
        validate_status(native, native.firth_pairs_result_copy(result, *pointers, counts.ctypes.data))
    finally:
        native.firth_pairs_result_free(result)
    return sizes[0], sizes[2], (words[0], words[1], words[2], counts)


class PhraseIndex(_Handle):
    """The phrases that are joined.

    Parameters
    ----------
    n_words : int
        Number of ids of the text.
    chains : Chains
    first, chain, last, joined : int32 arrays, (n_phrases,)
        Phrase k is the word ``first[k]``, the chain with the number ``chain[k]`` and the word ``last[k]``; it becomes
        the id ``joined[k]``.
    """

    def __init__(
        self,
        n_words: int,
        chains: Chains,
        first: NDArray[np.int32],
        chain: NDArray[np.int32],
        last: NDArray[np.int32],
        joined: NDArray[np.int32],
    ) -> None:
        super().__init__("firth_phrases_free")
        self.n_phrases = len(first)
        self._chains = chains  # kept alive
        pointers = [array.ctypes.data for array in (first, chain, last, joined)]
        self._make("firth_phrases_new", n_words, chains.handle, self.n_phrases, *pointers)

    def block_start(self, text: IdText, at: int) -> int:
        """The first token from ``at`` on at which a block can begin; the number of tokens if there is none."""
        status = self._native.firth_phrases_block_start(self.handle, ctypes.byref(text.native), at, text.n_tokens)
        return validate_status(self._native, status)


class Joiner(_Handle):
    """Joins blocks of a text in one thread."""

    def __init__(self, index: PhraseIndex) -> None:
        super().__init__("firth_joiner_free")
        self._index = index  # kept alive
        self._make("firth_joiner_new", index.handle, index.n_phrases)

    def join(self, text: IdText, begin: int, end: int) -> int:
        """Join the block [begin, end) in memory; the number of tokens that it becomes."""
        status = self._native.firth_joiner_join(self.handle, ctypes.byref(text.native), begin, end)
        return validate_status(self._native, status)

    def write(self, ids_file: int, offsets_file: int, n_before: int, first_sequence: int) -> None:
        """Write the block that was joined last, behind ``n_before`` tokens.

        ``first_sequence``: the number of the first sequence that ends in the block.
        """
        status = self._native.firth_joiner_write(self.handle, ids_file, offsets_file, n_before, first_sequence)
        validate_status(self._native, status)

    def add_counts(self, n_joined: NDArray[np.int64]) -> None:
        """Add how often each phrase was joined to ``n_joined``, (n_phrases,), in place."""
        validate_status(self._native, self._native.firth_joiner_add_counts(self.handle, n_joined.ctypes.data))


@contextlib.contextmanager
def closing_all(handles: Sequence[_Handle]) -> Iterator[None]:
    """A context at whose end the objects are freed."""
    try:
        yield
    finally:
        for handle in handles:
            handle.close()


__all__ = ["Candidates", "Chains", "IdText", "Joiner", "PairCounter", "PhraseIndex", "closing_all", "merge_pairs"]
