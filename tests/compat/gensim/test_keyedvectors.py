"""firth.compat.gensim.KeyedVectors beside gensim's, on the same vectors: every query, and every file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from firth.compat.gensim import KeyedVectors
from firth.compat.gensim.models import keyedvectors as module
from firth.compat.gensim.significance import incomplete_beta
from firth.errors import FormatError, ParameterError, StorageError

N_WORDS, N_DIMS = 40, 6
WORDS = [f"word{number}" for number in range(N_WORDS)]
ROWS = np.random.default_rng(11).normal(size=(N_WORDS, N_DIMS)).astype(np.float32)
COUNTS = np.arange(N_WORDS, 0, -1) * 3


def make(kind: type = KeyedVectors):
    vectors = kind(N_DIMS)
    vectors.add_vectors(list(WORDS), ROWS.copy())
    for word, count in zip(WORDS, COUNTS.tolist(), strict=True):
        vectors.set_vecattr(word, "count", count)
    return vectors


@pytest.fixture(name="theirs")
def make_theirs():
    return make(pytest.importorskip("gensim.models.keyedvectors").KeyedVectors)


def assert_same(found, expected) -> None:
    """Equal, numbers to float32's precision."""
    if isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for ours, other in zip(found, expected, strict=True):
            assert_same(ours, other)
    elif isinstance(expected, (str, int, np.integer)):
        assert found == expected
    else:
        np.testing.assert_allclose(found, expected, atol=2e-6)


VECTOR = np.linspace(-1, 1, N_DIMS).astype(np.float32)
CALLS = {
    "most_similar": [
        (("word3",), {}),
        ((["word3", "word4"], ["word5"]), {"topn": 7}),
        (([("word3", 2.0), ("word4", -0.5)],), {}),
        ((), {"negative": "word7"}),
        (([VECTOR],), {"topn": 4}),
        (([VECTOR, "word1", 5],), {}),
        (("word3",), {"topn": None}),
        (("word3",), {"topn": 0}),
        (("word3",), {"topn": 100}),
        (("word3",), {"restrict_vocab": 10}),
        (("word3",), {"clip_start": 5, "clip_end": 20}),
        (("word3",), {"clip_start": 30, "topn": None}),
    ],
    "similar_by_word": [(("word1",), {"topn": 3}), (("word1", None), {})],
    "similar_by_key": [(("word1",), {"restrict_vocab": 8})],
    "similar_by_vector": [((VECTOR,), {"topn": 3})],
    "similarity": [(("word1", "word2"), {}), (("word1", "word1"), {})],
    "distance": [(("word1", "word2"), {})],
    "distances": [(("word1",), {}), ((VECTOR, ["word1", "word9"]), {})],
    "n_similarity": [((["word1", "word2"], ["word3"]), {})],
    "doesnt_match": [((["word1", "word2", "word3", "word4"],), {})],
    "rank_by_centrality": [((["word1", "word2", "word3"],), {}), ((["word1", "word2"],), {"use_norm": False})],
    "closer_than": [(("word1", "word2"), {})],
    "rank": [(("word1", "word2"), {})],
    "most_similar_to_given": [(("word1", ["word2", "word3", "word4"]), {})],
    "relative_cosine_similarity": [(("word1", "word2"), {"topn": 5})],
    "get_mean_vector": [
        ((["word1", "word2", "none"],), {}),
        ((["word1", VECTOR], [1, -2]), {"pre_normalize": False, "post_normalize": True}),
    ],
    "get_normed_vectors": [((), {})],
    "get_vector": [(("word1",), {}), (("word1",), {"norm": True}), ((3,), {})],
    "get_index": [(("word9",), {}), ((4,), {}), (("none", -7), {})],
    "has_index_for": [(("word9",), {}), ((39,), {}), ((40,), {}), (("none",), {})],
    "get_vecattr": [(("word9", "count"), {})],
    "cosine_similarities": [((VECTOR, ROWS[:5]), {})],
    "wmdistance": [((["word1", "word2", "none"], ["word3", "word2"]), {}), ((["none"], ["word1"]), {})],
}


@pytest.mark.parametrize(("name", "number"), [(name, n) for name, calls in CALLS.items() for n in range(len(calls))])
def test_same_answer_as_gensim(theirs, name: str, number: int) -> None:
    if name == "wmdistance":
        pytest.importorskip("ot")
    arguments, options = CALLS[name][number]
    assert_same(getattr(make(), name)(*arguments, **options), getattr(theirs, name)(*arguments, **options))


