"""The engine: a slice is the plan's units in order; stopping, weights, frozen words, held-out loss, finite rows."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from engines import NEXT_TO_NOTHING, make_config, make_engine
from trajectory import train_by_reference

from firth.corpus.philox import Purpose
from firth.errors import ParameterError, TrainingError
from firth.kernels.engine import StoppedError
from firth.kernels.plan import UNIT_BORDER, PlanTables, plan_windows
from firth.kernels.reference import compute_unit_gradient
from firth.kernels.registry import OBJECTIVES
from firth.native.kernel import MAX_NEGATIVES
from firth.native.loader import available_instruction_sets
from firth.numerics.huffman import build_huffman_tree

SETS = available_instruction_sets()


@pytest.fixture
def corpus():
    rng = np.random.default_rng(4)
    lengths = [60, 0, 1, 150, 25]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    ids = np.minimum(rng.geometric(0.08, offsets[-1]) - 1, 39).astype(np.int32)
    return ids, offsets, np.bincount(ids, minlength=40).astype(np.int64) + 1


@pytest.fixture(scope="module")
def by_reference():
    """``train_by_reference`` of a corpus and a run, once for all instruction sets: it takes most of the time."""
    trained = {}

    def train(corpus, run):
        key = str([array.tobytes() for array in corpus] + sorted(run.items()))
        if key not in trained:
            trained[key] = train_by_reference(corpus, run)
        return trained[key]

    return train


@pytest.fixture
def long_corpus():
    """Some thirty blocks of 64 tokens."""
    rng = np.random.default_rng(6)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(0, 200, 20))]).astype(np.int64)
    ids = np.minimum(rng.geometric(0.08, offsets[-1]) - 1, 39).astype(np.int32)
    return ids, offsets, np.bincount(ids, minlength=40).astype(np.int64) + 1


def load_random_vectors(engine, seed):
    rng = np.random.default_rng(seed)
    shapes = engine.input_vectors.shape, engine.output_vectors.shape
    engine.load_vectors(*(rng.normal(size=shape).astype(np.float32) for shape in shapes))


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize(
    ("sharing", "collision"), [("block", "reject"), ("block", "count"), ("window", "drop"), ("pair", "reject")]
)
@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=lambda objective: objective.name)
def test_an_epoch_is_the_plan_through_the_reference(
    corpus, objective, sharing, collision, instruction_set, by_reference
):
    weights = np.array([1.0, 5.0, 2.0, 0.5, 0.0], np.float32)
    parameters = {
        "dims": 20, "subsample": 0.05, "epochs": 1, "seed": 9, "learning_rate": 0.2, "min_learning_rate": 0.0,
        "negative_sharing": sharing, "target_collision": collision,
    }  # fmt: skip
    for options in objective.inputs.variants():
        for sequence_weights in (None, weights) if sharing == "window" else (weights,):
            run = {
                "architecture": objective.inputs.architecture, "loss": objective.outputs.loss,
                "sequence_weights": sequence_weights, **options, **parameters,
            }  # fmt: skip
            engine = make_engine(*corpus, instruction_set=instruction_set, **run)
            result = engine.train_slice(0, len(corpus[0]), 0)
            inputs, outputs, (total,) = by_reference(corpus, run)
            assert result.loss_nats == pytest.approx(total, rel=1e-5)
            assert np.abs(engine.input_vectors - inputs).max() < 1e-5
            assert np.abs(engine.output_vectors - outputs).max() < 1e-5


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize(("sharing", "collision"), [("block", "reject"), ("window", "drop"), ("pair", "drop")])
@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=lambda objective: objective.name)
def test_wide_windows_are_the_plan_through_the_reference(
    corpus, objective, sharing, collision, instruction_set, by_reference
):
    """Whole sequences of 60, 1, 150 and 25 words: skip-gram trains them in parts, CBOW damps the inputs' step.

    One-vs-all has a term for every word, and takes a smaller step: else the sums grow, and with them their rounding.
    """
    rate = 0.002 if objective.outputs.takes_all_targets else 0.02
    parameters = {
        "dims": 20, "subsample": 0.05, "epochs": 1, "seed": 9, "learning_rate": rate, "min_learning_rate": 0.0,
        "window_mode": "sequence", "negative_sharing": sharing, "target_collision": collision,
    }  # fmt: skip
    for options in objective.inputs.variants():
        run = {
            "architecture": objective.inputs.architecture, "loss": objective.outputs.loss, **options, **parameters,
        }  # fmt: skip
        engine = make_engine(*corpus, instruction_set=instruction_set, **run)
        result = engine.train_slice(0, len(corpus[0]), 0)
        inputs, outputs, (total,) = by_reference(corpus, run)
        assert result.loss_nats == pytest.approx(total, rel=1e-4)
        assert np.abs(engine.input_vectors - inputs).max() < 2e-5
        assert np.abs(engine.output_vectors - outputs).max() < 2e-5


def test_weights_count_in_the_mean(corpus):
    ids, offsets, counts = corpus
    rates = {"learning_rate": 1e-9, "min_learning_rate": 0.0}
    plain = make_engine(ids, offsets, counts, dims=8, **rates).train_slice(0, len(ids), 0)
    half = make_engine(ids, offsets, counts, dims=8, **rates, sequence_weights=np.full(5, 0.5, np.float32)).train_slice(
        0, len(ids), 0
    )
    assert plain.weight == plain.n_examples == half.n_examples
    assert half.weight == 0.5 * plain.weight
    assert half.loss_nats / half.weight == pytest.approx(plain.loss_nats / plain.weight, rel=1e-6)


def test_slices_give_the_bits_of_the_whole(corpus):
    ids, offsets, counts = corpus
    whole, pieces = (make_engine(ids, offsets, counts, dims=20, subsample=0.05) for _ in range(2))
    expected = whole.train_slice(0, len(ids), 0)
    size = 2 * UNIT_BORDER
    results = [pieces.train_slice(start, start + size, 0) for start in range(0, len(ids), size)]
    assert np.array_equal(whole.input_vectors, pieces.input_vectors)
    assert np.array_equal(whole.output_vectors, pieces.output_vectors)
    assert sum(result.n_examples for result in results) == expected.n_examples
    assert sum(result.loss_nats for result in results) == pytest.approx(expected.loss_nats, rel=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=lambda objective: objective.name)
def test_the_training_loss_is_that_of_every_example(long_corpus, objective, weighted):
    """Nothing is learned at such a rate: the loss must be what evaluation finds, and the sum of the blocks' losses."""
    ids, offsets, counts = long_corpus
    weights = np.random.default_rng(1).uniform(0.5, 2, len(offsets) - 1).astype(np.float32) if weighted else None
    if weights is not None:
        weights[::3] = 0
    engine = make_engine(
        ids, offsets, counts, architecture=objective.inputs.architecture, loss=objective.outputs.loss, dims=20,
        subsample=0.05, learning_rate=NEXT_TO_NOTHING, min_learning_rate=0.0, seed=3, sequence_weights=weights,
    )  # fmt: skip
    load_random_vectors(engine, 7)
    blocks = [engine.train_slice(start, min(start + 64, len(ids)), 0) for start in range(0, len(ids), 64)]
    result = engine.train_slice(0, len(ids), 0)
    evaluated = engine._kernel.evaluate_slice(engine._settings, 0, len(ids), 0)
    assert len(blocks) > 20
    assert result.loss_nats == pytest.approx(sum(block.loss_nats for block in blocks), rel=1e-6)
    assert result.loss_nats == pytest.approx(evaluated.loss, rel=1e-6)
    assert result.weight == pytest.approx(sum(block.weight for block in blocks), rel=1e-12)
    assert result.n_examples == sum(block.n_examples for block in blocks) == evaluated.examples


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_frozen_words_keep_their_input_vectors(corpus, architecture):
    ids, offsets, counts = corpus
    frozen = np.zeros(40, bool)
    frozen[[0, 3, 7]] = True
    engine = make_engine(ids, offsets, counts, architecture=architecture, dims=20, frozen=frozen, subsample=0)
    before = engine.input_vectors
    engine.train_slice(0, len(ids), 0)
    engine.train_slice(0, len(ids), 1)
    changed = (engine.input_vectors != before).any(axis=1)
    assert not changed[frozen].any()
    assert changed[(counts > 1) & ~frozen].all()
    assert engine.output_vectors[frozen].any()


