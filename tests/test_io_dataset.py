"""What all file formats have in common, on every one there is and on one that is made here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from partita.engine.errors import PartitaError, SchemaError, SourceCorrupt
from partita.engine.source import Pushdown, ScanPlan, Source
from partita.io import FORMATS
from partita.io.dataset import FileSource, Unreadable, runs
from partita.io.file_fragment import StreamedFragment
from partita.io.listing import File, Listing


def write(name: str, path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = FORMATS[name].sink(path=path).open(str(path), table.schema)
    writer.write(table)
    writer.close()


@pytest.fixture(params=FORMATS)
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """Two files in folders, the second without the column ``b``."""
    name, root = request.param, tmp_path / "data"
    suffix = FORMATS[name].suffixes[0]
    write(name, root / "year=2024" / f"x{suffix}", pa.table({"a": [1, 2], "b": ["p", "q"]}))
    write(name, root / "year=2025" / f"y{suffix}", pa.table({"a": [3]}))
    return name, root


def rows_of(source: Source, columns: tuple[str, ...] | None = None, size: int = 1 << 20) -> Any:
    plan = source.plan(Pushdown(columns=columns), size)
    batches = [batch for fragment in plan.fragments for batch in fragment.batches(1000)]
    names = batches[0].schema.names
    return {name: [v for b in batches for v in b.column(name).to_pylist()] for name in names}


def test_folders_and_missing_columns(dataset: tuple[str, Path]) -> None:
    name, root = dataset
    kind = FORMATS[name].source
    source = kind.open(root)
    assert source.label == f"{name} '{root}'"
    assert source.schema == pa.schema([("a", "int64"), ("b", "string"), ("year", "int64")])
    expected = {"b": ["p", "q", None], "year": [2024, 2024, 2025]}
    assert rows_of(source, ("b", "year")) == expected
    assert rows_of(source, ("year",)) == {"year": expected["year"]}
    with pytest.raises(SchemaError, match=r"'b' is not in .*missing_columns='insert'"):
        kind.open(root, missing_columns="raise")
    with pytest.raises(SchemaError, match="'insert' or 'raise', not 'maybe'"):
        kind.open(root, missing_columns="maybe")
    with pytest.raises((TypeError, PartitaError), match="colour"):
        kind.open(root, colour="red")


def test_equal_when_the_same_is_read(dataset: tuple[str, Path]) -> None:
    name, root = dataset
    kind = FORMATS[name].source
    source = kind.open(root)
    assert source == kind.open(root)
    assert hash(source) == hash(kind.open(root))
    assert source == kind.open(root, schema=source.schema)
    narrow = pa.schema([("a", pa.int64())])
    for other in (kind.open(root, schema=narrow), kind.open(root / "year=2024"), root):
        assert source != other


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_is_told_in_whole_sentences(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"PAR1 ARROW1\n1,2,3\n" + b"\0" * 40)
    with pytest.raises(SourceCorrupt) as caught:
        FORMATS[name].source.open(path)
    message = str(caught.value)
    assert ".. " not in message
    assert ". If it is not part of the dataset" in message
    assert "\n" not in message


@pytest.mark.parametrize("size", [1, 9, 10, 1000])
def test_runs_keep_the_order_and_come_near_the_size(size: int) -> None:
    sizes = [5, 4, 9, 0, 30, 1, 1, 1]
    found = list(runs(enumerate(sizes), size))
    assert [piece for run in found for piece in run] == list(range(len(sizes)))
    assert all(run for run in found)
    for run in found:
        total = sum(sizes[piece] for piece in run)
        assert len(run) == 1 or total - sizes[run[-1]] / 2 <= size


@dataclass(frozen=True, kw_only=True)
class Note:
    """A text file, of which nothing is known but that it has a text."""

    file: File
    schema: ClassVar[pa.Schema] = pa.schema([("text", pa.string())])

    def __str__(self) -> str:
        return self.file.path


@dataclass(frozen=True, kw_only=True)
class NoteFragment(StreamedFragment[Note]):
    """Text files that one task reads."""

    def stored_batches(self, part: Note) -> Iterator[pa.RecordBatch]:
        """Give the text of a file."""
        yield pa.record_batch({"text": [Path(part.file.path).read_text()]})


@dataclass(frozen=True, eq=False, kw_only=True)
class NoteSource(FileSource[Note]):
    """Text files, a row each: the least that a format has to add."""

    format: ClassVar[str] = "note"

    @classmethod
    def described(
        cls,
        listing: Listing,
        given: pa.Schema | None,
        options: None,
        unreadable: Unreadable,
    ) -> Iterator[Note]:
        """Name the files."""
        return (Note(file=file) for file in listing.files)

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Put files together."""
        sized = ((note, note.file.size) for note in self.files)
        return self.planned(
            NoteFragment(
                parts=tuple(run),
                schema=self.wanted(pushdown),
                keys=frozenset(self.keys),
                size=sum(note.file.size for note in run),
                store=self.store,
            )
            for run in runs(sized, partition_bytes)
        )


def test_a_new_format(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        (tmp_path / f"day={day}").mkdir()
        (tmp_path / f"day={day}" / "note.txt").write_text(f"note {day}")
    source = NoteSource.open(tmp_path)
    assert isinstance(source, Source)
    assert source == NoteSource.open(tmp_path)
    assert rows_of(source) == {"text": ["note 1", "note 2", "note 3"], "day": [1, 2, 3]}
    assert rows_of(source, ("day",), size=1) == {"day": [1, 2, 3]}
    plan = source.plan(Pushdown(), 1)
    assert [fragment.label for fragment in plan.fragments] == [
        str(tmp_path / f"day={day}" / "note.txt") for day in (1, 2, 3)
    ]
    assert plan.stored_bytes == (18, 18)
    with pytest.raises(TypeError, match=r"NoteSource\.open\(\).*'colour'"):
        NoteSource.open(tmp_path, colour="red")
