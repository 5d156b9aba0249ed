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

from .unchanged import OWN, Same, are_alike, check_kinds, fits, kinds_of, unchanged


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
    What Arrow does not check is looked at by the kinds of the objects, and by the type that Arrow
    finds in them: 20 ns for an integer, where converting it takes 17 to 30; nothing for text, and
    half a nanosecond for doubles.

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
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    if not _may_lose(dtype):
        if pa.types.is_float64(dtype) and pc.any(pc.equal(array, _TOO_LARGE)).as_py():
            _check_unsigned(values, array)
        return array
    kinds = kinds_of(values)
    if not are_alike(kinds) or (np.uint64 in kinds and not pa.types.is_integer(dtype)):
        _check_each(values, array, fits)
        return array
    if pa.types.is_time(dtype):
        # Integers of more than a day would be told as the rest.
        array.validate(full=True)
    if pa.types.is_temporal(dtype):
        if not _are_as_fine(values, dtype):
            _check_each(values, array, fits)
        return array
    try:
        found = pa.infer_type(values, from_pandas=from_pandas)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        # They are of several kinds.
        found = None
    if found is None or not (_holds(dtype, found) or _are_whole(values, found, dtype)):
        _check_each(values, array, fits)
    elif pa.types.is_floating(found):
        _check_finite(values, array)
    return array


def found_array(values: Any) -> pa.Array | pa.ChunkedArray:
    """Return what a user gave as an array of the type that Arrow finds: a list, or an array.

    Floats of numpy beside integers are doubles, and times with nanoseconds keep them.

    Raises
    ------
    ValueError, TypeError, OverflowError, pa.ArrowException
        If there is no such type, or a value would be another one; the first such is told.

    Examples
    --------
    >>> found_array([1, np.float16(1.5)]).to_pylist()
    [1.0, 1.5]
    >>> found_array([datetime.date(2020, 1, 1), 3])
    Traceback (most recent call last):
    ValueError: the value 3 at place 1 would become datetime.date(1970, 1, 4)
    """
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    dtype = getattr(values, "dtype", None)
    streams = hasattr(values, "__arrow_c_stream__") or hasattr(values, "__arrow_c_array__")
    objects = isinstance(dtype, np.dtype) and dtype.kind == "O"
    if not objects and (streams or dtype is not None):
        return pa.array(values)
    from_pandas = type(values).__module__.split(".")[0] == "pandas"
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    elif not hasattr(values, "__len__"):
        values = list(values)
    kinds = kinds_of(values)
    check_kinds(kinds)
    if len(kinds) <= 1 and kinds <= ALIKE:
        return pa.array(values, from_pandas=from_pandas)
    array = pa.array(values, type=_common(kinds, values), from_pandas=from_pandas)
    if any(hasattr(kind, "as_unit") for kind in kinds):
        # Of times of pandas Arrow takes the microseconds.
        array = _finer(values, array, from_pandas)
    if not (kinds <= _REFUSED or (len(kinds) == 1 and are_alike(kinds) and not kinds <= OWN)):
        _check_each(values, array, unchanged, nan_is_null=from_pandas)
    return array


ALIKE = OWN - {datetime.time, datetime.datetime}
"""Kinds of which a list holds nothing that is changed, if it holds no other."""

_REFUSED = frozenset({int, float})
"""Kinds that Arrow refuses by itself beside those that they would be changed by."""


def _common(kinds: set[type], values: Any) -> pa.DataType | None:
    """Return double for numbers of several kinds that are not all whole, else what Arrow finds."""
    numbers = all(
        issubclass(kind, int | float | np.integer | np.floating)
        and not issubclass(kind, bool | np.timedelta64)
        for kind in kinds
    )
    whole = all(issubclass(kind, int | np.integer) for kind in kinds)
    if whole or not numbers or not set(map(type, values)) <= kinds | {type(None)}:
        return None
    return pa.float64() if len(kinds) > 1 else None


def _finer(values: Any, array: pa.Array, from_pandas: bool) -> pa.Array:
    """Return times with their nanoseconds, if there are any."""
    if pa.types.is_timestamp(array.type):
        finer = pa.timestamp("ns", array.type.tz)
    elif pa.types.is_duration(array.type):
        finer = pa.duration("ns")
    else:
        return array
    return _coarsest(pa.array(values, finer, from_pandas=from_pandas), array.type)


def _coarsest(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Return `array` as `wanted` if that loses nothing."""
    try:
        return array.cast(wanted)
    except pa.ArrowInvalid:
        return array


def found_list(values: list[Any]) -> pa.ListScalar:
    """Return plain values as one list of the type that is found for them; see `found_array`.

    >>> found_list([1, 2.5]).as_py()
    [1.0, 2.5]
    """
    array = found_array(values)
    return pa.ListArray.from_arrays(np.array([0, len(array)], np.int32), array)[0]


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
    if types.is_nested(dtype) and not (types.is_nested(found) or types.is_null(found)):
        # The letters of a text are a list to Arrow, and an empty one is a struct.
        return False
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
    if types.is_duration(dtype):
        return kinds <= {datetime.timedelta}
    if not kinds <= {datetime.datetime if types.is_timestamp(dtype) else datetime.time}:
        return False
    return getattr(dtype, "tz", None) is not None or all(
        value is None or value.tzinfo is None for value in values
    )


def _are_whole(values: Iterable[Any], found: pa.DataType, dtype: pa.DataType) -> bool:
    """Return whether floats are integers: 150 ns for each, where looking at them takes 570."""
    if not (pa.types.is_floating(found) and pa.types.is_integer(dtype)):
        return False
    try:
        pa.array(values, found).cast(dtype)
    except pa.ArrowInvalid:
        return False
    return True


_TOO_LARGE = -1.0
"""What Arrow makes of unsigned integers of numpy that are too large for a signed one."""


def _check_unsigned(values: Iterable[Any], array: pa.Array) -> None:
    """Check what may come of an unsigned integer, if there are any."""
    if np.uint64 in kinds_of(values):
        _check_each(values, array, fits)


def _check_finite(values: Iterable[Any], array: pa.Array) -> None:
    """Check that no number became infinite: floats of 16 and 32 bits have a shorter range."""
    if pa.types.is_floating(array.type) and pc.any(pc.is_inf(array)).as_py():
        _check_each(values, array, fits)


def _check_each(
    values: Iterable[Any], array: pa.Array, same: Same, *, nan_is_null: bool = False
) -> None:
    """Raise for the first value that is not what has become of it."""
    try:
        found = array.to_pylist()
    except OverflowError as error:
        # Days and times that Python has no object for have not been made of one.
        raise ValueError(f"a value would become one that Python does not have: {error}") from None
    for place, (value, made) in enumerate(zip(values, found, strict=True)):
        if nan_is_null and made is None and bool(value != value):
            continue
        if not same(value, made):
            raise ValueError(f"the value {value!r} at place {place} would become {made!r}")
