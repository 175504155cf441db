"""Makes task values, and keeps what is suggested about their order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from attrs import define, field

from agent_dispatcher.extension import Requires
from agent_dispatcher.models import ArtifactRef, Requirement, Task

from .effort import SECONDS
from .identity import Identities
from .prose import described, priority

__all__ = ["Making"]


@define
class Making:
    """The tasks of one specification share their ids, so that no two have the same."""

    suggestions: list[Requires] = field(factory=list)
    _identities: Identities = field(factory=Identities)

    def task(
        self,
        title: str,
        kind: str,
        requirements: Sequence[Requirement],
        complexity: float,
        first: Iterable[str] = (),
        *,
        verifies: tuple[str, ...] = (),
        produces: tuple[ArtifactRef, ...] = (),
        consumes: tuple[ArtifactRef, ...] = (),
        group: str = "",
        source: str = "",
    ) -> Task:
        """A task whose description says ``first`` and then everything about its requirements; its id depends on what it says and promises."""
        description = "\n\n".join([*first, *_described(requirements)])
        content = "\n".join([kind, description, *(each.name for each in produces)])
        return Task(
            id=self._identities.take(title, content),
            title=title,
            description=description,
            type=kind,
            requirements=tuple(dict.fromkeys(each.id for each in requirements)),
            verifies=verifies,
            produces=produces,
            consumes=consumes,
            group=group,
            complexity=complexity,
            priority=max(map(priority, requirements), default=0),
            estimate_s=SECONDS * complexity,
            source=source or next((each.source for each in requirements if each.source), ""),
        )

    def suggest(self, before: Task, after: Task, confidence: float, evidence: str, source: str) -> None:
        """``after`` rests on ``before``; ``evidence`` quotes what says so."""
        self.suggestions.append(Requires(before.id, after.id, "logical", confidence, evidence, source))


def _described(requirements: Sequence[Requirement]) -> list[str]:
    """Everything the specification says about them; what several share stands once."""
    said: set[str] = set()
    texts = []
    for each in requirements:
        head, *details = re.split(r"\n(?=Scenario:|Edge case:|Constraint:)", described(each))
        new = [detail for detail in details if detail not in said]
        said.update(new)
        texts.append("\n".join([head, *new]))
    return texts
