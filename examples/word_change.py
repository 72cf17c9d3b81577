"""Word change: trains vectors on two corpora, rotates one space onto the other, and finds the words that moved most.

    python examples/word_change.py $FIRTH_DATA/enwiki-featured.txt.xz $FIRTH_DATA/sst/train.txt
    python examples/word_change.py $FIRTH_DATA/enwiki-featured.txt.xz --plant 10

Hamilton, Leskovec, Jurafsky (2016), "Diachronic Word Embeddings Reveal Statistical Laws of Semantic Change",
arXiv:1605.09096. With --plant, one corpus is divided into its even and its odd lines, which use words in the same way.
Then the two words of some pairs are exchanged in the odd lines. The program should find these words and no others.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import itertools
import lzma
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

import firth
from firth.vectors import align_spaces, most_moved

OPENERS = {".xz": lzma.open, ".bz2": bz2.open, ".gz": gzip.open}
TREE_LEAF = re.compile(r"\(\d ([^()\s]+)\)")  # a word in a tree of the Stanford Sentiment Treebank


def read_texts(path: Path, n_lines: int | None) -> Iterator[list[str]]:
    with OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8") as lines:
        for line in itertools.islice(lines, n_lines):
            leaves = TREE_LEAF.findall(line)
            yield [word.lower() for word in (leaves or line.split())]


def exchange_words(texts: Iterable[list[str]], pairs: list[tuple[str, str]]) -> Iterator[list[str]]:
    other = {a: b for pair in pairs for a, b in (pair, pair[::-1])}
    for text in texts:
        yield [other.get(word, word) for word in text]


def choose_pairs(texts: list[list[str]], n_pairs: int, seed: int) -> list[tuple[str, str]]:
    """Pairs of words of almost equal count, drawn from the ranks 500 to 2,500. Counts then do not show the exchange."""
    counts = Counter(word for text in texts for word in text)
    ranked = [word for word, _ in counts.most_common(2500)][500:]
    ranks = np.random.default_rng(seed).choice(len(ranked) // 2, size=n_pairs, replace=False) * 2
    return [(ranked[rank], ranked[rank + 1]) for rank in sorted(ranks.tolist())]


def compare(
    before: Iterable[list[str]], after: Iterable[list[str]], *, dims: int, epochs: int, min_count: int, seed: int
):
    spaces = [
        firth.train(texts, dims=dims, epochs=epochs, min_count=min_count, seed=seed, progress=False).vectors
        for texts in (before, after)
    ]
    return align_spaces(*spaces), spaces[1]


def run(
    first: Path,
    second: Path | None = None,
    *,
    n_lines: int | None = None,
    n_pairs: int = 10,
    n_words: int = 2500,
    dims: int = 100,
    epochs: int = 5,
    min_count: int = 20,
    top: int = 10,
    seed: int = 1,
) -> list[tuple[str, float]]:
    texts = list(read_texts(first, n_lines))
    pairs: list[tuple[str, str]] = []
    if second is None:
        pairs = choose_pairs(texts, n_pairs, seed)
        before, after = texts[::2], list(exchange_words(texts[1::2], pairs))
    else:
        before, after = texts, list(read_texts(second, n_lines))
    parameters = {"dims": dims, "epochs": epochs, "min_count": min_count, "seed": seed, "progress": False}
    source, target = (firth.train(part, **parameters).vectors for part in (before, after))
    alignment = align_spaces(source, target)
    print(
        f"{len(before):,} and {len(after):,} texts; {alignment.n_shared:,} shared words, their mean cosine"
        f" {alignment.mean_similarity:.2f}"
    )
    moved = most_moved(alignment.vectors, target, words=n_words, top=2 * len(pairs) or top)
    if pairs:
        planted = {word for pair in pairs for word in pair}
        found = sum(word in planted for word, _ in moved)
        print(f"{found} of {len(planted)} exchanged words are among the {len(moved)} that moved most, of {n_words:,}")
    for word, cosine in moved[:top]:
        sides = (
            ", ".join(near for near, _ in space.most_similar(word, top=4)) for space in (alignment.vectors, target)
        )
        print(f"  {word:<12} {cosine:5.2f}   {'   ->   '.join(sides)}")
    return moved


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("first", type=Path, help="corpus, one text a line; also .xz, .bz2 or .gz")
    parser.add_argument("second", type=Path, nargs="?", help="second corpus; also trees of the sentiment treebank")
    parser.add_argument(
        "--plant", type=int, default=10, metavar="PAIRS", help="pairs of words to exchange if there is no second corpus"
    )
    parser.add_argument("--lines", type=int, help="read only this number of lines of each corpus")
    parser.add_argument(
        "--words", type=int, default=2500, help="look for words that moved among this number of frequent shared words"
    )
    parser.add_argument("--min-count", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    run(
        arguments.first,
        arguments.second,
        n_lines=arguments.lines,
        n_pairs=arguments.plant,
        n_words=arguments.words,
        min_count=arguments.min_count,
        epochs=arguments.epochs,
        seed=arguments.seed,
    )
