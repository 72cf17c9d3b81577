"""Room training: reads and checks the files of a resumed run, because the native kernels do not check them.

Tests: tests/training/test_damaged_corpus.py.
"""

from __future__ import annotations

import hashlib
import io
import math
import tokenize
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth.base.files import open_regular
from firth.base.json_file import json_digest
from firth.corpus.phrases import Phrases
from firth.errors import FormatError, StorageError
from firth.models.run_files import PHRASES_NAME

if TYPE_CHECKING:
    from firth.training.loop.checkpoints import RunState, Snapshot

_AGAIN = "start the run again"
_NOT_OF_THE_RUN = ("format", "format_version", "arrays", "checksums", "instruction_set", "firth_version")
_BLOCK_ROWS = 1 << 14  # rows that are checked at once: the matrices may be larger than memory
_SUM_TOLERANCE = 1e-6  # of the sum of the noise weights, which is 1 up to rounding


def read_run_array(path: Path) -> NDArray[Any]:
    """Read an array that ``Workspace.write_run`` wrote.

    Raises
    ------
    StorageError, FormatError
    """
    try:
        with io.BufferedReader(open_regular(path)) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(f"{path} cannot be read ({error}); {_AGAIN}") from error
    except (ValueError, TypeError, EOFError, MemoryError, OverflowError, SyntaxError, tokenize.TokenError) as error:
        raise FormatError(f"{path} is damaged ({error}); {_AGAIN}") from None


def run_checksums(record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """SHA-256 of each array and of a run's record, without the instruction set, which may change during the run."""
    entries = {name: value for name, value in record.items() if name not in _NOT_OF_THE_RUN}
    checksums = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}
    return {**checksums, "record": json_digest(entries)}


def validate_checksums(folder: Path, record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Compare the result of ``read_run`` with its checksums; runs of older versions have none.

    Raises
    ------
    FormatError
    """
    noted = record.get("checksums")
    if noted is None:
        return
    found = run_checksums(record, arrays)
    if not isinstance(noted, dict) or noted.get("record") != found["record"]:
        raise FormatError(f"{folder}: run.json is damaged (its checksum differs); {_AGAIN}")
    for name in arrays:
        if noted.get(name) != found[name]:
            raise FormatError(f"{folder / name}.npy is damaged (its checksum differs); {_AGAIN}")


def validate_run_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]], n_words: int, n_sequences: int) -> None:
    """Check the arrays beside ``run.json``: ``frozen``, ``noise_distribution`` and ``sequence_weights``.

    Raises
    ------
    FormatError
        A name, dtype or shape differs from what the run wrote; a weight is negative or not finite; no weight is above
        0.
    """
    expected: dict[str, tuple[type[np.generic], int]] = {
        "frozen": (np.bool_, n_words),
        "noise_distribution": (np.float64, n_words),
        "sequence_weights": (np.float32, n_sequences),
    }
    for name, array in arrays.items():
        path = folder / f"{name}.npy"
        if name == PHRASES_NAME:  # read_run_phrases checks it
            continue
        if name not in expected:
            raise FormatError(f"{path}: no run has an array of this name; {_AGAIN}")
        dtype, length = expected[name]
        if array.dtype != dtype or array.shape != (length,):
            raise FormatError(
                f"{path} must have {length} values of {np.dtype(dtype)}, got {array.dtype} of shape {array.shape};"
                f" {_AGAIN}"
            )
        if name == "frozen":
            if not np.isin(array.view(np.uint8), (0, 1)).all():
                raise FormatError(f"{path} must have only the values true and false, got others; {_AGAIN}")
            continue
        wrong = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
        if wrong.size:
            raise FormatError(f"{path} must be finite and at least 0, got {array[wrong[0]]:g}; {_AGAIN}")
        if not array.any():
            raise FormatError(f"{path} must have a weight above 0, got none; {_AGAIN}")
        if name == "noise_distribution" and abs(float(array.sum()) - 1) > _SUM_TOLERANCE:
            raise FormatError(f"{path} must have the sum 1, got {float(array.sum()):g}; {_AGAIN}")


def read_run_phrases(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> Phrases | None:
    """The table of phrases of a run; None if the run has none.

    Raises
    ------
    FormatError, EncodingError
    """
    array = arrays.get(PHRASES_NAME)
    if array is None:
        return None
    path = folder / f"{PHRASES_NAME}.npy"
    if array.dtype != np.uint8 or array.ndim != 1:
        raise FormatError(
            f"{path} must have bytes in one dimension, got {array.dtype} of shape {array.shape}; {_AGAIN}"
        )
    return Phrases.from_bytes(array.tobytes(), str(path))


def validate_snapshot(
    folder: Path, snapshot: Snapshot, shapes: tuple[tuple[int, ...], tuple[int, ...]], epochs: int, n_tokens: int
) -> None:
    """Check a checkpoint against the run that it belongs to.

    Parameters
    ----------
    folder : path
        The folder of the checkpoint, for messages.
    shapes : pair of shapes
        The shapes of the engine's input and output vectors.

    Raises
    ------
    FormatError
        Vectors have another dtype or shape or are not finite, a position is outside the corpus, or a count is invalid.
    """
    state = snapshot.state
    matrices = {
        "input_vectors": (snapshot.input_vectors, shapes[0]),
        "output_vectors": (snapshot.output_vectors, shapes[1]),
    }
    if state.kept_vectors is not None:
        matrices["kept_input_vectors"] = (state.kept_vectors[0], shapes[0])
        matrices["kept_output_vectors"] = (state.kept_vectors[1], shapes[1])
    for name, (matrix, shape) in matrices.items():
        if matrix.dtype != np.float32 or matrix.shape != shape:
            raise FormatError(
                f"{folder}: the checkpoint does not fit the run: {name} must be float32 of shape {shape}, got"
                f" {matrix.dtype} of shape {matrix.shape}; {_AGAIN}"
            )
        blocks = (matrix[first : first + _BLOCK_ROWS] for first in range(0, len(matrix), _BLOCK_ROWS))
        if not all(np.isfinite(block).all() for block in blocks):
            raise FormatError(f"{folder}: {name} of the checkpoint must be finite, got NaN or infinity; {_AGAIN}")
    _validate_state(folder, state, epochs, n_tokens)


def _validate_state(folder: Path, state: RunState, epochs: int, n_tokens: int) -> None:
    n_at_most = {
        "epoch": epochs if state.position == 0 else epochs - 1,  # after the last epoch, only saving remains
        "position": n_tokens,
        "n_examples": None,
        "last_evaluation": epochs * n_tokens,
        "evaluations_since_kept": None,
    }
    for name, most in n_at_most.items():
        value = getattr(state, name)
        if type(value) is not int or value < 0 or (most is not None and value > most):
            limit = "0 or more" if most is None else f"in [0, {most}]"
            raise FormatError(
                f"{folder}: the checkpoint does not fit the run: {name} must be an integer {limit}, got {value!r};"
                f" {_AGAIN}"
            )
    numbers = (state.loss_sum, state.weight_sum, state.epoch_seconds)
    if not all(type(number) in (int, float) and math.isfinite(number) for number in numbers):
        raise FormatError(f"{folder}: the sums of the checkpoint must be finite numbers, got {numbers}; {_AGAIN}")
