"""Golden runs: short trainings of every pair of sides on a fixed corpus, whose losses and bits are kept in files.

A change of the code that means to change no number changes none of the files ``tests/golden/<instruction set>.json``.
``python tests/golden/write.py`` writes the files anew, after a change that means to.

A run's bits are decided by:

- the plan (tokens kept, windows, noise words), which is integers. It is the same for every instruction set and
  compiler. Only its thresholds come from NumPy's powers, rounded to 32 bits.
- the initial vectors: one division in float64 each, the same everywhere.
- sums and products of rows. Their order and every fused multiplication are written in the source, and the compiler may
  not contract or reorder (``-ffp-contract=off``, no ``-ffast-math``). Their order is that of the vector's width, so
  each instruction set has a file of its own.
- exp, log, log1p, expm1 and pow of the C library (softmax, units in float64, the damping of merged rows), whose last
  bit may differ between versions of the library.

The compilers' promise is not proved by anybody, hence each file names the compiler and the C library that it was made
with. Under others the losses are compared to 1e-5, and the plan exactly, but not the bits of vectors.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
import json
import platform
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from engines import make_config, make_engine
from numpy.typing import NDArray

from firth.base.words import WordBuffer
from firth.kernels import engine as engine_module
from firth.kernels.engine import Engine
from firth.kernels.proof import cases_of, make_case
from firth.kernels.registry import OBJECTIVES, Objective
from firth.kernels.subwords import WordBags
from firth.native.kernel import Kernel

FOLDER = Path(__file__).parent
N_WORDS, N_TOKENS = 400, 3000
SLICE_TOKENS = 1536  # a multiple of 64; an epoch is a whole slice and a part of one
HELDOUT_TOKENS = 450
ROUND_THREADS = (1, 2, 3)
BASE = {
    "dims": 20, "subsample": 0.01, "epochs": 2, "seed": 9, "learning_rate": 0.05, "min_learning_rate": 0.0001,
}  # fmt: skip


class Corpus(NamedTuple):
    """Word ids of all lines, where each line begins, and the counts of words, which fall with the id."""

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    counts: NDArray[np.int64]


def make_corpus() -> Corpus:
    """A Zipf-like corpus with repeated words, empty lines, lines of one word, and one of 300 tokens.

    Numbers come from Python's Mersenne Twister, whose ``random()`` is the same in every version.
    """
    source = random.Random(12)
    shares = list(itertools.accumulate(1 / (rank + 3) for rank in range(N_WORDS)))
    lengths = [0, 1, 2, 300, 0]
    while sum(lengths) < N_TOKENS:
        lengths.append(min(int(60 * source.random() ** 2), N_TOKENS - sum(lengths)))
    words: list[int] = []
    while len(words) < N_TOKENS:
        word = bisect.bisect(shares, source.random() * shares[-1])
        words += [word] * (4 if source.random() < 0.02 else 1)
    drawn = np.array(words[:N_TOKENS])
    order = np.argsort(-np.bincount(drawn, minlength=N_WORDS), kind="stable")
    ids = np.argsort(order)[drawn].astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Corpus(ids, offsets, np.bincount(ids, minlength=N_WORDS).astype(np.int64) + 1)


CORPUS = make_corpus()


def make_weights() -> NDArray[np.float32]:
    """A weight for each line: 0 to 2 in quarters."""
    source = random.Random(13)
    return np.array([int(9 * source.random()) / 4 for _ in CORPUS.offsets[1:]], np.float32)


def make_start() -> NDArray[np.float32]:
    """Input vectors for every third word; NaN where the initial vector is drawn."""
    source = random.Random(14)
    vectors = np.full((N_WORDS, BASE["dims"]), np.nan, np.float32)
    vectors[::3] = [[source.random() - 0.5 for _ in row] for row in vectors[::3]]
    return vectors


def make_noise() -> NDArray[np.float64]:
    """Noise words in eight classes of probability, without regard to counts; every seventh word is never noise."""
    weights = np.arange(N_WORDS) % 7 / 8
    return weights / weights.sum()


def make_bags() -> WordBags:
    """A bag of rows for each word, by n-grams of made words of 2 to 11 letters."""
    source = random.Random(15)
    words = [bytes(97 + int(9 * source.random()) for _ in range(2 + int(10 * source.random()))) for _ in range(N_WORDS)]
    config = make_config(subwords=True, buckets=700)
    return WordBags.build(WordBuffer.pack(words), config)


EXTRAS = {
    "bags": lambda: {"bags": make_bags(), "subwords": True, "buckets": 700},
    "frozen": lambda: {"frozen": np.arange(N_WORDS) % 5 == 0},
    "weights": lambda: {"sequence_weights": make_weights()},
    "start": lambda: {"initial_vectors": make_start()},
    "noise": lambda: {"noise_distribution": make_noise()},
}


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes
    ----------
    name : str
    way : {"slices", "copies", "rounds"}
        Lock-free slices by one thread; the same thread with copies of busy rows, as one of two threads has them;
        deterministic rounds by 1, 2 and 3 threads, which must agree.
    parameters : dict
        Keywords of make_engine beside those of ``BASE``.
    extra : str or None
        What else is passed, a key of ``EXTRAS``.
    """

    name: str
    way: str
    parameters: dict[str, Any]
    extra: str | None = None

    def keywords(self) -> dict[str, Any]:
        """All keywords of make_engine but the instruction set."""
        extra = EXTRAS[self.extra]() if self.extra else {}
        # A stretch between two merges is a part of the whole run: with 2 epochs too short for any row to have a copy.
        copies = {"threads": 2, "epochs": 200} if self.way == "copies" else {}
        return {**BASE, **self.parameters, **extra, **copies}


