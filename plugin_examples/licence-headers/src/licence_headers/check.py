"""The check: what the agent says is looked at in the tree that is to land."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

from agent_dispatcher import ExecutionPlan, Task
from agent_dispatcher.extension import CheckContext
from agent_dispatcher.models import Evidence

from .agent import TASK_TYPE, promised
from .headers import LOOK_AT_BYTES, Header, is_source

__all__ = ["NAME", "LicenceHeadersCheck"]

NAME = "licence-headers"
_SHOWN = 5


class LicenceHeadersCheck:
    """Reads the beginning of files and runs nothing. The finished whole is checked when the plan has a task for headers."""

    def __init__(self, header: Header) -> None:
        self._header = header

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        """To tasks of this package's type, and to the whole of a plan that has any."""
        return any(each.type == TASK_TYPE for each in (plan.tasks if task is None else (task,)))

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        """Every file the task is about carries the header; for ``None`` every file any such task was about, on the way: of those that have landed."""
        there = (each for each in context.plan.tasks if not context.on_the_way or each.id in context.landed)
        tasks = [each for each in there if each.type == TASK_TYPE] if task is None else [task]
        named = [promised(each) for each in tasks]
        wanted = frozenset(path for paths in named for path in paths) if all(named) else None
        looked_at, bare = await asyncio.to_thread(self._look, context.tree.path, wanted)
        subject = "whole" if task is None else f"{task.id}-{context.attempt}"
        return Evidence(
            id=f"{subject}-{NAME}",
            check=NAME,
            passed=not bare,
            tree=context.tree.tree,
            summary=_refusal(bare) if bare else f"{looked_at} source files carry the header",
            proof=not bare and bool(tasks),
            details={"files": looked_at, "without_header": list(bare), "vacuous": not tasks},
        )

    def _look(self, root: Path, wanted: frozenset[str] | None) -> tuple[int, tuple[str, ...]]:
        """How many files were looked at, and which of them have no header (or are not there), sorted."""
        paths = sorted(_sources(root) if wanted is None else wanted)
        return len(paths), tuple(path for path in paths if not self._is_on(root, path))

    def _is_on(self, root: Path, path: str) -> bool:
        file = root / path
        if file.is_symlink() or not file.is_file() or not file.resolve().is_relative_to(root.resolve()):
            return False
        with file.open("rb") as stream:
            return self._header.is_on(path, stream.read(LOOK_AT_BYTES))


def _sources(root: Path) -> Iterator[str]:
    """Source files below ``root``, ``/`` separated; links are not followed."""
    for folder, _, names in os.walk(root):
        for name in names:
            file = Path(folder, name)
            path = file.relative_to(root).as_posix()
            if is_source(path) and not file.is_symlink():
                yield path


def _refusal(bare: tuple[str, ...]) -> str:
    more = f" and {len(bare) - _SHOWN} more" if len(bare) > _SHOWN else ""
    return f"no licence header on {', '.join(bare[:_SHOWN])}{more}"
