"""Room checking: affine and sigmoid layers: forward returns output and cache, backward takes gradient and cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.checking.discovery import kind_of_name
from firth.checking.objective import blocks_agree, general_diagnosis
from firth.checking.outcomes import read_block
from firth.checking.report import Finding, FunctionReport
from firth.checking.subject import Slot, Subject, SubjectError
from firth.numerics import affine_backward, affine_forward, sigmoid_backward, sigmoid_forward

Array = NDArray[np.float64]

AFFINE_FORWARD_SLOTS = (
    Slot("x", ("x", "data", "input", "inputs")),
    Slot("w", ("w", "weights", "weight", "theta")),
    Slot("b", ("b", "bias", "biases")),
)
SIGMOID_FORWARD_SLOTS = (Slot("x", ("x", "z", "inputs")),)
BACKWARD_SLOTS = (
    Slot("dout", ("dout", "dy", "grad", "gradient", "delta", "upstream")),
    Slot("cache", ("cache", "cached")),
)
SHAPES = ((4, 3, 5), (1, 2, 3), (3, 3, 3))  # N, D, M


def grade_affine_forward(subject: Subject) -> FunctionReport:
    def outputs(b_shape: int) -> list[Finding] | None:
        findings: list[Finding] = []
        for seed, (n_examples, n_inputs, n_outputs) in enumerate(SHAPES):
            x, w, b = _affine(seed, n_examples, n_inputs, n_outputs)
            passed = b[None, :] if b_shape == 2 else b
            result = subject.call({"x": x, "w": w, "b": passed}, AFFINE_FORWARD_SLOTS)
            expected = np.asarray(affine_forward(x, w, b)[0], np.float64)
            findings += _compare_forward(result, expected, {"x": x, "w": w, "b": passed})
        return findings

    return _best_bias(subject, outputs)


def grade_sigmoid_forward(subject: Subject) -> FunctionReport:
    findings: list[Finding] = []
    for seed, (n_examples, n_inputs, _) in enumerate(SHAPES):
        x = np.random.RandomState(seed).standard_normal((n_examples, n_inputs))
        result = subject.call({"x": x}, SIGMOID_FORWARD_SLOTS)
        findings += _compare_forward(result, np.asarray(sigmoid_forward(x)[0]), {"x": x})
    return _report(subject, findings)


def grade_affine_backward(subject: Subject) -> FunctionReport:
    forward = _forward_of(subject, "affine_forward")

    def outputs(b_shape: int) -> list[Finding]:
        findings: list[Finding] = []
        for seed, (n_examples, n_inputs, n_outputs) in enumerate(SHAPES):
            x, w, b = _affine(seed, n_examples, n_inputs, n_outputs)
            passed = b[None, :] if b_shape == 2 else b
            dout = np.random.RandomState(seed + 10).standard_normal((n_examples, n_outputs))
            right = affine_backward(dout, affine_forward(x, w, b)[1])
            expected = dict(zip(("dx", "dw", "db"), (np.asarray(part, np.float64) for part in right), strict=True))
            expected["db"] = expected["db"].reshape(passed.shape)
            caches = _own_cache(forward, (x, w, passed), AFFINE_FORWARD_SLOTS) or [(x, w, passed), (x, w)]
            inputs = {"dout": dout, "x": x, "w": w, "b": passed}
            findings += _first_right(subject, dout, caches, expected, inputs)
        return findings

    return _best_bias(subject, outputs)


def grade_sigmoid_backward(subject: Subject) -> FunctionReport:
    forward = _forward_of(subject, "sigmoid_forward")
    findings: list[Finding] = []
    for seed, (n_examples, n_inputs, _) in enumerate(SHAPES):
        generator = np.random.RandomState(seed)
        x, dout = generator.standard_normal((n_examples, n_inputs)), generator.standard_normal((n_examples, n_inputs))
        out, cache = sigmoid_forward(x)
        expected = {"dx": np.asarray(sigmoid_backward(dout, cache))}
        caches = _own_cache(forward, (x,), SIGMOID_FORWARD_SLOTS) or [out, x, (out,), (x,)]
        findings += _first_right(subject, dout, caches, expected, {"dout": dout, "x": x})
    return _report(subject, findings)


def _affine(seed: int, n_examples: int, n_inputs: int, n_outputs: int) -> tuple[Array, Array, Array]:
    generator = np.random.RandomState(seed)
    x = generator.standard_normal((n_examples, n_inputs))
    return x, generator.standard_normal((n_inputs, n_outputs)), generator.standard_normal(n_outputs)


def _best_bias(subject: Subject, outputs: Any) -> FunctionReport:
    """The report with a bias of shape (M,); if that is wrong, with shape (1, M)."""
    first: FunctionReport | SubjectError | None = None
    for b_shape in (1, 2):
        try:
            report = _report(subject, outputs(b_shape))
        except SubjectError as error:
            first = first or error
            continue
        if report.verdict == "correct":
            return report
        first = first or report
    if isinstance(first, SubjectError):
        raise first
    assert first is not None
    return first


def _compare_forward(result: Any, expected: Array, inputs: dict[str, Any]) -> list[Finding]:
    if not isinstance(result, tuple) or len(result) != 2:
        got = f"{len(result)} values" if isinstance(result, tuple) else type(result).__name__
        raise SubjectError(Finding("result", "error", f"the function must return (out, cache), got {got}"))
    out, note = read_block(result[0], expected.shape, "out")
    findings = [Finding("value-shape", note.severity, note.message, note.details)] if note else []
    if not blocks_agree({"out": out}, {"out": expected}, 1.0):
        evidence = {"inputs": inputs, "expected": expected, "got": out}
        findings.append(Finding("values-wrong", "error", "the output is wrong", {"evidence": evidence}))
    return findings


def _forward_of(subject: Subject, kind: str) -> Subject | None:
    for name, value in subject.namespace.items():
        if callable(value) and kind_of_name(name) == kind:
            return Subject(name, kind, value, subject.namespace, subject.labels)
    return None


def _own_cache(forward: Subject | None, values: Sequence[Array], slots: Sequence[Slot]) -> list[Any]:
    """The cache that the file's own forward function returns."""
    if forward is None:
        return []
    try:
        result = forward.call(dict(zip((slot.name for slot in slots), values, strict=True)), slots)
    except SubjectError:
        return []
    return [result[1]] if isinstance(result, tuple) and len(result) == 2 else []


