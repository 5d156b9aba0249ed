"""Frames one below the other."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from .. import schema as schemas
from ..errors import SchemaError
from ..expr.node import Cast, Column, Expr, Literal
from ..plan.node import PlanNode, Site, caller_site
from ..plan.nodes import Named, Project, Union
from .combining_verbs import kind_of
from .dataframe import DataFrame
from .frame import Frame
from .options import NO_INDEX, options


@options(
    ignore_index=NO_INDEX,
    axis="frames are put one below the other; side by side is a .join(...)",
    join="write how='diagonal' where columns differ",
    rechunk="leave it out",
)
def concat(frames: Iterable[DataFrame], how: str = "vertical") -> DataFrame:
    """Put frames one below the other.

    Parameters
    ----------
    frames : iterable of DataFrame
        At least one.
    how : {"vertical", "diagonal"}
        ``vertical``: all have the same columns, in the same order and of the same types.
        ``diagonal``: columns that some frames lack are null there, and types are widened.

    Returns
    -------
    DataFrame
        The rows in the order of the frames.

    Raises
    ------
    SchemaError
        If the columns do not agree.

    Examples
    --------
    >>> import partita as pt
    >>> a, b = pt.from_pydict({"x": [1]}), pt.from_pydict({"x": [2], "y": ["n"]})
    >>> pt.concat([a, b], how="diagonal").to_pydict()
    {'x': [1, 2], 'y': [None, 'n']}
    """
    site = caller_site()
    if isinstance(frames, Frame):
        raise SchemaError("concat wants a list of frames, as in pt.concat([a, b]); found one.")
    frames = list(frames)
    for number, frame in enumerate(frames, start=1):
        if not isinstance(frame, DataFrame):
            raise SchemaError(
                f"concat wants frames of Partita, found {kind_of(frame)} as number {number}. Make"
                " one of it with pt.DataFrame(...)."
            )
    if how not in ("vertical", "diagonal"):
        raise SchemaError(f"concat(how={how!r}): it is one of 'vertical', 'diagonal'.")
    if not frames:
        raise SchemaError("concat needs at least one frame.")
    plans = [frame.plan for frame in frames]
    if how == "diagonal":
        labelled = [(f"frame {number}", plan.schema) for number, plan in enumerate(plans, start=1)]
        target = schemas.unify(labelled)
        plans = [_widened(plan, target, site) for plan in plans]
    if len(plans) == 1:
        return frames[0]
    return DataFrame._from_plan(Union(parts=tuple(plans), site=site))


def _widened(plan: PlanNode, target: pa.Schema, site: Site | None) -> PlanNode:
    """Return `plan` with the columns of `target`; those it lacks are null."""
    if schemas.same(plan.schema, target):
        return plan
    exprs: tuple[Named, ...] = tuple((field.name, _column(plan.schema, field)) for field in target)
    return Project(input=plan, exprs=exprs, site=site)


def _column(schema: pa.Schema, field: pa.Field) -> Expr:
    if field.name not in schema.names:
        return Literal(pa.scalar(None, field.type), typed=True)
    same = schema.field(field.name).type == field.type
    return Column(field.name) if same else Cast(Column(field.name), field.type)
