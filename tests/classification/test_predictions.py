"""Answers of fastText's own models: fastText's, from golden files; and the float64 reference's."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from fasttext_answers import REAL, SMALL, model_path, read_answers

import firth
from firth.classification.classifier import Classifier
from firth.classification.reference import find_rows, predict_all
from firth.formats.fasttext_model import read_classifier

FASTTEXT_TOLERANCE = 1e-6
# Native sums are float32: some hundred rows lose a few of 24 bits, and a logit of 10 carries ten times that.
REFERENCE_TOLERANCE = 5e-6


@pytest.mark.parametrize("name", [*SMALL, *REAL])
def test_answers_are_those_of_fasttext(name: str) -> None:
    model = Classifier(read_classifier(model_path(name)))
    names = [label.decode() for label in model.model.labels]
    answers = read_answers(name)
    assert len(answers) > 50
    for answer in answers:
        ids, probabilities = model.predict_ids([answer.text], answer.k, answer.threshold)
        found = [names[label] for label in ids[0].tolist() if label >= 0]
        assert len(found) == len(answer.labels), answer
        np.testing.assert_allclose(
            probabilities[0, : len(found)], answer.probabilities, rtol=0, atol=FASTTEXT_TOLERANCE
        )
        expected = dict(zip(answer.labels, answer.probabilities, strict=True))
        for label, probability in zip(found, answer.probabilities, strict=True):
            assert expected[label] == pytest.approx(probability, abs=FASTTEXT_TOLERANCE), answer


def test_all_176_languages_are_answers() -> None:
    """A text for each language (make_languages.py), in one call: the same three labels as fastText's, in its order."""
    model = Classifier(read_classifier(model_path("lid.176.ftz")))
    names = [label.decode() for label in model.model.labels]
    answers = read_answers("lid.176.languages")
    assert sorted(answer.labels[0] for answer in answers) == sorted(names)
    ids, probabilities = model.predict_ids([answer.text for answer in answers], 3)
    for found, those, expected in zip(ids.tolist(), probabilities, answers, strict=True):
        assert [names[label] for label in found if label >= 0] == expected.labels
        np.testing.assert_allclose(
            those[: len(expected.labels)], expected.probabilities, rtol=0, atol=FASTTEXT_TOLERANCE
        )
    top = model.predict_ids([answer.text for answer in answers], 1)[0][:, 0]
    assert [names[label] for label in top] == [answer.labels[0] for answer in answers]


@pytest.mark.parametrize("name", [*SMALL, *REAL])
def test_rows_and_probabilities_are_those_of_the_reference(name: str) -> None:
    stored = read_classifier(model_path(name))
    model = Classifier(stored)
    texts = list(dict.fromkeys(answer.text for answer in read_answers(name)))[:: 1 if name in SMALL else 9]
    for text in texts:
        rows = find_rows(stored, text)
        assert model.find_rows(text).tolist() == rows, text
        ids, probabilities = model.predict_ids([text], None)
        expected = predict_all(stored, text)
        if expected is None:
            assert ids.max() == -1
            continue
        if stored.arguments.loss in (2, 4):  # a step of fastText's table may fall between the two logits
            expected_ids = np.argsort(-expected, kind="stable")
            assert np.sum(np.abs(probabilities[0] - expected[ids[0]]) > REFERENCE_TOLERANCE) <= 1
            assert set(expected_ids.tolist()) == set(ids[0].tolist())
            continue
        there = ids[0] >= 0
        np.testing.assert_allclose(probabilities[0][there], expected[ids[0][there]], rtol=0, atol=REFERENCE_TOLERANCE)
        assert np.sum(expected >= 1.01e-5) <= np.sum(there)


def test_a_text_of_many_words() -> None:
    """100,000 words: rows are those of one repetition as often, and the answer stays."""
    model = Classifier(read_classifier(model_path("pruned.ftz")))
    text = read_answers("pruned.ftz")[0].text
    once, often = model.find_rows(text), model.find_rows(b" ".join([text] * 10_000))
    assert len(often) > 10_000 * (len(once) - 4)
    one, many = model.predict(text, k=3), model.predict(b" ".join([text] * 10_000), k=3)
    assert len(many.labels) == len(one.labels) == 3
    assert np.isfinite(many.probabilities).all()


def test_one_text_and_many() -> None:
    model = firth.load(model_path("softmax-ngrams.bin"))
    texts = [answer.text for answer in read_answers("softmax-ngrams.bin")] * 100
    labels, probabilities = model.predict(texts, k=2, threads=2)
    assert probabilities.shape == (len(texts), 2)
    assert probabilities.dtype == np.float32
    for place in range(0, len(texts), 997):
        one = model.predict(texts[place], k=2)
        assert labels[place] == one.labels
        assert probabilities[place].tolist() == one.probabilities.tolist()
    again, same = model.predict(texts, k=2, threads=1)
    assert again == labels
    assert np.array_equal(same, probabilities)


