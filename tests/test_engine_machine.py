"""What the machine, the cgroup and the process allow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from partita.engine import config, machine


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of groups in place of the system's, of which this process is in a nested one."""
    own = tmp_path / "own"
    monkeypatch.setattr(machine, "ROOT", tmp_path / "cgroup")
    monkeypatch.setattr(machine, "OWN", own)
    (tmp_path / "cgroup").mkdir()
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("base", ["", "unified"])
@pytest.mark.parametrize("below", ["", "user.slice", "user.slice/one.scope"])
def test_a_group_of_version_2_counts_wherever_it_lies(groups: Path, base: str, below: str) -> None:
    write(groups / "own", "0::/user.slice/one.scope\n")
    group = groups / "cgroup" / base / below
    write(group / "memory.max", "1288490188\n")
    write(group / "cpu.max", "50000 100000\n")
    assert machine.available_memory() == 1288490188
    assert machine.available_cpus() == 1


def test_the_smallest_of_nested_groups_counts(groups: Path) -> None:
    write(groups / "own", "0::/a/b\n")
    write(groups / "cgroup/memory.max", "900000000\n")
    write(groups / "cgroup/a/memory.max", "800000000\n")
    write(groups / "cgroup/a/b/memory.max", "max\n")
    write(groups / "cgroup/a/b/memory.high", "850000000\n")
    assert machine.available_memory() == 800000000


def test_a_group_of_version_1_counts(groups: Path) -> None:
    write(groups / "own", "9:cpu,cpuacct:/box\n4:memory:/box/inner\n0::/\n")
    write(groups / "cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    write(groups / "cgroup/memory/box/inner/memory.limit_in_bytes", "700000000\n")
    write(groups / "cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "100000\n")
    write(groups / "cgroup/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n")
    assert machine.available_memory() == 700000000
    assert machine.available_cpus() == 1


def test_without_any_group_the_machine_counts(groups: Path) -> None:
    write(groups / "own", "")
    assert machine.available_memory() > 100_000_000


def test_what_ulimit_says_counts() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30));"
        "from partita.engine import machine; print(machine.available_memory())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) <= 1 << 30


POOL = """
import os, resource, sys
if allowed := int(sys.argv[1]):
    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
before = dict(os.environ)
import pyarrow as pa
import partita as pt
assert pt.from_pydict({"a": [1]}).to_pydict() == {"a": [1]}
assert dict(os.environ) == before
print(pa.default_memory_pool().backend_name)
"""


@pytest.mark.parametrize(
    ("allowed", "chosen", "taken"),
    [
        (0, "mimalloc", "mimalloc"),
        (2 << 30, "", "system"),
        (2 << 30, "mimalloc", "mimalloc"),
        (64 << 30, "mimalloc", "mimalloc"),
    ],
)
def test_arrow_takes_little_at_once_under_a_small_ulimit(
    allowed: int, chosen: str, taken: str
) -> None:
    name = "ARROW_DEFAULT_MEMORY_POOL"
    environment = {key: value for key, value in os.environ.items() if key != name}
    done = subprocess.run(
        [sys.executable, "-c", POOL, str(allowed)],
        env=environment | ({name: chosen} if chosen else {}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [taken]


def test_of_addresses_those_of_libraries_do_not_count() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30));"
        "from partita.engine import machine; print(machine.process_memory())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == (1 << 30) - (320 << 20)


def test_sizes_follow_a_small_limit_and_nothing_else() -> None:
    with config.set(memory_limit="256MiB", workers=2):
        small = config.within_limit(config.get())
    with config.set(memory_limit="256MiB", workers=16):
        other = config.within_limit(config.get())
    assert small.partition_bytes == 16 << 20
    assert (small.exchange_bytes, small.chunk_bytes) == (8 << 20, 8 << 20)
    assert (small.partition_bytes, small.batch_rows) == (other.partition_bytes, other.batch_rows)
    with config.set(memory_limit="8GiB"):
        assert config.within_limit(config.get()) == config.get()


def test_limits_are_looked_at_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = iter([4, 2, 1])
    known = machine.remembered(lambda: next(limits))
    assert [known(), known()] == [4, 4]
    monkeypatch.setattr(machine, "LOOK_AGAIN", -1.0)
    assert [known(), known()] == [2, 1]
