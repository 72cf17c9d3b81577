"""Room checking: reports on functions and files, and their three printed forms.

Tests: tests/cli/test_check.py.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SEVERITIES = ("error", "warning", "note")
VERDICTS = ("correct", "wrong-objective", "wrong-gradient", "wrong", "broken")
CSV_COLUMNS = ("file", "function", "kind", "verdict", "target", "reduction", "repeats", "findings", "error")

MAX_LINE = 240  # characters of a line of evidence in the text form
MAX_EVIDENCE_ELEMENTS = 24  # elements of an array that a finding shows


@dataclass(frozen=True)
class Conventions:
    """The function's choices in questions that the assignment leaves open; None if a question does not apply.

    Attributes
    ----------
    target : "reject", "count" or None
        Treatment of a negative draw that equals the target: drawn again, or counted as a negative.
    reduction : "sum", "mean", "other" or None
        How the terms of several examples (or context vectors) are combined.
    repeats : "accumulate", "overwrite", "drop" or None
        Treatment of a word id that occurs several times.
    """

    target: str | None = None
    reduction: str | None = None
    repeats: str | None = None


@dataclass(frozen=True)
class Finding:
    """One fault or remark, for the author of the function.

    Attributes
    ----------
    code : str
        A code from the list in docs/grader.md.
    severity : "error", "warning" or "note"
        An error makes the verdict other than "correct"; a warning or a note does not.
    message : str
        A sentence for the author.
    details : dict
        Other keys of the JSON object: ``evidence`` (inputs, expected, got), ``line``, ``score``, ``divisor`` ...
    """

    code: str
    severity: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        head = {"code": self.code, "severity": self.severity, "message": self.message}
        return head | {key: plain(value) for key, value in self.details.items()}


@dataclass(frozen=True)
class FunctionReport:
    """The verdict on one function."""

    name: str
    kind: str
    verdict: str
    conventions: Conventions = Conventions()
    findings: tuple[Finding, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(finding.code for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        conventions = self.conventions
        return {
            "name": self.name,
            "kind": self.kind,
            "verdict": self.verdict,
            "conventions": {
                "target": conventions.target,
                "reduction": conventions.reduction,
                "repeats": conventions.repeats,
            },
            "findings": [finding.as_dict() for finding in self.findings],
        }


@dataclass(frozen=True)
class FileReport:
    """The reports on the functions of one file, or the error that explains why there are none.

    ``asked_for`` is False for a file found in a folder. Such a file without a known function is not a failure.
    """

    file: str
    error: str | None = None
    functions: tuple[FunctionReport, ...] = ()
    asked_for: bool = True

    def as_dict(self) -> dict[str, Any]:
        return {"file": self.file, "error": self.error, "functions": [f.as_dict() for f in self.functions]}


def read_report(data: Any, name: str, kind: str) -> FunctionReport:
    """Read the report in a child process's answer. All texts in it are made printable.

    Raises
    ------
    ValueError
        The answer is not a report on the function ``name`` of the ``kind``.
    """
    try:
        if (data["name"], data["kind"]) != (name, kind):
            raise ValueError("it is a report on another function")
        conventions = Conventions(**data["conventions"])
        findings = tuple(_read_finding(item) for item in data["findings"])
        verdict = data["verdict"]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("it is no report") from error
    if verdict not in VERDICTS:
        raise ValueError("it has no known verdict")
    for value, known in zip((conventions.target, conventions.reduction, conventions.repeats), _KNOWN, strict=True):
        if value is not None and value not in known:
            raise ValueError("it has an unknown convention")
    if (verdict == "correct") == any(finding.severity == "error" for finding in findings):
        raise ValueError("its verdict is not that of its findings")
    return FunctionReport(name, kind, verdict, conventions, findings)


_KNOWN = (("reject", "count"), ("sum", "mean", "other"), ("accumulate", "overwrite", "drop"))


def _read_finding(item: dict[str, Any]) -> Finding:
    code, severity, message = (item[key] for key in ("code", "severity", "message"))
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise ValueError("it has a finding without a code")
    if severity not in SEVERITIES or not isinstance(message, str):
        raise ValueError("it has a finding without severity or message")
    details = {key: value for key, value in item.items() if key not in ("code", "severity", "message")}
    return Finding(code, severity, printable(message), printable_within(details))


_CODE = re.compile(r"[a-z0-9-]+")


def printable(text: str) -> str:
    """``text`` on one line, without characters that move a cursor, change a colour or the direction of writing.

    Control and format characters, line ends, surrogates and unassigned code points are written as escapes.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    # Cc, Cf, Cs, Co, Cn; Zl and Zp end lines. Letters and signs of every script are kept, and spaces.
    if unicodedata.category(character)[0] == "C" or character in "\u2028\u2029":
        return character.encode("unicode_escape").decode("ascii")
    return character


