"""Counting and joining phrases side by side with gensim's ``Phrases``, interleaved, each round in its own process.

    python benchmarks/phrases.py [TEXT] [--rounds 3] [--threads N] [--passes 1] [--gensim-python PATH] [--json]

TEXT is a plain or compressed file; without it ``$FIRTH_DATA/enwiki-featured.txt.xz`` is unpacked and used. gensim has
the sentences as lists of tokens in memory; told is the time of ``Phrases(sentences)`` and of joining all sentences.
firth starts from the file: it encodes the text, counts, joins, and writes the corpus that training reads. Both find the
same phrases (scoring "gensim", threshold 10, minimum count 5), which is checked. Told: seconds of processor time, of
which all threads' are added, so that another load of the machine changes them little; and the peak of memory above that
after the imports, with the table and the mapped files in it, and without the mapped files.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

MUST, AIM = 20.0, 50.0
MUST_MB, AIM_MB = 300, 150


def main() -> None:
    arguments = parse_arguments()
    if arguments.worker:
        print(json.dumps(WORKERS[arguments.worker](arguments.text, arguments.threads, arguments.passes)))
        return
    with tempfile.TemporaryDirectory() as name:
        text = unpack(arguments.text, Path(name))
        rounds: dict[str, list[dict[str, Any]]] = {worker: [] for worker in WORKERS}
        for _ in range(arguments.rounds):
            for worker in WORKERS:
                python = arguments.gensim_python if worker == "gensim" else sys.executable
                command = [python, __file__, text, "--worker", worker, "--passes", arguments.passes]
                command += ["--threads", arguments.threads] if arguments.threads else []
                done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
                rounds[worker].append(json.loads(done.stdout))
    phrases = {tuple(one["phrases"]) for found in rounds.values() for one in found if "phrases" in one}
    if len(phrases) != 1:
        raise SystemExit(f"the numbers of phrases differ: {sorted(phrases)}")
    result = summarize(rounds, next(iter(phrases)))
    print(json.dumps(result, indent=2) if arguments.json else describe(result))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--passes", type=int, default=1)
    parser.add_argument("--gensim-python", default=sys.executable, help="the Python that has gensim")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", choices=tuple(WORKERS), help=argparse.SUPPRESS)
    return parser.parse_args()


def unpack(text: Path | None, work: Path) -> Path:
    source = text or Path(os.environ["FIRTH_DATA"]) / "enwiki-featured.txt.xz"
    if source.suffix != ".xz":
        return source
    with lzma.open(source) as packed, open(work / "text.txt", "wb") as plain:
        shutil.copyfileobj(packed, plain)
    return work / "text.txt"


def run_firth(text: Path, threads: int | None, passes: int) -> dict[str, Any]:
    from firth.corpus.learning_phrases import PhraseSettings
    from firth.corpus.phrase_encoding import encode_with_phrases

    settings = PhraseSettings.validated(scoring="gensim", passes=passes)
    with tempfile.TemporaryDirectory() as folder:
        start, wall = time.process_time(), time.perf_counter()
        _, table, n_joined = encode_with_phrases(text, folder=Path(folder) / "c", phrases=settings, threads=threads)
        seconds = time.process_time() - start
    return {
        "cpu_s": seconds,
        "wall_s": time.perf_counter() - wall,
        "phrases": [len(one.scores) for one in table.passes],
        "joined": n_joined,
    }


def run_gensim(text: Path, threads: int | None, passes: int) -> dict[str, Any]:
    from gensim.models.phrases import Phrases

    with open(text, encoding="utf-8") as lines:
        sentences = [line.split() for line in lines]
    wall, count, join, phrases = time.perf_counter(), 0.0, 0.0, []
    for number in range(passes):
        start = time.process_time()
        model = Phrases(sentences)
        counted = time.process_time()
        joined = [model[sentence] for sentence in sentences]
        join += time.process_time() - counted
        count += counted - start
        exported = model.export_phrases() if number == 0 else None
        phrases.append(len(exported) if exported is not None else count_phrases(model, sentences))
        sentences = joined
    return {
        "cpu_s": count + join,
        "count_s": count,
        "join_s": join,
        "wall_s": time.perf_counter() - wall,
        "phrases": phrases,
    }


def count_phrases(model: Any, sentences: list[list[str]]) -> int:
    """Pairs above the threshold; ``export_phrases`` cuts joined words at their delimiters and scores other words."""
    pairs = {pair for sentence in sentences for pair in zip(sentence, sentence[1:])}  # noqa: B905, RUF007
    return sum(model.score_candidate(first, last, [])[1] is not None for first, last in pairs)


def measure_memory(text: Path, threads: int | None, passes: int) -> dict[str, Any]:
    import firth
    from firth.corpus import learning_phrases  # imported before memory is measured

    assert learning_phrases is not None
    before, highest, done = memory_mb(), memory_mb(), threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.002):
            highest = max(highest, memory_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    firth.learn_phrases(text, scoring="gensim", threads=threads, passes=passes)
    done.set()
    watcher.join()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    resident = before + file_mb()
    return {"peak_mb": peak - resident, "own_mb": highest - before}


def memory_mb() -> float:
    """Memory of this process that is no file's."""
    return status_mb("RssAnon")


def file_mb() -> float:
    return status_mb("RssFile")


def status_mb(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise SystemExit("memory is measured on Linux alone")


WORKERS = {"firth": run_firth, "gensim": run_gensim, "memory": measure_memory}


def summarize(rounds: dict[str, list[dict[str, Any]]], phrases: tuple[int, ...]) -> dict[str, Any]:
    def median(worker: str, key: str) -> float:
        return statistics.median(one[key] for one in rounds[worker])

    ratios = [gensim["cpu_s"] / firth["cpu_s"] for firth, gensim in zip(rounds["firth"], rounds["gensim"], strict=True)]
    return {
        "phrases": phrases,
        "firth_cpu_s": median("firth", "cpu_s"),
        "gensim_cpu_s": median("gensim", "cpu_s"),
        "gensim_count_s": median("gensim", "count_s"),
        "gensim_join_s": median("gensim", "join_s"),
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "own_mb": max(one["own_mb"] for one in rounds["memory"]),
        "peak_mb": max(one["peak_mb"] for one in rounds["memory"]),
    }


def describe(result: dict[str, Any]) -> str:
    ratios = ", ".join(f"{ratio:.1f}" for ratio in result["ratios"])
    return "\n".join(
        (
            f"phrases of each pass, of both: {result['phrases']}",
            f"gensim {result['gensim_cpu_s']:.1f} s ({result['gensim_count_s']:.1f} counting,"
            f" {result['gensim_join_s']:.1f} joining), firth {result['firth_cpu_s']:.2f} s with reading and encoding,"
            " processor time",
            f"ratio {result['ratio']:.1f} (must {MUST:g}, aim {AIM:g}; rounds {ratios})",
            f"memory of learning, table included: {result['own_mb']:.0f} MB; with mapped files, at most"
            f" {result['peak_mb']:.0f} MB (must {MUST_MB}, aim {AIM_MB})",
        )
    )


if __name__ == "__main__":
    main()
