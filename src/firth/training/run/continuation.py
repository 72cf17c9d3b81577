"""Room training: extends a model's vocabulary with a new corpus: adds words, adds counts, remaps the corpus's ids.

Tests: tests/training/test_more.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.machine import available_processors
from firth.corpus.encoded import EncodedCorpus
from firth.corpus.rewrite import rewrite_corpus
from firth.corpus.tables import Tokenizer
from firth.corpus.tokenizers import TokenizerLike, TokenizerRecord, resolve_tokenizer
from firth.corpus.vocabulary import Vocabulary
from firth.errors import CorpusError, ParameterError
from firth.kernels.config import TrainingConfig, validate_effect, validate_parameter_names
from firth.models.model import Model
from firth.training.run.encoding import like_the_model, recorded_tokenizer


@dataclass(frozen=True)
class Continuation:
    """A new corpus, encoded with the joined vocabulary.

    Attributes
    ----------
    corpus : EncodedCorpus
    word_ids : int64 array, (V_old,)
        The id in the joined vocabulary of each row of the old model.
    noise : float64 array, (V,)
        The noise distribution, sum 1: counts of the new corpus alone, raised to ``noise_exponent``.
    keeps_tree : bool
        Whether the Huffman tree stays the same: with hierarchical softmax and no new words, vocabulary and counts do
        not change.
    """

    corpus: EncodedCorpus
    word_ids: NDArray[np.int64]
    noise: NDArray[np.float64]
    keeps_tree: bool


def continue_splitting(
    model: Model, corpus: Any, lowercase: bool | None, tokenizer: TokenizerLike | None, column: str | None
) -> tuple[Any, bool, Tokenizer | None]:
    """The new corpus, its lower case and its tokenizer: those of the model's corpus where the user gives none."""
    is_encoded = isinstance(corpus, EncodedCorpus)
    same_case = (model.corpus.lowercase and not is_encoded) if lowercase is None else lowercase
    split = resolve_tokenizer(tokenizer)
    if split is None and not is_encoded:
        corpus, split = like_the_model(corpus, model.tokenizer, column)
    return corpus, same_case, split


def continued_tokenizer(model: Model, encoded: EncodedCorpus) -> TokenizerRecord:
    """The tokenizer that the continued model keeps: that of the new corpus, or of the model if the corpus has none."""
    found = recorded_tokenizer(encoded)
    return found if found.name else model.tokenizer


def continue_config(model: Model, changes: Mapping[str, Any], kept: Sequence[str]) -> TrainingConfig:
    """The configuration of a run that continues a model: the model's with ``changes``, which must not touch ``kept``.

    If only ``learning_rate`` changes, ``min_learning_rate`` is decided again.

    Raises
    ------
    ParameterError, TypeError
    """
    validate_parameter_names(changes)
    config = model.config
    for name in kept:
        if name in changes and changes[name] != getattr(config, name):
            raise ParameterError(
                f"{name} must stay {getattr(config, name)!r}, as the model was trained, got {changes[name]!r}"
            )
    following: dict[str, Any] = {"threads": min(config.threads or 1, available_processors()), **changes}
    if "learning_rate" in changes and "min_learning_rate" not in changes:
        following["min_learning_rate"] = None
    continued = TrainingConfig(**{**config.to_json(), **following}).resolved()
    validate_effect(continued, [name for name in changes if changes[name] != getattr(config, name)])
    return continued


def vocabulary_of(model: Model) -> Vocabulary:
    """The words of a model; their counts are 1 if they are not known."""
    words: Any = model.vectors.words
    return Vocabulary(
        words=words if isinstance(words, np.ndarray) else tuple(words),
        counts=np.ones(len(model.vectors), np.int64) if model.vectors.counts is None else model.vectors.counts,
    )


def continue_outputs(output_vectors: NDArray[np.float32], model: Model, continued: Continuation) -> None:
    """Put the output vectors of a model into the output matrix of the run that continues it, in place."""
    if not model.config.objective.outputs.needs_tree:  # output rows are words
        output_vectors[continued.word_ids] = model.output_vectors
    elif continued.keeps_tree:
        output_vectors[:] = model.output_vectors


