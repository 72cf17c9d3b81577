"""Room tests/extending: trains on the toy source that the core was compiled with; prints JSON for test_source.py.

FIRTH_LIBRARY_FOLDER=... python toy_source_program.py
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np

from firth.kernels.config import TrainingConfig
from firth.kernels.engine import Engine
from firth.kernels.examples import Examples, pair_examples
from firth.kernels.registry import OBJECTIVES
from firth.kernels.settings import open_kernel
from firth.kernels.staleness import TouchRates

N_WORDS = 9
LINES = [np.arange(start, start + 8, dtype=np.int32) % N_WORDS for start in range(800)]


def successor_rates(inputs: Any, config: TrainingConfig, **given: Any) -> TouchRates:
    """Each token is an input once; output rows are touched about as often. Wrong rates cost speed alone."""
    return TouchRates(inputs, inputs[: N_WORDS - config.objective.outputs.rows_below_vocabulary], 1.0, 1.0, 1.0)


def successors() -> Examples:
    """The arrays of text, under the name of the toy source."""
    ids, targets = np.concatenate(LINES), np.concatenate([line[1:] for line in LINES])
    return Examples(
        source="successors", ids=ids, offsets=np.arange(len(LINES) + 1, dtype=np.int64) * 8,
        counts=np.bincount(targets, minlength=N_WORDS).astype(np.int64), n_input_rows=N_WORDS,
        rates=partial(successor_rates, np.bincount(ids, minlength=N_WORDS) / len(ids)),
    )  # fmt: skip


def explicit_pairs() -> Examples:
    """The same examples, written out. Positions differ, since the last token of a line is none here."""
    inputs, targets = (np.concatenate([line[part] for line in LINES]) for part in (np.s_[:-1], np.s_[1:]))
    return pair_examples(inputs, targets, n_input_rows=N_WORDS, n_targets=N_WORDS)


def make_config(architecture: str, loss: str, **parameters: Any) -> TrainingConfig:
    given = {
        "architecture": architecture, "loss": loss, "dims": 8, "subsample": 0.0, "epochs": 3, "learning_rate": 0.05,
        "min_learning_rate": 0.05, "threads": 1, "seed": 2, **parameters,
    }  # fmt: skip
    return TrainingConfig(**given).resolved()


def equals_explicit_pairs(architecture: str, loss: str) -> bool:
    """Without noise words, which hang on the position, both sources are the same run to the bit."""
    engines = [Engine(one, make_config(architecture, loss)) for one in (successors(), explicit_pairs())]
    n_examples = [engine.train_slice(0, len(engine._examples.ids), 0).n_examples for engine in engines]
    same = n_examples[0] == n_examples[1] == len(LINES) * 7
    if not OBJECTIVES[architecture, loss].outputs.draws_negatives:
        same = same and np.array_equal(engines[0].input_vectors, engines[1].input_vectors)
        same = same and np.array_equal(engines[0].output_vectors, engines[1].output_vectors)
    return bool(same)


def deterministic(architecture: str, loss: str) -> bool:
    found = []
    for threads in (1, 2, 3):
        engine = Engine(successors(), make_config(architecture, loss, learning_rate=0.002, min_learning_rate=0.001))
        engine.train_rounds(0, len(LINES) * 8, 0, threads)
        found.append(engine.input_vectors.tobytes() + engine.output_vectors.tobytes())
    return found[0] == found[1] == found[2]


def losses(architecture: str, loss: str) -> list[float]:
    engine = Engine(successors(), make_config(architecture, loss))
    return [engine.train_slice(0, len(LINES) * 8, epoch).loss_nats for epoch in range(3)]


def program() -> dict[str, Any]:
    runs = {
        "/".join(sides): {
            "equals explicit pairs": equals_explicit_pairs(*sides),
            "deterministic": deterministic(*sides),
            "losses": losses(*sides),
        }
        for sides in OBJECTIVES
    }
    return {"sources": list(open_kernel().table.sources), "runs": runs}


if __name__ == "__main__":
    print(json.dumps(program()))
