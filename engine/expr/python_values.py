"""Values of Python as Arrow arrays of a type, none of which says less than it did.

Arrow converts objects of Python one by one, and takes of each what the type holds: 1 of 1.5 for an
integer, the day of a time, the seconds of microseconds, of a dict the names that it knows. Arrays
of numpy and of Arrow are converted safely, but for numbers as booleans.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def exact_array(
    values: Any, dtype: pa.DataType, from_pandas: bool | None = None
) -> pa.Array | pa.ChunkedArray:
    """Return what a user gave as an array of a type: a list, or an array of any library.

    Parameters
    ----------
    values
        Anything that `pyarrow.array` takes.
    from_pandas
        Whether NaN is null; None takes it for null where pandas has the values.

    Raises
    ------
    ValueError, TypeError, OverflowError, pa.ArrowException
        If a value does not fit the type, or would lose something; the first such is told.

    Notes
    -----
    What Arrow does not check is looked at by the type that Arrow finds in the objects: 5 ns for an
    integer and 45 for a list of two, which take 17 and 54 to convert; nothing for text and doubles.

    Examples
    --------
    >>> exact_array([1.0, None], pa.int64()).to_pylist()
    [1, None]
    >>> exact_array([1, 1.5], pa.int64())
    Traceback (most recent call last):
    ValueError: the value 1.5 at place 1 would become 1
    """
    if isinstance(values, pa.Array | pa.ChunkedArray):
        _check_zone(dtype, values.type)
        return values if values.type == dtype else values.cast(dtype)
    if not hasattr(values, "__len__"):
        # What can be gone through once only.
        values = list(values)
    if from_pandas is None:
        from_pandas = type(values).__module__.split(".")[0] == "pandas"
    array = pa.array(values, type=dtype, from_pandas=from_pandas)
    kind = getattr(getattr(values, "dtype", None), "kind", "O")
    if hasattr(values, "__arrow_c_stream__") and not from_pandas:
        return array
    if kind != "O":
        _check_typed(kind, values, dtype)
        return array
    if not _may_lose(dtype):
        return array
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    if pa.types.is_temporal(dtype):
        if not _are_as_fine(values, dtype):
            _check_each(values, array)
        return array
    try:
        found = pa.infer_type(values, from_pandas=from_pandas)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        # They are of several kinds.
        found = None
    if found is None or not (_holds(dtype, found) or _are_whole(values, found, dtype)):
        _check_each(values, array)
    elif pa.types.is_floating(found):
        _check_finite(values, array)
    return array


def exact_table(columns: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    """Return columns that a user gave as a table; see `exact_array`.

    Raises
    ------
    KeyError
        If one is missing.
    pa.ArrowInvalid
        If what is in one does not fit its type, or they differ in length.
    """
    arrays = []
    for field in schema:
        try:
            arrays.append(exact_array(columns[field.name], field.type))
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise pa.ArrowInvalid(f"column {field.name!r} ({field.type}): {error}") from error
    return pa.Table.from_arrays(arrays, schema=schema)


def _check_typed(kind: str, values: Any, dtype: pa.DataType) -> None:
    """Check what Arrow does not of arrays that have a type."""
    if pa.types.is_boolean(dtype) and kind in "iuf":
        raise TypeError(f"numbers ({values.dtype}) are no booleans")
    if zone := getattr(values.dtype, "tz", None):
        _check_zone(dtype, pa.timestamp("ns", str(zone)))


def _check_zone(dtype: pa.DataType, found: pa.DataType) -> None:
    """Check that times with a time zone keep it; Arrow would give their hour in UTC."""
    zoned = pa.types.is_timestamp(found) and found.tz is not None
    if zoned and pa.types.is_timestamp(dtype) and dtype.tz is None:
        raise TypeError(f"times of the time zone {found.tz!r} would lose it")


def _may_lose(dtype: pa.DataType) -> bool:
    """Return whether Arrow makes less of some object than it was when it is made a `dtype`."""
    types = pa.types
    if types.is_dictionary(dtype):
        return _may_lose(dtype.value_type)
    exact = types.is_boolean(dtype) or types.is_float64(dtype) or types.is_decimal(dtype)
    text = types.is_string(dtype) or types.is_large_string(dtype)
    return not (exact or text or types.is_null(dtype))


def _holds(dtype: pa.DataType, found: pa.DataType) -> bool:
    """Return whether a `dtype` holds all that values are of which Arrow says they are `found`.

    What Arrow refuses by itself is left to it, such as integers out of range.
    """
    types = pa.types
    if types.is_null(found) or types.is_integer(found) or types.is_boolean(found):
        return True
    if types.is_dictionary(dtype):
        return _holds(dtype.value_type, found)
    if types.is_floating(found):
        return types.is_floating(dtype)
    if types.is_struct(found):
        return types.is_struct(dtype) and all(
            (place := dtype.get_field_index(field.name)) >= 0
            and _holds(dtype.field(place).type, field.type)
            for field in found
        )
    if types.is_list(found):
        lists = (
            types.is_list(dtype) or types.is_large_list(dtype) or types.is_fixed_size_list(dtype)
        )
        return lists and _holds(dtype.value_type, found.value_type)
    # Of what is told of times and days, the first one has decided.
    return not (types.is_decimal(found) or types.is_temporal(found))


def _are_as_fine(values: Iterable[Any], dtype: pa.DataType) -> bool:
    """Return whether objects of Python are plainly of the kind that a temporal type holds."""
    types = pa.types
    kinds = set(map(type, values)) - {type(None)}
    if types.is_date(dtype):
        return kinds <= {datetime.date}
    if dtype.unit not in ("us", "ns"):
        return not kinds
    if types.is_timestamp(dtype):
        if not kinds <= {datetime.datetime}:
            return False
        return dtype.tz is not None or all(
            value is None or value.tzinfo is None for value in values
        )
    return kinds <= {datetime.time if types.is_time(dtype) else datetime.timedelta}


def _are_whole(values: Iterable[Any], found: pa.DataType, dtype: pa.DataType) -> bool:
    """Return whether floats are integers: 150 ns for each, where looking at them takes 570."""
    if not (pa.types.is_floating(found) and pa.types.is_integer(dtype)):
        return False
    try:
        pa.array(values, found).cast(dtype)
    except pa.ArrowInvalid:
        return False
    return True


def _check_finite(values: Iterable[Any], array: pa.Array) -> None:
    """Check that no number became infinite: floats of 16 and 32 bits have a shorter range."""
    if pa.types.is_floating(array.type) and pc.any(pc.is_inf(array)).as_py():
        _check_each(values, array)


def _check_each(values: Iterable[Any], array: pa.Array) -> None:
    for place, (value, made) in enumerate(zip(values, array.to_pylist(), strict=True)):
        if not _same(value, made):
            raise ValueError(f"the value {value!r} at place {place} would become {made!r}")


def _same(value: Any, made: Any) -> bool:
    """Return whether `made` says all that `value` does."""
    if made is None:
        # What stands for null in any library was taken for it; NaN is none of itself.
        return (
            value is None or type(value).__name__ in ("NAType", "NaTType") or bool(value != value)
        )
    if isinstance(value, Mapping) and isinstance(made, Mapping):
        return value.keys() <= made.keys() and all(_same(value[key], made[key]) for key in value)
    if isinstance(made, list):
        given = list(value.items() if isinstance(value, Mapping) else value)
        return len(given) == len(made) and all(map(_same, given, made))
    if isinstance(made, tuple):
        return len(value) == len(made) and all(map(_same, value, made))
    if isinstance(made, float):
        # Fewer digits are what a type of 32 bits is chosen for; an infinity is another number.
        return bool(np.isinf(value) == np.isinf(made)) if value == value else made != made
    if isinstance(value, datetime.datetime):
        return _same_moment(value, made)
    if isinstance(made, datetime.date | datetime.time | datetime.timedelta):
        # Of integers, which count what they say.
        return isinstance(value, int | np.integer) or bool(value == made)
    return bool(value == made) or (isinstance(value, str) and isinstance(made, bytes))


def _same_moment(value: datetime.datetime, made: Any) -> bool:
    if not isinstance(made, datetime.datetime):
        midnight = value.replace(hour=0, minute=0, second=0, microsecond=0)
        return isinstance(made, datetime.date) and value == midnight and value.date() == made
    if value.tzinfo is None and made.tzinfo is not None:
        # Without a time zone it is taken for UTC.
        value = value.replace(tzinfo=datetime.UTC)
    return (value.tzinfo is None) == (made.tzinfo is None) and value == made
