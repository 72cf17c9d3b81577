"""Room checking: common parts of skipgram and cbow: arguments, windows, and the cost function passed to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.checking import supplied
from firth.checking.discovery import kind_of_name
from firth.checking.objective import Case, Reading
from firth.checking.outcomes import Blocks, Outcome, read_outcome
from firth.checking.report import Finding, FunctionReport
from firth.checking.scripted import WORDS, ScriptedDataset
from firth.checking.subject import Slot, Subject, SubjectError

Array = NDArray[np.float64]
CostFunction = Callable[..., tuple[Any, Any, Any]]

SLOTS = (
    Slot("currentWord", ("currentword", "currentcenterword", "centerword", "center", "currentwd", "word")),
    Slot("C", ("c", "windowsize", "window", "contextsize"), optional=True),
    Slot("contextWords", ("contextwords", "outsidewords", "context", "contexts")),
    Slot("tokens", ("tokens", "word2ind", "word2idx", "wordtoind", "wordtoidx", "vocab")),
    Slot("inputVectors", ("inputvectors", "centerwordvectors", "centervectors", "invectors", "v")),
    Slot("outputVectors", ("outputvectors", "outsidevectors", "outsidewordvectors", "outvectors", "u")),
    Slot("dataset", ("dataset", "data"), optional=True, supplied_as="dataset"),
    Slot(
        "word2vecCostAndGradient",
        ("word2veccostandgradient", "word2veclossandgradient", "costandgradient", "lossandgradient", "w2vcag"),
        optional=True,
        supplied_as="word2vecCostAndGradient",
    ),
)
RETURNS = "(cost, gradIn, gradOut)"

# name, V, D, C, center, contexts. As in the course's tests: full windows, repeats, the center word among the contexts.
WINDOWS: tuple[tuple[str, int, int, int, int, tuple[int, ...]], ...] = (
    ("four different words", 7, 3, 2, 2, (0, 5, 3, 6)),
    ("two words", 5, 4, 1, 0, (3, 1)),
    ("a word thrice", 6, 2, 2, 4, (1, 1, 5, 1)),
    ("repeats and the center's own word", 6, 3, 3, 2, (0, 1, 4, 3, 1, 2)),
    ("three words twice", 6, 3, 3, 5, (0, 1, 4, 4, 1, 0)),
)
SHORT_WINDOW = ("fewer words than 2C", 6, 3, 3, 1, (0, 4, 4, 5))

SHORT_CONTEXT = (
    "the function needs exactly 2C context words; near the ends of a sentence, which the course's training includes,"
    " there are fewer"
)


class CourseCost:
    """The course's softmaxCostAndGradient; accepts the argument names of any edition.

    ``keep_shape``: whether the gradient has the shape of the passed vector; otherwise its shape is (D,).
    """

    def __init__(self, keep_shape: bool) -> None:
        self._keep_shape = keep_shape
        self.__name__ = "softmaxCostAndGradient"

    def __call__(self, *arguments: Any, **keywords: Any) -> tuple[Any, Any, Any]:
        names = ("predicted", "target", "outputVectors")
        others = ("centerWordVec", "outsideWordIdx", "outsideVectors")
        values = list(arguments[:3])
        for name, other in list(zip(names, others, strict=True))[len(values) :]:
            if name not in keywords and other not in keywords:
                raise TypeError(f"word2vecCostAndGradient() is missing the argument {name!r}")
            values.append(keywords[name] if name in keywords else keywords[other])
        cost, vector_gradient, gradient = supplied.softmaxCostAndGradient(*values)
        if self._keep_shape:
            vector_gradient = vector_gradient.reshape(np.asarray(values[0]).shape)
        return cost, vector_gradient, gradient


def cost_functions(subject: Subject) -> list[tuple[str, CostFunction]]:
    """Cost functions to pass to the function, in order of the trials: the course's, then those of its file."""
    functions: list[tuple[str, CostFunction]] = [
        ("gradPred of shape (D,)", CourseCost(keep_shape=False)),
        ("gradPred of the shape of predicted", CourseCost(keep_shape=True)),
    ]
    for name, value in subject.namespace.items():
        if callable(value) and kind_of_name(name) == "softmaxCostAndGradient":
            functions.append((f"this file's {name}", value))
    return functions


def grade_with_cost_functions(subject: Subject, grade: Callable[[CostFunction], FunctionReport]) -> FunctionReport:
    """The report with the first cost function that makes it correct, else the report with the course's function."""
    first: FunctionReport | SubjectError | None = None
    modified: set[str] = set()
    for name, function in cost_functions(subject):
        subject.modified.clear()
        try:
            report = grade(function)
        except SubjectError as error:
            if first is None:
                first, modified = error, set(subject.modified)
            continue
        if report.verdict == "correct":
            if first is None:
                return report
            finding = Finding("input-shape", "warning", f"the function works with {name}, not with one of shape (D,)")
            return FunctionReport(
                report.name, report.kind, report.verdict, report.conventions, (*report.findings, finding)
            )
        if first is None:
            first, modified = report, set(subject.modified)
    subject.modified = modified
    if isinstance(first, SubjectError):
        raise first
    assert first is not None
    return first


def make_cases(
    subject: Subject,
    cost_function: CostFunction,
    readings: Callable[[int, Sequence[int], int, Array, Array], Mapping[str, Reading]],
) -> tuple[list[Case], list[Finding]]:
    """A case for each window. The short window is a case only if the function accepts it, else a finding."""
    cases = []
    findings = []
    for seed, (name, n_words, n_dims, window, center, contexts) in enumerate((*WINDOWS, SHORT_WINDOW), start=31):
        generator = np.random.RandomState(seed)
        inputs = generator.uniform(-1.0, 1.0, (n_words, n_dims))
        outputs = generator.uniform(-1.0, 1.0, (n_words, n_dims))
        arguments = {
            "currentWord": WORDS[center],
            "C": window,
            "contextWords": [WORDS[word_id] for word_id in contexts],
            "tokens": {WORDS[word_id]: word_id for word_id in range(n_words)},
            "dataset": ScriptedDataset((), n_words),
            "word2vecCostAndGradient": cost_function,
        }
        case = Case(
            name,
            _evaluator(subject, arguments),
            {"gradIn": inputs, "gradOut": outputs},
            dict(readings(center, contexts, window, inputs, outputs)),
            {"n": len(contexts), "C": window},
            {
                "currentWord": arguments["currentWord"],
                "C": window,
                "contextWords": arguments["contextWords"],
                "tokens": arguments["tokens"],
                "inputVectors": inputs,
                "outputVectors": outputs,
            },
        )
        if name == SHORT_WINDOW[0]:
            try:
                case.evaluate(case.values)
            except SubjectError as error:
                details = {"evidence": {"inputs": case.inputs, "got": error.finding.message}}
                findings.append(Finding("short-context", "warning", SHORT_CONTEXT, details))
                continue
        cases.append(case)
    return cases, findings


def _evaluator(subject: Subject, arguments: dict[str, Any]) -> Callable[[Blocks], Outcome]:
    def evaluate(values: Blocks) -> Outcome:
        inputs, outputs = values["gradIn"], values["gradOut"]
        arguments["dataset"].rewind()
        result = subject.call(arguments | {"inputVectors": inputs, "outputVectors": outputs}, SLOTS)
        return read_outcome(result, {"gradIn": inputs.shape, "gradOut": outputs.shape}, RETURNS)

    return evaluate
