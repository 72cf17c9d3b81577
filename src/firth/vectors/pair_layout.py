"""Room vectors: finds the layout of a file of scored word pairs: delimiter, columns, heading, decimal mark.

Published sets have many layouts: with or without a heading, an index column, parts of speech, the scores of single
raters in addition to the mean. Whatever the user does not give is guessed from the first lines: from the names in the
heading if they are known, else from the contents of the columns. An ambiguous layout is an error.

Tests: tests/vectors/test_pair_files.py.
"""

from __future__ import annotations

import csv
import itertools
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from firth.errors import FormatError, ParameterError

SAMPLE_LINES = 200
DELIMITER_NAMES = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars", " ": "spaces", None: "white space"}

Line = tuple[int, str]
Column = int | str

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_COMMA_NUMBER = re.compile(r"[+-]?[0-9]+,[0-9]+")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
_WHOLE = re.compile(r"[0-9]+")
_MISSING = {"na", "nan", "none", "null", "inf", "infinity", "nil", "missing"}
_SCORE_NAMES = {
    "similarity",
    "sim",
    "score",
    "scores",
    "mean",
    "humanmean",
    "human",
    "rating",
    "ratings",
    "meanrating",
    "averagerating",
    "avgrating",
    "averagescore",
    "avgscore",
    "meanscore",
    "average",
    "avg",
    "relatedness",
    "relscore",
    "simscore",
    "simlex999",
    "simverb",
    "gold",
    "goldscore",
    "goldsim",
    "judgement",
    "judgment",
    "humanscore",
    "humansimilarity",
    "humanrating",
    "meansimilarity",
    "meanrelatedness",
}
_WORD_STEMS = {"word", "w", "term", "token", "lemma", "verb", "noun", "target", "concept", "item", "phrase", "entity"}
_FIRST_SECOND = (("first", "second"), ("firstword", "secondword"), ("worda", "wordb"), ("wordx", "wordy"))
_TAGS = {
    "n",
    "v",
    "a",
    "r",
    "j",
    "s",
    "adj",
    "adv",
    "noun",
    "verb",
    "adjective",
    "adverb",
    "nn",
    "nns",
    "nnp",
    "jj",
    "rb",
    "vb",
    "vbd",
    "vbg",
    "vbn",
    "vbp",
    "vbz",
}


@dataclass(frozen=True)
class PairLayout:
    """The positions of the two words and the score in a line.

    ``delimiter`` is None for white space; if a line has a tab, None means the tab. ``columns`` are numbers from 1:
    first word, second word, score. ``names`` are the names of these columns in the heading, if there is one.
    ``n_columns`` is the required number of columns of a line. ``decimal`` is the decimal mark of the scores.
    ``guessed`` lists the parts that were guessed: "delimiter", "columns".
    """

    delimiter: str | None
    columns: tuple[int, int, int]
    n_columns: int
    names: tuple[str, str, str] | None = None
    decimal: str = "."
    guessed: tuple[str, ...] = ()

    def describe(self) -> str:
        """A description of the layout in one line."""
        first, second, score = (
            f"{number} ({name!r})" if name else str(number)
            for number, name in zip(self.columns, self.names or ("", "", ""), strict=True)
        )
        mark = DELIMITER_NAMES.get(self.delimiter, repr(self.delimiter))
        comma = ", decimal commas" if self.decimal == "," else ""
        guess = f" ({' and '.join(self.guessed)} guessed)" if self.guessed else ""
        return f"words in columns {first} and {second}, scores in column {score}, separated by {mark}{comma}{guess}"


