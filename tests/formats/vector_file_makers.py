"""Builders of files that other programs write, byte by byte, from their grammars; beside the code that reads them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FNV_OFFSET, FNV_PRIME = 2166136261, 16777619


def text(rows: Sequence[tuple[str, Sequence[float]]], header: bool = True) -> bytes:
    lines = [f"{len(rows)} {len(rows[0][1])}"] if header else []
    lines += [" ".join([word, *(repr(float(number)) for number in numbers)]) for word, numbers in rows]
    return ("\n".join(lines) + "\n").encode()


def binary(rows: Sequence[tuple[str, Sequence[float]]], newline: bool = True) -> bytes:
    out = f"{len(rows)} {len(rows[0][1])}\n".encode()
    for word, numbers in rows:
        out += word.encode() + b" " + struct.pack(f"<{len(numbers)}f", *numbers) + (b"\n" if newline else b"")
    return out


def fasttext(
    words: Sequence[str],
    input_rows: NDArray[np.float32],
    *,
    version: int | None = 12,
    model: int = 2,
    buckets: int = 7,
    min_chars: int = 2,
    max_chars: int = 4,
    quantized: bool = False,
    n_labels: int = 0,
    n_pruned: int = -1,
    encoding: str = "utf-8",
) -> bytes:
    """A fastText model; ``version=None`` is the older layout."""
    n_dims = input_rows.shape[1]
    out = b"" if version is None else struct.pack("<2i", 793712314, version)
    out += struct.pack("<12id", n_dims, 5, 5, 1, 5, 1, 2, model, buckets, min_chars, max_chars, 100, 1e-4)
    out += struct.pack("<3iq", len(words) + n_labels, len(words), n_labels, 1000)
    if version is not None:
        out += struct.pack("<q", n_pruned)
    for i, word in enumerate(words):
        out += word.encode(encoding) + b"\0" + struct.pack("<qb", 1000 - i, 0)
    for i in range(n_labels):
        out += f"__label__{i}".encode() + b"\0" + struct.pack("<qb", 1, 1)
    if n_pruned > 0:
        out += b"".join(struct.pack("<2i", i, i) for i in range(n_pruned))
    flag = b"" if version is None else struct.pack("<B", quantized)
    out += flag + struct.pack("<2q", *input_rows.shape) + input_rows.astype("<f4").tobytes()
    output_rows = np.zeros((len(words), n_dims), dtype="<f4")
    return out + flag + struct.pack("<2q", *output_rows.shape) + output_rows.tobytes()


def fasttext_ngrams(word: bytes, min_chars: int, max_chars: int) -> list[bytes]:
    """The n-grams of a word by the paper's definition, on characters rather than bytes."""
    characters = [bytes([byte]) for byte in b""]
    for byte in b"<" + word + b">":
        if byte & 0xC0 == 0x80 and characters:
            characters[-1] += bytes([byte])
        else:
            characters.append(bytes([byte]))
    n = len(characters)
    return [
        b"".join(characters[start : start + size])
        for start in range(n)
        for size in range(min_chars, max_chars + 1)
        if size >= 1 and start + size <= n and not (size == 1 and start in (0, n - 1))
    ]


def fasttext_hash(ngram: bytes) -> int:
    value = FNV_OFFSET
    for byte in ngram:
        value = (value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * FNV_PRIME & 0xFFFFFFFF
    return value


def fasttext_vector(
    word_id: int,
    word: bytes,
    input_rows: NDArray[np.float32],
    n_words: int,
    buckets: int,
    min_chars: int,
    max_chars: int,
) -> NDArray[np.float64]:
    ids = [word_id]
    if word != b"</s>":
        ids += [n_words + fasttext_hash(ngram) % buckets for ngram in fasttext_ngrams(word, min_chars, max_chars)]
    return np.asarray(input_rows[ids].astype(np.float64).mean(axis=0))
