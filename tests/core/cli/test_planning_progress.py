"""A sign of life while a plan is made: on stderr, only where a model takes its time, and gone or ended when it has answered."""

from __future__ import annotations

import asyncio
import re

import pytest

from agent_dispatcher.cli.planning_progress import PlanningProgress
from agent_dispatcher.extension import LlmRequest

FOURTEEN = LlmRequest.of("?", purpose="decompose", about=[f"R{number}" for number in range(14)])
ONE_TASK = LlmRequest.of("?", purpose="dependencies", about=["a"])
OTHER = LlmRequest.of("?", purpose="names")


def ask(watch: PlanningProgress, *requests: LlmRequest, for_s: float = 0.2, fails: bool = False) -> None:
    async def one(request: LlmRequest) -> None:
        with watch(request):
            await asyncio.sleep(for_s)
            if fails:
                raise OSError

    async def every() -> None:
        await asyncio.gather(*map(one, requests), return_exceptions=True)

    asyncio.run(every())


def test_elsewhere_a_line_at_the_start_and_one_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    """What is asked about, how long it took, and whether there was an answer; nothing on stdout."""
    ask(PlanningProgress(terminal=False, soon_s=0.01), FOURTEEN)
    ask(PlanningProgress(terminal=False, soon_s=0.01), ONE_TASK, fails=True)
    ask(PlanningProgress(terminal=False, soon_s=0.01), OTHER)
    out, err = capsys.readouterr()
    assert out == ""
    assert re.sub(r"\d+ s\b", "N s", err).splitlines() == [
        "asking the model about 14 requirements ...",
        "the model answered after N s",
        "asking the model about 1 task ...",
        "no answer of the model after N s",
        "asking the model (names) ...",
        "the model answered after N s",
    ]


def test_a_terminal_has_one_line_that_goes_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds are counted in place, questions at the same time share the line, and no line is left."""
    monkeypatch.setattr("agent_dispatcher.cli.planning_progress._EVERY_S", 0.05)
    monkeypatch.setenv("COLUMNS", "200")
    ask(PlanningProgress(terminal=True, soon_s=0.01), FOURTEEN, ONE_TASK, for_s=0.5)
    err = capsys.readouterr().err
    assert "\n" not in err
    written = re.sub(r"\d+ s\b", "N s", err).split("\r\x1b[K")
    assert "asking the model about 14 requirements ... N s" in written
    assert "asking the model about 14 requirements (and 1 more) ... N s" in written
    assert written[-1] == ""


def test_what_is_answered_soon_is_not_spoken_of(capsys: pytest.CaptureFixture[str]) -> None:
    """No timer is left that would speak of it later."""
    for terminal in (True, False):
        ask(PlanningProgress(terminal=terminal, soon_s=60.0), FOURTEEN, for_s=0.01)
    assert capsys.readouterr().err == ""
