"""Pickle stages so that a user's functions travel by value, wherever they were defined.

cloudpickle takes functions of ``__main__`` by value, and all others by the name of their module,
which a worker may not find (a test, a notebook's neighbour file) or may find in another state (a
module that was edited and reloaded). What is installed is known to workers; what is not, is sent.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import pickle
import sys
import sysconfig
import threading
from dataclasses import replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import cloudpickle

from ..errors import InvalidExpression
from ..physical.stage import Stage

_OWN = __name__.partition(".")[0]
_INSTALLED = tuple(
    Path(sysconfig.get_path(kind)).resolve()
    for kind in ("stdlib", "platstdlib", "purelib", "platlib")
)

_PACKAGES = {"site-packages", "dist-packages"}
"""Names of folders with what is installed, in this environment or in one that it adds to."""


def pickled_stage(stage: Stage) -> bytes:
    """Return a stage without its inputs, which travel with the tasks.

    Raises
    ------
    InvalidExpression
        If a function of the user holds on to something that cannot be sent.
    """
    branches = tuple(
        [
            replace(
                branch,
                inputs=(),
                # Of a side that is made where it is read, what it is made of goes along.
                sides=tuple([replace(side, partitions=()) for side in branch.sides]),
            )
            for branch in stage.branches
        ]
    )
    bare = replace(stage, branches=branches)
    by_name = _pickled_by_name(bare)
    if by_name is not None:
        return by_name
    try:
        return _pickled_by_value(bare)
    except Exception as error:  # what the object's own reduction raises
        raise InvalidExpression(
            f"A function of stage {stage.label!r} cannot be sent to worker processes: {error}."
            " It must not hold on to open files, locks, connections or generators; make these"
            ' inside the function, or set executor="serial".'
        ) from error


_KNOWN = frozenset(
    {*(_OWN, "pyarrow", "numpy", "builtins", "datetime", "decimal", "functools", "_operator")}
)
"""Packages whose functions and classes workers have as they are here."""


class _ForeignError(Exception):
    """A stage holds a function or a class of none of these packages."""


class _NamePickler(pickle.Pickler):
    """Pickles functions and classes by name, and only those that are known to be the same there."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, type | FunctionType):
            package = (value.__module__ or "").partition(".")[0]
            if package not in _KNOWN or "<" in value.__qualname__:
                raise _ForeignError
        return NotImplemented


def _pickled_by_name(stage: Stage) -> bytes | None:
    """Return a stage without functions of the user, None for one that may have some.

    That is most of them, and it takes a sixth of the time of looking for modules to send.
    """
    written = io.BytesIO()
    try:
        _NamePickler(written, pickle.HIGHEST_PROTOCOL).dump(stage)
    except Exception:  # whatever it is, the careful way tells what is wrong
        return None
    return written.getvalue()


class _ValuePickler(cloudpickle.Pickler):
    """Pickles by value what comes from a file of the user's, at whatever depth it is met."""

    def __init__(self, written: io.BytesIO, sent: set[str], modules: bool) -> None:
        super().__init__(written)
        self._sent = sent
        self._kinds = (type, FunctionType, ModuleType) if modules else (type, FunctionType)

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, self._kinds):
            module: Any = value
            if not isinstance(value, ModuleType):
                module = sys.modules.get(value.__module__ or "")
            if module is not None and module.__name__ not in self._sent and _is_local(module):
                with contextlib.suppress(ValueError):  # a module that is known under another name
                    cloudpickle.register_pickle_by_value(module)
                    self._sent.add(module.__name__)
        return super().reducer_override(value)


def _pickled_by_value(stage: Stage) -> bytes:
    """Return a stage with all functions and classes of the user's that its functions use.

    So go whole modules that they name, but where these hold what cannot be sent: such a module is
    imported where the function runs.
    """
    try:
        return _dumped(stage, modules=True)
    except Exception:  # of whatever is in such a module; what is wrong without them is told
        return _dumped(stage, modules=False)


def _dumped(stage: Stage, *, modules: bool) -> bytes:
    written = io.BytesIO()
    sent: set[str] = set()
    with _registering:
        try:
            _ValuePickler(written, sent, modules).dump(stage)
        finally:
            for name in sent:
                cloudpickle.unregister_pickle_by_value(sys.modules[name])
    return written.getvalue()


_registering = threading.RLock()
"""What cloudpickle sends by value is one list for all threads."""


def _new_lock() -> None:
    """In a forked child: another thread of the parent may have held it."""
    global _registering
    _registering = threading.RLock()


os.register_at_fork(after_in_child=_new_lock)


def _is_local(module: ModuleType) -> bool:
    """Return whether a module is a file of the user's, not one that is installed."""
    file = getattr(module, "__file__", None)
    own = module.__name__.partition(".")[0] == _OWN
    if file is None or module.__name__ == "__main__" or own:
        return False
    return not _is_installed(file)


@functools.cache
def _is_installed(file: str) -> bool:
    path = Path(file).resolve()
    if not _PACKAGES.isdisjoint(path.parts):
        return True
    return any(path.is_relative_to(place) for place in _INSTALLED)
