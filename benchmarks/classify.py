"""Compares the lines a second of `predict` on a list with fastText's: runs interleaved, each in a separate process.

    FIRTH_DATA=... python benchmarks/classify.py --fasttext PYTHON [--rounds 5] [--lines 40000] [--new]

PYTHON is an interpreter with fasttext-numpy2, and with fasttext-new, fastText in Rust, for --new. Lines have 3 to 40
words: half are English (enwiki-featured), half random words of the model's own dictionary, which has many languages.
Rates are of processor time, which other work on the machine disturbs less than the time on the clock; with two threads
the clock counts. The ratios' median and quartiles are printed.
"""

from __future__ import annotations

import argparse
import lzma
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

DATA = Path(os.environ["FIRTH_DATA"])
MODEL = DATA / "interop" / "lid.176.ftz"
FIRTH = """
import sys, time, firth
model, lines = firth.load(sys.argv[1]), open(sys.argv[2], encoding="utf-8").read().split("\\n")
threads = int(sys.argv[3])
model.predict(lines[:1000], threads=threads)
wall, processor = time.perf_counter(), time.process_time()
model.predict(lines, threads=threads)
print(len(lines) / (time.perf_counter() - wall), len(lines) / (time.process_time() - processor))
"""
FASTTEXT = """
import importlib, sys, time
fasttext = importlib.import_module(sys.argv[3])
model, lines = fasttext.load_model(sys.argv[1]), open(sys.argv[2], encoding="utf-8").read().split("\\n")
model.predict(lines[:1000])
wall, processor = time.perf_counter(), time.process_time()
model.predict(lines)
print(len(lines) / (time.perf_counter() - wall), len(lines) / (time.process_time() - processor))
"""


def make_lines(n_lines: int) -> list[str]:
    from firth.formats.fasttext_model import read_classifier

    draw = random.Random(1)
    stored = read_classifier(MODEL)
    words = [entry.decode() for entry in list(stored.entries.all_encoded())[1 : stored.n_words]]
    lines = [" ".join(draw.choices(words, k=draw.randint(3, 40))) for _ in range(n_lines // 2)]
    with lzma.open(DATA / "enwiki-featured.txt.xz", "rt", encoding="utf-8") as text:
        for paragraph in text:
            tokens = paragraph.split()
            while tokens and len(lines) < n_lines:
                n_words = draw.randint(3, 40)
                lines.append(" ".join(tokens[:n_words]))
                tokens = tokens[n_words:]
            if len(lines) == n_lines:
                break
    draw.shuffle(lines)
    return lines


def run(python: str, program: str, *arguments: object) -> tuple[float, float]:
    command = [python, "-c", program, *map(str, arguments)]
    environment = {**os.environ, "RAYON_NUM_THREADS": "1"}  # of fasttext-new
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    wall, processor = map(float, done.stdout.split())
    return wall, processor


def show(name: str, ratios: list[float]) -> None:
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"{name:42} {middle:5.2f} ({low:.2f} to {high:.2f})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fasttext", required=True, help="a Python with fasttext-numpy2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lines", type=int, default=40_000)
    parser.add_argument("--new", action="store_true", help="fasttext-new too")
    arguments = parser.parse_args()
    rates: dict[str, list[tuple[float, float]]] = {"fastText": [], "one": [], "two": []}
    if arguments.new:
        rates["new"] = []
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "lines.txt"
        lines.write_text("\n".join(make_lines(arguments.lines)), encoding="utf-8")
        for _ in range(arguments.rounds):
            rates["fastText"].append(run(arguments.fasttext, FASTTEXT, MODEL, lines, "fasttext"))
            rates["one"].append(run(sys.executable, FIRTH, MODEL, lines, 1))
            rates["two"].append(run(sys.executable, FIRTH, MODEL, lines, 2))
            if arguments.new:
                rates["new"].append(run(arguments.fasttext, FASTTEXT, MODEL, lines, "fasttext_new"))
    for name, found in rates.items():
        wall, processor = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"{name:10} {wall:10,.0f} lines/s by the clock, {processor:10,.0f} by processor time")
    pairs = list(zip(rates["one"], rates["fastText"], rates["two"], strict=True))
    show("one thread over fastText, processor time", [one[1] / other[1] for one, other, _ in pairs])
    if arguments.new:
        new = zip(rates["one"], rates["new"], strict=True)
        show("one thread over fasttext-new, processor time", [one[1] / other[1] for one, other in new])
    show("two threads over one, clock", [two[0] / one[0] for one, _, two in pairs])


if __name__ == "__main__":
    main()
