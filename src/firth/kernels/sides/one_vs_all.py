"""Room kernels: output side one-vs-all: a logistic loss on every output row, for labels; several may be right."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from firth.kernels.sides.side import Config, Corpus, OutputSide, narrowing_part_words


def _touches(corpus: Corpus, config: Config, units: float) -> NDArray[np.float64]:
    return np.full(len(corpus.counts), units * float(corpus.kept.sum()))


def _guessing_loss(corpus: Corpus, config: Config) -> float:
    return len(corpus.counts) * math.log(2)


SIDE = OutputSide(
    loss="one-vs-all",
    header="outputs_one_vs_all.hpp",
    prediction="one-vs-all",
    touches=_touches,
    input_terms=lambda corpus, config: float(len(corpus.counts)),
    busiest_output=lambda corpus, config, outputs: float(outputs.max()),
    guessing_loss=_guessing_loss,
    takes_all_targets=True,
    part_words=narrowing_part_words,
)
