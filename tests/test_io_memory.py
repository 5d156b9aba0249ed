"""Tables in memory: conversion, slices, what a pickled fragment carries."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from partita.engine.errors import ColumnNotFound, DuplicateColumn, SchemaError
from partita.engine.source import Fragment, Pushdown, Source
from partita.io import MemorySource, table_from_arrow, table_from_pandas, table_from_pydict


def rows_of(source: Source, pushdown: Pushdown, size: int = 1000, batch_rows: int = 7) -> pa.Table:
    fragments = source.plan(pushdown, size).fragments
    batches = [batch for fragment in fragments for batch in fragment.batches(batch_rows)]
    assert all(0 < batch.num_rows <= batch_rows for batch in batches)
    return pa.Table.from_batches(batches)


def test_slices_cover_all_rows_in_order() -> None:
    table = pa.table({"a": np.arange(1000), "b": [str(i) for i in range(1000)]})
    source = MemorySource(table)
    assert isinstance(source, Source)
    plan = source.plan(Pushdown(columns=("b", "a")), 2000)
    assert len(plan.fragments) > 3
    assert all(isinstance(fragment, Fragment) for fragment in plan.fragments)
    assert sum(fragment.rows for fragment in plan.fragments) == 1000
    assert rows_of(source, Pushdown(columns=("b", "a"))).equals(table.select(["b", "a"]))
    assert len(source.plan(Pushdown(), 1 << 30).fragments) == 1


def test_a_limit_and_no_columns() -> None:
    source = MemorySource(pa.table({"a": np.arange(1000)}))
    assert rows_of(source, Pushdown(limit=10)).num_rows == 10
    (fragment,) = source.plan(Pushdown(columns=()), 1 << 30).fragments
    assert [batch.num_rows for batch in fragment.batches(600)] == [600, 400]
    assert (
        MemorySource(pa.table({"a": pa.array([], pa.int64())})).plan(Pushdown(), 1).fragments == ()
    )


def test_equal_means_the_same_table() -> None:
    table = pa.table({"a": [1]})
    assert MemorySource(table) == MemorySource(table)
    assert MemorySource(table) != MemorySource(pa.table({"a": [1]}))


def test_a_pickled_fragment_carries_its_slice_only() -> None:
    table = pa.table({"a": np.arange(100_000), "b": np.arange(100_000)})
    fragment = MemorySource(table).plan(Pushdown(columns=("a",)), 8000).fragments[5]
    data = pickle.dumps(fragment)
    assert len(data) < 12_000
    again = pickle.loads(data)
    assert again.table().equals(fragment.table())
    assert again.rows == fragment.rows
    assert pickle.loads(pickle.dumps(again)).table().equals(fragment.table())


def test_many_short_chunks_are_put_together() -> None:
    batches = [pa.record_batch({"s": pa.array([str(i)]).dictionary_encode()}) for i in range(500)]
    source = MemorySource(table_from_arrow(batches))
    (fragment,) = source.plan(Pushdown(), 1 << 30).fragments
    (batch,) = fragment.batches(1000)
    assert batch.column(0).to_pylist() == [str(i) for i in range(500)]


def test_types_are_made_plain() -> None:
    table = pa.table(
        {
            "view": pa.array(["a", None], pa.string_view()),
            "large": pa.array(["a", None], pa.large_string()),
            "bytes": pa.array([b"a", None], pa.large_binary()),
            "runs": pa.RunEndEncodedArray.from_arrays([2], pa.array([5])),
        }
    ).replace_schema_metadata({"a": "b"})
    made = table_from_arrow(table)
    assert made.schema.types == [pa.string(), pa.string(), pa.binary(), pa.int64()]
    assert made.schema.metadata is None
    assert made.to_pydict() == table.to_pydict() | {"runs": [5, 5]}
    assert table_from_arrow(pl.DataFrame({"a": ["x"]})).schema.types == [pa.string()]
    assert table_from_arrow(pa.record_batch({"a": [1]})).num_rows == 1


def test_pandas_without_its_index() -> None:
    frame = pd.DataFrame({"a": [1.5, None], 7: ["x", "y"]}, index=["p", "q"])
    made = table_from_pandas(frame)
    assert made.column_names == ["a", "7"]
    assert made.schema.metadata is None
    assert list(frame.columns) == ["a", 7]
    assert table_from_pandas(pd.DataFrame({"c": pd.Categorical(["x", "y"])})).schema.field(
        "c"
    ).type == pa.dictionary(pa.int8(), pa.string())


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"astype"):
        table_from_pandas(pd.DataFrame({"a": [1, "x", object()]}))
    with pytest.raises(DuplicateColumn, match="'a' occurs twice"):
        table_from_pandas(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(DuplicateColumn):
        table_from_arrow(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]))
    with pytest.raises(SchemaError, match="do not make a table"):
        table_from_pydict({"a": [1], "b": [1, 2]})
    with pytest.raises(SchemaError, match="not Arrow data"):
        table_from_arrow(7)
    with pytest.raises(ColumnNotFound, match="Did you mean 'amount'"):
        MemorySource(pa.table({"amount": [1]})).plan(Pushdown(columns=("amuont",)), 1)
