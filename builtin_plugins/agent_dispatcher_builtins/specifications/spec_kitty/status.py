"""Writes what became of work packages where that is safe: the word behind ``lane:`` in a front matter, and no other byte."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.safe_load import Located, read_text

from ..in_place import Edit, apply, rewrite
from .lanes import LOG, PICTURE, Recorded, word_for
from .packages import WorkPackage
from .tasks import lane_of, task_ids

__all__ = ["write_status"]

_VALUE = re.compile(r"""(?P<quote>["']?)(?P<word>[\w-]*)(?P=quote)""")


def write_status(
    mission: Path, packages: Sequence[WorkPackage], recorded: Recorded, statuses: Mapping[str, str]
) -> None:
    """Set the lane of the work packages whose status differs.

    Args:
        packages: all of the mission.
        recorded: lanes as the log has them.
        statuses: by work package, or by id of its task; others stay as they are.

    Raises:
        SpecificationError: the lanes are kept in a log, or by folders: what only Spec Kitty itself may change.
        PathRefused: a file is a link.
    """
    ids = task_ids(packages)
    changes: list[tuple[WorkPackage, str]] = []
    for package in packages:
        wanted = statuses.get(package.id, statuses.get(ids[package.id]))
        word = word_for(wanted, lane_of(package, recorded)) if wanted is not None else None
        if word is not None:
            changes.append((package, word))
    problems = [
        Problem(why, package.where, f"spec-kitty agent tasks move-task {package.id} --to {word}")
        for package, word in changes
        if (why := _unsafe(mission, package))
    ]
    if problems:
        raise SpecificationError(problems)
    for package, word in changes:
        text = read_text(package.file, name=package.shown)
        rewrite(package.file, apply(text, [_edit(text, package, word)]), mission)


def _unsafe(mission: Path, package: WorkPackage) -> str:
    log = next((name for name in (LOG, PICTURE) if (mission / name).is_file()), None)
    if log is not None:
        return f"how far {package.id} is stands in {log}, which only Spec Kitty writes"
    if package.folder:
        return f"how far {package.id} is is said by its folder, which only Spec Kitty changes"
    node = package.fields.get("lane")
    if node is None or isinstance(node.value, dict | tuple):
        return f"{package.id} has no 'lane' that could say it"
    return ""


def _edit(text: str, package: WorkPackage, word: str) -> Edit:
    node = package.fields.get("lane")
    assert isinstance(node, Located)
    start = 0
    for _ in range(node.place.line - 1):
        start = text.index("\n", start) + 1
    found = _VALUE.match(text, start + node.place.column - 1)
    assert found is not None
    return Edit(found.start("word"), found.end("word"), word)
