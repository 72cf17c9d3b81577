"""Room native: the ctypes declarations of the training kernels; settings.py makes ``Settings``.

Tests: tests/kernels/test_engine.py.
"""

from __future__ import annotations

import ctypes
import functools
import weakref
from ctypes import POINTER, c_double, c_int32, c_int64, c_uint64, c_void_p

import numpy as np
from numpy.typing import NDArray

from firth.native.loader import compiler_of, default_instruction_set, load_library, validate_status
from firth.native.settings import Settings, SettingsTable
from firth.native.stopping import run_stoppable

ROW_ALIGNMENT_BYTES = 64  # native/cpp/base/simd.hpp
MAX_NEGATIVES = 1 << 16  # native/cpp/model/settings.hpp


class Result(ctypes.Structure):
    """Sums over a slice: loss in nats, weights of the examples, number of examples, number of windows."""

    _fields_ = [
        ("loss", c_double),
        ("weight", c_double),
        ("examples", c_int64),
        ("centers", c_int64),
    ]


class Rounds:
    """The native workspace of deterministic training for a number of threads. It is freed with the object."""

    def __init__(self, library: ctypes.CDLL, settings: Settings, threads: int) -> None:
        self._library = library
        handle = c_void_p()
        self._settings = settings  # keeps the arrays alive to which the native copy of the struct points
        validate_status(library, library.firth_rounds_create(ctypes.byref(settings.struct), threads, handle))
        self._finalizer = weakref.finalize(self, library.firth_rounds_destroy, handle)
        # Not at exit, because a daemon thread may still train then; the system frees the memory of the process.
        self._finalizer.atexit = False
        self._handle = handle

    def train(self, start: int, stop: int, epoch: int) -> Result:
        result = Result()
        validate_status(self._library, self._library.firth_rounds_train(self._handle, start, stop, epoch, result))
        return result


class Kernel:
    """The training functions of one instruction set. Arrays and pointers are not checked."""

    def __init__(self, instruction_set: str | None = None) -> None:
        self.instruction_set = instruction_set or default_instruction_set()
        self._library = load_library(self.instruction_set)
        _declare(self._library)
        self.table = SettingsTable.of(self._library)

    @property
    def compiler(self) -> str:
        """Name and version of the compiler that built the library, such as ``"GCC 12.2.0"``."""
        return compiler_of(self._library)

    def train_slice(self, settings: Settings, start: int, stop: int, epoch: int) -> Result:
        result = Result()
        self._check(self._library.firth_train_slice(ctypes.byref(settings.struct), start, stop, epoch, result))
        return result

    @property
    def shards(self) -> int:
        """Number of shards of a round of deterministic training."""
        return int(self._library.firth_shards())

    def merge_factor(self, step: float, copies: int, delay: int) -> float:
        """The factor of the law that merges copies of rows (native/cpp/train/merging.hpp)."""
        return float(self._library.firth_merge_factor(step, copies, delay))

    def make_rounds(self, settings: Settings, threads: int) -> Rounds:
        """Make the workspace of deterministic training."""
        return Rounds(self._library, settings, threads)

    def evaluate_slice(self, settings: Settings, start: int, stop: int, epoch: int) -> Result:
        result = Result()
        self._check(self._library.firth_evaluate_slice(ctypes.byref(settings.struct), start, stop, epoch, result))
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
        """Update the matrices of ``settings`` by one unit; return its loss in nats.

        Bit t of ``windows[i]`` is set if context word i is in the window of ``target_ids[t]``. None: there is one
        window, which has all context words.
        """
        loss = c_double()
        self._check(
            self._library.firth_update_unit(
                ctypes.byref(settings.struct),
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
        """Positions, targets, context offsets, contexts, negative offsets and negatives of the windows of a slice."""
        sizes = (c_int64 * 3)()
        arguments = (ctypes.byref(settings.struct), start, stop, epoch, sizes)
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

    def infer_documents(
        self,
        settings: Settings,
        start: int,
        stop: int,
        row: int,
        vectors: NDArray[np.float32],
        losses: NDArray[np.float64],
    ) -> None:
        """Train a new row for each of the documents [start, stop); see native/cpp/train/inference.hpp.

        ``vectors``, (n_documents, stride), must be padded with zeros; ``losses`` is float64, (n_documents,).
        """
        addresses = vectors.ctypes.data, losses.ctypes.data
        self._check(self._library.firth_infer_documents(ctypes.byref(settings.struct), start, stop, row, *addresses))

    def _check(self, status: int) -> None:
        validate_status(self._library, status)


@functools.cache
def _declare(library: ctypes.CDLL) -> None:
    slice_arguments = [c_void_p, c_int64, c_int64, c_int32, POINTER(Result)]
    for name, arguments in {
        "firth_train_slice": slice_arguments,
        "firth_evaluate_slice": slice_arguments,
        "firth_shards": [],
        "firth_merge_factor": [c_double, c_int32, c_int32],
        "firth_rounds_create": [c_void_p, c_int32, POINTER(c_void_p)],
        "firth_rounds_train": [c_void_p, c_int64, c_int64, c_int32, POINTER(Result)],
        "firth_rounds_destroy": [c_void_p],
        "firth_update_unit": [
            c_void_p, c_int32, c_void_p, c_void_p, c_int32, c_void_p, c_int32, c_void_p, c_int32, c_double,
            POINTER(c_double)
        ],
        "firth_plan_slice": [c_void_p, c_int64, c_int64, c_int32, POINTER(c_int64), *([c_void_p] * 6)],
        "firth_infer_documents": [c_void_p, c_int64, c_int64, c_int32, c_void_p, c_void_p],
        "firth_initial_vectors": [c_uint64, c_void_p, c_int64, c_int64, c_int64, c_int32],
    }.items():  # fmt: skip
        function = getattr(library, name)
        function.restype = {"firth_rounds_destroy": None, "firth_merge_factor": c_double}.get(name, c_int64)
        function.argtypes = arguments


__all__ = [
    "MAX_NEGATIVES",
    "ROW_ALIGNMENT_BYTES",
    "Kernel",
    "Result",
    "Rounds",
    "Settings",
]
