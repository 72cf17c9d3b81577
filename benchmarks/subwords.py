"""Compares subwords with fastText: CPU seconds of an epoch, interleaved in one run, and the accuracy of the vectors.

    python benchmarks/subwords.py speed CORPUS --fasttext PYTHON [--rounds 3]
    python benchmarks/subwords.py accuracy CORPUS --evaluation FOLDER [--fasttext PYTHON] [--seeds 1 2 3]

PYTHON is an interpreter that has the package fasttext-numpy2. Both programs run on one thread with n-grams of 3 to 6
characters. The CPU seconds of an epoch are half the difference between runs of three epochs and of one epoch, so that
reading the text and drawing the first rows do not count. firth measures the accuracy of fastText's vectors, on the file
that fastText writes.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

FASTTEXT = """
import sys, time, fasttext
corpus, model, epochs, rate, output = sys.argv[1:6]
start = time.process_time()
trained = fasttext.train_unsupervised(corpus, model=model, thread=1, verbose=1, lr=float(rate), dim=100, ws=5,
                                      epoch=int(epochs), minCount=5, neg=5, minn=3, maxn=6, bucket=2000000, t=1e-3)
print("CPU", time.process_time() - start)
if output:
    trained.save_model(output)
"""
FIRTH = """
import sys, time, firth
corpus, architecture, epochs, rate, buckets = sys.argv[1:6]
start = time.process_time()
model = firth.train(corpus, architecture=architecture, threads=1, learning_rate=float(rate), epochs=int(epochs),
                    negatives=5, subwords=True, buckets=int(buckets) or None, subsample=1e-3, progress=False)
print("CPU", time.process_time() - start)
print("TOKENS", model.corpus.n_tokens_read)
"""
RATES = {"skipgram": "0.025", "cbow": "0.05"}
PAIRS = ("EN-WS-353-ALL.txt", "EN-SIMLEX-999.txt", "EN-MEN-TR-3k.txt", "EN-RW-STANFORD.txt")


def run(python: str, program: str, *arguments: str) -> dict[str, float]:
    """Run a program. Returns the numbers that it prints, by their names."""
    done = subprocess.run([python, "-c", program, *arguments], capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    return {words[0]: float(words[1]) for words in lines if len(words) == 2 and words[0].isupper()}


def measure_speed(corpus: Path, fasttext: str, rounds: int) -> None:
    """Print words per CPU second of each program, the median of the rounds, and the ratio to fastText."""
    for architecture, rate in RATES.items():
        programs = {
            "fastText": (fasttext, FASTTEXT, ""),
            "firth, 2,000,000 buckets": (sys.executable, FIRTH, "2000000"),
            "firth, fitted buckets": (sys.executable, FIRTH, "0"),
        }
        seconds: dict[str, list[float]] = {name: [] for name in programs}
        tokens = 0.0
        for _ in range(rounds):
            for name, (python, program, last) in programs.items():
                one, three = (run(python, program, str(corpus), architecture, n, rate, last) for n in ("1", "3"))
                seconds[name].append((three["CPU"] - one["CPU"]) / 2)
                tokens = one.get("TOKENS", tokens)
        for name, measured in seconds.items():
            median = statistics.median(measured)
            if median <= 0:
                print(f"{architecture:9} {name:26} not measurable; give a longer text")
                continue
            ratio = statistics.median(seconds["fastText"]) / median
            print(f"{architecture:9} {name:26} {tokens / median:12,.0f} words/CPU-s  {ratio:6.1f}")


def measure_accuracy(corpus: Path, folder: Path, fasttext: str | None, seeds: list[int]) -> None:
    """Print analogies in % and Spearman's correlations of each program and seed. Unknown words are composed."""
    import firth
    from firth.vectors.conversion import as_word_vectors

    def score(name: str, vectors: firth.WordVectors) -> None:
        analogies = firth.evaluate_analogies(vectors, folder / "questions-words.txt")
        scores = [
            firth.evaluate_word_pairs(vectors, folder / pairs, unknown="compose", bad_lines="skip").spearman
            for pairs in PAIRS
        ]
        print(f"{name:20} {100 * analogies.accuracy:6.2f} " + " ".join(f"{value:6.3f}" for value in scores), flush=True)

    for seed in seeds:
        for name, subwords in (("firth", False), ("firth subwords", True)):
            score(f"{name} {seed}", firth.train(corpus, subwords=subwords, seed=seed, progress=False).vectors)
    if fasttext is not None:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "fasttext.bin"
            run(fasttext, FASTTEXT, str(corpus), "skipgram", "5", RATES["skipgram"], str(path))
            score("fastText", as_word_vectors(path))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "accuracy"))
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--fasttext", metavar="PYTHON")
    parser.add_argument("--evaluation", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    given = parser.parse_args()
    if given.what == "speed":
        if given.fasttext is None:
            parser.error("speed needs --fasttext PYTHON")
        measure_speed(given.corpus, given.fasttext, given.rounds)
    else:
        if given.evaluation is None:
            parser.error("accuracy needs --evaluation FOLDER")
        measure_accuracy(given.corpus, given.evaluation, given.fasttext, given.seeds)


if __name__ == "__main__":
    main()
