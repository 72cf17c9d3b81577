"""A library of texts searched by meaning: learns a vector for each text, and finds the texts nearest to a question.

    python examples/documents.py $FIRTH_DATA/enwiki-featured.txt.xz --texts 5000

Le, Mikolov (2014), "Distributed Representations of Sentences and Documents", arXiv:1405.4053. The test of the search
is that a text finds itself: the first half of each text is in the library, and its second half is the question. Two
other vectors of texts are beside it: the mean of word vectors, and SIF, the mean with smaller weights for frequent
words. For questions that share words with their texts, as here, SIF may be better than document vectors.
"""

from __future__ import annotations

import argparse
import lzma
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

import firth
from firth.vectors.texts import text_vectors

LEAST_WORDS = 40  # shorter texts are left out: half of them says little
QUESTIONS = ("the ships of the navy in the war", "a planet and its moons", "the album and its songs")


def read_texts(path: Path, n_texts: int) -> list[list[str]]:
    """The first texts of a file with a text in each line."""

    def texts() -> Iterator[list[str]]:
        with lzma.open(path, "rb") if path.suffix == ".xz" else path.open("rb") as lines:
            for line in map(bytes.decode, lines):
                words = line.split()
                if len(words) >= LEAST_WORDS:
                    yield words

    return list(islice(texts(), n_texts))


def hit_rate(questions: np.ndarray, library: np.ndarray) -> float:
    """The share of the questions whose nearest text, by the cosine, is their own."""
    units = [rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12) for rows in (questions, library)]
    return float(((units[0] @ units[1].T).argmax(axis=1) == np.arange(len(questions))).mean())


def run(path: Path, *, n_texts: int = 5000, epochs: int = 20, dims: int = 100, seed: int = 1) -> dict[str, float]:
    texts = read_texts(path, n_texts)
    first = [words[: len(words) // 2] for words in texts]
    second = [words[len(words) // 2 :] for words in texts]
    model = firth.train_documents(first, method="dbow", dims=dims, epochs=epochs, seed=seed, progress=False)
    assert model.documents is not None
    print(f"{len(first):,} texts, {len(model.vectors):,} words")
    for question in QUESTIONS:
        words = [word for word in question.split() if word in model.vectors]
        if words:
            number = model.neighbors(words, top=1, seed=seed)[0].word
            print(f"  {question}: {' '.join(first[number][:12])} ...")
    vectors = model.infer(second, seed=seed, empty="zero")
    rates = {"document vectors": hit_rate(vectors, np.asarray(model.documents.matrix))}

    words = firth.train(first, dims=dims, epochs=epochs, seed=seed, progress=False).vectors
    for weighting in ("mean", "sif"):
        both = text_vectors(words, [*first, *second], weighting=weighting)
        rates[weighting] = hit_rate(both[len(first) :], both[: len(first)])
    print("second halves whose nearest text is their first half:")
    for name, rate in rates.items():
        print(f"  {name:<17} {100 * rate:5.1f} %")
    return rates


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path", type=Path, help="file with a text in each line, or such a file compressed by xz")
    parser.add_argument("--texts", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    run(arguments.path, n_texts=arguments.texts, epochs=arguments.epochs, seed=arguments.seed)
