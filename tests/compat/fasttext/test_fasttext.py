"""The module's functions and a model's methods: types of answers, quirks that programs lean on, and bad input."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth.compat.fasttext as fasttext
from firth.compat.fasttext.FastText import _FastText, args, loss_name, model_name
from firth.compat.fasttext.refused import CannotOpenError, NotPossibleError
from firth.errors import CorpusTypeError, EncodingError, FormatError, IdError, ParameterError, ShapeError

GOLDEN = Path(__file__).parents[2] / "classification" / "golden"


def test_constants_and_names() -> None:
    assert (fasttext.EOS, fasttext.BOW, fasttext.EOW) == ("</s>", "<", ">")
    assert fasttext.FastText._FastText is _FastText
    assert fasttext.FastText.load_model is fasttext.load_model
    assert [loss.name for loss in sorted(loss_name)] == ["hs", "ns", "softmax", "ova"]
    assert [int(kind) for kind in model_name] == [1, 2, 3]


def test_predict_of_a_text_gives_a_tuple_and_an_array(classifier: _FastText) -> None:
    labels, probabilities = classifier.predict("a b c", k=3)
    assert isinstance(labels, tuple)
    assert all(label.startswith("__label__") for label in labels)
    assert isinstance(probabilities, np.ndarray)
    assert probabilities.dtype == np.float64
    assert list(probabilities) == sorted(probabilities, reverse=True)


def test_predict_of_a_list_gives_lists(classifier: _FastText) -> None:
    labels, probabilities = classifier.predict(["a b c", ""], k=2)
    assert isinstance(labels, list)
    assert isinstance(labels[0], list)
    assert isinstance(probabilities, list)
    assert all(part.dtype == np.float32 for part in probabilities)
    for text, names, scores in zip(["a b c", ""], labels, probabilities, strict=True):
        one_labels, one_scores = classifier.predict(text, k=2)
        assert tuple(names) == one_labels
        assert scores.tolist() == one_scores.tolist()
    assert classifier.predict([]) == ([], [])


def test_k_and_threshold(classifier: _FastText) -> None:
    n_labels = len(classifier.labels)
    assert len(classifier.predict("a b c", k=-1)[0]) == n_labels
    assert len(classifier.predict("a b c", k=100)[0]) == n_labels
    labels, scores = classifier.predict("a b c", k=-1, threshold=0.2)
    assert (scores >= 0.2).all()
    assert 0 < len(labels) < n_labels
    labels, scores = classifier.predict("a b c", threshold=1.5)
    assert labels == ()
    assert scores.shape == (0,)
    assert classifier.predict("a b c", threshold=-1)[0] == classifier.predict("a b c")[0]


def test_probabilities_above_1_are_kept() -> None:
    model = fasttext.load_model(GOLDEN / "softmax.bin")
    model.set_matrices(model.get_input_matrix(), 100 * model.get_output_matrix())
    _, probabilities = model.predict("a b c")
    assert 1 < probabilities[0] < 1.0001
    assert model.predict("a b c", threshold=1.000001)[0] != ()
    assert model.predict("a b c", threshold=1.0001)[0] == ()


def test_f_takes_the_newline_from_its_caller(classifier: _FastText) -> None:
    """A text without a newline has no ``</s>``: programs that call ``f`` lean on it."""
    ended, unended = classifier.f.predict("a b c\n", 1, 0.0, "strict"), classifier.f.predict("a b c", 1, 0.0, "strict")
    assert ended[0][0] != unended[0][0]
    assert ended == [(classifier.predict("a b c")[1][0], classifier.predict("a b c")[0][0])]
    assert classifier.f.predict("a b c\nmore of it\n", 1, 0.0, "strict") == ended
    assert classifier.f.isQuant() is False
    assert isinstance(classifier.f.getArgs(), args)


def test_labels_that_are_no_utf8(tmp_path: Path) -> None:
    data = (GOLDEN / "softmax.bin").read_bytes()
    (tmp_path / "bad.bin").write_bytes(data.replace(b"__label__c0\0", b"__label__\xff0\0"))
    model = fasttext.load_model(tmp_path / "bad.bin")
    with pytest.raises(UnicodeDecodeError):
        model.get_labels()
    assert "__label__\ufffd0" in model.get_labels(on_unicode_error="replace")
    assert "__label__0" in model.get_labels(on_unicode_error="ignore")
    assert len(model.predict("a", k=-1, on_unicode_error="replace")[0]) == 5


def test_words_and_membership(vectors: _FastText) -> None:
    assert vectors.words is vectors.words
    assert vectors.labels == vectors.words  # word vectors have words for labels
    words, counts = vectors.get_words(include_freq=True)
    assert words == vectors.words
    assert sorted(counts, reverse=True) == list(counts)
    assert "walking" in vectors
    assert "unseenish" not in vectors
    assert 3 not in vectors
    assert vectors.get_word_id("unseenish") == -1
    assert vectors["unseenish"].any()


def test_set_matrices_changes_answers(tmp_path: Path) -> None:
    model = fasttext.load_model(GOLDEN / "softmax.bin")
    input_matrix, output_matrix = model.get_input_matrix(), model.get_output_matrix()
    model.set_matrices(input_matrix[:, :2], output_matrix[:, :2])
    assert model.get_dimension() == 2
    word = model.words[0]
    assert np.array_equal(model[word], input_matrix[0, :2])
    model.save_model(tmp_path / "m.bin")
    assert fasttext.load_model(tmp_path / "m.bin").predict("a b")[0] == model.predict("a b")[0]
    input_matrix[:] = 0  # a copy: the model does not change
    assert model[word].any()


def test_quantize_and_train_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    colours = {"warm": "red orange yellow pink", "cold": "blue green violet grey"}
    lines = [
        f"__label__{name} {word} {other}"
        for name, words in colours.items()
        for word in words.split()
        for other in words.split()
    ]
    (tmp_path / "colours.txt").write_text("\n".join(lines * 10) + "\n__label__odd red\nblue\n")
    trained = lines * 10
    (tmp_path / "trained.txt").write_text("\n".join(trained) + "\n")
    options: dict[str, Any] = {"dim": 8, "epoch": 5, "thread": 1, "verbose": 0, "label": "__label__"}

    def quantized(**more: Any) -> Any:
        model = fasttext.train_supervised(str(tmp_path / "trained.txt"), **options)
        model.quantize(cutoff=6, thread=1, **more)
        return model

    plain = quantized()
    again = quantized(input=str(tmp_path / "colours.txt"), retrain=True, epoch=25, lr=0.5)
    assert "1 lines without a label of the model are left out" not in capsys.readouterr().err  # verbose=0
    assert again.is_quantized()
    assert again.words == plain.words
    assert again.f.getArgs().epoch == 25
    n_lines, before, _ = plain.test(str(tmp_path / "trained.txt"))
    _, after, _ = again.test(str(tmp_path / "trained.txt"))
    assert n_lines == len(trained)
    assert after >= before
    sure = [model.predict("red orange")[1][0] for model in (plain, again)]
    assert sure[1] > sure[0] + 0.01, sure
    same = quantized(input=str(tmp_path / "colours.txt"), retrain=True, epoch=25, lr=0.5)
    same.save_model(str(tmp_path / "same.ftz"))
    again.save_model(str(tmp_path / "again.ftz"))
    assert (tmp_path / "same.ftz").read_bytes() == (tmp_path / "again.ftz").read_bytes()
    quantized(input=str(tmp_path / "colours.txt"), retrain=True, epoch=1, verbose=2)
    assert "1 lines without a label of the model are left out" in capsys.readouterr().err
    (tmp_path / "other.txt").write_text("__label__odd red\n")
    with pytest.raises(ValueError, match="must have a line with a label of the model, got 1 lines without"):
        quantized(input=str(tmp_path / "other.txt"), retrain=True)
    model = fasttext.train_supervised(str(tmp_path / "trained.txt"), **options)
    with pytest.warns(UserWarning, match="retrain has no effect: cutoff must be from 1 to"):
        model.quantize(input=str(tmp_path / "trained.txt"), retrain=True)
    assert model.is_quantized()


def test_train_again_with_another_prefix_of_labels(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("#warm red pink\n#cold blue grey\n" * 50)
    model = fasttext.train_supervised(str(tmp_path / "t.txt"), label="#", dim=4, epoch=5, thread=1, verbose=0)
    model.quantize(str(tmp_path / "t.txt"), cutoff=3, retrain=True, epoch=25, lr=0.5)
    assert sorted(model.labels) == ["#cold", "#warm"]
    assert model.test(str(tmp_path / "t.txt"))[1] > 0.9


def test_quantize_in_place() -> None:
    model = fasttext.load_model(GOLDEN / "softmax-ngrams.bin")
    n_words = len(model.words)
    model.quantize(input=None, qnorm=True, cutoff=200, dsub=9)  # dsub beyond the dimension is the dimension
    assert model.is_quantized()
    assert len(model.words) < n_words
    assert len(model.predict("a b c", k=-1)[0]) == 5
    with pytest.raises(ValueError, match="quantized"):
        model.get_input_matrix()
    with pytest.raises(ValueError, match="quantized"):
        model.get_output_matrix()
    with pytest.raises(ParameterError, match="quantized"):
        model.quantize()


@pytest.mark.parametrize("name", ["predict", "get_line", "get_sentence_vector"])
def test_a_newline_is_fasttexts_error(name: str, classifier: _FastText) -> None:
    words = "get_line" if name == "get_line" else "predict"
    message = re.escape(f"{words} processes one line at a time (remove '\\n')")
    with pytest.raises(ValueError, match=message):
        getattr(classifier, name)("a\nb")
    if name != "get_sentence_vector":
        with pytest.raises(ValueError, match=message):
            getattr(classifier, name)(["a", "b\n"])


BAD_CALLS: list[tuple[str, tuple[Any, ...], type[Exception], str]] = [
    ("predict", (3,), CorpusTypeError, "text must be a string, or a list of strings, got int"),
    ("predict", (("a", "b"),), CorpusTypeError, "got tuple"),
    ("predict", (["a", None],), CorpusTypeError, "got NoneType"),
    ("predict", ("\ud800",), EncodingError, "lone surrogate"),
    ("predict", ("a", 0), ParameterError, "k must be at least 1, or -1 for all labels, got 0"),
    ("predict", ("a", -2), ParameterError, "got -2"),
    ("predict", ("a", 1.5), ParameterError, "k must be"),
    ("predict", ("a", 1, "half"), ParameterError, "threshold must be a number"),
    ("predict", ("a", 1, float("nan")), ParameterError, "threshold must be a number, got NaN"),
    ("get_word_vector", (b"a",), CorpusTypeError, "word must be a string, got bytes"),
    ("get_word_id", (1,), CorpusTypeError, "word must be a string"),
    ("get_label_id", (1,), CorpusTypeError, "label must be a string"),
    ("get_subword_id", (1,), CorpusTypeError, "subword must be a string"),
    ("get_subwords", (None,), CorpusTypeError, "word must be a string"),
    ("get_input_vector", (-1,), IdError, "ind must lie in 0 to"),
    ("get_input_vector", (10**6,), IdError, "got 1000000"),
    ("get_nearest_neighbors", ("a", 0), ParameterError, "k must be at least 1, got 0"),
    ("get_analogies", ("a", "b", "c", 0), ParameterError, "k must be at least 1, got 0"),
    ("get_line", (3,), CorpusTypeError, "got int"),
    ("get_sentence_vector", (None,), CorpusTypeError, "got NoneType"),
    ("set_matrices", (np.zeros((3, 4)), np.zeros((5, 4))), ShapeError, "input_matrix must have"),
    ("test", ("no-file",), CannotOpenError, "no-file cannot be opened"),
    ("test_label", ("no-file",), CannotOpenError, "no-file cannot be opened"),
    ("get_meter", ("no-file",), CannotOpenError, "no-file cannot be opened"),
    ("get_meter", (7,), ParameterError, "must be the path of a file"),
    ("save_model", ("no-folder/m.bin",), CannotOpenError, "cannot be opened for saving"),
    ("quantize", (None, False, -1), ParameterError, "cutoff must be at least 0"),
    ("quantize", (None, False, 200, True), ParameterError, "input must be the path of a file where retrain is True"),
    ("quantize", ("no-file", False, 200, True), CannotOpenError, "no-file cannot be opened"),
    ("quantize", (None, False, 0, "yes"), ParameterError, "retrain must be"),
    ("quantize", (None, False, 0, False, None, None, None, None, 0), ParameterError, "dsub must be at least 1"),
    ("quantize", (None, "yes"), ParameterError, "qout must be"),
]


@pytest.mark.parametrize(("name", "arguments", "error", "message"), BAD_CALLS)
def test_bad_calls(name: str, arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    model = fasttext.load_model(GOLDEN / "softmax-ngrams.bin")
    with pytest.raises(error, match=re.escape(message)) as caught:
        getattr(model, name)(*arguments)
    assert isinstance(caught.value, ValueError | TypeError | IndexError)


def test_calls_that_need_another_model(vectors: _FastText, tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("__label__a b\n")
    for call in (
        lambda: vectors.predict("a"),
        lambda: vectors.predict(["a"]),
        lambda: vectors.test(tmp_path / "lines"),
        vectors.quantize,
    ):
        with pytest.raises(NotPossibleError, match="must be supervised"):
            call()
    whole_words = fasttext.load_model(Path(__file__).parent / "golden" / "cbow.bin")
    with pytest.raises(NotPossibleError, match="without n-grams"):
        whole_words.get_subword_id("ab")
    for call in (lambda: _FastText().predict("a"), lambda: _FastText().save_model(tmp_path / "m")):
        with pytest.raises(NotPossibleError, match="loaded or trained first"):
            call()
    classifier = fasttext.load_model(GOLDEN / "softmax.bin")
    meter = classifier.get_meter(tmp_path / "lines")
    for call in (
        meter.score_vs_true,
        meter.precision_recall_curve,
        lambda label: meter.precision_at_recall(0.5, label),
    ):
        with pytest.raises(ParameterError, match="label must be one of the model's labels"):
            call("__label__no")


def test_files_that_are_no_models(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be opened for loading") as caught:
        fasttext.load_model(str(tmp_path / "no-model.bin"))
    assert isinstance(caught.value, OSError)
    (tmp_path / "text").write_text("just text, long enough to be read as if it were a model of fastText\n" * 9)
    with pytest.raises(ValueError, match="not a fastText model") as caught:
        fasttext.load_model(tmp_path / "text")
    assert isinstance(caught.value, FormatError)


@pytest.mark.parametrize("name", ["cbow", "skipgram", "supervised"])
def test_names_of_the_oldest_module_say_what_to_call(name: str) -> None:
    with pytest.raises(AttributeError, match="call train_"):
        getattr(fasttext, name)("input.txt", "output")


def test_tokenize() -> None:
    assert fasttext.tokenize("a\tb \n c") == ["a", "b", "</s>", "c"]
    with pytest.raises(CorpusTypeError, match="text must be a string, got bytes"):
        fasttext.tokenize(b"a b")  # type: ignore[arg-type]


def test_save_over_the_file_that_is_mapped(tmp_path: Path) -> None:
    path = tmp_path / "m.bin"
    path.write_bytes((GOLDEN / "softmax.bin").read_bytes())
    model = fasttext.load_model(path)
    expected = model.predict("a b c")[1]
    model.save_model(path)
    assert os.path.getsize(path) == os.path.getsize(GOLDEN / "softmax.bin")
    assert np.array_equal(model.predict("a b c")[1], expected)