@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")
@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (("word3",), {}),
        ((["word3", "word4"], ["word5"]), {"topn": 7}),
        (([VECTOR / np.linalg.norm(VECTOR)], "word5"), {}),  # gensim takes the cosine of a longer one to be above 1
        (("word3",), {"topn": None}),
    ],
)
def test_cosmul_is_gensims(theirs, arguments, options) -> None:
    assert_same(make().most_similar_cosmul(*arguments, **options), theirs.most_similar_cosmul(*arguments, **options))


def test_cosmul_heeds_restrict_vocab() -> None:
    found = make().most_similar_cosmul("word3", topn=50, restrict_vocab=10)
    assert {word for word, _ in found} == set(WORDS[:10]) - {"word3"}


def test_unknown_keys_and_bad_queries() -> None:
    vectors = make()
    for ask in (
        vectors.get_vector,
        vectors.most_similar,
        lambda key: vectors[key],
        lambda key: vectors[["word1", key]],
    ):
        with pytest.raises(KeyError, match="none"):
            ask("none")
    assert "none" not in vectors
    assert ["word1"] not in vectors
    with pytest.raises(ValueError, match="positive must"):
        vectors.most_similar_cosmul(negative=["word1"])
    with pytest.raises(ValueError, match="keys must"):
        vectors.most_similar()
    with pytest.raises(KeyError, match="no attribute 'weight'"):
        vectors.get_vecattr("word1", "weight")
    with pytest.raises(ValueError, match="known word"):
        vectors.doesnt_match(["none"])


def test_zero_vectors_are_similar_to_nothing() -> None:
    vectors = make()
    vectors["zero"] = np.zeros(N_DIMS)
    assert vectors.similarity("zero", "word1") == 0
    assert vectors.similarity("zero", "zero") == 0
    assert np.isfinite(vectors.most_similar("word1", topn=None)).all()


def test_indexers_are_asked() -> None:
    class Indexer:
        def most_similar(self, vector, topn):
            return [("asked", float(np.linalg.norm(vector)))] * topn

    found = make().most_similar("word1", topn=2, indexer=Indexer())
    assert [word for word, _ in found] == ["asked", "asked"]
    assert found[0][1] == pytest.approx(1)


def test_adding_and_replacing() -> None:
    vectors = make()
    vectors.add_vectors(["word1", "new"], np.ones((2, N_DIMS)))
    np.testing.assert_array_equal(vectors["word1"], ROWS[1])
    np.testing.assert_array_equal(vectors["new"], np.ones(N_DIMS))
    assert vectors.get_vecattr("new", "count") == 0
    vectors[["word1", "newer"]] = [np.zeros(N_DIMS), np.full(N_DIMS, 2)]
    assert not vectors["word1"].any()
    assert vectors.most_similar("newer", topn=1)[0][0] == "new"
    vectors.add_vectors(["extra"], [np.ones(N_DIMS)], extras={"weight": np.array([2.5])})
    assert (vectors.get_vecattr("extra", "weight"), vectors.get_vecattr("word1", "weight")) == (2.5, 0.0)
    slots = KeyedVectors(2, count=2)
    assert [slots.add_vector(key, [1, 2]) for key in "abc"] == [0, 1, 2]
    assert slots.index_to_key == ["a", "b", "c"]
    with pytest.raises(TypeError, match="count"):
        vectors.set_vecattr("word1", "count", "many")
    with pytest.raises(ParameterError, match="6 numbers"):
        vectors.add_vectors(["x"], [[1.0]])


