"""Room corpus: the table of phrases: which words are joined to one token, and their scores; its text file."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firth.base.files import read_regular
from firth.base.replace import replaced_file, validate_destination, write_all, write_file
from firth.base.storage import storage_error
from firth.base.values import as_integer, as_number, is_integer, is_number, validate_choice
from firth.corpus.sources import classify_source, warn_of_missing
from firth.corpus.tables import split_text
from firth.corpus.tokenizers import TokenizerLike, resolve_tokenizer
from firth.corpus.vocabulary import encode_words
from firth.errors import CorpusTypeError, EncodingError, FormatError, ParameterError, StorageError, UnknownWordError
from firth.numerics.phrases import SCORINGS, Phrase, join_tokens

FORMAT_NAME = "firth-phrases"
FORMAT_VERSION = 1
# Thresholds of word2phrase.c and of gensim's Phrases. For npmi, half of the highest score, 1.
DEFAULT_THRESHOLDS = {"word2vec": 100.0, "gensim": 10.0, "npmi": 0.5}
# Articles, prepositions and conjunctions: the words of gensim's ENGLISH_CONNECTOR_WORDS.
ENGLISH_CONNECTOR_WORDS = frozenset(
    ("a", "an", "the", "for", "of", "with", "without", "at", "from", "to", "in", "on", "by", "and", "or")
)

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_UNESCAPED = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}


@dataclass(frozen=True)
class PhrasePass:
    """The phrases of one pass over the text.

    Attributes
    ----------
    scores : mapping from phrase to score
        A phrase is a tuple of tokens of the text that the pass reads: first word, connector words, last word. In the
        second pass, a word may be a joined phrase of the first.
    n_words : int
        Words of the text that the pass read; 0 if no text was read.
    n_vocabulary : int
        Distinct words without connector words, and distinct candidates, of any count: the number that ``"gensim"``
        multiplies by.
    n_scored : int
        Distinct candidates that occur at least ``min_count`` times.
    """

    scores: Mapping[Phrase, float]
    n_words: int = 0
    n_vocabulary: int = 0
    n_scored: int = 0


@dataclass(frozen=True)
class Phrases:
    """A table of phrases, from ``firth.learn_phrases``, ``Phrases.load`` or ``Phrases.from_scores``.

    It joins the words of a phrase to one token: ``new york`` becomes ``new_york``. A text is read from left to right,
    and a word that ended a phrase begins no other. With several passes, each pass reads the tokens of the pass before.

    Attributes
    ----------
    passes : tuple of PhrasePass
    scoring : {"word2vec", "gensim", "npmi"}
    threshold : float
        The score of each phrase is above it.
    min_count : int
    delimiter : str
        Between the words of a joined phrase.
    connector_words : frozenset of str
        Words that may be inside of a phrase, and that begin and end none.
    """

    passes: tuple[PhrasePass, ...]
    scoring: str = "word2vec"
    threshold: float = 0.0
    min_count: int = 1
    delimiter: str = "_"
    connector_words: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        validate_phrase_settings(self.scoring, self.threshold, self.min_count, self.delimiter)
        if not self.passes:
            raise ParameterError("passes must have at least one pass, got none")
        for one in self.passes:
            for phrase in one.scores:
                if type(phrase) is not tuple or len(phrase) != 2 or not self._can_be_pair(*phrase):
                    self._validate_phrase(phrase)

    def _can_be_pair(self, first: object, last: object) -> bool:
        """Whether two words without connector words between them are a phrase: the quick check of most phrases."""
        is_text = type(first) is str and type(last) is str and first and last
        return bool(is_text) and first not in self.connector_words and last not in self.connector_words

    def _validate_phrase(self, phrase: Phrase) -> None:
        if (
            not isinstance(phrase, tuple)
            or len(phrase) < 2
            or not all(isinstance(word, str) and word for word in phrase)
        ):
            raise ParameterError(f"a phrase must be a tuple of at least two words, got {phrase!r:.80}")
        if phrase[0] in self.connector_words or phrase[-1] in self.connector_words:
            raise ParameterError(f"a phrase must not begin or end with a connector word, got {phrase!r:.80}")
        inside = [word for word in phrase[1:-1] if word not in self.connector_words]
        if inside:
            raise ParameterError(
                f"a phrase must have connector words alone between its first and its last word, got {phrase!r:.80};"
                f" {inside[0]!r} is no connector word: join two words in a pass before"
            )

    @classmethod
    def from_scores(
        cls, scores: Mapping[Phrase, float], *, delimiter: str = "_", connector_words: Iterable[str] = ()
    ) -> Phrases:
        """Make a table of one pass from phrases of your own; the scores are any numbers.

        Raises
        ------
        ParameterError
        """
        if not isinstance(scores, Mapping) or not scores:
            raise ParameterError(
                f"scores must be a mapping from phrases to numbers with at least one, got {scores!r:.60}"
            )
        checked = {phrase: as_number(f"the score of {phrase!r:.60}", score) for phrase, score in scores.items()}
        lowest = min(checked.values())
        return cls(
            (PhrasePass(checked),),
            threshold=lowest - max(1.0, abs(lowest)),
            delimiter=delimiter,
            connector_words=as_connector_words(connector_words),
            scoring="given",
        )

    @functools.cached_property
    def scores(self) -> dict[Phrase, float]:
        """The score of each phrase: a tuple of words as the text has them, of all passes."""
        sources: dict[str, Phrase] = {}  # the words of each joined token
        found: dict[Phrase, float] = {}
        for one in self.passes:
            words = [tuple(word for token in phrase for word in sources.get(token, (token,))) for phrase in one.scores]
            found.update(zip(words, one.scores.values(), strict=True))
            sources.update(
                (self.delimiter.join(phrase), source) for phrase, source in zip(one.scores, words, strict=True)
            )
        return found

    @functools.cached_property
    def joined_words(self) -> tuple[str, ...]:
        """The tokens that phrases become, in the order of the table."""
        joined = (self.delimiter.join(phrase) for one in self.passes for phrase in one.scores)
        return tuple(dict.fromkeys(joined))

    def __len__(self) -> int:
        return sum(len(one.scores) for one in self.passes)

    def __repr__(self) -> str:
        first = ", ".join(self.joined_words[:3])
        n_passes = f"{len(self.passes)} pass{'' if len(self.passes) == 1 else 'es'}"
        return f"Phrases({len(self):,} phrases in {n_passes}: {first}{', ...' if len(self) > 3 else ''})"

    def __hash__(self) -> int:
        return hash((self.joined_words, self.delimiter))

    def join(self, tokens: Sequence[str]) -> list[str]:
        """The tokens with their phrases joined.

        Raises
        ------
        CorpusTypeError
            ``tokens`` is a string, or has another thing than strings.
        """
        if isinstance(tokens, (str, bytes)) or not isinstance(tokens, Iterable):
            raise CorpusTypeError(f"tokens must be a list of words, got {tokens!r:.60}; use join_line, or .split()")
        joined = list(tokens)
        for token in joined:
            if not isinstance(token, str):
                raise CorpusTypeError(f"tokens must be strings, got {token!r:.60}")
        for one in self.passes:
            joined = join_tokens(joined, one.scores, self.delimiter, self.connector_words)
        return joined

    def join_line(self, line: str) -> str:
        """The words of a line, split at ASCII white space as in files, with phrases joined; a space between tokens."""
        if not isinstance(line, str):
            raise CorpusTypeError(f"line must be a string, got {line!r:.60}; use join for a list of words")
        return " ".join(self.join(split_text(line)))

    def join_lines(self, lines: Iterable[str]) -> Iterator[str]:
        """Join the phrases of each line.

        Raises
        ------
        CorpusTypeError
            ``lines`` is a string, or has another thing than strings.
        """
        if isinstance(lines, (str, bytes)) or not isinstance(lines, Iterable):
            raise CorpusTypeError(f"lines must be a list of strings, got {lines!r:.60}; use join_line for one line")
        return map(self.join_line, lines)

    def join_file(
        self,
        source: Any,
        path: str | os.PathLike[str],
        *,
        lowercase: bool = False,
        as_text: bool = False,
        encoding_errors: str = "strict",
        column: str | None = None,
        tokenizer: TokenizerLike | None = None,
        overwrite: bool = False,
    ) -> int:
        """Write the lines of text files, with phrases joined, to a new file; the number of lines.

        Parameters
        ----------
        source : path, glob, URL, ``"-"``, or a list of these; compressed files too
        path : path of the file, written completely or not at all
        lowercase, as_text, encoding_errors, tokenizer : as in ``firth.train``
        column : str or None
            The column of texts, if the source is tables. Each row is a line.
        overwrite : bool
            Whether to replace a file at ``path``.

        Raises
        ------
        CorpusTypeError, CorpusError, EncodingError, StorageError
        """
        from firth.corpus.counting import tokenize_lines

        validate_destination(Path(path), overwrite)
        split = resolve_tokenizer(tokenizer) or split_text
        files = classify_source(source, as_text=as_text, column=column)
        if not isinstance(files, list):
            what = (
                "files of text" if column is None else f"tables whose column {column!r} has texts, got lists of tokens"
            )
            raise CorpusTypeError(f"source must be {what}; use join or join_lines for what is in memory")
        n_lines = 0
        try:
            with replaced_file(path) as file:
                for tokens in tokenize_lines(files, split, encoding_errors, lambda: None):
                    words = [token.lower() for token in tokens] if lowercase else list(tokens)
                    write_all(file, encode_words(" ".join(self.join(words)) + "\n"))
                    n_lines += 1
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise storage_error(error, Path(path)) from error
        warn_of_missing(files)
        return n_lines

    def token(self, words: str | Sequence[str]) -> str:
        """The one token that the words of a look-up become: ``"new york"`` is ``"new_york"``.

        Raises
        ------
        UnknownWordError
            The words are not one phrase of the table.
        """
        given = split_text(words) if isinstance(words, str) else words
        joined = self.join(given)
        if len(joined) != 1:
            raise UnknownWordError(
                f"{' '.join(given)!r} is not one phrase of the table; it becomes {len(joined)} tokens: {joined!r:.80}"
            )
        return joined[0]

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the table as text: a line of JSON, then a line for each phrase: score, tab, words between tabs.

        Raises
        ------
        StorageError, EncodingError
            The file exists and ``overwrite`` is False, or it cannot be written.
        """
        path = Path(path)
        validate_destination(path, overwrite)
        try:
            write_file(path, self.to_bytes())
        except OSError as error:
            raise storage_error(error, path) from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Phrases:
        """Read a table that ``save`` wrote.

        Raises
        ------
        StorageError
            The file cannot be read.
        FormatError, EncodingError
            The file is not a table of phrases, or a part of it is missing; the message names the line.
        """
        path = Path(path)
        try:
            data = read_regular(path)
        except StorageError:
            raise
        except OSError as error:
            raise StorageError(
                f"{path}: the phrases cannot be read: {error.strerror or error}; write a table by `firth phrases` or"
                " firth.learn_phrases(...).save(...)"
            ) from error
        return cls.from_bytes(data, str(path))

    def to_bytes(self) -> bytes:
        """What ``save`` writes. Equal tables are equal bytes."""
        header = {
            "format": FORMAT_NAME,
            "version": FORMAT_VERSION,
            "delimiter": self.delimiter,
            "connector_words": sorted(self.connector_words),
            "scoring": self.scoring,
            "threshold": self.threshold,
            "min_count": self.min_count,
            "passes": [
                {
                    "n_phrases": len(one.scores),
                    "n_words": one.n_words,
                    "n_vocabulary": one.n_vocabulary,
                    "n_scored": one.n_scored,
                }
                for one in self.passes
            ],
        }
        lines = [json.dumps(header, ensure_ascii=False)]
        for one in self.passes:
            lines += [
                "\t".join((repr(float(score)), *(word.translate(_ESCAPES) for word in phrase)))
                for phrase, score in one.scores.items()
            ]
        return encode_words("\n".join(lines) + "\n")

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> Phrases:
        """Read what ``to_bytes`` made; ``name`` is for messages."""
        try:
            text = data.decode("utf-8-sig")  # an editor may have put a byte-order mark at the start
        except UnicodeDecodeError as error:
            raise EncodingError(
                f"{name}: byte 0x{data[error.start]:02x} at offset {error.start:,} is not UTF-8"
            ) from None
        first, *lines = text.replace("\r\n", "\n").split("\n")  # a \r of a word is written as \\r
        header = _read_header(first, name)
        if not lines or lines.pop() != "":
            raise FormatError(f"{name}: the last line must end with a line end; a part of the file is missing")
        expected = sum(one["n_phrases"] for one in header["passes"])
        if len(lines) != expected:
            raise FormatError(
                f"{name} must have {expected:,} phrases, as its first line says, got {len(lines):,}; a part of the file"
                " is missing, or the numbers n_phrases of the first line must be changed"
            )
        passes, at = [], 0
        for one in header["passes"]:
            scores: dict[Phrase, float] = {}
            for number in range(at, at + one["n_phrases"]):
                phrase, score = _read_phrase(lines[number], f"{name}, line {number + 2}")
                if phrase in scores:
                    raise FormatError(f"{name}, line {number + 2}: the phrase {' '.join(phrase)!r:.80} is there twice")
                scores[phrase] = score
            at += one["n_phrases"]
            passes.append(PhrasePass(scores, one["n_words"], one["n_vocabulary"], one["n_scored"]))
        try:
            return cls(
                tuple(passes),
                header["scoring"],
                float(header["threshold"]),
                header["min_count"],
                header["delimiter"],
                frozenset(header["connector_words"]),
            )
        except ParameterError as error:
            raise FormatError(f"{name}: {error}") from None


