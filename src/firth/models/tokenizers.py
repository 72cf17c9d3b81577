"""Room models: the tokenizer of a model's texts, stored in its folder and used on new texts.

Tests: tests/training/test_tokenizers.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.json_file import describe_json
from firth.corpus.phrases import Phrases
from firth.corpus.tables import TextColumn, rows_of, split_text
from firth.corpus.tokenizers import TokenizerRecord, resolve_tokenizer, tokenize_texts
from firth.errors import CorpusTypeError, ShapeError

TOKENIZER_NAME = "tokenizer"  # of the key in config.json, and of the tensor


def encode_tokenizer(record: TokenizerRecord) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The tensors and the entry of config.json for a tokenizer; nothing if texts were split at white space."""
    if not record.name:
        return {}, {}
    tensors: dict[str, NDArray[Any]] = {}
    if record.json is not None:
        tensors[TOKENIZER_NAME] = np.frombuffer(record.json.encode("utf-8"), np.uint8)
    return tensors, {TOKENIZER_NAME: record.name}


def decode_tokenizer(config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> TokenizerRecord:
    """The tokenizer of a model folder.

    Raises
    ------
    ValueError, ShapeError
        The entry or the tensor is of another type.
    """
    name = config.get(TOKENIZER_NAME, "")
    if not isinstance(name, str):
        raise ValueError(f"{TOKENIZER_NAME} must be a text, got {describe_json(name)}")
    stored = tensors.get(TOKENIZER_NAME)
    if stored is None:
        return TokenizerRecord(name)
    if stored.dtype != np.uint8 or stored.ndim != 1:
        raise ShapeError(f"{TOKENIZER_NAME} must be bytes in one dimension, got {stored.dtype} of shape {stored.shape}")
    return TokenizerRecord(name, stored.tobytes().decode("utf-8"))


def tokenize_like(
    texts: Any, tokenizer: Any, record: TokenizerRecord, lowercase: bool, phrases: Phrases | None
) -> list[list[str]]:
    """The tokens of texts, made as those of a model's corpus; ``Model.tokenize`` documents it."""
    if isinstance(texts, str):
        raise CorpusTypeError("texts must be a list of texts, got one string; pass [text]")
    rows = rows_of(texts, "texts")
    if not isinstance(rows, TextColumn):
        rows = TextColumn(rows, "texts")
    split = resolve_tokenizer(tokenizer) or record.restore() or split_text
    tokens = tokenize_texts(rows, split, lowercase)
    return tokens if phrases is None else [phrases.join(one) for one in tokens]


__all__ = ["TOKENIZER_NAME", "decode_tokenizer", "encode_tokenizer", "tokenize_like"]
