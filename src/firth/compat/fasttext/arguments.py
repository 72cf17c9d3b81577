"""Room compat: fastText's arguments: names, defaults, checks, and what each means to firth.

Tests: tests/compat/fasttext/test_training.py.
"""

from __future__ import annotations

import enum
import multiprocessing
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from firth.base.ngrams import LONGEST_NGRAM
from firth.base.values import as_integer, as_number
from firth.compat.fasttext.refused import AUTOTUNE
from firth.errors import ParameterError
from firth.formats.fasttext_model import MAX_WORD_NGRAMS, FastTextArguments
from firth.formats.source import MAX_DIMS

MAX_INT = 2**31 - 1
MAX_NEGATIVES = 1000


class model_name(enum.IntEnum):  # fastText's name
    """The kinds of models, with the numbers that files have."""

    cbow = 1
    skipgram = 2
    supervised = 3


class loss_name(enum.IntEnum):  # fastText's name
    """The losses, with the numbers that files have."""

    hs = 1
    ns = 2
    softmax = 3
    ova = 4


FIRTH_LOSSES = {
    loss_name.hs: "hierarchical-softmax",
    loss_name.ns: "negative-sampling",
    loss_name.softmax: "softmax",
    loss_name.ova: "one-vs-all",
}
# Names that older programs give, and the names of today.
OLDER_NAMES = {
    "min_count": "minCount",
    "word_ngrams": "wordNgrams",
    "lr_update_rate": "lrUpdateRate",
    "label_prefix": "label",
    "pretrained_vectors": "pretrainedVectors",
}
unsupervised_default: dict[str, Any] = {
    "model": "skipgram",
    "lr": 0.05,
    "dim": 100,
    "ws": 5,
    "epoch": 5,
    "minCount": 5,
    "minCountLabel": 0,
    "minn": 3,
    "maxn": 6,
    "neg": 5,
    "wordNgrams": 1,
    "loss": "ns",
    "bucket": 2_000_000,
    "thread": multiprocessing.cpu_count() - 1,
    "lrUpdateRate": 100,
    "t": 1e-4,
    "label": "__label__",
    "verbose": 2,
    "pretrainedVectors": "",
    "seed": 0,
    "autotuneValidationFile": "",
    "autotuneMetric": "f1",
    "autotunePredictions": 1,
    "autotuneDuration": 300,
    "autotuneModelSize": "",
}
supervised_default: dict[str, Any] = unsupervised_default | {
    "model": "supervised",
    "lr": 0.1,
    "minCount": 1,
    "minn": 0,
    "maxn": 0,
    "loss": "softmax",
}
_AUTOTUNE_NAMES = tuple(AUTOTUNE)
SUPERVISED_NAMES = ("input", *(name for name in supervised_default if name != "model"))
UNSUPERVISED_NAMES = (
    "input",
    *(name for name in unsupervised_default if name not in ("seed", *_AUTOTUNE_NAMES)),
    "seed",  # fastText's function refuses it, its program takes it
)


