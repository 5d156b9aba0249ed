"""Three hosts: a scheduler with the driver on one, workers on the others; one of them is lost."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pytest

import partita as pt

from ..clusters import Cluster, Member
from ..hosts import Host, connected_hosts, needs_hosts
from ..same_rows import same_bits
from .across_hosts import QUERIES, SETTINGS
from .processes import await_end, environment

pytestmark = [needs_hosts, pytest.mark.timeout(240)]

SECONDS = 100.0
"""How long a driver may take."""

PATIENCE = {
    # How long a host may keep silent. Less than 11 s is refused by Dask for its sockets.
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "11s",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "10s",
}


@dataclass(frozen=True)
class Site:
    """A cluster on hosts of its own, and a driver beside its scheduler."""

    hosts: list[Host]
    cluster: Cluster
    folder: Path
    root: Path

    @property
    def marks(self) -> Path:
        """Where tasks behind the exchange leave a file each."""
        return self.folder / "marks"

    def worker(self, at: int) -> Member:
        return self.cluster.workers[at]

    def answer(self, query: str, meanwhile: Callable[[], None] | None = None) -> pa.Table:
        """Return what a driver gets; `meanwhile` is called when it is behind the exchange."""
        self.marks.mkdir(exist_ok=True)
        before = len(os.listdir(self.marks))
        answer = self.folder / "answer.arrow"
        spec = {
            "executor": self.cluster.executor,
            "query": query,
            "root": str(self.root),
            "marks": str(self.marks),
            "answer": str(answer),
        }
        script = Path(__file__).with_name("across_hosts.py")
        driver = subprocess.Popen(
            [*self.hosts[0].command, sys.executable, str(script), json.dumps(spec)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**environment(), **PATIENCE},
        )
        try:
            if meanwhile is not None:
                while len(os.listdir(self.marks)) < before + 2 and driver.poll() is None:
                    time.sleep(0.01)
                meanwhile()
            out, told = driver.communicate(timeout=SECONDS)
        finally:
            driver.kill()
        assert driver.returncode == 0, told[-5000:]
        print(f"{query}: {json.loads(out)['seconds']:.1f} s")
        return feather.read_table(answer)


@pytest.fixture
def site(dataset: Path, tmp_path: Path) -> Iterator[Site]:
    with connected_hosts(3) as hosts, contextlib.ExitStack() as stack:
        cluster = stack.enter_context(
            Cluster(
                tmp_path,
                ["--host", hosts[0].address],
                environment=PATIENCE,
                before=hosts[0].command,
            )
        )
        for host in hosts[1:]:
            cluster.add_worker(host=host.address, before=host.command, await_it=False)
        for worker in cluster.workers:
            worker.await_line("Starting established connection")
        yield Site(hosts=hosts, cluster=cluster, folder=tmp_path, root=dataset)


@pytest.fixture(scope="module")
def expected(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    """The answers of the process pool of this host."""
    marks = tmp_path_factory.mktemp("marks")
    with pt.Session(executor="process", workers=2, **SETTINGS):
        return {name: query(str(dataset), str(marks)).to_arrow() for name, query in QUERIES.items()}


def test_data_goes_from_worker_to_worker(site: Site, expected: dict[str, pa.Table]) -> None:
    for query, right in expected.items():
        driver = site.hosts[0].received()
        workers = [host.received() for host in site.hosts[1:]]
        assert same_bits(site.answer(query), right)
        came = site.hosts[0].received() - driver
        moved = [
            host.received() - before for host, before in zip(site.hosts[1:], workers, strict=True)
        ]
        print(f"{query}: {came:,} bytes to the driver, {moved} to the workers")
        # Half of 12 MB of rows lies on the other worker; the answer is a few kilobytes.
        assert sum(moved) > 3_000_000
        assert came < sum(moved) / 4


@pytest.mark.parametrize("query", QUERIES)
def test_a_killed_worker_does_not_show_in_the_answer(
    site: Site, expected: dict[str, pa.Table], query: str
) -> None:
    def kill() -> None:
        found = [one for one in site.worker(1).processes() if "spawn_main" in str(one.cmdline())]
        assert len(found) == 1
        found[0].send_signal(signal.SIGKILL)

    assert same_bits(site.answer(query, kill), expected[query])


@pytest.mark.soak
@pytest.mark.parametrize("query", QUERIES)
def test_a_host_that_loses_its_power_does_not_show_in_the_answer(
    site: Site, expected: dict[str, pa.Table], query: str
) -> None:
    assert same_bits(site.answer(query, site.worker(1).kill), expected[query])


@pytest.mark.soak
@pytest.mark.parametrize("query", QUERIES)
def test_a_host_that_is_cut_off_does_not_show_in_the_answer(
    site: Site, expected: dict[str, pa.Table], query: str
) -> None:
    try:
        assert same_bits(site.answer(query, site.hosts[2].cut_off), expected[query])
    finally:
        site.hosts[2].join()


@pytest.mark.soak
def test_a_host_that_comes_back_is_of_use(site: Site, expected: dict[str, pa.Table]) -> None:
    host = site.hosts[2]
    assert same_bits(site.answer("sort", host.cut_off), expected["sort"])
    host.join()
    # A worker that does not hear of its scheduler ends; whatever keeps services up starts another.
    assert await_end([site.worker(1).pid], 60) == []
    site.cluster.add_worker(name="again", host=host.address, before=host.command)
    assert same_bits(site.answer("join", site.hosts[1].cut_off), expected["join"])
