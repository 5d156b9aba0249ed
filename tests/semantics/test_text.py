"""Text and binary: the checks of their table."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import errors

from .page import HERE, POLARS, Section, col, fails, rows, same, sql, sql_fails, values

SECTION = Section("Text and binary")
line = SECTION.line

WORDS = ["ä", "z", "a", "B"]


@line("order of text", "here", "Polars")
def _(e: Any) -> None:
    assert [row["s"] for row in e.rows(e.frame(s=WORDS).sort("s"))] == ["B", "a", "z", "ä"]
    assert e.values(e.col("s") < e.lit("a"), s=["B", "z"]) == [True, False]
    assert e.values(e.col("s").max(), s=WORDS) == ["ä"]
    # Code points, not units of UTF-16, in which the second would come first.
    assert e.values(e.col("s").max(), s=["\uff5e", "\U0001f600"]) == ["\U0001f600"]


@line("order of text", "pandas")
def _() -> None:
    assert list(pd.Series(WORDS).sort_values()) == ["B", "a", "z", "ä"]


@line("order of text", "DuckDB")
def _() -> None:
    found = rows("SELECT s FROM t ORDER BY s", t={"s": WORDS})
    assert [row[0] for row in found] == ["B", "a", "z", "ä"]


@line("length of text")
def _() -> None:
    assert values(col("s").str.len(), s=["ä", "日本", "e\u0301"]) == [1, 2, 2]
    assert values(col("s").str.len_bytes(), s=["ä"]) == [2]


@line("length of text", "pandas")
def _() -> None:
    assert list(pd.Series(["ä", "日本", "e\u0301"]).str.len()) == [1, 2, 2]


@line("length of text", "Polars")
def _() -> None:
    assert POLARS.values(pl.col("s").str.len_chars(), s=["ä", "日本", "e\u0301"]) == [1, 2, 2]
    assert POLARS.values(pl.col("s").str.len_bytes(), s=["ä"]) == [2]


@line("length of text", "DuckDB")
def _() -> None:
    assert sql("length(s)", s=["ä", "日本", "e\u0301"]) == [1, 2, 2]
    assert sql("strlen(s)", s=["ä"]) == [2]


@line("empty text", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("s") == e.lit(""), s=["", None]) == [True, None]
    assert e.values(e.col("s").is_null(), s=["", None]) == [False, True]


@line("empty text", "pandas")
def _() -> None:
    assert list(pd.Series(["", None]).isna()) == [False, True]


@line("empty text", "DuckDB")
def _() -> None:
    assert sql("s IS NULL", s=["", None]) == [False, True]


@line("two ways to write a character", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("s") == e.lit("é"), s=["e\u0301"]) == [False]


@line("two ways to write a character", "pandas")
def _() -> None:
    assert list(pd.Series(["e\u0301"]) == "é") == [False]


@line("two ways to write a character", "DuckDB")
def _() -> None:
    assert sql("s = 'é'", s=["e\u0301"]) == [False]


@line("upper and lower case")
def _() -> None:
    assert values(col("s").str.to_uppercase(), s=["straße"]) == ["STRAẞE"]
    assert values(col("s").str.to_lowercase(), s=["ΔΣ"]) == ["δ\u03c3"]


@line("upper and lower case", "pandas")
def _() -> None:
    assert list(pd.Series(["straße"]).str.upper()) == ["STRAẞE"]


@line("upper and lower case", "Polars")
def _() -> None:
    assert POLARS.values(pl.col("s").str.to_uppercase(), s=["straße"]) == ["STRASSE"]
    assert POLARS.values(pl.col("s").str.to_lowercase(), s=["ΔΣ"]) == ["δς"]


@line("upper and lower case", "DuckDB")
def _() -> None:
    assert sql("upper(s)", s=["straße"]) == ["STRAẞE"]
    assert sql("lower(s)", s=["ΔΣ"]) == ["δ\u03c3"]


@line("a pattern")
def _() -> None:
    assert values(col("s").str.contains("a."), s=["ab", "b"]) == [True, False]
    assert values(col("s").str.contains("a.", literal=True), s=["ab", "a."]) == [False, True]
    assert HERE.fails(lambda: col("s").str.contains("a(?=b)"), s=["ab"])


@line("a pattern", "pandas")
def _() -> None:
    assert list(pd.Series(["ab", "b"]).str.contains("a(?=b)")) == [True, False]


@line("a pattern", "Polars")
def _() -> None:
    assert POLARS.values(pl.col("s").str.contains("a."), s=["ab", "b"]) == [True, False]
    assert POLARS.fails(pl.col("s").str.contains("a(?=b)"), s=["ab"])


@line("a pattern", "DuckDB")
def _() -> None:
    assert sql("regexp_matches(s, 'a.')", s=["ab", "b"]) == [True, False]
    assert sql_fails("regexp_matches(s, 'a(?=b)')", s=["ab"])


@line("what `replace` replaces", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("s").str.replace("a.", "x"), s=["abac"]) == ["xac"]
    assert e.values(e.col("s").str.replace_all("a.", "x"), s=["abac"]) == ["xx"]
    assert e.values(e.col("s").str.replace_all("(a)", "<$1>"), s=["ab"]) == ["<a>b"]


@line("what `replace` replaces", "pandas")
def _() -> None:
    assert list(pd.Series(["a.a."]).str.replace("a.", "x")) == ["xx"]
    assert list(pd.Series(["abac"]).str.replace("a.", "x")) == ["abac"]


@line("what `replace` replaces", "DuckDB")
def _() -> None:
    assert sql("replace(s, 'a.', 'x')", s=["a.a.", "abac"]) == ["xx", "abac"]


@line("text that is not found", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("s").str.extract("([0-9]+)"), s=["a1", "b"]) == ["1", None]
    assert e.values(e.col("s").str.find("b"), s=["äb", "c"]) == [2, None]


@line("text that is not found", "pandas")
def _() -> None:
    assert same(pd.Series(["a1", "b"]).str.extract("([0-9]+)")[0], ["1", float("nan")])
    assert list(pd.Series(["äb", "c"]).str.find("b")) == [1, -1]


@line("text that is not found", "DuckDB")
def _() -> None:
    assert sql("regexp_extract(s, '([0-9]+)', 1)", s=["a1", "b"]) == ["1", ""]
    assert sql("instr(s, 'b')", s=["äb", "c"]) == [2, 0]


@line("`split` of empty text", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("s").str.split(","), s=["", ",a"]) == [[""], ["", "a"]]


@line("`split` of empty text", "pandas")
def _() -> None:
    assert list(pd.Series(["", ",a"]).str.split(",")) == [[""], ["", "a"]]


@line("`split` of empty text", "DuckDB")
def _() -> None:
    assert sql("string_split(s, ',')", s=["", ",a"]) == [[""], ["", "a"]]


@line("white space at the ends", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("s").str.strip_chars(), s=["\u00a0a\t\n"]) == ["a"]


@line("white space at the ends", "pandas")
def _() -> None:
    assert list(pd.Series(["\u00a0a\t\n"]).str.strip()) == ["a"]


@line("white space at the ends", "DuckDB")
def _() -> None:
    assert sql("trim(s)", s=["\u00a0a\t\n"]) == ["a\t\n"]


@line("text beside a number")
def _() -> None:
    df = pt.from_pydict({"s": ["1"]})
    for expression in (lambda: col("s") == 1, lambda: col("s") + 1, lambda: col("s") * 2):
        with pytest.raises(errors.TypeMismatch):
            df.select(expression())


@line("text beside a number", "pandas")
def _() -> None:
    assert list(pd.Series(["1"]) == 1) == [False]
    assert list(pd.Series(["1"]) * 2) == ["11"]
    with pytest.raises(TypeError):
        pd.Series(["1"]) + 1


@line("text beside a number", "Polars")
def _() -> None:
    for expression in (pl.col("s") == 1, pl.col("s") + 1, pl.col("s") * 2):
        assert POLARS.fails(expression, s=["1"])


@line("text beside a number", "DuckDB")
def _() -> None:
    assert sql("s = 1", s=["1"]) == [True]
    assert sql("s || 1", s=["1"]) == ["11"]


@line("text in an aggregate of numbers")
def _() -> None:
    assert HERE.fails(lambda: col("s").sum(), s=["1"])


@line("text in an aggregate of numbers", "pandas")
def _() -> None:
    assert pd.Series(["1", "2"]).sum() == "12"


@line("text in an aggregate of numbers", "Polars")
def _() -> None:
    assert POLARS.fails(pl.col("s").sum(), s=["1"])


@line("text in an aggregate of numbers", "DuckDB")
def _() -> None:
    assert sql_fails("sum(s)", s=["1"])


@line("order of binary values", "here", "Polars")
def _(e: Any) -> None:
    data = {"s": [b"\xff", b"a", b""]}
    assert e.values(e.col("s").min(), **data) == [b""]
    assert e.values(e.col("s").max(), **data) == [b"\xff"]


@line("order of binary values", "DuckDB")
def _() -> None:
    assert sql("max(s)", s=[b"\xff", b"a", b""]) == [b"\xff"]


@line("binary values as text")
def _() -> None:
    assert values(col("s").cast(str), s=["ä".encode()]) == ["ä"]
    assert fails(col("s").cast(str), s=[b"\xff"])
    assert HERE.fails(lambda: col("s") == pt.lit("a"), s=[b"a"])


@line("binary values as text", "Polars")
def _() -> None:
    assert POLARS.values(pl.col("s").cast(pl.String), s=["ä".encode()]) == ["ä"]
    assert POLARS.fails(pl.col("s").cast(pl.String), s=[b"\xff"])
    assert POLARS.values(pl.col("s") == "a", s=[b"a"]) == [True]


@line("binary values as text", "DuckDB")
def _() -> None:
    assert sql("decode(s)", s=["ä".encode()]) == ["ä"]
    assert sql_fails("decode(s)", s=[b"\xff"])
    assert sql("s::VARCHAR", s=[b"\xff"]) == ["\\xFF"]
    assert sql("s = 'a'", s=[b"a"]) == [True]


@line("order of categories")
def _() -> None:
    coded = pa.array(["b", "a"]).dictionary_encode()
    assert pt.from_pydict({"s": coded}).sort("s").to_pydict() == {"s": ["a", "b"]}


@line("order of categories", "pandas")
def _() -> None:
    coded = pd.Series(pd.Categorical(["a", "b"], ["b", "a"]))
    assert list(coded.sort_values()) == ["b", "a"]


@line("order of categories", "Polars")
def _() -> None:
    coded = pl.Series(["a", "b"], dtype=pl.Enum(["b", "a"]))
    assert coded.sort().to_list() == ["b", "a"]
    assert coded.cast(pl.Categorical).sort().to_list() == ["a", "b"]


@line("order of categories", "DuckDB")
def _() -> None:
    found = rows("SELECT unnest(['a', 'b'])::ENUM ('b', 'a') AS s ORDER BY s")
    assert found == [("b",), ("a",)]


test_cells, test_agreement = SECTION.tests()
