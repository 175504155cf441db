"""The format itself: puts together what the pages of a feature say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.models import ExecutionPlan, Specification

from ..documents import further_documents
from ..native.prose import slug
from ..page import Page, read_page
from .folder import FILES, feature_folder, likeness
from .options import SpecKitOptions
from .requirements import SpecPage, read_spec
from .status import write_status
from .tasks import TaskList, read_tasks
from .technical import PlanPage, read_plan

__all__ = ["SpecKitFormat"]


@frozen
class SpecKitFormat:
    """Reads a feature folder, one of its three files, or the repository whose ``.specify/feature.json`` names the current feature."""

    options: SpecKitOptions = field(factory=SpecKitOptions)

    def matches(self, source: Path) -> float:
        """Up to 1.6; by names and the beginnings of the files."""
        return likeness(source)

    def load(self, source: Path) -> Specification:
        """Read it. What was not understood is a warning with its place; an open question is a blocker.

        Raises:
            SpecificationError: there is no file to read, one is unreadable, or ``tasks.md`` holds no task.
        """
        folder = feature_folder(source)
        pages = {name: read_page(folder / name) for name in FILES if (folder / name).is_file()}
        if not pages:
            raise SpecificationError(Problem("there is neither spec.md nor plan.md nor tasks.md", str(folder)))
        spec = read_spec(pages["spec.md"]) if "spec.md" in pages else SpecPage()
        plan = read_plan(pages["plan.md"]) if "plan.md" in pages else PlanPage()
        listed = _tasks(pages, [requirement.id for requirement in spec.requirements])
        title = spec.title or _title(pages) or folder.resolve().name
        digest = hashlib.sha256()
        for name in pages:
            digest.update(f"{name}\0".encode())
            digest.update((folder / name).read_bytes())
        open_questions = tuple(spec.questions)
        return Specification(
            id=slug(title) if slug(title) != "specification" else slug(folder.resolve().name),
            title=title,
            format="spec-kit",
            path=str(source),
            digest=f"sha256:{digest.hexdigest()}",
            summary=plan.summary or spec.summary,
            requirements=tuple(spec.requirements),
            tasks=listed.tasks,
            phases=listed.phases,
            language=plan.language,
            glossary=spec.entities,
            facts=plan.facts,
            documents=further_documents(folder, FILES),
            blockers=() if self.options.allow_open_questions else open_questions,
            warnings=(
                *(open_questions if self.options.allow_open_questions else ()),
                *_missing(pages),
                *spec.warnings,
                *plan.warnings,
                *listed.warnings,
            ),
        )

    def write_status(self, source: Path, statuses: Mapping[str, str]) -> None:
        """Tick the boxes of finished tasks in ``tasks.md``; every other byte stays.

        Args:
            statuses: status by task id or source id; boxes of tasks that are not named stay as they are.
        """
        write_status(feature_folder(source) / "tasks.md", statuses)

    def render(self, plan: ExecutionPlan) -> Mapping[str, str]:
        """``tasks.md``, and ``spec.md`` when there are requirements."""
        from .rendering import render_plan

        return render_plan(plan)


def _tasks(pages: Mapping[str, Page], requirements: list[str]) -> TaskList:
    page = pages.get("tasks.md")
    if page is None:
        return TaskList()
    listed = read_tasks(page, requirements)
    if not listed.tasks:
        remedy = "a task is written '- [ ] T001 [P] [US1] what is to be done in src/file.py'"
        raise SpecificationError(Problem("there is no task in it", f"{page.name}:1", remedy))
    return listed


def _title(pages: Mapping[str, Page]) -> str:
    """``# Tasks: NAME`` or ``# Implementation Plan: NAME``."""
    for page in pages.values():
        for block in page.blocks:
            if block.kind == "heading" and block.level == 1:
                before, colon, after = block.flat.replace("：", ":").partition(":")
                return (after if colon and after.strip() else before).strip(" *")
    return ""


def _missing(pages: Mapping[str, Page]) -> list[str]:
    if "tasks.md" not in pages:
        return ["tasks.md is not there: tasks are made from the requirements"]
    return [] if "spec.md" in pages else ["spec.md is not there: the tasks serve no requirement"]
