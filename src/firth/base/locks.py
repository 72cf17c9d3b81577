"""Room base: a lock on a folder that ends with its process; a forked child does not keep the lock."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
import weakref

_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.ENOSYS)


class FolderLock:
    """The lock of a folder. Making the object takes the lock; ``release`` ends it.

    ``flock`` belongs to the open file, which a forked child shares, so a child that outlives its parent would keep the
    folder locked. Therefore a child closes its copy of the file at once; this does not affect the parent's lock.

    Parameters
    ----------
    folder : str or path
    follow_links : bool
        Whether ``folder`` may be a symbolic link to a folder.

    Raises
    ------
    BlockingIOError
        Another process, or another object of this process, has the lock.
    OSError
        The folder cannot be opened, is not a folder, or is a symbolic link and ``follow_links`` is false.
    """

    def __init__(self, folder: str | os.PathLike[str], *, follow_links: bool = True) -> None:
        self._process = os.getpid()
        self._descriptor: int | None = None
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        with _changing:  # prevents a fork between opening and listing
            descriptor = os.open(folder, flags if follow_links else flags | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(descriptor)
                if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                    raise BlockingIOError(error.errno, "in use by another process", str(folder)) from None
                if error.errno not in _NO_LOCKS:
                    raise
                return  # a network file system without locks: two users of a folder cannot be detected
            self._descriptor = descriptor
            _held.add(self)

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    @property
    def is_held(self) -> bool:
        """Whether the lock is held. False after the release, in a forked child, and if the file system has no locks."""
        return self._descriptor is not None

    @property
    def is_ours(self) -> bool:
        """Whether this process made the object; False in a forked child."""
        return self._process == os.getpid()

    def release(self) -> None:
        """End the lock. Does nothing if called again, or in a forked child."""
        with _changing:
            descriptor, self._descriptor = self._descriptor, None
            _held.discard(self)
        if descriptor is not None:
            os.close(descriptor)


_held: weakref.WeakSet[FolderLock] = weakref.WeakSet()
_changing = threading.RLock()


def _forget_in_child() -> None:
    for lock in list(_held):
        descriptor, lock._descriptor = lock._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):  # the parent's user closed it by its number
                os.close(descriptor)
    _held.clear()
    _changing.release()


os.register_at_fork(before=_changing.acquire, after_in_parent=_changing.release, after_in_child=_forget_in_child)


__all__ = ["FolderLock"]
