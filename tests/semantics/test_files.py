"""CSV and JSON: the checks of their table."""

from __future__ import annotations

import datetime
import functools
import io
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

import partita as pt
from partita import errors

from .page import INF, NAN, Section, same

SECTION = Section("CSV and JSON")
line = SECTION.line

NULLS = 'a,b,c\n1,"",x\n2,,\n,NA,NULL\n'
TIMES = "d,t\n2024-01-01,2024-01-01T10:00:00\n2024-01-02,2024-01-02 11:00\n"
OBJECTS = '{"a":1,"d":"2024-01-01","n":null}\n{"a":2.5,"d":"2024-01-02","n":null,"x":[1]}\n'
FLOATS = [1.0, NAN, INF, None]


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    # Held until the tests end, when it goes.
    return tempfile.TemporaryDirectory()


def file(name: str, text: str) -> str:
    """Return the path of a new file."""
    path = Path(_folder().name) / name
    path.write_text(text)
    return str(path)


def read(text: str) -> dict[str, list[Any]]:
    """Return a CSV file as it is read here."""
    return pt.read_csv(file("a.csv", text)).to_pydict()


def by_duckdb(text: str) -> dict[str, list[Any]]:
    """Return a CSV file as DuckDB reads it."""
    found = duckdb.read_csv(file("a.csv", text)).to_arrow_table()
    return dict(found.to_pydict())


def by_polars(text: str) -> dict[str, list[Any]]:
    """Return a CSV file as Polars reads it."""
    return dict(pl.read_csv(io.StringIO(text)).to_dict(as_series=False))


def by_pandas(text: str) -> dict[str, list[Any]]:
    """Return a CSV file as pandas reads it."""
    return dict(pd.read_csv(io.StringIO(text)).to_dict("list"))


@line("null in CSV")
def _() -> None:
    assert read(NULLS) == {"a": [1, 2, None], "b": ["", None, "NA"], "c": ["x", None, "NULL"]}
    path = str(Path(_folder().name) / "b.csv")
    pt.from_pydict({"a": ["x", "", None], "b": [1, 2, 3]}).write_csv(path)
    assert Path(path).read_text() == '"a","b"\n"x",1\n"",2\n,3\n'


@line("null in CSV", "pandas")
def _() -> None:
    found = by_pandas(NULLS)
    assert same(found["b"], [NAN, NAN, NAN])
    assert same(found["c"], ["x", NAN, NAN])


@line("null in CSV", "Polars")
def _() -> None:
    found = by_polars(NULLS)
    assert (found["b"], found["c"]) == (["", None, "NA"], ["x", None, "NULL"])


@line("null in CSV", "DuckDB")
def _() -> None:
    found = by_duckdb(NULLS)
    assert (found["b"], found["c"]) == ([None, None, "NA"], ["x", None, "NULL"])


@line("an empty line in CSV")
def _() -> None:
    assert read("a\n1\n\n3\n") == {"a": [1, None, 3]}
    assert read("a,b\n1,2\n\n3,4\n") == {"a": [1, 3], "b": [2, 4]}


@line("an empty line in CSV", "pandas")
def _() -> None:
    assert by_pandas("a\n1\n\n3\n") == {"a": [1, 3]}
    assert by_pandas("a,b\n1,2\n\n3,4\n") == {"a": [1, 3], "b": [2, 4]}


@line("an empty line in CSV", "Polars")
def _() -> None:
    assert by_polars("a\n1\n\n3\n") == {"a": [1, None, 3]}
    assert by_polars("a,b\n1,2\n\n3,4\n") == {"a": [1, None, 3], "b": [2, None, 4]}


@line("an empty line in CSV", "DuckDB")
def _() -> None:
    assert by_duckdb("a\n1\n\n3\n") == {"a": [1, None, 3]}
    assert by_duckdb("a,b\n1,2\n\n3,4\n") == {"a": [1, 3], "b": [2, 4]}


@line("NaN in CSV")
def _() -> None:
    found = read("a,b\n1.5,nan\nNaN,inf\n")
    assert same(found["a"] + found["b"], [1.5, NAN, NAN, INF])


