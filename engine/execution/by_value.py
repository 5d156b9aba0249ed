"""Pickle stages so that a user's functions travel by value, wherever they were defined.

cloudpickle takes functions of ``__main__`` by value, and all others by the name of their module,
which a worker may not find (a test, a notebook's neighbour file) or may find in another state (a
module that was edited and reloaded). What is installed is known to workers; what is not, is sent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import pickle
import sys
import sysconfig
from collections.abc import Iterator
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
    with _sent_by_value(stage):
        try:
            return cloudpickle.dumps(bare)
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


@contextlib.contextmanager
def _sent_by_value(stage: Stage) -> Iterator[None]:
    """Have cloudpickle send the modules that the stage's functions come from."""
    packages = {
        module.partition(".")[0]
        for branch in stage.branches
        for operator in branch.operators
        for function in _functions(operator)
        for part in _parts(function)
        if (module := getattr(part, "__module__", None))
    }
    registered = []
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in packages and _is_local(module):
            with contextlib.suppress(ValueError):  # a module that is known under another name
                cloudpickle.register_pickle_by_value(module)
                registered.append(module)
    try:
        yield
    finally:
        for module in registered:
            cloudpickle.unregister_pickle_by_value(module)


def _functions(holder: Any) -> Iterator[Any]:
    """Yield the callables that an operator or an expression holds, at whatever depth."""
    if callable(holder):
        yield holder
    if isinstance(holder, tuple | list | dict):
        for each in holder.values() if isinstance(holder, dict) else holder:
            yield from _functions(each)
    elif dataclasses.is_dataclass(holder) and not isinstance(holder, type):
        for field in dataclasses.fields(holder):
            yield from _functions(getattr(holder, field.name))


def _parts(function: Any) -> Iterator[Any]:
    """Yield what a function is made of: a method its object, a partial one what it calls."""
    if function is None:
        return
    yield function
    yield type(function)
    if isinstance(function, functools.partial):
        yield from _parts(function.func)
        for value in (*function.args, *function.keywords.values()):
            yield from _parts(value) if callable(value) else (type(value),)
    yield type(getattr(function, "__self__", None))
    yield from _parts(getattr(function, "__wrapped__", None))


def _is_local(module: ModuleType) -> bool:
    """Return whether a module is a file of the user's, not one that is installed."""
    file = getattr(module, "__file__", None)
    own = module.__name__.partition(".")[0] == _OWN
    if file is None or module.__name__ == "__main__" or own:
        return False
    path = Path(file).resolve()
    return not any(path.is_relative_to(place) for place in _INSTALLED)
