"""Room classification: makes small models: keeps the rows with the largest norms, and quantizes the matrices."""

from __future__ import annotations

import dataclasses
import threading
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from firth.base.machine import available_processors
from firth.base.ngrams import END_OF_SENTENCE
from firth.base.values import as_bool, as_integer
from firth.base.words import WordBuffer
from firth.errors import FormatError, ParameterError
from firth.formats.fasttext_model import FastTextModel, QuantizedMatrix, dense_matrix
from firth.native.quantize import N_CENTROIDS, assign_codes, train_centroids
from firth.native.stopping import Team

MAX_POINTS = 1 << 16  # rows of each part's k-means, drawn without replacement; as in fastText
N_ROUNDS = 25  # rounds of k-means, as in fastText's ProductQuantizer
OUTPUT_PART_DIMS = 2  # columns of a part of the output matrix; fastText's quantize has no other value
_BLOCK_ROWS = 1 << 16
# Bytes in a file (`firth.formats.fasttext_writer`): beside the name of an entry; of an n-gram that is kept; of a
# quantizer's sizes; and of all that does not depend on the number of entries, dims and rows.
_ENTRY_BYTES, _NGRAM_BYTES, _QUANTIZER_BYTES = 10, 8, 16
_FIXED_BYTES = 8 + 56 + 28 + 22 + _QUANTIZER_BYTES + 17


def quantize_model(
    model: FastTextModel,
    *,
    cutoff: int | None = None,
    norms: bool = True,
    part_dims: int = 2,
    output: bool = False,
    seed: int = 1,
    threads: int | None = None,
) -> FastTextModel:
    """Make a small copy of a model. `firth.Classifier.quantize` explains the parameters.

    Raises
    ------
    ParameterError, FormatError
    """
    if isinstance(model.input_matrix, QuantizedMatrix):
        raise ParameterError("the model must not be quantized, got a quantized model; load the model it was made from")
    part_dims = as_integer("part_dims", part_dims, minimum=1, maximum=model.arguments.dims)
    norms, output = as_bool("norms", norms), as_bool("output", output)
    seed = as_integer("seed", seed, minimum=0)
    n_threads = available_processors() if threads is None else as_integer("threads", threads, minimum=1)
    if cutoff is not None:
        cutoff = as_integer("cutoff", cutoff, minimum=1)
        if cutoff < len(model.input_matrix):
            model = prune_model(model, cutoff)
    draw = np.random.default_rng(seed)
    input_matrix = quantize_matrix(dense_matrix(model.input_matrix), part_dims, norms, draw, n_threads)
    output_matrix = model.output_matrix
    if output:
        width = min(OUTPUT_PART_DIMS, model.arguments.dims)
        output_matrix = quantize_matrix(dense_matrix(output_matrix), width, norms, draw, n_threads)
    return dataclasses.replace(model, input_matrix=input_matrix, output_matrix=output_matrix)


