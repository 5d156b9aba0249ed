"""The driver: applies `RULES` in order, again and again until they change nothing.

A rule is a function from a plan to a plan that gives the same rows. It returns the same object
where it changes nothing. The driver checks that the schema stays, and tells an observer each step.
"""

from __future__ import annotations

from collections.abc import Callable

from .. import schema as schemas
from ..errors import PlanError
from ..plan.identity import same_plan
from ..plan.node import PlanNode
from ..plan.nodes import describe
from ..plan.verify import verify
from .context import Context
from .rules.common_subplans import common_subplans
from .rules.derived_filters import derived_filters
from .rules.eager_aggregation import eager_aggregation
from .rules.empty_relations import empty_relations
from .rules.join_order import join_order
from .rules.predicate_pushdown import predicate_pushdown
from .rules.product_joins import product_joins
from .rules.projection_fusion import projection_fusion
from .rules.projection_pruning import projection_pruning
from .rules.redundant_nodes import redundant_nodes
from .rules.semi_join_reduction import semi_join_reduction
from .rules.simplify_expressions import simplify_expressions
from .rules.slice_pushdown import slice_pushdown

Rule = Callable[[PlanNode, Context], PlanNode]

Observer = Callable[[str, PlanNode, PlanNode], None]
"""Told the name of a rule that changed something, and the plan before and after."""

RULES: tuple[Rule, ...] = (
    simplify_expressions,
    # Filters go down before anything is shared or pruned: they decide what is read.
    predicate_pushdown,
    # What is left above a cross join reads both of its sides.
    product_joins,
    # What it adds goes down in the next round.
    derived_filters,
    empty_relations,
    slice_pushdown,
    redundant_nodes,
    projection_pruning,
    # Pruning leaves projections that only rename or drop columns.
    projection_fusion,
    # By the rows that are left by all filters, and by the columns that are left to be moved.
    join_order,
    eager_aggregation,
    # Behind the order of joins: what is made once for two readers is not ordered with the others.
    semi_join_reduction,
    # Last: equal scans are equal only once their columns and predicates are in them.
    common_subplans,
)

MOST_ROUNDS = 12
"""Two are usual: one that does the work, and one that finds nothing left. A plan that is still
changing after so many is right as well, if not the best."""


def optimize(
    plan: PlanNode, context: Context | None = None, observer: Observer | None = None
) -> PlanNode:
    """Return a plan that gives the same rows as `plan` for less work.

    Parameters
    ----------
    plan
        Any plan; it is not changed.
    context
        Settings, and whether to verify after each rule; by default the settings in force.
    observer
        Called after each rule that changed the plan.

    Returns
    -------
    PlanNode
        The better plan; `plan` itself where the settings say ``optimize=False``.

    Raises
    ------
    PlanError
        If a rule changed the schema: a defect of that rule, which is named.
    """
    context = Context() if context is None else context
    if not context.settings.optimize:
        return plan
    idle = 0
    for _ in range(MOST_ROUNDS):
        at_first = plan
        for rule in RULES:
            before = plan
            plan = apply(rule, plan, context, observer)
            idle = idle + 1 if plan is before else 0
            if idle == len(RULES):
                # Each has found nothing to do in this very plan.
                return plan
        if same_plan(plan, at_first):
            # What some have done was undone by others.
            break
    return plan


def apply(
    rule: Rule, plan: PlanNode, context: Context, observer: Observer | None = None
) -> PlanNode:
    """Return `plan` after one rule, checked; the same object where the rule changed nothing."""
    after = rule(plan, context)
    if after is plan or same_plan(plan, after):
        return plan
    name = getattr(rule, "__name__", str(rule))
    if not schemas.same(plan.schema, after.schema):
        raise PlanError(
            f"The rule {name!r} changed the columns of the plan from {describe(plan.schema)} to"
            f" {describe(after.schema)}. The query runs with pt.config.set(optimize=False)."
        )
    if context.verify:
        try:
            verify(after)
        except PlanError as error:
            raise PlanError(f"After the rule {name!r}: {error}") from error
    if observer is not None:
        observer(name, plan, after)
    return after
