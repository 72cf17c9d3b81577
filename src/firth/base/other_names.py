"""Room base: names of gensim and fastText, and what firth calls the same thing, for errors that say what to write.

A name of gensim is no name of firth's own functions; ``firth.compat`` has the drop-in modules.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

TRAINING_NAMES: Mapping[str, str] = {
    # gensim
    "sentences": "corpus",
    "corpus_file": "corpus",
    "corpus_iterable": "corpus",
    "vector_size": "dims",
    "size": "dims",
    "workers": "threads",
    "iter": "epochs",
    "sg": 'architecture="skipgram" or "cbow"',
    "hs": 'loss="hierarchical-softmax"',
    "negative": "negatives",
    "sample": "subsample",
    "alpha": "learning_rate",
    "min_alpha": "min_learning_rate",
    "ns_exponent": "noise_exponent",
    "cbow_mean": 'cbow_input="mean" or "sum"',
    "shrink_windows": 'window_mode="dynamic" or "fixed"',
    "max_vocab_size": "max_vocabulary",
    "max_final_vocab": "max_vocabulary",
    "min_n": "min_ngram",
    "max_n": "max_ngram",
    # fastText
    "dim": "dims",
    "ws": "window",
    "epoch": "epochs",
    "lr": "learning_rate",
    "neg": "negatives",
    "minCount": "min_count",
    "minn": "min_ngram",
    "maxn": "max_ngram",
    "bucket": "buckets",
    "thread": "threads",
    "t": "subsample",
    "model": 'architecture="skipgram" or "cbow"',
    "pretrainedVectors": "initial_vectors",
}
"""Parameters of gensim's Word2Vec and FastText and of fastText's train_unsupervised."""

QUERY_NAMES: Mapping[str, str] = {"topn": "top", "k": "top", "restrict_vocab": "restrict", "n": "top"}
"""Parameters of gensim's and fastText's queries."""

READING_NAMES: Mapping[str, str] = {
    "binary": 'nothing: the content decides the format (format="word2vec-binary" insists on it)',
    "unicode_errors": 'encoding_errors="replace"',
    "no_header": 'nothing: the content decides the format (format="glove" insists on it)',
    "fvocab": "nothing: counts are read from a model folder alone",
}
"""Parameters of gensim's load_word2vec_format."""

MODEL_ATTRIBUTES: Mapping[str, str] = {
    "wv": "vectors",
    "syn1neg": "output_vectors",
    "syn1": "output_vectors",
    "vector_size": "vectors.dims",
    "most_similar": "vectors.most_similar",
    "similarity": "vectors.similarity",
    "train": "train_more",
    "build_vocab": "train_more",
    "running_training_loss": "history.loss_nats",
    "get_latest_training_loss": "history.loss_nats",
    "get_word_vector": "vectors[word]",
    "get_nearest_neighbors": "vectors.neighbors",
    "get_words": "vectors.words",
    "save_model": "save",
}
"""Attributes of gensim's Word2Vec and fastText's model."""

VECTOR_ATTRIBUTES: Mapping[str, str] = {
    "wv": "the object itself, which has the vectors",
    "index_to_key": "words",
    "index2word": "words",
    "key_to_index": "word_id(word)",
    "vocab": "words",
    "vectors": "matrix",
    "syn0": "matrix",
    "vector_size": "dims",
    "get_vector": "vectors[word]",
    "get_index": "word_id(word)",
    "get_mean_vector": "mean_vector",
    "similar_by_word": "neighbors",
    "similar_by_vector": "neighbors",
    "similar_by_key": "neighbors",
    "most_similar_cosmul": 'most_similar(..., method="multiply")',
    "most_similar_to_given": "nearest_of",
    "n_similarity": "text_similarity",
    "rank_by_centrality": "centrality",
    "get_vecattr": "count(word)",
    "save_word2vec_format": "save",
    "evaluate_word_analogies": "firth.evaluate_analogies(vectors, file)",
    "evaluate_word_pairs": "firth.evaluate_word_pairs(vectors, file)",
    "get_word_vector": "vectors[word]",
    "get_nearest_neighbors": "neighbors",
    "get_analogies": "analogy",
    "get_subwords": "subwords",
}
"""Attributes of gensim's KeyedVectors and fastText's model."""

MODULE_NAMES: Mapping[str, str] = {
    "Word2Vec": "firth.train; the class of gensim's name is firth.compat.gensim.models.Word2Vec",
    "FastText": "firth.train(subwords=True); the class of gensim's name is firth.compat.gensim.models.FastText",
    "KeyedVectors": "firth.WordVectors; the class of gensim's name is firth.compat.gensim.models.KeyedVectors",
    "load_model": "firth.load; the function of fastText's name is firth.compat.fasttext.load_model",
    "train_supervised": "firth.train_classifier; the function of fastText's name is in firth.compat.fasttext",
    "train_unsupervised": "firth.train; the function of fastText's name is in firth.compat.fasttext",
}
"""Names of the modules gensim and fasttext."""


def names_translated(names: Mapping[str, str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator: a keyword argument with a name of another program is an error that says firth's name.

    Parameters
    ----------
    names : mapping from the other program's name to firth's

    Raises
    ------
    TypeError
        By the decorated function.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            for name in kwargs:
                if name in names:
                    raise TypeError(
                        f"{function.__name__}() got {name!r}, a name of gensim or fastText; firth's name is"
                        f" {names[name]}"
                    )
            return function(*args, **kwargs)

        return checked

    return decorate


def missing_attribute(owner: str, name: str, names: Mapping[str, str]) -> AttributeError:
    """The error for an attribute that an object lacks; where another program has the name, it says firth's."""
    hint = f"; it is a name of gensim or fastText, and firth's name is {names[name]}" if name in names else ""
    return AttributeError(f"{owner} has no attribute {name!r}{hint}")


__all__ = [
    "MODEL_ATTRIBUTES",
    "MODULE_NAMES",
    "QUERY_NAMES",
    "READING_NAMES",
    "TRAINING_NAMES",
    "VECTOR_ATTRIBUTES",
    "missing_attribute",
    "names_translated",
]
