"""FastText under gensim's names: training, unknown words, files of firth, gensim and fastText, and bad inputs."""

from __future__ import annotations

import logging
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.base.ngrams import NgramRules, character_ngrams, hash_ngram
from firth.compat.gensim.models import FastText, KeyedVectors, Word2Vec, fasttext
from firth.compat.gensim.models.callbacks import CallbackAny2Vec
from firth.compat.gensim.models.fasttext import (
    FastTextKeyedVectors,
    ft_ngram_hashes,
    load_facebook_model,
    load_facebook_vectors,
    save_facebook_model,
)
from firth.compat.gensim.models.fasttext_inner import compute_ngrams, compute_ngrams_bytes, ft_hash_bytes
from firth.compat.gensim.models.keyedvectors import WrongVectorsError
from firth.compat.gensim.models.word2vec import WrongModelError
from firth.compat.gensim.refused import RemovedNameError
from firth.errors import FormatError, ParameterError, TrainingError, UnknownWordError
from firth.formats.fasttext_bin import SupervisedModelError, read_word_model
from firth.formats.registry import read_vectors

TEXTS = [["graph", "trees", "minors", "survey"], ["human", "interface", "computer", "naïve"]] * 60
SMALL: dict[str, Any] = {"vector_size": 8, "min_count": 1, "bucket": 50, "sample": 0, "workers": 1, "epochs": 3}


@pytest.fixture(scope="module")
def model() -> FastText:
    return FastText(TEXTS, **SMALL)


def mean_of_rows(wv: FastTextKeyedVectors, word: str) -> np.ndarray:
    """The mean of the rows of a word's n-grams, and of the word's own row if it has one."""
    assert wv.vectors_ngrams is not None
    ngrams = character_ngrams(word.encode(), NgramRules(wv.min_n, wv.max_n, 1, end_has_ngrams=True))
    rows = [wv.vectors_ngrams[hash_ngram(ngram) % wv.bucket] for ngram in ngrams]
    if word in wv.key_to_index:
        rows.append(wv.vectors_vocab[wv.key_to_index[word]])
    return np.mean(np.array(rows, np.float64), axis=0)


@pytest.mark.parametrize("options", [{}, {"sg": 1}, {"hs": 1, "negative": 0}, {"cbow_mean": 0}, {"sg": 1, "min_n": 1}])
def test_training_moves_words_and_ngrams(options: dict[str, int]) -> None:
    model = FastText(**SMALL, **options)
    model.build_vocab(TEXTS)
    wv = model.wv
    assert wv.vectors_ngrams is not None
    own, ngrams = wv.vectors_vocab.copy(), wv.vectors_ngrams.copy()
    model.train(TEXTS, total_examples=model.corpus_count, epochs=3)
    assert (wv.vectors_vocab != own).any(axis=1).all()
    used = np.unique(np.concatenate(wv.buckets_word))
    assert (wv.vectors_ngrams != ngrams).any(axis=1).nonzero()[0].tolist() == used.tolist()
    expected = [mean_of_rows(wv, word) for word in wv.index_to_key]
    np.testing.assert_allclose(wv.vectors, expected, atol=1e-6)
    assert model.get_latest_training_loss() > 0


def test_initial_rows_are_gensims() -> None:
    models: Any = pytest.importorskip("gensim.models")
    texts = [["a", "b", "c", "abc"]] * 4 + [["a", "b", "abc"]] * 3 + [["a", "abc"]] * 2 + [["a"]]
    ours, theirs = (kind(vector_size=6, min_count=1, bucket=20, seed=7) for kind in (FastText, models.FastText))
    for one in (ours, theirs):
        one.build_vocab(texts)
    assert ours.wv.index_to_key == theirs.wv.index_to_key
    assert np.array_equal(ours.wv.vectors_vocab, theirs.wv.vectors_vocab)
    assert np.array_equal(ours.wv.vectors_ngrams, theirs.wv.vectors_ngrams)
    np.testing.assert_allclose(ours.wv.vectors, theirs.wv.vectors, atol=1e-7)
    report, expected = ours.estimate_memory(), theirs.estimate_memory()
    assert report == expected


