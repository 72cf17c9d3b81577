"""Room tests/corpus: what its tests share."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firth.corpus import EncodedCorpus, encode_corpus

sys.path.insert(0, str(Path(__file__).parent))  # corpus_oracle


@pytest.fixture
def encode(tmp_path: Path) -> Callable[..., EncodedCorpus]:
    """encode_corpus into a new folder each time, with a minimum count of 1; bytes become a file."""
    numbers = itertools.count()

    def encode(source: Any, **options: Any) -> EncodedCorpus:
        number = next(numbers)
        if isinstance(source, bytes):
            path = tmp_path / f"text-{number}.txt"
            path.write_bytes(source)
            source = path
        return encode_corpus(source, folder=tmp_path / f"encoded-{number}", **{"min_count": 1, **options})

    return encode
