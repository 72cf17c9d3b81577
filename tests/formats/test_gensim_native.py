"""gensim's save files: those that an installed gensim writes, and pickles of the same shape made without it."""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.errors import FormatError, StorageError
from firth.formats.registry import guess_format, read_vectors


@pytest.fixture
def fake() -> Iterator[dict[str, type]]:
    """Classes with gensim's names, so that its pickles can be made where it is not installed; gone afterwards."""
    saved = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "gensim"}
    for name in saved:
        del sys.modules[name]
    classes: dict[str, type] = {}
    for module_name, names in {
        "gensim": [],
        "gensim.models": [],
        "gensim.models.keyedvectors": ["KeyedVectors", "Word2VecKeyedVectors", "Vocab", "FastTextKeyedVectors"],
        "gensim.models.word2vec": ["Word2Vec", "Word2VecVocab"],
        "gensim.models.fasttext": ["FastText"],
        "gensim.models.wrappers": [],
        "gensim.models.wrappers.fasttext": ["FastTextKeyedVectors"],
        "gensim.models.doc2vec": ["Doc2Vec"],
        "gensim.models.callbacks": ["PerplexityMetric"],
    }.items():
        module = types.ModuleType(module_name)
        sys.modules[module_name] = module
        for name in names:
            made = type(name, (), {"__module__": module_name})
            classes[f"old {name}" if "wrappers" in module_name else name] = made
            setattr(module, name, made)
    yield classes
    for name in [name for name in sys.modules if name.split(".")[0] == "gensim"]:
        del sys.modules[name]
    sys.modules.update(saved)


def make(kind: type, **state: Any) -> Any:
    made = kind()
    made.__dict__.update(state)
    return made


MATRIX = np.arange(6, dtype=np.float32).reshape(3, 2)
KEYS = ["a", "b", "é"]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_vectors_of_gensim_4(protocol: int, fake: dict[str, type], tmp_path: Path) -> None:
    counts = np.array([3, 2, 1], dtype=np.int64)
    kv = make(fake["KeyedVectors"], index_to_key=KEYS, vectors=MATRIX, expandos={"count": counts}, norms=None)
    for name, root in {"kv": kv, "m": make(fake["Word2Vec"], wv=kv, cum_table=counts)}.items():
        (tmp_path / name).write_bytes(pickle.dumps(root, protocol=protocol))
        assert guess_format(tmp_path / name) == "gensim"
        found = read_vectors(tmp_path / name)
        assert found.words == KEYS
        assert np.array_equal(found.matrix, MATRIX)
        assert found.counts is not None
        assert found.counts.tolist() == [3, 2, 1]
        assert read_vectors(tmp_path / name, limit=1).words == ["a"]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_words_taken_out_of_an_array_of_numpy(protocol: int, fake: dict[str, type], tmp_path: Path) -> None:
    words = ["a", "bé", "\U0001f600x"]
    for order in "<>":
        keys = [np.array([word], dtype=f"{order}U{len(word)}")[0] for word in words]
        assert type(keys[0]) is np.str_
        kv = make(fake["KeyedVectors"], index_to_key=keys, vectors=MATRIX, expandos={}, norms=None)
        (tmp_path / "kv").write_bytes(pickle.dumps(kv, protocol=protocol))
        found = read_vectors(tmp_path / "kv")
        assert found.words == words
        assert type(found.words[0]) is str


def test_damaged_words_of_numpy(fake: dict[str, type], tmp_path: Path) -> None:
    kv = make(fake["KeyedVectors"], index_to_key=[np.str_("ab"), "c", "d"], vectors=MATRIX, expandos={}, norms=None)
    whole = pickle.dumps(kv, protocol=4)
    text = "ab".encode("utf-32-le")
    for damaged, message in (
        (whole.replace(text, b"a\0\0\0b\0\x11\0"), "not UTF-32"),
        (whole.replace(b"\x8c\x02U2", b"\x8c\x02U1"), "do not fit its type 'U1'"),
        (whole.replace(b"\x8c\x02U2", b"\x8c\x02U9"), "do not fit its type 'U9'"),
    ):
        assert damaged != whole
        (tmp_path / "kv").write_bytes(damaged)
        with pytest.raises(FormatError, match=message):
            read_vectors(tmp_path / "kv")


def test_vectors_of_gensim_3(fake: dict[str, type], tmp_path: Path) -> None:
    vocab = {key: make(fake["Vocab"], count=9 - i, index=i) for i, key in enumerate(KEYS)}
    order = np.asfortranarray(MATRIX.astype(">f8"))
    kv = make(fake["Word2VecKeyedVectors"], index2word=KEYS, syn0=order, vocab=vocab)
    (tmp_path / "m").write_bytes(pickle.dumps(make(fake["Word2Vec"], wv=kv, vocabulary=fake["Word2VecVocab"]()), 2))
    found = read_vectors(tmp_path / "m")
    assert np.array_equal(found.matrix, MATRIX)
    assert found.counts is not None
    assert found.counts.tolist() == [9, 8, 7]


