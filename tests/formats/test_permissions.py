"""Replaced files keep mode and owner; kills leave marked folders, which the next write deletes; nothing else is."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.base import locks, owned, replace
from firth.errors import StorageError
from firth.formats.model_folder import read_config, read_model_folder, write_model_folder
from firth.formats.registry import convert, write_vectors
from firth.formats.table import VectorTable

TABLE = VectorTable(["a", "b"], np.ones((2, 3), np.float32), np.array([2, 1]))
TRAINED = {"training": {"dims": 3}, "history": {}}


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def write(folder: Path, seed: int = 0, **config: Any) -> Path:
    """A model folder; returns its tensor file."""
    tensors = {"input_vectors": np.full((2, 3), seed, np.float32)}
    write_model_folder(folder, tensors, config, overwrite=True)
    return folder / read_config(folder)["tensors"]["file"]


@pytest.mark.parametrize("name", ["v.txt", "v.bin", "v.npz", "v.tsv", "v.txt.gz"])
def test_a_file_that_is_replaced_keeps_its_mode(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write_vectors(path, TABLE)
    umask = os.umask(0)
    os.umask(umask)
    assert {mode(entry) for entry in tmp_path.iterdir()} == {0o666 & ~umask}
    for wanted in (0o600, 0o640, 0o666):
        for entry in tmp_path.iterdir():
            entry.chmod(wanted)
        write_vectors(path, TABLE, overwrite=True)
        assert {mode(entry) for entry in tmp_path.iterdir()} == {wanted}


def test_a_model_folder_that_is_replaced_keeps_its_modes(tmp_path: Path) -> None:
    write(tmp_path).chmod(0o600)
    (tmp_path / "config.json").chmod(0o640)
    assert mode(write(tmp_path, 1)) == 0o600
    assert mode(tmp_path / "config.json") == 0o640


def test_new_vectors_are_never_open_to_more_than_the_old_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path).chmod(0o600)
    seen = []
    fsync = os.fsync

    def look(descriptor: int) -> None:
        seen.append((os.readlink(f"/proc/self/fd/{descriptor}"), os.fstat(descriptor).st_mode & 0o777))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    write(tmp_path, 1)
    assert [found for path, found in seen if ".model-" in path] == [0o600]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_root_keeps_the_owner(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    write_vectors(path, TABLE)
    os.chown(path, 1234, 2345)
    path.chmod(0o640)
    write_vectors(path, TABLE, overwrite=True)
    assert (path.stat().st_uid, path.stat().st_gid, mode(path)) == (1234, 2345, 0o640)


def test_a_group_that_cannot_be_kept_may_do_what_everybody_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "v.txt"
    write_vectors(path, TABLE)
    path.chmod(0o664)
    stat = os.stat

    def of_another_group(place: Any, **options: Any) -> Any:
        found = stat(place, **options)
        if Path(place) != path:
            return found
        return os.stat_result([*found[:5], found.st_gid + 1, *found[6:10]])

    def refused(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(replace.os, "stat", of_another_group)
    monkeypatch.setattr(replace.os, "fchown", refused)
    write_vectors(path, TABLE, overwrite=True)
    monkeypatch.undo()
    assert mode(path) == 0o644


def test_devices_and_pipes_are_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "link.txt").symlink_to("/dev/null")
    for name in ("pipe.txt", "link.txt"):
        with pytest.raises(StorageError, match="must be a regular file, got a pipe or a device"):
            write_vectors(tmp_path / name, TABLE, overwrite=True)
    assert names(tmp_path) == ["link.txt", "pipe.txt"]


# ---- tensors and leftovers of a model folder


def test_overwriting_deletes_no_tensors_that_firth_did_not_write(tmp_path: Path) -> None:
    outside = tmp_path / "outside.safetensors"
    write(tmp_path / "other", 7).rename(outside)
    folder = tmp_path / "m"
    write(folder)
    mine = {
        "model-0123456789abcdef.safetensors": b"my vectors",
        "model-aaaaaaaaaaaaaaaa.safetensors": (2).to_bytes(8, "little") + b"{}",
        "model-bbbbbbbbbbbbbbbb.safetensors": b"",
        ".model-0123456789ab.tmp": b"my notes",
        ".config-0123456789ab.tmp": b'{"mine": 1}',
    }
    for name, data in mine.items():
        (folder / name).write_bytes(data)
    (folder / "model-cccccccccccccccc.safetensors").symlink_to(outside)
    (folder / "model-dddddddddddddddd.safetensors").mkdir()
    os.mkfifo(folder / "model-eeeeeeeeeeeeeeee.safetensors")
    before = outside.read_bytes()
    tensors = write(folder, 1)
    assert {name: (folder / name).read_bytes() for name in mine} == mine
    assert (folder / "model-cccccccccccccccc.safetensors").is_symlink()
    assert outside.read_bytes() == before
    assert set(names(folder)) == {
        *mine, "config.json", tensors.name,
        *(f"model-{letter * 16}.safetensors" for letter in "cde"),
    }  # fmt: skip


def test_what_a_killed_save_left_is_deleted_by_the_next(tmp_path: Path) -> None:
    """Tensors that nothing names, and half-written files, told by their first bytes."""
    folder = tmp_path / "m"
    unnamed = write(tmp_path / "other", 7)
    write(folder)
    unnamed.rename(folder / unnamed.name)
    half = (folder / unnamed.name).read_bytes()[:-5]
    (folder / ".model-0123456789ab.tmp").write_bytes(half)
    (folder / ".model-aaaaaaaaaaaa.tmp").write_bytes(b"")
    (folder / ".config-0123456789ab.tmp").write_bytes((folder / "config.json").read_bytes()[:40])
    tensors = write(folder, 1)
    assert names(folder) == ["config.json", tensors.name]


# ---- a record is not destroyed


def test_a_model_is_not_converted_onto_itself(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    packed = np.frombuffer(b"ab", np.uint8)
    tensors = {
        "input_vectors": np.ones((2, 3), np.float32),
        "output_vectors": np.ones((2, 3), np.float32),
        "words": packed,
        "word_offsets": np.array([0, 1, 2]),
    }
    write_model_folder(folder, tensors, TRAINED)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (tmp_path / "link").symlink_to("m")
    write_vectors(tmp_path / "v.txt", TABLE)
    refused: list[Callable[[], object]] = [
        lambda: convert(folder, folder, overwrite=True),
        lambda: convert(folder, folder, overwrite=True, limit=1, storage="float16"),
        lambda: convert(tmp_path / "link", folder, overwrite=True),
        lambda: convert(folder, tmp_path / "link", overwrite=True),
        lambda: convert(tmp_path / "v.txt", folder, overwrite=True),
        lambda: write_vectors(folder, TABLE, overwrite=True),
        lambda: write_model_folder(folder, tensors, {"kind": "text-classifier"}, overwrite=True),
    ]
    for call in refused:
        with pytest.raises(StorageError, match="holds a trained model with .*its training record, which .* destroy"):
            call()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    write_model_folder(folder, tensors, {**TRAINED, "seed": 2}, overwrite=True)  # its like replaces it
    convert(folder, tmp_path / "vectors")
    convert(tmp_path / "vectors", tmp_path / "vectors", overwrite=True, storage="float16")
    assert read_model_folder(tmp_path / "vectors")[0]["kind"] == "vectors"


# ---- leftovers of killed writes

KILLED = """
import os, signal, sys
import numpy as np
from firth.formats.target import whole_file
with whole_file(__import__("pathlib").Path(sys.argv[1]), overwrite=True) as file:
    file.write(b"half of it")
    if sys.argv[2] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    print("writing", flush=True)
    sys.stdin.read()
