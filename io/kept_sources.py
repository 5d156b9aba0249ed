"""Sources kept for the next scan of the same files, with all that was found out about them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

SourceT = TypeVar("SourceT")

_MOST = 16


class KeptSources(Generic[SourceT]):
    """A few sources by what was asked for; the longest unused goes first.

    Parameters
    ----------
    most_bytes
        What they may take together.
    """

    def __init__(self, most_bytes: int) -> None:
        self._lock = Lock()
        self._most_bytes = most_bytes
        self._sources: OrderedDict[Hashable, tuple[SourceT, int]] = OrderedDict()

    def get(self, asked: Hashable) -> SourceT | None:
        """Return the source that was kept for `asked`."""
        with self._lock:
            found = self._sources.get(asked)
            if found is None:
                return None
            self._sources.move_to_end(asked)
            return found[0]

    def put(self, asked: Hashable, source: SourceT, size: int) -> None:
        """Keep a source that takes `size` bytes, in the place of one kept for the same."""
        with self._lock:
            self._sources[asked] = source, size
            self._sources.move_to_end(asked)
            held = sum(size for _, size in self._sources.values())
            while self._sources and (held > self._most_bytes or len(self._sources) > _MOST):
                _, (_, freed) = self._sources.popitem(last=False)
                held -= freed
