"""``spec.md`` of a plan: its requirements under the ids that the format can hold, and its terms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from agent_dispatcher.models import ExecutionPlan, Requirement, Scenario, Specification

from ..rendering import flat, origin

__all__ = ["Labels", "render_requirements"]

_STORY = re.compile(r"US(\d{1,3})")
_EDGE = re.compile(r"EDGE-(\d+)")
#: Ids of requirements, and those of them that a task can name.
_OWN = re.compile(r"(?:FR|NFR|SC|UR|BR|SR|PR|DR|IR|TR|REQ|AC|CR|OR|QR|RR)-?(?:[A-Z]+-?)?\d+(?:\.\d+)*[a-z]?")
_NAMED = re.compile(r"(?:N?FR|SC|UR|BR|SR|REQ)-?\d{1,4}[a-z]?")
_PRIORITIES = {"critical": "P0", "high": "P1", "medium": "P2", "low": "P3"}


@frozen
class Labels:
    """Requirement to the id it has in ``spec.md``."""

    ids: Mapping[str, str]

    @classmethod
    def of(cls, specification: Specification) -> Labels:
        """Its own id where the format has such ids, else the next free ``FR-001``."""
        edges = [each.id for each in specification.requirements if _EDGE.fullmatch(each.id)]
        kept = {
            each.id for each in specification.requirements if _STORY.fullmatch(each.id) or _OWN.fullmatch(each.id)
        } | {name for number, name in enumerate(edges, 1) if name == f"EDGE-{number}"}
        ids: dict[str, str] = {}
        number = 0
        for each in specification.requirements:
            name = each.id
            if name not in kept:
                number += 1
                while f"FR-{number:03d}" in kept:
                    number += 1
                name = f"FR-{number:03d}"
            ids[each.id] = name
        return cls(ids)

    def values(self) -> list[str]:
        """All ids."""
        return list(self.ids.values())

    def of_task(self, requirements: Iterable[str]) -> list[str]:
        """``[US1] [FR-001]``: what a task can say it serves; a single story, which stands first."""
        served = [self.ids[name] for name in requirements if name in self.ids]
        stories = [name for name in served if _STORY.fullmatch(name)]
        return [f"[{name}]" for name in (*stories[:1], *(name for name in served if _NAMED.fullmatch(name)))]


def render_requirements(plan: ExecutionPlan, labels: Labels) -> str:
    """The page; ``""`` when it would say nothing."""
    specification = plan.specification
    if not specification.requirements and not specification.glossary:
        return ""
    lines = [f"<!-- {origin(plan).replace('--', '- -').replace('>', '')} -->", ""]
    lines += [f"# Feature Specification: {flat(specification.title)}", ""]
    if specification.summary:
        lines += [f"**Input**: {flat(specification.summary)}", ""]
    by_name = [(labels.ids[each.id], each) for each in specification.requirements]
    stories = [pair for pair in by_name if _STORY.fullmatch(pair[0])]
    edges = [pair for pair in by_name if _EDGE.fullmatch(pair[0])]
    others = [pair for pair in by_name if pair not in stories and pair not in edges]
    if stories:
        lines += ["## User Scenarios & Testing", ""]
        for name, each in stories:
            lines += _story(name.removeprefix("US"), each)
    if edges:
        lines += ["### Edge Cases", "", *(f"- {flat(each.text)}" for _, each in edges), ""]
    if others:
        lines += ["## Requirements", "", "### Functional Requirements", ""]
        lines += [*(f"- **{name}**: {flat(each.text) or each.id}" for name, each in others), ""]
    if specification.glossary:
        lines += ["### Key Entities", ""]
        lines += [f"- **{flat(term)}**: {flat(meaning)}" for term, meaning in specification.glossary.items()]
    return "\n".join(lines).rstrip("\n") + "\n"


def _story(number: str, each: Requirement) -> Iterator[str]:
    title, _, text = flat(each.text).partition(": ")
    yield f"### User Story {number} - {title} (Priority: {_PRIORITIES[each.priority]})"
    yield ""
    if text:
        yield from (text, "")
    if each.scenarios:
        yield from ("**Acceptance Scenarios**:", "")
        yield from (f"{place}. {_scenario(scenario)}" for place, scenario in enumerate(each.scenarios, 1))
        yield ""


def _scenario(each: Scenario) -> str:
    def said(texts: Sequence[str]) -> str:
        return flat(" and ".join(texts)).rstrip(",.;") or "nothing else"

    if not (each.given or each.when or each.then):
        return flat(each.title)
    return f"**Given** {said(each.given)}, **When** {said(each.when)}, **Then** {said(each.then)}"
