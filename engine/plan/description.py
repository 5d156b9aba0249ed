"""What to tell a reader about one node: the words that the text tree and the graph share.

How it is laid out is the matter of `display` and `graph`.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import PlanError
from ..expr.aggregates import AGGREGATES
from ..expr.node import Agg, Column, Expr, SortKey
from ..expr.user_code import name_of
from .group_rows import GroupRows
from .joins import AsofJoin, RangeJoin
from .node import PlanNode
from .nodes import (
    Aggregate,
    Distinct,
    Filter,
    Join,
    MapBatches,
    Named,
    Project,
    Scan,
    Slice,
    Sort,
    Union,
    Write,
    show,
)
from .partitioning import Cache, Repartition, TakePartitions
from .rolling import Rolling
from .shape import Beside, Explode, RandomBits, Reverse, RowIndex, Unnest
from .together import RunFunction, Together
from .user_functions import MapGroups, Reduce
from .windows import WindowColumns

MOST_NAMES = 10
"""Names of a list that are written out; the rest is counted."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """One node in words, free of line breaks and control characters."""

    kind: str
    """What it is, such as ``SCAN``."""

    subject: str = ""
    """What it is about: the source, the predicate, the keys."""

    details: tuple[tuple[str, str], ...] = ()
    """More, as label and value."""


def clean(text: str) -> str:
    r"""Return `text` with what could break a line or hide other text written as an escape.

    >>> clean("a\nb")
    'a\\nb'
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def text_width(text: str) -> int:
    """Return how many cells of a fixed-width font `text` takes."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def names_text(names: Iterable[str]) -> str:
    """Return names joined with commas, shortened past `MOST_NAMES`."""
    names = list(names)
    shown = ", ".join(names[:MOST_NAMES])
    more = len(names) - MOST_NAMES
    return f"{shown}, ... {more} more" if more > 0 else shown


def count_text(number: float) -> str:
    """Return a count as a reader takes it in at once.

    >>> count_text(1234567.0), count_text(12)
    ('1.23M', '12')
    """
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if number >= size:
            return f"{number / (1e3 if unit == 'k' else size):.3g}{unit}"
    return f"{number:.0f}"


def describe_node(node: PlanNode, partition_bytes: int | None = None) -> Description:
    """Return `node` in words.

    Parameters
    ----------
    node
        The node; its inputs are not described.
    partition_bytes
        Where given, a scan asks its source (of metadata only) what it need not read.
    """
    found = _describe(node, partition_bytes)
    return Description(
        kind=found.kind,
        subject=clean(found.subject),
        details=tuple((label, clean(value)) for label, value in found.details),
    )


@functools.singledispatch
def _describe(node: PlanNode, partition_bytes: int | None) -> Description:
    raise PlanError(f"A {type(node).__name__} node has no description.")


@_describe.register
def _(node: Scan, partition_bytes: int | None) -> Description:
    pushdown, everything = node.pushdown, node.source.schema.names
    if pushdown.columns is None:
        details = [("columns", str(len(everything)))]
    else:
        listed = names_text(pushdown.columns)
        details = [("columns", f"{len(pushdown.columns)} of {len(everything)} [{listed}]")]
    if pushdown.predicate is not None:
        details.append(("where", show(pushdown.predicate)))
    if pushdown.limit is not None:
        details.append(("limit", str(pushdown.limit)))
    if partition_bytes is not None:
        pruned = node.source.plan(pushdown, partition_bytes).pruned
        details += [(what, f"{read} of {total}") for what, (read, total) in pruned.items()]
    return Description(kind="SCAN", subject=node.source.label, details=tuple(details))


_GROUPS_IN_ORDER = "kept, groups are gathered"


@_describe.register
def _(node: Filter, partition_bytes: int | None) -> Description:
    return Description(kind="FILTER", subject=show(node.predicate))


@_describe.register
def _(node: Project, partition_bytes: int | None) -> Description:
    return Description(kind="PROJECT", subject=_named_text(node.exprs))


@_describe.register
def _(node: Aggregate, partition_bytes: int | None) -> Description:
    keys = f"by {_named_text(node.keys)}" if node.keys else "all rows"
    details = [("gives", _named_text(node.aggs))] if node.aggs else []
    gathered = () if node.keys else _gathered(node)
    if gathered:
        details.append(("gathers", f"the values of {names_text(gathered)}"))
    if node.maintain_order:
        details.append(("order", _GROUPS_IN_ORDER))
    return Description(kind="AGGREGATE", subject=keys, details=tuple(details))


def _gathered(node: Aggregate) -> tuple[str, ...]:
    """Return what all values come together of, in one place where there are no keys."""
    aggs = [expr for _, expr in node.aggs if isinstance(expr, Agg)]
    whole = [agg for agg in aggs if AGGREGATES[agg.name].holistic]
    return tuple(dict.fromkeys(show(each) for agg in whole for each in agg.inputs))


@_describe.register
def _(node: GroupRows, partition_bytes: int | None) -> Description:
    which = "last" if node.last else "first"
    details = (("order", _GROUPS_IN_ORDER),) if node.maintain_order else ()
    subject = f"{which} {node.count} by {names_text(node.keys)}"
    return Description(kind="GROUP ROWS", subject=subject, details=details)


@_describe.register
def _(node: Join, partition_bytes: int | None) -> Description:
    pairs = zip(node.left_on, node.right_on, strict=True)
    keys = names_text(f"{show(left)} = {show(right)}" for left, right in pairs)
    details = []
    if node.nulls_equal:
        details.append(("nulls", "equal"))
    if node.validate != "m:m":
        details.append(("validate", node.validate))
    if node.maintain_order:
        kept = "kept" if node.maintain_order.startswith("left") else node.maintain_order
        details.append(("order", kept))
    subject = f"on {keys}" if keys else "of all pairs"
    return Description(kind=f"JOIN {node.how}", subject=subject, details=tuple(details))


@_describe.register
def _(node: AsofJoin, partition_bytes: int | None) -> Description:
    pairs = zip((node.left_on, *node.left_by), (node.right_on, *node.right_by), strict=True)
    on, *by = (f"{show(left)} = {show(right)}" for left, right in pairs)
    found = {"backward": "the last at or before", "forward": "the first at or after"}
    details = [("finds", found.get(node.strategy, "the nearest"))]
    if by:
        details.append(("by", names_text(by)))
    if node.tolerance is not None:
        details.append(("within", f"{node.tolerance}{node.unit()}"))
    if not node.allow_exact_matches:
        details.append(("exact", "not"))
    details += [("searched", "the right, sorted"), ("order", "of the left")]
    return Description(kind="JOIN asof", subject=f"on {on}", details=tuple(details))


@_describe.register
def _(node: RangeJoin, partition_bytes: int | None) -> Description:
    words = []
    for end, inclusive, strict in ((node.low, ">=", ">"), (node.high, "<=", "<")):
        if end is not None:
            words.append(f"{show(node.point)} {inclusive if end.inclusive else strict}")
            words[-1] += f" {show(end.expr)}"
    point = (("searched", f"the {node.point_side}, sorted"),)
    return Description(kind="JOIN range", subject=f"on {' and '.join(words)}", details=point)


@_describe.register
def _(node: Sort, partition_bytes: int | None) -> Description:
    details = () if node.limit is None else (("first", str(node.limit)),)
    keys = names_text(_sort_key_text(key) for key in node.by)
    return Description(kind="SORT", subject=f"by {keys}", details=details)


@_describe.register
def _(node: Slice, partition_bytes: int | None) -> Description:
    length = "all" if node.length is None else str(node.length)
    if node.offset == 0:
        return Description(kind="SLICE", subject=f"first {length}")
    if node.offset < 0:
        return Description(kind="SLICE", subject=f"{length} from {-node.offset} before the end")
    return Description(kind="SLICE", subject=f"{length} after the first {node.offset}")


@_describe.register
def _(node: Distinct, partition_bytes: int | None) -> Description:
    subject = "of all columns" if node.subset is None else f"of {names_text(node.subset)}"
    details = [] if node.keep == "any" else [("keep", node.keep)]
    if node.maintain_order:
        details.append(("order", _GROUPS_IN_ORDER))
    return Description(kind="DISTINCT", subject=subject, details=tuple(details))


@_describe.register
def _(node: Union, partition_bytes: int | None) -> Description:
    return Description(kind="UNION", subject=f"of {len(node.parts)}")


@_describe.register
def _(node: Explode, partition_bytes: int | None) -> Description:
    details = []
    if node.empty_as_null:
        details.append(("empty lists", "null"))
    if not node.keep_nulls:
        details.append(("nulls", "left out"))
    return Description(kind="EXPLODE", subject=names_text(node.columns), details=tuple(details))


@_describe.register
def _(node: RowIndex, partition_bytes: int | None) -> Description:
    start = f" from {node.offset}" if node.offset else ""
    return Description(kind="ROW INDEX", subject=f"{node.name}{start}")


@_describe.register
def _(node: RandomBits, partition_bytes: int | None) -> Description:
    return Description(kind="RANDOM BITS", subject=node.name, details=(("seed", str(node.seed)),))


@_describe.register
def _(node: Unnest, partition_bytes: int | None) -> Description:
    return Description(kind="UNNEST", subject=names_text(node.columns))


@_describe.register
def _(node: Reverse, partition_bytes: int | None) -> Description:
    return Description(kind="REVERSE", subject="all rows")


@_describe.register
def _(node: Beside, partition_bytes: int | None) -> Description:
    details = (("shorter", "filled with null"),) if node.extend else ()
    return Description(kind="SIDE BY SIDE", subject=f"of {len(node.parts)}", details=details)


@_describe.register
def _(node: MapBatches, partition_bytes: int | None) -> Description:
    name = name_of(node.function)
    takes = "partition" if node.whole_partition else "batch"
    details = (("takes", f"{node.takes} {takes}"), ("gives", names_text(node.schema.names)))
    return Description(kind="MAP", subject=name, details=details)


@_describe.register
def _(node: Rolling, partition_bytes: int | None) -> Description:
    details = [("gives", _named_text(node.aggs)), ("closed", node.closed)]
    if node.keys:
        details.insert(0, ("by", _named_text(node.keys)))
    window = f"{node.period} of {node.on}, from {node.offset}"
    return Description(kind="ROLLING", subject=window, details=tuple(details))


@_describe.register
def _(node: MapGroups, partition_bytes: int | None) -> Description:
    details = [("takes", node.takes), ("gives", names_text(node.schema.names))]
    if node.maintain_order:
        details.append(("order", _GROUPS_IN_ORDER))
    subject = f"{name_of(node.function)} by {_named_text(node.keys)}"
    return Description(kind="MAP GROUPS", subject=subject, details=tuple(details))


@_describe.register
def _(node: Reduce, partition_bytes: int | None) -> Description:
    names = f"{name_of(node.function)}, then {name_of(node.combine)} of two and two"
    return Description(kind="REDUCE", subject=names)


@_describe.register
def _(node: Together, partition_bytes: int | None) -> Description:
    return Description(kind="TOGETHER", subject=f"{len(node.parts)} results")


@_describe.register
def _(node: RunFunction, partition_bytes: int | None) -> Description:
    rows = [each for each in node.arguments if not isinstance(each, RunFunction)]
    details = (("rows", "gathered"),) if rows else ()
    return Description(kind="RUN", subject=name_of(node.call.function), details=details)


@_describe.register
def _(node: Repartition, partition_bytes: int | None) -> Description:
    wanted = []
    if node.count is not None:
        wanted.append(f"into {node.count}")
    if node.size is not None:
        wanted.append(f"of {count_text(node.size)} bytes")
    if node.keys:
        wanted.append(f"by {names_text(node.keys)}")
    return Description(kind="REPARTITION", subject=" ".join(wanted))


@_describe.register
def _(node: TakePartitions, partition_bytes: int | None) -> Description:
    return Description(kind="PARTITIONS", subject=names_text(map(str, node.numbers)))


@_describe.register
def _(node: Cache, partition_bytes: int | None) -> Description:
    return Description(kind="CACHE", subject="made once for all that read it")


@_describe.register
def _(node: WindowColumns, partition_bytes: int | None) -> Description:
    subject = _named_text(node.functions)
    if node.keys:
        subject += f" over {names_text(show(key) for key in node.keys)}"
    if node.order_by:
        subject += f" order by {names_text(_sort_key_text(key) for key in node.order_by)}"
    details = (("gathers", "all rows"),) if node.gathers else ()
    return Description(kind="WINDOW", subject=subject, details=details)


@_describe.register
def _(node: Write, partition_bytes: int | None) -> Description:
    return Description(kind="WRITE", subject=node.sink.label)


def _named_text(exprs: tuple[Named, ...]) -> str:
    return names_text(_one_named(name, expr) for name, expr in exprs)


def _one_named(name: str, expr: Expr) -> str:
    return name if expr == Column(name) else f"{name} = {show(expr)}"


def _sort_key_text(key: SortKey) -> str:
    order = " desc" if key.descending else ""
    nulls = " nulls last" if key.nulls_last else ""
    return f"{show(key.expr)}{order}{nulls}"
