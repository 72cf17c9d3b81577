"""Room numerics: phrases: counts of candidates, their scores, and joining: the reference in plain Python and NumPy.

A candidate for a phrase is a word, a chain of connector words, which may be empty, and the next word of the sequence
that is no connector word. Connector words begin and end no candidate.

Tests: tests/numerics/test_phrases.py.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from firth.base.values import validate_choice

SCORINGS = ("word2vec", "gensim", "npmi")

Phrase = tuple[str, ...]


def find_candidates(tokens: Iterable[str], connector_words: Collection[str] = ()) -> Iterator[Phrase]:
    """Yield the candidates of a sequence: (word, connector words ..., word). They overlap."""
    start: Phrase = ()
    for token in tokens:
        if token in connector_words:
            start = (*start, token) if start else start
        else:
            if start:
                yield (*start, token)
            start = (token,)


def count_candidates(
    sequences: Iterable[Sequence[str]], connector_words: Collection[str] = ()
) -> tuple[Counter[str], Counter[Phrase]]:
    """Counts of all words, and of all candidates. The native counter must equal them."""
    words: Counter[str] = Counter()
    candidates: Counter[Phrase] = Counter()
    for tokens in sequences:
        words.update(tokens)
        candidates.update(find_candidates(tokens, connector_words))
    return words, candidates


def score_candidates(
    counts: NDArray[np.int64],
    first_counts: NDArray[np.int64],
    last_counts: NDArray[np.int64],
    *,
    scoring: str,
    min_count: int,
    n_words: int,
    n_vocabulary: int,
) -> NDArray[np.float64]:
    """The score of each candidate, from its count c(ab) and the counts c(a), c(b) of its first and last word.

    - ``"word2vec"``: (c(ab) - min_count) N / (c(a) c(b)), where N is ``n_words`` [1, eq. 6; 2]
    - ``"gensim"``: (c(ab) - min_count) V / (c(a) c(b)), where V is ``n_vocabulary`` [3]
    - ``"npmi"``: ln(p(ab) / (p(a) p(b))) / -ln p(ab), where p = c / N, from -1 to 1 [4]

    Parameters
    ----------
    counts, first_counts, last_counts : int64 arrays, (n,), each at least 1
    scoring : "word2vec", "gensim" or "npmi"
    min_count : int
    n_words : int
        N, the number of words of the text, connector words included.
    n_vocabulary : int
        V, the number of distinct words without connector words and of distinct candidates, of any count.

    Returns
    -------
    scores : float64 array, (n,)
        For ``"npmi"``, minus infinity where c(ab) is below ``min_count``.

    Raises
    ------
    ParameterError

    References
    ----------
    [1] Mikolov, Sutskever, Chen, Corrado, Dean (2013), arXiv:1310.4546. [2] word2phrase.c of word2vec.
    [3] gensim 4.4, models.phrases.original_scorer. [4] Bouma (2009), Normalized (Pointwise) Mutual Information in
    Collocation Extraction.
    """
    validate_choice("scoring", scoring, SCORINGS)
    if scoring == "npmi":
        return _npmi(counts, first_counts, last_counts, min_count, n_words)
    product = first_counts.astype(np.float64) * last_counts.astype(np.float64)
    factor = n_words if scoring == "word2vec" else n_vocabulary
    return (counts - min_count).astype(np.float64) / product * float(factor)


def _npmi(
    counts: NDArray[np.int64],
    first_counts: NDArray[np.int64],
    last_counts: NDArray[np.int64],
    min_count: int,
    n_words: int,
) -> NDArray[np.float64]:
    """By the C library's logarithm: those of NumPy differ between processors in the last bit, and with them tables."""
    probabilities = counts / n_words
    ratios = probabilities / ((first_counts / n_words) * (last_counts / n_words))
    pairs = zip(ratios.tolist(), probabilities.tolist(), strict=True)
    scores = np.array([math.log(ratio) / -math.log(probability) for ratio, probability in pairs], np.float64)
    return np.where(counts >= min_count, scores, -np.inf)


def join_tokens(
    tokens: Iterable[str], phrases: Container[Phrase], delimiter: str = "_", connector_words: Collection[str] = ()
) -> list[str]:
    """Join the phrases of a sequence, from left to right; a word that ended a phrase begins no other.

    Parameters
    ----------
    tokens : words of one sequence
    phrases : container of phrases, as `find_candidates` yields them
    delimiter : str
        Between the words of a joined phrase.
    """
    joined: list[str] = []
    start: Phrase = ()
    for token in tokens:
        if token in connector_words:
            if start:
                start = (*start, token)
            else:
                joined.append(token)
        elif start and (*start, token) in phrases:
            joined.append(delimiter.join((*start, token)))
            start = ()
        else:
            joined.extend(start)
            start = (token,)
    joined.extend(start)
    return joined


__all__ = ["SCORINGS", "Phrase", "count_candidates", "find_candidates", "join_tokens", "score_candidates"]
