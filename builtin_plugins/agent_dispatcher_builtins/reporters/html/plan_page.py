"""What the page of a plan shows, as values: the board with its boxes and curves, and for every task and edge the explanation in words."""

from __future__ import annotations

from collections import Counter

from agent_dispatcher.models import ExecutionPlan

from .plan_board import PlanBoard
from .plan_facts import PlanFacts, seconds
from .plan_values import Box, Cell, Curve, Lane, PlanPage
from .plan_words import PlanWords
from .text import line, number
from .words import type_class

__all__ = ["Box", "Cell", "Curve", "Lane", "PlanPage", "make_plan_page"]


def make_plan_page(plan: ExecutionPlan) -> PlanPage:
    """The page of a plan."""
    facts = PlanFacts(plan)
    board, words = PlanBoard(facts), PlanWords(facts)
    lanes = board.lanes()
    boxes = tuple(board.box(task) for task in plan.tasks)
    cells, cell_of = board.cells()
    tops = {lane.number: lane.top for lane in lanes}
    curves = tuple(board.curve(place, hop, boxes, tops) for place, hop in enumerate(facts.hops))
    kinds = Counter(type_class(task.type) for task in plan.tasks)
    titles = {type_class(task.type): line(task.type.replace("_", " "), 24) for task in reversed(plan.tasks)}
    width, height = board.size(lanes)
    return PlanPage(
        title=line(plan.specification.title, 200) or "Plan",
        sentence=words.sentence(),
        tiles=(*_tiles(facts), *words.coverage()),
        boxes=boxes,
        cells=cells,
        curves=tuple(sorted(curves, key=lambda curve: (curve.critical, curve.number))),
        lanes=lanes,
        headings=board.headings(),
        width=width,
        height=height,
        kinds=tuple((kind, titles[kind], count) for kind, count in kinds.most_common()),
        critical=tuple(facts.name(task_id) for task_id in plan.critical_path if facts.critical),
        requirements=words.requirements(),
        rows=words.rows(),
        warnings=tuple(line(text, 600) for text in (*plan.specification.warnings, *plan.warnings)),
        geometry=board.geometry(boxes, cells, cell_of, lanes, width),
    )


def _tiles(facts: PlanFacts) -> tuple[tuple[str, str, str], ...]:
    plan, estimates = facts.plan, facts.plan.estimates
    return (
        ("Tasks", number(len(plan.tasks)), f"in {len(plan.phases)} phases"),
        ("Work", seconds(estimates.work_s), "one after the other"),
        ("Critical path", seconds(estimates.span_s), f"{len(facts.critical)} tasks"),
        ("Workers", number(estimates.recommended_workers), f"up to {estimates.max_speedup:.1f} times faster"),
    )