def test_an_unknown_word_has_a_vector(model: FastText, caplog: pytest.LogCaptureFixture) -> None:
    wv = model.wv
    assert "graphs" in wv
    assert not wv.has_index_for("graphs")
    np.testing.assert_allclose(wv["graphs"], mean_of_rows(wv, "graphs"), atol=1e-7)
    np.testing.assert_array_equal(wv[["graph", "graphs"]], np.stack([wv["graph"], wv["graphs"]]))
    assert np.linalg.norm(wv.get_vector("graphs", norm=True)) == pytest.approx(1, abs=1e-6)
    with caplog.at_level(logging.WARNING):
        assert not wv[""].any()
    assert "could not extract any ngrams from ''" in caplog.text
    assert wv.vectors_for_all(["graph", "graphs"], copy_vecattrs=True).expandos["count"].tolist() == [60, 0]
    assert "graphs" not in wv.vectors_for_all(["graph", "graphs"], allow_inference=False)
    np.testing.assert_allclose(wv.get_sentence_vector(["graph", "graphs"]), wv.get_mean_vector(["graph", "graphs"]))


def test_neighbours_of_unknown_words(model: FastText) -> None:
    wv = model.wv
    cosines = wv.cosine_similarities(wv["graphs"], wv.vectors)
    best = int(np.argmax(cosines))
    ((word, score),) = wv.most_similar("graphs", topn=1)
    assert (word, score) == (wv.index_to_key[best], pytest.approx(cosines[best], abs=1e-6))
    assert wv.similarity("graphs", "graph") == pytest.approx(cosines[wv.key_to_index["graph"]], abs=1e-6)
    assert wv.similarity("graphs", "graphs") == 1.0
    assert wv.distances("graphs", ["graph"])[0] == pytest.approx(1 - wv.similarity("graphs", "graph"))
    assert wv.n_similarity(["graphs"], ["graphs"]) == pytest.approx(1)
    assert len(wv.most_similar_cosmul(["graphs"], ["human"], topn=3)) == 3
    assert wv.doesnt_match(["graphs", "graph", "computer"]) in ("graphs", "graph", "computer")
    assert wv.most_similar_to_given("graphs", ["graphs", "human"]) == "graphs"


def test_wmdistance_of_unknown_words(model: FastText) -> None:
    pytest.importorskip("ot", reason="POT is not installed")
    wv = model.wv
    expected = np.linalg.norm(wv.get_vector("graphs", norm=True) - wv.get_vector("humans", norm=True))
    assert wv.wmdistance(["graphs"], ["humans"]) == pytest.approx(expected, abs=1e-5)
    assert wv.wmdistance(["graphs", "graph"], ["graph", "graphs"]) == 0
    assert wv.wmdistance([], ["graph"]) == float("inf")


def test_words_alone(model: FastText) -> None:
    plain = FastText(TEXTS, **{**SMALL, "bucket": 0})
    assert plain.wv.vectors_ngrams is not None
    assert plain.wv.vectors_ngrams.shape == (0, 8)
    assert plain.wv.buckets_word[0].size == 0
    assert plain.wv.vectors is plain.wv.vectors_vocab
    assert "graphs" not in plain.wv
    with pytest.raises(UnknownWordError, match="'graphs' not present: there are no n-grams"):
        plain.wv["graphs"]
    assert FastText(max_n=2).wv.bucket == 0
    numbers = FastText([[1, 2, 3]] * 20, **{**SMALL, "bucket": 0})
    assert numbers.wv.index_to_key == [1, 2, 3]


def test_new_words_and_more_training(model: FastText) -> None:
    model = FastText(TEXTS, **SMALL)
    before = model.wv.vectors_vocab.copy()
    model.build_vocab([["quantum", "graph"]] * 5, update=True)
    assert np.array_equal(model.wv.vectors_vocab[:8], before)
    assert model.wv.get_vecattr("graph", "count") == 65
    assert len(model.wv.buckets_word) == len(model.wv) == 9
    start = model.wv["quantum"].copy()
    model.train([["quantum", "graph"]] * 50 + TEXTS, total_examples=170, epochs=2)
    assert (model.wv["quantum"] != start).any()


