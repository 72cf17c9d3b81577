"""firth.compat.gensim.Word2Vec: gensim's rules where they differ from firth's, and what is better or refused."""

from __future__ import annotations

import copy
import inspect
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest

import firth
from firth.compat import gensim as ours
from firth.compat.gensim.models.word2vec import WrongModelError
from firth.compat.gensim.utils import RULE_DEFAULT, RULE_DISCARD, RULE_KEEP, simple_preprocess
from firth.errors import CorpusTypeError, FormatError, ParameterError, TrainingError

Word2Vec, KeyedVectors = ours.Word2Vec, ours.KeyedVectors


def make_texts(n_texts: int = 150) -> list[list[str]]:
    rng = np.random.default_rng(5)
    topics = [[f"{letter}{number}" for number in range(8)] for letter in "ab"]
    return [rng.choice(topics[rng.integers(2)], 8).tolist() for _ in range(n_texts)]


TEXTS = make_texts()
SMALL = {"vector_size": 8, "min_count": 1, "workers": 1, "sample": 0}


def test_positions_names_and_defaults_are_gensims() -> None:
    word2vec = pytest.importorskip("gensim.models.word2vec")
    keyedvectors = pytest.importorskip("gensim.models.keyedvectors")
    for theirs, mine in ((word2vec.Word2Vec, Word2Vec), (keyedvectors.KeyedVectors, KeyedVectors)):
        for name, method in inspect.getmembers(theirs, inspect.isfunction):
            if (name.startswith("_") and name != "__init__") or not hasattr(mine, name):
                continue
            expected = inspect.signature(method).parameters
            found = inspect.signature(getattr(mine, name)).parameters
            for place, parameter in enumerate(expected.values()):
                if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                    continue
                assert list(found)[place] == parameter.name, f"{name}({parameter.name})"
                assert found[parameter.name].default == parameter.default, f"{name}({parameter.name})"


def test_what_gensims_parameters_mean() -> None:
    model = Word2Vec(TEXTS, hs=0, **SMALL).to_firth()
    config = model.config
    assert (config.architecture, config.cbow_update, config.cbow_input) == ("cbow", "word2vec", "mean")
    assert (config.target_collision, config.learning_rate, config.min_learning_rate) == ("drop", 0.025, 0.0001)
    config = Word2Vec(TEXTS, sg=1, hs=1, negative=0, shrink_windows=False, **SMALL).to_firth().config
    assert (config.architecture, config.loss, config.window_mode) == ("skipgram", "hierarchical-softmax", "fixed")
    config = Word2Vec(TEXTS, cbow_mean=0, ns_exponent=-0.5, window=2, **SMALL).to_firth().config
    assert (config.cbow_input, config.noise_exponent, config.window) == ("sum", -0.5, 2)


def test_it_trains_what_firth_trains() -> None:
    model = Word2Vec(sg=1, **SMALL)
    model.build_vocab(TEXTS)
    start = model.wv.vectors.copy()
    model.train(TEXTS, total_examples=model.corpus_count, epochs=3)
    vocabulary = firth.Vocabulary.from_counts(
        {word: sum(text.count(word) for text in TEXTS) for word in model.wv.index_to_key}
    )
    same = firth.train(
        TEXTS,
        vocabulary=vocabulary,
        initial_vectors=start,
        dims=8,
        epochs=3,
        threads=1,
        subsample=0,
        negatives=5,
        target_collision="drop",
        learning_rate=0.025,
        min_learning_rate=0.0001,
        progress=False,
    )
    np.testing.assert_array_equal(model.wv.vectors, same.vectors.matrix)
    np.testing.assert_array_equal(model.syn1neg, same.output_vectors)
    expected = sum(record.loss_nats * record.n_examples for record in same.history.epochs)
    assert model.get_latest_training_loss() == pytest.approx(expected)


def test_initial_vectors_are_gensims_bits() -> None:
    word2vec = pytest.importorskip("gensim.models.word2vec")
    theirs, mine = word2vec.Word2Vec(seed=7, **SMALL), Word2Vec(seed=7, **SMALL)
    theirs.build_vocab(TEXTS)
    mine.build_vocab(TEXTS)
    np.testing.assert_array_equal(mine.wv.vectors, theirs.wv.vectors)
    assert set(mine.wv.index_to_key) == set(theirs.wv.index_to_key)
    assert mine.cum_table.tolist() == theirs.cum_table.tolist()
    assert mine.estimate_memory() == theirs.estimate_memory()


