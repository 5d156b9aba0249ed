"""What is said of files that cannot be read or written, whatever their format."""

from __future__ import annotations

import re

import pyarrow as pa

from ..engine.errors import SourceCorrupt, SourceNotFound, is_scarcity, refused
from .listing import File

UNREADABLE = (pa.ArrowException, OSError, UnicodeError, OverflowError)
"""What Arrow raises for files that are not what they should be. A name that is no text is a
UnicodeError, a number that is too large an OverflowError."""


_NOBODYS = 1 << 36
"""Bytes that no part of a file takes at once: a length that was read from a damaged one."""


def blame(error: Exception) -> None:
    """Raise where not the file is to blame, but the system has refused memory or a file.

    Raises
    ------
    ExecutionError
        With what was refused. Such a file must not be left out as one that is damaged.
    """
    asked = re.search(r"size (\d+)", str(error))
    if is_scarcity(error) and not (asked and int(asked[1]) > _NOBODYS):
        raise refused(error) from error


def reason(error: Exception) -> str:
    """Return what a library says went wrong as one line, without a full stop at its end.

    Raises
    ------
    ExecutionError
        Where the file is not to blame, see `blame`.

    >>> reason(ValueError("Magic bytes not found.\\nIt is no Parquet file."))
    'Magic bytes not found. It is no Parquet file'
    """
    blame(error)
    return " ".join(str(error).split()).removesuffix(".")


def not_readable(
    file: File, kind: str, error: Exception, glob: str, advice: str, *, by_line: bool = False
) -> SourceCorrupt:
    """Return (not raise) the error for a file that cannot be read as what it should be.

    Parameters
    ----------
    kind
        The format, as it is written in prose.
    error
        What the format's library says.
    glob
        A pattern that leaves out files of other formats.
    advice
        What else to do than to leave the file out.
    by_line
        Whether ``on_error="skip"`` leaves out lines, and not the file.
    """
    skipped = "lines that cannot be read" if by_line else "such files"
    return SourceCorrupt(
        f"{file.path!r} ({file.size:,} bytes) cannot be read as {kind}: {reason(error)}. If it is"
        f" not part of the dataset, move it away or scan a glob such as {glob!r}; {advice};"
        f" on_error='skip' leaves out {skipped}."
    )


def gone(file: File) -> SourceNotFound:
    """Return (not raise) the error for a file that was there a moment ago."""
    return SourceNotFound(
        f"The file {file.path!r} was listed, but is gone. Scan the dataset again."
    )
