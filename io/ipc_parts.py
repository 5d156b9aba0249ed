"""Read a large record batch of an Arrow IPC file part by part, without mapping the file.

Arrow reads a record batch whole. One that is mapped takes no memory, but ends the process that
looks at it when somebody cuts the file off. So Arrow is given a file that has room in the place of
what is large, never touched, and tells by it where in the file the buffers are; their rows are then
read.
"""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa

from .file_errors import UNREADABLE

_SMALL_BYTES = 1 << 20
"""No more is read at once."""

_MARK = b"\xff\xff\xff\xff"
"""What a message begins with; the bytes that describe it follow, after 4 with their length."""

_MOST_DESCRIPTION = 16 << 20
_NO_RESERVE = 0x4000
"""Of ``mmap`` in Linux: room that is not written to counts for nothing. Python 3.11 has no name."""

_PART_BYTES = 32 << 20
"""Rows of about so much are read at once. To sum 512 MB of doubles takes 50 ms of processor time
so, 20 mapped, and 530 read whole, into memory that is new."""

_ALIGNED_ROWS = 64
"""Parts begin at a byte of a bitmap."""


class PartedFile:
    """A local file whose large record batches can be read part by part."""

    def __init__(self, path: str) -> None:
        self._handle = open(path, "rb", buffering=0)  # noqa: SIM115 - closed by __exit__
        self._room = _Room(self._handle.fileno())
        self._reader = pa.ipc.open_file(pa.PythonFile(self._room, mode="r"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._handle.close()

    def parts(self, index: int, names: Sequence[str]) -> Iterator[pa.RecordBatch] | None:
        """Return the parts of a batch with some of its columns; None if it has to be read whole.

        That is so if it is compressed, small or damaged, or the columns are nested or dictionaries.

        Raises
        ------
        pa.ArrowException, OSError
            While it is gone through, if the file is damaged, or ends early.
        """
        self._room.given.clear()
        try:
            batch = self._reader.get_batch(index)
        except UNREADABLE:
            # It is compressed, and what it is to be decompressed of has not been read.
            return None
        columns = [batch.column(name) for name in names]
        if not all(map(self._can_be_parted, columns)):
            return None
        return self._read(columns, list(names), batch.num_rows)

    def _can_be_parted(self, column: pa.Array) -> bool:
        return (_is_flat(column.type) or _is_text(column.type)) and all(
            buffer is None or self._place(buffer) is not None for buffer in column.buffers()
        )

    def _read(
        self, columns: list[pa.Array], names: list[str], rows: int
    ) -> Iterator[pa.RecordBatch]:
        size = sum(buffer.size for column in columns for buffer in column.buffers() if buffer)
        step = max(1, rows * _PART_BYTES // max(1, size) // _ALIGNED_ROWS) * _ALIGNED_ROWS
        for start in range(0, rows, step):
            count = min(step, rows - start)
            arrays = [self._rows(column, start, count) for column in columns]
            yield pa.RecordBatch.from_arrays(arrays, names)

    def _rows(self, column: pa.Array, start: int, rows: int) -> pa.Array:
        validity, *rest = column.buffers()
        present = None if validity is None else self._bits(validity, start, rows)
        if pa.types.is_boolean(column.type):
            return pa.Array.from_buffers(
                column.type, rows, [present, self._bits(rest[0], start, rows)]
            )
        if _is_flat(column.type):
            width = column.type.bit_width // 8
            values = self._bytes(rest[0], start * width, rows * width)
            return pa.Array.from_buffers(column.type, rows, [present, values])
        large = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
        kind = np.dtype(np.int64 if large else np.int32)
        stored = self._bytes(rest[0], start * kind.itemsize, (rows + 1) * kind.itemsize)
        offsets = np.frombuffer(stored, kind)
        first, last = int(offsets[0]), int(offsets[-1])
        if first > last:
            raise pa.ArrowInvalid(f"it has offsets from {first:,} to {last:,}")
        text = self._bytes(rest[1], first, last - first)
        moved = pa.py_buffer((offsets - kind.type(first)).tobytes())
        return pa.Array.from_buffers(column.type, rows, [present, moved, text])

    def _bits(self, buffer: pa.Buffer, start: int, rows: int) -> pa.Buffer:
        return self._bytes(buffer, start // 8, -(-rows // 8))

    def _bytes(self, buffer: pa.Buffer | None, start: int, length: int) -> pa.Buffer:
        """Return a part of a buffer of Arrow's, from the file."""
        if not length:
            return pa.py_buffer(b"")
        place = None if buffer is None else self._place(buffer)
        if buffer is None or place is None or start < 0 or start + length > buffer.size:
            raise pa.ArrowInvalid("it has a buffer that is shorter than its rows")
        found = pa.allocate_buffer(length)
        view = memoryview(found)
        read = 0
        while read < length:
            now = os.preadv(self._handle.fileno(), [view[read:]], place + start + read)
            if not now:
                raise pa.ArrowInvalid(
                    f"it ends in the middle of a record batch, at {place + start + read:,}"
                )
            read += now
        return found

    def _place(self, buffer: pa.Buffer) -> int | None:
        """Return where in the file a buffer of Arrow's is, None if it is a copy."""
        for room, place in self._room.given:
            if room.address <= buffer.address and (
                buffer.address + buffer.size <= room.address + room.size
            ):
                return place + buffer.address - room.address
        return 0 if not buffer.size else None


def _is_flat(dtype: pa.DataType) -> bool:
    types = pa.types
    return types.is_primitive(dtype) or types.is_decimal(dtype)


def _is_text(dtype: pa.DataType) -> bool:
    types = pa.types
    return (
        types.is_string(dtype)
        or types.is_binary(dtype)
        or types.is_large_string(dtype)
        or types.is_large_binary(dtype)
    )


class _Room:
    """A file as Arrow wants one, which gives room for what is large."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._at = 0
        self.closed = False
        self.given: list[tuple[pa.Buffer, int]] = []
        """The rooms, and where in the file is what they are for."""

    def read_buffer(self, length: int) -> pa.Buffer:
        place, self._at = self._at, self._at + length
        if length <= _SMALL_BYTES:
            return pa.py_buffer(os.pread(self._number, length, place))
        if place + length > os.fstat(self._number).st_size:
            raise OSError(f"it tells of {length:,} bytes at {place:,}, behind its end")
        head = os.pread(self._number, len(_MARK) + 4, place)
        described = len(head) + int.from_bytes(head[len(_MARK) :], "little")
        if not head.startswith(_MARK) or described > min(length, _MOST_DESCRIPTION):
            raise OSError(f"what it has at {place:,} is no message of {length:,} bytes")
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        if sys.platform == "linux":
            flags |= _NO_RESERVE
        room = mmap.mmap(-1, length, flags=flags)
        room[:described] = os.pread(self._number, described, place)
        self.given.append((pa.py_buffer(room), place))
        return self.given[-1][0]

    def read(self, length: int) -> bytes:
        found = os.pread(self._number, length, self._at)
        self._at += len(found)
        return found

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(self._number).st_size}
        self._at = base[whence] + place
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def flush(self) -> None:
        """Do nothing: nothing is written."""

    def close(self) -> None:
        self.closed = True
