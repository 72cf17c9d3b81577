"""Room tests/training: an encoded corpus and a run's work folder are checked before the native kernels trust them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.corpus import EncodedCorpus, encode_corpus
from firth.corpus.encoded import write_manifest
from firth.errors import CorpusError, FirthError, FormatError
from firth.training.loop.checkpoints import RunState, Snapshot
from firth.training.run.resume import resume
from firth.training.run.resumed import validate_run_arrays, validate_snapshot

OPTIONS: dict[str, Any] = {
    "dims": 4,
    "epochs": 1,
    "subsample": 0,
    "threads": 1,
    "deterministic": True,
    "progress": False,
}
LINES = [["north", "east", "south", "west", "north"], ["west", "south"], [], ["east", "north", "south"]] * 10


def _encode(folder: Path, **options: Any) -> EncodedCorpus:
    return encode_corpus(LINES, folder=folder, **{"min_count": 1, "heldout_share": 0.2, "seed": 3, **options})


def _forge(folder: Path, name: str, change: Callable[[np.ndarray], Any], dtype: str) -> None:
    """Change a file and note the right checksum of what it holds then."""
    manifest = EncodedCorpus(folder).manifest
    values = np.fromfile(folder / name, dtype)
    changed = change(values)
    (values if changed is None else changed).astype(dtype).tofile(folder / name)
    write_manifest(
        folder, {name: manifest[name] for name in ("n_tokens_read", "n_distinct_words", "settings")}, threads=1
    )


def _set(place: int, value: int) -> Callable[[np.ndarray], None]:
    def change(values: np.ndarray) -> None:
        values[place] = value

    return change


def _wrap(offsets: np.ndarray) -> None:
    """Steps that overflow 64 bits, so that every difference is 0 or more."""
    offsets[1:5] = [(1 << 63) - 1, -(1 << 63), -(1 << 62), 0]


FORGED = [
    ("offsets.i64", "<i8", _wrap, "offsets must rise from 0"),
    ("ids.i32", "<i4", _set(3, 4), r"ids must lie in \[0, 4\)"),
    ("ids.i32", "<i4", _set(3, 1 << 30), r"ids must lie in \[0, 4\)"),
    ("ids.i32", "<i4", _set(-1, -1), r"ids must lie in \[0, 4\)"),
    ("ids-heldout.i32", "<i4", _set(0, 9), r"ids-heldout.i32: ids must lie in \[0, 4\)"),
    ("offsets.i64", "<i8", _set(0, 1), "offsets must rise from 0"),
    ("offsets.i64", "<i8", _set(2, 1 << 40), "offsets must rise from 0"),
    ("offsets.i64", "<i8", _set(-1, 3), "offsets must rise from 0"),
    ("offsets-heldout.i64", "<i8", _set(2, -8), "ids-heldout.i32: offsets must rise from 0"),
    ("ids.i32", "<i4", lambda ids: ids[:-1], "offsets must rise from 0"),
    ("offsets.i64", "<i8", lambda offsets: offsets[:-3], "offsets must rise from 0"),
    ("ids.i32", "<i4", lambda ids: np.append(ids, np.zeros(999, "<i4")), "n_tokens_read must be at least"),
]


@pytest.mark.parametrize(("name", "dtype", "change", "message"), FORGED)
def test_forged_numbers_with_the_right_checksums(
    tmp_path: Path, name: str, dtype: str, change: Callable[[np.ndarray], Any], message: str
) -> None:
    opened = _encode(tmp_path / "corpus")
    _forge(tmp_path / "corpus", name, change, dtype)
    model = firth.train([["north", "east"]] * 5, min_count=1, **OPTIONS)
    for action in (
        lambda: firth.train(EncodedCorpus(tmp_path / "corpus"), **OPTIONS),
        lambda: firth.train(EncodedCorpus(tmp_path / "corpus"), heldout=0.2, **OPTIONS),
        lambda: model.train_more(EncodedCorpus(tmp_path / "corpus"), progress=False),
    ):
        with pytest.raises(FormatError, match=message):
            action()
    with pytest.raises(FirthError):  # opened before the change: files that became shorter must not be mapped any more
        firth.train(opened, **OPTIONS)


def test_a_changed_file_is_seen_although_its_numbers_are_in_range(tmp_path: Path) -> None:
    corpus = _encode(tmp_path / "corpus")
    ids = np.fromfile(corpus.folder / "ids.i32", "<i4")
    ids[5] = (ids[5] + 1) % 4
    ids.tofile(corpus.folder / "ids.i32")
    with pytest.raises(CorpusError, match=r"ids.i32 was changed since the corpus was encoded"):
        firth.train(EncodedCorpus(corpus.folder), **OPTIONS)


@pytest.mark.parametrize(
    "changes", [{"n_tokens_read": 99_999}, {"settings": {"lowercase": True}}, {"n_sequences": 1}, {"settings": []}]
)
def test_a_changed_setting_is_seen(tmp_path: Path, changes: dict[str, Any]) -> None:
    corpus = _encode(tmp_path / "corpus")
    path = corpus.folder / "corpus.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(FormatError, match=r"corpus\.json"):
        EncodedCorpus(corpus.folder)


def test_a_corpus_of_an_older_firth_still_opens(tmp_path: Path) -> None:
    corpus = _encode(tmp_path / "corpus")
    path = corpus.folder / "corpus.json"
    manifest = json.loads(path.read_text())
    for name in ("manifest_sha256", "n_byte_order_marks", "n_words_unseen", "first_unseen_ids", "n_glued_tokens"):
        del manifest[name]
    path.write_text(json.dumps(manifest))
    assert firth.train(EncodedCorpus(corpus.folder), **OPTIONS).corpus.n_tokens == corpus.n_tokens


_FUZZER = """
import hashlib, shutil, sys
from pathlib import Path
import numpy as np
import firth
from firth.corpus.encoded import write_manifest
from firth.errors import FirthError

