"""Arrow schemas: resolve a name, promote types, unify the schemas of many files.

One convention matters everywhere. A plan's schema is *logical*: a text column is ``string`` there.
The batches that flow may carry such a column as ``dictionary<int32, string>``, because the file had
it so; `conform` brings a batch to its logical schema where it leaves the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from .errors import ColumnNotFound, DuplicateColumn, SchemaError, TypeMismatch, column_not_found


def free_name(stem: str, *taken: Iterable[str]) -> str:
    """Return the name of a column of the engine's own, which no column that is `taken` has.

    >>> free_name("row", ["a"]), free_name("row", ["a", "__row"])
    ('__row', '__row_')
    """
    there = set().union(*taken)
    name = f"__{stem}"
    while name in there:
        name += "_"
    return name


def has_column(schema: pa.Schema, name: object) -> bool:
    """Return whether there is a column `name`.

    ``name in schema.names`` makes a list of all names each time, which takes minutes where it is
    asked of each of 50,000 columns.
    """
    return isinstance(name, str) and schema.get_field_index(name) >= 0


def field_index(schema: pa.Schema, name: str, where: str = "") -> int:
    """Return the position of column `name`.

    Raises
    ------
    ColumnNotFound
        If `schema` has no such column; the message lists the columns and the nearest names.
    """
    index = schema.get_field_index(name)
    if index < 0:
        error = column_not_found(name, schema.names, where)
        struct = name.partition(".")[0] if isinstance(name, str) else ""
        if struct != name and has_column(schema, struct):
            raise ColumnNotFound(f"{error} For a field of {struct!r}: .unnest({struct!r}).")
        raise error
    return index


def schema_of(
    fields: Iterable[pa.Field],
    where: str = "",
    advice: str = "Name one of them anew with .alias().",
) -> pa.Schema:
    """Return a schema of `fields`.

    Raises
    ------
    DuplicateColumn
        If two fields have the same name.
    """
    fields = list(fields)
    seen: set[str] = set()
    for field in fields:
        if field.name in seen:
            place = f" in {where}" if where else ""
            raise DuplicateColumn(f"Column {field.name!r} occurs twice{place}. {advice}")
        seen.add(field.name)
    return pa.schema(fields)


def select(schema: pa.Schema, names: Iterable[str], where: str = "") -> pa.Schema:
    """Return the schema of the named columns, in the order of `names`."""
    return pa.schema([schema.field(field_index(schema, name, where)) for name in names])


def same(left: pa.Schema, right: pa.Schema) -> bool:
    """Return whether names and types agree, in order; nullability and metadata do not count."""
    if left is right or left.equals(right):
        return True
    return left.names == right.names and left.types == right.types


def carries(physical: pa.DataType, logical: pa.DataType) -> bool:
    """Return whether a batch may carry a column of type `logical` as `physical`.

    Whether values are coded is the batch's own business, in both directions: a column that is a
    dictionary to the user may be expanded where its codes would cost more than they save.

    >>> carries(pa.dictionary(pa.int32(), pa.string()), pa.string())
    True
    >>> carries(pa.string(), pa.dictionary(pa.int32(), pa.string()))
    True
    """
    return physical == logical or _values(physical) == _values(logical)


def _values(dtype: pa.DataType) -> pa.DataType:
    return dtype.value_type if pa.types.is_dictionary(dtype) else dtype


def decoded(array: pa.Array) -> pa.Array:
    """Return `array` with its dictionary, if it has one, expanded."""
    if isinstance(array, pa.DictionaryArray):
        # take keeps nulls of the codes; a cast would do the same but more slowly.
        return array.dictionary.take(array.indices)
    return array


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return `batch` with exactly the types of `schema`: dictionaries as they are in it, or not.

    Raises
    ------
    SchemaError
        If a column has other values than `schema` says, or more of them than its codes can tell.
    """
    if batch.schema.equals(schema):
        return batch
    if batch.schema.names != schema.names:
        raise SchemaError(f"A batch has the columns {batch.schema.names}, expected {schema.names}.")
    columns = []
    for column, field in zip(batch.columns, schema, strict=True):
        if not carries(column.type, field.type):
            raise SchemaError(
                f"Column {field.name!r} is {column.type} in a batch, expected {field.type}."
            )
        columns.append(column if column.type == field.type else _recoded(column, field))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _recoded(column: pa.Array, field: pa.Field) -> pa.Array:
    """Return a column with the dictionary that `field` wants, or without one."""
    plain = decoded(column)
    if not pa.types.is_dictionary(field.type):
        return plain
    encoded = plain.dictionary_encode()
    try:
        indices = encoded.indices.cast(field.type.index_type)
    except pa.ArrowInvalid:
        raise SchemaError(
            f"Column {field.name!r} has {len(encoded.dictionary):,} values in one batch, too many"
            f" for the codes of {field.type}. Cast it to {field.type.value_type}."
        ) from None
    return pa.DictionaryArray.from_arrays(
        indices, encoded.dictionary, ordered=field.type.ordered, safe=False
    )


_SIGNED = (pa.int8(), pa.int16(), pa.int32(), pa.int64())
_UNSIGNED = (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())