def test_it_learns() -> None:
    model = Word2Vec(TEXTS, alpha=0.1, epochs=20, **SMALL)
    assert {word[0] for word, _ in model.wv.most_similar("a1", topn=5)} == {"a"}
    assert {word[0] for word, _ in model.predict_output_word(["b1", "b2"], topn=5)} == {"b"}


def test_one_shot_iterables_are_read_once() -> None:
    model = Word2Vec((text for text in TEXTS), **SMALL)
    np.testing.assert_array_equal(model.wv.vectors, Word2Vec(TEXTS, **SMALL).wv.vectors)
    assert model.corpus_count == len(TEXTS)
    assert model.corpus_total_words == 8 * len(TEXTS)


def test_integers_are_words() -> None:
    model = Word2Vec([[1, 2, 3], [3, 2, 1]] * 20, **SMALL)
    assert set(model.wv.index_to_key) == {1, 2, 3}
    assert model.wv[2].shape == (8,)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_text("".join(" ".join(text) + "\n\n" for text in TEXTS))
    expected = Word2Vec(TEXTS, **SMALL)
    for model in (Word2Vec(corpus_file=str(path), **SMALL), Word2Vec(ours.LineSentence(str(path)), **SMALL)):
        np.testing.assert_array_equal(model.wv.vectors, expected.wv.vectors)
        assert model.corpus_count == len(TEXTS)
    assert list(ours.LineSentence(path, limit=3)) == [TEXTS[0], TEXTS[1]]
    assert next(iter(ours.LineSentence(path, max_sentence_length=5))) == TEXTS[0][:5]
    assert list(ours.PathLineSentences(tmp_path)) == TEXTS
    assert Word2Vec(ours.PathLineSentences(tmp_path), **SMALL).corpus_count == len(TEXTS)
    text8 = list(ours.Text8Corpus(path, max_sentence_length=100))
    assert [len(sentence) for sentence in text8] == [100] * 12
    assert [word for sentence in text8 for word in sentence] == [word for text in TEXTS for word in text]
    brown = tmp_path / "brown"
    brown.mkdir()
    (brown / "ca01").write_text("The/at Fulton/np-tl ./.\n\n,/, said/vbd\n")
    assert list(ours.BrownCorpus(brown)) == [["the/at", "fulton/np"], ["said/vb"]]
    with pytest.raises(ValueError, match="file or a folder"):
        ours.PathLineSentences(tmp_path / "none")


@pytest.mark.parametrize("arguments", [{}, {"corpus_iterable": TEXTS, "corpus_file": "x"}, {"corpus_file": "/none"}])
def test_one_corpus_must_be_given(arguments) -> None:
    with pytest.raises(TypeError):
        Word2Vec(**SMALL).build_vocab(**arguments)


def test_trim_rule_and_limits() -> None:
    def rule(word, count, min_count):
        return {"a0": RULE_DISCARD, "rare": RULE_KEEP}.get(word, RULE_DEFAULT)

    model = Word2Vec([*TEXTS, ["rare", "other"]], **{**SMALL, "min_count": 2}, trim_rule=rule)
    assert "a0" not in model.wv
    assert "rare" in model.wv
    assert "other" not in model.wv
    model = Word2Vec(TEXTS, max_final_vocab=5, **SMALL)
    counts = model.wv.expandos["count"]
    assert len(model.wv) <= 5
    assert counts.min() >= model.effective_min_count
    assert len(Word2Vec(TEXTS, max_vocab_size=3, **SMALL).wv) == 3
    model = Word2Vec(**SMALL)
    model.build_vocab_from_freq({"a": 3, "b": 5}, corpus_count=7)
    assert (model.wv.index_to_key, model.corpus_count) == (["b", "a"], 7)


def test_no_word_left_says_what_would_help() -> None:
    with pytest.raises(RuntimeError, match="of 16 types of words none is left with min_count=9999; the highest count"):
        Word2Vec(TEXTS, **{**SMALL, "min_count": 9999})
    with pytest.raises(RuntimeError, match="build vocabulary"):
        Word2Vec(**SMALL).train(TEXTS, total_examples=1, epochs=1)


