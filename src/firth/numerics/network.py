"""Room numerics: loss and gradient of the two-layer network: sigmoid hidden layer, softmax output, packed parameters.

It trains nothing: ``firth.estimators.SigmoidNetworkClassifier`` does, by calling what stands here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from firth.base.values import validate_choice
from firth.errors import IdError, ParameterError, ShapeError
from firth.numerics._arrays import REDUCTIONS, FloatArray, as_floats

# Rows that go through the layers together: memory stays bounded, and products are large enough that the threads of the
# BLAS, which meet after each of them, seldom wait (on a busy machine blocks of 1024 took twice as long; on one thread
# 1024 to 8192 are alike).
BLOCK_ROWS = 8192

# Multiplications in a product up to which OpenBLAS (AVX-512) neither packs its operands nor wakes threads: a product of
# up to twice as many, as of a mini-batch, is a sixth faster in two halves, and does not wait for a busy second core.
SMALL_PRODUCT = 1_000_000


class NetworkSizes(NamedTuple):
    """Sizes of a two-layer network: D inputs, H hidden units, C classes; H = 0 is softmax regression."""

    n_inputs: int
    n_hidden: int
    n_classes: int

    @property
    def n_features(self) -> int:
        """What the output layer sees: the hidden units, or the inputs where there are none."""
        return self.n_hidden or self.n_inputs

    @property
    def n_parameters(self) -> int:
        """Length of the packed parameters."""
        return self.n_inputs * self.n_hidden + self.n_hidden + self.n_features * self.n_classes + self.n_classes


class NetworkParameters(NamedTuple):
    """The four arrays of a two-layer network, in the order in which they are packed.

    hidden_weights : W1, (D, H)
    hidden_bias : b1, (H,)
    output_weights : W2, (H, C); (D, C) without hidden units
    output_bias : b2, (C,)
    """

    hidden_weights: FloatArray
    hidden_bias: FloatArray
    output_weights: FloatArray
    output_bias: FloatArray


class NetworkWorkspace:
    """Arrays that :func:`network_loss_and_gradient` and :func:`network_probabilities` work in, to be used again.

    Without one, each call allocates its own. One workspace serves one call at a time.

    Parameters
    ----------
    sizes : NetworkSizes, or three integers (D, H, C)
    n_examples : int
        The largest number of examples in a call; rows beyond ``BLOCK_ROWS`` go through the layers block by block.
    dtype : float32 or float64, as the parameters
    """

    def __init__(self, sizes: tuple[int, int, int], n_examples: int, dtype: DTypeLike = np.float64) -> None:
        self.sizes = _as_sizes(sizes)
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
        """A second packed gradient, for the penalty's and for the sum over blocks."""
        if self._spare is None:
            self._spare = np.empty(self.sizes.n_parameters, self.dtype)
        return self._spare


class NetworkObjective:
    """Loss and gradient of the two-layer network at packed parameters that a training loop changes in place.

    The work of :func:`network_loss_and_gradient`, which validates its arguments and calls :meth:`evaluate` once. A loop
    that has validated its data makes one objective, whose views and buffers serve every batch.

    Parameters
    ----------
    parameters : float array, (P,), contiguous
        Read anew by each evaluation.
    sizes : NetworkSizes, or three integers (D, H, C)
    n_examples : int
        Rows that go through the layers at once: those of the largest batch, at most ``BLOCK_ROWS`` where it is dense.
    l2 : float >= 0
    out : float array, (P,), contiguous, of the type of ``parameters``, optional
        Where each evaluation writes the gradient, which is ``objective.gradient``.
    workspace : NetworkWorkspace, optional
        To share with other calls; it must have the rows.

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
        sizes = _as_sizes(sizes)
        _validate_packed("parameters", parameters, sizes)
        if not l2 >= 0:
            raise ParameterError(f"l2 must be at least 0, got {l2}")
        if out is None:
            out = np.empty(sizes.n_parameters, parameters.dtype)
        else:
            _validate_packed("out", out, sizes)
            if out.dtype != parameters.dtype or not out.flags.c_contiguous:
                raise ParameterError(f"out must be contiguous and of the type {parameters.dtype}, got {out.dtype}")
        self.parameters, self.gradient = parameters, out
        self.workspace = _validated_workspace(workspace, sizes, n_examples, parameters.dtype)
        self._network, self._network_gradient = _unpack(parameters, sizes), _unpack(out, sizes)
        self._penalties: FloatArray | None = None
        if l2 > 0:  # of each parameter: none of the biases
            self._penalties = np.full(sizes.n_parameters, l2, parameters.dtype)
            penalties = _unpack(self._penalties, sizes)
            penalties.hidden_bias[:] = 0
            penalties.output_bias[:] = 0

    def evaluate(self, inputs: Any, labels: NDArray[Any], weights: FloatArray | None, divisor: float) -> float:
        """sum_b w_b loss_b / ``divisor`` + penalty; its gradient is written to ``gradient``. Nothing is validated.

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
        block_rows = _block_rows(inputs, n_examples)
        with np.errstate(over="ignore", under="ignore"):
            if n_examples <= block_rows:
                loss = _block_loss_and_gradient(
                    self._network, inputs, labels, weights, scale, self._network_gradient, workspace
                )
            else:
                loss = 0.0
                gradient[:] = 0
                partial = workspace.spare_gradient()
                network_partial = _unpack(partial, workspace.sizes)
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


