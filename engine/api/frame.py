"""What every part of a `DataFrame` stands on: a plan, its schema, and the way to the next frame.

The verbs, the pandas spellings, the running and the display are written in files of their own, as
classes over `Frame`; `DataFrame` is their sum.
"""

from __future__ import annotations

from typing import Any, NoReturn, Self

import pyarrow as pa

from ..errors import InvalidExpression
from ..plan.node import PlanNode
from ..schema import has_column


class Frame:
    """A plan that can be extended. Frames never change: every verb gives a new one."""

    __slots__ = ("__weakref__", "_plan")

    _plan: PlanNode

    @classmethod
    def _from_plan(cls, plan: PlanNode) -> Self:
        """Return a frame over `plan`."""
        frame = cls.__new__(cls)
        # Past our own __setattr__, which refuses.
        object.__setattr__(frame, "_plan", plan)
        return frame

    @property
    def plan(self) -> PlanNode:
        """The logical plan, as it was written.

        Examples
        --------
        >>> import partita as pt
        >>> print(type(pt.from_pydict({"a": [1]}).head(1).plan).__name__)
        Slice
        """
        return self._plan

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns; nothing is run.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1], "b": ["x"]}).schema
        a: int64
        b: string
        """
        return self._plan.schema

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in order; nothing is run.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1], "b": ["x"]}).columns
        ['a', 'b']
        """
        return list(self._plan.schema.names)

    @property
    def dtypes(self) -> list[pa.DataType]:
        """Arrow types of the columns, in order; nothing is run.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1], "b": ["x"]}).dtypes
        [DataType(int64), DataType(string)]
        """
        return list(self._plan.schema.types)

    @property
    def width(self) -> int:
        """How many columns there are; nothing is run.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1], "b": ["x"]}).width
        2
        """
        return len(self._plan.schema.names)

    def __contains__(self, name: object) -> bool:
        """Whether there is a column `name`."""
        return has_column(self._plan.schema, name)

    # A frame is equal to itself alone; so it can be a key and lie in a set.
    __hash__ = object.__hash__

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise InvalidExpression(
            f"A frame cannot be changed, so df.{name} = ... has no effect to have. Make a new one:"
            f" df = df.with_columns({name}=...)."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self._plan)


def _restore(cls: type[Frame], plan: PlanNode) -> Frame:
    return cls._from_plan(plan)