def test_update_keeps_vectors_and_appends_words() -> None:
    model = Word2Vec(TEXTS, **SMALL)
    before, outputs, counts = model.wv.vectors.copy(), model.syn1neg.copy(), model.wv.expandos["count"].copy()
    model.build_vocab([["a1", "new", "newer"]] * 4, update=True)
    np.testing.assert_array_equal(model.wv.vectors[:16], before)
    np.testing.assert_array_equal(model.syn1neg[:16], outputs)
    assert model.wv.index_to_key[16:] == ["new", "newer"]
    assert model.wv.get_vecattr("a1", "count") == counts[model.wv.get_index("a1")] + 4
    model.train([["a1", "new", "newer"]] * 4, total_examples=4, epochs=2)
    assert not np.array_equal(model.wv["a1"], before[model.wv.get_index("a1")])
    with pytest.raises(TrainingError, match="must follow"):
        Word2Vec(**SMALL).build_vocab(TEXTS, update=True)


def test_a_loop_of_train_does_not_repeat_its_draws() -> None:
    model = Word2Vec(**SMALL)
    model.build_vocab(TEXTS)
    seeds = []
    for _ in range(2):
        model.train(TEXTS, total_examples=model.corpus_count, epochs=1)
        seeds.append(model._training_parameters(0.1, 0.1)["seed"])
    assert seeds[0] != seeds[1]


def test_frozen_words() -> None:
    model = Word2Vec(**SMALL)
    model.build_vocab(TEXTS)
    model.wv.vectors_lockf = np.ones(len(model.wv), np.float32)
    model.wv.vectors_lockf[3] = 0
    before = model.wv.vectors.copy()
    model.train(TEXTS, total_examples=model.corpus_count, epochs=1)
    changed = (model.wv.vectors != before).any(axis=1)
    assert changed.tolist() == [row != 3 for row in range(16)]
    model.wv.vectors_lockf[3] = 0.5
    with pytest.raises(ParameterError, match="vectors_lockf"):
        model.train(TEXTS, total_examples=model.corpus_count, epochs=1)


def test_callbacks_run_in_the_main_thread_in_gensims_order() -> None:
    calls = []

    class Recorder(ours.CallbackAny2Vec):
        def record(self, name, model) -> None:
            assert threading.current_thread() is threading.main_thread()
            calls.append((name, model.wv.vectors.copy(), model.get_latest_training_loss()))

        def on_train_begin(self, model) -> None:
            self.record("train begins", model)

        def on_train_end(self, model) -> None:
            self.record("train ends", model)

        def on_epoch_begin(self, model) -> None:
            self.record("epoch begins", model)

        def on_epoch_end(self, model) -> None:
            self.record("epoch ends", model)

    model = Word2Vec(TEXTS, epochs=2, callbacks=[Recorder()], **{**SMALL, "workers": 2})
    epoch = ["epoch begins", "epoch ends"]
    assert [name for name, *_ in calls] == ["train begins", *epoch, *epoch, "train ends"]
    assert not np.array_equal(calls[2][1], calls[4][1])
    np.testing.assert_array_equal(calls[-1][1], model.wv.vectors)
    losses = [loss for name, _, loss in calls if name == "epoch ends"]
    assert 0 < losses[0] < losses[1] == model.get_latest_training_loss()


def test_hs_and_negative() -> None:
    with pytest.raises(ParameterError, match="must not both be positive"):
        Word2Vec(hs=1, negative=5)
    with pytest.warns(UserWarning, match="hierarchical softmax alone"):
        model = Word2Vec(TEXTS, hs=1, **SMALL)
    assert model.negative == 0
    assert model.syn1.shape == (16, 8)
    assert not hasattr(model, "syn1neg")
    with pytest.raises(ParameterError, match="hs or negative"):
        Word2Vec(TEXTS, hs=0, negative=0, **SMALL)
    with pytest.raises(RuntimeError, match="negative sampling"):
        model.predict_output_word(["a1"])


