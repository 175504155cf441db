"""A sandbox that remembers what one check ran in it: the evidence says by which commands it came about."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..extension.components import Completed, Limits, Sandbox

__all__ = ["WatchedSandbox", "commands_under_way"]

#: So many commands of one check are remembered, so many words of one, and so many characters of a word.
_COMMANDS: Final = 20
_WORDS: Final = 40
_LETTERS: Final = 300


_under_way = 0


def commands_under_way() -> int:
    """Commands of checks that run now, in all runs of this process."""
    return _under_way


class WatchedSandbox:
    """See :class:`agent_dispatcher.extension.Sandbox`.

    Attributes:
        ran: the commands in the order of their ends, as JSON values: ``argv``, ``code``, ``took_s``, and ``limit_hit`` where one was.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.tier = sandbox.tier
        self.ran: list[dict[str, Any]] = []

    async def probe(self) -> None:
        """Of the sandbox itself."""
        await self._sandbox.probe()

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        writable: Sequence[Path] = (),
        read_only: Sequence[Path] = (),
        env: Mapping[str, str] | None = None,
        sockets: Sequence[Path] = (),
        limits: Limits | None = None,
    ) -> Completed:
        """As in the sandbox itself."""
        global _under_way
        _under_way += 1
        try:
            done = await self._sandbox.run(
                argv, cwd=cwd, writable=writable, read_only=read_only, env=env, sockets=sockets, limits=limits
            )
        except asyncio.CancelledError:
            self._remember(argv, Completed(code=-1, stdout="", stderr="", limit_hit="cancelled"))
            raise
        finally:
            _under_way -= 1
        self._remember(argv, done)
        return done

    def _remember(self, argv: Sequence[str], done: Completed) -> None:
        if len(self.ran) == _COMMANDS:
            return
        words = [str(word) if len(word) <= _LETTERS else f"{word[:_LETTERS]}…" for word in argv[:_WORDS]]
        left = len(argv) - len(words)
        ran = {"argv": [*words, f"… and {left} more"] if left else words, "code": done.code}
        self.ran.append({**ran, "took_s": round(done.duration_s, 3), **_limit(done)})


def _limit(done: Completed) -> dict[str, str]:
    return {"limit_hit": done.limit_hit} if done.limit_hit else {}