def pack_network(
    hidden_weights: ArrayLike, hidden_bias: ArrayLike, output_weights: ArrayLike, output_bias: ArrayLike
) -> FloatArray:
    """Pack W1, b1, W2, b2 into one vector, each in row-major order.

    Parameters
    ----------
    hidden_weights : float array, (D, H)
    hidden_bias : float array, (H,) or (1, H)
    output_weights : float array, (H, C); (D, C) where H = 0
    output_bias : float array, (C,) or (1, C)

    Returns
    -------
    float array, (D H + H + H C + C,): a copy, in the widest float type of the four

    Raises
    ------
    ShapeError, ParameterError
    """
    arrays = [
        as_floats(name, value)
        for name, value in zip(
            NetworkParameters._fields, (hidden_weights, hidden_bias, output_weights, output_bias), strict=True
        )
    ]
    if arrays[0].ndim != 2 or arrays[2].ndim != 2:
        raise ShapeError(
            f"weights must have the shapes (D, H) and (H, C), got {arrays[0].shape} and {arrays[2].shape};"
            " without hidden units they are (D, 0) and (D, C)"
        )
    (n_inputs, n_hidden), n_classes = arrays[0].shape, arrays[2].shape[1]
    sizes = NetworkSizes(n_inputs, n_hidden, n_classes)
    for name, array, shape in zip(NetworkParameters._fields, arrays, _shapes(sizes), strict=True):
        if array.shape != shape and array.shape != (1, *shape):
            raise ShapeError(f"{name} must have the shape {shape} beside the others, got {array.shape}")
    return np.concatenate([array.ravel() for array in arrays])


def unpack_network(parameters: FloatArray, sizes: tuple[int, int, int]) -> NetworkParameters:
    """W1, b1, W2, b2 of packed parameters: views, so that writing to them changes ``parameters``.

    Parameters
    ----------
    parameters : float array, (P,), contiguous
    sizes : NetworkSizes, or three integers (D, H, C)

    Returns
    -------
    NetworkParameters

    Raises
    ------
    ShapeError
        When the length is not D H + H + H C + C (with H = 0: D C + C).
    """
    sizes = _as_sizes(sizes)
    _validate_packed("parameters", parameters, sizes)
    return _unpack(parameters, sizes)


def network_probabilities(
    parameters: FloatArray, inputs: Any, sizes: tuple[int, int, int], *, workspace: NetworkWorkspace | None = None
) -> FloatArray:
    """Probabilities of the classes: softmax(s(x W1 + b1) W2 + b2), s the logistic function.

    Without hidden units (H = 0): softmax(x W2 + b2).

    Parameters
    ----------
    parameters : float array, (P,)
        As :func:`pack_network` makes them; their float type is that of the work and of the result.
    inputs : float array, (B, D); or a SciPy sparse matrix or array
    sizes : NetworkSizes, or three integers (D, H, C)
    workspace : NetworkWorkspace, optional

    Returns
    -------
    float array, (B, C), rows summing to one

    Raises
    ------
    ShapeError, ParameterError
    """
    return _predict(parameters, inputs, sizes, workspace, logarithms=False)


