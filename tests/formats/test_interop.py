"""Files that other programs wrote read to the vectors that those programs give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.errors import EncodingError, FormatError
from firth.formats.registry import guess_format, read_vectors

pytestmark = pytest.mark.data

WORD2VEC = {
    "w2v.bin": "word2vec-binary",
    "w2v.txt": "word2vec",
    "euclidean_vectors.bin": "word2vec-binary",
    "high_precision.kv.bin": "word2vec-binary",
    "high_precision.kv.txt": "word2vec",
    "similarity.bin": "word2vec-binary",
    "similarity.txt": "word2vec",
    "crime-and-punishment.vec": "fasttext-vec",
    "lee_fasttext.vec": "fasttext-vec",
}
GLOVE = ["glove.txt", "test_glove.txt", "nbsp.glove.txt", "glove.6B.50d.top8390.txt"]
NO_VECTORS = ["crime-and-punishment.txt", "lee_background.cor", "invalid.model.bin"]
REPEATED = {"dupped.glove": "glove", "dupped.w2v": "word2vec-binary", "dupped.w2v.txt": "word2vec"}


@pytest.mark.parametrize(("name", "format"), WORD2VEC.items())
def test_word2vec_files_as_gensim_reads_them(name: str, format: str, interop: Path) -> None:
    models: Any = pytest.importorskip("gensim.models", reason="gensim is not installed")
    expected = models.KeyedVectors.load_word2vec_format(str(interop / name), binary=format.endswith("binary"))
    assert guess_format(interop / name) == format
    found = read_vectors(interop / name)
    assert found.words == expected.index_to_key
    assert np.array_equal(found.matrix, expected.vectors)
    assert found.counts is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # gensim leaves the file open
@pytest.mark.parametrize("name", GLOVE)
def test_glove_files_as_gensim_reads_them(name: str, interop: Path) -> None:
    models: Any = pytest.importorskip("gensim.models", reason="gensim is not installed")
    expected = models.KeyedVectors.load_word2vec_format(str(interop / name), binary=False, no_header=True)
    assert guess_format(interop / name) == "glove"
    found = read_vectors(interop / name)
    assert found.words == expected.index_to_key
    assert np.array_equal(found.matrix, expected.vectors)


def test_twins_in_text_and_binary_agree(interop: Path) -> None:
    for text, binary in (("w2v.txt", "w2v.bin"), ("similarity.txt", "similarity.bin")):
        left, right = read_vectors(interop / text), read_vectors(interop / binary)
        assert left.words == right.words
        np.testing.assert_allclose(left.matrix, right.matrix, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["crime-and-punishment", "lee_fasttext"])
def test_fasttext_models_as_their_own_program_answered(name: str, interop: Path) -> None:
    """The .vec beside it is what fastText printed, with five significant digits."""
    model, printed = read_vectors(interop / f"{name}.bin"), read_vectors(interop / f"{name}.vec")
    assert guess_format(interop / f"{name}.bin") == "fasttext-bin"
    assert model.words == printed.words
    np.testing.assert_allclose(model.matrix, printed.matrix, rtol=6e-5, atol=1e-6)
    assert model.counts is not None
    assert model.counts.min() >= 1


@pytest.mark.parametrize(("name", "encoding"), [("non_ascii_fasttext", "utf-8"), ("lee_fasttext", "utf-8")])
def test_fasttext_models_as_gensim_reads_them(name: str, encoding: str, interop: Path) -> None:
    fasttext: Any = pytest.importorskip("gensim.models.fasttext", reason="gensim is not installed")
    expected = fasttext.load_facebook_vectors(str(interop / f"{name}.bin"), encoding=encoding)
    found = read_vectors(interop / f"{name}.bin")
    assert found.words == expected.index_to_key
    np.testing.assert_allclose(found.matrix, expected.vectors, atol=1e-6)
    assert found.counts is not None
    assert found.counts.tolist() == [expected.get_vecattr(word, "count") for word in found.words]


def test_words_in_an_old_machines_encoding(interop: Path) -> None:
    with pytest.raises(EncodingError, match=r"row 2 \(byte 92\).*kter"):
        read_vectors(interop / "cp852_fasttext.bin")
    utf8 = read_vectors(interop / "non_ascii_fasttext.bin")
    found = read_vectors(interop / "cp852_fasttext.bin", encoding="cp852")
    assert found.words == utf8.words
    assert np.isfinite(found.matrix).all()


def test_a_model_of_gensim_3(interop: Path) -> None:
    path = interop / "model-from-gensim-3.8.0.w2v"
    assert guess_format(path) == "gensim"
    found = read_vectors(path)
    assert found.matrix.shape == (3, 300)
    assert found.counts is not None
    models: Any = pytest.importorskip("gensim.models", reason="gensim is not installed")
    expected = models.Word2Vec.load(str(path)).wv
    assert found.words == expected.index_to_key
    assert np.array_equal(found.matrix, expected.vectors)
    assert found.counts.tolist() == [expected.get_vecattr(word, "count") for word in found.words]


def test_what_is_no_model_is_refused_by_name(interop: Path) -> None:
    with pytest.raises(FormatError, match="cooking.model.bin: .*supervised fastText model"):
        read_vectors(interop / "cooking.model.bin")
    with pytest.raises(FormatError, match=r"invalid.model.bin: .*not a fastText model"):
        read_vectors(interop / "invalid.model.bin", "fasttext-bin")


@pytest.mark.parametrize("name", NO_VECTORS)
def test_what_holds_no_vectors_is_not_guessed(name: str, interop: Path) -> None:
    with pytest.raises(FormatError, match="looks like none of the formats"):
        read_vectors(interop / name)


@pytest.mark.parametrize(("name", "format"), REPEATED.items())
def test_repeated_words(name: str, format: str, interop: Path) -> None:
    with pytest.raises(FormatError, match="row 3: the word 'a' is in row 1 too"):
        read_vectors(interop / name)
    found = read_vectors(interop / name, format, duplicates="first")
    assert found.words == ["a", "b", "c"]
    assert found.matrix[0].tolist() == list(range(20))


@pytest.mark.parametrize(
    ("name", "format", "word", "offset"),
    [("utf8-incomplete.bin", "word2vec-binary", "zee\ufffdn", 26), ("utf8-incomplete.txt", "glove", "zee\ufffdn", 16)],
)
def test_words_cut_inside_a_character(name: str, format: str, word: str, offset: int, interop: Path) -> None:
    with pytest.raises(EncodingError, match=rf"row 2 \(byte {offset}\).*not valid UTF-8"):
        read_vectors(interop / name)
    data = (interop / name).read_bytes()
    assert data[offset] > 127
    found = read_vectors(interop / name, format, encoding_errors="replace")
    assert found.words == ["meren", word, "rivieren"]
