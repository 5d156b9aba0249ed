"""What a task leaves on a Dask worker: Arrow streams in memory, sent on as they are.

Dask holds it as the value of the task's key, moves it to whoever reads it, puts it on disk where
memory is short and forgets it with its last reference.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
from dask.sizeof import sizeof
from distributed.protocol import dask_deserialize, dask_serialize

_ALIGNED = 8
"""Bytes to which Arrow and numpy want their numbers aligned."""


class Output:
    """The streams of files: path, place within it, bytes.

    Parameters
    ----------
    files
        As `MemoryStore` has them.
    """

    def __init__(self, files: Mapping[str, Mapping[int, pa.Buffer]]) -> None:
        self.files = files

    @property
    def bytes(self) -> int:
        """Bytes of all streams."""
        return sum(buffer.size for streams in self.files.values() for buffer in streams.values())

    def only(self, wanted: Iterable[tuple[str, int]]) -> Output:
        """Return some of the streams, without a copy."""
        files: dict[str, dict[int, pa.Buffer]] = {}
        for path, place in wanted:
            files.setdefault(path, {})[place] = self.files[path][place]
        return Output(files)

    def __dask_tokenize__(self) -> object:
        # Dask would write all of it out as text, for the name of a graph that has it.
        return id(self)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # Of what travels within a message; Dask sends values by the functions below.
        header, frames = _serialize(self)
        if protocol < 5:
            return _deserialize, (header, [frame.to_pybytes() for frame in frames])
        # Where the message can have them beside itself, they are not copied into it.
        return _deserialize, (header, [pickle.PickleBuffer(frame) for frame in frames])


def together(outputs: Iterable[Output]) -> dict[str, dict[int, pa.Buffer]]:
    """Return the files of all; of one file several may have other streams."""
    files: dict[str, dict[int, pa.Buffer]] = {}
    for output in outputs:
        for path, streams in output.files.items():
            files.setdefault(path, {}).update(streams)
    return files


@dask_serialize.register(Output)
def _serialize(output: Output) -> tuple[dict[str, Any], list[pa.Buffer]]:
    names = [[path, list(streams)] for path, streams in output.files.items()]
    frames = [buffer for streams in output.files.values() for buffer in streams.values()]
    return {"names": names}, frames


@dask_deserialize.register(Output)
def _deserialize(header: Mapping[str, Any], frames: list[Any]) -> Output:
    buffers = map(_aligned, frames)
    return Output(
        {path: {place: next(buffers) for place in places} for path, places in header["names"]}
    )


def _aligned(frame: Any) -> pa.Buffer:
    """Return the frame as a buffer; it lies anywhere in the message it came with."""
    buffer = pa.py_buffer(frame)
    if buffer.address % _ALIGNED == 0:
        return buffer
    copy = pa.allocate_buffer(buffer.size)
    with pa.FixedSizeBufferWriter(copy) as sink:
        sink.write(buffer)
    return copy


@sizeof.register(Output)
def _sizeof(output: Output) -> int:
    return output.bytes
