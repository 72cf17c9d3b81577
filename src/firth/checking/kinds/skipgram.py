"""Room checking: skipgram: the sum, over the context words, of the cost of predicting the word from the center."""

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
from firth.numerics import skipgram_window

_REPEATS_DROPPED = Finding(
    "repeats-dropped",
    "error",
    "a context word that occurs several times is predicted once: the cost lacks its other terms",
)
_DIRECTION = Finding(
    "direction",
    "error",
    "the center is predicted from each context word: the course's skip-gram predicts each context word from the center",
)
SPECS = {
    "stated": ReadingSpec(True, {"repeats": "accumulate"}),
    "distinct": ReadingSpec(False, {"repeats": "drop"}, (_REPEATS_DROPPED,)),
    "direction": ReadingSpec(False, {"repeats": "accumulate"}, (_DIRECTION,)),
}
_LAST_ONLY = Finding(
    "contexts-overwritten",
    "error",
    "the gradient of a later context word overwrites those before it, where they have to be added",
)
_REPEATS_OVERWRITTEN = Finding(
    "repeats-overwritten", "error", "a context word that stands several times gives its gradient once"
)
SUSPECTS = {
    "last in": _LAST_ONLY,
    "last out": _LAST_ONLY,
    "last": _LAST_ONLY,
    "repeats": _REPEATS_OVERWRITTEN,
    "repeats out": _REPEATS_OVERWRITTEN,
}


def grade(subject: Subject) -> FunctionReport:
    return _window.grade_with_cost_functions(subject, lambda function: _grade(subject, function))


def _grade(subject: Subject, cost_function: CostFunction) -> FunctionReport:
    cases, findings = _window.make_cases(subject, cost_function, _readings)
    report = grade_objective(subject, cases, SPECS, has_reduction=True, suspect_findings=SUSPECTS)
    return FunctionReport(report.name, report.kind, report.verdict, report.conventions, (*report.findings, *findings))


def _readings(center: int, contexts: Sequence[int], window: int, inputs: Array, outputs: Array) -> dict[str, Reading]:
    def exact(context_ids: Sequence[int], direction: str = "center-to-context") -> tuple[float, Blocks]:
        cost, input_gradient, output_gradient = skipgram_window(
            center, context_ids, inputs, outputs, loss="softmax", direction=direction, reduction="sum"
        )
        n_words = len(inputs)
        gradients = {"gradIn": input_gradient.to_dense(n_words), "gradOut": output_gradient.to_dense(n_words)}
        return cost, {name: np.asarray(value) for name, value in gradients.items()}

    cost, right = exact(contexts)
    last = exact(contexts[-1:])[1]
    once = exact(list(dict.fromkeys(contexts)))
    suspects = {
        "last in": {"gradIn": last["gradIn"], "gradOut": right["gradOut"]},
        "last out": {"gradIn": right["gradIn"], "gradOut": last["gradOut"]},
        "last": last,
        "repeats": once[1],
        "repeats out": {"gradIn": right["gradIn"], "gradOut": once[1]["gradOut"]},
    }
    reversed_cost, reversed_gradients = exact(contexts, "context-to-center")
    return {
        "stated": Reading(cost, right, functools.partial(dict, suspects)),
        "distinct": Reading(*once),
        "direction": Reading(reversed_cost, reversed_gradients),
    }
