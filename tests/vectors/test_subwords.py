"""Vectors with n-grams: any word has a vector, the vocabulary stays what it is, edits and rotations keep composing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firth.base.ngrams import NgramRules
from firth.errors import ParameterError, ShapeError, UnknownWordError
from firth.formats.table import SubwordRows
from firth.vectors.evaluation import evaluate_analogies, evaluate_word_pairs
from firth.vectors.spaces import align_spaces
from firth.vectors.texts import text_vectors
from firth.vectors.word_vectors import WordVectors

WORDS = ["walking", "walked", "naïve", "</s>", "日本語", "a"]
RULES = NgramRules(3, 5, 11)


def oracle_rows(word: str) -> list[int]:
    """Buckets of the n-grams of a word, on characters of Python's strings rather than on bytes."""
    wrapped = f"<{word}>"
    ngrams = [
        wrapped[start : start + size]
        for start in range(len(wrapped))
        for size in range(RULES.min_ngram, RULES.max_ngram + 1)
        if start + size <= len(wrapped)
    ]
    buckets = []
    for ngram in ngrams if word != "</s>" else []:
        value = 2166136261
        for byte in ngram.encode():
            value = (value ^ (byte - 256 if byte > 127 else byte)) % 2**32 * 16777619 % 2**32
        buckets.append(value % RULES.buckets)
    return buckets


@pytest.fixture
def rows() -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(4).normal(size=(len(WORDS) + RULES.buckets, 5)).astype(np.float32)


def make(rows, dtype=np.float32, *, known_word_rows: bool = True) -> WordVectors:  # type: ignore[no-untyped-def]
    n_words = len(WORDS)
    matrix = np.stack(
        [rows[[i, *(n_words + bucket for bucket in oracle_rows(word))]].mean(axis=0) for i, word in enumerate(WORDS)]
    )
    subwords = SubwordRows(
        RULES, rows[n_words:].astype(dtype), rows[:n_words].astype(dtype) if known_word_rows else None
    )
    return WordVectors(WORDS, matrix.astype(dtype), [9, 5, 4, 3, 2, 1], subwords)


def composed(rows, word: str) -> np.ndarray:  # type: ignore[no-untyped-def,type-arg]
    return np.asarray(rows[[len(WORDS) + bucket for bucket in oracle_rows(word)]].mean(axis=0, dtype=np.float64))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_any_word_has_a_vector(rows, dtype) -> None:  # type: ignore[no-untyped-def]
    vectors = make(rows, dtype)
    atol = 1e-6 if dtype == np.float32 else 3e-3
    for word in ("walker", "xyz", "日本", "naïvely", "\ud800lone", "x" * 300):
        if word.isprintable():
            np.testing.assert_allclose(vectors[word], composed(rows, word), atol=atol)
        assert word not in vectors
        assert vectors[word].shape == (5,)
        assert vectors[word].dtype == np.float32
    np.testing.assert_array_equal(vectors["walked"], vectors.matrix[1].astype(np.float32))
    both = vectors[["walker", "walked", "walker"]]
    np.testing.assert_array_equal(both, [vectors["walker"], vectors["walked"], vectors["walker"]])
    np.testing.assert_array_equal(vectors.get("walker"), vectors["walker"])
    assert vectors[[]].shape == (0, 5)


def test_a_word_without_an_ngram_is_unknown(rows) -> None:  # type: ignore[no-untyped-def]
    vectors = make(rows)
    for word in ("", 7, None, b"walker"):
        assert vectors.get(word, "none") == "none"
        with pytest.raises(UnknownWordError, match="is not in the vocabulary of 6 words"):
            vectors[word]
    with pytest.raises(UnknownWordError, match="'' is not in the vocabulary .*has no n-gram of 3 characters or more"):
        vectors[["walker", ""]]


def test_the_vocabulary_stays_what_it_is(rows) -> None:  # type: ignore[no-untyped-def]
    vectors = make(rows)
    assert len(vectors) == 6
    assert list(vectors) == WORDS
    with pytest.raises(UnknownWordError):
        vectors.word_id("walker")
    with pytest.raises(UnknownWordError):
        vectors.select(["walker"])
    assert vectors.word_ids(["walker", "a"], unknown="mark").tolist() == [-1, 5]


def test_without_ngrams_unknown_words_are_refused_as_before(rows) -> None:  # type: ignore[no-untyped-def]
    plain = WordVectors(WORDS, rows[: len(WORDS)])
    assert plain.get("walker") is None
    assert plain.subword_rows is None
    with pytest.raises(UnknownWordError, match="'walker' is not in the vocabulary of 6 words; .*walke"):
        plain["walker"]
    with pytest.raises(ParameterError, match="the vectors must have n-grams to list those of a word"):
        plain.subwords("walker")
    with pytest.raises(ParameterError, match='another choice than "compose" for vectors without n-grams'):
        plain.mean_vector(["walked"], unknown="compose")


