"""What `make wheels` builds: its list of platforms, and faults of a wheel that must stop it."""

from __future__ import annotations

import dataclasses
import re
import runpy
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from firth.native import loader

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheels() -> dict[str, Any]:
    sys.path.insert(0, str(ROOT / "release"))
    try:
        return runpy.run_path(str(ROOT / "release" / "wheels.py"))
    finally:
        sys.path.remove(str(ROOT / "release"))


def make_wheel(folder: Path, name: str, tags: list[str], libraries: dict[str, bytes]) -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for file in ("firth/__init__.py", "firth/py.typed"):
            archive.writestr(file, "")
        for library, content in libraries.items():
            archive.writestr(f"firth/native/lib/{library}", content)
        archive.writestr("firth-0.dist-info/WHEEL", "Wheel-Version: 1.0\n" + "".join(f"Tag: {tag}\n" for tag in tags))
    return path


def test_the_platforms(wheels: dict[str, Any]) -> None:
    names = {"manylinux-x86_64", "manylinux-aarch64", "musllinux-x86_64", "musllinux-aarch64"}
    assert set(wheels["PLATFORMS"]) == names | {"macos-x86_64", "macos-arm64"}
    for name, platform in wheels["PLATFORMS"].items():
        tags = platform.tag.split(".")
        assert tags == sorted(tags), "the order in a wheel's name is the alphabet's"
        assert all(tag.endswith("_" + name.partition("-")[2]) for tag in tags)
    workflow = (ROOT / ".github" / "workflows" / "wheels.yml").read_text(encoding="utf-8")
    installed = re.findall(r"platform: (\w+)", workflow)
    assert sorted(installed) == sorted(platform.tag.split(".")[-1] for platform in wheels["PLATFORMS"].values())


def test_each_wheel_has_the_sets_that_the_loader_takes(wheels: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    every_flag = set().union(*loader._X86_FLAGS.values())
    for platform in wheels["PLATFORMS"].values():
        monkeypatch.setattr(loader.platform, "machine", lambda name=platform.processor: name)
        system = "Darwin" if platform.suffix == ".dylib" else "Linux"
        monkeypatch.setattr(loader.platform, "system", lambda name=system: name)
        if system == "Linux":
            monkeypatch.setattr(loader.Path, "read_text", lambda _: f"flags : {' '.join(every_flag)}\n")
        assert loader.instruction_sets_of_processor() == platform.instruction_sets
        monkeypatch.undo()


def test_a_wheel_of_another_kind_is_refused(wheels: dict[str, Any], tmp_path: Path) -> None:
    (folder,) = {loader.library_folder()}
    library = next(folder.glob("libfirth-*")).read_bytes()
    wheel = make_wheel(tmp_path, "firth-0-py3-none-linux_x86_64.whl", ["py3-none-any"], {"libfirth-neon.so": library})
    faults = "\n".join(wheels["check"]("macos-arm64", wheel))
    for fault in (
        r"the name must end with -py3-none-macosx_11_0_arm64\.whl, got firth-0-py3-none-linux_x86_64\.whl",
        r"the tags in WHEEL must be \['py3-none-macosx_11_0_arm64'\], got \['py3-none-any'\]",
        r"libraries must be \['firth/native/lib/libfirth-neon\.dylib'\], got \['firth/native/lib/libfirth-neon\.so'",
        r"the oldest macOS must be \(11, 0\), got \(0, 0\)",
        r"libfirth-neon\.so: needed libraries must be of \['/usr/lib/libSystem\.B\.dylib'\], got \['",
    ):
        assert re.search(fault, faults), faults


def test_what_is_no_library_is_refused(wheels: dict[str, Any], tmp_path: Path) -> None:
    tag = "musllinux_1_2_aarch64"
    wheel = make_wheel(tmp_path, f"firth-0-py3-none-{tag}.whl", [f"py3-none-{tag}"], {"libfirth-neon.so": b"!<arch>"})
    (fault,) = wheels["check"]("musllinux-aarch64", wheel)
    assert fault.startswith("firth/native/lib/libfirth-neon.so: the file must be ELF or Mach-O of 64 bits, got")


@pytest.mark.parametrize("name", ["macos-arm64", "macos-x86_64"])
def test_a_signature_must_be_right_and_arm64_must_have_one(
    wheels: dict[str, Any], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binaries, platform = wheels["binaries"], wheels["PLATFORMS"][name]
    files = {f"libfirth-{kind}.dylib": b"" for kind in platform.instruction_sets}
    wheel = make_wheel(tmp_path, f"firth-0-py3-none-{platform.tag}.whl", [f"py3-none-{platform.tag}"], files)
    library = binaries.Library(platform.processor, frozenset({"firth_abi_version"}), frozenset(), oldest_macos=(11, 0))
    for faults, expected in (
        ((), []),
        (("its signature does not fit page 1",), ["its signature does not fit page 1"]),
        (None, ["it has no signature, and macOS runs only signed code on arm64"] if name == "macos-arm64" else []),
    ):
        read = dataclasses.replace(library, signature_faults=faults)
        monkeypatch.setattr(binaries, "read", lambda _, read=read: read)
        assert [fault.partition(": ")[2] for fault in wheels["check"](name, wheel)] == expected


def test_the_toolchain_file_is_where_the_script_looks(wheels: dict[str, Any]) -> None:
    text = wheels["TOOLCHAIN"].read_text(encoding="utf-8")
    for name in ("FIRTH_ZIG", "FIRTH_ZIG_TARGET"):
        assert f"${{{name}}}" in text
    assert "ziglang>=" in (ROOT / "release" / "requirements.txt").read_text(encoding="utf-8")
