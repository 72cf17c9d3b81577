"""Room compat: gensim's readers of corpora, and their conversion to sources for `firth.encode_corpus`.

Tests: tests/compat/gensim/test_word2vec.py.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from firth.compat.gensim.utils import open_binary, split_lines
from firth.corpus.tables import read_table

MAX_WORDS_IN_BATCH = 10000  # gensim's limit: its readers cut longer lines
_READ_BYTES = 1 << 16


class LineSentence:
    """The sentences of a file, one a line, words between white space.

    As in gensim, iterating cuts lines into pieces of ``max_sentence_length`` words. If the source is the name of a
    file, ``Word2Vec`` reads the file itself, on all cores and without cutting lines.

    Parameters
    ----------
    source : path of a file (plain, .gz, .bz2, .xz), or an open file
    max_sentence_length : int
    limit : int, optional
        The first so many lines.
    """

    def __init__(self, source: Any, max_sentence_length: int = MAX_WORDS_IN_BATCH, limit: int | None = None) -> None:
        self.source = source
        self.max_sentence_length = max_sentence_length
        self.limit = limit

    def __iter__(self) -> Iterator[list[str]]:
        if isinstance(self.source, (str, os.PathLike)):
            with open_binary(self.source) as lines:
                yield from split_lines(itertools.islice(lines, self.limit), self.max_sentence_length)
        else:
            self.source.seek(0)
            yield from split_lines(itertools.islice(self.source, self.limit), self.max_sentence_length)


class PathLineSentences:
    """The sentences of all files in a folder, in the order of their names, as `LineSentence` reads each.

    Parameters
    ----------
    source : path of a folder, or of a file
    max_sentence_length : int
    limit : int, optional
        The first so many lines of each file.
    """

    def __init__(self, source: Any, max_sentence_length: int = MAX_WORDS_IN_BATCH, limit: int | None = None) -> None:
        self.source = source
        self.max_sentence_length = max_sentence_length
        self.limit = limit
        if os.path.isfile(source):
            self.input_files = [os.fspath(source)]
        elif os.path.isdir(source):
            self.input_files = [os.path.join(source, name) for name in sorted(os.listdir(source))]
        else:
            raise ValueError(f"source must be a file or a folder, got {source!r}")

    def __iter__(self) -> Iterator[list[str]]:
        for path in self.input_files:
            yield from LineSentence(path, self.max_sentence_length, self.limit)


class Text8Corpus:
    """Sentences of ``max_sentence_length`` words from a file without sentence marks, such as text8."""

    def __init__(self, fname: Any, max_sentence_length: int = MAX_WORDS_IN_BATCH) -> None:
        self.fname = fname
        self.max_sentence_length = max_sentence_length

    def __iter__(self) -> Iterator[list[str]]:
        words: list[str] = []
        rest = b""
        with open_binary(self.fname) as file:
            while block := file.read(_READ_BYTES):
                whole, rest = _cut_at_white_space(rest + block)
                words += whole.decode("utf-8").split()
                while len(words) >= self.max_sentence_length:
                    yield words[: self.max_sentence_length]
                    del words[: self.max_sentence_length]
        words += rest.decode("utf-8").split()
        for start in range(0, len(words), self.max_sentence_length):
            yield words[start : start + self.max_sentence_length]


class BrownCorpus:
    """The sentences of the Brown corpus as NLTK has it: ``word/TA``, lower-cased, tags cut to two letters."""

    def __init__(self, dirname: Any) -> None:
        self.dirname = dirname

    def __iter__(self) -> Iterator[list[str]]:
        for path in sorted(Path(self.dirname).iterdir()):
            if path.is_file():
                for _, words in self.lines_of(path):
                    yield words

    @staticmethod
    def lines_of(path: Path) -> Iterator[tuple[int, list[str]]]:
        """The lines of a file that have words: their numbers, from 0, and words."""
        with open_binary(path) as lines:
            for number, line in enumerate(lines):
                parts = [token.split("/") for token in line.decode("utf-8").split()]
                tagged = [part for part in parts if len(part) == 2 and part[1][:2].isalpha()]
                if tagged:
                    yield number, [f"{word.lower()}/{tag[:2]}" for word, tag in tagged]


def as_source(corpus_iterable: Any, corpus_file: Any) -> tuple[Any, bool]:
    """The source for ``encode_corpus``, and whether it is files, whose empty lines gensim does not count as sentences.

    Raises
    ------
    TypeError
        Both arguments or none is given, or the file is not a path; gensim raises TypeError too.
    """
    if (corpus_iterable is None) == (corpus_file is None):
        raise TypeError("either corpus_iterable (sentences) or corpus_file must be given, and not both")
    if corpus_file is not None:
        if not isinstance(corpus_file, (str, os.PathLike)) or not os.path.isfile(corpus_file):
            raise TypeError(f"corpus_file must be the path of a file, got {corpus_file!r}")
        return os.fspath(corpus_file), True
    if type(corpus_iterable) in (LineSentence, PathLineSentences) and corpus_iterable.limit is None:
        if isinstance(corpus_iterable, PathLineSentences):
            return list(corpus_iterable.input_files), True
        if isinstance(corpus_iterable.source, (str, os.PathLike)):
            return os.fspath(corpus_iterable.source), True
    if read_table(corpus_iterable, "sentences") is not None:
        return corpus_iterable, False
    if isinstance(corpus_iterable, (str, bytes)) or not isinstance(corpus_iterable, Iterable):
        raise TypeError(f"sentences must be an iterable of lists of strings, got {corpus_iterable!r:.60}")
    if isinstance(corpus_iterable, (list, tuple)):
        return list(corpus_iterable), False  # a tuple of two arrays is ids and offsets to firth, two sentences here
    return iter(corpus_iterable), False


def _cut_at_white_space(text: bytes) -> tuple[bytes, bytes]:
    cut = max(text.rfind(b" "), text.rfind(b"\n"))
    return (b"", text) if cut < 0 else (text[:cut], text[cut + 1 :])


__all__ = ["BrownCorpus", "LineSentence", "PathLineSentences", "Text8Corpus", "as_source"]
