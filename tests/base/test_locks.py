"""Room tests/base: a folder's lock ends with the process that took it, whatever children that process has."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import firth
from firth.base.locks import FolderLock
from firth.errors import StorageError
from firth.training.run.workspace import Workspace

PACKAGE = str(Path(firth.__file__).parents[1])


def _is_locked(folder: Path) -> bool:
    try:
        FolderLock(folder).release()
    except BlockingIOError:
        return True
    return False


def test_one_at_a_time(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    assert _is_locked(tmp_path)
    lock.release()
    lock.release()
    assert not _is_locked(tmp_path)


def _wait(started: object, ended: object) -> None:
    started.set()  # type: ignore[attr-defined]
    ended.wait(60)  # type: ignore[attr-defined]


def test_a_forked_child_keeps_no_lock_and_its_parent_does(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    lock = FolderLock(tmp_path)
    started, ended = context.Event(), context.Event()
    child = context.Process(target=_wait, args=(started, ended))
    child.start()
    assert started.wait(60)
    assert _is_locked(tmp_path), "the parent's lock stands"
    lock.release()
    assert not _is_locked(tmp_path), "the child has none"
    ended.set()
    child.join(60)
    assert child.exitcode == 0


def test_a_forked_child_that_ends_leaves_the_parents_folder_alone(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "model", False)
    (workspace.folder / "kept").write_text("")
    child = os.fork()
    if child == 0:
        workspace.remove()
        workspace.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert (workspace.folder / "kept").exists()
    with pytest.raises(StorageError, match="another process is training into"):
        Workspace.create(tmp_path / "model", True)
    workspace.remove()


def test_a_run_can_go_on_while_a_child_of_the_killed_process_lives(tmp_path: Path) -> None:
    """A callback forks, as a library that starts workers would; then the run is killed, and the child lives on."""
    code = (
        "import os, sys, time, firth\n"
        "class Fork(firth.Callback):\n"
        "    def on_epoch_end(self, state):\n"
        "        child = os.fork()\n"
        "        if child == 0:\n"
        "            time.sleep(60)\n"
        "            os._exit(0)\n"
        "        print(child, flush=True)\n"
        "        time.sleep(60)\n"
        "lines = [['a', 'b', 'c']] * 2000\n"
        "firth.train(lines, output=sys.argv[1], epochs=3, dims=4, checkpoint_every='1words', callbacks=[Fork()],\n"
        "            progress=False)\n"
    )
    output = tmp_path / "model"
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, str(output)],
        env={**os.environ, "PYTHONPATH": PACKAGE},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        deadline = time.monotonic() + 30
        while not (output / ".work" / "checkpoint" / "config.json").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
        process.wait(60)
        try:
            os.kill(child, 0)  # it lives
            assert firth.resume(output, progress=False).history.stop_reason == "finished"
        finally:
            os.kill(child, 9)