def test_changes_in_place_are_seen_when_norms_are_made_anew() -> None:
    vectors = make()
    vectors.most_similar("word1")
    vectors.vectors[5] = 3 * vectors.vectors[1]
    vectors.fill_norms(force=True)
    assert vectors.most_similar("word1", topn=1)[0] == ("word5", pytest.approx(1))
    np.testing.assert_allclose(vectors.norms, np.linalg.norm(vectors.vectors, axis=1), rtol=1e-6)
    vectors.unit_normalize_all()
    np.testing.assert_allclose(np.linalg.norm(vectors.vectors, axis=1), 1, rtol=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        vectors["word1"][0] = 5


def test_sorting_and_choosing() -> None:
    vectors = make()
    vectors.set_vecattr("word39", "count", 10**6)
    vectors.sort_by_descending_frequency()
    assert vectors.index_to_key[:2] == ["word39", "word0"]
    np.testing.assert_array_equal(vectors["word7"], ROWS[7])
    chosen = vectors.vectors_for_all(["word3", "none", "word1", "word3"], copy_vecattrs=True)
    assert (chosen.index_to_key, chosen.get_vecattr("word3", "count")) == (["word3", "word1"], COUNTS[3])


@pytest.mark.parametrize("binary", [False, True])
def test_word2vec_files_both_ways(tmp_path: Path, theirs, binary: bool) -> None:
    path, counts = str(tmp_path / "vectors"), str(tmp_path / "counts")
    make().save_word2vec_format(path, fvocab=counts, binary=binary)
    back = type(theirs).load_word2vec_format(path, fvocab=counts, binary=binary)
    assert back.index_to_key == WORDS
    np.testing.assert_array_equal(back.vectors, ROWS)
    assert back.expandos["count"].tolist() == COUNTS.tolist()
    theirs.save_word2vec_format(path, fvocab=counts, binary=binary, prefix="*")
    found = KeyedVectors.load_word2vec_format(path, fvocab=counts, binary=binary, limit=7)
    assert found.index_to_key == [f"*{word}" for word in WORDS[:7]]
    np.testing.assert_array_equal(found.vectors, ROWS[:7])
    assert found.expandos["count"].tolist() == COUNTS[:7].tolist()


def test_options_of_word2vec_files(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    make().save_word2vec_format(path, write_header=False)
    assert KeyedVectors.load_word2vec_format(path, no_header=True, datatype=np.float16).vectors.dtype == np.float16
    with pytest.raises(NotImplementedError):
        KeyedVectors.load_word2vec_format(path, no_header=True, binary=True)
    for refused in ({"append": True}, {"total_vec": 99}, {"write_header": False, "binary": True}):
        with pytest.raises(ParameterError):
            make().save_word2vec_format(path, **refused)
    path.write_bytes(b"2 1\ncaf\xe9 1\nna\xefve 2\n")
    with pytest.raises(UnicodeDecodeError, match="caf"):
        KeyedVectors.load_word2vec_format(path)
    assert KeyedVectors.load_word2vec_format(path, unicode_errors="ignore").index_to_key == ["caf", "nave"]
    assert KeyedVectors.load_word2vec_format(path, encoding="latin-1").index_to_key == ["café", "naïve"]
    path.write_bytes(b"3 1\na 1\n")
    with pytest.raises(EOFError):
        KeyedVectors.load_word2vec_format(path)


def test_intersecting_freezes(tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_text("2 6\nword4 1 2 3 4 5 6\nelsewhere 1 1 1 1 1 1\n")
    vectors = make()
    vectors.intersect_word2vec_format(path)
    np.testing.assert_array_equal(vectors["word4"], [1, 2, 3, 4, 5, 6])
    assert vectors.vectors_lockf.tolist() == [float(row != 4) for row in range(N_WORDS)]
    assert len(vectors) == N_WORDS


def test_own_files(tmp_path: Path) -> None:
    path = tmp_path / "vectors.kv"
    for keys in (list(WORDS), [*WORDS[:-1], 7]):
        vectors = make()
        vectors.index_to_key = keys
        vectors.key_to_index = {key: row for row, key in enumerate(keys)}
        vectors.save(str(path))
        for mmap in (None, "r"):
            loaded = KeyedVectors.load(str(path), mmap=mmap)
            assert loaded.index_to_key == keys
            np.testing.assert_array_equal(loaded.vectors, ROWS)
            assert loaded.expandos["count"].tolist() == COUNTS.tolist()
            assert loaded.vectors.flags.writeable == (mmap is None)
            assert loaded.most_similar("word1") == vectors.most_similar("word1")
    with pytest.raises(ParameterError, match="mmap"):
        KeyedVectors.load(path, mmap="w")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError):
        KeyedVectors.load(path)
    with pytest.raises(StorageError):
        KeyedVectors.load(tmp_path / "none")


def test_gensims_files(tmp_path: Path, theirs) -> None:
    path = str(tmp_path / "theirs.kv")
    theirs.save(path)
    loaded = KeyedVectors.load(path)
    assert loaded.index_to_key == WORDS
    np.testing.assert_array_equal(loaded.vectors, ROWS)
    assert loaded.get_vecattr("word1", "count") == COUNTS[1]


def test_evaluation_is_gensims(tmp_path: Path, theirs) -> None:
    rng = np.random.default_rng(4)
    pairs = tmp_path / "pairs.tsv"
    lines = ["\t".join([*rng.choice([*WORDS, "none"], 2), f"{rng.uniform():.2f}"]) + "\n" for _ in range(60)]
    pairs.write_text("# a comment\n" + "".join(lines))
    for options in ({}, {"dummy4unknown": True}, {"restrict_vocab": 20, "case_insensitive": False}):
        found, expected = (kv.evaluate_word_pairs(str(pairs), **options) for kv in (make(), theirs))
        assert_same(
            tuple(map(float, (*found[0], *found[1], found[2]))),
            tuple(map(float, (*expected[0], *expected[1], expected[2]))),
        )
    questions = tmp_path / "questions.txt"
    lines = [" ".join(rng.choice([*WORDS, "none"], 4, replace=False)) + "\n" for _ in range(80)]
    questions.write_text(": capitals\n" + "".join(lines[:40]) + ": gram1\n" + "".join(lines[40:]))
    for options in ({}, {"dummy4unknown": True}, {"restrict_vocab": 20, "case_insensitive": False}):
        found, expected = (kv.evaluate_word_analogies(str(questions), **options) for kv in (make(), theirs))
        assert found[0] == pytest.approx(expected[0])
        assert [{**s, "incorrect": sorted(s["incorrect"])} for s in found[1]] == [
            {**s, "incorrect": sorted(s["incorrect"])} for s in expected[1]
        ]
    with pytest.raises(ParameterError, match="similarity_function"):
        make().evaluate_word_analogies(str(questions), similarity_function="euclid")


def test_evaluation_leaves_lines_out_as_gensim_does(
    tmp_path: Path, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    """gensim takes three columns between tabs and a float, logs all other lines, and guesses nothing."""
    good = "".join(f"{WORDS[i]}\t{WORDS[-i - 1]}\t{i * i % 7}.5\n" for i in range(12))
    bad = f"{WORDS[0]}\t{WORDS[1]}\t7,35\n{WORDS[0]},{WORDS[1]},4\n{WORDS[0]}\t{WORDS[1]}\t4\t5\n\n"
    pairs, clean = tmp_path / "pairs.tsv", tmp_path / "clean.tsv"
    pairs.write_text("word1\tword2\tscore\n# a comment\n" + good + bad)
    clean.write_text(good)
    found = make().evaluate_word_pairs(str(pairs))
    assert found == make().evaluate_word_pairs(str(clean))
    assert "4 lines: the line is not two words and a number" in caplog.text
    with pytest.raises(FormatError, match="pass the delimiter of the file"):
        make().evaluate_word_pairs(str(pairs), delimiter=";")
    questions = tmp_path / "questions.txt"
    questions.write_text(": a\n" + " ".join(WORDS[:4]) + "\nthree words alone\n")
    assert len(make().evaluate_word_analogies(str(questions))[1]) == 2
    assert "the line has 3 words" in caplog.text
    theirs = request.getfixturevalue("theirs")  # skips without gensim
    assert found[0][0] == pytest.approx(theirs.evaluate_word_pairs(str(pairs))[0][0], abs=1e-6)


def test_incomplete_beta_is_scipys() -> None:
    special = pytest.importorskip("scipy.special")
    rng = np.random.default_rng(8)
    for a, b, x in zip(rng.uniform(0.1, 200, 50), rng.uniform(0.1, 5, 50), rng.uniform(size=50), strict=True):
        assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-9, abs=1e-300)
    x, y = rng.normal(size=(2, 25))
    result = stats.pearsonr(x, y)
    assert module.with_pvalue(result.statistic, 25).pvalue == pytest.approx(result.pvalue)


@pytest.mark.parametrize("name", ["vocab", "index2word", "index2entity", "vectors_norm", "syn0", "wv"])
def test_removed_names(name: str) -> None:
    with pytest.raises(AttributeError, match="gensim 4"):
        getattr(make(), name)


def test_deprecated_names() -> None:
    vectors = make()
    with pytest.warns(DeprecationWarning, match="get_vector"):
        np.testing.assert_array_equal(vectors.word_vec("word1"), ROWS[1])
    with pytest.warns(DeprecationWarning, match="closer_than"):
        vectors.words_closer_than("word1", "word2")
    with pytest.warns(DeprecationWarning, match="unit_normalize_all"):
        vectors.init_sims(replace=True)
    assert np.linalg.norm(vectors["word1"]) == pytest.approx(1)
