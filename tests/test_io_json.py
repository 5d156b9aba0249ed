"""JSON lines: guessed and given types, ranges cut at line ends, what is written is read back."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partita.engine.errors import SchemaError, SinkError, SourceCorrupt
from partita.engine.source import Pushdown
from partita.io import JsonSink, JsonSource
from partita.io.json_text import json_lines


def rows_of(
    source: JsonSource, size: int = 1 << 26, columns: tuple[str, ...] | None = None
) -> list[dict[str, Any]]:
    fragments = source.plan(Pushdown(columns=columns), size).fragments
    return [row for each in fragments for batch in each.batches(50) for row in batch.to_pylist()]


def test_types_are_guessed_and_columns_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        '{"i": 1, "f": 1.5, "s": "x", "l": [1], "st": {"a": 1}, "n": null}\n{"i": 2, "z": true}\n'
    )
    source = JsonSource.open(tmp_path / "a.json")
    assert source.schema == pa.schema(
        [
            ("i", pa.int64()),
            ("f", pa.float64()),
            ("s", pa.string()),
            ("l", pa.list_(pa.int64())),
            ("st", pa.struct([("a", pa.int64())])),
            ("n", pa.string()),
            ("z", pa.bool_()),
        ]
    )
    assert rows_of(source, columns=("z", "l")) == [{"z": None, "l": [1]}, {"z": True, "l": None}]


def test_days_are_dates_and_moments_are_not(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        '{"d": "2024-01-31", "t": "2024-01-31 12:00:00"}\n{"d": null, "t": "2024-01-31"}\n'
    )
    source = JsonSource.open(tmp_path / "a.json")
    assert source.schema.types == [pa.date32(), pa.timestamp("s")]
    assert rows_of(source)[0] == {"d": dt.date(2024, 1, 31), "t": dt.datetime(2024, 1, 31, 12)}


def test_types_are_given(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"d": "2024-01-31", "x": 1}\n{"d": null, "x": 2.5}\n')
    schema = pa.schema([("d", pa.date32()), ("x", pa.float64()), ("new", pa.int64())])
    source = JsonSource.open(tmp_path / "a.jsonl", schema=schema)
    assert rows_of(source)[0] == {"d": dt.date(2024, 1, 31), "x": 1.0, "new": None}


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=40), min_size=1, max_size=30),
    size=st.integers(1, 4000),
)
def test_a_range_has_the_lines_that_begin_in_it(
    texts: list[str], size: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text("".join(json.dumps({"i": i, "t": t}) + "\n" for i, t in enumerate(texts)))
    expected = [{"i": number, "t": text} for number, text in enumerate(texts)]
    schema = pa.schema([("i", pa.int64()), ("t", pa.string())])
    assert rows_of(JsonSource.open(path, schema=schema), size) == expected


def test_compressed_files_are_read_whole(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.json.gz", "wt") as file:
        file.writelines(f'{{"i": {number}}}\n' for number in range(500))
    source = JsonSource.open(tmp_path / "a.json.gz")
    assert len(source.plan(Pushdown(), 100).fragments) == 1
    assert [row["i"] for row in rows_of(source)] == list(range(500))


def test_an_array_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"a": 1}, {"a": 2}]')
    with pytest.raises(SourceCorrupt, match=r"one JSON array.*lines=True.*from_items"):
        JsonSource.open(tmp_path / "a.json")


def test_damage_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": 1}\n{"a": }\n')
    with pytest.raises(SourceCorrupt, match=r"a\.json.*cannot be read as JSON"):
        JsonSource.open(tmp_path / "a.json")
    # Behind what the types are guessed from.
    lines = [json.dumps({"a": 1, "t": "x" * 1000})] * 6000
    (tmp_path / "a.json").write_text("\n".join([*lines, '{"a": "text"}', ""]))
    with pytest.raises(SourceCorrupt, match=r"guessed wrongly.*schema="):
        rows_of(JsonSource.open(tmp_path / "a.json"))


def test_an_empty_file_needs_a_schema(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("")
    with pytest.raises(SchemaError, match=r"is empty.*Give schema="):
        JsonSource.open(tmp_path / "a.json")
    source = JsonSource.open(tmp_path / "a.json", schema=pa.schema([("a", pa.int64())]))
    assert rows_of(source) == []


NESTED = pa.table(
    {
        "a": pa.array([1, None, -3], pa.int8()),
        "f": [1.0, math.nan, 1e300],
        "s": ['q"\\\n\t\x01é', "", None],
        "l": [[1, None], [], None],
        "st": [{"x": 1, "y": "b"}, None, {"x": None, "y": None}],
        "d": [dt.date(2020, 1, 1), None, dt.date(1969, 1, 1)],
        "ts": pa.array([0, 1, None], pa.timestamp("us", "Europe/Paris")),
        "dec": [Decimal("1.50"), None, Decimal("-0.01")],
        "ll": [[["a"], None], None, []],
        "b": [True, False, None],
        "dic": pa.array(["u", "v", None]).dictionary_encode(),
        "fs": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)),
        "tm": pa.array([1, 2, None], pa.time64("us")),
        "n": pa.nulls(3),
        "none": pa.array([{}, {}, None], pa.struct([])),
        'a "name"': [1, 2, 3],
    }
)


@pytest.mark.parametrize("start", [0, 1])
def test_text_is_what_pythons_own_reader_takes_for_the_same(start: int) -> None:
    table = NESTED.slice(start)
    read = [json.loads(line) for array in json_lines(table) for line in array.to_pylist()]
    assert len(read) == table.num_rows
    for found, row in zip(read, table.to_pylist(), strict=True):
        assert list(found) == table.column_names
        for name in ("a", "s", "l", "st", "ll", "b", "dic", "fs", "n", "none", 'a "name"'):
            assert found[name] == row[name]
        assert found["f"] == (None if math.isnan(row["f"]) else row["f"])
        assert found["d"] == (row["d"] and row["d"].isoformat())
        assert found["dec"] == (row["dec"] and float(row["dec"]))
        assert row["ts"] is None or dt.datetime.fromisoformat(found["ts"]) == row["ts"]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    table = NESTED.drop(["n", "none", "tm", "ts", "dic"]).set_column(1, "f", [[1.0, None, 1e300]])
    job = JsonSink(path=tmp_path / "out").start(table.schema)
    job.commit(job.write(0, 0, iter(table.to_batches(2))))
    schema = table.schema
    assert rows_of(JsonSource.open(tmp_path / "out", schema=schema)) == table.to_pylist()


def test_what_has_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"'x' is list<item: binary>, which JSON cannot hold"):
        JsonSink(path=tmp_path / "out").check(pa.schema([("x", pa.list_(pa.binary()))]))
