"""The check ``compile``: changed and promised source files are well-formed, and what a changed manifest asks for can be had and is allowed."""

from __future__ import annotations

from agent_dispatcher.extension import CheckContext, Limits
from agent_dispatcher.extension.components import Declaring
from agent_dispatcher.models import Evidence, ExecutionPlan, Task
from agent_dispatcher.workspace.path_guard import GuardedFolder

from .evidence import evidence

__all__ = ["CompileCheck"]

_NAME = "compile"
_MAX_SHOWN = 5


class CompileCheck:
    """See :class:`agent_dispatcher.extension.Check`."""

    needs_files = True

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        """To every task, whatever its type: one that changed no source file is nothing to look at."""
        return task is not None

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        """Compile them in the sandbox."""
        language = context.language
        if language is None or task is None:
            return evidence(task, context, _NAME, passed=True, summary="no language is active", nothing=True)
        folder = GuardedFolder(context.tree.path)
        named = {path for change in context.tree.changes for path in change.paths}
        named |= {ref.name for ref in task.produces if ref.type == "path"}
        files = sorted(path for path in named if language.is_source(path) and folder.exists(path))
        asking = isinstance(language, Declaring) and any(language.declares(path) for path in named)
        if not files and not asking:
            return evidence(task, context, _NAME, passed=True, summary="no source files", nothing=True)
        environment = await language.environment(context.tree.path)  # refuses packages that nobody allowed
        if not files:
            return evidence(task, context, _NAME, passed=True, summary="the packages it asks for can be had")
        done = await context.sandbox.run(
            language.compile_command(files),
            cwd=context.tree.path,
            read_only=(context.tree.path, *environment.read_only),
            env=environment.env,
            limits=Limits(timeout_s=60.0),
        )
        if done.code == 0:
            summary = f"{len(files)} file{'s' if len(files) != 1 else ''} well-formed"
        else:
            faults = (done.stdout or done.stderr).strip().splitlines()
            summary = "; ".join(faults[:_MAX_SHOWN]) or f"the compiler ended with code {done.code}"
            if done.limit_hit:
                summary = f"the compiler was stopped ({done.limit_hit})"
        return evidence(
            task,
            context,
            _NAME,
            passed=done.code == 0,
            summary=summary,
            log=done.stdout + done.stderr,
            details={"files": len(files), **({"environment": environment.about} if environment.about else {})},
        )
