"""Room training: the end of every run: runs the loop, then saves the model, or what an interruption left of it.

Tests: tests/training/test_train.py, tests/cli/test_interrupt.py.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from firth.errors import DivergenceError, StorageError
from firth.models.history import History
from firth.training.loop.checkpoints import CheckpointWriter, RunState, Snapshot, describe_storage_error
from firth.training.loop.loop import TrainingLoop
from firth.training.loop.progress import ProgressDisplay
from firth.training.loop.signals import StopSignals
from firth.training.run.rescue import SAVING_ERRORS, attach, describe_cut_off, save_cut_off
from firth.training.run.workspace import Workspace

if TYPE_CHECKING:
    from firth.classification.classifier import Classifier
    from firth.models.model import Model

Matrix = NDArray[np.float32]
Trained = TypeVar("Trained", "Model", "Classifier")


class UnsavedModelError(StorageError):
    """Training ended, but the model could not be saved. The attribute ``model`` has it; save it in another folder."""

    def __init__(self, reason: str, model: Model | Classifier) -> None:
        super().__init__(f"{reason}; the exception's .model holds it")
        self.reason = reason
        self.model = model


@dataclass(frozen=True, eq=False)
class Ending(Generic[Trained]):
    """What becomes of the vectors of a run.

    Attributes
    ----------
    make_model : function of the input vectors, the output vectors and the history
    load_start : function that returns the vectors of the start
        It is called if the run diverges before any copy was kept.
    workspace : Workspace
        Deleted when the model is saved.
    output : Path or None
        Where the model is saved.
    checkpoints : CheckpointWriter or None
    keeps_interrupted : bool
        Whether the vectors of an interrupted run without checkpoints are kept as a model.
    copy_vectors : function of vectors that returns a copy of them
    """

    make_model: Callable[[Matrix, Matrix, History], Trained]
    load_start: Callable[[], tuple[Matrix, Matrix]]
    workspace: Workspace
    output: Path | None
    checkpoints: CheckpointWriter | None
    keeps_interrupted: bool
    copy_vectors: Callable[[Matrix], Matrix] = np.array

    def run(
        self, make_loop: Callable[[], TrainingLoop], state: RunState, display: ProgressDisplay, signals: StopSignals
    ) -> Trained:
        """Train to the end, save, and delete the work folder.

        Raises
        ------
        DivergenceError
            Its ``model`` has the last good vectors.
        UnsavedModelError
        KeyboardInterrupt, SystemExit, and what a callback raised
            With the model attached, if it is kept (`firth.training.run.rescue`).
        """
        start_history = copy.deepcopy(state.history)
        with signals.at_once(False):
            loop = make_loop()
            try:
                vectors = loop.run()
            except DivergenceError as error:
                good = loop.last_good or self._read_last_good()
                if good is None:
                    error.model = self._make(self.load_start(), start_history, display)
                else:
                    vectors = good.input_vectors, good.output_vectors
                    error.model = self._make(vectors, good.state.history, display)
                error.model.history.stop_reason = "diverged"
                raise
            except BaseException as error:
                if loop.is_whole and self.keeps_interrupted:
                    model = self._make(loop.take_vectors(), state.history, display)
                    self._keep_cut_off(model, error, display)
                raise
            model = self._make(vectors, state.history, display)
            if self.output is not None:
                try:
                    model.save(self.output, overwrite=True)  # checked at the start: it is free or may be overwritten
                except Exception as error:  # any class, because the model must not be lost
                    raise UnsavedModelError(
                        f"the model is trained, but could not be saved: {_describe(error)}", model
                    ) from error
            self.workspace.remove()
            if signals.received is not None:
                try:
                    signals.raise_received()
                except BaseException as error:
                    attach(error, model, self.output)
                    raise
        return model

    def _make(self, vectors: tuple[Matrix, Matrix], history: History, display: ProgressDisplay) -> Trained:
        if display.failure is not None:
            history.notes.append(f"progress could not be shown ({display.failure}); training continued")
        return self.make_model(*vectors, history)

    def _read_last_good(self) -> Snapshot | None:
        """The last checkpoint, with copies of its vectors; None if there is none."""
        snapshot = None if self.checkpoints is None else self.checkpoints.read()
        if snapshot is None:
            return None
        return Snapshot(
            snapshot.state, self.copy_vectors(snapshot.input_vectors), self.copy_vectors(snapshot.output_vectors)
        )

    def _keep_cut_off(self, model: Trained, error: BaseException, display: ProgressDisplay) -> None:
        """If the run has an output, save the model; always attach the model to the exception."""
        folder, failure = None, ""
        if self.output is not None:
            try:
                folder = save_cut_off(model, self.output)
            except SAVING_ERRORS as refused:
                failure = f"{self.output} could not take the model: {_describe(refused)}"
        attach(error, model, folder, failure)
        text = describe_cut_off(model, folder, failure)
        if isinstance(error, KeyboardInterrupt) and not error.args:
            error.args = (text,)
        else:
            display.note(text)


def _describe(error: Exception) -> str:
    return describe_storage_error(error) if isinstance(error, OSError) else str(error) or type(error).__name__


__all__ = ["Ending", "UnsavedModelError"]
