"""What a worker's allocators keep of memory that was freed: little where its share is small.

With the settings that workers are started with (`fork_server.ENVIRONMENT`) a heap keeps up to
256 MiB for the next task, which saves faulting the pages in again. A share of 64 MiB would be held
four times over by heaps that are empty.
"""

from __future__ import annotations

import ctypes
import functools

import pyarrow as pa

PLENTY = 2 << 30
"""Bytes from which a process's share on nothing is given back before the end of a query."""

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3


@functools.cache
def _libc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None)
    # Other C libraries have no such functions, and keep less.
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None


def suit(share: int) -> None:
    """Have the heap keep an amount of freed memory that suits a process's share."""
    libc = _libc()
    if libc is None:
        return
    kept = 256 << 20 if share >= PLENTY else max(share // 32, 1 << 20)
    libc.mallopt(_TRIM_THRESHOLD, kept)
    libc.mallopt(_TOP_PAD, min(kept, 16 << 20))
    # As workers are started where there is plenty: tables of large builds are kept as well.
    libc.mallopt(_MMAP_THRESHOLD, kept)


def give_back(share: int) -> None:
    """Give freed memory back to the system after a task, where the share is small."""
    if share >= PLENTY:
        return
    pa.default_memory_pool().release_unused()
    libc = _libc()
    if libc is not None:
        libc.malloc_trim(0)
