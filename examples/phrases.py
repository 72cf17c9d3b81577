"""Phrases: find the words that belong together in a text, train with and without them, compare what is learned.

    python examples/phrases.py $FIRTH_DATA/enwiki-featured.txt.xz
    python examples/phrases.py corpus.txt --passes 3 --scoring npmi --threshold 0.5

Mikolov, Sutskever, Chen, Corrado, Dean (2013), "Distributed Representations of Words and Phrases and their
Compositionality", arXiv:1310.4546, section 4.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import firth


def run(
    corpus: Path | list[list[str]],
    *,
    scoring: str = "word2vec",
    threshold: float | None = None,
    min_count: int = 5,
    passes: int = 2,
    connector_words: list[str] | str = "english",
    dims: int = 100,
    epochs: int = 3,
    table_file: Path | None = None,
    show: int = 8,
) -> tuple[firth.Phrases, firth.Model]:
    phrases = firth.learn_phrases(
        corpus,
        scoring=scoring,
        threshold=threshold,
        min_count=min_count,
        passes=passes,
        connector_words=connector_words,
    )
    for number, one in enumerate(phrases.passes, start=1):
        print(f"pass {number}: {len(one.scores):,} phrases of {one.n_scored:,} pairs that occur {min_count} times")
    if table_file is not None:
        phrases.save(table_file)
        print(f"the table is text: {table_file}")
    model = firth.train(corpus, phrases=phrases, dims=dims, epochs=epochs, min_count=min_count, progress=False)
    vectors = model.vectors
    learned = [word for word in phrases.joined_words if word in vectors]
    learned.sort(key=lambda word: -vectors.counts[vectors.word_id(word)])
    print(f"{len(learned):,} of {len(vectors):,} words are phrases; the most frequent, with the words nearest to them:")
    for word in learned[:show]:
        near = ", ".join(str(found.word) for found in vectors.neighbors(word, top=4))
        print(f"  {word:<24} {near}")
    return phrases, model


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", type=Path, help="text, one a line; .xz, .bz2, .gz too")
    parser.add_argument("--scoring", default="word2vec", help="word2vec, gensim or npmi")
    parser.add_argument("--threshold", type=float)
    parser.add_argument("--min-count", type=int, default=5)
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--dims", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--table", type=Path, help="write the table of phrases to this file")
    arguments = parser.parse_args()
    run(
        arguments.corpus,
        scoring=arguments.scoring,
        threshold=arguments.threshold,
        min_count=arguments.min_count,
        passes=arguments.passes,
        dims=arguments.dims,
        epochs=arguments.epochs,
        table_file=arguments.table,
    )
