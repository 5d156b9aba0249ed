"""Many rows in one: what is compared of an answer that is too large to be sent and sorted.

A checksum is the sum, modulo 2**64, of a hash of each row over all its columns: rows in another
order have the same one, and rows that differ in one bit of one value have another. So it holds
only for values that engines have to give bit by bit, and not for sums of doubles.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NULL = np.uint64(0x9E3779B97F4A7C15)


def checksum(rows: pa.Table) -> pa.Table:
    """Return one row: how many rows there were, and their checksum.

    Examples
    --------
    >>> import pyarrow as pa
    >>> rows = pa.table({"n": [1, 2], "s": ["a", None]})
    >>> turned = pa.table({"n": [2, 1], "s": pa.array([None, "a"], pa.large_string())})
    >>> crossed = pa.table({"n": [2, 1], "s": ["a", None]})
    >>> checksum(rows) == checksum(turned), checksum(rows) == checksum(crossed)
    (True, False)
    """
    total = 0
    for batch in rows.to_batches():
        hashes = np.zeros(batch.num_rows, np.uint64)
        for column in batch.columns:
            hashes = _mixed(hashes * np.uint64(31) + _mixed(_bits(column)))
        total += int(hashes.sum(dtype=np.uint64))
    return pa.table({"rows": [rows.num_rows], "checksum": [f"{total % 2**64:016x}"]})


def _mixed(bits: np.ndarray) -> np.ndarray:
    """Return each number with its bits spread over all 64 (the last step of SplitMix64)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _bits(column: pa.Array) -> np.ndarray:
    """Return 64 bits for each value: the same for equal values, whatever the width of the type."""
    for is_kind, bits in _KINDS:
        if is_kind(column.type):
            found = bits(column)
            valid = column.is_valid().to_numpy(zero_copy_only=False)
            return found if valid.all() else np.where(valid, found, NULL)
    raise TypeError(f"no checksum for {column.type}")


def _of_integers(column: pa.Array) -> np.ndarray:
    return column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False).view(np.uint64)


def _of_doubles(column: pa.Array) -> np.ndarray:
    values = column.cast(pa.float64()).fill_null(0).to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(values).view(np.uint64)


def _of_texts(column: pa.Array) -> np.ndarray:
    coded = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
    hashes = np.array(
        [zlib.crc32(text.encode()) for text in coded.dictionary.to_pylist()], np.uint64
    )
    codes = coded.indices.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return hashes[codes] if len(hashes) else np.zeros(len(column), np.uint64)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


_KINDS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], np.ndarray]], ...] = (
    (pa.types.is_integer, _of_integers),
    (pa.types.is_floating, _of_doubles),
    (_is_text, _of_texts),
)
