"""Checks: what runs on work before it lands, and passes or fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from attrs import frozen

from ...models import Evidence, ExecutionPlan, Task
from .languages import Language
from .sandboxes import Sandbox
from .workspaces import Tree

__all__ = ["Check", "CheckContext"]


@frozen(kw_only=True)
class CheckContext:
    """What a check works on.

    Attributes:
        tree: the staged tree; ``tree.path`` is the folder.
        sandbox: everything it runs goes through here.
        language: the active language.
        plan: the plan of the run.
        landed: ids of the tasks whose work is in the tree (the checked task included).
        log_dir: folder for full outputs; evidence names files in it, relative to ``run_dir``.
        run_dir: the folder evidence paths are relative to.
        on_the_way: of the whole: it is not finished, other work will follow; what is only worth knowing at the end can be left out.
        complete: beside ``on_the_way``: the tree holds the last work of the plan. A check that answers as it would about the finished whole may say so, by a
            true ``as_finished`` in the details of its evidence; if it passed it is not asked about the same tree again at the end.
        only: names of what failed, as the check gave them in its evidence (``failed`` in the details): the question is only whether these fail again,
            by themselves. A check that cannot look at a part looks at everything.
        before: the bytes a file has in what landed before this work, ``None`` where it has none; ``None`` itself where the workspace cannot tell.
    """

    tree: Tree
    sandbox: Sandbox
    language: Language | None
    plan: ExecutionPlan
    landed: frozenset[str]
    log_dir: Path
    run_dir: Path
    attempt: int = 1
    before: Callable[[str], Awaitable[bytes | None]] | None = None
    on_the_way: bool = False
    complete: bool = False
    only: tuple[str, ...] = ()


class Check(Protocol):
    """Something that runs and passes or fails.

    Two attributes are optional: ``needs_sandbox = False`` says that it only reads files, so that it works where no sandbox does;
    ``needs_files = True`` says that it has nothing to say about a task that promised, verified and changed no file; a function in its place
    says so of a task type. Such tasks are asked for by the hundred thousand.
    """

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        """Whether it has anything to say about this task (``None``: about the finished whole)."""
        ...

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        """Run it. A check that cannot run is evidence that did not pass, with the reason as its summary.

        About a whole tree, ``failed`` in the details names what failed, each as ``{"test": name, "message": why}``: only so can it be told from what
        was red before. One that could not say anything about the tree has a true ``could_not_run`` in the details.
        """
        ...
