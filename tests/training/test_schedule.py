"""The slice queue: each token once, in order, barriers where they are asked for, and no hang."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from firth.kernels.config import TrainingConfig
from firth.kernels.engine import Engine, SliceResult
from firth.kernels.examples import pair_examples
from firth.training.loop.schedule import FIRST_SLICE_TOKENS, FinishedSlice, SliceQueue, learning_rate_at

RESULT = SliceResult(0.0, 0.0, 0, 0)


def _work(queue: SliceQueue, tokens_per_s: float) -> None:
    while (piece := queue.take()) is not None:
        elapsed_s = (piece.stop - piece.start) / tokens_per_s
        time.sleep(min(elapsed_s, 0.001))
        queue.finish(piece, RESULT, elapsed_s)


def _run(queue: SliceQueue, n_workers: int, stretches: list[tuple[int, int, int]]) -> list[FinishedSlice]:
    workers = [threading.Thread(target=_work, args=(queue, 1e5)) for _ in range(n_workers)]
    for worker in workers:
        worker.start()
    finished: list[FinishedSlice] = []
    for stretch in stretches:
        queue.open(*stretch)
        barrier = None
        while barrier is None:
            some, barrier = queue.wait(0.05)
            finished.extend(some)
        assert barrier == stretch[2]
    queue.close()
    for worker in workers:
        worker.join(5)
        assert not worker.is_alive()
    return finished


@pytest.mark.parametrize("n_workers", [1, 3])
@pytest.mark.parametrize("granule", [1, 700])
def test_each_token_is_trained_once_in_order(n_workers: int, granule: int) -> None:
    finished = _run(
        SliceQueue(n_workers, granule=granule), n_workers, [(0, 0, 99_400), (0, 99_400, 150_001), (1, 0, 9)]
    )
    slices = sorted((piece.slice for piece in finished), key=lambda piece: piece.number)
    assert [piece.number for piece in slices] == list(range(len(slices)))
    expected = (0, 0)
    for piece in slices:
        if piece.epoch == 1 and expected == (0, 150_001):
            expected = (1, 0)
        assert (piece.epoch, piece.start) == expected
        if granule > 1 and piece.epoch == 0:
            assert piece.start % granule == 0 or piece.start == 99_400
            assert piece.stop % granule == 0 or piece.stop in (99_400, 150_001)
        expected = (piece.epoch, piece.stop)
    assert expected == (1, 9)


def test_slices_grow_to_fifty_milliseconds_and_shrink_before_a_barrier() -> None:
    finished = _run(SliceQueue(2), 2, [(0, 0, 400_000)])
    sizes = [piece.slice.stop - piece.slice.start for piece in sorted(finished, key=lambda piece: piece.slice.number)]
    assert sizes[0] == FIRST_SLICE_TOKENS
    assert max(sizes) == pytest.approx(5000, rel=0.01)  # 50 ms at 1e5 tokens/s
    assert sizes[-1] <= 0.1 * max(sizes)


def test_slow_slices_stay_small() -> None:
    queue = SliceQueue(1)
    queue.open(0, 0, 10**9)
    for _ in range(5):
        piece = queue.take()
        assert piece is not None
        queue.finish(piece, RESULT, (piece.stop - piece.start) / 2.0)  # two tokens a second
    piece = queue.take()
    assert piece is not None
    assert piece.stop - piece.start == 1


def test_pause_reaches_a_barrier_and_resume_goes_on() -> None:
    queue = SliceQueue(1)
    queue.open(0, 0, 1000)
    piece = queue.take()
    assert piece is not None
    queue.pause()
    assert queue.wait(0.01) == ([], None)
    queue.finish(piece, RESULT, 1e-3)
    finished, barrier = queue.wait(0.01)
    assert [done.slice for done in finished] == [piece]
    assert barrier == piece.stop == queue.cursor
    queue.resume()
    following = queue.take()
    assert following is not None
    assert following.start == piece.stop


def test_failure_of_a_worker_is_raised_to_the_main_thread_and_ends_the_others() -> None:
    queue = SliceQueue(2)
    queue.open(0, 0, 1000)
    assert queue.take() is not None
    queue.fail(MemoryError("a worker's"))
    with pytest.raises(MemoryError, match="a worker's"):
        queue.wait(1)
    assert queue.take() is None


def test_learning_rate_is_linear_in_the_position() -> None:
    assert learning_rate_at(0.1, 0.02, 4, 50, 0, 0) == 0.1
    assert learning_rate_at(0.1, 0.02, 4, 50, 2, 0) == pytest.approx(0.06)
    assert learning_rate_at(0.1, 0.02, 4, 50, 3, 50) == pytest.approx(0.02)


@pytest.mark.parametrize("place", [(0, 0), (0, 5), (1, 3), (2, 6)])
def test_the_learning_rate_is_that_of_the_core(place: tuple[int, int]) -> None:
    """At the rates of both ends the core makes the same step of one pair as at a constant rate: to the last bit."""
    epoch, position = place
    n_tokens, start, end = 7, 0.7, 0.1

    def step(first_rate: float, last_rate: float) -> bytes:
        pairs = pair_examples(np.zeros(n_tokens, np.int32), np.ones(n_tokens, np.int32), n_input_rows=2, n_targets=2)
        config = TrainingConfig(
            dims=8, loss="softmax", epochs=3, subsample=0.0, learning_rate=first_rate, min_learning_rate=last_rate
        )
        engine = Engine(pairs, config)
        engine.train_slice(position, position + 1, epoch)
        return engine.output_vectors.tobytes()

    rate = learning_rate_at(start, end, 3, n_tokens, epoch, position)
    assert step(start, end) == step(rate, rate)
    assert step(start, end) != step(rate * (1 + 1e-6), rate * (1 + 1e-6))
