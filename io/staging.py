"""The private folder that a sink writes to, and the one step that makes it visible.

It lies beside the target, on the same file system, so that the step is a rename. A lock is held
on it while its run lives; what dead runs have left is removed by the next one to the same target.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..engine.errors import SinkError, SinkExists

_MIDDLE = ".partita-"
_LOCK = "lock"
_OLD = "old"
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


def new_run() -> str:
    """Return a name for a run; later ones sort behind earlier ones."""
    return f"{time.time_ns() // 1_000_000:011x}{secrets.token_hex(3)}"


class Staging:
    """A staging folder; the copies that workers get hold no lock."""

    def __init__(self, target: str, run: str) -> None:
        self.target = target
        parent, name = os.path.split(target)
        self.folder = os.path.join(parent, f".{name}{_MIDDLE}{run}")
        self._made = _missing_parents(parent)
        self._lock: int | None = None

    def make(self) -> None:
        """Create the folder, with its lock; remove what dead runs to the same target have left."""
        parent = os.path.dirname(self.target)
        try:
            os.makedirs(parent, exist_ok=True)
            with alone(self.target):
                sweep(self.target)
                os.mkdir(self.folder, 0o755)
                flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC
                self._lock = os.open(os.path.join(self.folder, _LOCK), flags, 0o600)
                fcntl.flock(self._lock, fcntl.LOCK_EX)
        except OSError as error:
            self.remove(created=True)
            raise SinkError(
                f"{self.target!r} cannot be written: {error.strerror} ({error.filename!r}). Choose"
                " a directory in which files can be made."
            ) from None

    def remove(self, created: bool) -> None:
        """Remove the folder; with `created` also the parents made for it, where still empty."""
        # Under another name first: a task on another host that has not heard of the end yet would
        # add a file while the folder is emptied, and it would stay.
        over = f"{self.folder}.over"
        try:
            os.rename(self.folder, over)
        except OSError:
            over = self.folder  # it was never made, or must not be renamed
        shutil.rmtree(over, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        for parent in self._made if created else ():
            try:
                os.rmdir(parent)
            except OSError:
                # Not made after all, or in use by now.
                return

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None}


def _missing_parents(parent: str) -> list[str]:
    """Return the folders that do not exist yet, innermost first."""
    missing = []
    while parent and not os.path.lexists(parent):
        missing.append(parent)
        parent = os.path.dirname(parent)
    return missing


@contextlib.contextmanager
def alone(target: str) -> Iterator[None]:
    """Be the only run that begins or commits beside `target`, for a moment."""
    handle = os.open(os.path.dirname(target), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            # A file system without locks of directories: two runs at once are not told apart.
            if error.errno not in (errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP):
                raise
        yield
    finally:
        os.close(handle)


def sweep(target: str) -> None:
    """Remove what runs which have died left beside `target`; to be called `alone`."""
    parent, name = os.path.split(target)
    for entry in os.scandir(parent):
        if entry.name.startswith(f".{name}{_MIDDLE}") and entry.is_dir(follow_symlinks=False):
            _sweep_one(Path(entry.path), target)


def _sweep_one(folder: Path, target: str) -> None:
    try:
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        # Made and locked by who is alone: without a lock its run has died in between.
        shutil.rmtree(folder, ignore_errors=True)
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if (folder / _OLD).is_dir() and not os.path.lexists(target):
            # It died between the two renames of a swap: the old dataset is put back.
            os.rename(folder / _OLD, target)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        # Its run is alive.
        return
    finally:
        os.close(handle)


def identity(target: str) -> tuple[int, int, int] | None:
    """Return what tells whether another run has written to `target`; None if nothing is there."""
    try:
        found = os.lstat(target)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def place_file(staged: str, target: str, replace: bool) -> None:
    """Make a staged file visible as `target`; without `replace` it must not exist."""
    if replace:
        os.replace(staged, target)
        return
    try:
        # A hard link is the one way to name a file that never replaces another.
        os.link(staged, target)
    except FileExistsError:
        raise exists(target) from None
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        if os.path.lexists(target):
            raise exists(target) from None
        os.rename(staged, target)
    else:
        os.unlink(staged)


def place_directory(staged: str, target: str, replace: bool, folder: str) -> None:
    """Make a staged directory visible as `target`; what was there goes to the staging folder.

    A reader finds the old dataset or the new one. Where the file system cannot exchange two names
    there is a moment without either; a death in it is mended by the next `sweep`.
    """
    try:
        # Takes the place of nothing or of an empty directory, never of a full one.
        os.rename(staged, target)
        return
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if not replace:
            raise exists(target) from None
    if not _exchange(staged, target):
        old = os.path.join(folder, _OLD)
        os.rename(target, old)
        try:
            os.rename(staged, target)
        except OSError:
            os.rename(old, target)
            raise


def linked_copy(target: str, staged: str) -> bool:
    """Make `staged` a directory with the same files as `target`, each by one more name.

    False, and nothing is left, where the file system has no such names.
    """
    try:
        for folder, folders, names in os.walk(target):
            copy = os.path.join(staged, os.path.relpath(folder, target))
            os.makedirs(copy, exist_ok=True)
            shutil.copystat(folder, copy)
            for name in names:
                path = os.path.join(folder, name)
                os.link(path, os.path.join(copy, name), follow_symlinks=False)
            for name in filter(lambda name: os.path.islink(os.path.join(folder, name)), folders):
                path = os.path.join(folder, name)
                os.symlink(os.readlink(path), os.path.join(copy, name))
    except OSError as error:
        shutil.rmtree(staged, ignore_errors=True)
        if error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV):
            return False
        raise
    return True


def swap(staged: str, target: str) -> bool:
    """Put a staged directory in the place of `target` at once; False where that cannot be done."""
    return _exchange(staged, target)


def exists(target: str) -> SinkExists:
    """Return (not raise) the error for a target that is there already."""
    return SinkExists(
        f"The target {target!r} exists already. Pass mode='overwrite' to replace it,"
        " mode='append' to add files to a directory, or choose another path."
    )


def _exchange(left: str, right: str) -> bool:
    """Swap two names at once; False where the system or file system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    names = os.fsencode(left), os.fsencode(right)
    done = rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE)
    if done == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL):
        return False
    raise OSError(code, os.strerror(code), right)


def sync(path: str) -> None:
    """Wait until a file or directory is on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
