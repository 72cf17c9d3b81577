"""Room checking: negSamplingCostAndGradient / negSamplingLossAndGradient, graded with scripted draws."""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from firth.checking.kinds import _prediction
from firth.checking.kinds._prediction import RETURNS, SLOTS, Array
from firth.checking.objective import Case, Reading, ReadingSpec, grade_objective
from firth.checking.outcomes import Blocks, Outcome, read_outcome
from firth.checking.report import Finding, FunctionReport
from firth.checking.scripted import ScriptedDataset
from firth.checking.stability import Sample, check_scores
from firth.checking.subject import NO_DEFAULT, Subject
from firth.numerics import log_sigmoid, negative_sampling_loss

DEFAULT_NEGATIVES = 10  # the course's K
MAX_DEFAULT = 1000  # a larger default of K is not tried

# name, V, D, target, K (None: the default), the first draws. More words than K, or redrawing repeats would not end.
SCRIPTS: tuple[tuple[str, int, int, int, int | None, tuple[int, ...]], ...] = (
    ("draws that differ", 7, 3, 1, 3, (4, 0, 6, 2, 5, 3)),
    ("a draw twice", 8, 3, 2, 5, (5, 0, 5, 1, 3, 4, 0)),
    ("the target drawn", 7, 3, 1, 4, (3, 1, 0, 5, 6, 2)),
    ("the target drawn twice, another thrice", 8, 4, 0, 6, (2, 0, 2, 4, 0, 2, 1, 5, 3, 4)),
    ("the target drawn first and last", 6, 2, 3, 3, (3, 1, 3, 5, 4, 1)),
    ("the default number of draws", 12, 3, 4, None, (1, 4, 0, 1, 5, 2, 4, 3, 3, 0, 5, 2)),
)
MAX_MULTISETS = 400_000  # of ids, of half the words: beyond, a cost is not searched for its draws
N_PROBES = 12  # states of `random` and `np.random`, to see what a function that draws by them does

REPEATS_OVERWRITTEN = Finding(
    "repeats-overwritten",
    "error",
    "a word drawn several times gets its gradient once: assigning (or adding through an index array) keeps only the"
    " last contribution, but all must be added (np.add.at, or a loop)",
)
_DROPPED_DRAW = Finding(
    "draws-dropped",
    "error",
    "a draw that equals the target is skipped and not drawn again: the cost has fewer than K negatives",
)
_TOO_FEW = Finding(
    "negatives-missing", "error", "the cost has fewer than K negatives on every call; check the length of the range"
)
_DROPPED_REPEAT = Finding(
    "repeats-dropped", "error", "a word drawn several times counts once: the cost has fewer than K negatives"
)
_TARGET_ALWAYS = Finding(
    "target-always-negative",
    "error",
    "the target is counted as one more negative on every call: the ids over which the negative terms are summed"
    " begin with the target",
)
_DISTINCT = Finding(
    "repeats-redrawn",
    "warning",
    "a word that was drawn already is drawn again, so that all negatives differ: correct for the negatives it uses,"
    " but they are not independent draws, and with a vocabulary of K words or fewer the loop does not end",
)


def grade(subject: Subject) -> FunctionReport:
    return _prediction.grade_by_forms(subject, lambda form: _grade(subject, form))


