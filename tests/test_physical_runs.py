"""Operators that are run in one give what they give one behind another."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from partita.engine.errors import ComputeError
from partita.engine.expr.node import Agg, Call, Cast, Column, literal
from partita.engine.physical.kernels import jit
from partita.engine.physical.operators.filter import FilterRows
from partita.engine.physical.operators.join import HashJoin
from partita.engine.physical.operators.partial_aggregate import PartialAggregate
from partita.engine.physical.runs import FilteredJoin, coded_for_groups, runs

from .test_physical_operators import LEFT, RIGHT, SerialContext, cut, join, rows

pytestmark = pytest.mark.timeout(600)  # on a new machine all kernels are compiled first


def keeping(least: float) -> FilterRows:
    return FilterRows(predicate=Call("ge", (Column("row"), literal(int(150 * least)))))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("how", ["inner", "left", "full", "right", "semi", "anti", "rest"])
@pytest.mark.parametrize("keys", [("i",), ("k",), ("g", "row")])
@pytest.mark.parametrize("build_rows", [0, 2, 150])
def test_a_join_of_what_a_filter_keeps(
    how: str, keys: tuple[str, ...], build_rows: int, compiled: bool
) -> None:
    """The rows of the filter by itself, then joined, are the reference; nulls and texts too."""
    if compiled:
        jit.load()
    try:
        build = cut(rows(build_rows).select(RIGHT.names), 3)
        # An offset, and text as a dictionary.
        probe = rows(153).slice(3).select(LEFT.names)
        as_codes = probe.set_column(0, "k", probe.column("k").dictionary_encode())
        operator, _ = join(how, keys)
        if how in ("right", "full", "rest"):
            both = tuple(("right", name, f"{name}_right") for name in RIGHT.names)
            operator = replace(operator, output=(*operator.output, *both))
        # Kept are all rows, nearly all, half of them, few, and none.
        for least in (-1.0, 0.05, 0.5, 0.97, 2.0):
            keep = keeping(least)
            (together,) = runs((keep, operator))
            assert isinstance(together, FilteredJoin)
            for batch in (probe, as_codes):
                first, second = (SerialContext(sides=(build,)) for _ in range(2))
                pieces = cut(batch, 2)
                given = list(together.execute(iter(pieces), first))
                expected = list(operator.execute(keep.execute(iter(pieces), second), second))
                # As text: NaN is not equal to itself, and -0.0 is not 0.0.
                assert [str(each.to_pydict()) for each in given] == [
                    str(each.to_pydict()) for each in expected
                ]
                assert first.metrics == second.metrics
    finally:
        jit.unload()


def test_other_operators_are_run_as_they_are() -> None:
    operator, _ = join("inner", ("i",))
    keep = keeping(0.5)
    given = list(runs((keep, keep, operator, operator, keep)))
    assert given == [keep, FilteredJoin(keep=keep, join=operator), operator, keep]
    assert list(runs(())) == []


def test_what_the_filter_drops_is_not_asked_for_its_key() -> None:
    """A key that cannot be made of a row is not made of one that was left out."""
    schema = pa.schema([("a", pa.int64()), ("good", pa.bool_())])
    operator, _ = join("semi", ("i",))
    operator = replace(
        operator,
        left_on=(Cast(Column("a"), pa.int8()),),
        right_on=(Column("i"),),
        key_types=(pa.int8(),),
        output=(("left", "a", "a"),),
        left_schema=schema,
    )
    keep = FilterRows(predicate=Column("good"))
    build = [pa.RecordBatch.from_pydict({"i": pa.array([1, 2], pa.int8())})]
    probe = pa.RecordBatch.from_pydict({"a": [1, 1000, 3], "good": [True, False, True]})
    (together,) = runs((keep, operator))
    given = list(together.execute(iter([probe]), SerialContext(sides=(build,))))
    assert [each.to_pydict() for each in given] == [{"a": [1]}]
    with pytest.raises(ComputeError):
        list(operator.execute(iter([probe]), SerialContext(sides=(build,))))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("how", ["inner", "left", "full", "right"])
@pytest.mark.parametrize("keys", [("i",), ("k",), ("g",)])
def test_repeated_texts_are_given_as_codes_in_front_of_groups(
    how: str, keys: tuple[str, ...], compiled: bool
) -> None:
    """The same rows as without codes, in the same order, and the same groups of them."""
    if compiled:
        jit.load()
    try:
        build = cut(rows(150).select(RIGHT.names), 3)
        probe = rows(153).slice(3).select(LEFT.names)
        texts = pa.array([f"text {row % 40}" for row in range(probe.num_rows)])
        probe = probe.append_column("note", texts)
        schema = pa.schema([*LEFT, pa.field("note", pa.string())])
        plain, _ = join(how, keys)
        output = (*plain.output, ("left", "note", "note"))
        plain = replace(plain, left_schema=schema, output=output)
        grouped = PartialAggregate(
            keys=("row", "note"), aggs=(("rows", Agg("len", None)),), schema=schema
        )
        coded, same = coded_for_groups((plain, grouped))
        assert same is grouped
        assert isinstance(coded, HashJoin)
        assert coded.repeats_codes
        assert coded_for_groups((plain, keeping(0.5))) == (plain, keeping(0.5))
        contexts = [SerialContext(sides=(build,)) for _ in range(2)]
        pieces = cut(probe, 2)
        given = list(coded.execute(iter(pieces), contexts[0]))
        expected = list(plain.execute(iter(pieces), contexts[1]))
        assert [str(each.to_pydict()) for each in given] == [
            str(each.to_pydict()) for each in expected
        ]
        if keys == ("g",):
            assert any(pa.types.is_dictionary(each.column("note").type) for each in given)
        of_codes, of_plain = (
            [each.to_pydict() for each in grouped.execute(iter(batches), context)]
            for batches, context in zip((given, expected), contexts, strict=True)
        )
        assert of_codes == of_plain
    finally:
        jit.unload()
