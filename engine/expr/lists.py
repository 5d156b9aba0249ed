"""The functions under ``.list`` that pick elements by their place, or take lists as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ComputeError, InvalidExpression
from .coercion import unified
from .function import (
    ANY,
    BOOLEANS,
    INTEGER,
    LIST,
    TEXT,
    TEXTS,
    Example,
    Function,
    Kind,
    Parameter,
    Value,
)
from .list_layout import Lists, beside, lists_of, whole_numbers
from .list_numbers import without_nulls


def _len(value: Value) -> Value:
    return lists_of(value, "list.len").each(lists_of(value, "list.len").lengths)


def _get(value: Value, index: Value, null_on_oob: bool) -> Value:
    lists = lists_of(value, "list.get")
    places, unknown = whole_numbers(index, len(lists))
    places, outside = _placed(places, lists.lengths)
    missing = lists.mask if unknown is None else _either(unknown, lists.mask)
    if not null_on_oob:
        _refuse_outside(outside if missing is None else outside & ~missing, index, lists)
    mask = _either(outside, missing)
    taken = np.where(mask, 0, lists.offsets[:-1] + places)
    return lists.values.take(pa.array(taken, mask=mask))


def _either(left: np.ndarray, right: np.ndarray | None) -> np.ndarray:
    return left if right is None else left | right


def _placed(places: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return places counted from the start (negative ones are from the end), and which are none."""
    places = np.where(places < 0, places + lengths, places)
    return places, (places < 0) | (places >= lengths)


def _refuse_outside(outside: np.ndarray, index: Value, lists: Lists) -> None:
    if not outside.any():
        return
    row = int(np.flatnonzero(outside)[0])
    wanted = index if isinstance(index, pa.Scalar) else index[row]
    raise ComputeError(
        f"{int(outside.sum())} of {len(lists)} lists have no element {wanted.as_py()}, the first"
        f" of them has {lists.lengths[row]}. With null_on_oob=True they give null."
    )


def _gather(value: Value, indices: Value, null_on_oob: bool) -> Value:
    lists = lists_of(value, "list.gather")
    wanted = lists_of(beside(indices, len(lists)), "list.gather")
    places, unknown = whole_numbers(wanted.values, len(wanted.values))
    parents = wanted.parents
    places, outside = _placed(places, lists.lengths[parents])
    missing = _either(outside, unknown)
    lost = outside if lists.valid is None else outside & lists.valid[parents]
    if not null_on_oob and lost.any():
        raise ComputeError(
            f"{int(lost.sum())} of the indices are of no element of their list. With"
            " null_on_oob=True they give null."
        )
    taken = pa.array(np.where(missing, 0, lists.offsets[:-1][parents] + places), mask=missing)
    valid = [each for each in (lists.valid, wanted.valid) if each is not None]
    known = np.logical_and.reduce(valid) if valid else None
    found = replace(lists, values=lists.values.take(taken), lengths=wanted.lengths, valid=known)
    return found.keep(known[parents]).array() if known is not None else found.array()


def _end(value: Value, *, last: bool) -> Value:
    return _get(value, pa.scalar(-1 if last else 0), null_on_oob=True)


def _slice(value: Value, offset: Value, length: Value) -> Value:
    lists = lists_of(value, "list.slice")
    starts, unknown = whole_numbers(offset, len(lists))
    starts = np.where(starts < 0, starts + lists.lengths, starts)
    stops = lists.lengths
    if not (isinstance(length, pa.Scalar) and not length.is_valid):
        lengths, open_end = whole_numbers(length, len(lists))
        if np.any(lengths < 0):
            raise InvalidExpression("A slice of a list has a length of at least 0.")
        stops = np.minimum(starts + lengths, lists.lengths)
        stops = stops if open_end is None else np.where(open_end, lists.lengths, stops)
    starts = np.clip(starts, 0, lists.lengths)
    found = lists.windows(starts, np.maximum(stops - starts, 0))
    if unknown is not None:
        valid = ~unknown if lists.valid is None else lists.valid & ~unknown
        found = replace(found.keep(valid[found.parents]), valid=valid)
    return found.array()


def _head(value: Value, n: int) -> Value:
    _not_negative("head", n)
    return _slice(value, pa.scalar(0), pa.scalar(n))


def _tail(value: Value, n: int) -> Value:
    _not_negative("tail", n)
    lists = lists_of(value, "list.tail")
    lengths = np.minimum(lists.lengths, n)
    return lists.windows(lists.lengths - lengths, lengths).array()


def _not_negative(name: str, n: int) -> None:
    if n < 0:
        raise InvalidExpression(f"list.{name} wants a number of at least 0, but this is {n}.")


