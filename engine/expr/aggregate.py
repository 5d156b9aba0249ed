"""What an entry of ``AGGREGATES`` is: what a function over a group of rows takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from .function import Example, Kind, Parameter


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """One function over a group of rows."""

    name: str
    accepts: Kind
    dtype: Callable[[pa.DataType], pa.DataType]
    """The type of the result, from the type of the input."""

    doc: str
    example: Example
    empty: object = None
    """What it gives for a group without a single non-null value."""

    parameters: tuple[Parameter, ...] = ()
    """The settings, and with ``expr`` the further columns that it takes, in their order."""

    others: tuple[Kind, ...] = ()
    """What the further columns may be."""

    method: bool = True
    """Whether it is a method of an expression; else it is a function of the module alone."""

    sees_order: bool = False
    """Whether the order of the rows decides what it gives."""

    sortable: bool = False
    """Whether it takes an order of its own: ``col("v").sort_by("t").first()``."""

    holistic: bool = False
    """Whether its state holds all values of a group, or all different ones."""

    advice: str = ""
    """What to do with values of a type that it does not take."""

    check: Callable[[Mapping[str, Any]], None] | None = None
    """Raises for settings that no call may have."""
