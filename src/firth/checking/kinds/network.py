"""Room checking: forward_backward_prop: the two-layer network with packed parameters W1, b1, W2, b2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.checking.kinds.softmax_cost import wrong_logit_gradients
from firth.checking.objective import Case, Reading, ReadingSpec, blocks_agree, grade_objective
from firth.checking.outcomes import Blocks, Outcome, read_block, read_outcome
from firth.checking.report import Finding, FunctionReport
from firth.checking.stability import Sample, check_scores
from firth.checking.subject import Slot, Subject, SubjectError
from firth.numerics import sigmoid, sigmoid_gradient, softmax
from firth.numerics.gradient_check.patterns import diagnose_product_of_sums
from firth.numerics.network import network_loss_and_gradient, pack_network

Array = NDArray[np.float64]

SLOTS = (
    Slot("data", ("data", "x", "inputs", "input")),
    Slot("labels", ("labels", "label", "y", "t")),
    Slot("params", ("params", "parameters", "param", "theta", "weights")),
    Slot("dimensions", ("dimensions", "dims", "dimension", "dim", "sizes"), optional=True, supplied_as="dimensions"),
)
RETURNS = "(cost, grad)"
BLOCKS = ("W1", "b1", "W2", "b2")

# M examples, Dx, H, Dy. Twice the same sizes: a scale that depends on sizes alone must agree.
SIZES = ((6, 3, 4, 5), (1, 3, 4, 5), (4, 5, 2, 3), (6, 3, 4, 5), (4, 5, 2, 3), (20, 10, 5, 10))


def grade(subject: Subject) -> FunctionReport:
    cases = [_make_case(subject, seed, *sizes) for seed, sizes in enumerate(SIZES, start=51)]
    report = grade_objective(
        subject,
        cases,
        {"stated": ReadingSpec(True)},
        has_reduction=True,
        diagnose=lambda case, outcome, reading, factor: _diagnose(subject, case, outcome, reading, factor),
    )
    findings = list(report.findings)
    if report.verdict == "correct":
        findings.extend(_check_soft_labels(subject, report.conventions.reduction))
    exact = report.verdict == "correct" and report.conventions.reduction in ("sum", "mean")
    samples = [_output_sampler(subject, label) for label in (0, 1)] + [_hidden_sampler(subject, s) for s in (1, -1)]
    findings.extend(check_scores(samples, accuracy=exact))
    return FunctionReport(report.name, report.kind, report.verdict, report.conventions, tuple(findings))


def _make_case(subject: Subject, seed: int, n_examples: int, n_inputs: int, n_hidden: int, n_classes: int) -> Case:
    generator = np.random.RandomState(seed)
    sizes = (n_inputs, n_hidden, n_classes)
    data = generator.standard_normal((n_examples, n_inputs))
    classes = generator.randint(n_classes, size=n_examples)
    labels = np.eye(n_classes)[classes]
    values = {
        "W1": generator.standard_normal((n_inputs, n_hidden)),
        "b1": generator.standard_normal((1, n_hidden)),
        "W2": generator.standard_normal((n_hidden, n_classes)),
        "b2": generator.standard_normal((1, n_classes)),
    }
    cost, gradients = _exact(values, data, labels)
    return Case(
        f"{n_examples} examples",
        _evaluator(subject, data, labels),
        values,
        {"stated": Reading(cost, gradients)},
        {"M": n_examples, "Dx": n_inputs, "H": n_hidden, "Dy": n_classes},
        {"data": data, "labels": labels, "params": _pack(values), "dimensions": list(sizes)},
    )


def _exact(values: Blocks, data: Array, labels: Array) -> tuple[float, Blocks]:
    n_inputs, n_hidden = values["W1"].shape
    sizes = (n_inputs, n_hidden, values["W2"].shape[1])
    cost, gradient = network_loss_and_gradient(_pack(values), data, labels, sizes, reduction="sum")
    return cost, _unpack(np.asarray(gradient, np.float64), values)


def _pack(values: Blocks) -> Array:
    return np.asarray(pack_network(*(values[name] for name in BLOCKS)), np.float64)


def _unpack(packed: Array, like: Blocks) -> Blocks:
    blocks, start = {}, 0
    for name in BLOCKS:
        size = like[name].size
        blocks[name] = packed[start : start + size].reshape(like[name].shape).copy()
        start += size
    return blocks


def _evaluator(subject: Subject, data: Array, labels: Array) -> Callable[[Blocks], Outcome]:
    def evaluate(values: Blocks) -> Outcome:
        packed = _pack(values)
        dimensions = [*values["W1"].shape, values["W2"].shape[1]]
        arguments: dict[str, Any] = {"data": data, "labels": labels, "params": packed, "dimensions": dimensions}
        result = subject.call(arguments, SLOTS)
        if isinstance(result, (tuple, list)) and len(result) == 1 + len(BLOCKS):
            return read_outcome(result, {name: values[name].shape for name in BLOCKS}, RETURNS)
        packed_outcome = read_outcome(result, {"grad": packed.shape}, RETURNS)
        grad, note = read_block(packed_outcome.blocks["grad"], packed.shape, "grad")
        notes = packed_outcome.shape_notes + ([note] if note else [])
        if grad.shape != packed.shape:
            grad = np.full(packed.shape, np.nan)
        return Outcome(packed_outcome.cost, _unpack(grad, values), notes)

    return evaluate


def _diagnose(subject: Subject, case: Case, outcome: Outcome, reading: Reading, factor: float) -> list[Finding]:
    findings = _confirm_product_of_sums(subject, case, outcome, reading, factor)
    data, labels = case.inputs["data"], case.inputs["labels"]
    weights = {name: case.values[name] for name in BLOCKS}
    hidden_scores = data @ weights["W1"] + weights["b1"]
    hidden = np.asarray(sigmoid(hidden_scores))
    probabilities = np.asarray(softmax(hidden @ weights["W2"] + weights["b2"]))
    evidence = {"inputs": case.inputs, "expected": reading.gradients, "got": outcome.blocks}
    output_is_right = _same(outcome, reading.gradients, ("W2", "b2"), factor)
    if not output_is_right:
        for message, code, errors in wrong_logit_gradients(probabilities, labels):
            blocks = {"W2": hidden.T @ errors, "b2": errors.sum(axis=0, keepdims=True)}
            if _same(outcome, blocks, ("W2",), factor) or _same(outcome, blocks, ("b2",), factor):
                findings.append(Finding(code, "error", message, {"evidence": evidence}))
                break
        return findings
    if _same(outcome, reading.gradients, ("W1", "b1"), factor):
        return findings
    errors = (probabilities - labels) @ weights["W2"].T
    slope = np.asarray(sigmoid_gradient(hidden))
    wrong_slopes = (
        ("the derivative of the hidden sigmoid is missing", np.ones_like(hidden)),
        (
            "sigmoid_grad was given the sigmoid's input; it takes its value",
            np.asarray(sigmoid_gradient(hidden_scores)),
        ),
        (
            "the sigmoid was applied twice before its derivative",
            np.asarray(sigmoid_gradient(np.asarray(sigmoid(hidden)))),
        ),
        ("the hidden units h are used in place of their derivative h (1 - h)", hidden),
        ("the derivative of the hidden sigmoid was applied twice", slope**2),
        ("1 - h is used in place of the derivative h (1 - h)", 1 - hidden),
    )
    for message, wrong in wrong_slopes:
        hidden_errors = errors * wrong
        blocks = {"W1": data.T @ hidden_errors, "b1": hidden_errors.sum(axis=0, keepdims=True)}
        if _same(outcome, blocks, ("W1",), factor) or _same(outcome, blocks, ("b1",), factor):
            findings.append(Finding("sigmoid-derivative", "error", message, {"evidence": evidence}))
            break
    return findings


def _same(outcome: Outcome, expected: Blocks, names: tuple[str, ...], factor: float) -> bool:
    got = {name: outcome.blocks[name] for name in names}
    return blocks_agree(got, {name: expected[name] for name in names}, factor)


def _confirm_product_of_sums(
    subject: Subject, case: Case, outcome: Outcome, reading: Reading, factor: float
) -> list[Finding]:
    """A wrong block of rank one, whose gradient over a batch is neither the sum nor the mean over the examples."""
    data, labels = case.inputs["data"], case.inputs["labels"]
    suspicious = [
        name
        for name in ("W1", "W2")
        if not _same(outcome, reading.gradients, (name,), factor)
        and np.all(np.isfinite(outcome.blocks[name]))
        and diagnose_product_of_sums(outcome.blocks[name], reading.gradients[name]) is not None
    ]
    if not suspicious or len(data) < 2:
        return []
    try:
        singles = [_evaluator(subject, data[[i]], labels[[i]])(case.values) for i in range(len(data))]
    except SubjectError:
        return []
    findings = []
    for name in suspicious:
        total = np.sum([single.blocks[name] for single in singles], axis=0)
        got = {name: outcome.blocks[name]}
        if blocks_agree(got, {name: total}, 1.0) or blocks_agree(got, {name: total / len(data)}, 1.0):
            continue
        message = (
            f"{name}: a product of sums over the batch is used in place of a sum of products: the block has rank one,"
            " and it is neither the sum nor the mean of the gradients of single examples"
        )
        evidence = {
            "inputs": case.inputs,
            "expected": {name: factor * reading.gradients[name]},
            "got": got,
            "sum_of_examples": total,
        }
        findings.append(Finding("product-of-sums", "error", message, {"evidence": evidence, "block": name}))
    return findings


def _check_soft_labels(subject: Subject, reduction: str | None) -> list[Finding]:
    """Check labels that are probabilities. The course has only one-hot rows, so a wrong result is only a warning."""
    generator = np.random.RandomState(71)
    case = _make_case(subject, 72, 5, 3, 4, 3)
    soft = generator.dirichlet(np.ones(3), size=5)
    hard = case.evaluate(case.values)
    scale = hard.cost / case.readings["stated"].cost
    cost, gradients = _exact(case.values, case.inputs["data"], soft)
    evidence: dict[str, Any] = {"inputs": case.inputs | {"labels": soft}, "expected": scale * cost}
    try:
        outcome = _evaluator(subject, case.inputs["data"], soft)(case.values)
    except SubjectError as error:
        evidence["got"] = error.finding.message
    else:
        agrees = abs(outcome.cost - scale * cost) <= 1e-4 * abs(scale * cost)
        if agrees and blocks_agree(outcome.blocks, gradients, scale):
            return []
        evidence["got"] = outcome.cost
    message = "correct only for one-hot labels: with labels that are probabilities the cost or the gradient is wrong"
    return [Finding("soft-labels", "warning", message, {"evidence": evidence})]


def _output_sampler(subject: Subject, label: int) -> Callable[[float], Sample]:
    """Class 0 is ahead by the score."""
    data, labels = np.ones((1, 2)), np.eye(3)[[label]]

    def sample(score: float) -> Sample:
        values = {
            "W1": np.full((2, 2), 0.3),
            "b1": np.zeros((1, 2)),
            "W2": np.array([[0.1, 0.2, -0.1], [0.3, -0.2, 0.1]]),
            "b2": np.array([[score, 0.0, -0.5]]),
        }
        return _sample(subject, values, data, labels)

    return sample


def _hidden_sampler(subject: Subject, sign: int) -> Callable[[float], Sample]:
    """The hidden units' inputs are at the score."""
    data, labels = np.ones((1, 2)), np.eye(3)[[0]]

    def sample(score: float) -> Sample:
        values = {
            "W1": np.full((2, 2), 0.1),
            "b1": np.array([[sign * score, -sign * score / 2]]),
            "W2": np.array([[0.1, 0.2, -0.1], [0.3, -0.2, 0.1]]),
            "b2": np.zeros((1, 3)),
        }
        return _sample(subject, values, data, labels)

    return sample


def _sample(subject: Subject, values: Blocks, data: Array, labels: Array) -> Sample:
    outcome = _evaluator(subject, data, labels)(values)
    cost, gradients = _exact(values, data, labels)
    return {"cost": outcome.cost, **outcome.blocks}, {"cost": cost, **gradients}
