"""The errors of writing: one sentence for a full disk, whoever finds it full."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest

from firth.base.storage import storage_error
from firth.errors import StorageError

FULL = r"the disk is full \([\d,]+ bytes are free in .*\); free some space and try again, nothing was changed$"


def test_a_full_disk_is_told_alike_by_the_system_and_the_native_core(tmp_path: Path) -> None:
    told = storage_error(OSError(errno.ENOSPC, "No space left on device"), tmp_path / "v.txt")
    assert told.errno == errno.ENOSPC
    assert re.search(f"v.txt cannot be written: {FULL}", str(told))
    native = storage_error(StorageError("ids.i32: No space left on device"), tmp_path)
    assert re.search(f"^ids.i32: No space left on device; {FULL}", str(native))
    assert str(storage_error(native, tmp_path)) == str(native), "told once"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "no permission to write there; choose another folder"),
        (errno.EROFS, "the file system is read-only"),
        (errno.ENOENT, "does not exist; make it first"),
        (errno.EFBIG, "larger than this process or file system allows"),
        (errno.EIO, "cannot be written: broken"),
    ],
)
def test_other_errors_say_what_to_do(number: int, said: str, tmp_path: Path) -> None:
    told = storage_error(OSError(number, "broken"), tmp_path / "missing" / "v.txt")
    assert said in str(told)
    assert isinstance(told, StorageError)
    other = StorageError("what was said already")
    assert storage_error(other, tmp_path) is other
