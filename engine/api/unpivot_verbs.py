"""From wide to long: `unpivot`, and what pandas calls it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

import pyarrow as pa

from .. import schema as schemas
from ..errors import SchemaError, TypeMismatch, listed
from ..expr.node import Cast, Column, Expr, Literal
from ..plan.node import PlanNode, caller_site
from ..plan.nodes import Named, Project, Union
from .columns import IntoExpr, names
from .frame import Frame
from .options import NO_INDEX, options


class UnpivotVerbs(Frame):
    """Verbs that make rows of columns."""

    __slots__ = ()

    @options(
        id_vars="write index=, or .melt(id_vars=...)",
        value_vars="write on=, or .melt(value_vars=...)",
        var_name="write variable_name=",
    )
    def unpivot(
        self,
        on: IntoExpr | Iterable[IntoExpr] | None = None,
        *,
        index: IntoExpr | Iterable[IntoExpr] | None = None,
        variable_name: str = "variable",
        value_name: str = "value",
    ) -> Self:
        """Make rows of columns: from wide to long.

        Parameters
        ----------
        on : str or sequence of str, optional
            The columns whose values come one below the other; by default all but `index`.
        index : str or sequence of str, optional
            The columns that are kept beside them.
        variable_name : str
            What the column is called that says which column a value is of.
        value_name : str
            What the column of the values is called. Its type is the least that holds the values
            of all columns.

        Returns
        -------
        DataFrame
            All rows of the first column, then all rows of the next, and so on.

        Raises
        ------
        TypeMismatch
            If the columns have no type in common.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["x", "y"], "a": [1, 2], "b": [3.5, None]})
        >>> df.unpivot(["a", "b"], index="k").to_pydict()["variable"]
        ['a', 'a', 'b', 'b']
        >>> df.unpivot(["a", "b"], index="k").to_pydict()["value"]
        [1.0, 2.0, 3.5, None]
        """
        site = caller_site()
        kept = () if index is None else names([index], self.schema, "unpivot")
        if on is None:
            chosen = tuple(name for name in self.schema.names if name not in kept)
        else:
            chosen = names([on], self.schema, "unpivot")
        if not chosen:
            raise SchemaError(
                f"unpivot needs a column to make rows of; all of {listed(self.schema.names)} are in"
                " index=."
            )
        dtype = _common_type(self.schema, chosen)
        parts = []
        for name in chosen:
            value: Expr = Column(name)
            if self.schema.field(name).type != dtype:
                value = Cast(value, dtype)
            variable = Literal(pa.scalar(name, pa.string()), typed=True)
            exprs: tuple[Named, ...] = (
                *((each, Column(each)) for each in kept),
                (variable_name, variable),
                (value_name, value),
            )
            parts.append(Project(input=self.plan, exprs=exprs, site=site))
        plan: PlanNode = parts[0] if len(parts) == 1 else Union(parts=tuple(parts), site=site)
        return self._from_plan(plan)

    @options(ignore_index=NO_INDEX, col_level="columns have one name each")
    def melt(
        self,
        id_vars: IntoExpr | Iterable[IntoExpr] | None = None,
        value_vars: IntoExpr | Iterable[IntoExpr] | None = None,
        var_name: str = "variable",
        value_name: str = "value",
    ) -> Self:
        """Make rows of columns: `unpivot`, as pandas calls it.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"k": ["x"], "a": [1], "b": [2]}).melt("k").to_pydict()
        {'k': ['x', 'x'], 'variable': ['a', 'b'], 'value': [1, 2]}
        """
        return self.unpivot(
            value_vars, index=id_vars, variable_name=var_name, value_name=value_name
        )


def _common_type(schema: pa.Schema, chosen: Sequence[str]) -> pa.DataType:
    """Return the least type that holds the values of all columns."""
    first, *rest = chosen
    dtype = schema.field(first).type
    for name in rest:
        try:
            dtype = schemas.promote(dtype, schema.field(name).type)
        except TypeMismatch:
            raise TypeMismatch(
                f"unpivot puts the values of all columns into one, and {first!r} is {dtype}, but"
                f" {name!r} is {schema.field(name).type}. Leave one out, or cast first, as in"
                f" .cast(dict.fromkeys({list(chosen)!r}, str))."
            ) from None
    return dtype
