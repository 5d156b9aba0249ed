"""Every entry of FUNCTIONS: its example, and its types when planned and when run.

Its answers are compared with other engines' in ``tests/conformance/test_functions.py``.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from partita.engine.expr.evaluate import dtype_of, evaluate
from partita.engine.expr.function import Function
from partita.engine.expr.functions import FUNCTIONS
from partita.engine.schema import decoded

from .conformance.function_data import batch_of, build, calls, planned, same

ENTRIES = [pytest.param(function, id=function.name) for function in FUNCTIONS.values()]


def samples(function: Function) -> list[pa.DataType]:
    return [*function.accepts[0].samples, pa.null()]


@pytest.mark.parametrize("function", ENTRIES)
def test_the_example_gives_what_it_says(function: Function) -> None:
    example = function.example
    batch = pa.RecordBatch.from_pydict(dict(example.data))
    expr = build(example.code).node
    found = evaluate(expr, batch).to_pylist()
    assert same(found, list(example.gives)), f"{example.code} gave {found}"
    assert str(function.doc).splitlines()[0].endswith(".")


@pytest.mark.parametrize("function", ENTRIES)
def test_the_planned_type_is_the_one_that_comes(function: Function) -> None:
    worked = 0
    for dtype in samples(function):
        for code in calls(function):
            found_plan = planned(code, batch_of(dtype, 0))
            if found_plan is None:
                continue
            expr, dtype_planned = found_plan
            for rows, nulls in ((0, 0.0), (1, 0.0), (1, 1.0), (7, 1.0), (50, 0.2)):
                batch = batch_of(dtype, rows, nulls)
                found = evaluate(expr, batch)
                assert found.type == dtype_planned, (code, dtype)
                assert len(found) == rows
                found.validate(full=True)
            worked += 1
    assert worked > 0


@pytest.mark.parametrize("function", ENTRIES)
def test_batches_and_dictionaries_make_no_difference(function: Function) -> None:
    for dtype in samples(function):
        batch = batch_of(dtype, 40)
        for code in calls(function):
            found_plan = planned(code, batch)
            if found_plan is None:
                continue
            expr, _ = found_plan
            whole = evaluate(expr, batch).to_pylist()
            parts = [evaluate(expr, batch.slice(start, 9)).to_pylist() for start in range(0, 40, 9)]
            assert same([value for part in parts for value in part], whole)
            if not pa.types.is_string(dtype):
                continue
            rest = {name: batch[name] for name in ("i", "s")}
            encoded = pa.record_batch({name: _encoded(batch[name]) for name in ("x", "y")} | rest)
            mixed = pa.record_batch({"x": _encoded(batch["x"]), "y": batch["y"]} | rest)
            for other in (encoded, mixed, encoded.slice(3, 5)):
                found = evaluate(expr, other)
                rows = whole if other.num_rows == 40 else whole[3:8]
                assert same(decoded(found).to_pylist(), rows), (code, dtype)
                logical = (
                    found.type.value_type if pa.types.is_dictionary(found.type) else found.type
                )
                assert logical == dtype_of(expr, other.schema)


def _encoded(array: pa.Array) -> pa.DictionaryArray:
    """Return a dictionary with values that no row has, one twice, and nulls of both kinds."""
    plain = array.dictionary_encode()
    values = pa.concat_arrays([plain.dictionary, pa.array(["unused", None, "aab"], pa.string())])
    rows = np.arange(len(array))
    null_value = pa.scalar(len(plain.dictionary) + 1, pa.int32())
    codes = pa.compute.if_else(
        pa.array(rows % 2 == 0), plain.indices, pa.compute.fill_null(plain.indices, null_value)
    )
    return pa.DictionaryArray.from_arrays(codes, values)
