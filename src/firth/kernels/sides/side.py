"""Room kernels: the specification of a side of an objective: every property that other files need to know of a side.

No other file than the side's and the registry compares the name of a side. The functions take the whole configuration.
It is not imported here, because it is above the registry, and the registry is above the sides.
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
Options = Mapping[str, str]  # parameter of an input side to the chosen word
Window = tuple[float, RowGradient, RowGradient]  # loss in nats, gradients of the input rows and of the output rows
Step = tuple[str, str, object]  # advice for the user, the parameter to change, and its new value

LEARNING_RATE = 0.025  # Mikolov et al. 2013a, section 4.2; word2vec.c's default for skip-gram
# Maximum number of context words whose gradients are added into one step. A wider window is divided into parts, or its
# step is damped, because the sum over hundreds of words overshoots and diverges. As in native/cpp/model/settings.hpp.
PART_WORDS = 20


@dataclass(frozen=True)
class Corpus:
    """The values from which the touch rates of rows are computed.

    Attributes
    ----------
    counts : int64 array, (V,); or float64 array, (V,), of sums of weights
    kept : float64 array, (V,)
        Kept tokens of each word, per token of the corpus.
    noise_distribution : float array, (V,), or None
        Weights of the noise words. None: the counts raised to ``noise_exponent``.
    tree : HuffmanTree or None
    """

    counts: NDArray[Any]
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
    """Maximum number of context words of one unit of skip-gram, for a window with ``n_context`` context words.

    The gradients of a unit's words are added into one step. The sum over a whole sequence of hundreds of words
    overshoots and diverges. Therefore a wide window is divided into parts, and each part is a unit. The maximum is the
    largest p with p^4 n_context^3 <= 20^7, so a wider window has smaller parts. With this rule the training loss stays
    near the loss of training by single pairs (measured: docs/training.md).
    """
    return next(p for p in range(PART_WORDS, 0, -1) if p == 1 or p**4 * n_context**3 <= PART_WORDS**7)


@dataclass(frozen=True, kw_only=True)
class InputSide:
    """An input side: it makes the input vectors of a unit from the context of a window.

    Attributes
    ----------
    architecture : str
        The value of TrainingConfig.architecture that chooses the side; NAME of the native side.
    header : str
        The native header of the side.
    examples : {"context", "window"}
        What counts as one positive example: each context word, or the window.
    window : function
        The formula: ``window(target_id, context_ids, input_vectors, output_vectors, loss=, options=, **given)`` returns
        the loss of one window and its gradients. ``loss`` and ``given`` (negative_ids, tree) are passed on to a
        function of numerics/windows.py.
    options : tuple of (parameter, words)
        The parameters that only this side reads, and the valid words of each. Every combination is tested.
    joined_windows : int
        Number of neighbouring windows that have one noise set and are one unit; 1: each window is a unit.
    takes_parts : bool
        Whether a wide window is divided into parts. Each part is a unit.
    stretch_tokens : int
        Tokens of a stretch, a power of two. The windows of a stretch share noise sets (``negative_sharing="block"``).
    noise_sets : int
        Number of noise sets of a stretch.
    default_learning_rate : function of the configuration
    step : function of the context's ids and the options
        Factor of the step of the input rows; 1 for the gradient of the loss.
    is_gradient : function of the options
        Whether the update is the gradient of the loss.
    load : float
        Factor by which a row moves more in deterministic rounds than under terms of independent directions.
    divides_step : function of the configuration
        Whether the step of a context word is divided by the number of context words.
    smaller_steps : function of the configuration
        Changes of parameters that make the steps of a diverging run smaller.
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

    def has_option(self, parameter: str) -> bool:
        """Whether the side reads the parameter."""
        return any(name == parameter for name, _ in self.options)

    def variants(self) -> list[dict[str, str]]:
        """Every combination of the side's options."""
        names = [name for name, _ in self.options]
        return [dict(zip(names, words, strict=True)) for words in product(*(words for _, words in self.options))]


@dataclass(frozen=True, kw_only=True)
class OutputSide:
    """An output side: it chooses the output rows of a unit, and the loss of their products with the input vectors.

    Attributes
    ----------
    loss : str
        The value of TrainingConfig.loss that chooses the side; NAME of the native side.
    header : str
        The native header of the side.
    prediction : str or function
        The formula of one prediction: the argument ``loss`` of numerics/windows.py.
    touches : function
        ``touches(corpus, config, units)``: (n_output_rows,), how often each output row is touched, per token of the
        corpus. ``units`` is the number of units of a window.
    input_terms : function
        ``input_terms(corpus, config)``: number of terms of the gradient that a unit adds to an input row.
    busiest_output : function
        ``busiest_output(corpus, config, outputs)``: number of units that move the busiest output row, per token of the
        corpus. ``outputs`` is the result of ``touches``.
    guessing_loss : function
        ``guessing_loss(corpus, config)``: mean loss in nats if every logit is zero.
    needs_two_words_for : str
        Why a vocabulary of one word is too small, for a message.
    least_negatives : int
        Minimum of the parameter ``negatives``.
    rows_below_vocabulary : int
        V minus the number of output rows: a Huffman tree has V - 1 inner nodes.
    draws_negatives, needs_tree : bool
    takes_all_targets : bool
        Of an example with several targets, all count at once; False: one of them is drawn in each epoch.
    part_words : function
        ``part_words(config, n_context)``: maximum number of context words of one unit, if windows are divided into
        parts.
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
