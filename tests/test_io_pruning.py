"""No row that matches is ever pruned, whatever the data and the predicate."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partita.engine.errors import PartitaError
from partita.engine.expr.evaluate import evaluate
from partita.engine.expr.node import Call, Cast, Column, Expr, Literal, literal
from partita.engine.schema import decoded
from partita.io.bounds import Bounds
from partita.io.listing import File
from partita.io.parquet_columns import RowGroups
from partita.io.parquet_footer import Footer
from partita.io.parquet_footer import footer_of as read_of
from partita.io.pruning import may_match
from partita.io.pruning_columns import matching

NAN = float("nan")
WORDS = ["", "a", "ab", "abc", "abd", "b", "é", "\U0001f600", "zz", "a" * 70, "a" * 69 + "b"]
INSTANTS = [dt.datetime(2020, 1, day, hour) for day in (1, 2, 28) for hour in (0, 13)]

VALUES: dict[pa.DataType, st.SearchStrategy] = {
    pa.int8(): st.integers(-128, 127),
    pa.int64(): st.one_of(st.integers(-5, 5), st.sampled_from([2**53, 2**53 + 1, -(2**63)])),
    pa.uint32(): st.one_of(st.integers(0, 5), st.sampled_from([2**31, 2**32 - 1])),
    pa.uint64(): st.one_of(st.integers(0, 5), st.just(2**62)),
    pa.float32(): st.sampled_from([0.0, -0.0, 0.5, 1.0, -3.0, float("inf"), -float("inf"), NAN]),
    pa.float64(): st.sampled_from([0.0, -0.0, 0.1, 1.0, 2.5, -3.0, float("inf"), NAN, 2.0**53]),
    pa.decimal128(15, 2): st.sampled_from([Decimal(n) / 100 for n in (-205, 0, 5, 6, 7, 100)]),
    pa.bool_(): st.booleans(),
    pa.string(): st.sampled_from(WORDS),
    pa.date32(): st.sampled_from([dt.date(2020, 1, day) for day in (1, 2, 28)]),
    pa.timestamp("us"): st.sampled_from(INSTANTS),
    pa.timestamp("ms", "UTC"): st.sampled_from([each.replace(tzinfo=dt.UTC) for each in INSTANTS]),
}
NAMES = {dtype: f"c{position}" for position, dtype in enumerate(VALUES)}
PLAIN = {
    "number": st.one_of(
        st.integers(-6, 6),
        st.sampled_from([0.1, 0.05, 0.06, 1.0, NAN, float("inf"), 2.0**53, 2**53 + 1, 300, -0.0]),
        st.sampled_from([Decimal("0.05"), Decimal("0.061"), Decimal("-2.05")]),
    ),
    "text": st.sampled_from(WORDS),
    "date": st.sampled_from([dt.date(2020, 1, 2), dt.date(2021, 1, 1)]),
    "instant": st.sampled_from([*INSTANTS, dt.date(2020, 1, 2)]),
    "zoned": st.sampled_from([each.replace(tzinfo=dt.UTC) for each in INSTANTS]),
    "bool": st.booleans(),
}


def kind_of(dtype: pa.DataType) -> str:
    if pa.types.is_boolean(dtype):
        return "bool"
    if pa.types.is_string(dtype):
        return "text"
    if pa.types.is_date(dtype):
        return "date"
    if pa.types.is_timestamp(dtype):
        return "zoned" if dtype.tz else "instant"
    return "number"


@st.composite
def operands(draw: st.DrawFn, dtype: pa.DataType) -> Expr:
    plain = PLAIN[kind_of(dtype)]
    which = draw(st.integers(0, 9))
    if which == 0:
        return literal(None, dtype)
    if which == 1:
        return Column(NAMES[dtype])
    if which == 2:
        return literal(draw(VALUES[dtype]), dtype)
    if which == 3 and kind_of(dtype) == "number":
        return literal(float(draw(PLAIN["number"])), pa.float32())
    if which == 4 and kind_of(dtype) == "number":
        return Column(NAMES[draw(st.sampled_from([pa.int8(), pa.int64(), pa.float64()]))])
    return literal(draw(plain))


@st.composite
def conditions(draw: st.DrawFn) -> Expr:
    dtype = draw(st.sampled_from(list(VALUES)))
    column: Expr = Column(NAMES[dtype])
    if pa.types.is_integer(dtype) and draw(st.integers(0, 5)) == 0:
        column = Cast(column, draw(st.sampled_from([pa.float64(), pa.int16()])), strict=False)
    name = draw(
        st.sampled_from(
            ["eq", "ne", "lt", "le", "gt", "ge"] * 2
            + ["is_in", "is_between", "is_null", "is_not_null", "is_nan", "str.starts_with"]
        )
    )
    if name == "is_nan":
        return Call(name, (Column(NAMES[draw(st.sampled_from([pa.float32(), pa.float64()]))]),))
    if name == "str.starts_with":
        prefix = draw(st.sampled_from(WORDS))
        return Call(name, (Column(NAMES[pa.string()]), literal(prefix)))
    if name in ("is_null", "is_not_null"):
        return Call(name, (column,))
    if name == "is_between":
        closed = draw(st.sampled_from(["both", "left", "right", "none"]))
        bounds = (draw(operands(dtype)), draw(operands(dtype)))
        return Call(name, (column, *bounds), (("closed", closed),))
    if name == "is_in":
        items = draw(st.lists(st.one_of(st.none(), VALUES[dtype]), max_size=3))
        if draw(st.booleans()):
            items = items * 40 + list(range(90)) if kind_of(dtype) == "number" else items
        return Call(name, (column, Literal(pa.scalar(items, pa.list_(dtype)), typed=True)))
    sides = [column, draw(operands(dtype))]
    return Call(name, tuple(sides if draw(st.booleans()) else reversed(sides)))


PREDICATES = st.recursive(
    conditions(),
    lambda inner: st.one_of(
        st.builds(lambda one: Call("not", (one,)), inner),
        st.builds(lambda one, two: Call("and", (one, two)), inner, inner),
        st.builds(lambda one, two: Call("or", (one, two)), inner, inner),
        st.builds(lambda one: Call("is_null", (one,)), inner),
    ),
    max_leaves=4,
)


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(1, 4))
    columns = {
        NAMES[dtype]: pa.array(
            draw(st.lists(st.one_of(st.none(), values), min_size=rows, max_size=rows)), dtype
        )
        for dtype, values in VALUES.items()
    }
    return pa.table(columns)


def footer_of(table: pa.Table) -> Footer:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    metadata = pq.read_metadata(buffer)
    return read_of(File(path="memory", size=1, modified=0), metadata)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(table=tables(), predicate=PREDICATES)
def test_no_matching_row_is_pruned(table: pa.Table, predicate: Expr) -> None:
    footer = footer_of(table)
    kept = may_match(predicate, lambda name: footer.bounds(name, 0))
    batch = table.combine_chunks().to_batches()[0]
    try:
        matching = pc.any(pc.fill_null(decoded(evaluate(predicate, batch)), False)).as_py()
    except PartitaError:
        # Types without a common one, or an overflow: there is no answer to lose.
        return
    assert kept or not matching


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.lists(tables(), min_size=1, max_size=4), predicate=PREDICATES)
def test_many_pieces_are_pruned_like_each_of_them(data: list[pa.Table], predicate: Expr) -> None:
    schema = data[0].schema
    groups = RowGroups(
        [footer_of(table) for table in data],
        dict(zip(schema.names, schema.types, strict=True)),
        (),
    )
    kept = matching(predicate, len(groups), groups.column_bounds, groups.bounds)
    one_by_one = [may_match(predicate, partial(_at, groups, place)) for place in range(len(groups))]
    assert kept.tolist() == one_by_one


def _at(groups: RowGroups, place: int, name: str) -> Bounds:
    return groups.bounds(name, place)


COLUMN_CASES = [
    ("gt", [1, 5, 9], 9, False),
    ("ge", [1, 5, 9], 9, True),
    ("lt", [1, 5, 9], 1, False),
    ("le", [1, 5, 9], 1, True),
    ("eq", [1, 9], 10, False),
    ("eq", [1, 9], 5, True),
    ("eq", [7, 7], 7, True),
    ("ne", [7, 7], 7, False),
    ("ne", [7, 8], 7, True),
    ("eq", [2**62 + 1, 2**62 + 3], 2**62, False),
    ("lt", [1.0, 2.0], 0.5, False),
    ("eq", [1.0, NAN], 3.0, False),
    ("gt", [1.0, 2.0], 3.0, True),  # statistics leave NaN out, which is above all numbers
    ("eq", [None, None], 1, False),
    ("lt", ["b", "c"], "a", False),
    ("gt", ["b", "c"], "d", False),
    ("lt", [dt.date(2020, 1, 1)], dt.date(2019, 1, 1), False),
    ("ge", [dt.date(2020, 1, 1)], dt.datetime(2020, 1, 1, 12), False),
    ("gt", [dt.datetime(2020, 1, 1, tzinfo=dt.UTC)], dt.datetime(2021, 1, 1, tzinfo=dt.UTC), False),
    ("eq", [Decimal("0.05"), Decimal("0.07")], Decimal("0.08"), False),
    ("eq", [Decimal("0.05"), Decimal("0.07")], 0.05, True),
    ("gt", [Decimal("0.05"), Decimal("0.07")], 0.08, False),
    ("eq", [True, True], False, False),
]


@pytest.mark.parametrize(("name", "values", "constant", "kept"), COLUMN_CASES)
def test_what_is_pruned(name: str, values: list, constant: object, kept: bool) -> None:
    footer = footer_of(pa.table({"a": values}))
    predicate = Call(name, (Column("a"), literal(constant)))
    assert may_match(predicate, lambda column: footer.bounds(column, 0)) is kept


@pytest.mark.parametrize(("prefix", "kept"), [("b", True), ("", True), ("a", False), ("c", False)])
def test_prefixes(prefix: str, kept: bool) -> None:
    footer = footer_of(pa.table({"a": ["ba", "bz"]}))
    predicate = Call("str.starts_with", (Column("a"), literal(prefix)))
    assert may_match(predicate, lambda column: footer.bounds(column, 0)) is kept
    none = Call("not", (predicate,))
    assert may_match(none, lambda column: footer.bounds(column, 0)) is (prefix not in ("b", ""))


def test_nan_is_a_case_of_its_own() -> None:
    footer = footer_of(pa.table({"a": [1.0, 2.0]}))
    between = Call("is_between", (Column("a"), literal(3.0), literal(4.0)))
    assert not may_match(between, lambda name: footer.bounds(name, 0))


def test_what_is_not_understood_is_kept() -> None:
    footer = footer_of(pa.table({"a": [1]}))
    strange = Call("eq", (Call("add", (Column("a"), literal(1))), literal(100)))
    assert may_match(strange, lambda name: footer.bounds(name, 0))
    both = Call("and", (strange, Call("gt", (Column("a"), literal(5)))))
    assert not may_match(both, lambda name: footer.bounds(name, 0))
