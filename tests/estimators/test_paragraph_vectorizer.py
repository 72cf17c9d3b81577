"""ParagraphVectorizer: by scikit-learn's rules, equal to train_documents and infer, and what it refuses."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks, get_tags

import firth
from firth.errors import CorpusError, CorpusTypeError, ParameterError
from firth.estimators import ParagraphVectorizer

RNG = np.random.default_rng(1)
TOPICS = (["apple", "pear", "plum", "fig"], ["car", "bus", "train", "bike"])
CLASSES = RNG.integers(0, 2, 80)
TEXTS = [" ".join(RNG.choice([*TOPICS[topic], "the", "a"], 9)) for topic in CLASSES]

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


def make(**parameters: Any) -> ParagraphVectorizer:
    given = {"dims": 8, "min_count": 1, "subsample": 0, "learning_rate": 0.1, "random_state": 3, **parameters}
    return ParagraphVectorizer(**given)


@pytest.mark.parametrize("name", CHECKS_WITHOUT_INPUT)
def test_scikit_learn_check(name: str) -> None:
    getattr(estimator_checks, name)("ParagraphVectorizer", ParagraphVectorizer())


def test_tags_say_that_the_input_is_text() -> None:
    tags = get_tags(ParagraphVectorizer())
    assert not tags.input_tags.two_d_array
    assert tags.input_tags.string


@pytest.mark.parametrize("method", ["dbow", "dm"])
def test_it_is_train_documents_and_infer(method: str) -> None:
    estimator = make(method=method).fit(TEXTS)
    model = firth.train_documents(
        TEXTS, method=method, dims=8, min_count=1, subsample=0, learning_rate=0.1, negatives=6, deterministic=True,
        seed=3, progress=False,
    )  # fmt: skip
    assert estimator.model_.documents is not None
    assert model.documents is not None
    assert np.array_equal(estimator.model_.documents.matrix, model.documents.matrix)
    rows = estimator.transform(TEXTS[:5])
    assert rows.tobytes() == model.infer(TEXTS[:5], seed=3).tobytes()
    assert make(method=method).fit_transform(TEXTS)[:5].tobytes() == rows.tobytes()
    assert list(estimator.get_feature_names_out())[:2] == ["paragraphvectorizer0", "paragraphvectorizer1"]


def test_a_pipeline_learns_the_classes_and_searches_parameters() -> None:
    pipeline = make_pipeline(make(epochs=20), LogisticRegression())
    search = GridSearchCV(pipeline, {"paragraphvectorizer__method": ["dbow", "dm"]}, cv=2).fit(TEXTS, CLASSES)
    assert search.best_score_ > 0.9


def test_clones_and_pickles_answer_alike() -> None:
    estimator = make().fit(TEXTS)
    rows = estimator.transform(TEXTS)
    assert pickle.loads(pickle.dumps(estimator)).transform(TEXTS).tobytes() == rows.tobytes()
    assert clone(estimator).fit(TEXTS).transform(TEXTS).tobytes() == rows.tobytes()
    assert make(infer_epochs=3).fit(TEXTS).transform(TEXTS).tobytes() != rows.tobytes()


def test_a_document_without_a_known_word_is_zero_in_transform() -> None:
    rows = make().fit(TEXTS).transform(["unseen", TEXTS[0]])
    assert not rows[0].any()
    assert rows[1].any()
    assert not make().fit(TEXTS).transform(["unseen"]).any()
    assert make().fit(TEXTS).transform([]).shape == (0, 8)


def test_what_is_refused() -> None:
    with pytest.raises(NotFittedError):
        make().transform(TEXTS)
    with pytest.raises(CorpusTypeError, match="^X must be an iterable, got a string"):
        make().fit("a text")
    with pytest.raises(CorpusError, match="^X must have at least one document, got none"):
        make().fit([])
    with pytest.raises(CorpusError, match=r"^every tag must have a document with a word of the vocabulary, .* \(80\)"):
        make(min_count=2).fit([*TEXTS, "unseen"])
    with pytest.raises(ParameterError, match="^training must not have a parameter of the estimator itself, got 'dims'"):
        make(training={"dims": 3}).fit(TEXTS)
    with pytest.raises(ParameterError, match="^infer_epochs must be at least 1, got 0"):
        make(infer_epochs=0).fit(TEXTS)
    with pytest.raises(ParameterError, match="^method must be one of"):
        make(method="pv").fit(TEXTS)
