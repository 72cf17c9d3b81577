"""scattertext: word2vec of a parsed corpus, and its scatter plots of embeddings by category."""

from __future__ import annotations

import warnings

import numpy as np
import pandas
import scattertext
from gensim.models import word2vec
from scattertext.representations.Word2VecFromParsedCorpus import (
    CorpusAdapterForGensim,
    GensimPhraseAdder,
    Word2VecFromParsedCorpus,
    Word2VecFromParsedCorpusBigrams,
)
from sklearn.decomposition import PCA

assert word2vec.__name__ == "firth.compat.gensim.models.word2vec"

rng = np.random.default_rng(1)
subjects = {
    "kitchen": ["bread", "oven", "flour", "dough", "baker"],
    "garage": ["engine", "wheel", "road", "driver", "brake"],
}
rows = [
    {"subject": subject, "text": " ".join(rng.choice(words, 8)) + ". " + " ".join(rng.choice(words, 6)) + "."}
    for subject, words in subjects.items()
    for _ in range(20)
]
frame = pandas.DataFrame(rows)
frame["parsed"] = frame.text.apply(scattertext.whitespace_nlp_with_sentences)
corpus = scattertext.CorpusFromParsedDocuments(frame, category_col="subject", parsed_col="parsed").build()

sentences = list(CorpusAdapterForGensim.get_sentences(corpus))
assert len(sentences) >= 80
with warnings.catch_warnings():
    warnings.simplefilter("error")  # it warns where the model is not gensim's
    model = Word2VecFromParsedCorpus(corpus).train(epochs=20, super_epochs=2)
    given = Word2VecFromParsedCorpus(corpus, word2vec.Word2Vec(vector_size=30, sg=1, sample=0, min_count=1)).train(
        epochs=20, super_epochs=2
    )
assert type(model).__module__.startswith("firth."), type(model)
assert set(model.wv.index_to_key) >= {word for words in subjects.values() for word in words}
assert given.wv.vector_size == 30
for trained in (model, given):
    nearest = [word for word, _ in trained.wv.most_similar("bread", topn=4)]
    assert set(nearest) == set(subjects["kitchen"]) - {"bread"}, nearest

bigrams = Word2VecFromParsedCorpusBigrams(corpus).train(epochs=5, super_epochs=1)
assert set(bigrams.wv.index_to_key) & set(subjects["kitchen"])
phrases = GensimPhraseAdder(max_tokens_per_phrase=2).add_phrases(corpus).phrases
assert [type(found).__module__ for found in phrases] == ["firth.compat.gensim.models.phrases"] * 2

# Its explorer trains the given model for 5 times 2,000 epochs, and reads an iterator for them that gensim exhausts.
html = scattertext.produce_projection_explorer(
    corpus,
    category="kitchen",
    word2vec_model=word2vec.Word2Vec(vector_size=10, window=2, sg=1, sample=0, min_count=1, workers=1),
    projection_model=PCA(2),
)
assert all(word in html for words in subjects.values() for word in words)