def test_arrays_beside(fake: dict[str, type], tmp_path: Path) -> None:
    state = {"index_to_key": [5, 6, 7], "__numpys": ["vectors"]}
    (tmp_path / "m").write_bytes(pickle.dumps(make(fake["Word2Vec"], wv=make(fake["KeyedVectors"], **state))))
    with pytest.raises(StorageError, match=r"m\.wv\.vectors\.npy, which must stand beside it"):
        read_vectors(tmp_path / "m")
    np.save(tmp_path / "m.wv.vectors.npy", MATRIX)
    found = read_vectors(tmp_path / "m")
    assert found.words == ["5", "6", "7"]
    assert np.array_equal(found.matrix, MATRIX)
    assert found.counts is None
    for wrong, message in (
        (MATRIX[:2], "as many words as vectors"),
        (np.array([{}], dtype=object), "Python objects"),
        (MATRIX.astype(np.int32), "not among those"),
        (MATRIX + np.float32("inf"), "row 1: .*NaN"),
    ):
        with np.errstate(invalid="ignore"):
            np.save(tmp_path / "m.wv.vectors.npy", wrong)
        with pytest.raises(FormatError, match=message):
            read_vectors(tmp_path / "m")
    (tmp_path / "m.wv.vectors.npy").unlink()
    np.savez_compressed(tmp_path / "m.wv.vectors.npz", val=MATRIX)
    assert np.array_equal(read_vectors(tmp_path / "m").matrix, MATRIX)
    (tmp_path / "m.wv.vectors.npz").write_bytes(b"PK")
    with pytest.raises(FormatError, match="zip archive is damaged"):
        read_vectors(tmp_path / "m")


def test_models_that_are_refused_by_name(fake: dict[str, type], tmp_path: Path) -> None:
    cases = {
        "FastText model of gensim's .gensim.models.wrappers": make(
            fake["FastText"], wv=fake["old FastTextKeyedVectors"]()
        ),
        "Doc2Vec model": make(fake["Doc2Vec"]),
        r"gensim\.models\.callbacks\.PerplexityMetric.*refuses": make(
            fake["Word2Vec"], wv=None, callbacks=[make(fake["PerplexityMetric"])]
        ),
        "no vectors .wv.": make(fake["Word2Vec"]),
        "no vectors of gensim's": make(fake["Vocab"]),
        "no list of words": make(fake["KeyedVectors"], vectors=MATRIX),
        "no matrix": make(fake["KeyedVectors"], index_to_key=KEYS),
        "as many words": make(fake["KeyedVectors"], index_to_key=KEYS[:2], vectors=MATRIX),
        "row 2: a word must be text": make(fake["KeyedVectors"], index_to_key=["a", None, "b"], vectors=MATRIX),
        "row 2: the word 'a'": make(fake["KeyedVectors"], index_to_key=["a", "a", "b"], vectors=MATRIX),
        "plain numbers": make(fake["KeyedVectors"], index_to_key=KEYS, vectors=np.array([[{}]], dtype=object)),
        "a count for each": make(
            fake["KeyedVectors"], index_to_key=KEYS, vectors=MATRIX, expandos={"count": np.arange(2)}
        ),
    }
    for i, (message, root) in enumerate(cases.items()):
        (tmp_path / str(i)).write_bytes(pickle.dumps(root))
        with pytest.raises(FormatError, match=message):
            read_vectors(tmp_path / str(i), "gensim")


def test_every_cut_is_an_error(fake: dict[str, type], tmp_path: Path) -> None:
    whole = pickle.dumps(make(fake["KeyedVectors"], index_to_key=KEYS, vectors=MATRIX))
    for size in range(len(whole)):
        (tmp_path / "m").write_bytes(whole[:size])
        with pytest.raises(FormatError):
            read_vectors(tmp_path / "m", "gensim")


@pytest.mark.parametrize(("sep_limit", "suffix"), [(10**8, ""), (1, ""), (1, ".gz"), (10**8, ".bz2")])
def test_what_an_installed_gensim_saves(sep_limit: int, suffix: str, tmp_path: Path) -> None:
    models: Any = pytest.importorskip("gensim.models", reason="gensim is not installed")
    model = models.Word2Vec([["a", "b", "c", "é"]] * 20, vector_size=4, min_count=1, workers=1)
    model.save(str(tmp_path / f"m{suffix}"), sep_limit=sep_limit)
    model.wv.save(str(tmp_path / f"kv{suffix}"), sep_limit=sep_limit)
    for name in ("m", "kv"):
        found = read_vectors(tmp_path / f"{name}{suffix}")
        assert found.words == model.wv.index_to_key
        assert np.array_equal(found.matrix, model.wv.vectors)
        assert found.counts is not None
        assert found.counts.tolist() == [20] * 4


