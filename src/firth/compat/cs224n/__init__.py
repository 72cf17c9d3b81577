"""Room compat: the functions of Stanford's CS224d/CS224n, assignment 1 (2015-2017), implemented with firth.

Signatures, shapes, the order of random draws and the printed output are the course's. :mod:`firth.compat.cs224n.a2` has
the names of the later editions. :mod:`firth.compat.cs224n.batches` computes whole batches at once, with the same draws.
"""

from firth.compat.cs224n.batches import word2vec_batch
from firth.compat.cs224n.functions import (
    affine_backward,
    affine_forward,
    forward_backward_prop,
    normalizeRows,
    rel_error,
    sigmoid,
    sigmoid_backward,
    sigmoid_forward,
    sigmoid_grad,
    softmax,
)
from firth.compat.cs224n.gradcheck import gradcheck_naive
from firth.compat.cs224n.sgd import load_saved_params, save_params, sgd
from firth.compat.cs224n.treebank import StanfordSentiment
from firth.compat.cs224n.word2vec import (
    cbow,
    getNegativeSamples,
    negSamplingCostAndGradient,
    skipgram,
    softmaxCostAndGradient,
    word2vec_sgd_wrapper,
)

__all__ = [
    "StanfordSentiment",
    "affine_backward",
    "affine_forward",
    "cbow",
    "forward_backward_prop",
    "getNegativeSamples",
    "gradcheck_naive",
    "load_saved_params",
    "negSamplingCostAndGradient",
    "normalizeRows",
    "rel_error",
    "save_params",
    "sgd",
    "sigmoid",
    "sigmoid_backward",
    "sigmoid_forward",
    "sigmoid_grad",
    "skipgram",
    "softmax",
    "softmaxCostAndGradient",
    "word2vec_batch",
    "word2vec_sgd_wrapper",
]