def validate_layout_parameters(delimiter: str | None, columns: Sequence[Column] | None) -> None:
    """Raise ParameterError for an invalid delimiter or invalid columns."""
    if delimiter is not None and (not isinstance(delimiter, str) or not delimiter):
        raise ParameterError(f"delimiter must be a string that is not empty, got {delimiter!r}")
    if delimiter is not None and set(delimiter) & set('\r\n"'):
        raise ParameterError(f"delimiter must be without quotes and line ends, got {delimiter!r}")
    if columns is None:
        return
    if isinstance(columns, str) or len(columns) != 3 or len(set(columns)) != 3:
        raise ParameterError(f"columns must be three: first word, second word, score, got {columns!r}")
    for column in columns:
        if isinstance(column, bool) or not isinstance(column, (int, str)) or (isinstance(column, int) and column < 1):
            raise ParameterError(f"columns must be names in the heading, or numbers from 1, got {column!r}")


def split_line(line: str, delimiter: str | None) -> list[str]:
    """The fields of a line, without white space around them.

    Raises
    ------
    csv.Error
        A quote is not closed.
    """
    if delimiter is None:
        delimiter = "\t" if "\t" in line else None
    if delimiter is None:
        fields = line.split()
    elif len(delimiter) == 1 and '"' in line:
        fields = next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=delimiter != " "))
    else:
        fields = line.split(delimiter)
    return [field.strip() for field in fields]


def without_empty_end(fields: list[str], n_columns: int) -> list[str]:
    """The fields without empty fields after the first ``n_columns``, which delimiters at the end of a line make."""
    n_fields = len(fields)
    while n_fields > n_columns and not fields[n_fields - 1]:
        n_fields -= 1
    return fields[:n_fields]


def is_number(text: str) -> bool:
    """Whether a field is a number, with a decimal point or a decimal comma."""
    return bool(_NUMBER.fullmatch(text) or _COMMA_NUMBER.fullmatch(text))


def find_layout(
    path: str | os.PathLike[str], lines: Sequence[Line], delimiter: str | None, columns: Sequence[Column] | None
) -> tuple[PairLayout | None, bool]:
    """The layout of a file and whether its first line is a heading, from its lines without blank lines and comments.

    The layout is None if no line has a number in its third column or later.

    Raises
    ------
    FormatError
        The layout is ambiguous, or the words are in contexts.
    ParameterError
        The file does not have the given columns.
    """
    sample = lines[:SAMPLE_LINES]
    guessed = tuple(name for name, value in (("delimiter", delimiter), ("columns", columns)) if value is None)
    if delimiter is None:
        delimiter = _guess_delimiter(sample)
    rows = [_try_split(line, delimiter) for _, line in sample]
    data = rows[1:] if rows and not any(map(is_number, rows[0])) else rows
    if columns is None and any(sum("<b>" in field for field in row) >= 2 for row in data):
        raise FormatError(
            f"{path} must have words without contexts, got the format of SCWS, whose scores depend on a sentence;"
            " use a set of words without contexts, or give three columns to read the pairs without their contexts"
            " (--columns, columns=)"
        )
    heading = rows[0] if len(rows) > 1 else []
    n_columns = _usual_width(data, len(heading))
    table = [row for row in data if len(row) == n_columns]
    while n_columns and not any(row[n_columns - 1] for row in table):
        n_columns -= 1
    if n_columns < 3:
        return None, False
    table = [row[:n_columns] for row in table]
    heading = without_empty_end(heading, n_columns)
    if columns is not None:
        chosen = _resolve_columns(path, columns, heading, n_columns)
        named = any(isinstance(column, str) for column in columns)
    else:
        by_name = _columns_by_name(path, heading, table) if len(heading) == n_columns else None
        named = by_name is not None
        found = by_name or _columns_by_content(path, table, delimiter)
        if found is None:
            return None, False
        chosen = found
    has_heading = named or _is_heading(heading, chosen, n_columns, table)
    if columns is None and has_heading and not named:
        after = [place for place in range(chosen[1] + 1, n_columns) if _holds_numbers(table, place)]
        if len(after) > 1:  # the heading says which column is the score, but its names are unknown here
            raise _unclear(path, heading)
    names = None
    if has_heading and len(heading) == n_columns:
        names = (heading[chosen[0]], heading[chosen[1]], heading[chosen[2]])
    first, second, score = (place + 1 for place in chosen)
    return PairLayout(delimiter, (first, second, score), n_columns, names, guessed=guessed), has_heading


