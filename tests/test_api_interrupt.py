"""A notebook's "interrupt": the kernel is back at once, its screen clean, the session goes on."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.manager import KernelManager, start_new_kernel

from .patience import SOON

SETUP = """
import partita as pt
pt.config.set(executor="process", workers=2, batch_rows=100)
df = pt.from_pydict({"a": list(range(50_000))})
def slowly(batch):
    import time
    time.sleep(0.3)
    return batch
"""


class Notebook:
    """A kernel and what its cells show."""

    def __init__(self, manager: KernelManager, client: Any) -> None:
        self._manager = manager
        self._client = client

    def run(self, code: str, interrupt_at: str = "") -> tuple[list[dict[str, Any]], float]:
        """Run a cell, interrupted once this kind of message has come.

        Returns what was shown, and the seconds from the interrupt to the end of the cell.
        """
        cell = self._client.execute(code)
        shown: list[dict[str, Any]] = []
        interrupted = 0.0
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=60)
            except queue.Empty:
                pytest.fail(f"nothing was heard of the kernel; shown so far: {shown}")
            if message["parent_header"].get("msg_id") != cell:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return shown, time.monotonic() - interrupted
            shown.append({"kind": kind, **content})
            if kind == interrupt_at and not interrupted:
                self._manager.interrupt_kernel()
                interrupted = time.monotonic()


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        yield Notebook(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=False)


def test_the_kernel_is_back_and_the_next_query_right(notebook: Notebook) -> None:
    notebook.run(SETUP)
    # The bar is shown after a second, so the query is in the middle of its work.
    shown, seconds = notebook.run(
        "df.map_batches(slowly, schema=df.schema).collect()", interrupt_at="display_data"
    )
    # All of it would take more than a minute.
    assert seconds < SOON
    error = next(entry for entry in shown if entry["kind"] == "error")
    assert error["ename"] == "KeyboardInterrupt"
    # What the scheduler was doing says nothing to a reader.
    assert "scheduler.py" not in "".join(error["traceback"])
    boxes = [entry["data"] for entry in shown if "display_data" in entry["kind"]]
    assert "tasks" in boxes[0]["text/plain"]
    assert boxes[-1] == {"text/html": "", "text/plain": ""}

    after, _ = notebook.run("df.select(pt.col('a').sum()).to_pydict()")
    results = [entry["data"]["text/plain"] for entry in after if entry["kind"] == "execute_result"]
    assert results == [str({"a": [sum(range(50_000))]})]
