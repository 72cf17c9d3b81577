"""Room classification: reads the bytes of a file, compressed or not, or of standard input; recognises tables by name.

Tests: tests/cli/test_classify_lines.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from firth.base.compression import COMPRESSED_SUFFIXES
from firth.base.urls import refuse_url
from firth.errors import StorageError
from firth.formats.source import ByteSource

READ_BYTES = 1 << 20
STANDARD_INPUT = Path("-")
TABLES = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv"}


def read_bytes(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, decompressed, or of standard input (``-``), in pieces.

    Raises
    ------
    StorageError, FormatError
    """
    if path == STANDARD_INPUT:
        if sys.stdin is None:  # Python sets None if the caller closed the descriptor
            raise StorageError("standard input cannot be read: it is closed; give a file of texts")
        while data := sys.stdin.buffer.read(READ_BYTES):
            yield data
        return
    try:
        path.stat()
    except FileNotFoundError:
        refuse_url(path, "download the file, or pipe it: curl URL | firth classify ... -")
        raise StorageError(f"{path} does not exist; give a file of texts, or - for standard input") from None
    except OSError as error:
        raise StorageError(error.errno, f"{path} cannot be read: {error.strerror}") from error
    with ByteSource(path) as source:
        while data := source.read(READ_BYTES):
            yield data


def table_of(path: Path) -> str | None:
    """``"csv"`` or ``"tsv"`` by the suffix of a file's name; None for any other suffix.

    The suffix of a compression (``.gz``) is ignored.
    """
    name = path.with_suffix("") if path.suffix.lower() in COMPRESSED_SUFFIXES else path
    return TABLES.get(name.suffix.lower())


__all__ = ["STANDARD_INPUT", "read_bytes", "table_of"]