def test_initial_vectors_are_taken_and_missing_ones_drawn(corpus):
    ids, offsets, counts = corpus
    given = np.full((40, 6), np.nan, np.float32)
    given[:3] = np.arange(18).reshape(3, 6)
    engine = make_engine(ids, offsets, counts, dims=6, initial_vectors=given, seed=3)
    assert np.array_equal(engine.input_vectors[:3], given[:3])
    assert np.array_equal(engine.input_vectors[3:], make_engine(ids, offsets, counts, dims=6, seed=3).input_vectors[3:])


def test_stop_is_seen_and_forgotten(corpus):
    ids, _, counts = corpus
    engine = make_engine(np.tile(ids, 20_000), np.array([0, len(ids) * 20_000]), counts * 20_000, dims=100)
    threading.Timer(0.05, engine.request_stop).start()
    with pytest.raises(StoppedError):
        engine.train_slice(0, len(ids) * 20_000, 0)
    engine.clear_stop()
    assert engine.train_slice(0, 100, 0).n_centers > 0


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=lambda objective: objective.name)
def test_heldout_loss_is_the_reference_loss_of_full_windows(corpus, objective):
    ids, offsets, counts = corpus
    engine = make_engine(
        ids, offsets, counts, architecture=objective.inputs.architecture, loss=objective.outputs.loss, dims=12,
        seed=21, learning_rate=0.3,
    )  # fmt: skip
    engine.train_slice(0, len(ids), 0)
    before = engine.input_vectors
    loss, n_examples = engine.heldout_loss(ids, offsets, threads=2)
    assert (loss, n_examples) == engine.heldout_loss(ids, offsets, threads=1)
    assert np.array_equal(engine.input_vectors, before)

    draws = objective.outputs.draws_negatives
    config = make_config(
        architecture=objective.inputs.architecture, loss=objective.outputs.loss, seed=21, window_mode="fixed",
        negatives=10, negative_sharing="window", subsample=0,
    )  # fmt: skip
    tables = PlanTables.build(counts, config)
    tree = build_huffman_tree(counts) if objective.outputs.needs_tree else None
    total, examples = 0.0, 0
    for window in plan_windows(
        ids, offsets, tables, config, epoch=0, start=0, stop=len(ids), noise_purpose=Purpose.HELDOUT_NOISE
    ):
        total += compute_unit_gradient(
            objective, engine.input_vectors.astype(np.float64),
            engine.output_vectors.astype(np.float64), window.context_ids, window.target_id,
            negative_ids=window.negative_ids if draws else None, tree=tree,
        )[0]  # fmt: skip
        examples += len(window.context_ids) if objective.inputs.examples == "context" else 1
    assert n_examples == examples
    assert loss == pytest.approx(total / examples, rel=1e-6)


