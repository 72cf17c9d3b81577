"""Room compat: gensim.test.utils: nine small texts and temporary files. firth does not have gensim's test data.

Source of the texts: Deerwester, Dumais, Furnas, Landauer, Harshman (1990), Indexing by Latent Semantic Analysis, table
2: titles of papers, of which the words that occur in more than one are kept.

Tests: tests/compat/gensim/test_utils.py.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import Any, NoReturn

from firth.compat.gensim.refused import NotInFirthError, make_stand_in

common_texts = [
    text.split()
    for text in (
        "human interface computer",
        "survey user computer system response time",
        "eps user interface system",
        "system human system eps",
        "user response time",
        "trees",
        "graph trees",
        "graph minors trees",
        "graph minors survey",
    )
]


def datapath(fname: str) -> NoReturn:
    """Refused: the files of gensim's tests are not in firth."""
    raise NotInFirthError(f"datapath is not in firth, for now; gensim has the file {fname!r} among its tests")


def get_tmpfile(suffix: str) -> str:
    """A path in a new temporary folder."""
    return os.path.join(tempfile.mkdtemp(), suffix)


@contextlib.contextmanager
def temporary_file(name: str = "") -> Iterator[str]:
    """A path in a temporary folder, which is deleted after the block."""
    with tempfile.TemporaryDirectory() as folder:
        yield os.path.join(folder, name)


def __getattr__(name: str) -> Any:
    if name in ("common_dictionary", "common_corpus", "lee_corpus_list"):
        return make_stand_in(name, "gensim has it among its tests", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["common_texts", "datapath", "get_tmpfile", "temporary_file"]
