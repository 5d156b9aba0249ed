"""A result hands its rows to every library, and shows them."""

from __future__ import annotations

import datetime
import pickle
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita.engine.api.table_text import table_text

TABLE = pa.table({"a": [1, 2, None], "b": ["x", None, "z"], "c": [0.5, float("nan"), None]})


@pytest.fixture
def result() -> pt.Result:
    return pt.from_arrow(TABLE).collect()


def test_conversions(result: pt.Result) -> None:
    assert result.equals(TABLE)
    pd.testing.assert_frame_equal(result.to_pandas(), TABLE.to_pandas())
    assert result.to_polars().equals(pl.DataFrame(TABLE))
    assert result.to_pydict()["a"] == [1, 2, None]
    assert result.to_dicts()[0] == {"a": 1, "b": "x", "c": 0.5}
    assert list(result.iter_rows())[1][:2] == (2, None)
    assert next(result.iter_rows(named=True)) == {"a": 1, "b": "x", "c": 0.5}
    assert result["b"].to_pylist() == ["x", None, "z"]
    assert [column.type for column in result] == result.dtypes


def test_shape(result: pt.Result) -> None:
    assert (len(result), result.height, result.width, result.shape) == (3, 3, 3, (3, 3))
    assert result.columns == ["a", "b", "c"]
    assert "a" in result
    assert "z" not in result


def test_protocols(result: pt.Result) -> None:
    assert result.equals(pa.table(result))
    assert pl.DataFrame(result).shape == (3, 3)
    assert pa.schema(result) == result.schema
    assert np.asarray(result).shape == (3, 3)
    assert np.asarray(result).dtype == object
    numbers = pt.from_pydict({"a": [1, 2], "b": [0.5, 1.5]})
    assert np.array_equal(np.asarray(numbers), [[1, 0.5], [2, 1.5]])
    assert np.asarray(numbers, dtype="float32").dtype == np.float32
    assert pt.from_pydict({"a": [1, 2]}).to_numpy().dtype == np.int64


def test_a_frame_is_read_by_other_libraries_directly() -> None:
    df = pt.from_arrow(TABLE).filter(pt.col("a").is_not_null())
    assert pa.table(df).num_rows == 2
    assert pl.DataFrame(df).shape == (2, 3)
    assert pa.RecordBatchReader.from_stream(df).read_all().schema == df.schema
    assert pt.DataFrame(pl.DataFrame(TABLE)).to_pydict()["b"] == ["x", None, "z"]
    assert pt.DataFrame(TABLE.to_pandas()).columns == ["a", "b", "c"]
    assert pt.DataFrame(df).plan is df.plan
    assert pt.from_polars(pl.DataFrame(TABLE)).dtypes == df.dtypes
    assert pt.DataFrame(df.collect()).to_pydict()["a"] == [1, 2]
    assert pt.DataFrame(TABLE.to_batches()).to_pydict()["a"] == [1, 2, None]


def test_equals_knows_nan_and_null(result: pt.Result) -> None:
    again = pt.from_arrow(TABLE).collect()
    assert result.equals(again)
    assert result.equals(TABLE)
    assert not result.equals(again.to_arrow().slice(1))
    changed = TABLE.set_column(2, "c", pa.array([0.5, None, float("nan")]))
    assert not result.equals(changed)
    assert not result.equals(3)


def test_text() -> None:
    awkward = pa.table(
        {
            "日本": ["語\n\x1b[31m", "<b>"],
            "t": [True, None],
            "f": [1e-10, float("nan")],
            "d": [datetime.date(2024, 1, 31), None],
            "l": [[1, 2], None],
        }
    )
    assert table_text(awkward, width=100).splitlines() == [
        "┌──────────────┬──────┬────────┬─────────────┬───────────────────┐",
        "│ 日本         │ t    │      f │ d           │ l                 │",
        "│ string       │ bool │ double │ date32[day] │ list<item: int64> │",
        "├──────────────┼──────┼────────┼─────────────┼───────────────────┤",
        "│ 語\\n\\x1b[31m │ true │  1e-10 │ 2024-01-31  │ [1, 2]            │",
        "│ <b>          │ null │    nan │ null        │ null              │",
        "└──────────────┴──────┴────────┴─────────────┴───────────────────┘",
        "2 rows, 5 columns",
    ]


def test_long_and_wide_tables_are_cut() -> None:
    long = pa.table({"n": range(100)})
    lines = table_text(long).splitlines()
    assert len(lines) == 4 + 20 + 1 + 2
    assert lines[-1] == "100 rows, 1 column"
    assert [line.strip("│ ") for line in lines[4:6]] == ["0", "1"]
    wide = pa.table({f"column_{number}": ["text " * 50] for number in range(50)})
    shown = table_text(wide, width=120)
    assert max(map(len, shown.splitlines())) <= 120
    assert "columns not shown" in shown
    assert "column_0 " in shown
    assert "column_49" in shown


def test_html_is_escaped() -> None:
    markup = pt.from_pydict({"<i>": ["<script>alert(1)</script>"]}).collect()._repr_html_()
    assert "<script>" not in markup
    assert "<i>" not in markup
    ElementTree.fromstring(markup)


def test_no_rows_and_no_values() -> None:
    empty = pt.from_pydict({"a": [], "b": []}, schema={"a": "int64", "b": str}).collect()
    assert empty.shape == (0, 2)
    assert empty.to_pydict() == {"a": [], "b": []}
    assert empty.to_pandas().shape == (0, 2)
    assert "0 rows, 2 columns" in repr(empty)


def test_frames_and_results_can_be_sent() -> None:
    df = pt.from_arrow(TABLE).select("a").filter(pt.col("a") > 1)
    assert pickle.loads(pickle.dumps(df)).to_pydict() == {"a": [2]}
