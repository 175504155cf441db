"""Cuts a specification that is too large for one question into parts: runs of requirements, in reading order.

What stands together in a specification belongs together, so a part ends where a group ends (another file, another prefix of the ids) when that is not too early.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent_dispatcher.models import Requirement

from ...prompting.asking import tokens

__all__ = ["parts", "weight"]

#: Characters that the template puts around what a requirement says.
_FRAME = 24


def weight(requirement: Requirement) -> int:
    """Estimated tokens of a requirement in a question."""
    texts = [requirement.id, requirement.text, requirement.priority, *requirement.edge_cases, *requirement.constraints]
    for scenario in requirement.scenarios:
        texts += [scenario.title, *scenario.given, *scenario.when, *scenario.then]
    return sum(tokens(text) + _FRAME // 3 for text in texts)


def parts(requirements: Sequence[Requirement], *, most_tokens: int, most: int) -> list[tuple[Requirement, ...]]:
    """Runs of at most ``most`` requirements and ``most_tokens`` tokens; a single one that is larger stands alone."""
    result: list[tuple[Requirement, ...]] = []
    current: list[Requirement] = []
    filled = 0
    for group in _groups(requirements):
        sizes = [weight(each) for each in group]
        fits = filled + sum(sizes) <= most_tokens and len(current) + len(group) <= most
        if current and not fits and (filled * 2 > most_tokens or len(current) * 2 > most):
            result.append(tuple(current))
            current, filled = [], 0
        for requirement, size in zip(group, sizes, strict=True):
            if current and (filled + size > most_tokens or len(current) == most):
                result.append(tuple(current))
                current, filled = [], 0
            current.append(requirement)
            filled += size
    return [*result, tuple(current)] if current else result


def _groups(requirements: Sequence[Requirement]) -> Iterator[list[Requirement]]:
    group: list[Requirement] = []
    for requirement in requirements:
        if group and _key(requirement) != _key(group[-1]):
            yield group
            group = []
        group.append(requirement)
    if group:
        yield group


def _key(requirement: Requirement) -> tuple[str, str]:
    """The file it stands in, and what its id begins with: ``FR`` of ``FR-001``, ``2`` of ``2.3``."""
    return requirement.source.rpartition(":")[0], re.split(r"[-.\s]?\d+\w?$", requirement.id, maxsplit=1)[0]
