"""Makes the tables in golden/: floret's, and the vectors that floret gives some words.

    pip install floret==0.10.5
    python tests/formats/make_floret.py

Tables have five significant digits, the vectors in the JSON files have more. Rates of learning are such that numbers
are at most some hundredths, and 1e-6 tells a right sum from a wrong one.
"""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

import floret

HERE = Path(__file__).parent / "golden"
SYLLABLES = ["ka", "no", "ri", "été", "ß", "жук", "日", "本", "😀", "straße"]
COMMON = {"model": "cbow", "mode": "floret", "epoch": 5, "minCount": 1, "thread": 1, "verbose": 0}
TABLES = {  # name: arguments of training
    "floret-two-hashes": {"dim": 7, "bucket": 60, "minn": 2, "maxn": 3, "hashCount": 2, "lr": 0.15},
    "floret-four-hashes": {"dim": 9, "bucket": 97, "minn": 1, "maxn": 6, "hashCount": 4, "lr": 0.1},
    "floret-words-alone": {"dim": 5, "bucket": 31, "minn": 0, "maxn": 0, "hashCount": 1, "lr": 0.3},
}
WORDS = [
    "",
    "a",
    "ka",
    "never",
    "seen",
    "kano",
    "été",
    "日本",
    "😀",
    "naïve",
    "</s",
    "<s>",
    "a word",
    "kanori" * 3,  # beyond one block of 16 bytes
    "жук" * 9,
    "0123456789abcd",  # with its marks exactly one block
    "0123456789abcde",
]


def main() -> None:
    HERE.mkdir(exist_ok=True)
    draw = random.Random(1)
    words = ["".join(draw.choices(SYLLABLES, k=draw.randint(1, 4))) for _ in range(60)]
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.txt"
        corpus.write_text("\n".join(" ".join(draw.choices(words, k=8)) for _ in range(100)), encoding="utf-8")
        for name, arguments in TABLES.items():
            model = floret.train_unsupervised(str(corpus), **COMMON, **arguments)
            model.save_floret_vectors(str(HERE / f"{name}.floret"))
            first = model.get_words()[0]  # it has a row of its own in the model, which the table does not hold
            asked = [word for word in [*WORDS, *words[:20]] if word not in (first, "</s>")]
            vectors = {word: model.get_word_vector(word).tolist() for word in asked}
            (HERE / f"{name}.json").write_text(json.dumps(vectors, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
