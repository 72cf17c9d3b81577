"""Room formats: GloVe's text file, which has no header.

Grammar
-------
::

    file = [BOM] row*V
    row  = word " " number (" " number)*(D-1) newline

The file does not give D. firth takes the number of numbers after the first piece in most of the first rows. A word is
the text before the last D numbers: some published vectors have words with spaces (``. . .``, ``at name@domain.com``).
Pieces are separated only by ASCII spaces and tabs, so a no-break space (U+00A0) belongs to its word. A word of several
pieces whose last piece is a number looks like a row that is too wide, so it is refused in reading and writing.

Source: GloVe, ``save_params`` in src/glove.c with ``-binary 0 -write-header 0``, https://github.com/stanfordnlp/GloVe;
the vectors of https://nlp.stanford.edu/projects/glove/.

Tests: tests/formats/test_round_trip.py.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from firth.errors import FormatError
from firth.formats.format import Format, Sample, count_trailing_numbers, is_number
from firth.formats.recognition import ends_lines_with_cr, explain_piece, has_no_words
from firth.formats.row_writing import write_text_rows
from firth.formats.rows import finish_table, read_text_rows
from firth.formats.source import MAX_DIMS, MAX_WORD_BYTES, ByteSource, ReadOptions
from firth.formats.table import VectorTable
from firth.formats.target import WriteOptions, validate_words, whole_file

_LOOK_BYTES = 1 << 18
_LOOK_ROWS = 200
_MAX_LINE_BYTES = MAX_WORD_BYTES + 64 * MAX_DIMS
_BOM = b"\xef\xbb\xbf"


def looks_like(sample: Sample) -> bool:
    """Whether more than half of the rows are a word and the same number of numbers, at least two."""
    if sample.is_folder or sample.header is not None or b"\0" in sample.head or ends_lines_with_cr(sample.head):
        return False
    lines = [line for line in sample.lines[:20] if line]
    if not lines or has_no_words(lines):
        return False
    n_dims = _infer_dims(lines)
    return n_dims >= 2 and 2 * sum(count_trailing_numbers(line) >= n_dims for line in lines) > len(lines)


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
            source.fail("the file must have at least one row, got none")
        taken = taken.removeprefix(_BOM)
        lines = taken.split(b"\n", _LOOK_ROWS)
        if len(lines) > 1:
            lines.pop()  # the sample may end inside this line
        lines = [line for line in lines if line.strip()] or [taken]
        n_dims = _infer_dims(lines)
        _refuse_numbers_in_words(source, lines, n_dims)
        if not 1 <= n_dims <= MAX_DIMS:
            source.fail(f"the rows must have a word and 1 to {MAX_DIMS} numbers, got {n_dims} numbers", row=1)
        rows = read_text_rows(source, n_dims, options, taken=taken)
    return finish_table(path, rows.words, rows.matrix, None, options, all_differ=rows.all_differ)


def write(path: Path, table: VectorTable, options: WriteOptions) -> None:
    """Write a GloVe text file; see `firth.formats.registry.write_vectors`."""
    advice = "write an .npz file or a model folder instead"
    validate_words(table.words, path=path, format_name="GloVe text", forbidden="\t\n\r\v\f\0", advice=advice)
    for row, word in enumerate(table.words, 1):
        if " " in word and (word != word.strip(" ") or is_number(word.rsplit(" ", 1)[1].encode())):
            raise FormatError(
                f"{path}: row {row}: GloVe text cannot store the word {word!r}: its spaces would be lost, or its last"
                f" piece would be read as a number; {advice}"
            )
    with whole_file(path, overwrite=options.overwrite) as stream:
        write_text_rows(stream, table, options, path)


def _refuse_numbers_in_words(source: ByteSource, lines: list[bytes], n_dims: int) -> None:
    """Refuse the file if most rows have a wrongly written number in their word, such as "north 0,5" before 0.25."""
    last_pieces = [line.split()[:-n_dims][1:][-1:] for line in lines] if n_dims > 0 else []
    wrong = [(row, pieces[0]) for row, pieces in enumerate(last_pieces, 1) if pieces and explain_piece(pieces[0])]
    if 2 * len(wrong) > len(lines):
        row, piece = wrong[0]
        shown = piece[:60].decode("utf-8", "backslashreplace")
        source.fail(f"the row ends in {n_dims} numbers, and {shown!r} before them is {explain_piece(piece)}", row=row)


def _infer_dims(lines: list[bytes]) -> int:
    sizes = Counter(min(count_trailing_numbers(line), max(0, len(line.split()) - 1)) for line in lines)
    most = max(sizes.values())
    return min(size for size, times in sizes.items() if times == most)


FORMAT = Format("glove", "GloVe text: word and numbers, no header", (".glove",), looks_like, read, write)
