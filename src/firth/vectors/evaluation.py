"""Room vectors: evaluation on analogy questions and on word pairs with human scores, by gensim's rules."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice, pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from firth.base.values import as_integer, validate_choice
from firth.errors import ParameterError
from firth.vectors.composed import Composed, compose_unknown, words_of_questions
from firth.vectors.evaluation_lines import validate_lines
from firth.vectors.evaluation_scores import AnalogyScore, AnalogySection, PairScore
from firth.vectors.neighbors import Rows, block_scores, exact_scores, rows_in_block, unit_rows
from firth.vectors.pair_files import PairFile, read_word_pairs, without_tag
from firth.vectors.pair_layout import Column
from firth.vectors.question_files import Question, QuestionFile, read_questions
from firth.vectors.word_rows import gather_rows, validate_vocabulary
from firth.vectors.word_vectors import PRODUCT_EPSILON, WordVectors

RESTRICT_VOCABULARY = 300_000  # gensim's
ANSWERS_READ = 5  # gensim's rule: the answer is the first of the five nearest words that is not a word of the question
COSINE_ROUNDING = 2.0**-51  # rounding error of a float64 cosine, for each dimension: products, sums and two lengths
_DISTINCT_WORDS = 2048  # number of distinct words whose scores are computed together
_SYNTACTIC_PREFIX = "gram"  # word2vec's file names its syntactic sections gram1-..., gram2-...


def evaluate_analogies(
    vectors: WordVectors,
    path: str | os.PathLike[str],
    *,
    restrict_vocabulary: int | None = RESTRICT_VOCABULARY,
    fold_case: bool = True,
    unknown: Literal["skip", "incorrect", "compose"] = "skip",
    method: Literal["add", "multiply"] = "add",
    bad_lines: Literal["error", "skip"] = "error",
) -> AnalogyScore:
    """Share of analogy questions, "a is to b as c is to d", that are answered correctly.

    The answer is the word nearest to b - a + c (unit vectors), without a, b and c, among the first
    ``restrict_vocabulary`` rows. A question with a word outside these rows is unknown. The rules and the numbers are
    gensim's: folding case converts all words to upper case; if several words become equal, the first row represents
    them; an answer must be among the five nearest rows without the rows of a, b and c.

    Parameters
    ----------
    vectors : WordVectors
    path : path
        Google's format [1]: lines ``a b c d``; ``: name`` begins a section, ``#`` begins a comment. Or a table with the
        columns word1, word2, word3, target, and optionally type, which has the names of the sections.
    restrict_vocabulary : int or None
        Number of rows that are used, the first ones; None: all rows.
    fold_case : bool
        Whether words that differ only in case are equal.
    unknown : "skip", "incorrect" or "compose"
        Unknown questions are left out (the usual rule), or count as wrong answers. "compose": words that the question
        gives get vectors of their n-grams, in lower case if case is folded. A question whose answer is outside the
        vocabulary cannot be answered and is left out, and so is one with a word that has no n-gram.
    method : "add" or "multiply"
        See `WordVectors.most_similar`.
    bad_lines : "error" or "skip"
        Whether a line that is not a question is an error, or is left out and counted in ``lines`` of the result.

    Returns
    -------
    AnalogyScore

    Raises
    ------
    StorageError, EncodingError, FormatError, ParameterError
        The file cannot be read, is not UTF-8, has no question, or has a line that is not a question.

    References
    ----------
    [1] Mikolov, Chen, Corrado, Dean (2013), arXiv:1301.3781.
    """
    validate_choice("bad_lines", bad_lines, ("error", "skip"))
    file = read_questions(path)
    if bad_lines == "error":
        validate_lines(path, file.lines, "questions")
    return score_analogies(
        vectors, file, restrict_vocabulary=restrict_vocabulary, fold_case=fold_case, unknown=unknown, method=method
    )


def score_analogies(
    vectors: WordVectors,
    file: QuestionFile,
    *,
    restrict_vocabulary: int | None = RESTRICT_VOCABULARY,
    fold_case: bool = True,
    unknown: Literal["skip", "incorrect", "compose"] = "skip",
    method: Literal["add", "multiply"] = "add",
) -> AnalogyScore:
    """Score questions that were read from a file; see `evaluate_analogies`. Bad lines are left out."""
    validate_choice("unknown", unknown, ("skip", "incorrect", "compose"))
    validate_choice("method", method, ("add", "multiply"))
    validate_vocabulary(len(vectors), vectors.subword_rows)
    n_rows = _count_rows(vectors, restrict_vocabulary)
    names, section_ids, questions = file.names, file.section_ids, file.questions
    if fold_case:
        questions = [(a.upper(), b.upper(), c.upper(), d.upper()) for a, b, c, d in questions]
    rows_of = _find_folded(vectors, n_rows, fold_case, {word for question in questions for word in question})
    composed = Composed.nothing(vectors)
    if unknown == "compose":
        given = zip(words_of_questions(questions), words_of_questions(file.questions), strict=True)
        composed = compose_unknown(vectors, rows_of, dict(given), fold_case)
    rows_given = {**rows_of, **composed.rows_of}
    known = [
        place
        for place, question in enumerate(questions)
        if all(word in rows_given for word in question[:3]) and question[3] in rows_of
    ]
    triples = np.array([[rows_given[word][0] for word in questions[place][:3]] for place in known], dtype=np.int64)
    ignored = [
        sorted({row for word in questions[place][:3] for row in rows_given[word]} - set(triple))
        for place, triple in zip(known, triples.tolist(), strict=True)
    ]
    answers = _answer(vectors, composed, triples.reshape(-1, 3), ignored, n_rows, method)

    n_sections = len(names)
    correct: list[list[Question]] = [[] for _ in range(n_sections)]
    incorrect: list[list[Question]] = [[] for _ in range(n_sections)]
    n_asked, n_unknown = [0] * n_sections, [0] * n_sections
    answer_of = dict(zip(known, answers.tolist(), strict=True))
    for place, (section_id, question) in enumerate(zip(section_ids, questions, strict=True)):
        n_asked[section_id] += 1
        answer = answer_of.get(place)
        if answer is not None:
            right = answer in rows_of[question[3]]
            (correct if right else incorrect)[section_id].append(question)
        else:
            n_unknown[section_id] += 1
            if unknown == "incorrect":
                incorrect[section_id].append(question)
    sections = tuple(
        AnalogySection(names[i], tuple(correct[i]), tuple(incorrect[i]), n_asked[i], n_unknown[i])
        for i in range(n_sections)
    )
    syntactic = [section for section in sections if section.name.startswith(_SYNTACTIC_PREFIX)]
    semantic = [section for section in sections if not section.name.startswith(_SYNTACTIC_PREFIX)]
    return AnalogyScore(
        sections, _sum("total", sections), _sum("semantic", semantic), _sum("syntactic", syntactic), file.lines
    )


def evaluate_word_pairs(
    vectors: WordVectors,
    path: str | os.PathLike[str],
    *,
    delimiter: str | None = None,
    columns: Sequence[Column] | None = None,
    restrict_vocabulary: int | None = RESTRICT_VOCABULARY,
    fold_case: bool = True,
    unknown: Literal["skip", "zero", "compose"] = "skip",
    bad_lines: Literal["error", "skip"] = "error",
) -> PairScore:
    """Correlation of cosines with human scores of pairs of words.

    If all words end in a part of speech ("sun-n", as in MEN), they are looked up without it, unless the vectors know
    more of the words with it. Scores may have decimal commas if no score has a decimal point.

    Parameters
    ----------
    vectors : WordVectors
    path : path
        Lines with two words and a score, and optional other columns. ``#`` begins a comment. The first line may be a
        heading.
    delimiter : str, optional
        Delimiter of the columns. By default guessed from the first lines: tab, semicolon, comma, bar or white space.
    columns : sequence of three int or str, optional
        Columns of the first word, second word and score: numbers from 1, or names in the heading. By default guessed
        from the heading and the first lines; ``layout`` of the result has the guess.
    restrict_vocabulary, fold_case
        See `evaluate_analogies`.
    unknown : "skip", "zero" or "compose"
        Pairs with a word outside the vocabulary are left out, or count with a cosine of 0. "compose": such a word gets
        the vector of its n-grams, in lower case if case is folded; a pair with a word that has none is left out.
    bad_lines : "error" or "skip"
        Whether a line that is not a pair is an error, or is left out and counted in ``lines`` of the result.

    Returns
    -------
    PairScore
        Spearman's rank correlation (ties share the mean of their ranks) and Pearson's.

    Raises
    ------
    StorageError, EncodingError, FormatError, ParameterError
        The file cannot be read, is not UTF-8, has no pair, has a line that is not a pair, or its columns are ambiguous.
    """
    validate_choice("bad_lines", bad_lines, ("error", "skip"))
    file = read_word_pairs(path, delimiter, columns)
    if bad_lines == "error":
        validate_lines(path, file.lines, "pairs")
    return score_word_pairs(
        vectors, file, restrict_vocabulary=restrict_vocabulary, fold_case=fold_case, unknown=unknown
    )


def score_word_pairs(
    vectors: WordVectors,
    file: PairFile,
    *,
    restrict_vocabulary: int | None = RESTRICT_VOCABULARY,
    fold_case: bool = True,
    unknown: Literal["skip", "zero", "compose"] = "skip",
) -> PairScore:
    """Score pairs that were read from a file; see `evaluate_word_pairs`. Bad lines are left out."""
    validate_choice("unknown", unknown, ("skip", "zero", "compose"))
    n_rows = _count_rows(vectors, restrict_vocabulary)
    pairs, tags_removed = file.pairs, False
    if fold_case:
        pairs = [(first.upper(), second.upper(), score) for first, second, score in pairs]
    if file.has_tags:
        bare = [(without_tag(first), without_tag(second), score) for first, second, score in pairs]
        tagged_words, bare_words = ({word for pair in some for word in pair[:2]} for some in (pairs, bare))
        n_tagged = len(_find_folded(vectors, n_rows, fold_case, tagged_words))
        tags_removed = n_tagged <= len(_find_folded(vectors, n_rows, fold_case, bare_words))
        pairs = bare if tags_removed else pairs
    rows_of = _find_folded(vectors, n_rows, fold_case, {word for pair in pairs for word in pair[:2]})
    composed = Composed.nothing(vectors)
    if unknown == "compose":
        spelled = (without_tag(word) if tags_removed else word for pair in file.pairs for word in pair[:2])
        names = (name for pair in pairs for name in pair[:2])
        composed = compose_unknown(vectors, rows_of, dict(zip(names, spelled, strict=True)), fold_case)
    rows_of = {**rows_of, **composed.rows_of}
    known = np.array([first in rows_of and second in rows_of for first, second, _ in pairs], dtype=bool)
    scores = np.array([score for _, _, score in pairs])
    cosines = np.zeros(len(pairs))
    chosen = [pair for pair, is_known in zip(pairs, known.tolist(), strict=True) if is_known]
    first_rows = np.array([rows_of[pair[0]][0] for pair in chosen], dtype=np.int64)
    second_rows = np.array([rows_of[pair[1]][0] for pair in chosen], dtype=np.int64)
    is_composed = np.maximum(first_rows, second_rows) >= len(vectors)
    if chosen:
        found = np.empty(len(chosen))
        units = unit_rows(vectors.matrix[first_rows[~is_composed]])
        found[~is_composed] = exact_scores(vectors.matrix, units, np.arange(len(units)), second_rows[~is_composed])
        first_units, second_units = (
            unit_rows(gather_rows(vectors.matrix, composed.matrix, rows[is_composed]))
            for rows in (first_rows, second_rows)
        )
        found[is_composed] = np.einsum("ij,ij->i", first_units, second_units)
        if (bad := np.flatnonzero(~np.isfinite(found))).size:
            raise ParameterError(f"the vectors of {chosen[int(bad[0])][:2]} must be finite, got NaN or infinity")
        cosines[known] = found
    n_unknown = len(pairs) - len(chosen)
    counted = np.ones(len(pairs), dtype=bool) if unknown == "zero" else known
    scores, cosines = scores[counted], cosines[counted]
    not_defined = _why_not_defined(scores, cosines, vectors.dims)
    return PairScore(
        spearman=float("nan") if not_defined else correlate(average_ranks(scores), average_ranks(cosines)),
        pearson=float("nan") if not_defined else correlate(scores, cosines),
        n_pairs=len(scores),
        n_unknown=n_unknown,
        unknown_share=n_unknown / len(pairs),
        n_composed=int(np.count_nonzero(is_composed)),
        lines=file.lines,
        layout=file.layout,
        tags_removed=tags_removed,
        not_defined=not_defined,
    )


def _why_not_defined(scores: npt.NDArray[np.float64], cosines: npt.NDArray[np.float64], n_dims: int) -> str | None:
    """Why scores and cosines have no correlation; None where they have one."""
    if not len(scores):
        return "every line has a word that the vectors lack"
    if len(scores) == 1:
        return "one pair alone has both words in the vectors"
    if np.all(scores == scores[0]):
        return f"all {len(scores):,} pairs have the same score, {scores[0]:g}"
    if np.ptp(cosines) <= n_dims * COSINE_ROUNDING:
        return (
            f"the vectors give all {len(scores):,} pairs the same cosine, {cosines[0]:g}; have the vectors learned"
            " anything?"
        )
    return None


def average_ranks(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Ranks from 1 (the lowest value). Equal values all get the mean of their ranks."""
    _, inverse, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    means = np.cumsum(counts) - (counts - 1) / 2.0
    return np.asarray(means[inverse.reshape(-1)], dtype=np.float64)


