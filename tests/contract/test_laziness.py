"""Nothing runs before rows are asked for, on whatever it would run."""

from __future__ import annotations

import os
from pathlib import Path

import partita as pt
from partita import col

from .executors import Executor
from .marks import watched


def test_building_and_looking_run_nothing(
    executor: Executor, session: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    seen, out = tmp_path / "seen", tmp_path / "out"
    frame = watched(pt.scan_parquet(dataset), seen)
    totals = frame.group_by("key").agg(total=col("value").sum())
    made = frame.join(totals, on="key").sort("total").unique().tail(5)
    before = executor.held(session)
    repr(made)
    made._repr_html_()
    made.explain(steps=True)
    made.show_graph("mermaid")
    assert made.schema.names == ["key", "value", "file", "total"]
    assert made.estimate().rows <= 5
    marked = made.cache()
    lazily = made.sink_parquet(out, lazy=True)
    stream = made.collect_batches()
    stream.close()
    assert os.listdir(seen) == []
    assert not out.exists()
    assert executor.held(session) == before
    assert len(marked.collect()) == 5
    assert len(os.listdir(seen)) > 0
    assert isinstance(lazily, pt.DataFrame)
    assert lazily.to_pydict()["rows"] == [5]
    assert len(pt.scan_parquet(out)) == 5
