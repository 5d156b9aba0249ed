"""Workers that do not fit: without the files, of another version, without memory, strangers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import partita as pt
from partita import errors

from ..clusters import Cluster
from .namespaces import needs_namespace

CUTS = {"partition_bytes": "1MiB"}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler to which a test adds the workers."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    with Cluster(folder) as cluster:
        yield cluster


def address_of(cluster: Cluster, at: int) -> str:
    """Return where a worker is reached, as its log tells it."""
    lines = cluster.workers[at].log.read_text().splitlines()
    (told,) = [line for line in lines if "Start worker at:" in line]
    return told.split()[-1]


def failure(frame: pt.DataFrame, cluster: Cluster) -> errors.PartitaError:
    """Return the error of a query on the cluster; see that it comes soon."""
    started = time.monotonic()
    with pt.Session(executor=cluster.executor, **CUTS), pytest.raises(errors.PartitaError) as told:
        frame.collect()
    assert time.monotonic() - started < 60
    return told.value


@needs_namespace
def test_a_worker_that_does_not_see_the_files(own: Cluster, dataset: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(dataset, data)
    own.add_worker()
    # Its own file system has an empty folder in that place.
    hide = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    own.add_worker(before=[*hide, 'mount -t tmpfs tmpfs "$0" && exec "$@"', str(data)])
    frame = pt.scan_parquet(data)
    error = failure(frame.filter(pt.col("value") > 0), own)
    assert isinstance(error, FileNotFoundError)
    message = str(error)
    for part in (address_of(own, 1), f"{data}/part-", "under the same path", "in partition"):
        assert part in message
    assert address_of(own, 0) not in message


def wants_another(own: Cluster, found: str, name: str, mine: str) -> None:
    """See that a query is refused for a worker, with both versions."""
    message = str(failure(pt.range(10).with_columns(a=pt.col("id") + 1), own))
    for part in (address_of(own, 1), f"{name} {found}", mine):
        assert part in message
    assert address_of(own, 0) not in message


def test_a_worker_with_another_pyarrow(own: Cluster, tmp_path: Path) -> None:
    # The real library under the number of another one; the soak test has another one.
    (tmp_path / "sitecustomize.py").write_text("import pyarrow\npyarrow.__version__ = '24.0.0'\n")
    own.add_worker()
    own.add_worker(environment={"PYTHONPATH": str(tmp_path)})
    wants_another(own, "24.0.0", "pyarrow", pa.__version__)


@pytest.mark.soak
def test_a_worker_with_an_older_pyarrow(own: Cluster, tmp_path: Path) -> None:
    wanted = ["--target", str(tmp_path / "older"), "--no-deps", "pyarrow==24.0.0"]
    pip = shutil.which("pip") or f"{sys.executable} -m pip"
    done = subprocess.run([*pip.split(), "install", "--quiet", *wanted], capture_output=True)
    if done.returncode:
        pytest.skip(f"pip brings no older pyarrow here: {done.stderr.decode()[-300:]}")
    own.add_worker()
    own.add_worker(environment={"PYTHONPATH": str(tmp_path / "older")})
    wants_another(own, "24.0.0", "pyarrow", pa.__version__)


def test_a_worker_with_another_partita(own: Cluster, tmp_path: Path) -> None:
    script = """
        import partita
        partita.__version__ = "0.0.1"
    """
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(script))
    own.add_worker()
    own.add_worker(environment={"PYTHONPATH": str(tmp_path)})
    wants_another(own, "0.0.1", "partita", pt.__version__)


def without_partita(folder: Path) -> Path:
    """Return the interpreter of an environment that has Dask and not partita."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    inside = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    # What is installed here, but for what is linked to the source: that is found by a hook.
    here = [path for path in sys.path if path.endswith("site-packages")]
    (Path(inside) / "from_there.pth").write_text("\n".join(here))
    found = subprocess.run([python, "-c", "import partita"], capture_output=True, cwd=folder)
    if found.returncode == 0:
        pytest.skip("partita is installed here as a copy, and not linked: no way to leave it out")
    return python


