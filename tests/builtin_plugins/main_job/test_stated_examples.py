"""A stranger's agent that writes code for the one example that is tested: nothing of it lands, and the report says what was looked at."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.agents import AgentContext, AgentResult, SyncAgent
from agent_dispatcher.cli.summary import print_summary
from agent_dispatcher.extension import AgentType, DispatcherSpecs, hookimpl
from agent_dispatcher.models import ExecutionResult, Task
from agent_dispatcher_builtins import default_plugins

pytestmark = [pytest.mark.sandbox, pytest.mark.main_job]

SPECIFICATION = {
    "format": "agent-dispatcher/specification",
    "version": 1,
    "title": "Prices",
    "requirements": [{"id": "R1", "text": "`discount(1000, 25)` returns `750`, `discount(999, 50)` returns `499`."}],
    "tasks": [
        {"id": "T1", "title": "Implement the discount", "type": "code_writing", "requirements": ["R1"],
         "produces": [{"path": "src/shop/prices.py"}, {"symbol": "shop.prices:discount"}]},
        {"id": "T2", "title": "Test the discount", "type": "testing", "requirements": ["R1"], "verifies": ["T1"],
         "produces": [{"path": "tests/test_prices.py"}]},
    ],
}  # fmt: skip
CHEAT = "def discount(cents, percent):\n    return 499 if cents == 999 else 700\n"
HONEST = "def discount(cents, percent):\n    return cents * (100 - percent) // 100\n"
TEST = "from shop.prices import discount\n\n\ndef test_discount():\n    assert discount(999, 50) == 499\n"


class Stranger(DispatcherSpecs):
    """A plugin with one agent type, whose code is what the test says."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.told: list[str] = []

    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        """Writes code and a test of one of two examples."""
        plugin = self

        class Writer(SyncAgent):
            def execute(self, task: Task, context: AgentContext) -> AgentResult:
                plugin.told.append(context.feedback)
                path, text = (
                    ("tests/test_prices.py", TEST) if task.type == "testing" else ("src/shop/prices.py", plugin.code)
                )
                context.workspace.write_text(path, text)
                return AgentResult(status="done", summary="done")

        def make(options: Any, services: Any) -> Writer:
            return Writer()

        yield AgentType(
            name="stranger", summary="Writes.", factory=make, task_types={"code_writing", "testing"}, default_rank=1
        )


def dispatched(code: str, output: Path) -> tuple[ExecutionResult, Stranger]:
    stranger = Stranger(code)
    config = {"use": {"agent_types": ["stranger"]}, "coordinator": {"backoff_base_s": 0, "max_attempts": 2}}
    dispatcher = AgentDispatcher(config, plugins=[*default_plugins(), ("stranger", stranger)], discover=False)
    return dispatcher.dispatch(SPECIFICATION, output=str(output)), stranger


def test_an_example_that_no_test_looks_at_refuses_the_work(tmp_path: Path) -> None:
    """Both values are named, to the next attempt as well, and the requirement is not met."""
    result, stranger = dispatched(CHEAT, tmp_path)
    assert result.status == "failed"
    assert [each.verdict for each in result.requirements] == ["not_met"]
    said = "`discount(1000, 25)` returns `750` (R1, dict:6): it gave 700"
    assert said in "\n".join(each.error or "" for each in result.task_results)
    assert said in "\n".join(stranger.told)


def test_honest_work_lands_and_the_reports_say_what_was_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """How many examples hold, and that a text says more than its tests."""
    result, _ = dispatched(HONEST, tmp_path)
    assert result.status == "completed", result.task_results
    print_summary(result)
    shown = [capsys.readouterr().out, *(path.read_text() for path in tmp_path.glob(".dispatcher/runs/*/report.*[dl]"))]
    assert len(shown) == 3
    for text in shown:
        assert "2 of 2 examples of the text hold" in text
        assert "what the tests leave out of a text nobody has proven" in text
        assert "each by a check that passed" not in text