"""


def start(path: Path, what: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", KILLED, str(path), what]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_what_a_killed_write_left_is_deleted_by_the_next_and_a_live_one_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    write_vectors(path, TABLE)
    before = path.read_bytes()
    killed = start(path, "kill")
    killed.communicate(timeout=30)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    (left,) = (entry for entry in tmp_path.iterdir() if entry != path)
    assert owned.read_mark(left) is not None
    (mine := tmp_path / ".mine.0123456789ab.tmp").mkdir()
    (mine / "thesis.tex").write_text("mine")
    (copied := tmp_path / ".copy.0123456789ab.tmp").mkdir()  # a copy of the mark makes no folder firth's
    (copied / "firth-work.json").write_bytes((left / "firth-work.json").read_bytes())
    (linked := tmp_path / ".link.0123456789ab.tmp").symlink_to(left.name)
    alive = start(tmp_path / "w.txt", "wait")
    assert alive.stdout is not None
    assert alive.stdout.readline() == b"writing\n"
    (living,) = tmp_path.glob(".w.txt.*.tmp")
    write_vectors(tmp_path / "other.txt", TABLE)
    assert not left.exists()
    assert linked.is_symlink()
    assert (mine / "thesis.tex").read_text() == "mine"
    assert copied.exists()
    assert living.exists()
    alive.communicate(b"", timeout=30)
    assert (tmp_path / "w.txt").read_bytes() == b"half of it"
    assert not living.exists()


def test_a_folder_of_another_machine_or_user_is_left_alone(tmp_path: Path) -> None:
    folder = owned.OwnedFolder(tmp_path / ".v.0123456789ab.tmp", "to write v")
    (leftover,) = owned.find_leftovers(tmp_path, owned.TEMPORARY_NAME)
    assert leftover.kept_because == f"process {os.getpid()} is at work in it"
    folder.unlock()
    (leftover,) = owned.find_leftovers(tmp_path, owned.TEMPORARY_NAME)
    assert leftover.kept_because == f"process {os.getpid()}, which made it, has not ended"
    mark = folder.path / "firth-work.json"
    record = json.loads(mark.read_text())
    mark.write_text(json.dumps({**record, "boot": "another"}))
    (leftover,) = owned.find_leftovers(tmp_path, owned.TEMPORARY_NAME)
    assert leftover.kept_because is None, "the machine was started since"
    mark.write_text(json.dumps({**record, "process_space": "another"}))
    (leftover,) = owned.find_leftovers(tmp_path, owned.TEMPORARY_NAME)
    assert leftover.kept_because is None, "the process cannot be seen from here, but its lock is free"
    mark.write_text(json.dumps({**record, "host": "elsewhere", "boot": "another"}))
    (leftover,) = owned.find_leftovers(tmp_path, owned.TEMPORARY_NAME)
    assert leftover.kept_because is not None
    assert "made on the machine elsewhere" in leftover.kept_because
    for text in ("", "[]", "{", json.dumps({**record, "pid": "1"}), json.dumps({**record, "format": "other"})):
        mark.write_text(text)
        assert list(owned.find_leftovers(tmp_path, owned.TEMPORARY_NAME)) == []
    folder.remove()


def test_without_locks_a_process_is_told_by_number_and_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    with owned.OwnedFolder(tmp_path / ".v.0123456789ab.tmp", "to write v") as folder:
        folder.unlock()  # what others see where there are no locks
        monkeypatch.setattr(locks.fcntl, "flock", refuse)
        (leftover,) = owned.find_leftovers(tmp_path, owned.TEMPORARY_NAME)
        assert leftover.kept_because == f"process {os.getpid()}, which made it, has not ended"
        mark = folder.path / "firth-work.json"
        record = json.loads(mark.read_text())
        mark.write_text(json.dumps({**record, "process_space": "another"}))
        (leftover,) = owned.find_leftovers(tmp_path, owned.TEMPORARY_NAME)
        assert leftover.kept_because is not None
        assert "the file system has no locks" in leftover.kept_because
        mark.write_text(json.dumps({**record, "started": "1"}))  # the number went to another process since
        (leftover,) = owned.find_leftovers(tmp_path, owned.TEMPORARY_NAME)
        assert leftover.kept_because is None


def test_a_folder_of_a_process_killed_before_the_mark_goes_once_it_is_old(tmp_path: Path) -> None:
    for number, content in enumerate((None, "", "mine")):
        folder = tmp_path / f".v.00000000000{number}.tmp"
        folder.mkdir()
        if content is not None:
            (folder / "firth-work.json").write_text(content)
    write_vectors(tmp_path / "v.txt", TABLE)
    assert len(names(tmp_path)) == 4, "another process may be about to write its mark"
    for folder in tmp_path.glob(".v.*"):
        os.utime(folder, (0, 0))
    write_vectors(tmp_path / "w.txt", TABLE)
    assert names(tmp_path) == [".v.000000000002.tmp", "v.txt", "w.txt"]
