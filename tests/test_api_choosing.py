"""Columns chosen by pattern and by type; the small verbs on columns and nulls."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

DATA: dict[str, list[Any]] = {
    "price_a": [1.5, None, math.nan],
    "price_b": [1, 2, 3],
    "name": ["x", "y", None],
    "Price": [True, False, None],
}


@pytest.fixture
def df() -> pt.DataFrame:
    return pt.from_pydict(DATA)


SELECTIONS: dict[str, tuple[Any, Any]] = {
    "pattern": (lambda: col("^price_.*$"), lambda: pl.col("^price_.*$")),
    "pattern as text": (lambda: "^price_.*$", lambda: "^price_.*$"),
    "two patterns": (lambda: col("^n.*$", "^P.*$"), lambda: [pl.col("^n.*$"), pl.col("^P.*$")]),
    "type": (lambda: col(pa.int64()), lambda: pl.col(pl.Int64)),
    "python type": (lambda: col(str), lambda: pl.col(pl.String)),
    "types": (
        lambda: col([pa.int64(), pa.float64()]),
        lambda: pl.col([pl.Int64, pl.Float64]),
    ),
    "exclude": (lambda: pt.exclude("name"), lambda: pl.exclude("name")),
    "exclude a pattern": (lambda: pt.exclude("^price.*$"), lambda: pl.exclude("^price.*$")),
    "exclude a type": (
        lambda: pt.exclude(pa.bool_(), str),
        lambda: pl.exclude(pl.Boolean, pl.String),
    ),
    "all but": (lambda: pt.all().exclude("name"), lambda: pl.all().exclude("name")),
    "pattern but": (
        lambda: col("^price_.*$").exclude("price_a"),
        lambda: pl.col("^price_.*$").exclude("price_a"),
    ),
    "computed": (lambda: col("^price_.*$") * 2, lambda: pl.col("^price_.*$") * 2),
    "alternatives": (lambda: col("^(name|Price)$"), lambda: pl.col("^(name|Price)$")),
    "whole names only": (lambda: col("^price$", "name"), lambda: [pl.col("name")]),
}


@pytest.mark.parametrize("name", SELECTIONS)
def test_columns_are_chosen_as_by_polars(df: pt.DataFrame, name: str) -> None:
    mine, theirs = SELECTIONS[name]
    expected = pl.DataFrame(DATA, strict=False).select(theirs())
    found = df.select(mine())
    assert found.columns == expected.columns
    assert repr(found.to_dicts()) == repr(expected.to_dicts())


def test_verbs_that_take_names_take_patterns(df: pt.DataFrame) -> None:
    assert df.drop("^price_.*$").columns == ["name", "Price"]
    assert df.drop(col(str), pt.col("^nothing$")).columns == ["price_a", "price_b", "Price"]
    assert df.drop_nulls(col("^price.*$")).to_pydict()["price_b"] == [1, 3]
    assert df.select(pt.sum("^price_b$"), pt.count("^p.*_a$")).columns == ["price_b", "price_a"]
    assert df.select("^price_.*$", "name").columns == ["price_a", "price_b", "name"]
    assert df.unpivot("^price_.*$").columns == ["variable", "value"]
    grouped = df.group_by("name").agg(col(float).sum(), col("^.*_b$").max())
    assert grouped.columns == ["name", "price_a", "price_b"]
    assert df.with_columns(col("^price_.*$").is_null()).dtypes[0] == pa.bool_()


def test_a_selection_that_makes_no_sense_is_refused(df: pt.DataFrame) -> None:
    with pytest.raises(errors.SchemaError, match="would leave no column"):
        df.select(col("^nothing$"))
    with pytest.raises(errors.InvalidExpression, match="regular expression, but not a valid one"):
        df.select(col("^(a$"))
    with pytest.raises(errors.InvalidExpression, match="col wants names as text, or types"):
        col(5)
    with pytest.raises(errors.InvalidExpression, match="col wants a name"):
        col()
    with pytest.raises(errors.ColumnNotFound):
        df.select(pt.exclude("nothing"))
    with pytest.raises(errors.InvalidExpression, match="leaves columns out of several"):
        col("name").exclude("name")
    assert repr(col("^a$", pa.int64()).exclude("b")) == 'col("^a$", int64).exclude("b")'


def test_rename_may_pass_over_what_is_missing(df: pt.DataFrame) -> None:
    assert df.rename({"name": "n", "zzz": "y"}, strict=False).columns[2] == "n"
    with pytest.raises(errors.ColumnNotFound, match="zzz"):
        df.rename({"zzz": "y"})
    assert df.rename(lambda name: name.upper().strip("E")).columns[1:] == ["PRICE_B", "NAM", "PRIC"]


@pytest.mark.parametrize("value", [0.0, None, 7])
def test_nan_is_filled_as_by_polars(df: pt.DataFrame, value: Any) -> None:
    expected = pl.DataFrame(DATA, strict=False).fill_nan(value)
    assert df.fill_nan(value).to_dicts() == expected.to_dicts()
    assert df.fill_nan(value).schema == df.schema


@pytest.mark.parametrize("subset", [None, "price_a", ["price_a", "price_b"], "price_b"])
def test_nan_is_dropped_as_by_polars(df: pt.DataFrame, subset: Any) -> None:
    expected = pl.DataFrame(DATA, strict=False).drop_nans(subset)
    assert repr(df.drop_nans(subset).to_dicts()) == repr(expected.to_dicts())
