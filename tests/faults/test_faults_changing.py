"""Files that change, shrink, grow, vanish or are replaced while they are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import partita as pt
from partita.engine.errors import SourceCorrupt, SourceNotFound

ROWS = 40_000


def truncate(path: Path) -> None:
    os.truncate(path, 1_000)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"1,2\n" * 100)


def rewrite(path: Path) -> None:
    data = path.read_bytes()
    with path.open("r+b") as file:
        file.write(data[::-1])


def unlink(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"something else")
    os.replace(other, path)


FORMATS: dict[str, tuple[Callable[[pt.DataFrame, Path], object], Callable[..., pt.DataFrame]]] = {
    "parquet": (lambda df, path: df.sink_parquet(path, row_group_rows=4_000), pt.scan_parquet),
    "ipc": (lambda df, path: df.sink_ipc(path), pt.scan_ipc),
    "csv": (lambda df, path: df.sink_csv(path), pt.scan_csv),
    "json": (lambda df, path: df.sink_json(path), pt.scan_json),
    "orc": (lambda df, path: df.sink_orc(path), pt.scan_orc),
}


@pytest.fixture(scope="module", params=["serial", "process"])
def session(request: pytest.FixtureRequest) -> Iterator[pt.Session]:
    with pt.Session(executor=request.param, workers=1, batch_rows=1_000) as session:
        yield session


def written(form: str, folder: Path) -> Path:
    """Write a file, long ago, of several batches."""
    path = folder / f"f.{form}"
    FORMATS[form][0](pt.from_pydict({"n": list(range(ROWS)), "text": ["x" * 20] * ROWS}), path)
    os.utime(path, (1e9, 1e9))
    return path


def while_read(frame: pt.DataFrame, change: Callable[[Path], None], path: Path) -> pt.DataFrame:
    """Return the frame, whose file is changed when its first batch has been read."""
    mark = path.with_name("mark")

    def changing(batch: pa.RecordBatch) -> pa.RecordBatch:
        if not mark.exists():
            mark.touch()
            change(path)
        return batch

    return frame.map_batches(changing, schema=frame.schema)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("change", [truncate, empty, append, rewrite])
def test_a_file_that_is_written_to(
    form: str, change: Callable[[Path], None], session: pt.Session, tmp_path: Path
) -> None:
    path = written(form, tmp_path)
    frame = FORMATS[form][1](path)
    with pytest.raises(SourceCorrupt, match=rf"f\.{form}' has changed since"):
        while_read(frame, change, path).collect()
    with pytest.raises(SourceCorrupt, match=rf"f\.{form}' has changed since"):
        frame.collect()
    assert pt.from_pydict({"n": [1]}).count().to_pydict() == {"n": [1]}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("change", [unlink, replace])
def test_a_file_that_is_another_one_or_none_any_more(
    form: str, change: Callable[[Path], None], session: pt.Session, tmp_path: Path
) -> None:
    path = written(form, tmp_path)
    frame = FORMATS[form][1](path)
    # One partition of one task: it has the file open.
    result = while_read(frame, change, path).collect()
    assert result["n"].to_pylist() == list(range(ROWS))
    with pytest.raises((SourceCorrupt, SourceNotFound), match=rf"f\.{form}'"):
        frame.collect()


def test_a_result_does_not_change_with_its_file(session: pt.Session, tmp_path: Path) -> None:
    path = written("ipc", tmp_path)
    result = pt.scan_ipc(path).collect()
    os.truncate(path, 0)
    assert result["n"].to_pylist() == list(range(ROWS))
