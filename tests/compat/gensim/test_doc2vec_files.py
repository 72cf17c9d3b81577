"""Files of gensim's Doc2Vec: the same vectors, inference that agrees with gensim's own, damaged files.

make_document_files.py wrote the files, with gensim 4.4.0 and 3.8.3.
"""

from __future__ import annotations

import pickle
import shutil
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

import firth
from firth.cli.main import app
from firth.compat.gensim import Doc2Vec, KeyedVectors, TaggedDocument, Word2Vec
from firth.compat.gensim.corpora import Dictionary
from firth.errors import CorpusError, FormatError, ParameterError, StorageError
from firth.formats.gensim_native import read_model

GOLDEN = Path(__file__).parent / "golden"
FILES = pytest.mark.parametrize("path", sorted(GOLDEN.glob("doc2vec-*.pkl")), ids=lambda path: path.stem)
GENERATOR = np.random.RandomState(7)  # as make_document_files.py makes them
WORDS = [[f"{letter}{number}" for number in range(12)] for letter in "abc"]
DOCUMENTS = [GENERATOR.choice(WORDS[k % 3], 20).tolist() for k in range(60)]
TEXTS = [GENERATOR.choice(WORDS[k % 3], 25).tolist() for k in range(6)]


def load(path: Path) -> Doc2Vec:
    if "hs" not in path.name:
        return Doc2Vec.load(path)  # type: ignore[no-any-return]
    with pytest.warns(UserWarning, match="inference uses gensim's Huffman tree"):
        return Doc2Vec.load(path)  # type: ignore[no-any-return]


def test_the_files_hold_no_path_of_a_machine() -> None:
    for path in GOLDEN.iterdir():
        data = path.read_bytes()
        assert b"/home" not in data
        assert str(GOLDEN).encode() not in data


@FILES
def test_every_vector_is_gensims_to_the_bit(path: Path) -> None:
    model, gensim = load(path), read_model(path)
    if "hs" not in path.name:
        assert type(model) is type(Word2Vec.load(path)) is Doc2Vec
    assert (model.vector_size, model.epochs, model.alpha, model.sample) == (12, 30, 0.05, 0)
    assert (model.dm, model.hs, bool(model.dbow_words)) == ("-dm" in path.name, "hs" in path.name, "words" in path.name)
    assert sorted(model.wv.index_to_key) == sorted({word for document in DOCUMENTS for word in document})
    counts = [sum(document.count(word) for document in DOCUMENTS) for word in model.wv.index_to_key]
    assert model.wv.expandos["count"].tolist() == counts
    topics = [] if "dm-hs" in path.name else ["topic 0", "topic 1", "topic 2"]
    assert model.dv.index_to_key == [*range(60), *topics]
    assert model.dv.key_to_index == {topic: 60 + k for k, topic in enumerate(topics)}
    if topics:
        assert model.dv.get_vecattr("topic 1", "doc_count") == 20
        assert model.dv.get_vecattr("topic 1", "word_count") == 400
    matrices = {"wv": model.wv.vectors, "dv": model.dv.vectors, "out": model.syn1 if model.hs else model.syn1neg}
    assert gensim.documents is not None
    np.testing.assert_array_equal(matrices["dv"], gensim.documents.matrix)
    for name, rows in _raw_matrices(path).items():
        np.testing.assert_array_equal(matrices[name], rows)


def _raw_matrices(path: Path) -> dict[str, NDArray[np.float32]]:
    """The matrices of a file, found by their bytes alone: arrays beside the pickle, or float32 data in it."""
    beside = {
        "wv": path.with_name(f"{path.name}.wv.vectors.npy"),
        "dv": next(iter(path.parent.glob(f"{path.name}.d*.npy")), path),
        "out": next(iter(path.parent.glob(f"{path.name}*syn1neg.npy")), path),
    }
    found = {name: np.load(file) for name, file in beside.items() if file.suffix == ".npy" and file.exists()}
    if found:
        return found
    model, data = read_model(path), path.read_bytes()
    assert model.documents is not None
    matrices = {"wv": model.table.matrix, "dv": model.documents.matrix}
    for name, rows in matrices.items():
        raw = rows.astype("<f4").tobytes()
        assert raw in data or raw.decode("latin-1").encode("utf-8") in data, name  # protocol 2 has text
    return {name: np.array(rows) for name, rows in matrices.items()}


