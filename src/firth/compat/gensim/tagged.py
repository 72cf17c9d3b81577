"""Room compat: gensim's documents with tags: TaggedDocument, readers of files, and the tags that a reading collects.

Tests: tests/compat/gensim/test_doc2vec.py.
"""

from __future__ import annotations

import os
from array import array
from collections import namedtuple
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.values import is_integer
from firth.compat.gensim.models.keyedvectors import KeyedVectors
from firth.compat.gensim.readers import BrownCorpus
from firth.compat.gensim.utils import open_binary, to_unicode
from firth.corpus.documents import Tags
from firth.errors import CorpusError, CorpusTypeError

MAX_TAG = 2**31 - 2  # rows are numbered by int32


class TaggedDocument(namedtuple("TaggedDocument", "words tags")):
    """A document: ``words``, a list of strings, and ``tags``, a list of strings or integers."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{type(self).__name__}<{self.words}, {self.tags}>"


class TaggedLineDocument:
    """The lines of a file as documents; the tag of a line is its number, from 0.

    Parameters
    ----------
    source : path of a file (plain, .gz, .bz2, .xz), or an open file
        ``Doc2Vec`` reads a file that is given by its path itself, on all cores.
    """

    def __init__(self, source: Any) -> None:
        self.source = source

    def __iter__(self) -> Iterator[TaggedDocument]:
        if isinstance(self.source, (str, os.PathLike)):
            with open_binary(self.source) as lines:
                yield from self._documents(lines)
        else:
            self.source.seek(0)
            yield from self._documents(self.source)

    @staticmethod
    def _documents(lines: Iterable[Any]) -> Iterator[TaggedDocument]:
        for number, line in enumerate(lines):
            yield TaggedDocument(to_unicode(line).split(), [number])


class TaggedBrownCorpus:
    """The sentences of the Brown corpus as NLTK has it; the tag is ``FILE_SENT_LINE``, with the line from 0."""

    def __init__(self, dirname: Any) -> None:
        self.dirname = dirname

    def __iter__(self) -> Iterator[TaggedDocument]:
        for path in sorted(Path(self.dirname).iterdir()):
            if path.is_file():
                for number, words in BrownCorpus.lines_of(path):
                    yield TaggedDocument(words, [f"{path}_SENT_{number}"])


class TagReader:
    """The tags of documents, collected while the documents are read.

    Attributes
    ----------
    names : dict of str to int
        The distinct tags that are strings, and their places in the order of their first documents.
    n_numbers : int
        One more than the highest tag that is an integer; 0 if there is none.
    """

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.n_numbers = 0
        self._values = array("q")  # integers as they are, strings as -1 - place
        self._lengths = array("q")

    def add(self, tags: Any) -> None:
        """Add the tags of the next document."""
        document = len(self._lengths)
        if isinstance(tags, (str, bytes)) or not isinstance(tags, Iterable):
            raise CorpusTypeError(
                f"the tags of document {document} must be a list, got {tags!r:.60}; write tags=[{tags!r:.60}]"
            )
        values = [self._value(tag, document) for tag in tags]
        if not values:
            raise CorpusError(f"document {document} must have a tag, got an empty list of tags")
        if len(set(values)) < len(values):
            raise CorpusError(f"the tags of document {document} must differ, got {list(tags)!r:.60}; give each once")
        self._values.extend(values)
        self._lengths.append(len(values))

    def _value(self, tag: Any, document: int) -> int:
        if isinstance(tag, str):
            return -1 - self.names.setdefault(str.__str__(tag), len(self.names))
        if not is_integer(tag):
            raise CorpusTypeError(
                f"tags must be strings or integers, got {type(tag).__name__} for document {document}; use str(tag)"
            )
        number = int(tag)
        if not 0 <= number <= MAX_TAG:
            raise CorpusError(
                f"tags that are integers must be from 0 to {MAX_TAG}, because they are rows, got {number} for document"
                f" {document}; use str(tag)"
            )
        self.n_numbers = max(self.n_numbers, number + 1)
        return number

    def add_lines(self, n_lines: int) -> None:
        """Add the numbers of lines, where each line is a document."""
        self._values.extend(range(n_lines))
        self._lengths.extend([1] * n_lines)
        self.n_numbers = max(self.n_numbers, n_lines)

    def counts(self, lengths: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Documents and words of each tag, first of the integers, then of the strings; from the documents' lengths."""
        values = np.array(self._values, np.int64)
        rows = np.where(values < 0, self.n_numbers - 1 - values, values)
        n_tags = self.n_numbers + len(self.names)
        of_tags = np.repeat(lengths, np.array(self._lengths, np.int64))
        words = np.bincount(rows, of_tags, minlength=n_tags).astype(np.int64)
        return np.bincount(rows, minlength=n_tags).astype(np.int64), words

    def rows_in(self, vectors: KeyedVectors) -> Tags:
        """The tags as rows of ``vectors``.

        Raises
        ------
        CorpusError
            A tag is not in ``vectors``.
        """
        unknown: list[Any] = [name for name in self.names if not vectors.has_index_for(name)]
        if not unknown:
            unknown = [tag for tag in set(self._values) if tag >= 0 and not vectors.has_index_for(tag)]
        if unknown:
            more = f" and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
            raise CorpusError(
                f"documents must have tags that build_vocab has read, got the new {unknown[0]!r}{more}; call"
                " build_vocab(documents, update=True) first"
            )
        row_of_name = np.array([vectors.get_index(name) for name in self.names], np.int64)
        values = np.array(self._values, np.int64)
        numbers = values[values >= 0]
        rows = np.empty(len(values), np.int32)
        rows[values >= 0] = [vectors.get_index(number) for number in numbers.tolist()]
        rows[values < 0] = row_of_name[-1 - values[values < 0]]
        offsets = np.concatenate([[0], np.cumsum(np.array(self._lengths, np.int64))]).astype(np.int64)
        return Tags(np.arange(len(vectors), dtype=np.int64), rows, offsets)


