"""firth.compat.gensim.corpora.Dictionary: ids, counts, choosing words, files, bad input."""

from __future__ import annotations

import logging
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from firth.compat.gensim import corpora
from firth.compat.gensim.corpora import Dictionary
from firth.compat.gensim.corpora.dictionary import VocabTransform
from firth.compat.gensim.refused import NotInFirthError
from firth.errors import CorpusTypeError, FormatError, ParameterError, UnknownWordError

TEXTS = [["cat", "sat", "cat"], ["a", "cat"], ["dog", "sat"], ["a", "dog", "dog"]]


def contents(dictionary: Dictionary) -> tuple[Any, ...]:
    counts = (dictionary.num_docs, dictionary.num_pos, dictionary.num_nnz)
    return dictionary.token2id, dictionary.dfs, dictionary.cfs, counts


def test_counts_by_hand() -> None:
    made = Dictionary(TEXTS)
    assert contents(made) == (
        {"cat": 0, "sat": 1, "a": 2, "dog": 3},
        {0: 2, 1: 2, 2: 2, 3: 2},
        {0: 3, 1: 2, 2: 2, 3: 3},
        (4, 10, 8),
    )
    assert made.id2token == {0: "cat", 1: "sat", 2: "a", 3: "dog"} == dict(made)
    assert (made[3], len(made), list(made), 3 in made, made.keys()) == ("dog", 4, [0, 1, 2, 3], True, [0, 1, 2, 3])
    assert list(made.iteritems()) == list(zip(made.iterkeys(), made.itervalues(), strict=True))
    assert made.doc2bow(["dog", "eel", "cat", b"dog"]) == [(0, 1), (3, 2)]
    assert made.doc2bow(["eel", "dog", "bat"], return_missing=True) == ([(3, 1)], {"bat": 1, "eel": 1})
    assert made.doc2idx(["dog", "eel", "cat"]) == [3, -1, 0]
    assert made.most_common(3) == [("cat", 3), ("dog", 3), ("sat", 2)]
    assert str(made) == "Dictionary<4 unique tokens: ['cat', 'sat', 'a', 'dog']>"
    assert contents(Dictionary.from_documents(iter(TEXTS))) == contents(made)
    bags = [made.doc2bow(text) for text in TEXTS]
    assert contents(Dictionary.from_corpus(bags, made)) == contents(made)
    assert Dictionary.from_corpus(bags).token2id == {"0": 0, "1": 1, "2": 2, "3": 3}


def test_equal_to_gensim() -> None:
    theirs = pytest.importorskip("gensim.corpora").Dictionary
    texts = [f"{n % 7} {n % 5} x{n % 3} {n}".split() for n in range(200)]
    for change in (
        lambda d: None,
        lambda d: d.filter_extremes(no_below=3, no_above=0.3, keep_n=9, keep_tokens=["150"]),
        lambda d: d.filter_n_most_frequent(3),
        lambda d: d.filter_tokens([2, 5]),
        lambda d: d.add_documents([["new", "words"], ["150", "new"]]),
    ):
        mine, other = Dictionary(texts), theirs(texts)
        change(mine)
        change(other)
        assert contents(mine) == contents(other)


def test_choosing_words() -> None:
    made = Dictionary([*TEXTS, ["cat"]])
    made.filter_extremes(no_below=3, no_above=1.0)
    assert contents(made)[:3] == ({"cat": 0}, {0: 3}, {0: 4})
    made = Dictionary([*TEXTS, ["cat"]])
    made.filter_extremes(no_below=1, no_above=0.5, keep_n=2, keep_tokens=["dog", "unknown"])
    assert made.token2id == {"sat": 0, "dog": 1}
    assert made[1] == "dog"
    made.add_documents([["eel"]])
    assert made.token2id["eel"] == 2
    made.filter_n_most_frequent(1)
    assert made.token2id == {"dog": 0, "eel": 1}


