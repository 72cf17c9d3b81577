"""Room tests/compat: gensim's Phrases on firth: gensim's answers, gensim's files of every version, files of its own."""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
import types
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

import firth
from firth.compat.gensim import FrozenPhrases, Phraser, Phrases, models
from firth.compat.gensim.models.phrases import ENGLISH_CONNECTOR_WORDS, npmi_scorer, original_scorer
from firth.errors import CorpusTypeError, FormatError, ParameterError, StorageError
from firth.formats.gensim_phrases import read_gensim_phrases

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
sys.path.insert(0, str(HERE.parents[1] / "corpus"))  # phrase_texts

from phrase_texts import make_sentences  # noqa: E402

ANSWERS = json.loads((HERE.parents[1] / "corpus" / "golden" / "phrases.json").read_text())["cases"]
TEXT = [["the", "bank", "of", "america", "is", "in", "new", "york"]] * 4 + [["new", "bank", "of", "york"]]


@pytest.mark.parametrize("case", ANSWERS[::3], ids=lambda case: f"{case['scoring']}-{case['threshold']}")
def test_answers_are_gensims(case: dict[str, Any], tmp_path: Path) -> None:
    sentences: Any = make_sentences()
    settings = {name: case[name] for name in ("scoring", "threshold", "min_count", "connector_words")}
    for number, answer in enumerate(case["answers"]):
        phrases = Phrases(sentences, **settings)
        assert (len(phrases.vocab), phrases.corpus_word_count) == (answer["vocabulary"], answer["words"])
        if number == 0:
            expected = {key.replace(" ", "_"): score for key, score in answer["scores"].items()}
            assert phrases.export_phrases() == phrases.freeze().phrasegrams == expected
            phrases.save(tmp_path / "phrases")
            assert Phrases.load(tmp_path / "phrases").export_phrases() == expected
        found = phrases.find_phrases(sentences)
        scores = {key.replace(" ", "_"): score for key, score in answer["scores"].items()}
        assert found.items() <= scores.items()
        sentences = list(phrases[sentences])
    text = "\n".join(" ".join(sentence) for sentence in sentences)
    assert hashlib.sha256(text.encode()).hexdigest() == case["sha256"]


@pytest.mark.parametrize("scoring", ["default", "npmi"])
def test_gensims_files(scoring: str) -> None:
    threshold = {"default": 0.5, "npmi": 0.3}[scoring]
    fresh = Phrases(TEXT, min_count=1, threshold=threshold, scoring=scoring, connector_words={"of", "the"})
    read = Phrases.load(str(GOLDEN / f"phrases-{scoring}.pkl"))
    assert type(read) is Phrases
    assert read.vocab == fresh.vocab
    assert {**vars(read), "vocab": None} == {**vars(fresh), "vocab": None}
    frozen = FrozenPhrases.load(GOLDEN / f"frozen-{scoring}.pkl")
    assert type(frozen) is Phraser is FrozenPhrases
    assert vars(frozen) == vars(fresh.freeze())
    assert [list(read[TEXT]), list(frozen[TEXT])] == [list(fresh[TEXT])] * 2
    assert "bank_of_america" in read[TEXT[0]]
    read.add_vocab(TEXT)
    assert read.vocab["new"] == 10


def test_a_scoring_function_of_ones_own_is_code() -> None:
    with pytest.raises(FormatError, match=r"the pickle asks for '__main__.code_scorer', which firth refuses"):
        Phrases.load(GOLDEN / "phrases-code.pkl")