@dataclass
class args:  # fastText's name
    """The arguments of a run, or of a model's file, under fastText's names; see docs/fasttext.md.

    ``given`` has the names that the caller gave. firth chooses ``bucket`` and ``thread`` where they are not given.

    Examples
    --------
    >>> from firth.compat.fasttext.FastText import args
    >>> args().dim, args().lr
    (100, 0.05)
    """

    input: str = ""
    output: str = ""
    lr: float = 0.05
    dim: int = 100
    ws: int = 5
    epoch: int = 5
    minCount: int = 5
    minCountLabel: int = 0
    minn: int = 3
    maxn: int = 6
    neg: int = 5
    wordNgrams: int = 1
    loss: loss_name = loss_name.ns
    model: model_name = model_name.skipgram
    bucket: int = 2_000_000
    thread: int = 12
    lrUpdateRate: int = 100
    t: float = 1e-4
    label: str = "__label__"
    verbose: int = 2
    pretrainedVectors: str = ""
    saveOutput: bool = False
    seed: int = 0
    qout: bool = False
    retrain: bool = False
    qnorm: bool = False
    cutoff: int = 0
    dsub: int = 2
    given: set[str] = field(default_factory=set)

    @classmethod
    def of_file(cls, arguments: FastTextArguments) -> args:
        """The arguments that a model's file has; all others have their defaults."""
        return cls(
            dim=arguments.dims,
            ws=arguments.window,
            epoch=arguments.epochs,
            minCount=arguments.min_count,
            neg=arguments.negatives,
            wordNgrams=arguments.word_ngrams,
            loss=loss_name(arguments.loss),
            model=model_name(arguments.model),
            bucket=arguments.buckets,
            minn=arguments.min_chars,
            maxn=arguments.max_chars,
            lrUpdateRate=arguments.rate_interval,
            t=arguments.subsample,
        )

    def to_file(self, buckets: int) -> FastTextArguments:
        """The arguments as a file has them, with the number of buckets that training took."""
        return FastTextArguments(
            dims=self.dim,
            window=self.ws,
            epochs=self.epoch,
            min_count=self.minCount,
            negatives=self.neg,
            word_ngrams=self.wordNgrams,
            loss=int(self.loss),
            model=int(self.model),
            buckets=buckets,
            min_chars=self.minn if self.maxn else 0,
            max_chars=self.maxn,
            rate_interval=self.lrUpdateRate,
            subsample=self.t,
        )

    @property
    def has_character_ngrams(self) -> bool:
        return self.maxn > 0

    @property
    def given_buckets(self) -> int | None:
        """The number of buckets that the caller wants; None: firth fits it to the text."""
        has_ngrams = self.has_character_ngrams or (self.model == model_name.supervised and self.wordNgrams > 1)
        return self.bucket if has_ngrams and "bucket" in self.given else None

    @property
    def given_threads(self) -> int | None:
        """The number of threads that the caller wants; None: the processors that this process may use."""
        return max(1, self.thread) if "thread" in self.given else None

    def validate(self) -> None:
        """Check all values before any work, and warn of those without an effect.

        Raises
        ------
        ParameterError
        """
        limits: dict[str, tuple[int, int]] = {
            "dim": (1, MAX_DIMS),
            "ws": (1, MAX_INT),
            "epoch": (1, MAX_INT),
            "minCount": (1, MAX_INT),
            "minCountLabel": (0, MAX_INT),
            "minn": (0, LONGEST_NGRAM),
            "maxn": (0, LONGEST_NGRAM),
            "neg": (1, MAX_NEGATIVES),
            "wordNgrams": (1, MAX_WORD_NGRAMS),
            "bucket": (0, MAX_INT),
            "thread": (0, 4096),  # 0 is what fastText's default gives on one processor
            "lrUpdateRate": (1, MAX_INT),
            "verbose": (0, MAX_INT),
            "seed": (0, MAX_INT),
        }
        for name, (least, most) in limits.items():
            setattr(self, name, as_integer(name, getattr(self, name), minimum=least, maximum=most))
        self.lr, self.t = as_number("lr", self.lr, minimum=0.0), as_number("t", self.t, minimum=0.0)
        if self.lr == 0:
            raise ParameterError("lr must be above 0, got 0: nothing would be learned; fastText's default is 0.05")
        if self.maxn and self.minn > self.maxn:
            raise ParameterError(
                f"minn must be at most maxn={self.maxn}, got {self.minn}; give both, or maxn=0 for no n-grams"
            )
        if not isinstance(self.label, str) or self.label.split() != [self.label]:
            raise ParameterError(f"label must be a word without white space, got {self.label!r}")
        if self.given_buckets == 0:
            raise ParameterError("bucket must be at least 1 with n-grams, got 0; leave it out to fit it to the text")
        if self.model != model_name.supervised and self.t == 0:
            raise ParameterError(
                "t must be above 0, got 0: fastText would leave out every word; give t=1 to keep nearly all words"
            )
        for name, reason in self._without_effect().items():
            if name in self.given and getattr(self, name) != supervised_default[name]:
                warnings.warn(f"{name}={getattr(self, name)} has no effect: {reason}", UserWarning, stacklevel=4)

    def _without_effect(self) -> dict[str, str]:
        found = {"lrUpdateRate": "firth lowers the learning rate continuously"}
        if self.loss != loss_name.ns:
            found["neg"] = "loss='ns' alone has noise words"
        if self.model == model_name.supervised:
            found |= {"ws": "a classifier has no windows", "t": "a classifier reads every word, as in fastText"}
        else:
            found |= {
                "wordNgrams": "word vectors have no n-grams of words, in fastText neither",
                "minCountLabel": "word vectors are trained without labels, in fastText too",
            }
        return found


def parse_model(name: object) -> model_name:
    """The kind of a model by its name.

    Raises
    ------
    ParameterError
    """
    if not isinstance(name, str) or name not in model_name.__members__:
        raise ParameterError(f"model must be one of {', '.join(model_name.__members__)}, got {name!r}")
    return model_name[name]


def parse_loss(name: object) -> loss_name:
    """A loss by its name.

    Raises
    ------
    ParameterError
    """
    if not isinstance(name, str) or name not in loss_name.__members__:
        raise ParameterError(f"loss must be one of {', '.join(loss_name.__members__)}, got {name!r}")
    return loss_name[name]


def read_args(
    arg_list: Iterable[Any], arg_dict: Mapping[str, Any], arg_names: Iterable[str], default_values: Mapping[str, Any]
) -> tuple[dict[str, Any], set[str]]:
    """Arguments by position and by name, with the defaults of the others, and the names that were given.

    Parameters
    ----------
    arg_list : iterable
        Values by position, in the order of ``arg_names``.
    arg_dict : mapping
        Values by name; older names (``min_count``) are taken too.
    arg_names : iterable of str
    default_values : mapping

    Raises
    ------
    TypeError
        A name is unknown, or has two values.
    """
    names, values = list(arg_names), list(arg_list)
    if len(values) > len(names):
        raise TypeError(f"at most {len(names)} arguments may be given by position, got {len(values)}")
    found: dict[str, Any] = {}
    by_position = zip(names, values, strict=False)
    for given_name, value in [*by_position, *arg_dict.items()]:
        name = OLDER_NAMES.get(given_name, given_name)
        if name not in names:
            raise TypeError(f"unexpected keyword argument {name!r}; the arguments are {', '.join(names)}")
        if name in found:
            raise TypeError(f"multiple values for argument {name!r}")
        found[name] = value
    return {**default_values, **found}, set(found)


def make_args(values: Mapping[str, Any], given: set[str]) -> args:
    """The checked arguments of one of the training functions.

    Raises
    ------
    ParameterError
    """
    for name in _AUTOTUNE_NAMES:
        if name in given and values[name] != supervised_default[name]:
            raise ParameterError(AUTOTUNE[name])
    known = {entry.name for entry in fields(args)}
    chosen = {name: value for name, value in values.items() if name in known}
    chosen["model"], chosen["loss"] = parse_model(values["model"]), parse_loss(values["loss"])
    found = args(**chosen, given=given)
    found.validate()
    return found


__all__ = [
    "FIRTH_LOSSES",
    "SUPERVISED_NAMES",
    "UNSUPERVISED_NAMES",
    "args",
    "loss_name",
    "make_args",
    "model_name",
    "parse_loss",
    "parse_model",
    "read_args",
    "supervised_default",
    "unsupervised_default",
]
