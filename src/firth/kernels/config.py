"""Room kernels: the parameters that decide what is learned, one frozen dataclass; validated once, here.

The class is in this room because the engine, the plan and the native settings take it whole. It is above the registry
of sides, which say what its words mean, and below training. A parameter is a field here (default, help, choices and
limits) and the line that uses it. The flag, the keyword of ``firth.train``, config.json and the native field follow.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from firth.base.machine import available_processors
from firth.base.values import as_integer, as_number, validate_choice
from firth.errors import ParameterError
from firth.kernels import registry
from firth.kernels.sides import cbow
from firth.native.kernel import MAX_NEGATIVES

MIN_LEARNING_RATE_SHARE = 1e-4  # word2vec.c: starting_alpha * 0.0001
NOISE_EXPONENT = 0.75  # Mikolov et al. 2013b, section 2.2
# Published optima are from -1 to 1 (Caselles-Dupré et al. 2018, arXiv:1804.04212). At 10 a word of half the count is
# drawn a thousandth as often; beyond it one word is all the noise.
MAX_NOISE_EXPONENT = 10.0
MAX_SEED = 2**64 - 1  # the key of Philox4x32-10 has 64 bits
MAX_INT32 = 2**31 - 1
MAX_THREADS = 4096

Int32 = int  # a whole number that the native core has as int32_t
UInt64 = int  # as uint64_t
# Other numbers and words reach the core as well, but for `int`: that says what a corpus is made of (native/cpp/
# parameters.py makes the core's list of parameters from the annotations of TrainingConfig).


@dataclass(frozen=True)
class Limits:
    """What a parameter may be, and its line of help.

    Attributes
    ----------
    help : str
        As the command line shows it.
    choices : tuple of str, or function that returns one, or None
        The words of a parameter that is a choice. Only those of a side are a function: sides can be registered.
    minimum, maximum : number or None
    above : number or None
        The value must be greater.
    advice : str
        What to give instead of a value that is not above.
    """

    help: str
    choices: tuple[str, ...] | Callable[[], tuple[str, ...]] | None = None
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    advice: str = ""


def parameter(default: Any, help: str, **limits: Any) -> Any:
    """A field of TrainingConfig: its default, its line of help, and the limits that every value is held to."""
    return dataclasses.field(default=default, metadata={"limits": Limits(help, **limits)})


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
    loss : {"negative-sampling", "hierarchical-softmax", "softmax", "one-vs-all"}
        Output side. The full softmax, and a logistic loss on every word, cost V rows a window and are meant for small
        vocabularies, or for labels.
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
        Noise is drawn in proportion to count ** noise_exponent; from -10 to 10.
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

    architecture: str = parameter("skipgram", "input side: skipgram or cbow", choices=registry.architectures)
    loss: str = parameter(
        "negative-sampling",
        "output side: negative-sampling, hierarchical-softmax, softmax or one-vs-all",
        choices=registry.losses,
    )
    dims: Int32 = parameter(100, "numbers in a vector", minimum=1)
    window: Int32 = parameter(5, "context words on each side", minimum=1)
    window_mode: str = parameter(
        "dynamic",
        "dynamic: each width from 1 to window as likely; fixed: the whole window; sequence: all of it",
        choices=("dynamic", "fixed", "sequence"),
    )
    window_side: str = parameter(
        "both",
        "context on both sides of the centre, left of it, or right of it",
        choices=("both", "left", "right"),
    )
    negatives: Int32 = parameter(6, "noise words for each positive example")
    negative_sharing: str = parameter(
        "block",
        "noise words are drawn for a block of neighbouring windows, for each window, or for each pair",
        choices=("block", "window", "pair"),
    )
    target_collision: str = parameter(
        "reject",
        "a noise word that equals the target: reject (draw another word), count (keep), drop (skip)",
        choices=("reject", "count", "drop"),
    )
    noise_exponent: float = parameter(
        NOISE_EXPONENT,
        "noise words are drawn in proportion to count ** exponent",
        minimum=-MAX_NOISE_EXPONENT,
        maximum=MAX_NOISE_EXPONENT,
    )
    subsample: float = parameter(0.001, "threshold of subsampling frequent words; 0 is off", minimum=0.0)
    cbow_input: str = parameter("mean", "CBOW: mean or sum of the context's vectors", choices=cbow.INPUTS)
    cbow_update: str = parameter("gradient", "CBOW: the true gradient, or word2vec's update", choices=cbow.UPDATES)
    learning_rate: float | None = parameter(
        None,
        "at the start; default 0.025, CBOW by the gradient of the mean 0.075",
        above=0.0,
        advice="0.025 is the usual start",
    )
    min_learning_rate: float | None = parameter(None, "at the end; default 1e-4 of the learning rate", minimum=0.0)
    min_count: int = parameter(5, "leave out words seen less often", minimum=1)
    max_vocabulary: int | None = parameter(None, "keep at most so many words, the most frequent ones", minimum=1)
    epochs: Int32 = parameter(5, "passes over the corpus", minimum=1)
    threads: Int32 | None = parameter(
        None, "default: the processors that this process may use", minimum=1, maximum=MAX_THREADS
    )
    seed: UInt64 = parameter(1, "decides every random draw", minimum=0)
    deterministic: bool = parameter(False, "the same vectors from any number of threads")

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            self._set(**{field.name: validate_parameter(field.name, getattr(self, field.name))})
        least_negatives = self.objective.outputs.least_negatives
        as_integer("negatives", self.negatives, minimum=least_negatives)
        if self.negatives > MAX_NEGATIVES:
            raise ParameterError(
                f"negatives must be at most {MAX_NEGATIVES}, got {self.negatives}; 5 to 20 are usual (--negatives on"
                ' the command line), and loss="softmax" (--loss softmax) compares the target with every word'
            )
        if self.min_learning_rate is not None and self.min_learning_rate > self._learning_rate_or_default():
            raise ParameterError(
                f"min_learning_rate must be at most the learning_rate of {self._learning_rate_or_default():g},"
                f" got {self.min_learning_rate:g}"
            )

    @property
    def objective(self) -> registry.Objective:
        """The input side and the output side that the configuration chooses."""
        return registry.find_objective(self.architecture, self.loss)

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _learning_rate_or_default(self) -> float:
        if self.learning_rate is not None:
            return self.learning_rate
        return self.objective.inputs.default_learning_rate(self)

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


_FIELDS = {field.name: field for field in dataclasses.fields(TrainingConfig)}
PARAMETER_HELP: dict[str, str] = {name: field.metadata["limits"].help for name, field in _FIELDS.items()}
"""One line for each parameter, as the command line's help shows it."""
CHOICE_NAMES = tuple(name for name, field in _FIELDS.items() if field.metadata["limits"].choices is not None)
"""The parameters that are one of several words."""
_KINDS = {name: field.type.removesuffix(" | None") for name, field in _FIELDS.items()}
_WIDTHS = {"Int32": ("int32", MAX_INT32), "UInt64": ("uint64", MAX_SEED), "int": (None, None)}


