"""What release/binaries.py reads from shared objects, and damage that it must notice."""

from __future__ import annotations

import hashlib
import importlib.util
import struct
import sys
from pathlib import Path

import pytest

from firth.native.loader import available_instruction_sets, library_folder

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("binaries", ROOT / "release" / "binaries.py")
assert _spec is not None
assert _spec.loader is not None
binaries = importlib.util.module_from_spec(_spec)
sys.modules["binaries"] = binaries  # its dataclass asks for its module
_spec.loader.exec_module(binaries)

PAGE = 4096


def signed_library(code: bytes, *, flags: int = 2) -> bytes:
    """A Mach-O file for arm64 and macOS 11.0 with one load command each, and its ad-hoc signature."""
    path = b"/usr/lib/libSystem.B.dylib\0".ljust(32, b"\0")
    symbols = b"\0_firth_abi_version\0_hidden\0_missing\0"
    names = [b"_firth_abi_version", b"_hidden", b"_missing"]
    kinds = [0x0F, 0x1F, 0x01]  # external; private external; external and undefined
    build = struct.pack("<IIIIII", 0x32, 24, 1, 11 << 16, 0, 0)
    load = struct.pack("<IIIIII", 0xC, 24 + len(path), 24, 0, 0, 0) + path
    size = len(build) + len(load) + 24 + 16
    at = 32 + size
    table = b"".join(
        struct.pack("<IBBHQ", symbols.index(name), kind, 1, 0, 0) for name, kind in zip(names, kinds, strict=True)
    )
    symtab = struct.pack("<IIIIII", 0x2, 24, at, len(names), at + len(table), len(symbols))
    body = table + symbols + code
    limit = at + len(body)
    n_pages = -(-limit // PAGE)
    directory_size = 44 + 32 * n_pages
    signature_size = 20 + directory_size
    signature = struct.pack("<IIII", 0x1D, 16, limit, signature_size)
    header = struct.pack("<IIIIIIII", 0xFEEDFACF, 0x0100000C, 0, 6, 4, size, 0, 0)
    content = header + build + load + symtab + signature + body
    assert len(content) == limit
    hashes = b"".join(hashlib.sha256(content[k : k + PAGE]).digest() for k in range(0, limit, PAGE))
    directory = struct.pack(">IIIIIIIII", 0xFADE0C02, directory_size, 0x20100, flags, 44, 0, 0, n_pages, limit)
    directory += struct.pack("BBBBI", 32, 2, 0, 12, 0)
    return content + struct.pack(">IIIII", 0xFADE0CC0, signature_size, 1, 0, 20) + directory + hashes


def test_a_library_of_this_machine() -> None:
    name = available_instruction_sets()[-1]
    (path,) = library_folder().glob(f"libfirth-{name}.*")
    library = binaries.read(path.read_bytes())
    assert library.processor == ("aarch64" if name == "neon" else "x86_64")
    assert "firth_abi_version" in library.exports
    assert {export for export in library.exports if export.startswith("firth_")} >= {"firth_last_error"}
    assert library.needs


@pytest.mark.parametrize("n_bytes", [0, 5000, 3 * PAGE])
def test_a_signed_library_of_macos(n_bytes: int) -> None:
    library = binaries.read(signed_library(b"\x5a" * n_bytes))
    assert library.processor == "aarch64"
    assert library.exports == {"firth_abi_version"}
    assert library.needs == {"/usr/lib/libSystem.B.dylib"}
    assert library.oldest_macos == (11, 0)
    assert library.signature_faults == ()


def test_a_changed_byte_breaks_the_signature() -> None:
    content = bytearray(signed_library(b"\x5a" * 9000))
    content[8000] ^= 1
    assert binaries.read(bytes(content)).signature_faults == ("its signature does not fit page 1",)


def test_a_certificate_is_not_ad_hoc() -> None:
    assert binaries.read(signed_library(b"", flags=0)).signature_faults == ("its signature is not ad hoc",)


def test_a_library_without_a_signature() -> None:
    content = bytearray(signed_library(b""))
    at = content.index(struct.pack("<II", 0x1D, 16))
    struct.pack_into("<I", content, at, 0x26)  # another command (function starts)
    assert binaries.read(bytes(content)).signature_faults is None


@pytest.mark.parametrize("content", [b"", b"MZ\x90\0", b"\x7fELF\x01\x01" + b"\0" * 60])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(binaries.BinaryError, match="must be ELF or Mach-O of 64 bits"):
        binaries.read(content)


def test_a_file_that_ends_too_early() -> None:
    with pytest.raises(binaries.BinaryError, match="damaged or ends too early"):
        binaries.read(signed_library(b"")[:100])
