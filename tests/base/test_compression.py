"""How a file is compressed is told in one place, by its first bytes."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys

import pytest

from firth.base.compression import compression_of, import_zstandard
from firth.errors import MissingExtraError


@pytest.mark.parametrize("data", [b"", b"north east\n"])
def test_every_kind_is_told_by_its_first_bytes(data: bytes) -> None:
    zstandard = pytest.importorskip("zstandard")
    packed = {
        "gzip": gzip.compress(data),
        "bzip2": bz2.compress(data),
        "xz": lzma.compress(data),
        "zstd": zstandard.ZstdCompressor().compress(data),
    }
    assert {kind: compression_of(head[:16]) for kind, head in packed.items()} == {kind: kind for kind in packed}


@pytest.mark.parametrize("head", [b"", b"BZh9 is a word", b"\x1f\x8b", b"\x1f\x8b\x07", b"xz", b"north"])
def test_other_bytes_are_not_compressed(head: bytes) -> None:
    assert compression_of(head) is None


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingExtraError, match=r"to write \.zst files firth needs .*pip install 'firth\[zstd\]'"):
        import_zstandard("write")
