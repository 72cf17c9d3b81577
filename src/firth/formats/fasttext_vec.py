"""Room formats: fastText's ``.vec``: word2vec text with a space before each newline.

Grammar
-------
::

    file   = header row*V
    header = V " " D newline
    row    = word " " (number " ")*D newline

The format is read exactly like word2vec text. fastText writes five significant digits. firth writes the shortest number
that reads back as the same float32.

Source: fastText, ``FastText::saveVectors`` in src/fasttext.cc and ``operator<<`` in src/vector.cc,
https://github.com/facebookresearch/fastText.

Tests: tests/formats/test_round_trip.py.
"""

from __future__ import annotations

from pathlib import Path

from firth.formats import word2vec_text
from firth.formats.format import Format, Sample
from firth.formats.table import VectorTable
from firth.formats.target import WriteOptions


def looks_like(sample: Sample) -> bool:
    """Whether the file is word2vec text whose first row ends with a space."""
    return word2vec_text.looks_like(sample) and sample.head.split(b"\n", 2)[1].rstrip(b"\r").endswith(b" ")


def write(path: Path, table: VectorTable, options: WriteOptions) -> None:
    """Write a ``.vec`` file; see `firth.formats.registry.write_vectors`."""
    word2vec_text.write_with_header(path, table, options, trailing=True, format_name="fastText .vec")


FORMAT = Format("fasttext-vec", "fastText .vec: like word2vec text", (".vec",), looks_like, word2vec_text.read, write)
