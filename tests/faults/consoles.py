"""Where a user types Ctrl-C: a script, Python's prompt on a terminal, a Jupyter kernel.

Each runs queries over and over until it is interrupted, and then says what is left of them.
"""

from __future__ import annotations

import ast
import os
import pty
import queue
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Protocol

from jupyter_client.manager import start_new_kernel

from .processes import environment

SECONDS = 60.0
"""How long anything may take before the test gives up."""

KINDS = ("shuffles", "waits", "computes", "streams")

PRELUDE = """
import os, sys, time
import psutil
import partita as pt
from partita import col
from partita.engine.execution.session import current

pt.config.set(executor="process", workers=2, progress="off", partition_bytes="256KiB",
              exchange_bytes="256KiB", broadcast_bytes=0)
frame = pt.scan_parquet({root!r})
groups = frame.group_by("key").agg(total=col("value").sum()).sort("key")

def waits(batch):
    time.sleep(100)
    return batch

def computes(batch):
    while True:
        pass

def run(kind):
    print("running", flush=True)
    while True:
        if kind == "shuffles":
            frame.join(groups, on="key").sort("value").collect()
        elif kind == "streams":
            for batch in frame.collect_batches():
                time.sleep(0.01)
        else:
            frame.map_batches(globals()[kind], schema=frame.schema).collect()

def busy():
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in current().pids[:-1])

def left(began):
    # Seconds until the workers are idle, files that are left, and the next query's answer.
    asked = time.monotonic()
    current().pids  # where the pool was only to start, this waits for it, which is no work
    began += time.monotonic() - asked
    before = busy()
    while True:
        time.sleep(0.1)
        now = busy()
        if now == before:
            break
        before = now
    idle = time.monotonic() - began
    directory = current()._directory
    places = directory.memory, directory.disk
    names = [name for place in places for _, _, names in os.walk(place) for name in names]
    files = [name for name in names if name != "lock"]
    return idle, files, groups.collect().to_pydict()
"""


class Console(Protocol):
    """Something that runs Python and can be interrupted."""

    def interrupted(self, kind: str, seconds: float) -> float:
        """Run queries of a kind, interrupt them so much later, return how long that took."""

    def left(self) -> tuple[float, list[str], dict[str, list[Any]]]:
        """Return what the function of this name in the prelude says."""

    def close(self) -> None:
        """End it."""


LOOP = """
for line in sys.stdin:
    word = line.strip()
    try:
        if word == "left":
            print(left(began), flush=True)
        else:
            run(word)
    except KeyboardInterrupt:
        began = time.monotonic()
        print("back", flush=True)
"""


class Script:
    """A script that catches what interrupts it; its whole group is interrupted, as by a shell."""

    def __init__(self, root: Path, folder: Path) -> None:
        path = folder / "script.py"
        path.write_text(PRELUDE.format(root=str(root)) + LOOP)
        self._process = subprocess.Popen(
            [sys.executable, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
            start_new_session=True,
        )

    def _ask(self, word: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def interrupted(self, kind: str, seconds: float) -> float:
        assert self._ask(kind) == "running"
        time.sleep(seconds)
        began = time.monotonic()
        os.killpg(self._process.pid, signal.SIGINT)
        assert self._line() == "back"
        return time.monotonic() - began

    def left(self) -> tuple[float, list[str], dict[str, list[Any]]]:
        return ast.literal_eval(self._ask("left"))

    def close(self) -> None:
        self._process.communicate(timeout=SECONDS)
        assert self._process.returncode == 0


class Prompt:
    """Python's own prompt on a terminal, at which Ctrl-C is typed."""

    def __init__(self, root: Path, folder: Path) -> None:
        prelude = folder / "prelude.py"
        prelude.write_text(PRELUDE.format(root=str(root)))
        self._terminal, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-q"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_take_terminal,
            env={**environment(), "TERM": "dumb", "PYTHON_BASIC_REPL": "1", "PYTHONSTARTUP": ""},
        )
        os.close(theirs)
        self._read_until(">>> ")
        self._type("import sys; sys.ps1 = 'at your ' + 'service> '")
        self._read_until("at your service> ")
        self._type(f"exec(open({str(prelude)!r}).read())")
        self._read_until("at your service> ")

    def _type(self, line: str) -> None:
        os.write(self._terminal, f"{line}\n".encode())

    def _read_until(self, text: str) -> str:
        shown = ""
        deadline = time.monotonic() + SECONDS
        while not shown.endswith(text):
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._terminal], [], [], left)[0]:
                raise AssertionError(f"{text!r} is not shown, but {shown!r}")
            shown += os.read(self._terminal, 1).decode(errors="replace")
        return shown

    def interrupted(self, kind: str, seconds: float) -> float:
        self._type(f"run({kind!r})")
        self._read_until("running\r\n")
        time.sleep(seconds)
        began = time.monotonic()
        os.write(self._terminal, b"\x03")
        shown = self._read_until("at your service> ")
        taken = time.monotonic() - began
        assert "KeyboardInterrupt" in shown
        return taken

    def left(self) -> tuple[float, list[str], dict[str, list[Any]]]:
        self._type("print('<' + repr(left(time.monotonic())) + '>')")
        shown = self._read_until("at your service> ")
        return ast.literal_eval(shown[shown.rindex("\n<") + 2 : shown.rindex(">\r\n")])

    def close(self) -> None:
        self._type("exit()")
        try:
            while os.read(self._terminal, 4096):
                pass
        except OSError:
            pass  # Linux's way to say that the other end is closed
        os.close(self._terminal)
        assert self._process.wait(SECONDS) == 0


class Kernel:
    """A Jupyter kernel, interrupted as by the button of a notebook."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._manager, self._client = start_new_kernel(kernel_name="python3")
        self._run(PRELUDE.format(root=str(root)))
        # The first traceback loads what shows it, which takes IPython a second on a busy machine.
        self._run("raise KeyboardInterrupt")

    def _run(self, code: str, interrupt_after: float = 0.0) -> tuple[list[dict[str, Any]], float]:
        """Run a cell; return what it shows, and the seconds from the interrupt to its end."""
        cell = self._client.execute(code)
        shown: list[dict[str, Any]] = []
        began = 0.0
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=SECONDS)
            except queue.Empty:
                raise AssertionError(f"nothing is heard of the kernel but {shown}") from None
            if message["parent_header"].get("msg_id") != cell:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return shown, time.monotonic() - began
            shown.append({"kind": kind, **content})
            if content.get("text") == "running\n":
                time.sleep(interrupt_after)
                began = time.monotonic()
                self._manager.interrupt_kernel()

    def interrupted(self, kind: str, seconds: float) -> float:
        shown, taken = self._run(f"run({kind!r})", seconds)
        errors = [entry["ename"] for entry in shown if entry["kind"] == "error"]
        assert errors == ["KeyboardInterrupt"]
        return taken

    def left(self) -> tuple[float, list[str], dict[str, list[Any]]]:
        shown, _ = self._run("left(time.monotonic())")
        (result,) = [entry for entry in shown if entry["kind"] == "execute_result"]
        return ast.literal_eval(result["data"]["text/plain"])

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=False)


def _take_terminal() -> None:
    """Have Ctrl-C arrive at this process as it does from a shell."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
