"""Leave out before an aggregation, or before a side is built, what the join above leaves out.

Where one side of a join is small, the rows of the other whose key it does not have need not be
grouped, sorted into windows or built first: of ``few.join(many.group_by("k").agg(...), on="k")``
only the rows of `many` with a key of `few` are grouped. The small side is made once: its keys go
into a semi join on the other side (Bernstein and Chiu, "Using Semi-Joins to Solve Relational
Queries", 1981), and then it is joined as before. A selective semi join of the user's goes down in
the same way, with nothing made twice.

Groups and windows are kept or left out as a whole, so those that stay are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ...expr.node import Agg, Column, Expr
from ...plan.group_rows import GroupRows
from ...plan.identity import parent_counts
from ...plan.node import PlanNode
from ...plan.nodes import Aggregate, Distinct, Filter, Join, Project
from ...plan.partitioning import Cache
from ...plan.windows import WindowColumns
from ..context import Context
from ..estimate import estimate
from ..sharing import repeatable
from .redundant_nodes import ORDER_FREE

LEAST_ROWS = 50_000
"""To be spared: a semi join makes one more stage, about 2 ms, in which so many rows are grouped."""

MOST_SHARE = 0.5
"""Of the rows, those that may be left: else too little is spared."""

MOST_MOVED = 0.2
"""The same for a semi join that goes below other joins, which may leave out as much."""

LEAST_RATIO = 4
"""Rows that are looked at for each one of the side that is made once and kept."""

MOST_WAITED = 4
"""So many times the rows are rather taken than waited for a further join to leave them out."""

_MOST_STEPS = 32

_RIGHT_REDUCED = ("inner", "left", "semi", "anti")
"""Joins that give no row of the right which meets nothing."""

_LEFT_REDUCED = ("inner", "right")


def semi_join_reduction(plan: PlanNode, context: Context) -> PlanNode:
    """Return `plan` with semi joins below what is grouped, and below sides that are built."""
    for _ in range(_MOST_STEPS):
        after = _one_step(plan, context)
        if after is plan:
            break
        plan = after
    return plan


def _one_step(plan: PlanNode, context: Context) -> PlanNode:
    """Return `plan` with one join more reduced, from above; `plan` where none is left."""
    nodes = list(plan.walk())
    joins = [node for node in nodes if isinstance(node, Join) and _is_plain(node)]
    ways = [way for join in reversed(joins) for way in _ways(join)]
    if not ways:
        return plan
    look = _Look(plan, context)
    for way in ways:
        after = look.taken(way)
        if after is not None:
            return _replaced(nodes, way.join, after)
    return plan


def _replaced(nodes: Iterable[PlanNode], before: PlanNode, after: PlanNode) -> PlanNode:
    built: dict[int, PlanNode] = {}
    last = before
    for node in nodes:
        if node is before:
            built[id(node)] = after
        else:
            built[id(node)] = node.with_inputs(tuple(built[id(child)] for child in node.inputs))
        last = node
    return built[id(last)]


def _is_plain(node: Join) -> bool:
    """Return whether a join gives what its keys say: no order, no count of rows is asked of it."""
    return not node.maintain_order and node.validate == "m:m" and node.how != "cross"


@dataclass(frozen=True, kw_only=True)
class _Way:
    """A semi join that could be put below one side of a join."""

    join: Join
    is_left: bool
    """Which side is reduced."""

    is_moved: bool = False
    """Whether it is the join itself that goes down."""

    names: tuple[str, ...]
    """The keys on that side."""

    @property
    def target(self) -> PlanNode:
        return self.join.left if self.is_left else self.join.right

    @property
    def source(self) -> PlanNode:
        return self.join.right if self.is_left else self.join.left

    @property
    def source_on(self) -> tuple[Expr, ...]:
        return self.join.right_on if self.is_left else self.join.left_on

    @property
    def is_built(self) -> bool:
        """Whether the side is built, whatever its size: then it is worth being made smaller."""
        return not self.is_left and self.join.how in ("left", "semi", "anti")


def _ways(join: Join) -> list[_Way]:
    """Return where a semi join could go, as far as the nodes tell."""
    found = []
    for is_left, kinds in ((False, _RIGHT_REDUCED), (True, (*_LEFT_REDUCED, "semi"))):
        on = join.left_on if is_left else join.right_on
        if join.how not in kinds or not all(isinstance(key, Column) for key in on):
            continue
        way = _Way(
            join=join,
            is_left=is_left,
            is_moved=is_left and join.how == "semi",
            names=tuple(key.name for key in on if isinstance(key, Column)),
        )
        if way.is_built or _holds_breaker(way.target, joins=way.is_moved):
            found.append(way)
    return found


def _holds_breaker(node: PlanNode, *, joins: bool) -> bool:
    """Return whether there is anything on the way down that a semi join is worth going below."""
    while isinstance(node, Project | Filter):
        node = node.input
    return isinstance(node, _BREAKERS) or (joins and isinstance(node, Join))


_BREAKERS = (Aggregate, Distinct, GroupRows, WindowColumns)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a semi join goes: above `node`, which is below the steps of `path`."""

    node: PlanNode
    names: tuple[str, ...]
    path: tuple[tuple[PlanNode, int], ...]
    """From above, each node with the number of the input that is next."""

    ordered: bool
    """Whether something above sees the order of the rows."""


