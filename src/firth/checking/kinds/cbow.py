"""Room checking: cbow: the cost of predicting the center from the sum of the context vectors, or from their mean."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from firth.checking.kinds import _window
from firth.checking.kinds._window import Array, CostFunction
from firth.checking.objective import Reading, ReadingSpec, grade_objective
from firth.checking.outcomes import Blocks
from firth.checking.report import Finding, FunctionReport
from firth.checking.subject import Subject
from firth.numerics import cbow_window

_REPEATS_DROPPED = Finding(
    "repeats-dropped", "error", "a context word that occurs several times is used only once in the input"
)


def _other(divisor: str) -> tuple[Finding, ...]:
    message = f"the sum of the context vectors is divided by {divisor}, not by the number of context words"
    return (Finding("reduction-other", "note", message, {"divisor": divisor}),)


_SCALES = ("sum", "mean", "2C", "C")
SPECS: dict[str, ReadingSpec] = {
    "sum": ReadingSpec(True, {"reduction": "sum", "repeats": "accumulate"}),
    "mean": ReadingSpec(True, {"reduction": "mean", "repeats": "accumulate"}),
    "2C": ReadingSpec(True, {"reduction": "other", "repeats": "accumulate"}, _other("2C")),
    "C": ReadingSpec(True, {"reduction": "other", "repeats": "accumulate"}, _other("C")),
    "sum distinct": ReadingSpec(False, {"reduction": "sum", "repeats": "drop"}, (_REPEATS_DROPPED,)),
    "mean distinct": ReadingSpec(False, {"reduction": "mean", "repeats": "drop"}, (_REPEATS_DROPPED,)),
}
_REPEATS_OVERWRITTEN = Finding(
    "repeats-overwritten",
    "error",
    "a context word that occurs several times gets its gradient once: assigning (or adding through an index array)"
    " keeps only the last contribution, but all must be added (np.add.at, or a loop)",
)
_UNDIVIDED = Finding(
    "reduction-mismatch",
    "error",
    "the input is the mean of the context vectors, but each of them gets the whole gradient of that mean: divide it"
    " by their number",
)
_DIVIDED = Finding(
    "reduction-mismatch",
    "error",
    "the input is the sum of the context vectors, but each of them gets the gradient divided by their number",
)
SUSPECTS = {
    "once": _REPEATS_OVERWRITTEN,
    "undivided": _UNDIVIDED,
    "divided": _DIVIDED,
    "undivided once": _REPEATS_OVERWRITTEN,
}


def grade(subject: Subject) -> FunctionReport:
    return _window.grade_with_cost_functions(subject, lambda function: _grade(subject, function))


def _grade(subject: Subject, cost_function: CostFunction) -> FunctionReport:
    cases, findings = _window.make_cases(subject, cost_function, _readings)
    report = grade_objective(subject, cases, SPECS, has_reduction=False, suspect_findings=SUSPECTS)
    return FunctionReport(report.name, report.kind, report.verdict, report.conventions, (*report.findings, *findings))


def _readings(center: int, contexts: Sequence[int], window: int, inputs: Array, outputs: Array) -> dict[str, Reading]:
    def exact(context_ids: Sequence[int], divisor: float) -> tuple[float, Blocks]:
        """The gradient by v of a function of v / divisor is that by v / divisor, over the divisor."""
        cost, input_gradient, output_gradient = cbow_window(
            center, context_ids, inputs / divisor, outputs, loss="softmax", cbow_input="sum"
        )
        return cost, {
            "gradIn": np.asarray(input_gradient.to_dense(len(inputs)), np.float64) / divisor,
            "gradOut": np.asarray(output_gradient.to_dense(len(inputs)), np.float64),
        }

    distinct = list(dict.fromkeys(contexts))
    times = np.array([max(list(contexts).count(word_id), 1) for word_id in range(len(inputs))], dtype=np.float64)
    divisors = dict(zip(_SCALES, (1.0, float(len(contexts)), 2.0 * window, float(window)), strict=True))
    readings = {}
    for name, divisor in divisors.items():
        cost, right = exact(contexts, divisor)
        once = right["gradIn"] / times[:, None]

        def suspect(gradient: Array, right: Blocks = right) -> Blocks:
            return {"gradIn": gradient, "gradOut": right["gradOut"]}

        suspects = {"once": suspect(once)}
        if divisor == 1.0:
            suspects["divided"] = suspect(right["gradIn"] / len(contexts))
        else:
            suspects["undivided"] = suspect(right["gradIn"] * divisor)
            suspects["undivided once"] = suspect(once * divisor)
        readings[name] = Reading(cost, right, functools.partial(dict, suspects))
    readings["sum distinct"] = Reading(*exact(distinct, 1.0))
    readings["mean distinct"] = Reading(*exact(distinct, float(len(distinct))))
    return readings
