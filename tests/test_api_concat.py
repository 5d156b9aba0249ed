"""Frames one below the other and side by side, however each of them is cut."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

from .every_way import cuts
from .same_rows import difference

TYPES = ("int8", "int32", "int64", "uint8", "uint64", "float32", "float64")


def made(rows: int, names: str, start: int = 0) -> pa.Table:
    """Return rows of text and numbers, with nulls."""
    columns: dict[str, pa.Array] = {}
    for place, name in enumerate(names):
        numbers = [None if n % 6 == place else start + n * (place + 1) for n in range(rows)]
        text = [None if n is None else f"{name}{n}" for n in numbers]
        columns[name] = pa.array(text, pa.string()) if place % 2 else pa.array(numbers, pa.int64())
    return pa.table(columns)


def answers(query: Any, tables: list[pa.Table]) -> Iterator[tuple[str, pa.Table]]:
    """Yield what `query` gives of the frames, cut in several ways, here and in workers."""
    for parts in (1, 2, 7, 20):
        with pt.config.set(executor="serial", **cuts(tables[0], parts)):
            yield f"{parts} parts", query([pt.from_arrow(t) for t in tables]).collect().to_arrow()
    with pt.config.set(executor="serial", optimize=False, **cuts(tables[0], 7)):
        yield "as written", query([pt.from_arrow(t) for t in tables]).collect().to_arrow()


SIZES: dict[str, list[int]] = {
    "equal": [30, 30, 30],
    "one row": [1, 1, 1],
    "no row": [0, 0, 0],
    "first is longest": [33, 30, 4],
    "last is longest": [4, 0, 41],
    "middle is longest": [1, 29, 28],
}


@pytest.mark.parametrize("name", SIZES)
def test_frames_side_by_side_are_those_of_polars(name: str) -> None:
    sizes = SIZES[name]
    tables = [made(*each) for each in zip(sizes, ["ab", "c", "def"], strict=True)]
    frames = [pl.DataFrame(pl.from_arrow(table)) for table in tables]
    expected = pl.concat(frames, how="horizontal_extend")
    for way, found in answers(lambda dfs: pt.concat(dfs, how="horizontal_extend"), tables):
        same = expected.to_arrow().cast(found.schema)
        assert difference(found, same, ordered=True) is None, way
    for parts in (1, 7):
        with pt.config.set(executor="serial", **cuts(tables[0], parts)):
            frame = pt.concat([pt.from_arrow(table) for table in tables], how="horizontal")
            if len(set(sizes)) == 1:
                assert len(frame.collect().to_arrow()) == sizes[0]
                continue
            told = ", ".join(f"{size} rows in frame {n}" for n, size in enumerate(sizes, start=1))
            with pytest.raises(errors.ComputeError, match=f"{told}.*horizontal_extend"):
                frame.collect()


def test_frames_side_by_side_may_be_made_of_anything() -> None:
    tables = [made(60, "ab"), made(40, "cd")]

    def query(dfs: list[pt.DataFrame]) -> pt.DataFrame:
        first = dfs[0].filter(col("a") > 20).sort("a", descending=True)
        second = dfs[1].with_columns(e=col("c") * 2).filter(col("c") > 3)
        both = pt.concat([first, second, first.select(z="b")], how="horizontal_extend")
        return both.with_row_index().filter(col("index") % 2 == 0).select("index", "d", "z", "e")

    frames = [pl.DataFrame(pl.from_arrow(table)) for table in tables]
    one = frames[0].filter(pl.col("a") > 20).sort("a", descending=True)
    two = frames[1].with_columns(e=pl.col("c") * 2).filter(pl.col("c") > 3)
    both = pl.concat([one, two, one.select(z="b")], how="horizontal_extend").with_row_index()
    expected = both.filter(pl.col("index") % 2 == 0).select("index", "d", "z", "e")
    for way, found in answers(query, tables):
        same = expected.to_arrow().cast(found.schema)
        assert difference(found, same, ordered=True) is None, way
    with pt.config.set(executor="process", workers=2, **cuts(tables[0], 7)):
        found = query([pt.from_arrow(table) for table in tables]).collect().to_arrow()
    assert difference(found, same, ordered=True) is None


def test_a_frame_beside_itself_is_made_once_and_nothing_is_gathered() -> None:
    table = made(60, "ab")
    with pt.config.set(executor="serial", **cuts(table, 7)):
        df = pt.from_arrow(table).sort("a")
        both = pt.concat([df, df.rename({"a": "x", "b": "y"})], how="horizontal")
        result = both.collect()
    assert result.to_pydict()["a"] == result.to_pydict()["x"]
    assert "gather" not in str(result.profile)
    assert sum("sort" in stage.label for stage in result.profile.stages) <= 2


def test_only_the_columns_that_are_wanted_are_put_side_by_side() -> None:
    tables = [made(30, "ab"), made(30, "cd")]
    both = pt.concat([pt.from_arrow(table) for table in tables], how="horizontal")
    plan = both.select("b", "c").explain()
    assert "columns: 1 of 2 [b]" in plan
    assert "columns: 1 of 2 [c]" in plan
    # One column is read to know how many rows there are.
    assert len(both.select("b")) == 30


def test_columns_of_one_name_cannot_stand_side_by_side() -> None:
    df = pt.from_pydict({"a": [1], "b": [2]})
    with pytest.raises(errors.DuplicateColumn, match="frames 1 and 2 both have a column 'a'"):
        pt.concat([df, df], how="horizontal")
    assert pt.concat([df], how="horizontal").to_pydict() == {"a": [1], "b": [2]}
    with pytest.raises(errors.InvalidExpression, match="horizontal_extend"):
        pt.concat([df], how="horizontal", strict=False)  # type: ignore[call-arg]
    with pytest.raises(errors.SchemaError, match="'horizontal_extend'"):
        pt.concat([df], how="sideways")


@pytest.mark.parametrize("left", TYPES)
@pytest.mark.parametrize("right", TYPES)
def test_relaxed_frames_are_widened_without_loss(left: str, right: str) -> None:
    tables = [pa.table({"v": pa.array([1, None, 100], t)}) for t in (left, right)]
    frames = [pt.from_arrow(table) for table in tables]
    for how in ("vertical_relaxed", "diagonal", "diagonal_relaxed"):
        found = pt.concat(frames, how=how).collect().to_arrow()
        assert found["v"].to_pylist() == [1, None, 100, 1, None, 100]
    if left == right:
        return
    with pytest.raises(errors.SchemaError, match="Select and cast"):
        pt.concat(frames)


def test_types_meet_in_the_least_that_holds_both() -> None:
    def met(*types: Any) -> str:
        frames = [pt.from_arrow(pa.table({"v": pa.nulls(1, t)})) for t in types]
        return str(pt.concat(frames, how="vertical_relaxed").dtypes[0])

    assert met(pa.int8(), pa.uint8()) == "int16"
    assert met(pa.int64(), pa.float32()) == "double"
    assert met(pa.decimal128(5, 2), pa.int16()) == "decimal128(7, 2)"
    assert met(pa.timestamp("s"), pa.timestamp("ns"), pa.date32()) == "timestamp[ns]"
    assert met(pa.null(), pa.string()) == "string"
    for types in ((pa.string(), pa.int64()), (pa.timestamp("s", "UTC"), pa.timestamp("s"))):
        with pytest.raises(errors.SchemaError, match="no common type"):
            met(*types)


def test_vertical_wants_the_same_columns_in_the_same_order() -> None:
    one, two = pt.from_pydict({"a": [1], "b": [2]}), pt.from_pydict({"b": [1], "a": [2.5]})
    for how in ("vertical", "vertical_relaxed"):
        with pytest.raises(errors.SchemaError, match=r"how=.diagonal"):
            pt.concat([one, two], how=how)
    assert pt.concat([one, two], how="diagonal").to_pydict() == {"a": [1.0, 2.5], "b": [2, 1]}


def test_frames_below_each_other_keep_their_order() -> None:
    tables = [made(30, "ab"), made(0, "ab"), made(17, "ab", 100), made(1, "ab", 300)]
    expected = pa.concat_tables(tables)
    for way, found in answers(lambda dfs: pt.concat(dfs), tables):
        assert difference(found, expected, ordered=True) is None, way


def test_missing_columns_are_null() -> None:
    tables = [made(9, "ab"), made(5, "bc"), made(3, "d")]
    tables[1] = tables[1].set_column(0, "b", pa.nulls(5, pa.string()))
    frames = [pl.DataFrame(pl.from_arrow(table)) for table in tables]
    expected = pl.concat(frames, how="diagonal_relaxed")
    for way, found in answers(lambda dfs: pt.concat(dfs, how="diagonal"), tables):
        same = expected.to_arrow().cast(found.schema)
        assert difference(found, same, ordered=True) is None, way


def test_nan_is_not_a_missing_row() -> None:
    frames = [pt.from_pydict({"a": [math.nan, -0.0]}), pt.from_pydict({"b": [1]})]
    found = pt.concat(frames, how="horizontal_extend").to_pydict()
    assert math.isnan(found["a"][0])
    assert math.copysign(1, found["a"][1]) == -1
    assert found["b"] == [1, None]