def promote(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    """Return the least type that holds the values of both.

    Integers widen, integer and floating point give ``double``, decimals keep all digits on both
    sides of the point, dates and timestamps give a timestamp, units go to the finer one.

    Raises
    ------
    TypeMismatch
        If there is no such type, as for a string and a date or for two time zones.

    Examples
    --------
    >>> promote(pa.int8(), pa.int32())
    DataType(int32)
    >>> promote(pa.int64(), pa.float32())
    DataType(double)
    """
    if left == right:
        return left
    if pa.types.is_null(left):
        return right
    if pa.types.is_null(right):
        return left
    if pa.types.is_dictionary(left) or pa.types.is_dictionary(right):
        return promote(_value_type(left), _value_type(right))
    for rule in (_promote_numbers, _promote_text, _promote_times):
        found = rule(left, right)
        if found is not None:
            return found
    raise TypeMismatch(f"There is no common type for {left} and {right}. Cast one of them first.")


def _value_type(dtype: pa.DataType) -> pa.DataType:
    return dtype.value_type if pa.types.is_dictionary(dtype) else dtype


def _promote_numbers(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    if pa.types.is_decimal(left) or pa.types.is_decimal(right):
        return _promote_decimals(left, right)
    if not (_is_number(left) and _is_number(right)):
        return None
    if pa.types.is_floating(left) and pa.types.is_floating(right):
        return left if left.bit_width > right.bit_width else right
    if pa.types.is_floating(left) or pa.types.is_floating(right):
        floating, integer = (left, right) if pa.types.is_floating(left) else (right, left)
        # A float32 holds the integers of 16 bits without loss, and no wider ones.
        return floating if integer.bit_width <= 16 and floating.bit_width >= 32 else pa.float64()
    signed = pa.types.is_signed_integer(left)
    if signed == pa.types.is_signed_integer(right):
        return left if left.bit_width > right.bit_width else right
    signed_type, unsigned_type = (left, right) if signed else (right, left)
    if signed_type.bit_width > unsigned_type.bit_width:
        return signed_type
    return _SIGNED[min(_UNSIGNED.index(unsigned_type) + 1, 3)]


def _is_number(dtype: pa.DataType) -> bool:
    return pa.types.is_integer(dtype) or pa.types.is_floating(dtype)


def _promote_decimals(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    if pa.types.is_floating(left) or pa.types.is_floating(right):
        return pa.float64()
    pair = []
    for dtype in (left, right):
        if pa.types.is_decimal(dtype):
            pair.append((dtype.precision, dtype.scale))
        elif pa.types.is_integer(dtype):
            pair.append((decimal_digits(dtype), 0))
        else:
            return None
    scale = max(pair[0][1], pair[1][1])
    whole = max(precision - own for precision, own in pair)
    return pa.decimal128(min(whole + scale, 38), scale)


def decimal_digits(integer: pa.DataType) -> int:
    """Return how many decimal digits the values of an integer type may have."""
    unsigned = pa.types.is_unsigned_integer(integer)
    return {8: 3, 16: 5, 32: 10, 64: 20 if unsigned else 19}[integer.bit_width]


def _promote_text(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    text = (pa.string(), pa.large_string(), pa.string_view())
    binary = (pa.binary(), pa.large_binary(), pa.binary_view())
    if left in text and right in text:
        return pa.large_string() if pa.large_string() in (left, right) else pa.string()
    if left in binary and right in binary:
        return pa.large_binary() if pa.large_binary() in (left, right) else pa.binary()
    return None


_UNITS = ("s", "ms", "us", "ns")


def _promote_times(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    if pa.types.is_timestamp(left) and pa.types.is_timestamp(right):
        if left.tz != right.tz:
            return None
        return pa.timestamp(_finer(left.unit, right.unit), left.tz)
    if pa.types.is_duration(left) and pa.types.is_duration(right):
        return pa.duration(_finer(left.unit, right.unit))
    if pa.types.is_date(left) and pa.types.is_date(right):
        return pa.date64()
    dates = pa.types.is_date(left), pa.types.is_date(right)
    if any(dates):
        other = right if dates[0] else left
        if pa.types.is_timestamp(other) and other.tz is None:
            return other
    return None


def _finer(left: str, right: str) -> str:
    return max(left, right, key=_UNITS.index)


def unify(schemas: Sequence[tuple[str, pa.Schema]]) -> pa.Schema:
    """Return one schema for files of one dataset.

    Columns come in order of first appearance. Widening promotes (`promote`), a column that some
    files lack stays (they read as null there), a contradiction is an error.

    Parameters
    ----------
    schemas
        Pairs of a name for messages (the file's path) and its schema; at least one.

    Raises
    ------
    SchemaError
        If a column has types without a common one; both files are named.
    """
    types: dict[str, tuple[pa.DataType, str]] = {}
    for origin, schema in schemas:
        for field in schema:
            if field.name not in types:
                types[field.name] = (field.type, origin)
                continue
            known, first = types[field.name]
            try:
                types[field.name] = (promote(known, field.type), first)
            except TypeMismatch:
                raise SchemaError(
                    f"Column {field.name!r} is {known} in {first!r} and {field.type} in"
                    f" {origin!r}, which have no common type. Read the files apart and cast, or"
                    " give schema=."
                ) from None
    return pa.schema([pa.field(name, dtype) for name, (dtype, _) in types.items()])


def cast_to(array: pa.Array, dtype: pa.DataType, where: str = "") -> pa.Array:
    """Return `array` cast to `dtype`, which must hold every value.

    Raises
    ------
    SchemaError
        If a value is lost by the cast.
    """
    if array.type == dtype:
        return array
    try:
        return pc.cast(decoded(array) if not pa.types.is_dictionary(dtype) else array, dtype)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        place = f" of {where}" if where else ""
        raise SchemaError(f"Values{place} cannot be cast to {dtype}: {error}") from None
