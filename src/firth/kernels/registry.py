"""Room kernels: the registry of objectives: input sides, output sides, and the pairs of sides that can be trained.

An objective is an input side and an output side. The input side makes the input vectors from a context. The output side
chooses the output rows and the loss. A side is a native header with a line in native/cpp/objectives/objectives.hpp, and
a file in kernels/sides with a line here. Tests, ``selfcheck`` and the choices of the command line are made from these
tables. A side outside firth is compiled in by CMake's ``FIRTH_EXTRA_SIDES`` and registered with :func:`register`.

Tests: tests/extending/test_sides.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from firth.errors import ParameterError
from firth.kernels.sides import cbow, hierarchical_softmax, negative_sampling, one_vs_all, skipgram, softmax
from firth.kernels.sides.side import InputSide, OutputSide


@dataclass(frozen=True)
class Objective:
    """An input side and an output side that can be trained together."""

    inputs: InputSide
    outputs: OutputSide

    @property
    def name(self) -> str:
        return f"{self.inputs.architecture}/{self.outputs.loss}"

    @property
    def takes_several_windows(self) -> bool:
        """Whether a unit may be several windows that share their negatives (``negative_sharing="block"``)."""
        return self.inputs.joined_windows > 1 and self.outputs.draws_negatives

    @property
    def takes_pairs(self) -> bool:
        """Whether a unit may be a pair of words with a noise set for each pair (``negative_sharing="pair"``)."""
        return self.inputs.takes_parts and self.outputs.draws_negatives


OBJECTIVES: dict[tuple[str, str], Objective] = {}
"""Every pair of sides, by architecture and loss, in the order of the lists of tests and ``selfcheck``."""

_input_sides: list[InputSide] = []
_output_sides: list[OutputSide] = []


def register(side: InputSide | OutputSide) -> None:
    """Add a side. It can then be trained with every side of the other kind.

    The library must have a native side whose NAME is the side's name. The constructor of Engine checks this.

    Raises
    ------
    ParameterError
        A side of this name is registered already.
    """
    if isinstance(side, InputSide):
        if side.architecture in architectures():
            raise ParameterError(f"architecture must be a new word to be registered, got {side.architecture!r}")
        _input_sides.append(side)
        added = [(side, outputs) for outputs in _output_sides]
    else:
        if side.loss in losses():
            raise ParameterError(f"loss must be a new word to be registered, got {side.loss!r}")
        _output_sides.append(side)
        added = [(inputs, side) for inputs in _input_sides]
    for inputs, outputs in added:
        OBJECTIVES[inputs.architecture, outputs.loss] = Objective(inputs, outputs)


def architectures() -> tuple[str, ...]:
    """The names of the input sides."""
    return tuple(side.architecture for side in _input_sides)


def losses() -> tuple[str, ...]:
    """The names of the output sides."""
    return tuple(side.loss for side in _output_sides)


def find_objective(architecture: str, loss: str) -> Objective:
    """The objective of an architecture and a loss.

    Raises
    ------
    ParameterError
        A name is unknown, or the two sides cannot be trained together.
    """
    objective = OBJECTIVES.get((architecture, loss))
    if objective is None:
        allowed = ", ".join(f"{a} with {b}" for a, b in OBJECTIVES)
        raise ParameterError(f"architecture and loss must be one of {allowed}, got {architecture!r} with {loss!r}")
    return objective


# One line for each side. Output sides are first, so that OBJECTIVES is ordered by input side.
for _side in (
    negative_sampling.SIDE,
    hierarchical_softmax.SIDE,
    softmax.SIDE,
    one_vs_all.SIDE,
    skipgram.SIDE,
    cbow.SIDE,
):
    register(_side)
