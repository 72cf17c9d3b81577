"""Wide windows: whole sequences of thousands of words learn like single pairs, do not diverge, and take linear time."""

from __future__ import annotations

import time

import numpy as np
import pytest
from engines import make_engine

import firth
from firth.numerics.huffman import build_huffman_tree

GROUPS, ITEMS = 5, 400


def make_sessions(length: int, n_tokens: int) -> list[list[int]]:
    """Sessions of items without an order: those of one of five groups, low numbers more often."""
    rng = np.random.default_rng(length)
    return [
        (rng.integers(GROUPS) * ITEMS + (ITEMS * rng.random(length) ** 2).astype(int)).tolist()
        for _ in range(n_tokens // length)
    ]


def train(sessions: list[list[int]], **options: object) -> firth.Model:
    parameters = {
        "window_mode": "sequence", "min_count": 1, "subsample": 0, "dims": 16, "epochs": 3, "seed": 1, "threads": 1,
        "progress": False,
    } | options  # fmt: skip
    return firth.train(sessions, **parameters)


@pytest.mark.parametrize(("length", "n_tokens"), [(60, 9000), (300, 6000), (1000, 2000)])
@pytest.mark.parametrize("mode", [{}, {"deterministic": True, "threads": 2}], ids=["lock-free", "deterministic"])
def test_negative_sampling_learns_what_pairs_learn(mode, length, n_tokens):
    sessions = make_sessions(length, n_tokens)
    pairs = train(sessions, negative_sharing="pair", **mode).history.loss_nats[-1]
    model = train(sessions, **mode)
    assert model.history.loss_nats[-1] <= 1.1 * pairs
    assert np.abs(model.vectors.matrix).max() < 10


@pytest.mark.parametrize("threads", [1, 3])
def test_windows_of_hundreds_of_words_stay_below_guessing(threads):
    """The sum over a whole window in one step ended at a loss of millions."""
    for options in ({"negative_sharing": "window"}, {"window_mode": "fixed", "window": 250}):
        model = train(make_sessions(400, 4000), threads=threads, **options)
        assert model.history.loss_nats[-1] < 7 * np.log(2) / 2


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_hierarchical_softmax_learns_what_narrow_windows_learn(architecture):
    sessions = make_sessions(300, 4500)
    options = {"architecture": architecture, "loss": "hierarchical-softmax"}
    if architecture == "cbow":
        options["cbow_input"] = "sum"
    narrow = train(sessions, window_mode="fixed", window=10, **options).history.loss_nats[-1]
    for more in ({}, {"deterministic": True}):
        assert train(sessions, **options, **more).history.loss_nats[-1] <= 1.1 * narrow


def test_full_softmax_learns_what_narrow_windows_learn():
    sessions = [[item % 40 for item in session] for session in make_sessions(300, 1200)]
    narrow = train(sessions, loss="softmax", window_mode="fixed", window=10).history.loss_nats[-1]
    for options in ({}, {"deterministic": True}):
        assert train(sessions, loss="softmax", **options).history.loss_nats[-1] <= 1.1 * narrow


def test_two_threads_do_not_overshoot_under_a_tree():
    """Threads' copies of busy rows went all the way to what fitted their own stretch, and overshot when added up."""
    ids = np.minimum(np.random.default_rng(3).zipf(1.15, 7000) - 1, 2500).tolist()
    for threads in (1, 2):
        model = train(
            [ids], loss="hierarchical-softmax", window_mode="fixed", window=1000, epochs=1, learning_rate=0.05,
            threads=threads,
        )  # fmt: skip
        assert model.history.loss_nats[-1] < model.history.guessing_loss_nats / 4
        assert np.abs(model.vectors.matrix).max() < 20


@pytest.mark.parametrize("n_words", [12, 2000])
@pytest.mark.parametrize("update", ["gradient", "word2vec"])
@pytest.mark.parametrize("pooled", ["mean", "sum"])
def test_cbow_never_learns_less_than_nothing(pooled, update, n_words):
    """Twelve words in a window of 1,000 occur 83 times each: the sum moved h by thousands of steps at once."""
    sessions = [[item % n_words for item in session] for session in make_sessions(1000, 2000)]
    for more in ({}, {"deterministic": True}):
        model = train(sessions, architecture="cbow", cbow_input=pooled, cbow_update=update, **more)
        assert model.history.loss_nats[-1] < 7 * np.log(2) * 1.01
        assert np.isfinite(model.vectors.matrix).all()


def test_the_time_of_a_pair_does_not_grow_with_the_window():
    """4,000 different words in one window; finding repeats pair by pair took 36 times as long for each."""
    seconds = {}
    for length in (500, 4000):
        ids = np.tile(np.arange(length, dtype=np.int32), 4000 // length)
        engine = make_engine(
            ids, np.arange(0, len(ids) + 1, length), np.ones(4000, np.int64), dims=16, window_mode="sequence",
            subsample=0,
        )  # fmt: skip
        stop = len(ids) if length == 500 else 128
        taken = []
        for epoch in range(3):
            start = time.perf_counter()
            result = engine.train_slice(0, stop, epoch)
            taken.append((time.perf_counter() - start) / result.n_examples)
        seconds[length] = min(taken)
    assert seconds[4000] < 1.5 * seconds[500]


def test_many_repeats_are_summed():
    """A unit of more ids than are compared pair by pair: a CBOW window's negatives that repeat."""
    counts = np.array([50, 20, 10, 5], np.int64)
    engine = make_engine(
        np.array([0, 1], np.int32), np.array([0, 2]), counts, architecture="cbow", dims=4, negatives=300,
        learning_rate=1e-3, epochs=1, subsample=0, target_collision="count", negative_sharing="window",
    )  # fmt: skip
    outputs = np.array([[0.5, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 0.5, 0], [0, 0, 0, 0.5]], np.float32)
    engine.load_vectors(engine.input_vectors, outputs)
    before = engine.input_vectors
    engine.train_slice(0, 1, 0)
    plan = engine._kernel.plan_slice(engine._settings, 0, 1, 0)
    drawn = np.bincount(plan[5], minlength=4)
    h = before[1].astype(np.float64)
    probabilities = 1 / (1 + np.exp(-outputs.astype(np.float64) @ h))
    expected = outputs - 1e-3 * (drawn * probabilities - np.eye(4)[0] * (1 - probabilities))[:, None] * h
    assert drawn.sum() == 300
    np.testing.assert_allclose(engine.output_vectors, expected, atol=1e-6)


def test_a_tree_of_wide_windows_is_the_corpus_tree():
    """Parts of a window meet the path of the same target: every node of it learns."""
    sessions = make_sessions(200, 2000)
    model = train(sessions, loss="hierarchical-softmax", epochs=1)
    assert build_huffman_tree(np.asarray(model.vectors.counts)).n_nodes == len(model.vectors) - 1