def correlate(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Pearson's correlation; NaN for fewer than two pairs, or if one side is constant."""
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if len(x) < 2 or np.all(x == x[0]) or np.all(y == y[0]):
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    x, y = x / np.max(np.abs(x)), y / np.max(np.abs(y))
    return float(np.clip(np.sum(x * y) / np.sqrt(np.sum(x * x) * np.sum(y * y)), -1.0, 1.0))


def _count_rows(vectors: WordVectors, restrict_vocabulary: int | None) -> int:
    if restrict_vocabulary is None:
        return len(vectors)
    as_integer("restrict_vocabulary", restrict_vocabulary, minimum=1)
    return min(len(vectors), restrict_vocabulary)


def _sum(name: str, sections: Sequence[AnalogySection]) -> AnalogySection:
    return AnalogySection(
        name,
        tuple(question for section in sections for question in section.correct),
        tuple(question for section in sections for question in section.incorrect),
        sum(section.n_questions for section in sections),
        sum(section.n_unknown for section in sections),
    )


def _find_folded(vectors: WordVectors, n_rows: int, fold_case: bool, wanted: set[str]) -> dict[str, list[int]]:
    """The rows of every wanted word, in ascending order."""
    rows_of: dict[str, list[int]] = {}
    for row, word in enumerate(islice(vectors, n_rows)):
        name = str(word).upper() if fold_case else str(word)
        if name in wanted:
            rows_of.setdefault(name, []).append(row)
    return rows_of


def _answer(
    vectors: WordVectors, composed: Composed, triples: Rows, ignored: Sequence[Sequence[int]], n_rows: int, method: str
) -> npt.NDArray[np.int64]:
    """The row that answers each question (a, b, c); -1 if the five nearest rows are all ignored ones.

    cos(x, b - a + c) gives the same order as cos(x, b) - cos(x, a) + cos(x, c). So the cosines of the distinct words
    with a block of rows are one matrix product, and each question needs two additions.
    """
    answers = np.full(len(triples), -1, dtype=np.int64)
    start = 0
    while start < len(triples):
        words: set[int] = set()
        stop = start
        while stop < len(triples):
            new = set(triples[stop].tolist()) - words
            if len(words) + len(new) > _DISTINCT_WORDS and stop > start:
                break
            words |= new
            stop += 1
        answers[start:stop] = _answer_chunk(vectors, composed, triples[start:stop], ignored[start:stop], n_rows, method)
        start = stop
    return answers


def _answer_chunk(
    vectors: WordVectors, composed: Composed, triples: Rows, ignored: Sequence[Sequence[int]], n_rows: int, method: str
) -> npt.NDArray[np.int64]:
    matrix, norms = vectors.matrix, vectors.all_norms()
    distinct, places = np.unique(triples, return_inverse=True)
    places = places.reshape(triples.shape)
    # a vector that is not finite counts as zero
    units = np.nan_to_num(unit_rows(gather_rows(matrix, composed.matrix, distinct))).astype(np.float32)
    n_distinct, n_dims = units.shape
    order = np.lexsort((places[:, 2], places[:, 1], places[:, 0]))  # makes questions with the same (a, b) adjacent
    a, b, c = places[order].T
    borders = np.flatnonzero(np.r_[True, (a[1:] != a[:-1]) | (b[1:] != b[:-1]), True])
    n_questions = len(order)
    own_rows = triples[order]
    other_rows = [ignored[place] for place in order.tolist()]
    struck = np.array(
        [(row, place) for place in range(n_questions) for row in {*own_rows[place].tolist(), *other_rows[place]}],
        dtype=np.int64,
    ).reshape(-1, 2)
    struck = struck[np.lexsort((struck[:, 0], struck[:, 1]))]
    best = np.full(n_questions, -np.inf, dtype=np.float32)
    best_rows = np.full(n_questions, -1, dtype=np.int64)
    other_scores: list[list[float]] = [[] for _ in range(n_questions)]
    block_rows = rows_in_block(max(n_distinct, n_dims))
    scale_rows = matrix.dtype != np.float32 or n_distinct > n_dims
    buffer = np.empty(n_distinct * min(block_rows, n_rows), dtype=np.float32)
    for start in range(0, n_rows, block_rows):
        stop = min(n_rows, start + block_rows)
        cosines = block_scores(matrix, norms, units, None, start, stop, scale_rows, buffer)
        if method == "multiply":
            np.clip(cosines, -1.0, 1.0, out=cosines)
            cosines += np.float32(1.0)
            cosines *= np.float32(0.5)
        low, high = np.searchsorted(norms.not_finite, [start, stop])
        not_finite = norms.not_finite[low:high] - start
        here = struck[(struck[:, 0] >= start) & (struck[:, 0] < stop)]
        here_borders = np.searchsorted(here[:, 1], borders)
        for group, (first, last) in enumerate(pairwise(borders.tolist())):
            scores = cosines[c[first:last]]
            if method == "multiply":
                scores *= cosines[b[first]] / (cosines[a[first]] + np.float32(PRODUCT_EPSILON))
            else:
                scores += cosines[b[first]] - cosines[a[first]]
            mine = here[here_borders[group] : here_borders[group + 1]]
            for row, place in mine.tolist():
                if other_rows[place] and row in other_rows[place]:
                    other_scores[place].append(float(scores[place - first, row - start]))
            scores[mine[:, 1] - first, mine[:, 0] - start] = -np.inf
            scores[:, not_finite] = -np.inf
            columns = scores.argmax(axis=1)
            found = scores[np.arange(last - first), columns]
            better = found > best[first:last]
            best[first:last][better] = found[better]
            best_rows[first:last][better] = columns[better] + start
    for place, others in enumerate(other_scores):
        if sum(score > best[place] for score in others) >= ANSWERS_READ:
            best_rows[place] = -1
    answers = np.empty(n_questions, dtype=np.int64)
    answers[order] = best_rows
    return answers
