"""Small files that are large, or deep, or wide: memory stays within the limit, or an error says so.

Footers and row groups of Parquet are in ``test_faults_footers``, stripes of ORC in
``test_faults_orc``, JSON that is nested in ``tests/test_io_json_depth.py``.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .processes import environment

MOST_SECONDS = 20
MOST_MIB = 512

READ = """
import json, re, sys, time
import partita as pt
scan = {".parquet": pt.scan_parquet, ".arrow": pt.scan_ipc, ".csv": pt.scan_csv}
path = sys.argv[1]
scan = next((scan[end] for end in scan if end in path), pt.scan_json)
pt.config.set(executor="serial", progress="off", memory_limit=512 << 20)
started = time.process_time()
try:
    frame = scan(path)
    counts = frame.select(pt.all().count()).collect().to_pydict()
    said = f"read {max(counts.values())[0]}"
except pt.errors.PartitaError as error:
    said = str(error)
seconds = time.process_time() - started
with open("/proc/self/status") as status:
    peak = int(re.search(r"VmHWM:\\s*(\\d+)", status.read())[1]) // 1024
print(json.dumps([said, seconds, peak]))
"""


@dataclass(frozen=True)
class Bomb:
    """A file, and a part of what is said of it."""

    name: str
    write: Callable[[Path], None]
    said: str


def lines(line: bytes, header: bytes = b"") -> Callable[[Path], None]:
    """Return what writes 300 MB of one line, compressed to a thousandth as the suffix tells."""

    def write(path: Path) -> None:
        with pa.output_stream(str(path), compression="detect") as file:
            file.write(header)
            for _ in range(300):
                file.write(line * 1_024)

    return write


def one_line(begin: bytes, end: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with pa.output_stream(str(path), compression="detect") as file:
            file.write(begin)
            for _ in range(300):
                file.write(b"x" * (1 << 20))
            file.write(end)

    return write


def page_of_2_gb(path: Path) -> None:
    """A page that says it is of 2 GB when it is decompressed: the most that its header can say."""
    numbers = np.arange(1_000) * 7_919 % 1_013
    pq.write_table(pa.table({"a": numbers}), path, compression="zstd", use_dictionary=False)
    data = path.read_bytes()
    # What follows the type of a page: a varint of the bytes when decompressed.
    assert data[:6] == b"PAR1\x15\x00"
    stop = next(place for place in range(7, len(data)) if data[place] < 128) + 1
    size = b"\xfe\xff\xff\xff\x0f"
    # What is behind the header moves on by as much as the number is longer.
    path.write_bytes(data[:7] + size + data[stop:])


def dictionary_of_4_gb(path: Path) -> None:
    codes = pa.array(np.zeros(4_000_000, np.int32))
    texts = pa.DictionaryArray.from_arrays(codes, pa.array(["x" * 1_000]))
    table = pa.table({"t": texts})
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=4_000_000)
        return
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(path, table.schema, options=options) as writer:
        writer.write_table(table)


def length_of_2_gb(place: int, *, stream: bool = False) -> Callable[[Path], None]:
    """Return what writes IPC whose message of a number tells of 2 GB of metadata."""

    def write(path: Path) -> None:
        table = pa.table({"a": range(1_000)})
        new = pa.ipc.new_stream if stream else pa.ipc.new_file
        with new(path, table.schema) as writer:
            writer.write_table(table)
        data = bytearray(path.read_bytes())
        if place < 0:
            data[-10:-6] = struct.pack("<i", 2**31 - 1)
        else:
            start = 0
            for _ in range(place + 1):
                start = data.index(b"\xff\xff\xff\xff", start) + 4
            data[start : start + 4] = struct.pack("<i", 2**31 - 1)
        path.write_bytes(data)

    return write


def body_of_a_terabyte(path: Path) -> None:
    table = pa.table({"a": range(1_000)})
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table)
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<q", 8_000), struct.pack("<q", 1 << 40)))


def ten_million_columns(path: Path) -> None:
    with path.open("w") as file:
        names = (f"c{number}" for number in range(10_000_000))
        if path.suffix == ".csv":
            file.write(",".join(names) + "\n" + ",".join("1" * 10_000_000) + "\n")
        else:
            file.write("{" + ",".join(f'"{name}":1' for name in names) + "}\n")


TEXT = b"x" * 1_000

BOMBS = [
    Bomb("page.parquet", page_of_2_gb, "page.parquet"),
    Bomb("dictionary.parquet", dictionary_of_4_gb, "read 4000000"),
    Bomb("dictionary.arrow", dictionary_of_4_gb, "read 4000000"),
    Bomb("rows.csv.gz", lines(b"1," + TEXT + b"\n", b"n,t\n"), "read 307200"),
    Bomb("rows.csv.zst", lines(b"1," + TEXT + b"\n", b"n,t\n"), "read 307200"),
    Bomb("rows.json.gz", lines(b'{"t":"' + TEXT + b'"}\n'), "read 307200"),
    Bomb("rows.json.zst", lines(b'{"t":"' + TEXT + b'"}\n'), "read 307200"),
    Bomb("line.csv.zst", one_line(b"t\nx\n", b"\n"), "line.csv.zst"),
    Bomb("line.json.zst", one_line(b'{"t":"x"}\n{"t":"', b'"}\n'), "line.json.zst"),
    Bomb("schema.arrow", length_of_2_gb(0, stream=True), "schema.arrow"),
    Bomb("message.arrow", length_of_2_gb(1, stream=True), "message.arrow"),
    Bomb("block.arrow", length_of_2_gb(1), "block.arrow"),
    Bomb("footer.arrow", length_of_2_gb(-1), "footer.arrow"),
    Bomb("body.arrow", body_of_a_terabyte, "body.arrow"),
    Bomb("wide.csv", ten_million_columns, "wide.csv"),
    Bomb("wide.json", ten_million_columns, "wide.json"),
]


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param(bomb, id=bomb.name, marks=pytest.mark.soak if "wide" in bomb.name else ())
        for bomb in BOMBS
    ],
)
def test_a_small_file_that_is_large(bomb: Bomb, tmp_path: Path) -> None:
    path = tmp_path / bomb.name
    bomb.write(path)
    run = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, env=environment()
    )
    assert run.returncode == 0, f"the driver ended: {run.stderr[-800:]}"
    said, seconds, peak = json.loads(run.stdout)
    print(f"{bomb.name}: {said[:60]!r}, {seconds:.1f} s, {peak} MiB")
    assert bomb.said in said
    # Processor time: a busy machine is no bomb.
    assert seconds < MOST_SECONDS
    assert peak < MOST_MIB
