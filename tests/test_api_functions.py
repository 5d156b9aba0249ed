"""Functions of the user: of rows, groups, columns, and of all rows in a tree."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import partita as pt
from partita import col, errors

ROWS = 20_000
EXECUTORS = ["serial", "process"]


@pytest.fixture(scope="module", params=EXECUTORS)
def session(request: pytest.FixtureRequest) -> Iterator[pt.Session]:
    with pt.Session(
        executor=request.param, workers=2, partition_bytes="64KiB", exchange_bytes="64KiB"
    ) as session:
        yield session


def data(rows: int = ROWS) -> pa.Table:
    random = np.random.default_rng(5)
    keys = random.integers(0, 300, rows)
    return pa.table(
        {
            "a": np.arange(rows),
            "k": pa.array([None if key == 7 else int(key) for key in keys], pa.int64()),
            "t": pa.array([f"text {key % 11}" for key in keys]).dictionary_encode(),
            "f": pa.array([None if row % 9 == 0 else row / 4 for row in range(rows)]),
        }
    )


def frame(rows: int = ROWS) -> pt.DataFrame:
    return pt.from_arrow(data(rows))


# Rows


def test_each_row_is_given_as_a_tuple_or_a_dict(session: pt.Session) -> None:
    made = frame().map_rows(lambda row: (row[0] * 2, row[2][-1]), {"b": "int64", "c": str})
    assert made.schema == pa.schema([("b", pa.int64()), ("c", pa.string())])
    expected = [(row["a"] * 2, row["t"][-1]) for row in data().to_pylist()]
    assert list(made.iter_rows()) == expected
    named = frame().map_rows(
        lambda row: {"c": row["t"][-1], "b": row["a"] * 2}, {"b": "int64", "c": str}, named=True
    )
    assert named.collect().equals(made.collect())
    single = frame(10).map_rows(lambda row: row[3], {"f": float})
    assert single.to_pydict()["f"] == data(10)["f"].to_pylist()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda row: (1, 2, 3), r"a tuple of 3"),
        (lambda row: {"b": 1}, r"a dict with \['b'\]"),
        (lambda row: 5, "one int: 5"),
        (lambda row: ("x", "y"), "cannot be read as b: int64"),
    ],
)
def test_a_row_that_does_not_fit_is_shown(
    session: pt.Session, function: Callable[[Any], Any], message: str
) -> None:
    with pytest.raises(errors.SchemaError, match=message):
        frame(10).map_rows(function, {"b": "int64", "c": str}).collect()


def test_a_row_function_that_raises_is_named(session: pt.Session) -> None:
    def invert(row: tuple[Any, ...]) -> float:
        return 1 / (row[0] - 15_000)

    with pytest.raises(errors.UserFunctionError) as caught:
        frame().map_rows(invert, {"x": float}).collect()
    message = str(caught.value)
    assert "division by zero" in message
    assert "invert raised ZeroDivisionError" in message
    assert Path(__file__).name in message
    assert "row_function.py" not in message
    assert "in partition" in message
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_function_of_batches_may_yield_many(session: pt.Session) -> None:
    def twice(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        yield batch
        yield pa.table({"a": batch["a"]})

    made = frame().select("a").map_batches(twice, {"a": "int64"}, whole_partition=True)
    assert sorted(made.to_pydict()["a"]) == sorted([*range(ROWS), *range(ROWS)])

    def fails_late(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        yield batch
        raise KeyError("late")

    with pytest.raises(errors.UserFunctionError, match="late"):
        frame().select("a").map_batches(fails_late, {"a": "int64"}).collect()


def test_a_function_of_batches_may_return_a_polars_frame(session: pt.Session) -> None:
    def through_polars(batch: pa.RecordBatch) -> pl.DataFrame:
        found = pl.from_arrow(batch)
        assert isinstance(found, pl.DataFrame)
        return found.select(pl.col("t").cast(str) + "!", pl.col("a") + 1)

    made = frame(50).map_batches(through_polars, {"t": str, "a": "int64"})
    assert made.to_pydict()["t"][:2] == [f"{text}!" for text in data(2)["t"].to_pylist()]


# Groups


def expected_groups(keys: list[str]) -> list[tuple[Any, ...]]:
    grouped = data().to_pandas().groupby(keys, dropna=False, observed=True)["a"]
    sums = grouped.agg(["sum", "count", "first"]).reset_index()
    rows = sums.itertuples(index=False)
    return sorted(
        (tuple(None if value != value else value for value in row) for row in rows), key=repr
    )


@pytest.mark.parametrize("keys", [["k"], ["t"], ["k", "t"]])
@pytest.mark.parametrize("maintain_order", [False, True])
def test_groups_are_whole(session: pt.Session, keys: list[str], maintain_order: bool) -> None:
    def summed(group: pa.Table) -> dict[str, Any]:
        assert isinstance(group, pa.Table)
        firsts = {key: group[key].slice(0, 1) for key in keys}
        rows = group["a"].to_pylist()
        assert rows == sorted(rows)
        return {**firsts, "sum": [sum(rows)], "count": [len(rows)], "first": rows[:1]}

    types: dict[str, Any] = {"k": "int64", "t": str}
    schema = {key: types[key] for key in keys} | dict.fromkeys(("sum", "count", "first"), "int64")
    made = frame().group_by(*keys, maintain_order=maintain_order).map_groups(summed, schema)
    rows = list(made.iter_rows())
    assert sorted(rows, key=repr) == [
        (*(int(v) if isinstance(v, float) else v for v in row),) for row in expected_groups(keys)
    ]
    if maintain_order:
        assert [row[-1] for row in rows] == sorted(row[-1] for row in rows)
        assert "groups are gathered" in made.explain()
    again = list(made.iter_rows())
    assert again == rows


def test_the_order_of_groups_is_the_same_for_any_workers() -> None:
    def first(group: pa.Table) -> pa.Table:
        return group.slice(0, 1)

    found = []
    for executor, workers in (("serial", 1), ("process", 1), ("process", 2)):
        with pt.Session(
            executor=executor, workers=workers, partition_bytes="64KiB", exchange_bytes="32KiB"
        ):
            found.append(frame().group_by("k").map_groups(first, frame().schema).to_arrow())
    assert found[0].equals(found[1])
    assert found[1].equals(found[2])


def test_groups_by_what_is_computed(session: pt.Session) -> None:
    def shape(group: pd.DataFrame) -> pd.DataFrame:
        assert list(group.columns) == ["a", "k", "t", "f", "odd"]
        return pd.DataFrame({"odd": [bool(group["odd"].iloc[0])], "n": [len(group)]})

    made = (
        frame()
        .group_by(odd=col("a") % 2 == 1)
        .map_groups(shape, {"odd": bool, "n": int}, takes="pandas")
    )
    assert sorted(made.iter_rows()) == [(False, ROWS // 2), (True, ROWS // 2)]
    # A key that is called as a column is: the function sees the column.
    clash = frame(100).group_by((col("a") % 3).alias("a"))
    sizes = clash.map_groups(
        lambda group: {"n": [group.num_rows], "top": [group["a"][-1]]},
        {"n": "int64", "top": "int64"},
    )
    assert sorted(sizes.iter_rows()) == [(33, 97), (33, 98), (34, 99)]


def test_apply_is_what_pandas_calls_it(session: pt.Session) -> None:
    def best(group: pd.DataFrame) -> pd.DataFrame:
        return group.nlargest(2, "a")[["k", "a"]]

    expected = sorted(
        (int(k), int(a))
        for k, values in data().to_pandas().dropna(subset=["k"]).groupby("k")["a"]
        for a in values.nlargest(2)
    )
    whole = frame().drop_nulls("k")
    for given in (
        {},
        {"schema": {"k": "int64", "a": "int64"}},
        {"meta": {"k": int, "a": int}},
        {"meta": pd.DataFrame({"k": pd.Series(dtype="int64"), "a": pd.Series(dtype="int64")})},
    ):
        made = whole.groupby("k").apply(best, **given)
        assert sorted(made.iter_rows()) == expected
    # Chosen columns are those that the function sees, beside the keys.
    names = (
        frame()
        .groupby("k")[["f"]]
        .map_groups(lambda group: {"n": [", ".join(group.column_names)]}, {"n": str})
    )
    assert set(names.to_pydict()["n"]) == {"k, f"}


def test_groups_of_nothing(session: pt.Session) -> None:
    none = frame().filter(col("a") < 0)
    made = none.group_by("k").map_groups(lambda group: group, frame().schema)
    assert made.to_pydict() == {"a": [], "k": [], "t": [], "f": []}


def test_groups_that_vanish_or_grow(session: pt.Session) -> None:
    def some(group: pa.Table) -> pa.Table:
        key = group["k"][0].as_py()
        if key is None or key % 2:
            return group.slice(0, 0)
        return pa.concat_tables([group, group])

    made = frame().group_by("k").map_groups(some, frame().schema)
    even = sum(1 for key in data()["k"].to_pylist() if key is not None and key % 2 == 0)
    assert len(made) == 2 * even


def test_an_error_in_a_group_is_named(session: pt.Session) -> None:
    def fail(group: pa.Table) -> pa.Table:
        raise LookupError(f"group {group['k'][0]}")

    with pytest.raises(errors.UserFunctionError, match="LookupError: group"):
        frame().group_by("k").map_groups(fail, frame().schema).collect()
    with pytest.raises(errors.SchemaError, match="declared x: int64 and returned a: int64"):
        frame().group_by("k").map_groups(lambda g: g.select(["a"]), {"x": "int64"}).collect()
    with pytest.raises(errors.SchemaError, match="it returned int"):
        frame().group_by("k").map_groups(lambda g: 5, {"x": "int64"}).collect()
    with pytest.raises(errors.SchemaError, match=r"map_groups called .* on an empty batch"):
        frame().group_by("k").map_groups(fail)


# All rows in a tree


def test_reduce_makes_one_object(session: pt.Session) -> None:
    total = frame().reduce(lambda table: pc.sum(table["a"]).as_py(), lambda a, b: a + b)
    assert total == ROWS * (ROWS - 1) // 2
    words = frame().reduce(lambda table: set(table["t"].to_pylist()), lambda a, b: a | b)
    assert words == {f"text {number}" for number in range(11)}
    # The order is that of the partitions: what is joined is joined in order.
    rows = frame().repartition(100).reduce(lambda t: t["a"].to_pylist(), lambda a, b: [*a, *b])
    assert rows == list(range(ROWS))
    mean = frame().reduce(
        lambda df: (df["f"].sum(), df["f"].count()),
        lambda a, b: (a[0] + b[0], a[1] + b[1]),
        takes="pandas",
    )
    assert mean[1] == data()["f"].length() - data()["f"].null_count


def test_reduce_of_nothing_is_what_the_function_says(session: pt.Session) -> None:
    none = frame().filter(col("a") < 0)
    assert none.reduce(lambda table: table.num_rows, lambda a, b: a + b) == 0
    some = frame().repartition(20).filter(col("a") > ROWS - 10)
    assert some.reduce(lambda table: table.num_rows, lambda a, b: a + b) == 9
    assert frame(0).reduce(lambda t: t.column_names, lambda a, b: a) == ["a", "k", "t", "f"]


def test_reduce_survives_the_death_of_a_worker(tmp_path: Path) -> None:
    def die_once(left: int, right: int, folder: str = str(tmp_path)) -> int:
        mark = Path(folder, "died")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return left + right

    with pt.Session(executor="process", workers=2, partition_bytes="16KiB"):
        assert frame().reduce(lambda table: table.num_rows, die_once) == ROWS
    assert (tmp_path / "died").exists()


def test_reduce_tells_which_function_failed(session: pt.Session) -> None:
    def sum_of_texts(left: int, right: int) -> int:
        raise TypeError("cannot add")

    with pytest.raises(errors.UserFunctionError, match="sum_of_texts raised TypeError: cannot"):
        frame().repartition(9).reduce(lambda table: 1, sum_of_texts)
    with pytest.raises(errors.InvalidExpression, match="a function of two objects"):
        frame().reduce(lambda table: 1, 5)  # type: ignore[arg-type]


# Columns


@pt.udf(returns=float)
def scaled(values: pa.Array, by: float = 2.0) -> pa.Array:
    return pc.multiply(values.cast("float64"), by)


@pt.udf(returns="int64", takes="values", skip_nulls=True)
def added(left: int, right: int) -> int:
    return left + right


def test_a_function_of_columns_is_an_expression(session: pt.Session) -> None:
    made = frame().select(
        x=scaled("a"),
        y=scaled(col("a") + 1, by=3.0) - 1,
        z=added("a", "k"),
        n=pc_lengths("t"),
    )
    table = data()
    assert made.dtypes == [pa.float64(), pa.float64(), pa.int64(), pa.int32()]
    found = made.to_pydict()
    assert found["x"] == [row * 2.0 for row in range(ROWS)]
    assert found["y"] == [(row + 1) * 3.0 - 1 for row in range(ROWS)]
    keys = table["k"].to_pylist()
    assert found["z"] == [None if k is None else row + k for row, k in enumerate(keys)]
    assert found["n"] == [len(text) for text in table["t"].to_pylist()]


@pt.udf(returns=pa.int32(), takes="pandas")
def pc_lengths(texts: pd.Series) -> pd.Series:
    assert isinstance(texts, pd.Series)
    return texts.str.len()


@pytest.mark.parametrize("takes", ["arrow", "numpy", "pandas"])
def test_what_a_function_of_columns_is_given(session: pt.Session, takes: str) -> None:
    kinds = {"arrow": pa.Array, "numpy": np.ndarray, "pandas": pd.Series}

    def double(values: Any) -> Any:
        assert isinstance(values, kinds[takes])
        return pc.multiply(values, 2) if takes == "arrow" else values * 2

    made = frame().select(col("a").map_batches(double, "int64", takes=takes))
    assert made.to_pydict()["a"] == [2 * row for row in range(ROWS)]


def test_elements_are_taken_one_by_one(session: pt.Session) -> None:
    halves = col("f").map_elements(lambda value: int(value) // 2, "int64")
    expected = [None if v is None else int(v) // 2 for v in data()["f"].to_pylist()]
    assert frame().select(halves).to_pydict()["f"] == expected
    every = col("f").map_elements(lambda value: value is None, bool, skip_nulls=False)
    assert frame().select(every).to_pydict()["f"] == [v is None for v in data()["f"].to_pylist()]


def test_functions_of_columns_go_everywhere(session: pt.Session) -> None:
    even = col("a").map_batches(lambda a: pc.equal(pc.bit_wise_and(a, 1), 0), bool)
    assert len(frame().filter(even)) == ROWS // 2
    by_last = frame().group_by(last=col("a").map_elements(lambda a: a % 10, "int64")).len()
    assert sorted(by_last.iter_rows()) == [(digit, ROWS // 10) for digit in range(10)]
    summed = frame().select(scaled("a").sum(), y=scaled(col("a").sum()))
    assert summed.to_dicts() == [{"a": ROWS * (ROWS - 1.0), "y": ROWS * (ROWS - 1.0)}]
    ordered = frame(100).sort(col("a").map_elements(lambda a: -a, "int64"))
    assert ordered.to_pydict()["a"] == list(range(99, -1, -1))
    chosen = pt.when(col("a") > 5).then(scaled("a")).otherwise(0.0)
    assert frame(8).select(chosen.alias("x")).to_pydict()["x"] == [0.0] * 6 + [12.0, 14.0]
    other = pt.from_pydict({"d": [0, 2, 4], "name": ["x", "y", "z"]})
    doubled = col("a").map_elements(lambda a: a * 2, "int64")
    joined = frame(10).join(other, left_on=doubled, right_on="d").sort("a")
    assert joined.to_pydict()["name"] == ["x", "y", "z"]
    constant = pt.udf(lambda one: one, returns=int)
    assert frame(3).select(c=constant(pt.lit(7))).to_pydict() == {"c": [7, 7, 7]}


def test_nothing_is_called_before_it_is_run_and_nothing_twice(
    session: pt.Session, tmp_path: Path
) -> None:
    def counted(values: pa.Array, folder: str = str(tmp_path)) -> pa.Array:
        Path(folder, f"{values[0]}-{os.urandom(6).hex()}").touch()
        return pc.add(values, 1)

    def calls() -> int:
        count = len(list(tmp_path.iterdir()))
        for path in tmp_path.iterdir():
            path.unlink()
        return count

    b = col("a").map_batches(counted, "int64")
    df = frame().with_columns(b=b)
    df.explain(steps=True)
    assert df.npartitions is not None
    assert not calls()
    parts = frame().select("a").npartitions
    assert parts is not None
    assert parts > 1
    # Used three times, computed once.
    df.filter(col("b") > 10).select(col("b"), c=col("b") * 2).collect()
    assert calls() == parts
    # Read by two, made once.
    pt.concat([df.filter(col("b") > 10), df.filter(col("b") < 5)]).collect()
    assert calls() == df.npartitions
    matched = frame().filter(b > 10)
    pt.concat([matched.select("a"), matched.select(a=col("a") + 1)]).collect()
    assert calls() == parts
    df.select((b * 2).alias("x"), (b + 1).alias("y")).collect()
    assert calls() == parts


def test_conditions_of_ones_own_pass_by_what_is_known_of_the_rows(
    session: pt.Session, tmp_path: Path
) -> None:
    even = col("a").map_elements(lambda value: value % 2 == 0, bool)
    frame(100).sink_parquet(tmp_path / "rows.parquet")
    sources = [
        pt.scan_parquet(tmp_path / "rows.parquet"),
        frame(100).persist(),
        pt.range(100, name="a"),
        frame(100),
    ]
    for rows in sources:
        found = rows.filter(even & (col("a") > 90)).select("a").to_pydict()["a"]
        assert found == [92, 94, 96, 98]


def test_a_function_that_may_raise_is_not_moved(session: pt.Session) -> None:
    def strict(values: pa.Array) -> pa.Array:
        if pc.any(pc.less(values, 100)).as_py():
            raise ValueError("a row that was filtered out before")
        return pc.greater(values, 150)

    condition = col("a").map_batches(strict, bool)
    assert len(frame(200).filter(col("a") >= 100).filter(condition)) == 49
    joined = frame(200).join(frame(200).filter(col("a") >= 100).select("a"), on="a", how="semi")
    assert len(joined.filter(condition)) == 49


def test_what_a_function_of_columns_returns_is_checked(session: pt.Session) -> None:
    def select(function: Callable[[Any], Any], dtype: Any = "int64") -> None:
        frame(10).select(col("a").map_batches(function, dtype)).collect()

    with pytest.raises(errors.SchemaError, match="given 10 rows and returned 3 values"):
        select(lambda values: values[:3])
    with pytest.raises(errors.SchemaError, match="declared to return int64, and returned double"):
        select(lambda values: values.cast("float64"))
    with pytest.raises(errors.SchemaError, match="one value and not an array"):
        select(lambda values: 5)
    with pytest.raises(errors.SchemaError, match="cannot be read as that"):
        select(lambda values: ["x"] * len(values))
    with pytest.raises(errors.UserFunctionError) as caught:
        select(lambda values: 1 / 0)
    message = str(caught.value)
    assert Path(__file__).name in message
    assert "in partition 0 of 1" in message
    assert isinstance(caught.value.__cause__, ZeroDivisionError)

    def picky(value: int) -> int:
        raise KeyError(value)

    with pytest.raises(errors.UserFunctionError, match=r"of the values \(0\)"):
        frame(10).select(col("a").map_elements(picky, int)).collect()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: col("a").map_elements(len), "return_dtype=float"),
        (lambda: col("a").map_batches(5, int), "found int"),
        (lambda: col("a").map_batches(len, int, takes="values"), "it is one of"),
        (lambda: pt.udf(len), "type of what len returns"),
        (lambda: pt.udf(len, returns="no type"), "is no type"),
        (lambda: pt.udf(5, returns=int), "found int"),
        (lambda: pt.udf(len, return_dtype=int), "write returns="),
        (lambda: frame(1).map_rows(len), "schema="),
        (lambda: frame(1).map_rows(5, {"a": int}), "found int"),
        (lambda: frame(1).select(scaled("aa")), "Did you mean 'a'"),
    ],
)
def test_what_is_asked_wrongly_is_answered_with_the_fix(
    make: Callable[[], object], message: str
) -> None:
    with pytest.raises(errors.PartitaError, match=message):
        make()


def test_a_function_shows_as_it_was_written() -> None:
    assert repr(scaled("a") + 1) == "scaled(a) + 1"
    assert "scaled(a)" in frame(1).filter(scaled("a") > 1).explain()
    assert repr(scaled) == "<udf scaled of arrow, returns double>"
    assert "MAP GROUPS" in frame(1).group_by("k").map_groups(lambda g: g, frame(1).schema).explain()


class Adds:
    """A callable that cannot be hashed, and compares in its own way."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, amount: int) -> None:
        self.amount = amount

    def __eq__(self, other: object) -> bool:
        raise TypeError("never compared")

    def __call__(self, values: pa.Array) -> pa.Array:
        return pc.add(values, self.amount)


