"""An objection of a coding agent to a test: the last words of its turn, in a form that it is told of."""

from __future__ import annotations

import re

from agent_dispatcher.models import Dispute, Task
from agent_dispatcher.planning.disputes import stands_in

__all__ = ["HOW_TO_DISPUTE", "dispute_in", "may_dispute"]

#: What an agent that may dispute is told.
HOW_TO_DISPUTE = """\
You may not change tests that others wrote. If one of them fails and contradicts the description, say so instead of working around it: end with one line
DISPUTE: <path of the test file>::<name of the test> "<the words of the description that it contradicts, as they stand there>"
Then what you wrote is thrown away, the test is looked at, and you begin again. Where the description is silent the test is right."""

_DISPUTE = re.compile(r"^[\s>*`]*DISPUTE:\s*(?P<test>\S+)(?P<why>.*)\Z", re.DOTALL | re.MULTILINE)
_QUOTED = re.compile(r"[\"“”](.{8,400}?)[\"“”]", re.DOTALL)
#: Who writes tests or documents answers to no test.
_TYPES = frozenset({"code_writing", "debugging", "refactoring"})


def may_dispute(task: Task, feedback: str) -> bool:
    """Whether there is something to dispute: checks have refused work that tests are about. Who is told of it without need disputes what it finds hard."""
    return task.type in _TYPES and bool(feedback.strip())


def dispute_in(words: str, description: str, feedback: str) -> Dispute | None:
    """The objection that an agent ends with; ``None`` when there is none, it names no test of which ``feedback`` speaks, or quotes nothing of ``description``."""
    found = _DISPUTE.search(words)
    if found is None:
        return None
    test = found["test"].strip("`'\".,:")
    quotes = [quote for quote in _QUOTED.findall(found["why"]) if stands_in(quote, description)]
    if not quotes or not test or test not in feedback:
        return None
    return Dispute(test=test, quote=" ".join(max(quotes, key=len).split()))
