"""From long to wide: cells, names and nulls as Polars has them, however the rows are cut."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

from .every_way import run_every_way
from .same_rows import difference

ROWS = 47
TABLE = pa.table(
    {
        "i": pa.array([None if n % 11 == 0 else n % 4 for n in range(ROWS)], pa.int64()),
        "j": ["uvw"[n % 3] for n in range(ROWS)],
        "k": pa.array([None if n % 7 == 3 else "xyz"[n * n % 3] for n in range(ROWS)]),
        "v": pa.array([None if n % 5 == 1 else n * 3 % 17 for n in range(ROWS)], pa.int64()),
        "w": pa.array([math.nan if n % 13 == 2 else n / 2 for n in range(ROWS)]),
    }
)
ON = ["x", "y", None, "q"]


@pytest.mark.parametrize(
    "aggregate", ["sum", "mean", "min", "max", "first", "last", "len", "median"]
)
@pytest.mark.parametrize("index", ["i", ["i", "j"]])
@pytest.mark.parametrize("values", ["v", ["v", "w"]])
def test_cells_are_those_of_polars(aggregate: Any, index: Any, values: Any) -> None:
    options = {"on_columns": ON, "index": index, "values": values, "maintain_order": True}
    frame = pl.DataFrame(pl.from_arrow(TABLE)).lazy()
    expected = frame.pivot("k", aggregate_function=aggregate, **options).collect()
    query = lambda df: df.pivot("k", aggregate=aggregate, **options)  # noqa: E731
    for way, found in run_every_way(query, TABLE, parts=(1, 7), processes=aggregate == "first"):
        assert found.schema.names == expected.columns
        same = expected.to_arrow().cast(found.schema)
        assert difference(found, same, ordered=True, rough=found.schema.names[1:]) is None, way


def test_an_aggregate_may_be_computed_of_the_values() -> None:
    frame = pl.DataFrame(pl.from_arrow(TABLE)).lazy()
    each = pl.element()
    expected = frame.pivot(
        "k",
        on_columns=ON,
        index="i",
        values="v",
        aggregate_function=each.max() - each.min() + each.count(),
        maintain_order=True,
    ).collect()
    query = lambda df: df.pivot(  # noqa: E731
        "k",
        ON,
        index="i",
        values="v",
        aggregate=lambda v: v.max() - v.min() + v.count(),
        maintain_order=True,
    )
    for way, found in run_every_way(query, TABLE):
        same = expected.to_arrow().cast(found.schema)
        assert difference(found, same, ordered=True) is None, way


def test_columns_of_several_are_named_as_by_polars() -> None:
    cells = {"k": ["x", "y", None], "i": [1, 2, None]}
    frame = pl.DataFrame(pl.from_arrow(TABLE)).lazy()
    expected = frame.pivot(
        ["k", "i"],
        on_columns=pl.DataFrame(cells),
        index="j",
        values=["v", "w"],
        aggregate_function="sum",
        maintain_order=True,
    ).collect()
    tuples = list(zip(*cells.values(), strict=True))
    for given in (cells, pl.DataFrame(cells), pa.table(cells), tuples):
        wide = pt.from_arrow(TABLE).pivot(
            ["k", "i"], given, index="j", values=["v", "w"], aggregate="sum", maintain_order=True
        )
        found = wide.collect().to_arrow()
        same = expected.to_arrow().cast(found.schema)
        assert difference(found, same, ordered=True, rough=found.schema.names) is None


NAMED: dict[str, list[Any]] = {
    "integers": [3, -1],
    "floats": [1.0, 0.1, 1e20],
    "booleans": [True, False],
    "dates": [datetime.date(2024, 2, 29)],
    "times": [datetime.datetime(2024, 2, 29, 1, 2, 3)],
    "decimals": [Decimal("1.50")],
}


@pytest.mark.parametrize("name", NAMED)
def test_columns_are_called_like_their_values(name: str) -> None:
    values = NAMED[name]
    data = {"i": [1] * len(values), "k": values, "v": list(range(len(values)))}
    expected = pl.DataFrame(data).pivot("k", index="i", values="v", aggregate_function="first")
    wide = pt.from_pydict(data).pivot("k", values, index="i", values="v", aggregate="first")
    assert wide.columns == expected.columns
    assert wide.to_dicts() == expected.to_dicts()


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_few_rows_or_nulls_alone(rows: int) -> None:
    table = pa.table(
        {
            "i": pa.nulls(rows, pa.int64()),
            "k": pa.nulls(rows, pa.string()),
            "v": pa.nulls(rows, pa.float64()),
        }
    )
    options = {"on_columns": ["x", None], "index": "i", "values": "v"}
    frame = pl.DataFrame(pl.from_arrow(table)).lazy()
    for aggregate in ("sum", "first", "len"):
        expected = frame.pivot("k", aggregate_function=aggregate, **options).collect()
        query = lambda df, a=aggregate: df.pivot("k", aggregate=a, **options)  # noqa: E731
        for way, found in run_every_way(query, table):
            assert found.to_pylist() == expected.to_dicts(), way


def test_what_is_not_said_follows_from_the_rest() -> None:
    df = pt.from_arrow(TABLE.select(["i", "k", "v"]))
    given = df.pivot("k", ["x"], index="i", values="v", aggregate="max")
    assert df.pivot("k", ["x"], index="i", aggregate="max").plan == given.plan
    assert df.pivot("k", ["x"], values="v", aggregate="max").plan == given.plan
    assert df.pivot("k", pa.array(["x"]), values="v", aggregate="max").plan == given.plan
    assert given.schema == pa.schema([("i", pa.int64()), ("x", pa.int64())])
    with pytest.raises(errors.SchemaError, match=r"index=, values= or both"):
        df.pivot("k", ["x"], aggregate="max")
    with pytest.raises(errors.SchemaError, match="leaves no column for values"):
        df.pivot("k", ["x"], index=["i", "v"], aggregate="max")


def test_what_is_missing_is_asked_for_with_the_way_to_get_it() -> None:
    df = pt.from_arrow(TABLE)
    how = r"on_columns=df.select\(.k.\).unique\(\).to_pydict\(\)\[.k.\]"
    with pytest.raises(errors.SchemaError, match=how):
        df.pivot("k", index="i", values="v", aggregate="sum")
    with pytest.raises(errors.SchemaError, match=r"df.select\('k', 'i'\)"):
        df.pivot(["k", "i"], index="j", values="v", aggregate="sum")
    with pytest.raises(errors.SchemaError, match="aggregate='first'"):
        df.pivot("k", ["x"], index="i", values="v")
    with pytest.raises(errors.SchemaError, match="has not been run"):
        df.pivot("k", df.select("k"), index="i", values="v", aggregate="sum")
    with pytest.raises(errors.TypeMismatch, match="column 'k'"):
        df.pivot("k", [1], index="i", values="v", aggregate="sum")
    with pytest.raises(errors.DuplicateColumn, match="column 'x' twice"):
        df.pivot("k", ["x", "x"], index="i", values="v", aggregate="sum")
    with pytest.raises(errors.SchemaError, match="on_columns is empty"):
        df.pivot("k", [], index="i", values="v", aggregate="sum")
    with pytest.raises(errors.InvalidExpression, match="there is no aggregate 'summ'"):
        df.pivot("k", ["x"], index="i", values="v", aggregate="summ")
    with pytest.raises(errors.InvalidExpression, match="a function of a column"):
        df.pivot("k", ["x"], index="i", values="v", aggregate=col("v").sum())  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidExpression, match="write aggregate="):
        df.pivot("k", ["x"], index="i", values="v", aggregate_function="sum")  # type: ignore[call-arg]
    with pytest.raises(errors.ColumnNotFound):
        df.pivot("nope", ["x"], index="i", values="v", aggregate="sum")


@pytest.mark.parametrize("aggfunc", ["mean", "max", "count"])
def test_a_pivot_table_is_that_of_pandas(aggfunc: Any) -> None:
    table = TABLE.filter(pa.compute.and_(TABLE["i"].is_valid(), TABLE["k"].is_valid()))
    pandas = table.to_pandas()
    expected = pandas.pivot_table("v", "i", "k", aggfunc).reset_index()
    query = lambda df: df.pivot_table(  # noqa: E731
        "v", "i", "k", aggfunc, on_columns=["x", "y"]
    ).sort("i")
    for way, found in run_every_way(query, table):
        for name in ("i", "x", "y"):
            mine = [math.nan if value is None else value for value in found[name].to_pylist()]
            assert mine == pytest.approx(expected[name].tolist(), nan_ok=True), way


def test_a_pivot_table_may_fill_what_is_missing() -> None:
    df = pt.from_pydict({"i": [1, None], "k": ["x", "y"], "v": [5, 6]})
    wide = df.pivot_table("v", "i", "k", "max", on_columns=["x", "y"], fill_value=0).sort("i")
    assert wide.to_pydict() == {"i": [None, 1], "x": [0, 5], "y": [6, 0]}
    with pytest.raises(errors.SchemaError, match="columns="):
        df.pivot_table("v", "i")
    with pytest.raises(errors.SchemaError, match="on_columns="):
        df.pivot_table("v", "i", "k")


def test_rows_of_other_values_make_an_index_all_the_same() -> None:
    df = pt.from_pydict({"i": [1, 2], "k": ["x", "other"], "v": [5, 6]})
    wide = df.pivot("k", ["x"], index="i", values="v", aggregate="first", maintain_order=True)
    assert wide.to_pydict() == {"i": [1, 2], "x": [5, None]}
