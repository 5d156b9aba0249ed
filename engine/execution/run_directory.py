"""The private directories of a session, in shared memory and on disk, and the end of both.

Each session locks a file in its directories for as long as it lives; what has no living owner is
swept when the next session starts. The parent directory belongs to the user alone and is no link
(traps 13 and 14).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from ..errors import ExecutionError

SHARED_MEMORY = Path("/dev/shm")
LOCK = "lock"
"""The file in each directory that its session holds a lock on."""

GRACE = 5.0
"""Seconds that a directory without a lock is left alone: its session is just being made, which
takes 0.1 ms. A process that is stopped for longer in the midst of it makes another one."""


class RunDirectory:
    """Two private directories that go with the session: `memory` and `disk`."""

    def __init__(self, disk_base: str) -> None:
        disk_home = _home(Path(disk_base) if disk_base else _temporary())
        memory_home = _home(SHARED_MEMORY) if os.access(SHARED_MEMORY, os.W_OK) else disk_home
        for home in {memory_home, disk_home}:
            sweep(home)
        self._bases = disk_home.parent, memory_home.parent
        self._renewing = threading.Lock()
        self._locks: list[int] = []
        self._free: list[tuple[str, str]] = []
        self.disk = self._make(disk_home)
        try:
            self.memory = self._make(memory_home)
        except BaseException:
            shutil.rmtree(self.disk, ignore_errors=True)
            self.let_go()
            raise

    def _make(self, home: Path) -> str:
        try:
            try:
                return self._locked(home)
            except FileNotFoundError:
                # Somebody has swept it before it was locked.
                return self._locked(home)
        except OSError as error:
            raise ExecutionError(
                f"No run directory can be made in {str(home)!r}: {error.strerror}. Make room, or"
                " set run_directory to a place that can be written."
            ) from None

    def _locked(self, home: Path) -> str:
        directory = tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=home)
        # It gets its name once it is locked: an unlocked one means that its owner is dead.
        unlocked = os.path.join(directory, "unlocked")
        lock = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._locks.append(lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.rename(unlocked, os.path.join(directory, LOCK))
        return directory

    def for_query(self, query: int) -> tuple[str, str]:
        """Return the places of one query, in memory and on disk: those of an earlier one, or new.

        To make directories and to remove them again takes half a millisecond.
        """
        while self._free:
            places = self._free.pop()
            if all(map(os.path.isdir, places)):
                return places
        return self.places(f"query-{query}")

    def leave(self, memory: str, disk: str) -> None:
        """Empty the places of a query that is over and keep them for another."""
        try:
            for place in (memory, disk):
                for name in os.listdir(place):
                    os.unlink(os.path.join(place, name))
        except OSError:
            # Whatever lies there, it is no place for another query.
            self.remove_places(memory, disk)
        else:
            self._free.append((memory, disk))

    def places(self, name: str) -> tuple[str, str]:
        """Make and return directories called `name`, in memory and on disk."""
        self._renew()
        places = tuple(os.path.join(base, name) for base in (self.memory, self.disk))
        try:
            for place in places:
                os.mkdir(place, 0o700)
        except OSError as error:
            self.remove_places(*places)
            raise ExecutionError(
                f"The run directory {error.filename!r} cannot be made: {error.strerror}. Make room"
                " where it lies, or set run_directory to a place that can be written."
            ) from None
        return places[0], places[1]

    def _renew(self) -> None:
        """Make directories in the place of those that another program has removed.

        The helper does not know these: where this process is killed, the next session's start
        removes them.
        """
        with self._renewing:
            disk_base, memory_base = self._bases
            if not os.path.isdir(self.disk):
                self.disk = self._make(_home(disk_base))
            if not os.path.isdir(self.memory):
                self.memory = self._make(_home(memory_base))

    def remove_places(self, *places: str) -> None:
        """Remove directories with all that was left in them."""
        for place in places:
            shutil.rmtree(place, ignore_errors=True)

    def close(self) -> None:
        """Remove both directories and all that is in them."""
        for directory in (self.memory, self.disk):
            shutil.rmtree(directory, ignore_errors=True)
        self.let_go()

    def let_go(self) -> None:
        """Close this process's copies of the locks; what a forked child does with its parent's."""
        for lock in self._locks:
            os.close(lock)
        self._locks.clear()


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise ExecutionError(
            f"There is no place for the run directory: {error.strerror}. Set run_directory to one"
            " that can be written."
        ) from None


def _home(base: Path) -> Path:
    """Return the user's own directory below `base`, made if there is none.

    Raises
    ------
    ExecutionError
        If it is a link or belongs to somebody else.
    """
    home = base / f"partita-{os.getuid()}"
    try:
        home.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ExecutionError(
            f"The run directory {str(home)!r} cannot be made: {error.strerror}."
            " Set run_directory to a place that can be written."
        ) from None
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ExecutionError(
            f"The run directory {str(home)!r} is not a directory of this user."
            " Remove it, or set run_directory to another place."
        )
    home.chmod(0o700)
    return home


def sweep(home: Path) -> list[Path]:
    """Remove what sessions left below `home` that no longer live; return what was removed."""
    removed = []
    for directory in home.iterdir():
        if not directory.is_dir() or directory.is_symlink() or _alive(directory):
            continue
        shutil.rmtree(directory, ignore_errors=True)
        removed.append(directory)
    return removed


def remove_unowned(directories: Iterable[str], seconds: float = 2.0) -> None:
    """Remove the directories whose owner has ended, or ends within `seconds`.

    The end of a process is seen at its sockets a moment before its locks are released.
    """
    deadline = time.monotonic() + seconds
    left = [Path(directory) for directory in directories]
    while left:
        for directory in left:
            if not _alive(directory):
                shutil.rmtree(directory, ignore_errors=True)
        left = [directory for directory in left if directory.exists()]
        if not left or time.monotonic() > deadline:
            return
        time.sleep(0.02)


def _alive(directory: Path) -> bool:
    """Return whether a session holds the lock of `directory`, or is just about to."""
    try:
        lock = os.open(directory / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        try:
            return time.time() - directory.stat().st_mtime < GRACE
        except FileNotFoundError:
            return True  # somebody else swept it meanwhile
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