@dataclass(frozen=True)
class Outcome:
    """What a run yields: losses in nats, both matrices, and what its plan was."""

    losses: list[float]
    input_vectors: NDArray[Any]
    output_vectors: NDArray[Any]
    plan: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The losses in full precision, and SHA-256 of the matrices' bytes."""
        record: dict[str, Any] = {
            "losses": self.losses,
            "input_vectors": digest(self.input_vectors),
            "output_vectors": digest(self.output_vectors),
        }
        return record if self.plan is None else {**record, "plan": self.plan}


def digest(*arrays: NDArray[Any]) -> str:
    """SHA-256 of the bytes of arrays."""
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


def slices() -> list[tuple[int, int, int]]:
    """First token, token after the last, and epoch of each slice of a run."""
    borders = [*range(0, N_TOKENS, SLICE_TOKENS), N_TOKENS]
    return [(*pair, epoch) for epoch in range(BASE["epochs"]) for pair in itertools.pairwise(borders)]


def sides(objective: Objective, options: dict[str, str]) -> dict[str, Any]:
    """The keywords that choose a pair of sides."""
    chosen: dict[str, Any] = {"architecture": objective.inputs.architecture, "loss": objective.outputs.loss, **options}
    if objective.outputs.takes_all_targets:  # a term for every word: at the usual rate it diverges
        chosen["learning_rate"] = 0.005
    return chosen


def rate_of_rounds(objective: Objective, options: dict[str, str]) -> float:
    """A learning rate at which a round has more than 1000 tokens, and an epoch more than one round.

    Fewer tokens a round and one thread does all the work.
    """
    if objective.inputs.architecture == "skipgram":
        return 0.01
    undivided = options in (
        {"cbow_input": "mean", "cbow_update": "word2vec"},
        {"cbow_input": "sum", "cbow_update": "gradient"},
    )
    return 0.002 if undivided else 0.02


def slowed(objective: Objective, rate: float) -> dict[str, Any]:
    """The learning rate of rounds; where every word is a term of the loss, so much smaller that rounds stay long."""
    if not objective.outputs.takes_all_targets:
        return {"learning_rate": rate}
    return {"learning_rate": rate / 60, "min_learning_rate": rate / 600}


def all_runs() -> dict[str, Run]:
    """Every golden run by name: all variants of all pairs of sides, then the other parameters few at a time."""
    return {run.name: run for run in _runs()}


def _runs() -> Iterator[Run]:
    for objective in OBJECTIVES.values():
        for options in objective.inputs.variants():
            name = "/".join([objective.name, *options.values()])
            yield Run(f"{name}: slices", "slices", sides(objective, options))
            rate = slowed(objective, rate_of_rounds(objective, options))
            yield Run(f"{name}: rounds", "rounds", {**sides(objective, options), **rate})
    for objective in OBJECTIVES.values():
        first = sides(objective, objective.inputs.variants()[0])
        quick, slow = (0.025, 0.001) if objective.inputs.architecture == "skipgram" else (0.01, 0.012)
        changes: list[tuple[str, dict[str, Any], str | None]] = [
            ("slices", {"window_mode": "fixed", "window_side": "left"}, None),
            ("slices", {"window_mode": "sequence", "subsample": 0.0003, "learning_rate": 0.02}, None),
            ("copies", {}, "weights"),
            ("slices", {"window": 2, "subsample": 0.0}, "frozen"),
            ("rounds", {"window_side": "right", **slowed(objective, quick)}, "start"),
            ("slices", {}, "bags"),
            ("rounds", slowed(objective, 0.006), "bags"),
        ]
        if objective.outputs.draws_negatives:
            changes += [
                ("slices", {"negative_sharing": "window", "target_collision": "count"}, None),
                ("slices", {"negative_sharing": "pair", "target_collision": "drop"}, None),
                ("slices", {"target_collision": "drop", "window": 12}, "noise"),
                ("slices", {"negatives": 15, "dims": 100}, None),
                ("slices", {"negatives": 1, "dims": 300}, None),
                ("rounds", {"window_mode": "sequence", "negative_sharing": "window", "learning_rate": slow}, None),
            ]
        for way, parameters, extra in changes:
            words = [f"{name}={value}" for name, value in parameters.items()] + [extra or ""]
            yield Run(f"{objective.name}: {way} {' '.join(words)}".strip(), way, {**first, **parameters}, extra)


