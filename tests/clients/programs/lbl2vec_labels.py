"""Lbl2Vec: labels by keywords, of the documents that it trains on and of new ones; a given Doc2Vec; files."""

from __future__ import annotations

import numpy as np
from gensim.models.doc2vec import Doc2Vec, TaggedDocument
from lbl2vec import Lbl2Vec

assert Doc2Vec.__module__.startswith("firth."), Doc2Vec

rng = np.random.default_rng(1)
subjects = [[f"{name}{k}" for k in range(60)] for name in ("food", "cars", "music")]
common = [f"the{k}" for k in range(30)]
truth = rng.integers(0, 3, 300)


def make(topic: int) -> list[str]:
    return [*rng.choice(subjects[topic], 30).tolist(), *rng.choice(common, 10).tolist()]


documents = [TaggedDocument(make(topic), [str(k)]) for k, topic in enumerate(truth)]
keywords = [subject[:5] for subject in subjects]
names = ["food", "cars", "music"]
new = [TaggedDocument(make(topic), [f"new {topic}"]) for topic in (2, 0, 1, 0)]


def check(model: Lbl2Vec) -> None:
    found = model.predict_model_docs()
    labels = found.set_index("doc_key").loc[[str(k) for k in range(300)], "most_similar_label"]
    assert np.mean([names.index(label) == topic for label, topic in zip(labels, truth, strict=True)]) > 0.95
    some = model.predict_model_docs(doc_keys=["3", "5"])
    assert some["doc_key"].tolist() == ["3", "5"]
    found = model.predict_new_docs(tagged_docs=new)
    assert found["doc_key"].tolist() == ["new 2", "new 0", "new 1", "new 0"]
    assert found["most_similar_label"].tolist() == ["music", "food", "cars", "food"]


settings = {"vector_size": 30, "min_count": 2, "sample": 0, "epochs": 20, "window": 5, "workers": 1}
model = Lbl2Vec(
    keywords, documents, names, negative=0, similarity_threshold=0.3, min_num_docs=20, verbose=False, **settings
)
model.fit()
check(model)
model.save("labels")
check(Lbl2Vec.load("labels"))

trained = Doc2Vec(documents, dm=0, dbow_words=1, **settings)
model = Lbl2Vec(keywords, None, names, doc2vec_model=trained, min_num_docs=20, verbose=False)
model.fit()
check(model)

message = ""
try:
    Lbl2Vec(keywords, documents, names, verbose=False, **settings).fit()
except ValueError as error:
    message = str(error)
assert "hs and negative must not both be positive, got hs=1 and negative=5" in message  # its default
