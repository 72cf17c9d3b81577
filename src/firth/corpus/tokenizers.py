"""Room corpus: what ``tokenizer`` may be: a name, a path, a tokenizer of Hugging Face, or a function.

``"unicode"`` finds words by Unicode's rules for word boundaries [1], by the library regex. A ``BatchTokenizer`` splits
many texts in one call; its words are counted natively. A function is called for each text, in one thread.

References
----------
[1] Unicode Standard Annex #29, Unicode Text Segmentation, section 4: the default rules.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from firth.base.spellings import did_you_mean, near_spellings
from firth.corpus.tables import Tokenizer, split_text, validated_tokens
from firth.errors import CorpusError, FormatError, MissingExtraError, ParameterError, StorageError

WHITESPACE, UNICODE, HUGGING_FACE = "whitespace", "unicode", "tokenizers"
_MAX_KNOWN = 1 << 20  # distinct segments that are remembered
# A segment between two boundaries is a word if it has a letter, a number, or a picture (emoji, flags).
_WORD = r"[\p{Alphabetic}\p{N}\p{Extended_Pictographic}\p{Regional_Indicator}]"


class _EncodesBatches(Protocol):
    """A tokenizer of Hugging Face."""

    def encode_batch(self, input: Any, /) -> Any: ...


TokenizerLike = str | os.PathLike[str] | Tokenizer | _EncodesBatches  # what ``resolve_tokenizer`` takes


class BatchTokenizer:
    """A tokenizer that splits many texts in one call. A model stores its record."""

    name = ""

    def many(self, texts: list[str]) -> list[list[str]]:
        """The tokens of each text."""
        raise NotImplementedError

    def __call__(self, text: str) -> list[str]:
        return self.many([text])[0]

    @property
    def is_joinable(self) -> bool:
        """Whether no token has ASCII white space, so that tokens can be joined by spaces and split again."""
        return True

    def record(self) -> TokenizerRecord:
        raise NotImplementedError

    def lines(self, texts: list[str]) -> bytes:
        """The tokens of each text, joined by spaces, as lines of UTF-8."""
        tokens = self.many(texts)
        joined = "\n".join(map(" ".join, tokens)) + "\n"
        n_spaces = sum(len(one) - 1 for one in tokens if one)
        if joined.count(" ") != n_spaces or joined.count("\n") != len(texts) or any(map(joined.count, "\t\v\f\r")):
            bad = next(token for one in tokens for token in one if token and split_text(token) != [token])
            raise CorpusError(
                f"tokenizer must make tokens without white space, got {bad!r:.60}; pass a function:"
                " tokenizer=lambda text: tokenizer.encode(text).tokens"
            )
        return joined.encode("utf-8")


class UnicodeTokenizer(BatchTokenizer):
    """The words of a text by Unicode's default word boundaries; punctuation, symbols and spaces are dropped."""

    name = UNICODE

    def __init__(self) -> None:
        try:
            import regex
        except ImportError:
            raise MissingExtraError(
                "for tokenizer='unicode' firth needs the extra 'unicode'; install it with"
                " `pip install 'firth[unicode]'`"
            ) from None
        self._boundary = regex.compile(r"\b", regex.VERSION1 | regex.WORD)
        self._words = _WordsOfSegments(regex.compile(_WORD).search)

    def many(self, texts: list[str]) -> list[list[str]]:
        words, split = self._words, self._boundary.split
        return [[word for segment in split(text) if (word := words[segment])] for text in texts]

    def record(self) -> TokenizerRecord:
        return TokenizerRecord(UNICODE)


class _WordsOfSegments(dict[str, str]):
    """The word in a segment between two boundaries, or "". Most segments of a text occurred before."""

    def __init__(self, search: Any) -> None:
        super().__init__()
        self._search = search

    def __missing__(self, segment: str) -> str:
        # a combining mark after a space is in one segment with the space
        word = segment.strip() if self._search(segment) is not None else ""
        if len(self) < _MAX_KNOWN:
            self[segment] = word
        return word


class HuggingFaceTokenizer(BatchTokenizer):
    """A ``tokenizers.Tokenizer``: its tokens without special tokens, never truncated or padded.

    The library splits the texts of a call on all processors.
    """

    name = HUGGING_FACE

    def __init__(self, tokenizer: Any) -> None:
        if tokenizer.truncation is not None or tokenizer.padding is not None:
            try:
                tokenizer = type(tokenizer).from_str(tokenizer.to_str())  # the user's object is not changed
            except Exception as error:  # of the library: a part that is written in Python
                raise ParameterError(
                    "tokenizer must not truncate or pad texts, got one that does and cannot be copied; call its methods"
                    f" no_truncation and no_padding ({error})"
                ) from error
            tokenizer.no_truncation()
            tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._is_joinable: bool | None = None

    def many(self, texts: list[str]) -> list[list[str]]:
        # encode_batch_fast makes no tokens, only their ids
        return [found.tokens for found in self._tokenizer.encode_batch(texts, add_special_tokens=False)]

    @property
    def is_joinable(self) -> bool:
        if self._is_joinable is None:
            known = self._tokenizer.get_vocab(with_added_tokens=True)
            self._is_joinable = all(split_text(token) == [token] for token in known)
        return self._is_joinable

    def record(self) -> TokenizerRecord:
        try:
            return TokenizerRecord(HUGGING_FACE, self._tokenizer.to_str())
        except Exception:  # of the library: a part that is written in Python cannot be stored
            return TokenizerRecord(described(self._tokenizer))


