"""The node of window functions: what it may hold, and when it gathers a frame."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from partita.engine.errors import PlanError, SchemaError, TypeMismatch
from partita.engine.expr.node import Agg, Call, Column, Expr, SortKey, Window, WindowCall, literal
from partita.engine.plan.nodes import Scan
from partita.engine.plan.verify import verify
from partita.engine.plan.windows import WindowColumns
from partita.io.memory import MemorySource

SCAN = Scan(
    source=MemorySource(
        pa.table(
            {
                "a": pa.array([1, 2], pa.int64()),
                "k": ["x", "y"],
                "l": pa.array([[1], [2]], pa.list_(pa.int64())),
            }
        )
    )
)
A, K = Column("a"), Column("k")


def node(function: Expr, **more: Any) -> WindowColumns:
    return WindowColumns(input=SCAN, functions=(("w", function),), **more)


def rank(method: str = "min", descending: bool = False) -> WindowCall:
    return WindowCall("rank", (A,), (("descending", descending), ("method", method)))


UNIQUE = WindowCall("is_unique", (A,))

WRONG = {
    "row by row": (PlanError, Call("add", (A, literal(1))), {}),
    "a window": (PlanError, Window(Agg("sum", A), (K,)), {}),
    "an aggregate inside": (PlanError, Agg("sum", Agg("max", A)), {}),
    "a window as a key": (PlanError, Agg("sum", A), {"keys": (Window(UNIQUE),)}),
    "no key for the value": (PlanError, UNIQUE, {"keys": (K,)}),
    "a list as a key": (TypeMismatch, Agg("sum", A), {"keys": (Column("l"),)}),
    "a list as an order": (TypeMismatch, Agg("sum", A), {"order_by": (SortKey(Column("l")),)}),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_what_makes_no_sense_is_never_made(case: tuple[type, Expr, dict[str, Any]]) -> None:
    error, function, more = case
    with pytest.raises(error):
        node(function, **more)


def test_a_name_is_given_once() -> None:
    with pytest.raises(SchemaError):
        WindowColumns(input=SCAN, functions=(("a", Agg("sum", A)),))


UP, DOWN = SortKey(A, nulls_last=True), SortKey(A, descending=True, nulls_last=True)
GATHERS = {
    "an aggregate": (node(Agg("first", A)), True),
    "an aggregate over keys": (node(Agg("first", A), keys=(K,)), False),
    "a shift": (node(WindowCall("shift", (A,), (("n", 1),))), False),
    "a rank": (node(rank()), True),
    "a rank over keys": (node(rank(), keys=(K,)), False),
    "a rank of sorted rows": (node(rank(), order_by=(UP,)), False),
    "a rank of rows sorted by more": (node(rank(), order_by=(UP, SortKey(K))), True),
    "a place of rows sorted by more": (node(rank("ordinal"), order_by=(UP, SortKey(K))), False),
    "a rank the other way round": (node(rank(descending=True), order_by=(UP,)), True),
    "a rank downwards": (node(rank(descending=True), order_by=(DOWN,)), False),
    "a value's key": (node(UNIQUE, keys=(A,)), False),
}


@pytest.mark.parametrize("case", GATHERS.values(), ids=GATHERS)
def test_a_frame_is_gathered_for_what_wants_all_rows(case: tuple[WindowColumns, bool]) -> None:
    made, gathers = case
    verify(made)
    assert made.gathers == gathers
    assert made.schema.names == ["a", "k", "l", "w"]