@pytest.mark.parametrize("sg", [0, 1])
def test_score_is_gensims_but_exact(sg: int) -> None:
    word2vec = pytest.importorskip("gensim.models.word2vec")
    words = [f"w{power}" for power in range(8) for _ in range(2**power)]  # no two counts or sums of them are equal
    texts = np.random.default_rng(2).permutation(words).reshape(-1, 5).tolist()
    theirs = word2vec.Word2Vec(texts, sg=sg, hs=1, negative=0, **SMALL)
    mine = Word2Vec(sg=sg, hs=1, negative=0, **SMALL)
    mine.build_vocab(texts)
    for word in mine.wv.index_to_key:
        for attribute in ("code", "point"):
            mine_path, their_path = (wv.get_vecattr(word, attribute).tolist() for wv in (mine.wv, theirs.wv))
            assert mine_path == their_path
    mine.wv.vectors[:] = theirs.wv[mine.wv.index_to_key]
    mine.syn1[:] = theirs.syn1
    # gensim reads its table of log s(x) at 83 (x + 6) in place of 1000 / 12 (x + 6): some 2 % off around x = 0
    np.testing.assert_allclose(mine.score(texts[:9]), theirs.score(texts[:9], 9), rtol=0.03)


def test_old_spellings_warn() -> None:
    with pytest.warns(DeprecationWarning, match="vector_size"):
        model = Word2Vec(size=7, min_count=1)
    with pytest.warns(DeprecationWarning, match="epochs"):
        assert Word2Vec(iter=9).epochs == 9
    assert model.vector_size == 7
    with pytest.warns(DeprecationWarning, match="corpus_iterable"):
        model.build_vocab(sentences=TEXTS)
    with pytest.raises(TypeError, match="unexpected keyword argument 'dims'"):
        Word2Vec(dims=7)


@pytest.mark.parametrize(
    ("name", "advice"), [("most_similar", "model.wv"), ("vocab", "key_to_index"), ("docvecs", "Doc2Vec has it")]
)
def test_removed_names(name: str, advice: str) -> None:
    with pytest.raises(AttributeError, match=advice):
        getattr(Word2Vec(), name)


def test_what_is_not_in_firth_is_refused_by_name() -> None:
    for name in ("LsiModel", "Nmf"):
        with pytest.raises(ImportError, match=f"{name} is not in firth"):
            getattr(ours.models, name)()
    with pytest.raises(AttributeError, match="no attribute"):
        ours.models.NoSuchModel  # noqa: B018
    for parameters in ({"null_word": 1}, {"sorted_vocab": 0}):
        with pytest.raises(ParameterError):
            Word2Vec(**parameters)


def test_strings_are_no_sentences() -> None:
    with pytest.raises(CorpusTypeError, match="letters would become the words"):
        Word2Vec(["some text", "more text"], **SMALL)
    with pytest.raises(TypeError, match="iterable of lists"):
        Word2Vec("some text", **SMALL)


@pytest.mark.parametrize("parameters", [{}, {"hs": 1, "negative": 0}])
def test_save_and_load(tmp_path: Path, parameters) -> None:
    model = Word2Vec(TEXTS, **SMALL, **parameters)
    model.wv.vectors_lockf = np.ones(16, np.float32)
    path = tmp_path / "some.model"
    model.save(path)
    assert path.is_file()
    for mmap in (None, "r"):
        loaded = Word2Vec.load(str(path), mmap=mmap)
        assert loaded.wv.index_to_key == model.wv.index_to_key
        np.testing.assert_array_equal(loaded.wv.vectors, model.wv.vectors)
        for both in (model, loaded):
            both.train_count = 1
        again = copy.deepcopy(model)
        for both in (again, loaded):
            both.train(TEXTS, total_examples=both.corpus_count, epochs=1)
        np.testing.assert_array_equal(loaded.wv.vectors, again.wv.vectors)
    assert KeyedVectors.load(path).most_similar("a1") == model.wv.most_similar("a1")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).wv.vectors, model.wv.vectors)
    with pytest.raises(AttributeError, match="on the class"):
        model.load(path)
    model.wv.save(path)
    with pytest.raises(WrongModelError, match="KeyedVectors"):
        Word2Vec.load(path)


