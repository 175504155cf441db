"""A command's SOURCE: a specification that is planned, or a plan file that is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from ..dispatcher import AgentDispatcher
    from ..models import ExecutionPlan

__all__ = ["is_plan_file", "load_plan"]

#: A plan says what it is in its first key, so a bounded look is enough.
_LOOK_BYTES = 4096


def is_plan_file(path: Path) -> bool:
    """Whether the file says that its ``format`` is ``agent-dispatcher/plan``."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_LOOK_BYTES)
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"agent-dispatcher/plan"' in head


def load_plan(dispatcher: AgentDispatcher, source: str) -> ExecutionPlan:
    """The plan that SOURCE means.

    Raises:
        UsageError: nothing is there.
    """
    path = Path(source)
    if not path.exists():
        raise UsageError(f"{source}: there is no such file or folder")
    if is_plan_file(path):
        return dispatcher.read_plan(path)
    return dispatcher.plan(path)
