"""Hostile names and values: none leaves its directory, none is live where it is shown."""

from __future__ import annotations

import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita.engine.errors import PartitaError, SinkError

from .hostile import ALL, MARKUP, PATHS, live_html

SVG = {"svg", "g", "rect", "text", "tspan", "path", "line", "polygon", "polyline", "title", "style"}
SVG |= {"defs", "marker"}


def named(name: str) -> pt.DataFrame:
    """Return a frame with `name` as a column, and as a value."""
    return pt.from_pydict({name: [name, "x"], "value": [1, 2]})


def test_there_are_many() -> None:
    assert len(set(ALL)) >= 60


COLUMNS = [name for name in ALL if name != "*"]
"""``col("*")`` is every column."""


@pytest.mark.parametrize("name", COLUMNS, ids=ascii)
def test_nothing_is_live_where_it_is_shown(name: str) -> None:
    df = named(name).filter(pt.col(name) != name).group_by(name).agg(pt.col("value").sum())
    result = df.collect()
    shown = [df._repr_html_(), result._repr_html_(), result.profile._repr_html_()]
    for text in (*shown, df._repr_mimebundle_()["text/html"]):
        assert live_html(text) == []
    for text in (repr(df), str(result.profile), df.explain()):
        assert "\x1b" not in text
        assert "\x00" not in text


@pytest.mark.parametrize("name", COLUMNS, ids=ascii)
def test_pictures_of_plans_hold_text_alone(name: str) -> None:
    df = named(name).filter(pt.col(name) != name).select(name)
    svg = str(df.show_graph("svg"))
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(svg).iter()}
    assert tags <= SVG
    for element in ElementTree.fromstring(svg).iter():
        assert not [each for each in element.attrib if each.lower().startswith("on")]
    plain = named("plain").filter(pt.col("plain") != "plain").select("plain")
    for form in ("mermaid", "dot"):
        text, usual = str(df.show_graph(form)), str(plain.show_graph(form))
        # A name adds no line, so no statement; within a label it cannot end it.
        assert len(text.splitlines()) == len(usual.splitlines())
        for line in text.splitlines():
            bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line) if form == "dot" else line
            assert bare.count('"') % 2 == 0, line
        if form == "mermaid":
            # Mermaid draws HTML that labels hold: there is only our own.
            assert re.sub(r"[^<]+", "", text) == re.sub(r"[^<]+", "", usual)
            assert not re.search(r"<(?!/?b>|br/>)", text), text


def test_an_error_shows_what_it_names_in_one_line() -> None:
    for name in COLUMNS:
        with pytest.raises(PartitaError) as caught:
            named("plain").select(name)
        assert "\x1b" not in str(caught.value)
        assert "\x00" not in str(caught.value)


@pytest.mark.parametrize("form", ["parquet", "csv", "json", "ipc"])
def test_folders_of_hostile_values_stay_inside(form: str, tmp_path: Path) -> None:
    base = tmp_path / "deep" / "down" / "target"
    base.parent.mkdir(parents=True)
    values = [*ALL, None]
    df = pt.from_pydict({"k": values, "n": list(range(len(values)))})
    getattr(df, f"sink_{form}")(base, partition_by="k")
    inside = base.resolve()
    files = [Path(folder) / name for folder, _, names in os.walk(base) for name in names]
    assert len(files) == len(values)
    assert all(path.resolve().is_relative_to(inside) for path in files)
    # One folder each, directly below, and nothing beside.
    assert all(path.parent.parent == base for path in files)
    assert [path.name for path in base.parent.iterdir()] == ["target"]
    assert sorted(os.listdir(tmp_path)) == ["deep"]
    back = getattr(pt, f"scan_{form}")(base).sort("n").to_pydict()
    assert back["k"] == values


@pytest.mark.parametrize("key", ALL, ids=ascii)
def test_folders_of_hostile_keys_stay_inside(key: str, tmp_path: Path) -> None:
    base = tmp_path / "deep" / "target"
    df = pt.from_pydict({key: ["../../a", "b"], "n": [1, 2]})
    df.sink_parquet(base, partition_by=key)
    inside = base.resolve()
    files = [Path(folder) / name for folder, _, names in os.walk(base) for name in names]
    assert len(files) == 2
    assert all(path.resolve().is_relative_to(inside) for path in files)
    assert sorted(os.listdir(tmp_path)) == ["deep"]
    back = pt.scan_parquet(base).sort("n").to_pydict()
    assert back == {"n": [1, 2], key: ["../../a", "b"]}


def test_names_that_are_no_folder_are_refused(tmp_path: Path) -> None:
    for key, value in (("", "a"), ("k", "a" * 300), ("k" * 300, "a")):
        with pytest.raises(SinkError):
            pt.from_pydict({key: [value], "n": [1]}).sink_parquet(tmp_path / "x", partition_by=key)
        assert os.listdir(tmp_path) == []


def test_folders_that_others_have_made_are_read_as_text(tmp_path: Path) -> None:
    outside = tmp_path / "outside.parquet"
    pq.write_table(pa.table({"n": [0]}), outside)
    base = tmp_path / "data"
    texts = ["..%2F..%2Fevil", "%00", "%", "%zz", "\x1b[31m", "<b>", "%3Cscript%3E", "a=b", "*"]
    for number, text in enumerate(texts):
        folder = base / f"k={text}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"n": [number]}), folder / "f.parquet")
    df = pt.scan_parquet(base)
    back = df.sort("n").to_pydict()
    assert back["n"] == list(range(len(texts)))
    assert back["k"][:2] == ["../../evil", "\x00"]
    assert live_html(df.collect()._repr_html_()) == []


def test_a_folder_that_is_swapped_for_a_link_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    target = tmp_path / "target"
    pt.from_pydict({"k": ["a"], "n": [1]}).sink_parquet(target, partition_by="k")
    inside = target / "k=b"
    inside.symlink_to(outside)
    df = pt.from_pydict({"k": ["b"], "n": [2]})
    with pytest.raises(SinkError):
        df.sink_parquet(target, partition_by="k", mode="append")
    assert os.listdir(outside) == []


def test_columns_that_have_the_same_name(tmp_path: Path) -> None:
    path = tmp_path / "twice.parquet"
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), path)
    with pytest.raises(pt.errors.DuplicateColumn, match=r"twice\.parquet"):
        pt.scan_parquet(path)


def test_very_many_columns(tmp_path: Path) -> None:
    table = pa.table({f"{MARKUP[0]} {number}": [number] for number in range(10_000)})
    pq.write_table(table, tmp_path / "wide.parquet")
    df = pt.scan_parquet(tmp_path / "wide.parquet")
    assert df.select(df.columns[9_999]).to_pydict() == {df.columns[9_999]: [9_999]}
    assert live_html(df._repr_html_()) == []
    assert len(df._repr_html_()) < 100_000
    html = df.collect()._repr_html_()
    assert len(html) < 100_000
    assert "(9,900 columns not shown)" in html


def test_files_with_hostile_names(tmp_path: Path) -> None:
    for name in ALL:
        if "/" in name or "\x00" in name or name in (".", "..") or name.startswith((".", "_")):
            continue
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.table({"n": [1]}), path)
        if not set(name) & set("*?[]"):
            assert pt.scan_parquet(path).to_pydict() == {"n": [1]}
        assert live_html(pt.scan_parquet([path])._repr_html_()) == []
    assert len(PATHS) > 40
    assert len(pt.scan_parquet(tmp_path)) >= 60
