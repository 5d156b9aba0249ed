"""What tasks hand to each other: written once, mapped, never partial, a clear error when full."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from partita.engine.execution.run_directory import RunDirectory, sweep
from partita.engine.execution.stores import FileStore, MemoryStore
from partita.engine.execution.transport import batch_bytes


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    (tmp_path / "memory").mkdir()
    (tmp_path / "disk").mkdir()
    return FileStore(str(tmp_path / "memory"), str(tmp_path / "disk"))


def batch(start: int, rows: int) -> pa.RecordBatch:
    numbers = np.arange(start, start + rows)
    texts = pa.array([f"text {number % 7}" for number in numbers]).dictionary_encode()
    return pa.record_batch({"n": numbers, "t": texts, "none": pa.nulls(rows, pa.float64())})


def test_slots_of_one_file_come_back_as_they_were_written(store: FileStore) -> None:
    first, second = [batch(0, 10), batch(10, 5)], [batch(100, 3)]
    refs = store.write("file", [(0, first), (4, second)], fast=True)
    assert [(ref.slot, ref.rows) for ref in refs] == [(0, 15), (4, 3)]
    assert list(store.read(refs[0])) == first
    assert list(store.read(refs[1])) == second


def test_dictionaries_may_differ_from_batch_to_batch(store: FileStore) -> None:
    batches = [
        pa.record_batch({"t": pa.array(texts).dictionary_encode()})
        for texts in (["a", "b"], ["c"], ["b", None, "a"])
    ]
    (ref,) = store.write("file", [(0, batches)], fast=True)
    assert [one.column(0).to_pylist() for one in store.read(ref)] == [
        ["a", "b"],
        ["c"],
        ["b", None, "a"],
    ]


def test_a_reader_keeps_rows_whose_file_is_gone(store: FileStore) -> None:
    (ref,) = store.write("file", [(0, [batch(0, 1000)])], fast=True)
    (read,) = store.read(ref)
    store.remove(ref.path)
    assert not Path(ref.path).exists()
    assert read == batch(0, 1000)


def test_reading_copies_nothing(store: FileStore) -> None:
    (ref,) = store.write("file", [(0, [batch(0, 100_000)])], fast=True)
    before = pa.total_allocated_bytes()
    (read,) = store.read(ref)
    assert read.num_rows == 100_000
    assert pa.total_allocated_bytes() - before < 10_000


def test_disk_is_used_when_memory_is_not_wanted(store: FileStore) -> None:
    (ref,) = store.write("file", [(0, [batch(0, 10)])], fast=False)
    assert Path(ref.path).parent == Path(store.disk)


def test_both_stores_give_the_same_sizes_so_that_all_executors_cut_alike(
    store: FileStore, tmp_path: Path
) -> None:
    parts = [(0, [batch(0, 10), batch(5, 50)]), (1, [batch(7, 7)])]
    in_files = store.write("file", parts, fast=True)
    in_memory = MemoryStore(lambda: str(tmp_path)).write("file", parts, fast=True)
    assert [(ref.rows, ref.bytes, ref.offset) for ref in in_files] == [
        (ref.rows, ref.bytes, ref.offset) for ref in in_memory
    ]


def test_the_size_of_a_batch_is_the_same_before_and_after_it_was_sent(store: FileStore) -> None:
    made = batch(0, 1000).slice(100, 333)
    (ref,) = store.write("file", [(0, [made])], fast=True)
    (read,) = store.read(ref)
    assert batch_bytes(read) == batch_bytes(made)


def test_a_full_device_is_a_typed_error_and_leaves_no_partial_file(tmp_path: Path) -> None:
    # A limit on the size of files makes the kernel refuse the allocation as a full device does.
    script = """
        import resource, sys
        import numpy as np, pyarrow as pa
        from partita import errors
        from partita.engine.execution.stores import FileStore

        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        store = FileStore(sys.argv[1], sys.argv[1])
        try:
            store.write("file", [(0, [pa.record_batch({"n": np.arange(100_000)})])], fast=True)
        except errors.StorageFull as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path.parent,
    )
    assert "800,320 bytes cannot be put aside" in done.stdout
    assert str(tmp_path) in done.stdout
    assert "run_directory" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_session_left_is_swept_and_what_lives_is_not(tmp_path: Path) -> None:
    alive = RunDirectory(str(tmp_path))
    home = Path(alive.disk).parent
    # A child that ends without closing its directory, as one that was killed.
    script = """
        import os, sys
        from partita.engine.execution.run_directory import RunDirectory
        print(RunDirectory(sys.argv[1]).disk, flush=True)
        os._exit(1)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    left = Path(done.stdout.strip())
    assert left.is_dir()
    assert sweep(home) == [left]
    assert Path(alive.disk).is_dir()
    alive.close()
    assert not Path(alive.disk).exists()


def test_the_run_directory_is_private(tmp_path: Path) -> None:
    directory = RunDirectory(str(tmp_path))
    try:
        for place in (directory.disk, directory.memory):
            assert os.stat(place).st_mode & 0o077 == 0
            assert os.stat(Path(place).parent).st_mode & 0o077 == 0
    finally:
        directory.close()


def test_a_link_in_place_of_the_run_directory_is_refused(tmp_path: Path) -> None:
    from partita.engine.errors import ExecutionError

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"partita-{os.getuid()}").symlink_to(elsewhere)
    with pytest.raises(ExecutionError, match="not a directory of this user"):
        RunDirectory(str(tmp_path))


def test_a_directory_whose_name_begins_like_another(tmp_path: Path) -> None:
    disk, memory = tmp_path / "run", tmp_path / "run-memory"
    disk.mkdir()
    memory.mkdir()
    store = FileStore(str(memory), str(disk))
    parts = [(0, [pa.record_batch({"n": [1]})])]
    assert [store.on_disk(ref) for ref in store.write("a", parts, fast=True)] == [False]
    assert [store.on_disk(ref) for ref in store.write("b", parts, fast=False)] == [True]


def test_a_directory_that_was_swept_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, made = tempfile.mkdtemp, []

    def made_and_swept(*args: Any, **kwargs: Any) -> str:
        path = real(*args, **kwargs)
        made.append(path)
        if len(made) == 1:
            # As if this process had been stopped here for longer than `GRACE`.
            os.utime(path, (0, 0))
            assert str(sweep(Path(kwargs["dir"]))[0]) == path
        return path

    monkeypatch.setattr(tempfile, "mkdtemp", made_and_swept)
    directory = RunDirectory(str(tmp_path))
    try:
        assert directory.disk == made[1]
    finally:
        directory.close()


@pytest.mark.parametrize("fast", [True, False])
def test_what_cannot_be_mapped_is_read(fast: bool, tmp_path: Path) -> None:
    # ``ulimit -v`` counts mapped files.
    script = """
        import os, resource, sys
        import numpy as np, pyarrow as pa
        from partita.engine.execution.stores import FileStore

        store = FileStore(sys.argv[1], sys.argv[2])
        for place in sys.argv[1:3]:
            os.mkdir(place)
        numbers = np.arange(1 << 17)
        batches = [pa.record_batch({"n": numbers + shift}) for shift in range(96)]
        refs = store.write("file", [(0, batches)], fast=sys.argv[3] == "True")
        del batches
        # What Python and Arrow load with the first stream is there.
        next(store.read(*store.write("small", [(0, [pa.record_batch({"n": [1]})])], fast=True)))
        mapped = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (mapped + (48 << 20),) * 2)
        found = store.read(*refs, sparsely=True)
        print(all((batch["n"].to_numpy() == numbers + n).all() for n, batch in enumerate(found)))
        print(sum(batch.num_rows for batch in store.read(*refs)))
    """
    places = str(tmp_path / "memory"), str(tmp_path / "disk")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *places, str(fast)],
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["True", str(96 << 17)], done.stderr
