"""KeyBERT: keywords of a text, with gensim's vectors as its model, by each of its ways to choose."""

from __future__ import annotations

import sys

import numpy as np
from gensim.models import FastText, KeyedVectors, Word2Vec
from keybert import KeyBERT
from keybert.backend._gensim import GensimBackend, Word2VecKeyedVectors

assert Word2VecKeyedVectors is KeyedVectors
assert KeyedVectors.__module__.startswith("firth."), KeyedVectors

rng = np.random.default_rng(1)
topics = [["bread", "oven", "flour", "dough", "baker"], ["engine", "wheel", "road", "driver", "brake"]]
sentences = [rng.choice(topic, 8).tolist() for topic in topics for _ in range(200)]
text = "the baker puts bread of flour and dough into the oven while a driver waits"

for model in (
    Word2Vec(sentences, vector_size=20, sg=1, sample=0, min_count=1, epochs=20, seed=1),
    FastText(sentences, vector_size=20, sg=1, sample=0, min_count=1, epochs=20, bucket=500, seed=1),
):
    keybert = KeyBERT(model=model.wv)
    assert type(keybert.model) is GensimBackend
    found = keybert.extract_keywords(text, top_n=5, stop_words="english")
    assert len(found) == 5, found
    words = {word for word, _ in found}
    assert len(words & set(topics[0])) >= 4, found
    assert all(-1 <= score <= 1.0001 for _, score in found)
    phrases = keybert.extract_keywords(text, keyphrase_ngram_range=(1, 2), use_mmr=True, diversity=0.5, top_n=4)
    assert len(phrases) == 4
    assert len(keybert.extract_keywords(text, use_maxsum=True, nr_candidates=6, top_n=3)) == 3
    several = keybert.extract_keywords([text, "the driver looks at the road and the wheel, and the brake"], top_n=3)
    assert [len(part) for part in several] == [3, 3]
    documents, candidates = keybert.extract_embeddings([text])
    assert documents.shape == (1, 20)
    assert candidates.shape[1] == 20

assert "sentence_transformers" not in sys.modules
refused = ""
try:
    GensimBackend(object())
except ValueError as error:
    refused = str(error)
assert "Gensim model" in refused
