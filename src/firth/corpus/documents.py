"""Room corpus: what users pass as documents and as their tags: every document becomes a sequence of a corpus.

Tests: tests/training/test_documents.py.
"""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.values import is_integer
from firth.base.words import pack_words, unpack_words
from firth.corpus.sources import classify_source, refuse_names_of_files
from firth.corpus.tables import TextColumn, is_missing, read_table, rows_of, split_text
from firth.corpus.tokenizers import WHITESPACE, TokenizerLike, TokenizerRecord, resolve_tokenizer
from firth.errors import CorpusError, CorpusTypeError, EncodingError

_NAMED = 5  # tags or documents in a message


@dataclass(frozen=True)
class DocumentSource:
    """Documents in a form that ``encode_corpus`` takes: one sequence each.

    Attributes
    ----------
    source : the corpus for ``encode_corpus``
    tokenizer : the tokenizer for ``encode_corpus``
    as_text : bool
        ``as_text`` for ``encode_corpus``.
    names : list of str, or None
        The names of the files, if each file is a document.
    """

    source: Any
    tokenizer: Any
    names: list[str] | None = None
    as_text: bool = False


def find_documents(
    corpus: Any,
    tokenizer: TokenizerLike | None = None,
    *,
    default: TokenizerRecord | None = None,
    encoding_errors: str = "strict",
    as_text: bool = False,
) -> DocumentSource:
    """Decide what the documents are. ``default``: how documents that are texts are split if no tokenizer is given.

    - a folder, or a list of ``pathlib.Path``: each file is a document; its name is its default tag
    - another path, ``"-"`` or an open file: each line is a document
    - a list or another iterable of strings, a column of texts: each text is a document
    - anything else: as in ``encode_corpus``; each sequence is a document

    Raises
    ------
    CorpusError, CorpusTypeError, StorageError
    """
    if isinstance(corpus, np.ndarray) and corpus.ndim == 1 and corpus.dtype.kind in "UTO":
        corpus = corpus.tolist()
    if tokenizer is None and default is not None and _are_texts(corpus):
        tokenizer = default.restore()
    if isinstance(corpus, str | os.PathLike) and corpus != "" and Path(corpus).is_dir():  # Path("") is this folder
        folder = Path(corpus)
        files = sorted(path for path in folder.rglob("*") if path.is_file() and not _is_hidden(path, folder))
        if not files:
            raise CorpusError(f"{folder} must have files, one a document, got none")
        return _of_files(files, [str(path.relative_to(folder)) for path in files], tokenizer, encoding_errors, as_text)
    if isinstance(corpus, list | tuple) and corpus and all(isinstance(item, Path) for item in corpus):
        return _of_files(list(corpus), list(map(str, corpus)), tokenizer, encoding_errors, as_text)
    if isinstance(corpus, bytes | bytearray | set | frozenset):  # refused by its name: a set has no order
        return DocumentSource(corpus, tokenizer)
    if isinstance(corpus, str | os.PathLike | Mapping) or read_table(corpus) is not None or hasattr(corpus, "read"):
        return DocumentSource(corpus, tokenizer, as_text=as_text)
    if isinstance(corpus, list | tuple) and corpus and tokenizer is None and all(isinstance(t, str) for t in corpus):
        refuse_names_of_files(corpus)
        return DocumentSource(_Texts(_join_lines(corpus)), None, as_text=True)  # counted by native code
    if isinstance(corpus, Iterable) and not isinstance(corpus, np.ndarray):
        if not isinstance(corpus, list | tuple):
            rows = iter(corpus)
            first = next(rows, None)
            if first is None:
                raise CorpusError("corpus must have at least one document, got none")
            corpus = itertools.chain([first], rows)
        elif not corpus:
            raise CorpusError("corpus must have at least one document, got an empty list")
        else:
            first = corpus[0]
        if isinstance(first, str) and tokenizer is None:
            tokenizer = (None if default is None else default.restore()) or WHITESPACE
    return DocumentSource(corpus, tokenizer, as_text=as_text)


class _Texts(io.BytesIO):
    """Texts in memory as a file, with the name that messages give it."""

    name = "the texts"


def _are_texts(corpus: Any) -> bool:
    """Whether documents are texts and not lists of tokens; False for an iterator, whose first item tells."""
    if isinstance(corpus, list | tuple):
        return bool(corpus) and all(isinstance(item, str | Path) for item in corpus)
    if isinstance(corpus, str | os.PathLike) or hasattr(corpus, "read"):
        return True
    return isinstance(read_table(corpus), TextColumn)


