"""Classifiers that learn their own vectors: an oracle in NumPy, several labels, sources, bits, files."""

from __future__ import annotations

import dataclasses
import gzip
import inspect
import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from typer.testing import CliRunner

import firth
from firth.classification import bags as bags_module
from firth.classification import text_lines
from firth.classification.bags import build_dictionary, find_bags, find_compact_rows, fit_buckets
from firth.classification.config import ClassifierConfig
from firth.classification.reference import find_rows
from firth.classification.training_texts import TableOptions, TrainingTexts, read_training_texts
from firth.cli.classify import app as classify_app
from firth.cli.main import app as main_app
from firth.corpus.philox import Purpose, draw_blocks
from firth.errors import (
    CorpusError,
    CorpusTypeError,
    EncodingError,
    FirthError,
    FormatError,
    ParameterError,
    StorageError,
)
from firth.estimators import TextClassifier
from firth.formats.fasttext_model import LOSSES
from firth.numerics import hierarchical_softmax_loss, one_vs_all_loss, softmax_loss
from firth.numerics.huffman import build_huffman_tree

FOOD = ["sweet apple pie", "apple cake with cream", "bake the pie", "a warm cake"]
CARS = ["fast red car", "a car on the road", "drive the red car", "the road is long"]
TEXTS, LABELS = (FOOD + CARS) * 6, (["food"] * 4 + ["cars"] * 4) * 6
ALL_LOSSES = tuple(LOSSES.values())
BY_LOSS = pytest.mark.parametrize("loss", ALL_LOSSES)


def train(texts: Any = TEXTS, labels: Any = LABELS, **options: Any) -> firth.Classifier:
    given = {"dims": 12, "epochs": 10, "learning_rate": 0.3, "threads": 1, "progress": False, **options}
    return firth.train_classifier(texts, labels, **given)


def several_labels() -> list[list[str]]:
    """Each text has its subject, and every third is short as well."""
    return [[label, "short"] if number % 3 == 0 else [label] for number, label in enumerate(LABELS)]


@BY_LOSS
def test_subjects_are_learned(loss: str) -> None:
    model = train(loss=loss)
    assert model.loss == loss
    assert sorted(model.labels) == ["cars", "food"]
    assert [names[0] for names in model.predict(FOOD).labels] == ["food"] * 4
    assert [names[0] for names in model.predict(CARS).labels] == ["cars"] * 4
    history = model.history
    assert history.loss_nats[0] == pytest.approx(history.guessing_loss_nats, rel=0.3)
    assert history.loss_nats[-1] < 0.5 * history.guessing_loss_nats
    assert history.stop_reason == "finished"


# ---- an oracle: plain SGD in float64, text by text, from numerics' formulas


def oracle(model: firth.Classifier, loss: str, epochs: int, rate: float, seed: int) -> tuple[Any, Any, list[float]]:
    """Both matrices and the losses of each epoch, from texts, labels and the start alone."""
    stored = model.model
    order = np.argsort(draw_blocks(seed, Purpose.ORDER, 0, np.arange(len(TEXTS)))[:, 0], kind="stable")
    names = several_labels()
    rows = [find_rows(stored, TEXTS[number].encode()) for number in order]
    targets = [[model.labels.index(name) for name in names[number]] for number in order]
    n_positions = sum(map(len, rows))
    inputs = start_rows(stored.input_matrix.shape[0], model.dims, seed)
    n_labels = len(model.labels)
    tree = build_huffman_tree(stored.label_counts)
    outputs = np.zeros((n_labels - (loss == "hierarchical-softmax"), model.dims))
    losses = []
    for epoch in range(epochs):
        position, total = 0, 0.0
        for bag, own in zip(rows, targets, strict=True):
            drawn = own[int(draw_blocks(seed, Purpose.LABEL, epoch, position)[0]) * len(own) >> 32]
            done = (epoch * n_positions + position) / (epochs * n_positions)
            step = rate + (1e-4 * rate - rate) * done
            h = inputs[bag].mean(axis=0)
            if loss == "softmax":
                nats, gradient, of_rows = softmax_loss(h, outputs, drawn)
            elif loss == "one-vs-all":
                nats, gradient, of_rows = one_vs_all_loss(h, outputs, own)
            else:
                nats, gradient, of_rows = hierarchical_softmax_loss(h, outputs, *tree.path(drawn))
            outputs[of_rows.row_ids] -= step * of_rows.rows
            np.subtract.at(inputs, bag, step * gradient / len(bag))
            position, total = position + len(bag), total + nats
        losses.append(total / len(rows))
    return inputs, -outputs if loss == "hierarchical-softmax" else outputs, losses


