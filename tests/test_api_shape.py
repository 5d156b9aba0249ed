"""Lists to rows, structs to columns, long and wide, row numbers, samples: as Polars does it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

from .every_way import PARTS, cuts, run_every_way
from .same_rows import difference, same_bits

LISTS: dict[str, list[list[Any] | None]] = {
    "some null, some empty": [[1, 2], [], None, [5], [None], [7, 8, 9], None, []],
    "plain": [[1], [2, 3], [4, 5, 6, 7], [8]],
    "all null": [None, None, None],
    "all empty": [[], []],
    "no row": [],
    "one row": [[3, 4]],
    "one null": [None],
}
TYPES = {
    "list": pa.list_(pa.int64()),
    "large_list": pa.large_list(pa.int64()),
    "text": pa.list_(pa.string()),
    "floats": pa.list_(pa.float32()),
    "lists": pa.list_(pa.list_(pa.int64())),
    "structs": pa.list_(pa.struct({"x": pa.int64()})),
}


def as_type(values: list[list[Any] | None], dtype: pa.DataType) -> pa.Array:
    def one(value: Any) -> Any:
        if value is None:
            return None
        inner = dtype.value_type
        if pa.types.is_string(inner):
            return f"t{value}"
        if pa.types.is_list(inner):
            return [value, None]
        return {"x": value} if pa.types.is_struct(inner) else value

    return pa.array([None if v is None else [one(each) for each in v] for v in values], dtype)


def polars_of(table: pa.Table) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(table))


def rows_of(frame: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    return frame.select(schema.names).to_arrow().cast(schema)


@pytest.mark.parametrize("data", LISTS)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("empty_as_null", [False, True])
@pytest.mark.parametrize("keep_nulls", [True, False])
def test_explode_gives_the_rows_of_polars(
    data: str, dtype: str, empty_as_null: bool, keep_nulls: bool
) -> None:
    lists = as_type(LISTS[data], TYPES[dtype])
    table = pa.table({"k": list(range(len(lists))), "v": lists, "w": [f"r{n}" for n in lists]})
    table = table.set_column(0, "k", pa.array(range(len(lists)), pa.int64()))
    table = table.set_column(2, "w", pa.array([f"r{n}" for n in range(len(lists))], pa.string()))
    options = {"empty_as_null": empty_as_null, "keep_nulls": keep_nulls}
    expected = polars_of(table).explode("v", **options).to_dicts()
    for way, found in run_every_way(lambda df: df.explode("v", **options), table):
        assert found.to_pylist() == expected, way
        assert found.schema.field("v").type == TYPES[dtype].value_type


def test_explode_takes_several_columns_side_by_side() -> None:
    table = pa.table(
        {
            "a": pa.array([[1, 2], None, [], [3]], pa.list_(pa.int64())),
            "k": [1, 2, 3, 4],
            "b": pa.array([["x", "y"], None, [], ["z"]], pa.large_list(pa.string())),
        }
    )
    expected = polars_of(table).explode("a", "b").to_dicts()
    for way, found in run_every_way(lambda df: df.explode("a", "b"), table, processes=True):
        assert found.to_pylist() == expected, way


def test_explode_takes_lists_of_a_fixed_size_and_slices_of_them() -> None:
    values = [[1, 2], None, [3, None], [5, 6], [7, 8]]
    fixed = pa.array(values, pa.list_(pa.int64(), 2))
    for start in range(5):
        # Polars 2.1 does not take a slice of such an array, so the values are written out.
        expected = [each for row in values[start:] for each in row or [None]]
        table = pa.table({"v": fixed.slice(start), "w": pa.array(values).slice(start)})
        for name in ("v", "w"):
            query = lambda df, name=name: df.explode(name)  # noqa: E731
            for way, found in run_every_way(query, table.select([name])):
                assert found[name].to_pylist() == expected, way


def test_explode_names_the_lengths_that_differ() -> None:
    df = pt.from_pydict({"a": [[1], [1, 2]], "b": [[1], [1]], "c": [[1], None]})
    with pytest.raises(errors.ComputeError, match="'a' has 2, 'b' has 1"):
        df.explode("a", "b").collect()
    with pytest.raises(errors.ComputeError, match="'b' has 1, 'a' has 2"):
        df.explode("b", "a").collect()
    with pytest.raises(errors.ComputeError, match="'a' has 2, 'c' is null"):
        df.explode("a", "c").collect()
    # A null gives one row as well, and fits a list of one value in number alone: as a null it is.
    assert df.explode("b", "c").to_pydict()["c"] == [1, None]


def test_a_list_of_lists_is_exploded_twice() -> None:
    df = pt.from_pydict({"v": [[[1, 2], [3]], [[4]]]})
    assert df.explode("v").explode("v").to_pydict() == {"v": [1, 2, 3, 4]}


def test_explode_wants_lists() -> None:
    df = pt.from_pydict({"a": [1], "s": ["x"]})
    with pytest.raises(errors.TypeMismatch, match="column 'a' is int64"):
        df.explode("a")
    with pytest.raises(errors.SchemaError, match=r"explode needs a column of lists"):
        df.explode()
    with pytest.raises(errors.ColumnNotFound):
        df.explode("b")


STRUCTS = [{"x": 1, "y": "a"}, None, {"x": None, "y": "b"}, {"x": 4, "y": None}]


@pytest.mark.parametrize("rows", [STRUCTS, STRUCTS[:1], STRUCTS[1:2], [], [None] * 9, STRUCTS * 5])
@pytest.mark.parametrize("separator", [None, "_"])
def test_unnest_gives_the_columns_of_polars(rows: list[Any], separator: str | None) -> None:
    dtype = pa.struct({"x": pa.int64(), "y": pa.string()})
    table = pa.table(
        {
            "k": pa.array(range(len(rows)), pa.int64()),
            "s": pa.array(rows, dtype),
            "z": pa.array([None] * len(rows), pa.int8()),
        }
    )
    expected = polars_of(table).unnest("s", separator=separator)
    for way, found in run_every_way(lambda df: df.unnest("s", separator=separator), table):
        assert found.schema.names == expected.columns
        assert found.to_pylist() == expected.to_dicts(), way


def test_unnest_opens_several_and_by_default_all() -> None:
    df = pt.from_pydict({"s": [{"x": 1}], "a": [0], "t": [{"y": {"z": 2}}]})
    assert df.unnest("s", "t").to_pydict() == {"x": [1], "a": [0], "y": [{"z": 2}]}
    assert df.unnest().unnest().to_pydict() == {"x": [1], "a": [0], "z": [2]}
    assert df.unnest("t").select("a").to_pydict() == {"a": [0]}
    assert df.unnest("s", "t").filter(col("x") == 1, a=0).select("y").to_pydict() == {
        "y": [{"z": 2}]
    }
    # A field may be called like its struct.
    same = pt.from_pydict({"s": [{"s": 5, "q": 6}], "r": [7]})
    assert same.unnest("s").filter(s=5).to_pydict() == {"s": [5], "q": [6], "r": [7]}


def test_unnest_refuses_what_has_no_fields() -> None:
    df = pt.from_pydict({"a": [1], "s": [{"a": 2}]})
    with pytest.raises(errors.TypeMismatch, match="column 'a' is int64"):
        df.unnest("a")
    with pytest.raises(errors.DuplicateColumn, match="'a' occurs twice in unnest"):
        df.unnest("s")
    assert df.drop("s").unnest().columns == ["a"]


WIDE = pa.table(
    {
        "k": ["p", "q", None, "p", "r"] * 3,
        "a": pa.array([1, None, 3, 4, 5] * 3, pa.int32()),
        "b": [0.5, 1.5, math.nan, None, -0.0] * 3,
        "c": pa.array([7, 8, None, 9, 10] * 3, pa.int64()),
    }
)


@pytest.mark.parametrize(
    ("on", "index"),
    [
        (["a", "b"], ["k"]),
        (["a", "c"], None),
        (None, ["k"]),
        (["c"], ["k", "a"]),
        ("a", "a"),
        (["b", "a", "c"], "k"),
    ],
)
@pytest.mark.parametrize("rows", [15, 1, 0])
def test_unpivot_gives_the_rows_of_polars_in_their_order(on: Any, index: Any, rows: int) -> None:
    table = WIDE.slice(0, rows)
    expected = polars_of(table).unpivot(on, index=index)
    for way, found in run_every_way(lambda df: df.unpivot(on, index=index), table):
        same = rows_of(expected, found.schema)
        assert difference(found, same, ordered=True) is None, way


def test_unpivot_names_its_columns_and_widens_the_values() -> None:
    df = pt.from_arrow(WIDE.select(["k", "a", "c"]))
    long = df.unpivot(index="k", variable_name="which", value_name="number")
    assert long.schema == pa.schema(
        [("k", pa.string()), ("which", pa.string()), ("number", "int64")]
    )
    assert long.filter(which="a").select("number").to_pydict()["number"][:2] == [1, None]
    assert df.melt("k", ["a"], "n", "v").columns == ["k", "n", "v"]
    assert df.melt(value_vars="a").columns == ["variable", "value"]
    with pytest.raises(errors.TypeMismatch, match=r"'k' is string, but 'a' is int32"):
        df.unpivot()
    with pytest.raises(errors.SchemaError, match=r"in index="):
        df.unpivot(index=["k", "a", "c"])
    with pytest.raises(errors.DuplicateColumn):
        df.unpivot("a", index="k", value_name="k")


def test_a_filter_on_the_variable_reads_only_its_column() -> None:
    plan = pt.from_arrow(WIDE).unpivot(["a", "c"], index="k").filter(variable="a").explain()
    assert "[k, a]" in plan
    # The part of the other column is known to give no rows.
    assert "[k, c]" not in plan


NUMBERS = pa.table({"v": [None if n % 7 == 3 else n * n % 31 for n in range(60)]})

ROW_QUERIES: dict[str, Callable[[Any], Any]] = {
    "index": lambda df: df.with_row_index(),
    "index from 5": lambda df: df.with_row_index("n", 5),
    "index behind a filter": lambda df: df.filter(col("v") > 4).with_row_index(),
    "index of an index": lambda df: df.with_row_index("a").with_row_index("b", 2),
    "index of a filtered index": lambda df: (
        df.with_row_index("a").filter(col("a") % 3 == 1).with_row_index("b")
    ),
    "index reversed and again": lambda df: (
        df.with_row_index("a").reverse().with_row_index("b").filter(col("b") > 50)
    ),
    "index of a slice": lambda df: df.slice(7, 20).with_row_index(),
    "index of the end": lambda df: df.tail(13).with_row_index(),
    "index of a sort": lambda df: df.sort("v").with_row_index(),
    "slice of an index": lambda df: df.with_row_index("a", 100).slice(13, 9),
    "end of an index": lambda df: df.with_row_index("a").slice(-9, 4),
    "slice of a slice of an index": lambda df: (
        df.slice(3, 50).with_row_index("a").slice(10).with_row_index("b").slice(5, 9)
    ),
    "top of an index": lambda df: df.with_row_index("a").sort("v", "a", nulls_last=True).head(7),
    "index of a concatenation": lambda df: _twice(df).with_row_index(),
    "index nobody needs": lambda df: df.with_row_index().select("v"),
    "index alone": lambda df: df.with_row_index().select("index"),
    "every 7th": lambda df: df.gather_every(7),
    "every 3rd from 4": lambda df: df.gather_every(3, 4),
    "every row": lambda df: df.gather_every(1),
    "none": lambda df: df.gather_every(2, 100),
    "every 2nd that is small": lambda df: df.filter(col("v") < 20).gather_every(2, 1),
    "reverse": lambda df: df.reverse(),
    "head of the reverse": lambda df: df.reverse().head(11),
    "tail of the reverse": lambda df: df.reverse().tail(11),
    "reverse of a filter": lambda df: df.filter(col("v") > 9).reverse().reverse().reverse(),
    "filter of the reverse": lambda df: df.reverse().filter(col("v") > 9),
    "reverse of a concatenation": lambda df: _twice(df).reverse(),
    "first": lambda df: df.first(),
    "last": lambda df: df.last(),
    "clear": lambda df: df.clear(),
}


def _twice(df: Any) -> Any:
    if isinstance(df, pt.DataFrame):
        return pt.concat([df.filter(col("v") > 3), df])
    return pl.concat([df.filter(pl.col("v") > 3), df])


@pytest.mark.parametrize("rows", [60, 1, 0])
@pytest.mark.parametrize("name", ROW_QUERIES)
def test_what_counts_rows_gives_those_of_polars(name: str, rows: int, monkeypatch: Any) -> None:
    query, table = ROW_QUERIES[name], NUMBERS.slice(0, rows)
    table = table.cast(pa.schema([("v", pa.int64())]))
    answers = list(run_every_way(query, table, processes=rows == 60))
    monkeypatch.setitem(globals(), "col", pl.col)
    expected = query(polars_of(table).lazy()).collect()
    for way, found in answers:
        assert difference(found, rows_of(expected, found.schema), ordered=True) is None, way


def test_rows_that_are_known_are_numbered_where_they_are_made() -> None:
    df = pt.from_arrow(NUMBERS)
    with pt.config.set(executor="serial", **cuts(NUMBERS, 7)):
        known = df.with_columns(w=col("v") + 1).with_row_index().reverse().with_row_index("b")
        profile = known.collect().profile
        assert "forward" in str(profile)
        alone = df.with_columns(w=col("v") + 1).with_row_index().collect().profile
        assert "forward" not in str(alone)
        filtered = df.filter(col("v") > 1).with_row_index().collect().profile
        assert "forward" in str(filtered)
        assert "gather" not in str(filtered)


def test_row_numbers_are_checked_where_they_are_asked_for() -> None:
    df = pt.from_pydict({"index": [1]})
    with pytest.raises(errors.DuplicateColumn, match="'index' occurs twice in with_row_index"):
        df.with_row_index()
    with pytest.raises(errors.SchemaError, match="integer of 0 or more"):
        df.with_row_index("n", -1)
    for wrong in (0, -1, 1.5, True):
        with pytest.raises(errors.SchemaError, match=r"gather_every\(n="):
            df.gather_every(wrong)  # type: ignore[arg-type]


SAMPLES: dict[str, Callable[[pt.DataFrame], pt.DataFrame]] = {
    "n": lambda df: df.sample(17, seed=3),
    "one": lambda df: df.sample(seed=3),
    "more than there are": lambda df: df.sample(1000, seed=3),
    "none": lambda df: df.sample(0, seed=3),
    "fraction": lambda df: df.sample(fraction=0.3, seed=3),
    "behind a filter": lambda df: df.filter(col("v") > 20).sample(9, seed=3),
    "fraction behind a filter": lambda df: df.filter(col("v") > 20).sample(fraction=0.5, seed=3),
    "shuffle": lambda df: df.shuffle(seed=3),
    "all": lambda df: df.sample(fraction=1.0, seed=3),
    "nothing": lambda df: df.sample(fraction=0.0, seed=3),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_the_same_however_it_is_cut(name: str) -> None:
    table = pa.table({"v": list(range(90))})
    answers = dict(run_every_way(SAMPLES[name], table, processes=True))
    first, *others = answers.values()
    assert all(same_bits(other, first) for other in others)
    values = first["v"].to_pylist()
    assert len(set(values)) == len(values)
    if name == "shuffle":
        assert values != sorted(values)
        assert sorted(values) == list(range(90))
    else:
        assert values == sorted(values)


def test_a_sample_has_the_size_that_was_asked_for() -> None:
    df = pt.from_pydict({"v": list(range(10_000))})
    assert [len(df.sample(n, seed=1)) for n in (0, 1, 500, 20_000)] == [0, 1, 500, 10_000]
    assert len(df.sample()) == 1
    drawn = len(df.sample(fraction=0.25, seed=1))
    # Six standard deviations: sqrt(10,000 * 0.25 * 0.75) is 43.
    assert abs(drawn - 2500) < 260
    assert len(df.sample(fraction=0, seed=1)) == 0
    assert len(df.sample(fraction=1, seed=1)) == 10_000


def test_seeds_draw_apart_and_every_row_alike() -> None:
    df = pt.from_pydict({"v": list(range(1000))})
    drawn = [frozenset(df.sample(100, seed=seed).to_pydict()["v"]) for seed in range(40)]
    assert len(set(drawn)) == 40
    # Two independent draws of a tenth have a hundredth of the rows in common.
    assert 5 <= sum(len(drawn[0] & other) for other in drawn[1:]) / 39 <= 15
    counts = [sum(row in each for each in drawn) for row in range(1000)]
    assert max(counts) <= 16
    unseeded = df.sample(100)
    assert unseeded.to_pydict() == unseeded.to_pydict()
    assert df.sample(100).to_pydict() != unseeded.to_pydict()
    assert df.sample(100, seed=-5).to_pydict() != df.sample(100, seed=5).to_pydict()


def test_what_a_sample_cannot_be_is_said() -> None:
    df = pt.from_pydict({"v": [1]})
    for wrong in (-0.1, 1.5):
        with pytest.raises(errors.SchemaError, match="between 0 and 1"):
            df.sample(fraction=wrong)
    with pytest.raises(errors.SchemaError, match="not both"):
        df.sample(1, fraction=0.5)
    with pytest.raises(errors.SchemaError, match=r"sample\(n="):
        df.sample(-1)
    with pytest.raises(errors.InvalidExpression, match="seed is an integer"):
        df.sample(1, seed=0.5)  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidExpression, match="write fraction="):
        df.sample(frac=0.5)  # type: ignore[call-arg]
    with pytest.raises(errors.InvalidExpression, match="without replacement"):
        df.sample(1, with_replacement=True)  # type: ignore[call-arg]


def test_part_counts_cover_one_two_seven_and_many() -> None:
    table = pa.table({"v": list(range(200))})
    for parts in PARTS:
        with pt.config.set(executor="serial", **cuts(table, parts)):
            plan = pt.from_arrow(table).plan
            made = len(plan.source.plan(plan.pushdown, pt.config.get().partition_bytes).fragments)  # type: ignore[attr-defined]
            assert made == 1 if parts == 1 else made >= parts
