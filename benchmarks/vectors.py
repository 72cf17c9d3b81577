"""Compares neighbours, analogies and memory with gensim, in interleaved runs.

    python benchmarks/vectors.py [--words 400000] [--dims 300] [--rounds 3] [--sample 20] [--only neighbors ...]

gensim takes one query at a time. Therefore only ``--sample`` of the 1,000 queries are timed, and the time is scaled;
the range over the rounds shows the error. In the same way, analogies are timed on ``--sample`` x 5 lines of the file,
and the scores are compared on these lines. ``--sample 1000`` runs all queries.
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
from pathlib import Path

import numpy as np

N_QUERIES = 1000


def make_vectors(n_words: int, n_dims: int, questions: list[str]) -> tuple[list[str], np.ndarray]:
    """Random vectors in clusters. The words of the questions are spread over the rows."""
    rng = np.random.default_rng(1)
    matrix = rng.standard_normal((n_words, n_dims), dtype=np.float32)
    centers = rng.standard_normal((500, n_dims), dtype=np.float32)
    matrix += centers[rng.integers(0, 500, n_words)]
    matrix *= rng.uniform(0.5, 2.0, (n_words, 1)).astype(np.float32)
    words = [f"w{i}" for i in range(n_words)]
    asked = sorted({word for line in questions if not line.startswith(":") for word in line.split()})
    row_of = dict(zip(asked, rng.permutation(min(n_words, 30_000)).tolist(), strict=False))
    for word, row in row_of.items():
        words[row] = word
    relation = centers[0]
    # The difference of a pair is the relation of its section plus noise, so that about half of the answers are right.
    for line in questions:
        if line.startswith(":"):
            relation = rng.standard_normal(n_dims, dtype=np.float32)
        else:
            a, b, _, _ = line.split()
            noise = rng.standard_normal(n_dims, dtype=np.float32)
            matrix[row_of[b]] = matrix[row_of[a]] + 0.7 * relation + 0.8 * noise
    return words, matrix


def print_ratio(what: str, firth_seconds: list[float], gensim_seconds: list[float], must: float, aim: float) -> None:
    ratios = [b / a for a, b in zip(firth_seconds, gensim_seconds, strict=True)]
    print(
        f"{what}: firth {statistics.median(firth_seconds):.3f} s, gensim {statistics.median(gensim_seconds):.3f} s, "
        f"ratio {statistics.median(ratios):.1f}x ({min(ratios):.1f}-{max(ratios):.1f}), must {must:g}x, aim {aim:g}x",
        flush=True,
    )


def bench_neighbors(firth_vectors, gensim_vectors, words, rounds: int, sample: int) -> None:
    rng = np.random.default_rng(2)
    queries = [words[i] for i in rng.integers(0, len(words), N_QUERIES)]
    firth_vectors.norms, gensim_vectors.fill_norms()  # both programs read the matrix once before the time is measured
    firth_seconds, gensim_seconds, differing = [], [], 0
    for _ in range(rounds):
        start = time.perf_counter()
        found = firth_vectors.neighbors(queries, top=10)
        firth_seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
        expected = [gensim_vectors.most_similar(query, topn=10) for query in queries[:sample]]
        gensim_seconds.append((time.perf_counter() - start) * N_QUERIES / sample)
        for answer, reference in zip(found, expected, strict=False):
            close = np.allclose([s for _, s in answer], [s for _, s in reference], atol=2e-6)
            differing += not close or {w for w, _ in answer} != {w for w, _ in reference}
    print_ratio(f"top-10 of {N_QUERIES} queries", firth_seconds, gensim_seconds, 8, 20)
    print(f"  answers that differ from gensim's: {differing} of {rounds * sample}")


def bench_analogies(firth_vectors, gensim_vectors, questions: list[str], rounds: int, sample: int, evaluate) -> None:
    n_lines = min(len(questions), sample * 5)
    chosen = np.sort(np.random.default_rng(3).permutation(len(questions))[:n_lines])
    n_questions = sum(not line.startswith(":") for line in questions)
    firth_seconds, gensim_seconds = [], []
    with tempfile.TemporaryDirectory() as folder:
        whole, part = Path(folder, "whole.txt"), Path(folder, "part.txt")
        whole.write_text("\n".join(questions) + "\n", encoding="utf-8")
        lines = [questions[i] for i in chosen if not questions[i].startswith(":")]
        part.write_text(": part\n" + "\n".join(lines) + "\n", encoding="utf-8")
        for _ in range(rounds):
            start = time.perf_counter()
            evaluate(firth_vectors, whole)
            firth_seconds.append(time.perf_counter() - start)
            start = time.perf_counter()
            score, _sections = gensim_vectors.evaluate_word_analogies(str(part))
            gensim_seconds.append((time.perf_counter() - start) * n_questions / len(lines))
        firth_score = evaluate(firth_vectors, part).accuracy
    print_ratio("the analogies file", firth_seconds, gensim_seconds, 8, 20)
    print(f"  score on {len(lines)} questions: firth {firth_score:.6f}, gensim {score:.6f}")


MEMORY_CHILD = """
import json, sys
import numpy as np
import firth, firth.vectors
def rss():
    fields = dict(line.split(":", 1) for line in open("/proc/self/status") if line.startswith("Rss"))
    return {name: int(fields[name].split()[0]) / 1024 for name in ("RssAnon", "RssFile")}
