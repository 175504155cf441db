"""The rule that follows what tasks speak of from who brings it in to who goes on with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent_dispatcher.extension import PlanningContext, Requires
from agent_dispatcher.models import Specification, Task

from .flow import Flow, Step
from .unordered import unordered
from .vocabulary import telling
from .wording import as_written

__all__ = ["DataRule"]

#: An order that rests on several guesses in a row is less sure than each of them: their likelihood is taken at this rate, and so a binding edge is right with
#: those it joins.
_RATE = 0.85
#: ... and in longer lists than those the likelihood was fitted to at this one: there, less hangs together than it seems.
_LONG = 40
_RATE_LONG = 0.55
#: ... and no more than this for tasks that the source does not list itself: what a requirement says is no order to a worker.
_DERIVED = 0.45
#: Below this confidence nothing is said.
_LEAST = 0.15
#: Nor is a guess surer than this that no word speaks for, only urgency or who speaks of whom.
_WORDLESS = 0.4
_EXAMINING = frozenset({"testing", "review"})
#: How much later work must be for its words to be quoted, and how many shared words are.
_LATER = 0.06
_QUOTED = 3


class DataRule:
    """Reads the words of titles and descriptions (:mod:`.flow`), and speaks only of tasks about whose order nobody has said anything better (:mod:`.unordered`).

    * For each task at most three others that it most likely builds on; how likely is the confidence.
    * Who brings something in comes before who goes on with it. Being alike is no order.
    * Never from the order of a list, its numbers or ids.
    * Nothing about a test and work that serves the same requirement or belongs to the same group.
    """

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Requires]:
        """Edges of kind ``data`` where the later task speaks of the earlier one, else of kind ``logical``; 0.15 to 0.85."""
        loose = unordered(tasks, specification, context)
        if len(loose) < 2:
            return []
        rate = _RATE if len(loose) <= _LONG else _RATE_LONG
        surest = rate if specification.tasks else _DERIVED
        flow = Flow.of(loose)
        found = (
            _edge(flow, step, min(surest, _bound(step), rate * step.likelihood))
            for step in flow.steps()
            if not _about_one_thing(flow.tasks[step.before], flow.tasks[step.after])
        )
        return [edge for edge in found if edge.confidence >= _LEAST]


def _about_one_thing(before: Task, after: Task) -> bool:
    """Whether one examines what the other makes. The rule ``logical`` sees that from requirements and groups; said again from words it would count twice
    and hold a test that may be written at the same time."""
    if (before.type in _EXAMINING) == (after.type in _EXAMINING):
        return False
    return bool(set(before.requirements) & set(after.requirements)) or bool(
        before.group and before.group == after.group
    )


def _bound(step: Step) -> float:
    return 1.0 if step.shared or step.signs.stage > _LATER else _WORDLESS


def _edge(flow: Flow, step: Step, confidence: float) -> Requires:
    before, after = flow.tasks[step.before], flow.tasks[step.after]
    return Requires(
        before.id,
        after.id,
        "data" if step.shared else "logical",
        round(confidence, 2),
        f'"{after.title}" likely builds on "{before.title}": {"; ".join(_signs(flow, step))}',
        after.source or before.source,
    )


def _signs(flow: Flow, step: Step) -> list[str]:
    """What speaks for it, the words quoted as they are written."""
    before, after = flow.tasks[step.before], flow.tasks[step.after]
    said = []
    if step.shared:
        words = as_written(before.title, step.shared[:_QUOTED])
        said.append(f"it speaks of {', '.join(words)}")
    if step.signs.stage > _LATER:
        early = _quoted(before, telling(flow.wordings[step.before], late=False))
        late = _quoted(after, telling(flow.wordings[step.after], late=True))
        said.append(
            f"{early} is earlier work than {late}"
            if early and late
            else f"{early or late} is {'early' if early else 'late'} work"
            if early or late
            else "it is later work"
        )
    if step.signs.priority > 0:
        said.append("it is less urgent")
    return said or ["others speak of that task more than of this one"]


def _quoted(task: Task, word: str) -> str:
    found = as_written(f"{task.title} {task.description}", [word]) if word else []
    return f'"{found[0]}"' if found else ""
