"""Training by fastText's names: what each argument does, which have no effect, and which are refused."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
import firth.compat.fasttext as fasttext
from firth.compat.fasttext.arguments import OLDER_NAMES, SUPERVISED_NAMES, UNSUPERVISED_NAMES, read_args
from firth.compat.fasttext.FastText import args, loss_name, model_name
from firth.compat.fasttext.refused import CannotOpenError
from firth.errors import CorpusError, EncodingError, ParameterError

QUICK: dict[str, Any] = {"dim": 6, "epoch": 10, "thread": 1, "verbose": 0}
WALKS = "they walk and talk while walking\nwalks and talks jump\n"


@pytest.fixture
def walks(tmp_path: Path) -> str:
    path = tmp_path / "walks.txt"
    path.write_text(WALKS * 40, encoding="utf-8")
    return str(path)


def train_words(path: str, **more: Any) -> Any:
    return fasttext.train_unsupervised(path, **{**QUICK, "minCount": 1, "t": 1.0, **more})


@pytest.mark.parametrize("loss", ["softmax", "hs", "ns", "ova"])
def test_supervised(loss: str, meals: Path, tmp_path: Path) -> None:
    model = fasttext.train_supervised(str(meals), loss=loss, wordNgrams=2, bucket=100, lr=0.5, **QUICK)
    assert model.predict("apple cake")[0] == ("__label__food",)
    assert model.test(str(meals))[0] == 120
    assert model.loss == loss_name[loss]
    assert (model.dim, model.epoch, model.bucket, model.wordNgrams) == (6, 10, 100, 2)
    assert model.get_input_matrix().shape == (len(model.words) + 100, 6)
    model.save_model(tmp_path / "m.bin")
    stored = fasttext.load_model(tmp_path / "m.bin").f.getArgs()
    assert (stored.epoch, stored.loss, stored.model) == (10, loss_name[loss], model_name.supervised)
    assert firth.load(tmp_path / "m.bin").predict("apple cake").labels == ["food"]


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
@pytest.mark.parametrize("kind", ["skipgram", "cbow"])
def test_unsupervised(kind: str, loss: str, walks: str, tmp_path: Path) -> None:
    model = train_words(walks, model=kind, loss=loss, minn=2, maxn=3, bucket=200)
    assert model.words[:2] == ["</s>", "and"]
    assert model.get_words(True)[1][:2].tolist() == [80, 80]
    matrix = model.get_input_matrix()
    assert matrix.shape == (len(model.words) + 200, 6)
    assert model.get_output_matrix().shape == (len(model.words), 6)
    _, rows = model.get_subwords("walking")
    assert np.allclose(model["walking"], matrix[rows].mean(axis=0), atol=1e-6)
    model.save_model(tmp_path / "m.bin")
    assert np.array_equal(fasttext.load_model(tmp_path / "m.bin")["unseenish"], model["unseenish"])
    read = firth.read_vectors(tmp_path / "m.bin")
    assert np.allclose(read["walking"], model["walking"], atol=1e-6)


def test_bucket_is_fitted_where_it_is_not_given(walks: str) -> None:
    model = train_words(walks)
    n_ngrams = len({ngram for word in model.words for ngram in model.get_subwords(word)[0][1:]})
    assert model.bucket == n_ngrams
    assert train_words(walks, maxn=0, bucket=500).bucket == 0  # fastText has no buckets without n-grams, too


def test_labels_are_no_words_of_vectors(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("__label__x they walk __label__y\nthey a__label__z talk\n" * 40)
    assert set(train_words(str(tmp_path / "t")).words) == {"</s>", "they", "walk", "talk", "a__label__z"}


def test_seed_decides(meals: Path) -> None:
    first, again, other = (
        fasttext.train_supervised(str(meals), seed=seed, **QUICK).get_input_matrix() for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_arguments_by_position_and_older_names(meals: Path) -> None:
    model = fasttext.train_supervised(str(meals), 0.3, 7, min_count=2, word_ngrams=1, lr_update_rate=100, verbose=0)
    assert (model.lr, model.dim, model.minCount) == (0.3, 7, 2)
    assert set(OLDER_NAMES.values()) <= set(SUPERVISED_NAMES)
    values, given = read_args(["x", 1.0], {"dim": 3}, ["input", "lr", "dim", "ws"], {"ws": 5, "lr": 0.1})
    assert values == {"input": "x", "lr": 1.0, "dim": 3, "ws": 5}
    assert given == {"input", "lr", "dim"}


@pytest.mark.parametrize("names", [SUPERVISED_NAMES, UNSUPERVISED_NAMES])
def test_every_name_has_a_field_or_is_refused(names: tuple[str, ...]) -> None:
    assert {name for name in names if not name.startswith("autotune")} <= set(vars(args()))


def test_minimum_counts_of_words_and_labels(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("__label__a x y\n__label__b x y\n" * 9 + "__label__rare x rare\n__label__a __label__rare x\n")
    model = fasttext.train_supervised(str(path), minCount=2, minCountLabel=3, **QUICK)
    assert set(model.labels) == {"__label__a", "__label__b"}
    assert "rare" not in model.words
    assert model.get_labels(True)[1].tolist() == [10, 9]


def test_lines_without_a_label_are_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t"
    path.write_text("no label\n__label__a x\n__label__b y\n__label__ z\n\n" * 9)
    model = fasttext.train_supervised(str(path), dim=3, verbose=1)
    assert "18 lines without a label are left out" in capsys.readouterr().err
    assert "__label__" in model.labels  # the mark alone is a label in fastText
    fasttext.train_supervised(str(path), dim=3, verbose=0)
    assert capsys.readouterr().err == ""


def test_another_prefix_of_labels(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("#food sweet pie\n#cars red car\n" * 30)
    model = fasttext.train_supervised(str(path), label="#", lr=0.5, **QUICK)
    assert model.labels == ["#cars", "#food"]
    assert model.predict("sweet pie")[0] == ("#food",)
    assert model.test(path) == (60, 1.0, 1.0)
    assert model.get_line("#food pie") == (["pie", "</s>"], ["#food"])


def test_pretrained_vectors_stay_for_words_that_no_text_has(meals: Path, tmp_path: Path) -> None:
    (tmp_path / "v.vec").write_text("2 6\napple " + "0.5 " * 6 + "\ncherry " + "0.25 " * 6 + "\n")
    model = fasttext.train_supervised(str(meals), pretrainedVectors=str(tmp_path / "v.vec"), **QUICK)
    assert model["cherry"].tolist() == [0.25] * 6
    assert "cherry" in model
    assert not np.array_equal(model["apple"], [0.5] * 6)
    assert model.predict("apple cherry")[0] == ("__label__food",)
    words = train_words(str(meals), pretrainedVectors=str(tmp_path / "v.vec"), maxn=0)
    assert words["cherry"].tolist() == [0.25] * 6
    assert words.get_output_matrix().shape == (len(words.words), 6)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"ws": 3}, "ws=3 has no effect"),
        ({"t": 0.5}, "t=0.5 has no effect"),
        ({"neg": 3}, "neg=3 has no effect"),
        ({"lrUpdateRate": 50}, "lrUpdateRate=50 has no effect"),
    ],
)
def test_values_without_an_effect_are_told(names: dict[str, Any], message: str, meals: Path, walks: str) -> None:
    with pytest.warns(UserWarning, match=message):
        fasttext.train_supervised(str(meals), **QUICK, **names)
    for name, value in (("wordNgrams", 2), ("minCountLabel", 1)):
        with pytest.warns(UserWarning, match=f"{name}={value} has no effect"):
            train_words(walks, **{name: value})


def test_defaults_that_are_given_warn_of_nothing(meals: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fasttext.train_supervised(str(meals), ws=5, t=1e-4, lrUpdateRate=100, autotuneMetric="f1", **QUICK)


BAD = [
    ({"dim": 0}, "dim must be at least 1, got 0"),
    ({"dim": "ten"}, "dim must be"),
    ({"epoch": 0}, "epoch must be at least 1"),
    ({"lr": 0}, "lr must be above 0"),
    ({"lr": -1}, "lr must be at least 0"),
    ({"ws": 0}, "ws must be at least 1"),
    ({"minCount": 0}, "minCount must be at least 1"),
    ({"minCountLabel": -1}, "minCountLabel must be at least 0"),
    ({"minn": 4, "maxn": 3}, "minn must be at most maxn=3, got 4"),
    ({"minn": 2, "maxn": 65}, "maxn must be"),
    ({"neg": 0}, "neg must be at least 1"),
    ({"wordNgrams": 0}, "wordNgrams must be at least 1"),
    ({"loss": "l1"}, "loss must be one of hs, ns, softmax, ova, got 'l1'"),
    ({"bucket": 0, "wordNgrams": 2}, "bucket must be at least 1 with n-grams, got 0"),
    ({"bucket": -1}, "bucket must be at least 0"),
    ({"thread": -1}, "thread must be at least 0"),
    ({"lrUpdateRate": 0}, "lrUpdateRate must be at least 1"),
    ({"t": -1}, "t must be at least 0"),
    ({"label": "a b"}, "label must be a word without white space"),
    ({"label": ""}, "label must be a word without white space"),
    ({"verbose": -1}, "verbose must be at least 0"),
    ({"seed": -1}, "seed must be at least 0"),
    ({"autotuneValidationFile": "v"}, "autotuneValidationFile must be left out"),
    ({"autotuneModelSize": "2M"}, "autotuneModelSize must be left out"),
    ({"autotuneDuration": 9}, "autotuneDuration must be left out"),
]


@pytest.mark.parametrize(("names", "message"), BAD)
def test_values_out_of_range(names: dict[str, Any], message: str, meals: Path) -> None:
    with pytest.raises(ParameterError, match=re.escape(message)):
        fasttext.train_supervised(str(meals), **names)


def test_other_bad_calls(meals: Path, walks: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'size'"):
        fasttext.train_supervised(str(meals), size=3)
    with pytest.raises(TypeError, match="multiple values for argument 'input'"):
        fasttext.train_supervised(str(meals), input="x")
    with pytest.raises(TypeError, match="at most 25 arguments"):
        fasttext.train_supervised(*range(40))
    with pytest.raises(TypeError, match="unexpected keyword argument 'autotuneMetric'"):
        train_words(walks, autotuneMetric="f1")
    with pytest.raises(ParameterError, match="model must be one of cbow, skipgram, supervised, got 'glove'"):
        train_words(walks, model="glove")
    with pytest.raises(ParameterError, match="call train_supervised"):
        train_words(walks, model="supervised")
    with pytest.raises(ParameterError, match="t must be above 0, got 0"):
        train_words(walks, t=0)
    for train in (fasttext.train_supervised, fasttext.train_unsupervised):
        with pytest.raises(CannotOpenError, match="no-file cannot be opened"):
            train("no-file")
        with pytest.raises(ParameterError, match="input must be the path of a file"):
            train(["a", "text"])
        with pytest.raises(ParameterError, match="got '-'"):
            train("-")
        with pytest.raises(CannotOpenError, match=r"no\.vec cannot be opened"):
            train(str(meals), pretrainedVectors=str(tmp_path / "no.vec"))
    (tmp_path / "v.vec").write_text("1 2\napple 1 2\n")
    with pytest.raises(ParameterError, match="dim must be 2, the columns of pretrainedVectors"):
        fasttext.train_supervised(str(meals), pretrainedVectors=str(tmp_path / "v.vec"))


def test_texts_that_cannot_be_learned_from(tmp_path: Path) -> None:
    path = tmp_path / "t"
    bad = [("", "got 0 lines without one"), ("a b\n", "got 1 lines"), ("__label__a x\n", "at least two different")]
    for text, message in bad:
        path.write_text(text)
        with pytest.raises(CorpusError, match=message):
            fasttext.train_supervised(str(path), verbose=0)
    path.write_text("")
    with pytest.raises(CorpusError):
        train_words(str(path))
    path.write_bytes(b"a b \xff\xfe\n" * 50)
    with pytest.raises(EncodingError):
        train_words(str(path))
