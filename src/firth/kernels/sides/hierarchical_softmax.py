"""Room kernels: output side hierarchical softmax: a logistic loss on each inner node of the target's Huffman path."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from firth.kernels.sides.side import Config, Corpus, OutputSide, narrowing_part_words
from firth.numerics.huffman import HuffmanTree

ROOT_SHARE = 0.2  # the root is in every path, and each term moves it less than other nodes (measured: a fifth)


def _tree(corpus: Corpus) -> HuffmanTree:
    assert corpus.tree is not None
    return corpus.tree


def _touches(corpus: Corpus, config: Config, units: float) -> NDArray[np.float64]:
    tree = _tree(corpus)
    lengths = np.diff(tree.offsets)
    return np.asarray(units * np.bincount(tree.node_ids, np.repeat(corpus.kept, lengths), minlength=tree.n_nodes))


def _input_terms(corpus: Corpus, config: Config) -> float:
    return float(np.average(np.diff(_tree(corpus).offsets), weights=corpus.kept + 1e-12))


def _guessing_loss(corpus: Corpus, config: Config) -> float:
    """The mean length of the words' Huffman codes, weighted by their counts after subsampling, times ln 2."""
    return float(corpus.kept @ np.diff(_tree(corpus).offsets)) * math.log(2)


SIDE = OutputSide(
    loss="hierarchical-softmax",
    header="outputs_logistic.hpp",
    prediction="hierarchical-softmax",
    touches=_touches,
    input_terms=_input_terms,
    busiest_output=lambda corpus, config, outputs: ROOT_SHARE * float(corpus.kept.sum()),
    guessing_loss=_guessing_loss,
    needs_two_words_for="a tree with an inner node",
    rows_below_vocabulary=1,
    needs_tree=True,
    part_words=narrowing_part_words,
)
