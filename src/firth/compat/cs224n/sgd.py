"""Room compat: the course's stochastic gradient descent, with its output; parameters are saved without pickle."""

from __future__ import annotations

import io
import json
import os
import random
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from firth.base.streams import QuietStream
from firth.errors import FormatError, ParameterError
from firth.formats.target import whole_file, write_all
from firth.numerics.gradients import RowGradient

SAVE_PARAMS_EVERY = 5000
ANNEAL_EVERY = 20000

_SAVED_NAME = re.compile(r"saved_params_([0-9]+)\.npz")
_N_STATE_WORDS = 625  # the Mersenne Twister's 624 words and its position
_STATE_VERSION = 3  # the only version that random.getstate has written since Python 3.2


def load_saved_params() -> tuple[int, Any, Any]:
    """Load the newest parameters that :func:`save_params` wrote into the working folder.

    Returns
    -------
    iteration : int
        0 if nothing was saved.
    params : array or scalar, or None
    state : tuple for ``random.setstate``, or None

    Raises
    ------
    FormatError
        The newest file was not written by :func:`save_params`. Nothing in the file is executed.
    """
    iterations = [int(match[1]) for name in os.listdir() if (match := _SAVED_NAME.fullmatch(name))]
    newest = max(iterations, default=0)
    if newest == 0:
        return 0, None, None
    path = _saved_path(newest)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            params, state_text = file["params"], str(file["state"][()])
        state = _parse_state(json.loads(state_text))
    except (ValueError, KeyError, OSError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise FormatError(
            f"{path} must hold parameters and a generator's state as save_params writes them, got: {error}; "
            "delete it to resume from an older file"
        ) from error
    return newest, params[()] if params.ndim == 0 else params, state


def save_params(iter: int, params: Any) -> None:
    """Save parameters and the state of ``random`` as ``saved_params_<iter>.npz`` in the working folder.

    The file has the array ``params`` and, as JSON text, the generator's ``state``. It is written under a temporary name
    and renamed, so a file of this name is always complete.

    Raises
    ------
    ParameterError
        The parameters are not numbers.
    """
    array = np.asarray(params)
    if array.dtype.hasobject:
        raise ParameterError(f"params must be an array of numbers, got dtype {array.dtype}")
    path = _saved_path(iter)
    saved = io.BytesIO()
    np.savez(saved, params=array, state=np.array(json.dumps(random.getstate())))
    with whole_file(path, overwrite=True, sync=True, compress=False) as file:
        write_all(file, saved.getbuffer())


def sgd(
    f: Callable[[Any], tuple[Any, Any]],
    x0: Any,
    step: float,
    iterations: int,
    postprocessing: Callable[[Any], Any] | None = None,
    useSaved: bool = False,
    PRINT_EVERY: int = 10,
) -> Any:
    """Stochastic gradient descent of the course.

        x <- postprocessing(x - step * gradient),  the step halved every 20,000 iterations

    Every ``PRINT_EVERY`` iterations it prints ``iter %d: %f`` with the average of the printed costs, 0.95 of the old
    and 0.05 of the new.

    Parameters
    ----------
    f : function of x
        Returns the cost, and the gradient: an array of the shape of x, or a :class:`~firth.numerics.gradients.
        RowGradient` of its rows, of which only those are then touched.
    x0 : float array or float
        The start. It is not modified.
    step : float
    iterations : int
        The number of the last iteration, counted from 1.
    postprocessing : function, optional
        Applied to x after every step.
    useSaved : bool
        Resume from the newest saved parameters, with the saved state of the generator and the step of that iteration
        (``step * 0.5 ** (start // 20000)``); save every 5,000 iterations.
    PRINT_EVERY : int

    Returns
    -------
    x : as ``x0``, after the last step
    """
    start = 0
    if useSaved:
        start, saved, state = load_saved_params()
        if start > 0:
            x0 = saved
            step *= 0.5 ** (start // ANNEAL_EVERY)
        if state:
            random.setstate(state)

    x = x0
    if isinstance(x0, np.ndarray):
        x = x0.astype(x0.dtype if x0.dtype.kind == "f" else np.float64, copy=True)
    average = None
    for iteration in range(start + 1, iterations + 1):
        cost, gradient = f(x)
        if isinstance(gradient, RowGradient):
            x[gradient.row_ids] -= step * gradient.rows
        else:
            x = x - step * gradient
        if postprocessing:
            x = postprocessing(x)
        if iteration % PRINT_EVERY == 0:
            cost = float(np.reshape(cost, ()))  # solutions that return an array of one cost are common
            average = cost if not average else 0.95 * average + 0.05 * cost
            # a failure of printing must not end the run
            stream = None if sys.stdout is None else QuietStream(sys.stdout)
            print(f"iter {iteration:d}: {average:f}", file=stream)
        if useSaved and iteration % SAVE_PARAMS_EVERY == 0:
            save_params(iteration, x)
        if iteration % ANNEAL_EVERY == 0:
            step *= 0.5
    return x


def _saved_path(iteration: int) -> Path:
    return Path(f"saved_params_{iteration}.npz")


def _parse_state(value: Any) -> tuple[int, tuple[int, ...], float | None]:
    """Convert JSON to the tuples of ``random.getstate``; JSON has lists in their place."""
    match value:
        case [version, list(words), float(gauss) | (None as gauss)] if version == _STATE_VERSION:
            whole = all(type(word) is int and 0 <= word < 2**32 for word in words)
            if whole and len(words) == _N_STATE_WORDS and words[-1] < _N_STATE_WORDS:
                return version, tuple(words), gauss
    raise ValueError("a state that is not random.getstate()'s")
