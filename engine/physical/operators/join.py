"""Combine the rows of two sides whose keys are equal."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...expr.node import Expr, columns_of
from ...expr.text import text_of
from ..kernels.concat import positions, slices, take, take_or_null
from ..kernels.join import Found, JoinIndex, Matches, find_keys, matches, rows_of_keys
from ..kernels.kept import rows_at
from ..kernels.words import is_text
from ..stage import TaskContext
from .build_side import COPIES, ROW_BYTES, Built, build, key_columns
from .held import PLACE, Held, held_whole
from .spilled_join import BUILD_PLACE, Chunks, SpilledJoin


@dataclass(frozen=True, kw_only=True)
class _Probe:
    """Rows of a batch of the probe side."""

    batch: pa.RecordBatch
    places: np.ndarray | None
    """Which rows; None for all."""

    @property
    def count(self) -> int:
        return self.batch.num_rows if self.places is None else len(self.places)

    def rows(self, names: Sequence[str]) -> pa.RecordBatch:
        """Return the rows, with the columns `names` at least."""
        if self.places is None:
            return self.batch
        return rows_at(self.batch.select(list(names)), self.places)

    def positions(self, rows: np.ndarray | None) -> pa.Array | None:
        """Return where some of the rows lie in the batch, None for all that lie there."""
        if self.places is not None:
            return pa.array(self.places if rows is None else self.places[rows])
        return None if rows is None else positions(rows, complete=True)


def _rows_of(batch: pa.RecordBatch, places: np.ndarray | None) -> pa.RecordBatch:
    return batch if places is None else rows_at(batch, places)


@dataclass(frozen=True, kw_only=True)
class HashJoin:
    """Look up each row of the streamed side (probe) among the rows of a side input (build).

    Rows come in the order of the probe side, the matches of one row in the order of the build
    side, and behind them what is given of the build side alone. A null key matches nothing, or
    other null keys; NaN matches NaN, and -0.0 matches 0.0.
    """

    left_on: tuple[Expr, ...]
    right_on: tuple[Expr, ...]
    key_types: tuple[pa.DataType, ...]
    """The types in which the keys are compared."""

    how: str
    """``inner``, ``left``, ``right``, ``full``, ``semi`` or ``anti``; or ``rest``: only the rows of
    the build side that match nothing, which makes a whole of joins over parts of the probe side."""

    side: int
    """Number of the side input that is built."""

    swap: bool
    """Whether the left is the build side and the right streams."""

    output: tuple[tuple[str, str, str], ...]
    """The columns given: ``left`` or ``right``, the name there, the name given."""

    left_schema: pa.Schema
    right_schema: pa.Schema
    shared_build: bool
    """Whether all tasks read the same build side: it is built once per process then."""

    id: str
    """What the build side is called in the cache."""

    nulls_equal: bool = False

    repeats_codes: bool = False
    """Whether text of a probe row that meets several rows is given as codes: the batch's column is
    the dictionary. Groups of customers by name, address and comment, each with three orders, are
    then found without the texts (Q10: 60 of 130 ms of the longest task)."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        pairs = zip(self.left_on, self.right_on, strict=True)
        keys = ", ".join(f"{text_of(left)} = {text_of(right)}" for left, right in pairs)
        return f"{self.how} join ({keys})"

    @property
    def _build_role(self) -> str:
        return "left" if self.swap else "right"

    @property
    def _keeps_probe(self) -> bool:
        return self.how in ("full", "right" if self.swap else "left")

    @property
    def _gives_build(self) -> bool:
        """Whether rows of the build side are given by themselves, once all matches are known."""
        if self.how in ("semi", "anti"):
            return self.swap
        return self.how in ("full", "rest", self._build_role)

    @property
    def _only_set(self) -> bool:
        """Whether it is enough to know if a row meets something, not what it meets."""
        return self.how in ("semi", "anti") and not self.swap

    @property
    def drops_unmatched(self) -> bool:
        """Whether a row of the probe side that meets nothing gives nothing and changes nothing."""
        return not self._keeps_probe and (self.how != "anti" or self.swap)

    @property
    def gives_at_end(self) -> bool:
        """Whether rows may be given when all of the probe side has passed."""
        return self._gives_build

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the joined rows of each probe batch, in batches of at most `batch_rows`."""
        yield from self.execute_chosen(((batch, None) for batch in batches), context)

    def execute_chosen(
        self, chosen: Iterator[tuple[pa.RecordBatch, np.ndarray | None]], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Do as `execute` over some rows of each batch; see `FilterRows.chosen`.

        Of the rows that meet nothing only the keys are copied.
        """
        built = self._built(context) if self.shared_build else None
        if built is not None:
            yield from self._joined(chosen, built, context)
            return
        with Held(context, self, COPIES, ROW_BYTES) as held:
            side = context.side(self.side)
            rest = held_whole(side, held, context)
            if rest is None:
                yield from self._joined(chosen, self._build(iter(held.batches), context), context)
            else:
                probe = (_rows_of(batch, places) for batch, places in chosen)
                spilled = self._spilled(context)
                yield from spilled.given(probe, itertools.chain(held.batches, rest), held)

    def _spilled(self, context: TaskContext) -> SpilledJoin:
        """Return how the join is done where its build side may not be held."""
        probe_role = "right" if self.swap else "left"
        places = [(probe_role, PLACE, PLACE), (self._build_role, BUILD_PLACE, BUILD_PLACE)]
        both = pa.schema([(PLACE, pa.int64()), (BUILD_PLACE, pa.int64())])
        inner = replace(
            self,
            output=(*self.output, *(places[:1] if self._only_set else places)),
            left_schema=pa.schema([*self.left_schema, *both]),
            right_schema=pa.schema([*self.right_schema, *both]),
        )

        def join(
            probe: Iterator[pa.RecordBatch], build: list[pa.RecordBatch]
        ) -> Iterator[pa.RecordBatch]:
            return inner._joined_whole(probe, inner._build(iter(build), context), context)

        def of_chunk(build: list[pa.RecordBatch]) -> _OfChunk:
            built = inner._build(iter(build), context)
            return _OfChunk(operator=inner, built=built, context=context)

        return SpilledJoin(
            context=context,
            of=self,
            join=join,
            probe_keys=partial(self._keys_of, self.swap),
            build_keys=partial(self._keys_of, not self.swap),
            what=f"{self.label[0].upper()}{self.label[1:]}",
            advice="Raise memory_limit, or take fewer workers.",
            chunks=Chunks(
                of=of_chunk,
                once=self._only_set,
                alone=partial(join, build=[]) if self._keeps_unmatched else None,
            ),
        )

    def _joined_whole(
        self, probe: Iterator[pa.RecordBatch], built: Built, context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        return self._joined(((batch, None) for batch in probe), built, context)

    @property
    def _keeps_unmatched(self) -> bool:
        """Whether a row of the probe side that meets nothing is given."""
        return self._keeps_probe or (self.how == "anti" and not self.swap)

    def _keys_of(self, right: bool, batch: pa.RecordBatch) -> list[pa.Array]:
        on = self.right_on if right else self.left_on
        return key_columns(on, self.key_types, batch, nulls_equal=self.nulls_equal)

    def _joined(
        self,
        chosen: Iterator[tuple[pa.RecordBatch, np.ndarray | None]],
        built: Built,
        context: TaskContext,
    ) -> Iterator[pa.RecordBatch]:
        if not built.count and not self._keeps_unmatched:
            return
        # One more than there are keys: what the key -1 of no match is marked at.
        met = np.zeros(built.count + 1, np.bool_) if self._gives_build else None
        for batch, places in chosen:
            context.check()
            if not batch.num_rows:
                continue
            probe = _Probe(batch=batch, places=places)
            keys = self._keys(probe)
            context.count("rows_probed", probe.count)
            if not isinstance(built.index, JoinIndex):
                yield from self._selected(probe, built.index.contains(keys), context)
                continue
            found = find_keys(built.index, keys)
            if met is not None:
                met[found.keys] = True
            if self._only_set:
                yield from self._selected(probe, found.keys >= 0, context)
            elif self.how not in ("semi", "anti", "rest"):
                yield from self._matched(probe, built, found, context)
        if met is not None:
            yield from self._alone(built, met[:-1], context)

    def _keys(self, probe: _Probe) -> list[pa.Array]:
        on = self.right_on if self.swap else self.left_on
        batch = probe.rows(tuple(sorted({name for expr in on for name in columns_of(expr)})))
        return key_columns(on, self.key_types, batch, nulls_equal=self.nulls_equal)

    def _matched(
        self, probe: _Probe, built: Built, found: Found, context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        assert isinstance(built.index, JoinIndex)
        for pairs in matches(
            built.index, found, keep_unmatched=self._keeps_probe, most=context.batch_rows
        ):
            yield self._combined(probe, built, pairs)
            context.check()

    def _built(self, context: TaskContext) -> Built | None:
        """Return the side that all tasks read, reserved once in a process; None if it is refused.

        Such a task joins as with a side of its own.
        """
        # The keys are part of the name: one stage may be the build side of several joins.
        on = self.left_on, self.right_on, self.key_types, self.nulls_equal
        key = "join", self.id, self.swap, on, self.output, self._only_set
        if key not in context.cache:
            held = Held(context, self, COPIES, ROW_BYTES)
            if held_whole(context.side(self.side), held, context) is not None:
                held.clear()
                return None
            built = self._build(iter(held.batches), context)
            held.become(built.rows.nbytes + built.count * ROW_BYTES)
            context.cache[key] = built
        return context.cache[key]

    def _build(self, batches: Iterator[pa.RecordBatch], context: TaskContext) -> Built:
        return build(
            context,
            batches,
            self.left_on if self.swap else self.right_on,
            self.key_types,
            list(dict.fromkeys(name for role, name, _ in self.output if role == self._build_role)),
            self.left_schema if self.swap else self.right_schema,
            nulls_equal=self.nulls_equal,
            only_set=self._only_set,
        )

    def _selected(
        self, probe: _Probe, met: np.ndarray, context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows that met something, or in an anti-join those that did not."""
        columns = [probe.batch.column(name) for _, name, _ in self.output]
        rows = np.flatnonzero(met if self.how == "semi" else ~met)
        if len(rows) < probe.batch.num_rows:
            # Positions: a mask costs twice as much from the second column on.
            places = pa.array(rows if probe.places is None else probe.places[rows])
            columns = [pc.take(column, places, boundscheck=False) for column in columns]
        selected = pa.RecordBatch.from_arrays(columns, names=[given for _, _, given in self.output])
        yield from slices(selected, context.batch_rows)

    def _combined(self, probe: _Probe, built: Built, found: Matches) -> pa.RecordBatch:
        if found.complete:
            build_rows = take(built.rows, positions(found.build, complete=True), built.schema)
        else:
            build_rows = take_or_null(built.rows, found.build, built.schema)
        probe_rows = probe.positions(found.probe)
        columns = []
        for role, name, _ in self.output:
            if role == self._build_role:
                columns.append(build_rows.column(name))
            else:
                column = probe.batch.column(name)
                if probe_rows is not None:
                    coded = self.repeats_codes and _is_repeated(column, built, found)
                    column = (_coded if coded else _taken)(column, probe_rows)
                columns.append(column)
        return pa.RecordBatch.from_arrays(columns, names=[given for _, _, given in self.output])

    def _alone(
        self, built: Built, met: np.ndarray, context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the build side that met something, or nothing, beside nulls."""
        assert isinstance(built.index, JoinIndex)
        chosen = np.zeros(built.count, np.bool_)
        chosen[rows_of_keys(built.index, met)] = True
        places = np.flatnonzero(chosen if self.how == "semi" else ~chosen)
        absent = self.right_schema if self.swap else self.left_schema
        for start in range(0, len(places), context.batch_rows):
            context.check()
            rows = take(built.rows, places[start : start + context.batch_rows], built.schema)
            columns = [
                rows.column(name)
                if role == self._build_role
                else pa.nulls(rows.num_rows, absent.field(name).type)
                for role, name, _ in self.output
            ]
            yield pa.RecordBatch.from_arrays(columns, names=[given for _, _, given in self.output])


@dataclass(frozen=True, kw_only=True)
class _OfChunk:
    """See `OfChunk`: a join with some of the rows of a build side that is too large."""

    operator: HashJoin
    """Gives the places of rows as well."""

    built: Built
    context: TaskContext

    def joined(self, probe: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Stream pairs, and what is given of the build side alone; no probe row by itself."""
        whole = self.operator
        if whole.how == "anti" and not whole.swap:
            return
        of_build = "left" if whole.swap else "right"
        how = {"full": of_build, "right" if whole.swap else "left": "inner"}
        part = replace(whole, how=how.get(whole.how, whole.how))
        yield from part._joined_whole(probe, self.built, self.context)

    def unmatched(self, probe: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Stream the probe rows, as they come, that no row of the chunk is equal to."""
        index = self.built.index
        for batch in probe:
            keys = self.operator._keys(_Probe(batch=batch, places=None))
            if isinstance(index, JoinIndex):
                met = find_keys(index, keys).keys >= 0
            else:
                met = index.contains(keys)
            if not met.all():
                yield rows_at(batch, np.flatnonzero(~met))


_LEAST_REPEATED = 0.5
"""Of so many rows to a row of the batch, codes are worth a dictionary of all its texts."""


def _is_repeated(column: pa.Array, built: Built, found: Matches) -> bool:
    """Return whether text is given several times."""
    assert isinstance(built.index, JoinIndex)
    return (
        built.index.starts is not None
        and is_text(column.type)
        and column.null_count == 0
        and len(found.build) >= _LEAST_REPEATED * len(column)
    )


def _coded(column: pa.Array, rows: pa.Array) -> pa.Array:
    codes = rows if rows.type == pa.int32() else pc.cast(rows, pa.int32())
    return pa.DictionaryArray.from_arrays(codes, column, safe=False)


def _taken(column: pa.Array, rows: pa.Array) -> pa.Array:
    return pc.take(column, rows, boundscheck=False)
