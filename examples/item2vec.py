"""item2vec: learns vectors of a shop's products from baskets; finds similar products, and predicts a basket's next.

    python examples/item2vec.py $FIRTH_DATA/baskets/groceries.csv

Barkan, Koenigstein (2016), "Item2Vec: Neural Item Embedding for Collaborative Filtering", arXiv:1603.04259. A basket
has no order, so the context of a product is the whole rest of the basket (window_mode="sequence"). The score of a
product for a basket is the mean, over the basket's items, of the dot product of the item's input vector and the
product's output vector. Training makes this dot product large for products that are bought together.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

import firth

QUERIES = ("whole milk", "bottled beer", "flour", "napkins", "sausage")


def read_baskets(path: Path) -> list[list[str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return [[item.strip() for item in row if item.strip()] for row in csv.reader(file)]


def split_baskets(baskets: list[list[str]], seed: int) -> tuple[list[list[str]], list[tuple[list[str], str]]]:
    """Baskets for training, nine tenths; and questions from the other baskets: the rest of a basket, and one product.

    Baskets of one product give no question.
    """
    rng = np.random.default_rng(seed)
    is_test = rng.random(len(baskets)) < 0.1
    train = [basket for basket, test in zip(baskets, is_test, strict=True) if not test]
    questions = []
    for basket, test in zip(baskets, is_test, strict=True):
        if test and len(basket) >= 2:
            hidden = int(rng.integers(len(basket)))
            questions.append((basket[:hidden] + basket[hidden + 1 :], basket[hidden]))
    return train, questions


def hit_rates(scores: np.ndarray, words: list[str], questions: list[tuple[list[str], str]], tops: tuple[int, ...]):
    """Share of the questions whose hidden product is among the ``top`` products with the highest scores.

    Products that are in the rest of the basket do not count.
    """
    word_ids = {word: word_id for word_id, word in enumerate(words)}
    hits = dict.fromkeys(tops, 0)
    for row, (rest, hidden) in zip(scores, questions, strict=True):
        row = row.copy()
        row[[word_ids[word] for word in rest if word in word_ids]] = -np.inf
        if hidden in word_ids:
            rank = int(np.count_nonzero(row > row[word_ids[hidden]]))
            for top in tops:
                hits[top] += rank < top
    return {top: count / len(questions) for top, count in hits.items()}


def run(path: Path, *, epochs: int = 40, dims: int = 50, seed: int = 1) -> dict[str, dict[int, float]]:
    baskets, questions = split_baskets(read_baskets(path), seed)
    model = firth.train(
        baskets,
        window_mode="sequence",
        dims=dims,
        epochs=epochs,
        min_count=5,
        subsample=1e-2,
        negatives=10,
        noise_exponent=0.5,
        threads=1,  # the corpus is small, and one thread gives the same vectors in each run
        seed=seed,
        progress=False,
    )
    words = list(model.vectors)
    print(f"{len(baskets):,} baskets, {len(words)} products")
    for query in QUERIES:
        if query in model.vectors:
            near = model.vectors.most_similar(query, top=4)
            print(f"  {query}: {', '.join(f'{word} {cosine:.2f}' for word, cosine in near)}")

    counts = np.log(model.vectors.counts / model.vectors.counts.sum())
    rests = [[word for word in rest if word in model.vectors] for rest, _ in questions]
    means = np.stack([model.vectors[rest].mean(axis=0) if rest else np.zeros(dims, np.float32) for rest in rests])
    # Negative sampling learns log p(o | i) - 0.5 log p(o) + constant (Levy, Goldberg 2014). Adding 0.5 log p(o) ranks
    # products by p(o | i).
    learned = means @ model.output_vectors.T + 0.5 * counts
    popular = np.broadcast_to(counts, learned.shape)
    tops = (1, 5, 10)
    rates = {
        "item2vec": hit_rates(learned, words, questions, tops),
        "popularity": hit_rates(popular, words, questions, tops),
    }
    print(f"hidden product of {len(questions):,} baskets among the best " + ", ".join(map(str, tops)) + ":")
    for name, found in rates.items():
        print(f"  {name:<10} " + "  ".join(f"{100 * found[top]:5.1f} %" for top in tops))
    return rates


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path", type=Path, help="file of baskets: one a line, its products separated by commas")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    run(arguments.path, epochs=arguments.epochs, seed=arguments.seed)
