"""Whether two tables hold the same rows: to the bit, in order, in any order, to the last bits."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa

RELATIVE = 1e-9
"""How far floats may be apart that were added up in another order."""


def same_bits(found: pa.Table, expected: pa.Table) -> bool:
    """Return whether two tables are the same to the bit, the order of their rows included."""
    return found.schema.equals(expected.schema) and all(
        _bits(mine).equals(_bits(other))
        for mine, other in zip(found.columns, expected.columns, strict=True)
    )


def _bits(column: pa.ChunkedArray) -> pa.Array:
    """Return a column in which NaN is equal to itself, and -0.0 is not equal to 0.0."""
    array = pa.concat_arrays(plain(column).chunks) if column.num_chunks else pa.nulls(0)
    if pa.types.is_floating(array.type):
        return array.view(pa.int64() if array.type.bit_width == 64 else pa.int32())
    return array


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with its dictionary, if it has one, expanded."""
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    return column


def difference(
    found: pa.Table,
    expected: pa.Table,
    *,
    ordered: bool,
    rough: Collection[str] = (),
    signed_zeros: bool = True,
) -> str | None:
    """Return in what the rows of two tables differ, None where they do not.

    Parameters
    ----------
    found, expected
        Tables of the same columns.
    ordered
        Whether the order of the rows matters.
    rough
        Columns whose last bits do not matter.
    signed_zeros
        Whether -0.0 differs from 0.0.
    """
    if found.schema.names != expected.schema.names:
        return f"columns {found.schema.names} for {expected.schema.names}"
    if found.num_rows != expected.num_rows:
        return f"{found.num_rows} rows for {expected.num_rows}\n{_shown(found, expected)}"
    at = [place for place, name in enumerate(found.schema.names) if name in rough]
    mine, others = _rows(found, signed_zeros), _rows(expected, signed_zeros)
    if not ordered:
        mine.sort(key=lambda row: _sort_key(row, at))
        others.sort(key=lambda row: _sort_key(row, at))
    for number, (row, other) in enumerate(zip(mine, others, strict=True)):
        if not _same(row, other, at):
            return f"row {number}: {row} for {other}\n{_shown(found, expected)}"
    return None


def _shown(found: pa.Table, expected: pa.Table) -> str:
    def text(table: pa.Table) -> str:
        return "\n".join(map(str, _rows(table.slice(0, 40), True)))

    return f"found:\n{text(found)}\nexpected:\n{text(expected)}"


def _rows(table: pa.Table, signed_zeros: bool) -> list[tuple[Any, ...]]:
    columns = [
        [_comparable(value, signed_zeros) for value in column.to_pylist()]
        for column in table.columns
    ]
    return list(zip(*columns, strict=True)) if columns else [()] * table.num_rows


def _comparable(value: Any, signed_zeros: bool) -> Any:
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if value == 0.0:
            return "-0.0" if signed_zeros and math.copysign(1.0, value) < 0 else 0.0
    return value


def _sort_key(row: Sequence[Any], rough: Sequence[int]) -> tuple[str, list[str]]:
    exact = repr([value for place, value in enumerate(row) if place not in rough])
    return exact, [_rounded(row[place]) for place in rough]


def _rounded(value: Any) -> str:
    return f"{value:.6e}" if isinstance(value, float) else repr(value)


def _same(row: Sequence[Any], other: Sequence[Any], rough: Sequence[int]) -> bool:
    if row == other:
        return True
    return all(
        value == wanted or (place in rough and _near(value, wanted))
        for place, (value, wanted) in enumerate(zip(row, other, strict=True))
    )


def _near(value: Any, wanted: Any) -> bool:
    return (
        isinstance(value, float)
        and isinstance(wanted, float)
        and math.isclose(value, wanted, rel_tol=RELATIVE, abs_tol=1e-6)
    )