def test_rows_that_are_not_finite_are_found(corpus):
    ids, offsets, counts = corpus
    engine = make_engine(ids, offsets, counts, dims=8)
    engine.check_finite()
    vectors = engine.input_vectors
    vectors[17, 3] = np.inf
    engine.load_vectors(vectors, engine.output_vectors)
    with pytest.raises(TrainingError, match="word 17"):
        engine.check_finite()


def test_two_threads_train_the_same_examples(corpus):
    ids, offsets, counts = corpus
    one = make_engine(ids, offsets, counts, dims=16, subsample=0.05)
    expected = one.train_slice(0, len(ids), 0)
    engine = make_engine(ids, offsets, counts, dims=16, subsample=0.05)
    results = []
    threads = [
        threading.Thread(target=lambda piece=piece: results.append(engine.train_slice(*piece, 0)))
        for piece in [(0, 100), (100, len(ids))]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result.n_examples for result in results) == expected.n_examples
    assert sum(result.n_centers for result in results) == expected.n_centers


def test_choices_are_words(corpus):
    with pytest.raises(ParameterError, match="'block', 'window', 'pair'"):
        make_engine(*corpus, negative_sharing="sentence")
    with pytest.raises(ParameterError, match="architecture must be one of 'skipgram', 'cbow', got 'glove'"):
        make_engine(*corpus, architecture="glove")


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=lambda objective: objective.name)
def test_rounds_give_the_same_bits_from_any_number_of_threads(objective):
    rng = np.random.default_rng(5)
    ids = np.minimum(rng.geometric(0.02, 21_000) - 1, 99).astype(np.int32)
    offsets = np.arange(0, 21_001, 50)
    counts = np.bincount(ids, minlength=100).astype(np.int64) + 1
    vectors, losses = [], []
    for threads in (1, 2, 3, 8):
        engine = make_engine(
            ids, offsets, counts, architecture=objective.inputs.architecture, loss=objective.outputs.loss, dims=20,
            learning_rate=0.01,
        )  # fmt: skip
        for epoch in (0, 1):
            losses.append(engine.train_rounds(0, 2 * engine.round_tokens, epoch, threads).loss_nats)
            losses.append(engine.train_rounds(2 * engine.round_tokens, len(ids), epoch, threads).loss_nats)
        vectors.append((engine.input_vectors, engine.output_vectors))
    for inputs, outputs in vectors[1:]:
        assert np.array_equal(inputs, vectors[0][0])
        assert np.array_equal(outputs, vectors[0][1])
    assert losses[4:8] == losses[8:12] == losses[12:16] == losses[:4]


