"""What other libraries take rows by: tensors, narwhals, batches, arrays, the names of Spark."""

from __future__ import annotations

import importlib.util
from typing import Any

import narwhals
import narwhals.stable.v1
import narwhals.stable.v2
import numpy as np
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors
from partita.engine.api.torch_dataset import numpy_batches

TABLE = pa.table(
    {
        "k": ["a", "b", None, "a"],
        "v": [1, 2, 3, 4],
        "f": [0.5, None, float("nan"), 2.0],
        "b": [True, False, True, False],
    }
)


@pytest.mark.parametrize("version", [narwhals, narwhals.stable.v1, narwhals.stable.v2])
def test_a_result_is_a_frame_to_narwhals(version: Any) -> None:
    frame = version.from_native(pt.from_arrow(TABLE).collect(), eager_only=True)
    assert frame.columns == TABLE.column_names
    made = frame.filter(version.col("v") > 1).group_by("k").agg(version.col("v").sum()).sort("v")
    assert made.to_native().to_pydict() == {"k": ["b", None, "a"], "v": [2, 3, 4]}
    assert frame["f"].is_null().to_list() == [False, True, False, False]


def test_a_lazy_frame_is_handed_to_narwhals_as_arrow() -> None:
    lazy = pt.from_arrow(TABLE).filter(col("v") > 2)
    assert narwhals.from_arrow(lazy, backend="pyarrow")["v"].to_list() == [3, 4]


def batches(rows: int, of: int) -> list[pa.RecordBatch]:
    return pa.table({"a": np.arange(rows), "x": np.arange(rows) / 2}).to_batches(max_chunksize=of)


@pytest.mark.parametrize("rows", [0, 1, 5, 100])
@pytest.mark.parametrize("of", [1, 7, 100])
@pytest.mark.parametrize("size", [None, 1, 3, 50, 1000])
def test_rows_fall_into_arrays_of_a_size(rows: int, of: int, size: int | None) -> None:
    made = list(numpy_batches(iter(batches(rows, of)), size))
    lengths = [len(each["a"]) for each in made]
    if size is not None and made:
        assert lengths == [size] * (rows // size) + ([rows % size] if rows % size else [])
    assert sum(lengths) == rows
    assert [value for each in made for value in each["a"]] == list(range(rows))
    for each in made:
        each["x"][0] = -1  # they may be written to


def test_nulls_are_nan_where_they_can_be() -> None:
    (only,) = numpy_batches(iter(TABLE.select(["f", "b"]).to_batches()), None)
    assert np.isnan(only["f"]).tolist() == [False, True, True, False]
    assert only["b"].dtype == bool
    with pytest.raises(errors.TypeMismatch, match=r"'n' is int64 and has nulls.*fill_null"):
        list(numpy_batches(iter(pa.table({"n": [1, None]}).to_batches()), None))


def test_tensors_are_of_numbers_and_say_what_they_need() -> None:
    frame = pt.from_arrow(TABLE)
    for rows in (frame, frame.collect()):
        with pytest.raises(errors.TypeMismatch, match="'k' are neither"):
            rows.to_torch()
    with pytest.raises(errors.InvalidExpression, match="at least 1"):
        frame.select("v").to_torch(0)
    if importlib.util.find_spec("torch") is None:
        with pytest.raises(errors.MissingDependency, match="pip install torch"):
            frame.select("v").to_torch()
    else:
        items = list(frame.select("v", "b").to_torch(3))
        assert [item["v"].tolist() for item in items] == [[1, 2, 3], [4]]
        assert items[1]["b"].tolist() == [False]


def test_rows_of_a_result_go_on_as_those_of_a_frame_do() -> None:
    frame = pt.from_arrow(TABLE)
    result = frame.collect()
    for rows in (frame, result):
        assert pa.Table.from_batches(rows.to_batches()).num_rows == 4
        assert rows.toPandas()["v"].tolist() == [1, 2, 3, 4]
        assert list(rows.iter_rows())[1][:2] == ("b", 2)
        assert next(iter(rows.iter_rows(named=True)))["k"] == "a"
        assert pa.table(rows).column_names == TABLE.column_names
        assert pa.schema(rows) == TABLE.schema
        assert rows._ipython_key_completions_() == TABLE.column_names
    assert np.asarray(frame.select("v", "b")).tolist() == [[1, 1], [2, 0], [3, 1], [4, 0]]
