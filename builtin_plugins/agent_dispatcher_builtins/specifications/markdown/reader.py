"""From a document to a :class:`~agent_dispatcher.models.Specification`, and ticks back into it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.models import Requirement, Specification, Task
from agent_dispatcher.safe_load import read_text

from ..native.prose import slug
from ..page import Page, parse_page
from ..task_master.fields import Notes
from .outline import read_outline
from .requirements import Placed, read_requirements, serving
from .sections import Sections
from .source import find_document, likeness
from .status import write_status
from .tasks import Reading, read_entries

__all__ = ["MarkdownFormat"]

_LONGEST_SUMMARY = 1000
_FRONT = re.compile(r"\A---[ \t]*(?:\r\n|\n|\r)(?:[^\r\n]*(?:\r\n|\n|\r)){0,200}?---[ \t]*(?=[\r\n]|\Z)")


class MarkdownFormat:
    """Reads a Markdown file, or a folder with one such document."""

    def matches(self, source: Path) -> float:
        """At most 0.3: any format that knows the document better comes first."""
        return likeness(source)

    def load(self, source: Path) -> Specification:
        """Read it: check boxes and lists of tasks, requirements, and what tasks themselves say they wait for.

        Raises:
            SpecificationError: it is unreadable, or asks for nothing.
        """
        file = find_document(source)
        text = read_text(file, name=file.name)
        page = _page(text, file.name)
        notes = Notes()
        sections = Sections(page)
        outline = read_outline(page, sections, notes)
        reading = read_entries(page, outline, notes)
        found = read_requirements(page, sections, outline)
        if not outline.entries and not found.requirements:
            remedy = "write tasks as check boxes ('- [ ] what is to be done'), or say what 'must' be true"
            raise SpecificationError(Problem("the document asks for nothing", f"{file.name}:1", remedy))
        requirements, served = _linked(sections, found.requirements, reading, notes)
        tasks = reading.tasks(served, notes)
        if not requirements:
            _warn_of_untested(tasks, notes)
        title = found.title or re.sub(r"[-_]+", " ", file.stem)
        return Specification(
            id=slug(title) if slug(title) != "specification" else slug(file.stem),
            title=title,
            format="markdown",
            path=str(source),
            digest=f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}",
            summary=_summary(page),
            requirements=requirements,
            tasks=tasks,
            glossary=found.glossary,
            blockers=tuple(found.questions),
            warnings=(*found.warnings, *notes.found()),
        )

    def write_status(self, source: Path, statuses: Mapping[str, str]) -> None:
        """Tick the boxes of finished tasks and clear those of others; every other byte stays.

        Args:
            statuses: status by a task's own id or its id in the plan; boxes of tasks that are not named stay as they are.
        """
        file = find_document(source)
        text = read_text(file, name=file.name)
        page = _page(text, file.name)
        outline = read_outline(page, Sections(page), Notes())
        write_status(file, text, read_entries(page, outline, Notes()), statuses)


def _page(text: str, name: str) -> Page:
    """The page without its front matter, the lines of which stay empty."""
    front = _FRONT.match(text)
    if front:
        text = re.sub(r"[^\r\n]", "", front[0]) + text[front.end() :]
    return parse_page(text, name)


def _linked(
    sections: Sections, placed: Sequence[Placed], reading: Reading, notes: Notes
) -> tuple[tuple[Requirement, ...], dict[int, list[str]]]:
    """The requirements that stay, and which task serves which.

    Where no task serves a requirement, nobody could ever say that it is met: of a document that lists its tasks such ones stay only if
    their author named them while others of their sort (``FR``, ``US``, ...) are served, so that the gap is seen.
    """
    if not reading.outline.entries:
        return tuple(each.requirement for each in placed), {}
    served = serving(
        sections,
        placed,
        [(index, reading.own_text(index)) for index, entry in reading.outline.entries.items() if not entry.struck],
    )
    known = {name for names in served.values() for name in names}
    sorts = {_sort(each) for each in placed if each.named and each.requirement.id in known}
    kept: list[Placed] = []
    left: list[Placed] = []
    for each in placed:
        stays = each.requirement.id in known or (each.named and _sort(each) in sorts)
        (kept if stays else left).append(each)
    if left:
        notes.add(
            left[0].requirement.source,
            f"{len(left)} of the requirements {'is' if len(left) == 1 else 'are'} named by no task, and no task stands with it, so nobody could say "
            "which task meets it: not used (name its id in a task, or list the tasks below what they are about)",
        )
    return tuple(each.requirement for each in kept), served


def _warn_of_untested(tasks: Sequence[Task], notes: Notes) -> None:
    """A list of code that no requirement and no test of the list speaks of lands as it comes: its author may have meant requirements."""
    code = [each for each in tasks if each.type == "code_writing" and each.status == "pending" and each.produces]
    if code and not any(each.type == "testing" for each in tasks):
        notes.add(
            code[0].source,
            "the list is run as it stands: nothing is required, and no task tests what is written (list them as requirements, '- REQ-1: ...' below "
            "'## Requirements', and tests are planned; or add a task that writes tests)",
        )


def _sort(placed: Placed) -> str:
    """``NFR`` of ``NFR-001``."""
    found = re.match(r"[A-Za-z]*", placed.requirement.id)
    return found[0] if found else ""


def _summary(page: Page) -> str:
    """The first paragraph of prose."""
    for block in page.blocks:
        if block.kind == "text" and block.item is None and not block.quoted and len(block.flat.split()) > 4:
            return block.flat[:_LONGEST_SUMMARY]
    return ""
