"""Room kernels: the examples of an engine: the arrays of a native source, and how often they touch each row.

``text_examples`` are windows over text, and ``document_examples`` are documents with tags. ``weighted_pairs`` are pairs
of an input row and a target. ``explicit_examples`` are bags of input rows, each with a target and a weight;
``pair_examples`` are bags of one row. A source outside firth is compiled in by CMake's ``FIRTH_EXTRA_SOURCES``
(docs/extending.md); its ``Examples`` have its native NAME.

Tests: tests/extending/test_source.py, tests/kernels/test_pairs.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import IdError, ParameterError, ShapeError
from firth.kernels.sides.side import Corpus
from firth.kernels.staleness import TouchRates, document_touch_rates, pair_touch_rates, touch_rates

MAX_ROWS = 2**31 - 1  # of a matrix: ids of rows are int32


@dataclass(frozen=True, kw_only=True)
class Examples:
    """The arrays of a source of examples. The number of input rows may differ from the number of targets.

    Attributes
    ----------
    source : str
        NAME of the native source.
    ids : int32 array, (n_tokens,)
        The input row at each position of an epoch; may be memory-mapped. In text the ids are also the targets.
    offsets : int64 array, (n_sequences + 1,), or None
        Sequence s is ids[offsets[s]:offsets[s + 1]]. None: each position is a sequence.
    counts : int64 array, (n_targets,); or float64 array, (n_targets,)
        How often each target occurs, or the sum of its weights.
    n_input_rows : int
    rates : function
        ``rates(config, noise_distribution=, tree=)``: a ``TouchRates``, for a resolved configuration.
    targets : int32 array, (n_sequences,), or None
        The target of each sequence. None: the ids are the targets.
    target_offsets : int64 array, (n_sequences + 1,), or None
        Sequence s has the targets targets[target_offsets[s]:target_offsets[s + 1]]. None: it has one target.
    weights : float32 array, (n_sequences,), or None
        Loss and gradient of each sequence are multiplied by its weight. None: all are 1.
    subsamples : bool
        Whether the source leaves out frequent tokens (``subsample``).
    tag_offsets : int64 array, (n_sequences + 1,), or None
        Document s has the tags whose input rows are tag_rows[tag_offsets[s]:tag_offsets[s + 1]]. None: no tags.
    tag_rows : int32 array, or None
    tags_with_words : bool
        Whether the words of a token's window are inputs beside the tags.
    input_counts : array, (n_input_rows,), or None
        As ``counts``, for the input rows of a source that subsamples them too.
    """

    source: str
    ids: NDArray[np.int32]
    offsets: NDArray[np.int64] | None
    counts: NDArray[Any]
    n_input_rows: int
    rates: Callable[..., TouchRates]
    targets: NDArray[np.int32] | None = None
    target_offsets: NDArray[np.int64] | None = None
    weights: NDArray[np.float32] | None = None
    subsamples: bool = False
    tag_offsets: NDArray[np.int64] | None = None
    tag_rows: NDArray[np.int32] | None = None
    tags_with_words: bool = False
    input_counts: NDArray[Any] | None = None

    @property
    def n_sequences(self) -> int:
        return len(self.ids) if self.offsets is None else len(self.offsets) - 1


def text_examples(
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    counts: NDArray[np.int64],
    sequence_weights: NDArray[np.float32] | None = None,
) -> Examples:
    """Windows over text: each kept token is a target; its context is the neighbouring kept tokens.

    Parameters
    ----------
    ids : int32 array, (n_tokens,)
        Word ids of the retained tokens; may be memory-mapped.
    offsets : int64 array, (n_sequences + 1,)
    counts : int64 array, (V,)
        How often each word occurs. There are V input rows and V targets.
    sequence_weights : float array, (n_sequences,), or None
    """
    offsets = np.ascontiguousarray(offsets, dtype=np.int64)
    return Examples(
        source="windows",
        ids=np.ascontiguousarray(ids, dtype=np.int32),
        offsets=offsets,
        counts=counts,
        n_input_rows=len(counts),
        rates=partial(touch_rates, counts, offsets),
        weights=None if sequence_weights is None else np.ascontiguousarray(sequence_weights, dtype=np.float32),
        subsamples=True,
    )


def document_examples(
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    counts: NDArray[np.int64],
    tag_ids: NDArray[np.int32],
    tag_offsets: NDArray[np.int64],
    *,
    n_tags: int,
    with_words: bool,
) -> Examples:
    """Documents: each kept token is a target; its context is the tags of its document, and the words of its window.

    Parameters
    ----------
    ids : int32 array, (n_tokens,)
        Word ids of the retained tokens; may be memory-mapped.
    offsets : int64 array, (n_documents + 1,)
    counts : int64 array, (V,)
    tag_ids : int32 array, in [0, n_tags)
        Document s has the tags tag_ids[tag_offsets[s]:tag_offsets[s + 1]], at least one.
    tag_offsets : int64 array, (n_documents + 1,)
    n_tags : int
    with_words : bool
        Whether the words of the window are in the context too. Then the input matrix has V rows of words and the rows
        of tags after them; otherwise it has the rows of tags alone.
    """
    offsets, tag_offsets = (np.ascontiguousarray(array, dtype=np.int64) for array in (offsets, tag_offsets))
    if tag_offsets.shape != offsets.shape:
        raise ShapeError(f"tag_offsets must have shape {offsets.shape}, as offsets, got {tag_offsets.shape}")
    n_word_rows = len(counts) if with_words else 0
    if n_word_rows + n_tags > MAX_ROWS:
        raise ParameterError(
            f"tags must be at most {MAX_ROWS - n_word_rows:,} with {n_word_rows:,} rows of words, got {n_tags:,}; row"
            " numbers have 32 bits"
        )
    tag_rows = _as_ids("tag_ids", tag_ids, n_tags) + np.int32(n_word_rows)
    if tag_offsets[0] != 0 or tag_offsets[-1] != len(tag_rows) or np.any(np.diff(tag_offsets) < 1):
        raise ParameterError(
            f"tag_offsets must rise from 0 to {len(tag_rows)}, the number of tags, with a tag for each document, got"
            f" {tag_offsets[0]} to {tag_offsets[-1]}"
        )
    n_input_rows = n_word_rows + n_tags
    return Examples(
        source="documents",
        ids=np.ascontiguousarray(ids, dtype=np.int32),
        offsets=offsets,
        counts=counts,
        n_input_rows=n_input_rows,
        rates=partial(document_touch_rates, counts, offsets, tag_offsets, tag_rows, n_input_rows, with_words),
        subsamples=True,
        tag_offsets=tag_offsets,
        tag_rows=tag_rows,
        tags_with_words=with_words,
    )


def explicit_examples(
    rows: ArrayLike,
    offsets: ArrayLike,
    targets: ArrayLike,
    *,
    n_input_rows: int,
    n_targets: int,
    weights: ArrayLike | None = None,
    target_offsets: ArrayLike | None = None,
) -> Examples:
    """Bags of input rows, each with a target and a weight. All examples are trained, in the given order.

    Example e has the bag rows[offsets[e]:offsets[e + 1]]; an example with an empty bag is left out. CBOW makes one
    input vector from a bag; with skip-gram each row of a bag is one input vector. The parameters of windows
    (``window``, ``window_mode``, ``window_side``) have one effect only: with ``negative_sharing="block"`` they decide
    whether examples share noise sets, as for windows over text.

    Parameters
    ----------
    rows : int array, (n_rows,), in [0, n_input_rows); repeats allowed
    offsets : int array, (n_examples + 1,), from 0 to n_rows, not decreasing
    targets : int array, (n_examples,), in [0, n_targets)
        With ``target_offsets`` those of all examples, one example's after the other's.
    weights : float array, (n_examples,), or None
        Factors of the loss and the gradient, finite and not negative; None: all are 1.
    target_offsets : int array, (n_examples + 1,), rising, or None
        Example e has the targets targets[target_offsets[e]:target_offsets[e + 1]], at least one. In each epoch one of
        them is drawn, by counter; a loss with ``takes_all_targets`` takes them all at once. None: one target each.

    Raises
    ------
    IdError, ParameterError, ShapeError
    """
    ids = _as_ids("rows", rows, n_input_rows)
    target_ids = _as_ids("targets", targets, n_targets)
    borders = np.ascontiguousarray(offsets, dtype=np.int64)
    target_borders = _as_target_offsets(target_offsets, len(target_ids))
    n_examples = len(target_ids) if target_borders is None else len(target_borders) - 1
    if borders.shape != (n_examples + 1,):
        raise ShapeError(
            f"offsets must have shape ({n_examples + 1},), one more than there are targets, got {borders.shape}"
        )
    if borders[0] != 0 or borders[-1] != len(ids) or np.any(np.diff(borders) < 0):
        raise ParameterError(
            f"offsets must rise from 0 to {len(ids)}, the number of rows, got {borders[0]} to {borders[-1]}"
            + (" with a fall between" if np.any(np.diff(borders) < 0) else "")
        )
    if len(ids) == 0:
        raise ParameterError("rows must hold at least one input row, got none")
    factors = None if weights is None else _as_weights(weights, n_examples, "example")
    has_rows = np.diff(borders) > 0
    if target_borders is not None:
        has_rows = np.repeat(has_rows, np.diff(target_borders))
    counts = np.bincount(target_ids[has_rows], minlength=n_targets).astype(np.int64)
    return Examples(
        source="examples",
        ids=ids,
        offsets=borders,
        counts=counts,
        n_input_rows=n_input_rows,
        rates=partial(_explicit_rates, ids, counts, n_input_rows, int(np.count_nonzero(np.diff(borders)))),
        targets=target_ids,
        target_offsets=target_borders,
        weights=factors,
    )


def pair_examples(
    inputs: ArrayLike, targets: ArrayLike, *, n_input_rows: int, n_targets: int, weights: ArrayLike | None = None
) -> Examples:
    """Weighted pairs of an input row and a target: explicit examples with one row in each bag.

    The loss of a pair is its weight times the loss of one prediction: ``weight * loss(u_target . v_input)``.

    Raises
    ------
    IdError, ParameterError, ShapeError
    """
    n_pairs = len(np.atleast_1d(np.asarray(inputs)))
    if len(np.atleast_1d(np.asarray(targets))) != n_pairs:
        raise ShapeError(f"targets must have shape ({n_pairs},), one for each input, got {np.shape(targets)}")
    return explicit_examples(
        inputs, np.arange(n_pairs + 1), targets, n_input_rows=n_input_rows, n_targets=n_targets, weights=weights
    )


def weighted_pairs(
    inputs: NDArray[np.int32],
    targets: NDArray[np.int32],
    *,
    n_input_rows: int,
    n_targets: int,
    weights: NDArray[np.float32] | None = None,
) -> Examples:
    """Pairs of an input row and a target, in the given order, without a copy of the arrays.

    The loss of a pair is its weight times the loss of one prediction. Noise and subsampling treat a pair of weight w as
    w pairs. With ``subsample`` a pair is kept if both its input row and its target are kept.

    Parameters
    ----------
    inputs : int32 array, (n_pairs,), in [0, n_input_rows); may be memory-mapped
    targets : int32 array, (n_pairs,), in [0, n_targets)
    weights : float32 array, (n_pairs,), finite and not negative, or None
        None: all are 1.

    Raises
    ------
    IdError, ParameterError, ShapeError
    """
    input_ids, target_ids = _as_ids("inputs", inputs, n_input_rows), _as_ids("targets", targets, n_targets)
    if len(input_ids) == 0:
        raise ParameterError("inputs must hold at least one pair, got none")
    if target_ids.shape != input_ids.shape:
        raise ShapeError(f"targets must have shape {input_ids.shape}, one for each input, got {target_ids.shape}")
    factors = None if weights is None else _as_weights(weights, len(input_ids), "pair")
    if factors is not None and not factors.any():
        raise ParameterError("weights must have a weight above 0, got none")
    counts, input_counts = count_pairs(target_ids, n_targets, factors), count_pairs(input_ids, n_input_rows, factors)
    return Examples(
        source="pairs",
        ids=input_ids,
        offsets=None,
        counts=counts,
        n_input_rows=n_input_rows,
        rates=partial(pair_touch_rates, input_ids, target_ids, counts, input_counts),
        targets=target_ids,
        weights=factors,
        subsamples=True,
        input_counts=input_counts,
    )


def count_pairs(ids: NDArray[np.int32], n_rows: int, weights: NDArray[np.float32] | None) -> NDArray[Any]:
    """How many pairs have each id, int64; with weights the sums of their weights, float64."""
    counts = np.bincount(ids, weights, minlength=n_rows)
    return counts.astype(np.int64) if weights is None else counts


def _as_weights(weights: ArrayLike, n_examples: int, of: str) -> NDArray[np.float32]:
    factors = np.ascontiguousarray(weights, dtype=np.float32)
    if factors.shape != (n_examples,):
        raise ShapeError(f"weights must have shape ({n_examples},), one for each target, got {factors.shape}")
    wrong = np.flatnonzero(~(np.isfinite(factors) & (factors >= 0)))
    if len(wrong):
        raise ParameterError(f"weights must be finite and not negative, got {factors[wrong[0]]} for {of} {wrong[0]}")
    return factors


def _as_ids(name: str, values: ArrayLike, stop: int) -> NDArray[np.int32]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise ShapeError(f"{name} must have one dimension, got {array.ndim}")
    if array.dtype.kind not in "iu" and array.size:
        raise IdError(f"{name} must hold whole numbers, got {array.dtype}")
    wrong = np.flatnonzero((array < 0) | (array >= stop))
    if len(wrong):
        raise IdError(f"{name} must be in [0, {stop}), got {array[wrong[0]]} at index {wrong[0]}")
    return np.ascontiguousarray(array, dtype=np.int32)


def _as_target_offsets(offsets: ArrayLike | None, n_targets: int) -> NDArray[np.int64] | None:
    if offsets is None:
        return None
    borders = np.ascontiguousarray(offsets, dtype=np.int64)
    if borders.ndim != 1 or len(borders) < 1:
        raise ShapeError(f"target_offsets must have one dimension and a first 0, got shape {borders.shape}")
    if borders[0] != 0 or borders[-1] != n_targets or np.any(np.diff(borders) < 1):
        raise ParameterError(
            f"target_offsets must rise from 0 to {n_targets}, the number of targets, with a target for each example,"
            f" got {borders[0]} to {borders[-1]}"
        )
    return borders


def _explicit_rates(
    ids: NDArray[np.int32],
    counts: NDArray[np.int64],
    n_input_rows: int,
    n_examples: int,
    config: Any,
    *,
    noise_distribution: NDArray[np.float64] | None = None,
    tree: Any = None,
) -> TouchRates:
    """The touch rates of explicit examples, counted; a unit is an example, or a part of an example."""
    context = len(ids) / max(1, n_examples)
    share = n_examples / max(1, int(counts.sum())) / len(ids)  # of an example with several targets each counts in part
    corpus = Corpus(counts, np.asarray(counts * share, np.float64), noise_distribution, tree)
    inputs, outputs = config.objective.inputs, config.objective.outputs
    units, pairs = 1.0, 1.0
    if inputs.takes_parts:
        units = max(1.0, context / outputs.part_words(config, int(context)))
        pairs = context / units
    touches = np.bincount(ids, minlength=n_input_rows) / len(ids)
    return TouchRates(touches, outputs.touches(corpus, config, units), n_examples / len(ids), context, pairs)