@line("NaN in CSV", "pandas")
def _() -> None:
    found = by_pandas("a,b\n1.5,nan\nNaN,inf\n")
    assert same(found["a"] + found["b"], [1.5, NAN, NAN, INF])


@line("NaN in CSV", "Polars")
def _() -> None:
    assert by_polars("a,b\n1.5,nan\nNaN,inf\n")["b"] == ["nan", "inf"]


@line("NaN in CSV", "DuckDB")
def _() -> None:
    found = by_duckdb("a,b\n1.5,nan\nNaN,inf\n")
    assert same(found["a"] + found["b"], [1.5, NAN, NAN, INF])


@line("dates and times in CSV")
def _() -> None:
    first = {name: values[0] for name, values in read(TIMES).items()}
    assert first == {"d": datetime.date(2024, 1, 1), "t": datetime.datetime(2024, 1, 1, 10)}
    zoned = read("t\n2024-01-01T10:00:00Z\n2024-01-01T10:00:00+02:00\n")["t"]
    assert [moment.hour for moment in zoned] == [10, 8]


@line("dates and times in CSV", "pandas")
def _() -> None:
    assert by_pandas(TIMES)["d"] == ["2024-01-01", "2024-01-02"]


@line("dates and times in CSV", "Polars")
def _() -> None:
    assert by_polars(TIMES)["d"] == ["2024-01-01", "2024-01-02"]


@line("dates and times in CSV", "DuckDB")
def _() -> None:
    first = {name: values[0] for name, values in by_duckdb(TIMES).items()}
    assert first == {"d": datetime.date(2024, 1, 1), "t": datetime.datetime(2024, 1, 1, 10)}


@line("numbers in CSV that are none")
def _() -> None:
    assert read("a\n007\n010\n") == {"a": [7, 10]}
    assert read(f"a\n{2**63}\n1\n") == {"a": [2.0**63, 1.0]}


@line("numbers in CSV that are none", "pandas")
def _() -> None:
    assert by_pandas("a\n007\n010\n") == {"a": [7, 10]}
    assert by_pandas(f"a\n{2**63}\n1\n") == {"a": [2**63, 1]}


@line("numbers in CSV that are none", "Polars")
def _() -> None:
    assert by_polars("a\n007\n010\n") == {"a": [7, 10]}
    assert by_polars(f"a\n{2**63}\n1\n") == {"a": [2**63, 1]}


@line("numbers in CSV that are none", "DuckDB")
def _() -> None:
    assert by_duckdb("a\n007\n010\n") == {"a": ["007", "010"]}
    assert by_duckdb(f"a\n{2**63}\n1\n") == {"a": [2**63, 1]}


@line("words for true and false in CSV")
def _() -> None:
    assert read("a,b\ntrue,yes\nFalse,no\n") == {"a": [True, False], "b": ["yes", "no"]}


@line("words for true and false in CSV", "pandas")
def _() -> None:
    assert by_pandas("a,b\ntrue,yes\nFalse,no\n") == {"a": [True, False], "b": ["yes", "no"]}


@line("words for true and false in CSV", "DuckDB")
def _() -> None:
    assert by_duckdb("a\nyes\nno\n") == {"a": [True, False]}


@line("a short line or a name twice in CSV")
def _() -> None:
    with pytest.raises(errors.SourceCorrupt, match="Expected 2 columns"):
        read("a,b\n1\n")
    with pytest.raises(errors.DuplicateColumn):
        read("a,a\n1,2\n")


@line("a short line or a name twice in CSV", "pandas")
def _() -> None:
    assert same(by_pandas("a,b\n1\n")["b"], [NAN])
    assert list(by_pandas("a,a\n1,2\n")) == ["a", "a.1"]


@line("a short line or a name twice in CSV", "Polars")
def _() -> None:
    assert by_polars("a,b\n1\n") == {"a": [1], "b": [None]}
    assert list(by_polars("a,a\n1,2\n")) == ["a", "a_duplicated_0"]


@line("a short line or a name twice in CSV", "DuckDB")
def _() -> None:
    assert list(by_duckdb("a,a\n1,2\n")) == ["a", "a_1"]


