"""SequenceEmbedder: vectors of items and of sequences, by scikit-learn's rules."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks, get_tags

import firth
from firth.errors import CorpusTypeError, ParameterError, UnknownWordError
from firth.estimators import SequenceEmbedder

FRUITS, TOOLS = ["apple", "pear", "plum", "fig"], ["saw", "hammer", "file", "drill"]


def make_baskets(n_baskets: int = 200) -> tuple[list[list[str]], list[int]]:
    rng = np.random.default_rng(7)
    labels = rng.integers(2, size=n_baskets).tolist()
    return [rng.choice((FRUITS, TOOLS)[label], 5).tolist() for label in labels], labels


BASKETS, LABELS = make_baskets()


def make_embedder(**parameters) -> SequenceEmbedder:
    return SequenceEmbedder(**{"dims": 8, "epochs": 3, "random_state": 1, "threads": 1, **parameters})


# The checks that scikit-learn runs on any estimator without feeding it a matrix of numbers: sequences are none.
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


@pytest.mark.parametrize("name", CHECKS_WITHOUT_INPUT)
def test_scikit_learn_check(name: str) -> None:
    getattr(estimator_checks, name)("SequenceEmbedder", SequenceEmbedder())


def test_tags_say_that_the_input_is_no_matrix() -> None:
    tags = get_tags(SequenceEmbedder())
    assert not tags.input_tags.two_d_array
    assert tags.input_tags.string


def test_vectors_are_those_of_train() -> None:
    embedder = make_embedder().fit(BASKETS)
    model = firth.train(BASKETS, dims=8, epochs=3, seed=1, deterministic=True, threads=1, progress=False)
    np.testing.assert_array_equal(embedder.vectors_.matrix, model.vectors.matrix)
    np.testing.assert_array_equal(embedder.transform(FRUITS), model.vectors[FRUITS])


def test_a_sequence_is_the_mean_of_its_items() -> None:
    embedder = make_embedder().fit(BASKETS)
    rows = embedder.transform([["apple", "saw", "apple"], ["pear"]])
    expected = (2 * embedder.vectors_["apple"] + embedder.vectors_["saw"]) / 3
    np.testing.assert_allclose(rows[0], expected, rtol=1e-6)
    np.testing.assert_array_equal(rows[1], embedder.vectors_["pear"])
    np.testing.assert_array_equal(embedder.transform(BASKETS), make_embedder().fit_transform(BASKETS))


def test_integers_are_items_too() -> None:
    sequences = np.random.default_rng(0).integers(10, 20, size=(50, 6))
    embedder = make_embedder().fit(sequences)
    assert embedder.transform(np.arange(10, 20)).shape == (10, 8)
    np.testing.assert_array_equal(embedder.transform([12]), [embedder.vectors_[12]])
    assert embedder.transform(sequences).shape == (50, 8)


def test_unknown_items() -> None:
    embedder = make_embedder().fit(BASKETS)
    rows = embedder.transform(["durian", ["apple", "durian"], []])
    np.testing.assert_array_equal(rows[[0, 2]], np.zeros((2, 8)))
    np.testing.assert_array_equal(rows[1], embedder.vectors_["apple"])
    with pytest.raises(UnknownWordError, match="durian"):
        make_embedder(unknown="error").fit(BASKETS).transform(["durian"])
    with pytest.raises(ParameterError, match="unknown must be"):
        make_embedder(unknown="skip").fit(BASKETS)


def test_bad_input() -> None:
    with pytest.raises(CorpusTypeError, match="got a string"):
        make_embedder().fit("apple pear")
    with pytest.raises(NotFittedError):
        make_embedder().transform(["apple"])
    with pytest.raises(ParameterError, match="dims must be"):
        make_embedder(dims=0).fit(BASKETS)
    with pytest.raises(ParameterError, match="training must not have a parameter"):
        make_embedder(training={"dims": 3}).fit(BASKETS)
    assert make_embedder(training={"noise_exponent": -0.5}).fit(BASKETS).model_.config.noise_exponent == -0.5


def test_clone_and_pickle() -> None:
    embedder = make_embedder().fit(BASKETS)
    again = pickle.loads(pickle.dumps(embedder))
    np.testing.assert_array_equal(again.transform(BASKETS), embedder.transform(BASKETS))
    fresh = clone(embedder)
    assert not hasattr(fresh, "vectors_")
    assert fresh.get_params() == embedder.get_params()


def test_random_state() -> None:
    first, second = (make_embedder(random_state=state).fit_transform(BASKETS) for state in (3, 3))
    np.testing.assert_array_equal(first, second)
    states = [np.random.RandomState(5) for _ in range(2)]
    first, second = (make_embedder(random_state=state).fit_transform(BASKETS) for state in states)
    np.testing.assert_array_equal(first, second)


def test_pipeline_and_grid_search() -> None:
    embedder = make_embedder(subsample=0, learning_rate=0.1, epochs=5)
    pipeline = make_pipeline(embedder, LogisticRegression())
    search = GridSearchCV(pipeline, {"sequenceembedder__window": [1, 5]}, cv=3).fit(BASKETS, LABELS)
    assert search.best_score_ > 0.95


def test_names_and_pandas() -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    embedder = make_embedder(dims=3).fit(BASKETS)
    assert list(embedder.get_feature_names_out()) == [f"sequenceembedder{place}" for place in range(3)]
    frame = embedder.set_output(transform="pandas").transform(FRUITS)
    assert list(frame.columns) == list(embedder.get_feature_names_out())
    assert frame.shape == (4, 3)
