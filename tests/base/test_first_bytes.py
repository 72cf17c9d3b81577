"""One table of first bytes serves corpora and vector files, and each of the two says what to do with every kind."""

from __future__ import annotations

import re

import numpy as np
import pytest

from firth.base import first_bytes
from firth.base.first_bytes import kind_of, wide_encoding_of
from firth.corpus.recognise import refuse_other_formats
from firth.errors import CorpusError
from firth.formats.foreign import describe_foreign


@pytest.mark.parametrize("row", first_bytes._MAGIC, ids=lambda row: row[2])
def test_both_rooms_name_every_magic_number_alike(row: tuple[int, bytes, str]) -> None:
    offset, magic, kind = row
    head = (bytes(offset) + magic).ljust(300, b"\0")
    assert kind_of(head) == kind
    with pytest.raises(CorpusError, match=f"^x is {re.escape(kind)}, not plain text; ."):
        refuse_other_formats(head, "x", is_whole=True)
    described = describe_foreign(head)
    assert described is not None
    assert described.startswith((f"{kind}; ", "compressed twice ("))


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"PK\x03\x04" + bytes(26) + b"archive/data.pkl", "a PyTorch file"),
        (b"PK\x03\x04" + bytes(26) + b"word/document.xml", "a Word document (.docx)"),
        (b"PK\x03\x04" + bytes(26) + b"vectors.npy", "a NumPy archive (.npz)"),
        (b"PK\x05\x06" + bytes(18), "a zip archive"),
        (b"RIFF\x00\x00\x00\x00WAVE", "an image, sound or video (RIFF)"),
        (b"cnumpy.core.multiarray\n_reconstruct\n", "a pickle"),
        (b"(dp1\n", "a pickle"),
        (b'\x40\0\0\0\0\0\0\0{"a":', "a safetensors file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer, which stands for a"),
    ],
)  # fmt: skip
def test_kinds_without_one_magic_number(head: bytes, kind: str) -> None:
    assert (kind_of(head) or "").startswith(kind)
    with pytest.raises(CorpusError, match=re.escape(f"x is {kind}")):
        refuse_other_formats(head, "x", is_whole=True, as_text=True)
    assert (describe_foreign(head) or "").startswith(kind)


@pytest.mark.parametrize("text", [b"", b"PAR1 GGUF ORC north", b"cnumpy\nsouth\n", b"(dp north\n", b"BM PK BZh9\n"])
def test_text_is_no_kind(text: bytes) -> None:
    assert kind_of(text) is None
    assert wide_encoding_of(text) is None


def test_numbers_are_no_wide_text() -> None:
    rng = np.random.default_rng(0)
    for n_bytes in range(64, 5000, 331):
        floats = rng.normal(size=n_bytes // 4 + 1).astype(np.float32).tobytes()
        assert wide_encoding_of(floats[:n_bytes]) is None
    assert wide_encoding_of(bytes(4096)) is None


@pytest.mark.parametrize("name", ["UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"])
def test_wide_text_is_told_with_and_without_a_mark(name: str) -> None:
    for text, mark in (("north 1\n", False), ("\ufeffnorth 1\n", True)):
        found = wide_encoding_of(text.encode(name))
        assert found == (name, mark)
        assert found.iconv_name == (name[:6] if mark else name)
        assert name in (describe_foreign(text.encode(name)) or "")
