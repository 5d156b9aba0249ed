"""What people try in their first two days: scripts, settings of the shell, unclean files."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import partita as pt
from partita import col, errors
from partita.io.formats import FORMATS
from partita.io.sink import _OF_FILES


def _run(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_numba_that_is_told_not_to_compile() -> None:
    # So people step through loops of their own; the pool's helper ended at once.
    script = """
import partita as pt
with pt.config.set(executor="process", workers=1):
    print(pt.range(10).group_by(k=pt.col("id") % 3).len().sort("k").to_pydict())
"""
    assert _run(script, NUMBA_DISABLE_JIT="1") == "{'k': [0, 1, 2], 'len': [4, 3, 3]}\n"


def _leave(batch: Any) -> Any:
    if len(batch):
        sys.exit("enough")
    return batch


@pytest.mark.parametrize("executor", ["serial", "process"])
def test_a_function_that_exits_has_failed(executor: str) -> None:
    with pt.config.set(executor=executor, workers=1):
        for frame in (
            pt.range(3).map_batches(_leave),
            pt.range(3).select(pt.udf(_leave, returns=int)(col("id"))),
        ):
            with pytest.raises(errors.UserFunctionError, match="_leave raised SystemExit: enough"):
                frame.collect()


BAD_LINES = {
    "a.csv": (b"a,b\n1,2\n3\n4,5,6\n7,8\n", {"a": [1, 7], "b": [2, 8]}, [3, 4]),
    "first.csv": (b"a,b\n3\n7,8\n", {"a": [7], "b": [8]}, [2]),
    "quoted.csv": (b'a,b\n"x, y",2\n3\n', {"a": ["x, y"], "b": [2]}, [3]),
    "a.jsonl": (b'{"a": 1}\nno json\n{"a": 2, "b": "x"}\n', {"a": [1, 2], "b": [None, "x"]}, [2]),
    "type.jsonl": (b'{"a": 1}\n{"a": "x"}\n{"a": 3}\n', {"a": [1, 3]}, [2]),
    "deep.jsonl": (b'{"a": [1]}\n{"a": [{"b": 1}]}\n{"a": [2]}\n', {"a": [[1], [2]]}, [2]),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_bad_lines_are_left_out_where_types_are_guessed_from_them(
    tmp_path: Path, name: str
) -> None:
    data, expected, lines = BAD_LINES[name]
    (tmp_path / name).write_bytes(data)
    read = pt.scan_csv if name.endswith(".csv") else pt.scan_json
    with pytest.raises(errors.SourceCorrupt, match="on_error='skip' leaves out lines"):
        read(tmp_path / name)
    with pytest.warns(pt.errors.SkippedWarning):
        result = read(tmp_path / name, on_error="skip").collect()
    assert result.to_pydict() == expected
    assert [each.part for each in result.profile.skipped] == [f"line {line}" for line in lines]


@pytest.mark.parametrize("name", ["bad.csv", "bad.jsonl"])
def test_a_file_without_a_good_line_is_no_dataset(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x00{a\n" + b'1,"2,3\n' * 5)
    read = pt.scan_csv if name.endswith(".csv") else pt.scan_json
    with pytest.raises(errors.SourceCorrupt, match=name):
        read(tmp_path / name, on_error="skip")


def test_another_separator_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a;b\n1,5;2\n")
    with pytest.raises(errors.SourceCorrupt, match="has no ',' but ';': pass separator=';'"):
        pt.scan_csv(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: col("at").dt.convert_time_zone("europe/berlin"),
        lambda: col("at").dt.replace_time_zone("europe/berlin"),
        lambda: col("text").str.to_datetime(time_zone="europe/berlin"),
        lambda: pt.datetime(2024, 1, 1, time_zone="europe/berlin"),
    ],
)
def test_a_zone_that_does_not_exist_is_said_where_it_is_written(wrong: Any) -> None:
    frame = pt.from_pydict({"at": [datetime(2024, 1, 1)], "text": ["2024-01-01"]})
    with pytest.raises(errors.InvalidExpression, match="Did you mean 'Europe/Berlin'"):
        frame.select(wrong())


def test_what_generators_and_polars_frames_return_is_known_without_a_schema() -> None:
    def twice(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
        yield frame.assign(b=frame["id"] + 0.5)
        yield frame.assign(b=0.0)

    made = pt.range(2).map_batches(twice, takes="pandas")
    assert made.to_pydict() == {"id": [0, 1, 0, 1], "b": [0.5, 1.5, 0.0, 0.0]}
    made = pt.range(2).map_batches(lambda batch: pl.from_arrow(batch).with_columns(t=pl.lit("x")))
    assert made.schema.field("t").type == "string"
    assert made.to_pydict() == {"id": [0, 1], "t": ["x", "x"]}


@pytest.mark.parametrize("kind", ["csv", "parquet", "ipc", "orc"])
def test_a_mistyped_column_of_a_schema_is_told(tmp_path: Path, kind: str) -> None:
    # It read as a column of nothing but nulls.
    for number, rows in enumerate(({"a": [1]}, {"a": [2], "new": [3]})):
        getattr(pt.from_pydict(rows), f"sink_{kind}")(tmp_path / f"{number}.{kind}")
    read = getattr(pt, f"scan_{kind}")
    with pytest.raises(errors.ColumnNotFound, match=r"'nwe' is not found .*Did you mean 'new'"):
        read(tmp_path, schema={"a": "int64", "nwe": "int64"})
    frame = read(tmp_path, schema={"a": "int64", "new": "int64"})
    assert frame.to_pydict() == {"a": [1, 2], "new": [None, 3]}
    frame = read(tmp_path, schema={"a": "int64", "nwe": "int64"}, missing_columns="insert")
    assert frame.to_pydict() == {"a": [1, 2], "nwe": [None, None]}


def test_an_index_that_holds_something_is_not_lost_in_silence() -> None:
    plain = pd.DataFrame({"k": ["x", "y", "x"], "v": [1, 2, 3]})
    sums = plain.groupby("k").sum()
    with pytest.warns(errors.IndexWarning, match=r"'k' of the pandas frame .*reset_index") as told:
        assert pt.from_pandas(sums).columns == ["v"]
    assert told[0].filename == __file__
    with pytest.warns(errors.IndexWarning, match="'k', 'v'"):
        assert pt.DataFrame(plain.set_index(["k", "v"])).columns == []
    with pytest.warns(errors.IndexWarning, match="of str|of object"):
        pt.from_pandas(plain.describe())
    with pytest.warns(errors.IndexWarning, match="'k' of what .*<lambda> returns"):
        pt.DataFrame(plain).map_batches(lambda f: f.groupby("k").sum(), takes="pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for frame in (plain, plain[plain["v"] > 1], plain.iloc[:0], pd.DataFrame()):
            pt.from_pandas(frame)


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (pd.Series([1], name="a"), r"to_frame"),
        (np.zeros((2, 2)), r"array.T"),
        (pl.LazyFrame({"a": [1]}), r"\.collect\(\)"),
        (({"a": 1} for _ in range(1)), r"from_items"),
    ],
)
def test_what_is_no_frame_is_told_how_it_becomes_one(data: Any, advice: str) -> None:
    with pytest.raises(errors.SchemaError, match=advice):
        pt.DataFrame(data)
    if isinstance(data, pd.Series):
        with pytest.raises(errors.SchemaError, match=advice):
            pt.from_pandas(data)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (b"a,a\n1,2\n", r"schema=.*has_header=False, skip_rows=1"),
        ("a,b\nMüller,1\n".encode("latin-1"), r"'a' is not UTF-8.*iconv.*on_error='skip'"),
    ],
)
def test_a_header_or_an_encoding_that_does_not_do_is_answered(
    tmp_path: Path, data: bytes, advice: str
) -> None:
    (tmp_path / "a.csv").write_bytes(data + b"Maier,2\n")
    with pytest.raises((errors.SchemaError, errors.SourceCorrupt), match=advice):
        pt.scan_csv(tmp_path / "a.csv")


def test_what_is_advised_for_a_header_and_an_encoding_works(tmp_path: Path) -> None:
    (tmp_path / "twice.csv").write_bytes(b"a,a\n1,2\n")
    schema = {"a": "int64", "b": "int64"}
    frame = pt.scan_csv(tmp_path / "twice.csv", schema=schema, has_header=False, skip_rows=1)
    assert frame.to_pydict() == {"a": [1], "b": [2]}
    latin = tmp_path / "latin.csv"
    latin.write_bytes("a,b\nMüller,1\nMaier,2\n".encode("latin-1"))
    frame = pt.scan_csv(latin, schema={"a": "binary", "b": "int64"})
    assert frame.to_pydict() == {"a": ["Müller".encode("latin-1"), b"Maier"], "b": [1, 2]}
    with pytest.warns(errors.SkippedWarning, match=r"(?s)A part of a file .*line 2"):
        assert pt.scan_csv(latin, on_error="skip").to_pydict() == {"a": ["Maier"], "b": [2]}


def test_a_storage_that_is_not_reached_is_not_found() -> None:
    script = """
