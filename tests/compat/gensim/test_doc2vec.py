"""firth.compat.gensim.Doc2Vec: documents and tags by gensim's rules, training, inference, files, bad input."""

from __future__ import annotations

import copy
import gzip
import inspect
import logging
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
import firth.compat.gensim.models.doc2vec as module
from firth.compat.gensim import Doc2Vec, KeyedVectors, TaggedDocument, Word2Vec
from firth.compat.gensim.models.doc2vec import TaggedBrownCorpus, TaggedLineDocument
from firth.compat.gensim.models.keyedvectors import prep_vectors
from firth.compat.gensim.models.word2vec import WrongModelError
from firth.errors import CorpusError, CorpusTypeError, FormatError, ParameterError, TrainingError

SMALL: dict[str, Any] = {"vector_size": 10, "min_count": 1, "workers": 1, "sample": 0}
LEARNING: dict[str, Any] = {**SMALL, "epochs": 40, "alpha": 0.05}
KINDS = pytest.mark.parametrize(
    "kind",
    [
        {"dm": 0},
        {"dm": 0, "dbow_words": 1},
        {"dm": 1},
        {"dm": 1, "dm_mean": 0},
        {"dm": 0, "hs": 1, "negative": 0},
        {"dm": 1, "hs": 1, "negative": 0},
    ],
    ids=["dbow", "dbow-words", "dm-mean", "dm-sum", "dbow-hs", "dm-hs"],
)


def make_documents(n_documents: int = 60) -> tuple[list[TaggedDocument], list[int]]:
    rng = np.random.default_rng(5)
    topics = [[f"{letter}{number}" for number in range(8)] for letter in "ab"]
    of_topic = rng.integers(0, 2, n_documents)
    return [TaggedDocument(rng.choice(topics[t], 12).tolist(), [k]) for k, t in enumerate(of_topic)], of_topic.tolist()


DOCUMENTS, TOPICS = make_documents()


def test_positions_names_and_defaults_are_gensims() -> None:
    theirs = pytest.importorskip("gensim.models.doc2vec").Doc2Vec
    for name, method in inspect.getmembers(theirs, inspect.isfunction):
        if (name.startswith("_") and name != "__init__") or not hasattr(Doc2Vec, name) or name == "scan_vocab":
            continue
        found = inspect.signature(getattr(Doc2Vec, name)).parameters
        for place, parameter in enumerate(inspect.signature(method).parameters.values()):
            if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                assert list(found)[place] == parameter.name, f"{name}({parameter.name})"
                assert found[parameter.name].default == parameter.default, f"{name}({parameter.name})"


# ---- what is learned


@KINDS
def test_documents_of_one_topic_are_near_each_other(kind: dict[str, Any]) -> None:
    model = Doc2Vec(DOCUMENTS, **kind, **LEARNING)
    nearest = [model.dv.most_similar(tag, topn=1)[0][0] for tag in range(len(DOCUMENTS))]
    # In PV-DM the words of the window alone tell the topic; gensim has 46 to 59 there, and chance has 30.
    assert sum(TOPICS[a] == TOPICS[b] for a, b in enumerate(nearest)) >= (57 if model.dbow else 44)
    assert model.history is not None
    assert model.history.loss_nats[-1] < model.history.loss_nats[0]
    expected = model.history.loss_nats * np.array([record.n_examples for record in model.history.epochs])
    assert model.get_latest_training_loss() == pytest.approx(expected.sum(), rel=1e-9)
    inferred = model.infer_vector(["a1", "a2", "a3", "a4", "a5", "a1"])
    found = [TOPICS[tag] for tag, _ in model.dv.most_similar([inferred], topn=5)]
    assert sum(found) <= 1


