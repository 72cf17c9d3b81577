"""Room tests/estimators: frames, columns and column vectors in the estimators: rows are rows, or an error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.errors import CorpusError, CorpusTypeError, FormatError
from firth.estimators import DocumentVectorizer, SequenceEmbedder, TextClassifier
from firth.vectors import WordVectors
from firth.vectors.texts import idf_weights, text_vectors

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

TEXTS = ["north east", "south west", "east", "west south"]
LABELS = [1, 0, 1, 0]
VECTORS = WordVectors(["north", "south", "east", "west"], np.eye(4, dtype=np.float32))
WALKS = [[1, 2, 3, 4], [4, 3, 2, 1], [5, 6, 5, 6]] * 20

TABLES: dict[str, Callable[[], Any]] = {
    "pandas column": lambda: pd.Series(TEXTS),
    "pandas frame": lambda: pd.DataFrame({"text": TEXTS}),
    "polars column": lambda: pl.Series(TEXTS),
    "polars frame": lambda: pl.DataFrame({"text": TEXTS}),
    "arrow column": lambda: pa.array(TEXTS),
    "arrow table": lambda: pa.table({"text": TEXTS}),
    "array": lambda: np.array(TEXTS),
    "column vector": lambda: pd.DataFrame({"text": TEXTS})[["text"]].to_numpy(),
    "column of lists": lambda: pl.Series([text.split() for text in TEXTS]),
}


@pytest.mark.parametrize("kind", TABLES)
def test_texts_in_tables(kind: str) -> None:
    table = TABLES[kind]()
    vectorizer = DocumentVectorizer(VECTORS)
    assert np.array_equal(vectorizer.fit_transform(table), vectorizer.fit_transform(TEXTS))
    assert np.array_equal(vectorizer.transform(table), vectorizer.transform(TEXTS))
    classifier = TextClassifier(VECTORS)
    assert classifier.fit(table, LABELS).predict(table) == LABELS
    assert classifier.count_known(table).tolist() == [2, 2, 1, 2]
    if kind != "array":  # for these functions strings are no lists of words, and a plain array is a list
        assert np.array_equal(text_vectors(VECTORS, table), vectorizer.transform(TEXTS))
        assert np.array_equal(idf_weights(VECTORS, table), idf_weights(VECTORS, [text.split() for text in TEXTS]))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: pd.DataFrame({"text": TEXTS, "y": LABELS}), CorpusTypeError, r'pass one column: frame\["text"\]'),
        (lambda: pl.DataFrame({"y": LABELS, "text": TEXTS}), CorpusTypeError, r'pass one column: frame\["text"\]'),
        (lambda: pa.table({"y": LABELS, "text": TEXTS}), CorpusTypeError, r'pass one column: frame\["text"\]'),
        (lambda: pd.Series(["north", None]), CorpusError, "in row 1"),
        (lambda: ["north", None], (CorpusError, CorpusTypeError), "None"),
        (lambda: np.array([["north"], [None]], object), CorpusError, "in row 1"),
        (lambda: {"north": 1}, CorpusTypeError, "got a dict"),
        (lambda: {"north"}, CorpusTypeError, "got a set"),
        (lambda: b"north", CorpusTypeError, "got a string"),
        (lambda: np.array("north"), (CorpusTypeError, ValueError), "without dimensions"),
    ],
)
def test_what_holds_no_texts_is_refused(make: Callable[[], Any], error: Any, message: str) -> None:
    for act in (DocumentVectorizer(VECTORS).fit, lambda X: TextClassifier(VECTORS).fit(X, LABELS)):
        with pytest.raises(error, match=message):
            act(make())


def test_the_tokenizer_whitespace_splits_at_ascii_alone() -> None:
    vectorizer = DocumentVectorizer(VECTORS, tokenizer="whitespace").fit(TEXTS)
    assert vectorizer.transform(["north\u00a0east", "north\teast"]).any(axis=1).tolist() == [False, True]


FRAMES: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pd.DataFrame(WALKS),
    "polars": lambda: pl.DataFrame(WALKS, orient="row", schema=list("wxyz")),
    "arrow": lambda: pa.Table.from_pandas(pd.DataFrame(WALKS, columns=list("wxyz"))),
    "column of lists": lambda: pl.Series(WALKS),
    "array": lambda: np.array(WALKS),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_walks_in_tables(kind: str) -> None:
    frame = FRAMES[kind]()
    embedder = SequenceEmbedder(dims=4, epochs=1, random_state=1, threads=1)
    by_list = embedder.fit(WALKS).transform(WALKS)
    assert np.array_equal(embedder.transform(frame), by_list)
    assert np.array_equal(embedder.fit(frame).transform(WALKS), by_list)


def test_items_in_columns() -> None:
    embedder = SequenceEmbedder(dims=4, epochs=1, subsample=0, min_count=1, random_state=1, threads=1).fit(
        [["New York", "b"]] * 9
    )
    for items in (pd.Series(["New York", "b"]), pl.Series(["New York", "b"]), pa.array(["New York", "b"])):
        assert np.array_equal(embedder.transform(items), embedder.vectors_[["New York", "b"]])
        with pytest.raises(CorpusTypeError, match=r"got a column of texts; pass \[text.split\(\) for text in X\]"):
            embedder.fit(items)
    with pytest.raises(CorpusTypeError, match=r'frame\["i"\]'):
        embedder.transform(pd.DataFrame({"i": ["b"], "y": [1.5]}))


@pytest.mark.parametrize("make", [list, np.array, pd.Series, pl.Series, pa.array, lambda x: np.array(x)[:, None]])
def test_labels_keep_their_type(make: Callable[[Any], Any], tmp_path: Path) -> None:
    classifier = TextClassifier(VECTORS).fit(TEXTS, make(LABELS))
    assert classifier.classes == [0, 1]
    assert classifier.predict(TEXTS) == LABELS
    classifier.save(tmp_path / "integers")
    assert TextClassifier.load(tmp_path / "integers").predict(TEXTS) == LABELS
    named = TextClassifier(VECTORS).fit(TEXTS, make(["up", "down", "up", "down"]))
    assert named.predict(TEXTS) == ["up", "down", "up", "down"]


def test_labels_that_are_missing_are_refused(tmp_path: Path) -> None:
    for labels in (pd.Series(["up", None, "up", "down"]), ["up", None, "up", "down"], pl.Series([1, None, 1, 0])):
        with pytest.raises(CorpusError, match=r"labels must have a value in every row, got .* in row 1"):
            TextClassifier(VECTORS).fit(TEXTS, labels)
    with pytest.raises(CorpusTypeError, match=r"labels must be .*frame\[0\]"):
        TextClassifier(VECTORS).fit(TEXTS, pd.DataFrame(np.eye(4)))
    TextClassifier(VECTORS).fit(TEXTS, LABELS).save(tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    for classes, message in (
        ('[0, "1"]', "classes must"), ("[0, 1.5]", "classes must"), ("[0, 99999999999999999999]", "more than 64 bits")
    ):  # fmt: skip
        path.write_text(path.read_text().replace("[\n    0,\n    1\n  ]", classes))
        with pytest.raises(FormatError, match=message):
            TextClassifier.load(tmp_path / "model")
        path.write_text(path.read_text().replace(classes, "[\n    0,\n    1\n  ]"))


def test_other_functions_that_take_texts_or_words() -> None:
    from firth.compat.cs224n.treebank import StanfordSentiment
    from firth.compat.gensim.models import Word2Vec

    lists = [["north", "east", "south"], ["west", "east", "north"]] * 9
    frame = pl.DataFrame({"tokens": lists})
    texts = pa.array([" ".join(words) for words in lists])
    options: dict[str, Any] = {"vector_size": 4, "min_count": 1, "epochs": 1, "workers": 1, "hs": 1, "negative": 0}
    by_list = Word2Vec(lists, **options)
    for table in (frame, texts):
        assert np.array_equal(Word2Vec(table, **options).wv.vectors, by_list.wv.vectors)
        assert np.array_equal(by_list.score(table), by_list.score(lists))
        assert StanfordSentiment(table).sentences() == lists
    for words in (pd.Series(["east", "north"]), pl.DataFrame({"word": ["east", "north"]}), pa.array(["east", "north"])):
        assert VECTORS.word_ids(words).tolist() == [2, 0]
    two = pl.DataFrame({"word": ["east"], "other": ["north"]})
    for act in (lambda: Word2Vec(two, **options), lambda: StanfordSentiment(two), lambda: VECTORS.word_ids(two)):
        with pytest.raises(CorpusTypeError, match=r'frame\["word"\]'):
            act()
