"""Compares document vectors with gensim's Doc2Vec: words a second, inference, accuracy; needs FIRTH_DATA.

    python benchmarks/documents.py --gensim /path/to/python [--lines 20000] [--rounds 3] [--accuracy] [--seeds 3]

``--gensim`` is a Python that has gensim. Each run is a process of its own, runs are interleaved, and every program has
one thread: the processor time is compared. The training time is that of further epochs, without reading the text.
Inference is timed by the clock too, with both programs at their best: firth with all cores.
``--accuracy``, for several seeds, the vectors of both programs and of texts from word vectors: which share of the
second halves of documents is nearest to its first half, and the accuracy of a logistic regression on the five classes
of the Stanford Sentiment Treebank. "trained": the first halves, or training sentences, have the vectors of training;
"inferred": their vectors are inferred, as those of the second halves and test sentences always are.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

FIRTH = """
import json, sys, time
import numpy as np
import firth
corpus, queries, options, infer = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])
def timed(call):
    cpu = time.process_time()
    value = call()
    return time.process_time() - cpu, value
epochs = options.pop("epochs")
def train(n):
    return firth.train_documents(corpus, threads=1, progress=False, epochs=n, **options)
if infer:
    train(1)  # imports what a run needs
    few, _ = timed(lambda: train(1))
    many, _ = timed(lambda: train(1 + 4 * epochs))  # enough work to be well above the cost of reading
    model = train(epochs)
    seconds, n_words = many - few, 4 * epochs * model.corpus.n_tokens
else:  # only the vectors are wanted
    seconds, n_words, model = 1, 0, train(epochs)
lines = open(queries).read().splitlines()
first = model.infer(lines[:2], epochs=epochs)
inferring, vectors = timed(lambda: model.infer(lines, epochs=epochs, threads=1, empty="zero", seed=model.config.seed))
clock = time.perf_counter()
model.infer(lines, epochs=epochs, empty="zero")
clock = time.perf_counter() - clock
library = [] if infer else model.infer(open(corpus).read().splitlines(), epochs=epochs, empty="zero",
                                       seed=model.config.seed)
np.savez(sys.argv[5], trained=model.documents.matrix, inferred=library, queries=vectors)
print(json.dumps({"words/s": n_words / seconds, "documents/s": len(lines) / inferring,
                  "documents/s by the clock": len(lines) / clock}))
"""
GENSIM = """
import json, sys, time
import numpy as np
from gensim.models.doc2vec import Doc2Vec
corpus, queries, options, infer = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])
method = options["method"]
model = Doc2Vec(vector_size=options["dims"], dm=int(method == "dm"), dm_mean=1, min_count=options["min_count"],
                negative=options["negatives"], sample=options["subsample"], workers=1, epochs=options["epochs"],
                window=5, seed=options.get("seed", 1), alpha=options.get("learning_rate", 0.025))
model.build_vocab(corpus_file=corpus)
cpu = time.process_time()
model.train(corpus_file=corpus, total_examples=model.corpus_count, total_words=model.corpus_total_words,
            epochs=model.epochs)
seconds = time.process_time() - cpu
n_words = model.epochs * sum(model.wv.get_vecattr(w, "count") for w in model.wv.index_to_key)
lines = [line.split() for line in open(queries).read().splitlines()]
n_timed = infer or len(lines)
cpu, clock = time.process_time(), time.perf_counter()
vectors = [model.infer_vector(line) for line in lines[:n_timed]]
inferring, clock = time.process_time() - cpu, time.perf_counter() - clock
library = [] if infer else [model.infer_vector(line.split()) for line in open(corpus).read().splitlines()]
np.savez(sys.argv[5], trained=model.dv.vectors, inferred=np.array(library), queries=np.array(vectors))
print(json.dumps({"words/s": n_words / seconds, "documents/s": n_timed / inferring,
                  "documents/s by the clock": n_timed / clock}))
