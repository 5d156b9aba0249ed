"""Rows of mapped files: those that are wanted are read, and not all that lies about them."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from partita.engine.physical.kernels.concat import copied
from partita.engine.physical.kernels.mapped_rows import mapped_without_neighbours, will_be_read

ROWS = 1 << 20


def resident(file: pa.Buffer) -> int:
    """Return how many pages of a mapped file are in memory."""
    pages = -(-file.size // mmap.PAGESIZE)
    found = (ctypes.c_ubyte * pages)()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
    assert libc.mincore(file.address, file.size, found) == 0
    return sum(page & 1 for page in found)


def written(path: Path) -> pa.RecordBatch:
    """Write a batch that no page is in memory of any more, and return it."""
    numbers = np.arange(ROWS)
    batch = pa.record_batch(
        {
            "number": pa.array(numbers, mask=numbers % 7 == 0),
            "text": pa.array(numbers).cast(pa.string()),
            "code": pa.array(np.tile(np.array(["x", "y"]), ROWS // 2)).dictionary_encode(),
            "list": pa.array([[1], None, [], [2, 3]] * (ROWS // 4)),
            "fixed": pa.array(numbers).cast(pa.decimal128(30, 2)),
        }
    )
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)
    return batch


def test_what_is_read_of_a_mapped_file_is_what_is_wanted(tmp_path: Path) -> None:
    batch = written(tmp_path / "file")
    file = mapped_without_neighbours(str(tmp_path / "file"))
    pages = file.size // mmap.PAGESIZE
    if resident(file) > pages // 2:
        pytest.skip("the pages of files here cannot be taken out of memory: it is a tmpfs")
    with pa.ipc.open_stream(file) as reader:
        (read,) = list(reader)
    for start in (0, 100_003, ROWS - 1000):
        piece = read.slice(start, 1000)
        will_be_read(piece)
        assert copied(piece).equals(batch.slice(start, 1000))
    assert 0 < resident(file) < pages // 50


@pytest.mark.parametrize("length", [0, 1, 3])
def test_every_column_may_be_asked_for(length: int) -> None:
    batch = pa.record_batch(
        {
            "none": pa.nulls(4),
            "bits": pa.array([True, None, False, True]),
            "struct": pa.array([{"a": 1}, None, {"a": 2}, {"a": 3}]),
            "bytes": pa.array([b"a", None, b"", b"ccc"], pa.large_binary()),
            "fixed": pa.array([b"ab"] * 4, pa.binary(2)),
            "text": pa.array(["a", None, "", "ccc"], pa.string_view()),
            "time": pa.array([1, 2, None, 4], pa.timestamp("us")),
        }
    )
    for start in (0, 1):
        piece = batch.slice(start, length)
        will_be_read(piece)
        assert copied(piece).equals(piece)