def test_several_threads_may_predict_at_once() -> None:
    model = firth.load(model_path("hierarchical.bin"))
    texts = [answer.text for answer in read_answers("hierarchical.bin")]
    expected = model.predict(texts, k=3)
    found = []
    threads = [threading.Thread(target=lambda: found.append(model.predict(texts, k=3))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for labels, probabilities in found:
        assert labels == expected.labels
        assert np.array_equal(probabilities, expected.probabilities)


def test_probabilities_above_one_are_clipped() -> None:
    """fastText adds 1e-5 to each probability: its own answer for a model of one label is 1 or more."""
    model = firth.load(model_path("softmax.bin"))
    texts = [answer.text for answer in read_answers("softmax.bin")]
    _, raw = model.predict_ids(texts, None)
    _, clipped = model.predict(texts, None)
    assert raw.sum(axis=1).max() > 1
    assert clipped.max() <= 1
    np.testing.assert_array_equal(np.minimum(raw, 1), clipped)


@pytest.mark.parametrize("name", ["softmax.bin", "hierarchical.bin", "one-vs-all.bin"])
def test_of_equal_labels_the_last_one_wins(name: str) -> None:
    """As in fastText, which goes through the labels in order and lets the later one take the place."""
    import dataclasses

    stored = read_classifier(model_path(name))
    zeros = np.zeros((len(stored.labels), stored.arguments.dims), np.float32)
    model = Classifier(dataclasses.replace(stored, output_matrix=zeros))
    ids, probabilities = model.predict_ids(["a"], None)
    equal = ids[0][probabilities[0] == probabilities[0, 0]]
    assert len(equal) > 1
    assert model.predict_ids(["a"])[0].tolist() == [[max(equal.tolist())]]


def test_labels_below_the_floor_are_left_out() -> None:
    """Hierarchical softmax adds 1e-5 to the threshold, as fastText does."""
    model = Classifier(read_classifier(model_path("hierarchical.bin")))
    text = read_answers("hierarchical.bin")[0].text
    for k in (1, None):
        top = float(model.predict_ids([text], k)[1][0, 0])
        assert model.predict_ids([text], k, top - 5e-6)[0].max() == -1
        assert model.predict_ids([text], k, top - 2e-5)[0].max() >= 0


def test_a_deep_tree_and_a_wide_one_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above 2,048 labels the tree is walked down, below all nodes are computed: the reference holds both."""
    import dataclasses

    from firth.base.words import WordBuffer

    stored = read_classifier(model_path("hierarchical.bin"))
    draw = np.random.default_rng(3)
    n_labels = 2500
    counts = np.sort(draw.integers(1, 10**6, n_labels))[::-1].astype(np.int64)
    entries = [*list(stored.entries.all_encoded())[: stored.n_words], *(b"__label__%d" % n for n in range(n_labels))]
    wide = dataclasses.replace(
        stored,
        entries=WordBuffer.pack(entries),
        counts=np.concatenate([stored.counts[: stored.n_words], counts]),
        output_matrix=draw.normal(0, 1.5, (n_labels, stored.arguments.dims)).astype(np.float32),
    )
    model = Classifier(wide)
    for answer in read_answers("hierarchical.bin")[:30:3]:
        expected = predict_all(wide, answer.text)
        assert expected is not None
        best = np.argsort(-expected, kind="stable")[:20]
        ids, probabilities = model.predict_ids([answer.text], 20)
        there = ids[0] >= 0
        assert there.sum() >= np.sum(expected[best] >= 1.01e-5)
        np.testing.assert_allclose(probabilities[0][there], expected[best][there], rtol=2e-5, atol=REFERENCE_TOLERANCE)


def test_counts_of_zero_make_a_tree_as_deep_as_it_has_labels() -> None:
    """A chain of 3,000 nodes: no recursion may follow it."""
    import dataclasses

    from firth.base.words import WordBuffer

    stored = read_classifier(model_path("hierarchical.bin"))
    n_labels = 3000
    entries = [*list(stored.entries.all_encoded())[: stored.n_words], *(b"__label__%d" % n for n in range(n_labels))]
    deep = dataclasses.replace(
        stored,
        entries=WordBuffer.pack(entries),
        counts=np.concatenate([stored.counts[: stored.n_words], np.zeros(n_labels, np.int64)]),
        output_matrix=np.zeros((n_labels, stored.arguments.dims), np.float32),
    )
    _, probabilities = Classifier(deep).predict("a b", k=3)
    np.testing.assert_allclose(probabilities, [0.5, 0.25, 0.125], atol=1e-4)
