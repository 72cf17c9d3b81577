"""Writes tests/compat/gensim/golden/: files of gensim's Phrases and FrozenPhrases, and of other scoring functions.

python tests/compat/gensim/make_phrase_files.py        (in an environment with gensim 4.4)
"""

from __future__ import annotations

from pathlib import Path

from gensim.models.phrases import FrozenPhrases, Phrases

FOLDER = Path(__file__).parent / "golden"
SENTENCES = [["the", "bank", "of", "america", "is", "in", "new", "york"]] * 4 + [["new", "bank", "of", "york"]]


def code_scorer(worda_count, wordb_count, bigram_count, len_vocab, min_count, corpus_word_count):
    return 1.0


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for scoring, threshold in (("default", 0.5), ("npmi", 0.3)):
        phrases = Phrases(SENTENCES, min_count=1, threshold=threshold, scoring=scoring, connector_words={"of", "the"})
        phrases.save(str(FOLDER / f"phrases-{scoring}.pkl"))
        FrozenPhrases(phrases).save(str(FOLDER / f"frozen-{scoring}.pkl"))
    Phrases(SENTENCES, scoring=code_scorer).save(str(FOLDER / "phrases-code.pkl"))
