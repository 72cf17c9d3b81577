"""Room native: the ctypes declarations of the training kernels; ``Settings`` mirrors native/cpp/settings.hpp."""

from __future__ import annotations

import ctypes
import functools
import weakref
from ctypes import POINTER, c_double, c_int32, c_int64, c_uint64, c_void_p

import numpy as np
from numpy.typing import NDArray

from firth.errors import NativeError
from firth.native.loader import compiler_of, default_instruction_set, load_library, validate_status
from firth.native.stopping import run_stoppable

_ARCHITECTURES = {"skipgram": 0, "cbow": 1}
_LOSSES = {"negative-sampling": 0, "hierarchical-softmax": 1, "softmax": 2}
_WINDOW_MODES = {"dynamic": 0, "fixed": 1, "sequence": 2}
_WINDOW_SIDES = {"both": 0, "left": 1, "right": 2}
_SHARINGS = {"block": 2, "window": 0, "pair": 1}
_COLLISIONS = {"reject": 0, "count": 1, "drop": 2}

# The codes of word-valued choices, by the name of the parameter (kernels/registry.py lists the words).
CHOICE_CODES: dict[str, dict[str, int]] = {
    "architecture": _ARCHITECTURES,
    "loss": _LOSSES,
    "window_mode": _WINDOW_MODES,
    "window_side": _WINDOW_SIDES,
    "negative_sharing": _SHARINGS,
    "target_collision": _COLLISIONS,
    "cbow_input": {"mean": 0, "sum": 1},
    "cbow_update": {"gradient": 0, "word2vec": 1},
}

ROW_ALIGNMENT_BYTES = 64  # native/cpp/simd.hpp
MAX_NEGATIVES = 1 << 16  # native/cpp/settings.hpp


class TouchRates(ctypes.Structure):
    """How often a token touches each row: pointer to float32, from the busiest row on; 1 where that is the last row."""

    _fields_ = [("per_token", c_void_p), ("from_last", c_int64)]


class Settings(ctypes.Structure):
    """What a run consists of; the arrays behind the pointers are kept alive by the caller."""

    _fields_ = [
        ("ids", c_void_p),
        ("offsets", c_void_p),
        ("sequence_weights", c_void_p),
        ("n_tokens", c_int64),
        ("n_sequences", c_int64),
        ("keep_thresholds", c_void_p),
        ("noise", c_void_p),
        ("noise_parts", c_void_p),
        ("path_offsets", c_void_p),
        ("path_nodes", c_void_p),
        ("path_codes", c_void_p),
        ("input_matrix", c_void_p),
        ("output_matrix", c_void_p),
        ("frozen", c_void_p),
        ("stop_flag", c_void_p),
        ("n_words", c_int64),
        ("n_output_rows", c_int64),
        ("stride", c_int64),
        ("input_rates", TouchRates),
        ("output_rates", TouchRates),
        ("dims", c_int32),
        ("architecture", c_int32),
        ("loss", c_int32),
        ("window", c_int32),
        ("window_mode", c_int32),
        ("window_side", c_int32),
        ("negatives", c_int32),
        ("sharing", c_int32),
        ("collision", c_int32),
        ("pool_sum", c_int32),
        ("pool_word2vec", c_int32),
        ("epochs", c_int32),
        ("noise_purpose", c_int32),
        ("n_threads", c_int32),
        ("shard_tokens", c_int32),
        ("loss_every", c_int32),
        ("learning_rate", c_double),
        ("min_learning_rate", c_double),
        ("seed", c_uint64),
    ]


class Result(ctypes.Structure):
    """Sums of a stretch: loss in nats, weight of its examples, three products of these by blocks, examples, windows."""

    _fields_ = [
        ("loss", c_double),
        ("weight", c_double),
        ("loss_squares", c_double),
        ("loss_by_weight", c_double),
        ("weight_squares", c_double),
        ("examples", c_int64),
        ("centers", c_int64),
    ]


class Rounds:
    """The native workspace of deterministic training for a number of threads; freed with the object."""

    def __init__(self, library: ctypes.CDLL, settings: Settings, threads: int) -> None:
        self._library = library
        handle = c_void_p()
        validate_status(library, library.firth_rounds_create(settings, threads, handle))
        self._finalizer = weakref.finalize(self, library.firth_rounds_destroy, handle)
        # A daemon thread may still train when the interpreter ends: the memory goes with the process.
        self._finalizer.atexit = False
        self._handle = handle

    def train(self, start: int, stop: int, epoch: int) -> Result:
        result = Result()
        validate_status(self._library, self._library.firth_rounds_train(self._handle, start, stop, epoch, result))
        return result