def find_decimal(scores: Sequence[str]) -> tuple[str, str | None]:
    """The decimal mark of a column, and the reason for which its numbers with commas are refused, or None."""
    commas = [score for score in scores if _COMMA_NUMBER.fullmatch(score)]
    if not commas:
        return ".", None
    numbers = [score for score in scores if _NUMBER.fullmatch(score)]
    if any("." in score for score in numbers):
        return ".", "the score has a decimal comma, while other scores have a decimal point; write points"
    if all(_THOUSANDS.fullmatch(score) for score in commas) and any(float(score) != 0 for score in numbers):
        return ".", "the comma of the score may be a decimal comma or separate thousands; write only decimal points"
    return ",", None


def _try_split(line: str, delimiter: str | None) -> list[str]:
    try:
        return split_line(line, delimiter)
    except csv.Error:
        return []  # reported as a bad line when the file is read


def _guess_delimiter(sample: Sequence[Line]) -> str | None:
    """The delimiter that gives the most lines with the same number of fields, at least three, one of them a number."""
    lines = [line for _, line in sample]
    with_tabs = sum("\t" in line for line in lines)
    if 2 * with_tabs > len(lines) and _count_fitting(lines, "\t"):
        return "\t" if with_tabs == len(lines) else None
    best, most = None, 0
    for delimiter in (";", ",", "|", None):
        n_fitting = _count_fitting(lines, delimiter)
        if n_fitting > most:
            best, most = delimiter, n_fitting
    return best


def _count_fitting(lines: Sequence[str], delimiter: str | None) -> int:
    rows = [row for row in (_try_split(line, delimiter) for line in lines) if any(map(is_number, row))]
    width = _usual_width(rows, 0)
    return sum(len(row) == width for row in rows) if width >= 3 else 0


def _usual_width(rows: Sequence[Sequence[str]], preferred: int) -> int:
    """The most frequent number of fields. If several are equally frequent: ``preferred``, else the smallest."""
    counts = Counter(len(row) for row in rows if row)
    return min(counts, key=lambda width: (-counts[width], width != preferred, width), default=0)


def _resolve_columns(
    path: str | os.PathLike[str], columns: Sequence[Column], heading: Sequence[str], n_columns: int
) -> tuple[int, int, int]:
    places = []
    for column in columns:
        if isinstance(column, int):
            if column > n_columns:
                raise ParameterError(f"columns must be at most {n_columns}, the number in {path}, got {column}")
            places.append(column - 1)
            continue
        matches = [place for place, name in enumerate(heading) if name == column] or [
            place for place, name in enumerate(heading) if name.casefold() == column.casefold()
        ]
        if len(matches) != 1 or len(heading) != n_columns:
            what = "no column" if not matches else f"{len(matches)} columns" if len(matches) > 1 else "a column"
            raise ParameterError(
                f"columns must be names in the first line of {path} ({', '.join(map(repr, heading))}), which has"
                f" {len(heading)} columns where other lines have {n_columns}, or numbers from 1;"
                f" {column!r} is {what} of it"
            )
        places.append(matches[0])
    first, second, score = places
    if len(set(places)) != 3:
        raise ParameterError(f"columns must be three different columns, got {columns!r}")
    return first, second, score


def _columns_by_name(
    path: str | os.PathLike[str], heading: Sequence[str], table: Sequence[Sequence[str]]
) -> tuple[int, int, int] | None:
    names = ["".join(filter(str.isalnum, name.casefold())) for name in heading]
    pairs = [
        (first, second)
        for first, name in enumerate(names)
        for second, other in enumerate(names)
        if (name, other) in _FIRST_SECOND
        or (name[:-1] in _WORD_STEMS and (name, other) == (name[:-1] + "1", name[:-1] + "2"))
    ]
    scores = [place for place, name in enumerate(names) if name in _SCORE_NAMES]
    if len(pairs) != 1:
        return None
    if not scores:
        return None
    if len(scores) > 1:
        raise FormatError(
            f"{path} must have one column of scores, got {', '.join(repr(heading[place]) for place in scores)};"
            " name the three columns (--columns, columns=)"
        )
    return *pairs[0], scores[0]