def network_log_probabilities(
    parameters: FloatArray, inputs: Any, sizes: tuple[int, int, int], *, workspace: NetworkWorkspace | None = None
) -> FloatArray:
    """Logarithms of :func:`network_probabilities`, finite where a probability would round to zero.

    Parameters, returns and errors as there.
    """
    return _predict(parameters, inputs, sizes, workspace, logarithms=True)


def network_loss_and_gradient(
    parameters: FloatArray,
    inputs: Any,
    labels: ArrayLike,
    sizes: tuple[int, int, int],
    *,
    reduction: str,
    l2: float = 0.0,
    sample_weights: ArrayLike | None = None,
    out: FloatArray | None = None,
    workspace: NetworkWorkspace | None = None,
) -> tuple[float, FloatArray]:
    """Cross-entropy of the two-layer network and its gradient by the packed parameters.

    With hidden units h_b = s(x_b W1 + b1), s the logistic function, and p_b = softmax(h_b W2 + b2):

        loss_b = -log p_b[labels_b],  or  -sum_c labels_bc log p_bc  with soft labels
        loss = sum_b w_b loss_b + l2/2 (|W1|^2 + |W2|^2)                   reduction "sum"
        loss = sum_b w_b loss_b / sum_b w_b + l2/2 (|W1|^2 + |W2|^2)       reduction "mean"

    where w_b = 1 without ``sample_weights``. The biases are not penalised. Without hidden units (H = 0) h_b = x_b,
    which is softmax regression. The gradient is by back-propagation [1]:

        G2_b = w_b (p_b sum_c labels_bc - labels_bc)  (over sum_b w_b for the mean)
        dloss/dW2 = h^T G2 + l2 W2,  dloss/db2 = sum_b G2_b
        G1 = (G2 W2^T) * h (1 - h)
        dloss/dW1 = x^T G1 + l2 W1,  dloss/db1 = sum_b G1_b

    Parameters
    ----------
    parameters : float array, (P,), P = D H + H + H C + C
        As :func:`pack_network` makes them; their float type is that of the work and of the gradient.
    inputs : float array, (B, D); or a SciPy sparse matrix or array
    labels : int array, (B,), classes in [0, C); or float array, (B, C), a weight for each class
    sizes : NetworkSizes, or three integers (D, H, C)
    reduction : "sum" or "mean"
    l2 : float >= 0
    sample_weights : float array, (B,), optional
        None negative; their sum positive for the mean.
    out : float array, (P,), contiguous, of the type of ``parameters``, optional
        Where to write the gradient.
    workspace : NetworkWorkspace, optional
        To spare the allocations of a loop.

    Returns
    -------
    loss : float, in nats
        Summed in float64 whatever the type.
    gradient : float array, (P,); ``out`` where given

    Raises
    ------
    ShapeError, IdError, ParameterError

    References
    ----------
    [1] Rumelhart, Hinton, Williams (1986), Nature 323, 533-536.
    """
    sizes, inputs = _as_sizes(sizes), _as_inputs(inputs, parameters.dtype)
    _validate_packed("parameters", parameters, sizes)
    validate_choice("reduction", reduction, REDUCTIONS)
    n_examples = _n_examples(inputs, sizes)
    labels = _as_labels(labels, n_examples, sizes.n_classes, parameters.dtype)
    total_weight = float(n_examples)
    weights = None
    if sample_weights is not None:
        weights = _as_sample_weights(sample_weights, n_examples, parameters.dtype)
        total_weight = float(weights.sum(dtype=np.float64))
    if reduction == "mean" and not total_weight > 0:
        raise ParameterError(
            f'the weights of the examples must have a positive sum for reduction="mean", got {total_weight};'
            ' pass examples, or reduction="sum"'
        )
    objective = NetworkObjective(
        parameters,
        sizes,
        n_examples=min(n_examples, _block_rows(inputs, n_examples)),
        l2=l2,
        out=out,
        workspace=workspace,
    )
    loss = objective.evaluate(inputs, labels, weights, total_weight if reduction == "mean" else 1.0)
    return loss, objective.gradient


