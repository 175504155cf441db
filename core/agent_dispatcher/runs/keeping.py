"""What is kept of one run beside its events, and what must not be kept: made of the configuration and of the backend in use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from ..config import Config
from ..coordination.state_manager import StateManager
from ..extension.components import Completed, Opened
from ..provenance import Archive, Scrubber, Secrets, scrubber_of
from ..workspace.agent_workspace import TellAccess, TellCommand

__all__ = ["access_log", "archive_of", "command_log", "scrubber_of", "tell_of_plain_keys"]


#: Bytes that the texts of a plan may have: they are in memory, and in the plan's file.
_MOST_OF_A_PLAN: Final = 16 * 1024 * 1024


def tell_of_plain_keys(config: Config, backend: object, warn: Callable[[str], object]) -> None:
    """Say what is named like a key and is not hidden."""
    plain = Secrets.of(config, backend).plain
    if plain:
        warn(
            f"not hidden, because the value is an ordinary word or too short: {', '.join(plain)}; if it is a key, choose a better one; "
            "a variable that is named in provenance.secrets is hidden even if it is a word, one in provenance.not_secrets is not mentioned"
        )


def archive_of(
    config: Config, run_dir: Path | None, scrubber: Scrubber, warn: Callable[[str], object]
) -> Archive | None:
    """Where texts of a run (without ``run_dir``: of a plan) are kept; ``None`` when they are not to be. Nothing is made on disk before the first."""
    settings = config.provenance
    if not settings.keep:
        return None
    most = settings.max_bytes if run_dir is not None else min(settings.max_bytes, _MOST_OF_A_PLAN)
    return Archive(run_dir, scrubber, most, warn)


def access_log(state: StateManager, archive: Archive | None) -> TellAccess | None:
    """Records what programs that work for agents ask for, also of an agent in a thread. To be made on the run's loop."""
    if archive is None:
        return None
    home = asyncio.get_running_loop()

    def record(opened: Opened, what: str, subject: str, granted: bool) -> None:
        data = {"what": what, "subject": archive.words((subject,))[0], "granted": granted}
        state.append("access.asked", task=opened.task, attempt=opened.attempt, data=data)

    def tell(opened: Opened, what: str, subject: str, granted: bool) -> None:
        if opened.task:
            _at(home, partial(record, opened, what, subject, granted))

    return tell


def command_log(state: StateManager, archive: Archive | None) -> TellCommand | None:
    """Records each command that an agent ran, also one that ran in a thread with a loop of its own. To be made on the run's loop."""
    if archive is None:
        return None
    home = asyncio.get_running_loop()

    def record(opened: Opened, argv: tuple[str, ...], completed: Completed) -> None:
        data = {
            "argv": archive.words(argv),
            "code": completed.code,
            "limit_hit": completed.limit_hit,
            "took_s": round(completed.duration_s, 6),
            "stdout": archive.output(completed.stdout),
            "stderr": archive.output(completed.stderr),
        }
        state.append("command.ran", task=opened.task, attempt=opened.attempt, data=data)

    def tell(opened: Opened, argv: tuple[str, ...], completed: Completed) -> None:
        if opened.task:
            _at(home, partial(record, opened, argv, completed))

    return tell


def _at(home: asyncio.AbstractEventLoop, record: Callable[[], None]) -> None:
    """On the run's loop: now, or when it turns next for whoever is in another thread. Without it nobody keeps a record any more."""
    try:
        here = asyncio.get_running_loop()
    except RuntimeError:  # a thread without a loop
        here = None
    if here is home:
        record()
        return
    with suppress(RuntimeError):  # the loop has gone
        home.call_soon_threadsafe(record)
