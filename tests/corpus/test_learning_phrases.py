"""Room tests/corpus: learned phrases equal gensim's, score by score; counts equal the reference's, with any buffers."""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from phrase_texts import CONNECTORS, make_sentences

import firth
from firth.corpus import learning_phrases
from firth.corpus.learning_phrases import learn_phrases
from firth.errors import CorpusError, CorpusTypeError, CorpusWarning, ParameterError
from firth.native.phrases import Chains, IdText, PairCounter, closing_all, merge_pairs
from firth.numerics.phrases import count_candidates, score_candidates

ANSWERS = json.loads((Path(__file__).parent / "golden" / "phrases.json").read_text())["cases"]
SCORINGS = {"default": "gensim", "npmi": "npmi"}


def name(case: dict[str, Any]) -> str:
    return f"{case['scoring']}-{case['threshold']}-{case['min_count']}-{len(case['connector_words'])}"


@pytest.mark.filterwarnings("ignore:threshold=-0.2 makes a phrase of each")
@pytest.mark.parametrize("case", ANSWERS, ids=name)
def test_scores_and_joined_sentences_are_gensims(case: dict[str, Any]) -> None:
    sentences = make_sentences()
    table = learn_phrases(
        sentences,
        min_count=case["min_count"],
        threshold=case["threshold"],
        scoring=SCORINGS[case["scoring"]],
        connector_words=case["connector_words"],
        passes=3,
    )
    answers = [answer for answer in case["answers"] if answer["scores"]]
    assert len(table.passes) == len(answers)
    for found, answer in zip(table.passes, answers, strict=True):
        assert {" ".join(phrase): score for phrase, score in found.scores.items()} == answer["scores"]  # to the bit
        assert found.n_vocabulary == answer["vocabulary"]
        assert found.n_words == answer["words"]
    joined = [table.join(sentence) for sentence in sentences]
    text = "\n".join(" ".join(sentence) for sentence in joined)
    assert text.split("\n")[:3] == case["first_lines"]
    assert hashlib.sha256(text.encode()).hexdigest() == case["sha256"]


@pytest.mark.parametrize("connectors", [(), CONNECTORS])
@pytest.mark.parametrize("scoring", ["word2vec", "gensim", "npmi"])
def test_a_table_is_the_references(connectors: tuple[str, ...], scoring: str) -> None:
    sentences = make_sentences(seed=7)
    threshold, min_count = {"word2vec": 5.0, "gensim": 2.0, "npmi": 0.2}[scoring], 2
    words, candidates = count_candidates(sentences, connectors)
    phrases = list(candidates)
    scores = score_candidates(
        np.array([candidates[phrase] for phrase in phrases]),
        np.array([words[phrase[0]] for phrase in phrases]),
        np.array([words[phrase[-1]] for phrase in phrases]),
        scoring=scoring,
        min_count=min_count,
        n_words=sum(words.values()),
        n_vocabulary=len(set(words) - set(connectors)) + len(candidates),
    )
    expected = {phrase: score for phrase, score in zip(phrases, scores.tolist(), strict=True) if score > threshold}
    table = learn_phrases(
        sentences, min_count=min_count, threshold=threshold, scoring=scoring, connector_words=connectors
    )
    assert len(expected) > 10
    assert table.scores == expected
    values = list(table.passes[0].scores.values())
    assert values == sorted(values, reverse=True)
    assert table.passes[0].n_scored == sum(count >= min_count for count in candidates.values())


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("connectors", [(), CONNECTORS])
def test_small_buffers_many_runs_and_threads_change_nothing(
    monkeypatch: pytest.MonkeyPatch, threads: int, connectors: tuple[str, ...]
) -> None:
    sentences = make_sentences(seed=3, n_sentences=900)
    options = {"min_count": 1, "threshold": 1.0, "passes": 2, "connector_words": connectors}
    whole = learn_phrases(sentences, **options)
    monkeypatch.setattr(learning_phrases, "BUFFER_BYTES", 0)
    monkeypatch.setattr(learning_phrases, "MIN_BUFFERED", 64)
    monkeypatch.setattr(learning_phrases, "FAN_IN", 3)
    monkeypatch.setattr(learning_phrases, "MAX_RUNS", 2)
    monkeypatch.setattr(learning_phrases, "MIN_MERGED", 5)
    monkeypatch.setattr(learning_phrases, "MAX_MERGED", 5)
    monkeypatch.setattr("firth.corpus.joining.BLOCK_TOKENS", 37)
    assert learn_phrases(sentences, threads=threads, **options).to_bytes() == whole.to_bytes()


