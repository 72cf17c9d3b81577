"""Room kernels: the parameters that decide what is learned: one frozen dataclass, and the only place that checks them.

The class is in this room because the engine, the plan and the native settings take it whole. It is above the registry
of sides, because the sides define the words of some parameters. It is below training. A new parameter needs a field
here (default, help, choices and limits) and the line that uses it. The flag, the keyword of ``firth.train``, the entry
of config.json and the native field are made from the field.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from firth.base.machine import available_processors
from firth.base.ngrams import LONGEST_NGRAM, MAX_BUCKETS, MAX_NGRAM, MIN_NGRAM, validate_lengths
from firth.base.values import as_bool, as_integer, as_number, validate_choice
from firth.errors import ParameterError
from firth.kernels import registry
from firth.kernels.sides import cbow
from firth.native.kernel import MAX_NEGATIVES

MIN_LEARNING_RATE_SHARE = 1e-4  # word2vec.c: starting_alpha * 0.0001
NOISE_EXPONENT = 0.75  # Mikolov et al. 2013b, section 2.2
# Published optima are from -1 to 1 (Caselles-Dupré et al. 2018, arXiv:1804.04212). At 10, a word of half the count is
# drawn 1/1024 as often. Beyond 10, almost every draw is the most frequent word.
MAX_NOISE_EXPONENT = 10.0
MAX_SEED = 2**64 - 1  # the key of Philox4x32-10 has 64 bits
MAX_INT32 = 2**31 - 1
MAX_THREADS = 4096

Int32 = int  # an int32_t in the native core
UInt64 = int  # a uint64_t in the native core
# native/cpp/model/parameters.py makes the core's list of parameters from the annotations of TrainingConfig. A parameter
# annotated `int` is not in the list, because it only decides what a corpus contains.


@dataclass(frozen=True)
class Limits:
    """The valid values of a parameter, and its line of help.

    Attributes
    ----------
    help : str
        The text that the command line shows.
    choices : tuple of str, or function that returns such a tuple, or None
        The words of a parameter that is a choice. The names of sides are given by a function, because sides can be
        registered later.
    minimum, maximum : number or None
    above : number or None
        The value must be greater.
    advice : str
        What to give instead of a value that is not greater than ``above``.
    applies : function of the configuration, or None
        Whether the parameter has an effect beside the other parameters. None: it always has.
    applies_with : str
        The other parameter and its value, in the words of a call, for a message.
    off : object
        A value that says "not used", and so is valid where the parameter has no effect.
    """

    help: str
    choices: tuple[str, ...] | Callable[[], tuple[str, ...]] | None = None
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    advice: str = ""
    applies: Callable[[TrainingConfig], bool] | None = None
    applies_with: str = ""
    off: object = None


def _draws_negatives(config: TrainingConfig) -> bool:
    return config.objective.outputs.draws_negatives


def _has_width(config: TrainingConfig) -> bool:
    return config.window_mode != "sequence"


def _has_subwords(config: TrainingConfig) -> bool:
    return config.subwords


def parameter(default: Any, help: str, **limits: Any) -> Any:
    """A field of TrainingConfig: its default, its line of help, and the limits of its values."""
    return dataclasses.field(default=default, metadata={"limits": Limits(help, **limits)})


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Everything that decides what is learned from an encoded corpus. The flags of the command line have these names.

    The constructor checks every value. If the list below allows ``None``, it means "decide for me"; :meth:`resolved`
    replaces it by the decision.

    Attributes
    ----------
    architecture : {"skipgram", "cbow"}
        Input side. Skip-gram predicts the centre word from each context word alone (the direction of word2vec.c). CBOW
        predicts the centre word from the mean or the sum of the context words' vectors.
    loss : {"negative-sampling", "hierarchical-softmax", "softmax", "one-vs-all"}
        Output side. The full softmax, and one-vs-all with a logistic loss on every word, compute V rows for each
        window, so they are for small vocabularies and for labels.
    dims : int >= 1
        D, the number of dimensions of a vector.
    window : int >= 1
        Context words on each side. It has no effect if ``window_mode="sequence"``.
    window_mode : {"dynamic", "fixed", "sequence"}
        ``"dynamic"``: each width from 1 to ``window`` has the same probability. The width is drawn for each centre;
        units of several windows use all widths in a cycle (docs/training.md). ``"fixed"``: every window has the full
        width. ``"sequence"``: the context is all other words of the sequence, for baskets, which have no order.
    window_side : {"both", "left", "right"}
        The side of the centre that has the context words.
    negatives : int >= 0
        K, noise words for each positive example; at least 1 if ``loss="negative-sampling"``.
    negative_sharing : {"block", "window", "pair"}
        The windows that share a noise set (K noise words). ``"block"``: a stretch of 64 tokens has eight noise sets
        (CBOW: a stretch of 128 tokens has four), and its windows use them in a cycle. With skip-gram, three
        neighbouring windows have one noise set, and their gradients are added. A window of more than 10 words on a
        side, or of a whole sequence, has a noise set that no other window shares. ``"window"``: one noise set for each
        window. ``"pair"``: one noise set for each pair of words. The expected gradient is the same.
    target_collision : {"reject", "count", "drop"}
        A noise word that equals the target is drawn again, kept, or skipped (as in word2vec.c and gensim).
    noise_exponent : float
        Noise words are drawn in proportion to count ** noise_exponent; from -10 to 10.
    subsample : float >= 0
        t in the probability sqrt(t/f) + t/f of keeping a word of relative frequency f; 0 keeps every word.
    cbow_input : {"mean", "sum"}
        The input vector of a window: the mean or the sum of the context words' vectors.
    cbow_update : {"gradient", "word2vec"}
        ``"gradient"``: the gradient of the loss. ``"word2vec"``: the update of word2vec.c, gensim and fastText, which
        is not divided by the number of context words for the mean, and is divided by it for the sum.
    learning_rate : float > 0 or None
        The learning rate at the start. It falls linearly with the token position. None: 0.025; for CBOW by the gradient
        of the mean 0.075. For documents twice as much.
    min_learning_rate : float in [0, learning_rate] or None
        The learning rate at the end. None: 1e-4 of ``learning_rate``.
    subwords : bool
        The vector of a word is the mean of the word's row and the rows of its character n-grams, as in fastText. So
        words outside the vocabulary also have vectors (docs/subwords.md).
    min_ngram, max_ngram : int, 1 <= min_ngram <= max_ngram <= 64
        Minimum and maximum length of the n-grams in Unicode characters, including ``<`` before and ``>`` after the
        word.
    buckets : int in [1, 2**31) or None
        Number of rows for n-grams; fastText's hash chooses the row. None: the number of n-grams of the vocabulary, at
        most 2,000,000. fastText always has 2,000,000.
    min_count : int >= 1
        Words with a smaller count are left out.
    max_vocabulary : int >= 1 or None
        The maximum number of words; the most frequent words are kept. None: no limit.
    epochs : int >= 1
        Passes over the corpus.
    threads : int >= 1 or None
        None: the number of processors that this process may use.
    seed : int in [0, 2**64)
        The only source of randomness: decides every random draw.
    deterministic : bool
        Training gives the same bits with any number of threads; it is slower.

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
    dims: Int32 = parameter(100, "number of dimensions of a vector", minimum=1)
    window: Int32 = parameter(
        5,
        "context words on each side",
        minimum=1,
        applies=_has_width,
        applies_with='window_mode="dynamic"',
    )
    window_mode: str = parameter(
        "dynamic",
        "dynamic: a random width from 1 to window; fixed: the full window; sequence: the whole sequence",
        choices=("dynamic", "fixed", "sequence"),
    )
    window_side: str = parameter(
        "both",
        "side of the centre word that has the context: both, left or right",
        choices=("both", "left", "right"),
        applies=_has_width,
        applies_with='window_mode="dynamic"',
    )
    negatives: Int32 = parameter(
        6,
        "noise words for each positive example",
        applies=_draws_negatives,
        applies_with='loss="negative-sampling"',
        off=0,
    )
    negative_sharing: str = parameter(
        "block",
        "noise words are drawn for a stretch of tokens (block), for each window, or for each pair",
        choices=("block", "window", "pair"),
        applies=_draws_negatives,
        applies_with='loss="negative-sampling"',
    )
    target_collision: str = parameter(
        "reject",
        "a noise word that equals the target: reject (draw another word), count (keep), drop (skip)",
        choices=("reject", "count", "drop"),
        applies=_draws_negatives,
        applies_with='loss="negative-sampling"',
    )
    noise_exponent: float = parameter(
        NOISE_EXPONENT,
        "noise words are drawn in proportion to count ** exponent",
        minimum=-MAX_NOISE_EXPONENT,
        maximum=MAX_NOISE_EXPONENT,
        applies=_draws_negatives,
        applies_with='loss="negative-sampling"',
    )
    subsample: float = parameter(
        0.001, "threshold of frequency above which words are subsampled; 0 keeps every word", minimum=0.0
    )
    cbow_input: str = parameter(
        "mean",
        "CBOW: mean or sum of the context words' vectors",
        choices=cbow.INPUTS,
        applies=lambda config: config.objective.inputs.has_option("cbow_input"),
        applies_with='architecture="cbow"',
    )
    cbow_update: str = parameter(
        "gradient",
        "CBOW: the gradient of the loss, or the update of word2vec.c",
        choices=cbow.UPDATES,
        applies=lambda config: config.objective.inputs.has_option("cbow_update"),
        applies_with='architecture="cbow"',
    )
    learning_rate: float | None = parameter(
        None,
        "learning rate at the start; default 0.025, for CBOW by the gradient of the mean 0.075; documents: twice",
        above=0.0,
        advice="0.025 is the usual value",
    )
    min_learning_rate: float | None = parameter(
        None, "learning rate at the end; default 1e-4 of the learning rate at the start", minimum=0.0
    )
    subwords: bool = parameter(
        False, "the vector of a word is the mean of the word's row and the rows of its character n-grams"
    )
    min_ngram: int = parameter(
        MIN_NGRAM,
        "subwords: minimum number of characters of an n-gram",
        minimum=1,
        maximum=LONGEST_NGRAM,
        applies=_has_subwords,
        applies_with="subwords=True",
    )
    max_ngram: int = parameter(
        MAX_NGRAM,
        "subwords: maximum number of characters of an n-gram",
        minimum=1,
        maximum=LONGEST_NGRAM,
        applies=_has_subwords,
        applies_with="subwords=True",
    )
    buckets: int | None = parameter(
        None,
        "subwords: rows that n-grams share; default: one for each n-gram, at most 2,000,000",
        minimum=1,
        maximum=MAX_BUCKETS,
        applies=_has_subwords,
        applies_with="subwords=True",
    )
    min_count: int = parameter(5, "leave out words with a smaller count", minimum=1)
    max_vocabulary: int | None = parameter(None, "maximum number of words; the most frequent words are kept", minimum=1)
    epochs: Int32 = parameter(5, "passes over the corpus", minimum=1)
    threads: Int32 | None = parameter(
        None,
        "number of threads; default: the number of processors that this process may use",
        minimum=1,
        maximum=MAX_THREADS,
    )
    seed: UInt64 = parameter(1, "decides every random draw", minimum=0)
    deterministic: bool = parameter(False, "train the same vectors with any number of threads; slower")

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
        validate_lengths(self.min_ngram, self.max_ngram)
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

    def with_values(self, **values: Any) -> TrainingConfig:
        """The configuration with other values of some parameters, checked as ever."""
        return dataclasses.replace(self, **values)

    def to_json(self) -> dict[str, Any]:
        """A dictionary of JSON types; :meth:`from_json` makes the same configuration from it."""
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
"""The line of help of each parameter, for the command line."""
CHOICE_NAMES = tuple(name for name, field in _FIELDS.items() if field.metadata["limits"].choices is not None)
"""The parameters whose value is one of several words."""
_KINDS = {name: field.type.removesuffix(" | None") for name, field in _FIELDS.items()}
_WIDTHS = {"Int32": ("int32", MAX_INT32), "UInt64": ("uint64", MAX_SEED), "int": (None, None)}


def choices_of(name: str) -> tuple[str, ...]:
    """The words of a parameter that is a choice. The native core's code of a word is its index in this tuple."""
    choices = _FIELDS[name].metadata["limits"].choices
    return tuple(choices() if callable(choices) else choices)