class Kernel:
    """The training functions of one instruction set; arrays are trusted, pointers are taken as they are."""

    def __init__(self, instruction_set: str | None = None) -> None:
        self.instruction_set = instruction_set or default_instruction_set()
        self._library = load_library(self.instruction_set)
        _declare(self._library)

    @property
    def compiler(self) -> str:
        """Name and version of the compiler that built the library, such as ``"GCC 12.2.0"``."""
        return compiler_of(self._library)

    def train_slice(
        self, settings: Settings, start: int, stop: int, epoch: int, *, double_precision: bool = False
    ) -> Result:
        result = Result()
        self._check(self._library.firth_train_slice(settings, double_precision, start, stop, epoch, result))
        return result

    @property
    def shards(self) -> int:
        """Shards of one round of deterministic training."""
        return int(self._library.firth_shards())

    def make_rounds(self, settings: Settings, threads: int) -> Rounds:
        """The workspace of deterministic training."""
        return Rounds(self._library, settings, threads)

    def evaluate_slice(
        self, settings: Settings, start: int, stop: int, epoch: int, *, double_precision: bool = False
    ) -> Result:
        result = Result()
        self._check(self._library.firth_evaluate_slice(settings, double_precision, start, stop, epoch, result))
        return result

    def update_unit(
        self,
        settings: Settings,
        context_ids: NDArray[np.int32],
        windows: NDArray[np.uint8] | None,
        target_ids: NDArray[np.int32],
        negative_ids: NDArray[np.int32],
        learning_rate: float,
        *,
        double_precision: bool,
    ) -> float:
        """Update the matrices of ``settings`` by one unit; returns its loss in nats.

        Bit t of ``windows[i]`` says that context word i is in the window of ``target_ids[t]``; None: one window has
        all.
        """
        loss = c_double()
        self._check(
            self._library.firth_update_unit(
                settings,
                double_precision,
                context_ids.ctypes.data,
                None if windows is None else windows.ctypes.data,
                len(context_ids),
                target_ids.ctypes.data,
                len(target_ids),
                negative_ids.ctypes.data,
                len(negative_ids),
                learning_rate,
                loss,
            )
        )
        return loss.value

    def plan_slice(self, settings: Settings, start: int, stop: int, epoch: int) -> tuple[NDArray[np.generic], ...]:
        """Positions, targets, context offsets, contexts, negative offsets, negatives of a slice's windows."""
        sizes = (c_int64 * 3)()
        arguments = (settings, start, stop, epoch, sizes)
        self._check(self._library.firth_plan_slice(*arguments, *([None] * 6)))
        n_windows, n_contexts, n_negatives = sizes
        arrays = (
            np.empty(n_windows, np.int64),
            np.empty(n_windows, np.int32),
            np.empty(n_windows + 1, np.int64),
            np.empty(n_contexts, np.int32),
            np.empty(n_windows + 1, np.int64),
            np.empty(n_negatives, np.int32),
        )
        self._check(self._library.firth_plan_slice(*arguments, *(array.ctypes.data for array in arrays)))
        return arrays

    def initial_vectors(self, seed: int, matrix: NDArray[np.float32], dims: int, first_row: int = 0) -> None:
        """Fill the first ``dims`` columns of a padded matrix with U(-0.5/D, 0.5/D) by counter."""
        n_rows, stride = matrix.shape
        address = matrix.ctypes.data
        run_stoppable(
            lambda: self._check(self._library.firth_initial_vectors(seed, address, first_row, n_rows, stride, dims))
        )

    def _check(self, status: int) -> None:
        validate_status(self._library, status)


@functools.cache
def _declare(library: ctypes.CDLL) -> None:
    library.firth_settings_size.restype = c_int64
    if library.firth_settings_size() != ctypes.sizeof(Settings):
        raise NativeError(
            f"Settings has {ctypes.sizeof(Settings)} bytes in Python and {library.firth_settings_size()} in the native"
            " library; reinstall firth so that both come from one build"
        )
    slice_arguments = [POINTER(Settings), c_int32, c_int64, c_int64, c_int32, POINTER(Result)]
    for name, arguments in {
        "firth_train_slice": slice_arguments,
        "firth_evaluate_slice": slice_arguments,
        "firth_shards": [],
        "firth_rounds_create": [POINTER(Settings), c_int32, POINTER(c_void_p)],
        "firth_rounds_train": [c_void_p, c_int64, c_int64, c_int32, POINTER(Result)],
        "firth_rounds_destroy": [c_void_p],
        "firth_update_unit": [
            POINTER(Settings), c_int32, c_void_p, c_void_p, c_int32, c_void_p, c_int32, c_void_p, c_int32, c_double,
            POINTER(c_double)
        ],
        "firth_plan_slice": [POINTER(Settings), c_int64, c_int64, c_int32, POINTER(c_int64), *([c_void_p] * 6)],
        "firth_initial_vectors": [c_uint64, c_void_p, c_int64, c_int64, c_int64, c_int32],
    }.items():  # fmt: skip
        function = getattr(library, name)
        function.restype = None if name == "firth_rounds_destroy" else c_int64
        function.argtypes = arguments


__all__ = [
    "CHOICE_CODES",
    "MAX_NEGATIVES",
    "ROW_ALIGNMENT_BYTES",
    "Kernel",
    "Result",
    "Rounds",
    "Settings",
    "TouchRates",
]
