"""gensim's names that firth lacks: importing them works; using them is an error that says what to use."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import firth.compat.gensim
from firth.compat.gensim.models import KeyedVectors, LdaModel
from firth.compat.gensim.refused import ABSENT_MODULES, ADVICE, NotInFirthError, RemovedNameError


@pytest.mark.parametrize("name", ABSENT_MODULES)
def test_every_absent_module_can_be_imported(name: str) -> None:
    module = importlib.import_module(f"firth.compat.gensim.{name}")
    parent, _, last = f"firth.compat.gensim.{name}".rpartition(".")
    assert getattr(sys.modules[parent], last) is module
    with pytest.raises(NotInFirthError, match="Anything is not in firth, for now; ") as error:
        module.Anything(7, size=3)
    assert ABSENT_MODULES[name] in str(error.value)
    with pytest.raises(AttributeError, match="has no attribute '_private'"):
        module._private  # noqa: B018


def test_statements_of_programs() -> None:
    program = """
from firth.compat.gensim.models.doc2vec import Doc2Vec, TaggedDocument
from firth.compat.gensim.models.phrases import Phrases, Phraser
from firth.compat.gensim.models.ldamodel import LdaModel
from firth.compat.gensim.corpora.dictionary import Dictionary
from firth.compat.gensim.parsing.preprocessing import remove_stopwords
from firth.compat.gensim.scripts.glove2word2vec import glove2word2vec
from firth.compat.gensim.similarities.annoy import AnnoyIndexer
from firth.compat.gensim.similarities import WmdSimilarity
from firth.compat.gensim.models.word2vec import FAST_VERSION
from firth.compat.gensim.test.utils import common_texts
from firth.compat.gensim import downloader, matutils, similarities, corpora
import firth.compat.gensim.downloader as api
import firth.compat.gensim as gensim
assert api is downloader is gensim.downloader
assert FAST_VERSION >= 0
assert tuple(map(int, gensim.__version__.split("."))) >= (4, 0, 0)
assert not isinstance(7, LdaModel) and isinstance(LdaModel, type)
class Mine(LdaModel):
    pass
try:
    import firth.compat.gensim.models.nosuchmodel
except ModuleNotFoundError:
    print("fine")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "fine\n"


def test_uses_are_refused() -> None:
    with pytest.raises(
        ImportError, match="LdaModel is not in firth, for now; scikit-learn's LatentDirichletAllocation"
    ):
        LdaModel([["a"]])
    mine = type("Mine", (LdaModel,), {})
    with pytest.raises(NotInFirthError, match="Mine is not in firth"):
        mine()
    with pytest.raises(RemovedNameError, match="LdaModel is not in firth"):
        LdaModel.load("path")  # type: ignore[attr-defined]
    assert not hasattr(LdaModel, "load")
    with pytest.raises(ImportError, match="load is not in firth, for now; download the vectors"):
        firth.compat.gensim.downloader.load("glove-twitter-25")  # type: ignore[attr-defined]


def test_names_of_both_sides() -> None:
    assert KeyedVectors.__name__ not in ADVICE
    for name in ADVICE:
        with pytest.raises(NotInFirthError, match=f"{name} is not in firth"):
            getattr(firth.compat.gensim.models, name)()
    with pytest.raises(AttributeError, match="has no attribute 'NoSuchName'"):
        firth.compat.gensim.NoSuchName  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'NoSuchName'"):
        from firth.compat.gensim.models import NoSuchName  # noqa: F401
