"""What lies on a Dask cluster: streams that travel as they are, parts of them, what is shared."""

from __future__ import annotations

import pickle
import threading

import pyarrow as pa
import pytest
from distributed.protocol import deserialize, serialize

from partita.engine.execution.cluster.built_once import BuiltOnce
from partita.engine.execution.cluster.exchange import Wanted, take
from partita.engine.execution.cluster.output import Output, together
from partita.engine.execution.cluster.sealed import Sealed
from partita.engine.execution.cluster.worker_store import WorkerStore
from partita.engine.execution.stores import MemoryStore
from partita.engine.expr.node import Column, SortKey
from partita.engine.physical.operators.take_range import TakeRange
from partita.engine.physical.stage import KeyRange, Ref


def stored(*slots: list[int]) -> tuple[Output, list[Ref]]:
    """Return an output with one stream of numbers for each slot, and where they lie in it."""
    store = MemoryStore(str)
    parts = [(slot, [batch_of(numbers)]) for slot, numbers in enumerate(slots)]
    refs = store.write("file", parts, False)
    return Output(store.files), refs


def batch_of(numbers: list[int]) -> pa.RecordBatch:
    return pa.record_batch({"a": pa.array(numbers, pa.int64())})


def numbers_in(output: Output, refs: list[Ref]) -> list[int]:
    read = MemoryStore(str, together([output])).read(*refs)
    return [number for batch in read for number in batch["a"].to_pylist()]


@pytest.mark.parametrize("shift", range(9))
def test_an_output_travels_as_its_streams_wherever_they_lie_in_the_message(shift: int) -> None:
    output, refs = stored([1, 2, 3], [], [4])
    header, frames = serialize(output, serializers=["dask"])
    # As they arrive: neighbours in one piece of memory, at any address.
    moved = [memoryview(b"\0" * shift + bytes(frame))[shift:] for frame in frames]
    found = deserialize(header, moved)
    assert numbers_in(found, refs) == [1, 2, 3, 4]
    assert all(buffer.address % 8 == 0 for buffer in found.files["file"].values())
    assert numbers_in(pickle.loads(pickle.dumps(output)), refs) == [1, 2, 3, 4]


def test_streams_are_sent_without_a_copy() -> None:
    output, _ = stored(list(range(1000)))
    _, frames = serialize(output, serializers=["dask"])
    (buffer,) = output.files["file"].values()
    assert pa.py_buffer(frames[0]).address == buffer.address


def test_a_reader_gets_the_streams_of_its_slot_and_no_others() -> None:
    output, refs = stored([1, 2], [3], [4, 5])
    wanted = Wanted(streams=(("file", refs[2].offset),))
    part = take(Sealed(pickle.dumps(wanted), 0), output)
    assert numbers_in(part, [refs[2]]) == [4, 5]
    assert part.bytes == refs[2].length


@pytest.mark.parametrize(
    ("low", "high"), [(None, None), (3, None), (None, 3), (3, 7), (5, 5), (100, None)]
)
def test_a_run_that_was_cut_gives_a_reader_what_the_whole_run_gives(
    low: int | None, high: int | None
) -> None:
    output, refs = stored([1, 2, 3, 3, 5, 8, 13], [])
    cut = TakeRange(by=(SortKey(expr=Column("a")),))
    wanted = KeyRange(low=None if low is None else (low,), high=None if high is None else (high,))

    def of_reader(given: Output) -> list[int]:
        class Context:
            key_range = wanted
            copies = False

            def check(self) -> None:
                """Nobody gives this up."""

        read = MemoryStore(str, together([given])).read(*refs)
        rows = cut.execute(read, Context())  # type: ignore[arg-type]
        return [number for batch in rows for number in batch["a"].to_pylist()]

    streams = tuple((ref.path, ref.offset) for ref in refs)
    part = take(Sealed(pickle.dumps(Wanted(streams=streams, key_range=wanted, cut=cut)), 0), output)
    assert of_reader(part) == of_reader(output)


def test_what_is_more_than_a_task_may_hold_lies_in_files_without_names(tmp_path: object) -> None:
    store = WorkerStore(str(tmp_path), {}, share=4_000)
    first = store.write("small", [(0, [batch_of([1])])], False)
    second = store.write("large", [(0, [batch_of(list(range(1000)))])], False)
    assert [store.on_disk(ref) for ref in (*first, *second)] == [False, True]
    assert numbers_in(store.output(), [*first, *second]) == [1, *range(1000)]


def test_threads_build_once_and_what_was_given_up_is_built_by_another() -> None:
    cache = BuiltOnce()
    gate, built = threading.Event(), []

    def build(name: str) -> None:
        if "table" not in cache:
            built.append(name)
            if len(built) == 1:
                gate.wait(10)
                cache.leave()  # its task has failed
                return
            cache["table"] = name

    assert "table" not in cache
    cache.leave()
    first = threading.Thread(target=build, args=("first",))
    first.start()
    others = [threading.Thread(target=build, args=(f"other {n}",)) for n in range(4)]
    for other in others:
        other.start()
    gate.set()
    for thread in (first, *others):
        thread.join(10)
    assert len(built) == 2
    assert cache["table"] == built[1]
