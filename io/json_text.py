"""Columns as JSON text, computed over whole arrays."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ..engine.schema import decoded

_TEXT = pa.string()


def json_lines(table: pa.Table) -> list[pa.Array]:
    """Return an object for each row, with a line end, as arrays of text."""
    names = [json.dumps(name, ensure_ascii=False) for name in table.column_names]
    lines = []
    for batch in table.to_batches():
        texts = [json_text(column) for column in batch.columns]
        lines.append(_joined(names, texts, "}\n", batch.num_rows))
    return lines


def has_json(dtype: pa.DataType) -> bool:
    """Return whether values of a type have a form in JSON that is read back as such."""
    types = pa.types
    if types.is_dictionary(dtype):
        return has_json(dtype.value_type)
    if types.is_struct(dtype):
        return all(has_json(field.type) for field in dtype)
    if _is_list(dtype):
        return has_json(dtype.value_type)
    text = types.is_string(dtype) or types.is_large_string(dtype)
    number = types.is_integer(dtype) or types.is_floating(dtype) or types.is_decimal(dtype)
    moment = types.is_date(dtype) or types.is_time(dtype) or types.is_timestamp(dtype)
    return text or number or moment or types.is_boolean(dtype) or types.is_null(dtype)


def _is_list(dtype: pa.DataType) -> bool:
    types = pa.types
    return types.is_list(dtype) or types.is_large_list(dtype) or types.is_fixed_size_list(dtype)


def json_text(array: pa.Array) -> pa.Array:
    """Return the JSON of each value; NaN and infinities, which JSON has not, are null.

    >>> json_text(pa.array([[1.5, None], None])).to_pylist()
    ['[1.5,null]', 'null']
    """
    array = decoded(array)
    dtype = array.type
    if pa.types.is_null(dtype):
        return pa.repeat("null", len(array))
    if pa.types.is_struct(dtype):
        names = [json.dumps(field.name, ensure_ascii=False) for field in dtype]
        # Flattened, so that a null row and its children go together.
        text = _joined(names, [json_text(each) for each in array.flatten()], "}", len(array))
        return pc.if_else(pc.is_valid(array), text, "null")
    if _is_list(dtype):
        return _list_text(array)
    return pc.fill_null(_plain_text(array), "null")


def _joined(names: Sequence[str], texts: Sequence[pa.Array], end: str, rows: int) -> pa.Array:
    if not names:
        return pa.repeat("{" + end, rows)
    parts: list[pa.Array | str] = []
    for place, (name, text) in enumerate(zip(names, texts, strict=True)):
        parts += [f"{',' if place else '{'}{name}:", text]
    return pc.binary_join_element_wise(*parts, end, "")


def _list_text(array: pa.Array) -> pa.Array:
    variable = array.cast(pa.list_(array.type.value_type))
    items = pa.ListArray.from_arrays(variable.offsets, json_text(variable.values))
    text = pc.binary_join_element_wise("[", pc.binary_join(items, ","), "]", "")
    return pc.if_else(pc.is_valid(variable), text, "null")


def _plain_text(array: pa.Array) -> pa.Array:
    dtype = array.type
    if pa.types.is_floating(dtype):
        wide = array.cast(pa.float64()) if dtype == pa.float16() else array
        finite = pc.if_else(pc.is_finite(wide), wide, pa.scalar(None, wide.type))
        # Arrow writes 1.0 as "1", which would be read back as an integer.
        return pc.replace_substring_regex(finite.cast(_TEXT), r"^(-?\d+)$", r"\1.0")
    if pa.types.is_string(dtype) or pa.types.is_large_string(dtype):
        return _quoted(_escaped(array.cast(_TEXT)))
    if pa.types.is_temporal(dtype):
        # Points in time of any zone are written in UTC.
        zoned = pa.types.is_timestamp(dtype) and dtype.tz
        return _quoted(
            (array.cast(pa.timestamp(dtype.unit, "UTC")) if zoned else array).cast(_TEXT)
        )
    return array.cast(_TEXT)


def _quoted(text: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise('"', text, '"', "")


_CONTROL = [chr(code) for code in range(32)]


def _escaped(text: pa.Array) -> pa.Array:
    """Return text with quotes, backslashes and control characters escaped."""
    if not pc.any(pc.match_substring_regex(text, r'["\\\x00-\x1f]')).as_py():
        return text
    for char in ("\\", '"', *_CONTROL):
        if pc.any(pc.match_substring(text, char)).as_py():
            text = pc.replace_substring(text, char, json.dumps(char)[1:-1])
    return text
