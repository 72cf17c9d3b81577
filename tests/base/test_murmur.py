"""MurmurHash3 of 128 bits: known values, and a plain transcription for every length and several seeds."""

from __future__ import annotations

import numpy as np
import pytest

from firth.base.murmur import murmur3_128

MASK = 2**64 - 1


def hash_all(strings: list[bytes], seed: int) -> list[tuple[int, int]]:
    ends = np.cumsum([len(string) for string in strings]).astype(np.int64)
    starts = ends - np.array([len(string) for string in strings], np.int64)
    data = np.frombuffer(b"".join(strings), np.uint8)
    return [(first, second) for first, second in murmur3_128(data, starts, ends, seed).tolist()]


def rotate(number: int, bits: int) -> int:
    return (number << bits | number >> (64 - bits)) & MASK


def hash_plainly(string: bytes, seed: int) -> tuple[int, int]:
    c1, c2 = 0x87C37B91114253D5, 0x4CF5AD432745937F
    h1 = h2 = seed
    whole = len(string) // 16 * 16
    for at in range(0, whole, 16):
        k1, k2 = (int.from_bytes(string[at + part : at + part + 8], "little") for part in (0, 8))
        h1 ^= rotate(k1 * c1 & MASK, 31) * c2 & MASK
        h1 = ((rotate(h1, 27) + h2) * 5 + 0x52DCE729) & MASK
        h2 ^= rotate(k2 * c2 & MASK, 33) * c1 & MASK
        h2 = ((rotate(h2, 31) + h1) * 5 + 0x38495AB5) & MASK
    k1, k2 = (int.from_bytes(string[whole + part : whole + part + 8], "little") for part in (0, 8))
    h1 ^= rotate(k1 * c1 & MASK, 31) * c2 & MASK
    h2 ^= rotate(k2 * c2 & MASK, 33) * c1 & MASK
    h1, h2 = h1 ^ len(string), h2 ^ len(string)
    h1 = (h1 + h2) & MASK
    h2 = (h2 + h1) & MASK
    mixed = []
    for number in (h1, h2):
        for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
            number = (number ^ number >> 33) * factor & MASK
        mixed.append(number ^ number >> 33)
    h1 = sum(mixed) & MASK
    return h1, (mixed[1] + h1) & MASK


def test_known_values() -> None:
    """The values that other implementations document, with seed 0."""
    fox = b"The quick brown fox jumps over the lazy dog"
    assert hash_all([b"", b"hello", fox], 0) == [
        (0, 0),
        (0xCBD8A7B341BD9B02, 0x5B1E906A48AE1D19),
        (0xE34BBC7BBC071B6C, 0x7A433CA9C49A9347),
    ]


@pytest.mark.parametrize("seed", [0, 1, 2166136261, 2**32 - 1])
def test_every_length(seed: int) -> None:
    draw = np.random.default_rng(5)
    strings = [draw.bytes(length) for length in range(70)]
    assert hash_all(strings, seed) == [hash_plainly(string, seed) for string in strings]


def test_no_strings() -> None:
    assert hash_all([], 3) == []
