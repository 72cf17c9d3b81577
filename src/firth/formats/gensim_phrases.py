"""Room formats: files that gensim's ``save`` writes for Phrases and FrozenPhrases, gensim 1 to 4, read only.

Grammar
-------
::

    file         = pickle (protocol 2 to 5) of one object
    object       = Phrases: vocab (word or joined words -> count), min_count, threshold, delimiter, scoring, ...
                 | FrozenPhrases, called Phraser before 4.0: phrasegrams (joined words -> score), ...
    before 4.0   = words are bytes in UTF-8; phrasegrams: tuple of words -> score, or -> (count, score)
    before 3.x   = no scoring, no connector words (common_terms up to 3.8), no corpus_word_count

`firth.formats.pickle_reader` reads the pickle and executes nothing. A scoring function other than gensim's two is
refused, because it is code.

Source: gensim, ``_PhrasesTransformation.load`` in gensim/models/phrases.py, at 3.8.3 and 4.4.

Tests: tests/compat/gensim/test_phrases.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firth.base.values import is_integer, is_number
from firth.errors import FormatError
from firth.formats.pickle_reader import read_pickle
from firth.formats.pickle_values import Name, Record
from firth.formats.source import ByteSource, mapped

_MODULE = "gensim.models.phrases"
_CLASSES = {f"{_MODULE}.{name}": name == "Phrases" for name in ("Phrases", "FrozenPhrases", "Phraser")}
_SCORERS = {f"{_MODULE}.original_scorer": "default", f"{_MODULE}.npmi_scorer": "npmi"}
_INERT = frozenset(
    {*_SCORERS, "builtins.int", "__builtin__.int", "__builtin__.long", "builtins.object", "__builtin__.object"}
)


@dataclass(frozen=True)
class GensimPhrases:
    """The contents of a file.

    Attributes
    ----------
    is_frozen : bool
    counts : dict from str to int
        Of words and of joined candidates; empty if ``is_frozen``.
    scores : dict from str to float
        Of joined phrases; empty unless ``is_frozen``.
    scoring : {"default", "npmi"}
    min_count, threshold, delimiter, connector_words, corpus_word_count, max_vocab_size, min_reduce
        As in gensim; defaults of attributes that older versions lack.
    """

    is_frozen: bool
    counts: dict[str, int]
    scores: dict[str, float]
    scoring: str
    min_count: int
    threshold: float
    delimiter: str
    connector_words: frozenset[str]
    corpus_word_count: int
    max_vocab_size: int
    min_reduce: int


def read_gensim_phrases(path: Path) -> GensimPhrases:
    """Read a file of gensim's ``Phrases.save``, ``FrozenPhrases.save`` or ``Phraser.save``.

    Raises
    ------
    StorageError, FormatError
    """
    with ByteSource(path) as source:
        if source.read(1) != b"\x80":
            source.fail("gensim's save files must be pickles of protocol 2 or later, got another file")
    with ByteSource(path) as source, mapped(source) as data:
        root = read_pickle(data, path, frozenset(_CLASSES), _INERT)
    if not isinstance(root, Record) or str(root.kind) not in _CLASSES:
        raise FormatError(f"{path}: the pickle holds no phrases of gensim's")
    state = root.state
    delimiter = _text(path, "delimiter", state.get("delimiter"))
    words = state.get("connector_words", state.get("common_terms", frozenset()))
    if not isinstance(words, (set, frozenset, list, tuple)):
        raise FormatError(f"{path}: the connector words must be a set, got {type(words).__name__}")
    is_frozen = not _CLASSES[str(root.kind)]
    return GensimPhrases(
        is_frozen=is_frozen,
        counts={} if is_frozen else _counts(path, state.get("vocab")),
        scores=_scores(path, state.get("phrasegrams"), delimiter) if is_frozen else {},
        scoring=_scoring(path, state.get("scoring", "default")),
        min_count=_number(path, state, "min_count", is_integer, 5),
        threshold=float(_number(path, state, "threshold", is_number, 10.0)),
        delimiter=delimiter,
        connector_words=frozenset(_text(path, "a connector word", word) for word in words),
        corpus_word_count=_number(path, state, "corpus_word_count", is_integer, 0),
        max_vocab_size=_number(path, state, "max_vocab_size", is_integer, 40_000_000),
        min_reduce=_number(path, state, "min_reduce", is_integer, 1),
    )


def _counts(path: Path, vocabulary: object) -> dict[str, int]:
    if not isinstance(vocabulary, dict):
        raise FormatError(f"{path}: the phrases have no vocabulary (vocab)")
    counts: dict[str, int] = {}
    for key, count in vocabulary.items():
        if type(count) is not int or not 0 <= count < 1 << 63:
            raise FormatError(f"{path}: the counts must be whole numbers from 0 to 2^63 - 1")
        word = _text(path, "a word", key)
        counts[word] = counts.get(word, 0) + count
    return counts


def _scores(path: Path, phrasegrams: object, delimiter: str) -> dict[str, float]:
    if not isinstance(phrasegrams, dict):
        raise FormatError(f"{path}: the phrases have no scores (phrasegrams)")
    scores: dict[str, float] = {}
    for key, value in phrasegrams.items():
        words = key if isinstance(key, tuple) else (key,)
        score = value[1] if isinstance(value, tuple) and len(value) == 2 else value
        if type(score) not in (int, float) or abs(score) >= 1 << 63:  # NaN and infinity are gensim's own
            raise FormatError(f"{path}: the scores must be numbers")
        scores[delimiter.join(_text(path, "a word", word) for word in words)] = float(score)
    return scores


def _scoring(path: Path, scoring: object) -> str:
    if isinstance(scoring, Name) and str(scoring) in _SCORERS:
        return _SCORERS[str(scoring)]
    if scoring in ("default", "npmi"):
        return str(scoring)
    raise FormatError(f"{path}: scoring must be 'default' or 'npmi': a function of one's own is code, which is not run")


def _text(path: Path, what: str, value: object) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise FormatError(f"{path}: {what} must be UTF-8") from None
    if not isinstance(value, str):
        raise FormatError(f"{path}: {what} must be text, got {type(value).__name__}")
    return value


def _number(path: Path, state: dict[Any, Any], name: str, is_valid: Callable[[Any], bool], default: Any) -> Any:
    value = state.get(name, default)
    if not is_valid(value) or not abs(value) < 1 << 63:
        raise FormatError(f"{path}: {name} must be a number, got {type(value).__name__}")
    return value


__all__ = ["GensimPhrases", "read_gensim_phrases"]
