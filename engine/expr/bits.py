"""Integers bit by bit: ``& | ^ ~`` of integers, and counts of bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import TypeMismatch
from .coercion import mixing_advice, unified
from .division import numpy_values, with_nulls_of
from .function import INTEGER, Example, Function, Value


def bitwise(
    kernel: Callable[..., Value], logical: Callable[..., Value], symbol: str
) -> Callable[[Value, Value], Value]:
    """Return a kernel that is `logical` of booleans and bit by bit of integers."""

    def combined(left: Value, right: Value) -> Value:
        if pa.types.is_boolean(left.type) and pa.types.is_boolean(right.type):
            return logical(left, right)
        if not (pa.types.is_integer(left.type) and pa.types.is_integer(right.type)):
            raise TypeMismatch(
                f"{symbol} is not defined for {left.type} and {right.type}."
                f"{mixing_advice(left.type, right.type)}"
            )
        return kernel(*unified(left, right))

    return combined


def inverted(value: Value) -> Value:
    """Return the opposite of booleans, and the other bits of integers."""
    return pc.invert(value) if pa.types.is_boolean(value.type) else pc.bit_wise_not(value)


def _ones(value: Value) -> Value:
    counts = np.bitwise_count(_unsigned(value))
    return with_nulls_of(counts.astype(np.int64), value, value)


def _zeros(value: Value) -> Value:
    ones = np.bitwise_count(_unsigned(value)).astype(np.int64)
    return with_nulls_of(value.type.bit_width - ones, value, value)


def _unsigned(value: Value) -> np.ndarray:
    numbers = numpy_values(value)
    return numbers.view(np.dtype(f"u{numbers.dtype.itemsize}"))


def _entry(name: str, kernel: Callable[[Value], Value], doc: str, gives: list[object]) -> Function:
    return Function(
        name=name,
        kernel=kernel,
        accepts=(INTEGER,),
        doc=doc,
        example=Example(code=f"pt.col('a').{name}()", data={"a": [5, 0, None]}, gives=gives),
    )


BITS = (
    _entry(
        "bitwise_count_ones", _ones, "Return how many bits of an integer are set.", [2, 0, None]
    ),
    _entry(
        "bitwise_count_zeros",
        _zeros,
        "Return how many bits of an integer are not set.",
        [62, 64, None],
    ),
)
"""Counts of bits; the operators are in ``boolean.py``."""
