"""WordVectors: look-up, similarities, queries, editing, and what it refuses."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from firth.errors import ParameterError, ShapeError, UnknownWordError
from firth.vectors import Neighbor, PackedWords, WordVectors

HALF = math.sqrt(0.5)


def names(neighbors) -> list:
    return [neighbor.word for neighbor in neighbors]


# ---- what there is


def test_attributes(compass: WordVectors) -> None:
    assert len(compass) == 6
    assert compass.dims == 2
    assert compass.words[:2] == ("east", "north")
    assert list(compass) == list(compass.words)
    assert compass.counts.tolist() == [6, 5, 4, 3, 2, 1]
    assert compass.count("west") == 4
    assert "east" in compass
    assert "East" not in compass
    assert 0 not in compass
    assert repr(compass) == "WordVectors(6 words, 2 dims, float32)"
    np.testing.assert_allclose(compass.norms, [2, 1, 3, 1, math.sqrt(2), 0], rtol=1e-6)


def test_nothing_is_copied_and_nothing_can_be_changed_through_it() -> None:
    matrix = np.eye(3, dtype=np.float32)
    vectors = WordVectors(["a", "b", "c"], matrix)
    assert np.shares_memory(vectors.matrix, matrix)
    assert matrix.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        vectors.matrix[0, 0] = 2
    vector = vectors["a"]
    vector += 1
    assert vectors["a"].tolist() == [1, 0, 0]
    assert np.shares_memory(vectors.head(2).matrix, matrix)


@pytest.mark.parametrize("dtype", [np.float64, np.int32, ">f4"])
def test_other_numbers_become_float32(dtype) -> None:
    vectors = WordVectors(["a", "b"], np.array([[1, 2], [3, 4]], dtype=dtype))
    assert vectors.matrix.dtype == np.float32
    assert vectors.matrix.dtype.isnative
    assert vectors["b"].tolist() == [3, 4]


def test_look_up(compass: WordVectors) -> None:
    assert compass["west"].tolist() == [-3, 0]
    assert compass["west"].dtype == np.float32
    assert compass[["west", "north", "west"]].tolist() == [[-3, 0], [0, 1], [-3, 0]]
    assert compass[np.array(["south"])].tolist() == [[0, -1]]
    assert compass[[]].shape == (0, 2)
    assert compass.get("up") is None
    assert compass.get("up", 7) == 7
    assert compass.get("south").tolist() == [0, -1]
    assert compass.word_id("west") == 2
    assert compass.word_ids(["west", "up"], unknown="mark").tolist() == [2, -1]
    assert compass.word_ids(["west", "up"], unknown="skip").tolist() == [2]


def test_integers_are_words_where_ids_were_the_words() -> None:
    for words in (np.array([40, 7, 0]), [40, 7, 0], np.array([40, 7, 0], dtype=np.uint8)):
        vectors = WordVectors(words, np.eye(3))
        assert vectors[7].tolist() == [0, 1, 0]
        assert vectors[[0, 40]].tolist() == [[0, 0, 1], [1, 0, 0]]
        assert vectors[np.array([0, 40])].tolist() == [[0, 0, 1], [1, 0, 0]]
        assert vectors.most_similar(7, top=1) == [(40, 0.0)]
        assert type(vectors.most_similar(7, top=1)[0].word) is int
        assert names(vectors.most_similar([7, 40])) == [0]
        assert [names(found) for found in vectors.neighbors(np.array([7, 40]), top=1)] == [[40], [7]]
        assert list(vectors) == [40, 7, 0]
        with pytest.raises(UnknownWordError, match=r"1 is not in the vocabulary of 3 words; .*\.matrix"):
            vectors[1]


def test_unknown_words(compass: WordVectors) -> None:
    for call in (
        lambda: compass["nroth"],
        lambda: compass[["east", "nroth"]],
        lambda: compass.most_similar("nroth"),
        lambda: compass.similarity("east", "nroth"),
        lambda: compass.most_similar("east", candidates=["nroth"]),
        lambda: compass.mean_vector(["nroth"]),
        lambda: compass.without(["nroth"]),
    ):
        with pytest.raises(
            UnknownWordError, match=r"'nroth' is not in the vocabulary of 6 words; did you mean 'north'"
        ):
            call()
    with pytest.raises(KeyError, match=r"rows are reached through \.matrix"):
        compass[3]
    with pytest.raises(UnknownWordError, match="decode the bytes"):
        compass[b"north"]
    with pytest.raises(ParameterError, match="words must be a word or a list of words, got slice"):
        compass[1:3]


@pytest.mark.parametrize(
    ("words", "matrix", "counts", "error", "message"),
    [
        ("ab", np.eye(2), None, ParameterError, "words must be a sequence of words, got one str: 'ab'"),
        (5, np.eye(2), None, ParameterError, "words must be a sequence of words, got int"),
        (["a", "a"], np.eye(2), None, ParameterError, "words must be distinct, got 'a' again at row 1"),
        (["a", 1], np.eye(2), None, ParameterError, "words must all be str, or all int, got int at row 1"),
        ([True, False], np.eye(2), None, ParameterError, "words must all be str, or all int, got bool at row 0"),
        ([2**64, 1], np.eye(2), None, ParameterError, "words must fit into 64 bits"),
        (np.array([2**64 - 1, 1], np.uint64), np.eye(2), None, ParameterError, "words must be below 2\\^63"),
        (np.array([["a"], ["b"]]), np.eye(2), None, ShapeError, "words must be flat"),
        (["a"], np.eye(2), None, ShapeError, "matrix must have a row for each of 1 words, got 2 rows"),
        (["a", "b"], np.ones(2), None, ShapeError, "matrix must have two dimensions"),
        (["a", "b"], np.ones((2, 0)), None, ShapeError, "matrix must have at least 1 column"),
        (["a", "b"], np.eye(2) * 1j, None, ParameterError, "matrix must hold real numbers, got complex128"),
        (["a", "b"], [["x"], ["y"]], None, ParameterError, "matrix must hold real numbers"),
        (["a", "b"], np.eye(2), [1], ShapeError, "counts must have one number for each of 2 words"),
        (["a", "b"], np.eye(2), [1, -1], ParameterError, "counts must be at least 0, got -1"),
        (["a", "b"], np.eye(2), [1, 0.5], ParameterError, "counts must be integers, got float64"),
    ],
)
def test_refused_to_be_made(words, matrix, counts, error, message) -> None:
    with pytest.raises(error, match=message):
        WordVectors(words, matrix, counts)


def test_no_words_at_all() -> None:
    vectors = WordVectors([], np.zeros((0, 3)))
    assert len(vectors) == 0
    assert vectors.most_similar(np.ones(3)) == []
    assert vectors.neighbors(np.ones((2, 3))) == [[], []]
    with pytest.raises(UnknownWordError, match="'a' is not in the vocabulary of 0 words"):
        vectors["a"]


def test_pickle_keeps_everything(compass: WordVectors) -> None:
    copy = pickle.loads(pickle.dumps(compass))
    assert copy.most_similar("east") == compass.most_similar("east")
    assert copy.counts.tolist() == compass.counts.tolist()


# ---- two or more words


def test_similarity_and_distance(compass: WordVectors) -> None:
    assert compass.similarity("east", "west") == -1
    assert compass.similarity("east", "north") == 0
    assert compass.similarity("east", "northeast") == pytest.approx(HALF, abs=1e-15)
    assert compass.similarity("east", np.array([5, 5])) == pytest.approx(HALF, abs=1e-15)
    assert compass.distance("east", "west") == 2
    assert compass.similarity("nowhere", "east") == 0
    assert compass.similarity("nowhere", "nowhere") == 0
    np.testing.assert_allclose(compass.similarities("east"), [1, 0, -1, 0, HALF, 0], atol=1e-15)
    np.testing.assert_allclose(compass.distances("east", ["west", "east"]), [2, 0], atol=1e-15)


def test_similarity_says_what_most_similar_says(glove: WordVectors) -> None:
    for word, similarity in glove.most_similar("king", top=20):
        assert glove.similarity("king", word) == pytest.approx(similarity, abs=1e-15)


def test_sets_of_words(compass: WordVectors) -> None:
    assert compass.doesnt_match(["east", "north", "northeast", "south"]) == "south"
    central = compass.centrality(["east", "north", "northeast"])
    assert names(central) == ["northeast", "east", "north"]
    assert central[0].similarity == pytest.approx(1, abs=1e-15)
    assert compass.text_similarity(["east", "north"], ["northeast"]) == pytest.approx(1)
    assert compass.text_similarity(["east", "up"], ["west"], unknown="skip") == pytest.approx(-1)
    assert compass.nearest_of("east", ["south", "northeast", "west"]) == "northeast"
    assert compass.nearest_of("east", ["south", "north"]) == "south"  # equals: the first named


def test_ranks(compass: WordVectors) -> None:
    # nearer to east: northeast, then north, south and nowhere alike, then west
    assert compass.rank("east", "northeast") == 1
    assert compass.rank("east", "south") == 2
    assert compass.rank("east", "west") == 5
    assert compass.closer_than("east", "west") == ["north", "south", "northeast", "nowhere"]
    assert compass.closer_than("east", "northeast") == []
    assert compass.rank("east", "east") == 1


def test_relative_similarity(compass: WordVectors) -> None:
    assert compass.relative_similarity("east", "northeast", top=1) == pytest.approx(1)
    assert compass.relative_similarity("east", "northeast", top=2) == pytest.approx(1)
    assert compass.relative_similarity("northeast", "east", top=2) == pytest.approx(0.5)


def test_mean_vector(compass: WordVectors) -> None:
    np.testing.assert_allclose(compass.mean_vector(["east", "north"]), [0.5, 0.5])
    np.testing.assert_allclose(compass.mean_vector(["east", "north"], normalize_words=False), [1, 0.5])
    np.testing.assert_allclose(compass.mean_vector(["east", "north"], [3, -1]), [0.75, -0.25])
    np.testing.assert_allclose(compass.mean_vector(["east", "up"], [3, 9], unknown="skip"), [1, 0])
    assert compass.mean_vector(["up"], unknown="skip").tolist() == [0, 0]
    assert compass.mean_vector(["east"], [0]).tolist() == [0, 0]
    with pytest.raises(ShapeError, match="weights must have one number for each of 1 words"):
        compass.mean_vector(["east"], [1, 2])
    with pytest.raises(ParameterError, match="weights must be finite"):
        compass.mean_vector(["east"], [math.nan])
    with pytest.raises(ParameterError, match="words must hold at least 1 word, got none"):
        compass.mean_vector([])
    with pytest.raises(ParameterError, match="words must be a list of words, got 'east'; put one word into a list"):
        compass.mean_vector("east")
    with pytest.raises(ParameterError, match="unknown must be one of 'error', 'skip', 'compose', got 'ignore'"):
        compass.mean_vector(["east"], unknown="ignore")


# ---- neighbours


def test_one_query(compass: WordVectors) -> None:
    found = compass.most_similar("east")
    # ties by row, and the word itself is no answer
    assert names(found) == ["northeast", "north", "south", "nowhere", "west"]
    assert found[0] == Neighbor("northeast", pytest.approx(HALF))
    word, similarity = found[-1]
    assert (word, similarity) == ("west", -1)
    assert compass.most_similar("east", top=1) == found[:1]
    assert compass.most_similar("east", top=None) == found
    assert names(compass.most_similar(np.array([1.0, 0.1]), top=2)) == ["east", "northeast"]


def test_positive_and_negative(compass: WordVectors) -> None:
    assert names(compass.most_similar(["east", "north"], top=1)) == ["northeast"]
    assert names(compass.most_similar(["northeast"], ["east"], top=1)) == ["north"]
    assert names(compass.most_similar(negative="east", top=1)) == ["west"]
    assert names(compass.most_similar([("east", 0.1), ("north", 1.0)], top=1)) == ["northeast"]
    assert names(compass.most_similar([(np.array([1.0, 0.0]), 2), ("south", 1.5)], top=2)) == ["east", "northeast"]
    assert names(compass.most_similar(("east", -1.0), top=1)) == ["west"]
    # directions that cancel: cosine 0 with everything
    assert {neighbor.similarity for neighbor in compass.most_similar(["east", "west"])} == {0.0}


def test_many_queries(compass: WordVectors) -> None:
    words = ["east", "north", "northeast"]
    assert compass.neighbors(words, top=2) == [compass.most_similar(word, top=2) for word in words]
    assert compass.neighbors("east") == compass.most_similar("east")
    assert compass.neighbors(compass["east"], top=1) == [("east", 1.0)]
    assert compass.neighbors(compass[words], top=1) == [
        [("east", 1.0)],
        [("north", 1.0)],
        [("northeast", pytest.approx(1))],
    ]
    assert compass.neighbors(["east", np.array([0.0, 1.0])], top=1)[1] == [("north", 1.0)]
    assert compass.neighbors([]) == []
    assert compass.most_similar([["east", "north"], ["west"]], [[], ["north"]], top=1) == [
        compass.most_similar(["east", "north"], top=1),
        compass.most_similar("west", "north", top=1),
    ]
    assert compass.most_similar(compass[words], top=1) == compass.neighbors(compass[words], top=1)
    assert compass.most_similar(negative=[["east"], ["west"]], top=1) == [[("west", 1.0)], [("east", 1.0)]]


def test_where_answers_come_from(compass: WordVectors) -> None:
    assert names(compass.most_similar("east", restrict=3)) == ["north", "west"]
    assert names(compass.most_similar("east", restrict=100)) == names(compass.most_similar("east"))
    assert names(compass.most_similar("east", candidates=["west", "south", "east", "south"])) == ["south", "west"]
    assert names(compass.most_similar("east", candidates=["west", "south"], restrict=3)) == ["west"]
    assert compass.most_similar("east", candidates=[]) == []
    assert names(compass.most_similar("east", threshold=0.5)) == ["northeast"]
    assert names(compass.most_similar("east", threshold=0, top=2)) == ["northeast", "north"]
    assert compass.most_similar("east", threshold=2) == []
    assert [names(found) for found in compass.neighbors(["east", "west"], threshold=0.1)] == [["northeast"], []]


def test_multiplicative_analogies(compass: WordVectors) -> None:
    found = compass.most_similar(["north", "east"], ["west"], method="multiply")
    # northeast: (1 + h)/2 (1 + h)/2 / ((1 - h)/2 + 1e-6)
    expected = ((1 + HALF) / 2) ** 2 / ((1 - HALF) / 2 + 1e-6)
    assert found[0] == ("northeast", pytest.approx(expected))
    assert names(found) == ["northeast", "nowhere", "south"]
    assert names(compass.most_similar(["north"], method="multiply", restrict=2)) == ["east"]
    assert names(compass.most_similar(["north"], method="multiply", candidates=["south", "west"])) == ["west", "south"]
    assert names(compass.most_similar(["north"], method="multiply", threshold=0.6)) == ["northeast"]
    with pytest.raises(ParameterError, match='no weights with method="multiply"'):
        compass.most_similar([("north", 2.0)], method="multiply")
    with pytest.raises(ParameterError, match="positive must hold at least one word or vector"):
        compass.most_similar(negative=["north"], method="multiply")


def test_analogy(glove: WordVectors) -> None:
    assert glove.analogy("man", "king", "woman", top=1)[0].word == "queen"
    assert glove.analogy("man", "king", "woman", top=1, method="multiply")[0].word == "queen"
    assert glove.analogy("france", "paris", "italy", top=1)[0].word == "rome"
    assert glove.analogy("man", "king", "woman") == glove.most_similar(["king", "woman"], ["man"])


def test_rows_that_are_not_finite_are_no_answers_and_no_queries() -> None:
    matrix = np.array([[1, 0], [np.nan, 0], [0, np.inf], [1, 1], [2e30, 0]], dtype=np.float32)
    vectors = WordVectors(["a", "nan", "inf", "b", "huge"], matrix)
    assert names(vectors.most_similar("a")) == ["b"]
    assert names(vectors.neighbors(np.ones((200, 2)), top=1)[0]) == ["b"]
    assert names(vectors.most_similar("a", method="multiply")) == ["b"]
    assert np.isnan(vectors.similarities("a")).tolist() == [False, True, True, False, True]
    assert vectors.closer_than("a", "b") == []
    for word in ("nan", "inf", "huge"):
        with pytest.raises(ParameterError, match=f"the vector of '{word}' must be finite"):
            vectors.most_similar(word)
        with pytest.raises(ParameterError, match=f"the vector of '{word}' must be finite"):
            vectors.similarity("a", word)
        with pytest.raises(ParameterError, match=f"the vector of '{word}' must be finite"):
            vectors.doesnt_match(["a", "b", word])
    with pytest.raises(ParameterError, match="a query vector must be finite"):
        vectors.most_similar(np.array([np.nan, 1.0]))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"positive": None}, ParameterError, "positive must hold at least one word or vector, got none"),
        ({"positive": []}, ParameterError, "positive must hold at least one word or vector, got none"),
        ({"positive": "east", "top": 0}, ParameterError, "top must be at least 1, got 0"),
        ({"positive": "east", "top": 2.5}, ParameterError, "top must be a whole number, got 2.5"),
        ({"positive": "east", "top": True}, ParameterError, "top must be a whole number"),
        ({"positive": "east", "restrict": 0}, ParameterError, "restrict must be at least 1, got 0"),
        ({"positive": "east", "threshold": math.nan}, ParameterError, "threshold must be a finite number, got nan"),
        ({"positive": "east", "threshold": "x"}, ParameterError, "threshold must be a finite number, got 'x'"),
        ({"positive": "east", "candidates": "west"}, ParameterError, "words must be a list of words, got 'west'"),
        ({"positive": "east", "method": "divide"}, ParameterError, "method must be one of 'add', 'multiply'"),
        ({"positive": np.ones(3)}, ShapeError, r"a query vector must have shape \(2,\), got \(3,\)"),
        ({"positive": np.ones((2, 3))}, ShapeError, r"a query vector must have shape \(2,\), got \(3,\)"),
        ({"positive": np.ones(2) * 1j}, ParameterError, "a query vector must hold real numbers, got complex128"),
        ({"positive": [0.5, 0.5]}, ParameterError, "got 0.5; make a vector a NumPy array"),
        ({"positive": 0.5}, ParameterError, "a query must be made of words and vectors, got float"),
        ({"positive": ["east", ["west"]]}, ParameterError, r"got a list: \['west'\]"),
        ({"positive": [("east", "west")]}, ParameterError, r"a weighted query must be a pair \(word, weight\)"),
        ({"positive": [("east", math.inf)]}, ParameterError, "a weight must be finite, got inf"),
        ({"positive": [["east"]], "negative": [["west"], []]}, ShapeError, "a list for each of 1 queries, got 2"),
        ({"positive": [["east"], []]}, ParameterError, "positive must hold at least one word or vector, got none"),
    ],
)
def test_refused_queries(compass: WordVectors, arguments, error, message) -> None:
    with pytest.raises(error, match=message):
        compass.most_similar(**arguments)


def test_refused_sets(compass: WordVectors) -> None:
    with pytest.raises(ParameterError, match="words must hold at least 2 words, got 1"):
        compass.doesnt_match(["east"])
    with pytest.raises(ParameterError, match="words must be a list of words, got 'east'"):
        compass.doesnt_match("east")
    with pytest.raises(ParameterError, match="words must hold at least 1 word"):
        compass.nearest_of("east", [])
    with pytest.raises(ParameterError, match="words must hold at least 1 word"):
        compass.centrality([])
    with pytest.raises(ParameterError, match="counts must be known"):
        WordVectors(["a"], [[1]]).count("a")


# ---- other vectors made of these


def test_select_head_without(compass: WordVectors) -> None:
    chosen = compass.select(["south", "east"])
    assert chosen.words == ("south", "east")
    assert chosen.matrix.tolist() == [[0, -1], [2, 0]]
    assert chosen.counts.tolist() == [3, 6]
    assert compass.select(["up", "east"], unknown="skip").words == ("east",)
    assert compass.head(2).words == ("east", "north")
    assert len(compass.head(100)) == 6
    assert compass.without(["east", "nowhere"]).words == ("north", "west", "south", "northeast")
    assert compass.without([]).words == compass.words
    packed = WordVectors(PackedWords.from_words(list(compass)), compass.matrix)
    assert packed.head(2).words == ("east", "north")
    assert packed.select(["south"]).words == ("south",)
    assert WordVectors([5, 6], np.eye(2)).select([6]).words.tolist() == [6]
    with pytest.raises(ParameterError, match="words must be distinct, got 'east' again"):
        compass.select(["east", "east"])


def test_with_words(compass: WordVectors) -> None:
    more = compass.with_words(["southwest", "east"], [[-1, -1], [5, 0]], [9, 8], replace=True)
    assert more.words == (*compass.words, "southwest")
    assert more["southwest"].tolist() == [-1, -1]
    assert more["east"].tolist() == [5, 0]
    assert more.counts.tolist() == [8, 5, 4, 3, 2, 1, 9]
    assert compass["east"].tolist() == [2, 0]  # the old ones are as they were
    one = compass.with_words("up", [1, 2])
    assert one["up"].tolist() == [1, 2]
    assert one.counts.tolist() == [6, 5, 4, 3, 2, 1, 0]
    assert compass.with_words("east", [1, 1], replace=True).counts.tolist() == compass.counts.tolist()
    assert compass.astype("float16").with_words("up", [1, 2]).matrix.dtype == np.float16
    with pytest.raises(ParameterError, match="words must be new unless replace=True, got 'east'"):
        compass.with_words("east", [1, 1])
    with pytest.raises(ShapeError, match="rows must have 2 columns, got 3"):
        compass.with_words("up", [1, 2, 3])
    with pytest.raises(ShapeError, match="matrix must have a row for each of 2 words, got 1 rows"):
        compass.with_words(["up", "down"], [[1, 2]])
    with pytest.raises(ParameterError, match="rows must be finite"):
        compass.with_words("up", [1, math.nan])
    with pytest.raises(ParameterError, match="words must be strings as these are, got integers"):
        compass.with_words(7, [1, 1])
    with pytest.raises(ParameterError, match="counts must not be given, these vectors have none"):
        WordVectors(["a"], [[1]]).with_words("b", [1], 5)


def test_merge(compass: WordVectors) -> None:
    other = WordVectors(["up", "east"], [[3, 3], [0, 2]], [10, 20])
    with pytest.raises(
        ParameterError, match="other must share no words unless repeated is chosen, got 1 shared, 'east'"
    ):
        compass.merge(other)
    for repeated, east in (("first", [2, 0]), ("second", [0, 2]), ("mean", [1, 1])):
        merged = compass.merge(other, repeated=repeated)
        assert merged.words == (*compass.words, "up")
        assert merged["east"].tolist() == east
        assert merged.counts.tolist() == [26, 5, 4, 3, 2, 1, 10]
    assert compass.merge(WordVectors(["up"], [[3, 3]])).counts is None
    assert compass.astype(np.float16).merge(WordVectors(["up"], [[3, 3]])).matrix.dtype == np.float32
    with pytest.raises(ShapeError, match="other must have 2 dims, got 1"):
        compass.merge(WordVectors(["up"], [[3]]))
    with pytest.raises(ParameterError, match="words must be strings as these are"):
        compass.merge(WordVectors([7], [[3, 3]]))


def test_float16(glove: WordVectors) -> None:
    half = glove.astype(np.float16)
    assert half.matrix.nbytes * 2 == glove.matrix.nbytes
    assert half["king"].dtype == np.float32
    assert half.astype(np.float32).matrix.dtype == np.float32
    queries = list(glove.words[::100])
    same = 0
    for ours, reference in zip(half.neighbors(queries), glove.neighbors(queries), strict=True):
        same += len(set(names(ours)) & set(names(reference)))
        np.testing.assert_allclose([n.similarity for n in ours], [n.similarity for n in reference], atol=1e-3)
    assert same >= 0.99 * 10 * len(queries)
    with pytest.raises(ParameterError, match="matrix must stay below 65520"):
        WordVectors(["a"], [[1e6]]).astype("float16")
    with pytest.raises(ParameterError, match="dtype must be float32 or float16, got float64"):
        glove.astype(float)


def test_the_same_through_packed_words(glove: WordVectors) -> None:
    packed = WordVectors(PackedWords.from_words(glove), glove.matrix)
    queries = list(glove.words[:300:7])
    assert packed.neighbors(queries) == glove.neighbors(queries)


# ---- a second opinion


@pytest.fixture(scope="module")
def keyed(glove_table):
    keyedvectors = pytest.importorskip("gensim.models.keyedvectors", reason="gensim is not installed")
    words, matrix = glove_table
    keyed = keyedvectors.KeyedVectors(matrix.shape[1])
    keyed.add_vectors(words, matrix.copy())
    return keyed


def assert_agree(ours, theirs) -> None:
    assert names(ours) == [word for word, _ in theirs]
    np.testing.assert_allclose([n.similarity for n in ours], [score for _, score in theirs], atol=2e-6)


@pytest.mark.data
@pytest.mark.filterwarnings("ignore:Call to deprecated `init_sims`:DeprecationWarning")
def test_gensim_agrees(glove: WordVectors, keyed) -> None:
    for word in ("king", "paris", "three", "the", "1990"):
        assert_agree(glove.most_similar(word), keyed.most_similar(word))
        assert_agree(glove.most_similar(word, restrict=500), keyed.most_similar(word, restrict_vocab=500)[:10])
    assert_agree(glove.analogy("man", "king", "woman"), keyed.most_similar(["king", "woman"], ["man"]))
    weighted = [("king", 0.7), ("woman", 0.2)]
    assert_agree(glove.most_similar(weighted), keyed.most_similar(positive=weighted))
    assert_agree(
        glove.most_similar(["king", "woman"], ["man"], method="multiply"),
        keyed.most_similar_cosmul(["king", "woman"], ["man"]),
    )
    assert_agree(glove.neighbors(glove["king"]), keyed.similar_by_vector(keyed["king"]))
    words = ["red", "green", "yellow", "blue", "king"]
    assert glove.doesnt_match(words) == keyed.doesnt_match(words) == "king"
    assert glove.rank("king", "paris") == keyed.rank("king", "paris")
    assert sorted(glove.closer_than("king", "queen")) == sorted(keyed.closer_than("king", "queen"))
    assert glove.nearest_of("king", words) == keyed.most_similar_to_given("king", words)
    np.testing.assert_allclose(glove.distances("king"), keyed.distances("king"), atol=1e-6)
    np.testing.assert_allclose(
        glove.text_similarity(words[:2], words[2:], normalize_words=False),
        keyed.n_similarity(words[:2], words[2:]),
        atol=1e-6,
    )
    np.testing.assert_allclose(
        glove.relative_similarity("king", "queen"), keyed.relative_cosine_similarity("king", "queen"), atol=1e-6
    )
    weights = [1.0, -2.0, 3.0, 4.0, 0.5]
    np.testing.assert_allclose(glove.mean_vector(words, weights), keyed.get_mean_vector(words, weights), atol=1e-6)
    assert names(glove.centrality(words)) == [word for _, word in keyed.rank_by_centrality(words)]
