"""Room kernels: the registry of objectives: input sides, output sides, and the pairs of them that can be trained.

An objective is an input side (what vectors a context makes) and an output side (which output rows they meet, and by
what loss). Each side is one native header and one spec here; tests, ``selfcheck`` and the command line's choices are
generated from these tables, so that a new side is a header, a spec and a line.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from firth.errors import ParameterError
from firth.native.kernel import CHOICE_CODES


@dataclass(frozen=True)
class InputSide:
    """What vectors the context of a window makes.

    Attributes
    ----------
    architecture : str
        The word of TrainingConfig.architecture that chooses it.
    header : str
        Its native header.
    examples : {"context", "window"}
        What counts as one positive example: each context word, or the window.
    options : dict of parameter to words
        Choices of its own; every combination is tested.
    """

    architecture: str
    header: str
    examples: str
    options: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def variants(self) -> list[dict[str, str]]:
        """Every combination of its options."""
        names = [name for name, _ in self.options]
        return [dict(zip(names, words, strict=True)) for words in product(*(words for _, words in self.options))]


@dataclass(frozen=True)
class OutputSide:
    """Which output rows the input vectors meet.

    Attributes
    ----------
    loss : str
        The word of TrainingConfig.loss that chooses it.
    header : str
        Its native header.
    rows_below_vocabulary : int
        Output rows are V minus this: a Huffman tree has V - 1 inner nodes.
    draws_negatives, needs_tree : bool
    """

    loss: str
    header: str
    rows_below_vocabulary: int = 0
    draws_negatives: bool = False
    needs_tree: bool = False


INPUT_SIDES = (
    InputSide("skipgram", "inputs_rows.hpp", "context"),
    InputSide(
        "cbow",
        "inputs_pool.hpp",
        "window",
        (("cbow_input", ("mean", "sum")), ("cbow_update", ("gradient", "word2vec"))),
    ),
)

OUTPUT_SIDES = (
    OutputSide("negative-sampling", "outputs_logistic.hpp", draws_negatives=True),
    OutputSide("hierarchical-softmax", "outputs_logistic.hpp", rows_below_vocabulary=1, needs_tree=True),
    OutputSide("softmax", "outputs_softmax.hpp"),
)


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
        """A unit may be several windows that share their negatives (``negative_sharing="block"``)."""
        return self.inputs.examples == "context" and self.outputs.draws_negatives


OBJECTIVES = {
    (inputs.architecture, outputs.loss): Objective(inputs, outputs)
    for inputs, outputs in product(INPUT_SIDES, OUTPUT_SIDES)
}

CHOICES = {name: tuple(codes) for name, codes in CHOICE_CODES.items()}
"""The words of every word-valued parameter that the kernels know."""


def find_objective(architecture: str, loss: str) -> Objective:
    """The objective of two words.

    Raises
    ------
    ParameterError
        If the two cannot be trained together, or are unknown.
    """
    objective = OBJECTIVES.get((architecture, loss))
    if objective is None:
        allowed = ", ".join(f"{a} with {b}" for a, b in OBJECTIVES)
        raise ParameterError(f"architecture and loss must be one of {allowed}, got {architecture!r} with {loss!r}")
    return objective
