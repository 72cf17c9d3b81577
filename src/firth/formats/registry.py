"""Room formats: the list of all formats; reads, writes and converts files by format name, content or suffix.

To add a format, write a module that makes a `firth.formats.format.Format`, and a line in `_FORMATS` here.

Tests: tests/formats/test_round_trip.py.
"""

from __future__ import annotations

import os
from pathlib import Path

from firth.base.compression import COMPRESSED_SUFFIXES
from firth.base.urls import refuse_url
from firth.errors import FormatError, ParameterError, StorageError
from firth.formats import (
    fasttext_bin,
    fasttext_vec,
    floret,
    gensim_native,
    glove,
    model_folder,
    model_vectors,
    npz,
    projector,
    word2vec_binary,
    word2vec_text,
)
from firth.formats.foreign import describe_foreign
from firth.formats.format import Format, Sample, take_sample
from firth.formats.recognition import explain_sample
from firth.formats.source import ReadOptions
from firth.formats.table import VectorTable, validate_fasttext_rows
from firth.formats.target import WriteOptions, plain_suffix

# In the order in which they are tried on an unknown file: formats with a magic number first.
_FORMATS = (
    model_vectors.FORMAT,
    npz.FORMAT,
    gensim_native.FORMAT,
    fasttext_bin.FORMAT,
    floret.FORMAT,
    fasttext_vec.FORMAT,
    word2vec_text.FORMAT,
    word2vec_binary.FORMAT,
    projector.FORMAT,
    glove.FORMAT,
)

_FORMATS_WITH_MAGIC = (npz.FORMAT, gensim_native.FORMAT, fasttext_bin.FORMAT)

_FORMATS_WITH_NGRAMS = (model_vectors.FORMAT, fasttext_bin.FORMAT)

FORMATS: dict[str, Format] = {known.name: known for known in _FORMATS}
READABLE = tuple(FORMATS)
WRITABLE = tuple(name for name, known in FORMATS.items() if known.write is not None)


def read_vectors(
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    encoding: str = "utf-8",
    encoding_errors: str = "strict",
    duplicates: str = "error",
    limit: int | None = None,
    threads: int | None = None,
) -> VectorTable:
    """Read the table of a file; ``firth.read_vectors`` documents the parameters and the errors."""
    options = ReadOptions(encoding, encoding_errors, duplicates, limit, threads)
    place = Path(path)
    sample = take_sample(place)
    if format is None:
        return _recognise(sample).read(place, options)
    known = _named(format)
    if not known.matches(sample):
        for other in _FORMATS_WITH_MAGIC:
            if other.matches(sample):
                raise FormatError(
                    f"{place}: this is no file of the format {known.name!r} but of {other.name!r} ({other.summary});"
                    f" give {other.name!r} as format= or --from"
                )
        _refuse_foreign(sample)
    return known.read(place, options)


def write_vectors(
    path: str | os.PathLike[str],
    table: VectorTable,
    format: str | None = None,
    *,
    overwrite: bool = False,
    storage: str = "float32",
    threads: int | None = None,
) -> None:
    """Write a table; ``firth.write_vectors`` documents the parameters and the errors."""
    options = WriteOptions(overwrite, storage, threads)
    place = Path(path)
    refuse_url(place, "write the vectors on this machine, and upload them")
    known = _format_to_write(place, table, format)
    if known.write is None:
        raise ParameterError(f"format must be one that firth writes ({', '.join(WRITABLE)}), got {known.name!r}")
    if storage != "float32" and known.name != model_vectors.FORMAT.name:
        raise ParameterError(f"storage must be 'float32' for the format {known.name!r}, got {storage!r}")
    validate_fasttext_rows(table.subwords, "vectors")
    if not len(table):
        raise ParameterError("table must have at least one word, got none")
    known.write(place, table, options)


