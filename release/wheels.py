"""Builds a wheel for each platform on one machine, and checks what is in it: ``make wheels``.

The compiler is clang of PyPI's ``ziglang``, which has the C libraries of all platforms; ``zig.cmake`` is its toolchain
file. firth's Python code loads the C++ core by ctypes, so a wheel fits every Python 3 of its platform (``py3-none``).

Each wheel is checked before it is moved to the output folder: its tags; the files of its instruction sets; for each
library the processor, the exported names, the libraries and versions that it needs, and for macOS the oldest system and
the ad-hoc signature, which arm64 must have (``binaries.py``). auditwheel checks the Linux wheels a second time.

Tests: tests/release/test_wheels.py.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import binaries

ROOT = Path(__file__).resolve().parents[1]
TOOLCHAIN = ROOT / "release" / "zig.cmake"
X86_SETS = ("x86-64-v2", "x86-64-v3", "x86-64-v4")


@dataclass(frozen=True)
class Platform:
    """What a wheel is built for.

    ``zig_target`` is zig's name of the platform, ``tag`` the platform part of the wheel's name. ``needs`` are the
    libraries of the system that the core may need; libc++ is inside the core.
    """

    zig_target: str
    tag: str
    instruction_sets: tuple[str, ...]
    needs: frozenset[str]

    @property
    def suffix(self) -> str:
        return ".dylib" if "macos" in self.zig_target else ".so"

    @property
    def processor(self) -> str:
        return self.zig_target.partition("-")[0]


_GLIBC = frozenset({"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "ld-linux-x86-64.so.2"})
_MACOS = frozenset({"/usr/lib/libSystem.B.dylib"})
# zig's linker cannot hide new and delete, of one value, of arrays, with an alignment or a size. All libraries of a
# process share one definition of them on macOS. Every one is malloc and free, so it does not matter whose is taken.
_MACOS_EXPORTS = frozenset(
    {"__dso_handle", "_mh_dylib_header", "_Znwm", "_Znam", "_ZnwmSt11align_val_t", "_ZnamSt11align_val_t"}
    | {"_ZdlPv", "_ZdaPv", "_ZdlPvm", "_ZdaPvm", "_ZdlPvSt11align_val_t", "_ZdaPvSt11align_val_t"}
    | {"_ZdlPvmSt11align_val_t", "_ZdaPvmSt11align_val_t"}
)
GLIBC = (2, 17)  # the oldest glibc of a wheel for NumPy 1.24 or later (manylinux2014), and the first one on aarch64
MUSL = (1, 2)  # what pip calls musllinux_1_2; Alpine has had it since 3.13 (2021)
MACOS = (11, 0)  # the first macOS on arm64

PLATFORMS = {
    "manylinux-x86_64": Platform(
        "x86_64-linux-gnu.2.17", "manylinux2014_x86_64.manylinux_2_17_x86_64", X86_SETS, _GLIBC
    ),
    "manylinux-aarch64": Platform(
        "aarch64-linux-gnu.2.17",
        "manylinux2014_aarch64.manylinux_2_17_aarch64",
        ("neon",),
        _GLIBC | {"ld-linux-aarch64.so.1"},
    ),
    "musllinux-x86_64": Platform(
        "x86_64-linux-musl", "musllinux_1_2_x86_64", X86_SETS, frozenset({"libc.musl-x86_64.so.1"})
    ),
    "musllinux-aarch64": Platform(
        "aarch64-linux-musl", "musllinux_1_2_aarch64", ("neon",), frozenset({"libc.musl-aarch64.so.1"})
    ),
    # One set: the loader takes no other one on macOS (native/loader.py).
    "macos-x86_64": Platform("x86_64-macos.11.0", "macosx_11_0_x86_64", ("x86-64-v2",), _MACOS),
    "macos-arm64": Platform("aarch64-macos.11.0", "macosx_11_0_arm64", ("neon",), _MACOS),
}


def zig_program() -> Path:
    """The program of PyPI's ziglang in this environment."""
    try:
        import ziglang
    except ImportError:
        sys.exit("release/wheels.py needs the package ziglang: `make wheels` installs it")
    return Path(ziglang.__file__).parent / "zig"


def build(name: str, into: Path) -> Path:
    """Build the wheel of a platform into a folder; return its path."""
    platform = PLATFORMS[name]
    defines = {
        "CMAKE_TOOLCHAIN_FILE": TOOLCHAIN,
        "FIRTH_ZIG": zig_program(),
        "FIRTH_ZIG_TARGET": platform.zig_target,
        "FIRTH_INSTRUCTION_SETS": ";".join(platform.instruction_sets),
    }
    settings = [f"cmake.define.{key}={value}" for key, value in defines.items()]
    settings += [f"wheel.tags=py3-none-{tag}" for tag in platform.tag.split(".")]
    settings += ["install.strip=false"]  # zig's linker did it; this machine's strip may not know the platform
    settings += [f"build-dir={ROOT / 'build' / f'wheel-{name}'}"]
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "--quiet"]
    command += ["--disable-pip-version-check", "--wheel-dir", str(into)]
    for setting in settings:
        command += ["--config-settings", setting]
    scripts = Path(sys.executable).parent  # cmake and ninja of this environment
    environment = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(command, env=environment, check=True)
    (wheel,) = into.glob("*.whl")
    return wheel


