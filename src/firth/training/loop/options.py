"""Room training: the arguments of the loop: the interface of the engine, and the options of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from firth.training.loop.periods import Period

if TYPE_CHECKING:
    from firth.kernels.engine import SliceResult
    from firth.kernels.matrices import MatrixMemory
    from firth.vectors.word_vectors import WordVectors

Matrix = NDArray[np.float32]


class TrainableEngine(Protocol):
    """The methods of ``firth.kernels.engine.Engine`` that the loop calls."""

    @property
    def round_tokens(self) -> int: ...
    @property
    def memory(self) -> MatrixMemory: ...
    @property
    def vector_views(self) -> tuple[Matrix, Matrix]: ...
    @property
    def input_vectors(self) -> Matrix: ...
    @property
    def output_vectors(self) -> Matrix: ...
    def take_vectors(self) -> tuple[Matrix, Matrix]: ...
    def train_slice(self, start: int, stop: int, epoch: int) -> SliceResult: ...
    def train_rounds(self, start: int, stop: int, epoch: int, threads: int) -> SliceResult: ...
    def heldout_loss(
        self,
        ids: NDArray[np.int32],
        offsets: NDArray[np.int64] | None,
        targets: NDArray[np.int32] | None = None,
        target_offsets: NDArray[np.int64] | None = None,
        weights: NDArray[np.float32] | None = None,
        *,
        threads: int,
    ) -> tuple[float, int]: ...
    def load_vectors(self, input_vectors: Matrix, output_vectors: Matrix) -> None: ...
    @property
    def memory_bytes(self) -> int: ...
    def check_finite(self, largest_norm: float) -> None: ...
    def request_stop(self) -> None: ...
    def clear_stop(self) -> None: ...


@dataclass(frozen=True)
class LoopOptions:
    """The options of a run that do not decide what is learned; that is in the configuration and the engine.

    Attributes
    ----------
    n_tokens : int
        Tokens of the encoded corpus.
    words_per_token : float
        Words read from the corpus for each token of the encoded corpus. Reports and periods count words read.
    heldout : the arguments of ``heldout_loss``, such as (ids, offsets), or None
    stop_metric : function of WordVectors, or None
    evaluate_every : Period in words, or None for each epoch
    patience : int or None
    checkpoint_every : Period or None
    make_vectors : function of a matrix
        Makes WordVectors from the input vectors.
    split_rows : function of two matrices, or None
        Of a run of documents: makes the vectors of words and of tags from the input and the output vectors.
    cures_of_divergence, cures_of_no_example : str
        Advice for errors, with the caller's names of parameters.
    allows_empty_epochs : bool
        False: an epoch without an example is an error.
    """

    n_tokens: int
    words_per_token: float
    make_vectors: Callable[[Matrix], WordVectors]
    split_rows: Callable[[Matrix, Matrix], tuple[WordVectors, WordVectors]] | None = None
    heldout: tuple[Any, ...] | None = None
    stop_metric: Callable[[WordVectors], float] | None = None
    evaluate_every: Period | None = None
    patience: int | None = None
    checkpoint_every: Period | None = None
    cures_of_divergence: str = ""
    cures_of_no_example: str = ""
    allows_empty_epochs: bool = False
