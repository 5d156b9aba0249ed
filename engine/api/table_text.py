"""A table of values for a terminal and for a notebook; long tables are cut in the middle."""

from __future__ import annotations

import html
import math
import shutil
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..observe.grid import html_grid, text_grid
from ..observe.terminal import cut
from ..plan.description import clean, text_width

ROWS_SHOWN = 20
COLUMNS_IN_HTML = 100
"""Of more the first and the last are shown: ten thousand would be 3 MB of a notebook."""

LAYOUTS = ((80, True), (60, True), (44, True), (32, True), (26, False))
"""Most characters of a cell, and whether types are written whole; the first that fits is taken.
A time stamp with its zone has 25 characters."""
_SHORT_TYPE = 12
"""Characters of a type that are shown in any case."""


def cell_text(value: Any, most: int = LAYOUTS[0][0]) -> str:
    """Return one value as it is shown in a cell: on one line, and not too long.

    >>> cell_text(1.5), cell_text(None), cell_text("a long text", 7)
    ('1.5', 'null', 'a long…')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    return cut(clean(str(value)), most)


def _float_text(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    if value == 0 or 1e-4 <= abs(value) < 1e15:
        text = f"{value:.6f}".rstrip("0")
        return text + "0" if text.endswith(".") else text
    return f"{value:.6g}"


def shape_text(rows: int, columns: int) -> str:
    """Return the size of a table in words.

    >>> shape_text(1, 2), shape_text(1200, 1)
    ('1 row, 2 columns', '1,200 rows, 1 column')
    """
    row, column = "row" if rows == 1 else "rows", "column" if columns == 1 else "columns"
    return f"{rows:,} {row}, {columns:,} {column}"


def table_text(table: pa.Table, most_rows: int = ROWS_SHOWN, width: int | None = None) -> str:
    """Return a table with borders, names and types above the values.

    Parameters
    ----------
    table : pyarrow.Table
        The rows.
    most_rows : int
        Rows that are written out; of a longer table the first and the last.
    width : int, optional
        Characters that a line may have; by default those of the terminal. Columns in the middle
        that do not fit are left out and counted.

    Returns
    -------
    str
        Lines without a line break at the end.
    """
    shape = shape_text(table.num_rows, table.num_columns)
    if table.num_columns == 0:
        return shape
    width = width or shutil.get_terminal_size((100, 24)).columns
    for most, whole_types in LAYOUTS:
        columns = _columns(table, most_rows, most, whole_types)
        if _line_width(columns) <= width:
            break
    fitting = _fitting(columns, width)
    lines = list(zip(*(column.cells for column in fitting), strict=True))
    grid = text_grid(lines[:2], lines[2:], [column.at_right for column in fitting])
    if fitting is not columns:
        # One of those that are shown is the ellipsis.
        shape += f" ({len(columns) - len(fitting) + 1} columns not shown)"
    return f"{grid}\n{shape}"


def table_html(table: pa.Table, most_rows: int = ROWS_SHOWN) -> str:
    """Return a table as HTML, escaped, that fits light and dark notebooks."""
    words = shape_text(table.num_rows, table.num_columns)
    hidden = table.num_columns - COLUMNS_IN_HTML
    if hidden > 0:
        words += f" ({hidden:,} columns not shown)"
    shape = f"<div>{html.escape(words)}</div>"
    if table.num_columns == 0:
        return shape
    if hidden > 0:
        half = COLUMNS_IN_HTML // 2
        first, last = range(half), range(table.num_columns - half, table.num_columns)
        columns = _columns(table.select([*first, *last]), most_rows, LAYOUTS[0][0], False)
        columns.insert(half, _Column(cells=("…",) * len(columns[0].cells)))
    else:
        columns = _columns(table, most_rows, LAYOUTS[0][0], whole_types=False)
    lines = list(zip(*(column.cells for column in columns), strict=True))
    grid = html_grid(lines[:2], lines[2:], [column.at_right for column in columns])
    return f'<div style="overflow-x:auto">{grid}{shape}</div>'


@dataclass(frozen=True, kw_only=True)
class _Column:
    """One column as it is shown."""

    cells: tuple[str, ...]
    """Name, type, then values."""

    at_right: bool = False

    @property
    def width(self) -> int:
        """Characters it takes in a line, a border among them."""
        return 3 + max(text_width(cell) for cell in self.cells)


def _columns(table: pa.Table, most_rows: int, most: int, whole_types: bool) -> list[_Column]:
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        name = cell_text(field.name, most)
        values = [cell_text(value, most) for value in _values(column, most_rows)]
        dtype = cell_text(str(field.type), most)
        if not whole_types:
            dtype = cut(dtype, max(_SHORT_TYPE, *map(text_width, (name, *values))))
        cells = (name, dtype, *values)
        columns.append(_Column(cells=cells, at_right=_is_number(field.type)))
    return columns


def _line_width(columns: list[_Column]) -> int:
    return sum(column.width for column in columns) + 1


def _values(column: pa.ChunkedArray, most_rows: int) -> list[Any]:
    if len(column) <= most_rows:
        return column.to_pylist()
    tail = most_rows // 2
    first = column.slice(0, most_rows - tail).to_pylist()
    last = column.slice(len(column) - tail).to_pylist()
    return [*first, "…", *last]


def _is_number(dtype: pa.DataType) -> bool:
    return pa.types.is_integer(dtype) or pa.types.is_floating(dtype) or pa.types.is_decimal(dtype)


def _fitting(columns: list[_Column], width: int) -> list[_Column]:
    """Return the columns if they fit into `width`; else the first, an ellipsis, and the last."""
    if _line_width(columns) <= width or len(columns) <= 2:
        return columns
    ellipsis = _Column(cells=("…",) * len(columns[0].cells))
    room = width - 1 - ellipsis.width - columns[0].width - columns[-1].width
    first = last = 1
    while first + last < len(columns) - 1:
        widths = columns[first].width, columns[-last - 1].width
        # From both ends in turn, the beginning first; from the other where one is too wide.
        from_start = first <= last if max(widths) <= room else widths[0] <= widths[1]
        room -= widths[0] if from_start else widths[1]
        if room < 0:
            break
        first, last = (first + 1, last) if from_start else (first, last + 1)
    return [*columns[:first], ellipsis, *columns[-last:]]
