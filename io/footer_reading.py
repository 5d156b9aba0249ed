"""Read Parquet footers so that nothing in them ends or fills the process that reads them.

Arrow parses a footer without looking at all of it. What is wrong with a column chunk or with its
statistics is found when these are asked for, and is thrown through Cython code that does not catch
it: C++ then ends the process. Of all 16,872 footers that differ from a good one (7 columns, 2 row
groups) in one bit, pyarrow 26 gave an error for 8,335 and ended the process for 192. Footers
are looked at where a scan is planned, which is the user's process.

So a footer is read, and all that may be asked of it is asked once, in a thread of its own, and what
C++ calls before it ends the process is a function that stops this thread for good instead. What is
left of it is a stack and the footer. It costs 2 microseconds for each column chunk and the start of
a thread, where a process that could be lost would take a fifth of a second to start.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import threading
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

_MOST_ELEMENTS = 1_000_000
"""Elements that a list of a footer may have: row groups, or columns of one."""

_LENGTH_BYTES = 8
"""What a file ends with: the length of the footer, and the format's name."""


class FooterRefused(ValueError):
    """A footer contradicts itself in a way that Arrow does not survive."""


def read_metadata(source: pa.NativeFile) -> pq.FileMetaData:
    """Return the footer of an open file, of which everything can be asked; see `guarded`.

    Raises
    ------
    OSError, pa.ArrowException, ValueError, OverflowError
        If it cannot be parsed, or contradicts itself.
    """
    size: int = source.size()
    reader = pq.ParquetFile(
        source,
        # A list has a byte or more for each element. Without that a file of 130 bytes that tells
        # of a million columns takes 200 MB.
        thrift_container_size_limit=min(_MOST_ELEMENTS, max(1, _footer_bytes(source, size))),
    )
    metadata = reader.metadata
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        rows = row_group.num_rows
        for column in range(row_group.num_columns):
            _check_chunk(row_group.column(column), rows, size, metadata.schema, column)
    return metadata


def _check_chunk(
    chunk: pq.ColumnChunkMetaData, rows: int, size: int, schema: pq.ParquetSchema, column: int
) -> None:
    """Ask for all that a scan asks for, and check what it has to rely on."""
    values = chunk.num_values
    if rows < 0 or (values != rows and schema.column(column).max_repetition_level == 0):
        raise FooterRefused(
            f"it tells of {rows:,} rows, and of {values:,} values of column"
            f" {chunk.path_in_schema!r}"
        )
    if not 0 <= chunk.total_compressed_size <= size or chunk.total_uncompressed_size < 0:
        raise FooterRefused(
            f"it tells of {chunk.total_compressed_size:,} bytes of column {chunk.path_in_schema!r}"
        )
    statistics = chunk.statistics
    if statistics is not None and statistics.has_min_max:
        # To convert them is what may fail; the values are of no interest here.
        _ = statistics.min_raw, statistics.max_raw


def _footer_bytes(source: pa.NativeFile, size: int) -> int:
    """Return the length of the footer as the file tells it."""
    if size < _LENGTH_BYTES:
        return size
    told = source.read_at(_LENGTH_BYTES, size - _LENGTH_BYTES)
    return min(size, int.from_bytes(told[:4], "little"))


_guarded: dict[int, Callable[[], None]] = {}
"""Threads that are to be stopped instead of the process, and what tells of it."""


def guarded(work: Callable[[], None]) -> None:
    """Run `work` in a thread; if C++ would end the process for it, end the thread.

    Raises
    ------
    FooterRefused
        If it came to that.
    BaseException
        What `work` raises.
    """
    over = threading.Event()
    raised: list[BaseException] = []

    def refused() -> None:
        raised.append(
            FooterRefused("what it tells of its columns and their statistics contradicts itself")
        )
        over.set()

    def run() -> None:
        number = threading.get_ident()
        _guarded[number] = refused
        try:
            work()
        except BaseException as error:  # raised again by who waits
            raised.append(error)
        finally:
            _guarded.pop(number, None)
            over.set()

    _watch()
    # A daemon: one that was stopped must not be waited for when the process ends.
    threading.Thread(target=run, daemon=True, name="partita-footers").start()
    over.wait()
    if raised:
        raise raised[0]


_Handler = ctypes.CFUNCTYPE(None)
_before: list[int] = []
"""What C++ called before it ended the process, when there was no need for this module."""


@_Handler
def _handler() -> None:
    """Stop the thread that this is called in for good, if it is one that is guarded."""
    refused = _guarded.pop(threading.get_ident(), None)
    if refused is not None:
        refused()
        # It must not return: what has called it would end the process then.
        threading.Event().wait()
    if _before:
        _Handler(_before[-1])()


def _watch() -> None:
    """Have C++ call `_handler` before it ends the process, until the interpreter ends.

    Where C++ comes from another library, as on macOS, it is left as it is.
    """
    set_terminate = _set_terminate()
    if set_terminate is None:
        return
    own = ctypes.cast(_handler, ctypes.c_void_p).value
    before = set_terminate(own)
    if before is not None and before != own:
        if not _before:
            # What ends the process later must not call into an interpreter that is no more.
            atexit.register(set_terminate, before)
        _before.append(before)


@functools.cache
def _set_terminate() -> Callable[[int | None], int | None] | None:
    """Return ``std::set_terminate`` of the library that Arrow uses, None if that is not known.

    Arrow has loaded it already, and so it is the same one.
    """
    try:
        found = ctypes.CDLL("libstdc++.so.6")._ZSt13set_terminatePFvvE
    except (OSError, AttributeError):
        return None
    found.restype = ctypes.c_void_p
    found.argtypes = [ctypes.c_void_p]
    return found
