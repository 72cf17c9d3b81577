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
        "gensim.models.doc2vec": ["Doc2Vec"],
        "gensim.models.callbacks": ["PerplexityMetric"],
    }.items():
        module = types.ModuleType(module_name)
        sys.modules[module_name] = module
        for name in names:
            classes[name] = type(name, (), {"__module__": module_name})
            setattr(module, name, classes[name])
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
        "FastText model": make(fake["FastTextKeyedVectors"], index_to_key=KEYS),
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