def keeps_ngrams(path: str | os.PathLike[str], table: VectorTable, format: str | None = None) -> bool:
    """Whether `write_vectors` writes the n-grams of a table. A table without n-grams keeps all that it has."""
    return table.subwords is None or _format_to_write(Path(path), table, format) in _FORMATS_WITH_NGRAMS


def _format_to_write(path: Path, table: VectorTable, format: str | None) -> Format:
    """The format that was asked for, or the one of the suffix; .bin is fastText's where there are n-grams."""
    if format is not None:
        return _named(format)
    known = FORMATS[format_for_writing(path)]
    return fasttext_bin.FORMAT if table.subwords is not None and known is word2vec_binary.FORMAT else known


def guess_format(path: str | os.PathLike[str]) -> str:
    """The name of a file's format, recognised by content.

    Raises
    ------
    FormatError
        The content matches no format that firth knows.
    StorageError
    """
    return _recognise(take_sample(Path(path))).name


def format_for_writing(path: str | os.PathLike[str]) -> str:
    """The name of the format for a path's suffix; a path without a suffix is a model folder.

    Raises
    ------
    ParameterError
        No format has this suffix.
    """
    suffix = plain_suffix(Path(path))
    for known in _FORMATS:
        if known.write is not None and suffix in known.suffixes:
            return known.name
    if not suffix:
        if Path(path).suffix.lower() in COMPRESSED_SUFFIXES:
            raise ParameterError(f"path must have a suffix before {Path(path).suffix} or a format, got {str(path)!r}")
        return model_vectors.FORMAT.name
    suffixes = ", ".join(f"{suffix} ({known.name})" for known in _FORMATS for suffix in known.suffixes if known.write)
    raise ParameterError(f"path must end in one of {suffixes}, or a format must be named, got {str(path)!r}")


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    source_format: str | None = None,
    target_format: str | None = None,
    overwrite: bool = False,
    encoding: str = "utf-8",
    encoding_errors: str = "strict",
    duplicates: str = "error",
    limit: int | None = None,
    storage: str = "float32",
    threads: int | None = None,
) -> VectorTable:
    """Read a file and write it in another format; see `read_vectors` and `write_vectors` for the parameters.

    The destination is validated before the source is read. Returns the table that was written.
    """
    known = _named(target_format) if target_format is not None else FORMATS[format_for_writing(target)]
    if known.write is None:
        raise ParameterError(f"target_format must be one of {', '.join(WRITABLE)}, got {known.name!r}")
    if os.path.lexists(target) and not overwrite and known.name != model_vectors.FORMAT.name:
        raise StorageError(f"{target} exists; choose another name, or give overwrite=True")
    if known.name == model_vectors.FORMAT.name:
        model_folder.validate_model_destination(target, overwrite, {"kind": "vectors"})
    table = read_vectors(
        source,
        source_format,
        encoding=encoding,
        encoding_errors=encoding_errors,
        duplicates=duplicates,
        limit=limit,
        threads=threads,
    )
    write_vectors(target, table, target_format or None, overwrite=overwrite, storage=storage, threads=threads)
    return table


def _recognise(sample: Sample) -> Format:
    for known in _FORMATS:
        if known.matches(sample):
            return known
    _refuse_foreign(sample)
    raise FormatError(
        f"{sample.path}: {explain_sample(sample)}; the content looks like none of the formats that firth reads"
        f" ({', '.join(READABLE)}); if it is one of them, name it with format= or --from"
    )


def _refuse_foreign(sample: Sample) -> None:
    found = describe_foreign(sample.head)
    if found is not None:
        raise FormatError(f"{sample.path}: this is {found}")


def _named(name: str) -> Format:
    if name not in FORMATS:
        raise ParameterError(f"format must be one of {', '.join(READABLE)}, got {name!r}")
    return FORMATS[name]


__all__ = [
    "FORMATS",
    "READABLE",
    "WRITABLE",
    "convert",
    "format_for_writing",
    "guess_format",
    "read_vectors",
    "write_vectors",
]
