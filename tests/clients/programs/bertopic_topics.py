"""BERTopic: topics of texts, with gensim's vectors as its model; scikit-learn reduces and clusters."""

from __future__ import annotations

import numpy as np
from bertopic import BERTopic
from bertopic.backend._gensim import GensimBackend, Word2VecKeyedVectors
from gensim.models import KeyedVectors, Word2Vec
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

assert Word2VecKeyedVectors is KeyedVectors
assert KeyedVectors.__module__.startswith("firth."), KeyedVectors

rng = np.random.default_rng(1)
subjects = [
    ["bread", "oven", "flour", "dough", "baker"],
    ["engine", "wheel", "road", "driver", "brake"],
    ["piano", "violin", "melody", "concert", "choir"],
]
truth = rng.integers(0, 3, 300)
sentences = [rng.choice(subjects[topic], 8).tolist() for topic in truth]
documents = [" ".join(words) for words in sentences]

vectors = Word2Vec(sentences, vector_size=20, sg=1, sample=0, min_count=1, epochs=20, seed=1).wv
model = BERTopic(
    embedding_model=vectors, umap_model=PCA(5), hdbscan_model=KMeans(3, n_init=3, random_state=1), verbose=False
)
topics, _ = model.fit_transform(documents)
assert type(model.embedding_model) is GensimBackend
topics = np.array(topics)
assert set(topics.tolist()) == {0, 1, 2}
for topic in range(3):
    assert len(set(truth[topics == topic].tolist())) == 1, "a topic has texts of two subjects"
    subject = subjects[truth[topics == topic][0]]
    assert {word for word, _ in model.get_topic(topic) if word} == set(subject)
assert len(model.get_topic_info()) == 3
again, _ = model.transform(["fresh bread of the baker", "melody of a violin"])
assert [truth[topics == topic][0] for topic in again] == [0, 2]
nearest, similarity = model.find_topics("concert", top_n=1)
assert truth[topics == nearest[0]][0] == 2
assert similarity[0] > 0.5
