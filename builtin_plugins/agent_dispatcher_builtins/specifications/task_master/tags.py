"""Which list of tasks a file means: the flat one, or that of one tag."""

from __future__ import annotations

from collections.abc import Mapping

from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.safe_load import Located

__all__ = ["DEFAULT_TAG", "choose_tag", "listed", "lists_by_tag"]

DEFAULT_TAG = "master"


def lists_by_tag(root: Located) -> dict[str, Located]:
    """Tag to its mapping (which has ``tasks``), in the order of the file. A flat file is one tag, ``master``.

    Raises:
        SpecificationError: there is no list of tasks in it.
    """
    if isinstance(root.value, tuple):
        return {DEFAULT_TAG: Located({"tasks": root}, root.place, root.source, keys={"tasks": root.place})}
    if not isinstance(root.value, dict):
        raise SpecificationError(Problem(f"tasks.json must be a mapping, not {root.kind}", root.where))
    found: dict[str, Located] = {}
    for tag, node in root.value.items():
        if isinstance(node.value, dict) and "tasks" in node.value:
            found[tag] = node
    flat = root.value.get("tasks")
    if flat is not None and not isinstance(flat.value, dict):
        found["(no tag)" if DEFAULT_TAG in found else DEFAULT_TAG] = root
    if not found:
        raise SpecificationError(
            Problem(
                "there is no list of tasks in this file",
                root.where,
                'write {"master": {"tasks": [...]}}, or {"tasks": [...]}',
            )
        )
    return found


def listed(found: Mapping[str, Located], tag: str) -> tuple[Located, ...]:
    """The tasks of a tag as they stand in the file.

    Raises:
        SpecificationError: they are no list, or there are none.
    """
    node = found[tag]
    assert isinstance(node.value, dict)
    tasks = node.value["tasks"]
    if tasks.value is not None and not isinstance(tasks.value, tuple):
        raise SpecificationError(Problem(f"'tasks' of the tag {tag!r} must be a list, not {tasks.kind}", tasks.where))
    if not tasks.value:
        others = [f"{other} ({_size(each)})" for other, each in found.items() if other != tag]
        remedy = f"choose another tag: {', '.join(others)}" if others else "add tasks to it"
        raise SpecificationError(Problem(f"the tag {tag!r} has no tasks", tasks.where, remedy))
    assert isinstance(tasks.value, tuple)
    return tasks.value


def choose_tag(
    found: Mapping[str, Located], wanted: str, current: tuple[str, str], shown: str
) -> tuple[str, list[str]]:
    """The tag to read.

    Args:
        found: what :func:`lists_by_tag` gave.
        wanted: the tag the configuration asks for, ``""`` for none.
        current: the tag the project is set to and where that stands, ``("", "")`` for none.
        shown: the file, as messages call it.

    Returns:
        The tag, and a warning that names the others where there are some.

    Raises:
        SpecificationError: the configured tag is not there.
    """
    if wanted:
        if wanted not in found:
            raise SpecificationError(
                Problem(f"there is no tag {wanted!r}", shown, f"its tags: {', '.join(found)}"),
            )
        return wanted, _others(found, wanted, "the configuration says so", shown)
    tag, why = current
    warnings = []
    if tag and tag not in found:
        warnings.append(f"{shown}: there is no tag {tag!r}, which {why} names")
    if tag not in found:
        tag, why = (DEFAULT_TAG, "it is the default")
    if tag not in found:
        tag, why = next(iter(found)), "it is the first"
    return tag, [*warnings, *_others(found, tag, why, shown)]


def _others(found: Mapping[str, Located], tag: str, why: str, shown: str) -> list[str]:
    others = [f"{other} ({_size(node)})" for other, node in found.items() if other != tag]
    if not others:
        return []
    return [
        f"{shown}: only the tasks of the tag {tag!r} are read, as {why}; the others: {', '.join(others)} "
        '(choose with [options."specification_format:task-master"] tag = "...")'
    ]


def _size(node: Located) -> int:
    tasks = node.value["tasks"] if isinstance(node.value, dict) else node
    return len(tasks.value) if isinstance(tasks.value, tuple) else 0
