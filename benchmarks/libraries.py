"""Compares the speed of two checkouts of firth: each trains in a separate process, and slices alternate.

    python benchmarks/libraries.py CHECKOUT_A CHECKOUT_B [--architecture cbow] [--loss softmax] [--dims 300]
                                   [--set NAME=VALUE ...] [--all] [--threads 2] [--slices 16] [--rounds 8]

A checkout is a folder with ``src/firth`` and its built library (``make native``), such as a ``git worktree``.
Parameters are those of firth.train, and both checkouts must have them; the internal code may differ.

Only one process runs at a time. The speed of the machine changes within seconds, so the times of whole concurrent runs
differ by 10 %; alternating slices of about 50 ms (A B, B A, A B, ...) avoid this. The position of the matrices and of
the library's pages in memory changes the time by about 1 %: two identical files differed by 1.2 %. Therefore each round
starts two new processes, on new copies of both ``src/firth``. With one thread, processor time is measured, so the time
of other programs is not included (they still use the caches). Both processes of a round use the same processor.

The result is the time of A divided by the time of B for equal slices; above 1, B is faster. It is the median of all
pairs of slices, with its standard error from the medians of the rounds, the quartiles of the pairs, and the medians of
the rounds. With one thread, or with ``deterministic``, it also says whether both had the same losses.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

SLICE_S = 0.05
SYNTHETIC_TOKENS = 1_500_000
SYNTHETIC_WORDS = 30_000
NOT_COPIED = shutil.ignore_patterns("__pycache__", "cpp")
SOFTMAX_WORDS = 1000  # words of the vocabulary for full softmax, whose steps update all output rows
PROCESSORS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [None]
EPOCHS = 1000  # many more than the benchmark trains, so that the learning rate hardly falls


def main() -> None:
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        text = arguments.text or write_synthetic(Path(folder) / "text.txt")
        compare(arguments, text, Path(folder))


def compare(arguments: argparse.Namespace, text: Path, folder: Path) -> None:
    """Print a line for each objective, after all rounds."""
    results: dict[str, list[list[tuple[Turn, Turn]]]] = {}
    for number in range(arguments.rounds):
        processor = PROCESSORS[number % len(PROCESSORS)] if arguments.threads == 1 else None
        made = {
            side: Worker(arguments.checkouts[side].resolve(), text, folder / f"{number}-{side}", processor)
            for side in ((0, 1) if number % 2 == 0 else (1, 0))
        }
        workers = [made[0], made[1]]
        try:
            for parameters in objectives(arguments, workers):
                name = " ".join(str(parameters[key]) for key in sorted(parameters) if key not in ("epochs", "threads"))
                results.setdefault(name, []).append(train_in_turns(workers, parameters, arguments, number))
        finally:
            for worker in workers:
                worker.close()
    for name, rounds in results.items():
        print(f"{name}: {summary(rounds)}", flush=True)


class Turn:
    """One slice of each thread of a worker: nanoseconds for each token, and the losses in nats."""

    def __init__(self, n_tokens: int, seconds: float, losses: list[float]) -> None:
        self.ns_a_token = seconds / n_tokens * 1e9
        self.losses = losses


class Worker:
    """The process of one checkout. Each request and each answer is a line of JSON."""

    def __init__(self, checkout: Path, text: Path, folder: Path, processor: int | None) -> None:
        if not (checkout / "src" / "firth").is_dir():
            raise SystemExit(f"{checkout} must be a checkout of firth, with src/firth, got a folder without")
        package = folder / "src"
        shutil.copytree(checkout / "src" / "firth", package / "firth", ignore=NOT_COPIED)
        command = [sys.executable, str(Path(__file__).with_name("libraries_worker.py")), str(package)]
        command += [] if processor is None else [str(processor)]
        environment = {**os.environ, "PYTHONPATH": str(package)}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self._checkout = checkout
        self.ask(do="begin", text=str(text), folder=str(folder))

    def ask(self, **request: Any) -> Any:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self._checkout} failed at {request}; its error is printed above")
        return json.loads(answer)

    def train(self, starts: list[int], size: int, epoch: int) -> Turn:
        answer = self.ask(do="train", starts=starts, size=size, epoch=epoch)
        return Turn(size * len(starts), answer["seconds"], answer["losses"])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def train_in_turns(
    workers: list[Worker], parameters: dict[str, Any], arguments: argparse.Namespace, first: int
) -> list[tuple[Turn, Turn]]:
    """The pairs of slices of one round, each pair on the same tokens. Checkout ``first`` modulo 2 begins."""
    made = [worker.ask(do="prepare", parameters=parameters) for worker in workers]
    n_tokens, border = made[0]["n_tokens"], math.lcm(*(engine["border"] for engine in made))
    if made[1]["n_tokens"] != n_tokens:
        raise SystemExit(f"the checkouts make corpora of {n_tokens} and {made[1]['n_tokens']} tokens from one text")
    n_starts = 1 if parameters.get("deterministic") else arguments.threads  # slices at the same time
    largest = n_tokens // n_starts // border * border
    if largest == 0:
        raise SystemExit(f"the text must have {n_starts * border} tokens or more, got {n_tokens}")

    def starts_from(start: int) -> list[int]:
        return [start + number * size for number in range(n_starts)]

    size = min(largest, -(-4096 // border) * border)
    for _ in range(2):  # fills caches and tables, raises the clock rate, and measures the time of a slice
        turns = [worker.train(starts_from(0), size, 0) for worker in workers]
    ns_a_turn = statistics.mean(turn.ns_a_token for turn in turns) * size * n_starts
    size = min(largest, max(1, round(size / ns_a_turn * SLICE_S * 1e9 / border)) * border)
    pairs = []
    start = epoch = 0
    for number in range(arguments.slices):
        if start + size * n_starts > n_tokens:
            start, epoch = 0, epoch + 1
        order = (0, 1) if (number + first) % 2 == 0 else (1, 0)
        done = {side: workers[side].train(starts_from(start), size, epoch) for side in order}
        pairs.append((done[0], done[1]))
        start += size * n_starts
    return pairs


def summary(rounds: list[list[tuple[Turn, Turn]]]) -> str:
    """A line with the result of one objective."""
    ratios = [sorted(a.ns_a_token / b.ns_a_token for a, b in pairs) for pairs in rounds]
    of_all = sorted(ratio for of_round in ratios for ratio in of_round)
    n = len(of_all)
    medians = [statistics.median(of_round) for of_round in ratios]
    error = f"{statistics.stdev(medians) / math.sqrt(len(medians)):.4f}" if len(medians) > 1 else "unknown of one round"
    times = [statistics.median(pair[side].ns_a_token for pairs in rounds for pair in pairs) for side in (0, 1)]
    same = all(a.losses == b.losses for pairs in rounds for a, b in pairs)
    losses = "" if len(rounds[0][0][0].losses) > 1 else f"; losses {'equal' if same else 'differ'}"
    return (
        f"B's speed over A's {statistics.median(of_all):.4f} (standard error {error}; quarters of {n} pairs"
        f" {of_all[n // 4]:.3f} to {of_all[3 * n // 4]:.3f}), rounds {' '.join(f'{median:.4f}' for median in medians)};"
        f" {times[0]:.1f} and {times[1]:.1f} ns a token{losses}"
    )


def objectives(arguments: argparse.Namespace, workers: list[Worker]) -> list[dict[str, Any]]:
    """Parameters of firth.train: the given ones, or a set for each pair of sides and their options."""
    common = {"dims": arguments.dims, "threads": arguments.threads, "epochs": EPOCHS, **dict(arguments.set)}
    chosen = [{"architecture": arguments.architecture, "loss": arguments.loss}]
    if arguments.all:
        first, second = (worker.ask(do="objectives") for worker in workers)
        chosen = [sides for sides in first if sides in second]
        if missing := [sides for sides in first + second if sides not in chosen]:
            print(f"in one checkout only: {missing}", file=sys.stderr)
    small = {"max_vocabulary": SOFTMAX_WORDS, "min_count": 1}
    return [{**(small if sides["loss"] == "softmax" else {}), **common, **sides} for sides in chosen]


def write_synthetic(path: Path) -> Path:
    """Write lines of 20 random words. The probability of word k is proportional to 1 / (k + 5)."""
    shares = 1 / (np.arange(SYNTHETIC_WORDS) + 5)
    words = np.random.default_rng(1).choice(SYNTHETIC_WORDS, SYNTHETIC_TOKENS, p=shares / shares.sum())
    path.write_text("\n".join(" ".join(f"w{word}" for word in line) for line in words.reshape(-1, 20).tolist()) + "\n")
    return path


def option(text: str) -> tuple[str, Any]:
    """Parse ``name=value``. A value that is not a Python literal is a string."""
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", type=Path, nargs=2, metavar="CHECKOUT")
    parser.add_argument("--text", type=Path, help="default: 1.5 million words drawn by Zipf's law")
    parser.add_argument("--architecture", default="skipgram")
    parser.add_argument("--loss", default="negative-sampling")
    parser.add_argument("--dims", type=int, default=100)
    parser.add_argument("--all", action="store_true", help="every pair of sides that both checkouts have")
    parser.add_argument("--set", type=option, nargs="*", default=[], metavar="NAME=VALUE", help="parameters of a run")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--slices", type=int, default=16, help="slices of each checkout in a round")
    parser.add_argument("--rounds", type=int, default=8, help="number of rounds, each with new processes")
    arguments = parser.parse_args()
    for name in ("threads", "slices", "rounds"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} must be at least 1, got {getattr(arguments, name)}")
    return arguments


if __name__ == "__main__":
    main()
