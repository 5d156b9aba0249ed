"""Steps that change how rows lie, and no row: other partitions, a mark, rows that are kept."""

from __future__ import annotations

from dataclasses import replace

from . import choices
from .plan import Draw, RandomPlan, exact_columns


def repartition(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan:
    count = draw(choices.sampled_from((1, 2, 5)))
    names = exact_columns(of)
    if names and draw(choices.booleans()):
        key = draw(choices.sampled_from(names))
        cut = of.partita.repartition(draw(choices.sampled_from((None, count))), by=key)
        return replace(of, partita=cut, ordered=False, steps=(*of.steps, f"repartition by {key}"))
    cut = of.partita.repartition(count)
    return replace(of, partita=cut, steps=(*of.steps, f"repartition into {count}"))


def cache(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan:
    return replace(of, partita=of.partita.cache(), steps=(*of.steps, "cache"))