NGRAMS = np.linspace(-1, 1, 10, dtype=np.float32).reshape(5, 2)
FAST = {"index_to_key": KEYS, "vectors_vocab": MATRIX, "vectors_ngrams": NGRAMS}
FAST_SETTINGS = {"bucket": 5, "min_n": 2, "max_n": 3, "compatible_hash": True}


def mean_by_hand(word: str, own: np.ndarray | None) -> np.ndarray:
    """The mean of a word's own row and the rows of its n-grams, from the rule's text."""
    text = f"<{word}>"
    ngrams = [text[at : at + n] for at in range(len(text)) for n in (2, 3) if at + n <= len(text)]
    rows = [] if own is None else [own]
    for ngram in ngrams:
        value = 2166136261
        for byte in ngram.encode():
            value = ((value ^ (byte if byte < 128 else byte + 0xFFFFFF00)) * 16777619) % 2**32
        rows.append(NGRAMS[value % 5])
    return np.mean(np.array(rows, np.float64), axis=0)


def test_words_and_ngrams_of_fasttext(fake: dict[str, type], tmp_path: Path) -> None:
    vectors = make(fake["FastTextKeyedVectors"], **FAST, **FAST_SETTINGS)
    for name, root in {"kv": vectors, "m": make(fake["FastText"], wv=vectors)}.items():
        (tmp_path / name).write_bytes(pickle.dumps(root))
        found = read_vectors(tmp_path / name)
        assert found.words == KEYS
        expected = np.array([mean_by_hand(key, row) for key, row in zip(KEYS, MATRIX, strict=True)])
        np.testing.assert_allclose(found.matrix, expected, atol=1e-6)
        assert found.subwords is not None
        assert np.array_equal(found.subwords.own_rows(None, found.matrix), MATRIX)  # type: ignore[arg-type]
        composed, sizes = found.subwords.compose(["日本".encode(), b"</s>"])
        np.testing.assert_allclose(composed, [mean_by_hand(word, None) for word in ("日本", "</s>")], atol=1e-6)
        assert sizes.tolist() == [5, 9]
        first = read_vectors(tmp_path / name, limit=1)
        assert first.words == ["a"]
        np.testing.assert_allclose(first.matrix, expected[:1], atol=1e-6)


def test_ngrams_beside_and_packed(fake: dict[str, type], tmp_path: Path) -> None:
    state = {name: value for name, value in FAST.items() if name != "vectors_ngrams"}
    whole = make(fake["FastTextKeyedVectors"], **FAST, **FAST_SETTINGS)
    beside = make(fake["FastTextKeyedVectors"], **state, **FAST_SETTINGS, __numpys=["vectors_ngrams"])
    order = [3, 0, 4, 1, 2]
    packed = make(fake["FastTextKeyedVectors"], **FAST, **FAST_SETTINGS)
    packed.vectors_ngrams, packed.hash2index = NGRAMS[order], {bucket: row for row, bucket in enumerate(order)}
    for name, root in {"whole": whole, "beside": beside, "packed": packed}.items():
        (tmp_path / name).write_bytes(pickle.dumps(root))
    with pytest.raises(StorageError, match=r"beside\.vectors_ngrams\.npy, which must stand beside it"):
        read_vectors(tmp_path / "beside")
    np.save(tmp_path / "beside.vectors_ngrams.npy", NGRAMS)
    for name in ("whole", "beside", "packed"):
        found = read_vectors(tmp_path / name).subwords
        assert found is not None
        assert np.array_equal(found.ngram_rows, NGRAMS)