def test_keys_of_more_than_64_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """60,000 words and 2^33 possible keys of chains need 128-bit keys; the words are numbers of an id text."""
    draw = np.random.default_rng(5)
    ids = draw.integers(0, 50, 5000).astype(np.int32)
    ids[::7] += 2**30
    offsets = np.array([0, 1000, 1000, 5000], np.int64)
    expected = Counter(zip(ids[:-1].tolist(), ids[1:].tolist(), strict=True))
    expected[int(ids[999]), int(ids[1000])] -= 1
    text, chains = IdText(ids, offsets), Chains()
    with tempfile.TemporaryFile() as spool:
        counter = PairCounter(spool.fileno(), 2**31 - 1, 2**20, 256, 4)
        with closing_all([counter, chains]):
            counter.count(text, chains, 0, 5000)
            counter.finish(3)
            n_distinct, highest, (first, chain, last, counts) = merge_pairs([counter], 0, 2**31 - 1, 1, 10)
    found = dict(zip(zip(first.tolist(), last.tolist(), strict=True), counts.tolist(), strict=True))
    assert found == {pair: count for pair, count in expected.items() if count}
    assert (n_distinct, highest) == (len(found), max(found.values()))
    assert not chain.any()


def test_pairs_do_not_cross_sequences() -> None:
    table = learn_phrases([["a", "b"], [], ["c"], ["a", "b"], ["b", "a"]], min_count=1, threshold=0.01)
    assert table.scores == {("a", "b"): (2 - 1) / (3 * 3) * 7}


def test_a_score_equal_to_the_threshold_is_no_phrase() -> None:
    sentences = [["a", "b"], ["c"], ["a", "b"], ["b", "a"]]
    score = (2 - 1) / (3 * 3) * 7
    with pytest.raises(CorpusError, match=r"the highest score is 0.777778 \('a b'\)"):
        learn_phrases(sentences, min_count=1, threshold=score)
    assert learn_phrases(sentences, min_count=1, threshold=np.nextafter(score, 0)).scores == {("a", "b"): score}


def test_a_corpus_that_is_encoded_with_every_word(encode: Any) -> None:
    sentences = make_sentences(seed=2)
    options: dict[str, Any] = {"min_count": 2, "threshold": 2.0}
    assert learn_phrases(encode(sentences), **options) == learn_phrases(sentences, **options)
    with pytest.raises(ParameterError, match=r"corpus must have every word to find phrases in it, got .* encoded"):
        learn_phrases(encode(sentences, min_count=20), **options)


def test_a_threshold_that_joins_nothing_is_told_with_counts() -> None:
    sentences = [["new", "york", "is", "new"]] * 6
    with pytest.raises(CorpusError, match=r"of 3 pairs that occur at least min_count=5 times the highest score is 0.6"):
        learn_phrases(sentences)
    with pytest.raises(CorpusError, match=r"min_count=7 leaves no phrase: of 3 distinct pairs the most .* 6 times"):
        learn_phrases(sentences, min_count=7)


def test_a_threshold_that_joins_everything_is_told_with_counts() -> None:
    draw = random.Random(1)
    sentences = [[f"w{draw.randrange(9)}" for _ in range(20)] for _ in range(100)]
    with pytest.warns(CorpusWarning, match=r"threshold=1e-09 makes a phrase of each of the 81 pairs"):
        learn_phrases(sentences, threshold=1e-9, min_count=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scoring": "npmi", "threshold": 10}, "threshold must be from -1 to 1 for scoring='npmi', got 10"),
        ({"threshold": 0}, "threshold must be above 0 for scoring='word2vec', got 0"),
        ({"scoring": "default"}, "scoring must be one of 'word2vec', 'gensim', 'npmi', got 'default'"),
        ({"passes": 0}, "passes must be at least 1, got 0"),
        ({"min_count": 0}, "min_count must be at least 1, got 0"),
        ({"min_count": 1 << 63}, "min_count must be at most 9223372036854775807"),
        ({"delimiter": " "}, "delimiter must be a string of at least one character and without white space"),
        ({"connector_words": "of"}, "connector_words must be a list of words, or 'english', got the string 'of'"),
        ({"connector_words": [1]}, "connector_words must be words, got 1"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
    ],
)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        learn_phrases([["a", "b"]], **options)


def test_a_delimiter_inside_of_words() -> None:
    sentences = [["new_york", "is", "a_b", "snake_case", "x_y"]] * 9
    with pytest.raises(
        CorpusError, match=r"delimiter must be in no word .* got '_', which is in 4 of its distinct words \('"
    ):
        learn_phrases(sentences)
    table = learn_phrases(sentences, delimiter="~", threshold=0.5)
    assert table.join(["is", "a_b"]) == ["is~a_b"]


def test_words_that_are_integers() -> None:
    with pytest.raises(CorpusTypeError, match="phrases must be left out if the words are integers"):
        learn_phrases([[1, 2], [1, 2]])


def test_the_example_of_the_docstring() -> None:
    texts = [["in", "new", "york"], ["new", "york", "is"], ["a", "new", "day"]]
    assert firth.learn_phrases(texts, min_count=1, threshold=1).scores == {("new", "york"): 1.5}
