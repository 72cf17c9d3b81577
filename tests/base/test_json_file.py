"""JSON that firth wrote, or a stranger: read in one place; every failure says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firth.base.json_file import MAX_JSON_BYTES, read_json_object, read_own_json
from firth.errors import FormatError, StorageError


def test_objects_are_read_and_failures_say_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    with pytest.raises(StorageError, match="^make one$"):
        read_json_object(path, missing="make one")
    assert read_own_json(path) is None
    path.write_text(json.dumps({"a": 1}))
    assert read_json_object(path, missing="") == {"a": 1} == read_own_json(path)
    for text in ("[]", "{", '{"a": NaN}', '{"a": 1, "a": 2}', " " * (MAX_JSON_BYTES + 1)):
        path.write_text(text)
        with pytest.raises(FormatError, match=r"run\.json: .*; start again$"):
            read_json_object(path, missing="", damaged="start again")
        assert read_own_json(path) is None
    path.unlink()
    path.mkdir()
    with pytest.raises(StorageError, match=r"run\.json must be a file, got a folder"):
        read_json_object(path, missing="")


def test_a_link_is_not_read_as_a_file_of_firths_own(tmp_path: Path) -> None:
    (tmp_path / "other").write_text('{"a": 1}')
    (tmp_path / "link").symlink_to(tmp_path / "other")
    assert read_json_object(tmp_path / "link", missing="") == {"a": 1}
    assert read_own_json(tmp_path / "link") is None
