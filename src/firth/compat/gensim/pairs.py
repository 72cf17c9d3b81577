"""Room compat: reads word pairs by gensim's rules: three columns; other lines are logged and left out.

Tests: tests/compat/gensim/test_keyedvectors.py.
"""

from __future__ import annotations

import math
import os

from firth.errors import FormatError, ParameterError
from firth.vectors.evaluation_lines import LineAccount, read_lines
from firth.vectors.pair_files import Pair, PairFile
from firth.vectors.pair_layout import PairLayout


def read_pairs(path: str | os.PathLike[str], delimiter: str) -> PairFile:
    """The pairs of a file by gensim's rules, except that scores must be finite, which gensim does not check.

    Raises
    ------
    StorageError, EncodingError, FormatError, ParameterError
        The file cannot be read, or no line is a pair.
    """
    if not isinstance(delimiter, str) or not delimiter:
        raise ParameterError(f"delimiter must be a string that is not empty, got {delimiter!r}")
    account = LineAccount()
    pairs: list[Pair] = []
    for number, line in read_lines(path):
        if not line.strip():
            account.n_blank += 1
        elif line.startswith("#"):
            account.n_comments += 1
        else:
            try:
                first, second, score = line.split(delimiter)
                value = float(score)
            except ValueError:
                value = math.nan
            if math.isfinite(value):
                pairs.append((first.strip(), second.strip(), value))
            else:
                account.add_bad("the line is not two words and a number", number, line)
    account.n_counted = len(pairs)
    lines = account.close()
    if not pairs:
        raise FormatError(
            f"pairs must hold lines of two words and a score between {delimiter!r}, got none in {path}:"
            f" {lines.describe_bad() or 'the file is empty'}; pass the delimiter of the file"
        )
    return PairFile(pairs, PairLayout(delimiter, (1, 2, 3), 3), lines)


__all__ = ["read_pairs"]
