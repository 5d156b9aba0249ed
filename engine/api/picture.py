"""The plan as a picture: an object that a notebook draws and whose text is the drawing's source."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SchemaError, SinkError, listed
from ..plan.graph import to_dot, to_mermaid, to_svg
from ..plan.node import PlanNode

_DRAW: Mapping[str, Callable[..., str]] = {"svg": to_svg, "mermaid": to_mermaid, "dot": to_dot}
_MIME: Mapping[str, str] = {"svg": "image/svg+xml", "mermaid": "text/vnd.mermaid"}


@dataclass(frozen=True)
class PlanPicture:
    """A drawn plan; ``str(picture)`` is its source, `save` writes that to a file."""

    source: str
    format: str

    def __str__(self) -> str:
        return self.source

    def __repr__(self) -> str:
        if self.format != "svg":
            return self.source
        return (
            f"<plan as SVG, {len(self.source):,} characters: a notebook draws it,"
            " .save('plan.svg') writes it>"
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the source to a file, such as ``plan.svg``.

        Raises
        ------
        SinkError
            If the file cannot be written.
        """
        try:
            Path(path).write_text(self.source, encoding="utf-8")
        except OSError as error:
            raise SinkError(
                f"The picture cannot be written to '{os.fspath(path)}': {error.strerror or error}."
            ) from error

    def _repr_svg_(self) -> str | None:
        return self.source if self.format == "svg" else None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        shown = {"text/plain": repr(self)}
        if self.format in _MIME:
            shown[_MIME[self.format]] = self.source
        return shown


def picture(plan: PlanNode, form: str, partition_bytes: int | None) -> PlanPicture:
    """Return `plan` drawn as `form`.

    Parameters
    ----------
    plan : PlanNode
    form : {"svg", "mermaid", "dot"}
    partition_bytes : int, optional
        Where given, scans also say what they leave out.

    Raises
    ------
    SchemaError
        If there is no such format.
    """
    if form not in _DRAW:
        raise SchemaError(f"show_graph(format={form!r}): it is one of {listed(_DRAW)}.")
    return PlanPicture(_DRAW[form](plan, partition_bytes=partition_bytes), form)
