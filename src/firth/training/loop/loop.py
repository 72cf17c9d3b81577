"""Room training: the loop: threads train slices; the main thread reports, evaluates, saves and stops."""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from firth.errors import TrainingError
from firth.kernels.config import TrainingConfig
from firth.kernels.plan import UNIT_BORDER
from firth.models.history import EpochRecord
from firth.training.loop.callbacks import CallbackList, TrainingState
from firth.training.loop.checkpoints import (
    CheckpointWarning,
    CheckpointWriter,
    RunState,
    Snapshot,
    describe_storage_error,
)
from firth.training.loop.divergence import NOT_FINITE, DivergenceGuard, VectorKeeper
from firth.training.loop.heldout import Evaluator
from firth.training.loop.options import LoopOptions, Matrix, TrainableEngine
from firth.training.loop.progress import ProgressDisplay, ProgressReport, format_count, format_duration
from firth.training.loop.schedule import FinishedSlice, SliceQueue, TrainingSlice, learning_rate_at
from firth.training.loop.signals import StopSignals
from firth.training.loop.workers import POLL_S, WorkerThreads

if TYPE_CHECKING:
    from firth.kernels.engine import SliceResult
    from firth.vectors.word_vectors import WordVectors

CALLBACK_INTERVAL_S = 1.0


