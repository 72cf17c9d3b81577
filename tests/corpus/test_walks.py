"""Random walks: their frequencies against the definition, their independence of threads, and walks as a corpus."""

from __future__ import annotations

import doctest
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import scipy.stats

import firth
from firth.corpus.encoded import EncodedCorpus
from firth.native import walks as walks_of_the_core
from firth.native.loader import StoppedError, validate_status
from firth.native.stopping import StopFlag
from firth.numerics.walks import first_order_probabilities, second_order_probabilities

SMALLEST_P_VALUE = 1e-4  # of a whole test with a fixed seed
MIN_EXPECTED = 5  # of a cell of a chi-square test


def _random_graph(directed: bool, weighted: bool, n_nodes: int = 12, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    weights = (rng.random((n_nodes, n_nodes)) < 0.4).astype(float)
    if weighted:
        weights *= rng.choice([0.1, 0.5, 1.0, 3.0, 7.0], weights.shape)
    if not directed:
        weights = np.maximum(weights, weights.T)
    weights[0, 0] = 1.0  # a node that is its own neighbour
    return weights


def _p_value(counts: dict[tuple[int, ...], Counter[int]], probabilities: dict[tuple[int, ...], np.ndarray]) -> float:
    """Of the chi-square statistic over all states of the walk; a step of probability 0 must not occur."""
    statistic, freedom = 0.0, 0
    for state, found in counts.items():
        expected = probabilities[state] * sum(found.values())
        assert all(expected[node] > 0 for node in found), state
        observed = np.array([found[node] for node in range(len(expected))])
        rare = expected < MIN_EXPECTED  # these cells are one cell, if it is large enough
        cells = [(observed[node], expected[node]) for node in np.flatnonzero(~rare)]
        if expected[rare].sum() >= MIN_EXPECTED:
            cells.append((observed[rare].sum(), expected[rare].sum()))
        elif cells:  # together with the largest cell
            largest = max(range(len(cells)), key=lambda cell: cells[cell][1])
            cells[largest] = (cells[largest][0] + observed[rare].sum(), cells[largest][1] + expected[rare].sum())
        statistic += sum((seen - wanted) ** 2 / wanted for seen, wanted in cells)
        freedom += max(0, len(cells) - 1)
    assert freedom > 20
    return float(scipy.stats.chi2.sf(statistic, freedom))


def _second_order_counts(walks: firth.Walks) -> dict[tuple[int, ...], Counter[int]]:
    counts: dict[tuple[int, ...], Counter[int]] = {}
    for numbers, lengths in walks.blocks():
        assert set(lengths.tolist()) == {walks.walk_length}
        steps = numbers.reshape(-1, walks.walk_length)
        triples, repeats = np.unique(
            np.lib.stride_tricks.sliding_window_view(steps, 3, axis=1).reshape(-1, 3), axis=0, return_counts=True
        )
        for (previous, here, following), repeat in zip(triples.tolist(), repeats.tolist(), strict=True):
            counts.setdefault((previous, here), Counter())[following] += repeat
    return counts


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (0.5, 2.0), (4.0, 0.25), (0.01, 50.0), (50.0, 20.0)])
def test_steps_have_the_probabilities_of_the_definition(directed: bool, weighted: bool, p: float, q: float) -> None:
    weights = _random_graph(directed, weighted)
    walks = firth.Walks(scipy.sparse.csr_array(weights), p=p, q=q, walks_per_node=400, walk_length=80)
    counts = _second_order_counts(walks)
    probabilities = {state: second_order_probabilities(weights, *state, p=p, q=q) for state in counts}
    assert _p_value(counts, probabilities) > SMALLEST_P_VALUE
    if 0.1 < p < 10:  # the test sees a p that is 15 % off where steps back are neither rare nor all
        shifted = {state: second_order_probabilities(weights, *state, p=p * 1.15, q=q) for state in counts}
        assert _p_value(counts, shifted) < SMALLEST_P_VALUE


