"""Room estimators: epochs of mini-batches of the two-layer network.

Tests: tests/estimators/test_network.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import TrainingError
from firth.estimators.network_optimizers import Adam, MomentumSGD
from firth.numerics._arrays import FloatArray
from firth.numerics.network import NetworkObjective, NetworkSizes
from firth.numerics.network.objective import BLOCK_ROWS

GATHER_BYTES = 1 << 20  # shuffled inputs that are gathered at once: no more than a second-level cache holds


class Batches:
    """Epochs of mini-batches over one set of examples, into buffers that are used again.

    Parameters
    ----------
    parameters : float array, (P,)
        Changed in place.
    sizes : NetworkSizes
    X, labels, weights
        The examples; weights have mean one, or are None.
    optimizer : Adam or MomentumSGD
    batch_size : int
    l2 : float
    random : RandomState or None
        Shuffles the examples of each epoch; None: they keep their order.
    """

    def __init__(
        self,
        parameters: FloatArray,
        sizes: NetworkSizes,
        X: Any,
        labels: NDArray[Any],
        weights: FloatArray | None,
        optimizer: Adam | MomentumSGD,
        *,
        batch_size: int,
        l2: float,
        random: np.random.RandomState | None,
    ) -> None:
        self.random, self.optimizer = random, optimizer
        self.inputs, self.labels, self.weights = X, labels, weights
        self.n_examples, n_inputs = X.shape
        self.batch_size = batch_size
        self.order = np.arange(self.n_examples)
        self.objective = NetworkObjective(
            parameters,
            sizes,
            n_examples=min(self.batch_size, workspace_rows(X)),
            l2=l2,
        )
        self.rows_at_once, self.gathered = self.n_examples, None
        if random is not None:
            batches_at_once = max(1, GATHER_BYTES // (self.batch_size * n_inputs * X.dtype.itemsize))
            self.rows_at_once = min(self.n_examples, batches_at_once * self.batch_size)
            if isinstance(X, np.ndarray):
                self.gathered = np.empty((self.rows_at_once, n_inputs), X.dtype)

    def run_epoch(self) -> float:
        """Update the parameters once a batch; returns the mean objective over the epoch."""
        total = 0.0
        for inputs, labels, weights in self._ordered_examples():
            total += self._run_rows(inputs, labels, weights)
        validate_finite(total)
        return float(total / self.n_examples)

    def _ordered_examples(self) -> Iterator[tuple[Any, NDArray[Any], FloatArray | None]]:
        """The examples in this epoch's order, some batches at once."""
        if self.random is None:
            yield self.inputs, self.labels, self.weights
            return
        # A permutation of the last epoch's order, as MLPClassifier shuffles: the same seed, the same batches.
        swap = np.arange(self.n_examples)
        self.random.shuffle(swap)
        self.order = self.order[swap]
        for start in range(0, self.n_examples, self.rows_at_once):
            chosen = self.order[start : start + self.rows_at_once]
            if self.gathered is None:
                inputs = self.inputs[chosen]
            else:  # mode="clip" lets NumPy write without a buffer in between; the rows are in range
                inputs = np.take(self.inputs, chosen, axis=0, out=self.gathered[: len(chosen)], mode="clip")
            yield inputs, self.labels[chosen], None if self.weights is None else self.weights[chosen]

    def _run_rows(self, inputs: Any, labels: NDArray[Any], weights: FloatArray | None) -> float:
        objective, update, batch_size = self.objective, self.optimizer.update, self.batch_size
        evaluate, parameters, gradient = objective.evaluate, objective.parameters, objective.gradient
        total, n_examples, batch_weights = 0.0, len(labels), None
        for start in range(0, n_examples, batch_size):
            stop = min(start + batch_size, n_examples)
            if weights is not None:
                # The weights have mean one over all examples: a batch divides by its length, whatever weight it has.
                batch_weights = weights[start:stop]
            loss = evaluate(inputs[start:stop], labels[start:stop], batch_weights, stop - start)
            update(parameters, gradient)
            total += loss * (stop - start)
        return total


def workspace_rows(X: Any) -> int:
    """Rows of a workspace that go through the layers at once: all rows of a sparse matrix."""
    return min(X.shape[0], BLOCK_ROWS) if isinstance(X, np.ndarray) else int(X.shape[0])


def validate_finite(loss: float) -> None:
    """Raise TrainingError where a loss is not finite."""
    if not np.isfinite(loss):
        raise TrainingError(f"the loss became {loss}: scale the inputs (StandardScaler), or lower learning_rate")