def test_the_end_of_a_sentence_is_cut_as_in_gensim() -> None:
    model = FastText([["</s>", "graph", "trees"]] * 50, **SMALL)
    np.testing.assert_allclose(model.wv["</s>"], mean_of_rows(model.wv, "</s>"), atol=1e-6)


def test_callbacks_see_the_epoch(model: FastText) -> None:
    seen = []

    class Look(CallbackAny2Vec):
        def on_epoch_end(self, model: Word2Vec) -> None:
            wv = model.wv
            assert isinstance(wv, FastTextKeyedVectors)
            seen.append((wv["graphs"].copy(), np.array([mean_of_rows(wv, "graph"), wv["graph"]])))

    FastText(TEXTS, **SMALL, callbacks=[Look()])
    assert len(seen) == 3
    assert (seen[0][0] != seen[1][0]).any()
    np.testing.assert_allclose(seen[1][1][0], seen[1][1][1], atol=1e-6)


def test_to_and_from_firth(model: FastText) -> None:
    vectors = model.wv.to_firth()
    np.testing.assert_allclose(vectors["graphs"], model.wv["graphs"], atol=1e-7)
    again = FastTextKeyedVectors.from_firth(vectors)
    np.testing.assert_allclose(again["graphs"], model.wv["graphs"], atol=1e-7)
    np.testing.assert_allclose(again.vectors, model.wv.vectors, atol=1e-6)
    assert model.to_firth().config.subwords
    with pytest.raises(ParameterError, match="vectors must have n-grams"):
        FastTextKeyedVectors.from_firth(Word2Vec(TEXTS, vector_size=4, min_count=1, sample=0).wv.to_firth())


# ---- files


@pytest.mark.parametrize("mmap", [None, "r"])
def test_save_and_load(model: FastText, tmp_path: Path, mmap: str | None) -> None:
    model.save(tmp_path / "m")
    model.wv.save(tmp_path / "kv")
    loaded = FastText.load(tmp_path / "m", mmap=mmap)
    kinds = [Word2Vec.load(tmp_path / "m"), KeyedVectors.load(tmp_path / "kv"), KeyedVectors.load(tmp_path / "m")]
    assert [type(kind) for kind in kinds] == [FastText, FastTextKeyedVectors, FastTextKeyedVectors]
    for wv in (loaded.wv, FastTextKeyedVectors.load(tmp_path / "kv", mmap=mmap), *(kinds[0].wv, *kinds[1:])):
        assert wv.index_to_key == model.wv.index_to_key
        assert np.array_equal(wv.vectors, model.wv.vectors)
        assert np.array_equal(wv["graphs"], model.wv["graphs"])
        assert wv.get_vecattr("graph", "count") == 60
    assert np.array_equal(loaded.syn1neg, model.syn1neg)
    loaded.build_vocab([["quantum", "graph"]] * 5, update=True)
    loaded.train([["quantum", *text] for text in TEXTS], total_examples=120, epochs=1)
    assert loaded.word_ngrams == 1
    loaded.reset_from(model)
    assert loaded.wv.bucket == 50


def test_files_of_the_wrong_kind(model: FastText, tmp_path: Path) -> None:
    Word2Vec(TEXTS, vector_size=4, min_count=1, sample=0).save(tmp_path / "w2v")
    model.wv.save(tmp_path / "kv")
    with pytest.raises(WrongModelError, match=r"holds Word2Vec, not FastText; Word2Vec.load\(fname\) reads it"):
        FastText.load(tmp_path / "w2v")
    with pytest.raises(WrongVectorsError, match=r"holds Word2Vec, not FastTextKeyedVectors; KeyedVectors.load"):
        FastTextKeyedVectors.load(tmp_path / "w2v")
    with pytest.raises(TypeError):  # gensim's class
        FastTextKeyedVectors.load(tmp_path / "w2v")
    with pytest.raises(WrongModelError, match="holds 'FastTextKeyedVectors', not FastText; KeyedVectors.load"):
        FastText.load(tmp_path / "kv")


