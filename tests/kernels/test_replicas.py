"""Lock-free threads learn on copies of the busiest rows: which rows these are, and how they are added up.

native/cpp/train/replicas.hpp is held against its formula, worked out here in NumPy: what a thread learns on its copies
is what a run of one thread learns from the same rows.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import Any

import numpy as np
import pytest
from engines import make_config, make_engine
from numpy.typing import NDArray

from firth.kernels.engine import Engine, StoppedError
from firth.kernels.plan import UNIT_BORDER
from firth.kernels.registry import OBJECTIVES
from firth.kernels.staleness import touch_rates
from firth.native.loader import available_instruction_sets
from firth.numerics.huffman import build_huffman_tree

SETS = available_instruction_sets()
BY_NAME = {"argnames": "objective", "argvalues": OBJECTIVES.values(), "ids": lambda objective: objective.name}

# As in native/cpp/train/replicas.hpp; the law of merges is worked out here once more (merging.hpp).
MARGIN = 0.85
RELAXATION = 4.0
WORTH_A_COPY = {"negative-sampling": 16, "softmax": 16, "hierarchical-softmax": 32, "one-vs-all": 16}  # touches
UNSEEN_TOKENS = 1 << 16
UNSEEN_PARTS = 1024
MAX_BYTES = 4 << 20

# A learning rate at which the busiest rows are damped and the rarest copied ones are not, or little.
PARAMETERS: dict[str, Any] = {
    "dims": 20, "subsample": 0.0, "epochs": 64, "learning_rate": 1e-2, "min_learning_rate": 1e-3, "seed": 3,
}  # fmt: skip

Matrix = NDArray[np.float32]


def stability_limit(n_threads: int) -> float:
    return 2 * np.sin(np.pi / (2 * (2 * n_threads - 1)))


def merge_factors(
    rates: NDArray[np.float64], n_tokens: int, interval: int, worth_a_copy: int, rate: float, n_threads: int
) -> NDArray[np.float64]:
    """What the difference of each row is multiplied by; NaN for rows that are not copied."""
    rates = rates.astype(np.float32).astype(np.float64)
    share = np.maximum(1 - np.exp(-RELAXATION * rate * rates * n_tokens), 1e-300)
    factors = np.minimum(1, MARGIN * stability_limit(n_threads) / share)
    return np.where(rates * interval >= worth_a_copy, factors, np.nan)


def merged(before: Matrix, learned: Matrix, factors: NDArray[np.float64]) -> Matrix:
    """before + f (learned - before) where rows are copied, what was learned elsewhere."""
    factors = factors.astype(np.float32).astype(np.float64)[:, None]
    added = before + factors * (learned - before).astype(np.float64)
    return np.where(np.isnan(factors), learned, added).astype(np.float32)


class Twin:
    """An engine with copies, and one without by whose vectors it is foretold."""

    def __init__(self, corpus, objective, n_threads: int, instruction_set: str | None = None, **options: Any) -> None:
        self.n_threads, self.n_tokens = n_threads, len(corpus.ids)
        self.worth_a_copy = WORTH_A_COPY[objective.outputs.loss]
        self.largest_weight = 1.0  # of the sequences of an interval
        sides = {"architecture": objective.inputs.architecture, "loss": objective.outputs.loss}
        make = {**sides, **PARAMETERS, "instruction_set": instruction_set, **options}
        self.engine = make_engine(*corpus, **make, threads=n_threads)
        self.plain = make_engine(*corpus, **make)
        tree = build_huffman_tree(corpus.counts) if objective.outputs.needs_tree else None
        self.rates = touch_rates(
            corpus.counts, corpus.offsets, make_config(**sides, negative_sharing="window", subsample=0.0), tree=tree
        )
        interval = min(UNSEEN_TOKENS, self.n_tokens * PARAMETERS["epochs"] // UNSEEN_PARTS) // n_threads
        self.interval = interval // UNIT_BORDER * UNIT_BORDER

    def factors(self, first: int, last: int, epoch: int) -> list[NDArray[np.float64]]:
        """Of the input rows and of the output rows, for an interval of tokens."""
        top, low = PARAMETERS["learning_rate"], PARAMETERS["min_learning_rate"]
        done = (epoch * self.n_tokens + first) / (PARAMETERS["epochs"] * self.n_tokens)
        rate = (top + (low - top) * done) * self.largest_weight
        return [
            merge_factors(rates, last - first, self.interval, self.worth_a_copy, rate, self.n_threads)
            for rates in (self.rates.inputs, self.rates.outputs)
        ]

    def foretell(self, start: int, stop: int, epoch: int, wrong: Any = lambda factors: factors) -> list[Matrix]:
        """Both matrices after a slice, interval by interval; ``wrong`` spoils the factors."""
        vectors = [self.plain.input_vectors, self.plain.output_vectors]
        begin = vectors
        for first in range(start, stop, self.interval):
            last = min(stop, first + self.interval)
            self.plain.train_slice(first, last, epoch)
            learned = [self.plain.input_vectors, self.plain.output_vectors]
            factors = [wrong(side) for side in self.factors(first, last, epoch)]
            vectors = [merged(*side) for side in zip(vectors, learned, factors, strict=True)]
            self.plain.load_vectors(*vectors)
        self.plain.load_vectors(*begin)
        return vectors


def largest_difference(actual: list[Matrix], expected: list[Matrix]) -> float:
    return max(float(np.abs(a - e).max()) for a, e in zip(actual, expected, strict=True))


def is_prefix(rows: NDArray[np.bool_]) -> bool:
    return bool((np.diff(rows.astype(int)) <= 0).all())


# ---- which rows, and what becomes of them


@pytest.fixture
def corpus(objective, long_tailed_corpus, short_tailed_corpus):
    """A corpus with busy words and rare ones; of few words where each step takes every output row."""
    return short_tailed_corpus if objective.outputs.loss in ("softmax", "one-vs-all") else long_tailed_corpus


@pytest.mark.parametrize("n_threads", [2, 8])
@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize(**BY_NAME)
def test_busy_rows_get_their_share_and_others_all_that_is_learned(corpus, objective, instruction_set, n_threads):
    twin = Twin(corpus, objective, n_threads, instruction_set)
    before = [twin.engine.input_vectors, twin.engine.output_vectors]
    first, last, epoch = 30_000, 30_000 + twin.interval, 1
    twin.engine.train_slice(first, last, epoch)
    actual = [twin.engine.input_vectors, twin.engine.output_vectors]
    expected = twin.foretell(first, last, epoch)
    twin.plain.train_slice(first, last, epoch)
    learned = [twin.plain.input_vectors, twin.plain.output_vectors]
    factors = twin.factors(first, last, epoch)

    for side in range(2):
        copied = ~np.isnan(factors[side])
        damped = copied & (factors[side] < 1)
        assert damped.any(), "the busiest row is damped"
        assert np.array_equal(actual[side][~copied], learned[side][~copied]), "other rows are as without copies"
        apart = np.abs(actual[side] - learned[side]).max(axis=1)
        moved = (learned[side] != before[side]).any(axis=1)
        assert (apart[moved & (factors[side] < 0.99)] > 0).all()
        assert (apart[copied & ~damped] < 1e-7).all(), "all that was learned, to a rounding"
        np.testing.assert_allclose(
            actual[side][copied] - before[side][copied], expected[side][copied] - before[side][copied], rtol=1e-4,
            atol=1e-8,
        )  # fmt: skip
    assert np.isnan(factors[0]).any(), "some words have no copy"


@pytest.mark.parametrize(**BY_NAME)
def test_a_slice_of_several_intervals_and_a_wrong_factor(corpus, objective):
    twin = Twin(corpus, objective, 2)
    start, stop = 10_000, 10_000 + 2 * twin.interval + 700
    for epoch in (0, 1):
        if epoch == 1:
            twin.plain.load_vectors(twin.engine.input_vectors, twin.engine.output_vectors)
        twin.engine.train_slice(start, stop, epoch)
        actual = [twin.engine.input_vectors, twin.engine.output_vectors]
        # A merge without fused multiply-add rounds twice, and a slice carries that on: 1.1e-6 was seen.
        assert largest_difference(actual, twin.foretell(start, stop, epoch)) < 3e-6
    for wrong in (
        lambda factors: np.where(np.isnan(factors), np.nan, 1),  # undamped
        lambda factors: factors * 0.99,
        lambda factors: np.where(np.isnan(factors), 0.6, factors),  # all copied
        lambda factors: np.full_like(factors, np.nan),  # none
    ):
        assert largest_difference(actual, twin.foretell(start, stop, 1, wrong)) > 1e-5


@pytest.mark.parametrize("first", [0, 30_100, 60_000])
def test_the_heaviest_sequence_of_an_interval_says_how_much_is_damped(long_tailed_corpus, first):
    """Sequences of a thousand tokens; in each interval the last one that it has tokens of weighs most."""
    corpus = long_tailed_corpus._replace(offsets=np.arange(0, 100_001, 1000))
    weights = (1 + np.arange(100) % 40).astype(np.float32)
    twin = Twin(  # units of several windows do not bear a learning rate of 0.4
        corpus, OBJECTIVES["skipgram", "negative-sampling"], 2, sequence_weights=weights, negative_sharing="window"
    )
    last = first + twin.interval
    twin.largest_weight = float(weights[first // 1000 : -(-last // 1000)].max())
    assert twin.largest_weight > 3
    right = twin.foretell(first, last, 0)
    twin.largest_weight = 1.0
    wrong = twin.foretell(first, last, 0)
    twin.engine.train_slice(first, last, 0)
    actual = [twin.engine.input_vectors, twin.engine.output_vectors]
    assert largest_difference(actual, right) < 1e-6
    assert largest_difference(actual, wrong) > 1e-4, "the comparison can fail"


def test_factors_are_of_every_kind(long_tailed_corpus):
    """The tests above see factors of one, at the limit's share, and between."""
    twin = Twin(long_tailed_corpus, OBJECTIVES["skipgram", "negative-sampling"], 2)
    factors = np.concatenate([side for epoch in (0, 1) for side in twin.factors(0, twin.interval, epoch)])
    assert np.isnan(factors).sum() > 100
    assert (factors == 1).any()
    assert ((factors > 0.65) & (factors < 0.95)).any()
    assert np.nanmin(factors) == pytest.approx(MARGIN * stability_limit(2), rel=0.01)