def _predict(
    parameters: FloatArray,
    inputs: Any,
    sizes: tuple[int, int, int],
    workspace: NetworkWorkspace | None,
    *,
    logarithms: bool,
) -> FloatArray:
    sizes, inputs = _as_sizes(sizes), _as_inputs(inputs, parameters.dtype)
    _validate_packed("parameters", parameters, sizes)
    n_examples = _n_examples(inputs, sizes)
    block_rows = _block_rows(inputs, n_examples)
    workspace = _validated_workspace(workspace, sizes, min(n_examples, block_rows), parameters.dtype)
    network = _unpack(parameters, sizes)
    predictions = np.empty((n_examples, sizes.n_classes), parameters.dtype)
    with np.errstate(over="ignore", under="ignore"):
        for start in range(0, n_examples, block_rows):
            block = inputs[start : start + block_rows] if n_examples > block_rows else inputs
            scores, _ = _forward(network, block, workspace)
            np.subtract(scores, scores.max(axis=0), out=scores)
            block_predictions = predictions[start : start + block_rows].T
            if logarithms:
                np.subtract(scores, np.log(np.exp(scores).sum(axis=0)), out=block_predictions)
            else:
                np.exp(scores, out=scores)
                np.divide(scores, scores.sum(axis=0), out=block_predictions)
    return predictions


def _block_loss_and_gradient(
    network: NetworkParameters,
    inputs: Any,
    labels: NDArray[Any],
    weights: FloatArray | None,
    scale: float,
    gradient: NetworkParameters,
    workspace: NetworkWorkspace,
) -> float:
    """Summed loss of some rows; their gradient times ``scale`` is written to ``gradient``."""
    n_rows = inputs.shape[0]
    scores, features = _forward(network, inputs, workspace)
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


def _forward(network: NetworkParameters, inputs: Any, workspace: NetworkWorkspace) -> tuple[FloatArray, Any]:
    """Logits, one row a *class* (C, B), so that sums over classes run along the memory; and the output's features."""
    n_rows, n_classes = inputs.shape[0], workspace.sizes.n_classes
    scores = workspace._scores[: n_rows * n_classes].reshape(n_classes, n_rows)
    features = inputs
    if workspace.sizes.n_hidden:
        features = workspace._hidden[:n_rows]
        _product_into(inputs, network.hidden_weights, features)
        # s(z) = 1 / (1 + exp(-z)): where the exponential overflows, s is below the smallest normal number, and 0 here.
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
    """Summed cross-entropy of logits (C, B), which become scale * weight * gradient by the logits, in place."""
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
        # A class of label zero costs nothing, an infinitely unlikely one too.
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
    """out = left @ right, where ``left`` may be sparse."""
    if not isinstance(left, np.ndarray):
        out[:] = left @ right
    elif SMALL_PRODUCT < left.size * right.shape[1] <= 2 * SMALL_PRODUCT:
        half = len(left) // 2
        np.matmul(left[:half], right, out=out[:half])
        np.matmul(left[half:], right, out=out[half:])
    else:
        np.matmul(left, right, out=out)


def _shapes(sizes: NetworkSizes) -> tuple[tuple[int, ...], ...]:
    n_inputs, n_hidden, n_classes = sizes
    return (n_inputs, n_hidden), (n_hidden,), (sizes.n_features, n_classes), (n_classes,)


def _unpack(parameters: FloatArray, sizes: NetworkSizes) -> NetworkParameters:
    n_inputs, n_hidden, n_classes = sizes
    first = n_inputs * n_hidden
    second = first + n_hidden
    third = second + sizes.n_features * n_classes
    return NetworkParameters(
        parameters[:first].reshape(n_inputs, n_hidden),
        parameters[first:second],
        parameters[second:third].reshape(sizes.n_features, n_classes),
        parameters[third:],
    )


