"""Room corpus: files that are no plain text, told by their first bytes and named with the way to read them.

A file of another format must not be trained on as if it were text: nothing would fail, and the words would be wrong.
Binary formats are told by their magic numbers. JSON lines, CSV, HTML and vector text are text too, so these are refused
only where the shape of the first lines leaves no doubt, and ``as_text`` accepts them.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from pathlib import PurePath

from firth.base.compression import COMPRESSED_SUFFIXES
from firth.errors import CorpusError, EncodingError

HEAD_BYTES = 1 << 16  # what is looked at; a document a line may be long
MARK = codecs.BOM_UTF8
STANDARD_INPUT = "standard input"  # as messages call it
_LINES = 8  # whose shape decides
_MIN_TABLE_SHARE = 0.9  # of the first rows of a CSV file must have as many columns as its header

_UNPACK = "unpack the file first"
_EXPORT = "export the text from the file first"
_COLUMN = 'read the file and pass its column of texts: firth.train(frame["text"])'

# Magic numbers: offset, bytes, the format's name, the way to read it. The longest that fits is taken first.
_MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\x1f\x8b", "gzip data", "decompress the file: gzip -dc FILE | firth train - ..."),
    (0, b"\xfd7zXZ\x00", "xz data", "decompress the file: xz -dc FILE | firth train - ..."),
    (0, b"\x28\xb5\x2f\xfd", "zstd data", "decompress the file: zstd -dc FILE | firth train - ..."),
    (0, b"\x04\x22\x4d\x18", "lz4 data", "decompress the file: lz4 -dc FILE | firth train - ..."),
    (0, b"\x1f\x9d", "data of compress (.Z)", "decompress the file: zcat FILE | firth train - ..."),
    (0, b"LZIP\x01", "lzip data", "decompress the file: lzip -dc FILE | firth train - ..."),
    (0, b"\xff\x06\x00\x00sNaPpY", "snappy data", "decompress the file first"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", f"{_UNPACK}: 7z x FILE"),
    (0, b"Rar!\x1a\x07", "a RAR archive", f"{_UNPACK}: unrar x FILE"),
    (257, b"ustar", "a tar archive", "unpack the file: tar -xOf FILE | firth train - ..."),
    (0, b"!<arch>\n", "an ar archive", _UNPACK),
    (0, b"PAR1", "a Parquet file", f"{_COLUMN} with frame = pandas.read_parquet('FILE')"),
    (0, b"ARROW1\x00\x00", "an Arrow file", f"{_COLUMN} with frame = pandas.read_feather('FILE')"),
    (0, b"FEA1", "a Feather file", f"{_COLUMN} with frame = pandas.read_feather('FILE')"),
    (0, b"\xff\xff\xff\xff", "an Arrow stream", f"{_COLUMN} with frame = pyarrow.ipc.open_stream('FILE').read_all()"),
    (0, b"ORC", "an ORC file", f"{_COLUMN} with frame = pandas.read_orc('FILE')"),
    (0, b"Obj\x01", "an Avro file", _COLUMN),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", "read the file with h5py and pass lists of tokens"),
    (0, b"SQLite format 3\x00", "an SQLite database", f"{_COLUMN} with frame = pandas.read_sql(...)"),
    (0, b"\x93NUMPY", "a NumPy array (.npy)", "pass the array: firth.train(numpy.load('FILE'))"),
    (0, b"\xba\x16\x4f\x2f", "a fastText model", "firth.read_vectors('FILE') reads its vectors"),
    (0, b"GGUF", "a GGUF model", "the file holds a model and no text"),
    (0, b"%PDF-", "a PDF file", f"{_EXPORT}: pdftotext FILE - | firth train - ..."),
    (0, b"%!PS", "a PostScript file", f"{_EXPORT}: ps2ascii FILE | firth train - ..."),
    (0, b"{\\rtf", "an RTF file", f"{_EXPORT}: pandoc -t plain FILE | firth train - ..."),
    (
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Microsoft Office file",
        f"{_EXPORT}: libreoffice --convert-to txt",
    ),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image", "an image holds no text"),
    (0, b"\xff\xd8\xff", "a JPEG image", "an image holds no text"),
    (0, b"GIF87a", "a GIF image", "an image holds no text"),
    (0, b"GIF89a", "a GIF image", "an image holds no text"),
    (0, b"II*\x00", "a TIFF image", "an image holds no text"),
    (0, b"MM\x00*", "a TIFF image", "an image holds no text"),
    (0, b"\x7fELF", "a program", "a program holds no text"),
    (0, b"OggS\x00", "sound or video", "the file holds no text"),
    (0, b"fLaC\x00", "sound", "the file holds no text"),
    (4, b"ftyp", "video or an image", "the file holds no text"),
)
_WIDE_MARKS = (  # UTF-32 first: its mark begins as the one of UTF-16 does
    (codecs.BOM_UTF32_LE, "UTF-32LE"),
    (codecs.BOM_UTF32_BE, "UTF-32BE"),
    (codecs.BOM_UTF16_LE, "UTF-16LE"),
    (codecs.BOM_UTF16_BE, "UTF-16BE"),
)
_MARKS_AT_LINE_STARTS = re.compile("^\ufeff+", re.MULTILINE)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # bytes that no text has
_LFS = b"version https://git-lfs.github.com/spec/v1"
_ANNEX = re.compile(rb"/annex/objects/\S+\s*")
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_XML = re.compile(rb"\s*<(?:\?xml\s|mediawiki\s|!DOCTYPE\s)", re.IGNORECASE)
_OLD_PICKLE = re.compile(rb"(?:\(lp[01]\n|\(dp[01]\n|ccopy_reg\n_reconstructor\n|c__builtin__\n)")
_JSON_KEY = rb'\s*"(?:[^"\\\n]|\\.){0,200}"\s*:\s*["\[{0-9tfn-]'
_CUT_JSON = re.compile(rb"(?:\[\s*)?\{" + _JSON_KEY)
_VECTOR_HEADER = re.compile(rb"[ \t]*([0-9]{1,12})[ \t]+([0-9]{1,6})[ \t\r]*\n")


def refuse_other_formats(head: bytes, name: str, *, is_whole: bool, as_text: bool = False) -> None:
    """Raise where a file's first bytes are no plain text in UTF-8.

    Parameters
    ----------
    head : the first ``HEAD_BYTES`` bytes, or all where there are fewer; decompressed
    name : of the file, for the message and for its ending
    is_whole : ``head`` is all of the file
    as_text : take JSON, CSV, HTML, XML and vector text for text; formats that are not text are refused all the same

    Raises
    ------
    CorpusError
        Another format; the message names the format and the way to read it.
    EncodingError
        UTF-16 or UTF-32, with or without a byte-order mark.
    """
    found = _binary_format(head, name) or _placeholder(head)
    way_out = ""
    if found is None:
        refuse_wide_encodings(head, name)
    if found is None and not as_text:
        suffixes = [ending.lower() for ending in PurePath(name).suffixes if ending.lower() not in COMPRESSED_SUFFIXES]
        found = _textual_format(head, is_whole, suffixes[-1] if suffixes else "")
        way_out = "; to train on it as it is, pass as_text=True (`--as-text`)"
    if found is not None:
        format_name, advice = found
        if name != STANDARD_INPUT:
            advice = advice.replace("FILE", name)
        raise CorpusError(f"{name} is {format_name}, not plain text; {advice}{way_out}")


def refuse_wide_encodings(head: bytes, name: str) -> None:
    """Raise EncodingError where bytes begin as UTF-16 or UTF-32 text does, with or without a byte-order mark."""
    found = wide_encoding(head)
    if found is not None:
        encoding, has_mark = found
        known_as = encoding[:6] if has_mark else encoding  # with a mark, iconv finds the order and drops the mark
        raise EncodingError(
            f"{name} begins as {encoding} text does, {'with' if has_mark else 'without'} a byte-order mark; firth reads"
            f" UTF-8: convert the file with iconv -f {known_as} -t UTF-8"
        )


def wide_encoding(head: bytes) -> tuple[str, bool] | None:
    """The name of the UTF-16 or UTF-32 encoding that bytes are in, and whether a mark says so; None for others."""
    for mark, encoding in _WIDE_MARKS:
        if head.startswith(mark):
            return encoding, True
    head = head[: min(len(head), 4096) & ~3]
    n_zeros = head.count(0)
    if n_zeros == 0:
        return None
    is_ascii = all(byte == 0 or 32 <= byte < 127 or 9 <= byte <= 13 for byte in head)
    if is_ascii and n_zeros < 0.4 * len(head):  # UTF-8 text with a NUL byte in it
        return None
    best = max((_ascii_share(head, encoding), encoding) for _, encoding in _WIDE_MARKS)
    return (best[1], False) if best[0] > 0 else None


def _ascii_share(head: bytes, encoding: str) -> float:
    """The share of ASCII characters where bytes are text in an encoding; 0 where they are none."""
    try:
        text = codecs.getincrementaldecoder(encoding)("strict").decode(head)  # a character may be cut at the end
    except UnicodeDecodeError:
        return 0.0
    if not text or any(ord(character) < 32 and character not in "\t\n\v\f\r" for character in text):
        return 0.0
    return sum(character < "\x7f" for character in text) / len(text)


def strip_marks(text: bytes) -> bytes:
    """A line without the byte-order marks at its start, which joining files leaves there."""
    while text.startswith(MARK):
        text = text[len(MARK) :]
    return text


def decode_text(data: bytes, name: str) -> str:
    """A small text file as ``str``, without byte-order marks at the starts of its lines.

    JSON, CSV and the like are text to whoever calls; formats that are not text are refused.

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


