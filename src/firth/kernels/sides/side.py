"""Room kernels: what a side of an objective says about itself; everything that another file would ask it stands here.

A side's words are compared with nothing outside its own file and the registry. The functions get the configuration
whole; it is not imported here, since it is above the registry, which is above the sides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.numerics.gradients import RowGradient
from firth.numerics.huffman import HuffmanTree

Config = Any  # a TrainingConfig (kernels/config.py)
Options = Mapping[str, str]  # the words of an input side's own choices
Window = tuple[float, RowGradient, RowGradient]  # loss in nats, gradients of the input rows and of the output rows
Step = tuple[str, str, object]  # advice in words, the parameter that follows it, and the parameter's value

LEARNING_RATE = 0.025  # Mikolov et al. 2013a, section 4.2; word2vec.c's default for skip-gram
# Context words whose gradients are added into one step, at most. A window with more is divided into parts, or its step
# is damped: the sum over hundreds of words overshoots and diverges. As in native/cpp/model/settings.hpp.
PART_WORDS = 20


@dataclass(frozen=True)
class Corpus:
    """What the rates of touching rows are computed from.

    Attributes
    ----------
    counts : int64 array, (V,)
    kept : float64 array, (V,)
        Kept tokens of each word, per token of the corpus.
    noise_distribution : float array, (V,), or None
        Takes the place of the counts raised to ``noise_exponent``.
    tree : HuffmanTree or None
    """

    counts: NDArray[np.int64]
    kept: NDArray[np.float64]
    noise_distribution: NDArray[np.float64] | None
    tree: HuffmanTree | None


def _usual_learning_rate(config: Config) -> float:
    return LEARNING_RATE


def _plain_step(context_ids: NDArray[np.integer[Any]], options: Options) -> float:
    return 1.0


def _no_advice(config: Config) -> tuple[Step, ...]:
    return ()


def _always(options: Options) -> bool:
    return True


def _undivided(config: Config) -> bool:
    return False


def _part_words(config: Config, n_context: int) -> int:
    return PART_WORDS


def narrowing_part_words(config: Config, n_context: int) -> int:
    """Context words of one unit of skip-gram at most, for a window with ``n_context`` of them.

    The gradients of a unit's words are added into one step. The sum over a whole sequence of hundreds of words
    overshoots and diverges, so a wide window is divided into parts, each of which is a unit. A part has the most words
    p for which p^4 n_context^3 <= 20^7: a wider window has smaller parts. So the training loss stays near the loss of
    single pairs (measured: docs/training.md).
    """
    return next(p for p in range(PART_WORDS, 0, -1) if p == 1 or p**4 * n_context**3 <= PART_WORDS**7)


@dataclass(frozen=True, kw_only=True)
class InputSide:
    """What vectors the context of a window makes.

    Attributes
    ----------
    architecture : str
        The word of TrainingConfig.architecture that chooses it; NAME of the native side.
    header : str
        Its native header.
    examples : {"context", "window"}
        What counts as one positive example: each context word, or the window.
    window : function
        The formula: ``window(target_id, context_ids, input_vectors, output_vectors, loss=, options=, **given)`` returns
        the loss of one window and its gradients. ``loss`` and ``given`` (negative_ids, tree) are passed on to a
        function of numerics/windows.py.
    options : tuple of (parameter, words)
        Choices of its own; every combination is tested.
    joined_windows : int
        Neighbouring windows that have one noise set and are one unit; 1: each window is a unit.
    takes_parts : bool
        A wide window is divided into parts, each of which is a unit.
    stretch_tokens : int
        Tokens of a stretch, whose windows share noise words (``negative_sharing="block"``); a power of two.
    noise_sets : int
        Noise sets of K noise words that a stretch has.
    default_learning_rate : function of the configuration
    step : function of the context's ids and the options
        What the step of the input rows is multiplied by, in place of the gradient's 1.
    is_gradient : function of the options
        Whether the update is the gradient of the loss.
    load : float
        How much more a row is moved in deterministic rounds than by terms that go each its own way.
    divides_step : function of the configuration
        Whether each context word moves by its share of the step.
    smaller_steps : function of the configuration
        What makes a diverging run's steps smaller.
    """

    architecture: str
    header: str
    examples: str
    window: Callable[..., Window]
    options: tuple[tuple[str, tuple[str, ...]], ...] = ()
    joined_windows: int = 1
    takes_parts: bool = False
    stretch_tokens: int = 128
    noise_sets: int = 4
    default_learning_rate: Callable[[Config], float] = _usual_learning_rate
    step: Callable[[NDArray[np.integer[Any]], Options], float] = _plain_step
    is_gradient: Callable[[Options], bool] = _always
    load: float = 1.0
    divides_step: Callable[[Config], bool] = _undivided
    smaller_steps: Callable[[Config], tuple[Step, ...]] = _no_advice

    def variants(self) -> list[dict[str, str]]:
        """Every combination of its options."""
        names = [name for name, _ in self.options]
        return [dict(zip(names, words, strict=True)) for words in product(*(words for _, words in self.options))]


@dataclass(frozen=True, kw_only=True)
class OutputSide:
    """Which output rows the input vectors meet, and by what loss.

    Attributes
    ----------
    loss : str
        The word of TrainingConfig.loss that chooses it; NAME of the native side.
    header : str
        Its native header.
    prediction : str or function
        The formula of one prediction, as ``loss`` of numerics/windows.py takes it.
    touches : function
        ``touches(corpus, config, units)``: how often each output row is touched, per token of the corpus; ``units`` is
        the units of a window. (n_output_rows,)
    input_terms : function
        ``input_terms(corpus, config)``: terms of the gradient that a unit adds to an input row.
    busiest_output : function
        ``busiest_output(corpus, config, outputs)``: units that move the busiest output row, per token of the corpus.
        ``outputs`` are the touches.
    guessing_loss : function
        ``guessing_loss(corpus, config)``: mean loss in nats where every logit is zero.
    needs_two_words_for : str
        Why one word is too few.
    least_negatives : int
    rows_below_vocabulary : int
        Output rows are V minus this: a Huffman tree has V - 1 inner nodes.
    draws_negatives, needs_tree : bool
    takes_all_targets : bool
        Of an example with several targets, all count at once; False: one of them is drawn in each epoch.
    part_words : function
        ``part_words(config, n_context)``: context words of one unit at most, where windows are divided into parts.
    """

    loss: str
    header: str
    prediction: str | Callable[..., Any]
    touches: Callable[[Corpus, Config, float], NDArray[np.float64]]
    input_terms: Callable[[Corpus, Config], float]
    busiest_output: Callable[[Corpus, Config, NDArray[np.float64]], float]
    guessing_loss: Callable[[Corpus, Config], float]
    needs_two_words_for: str = "anything to tell apart"
    least_negatives: int = 0
    rows_below_vocabulary: int = 0
    draws_negatives: bool = False
    needs_tree: bool = False
    takes_all_targets: bool = False
    part_words: Callable[[Config, int], int] = _part_words
