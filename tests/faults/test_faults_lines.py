"""Damaged lines of text: each that is none any more is told of, and no other one is lost."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import warnings
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

import partita as pt

from .damage import FORMATS, damaged, rows

Judge = Callable[[bytes], int]


def check_day(text: str) -> None:
    """Raise unless `text` is a day; Python's own has no year 0."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII)
    np.datetime64(text, "D")


def objects(lines: bytes) -> int:
    """Raise unless the standard library reads `lines` as objects with values of our types.

    Returned is how many there are: one may go over several lines, and a line hold several.
    """

    def of_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in pairs]
        # Python takes the last of several; who has given both meant something else.
        assert not any(names.count(name) > 1 for name in _KINDS)
        return dict(pairs)

    def constant(text: str) -> None:
        raise ValueError(f"JSON has no {text}")

    decoder = json.JSONDecoder(object_pairs_hook=of_pairs, parse_constant=constant)
    text = lines.decode().strip()
    count = 0
    while text:
        found, stop = decoder.raw_decode(text)
        text = text[stop:].lstrip()
        count += 1
        assert isinstance(found, dict)
        for name, kind in _KINDS.items():
            value = found.get(name)
            assert value is None or (isinstance(value, kind) and not isinstance(value, bool))
        if found.get("day") is not None:
            check_day(found["day"])
        for number in [found.get("id"), *(found.get("list") or ())]:
            assert number is None or -(2**63) <= int(str(number)) < 2**63
    return count


_KINDS = {"id": int, "x": int | float, "text": str, "own": str, "day": str, "list": list}


def csv_rows(lines: bytes) -> int:
    """Raise unless the standard library reads `lines` as rows with values of our types."""
    text = io.StringIO(lines.decode(), newline="")
    found = [row for row in csv.reader(text, strict=True) if row]
    for number, x, _, _, day in found:
        int(number or 0), float(x or 0)
        if day:
            check_day(day)
    return len(found)


def judged(name: str, good_rows: Judge, folder: Path, first: int, stop: int) -> Counter[str]:
    """Count the damaged lines of some files by what the standard library and a scan say of them."""
    kind = FORMATS[name]
    good = folder / f"good{kind.suffix}"
    kind.write(rows(kind.nested), good)
    data = good.read_bytes()
    lines = set(data.split(b"\n"))
    schema = kind.scan(good).schema
    found: Counter[str] = Counter()
    for seed in range(first, stop):
        path = folder / f"damaged-{seed}{kind.suffix}"
        changed = damaged(data, seed)
        path.write_bytes(changed)
        with warnings.catch_warnings(), pt.config.set(executor="serial"):
            warnings.simplefilter("ignore", pt.errors.SkippedWarning)
            result = kind.scan(path, on_error="skip", schema=schema).collect()
        path.unlink()
        told = set()
        for part in result.profile.skipped:
            number = re.fullmatch(r"line ([\d,]+)", part.part)
            assert number, f"{name} {seed}: {part}"
            told.add(int(number[1].replace(",", "")))
        given = 0
        run: list[bytes] = []
        for place, line in enumerate([*changed.split(b"\n"), b""], 1):
            if place == 1 and name == "csv":
                continue
            untold = line.strip() and line not in lines and place not in told
            if untold:
                run.append(line)
                continue
            if run:
                # Damage that leaves lines which the standard library takes for rows as well.
                given += good_rows(b"\n".join(run))
                found["still good"] += len(run)
                run = []
            if line in lines and line.strip():
                given += 1
            elif place in told:
                found["bad"] += 1
                if name == "json" or line.count(b'"') % 2 == 0:
                    with pytest.raises((ValueError, AssertionError, csv.Error)):
                        assert good_rows(line) == 1
        assert given == result.to_arrow().num_rows, f"{name} {seed}"
    return found


@pytest.mark.parametrize(("name", "good_rows"), [("json", objects), ("csv", csv_rows)])
def test_exactly_what_is_no_line_any_more_is_left_out(
    name: str, good_rows: Judge, tmp_path: Path
) -> None:
    found = judged(name, good_rows, tmp_path, 10_000, 10_040)
    assert min(found["bad"], found["still good"]) >= 10


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("name", "good_rows"), [("json", objects), ("csv", csv_rows)])
def test_2000_files_of_lines(name: str, good_rows: Judge, tmp_path: Path) -> None:
    print(name, dict(judged(name, good_rows, tmp_path, 10_000, 12_000)))


@pytest.mark.parametrize("executor", ["serial", "process"])
def test_a_name_that_is_no_text_is_no_other_name(executor: str, tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    lines = [b'{"n":%d,"own":"u%d"}' % (number, number) for number in range(100)]
    lines[70] = b'{"n":70,"\xf4wn":"u70"}'
    path.write_bytes(b"\n".join(lines) + b"\n")
    schema = {"n": "int64", "own": "string"}
    with pt.config.set(executor=executor, workers=1):
        with pytest.raises(pt.errors.SourceCorrupt, match=r"f\.json.*UTF8"):
            pt.scan_json(path, schema=schema).collect()
        with pytest.warns(pt.errors.SkippedWarning, match="line 71"):
            left = pt.scan_json(path, schema=schema, on_error="skip").collect()
    assert left["n"].to_pylist() == [*range(70), *range(71, 100)]
    assert left["own"].null_count == 0


def test_a_day_that_is_none_is_a_line_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_text('{"day":"2024-02-29"}\n{"day":"2024-02-3x"}\n{"day":null}\n')
    schema = {"day": "date32"}
    with pytest.raises(pt.errors.SchemaError, match="day"):
        pt.scan_json(path, schema=schema).collect()
    with pytest.warns(pt.errors.SkippedWarning, match="line 2"):
        left = pt.scan_json(path, schema=schema, on_error="skip").collect()
    assert left["day"].to_pylist() == [date(2024, 2, 29), None]


@pytest.mark.parametrize("on_error", ["raise", "skip"])
@pytest.mark.parametrize("name", ["f.csv", "f.csv.gz"])
@pytest.mark.parametrize("newlines", [False, True])
def test_an_empty_value_at_the_end_of_a_file_is_null(
    on_error: str, name: str, newlines: bool, tmp_path: Path
) -> None:
    # Arrow takes it for quoted, as the value before it is.
    text = b'a,b,c\n"x","y",2000-01-01\n"y","z",'
    with (gzip.open if name.endswith("gz") else open)(tmp_path / name, "wb") as file:
        file.write(text)
    frame = pt.scan_csv(tmp_path / name, on_error=on_error, newlines_in_values=newlines)
    assert frame.select("c").to_pydict() == {"c": [date(2000, 1, 1), None]}
    for kind in ("string", "date32"):
        schema = {"a": "string", "b": "string", "c": kind}
        frame = pt.scan_csv(
            tmp_path / name, on_error=on_error, newlines_in_values=newlines, schema=schema
        )
        assert frame.to_pydict()["c"][1] is None