def validate_phrase_settings(scoring: str, threshold: float, min_count: int, delimiter: str) -> None:
    """Raise ParameterError for a scoring, threshold, minimum count or delimiter that phrases cannot have."""
    validate_choice("scoring", scoring, (*SCORINGS, "given"))
    as_number("threshold", threshold)
    as_integer("min_count", min_count, minimum=1, maximum=(1 << 63) - 1)
    if not isinstance(delimiter, str) or not delimiter or delimiter.split() != [delimiter]:
        raise ParameterError(
            f"delimiter must be a string of at least one character and without white space, got {delimiter!r:.60}"
        )


def as_connector_words(words: Iterable[str] | str) -> frozenset[str]:
    """The set of connector words; ``"english"`` is ``ENGLISH_CONNECTOR_WORDS``.

    Raises
    ------
    ParameterError
    """
    if isinstance(words, str):
        if words == "english":
            return ENGLISH_CONNECTOR_WORDS
        raise ParameterError(f"connector_words must be a list of words, or 'english', got the string {words!r:.60}")
    listed = list(words) if isinstance(words, Iterable) else [words]
    for word in listed:
        if not isinstance(word, str) or not word:
            raise ParameterError(f"connector_words must be words, got {word!r:.60}")
    return frozenset(listed)


def _read_header(line: str, name: str) -> dict[str, Any]:
    try:
        header = json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT_NAME:
        raise FormatError(
            f'{name} is not a table of phrases: its first line must be JSON with "format": "{FORMAT_NAME}"; make one'
            " with firth.learn_phrases(...).save(...) or `firth phrases`"
        )
    if header.get("version") != FORMAT_VERSION:
        raise FormatError(f"{name}: version must be {FORMAT_VERSION}, got {header.get('version')!r:.40}")
    kinds = {"delimiter": str, "scoring": str, "min_count": int, "connector_words": list, "passes": list}
    wrong = [key for key, kind in kinds.items() if type(header.get(key)) is not kind]
    if not is_number(header.get("threshold")):
        wrong.append("threshold")
    if not wrong and not all(isinstance(word, str) and word for word in header["connector_words"]):
        wrong.append("connector_words")
    counts = ("n_phrases", "n_words", "n_vocabulary", "n_scored")
    for one in () if wrong else header["passes"]:
        if not isinstance(one, dict) or not all(is_integer(one.get(key)) and one[key] >= 0 for key in counts):
            wrong.append("passes")
    if wrong:
        raise FormatError(f"{name}: the entry {wrong[0]!r} of the first line is missing or damaged")
    return header


