"""Room base: recognises the compression of a file by its first bytes or its name; imports the package zstandard."""

from __future__ import annotations

from typing import Any

from firth.errors import MissingExtraError

COMPRESSED_SUFFIXES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
# Each: gzip (RFC 1952, with its one method), bzip2 (the level and a magic of 6 bytes follow), xz, Zstandard (RFC 8878).
_MAGIC = {"gzip": b"\x1f\x8b\x08", "bzip2": b"BZh", "xz": b"\xfd7zXZ\x00", "zstd": b"\x28\xb5\x2f\xfd"}
_BZIP2_MAGIC = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")  # of a block, and of the end of an empty file


def compression_of(head: bytes) -> str | None:
    """The compression of data that begins with ``head``: "gzip", "bzip2", "xz" or "zstd"; None if there is none."""
    for kind, magic in _MAGIC.items():
        if head.startswith(magic) and (kind != "bzip2" or head[4:10] in _BZIP2_MAGIC):
            return kind
    return None


def import_zstandard(purpose: str) -> Any:
    """Import the optional package ``zstandard``.

    Parameters
    ----------
    purpose : str
        The use of the package, "read" or "write".

    Raises
    ------
    MissingExtraError
        The package is not installed; the message names the extra.
    """
    try:
        import zstandard
    except ImportError:
        raise MissingExtraError(
            f"to {purpose} .zst files firth needs the extra 'zstd'; install it with `pip install 'firth[zstd]'`"
        ) from None
    return zstandard


__all__ = ["COMPRESSED_SUFFIXES", "compression_of", "import_zstandard"]
