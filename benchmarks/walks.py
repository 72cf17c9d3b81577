"""Random walks side by side with PecanPy's, interleaved, each round in its own process.

    python benchmarks/walks.py [GRAPH.mat] --pecanpy-python PATH [--rounds 3] [-p 0.5] [-q 2] [--json]

GRAPH.mat is DeepWalk's file of BlogCatalog; without it ``$FIRTH_DATA/graphs/blogcatalog.mat`` is used. Both programs
draw 10 walks of 80 nodes from each node, with one thread. PecanPy runs in its modes SparseOTF and PreComp; compilation
by Numba, and reading the graph, are left out for both; PreComp's tables, and the names of nodes that PecanPy
puts into its walks, are a part of its time. Told: steps for each second of processor time, so that another load of the
machine changes them little.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MUST, AIM = 3.0, 10.0
N_WALKS, LENGTH = 10, 80


def main() -> None:
    arguments = parse_arguments()
    if arguments.worker:
        print(json.dumps(WORKERS[arguments.worker](arguments)))
        return
    rates: dict[str, list[float]] = {worker: [] for worker in WORKERS}
    for _ in range(arguments.rounds):
        for worker in WORKERS:
            python = sys.executable if worker == "firth" else arguments.pecanpy_python
            command = [python, __file__, arguments.graph, "--worker", worker, "-p", arguments.p, "-q", arguments.q]
            done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
            found = json.loads(done.stdout)
            rates[worker].append(found["steps"] / found["cpu_s"])
    medians = {worker: statistics.median(found) for worker, found in rates.items()}
    best = max(rate for worker, rate in medians.items() if worker != "firth")
    ratio = medians["firth"] / best
    if arguments.json:
        print(json.dumps({"steps_per_cpu_s": rates, "ratio": ratio, "must": MUST, "aim": AIM}, indent=2))
        return
    for worker, rate in medians.items():
        print(f"{worker:10} {rate / 1e6:8.2f} M steps for a second of processor time")
    print(f"firth / the faster mode of PecanPy: {ratio:.1f} (must {MUST:g}, aim {AIM:g})")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graph", type=Path, nargs="?")
    parser.add_argument("--pecanpy-python", default=sys.executable, help="the Python that has PecanPy")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("-p", type=float, default=0.5)
    parser.add_argument("-q", type=float, default=2.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", choices=tuple(WORKERS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.graph = arguments.graph or Path(os.environ["FIRTH_DATA"]) / "graphs" / "blogcatalog.mat"
    return arguments


def read_matrix(path: Path) -> Any:
    import scipy.io

    return scipy.io.loadmat(path)["network"].tocsr()


def measure(draw: Callable[[], int]) -> dict[str, float]:
    started = time.process_time()
    steps = draw()
    return {"steps": steps, "cpu_s": time.process_time() - started}


def run_firth(arguments: argparse.Namespace) -> dict[str, float]:
    import firth

    matrix = read_matrix(arguments.graph)
    walks = firth.Walks(matrix, p=arguments.p, q=arguments.q, walks_per_node=N_WALKS, walk_length=LENGTH)
    next(walks.blocks(threads=1))  # loads the core
    return measure(lambda: sum(len(numbers) - len(lengths) for numbers, lengths in walks.blocks(threads=1)))


def run_pecanpy(mode: str, arguments: argparse.Namespace) -> dict[str, float]:
    import numba
    from pecanpy import pecanpy

    matrix = read_matrix(arguments.graph)
    matrix.sort_indices()

    def make(nodes: int) -> Any:
        part = matrix[:nodes, :nodes]
        graph = getattr(pecanpy, mode)(p=arguments.p, q=arguments.q, workers=1, random_state=1)
        graph.set_node_ids([str(node) for node in range(part.shape[0])])
        graph.indptr, graph.indices = part.indptr.astype("uint32"), part.indices.astype("uint32")
        graph.data = part.data.astype("float32")
        return graph

    numba.set_num_threads(1)
    make(300).simulate_walks(1, 5)  # compiles
    graph = make(matrix.shape[0])
    # A walk has one node more than its length.
    return measure(lambda: sum(len(walk) - 1 for walk in graph.simulate_walks(N_WALKS, LENGTH - 1)))


WORKERS: dict[str, Callable[[argparse.Namespace], dict[str, float]]] = {
    "firth": run_firth,
    "SparseOTF": lambda arguments: run_pecanpy("SparseOTF", arguments),
    "PreComp": lambda arguments: run_pecanpy("PreComp", arguments),
}


if __name__ == "__main__":
    main()
