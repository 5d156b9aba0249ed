"""What an entry of ``WINDOWS`` is: what it takes and gives, and how far around a row it looks.

How it is computed is the business of ``physical/kernels``, under the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa

from ..errors import TypeMismatch
from .function import Example, Kind, Parameter

Options: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Which other rows a value depends on, in the order of its group.

    It decides what a task has to know of the rows that other tasks hold.
    """

    before: int = 0
    """So many rows before it are enough."""

    after: int = 0

    carries: str = ""
    """``before`` or ``after``: one value, made of all rows on that side, stands for them."""

    counts: str = ""
    """``before`` or ``after``: a number, made of all rows on that side, is simply added."""

    everything: bool = False
    """Whether nothing less than all rows will do: a frame without keys is gathered."""


@dataclass(frozen=True, kw_only=True)
class WindowFunction:
    """One function of a row and others around it."""

    name: str
    accepts: Kind
    dtype: Callable[[Sequence[pa.DataType], Options], pa.DataType]
    """The type of the result, from the types of the arguments and the settings."""

    reach: Callable[[Options], Reach]
    doc: str
    example: Example
    parameters: tuple[Parameter, ...] = ()
    also: tuple[str, ...] = ()
    """Other names of the method, mostly what pandas users call it."""

    by_value: bool = False
    """Whether it is about rows of the same value: its argument is one more key."""

    sorts: bool = False
    """Whether a frame without keys is sorted by the argument, in place of being gathered."""

    ordered: bool = True
    """Whether the order of the rows can be seen in what it gives."""

    check: Callable[[Options], None] = lambda options: None
    """Raises for settings that do not go together."""

    def check_type(self, dtype: pa.DataType) -> None:
        """Raise a `TypeMismatch` if its argument may not be a `dtype`."""
        if not (pa.types.is_null(dtype) or self.accepts.contains(dtype)):
            raise TypeMismatch(f"{self.name} wants {self.accepts.name}, but this is {dtype}.")


def known(dtype: pa.DataType, accepts: Kind) -> pa.DataType:
    """Return `dtype`, or what a column of nothing but nulls is taken for."""
    return accepts.stand_in if pa.types.is_null(dtype) else dtype
