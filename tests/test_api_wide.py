"""Verbs over wide tables: the work grows with the number of columns, not with its square.

Lines that are gone through are counted, as many on every machine, and not seconds.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import partita as pt

ROOT = Path(__file__).parent.parent

NARROW, WIDE = 40, 320


def _wide(columns: int, names: str = "c") -> pt.DataFrame:
    return pt.from_pydict({"k": [1], **{f"{names}{i}": [i] for i in range(columns)}})


def _each(columns: int, prefix: str = "c") -> list[str]:
    return [f"{prefix}{number}" for number in range(columns)]


def _sums(columns: int) -> dict[str, pt.Expression]:
    return {name: pt.col(name) + 1 for name in _each(columns)}


VERBS: dict[str, Callable[[pt.DataFrame, int], pt.DataFrame]] = {
    "assign": lambda df, n: df.assign(**_sums(n)),
    "with_columns": lambda df, n: df.with_columns(**_sums(n)),
    "new columns": lambda df, n: df.with_columns(**{f"e{name}": pt.col(name) for name in _each(n)}),
    "select": lambda df, n: df.select(*_each(n)),
    "select sums": lambda df, n: df.select(*(pt.col(name).sum() for name in _each(n))),
    "select windows": lambda df, n: df.select(*(pt.col(name).shift(1) for name in _each(n))),
    "drop": lambda df, n: df.drop(_each(n)[::2]),
    "drop what is there": lambda df, n: df.drop(_each(2 * n), strict=False),
    "rename": lambda df, n: df.rename({name: f"r{name}" for name in _each(n)}),
    "cast": lambda df, n: df.cast(dict.fromkeys(_each(n), "float64")),
    "fill_null": lambda df, n: df.fill_null(0),
    "filter": lambda df, n: df.filter(*(pt.col(name) >= 0 for name in _each(n))),
    "sort": lambda df, n: df.sort(_each(n)),
    "unique": lambda df, n: df.unique(),
    "join": lambda df, n: df.join(_wide(n), on="k"),
    "join by all": lambda df, n: df.join(_wide(n), on=_each(n)),
    "merge": lambda df, n: df.merge(_wide(n)),
    "merge by one": lambda df, n: df.merge(_wide(n), on="k"),
    "group": lambda df, n: df.group_by("k").agg(*(pt.col(name).sum() for name in _each(n))),
    "group by all": lambda df, n: df.group_by(_each(n)).len(),
    "concat": lambda df, n: pt.concat([df, _wide(n, "d")], how="diagonal"),
    "side by side": lambda df, n: pt.concat([df.drop("k"), _wide(n, "d")], how="horizontal"),
    "null_count": lambda df, n: df.null_count(),
}


def _steps(work: Callable[[], object]) -> int:
    """Return how many lines of Python are gone through, those of loops each time."""
    steps = 0

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal steps
        steps += 1
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        work()
    finally:
        sys.settrace(before)
    return steps


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_no_more_work_for_each_column_of_a_wide_table(verb: str) -> None:
    with pt.config.set(executor="serial"):
        VERBS[verb](_wide(WIDE), WIDE).collect()  # modules are imported, kernels chosen
        narrow, wide = (
            _steps(lambda columns=columns: VERBS[verb](_wide(columns), columns).collect())
            for columns in (NARROW, WIDE)
        )
    assert wide < 1.15 * (WIDE / NARROW) * narrow


def test_a_thousand_conditions_are_explained() -> None:
    df = _wide(1000).filter(*(pt.col(name) >= 0 for name in _each(1000)))
    assert "c999" in df.explain()
    assert df.select("k").collect().to_pydict() == {"k": [1]}


@pytest.mark.parametrize("room", ["partita", "engine", "io"])
def test_no_name_is_looked_for_in_a_list_of_all_names(room: str) -> None:
    """``name in schema.names`` makes the list anew each time, in one call that looks cheap."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare)
        and isinstance(node.ops[0], ast.In | ast.NotIn)
        and isinstance(node.comparators[0], ast.Attribute)
        and node.comparators[0].attr in ("names", "column_names")
    ]
    assert found == [], "use schema.has_column, or a set of the names"
