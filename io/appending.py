"""What is appended has to fit what is there: the same folders, the same columns.

Else the rows would be read back as nulls under other names, and nobody would have been told.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pyarrow as pa

from ..engine.errors import SchemaError, SinkError, listed
from ..engine.schema import unify


def check_fits(
    target: str,
    partition_by: tuple[str, ...],
    schema: pa.Schema,
    suffixes: tuple[str, ...],
    schema_of: Callable[[str], pa.Schema | None],
) -> None:
    """Raise when files of `schema` in folders of `partition_by` do not go with those in `target`.

    Raises
    ------
    SinkError
        If the files there lie in other folders.
    SchemaError
        If a file there has other columns, or types without a common one.
    """
    first = _first_file(target, suffixes)
    if first is None:
        return
    folders = os.path.relpath(os.path.dirname(first), target).split(os.sep)
    keys = tuple(folder.partition("=")[0] for folder in folders if "=" in folder)
    if keys != partition_by:
        there, here = (listed(names) or "no column" for names in (keys, partition_by))
        raise SinkError(
            f"The rows in {target!r} lie in folders by {there}, and those to be appended by"
            f" {here}. Pass partition_by={list(keys)!r}, or write to another directory."
        )
    stored = schema_of(first)
    if stored is None:
        return
    if set(stored.names) != set(schema.names):
        raise SchemaError(
            f"{first!r} has the columns {listed(stored.names)}, and the rows to be appended have"
            f" {listed(schema.names)}. Select and rename them to the same, or write to another"
            " directory."
        )
    unify([(first, stored), ("the rows to be appended", schema)])


def _first_file(target: str, suffixes: tuple[str, ...]) -> str | None:
    """Return a file of the dataset, None where there is none yet."""
    for folder, folders, names in os.walk(target):
        folders[:] = sorted(name for name in folders if not name.startswith(("_", ".")))
        for name in sorted(names):
            if not name.startswith(("_", ".")) and name.lower().endswith(suffixes):
                return os.path.join(folder, name)
    return None
