"""Footers that lie: about themselves, and about how much there is."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita.engine.errors import SourceCorrupt

from .processes import environment

FLIPPED = {"read", "SourceCorrupt", "SchemaError", "would have ended the process"}
FLIPPED |= {"DuplicateColumn"}


MOST_SECONDS = 20
MOST_MIB = 512


@dataclass(frozen=True)
class Flipped:
    """How files ended, the seconds that the slowest took, and the most memory in MiB."""

    ended: dict[str, int]
    slowest: float
    peak: int


def flip(folder: Path, first: int, every: int) -> Flipped:
    folder.mkdir(exist_ok=True)
    script = Path(__file__).with_name("flipped_footers.py")
    command = [sys.executable, str(script), str(folder), str(first), str(every)]
    run = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert run.returncode == 0, f"the driver ended: {run.stderr[-800:]}"
    found = Flipped(**json.loads(run.stdout))
    assert set(found.ended) <= FLIPPED
    assert found.slowest < MOST_SECONDS
    assert found.peak < MOST_MIB
    return found


def test_a_bit_of_a_footer(tmp_path: Path) -> None:
    found = flip(tmp_path, 0, every=31).ended
    # It is real: C++ would have ended the process for some of them.
    assert found["would have ended the process"] > 0
    assert found["SourceCorrupt"] > 100


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_every_bit_of_a_footer(tmp_path: Path) -> None:
    shares = 16
    found: Counter[str] = Counter()
    slowest, peak = 0.0, 0
    with ThreadPoolExecutor(2) as pool:
        for part in pool.map(
            lambda first: flip(tmp_path / str(first), first, every=shares), range(shares)
        ):
            found.update(part.ended)
            slowest, peak = max(slowest, part.slowest), max(peak, part.peak)
    print(dict(found), f"slowest {slowest:.2f} s, at most {peak} MiB")
    assert sum(found.values()) > 16_000


def varint(number: int) -> bytes:
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


PEAK = """
def peak():
    # getrusage counts what the parent had when it forked.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
"""


@pytest.mark.parametrize("elements", [1_000_000, 50_000_000])
def test_a_footer_that_tells_of_a_million_columns(elements: int, tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    body = b"\x15\x02\x19\xfc" + varint(elements) + bytes(100)
    path.write_bytes(b"PAR1" + body + struct.pack("<I", len(body)) + b"PAR1")
    script = f"""
import sys
import partita as pt
{PEAK}pt.from_pydict({{"a": [1]}}).sink_parquet(sys.argv[2])
pt.scan_parquet(sys.argv[2]).collect()
before = peak()
try:
    pt.scan_parquet(sys.argv[1])
except pt.errors.SourceCorrupt as error:
    print("bomb.parquet" in str(error))
print(peak() - before < 30_000)
"""
    command = [sys.executable, "-c", script, str(path), str(tmp_path / "good")]
    run = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert run.stdout.split() == ["True", "True"], run.stderr


def test_a_small_file_that_is_large_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    same = pa.repeat(7, 4_000_000)
    pq.write_table(
        pa.table({f"c{number}": same for number in range(32)}),
        path,
        row_group_size=4_000_000,
        compression="zstd",
    )
    assert os.path.getsize(path) < 2_000_000
    assert pt.scan_parquet(path).estimate().bytes > 1_000_000_000
    script = f"""
import sys
import partita as pt
{PEAK}pt.config.set(executor="serial", memory_limit="1GiB")
frame = pt.scan_parquet(sys.argv[1])
sums = frame.select(*(pt.col(name).sum() for name in frame.columns)).collect().to_pydict()
print(set(map(tuple, sums.values())) == {{(28_000_000,)}})
print(peak() // 1024)
"""
    command = [sys.executable, "-c", script, str(path)]
    run = subprocess.run(command, capture_output=True, text=True, env=environment())
    right, peak = run.stdout.split()
    assert right == "True"
    assert int(peak) < 500


def test_numbers_of_rows_that_contradict_each_other(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"a": range(1_000)}), path, write_statistics=False)
    data = path.read_bytes()
    start = len(data) - 8 - struct.unpack("<I", data[-8:-4])[0]
    # The rows of the file and of its row group, but not the values of the column in it.
    told = b"\x16" + varint(2_000)
    places = [place for place in range(start, len(data)) if data.startswith(told, place)]
    assert len(places) >= 3
    refused = []
    for place in places:
        changed = bytearray(data)
        changed[place : place + len(told)] = b"\x16" + varint(2_002)
        path.write_bytes(changed)
        try:
            assert len(pt.scan_parquet(path)) == 1_000
        except SourceCorrupt as error:
            refused.append(str(error))
    assert len(refused) >= 2
    assert all("rows.parquet" in said for said in refused)


def test_decimals_of_more_digits_than_the_footer_tells(tmp_path: Path) -> None:
    path = tmp_path / "digits.parquet"
    values = pa.array([1, 12_345], pa.int64()).cast(pa.decimal128(19, 0)).cast(pa.decimal128(5, 0))
    pq.write_table(pa.table({"a": values}), path)
    data = path.read_bytes()
    start = len(data) - 8 - struct.unpack("<I", data[-8:-4])[0]
    # The precision of 5 digits in the schema of Parquet, twice: as a number, and as a logical type.
    refused = []
    for place in range(start, len(data) - 8):
        if data[place] == 10:
            changed = bytearray(data)
            changed[place] = 6
            path.write_bytes(changed)
            refused.append(said_of(path))
    # Where it was another number there is nothing wrong, or something else.
    assert any("3 digits" in said and "digits.parquet" in said for said in refused)


def said_of(path: Path) -> str:
    """Return what the error says of a file; what is read of it is what its type tells."""
    try:
        table = pt.scan_parquet(path).collect().to_arrow()
    except SourceCorrupt as error:
        return str(error)
    table.validate(full=True)
    return ""
