"""Room training: the state of a run, written to disk so that ``kill -9`` at any time leaves a complete checkpoint.

Tests: tests/training/test_resume.py.
"""

from __future__ import annotations

import copy
import dataclasses
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.json_file import as_object, describe_json, json_digest
from firth.errors import FormatError, StorageError
from firth.formats.model_folder import read_model_folder, write_model_folder
from firth.models.history import History
from firth.models.records import as_list, read_record, require

CHECKPOINT_VERSION = 1
# In corpora of more than 2^20 tokens, earlier versions summed the loss of one block of tokens in four. Such a
# checkpoint has moments that are not 0; its sums are multiplied by 4, so that they have the weight of sums over all
# tokens.
_MOMENTS, _FORMER_LOSS_EVERY = "loss_moments", 4
_TENSORS = ("input_vectors", "output_vectors", "kept_input_vectors", "kept_output_vectors")


class CheckpointWarning(RuntimeWarning):
    """A checkpoint could not be written. Training continues, and the previous checkpoint is kept."""


@dataclass
class RunState:
    """The state of a run at a barrier: all earlier epochs and [0, position) of the current epoch have been trained.

    Attributes
    ----------
    epoch : int
        Number of epochs that have ended.
    position : int
        Tokens of the encoded corpus trained in the current epoch.
    loss_sum, weight_sum : float
        Sum of the losses of the current epoch in nats, and sum of the weights of its examples, up to now.
    n_examples : int
        Examples of the current epoch up to now.
    epoch_seconds : float
        Seconds spent on the current epoch up to now.
    loss_bound_nats, norm_bound : float or None
        If a mean loss or the norm of a vector is above its bound, the run has diverged. The bounds are decided when the
        run begins.
    last_evaluation : int
        Tokens trained, over all epochs, at the last held-out evaluation.
    evaluations_since_kept : int
        Evaluations after the one whose vectors are kept.
    history : History
    kept_vectors : tuple of two float32 arrays, or None
        Input and output vectors of the best evaluation.
    """

    epoch: int = 0
    position: int = 0
    loss_sum: float = 0.0
    weight_sum: float = 0.0
    n_examples: int = 0
    epoch_seconds: float = 0.0
    loss_bound_nats: float | None = None
    norm_bound: float | None = None
    last_evaluation: int = 0
    evaluations_since_kept: int = 0
    history: History = field(default_factory=History)
    kept_vectors: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def to_json(self) -> dict[str, Any]:
        """All attributes except the vectors, in JSON types."""
        names = [f.name for f in dataclasses.fields(self) if f.name not in ("history", "kept_vectors")]
        return {**{name: getattr(self, name) for name in names}, "history": self.history.to_json()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunState:
        """Read a state that :meth:`to_json` wrote, without kept vectors; raise ValueError for any other value."""
        plain = {key: value for key, value in as_object(values, "state").items() if key not in ("history", _MOMENTS)}
        history = History.from_json(require(values, "history", "state"))
        state = read_record(cls, plain, "state", history=history, kept_vectors=None)
        if _MOMENTS in values and any(as_list(values[_MOMENTS], f"state.{_MOMENTS}")):
            state.loss_sum *= _FORMER_LOSS_EVERY
            state.weight_sum *= _FORMER_LOSS_EVERY
        return state


@dataclass(frozen=True)
class Snapshot:
    """A state at a barrier and the vectors that belong to it, which do not change while the snapshot is used."""

    state: RunState
    input_vectors: NDArray[np.float32]
    output_vectors: NDArray[np.float32]

    @classmethod
    def take(cls, state: RunState, input_vectors: NDArray[np.float32], output_vectors: NDArray[np.float32]) -> Snapshot:
        """Make a snapshot with a copy of the state. The arrays are not copied."""
        frozen = dataclasses.replace(state, history=copy.deepcopy(state.history))
        return cls(frozen, input_vectors, output_vectors)


def write_checkpoint(folder: Path, snapshot: Snapshot, identity: Mapping[str, Any]) -> None:
    """Replace the checkpoint in ``folder``. The old checkpoint stays complete until the new one is on the disk.

    Raises
    ------
    OSError
        The disk is full, or the folder cannot be written; the old checkpoint is kept.
    """
    tensors = {"input_vectors": snapshot.input_vectors, "output_vectors": snapshot.output_vectors}
    if snapshot.state.kept_vectors is not None:
        tensors["kept_input_vectors"], tensors["kept_output_vectors"] = snapshot.state.kept_vectors
    state = snapshot.state.to_json()
    config = {
        "checkpoint_version": CHECKPOINT_VERSION,
        "run": dict(identity),
        "state": state,
        "state_sha256": json_digest(state),
    }
    write_model_folder(folder, tensors, config, overwrite=True)


def read_checkpoint(folder: Path, identity: Mapping[str, Any]) -> Snapshot | None:
    """Read the checkpoint of a run; None if none was written yet. The vectors are memory-mapped and verified.

    Raises
    ------
    FormatError
        The checkpoint is damaged, or belongs to another run.
    """
    if not (folder / "config.json").exists():
        return None
    config, tensors = read_model_folder(folder, verify=True, check_numbers=True)
    if config.get("checkpoint_version") != CHECKPOINT_VERSION:
        raise FormatError(
            f"{folder}: checkpoint_version must be {CHECKPOINT_VERSION}, got"
            f" {describe_json(config.get('checkpoint_version'))}"
        )
    if config.get("run") != dict(identity):
        raise FormatError(f"{folder}: the checkpoint belongs to another run; start the run again")
    if config.get("state_sha256", "") not in ("", json_digest(config.get("state"))):  # older versions wrote none
        raise FormatError(
            f"{folder}: the checkpoint is damaged (the checksum of its state differs); start the run again"
        )
    unknown = set(tensors) - set(_TENSORS)
    try:
        state = RunState.from_json(config["state"])
        if unknown:
            raise ValueError(f"unknown tensors {', '.join(sorted(unknown))}")
        if "kept_input_vectors" in tensors:
            state.kept_vectors = tensors["kept_input_vectors"], tensors["kept_output_vectors"]
        return Snapshot(state, tensors["input_vectors"], tensors["output_vectors"])
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{folder}: the checkpoint is damaged ({error!r}); start the run again") from None


class CheckpointWriter:
    """Writes snapshots in a separate thread, one at a time, while training continues.

    Parameters
    ----------
    folder : path
    identity : mapping
        Identifies the run, in JSON types. ``read`` refuses a checkpoint of another run.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        self._identity = dict(identity)
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    @property
    def busy(self) -> bool:
        """Whether a snapshot is being written."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, snapshot: Snapshot) -> None:
        """Begin to write a snapshot. The previous one must be finished."""
        self.collect()
        self._thread = threading.Thread(target=self._write, args=(snapshot,), name="firth-checkpoint", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait at most ``timeout_s`` seconds; return True if nothing is being written."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return not self.busy

    def collect(self) -> OSError | None:
        """Return the storage error of the last snapshot once, or None; raise any other exception of the thread."""
        if self.busy:
            return None
        error, self._error = self._error, None
        if error is None or isinstance(error, OSError):
            return error
        raise error

    def read(self) -> Snapshot | None:
        """Read the checkpoint in the folder; None if none was written yet. No write may be in progress."""
        return read_checkpoint(self.folder, self._identity)

    def _write(self, snapshot: Snapshot) -> None:
        try:
            write_checkpoint(self.folder, snapshot, self._identity)
        except Exception as error:  # collect() passes it to the main thread
            self._error = error


def describe_storage_error(error: OSError) -> str:
    """The message of the error, without its number."""
    if isinstance(error, StorageError) and len(error.args) == 1:
        return str(error.args[0])
    return error.strerror or str(error)