def _grade(subject: Subject, form: Callable[[Array], Array]) -> FunctionReport:
    has_k = subject.takes(SLOTS, "K")
    default_k = _default_k(subject) if has_k else DEFAULT_NEGATIVES
    cases, datasets = [], []
    for seed, (name, n_words, n_dims, target, n_negatives, script) in enumerate(SCRIPTS, start=11):
        n_words = n_words if n_negatives is not None else max(n_words, (default_k or 0) + 2)
        vector, rows = _prediction.make_vectors(seed, n_words, n_dims)
        k = n_negatives if has_k and n_negatives is not None else default_k
        if k is None:
            continue  # K has no default: nothing to leave out
        dataset = ScriptedDataset(script, n_words)
        # Only the last leaves K to the function: it then finds its own default.
        passed = n_negatives if has_k else None
        readings = {
            key: _reading(vector, rows, target, negatives) for key, negatives in _readings_of_draws(dataset, target, k)
        }
        inputs = {"predicted": vector, "target": target, "outputVectors": rows, "K": k, "draws": dataset.stream(k + 4)}
        values = {"gradPred": vector, "grad": rows}
        cases.append(Case(name, _evaluator(subject, target, dataset, passed, form), values, readings, {}, inputs))
        datasets.append(dataset)

    def explain(outcomes: Sequence[Outcome]) -> tuple[ReadingSpec, list[Reading]] | None:
        return _explain(subject, cases, datasets, outcomes)

    report = grade_objective(
        subject,
        cases,
        SPECS,
        has_reduction=False,
        explain=explain,
        suspect_findings=dict.fromkeys(_SUSPECTS, REPEATS_OVERWRITTEN),
    )
    exact = report.verdict == "correct" and "reduction-other" not in report.codes
    samples = [_sampler(subject, form, sign) for sign in (1.0, -1.0)]
    findings = (*report.findings, *check_scores(samples, accuracy=exact), *_tell_default_k(default_k))
    return FunctionReport(report.name, report.kind, report.verdict, report.conventions, findings)


def _default_k(subject: Subject) -> int | None:
    """The function's default of K; the course's default if that is not a positive integer; None without a default."""
    default = subject.default(SLOTS, "K")
    if default is NO_DEFAULT:
        return None
    is_count = isinstance(default, int) and not isinstance(default, bool) and 0 < default <= MAX_DEFAULT
    return default if is_count else DEFAULT_NEGATIVES


def _tell_default_k(default_k: int | None) -> list[Finding]:
    if default_k in (None, DEFAULT_NEGATIVES):
        return []
    message = f"K is {default_k} by default; the course's default is {DEFAULT_NEGATIVES}"
    return [Finding("default-k", "warning", message, {"got": default_k, "expected": DEFAULT_NEGATIVES})]


def _evaluator(
    subject: Subject, target: int, dataset: ScriptedDataset, k: int | None, form: Callable[[Array], Array]
) -> Callable[[Blocks], Outcome]:
    slots = SLOTS if k is not None else SLOTS[:-1]

    def evaluate(values: Blocks) -> Outcome:
        vector, rows = values["gradPred"], values["grad"]
        dataset.rewind()
        arguments: dict[str, Any] = {
            "predicted": form(vector),
            "target": target,
            "outputVectors": rows,
            "dataset": dataset,
            "K": k,
        }
        shapes = {"gradPred": vector.shape, "grad": rows.shape}
        return read_outcome(subject.call(arguments, slots), shapes, RETURNS)

    return evaluate


def _specs() -> dict[str, ReadingSpec]:
    specs = {}
    for target, repeats, always in itertools.product(
        ("reject", "count", "drop"), ("accumulate", "drop"), (False, True)
    ):
        findings = []
        if always:
            findings.append(_TARGET_ALWAYS)
        if target == "drop":
            findings.append(_DROPPED_DRAW)
        if repeats == "drop":
            findings.append(_DROPPED_REPEAT)
        conventions = {"target": None if target == "drop" else target, "repeats": repeats}
        specs[_key(target, repeats, always)] = ReadingSpec(not findings, conventions, tuple(findings))
    specs["distinct"] = ReadingSpec(True, {"target": "reject", "repeats": None}, (_DISTINCT,))
    return dict(sorted(specs.items(), key=lambda item: (not item[1].stated, len(item[1].findings))))


def _key(target: str, repeats: str, always: bool) -> str:
    return f"{target} {repeats}{' always' if always else ''}"


SPECS = _specs()
_SUSPECTS = ("last kept", "target's own kept", "target's own added")


