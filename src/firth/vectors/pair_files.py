"""Room vectors: reads files of word pairs with human scores. Every line that is not used is counted."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from firth.errors import FormatError
from firth.vectors.evaluation_lines import LineAccount, LineCounts, read_content_lines
from firth.vectors.pair_layout import (
    Column,
    PairLayout,
    find_decimal,
    find_layout,
    is_number,
    split_line,
    validate_layout_parameters,
    without_empty_end,
)

Pair = tuple[str, str, float]

_TAGGED = re.compile(r".+-[nvjar]")  # MEN's lemma form: sun-n, run-v, red-j


@dataclass(frozen=True)
class PairFile:
    """The pairs of a file, its layout, and the counts of its lines.

    ``has_tags``: every word ends in a part of speech, as in "sun-n". Vectors may have the word without this ending.
    """

    pairs: list[Pair]
    layout: PairLayout
    lines: LineCounts
    has_tags: bool = False


def read_word_pairs(
    path: str | os.PathLike[str], delimiter: str | None = None, columns: Sequence[Column] | None = None
) -> PairFile:
    """Read pairs of words and scores.

    Parameters
    ----------
    path : path
    delimiter : str, optional
        Delimiter of the columns. By default guessed: tab, semicolon, comma, bar, white space.
    columns : sequence of three int or str, optional
        Columns of first word, second word, score: numbers from 1, or names in the heading. By default guessed.

    Raises
    ------
    StorageError, EncodingError
    FormatError
        The file has no pair, or its layout is ambiguous.
    ParameterError
    """
    validate_layout_parameters(delimiter, columns)
    account = LineAccount()
    lines = read_content_lines(path, account)
    layout, has_heading = find_layout(path, lines, delimiter, columns)
    if layout is None:
        first = f", and line {lines[0][0]} is {lines[0][1][:80]!r}" if lines else ""
        raise FormatError(
            f"{path} must have lines of two words and a score, got none in {len(lines):,} lines{first};"
            " give the delimiter (--delimiter, delimiter=) or the columns (--columns, columns=) if they are unusual"
        )
    if has_heading:
        account.add_heading(*lines[0])
    pairs, layout = _read_rows(lines[has_heading:], layout, account)
    counts = account.close()
    if not pairs:
        raise FormatError(
            f"{path} must have lines of two words and a score, got none with {layout.describe()}:"
            f" {counts.describe_bad() or 'no line but the heading'}; give the delimiter (--delimiter, delimiter=)"
            " or the columns (--columns, columns=) if these are wrong"
        )
    has_tags = all(_TAGGED.fullmatch(word) for pair in pairs for word in pair[:2])
    return PairFile(pairs, layout, counts, has_tags)


def without_tag(word: str) -> str:
    """The word without its part of speech: "sun" for "sun-n"."""
    return word[:-2]


def _read_rows(
    lines: Sequence[tuple[int, str]], layout: PairLayout, account: LineAccount
) -> tuple[list[Pair], PairLayout]:
    rows: list[tuple[int, str, str, str, str]] = []
    for number, line in lines:
        try:
            fields = without_empty_end(split_line(line, layout.delimiter), layout.n_columns)
        except csv.Error:
            account.add_bad("a quote is not closed", number, line)
            continue
        if len(fields) != layout.n_columns:
            comma = "; a number with a decimal comma is two of them" if layout.delimiter == "," else ""
            account.add_bad(
                f"the line has {len(fields)} columns where {layout.n_columns} are usual{comma}", number, line
            )
            continue
        first, second, score = (fields[place - 1] for place in layout.columns)
        if not (first or second or score):
            account.n_blank += 1  # only an index: pandas writes a row of missing values like this
        elif not first or not second:
            account.add_bad("a word is empty", number, line)
        elif not score:
            account.add_bad("the score is empty", number, line)
        elif not is_number(score):
            account.add_bad("the score is not a finite number", number, line)
        else:
            rows.append((number, line, first, second, score))
    decimal, refused = find_decimal([row[-1] for row in rows])
    pairs: list[Pair] = []
    for number, line, first, second, score in rows:
        if "," in score and refused:
            account.add_bad(refused, number, line)
        elif not math.isfinite(value := float(score.replace(",", "."))):
            account.add_bad("the score is not a finite number", number, line)
        else:
            pairs.append((first, second, value))
    account.n_counted = len(pairs)
    return pairs, PairLayout(layout.delimiter, layout.columns, layout.n_columns, layout.names, decimal, layout.guessed)


__all__ = ["Pair", "PairFile", "read_word_pairs", "without_tag"]
