"""Room checking: the verdict on a function that returns values and not a cost: correct, wrong or broken; child only.

Tests: tests/checking/test_gallery.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.checking.objective import EXACT_TOLERANCE, RIGHT_TOLERANCE
from firth.checking.outcomes import read_block
from firth.checking.report import Conventions, Finding, FunctionReport
from firth.checking.stability import Sample, check_scores
from firth.checking.subject import Slot, Subject, SubjectError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ValueCase:
    """One input and the exact output.

    ``code`` is None for a case that decides the verdict; else it is the code of the warning if the case fails.
    """

    name: str
    arguments: Mapping[str, Any]
    expected: Array
    code: str | None = None
    tolerance: float = RIGHT_TOLERANCE
    message: str = ""


def grade_values(
    subject: Subject,
    slots: Sequence[Slot],
    cases: Sequence[ValueCase],
    *,
    explain_wrong: Callable[[Mapping[str, Any], Array], Finding | None] | None = None,
    samples: Sequence[Callable[[float], Sample]] = (),
    take: Callable[[Any], Any] = lambda result: result,
) -> FunctionReport:
    """The verdict from the deciding cases; warnings from the other cases and from the scores.

    Parameters
    ----------
    explain_wrong : function of the arguments and a wrong result that returns a known explanation
    take : function that selects the values in the function's result

    Raises
    ------
    SubjectError
        The function raises on a deciding case.
    """
    findings: list[Finding] = []
    verdict = "correct"
    for case in cases:
        try:
            result = take(subject.call(case.arguments, slots))
        except SubjectError as error:
            if case.code is None:
                raise
            evidence = {"inputs": dict(case.arguments), "expected": case.expected, "got": error.finding.message}
            message = f"{case.message or case.name}: {error.finding.message}"
            findings.append(Finding(case.code, "warning", message, {"evidence": evidence}))
            continue
        got, note = read_block(result, case.expected.shape, "the result")
        if note is not None and not any(finding.code == "gradient-shape" for finding in findings):
            findings.append(Finding("value-shape", note.severity, note.message, note.details))
        evidence = {"inputs": dict(case.arguments), "expected": case.expected, "got": result}
        error_size = _relative_error(got, case.expected)
        if error_size <= case.tolerance:
            if case.code is None and error_size > EXACT_TOLERANCE:
                message = f"the result is right to a relative error of {error_size:.1e} only"
                findings.append(Finding("inaccurate", "warning", message, {"evidence": evidence}))
            continue
        if case.code is not None:
            message = case.message or f"wrong for {case.name}"
            findings.append(Finding(case.code, "warning", message, {"evidence": evidence}))
            continue
        if verdict == "correct":
            verdict = "wrong"
            known = explain_wrong(case.arguments, got) if explain_wrong is not None else None
            if known is not None:
                findings.append(Finding(known.code, known.severity, known.message, {"evidence": evidence}))
            else:
                message = f"wrong for {case.name}"
                findings.append(Finding("values-wrong", "error", message, {"evidence": evidence}))
    if samples:
        findings.extend(check_scores(samples, accuracy=verdict == "correct"))
    # If the function is wrong in deciding cases, warnings about other inputs would add nothing.
    beside_the_point = {case.code for case in cases} if verdict != "correct" else set()
    unique: dict[str, Finding] = {}
    for finding in findings:
        if finding.code not in beside_the_point:
            unique.setdefault(finding.code, finding)
    return FunctionReport(subject.name, subject.kind, verdict, Conventions(), tuple(unique.values()))


def _relative_error(got: Array, expected: Array) -> float:
    """Largest error, relative to the largest exact value; infinite for another shape or values that are not finite."""
    if got.shape != expected.shape or not np.all(np.isfinite(got)):
        return float("inf")
    if expected.size == 0:
        return 0.0
    scale = np.maximum(np.abs(expected), 1e-3 * np.abs(expected).max())
    return float((np.abs(got - expected) / np.where(scale > 0, scale, 1.0)).max())
