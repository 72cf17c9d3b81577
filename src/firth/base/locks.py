"""Room base: a lock on a folder that ends with the process that took it: no forked child keeps the lock."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
import weakref

_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.ENOSYS)


class FolderLock:
    """The lock of one folder, taken when the object is made; ``release`` ends it.

    ``flock`` belongs to the open file, which a forked child shares: a child that goes on after its parent would keep
    the folder locked. Children therefore close their copy at once, which leaves the parent's lock as it is.

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
        The folder cannot be opened, is no folder, or is a symbolic link that is not to be followed.
    """

    def __init__(self, folder: str | os.PathLike[str], *, follow_links: bool = True) -> None:
        self._process = os.getpid()
        self._descriptor: int | None = None
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        with _changing:  # no fork comes between opening and listing
            descriptor = os.open(folder, flags if follow_links else flags | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(descriptor)
                if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                    raise BlockingIOError(error.errno, "in use by another process", str(folder)) from None
                if error.errno not in _NO_LOCKS:
                    raise
                return  # a network file system without locks: two users of one folder are not told apart
            self._descriptor = descriptor
            _held.add(self)

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    @property
    def is_held(self) -> bool:
        """False where the file system has no locks, in a forked child, and after the release."""
        return self._descriptor is not None

    @property
    def is_ours(self) -> bool:
        """This process made the object; False in a forked child."""
        return self._process == os.getpid()

    def release(self) -> None:
        """End the lock; nothing happens the second time, and in a forked child."""
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
