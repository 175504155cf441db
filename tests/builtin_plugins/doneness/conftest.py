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
    """Objections of a Python project; texts or bytes by path, after and before."""

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

        async def earlier(path: str) -> bytes | None:
            return old.get(path)

        changed = [path for path in {*old, *new} if old.get(path) != new.get(path)]
        return asyncio.run(
            objections_to(task, changed, now=new.get, before=earlier, language=Python(), tree=lambda: new)
        )

    return judged


def _bytes(texts: Mapping[str, str | bytes]) -> dict[str, bytes]:
    return {path: text if isinstance(text, bytes) else text.encode() for path, text in texts.items()}