import partita as pt
try:
    pt.scan_parquet("s3://key:secret@bucket/x?endpoint_override=127.0.0.1:1&scheme=http&region=x")
except pt.errors.SourceNotFound as error:
    print(error)
"""
    told = _run(script, AWS_MAX_ATTEMPTS="1", AWS_EC2_METADATA_DISABLED="true")
    assert "cannot be reached" in told
    assert "credentials" in told


def test_one_value_of_a_result() -> None:
    frame = pt.from_pydict({"a": [1, 2], "b": [None, None]})
    assert frame.select(col("a").sum()).collect().item() == 3
    assert frame.select("b").head(1).collect().item() is None
    for other in (frame, frame.select("a"), frame.head(1), frame.head(0)):
        with pytest.raises(errors.SchemaError, match=r"one row and one column; there are"):
            other.collect().item()
    with pytest.raises(errors.NotOffered, match=r"collect\(\)\.item\(\)"):
        frame.item()


def test_in_and_mixed_types_are_answered() -> None:
    frame = pt.from_pydict({"a": ["x"]})
    with pytest.raises(errors.InvalidExpression, match=r"a\.is_in\(\[1, 2\]\)"):
        col("a") in ["x", "y"]  # noqa: B015
    with pytest.raises(errors.TypeMismatch, match=r"text with \.cast\('int64'\), or the other"):
        frame.filter(col("a") == 3)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda text: text.str.contains("("),
        lambda text: text.str.contains("(?=a)"),
        lambda text: text.str.replace("(", "x"),
        lambda text: text.str.replace_all("(", "x"),
        lambda text: text.str.extract("("),
        lambda text: text.str.extract_all("("),
        lambda text: text.str.find("("),
        lambda text: text.str.count_matches("("),
        lambda text: text.str.split("(", literal=False),
    ],
)
def test_a_regular_expression_that_is_none_is_said_where_it_is_written(wrong: Any) -> None:
    with pytest.raises(errors.InvalidExpression, match=r"is no regular expression: .*RE2"):
        pt.from_pydict({"a": ["x("]}).select(wrong(col("a")))


def test_brackets_as_they_are() -> None:
    frame = pt.from_pydict({"a": ["x(", "y"]})
    found = frame.select(
        has=col("a").str.contains("(", literal=True),
        split=col("a").str.split("("),
        own=col("a").str.contains(col("a"), literal=True),
    )
    expected = {"has": [True, False], "split": [["x", ""], ["y"]], "own": [True, True]}
    assert found.to_pydict() == expected


def test_what_else_is_typed_of_expressions() -> None:
    frame = pt.from_pydict({"a": [1.26, None], "day": [datetime(2024, 1, 1), None]})
    assert frame.select(round(col("a"), 1)).to_pydict() == {"a": [1.3, None]}
    assert frame.select(round(col("a"))).to_pydict() == {"a": [1.0, None]}
    with pytest.raises(errors.ColumnNotFound, match=r"write a date as datetime\.date"):
        frame.filter(col("day").is_between("2024-01-01", "2024-02-01"))
    with pytest.raises(errors.NotOffered, match="starts_with"):
        _ = col("a").str.like


@pytest.mark.parametrize("kind", ["csv", "parquet", "ipc", "json", "orc"])
def test_a_frame_of_files_can_be_given_to_a_pool_of_ones_own(tmp_path: Path, kind: str) -> None:
    rows = {"a": [1, 2], "t": [datetime(2024, 1, 1), None], "s": ["x", None], "b": [True, False]}
    getattr(pt.from_pydict(rows), f"sink_{kind}")(tmp_path / f"f.{kind}")
    frame = getattr(pt, f"scan_{kind}")(tmp_path / f"f.{kind}").filter(col("a") > 1)
    for _ in range(2):
        # Also when it has run, and keeps what it has learned.
        again = pickle.loads(pickle.dumps(frame))
        assert again.columns == frame.columns
        assert again.to_pydict() == frame.to_pydict()


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    # It was called empty.
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(errors.SourceNotFound, match="is a pipe or a device"):
        pt.scan_csv(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["a.csv.gz", "a.txt", "a.parquet"])
def test_no_directory_is_called_as_a_file(tmp_path: Path, name: str) -> None:
    # It became a directory, with a file for each partition.
    with pytest.raises(errors.SinkError, match=r"another kind.*'\.csv'"):
        pt.range(3).sink_csv(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_the_endings_of_all_formats_are_known() -> None:
    assert all(each.endswith(_OF_FILES) for kind in FORMATS.values() for each in kind.suffixes)
