"""Room classification: the parameters of a classifier that learns its own vectors, and their validation.

Tests: tests/training/test_train_classifier.py.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from firth.base.values import as_integer, as_number, validate_choice
from firth.errors import ParameterError
from firth.formats.fasttext_model import MAX_NGRAM_CHARS, MAX_WORD_NGRAMS
from firth.formats.source import MAX_DIMS
from firth.native.kernel import MAX_NEGATIVES

MAX_BUCKETS = 1 << 30  # a row's number has 31 bits, and words have the first numbers
MAX_SEED = 2**64 - 1
MAX_THREADS = 4096
LOSS_NAMES = ("softmax", "one-vs-all", "hierarchical-softmax", "negative-sampling")


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """The parameters that decide what a classifier learns from its texts. Defaults are fastText's.

    Attributes
    ----------
    loss : {"softmax", "one-vs-all", "hierarchical-softmax", "negative-sampling"}
    dims : int >= 1
        Numbers in a row.
    word_ngrams : int in [1, 64]
        Length of the longest n-grams of words, in words. 1: no n-grams of words.
    min_ngram, max_ngram : int in [0, 64]
        Length of the shortest and of the longest n-grams of a word's characters. 0 and 0: no such n-grams.
    buckets : int in [1, 2**30] or None
        Number of rows of n-grams; the hash of an n-gram decides which row it has. None: fitted to the texts
        (docs/classifier.md).
    min_count : int >= 1
        The least count of a word that has a row.
    learning_rate : float > 0
        The learning rate of the first step. It falls linearly to almost 0.
    epochs : int >= 1
        Passes over the texts.
    negatives : int >= 1
        Number of noise labels for each text. Only negative sampling uses it.
    threads : int >= 1 or None
        None: the number of processors that this process may use.
    seed : int in [0, 2**64)
    deterministic : bool
        If True, one thread trains: the result has the same bits whatever ``threads`` is.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> ClassifierConfig(word_ngrams=2).word_ngrams
    2
    """

    loss: str = "softmax"
    dims: int = 100
    word_ngrams: int = 1
    min_ngram: int = 0
    max_ngram: int = 0
    buckets: int | None = None
    min_count: int = 1
    learning_rate: float = 0.1
    epochs: int = 5
    negatives: int = 5
    threads: int | None = None
    seed: int = 1
    deterministic: bool = False

    def __post_init__(self) -> None:
        validate_choice("loss", self.loss, LOSS_NAMES)
        limits: dict[str, tuple[int, int | None]] = {
            "dims": (1, MAX_DIMS),
            "word_ngrams": (1, MAX_WORD_NGRAMS),
            "min_ngram": (0, MAX_NGRAM_CHARS),
            "max_ngram": (0, MAX_NGRAM_CHARS),
            "min_count": (1, None),
            "epochs": (1, 2**31 - 1),
            "negatives": (1, MAX_NEGATIVES),
            "seed": (0, MAX_SEED),
        }
        if self.buckets is not None:
            limits["buckets"] = (1, MAX_BUCKETS)
        if self.threads is not None:
            limits["threads"] = (1, MAX_THREADS)
        values: dict[str, object] = {
            name: as_integer(name, getattr(self, name), minimum=least, maximum=most)
            for name, (least, most) in limits.items()
        }
        values["learning_rate"] = rate = as_number("learning_rate", self.learning_rate, minimum=0.0)
        if rate == 0:
            raise ParameterError("learning_rate must be above 0, got 0; 0.1 is the usual start")
        if not isinstance(self.deterministic, bool):
            raise ParameterError(f"deterministic must be True or False, got {self.deterministic!r}")
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if self.max_ngram and not 1 <= self.min_ngram <= self.max_ngram:
            raise ParameterError(
                f"min_ngram must lie in 1 to max_ngram={self.max_ngram}, got {self.min_ngram}; 3 to 6 characters are"
                " usual"
            )
        if self.min_ngram and not self.max_ngram:
            raise ParameterError(f"min_ngram must come with max_ngram, got min_ngram={self.min_ngram} alone")
        if self.buckets is not None and not self.has_ngrams:
            raise ParameterError(
                f"buckets must come with word_ngrams above 1 or with max_ngram, got buckets={self.buckets} without"
                " n-grams"
            )

    @property
    def has_ngrams(self) -> bool:
        """Whether n-grams of words or of characters have rows."""
        return self.word_ngrams > 1 or self.max_ngram > 0


FIELDS = tuple(field.name for field in dataclasses.fields(ClassifierConfig))

__all__ = ["FIELDS", "LOSS_NAMES", "MAX_BUCKETS", "ClassifierConfig"]
