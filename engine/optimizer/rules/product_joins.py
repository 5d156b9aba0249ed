"""A filter above a cross join becomes a join: by keys where columns of both sides have to be equal,
else by a range where they have to be less or greater. What else has to hold is filtered above.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from ...errors import TypeMismatch
from ...expr.conjunctions import conjunction, conjuncts
from ...expr.evaluate import dtype_of
from ...expr.node import Alias, Call, Cast, Column, Expr, Literal, When, columns_of, substitute
from ...expr.python_call import PythonCall
from ...plan.identity import parent_counts
from ...plan.joins import Join, RangeEnd, RangeJoin, has_distances
from ...plan.node import PlanNode, Site
from ...plan.nodes import Filter
from ...schema import promote
from ..context import Context
from ..properties import may_raise

_TURNED = {"eq": "eq", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
"""Comparisons, and what each is with its sides changed over."""


def product_joins(plan: PlanNode, context: Context) -> PlanNode:
    """Return `plan` with joins in place of cross joins whose pairs are filtered."""
    if not any(isinstance(node, Join) and node.how == "cross" for node in plan.nodes):
        return plan
    parents = parent_counts(plan)
    built: dict[int, PlanNode] = {}
    for node in plan.walk():
        after = node.with_inputs(tuple(built[id(child)] for child in node.inputs))
        # A product that others read as well is made in any case.
        if isinstance(node, Filter) and parents[id(node.input)] == 1:
            assert isinstance(after, Filter)
            after = _joined(after)
        built[id(node)] = after
    return built[id(plan)]


def filtered_product(product: Join, predicates: Sequence[Expr], site: Site | None) -> PlanNode:
    """Return the pairs of rows for which `predicates` hold, joined by those that are equalities.

    Unlike the rule, this takes keys that may raise as well: here they are asked for as such.
    """
    conditions = [part for predicate in predicates for part in conjuncts(predicate)]
    between = _comparisons(conditions, product)
    allowed = (*_ROW_WISE, PythonCall)
    between = [each for each in between if _is_made_of(each, allowed)]
    keys = [each for each in between if _is_key(each, product)]
    used = [each.condition for each in keys]
    pairs = _key_join(product, keys) if keys else product
    rest = conjunction(tuple(each for each in conditions if each not in used))
    return pairs if rest is None else Filter(input=pairs, predicate=rest, site=site)


class _Comparison(NamedTuple):
    """A condition between an expression over the left and one over the right."""

    test: str
    left: Expr
    right: Expr
    condition: Expr


def _joined(node: Filter) -> PlanNode:
    """Return a join in place of a filter over a cross join; `node` itself if there is none."""
    product = node.input
    if not isinstance(product, Join) or product.how != "cross" or product.maintain_order:
        return node
    conditions = conjuncts(node.predicate)
    # A function of the user's own may see in which rows it is called: it stays where it is.
    between = [each for each in _comparisons(conditions, product) if _is_made_of(each, _ROW_WISE)]
    # Keys are computed for all rows of a side, also where the other side has none to compare with.
    safe = [each for each in between if not may_raise(each.condition, product.schema)]
    keys = [each for each in safe if _is_key(each, product)]
    used: list[Expr]
    if keys:
        join: PlanNode = _key_join(product, keys)
        used = [each.condition for each in keys]
    else:
        ranges = [each for each in between if _is_range(each, product)]
        if not ranges:
            return node
        join, used = _range_join(product, ranges)
    rest = conjunction(tuple(each for each in conditions if each not in used))
    return join if rest is None else Filter(input=join, predicate=rest, site=node.site)


_ROW_WISE = (Column, Literal, Call, Cast, Alias, When)
"""What has the same value for a row of one side, whatever it is paired with."""


def _is_made_of(each: _Comparison, kinds: tuple[type[Expr], ...]) -> bool:
    return all(isinstance(node, kinds) for node in each.condition.walk())


def _comparisons(conditions: Sequence[Expr], product: Join) -> list[_Comparison]:
    found = (_comparison(condition, product) for condition in conditions)
    return [each for each in found if each is not None]


def _comparison(condition: Expr, product: Join) -> _Comparison | None:
    if not isinstance(condition, Call) or condition.name not in _TURNED:
        return None
    of_left = {given for _, given in product.left_columns()}
    of_right: dict[str, Expr] = {given: Column(name) for name, given in product.right_columns()}
    one, other = condition.args
    reads = columns_of(one), columns_of(other)
    if not all(reads):
        return None
    if reads[0] <= of_left and reads[1] <= set(of_right):
        return _Comparison(condition.name, one, substitute(other, of_right), condition)
    if reads[1] <= of_left and reads[0] <= set(of_right):
        turned = _TURNED[condition.name]
        return _Comparison(turned, other, substitute(one, of_right), condition)
    return None


def _types(each: _Comparison, product: Join) -> tuple[pa.DataType, pa.DataType]:
    return dtype_of(each.left, product.left.schema), dtype_of(each.right, product.right.schema)


def _common_type(each: _Comparison, product: Join) -> pa.DataType | None:
    try:
        return promote(*_types(each, product))
    except TypeMismatch:
        return None


def _is_key(each: _Comparison, product: Join) -> bool:
    dtype = _common_type(each, product)
    return each.test == "eq" and dtype is not None and not pa.types.is_nested(dtype)


def _is_range(each: _Comparison, product: Join) -> bool:
    # What may raise is no obstacle here: it is computed once both sides are known to have rows.
    dtype = _common_type(each, product)
    return each.test != "eq" and dtype is not None and has_distances(dtype)


def _key_join(product: Join, keys: Sequence[_Comparison]) -> Join:
    return Join(
        left=product.left,
        right=product.right,
        left_on=tuple(each.left for each in keys),
        right_on=tuple(each.right for each in keys),
        coalesce=False,
        suffix=product.suffix,
        site=product.site,
    )


def _range_join(product: Join, ranges: Sequence[_Comparison]) -> tuple[RangeJoin, list[Expr]]:
    """Return the join by the best of `ranges`, and the conditions that it fulfils."""
    for side in ("left", "right"):
        for each in ranges:
            low, high = _ends(each, side, ranges)
            if low is not None and high is not None:
                return _range(product, side, each, low, high)
    first = ranges[0]
    return _range(product, "left", first, *_ends(first, "left", [first]))


def _ends(
    point: _Comparison, side: str, ranges: Sequence[_Comparison]
) -> tuple[_Comparison | None, _Comparison | None]:
    """Return the conditions that bound the same value as `point`, from below and from above."""
    same = [each for each in ranges if _of(each, side) == _of(point, side)]
    below = ("gt", "ge") if side == "left" else ("lt", "le")
    low = next((each for each in same if each.test in below), None)
    high = next((each for each in same if each.test not in below), None)
    return low, high


def _of(each: _Comparison, side: str) -> Expr:
    return each.left if side == "left" else each.right


def _range(
    product: Join,
    side: str,
    point: _Comparison,
    low: _Comparison | None,
    high: _Comparison | None,
) -> tuple[RangeJoin, list[Expr]]:
    other = "right" if side == "left" else "left"

    def end(each: _Comparison | None) -> RangeEnd | None:
        if each is None:
            return None
        return RangeEnd(expr=_of(each, other), inclusive=each.test in ("le", "ge"))

    join = RangeJoin(
        left=product.left,
        right=product.right,
        point=_of(point, side),
        point_side=side,
        low=end(low),
        high=end(high),
        suffix=product.suffix,
        site=product.site,
    )
    return join, [each.condition for each in (low, high) if each is not None]
