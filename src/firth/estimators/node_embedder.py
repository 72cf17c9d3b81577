"""Room estimators: a transformer for vectors of a graph's nodes, learned from random walks (node2vec)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from firth.base.values import is_integer, validate_choice
from firth.corpus.walks import Walks
from firth.errors import CorpusTypeError, UnknownWordError
from firth.estimators.embedding import EmbeddingEstimator, as_listed, refuse_string
from firth.vectors.texts import text_vectors


class NodeEmbedder(EmbeddingEstimator):
    """Learn a vector for each node of a graph from random walks.

    ``fit`` takes a graph, of any kind that ``firth.Walks`` takes. ``transform`` takes nodes, and returns their vectors.
    ``fit_transform`` takes a graph and returns the vectors of all nodes, in the order of ``nodes_``.

    Parameters
    ----------
    dims : int, default 128
    p, q : float, default 1
        Return parameter and in-out parameter of node2vec.
    walks_per_node : int, default 10
    walk_length : int, default 80
    directed, weighted : bool or None
        See ``firth.Walks``.
    window : int, default 10
    architecture : "skipgram" (default) or "cbow"
    loss : "negative-sampling" (default), "hierarchical-softmax" or "softmax"
    negatives : int, default 6
    learning_rate : float or None
    epochs : int, default 1
    threads : int or None
    deterministic : bool, default True
        If True, the vectors do not depend on the number of threads. False is faster.
    training : mapping or None
        Other parameters of ``firth.train``, by name.
    unknown : "zero" (default) or "error"
        Treatment of a node without a vector. With "zero" its vector is zero; with "error" it raises an error.
    random_state : int, RandomState or None
        An integer is the seed of the walks and of ``firth.train``.

    Attributes
    ----------
    nodes_ : list of the ids of all nodes
    vectors_ : WordVectors
    model_ : firth.Model
    n_features_out_ : int
        D.

    Examples
    --------
    >>> import numpy as np
    >>> from firth.estimators import NodeEmbedder
    >>> edges = np.array([[0, 1], [1, 2], [2, 0], [2, 3]])
    >>> embedder = NodeEmbedder(dims=8, random_state=1).fit(edges)
    >>> embedder.transform([0, 3]).shape, embedder.fit_transform(edges).shape
    ((2, 8), (4, 8))
    """

    unknown: str

    def __init__(
        self,
        dims: int = 128,
        *,
        p: float = 1.0,
        q: float = 1.0,
        walks_per_node: int = 10,
        walk_length: int = 80,
        directed: bool | None = None,
        weighted: bool | None = None,
        window: int = 10,
        architecture: str = "skipgram",
        loss: str = "negative-sampling",
        negatives: int = 6,
        learning_rate: float | None = None,
        epochs: int = 1,
        threads: int | None = None,
        deterministic: bool = True,
        training: Mapping[str, Any] | None = None,
        unknown: str = "zero",
        random_state: Any = None,
    ) -> None:
        self._keep(locals())

    def fit(self, X: Any, y: Any = None) -> NodeEmbedder:
        """Learn the vectors of all nodes.

        Parameters
        ----------
        X : SciPy sparse matrix, NetworkX graph, path of a file of edges, or NumPy array of edges
        y : ignored

        Raises
        ------
        ParameterError, CorpusError, CorpusTypeError, ShapeError, FormatError, StorageError
        """
        validate_choice("unknown", self.unknown, ("zero", "error"))
        seed = self._seed()
        walks = Walks(X, seed=seed, **{name: getattr(self, name) for name in _WALKS})
        self.model_ = self._train(walks, seed=seed, min_count=1, subsample=0)
        self.nodes_ = walks.nodes if isinstance(walks.nodes, list) else walks.nodes.tolist()
        self.vectors_ = self.model_.vectors
        self.n_features_out_ = self.vectors_.dims
        return self

    def transform(self, X: Iterable[Any]) -> NDArray[np.float32]:
        """Vectors of nodes: float32 array, (n, D).

        Parameters
        ----------
        X : iterable of node ids, n of them

        Raises
        ------
        UnknownWordError
            A node has no vector and ``unknown="error"``.
        CorpusTypeError
            A node is a string and those of the graph are integers, or vice versa.
        """
        check_is_fitted(self, "vectors_")
        refuse_string(X)
        nodes = as_listed(X)
        are_names = isinstance(self.nodes_[0], str)
        for row, node in enumerate(nodes):
            if not (isinstance(node, str) if are_names else is_integer(node)):
                kind = "strings" if are_names else "integers"
                raise CorpusTypeError(
                    f"nodes must be {kind}, as those of the graph are, got {node!r:.60} ({type(node).__name__}) in row"
                    f" {row}"
                )
        skip = "skip" if self.unknown == "zero" else "error"
        try:
            return text_vectors(self.vectors_, [[node] for node in nodes], unknown=skip)  # type: ignore[arg-type]
        except UnknownWordError as error:
            raise UnknownWordError(f'{error}; with unknown="zero" its vector is zero') from None

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> NDArray[np.float32]:
        """Learn the vectors of all nodes, and return them in the order of ``nodes_``: float32 array, (N, D)."""
        fitted = self.fit(X, y, **fit_params)
        return fitted.transform(fitted.nodes_)


_WALKS = ("p", "q", "walks_per_node", "walk_length", "directed", "weighted")

__all__ = ["NodeEmbedder"]
