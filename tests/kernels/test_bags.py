"""Words as bags of rows in the engine: a slice is the plan through the reference; frozen words, rounds, losses."""

from __future__ import annotations

import numpy as np
import pytest
from engines import make_config, make_engine
from trajectory import train_by_reference

from firth.base.ngrams import NgramRules, character_ngrams
from firth.errors import ParameterError
from firth.kernels import engine as engine_module
from firth.kernels.registry import OBJECTIVES
from firth.kernels.subwords import BAG_TOKENS, WordBags, choose_bag_step, pack_vocabulary, with_buckets
from firth.native.loader import available_instruction_sets
from firth.numerics.bags import bag_means, step_gain

SETS = available_instruction_sets()
V = 40
SYLLABLES = ["ka", "lo", "mi", "tér", "ou"]
WORDS = [SYLLABLES[i % 5] + SYLLABLES[i // 5 % 5] + SYLLABLES[i * 7 % 3] + "s" * (i // 25) for i in range(V - 1)] + [
    "a"
]
PARAMETERS = {
    "dims": 20, "subsample": 0.05, "epochs": 1, "seed": 9, "learning_rate": 0.2, "min_learning_rate": 0.0,
    "subwords": True, "min_ngram": 3, "max_ngram": 5, "buckets": 31,
}  # fmt: skip


@pytest.fixture(scope="module")
def corpus():
    rng = np.random.default_rng(4)
    offsets = np.concatenate([[0], np.cumsum([60, 0, 1, 150, 25])]).astype(np.int64)
    ids = np.minimum(rng.geometric(0.08, offsets[-1]) - 1, V - 1).astype(np.int32)
    return ids, offsets, np.bincount(ids, minlength=V).astype(np.int64) + 1


def make_bags(**changes):
    return WordBags.build(pack_vocabulary(WORDS), make_config(**{**PARAMETERS, **changes}))


def run_of(objective, options=None, **changes):
    return {
        "architecture": objective.inputs.architecture, "loss": objective.outputs.loss, "bags": make_bags(),
        **(options or {}), **PARAMETERS, **changes,
    }  # fmt: skip


@pytest.fixture(scope="module")
def by_reference():
    trained = {}

    def train(corpus, run):
        key = str(sorted((name, str(value)) for name, value in run.items() if name != "bags"))
        if key not in trained:
            trained[key] = train_by_reference(corpus, run)
        return trained[key]

    return train


def bag_lists(bags):
    return [bags.bags.rows[a:b] for a, b in zip(bags.bags.offsets[:-1], bags.bags.offsets[1:], strict=True)]


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize("sharing", ["block", "pair"])
@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=lambda objective: objective.name)
def test_an_epoch_is_the_plan_through_the_reference(corpus, objective, sharing, instruction_set, by_reference):
    """Hidden vectors are those of a stretch's begin and the steps taken since, and go to the rows at its end."""
    variants = objective.inputs.variants()
    for options in variants if sharing == "block" else variants[:1]:
        run = run_of(objective, options, negative_sharing=sharing)
        engine = make_engine(*corpus, instruction_set=instruction_set, **run)
        result = engine.train_slice(0, len(corpus[0]), 0)
        inputs, outputs, (total,) = by_reference(corpus, run)
        assert result.loss_nats == pytest.approx(total, rel=1e-5)
        assert np.abs(engine.input_vectors - inputs).max() < 2e-5
        assert np.abs(engine.output_vectors - outputs).max() < 2e-5


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=lambda objective: objective.name)
def test_whole_sequences_are_the_plan_through_the_reference(corpus, objective, by_reference):
    run = run_of(objective, window_mode="sequence", learning_rate=0.02)
    engine = make_engine(*corpus, **run)
    result = engine.train_slice(0, len(corpus[0]), 0)
    inputs, outputs, (total,) = by_reference(corpus, run)
    assert result.loss_nats == pytest.approx(total, rel=1e-4)
    assert np.abs(engine.input_vectors - inputs).max() < 5e-5
    assert np.abs(engine.output_vectors - outputs).max() < 5e-5


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=lambda objective: objective.name)
def test_slices_change_nothing_where_they_end_with_a_stretch(corpus, objective):
    run = run_of(objective)
    whole, parts = make_engine(*corpus, **run), make_engine(*corpus, **run)
    n_tokens = len(corpus[0])
    whole.train_slice(0, n_tokens, 0)
    for start in range(0, n_tokens, 2 * BAG_TOKENS):
        parts.train_slice(start, min(n_tokens, start + 2 * BAG_TOKENS), 0)
    np.testing.assert_array_equal(whole.input_vectors, parts.input_vectors)


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=lambda objective: objective.name)
def test_frozen_words_keep_their_vectors_to_the_bit(corpus, objective, deterministic):
    bags = make_bags(buckets=400)
    frozen = np.zeros(V, np.bool_)
    frozen[[3, 11, V - 1]] = True
    engine = make_engine(*corpus, frozen=frozen, **{**run_of(objective), "bags": bags})
    before = bag_means(engine.input_vectors, bag_lists(bags))
    if deterministic:
        engine.train_rounds(0, len(corpus[0]), 0, 2)
    else:
        engine.train_slice(0, len(corpus[0]), 0)
    after = bag_means(engine.input_vectors, bag_lists(bags))
    np.testing.assert_array_equal(after[frozen], before[frozen])
    rows = bags.freeze_rows(frozen)
    free = np.array([not rows[bag].any() for bag in bag_lists(bags)])
    assert free.any()
    assert (np.abs(after[free] - before[free]).max(axis=1) > 0).all()


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=lambda objective: objective.name)
def test_rounds_give_the_same_bits_from_any_number_of_threads(corpus, objective, monkeypatch):
    monkeypatch.setattr(engine_module, "_TOKENS_WORTH_A_BARRIER", 0)  # so short a corpus would have one thread
    engines = [make_engine(*corpus, **run_of(objective)) for _ in range(3)]
    for engine, threads in zip(engines, (1, 2, 5), strict=True):
        engine.train_rounds(0, len(corpus[0]), 0, threads)
    for engine in engines[1:]:
        np.testing.assert_array_equal(engine.input_vectors, engines[0].input_vectors)
        np.testing.assert_array_equal(engine.output_vectors, engines[0].output_vectors)
    start = make_engine(*corpus, **run_of(objective)).input_vectors
    assert np.abs(engines[0].input_vectors - start).max() > 1e-5


