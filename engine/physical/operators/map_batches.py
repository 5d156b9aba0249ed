"""Apply a Python function of the user to batches."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ...errors import PartitaError, SchemaError, UserFunctionError
from ...plan.node import Site
from ...plan.nodes import describe
from ...schema import carries, conform
from ..kernels.concat import concat, slices
from ..stage import TaskContext

# Not resolved, since the frames of a traceback are not either.
_PACKAGE = str(Path(__file__).parents[2])


@dataclass(frozen=True, kw_only=True)
class MapBatchesRows:
    """Call `function` with each batch, or once with all rows of the partition.

    It may return a RecordBatch, a Table, a pandas DataFrame or a dict of columns; what it returns
    is checked against `schema`.
    """

    function: Callable[[Any], Any]
    given: pa.Schema
    """The columns it is called with, as the user knows them: text is text."""

    schema: pa.Schema
    """The columns it has to return."""

    takes: str
    """What it is given: ``arrow`` (a RecordBatch) or ``pandas`` (a DataFrame)."""

    whole_partition: bool
    site: Site | None
    """Where the user asked for it."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"map {_name_of(self.function)}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream what the function makes of the batches."""
        logical = (conform(batch, self.given) for batch in batches)
        given = _whole(logical, context) if self.whole_partition else logical
        for batch in given:
            context.check()
            if not batch.num_rows:
                continue
            result = self._call(batch, context)
            for made in self._checked(result):
                yield from slices(made, context.batch_rows)

    def _call(self, batch: pa.RecordBatch, context: TaskContext) -> Any:
        argument = batch.to_pandas() if self.takes == "pandas" else batch
        try:
            return self.function(argument)
        except Exception as error:
            raise self._failure(error, context) from error

    def _failure(self, error: Exception, context: TaskContext) -> UserFunctionError:
        """Return the error to raise; its text holds the traceback, which no pickle carries."""
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if not frame.filename.startswith(_PACKAGE)
        ]
        own = _innermost_of_the_user(frames)
        where = f" in {own.filename}:{own.lineno}" if own is not None else ""
        asked = f", asked for in {self.site}" if self.site is not None else ""
        label = f" ({context.label})" if context.label else ""
        partition = f"partition {context.partition}{label}"
        trimmed = "".join(traceback.format_list(frames)).rstrip()
        kind = type(error).__name__
        return UserFunctionError(
            f"{_name_of(self.function)} raised {kind}: {error}{where}{asked}, on {partition}."
            + (f"\n{trimmed}\n{kind}: {error}" if trimmed else "")
        )

    def _checked(self, result: Any) -> Iterator[pa.RecordBatch]:
        """Yield what the function returned as batches of the declared schema."""
        try:
            batches = _as_batches(result, self.schema)
            for batch in batches:
                yield self._conformed(batch)
        except PartitaError:
            raise
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise SchemaError(
                f"What {_name_of(self.function)}{self._asked()} returned cannot be read as"
                f" {describe(self.schema)}: {error}"
            ) from error

    def _conformed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        fits = batch.schema.names == self.schema.names and all(
            carries(given.type, wanted.type)
            for given, wanted in zip(batch.schema, self.schema, strict=True)
        )
        if not fits:
            raise SchemaError(
                f"{_name_of(self.function)}{self._asked()} declared {describe(self.schema)} and"
                f" returned {describe(batch.schema)}. Correct schema=, or cast in the function."
            )
        return conform(batch, self.schema)

    def _asked(self) -> str:
        return f" ({self.site})" if self.site is not None else ""


def _whole(batches: Iterator[pa.RecordBatch], context: TaskContext) -> Iterator[pa.RecordBatch]:
    """Yield all rows as one batch, and none if there are no rows."""
    held = []
    for batch in batches:
        context.check()
        held.append(batch)
    if held:
        yield concat(held)


def _as_batches(result: Any, schema: pa.Schema) -> list[pa.RecordBatch]:
    """Return a RecordBatch, Table, DataFrame or dict of columns as batches."""
    if isinstance(result, pa.RecordBatch):
        return [result]
    if isinstance(result, pa.Table):
        return result.to_batches()
    if isinstance(result, Mapping):
        if list(result) != schema.names:
            raise SchemaError(
                f"The columns {list(result)} were returned, {schema.names} were declared."
            )
        # Lists and numpy arrays carry no exact type: they take the declared one.
        return [pa.RecordBatch.from_pydict(dict(result), schema=schema)]
    if _is_pandas(result):
        if sorted(map(str, result.columns)) != sorted(schema.names):
            raise SchemaError(
                f"The columns {list(result.columns)} were returned, {schema.names} were declared."
            )
        return [pa.RecordBatch.from_pandas(result, schema=schema, preserve_index=False)]
    raise SchemaError(
        f"A function of map_batches returns a RecordBatch, a Table, a DataFrame or a dict of"
        f" columns; this one returned {type(result).__name__}."
    )


def _is_pandas(result: Any) -> bool:
    """Return whether this is a DataFrame, without importing pandas to find out."""
    return any(
        kind.__name__ == "DataFrame" and kind.__module__.split(".")[0] == "pandas"
        for kind in type(result).__mro__
    )


def _innermost_of_the_user(frames: list[traceback.FrameSummary]) -> traceback.FrameSummary | None:
    """Return the last frame that is not in an installed library, else the last one."""
    own = [frame for frame in frames if "site-packages" not in frame.filename]
    return own[-1] if own else (frames[-1] if frames else None)


def _name_of(function: Callable[[Any], Any]) -> str:
    return getattr(function, "__qualname__", type(function).__name__)
