"""Room tests/corpus: tables are not lists: frames, columns and arrays of pandas, Polars, Arrow and NumPy as corpora."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpus_oracle import decoded, folder_bytes

import firth
from firth.corpus import estimate_corpus, sources
from firth.errors import CorpusError, CorpusTypeError, ParameterError, ShapeError

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

TEXTS = ["north east\tsouth", "", "east\u00a0west north\nsouth"]
TOKENS = [["north", "east", "south"], [], ["east\u00a0west", "north", "south"]]  # ASCII white space alone, as in files
WALKS = [[1, 2, 3, 4], [4, 3, 2, 1], [5, 6, 5, 6]]


def _sequences(corpus: firth.EncodedCorpus) -> list[list[Any]]:
    return decoded(corpus)[1]


TEXT_COLUMNS: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pd.Series(TEXTS),
    "pandas object": lambda: pd.Series(TEXTS, dtype=object),
    "pandas string": lambda: pd.Series(TEXTS, dtype="string"),
    "pandas arrow": lambda: pd.Series(TEXTS, dtype="string[pyarrow]"),
    "pandas categorical": lambda: pd.Series(TEXTS, dtype="category"),
    "pandas index": lambda: pd.Index(TEXTS),
    "pandas labels": lambda: pd.Series(TEXTS, index=[7, 7, 3]),
    "pandas frame": lambda: pd.DataFrame({"text": TEXTS}),
    "polars": lambda: pl.Series("text", TEXTS),
    "polars categorical": lambda: pl.Series(TEXTS, dtype=pl.Categorical),
    "polars frame": lambda: pl.DataFrame({"text": TEXTS}),
    "arrow": lambda: pa.array(TEXTS),
    "arrow large": lambda: pa.array(TEXTS, pa.large_string()),
    "arrow dictionary": lambda: pa.array(TEXTS).dictionary_encode(),
    "arrow chunks": lambda: pa.chunked_array([TEXTS[:1], TEXTS[1:]]),
    "arrow table": lambda: pa.table({"text": TEXTS}),
    "column vector": lambda: np.array(TEXTS)[:, None],
    "column vector of objects": lambda: np.array(TEXTS, object)[:, None],
}


@pytest.mark.parametrize("kind", TEXT_COLUMNS)
def test_a_column_of_strings_is_texts(encode, kind: str) -> None:
    column = TEXT_COLUMNS[kind]()
    assert _sequences(encode(column)) == TOKENS
    assert _sequences(encode(column, tokenizer="whitespace")) == TOKENS
    letters = encode(column, tokenizer=lambda text: [letter for letter in text if letter == "n"])
    assert _sequences(letters) == [["n"], [], ["n"]]
    estimate_corpus(column)


@pytest.mark.parametrize("make", [list, tuple, iter, lambda texts: (text for text in texts), np.array])
def test_with_a_tokenizer_strings_are_texts(encode, make: Callable[[list[str]], Any]) -> None:
    assert _sequences(encode(make(TEXTS), tokenizer="whitespace")) == TOKENS
    assert _sequences(encode(make(TEXTS), tokenizer=str.split))[2] == ["east", "west", "north", "south"]


def test_without_a_tokenizer_a_list_of_strings_stays_paths(encode, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("north east\n")
    names = [str(tmp_path / "a.txt")]
    assert _sequences(encode(names)) == [["north", "east"]]
    assert _sequences(encode(names[0], tokenizer="whitespace")) == [["north", "east"]]
    assert _sequences(encode([Path(names[0])], tokenizer=str.split)) == [["north", "east"]]
    with pytest.raises(CorpusTypeError, match=r"must be texts .* got names of files, .*pathlib\.Path"):
        encode(names, tokenizer="whitespace")
    with pytest.raises(CorpusTypeError, match='tokenizer="whitespace"'):
        encode(TEXTS)
    with pytest.raises(ParameterError, match="tokenizer must be 'whitespace', 'unicode', .* got 'spaces'"):
        encode(TEXTS, tokenizer="spaces")


def test_the_tokenizer_whitespace_reads_files_as_without(encode) -> None:
    text = "north  east\r\n\u00a0south\n".encode()
    assert folder_bytes(encode(text, tokenizer="whitespace").folder) == folder_bytes(encode(text).folder)


FRAMES_OF_WALKS: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pd.DataFrame(WALKS),
    "pandas nullable": lambda: pd.DataFrame(WALKS, dtype="Int64"),
    "pandas objects": lambda: pd.DataFrame(WALKS, dtype=object),
    "pandas repeated titles": lambda: pd.DataFrame(WALKS, columns=list("aabb")),
    "pandas unsigned": lambda: pd.DataFrame(WALKS).astype({0: np.uint64}),
    "polars": lambda: pl.DataFrame(WALKS, orient="row", schema=list("wxyz")),
    "arrow": lambda: pa.Table.from_pandas(pd.DataFrame(WALKS, columns=list("wxyz"))),
    "arrow batch": lambda: pa.RecordBatch.from_pandas(pd.DataFrame(WALKS, columns=list("wxyz"))),
    "array": lambda: np.array(WALKS),
    "masked array": lambda: np.ma.array(WALKS),
    "column of lists, pandas": lambda: pd.Series(WALKS),
    "column of lists, polars": lambda: pl.Series(WALKS),
    "column of arrays, polars": lambda: pl.Series(WALKS, dtype=pl.Array(pl.Int64, 4)),
    "column of lists, arrow": lambda: pa.array(WALKS),
    "frame of lists, polars": lambda: pl.DataFrame({"walk": WALKS}),
    "rows, polars": lambda: pl.DataFrame(WALKS, orient="row").rows(),
    "tuples, pandas": lambda: pd.DataFrame(WALKS).itertuples(index=False),
    "list of columns": lambda: [pd.Series(walk) for walk in WALKS],
    "list of arrow arrays": lambda: [pa.array(walk) for walk in WALKS],
}


@pytest.mark.parametrize("kind", FRAMES_OF_WALKS)
def test_rows_of_integers_are_sequences(encode, kind: str) -> None:
    corpus = encode(FRAMES_OF_WALKS[kind]())
    assert _sequences(corpus) == WALKS
    assert corpus.vocabulary.words_are_ids


class _StreamOnly:
    """Another library's table: nothing but the Arrow C stream protocol."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def test_the_arrow_stream_protocol(encode) -> None:
    assert _sequences(encode(_StreamOnly(pa.table({"text": TEXTS})))) == TOKENS
    assert _sequences(encode(_StreamOnly(pl.Series(TEXTS)))) == TOKENS
    with pytest.raises(CorpusTypeError, match=r'frame\["text"\]'):
        encode(_StreamOnly(pa.table({"text": TEXTS, "label": [1, 0, 1]})))


REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: pd.DataFrame({"y": [1, 0], "text": ["a b", "c"]}), CorpusTypeError, r'column: frame\["text"\]'),
    (lambda: pl.DataFrame({"y": [1, 0], "text": ["a b", "c"]}), CorpusTypeError, r'pass one column: frame\["text"\]'),
    (lambda: pa.table({"y": [1, 0], "text": ["a b", "c"]}), CorpusTypeError, r'pass one column: frame\["text"\]'),
    (lambda: pd.DataFrame([["a", "b"], ["c", "d"]]), CorpusTypeError, r"frame\[0\]; .* frame.to_numpy\(\).tolist\(\)"),
    (lambda: pd.DataFrame([["a", "b"]], columns=["x", "x"]), CorpusTypeError, r'frame\["x"\], after giving the'),
    (lambda: pd.DataFrame([[1.0, 2.0]]), CorpusTypeError, r"frame\[0\]"),
    (lambda: pd.DataFrame([[True, False]]), CorpusTypeError, r"frame\[0\]"),
    (lambda: pd.DataFrame([[1, 2, 3], [4, 5, None]]), CorpusTypeError, r"row 1 \(counted from 0\) has no value"),
    (lambda: pd.DataFrame([[1, 2], [3, None]], dtype="Int64"), CorpusError, r"in row 1 \(counted from 0\)"),
    (lambda: pl.DataFrame({"a": [1, 2], "b": [3, None]}), CorpusError, r"corpus\['b'\] must have a value .* in row 1"),
    (lambda: pd.DataFrame(), CorpusTypeError, r'0 columns; pass one column: frame\["column"\]'),
    (lambda: pl.DataFrame({"text": ["a"]}).lazy(), CorpusTypeError, r"LazyFrame; pass frame.collect\(\)"),
    (lambda: [pd.DataFrame(WALKS)], CorpusTypeError, "sequence 0 must be a list of tokens, got a DataFrame"),
    (lambda: pd.Series(["a", None]), CorpusError, r"corpus must have a value in every row, got .* in row 1"),
    (lambda: pd.Series(["a", "b", pd.NA], dtype="string"), CorpusError, "in row 2"),
    (lambda: pl.Series([None, "a"]), CorpusError, "got None in row 0"),
    (lambda: pa.array(["a", None]), CorpusError, "got None in row 1"),
    (lambda: pl.Series([["a"], None]), CorpusError, "got None in row 1"),
    (lambda: pl.Series([None, None]), CorpusError, "got None in row 0"),
    (lambda: pd.Series(["a", 3]), CorpusTypeError, "must have a text in every row, got 3 in row 1"),
    (lambda: pd.Series([1.5]), CorpusTypeError, r"a column of texts, of lists of tokens or of integers, got 1.5"),
    (lambda: pd.Series([1, 2]), CorpusTypeError, r"pass \(ids, np.array\(\[0, len\(ids\)\]\)\) for one long sequence"),
    (lambda: pd.Series(dtype=str), CorpusError, "at least one word"),
    (lambda: np.ma.array(WALKS, mask=[[0] * 4, [0, 1, 0, 0], [0] * 4]), CorpusError, "a masked one in row 1"),
    (lambda: np.array([(1, "a")], dtype=[("id", int), ("text", "U3")]), CorpusTypeError, r'fields .*frame\["id"\]'),
    (lambda: np.array("north east"), ShapeError, "an array without dimensions"),
    (lambda: np.array([[["a"]]]), ShapeError, "at most two dimensions"),
    (lambda: pd.DataFrame({"u": [1, 2], "i": ["a", "b"]}).groupby("u")["i"], CorpusTypeError, "tokens must be strings"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "message"), REFUSED)
