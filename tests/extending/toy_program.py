"""Room tests/extending: registers the toy sides, and runs what a user of them would; prints JSON for test_sides.py.

FIRTH_LIBRARY_FOLDER=... python toy_program.py
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from typing import Any

import numpy as np
from engines import make_config, make_engine
from numpy.typing import NDArray
from trajectory import train_by_reference

import firth
from firth.cli.main import main
from firth.errors import NativeError, ParameterError
from firth.kernels.config import TrainingConfig
from firth.kernels.plan import PlanTables, plan_windows
from firth.kernels.registry import OBJECTIVES, register
from firth.kernels.sides.side import Corpus, InputSide, OutputSide, Window
from firth.native.loader import library
from firth.numerics.gradients import RowGradient
from firth.numerics.windows import predict


def half_sum_window(
    target_id: int,
    context_ids: Any,
    input_vectors: NDArray[Any],
    output_vectors: NDArray[Any],
    *,
    loss: Any,
    options: Any,
    **given: Any,
) -> Window:
    """h = 0.5 sum_m v_{o_m}; dloss/dv_{o_m} = 0.5 dloss/dh, added for each m."""
    contexts = np.asarray(context_ids)
    h = 0.5 * input_vectors[contexts].sum(axis=0)
    total, gradient, outputs = predict(
        h, output_vectors, int(target_id), loss=loss, n_words=len(input_vectors), **given
    )
    return total, RowGradient.accumulate(contexts, np.tile(0.5 * gradient, (len(contexts), 1))), outputs


def next_word_prediction(input_vector: Any, output_vectors: Any, target_id: int) -> Any:
    """loss = (u_t . v - 1)^2 / 2 + (u_{t+1} . v)^2 / 2."""
    ids = np.array([target_id, (target_id + 1) % len(output_vectors)])
    errors = output_vectors[ids] @ input_vector - np.array([1.0, 0.0])
    gradient = RowGradient.accumulate(ids, np.outer(errors, input_vector))
    return 0.5 * float(errors @ errors), errors @ output_vectors[ids], gradient


def next_word_touches(corpus: Corpus, config: Any, units: float) -> NDArray[np.float64]:
    return np.asarray(units * (corpus.kept + np.roll(corpus.kept, 1)))


HALF_SUM = InputSide(
    architecture="half-sum",
    header="toy_sides.hpp",
    examples="window",
    window=half_sum_window,
    stretch_tokens=32,
    noise_sets=3,
    load=4.0,
)
NEXT_WORD = OutputSide(
    loss="next-word",
    header="toy_sides.hpp",
    prediction=next_word_prediction,
    touches=next_word_touches,
    input_terms=lambda corpus, config: 2.0,
    busiest_output=lambda corpus, config, outputs: float(outputs.max()),
    guessing_loss=lambda corpus, config: 0.5,
)


def raised(function: Any, *arguments: Any, **keywords: Any) -> str:
    try:
        function(*arguments, **keywords)
    except (NativeError, ParameterError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def toy_corpus() -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    rng = np.random.default_rng(8)
    ids = np.minimum(rng.geometric(0.05, 3000) - 1, 59).astype(np.int32)
    offsets = np.array([0, 700, 700, 1900, 3000])
    return ids, offsets, np.bincount(ids, minlength=60).astype(np.int64) + 1


def digest(engine: Any) -> str:
    return hashlib.sha256(engine.input_vectors.tobytes() + engine.output_vectors.tobytes()).hexdigest()


def compare_with_reference(architecture: str, loss: str) -> dict[str, float]:
    """Differences of an epoch in float32 from the reference in float64."""
    corpus = toy_corpus()
    parameters: dict[str, Any] = {
        "architecture": architecture, "loss": loss, "dims": 20, "subsample": 0.05, "epochs": 1, "seed": 9,
        "learning_rate": 0.05, "min_learning_rate": 0.0,
    }  # fmt: skip
    inputs, outputs, losses = train_by_reference(corpus, parameters)
    engine = make_engine(*corpus, **parameters)
    result = engine.train_slice(0, len(corpus[0]), 0)
    return {
        "inputs": float(np.abs(engine.input_vectors - inputs).max()),
        "outputs": float(np.abs(engine.output_vectors - outputs).max()),
        "loss": abs(result.loss_nats / losses[0] - 1),
        "moved": float(np.abs(engine.output_vectors).max()),
    }


def deterministic_runs(architecture: str, loss: str) -> list[str]:
    """Digests of both matrices after two epochs by 1, 2 and 3 threads."""
    ids, offsets, counts = toy_corpus()
    ids, counts = np.tile(ids, 8), counts * 8
    offsets = np.concatenate([[0], np.cumsum(np.tile(np.diff(offsets), 8))])
    slower = 60 if OBJECTIVES[architecture, loss].outputs.takes_all_targets else 1  # a term a word
    rate = 2e-3 / slower
    digests = []
    for threads in (1, 2, 3):
        engine = make_engine(
            ids, offsets, counts, architecture=architecture, loss=loss, dims=20, subsample=0.0, learning_rate=rate
        )
        assert 1000 <= engine.round_tokens < len(ids), engine.round_tokens
        for epoch in (0, 1):
            engine.train_rounds(0, len(ids), epoch, threads)
        digests.append(digest(engine))
    return digests


def plans_agree() -> bool:
    """The toy's blocks of 32 tokens decide which windows share their draws."""
    ids, offsets, counts = toy_corpus()
    config = make_config(architecture="half-sum", subsample=0.05, seed=3)
    engine = make_engine(ids, offsets, counts, architecture="half-sum", subsample=0.05, seed=3)
    positions, *_, negatives = engine._kernel.plan_slice(engine._settings, 0, 900, 0)
    twin = list(plan_windows(ids, offsets, PlanTables.build(counts, config), config, epoch=0, start=0, stop=900))
    drawn = [word for window in twin for word in window.negative_ids]
    return [w.position for w in twin] == positions.tolist() and drawn == negatives.tolist()


