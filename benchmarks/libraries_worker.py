"""The process of one checkout, for benchmarks/libraries.py: trains the requested slices and measures their time.

    python benchmarks/libraries_worker.py PACKAGES [PROCESSOR]     (PYTHONPATH: PACKAGES, the folder that has firth)

Requests and answers are lines of JSON. Of the checkout's internal code, the process uses only ``train_slice``,
``train_rounds`` and ``round_tokens`` of Engine, and the registry, for the list of all pairs of sides. firth.train makes
the engine; an exception ends firth.train at the engine's first slice.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import firth
from firth.kernels.engine import Engine

UNIT_TOKENS = 64  # slices of lock-free training begin at multiples of this number, so that no unit is divided


class EngineMadeError(Exception):
    """Raised with the engine when firth.train is about to train the first slice."""

    def __init__(self, engine: Engine) -> None:
        super().__init__("there is an engine")
        self.engine = engine


class Bench:
    """One engine, and the threads that train it."""

    def __init__(self, corpus: Any, parameters: dict[str, Any]) -> None:
        self._engine = make_engine(corpus, parameters)
        self._is_deterministic = bool(parameters.get("deterministic"))
        self._n_threads = parameters["threads"]
        self._pool = ThreadPoolExecutor(self._n_threads)
        self.border = self._engine.round_tokens if self._is_deterministic else UNIT_TOKENS

    def train(self, starts: list[int], size: int, epoch: int) -> dict[str, Any]:
        """Train slices at the same time, or rounds. Returns seconds, and losses in nats.

        For one thread, seconds are processor time, which does not include other programs. For several threads, seconds
        are wall time, which includes the time that threads wait for each other.
        """

        def train_slice(start: int) -> float:
            return float(self._engine.train_slice(start, start + size, epoch).loss_nats)

        clock = time.thread_time if self._n_threads == 1 else time.perf_counter
        began = clock()
        if self._is_deterministic:
            (start,) = starts
            losses = [self._engine.train_rounds(start, start + size, epoch, self._n_threads).loss_nats]
        elif self._n_threads == 1:
            losses = [train_slice(start) for start in starts]
        else:
            losses = list(self._pool.map(train_slice, starts))
        return {"seconds": clock() - began, "losses": losses}


def make_engine(corpus: Any, parameters: dict[str, Any]) -> Engine:
    """The engine that firth.train makes from the parameters."""
    try:
        with engines_thrown():
            firth.train(corpus, progress=False, **parameters)
    except EngineMadeError as made:
        return made.engine
    raise SystemExit("firth.train must call Engine.train_slice or train_rounds; it came to its end without")


@contextmanager
def engines_thrown() -> Iterator[None]:
    """In this context, training a slice raises an exception that has the engine."""

    def throw(engine: Engine, *_: Any, **__: Any) -> Any:
        raise EngineMadeError(engine)

    methods = {name: getattr(Engine, name) for name in ("train_slice", "train_rounds")}
    for name in methods:
        setattr(Engine, name, throw)
    try:
        yield
    finally:
        for name, method in methods.items():
            setattr(Engine, name, method)


def list_objectives() -> list[dict[str, str]]:
    """Parameters of every pair of sides, with every combination of their options."""
    from firth.kernels.registry import OBJECTIVES

    return [
        {"architecture": objective.inputs.architecture, "loss": objective.outputs.loss, **options}
        for objective in OBJECTIVES.values()
        for options in objective.inputs.variants()
    ]


def main() -> None:
    package = Path(sys.argv[1])
    if not Path(firth.__file__).is_relative_to(package):
        raise SystemExit(f"firth must be imported from {package}, got {firth.__file__}")
    if len(sys.argv) > 2:
        os.sched_setaffinity(0, {int(sys.argv[2])})
    # Only answers are written to the pipe. Output of firth goes to standard error.
    answers, sys.stdout = sys.stdout, sys.stderr
    text, folder = "", Path()
    bench: Bench | None = None
    corpora: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        answer: Any = None
        if request["do"] == "begin":
            text, folder = request["text"], Path(request["folder"])
        elif request["do"] == "objectives":
            answer = list_objectives()
        elif request["do"] == "prepare":
            bench = None  # frees the memory before the next engine is made
            choosing = {name: request["parameters"].pop(name, None) for name in ("min_count", "max_vocabulary")}
            choosing = {name: value for name, value in choosing.items() if value is not None}
            key = "-".join(map(str, choosing.values())) or "default"
            if key not in corpora:
                corpora[key] = firth.encode_corpus(text, folder=folder / key, **choosing)
            bench = Bench(corpora[key], request["parameters"])
            answer = {"n_tokens": corpora[key].n_tokens, "border": bench.border}
        else:
            assert bench is not None
            answer = bench.train(request["starts"], request["size"], request["epoch"])
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
