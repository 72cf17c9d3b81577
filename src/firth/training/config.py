"""Room training: the parameters of a run, one frozen dataclass; validated once, here, at the public border."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firth.base.machine import available_processors
from firth.base.values import as_integer, as_number, validate_choice
from firth.errors import ParameterError
from firth.kernels.registry import CHOICES, find_objective
from firth.native.kernel import MAX_NEGATIVES

LEARNING_RATE = 0.025  # Mikolov et al. 2013a, section 4.2; word2vec.c's default for skip-gram
CBOW_LEARNING_RATE = 0.075  # Irsoy, Benton, Stratos 2021 (koan), for CBOW by the gradient of the mean
MIN_LEARNING_RATE_SHARE = 1e-4  # word2vec.c: starting_alpha * 0.0001
NOISE_EXPONENT = 0.75  # Mikolov et al. 2013b, section 2.2
MAX_SEED = 2**64 - 1  # the key of Philox4x32-10 has 64 bits
MAX_INT32 = 2**31 - 1

PARAMETER_HELP: dict[str, str] = {
    "architecture": "input side: skipgram or cbow",
    "loss": "output side: negative-sampling, hierarchical-softmax or softmax",
    "dims": "numbers in a vector",
    "window": "context words on each side",
    "window_mode": "dynamic: each width from 1 to window as likely; fixed: the whole window; sequence: all of it",
    "window_side": "context on both sides of the centre, left of it, or right of it",
    "negatives": "noise words for each positive example",
    "negative_sharing": "noise words are drawn for a block of neighbouring windows, for each window, or for each pair",
    "target_collision": "a noise word that equals the target: reject (draw another word), count (keep), drop (skip)",
    "noise_exponent": "noise words are drawn in proportion to count ** exponent",
    "subsample": "threshold of subsampling frequent words; 0 is off",
    "cbow_input": "CBOW: mean or sum of the context's vectors",
    "cbow_update": "CBOW: the true gradient, or word2vec's update",
    "learning_rate": "at the start; default 0.025, CBOW by the gradient of the mean 0.075",
    "min_learning_rate": "at the end; default 1e-4 of the learning rate",
    "min_count": "leave out words seen less often",
    "max_vocabulary": "keep at most so many words, the most frequent ones",
    "epochs": "passes over the corpus",
    "threads": "default: the processors that this process may use",
    "seed": "decides every random draw",
    "deterministic": "the same vectors from any number of threads",
}
"""One line for each parameter, as the command line's help shows it."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Everything that decides what is learned from an encoded corpus; the same names as the command line's flags.

    Every value is checked when the object is made. ``None`` means "decide for me" where the table says so;
    :meth:`resolved` puts the decision in its place.

    Attributes
    ----------
    architecture : {"skipgram", "cbow"}
        Skip-gram predicts the centre word from each of its context words alone (word2vec.c's direction); CBOW from
        their mean or sum.
    loss : {"negative-sampling", "hierarchical-softmax", "softmax"}
        Output side. The full softmax costs V rows a window and is meant for small vocabularies.
    dims : int >= 1
        D, the numbers in a vector.
    window : int >= 1
        Context words on each side. Ignored where ``window_mode="sequence"``.
    window_mode : {"dynamic", "fixed", "sequence"}
        ``"dynamic"``: each width from 1 to ``window`` is as likely; drawn for each centre, or taken in turns by units
        of several windows (docs/training.md). ``"fixed"``: always the whole window. ``"sequence"``: everything else
        in the sequence, for baskets, which have no order.
    window_side : {"both", "left", "right"}
        Which side of the centre counts.
    negatives : int >= 0
        K, noise words for each positive example; at least 1 where ``loss="negative-sampling"``.
    negative_sharing : {"block", "window", "pair"}
        ``"block"``: the windows of a block of 64 tokens take turns at eight draws of noise words (CBOW: of 128 tokens,
        at four); with skip-gram three neighbouring windows have one draw, and their gradients are taken together; a
        window of more than 10 words a side, or a whole sequence, has its own. ``"window"``: one for each window.
        ``"pair"``: a fresh one for each pair. The expected gradient is the same.
    target_collision : {"reject", "count", "drop"}
        A noise word that equals the target: drawn again, kept, or skipped (as word2vec.c and gensim do).
    noise_exponent : float
        Noise is drawn in proportion to count ** noise_exponent; any finite number.
    subsample : float >= 0
        t in the probability sqrt(t/f) + t/f of keeping a word of relative frequency f; 0 keeps every word.
    cbow_input : {"mean", "sum"}
    cbow_update : {"gradient", "word2vec"}
        ``"gradient"``: the true one. ``"word2vec"``: undivided with the mean, divided with the sum, as word2vec.c,
        gensim and fastText.
    learning_rate : float > 0 or None
        Falls linearly with the token position. None: 0.025; 0.075 for CBOW by the gradient of the mean.
    min_learning_rate : float in [0, learning_rate] or None
        Where it ends. None: 1e-4 of ``learning_rate``.
    min_count : int >= 1
        Words seen less often are left out.
    max_vocabulary : int >= 1 or None
        At most so many words, the most frequent ones. None: no limit.
    epochs : int >= 1
        Passes over the corpus.
    threads : int >= 1 or None
        None: as many as the processors this process may use.
    seed : int in [0, 2**64)
        Decides every random draw, alone.
    deterministic : bool
        The same bits from any number of threads, at some cost in speed.

    Raises
    ------
    ParameterError
        A value of the wrong type, out of range, or not among the choices.

    References
    ----------
    Mikolov, Chen, Corrado, Dean (2013a), arXiv:1301.3781. Mikolov, Sutskever, Chen, Corrado, Dean (2013b),
    arXiv:1310.4546. Irsoy, Benton, Stratos (2021), arXiv:2012.15332.
    """

    architecture: str = "skipgram"
    loss: str = "negative-sampling"
    dims: int = 100
    window: int = 5
    window_mode: str = "dynamic"
    window_side: str = "both"
    negatives: int = 6
    negative_sharing: str = "block"
    target_collision: str = "reject"
    noise_exponent: float = NOISE_EXPONENT
    subsample: float = 0.001
    cbow_input: str = "mean"
    cbow_update: str = "gradient"
    learning_rate: float | None = None
    min_learning_rate: float | None = None
    min_count: int = 5
    max_vocabulary: int | None = None
    epochs: int = 5
    threads: int | None = None
    seed: int = 1
    deterministic: bool = False

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            validate_choice(name, getattr(self, name), choices)
        find_objective(self.architecture, self.loss)
        self._set(dims=as_integer("dims", self.dims, minimum=1, maximum=MAX_INT32))
        self._set(window=as_integer("window", self.window, minimum=1, maximum=MAX_INT32))
        least_negatives = 1 if self.loss == "negative-sampling" else 0
        self._set(negatives=as_integer("negatives", self.negatives, minimum=least_negatives))
        if self.negatives > MAX_NEGATIVES:
            raise ParameterError(
                f"negatives must be at most {MAX_NEGATIVES}, got {self.negatives}; 5 to 20 are usual (--negatives on"
                ' the command line), and loss="softmax" (--loss softmax) compares the target with every word'
            )
        self._set(noise_exponent=as_number("noise_exponent", self.noise_exponent))
        self._set(subsample=as_number("subsample", self.subsample, minimum=0.0))
        self._set(min_count=as_integer("min_count", self.min_count, minimum=1))
        self._set(epochs=as_integer("epochs", self.epochs, minimum=1, maximum=MAX_INT32))
        self._set(seed=as_integer("seed", self.seed, minimum=0, maximum=MAX_SEED))
        if self.max_vocabulary is not None:
            self._set(max_vocabulary=as_integer("max_vocabulary", self.max_vocabulary, minimum=1))
        if self.threads is not None:
            self._set(threads=as_integer("threads", self.threads, minimum=1, maximum=4096))
        if not isinstance(self.deterministic, bool):
            raise ParameterError(f"deterministic must be True or False, got {self.deterministic!r}")
        self._validate_learning_rates()

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _validate_learning_rates(self) -> None:
        if self.learning_rate is not None:
            learning_rate = as_number("learning_rate", self.learning_rate)
            if learning_rate <= 0:
                raise ParameterError(f"learning_rate must be above 0, got {learning_rate:g}; 0.025 is the usual start")
            self._set(learning_rate=learning_rate)
        if self.min_learning_rate is not None:
            min_learning_rate = as_number("min_learning_rate", self.min_learning_rate, minimum=0.0)
            start = self._learning_rate_or_default()
            if min_learning_rate > start:
                raise ParameterError(
                    f"min_learning_rate must be at most the learning_rate of {start:g}, got {min_learning_rate:g}"
                )
            self._set(min_learning_rate=min_learning_rate)

    def _learning_rate_or_default(self) -> float:
        if self.learning_rate is not None:
            return self.learning_rate
        gradient_of_mean = self.architecture == "cbow" and self.cbow_input == "mean" and self.cbow_update == "gradient"
        return CBOW_LEARNING_RATE if gradient_of_mean else LEARNING_RATE

    def resolved(self) -> TrainingConfig:
        """The same configuration with every ``None`` that means "decide for me" replaced by the decision."""
        learning_rate = self._learning_rate_or_default()
        min_learning_rate = self.min_learning_rate
        if min_learning_rate is None:
            min_learning_rate = MIN_LEARNING_RATE_SHARE * learning_rate
        threads = available_processors() if self.threads is None else self.threads
        return dataclasses.replace(
            self, learning_rate=learning_rate, min_learning_rate=min_learning_rate, threads=threads
        )

    def to_json(self) -> dict[str, Any]:
        """A dictionary of JSON's own types; :meth:`from_json` gives the equal configuration back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrainingConfig:
        """The configuration that :meth:`to_json` wrote.

        Raises
        ------
        ParameterError
            An unknown name, or a value that the constructor refuses.
        """
        validate_parameter_names(values)
        return cls(**values)


def validate_parameter_names(values: Mapping[str, Any]) -> None:
    """Raise ParameterError for a name that is no field of TrainingConfig."""
    known = [parameter.name for parameter in dataclasses.fields(TrainingConfig)]
    for name in values:
        if name not in known:
            raise ParameterError(f"a parameter must be one of {', '.join(known)}, got {name!r}")


def validate_vocabulary_size(config: TrainingConfig, n_words: int, *, least_noise_words: int | None = None) -> None:
    """Raise ParameterError where the loss needs more words than there are.

    Parameters
    ----------
    n_words : int
        V, the words that are left after ``min_count`` and ``max_vocabulary``.
    least_noise_words : int or None
        Words with a positive weight in a given noise distribution; None: all of them.
    """
    ways = ["lower min_count"] if config.min_count > 1 else []
    ways += ["raise max_vocabulary"] if config.max_vocabulary is not None else []
    advice = ", ".join([*ways, "or give more text"]) if ways else "give more text"
    if n_words < 2:
        reasons = {
            "negative-sampling": "negatives to draw",
            "hierarchical-softmax": "a tree with an inner node",
            "softmax": "anything to tell apart",
        }
        raise ParameterError(
            f"vocabulary must have at least 2 words for loss={config.loss!r} to have {reasons[config.loss]},"
            f" got {n_words}; {advice}"
        )
    if config.loss == "negative-sampling" and least_noise_words is not None:
        needed = 2 if config.target_collision == "reject" else 1
        if least_noise_words < needed:
            raise ParameterError(
                f"noise_distribution must give a positive weight to at least {needed} words of the vocabulary,"
                f" got {least_noise_words}"
            )
