"""Room checking: grades one function of a file: loads, calls and reports. Runs only in the child process.

Tests: tests/checking/test_gallery.py.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firth.checking.discovery import GENERIC_KIND, SourceUnit, kind_of_name
from firth.checking.kinds import GRADERS, generic
from firth.checking.loader import LoadedFile, load_units, parse_units
from firth.checking.older import NUMPY, OldNumPy
from firth.checking.report import Finding, FunctionReport
from firth.checking.stubs import describe_stub, find_definition, has_empty_region
from firth.checking.subject import (
    Subject,
    SubjectError,
    TimeLimitError,
    describe_exception,
    describe_place,
    place_in_words,
    stop_alarm,
)
from firth.checking.supplied import COURSE_FUNCTIONS, COURSE_MODULES

# Course functions that may return another shape in an author's file and still be correct.
_OF_ANY_SHAPE = ("softmax", "sigmoid", "sigmoid_grad", "normalizeRows")
# Verdicts that a second grading cannot change: the function did not finish, or it is not written.
_FINAL_CODES = frozenset(["limit", "crash", "not-implemented"])


def grade_function(
    units: Sequence[SourceUnit], folder: Path, name: str, kind: str, *, certain: bool = True
) -> FunctionReport | None:
    """The report on one function; None if the function was not requested and is not an f(x).

    No exception of the function is raised here: all behaviour within the limits becomes a verdict. A function that is
    not correct is graded again for three explanations: it is a stub; it is correct with its author's own functions in
    place of the supplied functions; it is correct under the rules of NumPy 1.
    """
    task = _Task(units, folder, name, kind, certain)
    report = task.grade()
    if report is None:
        return None
    stub = task.describe_stub(report)
    if stub is not None:
        return stub
    if report.verdict == "correct" or set(report.codes) & _FINAL_CODES:
        return report
    try:
        return task.grade_with_own_functions(report) or task.grade_by_old_numpy(report) or report
    except TimeLimitError:
        stop_alarm()
        return report  # the time limit was reached in the second grading, not in the first


@dataclass(frozen=True)
class _Task:
    units: Sequence[SourceUnit]
    folder: Path
    name: str
    kind: str
    certain: bool

    def grade(
        self, old_numpy: OldNumPy | None = None, own: Mapping[str, Callable[..., Any]] | None = None
    ) -> FunctionReport | None:
        name, kind = self.name, self.kind
        labels = tuple(unit.label for unit in self.units)
        try:
            loaded = load_units(self.units, self.folder, old_numpy=old_numpy)
        except TimeLimitError as error:
            stop_alarm()
            return broken(name, kind, describe_exception(error, labels, name))
        if name in loaded.failures:
            return broken(name, kind, describe_exception(loaded.failures[name], labels, name))
        loaded.replace_supplied(own or {})
        function = loaded.namespace.get(name)
        if not callable(function):
            message = f"{name} is not a function after the definitions of the file were executed"
            return broken(name, kind, Finding("raises", "error", message))
        subject = Subject(name, kind, function, loaded.namespace, labels)
        try:
            is_generic = kind == GENERIC_KIND
            report = generic.grade(subject, certain=self.certain) if is_generic else GRADERS[kind](subject)
        except generic.NotGenericError:
            return None
        except SubjectError as error:
            report = broken(name, kind, error.finding)
        except (TimeLimitError, MemoryError) as error:
            stop_alarm()
            if not self.certain:
                return None
            report = broken(name, kind, subject.describe_exception(error))
        except Exception as error:
            finding = subject.describe_exception(error)
            if "line" not in finding.details:
                raise  # no line of the author is involved: a fault of the grader
            report = broken(name, kind, finding)  # reading the function's result raised an exception
        return _with_notes(report, subject, loaded)

    def describe_stub(self, report: FunctionReport) -> FunctionReport | None:
        """`broken` with `not-implemented` for a function whose text shows that it is not written yet, else None."""
        node = find_definition(self._trees(), self.name)
        if node is None or "not-implemented" in report.codes:
            return None
        if report.verdict == "correct" and self.kind != GENERIC_KIND:
            return None  # what it returned says more than its text; an f(x) that ignores x is no loss of x
        raised = next((f.details["exception"] for f in report.findings if "exception" in f.details), None)
        undefined = raised in ("NameError", "UnboundLocalError")
        if report.verdict == "broken" and "result" not in report.codes and not undefined:
            return None
        if not undefined:
            why = describe_stub(node, self.kind)
        elif has_empty_region(self._text_around(node), node):
            why = "its region YOUR CODE HERE is empty"
        else:
            return None
        if why is None:
            return None
        message = f"{self.name} is not written yet: {why}"
        return broken(self.name, self.kind, Finding("not-implemented", "error", message, {"line": node.lineno}))

    def grade_with_own_functions(self, report: FunctionReport) -> FunctionReport | None:
        """`correct` with `value-shape` if the function is correct with the author's own, correct functions."""
        own = {name: (function, path) for name, function, path in self._own_functions()}
        if not own:
            return None
        second = self.grade(own={name: function for name, (function, _) in own.items()})
        if second is None or second.verdict != "correct":
            return None
        vector = np.array([0.25, 0.5])
        shapes = {name: list(np.shape(function(vector.copy()))) for name, (function, _) in own.items()}
        whose = " and ".join(f"the {name} of {path.name}" for name, (_, path) in own.items())
        said = next(finding.message for finding in report.findings if finding.severity == "error")
        message = (
            f"correct with {whose}, which returns a vector of shape (2,) with the shape"
            f" {', '.join(str(tuple(shape)) for shape in shapes.values())}; with a function that keeps the shape, like"
            f" the course's, it is {report.verdict}: {said}"
        )
        finding = Finding("value-shape", "warning", message, {"shapes": shapes})
        findings = (finding, *(f for f in second.findings if f.code != "value-shape"))
        return FunctionReport(second.name, second.kind, "correct", second.conventions, findings)

    def _own_functions(self) -> Iterator[tuple[str, Callable[..., Any], Path]]:
        """Correct functions with the course's names, in modules of the same folder, that return another shape."""
        for path in self._modules_beside():
            label = str(path)
            inner = load_units([SourceUnit(label, path.read_bytes())], path.parent)
            for name, value in inner.namespace.items():
                kind = kind_of_name(name)
                if kind not in _OF_ANY_SHAPE or not callable(value) or value is COURSE_FUNCTIONS.get(name):
                    continue
                try:
                    report = GRADERS[kind](Subject(name, kind, value, inner.namespace, (label,)))
                except SubjectError:
                    continue
                if report.verdict == "correct" and "value-shape" in report.codes:
                    yield kind, value, path

    def _modules_beside(self) -> Iterator[Path]:
        """Files in the same folder that the file imports, or that have the name of a module of the course."""
        imported = set(COURSE_MODULES)
        for tree in self._trees():
            for node in ast.walk(tree):
                if isinstance(node, ast.Import):
                    imported.update(alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    imported.add(node.module)
        own = {Path(unit.label).name for unit in self.units}
        for module in sorted(imported):
            path = self.folder.joinpath(*module.split(".")).with_suffix(".py")
            if path.is_file() and path.name not in own:
                yield path

    def grade_by_old_numpy(self, report: FunctionReport) -> FunctionReport | None:
        """`broken` with `older-numpy` where NumPy 1's rules make the function right, or take what it fails on."""
        if NUMPY in report.codes:
            return None  # it is named already
        old_numpy = OldNumPy()
        second = self.grade(old_numpy)
        if second is None or not old_numpy.used:
            return None
        first = report.findings[0]
        for (label, line), what in old_numpy.used.items():
            details = describe_place(label, line)
            fails_here = report.verdict == "broken" and details.items() <= first.details.items()
            if second.verdict != "correct" and not fails_here:
                continue
            right = "correct under NumPy 1 but not today" if second.verdict == "correct" else "broken today"
            message = f"{self.name} is {right}, by {place_in_words(details)}: {what}"
            return broken(self.name, self.kind, Finding(NUMPY, "error", message, details))
        return None

    def _trees(self) -> list[ast.Module]:
        return [tree for _, tree in parse_units(self.units) if isinstance(tree, ast.Module)]

    def _text_around(self, node: ast.FunctionDef | ast.Lambda) -> str:
        """The text of the file, or of the notebook cell, in which a function is defined."""
        for unit, tree in parse_units(self.units):
            found = find_definition([tree], self.name) if isinstance(tree, ast.Module) else None
            if found is not None and (found.lineno, found.end_lineno) == (node.lineno, node.end_lineno):
                return unit.source.decode("utf-8", "replace") if isinstance(unit.source, bytes) else unit.source
        return ""


def broken(name: str, kind: str, finding: Finding) -> FunctionReport:
    return FunctionReport(name, kind, "broken", findings=(finding,))


def _with_notes(report: FunctionReport, subject: Subject, loaded: LoadedFile) -> FunctionReport:
    findings = list(report.findings)
    if subject.modified and "input-modified" not in report.codes:
        names = ", ".join(sorted(subject.modified))
        details: dict[str, Any] = {"arguments": sorted(subject.modified)}
        message = f"the function changes its argument {names} in place, so the caller's array is changed"
        findings.append(Finding("input-modified", "warning", message, details))
    supplied = loaded.supplied_for(subject.name)
    if supplied:
        message = f"supplied by the grader, because the file does not define it: {', '.join(supplied)}"
        findings.append(Finding("supplied", "note", message, {"names": list(supplied)}))
    order = {"error": 0, "warning": 1, "note": 2}
    findings.sort(key=lambda finding: order[finding.severity])
    return FunctionReport(report.name, report.kind, report.verdict, report.conventions, tuple(findings))
