"""`partita demo`: the main job from end to end, on data it makes, checked against pandas."""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack

from .. import config
from ..api import DataFrame, Result, col, scan_parquet
from ..observe.amounts import bytes_text, seconds_text
from .dataset import Dataset, prepare_dataset
from .revenue import KEYS, ask_pandas, ask_partita, first_difference

DIFFERENT = 1
"""Exit code when the answer is not the one that pandas gives."""

_FIRST_ROWS = 8


def run_demo(*, rows: int, out: str | None, workers: int | None) -> int:
    """Make the dataset, run the job, check the answer, and say what happens on the way.

    Parameters
    ----------
    rows : int
        Trips to make.
    out : str, optional
        Directory that keeps dataset and result; a temporary one that is removed if not given.
    workers : int, optional
        Worker processes; as the settings say if not given.

    Returns
    -------
    int
        0 if the answer is the same as that of pandas, else `DIFFERENT`.

    Raises
    ------
    PartitaError
        If the directory cannot be written to, or the job fails.
    """
    started = time.perf_counter()
    with ExitStack() as stack:
        # Shown from the start, if there is a terminal: the job takes a few seconds.
        stack.enter_context(config.set(progress="on"))
        if workers is not None:
            # Who asks for workers wants to see them work, on few rows as well.
            stack.enter_context(config.set(executor="process", workers=workers))
        directory = out or stack.enter_context(tempfile.TemporaryDirectory(prefix="partita-demo-"))
        dataset = _made_dataset(directory, rows)

        _title("The question: what did each zone earn, in each year?")
        trips = scan_parquet(dataset.trips, hive_partitioning=True)
        answer = ask_partita(trips, scan_parquet(dataset.zones))
        print("\nThe plan as it was written:\n")
        print(answer.explain(optimized=False))
        print("\nThe plan as it is run:\n")
        print(answer.explain(optimized=True))

        _title("The run")
        _run(answer, dataset)

        _title("The result, the highest revenue first")
        print(_first_rows(dataset))
        if out is not None:
            print(f"Dataset and result are kept in {dataset.directory}.")

        _title("The check")
        code = _check(dataset)
    print(f"Everything took {seconds_text(time.perf_counter() - started)}.")
    return code


def _made_dataset(directory: str, rows: int) -> Dataset:
    """Make the dataset, or take the one that is there, and say which."""
    _title(f"The dataset: {rows:,} trips")
    started = time.perf_counter()
    try:
        dataset = prepare_dataset(directory, rows=rows, report=_report)
    finally:
        _report_end()
    size = f"{len(dataset.files)} Parquet files, {bytes_text(dataset.bytes)}, in {dataset.trips}"
    if dataset.reused:
        print(f"Used again: {size}.")
    else:
        print(f"Made {size}, in {seconds_text(time.perf_counter() - started)}.")
    return dataset


def _run(answer: DataFrame, dataset: Dataset) -> None:
    """Run the job, write its rows, and say what it took."""
    written = answer.sink_parquet(dataset.result, partition_by=["borough"], mode="overwrite")
    # Not lazy, so it ran and has an account.
    assert isinstance(written, Result)
    profile = written.profile
    assert profile is not None
    print(profile)
    share = 100 * profile.bytes_read / max(1, dataset.bytes)
    print(
        f"Read {bytes_text(profile.bytes_read)} of {bytes_text(dataset.bytes)} on disk"
        f" ({share:.0f} %) and wrote {sum(written['rows'].to_pylist()):,} rows to"
        f" {len(written)} files, in {seconds_text(profile.seconds)}."
    )


def _first_rows(dataset: Dataset) -> Result:
    """Read the first rows of what was written."""
    # As many columns as a terminal of 80 characters shows.
    money = {name: col(name).round(2) for name in ("revenue", "per_hour")}
    return (
        scan_parquet(dataset.result, hive_partitioning=True)
        .sort("revenue", descending=True)
        .head(_FIRST_ROWS)
        .with_columns(**money)
        .select(*KEYS, "trips", *money)
        .collect()
    )


def _check(dataset: Dataset) -> int:
    """Compare what was written with what pandas makes of the same files."""
    # Late: pandas takes about a second to import, and only the check needs it.
    import pandas as pd

    started = time.perf_counter()
    expected = ask_pandas(dataset.files, dataset.zones)
    # Read by pandas as well: the check shares nothing with what it checks but the files.
    difference = first_difference(expected, pd.read_parquet(dataset.result))
    if difference is not None:
        print(f"DIFFERENT from pandas: {difference}", file=sys.stderr)
        return DIFFERENT
    print("verified against pandas: equal")
    print(
        f"({len(expected):,} rows, {len(expected.columns)} columns;"
        f" pandas took {seconds_text(time.perf_counter() - started)})"
    )
    return 0


def _title(text: str) -> None:
    print(f"\n== {text}", flush=True)


def _report(done: int, total: int) -> None:
    """Show on a terminal how far the dataset is."""
    if sys.stderr.isatty():
        print(f"\r{done:,} of {total:,} trips made", end="", file=sys.stderr, flush=True)


def _report_end() -> None:
    if sys.stderr.isatty():
        # Carriage return, and clear to the end of the line.
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