def _as_sizes(sizes: tuple[int, int, int]) -> NetworkSizes:
    if isinstance(sizes, NetworkSizes):
        return sizes
    if len(sizes) != 3 or sizes[0] < 1 or sizes[1] < 0 or sizes[2] < 1:
        raise ParameterError(f"sizes must be (D >= 1, H >= 0, C >= 1), got {tuple(sizes)}")
    return NetworkSizes(*(int(size) for size in sizes))


def _as_inputs(inputs: Any, dtype: np.dtype[Any]) -> Any:
    if not (isinstance(inputs, np.ndarray) or hasattr(inputs, "toarray")):
        inputs = as_floats("inputs", inputs)
    if inputs.dtype != dtype:
        if inputs.dtype.kind not in "fiub":
            raise ParameterError(f"inputs must hold real numbers, got dtype {inputs.dtype}")
        inputs = inputs.astype(dtype)
    return inputs


def _n_examples(inputs: Any, sizes: NetworkSizes) -> int:
    if len(inputs.shape) != 2 or inputs.shape[1] != sizes.n_inputs:
        raise ShapeError(f"inputs must have the shape (B, {sizes.n_inputs}), got {tuple(inputs.shape)}")
    return int(inputs.shape[0])


def _block_rows(inputs: Any, n_examples: int) -> int:
    return BLOCK_ROWS if isinstance(inputs, np.ndarray) else max(n_examples, 1)


def _validate_packed(name: str, parameters: FloatArray, sizes: NetworkSizes) -> None:
    if not isinstance(parameters, np.ndarray) or parameters.dtype.kind != "f":
        raise ParameterError(f"{name} must be an array of floats, got {type(parameters).__name__}")
    if parameters.shape != (sizes.n_parameters,):
        raise ShapeError(
            f"{name} must have the shape ({sizes.n_parameters},) for the sizes {tuple(sizes)}, got {parameters.shape}"
        )


def _as_labels(labels: ArrayLike, n_examples: int, n_classes: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    array = np.asarray(labels)
    if array.ndim == 2:
        if array.shape != (n_examples, n_classes):
            raise ShapeError(f"soft labels must have the shape {(n_examples, n_classes)}, got {array.shape}")
        return as_floats("labels", array).astype(dtype, copy=False)
    if array.shape != (n_examples,):
        raise ShapeError(f"labels must have the shape ({n_examples},) of the examples, got {array.shape}")
    if array.dtype.kind not in "iu" and array.size:
        raise ParameterError(f"labels must hold integers, got dtype {array.dtype}")
    array = array.astype(np.int64, copy=False)
    # As unsigned numbers the negative ones are the largest: one comparison.
    if array.size and array.view(np.uint64).max() >= n_classes:
        wrong = array[(array < 0) | (array >= n_classes)][0]
        raise IdError(f"labels must be in [0, {n_classes}), got {wrong}")
    return array


def _as_sample_weights(sample_weights: ArrayLike, n_examples: int, dtype: np.dtype[Any]) -> FloatArray:
    array = as_floats("sample_weights", sample_weights).astype(dtype, copy=False)
    if array.shape != (n_examples,):
        raise ShapeError(f"sample_weights must have the shape ({n_examples},) of the examples, got {array.shape}")
    if array.size and not array.min() >= 0:
        raise ParameterError(f"sample_weights must not be negative, got {array.min()}")
    return array


def _validated_workspace(
    workspace: NetworkWorkspace | None, sizes: NetworkSizes, n_rows: int, dtype: np.dtype[Any]
) -> NetworkWorkspace:
    if workspace is None:
        return NetworkWorkspace(sizes, n_rows, dtype)
    if workspace.sizes != sizes or workspace.n_rows < n_rows or workspace.dtype != dtype:
        raise ShapeError(
            f"workspace must fit sizes {tuple(sizes)}, {n_rows} rows and {dtype},"
            f" got {tuple(workspace.sizes)}, {workspace.n_rows} and {workspace.dtype}"
        )
    return workspace


__all__ = [
    "NetworkObjective",
    "NetworkParameters",
    "NetworkSizes",
    "NetworkWorkspace",
    "network_log_probabilities",
    "network_loss_and_gradient",
    "network_probabilities",
    "pack_network",
    "unpack_network",
]