def test_one_shard_of_a_round_is_a_slice(corpus):
    """A corpus of one shard, whose rows nobody shares: the rounds add nothing of their own."""
    ids, _, counts = corpus
    short = ids[:60], np.array([0, 60], np.int64), counts
    run = run_of(OBJECTIVES["skipgram", "negative-sampling"], learning_rate=1e-3)
    rounds, slices = make_engine(*short, **run), make_engine(*short, **run)
    assert rounds.round_tokens >= 8 * 60
    rounds.train_rounds(0, 60, 0, 2)
    slices.train_slice(0, 60, 0)
    np.testing.assert_array_equal(rounds.input_vectors, slices.input_vectors)


def test_losses_change_no_row(corpus):
    objective = OBJECTIVES["skipgram", "negative-sampling"]
    engine = make_engine(*corpus, **run_of(objective))
    engine.train_slice(0, len(corpus[0]), 0)
    before = engine.input_vectors
    first, n_examples = engine.heldout_loss(*corpus[:2])
    assert np.isfinite(first)
    assert n_examples > 100
    assert engine.first_loss(100) > 0
    np.testing.assert_array_equal(engine.input_vectors, before)
    # The held-out loss is that of the hidden vectors as whole words.
    hidden = make_engine(*corpus, **{**run_of(objective), "bags": None, "subwords": False})
    hidden.load_vectors(bag_means(before, bag_lists(make_bags())).astype(np.float32), engine.output_vectors)
    assert hidden.heldout_loss(*corpus[:2])[0] == pytest.approx(first, rel=1e-5)


