"""TextClassifier and Confusion: means of vectors, folders that come back the same, scores against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_score, recall_score
from sklearn.model_selection import GridSearchCV

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


# -- without vectors: words and labels learn together ------------------------------------------------------------------

SUBJECTS = ["sweet apple pie", "apple cake with cream", "fast red car", "a car on the road"] * 12


@pytest.mark.parametrize(
    "labels",
    [
        [True, True, False, False] * 12,
        [2.5, 2.5, -1.0, -1.0] * 12,
        [b"x", b"x", b"y", b"y"] * 12,
        ["food", "food", 7, 7] * 12,
        np.array([3, 3, 1, 1] * 12, np.int16),
        np.array(["food", "food", "cars", "cars"] * 12),
    ],
)
def test_labels_of_any_type_come_back_as_they_were_given(labels):
    model = TextClassifier(dims=8, epochs=30, learning_rate=0.5, threads=1).fit(SUBJECTS, labels)
    expected = labels[:4].tolist() if isinstance(labels, np.ndarray) else labels[:4]
    found = model.predict(SUBJECTS[:4])
    assert found == expected
    assert [type(label) for label in found] == [type(label) for label in expected]
    probabilities = model.predict_proba([*SUBJECTS[:4], "", "unknown"])
    assert probabilities.shape == (6, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-4)
    assert model.classes[int(probabilities[0].argmax())] == expected[0]
    assert model.count_known(["sweet car", "unknown"]).tolist() == [2, 0]


def test_several_labels_and_lists_of_tokens():
    labels = [["food", "sweet"], ["food"], ["cars"], {"cars"}] * 12
    model = TextClassifier(loss="one-vs-all", lowercase=True, dims=8, epochs=60, learning_rate=0.5, threads=1)
    model.fit([text.upper().split() for text in SUBJECTS], labels)
    assert model.classes == ["cars", "food", "sweet"]
    first = dict(zip(model.classes, model.predict_proba(["Sweet APPLE pie"])[0], strict=True))
    assert first["food"] > 0.5 > first["cars"]
    assert first["sweet"] > 0.5


def test_scikit_learn_clones_scores_and_searches():
    labels = ["food", "food", "cars", "cars"] * 12
    model = TextClassifier(dims=8, epochs=20, learning_rate=0.5, threads=1)
    assert clone(model).get_params() == model.get_params()
    search = GridSearchCV(model, {"word_ngrams": [1, 2]}, cv=2).fit(SUBJECTS, labels)
    assert search.best_score_ == 1
    assert search.predict(["red car"]) == ["cars"]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: TextClassifier(network=SigmoidNetworkClassifier()), ParameterError, "network must come with vectors"),
        (lambda: TextClassifier().predict(["a"]), ParameterError, "the classifier must be fitted first"),
        (lambda: TextClassifier().fit(["a", "b"], ["x"]), ParameterError, "one label for each of the 2 texts, got 1"),
        (lambda: TextClassifier().fit(["a", "b"], ["x", "x"]), ParameterError, "at least two classes, got"),
        (lambda: TextClassifier().fit(["a", "b"], ["x", None]), CorpusError, "a value for each text, got None at posi"),
        (lambda: TextClassifier().fit(["a", "b"], ["x", {}]), CorpusTypeError, "a label must be hashable, got {}"),
        (lambda: TextClassifier().fit(["a", 3], ["x", "y"]), CorpusTypeError, "a text must be a string or a list"),
        (
            lambda: TextClassifier().fit(["a", "b"], ["x", "y"], [1, 2]),
            ParameterError,
            "weights must come with vectors",
        ),
        (lambda: TextClassifier(dims=0).fit(["a", "b"], ["x", "y"]), ParameterError, "dims must be at least 1, got 0"),
        (lambda: TextClassifier().save("x"), ParameterError, "save must be called on a classifier with given vectors"),
    ],
)
def test_what_is_refused_without_vectors(call, error, message):
    with pytest.raises(error, match=message):
        call()
