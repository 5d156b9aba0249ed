"""`DataFrame`: the sum of the verbs, the pandas spellings, the running, writing and display."""

from __future__ import annotations

from typing import Any

from ..plan.node import caller_site
from ..plan.nodes import Scan
from .display import Display
from .frame import Frame
from .function_verbs import FunctionVerbs
from .keeping_verbs import KeepingVerbs
from .memory_data import source_of
from .options import checked_calls
from .pandas_names import PandasNames
from .writing import Writing


@checked_calls
class DataFrame(PandasNames, FunctionVerbs, KeepingVerbs, Writing, Display):
    """A lazy table: a plan that can be extended, and run.

    Every method gives a new frame; nothing is read but metadata before `collect`, `show`,
    `collect_batches`, `sink_parquet`, ``len`` or one of the ``to_`` methods.

    Parameters
    ----------
    data : object
        A dict of columns, a list of dicts (rows), a pandas or polars DataFrame, a pyarrow Table,
        RecordBatch, reader or list of batches, a `DataFrame`, a `Result`, or anything with
        ``__arrow_c_stream__``. For files see `scan_parquet` and its like.

    Examples
    --------
    >>> import partita as pt
    >>> df = pt.DataFrame({"k": ["a", "b", "a"], "v": [1, 2, 3]})
    >>> df.group_by("k").agg(total=pt.col("v").sum()).sort("k").to_pydict()
    {'k': ['a', 'b'], 'total': [4, 2]}
    """

    __slots__ = ()

    def __init__(self, data: Any) -> None:
        plan = (
            data.plan
            if isinstance(data, Frame)
            else Scan(source=source_of(data), site=caller_site())
        )
        object.__setattr__(self, "_plan", plan)
