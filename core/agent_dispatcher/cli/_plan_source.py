"""A command's SOURCE: a specification that is planned, or a plan file that is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .planning_progress import PlanningProgress

if TYPE_CHECKING:
    from ..dispatcher import AgentDispatcher
    from ..models import ExecutionPlan

__all__ = ["is_plan_file", "is_run", "load_plan", "plan_to_look_at"]

#: A plan says what it is in its first key, so a bounded look is enough.
_LOOK_BYTES = 4096


def is_plan_file(path: Path) -> bool:
    """Whether the file says that its ``format`` is ``agent-dispatcher/plan``."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_LOOK_BYTES)
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"agent-dispatcher/plan"' in head


def load_plan(dispatcher: AgentDispatcher, source: str, *, fresh: bool = False, quiet: bool = False) -> ExecutionPlan:
    """The plan that SOURCE means.

    Args:
        fresh: a model is asked whatever it has answered before.
        quiet: no sign of life while a model is asked.

    Raises:
        UsageError: nothing is there.
    """
    path = Path(source)
    if not path.exists():
        raise UsageError(f"{source}: there is no such file or folder")
    if is_plan_file(path):
        return dispatcher.read_plan(path)
    return dispatcher.plan(path, fresh=fresh, watch=None if quiet else PlanningProgress())


def is_run(source: str) -> bool:
    """Whether SOURCE can only be the id of a run, as there is no such file or folder."""
    return not Path(source).exists()


def plan_to_look_at(
    dispatcher: AgentDispatcher, source: str, output: str | None = None, *, quiet: bool = False
) -> ExecutionPlan:
    """The plan of a specification, a plan file or a run. A plan file is taken as it was written, whatever became of its specification.

    Args:
        output: where SOURCE, a run, works.
        quiet: no sign of life while a model is asked.

    Raises:
        UsageError: nothing is there.
    """
    path = Path(source)
    if output is not None:
        return dispatcher.plan_of(source, output)
    if is_run(source):
        if path.suffix or len(path.parts) > 1:
            raise UsageError(f"{source}: there is no such file or folder")
        try:
            return dispatcher.plan_of(source)
        except UsageError as error:
            raise UsageError(f"{source} is no file or folder, and no run: {error}") from error
    if not is_plan_file(path):
        return dispatcher.plan(path, watch=None if quiet else PlanningProgress())
    from ..planning.plan_json import plan_as_written
    from ..safe_load import plain_json, read_text

    return plan_as_written(plain_json(read_text(path), source=source), plan_path=path)
