"""``on_error="skip"``: what cannot be read is left out, and told of; by default it is an error."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita.engine.errors import SkippedWarning, SourceCorrupt, SourceNotFound

EXECUTORS = ["serial", "process"]


@pytest.fixture(autouse=True, params=EXECUTORS)
def executor(request: pytest.FixtureRequest) -> Iterator[str]:
    with pt.config.set(executor=request.param, workers=2):
        yield request.param


def three_files(folder: Path) -> list[Path]:
    """Write files of three row groups of 100 rows, numbered through."""
    folder.mkdir()
    paths = [folder / f"f{number}.parquet" for number in range(3)]
    for number, path in enumerate(paths):
        values = range(number * 300, number * 300 + 300)
        table = pa.table({"n": values, "text": [f"row {value}" for value in values]})
        pq.write_table(table, path, row_group_size=100, compression="zstd")
    return paths


def damage_group(path: Path, group: int) -> None:
    """Zero the pages of a column in one row group; its footer stays."""
    chunk = pq.read_metadata(path).row_group(group).column(1)
    with open(path, "r+b") as file:
        file.seek(chunk.dictionary_page_offset or chunk.data_page_offset)
        file.write(bytes(chunk.total_compressed_size))


def test_an_error_names_the_file_and_the_row_group(tmp_path: Path) -> None:
    paths = three_files(tmp_path / "data")
    damage_group(paths[1], 2)
    with pytest.raises(SourceCorrupt, match=r"Row groups .*2.* of '.*f1\.parquet'"):
        pt.scan_parquet(tmp_path / "data").collect()


def test_a_row_group_is_left_out_and_told_of(tmp_path: Path) -> None:
    paths = three_files(tmp_path / "data")
    damage_group(paths[1], 2)
    frame = pt.scan_parquet(tmp_path / "data", on_error="skip")
    with pytest.warns(SkippedWarning, match=r"f1\.parquet', row group 2: ") as warned:
        result = frame.collect()
    assert warned[0].filename == __file__
    assert result["n"].to_pylist() == [*range(500), *range(600, 900)]
    (skipped,) = result.profile.skipped
    assert (skipped.file, skipped.part) == (str(paths[1]), "row group 2")
    assert "cannot be read" in skipped.reason
    assert "left out: " in str(result.profile)
    assert "left out: " in result.profile._repr_html_()
    assert result.profile.to_dict()["skipped"] == [vars(skipped)]


def test_what_is_not_read_does_no_harm(tmp_path: Path) -> None:
    paths = three_files(tmp_path / "data")
    damage_group(paths[1], 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = pt.scan_parquet(tmp_path / "data", on_error="skip").select("n").collect()
    assert result.to_arrow().num_rows == 900
    assert result.profile.skipped == ()


def test_a_file_without_a_footer_is_left_out(tmp_path: Path) -> None:
    paths = three_files(tmp_path / "data")
    os.truncate(paths[0], 1_000)
    with pytest.raises(SourceCorrupt, match=r"f0\.parquet"):
        pt.scan_parquet(tmp_path / "data")
    frame = pt.scan_parquet(tmp_path / "data", on_error="skip")
    for _ in range(2):
        with pytest.warns(SkippedWarning, match=r"f0\.parquet"):
            assert frame.select("n").collect()["n"].to_pylist() == list(range(300, 900))


def test_nothing_but_damage_is_an_error(tmp_path: Path) -> None:
    for path in three_files(tmp_path / "data"):
        path.write_bytes(b"no parquet")
    with pytest.raises(SourceCorrupt):
        pt.scan_parquet(tmp_path / "data", on_error="skip")


def test_rows_are_numbered_and_counted_as_they_are_read(tmp_path: Path) -> None:
    paths = three_files(tmp_path / "data")
    damage_group(paths[0], 1)
    frame = pt.scan_parquet(tmp_path / "data", on_error="skip")
    with pytest.warns(SkippedWarning):
        numbered = frame.with_row_index("row").collect()
    assert numbered["row"].to_pylist() == list(range(800))
    with pytest.warns(SkippedWarning):
        first = frame.select("n", "text").head(150).collect()
    assert first["n"].to_pylist() == [*range(100), *range(200, 250)]
    with pytest.warns(SkippedWarning):
        last = frame.select("n", "text").slice(790, 20).collect()
    assert last["n"].to_pylist() == list(range(890, 900))


def test_lines_and_batches_are_left_out(tmp_path: Path) -> None:
    frame = pt.from_pydict({"n": list(range(10)), "text": ["x"] * 10})
    frame.sink_csv(tmp_path / "a.csv")
    frame.sink_json(tmp_path / "a.json")
    (tmp_path / "b.csv").write_text('"n","text"\n1,"x"\nno number,"y"\n')
    (tmp_path / "b.json").write_text('{"n":1,"text":"x"}\n{"n":1,')
    schema = {"n": "int64", "text": "string"}
    for form, scan in (("csv", pt.scan_csv), ("json", pt.scan_json)):
        paths = [tmp_path / f"a.{form}", tmp_path / f"b.{form}"]
        with pytest.raises(SourceCorrupt, match=rf"b\.{form}"):
            scan(paths, schema=schema).collect()
        with pytest.warns(SkippedWarning, match=rf"b\.{form}"):
            result = scan(paths, schema=schema, on_error="skip").collect()
        assert result["n"].to_pylist()[:10] == list(range(10))
        assert [part.file for part in result.profile.skipped] == [str(paths[1])]


def test_single_lines_are_left_out(tmp_path: Path) -> None:
    count = 20_000
    bad = {0, 7, 9_999, 10_000, count - 1}
    csv = [f'{number},"text {number}"' for number in range(count)]
    json = [f'{{"n":{number},"text":"text {number}"}}' for number in range(count)]
    for number in bad:
        csv[number] = ['no number,"x"', f'{number},"x",y', f'{number},"no end'][number % 3]
        json[number] = json[number][: 5 + number % 9]
    (tmp_path / "f.csv").write_text("\n".join(["n,text", *csv]) + "\n")
    (tmp_path / "f.json").write_text("\n".join(json) + "\n")
    for form, scan, header in (("csv", pt.scan_csv, 1), ("json", pt.scan_json, 0)):
        path = tmp_path / f"f.{form}"
        # In one range and in many: the lines are the same.
        for size in ("32MiB", "64KiB"):
            frame = scan(path, schema={"n": "int64", "text": "string"}, on_error="skip")
            with pt.config.set(partition_bytes=size), pytest.warns(SkippedWarning):
                result = frame.collect()
            assert result["n"].to_pylist() == [n for n in range(count) if n not in bad]
            lines = [f"line {number + 1 + header:,}" for number in sorted(bad)]
            assert [part.part for part in result.profile.skipped] == lines


def test_of_bad_lines_without_end_the_rest_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("n\n" + "1\n" * 10 + "no number\n" * 5_000)
    frame = pt.scan_csv(tmp_path / "f.csv", schema={"n": "int64"}, on_error="skip")
    with pytest.warns(SkippedWarning, match="1,001 parts of files"):
        result = frame.collect()
    assert result["n"].to_pylist() == [1] * 10
    assert "all behind" in result.profile.skipped[-1].part


def test_the_good_lines_tell_the_types(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("n,text\n" + '1,"x"\n' * 500 + "1,2,3\n")
    (tmp_path / "f.json").write_text('{"n":1,"text":"x"}\n' * 500 + '{"n":\n')
    for scan, name in ((pt.scan_csv, "f.csv"), (pt.scan_json, "f.json")):
        with pytest.raises(SourceCorrupt, match=name):
            scan(tmp_path / name).collect()
        with pytest.warns(SkippedWarning, match="A part of a file"):
            result = scan(tmp_path / name, on_error="skip").collect()
        assert result["n"].to_pylist() == [1] * 500


def test_a_file_that_changes_between_plan_and_read(tmp_path: Path) -> None:
    for form in ("parquet", "csv", "json", "ipc", "orc"):
        path = tmp_path / f"f.{form}"
        first = pt.from_pydict({"n": [1, 2, 3]})
        getattr(first, f"sink_{form}")(tmp_path / "f" if form == "ipc" else path)
        path = tmp_path / "f" if form == "ipc" else path
        scan = getattr(pt, f"scan_{form}")
        frame, lenient = scan(path), scan(path, on_error="skip")
        here = path if path.is_file() else next(path.iterdir())
        data = here.read_bytes()
        # The same length, so that only its time tells.
        here.write_bytes(data)
        with pytest.raises(SourceCorrupt, match="has changed since the scan was planned"):
            frame.collect()
        with pytest.warns(SkippedWarning, match="has changed since"):
            assert lenient.collect().to_arrow().num_rows == 0
        here.unlink()
        with pytest.raises(SourceNotFound, match="is gone since the scan was planned"):
            frame.collect()


def test_only_two_words_are_understood(tmp_path: Path) -> None:
    with pytest.raises(pt.errors.SchemaError, match="on_error is 'raise' or 'skip'"):
        pt.scan_parquet(tmp_path, on_error="ignore")
