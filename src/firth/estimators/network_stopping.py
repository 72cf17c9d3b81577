"""Room estimators: when the training of the two-layer network is over.

Tests: tests/estimators/test_network.py.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.numerics._arrays import FloatArray
from firth.numerics.network import NetworkSizes, network_log_probabilities

Examples: TypeAlias = tuple[Any, NDArray[Any], FloatArray | None]
"""Inputs, labels, and weights or None."""


class Stopper:
    """Decides when training is over: no improvement of the loss, or on the validation part, whose best it keeps.

    Parameters
    ----------
    parameters : float array, (P,)
        At the start: the best ones until an epoch is better.
    sizes : NetworkSizes
    validation : (inputs, labels, weights or None), or None
        None: the loss decides.
    metric : {"accuracy", "loss"}
        What is computed on the validation part.
    tol : float
        An improvement is at least so much.
    n_iter_no_change : int
        Epochs or iterations without an improvement, after which one more ends the training.
    """

    def __init__(
        self,
        parameters: FloatArray,
        sizes: NetworkSizes,
        validation: Examples | None,
        *,
        metric: str,
        tol: float,
        n_iter_no_change: int,
    ) -> None:
        self.sizes, self.validation, self.metric = sizes, validation, metric
        self.tol, self.n_iter_no_change = tol, n_iter_no_change
        self.scores: list[float] = []
        self.best_score, self.best_loss = -np.inf, np.inf
        self.best_parameters = parameters
        self.n_without_improvement = 0

    def is_over(self, parameters: FloatArray, loss: float) -> bool:
        """Take note of one more epoch or iteration."""
        tol = self.tol
        if self.validation is None:
            improved = loss <= self.best_loss - tol
            self.best_loss = min(loss, self.best_loss)
        else:
            score = self._validation_score(parameters)
            self.scores.append(score)
            improved = score >= self.best_score + tol
            if score > self.best_score:
                self.best_score = score
                self.best_parameters = parameters.copy()
        self.n_without_improvement = 0 if improved else self.n_without_improvement + 1
        return self.n_without_improvement > self.n_iter_no_change

    def _validation_score(self, parameters: FloatArray) -> float:
        assert self.validation is not None
        inputs, labels, weights = self.validation
        logs = network_log_probabilities(parameters, inputs, self.sizes)
        if self.metric == "accuracy":
            scores = (logs.argmax(axis=1) == labels).astype(np.float64)
        else:
            scores = logs[np.arange(len(labels)), labels].astype(np.float64)
        return float(np.average(scores, weights=weights))
