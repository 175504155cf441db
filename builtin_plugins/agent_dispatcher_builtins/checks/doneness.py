"""The check ``doneness``: what an agent handed in is work. No empty result, no stub, no weakened test, no test that cannot fail.

It judges every agent's result alike, by :mod:`agent_dispatcher_builtins.doneness`; what is refused is shown with the difference to before.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterable, Mapping
from itertools import islice

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.extension import CheckContext, Objection
from agent_dispatcher.models import Evidence, ExecutionPlan, Task
from agent_dispatcher.workspace.path_guard import GuardedFolder

from ..doneness.judging import WORK, concerns, objections_to
from ..doneness.moves import moved
from .evidence import evidence

__all__ = ["DonenessCheck"]

_NAME = "doneness"
_MAX_SHOWN = 5
_MAX_DIFF_LINES = 400
#: Lines of both; to compare takes time by their product.
_MOST_COMPARED = 20_000


class DonenessCheck:
    """See :class:`agent_dispatcher.extension.Check`."""

    needs_sandbox = False

    @staticmethod
    def needs_files(task_type: str) -> bool:
        """Of a task whose result is files, that there are none is what there is to say."""
        return task_type not in WORK

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        """To every task that may change files, whatever its type; one whose result is files is asked only if anything was asked of it: a task of a
        graph made by hand that names nothing is recorded unchecked."""
        return task is not None and (task.type not in WORK or bool(task.produces or task.verifies or task.requirements))

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        """Read the changed files as they are and as they were; runs nothing."""
        assert task is not None
        folder = GuardedFolder(context.tree.path)
        paths = {path for change in context.tree.changes for path in change.paths}
        changed = sorted(path for path in paths if concerns(task, path, context.language))

        def now(path: str) -> bytes | None:
            try:
                return folder.read_bytes(path)
            except (FileNotFoundError, PathRefused):
                return None

        found = await objections_to(
            task, changed, now=now, before=context.before, language=context.language, tree=folder.files
        )
        if found:
            summary = "; ".join(map(str, found[:_MAX_SHOWN]))
            if len(found) > _MAX_SHOWN:
                summary += f"; and {len(found) - _MAX_SHOWN} more"
        elif changed:
            summary = f"{len(changed)} changed file{'s' if len(changed) != 1 else ''}, no stub, no weaker test"
        else:
            summary = "nothing was changed: everything it promises was there already"
        return evidence(
            task,
            context,
            _NAME,
            passed=not found,
            summary=summary,
            nothing=not changed and task.type not in WORK,
            log=await self._log(found, context, folder, await moved(changed, now, context.before)),
            details={"files": len(changed), "objections": [_data(each) for each in found]},
        )

    async def _log(
        self, found: Iterable[Objection], context: CheckContext, folder: GuardedFolder, moved: Mapping[str, str]
    ) -> str:
        """The objections, and of each file with weaker tests the difference."""
        lines = [str(each) for each in found]
        for path in dict.fromkeys(each.path for each in found if each.kind in ("weakened", "changed", "touched")):
            if context.before is None:
                break
            origin = moved.get(path, path)
            old = (await context.before(origin) or b"").decode("utf-8", "replace").splitlines()
            data = folder.read_bytes(path) if folder.exists(path) else b""
            new = data.decode("utf-8", "replace").splitlines()
            if len(old) + len(new) > _MOST_COMPARED:
                lines += ["", f"{path}: {len(old)} lines before, {len(new)} after, too many to show the difference"]
                continue
            difference = difflib.unified_diff(old, new, f"before/{origin}", f"after/{path}", lineterm="")
            lines += ["", *(await asyncio.to_thread(list, islice(difference, _MAX_DIFF_LINES)))]
        return "\n".join(lines)


def _data(objection: Objection) -> dict[str, object]:
    return {"kind": objection.kind, "path": objection.path, "line": objection.line, "what": objection.what}
