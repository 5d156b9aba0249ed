"""The life of one engine's process: a query's name in, seconds and rows out, until input ends.

Requests and replies are lines of JSON on standard input and output; a reply's rows follow it as an
Arrow IPC stream of the length it states. What an engine prints goes to standard error.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from . import engines
from .engines import Written
from .suite import Tables, load


def serve(request: str) -> None:
    """Start the engine that `request` (JSON) names and answer queries until input ends."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    asked = json.loads(request)
    suite = load(asked["suite"])
    fields = asked["dataset"]
    dataset = suite.dataset(**fields | {"directory": Path(fields["directory"])})
    engine = engines.start(asked["engine"], engines.Options(**asked["options"]))
    known = suite.queries(engines.asked_as(asked["engine"]))
    with tempfile.TemporaryDirectory(prefix="partita-benchmark-") as scratch:
        tables = Tables(engine, dataset, Path(scratch))
        _reply(replies, {"queries": list(known)})
        for line in sys.stdin:
            query = json.loads(line)["query"]
            gc.collect()  # the last query's garbage is not this query's time
            started = time.perf_counter()
            try:
                built = known[query](tables)
                given = built if isinstance(built, Written) else engine.collect(built)
                seconds = time.perf_counter() - started
                rows = suite.summary(query, _read(given) if isinstance(given, Written) else given)
            except Exception:  # any engine, any defect: the harness shows it and ends the run
                _reply(replies, {"error": traceback.format_exc()})
                continue
            payload = _ipc(rows)
            _reply(replies, {"seconds": seconds, "bytes": len(payload)}, payload)
            del built, given, rows, payload  # what a query gave is not the next one's memory
        engine.close()


def _read(written: Written) -> pa.Table:
    """Return what was written, in its order, and remove it."""
    path = Path(written.path)
    if path.is_file():
        rows = pq.read_table(path)
        path.unlink()
        return rows
    files = sorted(path.rglob("*.parquet"), key=_numbered)
    rows = pa.concat_tables([pq.read_table(file) for file in files])
    shutil.rmtree(path)
    return rows


def _numbered(file: Path) -> tuple[int, str]:
    """Return a name's order among ``part.2.parquet`` and ``part.10.parquet``: 2 is before 10."""
    digits = "".join(filter(str.isdigit, file.stem))
    return int(digits or 0), file.name


def _ipc(rows: pa.Table) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return memoryview(sink.getvalue())


def _reply(replies: BinaryIO, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
    replies.write(json.dumps(header).encode() + b"\n")
    replies.write(payload)
    replies.flush()
