"""Namespaces, hand-written methods and functions of the module, as users write them in a frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import partita as pt
from partita.engine.errors import ComputeError, InvalidExpression, PartitaError, TypeMismatch

FRAME = pt.from_pydict(
    {
        "a": [1, 2, None],
        "s": ["x-y", "", None],
        "l": [[3, 1, None], [], None],
        "r": [{"p": 1, "q": "u"}, {"p": None, "q": "v"}, None],
    }
)
A, S, L, R = pt.col("a"), pt.col("s"), pt.col("l"), pt.col("r")


def one(expression: Any) -> list[Any]:
    return FRAME.select(z=expression).to_pydict()["z"]


def names(*expressions: Any) -> list[str]:
    return FRAME.select(*expressions).columns


def test_names_are_made_of_names() -> None:
    assert names(pt.col("a", "s").name.prefix("x_")) == ["x_a", "x_s"]
    assert names(pt.all().name.suffix("_2")) == ["a_2", "s_2", "l_2", "r_2"]
    assert names((A * 2).alias("b").name.prefix("x_")) == ["x_b"]
    assert names(A.alias("b").name.keep()) == ["a"]
    assert names(A.name.map(lambda name: name * 3)) == ["aaa"]
    assert names(A.name.to_uppercase(), S.name.replace("s", "t")) == ["A", "t"]
    grouped = FRAME.group_by("s").agg(pt.col("a").sum().name.suffix("_sum"))
    assert grouped.columns == ["s", "a_sum"]
    assert names(A.name.suffix("_x") + 1) == ["a_x"]
    with pytest.raises(InvalidExpression, match="no name"):
        names(A.name.map(len))


def test_a_choice_is_named_for_what_it_gives() -> None:
    assert names(pt.when(A > 1).then("s").otherwise(pt.lit("-"))) == ["s"]
    assert names(pt.when(A > 1).then(pt.lit(1))) == ["literal"]


def test_lists_are_computed_element_by_element() -> None:
    assert one(L.list.eval(pt.element() * 2 + 1)) == [[7, 3, None], [], None]
    assert one(L.list.eval(pt.when(pt.element() > 1).then(pt.element()))) == [
        [3, None, None],
        [],
        None,
    ]
    assert one(L.list.filter(pt.element() > 1)) == [[3], [], None]
    assert one(L.list.eval(pt.lit(0))) == [[0, 0, 0], [], None]
    nested = pt.from_pydict({"l": [[[1, 2], []], None]})
    inner = pt.col("l").list.eval(pt.element().list.eval(pt.element() + 1))
    assert nested.select(inner).to_pydict() == {"l": [[[2, 3], []], None]}
    records = pt.from_pydict({"l": [[{"p": 1}, {"p": 5}]]})
    assert records.select(pt.col("l").list.eval(pt.field("p"))).to_pydict() == {"l": [[1, 5]]}


def test_structs_are_made_and_taken_apart() -> None:
    assert one(pt.struct("a", t=S)) == [
        {"a": 1, "t": "x-y"},
        {"a": 2, "t": ""},
        {"a": None, "t": None},
    ]
    assert one(R.struct.field("p")) == one(R.struct["p"]) == [1, None, None]
    assert one(R.struct.with_fields(pt.field("p") * 2, z=A)) == [
        {"p": 2, "q": "u", "z": 1},
        {"p": None, "q": "v", "z": 2},
        None,
    ]
    assert one(pt.struct(["a", "s"]))[0] == {
        "a": 1,
        "s": "x-y",
    }


def test_values_are_replaced() -> None:
    assert one(A.replace(1, 5)) == [5, 2, None]
    assert one(A.replace([1, None], [None, 0])) == [None, 2, 0]
    assert one(A.replace([1, 2], 7)) == [7, 7, None]
    assert one(S.replace({"": "empty"})) == ["x-y", "empty", None]
    assert one(A.replace_strict({1: "one", 2: "two"})) == ["one", "two", None]
    assert one(A.replace_strict({1: 10.5}, default=A)) == [10.5, 2.0, None]
    assert one(A.replace_strict({1: 1}, default=None, return_dtype="int8")) == [1, None, None]
    with pytest.raises(ComputeError, match=r"1 of 3 values.*default="):
        one(A.replace_strict({1: 10}))


def test_conditions_have_names_of_their_own() -> None:
    assert one((A > 0).and_(A < 2)) == [True, False, None]
    assert one((A > 5).or_(A < 2, S.is_null())) == [True, False, True]
    assert one((A > 1).not_()) == [True, False, None]
    assert one(A.add(1).mul(2).sub(A).eq(A.pow(2))) == [False, True, None]


def test_text_with_columns_in_it() -> None:
    assert one(pt.format("{} ({})", "a", S)) == ["1 (x-y)", "2 ()", None]
    assert one(pt.concat_list("a", "l")) == [[1, 3, 1, None], [2], None]
    frame = pt.from_pydict({"t": ["abc", "bcd", None, "x"], "p": ["a", "^b", "a", None]})
    found = frame.select(
        a=pt.col("t").str.contains(pt.col("p")),
        b=pt.col("t").str.strip_prefix(pt.col("p")),
        c=pt.col("t").str.split(pt.col("p")),
        d=pt.lit("abc").str.starts_with(pt.col("p")),
    ).to_pydict()
    assert found == {
        "a": [True, True, None, None],
        "b": ["bc", "bcd", None, None],
        "c": [["", "bc"], ["bcd"], None, None],
        "d": [True, False, True, None],
    }


def test_texts_of_a_group_as_one_and_its_categories() -> None:
    frame = pt.from_pydict({"k": [1, 1, 2, 2], "s": ["b", "a", None, "b"]})
    texts = {
        "joined": S.str.concat("-"),
        "strict": S.str.join("-", ignore_nulls=False),
        "categories": S.cast("categorical").cat.get_categories(),
    }
    assert frame.group_by("k").agg(**texts).sort("k").to_pydict() == {
        "k": [1, 2],
        "joined": ["b-a", "b"],
        "strict": ["b-a", None],
        "categories": [["a", "b"], ["b"]],
    }
    assert frame.select(S.str.concat()).to_pydict() == {"s": ["bab"]}


def test_membership_of_lists_and_nulls() -> None:
    assert one(A.is_in([1, None])) == [True, False, None]
    assert one(A.is_in([1, None], nulls_equal=True)) == [True, False, True]
    assert one(A.is_in([1], nulls_equal=True)) == [True, False, False]
    assert one(A.is_in(L)) == [True, False, None]


def test_hashes_are_the_same_in_every_process(pool: pt.Session) -> None:
    frame = pt.from_pydict({"a": list(range(50_000)), "s": [str(each) for each in range(50_000)]})
    asked = frame.select(pt.col("a").hash(), pt.col("s").hash(7))
    with pt.config.set(small_query_bytes=0, partition_bytes="64KiB"):
        found = asked.collect().to_arrow()
    with pt.config.set(executor="serial"):
        assert asked.collect().to_arrow().equals(found)
    assert len(set(found["a"].to_pylist())) == len(set(found["s"].to_pylist())) == 50_000


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        (lambda: FRAME.select(pt.element()), r"\.list\.eval"),
        (lambda: L.list.eval(A + 1), r"pt\.element\(\) alone"),
        (lambda: L.list.eval(pt.element().sum()), r"\.list\.sum\(\)"),
        (lambda: L.list.explode(), r"df\.explode"),
        (lambda: L.list[0], r"\.list\.get"),
        (lambda: FRAME.select(R.struct.field("x")), "It has: 'p' and 'q'|It has: 'p', 'q'"),
        (lambda: FRAME.select(A.list.sum()), "wants a list of numbers"),
        (lambda: FRAME.select(A.str.len_chars()), r"\.cast\(str\)"),
        (lambda: FRAME.select(A.replace({1: "x"})), "replace_strict"),
        (lambda: A.replace([1, 2], [1, 2, 3]), "2 old values and 3 new"),
        (lambda: A.replace({1: 2}, 3), "mapping"),
        (lambda: A.cut([2, 1]), "ascending"),
        (lambda: A.cut([1], labels=["x"]), "2 intervals"),
        (lambda: pt.format("{} {}", "a"), "2 places"),
        (lambda: pt.struct("a", "a"), "each field once"),
        (lambda: pt.struct(), "at least one"),
        (lambda: FRAME.select(A.is_in(S)), "list"),
        (lambda: FRAME.select(R.struct.rename_fields(["x"])), "2 different names"),
        (lambda: FRAME.select(A & True), "not defined for int64 and bool"),
        (lambda: L.list.get(1, "x", 3), "is called as"),
        (lambda: FRAME.select(S.str.extract_groups("abc")), "no groups"),
    ],
)
def test_mistakes_say_what_to_write(wrong: Callable[[], object], advice: str) -> None:
    with pytest.raises((PartitaError, AttributeError, TypeMismatch), match=advice):
        wrong()


def test_what_fails_for_a_row_says_which() -> None:
    with pytest.raises(ComputeError, match="1 of 3 lists have no element 1"):
        one(L.list.get(1))
    with pytest.raises(ComputeError, match=r"no date.*\(2024, 2, 30\)"):
        one(pt.date(2024, 2, A + 29))
