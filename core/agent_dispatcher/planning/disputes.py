"""A dispute: who writes code says that a test contradicts the specification. When is it upheld, and what follows?

Nobody is asked who is right. A dispute is upheld when all of this can be seen to be so, and refused with the reason when not:

- the words it quotes stand in a requirement that the task serves, word for word;
- the test belongs to a finished ``testing`` task of the plan that verifies the task; of one that mends or rebuilds what is there (``debugging``,
  ``refactoring``) also a task that it goes on from;
- that test was not written anew before.

What follows is that the test is written a second time, from the specification, by somebody who sees neither the code nor its author's opinion of it as anything but a
question. What both writings demand stands. So a dispute that has no substance costs one task, once, and changes nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Set

from ..errors import Problem
from ..models import DeclaredDependency, Dependency, Dispute, ExecutionPlan, PlanPatch, Reason, Task
from .context import task_context

__all__ = ["patch_for", "stands_in"]

_LEAST_WORDS = 3
#: Types of tasks that have no tests of their own: what was made before has.
_CHANGING = frozenset({"debugging", "refactoring"})
_ANEW = "-anew"


def patch_for(plan: ExecutionPlan, landed: Set[str], task: str, dispute: Dispute) -> PlanPatch | tuple[Problem, ...]:
    """The patch that has the disputed test written anew before ``task`` goes on, or why there is none.

    Args:
        plan: as it is now.
        landed: ids of the tasks whose work is in the tree.
        task: id of the task whose agent disputes.
    """
    by_id = {each.id: each for each in plan.tasks}
    subject = by_id.get(task)
    if subject is None:
        return (Problem(f"task {task} is not in the plan any more"),)
    if not stands_in(dispute.quote, task_context(subject, plan.specification).to_text()):
        what = f"the specification of task {task} does not say “{dispute.quote}”"
        return (
            Problem(
                what, remedy=f"quote at least {_LEAST_WORDS} words of a requirement that it serves, as they stand there"
            ),
        )
    owner = _owner(plan, landed, subject, dispute.test)
    if owner is None:
        others = " or what it goes on from" if subject.type in _CHANGING else ""
        what = f"no finished testing task of the plan that verifies {task}{others} wrote {dispute.test}"
        return (Problem(what, remedy="a test that was there before the run is changed by a person"),)
    name = owner.id + _ANEW
    if name in by_id or owner.id.endswith(_ANEW):
        what = f"the test of {owner.id} was disputed and written anew before: what both writings demand stands"
        return (Problem(what, remedy="let a person read specification and test"),)
    why = f"task {subject.source_id or task} disputes {dispute.test}: the specification says “{dispute.quote}”"
    anew = Task(
        id=name,
        title=f"{owner.title}, written anew",
        description=(
            f"{why}. Read the specification again and write the whole file anew from it. Where it says so, test that; where it does not, keep what was demanded.\n\n"
            f"{owner.description}"
        ).strip(),
        type="testing",
        agent_type=owner.agent_type,
        group=owner.group,
        requirements=owner.requirements,
        produces=owner.produces,
        verifies=owner.verifies,
        depends_on=(DeclaredDependency(task=owner.id),),
        complexity=owner.complexity,
    )
    reason = Reason(rule="dispute", kind="logical", confidence=1.0, evidence=why)
    return PlanPatch(why=why, add=(anew,), add_dependencies=(Dependency(before=name, after=task, reasons=(reason,)),))


def stands_in(quote: str, text: str) -> bool:
    """Whether ``quote``, three words or more, stands in ``text`` but for white space, case and the shape of quotation marks."""
    plain = _plain(quote).strip(" .…\"'")
    return len(plain.split()) >= _LEAST_WORDS and plain in _plain(text)


def _owner(plan: ExecutionPlan, landed: Set[str], subject: Task, test: str) -> Task | None:
    """The task that wrote the test: the first one, where it was written anew."""
    about = _before(plan, subject.id) if subject.type in _CHANGING else {subject.id}
    for task in plan.tasks:
        paths = [ref.name for ref in task.produces if ref.type == "path"]
        is_there = task.type == "testing" and not about.isdisjoint(task.verifies) and task.id in landed
        if is_there and any(test == path or test.startswith((f"{path}:", f"{path} ")) for path in paths):
            return task
    return None


def _before(plan: ExecutionPlan, task: str) -> set[str]:
    """``task`` and all that it waits for, however indirectly."""
    waits: dict[str, list[str]] = {}
    for before, after in plan.binding_edges():
        waits.setdefault(after, []).append(before)
    found, left = {task}, [task]
    while left:
        new = set(waits.get(left.pop(), ())) - found
        found |= new
        left += new
    return found


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(text.replace("“", '"').replace("”", '"').replace("’", "'").replace("`", "").split())
