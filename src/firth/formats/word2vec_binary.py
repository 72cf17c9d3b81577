"""Room formats: word2vec's binary file.

Grammar
-------
::

    file   = header row*V [newline]
    header = V " " D newline             (decimal numbers)
    row    = newline* word " " float*D   (float32, little-endian)

word2vec.c writes a newline after each row and gensim does not; firth reads both and writes the newline. Further
newlines before a word are skipped, as in distance.c and gensim. A word must not have a space or a newline.

Source: word2vec.c, the end of ``TrainModel`` with ``-binary 1``, and distance.c, which reads the file,
https://code.google.com/archive/p/word2vec/; gensim's ``save_word2vec_format(binary=True)``.

Tests: tests/formats/test_rows.py.
"""

from __future__ import annotations

from pathlib import Path

from firth.errors import FormatError
from firth.formats.format import Format, Sample, take_sample
from firth.formats.recognition import find_binary_width, is_whole_binary, recognise_rows, shows_numbers
from firth.formats.row_writing import write_binary_rows
from firth.formats.rows import finish_table, parse_header, read_binary_rows
from firth.formats.source import MAX_HEADER_BYTES, ByteSource, ReadOptions
from firth.formats.table import VectorTable
from firth.formats.target import WriteOptions, validate_words, whole_file
from firth.formats.word2vec_text import ADVICE
from firth.formats.word2vec_text import FORMAT as TEXT_FORMAT


def looks_like(sample: Sample) -> bool:
    """Whether the file has word2vec's header, and after it words and binary numbers."""
    return recognise_rows(sample) == "binary"


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read a word2vec binary file; see `firth.formats.registry.read_vectors`."""
    sample = take_sample(path)
    if recognise_rows(sample) == "text" and shows_numbers(sample) and not is_whole_binary(sample):
        raise FormatError(f"{path}: its rows are text, not binary; read it as {TEXT_FORMAT.name!r} (format= or --from)")
    width = find_binary_width(sample)
    if width is not None and sample.header is not None:
        raise FormatError(f"{path}: the header announces {sample.header[1]} dimensions, the first rows have {width}")
    with ByteSource(path) as source:
        line = source.read_line(MAX_HEADER_BYTES, "the first line")
        n_rows, n_dims = parse_header(source, line, min_row_bytes=lambda n_dims: 4 * n_dims + 2)
        rows = read_binary_rows(source, n_dims, options, n_rows)
    return finish_table(path, rows.words, rows.matrix, None, options, all_differ=rows.all_differ)


def write(path: Path, table: VectorTable, options: WriteOptions) -> None:
    """Write a word2vec binary file; see `firth.formats.registry.write_vectors`."""
    validate_words(table.words, path=path, format_name="word2vec binary", forbidden=" \n\0", advice=ADVICE)
    with whole_file(path, overwrite=options.overwrite) as stream:
        stream.write(b"%d %d\n" % table.matrix.shape)
        write_binary_rows(stream, table, options, path, newline=True)


FORMAT = Format(
    "word2vec-binary", "word2vec binary: header, then word and float32s", (".bin",), looks_like, read, write
)
