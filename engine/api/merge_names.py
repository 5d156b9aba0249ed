"""How pandas spells joins: `merge` and `merge_asof`, with suffixes for both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from ..errors import SchemaError, listed
from ..expr.node import Call, Column, Expr, When, literal
from ..plan.joins import Join
from ..plan.node import PlanNode, caller_site
from ..plan.nodes import Named, Project
from ..schema import free_name, has_column
from .columns import names
from .combining_verbs import check_frame
from .joining_verbs import JoiningVerbs
from .options import NO_INDEX, options

_KINDS = {"outer": "full"}
"""Joins that pandas calls otherwise."""


@dataclass(frozen=True, kw_only=True)
class _Apart:
    """How columns are called while both sides are told apart."""

    side: str
    """Put before the names of the right."""

    marks: tuple[str, str]
    """Columns that are true where a row is of that side, and null where it is not."""


def _apart(left: Sequence[str], right: Sequence[str]) -> _Apart:
    """Return names that no column of a frame has."""
    side = "__right "
    while any(name.startswith(side) for name in left):
        side = f"_{side}"
    others = [side + name for name in right]
    first = free_name("left there", left, others)
    return _Apart(side=side, marks=(first, free_name("right there", left, others)))


class MergeNames(JoiningVerbs):
    """The joins of pandas."""

    __slots__ = ()

    @options(
        left_index=NO_INDEX,
        right_index=NO_INDEX,
        sort="ask for the order with .sort(...) behind it",
        suffix="write suffixes=('', '_right'), or .join(..., suffix=...)",
        copy="frames never change, so nothing has to be copied",
    )
    def merge(
        self,
        right: Self,
        how: str = "inner",
        on: Any = None,
        *,
        left_on: Any = None,
        right_on: Any = None,
        suffixes: tuple[str | None, str | None] = ("_x", "_y"),
        indicator: bool | str = False,
        validate: str | None = None,
    ) -> Self:
        """Combine rows whose keys are equal: `join`, with suffixes for both sides as in pandas.

        Without any key the columns of the same name on both sides are the keys. Keys of one name
        are given once, others both. Unlike in pandas a null key meets nothing.

        Parameters
        ----------
        right : DataFrame
            The right side.
        how : {"inner", "left", "right", "outer", "cross"}
            Also the kinds of `join`, ``full``, ``semi`` and ``anti``.
        on, left_on, right_on
            Names of the keys.
        suffixes : (str, str)
            Put behind other names that both sides have.
        indicator : bool or str
            Whether a column, ``_merge`` or so called, tells where a row is from: ``both``,
            ``left_only`` or ``right_only``.
        validate : {"1:1", "1:m", "m:1", "m:m"}
            How often a key may occur on either side; also ``one_to_many`` and its like.

        Examples
        --------
        >>> import partita as pt
        >>> a = pt.from_pydict({"k": [1], "v": [5]})
        >>> b = pt.from_pydict({"k": [1], "v": [6]})
        >>> a.merge(b, on="k").to_pydict()
        {'k': [1], 'v_x': [5], 'v_y': [6]}
        """
        site = caller_site()
        check_frame(right, "merge")
        how = _KINDS.get(how, how)
        left_keys: tuple[str, ...] = ()
        right_keys: tuple[str, ...] = ()
        if how != "cross":
            left_keys, right_keys = self._merge_keys(right, on, left_on, right_on)
        elif any(each is not None for each in (on, left_on, right_on)):
            raise SchemaError("merge(how='cross') gives every pair of rows and takes no keys.")
        if how in ("semi", "anti"):
            if indicator:
                raise SchemaError(f"merge(how={how!r}) gives rows of the left alone: no indicator.")
            return self.join(right, how=how, left_on=[*left_keys], right_on=[*right_keys])
        mark = "_merge" if indicator is True else indicator or ""
        if not isinstance(mark, str):
            raise SchemaError(f"merge(indicator={indicator!r}): it is True, False or a name.")
        apart = _apart(self.schema.names, right.schema.names)
        joined = Join(
            left=_told_apart(self, "", mark and apart.marks[0]),
            right=_told_apart(right, apart.side, mark and apart.marks[1]),
            left_on=tuple(map(Column, left_keys)),
            right_on=tuple(Column(apart.side + name) for name in right_keys),
            how=how,
            coalesce=False,
            validate=_validation(validate),
            site=site,
        )
        exprs = self._merged(right, apart.side, how, left_keys, right_keys, suffixes)
        if mark:
            exprs.append((mark, _origin(apart)))
        return self._from_plan(Project(input=joined, exprs=tuple(exprs), site=site))

    def _merge_keys(
        self, right: Self, on: Any, left_on: Any, right_on: Any
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if on is None and left_on is None and right_on is None:
            on = [name for name in self.schema.names if has_column(right.schema, name)]
            if not on:
                raise SchemaError(
                    f"merge: the frames have no column in common: {listed(self.schema.names)} and"
                    f" {listed(right.schema.names)}. Give left_on= and right_on=."
                )
        if on is not None:
            if left_on is not None or right_on is not None:
                raise SchemaError("merge wants either on= or left_on= and right_on=, not both.")
            left_on = right_on = on
        if left_on is None or right_on is None:
            raise SchemaError("merge wants left_on= and right_on= together.")
        return names([left_on], self.schema, "merge"), names([right_on], right.schema, "merge")

    def _merged(
        self,
        right: Self,
        side: str,
        how: str,
        left_keys: Sequence[str],
        right_keys: Sequence[str],
        suffixes: tuple[str | None, str | None],
    ) -> list[Named]:
        """Return the columns that pandas gives, of a join in which all are told apart."""
        shared = {a for a, b in zip(left_keys, right_keys, strict=False) if a == b}
        clashing = (set(self.schema.names) & set(right.schema.names)) - shared
        mine, others = _ends(suffixes)
        exprs: list[Named] = []
        for name in self.schema.names:
            expr: Expr = Column(name)
            if name in shared and how in ("right", "full"):
                expr = Call("coalesce", (expr, Column(side + name)))
            exprs.append((name + mine if name in clashing else name, expr))
        for name in right.schema.names:
            if name not in shared:
                given = name + others if name in clashing else name
                exprs.append((given, Column(side + name)))
        return exprs

    @options(
        left_index=NO_INDEX,
        right_index=NO_INDEX,
        strategy="write direction=, or .join_asof(..., strategy=...)",
        by_left="write left_by=",
        by_right="write right_by=",
    )
    def merge_asof(
        self,
        right: Self,
        on: Any = None,
        *,
        left_on: Any = None,
        right_on: Any = None,
        by: Any = None,
        left_by: Any = None,
        right_by: Any = None,
        suffixes: tuple[str | None, str | None] = ("_x", "_y"),
        tolerance: Any = None,
        allow_exact_matches: bool = True,
        direction: str = "backward",
    ) -> Self:
        """Put beside each row the nearest one of another frame: `join_asof`, spelled as in pandas.

        Neither side has to be sorted. Of two rows that are as near, ``direction="nearest"`` takes
        the later, where pandas takes the earlier.

        Parameters
        ----------
        right : DataFrame
            The frame to look in.
        on, left_on, right_on : str
            The columns whose values are compared, such as times.
        by, left_by, right_by : str or list of str, optional
            Columns that have to be equal.
        suffixes : (str, str)
            Put behind other names that both sides have.
        tolerance : number, timedelta or str, optional
            How far a row may be away at most.
        allow_exact_matches : bool
            Whether a row with the same value counts.
        direction : {"backward", "forward", "nearest"}
            Where to look for the row.

        Examples
        --------
        >>> import partita as pt
        >>> trades = pt.from_pydict({"t": [3, 6], "v": [2, 3]})
        >>> quotes = pt.from_pydict({"t": [2, 5], "v": [20, 50]})
        >>> trades.merge_asof(quotes, on="t").to_pydict()
        {'t': [3, 6], 'v_x': [2, 3], 'v_y': [20, 50]}
        """
        check_frame(right, "merge_asof")
        pairs = [(on, on) if on is not None else (left_on, right_on)]
        pairs.append((by, by) if by is not None else (left_by, right_by))
        shared = {
            a
            for mine, others in pairs
            if mine is not None and others is not None
            for a, b in zip(
                names([mine], self.schema, "merge_asof"),
                names([others], right.schema, "merge_asof"),
                strict=False,
            )
            if a == b
        }
        clashing = (set(self.schema.names) & set(right.schema.names)) - shared
        ends = _ends(suffixes)

        def suffixed(frame: Self, end: str) -> Self:
            named = {name: name + end if name in clashing else name for name in frame.columns}
            exprs = tuple((given, Column(name)) for name, given in named.items())
            return frame._from_plan(Project(input=frame.plan, exprs=exprs))

        def renamed(keys: Any, frame: Self, end: str) -> list[str] | None:
            if keys is None:
                return None
            found = names([keys], frame.schema, "merge_asof")
            return [name + end if name in clashing else name for name in found]

        (left_order, right_order), (left_keys, right_keys) = pairs
        return suffixed(self, ends[0]).join_asof(
            suffixed(right, ends[1]),
            left_on=renamed(left_order, self, ends[0]),
            right_on=renamed(right_order, right, ends[1]),
            by_left=renamed(left_keys, self, ends[0]),
            by_right=renamed(right_keys, right, ends[1]),
            strategy=direction,
            tolerance=tolerance,
            allow_exact_matches=allow_exact_matches,
        )


_VALIDATIONS = {
    "one_to_one": "1:1",
    "one_to_many": "1:m",
    "many_to_one": "m:1",
    "many_to_many": "m:m",
}


def _ends(suffixes: Any) -> tuple[str, str]:
    """Return the suffixes of both sides, None as an empty one."""
    pair = tuple(suffixes) if isinstance(suffixes, list | tuple) else ()
    if len(pair) != 2 or not all(each is None or isinstance(each, str) for each in pair):
        raise SchemaError(
            f"merge(suffixes={suffixes!r}): it is a pair, one for each side, as in ('', '_right')."
        )
    return pair[0] or "", pair[1] or ""


def _validation(validate: str | None) -> str:
    return "m:m" if validate is None else _VALIDATIONS.get(validate, validate)


def _told_apart(frame: JoiningVerbs, prefix: str, mark: str) -> PlanNode:
    """Return the plan of a frame with `prefix` before its names, and a mark where one is named."""
    exprs: list[Named] = [(prefix + name, Column(name)) for name in frame.schema.names]
    if mark:
        exprs.append((mark, literal(True)))
    return Project(input=frame.plan, exprs=tuple(exprs))


def _origin(apart: _Apart) -> Expr:
    """Return from which sides a row is, by the marks that are there."""
    left_only = Call("is_null", (Column(apart.marks[1]),))
    right_only = Call("is_null", (Column(apart.marks[0]),))
    values = literal("left_only"), literal("right_only")
    return When((left_only, right_only), values, literal("both"))
