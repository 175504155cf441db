"""Reads a patch from a file: JSON when its name ends in ``.json``, else YAML.

The keys are those of :class:`agent_dispatcher.models.PlanPatch`, and of a task in the plan JSON. Besides: a task needs an ``id`` or a ``title``, and
the other is made of it; a dependency is a list of two names or a mapping; a name may be written as a number (``2.3``). Whatever
is wrong is said at once, each with ``file:line``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from re import sub
from typing import Any

from ..codec import StructureError, read
from ..errors import PlanError, Problem, SpecificationError
from ..models import PlanPatch
from ..safe_load import Located, load_json, load_yaml, read_text

__all__ = ["FORMAT", "VERSION", "read_patch"]

FORMAT = "agent-dispatcher/patch"
VERSION = 1

#: Keys of a task whose values are names, or lists of names.
_NAMES = ("id", "source_id", "requirements", "verifies")


def read_patch(path: Path) -> PlanPatch:
    """The patch in a file.

    Raises:
        UsageError: there is no such file.
        PlanError: it is not readable, or no patch; every problem.
    """
    shown = str(path)
    try:
        text = read_text(path)
        root = load_json(text, shown) if path.suffix.lower() == ".json" else load_yaml(text, shown)
    except SpecificationError as error:
        raise PlanError(error.problems) from error
    if not isinstance(root.value, dict):
        remedy = "begin with keys such as add, remove, split or reroute"
        raise PlanError(Problem(f"a patch is a mapping, and this is {root.kind}", root.where, remedy))
    _check_version(root, shown)
    data = {key: _plain(key, value) for key, value in root.value.items() if key not in ("format", "version")}
    try:
        return read(data, PlanPatch)
    except StructureError as error:
        problems = [
            Problem(
                f"{fault.at}: {fault.message}" if fault.path else fault.message, _where(root, fault.path), fault.remedy
            )
            for fault in error.faults
        ]
        raise PlanError(problems, f"{shown} is no patch:") from error


def _check_version(root: Located, shown: str) -> None:
    assert isinstance(root.value, dict)
    for key, wanted in (("format", FORMAT), ("version", VERSION)):
        found = root.value.get(key)
        if found is not None and found.value != wanted:
            what = f"the {key} of this file is {found.text or found.kind}, and that of a patch is {wanted}"
            raise PlanError(Problem(what, found.where))


def _plain(key: str, value: Located) -> Any:
    """One key of the patch as plain values, names as texts and shorthands written out. What does not fit is left for the reading."""
    match key:
        case "add":
            return [_task(each) for each in _items(value)] if _is_list(value) else value.plain()
        case "split":
            return [_split(each) for each in _items(value)] if _is_list(value) else value.plain()
        case "add_dependencies" | "remove_dependencies":
            return [_pair(each) for each in _items(value)] if _is_list(value) else value.plain()
        case "reroute" | "why" | "remove":
            return _named(value)
        case _:
            return value.plain()


def _task(value: Located, *, part: bool = False) -> Any:
    if not isinstance(value.value, dict):
        return value.plain()
    task = {key: _named(each) if key in _NAMES else each.plain() for key, each in value.value.items()}
    if "depends_on" in value.value and _is_list(value.value["depends_on"]):
        task["depends_on"] = [
            each.plain() if isinstance(each.value, dict) else {"task": _named(each), "source": each.where}
            for each in _items(value.value["depends_on"])
        ]
    if isinstance(task.get("title"), str) and task["title"]:
        task.setdefault("id", sub(r"[^a-z0-9]+", "-", task["title"].lower()).strip("-")[:60])
    if isinstance(task.get("id"), str):
        task.setdefault("title", task["id"])
    if part:
        task.setdefault("type", "")
    task.setdefault("source", value.where)
    return task


def _split(value: Located) -> Any:
    if not isinstance(value.value, dict):
        return value.plain()
    split = {key: _named(each) for key, each in value.value.items()}
    if "into" in value.value and _is_list(value.value["into"]):
        split["into"] = [_task(each, part=True) for each in _items(value.value["into"])]
    return split


def _pair(value: Located) -> Any:
    if _is_list(value) and len(_items(value)) == 2:
        before, after = map(_named, _items(value))
        return {"before": before, "after": after}
    if isinstance(value.value, dict):
        return {key: _named(each) for key, each in value.value.items()}
    return value.plain()


def _named(value: Located) -> Any:
    """Numbers as they were written, in lists and mappings too."""
    match value.value:
        case bool() | None:
            return value.plain()
        case int() | float():
            return value.text
        case tuple() as items:
            return [_named(each) for each in items]
        case dict() as mapping:
            return {key: _named(each) for key, each in mapping.items()}
        case text:
            return text


def _is_list(value: Located) -> bool:
    return isinstance(value.value, tuple)


def _items(value: Located) -> Sequence[Located]:
    return value.value if isinstance(value.value, tuple) else ()


def _where(root: Located, path: Sequence[str | int]) -> str:
    """The place of the innermost value on the path that is in the file."""
    found, where = root, root.where
    for step in path:
        inner = found.value
        if isinstance(inner, Mapping) and step in inner:
            where = found.key_where(str(step))
            found = inner[str(step)]
        elif isinstance(inner, tuple) and isinstance(step, int) and step < len(inner):
            found = inner[step]
            where = found.where
        else:
            break
    return where
