"""TextClassifier and Confusion: means of vectors, folders that come back the same, scores against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_score, recall_score

from firth.errors import CorpusError, CorpusTypeError, ParameterError, StorageError
from firth.estimators import SigmoidNetworkClassifier, TextClassifier
from firth.estimators.confusion import compute_confusion
from firth.vectors.word_vectors import WordVectors

TEXTS = ["good fine", "fine good good", "bad poor", "poor bad bad", "odd one", ""]
LABELS = ["plus", "plus", "minus", "minus", "minus", "plus"]


@pytest.fixture
def vectors():
    return WordVectors(["good", "fine", "bad", "poor"], np.array([[2, 1], [1, 1], [-2, 0], [-1, 0]], np.float32))


def test_features_are_standardised_means_of_the_known_words(vectors):
    model = TextClassifier(vectors, SigmoidNetworkClassifier(0)).fit(TEXTS, LABELS)
    means = np.array([[1.5, 1], [5 / 3, 1], [-1.5, 0], [-5 / 3, 0]])
    expected = (means - means.mean(axis=0)) / means.std(axis=0)
    np.testing.assert_allclose(model.features(TEXTS[:4]), expected, rtol=1e-6)
    np.testing.assert_allclose(model.features([["good", "unknown", "fine"]]), expected[:1], rtol=1e-6)
    assert not model.features(TEXTS[4:]).any()
    np.testing.assert_array_equal(model.count_known(TEXTS), [2, 3, 2, 3, 0, 0])


def test_a_text_without_a_known_word_is_answered_as_the_average_text(vectors):
    model = TextClassifier(vectors, SigmoidNetworkClassifier(3, random_state=0)).fit(TEXTS, LABELS)
    probabilities = model.predict_proba(["nothing known", ""])
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(probabilities[0], probabilities[1])
    assert model.predict_proba([]).shape == (0, 2)


@pytest.mark.parametrize("n_hidden", [0, 3])
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_comes_back_from_its_folder(tmp_path, vectors, n_hidden, solver):
    network = SigmoidNetworkClassifier(n_hidden, solver=solver, random_state=0, tol=0.1)
    model = TextClassifier(vectors, network, lowercase=True).fit(TEXTS, LABELS)
    model.save(tmp_path / "model")
    again = TextClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(["Good POOR"]), model.predict_proba(["good poor"]))
    assert again.classes == ["minus", "plus"]
    assert again.network.get_params()["solver"] == solver
    with pytest.raises(StorageError, match="holds a model"):
        model.save(tmp_path / "model")
    again.save(tmp_path / "model", overwrite=True)


def test_bad_input(vectors):
    model = TextClassifier(vectors, SigmoidNetworkClassifier(0))
    with pytest.raises(ParameterError, match="fitted or loaded first"):
        model.predict(["good"])
    with pytest.raises(CorpusError, match="at least one text"):
        model.fit([], [])
    with pytest.raises(CorpusError, match="no word of 2 texts"):
        model.fit(["x", "y"], ["a", "b"])
    with pytest.raises(ParameterError, match="labels must have one label for each"):
        model.fit(["good", "bad"], ["a"])
    with pytest.raises(CorpusTypeError, match="got a string"):
        model.fit("good bad", ["a"])
    with pytest.raises(CorpusTypeError, match="a list of strings, got int"):
        model.fit([3], ["a"])
    with pytest.raises(ParameterError, match="strings, got integers"):
        TextClassifier(WordVectors([1, 2], np.ones((2, 2), np.float32)))
    broken = WordVectors(["good", "bad"], np.array([[1, np.nan], [1, 1]], np.float32))
    with pytest.raises(ParameterError, match="the vector of 'good' must be finite, got NaN or infinity"):
        TextClassifier(broken).fit(["good", "bad"], ["a", "b"])


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_scores_are_those_of_scikit_learn(n_classes):
    generator = np.random.default_rng(n_classes)
    names = [f"class {number}" for number in range(n_classes)]
    true = generator.choice(names, 200).tolist()
    predicted = generator.choice(names[: n_classes - 1], 200).tolist()  # one class is never predicted
    confusion = compute_confusion(true, predicted, names)
    options = {"average": None, "zero_division": 0}
    np.testing.assert_array_equal(confusion.matrix, confusion_matrix(true, predicted, labels=names))
    np.testing.assert_allclose(confusion.f1, f1_score(true, predicted, **options))
    np.testing.assert_allclose(confusion.precision, precision_score(true, predicted, **options))
    np.testing.assert_allclose(confusion.recall, recall_score(true, predicted, **options))
    assert confusion.accuracy == pytest.approx(accuracy_score(true, predicted))
    assert confusion.macro_f1 == pytest.approx(f1_score(true, predicted, average="macro"))
    assert confusion.micro_f1 == pytest.approx(f1_score(true, predicted, average="micro"))


def test_confusion_needs_pairs():
    with pytest.raises(ParameterError, match="one predicted label for each true label, got 1 and 2"):
        compute_confusion(["a"], ["a", "b"])
    with pytest.raises(ParameterError, match="at least one"):
        compute_confusion([], [])
