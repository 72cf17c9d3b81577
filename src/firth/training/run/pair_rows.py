"""Room training: what a run of pairs has beside its words: contexts, weights, held-out pairs; and what it refuses.

Tests: tests/training/test_pairs.py.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.corpus.documents import decode_names, encode_names
from firth.corpus.encoded import EncodedCorpus
from firth.corpus.pair_encoding import EncodedPairs, PairArrays, encode_other_pairs, encode_pairs
from firth.corpus.pairs import Pairs
from firth.corpus.vocabulary import Vocabulary
from firth.errors import CorpusWarning, FormatError, ParameterError
from firth.kernels.config import TrainingConfig
from firth.kernels.examples import Examples, count_pairs, weighted_pairs
from firth.kernels.registry import architectures, find_objective, losses
from firth.numerics.distributions import keep_probabilities
from firth.training.loop.progress import ProgressDisplay
from firth.training.run.options import RunOptions
from firth.vectors.word_vectors import WordVectors

Matrix = NDArray[np.float32]

# Parameters that a run of pairs refuses, with the reason.
_WITHOUT_EFFECT = {
    **dict.fromkeys(("window", "window_mode", "window_side"), "pairs have no windows"),
    **dict.fromkeys(("cbow_input", "cbow_update"), "the word of a pair is the only input"),
    **dict.fromkeys(("subwords", "min_ngram", "max_ngram", "buckets"), "words of pairs have no n-grams"),
}
_OF_TEXT = "pairs are no text; prepare the columns before"
_PAIRS, _HELDOUT = "pair", "heldout_pair"


@dataclass(frozen=True, eq=False)
class PairRows:
    """The pairs of a run.

    Attributes
    ----------
    contexts : Vocabulary
    trained : PairArrays
    heldout : PairArrays or None
    one_vocabulary : bool
    """

    contexts: Vocabulary
    trained: PairArrays
    heldout: PairArrays | None
    one_vocabulary: bool

    def make_examples(self, n_words: int) -> Examples:
        own = self.trained
        return weighted_pairs(
            own.words, own.contexts, weights=own.weights, n_input_rows=n_words, n_targets=len(self.contexts)
        )

    def heldout_arguments(self) -> tuple[Any, ...] | None:
        """The arguments of ``Engine.heldout_loss``."""
        return None if self.heldout is None else (self.heldout.words, None, self.heldout.contexts, None,
                                                  self.heldout.weights)  # fmt: skip

    def kept_share(self, config: TrainingConfig, n_words: int) -> float:
        """The share of the pairs that subsampling keeps, on average."""
        if config.subsample == 0:
            return 1.0
        own, n_contexts = self.trained, len(self.contexts)
        counts = count_pairs(own.words, n_words, own.weights), count_pairs(own.contexts, n_contexts, own.weights)
        keeps = [keep_probabilities(one, config.subsample) for one in counts]
        return float(np.mean(keeps[0][self.trained.words] * keeps[1][self.trained.contexts]))

    @property
    def largest_weight(self) -> float:
        return 1.0 if self.trained.weights is None else float(self.trained.weights.max())

    def context_vectors(self, output_vectors: Matrix, words: WordVectors) -> WordVectors:
        names: Any = words.words if self.one_vocabulary else self.contexts.words
        return WordVectors(names, output_vectors, self.contexts.counts)

    def identify(self, sha256: str) -> str:
        """The identity of pairs whose words have the identity ``sha256``."""
        digest = hashlib.sha256(sha256.encode())
        for array in self.to_arrays().values():
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def to_json(self) -> dict[str, Any]:
        return {
            "one_vocabulary": self.one_vocabulary,
            "has_weights": self.trained.weights is not None,
            "has_heldout": self.heldout is not None,
        }

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of a run, by the names of their files; the ids of the words are in the encoded corpus."""
        names = self.contexts.words
        arrays: dict[str, NDArray[Any]] = {
            "pair_contexts": self.trained.contexts,
            "context_counts": np.asarray(self.contexts.counts),
            **encode_names(names, "context"),
        }
        if self.trained.weights is not None:
            arrays["pair_weights"] = self.trained.weights
        if self.heldout is not None:
            arrays["heldout_words"], arrays["heldout_contexts"] = self.heldout.words, self.heldout.contexts
            if self.heldout.weights is not None:
                arrays["heldout_weights"] = self.heldout.weights
        return arrays

    @classmethod
    def read(cls, record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], corpus: EncodedCorpus) -> PairRows:
        """The pairs of a run that is resumed; the native kernels do not check them.

        Raises
        ------
        FormatError
            The arrays of the run do not fit each other.
        """
        try:
            contexts = Vocabulary(decode_names(arrays, "context"), arrays["context_counts"])
            weights = arrays["pair_weights"] if record["has_weights"] else None
            trained = PairArrays(np.asarray(corpus.ids), arrays["pair_contexts"], weights)
            heldout = None
            if record["has_heldout"]:
                heldout = PairArrays(arrays["heldout_words"], arrays["heldout_contexts"], arrays.get("heldout_weights"))
            one_vocabulary = record["one_vocabulary"]
            n_words, n_contexts = len(corpus.vocabulary), len(contexts)
            fits = type(one_vocabulary) is bool and (n_words == n_contexts or not one_vocabulary)
            parts = [part for part in (trained, heldout) if part is not None]
            fits = fits and all(_fits(part, n_words, n_contexts) for part in parts)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise FormatError(f"the pairs of the run are damaged ({error!r}); start the run again") from None
        if not fits:
            raise FormatError("the pairs of the run do not fit each other; start the run again")
        return cls(contexts, trained, heldout, one_vocabulary)


