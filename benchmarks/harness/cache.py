"""Generated data: made once, kept outside of the repository, never read half made.

A dataset is made in a sibling directory and renamed when it is whole, so that an interrupted
generation is never read; a lock keeps two runs from making the same one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_directory(suite: str) -> Path:
    """Return where a suite's generated datasets are kept: in the platform's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / f"partita-{suite}"


def made_once(directory: Path, make: Callable[[Path], None]) -> Path:
    """Return `directory`, made by `make` (given where to write) unless it is there."""
    with _locked(directory.with_name(f"{directory.name}.lock")):
        if not directory.is_dir():
            partial = directory.with_name(f".{directory.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)  # left by a run that was killed
            partial.mkdir()
            try:
                make(partial)
                partial.rename(directory)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return directory


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; it ends with this process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