@pytest.mark.parametrize("threads", [1, 2])
def test_rounds_go_on_after_they_were_stopped(threads):
    """A stop that is seen at the end of the first round: the second was planned by then, and is trained later."""
    rng = np.random.default_rng(6)
    ids = np.minimum(rng.geometric(0.02, 30_000) - 1, 99).astype(np.int32)
    corpus = (ids, np.arange(0, 30_001, 50), np.bincount(ids, minlength=100).astype(np.int64) + 1)
    stopped, whole = (make_engine(*corpus, dims=16, learning_rate=0.01) for _ in range(2))
    assert len(ids) > 2 * whole.round_tokens
    whole.train_rounds(0, len(ids), 0, threads)
    stopped.request_stop()
    with pytest.raises(StoppedError):
        stopped.train_rounds(0, len(ids), 0, threads)
    stopped.clear_stop()
    stopped.train_rounds(stopped.round_tokens, len(ids), 0, threads)
    assert np.array_equal(stopped.input_vectors, whole.input_vectors)
    assert np.array_equal(stopped.output_vectors, whole.output_vectors)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_round_that_was_planned_before_a_stop_leaves_nothing_behind(threads):
    """Other tokens follow the stop than those of the planned round: its rows must not count as rows of theirs."""
    rng = np.random.default_rng(7)
    ids = rng.integers(0, 20_000, 30_000).astype(np.int32)
    corpus = (ids, np.arange(0, 30_001, 50), np.bincount(ids, minlength=20_000).astype(np.int64) + 1)
    stopped, whole = (make_engine(*corpus, dims=16, subsample=0, learning_rate=0.01) for _ in range(2))
    assert len(ids) > 2 * whole.round_tokens
    whole.train_rounds(0, whole.round_tokens, 0, threads)
    stopped.request_stop()
    with pytest.raises(StoppedError):
        stopped.train_rounds(0, len(ids), 0, threads)
    stopped.clear_stop()
    for engine in (stopped, whole):
        engine.train_rounds(0, len(ids), 1, threads)
    assert np.array_equal(stopped.input_vectors, whole.input_vectors)
    assert np.array_equal(stopped.output_vectors, whole.output_vectors)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_round_whose_successor_cannot_be_planned_is_merged(monkeypatch, threads):
    """Eight tokens that can be trained, then a line so long that its windows have too many noise words to plan."""
    monkeypatch.setattr("firth.kernels.engine._TOKENS_WORTH_A_BARRIER", 0)
    ids = np.concatenate([[0, 1, 1, 2, 0, 2, 1, 0], np.arange(33_000) % 3]).astype(np.int32)
    corpus = (ids, np.array([0, 2, 4, 6, 8, len(ids)]), np.bincount(ids).astype(np.int64))
    failed, whole = (
        make_engine(*corpus, dims=4, window_mode="sequence", subsample=0, negatives=MAX_NEGATIVES, learning_rate=1e-4)
        for _ in range(2)
    )
    for engine in (failed, whole):
        engine._settings = engine._settings.replace(shard_tokens=1)
    whole.train_rounds(0, 8, 0, threads)
    assert whole.output_vectors.all(), "every word is noise in every shard, so each row is merged"
    with pytest.raises(ParameterError, match="a window must have at most 2\\^31 - 1 negatives"):
        failed.train_rounds(0, len(ids), 0, threads)
    assert np.array_equal(failed.input_vectors, whole.input_vectors)
    assert np.array_equal(failed.output_vectors, whole.output_vectors)
    for engine in (failed, whole):
        engine.train_rounds(0, 8, 1, threads)
    assert np.array_equal(failed.input_vectors, whole.input_vectors)
    assert np.array_equal(failed.output_vectors, whole.output_vectors)


def test_rounds_start_at_a_border(corpus):
    ids, _, _ = corpus
    with pytest.raises(ParameterError, match="multiples"):
        make_engine(*corpus, dims=4).train_rounds(3, len(ids), 0, 1)


