"""Functions of gensim.utils, gensim.matutils and gensim.test.utils: values by hand, gensim's where it is installed."""

from __future__ import annotations

import gzip
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.compat.gensim import matutils, utils
from firth.compat.gensim.parsing import preprocessing
from firth.compat.gensim.refused import NotInFirthError
from firth.compat.gensim.test.utils import common_texts, datapath, get_tmpfile, temporary_file
from firth.errors import ParameterError

TEXTS = ["Été à Köln, 3rd_try: naïve_ x2 __b don't", "日本語 テスト ЁЖ 12 ab", "", "a" * 20 + " Ab\u0301"]


@pytest.mark.parametrize("text", TEXTS)
def test_texts_as_gensim(text: str) -> None:
    theirs: Any = pytest.importorskip("gensim.utils")
    for options in ({}, {"deacc": True}, {"min_len": 1, "max_len": 30}):
        assert utils.simple_preprocess(text, **options) == theirs.simple_preprocess(text, **options)
        assert utils.simple_preprocess(text.encode(), **options) == theirs.simple_preprocess(text.encode(), **options)
    for options in ({}, {"lower": True}, {"to_lower": True, "deacc": True}, {"lowercase": True}):
        assert list(utils.tokenize(text, **options)) == list(theirs.tokenize(text, **options))
    assert utils.deaccent(text) == theirs.deaccent(text)
    assert utils.any2utf8(text) == theirs.any2utf8(text)


def test_texts_by_hand() -> None:
    assert utils.simple_preprocess("Été à_b _c 3rd tests2 naïve") == ["été", "à_b", "rd", "tests", "naïve"]
    assert utils.simple_preprocess(b"ab \xff cd") == ["ab", "cd"]
    assert list(utils.tokenize("A b2", lower=True)) == ["a", "b"]
    assert utils.deaccent("é ñ".encode()) == "e n"
    assert utils.to_unicode(b"\xe9", "latin-1") == "é"
    assert utils.any2utf8(b"\xe9", encoding="latin-1") == b"\xc3\xa9"
    assert utils.to_unicode("é") == "é"
    with pytest.raises(UnicodeDecodeError):
        utils.to_unicode(b"\xff")
    with pytest.raises(TypeError, match="text must be str or bytes, got int"):
        utils.to_unicode(7)  # type: ignore[arg-type]


def test_files(tmp_path: Path) -> None:
    for name in ("plain", "packed.gz"):
        utils.save_as_line_sentence([["a", "é"], ["b"]], tmp_path / name)
        with utils.open(tmp_path / name, "r", encoding="utf-8") as file:
            assert file.read() == "a é\nb\n"
        with utils.open(tmp_path / name, "rb") as file:
            assert file.read() == "a é\nb\n".encode()
    with utils.open(tmp_path / "written.gz", "w", encoding="utf-8") as file:
        file.write("é")
    assert gzip.decompress((tmp_path / "written.gz").read_bytes()) == "é".encode()
    with pytest.raises(ParameterError, match="path must be a file of this machine, got 's3://x'"):
        utils.open("s3://x")


def test_groups_rules_and_seeds() -> None:
    assert list(utils.grouper(range(5), 2)) == [[0, 1], [2, 3], [4]]
    (arrays,) = utils.chunkize_serial([[1, 2]], 2, as_numpy=True)
    assert arrays[0].dtype == np.float32
    with pytest.raises(ParameterError, match="chunksize must be at least 1, got 0"):
        list(utils.grouper([1], 0))
    counts = {"a": 1, "b": 2, "c": 3}
    assert utils.prune_vocab(counts, 3, lambda word, count, least: 2 if word == "a" else 0) == 2
    assert counts == {"a": 1, "c": 3}
    assert utils.get_random_state(7).random() == np.random.RandomState(7).random()
    state = np.random.RandomState(3)
    assert utils.get_random_state(state) is state
    assert isinstance(utils.get_random_state(None), np.random.RandomState)
    with pytest.raises(ParameterError, match="seed must be None, a whole number or a RandomState, got 'x'"):
        utils.get_random_state("x")
    with pytest.raises(NotInFirthError, match="SaveLoad is not in firth"):
        utils.SaveLoad()
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        utils.nosuch  # noqa: B018


