"""Matrices on the disk: the bits of those in memory, no copy in memory, nothing left; what fits if memory is short."""

from __future__ import annotations

import errno
import gc
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.base.machine import is_in_memory
from firth.errors import DivergenceError, ParameterError, StorageError
from firth.kernels.matrices import BLOCK_ROWS, MatrixMemory
from firth.training.run import prepared
from firth.training.run.needs import TABLE_BYTES, MatrixSizes, describe_fits

DRIVER = Path(__file__).with_name("run_driver.py")
OPTIONS: dict[str, Any] = {"dims": 16, "epochs": 8, "min_count": 1, "threads": 1, "checkpoint_every": "20000words"}
SMALL: dict[str, Any] = {"dims": 20, "epochs": 2, "min_count": 1, "threads": 1, "progress": False}
Lines = list[list[str]]


@pytest.fixture(autouse=True)
def on_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder for temporary files may be in memory where the tests run."""
    monkeypatch.setattr(prepared, "is_in_memory", lambda folder: False)


# ---- the same bits


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"architecture": "cbow", "loss": "hierarchical-softmax"},
        {"subwords": True, "buckets": 500},
        {"deterministic": True, "threads": 2},
        {"heldout": "10%", "patience": 1, "epochs": 4},
        {"freeze": ["t0w0"], "initial_vectors": {"t0w0": np.ones(20), "t1w0": np.zeros(20)}},
    ],
    ids=str,
)
def test_vectors_have_the_same_bits(options: dict[str, Any], lines: Lines, tmp_path: Path) -> None:
    in_memory = firth.train(lines, **{**SMALL, **options})
    on_disk = firth.train(lines, matrices="disk", output=tmp_path / "model", **{**SMALL, **options})
    for model in (on_disk, firth.load(tmp_path / "model")):
        np.testing.assert_array_equal(model.vectors.matrix, in_memory.vectors.matrix)
        np.testing.assert_array_equal(model.output_vectors, in_memory.output_vectors)
    assert on_disk.vectors.neighbors("t2w0") == in_memory.vectors.neighbors("t2w0")
    assert on_disk.history.loss_nats == in_memory.history.loss_nats
    assert sorted(path.suffix for path in (tmp_path / "model").iterdir()) == [".json", ".safetensors"]


@pytest.mark.parametrize("options", [{"method": "dbow"}, {"method": "dm"}, {"method": "dbow", "train_words": True}])
def test_rows_of_documents_have_the_same_bits(options: dict[str, Any], lines: Lines) -> None:
    texts = [" ".join(line) for line in lines[:300]]
    in_memory, on_disk = (
        firth.train_documents(texts, matrices=matrices, **{**SMALL, **options}) for matrices in ("memory", "disk")
    )
    assert in_memory.documents is not None
    assert on_disk.documents is not None
    np.testing.assert_array_equal(on_disk.documents.matrix, in_memory.documents.matrix)
    np.testing.assert_array_equal(on_disk.vectors.matrix, in_memory.vectors.matrix)
    np.testing.assert_array_equal(on_disk.infer(texts[:3]), in_memory.infer(texts[:3]))


def test_pairs_have_the_same_bits() -> None:
    words = np.random.default_rng(4).integers(0, 30, 500)
    pairs = firth.Pairs(words, words // 2 + 100)
    models = [firth.train(pairs, matrices=matrices, **SMALL) for matrices in ("memory", "disk")]
    np.testing.assert_array_equal(models[1].vectors.matrix, models[0].vectors.matrix)
    np.testing.assert_array_equal(models[1].output_vectors, models[0].output_vectors)


def test_training_further(lines: Lines) -> None:
    model = firth.train(lines[:700], **SMALL)
    more = [model.train_more(lines[700:], matrices=matrices, progress=False) for matrices in ("memory", "disk")]
    np.testing.assert_array_equal(more[1].vectors.matrix, more[0].vectors.matrix)


def test_copies_are_made_block_by_block(tmp_path: Path) -> None:
    memory = MatrixMemory(tmp_path)
    rows = np.arange((2 * BLOCK_ROWS + 3) * 4, dtype=np.float32).reshape(-1, 4)
    copied = memory.copy(rows[:, :3])
    np.testing.assert_array_equal(copied, rows[:, :3])
    copied[:] = 0
    assert rows[-1, 0] == rows.size - 4
    assert not list(tmp_path.iterdir()), "the file has no name"
    assert MatrixMemory(tmp_path).allocate(0, 4).shape == (0, 4)


# ---- on the disk, and nowhere else


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc shows the files that a process has mapped")
def test_matrices_are_files_without_a_name(lines: Lines, tmp_path: Path) -> None:
    def n_mapped() -> int:
        gc.collect()
        maps = Path("/proc/self/maps").read_text().splitlines()
        return sum(f"{tmp_path}/m/.work/" in line and ".i" not in line for line in maps)

    class Look(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            seen.append(n_mapped())
            assert {path.name for path in (tmp_path / "m" / ".work").iterdir()} == {"corpus", "firth-work.json"}

    seen: list[int] = []
    model = firth.train(lines, matrices="disk", output=tmp_path / "m", callbacks=[Look()], **SMALL)
    assert seen == [2, 2], "the two matrices"
    assert model.vectors.dims == 20
    assert n_mapped() == 2, "they are the model's"
    del model
    assert n_mapped() == 0
    firth.train(lines, output=tmp_path / "m", overwrite=True, callbacks=[Look()], **SMALL)
    assert seen[2:] == [0, 0], "in memory unless asked"


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(firth.__file__).parents[1]), "OPENBLAS_NUM_THREADS": "1"}


NO_COPY = """
import resource, sys
import numpy as np
import firth
from firth.training.run import prepared

