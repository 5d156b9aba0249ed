"""How a frame shows itself: its text, its HTML, its plan as text and as a picture.

Only `explain` with ``analyze=True`` runs anything.
"""

from __future__ import annotations

import html
from typing import Any

import pyarrow as pa

from ..errors import SchemaError
from ..execution.session import current
from ..observe.grid import html_grid
from ..observe.terminal import folded, terminal_width
from ..optimizer.context import Context
from ..optimizer.estimate import Estimate, estimate
from ..optimizer.optimizer import optimize
from ..plan.description import clean
from ..plan.display import text
from .explanation import ShownText, explain_plan
from .picture import PlanPicture, picture
from .running import Run, Running

_COLUMNS_SHOWN = 30


class Display(Running):
    """Looking at a frame without running it."""

    __slots__ = ()

    def explain(
        self,
        optimized: bool | None = None,
        *,
        analyze: bool = False,
        steps: bool = False,
        format: str = "text",  # noqa: A002 - the name that users know
    ) -> ShownText:
        """Return the plan as text; nothing but metadata is read, unless `analyze`.

        Parameters
        ----------
        optimized : bool, optional
            True: the plan as it will be run. False: as it was written. By default both.
        analyze : bool
            Whether to run it, drop its rows, and add how it ran.
        steps : bool
            Whether to show what each rule of the optimizer changes.
        format : {"text", "json"}

        Returns
        -------
        str
            One line for each node, inputs below what reads them.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2], "b": [3, 4]}).filter(pt.col("a") > 1).select("a")
        >>> print(df.explain(optimized=False))
        PROJECT a
        └─ FILTER a > 1
           └─ SCAN memory [2 rows]  columns: 2
        """
        if format not in ("text", "json"):
            raise SchemaError(f"explain(format={format!r}): it is one of 'text', 'json'.")
        shown = {
            "written": optimized is not True,
            "steps": steps,
            "optimized": optimized is not False,
        }
        settings = current().settings()
        profile = Run(self.plan, progress=True).exhaust() if analyze else None
        sections = tuple(name for name, asked in shown.items() if asked)
        found = explain_plan(self.plan, settings, sections, profile)
        return found.json() if format == "json" else found.text()

    def show_graph(
        self,
        format: str = "svg",  # noqa: A002 - the name that users know
        *,
        optimized: bool = True,
    ) -> PlanPicture:
        """Return the plan as a picture, the scans above and the result below.

        Parameters
        ----------
        format : {"svg", "mermaid", "dot"}
            A drawing that needs no other program; or text for Mermaid or Graphviz.
        optimized : bool
            Whether to draw the plan as it will be run, or as it was written.

        Returns
        -------
        PlanPicture
            Drawn by a notebook; ``str()`` of it is the source, ``.save(path)`` writes it.

        Examples
        --------
        >>> import partita as pt
        >>> graph = pt.from_pydict({"a": [1]}).head(1).show_graph("mermaid", optimized=False)
        >>> print(str(graph).splitlines()[-1].strip())
        n0 --> n1
        """
        settings = current().settings()
        plan = optimize(self.plan, Context(settings=settings)) if optimized else self.plan
        return picture(plan, format, settings.partition_bytes if optimized else None)

    def estimate(self) -> Estimate:
        """Return how many rows and bytes the frame is expected to give, from metadata alone.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2]}).estimate().rows
        2.0
        """
        return estimate(optimize(self.plan, Context(settings=current().settings())))

    def __repr__(self) -> str:
        columns = [f"  {name}: {dtype}" for name, dtype in _shown_columns(self.schema)]
        width = terminal_width()
        lines = text(self.plan) if width is None else folded(text(self.plan), width - 2)
        plan = "\n".join(f"  {line}" for line in lines.splitlines())
        heading = f"DataFrame, not run: {_count(self.width)}"
        return "\n".join([heading, *columns, "plan", plan])

    def _repr_html_(self) -> str:
        rows = [list(pair) for pair in _shown_columns(self.schema)]
        grid = html_grid([["column", "type"]], rows, [False, False])
        plan = html.escape(text(self.plan))
        return (
            '<div style="overflow-x:auto">'
            f"<div><b>DataFrame</b>, not run: {_count(self.width)}."
            " <code>.show()</code> runs it for the first rows, <code>.collect()</code> for"
            f" all.</div>{grid}"
            '<details open="open"><summary style="cursor:pointer">plan</summary>'
            '<pre style="background:transparent;color:inherit;font-family:monospace;'
            'line-height:1.25;margin:0.3em 0">'
            f"{plan}</pre></details></div>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _ipython_key_completions_(self) -> list[str]:
        return self.columns

    def __dir__(self) -> list[str]:
        own = {name for name in self.columns if name.isidentifier()}
        return sorted({*super().__dir__(), *own})


def _shown_columns(schema: pa.Schema) -> list[tuple[str, str]]:
    """Return names and types, shortened in the middle where there are very many."""
    pairs = [(clean(field.name), clean(str(field.type))) for field in schema]
    if len(pairs) <= _COLUMNS_SHOWN:
        return pairs
    half = _COLUMNS_SHOWN // 2
    return [*pairs[:half], ("…", f"{len(pairs) - 2 * half} more"), *pairs[-half:]]


def _count(width: int) -> str:
    return f"{width} column{'' if width == 1 else 's'}"
