"""Room numerics: the distributions of the samplers. The samples are drawn in other rooms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.base.values import validate_choice
from firth.errors import ParameterError, ShapeError
from firth.numerics._arrays import as_counts_or_weights, as_floats, validate_dimensions

WINDOW_MODES = ("dynamic", "fixed")


class AliasTable(NamedTuple):
    """A table to draw from a distribution in constant time, with one uniform id and one uniform number.

    A draw takes i uniform in [0, V) and u uniform in [0, 1). The result is i if u < threshold[i], else alias[i].

    Attributes
    ----------
    threshold : float64 array, (V,), in [0, 1]
    alias : int32 array, (V,), in [0, V)
    """

    threshold: NDArray[np.float64]
    alias: NDArray[np.int32]

    def probabilities(self) -> NDArray[np.float64]:
        """The distribution of draws from the table, (V,)."""
        kept = self.threshold.copy()
        np.add.at(kept, self.alias, 1 - self.threshold)
        return kept / len(self.threshold)


def noise_probabilities(counts: ArrayLike, exponent: float) -> NDArray[np.float64]:
    """Probability of each word as a negative: the unigram distribution raised to a power.

    p_w = count_w^exponent / sum_w' count_w'^exponent

    Parameters
    ----------
    counts : int array, (V,); or float array, (V,), of sums of weights
        A word of count 0 has probability 0 for every exponent.
    exponent : float
        Any finite number: 1 gives the unigram distribution, 0.75 word2vec's, 0 the uniform one. Below 0, rare words
        have the larger probabilities.

    Returns
    -------
    float64 array, (V,), summing to one

    Raises
    ------
    ShapeError, ParameterError
        ``ParameterError``, for example, if no count is above zero.

    References
    ----------
    Mikolov et al. (2013), arXiv:1310.4546, section 2.2; Caselles-Dupré et al. (2018), arXiv:1804.04212, for others.
    """
    counts = as_counts_or_weights("counts", counts)
    if not np.isfinite(exponent):
        raise ParameterError(f"noise_exponent must be a finite number, got {exponent}")
    occurs = counts > 0
    if not occurs.any():
        raise ParameterError("counts must have at least one count above 0, got none")
    # Divided by the largest (for exponents below 0: smallest) count, so that no power overflows.
    reference = counts.max() if exponent >= 0 else counts[occurs].min()
    with np.errstate(under="ignore"):
        powers = np.power(counts / reference, exponent, out=np.zeros(len(counts)), where=occurs)
        probabilities: NDArray[np.float64] = powers / powers.sum()
    return probabilities


def build_alias_table(probabilities: ArrayLike) -> AliasTable:
    """The alias table of a distribution, by Vose's method. The table is the same on every machine.

    Parameters
    ----------
    probabilities : float array, (V,), V at least 1
        Finite and not negative; the function divides them by their sum.

    Returns
    -------
    AliasTable
        Its ``probabilities()`` are the given probabilities, up to rounding. A word of probability zero is never drawn.

    Raises
    ------
    ShapeError, ParameterError

    References
    ----------
    Walker (1977); Vose (1991), "A linear algorithm for generating random numbers with a given distribution".
    """
    weights = validate_weights("probabilities", probabilities)
    n_words = len(weights)
    shares = (weights / weights.sum() * n_words).tolist()
    alias = list(range(n_words))
    threshold = [1.0] * n_words
    small = [slot for slot in range(n_words) if shares[slot] < 1]
    large = [slot for slot in range(n_words) if shares[slot] >= 1]
    while small and large:
        needy, rich = small.pop(), large[-1]
        threshold[needy], alias[needy] = shares[needy], rich
        shares[rich] = (shares[rich] + shares[needy]) - 1
        if shares[rich] < 1:
            small.append(large.pop())
    # The remaining entries have a share of one, up to rounding. Only a word of positive probability keeps its own id.
    likeliest = int(np.argmax(weights))
    for slot in small:
        if weights[slot] == 0:
            threshold[slot], alias[slot] = 0.0, likeliest
    return AliasTable(np.array(threshold), np.array(alias, dtype=np.int32))


def validate_weights(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """The weights of a distribution, float64 (V,).

    Raises
    ------
    ShapeError, ParameterError
        There is no word, or a weight is negative or not finite, or all are zero.
    """
    weights = as_floats(name, values).astype(np.float64, copy=False)
    validate_dimensions(name, weights, "V")
    if not len(weights):
        raise ShapeError(f"{name} must have at least one word, got none")
    if not np.all(np.isfinite(weights)) or weights.min() < 0 or weights.max() <= 0:
        raise ParameterError(f"{name} must be finite, not negative and not all zero, got others")
    return weights


def keep_probabilities(counts: ArrayLike, subsample: float) -> NDArray[np.float64]:
    """Probability of each word that a token of it is kept by subsampling of frequent words.

    With f_w = count_w / sum of the counts and t = ``subsample``: min(1, sqrt(t / f_w) + t / f_w), as in word2vec.c. The
    paper has only sqrt(t / f_w).

    Parameters
    ----------
    counts : int array, (V,); or float array, (V,), of sums of weights
        Counts of the words in the vocabulary.
    subsample : float, at least 0
        A share of tokens; 0 keeps every token.

    Returns
    -------
    float64 array, (V,), in (0, 1]

    Raises
    ------
    ShapeError, ParameterError
    """
    counts = as_counts_or_weights("counts", counts)
    if not (np.isfinite(subsample) and subsample >= 0):
        raise ParameterError(f"subsample must be a finite number of at least 0, got {subsample}")
    if subsample == 0:
        return np.ones(len(counts))
    threshold_count = subsample * float(counts.sum())
    ratios = np.divide(threshold_count, counts, out=np.full(len(counts), np.inf), where=counts > 0)
    kept: NDArray[np.float64] = np.minimum(1.0, np.sqrt(ratios) + ratios)
    return kept


def window_probabilities(window: int, mode: str) -> NDArray[np.float64]:
    """Probability of each half-width of a token's window: 1 to ``window`` tokens on each side.

    ``"dynamic"``: each half-width has probability 1 / window, so a context at distance d is used with probability
    (window - d + 1) / window. ``"fixed"``: the half-width is always ``window``.

    Parameters
    ----------
    window : int, at least 1, in tokens
    mode : "dynamic" or "fixed"

    Returns
    -------
    float64 array, (window,)
        Element i is the probability of the half-width i + 1. ``[::-1].cumsum()[::-1]`` is the probability that a
        context is used, by its distance.

    Raises
    ------
    ParameterError
    """
    validate_choice("window_mode", mode, WINDOW_MODES)
    if window < 1:
        raise ParameterError(f"window must be at least 1, got {window}")
    if mode == "dynamic":
        return np.full(window, 1 / window)
    reaches = np.zeros(window)
    reaches[-1] = 1
    return reaches
