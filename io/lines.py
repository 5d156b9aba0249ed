"""Files of lines, cut into ranges of bytes: each line belongs to the range that it begins in.

A range is cut without reading what is before it, which is right where no line end is part of a
value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

import pyarrow as pa
from pyarrow import fs

from ..engine.errors import SourceCorrupt
from .file_errors import UNREADABLE, blame, gone
from .listing import File

BLOCK_BYTES = 1 << 20
MOST_BAD_LINES = 1_000
"""Lines of a part that are looked for and left out one by one; then all behind them is."""

COMPRESSED = (".gz", ".bz2", ".zst", ".lz4", ".br")


@dataclass(frozen=True, kw_only=True)
class Range:
    """Some bytes of a file; nominal, lines that begin in them are meant."""

    file: File
    start: int
    stop: int

    @property
    def whole(self) -> bool:
        """Whether it is all of the file."""
        return self.start == 0 and self.stop >= self.file.size

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.stop - self.start

    def __str__(self) -> str:
        if self.whole:
            return self.file.path
        return f"{self.file.path} [bytes {self.start:,} to {self.stop:,}]"


def ranges(file: File, target: int) -> Iterator[Range]:
    """Yield ranges of about `target` bytes; none is shorter than half of that."""
    count = max(1, file.size // target)
    for start, stop in pairwise(file.size * part // count for part in range(count + 1)):
        yield Range(file=file, start=start, stop=stop)


def can_be_cut(file: File, store: fs.FileSystem | None) -> bool:
    """Return whether a file can be read from its middle: it is local and not compressed."""
    return store is None and not file.path.lower().endswith(COMPRESSED)


def lines_of(part: Range) -> bytes:
    """Return the lines that begin in a range."""
    with open(part.file.path, "rb") as handle:
        begin = _line_from(handle, part.start)
        end = _line_from(handle, part.stop)
        handle.seek(begin)
        return handle.read(max(0, end - begin))


def lines_before(part: Range) -> int:
    """Return how many lines of the file begin before a range."""
    with open(part.file.path, "rb") as handle:
        end = _line_from(handle, part.start)
        handle.seek(0)
        count = 0
        while (left := end - handle.tell()) > 0:
            count += handle.read(min(left, BLOCK_BYTES)).count(b"\n")
    return count


def of_first_that_reads(sizes: Sequence[int], read: Callable[[int], pa.Schema]) -> pa.Schema:
    """Return what `read` makes of the first of some sizes of samples that it can read.

    Raises
    ------
    SourceCorrupt
        What is wrong with the smallest.
    """
    *more, last = sizes
    for size in more:
        try:
            return read(size)
        except SourceCorrupt:
            continue
    return read(last)


def readable_lines(
    data: bytes,
    first: int,
    read: Callable[[bytes], list[pa.RecordBatch]],
    refused: Callable[[int, Exception], None],
) -> Iterator[pa.RecordBatch]:
    """Yield what can be read of `data`, which is halved until what cannot be is single lines.

    Parameters
    ----------
    first
        The number of the first line.
    read
        Reads lines, or raises one of `UNREADABLE`.
    refused
        Is told of each line that cannot be read: its number, and why.
    """
    try:
        batches = read(data)
    except UNREADABLE as error:
        blame(error)
        cut = data.find(b"\n", len(data) // 2) + 1
        if cut in (0, len(data)):
            cut = data.rfind(b"\n", 0, len(data) // 2) + 1
        if cut == 0:
            refused(first, error)
            return
        yield from readable_lines(data[:cut], first, read, refused)
        yield from readable_lines(data[cut:], first + data.count(b"\n", 0, cut), read, refused)
    else:
        yield from batches


def blocks(data: bytes) -> Iterator[bytes]:
    """Yield runs of whole lines of about `BLOCK_BYTES`."""
    start = 0
    while start < len(data):
        stop = data.find(b"\n", start + BLOCK_BYTES) + 1 or len(data)
        yield data[start:stop]
        start = stop


def _line_from(handle: BinaryIO, position: int) -> int:
    """Return where the first line begins that begins at `position` or later."""
    if position == 0:
        return 0
    handle.seek(position - 1)
    handle.readline()
    return handle.tell()


def open_stream(file: File, store: fs.FileSystem | None) -> pa.NativeFile:
    """Return a stream of a file's bytes, decompressed as its suffix tells (``.csv.gz``)."""
    try:
        if store is None:
            return pa.input_stream(file.path, compression="detect")
        return store.open_input_stream(file.path, compression="detect")
    except FileNotFoundError:
        raise gone(file) from None


def stream_blocks(stream: pa.NativeFile, block_bytes: int) -> Iterator[bytes]:
    """Yield runs of whole lines of a stream, of at most about `block_bytes`.

    Raises
    ------
    pa.ArrowInvalid
        If a line is longer.
    """
    begun = b""
    while more := stream.read(block_bytes):
        end = more.rfind(b"\n") + 1
        if not end:
            begun += more
            if len(begun) > block_bytes:
                raise pa.ArrowInvalid(f"a line is longer than {block_bytes:,} bytes")
            continue
        yield begun + more[:end]
        begun = more[end:]
    if begun:
        yield begun


def first_lines(file: File, store: fs.FileSystem | None, sample_bytes: int) -> bytes:
    """Return about `sample_bytes` from the beginning of a file, up to the end of a line.

    A first line that is longer is cut off.
    """
    with open_stream(file, store) as stream:
        sample: bytes = stream.read(sample_bytes)
    if len(sample) < sample_bytes:
        return sample
    return sample[: sample.rfind(b"\n") + 1] or sample
