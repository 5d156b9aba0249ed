"""Nothing is read before rows are asked for, and looking at a frame never runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pytest

import partita as pt
from partita import col
from partita.engine.plan.nodes import Scan
from partita.engine.source import Pushdown, ScanPlan, Statistics

HOSTILE = "<img src=x onerror=alert(1)>"


class RowsWereRead(Exception):
    """The test's source was asked for rows."""


@dataclass(frozen=True)
class UnreadableFragment:
    """A fragment whose rows must not be asked for."""

    label: str = "unreadable"
    rows: int | None = None
    bytes: int = 100
    stored_bytes: int = 10

    def batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        raise RowsWereRead


@dataclass(frozen=True)
class UnreadableSource:
    """A source that tells its schema and statistics, and fails when rows are read."""

    label: str = f"unreadable {HOSTILE}"

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("k", pa.string()), ("v", pa.int64()), (HOSTILE, pa.float64())])

    def statistics(self) -> Statistics:
        return Statistics(rows=10, bytes=1000)

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        return ScanPlan(fragments=(UnreadableFragment(),))


@pytest.fixture
def df() -> pt.DataFrame:
    frame = pt.DataFrame._from_plan(Scan(source=UnreadableSource()))
    return (
        frame.filter(col("v") > 1, k="a")
        .with_columns(x=col("v") * 2)
        .join(frame.select("k"), on="k", how="left")
        .group_by("k", HOSTILE)
        .agg(col("x").sum(), share=col("v").sum() / pt.len())
        .sort("k")
        .head(5)
    )


def test_the_source_of_this_test_does_fail_when_it_is_run(df: pt.DataFrame) -> None:
    with pytest.raises(Exception, match="RowsWereRead"):
        df.collect()


def test_looking_reads_no_rows(df: pt.DataFrame) -> None:
    assert df.columns == ["k", HOSTILE, "x", "share"]
    assert df.width == 4
    assert df.dtypes[2] == pa.int64()
    assert "SORT" in repr(df)
    assert "not run" in df._repr_html_()
    assert set(df._repr_mimebundle_()) == {"text/plain", "text/html"}
    assert "AGGREGATE" in df.explain(steps=True)
    assert json.loads(df.explain(steps=True, format="json"))["optimized"]["nodes"]
    assert df.estimate().rows <= 5
    for form in ("svg", "mermaid", "dot"):
        assert str(df.show_graph(form))
    assert pa.schema(df) == df.schema
    assert dir(df)
    stream = df.collect_batches()
    stream.close()


def test_lazy_writing_writes_nothing(df: pt.DataFrame, tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    writer = df.select("k").sink_parquet(target, lazy=True)
    assert isinstance(writer, pt.DataFrame)
    assert writer.columns == ["path", "rows", "bytes"]
    assert not target.exists()


def test_html_is_well_formed_and_escaped(df: pt.DataFrame) -> None:
    markup = df._repr_html_()
    assert "<img" not in markup
    assert "&lt;img" in markup
    ElementTree.fromstring(markup)
    svg = df.show_graph()._repr_svg_()
    assert svg is not None
    assert "<img" not in svg
    ElementTree.fromstring(svg)


def test_html_sets_no_colour_of_its_own(df: pt.DataFrame) -> None:
    markup = df._repr_html_()
    assert "color:#" not in markup.replace(" ", "")
    assert "background:#" not in markup.replace(" ", "")


def test_many_columns_are_shortened() -> None:
    wide = pt.from_pydict({f"column_{number}": [1] for number in range(1000)})
    assert len(repr(wide).splitlines()) < 50
    assert "970 more" in repr(wide)
    assert len(wide._repr_html_()) < 20_000


def test_a_drawing_can_be_kept(df: pt.DataFrame, tmp_path: Path) -> None:
    picture = df.show_graph("mermaid")
    assert picture._repr_svg_() is None
    assert picture._repr_mimebundle_()["text/vnd.mermaid"] == str(picture)
    target = tmp_path / "plan.mmd"
    picture.save(target)
    assert target.read_text() == str(picture)
    with pytest.raises(pt.errors.SinkError):
        picture.save(tmp_path / "nowhere" / "plan.mmd")
