"""Makes the files in golden/: small classifiers that fastText trained, and its answers; needs FIRTH_DATA.

    pip install fasttext-numpy2==0.10.4 babel
    FIRTH_DATA=... python tests/classification/make_golden.py

The models learn from made-up texts, so that each has a few hundred words. Texts are stored as bytes in Latin-1, since
some are no UTF-8. The answers are those of fastText's own core, which takes a text with the newline behind it.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import tempfile
from pathlib import Path

import fasttext
from babel import Locale, UnknownLocaleError

HERE = Path(__file__).parent / "golden"
DATA = Path(os.environ["FIRTH_DATA"]) / "interop"
LETTERS = ["a", "e", "i", "o", "n", "r", "s", "t", "é", "ß", "ж", "日", "本", "😀"]
# 11 threads: with fewer, this release of fastText leaves a part of the input matrix as the memory was, NaN included.
COMMON = {"dim": 4, "epoch": 8, "lr": 0.5, "minCount": 1, "thread": 11, "seed": 7, "verbose": 0}
MODELS = {  # name: (labels, arguments of training, of quantization)
    "softmax": (5, {"loss": "softmax"}, None),
    "softmax-ngrams": (5, {"loss": "softmax", "wordNgrams": 3, "minn": 2, "maxn": 4, "bucket": 211}, None),
    "hierarchical": (9, {"loss": "hs", "minn": 1, "maxn": 2, "bucket": 101}, None),
    "one-label": (1, {"loss": "hs"}, None),
    "negative": (5, {"loss": "ns", "wordNgrams": 2, "bucket": 89}, None),
    "one-vs-all": (6, {"loss": "ova", "minn": 3, "maxn": 3, "bucket": 97, "dim": 19}, None),
    "quantized": (5, {"loss": "softmax", "wordNgrams": 2, "bucket": 300, "dim": 7}, {"qnorm": False, "dsub": 3}),
    "quantized-norms": (9, {"loss": "hs", "minn": 2, "maxn": 3, "bucket": 300}, {"qnorm": True, "dsub": 2}),
    "quantized-output": (
        260,
        {"loss": "softmax", "minn": 2, "maxn": 3, "bucket": 300},
        {"qnorm": True, "dsub": 2, "qout": True},
    ),
    "pruned": (
        9,
        {"loss": "hs", "wordNgrams": 2, "minn": 2, "maxn": 3, "bucket": 5000},
        {"qnorm": True, "dsub": 2, "cutoff": 400},
    ),
}
HARD = [
    b"",
    b" ",
    b"a",
    "é".encode(),
    b"zzzzzz qqqqqq",
    "😀 😀😀".encode(),
    b"a\x00b\tc\vd\fe\rf",
    b"\x01\x02\x7f",
    b"\xff\xfe\xc3 \x80\x80 \xc3(",
    b"one </s> two three",
    b"</s>",
    b"__label__unknown a b",
    b"__label__ a",
    b"x" * 5000,
    b"a b c d e f g h " * 40,
]


def make_word(draw: random.Random) -> str:
    return "".join(draw.choice(LETTERS) for _ in range(draw.randint(1, 7)))


def make_texts(n_labels: int, draw: random.Random) -> list[str]:
    """Lines with labels: each label has words of its own beside those of all."""
    shared = [make_word(draw) for _ in range(60)]
    own = [[make_word(draw) for _ in range(1 if n_labels > 100 else 40)] for _ in range(n_labels)]
    lines = []
    for number in range(max(60, 2 * n_labels)):
        label = number % n_labels
        words = [draw.choice(own[label] if draw.random() < 0.5 else shared) for _ in range(draw.randint(2, 12))]
        name = "__label__" + ("" if label == 1 else f"c{label}")  # one label has no name
        lines.append(" ".join([name, *words]))
    return lines


def answer(model: fasttext.FastText._FastText, text: bytes, k: int, threshold: float) -> list[list[object]]:
    found = model.f.predict(text + b"\n", k, threshold, "strict")
    return [[label, probability] for probability, label in found]


def ask(
    model: fasttext.FastText._FastText, texts: list[bytes], *settings: tuple[int, float]
) -> list[dict[str, object]]:
    return [
        {"text": text.decode("latin-1"), "k": k, "threshold": threshold, "answer": answer(model, text, k, threshold)}
        for text in texts
        for k, threshold in settings
    ]


def texts_of_languages(labels: list[str]) -> list[bytes]:
    """Names of languages and countries in the languages that the Unicode Consortium's CLDR has."""
    texts = []
    for label in labels:
        with contextlib.suppress(UnknownLocaleError, ValueError):
            locale = Locale.parse(label.removeprefix("__label__"))
            names = [*list(locale.languages.values())[:120:9], *list(locale.territories.values())[60:90:9]]
            texts.append(" ".join(names).replace("\n", " ").encode())
    return texts


def main() -> None:
    for name, (n_labels, arguments, quantization) in MODELS.items():
        draw = random.Random(name)
        lines = make_texts(n_labels, draw)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "train.txt"
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            model = fasttext.train_supervised(str(path), **{**COMMON, **arguments})
            if quantization is not None:
                model.quantize(**quantization)
        target = HERE / (name + (".bin" if quantization is None else ".ftz"))
        model.save_model(str(target))
        known = [line.partition(" ")[2].encode() for line in lines[:12]]
        settings = ((1, 0.0), (4, 0.1), (min(20, n_labels), 0.0))
        answers = ask(fasttext.load_model(str(target)), [*known, *HARD], *settings)
        (HERE / f"{name}.json").write_text(json.dumps(answers, separators=(",", ":")) + "\n", encoding="utf-8")
        print(name, target.stat().st_size, len(answers))
    for name in ("lid.176.ftz", "cooking.model.bin"):
        model = fasttext.load_model(str(DATA / name))
        draw = random.Random(name)
        mixed = [" ".join(draw.choices(model.words, k=draw.randint(1, 12))).encode() for _ in range(60)]
        texts = [*texts_of_languages(model.labels), *mixed, *HARD]
        answers = [*ask(model, texts, (3, 0.0)), *ask(model, texts[::20], (-1, 0.0))]
        (HERE / f"{name}.json").write_text(json.dumps(answers, separators=(",", ":")) + "\n", encoding="utf-8")
        print(name, len(answers), len({entry["answer"][0][0] for entry in answers}))


if __name__ == "__main__":
    main()
