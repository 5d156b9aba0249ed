"""A file that is read is to be what it was when the scan was planned, until it has been read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..engine.errors import SourceCorrupt, SourceNotFound
from .listing import File


@contextmanager
def watched(file: File) -> Iterator[None]:
    """Look at a local file before it is read, and once more behind: 1 microsecond each.

    A file that another one was put in the place of meanwhile, or that was removed, has been read as
    it was. One that was written to has not: what was read may be of both states, or end early.

    Raises
    ------
    SourceNotFound
        If it is gone before it is read.
    SourceCorrupt
        If it has another size or another time of change than when it was listed.
    """
    try:
        before = os.stat(file.path)
    except OSError:
        raise SourceNotFound(
            f"The file {file.path!r} is gone since the scan was planned. Scan the dataset anew."
        ) from None
    if not _is_listed(file, before):
        raise changed(file)
    try:
        yield
    except SourceCorrupt as error:
        if _was_written_to(file, before):
            raise changed(file) from error
        raise
    if _was_written_to(file, before):
        raise changed(file)


def _is_listed(file: File, status: os.stat_result) -> bool:
    return (status.st_size, status.st_mtime_ns) == (file.size, file.modified)


def _was_written_to(file: File, before: os.stat_result) -> bool:
    try:
        status = os.stat(file.path)
    except OSError:
        return False
    same = (status.st_dev, status.st_ino) == (before.st_dev, before.st_ino)
    return same and not _is_listed(file, status)


def changed(file: File) -> SourceCorrupt:
    """Return (not raise) the error for a file that is not what it was."""
    return SourceCorrupt(
        f"The file {file.path!r} has changed since the scan was planned. Scan it anew, and write"
        " datasets with an atomic sink (mode='overwrite') while they are being read."
    )