def quantize_matrix(
    rows: NDArray[np.float32], part_dims: int, norms: bool, draw: np.random.Generator, n_threads: int
) -> QuantizedMatrix:
    """Quantize a matrix: k-means finds 256 centroids for each part of the columns.

    With ``norms``, rows are divided by their norms first, and the norms have 256 centroids of their own. A matrix of at
    most 256 rows loses no accuracy, except that with ``norms`` the division and the later product round.
    """
    n_rows, n_dims = rows.shape
    row_norms = compute_row_norms(rows) if norms else None
    n_parts = -(-n_dims // part_dims)
    codes = np.empty((n_rows, n_parts), dtype=np.uint8)
    samples = [_sample(n_rows, draw) for _ in range(n_parts)]
    centroids = np.zeros(n_dims * N_CENTROIDS, dtype=np.float32)
    parts = iter(range(n_parts))
    lock = threading.Lock()
    team = Team()

    def work() -> None:
        while not team.stop.is_set():
            with lock:
                part = next(parts, None)
            if part is None:
                return
            first, last = part * part_dims, min(n_dims, (part + 1) * part_dims)
            points = np.array(rows[samples[part], first:last], dtype=np.float32)
            if row_norms is not None:
                points /= np.where(row_norms == 0, 1, row_norms)[samples[part], None]
            found = _cluster(points)
            centroids[N_CENTROIDS * first : N_CENTROIDS * last] = found.ravel()
            assign_codes(rows, first, row_norms, found, codes, part)

    team.run([work] * min(n_threads, n_parts))
    if row_norms is None:
        return QuantizedMatrix(codes, centroids, part_dims)
    column = row_norms[:, None]
    norm_centroids = _cluster(column[_sample(n_rows, draw)])
    norm_codes = np.empty((n_rows, 1), dtype=np.uint8)
    assign_codes(column, 0, None, norm_centroids, norm_codes, 0)
    return QuantizedMatrix(codes, centroids, part_dims, norm_codes[:, 0], norm_centroids[:, 0])


def compute_row_norms(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The Euclidean norm of each row, float32, (n_rows,).

    Raises
    ------
    FormatError
        A row has a NaN or an infinity.
    """
    found = np.empty(len(rows), dtype=np.float32)
    for first in range(0, len(rows), _BLOCK_ROWS):
        block = rows[first : first + _BLOCK_ROWS].astype(np.float64)
        found[first : first + _BLOCK_ROWS] = np.sqrt(np.einsum("ij,ij->i", block, block))
    if not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found))[0])
        raise FormatError(f"the input matrix has a NaN or an infinity in row {row + 1}; train the model anew")
    return found


def largest_cutoff(model: FastTextModel, max_bytes: int, *, part_dims: int = 2, norms: bool = True) -> int:
    """The most rows that a quantized model may keep, so that its file has at most ``max_bytes``.

    The output matrix is not quantized.

    Raises
    ------
    ParameterError
        A file with one word is larger.
    """
    n_dims, n_labels = model.arguments.dims, model.n_labels
    n_parts = -(-n_dims // part_dims)
    lengths = np.diff(model.entries.offsets) + _ENTRY_BYTES
    costs = np.full(model.input_matrix.shape[0], _NGRAM_BYTES, np.int64)
    costs[: model.n_words] = lengths[: model.n_words]
    costs += n_parts + norms
    fixed = _FIXED_BYTES + int(lengths[model.n_words :].sum()) + 4 * n_dims * (N_CENTROIDS + n_labels)
    fixed += (_QUANTIZER_BYTES + 4 * N_CENTROIDS) if norms else 0
    order = _order_by_norm(model)
    is_word = order < model.n_words
    n_kept = int(np.searchsorted(fixed + np.cumsum(costs[order]), max_bytes, side="right"))
    if n_kept == 0 or not is_word[:n_kept].any():
        raise ParameterError(
            f"max_size must hold a model of {n_dims} dims and {n_labels:,} labels with a word, which takes"
            f" {fixed + int(costs[order[0]]):,} bytes, got {max_bytes:,}; raise it"
        )
    return n_kept


def quantized_bytes(model: FastTextModel) -> int:
    """Bytes of the file of a model whose input matrix alone is quantized."""
    matrix, n_dims = model.input_matrix, model.arguments.dims
    assert isinstance(matrix, QuantizedMatrix)
    size = _FIXED_BYTES + len(model.entries.word_bytes) + _ENTRY_BYTES * len(model.entries)
    size += _NGRAM_BYTES * (0 if model.kept_ngrams is None else len(model.kept_ngrams))
    size += matrix.codes.size + 4 * n_dims * (N_CENTROIDS + model.n_labels)
    if matrix.norm_codes is not None:
        size += len(matrix.norm_codes) + _QUANTIZER_BYTES + 4 * N_CENTROIDS
    return size


def _order_by_norm(model: FastTextModel) -> NDArray[np.int64]:
    """The rows of the input matrix: the end of the sentence, then by falling norm."""
    norms = compute_row_norms(dense_matrix(model.input_matrix))
    words = islice(model.entries.all_encoded(), model.n_words)
    norms[[number for number, word in enumerate(words) if word == END_OF_SENTENCE]] = np.inf
    return np.argsort(-norms, kind="stable")


def prune_model(model: FastTextModel, cutoff: int) -> FastTextModel:
    """Keep ``cutoff`` rows: the end of the sentence, and the rows with the largest norms. The matrix stays dense.

    Words keep their order. N-grams are ordered by falling norm. Source: fastText, ``FastText::selectEmbeddings`` and
    ``Dictionary::prune``.
    """
    rows = dense_matrix(model.input_matrix)
    entries = list(model.entries.all_encoded())
    best = _order_by_norm(model)[:cutoff]
    words, ngrams = np.sort(best[best < model.n_words]), best[best >= model.n_words]
    if len(words) == 0:
        raise ParameterError(
            f"cutoff must keep at least one word, got {cutoff}, which keeps only n-grams; give a larger cutoff"
        )
    buckets = ngrams - model.n_words
    kept = np.stack([buckets, np.arange(len(ngrams))], axis=1).astype(np.int32)
    labels = np.arange(model.n_words, len(entries))
    remaining = np.concatenate([words, labels])
    return dataclasses.replace(
        model,
        entries=WordBuffer.pack([entries[number] for number in remaining.tolist()]),
        counts=model.counts[remaining],
        n_words=len(words),
        kept_ngrams=kept,
        input_matrix=rows[np.concatenate([words, ngrams])],
    )


def _sample(n_rows: int, draw: np.random.Generator) -> NDArray[np.int64]:
    return draw.permutation(n_rows)[:MAX_POINTS]


def _cluster(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """256 centroids of the points, float32, (256, d).

    The points are in random order. Each centroid starts at one of the first points.
    """
    n_points, n_dims = points.shape
    centroids = np.zeros((N_CENTROIDS, n_dims), dtype=np.float32)
    centroids[: min(n_points, N_CENTROIDS)] = points[:N_CENTROIDS]
    if n_points > N_CENTROIDS:
        train_centroids(np.ascontiguousarray(points), centroids, N_ROUNDS)
    return centroids


__all__ = ["compute_row_norms", "largest_cutoff", "prune_model", "quantize_matrix", "quantize_model", "quantized_bytes"]