def choices_of(name: str) -> tuple[str, ...]:
    """The words of a parameter that is a choice; the code of a word in the native core is its index."""
    choices = _FIELDS[name].metadata["limits"].choices
    return tuple(choices() if callable(choices) else choices)


def native_types() -> dict[str, str]:
    """The type that each parameter must have in the native core, as ``"int32"``; see native/cpp/model/parameters.py."""
    types: dict[str, str | None] = {
        "float": "float64",
        "str": "int32",
        "bool": "int32",
        **{kind: name for kind, (name, _) in _WIDTHS.items()},
    }
    natives = {name: types[kind] for name, kind in _KINDS.items()}
    return {name: native for name, native in natives.items() if native is not None}


def validate_parameter(name: str, value: Any) -> Any:
    """The value of one parameter as Python's own type, if it is what its field may be.

    Raises
    ------
    ParameterError
    """
    limits: Limits = _FIELDS[name].metadata["limits"]
    kind = _KINDS[name]
    if value is None and _FIELDS[name].type != kind:
        return None
    if limits.choices is not None:
        validate_choice(name, value, choices_of(name))
        return value
    if kind == "bool":
        if not isinstance(value, bool):
            raise ParameterError(f"{name} must be True or False, got {value!r}")
        return value
    if kind == "float":
        number = as_number(name, value, minimum=limits.minimum, maximum=limits.maximum)
        if limits.above is not None and number <= limits.above:
            raise ParameterError(f"{name} must be above {limits.above:g}, got {number:g}; {limits.advice}")
        return number
    minimum = None if limits.minimum is None else int(limits.minimum)
    maximum = _WIDTHS[kind][1] if limits.maximum is None else int(limits.maximum)
    return as_integer(name, value, minimum=minimum, maximum=maximum)


def validate_parameter_names(values: Mapping[str, Any]) -> None:
    """Raise ParameterError for a name that is no field of TrainingConfig."""
    known = list(_FIELDS)
    for name in values:
        if name not in known:
            raise ParameterError(f"a parameter must be one of {', '.join(known)}, got {name!r}")


def with_parameters(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of a function that takes parameters as ``**parameters``, with each of them named."""
    signature = inspect.signature(function)
    named = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
        for name, field in _FIELDS.items()
    ]
    return signature.replace(parameters=[*named, *added])


def validate_vocabulary_size(config: TrainingConfig, n_words: int, *, least_noise_words: int | None = None) -> None:
    """Raise ParameterError where the loss needs more words than there are.

    Parameters
    ----------
    n_words : int
        V, the words that are left after ``min_count`` and ``max_vocabulary``.
    least_noise_words : int or None
        Words with a positive weight in a given noise distribution; None: all of them.
    """
    outputs = config.objective.outputs
    ways = ["lower min_count"] if config.min_count > 1 else []
    ways += ["raise max_vocabulary"] if config.max_vocabulary is not None else []
    advice = ", ".join([*ways, "or give more text"]) if ways else "give more text"
    if n_words < 2:
        raise ParameterError(
            f"vocabulary must have at least 2 words for loss={config.loss!r} to have {outputs.needs_two_words_for},"
            f" got {n_words}; {advice}"
        )
    if outputs.draws_negatives and least_noise_words is not None:
        needed = 2 if config.target_collision == "reject" else 1
        if least_noise_words < needed:
            raise ParameterError(
                f"noise_distribution must give a positive weight to at least {needed} words of the vocabulary,"
                f" got {least_noise_words}"
            )
