"""All row groups of a dataset side by side: what their footers tell, as arrays over them.

A scan of ten thousand files looks at as many footers: what is asked of them is brought together
once per column, and the rest is numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from .bounds import Bounds, of_scalar
from .hive import partition_value
from .parquet_footer import Chunk, Footer
from .pruning_columns import ColumnBounds, column_bounds

_MISSING = Chunk(0, 0, None, None, None, False)


@dataclass(frozen=True, eq=False, kw_only=True)
class Chunks:
    """A column of files in each row group of the dataset."""

    present: np.ndarray
    """Whether the file has the column; the rest says nothing where it has not."""

    stored_bytes: np.ndarray
    encoded_bytes: np.ndarray
    is_dictionary: np.ndarray
    """Whether it is text that can be read as a dictionary."""

    each: Sequence[Chunk]


class RowGroups:
    """The row groups of some files, numbered through.

    Parameters
    ----------
    footers
        The files in order.
    types
        The columns, and their types in a plan.
    keys
        The columns that come from folder names.
    """

    def __init__(
        self, footers: Sequence[Footer], types: Mapping[str, pa.DataType], keys: Sequence[str]
    ) -> None:
        self._footers = footers
        self._types = types
        self._keys = frozenset(keys)
        self._chunks: dict[str, Chunks] = {}
        self._bounds: dict[str, ColumnBounds | None] = {}
        self._folders: dict[tuple[str, str | None], Bounds] = {}
        counts = [len(footer.rows) for footer in footers]
        self.file = np.repeat(np.arange(len(footers)), counts)
        """Which file each is in."""

        self.group = np.fromiter(
            (group for count in counts for group in range(count)), np.int64, len(self.file)
        )
        """Which of its file it is."""

        self.rows = np.fromiter(
            (rows for footer in footers for rows in footer.rows), np.int64, len(self.file)
        )

    def __len__(self) -> int:
        return len(self.rows)

    def footer(self, place: int) -> Footer:
        """Return the footer of the file that a row group is in."""
        return self._footers[self.file[place]]

    def is_key(self, name: str) -> bool:
        """Return whether a column comes from folder names."""
        return name in self._keys

    def chunks(self, name: str) -> Chunks:
        """Return a column of the files."""
        known = self._chunks.get(name)
        if known is None:
            known = self._chunks[name] = self._chunks_of(name)
        return known

    def _chunks_of(self, name: str) -> Chunks:
        each: list[Chunk] = []
        text = []
        for footer in self._footers:
            stored = footer.columns.get(name)
            if stored is None:
                each += [_MISSING] * len(footer.rows)
            else:
                each += footer.chunks(name)
            text.append(stored is not None and stored.plain == pa.string())
        present = np.fromiter((name in footer.columns for footer in self._footers), np.bool_)
        count = len(each)
        is_dictionary = np.fromiter((chunk.is_dictionary for chunk in each), np.bool_, count)
        return Chunks(
            present=present[self.file],
            stored_bytes=np.fromiter((chunk.stored_bytes for chunk in each), np.int64, count),
            encoded_bytes=np.fromiter((chunk.encoded_bytes for chunk in each), np.int64, count),
            is_dictionary=is_dictionary & np.array(text, np.bool_)[self.file],
            each=each,
        )

    def nulls(self, name: str, place: int) -> int | None:
        """Return how many nulls a column has in a row group, None where that is not known."""
        footer, rows = self.footer(place), int(self.rows[place])
        if self.is_key(name):
            return rows if dict(footer.file.partition).get(name) is None else 0
        if name not in footer.columns:
            return rows
        return footer.chunks(name)[self.group[place]].nulls

    def bounds(self, name: str, place: int) -> Bounds:
        """Return what is known of a column in a row group."""
        footer, dtype = self.footer(place), self._types[name]
        if self.is_key(name):
            return self._folder(name, dict(footer.file.partition).get(name), footer.file.path)
        return footer.bounds_as(name, int(self.group[place]), dtype)

    def _folder(self, name: str, text: str | None, path: str) -> Bounds:
        known = self._folders.get((name, text))
        if known is None:
            known = of_scalar(partition_value(text, self._types[name], repr(path)))
            self._folders[name, text] = known
        return known

    def column_bounds(self, name: str) -> ColumnBounds | None:
        """Return the same for all row groups at once, where they are of one kind."""
        if name not in self._bounds:
            self._bounds[name] = column_bounds(
                [self.bounds(name, place) for place in range(len(self))]
            )
        return self._bounds[name]

    @cached_property
    def _widths(self) -> Mapping[str, int | None]:
        return {name: _fixed_width(dtype) for name, dtype in self._types.items()}

    def decoded_bytes(self, names: Sequence[str]) -> np.ndarray:
        """Return about how many bytes the columns `names` take when read, for each row group."""
        total = np.zeros(len(self), np.int64)
        for name in names:
            if self.is_key(name):
                total += 4 * self.rows
                continue
            chunks, width = self.chunks(name), self._widths[name]
            if width is not None:
                size = self.rows * width // 8
            else:
                # Beyond what a writer puts into a dictionary by default the codes are not counted.
                beyond = np.maximum(chunks.encoded_bytes - 4 * self.rows, 1 << 20)
                codes = 4 * self.rows + np.minimum(chunks.encoded_bytes, beyond)
                coded = chunks.is_dictionary | pa.types.is_dictionary(self._types[name])
                size = np.where(coded, codes, chunks.encoded_bytes + self.rows)
            total += np.where(chunks.present, size, 4 * self.rows)
        return total

    def stored_bytes(self, names: Sequence[str]) -> np.ndarray:
        """Return how many bytes the columns `names` take in storage, for each row group."""
        total = np.zeros(len(self), np.int64)
        for name in names:
            if not self.is_key(name):
                total += self.chunks(name).stored_bytes
        return total


def _fixed_width(dtype: pa.DataType) -> int | None:
    """Return the bits of a value, None for a type without a fixed number."""
    if pa.types.is_null(dtype):
        return 0
    if not pa.types.is_primitive(dtype) and not pa.types.is_decimal(dtype):
        return None
    return dtype.bit_width