@pytest.mark.parametrize("weighted", [False, True])
def test_first_steps_have_the_first_order(weighted: bool) -> None:
    weights = _random_graph(True, weighted)
    walks = firth.Walks(scipy.sparse.csr_array(weights), p=0.1, q=9.0, walks_per_node=2000, walk_length=2)
    counts: dict[tuple[int, ...], Counter[int]] = {}
    n_walks = 0
    for numbers, _ in walks.blocks():
        n_walks += len(numbers) // 2
        for (here, following), repeat in Counter(map(tuple, numbers.reshape(-1, 2).tolist())).items():
            counts.setdefault((here,), Counter())[following] += repeat
    assert n_walks == len(walks) == 2000 * 12
    assert {sum(found.values()) for found in counts.values()} == {2000}  # as many walks begin at each node
    statistic = 0.0
    freedom = 0
    for (here,), found in counts.items():
        expected = 2000 * first_order_probabilities(weights, here)
        possible = expected > 0
        observed = np.array([found[node] for node in range(12)])
        assert not observed[~possible].any()
        statistic += float(((observed - expected)[possible] ** 2 / expected[possible]).sum())
        freedom += int(possible.sum()) - 1
    assert scipy.stats.chi2.sf(statistic, freedom) > SMALLEST_P_VALUE


def test_rejection_and_scan_agree_on_many_neighbors() -> None:
    """A hub whose neighbours are far from the previous node: q rejects most proposals, so the scan decides."""
    n_nodes = 40
    weights = np.zeros((n_nodes, n_nodes))
    weights[0, 1:] = weights[1:, 0] = 1
    weights[1, 2] = weights[2, 1] = 1
    walks = firth.Walks(scipy.sparse.csr_array(weights), p=1e4, q=1e3, walks_per_node=300, walk_length=80)
    counts = {state: found for state, found in _second_order_counts(walks).items() if state == (1, 0)}
    expected = second_order_probabilities(weights, 1, 0, p=1e4, q=1e3)
    n_steps = sum(counts[1, 0].values())
    assert n_steps > 5000
    assert expected[2] == pytest.approx(1 / (1 + 37e-3 + 1e-4))
    share = counts[1, 0][2] / n_steps
    assert abs(share - expected[2]) < 4 * np.sqrt(expected[2] * (1 - expected[2]) / n_steps)


@pytest.mark.parametrize("threads", [2, 3])
def test_walks_do_not_depend_on_threads(threads: int) -> None:
    graph = scipy.sparse.csr_array(_random_graph(True, True))
    walks = firth.Walks(graph, p=0.5, q=2.0, walks_per_node=7, walk_length=30, seed=2**63 + 5)
    one = [np.concatenate(parts) for parts in zip(*walks.blocks(threads=1), strict=True)]
    many = [np.concatenate(parts) for parts in zip(*walks.blocks(threads=threads), strict=True)]
    assert np.array_equal(one[0], many[0])
    assert np.array_equal(one[1], many[1])
    other = firth.Walks(graph, p=0.5, q=2.0, walks_per_node=7, walk_length=30, seed=5)
    assert not np.array_equal(one[0], np.concatenate([numbers for numbers, _ in other.blocks()]))


def test_a_stop_flag_ends_drawing() -> None:
    core, flag = walks_of_the_core._functions(), StopFlag()
    starts, neighbors = np.array([0, 1, 2]), np.array([1, 0], np.int32)
    length = 5000
    start_nodes, nodes, lengths = np.zeros(1, np.int32), np.zeros(length, np.int32), np.zeros(1, np.int64)
    arrays = [array.ctypes.data for array in (start_nodes, nodes, lengths)]
    arguments = (2, starts.ctypes.data, neighbors.ctypes.data, None, 1.0, 2.0, 1, 0, 1, length, *arrays)
    assert core.firth_walks_draw(*arguments) == length
    flag.set()
    with flag.watched(), pytest.raises(StoppedError):
        validate_status(core, core.firth_walks_draw(*arguments))


def test_walks_do_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    walks = firth.Walks(scipy.sparse.csr_array(_random_graph(False, False)), q=3.0, walks_per_node=3, walk_length=9)
    whole = list(walks)
    monkeypatch.setattr("firth.corpus.walks.BLOCK_NODES", 20)
    assert list(walks) == whole
    assert len({tuple(walk) for walk in whole}) > 30  # no two turns are the same


def test_a_walk_ends_where_no_edge_leaves() -> None:
    with pytest.warns(firth.errors.CorpusWarning, match=r"^no edge leaves 1 of 3 nodes \(such as 3\): walks end there"):
        walks = firth.Walks(np.array([[1, 2], [2, 3]]), directed=True, walks_per_node=2, walk_length=5)
    assert sorted(walks) == [[1, 2, 3], [1, 2, 3], [2, 3], [2, 3]]
    assert walks.shape == (4, 5)
    assert repr(walks) == "Walks(4 walks of 5 nodes on 3 nodes, p=1, q=1)"


