"""firth.read_vectors, firth.write_vectors, firth.load, WordVectors.save and to_frame, as a user calls them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import FormatError, MissingExtraError, ParameterError, StorageError

VECTORS = firth.WordVectors(
    ["red", "blue", "green"], [[1.0, 0.0, 0.5], [0.9, 0.1, 0.4], [-1.0, 0.5, 0.0]], counts=[3, 2, 1]
)


@pytest.mark.parametrize("name", ["v.txt", "v.vec", "v.bin", "v.npz", "v.txt.gz", "folder", "v.glove", "v.tsv"])
def test_what_save_writes_is_read_and_can_be_asked(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    VECTORS.save(path)
    if name == "v.tsv":
        path = next(one for one in tmp_path.iterdir() if "meta" not in one.name)
    for read in (firth.read_vectors(path), firth.load(path)):
        assert isinstance(read, firth.WordVectors)
        np.testing.assert_allclose(read.matrix, VECTORS.matrix)
        assert [neighbor.word for neighbor in read.neighbors("red")] == ["blue", "green"]
    with pytest.raises(StorageError, match="exists|holds a model"):
        VECTORS.save(path)
    VECTORS.save(path, overwrite=True)


def test_write_vectors_takes_whatever_has_vectors(tmp_path: Path) -> None:
    model = firth.train(
        [["a", "b", "a", "c"]] * 60, min_count=1, subsample=0, dims=4, threads=1, learning_rate=0.3, progress=False
    )
    mapping = dict(zip(VECTORS.words, VECTORS.matrix, strict=True))
    table = firth.VectorTable(list(VECTORS.words), VECTORS.matrix)
    for number, source in enumerate((VECTORS, table, mapping)):
        firth.write_vectors(tmp_path / f"{number}.txt", source)
        assert (tmp_path / f"{number}.txt").read_bytes() == (tmp_path / "0.txt").read_bytes()
    firth.write_vectors(tmp_path / "model.vec", model)
    np.testing.assert_allclose(firth.read_vectors(tmp_path / "model.vec").matrix, model.vectors.matrix, rtol=1e-5)
    firth.write_vectors(tmp_path / "again.vec", tmp_path / "model.vec")
    assert (tmp_path / "again.vec").read_bytes() == (tmp_path / "model.vec").read_bytes()
    with pytest.raises(ParameterError, match="vectors must be WordVectors, a mapping .* got int"):
        firth.write_vectors(tmp_path / "x.txt", 3)
    with pytest.raises(ParameterError, match="path must end in one of"):
        VECTORS.save(tmp_path / "x.unknown")


def test_integer_words_are_written_in_digits(tmp_path: Path) -> None:
    firth.WordVectors(np.array([7, 40]), np.eye(2)).save(tmp_path / "ids.txt")
    assert firth.read_vectors(tmp_path / "ids.txt").words == ("7", "40")


def test_load_tells_what_it_is(tmp_path: Path) -> None:
    model = firth.train(
        [["a", "b", "a", "c"]] * 60, min_count=1, subsample=0, dims=4, threads=1, learning_rate=0.3, progress=False
    )
    model.save(tmp_path / "model")
    assert isinstance(firth.load(tmp_path / "model"), firth.Model)
    (tmp_path / "noise.bin").write_bytes(b"\x00\x01 no vectors\xff" * 50)
    with pytest.raises(FormatError):
        firth.load(tmp_path / "noise.bin")
    with pytest.raises(StorageError):
        firth.load(tmp_path / "nothing")


def test_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    pd, pl, pa = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))
    frame = VECTORS.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame.loc["blue"].tolist() == VECTORS["blue"].tolist()
    assert list(frame.columns) == ["d0", "d1", "d2"]
    by_polars, by_arrow = VECTORS.to_frame("polars"), VECTORS.to_frame("pyarrow")
    assert isinstance(by_polars, pl.DataFrame)
    assert isinstance(by_arrow, pa.Table)
    assert by_polars["word"].to_list() == by_arrow["word"].to_pylist() == ["red", "blue", "green"]
    assert by_polars["d1"].to_list() == by_arrow["d1"].to_pylist() == VECTORS.matrix[:, 1].tolist()
    with pytest.raises(ParameterError, match="library must be one of pandas, polars, pyarrow or None, got 'numpy'"):
        VECTORS.to_frame("numpy")
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert isinstance(VECTORS.to_frame(), pl.DataFrame)
    with pytest.raises(MissingExtraError, match="needs pandas, which is not installed; `pip install pandas`"):
        VECTORS.to_frame("pandas")
    for name in ("polars", "pyarrow"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match="none is installed"):
        VECTORS.to_frame()


def test_large_objects_print_one_short_line() -> None:
    many = firth.WordVectors([f"w{i}" for i in range(20_000)], np.zeros((20_000, 3)))
    table = firth.VectorTable(list(many.words), np.array(many.matrix))
    for value in (many, table, many.words[:1], firth.History()):
        assert len(repr(value)) < 100
        assert "\n" not in repr(value)


def test_scores_print_the_score(tmp_path: Path) -> None:
    words = firth.WordVectors(["a", "b", "c", "d"], [[1.0, 0], [1.0, 1], [0, 1.0], [0.1, 2.0]])
    (tmp_path / "q.txt").write_text(": letters\na b c d\n")
    (tmp_path / "p.txt").write_text("a\tb\t9\na\tc\t1\nb\tc\t5\n")
    analogies, pairs = firth.evaluate_analogies(words, tmp_path / "q.txt"), firth.evaluate_word_pairs(
        words, tmp_path / "p.txt"
    )  # fmt: skip
    assert repr(analogies) == "AnalogyScore(accuracy=1.0000, semantic=1.0000, n_answered=1, n_questions=1)"
    assert repr(pairs).startswith("PairScore(spearman=0.8660, pearson=")
    for score, text in ((analogies, "letters"), (pairs, "Spearman")):
        html: Any = score
        assert text in html._repr_html_()
