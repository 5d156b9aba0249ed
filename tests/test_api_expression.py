"""Expressions as users meet them: operators, methods, their help, and what is refused."""

from __future__ import annotations

import inspect
import operator
import pickle
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from partita.engine.api import constructors as pt
from partita.engine.api.expression import Expression, to_expr
from partita.engine.api.namespaces import NAMESPACES
from partita.engine.errors import InvalidExpression
from partita.engine.expr.aggregates import AGGREGATES
from partita.engine.expr.functions import FUNCTIONS
from partita.engine.expr.node import Column

OWNERS: dict[str, type] = {"": Expression, **NAMESPACES}
METHODS = [
    (OWNERS[function.name.rpartition(".")[0]], name, function)
    for function in FUNCTIONS.values()
    if not function.written
    for name in ((function.name.rpartition(".")[2],) if function.method else ()) + function.also
]


@pytest.mark.parametrize(("owner", "name", "function"), METHODS)
def test_every_function_is_a_method_with_help(owner: type, name: str, function: Any) -> None:
    method = getattr(owner, name)
    parameters = list(inspect.signature(method).parameters)
    assert parameters == ["self", *(each.name for each in function.parameters)]
    setup = [line[4:] for line in method.__doc__.splitlines() if line.startswith(">>> ")][:-1]
    frames = {"pt": SimpleNamespace(from_pydict=pa.table)}
    exec("\n".join(setup), frames)
    assert "frame" in frames
    assert method.__doc__.splitlines()[0].endswith(".")
    assert name in dir(owner)


@pytest.mark.parametrize("name", AGGREGATES)
def test_every_aggregate_is_a_method(name: str) -> None:
    if not AGGREGATES[name].method:
        assert getattr(pt, name).__doc__
        assert repr(getattr(pt, name)("a", pt.col("b"))) == f"{name}(a, b)"
        return
    assert getattr(Expression, name).__doc__
    given = {"quantile": [0.5], "approx_quantile": [0.5], "min_by": ["b"], "max_by": ["b"]}
    made = getattr(pt.col("a"), name)(*given.get(name, []))
    assert repr(made).startswith((f"{name}(a", "len()"))


def test_operators_and_their_mirrors() -> None:
    a = pt.col("a")
    pairs = {
        "1 + a": 1 + a, "1 - a": 1 - a, "2 * a": 2 * a, "1 / a": 1 / a, "7 // a": 7 // a,
        "7 % a": 7 % a, "2 ** a": 2**a, "-a": -a, "True & a": True & a, "True | a": True | a,
        "a > 1": operator.lt(1, a), "a != 1": a != 1, "a ^ True": a ^ True,
        "2.0 * a": np.float64(2) * a,
        "a.abs()": abs(a),
    }  # fmt: skip
    assert {text: repr(found) for text, found in pairs.items()} == {text: text for text in pairs}


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        (lambda a: bool(a > 1), r"& \(and\)"),
        (lambda a: 1 < a < 2, "is_between"),
        (lambda a: a > 1 and a < 2, "brackets"),
        (lambda a: 3 in a, "is_in"),
        (lambda a: list(a), "Collect"),
        (lambda a: a.is_in(3), "list of plain values"),
        (lambda a: a.is_in("abc"), "list of plain values"),
        (lambda a: a.is_in(pt), "semi"),
        (lambda a: a.is_in([1, "x"]), "one type"),
        (lambda a: a.cast("int12"), "int64"),
        (lambda a: a.alias(3), "it is text"),
        (lambda a: a + object(), "pt.col"),
        (lambda a: a.str.zfill(pt.col("b")), "plain int"),
        (lambda a: a.str.head(True), "plain int"),
        (lambda a: a.str.replace("a"), "replace"),
        (lambda a: a.round(1, "up"), "half_to_even"),
        (lambda a: pt.col(3), "names as text, or types"),
        (lambda a: pt.coalesce(), "at least one"),
        (lambda a: pt.sum(), "pt.sum"),
        (lambda a: pt.when(), "condition"),
    ],
)
def test_mistakes_say_what_to_write(wrong: Callable[[Any], object], advice: str) -> None:
    with pytest.raises(InvalidExpression, match=advice):
        wrong(pt.col("a"))


def test_an_unknown_method_offers_the_nearest() -> None:
    with pytest.raises(AttributeError, match="Did you mean 'isnull', 'is_null'"):
        pt.col("a").isnul()
    with pytest.raises(AttributeError, match="to_uppercase"):
        pt.col("a").str.to_upercase()
    assert not hasattr(pt.col("a"), "pipe")


def test_columns_and_literals() -> None:
    assert pt.col("a").node == pt.col.a.node == to_expr("a", names=True) == Column("a")
    assert repr(pt.col(["a", "b"])) == 'col("a", "b")'
    assert repr(pt.col("*")) == repr(pt.all()) == "all()"
    assert pt.lit(pt.col("a")).node == Column("a")
    assert pt.lit(pa.scalar(1, pa.int8())).node.typed  # type: ignore[attr-defined]
    assert hash(pt.col("a") + 1) == hash(pt.col("a") + 1)
    assert pickle.loads(pickle.dumps(pt.col("a") + 1)).node == (pt.col("a") + 1).node
    assert pt.col("a").is_in(np.array([1, 2])).node == pt.col("a").is_in([1, 2]).node


def test_functions_of_the_module_take_names() -> None:
    assert repr(pt.sum("a")) == "sum(a)"
    assert repr(pt.max("a", "b")) == 'max(col("a", "b"))'
    assert repr(pt.count()) == repr(pt.len()) == "len()"
    assert repr(pt.count("a")) == "count(a)"
    assert repr(pt.col("a").std(ddof=0)) == "std(a, ddof=0)"
    assert repr(pt.coalesce("a", pt.lit("b"))) == 'coalesce(a, "b")'
    assert repr(pt.when(pt.col("a")).then("b").otherwise("c")) == ("when(a).then(b).otherwise(c)")
