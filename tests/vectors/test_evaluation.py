"""Evaluation: worked files, what is refused, and gensim's numbers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import EncodingError, FormatError, ParameterError, StorageError
from firth.vectors import PackedWords, WordVectors, evaluate_analogies, evaluate_word_pairs
from firth.vectors import evaluation as module

WORD_PAIR_FILES = ("EN-WS-353-ALL", "EN-SIMLEX-999", "EN-MEN-TR-3k", "EN-RW-STANFORD", "EN-VERB-143", "EN-YP-130")


@pytest.fixture
def family() -> WordVectors:
    """king - man = queen - woman, and Paris - France = Rome - Italy, up to a little."""
    rows = {
        "man": [1, 0, 0, 0],
        "woman": [1, 1, 0, 0],
        "king": [1, 0, 1, 0],
        "queen": [1, 1, 1, 0.1],
        "KING": [1, 0, 1.1, 0],  # of words that fold to the same, the first row stands
        "France": [0, 0, 0, 1],
        "Paris": [0, 0, 1, 1],
        "Italy": [0, 1, 0, 1],
        "Rome": [0.2, 1, 1, 1],
    }
    return WordVectors(list(rows), np.array(list(rows.values()), dtype=np.float32))


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "file.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


# ---- analogies


def test_analogies_by_hand(family: WordVectors, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        ": family\nman king woman queen\nman woman king woman\nman king woman princess\n"
        "not a question\n\n: gram1-capitals\nfrance paris italy rome\n",
    )
    with pytest.raises(
        FormatError, match=r"1 of 8 lines that are not questions: 1 line: the line has 3 words.*line 5: 'not a q"
    ):
        evaluate_analogies(family, path)
    score = evaluate_analogies(family, path, bad_lines="skip")
    first, second = score.sections
    assert (first.name, first.n_correct, first.n_answered, first.n_questions, first.n_unknown) == ("family", 1, 2, 3, 1)
    assert first.correct == (("MAN", "KING", "WOMAN", "QUEEN"),)
    assert first.incorrect == (("MAN", "WOMAN", "KING", "WOMAN"),)  # a word of the question is never the answer
    assert first.accuracy == 0.5
    assert second.accuracy == 1.0
    assert (score.semantic.n_answered, score.syntactic.n_answered, score.total.n_answered) == (2, 1, 3)
    assert score.accuracy == pytest.approx(2 / 3)
    assert score.unknown_share == 1 / 4
    assert score.n_skipped_lines == 1
    assert evaluate_analogies(family, path, unknown="incorrect", bad_lines="skip").accuracy == 2 / 4
    assert evaluate_analogies(family, path, unknown="incorrect", bad_lines="skip").unknown_share == 1 / 4


def test_case_and_vocabulary(family: WordVectors, tmp_path: Path) -> None:
    path = write(tmp_path, "man king woman queen\nfrance paris italy rome\n")
    assert evaluate_analogies(family, path).total.n_correct == 2
    assert evaluate_analogies(family, path).sections[0].name == "questions"
    assert evaluate_analogies(family, path, fold_case=False).total.n_answered == 1
    assert evaluate_analogies(family, path, restrict_vocabulary=4).total.n_answered == 1
    assert evaluate_analogies(family, path, restrict_vocabulary=3).total.n_answered == 0
    assert evaluate_analogies(family, path, restrict_vocabulary=3).accuracy == 0.0
    assert evaluate_analogies(family, path, restrict_vocabulary=None, method="multiply").total.n_correct == 2


def test_words_that_are_integers(tmp_path: Path) -> None:
    path = write(tmp_path, "10 20 30 40\n")
    vectors = WordVectors([10, 20, 30, 40, 50], [[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [0, 0, 1]])
    assert evaluate_analogies(vectors, path).accuracy == 1.0


def test_rows_that_are_not_finite_are_no_answers(family: WordVectors, tmp_path: Path) -> None:
    path = write(tmp_path, "man king woman queen\nnan king woman queen\n")
    broken = family.merge(WordVectors(["nan", "inf"], [[np.nan, 0, 0, 0], [np.inf, 1, 1, 1]]))
    score = evaluate_analogies(broken, path)
    assert ("MAN", "KING", "WOMAN", "QUEEN") in score.total.correct


def answer_one_by_one(vectors, questions, n_rows, method):
    """The oracle: `most_similar` for every question."""
    head = vectors.head(n_rows)
    return [head.analogy(a, b, c, top=1, method=method)[0].word == d for a, b, c, d in questions]


@pytest.mark.parametrize("method", ["add", "multiply"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_blocks_answer_as_most_similar_does(
    method: str, dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "rows_in_block", lambda width: 37)
    monkeypatch.setattr(module, "_DISTINCT_WORDS", 20)
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(300)]
    matrix = rng.standard_normal((300, 6)).astype(dtype)
    vectors = WordVectors(words, matrix)
    triples = [tuple(words[i] for i in rng.choice(250, 3, replace=False)) for _ in range(150)]
    questions = []
    for place, (a, b, c) in enumerate(triples):
        right = vectors.head(250).analogy(a, b, c, top=1, method=method)[0].word
        questions.append((a, b, c, right if place % 3 else words[place % 250]))
    path = write(tmp_path, "\n".join(" ".join(question) for question in questions))
    score = evaluate_analogies(vectors, path, restrict_vocabulary=250, method=method, fold_case=False)
    expected = answer_one_by_one(vectors, questions, 250, method)
    assert score.total.n_correct == sum(expected) >= 100
    assert set(score.total.correct) == {q for q, right in zip(questions, expected, strict=True) if right}


def test_an_answer_must_be_among_the_five_nearest(tmp_path: Path) -> None:
    """gensim reads no further, so a question whose words have many spellings in other case can have no answer."""
    path = write(tmp_path, "aaa bbb ccc ddd\n")
    rows = {"aaa": [1, 0, 0], "bbb": [1, 1, 0], "ccc": [1, 0, 1], "ddd": [1, 1, 2]}
    for n_spellings, found in ((4, True), (5, False)):
        spellings = ["Aaa", "aAa", "aaA", "AAa", "AaA"][:n_spellings]
        near = WordVectors([*rows, *spellings], [*rows.values(), *[[1, 1, 1]] * n_spellings])
        assert bool(evaluate_analogies(near, path).total.n_correct) == found


def test_refused_analogies(family: WordVectors, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nothing.txt must be a file, got a path that does not exist"):
        evaluate_analogies(family, tmp_path / "nothing.txt")
    with pytest.raises(StorageError, match="must be a file, got a folder"):
        evaluate_analogies(family, tmp_path)
    for empty in ("", "\n\n", ": section\n", "only three words\n"):
        with pytest.raises(FormatError, match="must have analogy questions, lines of four words, got none"):
            evaluate_analogies(family, write(tmp_path, empty))
    with pytest.raises(EncodingError, match=r"must be UTF-8, got invalid start byte at byte 9"):
        evaluate_analogies(family, write(tmp_path, b"a b c d\nx\xff y z w\n"))
    with pytest.raises(FormatError, match=r"must have lines of at most 1048576 bytes, got more at byte 8"):
        evaluate_analogies(family, write(tmp_path, b"a b c d\n" + b"x" * (1 << 21)))
    path = write(tmp_path, "a b c d\n")
    with pytest.raises(ParameterError, match="restrict_vocabulary must be at least 1, got 0"):
        evaluate_analogies(family, path, restrict_vocabulary=0)
    with pytest.raises(ParameterError, match="unknown must be one of 'skip', 'incorrect', 'compose', got 'zero'"):
        evaluate_analogies(family, path, unknown="zero")
    with pytest.raises(ParameterError, match="method must be one of 'add', 'multiply'"):
        evaluate_analogies(family, path, method="x")


# ---- word pairs


@pytest.fixture
def line() -> WordVectors:
    """Cosines with a: b 0.8, c 0.6, d 0, e -1."""
    return WordVectors(["a", "b", "c", "d", "e"], [[1, 0], [4, 3], [3, 4], [0, 1], [-1, 0]])


def test_pairs_by_hand(line: WordVectors, tmp_path: Path) -> None:
    path = write(tmp_path, "# comment\nword 1\tword 2\tscore\na\tb\t9\nA\tC\t5\na\td\t6\na\te\t1\na\tx\t3\n\n")
    score = evaluate_word_pairs(line, path)
    # ranks of the scores 4 2 3 1, of the cosines 4 3 2 1: 1 - 6 * 2 / (4 * 15)
    assert score.spearman == pytest.approx(0.8)
    assert score.pearson == pytest.approx(np.corrcoef([9, 5, 6, 1], [0.8, 0.6, 0, -1])[0, 1])
    assert (score.n_pairs, score.n_unknown, score.unknown_share, score.n_skipped_lines) == (4, 1, 0.2, 1)
    zero = evaluate_word_pairs(line, path, unknown="zero")
    assert (zero.n_pairs, zero.n_unknown, zero.unknown_share) == (5, 1, 0.2)
    assert zero.pearson == pytest.approx(np.corrcoef([9, 5, 6, 1, 3], [0.8, 0.6, 0, -1, 0])[0, 1])


def test_delimiters(line: WordVectors, tmp_path: Path) -> None:
    texts = {None: "a b 9\na\tc\t5\na  d 6\n", ",": "a,b,9\na,c,5\na, d,6\n", ";": "a;b;9\na;c;5\na;d;6\n"}
    scores = [evaluate_word_pairs(line, write(tmp_path, text), delimiter=mark) for mark, text in texts.items()]
    assert scores[0] == scores[1] == scores[2]
    assert scores[0].n_pairs == 3
    phrases = WordVectors(["new york", "rome"], [[1, 0], [1, 1]])
    assert evaluate_word_pairs(phrases, write(tmp_path, "New York\trome\t3\nrome\tnew york\t2\n")).n_pairs == 2


def test_byte_order_mark(line: WordVectors, tmp_path: Path) -> None:
    assert evaluate_word_pairs(line, write(tmp_path, "\ufeffa b 9\na c 5\na d 6\n")).n_pairs == 3


def test_correlations_that_are_not_defined(line: WordVectors, tmp_path: Path) -> None:
    for text, reason in (
        ("a b 9\n", "one pair alone"),
        ("a b 5\na c 5\n", "all 2 pairs have the same score, 5"),
        ("a b 5\na b 6\n", "the vectors give all 2 pairs the same cosine"),
        ("x y 5\nx z 6\n", "every line has a word that the vectors lack"),
    ):
        score = evaluate_word_pairs(line, write(tmp_path, text))
        assert math.isnan(score.spearman)
        assert math.isnan(score.pearson)
        assert reason in str(score.not_defined)
    assert evaluate_word_pairs(line, write(tmp_path, "a b 5\na c 6\n")).not_defined is None


def test_cosines_that_differ_by_rounding_alone_have_no_correlation(tmp_path: Path) -> None:
    """Parallel vectors: every cosine is 1, computed as one of several numbers near it."""
    scales = np.random.default_rng(1).uniform(0.1, 10, (40, 1))
    parallel = WordVectors([f"w{i}" for i in range(40)], scales * np.random.default_rng(2).normal(size=(1, 50)))
    text = "".join(f"w{i}\tw{i + 1}\t{i}\n" for i in range(39))
    score = evaluate_word_pairs(parallel, write(tmp_path, text))
    assert "the same cosine, 1" in str(score.not_defined)
    assert math.isnan(score.spearman)


def test_case_and_vocabulary_of_pairs(line: WordVectors, tmp_path: Path) -> None:
    path = write(tmp_path, "A b 9\na c 5\na d 6\n")
    assert evaluate_word_pairs(line, path).n_pairs == 3
    assert evaluate_word_pairs(line, path, fold_case=False).n_pairs == 2
    assert evaluate_word_pairs(line, path, restrict_vocabulary=2).n_pairs == 1


def test_refused_pairs(line: WordVectors, tmp_path: Path) -> None:
    for text in ("", "a b\n", "a b c d\n", "a b nan\n", "a b inf\n", "a,b,inf\n"):
        with pytest.raises(FormatError, match="must have lines of two words and a score, got none"):
            evaluate_word_pairs(line, write(tmp_path, text))
    path = write(tmp_path, "a b 9\n")
    with pytest.raises(ParameterError, match="delimiter must be a string that is not empty, got ''"):
        evaluate_word_pairs(line, path, delimiter="")
    with pytest.raises(ParameterError, match="unknown must be one of 'skip', 'zero'"):
        evaluate_word_pairs(line, path, unknown="incorrect")
    for evaluate in (evaluate_word_pairs, evaluate_analogies):
        with pytest.raises(ParameterError, match="bad_lines must be one of 'error', 'skip', got 'drop'"):
            evaluate(line, path, bad_lines="drop")
    broken = WordVectors(["a", "b"], [[1, 0], [np.nan, 0]])
    with pytest.raises(ParameterError, match=r"the vectors of \('A', 'B'\) must be finite"):
        evaluate_word_pairs(broken, path)


@settings(deadline=None)  # the first call imports SciPy
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=30))
def test_correlations_are_scipys(pairs: list[tuple[int, int]]) -> None:
    stats = pytest.importorskip("scipy.stats")
    x, y = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    assert module.average_ranks(x).tolist() == stats.rankdata(x).tolist()
    if len(set(x)) > 1 and len(set(y)) > 1:
        assert module.correlate(x, y) == pytest.approx(stats.pearsonr(x, y)[0], abs=1e-12)
        assert module.correlate(module.average_ranks(x), module.average_ranks(y)) == pytest.approx(
            stats.spearmanr(x, y)[0], abs=1e-12
        )


# ---- gensim's numbers


@pytest.fixture(scope="module")
def mixed_case(glove_table):
    """GloVe's words, and the most frequent ones again in other case, near by; rows in random order."""
    words, matrix = glove_table
    rng = np.random.default_rng(1)
    known = set(words)
    others = [other for word in words[:600] for other in {word.upper(), word.title()} - known]
    noise = 0.05 * rng.standard_normal((len(others), matrix.shape[1]))
    near = np.concatenate([matrix, matrix[rng.integers(0, 600, len(others))] + noise]).astype(np.float32)
    order = rng.permutation(len(near))
    return [[*words, *others][i] for i in order], near[order]


