"""Compiled loops over sets of keys: bitmaps of dense ranges, and Bloom filters of hashes."""

from __future__ import annotations

import numpy as np

from .jit import kernel


def _distances(
    values: np.ndarray, valid: np.ndarray, low: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far values are above `low`, and which of them are below `size` and valid."""
    distances = values.astype(np.int64) - np.int64(low)
    inside = distances.view(np.uint64) < np.uint64(size)
    return distances, inside & valid.view(np.bool_) if len(valid) else inside


def _add_bits_numpy(
    values: np.ndarray, valid: np.ndarray, low: int, size: int, bits: np.ndarray
) -> None:
    distances, inside = _distances(values, valid, low, size)
    flags = np.zeros(8 * len(bits), np.bool_)
    flags[distances[inside]] = True
    bits |= np.packbits(flags, bitorder="little")


@kernel("in i4, in u1, i8, i8, out u1", "in i8, in u1, i8, i8, out u1", instead=_add_bits_numpy)
def add_bits(values: np.ndarray, valid: np.ndarray, low: int, size: int, bits: np.ndarray) -> None:
    """Set the bit ``value - low`` of every valid value for which it is below `size`.

    Cost: 1 ns a value.
    """
    for row in range(len(values)):
        distance = np.int64(values[row]) - low
        if np.uint64(distance) < np.uint64(size) and (len(valid) == 0 or valid[row] != 0):
            bits[distance >> 3] |= np.uint8(1 << (distance & 7))


def _find_bits_numpy(
    values: np.ndarray, valid: np.ndarray, low: int, size: int, bits: np.ndarray, out: np.ndarray
) -> None:
    distances, inside = _distances(values, valid, low, size)
    places = np.where(inside, distances, 0)
    out[:] = inside & ((bits[places >> 3] >> (places & 7).astype(np.uint8)) & 1).astype(np.bool_)


@kernel(
    "in i4, in u1, i8, i8, in u1, out b1",
    "in i8, in u1, i8, i8, in u1, out b1",
    instead=_find_bits_numpy,
)
def find_bits(
    values: np.ndarray, valid: np.ndarray, low: int, size: int, bits: np.ndarray, out: np.ndarray
) -> None:
    """Say for each value whether it is valid and its bit ``value - low`` is set.

    Cost: 0.7 ns a value where the bits fit into the cache; 3.8 with branches and random keys.
    """
    # Without branches: which keys are found is as good as random.
    for row in range(len(values)):
        distance = np.uint64(np.int64(values[row]) - low)
        inside = distance < np.uint64(size)
        place = distance if inside else np.uint64(0)
        bit = (bits[place >> np.uint64(3)] >> np.uint8(place & np.uint64(7))) & np.uint8(1)
        out[row] = bool(bit & np.uint8(inside))
    for row in range(len(valid)):
        out[row] = out[row] and valid[row] != 0


_SIX_BITS = np.uint64(63)
_BLOCK = np.uint64(24)
"""The lowest bit that chooses a block. The highest ones choose the slot of a hash exchange: within
one slot they are nearly the same for all keys."""


def _bloom_masks(hashes: np.ndarray) -> np.ndarray:
    one = np.uint64(1)
    masks = one << (hashes & _SIX_BITS)
    for shift in (6, 12, 18):
        masks |= one << ((hashes >> np.uint64(shift)) & _SIX_BITS)
    return masks


def _blocks_of(hashes: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    return ((hashes >> _BLOCK) & np.uint64(len(blocks) - 1)).astype(np.int64)


def _add_hashes_numpy(hashes: np.ndarray, blocks: np.ndarray) -> None:
    np.bitwise_or.at(blocks, _blocks_of(hashes, blocks), _bloom_masks(hashes))


@kernel("in u8, out u8", instead=_add_hashes_numpy)
def add_hashes(hashes: np.ndarray, blocks: np.ndarray) -> None:
    """Set four bits of the block that a hash chooses; there are a power of two of them.

    Cost: 2 ns a hash where the blocks fit into the cache.
    """
    one = np.uint64(1)
    low = np.uint64(63)
    last = np.uint64(len(blocks) - 1)
    for row in range(len(hashes)):
        h = hashes[row]
        blocks[(h >> np.uint64(24)) & last] |= (
            (one << (h & low))
            | (one << ((h >> np.uint64(6)) & low))
            | (one << ((h >> np.uint64(12)) & low))
            | (one << ((h >> np.uint64(18)) & low))
        )


def _find_hashes_numpy(hashes: np.ndarray, blocks: np.ndarray, out: np.ndarray) -> None:
    masks = _bloom_masks(hashes)
    out[:] = (blocks[_blocks_of(hashes, blocks)] & masks) == masks


@kernel("in u8, in u8, out b1", instead=_find_hashes_numpy)
def find_hashes(hashes: np.ndarray, blocks: np.ndarray, out: np.ndarray) -> None:
    """Say for each hash whether `add_hashes` may have met it. Cost: 2 ns, as above."""
    one = np.uint64(1)
    low = np.uint64(63)
    last = np.uint64(len(blocks) - 1)
    for row in range(len(hashes)):
        h = hashes[row]
        mask = (
            (one << (h & low))
            | (one << ((h >> np.uint64(6)) & low))
            | (one << ((h >> np.uint64(12)) & low))
            | (one << ((h >> np.uint64(18)) & low))
        )
        out[row] = (blocks[(h >> np.uint64(24)) & last] & mask) == mask


def _add_digit_numpy(
    values: np.ndarray, valid: np.ndarray, low: int, size: int, combined: np.ndarray
) -> None:
    distances, inside = _distances(values, valid, low, size)
    kept = inside & (combined >= 0)
    combined[:] = np.where(kept, combined * np.int64(size) + distances, -1)


@kernel("in i4, in u1, i8, i8, out i8", "in i8, in u1, i8, i8, out i8", instead=_add_digit_numpy)
def add_digit(
    values: np.ndarray, valid: np.ndarray, low: int, size: int, combined: np.ndarray
) -> None:
    """Put the digit ``value - low`` behind `combined`; -1 for null and what is out of range.

    The product of the sizes of all digits is below 2^62. Cost: 1 ns a value.
    """
    for row in range(len(values)):
        distance = np.int64(values[row]) - low
        before = combined[row]
        kept = np.uint64(distance) < np.uint64(size) and before >= 0
        kept = kept and (len(valid) == 0 or valid[row] != 0)
        combined[row] = before * size + distance if kept else np.int64(-1)
