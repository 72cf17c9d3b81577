"""Makes a large corpus, counts, encodes and trains an epoch of it; prints time, memory and disk of each step.

    python benchmarks/scale.py [--words 1e9] [--vocabulary 1e7] [--dims 100] [--threads 2] [--matrices memory|disk]
                               [--folder DIR] [--keep] [--json]

The corpus depends on the seed alone. Word r of V has the probability ln((r + 1) / r) / ln(V + 1), Zipf's law, and two
letters for each pair of decimal digits of r: a token has 5.6 bytes, as in English. Lines have 20 words. Each step runs
in a process of its own, so that its peak of memory is the step's. The folder needs about 14 bytes of free disk for each
word of the corpus and 8 * dims bytes for each word of the vocabulary. It is deleted at the end, and the text as soon as
it is encoded.

The target for the defaults on two cores and 24 GB of memory: at most 30 minutes without making the text.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MUST_MINUTES = 30.0
LINE_WORDS = 20
BLOCK_WORDS = LINE_WORDS << 15
CONSONANTS, VOWELS = b"bcdfghjklmnprstvwxyz", b"aeiou"
SCRAMBLE = 7  # has no factor in common with a power of ten: it permutes the words of a length
STEPS = ("text", "encode", "train", "search")
STAGES: dict[str, dict[str, str]] = {  # of a step: module and function -> what it does
    "text": {},
    "encode": {
        "firth.corpus.encode.count_texts": "counting the words",
        "firth.corpus.encode.choose_vocabulary": "choosing the vocabulary",
        "firth.corpus.encode._write_ids": "writing the ids",
        "firth.corpus.encode.write_manifest": "checksums",
    },
    "train": {
        "firth.corpus.encoded.EncodedCorpus.verify": "verifying the corpus",
        "firth.training.run.prepared.PreparedRun.validate": "verifying the ids",
        "firth.training.run.prepared.PreparedRun.make_engine": "making tables and matrices",
        "firth.training.loop.loop.TrainingLoop.run": "training",
        "firth.training.run.prepared.PreparedRun._make_model": "making the model",
        "firth.models.model.Model.save": "saving",
    },
    "search": {},
}


def main() -> None:
    arguments = parse_arguments()
    if arguments.step:
        run_step(arguments)
        return
    folder = Path(tempfile.mkdtemp(prefix="firth-scale-", dir=arguments.folder))
    results = []
    try:
        for step in STEPS:
            results.append(call_step(step, folder))
            if not arguments.json:
                print_step(results[-1])
            if step == "encode" and not arguments.keep:
                (folder / "text.txt").unlink()
    finally:
        if arguments.keep:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)
    minutes = sum(result["wall_s"] for result in results if result["step"] in ("encode", "train")) / 60
    whole = {"minutes": minutes, "must_minutes": MUST_MINUTES, "steps": results}
    if arguments.json:
        print(json.dumps(whole, indent=2))
    else:
        print(f"count, encode and train: {minutes:.1f} minutes (must, for 1e9 words of 1e7: {MUST_MINUTES:g})")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    whole = lambda text: int(float(text))  # noqa: E731
    parser.add_argument("--words", type=whole, default=10**9, help="tokens of the corpus")
    parser.add_argument("--vocabulary", type=whole, default=10**7, help="distinct words")
    parser.add_argument("--dims", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--matrices", choices=("memory", "disk"), default="memory")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the corpus is made; default: the folder for temporary files")
    parser.add_argument("--keep", action="store_true", help="do not delete the corpus and the model")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def call_step(step: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, *sys.argv[1:], "--step", step, "--work", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def print_step(result: dict[str, Any]) -> None:
    speed = "" if result["words_per_s"] is None else f"{result['words_per_s'] / 1e6:8.2f} M words/s"
    print(
        f"{result['step']:28} {result['wall_s']:9.1f} s {result['cpu_s']:9.1f} s of processors"
        f" {result['memory_bytes'] / 1e9:7.2f} GB of memory {result['disk_bytes'] / 1e9:7.2f} GB of disk {speed}"
    )
    for name, stage in result["stages"].items():
        print(f"  {name:26} {stage['wall_s']:9.1f} s {stage['cpu_s']:9.1f} s", flush=True)


# ---- a step in its own process


def run_step(arguments: argparse.Namespace) -> None:
    stages: dict[str, dict[str, float]] = {}
    for place, name in STAGES[arguments.step].items():
        measure_calls(place, name, stages)
    peak = MemoryPeak()
    wall, cpu = time.monotonic(), time.process_time()
    n_words = RUN[arguments.step](arguments)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    result = {
        "step": arguments.step,
        "wall_s": wall,
        "cpu_s": cpu,
        "words_per_s": n_words / wall if n_words else None,
        "memory_bytes": peak.stop(),
        "resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "disk_bytes": sum(path.stat().st_size for path in arguments.work.rglob("*") if path.is_file()),
        "stages": stages,
    }
    print(json.dumps(result))


def measure_calls(place: str, name: str, stages: dict[str, dict[str, float]]) -> None:
    """Replace a function by one that adds its seconds to ``stages``."""
    import importlib

    path, attribute = place.rsplit(".", 1)
    try:
        owner: Any = importlib.import_module(path)
    except ModuleNotFoundError:
        module, kind = path.rsplit(".", 1)
        owner = getattr(importlib.import_module(module), kind)
    function: Callable[..., Any] = getattr(owner, attribute)

    def measured(*args: Any, **kwargs: Any) -> Any:
        wall, cpu = time.monotonic(), time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            stage = stages.setdefault(name, {"wall_s": 0.0, "cpu_s": 0.0})
            stage["wall_s"] += time.monotonic() - wall
            stage["cpu_s"] += time.process_time() - cpu

    setattr(owner, attribute, measured)


class MemoryPeak:
    """The most memory of this process that is no mapped file: such pages go when others need the memory."""

    def __init__(self, interval_s: float = 0.05) -> None:
        self._peak = 0
        self._interval_s = interval_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._end.wait(self._interval_s):
            self._look()

    def _look(self) -> None:
        lines = Path("/proc/self/status").read_text().splitlines()
        self._peak = max(self._peak, next(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon")))

    def stop(self) -> int:
        self._end.set()
        self._thread.join()
        self._look()
        return self._peak


def make_text(arguments: argparse.Namespace) -> int:
    words, lengths = spell(arguments.vocabulary)
    with open(arguments.work / "text.txt", "wb", buffering=0) as file:
        for ranks in draw_ranks(arguments.words, arguments.vocabulary, arguments.seed):
            rows = words[ranks]
            ends = np.arange(LINE_WORDS - 1, len(ranks), LINE_WORDS)
            rows[ends, lengths[ranks[ends]]] = ord("\n")
            text = memoryview(rows[rows != 0])  # type: ignore[arg-type]
            while text:
                text = text[file.write(text) :]
    return int(arguments.words)


def draw_ranks(n_words: int, n_vocabulary: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Ranks from 0; the most frequent word is 0."""
    generator = np.random.Generator(np.random.Philox(seed))
    for first in range(0, n_words, BLOCK_WORDS):
        uniform = generator.random(min(BLOCK_WORDS, n_words - first))
        yield np.minimum(np.exp(uniform * np.log(n_vocabulary + 1)).astype(np.int64), n_vocabulary) - 1


