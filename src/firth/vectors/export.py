"""Room vectors: makes of vectors what other code takes: the table that the formats write, and frames.

Tests: tests/vectors/test_files.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from firth.errors import MissingExtraError, ParameterError
from firth.formats.table import VectorTable
from firth.vectors.word_rows import WordRows

_FRAMES = ("pandas", "polars", "pyarrow")


def make_table(rows: WordRows) -> VectorTable:
    """The table that the formats write: float32, and integer words in decimal digits."""
    matrix = np.asarray(rows.matrix, dtype=np.float32)
    return VectorTable([str(word) for word in _words(rows)], matrix, rows.counts, rows.subwords)


def make_frame(rows: WordRows, library: str | None) -> Any:
    """A frame with the words and a column for each dimension; ``WordVectors.to_frame`` documents it."""
    if library is not None and library not in _FRAMES:
        raise ParameterError(f"library must be one of {', '.join(_FRAMES)} or None, got {library!r}")
    for name in _FRAMES if library is None else (library,):
        try:
            return _MAKERS[name](rows)
        except ImportError as error:
            if library is not None:
                raise MissingExtraError(
                    f"to_frame(library={library!r}) needs {library}, which is not installed; `pip install {library}`"
                ) from error
    raise MissingExtraError("to_frame() needs pandas, polars or pyarrow; none is installed; `pip install pandas`")


def _words(rows: WordRows) -> list[Any]:
    words: Any = rows.words
    return words.tolist() if isinstance(words, np.ndarray) else list(words)


def _columns(rows: WordRows) -> dict[str, Any]:
    numbers = {f"d{column}": np.array(rows.matrix[:, column]) for column in range(rows.dims)}
    return {"word": _words(rows), **numbers}


def _pandas(rows: WordRows) -> Any:
    import pandas as pd

    names = [f"d{column}" for column in range(rows.dims)]
    return pd.DataFrame(np.array(rows.matrix), index=pd.Index(_words(rows), name="word"), columns=names)


def _polars(rows: WordRows) -> Any:
    import polars as pl

    return pl.DataFrame(_columns(rows))


def _arrow(rows: WordRows) -> Any:
    import pyarrow as pa

    return pa.table(_columns(rows))


_MAKERS = {"pandas": _pandas, "polars": _polars, "pyarrow": _arrow}

__all__ = ["make_frame", "make_table"]
