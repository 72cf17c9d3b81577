"""Room formats: GloVe's text file: no header.

Grammar
-------
::

    file = [BOM] row*V
    row  = word " " number (" " number)*(D-1) newline

D is not written anywhere: most of the first rows end in that many numbers, their first piece aside. A word is what is
written before the last D numbers: the published vectors hold words with spaces (``. . .``, ``at name@domain.com``).
Words are split at ASCII spaces and tabs alone, so a no-break space (U+00A0) belongs to its word. A word of several
pieces whose last piece is a number cannot be told from a row that is too wide, and is refused when reading and writing.

Source: GloVe, ``save_params`` in src/glove.c with ``-binary 0 -write-header 0``, https://github.com/stanfordnlp/GloVe;
the vectors of https://nlp.stanford.edu/projects/glove/.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from firth.errors import FormatError
from firth.formats.format import Format, Sample, count_trailing_numbers, is_number
from firth.formats.rows import finish_table, read_text_rows, write_text_rows
from firth.formats.source import MAX_DIMS, MAX_WORD_BYTES, ByteSource, ReadOptions
from firth.formats.table import VectorTable
from firth.formats.target import WriteOptions, check_words, whole_file

_LOOK_BYTES = 1 << 18
_LOOK_ROWS = 200
_MAX_LINE_BYTES = MAX_WORD_BYTES + 64 * MAX_DIMS
_BOM = b"\xef\xbb\xbf"


def looks_like(sample: Sample) -> bool:
    """Rows that end in as many numbers as most of them have, at least two."""
    if sample.is_folder or b"\0" in sample.head:
        return False
    lines = [line for line in sample.lines[:20] if line]
    if not lines:
        return False
    n_dims = _infer_dims(lines)
    return n_dims >= 2 and all(count_trailing_numbers(line) >= n_dims for line in lines)


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read a GloVe text file; see `firth.formats.registry.read_vectors`."""
    with ByteSource(path) as source:
        taken = source.read(_LOOK_BYTES)
        while b"\n" not in taken and len(taken) <= _MAX_LINE_BYTES:
            more = source.read(1 << 20)
            if not more:
                break
            taken += more
        if not taken.strip():
            source.fail("the file holds no rows")
        taken = taken.removeprefix(_BOM)
        lines = taken.split(b"\n", _LOOK_ROWS)
        if len(lines) > 1:
            lines.pop()  # perhaps cut by the look
        n_dims = _infer_dims([line for line in lines if line.strip()] or [taken])
        if not 1 <= n_dims <= MAX_DIMS:
            source.fail(f"the rows must have a word and 1 to {MAX_DIMS} numbers, got {n_dims} numbers", row=1)
        rows = read_text_rows(source, n_dims, options, taken=taken)
    return finish_table(path, rows.words, rows.matrix, None, options, all_differ=rows.all_differ)


def write(path: Path, table: VectorTable, options: WriteOptions) -> None:
    """Write a GloVe text file; see `firth.formats.registry.write_vectors`."""
    advice = "write an .npz file or a model folder instead"
    check_words(table.words, path=path, format_name="GloVe text", forbidden="\t\n\r\v\f\0", advice=advice)
    for row, word in enumerate(table.words, 1):
        if " " in word and (word != word.strip(" ") or is_number(word.rsplit(" ", 1)[1].encode())):
            raise FormatError(
                f"{path}: row {row}: GloVe text cannot hold the word {word!r}, whose spaces would be lost or whose last"
                f" piece would be taken for a number; {advice}"
            )
    with whole_file(path, overwrite=options.overwrite) as stream:
        write_text_rows(stream, table, options, path)


def _infer_dims(lines: list[bytes]) -> int:
    sizes = Counter(min(count_trailing_numbers(line), max(0, len(line.split()) - 1)) for line in lines)
    most = max(sizes.values())
    return min(size for size, times in sizes.items() if times == most)


FORMAT = Format("glove", "GloVe text: word and numbers, no header", (".glove",), looks_like, read, write)