def test_other_tables_are_refused(encode, make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        encode(make())


PHRASES = ["north east", "south"]
_SPLIT_OR_LIST = r"with a text in row 0: 'north east'; split texts: \[text.split\(\) .* pass column.tolist\(\)"
ONE_SEQUENCE: dict[str, Callable[[], Any]] = {
    "pandas": lambda: [pd.Series(PHRASES)],
    "pandas categorical": lambda: [pd.Series(PHRASES, dtype="category")],
    "polars": lambda: [pl.Series(PHRASES)],
    "arrow": lambda: [pa.array(PHRASES)],
    "array": lambda: [np.array(PHRASES)],
    "array of objects": lambda: [np.array(PHRASES, object)],
    "one row of an array": lambda: np.array([PHRASES]),
    "generator": lambda: (pd.Series(PHRASES) for _ in range(2)),
}


@pytest.mark.parametrize("kind", ONE_SEQUENCE)
def test_a_text_in_a_column_within_a_list_is_no_token(encode, kind: str) -> None:
    with pytest.raises(CorpusTypeError, match="^sequence 0 must be a list of tokens, got .*" + _SPLIT_OR_LIST):
        encode(ONE_SEQUENCE[kind]())


def test_tokens_with_white_space_are_passed_as_lists(encode) -> None:
    for sequences in ([PHRASES], [pd.Series(PHRASES).tolist()], pd.Series([PHRASES]), pd.Series([np.array(PHRASES)])):
        assert _sequences(encode(sequences)) == [PHRASES]
    words = ["north", "south"]
    for column in (pd.Series(words), pl.Series(words), pa.array(words), np.array(words), np.array(words, object)):
        assert _sequences(encode([column, column])) == [words, words]


FRAMES: list[tuple[Callable[[], Any], str]] = [
    (lambda: pd.DataFrame({"text": TEXTS}), r'pass the frame without .* for text in frame\["text"\]\)$'),
    (lambda: pl.DataFrame({"y": [1, 2, 3], "text": TEXTS}), r'pass frame\["text"\] without .* in frame\["text"\]\)$'),
    (lambda: pa.table({"text": TEXTS}), r'\(text.split\(\) for .* for text in frame\["text"\].to_pylist\(\)\)$'),
    (lambda: pl.DataFrame({"x": TOKENS}), r'frames pass \(text for frame in frames for text in frame\["x"\]\)$'),
    (lambda: pd.DataFrame(WALKS), "pass the frame without .*; concatenate several frames into one$"),
]


@pytest.mark.parametrize(("make", "message"), FRAMES)
@pytest.mark.parametrize("around", [lambda frame: [frame, frame], lambda frame: (frame for _ in range(2))])
def test_frames_among_sequences_are_told_what_to_do(
    encode, make: Callable[[], Any], message: str, around: Callable[[Any], Any]
) -> None:
    with pytest.raises(CorpusTypeError, match=f"^sequence 0 must be a list of tokens, got a .*{message}"):
        encode(around(make()))


def test_what_the_message_about_frames_says_works(encode) -> None:
    frames: list[Any] = [pd.DataFrame({"text": TEXTS}), pl.DataFrame({"text": TEXTS})]
    assert len(_sequences(encode(text.split() for frame in frames for text in frame["text"]))) == 2 * len(TEXTS)
    tables = [pa.table({"text": TEXTS})]
    assert len(_sequences(encode(text.split() for frame in tables for text in frame["text"].to_pylist()))) == len(TEXTS)
    lists = [pl.DataFrame({"x": TOKENS})] * 2
    assert _sequences(encode(text for frame in lists for text in frame["x"])) == TOKENS * 2


def test_sparse_matrices_and_counters_are_refused(encode) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    for matrix in (sparse.csr_matrix(np.eye(3, dtype=int)), sparse.coo_array(np.eye(3, dtype=int))):
        with pytest.raises(CorpusTypeError, match=r"got a sparse matrix of shape \(3, 3\)"):
            encode(matrix)
    for options in ({}, {"tokenizer": "whitespace"}):
        with pytest.raises(CorpusTypeError, match="got a Counter"):
            encode(Counter("ab"), **options)


def test_training_heldout_and_more_text_take_tables() -> None:
    options: dict[str, Any] = {"dims": 4, "epochs": 1, "min_count": 1, "subsample": 0, "progress": False, "threads": 1}
    walks = WALKS * 20
    by_list = firth.train(walks, **options)
    for frame in (pl.DataFrame(walks, orient="row"), pd.DataFrame(walks)):
        assert np.array_equal(firth.train(frame, **options).vectors.matrix, by_list.vectors.matrix)
        model = firth.train(walks, heldout=frame, **options)
        assert model.history.heldout_loss_nats == firth.train(walks, heldout=walks, **options).history.heldout_loss_nats
        more = by_list.train_more(frame, progress=False).vectors.matrix
        assert np.array_equal(more, by_list.train_more(walks, progress=False).vectors.matrix)
    with pytest.raises(CorpusTypeError, match=r'heldout must be one column .*frame\["text"\]'):
        firth.train(walks, heldout=pa.table({"text": ["a"], "y": [1]}), **options)
    texts = ["north east south", "west north east"] * 20
    by_text = firth.train(texts, tokenizer="whitespace", **options)
    by_table = firth.train(pa.table({"text": texts}), heldout=pa.array(texts), **options)
    assert np.array_equal(by_text.vectors.matrix, by_table.vectors.matrix)


_WITHOUT_TABLE_LIBRARIES = """
import sys
import firth
for text in (["a b"] * 9, [["a", "b"]] * 9):
    tokenizer = "whitespace" if isinstance(text[0], str) else None
    firth.train(text, tokenizer=tokenizer, min_count=1, dims=2, epochs=1, subsample=0, threads=1, progress=False)
print(*{"pandas", "polars", "pyarrow", "xarray", "scipy"} & set(sys.modules))
"""


def test_no_table_library_is_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _WITHOUT_TABLE_LIBRARIES], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_a_numpy_matrix_is_sequences_of_ids() -> None:
    ids = np.arange(12).reshape(4, 3) % 5
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.asmatrix(ids)
    found = sources.classify_source(matrix)
    assert isinstance(found, sources.IdSequences)
    assert found.ids.tolist() == ids.ravel().tolist()
    assert found.offsets.tolist() == [0, 3, 6, 9, 12]
