"""A whole run in JavaScript and in TypeScript: prose becomes code with tests that prove it, through planning, gates, the sandbox, landing and the report."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.extension import LlmRequest
from agent_dispatcher.models import ArtifactRef, Requirement, Specification, Task
from agent_dispatcher.testing import ScriptedBackend

pytestmark = pytest.mark.sandbox

HEAD = 'import test from "node:test";\nimport assert from "node:assert/strict";\n'


def _files(ending: str, numbers: str, text: str) -> dict[str, tuple[str, str]]:
    """Path to what the model says first, which is no work, and what it says when it is sent back."""
    prices = f"export function total(prices{numbers}) {{\n%s}}\n"
    label = f"export function label(name{text}) {{\n%s}}\n"
    test_prices = HEAD + f'import {{ total }} from "../src/shop/prices{ending}";\n\ntest("total", () => {{\n%s}});\n'
    test_labels = HEAD + f'import {{ label }} from "../src/shop/labels{ending}";\n\ntest("label", () => {{\n%s}});\n'
    return {
        f"src/shop/prices{ending}": (
            prices % '  throw new Error("Not implemented");\n',
            prices % "  return prices.reduce((sum, price) => sum + price, 0);\n",
        ),
        f"src/shop/labels{ending}": (label % "  return name;\n", label % "  return name.trim().toUpperCase();\n"),
        f"tests/prices.test{ending}": (
            test_prices % "  assert.ok(true);\n",
            test_prices % "  assert.equal(total([1, 2]), 3);\n  assert.equal(total([]), 0);\n",
        ),
        f"tests/labels.test{ending}": (
            test_labels % '  try { assert.equal(label(" a "), "A"); } catch {}\n',
            test_labels % '  assert.equal(label(" a "), "A");\n',
        ),
    }


def _task(id: str, path: str, requirement: str, *, symbol: str = "", verifies: tuple[str, ...] = ()) -> Task:
    symbols = (ArtifactRef(type="symbol", name=symbol),) if symbol else ()
    return Task(
        id=id,
        title=f"Write {path}",
        type="testing" if verifies else "code_writing",
        requirements=(requirement,),
        verifies=verifies,
        produces=(ArtifactRef(type="path", name=path), *symbols),
    )


def _shop(language: str, ending: str, files: Iterable[str]) -> Specification:
    """As far as ``files`` are written in it."""
    requirements = (
        Requirement(id="FR-1", text="The total of some prices is their sum; of none it is 0.", source="spec.md:1"),
        Requirement(id="FR-2", text="A label is the name in capitals, without blanks around.", source="spec.md:2"),
    )
    tasks = (
        _task("prices", f"src/shop/prices{ending}", "FR-1", symbol="shop/prices:total"),
        _task("labels", f"src/shop/labels{ending}", "FR-2", symbol="shop/labels:label"),
        _task("test-prices", f"tests/prices.test{ending}", "FR-1", verifies=("prices",)),
        _task("test-labels", f"tests/labels.test{ending}", "FR-2", verifies=("labels",)),
    )
    wanted = tuple(task for task in tasks if task.produces[0].name in files)
    served = {name for task in wanted for name in task.requirements}
    return Specification(
        id="shop",
        title="Shop",
        language=language,
        requirements=tuple(each for each in requirements if each.id in served),
        tasks=wanted,
    )


def _prove(language: str, ending: str, files: dict[str, tuple[str, str]], output: Path) -> list[LlmRequest]:
    """Run it, and look at what landed and what was proved."""

    def answer(request: LlmRequest) -> str:
        question = request.messages[1].content
        path = next(path for path in files if re.search(rf"(Files to write:|the whole file) {path}\b", question))
        again = len(request.messages) > 2 or "An earlier attempt was refused" in question
        return f"FILE: {path}\n```\n{files[path][again]}```\n"

    llm = ScriptedBackend(answer)
    dispatcher = AgentDispatcher({"llm_client": llm, "max_parallel_agents": 2, "budget": {"allow_unpriced": True}})
    result = dispatcher.dispatch(_shop(language, ending, files), output=str(output))
    assert result.status == "completed", [(each.id, each.error) for each in result.task_results]
    for path, (_, right) in files.items():
        assert (output / path).read_text() == right
    assert {each.verdict for each in result.requirements} == {"met"}
    assert len(result.task_results) == len(files)
    for each in result.task_results:
        passed = {evidence.check for evidence in each.evidence if evidence.passed}
        proof = {"red-first"} if each.id.startswith("test-") else {"pytest"}
        assert passed >= {"compile", "contract", "doneness"} | proof, each.id
    whole = next(each for each in result.final_evidence if each.check == "pytest")
    assert whole.passed
    assert whole.details["coverage_percent"] == 100.0
    return llm.requests


@pytest.mark.usefixtures("node")
def test_prose_becomes_javascript_that_its_tests_prove(tmp_path: Path) -> None:
    """Stubs and tests that cannot fail are sent back, every task lands with evidence and coverage, and both requirements are met."""
    asked = _prove("javascript", ".js", _files(".js", "", ""), tmp_path / "out")
    said = "\n".join(message.content for request in asked for message in request.messages)
    assert "node:test and node:assert/strict" in said
    assert 'import { total } from "../src/shop/prices.js"' in said
    assert "it only says that it is not there" in said
    assert "asserts only what is always true" in said
    assert "passes although the code under test fails" in said


@pytest.mark.usefixtures("typed")
def test_prose_becomes_typescript_that_its_tests_prove(tmp_path: Path) -> None:
    """Run as it is, with types; what is sent back is told by the test before."""
    files = _files(".ts", ": number[]", ": string")
    right = {path: (text, text) for path, (_, text) in files.items() if "prices" in path}
    _prove("typescript", ".ts", right, tmp_path / "out")
