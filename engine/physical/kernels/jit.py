"""Compiled loops: declared without numba, compiled once, loaded before workers fork.

A kernel is a plain Python loop over flat arrays with its signatures beside it, and the function of
numpy or Arrow that does the same where it is not compiled: `import partita` imports no numba, a
small query in the driver does not wait for it, and an installation without numba still works. Both
give the same bits, which is what the kernels' tests compare.

Loading from numba's cache costs about 0.1 s for the first kernel and 2 ms for each further one, so
the process that forks workers loads all of them. Compiling takes 60 to 200 ms a kernel: where the
cache does not hold them yet, a process beside the query compiles them, and workers load them with
the first query after that.

Modules of this package whose names end in ``loops`` declare kernels.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import os
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np

from .cache_place import private_directory

P = ParamSpec("P")
R = TypeVar("R")

COMPILER = "libllvmlite.so"
"""The file of the compiler's library, of which compiled kernels need nothing."""

_loaded = False
KERNELS: dict[str, Kernel[..., Any]] = {}
"""Every declared kernel by its name; tests walk it."""


class Kernel(Generic[P, R]):
    """A compiled loop, or what stands for it until it is loaded."""

    def __init__(
        self, loop: Callable[P, R], signatures: tuple[str, ...], instead: Callable[P, R]
    ) -> None:
        self.__doc__ = loop.__doc__
        self.__name__ = loop.__name__
        self.loop = loop
        self.signatures = signatures
        self.instead = instead
        self._run = instead

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._run(*args, **kwargs)

    @property
    def is_compiled(self) -> bool:
        """Whether calls run machine code."""
        return self._run is not self.instead

    def use(self, compiled: Callable[P, R] | None) -> None:
        """Run `compiled` from now on; with None, what stands for it."""
        self._run = self.instead if compiled is None else compiled


def kernel(*signatures: str, instead: Callable[P, R]) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Declare a compiled loop.

    Parameters
    ----------
    *signatures
        The types of the arguments, one text for each combination: ``"in i4, in f8, out f8, i8"``.
        ``in`` is a contiguous array that is only read (what Arrow gives is read-only), ``out`` one
        that is written, a bare type is a number: ``b1``, ``i1``, ``i2``, ``i4``, ``i8``, ``u1``,
        ``u2``, ``u4``, ``u8``, ``f4``, ``f8``. Nothing else is ever compiled: other types are a
        `TypeError`.
    instead
        What runs where the loop is not compiled, with the same arguments, results and bits.
    """

    def declare(loop: Callable[P, R]) -> Kernel[P, R]:
        declared = Kernel(loop, signatures, instead)
        KERNELS[loop.__name__] = declared
        return declared

    return declare


def ready() -> bool:
    """Return whether the kernels are compiled in this process."""
    return _loaded


def load() -> bool:
    """Compile the kernels, or load them from the cache; return whether they are usable.

    False where numba is not installed, is told not to compile (``NUMBA_DISABLE_JIT``) or has no
    directory to cache in: what stands for the kernels is used.
    """
    global _loaded
    if _loaded:
        return True
    try:
        compiled = {name: _compiled(declared) for name, declared in _declared().items()}
    except (ImportError, _NotCompiled):
        return False
    stamp = _stamp()
    if not stamp.exists():
        stamp.touch()
    for name, dispatcher in compiled.items():
        KERNELS[name].use(dispatcher)
    _loaded = True
    return True


def load_if_cached() -> bool:
    """Load the kernels if that needs no compiling; return whether they are usable."""
    if _loaded:
        return True
    try:
        return _stamp().exists() and load()
    except (ImportError, _NotCompiled):
        return False


def unload() -> None:
    """Run what stands for the kernels from now on; for tests that compare the two."""
    global _loaded
    for declared in KERNELS.values():
        declared.use(None)
    _loaded = False


class _NotCompiled(Exception):
    """Numba is told not to compile, or finds no directory that it may write its cache to."""


def _declared() -> dict[str, Kernel[..., Any]]:
    for module in pkgutil.iter_modules(importlib.import_module(__package__).__path__):
        if module.name.endswith("loops"):
            importlib.import_module(f"{__package__}.{module.name}")
    return KERNELS


def _compiled(declared: Kernel[P, R]) -> Callable[P, R]:
    dispatcher = _dispatcher(declared)
    for signature in declared.signatures:
        dispatcher.compile(_types(signature))
    dispatcher.disable_compile()
    return dispatcher


def _dispatcher(declared: Kernel[..., Any]) -> Any:
    import numba  # heavy, and only where kernels are loaded

    if getattr(numba.config, "DISABLE_JIT", 0):
        # A user looks into functions of his own: numba's decorators give them back as they are.
        raise _NotCompiled("NUMBA_DISABLE_JIT is set")
    compiling = numba.njit(cache=True, nogil=True, error_model="numpy")
    try:
        return compiling(declared.loop)
    except RuntimeError:
        # "cannot cache function ...: no locator available for file ..."
        pass
    before = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    try:
        # For this one: where the user's own functions are kept is not ours to say.
        numba.config.CACHE_DIR = str(private_directory())  # type: ignore[attr-defined]
        return compiling(declared.loop)
    except (OSError, RuntimeError) as error:
        raise _NotCompiled(str(error)) from None
    finally:
        numba.config.CACHE_DIR = before  # type: ignore[attr-defined]


def _types(signature: str) -> tuple[Any, ...]:
    """Return numba's types for a signature."""
    from numba import types  # heavy, as above
    from numba.np.numpy_support import from_dtype

    made: list[Any] = []
    for text in signature.split(","):
        role, _, name = text.strip().rpartition(" ")
        scalar = types.boolean if name == "b1" else from_dtype(np.dtype(name))
        if role:
            made.append(types.Array(scalar, 1, "C", readonly=role == "in"))
        else:
            made.append(scalar)
    return tuple(made)


@functools.cache
def _stamp() -> Path:
    """Return the file that says: the cache holds all kernels as they are now."""
    import numba  # heavy, as above

    declared = _declared()
    first = _dispatcher(next(iter(declared.values())))
    told = hashlib.sha256()
    told.update(f"{numba.__version__} {os.uname().machine} {_processor()}".encode())
    for name in sorted(declared):
        told.update(inspect.getsource(declared[name].loop).encode())
        told.update(" | ".join(declared[name].signatures).encode())
    return Path(first.stats.cache_path) / f"partita-{told.hexdigest()[:16]}.compiled"


def _processor() -> str:
    """Return what the processor can do: code for another one is not taken from the cache."""
    with open("/proc/cpuinfo") as told:
        return next((line for line in told if line.startswith(("flags", "Features"))), "")
