"""The format itself: puts together what the files of a mission say."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import field, frozen

from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.models import Requirement, Specification, Task
from agent_dispatcher.safe_load import plain_json, read_text

from ..native.prose import slug
from ..page import Page, read_page
from ..spec_kit.options import SpecKitOptions
from ..spec_kit.requirements import SpecPage, read_spec
from ..spec_kit.technical import PlanPage, read_plan
from ..task_master.fields import Notes
from .folder import FILES, find_mission, further_documents, likeness, package_files
from .lanes import LOG, PICTURE, read_recorded
from .overview import Overview, read_overview
from .packages import read_packages
from .status import write_status
from .tasks import read_tasks

__all__ = ["SpecKittyFormat"]

_TITLE = re.compile(r"^(?:(?:mission|feature|software)\s+)?spec(?:ification)?\s*[:–—-]\s*", re.IGNORECASE)
_CONSTRAINT = re.compile(
    r"^[*_`\s]*(?P<id>C-\d{1,4}[a-z]?)[*_`]*(?:\s*\([^)]*\))?[*_`]*\s*[:.–—-]*\s*[*_`]*\s*(?P<text>\S.*)$", re.DOTALL
)


@frozen
class SpecKittyFormat:
    """Reads a mission's folder, a file of it, or the repository that holds exactly one."""

    options: SpecKitOptions = field(factory=SpecKitOptions)

    def matches(self, source: Path) -> float:
        """Up to 1.8, so above spec-kit, whose documents a mission has too; by names."""
        return likeness(source)

    def load(self, source: Path) -> Specification:
        """Read it. What was not understood is a warning with its place; an open question is a blocker.

        Raises:
            SpecificationError: there is nothing to read, a file is unreadable, or two work packages have one id.
        """
        mission = find_mission(source)
        notes = Notes()
        pages = {name: read_page(mission / name) for name in FILES if (mission / name).is_file()}
        packages = read_packages(mission, notes)
        if not pages and not packages:
            raise SpecificationError(Problem("there is neither spec.md nor a work package", str(mission)))
        spec = read_spec(pages["spec.md"]) if "spec.md" in pages else SpecPage()
        plan = read_plan(pages["plan.md"]) if "plan.md" in pages else PlanPage()
        overview = read_overview(pages["tasks.md"]) if "tasks.md" in pages else Overview()
        requirements = (*spec.requirements, *_constraints(pages.get("spec.md"), spec.requirements))
        recorded = read_recorded(mission, notes)
        tasks = read_tasks(packages, overview, recorded, [each.id for each in requirements], notes)
        title = _called(mission, notes) or _TITLE.sub("", spec.title) or re.sub(r"[-_]+", " ", mission.resolve().name)
        open_questions = tuple(spec.questions)
        return Specification(
            id=slug(title) if slug(title) != "specification" else slug(mission.resolve().name),
            title=title,
            format="spec-kitty",
            path=str(source),
            digest=f"sha256:{_digest(mission)}",
            summary=plan.summary or spec.summary,
            requirements=_of_served_sorts(requirements, tasks, notes),
            tasks=tasks,
            language=plan.language,
            glossary=spec.entities,
            facts=plan.facts,
            documents=further_documents(mission),
            blockers=() if self.options.allow_open_questions else open_questions,
            warnings=(
                *(open_questions if self.options.allow_open_questions else ()),
                *(() if packages else ("there are no work packages: tasks are made from the requirements",)),
                *spec.warnings,
                *plan.warnings,
                *notes.found(),
            ),
        )

    def write_status(self, source: Path, statuses: Mapping[str, str]) -> None:
        """Set the lane in the front matter of work packages; every other byte stays.

        Args:
            statuses: status by task id or work package; those that are not named stay as they are.

        Raises:
            SpecificationError: the mission cannot be read, or keeps its lanes where only Spec Kitty may write.
            PathRefused: a file is a link.
        """
        mission = find_mission(source)
        packages = read_packages(mission, Notes())
        write_status(mission, packages, read_recorded(mission, Notes()), statuses)


def _constraints(page: Page | None, known: list[Requirement]) -> Iterator[Requirement]:
    """``C-001`` of a table or a list: what spec-kit does not have."""
    taken = {requirement.id for requirement in known}
    for block in page.blocks if page else ():
        if block.kind not in ("row", "item") or block.quoted:
            continue
        found = _CONSTRAINT.match(": ".join(cell for cell in block.cells[:3] if cell) if block.cells else block.text)
        if found and found["id"] not in taken and page:
            taken.add(found["id"])
            yield Requirement(id=found["id"], text=" ".join(found["text"].split()), source=page.where(block.line))


def _of_served_sorts(
    requirements: Sequence[Requirement], tasks: Sequence[Task], notes: Notes
) -> tuple[Requirement, ...]:
    """The requirements of the sorts (``FR``, ``C``, ...) that work packages name at all.

    Where packages name functional requirements and never a user story, stories are not what they are measured by: kept, each would end as
    *not implemented*. Of a sort that is named, those that nobody names stay, so that the gap is seen.
    """
    sorts = {_sort(name) for task in tasks for name in task.requirements}
    if not sorts:
        return tuple(requirements)
    left = [each for each in requirements if _sort(each.id) not in sorts]
    if left:
        names = ", ".join(dict.fromkeys(_sort(each.id) for each in left))
        notes.add(
            left[0].source, f"{len(left)} requirements are of sorts that no work package names ({names}): not used"
        )
    return tuple(each for each in requirements if _sort(each.id) in sorts)


def _sort(name: str) -> str:
    """``NFR`` of ``NFR-001``."""
    return name.rstrip("0123456789.abcdefghijklmnopqrstuvwxyz").rstrip("-")


def _called(mission: Path, notes: Notes) -> str:
    """The name of a mission that people read."""
    file = mission / "meta.json"
    if not file.is_file():
        return ""
    try:
        meta = plain_json(read_text(file, name=file.name), file.name)
    except SpecificationError as error:
        notes.add(error.problems[0].where, f"{error.problems[0].what}: meta.json is not used")
        return ""
    name = meta.get("friendly_name") if isinstance(meta, dict) else None
    return " ".join(name.split()) if isinstance(name, str) else ""


def _digest(mission: Path) -> str:
    digest = hashlib.sha256()
    files = [mission / name for name in (*FILES, "meta.json", LOG, PICTURE)]
    for file in [*files, *package_files(mission)]:
        if file.is_file():
            digest.update(f"{file.relative_to(mission).as_posix()}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()