def _columns_by_content(
    path: str | os.PathLike[str], table: Sequence[Sequence[str]], delimiter: str | None
) -> tuple[int, int, int] | None:
    """Find two columns of words and one of numbers among any others; FormatError if the choice is ambiguous."""
    n_columns = len(table[0])
    numbers = [place for place in range(n_columns) if _holds_numbers(table, place)]
    if numbers and numbers[0] == 0 and n_columns > 3 and _counts_up(table):
        numbers = numbers[1:]  # an index
    if not numbers:
        return None
    if n_columns == 3 and numbers == [0, 1, 2]:
        return 0, 1, 2  # words may be numbers, such as ids and years
    if len(numbers) == 3 and n_columns == 4 and numbers[0] == 1:
        return 1, 2, 3  # the same after an index column
    texts = [place for place in range(n_columns) if not _holds_numbers(table, place)]
    if len(texts) > 2:
        texts = [place for place in texts if not all(row[place].casefold() in _TAGS for row in table)]
    places: tuple[int, int, int] | None = None
    for score in numbers:
        before = [place for place in texts if place < score]
        if len(before) == 2 and not any(before[0] < place < before[1] for place in numbers):
            places = before[0], before[1], score
            break
    if places is None and len(texts) == 2 and len(numbers) == 1:
        places = texts[0], texts[1], numbers[0]
    if places is None or (places[2] > places[1] and numbers[0] < places[0]):
        raise _unclear(path, table[0])
    score = places[2]
    following = score + 1
    if (
        delimiter == ","
        and following in numbers
        and all(_WHOLE.fullmatch(row[place]) for row in table for place in (score, following))
    ):
        raise FormatError(
            f"{path} has only whole numbers in the columns {score + 1} and {following + 1}, which may be one number"
            f" with a decimal comma ({table[0][score]},{table[0][following]}); write points,"
            " or name the three columns (--columns, columns=)"
        )
    return places


def _unclear(path: str | os.PathLike[str], fields: Sequence[str]) -> FormatError:
    return FormatError(
        f"{path} must have exactly two columns of words and one of scores, got {len(fields)} columns:"
        f" {', '.join(map(repr, fields[:12]))}; give the three columns (--columns, columns=)"
    )


def _holds_numbers(table: Sequence[Sequence[str]], place: int) -> bool:
    return 2 * sum(is_number(row[place]) for row in table) > len(table)


def _counts_up(table: Sequence[Sequence[str]]) -> bool:
    cells = [row[0] for row in table]
    if not all(_WHOLE.fullmatch(cell) for cell in cells):
        return False
    return all(int(later) > int(earlier) for earlier, later in itertools.pairwise(cells))


def _is_heading(
    heading: Sequence[str], chosen: tuple[int, int, int], n_columns: int, table: Sequence[Sequence[str]]
) -> bool:
    """Whether the first line has the names of columns, and is not a pair with a damaged score.

    A damaged score is a number with other characters, or a word for "missing". The words of a damaged pair are often in
    other pairs too; names of columns are not.
    """
    if len(heading) != n_columns:
        names = {"".join(filter(str.isalnum, field.casefold())) for field in heading}
        known = _SCORE_NAMES | {stem + mark for stem in _WORD_STEMS for mark in ("", "1", "2")}
        return len(names & known) >= 2
    score = heading[chosen[2]]
    if not score[:1].isalpha() or score.casefold() in _MISSING:
        return False
    words = {row[place] for row in table for place in chosen[:2]}
    return not any(heading[place] in words for place in chosen[:2])


__all__ = [
    "Column",
    "PairLayout",
    "find_decimal",
    "find_layout",
    "is_number",
    "split_line",
    "validate_layout_parameters",
    "without_empty_end",
]
