"""lightning-text: fit, predict, probabilities, a search over parameters, pickles, word vectors."""

from __future__ import annotations

import pickle
from pathlib import Path

import lightning_text
import numpy as np
from lightning_text import FastTextClassifier
from sklearn.model_selection import GridSearchCV

assert lightning_text._fasttext.fasttext.__name__ == "firth.compat.fasttext"

food = ["sweet apple pie", "apple cake with cream", "bread and butter", "a pie of sweet bread", "cream cake"]
cars = ["fast red car", "a car on the road", "the red road", "a fast engine", "the engine of the car"]
texts = np.array((food + cars) * 20)
labels = np.array((["food"] * 5 + ["cars"] * 5) * 20)

model = FastTextClassifier(dim=10, epoch=25, lr=0.5, word_ngrams=2, bucket=1000, verbose=0)
model.fit(texts, labels)
assert model.score(texts, labels) == 1.0
probabilities = model.predict_proba(np.array(["sweet cake", "red engine"]))
assert probabilities.shape == (2, 2)
assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-3)
assert list(model.classes_[probabilities.argmax(axis=1)]) == ["food", "cars"]

again = pickle.loads(pickle.dumps(model))
assert np.array_equal(again.predict_proba(texts), model.predict_proba(texts))

search = GridSearchCV(FastTextClassifier(dim=10, epoch=25, verbose=0), {"lr": [1e-4, 0.5]}, cv=2)
search.fit(texts, labels)
assert search.best_params_ == {"lr": 0.5}

several = np.array([[1, 0], [0, 1]])[(labels == "cars").astype(int)]
multi = FastTextClassifier(dim=10, epoch=25, lr=0.5, loss="ova", verbose=0).fit(texts, several)
assert np.array_equal(multi.predict(texts), several)

Path("texts.txt").write_text("\n".join(texts) + "\n")
words = lightning_text.train_unsupervised("texts.txt", dim=8, min_count=1, t=1.0, bucket=500, verbose=0)
assert words.get_word_vector("cakes").shape == (8,)
assert lightning_text.tokenize("sweet pie\n") == ["sweet", "pie", "</s>"]