def continue_vocabulary(
    encoded: EncodedCorpus, old: Vocabulary, config: TrainingConfig, folder: Path, *, new_words: bool = True
) -> Continuation:
    """Join the old vocabulary and the vocabulary of the new text, and encode the new text with the joined ids.

    Parameters
    ----------
    encoded : EncodedCorpus
        The new text, encoded with all of its words or with the old vocabulary.
    old : Vocabulary
        All its words are kept.
    config : TrainingConfig
        ``min_count`` applies to the new words; ``max_vocabulary`` removes new words only.
    folder : path
        The folder for the new encoded corpus.
    new_words : bool
        False: only words of the old vocabulary are kept.

    Raises
    ------
    CorpusError
        No known word is left, or only one, so that no noise words can be drawn.
    """
    new = encoded.vocabulary
    new_counts = encoded.count_words()
    found = old.look_up(new.word_list()).astype(np.int64)
    total_counts = old.counts.copy()
    np.add.at(total_counts, found[found >= 0], new_counts[found >= 0])
    added = _added_words(new, new_counts, found, config, len(old)) if new_words else np.empty(0, np.int64)
    known = np.concatenate([np.flatnonzero((found >= 0) & (new_counts > 0)), added])
    _validate_known_words(new, known, config, new_words)
    keeps_tree = config.objective.outputs.needs_tree and not added.size
    if keeps_tree:  # keep the counts from which the tree was built
        order, counts = np.arange(len(old)), old.counts
        words = old.word_list()
    else:
        words = [*old.word_list(), *(new.words[word_id] for word_id in added.tolist())]
        counts = np.concatenate([total_counts, new_counts[added]])
        order = np.array(sorted(range(len(words)), key=lambda place: (-counts[place], words[place])), np.int64)
        words, counts = [words[place] for place in order.tolist()], counts[order]
    joined_id = np.empty(len(words), np.int64)  # by the index in the old words followed by the added words
    joined_id[order] = np.arange(len(words))
    table = np.full(len(new), -1, np.int32)
    table[found >= 0] = joined_id[found[found >= 0]]
    table[added] = joined_id[len(old) + np.arange(len(added))]

    is_ids = isinstance(old.words, np.ndarray)
    joined = Vocabulary(np.array(words, np.int64) if is_ids else tuple(map(str, words)), counts)
    corpus = rewrite_corpus(encoded, table, joined, folder, config.threads or 1)
    weights = np.zeros(len(words))
    kept = table >= 0
    weights[table[kept]] = new_counts[kept]
    noise = np.where(weights > 0, np.maximum(weights, 1.0) ** config.noise_exponent, 0.0)
    return Continuation(corpus, joined_id[: len(old)], noise / noise.sum(), keeps_tree)


def _validate_known_words(new: Vocabulary, known: NDArray[np.int64], config: TrainingConfig, new_words: bool) -> None:
    """Raise CorpusError if the new text has too few words to train."""
    least = 2 if config.objective.outputs.draws_negatives else 1
    if len(known) >= least:
        return
    what = "at least two different words" if len(known) else "words"
    expected, advice = f"{what} of the model's vocabulary", "is this the right text?"
    if new_words:
        expected += f", or new ones with a count of {config.min_count}"
        advice = "give more text" + (", or lower min_count" if config.min_count > 1 else "")
    found = f"{new.word_list()[int(known[0])]!r} alone" if len(known) else "none"
    raise CorpusError(f"corpus must have {expected}, got {found}; {advice}")


def _added_words(
    new: Vocabulary, new_counts: NDArray[np.int64], found: NDArray[np.int64], config: TrainingConfig, n_old: int
) -> NDArray[np.int64]:
    """Ids in the new text's vocabulary of the words to add: not in the old vocabulary, and frequent enough."""
    added = np.flatnonzero((found < 0) & (new_counts >= config.min_count))
    if config.max_vocabulary is not None and n_old + len(added) > config.max_vocabulary:
        words = new.word_list()
        by_count = sorted(added.tolist(), key=lambda word_id: (-new_counts[word_id], words[word_id]))
        added = np.array(sorted(by_count[: max(0, config.max_vocabulary - n_old)]), np.int64)
    return added
