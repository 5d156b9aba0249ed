"""A query in the background runs with the settings that were in force where it was begun."""

from __future__ import annotations

import os

import pyarrow as pa

import partita as pt


def test_a_query_keeps_the_settings_of_its_with_block() -> None:
    def process(batch: pa.RecordBatch) -> pa.RecordBatch:
        return pa.RecordBatch.from_pydict({"process": [os.getpid()] * batch.num_rows})

    schema = pa.schema({"process": pa.int64()})
    frame = pt.from_pydict({"a": [1]}).map_batches(process, schema=schema)
    with pt.config.set(executor="serial"):
        run = frame.collect_batches()
        query = frame.collect(background=True)
    with pt.config.set(executor="process", workers=1):
        assert next(run).to_pydict() == {"process": [os.getpid()]}
        assert query.fetch_blocking().to_pydict() == {"process": [os.getpid()]}
