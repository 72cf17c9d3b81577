"""compress-fasttext: a FastText of gensim's made small by pruning and quantization; its vectors stay near."""

from __future__ import annotations

import os
from pathlib import Path

import compress_fasttext
import gensim
import numpy as np
from gensim.models.fasttext import load_facebook_vectors

assert gensim.__name__ == "firth.compat.gensim"

vectors = load_facebook_vectors(Path(os.environ["FIRTH_DATA"]) / "interop" / "crime-and-punishment.bin")
small = compress_fasttext.prune_ft_freq(vectors, new_vocab_size=100, new_ngrams_size=500, pq=False, fp16=True)
word = vectors.index_to_key[5]
near = np.dot(small[word], vectors[word]) / np.linalg.norm(small[word]) / np.linalg.norm(vectors[word])
assert near > 0.99, near
assert small.get_vector("unseenish").shape == vectors.get_vector("unseenish").shape
small.save("small.bin")
again = compress_fasttext.models.CompressedFastTextKeyedVectors.load("small.bin")
assert np.array_equal(again[word], small[word])