class _Look:
    """What has to be known of a plan to choose; worked out when it is asked for."""

    def __init__(self, plan: PlanNode, context: Context) -> None:
        self._parents: Mapping[int, int] = parent_counts(plan)
        self._repeatable = repeatable(plan)
        self._limit = context.settings.broadcast_bytes

    def taken(self, way: _Way) -> PlanNode | None:
        """Return the join reduced in this way, None where that would not pay."""
        source = self._source(way)
        place = self._place(way, source.node)
        if place is None:
            return None
        semi = Join(
            left=place.node,
            right=source.node,
            left_on=tuple(Column(name) for name in place.names),
            right_on=tuple(Column(name) for name in source.names) or way.source_on,
            how="semi",
            nulls_equal=way.join.nulls_equal,
            maintain_order="left" if place.ordered else "",
            site=way.join.site,
        )
        if not self._pays(way, place, semi):
            return None
        if way.is_moved:
            return _above(place, semi)
        made = source.node
        if self._repeatable[id(made)]:
            # Reading it again would cost more than to keep the few rows that it gives.
            made = Cache(input=made, site=made.site)
        inputs = (_above(source, made), _above(place, replace(semi, right=made)))
        return way.join.with_inputs(inputs[::-1] if way.is_left else inputs)

    def _pays(self, way: _Way, place: _Place, semi: Join) -> bool:
        there, source = estimate(place.node), estimate(semi.right)
        left = estimate(semi).rows
        if left > there.rows * (MOST_MOVED if way.is_moved else MOST_SHARE):
            return False
        if way.is_moved:
            return True
        return (
            there.rows - left >= LEAST_ROWS
            and source.rows * LEAST_RATIO <= there.rows
            and source.bytes <= self._limit
        )

    def _source(self, way: _Way) -> _Place:
        """Return where the keys are taken from: the other side, or what it is made of.

        Of several joins one upon the other, each with an aggregation, all take the keys of what
        they have in common: their other sides are then made side by side, and not in turn.
        """
        node = way.source
        names = tuple(key.name for key in way.source_on if isinstance(key, Column))
        if way.is_moved or len(names) < len(way.source_on):
            return _Place(node=node, names=(), path=(), ordered=False)
        found = _Place(node=node, names=names, path=(), ordered=False)
        most = estimate(node).rows * MOST_WAITED
        path: list[tuple[PlanNode, int]] = []
        while isinstance(node, Project | Filter | Join) and not self._is_kept(node):
            step = _step(node, names)
            if step is None:
                break
            if isinstance(node, Join) and (step[0] or not _holds_breaker(node.right, joins=False)):
                break
            path.append((node, step[0]))
            joined = isinstance(node, Join)
            node, names = node.inputs[step[0]], step[1]
            if joined and estimate(node).rows <= most:
                found = _Place(node=node, names=names, path=tuple(path), ordered=False)
        return found

    def _place(self, way: _Way, source: PlanNode) -> _Place | None:
        """Return the lowest place that is worth it; None too where the side is reduced already."""
        node, names = way.target, way.names
        if self._is_kept(node):
            return None
        origin = _origin(source)
        path: list[tuple[PlanNode, int]] = []
        ordered = below = False
        found = None
        if way.is_built:
            found = _Place(node=node, names=names, path=(), ordered=False)
        while not self._is_kept(node):
            if isinstance(node, Join) and node.how == "semi" and _origin(node.right) is origin:
                return None
            step = _step(node, names)
            if step is None:
                break
            number, names = step
            path.append((node, number))
            ordered = ordered or _sees_order(node)
            below = below or isinstance(node, _BREAKERS)
            worth = isinstance(node, _BREAKERS) or _is_worth(node, way, below=below)
            node = node.inputs[number]
            if worth:
                found = _Place(node=node, names=names, path=tuple(path), ordered=ordered)
        return found

    def _is_kept(self, node: PlanNode) -> bool:
        """Return whether `node` is made once for several readers, who need all its rows."""
        return self._parents.get(id(node), 0) > 1 and not self._repeatable[id(node)]


