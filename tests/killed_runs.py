"""What the programs share that kill runs at failpoints and look at what the next process makes of them.

They are ``core/coordination/crashing/driver.py`` and ``builtin_plugins/workspaces/writers/driver.py``; each puts this folder on its path. A program
imports everything once and forks a child for each process of a run, so that a kill costs milliseconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from agent_dispatcher.agents import AgentContext
from agent_dispatcher.coordination.state_manager import StateManager
from agent_dispatcher.extension import Opened
from agent_dispatcher.failpoints import read_environment
from agent_dispatcher.models import Event, Specification, Task
from agent_dispatcher.workspace.agent_workspace import GuardedWorkspace
from agent_dispatcher_builtins.stores.sql import SqlStore

#: Exit status of a child whose work raised.
BROKE_DOWN = 1


def fork(work: Callable[[], int], failpoints: str = "") -> int:
    """Do ``work`` in a child, which exits with what it returns; the child's process id."""
    pid = os.fork()
    if pid == 0:
        os.environ["AD_FAILPOINTS"] = failpoints
        read_environment()
        code = BROKE_DOWN
        try:
            code = work()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return pid


def end_of(pid: int) -> int:
    """Wait for a child; its exit status (-9: killed)."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def git(folder: Path, *arguments: str) -> str:
    """What git says in ``folder``."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def log_of(output: Path, run: str) -> list[Event]:
    """Everything that is recorded of a run."""
    with closing(SqlStore(output / ".dispatcher")) as store:
        return list(store.read(run))


def sealed_refs(output: Path) -> dict[str, str]:
    """Sealed work that has not landed: ref to commit."""
    if not (output / ".git").exists():
        return {}
    lines = git(output, "for-each-ref", "--format=%(refname) %(objectname)", "refs/dispatcher").split("\n")
    return dict(line.split() for line in lines if line)


def last_hits(trace: Path) -> dict[str, int]:
    """Name of each failpoint that a traced run passed to the number of its last hit."""
    hits: dict[str, int] = {}
    for line in trace.read_text().split():
        name, _, hit = line.partition(":")
        hits[name] = max(int(hit), hits.get(name, 0))
    return hits


def record_beginning(state: StateManager, facts: Callable[[], Mapping[str, Any]]) -> None:
    """Record that the run begins, with ``facts``, or that this process goes on with it."""
    if any(event.type == "run.started" for event in state.events()):
        state.append("run.resumed", data={"owner": "driver", "epoch": state.lease.epoch})
    else:
        state.append("run.started", data=dict(facts()))
    state.flush()


def contexts_of(run: str, specification: Specification) -> Callable[..., AgentContext]:
    """What a coordinator is given to make the contexts of its agents: a folder and no sandbox, as nothing here runs commands."""

    def context_for(task: Task, attempt: int, opened: Opened, feedback: str, /, **own: Any) -> AgentContext:
        return AgentContext(
            run=run,
            attempt=attempt,
            task=task.id,
            specification=specification,
            workspace=GuardedWorkspace(opened.path),
            sandbox=None,  # type: ignore[arg-type]
            feedback=feedback,
            **own,
        )

    return context_for
