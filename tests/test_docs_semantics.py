"""The tables of docs/semantics.md: each line has a check here, under the name it has there."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

TEXT = (Path(__file__).parents[1] / "docs" / "semantics.md").read_text()
OWN = TEXT.split("## Where others answer differently")[0]
LINES = re.findall(r"^\| (.+?) \| .+ \|$", OWN, flags=re.MULTILINE)
TITLES = [title for title in LINES if title != "what"]

NAN, INF = math.nan, math.inf
NEW_YORK = ZoneInfo("America/New_York")

CHECKS: dict[str, Callable[[], None]] = {}


def line(title: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Enter a check under the title of its line."""

    def entered(check: Callable[[], None]) -> Callable[[], None]:
        CHECKS[title] = check
        return check

    return entered


def test_every_line_has_a_check_and_every_check_a_line() -> None:
    assert sorted(TITLES) == sorted(CHECKS)
    assert len(TITLES) == len(set(TITLES))


@pytest.mark.parametrize("title", TITLES)
def test_it_is_as_the_table_says(title: str) -> None:
    CHECKS[title]()


def values(expression: Any, **data: Any) -> list[Any]:
    """Return what `expression` gives over these columns."""
    return pt.from_pydict(data).select(x=expression).to_pydict()["x"]


def type_of(expression: Any, **data: Any) -> str:
    return str(pt.from_pydict(data).select(x=expression).dtypes[0])


def fails(expression: Any, **data: Any) -> bool:
    """Whether computing it is refused because of a value."""
    try:
        values(expression, **data)
    except errors.ComputeError:
        return True
    return False


def same(found: list[Any], wanted: list[Any]) -> bool:
    """Whether two lists are equal, NaN being equal to NaN."""
    return [repr(value) for value in found] == [repr(value) for value in wanted]


def ints(dtype: str, *numbers: int | None) -> pa.Array:
    return pa.array(numbers, pa.type_for_alias(dtype))


@line("null in an operator or a function")
def _() -> None:
    assert values(col("a") + 1, a=[None, 1]) == [None, 2]
    assert values(col("a") > 1, a=[None, 2]) == [None, True]
    assert values(col("a") == col("b"), a=[None, 1], b=[None, 1]) == [None, True]
    assert values(col("a") + col("b"), a=["x", None], b=["y", "y"]) == ["xy", None]


@line("null with `&` and `\\|`")
def _() -> None:
    data = {"a": [None, None, None], "b": [False, True, None]}
    assert values(col("a").cast(bool) & col("b"), **data) == [False, None, None]
    assert values(col("a").cast(bool) | col("b"), **data) == [None, True, None]


@line("null as a condition")
def _() -> None:
    assert values(pt.when(col("a") > 1).then(1).otherwise(0), a=[None, 2]) == [0, 1]
    assert pt.from_pydict({"a": [None, True, False]}).filter("a").to_pydict() == {"a": [True]}
    assert values(col("a").any(), a=[None, False]) == [False]
    assert values(col("a").all(), a=[None, True]) == [True]


@line("null compared as a value")
def _() -> None:
    assert values(col("a").eq_missing(col("b")), a=[None, 1, None], b=[None, 1, 1]) == [
        True,
        True,
        False,
    ]


@line("null as a key")
def _() -> None:
    df = pt.from_pydict({"k": [None, 1, None]})
    assert df.group_by("k", maintain_order=True).len().to_pydict() == {
        "k": [None, 1],
        "len": [2, 1],
    }
    assert df.unique(maintain_order=True).to_pydict() == {"k": [None, 1]}
    assert df.join(df.unique(), on="k").to_pydict() == {"k": [1]}
    assert df.join(df, on="k", how="anti").to_pydict() == {"k": [None, None]}


@line("null in an aggregate")
def _() -> None:
    data = {"a": [None, 1.0, 3.0, None]}
    found = pt.from_pydict(data).select(
        sum=col("a").sum(),
        mean=col("a").mean(),
        min=col("a").min(),
        count=col("a").count(),
        len=pt.len(),
        first=col("a").first(),
        last=col("a").last(),
        distinct=col("a").n_unique(),
        modes=col("a").mode(),
        all=col("a").implode(),
    )
    assert found.to_dicts() == [
        {
            "sum": 4.0,
            "mean": 2.0,
            "min": 1.0,
            "count": 2,
            "len": 4,
            "first": None,
            "last": None,
            "distinct": 3,
            "modes": [None],
            "all": data["a"],
        }
    ]


