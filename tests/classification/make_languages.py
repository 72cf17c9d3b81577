"""Makes golden/lid.176.languages.json: for each of 176 languages a text of which fastText says it; needs FIRTH_DATA.

    pip install fasttext-numpy2==0.10.4
    FIRTH_DATA=... python tests/classification/make_languages.py

Texts are words of the model's own dictionary. For each label, words are sorted by the label's probability for the word
alone, and the first ones are joined until the label is the most probable. Where no such text is found, words are
exchanged at random as long as the label's probability rises. The answers are those of fastText's core, which takes a
text with the newline behind it.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import fasttext

HERE = Path(__file__).parent / "golden"
MODEL = Path(os.environ["FIRTH_DATA"]) / "interop" / "lid.176.ftz"
MOST_WORDS = 12
N_EXCHANGES = 3000


def probabilities(model: fasttext.FastText._FastText, words: list[str]) -> dict[str, float]:
    return {label: probability for probability, label in model.f.predict(" ".join(words) + "\n", -1, 0.0, "strict")}


def find_text(model: fasttext.FastText._FastText, label: str, words: list[str]) -> list[str] | None:
    """Words, best first, of which the first answer is the label; None: none was found."""
    for n_words in range(1, MOST_WORDS + 1):
        found = probabilities(model, words[:n_words])
        if max(found, key=lambda name: found[name]) == label:
            return words[:n_words]
    draw = random.Random(label)
    best = words[:MOST_WORDS]
    top = 0.0
    for _ in range(N_EXCHANGES):
        changed = list(best)
        changed[draw.randrange(len(changed))] = draw.choice(words[:500])
        found = probabilities(model, changed)
        if max(found, key=lambda name: found[name]) == label:
            return changed
        if found.get(label, 0.0) > top:
            best, top = changed, found[label]
    return None


def main() -> None:
    model = fasttext.load_model(str(MODEL))
    of_words = {word: probabilities(model, [word]) for word in model.words if word != "</s>"}
    entries = []
    for label in sorted(model.labels):
        words = sorted(of_words, key=lambda word: -of_words[word].get(label, 0.0))
        text = find_text(model, label, words)
        if text is None:
            print("no text was found for", label)
            continue
        joined = " ".join(text).encode()
        found = model.f.predict(joined + b"\n", 3, 0.0, "strict")
        answer = [[name, probability] for probability, name in found]
        entries.append({"text": joined.decode("latin-1"), "k": 3, "threshold": 0.0, "answer": answer})
    target = HERE / "lid.176.languages.json"
    target.write_text(json.dumps(entries, separators=(",", ":")) + "\n", encoding="utf-8")
    print(len(entries), "languages", target.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
