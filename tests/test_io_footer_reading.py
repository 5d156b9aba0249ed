"""What C++ ends the process for ends a thread, while a footer is read, and nothing else changes."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import partita as pt
from partita.io import footer_reading

TERMINATE = """
import ctypes
from partita.io.footer_reading import FooterRefused, guarded

terminate = ctypes.CDLL("libstdc++.so.6")._ZSt9terminatev
"""


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", TERMINATE + script], capture_output=True, text=True, timeout=60
    )


def test_the_end_of_a_guarded_thread_is_an_error_and_the_next_one_works() -> None:
    done = run("""
for _ in range(3):
    try:
        guarded(terminate)
    except FooterRefused as error:
        print(error)
guarded(lambda: print("read"))
""")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[-2] == "read"
    assert done.stdout.count("contradicts itself") == 3


def test_the_process_ends_as_ever_where_nothing_is_guarded() -> None:
    done = run("guarded(lambda: None)\nterminate()\n")
    assert done.returncode == -signal.SIGABRT, done.stderr


def test_the_handler_is_the_one_of_before_when_the_interpreter_ends() -> None:
    done = run("""
import atexit, sys
current = ctypes.CDLL("libstdc++.so.6")._ZSt13get_terminatev
current.restype = ctypes.c_void_p
before = current()
# Called last of all.
atexit.register(lambda: print(current() == before))
guarded(lambda: None)
print(current() == before)
""")
    assert done.stdout.split() == ["False", "True"], done.stderr


@pytest.fixture
def another_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def load(name: str | None, *args: object, **options: object) -> ctypes.CDLL:
        raise OSError(f"{name}: cannot open shared object file: No such file or directory")

    footer_reading._set_terminate.cache_clear()
    monkeypatch.setattr(footer_reading.ctypes, "CDLL", load)
    yield
    footer_reading._set_terminate.cache_clear()


@pytest.mark.usefixtures("another_library")
def test_files_are_read_where_this_library_is_not_there(tmp_path: Path) -> None:
    pt.from_pydict({"a": [1, 2]}).sink_parquet(tmp_path / "made")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no footer PAR1")
    assert pt.scan_parquet(tmp_path / "made").collect().to_pydict() == {"a": [1, 2]}
    with pytest.raises(pt.errors.SourceCorrupt, match=r"bad\.parquet"):
        pt.scan_parquet(tmp_path / "bad.parquet")
