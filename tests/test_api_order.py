"""Sorts, firsts and distinct rows over every type that has an order, however the rows are cut."""

from __future__ import annotations

import datetime
import functools
import math
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

from .every_way import run_every_way

NAN = math.nan
ROWS = 41

VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "int8": (pa.int8(), [3, -128, 127, 0]),
    "int64": (pa.int64(), [2**63 - 1, -(2**63), 0, 5]),
    "uint64": (pa.uint64(), [2**64 - 1, 0, 2**63, 7]),
    "float32": (pa.float32(), [0.5, -0.0, 0.0, NAN, math.inf, -math.inf]),
    "float64": (pa.float64(), [0.5, -0.0, 0.0, NAN, math.inf, -math.inf, 5e-324]),
    "boolean": (pa.bool_(), [True, False]),
    "string": (pa.string(), ["b", "", "a", "ä", "Z", "long enough for two words", "b\0"]),
    "large_string": (pa.large_string(), ["b", "", "a", "ä", "Z"]),
    "binary": (pa.binary(), [b"b", b"", b"\xff", b"\x00", b"b\x00"]),
    "large_binary": (pa.large_binary(), [b"b", b"", b"\xff"]),
    "fixed binary": (pa.binary(2), [b"ab", b"\x00\x01", b"\xff\xff"]),
    "date": (pa.date32(), [datetime.date(2024, 2, 29), datetime.date(1969, 1, 1)]),
    "time": (pa.time64("us"), [datetime.time(1, 2, 3), datetime.time(23, 0), datetime.time(0)]),
    "time32": (pa.time32("s"), [datetime.time(1, 2, 3), datetime.time(23, 0)]),
    "timestamp": (pa.timestamp("ns"), [10**18, -(10**18), 0]),
    "timestamp with zone": (pa.timestamp("ms", "Europe/Paris"), [10**12, -(10**12), 0]),
    "duration": (pa.duration("us"), [5, -5, 0]),
    "decimal": (pa.decimal128(12, 2), [Decimal("1.10"), Decimal("-2.25"), Decimal("0.00")]),
    "wide decimal": (
        pa.decimal128(38, 4),
        [
            Decimal("9999999999999999999999999999999999.1234"),
            Decimal("-1.5"),
            Decimal("0"),
            Decimal("-9999999999999999999999999999999999.1234"),
        ],
    ),
    "dictionary": (pa.dictionary(pa.int32(), pa.string()), ["b", "", "a", "Z"]),
    "null": (pa.null(), [None]),
}


def column(name: str, nulls: bool, rows: int = ROWS) -> pa.Array:
    """Return values of a type over and over, in an order of no meaning, perhaps with nulls."""
    dtype, values = VALUES[name]
    pool = [*values, None] if nulls else values
    chosen = [pool[(row * row + 3 * row) % 101 % len(pool)] for row in range(rows)]
    if pa.types.is_dictionary(dtype):
        return pa.array(chosen, pa.string()).dictionary_encode()
    return pa.array(chosen, dtype)


def rank(value: Any) -> Any:
    """Return what Python compares as the values are ordered: NaN is greater than every number."""
    if isinstance(value, float):
        return (1, 0.0) if math.isnan(value) else (0, value)
    return value.encode() if isinstance(value, str) else value


def ordered(rows: list[int], values: list[Any], *, descending: bool, nulls_last: bool) -> list[int]:
    """Return the numbers of the rows by their values; equal ones as they were."""
    # Python keeps equal ones in order also when it sorts the other way round.
    nulls = [row for row in rows if values[row] is None]
    rest = [row for row in rows if values[row] is not None]
    rest.sort(key=lambda row: rank(values[row]), reverse=descending)
    return rest + nulls if nulls_last else nulls + rest


