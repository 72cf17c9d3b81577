"""Room checking: common parts of the two kinds of one prediction: arguments, vectors, and the shapes to try."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.checking.report import Finding, FunctionReport
from firth.checking.subject import Slot, Subject, SubjectError

Array = NDArray[np.float64]

SLOTS = (
    Slot("predicted", ("predicted", "predictedvector", "centerwordvec", "centervec", "vhat", "vc", "v", "r")),
    Slot("target", ("target", "targetidx", "targetid", "targetindex", "outsidewordidx", "outsideidx", "o")),
    Slot("outputVectors", ("outputvectors", "outsidevectors", "outvectors", "outputs", "u")),
    Slot("dataset", ("dataset", "data"), optional=True, supplied_as="dataset"),
    Slot("K", ("k", "negsamples", "numnegatives", "nnegatives"), optional=True),
)
RETURNS = "(cost, gradPred, grad)"

# Shapes of the predicted vector. The course passes the first; code for another shape is graded with that shape.
FORMS: dict[str, Callable[[Array], Array]] = {
    "(D,)": lambda vector: vector,
    "(1, D)": lambda vector: vector[None, :],
    "(D, 1)": lambda vector: vector[:, None],
}


def make_vectors(seed: int, n_words: int, n_dims: int) -> tuple[Array, Array]:
    generator = np.random.RandomState(seed)
    return generator.uniform(-1.2, 1.2, n_dims), generator.uniform(-1.2, 1.2, (n_words, n_dims))


def vectors_at_score(score: float, wanted: Array, n_dims: int = 3) -> tuple[Array, Array]:
    """A vector and rows whose dot products are ``score * wanted``; the other dimensions contribute 0."""
    vector = np.full(n_dims, 0.0)
    vector[0] = np.sqrt(max(score, 1.0))
    rows = np.zeros((len(wanted), n_dims))
    rows[:, 0] = wanted * score / vector[0]
    rows[:, 1:] = 0.25
    return vector, rows


def grade_by_forms(subject: Subject, grade: Callable[[Callable[[Array], Array]], FunctionReport]) -> FunctionReport:
    """The report for the course's shape of the vector; if it is not correct, the first correct one of another shape."""
    first: FunctionReport | SubjectError | None = None
    modified: set[str] = set()
    for name, form in FORMS.items():
        subject.modified.clear()
        try:
            report = grade(form)
        except SubjectError as error:
            first = first or error
            modified = modified or set(subject.modified)
            continue
        if report.verdict == "correct":
            if first is None:
                return report
            message = f"the function works for a predicted vector of shape {name}, but the course passes shape (D,)"
            findings = [f for f in report.findings if f.code != "gradient-shape"]
            findings.append(Finding("input-shape", "warning", message, {"shape": name}))
            return FunctionReport(report.name, report.kind, "correct", report.conventions, tuple(findings))
        if first is None:
            first, modified = report, set(subject.modified)
    subject.modified = modified
    if isinstance(first, SubjectError):
        raise first
    assert first is not None
    return first


def describe(**inputs: Any) -> dict[str, Any]:
    return inputs