def _is_worth(node: PlanNode, way: _Way, *, below: bool) -> bool:
    """Return whether it is a join that a semi join is worth going below."""
    if not isinstance(node, Join):
        return False
    if way.is_moved:
        # Two semi joins would change places for ever.
        return node.how in ("inner", "left")
    return below or way.is_built


def _origin(node: PlanNode) -> PlanNode:
    """Return what a side is made of, without what was put above it for one of its readers."""
    while isinstance(node, Project | Filter | Cache):
        node = node.input
    return node


def _above(place: _Place, below: PlanNode) -> PlanNode:
    """Return the nodes above the place, over `below`."""
    node = below
    for above, number in reversed(place.path):
        inputs = list(above.inputs)
        inputs[number] = node
        node = above.with_inputs(tuple(inputs))
    return node


def _step(node: PlanNode, names: tuple[str, ...]) -> tuple[int, tuple[str, ...]] | None:
    """Return the input of `node` in which the keys `names` are, and what they are called there.

    None where rows with other keys have a say in what is given for these.
    """
    if isinstance(node, Filter):
        return 0, names
    if isinstance(node, Project):
        return _through(names, dict(node.exprs))
    if isinstance(node, Aggregate):
        return _through(names, dict(node.keys))
    if isinstance(node, Distinct):
        subset = node.schema.names if node.subset is None else node.subset
        return (0, names) if set(names) <= set(subset) else None
    if isinstance(node, GroupRows):
        return (0, names) if set(names) <= set(node.keys) else None
    if isinstance(node, WindowColumns):
        keys = {key.name for key in node.keys if isinstance(key, Column)}
        return (0, names) if set(names) <= keys else None
    if isinstance(node, Join) and _is_plain(node):
        return _into_side(node, names)
    return None


def _through(
    names: tuple[str, ...], made: Mapping[str, object]
) -> tuple[int, tuple[str, ...]] | None:
    below = [made.get(name) for name in names]
    plain = tuple(expr.name for expr in below if isinstance(expr, Column))
    return (0, plain) if len(plain) == len(names) else None


def _into_side(node: Join, names: tuple[str, ...]) -> tuple[int, tuple[str, ...]] | None:
    if node.how not in ("inner", "left", "semi", "anti"):
        return None
    left = {given: name for name, given in node.left_columns()}
    if left.keys() >= set(names):
        return 0, tuple(left[name] for name in names)
    right = {given: name for name, given in node.right_columns()}
    if node.how == "inner" and right.keys() >= set(names):
        return 1, tuple(right[name] for name in names)
    return None


def _sees_order(node: PlanNode) -> bool:
    """Return whether what `node` gives depends on the order of its rows."""
    if isinstance(node, Aggregate):
        names = {expr.name for _, expr in node.aggs if isinstance(expr, Agg)}
        return node.maintain_order or not names <= ORDER_FREE
    return isinstance(node, _BREAKERS)
