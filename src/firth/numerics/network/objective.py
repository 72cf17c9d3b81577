"""Room numerics: loss and gradient of the two-layer network for a training loop, with buffers that are used again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from firth.errors import ParameterError, ShapeError
from firth.numerics._arrays import FloatArray
from firth.numerics.network.layout import NetworkParameters, NetworkSizes, as_sizes, unpack, validate_packed

# Number of rows that are computed together. It limits the memory. The threads of the BLAS synchronise after each matrix
# product, so products must be large. On a busy machine, blocks of 1024 rows took twice as long; on one thread, 1024 to
# 8192 rows are equally fast.
BLOCK_ROWS = 8192

# Largest number of multiplications in a product for which OpenBLAS (AVX-512) neither packs its operands nor starts
# threads. A product of up to twice this number, such as a mini-batch's, is a sixth faster if it is computed in two
# halves, and does not wait for a busy second core.
SMALL_PRODUCT = 1_000_000


class NetworkWorkspace:
    """Buffers of :func:`network_loss_and_gradient` and :func:`network_probabilities`.

    Without a workspace, each call allocates its own buffers. Two calls must not use a workspace at the same time.

    Parameters
    ----------
    sizes : NetworkSizes, or three integers (D, H, C)
    n_examples : int
        The largest number of examples that are computed together: those of the largest call, but for dense inputs at
        most ``BLOCK_ROWS``.
    dtype : float32 or float64
        The float type of the parameters.
    """

    def __init__(self, sizes: tuple[int, int, int], n_examples: int, dtype: DTypeLike = np.float64) -> None:
        self.sizes = as_sizes(sizes)
        self.n_rows = max(n_examples, 1)
        self.dtype = np.dtype(dtype)
        n_hidden, n_classes = self.sizes.n_hidden, self.sizes.n_classes
        self._hidden = np.empty((self.n_rows, n_hidden), self.dtype)
        self._hidden_gradient = np.empty_like(self._hidden)
        self._scratch = np.empty_like(self._hidden)
        self._scores = np.empty(self.n_rows * n_classes, self.dtype)
        self._ones = np.ones(self.n_rows, self.dtype)
        self._examples = np.arange(self.n_rows)
        self._spare: FloatArray | None = None

    def spare_gradient(self) -> FloatArray:
        """A second buffer for a packed gradient: that of the penalty, or of one block of rows."""
        if self._spare is None:
            self._spare = np.empty(self.sizes.n_parameters, self.dtype)
        return self._spare


class NetworkObjective:
    """Loss and gradient of the two-layer network at packed parameters that a training loop changes in place.

    :func:`network_loss_and_gradient` checks its arguments and calls :meth:`evaluate` once. A training loop that has
    checked its data makes one objective and uses its views and buffers for every batch.

    Parameters
    ----------
    parameters : float array, (P,), contiguous
        Each evaluation reads the current values.
    sizes : NetworkSizes, or three integers (D, H, C)
    n_examples : int
        Largest number of rows that are computed together: those of the largest batch, but for dense inputs at most
        ``BLOCK_ROWS``.
    l2 : float >= 0
    out : float array, (P,), contiguous, of the type of ``parameters``, optional
        Each evaluation writes the gradient to this array, which is ``objective.gradient``.
    workspace : NetworkWorkspace, optional
        Buffers that are shared with other calls. They must have ``n_examples`` rows.

    Raises
    ------
    ShapeError, ParameterError
    """

    def __init__(
        self,
        parameters: FloatArray,
        sizes: tuple[int, int, int],
        *,
        n_examples: int,
        l2: float = 0.0,
        out: FloatArray | None = None,
        workspace: NetworkWorkspace | None = None,
    ) -> None:
        sizes = as_sizes(sizes)
        validate_packed("parameters", parameters, sizes)
        if not l2 >= 0:
            raise ParameterError(f"l2 must be at least 0, got {l2}")
        if out is None:
            out = np.empty(sizes.n_parameters, parameters.dtype)
        else:
            validate_packed("out", out, sizes)
            if out.dtype != parameters.dtype or not out.flags.c_contiguous:
                raise ParameterError(f"out must be contiguous and of the type {parameters.dtype}, got {out.dtype}")
        self.parameters, self.gradient = parameters, out
        self.workspace = validated_workspace(workspace, sizes, n_examples, parameters.dtype)
        self._network, self._network_gradient = unpack(parameters, sizes), unpack(out, sizes)
        self._penalties: FloatArray | None = None
        if l2 > 0:  # the penalty of each parameter: 0 for biases
            self._penalties = np.full(sizes.n_parameters, l2, parameters.dtype)
            penalties = unpack(self._penalties, sizes)
            penalties.hidden_bias[:] = 0
            penalties.output_bias[:] = 0

    def evaluate(self, inputs: Any, labels: NDArray[Any], weights: FloatArray | None, divisor: float) -> float:
        """Compute sum_b w_b loss_b / ``divisor`` + penalty, and write its gradient to ``gradient``.

        Arguments are not checked.

        Parameters
        ----------
        inputs : float array, (B, D), or a SciPy sparse matrix or array, of the parameters' type
        labels : int64 array, (B,), in [0, C); or float array, (B, C), of the parameters' type
        weights : float array, (B,), of the parameters' type, or None for ones
        divisor : float > 0
        """
        gradient, workspace = self.gradient, self.workspace
        scale = 1 / divisor
        n_examples = inputs.shape[0]
        block_rows = block_rows_of(inputs, n_examples)
        with np.errstate(over="ignore", under="ignore"):
            if n_examples <= block_rows:
                loss = _block_loss_and_gradient(
                    self._network, inputs, labels, weights, scale, self._network_gradient, workspace
                )
            else:
                loss = 0.0
                gradient[:] = 0
                partial = workspace.spare_gradient()
                network_partial = unpack(partial, workspace.sizes)
                for start in range(0, n_examples, block_rows):
                    rows = slice(start, start + block_rows)
                    block_weights = None if weights is None else weights[rows]
                    loss += _block_loss_and_gradient(
                        self._network, inputs[rows], labels[rows], block_weights, scale, network_partial, workspace
                    )
                    gradient += partial
        loss /= divisor
        if self._penalties is not None:
            penalty_gradient = workspace.spare_gradient()
            np.multiply(self.parameters, self._penalties, out=penalty_gradient)
            np.add(gradient, penalty_gradient, out=gradient)
            loss += 0.5 * float(np.dot(self.parameters, penalty_gradient))
        return loss


def _block_loss_and_gradient(
    network: NetworkParameters,
    inputs: Any,
    labels: NDArray[Any],
    weights: FloatArray | None,
    scale: float,
    gradient: NetworkParameters,
    workspace: NetworkWorkspace,
) -> float:
    """The summed loss of some rows. The gradient of this loss, times ``scale``, is written to ``gradient``."""
    n_rows = inputs.shape[0]
    scores, features = forward(network, inputs, workspace)
    loss = _output_loss_and_gradient(scores, labels, weights, scale, workspace)
    ones = workspace._ones[:n_rows]
    np.dot(scores, ones, out=gradient.output_bias)
    if workspace.sizes.n_hidden == 0:
        _product_into(features.T, scores.T, gradient.output_weights)
        return loss
    np.matmul(features.T, scores.T, out=gradient.output_weights)
    hidden_gradient, scratch = workspace._hidden_gradient[:n_rows], workspace._scratch[:n_rows]
    np.matmul(scores.T, network.output_weights.T, out=hidden_gradient)
    np.subtract(1, features, out=scratch)
    np.multiply(scratch, features, out=scratch)
    np.multiply(hidden_gradient, scratch, out=hidden_gradient)
    _product_into(inputs.T, hidden_gradient, gradient.hidden_weights)
    np.dot(ones, hidden_gradient, out=gradient.hidden_bias)
    return loss


def forward(network: NetworkParameters, inputs: Any, workspace: NetworkWorkspace) -> tuple[FloatArray, Any]:
    """Logits (C, B), and the inputs of the output layer.

    The logits have one row for each class: a sum over classes then adds whole rows, which are contiguous in memory.
    """
    n_rows, n_classes = inputs.shape[0], workspace.sizes.n_classes
    scores = workspace._scores[: n_rows * n_classes].reshape(n_classes, n_rows)
    features = inputs
    if workspace.sizes.n_hidden:
        features = workspace._hidden[:n_rows]
        _product_into(inputs, network.hidden_weights, features)
        # s(z) = 1 / (1 + exp(-z)). If exp(-z) overflows, s is smaller than the smallest normal number; it becomes 0.
        np.subtract(-network.hidden_bias, features, out=features)
        np.exp(features, out=features)
        np.add(features, 1, out=features)
        np.divide(1, features, out=features)  # twice as fast as np.reciprocal
    if isinstance(features, np.ndarray):
        np.matmul(network.output_weights.T, features.T, out=scores)
    else:
        scores[:] = (features @ network.output_weights).T
    np.add(scores, network.output_bias[:, None], out=scores)
    return scores, features


def _output_loss_and_gradient(
    scores: FloatArray, labels: NDArray[Any], weights: FloatArray | None, scale: float, workspace: NetworkWorkspace
) -> float:
    """The summed cross-entropy of logits (C, B).

    The logits are replaced by scale * weight * gradient with respect to the logits.
    """
    n_rows = scores.shape[1]
    np.subtract(scores, np.maximum.reduce(scores, axis=0), out=scores)
    factors = scale if weights is None else weights * scores.dtype.type(scale)
    if labels.ndim == 1:
        flat_scores = scores.reshape(-1)
        picked = labels * n_rows
        picked += workspace._examples[:n_rows]
        losses = flat_scores[picked]
        np.exp(scores, out=scores)
        total = np.add.reduce(scores, axis=0)
        np.subtract(np.log(total), losses, out=losses)
        np.multiply(scores, np.divide(factors, total, out=total), out=scores)
        flat_scores[picked] -= factors
    else:
        shares = labels.T
        label_sums = labels.sum(axis=1)
        # A class whose label is 0 adds no loss, even if the logarithm of its probability is -infinity.
        chosen = np.multiply(shares, scores, out=np.zeros_like(scores), where=shares != 0).sum(axis=0)
        np.exp(scores, out=scores)
        total = scores.sum(axis=0)
        losses = label_sums * np.log(total) - chosen
        np.multiply(scores, label_sums / total, out=scores)
        np.subtract(scores, shares, out=scores)
        np.multiply(scores, factors, out=scores)
    if weights is not None:
        np.multiply(losses, weights, out=losses)
    return float(np.add.reduce(losses, dtype=np.float64))


def _product_into(left: Any, right: FloatArray, out: FloatArray) -> None:
    """out = left @ right. ``left`` may be sparse."""
    if not isinstance(left, np.ndarray):
        out[:] = left @ right
    elif SMALL_PRODUCT < left.size * right.shape[1] <= 2 * SMALL_PRODUCT:
        half = len(left) // 2
        np.matmul(left[:half], right, out=out[:half])
        np.matmul(left[half:], right, out=out[half:])
    else:
        np.matmul(left, right, out=out)


def block_rows_of(inputs: Any, n_examples: int) -> int:
    return BLOCK_ROWS if isinstance(inputs, np.ndarray) else max(n_examples, 1)


def validated_workspace(
    workspace: NetworkWorkspace | None, sizes: NetworkSizes, n_rows: int, dtype: np.dtype[Any]
) -> NetworkWorkspace:
    if workspace is None:
        return NetworkWorkspace(sizes, n_rows, dtype)
    if workspace.sizes != sizes or workspace.n_rows < n_rows or workspace.dtype != dtype:
        raise ShapeError(
            f"workspace must have the sizes {tuple(sizes)}, at least {n_rows} rows and the type {dtype},"
            f" got {tuple(workspace.sizes)}, {workspace.n_rows} and {workspace.dtype}"
        )
    return workspace
