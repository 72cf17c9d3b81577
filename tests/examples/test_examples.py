"""The examples run, on small data, and find what they should."""

from __future__ import annotations

import importlib.util
import os
import types
from pathlib import Path

import numpy as np
import pytest

import firth

EXAMPLES = Path(__file__).parents[2] / "examples"


def load_example(name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(name="data")
def find_data() -> Path:
    if "FIRTH_DATA" not in os.environ:
        pytest.skip("FIRTH_DATA is not set: the example's data is in it")
    return Path(os.environ["FIRTH_DATA"])


@pytest.mark.data
def test_item2vec_on_the_groceries(data: Path, capsys) -> None:
    rates = load_example("item2vec").run(data / "baskets" / "groceries.csv", epochs=40, seed=1)
    assert rates["item2vec"][10] > rates["popularity"][10]
    assert rates["item2vec"][1] > 0.08
    assert "whole milk: UHT-milk" in capsys.readouterr().out


def test_item2vec_on_made_baskets(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    kinds = [[f"{kind}{number}" for number in range(6)] for kind in "abcd"]
    path = tmp_path / "baskets.csv"
    baskets = [rng.choice(kinds[rng.integers(4)], 4, replace=False) for _ in range(600)]
    path.write_text("".join(",".join(basket) + "\n" for basket in baskets))
    rates = load_example("item2vec").run(path, epochs=40, dims=10)
    assert rates["item2vec"][5] > 0.95
    assert rates["popularity"][5] < 0.4


def test_documents_find_their_second_halves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(3)
    topics = [[f"{topic}{number}" for number in range(8)] for topic in "abcdefghij"]
    lines = [" ".join(rng.choice(topics[number % 10] + topics[number // 10], 80)) for number in range(100)]
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(lines) + "\n")
    rates = load_example("documents").run(path, epochs=60, dims=20)
    assert set(rates) == {"document vectors", "mean", "sif"}
    assert rates["document vectors"] > 0.3  # of guessing: 0.01
    assert "100 texts, 80 words" in capsys.readouterr().out


@pytest.mark.data
def test_node2vec_on_the_karate_club(data: Path) -> None:
    path = data / "graphs" / "karate.adjlist"
    found = load_example("node2vec").run(
        path, n_walks=20, length=40, window=5, dims=32, epochs=5, q=0.5, shares=(0.5,), n_splits=10
    )
    assert found[0.5][0] > 0.8


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_walks_are_worth_stored_walks_on_blogcatalog(data: Path) -> None:
    """The measure of the example: micro-F1 and macro-F1 at half of the labels, within a point of stored walks."""
    example = load_example("node2vec")
    graph, groups = example.read_graph(data / "graphs" / "blogcatalog.mat")
    sources = {
        "drawn": firth.Walks(graph, p=0.5, q=2.0),
        "stored": example.walk(graph, 10, 80, np.random.default_rng(1), 0.5, 2.0),
    }
    scores = {}
    for name, source in sources.items():
        settings = {"dims": 128, "window": 10, "epochs": 1, "min_count": 1, "subsample": 0}
        vectors = firth.train(source, seed=1, progress=False, **settings).vectors[list(range(graph.shape[0]))]
        units = vectors.astype(np.float64) / np.linalg.norm(vectors, axis=1, keepdims=True) * np.sqrt(128)
        scores[name] = example.score_groups(units, groups, 0.5, range(1))
    assert scores["stored"][0] > 0.33
    np.testing.assert_allclose(scores["drawn"], scores["stored"], atol=0.01)


def test_walks_go_along_edges_with_node2vecs_weights() -> None:
    example = load_example("node2vec")
    # From 0 to 1; then 0 is the way back, 2 a common neighbour, 3 farther away.
    edges = np.array([[0, 1], [0, 2], [1, 2], [1, 3]])
    graph = np.zeros((4, 4))
    graph[edges[:, 0], edges[:, 1]] = graph[edges[:, 1], edges[:, 0]] = 1
    sparse = example.scipy.sparse.csr_array(graph)
    walks = example.walk(sparse, 40_000, 3, np.random.default_rng(5), p=4.0, q=0.5)
    assert graph[walks[:, :-1], walks[:, 1:]].all()
    thirds = walks[(walks[:, 0] == 0) & (walks[:, 1] == 1), 2]
    shares = np.bincount(thirds, minlength=4) / len(thirds)
    expected = np.array([0.25, 0.0, 1.0, 2.0]) / 3.25
    np.testing.assert_allclose(shares, expected, atol=5 * np.sqrt(0.25 / len(thirds)))


def test_group_regression_is_scikit_learns() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(6)
    vectors = rng.normal(size=(80, 3))
    groups = vectors @ rng.normal(size=(3, 2)) + 0.5 * rng.normal(size=(80, 2)) > 0
    weights = load_example("node2vec").fit_groups(vectors, groups)
    for group in range(2):
        other = linear_model.LogisticRegression(C=1.0, tol=1e-8).fit(vectors, groups[:, group])
        np.testing.assert_allclose(weights[:-1, group], other.coef_[0], atol=1e-3)


def test_word_change_finds_exchanged_words(tmp_path: Path, capsys) -> None:
    rng = np.random.default_rng(9)
    topics = [[f"{letter}{number}" for number in range(25)] for letter in "abcdefgh"]
    path = tmp_path / "texts.txt"
    texts = [rng.choice(topics[rng.integers(8)], 12) for _ in range(6000)]
    path.write_text("".join(" ".join(text) + "\n" for text in texts))
    example = load_example("word_change")
    example.choose_pairs = lambda texts, n_pairs, seed: [("a1", "b1"), ("c1", "d1"), ("e1", "f1")]
    moved = example.run(path, n_pairs=3, n_words=200, dims=16, min_count=5, epochs=5)
    assert {word for word, _ in moved} == {"a1", "b1", "c1", "d1", "e1", "f1"}
    assert "6 of 6 exchanged words" in capsys.readouterr().out


def test_trees_are_read_as_texts(tmp_path: Path) -> None:
    path = tmp_path / "trees.txt"
    path.write_text("(3 (2 A) (4 (3 Fine) (2 film)))\n")
    assert list(load_example("word_change").read_texts(path, None)) == [["a", "fine", "film"]]


def test_phrases_are_found_and_learned(tmp_path: Path, capsys) -> None:
    rng = np.random.default_rng(4)
    words = [f"w{number}" for number in range(40)]
    texts = [list(rng.choice(words, 8)) for _ in range(800)]
    for text in texts[::4]:
        text[2:2] = ["state", "of", "the", "art"]
    phrases, model = load_example("phrases").run(
        texts, threshold=3, epochs=1, dims=8, table_file=tmp_path / "phrases.txt"
    )
    assert set(phrases.scores) == {("state", "of", "the", "art")}
    assert "state_of_the_art" in model.vectors
    assert "1 of 41 words are phrases" in capsys.readouterr().out
    assert (tmp_path / "phrases.txt").read_text().count("\n") == 2