@KINDS
def test_the_start_is_gensims_and_words_are_trained_where_they_are_inputs(kind: dict[str, Any]) -> None:
    model = Doc2Vec(**kind, **SMALL, seed=3)
    model.build_vocab(DOCUMENTS)
    np.testing.assert_array_equal(model.dv.vectors, prep_vectors((60, 10), seed=3 + 7919))
    words = model.wv.vectors.copy()
    np.testing.assert_array_equal(words, prep_vectors((16, 10), seed=3))
    model.train(DOCUMENTS, total_examples=model.corpus_count, epochs=2)
    assert not np.isclose(model.dv.vectors, prep_vectors((60, 10), seed=3 + 7919)).all(axis=1).any()
    has_inputs = kind["dm"] == 1 or "dbow_words" in kind
    assert (words != model.wv.vectors).any() == has_inputs


def test_what_gensims_parameters_mean() -> None:
    config = Doc2Vec(DOCUMENTS, dm=0, window=0, **SMALL).to_firth().config  # no window is used
    assert (config.architecture, config.target_collision, config.learning_rate) == ("skipgram", "drop", 0.025)
    config = Doc2Vec(DOCUMENTS, window=2, shrink_windows=False, **SMALL).to_firth().config
    assert (config.architecture, config.cbow_update, config.window, config.window_mode, config.epochs) == (
        *("cbow", "word2vec", 2, "fixed", 10),
    )  # fmt: skip
    assert config.negative_sharing == "window"
    model = Doc2Vec(DOCUMENTS, dm_mean=0, **SMALL)
    assert (model.to_firth().config.cbow_input, model.cbow_mean) == ("sum", 0)
    assert Doc2Vec(DOCUMENTS, ns_exponent=-1, **SMALL).to_firth().config.noise_exponent == -1


def test_steps_files_and_lists_give_the_same_bits(tmp_path: Path) -> None:
    whole = Doc2Vec(DOCUMENTS, **SMALL)
    steps = Doc2Vec(**SMALL)
    steps.build_vocab(iter(DOCUMENTS))
    assert (steps.corpus_count, steps.corpus_total_words) == (60, 720)
    assert steps.train(iter(DOCUMENTS), total_examples=60, epochs=10) == (7200, 7200)
    path = tmp_path / "texts.txt.gz"
    with gzip.open(path, "wt") as file:
        file.writelines(" ".join(document.words) + "\n" for document in DOCUMENTS)
    with gzip.open(path) as lines:
        others = [
            steps,
            Doc2Vec(corpus_file=path, **SMALL),
            Doc2Vec(TaggedLineDocument(path), **SMALL),
            Doc2Vec(TaggedLineDocument(lines), **SMALL),
        ]
    for other in others:
        np.testing.assert_array_equal(other.dv.vectors, whole.dv.vectors)
        np.testing.assert_array_equal(other.wv.vectors, whole.wv.vectors)
        np.testing.assert_array_equal(other.syn1neg, whole.syn1neg)
    assert Doc2Vec(DOCUMENTS, **{**SMALL, "seed": 2}).dv.vectors[0, 0] != whole.dv.vectors[0, 0]


