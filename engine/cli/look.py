"""`partita schema` and `partita head`: a first look at a dataset, whatever its format."""

from __future__ import annotations

from ...io.formats import source_for
from ...io.listing import resolve
from ..api import DataFrame
from ..observe.amounts import bytes_text
from ..observe.grid import text_grid
from ..plan.description import clean
from ..plan.nodes import Scan


def print_schema(path: str) -> int:
    """Print the columns of a dataset, their types, and how large it is; return the exit code."""
    source = source_for(path)
    fields = [[clean(field.name), clean(str(field.type))] for field in source.schema]
    print(text_grid([["column", "type"]], fields, [False, False]))
    listing = resolve(path)
    rows = source.statistics().rows
    sizes = [
        "" if rows is None else _counted(rows, "row"),
        _counted(len(fields), "column"),
        _counted(len(listing.files), "file"),
        bytes_text(sum(file.size for file in listing.files)),
    ]
    print(", ".join(size for size in sizes if size))
    return 0


def print_head(path: str, rows: int) -> int:
    """Print the first rows of a dataset; return the exit code."""
    DataFrame._from_plan(Scan(source=source_for(path))).show(rows)
    return 0


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
