"""``firth clean``: lists and deletes what killed runs left, and nothing else; runs that could go on are kept."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

import firth
from firth.formats.model_folder import read_config

KILL = (
    "import os, signal, sys, firth\n"
    "class Kill(firth.Callback):\n"
    "    def on_epoch_end(self, state):\n"
    "        os.kill(os.getpid(), signal.SIGKILL)\n"
    "firth.train(sys.argv[1], output=sys.argv[2] or None, dims=8, threads=1, epochs=9, callbacks=[Kill()],\n"
    "            checkpoint_every=sys.argv[3] or None, progress=False)\n"
)


def kill_training(corpus_file: Path, output: str, every: str = "") -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(firth.__file__).parents[1])}
    command = [sys.executable, "-c", KILL, str(corpus_file), output, every]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_killed_run_is_listed_and_deleted(run: Any, corpus_file: Path) -> None:
    kill_training(corpus_file, "model")
    before = contents(Path("model"))
    n_bytes = sum(map(len, before.values()))
    done = run("clean", "model", "--dry-run", "--json")
    assert done.returncode == 0
    record = json.loads(done.stdout)
    assert record["dry_run"]
    (entry,) = record["found"]
    assert (entry["path"], entry["kind"], entry["bytes"]) == ("model/.work", "work-folder", n_bytes)
    assert not entry["deleted"]
    assert "to delete" in run("clean", "model", "--dry-run").stdout
    assert contents(Path("model")) == before
    done = run("clean", "model")
    assert done.returncode == 0
    assert "deleted" in done.stdout
    assert "kB" in done.stdout
    assert not list(Path("model").iterdir())
    assert run("clean", "model").stdout == "nothing was left behind\n"


def test_a_run_that_could_be_resumed_is_kept_until_asked(run: Any, corpus_file: Path) -> None:
    kill_training(corpus_file, "model", "1000words")
    before = contents(Path("model"))
    done = run("clean", "model")
    assert done.returncode == 0
    assert "`firth train --resume model` continues it; --unfinished-runs deletes it" in done.stdout
    assert contents(Path("model")) == before
    firth.resume("model", progress=False)
    kill_training(corpus_file, "other", "1000words")
    assert json.loads(run("clean", "other", "--unfinished-runs", "--json").stdout)["found"][0]["deleted"]
    assert not list(Path("other").iterdir())


def test_a_run_at_work_is_kept(run: Any, corpus_file: Path) -> None:
    kill_training(corpus_file, "model", "1000words")
    descriptor = os.open("model/.work", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        done = run("clean", "model", "--unfinished-runs")
    finally:
        os.close(descriptor)
    assert "a process is training in it" in done.stdout
    assert Path("model/.work/run.json").exists()


def test_what_firth_did_not_make_is_kept(run: Any, model: Path, tmp_path: Path) -> None:
    mine = Path("mine")
    (mine / ".work").mkdir(parents=True)
    (mine / ".work" / "thesis.tex").write_text("mine")
    (mine / "model-0123456789abcdef.safetensors").write_text("mine")
    (mine / ".vectors.txt.0123456789ab.tmp").write_text("mine")
    (mine / ".model-0123456789ab.tmp").write_text("mine")
    before = contents(mine)
    done = run("clean", mine, "--unfinished-runs")
    assert "it has no mark of firth" in done.stdout
    assert contents(mine) == before
    Path("link").mkdir()
    Path("link/.work").symlink_to(mine / ".work")
    assert "it is not a folder that firth made" in run("clean", "link", "--unfinished-runs").stdout
    assert contents(mine) == before
    (Path("empty") / ".work").mkdir(parents=True)
    run("clean", "empty")
    assert Path("empty/.work").exists()
    before = contents(model)
    assert run("clean", model).stdout == "nothing was left behind\n"
    assert contents(model) == before


def test_half_written_files_and_tensors_beside_a_model(run: Any, corpus_file: Path) -> None:
    for name, dims in (("model", 4), ("other", 5)):
        firth.train(corpus_file, output=name, dims=dims, epochs=1, progress=False)
    folder = Path("model")
    tensors = Path("other") / read_config(Path("other"))["tensors"]["file"]
    (folder / ".model-0123456789ab.tmp").write_bytes(tensors.read_bytes()[:-5])
    tensors.rename(folder / tensors.name)
    before = sorted(path.name for path in folder.iterdir())
    found = json.loads(run("clean", folder, "--json").stdout)["found"]
    assert sorted(entry["kind"] for entry in found) == ["half-written", "tensors"]
    assert len(before) - len(list(folder.iterdir())) == 2
    firth.load(folder)
    # without a config.json, whole tensors may be all that is left of a model
    (folder / "config.json").unlink()
    assert "so it may be the rest of a model" in run("clean", folder).stdout
    assert len(list(folder.iterdir())) == 1
    run("clean", folder, "--unfinished-runs")
    assert not list(folder.iterdir())


def test_the_temporary_folder(run: Any, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary" / "firth-mine").mkdir(parents=True)
    kill_training(corpus_file, "")
    (entry,) = json.loads(run("clean", "--json").stdout)["found"]
    assert entry["kind"] == "temporary"
    assert entry["deleted"]
    assert [path.name for path in (tmp_path / "temporary").iterdir()] == ["firth-mine"]


def test_refusals(run: Any) -> None:
    done = run("clean", "nowhere")
    assert done.returncode == 2
    assert "nowhere cannot be read: No such file or directory" in done.stderr
    Path("file").write_text("")
    assert "must be a folder" in run("clean", "file").stderr


def test_convert_onto_itself_and_classify_into_its_model_are_refused(run: Any, model: Path, tmp_path: Path) -> None:
    before = contents(model)
    done = run("convert", model, model, "--overwrite")
    assert done.returncode == 2
    assert "holds a trained model with its output vectors and its training record" in done.stderr
    assert "delete" in done.stderr
    Path("texts.txt").write_text("__label__sea whale ship\n__label__home cat dog\n" * 20)
    done = run("classify", "train", "texts.txt", "--vectors", model, "-o", model, "--overwrite")
    assert done.returncode == 2
    assert "holds a trained model" in done.stderr
    assert contents(model) == before
