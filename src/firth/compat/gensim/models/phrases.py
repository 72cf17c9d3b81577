"""Room compat: gensim's ``models.phrases``: Phrases, FrozenPhrases and Phraser, by gensim's rules.

As in gensim, a candidate is found by its joined spelling, and counts are kept in a dictionary in Python.
``firth.learn_phrases`` counts natively; ``to_firth`` makes its table.

Tests: tests/compat/gensim/test_phrases.py.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from firth.base.json_file import describe_json
from firth.base.values import is_integer, is_number
from firth.compat.gensim.store import as_path, is_ours, pack_keys, read_file, unpack_keys, write_file
from firth.corpus.phrases import ENGLISH_CONNECTOR_WORDS
from firth.corpus.phrases import Phrases as FirthPhrases
from firth.errors import CorpusTypeError, FormatError, ParameterError
from firth.formats.gensim_phrases import read_gensim_phrases

NEGATIVE_INFINITY = -math.inf
SCORER_PARAMETERS = ("worda_count", "wordb_count", "bigram_count", "len_vocab", "min_count", "corpus_word_count")
_KINDS = {"Phrases": False, "FrozenPhrases": True}

Scorer = Callable[..., float]
Tokens = Iterable[str]


def original_scorer(
    worda_count: int, wordb_count: int, bigram_count: int, len_vocab: int, min_count: int, corpus_word_count: int
) -> float:
    """(c(ab) - min_count) len_vocab / (c(a) c(b)); minus infinity if a count of a word is 0."""
    product = worda_count * wordb_count
    return (bigram_count - min_count) / float(product) * len_vocab if product else NEGATIVE_INFINITY


def npmi_scorer(
    worda_count: int, wordb_count: int, bigram_count: int, len_vocab: int, min_count: int, corpus_word_count: int
) -> float:
    """ln(p(ab) / (p(a) p(b))) / -ln p(ab); minus infinity below min_count, and if a count is 0."""
    if bigram_count < min_count or not (worda_count and wordb_count and bigram_count):
        return NEGATIVE_INFINITY
    first, last, both = (count / float(corpus_word_count) for count in (worda_count, wordb_count, bigram_count))
    return math.log(both / (first * last)) / -math.log(both)


_SCORERS: dict[str, Scorer] = {"default": original_scorer, "npmi": npmi_scorer}


class _JoinedSentences:
    """A corpus whose sentences are joined while it is read; it can be read again if the corpus can."""

    def __init__(self, phrases: _PhrasesTransformation, sentences: Iterable[Tokens]) -> None:
        self._phrases, self._sentences = phrases, sentences

    def __iter__(self) -> Iterator[list[str]]:
        return (self._phrases._join(sentence) for sentence in self._sentences)


class _PhrasesTransformation:
    """What Phrases and FrozenPhrases share; a subclass has ``score_candidate``."""

    def __init__(self, connector_words: Iterable[str]) -> None:
        self.connector_words = frozenset(connector_words)

    def score_candidate(self, word_a: str, word_b: str, in_between: list[str]) -> tuple[str | None, float | None]:
        """The joined phrase and its score; (None, None) if the candidate is no phrase."""
        raise NotImplementedError("score_candidate must be defined by a subclass")

    def analyze_sentence(self, sentence: Tokens) -> Iterator[tuple[str, float | None]]:
        """Yield each token of the joined sentence with its score; None for a word that is no phrase."""
        pending: list[str] = []  # a word that may begin a phrase, and the connector words behind it
        for word in sentence:
            if word in self.connector_words:
                if pending:
                    pending.append(word)
                else:
                    yield word, None
                continue
            if pending:
                phrase, score = self.score_candidate(pending[0], word, pending[1:])
                if phrase is not None and score is not None:
                    yield phrase, score
                    pending = []
                    continue
                for token in pending:
                    yield token, None
            pending = [word]
        for token in pending:
            yield token, None

    def __getitem__(self, sentence: Any) -> Any:
        """The joined tokens of one sentence; for a corpus of sentences, an iterable of joined sentences."""
        tokens = iter(sentence)
        first = next(tokens, None)
        if first is None:
            return []
        if isinstance(first, str):
            return self._join(itertools.chain([first], tokens))
        is_read_once = tokens is sentence
        return _JoinedSentences(self, itertools.chain([first], tokens) if is_read_once else sentence)

    def _join(self, sentence: Tokens) -> list[str]:
        return [token for token, _ in self.analyze_sentence(sentence)]

    def find_phrases(self, sentences: Iterable[Tokens]) -> dict[str, float]:
        """The phrases that are joined in the sentences, with their scores."""
        scored = (pair for sentence in sentences for pair in self.analyze_sentence(sentence))
        return {phrase: score for phrase, score in scored if score is not None}

    def _settings(self, scoring: Scorer, **others: Any) -> dict[str, Any]:
        names = {function: name for name, function in _SCORERS.items()}
        if scoring not in names:
            raise ParameterError(
                f"scoring must be 'default' or 'npmi' to be saved, got {getattr(scoring, '__name__', scoring)!r}: a"
                " file of firth holds no code"
            )
        return {"scoring": names[scoring], "connector_words": sorted(self.connector_words), **others}

    @classmethod
    def load(cls, fname: Any, mmap: str | None = None) -> Any:
        """Read a file that ``save`` wrote, or gensim's ``save``. The class of the object is that in the file.

        Raises
        ------
        StorageError, FormatError
        """
        if not is_ours(fname):
            return _from_gensim(fname)
        state, tensors = read_file(fname)
        kind = state.get("kind")
        if kind not in _KINDS:
            raise FormatError(f"{fname}: must hold Phrases or FrozenPhrases, got {describe_json(kind)}")
        keys = unpack_keys(state, tensors, fname)
        name, dtype = ("scores", np.float64) if _KINDS[kind] else ("counts", np.int64)
        numbers = tensors.get(name)
        if numbers is None or numbers.dtype != dtype or numbers.shape != (len(keys),):
            raise FormatError(f"{fname}: {name} must have one number for each of {len(keys)} words")
        values = dict(zip(keys, numbers.tolist(), strict=True))
        try:
            scoring, connectors = _SCORERS[state["scoring"]], frozenset(state["connector_words"])
            settings = {key: state[key] for key in ("min_count", "threshold", "delimiter")}
            if not all(isinstance(word, str) for word in connectors) or not isinstance(settings["delimiter"], str):
                raise TypeError("words must be texts")
            if not is_number(settings["threshold"]) or not is_integer(settings["min_count"]):
                raise TypeError("min_count and threshold must be numbers")
            if kind == "FrozenPhrases":
                return FrozenPhrases._made(values, scoring, connectors, **settings)
            counted = {key: state[key] for key in ("corpus_word_count", "max_vocab_size", "min_reduce", "progress_per")}
            if not all(is_integer(value) for value in counted.values()):
                raise TypeError("counts must be whole numbers")
        except (KeyError, TypeError) as error:
            raise FormatError(f"{fname}: the settings are damaged ({error})") from None
        return Phrases._made(values, scoring, connectors, **settings, **counted)


class Phrases(_PhrasesTransformation):
    """gensim's ``Phrases``: counts of words and candidates, to which sentences can be added.

    ``max_vocab_size`` prunes as in gensim: after a sentence that fills the table, entries below ``min_reduce``, which
    then grows by 1. ``save`` refuses a scoring function of one's own, and writes no pickle.
    """

    def __init__(
        self,
        sentences: Iterable[Tokens] | None = None,
        min_count: int = 5,
        threshold: float = 10.0,
        max_vocab_size: int = 40_000_000,
        delimiter: str = "_",
        progress_per: int = 10_000,
        scoring: str | Scorer = "default",
        connector_words: Iterable[str] = frozenset(),
    ) -> None:
        super().__init__(connector_words)
        if not is_number(min_count) or min_count <= 0:
            raise ParameterError(f"min_count must be at least 1, got {min_count!r}")
        if not is_number(threshold) or (scoring == "default" and threshold <= 0):
            raise ParameterError(f"threshold must be above 0 for scoring='default', got {threshold!r}")
        if scoring == "npmi" and not -1 <= threshold <= 1:
            raise ParameterError(f"threshold must be from -1 to 1 for scoring='npmi', got {threshold!r}")
        if not isinstance(delimiter, str):
            raise ParameterError(f"delimiter must be a string, got {delimiter!r}")
        self.scoring = _as_scorer(scoring)
        self.min_count = min_count
        self.threshold = threshold
        self.max_vocab_size = max_vocab_size
        self.vocab: dict[str, int] = {}
        self.min_reduce = 1
        self.delimiter = delimiter
        self.progress_per = progress_per
        self.corpus_word_count = 0
        if sentences is not None:
            self.add_vocab(sentences)

    @classmethod
    def _made(
        cls, counts: dict[str, int], scoring: Scorer, connector_words: frozenset[str], **settings: Any
    ) -> Phrases:
        phrases = cls.__new__(cls)
        _PhrasesTransformation.__init__(phrases, connector_words)
        phrases.vocab, phrases.scoring = counts, scoring
        vars(phrases).update(settings)
        return phrases

    def __str__(self) -> str:
        return (
            f"{type(self).__name__}<{len(self.vocab)} vocab, min_count={self.min_count}, threshold={self.threshold},"
            f" max_vocab_size={self.max_vocab_size}>"
        )

    def add_vocab(self, sentences: Iterable[Tokens]) -> None:
        """Count the words and candidates of sentences, and add them to the counts."""
        if isinstance(sentences, str):
            raise CorpusTypeError(f"sentences must be lists of words, got the string {sentences!r:.40}")
        counts: dict[str, int] = {}
        min_reduce = 1
        for sentence in sentences:
            self._count(sentence, counts)
            if len(counts) > self.max_vocab_size:
                counts = {word: count for word, count in counts.items() if count >= min_reduce}
                min_reduce += 1
        if not self.vocab:
            self.vocab = counts
            return
        self.min_reduce = max(self.min_reduce, min_reduce)
        for word, count in counts.items():
            self.vocab[word] = self.vocab.get(word, 0) + count
        if len(self.vocab) > self.max_vocab_size:
            self.vocab = {word: count for word, count in self.vocab.items() if count >= self.min_reduce}
            self.min_reduce += 1

    def _count(self, sentence: Tokens, counts: dict[str, int]) -> None:
        pending: list[str] = []
        for word in sentence:
            self.corpus_word_count += 1
            if word in self.connector_words:
                if pending:
                    pending.append(word)
                continue
            counts[word] = counts.get(word, 0) + 1
            if pending:
                joined = self.delimiter.join((*pending, word))
                counts[joined] = counts.get(joined, 0) + 1
            pending = [word]

    def score_candidate(self, word_a: str, word_b: str, in_between: list[str]) -> tuple[str | None, float | None]:
        phrase = self.delimiter.join([word_a, *in_between, word_b])
        counts = [self.vocab.get(word, 0) for word in (word_a, word_b, phrase)]
        if min(counts) <= 0:
            return None, None
        score = self.scoring(
            worda_count=counts[0],
            wordb_count=counts[1],
            bigram_count=counts[2],
            len_vocab=len(self.vocab),
            min_count=self.min_count,
            corpus_word_count=self.corpus_word_count,
        )
        return (phrase, score) if score > self.threshold else (None, None)

    def export_phrases(self) -> dict[str, float]:
        """All phrases with their scores. A joined word is cut at every delimiter, as in gensim."""
        found: dict[str, float] = {}
        for token in self.vocab:
            first, *others = token.split(self.delimiter)
            if others:
                phrase, score = self.score_candidate(first, others[-1], others[:-1])
                if phrase is not None and score is not None:
                    found[phrase] = score
        return found

    def freeze(self) -> FrozenPhrases:
        """The phrases and their scores alone."""
        return FrozenPhrases(self)

    def to_firth(self) -> FirthPhrases:
        """The phrases as ``firth.Phrases``; see ``FrozenPhrases.to_firth``."""
        return self.freeze().to_firth()

    def save(self, fname: Any) -> None:
        """Write a file that firth.compat.gensim reads: safetensors, no pickle.

        Raises
        ------
        ParameterError
            ``scoring`` is a function of one's own.
        StorageError
        """
        names = (
            "min_count",
            "threshold",
            "delimiter",
            "corpus_word_count",
            "max_vocab_size",
            "min_reduce",
            "progress_per",
        )
        state, tensors = pack_keys(list(self.vocab))
        settings = self._settings(self.scoring, **{name: getattr(self, name) for name in names})
        counts = np.fromiter(self.vocab.values(), np.int64, len(self.vocab))
        write_file(fname, "Phrases", {**settings, **state}, {**tensors, "counts": counts})


class FrozenPhrases(_PhrasesTransformation):
    """gensim's ``FrozenPhrases``: phrases and their scores, to which nothing can be added."""

    def __init__(self, phrases_model: Phrases) -> None:
        super().__init__(phrases_model.connector_words)
        self.threshold = phrases_model.threshold
        self.min_count = phrases_model.min_count
        self.delimiter = phrases_model.delimiter
        self.scoring = phrases_model.scoring
        self.phrasegrams: dict[str, float] = phrases_model.export_phrases()

    @classmethod
    def _made(
        cls, scores: dict[str, float], scoring: Scorer, connector_words: frozenset[str], **settings: Any
    ) -> FrozenPhrases:
        phrases = cls.__new__(cls)
        _PhrasesTransformation.__init__(phrases, connector_words)
        phrases.phrasegrams, phrases.scoring = scores, scoring
        vars(phrases).update(settings)
        return phrases

    def __str__(self) -> str:
        return (
            f"{type(self).__name__}<{len(self.phrasegrams)} phrases, min_count={self.min_count},"
            f" threshold={self.threshold}>"
        )

    def score_candidate(self, word_a: str, word_b: str, in_between: list[str]) -> tuple[str | None, float | None]:
        phrase = self.delimiter.join([word_a, *in_between, word_b])
        score = self.phrasegrams.get(phrase, NEGATIVE_INFINITY)
        return (phrase, score) if score > self.threshold else (None, None)

    def to_firth(self) -> FirthPhrases:
        """The phrases as ``firth.Phrases``, a table of one pass, for ``firth.train(phrases=...)``.

        Raises
        ------
        ParameterError
            A phrase has more than two words between its connector words: it joined words that were joined before.
        """
        scores = {tuple(phrase.split(self.delimiter)): score for phrase, score in self.phrasegrams.items()}
        return FirthPhrases.from_scores(scores, delimiter=self.delimiter, connector_words=self.connector_words)

    def save(self, fname: Any) -> None:
        """Write a file that firth.compat.gensim reads; see ``Phrases.save``."""
        state, tensors = pack_keys(list(self.phrasegrams))
        settings = self._settings(
            self.scoring, min_count=self.min_count, threshold=self.threshold, delimiter=self.delimiter
        )
        scores = np.fromiter(self.phrasegrams.values(), np.float64, len(self.phrasegrams))
        write_file(fname, "FrozenPhrases", {**settings, **state}, {**tensors, "scores": scores})