@line("null in a sort")
def _() -> None:
    df = pt.from_pydict({"a": [1, None, 2]})
    assert df.sort("a").to_pydict()["a"] == [None, 1, 2]
    assert df.sort("a", descending=True).to_pydict()["a"] == [None, 2, 1]
    assert df.sort("a", nulls_last=True).to_pydict()["a"] == [1, 2, None]
    assert df.top_k(3, by="a").to_pydict()["a"] == [2, 1, None]
    assert df.bottom_k(3, by="a").to_pydict()["a"] == [1, 2, None]
    assert df.sort_values("a").to_pydict()["a"] == [1, 2, None]


@line("NaN compared")
def _() -> None:
    assert values(col("a") == col("a"), a=[NAN]) == [True]
    assert values(col("a") > INF, a=[NAN, 1.0]) == [True, False]
    assert values(col("a") < 1, a=[NAN]) == [False]
    df = pt.from_pydict({"a": [NAN, INF, NAN]})
    assert same(df.sort("a").to_pydict()["a"], [INF, NAN, NAN])
    assert df.group_by("a", maintain_order=True).len().to_pydict()["len"] == [2, 1]
    assert len(df.join(pt.from_pydict({"a": [NAN]}), on="a")) == 2


@line("NaN is not null")
def _() -> None:
    data = {"a": [NAN, None, 1.0]}
    assert values(col("a").is_null(), **data) == [False, True, False]
    assert same(values(col("a").fill_null(0.0), **data), [NAN, 0.0, 1.0])
    assert len(pt.from_pydict(data).drop_nulls()) == 2
    assert values(col("a").is_nan(), **data) == [True, None, False]
    assert values(col("a").fill_nan(0.0), **data) == [0.0, None, 1.0]


@line("NaN in an aggregate")
def _() -> None:
    data = {"a": [NAN, 1.0, 2.0]}
    assert same(values(col("a").sum(), **data), [NAN])
    assert same(values(col("a").mean(), **data), [NAN])
    assert values(col("a").min(), **data) == [1.0]
    assert values(col("a").max(), **data) == [2.0]
    assert same(values(col("a").max(), a=[NAN, None]), [NAN])


@line("-0.0")
def _() -> None:
    df = pt.from_pydict({"a": [-0.0, 0.0]})
    assert values(col("a") == 0.0, a=[-0.0]) == [True]
    assert same(df.group_by("a").len().to_pydict()["a"], [0.0])
    assert len(df.unique()) == 1
    assert len(df.join(df, on="a")) == 4


@line("integer overflow")
def _() -> None:
    most, least = 2**63 - 1, -(2**63)
    assert fails(col("a") + 1, a=[most])
    assert fails(col("a") - 2, a=ints("uint8", 1))
    assert fails(col("a") * 2, a=[most])
    assert fails(col("a") ** 2, a=[most])
    assert fails(col("a").abs(), a=[least])
    assert fails(-col("a"), a=[least])
    assert fails(col("a").sum(), a=[most, 1])
    assert values(col("a").sum(), a=[most, 1, -1]) == [most]
    assert fails(col("a").product(), a=[most, 2])


@line("two integer types")
def _() -> None:
    assert type_of(col("a") + col("b"), a=ints("int8", 1), b=ints("int32", 1)) == "int32"
    assert type_of(col("a") + col("b"), a=ints("int8", 1), b=ints("uint8", 1)) == "int16"
    assert type_of(col("a") + col("b"), a=ints("int64", 1), b=ints("uint64", 1)) == "int64"


@line("a plain number beside a column")
def _() -> None:
    assert type_of(col("a") + 1, a=ints("int8", 1)) == "int8"
    assert type_of(col("a") + 0.5, a=ints("int8", 1)) == "double"
    assert type_of(col("a") + 0.5, a=pa.array([1], pa.float32())) == "float"
    assert values(col("a") > 300, a=ints("int8", 1)) == [False]


@line("integer beside float")
def _() -> None:
    single = pa.array([1], pa.float32())
    assert type_of(col("a") + col("b"), a=[1], b=[1.0]) == "double"
    assert type_of(col("a") + col("b"), a=[1], b=single) == "double"
    for small in ("int8", "uint8", "int16", "uint16"):
        assert type_of(col("a") + col("b"), a=ints(small, 1), b=single) == "float"
    assert type_of(col("a") + col("b"), a=ints("int32", 1), b=single) == "double"