def test_damaged_files(model: FastText, tmp_path: Path) -> None:
    model.wv.save(tmp_path / "kv")
    whole = (tmp_path / "kv").read_bytes()
    for old, new, message in (
        (b'"bucket": 50', b'"bucket": 49', r"vectors_ngrams must have shape \(49, 8\), got \(50, 8\)"),
        (b'"bucket": 50', b'"bucket": -5', "the settings of n-grams are damaged: bucket must be at least 0, got -5"),
        (b'"max_n": 6', b'"max_m": 6', "the settings of n-grams are missing"),
        (b"FastTextKeyedVectors", b"FastTextKeyedVector5", "must hold one of .*got 'FastTextKeyedVector5'"),
    ):
        assert old in whole
        data = whole.replace(old, new + b" " * (len(old) - len(new)), 1)
        (tmp_path / "bad").write_bytes(data)
        with pytest.raises(FormatError, match=message):
            FastTextKeyedVectors.load(tmp_path / "bad")
    for size in range(0, len(whole), max(1, len(whole) // 60)):
        (tmp_path / "bad").write_bytes(whole[:size])
        with pytest.raises(FormatError):
            FastTextKeyedVectors.load(tmp_path / "bad")


@pytest.mark.parametrize("sep_limit", [10**8, 0])
def test_gensims_files(tmp_path: Path, sep_limit: int) -> None:
    models: Any = pytest.importorskip("gensim.models")
    theirs = models.FastText(TEXTS, **SMALL)
    theirs.save(str(tmp_path / "m"), sep_limit=sep_limit)
    theirs.wv.save(str(tmp_path / "kv"), sep_limit=sep_limit)
    unseen = ["graphs", "日本", "</s>", "naïvement", "x"]
    ours = FastText.load(tmp_path / "m")
    for wv in (ours.wv, FastTextKeyedVectors.load(tmp_path / "kv"), KeyedVectors.load(tmp_path / "m")):
        np.testing.assert_allclose(wv.vectors, theirs.wv.vectors, atol=1e-6)
        np.testing.assert_allclose(wv[unseen], [theirs.wv[word] for word in unseen], atol=1e-6)
    assert np.array_equal(ours.syn1neg, theirs.syn1neg)
    assert [list(found) for found in ours.wv.buckets_word] == [list(found) for found in theirs.wv.buckets_word]
    ours.train(TEXTS, total_examples=120, epochs=1)
    assert (ours.wv.vectors != theirs.wv.vectors).any()


@pytest.mark.parametrize("options", [{}, {"sg": 1, "hs": 1, "negative": 0}, {"bucket": 0}])
def test_fasttexts_files(options: dict[str, int], tmp_path: Path) -> None:
    model = FastText(TEXTS, **{**SMALL, **options}, window=4)
    save_facebook_model(model, tmp_path / "m.bin")
    loaded = load_facebook_model(tmp_path / "m.bin")
    for name in ("vector_size", "window", "epochs", "negative", "hs", "sg", "min_count", "sample"):
        assert getattr(loaded, name) == getattr(model, name), name
    assert np.array_equal(loaded.wv.vectors_vocab, model.wv.vectors_vocab)
    assert np.array_equal(loaded.wv.vectors, model.wv.vectors)
    assert np.array_equal(loaded._output_vectors(), model._output_vectors())
    assert loaded.wv.get_vecattr("graph", "count") == 60
    vectors = load_facebook_vectors(tmp_path / "m.bin")
    table = read_vectors(tmp_path / "m.bin")
    np.testing.assert_allclose(table.matrix, vectors.vectors, atol=1e-6)
    save_facebook_model(loaded, tmp_path / "again.bin")
    assert (tmp_path / "again.bin").read_bytes() == (tmp_path / "m.bin").read_bytes()
    loaded.train(TEXTS, total_examples=120, epochs=1)


def test_fasttexts_files_are_gensims(tmp_path: Path) -> None:
    module: Any = pytest.importorskip("gensim.models.fasttext")
    utils: Any = pytest.importorskip("gensim.test.utils")
    for name in ("lee_fasttext.bin", "lee_fasttext_new.bin", "crime-and-punishment.bin", "non_ascii_fasttext.bin"):
        ours, theirs = (load(utils.datapath(name)) for load in (load_facebook_model, module.load_facebook_model))
        assert ours.wv.index_to_key == theirs.wv.index_to_key
        np.testing.assert_allclose(ours.wv.vectors, theirs.wv.vectors, atol=1e-6)
        unseen = ["unseen", "日本", "x", "</s", "</s>", "👍🏽"]
        np.testing.assert_allclose(ours.wv[unseen], [theirs.wv[word] for word in unseen], atol=1e-6)
        save_facebook_model(ours, tmp_path / "ours.bin")
        module.save_facebook_model(theirs, str(tmp_path / "theirs.bin"))
        assert (tmp_path / "ours.bin").read_bytes() == (tmp_path / "theirs.bin").read_bytes()


def test_nodes_of_fasttexts_tree(tmp_path: Path) -> None:
    """fastText (HierarchicalSoftmaxLoss in src/loss.cc) has the branch's code for a label, word2vec.c 1 - code."""
    model = FastText(TEXTS, **SMALL, hs=1, negative=0, sg=1)
    save_facebook_model(model, tmp_path / "m.bin")
    assert np.array_equal(read_word_model(tmp_path / "m.bin").output_rows, -model.syn1)
    loaded = load_facebook_model(tmp_path / "m.bin")
    assert np.array_equal(loaded.syn1, model.syn1)
    assert np.array_equal(loaded.score(TEXTS[:4]), model.score(TEXTS[:4]))


def test_words_in_other_encodings(tmp_path: Path) -> None:
    model = FastText([["který", "graph", "tree"]] * 30, **SMALL)
    save_facebook_model(model, tmp_path / "m.bin", encoding="cp852")
    assert "který" in load_facebook_vectors(tmp_path / "m.bin", encoding="cp852").key_to_index
    assert "kter\\xec" in load_facebook_vectors(tmp_path / "m.bin").key_to_index
    with pytest.raises(ParameterError, match="encoding must be one that Python knows, got 'nosuch'"):
        load_facebook_vectors(tmp_path / "m.bin", encoding="nosuch")
    with pytest.raises(ParameterError, match="encoding must be able to write every word, got 'ascii'"):
        save_facebook_model(model, tmp_path / "m.bin", encoding="ascii")


def test_fasttexts_files_that_are_refused(model: FastText, tmp_path: Path) -> None:
    save_facebook_model(model, tmp_path / "m.bin")
    whole = (tmp_path / "m.bin").read_bytes()
    arguments = list(struct.unpack_from("<12id", whole, 8))

    def with_argument(place: int, value: int) -> Path:
        changed = [*arguments[:place], value, *arguments[place + 1 :]]
        (tmp_path / "bad.bin").write_bytes(whole[:8] + struct.pack("<12id", *changed) + whole[64:])
        return tmp_path / "bad.bin"

    for load in (load_facebook_model, load_facebook_vectors):
        with pytest.raises(SupervisedModelError, match="supervised fastText model"):
            load(with_argument(7, 3))
        with pytest.raises(NotImplementedError):  # gensim's class
            load(with_argument(7, 3))
        with pytest.raises(FormatError, match=r"the input matrix must have 8 \+ 49 rows, got 58"):
            load(with_argument(8, 49))
    with pytest.raises(FormatError, match="fastText's loss 3: load_facebook_vectors"):
        load_facebook_model(with_argument(6, 3))
    assert len(load_facebook_vectors(with_argument(6, 3))) == 8
    name = b"computer\0"
    at = whole.index(name) + len(name)
    (tmp_path / "bad.bin").write_bytes(whole[:at] + struct.pack("<q", -60) + whole[at + 8 :])
    with pytest.raises(FormatError, match="a count must not be negative, got -60"):
        load_facebook_model(tmp_path / "bad.bin")
    for size in range(0, len(whole), 97):
        (tmp_path / "bad.bin").write_bytes(whole[:size])
        with pytest.raises(FormatError):
            load_facebook_model(tmp_path / "bad.bin")
    with pytest.raises(FormatError, match="byte of 0"):
        save_facebook_model(FastText([["a\0b", "graph", "tree"]] * 30, **SMALL), tmp_path / "zero.bin")
    with pytest.raises(TrainingError, match="model must have a vocabulary"):
        save_facebook_model(FastText(**SMALL), tmp_path / "none.bin")
    with pytest.raises(ParameterError, match="word_ngrams must be at least 1, got 0"):
        save_facebook_model(model, tmp_path / "m.bin", word_ngrams=0)


# ---- FastTextKeyedVectors by itself


def test_added_words_keep_their_vectors(model: FastText, tmp_path: Path) -> None:
    wv = FastTextKeyedVectors.from_firth(model.wv.to_firth())
    wv.add_vectors(["quantum", "graph"], np.arange(16.0).reshape(2, 8), replace=True)
    wv.add_vector("lone", np.ones(8))
    kept = wv.vectors.copy()
    wv.adjust_vectors()
    np.testing.assert_allclose(wv.vectors, kept, atol=1e-5)
    assert wv["quantum"].tolist() == pytest.approx(range(8), abs=1e-5)
    wv.allocate_vecattrs()
    wv.expandos["count"][-1] = 1000
    wv.sort_by_descending_frequency()
    assert wv.index_to_key[0] == "lone"
    np.testing.assert_allclose(wv["lone"], np.ones(8), atol=1e-5)
    np.testing.assert_allclose(wv.vectors[0], mean_of_rows(wv, "lone"), atol=1e-5)
    empty = FastTextKeyedVectors(2, 3, 6, 10, count=1)
    empty.add_vector("first", [1, 2])
    assert empty["first"].tolist() == [1, 2]
    with pytest.raises(UnknownWordError, match="there are no n-grams"):
        empty["second"]


def test_rows_of_one_matrix(model: FastText) -> None:
    wv = FastTextKeyedVectors(8, 3, 6, 50)
    wv.index_to_key, wv.key_to_index = list(model.wv.index_to_key), dict(model.wv.key_to_index)
    wv.init_post_load(np.concatenate([model.wv.vectors_vocab, model.wv.vectors_ngrams]))
    assert np.array_equal(wv.vectors, model.wv.vectors)
    with pytest.raises(ParameterError, match=r"fb_vectors must have shape \(58, 8\)"):
        wv.init_post_load(np.zeros((57, 8)))


def test_numbers_are_rows(model: FastText) -> None:
    assert np.array_equal(model.wv[0], model.wv.vectors[0])
    with pytest.raises(UnknownWordError, match="99 not present: words are strings"):
        model.wv[99]


def test_pickle_of_the_vectors(model: FastText) -> None:
    again = pickle.loads(pickle.dumps(model.wv))
    assert np.array_equal(again["graphs"], model.wv["graphs"])


# ---- bad inputs


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_n": -1}, "min_n must be at least 0, got -1"),
        ({"max_n": 65}, "max_n must be at most 64, got 65"),
        ({"max_n": 3.5}, "max_n must be a whole number, got 3.5"),
        ({"bucket": -1}, "bucket must be at least 0, got -1"),
        ({"bucket": 2**31}, "bucket must be at most 2147483647, got 2147483648"),
        ({"hs": 1, "negative": 5}, "hs and negative must not both be positive"),
    ],
)
def test_bad_parameters(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        FastText(**options)


def test_refused(model: FastText) -> None:
    with pytest.raises(NotImplementedError, match="word_ngrams must be 1, as in gensim, got 2"):
        FastText(word_ngrams=2)
    with pytest.raises(TypeError, match="unexpected keyword argument 'n_buckets'"):
        FastText(n_buckets=2)
    with pytest.raises(ParameterError, match="words that are strings where FastText has n-grams"):
        FastText([[1, 2, 3]] * 20, **SMALL)
    with pytest.raises(NotImplementedError, match="word2vec's files have no n-grams"):
        FastTextKeyedVectors.load_word2vec_format("x")
    with pytest.raises(NotImplementedError, match="must be called on the wv of Word2Vec"):
        model.wv.intersect_word2vec_format("x")
    with pytest.raises(RemovedNameError, match="use load_facebook_model"):
        model.load_binary_data()
    with pytest.raises(RemovedNameError, match="load must be called on the class"):
        model.load("x")
    with pytest.raises(ImportError, match="LdaModel is not in firth"):
        fasttext.LdaModel()
    locked = FastText(TEXTS, **SMALL)
    locked.wv.vectors_ngrams_lockf = np.zeros(50, np.float32)
    with pytest.raises(ParameterError, match=r"wv.vectors_ngrams_lockf must be 1.0 everywhere"):
        locked.train(TEXTS, total_examples=120, epochs=1)


def test_deprecated_names(model: FastText, tmp_path: Path) -> None:
    save_facebook_model(model, tmp_path / "m.bin")
    with pytest.warns(DeprecationWarning, match="load_facebook_model"):
        assert len(FastText.load_fasttext_format(tmp_path / "m.bin").wv) == 8


def test_ngrams_of_a_word() -> None:
    assert compute_ngrams_bytes("été", 3, 3) == ["<ét".encode(), "été".encode(), "té>".encode()]
    assert compute_ngrams("été", 3, 4) == ["<ét", "été", "té>", "<été", "été>"]
    assert compute_ngrams_bytes("a", 3, 2) == []
    assert ft_hash_bytes(b"") == 2166136261
    hashes = ft_ngram_hashes("graph", 3, 4, 10)
    assert hashes == [ft_hash_bytes(ngram) % 10 for ngram in compute_ngrams_bytes("graph", 3, 4)]
    assert ft_ngram_hashes("graph", 3, 4, 0) == []
    with pytest.raises(ParameterError, match="max_n must be at most 64"):
        compute_ngrams_bytes("a", 3, 65)


def test_every_call_draws_a_seed_without_one() -> None:
    first, second = (FastText(TEXTS, **SMALL, seed=None) for _ in range(2))
    assert (first.wv.vectors_vocab != second.wv.vectors_vocab).any()
    assert (first.wv.vectors_ngrams != second.wv.vectors_ngrams).any()


def test_vectors_without_the_words_own_rows(model: FastText, tmp_path: Path) -> None:
    wv = FastTextKeyedVectors(model.wv.vector_size, model.wv.min_n, model.wv.max_n, model.wv.bucket)
    wv.index_to_key, wv.key_to_index = model.wv.index_to_key, model.wv.key_to_index
    wv.vectors, wv.vectors_ngrams, wv.vectors_vocab = model.wv.vectors, model.wv.vectors_ngrams, None
    word = wv.index_to_key[0]
    wv.save(tmp_path / "wv")
    for found in (wv, FastTextKeyedVectors.load(tmp_path / "wv"), pickle.loads(pickle.dumps(wv))):
        assert found.vectors_vocab is None
        assert np.array_equal(found[word], model.wv[word])
        assert np.array_equal(found["unseenish"], model.wv["unseenish"])
        assert found.most_similar("unseenish") == model.wv.most_similar("unseenish")
        assert np.array_equal(found.to_firth()["unseenish"], model.wv["unseenish"])
        for change in (
            found.adjust_vectors,
            lambda found=found: found.add_vector("new", found.vectors[0]),
            found.known_own_rows,
        ):
            with pytest.raises(ParameterError, match="vectors_vocab must be an array of the words' own rows, got None"):
                change()


class Rows:
    """Rows by number that are no array, as programs that compress vectors set."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows, self.shape = rows, rows.shape

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> np.ndarray:
        return np.array(self.rows[row])


def test_matrices_that_are_no_arrays(model: FastText, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    whole = model.wv
    wv = FastTextKeyedVectors(whole.vector_size, whole.min_n, whole.max_n, whole.bucket)
    wv.index_to_key, wv.key_to_index = whole.index_to_key, whole.key_to_index
    wv.vectors, wv.vectors_ngrams, wv.vectors_vocab = Rows(whole.vectors), Rows(whole.vectors_ngrams), None
    word = wv.index_to_key[0]
    assert np.array_equal(wv[word], whole[word])
    assert np.allclose(wv["unseenish"], whole["unseenish"], atol=1e-7)
    assert np.allclose(wv.similarity(word, "unseenish"), whole.similarity(word, "unseenish"), atol=1e-6)
    expected = dict(whole.most_similar("unseenish"))
    assert dict(wv.most_similar("unseenish")) == pytest.approx(expected, abs=1e-6)
    assert not wv[""].any()
    assert "could not extract any ngrams" in caplog.text
    with pytest.raises(ParameterError, match="vectors must be an array to be saved, got Rows: .* pickle.dump keeps"):
        wv.save(tmp_path / "wv")
    assert not (tmp_path / "wv").exists()
    assert np.array_equal(pickle.loads(pickle.dumps(wv))["unseenish"], wv["unseenish"])