def printable_within(value: Any) -> Any:
    """A JSON value in which all texts are made printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(key): printable_within(item) for key, item in value.items()}
    if isinstance(value, list):
        return [printable_within(item) for item in value]
    return value


def exit_status(reports: Sequence[FileReport]) -> int:
    """The exit status: 0 all correct, 1 a function is wrong or broken, 2 a file does not parse or has no function."""
    if any(report.error is not None for report in reports) or not any(report.functions for report in reports):
        return 2
    return int(any(function.verdict != "correct" for report in reports for function in report.functions))


def format_json(reports: Iterable[FileReport]) -> str:
    """JSON Lines: one object for each file, on a line of its own."""
    return "".join(json.dumps(report.as_dict(), ensure_ascii=True, allow_nan=False) + "\n" for report in reports)


def format_csv(reports: Iterable[FileReport], *, header: bool = True) -> str:
    """CSV with a row for each function, and a row for each file without functions; texts are made printable."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    if header:
        writer.writerow(CSV_COLUMNS)
    for report in reports:
        file, error = printable(report.file), printable(report.error or "")
        for function in report.functions:
            conventions = function.conventions
            row = [file, printable(function.name), function.kind, function.verdict]
            row += [conventions.target or "", conventions.reduction or "", conventions.repeats or ""]
            writer.writerow([*row, " ".join(function.codes), error])
        if not report.functions:
            writer.writerow([file, "", "", "", "", "", "", "", error])
    return buffer.getvalue()


def format_text(reports: Sequence[FileReport]) -> str:
    """The text form: a paragraph for each file, and a summary line."""
    return "".join(map(format_file, reports)) + format_summary(reports)


def format_file(report: FileReport) -> str:
    """The text form of one file: a paragraph for each function with its findings; texts are made printable.

    Empty for a file that was found in a folder and has no known function.
    """
    if report.error is None and not report.functions and not report.asked_for:
        return ""
    lines = [printable(report.file)]
    if report.error is not None:
        lines.append(f"  error: {printable(report.error)}")
    for function in report.functions:
        name = printable(function.name)
        lines.append(f"  {name}{_kind_note(function)}: {function.verdict.upper()}{_conventions(function)}")
        shown = False  # only the first error shows evidence; that of other errors would be the same
        for finding in function.findings:
            lines.append(f"    {finding.severity} [{finding.code}] {printable(finding.message)}")
            if finding.severity == "error" and not shown:
                evidence = _evidence_lines(finding)
                lines.extend(evidence)
                shown = bool(evidence)
    return "\n".join(lines) + "\n"


def format_summary(reports: Sequence[FileReport]) -> str:
    functions = [function for report in reports for function in report.functions]
    n_correct = sum(function.verdict == "correct" for function in functions)
    n_files = sum(bool(report.functions) for report in reports)
    return f"{n_correct} of {len(functions)} functions correct, in {n_files} files\n"


def plain(value: Any) -> Any:
    """Convert ``value`` to JSON types. Long arrays are shortened, with a note; NaN and infinity become words."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return number if math.isfinite(number) else str(number)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.ndarray):
        if value.size > MAX_EVIDENCE_ELEMENTS:
            first = [plain(item) for item in value.reshape(-1)[:MAX_EVIDENCE_ELEMENTS]]
            return {"shape": list(value.shape), "first": first}
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    try:
        return repr(value)[:200]
    except Exception as error:  # the author's class, with a __repr__ that fails
        return f"{type(value).__name__} (its repr raises {type(error).__name__})"


def _kind_note(function: FunctionReport) -> str:
    return "" if function.name == function.kind else f" ({function.kind})"


def _conventions(function: FunctionReport) -> str:
    conventions = function.conventions
    pairs = (("target", conventions.target), ("reduction", conventions.reduction), ("repeats", conventions.repeats))
    said = [f"{name} {value}" for name, value in pairs if value is not None]
    return f"   ({', '.join(said)})" if said else ""


def _evidence_lines(finding: Finding) -> list[str]:
    evidence = finding.details.get("evidence")
    if not isinstance(evidence, dict):
        return []
    return [f"      {printable(key)}: {printable(_short(value))}" for key, value in evidence.items()]


def _short(value: Any) -> str:
    text = _rounded(plain(value))
    return text if len(text) <= MAX_LINE else text[: MAX_LINE - 3] + "..."


def _rounded(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return "[" + ", ".join(_rounded(item) for item in value) + "]"
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_rounded(item)}" for key, item in value.items())
    return str(value)