@line("`/`")
def _() -> None:
    assert values(col("a") / 2, a=[1, None]) == [0.5, None]
    assert same(values(col("a") / 0, a=[1, 0, -1]), [INF, NAN, -INF])
    assert type_of(col("a") / 3, a=[Decimal("1.10")]) == "double"


@line("`//` and `%`")
def _() -> None:
    assert values(col("a") // 2, a=[-7, 7]) == [-4, 3]
    assert values(col("a") % 2, a=[-7, 7]) == [1, 1]
    assert values(col("a") % -3, a=[7]) == [-2]
    assert values(col("a") // 0, a=[7]) == values(col("a") % 0, a=[7]) == [None]
    assert same(values(col("a") // 0, a=[-7.5, 0.0]), [-INF, NAN])


@line("decimals")
def _() -> None:
    data = {"a": [Decimal("1.10")], "b": [Decimal("2.205")]}
    assert values(col("a") + col("b"), **data) == [Decimal("3.305")]
    assert values(col("a") * col("b"), **data) == [Decimal("2.42550")]
    assert values(col("a") - 1, **data) == [Decimal("0.10")]
    assert values(col("a") // 1, **data) == [Decimal(1)]
    assert values(col("a") % 1, **data) == [Decimal("0.10")]
    for expression in (col("a") + pt.lit(0.5, "double"), col("a") / 2, col("a") ** 2):
        assert type_of(expression, **data) == "double"


@line("type of a sum")
def _() -> None:
    wanted = {
        "int64": [ints("int8", 127, 127), pa.array([True, None])],
        "uint64": [ints("uint8", 255, 255)],
        "float": [pa.array([1.5], pa.float32())],
        "double": [pa.array([1.5])],
        "decimal128(38, 2)": [pa.array([Decimal("1.10")], pa.decimal128(5, 2))],
        "duration[us]": [pa.array([1], pa.duration("us"))],
    }
    for dtype, columns in wanted.items():
        for column in columns:
            assert type_of(col("a").sum(), a=column) == dtype
    assert values(col("a").sum(), a=ints("int8", 127, 127)) == [254]


@line("type of a mean, a median, a quantile")
def _() -> None:
    assert type_of(col("a").mean(), a=[1, 2]) == "double"
    assert type_of(col("a").mean(), a=[Decimal("1.10")]) == "double"
    for aggregate in (col("a").mean(), col("a").median(), col("a").quantile(0.5)):
        assert type_of(aggregate, a=pa.array([1], pa.float32())) == "float"
        assert type_of(aggregate, a=[datetime.date(2024, 1, 1)]) == "timestamp[us]"
        assert type_of(aggregate, a=[datetime.timedelta(1)]) == "duration[us]"


@line("an aggregate of no rows")
def _() -> None:
    none = pt.from_pydict({"a": [1.5], "s": ["x"], "t": [True]}).head(0)
    aggregates = {
        "sum": col("a").sum(),
        "count": col("a").count(),
        "len": pt.len(),
        "n_unique": col("a").n_unique(),
        "any": col("t").any(),
        "all": col("t").all(),
        **{name: getattr(col("a"), name)() for name in ("mean", "std", "var", "first", "last")},
        **{name: getattr(col("s"), name)() for name in ("min", "max")},
    }
    lists = ("mode", "implode", "unique", "head", "tail", "top_k", "bottom_k")
    aggregates |= {name: getattr(col("s"), name)() for name in lists}
    nulls = ("median", "skew", "kurtosis", "arg_min")
    aggregates |= {name: getattr(col("a"), name)() for name in (*nulls, "product")}
    known = {"sum": 0, "count": 0, "len": 0, "n_unique": 0, "any": False, "all": True}
    known |= {"product": 1, **{name: [] for name in lists}}
    found = none.select(**aggregates).to_dicts()
    assert found == [{name: known.get(name) for name in aggregates}]


@line("`std` and `var`")
def _() -> None:
    assert values(col("a").var(), a=[1.0, 3.0]) == [2.0]
    assert values(col("a").var(ddof=0), a=[1.0, 3.0]) == [1.0]
    assert values(col("a").std(), a=[1.0]) == [None]


@line("`round`")
def _() -> None:
    assert same(values(col("a").round(), a=[0.5, 1.5, 2.5]), [0.0, 2.0, 2.0])


@line("`cast` to an integer")
def _() -> None:
    assert values(col("a").cast(int), a=[1.9, -1.9]) == [1, -1]
    for column, dtype in ([300], "int8"), ([NAN], "int64"), (["x"], "int64"):
        assert fails(col("a").cast(dtype), a=column)
        assert values(col("a").cast(dtype, strict=False), a=column) == [None]


@line("order of text")
def _() -> None:
    df = pt.from_pydict({"s": ["ä", "z", "a", "B"]})
    assert df.sort("s").to_pydict()["s"] == ["B", "a", "z", "ä"]
    assert values(col("s") < "a", s=["B", "z"]) == [True, False]


@line("length of text")
def _() -> None:
    assert values(col("s").str.len(), s=["ä", "日本"]) == [1, 2]
    assert values(col("s").str.len_bytes(), s=["ä"]) == [2]


@line("empty text")
def _() -> None:
    assert values(col("s") == "", s=["", None]) == [True, None]
    assert values(col("s").is_null(), s=["", None]) == [False, True]


@line("time zones")
def _() -> None:
    at = datetime.datetime(2024, 1, 1, 3, tzinfo=datetime.UTC)
    local = col("t").dt.convert_time_zone("America/New_York")
    assert type_of(col("t"), t=[at]) == "timestamp[us, tz=UTC]"
    assert type_of(local, t=[at]) == "timestamp[us, tz=America/New_York]"
    assert values(col("t").dt.hour(), t=[at]) == [3]
    assert values(local.dt.hour(), t=[at]) == [22]
    # A value of Python carries its instant, whatever zone it is written in.
    assert values(col("t") == at.astimezone(NEW_YORK), t=[at]) == [True]


@line("points in time of two zones")
def _() -> None:
    columns = {
        name: pa.array([0], pa.timestamp("us", zone))
        for name, zone in {"utc": "UTC", "berlin": "Europe/Berlin", "none": None}.items()
    }
    df = pt.from_pydict(columns)
    for one, other in ("utc", "berlin"), ("utc", "none"):
        with pytest.raises(errors.TypeMismatch):
            df.filter(col(one) == col(other))
        with pytest.raises(errors.TypeMismatch):
            df.join(df, left_on=one, right_on=other)
    berlin = col("berlin").dt.convert_time_zone("UTC")
    assert len(df.filter(col("utc") == berlin)) == 1


@line("a local time that does not exist or is ambiguous")
def _() -> None:
    zoned = col("t").dt.replace_time_zone("America/New_York")
    assert fails(zoned, t=[datetime.datetime(2024, 3, 10, 2, 30)])
    assert fails(zoned, t=[datetime.datetime(2024, 11, 3, 1, 30)])
    assert not fails(zoned, t=[datetime.datetime(2024, 11, 3, 3, 30)])


@line("units of time")
def _() -> None:
    df = pt.from_pydict(
        {
            "ms": pa.array([1], pa.timestamp("ms")),
            "ns": pa.array([1_000_000], pa.timestamp("ns")),
        }
    )
    assert len(df.filter(col("ms") == col("ns"))) == 1
    assert len(df.join(df, left_on="ms", right_on="ns")) == 1


@line("difference of times")
def _() -> None:
    day, next_day = datetime.date(2024, 1, 31), datetime.date(2024, 2, 1)
    assert values(col("b") - col("a"), a=[day], b=[next_day]) == [datetime.timedelta(days=1)]
    assert values(col("a") + datetime.timedelta(days=1), a=[day]) == [next_day]
    with pytest.raises(errors.TypeMismatch):
        pt.from_pydict({"a": [day]}).select(col("a") + 1)


@line("weekday")
def _() -> None:
    monday = datetime.date(2024, 1, 1)
    assert values(col("a").dt.weekday(), a=[monday, monday - datetime.timedelta(days=1)]) == [1, 7]


@line("order of rows")
def _() -> None:
    df = pt.from_pydict({"a": [2, 1, 2, 1], "b": [1, 2, 3, 4]})
    assert df.filter(col("b") > 1).head(2).to_pydict()["b"] == [2, 3]
    assert pt.concat([df, df]).to_pydict()["b"] == [1, 2, 3, 4, 1, 2, 3, 4]
    assert df.sort("a").to_pydict()["b"] == [2, 4, 1, 3]
    assert df.sort("a", descending=True).to_pydict()["b"] == [1, 3, 2, 4]


@line("order of groups")
def _() -> None:
    df = pt.from_pydict({"k": ["b", "a", "b", "c"]})
    assert df.group_by("k", maintain_order=True).len().to_pydict()["k"] == ["b", "a", "c"]


@line("the same answer")
def _() -> None:
    numbers = [math.sin(number) for number in range(1000)]
    df = pt.from_pydict({"k": [number % 7 for number in range(1000)], "v": numbers})
    summed = df.group_by("k").agg(col("v").sum(), mean=col("v").mean())
    found = []
    for settings in ({"executor": "serial"}, {"workers": 1}, {"workers": 2}):
        # Rows that are cut small, so that there are partial sums to be combined.
        with pt.config.set(**{"executor": "process", "partition_bytes": 2000, **settings}):
            found.append(summed.collect())
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


@line("`concat`")
def _() -> None:
    one, other = pt.from_pydict({"a": [1]}), pt.from_pydict({"a": [1.5], "b": ["x"]})
    with pytest.raises(errors.SchemaError):
        pt.concat([one, other])
    assert pt.concat([one, other], how="diagonal").to_pydict() == {
        "a": [1.0, 1.5],
        "b": [None, "x"],
    }
    relaxed = pt.concat([one, other.select("a")], how="vertical_relaxed")
    assert relaxed.to_pydict() == {"a": [1.0, 1.5]}


@line("frames side by side")
def _() -> None:
    one, other = pt.from_pydict({"a": [1, 2]}), pt.from_pydict({"b": [3]})
    with pytest.raises(errors.ComputeError):
        pt.concat([one, other], how="horizontal").collect()
    filled = pt.concat([one, other], how="horizontal_extend").to_pydict()
    assert filled == {"a": [1, 2], "b": [3, None]}


@line("`explode` of a null and of an empty list")
def _() -> None:
    df = pt.from_pydict({"k": [1, 2, 3], "v": [[7], None, []]})
    assert df.explode("v").to_pydict() == {"k": [1, 2], "v": [7, None]}
    other = df.explode("v", keep_nulls=False, empty_as_null=True)
    assert other.to_pydict() == {"k": [1, 3], "v": [7, None]}


@line("`explode` of several columns")
def _() -> None:
    df = pt.from_pydict({"v": [[1, 2]], "w": [[3]]})
    with pytest.raises(errors.ComputeError, match="'v' has 2, 'w' has 1"):
        df.explode("v", "w").collect()


@line("`unnest` of a null")
def _() -> None:
    df = pt.from_pydict({"s": [{"x": 1}, None], "x": [2, 3]})
    assert df.drop("x").unnest("s").to_pydict() == {"x": [1, None]}
    with pytest.raises(errors.DuplicateColumn):
        df.unnest("s")


@line("rows of `unpivot`")
def _() -> None:
    long = pt.from_pydict({"a": [1, 2], "b": [0.5, 1.5]}).unpivot()
    assert long.to_pydict() == {"variable": ["a", "a", "b", "b"], "value": [1.0, 2.0, 0.5, 1.5]}


@line("columns of `pivot`")
def _() -> None:
    df = pt.from_pydict({"i": [1, 1], "k": ["x", "y"], "v": [2, 3]})
    with pytest.raises(errors.SchemaError, match="on_columns="):
        df.pivot("k", index="i", values="v", aggregate="sum")
    wide = df.pivot("k", ["y", "z"], index="i", values="v", aggregate="sum")
    assert wide.columns == ["i", "y", "z"]


@line("an empty cell of `pivot`")
def _() -> None:
    df = pt.from_pydict({"i": [1], "k": ["x"], "v": [2]})

    def cell(aggregate: str) -> Any:
        return df.pivot("k", ["y"], index="i", values="v", aggregate=aggregate).to_pydict()["y"][0]

    assert [cell(each) for each in ("sum", "count", "len", "n_unique")] == [0, 0, 0, 0]
    assert [cell(each) for each in ("mean", "max", "first")] == [None, None, None]


@line("row numbers")
def _() -> None:
    df = pt.from_pydict({"v": list(range(100))})
    with pt.config.set(partition_bytes=64):
        assert df.filter(col("v") % 2 == 1).with_row_index().to_pydict()["index"] == [*range(50)]


@line("`sample` and `shuffle`")
def _() -> None:
    df = pt.from_pydict({"v": list(range(100))})
    for query in (df.sample(9, seed=1), df.sample(fraction=0.3, seed=1), df.shuffle(seed=1)):
        whole = query.to_pydict()
        with pt.config.set(partition_bytes=64):
            assert query.to_pydict() == whole


@line("size of a sample")
def _() -> None:
    df = pt.from_pydict({"v": list(range(1000))})
    assert [len(df.sample(n, seed=1)) for n in (7, 5000)] == [7, 1000]
    assert 250 < len(df.sample(fraction=0.3, seed=1)) < 350


@line("columns by pattern")
def _() -> None:
    df = pt.from_pydict({"a1": [1], "a2": [2], "b": [3]})
    assert df.select(col("^a.$")).columns == ["a1", "a2"] == df.select("^a.$").columns
    assert df.select(pt.exclude("^a.$")).columns == ["b"] == df.drop("^a.$").columns


# Aggregates


@line("NaN in a quantile, in `top_k`")
def _() -> None:
    assert same(values(col("a").quantile(1.0), a=[NAN, INF, 1.0]), [NAN])
    assert same(values(col("a").median(), a=[NAN, 2.0, 1.0]), [2.0])
    assert same(values(col("a").top_k(2), a=[1.0, NAN, 2.0]), [[NAN, 2.0]])


@line("NaN in `arg_max`, `max_by` and the like")
def _() -> None:
    data = {"a": [NAN, 1.0, 2.0, None], "s": ["x", "y", "z", "w"]}
    assert values(col("a").arg_max(), **data) == [2]
    assert values(col("s").max_by("a"), **data) == ["z"]
    assert values(col("s").min_by("a"), **data) == ["y"]
    assert values(col("s").min_by("a"), a=[None, NAN], s=["x", "y"]) == ["y"]


@line("type of a product")
def _() -> None:
    assert type_of(col("a").product(), a=ints("int8", 1)) == "int64"
    assert type_of(col("a").product(), a=ints("uint8", 1)) == "uint64"
    assert type_of(col("a").product(), a=[True]) == "int64"
    assert type_of(col("a").product(), a=pa.array([1], pa.float32())) == "float"
    with pytest.raises(errors.TypeMismatch):
        type_of(col("a").product(), a=[Decimal("1.1")])


@line("an aggregate with a filter")
def _() -> None:
    df = pt.from_pydict({"k": [1, 2], "v": [5, 6]})
    few = col("v").filter(col("v") > 5)
    made = df.group_by("k").agg(sum=few.sum(), min=few.min(), all=few.implode(), n=few.len())
    assert made.sort("k").to_dicts() == [
        {"k": 1, "sum": 0, "min": None, "all": [], "n": 0},
        {"k": 2, "sum": 6, "min": 6, "all": [6], "n": 1},
    ]


@line("a quantile between two values")
def _() -> None:
    assert values(col("a").quantile(0.5), a=[1, 2]) == [2.0]
    assert values(col("a").quantile(0.4), a=[1, 2]) == [1.0]
    assert values(col("a").quantile(0.4, "linear"), a=[1, 2]) == [1.4]


@line("a median between two values")
def _() -> None:
    assert values(col("a").median(), a=[1, 2, None]) == [1.5]


@line("an approximate quantile")
def _() -> None:
    up, down = list(range(1, 1001)), list(range(1000, 0, -1))
    found = [values(col("a").approx_quantile(0.9, 0.02), a=data) for data in (up, down)]
    assert found[0] == found[1]
    assert abs(found[0][0] - 900) <= 0.02 * 900 + 1


@line("an approximate number of values")
def _() -> None:
    up, down = list(range(50_000)), list(range(49_999, -1, -1))
    found = [values(col("a").approx_n_unique(), a=data) for data in (up, down)]
    assert found[0] == found[1]
    assert abs(found[0][0] - 50_000) <= 3 * 0.0081 * 50_000


@line("`mode`")
def _() -> None:
    assert values(col("a").mode(), a=[3, 1, 3, 1, 2]) == [[1, 3]]
    assert values(col("a").mode(), a=[None, "x", "x", None]) == [[None, "x"]]


@line("`skew`, `kurtosis`, `corr` of one value")
def _() -> None:
    for data in ([2.5], [0.1, 0.1, 0.1]):
        for aggregate in (col("a").skew(), col("a").kurtosis(), pt.corr("a", "a")):
            assert same(values(aggregate, a=data), [NAN])


@line("a list of an aggregate")
def _() -> None:
    data = {"a": [2, None, 3, 1], "t": [4, 3, 2, 1]}
    assert values(col("a").implode(), **data) == [[2, None, 3, 1]]
    assert values(col("a").sort().implode(), **data) == [[None, 1, 2, 3]]
    assert values(col("a").sort_by("t").head(2), **data) == [[1, 3]]
    assert values(col("a").top_k(9), **data) == [[3, 2, 1, None]]