@line("floats written to CSV")
def _() -> None:
    path = str(Path(_folder().name) / "c.csv")
    pt.from_pydict({"a": FLOATS, "b": [1, 2, 3, 4]}).write_csv(path)
    assert Path(path).read_text() == '"a","b"\n1,1\nnan,2\ninf,3\n,4\n'
    pt.from_pydict({"a": [1.0, 2.0]}).write_csv(path, mode="overwrite")
    assert [str(dtype) for dtype in pt.read_csv(path).dtypes] == ["int64"]


@line("floats written to CSV", "pandas")
def _() -> None:
    text = pd.DataFrame({"a": [1.0, NAN, INF]}).to_csv(index=False)
    assert text == 'a\n1.0\n""\ninf\n'


@line("floats written to CSV", "Polars")
def _() -> None:
    assert pl.DataFrame({"a": FLOATS}).write_csv() == "a\n1.0\nNaN\ninf\n\n"


@line("types of JSON")
def _() -> None:
    df = pt.read_json(file("a.json", OBJECTS))
    wanted = {"a": "double", "d": "date32[day]", "n": "string", "x": "list<item: int64>"}
    assert {field.name: str(field.type) for field in df.schema} == wanted
    assert df.to_pydict()["a"] == [1.0, 2.5]


@line("types of JSON", "pandas")
def _() -> None:
    found = pd.read_json(io.StringIO(OBJECTS), lines=True)
    assert list(found["d"]) == ["2024-01-01", "2024-01-02"]


@line("types of JSON", "Polars")
def _() -> None:
    found = pl.read_ndjson(io.StringIO(OBJECTS))
    assert found.dtypes == [pl.Float64, pl.String, pl.Null, pl.List(pl.Int64)]


@line("types of JSON", "DuckDB")
def _() -> None:
    found = duckdb.read_json(file("a.json", OBJECTS)).to_arrow_table()
    assert [str(dtype) for dtype in found.schema.types[:2]] == ["double", "date32[day]"]


@line("text beside numbers in JSON")
def _() -> None:
    path = file("b.json", '{"a":1}\n{"a":"x"}\n')
    with pytest.raises(errors.SourceCorrupt, match="changed from number to string"):
        pt.read_json(path).collect()


@line("text beside numbers in JSON", "pandas")
def _() -> None:
    found = pd.read_json(io.StringIO('{"a":1}\n{"a":"x"}\n'), lines=True)
    assert list(found["a"]) == [1, "x"]


@line("text beside numbers in JSON", "Polars")
def _() -> None:
    found = pl.read_ndjson(io.StringIO('{"a":1}\n{"a":"x"}\n'))
    assert found["a"].to_list() == ["1", "x"]


@line("text beside numbers in JSON", "DuckDB")
def _() -> None:
    found = duckdb.read_json(file("b.json", '{"a":1}\n{"a":"x"}\n'))
    assert [str(dtype) for dtype in found.types] == ["JSON"]


@line("NaN written to JSON")
def _() -> None:
    path = str(Path(_folder().name) / "c.json")
    pt.from_pydict({"a": FLOATS}).write_json(path)
    assert Path(path).read_text() == '{"a":1.0}\n' + '{"a":null}\n' * 3


@line("NaN written to JSON", "pandas")
def _() -> None:
    found = pd.DataFrame({"a": [1.0, NAN, INF]}).to_json(orient="records", lines=True)
    assert found == '{"a":1.0}\n{"a":null}\n{"a":null}\n'


@line("NaN written to JSON", "Polars")
def _() -> None:
    assert pl.DataFrame({"a": FLOATS}).write_ndjson() == '{"a":1.0}\n' + '{"a":null}\n' * 3


@line("NaN written to JSON", "DuckDB")
def _() -> None:
    path = str(Path(_folder().name) / "d.json")
    duckdb.sql(f"COPY (SELECT unnest(['1.0', 'nan', 'inf', NULL]::DOUBLE[]) AS a) TO '{path}'")
    assert Path(path).read_text() == '{"a":1.0}\n{"a":NaN}\n{"a":Infinity}\n{"a":null}\n'


test_cells, test_agreement = SECTION.tests()
