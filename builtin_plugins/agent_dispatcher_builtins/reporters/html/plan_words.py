"""The words of a plan's page: every task and every edge explained, with what was left out and why."""

from __future__ import annotations

from collections.abc import Iterable

from agent_dispatcher.models import Dropped, Exclusion, Reason, Requirement, Task
from agent_dispatcher.planning.explain import Hop

from .plan_facts import PlanFacts, counted, seconds
from .plan_values import Name, Row, Why
from .text import line
from .words import status_badge, type_class

__all__ = ["PlanWords"]

_DESCRIPTION = 1500
_DROPPED = {
    "redundant": "implied by",
    "cycle": "it would close a cycle with",
    "veto": "vetoed:",
    "threshold": "too unsure:",
    "parallelism": "it would make the work longer:",
    "patch": "taken out by a patch:",
}


class PlanWords:
    """Explains the plan."""

    def __init__(self, facts: PlanFacts) -> None:
        self.facts = facts

    def sentence(self) -> str:
        """What was found, in one sentence."""
        edges = sum(hop.kind == "dependency" for hop in self.facts.hops)
        parts = [
            counted(edges, "dependency", "dependencies") + " drawn",
            counted(len(self.facts.plan.dropped), "other", "others") + " seen and left out",
        ]
        if self.facts.plan.gates:
            parts.append(counted(len(self.facts.plan.gates), "gate", "gates") + " (a test lands before what it tests)")
        if self.facts.plan.exclusions:
            parts.append(
                counted(len(self.facts.plan.exclusions), "group", "groups") + " of tasks that never run together"
            )
        return ", ".join(parts) + "."

    def coverage(self) -> Iterable[tuple[str, str, str]]:
        """A tile about requirements, where there are any."""
        requirements = self.facts.plan.specification.requirements
        served = {each for task in self.facts.plan.tasks for each in task.requirements}
        if requirements:
            count = sum(each.id in served for each in requirements)
            yield "Requirements", f"{count} of {len(requirements)}", "are named by a task"

    def rows(self) -> tuple[Row, ...]:
        """Every task with what it waits for, and why."""
        waits: dict[str, list[Why]] = {}
        followers: dict[str, list[Name]] = {}
        for place, hop in enumerate(self.facts.hops):
            waits.setdefault(hop.after, []).append(self._why(place, hop))
            followers.setdefault(hop.before, []).append(self.facts.name(hop.after))
        left_out: dict[str, list[Why]] = {}
        for dropped in self.facts.plan.dropped:
            if dropped.before in self.facts.index and dropped.after in self.facts.index:
                left_out.setdefault(dropped.after, []).append(self._left_out(dropped))
        apart: dict[str, list[Exclusion]] = {}
        for exclusion in self.facts.plan.exclusions:
            for task_id in exclusion.tasks:
                apart.setdefault(task_id, []).append(exclusion)
        texts = {each.id: each for each in self.facts.plan.specification.requirements}
        return tuple(
            Row(
                number=place,
                name=line(self.facts.names.short(task), 80),
                title=line(task.title, 300) or line(task.id),
                kind=type_class(task.type),
                type=line(task.type.replace("_", " "), 40),
                critical=task.id in self.facts.critical,
                facts=tuple(self._facts(task)),
                description=line(task.description, _DESCRIPTION) if task.description != task.title else "",
                requirements=tuple(_requirement(each, texts.get(each)) for each in task.requirements),
                waits=tuple(waits.get(task.id, ())),
                followers=tuple(followers.get(task.id, ())),
                excludes=tuple(self._apart(task, each) for each in apart.get(task.id, ())),
                left_out=tuple(left_out.get(task.id, ())),
            )
            for place, task in enumerate(self.facts.plan.tasks)
        )

    def _facts(self, task: Task) -> Iterable[tuple[str, str]]:
        if task.status != "pending":
            yield "Status", status_badge(task.status).word
        if not task.children:
            slack = self.facts.explainer.slack_s(task.id)
            later = "on a critical path" if not slack else f"may start {seconds(slack)} later at no cost"
            yield (
                "Time",
                f"about {seconds(task.estimate_s)}, from {seconds(self.facts.explainer.start_s(task.id))} on; {later}",
            )
        yield "Phase", str(self.facts.phase[self.facts.index[task.id]] + 1)
        if task.group:
            yield "Group", line(task.group, 200)
        if task.produces:
            yield "Promises", line(", ".join(f"{each.type} {each.name}" for each in task.produces), 600)
        if task.consumes:
            yield "Needs", line(", ".join(f"{each.type} {each.name}" for each in task.consumes), 600)
        yield "Id", line(task.id, 200)
        if task.source:
            yield "Read from", line(task.source, 200)

    def _why(self, place: int, hop: Hop) -> Why:
        verb = {
            "gate": "lands after its test",
            "part": "is completed with its part",
            "dependency": "waits for" if hop.strength == "binding" else "rather comes after",
        }[hop.kind]
        notes = [f"confidence {hop.confidence:.2f}"] if hop.confidence is not None else []
        if hop.saved_s:
            notes.append(f"without it everything is done {seconds(hop.saved_s)} sooner")
        elif hop.critical:
            notes.append("on a critical path, beside others as long")
        return Why(
            number=place,
            other=self.facts.name(hop.before),
            verb=verb,
            note=", ".join(notes),
            reasons=tuple(_reason(each) for each in hop.reasons),
        )

    def _left_out(self, dropped: Dropped) -> Why:
        said = " → ".join(self.facts.names.short_of(step) for step in dropped.why.split(" → "))
        return Why(
            number=-1,
            other=self.facts.name(dropped.before),
            verb="behind",
            note=line(f"{_DROPPED.get(dropped.kind, dropped.kind)} {said}", 400),
            reasons=tuple(_reason(each) for each in dropped.reasons[:3]),
        )

    def _apart(self, task: Task, exclusion: Exclusion) -> str:
        others = [self.facts.names.short_of(each) for each in exclusion.tasks if each != task.id]
        more = f" and {len(others) - 12} more" if len(others) > 12 else ""
        return line(f"{', '.join(others[:12])}{more} ({exclusion.resource})", 400)

    def requirements(self) -> tuple[tuple[str, str, tuple[Name, ...]], ...]:
        """Id and text of every requirement, with the tasks that serve it."""
        serving: dict[str, list[str]] = {}
        for task in self.facts.plan.tasks:
            for each in task.requirements:
                serving.setdefault(each, []).append(task.id)
        return tuple(
            (line(each.id, 80), line(each.text, 600), tuple(self.facts.name(task) for task in serving.get(each.id, ())))
            for each in self.facts.plan.specification.requirements
        )


def _requirement(name: str, found: Requirement | None) -> tuple[str, str]:
    return line(name, 80), line(found.text, 600) if found is not None else ""


def _reason(reason: Reason) -> tuple[str, str, str]:
    """What a rule says, in parts: who, what, where."""
    return (
        line(f"{reason.rule} ({reason.kind}, {reason.confidence:.2f})", 80),
        line(reason.evidence, 500),
        line(reason.source, 200),
    )