def test_prune_at_is_exact(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        made = Dictionary([*TEXTS, ["cat"], ["dog", "b", "c"]], prune_at=2)
    assert contents(made)[:3] == ({"cat": 0, "dog": 1}, {0: 3, 1: 3}, {0: 4, 1: 4})
    assert "prune_at=2 drops 4 of 6 words" in caplog.text


def test_merge_with() -> None:
    made, other = Dictionary(TEXTS[:2]), Dictionary(TEXTS[2:])
    change = made.merge_with(other)
    assert isinstance(change, VocabTransform)
    assert contents(made) == contents(Dictionary(TEXTS))
    bags = [other.doc2bow(text) for text in TEXTS[2:]]
    expected = [made.doc2bow(text) for text in TEXTS[2:]]
    assert [change[bag] for bag in bags] == list(change[bags]) == expected
    made.merge_with({7: "cat", 9: "owl"})
    assert made.token2id["owl"] == 4
    assert made.dfs[4] == 0


def test_special_tokens_keep_the_counts_with_the_words() -> None:
    made = Dictionary(TEXTS)
    made.patch_with_special_tokens({"<pad>": 0, "dog": 1})
    assert made.token2id == {"cat": 4, "sat": 3, "a": 2, "dog": 1, "<pad>": 0}
    assert {word: made.cfs.get(one) for word, one in made.token2id.items()} == {
        "cat": 3, "sat": 2, "a": 2, "dog": 3, "<pad>": 0
    }  # fmt: skip
    assert made[0] == "<pad>"


def test_id2token_follows_token2id() -> None:
    made = Dictionary(TEXTS)
    assert made[0] == "cat"
    del made.token2id["cat"]
    made.token2id["owl"] = 0  # as many words as before
    assert made[0] == "owl"
    made.id2token = {0: "owl", 1: "sat", 2: "a", 3: "dog"}
    with pytest.raises(ParameterError, match="id2token must be the inverse of token2id"):
        made.id2token = {0: "owl"}


def test_save_and_load(tmp_path: Path) -> None:
    for texts in (TEXTS, [], [["é\t", "x"]]):
        made = Dictionary(texts)
        made.save(tmp_path / "dictionary", sep_limit=3)
        assert contents(Dictionary.load(tmp_path / "dictionary")) == contents(made)
        assert contents(pickle.loads(pickle.dumps(made))) == contents(made)
    made = Dictionary(TEXTS)
    for by_word in (True, False):
        made.save_as_text(tmp_path / "text.gz", sort_by_word=by_word)
        again = Dictionary.load_from_text(tmp_path / "text.gz")
        assert (again.token2id, again.dfs, again.num_docs) == (made.token2id, made.dfs, 4)
    made.save_as_text(tmp_path / "text")
    assert (tmp_path / "text").read_text(encoding="utf-8") == "4\n2\ta\t2\n0\tcat\t2\n3\tdog\t2\n1\tsat\t2\n"


def test_a_text_without_a_number_of_documents(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "old").write_text("1\tone\t1\n2\ttwo\t2\n", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        made = Dictionary.load_from_text(tmp_path / "old")
    assert (made.token2id, made.dfs, made.num_docs) == ({"one": 1, "two": 2}, {1: 1, 2: 2}, 0)
    assert "the first line is no number of documents" in caplog.text
    made.add_documents([["three"]])
    assert made.token2id == {"one": 1, "two": 2, "three": 3}  # no id twice


def old_file(path: Path, monkeypatch: pytest.MonkeyPatch, state: dict[str, Any], kind: str = "Dictionary") -> Path:
    """A pickle of gensim.corpora.dictionary.Dictionary, as gensim wrote it."""
    module = types.ModuleType("gensim.corpora.dictionary")
    made = type(kind, (), {"__module__": module.__name__, "__qualname__": kind})
    setattr(module, kind, made)
    for name in ("gensim", "gensim.corpora"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    one = made()
    vars(one).update(state)
    path.write_bytes(pickle.dumps(one, protocol=2))
    return path


STATE = {"token2id": {"a": 0, "b": 1}, "id2token": {}, "dfs": {0: 1, 1: 2}, "num_docs": 3, "num_pos": 4, "num_nnz": 3}


def test_files_of_gensim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Dictionary.load(old_file(tmp_path / "old", monkeypatch, {**STATE, "cfs": {0: 1, 1: 3}}))
    assert contents(made) == ({"a": 0, "b": 1}, {0: 1, 1: 2}, {0: 1, 1: 3}, (3, 4, 3))
    assert Dictionary.load(old_file(tmp_path / "old", monkeypatch, STATE)).cfs == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"token2id": None}, "the dictionary has no token2id"),
        ({"token2id": {"a": 0, "b": 0}}, "two words have the same id"),
        ({"token2id": {3: 0}}, "token2id must map str to whole numbers"),
        ({"dfs": {0: -1}}, "dfs must map int to whole numbers"),
        ({"num_docs": "3"}, "num_docs must be a number of at least 0, got str"),
    ],
)
def test_damaged_files_of_gensim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], message: str
) -> None:
    path = old_file(tmp_path / "old", monkeypatch, {**STATE, **changes})
    with pytest.raises(FormatError, match=message):
        Dictionary.load(path)
    with pytest.raises(FormatError, match="which firth refuses"):
        Dictionary.load(old_file(tmp_path / "old", monkeypatch, STATE, "HashDictionary"))


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for text, message in (
        ("2\n1\tone\n", "line 2 must be id, word and count, got '1.tone'"),
        ("2\nx\tone\t1\n", "line 2 must be id, word and count"),
        ("2\n1\tone\t1\n2\tone\t1\n", "line 3 has a word or an id for the second time"),
        ("2\n1\tone\t1\n1\ttwo\t1\n", "line 3 has a word or an id for the second time"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(FormatError, match=message):
            Dictionary.load_from_text(path)
    path.write_bytes(b"not a dictionary")
    with pytest.raises(FormatError, match="must be pickles of protocol 2 or later"):
        Dictionary.load(path)
    Dictionary(TEXTS).save(path)
    data = path.read_bytes()
    for old, new, message in (
        (b'"Dictionary"', b'"Dictionxry"', "holds 'Dictionxry', not Dictionary"),
        (b'"dfs"', b'"dfx"', "there must be an id and two counts for each of 4 words"),
        (b'"num_pos"', b'"num_pox"', "num_pos must be a number"),
    ):
        assert data.count(old) == 1
        path.write_bytes(data.replace(old, new))
        with pytest.raises(FormatError, match=message):
            Dictionary.load(path)


def test_bad_input(tmp_path: Path) -> None:
    made = Dictionary(TEXTS)
    for call in (made.doc2bow, made.doc2idx):
        with pytest.raises(TypeError, match="must have a list of words, got the string 'a cat'; split it"):
            call("a cat")
        with pytest.raises(CorpusTypeError, match="words that are strings, got int"):
            call(["a", 3])
    with pytest.raises(CorpusTypeError, match="documents must be lists of words, got the string"):
        Dictionary("a cat")
    with pytest.raises(TypeError, match="must have a list of words"):
        Dictionary(["a cat"])
    for share in (2, -0.1, "x"):
        with pytest.raises(ParameterError, match="no_above must be a share of the documents, from 0 to 1"):
            made.filter_extremes(no_above=share)
    with pytest.raises(UnknownWordError, match="no word has the id 9; the dictionary has 4 words"):
        made[9]
    with pytest.raises(ParameterError, match="id2word must have a word for each id of the corpus, got none for 5"):
        Dictionary.from_corpus([[(5, 1)]], {0: "a"})
    with pytest.raises(ParameterError, match="a word must have no tab and no line end to be saved as text"):
        Dictionary([["a\tb"]]).save_as_text(tmp_path / "text")
    assert not (tmp_path / "text").exists()


def test_other_corpora_are_refused_by_name() -> None:
    with pytest.raises(NotInFirthError, match="MmCorpus is not in firth, for now; scipy.io.mmread"):
        corpora.MmCorpus("path")
    with pytest.raises(AttributeError, match="no attribute 'NoSuchCorpus'"):
        corpora.NoSuchCorpus  # noqa: B018
