"""Compares training of classifiers with fastText: each run in a separate process, runs interleaved; needs FIRTH_DATA.

    python benchmarks/classifiers.py --fasttext /path/to/python [--rounds 3] [--threads 2] [--only SST]

``--fasttext`` is a Python that has fastText (the wheel ``fasttext-numpy2``). The processor time and the wall time of
the call are measured, from the file to the model in memory. Precision is at 1, on texts outside the training file.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

FIRTH = """
import json, sys, time
import firth
train, test, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
firth.train_classifier  # imported before the clock starts
cpu, wall = time.process_time(), time.perf_counter()
model = firth.train_classifier(train, progress=False, **options)
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
from firth.classification.training_texts import TableOptions, read_training_texts
texts = read_training_texts(test, None, TableOptions())
ids, _ = model.predict_ids(texts.texts)
right = [model.labels[label] in names for label, names in zip(ids[:, 0].tolist(), texts.labels, strict=True)]
print(json.dumps([cpu, wall, sum(right) / len(right)]))
"""
FASTTEXT = """
import json, sys, time
import fasttext
train, test, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
names = {"word_ngrams": "wordNgrams", "epochs": "epoch", "learning_rate": "lr", "threads": "thread"}
options = {names.get(name, name): value for name, value in options.items()}
cpu, wall = time.process_time(), time.perf_counter()
model = fasttext.train_supervised(input=train, verbose=0, **options)
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
print(json.dumps([cpu, wall, model.test(test)[1]]))
"""


def write_sentences(data: Path, folder: Path) -> tuple[str, str]:
    """The sentences of the Stanford Sentiment Treebank with their five classes, lower-cased."""
    for part in ("train", "test"):
        with open(data / "sst" / f"{part}.txt", encoding="utf-8") as trees, open(folder / part, "w") as lines:
            for tree in trees:
                words = re.findall(r"\(\d ([^()]+)\)", tree)
                lines.write(f"__label__{tree[1]} {' '.join(words).lower()}\n")
    return str(folder / "train"), str(folder / "test")


ARTS = frozenset({"album", "band", "music", "song", "songs", "film", "films", "actor", "episode"})
ARTS |= {"game", "player", "players", "season", "team", "league"}
HISTORY = frozenset({"war", "army", "battle", "king", "bishop", "river", "species", "government"})
HISTORY |= {"party", "president", "ship", "railway", "church"}
MIN_WORDS, N_TOPICS, N_TOPICS_TEST, TOPICS_SEED = 50, 50_000, 5_000, 1


def write_topics(data: Path, folder: Path) -> tuple[str, str]:
    """50,000 long texts of two classes, and 5,000 to test: paragraphs of Wikipedia's featured articles.

    The corpus has no subjects, so two lists of words decide: a paragraph of at least 50 words belongs to the list of
    which it has more words, and to none if both are equal. The words of both lists are then taken out of the text, so
    that a classifier has to tell the subject by the other words. Paragraphs are shuffled with the seed 1.
    """
    lines = []
    with lzma.open(data / "enwiki-featured.txt.xz", "rt", encoding="utf-8") as paragraphs:
        for paragraph in paragraphs:
            words = paragraph.split()
            n_arts, n_history = sum(word in ARTS for word in words), sum(word in HISTORY for word in words)
            if len(words) >= MIN_WORDS and n_arts != n_history:
                rest = " ".join(word for word in words if word not in ARTS and word not in HISTORY)
                lines.append(f"__label__{'arts' if n_arts > n_history else 'history'} {rest}\n")
    random.Random(TOPICS_SEED).shuffle(lines)
    if len(lines) < N_TOPICS + N_TOPICS_TEST:
        raise SystemExit(f"the corpus must have {N_TOPICS + N_TOPICS_TEST} paragraphs of a subject, got {len(lines)}")
    (folder / "topics.train").write_text("".join(lines[:N_TOPICS]))
    (folder / "topics.test").write_text("".join(lines[N_TOPICS : N_TOPICS + N_TOPICS_TEST]))
    return str(folder / "topics.train"), str(folder / "topics.test")


def measure(python: str, program: str, arguments: list[str]) -> list[float] | None:
    """Processor seconds, wall seconds and precision. None if the program ended with an error."""
    done = subprocess.run([python, "-c", program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"  error: {done.stderr.strip().splitlines()[-1]}")
        return None
    numbers: list[float] = json.loads(done.stdout.splitlines()[-1])
    return numbers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fasttext", required=True, help="a Python that has fastText")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", help="part of a case's name")
    options = parser.parse_args()
    data = Path(os.environ["FIRTH_DATA"])
    with tempfile.TemporaryDirectory() as folder:
        cooking = str(data / "cooking" / "cooking.train"), str(data / "cooking" / "cooking.valid")
        sentences = write_sentences(data, Path(folder))
        cases = {
            "cooking, bigrams, 25 epochs": (cooking, {"word_ngrams": 2, "epochs": 25, "learning_rate": 1.0}),
            "SST, defaults": (sentences, {}),
            "SST, 20 epochs": (sentences, {"epochs": 20, "learning_rate": 0.5}),
            "two subjects, 50,000 long texts": (None, {}),
            "two subjects, bigrams": (None, {"word_ngrams": 2}),
        }
        cases = {name: case for name, case in cases.items() if options.only in name}
        if any(files is None for files, _ in cases.values()):
            topics = write_topics(data, Path(folder))
            cases = {name: (files or topics, parameters) for name, (files, parameters) in cases.items()}
        for name, (files, parameters) in cases.items():
            found: dict[str, list[list[float]]] = {"fastText": [], "firth": []}
            for seed in range(1, options.rounds + 1):
                given = json.dumps({**parameters, "threads": options.threads, "seed": seed})
                for program, python, code in (
                    ("fastText", options.fasttext, FASTTEXT),
                    ("firth", sys.executable, FIRTH),
                ):
                    numbers = measure(python, code, [*files, given])
                    if numbers is not None:
                        found[program].append(numbers)
            print(name)
            means = {
                program: [statistics.mean(column) for column in zip(*runs, strict=True)]
                for program, runs in found.items()
                if runs
            }
            for program, (cpu, wall, precision) in means.items():
                times = f"{cpu:6.2f} s processor, {wall:6.2f} s wall"
                print(f"  {program:9} {times}, precision {precision:.4f}, {len(found[program])} runs")
            if len(means) == 2:
                ratios = [means["fastText"][k] / means["firth"][k] for k in (0, 1)]
                print(f"  firth is {ratios[0]:.1f}x as fast by processor time, {ratios[1]:.1f}x by wall time")


if __name__ == "__main__":
    main()
