"""What of a row group has to be in memory at once, however few rows of it are wanted.

A page is read and expanded whole, the dictionary of a column chunk too, and all columns that a scan
reads have a page at hand. Footers do not tell how large pages are: their own headers do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

_HEADER_BYTES = 32
"""The sizes stand within so many bytes of the beginning of a page."""

_COLUMN_BYTES = 16 << 10
"""What a column takes that is read in parts, beside its pages."""

_I32 = 0x15
"""A 32-bit field behind the one before it, in Thrift's compact protocol."""


def bytes_at_once(file: pa.NativeFile, group: pq.RowGroupMetaData, leaves: Iterable[int]) -> int:
    """Return how many bytes the first pages and dictionaries of some columns take at least."""
    total = 0
    for leaf in leaves:
        chunk = group.column(leaf)
        packed = chunk.compression != "UNCOMPRESSED"
        places = [chunk.data_page_offset]
        if chunk.has_dictionary_page and chunk.dictionary_page_offset is not None:
            places.append(chunk.dictionary_page_offset)
        total += _COLUMN_BYTES
        for place in places:
            stored, plain = _sizes(file.read_at(_HEADER_BYTES, place))
            # No page is larger than its chunk: what says so is damaged, as reading it will tell.
            total += min(plain + packed * stored, 2 * chunk.total_uncompressed_size)
    return total


def _sizes(header: bytes) -> tuple[int, int]:
    """Return the bytes of a page as it is stored and expanded; none where that is not to be read.

    >>> _sizes(bytes([0x15, 0, 0x15, 0xA0, 0x01, 0x15, 0x64]))
    (50, 80)
    """
    try:
        _, plain, stored = _numbers(iter(header))
    except (StopIteration, ValueError):
        # The reader says what is wrong with it.
        return 0, 0
    return max(stored, 0), max(plain, 0)


def _numbers(header: Iterator[int]) -> tuple[int, int, int]:
    """Return the first three fields of a page's header: its kind and its sizes."""
    found = []
    for _ in range(3):
        if next(header) != _I32:
            raise ValueError("This is no page header.")
        value = shift = 0
        more = True
        while more:
            byte = next(header)
            value |= (byte & 0x7F) << shift
            shift += 7
            more = byte >= 0x80
        found.append(value >> 1 ^ -(value & 1))
    kind, plain, stored = found
    return kind, plain, stored
