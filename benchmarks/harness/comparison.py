"""Whether two engines gave the same rows, whatever Arrow types each of them chose.

Names, row counts, nulls, strings, dates, integers and decimals have to be equal; where a side has
doubles, the values may differ by a relative `TOLERANCE`, since engines add in different orders.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

TOLERANCE = 1e-9
SHOWN = 5
"""How many differing rows a message shows."""


def difference(
    left: pa.Table, right: pa.Table, *, order_by: Sequence[str] = (), tolerance: float = TOLERANCE
) -> str | None:
    """Return None for the same rows, else what differs and the first rows that do.

    Parameters
    ----------
    left, right
        Two answers to one query.
    order_by
        Columns whose order the query prescribes: they are compared in the order given, before
        the rows are compared as a set. Rows that tie in them may come in any order.
    tolerance
        Relative tolerance of doubles.

    Examples
    --------
    >>> import pyarrow as pa
    >>> seven, eight = pa.table({"n": [7]}), pa.table({"n": [8]})
    >>> difference(seven, pa.table({"n": pa.array([7], pa.uint32())}))
    >>> print(difference(seven, eight))
    1 of 1 rows differ in n; the first:
      {'n': 7}
      {'n': 8}
    """
    if left.column_names != right.column_names:
        return f"columns {left.column_names} against {right.column_names}"
    if left.num_rows != right.num_rows:
        return (
            f"{left.num_rows} rows against {right.num_rows}; the first of each:\n"
            f"{_shown(left.slice(0, SHOWN))}\nagainst\n{_shown(right.slice(0, SHOWN))}"
        )
    left, right = _with_common_types(left, right)
    keys = list(order_by)
    found = _unequal(left.select(keys), right.select(keys), tolerance) if keys else None
    if found is not None:
        return f"in the prescribed order, {found}"
    return _unequal(_sorted(left), _sorted(right), tolerance)


def digest(rows: pa.Table) -> str:
    """Return a fingerprint of the rows, their order and every bit; runs of one engine share it."""
    plain = pa.table([_plain(column) for column in rows.columns], names=rows.column_names)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, plain.schema) as writer:
        writer.write_table(plain.combine_chunks())
    return hashlib.sha256(memoryview(sink.getvalue())).hexdigest()[:16]


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column in the widest type of its kind: what engines differ in goes."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        return column.cast(pa.string())
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us"))
    if pa.types.is_floating(kind):
        return column.cast(pa.float64())
    if pa.types.is_decimal(kind):
        return column.cast(pa.decimal256(76, kind.scale))
    return column.cast(pa.int64()) if pa.types.is_integer(kind) else column


def _with_common_types(left: pa.Table, right: pa.Table) -> tuple[pa.Table, pa.Table]:
    pairs = [
        _common(_plain(a), _plain(b)) for a, b in zip(left.columns, right.columns, strict=True)
    ]
    of_left, of_right = zip(*pairs, strict=True)
    names = left.column_names
    return pa.table(list(of_left), names=names), pa.table(list(of_right), names=names)


def _common(left: pa.ChunkedArray, right: pa.ChunkedArray) -> tuple[pa.ChunkedArray, ...]:
    """Return both columns in one type: a double if one is, else the larger scale."""
    if left.type == right.type:
        return left, right
    if pa.types.is_floating(left.type) or pa.types.is_floating(right.type):
        return left.cast(pa.float64()), right.cast(pa.float64())
    kinds = (left.type, right.type)
    if pa.types.is_decimal(left.type) or pa.types.is_decimal(right.type):
        scale = max(kind.scale for kind in kinds if pa.types.is_decimal(kind))
        wide = pa.decimal256(76, scale)
        return left.cast(wide), right.cast(wide)
    if pa.types.is_timestamp(left.type) or pa.types.is_timestamp(right.type):
        return left.cast(pa.timestamp("us")), right.cast(pa.timestamp("us"))
    return left, right.cast(left.type)


def _sorted(rows: pa.Table) -> pa.Table:
    """Return the rows sorted by all columns, doubles last: their last bits decide nothing else."""
    inexact = [f.name for f in rows.schema if pa.types.is_floating(f.type)]
    exact = [f.name for f in rows.schema if not pa.types.is_floating(f.type)]
    return rows.sort_by([(name, "ascending") for name in exact + inexact])


def _unequal(left: pa.Table, right: pa.Table, tolerance: float) -> str | None:
    """Compare row by row; return None, or the columns and the first rows that differ."""
    same = {
        name: _same(left[name].combine_chunks(), right[name].combine_chunks(), tolerance)
        for name in left.column_names
    }
    columns = [name for name, mask in same.items() if not pc.all(mask, min_count=0).as_py()]
    if not columns:
        return None
    wrong = pc.invert(same[columns[0]])
    for name in columns[1:]:
        wrong = pc.or_(wrong, pc.invert(same[name]))
    at = pc.indices_nonzero(wrong)
    shown = [
        f"{_shown(left.slice(row, 1))}\n{_shown(right.slice(row, 1))}"
        for row in at.to_pylist()[:SHOWN]
    ]
    return (
        f"{len(at)} of {left.num_rows} rows differ in {', '.join(columns)}; the first:\n"
        + "\n".join(shown)
    )


def _same(left: pa.Array, right: pa.Array, tolerance: float) -> pa.Array:
    """Return where two columns of one type are equal; nulls are, and so are NaNs."""
    equal = pc.equal(left, right)
    if pa.types.is_floating(left.type):
        size = pc.max_element_wise(pc.abs(left), pc.abs(right))
        near = pc.less_equal(pc.abs(pc.subtract(left, right)), pc.multiply(size, tolerance))
        both_nan = pc.and_(pc.is_nan(left), pc.is_nan(right))
        equal = pc.or_(pc.or_(equal, near), both_nan)
    both_null = pc.and_(left.is_null(), right.is_null())
    return pc.or_(both_null, pc.fill_null(equal, False))


def _shown(rows: pa.Table) -> str:
    return "\n".join(f"  {row}" for row in rows.to_pylist())
