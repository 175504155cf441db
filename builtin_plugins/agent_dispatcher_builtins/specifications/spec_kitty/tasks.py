"""From work packages to tasks of the plan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen

from agent_dispatcher.models import ArtifactRef, DeclaredDependency, Step, Task

from ...decomposers.identity import Identities
from ..kinds import task_type
from ..task_master.fields import Notes
from .lanes import Recorded, meaning
from .overview import PACKAGE, Overview
from .ownership import collisions, is_pattern, plain_path
from .packages import WorkPackage

__all__ = ["lane_of", "read_tasks", "task_ids"]

#: What ``task_type`` and ``execution_mode`` say about the sort of work; the others leave it to title and files.
_TYPES = {
    "research": "research",
    "review": "review",
    "plan": "analysis",
    "analysis": "analysis",
    "cleanup": "refactoring",
    "curation": "documentation",
    "documentation": "documentation",
    "planning_artifact": "documentation",
    "testing": "testing",
    "test": "testing",
}
#: So much of a title says what sort of work it is.
_OPENING = 400
_NOTHING = frozenset({"", "none", "n/a", "[]", "-", "null"})
_PRIORITY = re.compile(r"P(\d)\b", re.IGNORECASE)


def read_tasks(
    packages: Sequence[WorkPackage], overview: Overview, recorded: Recorded, requirements: Iterable[str], notes: Notes
) -> tuple[Task, ...]:
    """A task for each work package; what leads nowhere is noted.

    Args:
        overview: what ``tasks.md`` says.
        recorded: lanes and subtasks as the log has them.
        requirements: ids that work packages may serve.
    """
    ids = task_ids(packages)
    owned = [tuple(_owned(package, notes)) for package in packages]
    shared = collisions(owned)
    # An update of Spec Kitty gave older missions an empty list in every front matter; what waits for what still stands in tasks.md alone.
    emptied = all(_names_nothing(package) for package in packages)
    listed = [where for name in ids for where in overview.waits.get(name, {}).values()]
    if emptied and listed:
        notes.add(listed[0], "no work package itself names a dependency, so those count that are listed here")
    builder = _Builder(ids, overview, emptied, recorded, frozenset(requirements), notes)
    return tuple(
        builder.task(package, names, resources)
        for package, names, resources in zip(packages, owned, shared, strict=True)
    )


def task_ids(packages: Sequence[WorkPackage]) -> dict[str, str]:
    """Work package to the id of its task."""
    identities = Identities()
    return {package.id: identities.take(package.title, package.id) for package in packages}


def lane_of(package: WorkPackage, recorded: Recorded) -> str:
    """The lane as the newest of the places says where one is kept."""
    return recorded.lanes.get(package.id) or package.fields.text("lane", "status") or package.folder


@frozen
class _Builder:
    ids: dict[str, str]
    overview: Overview
    emptied: bool  # every work package has a list of dependencies, and all are empty
    recorded: Recorded
    requirements: frozenset[str]
    notes: Notes

    def task(self, package: WorkPackage, owned: Sequence[str], shared: Sequence[ArtifactRef]) -> Task:
        status = self._status(package)
        files = [name for name in owned if not is_pattern(name)]
        steps = tuple(self._steps(package, status))
        return Task(
            id=self.ids[package.id],
            source_id=package.id,
            title=package.title,
            description=package.text,
            type=self._type(package, files),
            status=status,
            requirements=tuple(self._served(package)),
            depends_on=tuple(
                DeclaredDependency(task=self.ids[name], source=where) for name, where in self._waits(package).items()
            ),
            produces=tuple(ArtifactRef(type="path", name=name) for name in files),
            consumes=tuple(shared),
            group=package.fields.text("phase"),
            steps=steps,
            complexity=min(10.0, round(1.0 + 0.75 * len(steps) + 0.25 * max(0, len(files) - 1), 1)),
            priority=self._priority(package),
            source=package.where,
        )

    def _status(self, package: WorkPackage) -> str:
        lane = lane_of(package, self.recorded)
        status = meaning(lane)
        if status is None:
            self.notes.add(package.where, f"the lane {lane!r} of {package.id} is not known: taken as planned")
        elif lane.strip().lower() == "approved":
            self.notes.count(package.where, "an approved work package counts as done: have it merged before the run")
        return status or "pending"

    def _type(self, package: WorkPackage, files: Sequence[str]) -> str:
        for key in ("task_type", "execution_mode"):
            kind = _TYPES.get(package.fields.text(key).lower())
            if kind:
                return kind
        return task_type(package.title[:_OPENING], files)

    def _priority(self, package: WorkPackage) -> int:
        """4 for P0, 3 for P1 and so on; 0 without one."""
        found = _PRIORITY.search(package.fields.text("priority"))
        return max(0, 4 - int(found[1])) if found else 0

    def _served(self, package: WorkPackage) -> Iterator[str]:
        seen = set()
        for node in package.fields.items("requirement_refs", single=True):
            for name in re.split(r"[,;]\s*", node.text.strip()):
                if name in self.requirements and name not in seen:
                    yield name
                elif name and self.requirements and name not in seen:
                    self.notes.add(node.where, f"{package.id} serves {name[:60]}, which spec.md does not have")
                seen.add(name)

    def _waits(self, package: WorkPackage) -> dict[str, str]:
        """The work packages it waits for, with the place; from ``tasks.md`` only where its own file does not say anything, or all are empty."""
        found: dict[str, str] = {}
        said = package.fields.get("dependencies", "depends_on")
        if self.emptied or (said is None and package.fields.where("dependencies") == package.fields.node.where):
            pairs: Iterable[tuple[str, str]] = self.overview.waits.get(package.id, {}).items()
        else:
            pairs = self._declared(package)
        for name, where in pairs:
            other = self._find(name)
            if other is None:
                self.notes.add(where, f"{package.id} depends on {name[:60]!r}, which is no work package here: ignored")
            elif other == package.id:
                self.notes.add(where, f"{package.id} depends on itself: ignored")
            else:
                found.setdefault(other, where)
        return found

    def _declared(self, package: WorkPackage) -> Iterator[tuple[str, str]]:
        key = "dependencies" if package.fields.get("dependencies") else "depends_on"
        for node in package.fields.items(key, single=True):
            if isinstance(node.value, dict | tuple):
                self.notes.add(node.where, f"a dependency must be the id of a work package, not {node.kind}: not used")
                continue
            for name in re.split(r"[,;]\s*", node.text.strip().strip("[]")):
                if name.strip().lower() not in _NOTHING:
                    yield name.strip(), node.where

    def _find(self, name: str) -> str | None:
        """The work package that ``WP1``, ``wp01`` or ``WP01-models`` means."""
        if name in self.ids:
            return name
        found = PACKAGE.match(name) or PACKAGE.match(name.upper())
        wanted = _plain(found[0]) if found else None
        return next((each for each in self.ids if _plain(each) == wanted), None)

    def _steps(self, package: WorkPackage, status: str) -> Iterator[Step]:
        for name, title in package.subtasks:
            done = status == "completed" or name in self.recorded.subtasks or name in self.overview.done
            called = title or self.overview.titles.get(name) or name
            yield Step(id=name, title=called, status="completed" if done else "pending")


def _plain(name: str) -> str:
    return re.sub(r"\D0+(?=\d)", lambda match: match[0][0], name).lower()


def _names_nothing(package: WorkPackage) -> bool:
    """Whether its front matter has a list of dependencies that is empty."""
    said = package.fields.get("dependencies")
    return said is not None and said.value == ()


def _owned(package: WorkPackage, notes: Notes) -> Iterator[str]:
    seen = set()
    for node in package.fields.items("owned_files", single=True):
        written = "" if isinstance(node.value, dict | tuple) else node.text
        name = plain_path(written)
        if name is None:
            notes.add(
                node.where,
                f"{package.id} owns {written[:80] or node.kind!r}, which is no path in the repository: not used",
            )
        elif name not in seen and not _is_document(package, name):
            seen.add(name)
            yield name


def _is_document(package: WorkPackage, name: str) -> bool:
    """Whether a path is one of the mission's own documents, which work on code reads: updates of Spec Kitty list what a text mentions as owned."""
    mission = package.file.parents[package.shown.count("/")]
    own = f"kitty-specs/{mission.name}/"
    planning = package.fields.text("execution_mode") == "planning_artifact"
    return not planning and name.startswith(own) and (mission / name.removeprefix(own)).is_file()
