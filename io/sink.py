"""What all sinks to files share: the target, the modes, and the commit.

A path that ends like a file of the format becomes one file; any other, and every partitioned one,
becomes a directory of part files. A format adds how one file is written.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import pyarrow as pa

from ..engine.errors import PartitaError, SinkError, listed
from ..engine.schema import conform, field_index
from ..engine.source import Written
from .appending import check_fits
from .file_errors import reason
from .hive import check_partition_columns
from .partitioned import PartFiles, TableWriter
from .staging import (
    Staging,
    alone,
    exists,
    identity,
    linked_copy,
    new_run,
    place_directory,
    place_file,
    swap,
    sync,
)

MODES = ("error", "overwrite", "append")


_OF_FILES = (
    *(".parquet", ".parq", ".pq", ".arrow", ".arrows", ".ipc", ".feather", ".orc", ".csv", ".tsv"),
    *(".json", ".jsonl", ".ndjson", ".txt", ".gz", ".zst", ".bz2", ".lz4", ".zip", ".xlsx"),
)
"""Endings of what is one file: a directory of such a name is a mistake."""


@dataclass(frozen=True, kw_only=True)
class FileSink:
    """A file or a directory of files to be written."""

    path: str | os.PathLike[str]
    mode: str = "error"
    """What an existing target means: ``error``, ``overwrite``, or ``append`` files to it."""

    partition_by: tuple[str, ...] = ()
    """Columns whose values become ``key=value`` folders; they are not stored in the files."""

    format: ClassVar[str] = ""
    suffixes: ClassVar[tuple[str, ...]] = ()
    """The first is that of the files in a directory."""

    buffered_rows: ClassVar[int] = 131_072
    """Rows that are collected before they are written: those of a Parquet row group."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise SinkError(f"mode is one of {MODES}, not {self.mode!r}.")
        if isinstance(self.partition_by, str):
            object.__setattr__(self, "partition_by", (self.partition_by,))
        object.__setattr__(self, "partition_by", tuple(self.partition_by))

    @property
    def target(self) -> str:
        """The absolute path, without links."""
        return os.path.realpath(os.path.expanduser(os.fspath(self.path)))

    @property
    def single_file(self) -> bool:
        """Whether the target is one file, so that one task has to write all rows."""
        named_so = self.target.lower().endswith(self.suffixes)
        return named_so and not self.partition_by and not os.path.isdir(self.target)

    @property
    def label(self) -> str:
        """What to call it in a plan."""
        return f"{self.format} {os.fspath(self.path)!r}"

    def check(self, schema: pa.Schema) -> None:
        """Raise when rows of `schema` cannot be written there; touches nothing."""
        if set(os.path.basename(self.target)) & set("*?"):
            raise SinkError(
                f"{os.fspath(self.path)!r} is a pattern, and a target is one path: a file, such as"
                f" 'sales{self.suffixes[0]}', or a directory, which gets a file of each partition."
            )
        if self.target.lower().endswith(_OF_FILES) and not self.target.lower().endswith(
            self.suffixes
        ):
            raise SinkError(
                f"{os.fspath(self.path)!r} is called as a file of another kind. One file of"
                f" {self.format} ends with {listed(self.suffixes)}; a name without such an ending"
                " is a directory, which gets a file of each partition."
            )
        for key in self.partition_by:
            field_index(schema, key, f"partition_by of {self.label}")
        check_partition_columns(schema, self.partition_by, self.label)
        stored = self.stored_schema(schema)
        self.check_types(stored)
        self._check_target()
        if self.mode == "append" and os.path.isdir(self.target):
            check_fits(self.target, self.partition_by, stored, self.suffixes, self.schema_of)

    def check_types(self, schema: pa.Schema) -> None:
        """Raise a `SinkError` when the format cannot hold a column; a format may override it."""

    def schema_of(self, path: str) -> pa.Schema | None:
        """Return the columns of a file that is there; None where the format does not tell."""
        return None

    def stored_schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns that the files hold."""
        return pa.schema([field for field in schema if field.name not in self.partition_by])

    def open(self, path: str, schema: pa.Schema) -> TableWriter:
        """Return a writer of one new file; each format has its own."""
        raise TypeError(f"{type(self).__name__} has no way to write a file.")

    def _check_target(self) -> None:
        target = self.target
        parent = os.path.dirname(target)
        while not os.path.lexists(parent):
            parent = os.path.dirname(parent)
        if not os.path.isdir(parent):
            raise SinkError(
                f"{target!r} cannot be written: {parent!r} is a file, not a directory. Choose"
                " another path."
            )
        if not os.access(parent, os.W_OK | os.X_OK):
            raise SinkError(f"{target!r} cannot be written: no permission to write in {parent!r}.")
        if os.path.isdir(target):
            self._check_directory(target)
        elif os.path.lexists(target):
            if self.mode == "error":
                raise exists(target)
            if not self.single_file:
                raise SinkError(
                    f"{target!r} is a file, but a directory of {self.format} files is to be"
                    " written. Choose another path or remove the file."
                )
        if self.single_file and self.mode == "append":
            raise SinkError(
                f"{target!r} is one file, and mode='append' adds files to a directory. Choose a"
                f" path without {self.suffixes[0]!r}, or mode='overwrite'."
            )

    def _check_directory(self, target: str) -> None:
        if self.mode == "append":
            return
        if self.mode == "error":
            with os.scandir(target) as entries:
                if next(entries, None) is not None:
                    raise exists(target)
            return
        foreign = next(self._foreign(target), None)
        if foreign is not None:
            raise SinkError(
                f"mode='overwrite' would remove {foreign!r}, which is no {self.format} file."
                " Choose another directory, or remove what is in it yourself."
            )

    def _foreign(self, target: str) -> Iterator[str]:
        """Yield the files that do not look like a dataset's; it must not be lost by mistake."""
        for folder, _, names in os.walk(target):
            for name in names:
                if not name.startswith(("_", ".")) and not name.lower().endswith(self.suffixes):
                    yield os.path.join(folder, name)

    def start(self, schema: pa.Schema) -> FileWriteJob:
        """Begin one run: check again, make the place that is written to."""
        self.check(schema)
        job = FileWriteJob(self, schema, self.single_file)
        job.staging.make()
        return job


