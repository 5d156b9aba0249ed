"""The functions under ``.cat``: those of text, which are computed once for each category anyway.

A category is a text and nothing else: categories are compared and sorted by their text, and columns
with different categories go together.
"""

from __future__ import annotations

from dataclasses import replace

from .function import Function
from .patterns import PATTERNS
from .strings import STRINGS

_SHARED = ("len_chars", "len_bytes", "starts_with", "ends_with", "slice")


def _of_categories(entry: Function) -> Function:
    name = entry.name.replace("str.", "cat.")
    code = entry.example.code.replace(".str.", ".cat.")
    return replace(entry, name=name, also=(), example=replace(entry.example, code=code))


CATEGORIES = tuple(
    _of_categories(entry)
    for entry in (*STRINGS, *PATTERNS)
    if entry.name.removeprefix("str.") in _SHARED
)
"""The functions of categories."""
