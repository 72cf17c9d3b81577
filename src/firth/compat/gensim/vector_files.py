"""Room compat: reads word2vec's files with gensim's options, and raises the errors that gensim's users catch.

Tests: tests/compat/gensim/test_keyedvectors.py.
"""

from __future__ import annotations

from typing import Any

from firth.compat.gensim.store import as_path
from firth.compat.gensim.utils import open_binary
from firth.errors import FormatError, ParameterError
from firth.formats.registry import read_vectors
from firth.formats.source import VectorEncodingError
from firth.formats.table import VectorTable


class TruncatedFileError(FormatError, EOFError):
    """A file of vectors has less data than its header says. Also an EOFError, which gensim raises."""


class UndecodableWordError(VectorEncodingError, UnicodeDecodeError):
    """The bytes of a word are invalid in the encoding. Also a UnicodeDecodeError, which gensim raises."""

    def __init__(self, message: str) -> None:
        UnicodeDecodeError.__init__(self, "utf-8", b"", 0, 1, message)

    def __new__(cls, message: str) -> UndecodableWordError:
        return UnicodeDecodeError.__new__(cls, "utf-8", b"", 0, 1, message)

    def __str__(self) -> str:
        return self.reason


def read_word2vec(
    fname: Any, binary: bool, no_header: bool, encoding: str, unicode_errors: str, limit: int | None
) -> VectorTable:
    """Words and vectors; of a word that stands twice, the first row."""
    if unicode_errors not in ("strict", "replace", "ignore"):
        raise ParameterError(f"unicode_errors must be 'strict', 'replace' or 'ignore', got {unicode_errors!r}")
    name = "word2vec-binary" if binary else "glove" if no_header else "word2vec"
    try:
        table = read_vectors(
            as_path(fname),
            name,
            encoding=encoding,
            encoding_errors="strict" if unicode_errors == "strict" else "replace",
            duplicates="first",
            limit=limit or None,
        )
    except VectorEncodingError as error:
        raise UndecodableWordError(str(error)) from None
    except FormatError as error:
        raise TruncatedFileError(str(error)) from None
    if unicode_errors != "ignore":
        return table
    rows: dict[str, int] = {}
    for row, word in enumerate(table.words):
        rows.setdefault(word.replace("\ufffd", ""), row)
    return VectorTable(list(rows), table.matrix[list(rows.values())])


def read_vocabulary(fvocab: Any, unicode_errors: str) -> dict[str, int]:
    """Words and counts of the file beside the vectors."""
    counts = {}
    with open_binary(as_path(fvocab)) as file:
        for number, line in enumerate(file, start=1):
            try:
                word, count = line.decode("utf-8", errors=unicode_errors).split()
                counts[word] = int(count)
            except UnicodeDecodeError:
                raise UndecodableWordError(f"{fvocab}, line {number}: the word is not UTF-8") from None
            except ValueError:
                raise FormatError(f"{fvocab}, line {number}: must be a word and its count, got {line!r:.60}") from None
    return counts