def train(run: Run, instruction_set: str, pieces: Sequence[tuple[int, int, int]] | None = None) -> Outcome:
    """Do a run; ``pieces`` has the slices to train if not all are wanted, and plays no part in rounds."""
    pieces = slices() if pieces is None else pieces
    keywords = {**run.keywords(), "instruction_set": instruction_set}
    if run.way == "rounds":
        outcomes = [_train_rounds(keywords, threads) for threads in ROUND_THREADS]
        for threads, outcome in zip(ROUND_THREADS, outcomes, strict=True):
            if outcome.to_json() != outcomes[0].to_json():
                raise AssertionError(f"{run.name} on {instruction_set}: {threads} threads and 1 differ")
        return outcomes[0]
    engine = make_engine(*CORPUS, **keywords)
    losses = [engine.train_slice(*piece).loss_nats for piece in pieces]
    return _outcome(engine, losses)


def _train_rounds(keywords: dict[str, Any], threads: int) -> Outcome:
    engine = make_engine(*CORPUS, **keywords)
    if not engine_module._TOKENS_WORTH_A_BARRIER <= engine.round_tokens < N_TOKENS:
        raise AssertionError(f"a round must be done by several threads, got {engine.round_tokens} tokens: {keywords}")
    losses = [engine.train_rounds(0, N_TOKENS, epoch, threads).loss_nats for epoch in range(BASE["epochs"])]
    return _outcome(engine, losses)


def _outcome(engine: Engine, losses: list[float]) -> Outcome:
    """The losses of training and of a held-out part: the first lines once more, without subsampling."""
    n_lines = int(np.searchsorted(CORPUS.offsets, HELDOUT_TOKENS, side="right"))
    offsets = CORPUS.offsets[:n_lines]
    losses.append(engine.heldout_loss(CORPUS.ids[: offsets[-1]], offsets)[0])
    plan = digest(*engine._kernel.plan_slice(engine._settings, 0, SLICE_TOKENS, 1))
    return Outcome(losses, *engine.take_vectors(), plan)


def update_units(objective: Objective, options: dict[str, str], dtype: str, instruction_set: str) -> Outcome:
    """One update each of all the proof's units of a pair of sides, in float32 or float64; the matrices end to end."""
    losses, inputs, outputs = [], [], []
    for name in cases_of(objective):
        case = make_case(objective, name, options)
        double_precision = {"float32": False, "float64": True}[dtype]
        loss, *matrices = case.unit.update_natively(case.ids, instruction_set, double_precision=double_precision)
        losses.append(loss)
        inputs.append(matrices[0])
        outputs.append(matrices[1])
    return Outcome(losses, np.concatenate(inputs), np.concatenate(outputs))


def train_all(instruction_set: str) -> dict[str, Outcome]:
    """All runs of an instruction set, and all units in both widths, by name."""
    outcomes = {name: train(run, instruction_set) for name, run in all_runs().items()}
    for objective in OBJECTIVES.values():
        for options in objective.inputs.variants():
            for dtype in ("float32", "float64"):
                name = "/".join([objective.name, *options.values()])
                outcomes[f"{name}: units {dtype}"] = update_units(objective, options, dtype, instruction_set)
    return outcomes


def describe_build(instruction_set: str) -> dict[str, str]:
    """What else may decide the last bits of a run."""
    return {"compiler": Kernel(instruction_set).compiler, "c_library": " ".join(platform.libc_ver())}


def path_of(instruction_set: str) -> Path:
    """The file of an instruction set."""
    return FOLDER / f"{instruction_set}.json"


def read(instruction_set: str) -> dict[str, Any]:
    """What :func:`write` wrote."""
    golden: dict[str, Any] = json.loads(path_of(instruction_set).read_text(encoding="utf-8"))
    return golden


def write(instruction_set: str) -> Path:
    """Do all runs of an instruction set, and keep what they yield."""
    runs = {name: outcome.to_json() for name, outcome in train_all(instruction_set).items()}
    golden = {**describe_build(instruction_set), "corpus": digest(*CORPUS), "runs": runs}
    path = path_of(instruction_set)
    path.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")
    return path
