"""Room corpus: refuses files that are not plain text, recognised by their first bytes, and says how to read them.

Training on a file of another format would not fail, but the words would be wrong. Binary formats are recognised by
their magic numbers. JSON lines, CSV, HTML and vector text are also text, so they are refused only if the first lines
clearly have such a form; ``as_text`` accepts them.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from pathlib import PurePath

from firth.base.compression import COMPRESSED_SUFFIXES
from firth.base.first_bytes import IMAGE, SOUND, kind_of, wide_encoding_of
from firth.errors import CorpusError, EncodingError

HEAD_BYTES = 1 << 16  # number of bytes examined; a line may be a whole document
MARK = codecs.BOM_UTF8
STANDARD_INPUT = "standard input"  # its name in messages
_LINES = 8  # number of first lines whose form decides
_MIN_TABLE_SHARE = 0.9  # share of the first rows of a CSV file that must have as many columns as its header

_UNPACK = "unpack the file first"
_EXPORT = "export the text from the file first"
_TABLE = 'name its column of texts, as in column="text" (--column text)'
_COLUMN = 'read the file and pass its column of texts: firth.train(frame["text"])'

# The advice for a file that is not text, by its format (`firth.base.first_bytes`).
_UNPACK_DATA = "decompress the file: {} FILE | firth train - ..."
_ADVICE: dict[str, str] = {
    "gzip data": _UNPACK_DATA.format("gzip -dc"),
    "bzip2 data": _UNPACK_DATA.format("bzip2 -dc"),
    "xz data": _UNPACK_DATA.format("xz -dc"),
    "zstd data": _UNPACK_DATA.format("zstd -dc"),
    "lz4 data": _UNPACK_DATA.format("lz4 -dc"),
    "data of compress (.Z)": _UNPACK_DATA.format("zcat"),
    "lzip data": _UNPACK_DATA.format("lzip -dc"),
    "snappy data": "decompress the file first",
    "a 7z archive": f"{_UNPACK}: 7z x FILE",
    "a RAR archive": f"{_UNPACK}: unrar x FILE",
    "a tar archive": "unpack the file: tar -xOf FILE | firth train - ...",
    "an ar archive": _UNPACK,
    "a zip archive": "unpack the file: unzip -p FILE | firth train - ...",
    "a Parquet file": _TABLE,
    "an Arrow file": _TABLE,
    "a Feather file": f"{_COLUMN} with frame = pandas.read_feather('FILE')",
    "an Arrow stream": _TABLE,
    "an ORC file": f"{_COLUMN} with frame = pandas.read_orc('FILE')",
    "an Avro file": _COLUMN,
    "an Excel sheet (.xlsx)": f"{_COLUMN} with frame = pandas.read_excel('FILE')",
    "an HDF5 file": "read the file with h5py and pass lists of tokens",
    "an SQLite database": f"{_COLUMN} with frame = pandas.read_sql(...)",
    "a NumPy array (.npy)": "pass the array: firth.train(numpy.load('FILE'))",
    "a NumPy archive (.npz)": "pass its arrays: numpy.load('FILE') has them by name",
    "a fastText model": "firth.read_vectors('FILE') reads word vectors, and firth.load('FILE') a classifier",
    "a safetensors file": "read it with safetensors.numpy.load_file('FILE'), or vectors in it with firth.read_vectors",
    "a pickle": "load it in Python, if you trust its author, and pass lists of tokens",
    "a PyTorch file": "load it with torch.load, if you trust its author, and pass lists of tokens",
    "a GGUF model": "the file has a model and no text",
    "a PDF file": f"{_EXPORT}: pdftotext FILE - | firth train - ...",
    "a PostScript file": f"{_EXPORT}: ps2ascii FILE | firth train - ...",
    "an RTF file": f"{_EXPORT}: pandoc -t plain FILE | firth train - ...",
    "a Word document (.docx)": f"{_EXPORT}: pandoc -t plain FILE | firth train - ...",
    "an OpenDocument or EPUB file": f"{_EXPORT}: pandoc -t plain FILE | firth train - ...",
    "an old Microsoft Office file": f"{_EXPORT}: libreoffice --convert-to txt",
    "a program": "a program holds no text",
    "a Git LFS pointer, which stands for a file that was not fetched": "fetch the file: git lfs pull",
    "a git-annex pointer, which stands for a file that was not fetched": "fetch the file: git annex get FILE",
    **dict.fromkeys(IMAGE, "an image holds no text"),
    **dict.fromkeys(SOUND, "the file holds no text"),
}
_MARKS_AT_LINE_STARTS = re.compile("^\ufeff+", re.MULTILINE)
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_XML = re.compile(rb"\s*<(?:\?xml\s|mediawiki\s|!DOCTYPE\s)", re.IGNORECASE)
_JSON_KEY = rb'\s*"(?:[^"\\\n]|\\.){0,200}"\s*:\s*["\[{0-9tfn-]'
_CUT_JSON = re.compile(rb"(?:\[\s*)?\{" + _JSON_KEY)
_VECTOR_HEADER = re.compile(rb"[ \t]*([0-9]{1,12})[ \t]+([0-9]{1,6})[ \t\r]*\n")


def refuse_other_formats(
    head: bytes, name: str, *, is_whole: bool, as_text: bool = False, is_utf8: bool = True
) -> None:
    """Raise an error if a file's first bytes are not plain text in UTF-8.

    Parameters
    ----------
    head : the first ``HEAD_BYTES`` bytes, or the whole file if it is shorter; decompressed
    name : name of the file, for the message; its suffix is also used
    is_whole : whether ``head`` is the whole file
    as_text : accept JSON, CSV, HTML, XML and vector text; formats that are not text are refused in any case
    is_utf8 : whether the text must be UTF-8. Bytes that need not be UTF-8 may look like UTF-16 by chance, so UTF-16 and
        UTF-32 without a byte-order mark are accepted then

    Raises
    ------
    CorpusError
        The file has another format; the message names the format and how to read it.
    EncodingError
        The text is UTF-16 or UTF-32, with or without a byte-order mark.
    """
    kind = kind_of(head, name)
    found = None if kind is None else (kind, _ADVICE[kind])
    way_out = ""
    if found is None:
        refuse_wide_encodings(head, name, without_mark=is_utf8)
    if found is None and not as_text:
        suffixes = [ending.lower() for ending in PurePath(name).suffixes if ending.lower() not in COMPRESSED_SUFFIXES]
        found = _textual_format(head, is_whole, suffixes[-1] if suffixes else "")
        way_out = "; to train on the file unchanged, pass as_text=True (`--as-text`)"
    if found is not None:
        format_name, advice = found
        if name != STANDARD_INPUT:
            advice = advice.replace("FILE", name)
        raise CorpusError(f"{name} is {format_name}, not plain text; {advice}{way_out}")


def refuse_wide_encodings(head: bytes, name: str, *, without_mark: bool = True) -> None:
    """Raise EncodingError if bytes begin like UTF-16 or UTF-32 text; ``without_mark``: even without its mark."""
    found = wide_encoding_of(head)
    if found is not None and (found.has_mark or without_mark):
        raise EncodingError(
            f"{name} must be UTF-8, got text that begins like {found.name},"
            f" {'with' if found.has_mark else 'without'} a byte-order mark;"
            f" convert the file with iconv -f {found.iconv_name} -t UTF-8"
        )


def strip_marks(text: bytes) -> bytes:
    """Remove the byte-order marks at the start of a line. Joined files have such marks."""
    while text.startswith(MARK):
        text = text[len(MARK) :]
    return text


def decode_text(data: bytes, name: str) -> str:
    """Decode a small text file, without byte-order marks at the starts of its lines.

    JSON, CSV and similar formats are accepted as text. Formats that are not text are refused.

    Raises
    ------
    CorpusError, EncodingError
    """
    refuse_other_formats(data[:HEAD_BYTES], name, is_whole=len(data) <= HEAD_BYTES, as_text=True)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EncodingError(
            f"{name} must be UTF-8, got byte 0x{data[error.start]:02x} at offset {error.start}; convert the file"
        ) from None
    return _MARKS_AT_LINE_STARTS.sub("", text)


def _textual_format(head: bytes, is_whole: bool, suffix: str) -> tuple[str, str] | None:
    """Name and advice for JSON, CSV, HTML, XML or vector text, recognised by the form of the first lines; else None."""
    head = strip_marks(head)
    if _HTML.match(head):
        return "HTML", f"{_EXPORT}: html2text FILE | firth train - ..."
    if _XML.match(head):
        if b"<html" in head[:2048].lower():
            return "HTML", f"{_EXPORT}: html2text FILE | firth train - ..."
        return "XML", "extract the text from its tags first"
    lines = [line for line in head.split(b"\n")[: None if is_whole else -1] if line.strip()][:_LINES]
    first = head.lstrip()[:1]
    if first in (b"{", b"[") and _is_json(head, lines, is_whole):
        if len(lines) > 1 and all(_json_kind(line) is not None for line in lines):
            if all(_json_kind(line) == "object" for line in lines):
                return "JSON lines", _TABLE
            return "JSON lines", 'pass their tokens: firth.train((json.loads(line) for line in open("FILE")))'
        return "JSON", "load it with the module json and pass lists of tokens"
    for endings, delimiter, kind in (((".csv",), ",;", "CSV"), ((".tsv", ".tab"), "\t", "TSV")):
        if suffix in endings and any(_is_columns(lines, separator) for separator in delimiter):
            return f"a {kind} file", _TABLE
    if _is_vector_text(head, lines):
        return "a file of word vectors", "firth.read_vectors('FILE') reads it"
    return None


def _is_json(head: bytes, lines: list[bytes], is_whole: bool) -> bool:
    kinds = [_json_kind(line) for line in lines]
    if kinds and all(kind == "object" for kind in kinds):
        return True
    if len(kinds) > 1 and all(kind == "strings" for kind in kinds):
        return True
    if is_whole:  # the whole file is one value, such as a notebook
        try:
            value = json.loads(head)
        except (ValueError, RecursionError):
            return False
        return isinstance(value, dict) or (
            isinstance(value, list) and any(isinstance(v, (dict, list, str)) for v in value)
        )
    opening = head.lstrip()
    if not lines:  # the first line is longer than the bytes examined
        return _CUT_JSON.match(opening) is not None
    # a value over many lines: its first line is only a bracket, or a bracket and a key
    return (
        kinds[0] is None
        and _CUT_JSON.match(opening) is not None
        and opening[:1].isascii()
        and (lines[0].strip() in (b"{", b"[", b"[{") or lines[0].rstrip().endswith((b",", b"{", b"[")))
    )


def _json_kind(line: bytes) -> str | None:
    """``object``, ``strings`` (an array with a string in it), or None for another JSON value or no JSON."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        return "object"
    return "strings" if isinstance(value, list) and any(isinstance(item, str) for item in value) else None


def _is_columns(lines: list[bytes], delimiter: str) -> bool:
    """Whether lines are rows with the same number of columns, at least two."""
    try:
        text = [line.decode("utf-8", "replace") for line in lines]
        rows = [row for row in csv.reader(text, delimiter=delimiter) if row]
    except csv.Error:
        return False
    if not rows or len(rows[0]) < 2:
        return False
    return sum(len(row) == len(rows[0]) for row in rows) >= _MIN_TABLE_SHARE * len(rows)


def _is_vector_text(head: bytes, lines: list[bytes]) -> bool:
    """Whether the first line is two numbers, and each later line a word and as many numbers as the first line says."""
    header = _VECTOR_HEADER.match(head)
    if header is None or len(lines) < 2:
        return False
    n_dims = int(header[2])
    for line in lines[1:3]:
        pieces = line.split()
        if len(pieces) != n_dims + 1:
            return False
        try:
            [float(piece) for piece in pieces[1:]]
        except ValueError:
            return False
    return n_dims > 1
