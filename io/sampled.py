"""Types that are guessed from the first rows, of files that tell none: CSV and JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

import pyarrow as pa

from ..engine.errors import PartitaError, SchemaError, SourceCorrupt
from ..engine.schema import schema_of, unify
from .listed_file import File

_SAMPLE_BYTES = 4 << 20
"""Of the first file, types are guessed from so much; of a few others from a little."""

LITTLE_BYTES = _SAMPLE_BYTES // 64
_SMALLER_SAMPLES = (1 << 16, 1 << 13, 1 << 10, 1 << 7)
_SAMPLED_FILES = 8


class Sampled(Protocol):
    """What a source knows of a file."""

    @property
    def file(self) -> File:
        """The file as it was listed."""


SampledT = TypeVar("SampledT", bound=Sampled)


def sampled_schema(
    files: Sequence[SampledT], read: Callable[[SampledT, int], pa.Schema], on_error: str
) -> pa.Schema:
    """Return one schema for the first rows of the first file and of a few others.

    Parameters
    ----------
    files
        All files of the dataset, at least one.
    read
        Gives the schema of a file from so many of its first bytes.
    on_error
        With ``skip``, a file that cannot be read says nothing of the columns, if another does.
    """
    step = max(1, len(files) // _SAMPLED_FILES)
    schemas = []
    refused: PartitaError | None = None
    for index, stored in enumerate(files[::step]):
        if not stored.file.size:
            continue
        sample = _SAMPLE_BYTES if index == 0 else LITTLE_BYTES
        # Where bad lines are left out, a few good ones before them tell the columns.
        less = () if on_error == "raise" else _SMALLER_SAMPLES
        try:
            found = _of_first_that_reads((sample, *less), partial(read, stored))
        except SourceCorrupt as error:
            if on_error == "raise":
                raise
            # Told by the task that reads it; here it says nothing of the columns.
            refused = refused or error
            continue
        schemas.append((stored.file.path, schema_of(found, stored.file.path)))
    if not schemas and refused is not None:
        raise refused
    if not schemas:
        raise SchemaError(
            f"{files[0].file.path!r} is empty, so that its columns are not known. Give schema=."
        )
    return pa.schema([pa.field(each.name, _known(each.type)) for each in unify(schemas)])


def _of_first_that_reads(sizes: Sequence[int], read: Callable[[int], pa.Schema]) -> pa.Schema:
    """Return what `read` makes of the first of some sizes of samples that it can read.

    Raises
    ------
    SourceCorrupt
        What is wrong with the smallest.
    """
    *more, last = sizes
    for size in more:
        try:
            return read(size)
        except SourceCorrupt:
            continue
    return read(last)


def _known(dtype: pa.DataType) -> pa.DataType:
    """Return a type with text in the place of what has been null so far: it may hold anything."""
    if pa.types.is_null(dtype):
        return pa.string()
    if pa.types.is_list(dtype):
        return pa.list_(_known(dtype.value_type))
    if pa.types.is_struct(dtype):
        return pa.struct([pa.field(each.name, _known(each.type)) for each in dtype])
    return dtype
