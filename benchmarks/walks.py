"""Random walks, and node2vec from graph to vectors, side by side with PecanPy's, interleaved, a process for each round.

    python benchmarks/walks.py [GRAPH.mat] --pecanpy-python PATH [--end-to-end] [--rounds 3] [-p 0.5] [-q 2] [--json]

GRAPH.mat is DeepWalk's file of BlogCatalog; without it ``$FIRTH_DATA/graphs/blogcatalog.mat`` is used. Both programs
draw 10 walks of 80 nodes from each node. PecanPy runs in its modes SparseOTF and PreComp; compilation by Numba, and
reading the graph, are left out for both; PreComp's tables, and the names of nodes that PecanPy puts into its walks, are
a part of its time. Told: steps, or trained graphs, for each second of processor time, so that another load of the
machine changes them little.

``--end-to-end`` measures walks and training together: PecanPy trains by gensim's Word2Vec, as its ``embed`` does; firth
has the same settings (skip-gram, 128 dims, window 10, 5 negatives, 1 epoch, subsampling at 0.001). With ``--f1`` the
micro-F1 of BlogCatalog's groups at half of the labels is told too: logistic regression, as in examples/node2vec.py.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MUST, AIM = 3.0, 10.0
MUST_END, AIM_END = 10.0, 25.0
N_WALKS, LENGTH = 10, 80
DIMS, WINDOW, NEGATIVES, SUBSAMPLE = 128, 10, 5, 1e-3  # what PecanPy passes to gensim, and gensim's defaults


def main() -> None:
    arguments = parse_arguments()
    if arguments.worker:
        print(json.dumps(WORKERS[arguments.worker](arguments)))
        return
    must, aim = (MUST_END, AIM_END) if arguments.end_to_end else (MUST, AIM)
    what = "graphs" if arguments.end_to_end else "M steps"
    rates: dict[str, list[float]] = {worker: [] for worker in WORKERS}
    scores: dict[str, list[float]] = {worker: [] for worker in WORKERS}
    for seed in range(1, arguments.rounds + 1):
        for worker in WORKERS:
            found = run_worker(arguments, worker, seed)
            rates[worker].append(found["done"] / found["cpu_s"])
            if "micro_f1" in found:
                scores[worker].append(found["micro_f1"])
            print(f"round {seed}, {worker}: {found}", file=sys.stderr, flush=True)
    medians = {worker: statistics.median(found) for worker, found in rates.items()}
    best = max(rate for worker, rate in medians.items() if worker != "firth")
    ratio = medians["firth"] / best
    if arguments.json:
        print(json.dumps({"per_cpu_s": rates, "micro_f1": scores, "ratio": ratio, "must": must, "aim": aim}, indent=2))
        return
    for worker, rate in medians.items():
        shown = f"; micro-F1 {statistics.mean(scores[worker]):.4f}" if scores[worker] else ""
        print(f"{worker:10} {rate:8.4g} {what} for a second of processor time{shown}")
    print(f"firth / the faster mode of PecanPy: {ratio:.1f} (must {must:g}, aim {aim:g})")


def run_worker(arguments: argparse.Namespace, worker: str, seed: int) -> dict[str, float]:
    """A round of one program in a process of its own; the F1 is computed here, in one and the same way."""
    python = sys.executable if worker == "firth" else arguments.pecanpy_python
    with tempfile.TemporaryDirectory() as folder:
        vectors = Path(folder) / "vectors.npy"
        command = [python, __file__, arguments.graph, "--worker", worker, "-p", arguments.p, "-q", arguments.q]
        command += ["--seed", seed, "--threads", arguments.threads, "--vectors", vectors]
        command += ["--end-to-end"] if arguments.end_to_end else []
        done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
        found: dict[str, float] = json.loads(done.stdout)
        if arguments.f1 and arguments.end_to_end:
            found["micro_f1"] = measure_f1(arguments.graph, vectors)
    return found


def measure_f1(graph: Path, path: Path) -> float:
    """Micro-F1 of the groups of half of the nodes, learned from the other half; the number of groups is known."""
    import numpy as np
    import scipy.io
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.multiclass import OneVsRestClassifier

    groups = scipy.io.loadmat(graph)["group"].toarray().astype(int)
    vectors = np.load(path)
    order = np.random.default_rng(0).permutation(len(groups))
    known, others = order[: len(order) // 2], order[len(order) // 2 :]
    model = OneVsRestClassifier(LogisticRegression(max_iter=500)).fit(vectors[known], groups[known])
    ranked = np.argsort(np.argsort(-model.predict_proba(vectors[others]), axis=1), axis=1)
    predicted = (ranked < groups[others].sum(axis=1)[:, None]).astype(int)
    return float(f1_score(groups[others], predicted, average="micro", zero_division=0))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graph", type=Path, nargs="?")
    parser.add_argument("--pecanpy-python", default=sys.executable, help="the Python that has PecanPy")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("-p", type=float, default=0.5)
    parser.add_argument("-q", type=float, default=2.0)
    parser.add_argument("--end-to-end", action="store_true", help="walks and training, not walks alone")
    parser.add_argument("--f1", action="store_true", help="with --end-to-end: the quality of the vectors")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seed", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--vectors", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--worker", choices=tuple(WORKERS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.graph = arguments.graph or Path(os.environ["FIRTH_DATA"]) / "graphs" / "blogcatalog.mat"
    return arguments


def read_matrix(path: Path) -> Any:
    import scipy.io

    return scipy.io.loadmat(path)["network"].tocsr()


def measure(work: Callable[[], int]) -> dict[str, float]:
    started = time.process_time()
    done = work()
    return {"done": done, "cpu_s": time.process_time() - started}


def run_firth(arguments: argparse.Namespace) -> dict[str, float]:
    import numpy as np

    import firth

    matrix, threads = read_matrix(arguments.graph), arguments.threads
    given = {"p": arguments.p, "q": arguments.q, "walks_per_node": N_WALKS, "walk_length": LENGTH}
    walks = firth.Walks(matrix, **given, seed=arguments.seed)
    next(walks.blocks(threads=1))  # loads the core
    if not arguments.end_to_end:
        return measure(lambda: sum(len(n) - len(lengths) for n, lengths in walks.blocks(threads=threads)) / 1e6)
    found = []

    def embed() -> int:
        model = firth.train(
            walks, dims=DIMS, window=WINDOW, negatives=NEGATIVES, subsample=SUBSAMPLE, epochs=1, min_count=1,
            threads=threads, seed=arguments.seed, progress=False,
        )  # fmt: skip
        found.append(model.vectors)
        return 1

    result = measure(embed)
    np.save(arguments.vectors, found[0].matrix[np.argsort(found[0].words)])
    return result


def run_pecanpy(mode: str, arguments: argparse.Namespace) -> dict[str, float]:
    import numba
    import numpy as np
    from pecanpy import pecanpy

    matrix = read_matrix(arguments.graph)
    matrix.sort_indices()

    def make(nodes: int) -> Any:
        part = matrix[:nodes, :nodes]
        graph = getattr(pecanpy, mode)(
            p=arguments.p, q=arguments.q, workers=arguments.threads, random_state=arguments.seed
        )
        graph.set_node_ids([str(node) for node in range(part.shape[0])])
        graph.indptr, graph.indices = part.indptr.astype("uint32"), part.indices.astype("uint32")
        graph.data = part.data.astype("float32")
        return graph

    numba.set_num_threads(arguments.threads)
    make(300).simulate_walks(1, 5)  # compiles
    graph = make(matrix.shape[0])
    if not arguments.end_to_end:  # a walk has one node more than its length
        return measure(lambda: sum(len(walk) - 1 for walk in graph.simulate_walks(N_WALKS, LENGTH - 1)) / 1e6)
    found = []

    def embed() -> int:
        found.append(graph.embed(DIMS, num_walks=N_WALKS, walk_length=LENGTH - 1, window_size=WINDOW, epochs=1))
        return 1

    result = measure(embed)
    np.save(arguments.vectors, found[0])
    return result


WORKERS: dict[str, Callable[[argparse.Namespace], dict[str, float]]] = {
    "firth": run_firth,
    "SparseOTF": lambda arguments: run_pecanpy("SparseOTF", arguments),
    "PreComp": lambda arguments: run_pecanpy("PreComp", arguments),
}


if __name__ == "__main__":
    main()
