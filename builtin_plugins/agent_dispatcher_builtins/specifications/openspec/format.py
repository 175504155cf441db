"""The format itself: puts together what the files of a change say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.models import Specification
from agent_dispatcher.safe_load import read_text

from ..documents import digest_of, further_documents
from ..native.prose import slug
from ..page import parse_page
from ..serving import serving
from ..ticking import tick
from .deltas import Deltas, read_deltas
from .folder import change_folder, delta_files, likeness
from .options import OpenSpecOptions
from .proposal import MARK, Proposal, read_mark, read_proposal
from .tasks import TaskList, read_tasks

__all__ = ["OpenSpecFormat"]


@frozen
class OpenSpecFormat:
    """Reads a change's folder, one of its files, or the repository (or its ``openspec``) that has exactly one open change."""

    options: OpenSpecOptions = field(factory=OpenSpecOptions)

    def matches(self, source: Path) -> float:
        """Up to 1.9; by names and the beginnings of the files."""
        return likeness(source)

    def load(self, source: Path) -> Specification:
        """Read it; whatever can be understood is, and the rest is a warning with its place.

        Raises:
            SpecificationError: there is nothing to read, several changes to choose from, a file is unreadable, or ``tasks.md`` holds no task.
        """
        folder = change_folder(source, self.options.change)
        deltas = delta_files(folder)
        files = [path for path in (folder / "proposal.md", folder / "tasks.md", *deltas) if path.is_file()]
        texts = {path.relative_to(folder).as_posix(): _text(path, folder) for path in files}
        if not texts:
            raise SpecificationError(Problem("there is neither proposal.md nor tasks.md nor specs/", str(folder)))
        proposal = (
            read_proposal(parse_page(texts["proposal.md"], "proposal.md")) if "proposal.md" in texts else Proposal()
        )
        required = _required(texts)
        listed = _tasks(texts, self.options.order)
        title = proposal.title or folder.resolve().name
        return Specification(
            id=slug(folder.resolve().name) if slug(folder.resolve().name) != "specification" else slug(title),
            title=title,
            format="openspec",
            path=str(source),
            digest=digest_of(folder, (*texts, MARK)),
            summary=proposal.summary,
            requirements=tuple(required.requirements),
            tasks=serving(listed.tasks, required.requirements),
            phases=listed.phases,
            facts=proposal.facts,
            documents=further_documents(folder, ("tasks.md", MARK)),
            warnings=(*_missing(texts), *read_mark(folder), *required.warnings, *listed.warnings),
        )

    def write_status(self, source: Path, statuses: Mapping[str, str]) -> None:
        """Tick the boxes of finished tasks in ``tasks.md``; every other byte stays.

        Args:
            statuses: status by task id or number; boxes of tasks that are not named stay as they are.
        """
        file = change_folder(source, self.options.change) / "tasks.md"
        text = read_text(file, name=file.name)
        tick(file, text, read_tasks(text, file.name).tasks, statuses)


def _text(path: Path, folder: Path) -> str:
    return read_text(path, name=path.relative_to(folder).as_posix())


def _required(texts: Mapping[str, str]) -> Deltas:
    """The requirements of all deltas; ``specs/loans/spec.md`` and ``specs/loans.md`` are about the capability ``loans``."""
    pages = []
    for name, text in texts.items():
        if name.startswith("specs/"):
            capability = name.removeprefix("specs/").removesuffix(".md").removesuffix("/spec")
            pages.append((capability, parse_page(text, name)))
    return read_deltas(pages)


def _tasks(texts: Mapping[str, str], order: str) -> TaskList:
    text = texts.get("tasks.md")
    if text is None:
        return TaskList()
    listed = read_tasks(text, "tasks.md", order)
    if not listed.tasks:
        remedy = "a task is written '- [ ] 1.1 what is to be done'"
        raise SpecificationError(
            [Problem("there is no task in it", "tasks.md:1", remedy), *map(Problem, listed.warnings)]
        )
    return listed


def _missing(texts: Mapping[str, str]) -> list[str]:
    found = []
    if "tasks.md" not in texts:
        found.append("tasks.md is not there: tasks are made from the requirements")
    if not any(name.startswith("specs/") for name in texts):
        found.append("there is nothing below specs/: the tasks serve no requirement")
    return found
