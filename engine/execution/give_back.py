"""Memory that a process holds and does not need goes back to the system.

Not what is in use: pages of the compiler that nothing runs any more, and what malloc keeps after a
query. Figures are in the functions; all of them are sums of proportional set sizes (PSS).
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable

import pyarrow as pa

IDLE_SECONDS = 0.1
"""How long a worker waits for the next task before it gives back what the last query left."""

KEPT_BYTES = 16 * 2**20
"""What malloc keeps at the end of the heap: small queries one after another fault nothing in."""

_MADV_DONTNEED = 4
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+ +(\S.*)$")


def library_pages(name: str) -> None:
    """Forget the pages of the libraries whose file is called `name`, as far as they are the file's.

    What is used again is mapped again from the page cache. The compiler behind numba has 67 MB of
    them after the kernels are loaded, and the workers run kernels without it.
    """
    advise = getattr(ctypes.CDLL(None), "madvise", None)
    if advise is None:
        return
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for start, length in _clean_mappings(name):
        advise(start, length, _MADV_DONTNEED)


def free_memory() -> None:
    """Give back what Arrow and malloc keep although nothing uses it.

    After Q21 of TPC-H at scale 10 that is 400 MB in each worker, and it would be there in all that
    follows.
    """
    pa.default_memory_pool().release_unused()
    trim = _trim()
    if trim is not None:
        trim(KEPT_BYTES)


def _clean_mappings(name: str) -> list[tuple[int, int]]:
    """Return where a library's file is mapped, without any page that was written since."""
    found: list[tuple[int, int]] = []
    current: tuple[int, int] | None = None
    with open("/proc/self/smaps") as told:
        for line in told:
            if mapping := _MAPPING.match(line):
                start, end = (int(text, 16) for text in mapping.group(1, 2))
                read_only = "w" not in mapping[3] and mapping[4].rpartition("/")[2] == name
                current = (start, end - start) if read_only else None
            # A page that relocation has written to would be lost.
            elif current and line.startswith("Anonymous:") and line.split()[1] == "0":
                found.append(current)
    return found


def _trim() -> Callable[[int], int] | None:
    """Return glibc's ``malloc_trim``; other C libraries have none."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim.argtypes = (ctypes.c_size_t,)
    return trim
