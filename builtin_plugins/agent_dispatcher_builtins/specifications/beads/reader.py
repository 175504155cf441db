"""From an export to a :class:`~agent_dispatcher.models.Specification`, and statuses back into it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.models import ExecutionPlan, Specification
from agent_dispatcher.safe_load import read_text

from ..in_place import apply, rewrite
from ..native.prose import slug
from ..task_master.fields import Notes
from .lines import read_issues
from .options import BeadsOptions
from .source import Export, find_export, sureness
from .tasks import read_tasks
from .writing import status_edits

__all__ = ["BeadsFormat"]

#: Trackers keep what is done, so their exports are larger than what people write by hand.
_MAX_BYTES = 64_000_000


class BeadsFormat:
    """Reads ``issues.jsonl`` itself, or the project or ``.beads`` folder that holds it."""

    def __init__(self, options: BeadsOptions | None = None) -> None:
        self._options = options or BeadsOptions()

    def matches(self, source: Path) -> float:
        """2 for a file (1.5 for a project's folder) where Beads puts its issues, less where only name or beginning look like it, else 0."""
        if source.is_dir() and source.name == ".beads":
            return 2.0 if find_export(source) else 0.5
        export = find_export(source)
        if export is None:
            return 0.0
        return min(sureness(export.file), 1.5) if source.is_dir() else sureness(source)

    def load(self, source: Path) -> Specification:
        """Read it; whatever can be understood is, and the rest is a warning with its line.

        Raises:
            SpecificationError: a line is no JSON, or there is no issue.
        """
        export = _export(source)
        notes = Notes()
        text = read_text(export.file, name=export.shown, max_bytes=_MAX_BYTES)
        tasks, requirements = read_tasks(read_issues(text, export.shown, notes), self._options, notes)
        if not tasks:
            what = "every issue in it is deleted" if self._options.closed else "every issue in it is closed or deleted"
            raise SpecificationError(Problem(what, f"{export.shown}:1", "there is nothing to plan"))
        title = re.sub(r"[-_]+", " ", export.project).strip() or "issues"
        return Specification(
            id=slug(title),
            title=title,
            format="beads",
            path=str(source),
            digest=f"sha256:{hashlib.sha256(export.file.read_bytes()).hexdigest()}",
            requirements=requirements,
            tasks=tasks,
            warnings=notes.found(),
        )

    def write_status(self, source: Path, statuses: Mapping[str, str]) -> None:
        """Set the status of issues (and ``closed_at``, which belongs to it), and change nothing else.

        Args:
            source: what :meth:`load` was given, or a copy of it.
            statuses: an issue's id (or its task's id in the plan) to its status. A name that is not in the file is passed over, and so
                is a status that Beads has no word for.

        Raises:
            SpecificationError: the file cannot be read.
            PathRefused: it is a link.
        """
        export = _export(source)
        text = read_text(export.file, name=export.shown, max_bytes=_MAX_BYTES)
        issues = read_issues(text, export.shown, Notes())
        tasks, _ = read_tasks(issues, BeadsOptions(), Notes())
        names = {task.id: task.source_id for task in tasks if task.source_id}
        wanted = {names.get(name, name): status for name, status in statuses.items()}
        edits = status_edits(text, issues, wanted)
        if edits:
            rewrite(export.file, apply(text, edits), within=export.home)

    def render(self, plan: ExecutionPlan) -> Mapping[str, str]:
        """``issues.jsonl``."""
        from .rendering import render_plan

        return render_plan(plan)


def _export(source: Path) -> Export:
    export = find_export(source)
    if export is None:
        remedy = "Beads writes it with 'bd export -o .beads/issues.jsonl'"
        raise SpecificationError(Problem("there is no .beads/issues.jsonl here", str(source), remedy))
    return export