@FILES
def test_inference_agrees_with_gensims_to_sampling_noise(path: Path) -> None:
    """If both draw around the same mean, the cosine between them is the geometric mean of the cosines within each."""
    model = load(path)
    theirs: NDArray[np.float32] = np.load(path.with_suffix(".npz"))["inferred"]
    mine = []
    for seed in range(len(theirs)):
        model.seed = seed
        mine.append(model.infer_vectors(TEXTS))
    units = [rows / np.linalg.norm(rows, axis=-1, keepdims=True) for rows in (np.array(mine), theirs)]
    pairs = np.triu_indices(len(theirs), 1)
    within = [np.einsum("std,utd->sut", rows, rows)[pairs].mean() for rows in units]
    between = np.einsum("std,utd->sut", *units).mean()
    assert between > np.sqrt(within[0] * within[1]) - 0.01
    means = [rows.mean(axis=0) for rows in (np.array(mine), theirs)]
    cosines = np.sum(means[0] * means[1], axis=1) / np.prod([np.linalg.norm(rows, axis=1) for rows in means], axis=0)
    assert cosines.min() > 0.98
    lengths = np.linalg.norm(means[0], axis=1) / np.linalg.norm(means[1], axis=1)
    assert 0.9 < lengths.min() <= lengths.max() < 1.12


@FILES
def test_firth_opens_them(path: Path, tmp_path: Path) -> None:
    if "hs" in path.name:
        with pytest.raises(
            FormatError, match=r"gensim's tree is another one than firth's: .*Doc2Vec.load\(path\) opens"
        ):
            firth.load(path)
        with pytest.raises(ParameterError, match="to_firth must be called on a model with firth's tree"):
            load(path).to_firth()
        return
    model, other = firth.load(path), load(path)
    assert repr(model).startswith("Model(63 tags of documents, ")
    np.testing.assert_array_equal(model.documents.matrix, other.dv.vectors)
    assert list(model.documents)[-2:] == ["topic 1", "topic 2"]
    other.seed = 5
    np.testing.assert_array_equal(model.infer(TEXTS, seed=5), other.infer_vectors(TEXTS))
    assert model.config == other.to_firth().config.with_values(seed=model.config.seed, threads=model.config.threads)
    assert model.train_words == ("dbow-words" in path.name or "-dm" in path.name)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(firth.load(tmp_path / "model").infer(TEXTS), model.infer(TEXTS))
    with pytest.raises(FormatError, match=r"this is a Doc2Vec model .* firth.load\(.*\) opens it whole"):
        firth.read_vectors(path)
    run = CliRunner().invoke(app, ["documents", "neighbors", str(path), " ".join(TEXTS[1]), "-n", "1"])
    assert run.exit_code == 0, run.output
    nearest = run.output.split()[-1]
    assert nearest == "topic 1" or int(nearest) % 3 == 1


@FILES
def test_training_goes_on_and_files_keep_all(path: Path, tmp_path: Path) -> None:
    model = load(path)
    inferred = model.infer_vectors(TEXTS)
    model.save(tmp_path / "model")
    again = Doc2Vec.load(tmp_path / "model")
    np.testing.assert_array_equal(again.infer_vectors(TEXTS), inferred)  # with gensim's tree
    np.testing.assert_array_equal(KeyedVectors.load(path).vectors, model.wv.vectors)
    documents = [TaggedDocument(words, [k]) for k, words in enumerate(DOCUMENTS)]
    before = model.dv.vectors.copy()
    with pytest.raises(CorpusError, match="tags that build_vocab has read"):
        model.train([TaggedDocument(DOCUMENTS[0], ["new"])], total_examples=1, epochs=1)
    np.testing.assert_array_equal(model.infer_vectors(TEXTS, epochs=30), inferred)  # nothing is lost
    for one in (model, again):
        one.train(documents, total_examples=60, epochs=5)
        assert one.history is not None
        assert not np.array_equal(one.dv.vectors, before)
    np.testing.assert_array_equal(model.infer_vectors(TEXTS), again.infer_vectors(TEXTS))
    assert model.to_firth().documents is not None


@pytest.mark.parametrize("version", ["3.8.3", "4.4.0"])
def test_dictionaries(version: str) -> None:
    loaded, fresh = Dictionary.load(GOLDEN / f"dictionary-{version}.pkl"), Dictionary(DOCUMENTS)
    assert (loaded.token2id, loaded.dfs, loaded.cfs) == (fresh.token2id, fresh.dfs, fresh.cfs)
    assert (loaded.num_docs, loaded.num_pos, loaded.num_nnz) == (60, 1200, fresh.num_nnz)


@pytest.mark.parametrize("name", ["1.0.0", "2.3.0", "3.0.0", "3.2.0", "3.4.0"])
def test_gensims_own_old_files(name: str) -> None:
    utils = pytest.importorskip("gensim.test.utils")
    model = Doc2Vec.load(utils.datapath(f"old_d2v_models/d2v_{name}.mdl"))
    assert (len(model.wv), model.dv.vectors.shape, model.dv.index_to_key) == (3, (2, 4), [0, 1])
    found = model.infer_vectors([["document", "first"], ["second"]])
    assert np.isfinite(found).all()
    assert found.any(axis=1).all()


