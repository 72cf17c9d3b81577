"""Every format that firth writes, from the registry: what is written is read back, bit by bit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from firth.base.words import pack_words, unpack_words
from firth.errors import FormatError, ParameterError, StorageError
from firth.formats import registry
from firth.formats.registry import convert, format_for_writing, guess_format, read_vectors, write_vectors
from firth.formats.table import VectorTable

SUFFIXES = {
    "firth": "",
    "npz": ".npz",
    "fasttext-vec": ".vec",
    "word2vec": ".txt",
    "word2vec-binary": ".bin",
    "projector": ".tsv",
    "glove": ".glove",
}
HAS_COUNTS = {"firth", "npz", "projector"}
STREAMS = [name for name in SUFFIXES if name not in ("firth", "npz")]


def same(left: VectorTable, right: VectorTable) -> bool:
    return left.words == right.words and left.matrix.tobytes() == np.asarray(right.matrix).tobytes()


def test_the_table_above_names_every_format_that_is_written() -> None:
    # fastText's .bin is written where a table has n-grams, or by name: test_subwords.py.
    assert set(SUFFIXES) | {"fasttext-bin"} == set(registry.WRITABLE)
    assert set(registry.WRITABLE) < set(registry.READABLE)


@pytest.mark.parametrize("name", SUFFIXES)
def test_round_trip_by_name_and_by_content(name: str, table: VectorTable, tmp_path: Path) -> None:
    path = tmp_path / f"model{SUFFIXES[name]}"
    assert format_for_writing(path) == name
    write_vectors(path, table)
    assert guess_format(path) == name
    for found in (read_vectors(path), read_vectors(path, name, threads=1)):
        assert same(table, found)
        assert (found.counts is not None) == (name in HAS_COUNTS)
        if found.counts is not None and table.counts is not None:
            assert found.counts.tolist() == table.counts.tolist()
    first = read_vectors(path, limit=3)
    assert first.words == table.words[:3]
    assert np.array_equal(first.matrix, table.matrix[:3])
    assert not [entry.name for entry in tmp_path.iterdir() if entry.name.endswith(".tmp")]


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
@pytest.mark.parametrize("name", STREAMS)
def test_round_trip_compressed(name: str, suffix: str, table: VectorTable, tmp_path: Path) -> None:
    if suffix == ".zst":
        pytest.importorskip("zstandard")
    path = tmp_path / f"model{SUFFIXES[name]}{suffix}"
    write_vectors(path, table)
    assert same(table, read_vectors(path))
    assert read_vectors(path, limit=2).words == table.words[:2]
    again = tmp_path / f"again{SUFFIXES[name]}{suffix}"
    write_vectors(again, table)
    assert path.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("name", SUFFIXES)
def test_round_trip_of_more_than_a_block(name: str, tmp_path: Path) -> None:
    """Several blocks in flight, on several threads, compressed and not."""
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(30_000, 60)).astype(np.float32)
    table = VectorTable([f"wört{i}" for i in range(len(matrix))], matrix)
    path = tmp_path / f"model{SUFFIXES[name]}"
    for threads in (1, 3):
        write_vectors(path, table, overwrite=True, threads=threads)
        assert same(table, read_vectors(path, threads=threads))
    if name in ("word2vec", "word2vec-binary"):
        packed = tmp_path / f"model{SUFFIXES[name]}.gz"
        write_vectors(packed, VectorTable(table.words[:9000], matrix[:9000]))
        assert same(VectorTable(table.words[:9000], matrix[:9000]), read_vectors(packed))


@pytest.mark.parametrize("name", SUFFIXES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_round_trip_of_anything(name: str, data: st.DataObject, tmp_path: Path) -> None:
    letters = st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"])
    words = data.draw(st.lists(st.text(letters, min_size=1, max_size=8), min_size=1, max_size=12, unique=True))
    words = [word for word in words if word != "\ufeff" and not word.startswith("\ufeff")] or ["a"]
    floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
    n_dims = data.draw(st.integers(1 if name != "glove" else 2, 6))
    matrix = data.draw(npst.arrays(np.float32, (len(words), n_dims), elements=floats))
    path = tmp_path / f"model{SUFFIXES[name]}"
    table = VectorTable(words, matrix)
    write_vectors(path, table, name, overwrite=True)
    assert same(table, read_vectors(path, name))


@pytest.mark.parametrize("name", SUFFIXES)
def test_nothing_is_replaced_unasked_and_nothing_is_left_half(name: str, table: VectorTable, tmp_path: Path) -> None:
    path = tmp_path / f"model{SUFFIXES[name]}"
    write_vectors(path, table)
    with pytest.raises(StorageError, match="overwrite"):
        write_vectors(path, table)
    bad = VectorTable(["a", "b"], np.array([[1, 2], [np.nan, 4]], dtype=np.float32))
    before = sorted(entry.name for entry in tmp_path.iterdir())
    if name != "firth":
        with pytest.raises(FormatError, match="row 2: .*NaN"):
            write_vectors(path, bad, overwrite=True)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == before
    assert same(table, read_vectors(path))
    smaller = VectorTable(table.words[:2], table.matrix[:2])
    write_vectors(path, smaller, overwrite=True)
    assert same(smaller, read_vectors(path))


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("word2vec", "new york"),
        ("word2vec", "tab\there"),
        ("word2vec-binary", "new york"),
        ("word2vec-binary", "line\nbreak"),
        ("fasttext-vec", "new york"),
        ("glove", "area 51"),
        ("glove", " leading"),
        ("projector", "tab\there"),
        ("npz", "nul\0"),
        ("word2vec", ""),
        ("word2vec", "\ud800"),
        ("word2vec", "é" * 40_000),
    ],
)
def test_words_that_a_format_cannot_hold_are_refused_by_row(name: str, word: str, tmp_path: Path) -> None:
    table = VectorTable(["fine", word], np.ones((2, 3), dtype=np.float32))
    with pytest.raises(FormatError, match="row 2"):
        write_vectors(tmp_path / "model", table, name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["glove", "projector", "npz", "firth"])
def test_words_with_spaces_where_the_format_has_room_for_them(name: str, tmp_path: Path) -> None:
    table = VectorTable(["new york", ". . .", "at name@domain.com"], np.eye(3, 4, dtype=np.float32))
    path = tmp_path / f"model{SUFFIXES[name]}"
    write_vectors(path, table, name)
    assert same(table, read_vectors(path, name))


def test_long_words_in_npz_do_not_take_room_for_all(tmp_path: Path) -> None:
    words = ["x" * 10_000] + [f"w{i}" for i in range(2000)]
    table = VectorTable(words, np.ones((len(words), 2), dtype=np.float32))
    write_vectors(tmp_path / "model.npz", table)
    assert (tmp_path / "model.npz").stat().st_size < 100_000
    assert same(table, read_vectors(tmp_path / "model.npz"))
    assert same(VectorTable(words[:3], table.matrix[:3]), read_vectors(tmp_path / "model.npz", limit=3))


def test_npz_is_plain_numpy(table: VectorTable, tmp_path: Path) -> None:
    write_vectors(tmp_path / "model.npz", table)
    with np.load(tmp_path / "model.npz", allow_pickle=False) as arrays:
        assert arrays["words"].tolist() == table.words
        assert np.array_equal(arrays["vectors"], table.matrix)
    np.savez_compressed(tmp_path / "other.npz", vocab=np.array([b"a", "é".encode()]), matrix=np.eye(2, order="F"))
    found = read_vectors(tmp_path / "other.npz")
    assert found.words == ["a", "é"]
    assert np.array_equal(found.matrix, np.eye(2))


def test_convert_checks_the_destination_before_it_reads(table: VectorTable, tmp_path: Path) -> None:
    write_vectors(tmp_path / "model.txt", table)
    (tmp_path / "taken.bin").write_bytes(b"mine")
    with pytest.raises(StorageError, match="taken.bin exists"):
        convert(tmp_path / "missing.txt", tmp_path / "taken.bin")
    with pytest.raises(ParameterError, match="float16"):  # the largest float32 does not fit
        convert(tmp_path / "model.txt", tmp_path / "out", storage="float16")
    convert(tmp_path / "model.txt", tmp_path / "taken.bin", overwrite=True, limit=4)
    assert same(VectorTable(table.words[:4], table.matrix[:4]), read_vectors(tmp_path / "taken.bin"))


def test_parameters_are_refused_by_name(table: VectorTable, tmp_path: Path) -> None:
    path = tmp_path / "model.txt"
    write_vectors(path, table)
    for wrong in (
        {"format": "word3vec"},
        {"duplicates": "last"},
        {"encoding_errors": "ignore"},
        {"encoding": "utf-16"},
        {"encoding": "klingon"},
        {"limit": 0},
        {"threads": 0},
    ):
        (name,) = wrong
        with pytest.raises(ParameterError, match=f"^{name} must"):
            read_vectors(path, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="^format must be one that firth writes"):
        write_vectors(tmp_path / "x", table, "gensim")
    with pytest.raises(ParameterError, match=r"^path must end in one of"):
        write_vectors(tmp_path / "x.docx", table)
    with pytest.raises(ParameterError, match="^path must have a suffix before .gz"):
        write_vectors(tmp_path / "x.gz", table)
    with pytest.raises(ParameterError, match="^storage must be 'float32' for the format 'word2vec'"):
        write_vectors(tmp_path / "x.txt", table, storage="float16")
    with pytest.raises(ParameterError, match="^table must have at least one word"):
        write_vectors(tmp_path / "x.txt", VectorTable([], np.empty((0, 3), dtype=np.float32)))


def test_paths_that_are_no_files(table: VectorTable, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="does not exist"):
        read_vectors(tmp_path / "missing.txt")
    with pytest.raises(StorageError, match="no config.json"):
        read_vectors(tmp_path)
    with pytest.raises(StorageError, match="must be a file, got a folder"):
        read_vectors(tmp_path, "word2vec")
    with pytest.raises(StorageError, match="folder .* does not exist"):
        write_vectors(tmp_path / "no" / "model.txt", table)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match="a pipe or a device"):
        read_vectors(tmp_path / "pipe")
    (tmp_path / "empty.txt").write_bytes(b"")
    with pytest.raises(FormatError, match="empty"):
        read_vectors(tmp_path / "empty.txt")


def test_a_link_keeps_pointing_at_the_file_that_is_replaced(table: VectorTable, tmp_path: Path) -> None:
    write_vectors(tmp_path / "real.txt", table)
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    write_vectors(tmp_path / "link.txt", VectorTable(["a"], np.ones((1, 2), dtype=np.float32)), overwrite=True)
    assert (tmp_path / "link.txt").is_symlink()
    assert read_vectors(tmp_path / "real.txt").words == ["a"]


def test_words_packed_and_unpacked() -> None:
    words = ["", "a\nb", "ü", "日本", ""]
    packed, offsets = pack_words(words)
    assert unpack_words(packed, offsets) == words
    assert unpack_words(*pack_words(["a", "bc"])) == ["a", "bc"]
    with pytest.raises(ValueError, match="offsets"):
        unpack_words(packed, offsets[:-2])
    with pytest.raises(ValueError, match="offsets"):
        unpack_words(packed, np.array([0, 5, 3, len(packed)], dtype=np.int64))
