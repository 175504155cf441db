"""The format itself: puts together what the files of a specification say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, field, frozen

from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.models import Requirement, Specification
from agent_dispatcher.safe_load import read_text

from ..documents import digest_of, further_documents
from ..native.prose import slug
from ..page import Page, parse_page
from ..serving import serving
from ..ticking import tick
from .approvals import FILE as APPROVALS
from .approvals import Approvals, read_approvals
from .folder import FILES, likeness, spec_folder
from .options import KiroOptions
from .requirements import RequirementsPage, described_by_properties, read_requirements
from .tasks import References, TaskList, read_tasks

__all__ = ["KiroFormat"]

#: What a title says besides what the whole is about.
_SUBJECT = re.compile(
    r"^(?:technical\s+)?(?:design(?:\s+document)?|implementation\s+(?:plan|tasks?)|tasks?(?:\s+list)?)\s*[:：–—-]*\s*"
    r"|[\s:：–—-]*\b(?:technical\s+)?(?:design(?:\s+document)?|implementation\s+(?:plan|tasks?)|tasks?)\s*$"
    r"|^(?:設計書|设计文档|設計文檔|設計ドキュメント|실행 계획|설계\s*문서)\s*$",
    re.IGNORECASE,
)


@frozen
class KiroFormat:
    """Reads a folder of ``.kiro/specs``, one of its files, or the repository that has exactly one such folder."""

    options: KiroOptions = field(factory=KiroOptions)

    def matches(self, source: Path) -> float:
        """Up to 1.9; by names and the beginnings of the files."""
        return likeness(source)

    def load(self, source: Path) -> Specification:
        """Read it. What was not understood is a warning with its place; a stage that is not approved is a blocker.

        Raises:
            SpecificationError: there is no file to read, several specifications to choose from, a file is unreadable, or
                ``tasks.md`` holds no task.
        """
        folder = spec_folder(source)
        texts = {name: read_text(folder / name, name=name) for name in FILES if (folder / name).is_file()}
        if not texts:
            raise SpecificationError(Problem(f"there is none of {', '.join(FILES)}", str(folder)))
        pages = {name: parse_page(text, name) for name, text in texts.items() if name != "tasks.md"}
        approvals = read_approvals(folder)
        required = _required(pages)
        listed = self._tasks(texts, pages, required, approvals)
        tasks, warnings = listed.tasks, list(_missing(texts))
        if tasks and not any(task.requirements for task in tasks):
            tasks = serving(tasks, required.requirements)
        if listed.left_out:
            what = "task is" if listed.left_out == 1 else "tasks are"
            warnings.append(
                f'tasks.md: {listed.left_out} optional {what} left out (the option "optional" of the format asks for them)'
            )
        blockers = () if self.options.allow_unapproved else approvals.blockers
        called = folder.resolve().name
        title = required.title or approvals.name or _title(texts) or called
        return Specification(
            id=slug(title) if slug(title) != "specification" else slug(called),
            title=title,
            format="kiro",
            path=str(source),
            digest=digest_of(folder, (*texts, APPROVALS)),
            summary=required.summary,
            requirements=tuple(required.requirements),
            tasks=tasks,
            phases=listed.phases,
            glossary=required.glossary,
            facts=required.facts,
            documents=further_documents(folder, ("tasks.md", APPROVALS)),
            blockers=blockers,
            warnings=(
                *warnings,
                *(approvals.blockers if self.options.allow_unapproved else ()),
                *approvals.warnings,
                *required.warnings,
                *listed.warnings,
            ),
        )

    def write_status(self, source: Path, statuses: Mapping[str, str]) -> None:
        """Tick the boxes of finished tasks in ``tasks.md``; every other byte stays.

        Args:
            statuses: status by task id or number; boxes of tasks that are not named stay as they are.
        """
        file = spec_folder(source) / "tasks.md"
        text = read_text(file, name=file.name)
        listed = read_tasks(text, file.name, References(), optional=True, order="free", in_order=False)
        tick(file, text, listed.tasks, statuses)

    def _tasks(
        self, texts: Mapping[str, str], pages: Mapping[str, Page], required: RequirementsPage, approvals: Approvals
    ) -> TaskList:
        text = texts.get("tasks.md")
        if text is None:
            return TaskList()
        references = References(
            numbers=required.numbers, ids=[each.id for each in required.requirements], mended=required.mended
        )
        listed = read_tasks(
            text,
            "tasks.md",
            references,
            optional=self.options.optional,
            order=self.options.order,
            in_order=approvals.there or "bugfix.md" in pages,
        )
        if not listed.tasks:
            remedy = "a task is written '- [ ] 1.1 what is to be done'"
            problems = [Problem("there is no task in it", "tasks.md:1", remedy), *map(Problem, listed.warnings)]
            raise SpecificationError(problems)
        return listed


def _required(pages: Mapping[str, Page]) -> RequirementsPage:
    """What the pages require, the properties of the design among it."""
    found = RequirementsPage()
    for name in ("requirements.md", "bugfix.md"):
        if name in pages:
            found = _together(found, read_requirements(pages[name]))
    if "design.md" in pages and found.requirements:
        references = References(
            numbers=found.numbers, ids=[each.id for each in found.requirements], mended=found.mended
        )
        resolve = {number: list(ids) for number, ids in found.numbers.items()}
        resolve |= {name: [name] for name in references.ids} | {old: [new] for old, new in found.mended.items()}
        found.requirements = described_by_properties(pages["design.md"], found.requirements, resolve)
    return found


def _together(first: RequirementsPage, second: RequirementsPage) -> RequirementsPage:
    if not first.requirements and not first.title and not first.summary:
        return second
    known: dict[str, Requirement] = {each.id: each for each in first.requirements}
    fresh = [each for each in second.requirements if each.id not in known]
    return evolve(
        first,
        requirements=[*first.requirements, *fresh],
        numbers={**second.numbers, **first.numbers},
        mended={**second.mended, **first.mended},
        glossary={**second.glossary, **first.glossary},
        facts={**second.facts, **first.facts},
        warnings=[*first.warnings, *second.warnings],
    )


def _title(texts: Mapping[str, str]) -> str:
    """What the design or the list calls the whole, if it calls it anything."""
    for name in ("design.md", "tasks.md"):
        for line in texts.get(name, "").split("\n", 40)[:40]:
            if line.startswith("# "):
                title = _SUBJECT.sub("", line[2:].strip()).strip(" *:：–—-")
                if title:
                    return title
                break
    return ""


def _missing(texts: Mapping[str, str]) -> list[str]:
    if "tasks.md" not in texts:
        return ["tasks.md is not there: tasks are made from the requirements"]
    if "requirements.md" not in texts and "bugfix.md" not in texts:
        return ["requirements.md is not there: the tasks serve no requirement"]
    return []
