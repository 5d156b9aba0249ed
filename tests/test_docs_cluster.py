"""The page on clusters: what it starts by hand starts, and answers, with TLS as well.

Its three hosts are three addresses of loopback here.
"""

from __future__ import annotations

import random
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .patience import SOON

PAGE = (Path(__file__).parents[1] / "docs" / "cluster.md").read_text()
BLOCKS = re.findall(
    r"^```(bash|python)\n(.*?)^```\n(?:```text\n(.*?)^```$)?", PAGE, re.MULTILINE | re.DOTALL
)
COMMANDS = [code.strip() for kind, code, _ in BLOCKS if kind == "bash"]
(STARTS, EXPORTS, CERTIFICATES) = (
    [command for command in COMMANDS if command.startswith("dask ")],
    next(command for command in COMMANDS if command.startswith("export ")),
    next(command for command in COMMANDS if command.startswith("openssl ")),
)
CODE, SHOWN = next((code, shown) for kind, code, shown in BLOCKS if kind == "python" and shown)

Local = Callable[[str], str]


def free_port() -> int:
    """Return a port that nobody has, and that nobody is given who asks for any."""
    while True:
        # Below those that the system gives.
        port = random.randrange(20_000, 32_768)
        with socket.socket() as tried:
            try:
                tried.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port


@pytest.fixture
def local(tmp_path: Path) -> Local:
    """Make of what the page says what can be said on this machine."""
    ports = {":8786": free_port(), ":8787": free_port()}

    def changed(text: str) -> str:
        text = text.replace("--port 8786", f"--port {ports[':8786']}").replace(
            "10.0.0.", "127.0.0."
        )
        for port, free in ports.items():
            text = text.replace(port, f":{free}")
        return text.replace("/scratch", str(tmp_path / "scratch")).replace(
            "/etc/dask", str(tmp_path)
        )

    return changed


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str, dict[str, str] | None], None]]:
    """Start a command of the page; all of them end with the test."""
    running: list[subprocess.Popen[bytes]] = []
    with ExitStack() as stack:

        def started(command: str, environment: dict[str, str] | None = None) -> None:
            program, *arguments = shlex.split(command)
            assert program == "dask"
            log = stack.enter_context((tmp_path / f"{time.monotonic_ns()}.log").open("wb"))
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=tmp_path,
            )
            running.append(process)

        yield started
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(SOON)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def answer(code: str, folder: Path, environment: dict[str, str] | None = None) -> str:
    """Return what a script prints, once the cluster is there."""
    (folder / "query.py").write_text(code)
    deadline = time.monotonic() + 200
    while True:
        done = subprocess.run(
            [sys.executable, "query.py"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if not done.returncode or time.monotonic() > deadline:
            assert done.returncode == 0, done.stderr
            return done.stdout
        assert "No Dask scheduler answers" in done.stderr, done.stderr


@pytest.mark.timeout(400)  # a busy machine takes its time to start five processes
def test_a_cluster_started_by_hand_answers(
    local: Local, start: Callable[[str], None], tmp_path: Path
) -> None:
    assert len(STARTS) == 3
    for command in STARTS:
        # Two processes on each host would only take longer to start.
        start(local(command).replace("--nworkers 2", "--nworkers 1"))
    assert answer(local(CODE), tmp_path) == SHOWN
    # By the logs of the workers: both hosts have come.
    logs = "".join(path.read_text() for path in tmp_path.glob("*.log"))
    assert "tcp://127.0.0.2:" in logs
    assert "tcp://127.0.0.3:" in logs


@pytest.mark.timeout(400)
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make certificates")
def test_it_answers_with_tls_too(
    local: Local, start: Callable[[str, dict[str, str] | None], None], tmp_path: Path
) -> None:
    made = CERTIFICATES.replace("rsa:4096", "rsa:2048")  # which takes seconds
    subprocess.run(["bash", "-e", "-c", made], cwd=tmp_path, check=True, capture_output=True)
    told = subprocess.run(
        ["bash", "-e", "-c", f"{local(EXPORTS)}\nenv -0"],
        check=True,
        capture_output=True,
        text=True,
    )
    environment = dict(line.split("=", 1) for line in told.stdout.split("\0") if line)
    scheduler, worker, _ = (local(command).replace("tcp://", "tls://") for command in STARTS)
    start(scheduler.replace("--host ", "--host tls://"), environment)
    start(worker.replace("--nworkers 2", "--nworkers 1"), environment)
    code = local(CODE)
    assert answer(code.replace("dask://", "tls://"), tmp_path, environment) == SHOWN


def test_the_page_names_settings_that_there_are() -> None:
    import dask
    import distributed  # noqa: F401  (its defaults)

    from partita.engine.config import Settings

    for name in ("comm.timeouts.tcp", "scheduler.worker-ttl", "comm.require-encryption"):
        assert dask.config.get(f"distributed.{name}", "absent") != "absent", name
    for name in ("partition_bytes", "memory_limit", "executor", "workers"):
        assert f"`{name}" in PAGE or f"{name}=" in PAGE
        assert hasattr(Settings(), name)