def start_rows(n_rows: int, dims: int, seed: int) -> NDArray[np.float64]:
    """U(-1/D, 1/D) by counter, float32 as the core has it."""
    blocks = np.stack([draw_blocks(seed, Purpose.INITIAL, 0, np.arange(n_rows), d) for d in range(-(-dims // 4))], 1)
    drawn = ((blocks.reshape(n_rows, -1)[:, :dims] / 2.0**32 - 0.5) / dims).astype(np.float32)
    return (drawn * np.float32(2)).astype(np.float64)


@pytest.mark.parametrize("loss", ["softmax", "one-vs-all", "hierarchical-softmax"])
def test_training_is_gradient_descent_text_by_text(loss: str) -> None:
    """Words alone, so that the compact matrix is the whole one; float32 training against float64 formulas."""
    model = train(labels=several_labels(), loss=loss, epochs=3, seed=7)
    inputs, outputs, losses = oracle(model, loss, 3, 0.3, 7)
    stored = model.model
    assert np.abs(stored.input_matrix - inputs).max() < 2e-5
    assert np.abs(stored.output_matrix[: len(outputs)] - outputs).max() < 2e-5
    assert np.abs(inputs - start_rows(len(inputs), 12, 7)).max() > 0.05
    assert model.history.loss_nats == pytest.approx(losses, rel=1e-5)


def test_of_several_labels_each_is_drawn_and_one_vs_all_takes_all() -> None:
    drawn = train(labels=several_labels(), epochs=40)
    labels, probabilities = drawn.predict(FOOD[0], k=3)
    assert set(labels[:2]) == {"food", "short"}  # text 0 of every 8: in a third of its places it is short too
    together = train(labels=several_labels(), epochs=40, loss="one-vs-all")
    assert together.predict(FOOD[0], k=3).labels[0] == "food"
    assert drawn.model.label_counts.tolist() == [24, 24, 16]
    assert probabilities.sum() == pytest.approx(1, abs=1e-4)


# ---- rows


@pytest.mark.parametrize(
    "options",
    [{}, {"word_ngrams": 3}, {"min_ngram": 2, "max_ngram": 4}, {"word_ngrams": 2, "max_ngram": 3, "min_ngram": 3}],
)
def test_rows_are_those_of_prediction(options: dict[str, int]) -> None:
    """What a text was trained with is what its twin in plain Python finds in the finished model."""
    config = ClassifierConfig(dims=4, **options)
    texts = TrainingTexts([text.encode() for text in TEXTS[:8]], [[label] for label in LABELS[:8]])
    dictionary = build_dictionary(texts, 1)
    buckets, bags = fit_buckets(dictionary, config, texts.texts)
    model = train(TEXTS[:8], LABELS[:8], epochs=1, **options)
    assert model.model.arguments.buckets == buckets
    expected = [find_rows(model.model, text) for text in texts.texts]
    found = [bags.rows[first:last].tolist() for first, last in zip(bags.offsets, bags.offsets[1:], strict=False)]
    assert found == expected
    compact = find_compact_rows(bags, dictionary.n_words, buckets)
    assert compact.expand(np.arange(compact.n_rows, dtype=np.float32)[:, None])[bags.rows, 0].tolist() == (
        compact.shrink(bags).rows.tolist()
    )


@given(
    texts=st.lists(
        st.lists(
            st.sampled_from(["a", "zz", "</s>", "</s>x", "__label__q", "__label", "\0", "\0a", "é", "\udc80", "_"]),
            max_size=12,
        ),
        min_size=2,
        max_size=700,
    ),
    space=st.sampled_from([" ", "\t", " \x0b", "\r\n", "\x0c"]),
    min_count=st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_words_are_counted_as_plain_python_counts_them(texts: list[list[str]], space: str, min_count: int) -> None:
    """The native counter: any bytes, what ends a text, what looks like a label, blocks of texts."""
    encoded = [space.join(words).encode("utf-8", "surrogateescape") for words in texts]
    counts: Counter[bytes] = Counter()
    for text in encoded:
        words = text.replace(b"\0", b" ").split()
        counts.update(words[: words.index(b"</s>")] if b"</s>" in words else words)
    n_tokens = counts.total() + len(texts)
    counts[b"</s>"] = len(texts)
    kept = {word: n for word, n in counts.items() if n >= min_count and not word.startswith(b"__label__")}
    data = TrainingTexts(encoded, [["x"], ["y"]] * (len(texts) // 2) + [["x"]] * (len(texts) % 2))
    if not kept:
        with pytest.raises(CorpusError, match="must have a word that occurs"):
            build_dictionary(data, min_count)
        return
    found = build_dictionary(data, min_count)
    expected = sorted(kept.items(), key=lambda entry: (-entry[1], entry[0]))
    assert list(found.entries.all_encoded()) == [*(word for word, _ in expected), b"__label__x", b"__label__y"]
    assert found.counts[: found.n_words].tolist() == [n for _, n in expected]
    assert (found.n_words, found.n_tokens) == (len(expected), n_tokens)
    assert found.counts[found.n_words :].tolist() == [len(texts) - len(texts) // 2, len(texts) // 2]


@pytest.mark.parametrize(
    ("line", "labels", "words"),
    [
        (b"__label__a b c", ["a"], b"b c"),
        (b"  __label__a\t__label__b  c __label__d e ", ["a", "b", "d"], b"c e"),
        (b"x __label__a y", ["a"], b"x y"),
        (b"__label__a x__label__b y", ["a"], b"x__label__b y"),
        (b"__label__a", ["a"], b""),
        (b"__label__ b", [""], b"b"),
    ],
)
def test_labels_are_taken_from_lines(line: bytes, labels: list[str], words: bytes) -> None:
    found, rest = text_lines._take_labels(line, b"__label__")
    assert (found, rest.split()) == (labels, words.split())


def test_a_text_of_any_length_is_one_example() -> None:
    """Nothing is cut at 1,024 tokens: a word behind 5,000 others has its row, and it learns."""
    long = ["the " * 5000 + "pie", "the " * 5000 + "car"]
    model = train([*TEXTS, *long], [*LABELS, "food", "cars"], epochs=2)
    assert len(model.find_rows(long[0])) == 5002
    assert model.history.epochs[0].n_examples == len(TEXTS) + 2


def test_buckets_fit_the_ngrams_and_unseen_ones_are_zeros() -> None:
    model = train(word_ngrams=2)
    n_words, matrix = model.model.n_words, model.model.input_matrix
    used = np.flatnonzero(matrix[n_words:].any(axis=1))
    assert 20 < len(used) < model.model.arguments.buckets / bags_module.BUCKETS_EACH
    unseen = set(model.find_rows("pie car pie road").tolist()) - set(used + n_words) - set(range(n_words))
    assert unseen
    assert not matrix[sorted(unseen)].any()
    assert len(train(word_ngrams=2, buckets=77).model.input_matrix) == n_words + 77


# ---- sources


def test_the_same_texts_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = list(zip(TEXTS, LABELS, strict=True))
    marked = [f"{text.split()[0]} __label__{label} {' '.join(text.split()[1:])}" for text, label in pairs]
    (tmp_path / "lines").write_text("\n".join(marked) + "\n")
    (tmp_path / "lines.gz").write_bytes(gzip.compress("\n".join(marked).encode()))
    table = "subject;line\n" + "".join(f"{label};{text}\n" for text, label in pairs)
    (tmp_path / "t.csv").write_text(table)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(table.encode()))
    columns = {"text_column": "line", "label_column": "subject", "delimiter": ";"}
    expected = train().model
    for texts, labels, options in (
        (marked, None, {}),
        (iter(TEXTS), iter([label] for label in LABELS), {}),
        ([text.encode() for text in TEXTS], np.array(LABELS), {}),
        (tmp_path / "lines", None, {}),
        (str(tmp_path / "lines.gz"), None, {}),
        (tmp_path / "t.csv", None, columns),
        (tmp_path / "t.csv.gz", None, columns),
    ):
        found = train(texts, labels, **options).model
        assert found.entries.has_same_words(expected.entries)
        assert found.input_matrix.tobytes() == expected.input_matrix.tobytes()
    whole = train(TEXTS, [1 if label == "food" else 0 for label in LABELS])
    assert sorted(whole.labels) == ["0", "1"]


def test_a_sorted_file_is_learned_as_well() -> None:
    order = np.argsort(LABELS, kind="stable")
    model = train([TEXTS[n] for n in order], [LABELS[n] for n in order])
    assert [names[0] for names in model.predict(FOOD).labels] == ["food"] * 4
    assert [names[0] for names in model.predict(CARS).labels] == ["cars"] * 4


# ---- runs


@BY_LOSS
def test_deterministic_runs_have_the_same_bits_from_any_number_of_threads(loss: str) -> None:
    runs = [
        train(
            labels=several_labels(), loss=loss, word_ngrams=2, learning_rate=0.05, deterministic=True, threads=threads
        )
        for threads in (1, 2, 3)
    ]
    bits = {run.model.input_matrix.tobytes() + run.model.output_matrix.tobytes() for run in runs}
    assert len(bits) == 1
    assert runs[0].history.loss_nats[-1] < runs[0].history.loss_nats[0]


def test_the_held_out_loss_is_that_of_predictions_and_patience_keeps_the_best() -> None:
    model = train(heldout=([*FOOD[:2], "pie of the unseen"], ["food", "food", "food"]), word_ngrams=2)
    _, probabilities = model.predict([*FOOD[:2], "pie of the unseen"])
    expected = -np.log(probabilities[:, 0] - 1e-5).mean()
    assert model.history.heldout_loss_nats[-1] == pytest.approx(expected, rel=1e-3)
    wrong = train(heldout=(FOOD, ["cars"] * 4), patience=2, epochs=30)
    assert wrong.history.stop_reason == "patience"
    assert wrong.history.kept.epochs_done == 1
    assert len(wrong.history.epochs) == 3
    shared = train(heldout="25%")
    assert 5 < int(shared.model.label_counts.sum()) < len(TEXTS)
    assert len(shared.history.heldout_loss_nats) == 10


def test_start_vectors_are_where_words_begin() -> None:
    vectors = firth.WordVectors(["pie", "nowhere"], np.array([[3.0] * 12, [1.0] * 12], np.float32))
    model = train(initial_vectors=vectors, epochs=1, learning_rate=1e-6)
    entries = list(model.model.entries.all_encoded())
    assert np.abs(model.model.input_matrix[entries.index(b"pie")] - 3).max() < 1e-3
    assert np.abs(model.model.input_matrix[entries.index(b"car")]).max() <= 1 / 12 + 1e-3


# ---- files


@BY_LOSS
def test_folders_and_files_give_the_same_answers(loss: str, tmp_path: Path) -> None:
    model = train(loss=loss, word_ngrams=2, output=tmp_path / "folder")
    model.save(tmp_path / "m.bin")
    texts = [*TEXTS[:8], "", "unknown words", "car pie"]
    labels, probabilities = model.predict(texts, k=2)
    for path in (tmp_path / "folder", tmp_path / "m.bin"):
        again = firth.load(path)
        assert again.predict(texts, k=2).labels == labels
        assert again.predict(texts, k=2).probabilities.tobytes() == probabilities.tobytes()
    assert firth.load(tmp_path / "folder").history == model.history
    assert firth.load(tmp_path / "m.bin").history is None
    with pytest.raises(StorageError, match="holds a model"):
        train(output=tmp_path / "folder")
    with pytest.raises(StorageError, match=r"m\.bin exists; choose another file"):
        train(output=tmp_path / "m.bin")


def test_a_text_without_a_known_word_has_an_answer() -> None:
    """The row of </s>, which ends every text, is known; without it there is no label, and never NaN."""
    labels, probabilities = train().predict(["", "unknown words", "😀"], k=2)
    assert all(len(names) == 2 for names in labels)
    assert np.isfinite(probabilities).all()
    assert np.ptp(probabilities, axis=0).max() == 0
    rare = train(["pie pie pie", "car car car"], ["food", "cars"], min_count=3)  # two texts: </s> is too rare
    assert rare.predict(["", "unknown"]).labels == [[], []]
    assert rare.predict("pie").labels == ["food"]


# ---- one list of parameters


def test_parameters_and_defaults_are_the_same_everywhere() -> None:
    """They are written in the configuration, in train_classifier, in TextClassifier, and in the command's help."""
    fields = {field.name: field.default for field in dataclasses.fields(ClassifierConfig)}
    for function in (firth.train_classifier, TextClassifier.__init__):
        found = {
            name: parameter.default
            for name, parameter in inspect.signature(function).parameters.items()
            if name in fields
        }
        assert found == fields, function
    parsed = numpydoc_names(firth.train_classifier.__doc__ or "") | numpydoc_names(TextClassifier.__doc__ or "")
    assert set(fields) <= parsed
    (command,) = [entry for entry in classify_app.registered_commands if entry.callback.__name__ == "train"]
    options = {
        name: parameter.annotation.__metadata__[0]
        for name, parameter in inspect.signature(command.callback, eval_str=True).parameters.items()
        if name in fields
    }
    assert set(options) == set(fields)
    for name, default in fields.items():
        if type(default) in (int, float) and name != "seed" and default:
            assert f"({default:g})" in options[name].help or f"({default:g}:" in options[name].help, name


def numpydoc_names(doc: str) -> set[str]:
    """The names before a colon in a docstring: ``name : type``, or ``one, two : type``, or ``one, two`` alone."""
    lines = re.findall(r"^ {4}([a-z_]+(?:, [a-z_]+)*)(?: : .*)?$", doc, flags=re.MULTILINE)
    return {name for line in lines for name in line.split(", ")}


# ---- what is refused


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((["a", "b"], ["x"]), {}, CorpusError, "labels must have an entry for each of the 2 texts, got 1"),
        ((["a", "b"], ["x", "x"]), {}, CorpusError, "at least two different values to tell apart, got 'x' alone"),
        ((["a", "b"], None), {}, CorpusError, "marks like __label__NAME .*, got no label at position 0"),
        ((["__label__ a", "b"], None), {}, CorpusError, "got __label__ without a name at position 0"),
        ((["a", " \n"], ["x", "y"]), {}, CorpusError, "one word each, got none at position 1, whose label is 'y'"),
        ((["a", "b"], ["x", None]), {}, CorpusError, "labels must have a value for each text, got None at position 1"),
        ((["a", "b"], ["x", []]), {}, CorpusError, "at least one label for each text, got none at position 1"),
        ((["a", "b"], ["x", ""]), {}, CorpusError, "names of at least one character"),
        ((["a", "b"], ["x", 1.5]), {}, CorpusTypeError, "labels must be strings or integers, got float at position 1"),
        ((["a", "b"], ["x", "y\ud800"]), {}, EncodingError, "surrogate at character 1 of .* at position 1"),
        ((["a", "b"], "xy"), {}, CorpusTypeError, "labels must be a list with an entry for each text, got str"),
        (([], []), {}, CorpusError, "texts must hold at least one text, got none"),
        ((["a", 3], ["x", "y"]), {}, CorpusTypeError, "texts must be strings, got int at position 1"),
        ((["a", "\ud800"], ["x", "y"]), {}, EncodingError, "a lone surrogate at character 0 of the text at position 1"),
        (({"a": 1}, ["x"]), {}, CorpusTypeError, "texts must be a path or a list of texts, got dict"),
        (("no such file", None), {}, StorageError, "does not exist; give a file of texts"),
        (("file", ["x"]), {}, ParameterError, "labels must be None if texts is a path"),
        ((["a", "b"], ["x", "y"]), {"min_count": 9}, CorpusError, "a word that occurs min_count=9 times, got none"),
        ((["a", "b"], ["x", "y"]), {"heldout": (["c"], ["z"])}, CorpusError, "a label of the training texts, got none"),
        ((["a", "b"], ["x", "y"]), {"patience": 2}, ParameterError, "patience must come with"),
        ((["a", "b"], ["x", "y"]), {"loss": "hinge"}, ParameterError, "loss must be one of .*'softmax'.*, got 'hinge'"),
        ((["a", "b"], ["x", "y"]), {"buckets": 10}, ParameterError, "buckets must come with word_ngrams"),
        (
            (["a", "b"], ["x", "y"]),
            {"word_ngrams": 2, "buckets": 0},
            ParameterError,
            "buckets must be at least 1, got 0",
        ),
        (
            (["a", "b"], ["x", "y"]),
            {"word_ngrams": 2, "buckets": 2**31},
            ParameterError,
            "buckets must be at most 1073741824",
        ),
        ((["a", "b"], ["x", "y"]), {"min_ngram": 4, "max_ngram": 3}, ParameterError, "min_ngram must lie in 1 to"),
        ((["a", "b"], ["x", "y"]), {"min_ngram": 4}, ParameterError, "min_ngram must come with max_ngram"),
        ((["a", "b"], ["x", "y"]), {"word_ngrams": 65}, ParameterError, "word_ngrams must be at most 64, got 65"),
        ((["a", "b"], ["x", "y"]), {"learning_rate": 0}, ParameterError, "learning_rate must be above 0, got 0"),
        ((["a", "b"], ["x", "y"]), {"deterministic": 1}, ParameterError, "deterministic must be True or False, got 1"),
        (
            (["a", "b"], ["x", "y"]),
            {"initial_vectors": {"q": [0.0] * 12}},
            ParameterError,
            "initial_vectors must have a word in common",
        ),
    ],
)
def test_bad_input_is_refused(
    arguments: tuple[Any, Any], options: dict[str, Any], error: type[FirthError], message: str
) -> None:
    with pytest.raises(error, match=message):
        train(*arguments, **options)


def test_a_file_with_a_line_without_a_label_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("__label__a one\ntwo\n")
    with pytest.raises(CorpusError, match="line 2 has no label"):
        train(tmp_path / "t", None)
    (tmp_path / "t").write_text("__label__a one\n __label__b \n")
    with pytest.raises(CorpusError, match="line 2 has nothing but its label 'b'"):
        train(tmp_path / "t", None)
    (tmp_path / "t").write_text("__label__a one\n__label__ two\n")
    with pytest.raises(CorpusError, match="line 2 has __label__ without a name"):
        read_training_texts(tmp_path / "t", None, TableOptions())
    assert math.isfinite(train(TEXTS, LABELS, epochs=1).history.loss_nats[0])


def test_rows_of_empty_dictionaries_are_found() -> None:
    texts = TrainingTexts([b"a", b"b"], [["x"], ["y"]])
    found = find_bags(build_dictionary(texts, 2), ClassifierConfig(), [b"a b", b""], 0)
    assert found.rows.tolist() == [0, 0]
    assert found.offsets.tolist() == [0, 1, 2]


def test_a_classifier_is_no_file_of_vectors(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Two labels and two rows of n-grams: its words and labels together are as many as its rows."""
    texts = ["pie", "car"]
    options = {"min_count": 1, "epochs": 1, "word_ngrams": 2, "buckets": 1000, "progress": False, "dims": 4}
    firth.train_classifier(texts, ["food", "cars"], output=tmp_path / "model", **options)
    with pytest.raises(FormatError, match="the folder has a classifier and no word vectors; open it with firth.load"):
        firth.read_vectors(tmp_path / "model")
    with pytest.raises(FormatError, match="the folder has a classifier and no word vectors"):
        firth.train([["car", "pie"] * 9], min_count=1, dims=4, progress=False, initial_vectors=tmp_path / "model")
    record = json.loads(CliRunner().invoke(main_app, ["info", str(tmp_path / "model"), "--json"]).stdout)
    assert record["format"] == "firth classifier"
    assert record["first_labels"] == ["cars", "food"]
    assert record["bytes"] == sum(file.stat().st_size for file in (tmp_path / "model").iterdir())