class TrainingLoop:
    """Trains from the position in ``state`` to the end of the last epoch, or until a stop is requested.

    Parameters
    ----------
    engine : Engine
    config : TrainingConfig
        A resolved configuration.
    state : RunState
        The loop changes it. It is correct at barriers, and other code reads it only there.
    options : LoopOptions
    callbacks : CallbackList
    display : ProgressDisplay
    signals : StopSignals
        The handlers of signals must be set.
    checkpoints : CheckpointWriter or None
        None: an interrupted run cannot be resumed.
    """

    def __init__(
        self,
        engine: TrainableEngine,
        config: TrainingConfig,
        state: RunState,
        options: LoopOptions,
        callbacks: CallbackList,
        display: ProgressDisplay,
        signals: StopSignals,
        checkpoints: CheckpointWriter | None,
    ) -> None:
        assert config.threads is not None
        assert config.learning_rate is not None
        assert config.min_learning_rate is not None
        self._engine = engine
        self._config = config
        self._threads: int = config.threads
        self._learning_rates: tuple[float, float] = (config.learning_rate, config.min_learning_rate)
        self._state = state
        self._options = options
        self._callbacks = callbacks
        self._display = display
        self._signals = signals
        self._checkpoints = checkpoints
        self._n_workers = 1 if config.deterministic else self._threads
        lock_free_granule = UNIT_BORDER if config.objective.outputs.draws_negatives else 1
        self._granule = engine.round_tokens if config.deterministic else lock_free_granule
        self._queue = SliceQueue(self._n_workers, granule=self._granule)
        self._process = os.getpid()
        self.is_whole = False  # after an exception: whether vectors and history are consistent and may be kept
        self._safe_to_save = True  # no slice is known to be partly trained
        self._queue.open(state.epoch, state.position, state.position)
        self._absorbed: list[FinishedSlice] = []  # slices of this epoch that are not yet in the state's loss_sum
        self._running_loss = 0.0
        advice = options.cures_of_divergence
        if checkpoints is not None:
            advice += (
                f"; the last good checkpoint stays in {checkpoints.folder}, but a run resumed from it keeps its"
                " parameters; to change them, start a new run"
            )
        self._guard = DivergenceGuard(engine, state, advice, self._learning_rate_at)
        self._evaluator = Evaluator(
            engine, state, options, self._guard, signals, epochs=config.epochs, threads=config.threads
        )
        # if there are checkpoints, the last checkpoint is the copy; of matrices on the disk, memory may not hold a copy
        has_keeper = checkpoints is None and not engine.memory.is_on_disk
        self._keeper = VectorKeeper(engine.memory_bytes) if has_keeper else None
        self._tokens_done = 0  # by this process
        now = time.monotonic()
        self._started = now
        self._seconds_before = state.history.train_seconds
        self._epoch_started = now - state.epoch_seconds
        self._last_checkpoint_s = now
        self._last_checkpoint_words = self._total_position() * options.words_per_token
        self._last_callback_s = now

    def run(self) -> tuple[Matrix, Matrix]:
        """Train; return the input and output vectors at the end, or those of the best evaluation.

        Raises
        ------
        DivergenceError
            The loss or a vector grew above its bound, or is not finite; ``last_good`` has an earlier copy.
        TrainingError
            An epoch had no example.
        KeyboardInterrupt, SystemExit
            A signal was received. If there is a checkpoint folder, a checkpoint was written first. Without one, if
            `is_whole` is true, `take_vectors` returns the trained vectors.
        Exception
            The first exception of a worker thread or a callback.
        """
        workers = WorkerThreads(self._engine, self._queue, self._n_workers, self._train)
        self._started = time.monotonic()
        try:
            workers.start()
            self._run()
            self._wait_for_checkpoint()
        except BaseException as error:
            if self._safe_to_save and not isinstance(error, TrainingError):
                self._save_on_the_way_out(error)
            elif self._checkpoints is not None:  # a checkpoint that is being written precedes the failure
                while not self._checkpoints.wait(POLL_S):
                    pass
            raise
        finally:
            workers.halt()
            self._display.close()
        self._clock()
        return self.take_vectors()

    def take_vectors(self) -> tuple[Matrix, Matrix]:
        """The current input and output vectors, or those of the best evaluation. Must be the last call."""
        kept = self._state.kept_vectors
        if self._options.patience is not None and kept is not None:
            return kept
        return self._engine.take_vectors()

    @property
    def last_good(self) -> Snapshot | None:
        """The last copy of the vectors in memory; None if there is no copy, or if checkpoints hold the copies."""
        return None if self._keeper is None else self._keeper.snapshot

    # from barrier to barrier

    def _run(self) -> None:
        state, n_tokens = self._state, self._options.n_tokens
        if state.epoch == self._config.epochs:  # a callback interrupted the run after the last epoch
            self._stop("finished")
        while not state.history.stop_reason:
            if self._evaluator.is_due(self._total_position()):
                self._evaluator.evaluate(self._total_position())
            if state.position >= n_tokens:
                self._end_epoch()
                if not state.history.stop_reason:
                    self._keep_vectors(at_barrier=True)
            elif not self._evaluator.out_of_patience:
                self._train_until(self._next_barrier())
            if self._evaluator.out_of_patience and not state.history.stop_reason:
                self._stop("patience")
        if state.position > 0:  # stopped within an epoch
            self._guard.validate_vectors()
            if state.n_examples > 0:
                self._record_epoch()
        if not state.history.epochs:
            raise self._no_example()
        self._guard.validate_last_loss()

    def _train_until(self, stop: int) -> None:
        state = self._state
        self._queue.open(state.epoch, state.position, stop)
        at_end = False
        while not at_end and not state.history.stop_reason:
            at_end = self._drain() and state.position >= stop
            self._attend()

    def _attend(self) -> None:
        """The work of the main thread between waits. Threads continue, except if a barrier is needed."""
        self._display.update(self._report())
        if self._signals.received is not None:
            self._signals.raise_received()
        self._report_written_checkpoint()
        self._keep_vectors(at_barrier=False)
        if self._checkpoint_is_due():
            self._reach_barrier()
            self._start_checkpoint()
            self._queue.resume()
        if self._callbacks.wants_progress and time.monotonic() >= self._last_callback_s + CALLBACK_INTERVAL_S:
            self._reach_barrier()
            if self._ask(self._callbacks.progressed, self._report()):
                self._stop("callback")
                return
            self._last_callback_s = time.monotonic()
            self._queue.resume()

    def _drain(self) -> bool:
        """Add the finished slices; return whether a barrier is reached. At a barrier, update the state."""
        try:
            finished, barrier = self._queue.wait(POLL_S)
        except BaseException:
            if self._queue.has_failed:  # a worker raised: its slice is partly trained
                self._safe_to_save = False
            raise
        for piece in finished:
            self._absorb(piece)
        if barrier is not None:
            self._state.position = barrier
            self._settle()
        return barrier is not None

    def _absorb(self, piece: FinishedSlice) -> None:
        state, result = self._state, piece.result
        epoch, start = piece.slice.epoch, piece.slice.start
        if not math.isfinite(result.loss_nats):
            raise self._guard.diverged(NOT_FINITE, epoch, start)
        self._guard.take(result, epoch, start)
        self._absorbed.append(piece)
        self._running_loss += result.loss_nats
        state.weight_sum += result.weight
        state.n_examples += result.n_examples
        self._tokens_done += piece.slice.stop - piece.slice.start

    def _settle(self) -> None:
        """Add the losses of the finished slices to the state, in corpus order."""
        state = self._state
        results = [piece.result for piece in sorted(self._absorbed, key=lambda piece: piece.slice.number)]
        state.loss_sum = math.fsum([state.loss_sum, *(result.loss_nats for result in results)])
        self._absorbed.clear()
        self._running_loss = 0.0
        self._clock()

    def _reach_barrier(self) -> None:
        self._queue.pause()
        while not self._drain():
            pass

    def _next_barrier(self) -> int:
        """Position of the next barrier in this epoch: the next evaluation, or the end of the epoch."""
        n_tokens = self._options.n_tokens
        if not self._evaluator.is_on or self._evaluator.every_tokens == n_tokens:
            return n_tokens
        wanted = self._evaluator.next_position - self._state.epoch * n_tokens
        return min(n_tokens, math.ceil(wanted / self._granule) * self._granule)

    def _keep_vectors(self, *, at_barrier: bool) -> None:
        """Copy the vectors if it is time, at a barrier. Vectors that may have diverged are not copied."""
        keeper, engine, state = self._keeper, self._engine, self._state
        if keeper is None or not keeper.is_due(at_barrier=at_barrier):
            return
        started = time.monotonic()
        if not at_barrier:
            self._reach_barrier()
        if self._guard.is_good:
            self._guard.validate_vectors()
            keeper.keep(lambda: Snapshot.take(state, engine.input_vectors, engine.output_vectors), started)
        else:
            keeper.postpone(time.monotonic() - started)
        if not at_barrier:
            self._queue.resume()

    # the end of an epoch

    def _end_epoch(self) -> None:
        state = self._state
        if state.weight_sum == 0 and not self._options.allows_empty_epochs:
            raise self._no_example()
        self._guard.validate_vectors()
        self._record_epoch()
        report = self._report()
        state.epoch += 1
        state.position = 0
        state.loss_sum = state.weight_sum = 0.0
        state.n_examples = 0
        state.epoch_seconds = 0.0
        self._epoch_started = time.monotonic()
        self._queue.open(state.epoch, 0, 0)
        stop = self._callbacks.wants_epochs and self._ask(self._callbacks.epoch_ended, report)
        if state.epoch == self._config.epochs:
            self._stop("finished")
        elif stop:
            self._stop("callback")

    def _no_example(self) -> TrainingError:
        state, n_tokens = self._state, self._options.n_tokens
        what, cures = "an example", self._options.cures_of_no_example
        if state.n_examples > 0:
            what, cures = "an example in a sequence whose weight is above 0", "raise sequence weights above 0"
        return TrainingError(
            f"epoch {state.epoch + 1} must have {what} to learn from, got none in {n_tokens:,} tokens; {cures}"
        )

    def _record_epoch(self) -> None:
        state, options = self._state, self._options
        self._clock()
        at_evaluation = self._evaluator.is_on and state.last_evaluation == self._total_position()
        heldout = state.history.evaluations[-1].heldout_loss_nats if at_evaluation else None
        record = EpochRecord(
            epoch=state.epoch + 1,
            loss_nats=state.loss_sum / state.weight_sum if state.weight_sum > 0 else math.nan,
            n_examples=state.n_examples,
            words_per_s=state.position * options.words_per_token / max(state.epoch_seconds, 1e-9),
            learning_rate=self._learning_rate_at(state.epoch, state.position),
            seconds=state.epoch_seconds,
            heldout_loss_nats=heldout,
        )
        state.history.epochs.append(record)
        parts = [
            f"epoch {record.epoch}/{self._config.epochs}: loss {record.loss_nats:.4f}",
            f"{format_count(record.words_per_s)} words/s",
            format_duration(record.seconds),
        ]
        if heldout is not None:
            parts.insert(1, f"held-out loss {heldout:.4f}")
        if at_evaluation and state.history.evaluations[-1].metric is not None:
            parts.insert(1, f"metric {state.history.evaluations[-1].metric:.4g}")
        self._display.epoch_ended(", ".join(parts))

    def _stop(self, reason: str) -> None:
        self._state.history.stop_reason = reason
        if reason == "patience" and self._state.history.kept is not None:
            self._display.note(
                f"stopped: no improvement in {self._options.patience} evaluations; the vectors of epoch"
                f" {self._state.history.kept.epochs_done:.4g} are kept"
            )
        elif reason == "callback":
            self._display.note("stopped by a callback")

    # the user's code, at a barrier; an exception ends the run

    def _ask(self, question: Callable[[TrainingState], bool], report: ProgressReport) -> bool:
        engine, options, split = self._engine, self._options, self._options.split_rows

        def make_vectors() -> WordVectors:
            if split is None:
                return options.make_vectors(engine.input_vectors)
            return split(engine.input_vectors, engine.output_vectors)[0]

        state = TrainingState(
            epoch=report.epoch,
            epochs=report.epochs,
            share_done=report.share_done,
            words_per_s=report.words_per_s,
            learning_rate=report.learning_rate,
            loss_nats=report.loss_nats,
            heldout_loss_nats=report.heldout_loss_nats,
            seconds_left=report.seconds_left,
            history=self._state.history,
            config=self._config,
            _make_vectors=make_vectors,
            _copy_output_vectors=lambda: engine.output_vectors,
            _make_documents=None if split is None else lambda: split(engine.input_vectors, engine.output_vectors)[1],
        )
        with self._signals.at_once():
            return question(state)

    # checkpoints

    def _checkpoint_is_due(self) -> bool:
        every = self._options.checkpoint_every
        if self._checkpoints is None or every is None or self._checkpoints.busy:
            return False
        if every.seconds is not None:
            return time.monotonic() >= self._last_checkpoint_s + every.seconds
        assert every.words is not None
        position = self._state.epoch * self._options.n_tokens + self._queue.cursor
        return position * self._options.words_per_token >= self._last_checkpoint_words + every.words

    def _start_checkpoint(self) -> None:
        """At a barrier: copy the state and begin to write it. Matrices on the disk are written here, without a copy."""
        assert self._checkpoints is not None
        self._guard.validate_vectors()
        self._clock()
        self._last_checkpoint_s = time.monotonic()
        self._last_checkpoint_words = self._total_position() * self._options.words_per_token
        if not self._guard.is_good:  # too few examples to end the run; the previous checkpoint is kept
            return
        if not self._engine.memory.is_on_disk:
            self._checkpoints.start(Snapshot.take(self._state, self._engine.input_vectors, self._engine.output_vectors))
            return
        with self._engine.memory.read_in_order():
            self._checkpoints.start(Snapshot.take(self._state, *self._engine.vector_views))
            while not self._checkpoints.wait(POLL_S):
                pass
        self._last_checkpoint_s = time.monotonic()

    def _report_written_checkpoint(self) -> bool:
        """Warn if a checkpoint could not be written; return False in this case."""
        if self._checkpoints is None or self._checkpoints.busy:
            return True
        error = self._checkpoints.collect()
        if error is not None:
            warnings.warn(
                f"a checkpoint could not be written ({describe_storage_error(error)}); training continues, and the"
                " previous checkpoint is kept",
                CheckpointWarning,
                stacklevel=2,
            )
        return error is None

    def _wait_for_checkpoint(self) -> bool:
        if self._checkpoints is not None:
            while not self._checkpoints.wait(POLL_S):
                pass
        return self._report_written_checkpoint()

    def _save_on_the_way_out(self, error: BaseException) -> None:
        """Before an exception ends the run: write a last checkpoint; without checkpoints, mark the vectors as whole.

        After a second signal, do neither. A forked child does neither: it has no workers, and its parent continues.
        """
        if self._signals.came_twice or self._process != os.getpid():
            return
        if self._state.history.stop_reason:
            self.is_whole = isinstance(error, Exception)
            return
        if self._checkpoints is not None:
            self._display.note("writing a checkpoint; Ctrl-C again stops without it")
        self._reach_barrier()
        if self._checkpoints is not None:
            self._wait_for_checkpoint()
            self._start_checkpoint()
            if self._wait_for_checkpoint():
                self._display.note(f"a checkpoint is in {self._checkpoints.folder}")
                return
        self._guard.validate_vectors()
        if self._total_position() > 0:
            self.is_whole = True
            self._stop("interrupted")
            if self._state.position > 0:
                self._record_epoch()

    def _train(self, piece: TrainingSlice) -> SliceResult:
        """Train a slice; called in a worker thread."""
        try:
            if self._config.deterministic:
                return self._engine.train_rounds(piece.start, piece.stop, piece.epoch, self._threads)
            return self._engine.train_slice(piece.start, piece.stop, piece.epoch)
        except TrainingError as error:
            raise self._guard.diverged(NOT_FINITE, piece.epoch, piece.start) from error

    # numbers

    def _total_position(self) -> int:
        return self._state.epoch * self._options.n_tokens + self._state.position

    def _clock(self) -> None:
        """Update the seconds and the words of the state."""
        now, state = time.monotonic(), self._state
        state.epoch_seconds = now - self._epoch_started
        state.history.train_seconds = self._seconds_before + now - self._started
        state.history.words_trained = self._total_position() * self._options.words_per_token

    def _report(self) -> ProgressReport:
        state, n_tokens = self._state, self._options.n_tokens
        position = self._queue.cursor
        done, total = state.epoch * n_tokens + position, n_tokens * self._config.epochs
        elapsed_s = time.monotonic() - self._started
        tokens_per_s = self._tokens_done / elapsed_s if self._tokens_done else math.nan
        loss_sum = state.loss_sum + self._running_loss
        heldout = state.history.heldout_loss_nats
        return ProgressReport(
            epoch=state.epoch + 1,
            epochs=self._config.epochs,
            share_of_epoch=position / n_tokens,
            share_done=done / total,
            words_per_s=tokens_per_s * self._options.words_per_token,
            learning_rate=self._learning_rate_at(state.epoch, position),
            loss_nats=loss_sum / state.weight_sum if state.weight_sum > 0 else math.nan,
            heldout_loss_nats=heldout[-1] if heldout else None,
            seconds_left=(total - done) / tokens_per_s,
        )

    def _learning_rate_at(self, epoch: int, position: int) -> float:
        return learning_rate_at(*self._learning_rates, self._config.epochs, self._options.n_tokens, epoch, position)


__all__ = ["TrainingLoop"]
