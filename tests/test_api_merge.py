"""Joins as pandas spells them: the rows and columns that pandas gives."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import partita as pt
from partita import errors

LEFT = {"k": ["a", "b", "a", "e"], "v": [1, 2, 3, 4], "x": [0.5, 1.5, 2.5, 3.5]}
RIGHT = {"k": ["a", "c", "d", "b"], "v": [2, 8, 3, 1], "w": [1, 2, 3, 4]}
KEYS: tuple[dict[str, Any], ...] = (
    {"on": "k"},
    {"on": ["k", "v"]},
    {"left_on": "v", "right_on": "w"},
    {"left_on": ["k", "v"], "right_on": ["k", "w"]},
    {},
)


def same(found: pt.DataFrame, expected: pd.DataFrame) -> None:
    assert found.columns == list(expected.columns)
    assert rows(found.to_pandas()) == rows(expected)


def rows(frame: pd.DataFrame) -> list[list[str]]:
    """Return the rows in some order, numbers as doubles: pandas has no integers beside a null."""
    plain = [
        [float(each) if isinstance(each, int | float) else each for each in row]
        for row in frame.itertuples(index=False)
    ]
    return sorted(["null" if pd.isna(each) else repr(each) for each in row] for row in plain)


@pytest.mark.parametrize("keys", KEYS, ids=str)
@pytest.mark.parametrize("how", ["inner", "left", "right", "outer"])
@pytest.mark.parametrize("indicator", [False, True, "origin"])
def test_merge_gives_what_pandas_gives(how: Any, keys: dict[str, Any], indicator: Any) -> None:
    options = {"how": how, "suffixes": ("_l", "_r"), "indicator": indicator, **keys}
    expected = pd.DataFrame(LEFT).merge(pd.DataFrame(RIGHT), **options)
    if indicator:
        name = "_merge" if indicator is True else indicator
        expected[name] = expected[name].astype(str)
    same(pt.from_pydict(LEFT).merge(pt.from_pydict(RIGHT), **options), expected)


def test_merge_of_every_pair() -> None:
    found = pt.from_pydict(LEFT).merge(pt.from_pydict(RIGHT), how="cross", suffixes=(None, "_r"))
    expected = pd.DataFrame(LEFT).merge(
        pd.DataFrame(RIGHT),
        how="cross",
        suffixes=(None, "_r"),  # type: ignore[arg-type]
    )
    same(found, expected)


@pytest.mark.parametrize("how", ["semi", "anti"])
def test_merge_takes_the_kinds_of_join_too(how: str) -> None:
    left, right = pt.from_pydict(LEFT), pt.from_pydict(RIGHT)
    assert left.merge(right, how=how, on="k").to_pydict() == left.join(right, "k", how).to_pydict()
    with pytest.raises(errors.SchemaError, match="no indicator"):
        left.merge(right, how=how, on="k", indicator=True)


@pytest.mark.parametrize("validate", ["1:m", "one_to_many", "1:1", "one_to_one"])
def test_merge_validates_as_pandas_does(validate: str) -> None:
    left, right = pt.from_pydict(LEFT), pt.from_pydict(RIGHT)
    with pytest.raises(errors.RepeatedKey, match="k = 'a' occurs in 2 rows"):
        left.merge(right, on="k", validate=validate).collect()
    assert len(left.merge(right, on="k", validate="many_to_one")) == 3


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "another kind": ("'full'", {"how": "sideways", "on": "k"}),
    "keys of a product": ("no keys", {"how": "cross", "on": "k"}),
    "one side's keys": ("together", {"left_on": "k"}),
    "both ways": ("not both", {"on": "k", "left_on": "k"}),
    "an index": ("no index", {"left_index": True}),
    "an order": (".sort(", {"on": "k", "sort": True}),
    "a check": ("'1:m'", {"on": "k", "validate": "few"}),
    "another number of keys": ("as many keys", {"left_on": ["k", "v"], "right_on": "k"}),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_merge_says_what_to_write(case: str) -> None:
    hint, options = WRONG[case]
    with pytest.raises((errors.SchemaError, errors.InvalidExpression)) as caught:
        pt.from_pydict(LEFT).merge(pt.from_pydict(RIGHT), **options)
    assert hint in str(caught.value)
