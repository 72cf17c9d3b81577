"""A few hundred damaged files for every reader, and the damaged files that once got through."""

from __future__ import annotations

from pathlib import Path

import fuzz_readers
import pytest


@pytest.mark.parametrize("reader", fuzz_readers.READERS)
def test_damaged_files_are_read_or_refused(reader: str, tmp_path: Path) -> None:
    n_run, n_read = fuzz_readers.fuzz(reader, 250, tmp_path, seed=1)
    assert n_run >= 200
    assert n_read < n_run


@pytest.mark.parametrize("reader", fuzz_readers.READERS)
def test_the_undamaged_files_are_read(reader: str, tmp_path: Path) -> None:
    for files in fuzz_readers.seeds()[reader]:
        assert fuzz_readers.check(reader, files, tmp_path)


def test_every_reader_has_its_files() -> None:
    assert set(fuzz_readers.seeds()) == set(fuzz_readers.READERS)
