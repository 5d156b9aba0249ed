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

LITTLE = 128 << 20
"""Bytes below which a process's share is too little for an allocator that keeps segments of its
own: Arrow's held 20 MiB more in each worker than others, where the share was 16."""

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3


@functools.cache
def _libc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None)
    # Other C libraries have no such functions, and keep less.
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None


@functools.cache
def _arrows_own() -> pa.MemoryPool:
    """Return the pool that Arrow, or the user by its environment variable, has chosen."""
    return pa.default_memory_pool()


@functools.cache
def _thrifty() -> pa.MemoryPool:
    """Return the pool that keeps least of what was freed.

    Not the system's: glibc before 2.38 does not find aligned blocks again that were freed, and a
    long task grows. A cross join of 100 million pairs, of which 2 MiB were ever held, took 1,480
    MiB so, and 9 MiB with this one.
    """
    try:
        pa.jemalloc_set_decay_ms(0)
        return pa.jemalloc_memory_pool()
    except NotImplementedError:
        # Not in every build of Arrow.
        return _arrows_own()


def suit(share: int) -> None:
    """Have the heaps keep an amount of freed memory that suits a process's share."""
    pa.set_memory_pool(_thrifty() if share < LITTLE else _arrows_own())
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
