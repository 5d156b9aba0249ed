"""Conditions made ready once for many batches: which rows are they true for?

A filter asks nothing else, so null and false are one, masks are numpy's bytes and not Arrow's bits,
and what the tree of the expression says is looked at once. For 123,000 rows the conditions of
TPC-H's query 6 cost 70 us this way, and 245 us as expressions whose values have three states.

``a and b`` is true exactly where both are, and ``a or b`` where one is, in three-valued logic too;
a negation is carried down to the comparisons, where it is the other comparison.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from ..errors import ComputeError
from ..schema import field_index
from .coercion import Operand, adapted
from .conjunctions import conjuncts
from .evaluate import dtype_of, evaluate
from .flat import is_flat, numbers, true_rows, valid_rows
from .node import Alias, Call, Cast, Column, Expr, Literal, When, columns_of, unaliased

Test: TypeAlias = Callable[[pa.RecordBatch], np.ndarray]
"""Gives a boolean for each row of a batch of the schema that it was made for."""

_NEGATED = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}
"""NaN is a value that has its place in the order: of any two values one of both holds."""

_QUICK = frozenset({*_NEGATED, "is_between", "is_null", "is_not_null", "is_nan", "add", "subtract"})

_MIRRORED = {"eq": "eq", "ne": "ne", "lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}

_PURE = (Alias, Call, Cast, Column, Literal, When)
"""Nodes that give the same for the same values, whichever row these are in."""

MOST_CODES = 6
"""So many codes are compared one by one; more are looked up, 60 us for 123,000 rows."""

MOST_REMEMBERED = 256
"""What is true for the values of dictionaries of that size is remembered value by value: row groups
have the same few values in other orders, and a function costs 50 to 250 us however few they are."""

_MOST_KNOWN = 10_000

_BINARY = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary()}


@functools.lru_cache(maxsize=512)
def truth_of(expr: Expr, schema: pa.Schema) -> Test:
    """Return what tells, for batches of exactly `schema`, the rows that `expr` is true for."""
    return _test(expr, schema, True)


def is_dear(expr: Expr, schema: pa.Schema) -> bool:
    """Return whether a condition costs so much for each row that it is best asked of few.

    Comparisons of numbers and what is told by the values of a dictionary take less for all rows
    than it takes to pick some.
    """
    if _by_values(unaliased(expr), schema, True) is not None:
        return False
    if isinstance(expr, Call) and expr.name in ("and", "or", "not"):
        return any(is_dear(arg, schema) for arg in expr.args)
    return any(isinstance(node, Call) and node.name not in _QUICK for node in expr.walk())


def _test(expr: Expr, schema: pa.Schema, wanted: bool) -> Test:
    """Return a test for the rows in which `expr` is `wanted`."""
    expr = unaliased(expr)
    over_values = _by_values(expr, schema, wanted)
    if over_values is not None:
        return over_values
    if isinstance(expr, Call):
        made = _call_test(expr, schema, wanted)
        if made is not None:
            return made
    return _general(expr, wanted)


def _call_test(call: Call, schema: pa.Schema, wanted: bool) -> Test | None:
    if call.name in ("and", "or", "not") and all(is_boolean(arg, schema) for arg in call.args):
        if call.name == "not":
            return _test(call.args[0], schema, not wanted)
        parts = conjuncts(call) if call.name == "and" else call.args
        tests = [_test(part, schema, wanted) for part in parts]
        return _joined(tests, np.logical_and if (call.name == "and") == wanted else np.logical_or)
    if call.name in _NEGATED:
        return _comparison(call, schema, wanted)
    if call.name == "is_between":
        return _between(call, schema, wanted)
    return None


def is_boolean(expr: Expr, schema: pa.Schema) -> bool:
    """Return whether a value is true, false or null."""
    dtype = dtype_of(expr, schema)
    return pa.types.is_boolean(dtype) or pa.types.is_null(dtype)


def _joined(tests: Sequence[Test], join: np.ufunc) -> Test:
    first, *rest = tests

    def both(batch: pa.RecordBatch) -> np.ndarray:
        found = first(batch)
        for test in rest:
            found = join(found, test(batch))
        return found

    return both


def _comparison(call: Call, schema: pa.Schema, wanted: bool) -> Test | None:
    name = call.name if wanted else _NEGATED[call.name]
    left, right = (unaliased(arg) for arg in call.args)
    if isinstance(left, Literal):
        left, right, name = right, left, _MIRRORED[name]
    if not isinstance(left, Column):
        return None
    place = field_index(schema, left.name)
    dtype = schema.field(place).type
    if not is_flat(dtype):
        return None
    floating = pa.types.is_floating(dtype)
    if isinstance(right, Literal):
        found = _number_beside(dtype, [right])
        return None if found is None else _against_number(place, name, floating, found[0])
    if not isinstance(right, Column):
        return None
    other = field_index(schema, right.name)
    if schema.field(other).type != dtype:
        return None
    return _against_column(place, other, name, floating)


def _between(call: Call, schema: pa.Schema, wanted: bool) -> Test | None:
    value, lower, upper = (unaliased(arg) for arg in call.args)
    if not (
        isinstance(value, Column) and isinstance(lower, Literal) and isinstance(upper, Literal)
    ):
        return None
    place = field_index(schema, value.name)
    dtype = schema.field(place).type
    bounds = _number_beside(dtype, [lower, upper]) if is_flat(dtype) else None
    if bounds is None:
        return None
    closed = dict(call.options).get("closed", "both")
    names = (
        "ge" if closed in ("both", "left") else "gt",
        "le" if closed in ("both", "right") else "lt",
    )
    floating = pa.types.is_floating(dtype)
    above, below = (
        _against_number(place, name if wanted else _NEGATED[name], floating, bound)
        for name, bound in zip(names, bounds, strict=True)
    )
    return _joined((above, below), np.logical_and if wanted else np.logical_or)


def _number_beside(dtype: pa.DataType, literals: list[Literal]) -> list[np.generic] | None:
    """Return literals as machine numbers of a column's type, None unless that is what they meet.

    A literal of another type (a finer decimal, a wider integer) makes the column the wider one, and
    null and NaN have rules of their own: these are left to the functions themselves.
    """
    column = Operand(pa.array([], dtype))
    values = adapted([column, *(Operand(each.value, not each.typed) for each in literals)], True)
    found: list[np.generic] = []
    for value in values[1:]:
        if not value.is_valid:
            return None
        if value.type != dtype:
            narrow = pa.types.is_decimal128(value.type) and pa.types.is_decimal128(dtype)
            if not narrow or value.type.scale > dtype.scale:
                return None
            try:
                value = value.cast(dtype)
            except pa.ArrowInvalid:
                return None
        number = numbers(pa.repeat(value, 1))[0]
        if number != number:
            return None
        found.append(number)
    return found


def _against_number(place: int, name: str, floating: bool, number: np.generic) -> Test:
    """Return a test of a column against a number that is not NaN."""
    # NaN compares as false: greater than every number is what is not less or equal.
    inverted = floating and name in ("gt", "ge")
    operation = _UFUNCS[_NEGATED[name] if inverted else name]

    def compared(batch: pa.RecordBatch) -> np.ndarray:
        array = batch.column(place)
        found: np.ndarray = operation(numbers(array), number)
        if inverted:
            np.logical_not(found, out=found)
        return _known(found, array)

    return compared


def _against_column(place: int, other: int, name: str, floating: bool) -> Test:
    if floating and name in ("gt", "le"):
        place, other, name = other, place, _MIRRORED[name]

    def compared(batch: pa.RecordBatch) -> np.ndarray:
        left, right = batch.column(place), batch.column(other)
        first, second = numbers(left), numbers(right)
        found: np.ndarray = (
            _floats_compared(first, second, name) if floating else _UFUNCS[name](first, second)
        )
        return _known(_known(found, left), right)

    return compared


def _floats_compared(left: np.ndarray, right: np.ndarray, name: str) -> np.ndarray:
    """Return ``eq``, ``ne``, ``lt`` or ``ge`` of floats; NaN equals NaN and is the greatest."""
    if name in ("eq", "ne"):
        same: np.ndarray = (left == right) | ((left != left) & (right != right))
        return same if name == "eq" else ~same
    least: np.ndarray = (left >= right) | (left != left)
    return least if name == "ge" else ~least


_UFUNCS = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}


def _known(found: np.ndarray, array: pa.Array) -> np.ndarray:
    """Return `found` with rows that are null in `array` left out."""
    valid = valid_rows(array)
    return found if valid is None else np.logical_and(found, valid, out=found)


def _general(expr: Expr, wanted: bool) -> Test:
    """Return a test by the value of an expression: for all that has no shorter way."""
    if not wanted:
        expr = Call("not", (expr,))

    def evaluated(batch: pa.RecordBatch) -> np.ndarray:
        value = evaluate(expr, batch)
        return true_rows(value if pa.types.is_boolean(value.type) else value.cast(pa.bool_()))

    return evaluated


def _by_values(expr: Expr, schema: pa.Schema, wanted: bool) -> Test | None:
    """Return a test of one column that is a dictionary: of its values, looked up by code."""
    if isinstance(expr, Column) or not all(isinstance(node, _PURE) for node in expr.walk()):
        return None
    names = columns_of(expr)
    if len(names) != 1:
        return None
    (name,) = names
    place = field_index(schema, name)
    if not pa.types.is_dictionary(schema.field(place).type):
        return None
    if not is_boolean(expr, schema):
        return None
    by_row = _general(expr, wanted)
    known: dict[bytes | None, bool] = {}
    last: list[tuple[pa.Array, np.ndarray]] = []

    def of_values(values: pa.Array) -> np.ndarray:
        """Return the truth of a null, then of each of `values`."""
        # A null row is one more value.
        with_null = pa.concat_arrays([pa.nulls(1, values.type), values])
        return by_row(pa.RecordBatch.from_arrays([with_null], names=[name]))

    def remembered(values: pa.Array) -> np.ndarray:
        """Return `of_values` of a few texts, evaluated only where one has not been seen before."""
        if last and last[0][0].equals(values):
            # Rows of a build side have its dictionary in every batch: 40 us for 40 values.
            return last[0][1]
        # As bytes, since what a file calls text may be none.
        keys = [None, *values.cast(_BINARY[values.type]).to_pylist()]
        if not all(key in known for key in keys):
            if len(known) > _MOST_KNOWN:
                known.clear()
            known.update(zip(keys, of_values(values).tolist(), strict=True))
        table = np.array([known[key] for key in keys])
        # A copy: what is kept must not hold the mapped file that the values lie in.
        last[:] = [(pa.concat_arrays([values, values[:0]]), table)]
        return table

    def coded(batch: pa.RecordBatch) -> np.ndarray:
        array: pa.DictionaryArray = batch.column(place)
        values = array.dictionary
        few = len(values) <= MOST_REMEMBERED and values.type in _BINARY
        if len(values) >= len(array) and not few:
            return by_row(batch)
        try:
            table = remembered(values) if few else of_values(values)
        except ComputeError:
            # The value at fault may belong to no row: look at the rows.
            return by_row(batch)
        return _rows_by_code(array.indices, table)

    return coded


def _rows_by_code(indices: pa.Array, table: np.ndarray) -> np.ndarray:
    """Return for each code what `table` says, whose first entry is for rows without a code."""
    codes = numbers(indices)
    valid = valid_rows(indices)
    values = table[1:]
    if valid is not None:
        # -1 is the last entry when it is looked up, and itself when it is compared.
        values = np.roll(table, -1)
        codes = np.where(valid, codes.astype(np.int32, copy=False), np.int32(-1))
    for wanted in (True, False):
        hits = np.flatnonzero(values == wanted)
        if not len(hits):
            return np.full(len(codes), not wanted)
        if len(hits) <= MOST_CODES:
            if valid is not None:
                hits = np.where(hits == len(values) - 1, -1, hits)
            compare, join = (np.equal, np.logical_or) if wanted else (np.not_equal, np.logical_and)
            first, *others = hits.astype(codes.dtype)
            found: np.ndarray = compare(codes, first)
            for hit in others:
                join(found, compare(codes, hit), out=found)
            return found
    return values.take(codes)
