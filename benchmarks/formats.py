"""Compares reading and writing of word vectors with gensim, interleaved in one run.

    python benchmarks/formats.py [--words 400000] [--dims 300] [--rounds 4] [--only binary|text] [--folder DIR] [--json]

Both programs read and write the same vectors in the same folder, alternately, in one process. The program compares the
best wall time of each, and the processor time of all threads, which other programs disturb less. Files are read from
the page cache. The program that runs first changes each round, because the second one gets memory that the first has
just freed: on a virtual machine, using memory that was idle for seconds takes longer than reading the file. Each
written file is read again and compared with the vectors.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from firth.base.machine import available_processors
from firth.formats.registry import read_vectors, write_vectors
from firth.formats.table import VectorTable
from firth.native.loader import default_instruction_set

MUST, AIM = 3.0, 8.0


def make_table(n_words: int, n_dims: int) -> VectorTable:
    rng = np.random.default_rng(1)
    lengths = rng.integers(3, 12, n_words)
    letters = rng.integers(97, 123, (n_words, 12)).astype(np.uint8)
    words = [f"{letters[i, : lengths[i]].tobytes().decode()}{i}" for i in range(n_words)]
    matrix = (rng.standard_normal((n_words, n_dims), dtype=np.float32) * np.float32(0.3)).astype(np.float32)
    return VectorTable(words, matrix)


def timed(call: Callable[[], Any]) -> tuple[tuple[float, float], Any]:
    """Wall seconds, processor seconds of all threads, and the result of a call."""
    started, started_cpu = time.perf_counter(), time.process_time()
    value = call()
    return (time.perf_counter() - started, time.process_time() - started_cpu), value


def compare(table: VectorTable, folder: Path, binary: bool, rounds: int) -> dict[str, float]:
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(table.matrix.shape[1])
    keyed.add_vectors(table.words, table.matrix)
    name, suffix = ("word2vec-binary", "bin") if binary else ("word2vec", "txt")
    firth_file, gensim_file = folder / f"firth.{suffix}", folder / f"gensim.{suffix}"
    calls: dict[str, Callable[[], Any]] = {
        "write firth": lambda: write_vectors(firth_file, table, name, overwrite=True),
        "write gensim": lambda: keyed.save_word2vec_format(str(gensim_file), binary=binary),
        "read firth": lambda: read_vectors(gensim_file, name),  # both read the same file
        "read gensim": lambda: KeyedVectors.load_word2vec_format(str(gensim_file), binary=binary),
    }
    times: dict[str, list[tuple[float, float]]] = {what: [] for what in calls}
    for turn in range(rounds):
        for verb in ("write", "read"):
            for program in ("firth", "gensim") if turn % 2 == 0 else ("gensim", "firth"):
                if verb == "write":  # a new file for both, because replacing a file includes deleting it
                    (firth_file if program == "firth" else gensim_file).unlink(missing_ok=True)
                elapsed, found = timed(calls[f"{verb} {program}"])
                times[f"{verb} {program}"].append(elapsed)
                if verb == "read":
                    words, matrix = (
                        (found.words, found.matrix) if program == "firth" else (found.index_to_key, found.vectors)
                    )
                    if words != table.words or not np.array_equal(matrix, table.matrix):
                        raise AssertionError(f"{program} must read the vectors that were written, got others")
                    del words, matrix
                del found
    again = read_vectors(firth_file, name)
    if again.words != table.words or not np.array_equal(again.matrix, table.matrix):
        raise AssertionError("firth's own file reads back differently")
    best = {what: min(wall for wall, _ in seconds) for what, seconds in times.items()}
    best |= {f"{what}, processor": min(cpu for _, cpu in seconds) for what, seconds in times.items()}
    sizes = {"megabytes": gensim_file.stat().st_size / 1e6}
    for path in (firth_file, gensim_file):
        path.unlink()
    return best | sizes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=400_000)
    parser.add_argument("--dims", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--only", choices=("binary", "text"), help="one of the two forms")
    parser.add_argument("--folder", type=Path, help="folder for the files (default: the temporary folder)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    table = make_table(arguments.words, arguments.dims)
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for form in ("binary", "text") if arguments.only is None else (arguments.only,):
            results[form] = compare(table, Path(folder), form == "binary", arguments.rounds)
    if arguments.json:
        print(json.dumps({"words": arguments.words, "dims": arguments.dims, **results}))
        return
    cores = available_processors()
    print(f"word2vec files, {arguments.words:,} x {arguments.dims}, {cores} cores, {default_instruction_set()}")
    print(f"{'':16}{'firth':>10}{'gensim':>10}{'ratio':>8}{'processor':>11}   must {MUST:g}x, aim {AIM:g}x")
    for form, best in results.items():
        for verb in ("read", "write"):
            firth_seconds, gensim_seconds = best[f"{verb} firth"], best[f"{verb} gensim"]
            processor = best[f"{verb} gensim, processor"] / best[f"{verb} firth, processor"]
            ratio = gensim_seconds / firth_seconds
            print(f"{verb + ' ' + form:16}{firth_seconds:9.2f}s{gensim_seconds:9.2f}s{ratio:7.1f}x{processor:10.1f}x")


if __name__ == "__main__":
    main()
