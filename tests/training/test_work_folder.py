"""The work folder: emptied of what a run wrote and of nothing else; room on the disk is asked for once; kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.base.owned import read_mark
from firth.errors import StorageError
from firth.training.run import prepared
from firth.training.run.work_files import delete_work_folder, is_work_folder

DRIVER = Path(__file__).with_name("run_driver.py")
SMALL: dict[str, Any] = {"dims": 16, "epochs": 4, "min_count": 1, "threads": 1, "progress": False}


class Interrupt(firth.Callback):
    """Ends the run after its second epoch."""

    def on_epoch_end(self, state: firth.TrainingState) -> None:
        if state.epoch == 2:
            raise RuntimeError("the user's own")


def interrupted(corpus: Path, output: Path, **options: Any) -> None:
    options = {"checkpoint_every": "5000words", **SMALL, **options}
    with pytest.raises(RuntimeError, match="the user's own"):
        firth.train(corpus, output=output, callbacks=[Interrupt()], **options)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def kill_while_training(corpus: Path, output: Path | None, temporary: Path, **options: Any) -> None:
    """kill -9 of a real training, once it trains."""
    options = {**SMALL, "epochs": 100_000, **options}
    del options["progress"]
    package = str(Path(firth.__file__).parents[1])
    command = [sys.executable, str(DRIVER), str(corpus), "" if output is None else str(output), json.dumps(options)]
    environment = {**os.environ, "PYTHONPATH": package, "TMPDIR": str(temporary)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "training\n"
        process.kill()
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL


# ---- what firth did not make


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_users_work_folder_is_not_emptied(overwrite: bool, corpus_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "model"
    (output / ".work" / "corpus").mkdir(parents=True)
    (output / ".work" / "thesis.tex").write_text("mine")
    (output / ".work" / "corpus" / "ids.i32").write_text("mine too")
    before = contents(output)
    with pytest.raises(StorageError, match=r"\.work must be a folder that firth made, got one that holds 'corpus'"):
        firth.train(corpus_file, output=output, overwrite=overwrite, **SMALL)
    (output / ".work" / "run.json").write_text('{"format": "mine"}')
    with pytest.raises(StorageError, match="must be a folder that firth made"):
        firth.train(corpus_file, output=output, overwrite=overwrite, **SMALL)
    (output / ".work" / "run.json").unlink()
    assert contents(output) == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_for_a_work_folder_is_not_followed(overwrite: bool, corpus_file: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    interrupted(corpus_file, elsewhere)
    before = contents(elsewhere)
    output = tmp_path / "model"
    output.mkdir()
    (output / ".work").symlink_to(elsewhere / ".work")
    with pytest.raises(StorageError, match="must be a folder that firth made, got a symbolic link"):
        firth.train(corpus_file, output=output, overwrite=overwrite, **SMALL)
    with pytest.raises(StorageError, match="must be a folder, got a symbolic link"):
        firth.resume(output, progress=False)
    assert contents(elsewhere) == before
    (output / ".work").unlink()
    (output / ".work").write_text("mine")
    with pytest.raises(StorageError, match="must be a folder that firth made, got a file"):
        firth.train(corpus_file, output=output, overwrite=overwrite, **SMALL)
    assert (output / ".work").read_text() == "mine"


def test_what_a_user_put_into_a_work_folder_of_firths_stays(corpus_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "model"
    interrupted(corpus_file, output)
    (output / ".work" / "notes.txt").write_text("mine")
    firth.train(corpus_file, output=output, overwrite=True, **SMALL)
    assert contents(output / ".work").keys() == {"notes.txt", "firth-work.json"}
    firth.train(corpus_file, output=output, overwrite=True, **SMALL)
    assert (output / ".work" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["corpus", "frozen.npy", "checkpoint/config.json"])
def test_links_inside_a_work_folder_are_neither_followed_nor_written_through(
    name: str, corpus_file: Path, tmp_path: Path
) -> None:
    output, elsewhere = tmp_path / "model", tmp_path / "elsewhere"
    interrupted(corpus_file, output)
    elsewhere.mkdir()
    (elsewhere / "ids.i32").write_text("mine")
    link = output / ".work" / name
    if link.is_dir():
        for entry in link.iterdir():
            entry.unlink()
        link.rmdir()
    link.unlink(missing_ok=True)
    link.symlink_to(elsewhere if name == "corpus" else elsewhere / "ids.i32")
    with pytest.raises(StorageError, match="has files that firth did not write, or is a symbolic link; move it away"):
        firth.train(corpus_file, output=output, overwrite=True, **SMALL)
    assert contents(elsewhere) == {"ids.i32": b"mine"}
    link.unlink()
    firth.train(corpus_file, output=output, overwrite=True, **SMALL)
    assert not (output / ".work").exists()


def test_overwriting_spares_tensors_of_others_and_is_refused_where_a_record_would_go(
    corpus_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "model"
    firth.train(corpus_file, output=output, **SMALL)
    mine = output / "model-0123456789abcdef.safetensors"
    mine.write_bytes(b"mine")
    model = firth.train(corpus_file, output=output, overwrite=True, **{**SMALL, "seed": 2})
    assert mine.read_bytes() == b"mine"
    before = contents(output)
    table = firth.VectorTable(list(model.vectors.words), model.vectors.matrix)
    with pytest.raises(StorageError, match="holds a trained model with .* which vectors alone would destroy"):
        firth.write_vectors(output, table, overwrite=True)
    assert contents(output) == before


def test_a_folder_that_is_deleted_bears_its_mark_to_the_end(corpus_file: Path, tmp_path: Path) -> None:
    """A kill in the middle of the deletion leaves a folder that the next run knows for firth's."""
    output = tmp_path / "model"
    interrupted(corpus_file, output)
    (output / ".work" / "corpus" / "mine").mkdir()  # stops the deletion halfway
    delete_work_folder(output / ".work")
    assert is_work_folder(output / ".work")
    assert not (output / ".work" / "run.json").exists()
    (output / ".work" / "corpus" / "mine").rmdir()
    firth.train(corpus_file, output=output, **SMALL)
    assert not (output / ".work").exists()