def test_subwords_of_a_word(rows) -> None:  # type: ignore[no-untyped-def]
    vectors = make(rows)
    known = vectors.subwords("a")
    assert [(subword.ngram, subword.row) for subword in known] == [("a", 5), ("<a>", 6 + oracle_rows("a")[0])]
    unknown = vectors.subwords("naïf")
    assert [subword.ngram for subword in unknown] == [
        "<na", "<naï", "<naïf", "naï", "naïf", "naïf>", "aïf", "aïf>", "ïf>",
    ]  # fmt: skip
    np.testing.assert_allclose(rows[[subword.row for subword in unknown]].mean(axis=0), vectors["naïf"], atol=1e-6)
    assert [subword.ngram for subword in vectors.subwords("</s>")] == ["</s>"]
    assert vectors.subwords("") == []
    with pytest.raises(ParameterError, match="word must be a str, got 7"):
        vectors.subwords(7)  # type: ignore[arg-type]


def test_queries_with_unknown_words(rows) -> None:  # type: ignore[no-untyped-def]
    vectors = make(rows)
    walker = composed(rows, "walker")
    by_word, by_vector = vectors.neighbors("walker", top=3), vectors.neighbors(walker, top=3)
    assert [neighbor.word for neighbor in by_word] == [neighbor.word for neighbor in by_vector]
    assert vectors.most_similar(["walker", "a"], ["walked"], top=2)[0].word not in ("a", "walked")
    cosine = walker @ vectors.matrix[1] / np.linalg.norm(walker) / np.linalg.norm(vectors.matrix[1])
    assert vectors.similarity("walker", "walked") == pytest.approx(cosine, abs=1e-6)
    assert vectors.similarities("a", ["walker", "walked"])[1] == pytest.approx(vectors.similarity("a", "walked"))
    everything = [word for word in WORDS if vectors.similarity("a", word) > vectors.similarity("a", "walker")]
    assert vectors.closer_than("a", "walker") == [word for word in everything if word != "a"]
    assert vectors.rank("walker", "a") == 1 + len(vectors.closer_than("walker", "a"))
    assert vectors.doesnt_match(["walker", "walked", "日本人"]) in ("walker", "walked", "日本人")


def test_means_of_texts(rows) -> None:  # type: ignore[no-untyped-def]
    vectors = make(rows)
    mean = (vectors["walker"] + vectors["a"]) / 2
    np.testing.assert_allclose(vectors.mean_vector(["walker", "a"], normalize_words=False), mean, atol=1e-6)
    np.testing.assert_allclose(
        vectors.mean_vector(["walker", "a"], normalize_words=False, unknown="skip"), vectors["a"], atol=1e-6
    )
    with pytest.raises(UnknownWordError):
        vectors.mean_vector(["walker", "a"], unknown="error")
    texts = [["walker", "a", ""], ["", ""], ["walker", "walker", "runner"]]
    found = text_vectors(vectors, texts)
    np.testing.assert_allclose(found[0], mean, atol=1e-6)
    np.testing.assert_array_equal(found[1], np.zeros(5))
    np.testing.assert_allclose(found[2], (2 * vectors["walker"] + vectors["runner"]) / 3, atol=1e-6)
    np.testing.assert_allclose(text_vectors(vectors, texts, unknown="skip")[0], vectors["a"], atol=1e-6)
    idf = text_vectors(vectors, texts, weighting="idf")[2]
    weights = 1 + np.log(4 / np.array([3, 2]))  # of walker, in two of three texts, and of runner, in one
    expected = (2 * weights[0] * vectors["walker"] + weights[1] * vectors["runner"]) / (2 * weights[0] + weights[1])
    np.testing.assert_allclose(idf, expected, atol=1e-6)
    with pytest.raises(ParameterError, match="composed words have no weight"):
        text_vectors(vectors, texts, weights=np.ones(6), unknown="compose")
    np.testing.assert_allclose(text_vectors(vectors, texts, weights=np.ones(6))[0], vectors["a"], atol=1e-6)


