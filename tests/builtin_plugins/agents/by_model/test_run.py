"""A whole run with a model: prose becomes code with tests that prove it, through planning, gates, landing and the report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.extension import LlmRequest
from agent_dispatcher.models import ArtifactRef, Requirement, Specification, Task
from agent_dispatcher.testing import ScriptedBackend

pytestmark = pytest.mark.sandbox

CODE = {
    "src/shop/prices.py": (
        "def total(prices):\n    raise NotImplementedError\n",
        "def total(prices):\n    return sum(prices)\n",
    ),
    "src/shop/labels.py": (
        "def label(name):\n    return name\n",
        "def label(name):\n    return name.strip().upper()\n",
    ),
}
TESTS = {
    "tests/test_prices.py": (
        "from shop.prices import total\n\n\ndef test_total():\n    assert True\n",
        "from shop.prices import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n    assert total([]) == 0\n",
    ),
    "tests/test_labels.py": (
        'from shop.labels import label\n\n\ndef test_label():\n    try:\n        assert label(" a ") == "A"\n    except AssertionError:\n        pass\n',
        'from shop.labels import label\n\n\ndef test_label():\n    assert label(" a ") == "A"\n',
    ),
}


def task(id: str, path: str, requirement: str, *, symbol: str = "", verifies: tuple[str, ...] = ()) -> Task:
    """A task that promises one file."""
    symbols = (ArtifactRef(type="symbol", name=symbol),) if symbol else ()
    return Task(
        id=id,
        title=f"Write {path}",
        type="testing" if verifies else "code_writing",
        requirements=(requirement,),
        verifies=verifies,
        produces=(ArtifactRef(type="path", name=path), *symbols),
    )


SPECIFICATION = Specification(
    id="shop",
    title="Shop",
    language="python",
    requirements=(
        Requirement(id="FR-1", text="The total of some prices is their sum; of none it is 0.", source="spec.md:1"),
        Requirement(id="FR-2", text="A label is the name in capitals, without blanks around it.", source="spec.md:2"),
    ),
    tasks=(
        task("prices", "src/shop/prices.py", "FR-1", symbol="shop.prices:total"),
        task("labels", "src/shop/labels.py", "FR-2", symbol="shop.labels:label"),
        task("test-prices", "tests/test_prices.py", "FR-1", verifies=("prices",)),
        task("test-labels", "tests/test_labels.py", "FR-2", verifies=("labels",)),
    ),
)


def answer(request: LlmRequest) -> str:
    """First something that proves nothing, then, when it was sent back or refused, what is right."""
    question = request.messages[1].content
    path = next(path for path in (*CODE, *TESTS) if re.search(rf"(Files to write:|the whole file) {path}\b", question))
    wrong, right = {**CODE, **TESTS}[path]
    again = len(request.messages) > 2 or "An earlier attempt was refused" in question
    return f"FILE: {path}\n```python\n{right if again else wrong}```\n"


def test_prose_becomes_code_that_its_tests_prove(tmp_path: Path) -> None:
    """Stubs and empty tests are sent back, every task lands with evidence, and both requirements are met."""
    llm = ScriptedBackend(answer)
    dispatcher = AgentDispatcher({"llm_client": llm, "max_parallel_agents": 2, "budget": {"allow_unpriced": True}})
    result = dispatcher.dispatch(SPECIFICATION, output=str(tmp_path / "out"))
    assert result.status == "completed", [(each.task, each.error) for each in result.task_results.values()]
    for path, (_, right) in {**CODE, **TESTS}.items():
        assert (tmp_path / "out" / path).read_text() == right
    verdicts: Any = {each.id: each.verdict for each in result.requirements}
    assert verdicts == {"FR-1": "met", "FR-2": "met"}
    purposes = sorted(request.purpose for request in llm.requests)
    assert purposes.count("testing") == 4
    assert 4 <= purposes.count("code_writing") <= 5