def _binary_format(head: bytes, name: str) -> tuple[str, str] | None:
    is_binary = _CONTROL.search(head) is not None
    for offset, magic, format_name, advice in _MAGIC:
        # a text may begin with the letters of a magic number
        if head[offset : offset + len(magic)] == magic and (is_binary or not magic.isalnum()):
            return format_name, advice
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _zip_format(head, name)
    if head.startswith(b"BZh") and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bzip2 data", "decompress the file: bzip2 -dc FILE | firth train - ..."
    if head.startswith(b"RIFF") and head[8:12] in (b"WEBP", b"WAVE", b"AVI "):
        return "an image, sound or video (RIFF)", "the file holds no text"
    if is_binary and head.startswith(b"ID3") and head[3:4] in (b"\x02", b"\x03", b"\x04"):
        return "sound (MP3)", "the file holds no text"
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return "a BMP image", "an image holds no text"
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a pickle", "load it in Python, if you trust who made it, and pass lists of tokens"
    if _OLD_PICKLE.match(head):
        return "a pickle", "load it in Python, if you trust who made it, and pass lists of tokens"
    if head[8:10] == b'{"' and 0 < int.from_bytes(head[:8], "little") <= 100 << 20:
        return (
            "a safetensors file",
            "read it with safetensors.numpy.load_file('FILE'); firth.read_vectors reads vectors",
        )
    return None


