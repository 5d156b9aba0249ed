"""Arguments for every compiled kernel: what the loop and its stand-in are compared on.

A case is a function of a random generator that yields lists of arguments; arrays that the kernel
writes are compared afterwards, byte for byte, and so is what it returns. Each module here has a
table `CASES` for the kernels of some modules of loops.
"""

from __future__ import annotations

import importlib
import pkgutil

from .case import Cases

CASES: dict[str, Cases] = {}
for _module in pkgutil.iter_modules(__path__):
    CASES |= getattr(importlib.import_module(f"{__name__}.{_module.name}"), "CASES", {})
