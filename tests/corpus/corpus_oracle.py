"""The corpus room's oracle: collections.Counter over split lines, and nothing clever."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from firth.corpus import EncodedCorpus


def split_text(data: bytes) -> list[list[str]]:
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return [[token.decode() for token in line.split()] for line in lines]


def expected(
    sequences: Iterable[Iterable[Any]], min_count: int = 1, max_vocabulary: int | None = None
) -> tuple[list[tuple[Any, int]], list[list[Any]]]:
    """(word, count) in the order of the ids, and the words that are left of each sequence."""
    sequences = [list(sequence) for sequence in sequences]
    counts = Counter(token for sequence in sequences for token in sequence)
    kept = sorted(((w, c) for w, c in counts.items() if c >= min_count), key=lambda pair: (-pair[1], pair[0]))
    kept = kept[:max_vocabulary]
    words = {word for word, _ in kept}
    return kept, [[token for token in sequence if token in words] for sequence in sequences]


def decoded(corpus: EncodedCorpus) -> tuple[list[tuple[Any, int]], list[list[Any]]]:
    words = corpus.vocabulary.word_list()
    pairs = list(zip(words, corpus.vocabulary.counts.tolist(), strict=True))
    return pairs, decoded_sequences(corpus.ids, corpus.offsets, words)


def decoded_sequences(ids: np.ndarray, offsets: np.ndarray, words: list[Any]) -> list[list[Any]]:
    bounds = offsets.tolist()
    assert bounds[0] == 0
    assert bounds[-1] == len(ids)
    return [[words[i] for i in ids[start:stop]] for start, stop in itertools.pairwise(bounds)]


def folder_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
