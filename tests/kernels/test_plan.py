"""The sampling plan: native equals its NumPy twin exactly, and what it draws follows the stated distributions."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from engines import make_config, make_engine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from firth.corpus.philox import Purpose, draw_blocks, philox4x32
from firth.errors import ParameterError
from firth.kernels.plan import (
    UNIT_BORDER,
    PlanTables,
    plan_windows,
)
from firth.kernels.registry import OBJECTIVES
from firth.native.alias import make_alias_table
from firth.native.kernel import Kernel
from firth.native.loader import available_instruction_sets
from firth.numerics.distributions import build_alias_table, keep_probabilities, noise_probabilities

SETS = available_instruction_sets()
LAST_SET = SETS[-1]
STRETCH_TOKENS = {architecture: one.inputs.stretch_tokens for (architecture, _), one in OBJECTIVES.items()}
NOISE_SETS = {architecture: one.inputs.noise_sets for (architecture, _), one in OBJECTIVES.items()}
JOINED_WINDOWS = OBJECTIVES["skipgram", "negative-sampling"].inputs.joined_windows


# Known answers published with Random123 (Salmon et al. 2011), kat_vectors: philox4x32-10.
@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_published_answers(counter, key, answer):
    assert tuple(philox4x32(np.array(counter, np.uint32), key)) == answer


@pytest.mark.parametrize("instruction_set", SETS)
def test_initial_vectors_are_philox_words(instruction_set):
    matrix = np.zeros((5, 16), np.float32)
    Kernel(instruction_set).initial_vectors(2**40 + 7, matrix, 10, first_row=3)
    words = draw_blocks(2**40 + 7, Purpose.INITIAL, 0, np.arange(3, 8)[:, None], np.arange(3)).reshape(5, 12)[:, :10]
    assert np.array_equal(matrix[:, :10], ((words / 2**32 - 0.5) / 10).astype(np.float32))
    assert not matrix[:, 10:].any()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(st.just(0.0), st.floats(1e-300, 1e300), st.integers(1, 9).map(float)), min_size=1, max_size=60
    ).filter(any)
)
def test_the_native_alias_table_is_its_twin(weights):
    weights = np.array(weights) / max(weights)
    thresholds, aliases = make_alias_table(weights)
    twin = build_alias_table(weights)
    assert np.array_equal(thresholds, twin.threshold)
    assert np.array_equal(aliases, twin.alias)


def test_the_native_alias_table_of_a_large_vocabulary_is_its_twin():
    weights = noise_probabilities(np.random.default_rng(3).zipf(1.2, 100_000), 0.75)
    weights[::7] = 0
    thresholds, aliases = make_alias_table(weights)
    twin = build_alias_table(weights)
    assert np.array_equal(thresholds, twin.threshold)
    assert np.array_equal(aliases, twin.alias)


def native_windows(engine, start, stop, epoch):
    positions, targets, context_offsets, contexts, negative_offsets, negatives = engine._kernel.plan_slice(
        engine._settings, start, stop, epoch
    )
    return [
        (
            int(position),
            int(target),
            tuple(contexts[context_offsets[k] : context_offsets[k + 1]].tolist()),
            tuple(negatives[negative_offsets[k] : negative_offsets[k + 1]].tolist()),
        )
        for k, (position, target) in enumerate(zip(positions, targets, strict=True))
    ]


def make_corpus(rng, n_words, lengths):
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    ids = np.minimum(rng.geometric(0.3, offsets[-1]) - 1, n_words - 1).astype(np.int32)
    counts = np.bincount(ids, minlength=n_words).astype(np.int64) + 1
    return ids, offsets, counts


@pytest.mark.parametrize("instruction_set", SETS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_native_plan_equals_its_twin(instruction_set, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    n_words = data.draw(st.integers(2, 30))
    lengths = data.draw(st.lists(st.one_of(st.integers(0, 40), st.integers(0, 2500)), min_size=1, max_size=5))
    ids, offsets, counts = make_corpus(rng, n_words, lengths)
    seed = data.draw(st.integers(0, 2**64 - 1))
    sharing = data.draw(st.sampled_from(["block", "window", "pair"]))
    architecture = "skipgram" if sharing == "pair" else data.draw(st.sampled_from(["skipgram", "cbow"]))
    window = data.draw(st.one_of(st.integers(1, 12), st.integers(13, 70)))
    mode = data.draw(st.sampled_from(["dynamic", "fixed"] + (["sequence"] if max(lengths) <= 40 else [])))
    side = data.draw(st.sampled_from(["both", "left", "right"]))
    negatives = data.draw(st.integers(1, 7))
    collision = data.draw(st.sampled_from(["reject", "count", "drop"]))
    subsample = data.draw(st.sampled_from([0.0, 1e-3, 0.05]))
    exponent = data.draw(st.sampled_from([0.75, 0.0, -1.0, 3.0]))
    epoch = data.draw(st.integers(0, 3))
    parameters = {
        "dims": 4, "architecture": architecture, "window": window, "window_mode": mode, "window_side": side,
        "negatives": negatives, "negative_sharing": sharing, "target_collision": collision, "subsample": subsample,
        "noise_exponent": exponent, "seed": seed,
    }  # fmt: skip
    engine = make_engine(ids, offsets, counts, **parameters, instruction_set=instruction_set)
    config = make_config(**parameters)
    tables = PlanTables.build(counts, config)
    start = data.draw(st.integers(0, len(ids)))
    stop = data.draw(st.integers(start, len(ids)))
    expected = [
        (w.position, w.target_id, w.context_ids, w.negative_ids)
        for w in plan_windows(ids, offsets, tables, config, epoch=epoch, start=start, stop=stop)
    ]
    assert native_windows(engine, start, stop, epoch) == expected


def test_slices_plan_what_the_whole_plans():
    ids, offsets, counts = make_corpus(np.random.default_rng(3), 50, [700, 0, 3000, 1, 2, 900])
    engine = make_engine(ids, offsets, counts, dims=4, subsample=0.02, seed=5)
    whole = native_windows(engine, 0, len(ids), 1)
    for size in (1, 7, 500, 1024, 1025):
        pieces = [
            window for start in range(0, len(ids), size) for window in native_windows(engine, start, start + size, 1)
        ]
        assert pieces == whole


@pytest.mark.parametrize("subsample", [0.0, 0.01])
@pytest.mark.parametrize(("architecture", "unit_windows"), [("skipgram", JOINED_WINDOWS), ("cbow", 1)])
def test_windows_of_a_block_have_one_draw(architecture, unit_windows, subsample):
    ids, offsets, counts = make_corpus(np.random.default_rng(4), 5000, [3000, 400])
    engine = make_engine(
        ids, offsets, counts, architecture=architecture, dims=4, subsample=subsample, target_collision="count", seed=6
    )
    draws: dict[tuple[int, int], set[tuple[int, ...]]] = {}
    n_kept: Counter[int] = Counter()
    for position, _, _, negatives in native_windows(engine, 0, len(ids), 0):
        block = position // STRETCH_TOKENS[architecture]
        draws.setdefault((block, n_kept[block] // unit_windows % NOISE_SETS[architecture]), set()).add(negatives)
        n_kept[block] += 1
    assert (sum(n_kept.values()) == len(ids)) == (subsample == 0)
    assert all(len(shared) == 1 for shared in draws.values())
    n_draws = sum(min(NOISE_SETS[architecture], -(-n // unit_windows)) for n in n_kept.values())
    assert len(set().union(*draws.values())) == len(draws) == n_draws


def chi_square(observed, probabilities):
    expected = probabilities * observed.sum()
    seen = expected > 0
    assert not observed[~seen].any()
    return stats.chisquare(observed[seen], expected[seen] * (observed.sum() / expected[seen].sum())).pvalue


@pytest.mark.parametrize("exponent", [0.75, 1.0, 0.0, -0.5])
def test_negatives_follow_the_unigram_distribution_to_its_power(exponent):
    counts = np.array([5000, 2000, 900, 300, 100, 40, 10, 5], np.int64)
    ids = np.zeros(60_000, np.int32)
    engine = make_engine(
        ids, np.array([0, len(ids)]), counts, dims=4, negatives=5, negative_sharing="window", noise_exponent=exponent,
        subsample=0, target_collision="count", seed=11,
    )  # fmt: skip
    drawn = np.concatenate([window[3] for window in native_windows(engine, 0, len(ids), 0)])
    assert chi_square(np.bincount(drawn, minlength=8), noise_probabilities(counts, exponent)) > 1e-4


def test_rejection_leaves_the_distribution_of_the_other_words():
    counts = np.array([500, 200, 90, 30], np.int64)
    ids = np.zeros(40_000, np.int32)
    engine = make_engine(ids, np.array([0, len(ids)]), counts, dims=4, negative_sharing="window", subsample=0, seed=12)
    drawn = np.concatenate([window[3] for window in native_windows(engine, 0, len(ids), 0)])
    probabilities = noise_probabilities(counts, 0.75) * np.array([0, 1, 1, 1])
    assert chi_square(np.bincount(drawn, minlength=4), probabilities / probabilities.sum()) > 1e-4


def test_a_noise_distribution_with_zeros_never_draws_them():
    counts = np.array([9, 9, 9, 9], np.int64)
    ids = np.tile(np.array([0, 1, 2, 3], np.int32), 5000)
    engine = make_engine(
        ids, np.array([0, len(ids)]), counts, dims=4, subsample=0, target_collision="count", seed=13,
        noise_distribution=np.array([0.0, 0.5, 0.0, 0.5]),
    )  # fmt: skip
    drawn = np.concatenate([window[3] for window in native_windows(engine, 0, len(ids), 0)])
    assert set(drawn.tolist()) == {1, 3}


def test_subsampling_keeps_each_word_with_its_probability():
    rng = np.random.default_rng(8)
    ids, offsets, counts = make_corpus(rng, 12, [200_000])
    engine = make_engine(ids, offsets, counts, dims=4, subsample=0.01, seed=14)
    positions = np.array([window[0] for window in native_windows(engine, 0, len(ids), 0)])
    kept = np.bincount(ids[positions], minlength=12)
    total = np.bincount(ids, minlength=12)
    probabilities = keep_probabilities(counts, 0.01)
    z = (kept - total * probabilities) / np.sqrt(np.maximum(total * probabilities * (1 - probabilities), 1e-9))
    random = (probabilities < 1) & (total > 0)
    assert stats.chi2.sf((z[random] ** 2).sum(), random.sum()) > 1e-4
    assert np.array_equal(kept[~random], total[~random])


def dynamic_widths(sharing: str, epoch: int) -> NDArray[np.int64]:
    """Of the windows of whole blocks without subsampling, where lines do not cut them."""
    ids = np.arange(50_000, dtype=np.int32) % 1000
    engine = make_engine(
        ids,
        np.array([0, len(ids)]),
        np.full(1000, 50),
        dims=4,
        subsample=0,
        window=5,
        negative_sharing=sharing,
        seed=15,
    )
    margin = UNIT_BORDER
    windows = native_windows(engine, margin, len(ids) - len(ids) % margin - margin, epoch)
    return np.array([len(window[2]) // 2 for window in windows])


def test_dynamic_windows_are_uniform():
    assert chi_square(np.bincount(dynamic_widths("window", 0), minlength=6)[1:], np.full(5, 0.2)) > 1e-4


def test_the_units_of_a_stretch_use_the_widths_in_a_cycle():
    blocks = dynamic_widths("block", 0).reshape(-1, STRETCH_TOKENS["skipgram"])
    whole = STRETCH_TOKENS["skipgram"] // JOINED_WINDOWS * JOINED_WINDOWS  # the last unit has the places that are left
    units = blocks[:, :whole].reshape(len(blocks), -1, JOINED_WINDOWS)
    assert (units == units[:, :, :1]).all()
    assert ((blocks[:, whole] - units[:, -1, 0]) % 5 == 1).all()
    turns = units[:, :, 0]
    assert ((turns[:, 1:] - turns[:, :-1]) % 5 == 1).all()
    assert chi_square(np.bincount(turns[:, 0], minlength=6)[1:], np.full(5, 0.2)) > 1e-4
    epochs = np.stack([dynamic_widths("block", epoch) for epoch in range(5)])
    assert (np.sort(epochs, axis=0) == np.arange(1, 6)[:, None]).all()  # each window has each width once


def test_epochs_and_seeds_draw_anew():
    ids, offsets, counts = make_corpus(np.random.default_rng(3), 50, [500])
    plans = [
        native_windows(make_engine(ids, offsets, counts, dims=4, seed=seed), 0, len(ids), epoch)
        for seed in (1, 2, 2**33 + 1)
        for epoch in (0, 1)
    ]
    assert all(plans[a] != plans[b] for a in range(6) for b in range(a))


DOMINATED = np.array([10**6, 60, 20, 0, 15, 5], np.int64)  # word 0 is 99.99 % of the tokens, word 3 is never drawn


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize("purpose", [Purpose.NEGATIVES, Purpose.HELDOUT_NOISE])
@pytest.mark.parametrize("sharing", ["block", "window", "pair"])
@pytest.mark.parametrize("target", [0, 2])
def test_draws_anew_follow_the_distribution_without_the_target(instruction_set, purpose, sharing, target):
    ids = np.full(100_000 if sharing == "block" else 6000, target, np.int32)
    noise = DOMINATED / DOMINATED.sum()
    engine = make_engine(
        ids, np.array([0, len(ids)]), np.maximum(DOMINATED, 1), dims=4, negatives=5, negative_sharing=sharing,
        subsample=0, seed=3, noise_distribution=noise, instruction_set=instruction_set,
    )  # fmt: skip
    engine._settings = engine._settings.replace(noise_purpose=int(purpose))
    windows = native_windows(engine, 0, len(ids), 0)
    if sharing == "block":  # windows that share their draws count once
        block, unit = STRETCH_TOKENS["skipgram"], JOINED_WINDOWS
        windows = list({(w[0] // block, w[0] % block // unit % NOISE_SETS["skipgram"]): w for w in windows}.values())
    drawn = np.bincount(np.concatenate([window[3] for window in windows]), minlength=6)
    rest = np.where(np.arange(6) == target, 0, noise)
    if target == 2:  # words of a share of 1e-4 are too few for the test: all but word 0 together
        drawn, rest = np.array([drawn[0], drawn[1:].sum()]), np.array([rest[0], rest[1:].sum()])
    assert drawn.sum() > 20_000
    assert chi_square(drawn, rest / rest.sum()) > 1e-4


@pytest.mark.parametrize("sharing", ["block", "window", "pair"])
def test_native_plan_equals_its_twin_where_one_word_dominates(sharing):
    rng = np.random.default_rng(17)
    n_tokens = 100 if sharing == "pair" else 300
    ids = np.where(rng.random(n_tokens) < 0.9, 0, rng.integers(1, 6, n_tokens)).astype(np.int32)
    counts = np.bincount(ids, minlength=6).astype(np.int64)
    offsets = np.array([0, 70, n_tokens])
    engine = make_engine(ids, offsets, counts, dims=4, negative_sharing=sharing, subsample=0, seed=2**40)
    config = make_config(negative_sharing=sharing, subsample=0, seed=2**40)
    tables = PlanTables.build(counts, config)
    plan = plan_windows(ids, offsets, tables, config, epoch=1, start=0, stop=len(ids))
    expected = [(w.position, w.target_id, w.context_ids, w.negative_ids) for w in plan]
    assert native_windows(engine, 0, len(ids), 1) == expected
    assert all(target not in negatives for _, target, _, negatives in expected)


def test_windows_of_one_target_share_what_is_drawn_anew():
    ids = np.zeros(640, np.int32)
    engine = make_engine(ids, np.array([0, 640]), DOMINATED[[0, 1, 2, 4]], dims=4, subsample=0, seed=5)
    draws: dict[int, set[tuple[int, ...]]] = {}
    for position, _, _, negatives in native_windows(engine, 0, 640, 0):
        draws.setdefault(position // STRETCH_TOKENS["skipgram"], set()).add(negatives)
    assert all(len(shared) <= NOISE_SETS["skipgram"] for shared in draws.values())


def test_first_draws_do_not_depend_on_the_target():
    """Drawing anew changes the draws that equal the target and no others."""
    ids, offsets, counts = make_corpus(np.random.default_rng(3), 50, [2000])
    for sharing in ("block", "window", "pair"):
        kept, redrawn = (
            native_windows(
                make_engine(ids, offsets, counts, dims=4, seed=9, negative_sharing=sharing, target_collision=collision),
                0, len(ids), 0,
            )
            for collision in ("count", "reject")
        )  # fmt: skip
        for (_, target, _, first), (_, _, _, second) in zip(kept, redrawn, strict=True):
            assert [a for a in first if a != target] == [b for a, b in zip(first, second, strict=True) if a != target]
            assert target not in second


@pytest.mark.parametrize(
    ("noise", "parts"),
    [
        ([1.0, 1e-300, 0.0], [2**62, 1, 0]),
        ([3e9, 1e9, 0.0], [3 * 2**60, 2**60, 0]),
        ([1e-9, 0, 1e-9], [2**61, 0, 2**61]),
    ],
)
def test_the_noise_s_parts_are_its_shares_and_rare_words_have_one(noise, parts):
    tables = PlanTables.build(np.ones(3, np.int64), make_config(subsample=0), noise_distribution=np.array(noise))
    assert np.diff(tables.noise_parts).tolist() == parts


@pytest.mark.parametrize("sharing", ["block", "window", "pair"])
def test_noise_of_the_target_alone_is_an_error_and_no_other_word(sharing):
    engine = make_engine(
        np.array([2, 2, 2, 2], np.int32), np.array([0, 4]), np.ones(3, np.int64), dims=4, subsample=0, seed=1,
        negatives=3, negative_sharing=sharing, noise_distribution=np.array([0.0, 0.0, 1.0]),
    )  # fmt: skip
    with pytest.raises(ParameterError, match='another word than the target, for target_collision="reject"'):
        native_windows(engine, 0, 4, 0)
