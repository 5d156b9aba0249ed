"""Lists as what they are made of: all elements one after the other, and how many each list has.

Whatever a list is stored as (with 32 or 64 bit offsets, of a fixed size, as views), the functions
of lists see it like this, and give lists with offsets back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import TypeMismatch
from ..schema import decoded
from .function import Value, is_list


@dataclass(frozen=True, kw_only=True)
class Lists:
    """A column of lists."""

    values: pa.Array
    """The elements of all lists; a null list has none."""

    lengths: np.ndarray
    """The number of elements of each list, ``int64``."""

    valid: np.ndarray | None
    """Which lists are not null; None where all are."""

    large: bool
    """Whether the offsets are of 64 bits."""

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def offsets(self) -> np.ndarray:
        """Where each list begins among the values, and the end of the last."""
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(self.lengths)])

    @property
    def parents(self) -> np.ndarray:
        """The number of the list that each of the values belongs to."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @property
    def places(self) -> np.ndarray:
        """The number of each of the values within its list."""
        return np.arange(len(self.values)) - np.repeat(self.offsets[:-1], self.lengths)

    @property
    def mask(self) -> np.ndarray | None:
        """Which lists are null; None where none is."""
        return None if self.valid is None else ~self.valid

    def array(self) -> pa.Array:
        """Return the lists as an Arrow array."""
        kind = pa.LargeListArray if self.large else pa.ListArray
        offsets = pa.array(self.offsets, pa.int64() if self.large else pa.int32())
        mask = None if self.mask is None else pa.array(self.mask)
        return kind.from_arrays(offsets, self.values, mask=mask)

    def keep(self, which: np.ndarray) -> Lists:
        """Return the lists with only the elements for which `which` is true."""
        lengths = np.bincount(self.parents[which], minlength=len(self)).astype(np.int64)
        return replace(self, values=self.values.filter(pa.array(which)), lengths=lengths)

    def take(self, order: np.ndarray, lengths: np.ndarray | None = None) -> Lists:
        """Return the lists with the values at `order`, a list's values still side by side."""
        taken = self.values.take(pa.array(order, pa.int64()))
        return replace(self, values=taken, lengths=self.lengths if lengths is None else lengths)

    def windows(self, starts: np.ndarray, lengths: np.ndarray) -> Lists:
        """Return of each list `lengths` elements from the place `starts` on, all of them in it."""
        begins = np.cumsum(lengths) - lengths
        first = self.offsets[:-1] + starts - begins
        return self.take(np.repeat(first, lengths) + np.arange(int(lengths.sum())), lengths)

    def each(self, values: np.ndarray | pa.Array, missing: np.ndarray | None = None) -> pa.Array:
        """Return one value for each list, null where the list is or where `missing` says so."""
        masks = [each for each in (self.mask, missing) if each is not None]
        mask = np.logical_or.reduce(masks) if masks else None
        if isinstance(values, np.ndarray):
            return pa.array(values, mask=mask)
        if mask is None:
            return values
        return pc.if_else(pa.array(mask), pa.scalar(None, values.type), values)


def beside(value: Value, rows: int) -> Value:
    """Return a value as an array of `rows`: one for all is repeated."""
    if isinstance(value, pa.Array):
        return value
    # Arrow does not repeat a list no times.
    return pa.repeat(value, rows) if rows else pa.array([], value.type)


def whole_numbers(value: Value, rows: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Return an argument of integers as numpy's, and where it is null."""
    array = beside(value, rows).cast(pa.int64())
    if not array.null_count:
        return array.to_numpy(zero_copy_only=False), None
    return pc.fill_null(array, 0).to_numpy(zero_copy_only=False), np.asarray(array.is_null())


def lists_of(value: Value, name: str) -> Lists:
    """Return what the lists of `value` are made of.

    Raises
    ------
    TypeMismatch
        If they are no lists.
    """
    dtype = value.type
    if pa.types.is_null(dtype):
        value = value.cast(pa.list_(pa.null()))
    elif not is_list(dtype):
        raise TypeMismatch(f"{name} wants a list as its first argument, but this is {dtype}.")
    lengths = pc.fill_null(pc.list_value_length(value), 0).to_numpy(zero_copy_only=False)
    valid = np.asarray(value.is_valid()) if value.null_count else None
    return Lists(
        values=decoded(value.flatten()),
        lengths=lengths.astype(np.int64),
        valid=valid,
        large=pa.types.is_large_list(dtype) or pa.types.is_large_list_view(dtype),
    )
