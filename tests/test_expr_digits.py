"""Decimals over their digits give what Arrow's decimals do, types, nulls and errors included."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from partita.engine.errors import ComputeError
from partita.engine.expr import evaluate as evaluation
from partita.engine.expr.evaluate import dtype_of, evaluate, evaluate_many
from partita.engine.expr.node import Call, Column, Expr, When, literal

RANDOM = np.random.default_rng(17)
ROWS = 60


@contextmanager
def arrow_alone() -> Iterator[None]:
    """Leave all arithmetic to Arrow."""
    known = dict(evaluation.OPERATIONS)
    evaluation.OPERATIONS.clear()
    try:
        yield
    finally:
        evaluation.OPERATIONS.update(known)


def decimals(precision: int, scale: int, digits: int, nulls: float = 0.2) -> pa.Array:
    unscaled = [int(each) for each in RANDOM.integers(-(10**digits) + 1, 10**digits, ROWS)]
    values = [
        None if RANDOM.random() < nulls else Decimal(each).scaleb(-scale) for each in unscaled
    ]
    return pa.array(values, pa.decimal128(precision, scale))


def batches() -> Iterator[pa.RecordBatch]:
    for nulls in (0.0, 0.3):
        whole = pa.record_batch(
            {
                "price": decimals(15, 2, 8, nulls),
                "rate": decimals(4, 4, 3, nulls),
                "full": decimals(18, 6, 18, nulls),
                "wide": decimals(30, 3, 18, nulls),
                "whole": decimals(9, 0, 9, nulls),
                "i32": pa.array(RANDOM.integers(-(2**31), 2**31, ROWS), pa.int32()),
                "i64": pa.array(RANDOM.integers(-(2**62), 2**62, ROWS)),
                "u8": pa.array(RANDOM.integers(0, 256, ROWS), pa.uint8()),
                "f": pa.array(RANDOM.random(ROWS)),
                "none": pa.nulls(ROWS, pa.decimal128(15, 2)),
            }
        )
        yield from (whole, whole.slice(7, 20), whole.slice(3, 1), whole.slice(0, 0))


BATCHES = list(batches())


def value_or_error(expr: Expr, batch: pa.RecordBatch) -> pa.Array | str:
    try:
        return evaluate(expr, batch)
    except ComputeError as error:
        return str(error)


def assert_as_arrow(expr: Expr) -> None:
    for batch in BATCHES:
        with arrow_alone():
            expected = value_or_error(expr, batch)
        given = value_or_error(expr, batch)
        if isinstance(expected, str):
            assert given == expected
            continue
        given.validate(full=True)
        assert given.equals(expected)
        assert given.type == dtype_of(expr, batch.schema)


@pytest.mark.parametrize("name", ["add", "subtract", "multiply"])
def test_two_operands(name: str) -> None:
    columns: list[Expr] = [Column(each) for each in BATCHES[0].schema.names]
    constants = [literal(0), literal(-7), literal(10**12), literal(Decimal("0.25"))]
    typed = [literal(3, pa.int64()), literal(Decimal("1.5"), pa.decimal128(20, 3))]
    constants += [*typed, literal(None), literal(0.5), literal(Decimal(10) ** 17)]
    for left, right in itertools.product(columns, columns + constants):
        assert_as_arrow(Call(name, (left, right)))
        assert_as_arrow(Call(name, (right, left)))


def test_longer_expressions() -> None:
    one = literal(1)
    net = Call("multiply", (Column("price"), Call("subtract", (one, Column("rate")))))
    gross = Call("multiply", (net, Call("add", (one, Column("rate")))))
    for expr in (
        *(net, gross, Call("subtract", (gross, net)), Call("multiply", (gross, gross))),
        Call("multiply", (Call("add", (Column("i32"), Column("u8"))), Column("price"))),
        Call("multiply", (Call("multiply", (Column("i32"), Column("i32"))), Column("price"))),
        Call("add", (Call("multiply", (Column("full"), Column("full"))), Column("price"))),
        Call("add", (Call("negate", (Column("price"),)), Column("rate"))),
        Call("add", (Call("multiply", (Column("f"), one)), Column("rate"))),
        Call("divide", (gross, net)),
        Call("gt", (gross, net)),
        When((Call("gt", (net, literal(0))),), (net,), literal(0)),
    ):
        assert_as_arrow(expr)


def test_shared_parts_are_computed_once_and_alike() -> None:
    net = Call("multiply", (Column("price"), Call("subtract", (literal(1), Column("rate")))))
    exprs = [net, Call("add", (net, Column("price"))), Call("multiply", (net, net)), net]
    for batch in BATCHES:
        with arrow_alone():
            expected = [evaluate(expr, batch) for expr in exprs]
        given = evaluate_many(exprs, batch)
        assert all(one.equals(other) for one, other in zip(given, expected, strict=True))
        assert given[0] is given[3]


@pytest.mark.parametrize("edge", [2**63 - 1, 2**63, 2**63 + 1])
@pytest.mark.parametrize("sign", [1, -1])
def test_results_around_64_bits(edge: int, sign: int) -> None:
    a, b = 10**18 - 1, sign * (edge - 9 * (10**18 - 1))
    small = pa.array([Decimal(a)], pa.decimal128(18, 0))
    rest = pa.array([Decimal(b)], pa.decimal128(18, 0))
    batch = pa.record_batch([small, rest], names=["a", "b"])
    nines = Call("multiply", (Column("a"), literal(9 * sign)))
    expr = Call("add", (nines, Column("b")))
    assert evaluate(expr, batch).to_pylist() == [Decimal(sign * edge)]


def test_what_does_not_fit_38_digits_raises_with_the_expression() -> None:
    array = pa.array([Decimal(10) ** 17], pa.decimal128(18, 0))
    batch = pa.record_batch([array], names=["a"])
    square = Call("multiply", (Column("a"), Column("a")))
    with pytest.raises(ComputeError, match=r"a \* a"):
        evaluate(Call("multiply", (square, square)), batch)
