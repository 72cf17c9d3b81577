"""The model folder: other programs read it, a save that dies leaves the old model whole, damage is named."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from firth.base.words import pack_words
from firth.errors import FormatError, ParameterError, ShapeError, StorageError
from firth.formats import model_folder, target
from firth.formats.model_folder import read_config, read_model_folder, write_model_folder
from firth.formats.model_vectors import words_of
from firth.formats.registry import read_vectors, write_vectors
from firth.formats.table import VectorTable


def tensors(seed: int = 0, n_words: int = 5) -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    packed, offsets = pack_words([f"wört{seed}-{i}" for i in range(n_words)])
    return {
        "input_vectors": rng.normal(size=(n_words, 3)).astype(np.float32),
        "output_vectors": rng.normal(size=(n_words, 3)).astype(np.float32),
        "counts": np.arange(n_words, dtype=np.int64),
        "words": packed,
        "word_offsets": offsets,
    }


def files(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_round_trip_and_the_reference_implementation_agree(tmp_path: Path) -> None:
    written = tensors()
    write_model_folder(tmp_path / "m", written, {"seed": 1, "name": "ü"})
    config, found = read_model_folder(tmp_path / "m")
    assert config == {"seed": 1, "name": "ü"}
    entry = read_config(tmp_path / "m")["tensors"]
    path = tmp_path / "m" / entry["file"]
    reference = safetensors.numpy.load_file(path)
    assert set(found) == set(written) == set(reference)
    for name, tensor in written.items():
        assert isinstance(found[name], np.memmap)
        assert not found[name].flags.writeable
        assert found[name].flags.aligned
        assert found[name].dtype == tensor.dtype
        assert np.array_equal(found[name], tensor)
        assert np.array_equal(reference[name], tensor)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
    assert path.stat().st_size == entry["bytes"]
    assert words_of(found, tmp_path) == [f"wört0-{i}" for i in range(5)]


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_model_folder(tmp_path / name, tensors(), {})
    assert files(tmp_path / "a") == files(tmp_path / "b")
    for name in files(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_file_of_the_reference_implementation_is_read(tmp_path: Path) -> None:
    written = tensors(3)
    safetensors.numpy.save_file(written, tmp_path / "t", metadata={"made": "elsewhere"})
    data = (tmp_path / "t").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    name = f"model-{digest[:16]}.safetensors"
    os.rename(tmp_path / "t", tmp_path / name)
    whole = {"format": "firth-model", "format_version": 1}
    whole["tensors"] = {"file": name, "bytes": len(data), "sha256": digest}  # type: ignore[assignment]
    (tmp_path / "config.json").write_text(json.dumps(whole))
    _, found = read_model_folder(tmp_path)
    for name, tensor in written.items():
        assert np.array_equal(found[name], tensor)


def test_word_ids_and_empty_tensors(tmp_path: Path) -> None:
    word_ids = np.array([7, -3], dtype=np.int64)
    write_model_folder(tmp_path / "m", {"word_ids": word_ids, "none": np.empty((0, 4), dtype=np.float32)}, {})
    _, found = read_model_folder(tmp_path / "m")
    assert np.array_equal(words_of(found, tmp_path), word_ids)
    assert found["none"].shape == (0, 4)


def test_views_that_are_not_contiguous_are_refused(tmp_path: Path) -> None:
    matrix = np.arange(12, dtype=np.float32).reshape(3, 4)
    for view in (matrix.T, matrix[:, ::2], matrix[::-1]):
        with pytest.raises(ShapeError, match="'input_vectors' must be C-contiguous"):
            write_model_folder(tmp_path / "m", {"input_vectors": view}, {})
    assert not (tmp_path / "m").exists()


def test_float16(tmp_path: Path) -> None:
    written = tensors()
    write_model_folder(tmp_path / "m", written, {}, storage="float16")
    _, found = read_model_folder(tmp_path / "m")
    assert found["input_vectors"].dtype == np.float16
    assert found["counts"].dtype == np.int64
    np.testing.assert_allclose(found["input_vectors"], written["input_vectors"], rtol=2**-11)
    written["output_vectors"][2, 1] = 7e4
    with pytest.raises(ParameterError, match="output_vectors must lie within ±65504"):
        write_model_folder(tmp_path / "m", written, {}, True, storage="float16")
    assert read_model_folder(tmp_path / "m")[1]["counts"].tolist() == list(range(5))


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="'tensors'"):
        write_model_folder(tmp_path / "m", {}, {"tensors": 1})
    with pytest.raises(ParameterError, match="JSON"):
        write_model_folder(tmp_path / "m", {}, {"x": float("nan")})
    with pytest.raises(ParameterError, match="complex128"):
        write_model_folder(tmp_path / "m", {"x": np.zeros(2, dtype=complex)}, {})
    with pytest.raises(ParameterError, match="__metadata__"):
        write_model_folder(tmp_path / "m", {"__metadata__": np.zeros(2)}, {})
    with pytest.raises(ParameterError, match="storage"):
        write_model_folder(tmp_path / "m", {"x": np.zeros(2)}, {}, storage="int8")
    assert not (tmp_path / "m").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="must be a folder"):
        write_model_folder(tmp_path / "file", {}, {})


def test_folders_that_are_taken(tmp_path: Path) -> None:
    (tmp_path / ".work").mkdir()
    write_model_folder(tmp_path, tensors(), {})  # hidden entries alone are no obstacle
    with pytest.raises(StorageError, match="holds a model"):
        write_model_folder(tmp_path, tensors(1), {})
    (tmp_path / "notes.txt").write_text("mine")
    write_model_folder(tmp_path, tensors(1), {}, overwrite=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len([name for name in files(tmp_path) if name.startswith("model-")]) == 1
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("mine")
    with pytest.raises(StorageError, match=r"not empty \(it holds 'thesis.tex'\)"):
        write_model_folder(other, tensors(), {})
    (other / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(StorageError, match="was not written by firth"):
        write_model_folder(other, tensors(), {}, overwrite=True)
    assert (other / "config.json").read_text() == '{"model_type": "bert"}'


@pytest.mark.parametrize("module", [model_folder, target])
@pytest.mark.parametrize("call", ["replace", "fsync", "open"])
@pytest.mark.parametrize("after", range(4))
def test_a_save_that_fails_anywhere_leaves_the_old_model(
    module: Any, call: str, after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each system call of the save fails in turn: the model is the old or the new one, whole, and a retry works."""
    write_model_folder(tmp_path, tensors(0), {"seed": 0})
    real = getattr(os, call)
    calls = 0

    class Failing:
        def __getattr__(self, name: str) -> Any:
            return fail if name == call else getattr(os, name)

    def fail(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == after + 1:
            raise OSError(28, "No space left on device")
        return real(*arguments, **named)

    monkeypatch.setattr(module, "os", Failing())
    message = ""
    try:
        write_model_folder(tmp_path, tensors(1), {"seed": 1}, overwrite=True)
    except StorageError as error:
        message = str(error)
    monkeypatch.undo()
    assert not message or "the disk is full" in message
    config, found = read_model_folder(tmp_path, verify=True)
    assert config["seed"] in ((0, 1) if message else (1,))
    assert np.array_equal(found["input_vectors"], tensors(config["seed"])["input_vectors"])
    assert not [name for name in files(tmp_path) if name.endswith(".tmp")]
    write_model_folder(tmp_path, tensors(2), {"seed": 2}, overwrite=True)
    assert len(files(tmp_path)) == 2


def test_a_save_that_is_killed_leaves_a_whole_model(tmp_path: Path) -> None:
    """kill -9 at random moments of a process that saves over and over."""
    write_model_folder(tmp_path, tensors(0, 2000), {"seed": 0})
    code = (
        "import sys, itertools\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_model_folder import tensors, write_model_folder\n"
        "print('ready', flush=True)\n"
        "for seed in itertools.count(1):\n"
        "    write_model_folder(sys.argv[1], tensors(seed % 50, 2000), {'seed': seed % 50}, overwrite=True)\n"
    )
    rng = np.random.default_rng(0)
    for _ in range(4):
        saver = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
        assert saver.stdout is not None
        assert saver.stdout.readline() == b"ready\n"
        time.sleep(float(rng.uniform(0.05, 0.2)))
        saver.send_signal(signal.SIGKILL)
        saver.wait()
        saver.stdout.close()
        config, found = read_model_folder(tmp_path, verify=True)
        assert np.array_equal(found["input_vectors"], tensors(config["seed"], 2000)["input_vectors"])
    write_model_folder(tmp_path, tensors(1), {"seed": 1}, overwrite=True)
    assert len(files(tmp_path)) == 2  # what the killed saves left is gone


def test_two_savers_exclude_each_other(tmp_path: Path) -> None:
    write_model_folder(tmp_path, tensors(0), {})
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(StorageError, match="another process"):
            write_model_folder(tmp_path, tensors(1), {}, overwrite=True)
    finally:
        os.close(descriptor)


def test_too_little_space_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Small:
        f_bavail, f_frsize = 10, 512

    monkeypatch.setattr(model_folder.os, "statvfs", lambda _: Small)
    with pytest.raises(StorageError, match="0 MiB free, the model needs 1 MiB"):
        write_model_folder(tmp_path, tensors(), {})
    assert files(tmp_path) == []


def test_an_open_model_outlives_its_replacement(tmp_path: Path) -> None:
    write_model_folder(tmp_path, tensors(0), {})
    _, found = read_model_folder(tmp_path)
    write_model_folder(tmp_path, tensors(1), {}, overwrite=True)
    assert np.array_equal(found["input_vectors"], tensors(0)["input_vectors"])


def test_look_ups_read_rows_not_the_matrix(tmp_path: Path) -> None:
    """RssFile grows by what is looked at (Linux says so in /proc)."""
    if not Path("/proc/self/status").exists():
        pytest.skip("resident file pages are read from /proc, which this system lacks")
    n_words = 40_000
    big = {"input_vectors": np.ones((n_words, 300), dtype=np.float32)}
    write_model_folder(tmp_path, big, {})

    def resident() -> int:
        line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssFile"))
        return int(line.split()[1]) << 10

    before = resident()
    _, found = read_model_folder(tmp_path)
    assert float(found["input_vectors"][1234, 5]) == 1.0
    assert resident() - before < 4 << 20


def rewrite(folder: Path, data: bytes, **changes: Any) -> None:
    """Put other bytes in place of the tensors, under a config that fits them but for ``changes``."""
    for name in files(folder):
        if name.startswith("model-"):
            (folder / name).unlink()
    digest = hashlib.sha256(data).hexdigest()
    name = f"model-{digest[:16]}.safetensors"
    (folder / name).write_bytes(data)
    whole = {"format": "firth-model", "format_version": 1}
    whole["tensors"] = {"file": name, "bytes": len(data), "sha256": digest}  # type: ignore[assignment]
    (folder / "config.json").write_text(json.dumps({**whole, **changes}))


def header(entries: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


F = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
BAD_TENSORS = {
    "header beyond the file": (header({"a": F}, bytes(4), length=1 << 40), "does not fit"),
    "header larger than any": (header({"a": F}, bytes(4), length=1 << 62), "does not fit"),
    "no JSON": (header(b"{'a': 1}"), "no valid JSON"),
    "not UTF-8": (header(b'{"\xff": 1}'), "no valid JSON"),
    "an array": (header([1]), "must be an object"),
    "deeply nested": (header(b"[" * 100_000), "no valid JSON"),
    "key twice": (header(b'{"a": 1, "a": 1}'), "stands twice"),
    "NaN": (header(b'{"a": NaN}'), "NaN is no JSON"),
    "no shape": (header({"a": {"dtype": "F32"}}), "must have dtype, shape and data_offsets"),
    "unknown type": (header({"a": {**F, "dtype": "F4"}}, bytes(4)), "dtype 'F4'"),
    "negative shape": (header({"a": {**F, "shape": [-1]}}, bytes(4)), "whole numbers"),
    "fractional shape": (header({"a": {**F, "shape": [1.0]}}, bytes(4)), "whole numbers"),
    "true as a size": (header({"a": {**F, "shape": [True]}}, bytes(4)), "whole numbers"),
    "overflowing shape": (header({"a": {**F, "shape": [1 << 40, 1 << 40]}}, bytes(4)), "do not give them"),
    "offsets backwards": (header({"a": {**F, "data_offsets": [4, 0]}}, bytes(4)), "do not give them"),
    "beyond the data": (header({"a": {**F, "shape": [2], "data_offsets": [0, 8]}}, bytes(4)), "do not give them"),
    "a gap": (header({"a": {**F, "data_offsets": [4, 8]}}, bytes(8)), "starts at byte 4"),
    "an overlap": (header({"a": F, "b": F}, bytes(4)), "starts at byte 0"),
    "bytes behind": (header({"a": F}, bytes(5)), "1 bytes follow"),
}


@pytest.mark.parametrize("case", BAD_TENSORS)
def test_tensors_that_are_wrong(case: str, tmp_path: Path) -> None:
    data, message = BAD_TENSORS[case]
    rewrite(tmp_path, data)
    with pytest.raises(FormatError, match=message):
        read_model_folder(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "'firth-model', got 'other'"),
        ({"format_version": 2}, "newer firth"),
        ({"format_version": "1"}, "whole number"),
        ({"tensors": 3}, "must be an object"),
        ({"tensors": {"file": "../../etc/passwd", "bytes": 9, "sha256": "0" * 64}}, "tensors.file"),
        ({"tensors": {"file": f"model-{'0' * 16}.safetensors", "bytes": -1, "sha256": "0" * 64}}, "tensors.bytes"),
        ({"tensors": {"file": f"model-{'0' * 16}.safetensors", "bytes": 9, "sha256": "0"}}, "tensors.sha256"),
    ],
)
def test_configs_that_are_wrong(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    rewrite(tmp_path, header({"a": F}, bytes(4)), **changes)
    with pytest.raises(FormatError, match=message):
        read_model_folder(tmp_path)


def test_damage_is_found(tmp_path: Path) -> None:
    write_model_folder(tmp_path, tensors(), {})
    path = next(tmp_path.glob("model-*"))
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    with pytest.raises(FormatError, match="checksum"):
        read_model_folder(tmp_path)
    read_model_folder(tmp_path, verify=False)
    path.write_bytes(data[:-1])
    with pytest.raises(FormatError, match="it was cut or replaced"):
        read_model_folder(tmp_path, verify=False)
    path.unlink()
    with pytest.raises(StorageError, match="is missing"):
        read_model_folder(tmp_path)
    (tmp_path / "config.json").write_bytes(b'{"format": "firth-model"')
    with pytest.raises(FormatError, match="no valid JSON"):
        read_model_folder(tmp_path)


def test_words_that_do_not_fit(tmp_path: Path) -> None:
    good = tensors()
    for changes, message in (
        ({"words": good["words"][:-1].copy()}, "offsets must rise"),
        ({"word_offsets": good["word_offsets"][::-1].copy()}, "offsets must rise"),
        ({"words": np.full_like(good["words"], 0xFF)}, "words are damaged"),
        ({"words": good["counts"]}, "must have words of type uint8"),
        ({"word_ids": good["words"]}, "word_ids must be int64"),
    ):
        with pytest.raises(FormatError, match=message):
            words_of({**good, **changes}, tmp_path)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 1e39])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_numbers_that_are_not_finite_are_refused_behind_a_right_checksum(
    number: float, dtype: type, tmp_path: Path
) -> None:
    with np.errstate(over="ignore"):
        vectors = np.array([[1, 2], [3, number], [5, 6]]).astype(dtype)
    write_model_folder(tmp_path, {**tensors(n_words=3), "input_vectors": vectors}, {})
    with pytest.raises(FormatError, match="row 2: the vector must be finite, got a NaN or an infinity"):
        read_vectors(tmp_path)
    assert len(read_vectors(tmp_path, limit=1)) == 1


def test_vectors_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    table = VectorTable(["a", "b"], np.array([[1, 2], [3, np.nan]], dtype=np.float32))
    with pytest.raises(FormatError, match="row 2: the vector must be finite, got a NaN or an infinity"):
        write_vectors(tmp_path / "m", table)
    assert files(tmp_path) == []