def test_damaged_files(tmp_path: Path) -> None:
    model = Word2Vec(TEXTS, **SMALL)
    path = tmp_path / "some.model"
    model.save(path)
    data = path.read_bytes()
    changes = [(b'"epochs"', b'"epoch5"'), (b"word_offsets", b"word_offsetz"), (b'"version"', b'"versiom"')]
    for broken in (data[:-3], data[:40], *(data.replace(*change) for change in changes)):
        assert broken != data
        path.write_bytes(broken)
        with pytest.raises(FormatError):
            Word2Vec.load(path)
    with pytest.raises(OSError, match="cannot be read"):
        Word2Vec.load(tmp_path / "none")


def test_gensims_model_goes_on_here_and_back(tmp_path: Path) -> None:
    word2vec = pytest.importorskip("gensim.models.word2vec")
    keyedvectors = pytest.importorskip("gensim.models.keyedvectors")
    theirs = word2vec.Word2Vec(TEXTS, alpha=0.1, epochs=10, sg=1, **SMALL)
    path = str(tmp_path / "gensim.model")
    theirs.save(path)
    mine = Word2Vec.load(path)
    assert mine.wv.index_to_key == theirs.wv.index_to_key
    assert (mine.sg, mine.alpha, mine.corpus_count) == (1, 0.1, len(TEXTS))
    np.testing.assert_array_equal(mine.wv.vectors, theirs.wv.vectors)
    np.testing.assert_array_equal(mine.syn1neg, theirs.syn1neg)
    for word in ("a1", "b2"):
        expected, found = theirs.wv.most_similar(word), mine.wv.most_similar(word)
        assert [name for name, _ in found] == [name for name, _ in expected]
        np.testing.assert_allclose([x for _, x in found], [x for _, x in expected], atol=1e-6)
    np.testing.assert_allclose(
        [p for _, p in mine.predict_output_word(["a1", "a2"])],
        [p for _, p in theirs.predict_output_word(["a1", "a2"])],
        rtol=1e-4,
    )
    mine.train(TEXTS, total_examples=mine.corpus_count, epochs=2)
    assert not np.array_equal(mine.wv.vectors, theirs.wv.vectors)
    for binary in (False, True):
        mine.wv.save_word2vec_format(path, binary=binary)
        back = keyedvectors.KeyedVectors.load_word2vec_format(path, binary=binary)
        np.testing.assert_array_equal(back[mine.wv.index_to_key], mine.wv.vectors)
        assert [w for w, _ in back.most_similar("a1")] == [w for w, _ in mine.wv.most_similar("a1")]


def test_gensims_trees_are_told(tmp_path: Path) -> None:
    word2vec = pytest.importorskip("gensim.models.word2vec")
    path = str(tmp_path / "gensim.model")
    word2vec.Word2Vec(TEXTS, hs=1, negative=0, **SMALL).save(path)
    with pytest.warns(UserWarning, match="start from zero"):
        model = Word2Vec.load(path)
    assert not model.syn1.any()
    model.train(TEXTS, total_examples=model.corpus_count, epochs=1)


def test_to_firth_and_its_folder(tmp_path: Path) -> None:
    model = Word2Vec(TEXTS, **SMALL)
    model.to_firth().save(tmp_path / "model")
    loaded = firth.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.vectors.matrix, model.wv.vectors)
    again = KeyedVectors.from_firth(loaded.vectors)
    assert again.most_similar("a1") == model.wv.most_similar("a1")
    assert again.get_vecattr("a1", "count") == model.wv.get_vecattr("a1", "count")


def test_simple_preprocess_is_gensims() -> None:
    text = "Hello, World_1! it's a Déjà-vu: x _private averyveryverylongword 3rd"
    utils = pytest.importorskip("gensim.utils")
    for deacc in (False, True):
        assert simple_preprocess(text, deacc=deacc) == utils.simple_preprocess(text, deacc=deacc)


def test_gensims_base_class_of_topic_models_is_a_name_alone() -> None:
    """Programs write it into annotations, and ask whether a model is one: no model here is."""
    from firth.compat.gensim.models.basemodel import BaseTopicModel

    assert isinstance(BaseTopicModel, type)
    assert not issubclass(Word2Vec, BaseTopicModel)
