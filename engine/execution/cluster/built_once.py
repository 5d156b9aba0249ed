"""A cache that threads share: what one of them builds the others wait for."""

from __future__ import annotations

import threading
from typing import Any


class BuiltOnce(dict[Any, Any]):
    """A dict for ``if key not in cache: cache[key] = build()`` in several threads at once.

    Who finds a key missing is to build it, and others who ask for it wait until that was done or
    given up (`leave`). Who builds something waits for nobody, so that no two wait for each other:
    it may happen then that something is built twice.

    Examples
    --------
    >>> cache = BuiltOnce()
    >>> if "a" not in cache:
    ...     cache["a"] = 1
    >>> cache.get("a")
    1
    """

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()
        self._builders: dict[Any, int] = {}

    def __contains__(self, key: object) -> bool:
        if super().__contains__(key):
            return True
        me = threading.get_ident()
        with self._changed:
            while self._builders.get(key, me) != me and me not in self._builders.values():
                self._changed.wait()
            if super().__contains__(key):
                return True
            self._builders.setdefault(key, me)
            return False

    def get(self, key: Any, default: Any = None) -> Any:
        """Return what is there, `default` where the caller is to build it."""
        if key not in self:  # which may wait
            return default
        return self[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        with self._changed:
            super().__setitem__(key, value)
            if self._builders.pop(key, None) is not None:
                self._changed.notify_all()

    def leave(self) -> None:
        """Give up what the calling thread was to build and did not, for its task has ended."""
        me = threading.get_ident()
        with self._changed:
            for key in [key for key, builder in self._builders.items() if builder == me]:
                del self._builders[key]
            self._changed.notify_all()
