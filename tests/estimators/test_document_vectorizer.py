"""DocumentVectorizer: mean, idf and SIF, vectors given or trained, by scikit-learn's rules."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks, get_tags

import firth
from firth.errors import CorpusError, CorpusTypeError, ParameterError
from firth.estimators import DocumentVectorizer
from firth.vectors.texts import text_vectors
from firth.vectors.word_vectors import WordVectors

WORDS = ["the", "cat", "dog", "sat", "barked"]
VECTORS = WordVectors(WORDS, np.random.default_rng(3).normal(size=(5, 4)), [50, 10, 8, 5, 2])
TEXTS = ["the cat sat", "the dog sat", "the dog barked", "the the cat", "unknown words"]
TOKENS = [text.split() for text in TEXTS]

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
    getattr(estimator_checks, name)("DocumentVectorizer", DocumentVectorizer())


def test_tags_say_that_the_input_is_text() -> None:
    tags = get_tags(DocumentVectorizer())
    assert not tags.input_tags.two_d_array
    assert tags.input_tags.string


def test_mean_by_hand() -> None:
    rows = DocumentVectorizer(VECTORS).fit_transform(TEXTS)
    np.testing.assert_allclose(rows[3], (2 * VECTORS["the"] + VECTORS["cat"]) / 3, rtol=1e-6)
    np.testing.assert_array_equal(rows[4], np.zeros(4))
    assert rows.dtype == np.float32


def test_idf_weights_are_those_of_scikit_learn() -> None:
    vectorizer = DocumentVectorizer(VECTORS, weighting="idf").fit(TEXTS)
    other = TfidfVectorizer(vocabulary=WORDS).fit(TEXTS)
    np.testing.assert_allclose(vectorizer.weights_, other.idf_)
    weights = dict(zip(WORDS, other.idf_, strict=True))
    expected = weights["the"] * VECTORS["the"] + weights["cat"] * VECTORS["cat"]
    row = vectorizer.transform(["the cat"])[0]
    np.testing.assert_allclose(row, expected / (weights["the"] + weights["cat"]), rtol=1e-6)


def test_sif_removes_the_component_of_fit() -> None:
    vectorizer = DocumentVectorizer(VECTORS, weighting="sif").fit(TEXTS[:3])
    expected = text_vectors(VECTORS, TOKENS[:3], weighting="sif")
    np.testing.assert_allclose(vectorizer.transform(TEXTS[:3]), expected, atol=1e-8)
    np.testing.assert_allclose(vectorizer.transform(TEXTS) @ vectorizer.common_component_, 0, atol=1e-6)
    alone, together = vectorizer.transform(TEXTS[3:4]), vectorizer.transform(TEXTS)[3:4]
    np.testing.assert_array_equal(alone, together)


def test_sif_counts_the_documents_where_vectors_have_no_counts() -> None:
    bare = WordVectors(WORDS, VECTORS.matrix)
    vectorizer = DocumentVectorizer(bare, weighting="sif").fit(TEXTS)
    assert vectorizer.vectors_.counts.tolist() == [5, 2, 2, 2, 1]
    assert bare.counts is None


def test_texts_tokens_case_and_tokenizer() -> None:
    vectorizer = DocumentVectorizer(VECTORS).fit(TEXTS)
    np.testing.assert_array_equal(vectorizer.transform(TEXTS), vectorizer.transform(TOKENS))
    lowering = DocumentVectorizer(VECTORS, lowercase=True).fit(TEXTS)
    np.testing.assert_array_equal(
        lowering.transform(["The CAT", ["The", "CAT"]]), vectorizer.transform(["the cat"] * 2)
    )
    commas = DocumentVectorizer(VECTORS, tokenizer=lambda text: text.split(",")).fit(TEXTS)
    np.testing.assert_array_equal(commas.transform(["the,cat"]), vectorizer.transform(["the cat"]))


def test_trained_in_fit() -> None:
    vectorizer = DocumentVectorizer(dims=6, min_count=2, subsample=0, random_state=4).fit(TEXTS * 10)
    assert vectorizer.vectors_.dims == 6
    assert "unknown" in vectorizer.vectors_
    again = DocumentVectorizer(dims=6, min_count=2, subsample=0, random_state=4)
    np.testing.assert_array_equal(again.fit_transform(TEXTS * 10), vectorizer.transform(TEXTS * 10))


def test_vectors_from_a_mapping_or_a_file(tmp_path) -> None:
    mapping = {word: VECTORS[word] for word in WORDS}
    path = tmp_path / "vectors.txt"
    rows = [f"{word} {' '.join(map(repr, VECTORS[word].tolist()))}" for word in WORDS]
    path.write_text("\n".join(["5 4", *rows]) + "\n")
    expected = DocumentVectorizer(VECTORS).fit_transform(TEXTS)
    for vectors in (mapping, path, str(path)):
        np.testing.assert_allclose(DocumentVectorizer(vectors).fit_transform(TEXTS), expected, rtol=1e-6)


def test_bad_input() -> None:
    with pytest.raises(CorpusTypeError, match="got a string"):
        DocumentVectorizer(VECTORS).fit("the cat")
    with pytest.raises(CorpusTypeError, match="a document must be"):
        DocumentVectorizer(VECTORS).fit([[1, 2]])
    with pytest.raises(CorpusError, match="at least one document"):
        DocumentVectorizer(VECTORS).fit([])
    with pytest.raises(ParameterError, match="weighting must be"):
        DocumentVectorizer(VECTORS, weighting="tfidf").fit(TEXTS)
    with pytest.raises(ParameterError, match="vectors must be"):
        DocumentVectorizer(7).fit(TEXTS)
    with pytest.raises(NotFittedError):
        DocumentVectorizer(VECTORS).transform(TEXTS)
    assert DocumentVectorizer(VECTORS).fit(TEXTS).transform([]).shape == (0, 4)


def test_clone_and_pickle() -> None:
    vectorizer = DocumentVectorizer(VECTORS, weighting="sif").fit(TEXTS)
    again = pickle.loads(pickle.dumps(vectorizer))
    np.testing.assert_array_equal(again.transform(TEXTS), vectorizer.transform(TEXTS))
    fresh = clone(vectorizer)
    assert not hasattr(fresh, "vectors_")
    assert fresh.weighting == "sif"


def test_pipeline_and_grid_search() -> None:
    texts = [text for text in TEXTS[:4] for _ in range(9)]
    labels = ["cat" in text for text in texts]
    pipeline = make_pipeline(DocumentVectorizer(VECTORS), LogisticRegression(C=100))
    grid = {"documentvectorizer__weighting": ["mean", "idf", "sif"]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(texts, labels)
    assert search.best_score_ == 1


def test_names_and_pandas() -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    vectorizer = DocumentVectorizer(VECTORS).set_output(transform="pandas")
    frame = vectorizer.fit_transform(TEXTS)
    assert list(frame.columns) == [f"documentvectorizer{place}" for place in range(4)]
    assert list(vectorizer.get_feature_names_out()) == list(frame.columns)


PHRASE_TEXTS = [
    ["in", "new", "york", f"w{k % 7}"] if k % 4 == 0 else [f"w{k % 7}", "new", f"w{k % 5}"] for k in range(200)
]


def test_phrases_are_joined_in_every_document() -> None:
    table = firth.Phrases.from_scores({("new", "york"): 1.0})
    options = {"dims": 5, "subsample": 0, "epochs": 2, "threads": 1, "random_state": 3}
    joined = [table.join(text) for text in PHRASE_TEXTS]
    expected = DocumentVectorizer(**options).fit_transform(joined)
    vectorizer = DocumentVectorizer(phrases=table, **options)
    np.testing.assert_array_equal(vectorizer.fit_transform(PHRASE_TEXTS), expected)
    assert "new_york" in vectorizer.vectors_
    assert vectorizer.model_.phrases == vectorizer.phrases_ == table
    np.testing.assert_array_equal(
        vectorizer.transform(["in new york w1"]), vectorizer.transform([["in", "new_york", "w1"]])
    )
    given = DocumentVectorizer(vectorizer.vectors_, phrases=table, weighting="idf").fit(PHRASE_TEXTS)
    same = DocumentVectorizer(vectorizer.vectors_, weighting="idf").fit(joined)
    np.testing.assert_array_equal(given.transform(PHRASE_TEXTS), same.transform(joined))


def test_a_model_folder_brings_its_phrases(tmp_path: Path) -> None:
    table = firth.Phrases.from_scores({("new", "york"): 1.0})
    model = firth.train(PHRASE_TEXTS, phrases=table, dims=4, epochs=1, subsample=0, progress=False)
    model.save(tmp_path / "model")
    by_path = DocumentVectorizer(tmp_path / "model").fit(PHRASE_TEXTS)
    assert by_path.phrases_ == table
    given = DocumentVectorizer(model.vectors, phrases=model.phrases).fit(PHRASE_TEXTS)
    np.testing.assert_array_equal(by_path.transform(PHRASE_TEXTS), given.transform(PHRASE_TEXTS))


def test_phrases_are_learned_in_fit() -> None:
    texts = [*PHRASE_TEXTS * 6, *([["rare", "pair"]] * 6)]
    vectorizer = DocumentVectorizer(phrases=1, dims=4, subsample=0, epochs=1, random_state=1).fit(texts)
    assert vectorizer.phrases_.scores == firth.learn_phrases(texts).scores
    assert ("rare", "pair") in vectorizer.phrases_.scores
    assert "rare_pair" in vectorizer.vectors_


def test_phrases_of_another_delimiter() -> None:
    vectors = firth.WordVectors(["new_york", "w1"], np.eye(2, dtype=np.float32))
    table = firth.Phrases.from_scores({("new", "york"): 1.0}, delimiter="~")
    with pytest.raises(ParameterError, match=r"phrases must become words of the vectors, got 1 joined words, such as"):
        DocumentVectorizer(vectors, phrases=table).fit(PHRASE_TEXTS)
    with pytest.raises(ParameterError, match="phrases must be a table of phrases, its path"):
        DocumentVectorizer(vectors, phrases=0).fit(PHRASE_TEXTS)
    with pytest.raises(
        ParameterError, match="training must not have a parameter of the estimator itself, got 'phrases'"
    ):
        DocumentVectorizer(training={"phrases": 2}).fit(PHRASE_TEXTS)