def test_an_empty_line_is_a_document_whose_vector_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("a b a b\n\nb a b a\n" * 5, encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        model = Doc2Vec(corpus_file=str(path), **SMALL)
    assert model.corpus_count == len(model.dv) == 15
    np.testing.assert_array_equal(model.dv.vectors[1], prep_vectors((15, 10), seed=1 + 7919)[1])
    assert "5 of 15 documents have no word of the vocabulary" in caplog.text


# ---- tags


def test_integers_are_rows_and_strings_follow() -> None:
    documents = [
        TaggedDocument(["a", "b"], [2, "x"]),
        TaggedDocument(["b", "c"], ["y"]),
        TaggedDocument(["a", "c", "c"], ["x", np.int64(0)]),
    ] * 5
    model = Doc2Vec(documents, **SMALL)
    assert model.dv.index_to_key == [0, 1, 2, "x", "y"]
    assert model.dv.key_to_index == {"x": 3, "y": 4}
    assert [model.dv.get_vecattr(key, "doc_count") for key in (0, 1, 2, "x", "y")] == [5, 0, 5, 10, 5]
    assert [model.dv.get_vecattr(key, "word_count") for key in (0, 1, 2, "x", "y")] == [15, 0, 10, 25, 10]
    np.testing.assert_array_equal(model.dv.vectors[1], prep_vectors((5, 10), seed=1 + 7919)[1])  # nobody has it
    np.testing.assert_array_equal(model.dv["x"], model.dv[3])
    np.testing.assert_array_equal(model["x"], model.dv["x"])
    np.testing.assert_array_equal(model["a"], model.wv["a"])
    np.testing.assert_array_equal(model[["a", "y"]], [model.wv["a"], model.dv["y"]])
    assert model.dv.similarity("x", 2) == pytest.approx(firth.WordVectors(["p", "q"], model.dv.vectors[[3, 2]])
                                                        .similarity("p", "q"))  # fmt: skip
    documents_of = model.to_firth().documents
    assert documents_of is not None
    assert list(documents_of.words) == ["0", "1", "2", "x", "y"]


def test_update_keeps_tags_and_vectors() -> None:
    model = Doc2Vec([TaggedDocument(["a", "b"], [0, "x"]), TaggedDocument(["b", "a"], [1])] * 5, **SMALL)
    before = {key: model.dv[key].copy() for key in (0, 1, "x")}
    model.build_vocab([TaggedDocument(["b", "c"], [3, "y"])] * 5, update=True)
    assert model.dv.index_to_key == [0, 1, 2, 3, "x", "y"]
    assert [model.dv.get_vecattr(key, "doc_count") for key in (0, 1, 2, 3, "x", "y")] == [5, 5, 0, 5, 5, 5]
    for key, vector in before.items():
        np.testing.assert_array_equal(model.dv[key], vector)
    assert len(model.wv) == 3
    model.train([TaggedDocument(["b", "c"], ["y"])] * 5, total_examples=5, epochs=2)
    for key, vector in before.items():
        np.testing.assert_array_equal(model.dv[key], vector)
    other = Doc2Vec(**SMALL)
    other.reset_from(model)
    assert other.dv.key_to_index == model.dv.key_to_index
    assert other.dv.vectors.shape == (6, 10)
    assert len(other.wv) == 3


@pytest.mark.parametrize(
    ("document", "message", "kind"),
    [
        (["a", "b"], "must be TaggedDocument.words, tags., got list for document 0", AttributeError),
        (
            TaggedDocument("a b", [0]),
            "the words of document 0 must be a list of words, got the string 'a b'",
            TypeError,
        ),
        (TaggedDocument(["a"], "abc"), r"must be a list, got 'abc'; write tags=\['abc'\]", CorpusTypeError),
        (TaggedDocument(["a"], 3), "must be a list, got 3", CorpusTypeError),
        (TaggedDocument(["a"], []), "document 0 must have a tag, got an empty list", CorpusError),
        (TaggedDocument(["a"], [1, 1]), r"must differ, got \[1, 1\]; give each once", CorpusError),
        (TaggedDocument(["a"], [1.5]), "must be strings or integers, got float for document 0", CorpusTypeError),
        (TaggedDocument(["a"], [True]), "must be strings or integers, got bool", CorpusTypeError),
        (TaggedDocument(["a"], [-1]), "must be from 0 to 2147483646, because they are rows, got -1", CorpusError),
        (TaggedDocument(["a"], [2**40]), "got 1099511627776 for document 0; use str.tag.", CorpusError),
    ],
)
def test_bad_documents(document: Any, message: str, kind: type[Exception]) -> None:
    for read in (lambda: Doc2Vec([document] * 9, **SMALL), lambda: Doc2Vec(**SMALL).build_vocab([document] * 9)):
        with pytest.raises(kind, match=message):
            read()


def test_tags_that_were_not_read_and_rows_that_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Doc2Vec(DOCUMENTS, **SMALL)
    for tags in ([60], ["new", "newer"]):
        with pytest.raises(CorpusError, match=r"tags that build_vocab has read, got .* call build_vocab\(documents"):
            model.train([TaggedDocument(["a1", "a2"], tags)] * 5, total_examples=5, epochs=1)
    monkeypatch.setattr(module, "available_memory_bytes", lambda: 10_000)
    with pytest.raises(ParameterError, match=r"got 100,001 rows of 4,000,040 bytes; .* is 100,000: use str\(tag\)"):
        Doc2Vec([TaggedDocument(["a", "b"], [100_000])], **SMALL)


# ---- arguments


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dm_concat": 1}, "dm_concat must be 0, got 1: firth has no concatenation; dm_mean=1 takes the mean"),
        ({"dm": 2}, r"dm must be 1 \(PV-DM\) or 0 \(PV-DBOW\), got 2"),
        ({"dv": 3}, "dv must be KeyedVectors of vector_size=100, got 3"),
        ({"dv": KeyedVectors(5)}, "dv must be KeyedVectors of vector_size=100, got KeyedVectors<vector_size=5"),
        ({"hs": 1, "negative": 5}, "hs and negative must not both be positive"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Doc2Vec(**parameters)


def test_bad_calls() -> None:
    with pytest.raises(RuntimeError, match="you must first build vocabulary before training the model"):
        Doc2Vec([])
    with pytest.raises(TrainingError, match="none is left with min_count=5000; the highest count is"):
        Doc2Vec(DOCUMENTS, **{**SMALL, "min_count": 5000})
    with pytest.raises(RuntimeError, match="you must first build vocabulary before inferring"):
        Doc2Vec(**SMALL).infer_vector(["a1"])
    model = Doc2Vec(DOCUMENTS, **SMALL)
    for wrong in ({}, {"corpus_iterable": 3}, {"corpus_file": 3}, {"corpus_iterable": DOCUMENTS, "corpus_file": "x"}):
        with pytest.raises(TypeError, match="must be"):
            model.train(**wrong)
    with pytest.raises(ParameterError, match="total_examples or total_words must be given"):
        model.train(DOCUMENTS)
    with pytest.raises(TypeError, match="doc_words must be a list of words, got the string 'a1 a2'"):
        model.infer_vector("a1 a2")
    with pytest.raises(TypeError, match="unexpected keyword argument 'tags'"):
        model.infer_vector(["a1"], tags=3)
    with pytest.raises(ParameterError, match="epochs must be"):
        model.infer_vector(["a1"], epochs=-1)
    with pytest.raises(ParameterError, match="word_vec or doctag_vec must be True"):
        model.save_word2vec_format("file", word_vec=False)
    model.dv.vectors[7] = np.nan
    with pytest.raises(ParameterError, match="the vectors at the start must be finite, got NaN or infinity"):
        model.train(DOCUMENTS, total_examples=60, epochs=1)
    model.dv.vectors_lockf = np.full(60, 0.5)
    with pytest.raises(ParameterError, match="dv.vectors_lockf must hold 0.0 .frozen. and 1.0 alone"):
        model.train(DOCUMENTS, total_examples=60, epochs=1)


def test_old_spellings_warn() -> None:
    model = Doc2Vec(**SMALL)
    with pytest.warns(DeprecationWarning, match="documents is gensim 3's name; gensim 4 calls it corpus_iterable"):
        model.build_vocab(documents=DOCUMENTS)
    with pytest.warns(DeprecationWarning, match="docvecs is deprecated since gensim 4; use dv"):
        assert model.docvecs is model.dv
    with pytest.warns(DeprecationWarning, match="docvecs"):
        model.docvecs = model.dv
    with pytest.warns(DeprecationWarning, match="steps is gensim 3's name"):
        vector = model.infer_vector(["a1"], steps=3)
    np.testing.assert_array_equal(vector, model.infer_vector(["a1"], epochs=3))
    with pytest.warns(DeprecationWarning, match="gensim 4 calls it (vector_size|epochs)"):
        old = Doc2Vec(size=7, iter=3)
    assert (old.vector_size, old.dv.vector_size, old.epochs) == (7, 7, 3)
    with pytest.warns(DeprecationWarning, match="init_sims is deprecated"):
        model.init_sims()


def test_frozen_rows() -> None:
    model = Doc2Vec(**SMALL)
    model.build_vocab(DOCUMENTS)
    model.dv.vectors_lockf = np.ones(60, np.float32)
    model.dv.vectors_lockf[5] = 0
    model.wv.vectors_lockf = np.zeros(1, np.float32)
    tags, words = model.dv.vectors.copy(), model.wv.vectors.copy()
    model.train(DOCUMENTS, total_examples=60, epochs=2)
    assert [row for row in range(60) if np.array_equal(tags[row], model.dv.vectors[row])] == [5]
    np.testing.assert_array_equal(model.wv.vectors, words)


def test_callbacks_see_the_tags() -> None:
    seen: list[np.ndarray] = []

    class Watch(firth.compat.gensim.CallbackAny2Vec):
        def on_epoch_end(self, model: Doc2Vec) -> None:
            seen.append(model.dv.vectors.copy())
            if len(seen) == 3:
                raise firth.StopTraining

    for kind in ({"dm": 0}, {"dm": 1}):
        seen.clear()
        model = Doc2Vec(DOCUMENTS, callbacks=[Watch()], **kind, **SMALL)
        assert len(seen) == 3
        assert not np.array_equal(seen[0], seen[1])
        np.testing.assert_array_equal(seen[2], model.dv.vectors)


def test_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "firth.compat.gensim.models"):
        Doc2Vec([*DOCUMENTS, TaggedDocument(["a1"], [99])], **SMALL)
    assert "collected 16 word types and 100 unique tags from a corpus of 61 examples and 721 words" in caplog.text
    assert "the highest tag that is an integer, 99, is above the number of documents, 61" in caplog.text


def test_names() -> None:
    assert str(Doc2Vec(comment="x", workers=3)) == 'Doc2Vec<"x",dm/m,d100,n5,w5,mc5,s0.001,t3>'
    assert str(Doc2Vec(dm=0, sample=0, min_count=1, workers=1)) == "Doc2Vec<dbow,d100,n5>"
    assert str(Doc2Vec(dm=0, dbow_words=1, hs=1, negative=0)) == "Doc2Vec<dbow+w,d100,hs,w5,mc5,s0.001,t3>"
    assert str(Doc2Vec(dm_mean=0)).startswith("Doc2Vec<dm/s,")
    assert str(TaggedDocument(["a"], [0])) == "TaggedDocument<['a'], [0]>"
    assert repr(TaggedDocument(["a"], [0])) == "TaggedDocument(words=['a'], tags=[0])"
    model = Doc2Vec(DOCUMENTS, dm=0, **SMALL)
    assert (model.dm, model.dbow, Doc2Vec().dm, Doc2Vec().dbow) == (False, True, True, False)
    memory = model.estimate_memory()
    assert (memory["doctag_lookup"], memory["doctag_syn0"]) == (200 * 60, 60 * 10 * 4)
    assert memory["total"] == sum(memory.values()) - memory["total"]
    given = KeyedVectors(10)
    assert Doc2Vec(DOCUMENTS, dv=given, **SMALL).dv is given
    assert len(given) == 60


def test_brown_corpus(tmp_path: Path) -> None:
    (tmp_path / "ca01").write_text("\nThe/at jury/nn said/vbd ./.\n./.\nYes/rb\n", encoding="utf-8")
    assert list(TaggedBrownCorpus(tmp_path)) == [
        (["the/at", "jury/nn", "said/vb"], [f"{tmp_path}/ca01_SENT_1"]),
        (["yes/rb"], [f"{tmp_path}/ca01_SENT_3"]),
    ]


# ---- inference


@KINDS
def test_inference_is_firths_and_does_not_depend_on_other_documents(kind: dict[str, Any]) -> None:
    model = Doc2Vec(DOCUMENTS, **kind, **SMALL)
    texts = [document.words for document in DOCUMENTS[:20]]
    alone = np.stack([model.infer_vector(text) for text in texts])
    assert alone.dtype == np.float32
    np.testing.assert_array_equal(model.infer_vectors(reversed(texts))[::-1], alone)
    np.testing.assert_array_equal(model.to_firth().infer(texts), alone)
    assert not np.array_equal(model.infer_vector(texts[0], epochs=11), alone[0])
    slow = model.infer_vector(texts[0], alpha=1e-9, min_alpha=1e-9)
    assert np.abs(slow).max() <= 0.1 + 1e-6  # the row as it was drawn
    np.testing.assert_array_equal(model.infer_vector(texts[0], 0.025, 0.0001, 10), alone[0])
    cosine = model.similarity_unseen_docs(texts[0], texts[1])
    assert cosine == pytest.approx(alone[0] @ alone[1] / np.linalg.norm(alone[0]) / np.linalg.norm(alone[1]), abs=1e-6)
    assert model.similarity_unseen_docs(texts[0], texts[0]) == pytest.approx(1.0)


@KINDS
def test_inference_follows_every_change_of_the_rows(kind: dict[str, Any]) -> None:
    model = Doc2Vec(DOCUMENTS, **kind, **SMALL)
    text = DOCUMENTS[0].words
    before = model.infer_vector(text)
    outputs = model.syn1 if model.hs else model.syn1neg
    outputs *= 3  # in place
    scaled = model.infer_vector(text)
    assert not np.array_equal(scaled, before)
    copied = copy.deepcopy(model)
    np.testing.assert_array_equal(copied.infer_vector(text), scaled)
    if model.dm:
        model.wv.vectors[:] = 0
        assert not np.array_equal(model.infer_vector(text), scaled)
        model.wv.vectors = copied.wv.vectors.copy()
        np.testing.assert_array_equal(model.infer_vector(text), scaled)
    model.train(DOCUMENTS, total_examples=60, epochs=1)
    assert not np.array_equal(model.infer_vector(text), scaled)
    model.sample = 0.05
    assert not np.array_equal(model.infer_vector(text), copied.infer_vector(text))


def test_a_document_without_a_known_word_is_zero_and_told(caplog: pytest.LogCaptureFixture) -> None:
    model = Doc2Vec(DOCUMENTS, **SMALL)
    with caplog.at_level(logging.WARNING):
        found = model.infer_vectors([["unknown"], ["a1"], []])
    assert found.any(axis=1).tolist() == [False, True, False]
    assert "2 documents have no word of the vocabulary: their vectors are 0" in caplog.text
    np.testing.assert_array_equal(model.infer_vector(["a1", "unknown"]), found[1])


def test_without_a_seed_inference_differs() -> None:
    model = Doc2Vec(DOCUMENTS, **SMALL, seed=None)
    assert not np.array_equal(model.infer_vector(["a1", "a2"]), model.infer_vector(["a1", "a2"]))


# ---- files


@KINDS
@pytest.mark.parametrize("mmap", [None, "r"])
def test_save_and_load(tmp_path: Path, kind: dict[str, Any], mmap: str | None) -> None:
    mixed = [TaggedDocument(words, [*tags, f"topic {t}"]) for (words, tags), t in zip(DOCUMENTS, TOPICS, strict=True)]
    model = Doc2Vec(mixed, comment="mine", **kind, **SMALL)
    path = tmp_path / "model"
    model.save(str(path), sep_limit=0)
    assert list(tmp_path.iterdir()) == [path]
    for again in (Doc2Vec.load(str(path), mmap=mmap), Word2Vec.load(path), pickle.loads(pickle.dumps(model))):
        assert type(again) is Doc2Vec
        assert str(again) == str(model)
        assert again.dv.index_to_key == model.dv.index_to_key
        assert again.dv.key_to_index == model.dv.key_to_index
        for name, values in model.dv.expandos.items():
            np.testing.assert_array_equal(again.dv.expandos[name], values)
        np.testing.assert_array_equal(again.dv.vectors, model.dv.vectors)
        np.testing.assert_array_equal(again.wv.vectors, model.wv.vectors)
        np.testing.assert_array_equal(again.infer_vector(DOCUMENTS[0].words), model.infer_vector(DOCUMENTS[0].words))
        again.train(mixed, total_examples=60, epochs=1)
        assert not np.array_equal(again.dv.vectors, model.dv.vectors)
    np.testing.assert_array_equal(KeyedVectors.load(path).vectors, model.wv.vectors)


def test_damaged_files(tmp_path: Path) -> None:
    Word2Vec([["a", "b"]] * 9, **SMALL).save(tmp_path / "words")
    with pytest.raises(WrongModelError, match="holds Word2Vec, not Doc2Vec; Word2Vec.load"):
        Doc2Vec.load(tmp_path / "words")
    Doc2Vec(DOCUMENTS, **SMALL).save(tmp_path / "model")
    data = (tmp_path / "model").read_bytes()
    for old, new, message in (
        (b"dv.vectors_lockf", b"dx.vectors_lockf", "the vectors of the tags are damaged"),
        (b'"dv": {', b'"dx": {', "the vectors of the tags are damaged"),
        (b"dv.vectors\x22", b"dx.vectors\x22", "there must be a vector for each of 60 keys"),
    ):
        assert data.count(old) == 1
        (tmp_path / "model").write_bytes(data.replace(old, new))
        with pytest.raises(FormatError, match=message):
            Doc2Vec.load(tmp_path / "model")


@pytest.mark.parametrize("binary", [False, True])
def test_word2vec_format(tmp_path: Path, binary: bool) -> None:
    named = [TaggedDocument(words, [f"topic{topic}"]) for (words, _), topic in zip(DOCUMENTS, TOPICS, strict=True)]
    model = Doc2Vec(named, **SMALL)
    path, counts = tmp_path / "vectors", tmp_path / "counts"

    def read() -> KeyedVectors:
        return KeyedVectors.load_word2vec_format(path, binary=binary)

    model.save_word2vec_format(path, binary=binary)
    assert read().index_to_key == model.wv.index_to_key
    model.save_word2vec_format(path, doctag_vec=True, word_vec=False, binary=binary, prefix="")
    falling = sorted(("topic0", "topic1"), key=lambda tag: -model.dv.get_vecattr(tag, "doc_count"))
    assert read().index_to_key == falling
    model.save_word2vec_format(path, doctag_vec=True, binary=binary, fvocab=counts)
    both = read()
    assert both.index_to_key == [*model.wv.index_to_key, *(f"*dt_{tag}" for tag in falling)]
    np.testing.assert_allclose(both["*dt_topic0"], model.dv["topic0"], atol=1e-6)
    lines = counts.read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"{both.index_to_key[0]} {model.wv.get_vecattr(both.index_to_key[0], 'count')}"
    assert lines[-1] == f"*dt_{falling[1]} {model.dv.get_vecattr(falling[1], 'doc_count')}"


def test_to_firth_and_its_folder(tmp_path: Path) -> None:
    for kind in ({"dm": 0}, {"dm": 0, "dbow_words": 1}, {"dm": 0, "hs": 1, "negative": 0}):
        model = Doc2Vec(DOCUMENTS, **kind, **SMALL)
        model.to_firth().save(tmp_path / "model", overwrite=True)
        loaded = firth.load(tmp_path / "model")
        assert loaded.documents is not None
        np.testing.assert_array_equal(loaded.documents.matrix, model.dv.vectors)
        np.testing.assert_array_equal(loaded.infer([["a1", "b2"]])[0], model.infer_vector(["a1", "b2"]))
        assert loaded.train_words == ("dbow_words" in kind)
        hits = loaded.neighbors(["a1", "a2", "a3", "a1"], top=1)
        assert hits[0].word in range(60)
