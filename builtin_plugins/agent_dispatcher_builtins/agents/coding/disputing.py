"""An objection of a coding agent to a test: the last words of its turn, in a form that it is told of."""

from __future__ import annotations

from agent_dispatcher.models import Dispute, Task

from ...prompting.disputing import objection_in

__all__ = ["HOW_TO_DISPUTE", "dispute_in", "may_dispute"]

#: What an agent that may dispute is told.
HOW_TO_DISPUTE = """\
You may not change tests that others wrote. If one of them fails and contradicts the description, say so instead of working around it: end with one line
DISPUTE: <path of the test file>::<name of the test> "<the words of the description that it contradicts, as they stand there>"
Then what you wrote is thrown away, the test is looked at, and you begin again. Where the description is silent the test is right."""

#: Who writes tests or documents answers to no test.
_TYPES = frozenset({"code_writing", "debugging", "refactoring"})


def may_dispute(task: Task, feedback: str) -> bool:
    """Whether there is something to dispute: checks have refused work that tests are about. Who is told of it without need disputes what it finds hard."""
    return task.type in _TYPES and bool(feedback.strip())


def dispute_in(words: str, description: str, feedback: str) -> Dispute | None:
    """The objection that an agent ends with; ``None`` when there is none, it names no test of which ``feedback`` speaks, or quotes nothing of ``description``."""
    objection = objection_in(words)
    quote = objection.quote_of(description) if objection is not None else ""
    if objection is None or not quote or not objection.test or objection.test not in feedback:
        return None
    return Dispute(test=objection.test, quote=quote)