source, folder, n_flips = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(7)
options = dict(dims=4, epochs=1, subsample=0, threads=1, deterministic=True, progress=False, heldout=0.2)

def result():
    model = firth.train(firth.EncodedCorpus(folder), **options)
    record = (model.vectors.matrix.tobytes(), repr(model.history.loss_nats), repr(model.config), repr(model.corpus),
              repr(model.history.heldout_loss_nats), repr(model.vectors.words), repr(model.vectors.counts))
    return hashlib.sha256(repr(record).encode()).hexdigest()

def fresh():
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)

fresh()
reference = result()
manifest = firth.EncodedCorpus(folder).manifest
names = sorted(path.name for path in source.iterdir())
for name in names:
    data = (source / name).read_bytes()
    places = rng.permutation(len(data))[:n_flips]
    for place in places.tolist():
        for forged in (False, True):
            damaged = bytearray(data)
            damaged[place] ^= 1 << int(rng.integers(8))
            print(name, place, forged, flush=True)
            (folder / name).write_bytes(damaged)
            if forged:
                if name == "corpus.json":
                    continue
                kept = {key: manifest[key] for key in ("n_tokens_read", "n_distinct_words", "settings")}
                write_manifest(folder, kept, threads=1)
            try:
                found = result()
            except FirthError:
                found = None
            if not forged and found not in (None, reference):
                sys.exit(f"{name}: byte {place} changed the result in silence")
            (folder / name).write_bytes(data)
            (folder / "corpus.json").write_bytes((source / "corpus.json").read_bytes())
    for damaged in (data[:-1], data[:len(data) // 2], b"", data + bytes(8), bytes(len(data)), b"\\xff" * len(data)):
        (folder / name).write_bytes(damaged)
        try:
            found = result()
        except FirthError:
            found = None
        if found not in (None, reference):
            sys.exit(f"{name}: {len(damaged)} bytes changed the result in silence")
        (folder / name).write_bytes(data)
print("done")
"""


def _fuzz(tmp_path: Path, n_flips: int) -> None:
    corpus = _encode(tmp_path / "corpus")
    command = [sys.executable, "-X", "faulthandler", "-W", "ignore", "-c", _FUZZER, str(corpus.folder)]
    done = subprocess.run(
        [*command, str(tmp_path / "damaged"), str(n_flips)], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, (done.stdout[-200:], done.stderr[-2000:])
    assert done.stdout.endswith("done\n")


def test_damaged_bytes_are_an_error_or_change_nothing(tmp_path: Path) -> None:
    """In a child process: a crash of the native core would end it."""
    _fuzz(tmp_path, 8)


@pytest.mark.slow
def test_many_damaged_bytes_are_an_error_or_change_nothing(tmp_path: Path) -> None:
    _fuzz(tmp_path, 400)


# ---- runs that are resumed


def _interrupted(folder: Path, **options: Any) -> Path:
    class Stop(firth.Callback):
        def on_epoch_end(self, state: firth.TrainingState) -> None:
            raise RuntimeError("stop here")

    with pytest.raises(RuntimeError, match="stop here"):
        firth.train(
            LINES,
            output=folder,
            callbacks=[Stop()],
            checkpoint_every="1h",
            **{**OPTIONS, "min_count": 1, "epochs": 3, **options},
        )
    return folder / ".work"


def _resume_fails(folder: Path, message: str) -> None:
    with pytest.raises(FirthError, match=message):
        resume(folder, progress=False)


def test_arrays_of_a_resumed_run(tmp_path: Path) -> None:
    output = tmp_path / "model"
    weights = np.ones(len(LINES), np.float32)
    noise = {"north": 1.0, "east": 2.0, "south": 1.0, "west": 1.0}
    vectors = np.ones((4, 4), np.float32)
    work = _interrupted(
        output, sequence_weights=weights, noise_distribution=noise, initial_vectors=vectors, freeze=["north"]
    )
    record = json.loads((work / "run.json").read_text())
    for name in ("sequence_weights", "noise_distribution", "frozen"):
        path = work / f"{name}.npy"
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        _resume_fails(output, f"{name}.npy is damaged .its checksum differs")
        for damaged in (b"", data[:20], b"PK\x03\x04" + data, data.replace(b"(", b"(9"), data.replace(b"'", b"{")):
            path.write_bytes(damaged)
            _resume_fails(output, f"{name}.npy")
        np.save(path, np.ones(2, bool))  # of a run without checksums, the kernels would read behind its end
        (work / "run.json").write_text(json.dumps({key: record[key] for key in record if key != "checksums"}))
        _resume_fails(output, f"{name}.npy must have")
        path.write_bytes(data)
        (work / "run.json").write_text(json.dumps(record))
    (work / "run.json").write_text(json.dumps({**record, "training": {**record["training"], "window": 6}}))
    _resume_fails(output, r"run\.json is damaged .its checksum differs")
    (work / "run.json").write_text(json.dumps(record))
    assert resume(output, progress=False).history.stop_reason == "finished"


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("frozen", np.ones(3, bool), r"must have 4 values of bool, got bool of shape \(3,\)"),
        ("frozen", np.ones(4, np.uint8), "must have 4 values of bool, got uint8"),
        ("frozen", np.array([0, 1, 2, 255], np.uint8).view(bool), "only the values true and false"),
        ("noise_distribution", np.full(5, 0.2), "must have 4 values of float64"),
        ("noise_distribution", np.array([0.5, 0.5, -0.5, 0.5]), "must be finite and at least 0, got -0.5"),
        ("noise_distribution", np.array([0.5, 0.5, np.nan, 0]), "must be finite and at least 0, got nan"),
        ("noise_distribution", np.ones(4), "must have the sum 1, got 4"),
        ("sequence_weights", np.ones(4, np.float32), "must have 6 values of float32"),
        ("sequence_weights", np.full(6, np.inf, np.float32), "must be finite and at least 0, got inf"),
        ("sequence_weights", np.zeros(6, np.float32), "must have a weight above 0"),
        ("other", np.zeros(6, np.float32), "no run has an array of this name"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, name: str, array: np.ndarray, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        validate_run_arrays(tmp_path, {name: array}, 4, 6)


def _snapshot(**changes: Any) -> Snapshot:
    arrays = {name: changes.pop(name, np.zeros((4, 2), np.float32)) for name in ("input_vectors", "output_vectors")}
    return Snapshot(RunState(**changes), **arrays)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output_vectors": np.zeros((3, 2), np.float32)}, r"output_vectors must be float32 of shape \(4, 2\)"),
        ({"input_vectors": np.zeros((4, 2))}, "input_vectors must be float32 .*, got float64"),
        ({"input_vectors": np.full((4, 2), np.nan, np.float32)}, "input_vectors of the checkpoint must be finite"),
        ({"output_vectors": np.full((4, 2), np.inf, np.float32)}, "output_vectors of the checkpoint must be finite"),
        ({"kept_vectors": (np.zeros((4, 2), np.float32), np.zeros((2, 2), np.float32))}, "kept_output_vectors must be"),
        ({"position": 11}, r"position must be an integer in \[0, 10\], got 11"),
        ({"position": 1.5}, "position must be an integer"),
        ({"position": True}, "position must be an integer"),
        ({"epoch": 4}, r"epoch must be an integer in \[0, 3\], got 4"),
        ({"epoch": 3, "position": 1}, r"epoch must be an integer in \[0, 2\], got 3"),
        ({"epoch": -1}, "epoch must be an integer"),
        ({"n_examples": "9"}, "n_examples must be an integer 0 or more"),
        ({"last_evaluation": 31}, r"last_evaluation must be an integer in \[0, 30\]"),
        ({"loss_sum": float("nan")}, "sums of the checkpoint must be finite"),
        ({"epoch_seconds": "3"}, "sums of the checkpoint must be finite"),
    ],
)
def test_checkpoints_that_do_not_fit(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    shapes = ((4, 2), (4, 2))
    validate_snapshot(tmp_path, _snapshot(epoch=2, position=10, last_evaluation=30), shapes, 3, 10)
    with pytest.raises(FormatError, match=message):
        validate_snapshot(tmp_path, _snapshot(**changes), shapes, 3, 10)


def test_a_changed_position_is_seen(tmp_path: Path) -> None:
    work = _interrupted(tmp_path / "model")
    path = work / "checkpoint" / "config.json"
    if not path.exists():
        pytest.skip("the run was stopped before its first checkpoint")
    config = json.loads(path.read_text())
    for changes in ({"position": 1}, {"loss_sum": 9.0}, {"epoch": 0}):
        path.write_text(json.dumps({**config, "state": {**config["state"], **changes}}))
        _resume_fails(tmp_path / "model", "checkpoint is damaged")
