"""CSV: guessed and given types, ranges cut at line ends, and errors with file and line."""

from __future__ import annotations

import datetime as dt
import gzip
import pickle
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partita.engine.errors import SchemaError, SourceCorrupt
from partita.engine.source import Fragment, Pushdown, Source
from partita.io import CsvSink, CsvSource


def table_of(
    source: CsvSource, size: int = 1 << 26, columns: tuple[str, ...] | None = None
) -> pa.Table:
    fragments = source.plan(Pushdown(columns=columns), size).fragments
    again = [pickle.loads(pickle.dumps(fragment)) for fragment in fragments]
    assert all(isinstance(fragment, Fragment) for fragment in again)
    batches = [batch for fragment in again for batch in fragment.batches(50)]
    assert all(0 < batch.num_rows <= 50 for batch in batches)
    names = source.schema.names if columns is None else columns
    if not names:
        return pa.Table.from_batches(batches)
    return pa.Table.from_batches(batches, pa.schema([source.schema.field(name) for name in names]))


def test_types_are_guessed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        'i,f,s,d,t,b,e,q\n1,1.5,NA,2020-01-31,2020-01-31 12:00:00,true,,""\n,nan,,,,,,x\n'
    )
    source = CsvSource.open(tmp_path / "a.csv")
    assert isinstance(source, Source)
    assert source.schema == pa.schema(
        [
            ("i", pa.int64()),
            ("f", pa.float64()),
            ("s", pa.string()),
            ("d", pa.date32()),
            ("t", pa.timestamp("s")),
            ("b", pa.bool_()),
            ("e", pa.string()),
            ("q", pa.string()),
        ]
    )
    first, second = table_of(source).to_pylist()
    assert first["s"] == "NA"  # only nothing at all is null, unless null_values= says so
    assert first["d"] == dt.date(2020, 1, 31)
    assert (first["e"], first["q"]) == (None, "")
    assert second["i"] is None
    assert second["s"] is None
    with_na = CsvSource.open(tmp_path / "a.csv", null_values=["", "NA"])
    assert table_of(with_na)["s"].null_count == 2