def _first_right(
    subject: Subject, dout: Array, caches: Sequence[Any], expected: dict[str, Array], inputs: dict[str, Any]
) -> list[Finding]:
    """The findings with the first cache that gives correct gradients, else with the first that gives any gradients."""
    first: list[Finding] | SubjectError | None = None
    for cache in caches:
        try:
            findings = _compare_backward(subject, dout, cache, expected, inputs)
        except SubjectError as error:
            first = first or error
            continue
        if not any(finding.severity == "error" for finding in findings):
            return findings
        if first is None or isinstance(first, SubjectError):
            first = findings
    if isinstance(first, SubjectError):
        raise first
    return first or []


def _compare_backward(
    subject: Subject, dout: Array, cache: Any, expected: dict[str, Array], inputs: dict[str, Any]
) -> list[Finding]:
    result = subject.call({"dout": dout, "cache": cache}, BACKWARD_SLOTS)
    parts = list(result) if isinstance(result, (tuple, list)) else [result]
    if len(parts) != len(expected):
        message = f"the function must return ({', '.join(expected)}), got {len(parts)} values"
        raise SubjectError(Finding("result", "error", message))
    got, findings = {}, []
    for (name, right), part in zip(expected.items(), parts, strict=True):
        got[name], note = read_block(part, right.shape, name)
        if note is not None:
            findings.append(note)
    if not blocks_agree(got, expected, 1.0):
        evidence = {"inputs": inputs, "expected": expected, "got": got}
        told = general_diagnosis(got, expected, {"N": len(dout)})
        message = "the gradients are wrong"
        findings.append(Finding("values-wrong", "error", message, {"evidence": evidence}))
        findings.extend(told)
    return findings


def _report(subject: Subject, findings: Sequence[Finding]) -> FunctionReport:
    unique: dict[tuple[str, Any], Finding] = {}
    for finding in findings:
        unique.setdefault((finding.code, finding.details.get("block")), finding)
    wrong = any(finding.code == "values-wrong" for finding in findings)
    return FunctionReport(subject.name, subject.kind, "wrong" if wrong else "correct", findings=tuple(unique.values()))
