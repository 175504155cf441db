"""Topics and patterns: a pattern is a topic in which ``*`` stands for any characters, as in ``task.*``.

Topics that begin with ``$`` are the bus's own: no one else may publish on them, and no pattern covers them but one that begins with ``$`` too.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..errors import RunError

__all__ = ["OWN", "check_topic", "matcher"]

#: How topics of the bus itself begin.
OWN = "$"


def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a topic is covered by ``pattern``."""
    if "*" not in pattern:
        return pattern.__eq__
    fits = re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL).fullmatch
    own = pattern.startswith(OWN)
    return lambda topic: topic.startswith(OWN) is own and fits(topic) is not None


def check_topic(topic: str) -> None:
    """Refuse a topic that nobody may publish on.

    Raises:
        RunError: it is empty, a pattern, or the bus's own.
    """
    if not topic or "*" in topic or topic.startswith(OWN):
        raise RunError(
            f"nothing can be published on the topic {topic!r}: a topic is not empty, holds no * and does not begin with {OWN}"
        )
