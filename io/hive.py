"""Hive partitions: what ``key=value`` folders say about the rows in them, read and written.

Keys and values are URL-quoted in a path, so that neither can be a path of its own: whatever a
value holds, it stays one folder name below the base directory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import quote, unquote

import pyarrow as pa

from ..engine.errors import SchemaError, SinkError

NULL = "__HIVE_DEFAULT_PARTITION__"
"""The folder value that stands for null."""

Partition = tuple[tuple[str, str | None], ...]
"""Key and value, still text, of the folders above a file, outermost first."""

_LONGEST_NAME = 255
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_folders(folders: Iterable[str]) -> Partition:
    """Return the keys and values among folder names; the innermost of equal keys counts.

    >>> parse_folders(["year=2023", "archive", "place=a%2Fb", "x=__HIVE_DEFAULT_PARTITION__"])
    (('year', '2023'), ('place', 'a/b'), ('x', None))
    """
    found: dict[str, str | None] = {}
    for folder in folders:
        key, equals, value = folder.partition("=")
        if key and equals:
            # Compared before decoding: the text itself, as a value, is written quoted.
            found[unquote(key)] = None if value == NULL else unquote(value)
    return tuple(found.items())


def partition_schema(partitions: Sequence[Partition]) -> pa.Schema:
    """Return the columns that partitions make, with the narrowest type all values of a key have.

    Integers give ``int64``, ISO dates ``date32``, everything else ``string``.

    >>> partition_schema([(("year", "2023"),), (("year", None), ("day", "2023-01-31"))])
    year: int64
    day: date32[day]
    """
    values: dict[str, set[str]] = {}
    for partition in partitions:
        for key, value in partition:
            known = values.setdefault(key, set())
            if value is not None:
                known.add(value)
    return pa.schema([pa.field(key, _type_of(found)) for key, found in values.items()])


def _type_of(values: set[str]) -> pa.DataType:
    if not values:
        return pa.string()
    if all(_is_integer(value) for value in values):
        return pa.int64()
    if all(_is_date(value) for value in values):
        return pa.date32()
    return pa.string()


def _is_integer(text: str) -> bool:
    return bool(_INTEGER.fullmatch(text)) and -(2**63) <= int(text) < 2**63


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def partition_value(text: str | None, dtype: pa.DataType, where: str) -> pa.Scalar:
    """Return the value of a folder as a scalar of its column's type.

    Raises
    ------
    SchemaError
        If the text is no value of `dtype`; the message names `where`.
    """
    if text is None:
        return pa.scalar(None, dtype)
    try:
        return pa.scalar(text).cast(dtype)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise SchemaError(
            f"The folder value {text!r} of {where} is not a {dtype}. Give the column another type"
            " with schema=, or pass hive_partitioning=False."
        ) from None


def check_partition_columns(schema: pa.Schema, keys: Sequence[str], where: str) -> None:
    """Raise a `SinkError` when rows of `schema` cannot be put into folders of `keys`."""
    if len(set(keys)) < len(keys):
        raise SinkError(f"{where}: partition_by names a column twice: {list(keys)}.")
    for key in keys:
        dtype = schema.field(key).type
        value_type = dtype.value_type if pa.types.is_dictionary(dtype) else dtype
        if not key:
            raise SinkError(f"{where}: a column without a name cannot be partitioned by.")
        if pa.types.is_nested(value_type) or _is_binary(value_type):
            raise SinkError(
                f"{where}: column {key!r} is {dtype}, which has no text for a folder name."
                " Partition by text, numbers, dates or booleans."
            )
    if keys and len(keys) == len(schema):
        raise SinkError(
            f"{where}: partition_by takes all columns and leaves none for the files."
            " Leave one of them out."
        )


def _is_binary(dtype: pa.DataType) -> bool:
    return (
        pa.types.is_binary(dtype)
        or pa.types.is_large_binary(dtype)
        or pa.types.is_fixed_size_binary(dtype)
        or pa.types.is_binary_view(dtype)
    )


def folder_of(values: Mapping[str, Any], where: str) -> str:
    """Return the relative folder of a row: one safe ``key=value`` name per column.

    Parameters
    ----------
    values
        Column name to its value as text, or None for null.

    Raises
    ------
    SinkError
        If a name is longer than file systems allow.

    >>> folder_of({"place": "../../etc", "x": None}, "out")
    'place=..%2F..%2Fetc/x=__HIVE_DEFAULT_PARTITION__'
    """
    parts = []
    for key, value in values.items():
        text = NULL if value is None else _quoted(value)
        # A leading dot or underscore would hide the folder from readers.
        name = quote(key, safe="")
        if name[0] in "._":
            name = f"%{ord(name[0]):02X}{name[1:]}"
        part = f"{name}={text}"
        if len(part) > _LONGEST_NAME:
            raise SinkError(
                f"{where}: the folder name for {key}={value[:40]!r}... has {len(part)} bytes, at"
                f" most {_LONGEST_NAME} are possible. Partition by a shorter column."
            )
        parts.append(part)
    return "/".join(parts)


def _quoted(value: str) -> str:
    quoted = quote(value, safe="")
    return quoted.replace("_", "%5F", 1) if quoted == NULL else quoted
