"""A plan as a specification in the native format: YAML in which every text stands in quotes, so that nothing in it is taken for anything else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from agent_dispatcher.models import ExecutionPlan, Requirement, Scenario, Specification, Task

from ..rendering import flat, names_for, origin, waits
from .prose import slug

__all__ = ["render_plan"]

_ANY = re.compile(r"\S(?:.*\S)?")
_UNQUOTED = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*")
_RESERVED = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))
#: What YAML does not allow between quotes, or takes for the end of a line.
_ESCAPED = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_TASK = Task(id="default", title="")

_Value = str | int | float | bool | Sequence["_Value"] | Mapping[str, "_Value"]


def render_plan(plan: ExecutionPlan) -> dict[str, str]:
    """``specification.yaml``."""
    lines = [f"# {_comment(origin(plan))}", "format: agent-dispatcher/specification", "version: 1"]
    for key, value in _document(plan).items():
        if value not in ("", [], {}):
            lines += _lines(key, value, "")
    return {"specification.yaml": "\n".join(lines) + "\n"}


def _document(plan: ExecutionPlan) -> dict[str, _Value]:
    specification = plan.specification
    title = flat(specification.title) or "Plan"
    return {
        "title": title,
        "package": _package(specification, title),
        "summary": flat(specification.summary),
        "language": flat(specification.language),
        "tags": [flat(tag) for tag in specification.tags],
        "glossary": {flat(term): flat(meaning) for term, meaning in specification.glossary.items() if flat(meaning)},
        "requirements": [_requirement(each) for each in specification.requirements],
        "tasks": list(_tasks(plan)),
    }


def _package(specification: Specification, title: str) -> str:
    """Given where none can be made of the title (``2048``, ``図書館``)."""
    from agent_dispatcher.behaviour import is_name

    return "" if is_name(slug(title).replace("-", "_")) else "package"


def _requirement(each: Requirement) -> dict[str, _Value]:
    found: dict[str, _Value] = {"id": flat(each.id), "text": flat(each.text) or flat(each.id)}
    if each.priority != "medium":
        found["priority"] = each.priority
    if each.scenarios:
        found["scenarios"] = [_scenario(scenario) for scenario in each.scenarios]
    for key, texts in (("edge_cases", each.edge_cases), ("constraints", each.constraints)):
        if texts:
            found[key] = [flat(text) for text in texts]
    return found


def _scenario(each: Scenario) -> dict[str, _Value]:
    found: dict[str, _Value] = {"title": flat(each.title)} if each.title else {}
    for key, texts in (("given", each.given), ("when", each.when), ("then", each.then)):
        if texts:
            found[key] = [flat(text) for text in texts]
    return found


def _tasks(plan: ExecutionPlan) -> Iterator[dict[str, _Value]]:
    names = {task: flat(name) for task, name in names_for(plan.tasks, _ANY, lambda number: f"task-{number}").items()}
    known = {requirement.id for requirement in plan.specification.requirements}
    before = waits(plan, families=True)
    for task in plan.tasks:
        served = [flat(each) for each in task.requirements if each in known]
        yield {key: value for key, value in _task(task, names, before[task.id], served) if value not in ("", [])}


def _task(
    task: Task, names: Mapping[str, str], before: Iterable[str], served: Sequence[_Value]
) -> Iterator[tuple[str, _Value]]:
    def named(ids: Iterable[str]) -> list[_Value]:
        return [names[each] for each in ids if each in names and each != task.id]

    yield "id", names[task.id]
    yield "title", flat(task.title) or names[task.id]
    yield "description", task.description.strip()
    yield "type", task.type
    yield "status", "" if task.status == _TASK.status else task.status
    yield "requirements", served
    yield "depends_on", named(before)
    yield "verifies", named(task.verifies)
    yield "produces", [{each.type: each.name} for each in task.produces]
    yield "consumes", [{each.type: each.name} for each in task.consumes]
    yield "group", flat(task.group)
    yield "steps", _steps(task)
    yield "children", named(task.children)
    if task.optional:
        yield "optional", True
    for key in ("complexity", "priority", "estimate_s"):
        value = getattr(task, key)
        if value != getattr(_TASK, key):
            yield key, value


def _steps(task: Task) -> list[_Value]:
    """Texts, or where one of them is done or under way mappings with a status."""
    if all(each.status == "pending" for each in task.steps):
        return [flat(each.title) for each in task.steps]
    return [{"title": flat(each.title), "status": each.status} for each in task.steps]


# --- YAML -------------------------------------------------------------------------------------------------------------


def _lines(key: str, value: _Value, indent: str) -> Iterator[str]:
    """A key with its value; lists of mappings as blocks, everything else on one line."""
    if isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value) and not _short(value):
        yield f"{indent}{_key(key)}:"
        for item in value:
            assert isinstance(item, Mapping)
            marker = "- "
            for name, inner in item.items():
                yield from _marked(_lines(name, inner, f"{indent}    "), f"{indent}  {marker}", len(indent) + 4)
                marker = "  "
    elif isinstance(value, Mapping) and not _short([value]):
        yield f"{indent}{_key(key)}:"
        for name, inner in value.items():
            yield from _lines(name, inner, f"{indent}  ")
    else:
        yield f"{indent}{_key(key)}: {_inline(value)}"


def _marked(lines: Iterable[str], marker: str, width: int) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield marker + line[width:] if number == 0 else line


def _short(value: Sequence[_Value]) -> bool:
    return all(not isinstance(item, Mapping) or (len(item) == 1 and isinstance(next(iter(item.values())), str)) for item in value)  # fmt: skip


def _inline(value: _Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case int() | float():
            return repr(value)
        case Mapping():
            return "{" + ", ".join(f"{_key(key)}: {_inline(item)}" for key, item in value.items()) + "}"
        case _:
            return "[" + ", ".join(_inline(item) for item in value) + "]"


def _text(value: str) -> str:
    if _UNQUOTED.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    return _ESCAPED.sub(lambda found: _escape(found.group()), json.dumps(value, ensure_ascii=False))


def _key(name: str) -> str:
    """A key longer than YAML allows on one line is none that anybody wrote; a quoted one holds anything else."""
    return _text(name)


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _comment(text: str) -> str:
    return _ESCAPED.sub("?", text)
