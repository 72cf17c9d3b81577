"""Compares subwords with fastText, its Rust port and gensim: words a CPU second, interleaved in one run, accuracy.

    python benchmarks/subwords.py speed CORPUS --fasttext PYTHON [--rust PYTHON] [--gensim PYTHON] [--rounds 3]
    python benchmarks/subwords.py accuracy CORPUS --evaluation FOLDER [--fasttext PYTHON] [--seeds 1 2 3]

PYTHON is an interpreter that has the package fasttext-numpy2, fasttext-new or gensim. Each program runs on one thread
(on more with `--threads`) with n-grams of 3 to 6 characters. The seconds of an epoch are half the difference between
runs of three epochs and of one epoch, so that reading the text and drawing the first rows do not count. They are the
processor's seconds in the program itself. The system's seconds do not count: allocating 800 MB for 2,000,000 buckets
takes a time that varies more from run to run than an epoch takes. `--clock` measures wall time, which more than one
thread needs. firth measures the accuracy of fastText's vectors, on the file that fastText writes.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TIMES = """
import resource, time
def seconds():
    return time.perf_counter() if clock == "clock" else resource.getrusage(resource.RUSAGE_SELF).ru_utime
"""
FASTTEXT = """
import sys, fasttext
corpus, model, epochs, rate, threads, clock, output = sys.argv[1:8]
TIMES
start = seconds()
trained = fasttext.train_unsupervised(corpus, model=model, thread=int(threads), verbose=0, lr=float(rate), dim=100,
                                      ws=5, epoch=int(epochs), minCount=5, neg=5, minn=3, maxn=6, bucket=2000000,
                                      t=1e-3)
print("SECONDS", seconds() - start)
if output:
    trained.save_model(output)
""".replace("TIMES", TIMES)
RUST = FASTTEXT.replace("sys, fasttext", "sys, fasttext_new as fasttext")
GENSIM = """
import sys
from gensim.models import FastText
corpus, model, epochs, rate, threads, clock, output = sys.argv[1:8]
TIMES
start = seconds()
FastText(corpus_file=corpus, sg=int(model == "skipgram"), vector_size=100, window=5, min_count=5, negative=5,
         sample=1e-3, min_n=3, max_n=6, bucket=2000000, workers=int(threads), epochs=int(epochs), alpha=float(rate))
print("SECONDS", seconds() - start)
""".replace("TIMES", TIMES)
FIRTH = """
import sys, firth
corpus, architecture, epochs, rate, threads, clock, buckets = sys.argv[1:8]
TIMES
start = seconds()
model = firth.train(corpus, architecture=architecture, threads=int(threads), learning_rate=float(rate),
                    epochs=int(epochs), negatives=5, subwords=True, buckets=int(buckets) or None, subsample=1e-3,
                    progress=False)
print("SECONDS", seconds() - start)
print("TOKENS", model.corpus.n_tokens_read)
""".replace("TIMES", TIMES)
RATES = {"skipgram": "0.025", "cbow": "0.05"}
PAIRS = ("EN-WS-353-ALL.txt", "EN-SIMLEX-999.txt", "EN-MEN-TR-3k.txt", "EN-RW-STANFORD.txt")


def run(python: str, program: str, *arguments: str) -> dict[str, float]:
    """Run a program. Returns the numbers that it prints, by their names."""
    done = subprocess.run([python, "-c", program, *arguments], capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    return {words[0]: float(words[1]) for words in lines if len(words) == 2 and words[0].isupper()}


def measure_speed(corpus: Path, others: dict[str, tuple[str, str]], rounds: int, threads: int, clock: str) -> None:
    """Print words a second of each program, the median of the rounds, and the ratio to the first of the others."""
    programs = {name: (python, program, "") for name, (python, program) in others.items()}
    programs["firth, 2,000,000 buckets"] = (sys.executable, FIRTH, "2000000")
    programs["firth, fitted buckets"] = (sys.executable, FIRTH, "0")
    for architecture, rate in RATES.items():
        seconds: dict[str, list[float]] = {name: [] for name in programs}
        tokens = 0.0
        for _ in range(rounds):
            for name, (python, program, last) in programs.items():
                one, three = (
                    run(python, program, str(corpus), architecture, n, rate, str(threads), clock, last)
                    for n in ("1", "3")
                )
                seconds[name].append((three["SECONDS"] - one["SECONDS"]) / 2)
                tokens = one.get("TOKENS", tokens)
        fasttext = statistics.median(seconds[next(iter(programs))])
        for name, measured in seconds.items():
            median = statistics.median(measured)
            if median <= 0:
                print(f"{architecture:9} {name:26} not measurable; give a longer text")
                continue
            rates = f"{tokens / max(measured):,.0f} to {tokens / min(measured):,.0f}" if min(measured) > 0 else "noisy"
            print(
                f"{architecture:9} {name:26} {tokens / median:12,.0f} words/s  {fasttext / median:6.1f}  ({rates})",
                flush=True,
            )


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
            run(fasttext, FASTTEXT, str(corpus), "skipgram", "5", RATES["skipgram"], "1", "cpu", str(path))
            score("fastText", as_word_vectors(path))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "accuracy"))
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--fasttext", metavar="PYTHON")
    parser.add_argument("--rust", metavar="PYTHON")
    parser.add_argument("--gensim", metavar="PYTHON")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", action="store_const", const="clock", default="cpu")
    parser.add_argument("--evaluation", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    given = parser.parse_args()
    if given.what == "speed":
        if given.fasttext is None:
            parser.error("speed needs --fasttext PYTHON")
        others = {"fastText": (given.fasttext, FASTTEXT)}
        if given.rust is not None:
            others["fastText in Rust"] = (given.rust, RUST)
        if given.gensim is not None:
            others["gensim"] = (given.gensim, GENSIM)
        measure_speed(given.corpus, others, given.rounds, given.threads, given.clock)
    else:
        if given.evaluation is None:
            parser.error("accuracy needs --evaluation FOLDER")
        measure_accuracy(given.corpus, given.evaluation, given.fasttext, given.seeds)


if __name__ == "__main__":
    main()