def test_a_node_without_edges_is_said() -> None:
    matrix = scipy.sparse.csr_array(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    with pytest.warns(
        firth.errors.CorpusWarning, match=r"1 of 3 nodes have no edge \(such as 2\): no walk visits them"
    ):
        walks = firth.Walks(matrix, walks_per_node=1, walk_length=3)
    assert sorted(walks) == [[0, 1, 0], [1, 0, 1]]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_encoded_corpus_is_that_of_the_lists(tmp_path: Path, threads: int) -> None:
    graph = np.array([[-5, 2**40], [2**40, 7], [7, -5], [7, 1]])
    walks = firth.Walks(graph, p=0.5, q=2.0, walks_per_node=5, walk_length=20)
    streamed = firth.encode_corpus(walks, folder=tmp_path / "streamed", min_count=1, threads=threads)
    listed = firth.encode_corpus(list(walks), folder=tmp_path / "listed", min_count=1)
    assert streamed.vocabulary.words.tolist() == listed.vocabulary.words.tolist()
    assert sorted(streamed.vocabulary.words) == [-5, 1, 7, 2**40]
    for name in ("ids", "offsets"):
        assert np.array_equal(getattr(streamed, name), getattr(listed, name))


@pytest.mark.filterwarnings("ignore:no edge leaves")
def test_walks_that_end_early_and_names_encode(tmp_path: Path) -> None:
    (tmp_path / "graph.csv").write_text("a,b\nb,c\nz,c\n", encoding="utf-8")
    walks = firth.Walks(tmp_path / "graph.csv", directed=True, walks_per_node=3, walk_length=4)
    encoded = firth.encode_corpus(walks, folder=tmp_path / "corpus", min_count=1)
    assert isinstance(encoded, EncodedCorpus)
    words = encoded.vocabulary.words
    offsets = np.asarray(encoded.offsets)
    found = [[words[word_id] for word_id in encoded.ids[start:stop]] for start, stop in pairwise(offsets)]
    assert found == list(walks)
    assert sorted(map(tuple, found)) == sorted([("a", "b", "c"), ("b", "c"), ("z", "c")] * 3)


def test_training_takes_walks() -> None:
    """Two cliques with one edge between them: a node is nearest to its own clique."""
    edges = [(a + s, b + s) for s in (0, 10) for a in range(10) for b in range(a)] + [(0, 10)]
    walks = firth.Walks(np.array(edges), walk_length=40)
    model = firth.train(walks, dims=8, window=5, min_count=1, subsample=0, epochs=3, threads=1, progress=False)
    near = [neighbor.word for neighbor in model.vectors.neighbors(5, top=9)]
    assert sorted(near) == [0, 1, 2, 3, 4, 6, 7, 8, 9]


@pytest.mark.parametrize("name", ["p", "q"])
@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "1", True, 1e-12])
def test_p_and_q_must_be_above_zero(name: str, value: object) -> None:
    with pytest.raises(firth.ParameterError, match=f"{name} must be"):
        firth.Walks(np.array([[0, 1]]), **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"walks_per_node": 0}, "walks_per_node must be at least 1, got 0"),
        ({"walk_length": 1}, "walk_length must be at least 2, got 1"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"directed": 1}, "directed must be True or False, got 1"),
        ({"weighted": "yes"}, "weighted must be True or False, got 'yes'"),
    ],
)
def test_bad_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(firth.ParameterError, match=message):
        firth.Walks(np.array([[0, 1]]), **options)  # type: ignore[arg-type]


def test_walks_refuse_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(firth.ParameterError, match="tokenizer must be None"):
        firth.encode_corpus(firth.Walks(np.array([[0, 1]])), folder=tmp_path / "c", tokenizer=str.split)


def test_the_page_runs() -> None:
    page = Path(__file__).parents[2] / "docs" / "graphs.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried >= 7
    assert failed == 0


def test_the_docstring_runs() -> None:
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(firth.Walks, "Walks", globs={})
    assert doctest.DocTestRunner().run(example) == (0, 4)
