"""Builds of the native core against each other: in one process they train the slices of a corpus in turns.

    python benchmarks/libraries.py TEXT FIRST.so SECOND.so... [--threads 1] [--repeat 2] [--set dims=300 ...]

The host's clock and its neighbours change within seconds, and whole runs side by side differ by 10 % for that alone;
slices of some 50 ms in turns tell differences of half a percent. All builds must have the Settings of the Python code
that runs. The median of the ratios of slices that follow each other is told, and the quotient of the sums.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import statistics
import time
from pathlib import Path
from typing import Any

import firth
from firth.native.kernel import Kernel, Result, Settings, _declare
from firth.native.loader import open_library

LEAST_TOKENS = 20_000  # of a slice that counts: the last one of a run may be short


def main() -> None:
    arguments = parse_arguments()
    builds = [kernel_of(path) for path in arguments.libraries]
    times: list[list[float]] = [[] for _ in builds]
    turns = itertools.count()
    train = Kernel.train_slice

    def train_in_turns(
        self: Kernel, settings: Settings, start: int, stop: int, epoch: int, **precision: bool
    ) -> Result:
        turn = next(turns) % len(builds)
        began = time.perf_counter()
        result = train(builds[turn], settings, start, stop, epoch, **precision)
        if stop - start >= LEAST_TOKENS:
            times[turn].append((time.perf_counter() - began) / (stop - start))
        return result

    Kernel.train_slice = train_in_turns  # type: ignore[method-assign]
    for run in range(arguments.repeat):
        turns = itertools.count(run)  # another build begins
        firth.train(arguments.text, epochs=1, threads=arguments.threads, progress=False, **dict(arguments.set))
    count = min(map(len, times))
    for path, build_times in zip(arguments.libraries, times, strict=True):
        ratios = [first / own for first, own in zip(times[0][:count], build_times[:count], strict=True)]
        of_sums = sum(times[0][:count]) / sum(build_times[:count])
        print(
            f"{statistics.median(build_times) * 1e9:8.1f} ns a token; speed over the first, median of {count} slices:"
            f" {statistics.median(ratios):.4f}, of the sums {of_sums:.4f}  {path}"
        )


def kernel_of(path: Path) -> Kernel:
    kernel = Kernel()
    kernel._library = open_library(path.resolve())
    _declare(kernel._library)
    return kernel


def option(text: str) -> tuple[str, Any]:
    """``name=value``; a value that is no Python literal is a word."""
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except ValueError:
        return name, value


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument(
        "libraries", type=Path, nargs="+", metavar="LIBRARY", help="libfirth-*.so of one instruction set"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=2, help="runs of one epoch; each begins with another build")
    parser.add_argument(
        "--set", type=option, nargs="*", default=[], metavar="NAME=VALUE", help="parameters of firth.train"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
