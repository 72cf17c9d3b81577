"""Room base: what other programs' files are, told by their first bytes: one table for corpora and for vector files.

`kind_of` names a file; what to do with the file depends on what a room wanted of it, so the advice is in the rooms
(`firth.corpus.recognise`, `firth.formats.foreign`). Formats that are text (JSON, CSV, HTML) are not told here: what is
wrong in a file of vectors may be right in a corpus.
"""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from firth.base.compression import compression_of

IMAGE = ("a PNG image", "a JPEG image", "a GIF image", "a TIFF image", "a BMP image")
SOUND = ("sound", "sound (MP3)", "sound or video", "video or an image", "an image, sound or video (RIFF)")

# Offset, bytes, what the file is. The first row that fits counts.
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x1f\x8b", "gzip data"),  # also with a method that gzip does not have
    (0, b"\x04\x22\x4d\x18", "lz4 data"),
    (0, b"\x1f\x9d", "data of compress (.Z)"),
    (0, b"LZIP\x01", "lzip data"),
    (0, b"\xff\x06\x00\x00sNaPpY", "snappy data"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"!<arch>\n", "an ar archive"),
    (0, b"PAR1", "a Parquet file"),
    (0, b"ARROW1\x00\x00", "an Arrow file"),
    (0, b"FEA1", "a Feather file"),
    (0, b"\xff\xff\xff\xff", "an Arrow stream"),
    (0, b"ORC", "an ORC file"),
    (0, b"Obj\x01", "an Avro file"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (0, b"SQLite format 3\x00", "an SQLite database"),
    (0, b"\x93NUMPY", "a NumPy array (.npy)"),
    (0, b"\xba\x16\x4f\x2f", "a fastText model"),
    (0, b"GGUF", "a GGUF model"),
    (0, b"%PDF-", "a PDF file"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"{\\rtf", "an RTF file"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Microsoft Office file"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"GIF87a", "a GIF image"),
    (0, b"GIF89a", "a GIF image"),
    (0, b"II*\x00", "a TIFF image"),
    (0, b"MM\x00*", "a TIFF image"),
    (0, b"\x7fELF", "a program"),
    (0, b"OggS\x00", "sound or video"),
    (0, b"fLaC\x00", "sound"),
    (4, b"ftyp", "video or an image"),
)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # bytes that no text has
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_PYTORCH_MEMBER = re.compile(rb"[^/\0]{1,80}/(data\.pkl|version|byteorder)")
_LFS = b"version https://git-lfs.github.com/"
_ANNEX = re.compile(rb"/annex/objects/\S+\s*")
_OLD_PICKLE = re.compile(  # protocol 0, which is text
    rb"\((?:lp|dp)[01]?\n|ccopy_?reg\n_reconstructor\n|cnumpy[.\w]*\n_\w+\n|c(?:__builtin__|builtins)\n"
)
_MAX_SAFETENSORS_HEADER = 100 << 20  # of the format's own reader
_WIDE_MARKS = (  # UTF-32 first: its mark begins as the one of UTF-16 does
    (codecs.BOM_UTF32_LE, "UTF-32LE"),
    (codecs.BOM_UTF32_BE, "UTF-32BE"),
    (codecs.BOM_UTF16_LE, "UTF-16LE"),
    (codecs.BOM_UTF16_BE, "UTF-16BE"),
)


def kind_of(head: bytes, name: str = "") -> str | None:
    """What a file is that is not text, or a pointer to another file; None for anything else.

    Parameters
    ----------
    head : bytes
        The first bytes: a kilobyte is enough for every kind.
    name : str
        The file's name, whose ending tells kinds of zip archives apart where their first bytes do not.

    Returns
    -------
    str or None
        With its article, for a message: ``"a Parquet file"``.
    """
    compression = compression_of(head)
    if compression is not None:
        return f"{compression} data"
    is_binary = _CONTROL.search(head) is not None
    for offset, magic, kind in _MAGIC:
        # a text may begin with the letters of a magic number
        if head[offset : offset + len(magic)] == magic and (is_binary or not magic.isalnum()):
            return kind
    if head.startswith(_ZIP):
        return _zip_kind(head, name.lower())
    if head.startswith(b"RIFF") and head[8:12] in (b"WEBP", b"WAVE", b"AVI "):
        return "an image, sound or video (RIFF)"
    if is_binary and head.startswith(b"ID3") and head[3:4] in (b"\x02", b"\x03", b"\x04"):
        return "sound (MP3)"
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return "a BMP image"
    if (head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")) or _OLD_PICKLE.match(head):
        return "a pickle"
    if head[8:10] == b'{"' and 0 < int.from_bytes(head[:8], "little") <= _MAX_SAFETENSORS_HEADER:
        return "a safetensors file"
    if head.startswith(_LFS):
        return "a Git LFS pointer, which stands for a file that was not fetched"
    if len(head) < 1000 and _ANNEX.fullmatch(head.rstrip(b"\0")):
        return "a git-annex pointer, which stands for a file that was not fetched"
    return None


def _zip_kind(head: bytes, name: str) -> str:
    if b"word/" in head or name.endswith(".docx"):
        return "a Word document (.docx)"
    if b"xl/" in head or name.endswith(".xlsx"):
        return "an Excel sheet (.xlsx)"
    if b"mimetypeapplication/" in head[:60]:
        return "an OpenDocument or EPUB file"
    if _PYTORCH_MEMBER.search(head[:512]):
        return "a PyTorch file"
    if b".npy" in head[:200] or name.endswith(".npz"):
        return "a NumPy archive (.npz)"
    return "a zip archive"


class WideEncoding(NamedTuple):
    """UTF-16 or UTF-32.

    Attributes
    ----------
    name : str
        With the order of the bytes: ``"UTF-16LE"``.
    has_mark : bool
        Whether a byte-order mark says so.
    """

    name: str
    has_mark: bool

    @property
    def iconv_name(self) -> str:
        """The name for the command ``iconv``, which finds the order by a mark, and drops the mark."""
        return self.name[:6] if self.has_mark else self.name


def wide_encoding_of(head: bytes) -> WideEncoding | None:
    """The encoding of a text in UTF-16 or UTF-32; None for anything else."""
    for mark, encoding in _WIDE_MARKS:
        if head.startswith(mark):
            return WideEncoding(encoding, True)
    head = head[: min(len(head), 4096) & ~3]
    n_zeros = head.count(0)
    if n_zeros == 0:
        return None
    is_ascii = all(byte == 0 or 32 <= byte < 127 or 9 <= byte <= 13 for byte in head)
    if is_ascii and n_zeros < 0.4 * len(head):  # UTF-8 text with a NUL byte in it
        return None
    best = max((_ascii_share(head, encoding), encoding) for _, encoding in _WIDE_MARKS)
    return WideEncoding(best[1], False) if best[0] > 0 else None


def _ascii_share(head: bytes, encoding: str) -> float:
    """The share of ASCII characters where bytes are text in an encoding; 0 where they are none."""
    try:
        text = codecs.getincrementaldecoder(encoding)("strict").decode(head)  # a character may be cut at the end
    except UnicodeDecodeError:
        return 0.0
    if not text or any(ord(character) < 32 and character not in "\t\n\v\f\r" for character in text):
        return 0.0
    return sum(character < "\x7f" for character in text) / len(text)


__all__ = ["IMAGE", "SOUND", "WideEncoding", "kind_of", "wide_encoding_of"]
