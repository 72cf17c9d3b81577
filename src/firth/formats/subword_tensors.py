"""Room formats: rows of n-grams in a model folder: two tensors and the rules that cut words, in ``config.json``.

``ngram_rows`` (buckets, D) and, where they are known, ``word_rows`` (V, D), float32 or float16; ``config.json`` has
``"subwords": {"min_ngram", "max_ngram", "buckets", "end_has_ngrams"}``. ``input_vectors`` of such a model are the
vectors of the words, the means of their rows: readers that know nothing of n-grams have the vocabulary's vectors.

Tests: tests/formats/test_subwords.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.base.json_file import describe_json
from firth.base.ngrams import NgramRules
from firth.errors import FormatError, ParameterError, ShapeError
from firth.formats.table import SubwordRows, validate_fasttext_rows, validate_subwords

CONFIG_KEY = "subwords"


def encode_subwords(subwords: SubwordRows | None) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The tensors and the part of ``config.json`` that keep rows of n-grams; nothing where there are none."""
    if subwords is None:
        return {}, {}
    validate_fasttext_rows(subwords, "vectors")
    tensors = {"ngram_rows": np.ascontiguousarray(subwords.ngram_rows)}
    if subwords.word_rows is not None:
        tensors["word_rows"] = np.ascontiguousarray(subwords.word_rows)
    return tensors, {CONFIG_KEY: asdict(subwords.rules)}


def decode_subwords(
    config: Mapping[str, Any],
    tensors: Mapping[str, NDArray[Any]],
    n_words: int,
    n_dims: int,
    folder: str | os.PathLike[str],
) -> SubwordRows | None:
    """The rows of n-grams of a model folder, still mapped; None where it has none.

    Raises
    ------
    FormatError
        Rules without rows, rows without rules, or either damaged.
    """
    rules = config.get(CONFIG_KEY)
    if rules is None and "ngram_rows" not in tensors:
        return None
    if not isinstance(rules, dict) or set(rules) != set(NgramRules.__dataclass_fields__):
        raise FormatError(f'{folder}: "{CONFIG_KEY}" must have the rules of n-grams, got {describe_json(rules)}')
    if "ngram_rows" not in tensors:
        raise FormatError(f'{folder}: "{CONFIG_KEY}" has rules of n-grams, but the tensor ngram_rows is missing')
    try:
        if type(rules["end_has_ngrams"]) is not bool:
            raise ParameterError(f"end_has_ngrams must be true or false, got {rules['end_has_ngrams']!r:.60}")
        subwords = SubwordRows(NgramRules(**rules), tensors["ngram_rows"], tensors.get("word_rows"))
        validate_subwords(subwords, n_words, n_dims)
    except (ParameterError, ShapeError) as error:
        raise FormatError(f"{folder}: its n-grams are damaged: {error}") from None
    return subwords


__all__ = ["CONFIG_KEY", "decode_subwords", "encode_subwords"]
