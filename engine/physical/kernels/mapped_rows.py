"""Rows of mapped files: what of them will be read is asked for, and nothing beside it.

A page of a mapped file that is not in memory is read with its neighbours, as many as the system
reads ahead of somebody who goes from the beginning to the end: 128 kB, or megabytes. Who takes one
row in a hundred out of each of many files gets a hundred times what it wants, which costs little
as long as memory holds all of it, and everything in a container where it does not: a sort of 2 GiB
in a cgroup of 1.2 GiB took 135 s.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
from collections.abc import Callable, Iterator

import pyarrow as pa

_PAGE = mmap.PAGESIZE


def mapped_without_neighbours(path: str) -> pa.Buffer:
    """Map a file of which little will be read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        mapping = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
    finally:
        os.close(descriptor)
    mapping.madvise(mmap.MADV_RANDOM)
    return pa.py_buffer(mapping)


def will_be_read(batch: pa.RecordBatch) -> None:
    """Have the system read the bytes of all rows at once, if they lie in a mapped file.

    Of columns in lists and structs pages come one after the other, when they are touched.
    """
    advise = _advise()
    if advise is None:
        return
    for column in batch.columns:
        for address, size in _bytes_of(column):
            start = address // _PAGE * _PAGE
            advise(start, address + size - start, mmap.MADV_WILLNEED)


def _bytes_of(column: pa.Array) -> Iterator[tuple[int, int]]:
    """Yield where the values of a column lie that is numbers, text or a dictionary."""
    if isinstance(column, pa.DictionaryArray):
        yield from _bytes_of(column.indices)
        yield from _bytes_of(column.dictionary)
        return
    kind, start, rows = column.type, column.offset, len(column)
    valid, *values = column.buffers()
    if valid is not None:
        yield valid.address + start // 8, rows // 8 + 1
    if _is_text(kind):
        offsets, text = values
        if offsets is None or text is None:
            return
        width = 8 if _is_large(kind) else 4
        yield offsets.address + start * width, (rows + 1) * width
        if rows:
            ends = memoryview(offsets).cast("q" if width == 8 else "i")
            yield text.address + ends[start], ends[start + rows] - ends[start]
    elif pa.types.is_primitive(kind) or pa.types.is_decimal(kind):
        bits = kind.bit_width
        yield values[0].address + start * bits // 8, rows * bits // 8 + 1


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_binary(kind) or _is_large(kind)


def _is_large(kind: pa.DataType) -> bool:
    return pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)


@functools.cache
def _advise() -> Callable[[int, int, int], int] | None:
    """Return the system's ``madvise``; other systems have none."""
    advise = getattr(ctypes.CDLL(None), "madvise", None)
    if advise is not None:
        advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return advise