def check(name: str, wheel: Path) -> list[str]:
    """Return what is wrong with the wheel of a platform: one sentence a fault, none if all is well."""
    platform = PLATFORMS[name]
    with zipfile.ZipFile(wheel) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    return [
        *_check_tags(wheel, members, platform),
        *_check_files(members, platform),
        *(
            fault
            for member, content in members.items()
            if member.startswith("firth/native/lib/")
            for fault in _check_library(member, content, platform)
        ),
    ]


def _check_tags(wheel: Path, members: dict[str, bytes], platform: Platform) -> list[str]:
    faults = []
    if not wheel.name.endswith(f"-py3-none-{platform.tag}.whl"):
        faults.append(f"the name must end with -py3-none-{platform.tag}.whl, got {wheel.name}")
    records = [content.decode() for member, content in members.items() if member.endswith(".dist-info/WHEEL")]
    tags = {line.removeprefix("Tag: ") for record in records for line in record.splitlines() if line.startswith("Tag:")}
    expected = {f"py3-none-{tag}" for tag in platform.tag.split(".")}
    if tags != expected:
        faults.append(f"the tags in WHEEL must be {sorted(expected)}, got {sorted(tags)}")
    return faults


def _check_files(members: dict[str, bytes], platform: Platform) -> list[str]:
    faults = []
    expected = {f"firth/native/lib/libfirth-{name}{platform.suffix}" for name in platform.instruction_sets}
    libraries = {member for member in members if member.endswith((".so", ".dylib", ".dll"))}
    if libraries != expected:
        faults.append(f"the libraries must be {sorted(expected)}, got {sorted(libraries)}")
    faults += [f"{member} is C++ source" for member in members if member.endswith((".cpp", ".hpp"))]
    faults += [f"{needed} is missing" for needed in ("firth/__init__.py", "firth/py.typed") if needed not in members]
    return faults


def _check_library(member: str, content: bytes, platform: Platform) -> list[str]:
    try:
        library = binaries.read(content)
    except binaries.BinaryError as error:
        return [f"{member}: {error}"]
    faults = []
    if library.processor != platform.processor:
        faults.append(f"the processor must be {platform.processor}, got {library.processor}")
    allowed = _MACOS_EXPORTS if platform.suffix == ".dylib" else frozenset()
    if foreign := sorted(name for name in library.exports - allowed if not name.startswith("firth_")):
        faults.append(f"exported names must begin with firth_, got {', '.join(foreign[:5])} ({len(foreign)} in all)")
    if "firth_abi_version" not in library.exports:
        faults.append("firth_abi_version is not exported")
    if surplus := sorted(library.needs - platform.needs):
        faults.append(f"needed libraries must be of {sorted(platform.needs)}, got {surplus}")
    if "gnu" in platform.zig_target and library.glibc > GLIBC:
        faults.append(f"the needed glibc must be at most {GLIBC}, got {library.glibc}")
    if platform.suffix == ".dylib":
        if library.oldest_macos != MACOS:
            faults.append(f"the oldest macOS must be {MACOS}, got {library.oldest_macos}")
        # macOS runs unsigned code of x86-64, on Intel and under Rosetta (Apple, macOS 11 release notes, code signing).
        # zig's linker signs arm64 alone.
        if library.signature_faults is None and platform.processor == "aarch64":
            faults.append("it has no signature, and macOS runs only signed code on arm64")
        faults += library.signature_faults or ()
    return [f"{member}: {fault}" for fault in faults]


def audit(wheel: Path) -> None:
    """Let auditwheel judge the tag of a Linux wheel; end with its words if it gives another one.

    auditwheel must not search this machine for the libraries that the wheel needs: they are another platform's.
    """
    command = [sys.executable, "-m", "auditwheel", "show", "--ldpaths", "", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    expected = wheel.stem.split("-")[-1].split(".")
    text = " ".join((done.stdout + done.stderr).split())
    if done.returncode or not any(f'platform tag: "{tag}"' in text for tag in expected):
        sys.exit(f"auditwheel gives {wheel.name} another tag:\n{done.stdout}{done.stderr}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("platforms", nargs="*", metavar="platform", help=f"default: all of {', '.join(PLATFORMS)}")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="folder of the wheels (default: dist)")
    options = parser.parse_args()
    names = options.platforms or list(PLATFORMS)
    if unknown := [name for name in names if name not in PLATFORMS]:
        parser.error(f"platform must be one of {', '.join(PLATFORMS)}, got {', '.join(unknown)}")
    options.output.mkdir(parents=True, exist_ok=True)
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            wheel = build(name, Path(folder))
            if faults := check(name, wheel):
                sys.exit("\n".join([f"{wheel.name} is not published:", *faults]))
            if "linux" in PLATFORMS[name].zig_target:
                audit(wheel)
            shutil.move(wheel, options.output / wheel.name)
        print(f"{name}: {options.output / wheel.name}, {(options.output / wheel.name).stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