def old_file(path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, state: dict[str, Any]) -> Path:
    """A pickle of an object of gensim.models.phrases, as gensim 3 wrote it."""
    module = types.ModuleType("gensim.models.phrases")
    made = type(kind, (), {"__module__": module.__name__, "__qualname__": kind})
    setattr(module, kind, made)
    for name in ("gensim", "gensim.models"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    model = made()
    vars(model).update(state)
    path.write_bytes(pickle.dumps(model, protocol=2))
    return path


def test_files_of_gensim_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = defaultdict(int, {b"new": 4, b"york": 4, b"new_york": 4, "é".encode(): 1})
    state = {"vocab": counts, "min_count": 1, "threshold": 1.5, "delimiter": b"_", "max_vocab_size": 99}
    path = old_file(tmp_path / "phrases.pkl", monkeypatch, "Phrases", state)
    phrases = Phrases.load(path)
    assert phrases.vocab == {"new": 4, "york": 4, "new_york": 4, "é": 1}
    assert (phrases.scoring, phrases.connector_words, phrases.corpus_word_count) == (original_scorer, frozenset(), 0)
    phrases.threshold = 0.1
    assert phrases[["in", "new", "york"]] == ["in", "new_york"]
    for value in (2.5, (4, 2.5)):
        grams = {(b"new", b"york"): value, (b"bank", b"of", b"america"): value}
        state = {"phrasegrams": grams, "min_count": 1, "threshold": 1, "delimiter": b"_", "scoring": "npmi"}
        state["common_terms"] = frozenset([b"of"])
        frozen = Phraser.load(old_file(tmp_path / "phraser.pkl", monkeypatch, "Phraser", state))
        assert frozen.phrasegrams == {"new_york": 2.5, "bank_of_america": 2.5}
        assert frozen.scoring is npmi_scorer
        assert frozen["bank of america".split()] == ["bank_of_america"]  # noqa: SIM905


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("Phrases", {"vocab": [1]}, "the phrases have no vocabulary"),
        ("Phrases", {"vocab": {"a": -1}}, "the counts must be whole numbers from 0"),
        ("Phrases", {"vocab": {"a": 1.5}}, "the counts must be whole numbers"),
        ("Phrases", {"vocab": {b"\xff": 1}}, "a word must be UTF-8"),
        ("Phrases", {"vocab": {3: 1}}, "a word must be text, got int"),
        ("Phrases", {"delimiter": None}, "delimiter must be text, got NoneType"),
        ("Phrases", {"scoring": "mine"}, "scoring must be 'default' or 'npmi': a function of one's own is code"),
        ("Phrases", {"connector_words": 3}, "the connector words must be a set, got int"),
        ("Phrases", {"threshold": "1"}, "threshold must be a number, got str"),
        ("Phrases", {"min_count": 1 << 70}, "min_count must be a number, got int"),
        ("FrozenPhrases", {}, "the phrases have no scores"),
        ("FrozenPhrases", {"phrasegrams": {"a_b": "1"}}, "the scores must be numbers"),
        ("Word2Vec", {}, "the pickle asks for 'gensim.models.phrases.Word2Vec', which firth refuses"),
    ],
)
def test_damaged_files(
    kind: str, changes: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = {"vocab": {"a": 1}, "delimiter": "_", "min_count": 1, "threshold": 1.0, **changes}
    with pytest.raises(FormatError, match=message):
        read_gensim_phrases(old_file(tmp_path / "damaged.pkl", monkeypatch, kind, state))


def test_cut_and_missing_files(tmp_path: Path) -> None:
    data = (GOLDEN / "phrases-default.pkl").read_bytes()
    for n_bytes in range(1, len(data), 97):
        (tmp_path / "cut.pkl").write_bytes(data[:n_bytes])
        with pytest.raises(FormatError, match="cut"):
            Phrases.load(tmp_path / "cut.pkl")
    with pytest.raises(StorageError, match="none.pkl"):
        Phrases.load(tmp_path / "none.pkl")
    (tmp_path / "list.pkl").write_bytes(pickle.dumps(["a"], protocol=4))
    with pytest.raises(FormatError, match="the pickle holds no phrases of gensim's"):
        FrozenPhrases.load(tmp_path / "list.pkl")


def test_files_of_its_own(tmp_path: Path) -> None:
    phrases = Phrases(TEXT, min_count=1, threshold=0.5, connector_words={"of"})
    for model in (phrases, phrases.freeze()):
        model.save(tmp_path / "model")
        read = Phrases.load(tmp_path / "model")
        assert type(read) is type(model)
        assert vars(read) == vars(model)
        assert str(read) == str(model)
    with pytest.raises(ParameterError, match=r"scoring must be 'default' or 'npmi' to be saved, got 'code'"):
        Phrases(TEXT, scoring=code).save(tmp_path / "code")
    models.Word2Vec([["a", "b"]] * 9, min_count=1, vector_size=2).save(str(tmp_path / "word2vec"))
    with pytest.raises(FormatError, match="must hold Phrases or FrozenPhrases, got"):
        Phrases.load(tmp_path / "word2vec")


def code(worda_count, wordb_count, bigram_count, len_vocab, min_count, corpus_word_count):
    return 1


def test_single_sentences_corpora_and_iterators() -> None:
    phrases = Phrases(TEXT, min_count=1, threshold=0.5)
    assert phrases[iter(TEXT[0])] == phrases[TEXT[0]]
    corpus = phrases[TEXT]
    assert list(corpus) == list(corpus) == [phrases[sentence] for sentence in TEXT]
    assert list(phrases[iter(TEXT)]) == list(corpus)
    assert phrases[[]] == phrases[iter(())] == []
    assert list(phrases[[[], ["a"]]]) == [[], ["a"]]


def test_the_table_of_firth() -> None:
    phrases = Phrases(TEXT, min_count=1, threshold=0.5, connector_words=ENGLISH_CONNECTOR_WORDS)
    table = phrases.to_firth()
    learned = firth.learn_phrases(TEXT, min_count=1, threshold=0.5, scoring="gensim", connector_words="english")
    assert table.scores == learned.scores
    assert [table.join(sentence) for sentence in TEXT] == list(phrases[TEXT])
    twice = Phrases(phrases[TEXT], min_count=1, threshold=0.1)
    with pytest.raises(ParameterError, match="must have connector words alone between its first and its last word"):
        twice.to_firth()


def test_pruning_is_gensims() -> None:
    """After a sentence that fills the table, entries below a bound are dropped; the bound grows by 1."""
    phrases = Phrases([["a", "b"], ["a", "b"], ["c", "d"], ["a", "b"]], max_vocab_size=4, min_count=1)
    assert (phrases.vocab, phrases.min_reduce) == ({"a": 3, "b": 3, "a_b": 3}, 1)
    phrases.add_vocab([["e"], ["f"]])
    assert (phrases.vocab, phrases.min_reduce) == ({"a": 3, "b": 3, "a_b": 3, "e": 1, "f": 1}, 2)
    phrases.add_vocab([["g"], ["h"]])
    assert (phrases.vocab, phrases.min_reduce) == ({"a": 3, "b": 3, "a_b": 3}, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_count": 0}, "min_count must be at least 1, got 0"),
        ({"threshold": -1}, "threshold must be above 0 for scoring='default', got -1"),
        ({"threshold": 2, "scoring": "npmi"}, "threshold must be from -1 to 1 for scoring='npmi', got 2"),
        ({"scoring": "pmi"}, "scoring must be 'default', 'npmi' or a function, got 'pmi'"),
        ({"scoring": 3}, "scoring must be 'default', 'npmi' or a function, got 3"),
        ({"scoring": lambda worda_count: 1}, "scoring must take the parameters worda_count, .* got none 'wordb_count'"),
        ({"delimiter": b"_"}, "delimiter must be a string, got b'_'"),
    ],
)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Phrases(TEXT, **options)


def test_a_string_is_no_corpus() -> None:
    with pytest.raises(CorpusTypeError, match="sentences must be lists of words, got the string 'new york'"):
        Phrases("new york")
    assert npmi_scorer(1, 0, 1, 1, 1, 1) == original_scorer(0, 1, 1, 1, 1, 1) == -float("inf")