def test_words_are_copied_from_the_first_and_inner_nodes_from_the_last(long_tailed_corpus):
    """The root, made last, is in every path; words come in the order of their counts."""
    for loss, from_last in (("negative-sampling", False), ("hierarchical-softmax", True)):
        engine, plain = (
            make_engine(*long_tailed_corpus, **{**PARAMETERS, "loss": loss, "learning_rate": 0.1}, threads=threads)
            for threads in (2, 1)
        )
        start = plain.input_vectors
        engine.train_slice(0, 3000, 0)
        plain.train_slice(0, 3000, 0)
        moved = (plain.input_vectors != start).any(axis=1), plain.output_vectors.any(axis=1)
        words = (engine.input_vectors != plain.input_vectors).any(axis=1)[moved[0]]
        outputs = (engine.output_vectors != plain.output_vectors).any(axis=1)[moved[1]]
        assert 0 < words.sum() < 1000
        assert 0 < outputs.sum() < 1500
        assert is_prefix(words)
        assert is_prefix(outputs[::-1] if from_last else outputs)
        assert outputs[-1 if from_last else 0]


def test_copies_take_no_more_than_their_share_of_memory():
    """Twenty words of 256 kB each, all of them busy: sixteen are copied."""
    ids = np.random.default_rng(2).permutation(np.repeat(np.arange(20), 48)).astype(np.int32)
    counts = np.bincount(ids, minlength=20).astype(np.int64)
    dims = 1 << 16
    engines = [
        make_engine(ids, np.array([0, 960]), counts, dims=dims, subsample=0, epochs=2048, threads=threads)
        for threads in (2, 1)
    ]
    for engine in engines:
        engine.train_slice(0, 960, 0)
    differ = (engines[0].input_vectors != engines[1].input_vectors).any(axis=1)
    assert differ.tolist() == [True] * (MAX_BYTES // (4 * dims)) + [False] * 4


# ---- where there are no copies


@pytest.mark.parametrize(**BY_NAME)
def test_one_thread_has_no_copies(corpus, objective):
    sides = {"architecture": objective.inputs.architecture, "loss": objective.outputs.loss}
    one, default, unknown, two = (
        make_engine(*corpus, **sides, **PARAMETERS, **threads)
        for threads in ({"threads": 1}, {}, {"threads": 2}, {"threads": 2})
    )
    of_unknown = unknown._settings
    matrices = {name: dataclasses.replace(getattr(of_unknown, name), touches=None) for name in ("input", "output")}
    unknown._settings = of_unknown.replace(**matrices)
    for engine in (one, default, unknown, two):
        engine.train_slice(5_000, 12_000, 0)
    for engine in (default, unknown):
        assert np.array_equal(engine.input_vectors, one.input_vectors)
        assert np.array_equal(engine.output_vectors, one.output_vectors)
    assert not np.array_equal(two.input_vectors, one.input_vectors)


def test_what_is_sampled_and_the_loss_of_other_text_do_not_depend_on_copies(long_tailed_corpus):
    one, two = (make_engine(*long_tailed_corpus, **PARAMETERS, threads=threads) for threads in (1, 2))
    assert one.heldout_loss(long_tailed_corpus.ids[:5000], np.array([0, 5000])) == two.heldout_loss(
        long_tailed_corpus.ids[:5000], np.array([0, 5000])
    )
    results = [engine.train_slice(0, 7000, 0) for engine in (one, two)]
    assert results[0].n_examples == results[1].n_examples
    assert results[0].n_centers == results[1].n_centers
    assert results[0].weight == results[1].weight
    assert results[1].loss_nats == pytest.approx(results[0].loss_nats, rel=0.01)


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_frozen_words_have_copies_that_stay_as_they_are(long_tailed_corpus, architecture):
    frozen = np.arange(3000) % 2 == 0
    options = {**PARAMETERS, "learning_rate": 0.025}
    engine = make_engine(*long_tailed_corpus, **options, architecture=architecture, threads=2, frozen=frozen)
    before = engine.input_vectors
    engine.train_slice(0, 9000, 0)
    changed = (engine.input_vectors != before).any(axis=1)
    assert not changed[frozen].any()
    assert changed[1:20:2].all()


# ---- stopping, and several threads


def test_a_stop_keeps_what_was_learned_on_copies(long_tailed_corpus):
    """Stopped within an interval, a slice has not added up its copies yet; it does so before it is left."""
    ids = np.tile(long_tailed_corpus.ids, 40)
    ids[100] = 3000  # a word that comes once, early, and has no copy: its row tells that training is under way
    engine = make_engine(ids, np.array([0, len(ids)]), np.bincount(ids), dims=300, subsample=0, threads=2)
    before = engine.input_vectors

    def stop_soon() -> None:
        while np.array_equal(engine.input_vectors[3000], before[3000]):
            time.sleep(0.001)
        engine.request_stop()

    stopper = threading.Thread(target=stop_soon)
    stopper.start()
    with pytest.raises(StoppedError):
        engine.train_slice(0, len(ids), 0)
    stopper.join()
    assert (engine.input_vectors[:3] != before[:3]).any(axis=1).all()
    assert engine.output_vectors[0].any()
    assert np.isfinite(engine.input_vectors).all()
    assert np.isfinite(engine.output_vectors).all()
    engine.clear_stop()
    stopped = engine.input_vectors
    engine.train_slice(0, 1000, 0)
    assert not np.array_equal(engine.input_vectors, stopped)


@pytest.mark.parametrize("n_threads", [2, 4])
@pytest.mark.parametrize(**BY_NAME)
def test_threads_learn_what_one_thread_learns(long_tailed_corpus, objective, n_threads):
    """Every row that one thread moves is moved, and the loss comes down as far."""
    n_words, n_tokens = 60, 30_000
    ids = long_tailed_corpus.ids[long_tailed_corpus.ids < n_words][:n_tokens]
    sides = {"architecture": objective.inputs.architecture, "loss": objective.outputs.loss}
    losses = []
    for threads in (1, n_threads):
        engine = make_engine(
            ids, np.array([0, n_tokens]), np.bincount(ids, minlength=n_words), **sides, dims=20, subsample=0, epochs=3,
            threads=threads,
        )  # fmt: skip
        for epoch in range(3):
            results: list[Any] = []
            workers = [
                threading.Thread(target=_train_every, args=(engine, n_tokens, epoch, worker, threads, results))
                for worker in range(threads)
            ]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        losses.append(sum(result.loss_nats for result in results) / sum(result.n_examples for result in results))
        engine.check_finite()
    assert losses[1] == pytest.approx(losses[0], rel=0.01)


def _train_every(engine: Engine, n_tokens: int, epoch: int, worker: int, n_workers: int, results: list[Any]) -> None:
    for start in range(2000 * worker, n_tokens, 2000 * n_workers):
        results.append(engine.train_slice(start, min(start + 2000, n_tokens), epoch))


# ---- the stability limit


@pytest.mark.parametrize("n_threads", range(2, 17))
def test_errors_die_out_below_the_limit_alone(n_threads):
    """Threads take turns; each takes from the shared row a share of the error that it found at its last turn."""

    def largest_error_at_the_end(share: float) -> float:
        error, seen, last = 1.0, [1.0] * n_threads, 0.0
        for turn in range(20_000):
            error -= share * seen[turn % n_threads]
            seen[turn % n_threads] = error
            if turn >= 19_000:
                last = max(last, abs(error))
        return last

    limit = stability_limit(n_threads)
    assert largest_error_at_the_end(MARGIN * limit) < 1e-9
    assert largest_error_at_the_end(0.98 * limit) < 1e-2
    assert largest_error_at_the_end(1.05 * limit) > 1e3
