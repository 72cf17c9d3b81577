"""Room kernels: output side softmax: the loss compares the target with every output row; for small vocabularies."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from firth.kernels.sides.side import Config, Corpus, OutputSide

INPUT_TERMS = 6.0  # the V coefficients of an input row add up to at most 2 in absolute value; few of them are large


def _touches(corpus: Corpus, config: Config, units: float) -> NDArray[np.float64]:
    return np.full(len(corpus.counts), units * float(corpus.kept.sum()))


SIDE = OutputSide(
    loss="softmax",
    header="outputs_softmax.hpp",
    prediction="softmax",
    touches=_touches,
    input_terms=lambda corpus, config: INPUT_TERMS,
    busiest_output=lambda corpus, config, outputs: float(corpus.kept.max()),
    guessing_loss=lambda corpus, config: math.log(len(corpus.counts)),
)
