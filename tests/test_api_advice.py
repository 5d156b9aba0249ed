"""What the fingers of other libraries' users type is answered with what to write here."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors
from partita.engine.api import absent, absent_module


@pytest.fixture
def df() -> pt.DataFrame:
    return pt.from_pydict({"city": ["Ulm", "Bonn"], "qty": [1, 2]})


NAMES: dict[str, tuple[Mapping[str, str], Callable[[pt.DataFrame], Any]]] = {
    "frame": (absent.FRAME, lambda df: df),
    "expression": (absent.EXPRESSION, lambda df: df.qty),
    "group_by": (absent.GROUPS, lambda df: df.group_by("city")),
    "result": (absent.RESULT, lambda df: df.collect()),
}


@pytest.mark.parametrize("owner", NAMES)
def test_a_name_that_does_not_exist_is_answered_with_its_advice(
    df: pt.DataFrame, owner: str
) -> None:
    table, make = NAMES[owner]
    owned = make(df)
    for name, advice in table.items():
        # A name that was built meanwhile has no business in the table any more.
        assert not hasattr(owned, name), name
        with pytest.raises(errors.NotOffered) as caught:
            getattr(owned, name)
        assert name in str(caught.value)
        assert advice in str(caught.value)


@pytest.mark.parametrize("name", absent_module.MODULE)
def test_a_name_that_the_module_does_not_have(name: str) -> None:
    assert not hasattr(pt, name)
    with pytest.raises(errors.NotOffered) as caught:
        getattr(pt, name)
    assert absent_module.MODULE[name] in str(caught.value)


@pytest.mark.parametrize("name", absent.NAMESPACED)
def test_a_name_that_a_namespace_does_not_have(df: pt.DataFrame, name: str) -> None:
    _, short, method = name.split(".")
    with pytest.raises(errors.NotOffered) as caught:
        getattr(getattr(df.city, short), method)
    assert absent.NAMESPACED[name] in str(caught.value)


ELSEWHERE: dict[str, tuple[str, Callable[[], Any]]] = {
    "of a frame": ("of a frame: df.merge(...)", lambda: pt.merge),
    "of an expression": ("pt.col('a').round(...)", lambda: pt.round),
    "of times": ("pt.col('a').dt.year(...)", lambda: pt.year),
    "of nothing": ("Did you mean 'concat'", lambda: pt.concatt),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_method_is_not_sought_in_the_module(name: str) -> None:
    wanted, ask = ELSEWHERE[name]
    with pytest.raises(AttributeError) as caught:
        ask()
    assert wanted in str(caught.value)


OF_OTHERS = {
    *("to_excel", "to_sql", "plot", "loc", "iloc", "T", "transpose", "reset_index"),
    *("from_pandas", "dataframe"),
}


def test_advice_names_only_what_exists() -> None:
    """Methods and functions that an advice names are there, under that name."""
    frame = pt.from_pydict({"a": ["x"]})
    owners = [type(frame), pt.GroupBy, pt.Result, pt.Expression, pa.Schema, pa.DataType]
    owners += [type(getattr(frame.a, short)) for short in ("str", "dt", "list", "struct", "name")]
    known = {name for owner in owners for name in dir(owner)} | {"then", "otherwise", "random"}
    tables = (absent.FRAME, absent.EXPRESSION, absent.GROUPS, absent.RESULT, absent.NAMESPACED)
    for table in (*tables, absent_module.MODULE):
        for name, advice in table.items():
            for called in re.findall(r"\.([a-z_]\w*)\(", advice):
                there = called in known | OF_OTHERS or hasattr(pt, called) or hasattr(pa, called)
                assert there or called == "set", f"{name}: {advice}"
            for called in re.findall(r"\bpt\.([a-z_]\w*)", advice):
                assert hasattr(pt, called), f"{name}: {advice}"


NEAREST: dict[str, tuple[str, Callable[[pt.DataFrame], Any]]] = {
    "frame": ("Did you mean 'filter'?", lambda df: df.fliter),
    "expression": ("Did you mean 'sum'", lambda df: df.qty.summ),
    "text": ("Did you mean 'upper'?", lambda df: df.city.str.uper),
    "other namespace": ("There is .str.starts_with", lambda df: df.city.starts_with),
    "group": ("Did you mean 'mean' or 'median'?", lambda df: df.group_by("city").meen),
    "result": ("Did you mean 'to_pandas'", lambda df: df.collect().to_panda),
    "result column": ("its column is ['qty']", lambda df: df.collect().qty),
}


@pytest.mark.parametrize("name", NEAREST)
def test_a_mistyped_name_is_answered_with_the_nearest(df: pt.DataFrame, name: str) -> None:
    wanted, ask = NEAREST[name]
    with pytest.raises(AttributeError) as caught:
        ask(df)
    assert wanted in str(caught.value)
    assert len(str(caught.value)) < 300


OPTIONS: dict[str, tuple[str, Callable[[pt.DataFrame], Any]]] = {
    "scan_csv": ("write separator=", lambda df: pt.scan_csv("x.csv", sep=";")),
    "read_csv": ("write columns=", lambda df: pt.read_csv("x.csv", usecols=["a"])),
    "scan_parquet": ("write .filter(", lambda df: pt.scan_parquet("x", filters=[])),
    "scan_ipc": ("'columns'", lambda df: pt.scan_ipc("x", colums=["a"])),
    "sort": ("descending=True", lambda df: df.sort("qty", ascending=False)),
    "sort typo": ("Did you mean 'descending'?", lambda df: df.sort("qty", decending=True)),
    "sort_values": ("assign what", lambda df: df.sort_values("qty", inplace=True)),
    "rename": (".rename({'a': 'b'})", lambda df: df.rename(columns={"qty": "n"})),
    "drop": (".drop('a', 'b')", lambda df: df.drop(columns=["qty"])),
    "drop axis": (".filter(...)", lambda df: df.drop("qty", axis=1)),
    "groupby": ("always", lambda df: df.groupby("city", observed=True)),
    "groupby sum": ("[['v', 'w']]", lambda df: df.groupby("city").sum(numeric_only=True)),
    "merge": ("no index", lambda df: df.merge(df, left_index=True)),
    "join": ("suffix=", lambda df: df.join(df, on="qty", lsuffix="_x")),
    "to_csv": ("no index", lambda df: df.to_csv("x.csv", index=False)),
    "to_parquet": ("partition_by=", lambda df: df.to_parquet("x", partition_cols=["city"])),
    "concat": ("no index", lambda df: pt.concat([df, df], ignore_index=True)),
    "map_batches": ("schema=", lambda df: df.map_batches(lambda batch: batch, meta={})),
    "collect": ("always", lambda df: df.collect(engine="streaming")),
    "compute": ("executor=", lambda df: df.compute(scheduler="threads")),
    "show": ("shortened", lambda df: df.show(5, truncate=False)),
    "head": ("all partitions", lambda df: df.head(5, npartitions=-1)),
    "fillna": ("{'a': 0}", lambda df: df.fillna(0, subset=["qty"])),
    "drop_duplicates": ("leave it out", lambda df: df.drop_duplicates(["qty"], split_out=2)),
    "from_pandas": (".repartition(n)", lambda df: pt.from_pandas(pd.DataFrame(), npartitions=2)),
    "blocksize": ("partition_bytes", lambda df: pt.read_csv("x.csv", blocksize="64MB")),
    "decimal": (".replace(',', '.')", lambda df: pt.read_csv("x.csv", decimal=",")),
    "single_file": ("sales.csv", lambda df: df.to_csv("x", single_file=True)),
    "shuffle": (".repartition(by=...)", lambda df: df.shuffle(on="qty")),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_that_does_not_exist_is_answered(df: pt.DataFrame, name: str) -> None:
    wanted, ask = OPTIONS[name]
    with pytest.raises(errors.InvalidExpression) as caught:
        ask(df)
    assert wanted in str(caught.value)
    assert "options" in str(caught.value)


MISUSES: dict[str, tuple[str, Callable[[pt.DataFrame], Any]]] = {
    "method not called": ("write .hour()", lambda df: df.assign(x=col("t").dt.hour)),
    "function for a condition": ("map_batches", lambda df: df.filter(lambda row: row.qty > 1)),
    "slice of text": (".str.slice", lambda df: df.select(df.city.str[:2])),
    "text in then": (
        "pt.lit('big')",
        lambda df: df.with_columns(x=pt.when(df.qty > 1).then("big").otherwise(pt.lit("small"))),
    ),
    "numpy's where": ("pt.when", lambda df: np.where(df.qty > 1, 1, 0)),
    "a pandas column": (".join()", lambda df: df.assign(x=pd.Series([1, 2]))),
    "an array": (".join()", lambda df: df.with_columns(x=np.array([1, 2]))),
    "a frame to look in": ("how='semi'", lambda df: df.filter(df.qty.is_in(df.select("qty")))),
    "a function to aggregate": (
        "'<lambda>'",
        lambda df: df.groupby("city").agg({"qty": lambda values: values.max()}),
    ),
    "numpy's sum": ("Write 'sum'", lambda df: df.groupby("city").agg({"qty": np.sum})),
    "join with pandas": ("pandas.DataFrame", lambda df: df.join(pd.DataFrame(), on="qty")),
    "merge with pandas": ("pandas.DataFrame", lambda df: df.merge(pd.DataFrame(), on="qty")),
    "concat with pandas": ("pandas.DataFrame", lambda df: pt.concat([df, pd.DataFrame()])),
    "rows": ("from_items", lambda df: pt.DataFrame([(1, 2)])),
    "series": ("to_frame", lambda df: pt.DataFrame(pd.Series([1]))),
    "twice": (
        "with_columns would make column 'x' twice",
        lambda df: df.with_columns(df.qty.alias("x"), x=1),
    ),
    "size": ("'512MiB'", lambda df: pt.config.set(memory_limit="2 gigs")),
}


@pytest.mark.parametrize("name", MISUSES)
def test_a_misuse_says_what_to_write(df: pt.DataFrame, name: str) -> None:
    wanted, ask = MISUSES[name]
    with pytest.raises(errors.PartitaError) as caught:
        ask(df)
    assert wanted in str(caught.value)


def test_scalars_of_numpy_are_values(df: pt.DataFrame) -> None:
    found = df.filter(df.qty >= np.int64(2)).with_columns(x=np.float64(0.5))
    assert found.to_pydict() == {"city": ["Bonn"], "qty": [2], "x": [0.5]}


def test_a_result_can_be_pickled(df: pt.DataFrame) -> None:
    result = df.collect()
    assert pickle.loads(pickle.dumps(result)).equals(result)


def test_a_function_over_pandas_keeps_the_types_that_pandas_cannot_tell(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text("day,amount\n2024-01-31,1.5\n,2.5\n")
    priced = pt.scan_csv(tmp_path).with_columns(price=pt.lit(Decimal("9.90")))
    doubled = priced.map_batches(
        lambda frame: frame.assign(twice=frame["amount"] * 2), takes="pandas"
    )
    assert doubled.schema.names == ["day", "amount", "price", "twice"]
    assert doubled.dtypes[:3] == priced.dtypes
    assert doubled.select("day", "twice").to_dicts()[1] == {"day": None, "twice": 5.0}
    assert doubled.to_arrow().column("price").to_pylist() == [Decimal("9.90")] * 2