prepared.available_memory_bytes = lambda: None
prepared.is_in_memory = lambda folder: False
folder, matrices = sys.argv[1:]
ids = np.random.default_rng(1).integers(20_000, size=40_000)
encoded = firth.encode_corpus((ids, np.arange(0, 40_001, 10)), folder=folder + "/corpus", min_count=1)
firth.train([["a", "b"]] * 99, dims=8, min_count=1, threads=1, progress=False, subsample=0)
used = next(line for line in open("/proc/self/status") if line.startswith("VmData"))
limit = int(used.split()[1]) * 1024 + (60 << 20)
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
options = {"heldout_every": "30kwords", "stop_metric": lambda vectors: float(vectors.matrix[0, 0]), "patience": 9}
model = firth.train(encoded, dims=900, epochs=1, threads=1, progress=False, output=folder + "/model", subsample=0,
                    checkpoint_every="20kwords", matrices=matrices, **options)
print(len(model.vectors))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_DATA leaves out mapped files on Linux alone")
def test_no_matrix_is_copied_into_memory(tmp_path: Path) -> None:
    """A matrix has 73 MB. With 60 MB of memory, the run evaluates, keeps vectors, writes checkpoints and the model."""
    results = []
    for matrices in ("disk", "memory"):
        (tmp_path / matrices).mkdir()
        command = [sys.executable, "-c", NO_COPY, str(tmp_path / matrices), matrices]
        results.append(subprocess.run(command, capture_output=True, text=True, env=_environment(), check=False))
    disk, memory = results
    assert disk.returncode == 0, disk.stderr
    assert int(disk.stdout) > 17_000
    assert "MemoryError: no memory for a matrix of" in memory.stderr


# ---- interrupted runs


def _assert_same(model: firth.Model, whole: firth.Model) -> None:
    np.testing.assert_array_equal(model.vectors.matrix, whole.vectors.matrix)
    np.testing.assert_array_equal(model.output_vectors, whole.output_vectors)
    assert [record.n_examples for record in model.history.epochs] == [r.n_examples for r in whole.history.epochs]