def _join_lines(texts: Sequence[str]) -> bytes:
    """The texts, one a line; a line end within a text becomes a space."""
    try:
        return "".join([text.replace("\n", " ") + "\n" for text in texts]).encode()
    except UnicodeEncodeError:
        for document, text in enumerate(texts):
            if any("\ud800" <= letter <= "\udfff" for letter in text):
                raise EncodingError(
                    f"texts must be valid Unicode, got a lone surrogate in the text of document {document}; replace it"
                ) from None
        raise


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _of_files(
    files: list[Path],
    names: list[str],
    tokenizer: TokenizerLike | None,
    encoding_errors: str,
    as_text: bool,
) -> DocumentSource:
    split = resolve_tokenizer(tokenizer) or split_text

    def read() -> Iterator[str]:
        for path in files:
            found = classify_source(path, as_text=as_text)
            assert isinstance(found, list)
            text = b"".join(itertools.chain.from_iterable(file.blocks() for file in found))
            try:
                yield text.decode("utf-8", encoding_errors)
            except UnicodeDecodeError as error:
                raise CorpusError(
                    f"{path} must be UTF-8, got the byte {text[error.start]:#04x} at {error.start}; convert the file,"
                    ' or pass encoding_errors="replace"'
                ) from None

    return DocumentSource(read(), split, names)


