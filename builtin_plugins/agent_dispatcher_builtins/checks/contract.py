"""The check ``contract``: what a task promised is in the tree, and it left other tasks' tests alone."""

from __future__ import annotations

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.extension import CheckContext
from agent_dispatcher.extension.components import Language
from agent_dispatcher.models import Evidence, ExecutionPlan, Task
from agent_dispatcher.workspace.path_guard import GuardedFolder

from ..doneness.belonging import beside_tests
from ..doneness.collecting import configures
from .evidence import WORK_TYPES, evidence

__all__ = ["ContractCheck"]

_NAME = "contract"


class ContractCheck:
    """See :class:`agent_dispatcher.extension.Check`."""

    needs_files = True
    needs_sandbox = False

    def __init__(self) -> None:
        self._index: tuple[ExecutionPlan, dict[str, str]] | None = None

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        """To every task, whatever its type: each may promise files, and each could touch tests."""
        return task is not None

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        """Compare the promises with the tree; reads files, runs nothing."""
        assert task is not None
        language = context.language
        folder = GuardedFolder(context.tree.path)
        paths = [ref.name for ref in task.produces if ref.type == "path"]
        symbols = [ref for ref in task.produces if ref.type == "symbol"]
        changed = {path for change in context.tree.changes for path in change.paths}
        faults = [f"promised file {path} is missing" for path in paths if not _there(folder, path)]
        if language is not None and symbols:
            faults += [
                f"promised {name} is not defined" for name in language.missing_symbols(context.tree.path, symbols)
            ]
        owners = self._owners(context.plan)
        if language is not None:
            faults += [
                f"{path} is a test of task {owners[path]} and was changed"
                for path in sorted(changed)
                if path in owners and path not in paths and _is_of_tests(path, language)
            ]
            written = [path for path in (*paths, *sorted(changed)) if language.is_test(path) and _there(folder, path)]
            if task.type == "testing" and (paths or changed) and not written:
                faults.append("a task that writes tests left no test file")
        asked = task.type in WORK_TYPES or task.type == "review"
        nothing = not paths and not symbols and not (changed and asked)
        summary = "; ".join(faults) or (
            f"{len(paths)} file{'s' if len(paths) != 1 else ''} and {len(symbols)} symbol{'s' if len(symbols) != 1 else ''} as promised"
        )
        return evidence(
            task,
            context,
            _NAME,
            passed=not faults,
            summary=summary,
            log="\n".join(faults),
            nothing=nothing and not faults,
            details={"paths": len(paths), "symbols": len(symbols), "faults": list(faults)},
        )

    def _owners(self, plan: ExecutionPlan) -> dict[str, str]:
        """Promised path to the task that promises it (the first, if there are several); built once per plan."""
        if self._index is None or self._index[0] is not plan:
            owners: dict[str, str] = {}
            for task in plan.tasks:
                for ref in task.produces:
                    if ref.type == "path":
                        owners.setdefault(ref.name, task.id)
            self._index = (plan, owners)
        return self._index[1]


def _is_of_tests(path: str, language: Language) -> bool:
    """A file of tests, or one that lies beside them; what configures more than tests may be changed by others."""
    return language.is_test(path) or (beside_tests(path) and not configures(path))


def _there(folder: GuardedFolder, path: str) -> bool:
    try:
        return folder.exists(path)
    except PathRefused:
        return False
