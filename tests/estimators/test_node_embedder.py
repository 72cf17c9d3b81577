"""NodeEmbedder: vectors of a graph's nodes, by scikit-learn's rules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks

import firth
from firth.errors import CorpusError, CorpusTypeError, CorpusWarning, ParameterError, UnknownWordError
from firth.estimators import NodeEmbedder

EDGES = np.array([(a + s, b + s) for s in (0, 10) for a in range(10) for b in range(a)] + [(0, 10)])

# The checks that scikit-learn runs on any estimator without feeding it a matrix of features: a graph is none.
CHECKS_WITHOUT_INPUT = (
    "check_estimator_cloneable",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_mixin_order",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
    "check_do_not_raise_errors_in_init_or_set_params",
)


def make_embedder(**parameters) -> NodeEmbedder:
    return NodeEmbedder(**{"dims": 8, "walk_length": 20, "random_state": 1, "threads": 1, **parameters})


@pytest.mark.parametrize("name", CHECKS_WITHOUT_INPUT)
def test_scikit_learn_check(name: str) -> None:
    getattr(estimator_checks, name)("NodeEmbedder", NodeEmbedder())


def test_vectors_are_those_of_train() -> None:
    embedder = make_embedder(p=0.5, q=2.0, walks_per_node=3).fit(EDGES)
    walks = firth.Walks(EDGES, p=0.5, q=2.0, walks_per_node=3, walk_length=20, seed=1)
    settings = {"dims": 8, "window": 10, "epochs": 1, "min_count": 1, "subsample": 0, "deterministic": True}
    model = firth.train(walks, seed=1, threads=1, progress=False, **settings)
    np.testing.assert_array_equal(embedder.vectors_.matrix, model.vectors.matrix)
    np.testing.assert_array_equal(embedder.transform([3, 17]), model.vectors[[3, 17]])


def test_fit_transform_has_a_row_for_each_node() -> None:
    embedder = make_embedder()
    rows = embedder.fit_transform(EDGES)
    assert embedder.nodes_ == list(range(20))
    assert embedder.n_features_out_ == 8
    np.testing.assert_array_equal(rows, embedder.transform(range(20)))
    np.testing.assert_array_equal(rows, clone(embedder).fit(EDGES).transform(np.arange(20)))


def test_a_node_without_edges_has_a_row_of_zeros() -> None:
    matrix = scipy.sparse.csr_array(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    with pytest.warns(CorpusWarning, match="1 of 3 nodes have no edge"):
        rows = make_embedder(epochs=40).fit_transform(matrix)
    assert rows.shape == (3, 8)
    assert rows[:2].any(axis=1).all()
    assert not rows[2].any()
    strict = make_embedder(unknown="error", epochs=40).fit(matrix[:2, :2])
    with pytest.raises(UnknownWordError, match='with unknown="zero" its vector is zero'):
        strict.transform([2])


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"p": 0}, ParameterError, "p must be above 0"),
        ({"unknown": "skip"}, ParameterError, "unknown must be one of 'zero', 'error', got 'skip'"),
        ({"weighted": True}, CorpusError, "graph must have weights if weighted=True"),
        ({"training": {"min_count": 5}}, ParameterError, "training must not have .* 'min_count'"),
        ({"training": {"seed": 5}}, ParameterError, "training must not have .* 'seed'"),
    ],
)
def test_bad_parameters(parameters: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make_embedder(**parameters).fit(EDGES)


@pytest.mark.parametrize("nodes", [["1"], [1.0], [True], [None], EDGES])
def test_nodes_of_another_type_are_refused(nodes: object) -> None:
    with pytest.raises(CorpusTypeError, match=r"^nodes must be integers, as those of the graph are, got .* in row 0"):
        make_embedder().fit(EDGES).transform(nodes)


def test_integers_are_no_names(tmp_path: Path) -> None:
    (tmp_path / "graph.csv").write_text("ann,bob\n")
    fitted = make_embedder(epochs=40).fit(tmp_path / "graph.csv")
    assert fitted.transform(["ann", "unseen"])[0].any()
    with pytest.raises(CorpusTypeError, match=r"^nodes must be strings, as .*, got 1 \(int\) in row 1"):
        fitted.transform(["ann", 1])


def test_what_is_no_graph() -> None:
    with pytest.raises(CorpusTypeError, match="graph must be a SciPy sparse matrix"):
        make_embedder().fit([[0, 1]])
    with pytest.raises(NotFittedError):
        make_embedder().transform([1])