def test_rounds_train_what_slices_train(corpus):
    """Shards see the matrices as the round found them: one shard's worth of tokens is the lock-free result."""
    ids, offsets, counts = corpus
    in_rounds, in_slices = (make_engine(ids, offsets, counts, dims=16, subsample=0.05) for _ in range(2))
    ids, offsets = ids[: in_rounds.round_tokens // 8], np.minimum(offsets, in_rounds.round_tokens // 8)
    assert len(ids) > 20
    in_rounds, in_slices = (make_engine(ids, offsets, counts, dims=16, subsample=0.05) for _ in range(2))
    expected = in_slices.train_slice(0, len(ids), 0)
    result = in_rounds.train_rounds(0, len(ids), 0, 2)
    assert result.loss_nats == expected.loss_nats
    assert np.array_equal(in_rounds.input_vectors, in_slices.input_vectors)


@pytest.mark.parametrize("learning_rate", [0.1, 0.02])
@pytest.mark.parametrize("sharing", ["block", "window", "pair"])
@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=lambda objective: objective.name)
def test_rounds_do_not_overshoot_in_a_small_vocabulary(objective, sharing, learning_rate):
    """Twelve words, every row touched by every shard: added up without regard to how far they went, rows explode."""
    rng = np.random.default_rng(6)
    groups = rng.integers(0, 3, 4000)
    ids = (groups[:, None] * 4 + rng.integers(0, 4, (4000, 6))).reshape(-1).astype(np.int32)
    offsets = np.arange(0, len(ids) + 1, 6)
    counts = np.bincount(ids, minlength=12).astype(np.int64)
    losses = []
    for in_rounds in (False, True):
        engine = make_engine(
            ids, offsets, counts, architecture=objective.inputs.architecture, loss=objective.outputs.loss, dims=8,
            window_mode="sequence", subsample=0, learning_rate=learning_rate, negative_sharing=sharing,
        )  # fmt: skip
        for epoch in range(5):
            if in_rounds:
                engine.train_rounds(0, len(ids), epoch, 2)
            else:
                engine.train_slice(0, len(ids), epoch)
        losses.append(engine.heldout_loss(ids, offsets)[0])
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_one_word_under_hierarchical_softmax_is_refused(architecture):
    """The tree has no inner node; the native core would divide by the number of outputs and end the process."""
    with pytest.raises(ValueError, match=r"^counts must have 2 or more words for loss='hierarchical-softmax', got 1"):
        make_engine(
            np.zeros(4, np.int32),
            np.array([0, 4]),
            np.array([4]),
            architecture=architecture,
            loss="hierarchical-softmax",
        )


@pytest.mark.parametrize("name", ["dims", "window", "epochs", "threads"])
@pytest.mark.parametrize("size", [0, -1])
def test_sizes_below_one_are_refused(corpus, name, size):
    with pytest.raises(ParameterError, match=rf"^{name} must be at least 1, got {size}"):
        make_engine(*corpus, **{name: size})


def test_a_negative_number_of_negatives_and_no_words_are_refused(corpus):
    with pytest.raises(ParameterError, match=r"^negatives must be at least 1, got -1"):
        make_engine(*corpus, negatives=-1)
    with pytest.raises(ParameterError, match=r"^counts must have 1 or more words for"):
        make_engine(np.zeros(0, np.int32), np.array([0]), np.zeros(0, np.int64))


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_words_without_a_path_learn_nothing(architecture, instruction_set):
    """A unit without output rows: the native core divided by their number."""
    ids, offsets = np.zeros(40, np.int32), np.array([0, 40])
    engine = make_engine(
        ids, offsets, np.array([40, 1]), architecture=architecture, loss="hierarchical-softmax", dims=4, subsample=0,
        instruction_set=instruction_set,
    )  # fmt: skip
    engine._settings.path_offsets[:] = 0  # where the paths begin and end
    before = engine.input_vectors
    results = engine.train_slice(0, 40, 0), engine.train_rounds(0, 40, 0, threads=2)
    assert [result.loss_nats for result in results] == [0.0, 0.0]
    assert all(result.n_examples > 0 for result in results)
    assert engine.heldout_loss(ids, offsets)[0] == 0.0
    assert np.array_equal(engine.input_vectors, before)


def test_negatives_are_bounded(corpus):
    for negatives in (MAX_NEGATIVES + 1, 2**31 - 1):
        with pytest.raises(ParameterError, match=f"negatives must be at most 65536, got {negatives}"):
            make_engine(*corpus, dims=4, negatives=negatives)
    engine = make_engine(*corpus, dims=4, negatives=5)
    engine._settings = engine._settings.replace(negatives=MAX_NEGATIVES + 1)
    calls = [
        lambda: engine.train_slice(0, 10, 0),
        lambda: engine.train_rounds(0, len(corpus[0]), 0, threads=1),
        lambda: engine._kernel.plan_slice(engine._settings, 0, 10, 0),
    ]
    for call in calls:
        with pytest.raises(ParameterError, match="negatives must be 0 to 65536, got 65537"):
            call()
