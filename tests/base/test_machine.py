"""The memory that a process may take: of the machine, and of each control group that it is in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from firth.base import machine

MB = 1 << 20


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 1000 MB free, and no control group yet."""
    monkeypatch.setattr(machine, "_PROCESSES", tmp_path / "proc")
    monkeypatch.setattr(machine, "_GROUPS", tmp_path / "cgroup")
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 9999999 kB\nMemAvailable: 1000000 kB\nSwapFree: 24000 kB\n")
    return tmp_path


def make_group(folder: Path, limit: str, used: int, files: int, version: int = 2) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = {1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache")}
    limit_name, used_name, files_name = names.get(version, ("memory.max", "memory.current", "file"))
    (folder / limit_name).write_text(f"{limit}\n")
    (folder / used_name).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 7\n{files_name} {files}\n")


def test_without_control_groups_it_is_what_the_machine_has(system: Path) -> None:
    assert machine.available_memory_bytes() == 1_024_000 * 1024
    (system / "proc" / "meminfo").unlink()
    assert machine.available_memory_bytes() is None


def test_a_container_sees_its_own_limit_at_the_top(system: Path) -> None:
    make_group(system / "cgroup", str(500 * MB), 300 * MB, 100 * MB)
    assert machine.available_memory_bytes() == 300 * MB
    make_group(system / "cgroup", "max", 300 * MB, 100 * MB)
    assert machine.available_memory_bytes() == 1_024_000 * 1024


def test_a_group_is_limited_by_the_groups_above_it(system: Path) -> None:
    (system / "proc" / "self" / "cgroup").write_text("0::/user/run\n")
    make_group(system / "cgroup" / "user", str(200 * MB), 150 * MB, 10 * MB)
    make_group(system / "cgroup" / "user" / "run", str(400 * MB), 150 * MB, 0)
    make_group(system / "cgroup" / "other", str(1 * MB), 0, 0)  # of other processes
    assert machine.available_memory_bytes() == 60 * MB


def test_groups_of_version_1(system: Path) -> None:
    (system / "proc" / "self" / "cgroup").write_text("5:cpu,memory:/jobs/7\n0::/\n")
    make_group(system / "cgroup" / "memory", "9223372036854771712", 0, 0, version=1)
    make_group(system / "cgroup" / "memory" / "jobs" / "7", str(90 * MB), 80 * MB, 30 * MB, version=1)
    assert machine.available_memory_bytes() == 40 * MB


def test_a_group_above_its_limit_has_nothing_left(system: Path) -> None:
    make_group(system / "cgroup", str(10 * MB), 30 * MB, 0)
    assert machine.available_memory_bytes() == 0


def test_a_file_system_in_memory_is_known(system: Path) -> None:
    device = system.stat().st_dev
    line = f"36 35 {os.major(device)}:{os.minor(device)} / /mnt rw,noatime master:1 - %s /dev/root rw\n"
    other = "37 35 999:1 / /other rw - tmpfs none rw\n"
    mounts = system / "proc" / "self" / "mountinfo"
    assert not machine.is_in_memory(system), "the system does not tell"
    for kind, expected in (("ext4", False), ("tmpfs", True), ("ramfs", True)):
        mounts.write_text(other + line % kind)
        assert machine.is_in_memory(system) is expected
    mounts.write_text(other)
    assert not machine.is_in_memory(system)
