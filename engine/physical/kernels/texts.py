"""Texts found by value: a table of the hashes of some, and a comparison where a hash is met."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from .hash import hash_text
from .key_columns import KeyColumn, text_parts, valid_bytes
from .lookup import Lookup, find, make_lookup
from .text_loops import keep_same
from .words import as_bytes, dictionary_parts


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """The texts of a column by hash; no two that differ have the same one with this seed."""

    values: pa.Array
    hashes: Lookup
    seed: int


def _text_table(values: pa.Array) -> tuple[TextTable, np.ndarray]:
    """Return a table of texts, which may repeat and be null, and the place of each in it.

    Its seed is the first with which no two texts that differ have the same hash.
    """
    values = as_bytes(values)
    parts = text_parts(values)
    seed = 0
    while True:
        hashed = _hashed(values, seed)
        hashes = make_lookup(hashed)
        if hashes.repeats or len(hashed.valid):
            places, count = find(hashes, hashed)
        else:
            places, count = np.arange(len(values), dtype=np.int32), len(values)
        if not hashes.repeats or keep_same(*parts, *parts, places) == count:
            return TextTable(values=values, hashes=hashes, seed=seed), places
        seed += 1


def _hashed(values: pa.Array, seed: int) -> KeyColumn:
    return KeyColumn(values=hash_text(values, seed).view(np.int64), valid=valid_bytes(values))


def find_texts(table: TextTable, key: pa.Array) -> np.ndarray:
    """Return for each text the first place where the table has it, int32, -1 for none and null."""
    if isinstance(key, pa.DictionaryArray):
        codes, values = dictionary_parts(key)
        return np.append(find_texts(table, values), np.int32(-1))[codes]
    own = as_bytes(key)
    found, count = find(table.hashes, _hashed(own, table.seed))
    if count:
        # Equal hashes are not yet equal texts; of the table's texts at most one has that hash.
        keep_same(*text_parts(own), *text_parts(table.values), found)
    return found


def numbered_texts(key: pa.Array) -> tuple[TextTable, np.ndarray]:
    """Return a table of the texts of a column and the place of each row in it, int32, -1 for null.

    Equal texts have the place of the first one; places are below the number of rows.
    """
    if not isinstance(key, pa.DictionaryArray):
        return _text_table(key)
    codes, values = dictionary_parts(key)
    table, places = _text_table(values)
    return table, np.append(places, np.int32(-1))[codes]
