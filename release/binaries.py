"""Reads what a shared object tells about itself: ELF (Linux) and Mach-O (macOS), 64 bits, little-endian.

Sources: the System V ABI with its processor supplements and the Linux Standard Base (symbol versions); Apple's
``mach-o/loader.h``, ``mach-o/nlist.h`` and ``kern/cs_blobs.h``.

Tests: tests/release/test_binaries.py.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass


class BinaryError(ValueError):
    """A file that is neither ELF nor Mach-O of 64 bits, or that ends too early."""


@dataclass(frozen=True)
class Library:
    """What a shared object tells about itself.

    ``glibc`` is the newest version of glibc whose symbols it needs, (0, 0) if none. ``oldest_macos`` is the oldest
    macOS that loads it, (0, 0) in an ELF file. ``signature_faults`` has a sentence for each fault of a Mach-O file's
    ad-hoc signature; None says that the file has no signature.
    """

    processor: str
    exports: frozenset[str]
    needs: frozenset[str]
    glibc: tuple[int, int] = (0, 0)
    oldest_macos: tuple[int, int] = (0, 0)
    signature_faults: tuple[str, ...] | None = None


def read(content: bytes) -> Library:
    """Read a shared object; raise BinaryError for anything else."""
    try:
        if content[:6] == b"\x7fELF\x02\x01":
            return _read_elf(content)
        if content[:4] == struct.pack("<I", 0xFEEDFACF):  # MH_MAGIC_64
            return _read_mach_o(content)
    except (struct.error, IndexError, ValueError) as error:
        raise BinaryError(f"the file is damaged or ends too early ({error})") from error
    raise BinaryError(f"the file must be ELF or Mach-O of 64 bits, got the first bytes {content[:6].hex()}")


def _text(content: bytes, start: int) -> str:
    return content[start : content.index(b"\0", start)].decode()


# ELF

_ELF_PROCESSORS = {62: "x86_64", 183: "aarch64"}
_DYNAMIC, _DYNAMIC_SYMBOLS, _NEEDED_VERSIONS = 6, 11, 0x6FFFFFFE  # sh_type
_NEEDED_LIBRARY = 1  # d_tag


def _read_elf(content: bytes) -> Library:
    machine = struct.unpack_from("<H", content, 18)[0]
    (table,) = struct.unpack_from("<Q", content, 40)
    size, count = struct.unpack_from("<HH", content, 58)
    # sh_type, sh_offset, sh_size, sh_link of each section
    headers = [struct.unpack_from("<IIQQQQI", content, table + k * size) for k in range(count)]
    sections = [(kind, offset, length, link) for _, kind, _, _, offset, length, link in headers]
    exports, needs, versions = set(), set(), [(0, 0)]
    for kind, offset, length, link in sections:
        if kind not in (_DYNAMIC, _DYNAMIC_SYMBOLS, _NEEDED_VERSIONS):
            continue
        names = sections[link][1]
        if kind == _DYNAMIC_SYMBOLS:
            for at in range(offset, offset + length, 24):
                name, info, other, section = struct.unpack_from("<IBBH", content, at)
                if section != 0 and info >> 4 in (1, 2) and other & 3 in (0, 3):  # global or weak, and visible
                    exports.add(_text(content, names + name))
        elif kind == _DYNAMIC:
            for at in range(offset, offset + length, 16):
                tag, value = struct.unpack_from("<QQ", content, at)
                if tag == _NEEDED_LIBRARY:
                    needs.add(_text(content, names + value))
        else:
            versions += _glibc_versions(content, offset, names)
    return Library(
        _ELF_PROCESSORS.get(machine, f"ELF machine {machine}"), frozenset(exports), frozenset(needs), max(versions)
    )


def _glibc_versions(content: bytes, at: int, names: int) -> list[tuple[int, int]]:
    versions = []
    while True:
        _, count, _, first, following = struct.unpack_from("<HHIII", content, at)
        entry = at + first
        for _ in range(count):
            _, _, _, name, next_entry = struct.unpack_from("<IHHII", content, entry)
            program, _, version = _text(content, names + name).partition("_")
            if program == "GLIBC":
                major, minor, *_ = version.split(".")
                versions.append((int(major), int(minor)))
            entry += next_entry
        if following == 0:
            return versions
        at += following


# Mach-O

_MACH_O_PROCESSORS = {0x01000007: "x86_64", 0x0100000C: "aarch64"}
_SYMBOLS, _LOAD_LIBRARY, _SIGNATURE, _BUILD_VERSION = 0x2, 0xC, 0x1D, 0x32  # load commands
_DEBUGGING, _PRIVATE, _TYPE, _EXTERNAL = 0xE0, 0x10, 0x0E, 0x01  # bits of n_type


def _read_mach_o(content: bytes) -> Library:
    processor, _, _, count = struct.unpack_from("<IIII", content, 4)
    exports, needs, oldest = set(), set(), (0, 0)
    faults: tuple[str, ...] | None = None
    at = 32
    for _ in range(count):
        command, size = struct.unpack_from("<II", content, at)
        if command == _LOAD_LIBRARY:
            needs.add(_text(content, at + struct.unpack_from("<I", content, at + 8)[0]))
        elif command == _BUILD_VERSION:
            (version,) = struct.unpack_from("<I", content, at + 12)
            oldest = (version >> 16, version >> 8 & 0xFF)
        elif command == _SYMBOLS:
            table, n_symbols, names = struct.unpack_from("<III", content, at + 8)
            for k in range(n_symbols):
                name, kind = struct.unpack_from("<IB", content, table + 16 * k)
                if kind & _EXTERNAL and kind & _TYPE and not kind & (_PRIVATE | _DEBUGGING):
                    exports.add(_text(content, names + name).removeprefix("_"))
        elif command == _SIGNATURE:
            start, length = struct.unpack_from("<II", content, at + 8)
            faults = tuple(_signature_faults(content, start, length))
        at += size
    return Library(
        _MACH_O_PROCESSORS.get(processor, f"Mach-O processor {processor:#x}"),
        frozenset(exports),
        frozenset(needs),
        oldest_macos=oldest,
        signature_faults=faults,
    )


_BLOBS, _CODE_DIRECTORY = 0xFADE0CC0, 0xFADE0C02  # magic numbers; the numbers of a signature are big-endian
_AD_HOC = 0x2  # flag: signed without a certificate
_SHA256 = 2  # hash type


def _signature_faults(content: bytes, start: int, length: int) -> list[str]:
    """Compare the hash of each page with the code directory, as macOS does before it runs the page."""
    magic, _, count = struct.unpack_from(">III", content, start)
    if magic != _BLOBS or start + length > len(content):
        return ["its signature is damaged"]
    for k in range(count):
        (offset,) = struct.unpack_from(">I", content, start + 12 + 8 * k + 4)
        at = start + offset
        if struct.unpack_from(">I", content, at)[0] == _CODE_DIRECTORY:
            break
    else:
        return ["its signature has no code directory"]
    _, _, _, flags, hashes, _, _, n_pages, limit = struct.unpack_from(">IIIIIIIII", content, at)
    hash_size, hash_type, _, log_page = struct.unpack_from("BBBB", content, at + 36)
    faults = []
    if not flags & _AD_HOC:
        faults.append("its signature is not ad hoc")
    if limit != start:
        faults.append(f"its signature covers {limit} bytes, not the {start} before it")
    if hash_type != _SHA256:
        return [*faults, f"its signature has hashes of type {hash_type}, not SHA-256"]
    page = 1 << log_page
    if n_pages != -(-limit // page):
        return [*faults, f"its signature has {n_pages} pages, not {-(-limit // page)}"]
    for k in range(n_pages):
        signed = content[at + hashes + k * hash_size : at + hashes + (k + 1) * hash_size]
        if hashlib.sha256(content[k * page : min((k + 1) * page, limit)]).digest()[:hash_size] != signed:
            faults.append(f"its signature does not fit page {k}")
    return faults
