"""Writes tests/compat/gensim/golden/doc2vec-*: Doc2Vec models of gensim with its own inferences, and its dictionary.

python tests/compat/gensim/make_document_files.py VERSION    (in an environment with gensim 4.4, and in one with 3.8.3)

An ``.npz`` beside each model has vectors that gensim inferred for TEXTS, by 12 states of its generator: (12, n, D).
"""

import os
import sys

import numpy as np
from gensim.corpora import Dictionary
from gensim.models.doc2vec import Doc2Vec, TaggedDocument

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
GENERATOR = np.random.RandomState(7)
WORDS = [[f"{letter}{number}" for number in range(12)] for letter in "abc"]
TOPICS = [k % 3 for k in range(60)]
DOCUMENTS = [[str(word) for word in GENERATOR.choice(WORDS[topic], 20)] for topic in TOPICS]
TEXTS = [[str(word) for word in GENERATOR.choice(WORDS[k % 3], 25)] for k in range(6)]
KINDS = {
    "dbow": {"dm": 0},
    "dbow-words": {"dm": 0, "dbow_words": 1},
    "dm": {"dm": 1},
    "dbow-hs": {"dm": 0, "hs": 1, "negative": 0},
    "dm-hs": {"dm": 1, "hs": 1, "negative": 0},
}


def tagged(names):
    """Each document has its number; with ``names`` its topic, too."""
    return [
        TaggedDocument(words, [k, f"topic {topic}"] if names else [k])
        for k, (words, topic) in enumerate(zip(DOCUMENTS, TOPICS))  # noqa: B905 # Python 3.8 has no strict
    ]


def write(version):
    os.chdir(GOLDEN)  # so that no path of a machine is in a file
    for kind, parameters in KINDS.items():
        name = f"doc2vec-{version}-{kind}"
        documents = tagged(names=kind != "dm-hs")
        model = Doc2Vec(
            documents, vector_size=12, min_count=1, sample=0, alpha=0.05, epochs=30, workers=1, **parameters
        )
        model.random = np.random.RandomState(1)
        inferred = []
        for state in range(12):
            model.random.seed(state)
            inferred.append([model.infer_vector(text) for text in TEXTS])
        np.savez_compressed(name + ".npz", inferred=np.array(inferred, np.float32))
        model.random = np.random.RandomState(1)
        model.save(name + ".pkl", sep_limit=400 if kind == "dbow-words" else 10 * 1024**2)
    Dictionary(DOCUMENTS).save(f"dictionary-{version}.pkl")


if __name__ == "__main__":
    write(sys.argv[1])
