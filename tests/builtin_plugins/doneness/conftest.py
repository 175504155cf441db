"""What the tests of this folder share: judging a result that leaves some texts where others were."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from agent_dispatcher.extension import Objection
from agent_dispatcher.models import ArtifactRef, Task
from agent_dispatcher_builtins.doneness.judging import objections_to
from agent_dispatcher_builtins.languages.python.language import Python

Judge = Callable[..., tuple[Objection, ...]]


@pytest.fixture
def judge() -> Judge:
    """Objections of a Python project; texts or bytes by path, after and before.

    Each is judged twice, as the check does, which can see all that was, and as the rounds of a writer do, which know of what they replaced.
    """

    def judged(
        after: Mapping[str, str | bytes],
        before: Mapping[str, str | bytes] | None = None,
        *,
        type: str = "code_writing",
        promises: tuple[str, ...] = (),
    ) -> tuple[Objection, ...]:
        old, new = _bytes(before or {}), _bytes(after)
        task = Task(
            id="t", title="T", type=type, produces=tuple(ArtifactRef(type="path", name=path) for path in promises)
        )

        changed = [path for path in {*old, *new} if old.get(path) != new.get(path)]

        def found(known: Mapping[str, bytes]) -> tuple[Objection, ...]:
            async def earlier(path: str) -> bytes | None:
                return known.get(path)

            return asyncio.run(
                objections_to(task, changed, now=new.get, before=earlier, language=Python(), tree=lambda: new)
            )

        at_landing, in_a_round = found(old), found({path: old[path] for path in changed if path in old})
        assert at_landing == in_a_round, "who writes is told the same as who lands"
        return at_landing

    return judged


def _bytes(texts: Mapping[str, str | bytes]) -> dict[str, bytes]:
    return {path: text if isinstance(text, bytes) else text.encode() for path, text in texts.items()}
