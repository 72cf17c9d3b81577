"""Room checking: grades a function that returns a cost and gradients, by the readings of its kind. Child only.

A *reading* is one way to understand the assignment: a draw of the target is kept or drawn again, repeats count or are
dropped, inputs are summed or averaged. The costs of all cases together choose the reading. Then the gradient must be
the gradient of this reading. If no reading explains the costs, finite differences of the function's own cost decide
between the verdicts `wrong-objective` and `wrong`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from firth.checking.outcomes import Blocks, Outcome
from firth.checking.report import Conventions, Finding, FunctionReport
from firth.checking.subject import Subject, SubjectError
from firth.numerics.gradient_check.diagnosis import diagnose_gradient
from firth.numerics.gradient_check.patterns import match_coordinates

RIGHT_TOLERANCE = 1e-4  # relative: an error of 0.1 % is wrong; a gradient computed in float32 is right
EXACT_TOLERANCE = 1e-9  # relative: a larger error with float64 inputs gives a warning
SINGLE_TOLERANCE = 1e-3  # relative, with float32 inputs
# For smooth costs of order one, a difference of fourth order has a truncation error of 1e-9. The step is also large
# enough for the rounding of float32.
DIFFERENCE_STEP = 5e-3
OWN_COST_TOLERANCE = 2e-4
# The code "transposed" also names a block that was transposed before it was packed.
_RENAMED = dict.fromkeys(("unrecognized", "coordinates-wrong", "product-of-sums"), "gradient-wrong") | {
    "reordered": "transposed"
}


@dataclass(frozen=True)
class Reading:
    """The cost and the gradients of one case under one reading.

    ``suspects`` computes gradients with common errors, by the code of the error.
    """

    cost: float
    gradients: Blocks
    suspects: Callable[[], Mapping[str, Blocks]] = dict


@dataclass(frozen=True)
class ReadingSpec:
    """A reading for all cases: whether it is the assignment as stated, its conventions, and its findings."""

    stated: bool
    conventions: Mapping[str, str | None] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


@dataclass
class Case:
    """One input of the function.

    Attributes
    ----------
    name : str
    evaluate : callable
        Calls the function on this case with other ``values``. All other inputs and the random draws are the same.
    values : dict
        The arrays for which the function returns gradients.
    readings : dict
        The reading of this case, by the reading's name.
    sizes : dict
        The sizes that a reduction may divide by. A mean divides by the first.
    inputs : dict
        The inputs, as evidence in findings.
    """

    name: str
    evaluate: Callable[[Blocks], Outcome]
    values: Blocks
    readings: dict[str, Reading]
    sizes: dict[str, int]
    inputs: dict[str, Any]


@dataclass(frozen=True)
class Scale:
    """The factor between the costs of the function and of a reading, for each case, and the reduction that it means."""

    reduction: str
    factors: tuple[float, ...]
    divisor: str | None = None


def is_close(got: float, expected: float, tolerance: float = RIGHT_TOLERANCE) -> bool:
    return bool(np.isfinite(got)) and abs(got - expected) <= tolerance * max(abs(expected), 1e-12)


def blocks_agree(got: Blocks, expected: Blocks, factor: float, tolerance: float = RIGHT_TOLERANCE) -> bool:
    """Whether ``got`` equals ``factor * expected`` in every coordinate.

    The tolerance is relative to the coordinate plus a tenth of the block's largest coordinate.
    """
    for name, right in expected.items():
        if got[name].shape != right.shape or not np.all(np.isfinite(got[name])):
            return False
        if not np.all(match_coordinates(got[name], factor * right, tolerance=tolerance)):
            return False
        if not right.any() and np.abs(got[name]).max(initial=0.0) > tolerance:
            return False
    return True


def find_scale(costs: Sequence[float], readings: Sequence[Reading], sizes: Sequence[Mapping[str, int]]) -> Scale | None:
    """The positive factor between the costs and the readings' costs. It may depend only on sizes; otherwise None."""
    ratios = [cost / reading.cost if reading.cost else np.nan for cost, reading in zip(costs, readings, strict=True)]
    if not np.all(np.isfinite(ratios)) or min(ratios) <= 0:
        return None
    for reduction, divisor, factors in _known_scales(sizes):
        if all(is_close(ratio, factor) for ratio, factor in zip(ratios, factors, strict=True)):
            return Scale(reduction, tuple(factors), divisor)
    constant = sorted(ratios)[len(ratios) // 2]
    if all(is_close(ratio, constant) for ratio in ratios):
        return Scale("other", (constant,) * len(ratios), f"{1 / constant:.6g}")
    # An unknown function of the sizes: cases of equal sizes must have equal factors, and there must be such cases.
    groups: dict[tuple[int, ...], list[float]] = {}
    for size, ratio in zip(sizes, ratios, strict=True):
        groups.setdefault(tuple(size.values()), []).append(ratio)
    repeated = [group for group in groups.values() if len(group) > 1]
    if len(repeated) >= 2 and all(is_close(ratio, group[0]) for group in repeated for ratio in group):
        return Scale("other", tuple(ratios), None)
    return None


def _known_scales(sizes: Sequence[Mapping[str, int]]) -> Iterator[tuple[str, str | None, list[float]]]:
    yield "sum", None, [1.0] * len(sizes)
    names = list(sizes[0]) if sizes else []
    if not names:
        return
    if all(size[names[0]] > 0 for size in sizes):
        yield "mean", names[0], [1.0 / size[names[0]] for size in sizes]
    products = [(name,) for name in names] + list(itertools.combinations_with_replacement(names, 2))
    for number, product in itertools.product((1, 2), products):
        label = " ".join(([str(number)] if number > 1 else []) + list(product))
        divisors = [number * float(np.prod([size[name] for name in product])) for size in sizes]
        if min(divisors) > 0:
            yield "other", label, [1.0 / divisor for divisor in divisors]


def grade_objective(
    subject: Subject,
    cases: Sequence[Case],
    specs: Mapping[str, ReadingSpec],
    *,
    has_reduction: bool,
    explain: Callable[[Sequence[Outcome]], tuple[ReadingSpec, list[Reading]] | None] | None = None,
    diagnose: Callable[[Case, Outcome, Reading, float], list[Finding]] | None = None,
    suspect_findings: Mapping[str, Finding] | None = None,
) -> FunctionReport:
    """Grade a function: the verdict, the conventions and the findings.

    Parameters
    ----------
    subject : Subject
    cases : sequence of Case
    specs : mapping of names to ReadingSpec
        The readings, the preferred one first.
    has_reduction : bool
        Whether functions of this kind have several terms to sum or average. Only then is there a convention.
    explain : callable, optional
        Finds a reading if no reading in ``specs`` explains the costs.
    diagnose : callable, optional
        The kind's own diagnoses of a wrong gradient. They come before the general diagnoses.
    suspect_findings : mapping of codes to Finding, optional
        The finding for each code of the readings' suspects.

    Raises
    ------
    SubjectError
        The function raises on a case, or its result is not what functions of its kind return.
    """
    outcomes = [case.evaluate(case.values) for case in cases]
    notes = {(note.code, note.details.get("block")): note for outcome in outcomes for note in outcome.shape_notes}
    findings = list(notes.values())
    costs = [outcome.cost for outcome in outcomes]
    sizes = [case.sizes for case in cases]

    candidates: list[tuple[ReadingSpec, list[Reading], Scale]] = []
    for name, spec in specs.items():
        readings = [case.readings[name] for case in cases]
        scale = find_scale(costs, readings, sizes)
        if scale is not None:
            candidates.append((spec, readings, scale))
    if not candidates and explain is not None:
        explained = explain(outcomes)
        if explained is not None:
            spec, readings = explained
            scale = find_scale(costs, readings, sizes)
            if scale is not None:
                candidates.append((spec, readings, scale))

    def gradient_is_right(readings: Sequence[Reading], scale: Scale) -> bool:
        return all(
            blocks_agree(outcome.blocks, reading.gradients, factor)
            for outcome, reading, factor in zip(outcomes, readings, scale.factors, strict=True)
        )

    ordered = sorted(candidates, key=lambda item: (not item[0].stated, not gradient_is_right(item[1], item[2])))
    if not ordered:
        return _grade_own_cost(subject, cases, outcomes, findings)
    spec, readings, scale = ordered[0]
    conventions: dict[str, str | None] = dict(spec.conventions)
    if has_reduction:
        conventions.setdefault("reduction", scale.reduction)
    right = gradient_is_right(readings, scale)
    if scale.reduction == "other" or (scale.reduction == "mean" and not has_reduction):
        findings.append(_reduction_note(scale, "cost and gradient are both" if right else "the cost is"))
    findings.extend(spec.findings)
    if right:
        verdict = "correct" if spec.stated else "wrong-objective"
        findings.extend(_inaccuracy(cases, outcomes, readings, scale))
        findings.extend(_single_precision(cases[0], readings[0], scale.factors[0]))
    else:
        verdict = "wrong-gradient" if spec.stated else "wrong"
        if not spec.stated and scale.factors and _own_gradient_is_right(cases, outcomes):
            verdict = "wrong-objective"
        else:
            diagnosed, shown = _diagnose(cases, outcomes, readings, scale, diagnose, suspect_findings or {})
            findings.extend(diagnosed)
            conventions.update(shown)
    known = {key: conventions.get(key) for key in ("target", "reduction", "repeats")}
    return FunctionReport(subject.name, subject.kind, verdict, Conventions(**known), tuple(findings))


def _reduction_note(scale: Scale, what: str) -> Finding:
    if scale.divisor is None:
        message = f"{what} multiplied by a factor that depends on the sizes; it is not a known divisor"
        return Finding("reduction-other", "note", message, {"divisor": None, "factors": list(scale.factors)})
    ratio = scale.factors[0]
    change = f"multiplied by {ratio:.6g}" if ratio > 1 else f"divided by {scale.divisor}"
    message = f"{what} {change}: neither the sum nor the mean"
    details: dict[str, Any] = {"divisor": scale.divisor, "factors": list(scale.factors)}
    return Finding("reduction-other", "note", message, details)


def _grade_own_cost(
    subject: Subject, cases: Sequence[Case], outcomes: Sequence[Outcome], findings: list[Finding]
) -> FunctionReport:
    case, outcome = cases[-1], outcomes[-1]
    stated = next(iter(case.readings.values()))
    evidence = {"inputs": case.inputs, "expected": stated.cost, "got": outcome.cost}
    if not np.isfinite(outcome.cost):
        message = "the cost is not finite on ordinary inputs"
        findings.append(Finding("not-finite", "error", message, {"evidence": evidence, "score": 0}))
    negated = all(
        is_close(-outcome.cost, next(iter(case.readings.values())).cost)
        for case, outcome in zip(cases, outcomes, strict=True)
    )
    if negated:
        findings.append(Finding("cost-sign", "error", "the cost is minus the stated one", {"evidence": evidence}))
    else:
        message = "the cost is neither the stated one nor a multiple of the stated one"
        findings.append(Finding("cost-wrong", "error", message, {"evidence": evidence}))
    if _own_gradient_is_right(cases, outcomes):
        return FunctionReport(subject.name, subject.kind, "wrong-objective", findings=tuple(findings))
    numeric = own_gradient(case)
    if numeric is None:
        message = "the gradient cannot be compared: the function's own cost is not finite around the inputs"
        findings.append(Finding("gradient-wrong", "error", message))
    else:
        message = "the gradient is not the gradient of the function's own cost either"
        evidence = {"inputs": case.inputs, "expected": numeric, "got": outcome.blocks}
        findings.append(Finding("gradient-wrong", "error", message, {"evidence": evidence}))
        findings.extend(general_diagnosis(outcome.blocks, numeric, case.sizes))
    return FunctionReport(subject.name, subject.kind, "wrong", findings=tuple(findings))


def own_gradient(case: Case) -> Blocks | None:
    """The gradient of the function's own cost on a case, by central differences of fourth order.

    None if the cost is not finite at a point near the inputs.
    """
    gradients = {name: np.zeros_like(value) for name, value in case.values.items()}
    for name, value in case.values.items():
        for index in np.ndindex(value.shape):
            costs = []
            for step in (-2, -1, 1, 2):
                moved = {key: array.copy() for key, array in case.values.items()}
                moved[name][index] += step * DIFFERENCE_STEP
                costs.append(case.evaluate(moved).cost)
            slope = (costs[0] - 8 * costs[1] + 8 * costs[2] - costs[3]) / (12 * DIFFERENCE_STEP)
            if not np.isfinite(slope):
                return None
            gradients[name][index] = slope
    return gradients


def _own_gradient_is_right(cases: Sequence[Case], outcomes: Sequence[Outcome]) -> bool:
    for case, outcome in list(zip(cases, outcomes, strict=True))[-3:]:
        numeric = own_gradient(case)
        if numeric is None or not any(block.any() for block in numeric.values()):
            return False
        if not blocks_agree(outcome.blocks, numeric, 1.0, OWN_COST_TOLERANCE):
            return False
    return True


def _inaccuracy(
    cases: Sequence[Case], outcomes: Sequence[Outcome], readings: Sequence[Reading], scale: Scale
) -> list[Finding]:
    worst, where = 0.0, None
    for case, outcome, reading, factor in zip(cases, outcomes, readings, scale.factors, strict=True):
        # If the factor was estimated from the costs, the costs are no evidence of an error.
        errors = [abs(outcome.cost / (factor * reading.cost) - 1)] if scale.reduction != "other" else []
        for name, right in reading.gradients.items():
            largest = np.abs(factor * right).max(initial=0.0)
            if largest > 0:
                errors.append(float(np.abs(outcome.blocks[name] - factor * right).max() / largest))
        if errors and max(errors) > worst:
            worst, where = max(errors), case
    if where is None or worst <= EXACT_TOLERANCE:
        return []
    message = f"with float64 inputs, the result is right only to a relative error of {worst:.1e}"
    evidence = {"inputs": where.inputs, "relative_error": worst}
    return [Finding("inaccurate", "warning", message, {"evidence": evidence, "relative_error": worst})]


def _single_precision(case: Case, reading: Reading, factor: float) -> list[Finding]:
    """A warning if float32 inputs raise an error or give another result."""
    values = {name: value.astype(np.float32) for name, value in case.values.items()}
    evidence: dict[str, Any] = {"inputs": case.inputs, "expected": factor * reading.cost}
    try:
        outcome = case.evaluate(values)  # type: ignore[arg-type]  # float32 is the point
    except SubjectError as error:
        evidence["got"] = error.finding.message
    else:
        agrees = blocks_agree(outcome.blocks, reading.gradients, factor, SINGLE_TOLERANCE)
        if agrees and is_close(outcome.cost, factor * reading.cost, SINGLE_TOLERANCE):
            return []
        evidence["got"] = outcome.cost
    return [Finding("float32-input", "warning", "wrong for float32 inputs", {"evidence": evidence})]


def _diagnose(
    cases: Sequence[Case],
    outcomes: Sequence[Outcome],
    readings: Sequence[Reading],
    scale: Scale,
    diagnose: Callable[[Case, Outcome, Reading, float], list[Finding]] | None,
    suspect_findings: Mapping[str, Finding],
) -> tuple[list[Finding], dict[str, str | None]]:
    """Findings about wrong gradients, from the largest failing case; and the conventions that the errors show."""
    rows = list(zip(cases, outcomes, readings, scale.factors, strict=True))
    failing = [row for row in rows if not blocks_agree(row[1].blocks, row[2].gradients, row[3])]
    found: list[Finding] = []
    shown: dict[str, str | None] = {}

    suspects = [reading.suspects() for reading in readings]
    codes = [code for code in suspects[0] if all(code in known for known in suspects)]
    for code in codes:
        if all(blocks_agree(row[1].blocks, known[code], row[3]) for row, known in zip(rows, suspects, strict=True)):
            finding = suspect_findings[code]
            case, outcome, reading, factor = failing[-1]
            evidence = _gradient_evidence(case, outcome, reading, factor)
            found.append(Finding(finding.code, finding.severity, finding.message, {"evidence": evidence}))
            if finding.code == "repeats-overwritten":
                shown["repeats"] = "overwrite"
            break
    case, outcome, reading, factor = max(failing, key=lambda row: sum(row[0].sizes.values()))
    if not found and diagnose is not None:
        found.extend(diagnose(case, outcome, reading, factor))
    if found and all(finding.code == "repeats-overwritten" for finding in found):
        return found, shown

    expected = {name: factor * right for name, right in reading.gradients.items()}
    general = general_diagnosis(outcome.blocks, expected, case.sizes)
    evidence = _gradient_evidence(case, outcome, reading, factor)
    mean_of = next(iter(case.sizes.values()), 1)
    for finding in general:
        ratio = finding.details.get("factor")
        if finding.code == "scaled" and isinstance(ratio, float) and mean_of > 1:
            names = {1 / mean_of: "mean", float(mean_of): "sum"}
            matched = next((word for value, word in names.items() if is_close(ratio, value)), None)
            if matched is not None:
                other = "sum" if matched == "mean" else "mean"
                which = finding.details.get("block") or "the gradient"
                message = f"{which} is a {matched} over the {mean_of} terms, but the cost is a {other}"
                found.append(Finding("reduction-mismatch", "error", message, {"evidence": evidence}))
    if general and "evidence" not in general[0].details:
        first = general[0]
        general[0] = Finding(first.code, first.severity, first.message, first.details | {"evidence": evidence})
    if found:
        general = [finding for finding in general if finding.code != "gradient-wrong"]  # the kind has named the error
    return unique_findings([*found, *general]), shown


def _gradient_evidence(case: Case, outcome: Outcome, reading: Reading, factor: float) -> dict[str, Any]:
    expected = {name: factor * right for name, right in reading.gradients.items()}
    return {"inputs": case.inputs, "expected": expected, "got": outcome.blocks}


def general_diagnosis(got: Blocks, expected: Blocks, sizes: Mapping[str, int]) -> list[Finding]:
    """The diagnoses of the room numerics as findings. Blocks of a wrong shape are not compared here."""
    findings = []
    comparable = {}
    for name, block in got.items():
        right = expected[name]
        if block.shape == right.shape:
            comparable[name] = block
        elif block.shape == right.T.shape and np.all(match_coordinates(block.T, right, tolerance=RIGHT_TOLERANCE)):
            message = f"{name} is the transpose of the right one"
            findings.append(Finding("transposed", "error", message, {"block": name}))
    if any(not np.all(np.isfinite(block)) for block in comparable.values()):
        bad = [name for name, block in comparable.items() if not np.all(np.isfinite(block))]
        message = f"{', '.join(bad)} cannot be compared: the gradient is not finite"
        findings.append(Finding("gradient-wrong", "error", message, {"blocks": bad}))
        comparable = {name: block for name, block in comparable.items() if name not in bad}
    if not comparable:
        return findings
    stated = {name: expected[name] for name in comparable}
    for diagnosis in diagnose_gradient(comparable, stated, sizes=dict(sizes), tolerance=RIGHT_TOLERANCE):
        # Rank one alone does not prove a product of sums. A kind that can divide the batch confirms it.
        code = _RENAMED.get(diagnosis.code, diagnosis.code)
        details = {key: value for key, value in diagnosis.evidence.items() if key not in ("code", "severity")}
        if diagnosis.block is not None:
            details["block"] = diagnosis.block
        message = (
            diagnosis.message
            if diagnosis.block is None or code == "block-wrong"
            else (f"{diagnosis.block}: {diagnosis.message}")
        )
        findings.append(Finding(code, diagnosis.severity, message, details))
    return findings


def unique_findings(findings: Any) -> list[Finding]:
    """The first finding of each code, block and message."""
    seen = set()
    kept = []
    for finding in findings:
        key = (finding.code, finding.details.get("block"), finding.message)
        if key not in seen:
            seen.add(key)
            kept.append(finding)
    return kept
