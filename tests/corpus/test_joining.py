"""Room tests/corpus: natively joined corpora are the reference's, token by token, with any blocks and threads."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpus_oracle import decoded_sequences
from phrase_texts import CONNECTORS, make_sentences

from firth.corpus import joining
from firth.corpus.encode import encode_every_word
from firth.corpus.joining import JoinedText, apply_phrases
from firth.corpus.learning_phrases import learn_phrases
from firth.corpus.phrases import Phrases
from firth.errors import ParameterError
from firth.numerics.phrases import join_tokens


def join_natively(sentences: list[list[str]], table: Phrases, folder: Path, threads: int = 2, **options: Any) -> Any:
    encoded = encode_every_word(sentences, folder=folder / "words", **options)
    text, n_joined = apply_phrases(JoinedText.of(encoded, table.delimiter), table, folder, threads)
    words = text.words_at(np.arange(text.n_ids))
    return text, n_joined, decoded_sequences(*text.training, words), words


@pytest.mark.parametrize("block", [1 << 19, 11, 2])
@pytest.mark.parametrize("connectors", [(), CONNECTORS])
def test_joined_sequences_and_counts_are_the_references(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, connectors: tuple[str, ...], block: int
) -> None:
    sentences = [[], [], *make_sentences(seed=5), []]
    table = learn_phrases(sentences, min_count=2, threshold=0.2, scoring="npmi", connector_words=connectors, passes=2)
    monkeypatch.setattr(joining, "BLOCK_TOKENS", block)
    text, n_joined, found, words = join_natively(sentences, table, tmp_path, 3)
    expected = sentences
    for one in table.passes:
        expected = [join_tokens(sentence, one.scores, "_", connectors) for sentence in expected]
    assert found == expected == [table.join(sentence) for sentence in sentences]
    counts = Counter(token for sentence in expected for token in sentence)
    assert {word: n for word, n in zip(words, text.counts.tolist(), strict=True) if n} == counts
    assert text.counts.min() >= 0
    assert n_joined > 200
    n_connectors = sum(token in connectors for sentence in sentences for token in sentence)
    n_left = sum(token in connectors for sentence in expected for token in sentence)
    n_before = sum(map(len, sentences)) - n_connectors + n_left
    assert n_joined == n_before - sum(map(len, expected))


def test_a_sequence_where_every_word_is_a_phrase(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(joining, "BLOCK_TOKENS", 4)
    table = Phrases.from_scores({("a", "a"): 1.0, ("a", "of", "a"): 1.0}, connector_words=["of"])
    sentences = [["a"] * 31, ["a", "of"] * 20, ["of", "of", "a"], ["a"]]
    _, n_joined, found, _ = join_natively(sentences, table, tmp_path, 3)
    assert found == [table.join(sentence) for sentence in sentences]
    assert found[0] == ["a_a"] * 15 + ["a"]
    assert found[1] == ["a_of_a", "of"] * 10
    assert n_joined == 25


def test_heldout_sequences_are_joined_and_not_counted(tmp_path: Path) -> None:
    """A word that only held-out sequences have separates its neighbours there too."""
    sentences = [["new", "york"]] * 50 + [["new", f"rare{k}", "york", "new", "york"] for k in range(50)]
    table = Phrases.from_scores({("new", "york"): 1.0})
    encoded = encode_every_word(sentences, folder=tmp_path / "words", heldout_share=0.4, seed=3)
    text, _ = apply_phrases(JoinedText.of(encoded, "_"), table, tmp_path, 2)
    words = text.words_at(np.arange(text.n_ids))
    assert text.heldout is not None
    training, heldout = (decoded_sequences(*part, words) for part in (text.training, text.heldout))
    joined = [table.join(sentence) for sentence in sentences]
    assert training == [line if training[k] else [] for k, line in enumerate(joined)]
    assert heldout == [line for k, line in enumerate(joined) if not training[k]]
    assert 20 < len(heldout) < 60
    assert text.counts[words.index("new_york")] == sum(line.count("new_york") for line in training)
    assert sum(len(line) == 4 for line in heldout) > 9


def test_a_phrase_becomes_the_word_that_is_spelled_like_it(tmp_path: Path) -> None:
    table = Phrases.from_scores({("new", "york"): 1.0, ("old", "town"): 1.0})
    text, _, found, words = join_natively([["new_york", "new", "york"], ["a_b", "old", "town"]], table, tmp_path)
    assert found == [["new_york", "new_york"], ["a_b", "old_town"]]
    assert text.counts[words.index("new_york")] == 2
    assert words.count("new_york") == 1


def test_phrases_with_unknown_words_are_left_out(tmp_path: Path) -> None:
    table = Phrases.from_scores(
        {("new", "york"): 1.0, ("new", "delhi"): 1.0, ("x", "of", "y"): 1.0}, connector_words=["of"]
    )
    encoded = encode_every_word([["new", "york", "x", "y"]], folder=tmp_path / "words")
    found = JoinedText.of(encoded, "_").phrases_of(list(table.passes[0].scores))
    with contextlib.closing(found.chains):
        assert found.joined == ["new_york"]


def test_another_delimiter(tmp_path: Path) -> None:
    encoded = encode_every_word([["new", "york"]], folder=tmp_path / "words")
    with pytest.raises(ParameterError, match="delimiter must be '~', got '_'"):
        apply_phrases(JoinedText.of(encoded, "~"), Phrases.from_scores({("new", "york"): 1.0}), tmp_path, 1)