def test_edits_keep_composing(rows) -> None:  # type: ignore[no-untyped-def]
    vectors = make(rows)
    expected = vectors["walker"]
    extended = vectors.with_words("new", np.ones(5), 1)
    for edited in (vectors.head(2), vectors.select(["a", "walked"]), vectors.without(["a"]), extended,
                   vectors.merge(WordVectors(["b"], np.ones((1, 5))))):  # fmt: skip
        np.testing.assert_array_equal(edited["walker"], expected)
        subwords = edited.subword_rows
        assert subwords is not None
        own = subwords.own_rows(*packed(edited))
        for word in set(WORDS) & set(edited):
            np.testing.assert_allclose(own[edited.word_id(word)], rows[WORDS.index(word)], atol=1e-5)
    assert "walking" not in vectors.select(["a"])
    np.testing.assert_allclose(vectors.select(["a"])["walking"], composed(rows, "walking"), atol=1e-6)
    half = vectors.astype(np.float16)
    assert half.subword_rows is not None
    assert half.subword_rows.ngram_rows.dtype == np.float16
    np.testing.assert_allclose(half["walker"], expected, atol=3e-3)


def packed(vectors: WordVectors):  # type: ignore[no-untyped-def]
    from firth.base.words import WordBuffer

    return WordBuffer.pack(word.encode() for word in vectors), vectors.matrix


def test_own_rows_follow_from_vectors(rows) -> None:  # type: ignore[no-untyped-def]
    vectors = make(rows, known_word_rows=False)
    assert vectors.subword_rows is not None
    np.testing.assert_allclose(vectors.subword_rows.own_rows(*packed(vectors)), rows[: len(WORDS)], atol=1e-5)


def test_a_rotation_turns_the_ngrams_too(rows) -> None:  # type: ignore[no-untyped-def]
    vectors = make(rows)
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0].astype(np.float32)
    target = WordVectors(WORDS, vectors.matrix @ rotation)
    aligned = align_spaces(vectors, target)
    np.testing.assert_allclose(aligned.vectors["walker"], vectors["walker"] @ rotation, atol=1e-5)


def test_evaluation_composes_when_asked(rows, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    vectors = make(rows)
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("walked\twalking\t9\nWalker\twalking\t5\nrunner\twalker\t3\n\u00e9\twalking\t1\n", "utf-8")
    skipped, found = evaluate_word_pairs(vectors, pairs), evaluate_word_pairs(vectors, pairs, unknown="compose")
    assert (skipped.n_pairs, skipped.n_unknown, skipped.n_composed) == (1, 3, 0)
    assert (found.n_pairs, found.n_unknown, found.n_composed) == (4, 0, 3)
    cosines = [vectors.similarity(*pair) for pair in (("walked", "walking"), ("walker", "walking"),
                                                      ("runner", "walker"), ("é", "walking"))]  # fmt: skip
    assert found.pearson == pytest.approx(np.corrcoef([9, 5, 3, 1], cosines)[0, 1], abs=1e-6)
    questions = tmp_path / "questions.txt"
    questions.write_text(
        ": s\nwalker walked walking a\nwalker walked walking unseen\nwalking walked a naïve\n", "utf-8"
    )
    plain = evaluate_analogies(vectors, questions)
    score = evaluate_analogies(vectors, questions, unknown="compose")
    assert (plain.total.n_answered, plain.total.n_unknown) == (1, 2)
    assert (score.total.n_answered, score.total.n_unknown) == (2, 1)
    answer = vectors.analogy("walker", "walked", "walking", top=1)[0].word
    assert (score.total.n_correct == plain.total.n_correct + 1) == (answer == "a")
    with pytest.raises(ParameterError, match='another choice than "compose"'):
        evaluate_word_pairs(WordVectors(WORDS, vectors.matrix), pairs, unknown="compose")


def test_bad_rows(rows) -> None:  # type: ignore[no-untyped-def]
    subwords = make(rows).subword_rows
    assert subwords is not None
    with pytest.raises(ShapeError, match="ngram_rows must have a row for each of 11 buckets, got 10"):
        SubwordRows(RULES, subwords.ngram_rows[:10])
    with pytest.raises(ShapeError, match="ngram_rows must be float32 or float16 in two dimensions, got float64"):
        SubwordRows(RULES, subwords.ngram_rows.astype(np.float64))
    with pytest.raises(ShapeError, match="word_rows must have 5 columns as ngram_rows, got 4"):
        replace(subwords, word_rows=np.zeros((6, 4), np.float32))
    with pytest.raises(ShapeError, match="subwords must have rows of 4 columns as the matrix, got 5"):
        WordVectors(WORDS, np.ones((6, 4)), None, subwords)
    with pytest.raises(ShapeError, match="subwords must have a row for each of 1 words, got 6"):
        WordVectors(["a"], np.ones((1, 5)), None, subwords)
    with pytest.raises(ParameterError, match="words must be str where there are n-grams, got integers"):
        WordVectors(list(range(6)), np.ones((6, 5)), None, subwords)
    broken = replace(subwords, ngram_rows=np.full((11, 5), np.nan, np.float32))
    with pytest.raises(ParameterError, match="the rows of the n-grams of 'walker' must be finite"):
        WordVectors(WORDS, np.ones((6, 5)), None, broken)["walker"]