def test_an_array_beside_is_missing(tmp_path: Path) -> None:
    for path in GOLDEN.glob("doc2vec-4.4.0-dbow-words*"):
        shutil.copy(path, tmp_path)
    (tmp_path / "doc2vec-4.4.0-dbow-words.pkl.dv.vectors.npy").unlink()
    with pytest.raises(StorageError, match=r"dv.vectors.npy, which must stand beside it"):
        Doc2Vec.load(tmp_path / "doc2vec-4.4.0-dbow-words.pkl")


# ---- damaged files


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> dict[str, type]:
    """Classes with gensim's names, whose pickles are those of gensim."""
    classes: dict[str, type] = {}
    for module_name, names in {
        "gensim": [],
        "gensim.models": [],
        "gensim.models.keyedvectors": ["KeyedVectors", "Doc2VecKeyedVectors", "Word2VecKeyedVectors"],
        "gensim.models.doc2vec": ["Doc2Vec"],
    }.items():
        module = types.ModuleType(module_name)
        monkeypatch.setitem(sys.modules, module_name, module)
        for name in names:
            classes[name] = type(name, (), {"__module__": module_name})
            setattr(module, name, classes[name])
    doctag = type("Doctag", (tuple,), {"__module__": "gensim.models.doc2vec", "__reduce__": _reduce_tag})
    classes["Doctag"] = doctag
    sys.modules["gensim.models.doc2vec"].Doctag = doctag  # type: ignore[attr-defined]
    sys.modules["gensim.models.doc2vec"].__dict__["copyreg"] = None
    return classes


def _reduce_tag(self: Any) -> Any:
    import copyreg

    return copyreg.__newobj__, (type(self), *self)


ROWS = np.arange(6, dtype=np.float32).reshape(3, 2)


def make(kind: type, **state: Any) -> Any:
    made = kind()
    made.__dict__.update(state)
    return made


def words_of(fake: dict[str, type], **changes: Any) -> Any:
    counts = {"count": np.array([3, 2, 1])}
    return make(
        fake["KeyedVectors"], **{"index_to_key": ["a", "b", "c"], "vectors": ROWS, "expandos": counts, **changes}
    )


SETTINGS = {"sg": 1, "hs": 0, "negative": 5, "alpha": 0.025, "min_alpha": 0.001, "sample": 0, "epochs": 2, "seed": 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, None),
        ({"index_to_key": None}, r"no list of tags \(index_to_key\)"),
        ({"index_to_key": [0, 1]}, "there must be as many tags as vectors of them, got 2 and 3"),
        ({"index_to_key": [0, 2, "x"]}, "row 1: a tag must be text, or the number of its row, got int"),
        ({"index_to_key": [0, 1, ""]}, "row 2: a tag must be text"),
        ({"index_to_key": [0, 1, "\ud800"]}, "row 2: the tag .* is no valid Unicode text"),
        ({"index_to_key": [0, "x", "x"]}, "a tag has two vectors"),
        ({"vectors": None}, r"no matrix of vectors of tags \(vectors\)"),
        ({"vectors": ROWS[:, :1]}, "the vectors of tags must have 2 numbers, as those of words"),
        ({"vectors": ROWS * np.nan}, "finite"),
        ({"expandos": {"doc_count": np.array([1])}}, "there must be a doc_count for each of 3 tags"),
    ],
)
def test_damaged_tags_of_gensim_4(
    tmp_path: Path, fake: dict[str, type], changes: dict[str, Any], message: str | None
) -> None:
    tags = words_of(fake, **{"index_to_key": [0, 1, "x"], "expandos": {}, **changes})
    root = make(fake["Doc2Vec"], wv=words_of(fake), dv=tags, syn1neg=ROWS, **SETTINGS)
    (tmp_path / "model").write_bytes(pickle.dumps(root))
    if message is None:
        assert Doc2Vec.load(tmp_path / "model").dv.index_to_key == [0, 1, "x"]
        assert firth.load(tmp_path / "model").infer([["a", "b"]]).shape == (1, 2)
        return
    for read in (Doc2Vec.load, firth.load):
        with pytest.raises(FormatError, match=message):
            read(tmp_path / "model")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dv": None}, r"this Doc2Vec has no vectors of tags \(dv or docvecs\)"),
        ({"dm_concat": 1}, "this Doc2Vec was trained with dm_concat=1, which firth lacks"),
        ({"syn1neg": None}, r"no output vectors \(syn1neg\) or counts"),
        ({"alpha": "x"}, "the settings of the model are damaged"),
        ({"alpha": None}, "the settings of the model are damaged"),
        ({"epochs": 0}, "the settings of the model are damaged"),
        ({"negative": -1}, "the settings of the model are damaged"),
    ],
)
def test_damaged_models(tmp_path: Path, fake: dict[str, type], changes: dict[str, Any], message: str) -> None:
    tags = words_of(fake, index_to_key=[0, 1, "x"], expandos={})
    root = make(fake["Doc2Vec"], **{"wv": words_of(fake), "dv": tags, "syn1neg": ROWS, **SETTINGS, **changes})
    (tmp_path / "model").write_bytes(pickle.dumps(root))
    with pytest.raises(FormatError, match=message):
        firth.load(tmp_path / "model")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, None),
        ({"max_rawint": -2}, "must have max_rawint and a list of names"),
        ({"offset2doctag": None}, "must have max_rawint and a list of names"),
        ({"max_rawint": 5}, "there must be as many tags as vectors of them, got 7 and 3"),
        ({"doctags": {}}, "the tag of row 2 must have an offset and two counts"),
        ({"doctags": {"x": (3, 9, 4)}}, "the tag of row 2 must have the offset 0, got 3"),
        ({"doctags": {"x": (0, -9, 4)}}, "the tag of row 2 must have an offset and two counts"),
    ],
)
def test_damaged_tags_of_gensim_3(
    tmp_path: Path, fake: dict[str, type], changes: dict[str, Any], message: str | None
) -> None:
    state = {"max_rawint": 1, "offset2doctag": ["x"], "doctags": {"x": (0, 9, 4)}, "vectors_docs": ROWS, **changes}
    if state["doctags"]:
        state["doctags"] = {name: fake["Doctag"](values) for name, values in state["doctags"].items()}
    tags = make(fake["Doc2VecKeyedVectors"], **state)
    root = make(fake["Doc2Vec"], wv=words_of(fake), docvecs=tags, syn1neg=ROWS, **SETTINGS)
    (tmp_path / "model").write_bytes(pickle.dumps(root))
    if message is None:
        loaded = Doc2Vec.load(tmp_path / "model")
        assert loaded.dv.index_to_key == [0, 1, "x"]
        assert loaded.dv.expandos["doc_count"].tolist() == [0, 0, 4]
        assert loaded.dv.expandos["word_count"].tolist() == [0, 0, 9]
        return
    with pytest.raises(FormatError, match=message):
        Doc2Vec.load(tmp_path / "model")


