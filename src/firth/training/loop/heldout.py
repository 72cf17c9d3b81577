"""Room training: evaluates a run while it trains, by the held-out loss or the user's metric, and applies patience."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from firth.base.values import is_number
from firth.errors import ParameterError
from firth.models.history import Evaluation
from firth.training.loop.checkpoints import RunState
from firth.training.loop.divergence import DivergenceGuard
from firth.training.loop.options import LoopOptions, TrainableEngine
from firth.training.loop.signals import StopSignals
from firth.training.loop.workers import run_watched

if TYPE_CHECKING:
    from firth.vectors.word_vectors import WordVectors


class Evaluator:
    """Evaluates the vectors at barriers, keeps the best vectors in the state, and decides when patience has run out.

    Parameters
    ----------
    engine : Engine
    state : RunState
        Changed by :meth:`evaluate`.
    options : LoopOptions
    guard : DivergenceGuard
        Makes the error if the held-out loss is not finite.
    signals : StopSignals
    epochs, threads : int
    """

    def __init__(
        self,
        engine: TrainableEngine,
        state: RunState,
        options: LoopOptions,
        guard: DivergenceGuard,
        signals: StopSignals,
        *,
        epochs: int,
        threads: int,
    ) -> None:
        self._engine = engine
        self._state = state
        self._options = options
        self._guard = guard
        self._signals = signals
        self._threads = threads
        self._last_position = options.n_tokens * epochs
        self.is_on = options.heldout is not None or options.stop_metric is not None
        self.out_of_patience = False
        every = options.evaluate_every
        self.every_tokens = options.n_tokens
        if every is not None and every.words is not None:
            self.every_tokens = max(1, round(every.words / options.words_per_token))

    @property
    def next_position(self) -> int:
        """Tokens trained, over all epochs, at the next evaluation."""
        return min((self._state.last_evaluation // self.every_tokens + 1) * self.every_tokens, self._last_position)

    def is_due(self, position: int) -> bool:
        """Whether to evaluate at ``position``, the number of tokens trained over all epochs."""
        return self.is_on and position > self._state.last_evaluation and position >= self.next_position

    def evaluate(self, position: int) -> None:
        """Compute the held-out loss and the metric; keep the vectors if they are the best so far."""
        state, options, engine = self._state, self._options, self._engine
        heldout_loss: float | None = None
        if options.heldout is not None:
            arrays = options.heldout
            heldout_loss, _ = run_watched(
                lambda: engine.heldout_loss(*arrays, threads=self._threads), engine, self._signals
            )
            if not math.isfinite(heldout_loss):
                raise self._guard.diverged("the held-out loss stopped being finite", state.epoch, state.position)
        metric: float | None = None
        if options.stop_metric is not None:
            vectors = options.make_vectors(engine.input_vectors)
            metric = self._ask_metric(options.stop_metric, vectors)
        evaluation = Evaluation(position / options.n_tokens, heldout_loss, metric)
        state.history.evaluations.append(evaluation)
        state.last_evaluation = position
        if options.patience is None:
            return
        if evaluation.is_better_than(state.history.kept):
            state.history.kept = evaluation
            state.evaluations_since_kept = 0
            state.kept_vectors = (engine.input_vectors, engine.output_vectors)
        else:
            state.evaluations_since_kept += 1
            self.out_of_patience = state.evaluations_since_kept >= options.patience

    def _ask_metric(self, stop_metric: Callable[[WordVectors], float], vectors: WordVectors) -> float:
        with self._signals.at_once():
            value: object = stop_metric(vectors)
        if not is_number(value) or not math.isfinite(value):
            raise ParameterError(f"stop_metric must return a finite number (larger is better), got {value!r}")
        return float(value)
