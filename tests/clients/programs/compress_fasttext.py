"""compress-fasttext: a FastText of gensim's made small in each of its ways; the vectors stay near."""

from __future__ import annotations

import os
import pickle
import warnings
from pathlib import Path

import compress_fasttext
import gensim
import numpy as np
from compress_fasttext.models import CompressedFastTextKeyedVectors
from gensim.models.fasttext import load_facebook_vectors

assert gensim.__name__ == "firth.compat.gensim"

vectors = load_facebook_vectors(Path(os.environ["FIRTH_DATA"]) / "interop" / "crime-and-punishment.bin")
word, unknown = vectors.index_to_key[5], "unseenish"


def cosine(first, second):
    return float(np.dot(first, second) / np.linalg.norm(first) / np.linalg.norm(second))


with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # scipy's k-means on so few rows
    small = {
        "prune_ft": compress_fasttext.prune_ft(vectors, new_vocab_size=100, new_ngrams_size=500),
        "prune_ft_freq": compress_fasttext.prune_ft_freq(vectors, new_vocab_size=100, new_ngrams_size=500, pq=False),
        "prune_ft_freq, pq": compress_fasttext.prune_ft_freq(
            vectors, new_vocab_size=100, new_ngrams_size=500, qdim=5, centroids=60
        ),
        "quantize_ft": compress_fasttext.quantize_ft(vectors, qdim=5, centroids=60),
        "svd_ft": compress_fasttext.svd_ft(vectors, n_components=4),
    }
for name, model in small.items():
    near = 0.95 if name == "svd_ft" else 0.99  # four components of five columns
    assert cosine(model[word], vectors[word]) > near, name
    assert cosine(model.get_vector(unknown), vectors[unknown]) > near, name
    assert np.allclose(model.word_vec(unknown), model[unknown], atol=1e-6), name  # its own way to compose
    assert abs(model.similarity(word, unknown) - vectors.similarity(word, unknown)) < 0.05, name
    assert len(model.most_similar(unknown)) == 10, name
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again[unknown], model[unknown]), name
    if name == "prune_ft":
        model.save("small.bin")
        again = CompressedFastTextKeyedVectors.load("small.bin")
        assert np.array_equal(again[word], model[word])
        assert np.array_equal(again[unknown], model[unknown])
    else:
        message = ""
        try:
            model.save("small-too.bin")
        except ValueError as error:
            message = str(error)
        assert "must be an array to be saved" in message, name
        assert not Path("small-too.bin").exists()
