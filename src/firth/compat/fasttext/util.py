"""Room compat: fastText's module ``fasttext.util``: scores of answers, a nearest row, models of fewer dimensions.

Tests: tests/compat/fasttext/test_util.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from firth.compat.fasttext.FastText import _FastText
from firth.compat.fasttext.refused import NotPossibleError
from firth.errors import CorpusError, ParameterError

MAPPING_ROWS = 100_000  # fastText finds the directions from so many rows


def test(  # no test of pytest's; the name is fastText's
    predictions: Iterable[Sequence[str]],
    labels: Iterable[Collection[str]],
    k: int = 1,  # noqa: PT028
) -> tuple[float, float]:
    """Precision at k and recall at k of answers.

    Parameters
    ----------
    predictions : lists of labels, k each
    labels : lists of true labels

    Raises
    ------
    CorpusError
        There are no answers, or no true labels.

    Examples
    --------
    >>> from firth.compat.fasttext import util
    >>> util.test([["a"], ["b"]], [["a"], ["a", "b"]])
    (1.0, 0.6666666666666666)
    """
    pairs = list(zip(predictions, labels, strict=True))
    n_labels = sum(len(true) for _, true in pairs)
    if not n_labels:
        raise CorpusError("labels must have a true label at least, got none: precision and recall are of nothing")
    n_hits = sum(label in true for answered, true in pairs for label in answered)
    return n_hits / (k * len(pairs)), n_hits / n_labels


def find_nearest_neighbor(
    query: NDArray[Any], vectors: NDArray[Any], ban_set: Collection[int], cossims: NDArray[Any] | None = None
) -> int:
    """The row of ``vectors`` with the largest dot product with ``query``, of the rows that are not in ``ban_set``.

    Parameters
    ----------
    query : float array, (D,)
    vectors : float array, (n, D)
        Of length 1, where the cosine is wanted.
    ban_set : set of int
    cossims : float array, (n,), or None
        Filled with the products.

    Raises
    ------
    ParameterError
        All rows are in ``ban_set``.

    Examples
    --------
    >>> import numpy as np
    >>> from firth.compat.fasttext import util
    >>> int(util.find_nearest_neighbor(np.array([1.0, 0.0]), np.eye(2), {0}))
    1
    """
    products = np.matmul(vectors, query, out=cossims)
    for row in np.argsort(-products, kind="stable"):
        if int(row) not in ban_set:
            return int(row)
    raise ParameterError(f"ban_set must leave a row of vectors, got all {len(products)}")


def reduce_model(ft_model: _FastText, target_dim: int) -> _FastText:
    """Reduce a model's vectors to ``target_dim`` numbers by principal components, in the model's place.

    The directions are those of the largest variance among the first 100,000 rows of the input matrix; the same
    directions reduce the output matrix, so that a classifier keeps its answers as far as they go.

    Raises
    ------
    ParameterError
        ``target_dim`` is larger than the model's dimension, or the model is quantized.

    Examples
    --------
    >>> from firth.compat.fasttext import load_model, util
    >>> util.reduce_model(load_model("cc.en.300.bin"), 100).get_dimension()  # doctest: +SKIP
    100
    """
    n_dims = ft_model.get_dimension()
    if isinstance(target_dim, bool) or not isinstance(target_dim, int) or not 1 <= target_dim <= n_dims:
        raise ParameterError(f"target_dim must lie in 1 to {n_dims}, the model's dimension, got {target_dim!r}")
    input_matrix, output_matrix = ft_model.get_input_matrix(), ft_model.get_output_matrix()
    rows = input_matrix[:MAPPING_ROWS].astype(np.float64)
    rows -= rows.mean(axis=0)
    variances, directions = np.linalg.eigh(rows.T @ rows)
    best = directions[:, np.argsort(-variances, kind="stable")[:target_dim]].astype(np.float32)
    ft_model.set_matrices(input_matrix @ best, output_matrix @ best)
    return ft_model


def download_model(lang_id: str, if_exists: str = "strict", dimension: int | None = None) -> NoReturn:
    """Refused: firth opens no connection.

    Raises
    ------
    NotPossibleError
    """
    raise NotPossibleError(
        f"download_model must not be called, got {lang_id!r}: firth opens no connection; download"
        f" https://dl.fbaipublicfiles.com/fasttext/vectors-crawl/cc.{lang_id}.300.bin.gz, unpack it and call load_model"
    )


__all__ = ["download_model", "find_nearest_neighbor", "reduce_model", "test"]