@pytest.mark.data
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"restrict_vocab": 3000}, {"restrict_vocabulary": 3000}),
        ({"case_insensitive": False, "restrict_vocab": 8000}, {"fold_case": False, "restrict_vocabulary": 8000}),
        ({"dummy4unknown": True, "restrict_vocab": 6000}, {"unknown": "incorrect", "restrict_vocabulary": 6000}),
    ],
)
def test_gensims_analogies(mixed_case, data_folder: Path, tmp_path: Path, theirs, ours) -> None:
    keyedvectors = pytest.importorskip("gensim.models.keyedvectors", reason="gensim is not installed")
    words, matrix = mixed_case
    keyed = keyedvectors.KeyedVectors(matrix.shape[1])
    keyed.add_vectors(words, matrix.copy())
    lines = (data_folder / "eval/questions-words.txt").read_text(encoding="utf-8").splitlines()
    path = write(tmp_path, "\n".join(line for place, line in enumerate(lines) if line[0] == ":" or place % 4 == 0))
    accuracy, sections = keyed.evaluate_word_analogies(str(path), **theirs)
    for vectors in (WordVectors(words, matrix), WordVectors(PackedWords.from_words(words), matrix)):
        score = evaluate_analogies(vectors, path, **ours)
        assert score.accuracy == accuracy
        for section, reference in zip([*score.sections, score.total], sections, strict=True):
            assert set(section.correct) == set(reference["correct"])
            assert set(section.incorrect) == set(reference["incorrect"])


