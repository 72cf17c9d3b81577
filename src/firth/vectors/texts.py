"""Room vectors: vectors of texts from the vectors of their words (mean, idf, SIF), and word mover's distance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from firth.base.values import validate_choice
from firth.corpus.tables import column_tokens, token_rows
from firth.errors import MissingExtraError, ParameterError, ShapeError
from firth.native import vector_sums
from firth.vectors.neighbors import Floats, Rows, unit_rows
from firth.vectors.queries import Unknown, choose_unknown
from firth.vectors.word_rows import gather_rows, list_words
from firth.vectors.word_vectors import WordVectors
from firth.vectors.words import Word

SIF_A = 1e-3  # Arora et al. 2017, section 4


def text_vectors(
    vectors: WordVectors,
    texts: Iterable[Iterable[Word]],
    *,
    weighting: Literal["mean", "idf", "sif"] = "mean",
    weights: npt.ArrayLike | None = None,
    normalize_words: bool = False,
    remove_component: bool | npt.ArrayLike | None = None,
    unknown: Unknown | None = None,
) -> npt.NDArray[np.float32]:
    """One vector for each text: the weighted mean of its words' vectors.

    v(t) = sum_i w(t_i) v(t_i) / n(t)

    n is the number of known tokens for "sif" [1], else sum_i |w(t_i)|. The weights are w = 1 for "mean", `idf_weights`
    of these texts for "idf", and a / (a + p) for "sif", where p is the word's share of all counts. "sif" then removes
    the common component of the texts. To treat new texts like old texts, pass the old ``weights``, and the old
    `common_component` as ``remove_component``.

    Parameters
    ----------
    vectors : WordVectors
    texts : iterable of lists of words, or a column of texts or lists (pandas, Polars, Arrow)
    weighting : "mean", "idf" or "sif"
    weights : float array, (V,), optional
        A weight for each row, in place of the weights of ``weighting``.
    normalize_words : bool
        Whether the words' vectors are scaled to length 1 first.
    remove_component : bool or float array (D,), optional
        Whether to subtract from each text its projection on the texts' first singular vector. An array is used in place
        of the singular vector. The default is True for ``weighting="sif"`` and False otherwise.
    unknown : "skip", "error", "compose" or None
        Unknown words are left out, raise an error, or are composed of their n-grams; words without an n-gram are left
        out then. Composed words count as words that were never seen. None: "compose" if the vectors have n-grams and no
        ``weights`` are given, else "skip". A text without a word that counts gets the zero vector.

    Returns
    -------
    float32 array, (n_texts, D)

    References
    ----------
    [1] Arora, Liang, Ma (2017), A Simple but Tough-to-Beat Baseline for Sentence Embeddings, algorithm 1.
    """
    validate_choice("weighting", weighting, ("mean", "idf", "sif"))
    if weights is not None and unknown == "compose":
        raise ParameterError('weights must not be given with unknown="compose": composed words have no weight')
    chosen = choose_unknown(vectors.subword_rows, unknown if weights is None else unknown or "skip", "skip")
    token_ids, borders, composed = _encode(vectors, texts, chosen)
    n_texts = len(borders) - 1
    n_words = len(vectors) + len(composed)
    if weights is not None:
        factors = np.asarray(weights, dtype=np.float64)
        if factors.shape != (len(vectors),):
            raise ShapeError(f"weights must have one number for each of {len(vectors)} rows, got {factors.shape}")
        if not np.isfinite(factors).all():
            raise ParameterError("weights must be finite, got NaN or infinity")
        token_weights = factors[token_ids]
    elif weighting == "idf":
        token_weights = _idf(n_words, token_ids, borders)[token_ids]
    elif weighting == "sif":
        token_weights = np.append(sif_weights(vectors), np.ones(len(composed)))[token_ids]
    else:
        token_weights = None
    sums = sum_rows(vectors, token_ids, borders, token_weights, normalize_words=normalize_words, composed=composed)
    lengths = borders[1:] - borders[:-1]
    if token_weights is None or (weighting == "sif" and weights is None):
        scales = lengths.astype(np.float64)
    else:
        totals = np.concatenate([[0.0], np.cumsum(np.abs(token_weights))])
        scales = totals[borders[1:]] - totals[borders[:-1]]
    sums /= np.where(scales > 0, scales, 1.0)[:, None]
    if remove_component is None:
        remove_component = weighting == "sif"
    if remove_component is True:
        remove_component = common_component(sums) if n_texts else False
    if remove_component is not False:
        sums = without_component(sums, cast(npt.ArrayLike, remove_component))
    return sums.astype(np.float32)


def sum_rows(
    vectors: WordVectors,
    token_ids: Rows,
    borders: Rows,
    token_weights: Floats | None = None,
    *,
    normalize_words: bool = False,
    composed: npt.NDArray[np.float32] | None = None,
) -> Floats:
    """The weighted sum of the tokens' vectors of each text, float64 (n_texts, D).

    Added up in float64, in the order of the tokens: the other texts of a call change no bit of a text's sum.

    Parameters
    ----------
    vectors : WordVectors
    token_ids : int array, (n_tokens,)
        The rows of the tokens, text after text.
    borders : int array, (n_texts + 1,)
        Text i has the tokens ``borders[i]`` to ``borders[i + 1] - 1``.
    token_weights : float array, (n_tokens,), optional
        The default is 1 for every token.
    normalize_words : bool
        Whether the words' vectors are scaled to length 1 first.
    composed : float32 array, (n_composed, D), optional
        Vectors of words that are not in the vocabulary; token ids from V on are its rows.

    Raises
    ------
    ParameterError
        The vector of a token has a NaN or an infinity.
    """
    matrix, rows = _rows_to_sum(vectors, composed, token_ids)
    sums, bad = vector_sums.sum_rows(matrix, rows, borders, token_weights, normalize=normalize_words)
    if bad is not None:
        raise ParameterError(
            f"the vector of {vectors.words[int(token_ids[bad])]!r} must be finite, got NaN or infinity"
        )
    return sums


def _rows_to_sum(
    vectors: WordVectors, composed: npt.NDArray[np.float32] | None, token_ids: Rows
) -> tuple[npt.NDArray[np.float32], Rows]:
    """A float32 matrix that the core takes, and the row of each token in it: the vectors' own, or a copy of those used.

    Composed vectors have the ids from V on.
    """
    matrix, n_words = vectors.matrix, len(vectors)
    has_composed = composed is not None and len(token_ids) > 0 and int(token_ids.max()) >= n_words
    is_plain = matrix.dtype == np.float32 and min(matrix.strides) >= 0
    if is_plain and not has_composed and not (matrix.size and matrix.strides[1] != matrix.itemsize):
        return matrix, token_ids
    used, inverse = np.unique(token_ids, return_inverse=True)
    return gather_rows(matrix, composed, used).astype(np.float32, order="C"), inverse.reshape(-1)


def idf_weights(vectors: WordVectors, texts: Iterable[Iterable[Word]]) -> Floats:
    """Inverse document frequencies, float64 (V,): 1 + ln((1 + n) / (1 + n(w))); n(w) of the n texts have the word w.

    This is the smooth form that scikit-learn uses.
    """
    token_ids, borders, _ = _encode(vectors, texts, "skip")
    return _idf(len(vectors), token_ids, borders)


def sif_weights(vectors: WordVectors, a: float = SIF_A) -> Floats:
    """Smooth inverse frequencies, float64 (V,): a / (a + p(w)), where p(w) = count of w / sum of all counts."""
    if vectors.counts is None:
        raise ParameterError("counts must be known for SIF, got vectors without counts; pass weights")
    if not (np.isfinite(a) and a > 0):
        raise ParameterError(f"a must be above 0, got {a}")
    shares = vectors.counts / max(int(vectors.counts.sum()), 1)
    return np.asarray(a / (a + shares), dtype=np.float64)


def common_component(matrix: npt.ArrayLike) -> Floats:
    """The first right singular vector, float64 (D,), of uncentred rows (n, D); its largest entry is positive.

    It is computed as an eigenvector of the D x D product, so the memory does not grow with n.
    """
    rows = np.asarray(matrix, dtype=np.float64)
    if rows.ndim != 2 or not len(rows):
        raise ShapeError(f"matrix must have two dimensions and at least one row, got shape {rows.shape}")
    component = np.linalg.eigh(rows.T @ rows)[1][:, -1]
    return np.asarray(component * np.sign(component[np.argmax(np.abs(component))]), dtype=np.float64)


def without_component(matrix: npt.ArrayLike, component: npt.ArrayLike) -> Floats:
    """Subtract from each row its projection on a unit vector: v - u (u . v)."""
    rows, unit = np.asarray(matrix, dtype=np.float64), np.asarray(component, dtype=np.float64)
    if unit.shape != rows.shape[1:]:
        raise ShapeError(f"component must have shape {rows.shape[1:]}, got {unit.shape}")
    unit = unit_rows(unit[None, :])[0]
    if not np.isfinite(unit).all():
        raise ParameterError("component must be finite, got NaN or infinity")
    return np.asarray(rows - np.outer(rows @ unit, unit), dtype=np.float64)


def word_movers_distance(
    vectors: WordVectors,
    first: Iterable[Word],
    second: Iterable[Word],
    *,
    normalize_words: bool = True,
    unknown: Literal["skip", "error"] = "skip",
) -> float:
    """Word mover's distance: the least cost of moving the words of one text to the words of the other [1].

    Costs are Euclidean distances of word vectors; weights are the words' frequencies in the text. The result is
    infinity if a text has no known word. Needs POT (``pip install firth[transport]``).

    Raises
    ------
    MissingExtraError, UnknownWordError, ParameterError

    References
    ----------
    [1] Kusner, Sun, Kolkin, Weinberger (2015), From Word Embeddings to Document Distances.
    """
    try:
        import ot  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise MissingExtraError(
            "word mover's distance needs POT, which is not installed: pip install 'firth[transport]'"
        ) from None
    validate_choice("unknown", unknown, ("skip", "error"))
    texts = []
    for words in (first, second):
        token_ids, _, _ = _encode(vectors, [words], cast(Unknown, unknown))
        if not len(token_ids):
            return float("inf")
        texts.append(np.unique(token_ids, return_counts=True))
    (first_ids, first_counts), (second_ids, second_counts) = texts
    rows = [vectors.matrix[word_ids].astype(np.float64) for word_ids in (first_ids, second_ids)]
    if not all(np.isfinite(part).all() for part in rows):
        raise ParameterError("the vectors of both texts must be finite, got NaN or infinity")
    x, y = (unit_rows(part) for part in rows) if normalize_words else rows
    costs = np.sqrt(np.maximum(np.sum(x * x, 1)[:, None] + np.sum(y * y, 1)[None, :] - 2.0 * x @ y.T, 0.0))
    costs[first_ids[:, None] == second_ids[None, :]] = 0.0  # the distance of a word from itself is exactly zero
    return float(ot.emd2(first_counts / first_counts.sum(), second_counts / second_counts.sum(), costs))


def _encode(
    vectors: WordVectors, texts: Iterable[Iterable[Word]], unknown: Unknown
) -> tuple[Rows, Rows, npt.NDArray[np.float32]]:
    """The rows of all tokens that count, the index of each text's first token, and the vectors of the rows from V on.

    Rows from V on are words that are composed of n-grams.
    """
    if isinstance(texts, (str, bytes)):
        raise ParameterError("texts must be lists of words, got one string; split it: [text.split()]")
    rows: Iterable[Iterable[Word]] = token_rows(texts, "texts")
    parts: list[Rows] = []
    new_words: dict[Word, int] = {}
    for place, text in enumerate(rows):
        if isinstance(text, (str, bytes, Mapping)) or not isinstance(text, Iterable):
            raise ParameterError(f"texts must be lists of words, got {text!r:.60} at {place}; split it: text.split()")
        tokens = column_tokens(text, f"texts[{place}]")
        words = cast(Sequence[Word], text if tokens is None else list(tokens))
        if unknown != "compose":
            parts.append(vectors.word_ids(words, unknown=unknown))
            continue
        listed = list_words(words)
        token_ids = vectors.word_ids(listed, unknown="mark")
        for token in np.flatnonzero(token_ids < 0).tolist():
            token_ids[token] = len(vectors) + new_words.setdefault(listed[token], len(new_words))
        parts.append(token_ids)
    composed, has_ngrams = vectors.compose(list(new_words))
    if not has_ngrams.all():
        is_used = np.append(np.ones(len(vectors), bool), has_ngrams)
        parts = [token_ids[is_used[token_ids]] for token_ids in parts]
    borders = np.zeros(len(parts) + 1, dtype=np.int64)
    np.cumsum([len(part) for part in parts], out=borders[1:])
    return (np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)), borders, composed


def _idf(n_words: int, token_ids: Rows, borders: Rows) -> Floats:
    n_texts = len(borders) - 1
    text_ids = np.repeat(np.arange(n_texts), borders[1:] - borders[:-1])
    distinct = np.unique(text_ids * n_words + token_ids)
    n_holding = np.bincount(distinct % n_words, minlength=n_words) if n_words else np.zeros(0)
    return np.asarray(1.0 + np.log((1.0 + n_texts) / (1.0 + n_holding)), dtype=np.float64)
