"""A table of values for a terminal and for a notebook; long tables are cut in the middle."""

from __future__ import annotations

import html
import math
import shutil
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..observe.grid import html_grid, text_grid
from ..plan.description import clean, text_width

ROWS_SHOWN = 20
CELL_WIDTHS = (80, 32)
"""Most characters of a cell: the second where a table would not fit with the first."""


def cell_text(value: Any, most: int = CELL_WIDTHS[0]) -> str:
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
    text = clean(str(value))
    return text if len(text) <= most else text[: most - 1] + "…"


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
    for most in CELL_WIDTHS:
        columns = _columns(table, most_rows, most)
        fitting = _fitting(columns, width)
        if len(fitting) == len(columns):
            break
    lines = list(zip(*(column.cells for column in fitting), strict=True))
    grid = text_grid(lines[:2], lines[2:], [column.at_right for column in fitting])
    missing = len(columns) - len(fitting) + (len(fitting) < len(columns))
    return f"{grid}\n{shape}" + (f" ({missing} columns not shown)" if missing else "")


def table_html(table: pa.Table, most_rows: int = ROWS_SHOWN) -> str:
    """Return a table as HTML, escaped, that fits light and dark notebooks."""
    shape = f"<div>{html.escape(shape_text(table.num_rows, table.num_columns))}</div>"
    if table.num_columns == 0:
        return shape
    columns = _columns(table, most_rows, CELL_WIDTHS[0])
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


def _columns(table: pa.Table, most_rows: int, most: int) -> list[_Column]:
    return [
        _Column(
            cells=tuple(
                cell_text(value, most)
                for value in (field.name, str(field.type), *_values(column, most_rows))
            ),
            at_right=_is_number(field.type),
        )
        for field, column in zip(table.schema, table.columns, strict=True)
    ]


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
    if sum(column.width for column in columns) + 1 <= width or len(columns) <= 2:
        return columns
    ellipsis = _Column(cells=("…",) * len(columns[0].cells))
    room = width - 1 - ellipsis.width - columns[0].width - columns[-1].width
    first = last = 1
    while first + last < len(columns) - 1:
        # From both ends in turn, the beginning first.
        from_start = first <= last
        room -= columns[first if from_start else -last - 1].width
        if room < 0:
            break
        first, last = (first + 1, last) if from_start else (first, last + 1)
    return [*columns[:first], ellipsis, *columns[-last:]]