"""


WORDS = """
import json, sys
import numpy as np
import firth
from firth.vectors.texts import text_vectors
corpus, queries, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
weighting = options.pop("method")
first, second = ([line.split() for line in open(path).read().splitlines()] for path in (corpus, queries))
words = firth.train(first, threads=1, progress=False, **options).vectors
both = text_vectors(words, [*first, *second], weighting=weighting)
np.savez(sys.argv[5], trained=both[:len(first)], inferred=both[:len(first)], queries=both[len(first):])
print(json.dumps({}))
"""


def run(python: str, program: str, arguments: list[str]) -> dict[str, float]:
    done = subprocess.run([python, "-c", program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def write_lines(data: Path, folder: Path, n_lines: int) -> tuple[str, str]:
    """Paragraphs of 40 words or more: first halves to train on, and second halves as queries."""
    halves: tuple[list[str], list[str]] = ([], [])
    with lzma.open(data / "enwiki-featured.txt.xz", "rt") as text:
        for line in text:
            words = line.split()
            if len(words) < 40:
                continue
            halves[0].append(" ".join(words[: len(words) // 2]))
            halves[1].append(" ".join(words[len(words) // 2 :]))
            if len(halves[0]) == n_lines:
                break
    for name, part in zip(("train.txt", "queries.txt"), (halves[0], halves[1][:10_000]), strict=True):
        (folder / name).write_text("\n".join(part) + "\n")
    return str(folder / "train.txt"), str(folder / "queries.txt")


def write_sst(data: Path, folder: Path) -> dict[str, list[int]]:
    """The sentences of the Stanford Sentiment Treebank; returns the labels of each part."""
    labels = {}
    for part in ("train", "test"):
        trees = (data / "sst" / f"{part}.txt").read_text(encoding="utf-8").splitlines()
        labels[part] = [int(tree[1]) for tree in trees]
        sentences = [" ".join(re.findall(r"\(\d ([^()]+)\)", tree)).lower() for tree in trees]
        (folder / f"sst-{part}.txt").write_text("\n".join(sentences) + "\n")
    return labels


def retrieval(library: Matrix, queries: Matrix) -> float:
    """The share of queries whose nearest document, among as many documents, is their own first half."""
    unit = [
        rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        for rows in (queries, library[: len(queries)])
    ]
    best = np.concatenate([(part @ unit[1].T).argmax(axis=1) for part in np.array_split(unit[0], 20)])
    return float((best == np.arange(len(best))).mean())


def sentiment(library: Matrix, queries: Matrix, labels: dict[str, list[int]]) -> float:
    """Accuracy on the test sentences of a logistic regression on the vectors of the training sentences."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(library)
    classifier = LogisticRegression(max_iter=500).fit(scaler.transform(library), labels["train"])
    return float(classifier.score(scaler.transform(queries), labels["test"]))


def compare_accuracy(programs: dict[str, tuple[str, str]], data: Path, folder: Path, seeds: int) -> None:
    """Print a line for each method: means over the seeds, and the lowest and highest."""
    labels = write_sst(data, folder)
    corpora = {
        "retrieval": (str(folder / "train.txt"), str(folder / "queries.txt"), {"min_count": 5}),
        "sst": (str(folder / "sst-train.txt"), str(folder / "sst-test.txt"), {"min_count": 2}),
    }
    methods: list[tuple[str, str, dict[str, Any]]] = [
        ("firth", "dbow", {}),
        ("firth", "dbow", {"negative_sharing": "window"}),
        ("firth", "dm", {}),
        ("gensim", "dbow", {}),
        ("gensim", "dm", {}),
        ("gensim", "dbow", {"learning_rate": 0.05}),
        ("gensim", "dm", {"learning_rate": 0.05}),
        ("words", "mean", {}),
        ("words", "idf", {}),
        ("words", "sif", {}),
    ]
    path = str(folder / "vectors.npz")
    for task, (first, second, own) in corpora.items():
        for program, method, more in methods:
            found: dict[str, list[float]] = {"trained": [], "inferred": []}
            for seed in range(1, seeds + 1):
                options = {"method": method, "dims": 100, "negatives": 5, "epochs": 20, "subsample": 1e-3, "seed": seed}
                python, text = programs[program]
                run(python, text, [first, second, json.dumps(options | own | more), "0", path])
                arrays = np.load(path)
                for kind, scores in found.items():
                    rows = arrays[kind], arrays["queries"]
                    scores.append(retrieval(*rows) if task == "retrieval" else sentiment(*rows, labels))
            shown = "  ".join(
                f"{kind} {100 * statistics.mean(scores):5.2f} % ({100 * min(scores):.2f} to {100 * max(scores):.2f})"
                for kind, scores in found.items()
            )
            print(f"{task:10}{program:8}{method:6}{', '.join(map(str, more.values())):8}{shown}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gensim", required=True)
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--accuracy", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    data = Path(os.environ["FIRTH_DATA"])
    programs = {"firth": (sys.executable, FIRTH), "gensim": (given.gensim, GENSIM), "words": (sys.executable, WORDS)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus, queries = write_lines(data, folder, given.lines)
        for method in ("dbow", "dm") if given.rounds else ():
            options = {"method": method, "dims": 100, "min_count": 5, "negatives": 5, "subsample": 1e-3}
            options["epochs"] = given.epochs
            found: dict[str, list[dict[str, float]]] = {"firth": [], "gensim": []}
            for _ in range(given.rounds):
                for program in found:
                    python, text = programs[program]
                    arguments = [corpus, queries, json.dumps(options), "1000", str(folder / f"{program}.npz")]
                    found[program].append(run(python, text, arguments))
            for measure in ("words/s", "documents/s", "documents/s by the clock"):
                median = {p: statistics.median(one[measure] for one in runs) for p, runs in found.items()}
                ratio = statistics.median(
                    a[measure] / b[measure] for a, b in zip(found["firth"], found["gensim"], strict=True)
                )
                print(f"{method:5} {measure:25} firth {median['firth']:12,.0f} gensim {median['gensim']:12,.0f}"
                      f" ratio {ratio:6.1f}", flush=True)  # fmt: skip
        if not given.accuracy:
            return
        compare_accuracy(programs, data, folder, given.seeds)


if __name__ == "__main__":
    main()