def paths(values: list[list[int]]) -> NDArray[Any]:
    made = np.empty(len(values), object)
    for row, one in enumerate(values):
        made[row] = np.array(one, np.uint32)
    return made


@pytest.mark.parametrize(
    ("codes", "points", "message"),
    [
        ([[0], [1, 0], [1, 1]], [[1], [1, 0], [1, 0]], None),
        ([[0], [1, 0]], [[1], [1, 0]], "a path in the tree for each of 3 words"),
        ([[0], [1, 0], [1]], [[1], [1, 0], [1, 0]], "make no tree"),
        ([[0], [1, 0], [1, 0, 1]], [[1], [1, 0], [1, 0, 0]], "make no tree"),
        ([[0], [1, 0], [1, 1]], [[2], [1, 0], [1, 0]], "make no tree"),
        ([[0], [1, 0], [1, 2]], [[1], [1, 0], [1, 0]], "make no tree"),
        ([[], [1, 0], [1, 1]], [[], [1, 0], [1, 0]], "make no tree"),
    ],
)
def test_damaged_trees(
    tmp_path: Path, fake: dict[str, type], codes: list[Any], points: list[Any], message: str | None
) -> None:
    expandos = {"count": np.array([3, 2, 1]), "code": paths(codes), "point": paths(points)}
    tags = words_of(fake, index_to_key=[0, 1, "x"], expandos={})
    settings = {**SETTINGS, "hs": 1, "negative": 0}
    root = make(fake["Doc2Vec"], wv=words_of(fake, expandos=expandos), dv=tags, syn1=ROWS, **settings)
    (tmp_path / "model").write_bytes(pickle.dumps(root))
    if message is not None:
        with pytest.raises(FormatError, match=message):
            Doc2Vec.load(tmp_path / "model")
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = Doc2Vec.load(tmp_path / "model")
    assert model.infer_vector(["a", "b"]).shape == (2,)
    model.save(tmp_path / "own")
    data = (tmp_path / "own").read_bytes()
    for old, new, message in (
        (b"dv.tree.codes", b"dv.tree.cxdes", "make no tree"),
        (b"dv.tree.offsets", b"dv.tree.oxfsets", "make no tree"),
    ):
        assert data.count(old) == 1
        (tmp_path / "own").write_bytes(data.replace(old, new))
        with pytest.raises(FormatError, match=message):
            Doc2Vec.load(tmp_path / "own")
