"""Room numerics: the mathematics, as pure functions that use only NumPy. Here are the public names of the room."""

from firth.numerics.activations import log_sigmoid, log_softmax, sigmoid, sigmoid_gradient, softmax
from firth.numerics.bags import bag_gradient, bag_means, spread_step, step_gain
from firth.numerics.distributions import (
    AliasTable,
    build_alias_table,
    keep_probabilities,
    noise_probabilities,
    window_probabilities,
)
from firth.numerics.documents import document_token
from firth.numerics.gradient_check import Diagnosis, GradientReport, check_gradient, diagnose_block, diagnose_gradient
from firth.numerics.gradients import RowGradient
from firth.numerics.huffman import HuffmanTree, build_huffman_tree
from firth.numerics.layers import affine_backward, affine_forward, sigmoid_backward, sigmoid_forward
from firth.numerics.losses import binary_cross_entropy, cross_entropy
from firth.numerics.pairs import weighted_pair
from firth.numerics.predictions import (
    hierarchical_softmax_loss,
    negative_sampling_loss,
    negative_sampling_losses,
    one_vs_all_loss,
    softmax_loss,
)
from firth.numerics.windows import cbow_window, shared_negatives_loss, skipgram_window

__all__ = [
    "AliasTable",
    "Diagnosis",
    "GradientReport",
    "HuffmanTree",
    "RowGradient",
    "affine_backward",
    "affine_forward",
    "bag_gradient",
    "bag_means",
    "binary_cross_entropy",
    "build_alias_table",
    "build_huffman_tree",
    "cbow_window",
    "check_gradient",
    "cross_entropy",
    "diagnose_block",
    "diagnose_gradient",
    "document_token",
    "hierarchical_softmax_loss",
    "keep_probabilities",
    "log_sigmoid",
    "log_softmax",
    "negative_sampling_loss",
    "negative_sampling_losses",
    "noise_probabilities",
    "one_vs_all_loss",
    "shared_negatives_loss",
    "sigmoid",
    "sigmoid_backward",
    "sigmoid_forward",
    "sigmoid_gradient",
    "skipgram_window",
    "softmax",
    "softmax_loss",
    "spread_step",
    "step_gain",
    "weighted_pair",
    "window_probabilities",
]