def run_selfcheck() -> dict[str, Any]:
    text = io.StringIO()
    status: Any = 0
    with contextlib.redirect_stdout(text):
        try:
            main(["selfcheck", "--json"])
        except SystemExit as stop:
            status = stop.code
    return {"status": status or 0, **json.loads(text.getvalue())}


def train_by_words() -> dict[str, Any]:
    lines = [[f"w{(start + step) % 40}" for step in range(12)] for start in range(300)]
    model = firth.train(
        lines, architecture="half-sum", loss="next-word", dims=16, min_count=1, epochs=5, learning_rate=0.05,
        subsample=0.0, threads=1, progress=False,
    )  # fmt: skip
    history = model.history
    return {"guessing": history.guessing_loss_nats, "losses": history.loss_nats, "config": model.config.to_json()}


def program() -> dict[str, Any]:
    unknown = raised(TrainingConfig, architecture="half-sum")
    register(HALF_SUM)
    register(NEXT_WORD)
    pairs = [pair for pair in OBJECTIVES if "half-sum" in pair or "next-word" in pair]
    report = {
        "unknown before it is registered": unknown,
        "registered twice": raised(register, NEXT_WORD),
        "pairs": ["/".join(pair) for pair in pairs],
        "trained": train_by_words(),
        "reference": {"/".join(pair): compare_with_reference(*pair) for pair in pairs},
        "deterministic": {"/".join(pair): deterministic_runs(*pair) for pair in pairs},
        "plans agree": plans_agree(),
        "selfcheck": run_selfcheck(),
        "chunks": [library().firth_toy_chunks_begun(), library().firth_toy_chunks_ended()],
    }
    import dataclasses

    register(dataclasses.replace(HALF_SUM, architecture="not-built"))
    report["not built"] = raised(make_engine, *toy_corpus(), architecture="not-built")
    return report


if __name__ == "__main__":
    print(json.dumps(program()))
