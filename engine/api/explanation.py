"""What `explain` tells: the plan before and after the optimizer, rule by rule, and how it ran."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from typing import Any

from ..config import Settings
from ..observe.profile import Profile
from ..observe.terminal import folded, terminal_width
from ..optimizer.context import Context
from ..optimizer.estimate import estimates
from ..optimizer.optimizer import optimize
from ..optimizer.sharing import repeatable
from ..plan.display import as_dict, text
from ..plan.node import PlanNode


class ShownText(str):
    """Text that a notebook or a prompt shows as it is, without quotes and escapes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class PlanText(ShownText):
    """The text of a plan: each node on one line, folded only where a terminal shows it."""

    __slots__ = ()

    def __str__(self) -> str:
        width = terminal_width()
        # The value itself never depends on where it is shown; this is what `print` writes.
        return str.__str__(self) if width is None else folded(self, width)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A rule that changed the plan."""

    rule: str
    before: PlanNode
    after: PlanNode


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A plan as it was written and what the optimizer makes of it."""

    written: PlanNode
    optimized: PlanNode
    steps: tuple[Step, ...]
    settings: Settings = field(repr=False)
    shown: tuple[str, ...]
    """Which sections are asked for: ``written``, ``steps``, ``optimized``."""

    profile: Profile | None = None

    def text(self) -> PlanText:
        """Return the sections under each other; a single one without its heading."""
        sections = []
        if "written" in self.shown:
            sections.append(("Plan as written", text(self.written)))
        if "steps" in self.shown:
            sections.append(("What the rules change", self._steps_text()))
        if "optimized" in self.shown:
            sections.append(("Plan as run", self._optimized_text()))
        if self.profile is not None:
            sections.append(("How it ran", str(self.profile)))
        if len(sections) == 1:
            return PlanText(sections[0][1])
        return PlanText("\n\n".join(f"{heading}:\n{body}" for heading, body in sections))

    def json(self) -> ShownText:
        """Return the sections as a JSON object."""
        found: dict[str, Any] = {}
        if "written" in self.shown:
            found["written"] = as_dict(self.written)
        if "steps" in self.shown:
            found["steps"] = [
                {"rule": step.rule, "after": as_dict(step.after)} for step in self.steps
            ]
        if "optimized" in self.shown:
            found["optimized"] = as_dict(
                self.optimized, partition_bytes=self.settings.partition_bytes
            )
        if self.profile is not None:
            found["profile"] = self.profile.to_dict()
        return ShownText(json.dumps(found, indent=2, ensure_ascii=False))

    def _optimized_text(self) -> str:
        rows = {node: found.rows for node, found in estimates(self.optimized).items()}
        again = repeatable(self.optimized)
        return text(
            self.optimized,
            rows_of=lambda node: rows.get(id(node)),
            partition_bytes=self.settings.partition_bytes,
            is_kept=lambda node: not again[id(node)],
        )

    def _steps_text(self) -> str:
        if not self.steps:
            return "nothing"
        return "\n".join(
            f"{step.rule}\n{_indented(changed_lines(text(step.before), text(step.after)))}"
            for step in self.steps
        )


def explain_plan(
    plan: PlanNode, settings: Settings, shown: tuple[str, ...], profile: Profile | None = None
) -> Explanation:
    """Return what there is to tell of `plan`; nothing is run."""
    steps: list[Step] = []
    optimized = optimize(
        plan,
        Context(settings=settings),
        lambda rule, before, after: steps.append(Step(rule=rule, before=before, after=after)),
    )
    return Explanation(
        written=plan,
        optimized=optimized,
        steps=tuple(steps),
        settings=settings,
        shown=shown,
        profile=profile,
    )


def changed_lines(before: str, after: str) -> str:
    """Return the lines of two texts, those that went marked ``-``, those that came ``+``.

    >>> print(changed_lines("SORT by a\\nSCAN t", "SCAN t  columns: 1"))
    - SORT by a
    - SCAN t
    + SCAN t  columns: 1
    """
    old, new = before.splitlines(), after.splitlines()
    everything = len(old) + len(new)
    # The first three lines are the heading of a patch.
    lines = list(difflib.unified_diff(old, new, n=everything, lineterm=""))[3:]
    return "\n".join(f"{line[0]} {line[1:]}" for line in lines)


def _indented(lines: str) -> str:
    return "\n".join(f"  {line}" for line in lines.splitlines())
