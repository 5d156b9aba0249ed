"""Random plans, built step by step in three languages: Partita's, polars' and SQL.

polars computes each step at once, so that what is known of the rows can decide what comes next: how
many there are, and whether their order is promised. Where it is not, nothing is asked that depends
on it. The SQL of a plan is one query whose relations carry the number of each row.
"""

from __future__ import annotations

from collections.abc import Callable

from . import (
    choices,
    columns,
    groups,
    joins,
    lists,
    ordered_joins,
    partitions,
    rows,
    shapes,
    windows,
)
from .frames import RandomFrame
from .plan import Draw, RandomPlan

MOST_COLUMNS = 14

Step = Callable[[Draw, RandomPlan, list[RandomPlan]], RandomPlan | None]
"""Given what to build on and all that was made so far; None where that does not fit."""

_WEIGHTS: dict[Step, int] = {
    rows.filtered: 3,
    rows.sort: 2,
    rows.slice_rows: 2,
    rows.unique: 1,
    rows.concat: 1,
    columns.with_columns: 2,
    columns.select: 1,
    columns.map_batches: 1,
    windows.with_windows: 3,
    lists.implode_and_explode: 1,
    lists.split_and_explode: 1,
    lists.unpivot: 1,
    lists.pivot: 1,
    groups.group_by: 3,
    groups.select_aggregates: 1,
    joins.join: 3,
    shapes.reverse: 1,
    shapes.with_row_index: 1,
    shapes.gather_every: 1,
    shapes.side_by_side: 1,
    partitions.repartition: 1,
    partitions.cache: 1,
    ordered_joins.join_where: 1,
    ordered_joins.join_asof: 1,
}
STEPS = tuple(step for step, weight in _WEIGHTS.items() for _ in range(weight))


def random_plans(draw: Draw, frames: list[RandomFrame]) -> list[RandomPlan]:
    """Draw a plan of one to seven steps over `frames`; some of it may be shared.

    It is the last; before it stands all that it was made of, and what was made beside it.
    """
    made = [
        RandomPlan(
            partita=frame.partita,
            polars=frame.polars,
            sql=f"SELECT * FROM {frame.name}",
            facts=frame.facts,
            ordered=True,
            steps=(f"{frame.name} ({frame.layout}, {frame.polars.height} rows)",),
        )
        for frame in frames
    ]
    wanted = draw(choices.integers(1, 7))
    # Not every draw has a step that fits what there is.
    for _ in range(4 * wanted):
        if len(made) >= len(frames) + wanted:
            break
        # Mostly the newest: a chain; at times an older one, of which two things are made then.
        of = made[-1] if draw(choices.integers(0, 5)) else draw(choices.sampled_from(made))
        taken = draw(choices.sampled_from(STEPS))(draw, of, made)
        if taken is None or len(taken.facts) > MOST_COLUMNS:
            continue
        # Of no rows there is little to see; mostly the step is drawn anew.
        if taken.polars.height or not of.polars.height or draw(choices.integers(0, 3)) == 0:
            made.append(taken)
    return made
