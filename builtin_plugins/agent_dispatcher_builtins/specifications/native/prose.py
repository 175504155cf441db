"""Requirements, tasks and the glossary: what people wrote for people."""

from __future__ import annotations

import hashlib
import re

from agent_dispatcher.behaviour import hint
from agent_dispatcher.models import (
    PRIORITIES,
    TASK_STATUSES,
    ArtifactRef,
    DeclaredDependency,
    Requirement,
    Scenario,
    Step,
    Task,
)
from agent_dispatcher.safe_load import Located

from .document import Problems, Section

__all__ = ["read_glossary", "read_requirements", "read_tasks", "slug"]


def slug(title: str) -> str:
    """``Lending library`` -> ``lending-library``; never empty."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return words[:60].rstrip("-") or "specification"


def read_requirements(top: Section, problems: Problems) -> tuple[Requirement, ...]:
    """All requirements, in order; ids that stand twice are a problem."""
    found: dict[str, Requirement] = {}
    for node in top.items("requirements"):
        section = Section("requirement", node, problems)
        requirement = Requirement(
            id=section.text("id"),
            text=section.text("text"),
            priority=_priority(section),
            scenarios=tuple(_scenario(item, problems) for item in section.items("scenarios")),
            edge_cases=section.texts("edge_cases"),
            constraints=section.texts("constraints"),
            source=section.where,
        )
        for key, value in (("id", requirement.id), ("text", requirement.text)):
            if key in section and not value:
                section.problem(f"the {key} of a requirement is empty", key)
        if requirement.id in found:
            first = found[requirement.id].source
            section.problem(f"requirement {requirement.id!r} is declared twice", "id", f"first at {first}")
        if requirement.id:
            found.setdefault(requirement.id, requirement)
    return tuple(found.values())


def _priority(section: Section) -> str:
    priority = section.text("priority", "medium").lower()
    if priority not in PRIORITIES:
        section.problem(f"there is no priority {priority!r}{hint(priority, PRIORITIES)}", "priority")
        return "medium"
    return priority


def _scenario(node: Located, problems: Problems) -> Scenario:
    section = Section("scenario", node, problems)
    return Scenario(
        title=section.text("title"),
        given=section.texts("given"),
        when=section.texts("when"),
        then=section.texts("then"),
        source=section.where,
    )


def read_glossary(top: Section, problems: Problems) -> dict[str, str]:
    """Terms and their meaning."""
    glossary = {}
    for term, node, where in top.pairs("glossary"):
        if isinstance(node.value, dict | tuple) or node.value is None:
            problems.add(f"the meaning of {term!r} must be a text, not {node.kind}", where)
        else:
            glossary[term] = " ".join(node.text.split())
    return glossary


def read_tasks(top: Section, problems: Problems, requirements: frozenset[str]) -> tuple[Task, ...]:
    """The tasks the document lists; every id they name must be there.

    ``depends_on`` and ``verifies`` hold ids of :class:`Task`, like ``Task.id`` itself; the document's own are in ``source_id``.
    """
    sections = [Section("task", node, problems) for node in top.items("tasks")]
    ids: dict[str, str] = {}
    for section in sections:
        source_id = section.text("id")
        if source_id in ids:
            section.problem(f"task {source_id!r} is declared twice", "id")
        elif source_id:
            ids[source_id] = _task_id(source_id, section.text("title"))
    return tuple(_task(section, problems, ids, requirements) for section in sections if section.text("id") in ids)


def _task_id(source_id: str, title: str) -> str:
    digest = hashlib.sha256(f"{source_id}\n{title}".encode()).hexdigest()
    return f"{slug(title)[:40].rstrip('-')}-{digest[:6]}"


def _task(section: Section, problems: Problems, ids: dict[str, str], requirements: frozenset[str]) -> Task:
    own = section.text("id")

    def named(key: str) -> list[str]:
        names = section.texts(key)
        for name in names:
            if name not in ids:
                section.problem(f"task {own!r}: there is no task {name!r}{hint(name, ids)}", key)
            elif name == own:
                section.problem(f"task {own!r} cannot name itself", key)
        return [ids[name] for name in names if name in ids and name != own]

    served = section.texts("requirements")
    for name in served:
        if name not in requirements:
            section.problem(f"task {own!r}: there is no requirement {name!r}{hint(name, requirements)}", "requirements")
    complexity, estimate = section.number("complexity", 1.0), section.number("estimate_s", 60.0)
    if complexity <= 0 or estimate < 0:
        section.problem(f"task {own!r}: complexity must be above 0 and estimate_s not below 0")
        complexity, estimate = 1.0, 60.0
    return Task(
        id=ids[own],
        source_id=own,
        title=section.text("title") or own,
        description=section.paragraphs("description"),
        status=_status(section),
        type=section.text("type", "code_writing"),
        requirements=served,
        depends_on=tuple(
            DeclaredDependency(task=task, source=section.place("depends_on")) for task in named("depends_on")
        ),
        verifies=tuple(named("verifies")),
        produces=_artifacts(section, "produces", problems),
        consumes=_artifacts(section, "consumes", problems),
        group=section.text("group"),
        steps=_steps(section, problems, own),
        children=tuple(named("children")),
        optional=section.flag("optional"),
        complexity=complexity,
        priority=section.integer("priority", 0) or 0,
        estimate_s=estimate,
        source=section.where,
    )


def _status(section: Section) -> str:
    status = section.text("status", "pending")
    if status not in TASK_STATUSES:
        section.problem(f"there is no status {status!r}{hint(status, TASK_STATUSES)}", "status")
        return "pending"
    return status


def _steps(section: Section, problems: Problems, own: str) -> tuple[Step, ...]:
    """Parts that are not scheduled: texts, or mappings with a ``title`` and a ``status``."""
    found = []
    for number, node in enumerate(section.items("steps"), 1):
        if isinstance(node.value, dict):
            step = Section("step", node, problems)
            title, status = step.text("title"), _status(step)
        else:
            title, status = " ".join(node.text.split()), "pending"
        if isinstance(node.value, tuple) or not title:
            problems.add(f"a step of task {own!r} must say what is to be done", node.where)
        else:
            found.append(Step(id=f"{own}.{number}", title=title, status=status))
    return tuple(found)


def _artifacts(section: Section, key: str, problems: Problems) -> tuple[ArtifactRef, ...]:
    """``[path: src/app.py, table: loan]``: each entry is one mapping of a type to a name."""
    found = []
    for node in section.items(key):
        if not isinstance(node.value, dict) or len(node.value) != 1:
            problems.add(f"{key!r} is a list of entries like {{path: src/app.py}}", node.where)
            continue
        for type_, name in node.value.items():
            if isinstance(name.value, str) and name.value:
                found.append(ArtifactRef(type=type_, name=name.value))
            else:
                problems.add(f"the name of what is {key[:-1]}d must be a text, not {name.kind}", name.where)
    return tuple(found)
