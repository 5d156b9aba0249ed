"""Where the boxes of a drawn plan lie: rows by distance from the result, columns by sub-plan.

A plan is nearly a tree. Each box gets, of those that read it, one to lie above; the boxes above one
another take a strip of their own, as wide as its widest row, so that nothing overlaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .description import text_width

MARGIN, BETWEEN_COLUMNS, BETWEEN_ROWS = 12.0, 26.0, 34.0


@dataclass(kw_only=True)
class Box:
    """A box: its size is given, its place is found."""

    width: float
    height: float
    x: float = 0.0
    y: float = 0.0

    @property
    def middle(self) -> float:
        """The horizontal middle."""
        return self.x + self.width / 2


def arranged(boxes: dict[int, Box], edges: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Give every box its place; return the width and height of the whole.

    Parameters
    ----------
    boxes
        By number, inputs before what reads them; the last one is the result, at the bottom.
    edges
        Pairs of a box and the box that reads it.
    """
    below: dict[int, int] = {}
    level = dict.fromkeys(boxes, 0)
    for source, target in sorted(edges, key=lambda edge: -edge[1]):
        # Targets come from the greatest number down, so their own level is final.
        if level[target] + 1 > level[source]:
            level[source] = level[target] + 1
            below[source] = target
    above: dict[int, list[int]] = {number: [] for number in boxes}
    for source, target in edges:
        if below[source] == target and source not in above[target]:
            above[target].append(source)
    _place_rows(boxes, level)
    strips = _strip_widths(boxes, above)
    result = max(boxes)
    _place_columns(boxes, above, strips, result)
    width = max(box.x + box.width for box in boxes.values()) + MARGIN
    height = max(box.y + box.height for box in boxes.values()) + MARGIN
    return width, height


def _place_rows(boxes: dict[int, Box], level: dict[int, int]) -> None:
    heights: dict[int, float] = {}
    for number, box in boxes.items():
        heights[level[number]] = max(heights.get(level[number], 0.0), box.height)
    bottom: dict[int, float] = {}
    y = MARGIN
    for number in sorted(heights, reverse=True):
        bottom[number] = y + heights[number]
        y = bottom[number] + BETWEEN_ROWS
    for number, box in boxes.items():
        # On the lower edge of its row: the way to what reads it is then short and even.
        box.y = bottom[level[number]] - box.height


def _strip_widths(boxes: dict[int, Box], above: dict[int, list[int]]) -> dict[int, float]:
    strips: dict[int, float] = {}
    for number in sorted(boxes):
        inner = [strips[source] for source in above[number]]
        together = sum(inner) + BETWEEN_COLUMNS * max(len(inner) - 1, 0)
        strips[number] = max(boxes[number].width, together)
    return strips


def _place_columns(
    boxes: dict[int, Box], above: dict[int, list[int]], strips: dict[int, float], result: int
) -> None:
    stack = [(result, MARGIN)]
    while stack:
        number, left = stack.pop()
        box = boxes[number]
        box.x = left + (strips[number] - box.width) / 2
        sources = above[number]
        together = sum(strips[source] for source in sources)
        together += BETWEEN_COLUMNS * max(len(sources) - 1, 0)
        left += (strips[number] - together) / 2
        for source in sources:
            stack.append((source, left))
            left += strips[source] + BETWEEN_COLUMNS


def wrapped(text: str, most: int) -> list[str]:
    """Return `text` in lines of at most `most` cells, broken at spaces where there are some.

    >>> wrapped("one two three", 8)
    ['one two', 'three']
    """
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if text_width(joined) <= most:
            line = joined
            continue
        if line:
            lines.append(line)
        while text_width(word) > most:
            cut = _fitting(word, most)
            lines.append(word[:cut])
            word = word[cut:]
        line = word
    return [*lines, line] if line or not lines else lines


def _fitting(word: str, most: int) -> int:
    """Return how many characters of `word` take at most `most` cells, at least one."""
    cells = 0
    for count, char in enumerate(word):
        cells += text_width(char)
        if cells > most:
            return max(count, 1)
    return len(word)
