"""The pandas spellings give what pandas gives; what has no meaning here says what to use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import partita as pt
from partita import errors

DATA = {"k": ["a", "b", "a", "c"], "v": [3, 1, 2, 2], "w": [0.5, 2.0, 1.5, -1.0]}


@pytest.fixture
def df() -> pt.DataFrame:
    return pt.from_pydict(DATA)


SAME: dict[str, Callable[[Any], Any]] = {
    "mask": lambda d: d[d["v"] > 1],
    "mask of two": lambda d: d[(d.v > 1) & ~(d["k"] == "c")],
    "columns": lambda d: d[["w", "k"]],
    "rows": lambda d: d[1:3],
    "query": lambda d: d.query("v > 1 and k != 'c'"),
    "query without brackets": lambda d: d.query("v > 1 & w < 1 | k == 'b'"),
    "query in": lambda d: d.query("k in ['a', 'c'] and not v == 3"),
    "query not in": lambda d: d.query("k not in ['a']"),
    "query chain": lambda d: d.query("1 < v <= 3"),
    "query arithmetic": lambda d: d.query("v * 2 - 1 > w ** 2 and v % 2 == 0"),
    "assign": lambda d: d.assign(x=lambda d: d.v * 2, y=lambda d: d.x + 1, s="t"),
    "drop_duplicates": lambda d: d.drop_duplicates("v").sort_values("v"),
    "drop_duplicates last": lambda d: d.drop_duplicates(["k"], keep="last").sort_values("k"),
    "drop_duplicates none": lambda d: d.drop_duplicates("k", keep=False).sort_values("k"),
    "sort_values": lambda d: d.sort_values(["v", "w"], ascending=[False, True]),
    "nlargest": lambda d: d.nlargest(2, "w"),
    "nsmallest": lambda d: d.nsmallest(3, "w"),
    "head": lambda d: d.head(2),
    "tail": lambda d: d.tail(2),
    "astype": lambda d: d.astype({"v": "float64"}),
    "rename": lambda d: (
        d.rename({"v": "x"}) if isinstance(d, pt.DataFrame) else d.rename(columns={"v": "x"})
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_as_in_pandas(df: pt.DataFrame, name: str) -> None:
    expected = SAME[name](pd.DataFrame(DATA)).reset_index(drop=True)
    pd.testing.assert_frame_equal(SAME[name](df).compute(), expected, check_dtype=False)


GROUPED: dict[str, Callable[[Any], Any]] = {
    "column sum": lambda g: g["v"].sum(),
    "attribute mean": lambda g: g.w.mean(),
    "columns max": lambda g: g[["v", "w"]].max(),
    "all": lambda g: g.min(),
    "mapping": lambda g: g.agg({"v": "sum", "w": "max"}),
    "named": lambda g: g.agg(total=("v", "sum"), n=("v", "nunique")),
    "name": lambda g: g[["v"]].agg("sum"),
    "size": lambda g: g.size(),
    "std": lambda g: g[["w"]].std(),
}


@pytest.mark.parametrize("name", GROUPED)
def test_groupby_as_in_pandas(df: pt.DataFrame, name: str) -> None:
    expected = GROUPED[name](pd.DataFrame(DATA).groupby("k", as_index=False))
    found = GROUPED[name](df.groupby("k")).sort("k").compute()
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_several_aggregates_of_one_column_are_named_after_both(df: pt.DataFrame) -> None:
    found = df.groupby("k").agg({"v": ["min", "max"]}).sort("k")
    assert found.to_dicts()[0] == {"k": "a", "v_min": 2, "v_max": 3}


def test_groupby_can_leave_null_keys_out() -> None:
    df = pt.from_pydict({"k": ["a", None], "v": [1, 2]})
    assert df.groupby("k", dropna=True).size().to_dicts() == [{"k": "a", "size": 1}]
    assert len(df.groupby("k").size()) == 2


@pytest.mark.parametrize("how", ["inner", "left"])
@pytest.mark.parametrize(
    "keys", [{"on": "k"}, {"left_on": "v", "right_on": "v"}, {"left_on": ["k"], "right_on": ["k"]}]
)
def test_merge_as_in_pandas(df: pt.DataFrame, how: str, keys: dict[str, Any]) -> None:
    other = {"k": ["a", "c", "d"], "v": [2, 8, 3], "w": [1, 2, 3]}
    expected = pd.DataFrame(DATA).merge(pd.DataFrame(other), how=how, suffixes=("_l", "_r"), **keys)
    found = df.merge(pt.from_pydict(other), how=how, suffixes=("_l", "_r"), **keys).compute()
    order = list(expected.columns)
    assert list(found.columns) == order
    pd.testing.assert_frame_equal(
        found.sort_values(order, ignore_index=True),
        expected.sort_values(order, ignore_index=True),
        check_dtype=False,
    )


def test_merge_without_keys_takes_the_common_columns(df: pt.DataFrame) -> None:
    other = {"k": ["a", "b"], "v": [3, 5], "z": [1, 2]}
    found = df.merge(pt.from_pydict(other)).compute()
    pd.testing.assert_frame_equal(found, pd.DataFrame(DATA).merge(pd.DataFrame(other)))


def test_nulls_as_in_pandas() -> None:
    df = pt.from_pydict({"a": [1, None, None], "b": [None, 2, None]})
    assert df.dropna().to_pydict() == {"a": [], "b": []}
    assert df.dropna(how="all").to_pydict() == {"a": [1, None], "b": [None, 2]}
    assert df.dropna(subset=["a"]).to_pydict() == {"a": [1], "b": [None]}
    assert df.fillna({"a": 0}).to_pydict()["a"] == [1, 0, 0]
    assert df.query("a == None").to_pydict()["b"] == [2, None]
    assert df.query("a is not None").to_pydict()["a"] == [1]
    assert df.nunique().to_dicts() == [{"a": 1, "b": 1}]
    assert df.nunique(dropna=False).to_dicts() == df.n_unique().to_dicts() == [{"a": 2, "b": 2}]
    groups = df.groupby("b")
    for found in (groups.nunique(), groups.agg("nunique"), groups.agg(a=("a", "nunique"))):
        assert sorted(found.to_pydict()["a"]) == [0, 1]
    assert df.where(a=1).to_pydict() == df.filter(a=1).to_pydict()
    assert sorted(df.distinct("a").to_pydict()["a"], key=str) == [1, None]


def test_map_partitions_is_given_whole_pandas_frames(df: pt.DataFrame) -> None:
    found = df.map_partitions(lambda part: part.nlargest(1, "v"), schema=df.schema)
    assert found.to_pydict() == {"k": ["a"], "v": [3], "w": [0.5]}
    assert df.map_partitions(lambda part: part.head(1)).schema == df.schema


def test_a_quoted_name_in_a_query() -> None:
    df = pt.from_pydict({"a b": [1, 2], "c": [1, 1]})
    assert df.query("`a b` > c").to_pydict() == {"a b": [2], "c": [1]}


REFUSED = {
    "iloc": lambda d: d.iloc[0],
    "loc": lambda d: d.loc[:, "a"],
    "iterrows": lambda d: d.iterrows(),
    "apply": lambda d: d.apply(sum, axis=1),
    "shape": lambda d: d.shape,
    "reset_index": lambda d: d.reset_index(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_meaning_says_what_to_use(df: pt.DataFrame, name: str) -> None:
    with pytest.raises(errors.NotOffered, match=rf"df\.{name} does not exist\. .*"):
        REFUSED[name](df)
    assert not hasattr(df, name)


def test_a_column_of_a_refused_name_is_a_column() -> None:
    assert pt.from_pydict({"index": [1, 2]}).query("index > 1").to_pydict() == {"index": [2]}
    df = pt.from_pydict({"index": [1, 2]})
    assert df[df.index > 1].to_pydict() == {"index": [2]}


@pytest.mark.parametrize(
    ("do", "hint"),
    [
        (lambda d: bool(d), "len(df.head(1))"),
        (lambda d: list(d), "df.columns"),
        (lambda d: d.__setitem__("x", 1), "with_columns"),
        (lambda d: d.__delitem__("x"), "df.drop"),
        (lambda d: setattr(d, "x", 1), "with_columns"),
        (lambda d: d[-3:], ".tail(n)"),
        (lambda d: d[::2], ".slice(offset"),
        (lambda d: d[1.5], "a column's name"),
        (lambda d: d.groupby("k", as_index=True), "no index"),
        (lambda d: d.groupby("k", sort=True), ".sort(...)"),
        (lambda d: list(d.groupby("k")), ".agg(...)"),
    ],
)
def test_misuse_says_what_to_do(df: pt.DataFrame, do: Callable[[Any], Any], hint: str) -> None:
    with pytest.raises(errors.InvalidExpression) as caught:
        do(df)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "k.str.upper() == 'A'",
        "(lambda: 1)()",
        "[v for v in k]",
        "v > @x",
        "v >",
        "",
        "v in k",
        "v == [1, 2]",
        "-'a' == k",
        "`v > 1",
        "f'{v}' == k",
        "v > 1 if k else v",
        "v := 1",
        "v > " + "(" * 500 + "1" + ")" * 500,
    ],
)
def test_a_query_that_says_something_else_is_refused(df: pt.DataFrame, text: str) -> None:
    with pytest.raises(errors.InvalidExpression):
        df.query(text)


def test_completion_knows_the_columns(df: pt.DataFrame) -> None:
    assert {"k", "v", "w", "filter", "collect"} <= set(dir(df))
    assert df._ipython_key_completions_() == ["k", "v", "w"]
    with pytest.raises(AttributeError, match="Did you mean 'filter'"):
        df.fliter  # noqa: B018 - the look-up is the test
