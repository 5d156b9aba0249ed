"""Datasets of files: what is the same whatever the format of the files is.

A format adds two hooks: what its files tell of themselves without being read (`described`), and
how they are cut into fragments (`plan`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import pyarrow as pa
from pyarrow import fs

from ..engine.errors import (
    ColumnNotFound,
    PartitaError,
    SchemaError,
    SourceCorrupt,
    SourceNotFound,
    column_not_found,
)
from ..engine.schema import has_column, select, unify
from ..engine.source import Fragment, Pushdown, ScanPlan, Skipped, Statistics
from .convert import plain_schema
from .hive import partition_schema
from .listing import File, Listing, Paths, resolve


class StoredFile(Protocol):
    """A file and what it tells of itself without being read."""

    @property
    def file(self) -> File:
        """The file as it was listed."""

    @property
    def schema(self) -> pa.Schema:
        """Its columns, with the types they have in a plan."""


Unreadable = Callable[[File, PartitaError], None]
"""Is told of a file that cannot be read: raises what is wrong with it, or keeps it."""

_TRIES = 5
"""How often a dataset is listed anew that is replaced while its files are looked at."""

StoredT = TypeVar("StoredT", bound=StoredFile)
PieceT = TypeVar("PieceT")


@dataclass(frozen=True, eq=False, kw_only=True)
class FileSource(ABC, Generic[StoredT]):
    """A dataset of files of one format, and one schema over them."""

    format: ClassVar[str]
    """Its name, as in `FORMATS`."""

    tells_columns: ClassVar[bool] = True
    """Whether a file says all of its columns at its beginning or its end."""

    asked: str
    files: tuple[StoredT, ...]
    schema: pa.Schema
    """The columns of the files, then those of the folders."""

    keys: tuple[str, ...]
    """Columns that come from folder names."""

    options: Hashable
    """How the files are written, in a format that has to be told."""

    store: fs.FileSystem | None
    """None is the local file system."""

    on_error: str = "raise"
    """``skip`` leaves out what cannot be read, and tells of it."""

    skipped: tuple[Skipped, ...] = ()
    """Files that could not be read when the scan was written."""

    @classmethod
    def open(
        cls,
        paths: Paths,
        *,
        filesystem: Any = None,
        hive_partitioning: bool | None = None,
        schema: pa.Schema | None = None,
        missing_columns: str | None = None,
        on_error: str = "raise",
        **options: Any,
    ) -> Self:
        """Return the dataset behind `paths`; nothing but metadata is read.

        Parameters
        ----------
        paths, filesystem, hive_partitioning
            See `partita.io.listing.resolve`.
        schema
            The columns and types to read instead of what the files tell together.
        missing_columns
            ``insert`` reads a column that a file lacks as null, ``raise`` refuses; None inserts
            it where another file has it: that of `schema` which no file has is mistyped.
        on_error
            ``raise`` ends with what is wrong with a file, ``skip`` leaves it out.
        **options
            Those of the format: CSV has `CsvOptions`.

        Raises
        ------
        SourceNotFound
            If there is no file.
        SourceCorrupt
            If a file is not of the format.
        SchemaError
            If the files' schemas contradict each other.
        """
        if missing_columns not in (None, "insert", "raise"):
            raise SchemaError(f"missing_columns is 'insert' or 'raise', not {missing_columns!r}.")
        if on_error not in ("raise", "skip"):
            raise SchemaError(f"on_error is 'raise' or 'skip', not {on_error!r}.")
        tries = 0
        while True:
            listing = resolve(paths, filesystem=filesystem, hive_partitioning=hive_partitioning)
            try:
                return cls._of(
                    listing, hive_partitioning, schema, missing_columns, on_error, dict(options)
                )
            except SourceNotFound:
                # Files that were listed are gone: another dataset has taken the place.
                tries += 1
                if tries == _TRIES:
                    raise

    @classmethod
    def _of(
        cls,
        listing: Listing,
        hive_partitioning: bool | None,
        schema: pa.Schema | None,
        missing_columns: str | None,
        on_error: str,
        options: dict[str, Any],
    ) -> Self:
        """Return the dataset of the files that were listed."""
        folders = partition_schema([file.partition for file in listing.files])
        given = None if schema is None else plain_schema(schema, "schema=")
        wanted = None if given is None else _without(given, folders)
        told = cls.told(wanted, options)
        asked = (cls, listing.asked, given, hive_partitioning, missing_columns, on_error, told)
        known = cls.kept(asked, listing)
        if known is not None:
            return known
        left_out = _LeftOut(on_error)
        files = tuple(cls.described(listing, wanted, told, left_out))
        if not files:
            raise left_out.errors[0]
        if wanted is None:
            wanted = _without(cls.unified(files, on_error), folders)
        unified = pa.schema([*wanted, *folders]) if given is None else given
        if missing_columns == "raise":
            _check_none_missing(files, wanted)
        if given is not None and missing_columns is None and cls.tells_columns:
            _check_all_known(files, wanted)
        keys = tuple(name for name in folders.names if has_column(unified, name))
        source = cls(
            asked=listing.asked,
            files=files,
            schema=unified,
            keys=keys,
            options=told,
            store=listing.filesystem,
            on_error=on_error,
            skipped=tuple(left_out.skipped),
        )
        if not source.skipped:
            source.keep(asked)
        return source

    @classmethod
    def kept(cls, asked: Hashable, listing: Listing) -> Self | None:
        """Return the source that was made for the same before, in a format that keeps them."""
        return None

    def keep(self, asked: Hashable) -> None:
        """Keep the source for `kept`."""

    @classmethod
    def told(cls, given: pa.Schema | None, options: dict[str, Any]) -> Hashable:
        """Return how the files are written; a format that has options checks them here."""
        for name in options:
            raise TypeError(f"{cls.__name__}.open() got an unexpected keyword argument {name!r}")
        return None

    @classmethod
    @abstractmethod
    def described(
        cls, listing: Listing, given: pa.Schema | None, options: Any, unreadable: Unreadable
    ) -> Iterable[StoredT]:
        """Return each file with what it tells of itself.

        Parameters
        ----------
        given
            The columns of the files and the types to read them with, where schema= gave them.
        options
            What `told` returned.
        unreadable
            Is told of each file that cannot be read, which is left out.
        """

    @classmethod
    def unified(cls, files: Sequence[StoredT], on_error: str) -> pa.Schema:
        """Return one schema of all files, where the user gave none."""
        distinct: dict[pa.Schema, str] = {}
        for stored in files:
            distinct.setdefault(stored.schema, stored.file.path)
        return unify([(path, schema) for schema, path in distinct.items()])

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, FileSource) and self._identity == other._identity

    def __hash__(self) -> int:
        # Not of all files: hashing ten thousand takes 20 ms.
        return hash((type(self), len(self.files), self.files[0].file.path, self.keys))

    @cached_property
    def _identity(self) -> tuple[object, ...]:
        files = tuple(stored.file for stored in self.files)
        columns = tuple((field.name, field.type) for field in self.schema)
        storage = None if self.store is None else id(self.store)
        left_out = self.on_error, self.skipped
        return (type(self), files, columns, self.keys, self.options, storage, left_out)

    @property
    def label(self) -> str:
        """What to call it in a plan."""
        return f"{self.format} {self.asked!r}"

    @property
    def stored_bytes(self) -> int:
        """Bytes of all files."""
        return sum(stored.file.size for stored in self.files)

    def statistics(self) -> Statistics:
        """Return the size; a format that knows more without reading the files says so."""
        return Statistics(bytes=self.stored_bytes)

    @abstractmethod
    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Cut the files into fragments: see `wanted`, `runs` and `planned`."""

    def wanted(self, pushdown: Pushdown) -> pa.Schema:
        """Return the columns that a scan has to give."""
        names = self.schema.names if pushdown.columns is None else pushdown.columns
        return select(self.schema, names, self.label)

    def planned(
        self, fragments: Iterable[Fragment], pruned: Mapping[str, tuple[int, int]] | None = None
    ) -> ScanPlan:
        """Return the plan that reads `fragments`."""
        fragments = tuple(fragments)
        read = sum(fragment.stored_bytes for fragment in fragments)
        return ScanPlan(
            fragments=fragments, pruned=pruned or {}, stored_bytes=(read, self.stored_bytes)
        )