def _read_phrase(line: str, place: str) -> tuple[Phrase, float]:
    score_text, *words = line.split("\t")
    try:
        score = as_number("the score", float(score_text))
    except ValueError:
        raise FormatError(f"{place}: must begin with a score and a tab, got {line[:60]!r}") from None
    phrase = tuple(_unescape(word, place) if "\\" in word else word for word in words)
    if len(phrase) < 2 or not all(phrase):
        raise FormatError(f"{place}: must be a score and at least two words between tabs, got {line[:60]!r}")
    return phrase, score


def _unescape(word: str, place: str) -> str:
    parts = word.split("\\")
    text, at = parts[0], 1
    while at < len(parts):
        part = parts[at]
        if part:
            if part[0] not in _UNESCAPED:
                raise FormatError(f"{place}: \\{part[0]} must be one of \\\\, \\t, \\n and \\r")
            text += _UNESCAPED[part[0]] + part[1:]
            at += 1
        elif at + 1 < len(parts):  # a backslash that is escaped
            text += "\\" + parts[at + 1]
            at += 2
        else:
            raise FormatError(f"{place}: a word must not end with a single backslash")
    return text


__all__ = [
    "DEFAULT_THRESHOLDS",
    "ENGLISH_CONNECTOR_WORDS",
    "PhrasePass",
    "Phrases",
    "as_connector_words",
    "validate_phrase_settings",
]