def _zip_format(head: bytes, name: str) -> tuple[str, str]:
    if b"word/" in head or name.lower().endswith(".docx"):
        return "a Word document (.docx)", f"{_EXPORT}: pandoc -t plain FILE | firth train - ..."
    if b"xl/" in head or name.lower().endswith(".xlsx"):
        return "an Excel sheet (.xlsx)", f"{_COLUMN} with frame = pandas.read_excel('FILE')"
    if b"mimetypeapplication/" in head[:60]:
        return "an OpenDocument or EPUB file", f"{_EXPORT}: pandoc -t plain FILE | firth train - ..."
    if b".npy" in head[:200] or name.lower().endswith(".npz"):
        return "a NumPy archive (.npz)", "pass its arrays: numpy.load('FILE') has them by name"
    if b"/data.pkl" in head[:400]:
        return "a PyTorch file", "load it with torch.load, if you trust who made it, and pass lists of tokens"
    return "a zip archive", "unpack the file: unzip -p FILE | firth train - ..."


def _placeholder(head: bytes) -> tuple[str, str] | None:
    if head.startswith(_LFS):
        return "a Git LFS pointer, which stands for a file that was not fetched", "fetch the file: git lfs pull"
    if len(head) < 1000 and _ANNEX.fullmatch(head.rstrip(b"\0")):
        return "a git-annex pointer, which stands for a file that was not fetched", "fetch the file: git annex get FILE"
    return None