Phraser = FrozenPhrases


def _as_scorer(scoring: Any) -> Scorer:
    if isinstance(scoring, str):
        if scoring not in _SCORERS:
            raise ParameterError(f"scoring must be 'default', 'npmi' or a function, got {scoring!r}")
        return _SCORERS[scoring]
    if not callable(scoring):
        raise ParameterError(f"scoring must be 'default', 'npmi' or a function, got {scoring!r}")
    missing = [name for name in SCORER_PARAMETERS if name not in inspect.signature(scoring).parameters]
    if missing:
        raise ParameterError(
            f"scoring must take the parameters {', '.join(SCORER_PARAMETERS)}, got none {missing[0]!r}"
        )
    return scoring  # type: ignore[no-any-return]


def _from_gensim(fname: Any) -> Any:
    found = read_gensim_phrases(as_path(fname))
    settings = {"min_count": found.min_count, "threshold": found.threshold, "delimiter": found.delimiter}
    if found.is_frozen:
        return FrozenPhrases._made(found.scores, _SCORERS[found.scoring], found.connector_words, **settings)
    return Phrases._made(
        found.counts,
        _SCORERS[found.scoring],
        found.connector_words,
        **settings,
        corpus_word_count=found.corpus_word_count,
        max_vocab_size=found.max_vocab_size,
        min_reduce=found.min_reduce,
        progress_per=10_000,
    )


__all__ = ["ENGLISH_CONNECTOR_WORDS", "FrozenPhrases", "Phraser", "Phrases", "npmi_scorer", "original_scorer"]