LINES = st.lists(
    st.tuples(st.integers(0, 10**6), st.text('ab," é', max_size=8)), min_size=1, max_size=60
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    lines=LINES,
    size=st.integers(20, 400),
    header=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_ranges_hold_each_line_once(
    tmp_path: Path, lines: list, size: int, header: bool, end: str
) -> None:
    quoted = [f'{number},"{text.replace(chr(34), chr(34) * 2)}"' for number, text in lines]
    path = tmp_path / "r.csv"
    text = end.join([*(["n,s"] if header else []), *quoted])
    path.write_bytes((text + end).encode())
    schema = pa.schema([("n", pa.int64()), ("s", pa.string())])
    source = CsvSource.open(path, schema=schema, has_header=header)
    found = table_of(source, size * 4)
    assert list(zip(*found.to_pydict().values(), strict=True)) == lines
    assert table_of(source, size * 4, ("s",)).column_names == ["s"]
    assert table_of(source, size * 4, ()).num_rows == len(lines)


def test_big_files_are_cut_and_small_ones_joined(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number:02d}.csv").write_text("n\n" + "\n".join(map(str, range(100))) + "\n")
    source = CsvSource.open(tmp_path)
    assert len(source.plan(Pushdown(), 4 * 2000).fragments) < 12
    assert len(source.plan(Pushdown(), 4 * 100).fragments) >= 50
    for size in (4 * 50, 4 * 2000, 1 << 26):
        assert table_of(source, size)["n"].to_pylist() == list(range(100)) * 50


def test_line_ends_within_quotes(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text("n,s\n" + "".join(f'{i},"a\nb"\n' for i in range(200)))
    source = CsvSource.open(path)
    # 8 bytes a line, the line end within quotes at the fifth to seventh: a cut of 8 * n + 6.
    fragments = source.plan(Pushdown(), 4 * 64).fragments
    assert len(fragments) > 10
    with pytest.raises(SourceCorrupt, match="newlines_in_values=True"):
        _ = [batch for fragment in fragments for batch in fragment.batches(50)]
    whole = CsvSource.open(path, newlines_in_values=True)
    assert len(whole.plan(Pushdown(), 1).fragments) == 1
    assert table_of(whole)["s"].to_pylist() == ["a\nb"] * 200


def test_files_with_other_columns(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1,x\n")
    (tmp_path / "2.csv").write_text("c,a\n2020-01-01,2.5\n")
    source = CsvSource.open(tmp_path)
    assert source.schema.names == ["a", "b", "c"]
    assert table_of(source).to_pydict() == {
        "a": [1.0, 2.5],
        "b": ["x", None],
        "c": [None, dt.date(2020, 1, 1)],
    }
    with pytest.raises(SchemaError, match=r"'c' is not in .*1\.csv"):
        CsvSource.open(tmp_path, missing_columns="raise")
    (tmp_path / "3.csv").write_text("c\nhello\n")
    with pytest.raises(SchemaError, match=r"2\.csv.*3\.csv"):
        CsvSource.open(tmp_path)


def test_options(tmp_path: Path) -> None:
    path = tmp_path / "o.tsv"
    path.write_text("# a comment\nx;y\n1;'a;b'\n")
    source = CsvSource.open(path, separator=";", quote="'", skip_rows=1)
    assert table_of(source).to_pylist() == [{"x": 1, "y": "a;b"}]
    named = CsvSource.open(path, separator=";", quote="'", skip_rows=1, column_names=["p", "q"])
    assert table_of(named).to_pylist() == [{"p": 1, "q": "a;b"}]
    path.write_text("1,2\n3,4\n")
    bare = CsvSource.open(path, has_header=False)
    assert table_of(bare, 8).to_pydict() == {"f0": [1, 3], "f1": [2, 4]}
    with pytest.raises(SchemaError, match="seperator"):
        CsvSource.open(path, seperator=",")


def test_compressed_and_partitioned(tmp_path: Path) -> None:
    for year in (2023, 2024):
        (tmp_path / f"year={year}").mkdir()
        data = gzip.compress(f"n\n{year}\n".encode())
        (tmp_path / f"year={year}" / "a.csv.gz").write_bytes(data)
    source = CsvSource.open(tmp_path)
    assert table_of(source).to_pydict() == {"n": [2023, 2024], "year": [2023, 2024]}
    assert table_of(source, columns=("year",))["year"].to_pylist() == [2023, 2024]


def test_errors_name_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    lines = ["n,m", *(f"{i},{i}" for i in range(1000))]
    lines[700] = "seven,7"
    path.write_text("\n".join(lines) + "\n")
    source = CsvSource.open(path, schema=pa.schema([("n", pa.int64()), ("m", pa.int64())]))
    for size in (1 << 26, 4 * 2000):
        with pytest.raises(SourceCorrupt, match=r"bad\.csv', line 701 .*'seven'.*schema="):
            table_of(source, size)
    assert table_of(source, columns=("m",)).num_rows == 1000
    lines[700] = "1,2,3"
    path.write_text("\n".join(lines) + "\n")
    source = CsvSource.open(path, schema=source.schema)
    with pytest.raises(SourceCorrupt, match=r"bad\.csv', line 701 .*Expected 2 columns"):
        table_of(source)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(SchemaError, match=r"empty\.csv' is empty"):
        CsvSource.open(tmp_path / "empty.csv")
    path.write_bytes(b"n\n\xff\xfe\n")
    with pytest.raises(SourceCorrupt, match=r"bad\.csv"):
        table_of(CsvSource.open(path, schema=pa.schema([("n", pa.string())])))


def test_null_and_empty_text_survive_a_round_trip(tmp_path: Path) -> None:
    table = pa.table({"s": ["", None, "a,b", 'q"', "l\nl"], "n": [1, None, 3, 4, 5]})
    job = CsvSink(path=tmp_path / "o.csv").start(table.schema)
    job.commit(job.write(0, 0, iter(table.to_batches())))
    again = CsvSource.open(tmp_path / "o.csv", newlines_in_values=True)
    assert table_of(again).equals(table)


@pytest.mark.parametrize("partition_bytes", [40, 1 << 20])
def test_nulls_of_a_single_column_survive_a_round_trip(
    tmp_path: Path, partition_bytes: int
) -> None:
    # Such a null is an empty line, which is no row in files of several columns.
    table = pa.table({"n": [None, 1, None, None, *range(50), None]})
    job = CsvSink(path=tmp_path / "o.csv").start(table.schema)
    job.commit(job.write(0, 0, iter(table.to_batches())))
    assert table_of(CsvSource.open(tmp_path / "o.csv"), partition_bytes).equals(table)


def test_empty_lines_before_the_header_and_in_files_of_several_columns(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("\n\na\n1\n2\n")
    (tmp_path / "two.csv").write_text("a,b\n1,2\n\n3,4\n\n")
    assert table_of(CsvSource.open(tmp_path / "one.csv")).to_pydict() == {"a": [1, 2]}
    assert table_of(CsvSource.open(tmp_path / "two.csv")).to_pydict() == {"a": [1, 3], "b": [2, 4]}


def test_a_type_that_csv_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("n\n1\n")
    source = CsvSource.open(path, schema=pa.schema([("n", pa.list_(pa.int8()))]))
    with pytest.raises(SchemaError, match=r"a\.csv.*list<item: int8>.*cast"):
        table_of(source)
