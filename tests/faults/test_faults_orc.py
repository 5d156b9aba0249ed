"""ORC, whose reader damaged files end: the driver lives, and what is wrong is told."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyarrow as pa
import pytest
from pyarrow import orc

import partita as pt
from partita.engine.errors import SourceCorrupt
from partita.io.orc_reading import read_stripe

from ..patience import SOON
from .damage import FORMATS, damaged, rows
from .processes import await_end

ENDS_THE_READER = 10_999
"""The seed of damage to an uncompressed file that ended pyarrow 26."""


TAKES_9_GIB = 10_011
"""The seed of damage to a compressed one that has it take so much."""

MOST = 1 << 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    pt.from_pydict({"n": [1, 2, 3], "text": ["a", None, "c"]}).sink_orc(tmp_path / "f.orc")
    return tmp_path / "f.orc"


@pytest.fixture(params=["serial", "process"])
def executor(request: pytest.FixtureRequest) -> Iterator[str]:
    with pt.Session(executor=request.param, workers=1):
        yield request.param


def readers() -> list[int]:
    """Return the processes that read for this one."""
    children = psutil.Process().children()
    return [each.pid for each in children if any("orc_reader" in part for part in each.cmdline())]


class Deadly:
    """An open file that ends the process that reads it for this one when it is read."""

    def __init__(self, handle: pa.NativeFile, number: int) -> None:
        self._handle = handle
        self._number = number

    def size(self) -> int:
        return self._handle.size()

    def read_at(self, length: int, place: int) -> bytes:
        for pid in readers():
            os.kill(pid, self._number)
            assert not await_end([pid], SOON)
        return self._handle.read_at(length, place)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGKILL])
def test_the_reader_is_ended_and_not_the_driver(number: signal.Signals, path: Path) -> None:
    with pa.OSFile(str(path)) as handle:
        with pytest.raises(pa.ArrowInvalid, match=rf"ended by stripe 0 \({number.name}\)"):
            read_stripe(Deadly(handle, number), 0, ["n"], MOST)
        assert read_stripe(handle, 0, ["n"], MOST).to_pydict() == {"n": [1, 2, 3]}


def test_it_gives_what_this_process_would_read(path: Path) -> None:
    with pa.OSFile(str(path)) as handle:
        here = orc.ORCFile(handle).read_stripe(0, columns=["text", "n"])
        there = read_stripe(handle, 0, ["text", "n"], MOST)
    assert there.equals(here)
    assert pa.ipc.get_record_batch_size(there) == pa.ipc.get_record_batch_size(here)


@pytest.mark.parametrize(
    ("name", "seed"), [("orc-plain", ENDS_THE_READER), ("orc", TAKES_9_GIB)], ids=["ends", "takes"]
)
def test_a_file_that_would_end_the_process(
    name: str, seed: int, executor: str, tmp_path: Path
) -> None:
    kind = FORMATS[name]
    (tmp_path / "data").mkdir()
    kind.write(rows(kind.nested), tmp_path / "data" / "a.orc")
    good = (tmp_path / "data" / "a.orc").read_bytes()
    (tmp_path / "data" / "b.orc").write_bytes(damaged(good, seed))
    with pytest.raises(SourceCorrupt, match=r"b\.orc"):
        pt.scan_orc(tmp_path / "data").collect()
    with pytest.warns(pt.errors.SkippedWarning, match=r"b\.orc', stripe 0: "):
        left = pt.scan_orc(tmp_path / "data", on_error="skip").collect()
    assert left.to_arrow().num_rows == 3_000
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert most < 3 << 20, f"{most:,} KiB"


def test_readers_end_when_there_is_nothing_to_read(path: Path) -> None:
    with pa.OSFile(str(path)) as handle:
        read_stripe(handle, 0, ["n"], MOST)
        (pid,) = readers()
        assert not await_end([pid], SOON)
        assert read_stripe(handle, 0, ["n"], MOST).num_rows == 3


def test_a_forked_process_has_a_reader_of_its_own(path: Path) -> None:
    with pa.OSFile(str(path)) as handle:
        read_stripe(handle, 0, ["n"], MOST)
        mine = readers()
        child = os.fork()
        if child == 0:
            os._exit(read_stripe(handle, 0, ["n"], MOST).num_rows)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
        assert readers() == mine
        assert read_stripe(handle, 0, ["n"], MOST).num_rows == 3