def _textual_format(head: bytes, is_whole: bool, suffix: str) -> tuple[str, str] | None:
    """JSON, CSV, HTML, XML or vector text, told by the shape of the first lines."""
    head = strip_marks(head)
    if _HTML.match(head):
        return "HTML", f"{_EXPORT}: html2text FILE | firth train - ..."
    if _XML.match(head):
        if b"<html" in head[:2048].lower():
            return "HTML", f"{_EXPORT}: html2text FILE | firth train - ..."
        return "XML", "take the text out of its tags first"
    lines = [line for line in head.split(b"\n")[: None if is_whole else -1] if line.strip()][:_LINES]
    first = head.lstrip()[:1]
    if first in (b"{", b"[") and _is_json(head, lines, is_whole):
        if len(lines) > 1 and all(_json_kind(line) is not None for line in lines):
            return (
                "JSON lines",
                'pass their texts: firth.train((json.loads(line)["text"].split() for line in open("FILE")))',
            )
        return "JSON", "load it with the module json and pass lists of tokens"
    for endings, delimiter, kind in (((".csv",), ",;", "CSV"), ((".tsv", ".tab"), "\t", "TSV")):
        if suffix in endings and any(_is_columns(lines, separator) for separator in delimiter):
            return f"a {kind} file", f"{_COLUMN} with frame = pandas.read_csv('FILE'{', sep=chr(9)' * (kind == 'TSV')})"
    if _is_vector_text(head, lines):
        return "a file of word vectors", "firth.read_vectors('FILE') reads it"
    return None


def _is_json(head: bytes, lines: list[bytes], is_whole: bool) -> bool:
    kinds = [_json_kind(line) for line in lines]
    if kinds and all(kind == "object" for kind in kinds):
        return True
    if len(kinds) > 1 and all(kind == "strings" for kind in kinds):
        return True
    if is_whole:  # one value over all of the file, such as a notebook
        try:
            value = json.loads(head)
        except (ValueError, RecursionError):
            return False
        return isinstance(value, dict) or (
            isinstance(value, list) and any(isinstance(v, (dict, list, str)) for v in value)
        )
    opening = head.lstrip()
    if not lines:  # the first line is longer than what was looked at
        return _CUT_JSON.match(opening) is not None
    # a value over many lines: its first line is a bracket alone, or a bracket and a key
    return (
        kinds[0] is None
        and _CUT_JSON.match(opening) is not None
        and opening[:1].isascii()
        and (lines[0].strip() in (b"{", b"[", b"[{") or lines[0].rstrip().endswith((b",", b"{", b"[")))
    )


def _json_kind(line: bytes) -> str | None:
    """``object``, ``strings`` (an array with a string in it), or None for what is no JSON or another value."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        return "object"
    return "strings" if isinstance(value, list) and any(isinstance(item, str) for item in value) else None


def _is_columns(lines: list[bytes], delimiter: str) -> bool:
    """Whether lines are rows of two or more columns, as many in each."""
    try:
        text = [line.decode("utf-8", "replace") for line in lines]
        rows = [row for row in csv.reader(text, delimiter=delimiter) if row]
    except csv.Error:
        return False
    if not rows or len(rows[0]) < 2:
        return False
    return sum(len(row) == len(rows[0]) for row in rows) >= _MIN_TABLE_SHARE * len(rows)


def _is_vector_text(head: bytes, lines: list[bytes]) -> bool:
    """Whether a header of two numbers is followed by rows of a word and as many numbers as the header says."""
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
