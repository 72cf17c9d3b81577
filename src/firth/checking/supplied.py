"""Room checking: the functions that the course supplies, numerically stable, for files that use them.

Tests: tests/checking/test_loader.py.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import numpy as np

from firth import numerics


class UnavailableError(ImportError):
    """The function under test called a module that is not installed."""


def softmax(x: Any) -> Any:
    """Row-wise softmax, as in the course: a vector is one row."""
    return numerics.softmax(_floats(x))


def sigmoid(x: Any) -> Any:
    return numerics.sigmoid(_floats(x))


def sigmoid_grad(s: Any) -> Any:
    """The sigmoid's derivative from the sigmoid's value, as in the course."""
    return numerics.sigmoid_gradient(_floats(s))


def normalizeRows(x: Any) -> Any:
    rows = np.array(_floats(x))
    norms = np.sqrt(np.sum(rows**2, axis=-1, keepdims=True))
    return np.divide(rows, norms, out=rows, where=norms > 0)


def getNegativeSamples(target: Any, dataset: Any, K: int) -> list[int]:
    """K draws, in order; a draw that equals the target is repeated."""
    indices = []
    for _ in range(K):
        drawn = dataset.sampleTokenIdx()
        while drawn == target:
            drawn = dataset.sampleTokenIdx()
        indices.append(drawn)
    return indices


def softmaxCostAndGradient(predicted: Any, target: Any, outputVectors: Any, dataset: Any = None) -> Any:
    vector, target_id, rows = _prediction(predicted, target, outputVectors)
    cost, vector_gradient, row_gradient = numerics.softmax_loss(vector, rows, target_id)
    return np.float64(cost), vector_gradient, row_gradient.to_dense(len(rows))


def negSamplingCostAndGradient(predicted: Any, target: Any, outputVectors: Any, dataset: Any, K: int = 10) -> Any:
    vector, target_id, rows = _prediction(predicted, target, outputVectors)
    negatives = getNegativeSamples(target_id, dataset, K)
    cost, vector_gradient, row_gradient = numerics.negative_sampling_loss(vector, rows, target_id, negatives)
    return np.float64(cost), vector_gradient, row_gradient.to_dense(len(rows))


def naiveSoftmaxLossAndGradient(
    centerWordVec: Any, outsideWordIdx: Any, outsideVectors: Any, dataset: Any = None
) -> Any:
    return softmaxCostAndGradient(centerWordVec, outsideWordIdx, outsideVectors, dataset)


def negSamplingLossAndGradient(
    centerWordVec: Any, outsideWordIdx: Any, outsideVectors: Any, dataset: Any, K: int = 10
) -> Any:
    return negSamplingCostAndGradient(centerWordVec, outsideWordIdx, outsideVectors, dataset, K)


def gradcheck_naive(f: Any, x: Any, gradientText: str = "") -> None:
    """Does nothing, because the grader checks gradients itself."""


def rel_error(x: Any, y: Any) -> Any:
    """Largest |x - y| / max(1e-8, |x| + |y|)."""
    first, second = np.asarray(x), np.asarray(y)
    return np.max(np.abs(first - second) / np.maximum(1e-8, np.abs(first) + np.abs(second)))


def _floats(x: Any) -> Any:
    array = np.asarray(x)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _prediction(predicted: Any, target: Any, outputVectors: Any) -> tuple[Any, int, Any]:
    return np.asarray(predicted, np.float64).reshape(-1), int(target), np.asarray(outputVectors, np.float64)


COURSE_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "softmax": softmax,
    "sigmoid": sigmoid,
    "sigmoid_grad": sigmoid_grad,
    "normalizeRows": normalizeRows,
    "getNegativeSamples": getNegativeSamples,
    "softmaxCostAndGradient": softmaxCostAndGradient,
    "negSamplingCostAndGradient": negSamplingCostAndGradient,
    "naiveSoftmaxLossAndGradient": naiveSoftmaxLossAndGradient,
    "negSamplingLossAndGradient": negSamplingLossAndGradient,
    "gradcheck_naive": gradcheck_naive,
    "rel_error": rel_error,
}

# What Python 2 had built in, or what the starter code imports before the student's first line.
PYTHON_NAMES: dict[str, Any] = {
    "np": np,
    "numpy": np,
    "random": random,
    "math": math,
    "Counter": Counter,
    "defaultdict": defaultdict,
    "OrderedDict": OrderedDict,
    "deque": deque,
    "itertools": itertools,
    "functools": functools,
    "xrange": range,
    "profile": lambda function: function,
    "reduce": functools.reduce,
    "izip": zip,
    "imap": map,
    "unicode": str,
    "basestring": str,
    "long": int,
    "raw_input": lambda prompt="": "",
    "input": lambda prompt="": "",
}

SUPPLIED_NAMES: dict[str, Any] = PYTHON_NAMES | COURSE_FUNCTIONS

# Modules of the course (their first part): always the supplied ones, so that a fault is named where it lies.
COURSE_MODULES = frozenset(
    [
        "q1_softmax",
        "q2_sigmoid",
        "q2_gradcheck",
        "q2_neural",
        "q3_word2vec",
        "q3_sgd",
        "q3_run",
        "q4_sentiment",
        "softmax",
        "sigmoid",
        "gradcheck",
        "word2vec",
        "sgd",
        "utils",
        "data_utils",
        "glove",
        "treebank",
        "cs224d",
        "cs224n",
        "nn",
        "run",
    ]
)

# Aliases that NumPy has removed since the course's solutions were written.
REMOVED_NUMPY_NAMES: dict[str, Any] = {
    "float": float,
    "int": int,
    "bool": bool,
    "object": object,
    "str": str,
    "complex": complex,
    "long": int,
    "unicode": str,
    "float_": np.float64,
    "complex_": np.complex128,
    "unicode_": np.str_,
    "Inf": np.inf,
    "Infinity": np.inf,
    "infty": np.inf,
    "NaN": np.nan,
    "NAN": np.nan,
    "NINF": -np.inf,
    "PINF": np.inf,
    "product": np.prod,
    "cumproduct": np.cumprod,
    "sometrue": np.any,
    "alltrue": np.all,
    "row_stack": np.vstack,
    "in1d": lambda first, second, **options: np.isin(np.asarray(first).reshape(-1), second, **options),
    "trapz": getattr(np, "trapezoid", None),
    "asfarray": lambda array, dtype=np.float64: np.asarray(array, dtype),
    "asscalar": lambda array: np.asarray(array).item(),
    "rank": np.ndim,
    "mat": np.asmatrix,
}


def restore_removed_numpy_names() -> None:
    """Restore the aliases that NumPy has removed; only for the child process."""
    for name, value in REMOVED_NUMPY_NAMES.items():
        if value is not None and name not in np.__dict__:
            setattr(np, name, value)


class SuppliedModule(types.ModuleType):
    """A module that the course supplies, or that is not installed. Known names work; a call of another name raises."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in SUPPLIED_NAMES:
            return SUPPLIED_NAMES[name]
        if name == "expit":  # scipy.special's, where SciPy is not installed
            return sigmoid
        if name in ("jit", "njit", "vectorize", "autojit"):
            return _identity_decorator
        return _Placeholder(f"{self.__name__}.{name}")


class _Placeholder:
    """A name of a missing module. It can be imported and passed on, but not called."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in COURSE_FUNCTIONS:
            return COURSE_FUNCTIONS[name]
        return _Placeholder(f"{self._name}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise UnavailableError(
            f"{self._name} is not available to the grader: its module is neither installed nor part of the course"
        )


def _identity_decorator(*args: Any, **kwargs: Any) -> Any:
    if len(args) == 1 and callable(args[0]) and not kwargs:
        return args[0]
    return lambda function: function


def make_module(name: str) -> SuppliedModule:
    """A module under ``name`` with the course's functions for ``import *``."""
    module = SuppliedModule(name, "Supplied by firth's grader.")
    module.__path__ = []  # a package: whatever is imported below it is supplied too
    module.__dict__["__all__"] = list(COURSE_FUNCTIONS)
    return module
