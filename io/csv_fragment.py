"""One task's share of a CSV dataset: byte ranges of files, cut at line ends.

A range is cut without reading what is before it: the line that a cut falls into belongs to the
range in which it begins. That is right as long as no quoted value holds a line end, which is what
``newlines_in_values=False`` says; a range with an odd number of quotes proves the contrary, and is
refused rather than read wrongly.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv as pacsv
from pyarrow import fs

from ..engine.errors import SchemaError, SourceCorrupt
from .file_errors import UNREADABLE, not_readable, reason
from .file_fragment import StreamedFragment
from .lines import (
    BLOCK_BYTES,
    MOST_BAD_LINES,
    Range,
    blocks,
    can_be_cut,
    first_lines,
    lines_before,
    lines_of,
    open_stream,
    readable_lines,
)
from .listing import File

_MOST_COLUMNS = 100_000
"""Arrow takes 4 kB for each, before it has read a row: 2 GB for the half million of 4 MB."""

_HEADER_BYTES = 1 << 16
_NO_COLUMN = pa.schema([pa.field("\0", pa.string())])


@dataclass(frozen=True, kw_only=True)
class CsvOptions:
    """How the files are written."""

    separator: str = ","
    has_header: bool = True
    column_names: tuple[str, ...] | None = None
    """Names to use instead of the header's, or of ``f0``, ``f1``, ... where there is none."""

    null_values: tuple[str, ...] = ("",)
    """Unquoted texts that stand for null; a quoted one is text."""

    quote: str | None = '"'
    escape: str | None = None
    newlines_in_values: bool = False
    """Whether quoted values may hold line ends; such files are read by one task each."""

    skip_rows: int = 0
    """Lines before the header."""

    def read_options(self, names: list[str] | None, block_bytes: int) -> pacsv.ReadOptions:
        """Return Arrow's options; with `names` there is no header to come."""
        own = list(self.column_names) if self.column_names else None
        if names is not None:
            return pacsv.ReadOptions(use_threads=False, block_size=block_bytes, column_names=names)
        skip = self.skip_rows + (1 if own and self.has_header else 0)
        return pacsv.ReadOptions(
            use_threads=False,
            block_size=block_bytes,
            skip_rows=skip,
            column_names=own,
            autogenerate_column_names=own is None and not self.has_header,
        )

    def parse_options(
        self,
        *,
        empty_lines: bool = False,
        refused: Callable[[pacsv.InvalidRow], str] | None = None,
    ) -> pacsv.ParseOptions:
        """Return Arrow's options.

        Parameters
        ----------
        empty_lines
            Whether an empty line is a row of its own, or nothing.
        refused
            Is asked what to do with a row of another number of values: ``skip`` or ``error``.
        """
        return pacsv.ParseOptions(
            invalid_row_handler=refused,
            ignore_empty_lines=not empty_lines,
            delimiter=self.separator,
            quote_char=self.quote or False,
            escape_char=self.escape or False,
            newlines_in_values=self.newlines_in_values,
        )

    def convert_options(self, schema: pa.Schema | None) -> pacsv.ConvertOptions:
        """Return Arrow's options: types inferred, or those of `schema` with its columns only."""
        convert = pacsv.ConvertOptions(
            null_values=list(self.null_values),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        if schema is not None:
            convert.column_types = schema
            convert.include_columns = schema.names
            convert.include_missing_columns = True
        return convert


@dataclass(frozen=True, kw_only=True)
class CsvFragment(StreamedFragment[Range]):
    """Ranges that one task reads."""

    options: CsvOptions

    one_column: bool = False
    """Whether the files have one column: there a null is written as an empty line."""

    @property
    def label(self) -> str:
        """The file and bytes, and how many more files."""
        more = len(self.parts) - 1
        return f"{self.parts[0]} and {more} more files" if more else str(self.parts[0])

    @property
    def stored_bytes(self) -> int:
        """All bytes of the ranges: a line cannot be read in part."""
        return sum(part.size for part in self.parts)

    def stored_batches(self, part: Range) -> Iterator[pa.RecordBatch]:
        """Stream the lines, block by block."""
        file = part.file
        stored = pa.schema([self.schema.field(name) for name in self.stored_names])
        # Arrow takes no columns for all of them; one that no file has is null, and tells the rows.
        convert = self.options.convert_options(stored if stored.names else _NO_COLUMN)
        names, source, reader = None, None, None
        plain = can_be_cut(file, self.store) and not self.options.newlines_in_values
        if self.tell is not None and plain:
            yield from self._readable(part, convert)
            return
        try:
            if part.whole:
                source = pa.PythonFile(_Ended(open_stream(file, self.store)), mode="r")
            else:
                source = pa.BufferReader(_ended(_lines_of(part, self.options)))
                names = None if part.start == 0 else read_header(file, None, self.options).names
            reader = pacsv.open_csv(
                source,
                self.options.read_options(names, BLOCK_BYTES),
                self.options.parse_options(empty_lines=self._has_empty_lines(part)),
                convert,
            )
            yield from reader
        except pa.ArrowNotImplementedError as error:
            raise SchemaError(
                f"{file.path!r} cannot be read with the types of schema=: {reason(error)}. Read the"
                " column as text and cast it."
            ) from None
        except UNREADABLE as error:
            if "Empty CSV file" in str(error):
                return
            raise _damaged_at(part, error) from None
        finally:
            # It reads ahead in a thread, which it waits for when it goes: a thread that reads
            # Python's file while the interpreter ends would end the process.
            del reader
            if source is not None:
                source.close()

    def _readable(self, part: Range, convert: pacsv.ConvertOptions) -> Iterator[pa.RecordBatch]:
        """Stream the lines but for those that cannot be read."""
        own = self.options
        names = _names(part.file, own)
        quote = own.quote.encode() if own.quote else b""

        def read(lines: bytes) -> list[pa.RecordBatch]:
            if quote and lines.count(quote) % 2:
                raise pa.ArrowInvalid("a quoted value has no end")
            if not lines.strip(b"\r\n") and not self.one_column:
                return []
            reader = pacsv.open_csv(
                pa.BufferReader(_ended(lines)),
                own.read_options(names, len(lines) + 1),
                own.parse_options(empty_lines=self.one_column),
                convert,
            )
            return list(reader)

        bad = itertools.count(1)

        def refused(number: int, error: Exception) -> None:
            if next(bad) > MOST_BAD_LINES:
                raise SourceCorrupt(f"{part} has more than {MOST_BAD_LINES:,} lines of that kind.")
            found = _damaged(part.file.path, f", line {number:,}", error)
            self.leave_out(part.file, f"line {number:,}", found)

        data = lines_of(part)
        line = 1 + (0 if part.start == 0 else lines_before(part))
        for _ in range(own.skip_rows + own.has_header if part.start == 0 else 0):
            data = data.partition(b"\n")[2]
            line += 1
        for block in blocks(data):
            yield from readable_lines(block, line, read, refused)
            line += block.count(b"\n")

    def _has_empty_lines(self, part: Range) -> bool:
        """Return whether an empty line is a row: in one column, but for those before its name."""
        if not self.one_column or part.start > 0:
            return self.one_column
        return not first_lines(part.file, self.store, 1).startswith((b"\n", b"\r"))


def _ended(lines: bytes) -> bytes:
    """Return `lines` with an end of the last one.

    Where there is none, and the last value is empty, Arrow takes that for quoted if the one before
    is, and gives an empty text for what is null.
    """
    return lines if not lines or lines.endswith(b"\n") else lines + b"\n"


class _Ended(io.RawIOBase):
    """A stream of lines with an end of the last one."""

    def __init__(self, stream: pa.NativeFile) -> None:
        self._stream = stream
        self._ended = True

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._stream.read(None if size < 0 else size)
        if data:
            self._ended = data.endswith(b"\n")
        elif not self._ended:
            self._ended = True
            return b"\n"
        return data

    def close(self) -> None:
        self._stream.close()
        super().close()


def _damaged_at(part: Range, error: Exception) -> SourceCorrupt:
    text = reason(error)
    found = re.search(r"Row #(\d+)", text)
    line = ""
    if found:
        number = int(found[1]) + (0 if part.whole else lines_before(part))
        line = f", line {number:,}"
    return _damaged(part.file.path, line, error)


def _damaged(path: str, line: str, error: Exception) -> SourceCorrupt:
    # Arrow's number of the row is one within a block.
    text = re.sub(r"\bRow #\d+: ", "", reason(error)) if line else reason(error)
    return SourceCorrupt(
        f"{path!r}{line} cannot be read as CSV: {text}. If a column's type was"
        " guessed wrongly from the first rows, give it with schema=; if values hold line ends,"
        " pass newlines_in_values=True; see also separator=, quote= and null_values=. With"
        " on_error='skip' such lines are left out."
    )


def _check_width(sample: bytes, options: CsvOptions) -> None:
    """Raise `pa.ArrowInvalid` if the first line has more columns than are taken."""
    first = sample.split(b"\n", options.skip_rows + 1)[: options.skip_rows + 1][-1]
    columns = first.count(options.separator.encode()) + 1
    if columns > _MOST_COLUMNS:
        raise pa.ArrowInvalid(
            f"its first {len(first):,} bytes have {columns:,} columns, of which"
            f" {_MOST_COLUMNS:,} are taken"
        )


def _names(file: File, options: CsvOptions) -> list[str]:
    """Return the names of the columns, whatever is behind the line that tells them."""
    above = options.skip_rows + 1
    beginning = b"\n".join(first_lines(file, None, _HEADER_BYTES).split(b"\n", above)[:above])
    reader = pacsv.open_csv(
        pa.BufferReader(beginning + b"\n"),
        options.read_options(None, len(beginning) + 2),
        options.parse_options(),
        options.convert_options(None),
    )
    names: list[str] = reader.schema.names
    return names


def _lines_of(part: Range, options: CsvOptions) -> bytes:
    """Return the lines that begin in a range."""
    data = lines_of(part)
    if options.quote and data.count(options.quote.encode()) % 2:
        raise SourceCorrupt(
            f"{part} begins or ends within a quoted value: a value holds a line end. Read the"
            " dataset with newlines_in_values=True."
        )
    return data


def read_header(
    file: File,
    store: fs.FileSystem | None,
    options: CsvOptions,
    sample_bytes: int = _HEADER_BYTES,
    *,
    skip: bool = False,
) -> pa.Schema:
    """Return the names of a file's columns and the types its first rows have.

    With `skip` rows of another number of values tell nothing, unless there are no others.

    Raises
    ------
    SourceCorrupt
        If the file is empty or not CSV.
    """
    sample = b""
    left_out = []

    def refused(row: pacsv.InvalidRow) -> str:
        left_out.append(row)
        return "skip"

    try:
        sample = first_lines(file, store, sample_bytes)
        _check_width(sample, options)
        reader = pacsv.open_csv(
            pa.BufferReader(_ended(sample)),
            options.read_options(None, len(sample) + 1),
            options.parse_options(refused=refused if skip else None),
            options.convert_options(None),
        )
        if left_out and not reader.read_all().num_rows:
            row = left_out[0]
            raise pa.ArrowInvalid(
                f"Expected {row.expected_columns} columns, got {row.actual_columns}: {row.text}"
            )
        return reader.schema
    except UNREADABLE as error:
        advice = _another_separator(sample, options) or "see also separator= and quote="
        raise not_readable(file, "CSV", error, "*.csv", advice, by_line=True) from None


def _another_separator(sample: bytes, options: CsvOptions) -> str:
    """Return what to write where the header holds no separator but another character often used."""
    head = sample.split(b"\n", options.skip_rows + 1)[options.skip_rows : options.skip_rows + 1]
    if not head or options.separator.encode() in head[0]:
        return ""
    for other in (";", "\t", "|", ","):
        if other.encode() in head[0]:
            return (
                f"its header has no {options.separator!r} but {other!r}: pass separator={other!r}"
            )
    return ""