def test_a_worker_without_partita(own: Cluster, tmp_path: Path) -> None:
    own.add_worker()
    own.add_worker(python=str(without_partita(tmp_path / "bare")))
    wants_another(own, "none", "partita", pt.__version__)


def test_a_worker_without_memory(own: Cluster, dataset: Path) -> None:
    own.add_worker("--memory-limit", "64MB")
    message = str(failure(pt.scan_parquet(dataset).sort("value"), own))
    assert "memory" in message
    assert "127.0.0.1:" in message


def test_no_workers(own: Cluster, dataset: Path) -> None:
    message = str(failure(pt.scan_parquet(dataset), own))
    assert "worker" in message
    assert own.address.split("//")[1] in message


def test_no_scheduler(dataset: Path) -> None:
    # Nobody listens at port 1, and who connects is told at once.
    started = time.monotonic()
    with (
        pt.Session(executor="dask://127.0.0.1:1"),
        pytest.raises(errors.ExecutionError, match=r"127\.0\.0\.1:1"),
    ):
        pt.scan_parquet(dataset).collect()
    assert time.monotonic() - started < 60


def test_a_scheduler_that_dies_is_told_and_the_next_session_works(
    own: Cluster, cluster: Cluster, dataset: Path
) -> None:
    own.add_workers(2)
    frame = pt.scan_parquet(dataset)

    def slowly(batch: pa.RecordBatch) -> pa.RecordBatch:
        time.sleep(0.1)
        return batch

    with pt.Session(executor=own.executor, **CUTS):
        stream = frame.map_batches(slowly, frame.schema).collect_batches()
        next(stream)
        own.scheduler.kill()
        died = time.monotonic()
        with pytest.raises(errors.ExecutionError, match="scheduler"):
            list(stream)
        assert time.monotonic() - died < 60
    with pt.Session(executor=cluster.executor, **CUTS):
        assert len(frame) == 600_000


KEYS = """
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tests -keyout ca.key -out ca.pem
    openssl req -newkey rsa:2048 -nodes -subj /CN=member -keyout member.key -out member.csr
    openssl x509 -req -in member.csr -CA ca.pem -CAkey ca.key -set_serial 2 -out member.pem
"""


def certificates(folder: Path) -> dict[str, str]:
    """Make a certificate for all members of a cluster; return what Dask is told of it."""
    if shutil.which("openssl") is None:
        pytest.skip("this machine has no openssl to make certificates with")
    for line in KEYS.split("\n"):
        if line.strip():
            subprocess.run(line.split(), cwd=folder, check=True, capture_output=True)
    told = {"CA_FILE": "ca.pem"}
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        told |= {f"{role}__CERT": "member.pem", f"{role}__KEY": "member.key"}
    settings = {
        f"DASK_DISTRIBUTED__COMM__TLS__{name}": str(folder / file) for name, file in told.items()
    }
    return {**settings, "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True"}


def test_a_cluster_with_certificates(dataset: Path, tmp_path: Path) -> None:
    settings = certificates(tmp_path)
    script = """
        import sys
        import partita as pt
        with pt.Session(executor=sys.argv[1], partition_bytes="1MiB", progress="off"):
            rows = pt.scan_parquet(sys.argv[2])
            met = rows.join(rows.group_by("key").len(), on="key").sort("value")
            print(len(met), met.collect().profile.workers)
    """
    options = ("--host", "127.0.0.1", "--protocol", "tls")
    with Cluster(tmp_path, options, environment=settings) as cluster:
        cluster.add_workers(2, "--protocol", "tls")
        assert cluster.executor.startswith("tls://")
        command = [sys.executable, "-c", textwrap.dedent(script), cluster.executor, str(dataset)]
        done = subprocess.run(
            command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=100
        )
        assert (done.stdout, done.stderr) == ("600000 2\n", "")
        # Without certificates nobody is let in.
        done = subprocess.run(command, capture_output=True, text=True, timeout=100)
        assert (done.stdout, done.returncode) == ("", 1)
        assert "ExecutionError: " in done.stderr
        assert "CA_FILE" in done.stderr
        assert "timed out" not in done.stderr
