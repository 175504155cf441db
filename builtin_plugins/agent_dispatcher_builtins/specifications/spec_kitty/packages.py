"""The files ``tasks/WPnn-*.md``: front matter that says what a work package is, and a text for whoever carries it out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import field, frozen

from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.safe_load import Located, Place, front_matter, read_text

from ..page import Page, parse_page
from ..task_master.fields import Fields, Notes
from .folder import package_files
from .overview import PACKAGE, subtask_titles

__all__ = ["WorkPackage", "read_packages"]

_KEYS = (
    *(
        "work_package_id",
        "wp_code",
        "id",
        "title",
        "work_package_title",
        "subtitle",
        "description",
        "scope",
        "phase",
        "phases",
    ),
    *(
        "lane",
        "status",
        "priority",
        "task_type",
        "execution_mode",
        "role",
        "tags",
        "dependencies",
        "depends_on",
        "subtasks",
    ),
    *(
        "requirement_refs",
        "owned_files",
        "create_intent",
        "authoritative_surface",
        "tracker_refs",
        "estimated_duration",
    ),
    *("planning_base_branch", "merge_target_branch", "branch_strategy", "base_branch", "base_commit", "created_at"),
    *("agent", "agent_profile", "assignee", "model", "shell_pid", "shell_pid_created_at", "history", "activity_log"),
    *(
        "mission_id",
        "mission_slug",
        "mission_number",
        "feature_slug",
        "review_status",
        "reviewed_by",
        "review_feedback",
    ),
    *("review_feedback_file", "reviewer", "reviewer_agent", "reviewer_shell_pid", "approved_by", "completed_at"),
)
_TITLE = re.compile(r"^(?:work\s+package(?:\s+prompt)?\s*[:–—-]\s*)?(?:WP\d{1,4}[a-z]?\s*[:–—-]+\s*)?", re.IGNORECASE)
#: Sections for Spec Kitty's own agents and reviewers, or about branches it makes: an agent of the dispatcher is told otherwise what they say.
_NOT_FOR_AGENTS = re.compile(
    r"activity\s+log|review\s+feedback|review\s+status|markdown\s+formatting|branch\s+strategy|agent\s+profile|do\s+this\s+first"
    r"|implementation\s+command|updating\s+lane|lane\s+status",
    re.IGNORECASE,
)
_SUBTASK_ID = re.compile(r"T\d{2,4}[A-Za-z]?(?:-[a-z]\w*)?")


@frozen(kw_only=True, eq=False)
class WorkPackage:
    """A work package as it is written.

    Attributes:
        id: ``WP01``.
        title: without the id.
        file: where it was read from.
        shown: how messages call the file.
        text: what it says to whoever carries it out.
        fields: its front matter; without one an empty mapping.
        folder: the lane whose folder the file lies in, ``""`` when it lies in ``tasks`` itself.
        subtasks: their ids and what the package itself calls them, in its order.
    """

    id: str
    title: str
    file: Path
    shown: str
    text: str
    fields: Fields
    folder: str = ""
    subtasks: tuple[tuple[str, str], ...] = field(default=())

    @property
    def where(self) -> str:
        """``file:line`` of what names it."""
        return self.fields.where("work_package_id")


def read_packages(mission: Path, notes: Notes) -> tuple[WorkPackage, ...]:
    """The work packages by their ids.

    Raises:
        SpecificationError: with all that is wrong: front matter that cannot be read, ids that are taken twice.
    """
    problems: list[Problem] = []
    found: dict[str, WorkPackage] = {}
    for file in package_files(mission):
        if not file.is_file():
            what = "a work package is a file, and this is a folder, a pipe, or a link that leads to no file"
            problems.append(Problem(what, file.relative_to(mission).as_posix(), "take it away, or put the file there"))
            continue
        try:
            package = _read(file, mission, notes)
        except SpecificationError as error:
            problems += error.problems
            continue
        other = found.setdefault(package.id, package)
        if other is not package:
            remedy = "give each its own 'work_package_id', or take the old file away"
            problems.append(
                Problem(f"{package.id} is the id of two work packages, also of {other.shown}", package.where, remedy)
            )
    if problems:
        raise SpecificationError(problems)
    return tuple(sorted(found.values(), key=lambda package: (_number(package.id), package.id)))


def _number(name: str) -> int:
    digits = re.search(r"\d+", name)
    return int(digits[0]) if digits else 0


def _read(file: Path, mission: Path, notes: Notes) -> WorkPackage:
    shown = file.relative_to(mission).as_posix()
    head, body, _ = front_matter(read_text(file, name=shown), shown)
    if head is None or not isinstance(head.value, dict):
        what = "it has no front matter" if head is None else f"its front matter is {head.kind}"
        notes.add(
            f"{shown}:1", f"{what}: id and title are those of file and heading, and nothing says what it waits for"
        )
        head = Located({}, Place(1, 1), shown)
    fields = Fields(head, "work package", _KEYS, notes)
    page = parse_page(body, shown)
    name = PACKAGE.search(fields.name("work_package_id", "wp_code").upper()) or PACKAGE.search(file.name.upper())
    if name is None:
        raise SpecificationError(
            Problem("neither its name nor 'work_package_id' says which work package it is", f"{shown}:1")
        )
    lane = file.parent.relative_to(mission / "tasks").parts
    return WorkPackage(
        id=_spelled(name[0], fields.name("work_package_id") or file.name),
        title=_title(fields, page) or file.stem,
        file=file,
        shown=shown,
        text="\n".join(_for_agents(body, page)).strip(),
        fields=fields,
        folder=lane[0] if lane else "",
        subtasks=tuple(_subtasks(fields, page, notes)),
    )


def _spelled(upper: str, written: str) -> str:
    """The id with the letter behind its number as it is written: ``WP02b``."""
    at = written.upper().find(upper)
    return "WP" + (written[at + 2 : at + len(upper)] if at >= 0 else upper[2:])


def _title(fields: Fields, page: Page) -> str:
    title = " ".join(fields.text("title", "work_package_title").split())
    if not title:
        title = next((block.flat for block in page.blocks if block.kind == "heading"), "").strip("*_ ")
    return _TITLE.sub("", title, count=1).strip()


def _subtasks(fields: Fields, page: Page, notes: Notes) -> Iterator[tuple[str, str]]:
    titles = subtask_titles(page)
    seen = set()
    for node in fields.items("subtasks", single=True):
        own = node.value if isinstance(node.value, dict) else None
        parts = [own[key].text for key in ("id", "title") if key in own] if own else [node.text]
        written = _SUBTASK_ID.match(parts[0].strip()) if parts else None
        name = written[0] if written else parts[0].strip() if parts else ""
        if not name:
            notes.add(node.where, f"a subtask must be an id, not {node.kind}: not used")
        elif name in seen:
            notes.add(node.where, f"the subtask {name} stands here twice: once is enough")
        else:
            seen.add(name)
            title = parts[1] if len(parts) > 1 else parts[0].strip()[len(name) :].lstrip(" :–—-")
            yield name, " ".join(title.split()) or titles.get(name, "")


def _for_agents(body: str, page: Page) -> Sequence[str]:
    """The lines of the text without its title and without the sections that are for Spec Kitty's own agents."""
    lines = body.split("\n")
    headings = [block for block in page.blocks if block.kind == "heading" and not block.quoted]
    kept: list[str] = []
    level, at = 0, 0
    for block in headings:
        if not level:
            kept += lines[at : block.line - 1]
        at = block.line - 1
        if level and block.level > level:
            continue
        level = block.level if _NOT_FOR_AGENTS.search(block.text) else 0
        if block.level == 1 and PACKAGE.search(block.text) and not level:
            at += 1  # the title is the task's title
    if not level:
        kept += lines[at:]
    return [line.rstrip("\r") for line in kept]
