"""Files of each format, and what can happen to the bytes of a file; all of it drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import partita as pt

ROWS = 3_000


@dataclass(frozen=True)
class Readable:
    """A format: how a good file of it is written and read."""

    suffix: str
    write: Callable[[pt.DataFrame, Path], Any]
    scan: Callable[..., pt.DataFrame]
    nested: bool = True


FORMATS: Mapping[str, Readable] = {
    "parquet": Readable(
        ".parquet", lambda df, path: df.sink_parquet(path, row_group_rows=1_000), pt.scan_parquet
    ),
    "ipc": Readable(".arrow", lambda df, path: df.sink_ipc(path), pt.scan_ipc),
    "ipc-zstd": Readable(
        ".arrow", lambda df, path: df.sink_ipc(path, compression="zstd"), pt.scan_ipc
    ),
    "csv": Readable(".csv", lambda df, path: df.sink_csv(path), pt.scan_csv, nested=False),
    "json": Readable(".json", lambda df, path: df.sink_json(path), pt.scan_json),
    "orc": Readable(".orc", lambda df, path: df.sink_orc(path), pt.scan_orc),
    "orc-plain": Readable(
        ".orc", lambda df, path: df.sink_orc(path, compression="uncompressed"), pt.scan_orc
    ),
}


def rows(nested: bool) -> pt.DataFrame:
    """Return numbers, texts that repeat and texts that do not, dates, nulls, and lists."""
    random_numbers = np.random.default_rng(1)
    columns: dict[str, Any] = {
        "id": np.arange(ROWS),
        "x": random_numbers.normal(size=ROWS),
        "text": [f"text {number % 97}" for number in range(ROWS)],
        "own": [f"u{number * 7919}" if number % 7 else None for number in range(ROWS)],
        "day": [date.fromordinal(730_000 + number) for number in range(ROWS)],
    }
    if nested:
        columns["list"] = [[number, number + 1] if number % 5 else None for number in range(ROWS)]
    return pt.DataFrame(pa.table(columns))


def damaged(data: bytes, seed: int) -> bytes:
    """Return `data` with bits flipped, or a piece lost, doubled, zeroed or replaced.

    Half of it is done to the last tenth, where formats keep what leads to all the rest.
    """
    draw = random.Random(seed)
    low = 0 if draw.random() < 0.5 else len(data) * 9 // 10
    place = draw.randrange(low, len(data))
    stop = min(len(data), place + draw.randrange(1, 200))
    changed = bytearray(data)
    match draw.choice(["bits", "bits", "bits", "bytes", "end", "zeros", "double", "lost", "size"]):
        case "bits":
            for _ in range(draw.choice([1, 1, 1, 2, 8, 32])):
                changed[draw.randrange(low, len(data))] ^= 1 << draw.randrange(8)
        case "bytes":
            for _ in range(draw.choice([1, 4, 16])):
                value = draw.choice([0, 0x7F, 0x80, 0xFF, draw.randrange(256)])
                changed[draw.randrange(low, len(data))] = value
        case "end":
            del changed[place:]
        case "zeros":
            changed[place:stop] = bytes(stop - place)
        case "double":
            changed[place:place] = changed[place:stop]
        case "lost":
            del changed[place:stop]
        case "size":
            # A number of 32 bits, as large as can be, in the way that footers write it.
            changed[place : place + 5] = b"\xff\xff\xff\xff\x0f"
    return bytes(changed)