def spell(n_vocabulary: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The letters of each word, then a space, then zeros; and the length of each word."""
    n_pairs = max(1, -(-len(str(n_vocabulary - 1)) // 2))
    words = np.zeros((n_vocabulary, 2 * n_pairs + 1), np.uint8)
    lengths = np.zeros(n_vocabulary, np.uint8)
    syllables = np.array([[first, second] for first in CONSONANTS for second in VOWELS], np.uint8)
    first = 0
    for pairs in range(1, n_pairs + 1):
        last = min(n_vocabulary, 100**pairs)
        rest = np.arange(first, last) * SCRAMBLE % 100**pairs
        for pair in range(pairs):
            words[first:last, 2 * pair : 2 * pair + 2] = syllables[rest % 100]
            rest //= 100
        words[first:last, 2 * pairs] = ord(" ")
        lengths[first:last] = 2 * pairs
        first = last
    return words, lengths


def encode(arguments: argparse.Namespace) -> int:
    import firth

    corpus = firth.encode_corpus(
        arguments.work / "text.txt", folder=arguments.work / "corpus", min_count=1, threads=arguments.threads
    )
    return corpus.n_tokens


def train(arguments: argparse.Namespace) -> int:
    import firth

    corpus = firth.EncodedCorpus(arguments.work / "corpus")
    model = firth.train(
        corpus,
        output=arguments.work / "model",
        epochs=1,
        dims=arguments.dims,
        threads=arguments.threads,
        matrices=arguments.matrices,
    )
    return model.corpus.n_tokens


def search(arguments: argparse.Namespace) -> int:
    import firth

    model = firth.load(arguments.work / "model")
    word = model.vectors.words[1000]
    assert len(model.vectors.neighbors(word)) == 10
    return 0


RUN: dict[str, Callable[[argparse.Namespace], int]] = {
    "text": make_text,
    "encode": encode,
    "train": train,
    "search": search,
}

if __name__ == "__main__":
    main()
