"""Room checking: compares two implementations on the same inputs, by relative error; used only in the child process.

Tests: tests/cli/test_check.py.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.checking.discovery import SourceUnit
from firth.checking.grading import broken
from firth.checking.kinds import _prediction, _window, elementwise, layers, negative_draws, network
from firth.checking.loader import LoadedFile, load_units
from firth.checking.report import Finding, FunctionReport
from firth.checking.scripted import WORDS, ScriptedDataset
from firth.checking.subject import Slot, Subject, SubjectError, TimeLimitError
from firth.checking.supplied import rel_error
from firth.numerics import sigmoid_forward

Array = NDArray[np.float64]

SAME = 1e-6  # largest relative error at which two implementations agree
N_INPUTS = 4
MAX_TRIALS = 4000  # number of inputs that are tried for a function of unknown kind
MAX_FOUND = 40  # number of these that the reference accepts and that are used

# Inputs for a function of unknown kind, in the order of the trials.
_SHAPES: tuple[tuple[int, ...], ...] = ((4, 3), (3,), (), (3, 4), (3, 3), (4,), (5,), (1, 3), (4, 1), (5, 4), (3, 5))


def compare_function(
    units: Sequence[SourceUnit],
    folder: Path,
    reference_units: Sequence[SourceUnit],
    reference_folder: Path,
    name: str,
    kind: str,
) -> FunctionReport:
    """`correct` if every result of the function agrees with the reference's result, else `wrong` or `broken`.

    A known kind has its own inputs. For another function of arrays, the inputs are arrays of several shapes, the first
    ones that the reference accepts.
    """
    try:
        subject = _subject(load_units(units, folder), name, kind)
        reference = _subject(load_units(reference_units, reference_folder), name, kind)
    except SubjectError as error:
        return broken(name, kind, error.finding)
    worst, evidence = 0.0, None
    n_compared = 0
    refused: SubjectError | None = None
    try:
        for arguments, slots in _inputs(reference, kind):
            try:
                expected = _numbers(_call(reference, arguments, slots))
            except SubjectError as error:
                details = {"evidence": {"inputs": arguments, "got": error.finding.message}}
                message = f"the reference cannot be compared with: {error.finding.message}"
                return broken(name, kind, Finding("reference-raises", "error", message, details))
            try:
                got = _numbers(_call(subject, arguments, slots))
            except SubjectError as error:
                if slots is not None:
                    raise
                refused = refused or error  # the function need not accept every guessed input
                continue
            n_compared += 1
            error_size = _difference(expected, got)
            if error_size > worst or evidence is None:
                worst = max(worst, error_size)
                evidence = {"inputs": arguments, "expected": expected, "got": got, "rel_error": error_size}
            if slots is None and n_compared == N_INPUTS:
                break
    except SubjectError as error:
        return broken(name, kind, error.finding)
    except (TimeLimitError, MemoryError) as error:
        return broken(name, kind, subject.describe_exception(error))
    if n_compared == 0 and refused is not None:
        return broken(name, kind, refused.finding)
    if n_compared == 0:
        message = "no input was found that the reference accepts; arrays of up to two dimensions were tried"
        return broken(name, kind, Finding("no-inputs", "error", message))
    if worst <= SAME:
        message = f"agrees with the reference on {n_compared} inputs, largest relative error {worst:.1e}"
        finding = Finding("agrees", "note", message, {"rel_error": worst, "n_inputs": n_compared})
        return FunctionReport(name, kind, "correct", findings=(finding,))
    message = f"differs from the reference: relative error {worst:.3g}"
    finding = Finding("differs", "error", message, {"rel_error": worst, "evidence": evidence})
    return FunctionReport(name, kind, "wrong", findings=(finding,))


def _subject(loaded: LoadedFile, name: str, kind: str) -> Subject:
    function = loaded.namespace.get(name)
    if name in loaded.failures or not callable(function):
        raise SubjectError(Finding("raises", "error", f"{name} could not be defined: {loaded.failures.get(name)}"))
    return Subject(name, kind, function, loaded.namespace, loaded.labels)


def _call(subject: Subject, arguments: Mapping[str, Any], slots: Sequence[Slot] | None) -> Any:
    if isinstance(arguments.get("dataset"), ScriptedDataset):
        arguments["dataset"].rewind()
    if slots is None:
        return subject.call_plain(list(arguments.values()))
    return subject.call(arguments, slots)


def _inputs(reference: Subject, kind: str) -> Iterator[tuple[Mapping[str, Any], Sequence[Slot] | None]]:
    made = _inputs_of_kind(kind)
    if made is not None:
        yield from made
        return
    n_arguments = _n_required(reference)
    n_found = 0
    for trial, shapes in enumerate(itertools.product(_SHAPES, repeat=n_arguments)):
        if trial >= MAX_TRIALS or n_found >= MAX_FOUND:
            return
        generator = np.random.RandomState(trial)
        arguments = {f"argument {i + 1}": np.asarray(generator.uniform(0.1, 1.5, s)) for i, s in enumerate(shapes)}
        try:
            numbers = _numbers(_call(reference, arguments, None))
        except SubjectError:
            continue
        if numbers and all(np.all(np.isfinite(value)) for value in numbers):
            n_found += 1
            yield arguments, None


def _n_required(subject: Subject) -> int:
    parameters = inspect.signature(subject.function).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters)


def _inputs_of_kind(kind: str) -> Iterator[tuple[dict[str, Any], Sequence[Slot]]] | None:
    makers: dict[str, Any] = {
        "sigmoid": _arrays,
        "softmax": _arrays,
        "normalizeRows": _arrays,
        "sigmoid_grad": _probabilities,
        "affine_forward": _affine_forward,
        "affine_backward": _affine_backward,
        "sigmoid_forward": lambda: (({"x": a["x"]}, layers.SIGMOID_FORWARD_SLOTS) for a, _ in _arrays()),
        "sigmoid_backward": _sigmoid_backward,
        "forward_backward_prop": _network,
        "softmaxCostAndGradient": _predictions,
        "negSamplingCostAndGradient": _predictions,
        "getNegativeSamples": _draws,
        "skipgram": _windows,
        "cbow": _windows,
    }
    maker = makers.get(kind)
    return None if maker is None else maker()


def _arrays() -> Iterator[tuple[dict[str, Any], Sequence[Slot]]]:
    for seed, shape in enumerate(((3, 4), (4, 3), (3, 3), (1, 5))):
        yield {"x": np.random.RandomState(seed).uniform(-2, 2, shape)}, elementwise.SLOTS


def _probabilities() -> Iterator[tuple[dict[str, Any], Sequence[Slot]]]:
    for seed, shape in enumerate(((3, 4), (4, 3))):
        yield {"x": np.random.RandomState(seed).uniform(0.05, 0.95, shape)}, elementwise.SLOTS


def _affine_forward() -> Iterator[tuple[dict[str, Any], Sequence[Slot]]]:
    for seed in range(N_INPUTS):
        generator = np.random.RandomState(seed)
        x, w, b = (generator.standard_normal(shape) for shape in ((4, 3), (3, 5), (5,)))
        yield {"x": x, "w": w, "b": b}, layers.AFFINE_FORWARD_SLOTS


def _affine_backward() -> Iterator[tuple[dict[str, Any], Sequence[Slot]]]:
    for seed, (arguments, _) in enumerate(_affine_forward()):
        dout = np.random.RandomState(seed + 50).standard_normal((4, 5))
        yield {"dout": dout, "cache": tuple(arguments.values())}, layers.BACKWARD_SLOTS


def _sigmoid_backward() -> Iterator[tuple[dict[str, Any], Sequence[Slot]]]:
    for seed in range(N_INPUTS):
        generator = np.random.RandomState(seed)
        out, _ = sigmoid_forward(generator.standard_normal((3, 4)))
        yield {"dout": generator.standard_normal((3, 4)), "cache": out}, layers.BACKWARD_SLOTS


def _network() -> Iterator[tuple[dict[str, Any], Sequence[Slot]]]:
    for seed, (n_examples, n_inputs, n_hidden, n_classes) in enumerate(network.SIZES):
        generator = np.random.RandomState(seed)
        n_parameters = (n_inputs + 1) * n_hidden + (n_hidden + 1) * n_classes
        arguments = {
            "data": generator.standard_normal((n_examples, n_inputs)),
            "labels": np.eye(n_classes)[generator.randint(n_classes, size=n_examples)],
            "params": generator.standard_normal(n_parameters),
            "dimensions": [n_inputs, n_hidden, n_classes],
        }
        yield arguments, network.SLOTS


def _predictions() -> Iterator[tuple[dict[str, Any], Sequence[Slot]]]:
    for seed in range(N_INPUTS):
        vector, rows = _prediction.make_vectors(seed, 6, 3)
        arguments = {"predicted": vector, "target": seed, "outputVectors": rows, "K": 5}
        yield arguments | {"dataset": ScriptedDataset((seed, 1, 1, 4), 6)}, _prediction.SLOTS


def _draws() -> Iterator[tuple[dict[str, Any], Sequence[Slot]]]:
    for n_words, target, k, script in negative_draws.SCRIPTS:
        yield {"target": target, "dataset": ScriptedDataset(script, n_words), "K": k}, negative_draws.SLOTS


def _windows() -> Iterator[tuple[dict[str, Any], Sequence[Slot]]]:
    for seed, (_, n_words, n_dims, window, center, contexts) in enumerate(_window.WINDOWS):
        generator = np.random.RandomState(seed)
        arguments = {
            "currentWord": WORDS[center],
            "C": window,
            "contextWords": [WORDS[word_id] for word_id in contexts],
            "tokens": {WORDS[word_id]: word_id for word_id in range(n_words)},
            "inputVectors": generator.uniform(-1, 1, (n_words, n_dims)),
            "outputVectors": generator.uniform(-1, 1, (n_words, n_dims)),
            "dataset": ScriptedDataset((), n_words),
            "word2vecCostAndGradient": _window.CourseCost(keep_shape=False),
        }
        yield arguments, _window.SLOTS


def _numbers(result: Any) -> list[Array]:
    """All arrays and numbers in a result, in order."""
    if isinstance(result, Mapping):
        return [value for key in sorted(result, key=str) for value in _numbers(result[key])]
    if isinstance(result, tuple):
        return [value for part in result for value in _numbers(part)]
    try:
        return [np.asarray(result, dtype=np.float64)]
    except (TypeError, ValueError, OverflowError):
        if isinstance(result, list):
            return [value for part in result for value in _numbers(part)]
        return []


def _difference(expected: Sequence[Array], got: Sequence[Array]) -> float:
    if len(expected) != len(got):
        return float("inf")
    worst = 0.0
    for right, value in zip(expected, got, strict=True):
        if right.size != value.size:
            return float("inf")
        if right.size:
            error = float(rel_error(value.reshape(-1), right.reshape(-1)))
            worst = max(worst, error if np.isfinite(error) else float("inf"))
    return worst
