"""Bad input: a typed error, here and now, that names what was asked and what to do."""

from __future__ import annotations

import datetime
import functools
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita import col, errors

DATA = {
    "region": ["n", "s"],
    "amount": [1, 2],
    "day": [datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)],
}


@pytest.fixture
def df() -> pt.DataFrame:
    return pt.from_pydict(DATA)


UNKNOWN: dict[str, Callable[[Any], Any]] = {
    "filter": lambda d: d.filter(col("amuont") > 1),
    "filter equals": lambda d: d.filter(amuont=1),
    "select": lambda d: d.select("amuont"),
    "with_columns": lambda d: d.with_columns(x=col("amuont") + 1),
    "with_columns text": lambda d: d.with_columns(x="amuont"),
    "drop": lambda d: d.drop("amuont"),
    "exclude": lambda d: d.select(pt.exclude("amuont")),
    "rename": lambda d: d.rename({"amuont": "x"}),
    "cast": lambda d: d.cast({"amuont": int}),
    "fill_null": lambda d: d.fill_null({"amuont": 1}),
    "sort": lambda d: d.sort("amuont"),
    "top_k": lambda d: d.top_k(1, by="amuont"),
    "unique": lambda d: d.unique("amuont"),
    "drop_nulls": lambda d: d.drop_nulls("amuont"),
    "group_by": lambda d: d.group_by("amuont"),
    "agg": lambda d: d.group_by("region").agg(col("amuont").sum()),
    "agg by name": lambda d: d.groupby("region").agg({"amuont": "sum"}),
    "group column": lambda d: d.groupby("region")["amuont"],
    "join left": lambda d: d.join(d, on="amuont"),
    "join right": lambda d: d.join(d, left_on="amount", right_on="amuont"),
    "merge": lambda d: d.merge(d, on="amuont"),
    "brackets": lambda d: d["amuont"],
    "query": lambda d: d.query("amuont > 1"),
    "result": lambda d: d.collect()["amuont"],
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_column_offers_the_nearest(df: pt.DataFrame, name: str) -> None:
    with pytest.raises(errors.ColumnNotFound) as caught:
        UNKNOWN[name](df)
    message = str(caught.value)
    assert "'amuont'" in message
    assert "Did you mean 'amount'?" in message
    assert "'region', 'amount', 'day'" in message


CASES: dict[str, tuple[type[errors.PartitaError], str, Callable[[Any], Any]]] = {
    "text with date": (errors.TypeMismatch, "pt.lit(", lambda d: d.filter(col("day") > "2024")),
    "filter of a number": (errors.TypeMismatch, "boolean", lambda d: d.filter(col("amount"))),
    "filter of an aggregate": (
        errors.InvalidExpression,
        "group_by",
        lambda d: d.filter(col("amount").sum() > 1),
    ),
    "filter with None": (errors.InvalidExpression, "is_null()", lambda d: d.filter(amount=None)),
    "rows and aggregates": (
        errors.InvalidExpression,
        ".group_by('region').agg",
        lambda d: d.select("region", col("amount").sum()),
    ),
    "rows and aggregates in one": (
        errors.InvalidExpression,
        "mixes rows and aggregates",
        lambda d: d.select(col("amount") / col("amount").sum()),
    ),
    "aggregate among columns": (
        errors.InvalidExpression,
        ".join()",
        lambda d: d.with_columns(x=col("amount").max()),
    ),
    "aggregate of an aggregate": (
        errors.InvalidExpression,
        "Aggregate once",
        lambda d: d.group_by("region").agg(col("amount").sum().max()),
    ),
    "bare column in agg": (
        errors.InvalidExpression,
        ".sum(), .first()",
        lambda d: d.group_by("region").agg(col("amount") + 1),
    ),
    "sum of text": (errors.TypeMismatch, "Choose", lambda d: d.group_by("amount").sum()),
    "no aggregate": (errors.InvalidExpression, "'sum'", lambda d: d.group_by("day").agg("summ")),
    "no key": (errors.InvalidExpression, "select", lambda d: d.group_by()),
    "same name twice": (errors.DuplicateColumn, ".alias()", lambda d: d.select("day", "day")),
    "same name in with_columns": (
        errors.DuplicateColumn,
        "'amount'",
        lambda d: d.with_columns(col("amount") + 1, amount=1),
    ),
    "same name in agg": (
        errors.DuplicateColumn,
        "'amount'",
        lambda d: d.group_by("region").agg(col("amount").sum(), col("amount").max()),
    ),
    "rename onto another": (errors.DuplicateColumn, "'day'", lambda d: d.rename({"amount": "day"})),
    "nothing selected": (errors.SchemaError, "no column", lambda d: d.select()),
    "everything dropped": (errors.SchemaError, "no column", lambda d: d.drop(d.columns)),
    "one name for many": (
        errors.InvalidExpression,
        "one column",
        lambda d: d.select(x=pt.all()),
    ),
    "join of another kind": (
        errors.SchemaError,
        "how='full'",
        lambda d: d.join(d, on="day", how="outer"),
    ),
    "cross join with keys": (errors.SchemaError, "no keys", lambda d: d.join(d, "day", "cross")),
    "join validated": (errors.SchemaError, "1:m", lambda d: d.join(d, "day", validate="one")),
    "join in order": (
        errors.SchemaError,
        "left_right",
        lambda d: d.join(d, "day", maintain_order="up"),
    ),
    "join without keys": (errors.SchemaError, "on=", lambda d: d.join(d)),
    "join by both": (errors.SchemaError, "not both", lambda d: d.join(d, on="day", left_on="day")),
    "join with no frame": (errors.SchemaError, "DataFrame", lambda d: d.join({}, on="day")),
    "join of other types": (
        errors.TypeMismatch,
        "Cast one side",
        lambda d: d.join(d, left_on="day", right_on="region"),
    ),
    "sort without keys": (errors.InvalidExpression, ".sort('a')", lambda d: d.sort()),
    "sort directions": (
        errors.SchemaError,
        "descending",
        lambda d: d.sort("day", descending=[True, False]),
    ),
    "negative head": (errors.SchemaError, "0 or more", lambda d: d.head(-1)),
    "keep": (errors.SchemaError, "'first'", lambda d: d.unique(keep="most")),
    "a type": (errors.InvalidExpression, "int64", lambda d: d.cast({"amount": "number"})),
    "a value that fits nothing": (errors.TypeMismatch, "fits none", lambda d: d.fill_null([1])),
    "concat of nothing": (errors.SchemaError, "at least one", lambda d: pt.concat([])),
    "concat of others": (
        errors.SchemaError,
        'how="diagonal"',
        lambda d: pt.concat([d, d.drop("day")]),
    ),
    "concat of a table": (errors.SchemaError, "pt.DataFrame", lambda d: pt.concat([d, 1])),
    "concat contradicting": (
        errors.SchemaError,
        "'frame 2'",
        lambda d: pt.concat([d, d.select(day="amount")], how="diagonal"),
    ),
    "function that raises on nothing": (
        errors.SchemaError,
        "schema=",
        lambda d: d.map_batches(lambda batch: {"x": [batch["amount"][0].as_py()]}),
    ),
    "function without types": (
        errors.SchemaError,
        "type of 'x'",
        lambda d: d.map_batches(lambda batch: {"x": []}),
    ),
    "function of something": (
        errors.SchemaError,
        "returned int",
        lambda d: d.map_batches(lambda batch: 1),
    ),
    "no function": (errors.InvalidExpression, "a function", lambda d: d.map_batches("upper")),
    "explain format": (errors.SchemaError, "'json'", lambda d: d.explain(format="yaml")),
    "graph format": (errors.SchemaError, "'mermaid'", lambda d: d.show_graph("png")),
    "a deep expression": (
        errors.InvalidExpression,
        ".is_in([...])",
        lambda d: d.filter(functools.reduce(operator.or_, [col("amount") == 1] * 2000)),
    ),
    "a path": (errors.SchemaError, "scan_parquet", lambda d: pt.DataFrame("x.parquet")),
    "a number": (errors.SchemaError, "no table", lambda d: pt.DataFrame(3)),
    "a schema": (errors.SchemaError, "schema=", lambda d: pt.from_pydict({}, schema=["a"])),
    "a row by number": (errors.ColumnNotFound, "to_dicts", lambda d: d.collect()[0]),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_says_what_to_do(df: pt.DataFrame, name: str) -> None:
    kind, hint, do = CASES[name]
    with pytest.raises(kind) as caught:
        do(df)
    assert hint in str(caught.value)


def test_the_first_unknown_name_of_a_chain_is_told_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(DATA), path)
    frame = pt.scan_parquet(path)
    path.unlink()
    with pytest.raises(errors.ColumnNotFound):
        frame.select("regoin")


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        pt.scan_parquet(tmp_path / "nowhere.parquet")
    with pytest.raises(errors.SourceNotFound):
        pt.scan_csv(tmp_path / "*.csv")
    (tmp_path / "text.parquet").write_text("this is not Parquet")
    with pytest.raises(errors.SourceCorrupt, match=r"text\.parquet"):
        pt.scan_parquet(tmp_path)


@pytest.mark.parametrize("executor", ["serial", "process"])
def test_a_function_that_raises_names_its_line_and_leaves_the_session_usable(
    tmp_path: Path, executor: str
) -> None:
    pq.write_table(pa.table(DATA), tmp_path / "part.parquet")

    def fails(batch: pa.RecordBatch) -> pa.RecordBatch:
        raise ValueError("no such luck")

    with pt.config.set(executor=executor, workers=1):
        df = pt.scan_parquet(tmp_path)
        with pytest.raises(errors.UserFunctionError) as caught:
            df.map_batches(fails, schema=df.schema).collect()
        message = str(caught.value)
        assert "ValueError: no such luck" in message
        assert f"{__file__}:{fails.__code__.co_firstlineno + 1}" in message
        assert "part.parquet" in message
        own = [entry for entry in caught.traceback if "scheduler" in str(entry.path)]
        assert not own
        with pytest.raises(errors.UserFunctionError):
            df.map_batches(fails, schema=df.schema).sink_parquet(tmp_path / "out")
        assert not (tmp_path / "out").exists()
        assert len(df) == 2


def test_targets(df: pt.DataFrame, tmp_path: Path) -> None:
    target = tmp_path / "there.parquet"
    df.sink_parquet(target)
    with pytest.raises(errors.SinkExists, match="overwrite"):
        df.sink_parquet(target)
    with pytest.raises(errors.SinkError, match="mode"):
        df.sink_parquet(target, mode="replace")
    with pytest.raises(errors.ColumnNotFound):
        df.sink_parquet(tmp_path / "parts", partition_by="amuont")
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.SinkError):
        df.sink_csv(tmp_path / "file" / "below" / "a.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "there.parquet"]