def native_types() -> dict[str, str]:
    """The type of each parameter in the native core, such as ``"int32"``; see native/cpp/model/parameters.py."""
    types: dict[str, str | None] = {
        "float": "float64",
        "str": "int32",
        "bool": "int32",
        **{kind: name for kind, (name, _) in _WIDTHS.items()},
    }
    natives = {name: types[kind] for name, kind in _KINDS.items()}
    return {name: native for name, native in natives.items() if native is not None}


def validate_parameter(name: str, value: Any) -> Any:
    """Check the value of one parameter against the limits of its field; return it as a built-in type.

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
        return as_bool(name, value)
    if kind == "float":
        number = as_number(name, value, minimum=limits.minimum, maximum=limits.maximum)
        if limits.above is not None and number <= limits.above:
            raise ParameterError(f"{name} must be above {limits.above:g}, got {number:g}; {limits.advice}")
        return number
    minimum = None if limits.minimum is None else int(limits.minimum)
    maximum = _WIDTHS[kind][1] if limits.maximum is None else int(limits.maximum)
    return as_integer(name, value, minimum=minimum, maximum=maximum)


def without_effect(config: TrainingConfig, names: Iterable[str]) -> list[str]:
    """The parameters that have no effect beside the others, such as ``negatives`` with ``loss="softmax"``.

    A value equal to the default is not in the list, because it asks for nothing.
    """
    limits: dict[str, Limits] = {name: _FIELDS[name].metadata["limits"] for name in names}
    return [
        name
        for name, limit in limits.items()
        if limit.applies is not None
        and not limit.applies(config)
        and getattr(config, name) not in (_FIELDS[name].default, limit.off)
    ]


def validate_effect(config: TrainingConfig, names: Iterable[str]) -> None:
    """Raise ParameterError if a parameter that the user gave has no effect: no value is ignored in silence."""
    for name in without_effect(config, names):
        needed: str = _FIELDS[name].metadata["limits"].applies_with
        raise ParameterError(
            f"{name} must be left out without {needed}, because it has no effect there, got"
            f" {getattr(config, name)!r}; add {needed} or leave {name} out"
        )


def validate_parameter_names(values: Mapping[str, Any]) -> None:
    """Raise ParameterError for a name that is not a field of TrainingConfig."""
    known = list(_FIELDS)
    for name in values:
        if name not in known:
            raise ParameterError(f"a parameter must be one of {', '.join(known)}, got {name!r}")


def with_parameters(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of a function with ``**parameters`` replaced by one keyword for each parameter."""
    signature = inspect.signature(function)
    named = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
        for name, field in _FIELDS.items()
    ]
    return signature.replace(parameters=[*named, *added])


def validate_vocabulary_size(config: TrainingConfig, n_words: int, *, least_noise_words: int | None = None) -> None:
    """Raise ParameterError if the vocabulary has too few words for the loss.

    Parameters
    ----------
    n_words : int
        V, the number of words after ``min_count`` and ``max_vocabulary``.
    least_noise_words : int or None
        Number of words with a positive weight in a given noise distribution; None: all words.
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
