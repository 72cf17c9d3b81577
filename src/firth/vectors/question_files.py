"""Room vectors: reads files of analogy questions: Google's format, or a table whose heading names the four words.

Tests: tests/vectors/test_pair_files.py.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass

from firth.errors import FormatError
from firth.vectors.evaluation_lines import LineAccount, LineCounts, read_content_lines
from firth.vectors.pair_layout import split_line, without_empty_end

Question = tuple[str, str, str, str]

_UNNAMED = "questions"
_SECTION_NAMES = ("type", "category", "section", "relation")
_TABLE_WORDS = ("word1", "word2", "word3")
_TABLE_ANSWERS = ("target", "word4")


@dataclass(frozen=True)
class QuestionFile:
    """The questions of a file, the index in ``names`` of each question's section, and the counts of all lines."""

    names: list[str]
    section_ids: list[int]
    questions: list[Question]
    lines: LineCounts


class _Questions:
    def __init__(self) -> None:
        self.names: list[str] = []
        self.section_ids: list[int] = []
        self.questions: list[Question] = []

    def add(self, section_id: int, question: Question) -> None:
        self.section_ids.append(section_id)
        self.questions.append(question)


def read_questions(path: str | os.PathLike[str]) -> QuestionFile:
    """Read analogy questions: lines of four words; a line ``: name`` begins a section.

    A file is read as a table if its first line has the column names word1, word2, word3, target, and optionally type,
    separated by commas, semicolons, tabs or white space.

    Raises
    ------
    StorageError, EncodingError, FormatError
    """
    account, found = LineAccount(), _Questions()
    lines = read_content_lines(path, account)
    table = _find_table(lines[0][1]) if lines else None
    if table is not None:
        account.add_heading(*lines[0])
        _read_table(lines[1:], *table, found, account)
    else:
        _read_sections(lines, found, account)
    account.n_counted = len(found.questions)
    counts = account.close()
    if not found.questions:
        reasons = f": {counts.describe_bad()}" if counts.bad else ""
        raise FormatError(f"{path} must have analogy questions, lines of four words, got none{reasons}")
    return QuestionFile(found.names, found.section_ids, found.questions, counts)


def _read_sections(lines: Sequence[tuple[int, str]], found: _Questions, account: LineAccount) -> None:
    for number, line in lines:
        words = line.split()
        if line.startswith(":"):
            if len(words) == 4 and words[0] != ":":
                account.add_bad(
                    'the line may be a section or a question; begin a section with ": ", a question with white space',
                    number,
                    line,
                )
            else:
                found.names.append(line[1:].strip())
                account.n_sections += 1
        elif len(words) == 4:
            if not found.names:
                found.names.append(_UNNAMED)
            first, second, third, fourth = words
            found.add(len(found.names) - 1, (first, second, third, fourth))
        else:
            account.add_bad(
                f"the line has {len(words)} {'word' if len(words) == 1 else 'words'}, and a question has 4",
                number,
                line,
            )


def _find_table(line: str) -> tuple[str | None, int, list[int], int | None] | None:
    """Delimiter, number of columns, indices of the four words and of the section, if the line is such a heading."""
    for delimiter in (",", ";", "\t", None):
        names = [name.strip().casefold() for name in line.split(delimiter)]
        answers = [name for name in _TABLE_ANSWERS if name in names]
        if len(answers) == 1 and all(names.count(name) == 1 for name in _TABLE_WORDS):
            sections = [place for place, name in enumerate(names) if name in _SECTION_NAMES]
            places = [names.index(name) for name in (*_TABLE_WORDS, answers[0])]
            return delimiter, len(names), places, sections[0] if sections else None
    return None


def _read_table(
    lines: Sequence[tuple[int, str]],
    delimiter: str | None,
    n_columns: int,
    places: list[int],
    section_place: int | None,
    found: _Questions,
    account: LineAccount,
) -> None:
    ids: dict[str, int] = {}
    for number, line in lines:
        try:
            fields = without_empty_end(split_line(line, delimiter), n_columns)
        except csv.Error:
            account.add_bad("a quote is not closed", number, line)
            continue
        if len(fields) != n_columns:
            account.add_bad(f"the line has {len(fields)} columns, and the heading has {n_columns}", number, line)
            continue
        first, second, third, fourth = (fields[place] for place in places)
        if not (first and second and third and fourth):
            account.add_bad("a word is empty", number, line)
            continue
        name = fields[section_place] if section_place is not None else _UNNAMED
        if name not in ids:
            ids[name] = len(found.names)
            found.names.append(name)
        found.add(ids[name], (first, second, third, fourth))


__all__ = ["Question", "QuestionFile", "read_questions"]