class _LeftOut:
    """What is done with files that cannot be read: raised, or left out and told of."""

    def __init__(self, on_error: str) -> None:
        self._on_error = on_error
        self.errors: list[PartitaError] = []
        self.skipped: list[Skipped] = []

    def __call__(self, file: File, error: PartitaError) -> None:
        if self._on_error == "raise" or isinstance(error, SchemaError | SourceNotFound):
            raise error
        self.errors.append(error)
        self.skipped.append(Skipped(file=file.path, part="", reason=str(error)))


def runs(pieces: Iterable[tuple[PieceT, float]], size: float) -> Iterator[list[PieceT]]:
    """Yield runs of pieces, given with their sizes, of about `size`; at least one piece each.

    >>> list(runs([("a", 5), ("b", 4), ("c", 9)], size=10))
    [['a', 'b'], ['c']]
    """
    run: list[PieceT] = []
    total = 0.0
    for piece, own in pieces:
        # A cut falls where it comes nearest to the wanted size.
        if run and total + own / 2 > size:
            yield run
            run, total = [], 0.0
        run.append(piece)
        total += own
    if run:
        yield run


def _without(schema: pa.Schema, folders: pa.Schema) -> pa.Schema:
    known = frozenset(folders.names)
    return pa.schema([field for field in schema if field.name not in known])


def _check_none_missing(files: Iterable[StoredFile], wanted: pa.Schema) -> None:
    for stored in files:
        there = frozenset(stored.schema.names)
        for name in wanted.names:
            if name not in there:
                raise SchemaError(
                    f"Column {name!r} is not in {stored.file.path!r}. Pass"
                    " missing_columns='insert' to read it as null there."
                )


def _check_all_known(files: Iterable[StoredFile], wanted: pa.Schema) -> None:
    """Raise `ColumnNotFound` for a column that no file has; mostly one file is looked at."""
    missing = list(wanted.names)
    existing: dict[str, None] = {}
    for stored in files:
        try:
            there = stored.schema.names
        except SourceCorrupt:
            # Told by the task that reads it; it may hold what the others lack.
            return
        existing.update(dict.fromkeys(there))
        missing = [name for name in missing if name not in existing]
        if not missing:
            return
    if missing:
        error = column_not_found(missing[0], list(existing), "any file that schema= is given for")
        raise ColumnNotFound(f"{error} Pass missing_columns='insert' to read it as null.")