class FileWriteJob:
    """One run of a sink: tasks write into the staging folder, commit renames."""

    def __init__(self, sink: FileSink, schema: pa.Schema, single_file: bool) -> None:
        self.sink = sink
        self.schema = schema.remove_metadata()
        self.single_file = single_file
        self.run = new_run()
        # Fixed here: another process may have another working directory.
        self.target = sink.target
        self.staging = Staging(self.target, self.run)
        self.found = identity(self.target)
        """The target when the run began: another run may write to it meanwhile."""

    def write(
        self, partition: int, attempt: int, batches: Iterator[pa.RecordBatch]
    ) -> Sequence[Written]:
        """Write one partition into a folder of its own in the staging folder."""
        folder = os.path.join(self.staging.folder, f"{partition}-{attempt}")
        try:
            return self._write(folder, partition, batches)
        except (OSError, pa.ArrowException) as error:
            if isinstance(error, SinkError) or type(error).__module__.startswith("partita"):
                # An error of what feeds the sink says more than one of the sink.
                raise
            raise self._failed(error) from error

    def _write(
        self, folder: str, partition: int, batches: Iterator[pa.RecordBatch]
    ) -> Sequence[Written]:
        if not os.path.isdir(self.staging.folder):
            raise SinkError(f"The write to {self.target!r} was aborted.")
        # Without its parents: a run that was aborted just now must not get them again.
        os.mkdir(folder)
        files = PartFiles(
            folder=folder,
            name=f"part-{self.run}-{partition:05d}{self.sink.suffixes[0]}",
            schema=self.sink.stored_schema(self.schema),
            keys=self.sink.partition_by,
            open_writer=self.sink.open,
            rows_at_once=self.sink.buffered_rows,
            label=self.sink.label,
        )
        with files:
            for batch in batches:
                files.write(conform(batch, self.schema))
        return files.written

    def commit(self, written: Sequence[Written]) -> Sequence[Written]:
        """Make exactly `written` visible, at once; return the files where they lie now."""
        try:
            with alone(self.target):
                self._check_unchanged()
                appends = self.sink.mode == "append" and os.path.isdir(self.target)
                files = list(written) or ([] if appends else self._empty())
                if self.single_file:
                    self._commit_file(files)
                elif appends:
                    self._append(files)
                else:
                    self._commit_directory(files)
        except PartitaError:
            self.abort()
            raise
        except (OSError, pa.ArrowException) as error:
            self.abort()
            raise self._failed(error) from error
        # It is visible, and what it holds is on the disk; its name will be in a moment.
        with contextlib.suppress(OSError):
            sync(os.path.dirname(self.target))
        self.staging.remove(created=False)
        return [replace(file, path=self._visible(file)) for file in files]

    def _check_unchanged(self) -> None:
        """Raise when another run has written to the target and its rows would be lost."""
        now = identity(self.target)
        if now is None or now == self.found:
            return
        if self.sink.mode == "append":
            # Those rows stay; but they may be of another kind.
            self.sink.check(self.schema)
        elif self.sink.mode == "overwrite":
            raise SinkError(
                f"{self.target!r} has been written by somebody else since this run began. Nothing"
                " of this run is visible; look at what is there, and run it again."
            )

    def _visible(self, file: Written) -> str:
        return self.target if self.single_file else os.path.join(self.target, file.target)

    def abort(self) -> None:
        """Remove all that was written."""
        self.staging.remove(created=True)

    def _empty(self) -> list[Written]:
        """Return a file without rows: a dataset keeps its schema even when it is empty."""
        path = os.path.join(self.staging.folder, f"empty{self.sink.suffixes[0]}")
        self.sink.open(path, self.schema).close()
        name = f"part-{self.run}-00000{self.sink.suffixes[0]}"
        return [Written(path=path, target=name, rows=0, bytes=os.stat(path).st_size)]

    def _commit_file(self, files: Sequence[Written]) -> None:
        if len(files) != 1:
            raise SinkError(
                f"{self.target!r} is one file, but {len(files)} tasks wrote rows for it."
            )
        place_file(files[0].path, self.target, replace=self.sink.mode == "overwrite")

    def _commit_directory(self, files: Sequence[Written]) -> None:
        staged = os.path.join(self.staging.folder, "data")
        os.mkdir(staged)
        for file in files:
            place_file(file.path, self._place(staged, file.target), replace=False)
        for folder, _, _ in os.walk(staged):
            sync(folder)
        replace = self.sink.mode == "overwrite"
        place_directory(staged, self.target, replace, self.staging.folder)

    def _append(self, files: Sequence[Written]) -> None:
        """Put a directory with the old files and the new ones in the place of the old one."""
        staged = os.path.join(self.staging.folder, "data")
        if not linked_copy(self.target, staged):
            self._add(files)
            return
        for file in files:
            os.link(file.path, self._place(staged, file.target))
        for folder, _, _ in os.walk(staged):
            sync(folder)
        if not swap(staged, self.target):
            shutil.rmtree(staged)
            self._add(files)

    def _add(self, files: Sequence[Written]) -> None:
        """Add one file after the other, where a file system has no way to do it at once."""
        placed: list[str] = []
        try:
            for file in files:
                path = self._place(self.target, file.target)
                place_file(file.path, path, replace=False)
                placed.append(path)
        except BaseException:
            for path in placed:
                os.unlink(path)
            raise
        for folder in {os.path.dirname(path) for path in placed}:
            sync(folder)

    def _place(self, base: str, relative: str) -> str:
        """Return where a file goes below `base`, its folders made; never outside of it."""
        path = os.path.normpath(os.path.join(base, relative))
        folder = os.path.dirname(path)
        os.makedirs(folder, exist_ok=True)
        inside = os.path.realpath(folder)
        if inside != os.path.realpath(base) and not inside.startswith(
            os.path.realpath(base) + os.sep
        ):
            raise SinkError(f"{relative!r} leads out of {self.target!r}; nothing is written.")
        return path

    def _failed(self, error: Exception) -> SinkError:
        text = error.strerror if isinstance(error, OSError) and error.strerror else reason(error)
        return SinkError(
            f"{self.sink.label} cannot be written: {text}. Nothing of it is visible; make room or"
            " choose another target, and run it again."
        )