@dataclass(frozen=True, eq=False)
class Tags:
    """The tags of documents.

    Attributes
    ----------
    names : tuple of str, or int64 array, (T,)
        The distinct tags, in the order of their first documents.
    ids : int32 array
        Document s has the tags ids[offsets[s]:offsets[s + 1]].
    offsets : int64 array, (n_documents + 1,)
    earlier_counts : int64 array, (n_earlier,), or None
        How many documents of earlier runs have each of the first tags, which continue (`continue_tags`).
    """

    names: Sequence[str] | NDArray[np.int64]
    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    earlier_counts: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def counts(self) -> NDArray[np.int64]:
        """int64 array (T,): how many documents have each tag."""
        counts = np.bincount(self.ids, minlength=len(self.names)).astype(np.int64)
        if self.earlier_counts is not None:
            counts[: len(self.earlier_counts)] += self.earlier_counts
        return counts

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The tags as arrays, for files; the inverse is `from_arrays`."""
        arrays: dict[str, NDArray[Any]] = {"tag_ids": self.ids, "tag_offsets": self.offsets}
        if self.earlier_counts is not None:
            arrays["tag_earlier_counts"] = self.earlier_counts
        return arrays | encode_names(self.names)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Tags:
        return cls(decode_names(arrays), arrays["tag_ids"], arrays["tag_offsets"], arrays.get("tag_earlier_counts"))


def encode_names(names: Sequence[Any] | NDArray[np.int64], kind: str = "tag") -> dict[str, NDArray[Any]]:
    """The names of tags as arrays: ``tag_numbers``, or ``tag_words`` (UTF-8, run together) and their borders.

    ``kind`` is the first part of the arrays' names.
    """
    if isinstance(names, np.ndarray):
        return {f"{kind}_numbers": np.ascontiguousarray(names, dtype=np.int64)}
    letters, borders = pack_words(names)
    return {f"{kind}_words": letters, f"{kind}_word_offsets": borders}


def decode_names(arrays: Mapping[str, NDArray[Any]], kind: str = "tag") -> Sequence[str] | NDArray[np.int64]:
    """The names of tags that ``encode_names`` wrote."""
    if f"{kind}_numbers" in arrays:
        return arrays[f"{kind}_numbers"]
    return tuple(unpack_words(arrays[f"{kind}_words"], arrays[f"{kind}_word_offsets"]))


def read_tags(tags: Any, n_documents: int, default_names: list[str] | None = None, first_number: int = 0) -> Tags:
    """Read the tags of documents: for each a string or an integer, or a list of them.

    Parameters
    ----------
    tags : list or column, or None
        None: the names of the documents' files, or the numbers from ``first_number`` on.
    n_documents : int

    Raises
    ------
    CorpusError
        A document has no tag or a tag twice, or the numbers of documents and tags differ.
    CorpusTypeError
        A tag is neither a string nor an integer, or some tags are strings and others integers.
    """
    every = np.arange(n_documents + 1, dtype=np.int64)
    if tags is None:
        numbers_from_first = first_number + np.arange(n_documents, dtype=np.int64)
        names = numbers_from_first if default_names is None else _file_names(default_names)
        return Tags(names, np.arange(n_documents, dtype=np.int32), every)
    if isinstance(tags, str | bytes | Mapping | set | frozenset):
        raise CorpusTypeError(f"tags must be a list with an entry for each document, got {type(tags).__name__}")
    rows = rows_of(tags, "tags")
    if not isinstance(rows, Iterable):
        raise CorpusTypeError(f"tags must be a list with an entry for each document, got {type(tags).__name__}")
    numbers: dict[Any, int] = {}
    ids: list[int] = []
    lengths: list[int] = []
    for document, entry in enumerate(rows.tolist() if isinstance(rows, np.ndarray) else rows):
        own = _tags_of(entry, document)
        ids += [numbers.setdefault(tag, len(numbers)) for tag in own]
        lengths.append(len(own))
    if len(lengths) != n_documents:
        raise CorpusError(f"tags must have an entry for each of the {n_documents:,} documents, got {len(lengths):,}")
    kinds = {type(tag) for tag in numbers}
    if len(kinds) > 1:
        raise CorpusTypeError("tags must be all strings or all integers, got both; make every tag a string")
    names = np.array(list(numbers), np.int64) if kinds == {int} else tuple(numbers)
    return Tags(names, np.array(ids, np.int32), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))


def _file_names(names: list[str]) -> tuple[str, ...]:
    """The names of files as tags; a name that cannot be a tag is refused now, and not when the model is made."""
    for document, name in enumerate(names):
        _tag(name, document)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise CorpusError(f"each file must be passed once if its name is its tag, got {twice} twice; pass tags")
    return tuple(names)


def _tags_of(entry: Any, document: int) -> list[Any]:
    if is_missing(entry):
        raise CorpusError(f"tags must have a tag for each document, got {entry!r} for document {document}")
    if isinstance(entry, set | frozenset):
        raise CorpusTypeError(f"the tags of document {document} must be a list, got a set, which has no order")
    listed = entry.tolist() if isinstance(entry, np.ndarray) else entry
    own = [_tag(tag, document) for tag in (listed if isinstance(listed, list | tuple) else [listed])]
    if not own:
        raise CorpusError(f"tags must have a tag for each document, got an empty list for document {document}")
    if len(set(own)) < len(own):
        twice = next(tag for tag in own if own.count(tag) > 1)
        raise CorpusError(f"the tags of document {document} must differ, got {twice!r} twice; give each tag once")
    return own


def _tag(tag: Any, document: int) -> str | int:
    if is_integer(tag):
        if not -(1 << 63) <= tag < 1 << 63:
            raise CorpusTypeError(f"tags must fit in 64 bits if they are integers, got {tag} for document {document}")
        return int(tag)
    if not isinstance(tag, str):
        raise CorpusTypeError(f"tags must be strings or integers, got {type(tag).__name__} for document {document}")
    if not tag:
        raise CorpusError(f"tags must have at least one character, got '' for document {document}")
    try:
        tag.encode()
    except UnicodeEncodeError:
        raise CorpusError(
            f"tags must be valid Unicode, got a lone surrogate in {tag!r} of document {document}"
        ) from None
    return str.__str__(tag)


def continue_tags(tags: Tags, earlier: Sequence[str] | NDArray[np.int64], counts: NDArray[np.int64]) -> Tags:
    """The tags of new documents after the tags of a model: its tags keep their rows, and new tags follow them.

    Parameters
    ----------
    tags : Tags
        Of the new documents.
    earlier : tuple of str, or int64 array, (n_earlier,)
        The tags of the model.
    counts : int64 array, (n_earlier,)
        How many documents have each of them.

    Raises
    ------
    CorpusTypeError
        The tags of the model are strings and the new tags integers, or the other way round.
    """
    kinds = ["integers" if isinstance(names, np.ndarray) else "strings" for names in (earlier, tags.names)]
    if kinds[0] != kinds[1]:
        raise CorpusTypeError(f"tags must be {kinds[0]}, as the tags of the model are, got {kinds[1]}; convert them")
    listed, new = (names.tolist() if isinstance(names, np.ndarray) else list(names) for names in (earlier, tags.names))
    rows = {tag: row for row, tag in enumerate(listed)}
    ids = np.array([rows.setdefault(tag, len(rows)) for tag in new], np.int32)[tags.ids]
    joined: Any = np.array(list(rows), np.int64) if isinstance(earlier, np.ndarray) else tuple(rows)
    return Tags(joined, ids, tags.offsets, np.asarray(counts, np.int64))


def validate_words(tags: Tags, offsets: NDArray[np.int64], *, tags_may_learn_nothing: bool = False) -> int:
    """Check that each tag has a document with a word of the vocabulary; return the number of documents without one.

    ``tags_may_learn_nothing``: the rows of tags have a start that is kept, so nothing is checked.
    A tag that continues has a vector already, so it needs none.

    Raises
    ------
    CorpusError
        A tag has no word to learn from.
    """
    has_words = np.diff(offsets) > 0
    if tags_may_learn_nothing:
        return int(np.count_nonzero(~has_words))
    learns = np.zeros(len(tags), np.bool_)
    if tags.earlier_counts is not None:
        learns[: len(tags.earlier_counts)] = True
    learns[tags.ids[np.repeat(has_words, np.diff(tags.offsets))]] = True
    without = np.flatnonzero(~learns)
    if len(without):
        names = tags.names
        first = ", ".join(repr(names[k] if isinstance(names, tuple) else int(names[k])) for k in without[:_NAMED])
        more = f" and {len(without) - _NAMED:,} more" if len(without) > _NAMED else ""
        raise CorpusError(
            f"every tag must have a document with a word of the vocabulary, got none for {len(without):,} of"
            f" {len(tags):,} tags ({first}{more}); leave these documents out, or lower min_count"
        )
    return int(np.count_nonzero(~has_words))


__all__ = [
    "DocumentSource",
    "Tags",
    "continue_tags",
    "decode_names",
    "encode_names",
    "find_documents",
    "read_tags",
    "validate_words",
]