folder, n_words, n_dims = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
base = rss()
word_bytes, offsets = (np.load(f"{folder}/{name}.npy", mmap_mode="r") for name in ("bytes", "offsets"))
words = firth.vectors.PackedWords(word_bytes, offsets)
matrix = np.memmap(folder + "/matrix.f32", dtype=np.float32, mode="r", shape=(n_words, n_dims))
vectors = firth.vectors.WordVectors(words, matrix)
loaded = rss()
for i in range(100):
    vectors[f"w{i * 97}"]
    vectors.similarity(f"w{i}", f"w{n_words - 1 - i}")
looked_up = rss()
peak = 0.0
import threading
stop = threading.Event()
def watch():
    global peak
    while not stop.wait(0.01):
        peak = max(peak, rss()["RssAnon"])
thread = threading.Thread(target=watch); thread.start()
vectors.most_similar("w5")
vectors.neighbors([f"w{i}" for i in range(1000)])
stop.set(); thread.join()
queried = rss()
print(json.dumps({
    "RssFile over loading, after 100 look-ups and similarities, MB": looked_up["RssFile"] - loaded["RssFile"],
    "RssAnon over import, after look-ups, MB": looked_up["RssAnon"] - base["RssAnon"],
    "RssAnon over import, peak of most_similar and 1,000 queries, MB": peak - base["RssAnon"],
    "RssAnon over import, afterwards, MB": queried["RssAnon"] - base["RssAnon"],
}))
"""


def bench_memory(n_bytes: int, n_dims: int) -> None:
    from firth.vectors import PackedWords

    n_words = n_bytes // (4 * n_dims)
    with tempfile.TemporaryDirectory(dir=os.environ.get("FIRTH_BENCH_FOLDER")) as folder:
        rng = np.random.default_rng(4)
        with Path(folder, "matrix.f32").open("wb") as file:
            for start in range(0, n_words, 10_000):
                rng.standard_normal((min(10_000, n_words - start), n_dims), dtype=np.float32).tofile(file)
        packed = PackedWords.from_words(f"w{i}" for i in range(n_words))
        np.save(folder + "/bytes.npy", packed.word_bytes)
        np.save(folder + "/offsets.npy", packed.offsets)
        child = subprocess.run(
            [sys.executable, "-c", MEMORY_CHILD, folder, str(n_words), str(n_dims)],
            capture_output=True,
            text=True,
            check=True,
        )
    print(f"a mapped model of {n_words} x {n_dims}, {n_bytes / 1e9:.2f} GB:")
    for what, value in json.loads(child.stdout).items():
        print(f"  {what}: {value:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=400_000)
    parser.add_argument("--dims", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=20)
    parser.add_argument("--only", nargs="*", choices=["neighbors", "analogies", "memory"], default=None)
    arguments = parser.parse_args()
    only = arguments.only or ["neighbors", "analogies", "memory"]
    if {"neighbors", "analogies"} & set(only):
        from gensim.models import KeyedVectors

        from firth.vectors import WordVectors, evaluate_analogies

        data = os.environ.get("FIRTH_DATA")
        if data is None:
            raise SystemExit("FIRTH_DATA must name the folder of eval/questions-words.txt")
        questions = Path(data, "eval/questions-words.txt").read_text(encoding="utf-8").splitlines()
        words, matrix = make_vectors(arguments.words, arguments.dims, questions)
        firth_vectors = WordVectors(words, matrix)
        gensim_vectors = KeyedVectors(arguments.dims)
        gensim_vectors.add_vectors(words, matrix)
        print(f"{arguments.words} x {arguments.dims}, {len(os.sched_getaffinity(0))} cores, {arguments.rounds} rounds")
        if "neighbors" in only:
            bench_neighbors(firth_vectors, gensim_vectors, words, arguments.rounds, arguments.sample)
        if "analogies" in only:
            bench_analogies(
                firth_vectors, gensim_vectors, questions, arguments.rounds, arguments.sample, evaluate_analogies
            )
    if "memory" in only:
        bench_memory(10**9, arguments.dims)


if __name__ == "__main__":
    main()
