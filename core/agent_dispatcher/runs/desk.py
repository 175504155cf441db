"""A run as other processes see it: what it waits for, who is at work on it, and requests to them.

Nothing here owns the run, so nothing here records: what is asked for is left in the store, and whoever owns the run (or owns it next) acts
on it.
"""

from __future__ import annotations

import getpass
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from ..coordination.approvals import approval, refusal
from ..coordination.patches import patch_request
from ..coordination.run_state import RunState, TaskState, fold
from ..coordination.state_manager import request
from ..errors import Held, UsageError
from ..extension.components import HolderTeller, Store
from ..models import Evidence, ExecutionPlan, PlanPatch, Task
from ..reporting import evidence_from_json

__all__ = ["FINISHED", "RunDesk", "Waiting"]

#: Statuses of runs that nothing can be asked of.
FINISHED = frozenset({"completed", "partial", "failed", "cancelled"})


@frozen(kw_only=True)
class Waiting:
    """Something that waits for a person.

    Attributes:
        task: whose work it is; ``None``: the plan.
        attempt: which attempt made the work.
        commit: the sealed work, ``base`` what it was made on.
        evidence: what the checks said about it.
        diff: a command that shows the work; ``""`` where there is none.
    """

    task: Task | None
    attempt: int = 0
    commit: str = ""
    base: str = ""
    evidence: tuple[Evidence, ...] = ()
    diff: str = ""

    @property
    def title(self) -> str:
        """What to call it."""
        return self.task.title if self.task is not None else "the plan"


@frozen(kw_only=True)
class RunDesk:
    """See the module's page.

    Attributes:
        output: the output folder.
        run: the run's id.
        plan: its plan.
        open_store: opens the store of the output folder; closed here after each use.
    """

    output: Path
    run: str
    plan: ExecutionPlan
    open_store: Callable[[], Store]

    def state(self) -> RunState:
        """What its log adds up to now."""
        with self._store() as store:
            return fold(store.read(self.run))

    def owner(self) -> Held | None:
        """The live process that owns the run; ``None`` when none does."""
        with self._store() as store:
            if isinstance(store, HolderTeller):
                return store.holder(self.run)
            try:
                store.release(store.acquire(self.run, me()))
            except Held as held:
                return held
            return None

    def waiting(self) -> tuple[Waiting, ...]:
        """What waits for a person, in the order of the plan."""
        state = self.state()
        if state.finished:
            return ()
        found = [Waiting(task=None)] if state.plan_approval == "requested" else []
        in_git = bool(state.started.get("branch"))
        for task in self.plan.tasks:
            known = state.task(task.id)
            if known.status == "in_progress" and known.phase == "sealed" and known.approval == "requested":
                found.append(self._waiting(task, known, in_git))
        return tuple(found)

    def answer(self, waiting: Waiting, *, refused: str | None = None) -> None:
        """Approve what waits, or with a reason refuse it. It counts even if no process is at work on the run now."""
        about = (waiting.task.id if waiting.task is not None else None, waiting.attempt, waiting.commit)
        task, attempt, commit = about
        if refused is None:
            command = approval(by=me(), task=task, attempt=attempt, commit=commit)
        else:
            command = refusal(by=me(), why=refused, task=task, attempt=attempt, commit=commit)
        with self._store() as store:
            request(store, self.run, command)

    def patch(self, patch: PlanPatch) -> str:
        """Ask for a change of the plan; returns the name of the request, for :meth:`answer_to`. It is decided by the process that is at work on
        the run, or by the next one.
        """
        name = secrets.token_hex(8)
        with self._store() as store:
            request(store, self.run, patch_request(patch, by=me(), name=name))
        return name

    def answer_to(self, name: str) -> dict[str, Any] | None:
        """What was decided: data of ``plan.patched``, or of ``patch.refused`` (it has ``problems``); ``None`` while nothing was."""
        return self.state().answers.get(name)

    def is_open(self, waiting: Waiting) -> bool:
        """Whether it still waits, and for the same work."""
        return any(
            (each.task, each.attempt, each.commit) == (waiting.task, waiting.attempt, waiting.commit)
            for each in self.waiting()
        )

    def ask(self, command: str) -> Held:
        """Ask the live owner to ``pause`` or ``cancel``; returns who that is.

        Raises:
            UsageError: nobody is at work on the run.
        """
        owner = self.owner()
        if owner is None:
            status = self.state().status
            state = (
                f"has ended ({status})"
                if status in FINISHED
                else "is paused"
                if status == "paused"
                else "was interrupted"
            )
            remedy = "" if status in FINISHED else f": 'agent-dispatcher resume {self.run}' goes on with it"
            raise UsageError(f"run {self.run} {state}, there is nobody to {command} it{remedy}")
        with self._store() as store:
            request(store, self.run, {"command": command, "by": me()})
        return owner

    def _waiting(self, task: Task, known: TaskState, in_git: bool) -> Waiting:
        commit, base = str(known.asked.get("commit", "")), str(known.asked.get("base", ""))
        return Waiting(
            task=task,
            attempt=known.attempts,
            commit=commit,
            base=base,
            evidence=tuple(evidence_from_json(one) for one in known.evidence),
            diff=f"git -C {self.output} diff {base[:12]} {commit[:12]}" if in_git and commit else "",
        )

    @contextmanager
    def _store(self) -> Iterator[Store]:
        store = self.open_store()
        try:
            yield store
        finally:
            store.close()


def me() -> str:
    """Who is asking: ``user@host``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "somebody"
    return f"{user}@{socket.gethostname()}"