def open_documents(corpus_iterable: Any, corpus_file: Any) -> tuple[Any, TagReader, bool]:
    """The source for ``encode_corpus``, the reader of its tags, and whether the documents are lines of a file.

    The reader has the tags when the source has been read; of lines, the caller adds them.

    Raises
    ------
    TypeError
        Both arguments or none is given, or one is of the wrong kind; gensim raises TypeError too.
    """
    if (corpus_iterable is None) == (corpus_file is None):
        raise CorpusTypeError("either corpus_iterable (documents) or corpus_file must be given, and not both")
    tags = TagReader()
    if corpus_file is not None:
        if not isinstance(corpus_file, (str, os.PathLike)) or not os.path.isfile(corpus_file):
            raise CorpusTypeError(f"corpus_file must be the path of a file, got {corpus_file!r:.60}")
        return os.fspath(corpus_file), tags, True
    if type(corpus_iterable) is TaggedLineDocument and isinstance(corpus_iterable.source, (str, os.PathLike)):
        return os.fspath(corpus_iterable.source), tags, True
    if isinstance(corpus_iterable, (str, bytes)) or not isinstance(corpus_iterable, Iterable):
        raise CorpusTypeError(f"documents must be an iterable of TaggedDocument, got {corpus_iterable!r:.60}")
    if isinstance(corpus_iterable, (list, tuple)) and not corpus_iterable:
        return [], tags, False
    return _read_documents(corpus_iterable, tags), tags, False


def _read_documents(documents: Iterable[Any], tags: TagReader) -> Iterator[Any]:
    for number, document in enumerate(documents):
        try:
            words, own_tags = document.words, document.tags
        except AttributeError:
            raise NotTaggedError(
                f"documents must be TaggedDocument(words, tags), got {type(document).__name__} for document {number};"
                " write TaggedDocument(words, [number])"
            ) from None
        if isinstance(words, (str, bytes)):
            raise CorpusTypeError(
                f"the words of document {number} must be a list of words, got the string {words!r:.40}; split it"
            )
        tags.add(own_tags)
        yield words


class NotTaggedError(CorpusTypeError, AttributeError):
    """A document has no words and tags. Also an AttributeError, which gensim raises."""


__all__ = ["TagReader", "TaggedBrownCorpus", "TaggedDocument", "TaggedLineDocument", "open_documents"]
