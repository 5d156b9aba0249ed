"""The life of one engine's process: a query number in, seconds and rows out, until input ends.

Requests and replies are lines of JSON on standard input and output; a reply's rows follow it as an
Arrow IPC stream of the length it states. What an engine prints goes to standard error.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from . import engines
from .dataset import TABLES, Dataset
from .queries import queries


class Tables:
    """``t.lineitem`` is the engine's own lazy frame over that table's files."""

    def __init__(self, engine: engines.Engine, dataset: Dataset) -> None:
        self._engine = engine
        self._dataset = dataset
        self.decimals = dataset.decimals
        self.scale = dataset.scale

    def __getattr__(self, table: str) -> Any:
        if table not in TABLES:
            raise AttributeError(f"TPC-H has no table {table!r}; it has {', '.join(TABLES)}.")
        return self._engine.scan(self._dataset.path(table))


def serve(request: str) -> None:
    """Start the engine that `request` (JSON) names and answer queries until input ends."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    asked = json.loads(request)
    dataset = Dataset(directory=Path(asked["directory"]), decimals=asked["decimals"])
    engine = engines.start(asked["engine"], engines.Options(**asked["options"]))
    tables = Tables(engine, dataset)
    known = queries(asked["engine"])
    _reply(replies, {"queries": sorted(known)})
    for line in sys.stdin:
        number = json.loads(line)["query"]
        gc.collect()  # the last query's garbage is not this query's time
        started = time.perf_counter()
        try:
            rows = engine.collect(known[number](tables))
        except Exception:  # any engine, any defect: the harness shows it and ends the run
            _reply(replies, {"error": traceback.format_exc()})
            continue
        seconds = time.perf_counter() - started
        payload = _ipc(rows)
        _reply(replies, {"seconds": seconds, "bytes": len(payload)}, payload)
    engine.close()


def _ipc(rows: pa.Table) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return memoryview(sink.getvalue())


def _reply(replies: BinaryIO, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
    replies.write(json.dumps(header).encode() + b"\n")
    replies.write(payload)
    replies.flush()
