"""Room formats: word2vec's text file.

Grammar
-------
::

    file   = [BOM] header row*V
    header = V " " D newline                              (decimal numbers)
    row    = word " " number (" " number)*(D-1) newline   (the last newline may be missing, blank lines may follow)

A run of spaces and tabs separates like one space. It may also occur before the newline, as in files of word2vec.c and
fastText. ``\\r\\n`` ends a line too. A word is the text before the last D numbers, so words with spaces can be read. A
word whose last piece is a number is refused, because the row may be too wide. firth does not write words with white
space.

Source: word2vec.c, the end of ``TrainModel`` (``fprintf(fo, "%lld %lld\\n", vocab_size, layer1_size)``, then ``"%s "``
and ``"%lf "`` for each number), https://code.google.com/archive/p/word2vec/; gensim's ``save_word2vec_format``.
Numbers are written in the shortest form that reads back as the same float32, and read rounded correctly.

Tests: tests/formats/test_rows.py.
"""

from __future__ import annotations

from pathlib import Path

from firth.formats.format import Format, Sample, count_trailing_numbers
from firth.formats.recognition import recognise_rows
from firth.formats.row_writing import write_text_rows
from firth.formats.rows import finish_table, parse_header, read_text_rows
from firth.formats.source import MAX_HEADER_BYTES, ByteSource, ReadOptions
from firth.formats.table import VectorTable
from firth.formats.target import WriteOptions, validate_words, whole_file

FORBIDDEN = " \t\n\r\v\f\0"
_LOOK_BYTES = 1 << 20
ADVICE = "write an .npz file or a model folder instead"


def looks_like(sample: Sample) -> bool:
    """Whether the file has a header, and after it rows of text, well-formed or not."""
    return recognise_rows(sample) == "text"


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read a word2vec text file; see `firth.formats.registry.read_vectors`."""
    with ByteSource(path) as source:
        line = source.read_line(MAX_HEADER_BYTES, "the first line")
        n_rows, n_dims = parse_header(source, line, lambda n_dims: 2 * n_dims + 2, look=_look_at_first_row)
        rows = read_text_rows(source, n_dims, options, n_rows=n_rows)
    return finish_table(path, rows.words, rows.matrix, None, options, all_differ=rows.all_differ)


def _look_at_first_row(source: ByteSource) -> str:
    """The number of numbers in row 1, for the message about a header that does not match the size of the file."""
    row = source.read(_LOOK_BYTES).split(b"\n", 1)[0]
    n_numbers = min(count_trailing_numbers(row), len(row.split()) - 1)
    return f"; row 1 has {n_numbers} numbers" if n_numbers > 0 else ""


def write(path: Path, table: VectorTable, options: WriteOptions) -> None:
    """Write a word2vec text file; see `firth.formats.registry.write_vectors`."""
    write_with_header(path, table, options, trailing=False, format_name="word2vec text")


def write_with_header(
    path: Path, table: VectorTable, options: WriteOptions, *, trailing: bool, format_name: str
) -> None:
    """Write word2vec text, with or without a space before each newline. fastText writes the space."""
    validate_words(table.words, path=path, format_name=format_name, forbidden=FORBIDDEN, advice=ADVICE)
    with whole_file(path, overwrite=options.overwrite) as stream:
        stream.write(b"%d %d\n" % table.matrix.shape)
        write_text_rows(stream, table, options, path, trailing=trailing)


FORMAT = Format("word2vec", "word2vec text: header, then word and numbers", (".txt", ".w2v"), looks_like, read, write)
