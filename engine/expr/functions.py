"""FUNCTIONS: every function over columns, by name.

To add one is to add an entry to the file it belongs to; it gets its method, its documentation, its
type and its tests from there.
"""

from __future__ import annotations

from .arithmetic import ARITHMETIC
from .boolean import BOOLEAN_LOGIC
from .comparison import COMPARISON
from .function import Function
from .maths import MATHS
from .nulls import NULLS
from .patterns import PATTERNS
from .strings import STRINGS
from .temporal import TEMPORAL

FUNCTIONS: dict[str, Function] = {
    entry.name: entry
    for table in (ARITHMETIC, COMPARISON, BOOLEAN_LOGIC, NULLS, MATHS, STRINGS, PATTERNS, TEMPORAL)
    for entry in table
}
"""Name -> function."""
