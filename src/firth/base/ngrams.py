"""Room base: the character n-grams of a word: fastText's rules as Python says them, and the rows of its matrix.

The word is put between ``<`` and ``>``. Characters are Unicode code points, told by the bytes of UTF-8: a byte of the
form 10xxxxxx continues the character before it, so bytes that are not UTF-8 are divided as well. The n-grams are all
runs of ``min_ngram`` to ``max_ngram`` characters, by first character, then by length; a lone ``<`` or ``>`` is left
out; a run that occurs twice in a word counts twice. fastText's mark ``</s>`` has none. The row of an n-gram is

    n_words + hash(n-gram) mod buckets

Bulk work is native (native/ngrams.py); this is its twin, and what other rooms say about n-grams.

Source: Bojanowski, Grave, Joulin, Mikolov (2017), arXiv:1607.04606, section 3.2; fastText, ``Dictionary::hash``,
``computeSubwords`` and ``initNgrams``, https://github.com/facebookresearch/fastText (src/dictionary.cc).
"""

from __future__ import annotations

from dataclasses import dataclass

from firth.base.values import as_integer
from firth.errors import ParameterError

MIN_NGRAM, MAX_NGRAM = 3, 6  # Bojanowski et al. 2017, section 4.3; fastText's -minn and -maxn
FASTTEXT_BUCKETS = 2_000_000  # fastText's -bucket
LONGEST_NGRAM = 64  # characters; it bounds the work that a file or a parameter can ask for
MAX_BUCKETS = 2**31 - 1  # fastText has a bucket as int32
END_OF_SENTENCE = b"</s>"
_OFFSET, _PRIME = 2166136261, 16777619  # 32-bit FNV-1a


@dataclass(frozen=True)
class NgramRules:
    """Which n-grams a word has, and how many rows they share.

    Attributes
    ----------
    min_ngram, max_ngram : int
        Length in characters, 1 <= ``min_ngram`` <= ``max_ngram`` <= 64.
    buckets : int in [1, 2**31)
        Rows that the n-grams share, by their hash.
    end_has_ngrams : bool
        Whether ``</s>`` is cut as other words are. It is in files of fastText's layout of before July 2017 and in
        gensim's.

    Raises
    ------
    ParameterError
    """

    min_ngram: int
    max_ngram: int
    buckets: int
    end_has_ngrams: bool = False

    def __post_init__(self) -> None:
        validate_lengths(self.min_ngram, self.max_ngram)
        as_integer("buckets", self.buckets, minimum=1, maximum=MAX_BUCKETS)


def validate_lengths(min_ngram: int, max_ngram: int) -> None:
    """Raise ParameterError unless 1 <= ``min_ngram`` <= ``max_ngram`` <= 64."""
    as_integer("min_ngram", min_ngram, minimum=1, maximum=LONGEST_NGRAM)
    as_integer("max_ngram", max_ngram, minimum=1, maximum=LONGEST_NGRAM)
    if min_ngram > max_ngram:
        raise ParameterError(
            f"min_ngram must be at most the max_ngram of {max_ngram}, got {min_ngram}; 3 and 6 are usual"
        )


def character_ngrams(word: bytes, rules: NgramRules) -> list[bytes]:
    """The n-grams of one word, with its brackets, in the order of the rows."""
    if word == END_OF_SENTENCE and not rules.end_has_ngrams:
        return []
    characters: list[bytes] = []
    for byte in b"<" + word + b">":
        if byte & 0xC0 == 0x80:  # never the first one, which is <
            characters[-1] += bytes([byte])
        else:
            characters.append(bytes([byte]))
    n_characters = len(characters)
    return [
        b"".join(characters[start : start + length])
        for start in range(n_characters)
        for length in range(rules.min_ngram, rules.max_ngram + 1)
        if start + length <= n_characters and not (length == 1 and start in (0, n_characters - 1))
    ]


def hash_ngram(ngram: bytes) -> int:
    """fastText's 32-bit hash: FNV-1a whose bytes are signed, so that it differs from FNV-1a for bytes over 127."""
    value = _OFFSET
    for byte in ngram:
        value = (value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * _PRIME & 0xFFFFFFFF
    return value


__all__ = [
    "END_OF_SENTENCE",
    "FASTTEXT_BUCKETS",
    "LONGEST_NGRAM",
    "MAX_BUCKETS",
    "MAX_NGRAM",
    "MIN_NGRAM",
    "NgramRules",
    "character_ngrams",
    "hash_ngram",
    "validate_lengths",
]