def plain(array: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Return values as Python's, times of nanoseconds and the like as integers."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_time32(array.type):
        array = array.cast(pa.int32())
    elif pa.types.is_temporal(array.type) and not pa.types.is_date32(array.type):
        array = array.cast(pa.int64())
    return array.to_pylist()


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("nulls_last", [False, True])
def test_rows_are_sorted_by_every_type_and_equal_ones_stay(
    name: str, descending: bool, nulls_last: bool
) -> None:
    table = pa.table({"v": column(name, nulls=True), "row": list(range(ROWS))})
    options = {"descending": descending, "nulls_last": nulls_last}
    expected = ordered(list(range(ROWS)), plain(table["v"]), **options)
    for way, found in run_every_way(lambda df: df.sort("v", **options), table, parts=(9,)):
        assert found["row"].to_pylist() == expected, way
        assert found.schema.field("v").type == pt.from_arrow(table).schema.field("v").type


def test_a_sort_by_every_type_runs_in_workers() -> None:
    table = pa.table({name: column(name, nulls=True) for name in VALUES} | {"row": range_of(ROWS)})
    keys = [name for name in VALUES if name != "null"]
    flags = [number % 2 == 0 for number in range(len(keys))]
    rows = list(range(ROWS))
    for name, flag in reversed(list(zip(keys, flags, strict=True))):
        rows = ordered(rows, plain(table[name]), descending=flag, nulls_last=not flag)
    answers = run_every_way(
        lambda df: df.sort(*keys, descending=flags, nulls_last=[not flag for flag in flags]),
        table,
        parts=(7,),
        processes=True,
    )
    for way, found in answers:
        assert found["row"].to_pylist() == rows, way


def range_of(count: int) -> pa.Array:
    return pa.array(range(count), pa.int64())


KEYS = pa.table(
    {
        "a": pa.array([None if n % 5 == 0 else n % 3 for n in range(ROWS)], pa.int8()),
        "b": pa.array([[0.0, -0.0, NAN, None, 2.5][n * n % 5] for n in range(ROWS)]),
        "c": pa.array([None if n % 4 == 1 else "xyz"[n % 3] for n in range(ROWS)]),
        "row": range_of(ROWS),
    }
)


@pytest.mark.parametrize("descending", [False, True, [True, False, True], [False, True, False]])
@pytest.mark.parametrize("nulls_last", [False, True, [True, False, False], [False, True, True]])
def test_several_keys_are_each_sorted_as_is_said(descending: Any, nulls_last: Any) -> None:
    options = {"descending": descending, "nulls_last": nulls_last}
    frame = pl.DataFrame(pl.from_arrow(KEYS))
    expected = frame.sort("a", "b", "c", maintain_order=True, **options)["row"].to_list()
    for way, found in run_every_way(
        lambda df: df.sort("a", "b", "c", **options), KEYS, parts=(1, 7)
    ):
        assert found["row"].to_pylist() == expected, way


def test_keys_may_be_expressions() -> None:
    frame = pl.DataFrame(pl.from_arrow(KEYS))
    expected = frame.sort(
        -pl.col("a"), pl.col("c").str.len_chars() + pl.col("row") % 4, maintain_order=True
    )["row"].to_list()
    query = lambda df: df.sort(-col("a"), col("c").str.len_chars() + col("row") % 4)  # noqa: E731
    for way, found in run_every_way(query, KEYS, processes=True):
        assert found["row"].to_pylist() == expected, way
        assert found.schema.names == ["a", "b", "c", "row"]


@pytest.mark.parametrize("verb", ["top_k", "bottom_k"])
@pytest.mark.parametrize("k", [0, 1, 9, ROWS, ROWS + 5])
@pytest.mark.parametrize("reverse", [False, True, [True, False]])
def test_the_first_by_several_keys_are_those_of_polars(verb: str, k: int, reverse: Any) -> None:
    # By the number of the row at last, as the choice among equal rows is not promised by Polars.
    by = ["a", "b", "row"]
    turned = [*reverse, False] if isinstance(reverse, list) else reverse
    frame = pl.DataFrame(pl.from_arrow(KEYS)).lazy()
    expected = getattr(frame, verb)(k, by=by, reverse=turned).collect()["row"].to_list()
    query = lambda df: getattr(df, verb)(k, by=by, reverse=turned)  # noqa: E731
    for way, found in run_every_way(query, KEYS, parts=(2, 7)):
        assert found["row"].to_pylist() == expected, way


def test_the_first_are_a_sort_with_nulls_last() -> None:
    for way, found in run_every_way(lambda df: df.top_k(12, by=["b", "a"]), KEYS, processes=True):
        whole = pt.from_arrow(KEYS).sort("b", "a", descending=True, nulls_last=True).head(12)
        assert found["row"].to_pylist() == whole.to_pydict()["row"], way


def test_sort_values_is_that_of_pandas() -> None:
    table = KEYS.select(["a", "c", "row"])
    pandas = table.to_pandas()
    for ascending in (True, False, [True, False]):
        for na_position in ("first", "last"):
            options = {"ascending": ascending, "na_position": na_position}
            expected = pandas.sort_values(["a", "c"], kind="stable", **options)["row"].tolist()
            query = lambda df, options=options: df.sort_values(  # noqa: E731
                ["a", "c"], kind="mergesort", ignore_index=True, **options
            )
            for way, found in run_every_way(query, table, parts=(7,)):
                assert found["row"].to_pylist() == expected, way
    with pytest.raises(errors.SchemaError, match="every sort is stable"):
        pt.from_arrow(table).sort_values("a", kind="bogo")


def test_what_cannot_be_sorted_is_refused_where_it_is_asked_for() -> None:
    df = pt.from_pydict({"s": [{"x": 1}], "v": [[1]], "a": [1]})
    for name in ("s", "v"):
        with pytest.raises(errors.TypeMismatch, match=f"Rows cannot be sorted by {name}"):
            df.sort(name)
    with pytest.raises(errors.SchemaError, match="there are 2 keys"):
        df.sort("a", "a", descending=[True])
    with pytest.raises(errors.SchemaError, match="there are 1 keys"):
        df.top_k(1, by="a", reverse=[True, False])
    with pytest.raises(errors.SchemaError, match=r"\.reverse\(\)\.slice\(2\)\.reverse\(\)"):
        df.head(-2)
    with pytest.raises(errors.SchemaError, match=r"\.slice\(3\)"):
        df.tail(-3)


@pytest.mark.parametrize("rows", [0, 1, 2])
@pytest.mark.parametrize("nulls", [True, False])
def test_few_rows_or_nulls_alone_are_sorted_and_made_unique(rows: int, nulls: bool) -> None:
    values = [None] * rows if nulls else [5] * rows
    table = pa.table({"v": pa.array(values, pa.int64()), "row": range_of(rows)})
    for way, found in run_every_way(lambda df: df.sort("v", "row", descending=True), table):
        assert found["row"].to_pylist() == list(range(rows))[::-1], way
    for way, found in run_every_way(lambda df: df.unique("v", keep="last"), table):
        assert found["row"].to_pylist() == list(range(rows))[-1:], way


def key(value: Any) -> Any:
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else value + 0.0
    return value


def kept(values: list[Any], keep: str) -> list[int]:
    """Return the numbers of the rows that are kept, in their order."""
    groups: dict[Any, list[int]] = {}
    for row, value in enumerate(values):
        groups.setdefault(key(value), []).append(row)
    if keep == "none":
        return sorted(rows[0] for rows in groups.values() if len(rows) == 1)
    return sorted(rows[-1 if keep == "last" else 0] for rows in groups.values())


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("keep", ["first", "last", "none"])
def test_one_row_of_each_value_of_every_type(name: str, keep: str) -> None:
    dtype, values = VALUES[name]
    rows = [*column(name, nulls=True).to_pylist(), values[0]]
    once = pa.array(rows, dtype if not pa.types.is_dictionary(dtype) else pa.string())
    if pa.types.is_dictionary(dtype):
        once = once.dictionary_encode()
    table = pa.table({"v": once, "row": range_of(len(rows))})
    expected = kept(plain(table["v"]), keep)
    for way, found in run_every_way(
        lambda df: df.unique("v", keep=keep, maintain_order=True), table, parts=(9,)
    ):
        assert found["row"].to_pylist() == expected, way
        assert found.schema.field("v").type == pt.from_arrow(table).schema.field("v").type, way
    for way, found in run_every_way(lambda df: df.unique("v", keep=keep), table, parts=(9,)):
        assert sorted(found["row"].to_pylist()) == expected, way


@pytest.mark.parametrize("keep", ["first", "last", "none", "any"])
@pytest.mark.parametrize("subset", [["a"], ["a", "b"], ["b", "c"], None])
@pytest.mark.parametrize("maintain_order", [True, False])
def test_distinct_rows_are_those_of_polars(keep: Any, subset: Any, maintain_order: bool) -> None:
    table = KEYS if subset is not None else KEYS.drop_columns("row")
    frame = pl.DataFrame(pl.from_arrow(table))
    compare = ["row"] if subset is not None and keep != "any" else subset or table.schema.names
    expected = frame.unique(subset, keep=keep, maintain_order=True).select(compare).to_dicts()
    answers = run_every_way(
        lambda df: df.unique(subset, keep=keep, maintain_order=maintain_order),
        table,
        processes=subset == ["a", "b"],
    )
    text = functools.partial(map, repr)
    for way, found in answers:
        rows = found.select(compare).to_pylist()
        zeros = [{n: v + 0.0 if isinstance(v, float) else v for n, v in r.items()} for r in rows]
        wanted = [
            {n: v + 0.0 if isinstance(v, float) else v for n, v in r.items()} for r in expected
        ]
        if maintain_order:
            assert list(text(zeros)) == list(text(wanted)), way
        else:
            assert sorted(text(zeros)) == sorted(text(wanted)), way


@pytest.mark.parametrize("keep", ["first", "last", False])
def test_drop_duplicates_is_that_of_pandas(keep: Any) -> None:
    table = KEYS.select(["a", "c", "row"])
    expected = table.to_pandas().drop_duplicates(["a", "c"], keep=keep)["row"].tolist()
    for way, found in run_every_way(lambda df: df.drop_duplicates(["a", "c"], keep=keep), table):
        assert sorted(found["row"].to_pylist()) == expected, way


def test_distinct_rows_are_not_gathered() -> None:
    table = pa.table({"v": list(range(200))})
    with pt.config.set(executor="serial", partition_bytes=200, exchange_bytes=100):
        profile = pt.from_arrow(table).unique(keep="last").collect().profile
    assert "hash" in str(profile)
    assert "gather" not in str(profile)


def test_lists_and_structs_are_not_compared_and_that_is_said_at_once() -> None:
    df = pt.from_pydict({"a": [1, 1], "v": [[1], [2]], "s": [{"x": 1}] * 2})
    with pytest.raises(errors.TypeMismatch, match=r"column 'v' is list.*Name the other columns"):
        df.unique()
    with pytest.raises(errors.TypeMismatch, match="column 's' is struct"):
        df.unique("s")
    assert df.unique("a", keep="last").to_pydict() == {"a": [1], "v": [[2]], "s": [{"x": 1}]}
