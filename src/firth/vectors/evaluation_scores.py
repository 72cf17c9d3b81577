"""Room vectors: the results of evaluation: sections of analogy questions, and correlations over word pairs.

Tests: tests/vectors/test_evaluation.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from firth.base.html import html_table
from firth.vectors.evaluation_lines import LineCounts
from firth.vectors.pair_layout import PairLayout
from firth.vectors.question_files import Question


@dataclass(frozen=True)
class AnalogySection:
    """The result for one section or several: ``n_correct`` of ``n_answered`` answers were right.

    ``n_unknown`` of ``n_questions`` questions have a word outside the (restricted) vocabulary. ``correct`` and
    ``incorrect`` are the questions, in upper case if case was folded.
    """

    name: str
    correct: tuple[Question, ...] = field(repr=False)
    incorrect: tuple[Question, ...] = field(repr=False)
    n_questions: int
    n_unknown: int

    @property
    def n_correct(self) -> int:
        """Number of questions answered correctly."""
        return len(self.correct)

    @property
    def n_answered(self) -> int:
        """Number of questions that were scored."""
        return len(self.correct) + len(self.incorrect)

    @property
    def accuracy(self) -> float:
        """``n_correct / n_answered``, in [0, 1]; 0 if no question was answered."""
        return self.n_correct / self.n_answered if self.n_answered else 0.0


@dataclass(frozen=True)
class AnalogyScore:
    """The result of `evaluate_analogies`: each section of the file, and sums of sections.

    ``syntactic`` is the sum of the sections whose names begin with "gram", as in word2vec's file; ``semantic`` is the
    sum of the others. ``lines`` counts every line of the file.
    """

    sections: tuple[AnalogySection, ...]
    total: AnalogySection
    semantic: AnalogySection
    syntactic: AnalogySection
    lines: LineCounts

    def __repr__(self) -> str:
        parts = [f"accuracy={self.accuracy:.4f}"]
        parts += [f"{part.name}={part.accuracy:.4f}" for part in (self.semantic, self.syntactic) if part.n_questions]
        parts += [f"n_answered={self.total.n_answered}", f"n_questions={self.total.n_questions}"]
        return f"AnalogyScore({', '.join(parts)})"

    def _repr_html_(self) -> str:
        """The table that a notebook shows: a row for each section of the file, and the sums."""
        parts = (*self.sections, self.semantic, self.syntactic, self.total)
        rows = [(one.name, one.accuracy, one.n_correct, one.n_answered, one.n_unknown) for one in parts]
        return html_table(repr(self), ("section", "accuracy", "correct", "answered", "with an unknown word"), rows)

    @property
    def n_skipped_lines(self) -> int:
        """Number of lines that are neither a question nor a section: bad lines, and a heading."""
        return self.lines.n_skipped

    @property
    def accuracy(self) -> float:
        """Share of the answered questions that are correct, in [0, 1]."""
        return self.total.accuracy

    @property
    def unknown_share(self) -> float:
        """Share of all questions with a word outside the vocabulary, in [0, 1]."""
        return self.total.n_unknown / self.total.n_questions


@dataclass(frozen=True)
class PairScore:
    """The result of `evaluate_word_pairs`: correlations of cosines with human scores.

    ``spearman`` and ``pearson`` are over ``n_pairs`` pairs. They are NaN if undefined; then ``not_defined`` says why
    (fewer than two pairs, all scores equal, or all cosines equal except for rounding), else it is None. ``n_unknown``
    pairs have a word without a vector, and ``n_composed`` of those that count have a word whose vector is made of
    n-grams. ``lines`` counts every line of the file, ``layout`` describes its columns, ``tags_removed`` says whether
    "sun-n" was looked up as "sun".
    """

    spearman: float
    pearson: float
    n_pairs: int
    n_unknown: int
    unknown_share: float
    lines: LineCounts
    layout: PairLayout = field(compare=False)
    tags_removed: bool = False
    not_defined: str | None = None
    n_composed: int = 0

    def __repr__(self) -> str:
        parts = [f"spearman={self.spearman:.4f}", f"pearson={self.pearson:.4f}", f"n_pairs={self.n_pairs}"]
        parts += [f"n_unknown={self.n_unknown}"]
        return f"PairScore({', '.join(parts)})"

    def _repr_html_(self) -> str:
        """The table that a notebook shows."""
        columns = ("Spearman", "Pearson", "pairs", "composed", "with an unknown word")
        return html_table(
            "PairScore", columns, [(self.spearman, self.pearson, self.n_pairs, self.n_composed, self.n_unknown)]
        )

    @property
    def n_skipped_lines(self) -> int:
        """Number of lines that are not a pair: bad lines, and a heading."""
        return self.lines.n_skipped
