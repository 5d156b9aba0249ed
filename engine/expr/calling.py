"""Call a function of the table on values: literals adapted, types checked, dictionaries by code."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ComputeError
from ..schema import decoded
from .coercion import Operand, adapted, common_type
from .function import Function, Value, is_text
from .storage import plain_storage


def apply(function: Function, operands: list[Operand], options: dict[str, object]) -> Value:
    """Return `function` of `operands`, over the values of a dictionary where there is one."""
    arrays = [index for index, each in enumerate(operands) if not isinstance(each.value, pa.Scalar)]
    if len(arrays) == 1 and isinstance(operands[arrays[0]].value, pa.DictionaryArray):
        position = arrays[0]

        def over_values(values: Value) -> Value:
            inner = [*operands]
            inner[position] = Operand(values)
            return _run(function, inner, options)

        return by_code(operands[position].value, over_values)
    plain = [
        Operand(decoded(each.value)) if isinstance(each.value, pa.DictionaryArray) else each
        for each in operands
    ]
    if arrays:
        return _run(function, plain, options)
    # Kernels get at least one array; a call of literals alone becomes one of a single row.
    first, *rest = adapted(plain, function.exact_floats)
    once = [Operand(pa.repeat(first, 1)), *(Operand(value) for value in rest)]
    return _run(function, once, options)[0]


def _run(function: Function, operands: list[Operand], options: dict[str, object]) -> Value:
    """Check the types of `operands`, adapt literals and nulls, and call the kernel."""
    operands = [
        each if plain is each.value else Operand(plain, each.untyped)
        for each in operands
        for plain in (plain_storage(each.value),)
    ]
    for position, operand in enumerate(operands):
        function.check(position, operand.value.type)
    if function.alike:
        values = adapted(operands, function.exact_floats)
        common = common_type([value.type for value in values])
    else:
        values, common = [each.value for each in operands], None
    for position, value in enumerate(values):
        if pa.types.is_null(value.type):
            kind = function.accepted(position)
            known = common is not None and not pa.types.is_null(common) and kind.contains(common)
            values[position] = value.cast(common if known else kind.stand_in)
    result = function.kernel(*values, **options)
    return result.combine_chunks() if isinstance(result, pa.ChunkedArray) else result


def by_code(array: pa.DictionaryArray, over_values: Callable[[Value], Value]) -> pa.Array:
    """Return a function of each row's value, computed once for each value of the dictionary.

    A null row is one more value of the dictionary, so that functions which make something of
    nulls (``fill_null``) need no care.
    """
    codes, values = array.indices, array.dictionary
    if codes.null_count:
        # An offset within the codes' own type: dictionaries are far smaller than that.
        codes = pc.fill_null(codes, len(values))
        values = pa.concat_arrays([values, pa.nulls(1, values.type)])
    result = None
    if len(values) <= len(codes):
        try:
            result = over_values(values)
        except (ComputeError, pa.ArrowInvalid):
            # The value at fault may belong to no row (a filter has removed it): look at the rows.
            result = None
    if result is None:
        result = over_values(values.take(codes))
        codes = None
    if not is_text(result.type):
        return result if codes is None else result.take(codes)
    # Two values may have become one ("a" and "A" in upper case), and codes stand for values.
    encoded = result.dictionary_encode()
    if codes is None:
        return encoded
    return pa.DictionaryArray.from_arrays(encoded.indices.take(codes), encoded.dictionary)
