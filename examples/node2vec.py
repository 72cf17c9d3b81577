"""node2vec: learns vectors of a graph's nodes from random walks, and predicts the groups of nodes.

    python examples/node2vec.py $FIRTH_DATA/graphs/karate.adjlist
    python examples/node2vec.py $FIRTH_DATA/graphs/blogcatalog.mat

Walks are sentences, nodes are words (Perozzi, Al-Rfou, Skiena 2014, DeepWalk, arXiv:1403.6652; Grover, Leskovec 2016,
node2vec, arXiv:1607.00653). A logistic regression for each group gives the group's probability. As in the papers, the
number of a node's groups is known, and this number of groups with the highest probabilities is predicted.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import scipy.io
import scipy.optimize
import scipy.sparse
import scipy.special
from sklearn.metrics import f1_score

from firth.estimators import SequenceEmbedder

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

# Zachary (1977), table 3: the club's members who went with the instructor, Mr. Hi (node 1), when it split.
MR_HI = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 17, 18, 20, 22}


def read_graph(path: Path) -> tuple[scipy.sparse.csr_array, np.ndarray]:
    """Read a graph: its symmetric adjacency matrix (n, n), and the groups of each node, bool (n, n_groups)."""
    if path.suffix == ".mat":
        data = scipy.io.loadmat(path)
        return scipy.sparse.csr_array(data["network"]), np.asarray(data["group"].todense(), dtype=bool)
    lines = [list(map(int, line.split())) for line in path.read_text().splitlines() if not line.startswith("#")]
    edges = np.array([(first, other) for first, *others in lines for other in others]) - 1
    n_nodes = int(edges.max()) + 1
    ones = np.ones(len(edges))
    half = scipy.sparse.coo_array((ones, (edges[:, 0], edges[:, 1])), shape=(n_nodes, n_nodes))
    hi = np.array([node + 1 in MR_HI for node in range(n_nodes)])
    return scipy.sparse.csr_array((half + half.T) > 0).astype(float), np.stack([hi, ~hi], axis=1)


def walk(
    graph: scipy.sparse.csr_array, n_walks: int, length: int, rng: np.random.Generator, p: float = 1.0, q: float = 1.0
) -> np.ndarray:
    """``n_walks`` random walks from every node, int64 (n_walks * n, length).

    A step back to the last node has the weight 1/p, a step to a common neighbour of both nodes 1, any other step 1/q.
    A step proposes a neighbour with uniform probability, and accepts it with the probability weight / largest weight.
    This needs no table of second-order transitions. All walks make their steps at the same time.
    """
    n_nodes = graph.shape[0]
    starts = np.concatenate([rng.permutation(n_nodes) for _ in range(n_walks)])
    degrees = np.diff(graph.indptr)
    neighbors, first = graph.indices, graph.indptr[:-1]
    keys = np.repeat(np.arange(n_nodes), degrees) * n_nodes + neighbors if p != 1 or q != 1 else None
    if keys is not None:
        keys = np.sort(keys)
    weights = np.array([1 / p, 1.0, 1 / q])
    walks = np.empty((len(starts), length), np.int64)
    walks[:, 0] = starts
    for step in range(1, length):
        here = walks[:, step - 1]
        pending = np.arange(len(starts))
        while pending.size:
            at = here[pending]
            proposed = neighbors[first[at] + (rng.random(len(at)) * degrees[at]).astype(np.int64)]
            walks[pending, step] = proposed
            if keys is None or step == 1:
                break
            before = walks[pending, step - 2]
            wanted = before * n_nodes + proposed
            index = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            kind = np.where(proposed == before, 0, np.where(keys[index] == wanted, 1, 2))
            pending = pending[rng.random(len(at)) * weights.max() > weights[kind]]
    return walks


def fit_groups(vectors: np.ndarray, groups: np.ndarray, penalty: float = 1.0) -> np.ndarray:
    """Fit a logistic regression for each group: weights, then biases, float64 (D + 1, n_groups).

    For each group, it minimises sum log(1 + exp(-y z)) + penalty/2 |w|^2, as liblinear does with C = 1 / penalty.
    """
    features = np.column_stack([vectors, np.ones(len(vectors))])
    shape = (features.shape[1], groups.shape[1])

    def loss_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(shape)
        logits = features @ weights
        loss = np.logaddexp(0, logits).sum() - logits[groups].sum() + 0.5 * penalty * np.sum(weights[:-1] ** 2)
        gradient = features.T @ (scipy.special.expit(logits) - groups)
        gradient[:-1] += penalty * weights[:-1]
        return loss, gradient.ravel()

    start = np.zeros(shape[0] * shape[1])
    found = scipy.optimize.minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", options={"maxiter": 100})
    return found.x.reshape(shape)


def score_groups(vectors: np.ndarray, groups: np.ndarray, share: float, seeds: range) -> tuple[float, float]:
    """Mean micro- and macro-F1 over random splits. In each, the groups of this share of the nodes are known."""
    scores = []
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(len(vectors))
        known, others = np.split(order, [round(share * len(order))])
        weights = fit_groups(vectors[known], groups[known])
        logits = vectors[others] @ weights[:-1] + weights[-1]
        ranks = np.argsort(np.argsort(-logits, axis=1, kind="stable"), axis=1)
        predicted = ranks < groups[others].sum(axis=1)[:, None]
        kinds = ("micro", "macro")
        scores.append([f1_score(groups[others], predicted, average=kind, zero_division=0) for kind in kinds])
    micro, macro = np.mean(scores, axis=0)
    return float(micro), float(macro)


def run(
    path: Path,
    *,
    n_walks: int = 10,
    length: int = 80,
    window: int = 10,
    dims: int = 128,
    epochs: int = 1,
    p: float = 1.0,
    q: float = 1.0,
    shares: tuple[float, ...] = SHARES,
    n_splits: int = 3,
    seed: int = 1,
) -> dict[float, tuple[float, float]]:
    graph, groups = read_graph(path)
    started = time.perf_counter()
    walks = walk(graph, n_walks, length, np.random.default_rng(seed), p, q)
    walked = time.perf_counter()
    embedder = SequenceEmbedder(
        dims=dims, window=window, epochs=epochs, min_count=1, subsample=0, random_state=seed, deterministic=False
    )
    vectors = embedder.fit(walks).transform(range(graph.shape[0])).astype(np.float64)
    done = time.perf_counter()
    print(
        f"{graph.shape[0]:,} nodes, {graph.nnz // 2:,} edges, {groups.shape[1]} groups; {len(walks):,} walks in"
        f" {walked - started:.1f} s, vectors in {done - walked:.1f} s"
    )
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    units *= np.sqrt(dims)  # features of about unit variance, which the regression's penalty fits
    found = {share: score_groups(units, groups, share, range(n_splits)) for share in shares}
    print("labels   " + "".join(f"{share:7.0%}" for share in shares))
    for kind, name in enumerate(("micro-F1", "macro-F1")):
        print(f"{name} " + "".join(f"{100 * found[share][kind]:7.2f}" for share in shares))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path", type=Path, help="DeepWalk's .mat, or an adjacency list of the karate club")
    parser.add_argument("--walks", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("-p", type=float, default=1.0)
    parser.add_argument("-q", type=float, default=1.0)
    parser.add_argument("--splits", type=int, default=3)
    arguments = parser.parse_args()
    run(
        arguments.path,
        n_walks=arguments.walks,
        epochs=arguments.epochs,
        p=arguments.p,
        q=arguments.q,
        n_splits=arguments.splits,
    )
