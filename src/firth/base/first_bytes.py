"""Room base: recognises files of other programs by their first bytes, for corpora and for vector files.

`kind_of` names the format. The advice differs for a corpus and for vectors, so it is in `firth.corpus.recognise` and
`firth.formats.foreign`. Formats that are text (JSON, CSV, HTML) are not recognised here, because a text that is invalid
as a vector file may be a valid corpus.
"""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from firth.base.compression import compression_of

IMAGE = ("a PNG image", "a JPEG image", "a GIF image", "a TIFF image", "a BMP image")
SOUND = ("sound", "sound (MP3)", "sound or video", "video or an image", "an image, sound or video (RIFF)")

# Offset, bytes, name of the format. The first row that matches counts.
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x1f\x8b", "gzip data"),  # also with an unknown method of compression
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
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # bytes that do not occur in text
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_PYTORCH_MEMBER = re.compile(rb"[^/\0]{1,80}/(data\.pkl|version|byteorder)")
_LFS = b"version https://git-lfs.github.com/"
_ANNEX = re.compile(rb"/annex/objects/\S+\s*")
_OLD_PICKLE = re.compile(  # protocol 0, which is text
    rb"\((?:lp|dp)[01]?\n|ccopy_?reg\n_reconstructor\n|cnumpy[.\w]*\n_\w+\n|c(?:__builtin__|builtins)\n"
)
_MAX_SAFETENSORS_HEADER = 100 << 20  # the limit of the format's reference reader
_WIDE_MARKS = (  # UTF-32 first, because its mark begins like the mark of UTF-16
    (codecs.BOM_UTF32_LE, "UTF-32LE"),
    (codecs.BOM_UTF32_BE, "UTF-32BE"),
    (codecs.BOM_UTF16_LE, "UTF-16LE"),
    (codecs.BOM_UTF16_BE, "UTF-16BE"),
)


def kind_of(head: bytes, name: str = "") -> str | None:
    """The format of a file that is not text, or is a pointer to another file; None for any other file.

    Parameters
    ----------
    head : bytes
        The first bytes of the file; 1,024 bytes are enough for every format.
    name : str
        The name of the file. Its suffix distinguishes zip archives that have the same first bytes.

    Returns
    -------
    str or None
        The name with its article, for a message: ``"a Parquet file"``.
    """
    compression = compression_of(head)
    if compression is not None:
        return f"{compression} data"
    is_binary = _CONTROL.search(head) is not None
    for offset, magic, kind in _MAGIC:
        # a text may also begin with the letters of a magic number
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
        The encoding with its byte order: ``"UTF-16LE"``.
    has_mark : bool
        Whether the text begins with a byte-order mark.
    """

    name: str
    has_mark: bool

    @property
    def iconv_name(self) -> str:
        """The name for the command ``iconv``. If there is a mark, iconv finds the byte order and drops the mark."""
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
    if is_ascii and n_zeros < 0.4 * len(head):  # UTF-8 text that has a NUL byte
        return None
    best = max((_ascii_share(head, encoding), encoding) for _, encoding in _WIDE_MARKS)
    return WideEncoding(best[1], False) if best[0] > 0 else None


def _ascii_share(head: bytes, encoding: str) -> float:
    """The share of ASCII characters in bytes decoded from an encoding; 0 if they cannot be decoded."""
    try:
        text = codecs.getincrementaldecoder(encoding)("strict").decode(
            head
        )  # incremental, because the last character may be incomplete
    except UnicodeDecodeError:
        return 0.0
    if not text or any(ord(character) < 32 and character not in "\t\n\v\f\r" for character in text):
        return 0.0
    return sum(character < "\x7f" for character in text) / len(text)


__all__ = ["IMAGE", "SOUND", "WideEncoding", "kind_of", "wide_encoding_of"]
