"""A wrong test in a whole run: the code writer disputes it, the tester writes it anew, and the code lands against the new one."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.cli.main import cli
from agent_dispatcher.extension import LlmRequest
from agent_dispatcher.models import ArtifactRef, Requirement, Specification, Task
from agent_dispatcher.testing import ScriptedBackend

pytestmark = pytest.mark.sandbox

CODE = "def total(prices):\n    return sum(prices)\n"
TEST = "from shop.prices import total\n\n\ndef test_total():\n    assert total([1, 2]) == {}\n"
NAME = "tests/test_prices.py::test_total"
SPECIFICATION = Specification(
    id="shop",
    title="Shop",
    language="python",
    requirements=(Requirement(id="FR-1", text="The total of some prices is their sum, nothing more."),),
    tasks=(
        Task(
            id="prices",
            title="Write the total",
            requirements=("FR-1",),
            produces=(
                ArtifactRef(type="path", name="src/shop/prices.py"),
                ArtifactRef(type="symbol", name="shop.prices:total"),
            ),
        ),
        Task(
            id="test-prices",
            title="Test the total",
            type="testing",
            requirements=("FR-1",),
            verifies=("prices",),
            produces=(ArtifactRef(type="path", name="tests/test_prices.py"),),
        ),
    ),
)


def answer(request: LlmRequest) -> str:
    """A wrong test at first; code that is right; against the wrong test a dispute."""
    said = "\n".join(message.content for message in request.messages)
    if "You write tests" in said:
        return f"```python\n{TEST.format(3 if 'disputes' in said else 4)}```\n"
    if f"{NAME} fails" in said or "== 4" in said:
        return f'DISPUTE: {NAME}\nThe requirement says "The total of some prices is their sum", and 1 and 2 are 3.'
    return f"```python\n{CODE}```\n"


def test_a_wrong_test_is_written_anew_and_the_code_lands(tmp_path: Path) -> None:
    """Everything is completed and the requirement met; the record, the report and explain say why there is one task more."""
    dispatcher = AgentDispatcher({"llm_client": ScriptedBackend(answer)})
    result = dispatcher.dispatch(SPECIFICATION, output=tmp_path / "out")
    tasks = {task.id: task for task in result.task_results}
    (anew,) = [name for name in tasks if name.endswith("-anew")]
    assert {task.status for task in tasks.values()} == {"completed"}, [task.error for task in tasks.values()]
    assert [each.verdict for each in result.requirements] == ["met"]
    assert result.requirements[0].coverage_percent == 100.0
    assert (tmp_path / "out/tests/test_prices.py").read_text() == TEST.format(3)
    why = f"disputes {NAME}: the specification says “The total of some prices is their sum”"
    assert why in result.revisions[0].why
    (report,) = (tmp_path / "out").glob(".dispatcher/runs/*/report.md")
    assert "the specification says “The total of some prices is their sum”" in report.read_text()
    told = CliRunner().invoke(cli, ["explain", result.run, anew]).output
    assert "which disputes" in " ".join(told.split())
