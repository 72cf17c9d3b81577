"""Writes tests/corpus/golden/phrases.json: gensim's scores and joined sentences for the texts of the tests.

    python tests/corpus/make_phrase_answers.py        (in an environment with gensim 4.4)

gensim finds each candidate by its joined string; the keys of the scores here are the words between spaces.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gensim
from gensim.models.phrases import Phrases
from phrase_texts import CONNECTORS, make_sentences

TARGET = Path(__file__).parent / "golden" / "phrases.json"
CASES = [
    {"scoring": scoring, "threshold": threshold, "min_count": min_count, "connector_words": connectors}
    for scoring, threshold, min_count in (
        ("default", 1.5, 1),
        ("default", 10.0, 4),
        ("npmi", 0.7, 1),
        ("npmi", 0.3, 4),
        ("npmi", -0.2, 4),
    )
    for connectors in ((), CONNECTORS)
]
PASSES = 3


def candidates(sentences: list[list[str]], connectors: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for sentence in sentences:
        for start, first in enumerate(sentence):
            stop = start + 1
            while stop < len(sentence) and sentence[stop] in connectors:
                stop += 1
            if first not in connectors and stop < len(sentence):
                yield tuple(sentence[start : stop + 1])


def answer(case: dict[str, Any]) -> dict[str, Any]:
    sentences, passes = make_sentences(), []
    for _ in range(PASSES):
        model = Phrases(
            sentences,
            min_count=case["min_count"],
            threshold=case["threshold"],
            scoring=case["scoring"],
            connector_words=frozenset(case["connector_words"]),
        )
        scores = {}
        for words in set(candidates(sentences, tuple(case["connector_words"]))):
            _, score = model.score_candidate(words[0], words[-1], list(words[1:-1]))
            if score is not None:
                scores[" ".join(words)] = float(score)
        passes.append(
            {"scores": dict(sorted(scores.items())), "vocabulary": len(model.vocab), "words": model.corpus_word_count}
        )
        sentences = [model[sentence] for sentence in sentences]
        if not scores:
            break
    text = "\n".join(" ".join(sentence) for sentence in sentences)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {**case, "answers": passes, "first_lines": text.split("\n")[:3], "sha256": digest}


if __name__ == "__main__":
    written = {
        "written_by": "python tests/corpus/make_phrase_answers.py",
        "gensim": gensim.__version__,
        "cases": [answer(case) for case in CASES],
    }
    TARGET.write_text(json.dumps(written, ensure_ascii=False, indent=None, separators=(",", ":")) + "\n")
