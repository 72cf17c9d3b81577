"""Room models: gensim's parameters as firth's, and gensim's saved Doc2Vec as a ``firth.Model``.

Tests: tests/compat/gensim/test_doc2vec_files.py, tests/compat/gensim/test_word2vec.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from firth.errors import FormatError, ParameterError
from firth.formats.format import Sample
from firth.formats.gensim_native import looks_like, read_model
from firth.kernels.config import MAX_SEED, TrainingConfig, without_effect
from firth.models.model import Model
from firth.vectors.word_vectors import WordVectors


def subsample_share(sample: float, n_tokens: int) -> float:
    """firth's ``subsample``, a share of all tokens. In gensim a value of 1 or more is a count of a word."""
    if not sample or not n_tokens:
        return 0.0
    return float(sample) if sample < 1 else int(sample * (3 + math.sqrt(5)) / 2) / n_tokens


def training_parameters(settings: Mapping[str, Any], n_tokens: int, *, of_documents: bool = False) -> dict[str, Any]:
    """gensim's attributes of a model under firth's names. Attributes that have no effect are left out.

    Parameters
    ----------
    settings : mapping
        ``sg``, ``hs``, ``vector_size``, ``window``, ``shrink_windows``, ``negative``, ``ns_exponent``, ``sample``,
        ``cbow_mean``, ``alpha``, ``min_alpha``, ``min_count``, ``seed``. Without ``window``, no window is used.
    n_tokens : int
        Words of the vocabulary in the corpus.
    of_documents : bool
        Of Doc2Vec. In PV-DM each window then has noise words of its own, as in gensim: a tag's row learns from the
        words of its documents alone, and windows that share noise words make it noisier.
    """
    parameters: dict[str, Any] = {
        "architecture": "skipgram" if settings["sg"] else "cbow",
        "loss": "hierarchical-softmax" if settings["hs"] else "negative-sampling",
        "dims": settings["vector_size"],
        "negatives": settings["negative"],
        "target_collision": "drop",
        "noise_exponent": float(settings["ns_exponent"]),
        "subsample": subsample_share(settings["sample"], n_tokens),
        "cbow_input": "mean" if settings["cbow_mean"] else "sum",
        "cbow_update": "word2vec",
        "learning_rate": settings["alpha"],
        "min_learning_rate": min(settings["alpha"], settings["min_alpha"]),
        "min_count": max(1, int(settings["min_count"])),
        "seed": settings["seed"],
    }
    if of_documents and not settings["sg"] and not settings["hs"]:
        parameters["negative_sharing"] = "window"
    if "window" in settings:
        parameters["window"] = settings["window"]
        parameters["window_mode"] = "dynamic" if settings["shrink_windows"] else "fixed"
    idle = without_effect(TrainingConfig(**parameters), parameters)
    return {name: value for name, value in parameters.items() if name not in idle}


_NAME_WITHIN = 100  # bytes
# What older versions of gensim do not save.
_DEFAULTS = {"shrink_windows": True, "ns_exponent": 0.75, "cbow_mean": 1, "min_count": 5, "dbow_words": 0, "epochs": 5}


def open_gensim_documents(path: Path) -> Model:
    """A Doc2Vec that gensim saved, as a model of documents: vectors, tags, inference.

    Raises
    ------
    FormatError, StorageError
    """
    saved = read_model(path)
    assert saved.documents is not None
    settings = {**_DEFAULTS, **saved.settings}
    settings.setdefault("epochs", settings.get("iter"))
    if settings.get("hs"):
        raise FormatError(
            f"{path}: this Doc2Vec was trained with hs=1, and gensim's tree is another one than firth's:"
            " firth.compat.gensim.models.Doc2Vec.load(path) opens it, and infers by gensim's tree"
        )
    outputs = saved.output_vectors.get("syn1neg")
    counts = saved.table.counts
    if outputs is None or counts is None:
        raise FormatError(f"{path}: this Doc2Vec has no output vectors (syn1neg) or counts, so nothing can be inferred")
    trains_words = not settings.get("sg") or bool(settings["dbow_words"])
    settings["vector_size"] = saved.table.matrix.shape[1]
    settings["seed"] = int(settings.get("seed") or 0) % (MAX_SEED + 1)
    if not trains_words:
        settings.pop("window", None)
    try:
        parameters = training_parameters(settings, int(counts.sum()), of_documents=True)
        config = TrainingConfig(**parameters, epochs=settings["epochs"]).resolved()
    except (KeyError, TypeError, ParameterError) as error:
        raise FormatError(f"{path}: the settings of the model are damaged ({error})") from None
    return Model(
        vectors=WordVectors(saved.table.words, saved.table.matrix if trains_words else outputs, counts),
        output_vectors=outputs,
        config=config,
        documents=tag_vectors(saved.documents.tags, saved.documents.matrix, saved.documents.doc_counts),
        train_words=trains_words,
    )


def tag_vectors(tags: list[Any], matrix: Any, counts: Any) -> WordVectors:
    """WordVectors of gensim's tags; all become strings unless all are integers."""
    if not all(isinstance(tag, (int, np.integer)) for tag in tags):
        tags = [str(tag) for tag in tags]
    return WordVectors(tags, matrix, counts)


def is_gensim_documents(sample: Sample) -> bool:
    """Whether a file begins like a Doc2Vec that gensim saved: the class of the object is the first name in a pickle."""
    return looks_like(sample) and b"gensim.models.doc2vec" in sample.head[:_NAME_WITHIN]


__all__ = ["is_gensim_documents", "open_gensim_documents", "subsample_share", "tag_vectors", "training_parameters"]
