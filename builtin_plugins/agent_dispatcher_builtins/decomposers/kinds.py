"""Which sort of work a requirement asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent_dispatcher.models import Requirement

from .prose import classify
from .wording import plain_text

__all__ = ["BUILDING", "MEASURED", "is_topic", "kind_of"]

#: Work that changes code.
BUILDING = frozenset(("code_writing", "refactoring", "debugging"))
#: What success is measured by: it is tested, nothing is written for it.
MEASURED = "measured"

_CRITERION = re.compile(r"^SC[-_ ]?\d", re.IGNORECASE)
#: Requirements that are only a heading for what hangs on them.
_TOPICS = (
    (
        "testing",
        re.compile(
            r"^(?:(?:automated|unit|integration) )?(?:testing|tests?|test coverage|quality assurance)\b", re.IGNORECASE
        ),
    ),
    ("documentation", re.compile(r"^(?:documentation|docs|user guide)\b", re.IGNORECASE)),
    ("deployment", re.compile(r"^(?:deployment|release|ci/cd)\b", re.IGNORECASE)),
)
#: A requirement about what a page tells. One that is read, or converted, is what a product works on.
_TELLS = r"(?:explain|describe|document|show|list|tell|say|introduce|cover|contain|mention|name|have|has)"
_PAGE = re.compile(
    rf"^(?:the\s+)?(?:(?:file|page)\s+)?[\w./-]*\w\.(?:md|rst|adoc)\s+(?:(?:must|shall|should|will)\s+)?{_TELLS}s?\b",
    re.IGNORECASE,
)


def kind_of(requirement: Requirement) -> str:
    """The task type of a requirement, or ``measured`` for one that says what success is measured by."""
    if _CRITERION.match(requirement.id):
        return MEASURED
    text = plain_text(requirement.text)
    return next(_topics(requirement), None) or ("documentation" if _PAGE.match(text) else classify(text))


def is_topic(requirement: Requirement) -> bool:
    """Whether it is only a heading for what hangs on it, so that its words tell nothing of what it is about."""
    return any(True for _ in _topics(requirement))


def _topics(requirement: Requirement) -> Iterator[str]:
    """The sort of work that a requirement of a few words is the heading of."""
    text = plain_text(requirement.text)
    if len(text.split()) <= 6:
        yield from (kind for kind, topic in _TOPICS if topic.match(text))