VECTORS: list[Any] = [
    np.array([3.0, -4.0], np.float32),
    np.array([3, -4]),
    np.zeros(2),
    np.zeros(0),
    [(0, 3.0), (7, -4.0)],
    [],
]


@pytest.mark.parametrize("norm", ["l1", "l2", "unique"])
@pytest.mark.parametrize("case", range(len(VECTORS)))
def test_unit_vectors_as_gensim(case: int, norm: str) -> None:
    theirs: Any = pytest.importorskip("gensim.matutils")
    given = VECTORS[case]
    (found, length), (expected, their_length) = (
        module.unitvec(given.copy(), norm, return_norm=True) for module in (matutils, theirs)
    )
    assert length == pytest.approx(their_length)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    if isinstance(given, np.ndarray):
        assert found.dtype == expected.dtype


def test_unit_vectors_by_hand() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    assert matutils.unitvec(np.array([3.0, -4.0])).tolist() == pytest.approx([0.6, -0.8])
    assert matutils.unitvec([(5, 3.0), (6, -4.0)], norm="l1") == [(5, 3 / 7), (6, -4 / 7)]
    np.testing.assert_allclose(matutils.unitvec(sparse.csr_matrix([[0, 3, 4]])).toarray(), [[0, 0.6, 0.8]])
    with pytest.raises(ParameterError, match="norm must be"):
        matutils.unitvec(np.ones(2), norm="l3")
    with pytest.raises(ParameterError, match="vec must be an array, a sparse matrix or pairs"):
        matutils.unitvec([1.0, 2.0])


def test_sparse_vectors() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    assert matutils.sparse2full([(1, 2.5)], 3).tolist() == [0, 2.5, 0]
    assert matutils.full2sparse([0, 2.5, 1e-12]) == [(1, 2.5)]
    for vector in (np.array([0, 2.5]), sparse.csr_matrix([[0, 2.5]]), [(0, 0.0), (1, 2.5)]):
        assert matutils.any2sparse(vector) == [(1, 2.5)]
    with pytest.raises(ParameterError, match="vec must be one row"):
        matutils.any2sparse(sparse.csr_matrix(np.ones((2, 2))))
    assert matutils.cossim([(1, 3.0)], [(1, 3.0), (2, 4.0)]) == pytest.approx(0.6)
    assert matutils.cossim([], [(1, 1.0)]) == 0
    assert matutils.argsort([3, 1, 2], topn=2).tolist() == [1, 2]
    assert matutils.argsort([3, 1, 2], reverse=True).tolist() == [0, 2, 1]
    assert math.isclose(matutils.unitvec(np.full(3, 1e-30, np.float32))[0], 3**-0.5, rel_tol=1e-6)
    with pytest.raises(NotInFirthError, match="Sparse2Corpus is not in firth"):
        matutils.Sparse2Corpus()
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        matutils.nosuch  # noqa: B018


def test_texts_and_temporary_files() -> None:
    assert len(common_texts) == 9
    theirs = pytest.importorskip("gensim.test.utils")
    assert common_texts == theirs.common_texts


def test_temporary_files() -> None:
    path = get_tmpfile("model")
    assert os.path.basename(path) == "model"
    assert os.path.isdir(os.path.dirname(path))
    os.rmdir(os.path.dirname(path))
    with temporary_file("name") as path:
        Path(path).write_text("x")
    assert not os.path.exists(os.path.dirname(path))
    with pytest.raises(NotInFirthError, match="datapath is not in firth, for now; gensim has the file 'lee.cor'"):
        datapath("lee.cor")


def test_strip_tags() -> None:
    assert preprocessing.strip_tags("<p class='x'>One <b>two</b></p> 1 < 2") == "One two 1 < 2"
    assert preprocessing.strip_tags(b"<i>\xc3\xa9</i>") == "é"
    with pytest.raises(TypeError, match="text must be str or bytes, got int"):
        preprocessing.strip_tags(3)
    with pytest.raises(NotInFirthError, match="stem_text is not in firth, for now; NLTK's PorterStemmer"):
        preprocessing.stem_text("x")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        preprocessing.nothing  # noqa: B018