def _reverse(value: Value) -> Value:
    lists = lists_of(value, "list.reverse")
    ends = np.repeat(lists.offsets[1:], lists.lengths)
    return lists.take(ends - 1 - lists.places).array()


def _shift(value: Value, n: Value) -> Value:
    lists = lists_of(value, "list.shift")
    steps, unknown = whole_numbers(n, len(lists))
    places = lists.places - np.repeat(steps, lists.lengths)
    outside = (places < 0) | (places >= np.repeat(lists.lengths, lists.lengths))
    first = np.repeat(lists.offsets[:-1], lists.lengths)
    values = lists.values.take(pa.array(np.where(outside, 0, first + places), mask=outside))
    found = replace(lists, values=values)
    if unknown is not None:
        valid = ~unknown if lists.valid is None else lists.valid & ~unknown
        found = replace(found.keep(valid[found.parents]), valid=valid)
    return found.array()


def _gather_every(value: Value, n: int, offset: int) -> Value:
    if n < 1 or offset < 0:
        raise InvalidExpression("list.gather_every wants n of at least 1 and offset of at least 0.")
    lists = lists_of(value, "list.gather_every")
    places = lists.places - offset
    return lists.keep((places >= 0) & (places % n == 0)).array()


def _drop_nulls(value: Value) -> Value:
    return without_nulls(value, "list.drop_nulls").array()


def _concat(value: Value, *others: Value) -> Value:
    """Return the lists of each row one behind the other."""
    arrays = [lists_of(value, "list.concat")]
    arrays += [lists_of(beside(each, len(arrays[0])), "list.concat") for each in others]
    parents = np.concatenate([each.parents for each in arrays])
    values = pa.concat_arrays([*unified(*(each.values for each in arrays))])
    valid = [each.valid for each in arrays if each.valid is not None]
    lengths = np.sum([each.lengths for each in arrays], axis=0).astype(np.int64)
    joined = replace(arrays[0], values=values).take(np.argsort(parents, kind="stable"), lengths)
    if not valid:
        return joined.array()
    known = np.logical_and.reduce(valid)
    return replace(joined.keep(known[joined.parents]), valid=known).array()


def _join(value: Value, separator: Value, ignore_nulls: bool) -> Value:
    lists = lists_of(value, "list.join")
    text = pa.large_string() if pa.types.is_large_string(lists.values.type) else pa.string()
    lists = replace(lists, values=lists.values.cast(text))
    if ignore_nulls and lists.values.null_count:
        lists = lists.keep(np.asarray(lists.values.is_valid()))
    return pc.binary_join(lists.array(), separator.cast(text)).cast(text)


def _any(value: Value) -> Value:
    lists = lists_of(value, "list.any")
    true = np.asarray(pc.fill_null(lists.values.cast(pa.bool_()), False))
    return lists.each(np.bincount(lists.parents[true], minlength=len(lists)) > 0)


def _all(value: Value) -> Value:
    lists = lists_of(value, "list.all")
    false = ~np.asarray(pc.fill_null(lists.values.cast(pa.bool_()), True))
    return lists.each(np.bincount(lists.parents[false], minlength=len(lists)) == 0)


def _to_struct(value: Value, fields: Sequence[str]) -> Value:
    found = [_get(value, pa.scalar(place), null_on_oob=True) for place in range(len(fields))]
    mask = value.is_null() if value.null_count else None
    return pa.StructArray.from_arrays(found, names=[*fields], mask=mask)


def concat_list(*values: Value) -> Value:
    """Return one list of the values of each row; what is a list gives its elements."""
    rows = max(len(each) for each in values if isinstance(each, pa.Array))
    arrays = [beside(each, rows) for each in values]
    lists = [
        each
        if LIST.contains(each.type)
        else pa.ListArray.from_arrays(pa.array(np.arange(rows + 1), pa.int32()), each)
        for each in arrays
    ]
    return _concat(*lists)


_SAMPLE: list[object] = [[3, 1, None], [], None]


def _entry(
    name: str,
    kernel: Callable[..., Value],
    doc: str,
    gives: list[object],
    *parameters: Parameter,
    call: str = "",
    given: list[object] | None = None,
    accepts: tuple[Kind, ...] = (LIST,),
) -> Function:
    return Function(
        name=f"list.{name}",
        kernel=kernel,
        accepts=accepts,
        parameters=parameters,
        alike=False,
        doc=doc,
        example=Example(
            code=f"pt.col('a').list.{name}({call})", data={"a": given or _SAMPLE}, gives=gives
        ),
    )


_OUT_OF_BOUNDS = Parameter(name="null_on_oob", default=False, types=(bool,), keyword_only=True)
_COUNT = Parameter(name="n", default=5, types=(int,))

