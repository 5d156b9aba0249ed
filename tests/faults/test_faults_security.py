"""What a session makes is its user's alone, nothing listens, and no file is a program."""

from __future__ import annotations

import os
import pickle
import stat
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita.engine.errors import ExecutionError
from partita.engine.execution.run_directory import RunDirectory, sweep

from .namespaces import in_namespace, needs_namespace


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_directories_and_files_are_private(dataset: Path) -> None:
    before = os.umask(0)
    try:
        with pt.Session(executor="process", workers=2, partition_bytes="1MiB") as session:
            kept = pt.scan_parquet(dataset).persist()
            directory = session._directories()
            seen = [Path(directory.memory), Path(directory.disk)]
            seen += [Path(place).parent for place in (directory.memory, directory.disk)]
            seen += [path for place in seen[:2] for path in place.rglob("*")]
            files = [path for path in seen if path.is_file()]
            assert len(files) > 2
            for path in seen:
                wanted = 0o700 if path.is_dir() else 0o600
                assert mode_of(path) == wanted, path
                assert path.lstat().st_uid == os.getuid()
                assert not path.is_symlink()
            assert len(kept) == 600_000
    finally:
        os.umask(before)


def test_a_home_that_is_a_link_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"partita-{os.getuid()}").symlink_to(elsewhere)
    with pytest.raises(ExecutionError, match="is not a directory of this user"):
        RunDirectory(str(tmp_path))
    assert os.listdir(elsewhere) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make what belongs to somebody else")
def test_a_home_of_somebody_else_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "partita-0"
    home.mkdir()
    os.chown(home, 12_345, 12_345)
    with pytest.raises(ExecutionError, match="is not a directory of this user"):
        RunDirectory(str(tmp_path))


def test_links_in_the_run_directory_are_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "rows").touch()
    home = tmp_path / "home"
    dead = home / "123-dead"
    dead.mkdir(parents=True)
    (dead / "lock").touch()
    (dead / "link").symlink_to(precious)
    (home / "456-link").symlink_to(precious)
    assert sweep(home) == [dead]
    assert os.listdir(precious) == ["rows"]


def test_links_beside_a_target_are_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "rows").touch()
    os.symlink(precious, tmp_path / ".out.partita-0")
    pt.from_pydict({"a": [1]}).sink_parquet(tmp_path / "out")
    assert os.listdir(precious) == ["rows"]


def inet_of(pid: int) -> set[Any]:
    return set(psutil.Process(pid).net_connections(kind="inet"))


def test_nothing_listens(dataset: Path) -> None:
    # Other tests of this process may have made some of their own.
    before = inet_of(os.getpid())
    with pt.Session(executor="process", workers=2, partition_bytes="1MiB") as session:
        pt.scan_parquet(dataset).sort("value").head(3).collect()
        for pid in session.pids:
            assert inet_of(pid) == set()
        made = inet_of(os.getpid()) - before
        assert [each for each in made if each.status == psutil.CONN_LISTEN] == []


class _Evil:
    """What is called when this is unpickled makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._path),)


@pytest.mark.parametrize("form", ["parquet", "ipc"])
@pytest.mark.parametrize("name", ["arrow.py_extension_type", "evil"])
def test_nothing_in_a_file_is_unpickled(form: str, name: str, tmp_path: Path) -> None:
    evil = pickle.dumps(_Evil(tmp_path / "evil"))
    with pytest.raises(FileNotFoundError):
        # It is what it should be.
        pickle.loads(pickle.dumps(_Evil(tmp_path / "no" / "evil")))
    told = {"ARROW:extension:name": name, "ARROW:extension:metadata": evil, "pandas": evil}
    schema = pa.schema([pa.field("a", pa.int64(), metadata=told)], metadata=told)
    table = pa.Table.from_arrays([pa.array([1, 2])], schema=schema)
    path = tmp_path / "file"
    if form == "parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_file(path, schema) as writer:
            writer.write_table(table)
    frame = getattr(pt, f"scan_{form}")(path)
    for executor in ("serial", "process"):
        with pt.config.set(executor=executor, workers=1):
            assert frame.collect().to_pydict() == {"a": [1, 2]}
    assert frame.collect().to_pandas()["a"].to_list() == [1, 2]
    assert os.listdir(tmp_path) == ["file"]


@needs_namespace
def test_a_local_query_needs_no_network(tmp_path: Path) -> None:
    (found,) = in_namespace("without_network.py", str(tmp_path))
    assert found["up"] == []
    assert found["inet"] == []
    assert sum(found["counts"]) == 100_000
