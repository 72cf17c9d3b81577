"""Room vectors: reads vectors that can be asked from files, and writes them to files.

``firth.formats.registry`` does the reading and writing; this module puts `WordVectors` around its tables.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from firth.base.other_names import READING_NAMES, names_translated
from firth.formats import registry
from firth.formats.table import VectorTable
from firth.vectors.conversion import as_word_vectors
from firth.vectors.word_vectors import WordVectors


@names_translated(READING_NAMES)
def read_vectors(
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    encoding: str = "utf-8",
    encoding_errors: str = "strict",
    duplicates: str = "error",
    limit: int | None = None,
    threads: int | None = None,
) -> WordVectors:
    """Read the word vectors of a file that firth or another program wrote.

    Files compressed with gzip, bzip2, xz or Zstandard (needs the extra ``zstd``) are decompressed while they are read.

    Parameters
    ----------
    path : path of a file, or of a model folder
    format : str or None
        The name of a format (docs/formats.md lists them); None: recognised by content.
    encoding : str
        Encoding of the words. The formats use UTF-8; some old programs wrote the encoding of their machine.
    encoding_errors : {"strict", "replace"}
        Invalid bytes in a word are an error that names the row and the byte, or are replaced by U+FFFD.
    duplicates : {"error", "first"}
        A word that occurs twice is an error, or only its first row is kept.
    limit : int or None
        Read only the first ``limit`` rows; the rest of the file is not read or checked.
    threads : int or None
        Number of threads; None: the cores available to the process.

    Returns
    -------
    WordVectors
        Words in the order of the file; counts and n-grams if the file has them. A floret table has no words, and any
        word has a vector.

    Raises
    ------
    StorageError
        The file is missing or cannot be read.
    FormatError
        The file does not follow the grammar of the format; the message names the file, the row and the byte. Nothing in
        the file is executed, and no more memory is allocated than the size of the file justifies.
    ParameterError, MissingExtraError

    Examples
    --------
    >>> import firth
    >>> firth.read_vectors("glove.6B.50d.txt").neighbors("frog", top=2)  # doctest: +SKIP
    [Neighbor(word='toad', similarity=0.846...), Neighbor(word='snake', similarity=0.778...)]
    """
    table = registry.read_vectors(
        path,
        format,
        encoding=encoding,
        encoding_errors=encoding_errors,
        duplicates=duplicates,
        limit=limit,
        threads=threads,
    )
    return as_word_vectors(table)


def write_vectors(
    path: str | os.PathLike[str],
    vectors: Any,
    format: str | None = None,
    *,
    overwrite: bool = False,
    storage: str = "float32",
    threads: int | None = None,
) -> None:
    """Write word vectors. The file is written completely or not at all. ``vectors.save(path)`` does the same.

    Parameters
    ----------
    path : path
        The file is compressed if the suffix is ``.gz``, ``.bz2``, ``.xz`` or ``.zst``.
    vectors : WordVectors, Model, VectorTable, mapping from word to vector, or path of vectors
        Integer words are written in decimal digits.
    format : str or None
        The name of a format (docs/formats.md lists them); None: by the suffix; a path without a suffix is a folder.
        With n-grams, ``.bin`` is a model of fastText. The formats ``firth`` and ``fasttext-bin`` keep n-grams; other
        formats have the vectors of the vocabulary alone.
    overwrite : bool
        Replace an existing file.
    storage : {"float32", "float16"}
        Number type of a folder. Other formats have only float32 or text.
    threads : int or None

    Raises
    ------
    StorageError
        The path exists, or cannot be written.
    FormatError
        The format cannot store the vectors, for example a word with a space or a NaN.
    ParameterError

    Examples
    --------
    >>> import firth
    >>> model = firth.train("corpus.txt")  # doctest: +SKIP
    >>> firth.write_vectors("vectors.vec", model)  # doctest: +SKIP
    """
    if isinstance(vectors, VectorTable):
        registry.write_vectors(path, vectors, format, overwrite=overwrite, storage=storage, threads=threads)
        return
    if not isinstance(vectors, (WordVectors, Mapping, str, os.PathLike)):
        vectors = getattr(vectors, "vectors", vectors)  # a Model
    as_word_vectors(vectors).save(path, format, overwrite=overwrite, storage=storage, threads=threads)


__all__ = ["read_vectors", "write_vectors"]
