"""Room checking: finds the score from which a cost or gradient is not finite, or inaccurate; changes no verdict.

Tests: tests/checking/test_gallery.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from firth.checking.outcomes import read_block
from firth.checking.report import Finding
from firth.checking.subject import SubjectError

SCORES = (1, 5, 10, 20, 30, 40, 80, 160, 320, 640, 720, 760, 1000)
INACCURATE = 1e-6  # error relative to the exact value; absolute if the exact value is below one

# The function's values at a score and the exact values: arrays, by name.
Sample = tuple[dict[str, Any], dict[str, Any]]


def check_scores(samples: Sequence[Callable[[float], Sample]], *, accuracy: bool, what: str = "score") -> list[Finding]:
    """At most one finding ``not-finite`` and one ``inaccurate``, with the smallest integer score of each.

    Parameters
    ----------
    samples : for each way to reach a score, the function's values and the exact ones at it
    accuracy : whether to compare the values as well
    """
    worst: dict[str, tuple[int, Any]] = {}
    for sample in samples:
        good = 0
        for score in SCORES:
            code, evidence = _judge(sample, score, accuracy)
            if code is None:
                good = score
                continue
            first = _bisect(sample, good, score, code, accuracy)
            if code not in worst or first < worst[code][0]:
                worst[code] = (first, evidence if first == score else _judge(sample, first, accuracy)[1])
            if code == "not-finite":
                break
            good = score
            # Values that are inaccurate at this score may be not finite at a larger one.
            further = [s for s in SCORES if s > score]
            failing = next((s for s in further if _judge(sample, s, False)[0] is not None), None)
            if failing is not None:
                below = max(s for s in SCORES if s < failing)
                start = _bisect(sample, below, failing, "not-finite", False)
                if "not-finite" not in worst or start < worst["not-finite"][0]:
                    worst["not-finite"] = (start, _judge(sample, start, False)[1])
            break
    findings = []
    if "not-finite" in worst:
        score, evidence = worst["not-finite"]
        message = f"not finite from a {what} of {score} on, where the exact value is finite"
        findings.append(Finding("not-finite", "warning", message, {"score": score, "evidence": evidence}))
    if "inaccurate" in worst:
        score, evidence = worst["inaccurate"]
        message = f"inaccurate from a {what} of {score} on"
        findings.append(Finding("inaccurate", "warning", message, {"score": score, "evidence": evidence}))
    return findings


def _judge(sample: Callable[[float], Sample], score: int, accuracy: bool) -> tuple[str | None, Any]:
    try:
        got, exact = sample(score)
    except SubjectError as error:
        return "not-finite", {"inputs": {"score": score}, "expected": "a finite value", "got": error.finding.message}
    for name, right in exact.items():
        right = np.asarray(right, np.float64)
        value, _ = read_block(got[name], right.shape, name)
        evidence = {"inputs": {"score": score}, "expected": {name: right}, "got": {name: value}}
        if not np.all(np.isfinite(value)):
            return "not-finite", evidence
        if accuracy and value.shape == right.shape:
            allowed = INACCURATE * np.maximum(1.0, np.abs(right))
            if np.any(np.abs(value - right) > allowed):
                return "inaccurate", evidence
    return None, None


def _bisect(sample: Callable[[float], Sample], good: int, bad: int, code: str, accuracy: bool) -> int:
    while bad - good > 1:
        middle = (good + bad) // 2
        if _judge(sample, middle, accuracy)[0] == code:
            bad = middle
        else:
            good = middle
    return bad