@dataclass(frozen=True)
class TokenizerRecord:
    """How a model's texts became tokens.

    Attributes
    ----------
    name : str
        ``""``: split at white space, or lists of tokens were given. ``"unicode"``, or ``"tokenizers"`` for a tokenizer
        of Hugging Face. Otherwise a function, which cannot be stored: its module and name.
    json : str or None
        The tokenizer of Hugging Face, as in ``tokenizer.json``.
    """

    name: str = ""
    json: str | None = None

    @classmethod
    def of(cls, tokenizer: Tokenizer | None) -> TokenizerRecord:
        """The record of a tokenizer that ``resolve_tokenizer`` returned."""
        if tokenizer is None or tokenizer is split_text:
            return cls()
        return tokenizer.record() if isinstance(tokenizer, BatchTokenizer) else cls(described(tokenizer))

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> TokenizerRecord:
        """The record in the settings of an encoded corpus."""
        name, json = settings.get("tokenizer"), settings.get("tokenizer_json")
        return cls(name if isinstance(name, str) else "", json if isinstance(json, str) else None)

    def to_settings(self) -> dict[str, Any]:
        return {"tokenizer": self.name or None, **({} if self.json is None else {"tokenizer_json": self.json})}

    def restore(self) -> Tokenizer | None:
        """The tokenizer; None if texts were split at white space.

        Raises
        ------
        ParameterError
            It was a function, which is not stored.
        FormatError
            The stored tokenizer is damaged.
        MissingExtraError
        """
        if not self.name:
            return None
        if self.name == UNICODE:
            return UnicodeTokenizer()
        if self.json is None:
            raise ParameterError(
                f"tokenizer must be given: the texts of the model were split by {self.name}, and functions are not"
                " stored; pass the function, or lists of tokens"
            )
        return HuggingFaceTokenizer(_parse(self.json, "the tokenizer of the model"))


def resolve_tokenizer(tokenizer: Any) -> Tokenizer | None:
    """The function or ``BatchTokenizer`` for the value of a ``tokenizer`` parameter.

    Raises
    ------
    ParameterError
        The value is no tokenizer.
    MissingExtraError, StorageError, FormatError
        A package is missing; the file of a tokenizer is missing or damaged.
    """
    if isinstance(tokenizer, str | os.PathLike):
        name = os.fspath(tokenizer)
        if name == WHITESPACE:
            return split_text
        if name == UNICODE:
            return UnicodeTokenizer()
        if str(name).endswith(".json"):
            return HuggingFaceTokenizer(_read(str(name)))
        close = did_you_mean(near_spellings(str(name), (WHITESPACE, UNICODE)))
        raise ParameterError(
            f"tokenizer must be {WHITESPACE!r}, {UNICODE!r}, the path of a tokenizer.json, a tokenizer of Hugging Face,"
            f" a function from a text to its tokens, or None, got {name!r}{close}"
        )
    if tokenizer is None or isinstance(tokenizer, BatchTokenizer):
        return tokenizer
    inner = _hugging_face(tokenizer)
    if inner is not None:
        return HuggingFaceTokenizer(inner)
    if not callable(tokenizer):
        raise ParameterError(
            f"tokenizer must be callable: a function from a text to its tokens, {WHITESPACE!r}, {UNICODE!r}, the path"
            f" of a tokenizer.json, a tokenizer of Hugging Face, or None, got {tokenizer!r:.60}"
        )
    return tokenizer  # type: ignore[no-any-return]


def _hugging_face(value: Any) -> Any:
    """The ``tokenizers.Tokenizer`` that a value is or has; None for another value."""
    libraries = {kind.__module__.partition(".")[0] for kind in type(value).__mro__}
    if "tokenizers" in libraries:
        found = getattr(value, "_tokenizer", value)  # classes such as ByteLevelBPETokenizer keep it inside
        return found if hasattr(found, "encode_batch") else None
    return getattr(value, "backend_tokenizer", None) if "transformers" in libraries else None


def _read(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise StorageError(f"tokenizer: {path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise FormatError(f"tokenizer: {path} must be UTF-8, got a wrong byte at {error.start}") from None
    return _parse(text, f"tokenizer: {path}")


def _parse(text: str, name: str) -> Any:
    try:
        import tokenizers
    except ImportError:
        raise MissingExtraError(
            "for a tokenizer of Hugging Face firth needs the extra 'tokenizers'; install it with"
            " `pip install 'firth[tokenizers]'`"
        ) from None
    try:
        return tokenizers.Tokenizer.from_str(text)
    except Exception as error:  # the library raises plain Exception
        raise FormatError(f"{name} must be a tokenizer.json of Hugging Face: {error}") from error


def described(function: Any) -> str:
    """The module and the name of a function or of the class of an object."""
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return f"{getattr(function, '__module__', None) or type(function).__module__}.{name}"


def tokenize_texts(texts: Iterable[str], tokenizer: Tokenizer, lowercase: bool = False) -> list[list[str]]:
    """The tokens of each text, in lower case if asked; empty tokens are dropped."""
    listed = list(texts)
    if isinstance(tokenizer, BatchTokenizer):
        found = tokenizer.many(listed)
    else:
        found = [list(validated_tokens(tokenizer(text), text)) for text in listed]
    return [[token.lower() if lowercase else token for token in one if token] for one in found]


__all__ = [
    "HUGGING_FACE",
    "UNICODE",
    "WHITESPACE",
    "BatchTokenizer",
    "TokenizerLike",
    "TokenizerRecord",
    "described",
    "resolve_tokenizer",
    "tokenize_texts",
]
