"""What looks at the elements of lists as greater, less or equal: sorting, extremes, sets.

Elements become integers that are equal and ordered as they are, so that all lists are worked on at
once: NaN is the greatest and equals itself, -0.0 equals 0.0, null equals null.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import TypeMismatch
from .coercion import unified
from .function import ANY, LIST, Example, Function, Parameter, Value
from .list_layout import Lists, beside, lists_of


def _codes(values: pa.Array) -> np.ndarray:
    """Return ``int64`` that are equal and ordered as the values are; anything under nulls."""
    dtype = values.type
    if pa.types.is_null(dtype):
        return np.zeros(len(values), np.int64)
    if pa.types.is_boolean(dtype):
        return pc.fill_null(values, False).cast(pa.int64()).to_numpy(zero_copy_only=False)
    if pa.types.is_floating(dtype):
        bits = _doubles(values).view(np.int64)
        return np.where(bits < 0, bits ^ np.iinfo(np.int64).max, bits)
    if pa.types.is_unsigned_integer(dtype) and dtype.bit_width == 64:
        filled = pc.fill_null(values, 0).to_numpy(zero_copy_only=False)
        return filled.view(np.int64) ^ np.iinfo(np.int64).min
    if pa.types.is_integer(dtype) or pa.types.is_temporal(dtype):
        plain = values
        if not pa.types.is_integer(dtype):
            plain = values.cast(pa.int32() if dtype.bit_width == 32 else pa.int64())
        return pc.fill_null(plain, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    if pa.types.is_nested(dtype):
        raise TypeMismatch(
            f"Elements of type {dtype} are not compared. Compare parts of them, as in"
            " .list.eval(pt.element().struct.field('name'))."
        )
    encoded = values.dictionary_encode()
    places = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(places), np.int64)
    rank[places] = np.arange(len(places))
    return np.append(rank, 0)[pc.fill_null(encoded.indices, len(places)).to_numpy()]


def _doubles(values: pa.Array) -> np.ndarray:
    plain = pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False).astype(np.float64) + 0.0
    # One NaN of all there are, the greatest of the positive ones.
    plain[np.isnan(plain)] = np.nan
    return plain


def _order(lists: Lists, *, descending: bool, nulls_last: bool) -> np.ndarray:
    codes = _codes(lists.values)
    missing = np.asarray(lists.values.is_null())
    codes = np.where(missing, 0, ~codes if descending else codes)
    return np.lexsort((codes, missing if nulls_last else ~missing, lists.parents))


def _sort(value: Value, descending: bool, nulls_last: bool) -> Value:
    lists = lists_of(value, "list.sort")
    return lists.take(_order(lists, descending=descending, nulls_last=nulls_last)).array()


def _extreme(value: Value, name: str, *, greatest: bool) -> tuple[Lists, np.ndarray, np.ndarray]:
    """Return the lists, where the extreme of each lies among the values, and which have none."""
    lists = lists_of(value, name)
    codes = _codes(lists.values)
    last = np.asarray(lists.values.is_null()).astype(np.int8) * 2
    if pa.types.is_floating(lists.values.type):
        # NaN is passed over where there is a number, as `min` and `max` of a column do.
        last = np.maximum(last, np.asarray(pc.fill_null(pc.is_nan(lists.values), False)))
    filled = np.flatnonzero(lists.lengths)
    places = np.zeros(len(lists), np.int64)
    none = np.ones(len(lists), bool)
    if not len(filled):
        return lists, places, none
    # Of each list the values that come first: numbers, if there are none NaN, else nulls.
    kinds = np.minimum.reduceat(last, lists.offsets[filled])
    rows = np.flatnonzero(last == np.repeat(kinds, lists.lengths[filled]))
    parents, found = lists.parents[rows], codes[rows]
    starts = np.searchsorted(parents, filled)
    best = (np.maximum if greatest else np.minimum).reduceat(found, starts)
    counts = np.diff(np.append(starts, len(rows)))
    matching = np.flatnonzero(found == np.repeat(best, counts))
    places[filled] = rows[matching[np.searchsorted(matching, starts)]]
    none[filled] = kinds == 2
    return lists, places, none


def _found(lists: Lists, places: np.ndarray, none: np.ndarray) -> pa.Array:
    mask = none if lists.mask is None else none | lists.mask
    return lists.values.take(pa.array(places, mask=mask))


def _position(lists: Lists, places: np.ndarray, none: np.ndarray) -> pa.Array:
    return lists.each(places - lists.offsets[:-1], missing=none)


def _groups(codes: np.ndarray, missing: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """Return which of the values are the first of their kind in their list."""
    codes = np.where(missing, 0, codes)
    order = np.lexsort((codes, missing, parents))
    known = [key[order] for key in (codes, missing, parents)]
    first = np.ones(len(order), bool)
    first[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in known])
    found = np.zeros(len(order), bool)
    found[order] = first
    return found


def _firsts(lists: Lists) -> np.ndarray:
    missing = np.asarray(lists.values.is_null())
    return _groups(_codes(lists.values), missing, lists.parents)


def _unique(value: Value, maintain_order: bool) -> Value:
    lists = lists_of(value, "list.unique")
    return lists.keep(_firsts(lists)).array()


def _n_unique(value: Value) -> Value:
    lists = lists_of(value, "list.n_unique")
    return lists.each(lists.keep(_firsts(lists)).lengths)


def _matches(value: Value, item: Value, name: str) -> tuple[Lists, np.ndarray]:
    """Return the lists, and which of their elements equal an item; null equals null."""
    lists = lists_of(value, name)
    if isinstance(item, pa.Scalar) and item.is_valid and not pa.types.is_floating(item.type):
        values, items = unified(lists.values, item)
        if not (pa.types.is_floating(values.type) or pa.types.is_nested(values.type)):
            return lists, np.asarray(pc.fill_null(pc.equal(values, items), False))
    items = beside(item, len(lists)).take(pa.array(lists.parents))
    values, items = unified(lists.values, items)
    both = _codes(pa.concat_arrays([values, items]))
    missing = np.asarray(values.is_null()), np.asarray(items.is_null())
    equal = both[: len(values)] == both[len(values) :]
    return lists, np.where(missing[0] | missing[1], missing[0] & missing[1], equal)


def list_contains(value: Value, item: Value, nulls_equal: bool) -> Value:
    """Return whether an element of each list equals an item."""
    lists, equal = _matches(value, item, "list.contains")
    found = lists.each(np.bincount(lists.parents[equal], minlength=len(lists)) > 0)
    if nulls_equal:
        return found
    known = pc.is_valid(beside(item, len(lists)))
    return pc.if_else(known, found, pa.scalar(None, pa.bool_()))


def _count_matches(value: Value, element: Value) -> Value:
    lists, equal = _matches(value, element, "list.count_matches")
    return lists.each(np.bincount(lists.parents[equal], minlength=len(lists)).astype(np.int64))


def _set_operation(name: str) -> Callable[[Value, Value], Value]:
    def combined(value: Value, other: Value) -> Value:
        left = lists_of(value, f"list.{name}")
        right = lists_of(beside(other, len(left)), f"list.{name}")
        ours, theirs = unified(left.values, right.values)
        both = pa.concat_arrays([ours, theirs])
        codes, missing = _codes(both), np.asarray(both.is_null())
        parents = np.concatenate([left.parents, right.parents])
        first = _groups(codes, missing, parents)
        mine = np.arange(len(both)) < len(ours)
        # Of values that both lists have, the first lies in the left one and another in the right.
        in_left = _groups(codes[mine], missing[mine], parents[mine])
        in_right = _groups(codes[~mine], missing[~mine], parents[~mine])
        firsts_apart = np.concatenate([in_left, in_right])
        twice = firsts_apart & ~first
        if name == "set_union":
            kept = first
        else:
            shared = _shared(codes, missing, parents, firsts_apart, twice)
            kept = {
                "set_intersection": firsts_apart & mine & shared,
                "set_difference": firsts_apart & mine & ~shared,
                "set_symmetric_difference": firsts_apart & ~shared,
            }[name]
        order = np.flatnonzero(kept)
        order = order[np.argsort(parents[order], kind="stable")]
        lengths = np.bincount(parents[kept], minlength=len(left)).astype(np.int64)
        valid = [each for each in (left.valid, right.valid) if each is not None]
        known = np.logical_and.reduce(valid) if valid else None
        joined = replace(left, values=both, valid=known)
        if known is not None:
            inside = known[parents[order]]
            order, lengths = order[inside], np.where(known, lengths, 0)
        return joined.take(order, lengths).array()

    return combined


def _shared(
    codes: np.ndarray,
    missing: np.ndarray,
    parents: np.ndarray,
    firsts: np.ndarray,
    twice: np.ndarray,
) -> np.ndarray:
    """Return for the first of each kind on each side whether the other side has it too."""
    rows = np.flatnonzero(firsts)
    plain = np.where(missing, 0, codes)[rows]
    order = rows[np.lexsort((plain, missing[rows], parents[rows]))]
    shared = np.zeros(len(codes), bool)
    # In this order what both sides have stands side by side, the left one's first.
    right = np.flatnonzero(twice[order])
    shared[order[right]] = True
    shared[order[right - 1]] = True
    return shared


def _entry(
    name: str,
    kernel: Callable[..., Value],
    doc: str,
    gives: list[object],
    *parameters: Parameter,
    call: str = "",
    given: list[object] | None = None,
) -> Function:
    others = tuple(
        ANY if each.name in ("item", "element") else LIST for each in parameters if each.expr
    )
    return Function(
        name=f"list.{name}",
        kernel=kernel,
        accepts=(LIST, *others),
        parameters=parameters,
        alike=False,
        doc=doc,
        example=Example(
            code=f"pt.col('a').list.{name}({call})",
            data={"a": given or [[3, 1, None, 1], [], None]},
            gives=gives,
        ),
    )


def _flag(name: str, default: bool = False) -> Parameter:
    return Parameter(name=name, default=default, types=(bool,), keyword_only=True)


_OTHER = Parameter(name="other", expr=True, names=True)
_ORDER = "In the order of their first appearance; null where a list is null."

LIST_ORDER = (
    _entry(
        "sort",
        _sort,
        "Return each list sorted; nulls first unless `nulls_last`, and NaN is the greatest.",
        [[None, 1, 1, 3], [], None],
        _flag("descending"),
        _flag("nulls_last"),
    ),
    _entry(
        "min",
        lambda value: _found(*_extreme(value, "list.min", greatest=False)),
        "Return the least element of each list; NaN is passed over where there is a number.",
        [1, None, None],
    ),
    _entry(
        "max",
        lambda value: _found(*_extreme(value, "list.max", greatest=True)),
        "Return the greatest element of each list; NaN is passed over where there is a number.",
        [3, None, None],
    ),
    _entry(
        "arg_min",
        lambda value: _position(*_extreme(value, "list.arg_min", greatest=False)),
        "Return the place of the least element of each list, the first of several.",
        [1, None, None],
    ),
    _entry(
        "arg_max",
        lambda value: _position(*_extreme(value, "list.arg_max", greatest=True)),
        "Return the place of the greatest element of each list, the first of several.",
        [0, None, None],
    ),
    _entry(
        "unique",
        _unique,
        """Return the different elements of each list, in the order of their first appearance.

        `maintain_order` is there for the sake of other libraries' users: it is always kept.""",
        [[3, 1, None], [], None],
        _flag("maintain_order"),
    ),
    _entry(
        "n_unique",
        _n_unique,
        "Return how many different elements each list has; null counts as one.",
        [3, 0, None],
    ),
    _entry(
        "contains",
        list_contains,
        "Return whether an element of the list equals `item`, null a null unless told otherwise.",
        [True, False, None],
        Parameter(name="item", expr=True),
        _flag("nulls_equal", default=True),
        call="1",
    ),
    _entry(
        "count_matches",
        _count_matches,
        "Return how many elements of the list equal `element`; null equals null.",
        [2, 0, None],
        Parameter(name="element", expr=True),
        call="1",
    ),
    _entry(
        "set_union",
        _set_operation("set_union"),
        f"Return the different elements of two lists.\n\n        {_ORDER}",
        [[3, 1, None, 5], [1, 5], None],
        _OTHER,
        call="[1, 5]",
    ),
    _entry(
        "set_intersection",
        _set_operation("set_intersection"),
        f"Return the different elements that two lists share.\n\n        {_ORDER}",
        [[1], [], None],
        _OTHER,
        call="[1, 5]",
    ),
    _entry(
        "set_difference",
        _set_operation("set_difference"),
        f"Return the different elements that the other list lacks.\n\n        {_ORDER}",
        [[3, None], [], None],
        _OTHER,
        call="[1, 5]",
    ),
    _entry(
        "set_symmetric_difference",
        _set_operation("set_symmetric_difference"),
        f"Return the different elements that only one of two lists has.\n\n        {_ORDER}",
        [[3, None, 5], [1, 5], None],
        _OTHER,
        call="[1, 5]",
    ),
)
"""The functions of lists that compare elements."""
