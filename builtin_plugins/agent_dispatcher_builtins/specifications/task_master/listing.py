"""From the entries of a list to tasks of the plan."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

from attrs import evolve, frozen

from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.models import ArtifactRef, DeclaredDependency, Step, Task
from agent_dispatcher.safe_load import Located

from ...decomposers.identity import Identities
from ...decomposers.prose import classify
from .addresses import Address, Addresses, names_in
from .fields import Fields, Notes
from .statuses import meaning

__all__ = ["Entry", "read_tasks"]

_TASK_KEYS = (
    *("id", "title", "name", "description", "status", "dependencies", "priority", "details", "testStrategy"),
    *("subtasks", "complexity", "complexityScore", "complexityReasoning", "recommendedSubtasks", "expansionPrompt"),
    *("metadata", "previousStatus", "relevantFiles", "acceptanceCriteria", "skills", "category", "scopeBoundaries"),
    *("tags", "tag", "createdAt", "updatedAt", "created", "updated", "assignee", "parentId", "parentTaskId"),
)
_FILE_KEYS = ("path", "description", "action")
_PRIORITIES = {"critical": 2, "urgent": 2, "highest": 2, "high": 1, "medium": 0, "normal": 0, "low": -1, "lowest": -1}
_COMPLEXITIES = {"simple": 2.0, "low": 2.0, "medium": 5.0, "moderate": 5.0, "high": 8.0, "complex": 8.0, "very complex": 10.0}  # fmt: skip
_CATEGORIES = {
    "research": "research",
    "design": "analysis",
    "development": "code_writing",
    "testing": "testing",
    "documentation": "documentation",
    "review": "review",
}
_ACTIONS = {"create": (True, False), "modify": (True, True), "reference": (False, True)}


@frozen(kw_only=True)
class Entry:
    """A task with its place in the file.

    Attributes:
        node: its mapping.
        subtasks: the mapping of each of its steps, in the order of ``task.steps``.
    """

    node: Located
    task: Task
    subtasks: tuple[Located, ...] = ()


@frozen
class _Raw:
    """A task before what its dependencies name is known."""

    fields: Fields
    name: str
    subtasks: tuple[tuple[Fields, str], ...]


def read_tasks(nodes: Sequence[Located], notes: Notes) -> tuple[Entry, ...]:
    """The tasks of a list, in its order; what cannot be used is noted.

    Raises:
        SpecificationError: there is no task at all, or two have one id, so that nobody can say which of them a dependency means.
    """
    raw = [found for node in nodes if (found := _raw(node, notes)) is not None]
    if not raw:
        what = f"none of the {len(nodes)} entries of this list is a task"
        raise SpecificationError(Problem(what, nodes[0].where, "a task is a mapping with an 'id' and a 'title'"))
    _refuse_twins(raw)
    addresses = Addresses(subtasks={each.name: _steps_by_name(each) for each in raw if each.name})
    identities = Identities()
    entries = [_entry(each, identities, addresses, notes) for each in raw]
    return _ordered(raw, entries, addresses, notes)


def _steps_by_name(raw: _Raw) -> dict[str, str]:
    """Every name of a subtask to its step; of two with one name the first has it."""
    found: dict[str, str] = {}
    for fields, step in raw.subtasks:
        for name in (fields.name("id"), step, step.removeprefix(f"{raw.name}.")):
            if name:
                found.setdefault(name, step)
    return found


# --- entries --------------------------------------------------------------------------------------------------------


def _raw(node: Located, notes: Notes) -> _Raw | None:
    if not isinstance(node.value, dict):
        if node.value is not None:
            notes.add(node.where, f"a task must be a mapping, not {node.kind}: not used")
        return None
    fields = Fields(node, "task", _TASK_KEYS, notes)
    name = fields.name("id")
    if not name:
        notes.add(node.where, "a task without an id: nothing can name it, and its status cannot be written")
    subtasks: list[tuple[Fields, str]] = []
    for number, item in enumerate(fields.items("subtasks"), start=1):
        if not isinstance(item.value, dict):
            notes.add(item.where, f"a subtask must be a mapping, not {item.kind}: not used")
            continue
        own = Fields(item, "subtask", _TASK_KEYS, notes)
        short = own.name("id") or str(number)
        step = short if name and short.startswith(f"{name}.") else f"{name}.{short}".lstrip(".")
        if any(step == other for _, other in subtasks):
            notes.add(item.where, f"the subtask {step} is there twice: both are kept, the first is the one others mean")
        if own.get("subtasks") is not None and any(own.items("subtasks")):
            notes.add(
                own.where("subtasks"), f"the subtask {step} has subtasks, which Task Master does not know: not used"
            )
        subtasks.append((own, step))
    return _Raw(fields, name, tuple(subtasks))


def _refuse_twins(raw: Sequence[_Raw]) -> None:
    first: dict[str, Located] = {}
    problems = []
    for each in raw:
        other = first.setdefault(each.name, each.fields.node) if each.name else each.fields.node
        if other is not each.fields.node:
            problems.append(
                Problem(
                    f"the task id {each.name} is taken twice, first at {other.where}",
                    each.fields.where("id"),
                    "give each task its own id",
                )
            )
    if problems:
        raise SpecificationError(problems)


def _entry(raw: _Raw, identities: Identities, addresses: Addresses, notes: Notes) -> Entry:
    fields = raw.fields
    title = " ".join(fields.text("title", "name").split()) or _headline(fields) or f"Task {raw.name}".strip()
    produces, consumes = _files(fields, notes)
    task = Task(
        id=identities.take(title, raw.name),
        source_id=raw.name or None,
        title=title,
        description=_description(raw),
        type=_CATEGORIES.get(fields.text("category").lower()) or classify(title),
        status=_status(fields, "task", notes),
        produces=produces,
        consumes=consumes,
        steps=_steps(raw, addresses, notes),
        complexity=_complexity(fields, notes),
        priority=_priority(fields, notes),
        source=fields.node.where,
    )
    return Entry(node=fields.node, task=task, subtasks=tuple(own.node for own, _ in raw.subtasks))


def _headline(fields: Fields) -> str:
    return fields.text("description").partition("\n")[0][:80].strip()


def _description(raw: _Raw) -> str:
    """Everything the file says about the work, for whoever does it."""
    parts = [raw.fields.text("description")]
    for key, heading in (
        ("details", "Details"),
        ("acceptanceCriteria", "Acceptance criteria"),
        ("scopeBoundaries", "Scope"),
        ("skills", "Skills"),
        ("testStrategy", "Test strategy"),
    ):
        text = raw.fields.text(key)
        parts.append(f"{heading}:\n{text}" if text else "")
    steps = []
    for own, step in raw.subtasks:
        lines = [f"{step} {own.text('title', 'name')}".rstrip()]
        lines += [own.text(key) for key in ("description", "details", "acceptanceCriteria", "testStrategy")]
        steps.append("\n".join(line for line in lines if line))
    parts.append("Steps:\n" + "\n\n".join(steps) if steps else "")
    return "\n\n".join(part for part in parts if part)


def _status(fields: Fields, kind: str, notes: Notes) -> str:
    word = fields.text("status")
    if not word:
        return "pending"
    status = meaning(word)
    if status is None:
        notes.add(fields.where("status"), f"the status {word!r} of a {kind} is not known: taken as pending")
        return "pending"
    if word.lower() == "blocked":
        notes.add(
            fields.where("status"),
            f"a {kind} marked as blocked is planned like a pending one (deferred ones are not run)",
        )
    return status


def _priority(fields: Fields, notes: Notes) -> int:
    word = fields.text("priority").lower()
    if word and word not in _PRIORITIES:
        notes.add(fields.where("priority"), f"the priority {word!r} is not known: taken as medium")
    return _PRIORITIES.get(word, 0)


def _complexity(fields: Fields, notes: Notes) -> float:
    node = fields.get("complexity", "complexityScore")
    if node is None:
        return 1.0
    value = node.value
    if isinstance(value, str):
        try:
            value = _COMPLEXITIES.get(value.strip().lower()) or float(value)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1000:
        notes.add(node.where, f"the complexity {node.text or node.kind!r} is not understood: taken as 1")
        return 1.0
    return float(min(value, 10))


def _files(fields: Fields, notes: Notes) -> tuple[tuple[ArtifactRef, ...], tuple[ArtifactRef, ...]]:
    """What ``relevantFiles`` promise and need: made, changed (both), or only looked at."""
    produces: dict[ArtifactRef, None] = {}
    consumes: dict[ArtifactRef, None] = {}
    for node in fields.items("relevantFiles"):
        if isinstance(node.value, dict):
            own = Fields(node, "relevant file", _FILE_KEYS, notes)
            path, action = own.text("path"), own.text("action").lower() or "reference"
        else:
            path, action = node.text.strip(), "reference"
        plain = posixpath.normpath(path.replace("\\", "/")) if path else ""
        if not plain or plain.startswith(("/", "..")) or plain == "." or action not in _ACTIONS:
            what = path if action in _ACTIONS else f"{path} ({action})"
            notes.add(
                node.where,
                f"the relevant file {what!r} is none inside the project that is made, changed or read: not used",
            )
            continue
        makes, needs = _ACTIONS[action]
        artifact = ArtifactRef(type="path", name=plain)
        if makes:
            produces[artifact] = None
        if needs:
            consumes[artifact] = None
    return tuple(produces), tuple(consumes)


# --- order ----------------------------------------------------------------------------------------------------------


def _steps(raw: _Raw, addresses: Addresses, notes: Notes) -> tuple[Step, ...]:
    steps = []
    for own, step in raw.subtasks:
        waits: dict[str, None] = {}
        for name, node in names_in(own, notes):
            address = _looked_up(addresses, raw.name, name)
            if address is None:
                notes.add(node.where, f"subtask {step} depends on {name!r}, which is not here: ignored")
            elif address.step == step:
                notes.add(node.where, f"subtask {step} depends on itself: ignored")
            elif address.task == raw.name and not address.step:
                notes.add(node.where, f"subtask {step} depends on {name!r}, the task it is a part of: ignored")
            else:
                if address.missing:
                    notes.add(node.where, f"there is no subtask {name}: taken as task {address.task}")
                waits[address.step or address.task] = None
        title = " ".join(own.text("title", "name", "description").split()) or f"Step {step}"
        steps.append(Step(id=step, title=title, depends_on=tuple(waits), status=_status(own, "subtask", notes)))
    _note_circles(raw, steps, notes)
    return tuple(steps)


def _note_circles(raw: _Raw, steps: Sequence[Step], notes: Notes) -> None:
    known = {step.id for step in steps}
    try:
        TopologicalSorter({step.id: [name for name in step.depends_on if name in known] for step in steps}).prepare()
    except CycleError as error:
        path = " → ".join(reversed(error.args[1]))
        notes.add(raw.fields.where("subtasks"), f"these subtasks wait for each other: {path}")


def _looked_up(addresses: Addresses, parent: str, name: str) -> Address | None:
    return addresses.find_from(parent, name) if parent else addresses.find(name)


def _ordered(raw: Sequence[_Raw], entries: Sequence[Entry], addresses: Addresses, notes: Notes) -> tuple[Entry, ...]:
    """The entries with what they wait for.

    What a task declares comes first. What only a subtask declares about another task holds for the whole task, as its steps are not
    scheduled, unless that would turn round an order that is there.
    """
    ids = {each.name: entry.task.id for each, entry in zip(raw, entries, strict=True) if each.name}
    waits: list[dict[str, str]] = [dict(_declared(each, addresses, notes)) for each in raw]
    before = {each.name: set(found) for each, found in zip(raw, waits, strict=True) if each.name}
    for each, found in zip(raw, waits, strict=True):
        for name, where in _lifted(each, addresses):
            if name in found:
                continue
            if each.name and _leads(before, name, each.name):
                notes.add(
                    where,
                    f"a subtask of {each.name} waits for task {name}, which itself waits for {each.name}: ignored",
                )
                continue
            found[name] = where
            if each.name:
                before[each.name].add(name)
    return tuple(
        evolve(
            entry,
            task=evolve(
                entry.task,
                depends_on=tuple(DeclaredDependency(task=ids[name], source=where) for name, where in found.items()),
            ),
        )
        for entry, found in zip(entries, waits, strict=True)
    )


def _declared(raw: _Raw, addresses: Addresses, notes: Notes) -> Iterator[tuple[str, str]]:
    """(task, place) of what the task itself waits for."""
    called = f"task {raw.name}" if raw.name else "a task without an id"
    seen = set()
    for name, node in names_in(raw.fields, notes):
        address = addresses.find(name)
        if address is None:
            notes.add(node.where, f"{called} depends on {name!r}, which is no task here: ignored")
        elif address.task == raw.name:
            what = "a part of itself" if address.step else "itself"
            notes.add(node.where, f"{called} depends on {what} ({name}): ignored")
        elif address.task not in seen:
            if address.missing:
                notes.add(node.where, f"there is no subtask {name}: taken as task {address.task}")
            seen.add(address.task)
            yield address.task, node.where


def _lifted(raw: _Raw, addresses: Addresses) -> Iterator[tuple[str, str]]:
    """(task, place) of what only the steps of a task wait for."""
    quiet = Notes()
    for own, _ in raw.subtasks:
        for name, node in names_in(own, quiet):
            address = _looked_up(addresses, raw.name, name)
            if address is not None and address.task != raw.name:
                yield address.task, node.where


def _leads(before: dict[str, set[str]], start: str, goal: str) -> bool:
    """Whether ``start`` waits for ``goal``, directly or not."""
    stack, seen = [start], {start}
    while stack:
        name = stack.pop()
        if name == goal:
            return True
        fresh = before.get(name, set()) - seen
        seen |= fresh
        stack.extend(fresh)
    return False
