"""Room checking: softmaxCostAndGradient / naiveSoftmaxLossAndGradient: one prediction over all words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from firth.checking.kinds import _prediction
from firth.checking.kinds._prediction import RETURNS, SLOTS, Array
from firth.checking.objective import Case, Reading, ReadingSpec, blocks_agree, grade_objective
from firth.checking.outcomes import Blocks, Outcome, read_outcome
from firth.checking.report import Finding, FunctionReport
from firth.checking.scripted import ScriptedDataset
from firth.checking.stability import Sample, check_scores
from firth.checking.subject import Subject
from firth.numerics import softmax, softmax_loss

SIZES = ((1, 6, 3, 0), (2, 6, 3, 5), (3, 5, 4, 2), (4, 9, 2, 3))  # seed, V, D, target


def grade(subject: Subject) -> FunctionReport:
    return _prediction.grade_by_forms(subject, lambda form: _grade(subject, form))


def _grade(subject: Subject, form: Callable[[Array], Array]) -> FunctionReport:
    cases = []
    for seed, n_words, n_dims, target in SIZES:
        vector, rows = _prediction.make_vectors(seed, n_words, n_dims)
        cost, gradients = _exact(vector, rows, target)
        cases.append(
            Case(
                f"{n_words} words",
                _evaluator(subject, target, form),
                {"gradPred": vector, "grad": rows},
                {"stated": Reading(cost, gradients)},
                {},
                {"predicted": vector, "target": target, "outputVectors": rows},
            )
        )
    report = grade_objective(subject, cases, {"stated": ReadingSpec(True)}, has_reduction=False, diagnose=_diagnose)
    exact = report.verdict == "correct" and "reduction-other" not in report.codes
    samples = [_sampler(subject, form, target) for target in (0, 1)]
    findings = (*report.findings, *check_scores(samples, accuracy=exact))
    return FunctionReport(report.name, report.kind, report.verdict, report.conventions, findings)


def _exact(vector: Array, rows: Array, target: int) -> tuple[float, Blocks]:
    cost, vector_gradient, row_gradient = softmax_loss(vector, rows, target)
    return cost, {"gradPred": np.asarray(vector_gradient), "grad": np.asarray(row_gradient.to_dense(len(rows)))}


def _evaluator(subject: Subject, target: int, form: Callable[[Array], Array]) -> Callable[[Blocks], Outcome]:
    def evaluate(values: Blocks) -> Outcome:
        vector, rows = values["gradPred"], values["grad"]
        arguments: dict[str, Any] = {
            "predicted": form(vector),
            "target": target,
            "outputVectors": rows,
            "dataset": ScriptedDataset((), len(rows)),
            "K": 10,
        }
        shapes = {"gradPred": vector.shape, "grad": rows.shape}
        return read_outcome(subject.call(arguments, SLOTS), shapes, RETURNS)

    return evaluate


def _sampler(subject: Subject, form: Callable[[Array], Array], target: int) -> Callable[[float], Sample]:
    """Word 0 has the highest score. As the target it costs nothing; as another word it costs the whole difference."""

    def sample(score: float) -> Sample:
        vector, rows = _prediction.vectors_at_score(score, np.array([1.0, 0.0, 0.5, 0.25]))
        outcome = _evaluator(subject, target, form)({"gradPred": vector, "grad": rows})
        cost, gradients = _exact(vector, rows, target)
        return {"cost": outcome.cost, **outcome.blocks}, {"cost": cost, **gradients}

    return sample


def _diagnose(case: Case, outcome: Outcome, reading: Reading, factor: float) -> list[Finding]:
    vector, rows = case.values["gradPred"], case.values["grad"]
    probabilities = np.asarray(softmax(rows @ vector))
    label = np.zeros(len(rows))
    label[case.inputs["target"]] = 1
    for message, code, errors in wrong_logit_gradients(probabilities, label):
        blocks = {"gradPred": rows.T @ errors, "grad": np.outer(errors, vector)}
        matching = [
            name
            for name, block in blocks.items()
            if blocks_agree({name: outcome.blocks[name]}, {name: block}, factor)
            and not blocks_agree({name: outcome.blocks[name]}, {name: reading.gradients[name]}, factor)
        ]
        if matching:
            evidence = {"inputs": case.inputs, "expected": reading.gradients, "got": outcome.blocks}
            return [Finding(code, "error", f"{' and '.join(matching)}: {message}", {"evidence": evidence})]
    return []


def wrong_logit_gradients(probabilities: Array, labels: Array) -> list[tuple[str, str, Array]]:
    """Known wrong gradients of the cross-entropy by the logits: message, code, values. The correct one is p - y."""
    p, y = probabilities, labels
    diagonal = p * (1 - p)
    by_probabilities = -y / p
    jacobian = "softmax-jacobian"
    return [
        (
            "only the diagonal p (1 - p) of the softmax's Jacobian was used; every logit moves every probability",
            jacobian,
            by_probabilities * diagonal,
        ),
        (
            "p - y is already the gradient by the logits; the factor p (1 - p) is one too many",
            jacobian,
            (p - y) * diagonal,
        ),
        ("p (1 - p) is used in place of p - y", jacobian, diagonal),
        (
            "the gradient by the probabilities, -y/p, was used without the softmax's Jacobian",
            jacobian,
            by_probabilities,
        ),
        ("the derivative of the softmax's normaliser is missing: -y is used in place of p - y", jacobian, -y),
        ("the label was not subtracted: p is used in place of p - y", "label-not-subtracted", p),
    ]
