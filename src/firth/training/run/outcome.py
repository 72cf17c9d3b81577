"""Room training: warns if a run can learn little: before the run by the tokens kept, after the run by the loss."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firth.corpus.encoded import EncodedCorpus
from firth.errors import NothingLearnedWarning
from firth.kernels.config import TrainingConfig
from firth.numerics.distributions import keep_probabilities
from firth.training.loop.checkpoints import RunState
from firth.training.loop.divergence import LARGEST_NORM
from firth.training.run.advice import Cure, cures_of_divergence, cures_of_guessing, cures_of_no_example, describe_cures

if TYPE_CHECKING:
    from firth.kernels.engine import Engine
    from firth.models.model import Model
    from firth.training.run.pair_rows import PairRows

NEAR_GUESSING = 0.01  # if the loss is within 1 % of guessing, nothing was learned
WORSE_THAN_GUESSING, MANY_EXAMPLES = 1.1, 1000  # such a loss comes from too large steps, not from chance
SMALL_CORPUS_TOKENS = 1_000_000
FEW_KEPT_SHARE = 0.5
_allows_empty_epochs: ContextVar[bool] = ContextVar("firth_allows_empty_epochs", default=False)
CALLER = 5  # stack levels from here to the caller of firth.train


@contextmanager
def empty_epochs_allowed() -> Iterator[None]:
    """A context in which an epoch without an example is a warning after the run and not an error, for gensim's names.

    The tests and the documentation of gensim train on a dozen words with gensim's default subsampling.
    """
    token = _allows_empty_epochs.set(True)
    try:
        yield
    finally:
        _allows_empty_epochs.reset(token)


@dataclass(frozen=True)
class Outcome:
    """Facts about a prepared run that limit how much it can learn.

    Attributes
    ----------
    kept_share : float
        Share of the corpus's tokens that subsampling keeps, on average.
    in_vocabulary : float
        Share of the words read that are in the vocabulary.
    """

    config: TrainingConfig
    kept_share: float
    in_vocabulary: float
    largest_weight: float
    guessing_loss_nats: float
    of_pairs: bool = False

    @property
    def allows_empty_epochs(self) -> bool:
        """See ``empty_epochs_allowed``."""
        return _allows_empty_epochs.get()

    @classmethod
    def of(
        cls,
        config: TrainingConfig,
        corpus: EncodedCorpus,
        weights: NDArray[np.float32] | None,
        engine: Engine,
        pairs: PairRows | None = None,
    ) -> Outcome:
        counts = corpus.vocabulary.counts
        largest_weight = 1.0 if weights is None else float(weights.max(initial=0.0))
        if pairs is None:
            kept_share = float(counts @ keep_probabilities(counts, config.subsample)) / max(1, int(counts.sum()))
        else:
            kept_share, largest_weight = pairs.kept_share(config, len(counts)), pairs.largest_weight
        in_vocabulary = corpus.n_tokens / max(1, corpus.n_tokens_read)
        return cls(config, kept_share, in_vocabulary, largest_weight, engine.guessing_loss_nats, pairs is not None)

    def cures_of_divergence(self, state: RunState) -> str:
        """Advice if the run diverges."""
        large_start = state.norm_bound is not None and state.norm_bound > LARGEST_NORM
        return describe_cures(
            cures_of_divergence(
                self.config, largest_weight=self.largest_weight, large_start=large_start, of_pairs=self.of_pairs
            )
        )

    def cures_of_no_example(self) -> str:
        """Advice if an epoch has no example."""
        return describe_cures(
            cures_of_no_example(self.config, kept_share=self.kept_share, in_vocabulary=self.in_vocabulary)
        )

    def cures_of_guessing(self) -> str:
        """Advice if nothing is learned."""
        return describe_cures(
            cures_of_guessing(self.config, kept_share=self.kept_share, in_vocabulary=self.in_vocabulary)
        )

    def warn_of_guessing(self, model: Model) -> None:
        """Issue a ``NothingLearnedWarning`` if the last epoch's loss is no better than guessing.

        It is a warning and not a line of progress, because it is about the result: ``progress=False`` does not suppress
        it, estimators pass it on, and a program can turn it into an exception or ignore it by its class.
        """
        loss, guess = model.history.loss_nats[-1], self.guessing_loss_nats
        if loss < (1 - NEAR_GUESSING) * guess:
            return
        if math.isnan(loss):
            n_examples = model.history.epochs[-1].n_examples
            found = f"the last epoch's {n_examples:,} examples have no loss"
            found = found if n_examples else "the last epoch had no example"
            cures = self.cures_of_guessing()
        elif loss > WORSE_THAN_GUESSING * guess and model.history.epochs[-1].n_examples >= MANY_EXAMPLES:
            found = f"the last epoch's loss of {loss:.4f} is above guessing ({guess:.4f})"
            more = Cure("train for more epochs", "epochs", 2 * self.config.epochs)
            steps = cures_of_divergence(
                self.config, largest_weight=self.largest_weight, large_start=False, of_pairs=self.of_pairs
            )
            cures = describe_cures([*steps, more])
        else:
            is_near = loss <= (1 + NEAR_GUESSING) * guess
            found = (
                f"the last epoch's loss of {loss:.4f} is {'within 1 % of' if is_near else 'no better than'} guessing"
            )
            found, cures = f"{found} ({guess:.4f})", self.cures_of_guessing()
        message = f"the vectors have learned nothing: {found}; {cures}"
        warnings.warn(NothingLearnedWarning(message, model), stacklevel=CALLER)


def describe_subsampling(config: TrainingConfig, corpus: EncodedCorpus) -> str:
    """A note about the tokens that subsampling keeps of a small corpus, with advice; empty if it keeps enough."""
    if config.subsample == 0 or corpus.n_tokens > SMALL_CORPUS_TOKENS:
        return ""
    counts = np.bincount(corpus.ids, minlength=len(corpus.vocabulary))
    n_kept = float(counts @ keep_probabilities(corpus.vocabulary.counts, config.subsample))
    if n_kept > FEW_KEPT_SHARE * corpus.n_tokens:
        return ""
    cures = [
        Cure("turn it off", "subsample", 0),
        Cure("raise its threshold", "subsample", float(f"{min(1.0, 10 * config.subsample):.2g}")),
        Cure("train for more epochs", "epochs", 5 * config.epochs),
    ]
    return (
        f"subsampling keeps about {n_kept:,.0f} of {corpus.n_tokens:,} tokens in each epoch, because the corpus is"
        f" small or has few words; to learn from more tokens, {describe_cures(cures)}"
    )