def test_a_stopped_slice_keeps_what_it_learned(corpus):
    engine = make_engine(*corpus, **run_of(OBJECTIVES["cbow", "softmax"]))
    engine.request_stop()
    from firth.kernels.engine import StoppedError

    with pytest.raises(StoppedError):
        engine.train_slice(0, len(corpus[0]), 0)
    engine.clear_stop()
    assert np.isfinite(engine.train_slice(0, len(corpus[0]), 0).loss_nats)


def test_touches_of_bags() -> None:
    bags = make_bags()
    of_words = np.arange(1.0, V + 1)
    hidden, rows = bags.touches(of_words)
    lists = bag_lists(bags)
    row_sums = [sum(of_words[w] * list(bag).count(row) for w, bag in enumerate(lists)) for row in range(bags.n_rows)]
    np.testing.assert_allclose(hidden, [np.mean([row_sums[row] for row in bag]) for bag in lists])
    row = int(lists[0][1])
    weights = np.array([of_words[w] * list(bag).count(row) for w, bag in enumerate(lists)])
    assert rows[row] == pytest.approx(float((weights * hidden).sum() / weights.sum()))
    assert hidden[V - 1] <= of_words[V - 1] + max(row_sums)


def test_the_expected_gain_is_near_that_of_drawn_stretches() -> None:
    rng = np.random.default_rng(2)
    bags = make_bags(buckets=400)
    kept = rng.dirichlet(np.ones(V))
    gains = []
    for _ in range(300):
        words = np.unique(rng.choice(V, BAG_TOKENS + 10, p=kept))
        lists = [bag_lists(bags)[word] for word in words]
        gains.append(step_gain(lists))
    assert bags.step_gain(kept, 10) == pytest.approx(np.mean(gains), rel=0.35)
    assert bags.step_gain(kept, 10) < bags.step_gain(kept, 500)


def test_the_step_is_damped_where_words_share_most_of_their_rows() -> None:
    counts = np.full(V, 100)
    config = make_config(**{**PARAMETERS, "learning_rate": 0.025})
    assert choose_bag_step(make_bags(buckets=10**6), counts, config, 6.0) == pytest.approx(1, abs=0.9)
    letters = make_config(**{**PARAMETERS, "min_ngram": 1, "max_ngram": 1, "learning_rate": 0.025})
    shared = choose_bag_step(WordBags.build(pack_vocabulary(WORDS), letters), counts, letters, 6.0)
    assert shared < 0.5 * choose_bag_step(make_bags(buckets=10**6), counts, config, 6.0)
    tiny = make_config(**{**PARAMETERS, "learning_rate": 1e-5})
    assert choose_bag_step(make_bags(), counts, tiny, 6.0) == 1


def test_buckets_fit_the_vocabulary() -> None:
    config = make_config(**{**PARAMETERS, "buckets": None})
    rules = NgramRules(3, 5, 1)
    distinct = {ngram for word in WORDS for ngram in character_ngrams(word.encode(), rules)}
    assert with_buckets(config, WORDS).buckets == len(distinct)
    assert with_buckets(make_config(**PARAMETERS), WORDS).buckets == 31
    plain = make_config(subwords=False)
    assert with_buckets(plain, WORDS) is plain
    with pytest.raises(ParameterError, match="min_ngram must leave the words an n-gram, got 20"):
        with_buckets(make_config(**{**PARAMETERS, "buckets": None, "min_ngram": 20, "max_ngram": 20}), WORDS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"min_ngram": 4, "max_ngram": 3}, "min_ngram must be at most the max_ngram of 3, got 4"),
        ({"min_ngram": 0}, "min_ngram must be at least 1, got 0"),
        ({"max_ngram": 65}, "max_ngram must be at most 64, got 65"),
        ({"buckets": 0}, "buckets must be at least 1, got 0"),
        ({"buckets": 2**31}, "buckets must be at most 2147483647, got 2147483648"),
        ({"subwords": 1}, "subwords must be True or False, got 1"),
    ],
)
def test_parameters_that_are_refused(changes, message) -> None:
    with pytest.raises(ParameterError, match=message):
        make_config(**{**PARAMETERS, **changes})
