"""What is put on record beside the events of the engine."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.extension.components import Opened
from agent_dispatcher.provenance import Archive, Scrubber
from agent_dispatcher.runs.keeping import access_log


class State:
    """Notes who appends."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def append(self, kind: str, **more: Any) -> None:
        self.seen.append((more["data"]["subject"], threading.get_ident()))


@pytest.mark.parametrize("own_loop", [False, True])
def test_what_is_asked_in_a_thread_is_recorded_on_the_runs_loop(tmp_path: Path, own_loop: bool) -> None:
    """With and without a loop there: only one thread writes the log. What is asked when the run has gone hurts nobody."""
    state: Any = State()
    opened = Opened(task="t", attempt=1, path=tmp_path, base="")
    archive = Archive(tmp_path, Scrubber(), 10**6, print)

    async def run() -> Any:
        tell = access_log(state, archive)
        assert tell is not None
        tell(opened, "read", "here", True)

        async def there() -> None:
            tell(opened, "read", "there", True)

        if own_loop:
            await asyncio.to_thread(asyncio.run, there())
        else:
            await asyncio.to_thread(tell, opened, "read", "there", True)
        await asyncio.sleep(0)
        return tell

    tell = asyncio.run(run())
    tell(opened, "read", "too late", True)
    assert state.seen == [(subject, threading.get_ident()) for subject in ("here", "there")]
