"""A user's functions travel by value: nothing has to be installed where they run."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import partita as pt
from partita import col, errors

from .executors import Executor

FACTOR = 3


@pt.udf(returns="int64")
def times_factor(values: pa.Array) -> pa.Array:
    return pc.multiply(values, FACTOR)


@dataclasses.dataclass(frozen=True)
class Shift:
    """A callable of the user's with a state."""

    by: int

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        return {"file": pc.add(batch["file"].cast("int64"), self.by)}


def imported(path: Path, text: str) -> ModuleType:
    """Return a module that only this process has."""
    path.write_text(textwrap.dedent(text))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def test_functions_of_this_file(session: pt.Session, dataset: Path) -> None:
    rows = pt.scan_parquet(dataset)
    assert rows.select(times_factor("file").sum().alias("n")).to_pydict() == {"n": [900_000]}
    shifted = rows.map_batches(Shift(by=10), {"file": "int64"})
    assert shifted.select(col("file").sum()).to_pydict() == {"file": [1_500_000]}
    offset = 100
    closed = rows.map_batches(
        lambda batch: {"file": pc.add(batch["file"], offset)}, {"file": "int32"}
    )
    assert closed.select(col("file").max()).to_pydict() == {"file": [105]}


def test_functions_of_a_module_that_is_not_installed(
    session: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    helping = imported(tmp_path / "helping_here_only.py", "def tripled(x):\n    return x * 3\n")
    module = imported(
        tmp_path / "known_here_only.py",
        """
        from helping_here_only import tripled

        class Unknown(Exception):
            pass

        def triple(batch):
            return {"file": [tripled(value) for value in batch["file"].to_pylist()]}

        def fail(batch):
            raise Unknown("never heard of")
        """,
    )
    try:
        rows = pt.scan_parquet(dataset).select("file")
        tripled = rows.map_batches(module.triple, {"file": "int64"})
        assert tripled.select(col("file").sum()).to_pydict() == {"file": [900_000]}
        with pytest.raises(errors.UserFunctionError, match="never heard of") as caught:
            rows.map_batches(module.fail, {"file": "int64"}).collect()
        assert "known_here_only.py" in str(caught.value)
    finally:
        del sys.modules[module.__name__], sys.modules[helping.__name__]


SCRIPT = """
    import json
    import sys

    import partita as pt

    ADDED = 7

    class Adder:
        def __call__(self, batch):
            return {"file": [value + ADDED for value in batch["file"].to_pylist()]}

    @pt.delayed
    def twice(number):
        return 2 * number

    pt.config.set(progress="off", **json.loads(sys.argv[1]))
    rows = pt.scan_parquet(sys.argv[2])
    added = rows.map_batches(Adder(), {"file": "int64"})
    print(added.select(pt.col("file").sum()).to_pydict()["file"])
    print(twice(twice(10)).compute())
"""


def test_functions_of_a_script(executor: Executor, dataset: Path, tmp_path: Path) -> None:
    # Unguarded, as users write them: nobody may import it a second time.
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    settings = json.dumps({**executor.settings, "partition_bytes": 100_000})
    done = subprocess.run(
        [sys.executable, str(script), settings, str(dataset)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[1140000]\n40\n", "")


def test_functions_of_groups_of_all_rows_and_of_nothing(session: pt.Session, dataset: Path) -> None:
    rows = pt.scan_parquet(dataset)
    largest = rows.group_by("file").map_groups(
        lambda group: group.sort_by("value").slice(0, 1), rows.schema
    )
    assert largest.select("file").sort("file").to_pydict() == {"file": list(range(6))}
    assert rows.reduce(lambda table: table.num_rows, lambda left, right: left + right) == 120_000
    made = pt.delayed(lambda one, two: [one, *two])("a", pt.delayed(lambda: ["b", "c"])())
    assert made.compute() == ["a", "b", "c"]
    generated = pt.generate(
        lambda number: pa.table({"n": np.full(number, number)}), 5, schema={"n": "int64"}
    )
    assert generated.to_pydict()["n"] == [1, 2, 2, 3, 3, 3, 4, 4, 4, 4]


def test_a_large_object_travels_with_its_function(session: pt.Session, dataset: Path) -> None:
    weights = np.arange(1_000_000, dtype="float64")

    def weigh(batch: pa.RecordBatch) -> dict[str, object]:
        return {"w": weights[batch["key"].to_numpy()]}

    rows = pt.scan_parquet(dataset)
    found = rows.map_batches(weigh, {"w": "float64"}).select(col("w").sum()).to_pydict()["w"]
    assert found == [float(rows.select(col("key").sum()).to_pydict()["key"][0])]


def test_what_cannot_travel_is_named(pool: pt.Session, dataset: Path) -> None:
    lock = threading.Lock()

    def locked(batch: pa.RecordBatch) -> pa.RecordBatch:
        with lock:
            return batch

    rows = pt.scan_parquet(dataset)
    with pytest.raises(errors.InvalidExpression, match="cannot be sent to worker processes"):
        rows.map_batches(locked, rows.schema).collect()
    assert len(rows) == 120_000
