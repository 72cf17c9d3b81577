"""Room formats: word2vec's binary file.

Grammar
-------
::

    file   = header row*V [newline]
    header = V " " D newline             (decimal numbers)
    row    = [newline] word " " float*D  (float32, little-endian)

word2vec.c writes a newline after each row, gensim writes none; both are read. firth writes it. A word holds neither a
space nor a newline.

Source: word2vec.c, the end of ``TrainModel`` with ``-binary 1``, https://code.google.com/archive/p/word2vec/;
gensim's ``save_word2vec_format(binary=True)``.
"""

from __future__ import annotations

from pathlib import Path

from firth.formats.format import Format, Sample
from firth.formats.rows import finish_table, parse_header, read_binary_rows, write_binary_rows
from firth.formats.source import MAX_HEADER_BYTES, MAX_WORD_BYTES, ByteSource, ReadOptions
from firth.formats.table import VectorTable
from firth.formats.target import WriteOptions, check_words, whole_file
from firth.formats.word2vec_text import ADVICE
from firth.formats.word2vec_text import looks_like as looks_like_text


def looks_like(sample: Sample) -> bool:
    """The header of word2vec, and then no row of text."""
    if sample.header is None or looks_like_text(sample):
        return False
    rows = sample.head[sample.head.index(b"\n") + 1 :].removeprefix(b"\n")
    return b" " in rows[: MAX_WORD_BYTES + 1] and not rows.startswith(b" ")


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read a word2vec binary file; see `firth.formats.registry.read_vectors`."""
    with ByteSource(path) as source:
        line = source.read_line(MAX_HEADER_BYTES, "the first line")
        n_rows, n_dims = parse_header(source, line, min_row_bytes=lambda n_dims: 4 * n_dims + 2)
        rows = read_binary_rows(source, n_dims, options, n_rows)
    return finish_table(path, rows.words, rows.matrix, None, options, all_differ=rows.all_differ)


def write(path: Path, table: VectorTable, options: WriteOptions) -> None:
    """Write a word2vec binary file; see `firth.formats.registry.write_vectors`."""
    check_words(table.words, path=path, format_name="word2vec binary", forbidden=" \n\0", advice=ADVICE)
    with whole_file(path, overwrite=options.overwrite) as stream:
        stream.write(b"%d %d\n" % table.matrix.shape)
        write_binary_rows(stream, table, options, path, newline=True)


FORMAT = Format(
    "word2vec-binary", "word2vec binary: header, then word and float32s", (".bin",), looks_like, read, write
)
