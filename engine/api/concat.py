"""Frames one below the other, or side by side."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from .. import schema as schemas
from ..errors import DuplicateColumn, SchemaError, listed
from ..expr.node import Cast, Column, Expr, Literal
from ..plan.node import PlanNode, Site, caller_site
from ..plan.nodes import Named, Project, Union
from ..plan.shape import Beside
from .combining_verbs import kind_of
from .dataframe import DataFrame
from .frame import Frame
from .options import NO_INDEX, options


@options(
    ignore_index=NO_INDEX,
    axis="write how='horizontal' for frames side by side; to match rows by a key, .join(...)",
    join="write how='diagonal' where columns differ",
    strict="write how='horizontal_extend' to fill up what is shorter",
    parallel="leave it out",
    rechunk="leave it out",
)
def concat(frames: Iterable[DataFrame], how: str = "vertical") -> DataFrame:
    """Put frames one below the other, or side by side.

    Parameters
    ----------
    frames : iterable of DataFrame
        At least one.
    how : str
        ``vertical``: one below the other; all have the same columns, in the same order and of the
        same types.
        ``vertical_relaxed``: types that differ are widened.
        ``diagonal``, also called ``diagonal_relaxed``: columns that some frames lack are null
        there, and types are widened.
        ``horizontal``: side by side, the first row with the first, and so on; all have as many
        rows. It is done partition by partition.
        ``horizontal_extend``: frames with fewer rows are filled up with null.

    Returns
    -------
    DataFrame
        The rows in the order of the frames.

    Raises
    ------
    SchemaError
        If the columns do not agree.
    ComputeError
        When run: if frames side by side have not as many rows.

    Examples
    --------
    >>> import partita as pt
    >>> a, b = pt.from_pydict({"x": [1]}), pt.from_pydict({"x": [2], "y": ["n"]})
    >>> pt.concat([a, b], how="diagonal").to_pydict()
    {'x': [1, 2], 'y': [None, 'n']}
    >>> pt.concat([a, b.rename({"x": "z"})], how="horizontal").to_pydict()
    {'x': [1], 'z': [2], 'y': ['n']}
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
    if how not in _WAYS:
        raise SchemaError(f"concat(how={how!r}): it is one of {listed(_WAYS)}.")
    if not frames:
        raise SchemaError("concat needs at least one frame.")
    plans = [frame.plan for frame in frames]
    if how.startswith("horizontal"):
        return _side_by_side(frames, extend=how == "horizontal_extend", site=site)
    if how == "vertical_relaxed":
        _check_same_names([plan.schema for plan in plans])
    if how != "vertical":
        labelled = [(f"frame {number}", plan.schema) for number, plan in enumerate(plans, start=1)]
        target = schemas.unify(labelled)
        plans = [_widened(plan, target, site) for plan in plans]
    if len(plans) == 1:
        return frames[0]
    return DataFrame._from_plan(Union(parts=tuple(plans), site=site))


_WAYS = (
    *("vertical", "vertical_relaxed", "diagonal", "diagonal_relaxed"),
    *("horizontal", "horizontal_extend"),
)


def _side_by_side(frames: list[DataFrame], *, extend: bool, site: Site | None) -> DataFrame:
    seen: dict[str, int] = {}
    for number, frame in enumerate(frames, start=1):
        for name in frame.columns:
            if name in seen:
                raise DuplicateColumn(
                    f"concat: frames {seen[name]} and {number} both have a column {name!r}. Rename"
                    " or drop one of them first."
                )
            seen[name] = number
    if len(frames) == 1:
        return frames[0]
    parts = tuple(frame.plan for frame in frames)
    return DataFrame._from_plan(Beside(parts=parts, extend=extend, site=site))


def _check_same_names(found: list[pa.Schema]) -> None:
    for number, schema in enumerate(found[1:], start=2):
        if schema.names != found[0].names:
            raise SchemaError(
                f"concat: frame 1 has the columns {listed(found[0].names)}, frame {number} has"
                f" {listed(schema.names)}. Select them in the same order, or use how='diagonal'."
            )


def _widened(plan: PlanNode, target: pa.Schema, site: Site | None) -> PlanNode:
    """Return `plan` with the columns of `target`; those it lacks are null."""
    if schemas.same(plan.schema, target):
        return plan
    exprs: tuple[Named, ...] = tuple((field.name, _column(plan.schema, field)) for field in target)
    return Project(input=plan, exprs=exprs, site=site)


def _column(schema: pa.Schema, field: pa.Field) -> Expr:
    if not schemas.has_column(schema, field.name):
        return Literal(pa.scalar(None, field.type), typed=True)
    same = schema.field(field.name).type == field.type
    return Column(field.name) if same else Cast(Column(field.name), field.type)
