"""gensim's saved Word2Vec as a whole: output vectors and settings come along, so that training can go on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firth.formats.gensim_native import NgramSettings, read_model

TEXTS = [["a", "b", "c", "d"], ["d", "c", "b", "a"]] * 20


@pytest.mark.parametrize("sep_limit", [10 * 1024**2, 0], ids=["one-file", "arrays-beside"])
def test_gensim_4(tmp_path: Path, sep_limit: int) -> None:
    word2vec = pytest.importorskip("gensim.models.word2vec")
    model = word2vec.Word2Vec(TEXTS, vector_size=6, min_count=1, sg=1, window=3, sample=0)
    path = tmp_path / "model"
    model.save(str(path), sep_limit=sep_limit)
    found = read_model(path)
    assert (found.kind, found.ngrams) == ("Word2Vec", None)
    assert found.table.words == model.wv.index_to_key
    assert {name: found.settings[name] for name in ("sg", "window", "sample", "comment")} == {
        "sg": 1,
        "window": 3,
        "sample": 0,
        "comment": None,
    }
    np.testing.assert_array_equal(found.table.matrix, model.wv.vectors)
    np.testing.assert_array_equal(found.output_vectors["syn1neg"], model.syn1neg)
    model.wv.save(str(path))
    assert read_model(path).kind == "KeyedVectors"
    assert not read_model(path).is_model


def test_fasttext(tmp_path: Path) -> None:
    fasttext = pytest.importorskip("gensim.models.fasttext")
    model = fasttext.FastText(TEXTS, vector_size=6, min_count=1, sg=1, window=3, sample=0, bucket=50)
    path = tmp_path / "model"
    model.save(str(path))
    found = read_model(path)
    assert (found.kind, found.ngrams) == ("FastText", NgramSettings(3, 6, 50))
    assert found.settings["word_ngrams"] == 1
    np.testing.assert_array_equal(found.output_vectors["syn1neg"], model.syn1neg)
    assert found.table.subwords is not None
    np.testing.assert_array_equal(found.table.subwords.word_rows, model.wv.vectors_vocab)
    model.wv.save(str(path))
    assert read_model(path).kind == "FastTextKeyedVectors"


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("model-from-gensim-3.8.0.w2v", {"syn1", "syn1neg"}),
        ("word2vec_old_sep", {"syn1neg"}),
        ("old_w2v_models/w2v_1.0.0.mdl", {"syn1neg"}),
        ("old_w2v_models/w2v_3.4.0.mdl", {"syn1neg"}),
    ],
)
def test_older_gensim(name: str, outputs: set[str]) -> None:
    utils = pytest.importorskip("gensim.test.utils")
    found = read_model(Path(utils.datapath(name)))
    assert set(found.output_vectors) == outputs
    assert found.settings["negative"] == 5
    assert found.settings["seed"] in (1, 21)
