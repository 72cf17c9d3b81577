"""docs/gensim.md names every public name of the classes, and the tests that fail."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import test_gensims_own_tests as own_tests

from firth.compat.gensim import Doc2Vec, FastText, KeyedVectors, Phrases, TaggedDocument, Word2Vec, matutils, utils
from firth.compat.gensim.corpora import Dictionary
from firth.compat.gensim.models import doc2vec, fasttext
from firth.compat.gensim.models.fasttext import FastTextKeyedVectors
from firth.compat.gensim.refused import ABSENT_MODULES, ADVICE

PAGE = (Path(__file__).parents[3] / "docs" / "gensim.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def named(rows: str) -> set[str]:
    """Every name in the first column of the table."""
    first_columns = [line.split("|")[1] for line in rows.splitlines() if line.startswith("|")]
    return {name for column in first_columns for name in re.findall(r"`(\w+)", column)}


@pytest.mark.parametrize("kind", [Word2Vec, KeyedVectors])
def test_every_public_name_is_in_the_table(kind: type) -> None:
    models = pytest.importorskip("gensim.models")
    theirs = getattr(models, kind.__name__)
    example = models.Word2Vec([["a", "b"]] * 9, min_count=1)
    instance = example if kind is Word2Vec else example.wv
    names = {name for name in {*dir(theirs), *vars(instance)} if not name.startswith("_")}
    table = named(section(kind.__name__))
    assert names - table == set()


def test_every_public_name_of_phrases_is_in_the_table() -> None:
    phrases = pytest.importorskip("gensim.models.phrases")
    example = phrases.Phrases([["a", "b"]] * 9, min_count=1)
    names = {name for one in (example, example.freeze()) for name in dir(one) if not name.startswith("_")}
    assert names - named(section("Phrases")) == set()


def test_what_phrases_do_not_refuse_is_there() -> None:
    example = Phrases([["a", "b"]] * 9, min_count=1)
    for line in section("Phrases").splitlines():
        if named(line) and not line.split("|")[2].strip().startswith("refused"):
            names = named(line) - {"Phrases", "FrozenPhrases", "Phraser"}
            assert [name for name in names if not any(hasattr(one, name) for one in (example, example.freeze()))] == []


@pytest.mark.parametrize(("kind", "parent"), [(FastText, Word2Vec), (FastTextKeyedVectors, KeyedVectors)])
def test_every_name_that_fasttext_adds_is_in_the_table(kind: type, parent: type) -> None:
    models = pytest.importorskip("gensim.models")
    texts = [["a", "b"]] * 9
    examples = [models.FastText(texts, min_count=1, bucket=10), models.Word2Vec(texts, min_count=1)]
    instances = examples if kind is FastText else [example.wv for example in examples]
    names, inherited = ({name for name in {*dir(type(one)), *vars(one)} if name[0] != "_"} for one in instances)
    assert names - inherited - named(section(kind.__name__)) == set()


def test_every_name_of_doc2vec_is_in_the_table_and_there() -> None:
    table = named(section("Doc2Vec"))
    model = Doc2Vec([TaggedDocument(["a", "b"], [0])] * 9, min_count=1, sample=0)
    instance = {*dir(Doc2Vec), *vars(model)}
    assert table - instance - {"Doc2Vec"} == set()
    added = instance - {*dir(Word2Vec), *vars(Word2Vec([["a", "b"]] * 9, min_count=1, sample=0))}
    assert {name for name in added if name[0] != "_"} - table == set()
    for name in set(doc2vec.__all__) - {"Doc2Vec"}:
        assert f"`{name}`" in section("Doc2Vec")
    theirs = pytest.importorskip("gensim.models.doc2vec")
    example = theirs.Doc2Vec([theirs.TaggedDocument(["a", "b"], [0])] * 9, min_count=1)
    names = {name for name in {*dir(theirs.Doc2Vec), *vars(example)} if name[0] != "_"}
    assert names - table - named(section("Word2Vec")) == set()


def test_every_name_of_the_dictionary_is_in_the_table_and_there() -> None:
    table, mine = named(section("Dictionary")), Dictionary([["a"]])
    refused = {"add_lifecycle_event", "lifecycle_events"}
    assert {name for name in table if not hasattr(mine, name)} == refused | {"Dictionary"}
    theirs = pytest.importorskip("gensim.corpora").Dictionary([["a"]])
    assert {name for name in {*dir(theirs), *vars(theirs)} if name[0] != "_"} - table == set()


def test_examples_run() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    assert len(blocks) == 3
    for block in blocks:
        exec(compile(block, "gensim.md", "exec"), {})


def test_the_other_names_are_told() -> None:
    page = section("The other names")
    for module in (utils, matutils, fasttext):
        for name in set(module.__all__) - {"FastText", "FastTextKeyedVectors"}:
            assert f"`{name}`" in page or f"`utils.{name}`" in page or f"`{name}`" in PAGE, name
    for name in (*ABSENT_MODULES, *ADVICE):
        assert f"`{name}`" in page or f"`{name.partition('.')[0]}`" in page, name


@pytest.mark.parametrize("kind", [Word2Vec, KeyedVectors])
def test_what_is_not_refused_is_there(kind: type) -> None:
    model = Word2Vec([["a", "b"]] * 9, min_count=1, sample=0)
    instance = model if kind is Word2Vec else model.wv
    for line in section(kind.__name__).splitlines():
        names = named(line)
        if names and not line.split("|")[2].strip().startswith("refused"):
            missing = [
                name
                for name in names - {"name", "load", "syn1"}
                if name != kind.__name__ and not hasattr(instance, name)
            ]
            assert not missing


def test_every_failing_test_is_told() -> None:
    for failures in own_tests.EXPECTED_FAILURES.values():
        for title in failures:
            case, name = title.split(".")
            assert f"`{name}`" in PAGE or f"`{case}`" in PAGE, title