def _readings_of_draws(dataset: ScriptedDataset, target: int, k: int) -> list[tuple[str, list[int]]]:
    """For each reading, the negatives that result from the draws."""
    stream = dataset.stream(40 * k + 40)
    others = [word_id for word_id in stream if word_id != target]
    by_target = {"reject": others[:k], "count": stream[:k], "drop": [i for i in stream[:k] if i != target]}
    readings = []
    for handling, negatives in by_target.items():
        for repeats, always in itertools.product(("accumulate", "drop"), (False, True)):
            kept = list(dict.fromkeys(negatives)) if repeats == "drop" else negatives
            readings.append((_key(handling, repeats, always), ([target] if always else []) + kept))
    distinct = list(dict.fromkeys(others))
    readings.append(("distinct", distinct[:k]))
    return readings


def _reading(vector: Array, rows: Array, target: int, negatives: Sequence[int]) -> Reading:
    cost, gradients = _exact(vector, rows, target, negatives)
    suspects = functools.partial(_overwritten, vector, rows, target, negatives, gradients)
    return Reading(cost, gradients, suspects)


def _exact(vector: Array, rows: Array, target: int, negatives: Sequence[int]) -> tuple[float, Blocks]:
    ids = np.asarray(negatives, dtype=np.int64)
    cost, vector_gradient, row_gradient = negative_sampling_loss(vector, rows, target, ids)
    return cost, {"gradPred": np.asarray(vector_gradient), "grad": np.asarray(row_gradient.to_dense(len(rows)))}


def _overwritten(
    vector: Array, rows: Array, target: int, negatives: Sequence[int], gradients: Blocks
) -> dict[str, Blocks]:
    """The gradients if a word's contributions overwrite each other: the last one is kept, or that of the target."""
    alone = _exact(vector, rows, target, ())[1]["grad"]
    once = alone.copy()
    for word_id in set(negatives):
        contribution = _exact(vector, rows, target, [word_id])[1]["grad"] - alone
        once[word_id] = contribution[word_id]
    if target not in negatives:
        return {name: {"gradPred": gradients["gradPred"], "grad": once} for name in _SUSPECTS}
    own, both = once.copy(), once.copy()
    own[target] = alone[target]
    both[target] = alone[target] + once[target]
    grads = dict(zip(_SUSPECTS, (once, own, both), strict=True))
    return {name: {"gradPred": gradients["gradPred"], "grad": grad} for name, grad in grads.items()}


def _explain(
    subject: Subject, cases: Sequence[Case], datasets: Sequence[ScriptedDataset], outcomes: Sequence[Outcome]
) -> tuple[ReadingSpec, list[Reading]] | None:
    """Explain negatives that the function draws in its own way: find the multiset of ids that gives each cost.

    Draws by ``random`` or ``np.random`` show only in the cost. So many states of the generators are tried, to see how a
    draw of the target is treated.
    """
    readings = []
    sizes: list[tuple[int, int]] = []
    target_counts: list[int] = []
    chosen: list[list[int]] = []
    told: dict[str, set[tuple[int, ...]]] = {}
    probes = [(case, outcome, 0) for case, outcome in zip(cases, outcomes, strict=True)]
    for seed in range(1, N_PROBES + 1):
        subject.seed_offset = seed
        probes += [(case, case.evaluate(case.values), seed) for case in cases[:3]]
    subject.seed_offset = 0
    for case, outcome, seed in probes:
        negatives = _find_negatives(case, outcome.cost)
        if negatives is None:
            return None
        sizes.append((len(negatives), case.inputs["K"]))
        target_counts.append(negatives.count(case.inputs["target"]))
        told.setdefault(case.name, set()).add(tuple(negatives))
        if seed == 0:
            chosen.append(negatives)
            vector, rows = case.inputs["predicted"], case.inputs["outputVectors"]
            readings.append(_reading(vector, rows, case.inputs["target"], negatives))
    if any(dataset.drawn for dataset in datasets):
        # Ids that were not drawn (positions taken for ids, say) are no negatives, whatever their number.
        for case, dataset, ids in zip(cases, datasets, chosen, strict=True):
            case.evaluate(case.values)
            if Counter(i for i in ids if i != case.inputs["target"]) - Counter(dataset.drawn):
                return None
    elif all(len(found) == 1 for found in told.values()):
        return None  # nothing is drawn at all
    findings: list[Finding] = []
    convention: str | None = "count" if any(target_counts) else "reject"
    if all(target_counts):
        findings.append(_TARGET_ALWAYS)
        convention = "count" if any(count > 1 for count in target_counts) else "reject"
    elif all(size < k for size, k in sizes):
        findings.append(_TOO_FEW)
    elif any(size < k for size, k in sizes):
        findings.append(_DROPPED_DRAW)
        convention = None
    elif any(size != k for size, k in sizes):
        return None
    spec = ReadingSpec(not findings, {"target": convention, "repeats": "accumulate"}, tuple(findings))
    return spec, readings


