"""Room checking: one function of one file, graded: loaded, called, reported; runs inside the child process only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firth.checking.discovery import GENERIC_KIND, SourceUnit
from firth.checking.kinds import GRADERS, generic
from firth.checking.loader import LoadedFile, load_units
from firth.checking.report import Finding, FunctionReport
from firth.checking.subject import Subject, SubjectError, TimeLimitError, describe_exception, stop_alarm


def grade_function(
    units: Sequence[SourceUnit], folder: Path, name: str, kind: str, *, certain: bool = True
) -> FunctionReport | None:
    """The report on one function; None for an f(x) that was not asked for and is none.

    Never raises on the function's account: whatever it does within the limits is a verdict.
    """
    labels = tuple(unit.label for unit in units)
    try:
        loaded = load_units(units, folder)
    except TimeLimitError as error:
        stop_alarm()
        return broken(name, kind, describe_exception(error, labels, name))
    if name in loaded.failures:
        return broken(name, kind, describe_exception(loaded.failures[name], labels, name))
    function = loaded.namespace.get(name)
    if not callable(function):
        message = f"{name} is not a function once the definitions of the file have been executed"
        return broken(name, kind, Finding("raises", "error", message))
    subject = Subject(name, kind, function, loaded.namespace, labels)
    try:
        is_generic = kind == GENERIC_KIND
        report = generic.grade(subject, certain=certain) if is_generic else GRADERS[kind](subject)
    except generic.NotGenericError:
        return None
    except SubjectError as error:
        report = broken(name, kind, error.finding)
    except (TimeLimitError, MemoryError) as error:
        stop_alarm()
        if not certain:
            return None
        report = broken(name, kind, subject.describe_exception(error))
    return _with_notes(report, subject, loaded)


def broken(name: str, kind: str, finding: Finding) -> FunctionReport:
    return FunctionReport(name, kind, "broken", findings=(finding,))


def _with_notes(report: FunctionReport, subject: Subject, loaded: LoadedFile) -> FunctionReport:
    findings = list(report.findings)
    if subject.modified and "input-modified" not in report.codes:
        names = ", ".join(sorted(subject.modified))
        details: dict[str, Any] = {"arguments": sorted(subject.modified)}
        message = f"the function changes its argument {names} in place; the caller's array is no longer what it was"
        findings.append(Finding("input-modified", "warning", message, details))
    supplied = loaded.supplied_for(subject.name)
    if supplied:
        message = f"supplied by the grader, as the file does not define it: {', '.join(supplied)}"
        findings.append(Finding("supplied", "note", message, {"names": list(supplied)}))
    order = {"error": 0, "warning": 1, "note": 2}
    findings.sort(key=lambda finding: order[finding.severity])
    return FunctionReport(report.name, report.kind, report.verdict, report.conventions, tuple(findings))