def test_any_callable_will_do(session: pt.Session) -> None:
    made = frame(3).select(
        x=col("a").map_batches(Adds(1), "int64"), y=col("a").map_batches(Adds(2), "int64")
    )
    assert made.to_pydict() == {"x": [1, 2, 3], "y": [2, 3, 4]}
    amounts = [col("a").map_elements(lambda v, n=n: v + n, "int64").alias(str(n)) for n in (1, 2)]
    assert frame(2).select(amounts).to_pydict() == {"1": [1, 2], "2": [2, 3]}


@pytest.fixture
def neighbour(tmp_path: Path) -> Iterator[ModuleType]:
    """A module that no worker can import."""
    file = tmp_path / "neighbour_of_functions.py"
    file.write_text(
        "import pyarrow.compute as pc\n"
        "OFFSET = 10\n"
        "def shift(values):\n    return pc.add(values, OFFSET)\n"
        "def shift_row(row):\n    return (row[0] + OFFSET,)\n"
        "def largest(table):\n    return pc.max(shift(table['a'])).as_py()\n"
        "def shift_group(group):\n    return {'a': shift(group['a'])}\n"
    )
    spec = importlib.util.spec_from_file_location("neighbour_of_functions", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_functions_of_modules_that_workers_lack(session: pt.Session, neighbour: ModuleType) -> None:
    shifted = list(range(10, 15))
    assert frame(5).select(col("a").map_batches(neighbour.shift, int)).to_pydict()["a"] == shifted
    assert frame(5).map_rows(neighbour.shift_row, {"a": int}).to_pydict()["a"] == shifted
    assert frame(5).filter(col("a").map_batches(neighbour.shift, int) > 12).to_pydict()["a"] == [
        3,
        4,
    ]
    groups = frame(5).group_by(pt.lit(1).alias("one"))
    assert groups.map_groups(neighbour.shift_group, {"a": int}).to_pydict()["a"] == shifted
    most = frame(5).reduce(neighbour.largest, max)
    assert most == 14