def _fits(pairs: PairArrays, n_words: int, n_contexts: int) -> bool:
    for ids, stop in ((pairs.words, n_words), (pairs.contexts, n_contexts)):
        if ids.dtype != np.int32 or ids.shape != (len(pairs),) or len(ids) == 0:
            return False
        if int(ids.min()) < 0 or int(ids.max()) >= stop:
            return False
    weights = pairs.weights
    if weights is None:
        return True
    is_shaped = weights.dtype == np.float32 and weights.shape == (len(pairs),)
    return is_shaped and bool(np.all(np.isfinite(weights) & (weights > 0)))


def read_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a run of pairs; ``subsample`` is 0 unless it is given.

    Raises
    ------
    ParameterError
        A parameter has no meaning for pairs.
    """
    for name, reason in _WITHOUT_EFFECT.items():
        if name in parameters and not (name == "subwords" and parameters[name] is False):
            raise ParameterError(f"{name} must be left out for pairs, got {parameters[name]!r}: {reason}")
    objective = TrainingConfig(**parameters).objective
    if objective.inputs.examples != "context":
        words = [name for name in architectures() if find_objective(name, losses()[0]).inputs.examples == "context"]
        raise ParameterError(
            f"architecture must be {' or '.join(map(repr, words))} for pairs, got {objective.inputs.architecture!r}:"
            " the word of a pair is the only input"
        )
    if objective.outputs.needs_tree:
        others = [name for name in losses() if not find_objective(architectures()[0], name).outputs.needs_tree]
        raise ParameterError(
            f"loss must not be {objective.outputs.loss!r} for pairs: its output vectors are nodes of a tree, so"
            f" contexts would have no vectors; take one of {', '.join(others)}"
        )
    return {"subsample": 0.0, **parameters}


def refuse_text_options(given: Mapping[str, bool]) -> None:
    """Raise ParameterError for an option of text, or of sequences, that is given with pairs."""
    for name, is_given in given.items():
        if is_given:
            reason = "pairs have weights of their own" if name == "sequence_weights" else _OF_TEXT
            raise ParameterError(f"{name} must be left out for pairs: {reason}")


def prepare_pairs(
    pairs: Pairs, folder: Path, config: TrainingConfig, options: RunOptions, display: ProgressDisplay
) -> tuple[EncodedCorpus, PairRows]:
    """Encode the pairs of a run.

    Raises
    ------
    CorpusError, CorpusTypeError, ParameterError, StorageError
    """
    heldout = options.heldout
    if heldout is not None and heldout.share is None and not isinstance(heldout.source, Pairs):
        raise ParameterError(
            f'heldout must be a share like "1%", or firth.Pairs, for pairs, got {type(heldout.source).__name__}; pass'
            " firth.Pairs(path)"
        )
    encoded = encode_pairs(
        pairs,
        folder,
        min_count=config.min_count,
        max_vocabulary=config.max_vocabulary,
        seed=config.seed,
        heldout_share=None if heldout is None else heldout.share,
        threads=config.threads or 1,
    )
    held_out = encoded.heldout
    if heldout is not None and heldout.share is None:
        held_out = encode_other_pairs(heldout.source, encoded.corpus.vocabulary, encoded.contexts)
        if len(held_out) < len(heldout.source):
            n_left = len(heldout.source) - len(held_out)
            display.note(
                f"{n_left:,} of {len(heldout.source):,} held-out pairs have a word or a context that is unknown"
            )
    if pairs.n_zero:
        display.note(f"{pairs.n_zero:,} pairs of weight 0 were left out")
    _warn_of_words_without_pairs(encoded)
    return encoded.corpus, PairRows(encoded.contexts, encoded.trained, held_out, pairs.one_vocabulary)


def _warn_of_words_without_pairs(encoded: EncodedPairs) -> None:
    n_never_words, n_never_contexts = encoded.n_without_pairs
    if n_never_words:  # with one vocabulary
        warnings.warn(
            f"{n_never_words:,} of {len(encoded.corpus.vocabulary):,} words are the context of pairs and never their"
            f" word (and {n_never_contexts:,} never a context); the input vectors of these words learn nothing; add"
            " each pair in the other direction, or leave one_vocabulary out",
            CorpusWarning,
            stacklevel=4,  # the caller of firth.train
        )


__all__ = ["PairRows", "prepare_pairs", "read_parameters", "refuse_text_options"]
