"""Room checking: getNegativeSamples(target, dataset, K): K draws of the dataset, none of them the target."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from firth.checking.report import Conventions, Finding, FunctionReport
from firth.checking.scripted import ScriptedDataset
from firth.checking.subject import Slot, Subject, SubjectError

SLOTS = (
    Slot("target", ("target", "outsidewordidx", "targetidx", "outsideidx")),
    Slot("dataset", ("dataset", "data"), optional=True, supplied_as="dataset"),
    Slot("K", ("k", "negsamples", "n")),
)
# V, target, K, the first draws.
SCRIPTS = (
    (7, 1, 3, (4, 0, 6, 2)),
    (7, 1, 4, (3, 1, 1, 0, 5, 6)),
    (8, 2, 5, (5, 0, 5, 2, 1, 5, 3, 4)),
    (12, 0, 10, (0, 1, 0, 0, 2, 2, 4, 1, 3, 0, 4, 4, 1, 0, 2, 3, 3, 0, 1)),
)


def grade(subject: Subject) -> FunctionReport:
    findings: dict[str, Finding] = {}
    conventions: dict[str, str | None] = {"target": "reject", "repeats": "accumulate"}
    verdict = "correct"
    for n_words, target, k, script in SCRIPTS:
        dataset = ScriptedDataset(script, n_words)
        result = subject.call({"target": target, "dataset": dataset, "K": k}, SLOTS)
        ids = _as_ids(result)
        stream = dataset.stream(20 * k + 20)
        expected = [word_id for word_id in stream if word_id != target][:k]
        evidence = {"inputs": {"target": target, "K": k, "draws": stream[: k + 6]}, "expected": expected, "got": ids}
        finding = _judge(ids, dataset.drawn, target, k, expected)
        if finding is None:
            continue
        findings.setdefault(
            finding.code, Finding(finding.code, finding.severity, finding.message, {"evidence": evidence})
        )
        if finding.code == "repeats-redrawn":
            conventions["repeats"] = None
        else:
            verdict = "wrong"
        if finding.code == "target-drawn":
            conventions["target"] = "count"
        elif finding.code == "draws-dropped":
            conventions["target"] = None
        elif finding.code == "repeats-dropped":
            conventions["repeats"] = "drop"
    if verdict == "wrong" and set(findings) <= {"draws-wrong", "not-drawn"}:
        conventions = {"target": None, "repeats": None}
    return FunctionReport(subject.name, subject.kind, verdict, Conventions(**conventions), tuple(findings.values()))


def _as_ids(result: Any) -> list[int]:
    try:
        values = np.asarray(list(result)).reshape(-1)
        ids = [int(value) for value in values]
    except (TypeError, ValueError, OverflowError) as error:
        message = f"the function must return K word ids, got {type(result).__name__}"
        raise SubjectError(Finding("result", "error", message)) from error
    return ids


def _judge(ids: list[int], drawn: list[int], target: int, k: int, expected: list[int]) -> Finding | None:
    if Counter(ids) == Counter(expected):
        return None
    others = [word_id for word_id in drawn if word_id != target]
    if not drawn:
        return Finding("not-drawn", "error", "the ids are not drawn from the dataset: sampleTokenIdx() was not called")
    if Counter(ids) == Counter(list(dict.fromkeys(others))[:k]) and len(ids) == k:
        message = "a word that was drawn already is drawn again: the negatives are not independent draws"
        return Finding("repeats-redrawn", "warning", message)
    if target in ids:
        if len(ids) == k + 1 and Counter(ids) == Counter([target, *expected]):
            return Finding("target-always-negative", "error", "the target is among the ids on every call")
        return Finding("target-drawn", "error", "a draw that equals the target is kept; it must be drawn again")
    if len(ids) < k and Counter(ids) == Counter(word_id for word_id in drawn[:k] if word_id != target):
        return Finding(
            "draws-dropped", "error", "a draw that equals the target is skipped and not drawn again: fewer than K ids"
        )
    if len(ids) < k and set(ids) == set(expected):
        return Finding("repeats-dropped", "error", "an id that was drawn several times is kept once: fewer than K ids")
    if len(ids) == k and not Counter(ids) - Counter(others):
        return None  # drawn from the dataset, none the target: some draws were passed over
    return Finding("draws-wrong", "error", f"not {k} draws of the dataset other than the target")
