"""From ``tasks.json`` to a :class:`~agent_dispatcher.models.Specification`, and statuses back into it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.models import ExecutionPlan, Specification
from agent_dispatcher.safe_load import Located, load_json, locate, read_text

from ..in_place import apply, rewrite
from ..native.prose import slug
from .fields import Notes
from .listing import Entry, read_tasks
from .options import TaskMasterOptions
from .prd import Document, read_document, serving
from .project import Project, find_project, sureness
from .tags import choose_tag, listed, lists_by_tag
from .writing import status_edits

__all__ = ["TaskMasterFormat"]


class TaskMasterFormat:
    """Reads ``tasks.json`` itself, or the project, ``.taskmaster`` or ``tasks`` folder that holds it."""

    def __init__(self, options: TaskMasterOptions | None = None) -> None:
        self._tag = (options or TaskMasterOptions()).tag

    def matches(self, source: Path) -> float:
        """2 for a file (1.5 for a folder) where Task Master puts its tasks, less where only name or content look like it, else 0."""
        project = find_project(source)
        if project is None:
            return 0.0
        return min(sureness(project.tasks), 1.5) if source.is_dir() else sureness(source)

    def load(self, source: Path) -> Specification:
        """Read it; whatever can be understood is, and the rest is a warning with its place.

        Raises:
            SpecificationError: it is no JSON, has no list of tasks, or ids that are taken twice.
        """
        project = _project(source)
        text = read_text(project.tasks, name=project.shown)
        prd = project.prd
        document = Document() if prd is None else read_document(prd)
        digest = hashlib.sha256(project.tasks.read_bytes())
        digest.update(document.data)
        return self._specification(
            load_json(text, project.shown),
            document,
            current=project.current_tag(),
            path=str(source),
            digest=digest,
            fallback=project.root.name,
        )

    def matches_mapping(self, document: Mapping[str, Any]) -> float:
        """1 for a dict that has a list of tasks, or a tag that has one."""
        holders = (document, *(value for value in document.values() if isinstance(value, Mapping)))
        return 1.0 if "format" not in document and any("tasks" in holder for holder in holders) else 0.0

    def load_mapping(self, document: Mapping[str, Any]) -> Specification:
        """Read what a ``tasks.json`` would hold; places are lines of the dict written as indented JSON."""
        root, text = locate(document)
        digest = hashlib.sha256(text.encode())
        return self._specification(root, Document(), current=("", ""), path="", digest=digest, fallback="tasks")

    def write_status(self, source: Path, statuses: Mapping[str, str]) -> None:
        """Set the status of tasks, and change nothing else.

        Args:
            source: what :meth:`load` was given, or a copy of it.
            statuses: a task's own id (or its id in the plan) to its status. A completed task's open subtasks are done with it. A name that
                is not in the file is passed over, and so is a status that Task Master has no word for.

        Raises:
            SpecificationError: the file cannot be read.
            PathRefused: it is a link.
        """
        project = _project(source)
        text = read_text(project.tasks, name=project.shown)
        entries, _ = self._entries(load_json(text, project.shown), Notes(), project.current_tag(), project.shown)
        edits = status_edits(text, entries, statuses)
        if edits:
            rewrite(project.tasks, apply(text, edits), within=project.home)

    def render(self, plan: ExecutionPlan) -> Mapping[str, str]:
        """``tasks.json`` and, with requirements, ``prd.md``."""
        from .rendering import render_plan

        return render_plan(plan)

    def _entries(
        self, root: Located, notes: Notes, current: tuple[str, str], shown: str
    ) -> tuple[tuple[Entry, ...], list[str]]:
        found = lists_by_tag(root)
        tag, warnings = choose_tag(found, self._tag, current, shown)
        return read_tasks(listed(found, tag), notes), warnings

    def _specification(
        self, root: Located, document: Document, *, current: tuple[str, str], path: str, digest: Any, fallback: str
    ) -> Specification:
        notes = Notes()
        entries, warnings = self._entries(root, notes, current, root.source)
        tasks, requirements = serving([entry.task for entry in entries], document.requirements)
        title = _project_name(root) or document.title or re.sub(r"[-_]+", " ", fallback).strip() or "tasks"
        return Specification(
            id=slug(title),
            title=title,
            format="task-master",
            path=path,
            digest=f"sha256:{digest.hexdigest()}",
            summary=document.summary,
            requirements=requirements,
            tasks=tasks,
            warnings=(*warnings, *notes.found()),
        )


def _project(source: Path) -> Project:
    project = find_project(source)
    if project is None:
        raise SpecificationError(
            Problem(
                "there is no tasks.json here",
                str(source),
                "looked for .taskmaster/tasks/, tasks/ and the folder itself",
            )
        )
    return project


def _project_name(root: Located) -> str:
    """What the metadata of an old flat file calls the project."""
    for key in ("metadata", "meta"):
        node = root.value.get(key) if isinstance(root.value, dict) else None
        name = node.value.get("projectName") if node is not None and isinstance(node.value, dict) else None
        if name is not None and isinstance(name.value, str) and name.value.strip():
            return " ".join(name.value.split())
    return ""
