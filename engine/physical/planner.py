"""From a logical plan to stages, one step at a time, as the results of stages come in.

A node is lowered to a `Pipeline`, or to nothing as long as a stage it stands on has not finished.
Lowering the root again after each finished stage is what decides late: by then the true sizes of
what was made are known. Nodes are few and each is lowered once, so asking again costs nothing.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..config import Settings
from ..optimizer.sharing import repeatable
from ..plan.identity import parent_counts
from ..plan.node import PlanNode
from ..plan.nodes import MapBatches, Scan, Write
from ..plan.partitioning import Repartition, TakePartitions
from ..plan.together import RunFunction, Together
from ..source import ScanPlan
from . import large_exchanges
from .fragments import evenly_cut
from .lower_together import lower_together
from .lowering import lower_node, read_pushdown
from .operators.conform import ConformRows
from .operators.sort import SortRun
from .own_side import WholeSide, of_stage, without_stage
from .pipeline import Pipeline, balanced, over_refs
from .stage import Exchange, Ref, Stage, StageOutput

LEAST_BYTES = 2 * 1024 * 1024
"""That a task should read of rows which a stage has kept: 1 ms of work, as much as it costs to
start the task."""

_SHOW_PARTITIONS = (TakePartitions, Repartition, MapBatches, Write)
"""Nodes by which the user sees where partitions begin."""


class Planner:
    """Lowers one plan. The scheduler asks for stages and tells which are finished."""

    def __init__(self, plan: PlanNode, settings: Settings) -> None:
        self.plan = plan
        self.settings = settings
        self.result: int | None = None
        """Number of the stage whose output is the result, once it is planned."""

        self._parents = parent_counts(plan)
        self._repeatable = repeatable(plan)
        self._pipelines: dict[int, Pipeline] = {}
        # The stages that a node waits for: as long as none has finished, asking again is in vain.
        self._waiting: dict[int, set[int]] = {}
        self._waits: set[int] = set()
        self._requested: dict[tuple[int, str], int] = {}
        self._own: dict[tuple[int, str], WholeSide | None] = {}
        self._outputs: dict[int, StageOutput] = {}
        self._readers: Counter[int] = Counter()
        self._reads: dict[int, tuple[int, ...]] = {}
        self._new: list[Stage] = []
        self._stages = 0
        self._shows_partitions = any(isinstance(node, _SHOW_PARTITIONS) for node in plan.walk())
        self._scans = {
            id(node): evenly_cut(node.source, read_pushdown(node), settings.partition_bytes)
            for node in plan.walk()
            if isinstance(node, Scan)
        }

    @property
    def scan_bytes(self) -> int:
        """Decoded bytes that all scans together will read, estimated."""
        plans = self._scans.values()
        calls = sum(isinstance(node, RunFunction) for node in self.plan.walk())
        read = sum(fragment.bytes for plan in plans for fragment in plan.fragments)
        # What a call takes is not known; it counts as a partition of the usual size.
        return read + calls * self.settings.partition_bytes

    def advance(self) -> list[Stage]:
        """Return the stages that can be run now and were not given before."""
        if self.result is None:
            self._lower_root()
        new, self._new = self._new, []
        for stage in new:
            self._readers.subtract(self._reads.pop(stage.id))
        return new

    def finished(self, output: StageOutput) -> None:
        """Take note of what a stage has made."""
        self._outputs[output.stage.id] = output

    def awaits_readers(self, stage: int) -> bool:
        """Return whether a stage not yet planned may still read what `stage` has made."""
        return self._readers[stage] > 0

    # What the lowering of nodes builds on

    def lower(self, node: PlanNode) -> Pipeline | None:
        """Return the pipeline of `node`, or None while it waits for a stage."""
        known = self._pipelines.get(id(node))
        if known is not None:
            return known
        outer, waits = self._waits, self._waiting.get(id(node))
        if not waits or not self._outputs.keys().isdisjoint(waits):
            waits = self._waits = set()
            try:
                known = self._lower_shared(node) if self._shared(node) else lower_node(node, self)
            finally:
                self._waits = outer
            if known is not None:
                self._pipelines[id(node)] = known
                return known
            self._waiting[id(node)] = waits
        outer |= waits
        return None

    def scan_plan(self, node: Scan) -> ScanPlan:
        """Return which fragments a scan reads."""
        return self._scans[id(node)]

    def run(
        self,
        node: PlanNode,
        role: str,
        pipeline: Pipeline,
        output: Exchange,
        *,
        readers: int = 1,
        **more: object,
    ) -> StageOutput | None:
        """Close `pipeline` into a stage and return its output, None until it has finished.

        `role` tells apart the stages that one node asks for. `readers` is how many stages will
        read the output; after the last of them it is released.
        """
        key = id(node), role
        if key not in self._requested:
            fewer = self._with_fewer_tasks(node, role, pipeline, output, more.get("sort", ()))
            if fewer is None:
                return None
            self._requested[key] = self._emit(fewer, output, **more)
            self._readers[self._requested[key]] += readers
        found = self._outputs.get(self._requested[key])
        if found is None:
            self._waits.add(self._requested[key])
        return found

    def _with_fewer_tasks(
        self, node: PlanNode, role: str, pipeline: Pipeline, output: Exchange, sort: Any
    ) -> Pipeline | None:
        """Return what writes into an exchange: `pipeline`, or fewer tasks that read its rows.

        The rows keep their order, so that nothing shows in the answer. None while they are made.
        """
        most = large_exchanges.most_writers(output, pipeline.input_bytes)
        if most is None or pipeline.partitions <= most:
            return pipeline
        made = self.run(node, f"{role}, put together", pipeline, Exchange(kind="forward"))
        if made is None:
            return None
        sizes = [sum([ref.bytes for ref in refs]) for refs in made.partitions]
        target = max(-(-made.bytes // most), self.settings.partition_bytes)
        groups = [
            tuple(itertools.chain(*made.partitions[run.start : run.stop]))
            for run in balanced(sizes, target)
        ]
        reads = (made.stage.id,)
        fewer = replace(over_refs(groups, pipeline.schema, reads, "part"), sites=pipeline.sites)
        return fewer.then(SortRun(by=sort)) if sort else fewer

    def _emit(self, pipeline: Pipeline, output: Exchange, **more: object) -> int:
        number = self._stages
        self._stages += 1
        stage = Stage(
            id=number,
            label=stage_label(pipeline, output),
            branches=pipeline.branches,
            schema=pipeline.schema,
            output=output,
            reads=tuple(dict.fromkeys(pipeline.reads)),
            sites=pipeline.sites,
            **more,  # type: ignore[arg-type]
        )
        # With repetitions: a union reads a shared sub-plan as often as it names it.
        self._reads[number] = pipeline.reads
        self._new.append(stage)
        return number

    def _shared(self, node: PlanNode) -> bool:
        """Return whether the rows of `node` are made once and kept for several readers."""
        return self._parents.get(id(node), 0) > 1 and not self._repeatable[id(node)]

    def _lower_shared(self, node: PlanNode) -> Pipeline | None:
        pipeline = lower_node(node, self)
        if pipeline is None:
            return None
        readers = self._parents[id(node)]
        output = self.run(node, "shared", pipeline, Exchange(kind="forward"), readers=readers)
        if output is None:
            return None
        refs = self._together(output.partitions)
        reads = (output.stage.id,)
        kept = over_refs(refs, pipeline.schema, reads, f"stage {output.stage.id}")
        return kept.keeping(pipeline, {name: name for name in pipeline.schema.names})

    def _together(self, partitions: Sequence[tuple[Ref, ...]]) -> list[tuple[Ref, ...]]:
        """Return the partitions with neighbours put together that are few bytes, in their order.

        A task for each of many handfuls of rows would take longer to start than to run.
        """
        if self._shows_partitions:
            return list(partitions)
        sizes = [sum(ref.bytes for ref in refs) for refs in partitions]
        return [
            tuple(ref for refs in partitions[run.start : run.stop] for ref in refs)
            for run in balanced(sizes, min(LEAST_BYTES, self.settings.exchange_bytes))
            if run
        ]

    def _lower_root(self) -> None:
        if isinstance(self.plan, Write):
            self._lower_write(self.plan)
            return
        if isinstance(self.plan, Together):
            results = lower_together(self.plan, self)
            if results is not None:
                self.result = self._emit(results, Exchange(kind="result"))
            return
        pipeline = self.lower(self.plan)
        if pipeline is not None:
            conformed = pipeline.then(ConformRows(schema=self.plan.schema))
            self.result = self._emit(conformed, Exchange(kind="result"))

    def _lower_write(self, node: Write) -> None:
        pipeline = self.lower(node.input)
        if pipeline is None:
            return
        # What the session keeps for itself stays as it travels: dictionaries save room.
        as_it_is = getattr(node.sink, "keeps_encoding", False)
        conform = () if as_it_is else (ConformRows(schema=node.input.schema),)
        conformed = pipeline.then(*conform, site=node.site, schema=node.input.schema)
        if getattr(node.sink, "single_file", False) and pipeline.partitions != 1:
            gathered = self.gathered(node, "single file", conformed)
            if gathered is None:
                return
            conformed = gathered
        job = node.sink.start(node.input.schema)
        self.result = self._emit(conformed, Exchange(kind="write"), job=job)

    def whole(self, node: PlanNode, role: str, pipeline: Pipeline) -> WholeSide | None:
        """Return what `pipeline` gives as a side input that every task reads; None while it runs.

        `role` is as in `run`.
        """
        key = id(node), role
        if key not in self._requested:
            if key not in self._own:
                number = len(self._own)
                self._own[key] = without_stage(number, pipeline, self.settings.exchange_bytes)
            own = self._own[key]
            if own is not None:
                return own
        built = self.run(node, role, pipeline, Exchange(kind="broadcast"))
        return None if built is None else of_stage(built)

    def gathered(
        self, node: PlanNode, role: str, pipeline: Pipeline, limit: int | None = None
    ) -> Pipeline | None:
        """Return `pipeline` brought into one partition, in partition order."""
        if pipeline.partitions == 1:
            return pipeline
        output = self.run(node, role, pipeline, Exchange(kind="gather", limit=limit))
        if output is None:
            return None
        return over_refs([output.refs()], pipeline.schema, (output.stage.id,), "all partitions")


def stage_label(pipeline: Pipeline, output: Exchange) -> str:
    """Return a short name for a stage: what its first branch does, step by step."""
    steps = []
    for branch in pipeline.branches[:1]:
        steps.append("scan" if any(task.fragment for task in branch.inputs) else "read")
        steps.extend(operator.label for operator in branch.operators)
    if len(pipeline.branches) > 1:
        steps.append(f"(and {len(pipeline.branches) - 1} more branches)")
    steps.append(output.kind)
    return " > ".join(steps)