@pytest.mark.parametrize("without", [{"bucket": 0}, {"max_n": 1}, {"min_n": 0, "max_n": 0}])
def test_fasttext_without_ngrams(without: dict[str, int], fake: dict[str, type], tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(pickle.dumps(make(fake["FastTextKeyedVectors"], **FAST, **FAST_SETTINGS | without)))
    found = read_vectors(tmp_path / "m")
    assert found.subwords is None
    assert np.array_equal(found.matrix, MATRIX)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"compatible_hash": False}, "gensim before 3.8 .*load it with gensim 3.8.3"),
        ({"compatible_hash": None}, "gensim before 3.8 "),
        ({"vectors_vocab": None}, "no matrix of vectors .vectors_vocab."),
        ({"vectors_ngrams": None}, "no matrix of n-grams"),
        ({"vectors_ngrams": NGRAMS[:4]}, r"vectors_ngrams must have shape \(5, 2\), got \(4, 2\)"),
        ({"vectors_ngrams": NGRAMS[:, :1]}, r"must have shape \(5, 2\), got \(5, 1\)"),
        ({"vectors_ngrams": NGRAMS * np.float32("nan")}, "NaN"),
        ({"bucket": -1}, "bucket must be a whole number from 0 to 2147483647, got -1"),
        ({"bucket": 10**30}, "bucket must be .* got another value .int."),
        ({"bucket": 2**31 - 1}, "vectors_ngrams must have shape"),
        ({"max_n": 65}, "max_n must be a whole number from 0 to 64, got 65"),
        ({"min_n": "3"}, "min_n must be .* got another value .str."),
        ({"min_n": True}, "min_n must be"),
        ({"hash2index": {0: 0}}, "hash2index must map 5 buckets below 5 to the rows"),
        ({"hash2index": {0: 0, 1: 1, 2: 2, 3: 3, 4: 3}}, "hash2index must map buckets to rows below 5 that differ"),
        ({"hash2index": {0: 0, 1: 1, 2: 2, 3: 3, 4: 10**90}}, "hash2index must map buckets to rows below 5"),
        ({"hash2index": {0: 0, 1: 1, 2: 2, 3: 3, 5: 4}}, "hash2index must map 5 buckets below 5"),
        ({"hash2index": {0: 0, 1: 1, 2: 2, 3: 3, 4: "4"}}, "hash2index must map"),
        ({"hash2index": dict(zip(range(5), range(5), strict=True)), "bucket": 2**31 - 1}, "bucket must be less than"),
    ],
)
def test_damaged_fasttext(changes: dict[str, Any], message: str, fake: dict[str, type], tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(pickle.dumps(make(fake["FastTextKeyedVectors"], **FAST | FAST_SETTINGS | changes)))
    with pytest.raises(FormatError, match=message):
        read_vectors(tmp_path / "m")


def test_every_cut_of_fasttext_is_an_error(fake: dict[str, type], tmp_path: Path) -> None:
    whole = pickle.dumps(make(fake["FastText"], wv=make(fake["FastTextKeyedVectors"], **FAST, **FAST_SETTINGS)))
    for size in range(len(whole)):
        (tmp_path / "m").write_bytes(whole[:size])
        with pytest.raises(FormatError):
            read_vectors(tmp_path / "m", "gensim")


UNSEEN = ["unseen", "日本", "x", "</s", "graphs", "👍🏽", "naïvement"]


@pytest.mark.parametrize("options", [{}, {"max_n": 2}, {"min_n": 1, "max_n": 4, "bucket": 7}, {"bucket": 0}])
@pytest.mark.parametrize(("sep_limit", "suffix"), [(10**8, ""), (0, ""), (0, ".gz")])
def test_what_an_installed_gensim_saves_of_fasttext(
    options: dict[str, int], sep_limit: int, suffix: str, tmp_path: Path
) -> None:
    models: Any = pytest.importorskip("gensim.models", reason="gensim is not installed")
    texts = [["human", "interface", "été", "日本語", "</s>", "a"]] * 20 + [["graph", "trees", "minors"]] * 20
    model = models.FastText(texts, vector_size=8, min_count=1, **{"bucket": 1000, **options})
    model.save(str(tmp_path / f"m{suffix}"), sep_limit=sep_limit)
    model.wv.save(str(tmp_path / f"kv{suffix}"), sep_limit=sep_limit)
    for name in ("m", "kv"):
        found = read_vectors(tmp_path / f"{name}{suffix}")
        assert found.words == model.wv.index_to_key
        np.testing.assert_allclose(found.matrix, model.wv.vectors, atol=1e-6)
        assert (found.subwords is None) == (model.wv.bucket == 0)
        if found.subwords is not None:
            composed, _ = found.subwords.compose([word.encode() for word in UNSEEN])
            np.testing.assert_allclose(composed, [model.wv[word] for word in UNSEEN], atol=1e-6)


def test_fasttext_models_of_older_gensims() -> None:
    utils: Any = pytest.importorskip("gensim.test.utils", reason="gensim is not installed")
    found = read_vectors(utils.datapath("compatible-hash-true.model"))  # an early 3.8, which packed the rows of n-grams
    assert found.words[:3] == ["the", "of", "and"]
    assert found.subwords is not None
    assert found.subwords.ngram_rows.any(axis=1).sum() == 85
    for name in ("fasttext_old", "ft_kv_3.6.0.model.gz", "ft_model_2.3.0"):
        with pytest.raises(FormatError, match="FastText model"):
            read_vectors(utils.datapath(name))