@pytest.mark.data
@pytest.mark.parametrize("name", WORD_PAIR_FILES)
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({}, {}),
        ({"restrict_vocab": 4000}, {"restrict_vocabulary": 4000}),
        ({"case_insensitive": False}, {"fold_case": False}),
        ({"dummy4unknown": True}, {"unknown": "zero"}),
    ],
)
def test_gensims_word_pairs(mixed_case, data_folder: Path, name: str, theirs, ours) -> None:
    keyedvectors = pytest.importorskip("gensim.models.keyedvectors", reason="gensim is not installed")
    words, matrix = mixed_case
    keyed = keyedvectors.KeyedVectors(matrix.shape[1])
    keyed.add_vectors(words, matrix.copy())
    path = data_folder / f"eval/{name}.txt"
    delimiter = "\t" if "\t" in path.read_text(encoding="utf-8").partition("\n")[0] else " "
    pearson, spearman, unknown_percent = keyed.evaluate_word_pairs(str(path), delimiter=delimiter, **theirs)
    score = evaluate_word_pairs(WordVectors(words, matrix), path, **ours)
    assert score.pearson == pytest.approx(pearson[0], abs=1e-6)
    assert score.spearman == pytest.approx(spearman[0], abs=1e-6)
    assert score.unknown_share == pytest.approx(unknown_percent / 100)
