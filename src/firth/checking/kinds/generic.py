"""Room checking: grades any f(x) -> (loss, gradient) by finite differences of its loss, at shapes that it accepts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.checking.report import Finding, FunctionReport
from firth.checking.subject import Subject, SubjectError
from firth.numerics.gradient_check import GradientReport, check_gradient

Array = NDArray[np.float64]

# Tried in this order; the first three that the function accepts are checked.
SHAPES: tuple[tuple[int, ...], ...] = (
    (3,),
    (4, 5),
    (),
    (10,),
    (3, 3),
    (2, 3),
    *((size,) for size in range(1, 25) if size not in (3, 10)),
    (2, 2),
    (4, 4),
    (5, 5),
)
ENOUGH_SHAPES = 3
RANGES = ((-1.5, 1.5), (0.2, 1.5), (0.05, 0.45))  # for any numbers; for positive numbers; for probabilities


class NotGenericError(Exception):
    """A function that looked like an f(x), but was not requested, returns something else."""


def grade(subject: Subject, *, certain: bool = True) -> FunctionReport:
    """The verdict: `correct`, `wrong-gradient` or `broken`.

    Raises
    ------
    NotGenericError
        Not ``certain``, and no trial input gives a scalar and an array in the shape of the input.
    SubjectError
        ``certain``, and no trial input does.
    """
    reports: list[tuple[Array, GradientReport]] = []
    notes: dict[str, Finding] = {}
    failures: list[SubjectError] = []
    for x in _trials(subject, failures, notes):
        reports.append((x, _check(subject, x)))
        if len(reports) == ENOUGH_SHAPES:
            break
    if not reports:
        if not certain:
            raise NotGenericError(subject.name)
        raise _most_telling(failures)
    if not certain and "gradient-shape" in notes:
        raise NotGenericError(subject.name)
    findings = list(notes.values())
    verdict = "correct"
    for x, report in reports:
        if report.ok:
            findings.extend(_findings(report, x, errors=False))
        elif verdict == "correct":
            verdict = "wrong-gradient"
            findings.extend(_findings(report, x, errors=True))
    unique: dict[str, Finding] = {}
    for finding in findings:
        unique.setdefault(finding.code, finding)
    return FunctionReport(subject.name, subject.kind, verdict, findings=tuple(unique.values()))


def _trials(subject: Subject, failures: list[SubjectError], notes: dict[str, Finding]) -> Iterator[Array]:
    taken: set[tuple[int, ...]] = set()
    for shape in SHAPES:
        if shape == (1,) and () in taken:
            continue  # a function of a number: one element in an array is no new case
        for low, high in RANGES:
            x = np.asarray(np.random.RandomState(len(shape) + 5).uniform(low, high, shape))
            try:
                cost, gradient = _evaluate(subject, x, notes)
            except SubjectError as error:
                failures.append(error)
                break
            if np.isfinite(cost) and np.all(np.isfinite(gradient)):
                taken.add(shape)
                yield x
                break


def _evaluate(subject: Subject, x: Array, notes: dict[str, Finding]) -> tuple[float, Array]:
    result = subject.call_plain([x])
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise SubjectError(_result_finding(subject, f"got {type(result).__name__}"))
    try:
        cost = np.asarray(result[0], dtype=np.float64)
        gradient = np.asarray(result[1], dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise SubjectError(_result_finding(subject, "got parts that are not numbers")) from error
    if cost.size != 1:
        raise SubjectError(_result_finding(subject, f"got a loss of shape {cost.shape}"))
    if gradient.size != x.size:
        raise SubjectError(_result_finding(subject, f"got a gradient of shape {gradient.shape} for x of {x.shape}"))
    if cost.ndim:
        message = f"the loss is an array of shape {cost.shape}, not a scalar"
        notes["cost-shape"] = Finding("cost-shape", "warning", message, {"shape": list(cost.shape)})
    if gradient.shape != x.shape:
        message = f"the gradient has the shape {gradient.shape}, not {x.shape}"
        details = {"expected": list(x.shape), "got": list(gradient.shape)}
        severity = "warning" if _squeezed(gradient.shape) == _squeezed(x.shape) else "error"
        notes["gradient-shape"] = Finding("gradient-shape", severity, message, details)
    return float(cost.reshape(-1)[0]), gradient.reshape(x.shape)


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _result_finding(subject: Subject, got: str) -> Finding:
    return Finding(
        "result", "error", f"{subject.name} must return (loss, gradient), the gradient in the shape of x; {got}"
    )


def _check(subject: Subject, x: Array) -> GradientReport:
    def function(point: Any) -> tuple[float, Any]:
        cost, gradient = _evaluate(subject, np.asarray(point), {})
        return cost, gradient

    return check_gradient(function, x)


def _findings(report: GradientReport, x: Array, *, errors: bool) -> Iterator[Finding]:
    worst = report.worst[0] if report.worst else None
    evidence: dict[str, Any] = {"inputs": {"x": x}}
    if worst is not None:
        evidence |= {"position": list(worst.position), "expected": worst.numeric, "got": worst.analytic}
    for diagnosis in report.diagnoses:
        if diagnosis.severity == "error" and not errors:
            continue
        code = "gradient-wrong" if diagnosis.code in ("unrecognized", "coordinates-wrong") else diagnosis.code
        details = dict(diagnosis.evidence) | {"evidence": evidence}
        yield Finding(code, diagnosis.severity, diagnosis.message, details)


def _most_telling(failures: list[SubjectError]) -> SubjectError:
    """The most informative failure: an exception that the function raises comes before a wrong result or shape."""

    def rank(error: SubjectError) -> tuple[bool, bool]:
        return error.finding.code != "result", error.finding.details.get("exception") in ("ValueError", "IndexError")

    return min(failures, key=rank)