def _find_negatives(case: Case, cost: float) -> list[int] | None:
    """A multiset of ids with this cost: with K ids if there is one, else with K + 1, else with fewer."""
    inputs = case.inputs
    vector, rows, target, k = inputs["predicted"], inputs["outputVectors"], inputs["target"], inputs["K"]
    scores = rows @ vector
    wanted = cost + float(log_sigmoid(scores[target]))
    negative_costs = -np.asarray(log_sigmoid(-scores))
    # Meet in the middle: each multiset of half the words is paired with the multisets of the other half that complete
    # the cost.
    half = len(rows) // 2
    if math.comb(len(rows) - half + k + 1, k + 1) > MAX_MULTISETS:
        return None
    first, second = _multisets(half, k + 1), _multisets(len(rows) - half, k + 1)
    first_costs, second_costs = first @ negative_costs[:half], second @ negative_costs[half:]
    first_sizes, second_sizes = first.sum(axis=1), second.sum(axis=1)
    tolerance = 1e-9 * max(1.0, abs(cost))
    for size in (k, k + 1, *reversed(range(k))):
        for first_size in range(size + 1):
            left = np.flatnonzero(first_sizes == first_size)
            right = np.flatnonzero(second_sizes == size - first_size)
            right = right[np.argsort(second_costs[right])]
            missing = wanted - first_costs[left]
            at = np.searchsorted(second_costs[right], missing - tolerance)
            fits = (at < len(right)) & (second_costs[right[np.minimum(at, len(right) - 1)]] <= missing + tolerance)
            if fits.any():
                place = int(np.flatnonzero(fits)[0])
                counts = np.concatenate([first[left[place]], second[right[at[place]]]])
                return [int(word_id) for word_id in np.repeat(np.arange(len(rows)), counts.astype(np.int64))]
    return None


@functools.lru_cache(maxsize=64)
def _multisets(n_words: int, most: int) -> Array:
    """All multisets of up to ``most`` of ``n_words`` ids; each row has the counts of the ids."""
    bars = np.array(list(itertools.combinations(range(most + n_words), n_words)), dtype=np.int64)
    edges = np.hstack([np.full((len(bars), 1), -1), bars])
    return np.diff(edges, axis=1).astype(np.float64) - 1


def _sampler(subject: Subject, form: Callable[[Array], Array], sign: float) -> Callable[[float], Sample]:
    """Target and negatives with logits of the wrong sign (sign 1: each term costs its score), or of the right sign."""
    has_k = subject.takes(SLOTS, "K")
    k = 3 if has_k else DEFAULT_NEGATIVES
    n_words = 1 + k
    dataset = ScriptedDataset(range(1, n_words), n_words)

    def sample(score: float) -> Sample:
        wanted = np.concatenate([[-1.0], np.linspace(1.0, 0.25, k)])
        vector, rows = _prediction.vectors_at_score(score, sign * wanted)
        values = {"gradPred": vector, "grad": rows}
        outcome = _evaluator(subject, 0, dataset, k if has_k else None, form)(values)
        cost, gradients = _exact(vector, rows, 0, range(1, n_words))
        return {"cost": outcome.cost, **outcome.blocks}, {"cost": cost, **gradients}

    return sample
