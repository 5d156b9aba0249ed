"""The verbs that change how rows lie: lists, structs, row numbers, samples, the order."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any, Self

import pyarrow as pa

from ..errors import InvalidExpression, SchemaError
from ..expr.node import Column, Literal, SortKey
from ..plan.node import PlanNode, caller_site
from ..plan.nodes import Filter, Named, Project, Slice, Sort
from ..plan.shape import Explode, RandomBits, Reverse, RowIndex, Unnest
from ..schema import free_name
from .columns import IntoExpr, identity, names
from .constructors import col
from .expression import to_expr
from .flags import whole_number
from .frame import Frame
from .options import FRAMES_NEVER_CHANGE, NO_INDEX, options


class ShapeVerbs(Frame):
    """Verbs that make other rows or columns of lists and structs, and that count on row numbers."""

    __slots__ = ()

    @options(column="write the names by themselves: .explode('a', 'b')", ignore_index=NO_INDEX)
    def explode(
        self,
        *columns: IntoExpr | Iterable[IntoExpr],
        empty_as_null: bool = False,
        keep_nulls: bool = True,
    ) -> Self:
        """Make a row of each value of a list; the other columns are repeated.

        Parameters
        ----------
        *columns : str
            Columns of lists. Those of several are taken side by side, so in each row they have to
            be equally long.
        empty_as_null : bool
            Whether an empty list gives one row with null; by default it gives none.
        keep_nulls : bool
            Whether a null in the place of a list gives one row with null; else it gives none.

        Returns
        -------
        DataFrame
            The rows in their order.

        Raises
        ------
        TypeMismatch
            If a column has no lists.
        ComputeError
            When run: if the lists of one row are not equally long.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": [1, 2, 3], "v": [["a", "b"], [], None]})
        >>> df.explode("v").to_pydict()
        {'k': [1, 1, 3], 'v': ['a', 'b', None]}
        >>> df.explode("v", empty_as_null=True, keep_nulls=False).to_pydict()
        {'k': [1, 1, 2], 'v': ['a', 'b', None]}
        """
        site = caller_site()
        chosen = names(columns, self.schema, "explode")
        return self._from_plan(
            Explode(
                input=self.plan,
                columns=tuple(dict.fromkeys(chosen)),
                empty_as_null=empty_as_null,
                keep_nulls=keep_nulls,
                site=site,
            )
        )

    def unnest(self, *columns: IntoExpr | Iterable[IntoExpr], separator: str | None = None) -> Self:
        """Make columns of the fields of structs, in the place of the structs.

        Parameters
        ----------
        *columns : str
            Columns of structs; by default all there are.
        separator : str, optional
            Where given, a field ``x`` of a struct ``s`` is called ``s`` + separator + ``x``.

        Returns
        -------
        DataFrame

        Raises
        ------
        TypeMismatch
            If a column has no structs.
        DuplicateColumn
            If a field is called like another column.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"s": [{"x": 1, "y": "a"}, None], "z": [5, 6]})
        >>> df.unnest("s").to_pydict()
        {'x': [1, None], 'y': ['a', None], 'z': [5, 6]}
        >>> df.unnest("s", separator=".").columns
        ['s.x', 's.y', 'z']
        """
        site = caller_site()
        chosen = names(columns, self.schema, "unnest")
        if not columns:
            chosen = tuple(f.name for f in self.schema if pa.types.is_struct(f.type))
        if not chosen:
            return self
        return self._from_plan(
            Unnest(input=self.plan, columns=chosen, separator=separator, site=site)
        )

    def with_row_index(self, name: str = "index", offset: int = 0) -> Self:
        """Number the rows, as a first column.

        The numbers go over all partitions without a gap. Where it is not known how many rows the
        partitions have (behind a filter, say), these are made first and kept, each where it was
        made, and then numbered side by side.

        Parameters
        ----------
        name : str
            What the column is called.
        offset : int
            The number of the first row.

        Returns
        -------
        DataFrame

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": ["x", "y"]}).with_row_index("row", offset=1).to_pydict()
        {'row': [1, 2], 'a': ['x', 'y']}
        """
        site = caller_site()
        if isinstance(offset, bool) or not isinstance(offset, int) or offset < 0:
            raise SchemaError(
                f"with_row_index(offset={offset!r}): it is an integer of 0 or more. To count from"
                " another, subtract from the column behind it."
            )
        return self._from_plan(RowIndex(input=self.plan, name=name, offset=offset, site=site))

    def gather_every(self, n: int, offset: int = 0) -> Self:
        """Give every `n`-th row, beginning with row `offset`.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [0, 1, 2, 3, 4]}).gather_every(2, offset=1).to_pydict()
        {'a': [1, 3]}
        """
        site = caller_site()
        n = _at_least(n, 1, "gather_every(n=...)")
        offset = _at_least(offset, 0, "gather_every(offset=...)")
        plan: PlanNode = self.plan
        if offset:
            plan = Slice(input=plan, offset=offset, length=None, site=site)
        number = free_name("row", self.schema.names)
        numbered = RowIndex(input=plan, name=number, site=site)
        kept = Filter(input=numbered, predicate=to_expr(col(number) % n == 0), site=site)
        return self._from_plan(self._without_help(kept))

    @options(
        frac="write fraction=",
        random_state="write seed=",
        replace="rows are drawn without replacement, always",
        with_replacement="rows are drawn without replacement, always",
        weights="filter by a column of your own, as in .filter(pt.col('draw') < pt.col('weight'))",
        shuffle="write .sample(...).shuffle(seed=...)",
        ignore_index=NO_INDEX,
        axis="rows are drawn; for columns use .select(...)",
        _positional="write the names: .sample(n=...) or .sample(fraction=..., seed=...)",
    )
    def sample(
        self, n: int | None = None, *, fraction: float | None = None, seed: int | None = None
    ) -> Self:
        """Draw rows at random, without replacement; those that are drawn keep their order.

        Whether a row is drawn follows from `seed` and its number alone: the same rows are drawn
        however the data are cut into partitions, and on any number of workers.

        Parameters
        ----------
        n : int, optional
            How many rows; all, where there are fewer. Without `fraction` it is 1.
        fraction : float, optional
            From 0 to 1: each row is drawn with this probability, by itself, so that about this
            share of the rows is given. It needs no more memory than a filter.
        seed : int, optional
            Where the same rows are to be drawn again. Without it one is made up here and now, so
            that a frame gives the same rows whenever it is run.

        Returns
        -------
        DataFrame

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": list(range(100))})
        >>> drawn = df.sample(3, seed=7)
        >>> len(drawn), drawn.to_pydict() == df.sample(3, seed=7).to_pydict()
        (3, True)
        >>> 20 < len(df.sample(fraction=0.4, seed=7)) < 60
        True
        """
        site = caller_site()
        bits = free_name("bits", self.schema.names)
        if fraction is not None:
            if n is not None:
                raise SchemaError("sample takes n= or fraction=, not both.")
            if isinstance(fraction, bool) or not 0 <= fraction <= 1:
                raise SchemaError(
                    f"sample(fraction={fraction!r}): it lies between 0 and 1, since no row is drawn"
                    " twice."
                )
            drawn = RandomBits(input=self.plan, name=bits, seed=_seed(seed), site=site)
            below = min(int(fraction * 2**63), 2**63 - 1)
            limit = Literal(pa.scalar(below, pa.int64()), typed=True)
            predicate = to_expr(col(bits) < limit)
            return self._from_plan(
                self._without_help(Filter(input=drawn, predicate=predicate, site=site))
            )
        if isinstance(n, float) and 0 < n < 1:
            raise SchemaError(
                f"sample(n={n!r}): it is a number of rows. For a share: fraction={n!r}."
            )
        n = _at_least(1 if n is None else n, 0, "sample(n=...)")
        drawn = RandomBits(input=self.plan, name=bits, seed=_seed(seed), site=site)
        number = free_name("row", self.schema.names)
        numbered = RowIndex(input=drawn, name=number, site=site)
        by_bits = (SortKey(Column(bits)), SortKey(Column(number)))
        first = Slice(
            input=Sort(input=numbered, by=by_bits, site=site), offset=0, length=n, site=site
        )
        in_order = Sort(input=first, by=(SortKey(Column(number)),), site=site)
        return self._from_plan(self._without_help(in_order))

    @options(random_state="write seed=", on="write .repartition(by=...) to bring keys together")
    def shuffle(self, seed: int | None = None) -> Self:
        """Give the rows in an order that is drawn at random.

        It is a sort by random numbers that follow from `seed` and the number of the row, so it is
        the same for any partitions and any number of workers.

        Parameters
        ----------
        seed : int, optional
            Where the same order is wanted again; without it one is made up here and now.

        Examples
        --------
        >>> import partita as pt
        >>> shuffled = pt.from_pydict({"a": [1, 2, 3]}).shuffle(seed=1).to_pydict()["a"]
        >>> sorted(shuffled)
        [1, 2, 3]
        """
        site = caller_site()
        bits = free_name("bits", self.schema.names)
        drawn = RandomBits(input=self.plan, name=bits, seed=_seed(seed), site=site)
        by_bits = Sort(input=drawn, by=(SortKey(Column(bits)),), site=site)
        return self._from_plan(self._without_help(by_bits))

    def reverse(self) -> Self:
        """Give the rows from the last to the first.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2, 3]}).reverse().to_pydict()
        {'a': [3, 2, 1]}
        """
        return self._from_plan(Reverse(input=self.plan, site=caller_site()))

    def first(self) -> Self:
        """Give the first row.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2, 3]}).first().to_pydict()
        {'a': [1]}
        """
        return self._from_plan(Slice(input=self.plan, offset=0, length=1, site=caller_site()))

    def last(self) -> Self:
        """Give the last row.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2, 3]}).last().to_pydict()
        {'a': [3]}
        """
        return self._from_plan(Slice(input=self.plan, offset=-1, length=1, site=caller_site()))

    @options(inplace=FRAMES_NEVER_CHANGE)
    def clear(self) -> Self:
        """Give no row, with the same columns; nothing is read.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2, 3]}).clear().to_pydict()
        {'a': []}
        """
        return self._from_plan(Slice(input=self.plan, offset=0, length=0, site=caller_site()))

    def _without_help(self, plan: PlanNode) -> PlanNode:
        """Return `plan` with the columns of this frame alone."""
        exprs: tuple[Named, ...] = identity(self.schema)
        return Project(input=plan, exprs=exprs, site=plan.site)


def _seed(seed: int | None) -> int:
    if seed is None:
        # Not for secrets; and drawn now, so that the plan says it and gives the same rows again.
        return random.randrange(2**32)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InvalidExpression(f"seed is an integer, found {seed!r}.")
    return seed


def _at_least(value: Any, least: int, where: str) -> int:
    whole = whole_number(value)
    if whole is None or whole < least:
        raise SchemaError(f"{where}: it is an integer of {least} or more, found {value!r}.")
    return whole