LISTS = (
    _entry("len", _len, "Return the number of elements, nulls among them.", [3, 0, None]),
    _entry(
        "get",
        _get,
        """Return the element at a place, counted from 0 or, if negative, from the end.

        A list that has no such element raises, or gives null with `null_on_oob`.""",
        [1, None, None],
        Parameter(name="index", expr=True, names=True),
        _OUT_OF_BOUNDS,
        call="1, null_on_oob=True",
        accepts=(LIST, INTEGER),
    ),
    _entry(
        "gather",
        _gather,
        """Return the elements at several places, a list of which is given.

        An element that is not there raises, or is null with `null_on_oob`.""",
        [[3, None], [None, None], None],
        Parameter(name="indices", expr=True, names=True),
        _OUT_OF_BOUNDS,
        call="[0, -1], null_on_oob=True",
        accepts=(LIST, LIST),
    ),
    _entry(
        "first",
        lambda value: _end(value, last=False),
        "Return the first element; null of an empty list.",
        [3, None, None],
    ),
    _entry(
        "last",
        lambda value: _end(value, last=True),
        "Return the last element; null of an empty list.",
        [4, None, None],
        given=[[3, 4], [], None],
    ),
    _entry(
        "slice",
        _slice,
        "Return `length` elements (None: all) from `offset` on; a negative one is from the end.",
        [[1, None], [], None],
        Parameter(name="offset", expr=True, names=True),
        Parameter(name="length", expr=True, names=True, default=None),
        call="1, 2",
        accepts=(LIST, INTEGER, INTEGER),
    ),
    _entry("head", _head, "Return the first `n` elements.", [[3, 1], [], None], _COUNT, call="2"),
    _entry("tail", _tail, "Return the last `n` elements.", [[1, None], [], None], _COUNT, call="2"),
    _entry("reverse", _reverse, "Return the elements in reverse.", [[None, 1, 3], [], None]),
    _entry(
        "shift",
        _shift,
        "Return the elements `n` places further, nulls in the places left.",
        [[None, 3, 1], [], None],
        Parameter(name="n", expr=True, names=True, default=1),
        accepts=(LIST, INTEGER),
    ),
    _entry(
        "gather_every",
        _gather_every,
        "Return every `n`-th element, from `offset` on.",
        [[3, None], [], None],
        Parameter(name="n", types=(int,)),
        Parameter(name="offset", default=0, types=(int,)),
        call="2",
    ),
    _entry("drop_nulls", _drop_nulls, "Return the elements that are not null.", [[3, 1], [], None]),
    _entry(
        "concat",
        _concat,
        "Return the lists with the elements of other lists behind; null if one is null.",
        [[3, 1, None, 7], [7], None],
        Parameter(name="other", expr=True, names=True),
        call="[7]",
        accepts=(LIST, LIST),
    ),
    _entry(
        "join",
        _join,
        "Return the texts of each list as one; nulls are left out, or make it null.",
        ["x-y", "", None],
        Parameter(name="separator", expr=True),
        Parameter(name="ignore_nulls", default=True, types=(bool,), keyword_only=True),
        call="'-'",
        given=[["x", None, "y"], [], None],
        accepts=(TEXTS, TEXT),
    ),
    _entry(
        "any",
        _any,
        "Return whether an element is true; nulls are passed over.",
        [True, False, None],
        given=[[False, True, None], [], None],
        accepts=(BOOLEANS,),
    ),
    _entry(
        "all",
        _all,
        "Return whether no element is false; nulls are passed over.",
        [False, True, None],
        given=[[False, True, None], [], None],
        accepts=(BOOLEANS,),
    ),
    Function(
        name="list.to_struct",
        kernel=_to_struct,
        accepts=(LIST,),
        parameters=(Parameter(name="fields", types=(list, tuple)),),
        doc="Return a struct of the first elements, under the names of `fields`; null where none.",
        example=Example(
            code="pt.col('a').list.to_struct(['x', 'y'])",
            data={"a": [[3, 1], [2], None]},
            gives=[{"x": 3, "y": 1}, {"x": 2, "y": None}, None],
        ),
    ),
    Function(
        name="concat_list",
        method=False,
        kernel=concat_list,
        accepts=(ANY,),
        parameters=(Parameter(name="exprs", expr=True, names=True, variadic=True),),
        doc="Return a list of several values; what is a list gives its elements, null makes null.",
        example=Example(
            code="pt.concat_list('a', 'b')",
            data={"a": [1, None], "b": [[2, 3], [4]]},
            gives=[[1, 2, 3], [None, 4]],
        ),
    ),
)
"""The functions of lists that do not compare or compute."""