class Interrupt(firth.Callback):
    def on_epoch_end(self, state: firth.TrainingState) -> None:
        if state.epoch == 3:
            raise RuntimeError("the user's own")


@pytest.fixture(scope="module")
def whole(corpus_file: Path) -> firth.Model:
    options = {key: value for key, value in OPTIONS.items() if key != "checkpoint_every"}
    return firth.train(corpus_file, progress=False, **options)


@pytest.mark.parametrize("kill_at", [1, 3, 5])
def test_a_killed_run_goes_on_and_leaves_nothing(
    kill_at: int, corpus_file: Path, tmp_path: Path, whole: firth.Model
) -> None:
    if is_in_memory(tmp_path):
        pytest.skip("the folder for temporary files is in memory")
    output = tmp_path / "model"
    options = {**OPTIONS, "kill_at": kill_at, "matrices": "disk"}
    command = [sys.executable, str(DRIVER), str(corpus_file), str(output), json.dumps(options)]
    killed = subprocess.run(command, capture_output=True, text=True, env=_environment(), check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    _assert_same(firth.resume(output, progress=False), whole)
    assert not (output / ".work").exists()


def test_a_resumed_run_has_its_matrices_on_the_disk_again(
    corpus_file: Path, tmp_path: Path, whole: firth.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "model"
    options = {**OPTIONS, "heldout": "20%", "patience": 50}
    expected = firth.train(corpus_file, output=tmp_path / "expected", progress=False, **options)
    with pytest.raises(RuntimeError, match="the user's own"):
        firth.train(corpus_file, output=output, callbacks=[Interrupt()], matrices="disk", progress=False, **options)
    folders = []
    monkeypatch.setattr(prepared, "MatrixMemory", lambda folder: (folders.append(folder), MatrixMemory(folder))[1])
    _assert_same(firth.resume(output, progress=False), expected)
    assert folders == [output / ".work"]


def test_a_run_that_diverges_has_the_last_checkpoint(lines: Lines, tmp_path: Path) -> None:
    class Raise(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            if state.epoch == 1:
                engines[0]._input[:] = np.nan

    engines: list[Any] = []
    make = prepared.PreparedRun.make_engine
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared.PreparedRun, "make_engine", lambda run: engines.append(make(run)) or engines[-1])
        with pytest.raises(DivergenceError) as caught:
            firth.train(
                lines,
                matrices="disk",
                output=tmp_path / "model",
                checkpoint_every="9000words",
                callbacks=[Raise()],
                **SMALL,
            )
    model = caught.value.model
    assert np.isfinite(model.vectors.matrix).all()
    assert model.history.words_trained >= 9000


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(block, "scale.md", "exec"), names)
    assert len(names["documents"].documents) == 100
    np.testing.assert_array_equal(firth.load("model").vectors.matrix, names["model"].vectors.matrix)


# ---- too little memory, too little disk


def test_the_numbers_in_the_error_fit(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {**SMALL, "dims": 100}
    needed = 200 * (4 * 2 * 112 + TABLE_BYTES)
    monkeypatch.setattr(prepared, "available_memory_bytes", lambda: needed)
    firth.train(lines, **options)
    monkeypatch.setattr(prepared, "available_memory_bytes", lambda: needed // 2)
    with pytest.raises(ParameterError, match="^dims must fit into the 96 kB of free memory, got 100 for") as caught:
        firth.train(lines, **options)
    message = str(caught.value)
    assert "200 words, which need 192 kB; keep the" in message
    assert message.endswith('or map the matrices on the disk, which is slower (matrices="disk")')
    min_count, dims = (int(re.search(rf"\({name}=(\d+)\)", message)[1]) for name in ("min_count", "dims"))  # type: ignore[index]
    assert dims == 48
    kept = firth.train(lines, **{**options, "min_count": min_count})
    assert f"keep the {len(kept.vectors)} words" in message
    firth.train(lines, **{**options, "dims": dims})
    firth.train(lines, matrices="disk", **options)
    with pytest.raises(ParameterError, match="^dims must fit"):
        firth.train(lines, **{**options, "min_count": min_count - 1})
    with pytest.raises(ParameterError, match="^dims must fit"):
        firth.train(lines, **{**options, "dims": dims + 1})


def test_the_sizes_are_those_of_the_engine(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """For words, n-grams and documents: what the estimate says is what the engine allocates."""
    found: list[tuple[int, int]] = []
    sizes = prepared.PreparedRun._sizes
    make = prepared.PreparedRun.make_engine

    def compare(run: Any) -> Any:
        engine = make(run)
        found.append((sizes(run, 0).matrices_bytes, engine.memory_bytes))
        return engine

    monkeypatch.setattr(prepared.PreparedRun, "make_engine", compare)
    firth.train(lines, **SMALL)
    firth.train(lines, subwords=True, **SMALL)
    for options in ({"method": "dbow"}, {"method": "dm"}):
        firth.train_documents([" ".join(line) for line in lines[:200]], **SMALL, **options)
    words = np.arange(300) % 7
    for contexts in (words[::-1].copy(), 100 + words % 5):  # of one vocabulary, and of two
        firth.train(firth.Pairs(words, contexts), **SMALL)
    assert len(found) == 6
    assert all(estimated == allocated for estimated, allocated in found)


def test_words_that_are_equally_frequent_are_no_advice_by_count() -> None:
    sizes = MatrixSizes(
        n_words=100, word_rows=2, other_rows=0, composed_rows=0, dims=10, copies=0, table_bytes_per_word=0
    )
    counts = np.full(100, 7)
    advice = describe_fits(sizes, counts, 128 * 50, has_buckets=False, n_free_bytes=0)
    assert advice == "keep fewer words (max_vocabulary=50)"
    assert describe_fits(sizes, counts, 100, has_buckets=False, n_free_bytes=0).startswith(
        "lower dims, raise min_count"
    )


def test_a_disk_in_memory_is_no_disk(lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(prepared, "is_in_memory", lambda folder: asked.append(folder) or True)
    with pytest.raises(StorageError, match="must be on a disk with matrices='disk', got a file system in memory"):
        firth.train(lines, matrices="disk", output=tmp_path / "model", **SMALL)
    with pytest.raises(StorageError, match="give output, or set TMPDIR$"):
        firth.train(lines, matrices="disk", **SMALL)
    assert asked[0] == tmp_path / "model"
    firth.train(lines, output=tmp_path / "model", **SMALL)
    assert len(asked) == 2


def test_a_full_disk_is_told_before_the_run(lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "free_bytes", lambda folder: 40_000)
    with pytest.raises(StorageError, match=r"has 40 kB free, the run will need [\d.]+ kB; free some space"):
        firth.train(lines, matrices="disk", **SMALL)

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.undo()
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(StorageError, match="cannot be written: the disk is full"):
        firth.train(lines, matrices="disk", output=tmp_path / "model", **SMALL)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("reason", [errno.EOPNOTSUPP, None])
def test_a_system_that_cannot_reserve_gets_zeros_written(
    reason: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:
        raise OSError(reason, "no")

    if reason is None:
        monkeypatch.delattr(os, "posix_fallocate")
    else:
        monkeypatch.setattr(os, "posix_fallocate", refuse)
    written: list[int] = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: written.append(len(data)) or write(file, data))
    matrix = MatrixMemory(tmp_path).allocate(3000, 112)
    assert sum(written) == matrix.nbytes
    assert not matrix.any()


def test_bad_input(lines: Lines) -> None:
    for train in (firth.train, firth.train_documents):
        with pytest.raises(ParameterError, match="^matrices must be one of 'memory', 'disk', got 'ssd'"):
            train(lines, matrices="ssd")  # type: ignore[operator]