def test_what_a_kill_leaves_between_folder_and_mark_is_taken_over(corpus_file: Path, tmp_path: Path) -> None:
    for number, make in enumerate((Path.mkdir, lambda path: (path.mkdir(), (path / "firth-work.json").touch()))):
        output = tmp_path / f"model{number}"
        output.mkdir()
        make(output / ".work")
        firth.train(corpus_file, output=output, **SMALL)
        assert not (output / ".work").exists()


# ---- the next run cleans


def test_a_killed_run_without_checkpoints_is_cleaned_by_the_next(corpus_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "model"
    kill_while_training(corpus_file, output, tmp_path)
    assert read_mark(output / ".work") is not None
    assert (output / ".work" / "corpus" / "ids.i32").exists()
    firth.train(corpus_file, output=output, **SMALL)
    assert not (output / ".work").exists()


def test_a_killed_run_without_output_is_cleaned_by_the_next(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    (temporary / "firth-mine").mkdir(parents=True)
    (temporary / "firth-mine" / "thesis.tex").write_text("mine")
    kill_while_training(corpus_file, None, temporary)
    (left,) = (path for path in temporary.iterdir() if path.name != "firth-mine")
    (temporary / "firth-link").symlink_to(left)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    firth.train(corpus_file, **SMALL)
    assert sorted(path.name for path in temporary.iterdir()) == ["firth-link", "firth-mine"]
    assert (temporary / "firth-mine" / "thesis.tex").read_text() == "mine"


def test_a_run_at_work_is_not_cleaned_by_another(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = []

    class Second(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            before = sorted(tmp_path.iterdir())
            if state.epoch == 1:
                firth.train(corpus_file, **SMALL)
                seen.append(sorted(tmp_path.iterdir()) == before)

    firth.train(corpus_file, callbacks=[Second()], **SMALL)
    assert seen == [True]
    assert not list(tmp_path.iterdir())


# ---- room on the disk


def usage(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("patience", [None, 100])
def test_a_run_that_began_is_resumed_on_the_same_disk(
    patience: int | None, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk on which the run fits to the byte when it begins: it fits when it goes on, and cannot be one smaller."""
    output = tmp_path / "model"
    capacity = 1 << 40
    asked: list[int] = []
    disk_bytes = prepared.PreparedRun._disk_bytes

    def note(self: Any, *arguments: Any) -> int:
        asked.append(disk_bytes(self, *arguments))
        return asked[-1]

    monkeypatch.setattr(prepared.PreparedRun, "_disk_bytes", note)
    monkeypatch.setattr(prepared, "free_bytes", lambda _: capacity - usage(tmp_path))
    options: dict[str, Any] = {"heldout": "10%", "dims": 200, "checkpoint_every": "5000words", "patience": patience}
    options["sequence_weights"] = np.ones(1500)
    corpora = 0

    class Look(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            nonlocal corpora
            corpora = usage(output / ".work" / "corpus")

    firth.train(corpus_file, output=output, callbacks=[Look()], **{**SMALL, **options})
    (need,) = asked
    for path in output.iterdir():
        path.unlink()
    output.rmdir()
    capacity = corpora + need + 4096  # 4 KiB for the mark
    interrupted(corpus_file, output, **options)
    assert usage(output / ".work" / "checkpoint") > 2 * 4 * 200 * 200
    peak = 0
    save = prepared.Model.save

    def look(self: Any, *arguments: Any, **named: Any) -> None:
        nonlocal peak
        save(self, *arguments, **named)
        peak = usage(output)

    monkeypatch.setattr(prepared.Model, "save", look)
    firth.resume(output, progress=False)
    assert peak <= capacity, "what was asked for suffices for checkpoint and model"
    for path in output.iterdir():
        path.unlink()
    capacity -= 1 << 20
    with pytest.raises(StorageError, match="the model will need"):
        firth.train(corpus_file, output=output, **{**SMALL, **options})


def test_leftovers_of_a_killed_checkpoint_do_not_count_against_the_run(corpus_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "model"
    interrupted(corpus_file, output)
    (tensors,) = (output / ".work" / "checkpoint").glob("*.safetensors")
    half = output / ".work" / "checkpoint" / ".model-0123456789ab.tmp"
    half.write_bytes(tensors.read_bytes()[:-9])

    class Look(firth.Callback):
        def on_progress(self, state: firth.TrainingState) -> None:
            assert not half.exists()

    firth.resume(output, callbacks=[Look()], progress=False)
    assert not (output / ".work").exists()
