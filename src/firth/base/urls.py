"""Room base: tells URLs from paths of this machine.

Tests: tests/corpus/test_places.py.
"""

from __future__ import annotations

import os
import re

from firth.errors import StorageError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+(?:::[^\s:]+)*://\S")
_CUT_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):/(?=[^/\s])")  # what pathlib.Path leaves of "s3://bucket/key"
_LOCAL = re.compile(r"(?:file|local)://")


def is_url(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a URL, also one whose ``//`` became ``/`` in a ``pathlib.Path``."""
    return _URL.match(os.fspath(path)) is not None or url_of(path) is not None


def url_of(path: object) -> str | None:
    """The URL that a path is; None for a path of this machine, and for a value that is no path."""
    if isinstance(path, str):
        return path if _URL.match(path) else None
    if not isinstance(path, os.PathLike):
        return None
    text = os.fspath(path)
    if isinstance(text, bytes) or _CUT_URL.match(text) is None or os.path.exists(text):
        return None
    return _CUT_URL.sub(r"\1://", text, count=1)


def local_path(url: str) -> str | None:
    """The path in a URL such as ``file:///home/me/corpus.txt``; None for a URL of another place."""
    return url[url.index("://") + 3 :] if _LOCAL.match(url) else None


def refuse_url(path: str | os.PathLike[str], advice: str) -> None:
    """Raise StorageError for a URL where a path of this machine is needed; a corpus alone may be a URL.

    Parameters
    ----------
    path : path
    advice : str
        What the user can do, for the message.
    """
    if is_url(path):
        raise StorageError(f"{url_of(path) or path} must be a path of this machine, got a URL; {advice}")


__all__ = ["is_url", "local_path", "refuse_url", "url_of"]
